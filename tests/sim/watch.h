/* A second bookkeeping, from the outside: what a service's events and callbacks say must have
 * happened, and whether all that it says fits together.
 *
 * It is told every event and looks at the standings. Nothing in it is taken from the library:
 * states, promises and what is legal are written down here once more, as plainly as possible.
 * Tickets of one service are few, so everything is searched from end to end. */
#ifndef USHER_SIM_WATCH_H
#define USHER_SIM_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <usher/usher.h>

enum {
    QUEUES = 3,
    AGENTS = 5,  /* named a0, a1 ... */
    PERSONS = 7, /* p0 ... */
    INSIDER = 6,  /* the last of them brings what is enqueued from inside callbacks, and nobody else does */
    SKILLS = 3,
    KEYS = 4,
    REFS = 2,
    VERSIONS = 24,    /* of one queue's policy */
    TICKETS_MAX = 160, /* of one service */
    CHANGES_MAX = 400,
    STEPS = 4, /* of a ladder */
    WAITERS = PERSONS + QUEUES, /* persons, and queues for the causes that they asked for */
    SYMPTOMS = 2,    /* y1 ... */
    RECENT_MAX = 32  /* remembered of a symptom */
};

/* A step of the ladder. */
struct step_rule {
    int on;            /* index of the promise */
    uint32_t percent;  /* of its target; 0: `far` from its due */
    int64_t far;       /* negative: before */
    int64_t repeat;
    uint32_t times, raise;
    int priority;      /* lift to; 0: no */
    int move;          /* queue; QUEUES: one that there is not; -1: no */
    uint32_t notify;   /* bits: n0 ... */
};

/* A policy in numbers. */
struct rules {
    int64_t target[4][4]; /* by promise and priority; 0: none */
    uint32_t pauses[4];   /* bits of reasons */
    uint32_t warn[3], warn_n;
    struct step_rule step[STEPS];
    uint32_t steps_n;
    bool receipt, named_free;
    uint32_t share[4]; /* 0: first */
    int64_t gap, keep_for, lease_for, lease_max;
    uint32_t attempts;
    int64_t backoff[3];
    uint32_t backoff_n;
    int64_t pause_max[3], remind[3][2];
    uint32_t remind_n[3];
    bool then_resolve;
    int64_t check_in[2];
    uint32_t check_in_n;
    int64_t confirm_within, reopen_within;
    int64_t accept_within;
    uint32_t hops;
    int64_t window; /* recurrence */
    uint32_t cause_after;
    int cause_queue; /* QUEUES: one that there is not; -1: none is named */
    uint32_t open;
};

struct seen_promise {
    int64_t start_at, target;
    uint32_t arming, warned; /* bits by index of rules.warn */
    uint32_t implied; /* of these, by a higher one that a new target has put in the past; such a one
                         may have fired late before, and is then still told by its name */
    uint32_t climbed[STEPS]; /* how often a step has fired in this arming */
    int64_t just[STEPS]; /* the instant of the last of these, if that was when it was named with others: it may
                            yet be told by itself, then */
    int state;
    bool owed, alone;
};

struct change { /* from `at` on these pause reasons held; RESOLVED_BIT: it was resolved */
    int64_t at;
    uint32_t mask;
};
enum { RESOLVED_BIT = 8 };

struct seen {
    const struct rules *rules;
    uint32_t version, queue;
    uint64_t seq, token;
    int state, priority, level, holder; /* holder: agent, or -1 */
    uint32_t attempts, reminded[3], checked_in, key, ref, needs;
    bool persons[WAITERS], confirmed[WAITERS];
    int order[WAITERS]; /* of coming; order[0] is the requester */
    uint32_t order_n;
    bool acknowledged, word, alive, started;
    bool was_kept; /* kept for its claimer, or offered to him, when it was claimed */
    int offer, offer_to; /* USHER_TO_*, and the queue or agent; offer 0: none */
    int64_t offer_until;
    uint32_t hops;
    bool told_no_agent; /* since it was last claimed */
    uint32_t symptom;   /* 0: none */
    usher_id cause, follows;
    bool linked; /* its cause counts it */
    bool is_cause;
    bool odd;      /* moved or reopened: whether its key finds it depends */
    struct seen_promise promise[4];
    int64_t named;
    struct change changes[CHANGES_MAX];
    uint32_t changes_n;
    int64_t pause_since[3], pause_began[3], pause_end[3], pause_most[3], spent[3];
    int64_t resolved_at, closing_at, state_at;
    uint64_t retold; /* ticket_seq of what may go on telling what a new target puts in the past */
    int64_t retold_at;
    bool unsure;        /* a step that is told late has ranked it anew: when is not seen */
    bool hazy;          /* such steps have lifted it since it was last looked at */
    int64_t stepped_at;     /* seen_at of the last step that was told late, */
    uint64_t stepped_seq;   /* and the ticket's last event but those that came of it */
    int64_t named_at;       /* seen_at of what last told of steps by their names, and which: bits. They may have */
    uint32_t named_steps;   /* fired more than once */
    uint64_t no_queue_seq;  /* the last step that found no queue told so first; */
    int level_before, priority_before; /* before that */
    int64_t claimed_at, lease_end;
    int kept_for; /* -1: nobody */
    bool may_be_kept; /* or no more: late steps have moved it away and back again, and nobody has seen when */
    int64_t keep_end;
    int64_t rank;   /* 0: not yet in the line */
    int64_t behind; /* how far the gap put it behind the due or the entry that it came from */
    uint64_t entered_seq; /* it has stood in the line since this event, as it came; 0: not so */
    int64_t entered_at, entered_gap;
    uint32_t overtaken[WAITERS]; /* by tickets of others that came after it */
    int before;   /* the priority before this event */
    int64_t until;       /* as last looked at */
    uint64_t looked_seq; /* seq then */
    bool touched;        /* since then */
};

