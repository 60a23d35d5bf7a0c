/* What the commands' screens have in common: colours, a ticket's words, and its JSON. */
#ifndef EXAMPLES_USHER_SCREEN_H
#define EXAMPLES_USHER_SCREEN_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <usher/usher.h>

#include "table.h"
#include "words.h"

enum paint { PLAIN, STRONG, FAINT, GOOD, WARN, BAD };

/* The escape sequence, or NULL: only a terminal is painted, and not one whose user has set NO_COLOR
 * (no-color.org). */
const char *paint(enum paint p);
enum paint paint_state(int32_t state);

enum { INSTANT_MAX = 2 * WORDS_MAX + 8 };

/* "3 h ago, 2 Mar 2026 09:40:00 UTC" */
const char *instant_words(char buf[INSTANT_MAX], int64_t at, int64_t now);

/* "in 12 min", "3 h over", or "-": of a promise. */
const char *due_words(char buf[WORDS_MAX], int64_t due_at, int64_t now);
enum paint paint_due(int64_t due_at, int64_t now);

/* On stdout, painted, cut to most columns (0: whole). */
void print_painted(const char *text, unsigned most, enum paint p);

/* A cell of it, painted. */
void cell_number(struct table *t, uint64_t n);
void cell_painted(struct table *t, const char *text, enum paint p);

/* Free text on one line, blanks for what would end it. Whoever calls frees it. */
char *one_line(const usher_text *text);

json_t *json_ticket(usher_id id); /* 0: null */
json_t *json_wait(int64_t ms);   /* negative: null */
json_t *json_standing(const usher_standing *s);
json_t *json_text(const usher_text *text); /* null if it is none; what is not UTF-8 as "?" */
json_t *json_name(const char *name);       /* null if it is none */
json_t *json_instant(int64_t at);          /* null if it is 0 or never */

/* Writes and frees it. CODE_OK or CODE_PROBLEM. */
int json_print(json_t *root);

#endif
