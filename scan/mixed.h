/*
 * Mixed raster: a page as a reduced backdrop of its paper, its pictures at their own resolution,
 * and its ink as stencils of full resolution, one for each colour. (The model is ITU-T T.44; the
 * layers lie in the PDF as images and stencil masks, without transparency.)
 */
#ifndef ALTAKT_SCAN_MIXED_H
#define ALTAKT_SCAN_MIXED_H

#include "scan/encode.h"
#include "scan/sight.h"

/* False for pages so small or so coarse that layers would win nothing. */
bool mixed_worthwhile(const struct Pix *page, double dpi, const struct encode_options *options);

/*
 * page    depth 8 or 32, worthwhile; sight is its own
 * colour  three channels; else grey
 * out     has width, height and dpi; its layers are added
 * sure    false: ink and pictures cannot be told apart here, no layer was added
 */
bool mixed_encode(const struct Pix *page, const struct sight *sight, bool colour,
    const struct encode_options *options, struct encoded_page *out, bool *sure, struct error *err);

#endif
