/* The page that tests/hostile_backend.c delivers, for whoever compares with it. */
#ifndef ALTAKT_TESTS_HOSTILE_H
#define ALTAKT_TESTS_HOSTILE_H

#include <stdint.h>

/* Byte i of line y, side 0 or 1. */
static inline uint8_t hostile_byte(int side, long y, long i)
{
	return (uint8_t)(side * 101 + y * 31 + i * 7);
}

#endif
