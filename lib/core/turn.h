/* What the rules share among themselves: one turn is one command or one timer on one ticket. */
#ifndef USHER_CORE_TURN_H
#define USHER_CORE_TURN_H

#include "core/promise.h"
#include "core/ticket.h"

struct turn {
    struct ticket *t;
    const struct command *c; /* NULL: a timer */
    const struct policy *policy;
    const struct facts *facts;
    struct outcome *out;
    int64_t at;   /* the instant that this turn is for */
    int64_t boot; /* the same on the boot clock */
    int64_t ahead;
    int64_t seen;       /* `at`, or later when it is noticed later */
    int64_t word, held; /* for the next event that is told: see struct event */
};

void usher__outcome_clear(struct outcome *out);

/* A warning or step is told with others when it was late, or put into the past. own_at: the instant
 * at which it was due; it fires at `at`, and that is seen at `seen`. */
static inline bool usher__is_late(int64_t own_at, int64_t at, int64_t seen)
{
    return own_at < at || seen - own_at > LATE_MS;
}

/* What is told of a promise next, to come or passed: broken, a warning, a step of the ladder. */
struct timer usher__next_record(const struct ticket *t, const struct policy *policy);

/* Adds an event that shows the ticket as it is now; the caller fills in what its kind says. */
struct event *usher__tell(struct turn *turn, int kind, uint32_t who);
/* ... of a promise: WARNED, BROKEN, STEPPED. */
struct event *usher__tell_of(struct turn *turn, int kind, int ix, const char *rule);

/* How long something took, as an event says it: plus 1, and never less than nothing. */
static inline int64_t usher__took(int64_t from, int64_t to)
{
    return (to > from ? to - from : 0) + 1;
}

void usher__set_state(struct turn *turn, int state);
void usher__set_text(struct turn *turn, struct text **slot, struct text *text);
void usher__raise(struct ticket *t, uint32_t levels);

/* A word has been said (text may be NULL). Bits of the promises that it kept. */
uint8_t usher__word(struct turn *turn, struct text *text);
/* A requester's message waits for an answer. */
void usher__message(struct turn *turn);
uint8_t usher__stop(struct turn *turn, int promise);

/* A duration from here on; INT64_MAX: longer than time goes. */
static inline int64_t usher__after(int64_t at, int64_t ms)
{
    int64_t end;

    return __builtin_add_overflow(at, ms, &end) ? INT64_MAX : end;
}

/* Into the line, for the first time or again; keep: for its last holder, if the policy says so. */
void usher__start(struct turn *turn);
void usher__end_keep(struct ticket *t);
void usher__return(struct turn *turn, bool keep);

void usher__pause_begin(struct turn *turn, int reason);
void usher__pause_stop(struct turn *turn, int reason);
void usher__pauses_end(struct turn *turn);
bool usher__pause_runs(const struct ticket *t, int reason);

void usher__resolve(struct turn *turn, int how, struct text *text, uint32_t who, uint8_t kept,
                    uint8_t lapsed);
void usher__close(struct turn *turn, uint32_t who);
void usher__reprioritise(struct turn *turn, int priority, uint32_t who);
void usher__stuck(struct turn *turn, uint32_t who);

/* Another priority, or the same under another policy: the same starts and pauses, other targets.
 * Bits of the promises that lapse by that. */
uint8_t usher__retarget(struct turn *turn, int priority);
void usher__broken(struct turn *turn, int ix);
/* What that has put into the past: broken, or the highest warning that has passed. */
void usher__judge_again(struct turn *turn, int ix);
void usher__judge_all(struct turn *turn);
void usher__set_queue(struct turn *turn, uint32_t queue);

/* NULL: he is not one of those who wait. */
bool usher__is_person(const struct ticket *t, uint32_t name);

void usher__rank_first(struct turn *turn);
void usher__rank_again(struct turn *turn);
void usher__rank_anew(struct turn *turn);

/* The verbs, by who says them. */
void usher__do_enqueue(struct turn *turn);
void usher__do_join(struct turn *turn);
void usher__do_claim(struct turn *turn);
void usher__do_acknowledge(struct turn *turn);
void usher__do_receipt(struct turn *turn);
void usher__do_update(struct turn *turn);
void usher__do_extend(struct turn *turn);
void usher__do_release(struct turn *turn);
void usher__do_pause(struct turn *turn);
void usher__do_resume(struct turn *turn);
void usher__do_resolve(struct turn *turn);
void usher__do_fail(struct turn *turn);
void usher__do_leave(struct turn *turn);
void usher__do_ask(struct turn *turn);
void usher__do_reply(struct turn *turn);
void usher__do_confirm(struct turn *turn);
void usher__do_reopen(struct turn *turn);
void usher__do_withdraw(struct turn *turn);
void usher__do_revive(struct turn *turn);
void usher__do_escalate(struct turn *turn);
void usher__do_reprioritise(struct turn *turn);
void usher__do_move(struct turn *turn);
void usher__do_note(struct turn *turn);
void usher__do_hand_off(struct turn *turn);
void usher__do_recall(struct turn *turn);
void usher__do_link(struct turn *turn);
void usher__do_linked(struct turn *turn);
void usher__do_told(struct turn *turn);
void usher__do_no_agent(struct turn *turn);
void usher__do_unkeep(struct turn *turn);
void usher__do_apply(struct turn *turn);

int usher__check_update(const struct turn *turn);
int usher__check_pause(const struct turn *turn);
int usher__check_resume(const struct turn *turn);
int usher__check_person(const struct turn *turn);
int usher__check_reply(const struct turn *turn);
int usher__check_reopen(const struct turn *turn);
int usher__check_join(const struct turn *turn);
int usher__check_unkeep(const struct turn *turn);
int usher__check_claim(const struct turn *turn);
int usher__check_hand_off(const struct turn *turn);
int usher__check_link(const struct turn *turn);

/* handoff.c: declined, or not accepted in time: it comes back to its giver. */
void usher__offer_return(struct turn *turn);
/* ... claimed: it goes where it was offered to. USHER_TO_*; 0: there is no offer. */
int usher__accept(struct ticket *t);

/* cause.c: a ticket with a symptom has come. */
void usher__recur(struct turn *turn);
bool usher__is_cause(const struct ticket *t);

#endif
