#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jpeglib.h>

#include <jerror.h>
#include <setjmp.h>

#include "config/text.h"
#include "scan/paper_image.h"

#define SCANS_LIMIT 500 /* a progressive file of 64 kB can ask for a day of decoding */

struct jpeg {
	struct jpeg_error_mgr errors; /* first: libjpeg hands back its address */
	struct jpeg_progress_mgr progress;
	struct jpeg_decompress_struct dec;
	jmp_buf back;
	FILE *file;
	bool torn; /* libjpeg went on where the data was missing */
	char text[JMSG_LENGTH_MAX];
};

static void jpeg_fail(j_common_ptr dec)
{
	struct jpeg *jpeg = (struct jpeg *)dec->err;

	dec->err->format_message(dec, jpeg->text);
	longjmp(jpeg->back, 1);
}

static void jpeg_message(j_common_ptr dec, int level)
{
	struct jpeg *jpeg = (struct jpeg *)dec->err;

	if (level < 0 &&
	    (dec->err->msg_code == JWRN_JPEG_EOF || dec->err->msg_code == JWRN_HIT_MARKER)) {
		if (!jpeg->torn)
			dec->err->format_message(dec, jpeg->text);
		jpeg->torn = true;
	}
}

static void jpeg_progress(j_common_ptr dec)
{
	struct jpeg *jpeg = (struct jpeg *)dec->err;

	if (jpeg->dec.input_scan_number > SCANS_LIMIT) {
		snprintf(jpeg->text, sizeof jpeg->text, "more than %d scans", SCANS_LIMIT);
		longjmp(jpeg->back, 1);
	}
}

static bool jpeg_error(const struct jpeg *jpeg, struct error *err)
{
	return error_set(err, ERROR_INPUT, NULL, _("the JPEG is damaged: %s"), jpeg->text);
}

static void jpeg_density(struct paper_image *image, const struct jpeg_decompress_struct *dec)
{
	double unit = dec->density_unit == 1 ? 1 : dec->density_unit == 2 ? 2.54 : 0;

	if (!dec->saw_JFIF_marker)
		return;
	image->x_dpi = dec->X_density * unit;
	image->y_dpi = dec->Y_density * unit;
}

static bool jpeg_start(struct paper_image *image, struct jpeg *jpeg, struct error *err)
{
	struct jpeg_decompress_struct *dec = &jpeg->dec;

	if (setjmp(jpeg->back))
		return jpeg_error(jpeg, err);
	jpeg_create_decompress(dec);
	dec->progress = &jpeg->progress;
	dec->mem->max_memory_to_use = (long)PAPER_LIMIT_HELD_BYTES;
	jpeg_stdio_src(dec, jpeg->file);
	jpeg_read_header(dec, TRUE);
	if (!paper_image_size(image, dec->image_width, dec->image_height, err))
		return false;
	if (dec->jpeg_color_space == JCS_CMYK || dec->jpeg_color_space == JCS_YCCK)
		return error_set(
		    err, ERROR_INPUT, NULL, _("the JPEG is CMYK: no scanner delivers that"));
	dec->out_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_density(image, dec);
	return true;
}

static bool jpeg_open(struct paper_image *image, int fd, struct error *err)
{
	struct jpeg *jpeg = calloc(1, sizeof *jpeg);

	if (!jpeg || !(jpeg->file = fdopen(fd, "rb"))) {
		error_errno(err, NULL, _("cannot open the image"));
		close(fd);
		free(jpeg);
		return false;
	}
	jpeg->dec.err = jpeg_std_error(&jpeg->errors);
	jpeg->errors.error_exit = jpeg_fail;
	jpeg->errors.emit_message = jpeg_message;
	jpeg->progress.progress_monitor = jpeg_progress;
	image->self = jpeg;
	return jpeg_start(image, jpeg, err);
}

static bool jpeg_line(struct paper_image *image, uint8_t *line, struct error *err)
{
	struct jpeg *jpeg = image->self;
	JSAMPROW rows[1] = {line};

	if (setjmp(jpeg->back))
		return jpeg_error(jpeg, err);
	/* Only now: whoever asks for the size alone does not pay for the tables. */
	if (image->n_read == 0)
		jpeg_start_decompress(&jpeg->dec);
	if (jpeg_read_scanlines(&jpeg->dec, rows, 1) != 1 || jpeg->torn)
		return jpeg_error(jpeg, err);
	return true;
}

static void jpeg_close(struct paper_image *image)
{
	struct jpeg *jpeg = image->self;

	if (!setjmp(jpeg->back))
		jpeg_destroy_decompress(&jpeg->dec);
	fclose(jpeg->file);
	free(jpeg);
}

const struct paper_decoder paper_decoder_jpeg = {"JPEG", jpeg_open, jpeg_line, jpeg_close};
