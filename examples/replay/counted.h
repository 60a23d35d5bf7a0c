/* What the service itself has counted, by usher_read(): the same history that the account makes its
 * figures of, added up on the other side. */
#ifndef EXAMPLES_REPLAY_COUNTED_H
#define EXAMPLES_REPLAY_COUNTED_H
#include <stdbool.h>
#include <usher/usher.h>

struct counted { /* in all queues of the log */
    uint64_t enqueued, recurred, chases, late_pauses;
    uint64_t handoffs, accepted, expired;
    uint64_t resolved, reopened, closed, withdrawn, open;
    bool with_causes;                       /* which stand in one of them, and have its promises */
    uint64_t kept[4], broken[4], lapsed[4]; /* [USHER_PROMISE_* - 1] */
};

/* now: where the manual clock stands; but: a queue that is left out, or NULL. 0, or usher's error. */
int counted_read(struct counted *c, usher_t *u, int64_t now, const usher_queue_t *but);

#endif
