/* --what-if in its forms: the same people served three ways, for a terminal, as JSON, as a picture. */
#ifndef EXAMPLES_REPLAY_WHAT_IF_H
#define EXAMPLES_REPLAY_WHAT_IF_H
#include <jansson.h>
#include <stdio.h>

#include "compare.h"

/* Serves the demand in all orders and compares them. policy: of all of them, as JSON text. 0 or -1; free
 * it in both cases. */
int what_if_open(struct what_if *w, const char *policy, struct fault *f);

/* blocks: with block characters; else in ASCII. */
void what_if_text(FILE *out, const struct what_if *w, bool blocks);

/* The strip chart of it, see what_if_text(). */
void what_if_strips(FILE *out, const struct what_if *w, bool blocks);

/* 0, or -1: it could not be written. */
int what_if_json(FILE *out, const struct what_if *w);
int what_if_svg(FILE *out, const struct what_if *w);

#endif
