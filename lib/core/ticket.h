/* The rules: what a command, or the passing of time, does to a ticket.
 *
 * Pure. step() and fire() see one ticket, one command or timer, one `now`, the policies and a few
 * facts about other tickets; they change the ticket in place and say what happened as data. They
 * allocate nothing, and after the checks nothing can fail: who calls makes room beforehand
 * (usher__room_for, usher__room_to_fire) and afterwards moves the ticket to where usher__place says and arms what
 * usher__next_timer says. So every engine that stores tickets has the same rules.
 *
 * Names of people, agents and queues are handles here, texts are opaque: the rules compare and pass
 * them on, and never look inside. */
#ifndef USHER_CORE_TICKET_H
#define USHER_CORE_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include <usher/usher.h>

#include "core/policy.h"

struct text; /* the engine's counted bytes */

/* ---- the record ------------------------------------------------------------------------------ */

enum {                    /* struct promise, flags */
       PROMISE_OWED = 1,  /* from its start until it is stopped, made or silent, broken or not */
       PROMISE_ALONE = 2, /* a named instant that counts alone: wall time, no pause touches it */
       PROMISE_DAYS =
           4 /* its target was one of working days: of an exact fill, due at the opening */
};

struct promise {
    int64_t start_at;
    int64_t target; /* open ms; alone: wall ms from start_at to the named instant */
    uint32_t arming;
    uint8_t state; /* USHER_RUNNING ...; 0: silent or never started */
    uint8_t flags;
    uint8_t warned; /* bits by index of policy.warn */
    uint8_t reserved;
};

struct person {
    uint32_t name;
    bool confirmed;
};

/* A stretch of a ticket's life with one and the same set of pause reasons. */
struct stretch {
    int64_t from_at, to_at;
    uint32_t reasons;
};
enum { STRETCH_RESOLVED = 1 << REASONS }; /* beside the reasons' bits: between resolve and reopen */

struct pause {
    int64_t began_at; /* of the latest command: reminders count from it */
    int64_t since_at; /* since when the reason runs without a break */
    int64_t end_at;
    int64_t spent;  /* ended pauses of this reason, in ms */
    uint8_t at_max; /* end_at is the policy's maximum, not the agent's choice */
    uint8_t reminded;
};

/* A step of the ladder that has fired in the promise's present arming, or, for later versions of the
 * policy, a warning that the ticket's own version does not have (id: its per cent). */
struct rung {
    uint64_t id;    /* struct step's */
    uint32_t fired; /* how often */
    uint32_t promise;
};
enum { RUNGS_MAX = 256 }; /* the oldest are forgotten */

/* What has fired late, or was put into the past by a new target, and is still to be told as one event. */
struct untold {
    int64_t at;      /* the latest; 0: nothing */
    uint64_t notify; /* all of them together */
    uint32_t steps;  /* bits by index of policy.ladder */
    uint32_t warns;  /* bits by promise * WARN_MAX + index of policy.warn */
    uint32_t n;      /* the latest one's: per cent of a warning, repeat of a step */
    uint8_t step;    /* ... its index + 1; 0: a warning */
    uint8_t promise; /* ... its index */
    uint8_t lapsed;  /* bits, as in struct event */
    uint8_t moved;   /* one of them moved the ticket */
};

/* What only some tickets have. */
struct extra {
    struct person *persons; /* NULL: only the requester */
    struct stretch *stretches;
    struct text *question;
    int64_t named_at;  /* `update`: a second, unpaused end; 0 = none */
    int64_t set_since; /* since when `reasons` is what it is */
    uint32_t reasons;  /* bits of the pauses that run */
    uint32_t persons_room, stretches_n, stretches_room;
    uint32_t pauses_n;                /* pauses and reopens so far, against USHER_PAUSES_MAX */
    uint32_t symptom, dedup_key, ref; /* handles, 0 = none */
    uint32_t needs_n;
    uint32_t needs[USHER_NEEDS_MAX];
    struct pause pause[REASONS];
    struct rung *rungs;
    uint32_t rungs_n, rungs_room;
    struct untold untold;
    usher_id cause, follows;           /* 0: none */
    uint32_t offer_queue, offer_agent; /* offered: to whom, one of the two; else both 0 */
    uint16_t hops;                     /* hand-offs so far */
    bool is_cause;                     /* opened by recurrence, for its symptom */
    bool told_no_agent;                /* since it was last claimed */
    bool linked; /* the engine's: it is in the list of `cause`, which is not over */
    uint32_t linked_n,
        linked_first; /* the engine's: tickets that this one is the cause of, by slot */
    uint32_t linked_next, linked_prev; /* ... its own place in such a list */
    uint32_t next_cause; /* the engine's: in the list of causes, which has all that are open */
    bool listed;         /* ... whether it is there */
};

