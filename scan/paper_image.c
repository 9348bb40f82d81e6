#include "scan/paper_image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/text.h"

static const struct paper_decoder *decoder_find(const uint8_t *head, size_t n)
{
	static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

	if (n >= 3 && head[0] == 0xff && head[1] == 0xd8 && head[2] == 0xff)
		return &paper_decoder_jpeg;
	if (n >= sizeof png && memcmp(head, png, sizeof png) == 0)
		return &paper_decoder_png;
	if (n >= 4 &&
	    (memcmp(head, "II\x2a\0", 4) == 0 || memcmp(head, "MM\0\x2a", 4) == 0 ||
		memcmp(head, "II\x2b\0", 4) == 0 || memcmp(head, "MM\0\x2b", 4) == 0))
		return &paper_decoder_tiff;
	return NULL;
}

bool paper_image_size(
    struct paper_image *image, uint64_t width_px, uint64_t height_px, struct error *err)
{
	if (width_px == 0 || height_px == 0)
		return error_set(err, ERROR_INPUT, NULL,
		    _("the image is empty: %llu x %llu pixels"), (unsigned long long)width_px,
		    (unsigned long long)height_px);
	if (width_px > INT_MAX / 8 || height_px > INT_MAX / 8 ||
	    width_px * height_px > PAPER_LIMIT_PIXELS)
		return error_set(err, ERROR_INPUT, NULL,
		    _("the image is too large: %llu x %llu pixels, the limit is %llu million"),
		    (unsigned long long)width_px, (unsigned long long)height_px,
		    (unsigned long long)(PAPER_LIMIT_PIXELS / 1000000));
	image->width_px = (int)width_px;
	image->height_px = (int)height_px;
	return true;
}

bool paper_image_open(const char *path, int channels, struct paper_image *out, struct error *err)
{
	struct paper_image image = {.channels = channels};
	uint8_t head[16];
	struct stat st;
	bool ok = false;

	/* Without waiting: a pipe of that name would otherwise hold the feeder for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		error_errno(err, NULL, _("cannot open the image"));
		goto done;
	}
	if (fstat(fd, &st) != 0) {
		error_errno(err, NULL, _("cannot open the image"));
		goto done;
	}
	if (!S_ISREG(st.st_mode)) {
		error_set(err, ERROR_INPUT, NULL, _("not a regular file"));
		goto done;
	}
	ssize_t n = pread(fd, head, sizeof head, 0);
	if (n < 0) {
		error_errno(err, NULL, _("cannot read the image"));
		goto done;
	}
	image.decoder = decoder_find(head, (size_t)n);
	if (!image.decoder) {
		error_set(err, ERROR_INPUT, NULL, _("not an image: neither JPEG, PNG nor TIFF"));
		goto done;
	}
	int taken = fd;
	fd = -1;
	if (!image.decoder->open(&image, taken, err))
		goto done;
	*out = image;
	image = (struct paper_image){0};
	ok = true;
done:
	if (fd >= 0)
		close(fd);
	paper_image_close(&image);
	if (!ok)
		error_where(err, "%s", path);
	return ok;
}

bool paper_image_line(struct paper_image *image, uint8_t *line, struct error *err)
{
	if (image->n_read >= image->height_px)
		return error_set(err, ERROR_INPUT, NULL, _("the image has no further line"));
	if (!image->decoder->line(image, line, err))
		return false;
	image->n_read++;
	return true;
}

void paper_image_close(struct paper_image *image)
{
	if (image->decoder && image->self)
		image->decoder->close(image);
	*image = (struct paper_image){0};
}
