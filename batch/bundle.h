/*
 * A bundle: what is delivered for one case file. A BagIt bag
 *
 *     files/<escaped file number>/   bagit.txt bag-info.txt manifest-sha512.txt
 * tagmanifest-sha512.txt data/<escaped file number>.pdf   PDF/A-2u of all kept pages in order
 *         data/alto/0001.xml …             ALTO 3, one for each page
 *         data/provenance.json             config/schema/provenance.schema.json
 *
 * written beside its place as "files/.<name>.part", read back and checked from disk, made durable,
 * then put there by one rename. It is a pure function of its spec and the files that the spec
 * names.
 */
#ifndef ALTAKT_BATCH_BUNDLE_H
#define ALTAKT_BATCH_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"
#include "config/file_number.h"
#include "config/hash.h"

/*
 * What a bundle's line in the manifest is made of. words counts the String elements with text of
 * all ALTO files; mean_confidence_tenths is
 *
 *     floor((1000 * sum + words * 1000000 / 2) / (words * 1000000))
 *
 * with sum = the words' WC in millionths, each rounded to the nearest: the mean in tenths of a
 * percent, halves up, by integers alone, 931 for 93.1. 0 where there is no word.
 */
struct bundle_result {
	char sha512[HASH_SIZE]; /* of tagmanifest-sha512.txt */
	uint64_t bytes;		/* all files of the bag together */
	int pages;
	int64_t words;
	int mean_confidence_tenths;
};

/*
 * Makes a bundle. Worker processes.
 *
 * spec_path  a JSON file, all paths in it below its "workspace":
 *     {"format":"altakt-bundle-spec/1", "workspace":"/abs/path", "bundle":"files/33=2F12345-04",
 *      "replaces":false,             true: a bundle of that name may be there and is swapped
 *                                    for the new one atomically; false: it is an error
 *      "file_number":"33/12345-04", "volume":1, "batch":"…",
 *      "created":"2026-11-23T11:30:00Z",    the only time that goes into PDF and bag
 *      "sheets":20, "pages":35, "images":40, "blank_pages":5, "blank_sheets":0,
 *      "note":{"creator":…, "organisation":…, "environment":…, "anomalies":…, "captured_from":…,
 *              "captured_to":…, "quality":…, "statement":…},
 *      "page_list":[{"page":"spool/b/1f.page", "alto":"spool/b/1f.xml", "sheet":"b/1", "side":"f"},
 *                   …],            "alto" may be absent: the page has no text (an empty ALTO is
 *                                  written)
 *      "provenance":{…}}             becomes data/provenance.json with "format" added; its sheets
 *                                    and images must give the counts above
 * out        filled
 * err        ERROR_INPUT   spec, page or ALTO is bad; what names the file
 *            ERROR_CHECK   what was written does not read back the same: the disk is bad
 *            ERROR_SYSTEM  disk, memory
 * On failure nothing new is at "bundle" and what was there stays.
 */
bool bundle_make(const char *spec_path, struct bundle_result *out, struct error *err);

struct bundle_facts { /* recomputed from a bag alone */
	struct bundle_result result;
	char file_number[FILE_NUMBER_SIZE]; /* External-Identifier */
	char batch[65];			    /* Bag-Group-Identifier */
	int volume;			    /* Volume */
	int sheets, pages, images;	    /* Sheets, Pages, Images of bag-info.txt */
	int pdf_pages;			    /* of the PDF itself */
	int alto_files;
	/* from data/provenance.json, entries with "counted": false apart */
	int provenance_sheets, provenance_images, provenance_pages;
	int blank_pages;  /* images that no page shows */
	int blank_sheets; /* sheets with "blank": true */
};

/*
 * Reads a bundle and recomputes everything about it; all hashes are checked.
 *
 * out  filled when true
 * err  ERROR_CHECK   damaged, incomplete or at odds with itself: what names the file
 *      ERROR_USAGE   nothing is at bag_path
 *      ERROR_SYSTEM  it cannot be read
 */
bool bundle_inspect(const char *bag_path, struct bundle_facts *out, struct error *err);

#endif
