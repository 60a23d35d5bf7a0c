/* Names as small numbers: 1 for the first that is seen, then 2 ... 0 is none. */
#ifndef EXAMPLES_REPLAY_NAMES_H
#define EXAMPLES_REPLAY_NAMES_H
#include <stddef.h>
#include <stdint.h>

struct names {
    const char **text; /* [1 .. n]; text[0] is "" */
    uint32_t n;
    size_t text_cap;
    uint32_t *slots; /* open addressing; 0 is free */
    uint32_t slots_n;
};

/* The number of a name, given one if it is new. The text is not copied and lives as long as the
 * names. */
uint32_t names_add(struct names *m, const char *text);

/* 0 if there is none. */
uint32_t names_find(const struct names *m, const char *text);

/* The name of a number that was given. */
const char *names_text(const struct names *m, uint32_t id);

void names_free(struct names *m);

#endif
