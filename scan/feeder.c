#include "scan/feeder.h"
#include "config/file.h"
#include <allheaders.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
struct node {
	struct feeder_event e;
	struct node *next;
};
struct feeder {
	struct scanner *s;
	pthread_t t;
	pthread_mutex_t m;
	pthread_cond_t c;
	int fd;
	struct node *first, **last;
	bool stop, quit, rest;
	char spool[4096], comp[16];
	long n;
};
static void put(struct feeder *f, struct feeder_event *e)
{
	struct node *x = calloc(1, sizeof *x);
	x->e = *e;
	pthread_mutex_lock(&f->m);
	*f->last = x;
	f->last = &x->next;
	uint64_t one = 1;
	if (write(f->fd, &one, 8) < 0)
		abort();
	pthread_mutex_unlock(&f->m);
}
static void *go(void *p)
{
	struct feeder *f = p;
	for (;;) {
		pthread_mutex_lock(&f->m);
		while (f->rest && !f->quit)
			pthread_cond_wait(&f->c, &f->m);
		bool q = f->quit, st = f->stop;
		pthread_mutex_unlock(&f->m);
		if (q)
			return NULL;
		struct feeder_event e = {0};
		if (st) {
			e.kind = FEEDER_STOPPED;
			f->rest = true;
			put(f, &e);
			continue;
		}
		struct sheet s = {0};
		bool fed = false;
		if (!scanner_feed(f->s, &s, &fed, &e.error)) {
			e.kind = FEEDER_ERROR;
			f->rest = true;
			put(f, &e);
			continue;
		}
		if (!fed) {
			e.kind = FEEDER_EMPTY;
			f->rest = true;
			put(f, &e);
			continue;
		}
		e.kind = FEEDER_SHEET;
		e.sheet.n = f->n;
		e.sheet.n_images = s.n_images;
		e.sheet.n_expected = s.n_expected;
		e.sheet.double_feed = s.double_feed;
		e.sheet.device_count = s.device_count;
		bool ok = true;
		for (int i = 0; ok && i < s.n_images; i++) {
			struct fed_image *im = &e.sheet.images[i];
			struct raw_image *r = &s.images[i];
			struct Pix *pix = NULL;
			im->path = file_path("%s/%ld%c.tif", f->spool, f->n, "fb"[i]);
			im->width_px = r->width_px;
			im->height_px = r->height_px;
			im->channels = r->channels;
			im->depth_bits = r->depth_bits;
			im->dpi = r->dpi;
			ok = raw_image_pix(r, &pix, &e.error);
			if (ok) {
				im->cover_answer = cover_read(pix, r->dpi, &im->cover);
			}
			pixDestroy(&pix);
			ok = ok &&
			    raw_image_write(
				r, im->path, f->comp, im->sha256, &im->n_bytes, &e.error);
		}
		sheet_release(&s);
		if (!ok) {
			e.kind = FEEDER_ERROR;
			f->rest = true;
		} else
			f->n++;
		put(f, &e);
	}
}
bool feeder_open(const struct feeder_options *o, struct feeder **out, struct error *err)
{
	struct feeder *f = calloc(1, sizeof *f);
	f->last = &f->first;
	pthread_mutex_init(&f->m, NULL);
	pthread_cond_init(&f->c, NULL);
	f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->n = o->first_n;
	snprintf(f->spool, 4096, "%s", o->spool_folder);
	snprintf(f->comp, 16, "%s", o->compression);
	if (!scanner_open(&o->scanner, &f->s, err))
		return false;
	pthread_create(&f->t, NULL, go, f);
	*out = f;
	return true;
}
bool feeder_open_import(const struct feeder_options *o, const struct import_list *l, bool d,
    struct feeder **out, struct error *err)
{
	return error_set(err, ERROR_SYSTEM, NULL, "no import here");
}
bool import_list_open(const char *const *p, int n, struct import_list *o, struct error *err)
{
	return error_set(err, ERROR_SYSTEM, NULL, "no import here");
}
void import_list_release(struct import_list *l)
{
}
int feeder_descriptor(const struct feeder *f)
{
	return f->fd;
}
bool feeder_next(struct feeder *f, struct feeder_event *e, bool *got, struct error *err)
{
	pthread_mutex_lock(&f->m);
	*got = f->first != NULL;
	if (*got) {
		struct node *x = f->first;
		*e = x->e;
		f->first = x->next;
		if (!f->first) {
			f->last = &f->first;
			uint64_t v;
			if (read(f->fd, &v, 8) < 0) {
			}
		}
		free(x);
	}
	pthread_mutex_unlock(&f->m);
	return true;
}
void feeder_pause(struct feeder *f)
{
	feeder_stop(f);
}
void feeder_resume(struct feeder *f)
{
	pthread_mutex_lock(&f->m);
	f->stop = f->rest = false;
	pthread_cond_signal(&f->c);
	pthread_mutex_unlock(&f->m);
}
void feeder_stop(struct feeder *f)
{
	pthread_mutex_lock(&f->m);
	f->stop = true;
	pthread_mutex_unlock(&f->m);
}
void feeder_close(struct feeder *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->m);
	f->quit = true;
	pthread_cond_signal(&f->c);
	pthread_mutex_unlock(&f->m);
	pthread_join(f->t, NULL);
	scanner_close(f->s);
}
const char *feeder_device(const struct feeder *f)
{
	return scanner_device(f->s);
}
const char *feeder_model(const struct feeder *f)
{
	return scanner_model(f->s);
}
const char *feeder_source(const struct feeder *f)
{
	return scanner_source(f->s);
}
bool feeder_duplex(const struct feeder *f)
{
	return scanner_duplex(f->s);
}
bool feeder_is_flatbed(const struct feeder *f)
{
	return scanner_is_flatbed(f->s);
}
void fed_sheet_release(struct fed_sheet *s)
{
	for (int i = 0; i < 2; i++)
		free(s->images[i].path);
	memset(s, 0, sizeof *s);
}
void feeder_event_release(struct feeder_event *e)
{
	fed_sheet_release(&e->sheet);
	memset(e, 0, sizeof *e);
}
void feeder_figures(struct feeder *f, struct feeder_figures *o)
{
	memset(o, 0, sizeof *o);
}
