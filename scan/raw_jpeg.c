/* JPEG by libjpeg-turbo, straight into Leptonica's pixels. */
#include <allheaders.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "config/text.h"
#include "scan/raw_decode.h"

struct jpeg_reader {
	struct jpeg_decompress_struct cinfo;
	struct jpeg_error_mgr errors;
	struct jpeg_progress_mgr progress;
	jmp_buf out;
	char why[JMSG_LENGTH_MAX];
	PIX *pix;
	uint8_t *line;
};

static void jpeg_failed(j_common_ptr cinfo)
{
	struct jpeg_reader *r = cinfo->client_data;

	if (!r->why[0])
		cinfo->err->format_message(cinfo, r->why);
	longjmp(r->out, 1);
}

static void jpeg_printed(j_common_ptr cinfo)
{
}

/* libjpeg fills what is missing with grey and only warns; for a record that is a failure. */
static void jpeg_said(j_common_ptr cinfo, int level)
{
	if (level >= 0)
		return;
	switch (cinfo->err->msg_code) {
	case JWRN_EXTRANEOUS_DATA:
	case JWRN_ADOBE_XFORM:
	case JWRN_JFIF_MAJOR:
	case JWRN_BOGUS_PROGRESSION: return;
	default: jpeg_failed(cinfo);
	}
}

/* A small progressive file can ask for any number of passes over a large image. */
static void jpeg_pass(j_common_ptr cinfo)
{
	struct jpeg_reader *r = cinfo->client_data;

	if (r->cinfo.input_scan_number > 200) {
		snprintf(r->why, sizeof r->why, "%s", _("it has more than 200 scans"));
		longjmp(r->out, 1);
	}
}

static void header_use(struct jpeg_reader *r, struct raw_picture *out)
{
	const struct jpeg_decompress_struct *c = &r->cinfo;

	out->orientation = 1;
	if (c->saw_JFIF_marker && (c->density_unit == 1 || c->density_unit == 2) &&
	    c->X_density > 1 && c->Y_density > 1) {
		double scale = c->density_unit == 2 ? 2.54 : 1;
		out->x_dpi = c->X_density * scale;
		out->y_dpi = c->Y_density * scale;
	}
	for (jpeg_saved_marker_ptr m = c->marker_list; m; m = m->next)
		if (m->marker == JPEG_APP0 + 1 && m->data_length > 6 &&
		    memcmp(m->data, "Exif\0\0", 6) == 0) {
			raw_exif_read(m->data + 6, m->data_length - 6, out);
			break;
		}
}

static void lines_read(struct jpeg_reader *r)
{
	struct jpeg_decompress_struct *c = &r->cinfo;
	size_t wpl = (size_t)pixGetWpl(r->pix);

	while (c->output_scanline < c->output_height) {
		l_uint32 *to = pixGetData(r->pix) + wpl * c->output_scanline;
		JSAMPROW row = (JSAMPROW)to;
		jpeg_read_scanlines(c, &row, 1);
	}
}

static bool jpeg_run(FILE *file, const char *path, uint64_t limit_pixels, bool pixels,
    struct raw_picture *out, struct error *err)
{
	struct jpeg_reader *r = calloc(1, sizeof *r);
	volatile bool ok = false; /* outlives longjmp() */

	if (!r)
		return error_errno(err, NULL, _("cannot read the image '%s'"), path);
	r->cinfo.err = jpeg_std_error(&r->errors);
	r->errors.error_exit = jpeg_failed;
	r->errors.output_message = jpeg_printed;
	r->errors.emit_message = jpeg_said;
	r->progress.progress_monitor = jpeg_pass;
	if (setjmp(r->out)) {
		char why[JMSG_LENGTH_MAX + 100];
		snprintf(why, sizeof why, "%s: %s", _("the file is damaged or cut short"), r->why);
		raw_refuse(err, path, why);
		goto done;
	}
	r->cinfo.client_data = r;
	jpeg_create_decompress(&r->cinfo);
	r->cinfo.client_data = r;
	r->cinfo.progress = &r->progress;
	r->cinfo.mem->max_memory_to_use = 2000000000L;
	jpeg_stdio_src(&r->cinfo, file);
	jpeg_save_markers(&r->cinfo, JPEG_APP0 + 1, 0xFFFF);
	jpeg_read_header(&r->cinfo, TRUE);
	if (!raw_size_check(path, r->cinfo.image_width, r->cinfo.image_height, limit_pixels, err))
		goto done;
	if (r->cinfo.num_components == 4) {
		raw_refuse(err, path,
		    _("it is CMYK, made for print: its colours on a screen depend on a printing "
		      "profile; export it as RGB or grey"));
		goto done;
	}
	if (r->cinfo.num_components != 1 && r->cinfo.num_components != 3) {
		raw_refuse(err, path, _("it has neither one nor three channels"));
		goto done;
	}
	header_use(r, out);
	if (pixels) {
		bool grey = r->cinfo.num_components == 1;
		/* the bytes of Leptonica's 0xRRGGBB00 as this machine stores them */
		r->cinfo.out_color_space = grey			? JCS_GRAYSCALE
		    : __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? JCS_EXT_XBGR
								: JCS_EXT_RGBX;
		if (!raw_pix_make((int)r->cinfo.image_width, (int)r->cinfo.image_height,
			grey ? 8 : 32, &r->pix, err))
			goto done;
		jpeg_start_decompress(&r->cinfo);
		lines_read(r);
		jpeg_finish_decompress(&r->cinfo);
		if (grey)
			pixEndianByteSwap(r->pix);
		else
			pixSetSpp(r->pix, 3);
		out->pix = r->pix;
		r->pix = NULL;
	}
	ok = true;
done:
	jpeg_destroy_decompress(&r->cinfo);
	pixDestroy(&r->pix);
	free(r);
	return ok;
}

static bool jpeg_read(FILE *file, const char *path, int page, uint64_t limit_pixels,
    struct raw_picture *out, struct error *err)
{
	if (page != 0)
		return raw_refuse(err, path, _("a JPEG has only one page"));
	return jpeg_run(file, path, limit_pixels, true, out, err);
}

static bool jpeg_pages(FILE *file, const char *path, int *n_pages, struct error *err)
{
	struct raw_picture picture = {0};

	if (!jpeg_run(file, path, UINT64_MAX, false, &picture, err))
		return false;
	*n_pages = 1;
	return true;
}

const struct raw_decoder raw_decoder_jpeg = {"JPEG", jpeg_read, jpeg_pages};
