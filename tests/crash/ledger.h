/* What a service was at each moment of a run, and what its host was told: to hold a reopened one
 * against.
 *
 * After every command the ledger takes the service down as a cut: every ticket as usher_peek()
 * shows it, the counts of the queues, the last event, and the engine's number for all it keeps.
 * Whatever survives a crash must be one of these cuts, so that nothing is half there and nothing is
 * there that was never asked for; and none earlier than the last that was acknowledged. */
#ifndef USHER_CRASH_LEDGER_H
#define USHER_CRASH_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <usher/usher.h>

struct cut {
    uint64_t digest, counts, seq;
    int64_t now;
    uint64_t *tickets, *tokens; /* by id; 0: not there */
    uint32_t tickets_n;
};

struct told {
    uint64_t hash; /* of the event; 0: not told */
    usher_id ticket;
};

struct ledger {
    struct cut *cuts;
    size_t cuts_n, cuts_room;
    struct told *told; /* by seq */
    size_t told_room;
    uint64_t *bodies; /* by id: hashes; 0: not read */
    uint32_t bodies_n, purged_n;
    uint32_t ids; /* no ticket has a greater one */
    /* Tickets that a purge takes, one by one, at any time after this cut was made. */
    size_t purge_from;
    uint8_t *purged; /* by id */
};

enum { LEDGER_MARGIN = 3 }; /* ids beyond the last are looked at, too */

void ledger_free(struct ledger *ledger);
void ledger_cut(struct ledger *ledger, usher_t *u);
uint32_t ledger_ids(const struct ledger *ledger,
                    size_t cut);                    /* it has no ticket with a greater one */
void ledger_uncut(struct ledger *ledger, size_t n); /* only the first n cuts stay */
/* Tickets of `from` that the last cut has no more are being purged. */
void ledger_purged(struct ledger *ledger, size_t from);
/* The first cut in which the ticket's token is at least this one. */
size_t ledger_token(const struct ledger *ledger, usher_id ticket, uint64_t token);
uint64_t ledger_event(const usher_event *event); /* its hash */
void ledger_told(struct ledger *ledger, const usher_event *event);

/* Reads the bodies of all tickets; ledger_bodies_differ: the first, up to this id, that is not as
 * it was, 0: none. */
void ledger_bodies(struct ledger *ledger, usher_t *u);
usher_id ledger_bodies_differ(const struct ledger *ledger, usher_t *u, uint32_t ids);
/* Whether the events after `from` and up to `to` may be gone. */
bool ledger_may_lose(const struct ledger *ledger, uint64_t from, uint64_t to);

/* The last cut that the service could be, and the first; -1: it is none, and why. */
struct match {
    int64_t first, last;
    uint64_t digest;
    char why[200];
};
void ledger_match(const struct ledger *ledger, usher_t *u, struct match *out);

#endif
