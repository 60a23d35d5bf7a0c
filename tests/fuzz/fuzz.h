/* What the fuzz targets share. Each is one function of bytes, linked twice: with libFuzzer, which looks
 * for bytes that break it, and with replay.c into a plain program that tries those that are kept in
 * corpus/. A check that fails aborts: that is what libFuzzer listens for. */
#ifndef USHER_FUZZ_H
#define USHER_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Says where and what, and aborts. */
void fuzz_broken(const char *file, int line, const char *what);
#define MUST(what) ((what) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #what))

/* Bytes, taken from the front; zeroes when there are no more. */
struct bytes {
    const uint8_t *at, *end;
};
uint8_t take_byte(struct bytes *b);
uint64_t take_number(struct bytes *b, unsigned len); /* 1..8 bytes */
uint32_t take_below(struct bytes *b, uint32_t n);    /* n <= 65536 */

/* A file with these bytes in memory: its path, until the next call. For readers that want a path. */
const char *fuzz_file(const uint8_t *data, size_t len);

/* The file of a zone, read once; NULL: this machine has none. */
const void *fuzz_zone(const char *name, size_t *len);

#endif