/* The last rank given to a requester in a queue and band. */
struct mark {
    int64_t rank, set_at, gap;
    usher_id ticket; /* 0: none */
    bool unsure;     /* what steps that are told late have made of it is not seen */
};

struct seen_queue {
    usher_queue_t *q;
    struct rules rules[VERSIONS]; /* [version - 1] */
    uint32_t version, hold;
    uint64_t unsteady_seq; /* the last event by which ranks may not be those as they came */
    bool refused, was_full; /* EFULL since there was room; and there was none at all */
};

/* What is remembered of a symptom. */
struct symptom {
    struct {
        usher_id id;
        int64_t at;
        int who;
    } recent[RECENT_MAX]; /* since the last fix */
    uint32_t recent_n;
    uint64_t seen;
    int64_t first_at, last_at, window;
    usher_id last, cause;
    uint32_t causes, fixes, workarounds;
};

/* Events that must come now, because of the one before. */
struct coming {
    usher_id recurred, link, open, no_queue; /* of this ticket */
    uint32_t n;
    int by;
    usher_id other;
    usher_id pair_of, pair; /* LINKED of a cause: that it is the cause of `pair` */
    usher_id list[TICKETS_MAX], cause; /* LINKED to it, or told of it */
    uint32_t list_n, list_at;
    int how; /* 0: linked; else told */
};

struct watch {
    usher_t *u;
    struct seen_queue queue[QUEUES];
    uint32_t queues_n;
    usher_agent_t *agent[AGENTS];
    uint32_t skills[AGENTS]; /* bits */
    bool gone[AGENTS];
    struct seen ticket[TICKETS_MAX + 1]; /* by id */
    struct mark mark[QUEUES][4][WAITERS];
    struct symptom symptom[SYMPTOMS + 1];
    struct coming coming;
    uint32_t tickets_n;
    uint64_t seq;
    int64_t at; /* of the last event */
    bool stepped; /* the wall has been set: leases do not follow it */
    bool lax;     /* callbacks call, too: what is told may be older than what is */
    bool stored;  /* what leaves memory is still there */
    bool on_time; /* each instant is stopped at, and nobody commands anything meanwhile: timers come in their order */
    struct {
        int64_t at;
        int class; /* 0: no timer */
        usher_id ticket;
    } timer; /* the last event */
    bool unsure;  /* some ranks are, until the next look */
    usher_id out_of_turn; /* the ticket that is being claimed so */
    uint32_t pending_key, pending_ref, pending_needs; /* of what is being enqueued */
    uint32_t pending_symptom;
    usher_id pending_follows;
    uint64_t offers_made, offers_ended;
    char wrong[400]; /* "": nothing */
};

void watch_begin(struct watch *w, usher_t *u);
void watch_wrong(struct watch *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* NULL: no such ticket. */
struct seen *watch_ticket(struct watch *w, usher_id id);
uint32_t watch_queue(const struct watch *w, const usher_queue_t *q);
const struct rules *watch_rules(const struct watch *w, uint32_t queue); /* its policy now */
bool watch_claim_stands(const struct seen *t);
bool watch_is_over(const struct seen *t);
bool watch_all_confirmed(const struct seen *t);
uint32_t watch_mask(const struct seen *t);                                  /* pauses that run */
int64_t watch_pause_left(const struct seen *t, int reason, int64_t now);    /* of its maximum */
int watch_number(const char *name, char kind, int most); /* in a name such as p3; -1: none */
int watch_person(const char *name);                      /* p3, or q1 as one who waits; -1 */
int watch_line(const struct seen *t); /* in which queue's line it stands; -1: in none */
bool watch_able(const struct watch *w, uint32_t needs); /* somebody present has them */
bool watch_is_cause(const struct watch *w, usher_id id);
uint32_t watch_linked(const struct watch *w, usher_id id); /* tickets, to it */
extern const char watch_letters[];                       /* of states, by number */
uint32_t watch_open(const struct watch *w, uint32_t queue);

void watch_event(struct watch *w, const usher_event *e);

/* A command with the token has been accepted: the lease is extended; ms: EXTEND by, 0 = the queue's.
 * Whether it was clipped. */
bool watch_extend(struct watch *w, struct seen *t, uint32_t queue, int64_t at, int64_t ms);

/* The status that a command must get now, when all events have been told. */
int watch_expect(struct watch *w, const usher_command *c, int64_t now);

/* Whether a command that was done may have led from one state to the other. */
bool watch_leads(const usher_command *c, int from, int to);

/* The end of what it is in, as the standing shows it; not for scheduled ones. */
int64_t watch_until(const struct seen *t);

/* Looks at the tickets that were touched since the last time; all: at every one, and the counts. */
void watch_look(struct watch *w, bool all, uint32_t keep_closed);

/* Promises, for who wants to know: what is used, when it is due. */
int64_t watch_used(const struct seen *t, int ix, int64_t now);
int64_t watch_due(const struct seen *t, int ix);
int64_t watch_left(const struct seen *t, int ix, int64_t now);

uint64_t usher__service_token(usher_t *u, usher_id id);
int64_t usher__service_next_due(usher_t *u);
const char *usher__service_check(usher_t *u);

#endif
