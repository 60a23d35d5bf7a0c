/* A CSV reader: RFC 4180, with LF or CRLF line ends, a separator of your choice and UTF-8 text with
 * or without a byte order mark. It is strict where leniency would guess: a quote in the middle of a
 * field and a record that ends inside quotes are errors with a line number, not data. */
#ifndef EXAMPLES_REPLAY_CSV_H
#define EXAMPLES_REPLAY_CSV_H
#include <stddef.h>

#include "fault.h"

struct csv_field {
    char *data; /* NUL-terminated, within the file's text */
    size_t len;
};

struct csv {
    const char *path;
    char *text; /* the whole file; fields point into it, so it lives as long as they are used */
    size_t len, at;
    unsigned long line;        /* of at, from 1 */
    unsigned long record_line; /* where the last record began */
    struct csv_field *fields;  /* of the last record */
    size_t fields_n, fields_cap;
    char separator;
};

/* Reads the file and checks that it is text. path lives as long as c. 0 or -1. Free it in both
 * cases. */
int csv_open(struct csv *c, const char *path, char separator, struct fault *f);

/* The next record, empty lines skipped: 1, or 0 at the end, or -1. */
int csv_next(struct csv *c, struct fault *f);

void csv_free(struct csv *c);

#endif
