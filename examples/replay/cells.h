/* Figures in tables and sentences, for both reports. */
#ifndef EXAMPLES_REPLAY_CELLS_H
#define EXAMPLES_REPLAY_CELLS_H
#include <stdint.h>

#include "table.h"

void cell_count(struct table *t, uint64_t n);
void cell_share(struct table *t, uint64_t part, uint64_t whole);
void cell_duration(struct table *t, int64_t ms);

/* "1 ticket", "1,234 tickets" */
void print_count(FILE *out, uint64_t n, const char *one, const char *many);

/* Words in lines of at most width columns, each after that many blanks; the first begins with mark. */
void print_wrapped(FILE *out, const char *mark, const char *words, unsigned indent, unsigned width);

#endif