enum {                          /* struct ticket, flags */
       TICKET_KEPT = 1,         /* waiting, kept for `holder` until until_at */
       TICKET_ACKNOWLEDGED = 2, /* its first word has been said */
       TICKET_RANKED = 4,       /* has been in the line */
       CLAIM_WORD = 8,          /* this claim saw a word */
       CLAIM_ALIVE = 16,        /* ... and an update or extend after it */
       TICKET_CONFIRMED = 32,   /* the requester has confirmed */
       TICKET_NOTED = 64,       /* the engine's: it has changed since the last cut */
       TICKET_FILED = 128,      /* ... its row in the store is among those of the closed */
       TICKET_ENGINES = TICKET_NOTED | TICKET_FILED
};

struct ticket {
    usher_id id;
    uint64_t token; /* of the latest claim */
    int64_t enqueued_at;
    int64_t start_at; /* when its clocks start: enqueued_at or later */
    int64_t state_at;
    int64_t rank;
    int64_t
        until_at; /* scheduled, kept, offered, resolved: their end. claimed: the lease's, BOOT clock */
    union {
        int64_t claimed_boot; /* claimed, offered: when it was claimed, on the boot clock */
        int64_t resolved_at;  /* resolved, closed */
    };
    struct promise promise[PROMISES];
    struct text *body, *last_word;
    struct extra *extra;                       /* NULL: nothing of it */
    int64_t behind;                            /* its rank less what that was made from */
    uint64_t last_event;                       /* the service's seq of its latest event */
    uint32_t queue, policy, holder, requester; /* holder: the last one, whoever holds it now */
    uint32_t seq;                              /* events so far */
    uint32_t next, prev; /* the engine's lists: held by one agent; closed, by age */
    uint16_t persons_n, attempts, level, chases;
    uint8_t state, priority, flags;
    uint8_t checked_in; /* check-ins told since the resolve */
};

/* ---- a command -------------------------------------------------------------------------------- */

enum {                    /* verbs of the engine's own, beside the public ones */
       VERB_RECEIPT = 80, /* acknowledge by_machine */
       VERB_ENQUEUE = 81,
       VERB_JOIN = 82,
       VERB_CLAIM = 83, /* from the line */
       VERB_CLAIM_TICKET = 84,
       VERB_LEAVE = 85,  /* its agent has gone */
       VERB_UNKEEP = 86, /* the agent that it was kept for has gone */
       VERB_APPLY = 87, /* a later version of its policy, which is the one that the step is given */
       VERB_LINKED = 88,   /* a cause: one more ticket is linked to it (command.other) */
       VERB_TOLD = 89,     /* a linked ticket: its cause (command.other) was resolved as `kind` */
       VERB_NO_AGENT = 90, /* the last agent present who could serve it has gone, or lost a skill */
       VERBS = 91
};
enum { ENQUEUE_CAUSE = 1 }; /* kind of VERB_ENQUEUE: opened by recurrence */
enum { DECLINE_GONE = 1 };  /* kind of USHER_DECLINE: the agent has gone to whom it was offered */

struct now {
    int64_t wall; /* never falls */
    int64_t boot;
    int64_t ahead; /* of the boot clock, the wall: to show the end of a lease on the wall */
    int64_t seen;  /* what the wall really shows: later than `wall` when a timer runs late */
};

#define LATE_MS INT64_C(60000) /* what fires later than that after its instant is late */

struct command {
    int32_t verb, kind;
    uint64_t token; /* 0: none given */
    struct text *text;
    int64_t at, ms;
    uint32_t who;      /* agent, person or desk, for the record; handle */
    uint32_t queue;    /* MOVE, HAND_OFF: to */
    uint32_t to_agent; /* HAND_OFF: to, instead of a queue */
    usher_id other;    /* LINK, LINKED, TOLD: the other ticket. ENQUEUE: the one that it follows */
    /* ENQUEUE, JOIN, CLAIM: */
    uint32_t policy, agent, priority, needs_n;
    const uint32_t *needs;
};

/* What is known of the last rank given to a requester in a queue and band. */
struct mark {
    int64_t rank, set_at, gap; /* gap: of the queue's policy when it was set */
    usher_id ticket;           /* 0: no mark */
};

