/* Where the marks of an axis go, and what they say: for durations and for instants (UTC). */
#ifndef EXAMPLES_COMMON_SCALE_H
#define EXAMPLES_COMMON_SCALE_H
#include <stddef.h>
#include <stdint.h>

#include "words.h"

enum { SCALE_MARKS_MAX = 16 };

struct scale_mark {
    int64_t at; /* ms */
    char text[WORDS_MAX];
};

struct scale {
    struct scale_mark marks[SCALE_MARKS_MAX];
    size_t n;
    const char *unit; /* durations: "days" ...; instants: "UTC" */
};

/* From 0 to the first round number that is not below most; up to so many steps. */
void scale_durations(struct scale *s, int64_t most, size_t steps);

/* Round instants within [from, to], up to so many. */
void scale_instants(struct scale *s, int64_t from, int64_t to, size_t marks);

#endif
