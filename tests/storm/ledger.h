/* What must be there, what must be gone, and what may be either, while nobody waits for an answer.
 *
 * Commands on one ticket are done in the order in which they were accepted, so what the last one
 * told is how the ticket stood after it. When a purge begins is its own affair: somewhere between
 * its call and its callback. So a ticket that was over before the call is gone after the
 * callback; one that was open all the while is not; and what is between the two may be either.
 * Once a purge has been told of, what was gone stays so. */
#ifndef USHER_STORM_LEDGER_H
#define USHER_STORM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include <usher/usher.h>

enum { LEDGER_TICKETS = 512, LEDGER_PURGES = 128, PEOPLE = 4 };

struct ticket {
    bool over;
    int32_t state; /* as it was told last */
    uint32_t requester;
    uint64_t body;             /* which one, see storm.c */
    uint64_t open_no;          /* when the last call was made after which it was open */
    uint64_t over_no;          /* when it was told that it is over */
    uint64_t gone_no;          /* when it was told that there is none; 0: not yet */
    uint64_t opener_no;        /* when somebody last tried to open it again */
    int64_t open_at, over_at;  /* what the clock said at open_no and over_no */
    uint32_t closing, opening; /* calls that may do that and have not been answered */
};

struct purge {
    uint64_t call_no, told_no; /* UINT64_MAX: not yet */
    int64_t before_at;
    uint32_t requester; /* PEOPLE: whoever */
    int status;
};

struct ledger {
    struct ticket ticket[LEDGER_TICKETS + 1];
    usher_id last;
    struct purge purge[LEDGER_PURGES];
    uint32_t purges_n;
    uint64_t no; /* of the latest thing that happened: a call made, or one answered */
    int64_t retain_ms;
};

/* The purge that is called now; its number. It must be told of with the status. */
uint32_t ledger_purge(struct ledger *l, int64_t before_at, uint32_t requester);
void ledger_purged(struct ledger *l, uint32_t purge, int status);
/* So many at least, and at most, does the purge erase that has just been told. */
void ledger_bounds(const struct ledger *l, uint32_t purge, uint64_t *least, uint64_t *most);

/* The ticket's state after a call that was made at call_no, at call_at. */
void ledger_state(struct ledger *l, usher_id id, int32_t state, uint64_t call_no, int64_t call_at,
                  int64_t now);
void ledger_gone(struct ledger *l, usher_id id);
bool ledger_is_over(int32_t state);

/* Whether it may be told now that there is no such ticket. */
bool ledger_may_be_gone(const struct ledger *l, usher_id id, int64_t now);
/* Whether a call that was made at call_no must be told so. */
bool ledger_must_be_gone(const struct ledger *l, usher_id id, uint64_t call_no);

#endif
