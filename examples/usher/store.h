/* A store, opened for looking at. */
#ifndef EXAMPLES_USHER_STORE_H
#define EXAMPLES_USHER_STORE_H
#include <stdbool.h>
#include <stdint.h>
#include <usher/usher.h>

struct store {
    usher_t *u;
    const char *path;
    int64_t now;
    bool waiting; /* for a callback */
    int status;   /* what it said */
    /* of the read under way */
    int (*page)(const usher_page *p, void *user);
    void *user;
    uint64_t cursor;
    int stop;
};

/* Opens it; nothing in it changes, and none is made. whole: with the integrity check, which reads
 * all of the file. CODE_OK, or CODE_PROBLEM: it has been said why. */
int store_open(struct store *s, const char *path, bool whole);
void store_close(struct store *s);

/* Reads page by page, from q->cursor on, until there are no more or page() returns non-zero. Returns
 * that, or an error of usher's. What page() is handed lives until it returns. */
int store_read(struct store *s, usher_query *q, int (*page)(const usher_page *p, void *user),
               void *user);

/* Says that something failed, with what the library calls it. CODE_PROBLEM. */
int store_fail(const struct store *s, const char *what, int err);

/* Waits until s->waiting is false: a callback of the command's own sees to that. */
void store_wait(struct store *s);

#endif
