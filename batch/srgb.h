/* The sRGB profile (IEC 61966-2-1) for the output intent of every PDF; made at build time from
 * sRGB.icc. */
#ifndef ALTAKT_BATCH_SRGB_H
#define ALTAKT_BATCH_SRGB_H

#include <stddef.h>

extern const unsigned char srgb_profile[];
extern const size_t srgb_profile_bytes;

#endif