struct facts {
    const struct policy
        *here; /* the current one of the queue it is in; MOVE: it goes to; CLAIM: it stands in */
    struct mark mark;     /* for the queue, band and requester that usher__marks says */
    uint32_t holder_name; /* ticket.holder's */
    bool holder_present;  /* there is a ticket.holder, who has not gone */
    uint32_t passed_over; /* CLAIM_TICKET */
    uint32_t move_to; /* TIMER_STEP: queue of the step's `move`; 0: there is none of that name */
    const struct policy *was; /* APPLY: the ticket's policy until now */
    bool able; /* some agent who is present has all skills that the ticket needs; JOIN: will need */
    bool agent_present; /* HAND_OFF: command.to_agent has not gone */
    /* ENQUEUE with a symptom: */
    uint32_t recent,
        recent_by; /* tickets with it within the policy's window, since its last fix; by the same requester */
    usher_id earlier; /* the latest ticket with it; 0: none */
    /* the open one about it that has room for one more; LINK: command.other, if it is there; 0: none */
    usher_id cause;
    uint8_t cause_state;   /* LINK: its */
    uint32_t cause_linked; /* ... and how many it has */
    uint32_t cause_queue;  /* of the policy; 0: there is none of that name */
};

/* ---- what comes out ---------------------------------------------------------------------------- */

struct event {
    int64_t at, until_at, due_at;
    int64_t notify_at;        /* 0: at once */
    int64_t took, word, held; /* as in usher_event, plus 1; 0: nothing */
    usher_id other;
    uint64_t notify;       /* bits by place in policy.names */
    uint32_t steps, warns; /* told together with it, as in struct untold: the engine names them */
    uint32_t name;         /* place in policy.names, plus 1: a queue that is not there */
    struct text *text;
    const char *rule;
    usher_id ticket;
    uint32_t seq; /* of the ticket */
    uint32_t n, who, to, queue, policy_version;
    int32_t how;
    uint16_t level;
    uint8_t kind, state, promise, priority, kept, lapsed;
};

enum { EVENTS_MAX = 12, TEXTS_MAX = 6, NAMES_MAX = USHER_NEEDS_MAX + 2 };

struct outcome {
    uint32_t events_n, hold_n, drop_n, take_n;
    uint32_t flags;   /* USHER_WAS_* */
    uint32_t effects; /* EFFECT_* */
    bool set_mark;    /* `mark` is to be stored where usher__marks said */
    struct mark mark;
    uint32_t left; /* the person who left, 0 = none: one reference to the name goes */
    struct text *hold[TEXTS_MAX]; /* now referred to by the ticket */
    struct text *drop[TEXTS_MAX]; /* no longer */
    uint32_t take[NAMES_MAX];     /* names now referred to by the ticket */
    struct event events[EVENTS_MAX];
};

/* ---- the table --------------------------------------------------------------------------------- */

enum { BY_HOLDER = 1, BY_REQUESTER, BY_DESK, BY_ENGINE }; /* who may */
enum { TOKEN_KEPT = 1, TOKEN_ENDED, TOKEN_NEW };          /* what becomes of it */
enum {                                                    /* what the rules must know */
       FACT_MARK = 1,
       FACT_HOLDER = 2,
       FACT_PASSED_OVER = 4,
       FACT_ABLE = 8,
       FACT_AGENT = 16,   /* agent_present */
       FACT_SYMPTOM = 32, /* recent to cause_queue */
       FACT_CAUSE = 64    /* LINK: cause, cause_state, cause_linked */
};
/* What there must be room for: in the ticket; in the line; with the agent that it may be kept for. */
enum {
    ROOM_EXTRA = 1,
    ROOM_STRETCH = 2,
    ROOM_PERSON = 4,
    ROOM_LINE = 8,
    ROOM_KEPT = 16,
    ROOM_RUNGS = 32, /* for RUNGS_SPARE more */
    /* Where HAND_OFF offers it to. What stands there already has ROOM_LINE for that line, or agent. */
    ROOM_OFFER = 64
};
/* What is to happen elsewhere, as bits of outcome.effects. */
enum {
    EFFECT_LINKED =
        1, /* extra.cause has changed: list it there, and tell the cause (VERB_LINKED) if there is one */
    EFFECT_OPEN_CAUSE =
        2, /* open one for the symptom in facts.cause_queue, and link all recent ones */
    EFFECT_TELL_LINKED =
        4 /* VERB_TOLD to all that are linked to it, with the command's kind and text */
};
enum { RUNGS_SPARE = LADDER_MAX + PROMISES * WARN_MAX };

