/*
 * File numbers (Aktenzeichen): any UTF-8 of 1 to 64 bytes without control characters. They come
 * from outside and are never trusted: names of files and folders are made from them escaped only.
 */
#ifndef ALTAKT_CONFIG_FILE_NUMBER_H
#define ALTAKT_CONFIG_FILE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/error.h"

#define FILE_NUMBER_SIZE  65  /* 64 bytes and the NUL */
#define FILE_ESCAPED_SIZE 193 /* each byte may become =XX */
#define FILE_KEY_SIZE	  257 /* folding may lengthen */

/*
 * A number has at least one character that is neither blank nor invisible.
 * ERROR_INPUT says which rule is broken; the number is quoted cut and escaped.
 */
bool file_number_check(const char *number, struct error *err);

/*
 * The name of its folder: every byte but A-Z a-z 0-9 - _ and a dot that is not the first
 * character becomes =XX. number must have passed file_number_check().
 */
void file_number_escape(const char *number, char escaped[FILE_ESCAPED_SIZE]);

/* The reverse, checked. False where escaped is not what file_number_escape() writes. */
bool file_number_unescape(const char *escaped, char number[FILE_NUMBER_SIZE]);

/*
 * The key by which two spellings are the same file: NFC, blanks (Unicode Zs and tabs) removed,
 * case folded (Unicode default case folding: ß is ss), characters that nobody sees removed
 * (Default_Ignorable: soft hyphen, zero-width space, direction marks). The key of a key is the key.
 * "" for what has not passed file_number_check().
 */
void file_number_key(const char *number, char key[FILE_KEY_SIZE]);

/* Batch and station names: [A-Za-z0-9][A-Za-z0-9._-]{0,63}. */
bool batch_name_check(const char *name, struct error *err);

#endif
