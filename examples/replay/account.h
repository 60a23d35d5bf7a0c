/* What the replay came to, ticket by ticket, written down from usher's own events and nothing else.
 */
#ifndef EXAMPLES_REPLAY_ACCOUNT_H
#define EXAMPLES_REPLAY_ACCOUNT_H
#include <stdbool.h>
#include <stdint.h>
#include <usher/usher.h>

#include "climb.h"
#include "passing.h"
#include "timeline.h"

enum spent {                /* where a ticket's time went; together they are closed - opened */
             SPENT_WAITING, /* in the line, scheduled or stuck: nobody was at it */
             SPENT_HELD,    /* an agent had it */
             SPENT_PAUSED,  /* it waited for the requester or a third party */
             SPENT_AFTER,   /* resolved, not yet closed */
             SPENTS
};

enum { PROMISES = 4 }; /* [USHER_PROMISE_* - 1] */

struct verdicts {
    uint32_t made, kept, broken, lapsed, running; /* made is the sum of the other four */
};

struct person {       /* one ticket, from the side of the one who waits */
    usher_id id;      /* 0: refused */
    int64_t since_at; /* in this state */
    int64_t opened_at, first_word_at, solved_at, closed_at; /* -1: not yet */
    int64_t spent[SPENTS];
    int64_t visit_ms; /* waited in this queue so far */
    uint64_t ticket_seq;
    struct verdicts promises[PROMISES];
    uint32_t queue, agent; /* where it is, and who claimed it last */
    uint32_t chases, claims, events;
    uint64_t steps; /* of the ladder, that have fired: bits */
    struct passed passed;
    int32_t state, priority, level;
    int8_t resolve_verdict; /* USHER_KEPT, USHER_LAPSED: a reopen takes it back */
};

struct visit { /* one ticket in one queue */
    uint32_t queue;
    int64_t waited_ms;
};

struct queue_account {
    uint32_t tickets, moved_in, moved_out, solved;
};

struct account {
    const struct log *log;
    const struct action *cause; /* what is being driven; NULL: a timer, or coping with the policy */
    struct person *people;      /* [1 .. tickets] */
    struct queue_account *queues; /* [0 .. queues]; 0: the stand-in */
    struct climb climb;
    struct passing passing;
    struct visit *visits;
    size_t visits_n, visits_cap;
    uint64_t *pauses_by_state; /* [0 .. states] */
    usher_id *ids;             /* ascending */
    uint32_t *id_tickets;      /* whose they are */
    size_t ids_n;
    uint64_t events, moves, moves_across, reopens, pauses, chases, handovers;
    uint64_t claims, claims_out_of_turn, passed_over;
    uint64_t misses; /* events that do not follow from the ones before */
    uint32_t missed_ticket;
};

void account_open(struct account *a, const struct log *l);
void account_free(struct account *a);

/* Takes one event; for usher_subscribe(), user is the account. */
void account_event(usher_t *u, const usher_event *e, void *user);

/* The end of the log: visits and running intervals are cut off there. */
void account_end(struct account *a, int64_t end_at);

int64_t account_sum(const struct person *p);

#endif