struct turn;
struct verb {
    const char *name;
    uint8_t by, needs_token, token;
    uint8_t facts, room;
    /* A letter per state, by its number from 1 (S W C O P K R X D): '.' illegal, '=' it stays,
     * the letter of the state that follows, '*' decided by the rule: one of those in `or`. */
    char to[10];
    char or [10];
    int (*check)(const struct turn *t); /* what depends on now and on policy; NULL: nothing */
    void (*apply)(struct turn *t);
};

/* NULL: no such verb. */
const struct verb *usher__verb(int verb);

/* ---- the functions ----------------------------------------------------------------------------- */

/* Judges the command and, when it is legal, does it. policy is the ticket's own (for ENQUEUE and
 * JOIN the queue's current). 0, or USHER_ESTALE, ESTATE, EINVAL, ELIMIT with nothing changed. */
int usher__step(struct ticket *t, const struct command *c, struct now now,
                const struct policy *policy, const struct facts *facts, struct outcome *out);

enum { /* in the order in which those of one ticket, instant and class fire */
       TIMER_NONE = 0,
       TIMER_START,
       TIMER_PAUSE_END,
       TIMER_LEASE_END,
       TIMER_KEEP_END,
       TIMER_REMIND,
       TIMER_OFFER_END,
       TIMER_BROKEN,
       TIMER_WARNING,
       TIMER_STEP, /* of the ladder */
       TIMER_CHECK_IN,
       TIMER_CLOSE
};
enum { CLASS_SERVES, CLASS_RECORDS, CLASS_AFTER, CLASS_PARKED, CLASSES };

struct timer {
    int64_t at; /* INT64_MAX: none. On the wall; TIMER_LEASE_END from usher__lease_end: boot */
    uint8_t kind, cls, index; /* index: promise, reason or step */
};

/* The ticket's next timer on the wall clock, the lease apart. */
struct timer usher__next_timer(const struct ticket *t, const struct policy *policy);

/* When its lease ends, on the boot clock; INT64_MAX: it has none. */
int64_t usher__lease_end(const struct ticket *t);

/* Does what the timer says. at: the timer's own instant, on both clocks, however late it runs; for a
 * step or warning that a change put into the past, the instant of that change. */
void usher__fire(struct ticket *t, struct timer timer, struct now at, const struct policy *policy,
                 const struct facts *facts, struct outcome *out);

/* Where a ticket stands, for the engine to put it there. */
enum { PLACE_NONE, PLACE_LINE, PLACE_KEPT, PLACE_HELD };
struct place {
    /* queue: in whose line, offered ones in that which they are offered to; band: priority - 1; agent: kept
     * for, offered to, held by */
    uint32_t where, queue, band, agent;
    int64_t rank;
};
struct place usher__place(const struct ticket *t);

/* Whether the command (NULL: a timer) may compute a rank, and in which queue and band; the mark that
 * counts is that of t->requester there. */
bool usher__marks(const struct ticket *t, const struct command *c, uint32_t *queue, uint32_t *band);
/* The same for a step of the ladder; move_to as in struct facts. */
bool usher__step_marks(const struct ticket *t, const struct step *step, uint32_t move_to,
                       uint32_t *queue, uint32_t *band);

/* Whether a mark still counts. */
bool usher__mark_alive(const struct mark *m, int64_t now);

/* Bits of enum ROOM_* for the command before it is judged, and for a timer before it is fired.
 * ROOM_STRETCH is room for STRETCH_SPARE more than it has: what ends its pauses later then needs none. */
enum { STRETCH_SPARE = REASONS + 1 };
uint32_t usher__room_for(const struct ticket *t, const struct command *c);
uint32_t usher__room_to_fire(struct timer timer, struct now at);

/* What a view shows. */
bool usher__claim_stands(const struct ticket *t);
int64_t usher__until(const struct ticket *t, struct now now);
int64_t usher__nearest_due(const struct ticket *t, const struct policy *policy);

/* What applying a later policy would do to one promise. Nothing is changed. */
struct due_change {
    int64_t from_at, to_at; /* due; INT64_MAX: none */
    bool breaks;            /* it would be broken at once */
    bool lapses, starts;    /* it would end without a verdict; it would be made */
};
/* True: it would change. ix: index of the promise. */
bool usher__what_if(const struct ticket *t, const struct policy *was, const struct policy *to,
                    int ix, int64_t now, struct due_change *out);

#endif
