/* Figures from the side of those who wait: what has happened, as counts and spreads.
 *
 * They are a fold over the events, and nothing else: so what a store keeps of them may be older
 * than its events, and the rest is folded in again at the opening. Today's and each past day's
 * are apart per queue and priority; days that are too old to be asked for go into one that is
 * since ever. */
#ifndef USHER_LOCAL_FIGURES_H
#define USHER_LOCAL_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include <usher/usher.h>

struct engine;
struct event;
struct batch;
struct row;

/* Where an event of this kind names the agent for whom it counts. */
enum { AGENT_IN_WHO = 1, AGENT_IN_TO };
static inline int usher__figures_agent(int kind, int how)
{
    switch (kind) {
    case USHER_EV_CLAIMED:
    case USHER_EV_RELEASED:
    case USHER_EV_PAUSED:
    case USHER_EV_RESOLVED:
    case USHER_EV_FAILED:
    case USHER_EV_LEASE_EXPIRED:
    case USHER_EV_OFFERED:
        return AGENT_IN_WHO;
    case USHER_EV_WITHDRAWN:
        return AGENT_IN_TO;
    case USHER_EV_DECLINED:
        return how == USHER_TO_AGENT ? AGENT_IN_TO : 0;
    default:
        return 0;
    }
}

/* Room for all that the events of one command or timer on a ticket of this queue may count,
 * whatever they are, in any of its priorities; and, for one that may move, of the other queue.
 * ENOMEM: nothing changed. */
int usher__figures_reserve(struct engine *e, uint32_t queue);
/* ... and for so many tickets, of any queues, at once, none of which is claimed, solved or told
 * a word. ENOMEM. */
int usher__figures_reserve_many(struct engine *e, uint32_t tickets);

/* Of an event of a ticket: its instant, its queue and priority, and what it says. agent: handle of the
 * one that usher__figures_agent() says; 0: none. Cannot fail once there is room. */
void usher__figures_count(struct engine *e, const struct event *v, uint32_t agent);
/* The same of an event that has been read back. queue: its handle, there is such a one. */
void usher__figures_fold(struct engine *e, const usher_event *v, uint32_t queue);
void usher__figures_free(struct engine *e);

/* The waits of the first claims of a band: see usher_standing. False: fewer than
 * USHER_WAITS_MIN. */
bool usher__figures_waits(struct engine *e, uint32_t queue, uint32_t band, int64_t now,
                          int64_t *p50, int64_t *p90, uint32_t *n);

/* Pages of FIGURES, AGENTS and METRICS. rows: room for `limit` of them. METRICS: the text is the
 * engine's until the next read. ENOMEM. */
int usher__figures_read(struct engine *e, const usher_query *q, uint32_t limit, void *rows,
                        usher_page *out);

/* ---- for a store ----------------------------------------------------------------------------- */

/* Figures are cut now and then: after FIGURES_EVERY events, when the service closes, and before a
 * purge. */
enum { FIGURES_EVERY = 16384 };
bool usher__figures_due(const struct engine *e);
void usher__figures_want(
    struct engine *e); /* the next cut has them, if anything was counted since */
int usher__figures_cut(struct engine *e, struct batch *b); /* all rows that have changed. ENOMEM */
void usher__figures_strike(struct engine *e);              /* they are in a batch */
/* Every row, for the digest. */
int usher__figures_put(struct engine *e, struct batch *b);
int usher__figures_take(struct engine *e, const struct row *row, const char **wrong);

#endif
