#include "batch/pdf_font.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CODES_MAX = 0xfffe,
	PAGE_CODES = 256, /* characters in one leaf of the table */
	LEAVES = 0x110000 / PAGE_CODES,
};

struct pdf_font {
	uint16_t *leaves[LEAVES]; /* character -> code, 0: none yet */
	uint32_t *characters;	  /* code - 1 -> character */
	size_t n_characters, room;
	int ascents[PDF_FONT_VARIANTS], descents[PDF_FONT_VARIANTS];
	int n_variants;
};

struct pdf_font *pdf_font_open(void)
{
	return calloc(1, sizeof(struct pdf_font));
}

void pdf_font_close(struct pdf_font *font)
{
	if (!font)
		return;
	for (size_t i = 0; i < LEAVES; i++)
		free(font->leaves[i]);
	free(font->characters);
	free(font);
}

static bool is_text(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c > 0x10ffff)
		return false;
	if ((c >= 0xd800 && c <= 0xdfff) || c == 0xfeff)
		return false;
	return (c & 0xfffe) != 0xfffe && !(c >= 0xfdd0 && c <= 0xfdef);
}

uint16_t pdf_font_code(struct pdf_font *font, uint32_t c)
{
	if (!is_text(c))
		return 0;
	uint16_t **leaf = &font->leaves[c / PAGE_CODES];
	if (!*leaf)
		*leaf = calloc(PAGE_CODES, sizeof **leaf);
	if (!*leaf)
		return 0;
	uint16_t *code = &(*leaf)[c % PAGE_CODES];
	if (*code)
		return *code;
	/* The last code is kept for what comes when there is no room. */
	if (font->n_characters >= CODES_MAX - 1 && c != 0xfffd)
		return pdf_font_code(font, 0xfffd);
	if (font->n_characters == font->room) {
		size_t room = font->room ? 2 * font->room : 256;
		uint32_t *more = realloc(font->characters, room * sizeof *more);
		if (!more)
			return 0;
		font->characters = more;
		font->room = room;
	}
	font->characters[font->n_characters++] = c;
	*code = (uint16_t)font->n_characters;
	return *code;
}

int pdf_font_variant(struct pdf_font *font, int ascent, int descent)
{
	int best = 0;
	long best_distance = -1;

	/* A descent of 0 counts as "not said" with some readers. */
	descent = descent < 1 ? 1 : descent;
	ascent = ascent < 1 ? 1 : ascent;
	for (int i = 0; i < font->n_variants; i++) {
		long distance =
		    labs((long)font->ascents[i] - ascent) + labs((long)font->descents[i] - descent);
		if (best_distance < 0 || distance < best_distance) {
			best = i;
			best_distance = distance;
		}
	}
	if (best_distance == 0 || font->n_variants == PDF_FONT_VARIANTS)
		return best;
	font->ascents[font->n_variants] = ascent;
	font->descents[font->n_variants] = descent;
	return font->n_variants++;
}

int pdf_font_variants(const struct pdf_font *font)
{
	return font->n_variants;
}

void pdf_font_metrics(const struct pdf_font *font, int variant, int *ascent, int *descent)
{
	*ascent = font->ascents[variant];
	*descent = font->descents[variant];
}

/*
 * The TrueType program (OpenType 1.9, "Required Tables"; for a CIDFontType2 ISO 32000-1, 9.9
 * table 126 wants glyf head hhea hmtx loca maxp). Big-endian throughout.
 */

struct table {
	const char *tag;
	const uint8_t *data;
	size_t n_bytes;
};

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t checksum(const uint8_t *p, size_t n_bytes)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n_bytes; i++)
		sum += (uint32_t)p[i] << (24 - 8 * (i % 4));
	return sum;
}

