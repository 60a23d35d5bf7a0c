/* What a disk may hold after a power cut: every state that the tape of a disk allows.
 *
 * A point is a boundary between two operations. What was synced before it is there; of all else any
 * part may be: each operation whole, lost, or torn, in any combination. Names have two models.
 * Strict, as POSIX promises: only the sync of the directory, or of a file that was created, makes
 * them last. Ordered, as ext4 does it: any sync takes all earlier changes of names along, and they
 * survive in their order.
 *
 * The variants of a point are numbered, so that a share of them can be drawn, and any one be built
 * again: 0 keeps everything (the program was killed, the machine went on), 1 nothing. */
#ifndef USHER_CRASH_STATES_H
#define USHER_CRASH_STATES_H

#include "disk.h"

struct states;

struct states *states_new(const struct tape *tape, uint64_t seed, uint32_t subsets);
void states_free(struct states *s);

/* On to the next point, the first at first. False: there are no more. */
bool states_next(struct states *s);
size_t states_at(const struct states *s); /* operations, and marks, of the tape before this point */
uint32_t states_variants(const struct states *s);
void states_build(struct states *s, uint32_t variant, struct image *out);
/* The first variant with the files' numbers as on the tape: what a process that starts after a kill
 * goes on with. */
void states_live(struct states *s, struct image *out);
/* In words, for the one that was built last. */
void states_describe(const struct states *s, char *text, size_t room);

/* The same number for the same place, whatever was drawn before. */
uint64_t states_draw(uint64_t seed, uint64_t point, uint64_t variant);

#endif
