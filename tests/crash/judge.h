/* Opens what a crash has left, and says what is wrong with it. */
#ifndef USHER_CRASH_JUDGE_H
#define USHER_CRASH_JUDGE_H

#include "play.h"
#include "seen.h"
#include "states.h"

struct counts {
    uint64_t states, distinct, opened, again;
    uint64_t lost, told, invented, refused, wrong;
};

struct judge {
    struct play *play; /* recorded, and ended */
    const char *dump;  /* a directory for images that fail; NULL: none */
    uint64_t seed;
    uint32_t subsets, show; /* show: so many failures in words */
    struct disk *disk;
    usher_manual_clock_t *clock;
    struct seen seen;
    struct counts counts;
    uint64_t digest;    /* of what was opened last */
    uint64_t same_upto; /* events after this one, and */
    uint32_t same_ids;  /* tickets after this one, need not be those of the ledger */
    char why[300];
};

/* What must hold at a point, by the marks before it. */
struct demand {
    size_t read;                                 /* so much of the tape */
    int64_t submitted, done, told, open, erased; /* -1: nothing yet */
    int64_t
        extra; /* a crash after a crash: cuts from this one on are as good as `open`; -1: none */
};

void judge_begin(struct judge *j, struct play *play);
void judge_end(struct judge *j);
void judge_read(const struct tape *tape, size_t upto, struct demand *demand);
/* One state; the variant has not been built yet. */
void judge_state(struct judge *j, struct states *s, uint32_t variant, const struct demand *demand);
/* What opening it does is recorded, cut off anywhere, and opened again: after the loss of power,
 * and, where all was kept, as a process that starts after another was killed. */
void judge_again(struct judge *j, struct states *s, uint32_t variant, uint32_t budget);

#endif