uint8_t *pdf_font_program(size_t *n_bytes)
{
	/* clang-format off */
	static const uint8_t cmap[] = { /* one format 4 subtable with nothing but the end mark */
		0, 0, 0, 1, 0, 3, 0, 1, 0, 0, 0, 12,
		0, 4, 0, 24, 0, 0, 0, 2, 0, 2, 0, 0, 0, 0,
		0xff, 0xff, 0, 0, 0xff, 0xff, 0, 1, 0, 0 };
	static const uint8_t glyf[] = { /* glyph 0: one point, no area; glyph 1: nothing */
		0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x31, 0 };
	static const uint8_t loca[] = { 0, 0, 0, 8, 0, 8 };
	static const uint8_t hmtx[] = {
		PDF_FONT_WIDTH >> 8, PDF_FONT_WIDTH & 0xff, 0, 0,
		PDF_FONT_WIDTH >> 8, PDF_FONT_WIDTH & 0xff, 0, 0 };
	static const uint8_t maxp[] = {
		0, 1, 0, 0, 0, 2, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t name[] = { 0, 0, 0, 0, 0, 6 };
	static const uint8_t post[32] = { 0, 3 };
	/* clang-format on */
	uint8_t head[54] = {0}, hhea[36] = {0};
	const struct table tables[] = {{"cmap", cmap, sizeof cmap}, {"glyf", glyf, sizeof glyf},
	    {"head", head, sizeof head}, {"hhea", hhea, sizeof hhea}, {"hmtx", hmtx, sizeof hmtx},
	    {"loca", loca, sizeof loca}, {"maxp", maxp, sizeof maxp}, {"name", name, sizeof name},
	    {"post", post, sizeof post}};
	enum { N = sizeof tables / sizeof *tables };

	put32(head, 0x00010000);      /* version */
	put32(head + 4, 0x00010000);  /* revision */
	put32(head + 12, 0x5f0f3cf5); /* magic */
	put16(head + 16, 0x000b);     /* flags */
	put16(head + 18, 1000);	      /* units in the em */
	put16(head + 46, 8);	      /* smallest legible size */
	put16(head + 48, 2);	      /* direction hint */
	put32(hhea, 0x00010000);
	put16(hhea + 4, 1000); /* ascender */
	put16(hhea + 10, PDF_FONT_WIDTH);
	put16(hhea + 18, 1); /* caret upright */
	put16(hhea + 34, 2); /* metrics in hmtx */

	size_t at = 12 + 16 * N, head_at = 0, n = at;
	for (int i = 0; i < N; i++)
		n += (tables[i].n_bytes + 3) / 4 * 4;
	uint8_t *font = calloc(1, n);
	if (!font)
		return NULL;
	put32(font, 0x00010000);
	put16(font + 4, N);
	put16(font + 6, 128); /* 16 * the largest power of 2 below N */
	put16(font + 8, 3);
	put16(font + 10, 16 * N - 128);
	for (int i = 0; i < N; i++) {
		uint8_t *entry = font + 12 + 16 * i;
		memcpy(entry, tables[i].tag, 4);
		put32(entry + 4, checksum(tables[i].data, tables[i].n_bytes));
		put32(entry + 8, (uint32_t)at);
		put32(entry + 12, (uint32_t)tables[i].n_bytes);
		memcpy(font + at, tables[i].data, tables[i].n_bytes);
		if (tables[i].data == head)
			head_at = at;
		at += (tables[i].n_bytes + 3) / 4 * 4;
	}
	put32(font + head_at + 8, 0xb1b0afba - checksum(font, n));
	*n_bytes = n;
	return font;
}

char *pdf_font_to_unicode(const struct pdf_font *font, size_t *n_bytes)
{
	enum { BLOCK = 100 }; /* entries between beginbfchar and endbfchar */
	char *text = NULL;
	FILE *out = open_memstream(&text, n_bytes);

	if (!out)
		return NULL;
	fputs("/CIDInit /ProcSet findresource begin\n"
	      "12 dict begin\n"
	      "begincmap\n"
	      "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
	      "/CMapName /Adobe-Identity-UCS def\n"
	      "/CMapType 2 def\n"
	      "1 begincodespacerange\n"
	      "<0000> <FFFF>\n"
	      "endcodespacerange\n",
	    out);
	for (size_t i = 0; i < font->n_characters; i++) {
		size_t left = font->n_characters - i;
		uint32_t c = font->characters[i];
		if (i % BLOCK == 0)
			fprintf(out, "%zu beginbfchar\n", left < BLOCK ? left : BLOCK);
		fprintf(out, "<%04X> ", (unsigned)(i + 1));
		if (c < 0x10000)
			fprintf(out, "<%04X>\n", (unsigned)c);
		else
			fprintf(out, "<%04X%04X>\n", (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
			    (unsigned)(0xdc00 + ((c - 0x10000) & 0x3ff)));
		if (i % BLOCK == BLOCK - 1 || left == 1)
			fputs("endbfchar\n", out);
	}
	fputs("endcmap\n"
	      "CMapName currentdict /CMap defineresource pop\n"
	      "end\n"
	      "end\n",
	    out);
	bool ok = !ferror(out);
	if (fclose(out) != 0 || !ok) {
		free(text);
		return NULL;
	}
	return text;
}

uint8_t *pdf_font_glyph_map(const struct pdf_font *font, size_t *n_bytes)
{
	size_t n = 2 * (font->n_characters + 1);
	uint8_t *map = malloc(n);

	for (size_t i = 0; map && i < n; i += 2)
		put16(map + i, 1);
	*n_bytes = n;
	return map;
}
