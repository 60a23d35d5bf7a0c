/* How tickets were passed on, and what kept coming: hand-offs, causes and symptoms, as usher tells of
 * them. */
#ifndef EXAMPLES_REPLAY_PASSING_H
#define EXAMPLES_REPLAY_PASSING_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <usher/usher.h>

struct passing {
    uint64_t made, accepted, late; /* hand-offs; late: not accepted within the policy's time */
    uint64_t beyond_hops;          /* that the policy made an escalation of */
    int64_t *accept_ms;            /* how long it took to be accepted */
    size_t accept_n, accept_cap;
    uint64_t late_pauses;   /* begun in the last tenth of a promise */
    uint64_t recurred;      /* tickets whose symptom had come before */
    uint64_t recurred_same; /* ... from the same requester */
    usher_id *causes;       /* tickets about causes, ascending */
    size_t causes_n, causes_cap;
    uint64_t named; /* of them, by the log; the others are the policy's */
    uint64_t links; /* that the log has; a ticket may be given another cause later */
    uint64_t linked, linked_solved, linked_by_policy; /* tickets; _solved: only by then */
};

struct passed {         /* of one ticket */
    int64_t offered_at; /* 0: it is not offered */
    uint32_t handoffs;
    bool by_log, by_policy; /* linked */
};

/* Takes an event of a ticket of the log. linking: the log has it linked just now; solved: it was by
 * then. */
void passing_event(struct passing *p, struct passed *t, const usher_event *e, bool linking,
                   bool solved);

/* A ticket about a cause has come. */
void passing_cause(struct passing *p, usher_id id, bool named);
bool passing_is_cause(const struct passing *p, usher_id id);
void passing_free(struct passing *p);

#endif
