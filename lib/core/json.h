/* A JSON text (RFC 8259), token by token, where it lies.
 *
 * A policy names every key that it may hold, so its reader always knows what must come next, and
 * nothing needs a tree: no allocation, so no way to run out of memory, and each error has a place.
 * The text as a whole is checked once, before it is read. */
#ifndef USHER_CORE_JSON_H
#define USHER_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum { USHER__JSON_DEPTH = 64 }; /* more in one another is refused */

struct json {
    const char *text, *end;
    const char *at; /* behind the last token */
};

/* Punctuation stands for itself: { } [ ] : , */
enum {
    USHER__JSON_END = 0,
    USHER__JSON_STRING = '"',
    USHER__JSON_NUMBER = '0',
    USHER__JSON_TRUE = 't',
    USHER__JSON_FALSE = 'f',
    USHER__JSON_NULL = 'n',
    USHER__JSON_BAD = '!'
};

struct json_token {
    const char *start; /* as it is written, quotes included; BAD: what is wrong */
    size_t len;
    const char *why; /* BAD: why it is, for people; a static string */
    int kind;
};

void usher__json_open(struct json *j, const char *text, size_t len);

/* After a token that is BAD, nothing but usher__json_place() is of use. */
void usher__json_next(struct json *j, struct json_token *t);

/* Whether all that is left is one value: NULL, or what was expected instead of *t. */
const char *usher__json_check(struct json *j, struct json_token *t);

/* What a STRING says, in UTF-8, cut to size; returns its whole length. The escape of half a pair,
 * which stands for no character, comes out as a NUL. */
size_t usher__json_word(const struct json_token *t, char *out, size_t size);

/* Line and column, from 1; columns count characters. */
void usher__json_place(const struct json *j, const char *at, size_t *line, size_t *column);

#endif
