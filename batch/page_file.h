/*
 * The spool's form of an encoded page: "<n><side>.page". One file holds everything that the PDF
 * shows of one side of a sheet, byte for byte as it was encoded:
 *
 *     {"format":"altakt-page/1","kind":"mixed","width_px":2480,…,"layers":[{…,"bytes":48211},…]}\n
 *     the bytes of layer 0, of layer 1, … and nothing behind them
 *
 * The file is read back as if a stranger had written it. Any thread.
 */
#ifndef ALTAKT_BATCH_PAGE_FILE_H
#define ALTAKT_BATCH_PAGE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"
#include "config/hash.h"
#include "scan/encode.h"

#define PAGE_FILE_LAYERS_MAX 256
#define PAGE_FILE_SIDE_PX    120000 /* longest side of a page or layer */
#define PAGE_FILE_BYTES_MAX  (1u << 30)

/*
 * Writes a page, durable when true (by way of "<path>.part").
 *
 * page     borrowed; a layer without bytes or outside the limits is ERROR_INPUT
 * sha256   filled with the hash of the file
 * n_bytes  filled with the file's size
 * err      ERROR_SYSTEM: disk
 */
bool page_file_write(const struct encoded_page *page, const char *path, char sha256[HASH_SIZE],
    uint64_t *n_bytes, struct error *err);

/*
 * Reads a page back.
 *
 * out  must be empty; filled and yours: encoded_page_release()
 * err  ERROR_INPUT names the file and what is wrong with it, ERROR_SYSTEM where it cannot be read
 */
bool page_file_read(const char *path, struct encoded_page *out, struct error *err);

#endif
