/* fire(): what the passing of time does to a ticket, one timer at a time, at the timer's own
 * instant. A timer that runs late changes nothing in the outcome. */
#include <stddef.h>

#include "core/cold.h"
#include "core/ladder.h"

/* ---- which timer is next ------------------------------------------------------------------------ */

static void sooner(struct timer *best, int64_t at, int kind, int cls, int index)
{
    struct timer timer = {at, (uint8_t)kind, (uint8_t)cls, (uint8_t)index};

    if (at == INT64_MAX || at > best->at)
        return;
    if (at < best->at || (cls == best->cls && kind < best->kind))
        *best = timer; /* what ties is offered by class and in order, so the first stays */
}

static void pause_timers(const struct ticket *t, const struct policy *p, struct timer *best)
{
    const struct extra *x = t->extra;

    for (int reason = 0; reason < REASONS; reason++) {
        const struct pause *pause = &x->pause[reason];

        if ((x->reasons & 1u << reason) == 0)
            continue;
        sooner(best, pause->end_at, TIMER_PAUSE_END, CLASS_SERVES, reason);
        if (pause->reminded < p->pause[reason].remind_n)
            sooner(best, usher__after(pause->began_at, p->pause[reason].remind[pause->reminded]),
                   TIMER_REMIND, CLASS_SERVES, reason);
    }
}

static void promise_timers(const struct ticket *t, const struct policy *p, struct timer *best)
{
    for (int ix = 0; ix < PROMISES; ix++) {
        const struct promise *m = &t->promise[ix];
        bool warns;
        int64_t at;

        if (m->state != USHER_RUNNING)
            continue;
        at = usher__promise_next(t, p, ix, &warns);
        sooner(best, at, warns ? TIMER_WARNING : TIMER_BROKEN, CLASS_RECORDS, ix);
    }
}

static void ladder_timer(const struct ticket *t, const struct policy *p, struct timer *best)
{
    uint32_t step = 0;
    int64_t at = p->ladder_n != 0 ? usher__ladder_next(t, p, &step) : INT64_MAX;

    sooner(best, at, TIMER_STEP, CLASS_RECORDS, (int)step);
}

struct timer usher__next_record(const struct ticket *t, const struct policy *policy)
{
    struct timer best = {INT64_MAX, TIMER_NONE, CLASSES, 0};

    promise_timers(t, policy, &best);
    ladder_timer(t, policy, &best);
    return best;
}

struct timer usher__next_timer(const struct ticket *t, const struct policy *policy)
{
    struct timer best = {INT64_MAX, TIMER_NONE, CLASSES, 0};

    if (t->state == USHER_SCHEDULED)
        sooner(&best, t->until_at, TIMER_START, CLASS_SERVES, 0);
    else if (t->state == USHER_PAUSED)
        pause_timers(t, policy, &best);
    else if (t->state == USHER_OFFERED)
        sooner(&best, t->until_at, TIMER_OFFER_END, CLASS_SERVES, 0);
    else if ((t->flags & TICKET_KEPT) != 0)
        sooner(&best, t->until_at, TIMER_KEEP_END, CLASS_SERVES, 0);
    if (t->state == USHER_RESOLVED) {
        sooner(&best, t->until_at, TIMER_CLOSE, CLASS_AFTER, 0);
        if (t->checked_in < policy->check_in_n)
            sooner(&best, usher__after(t->resolved_at, policy->check_in[t->checked_in]),
                   TIMER_CHECK_IN, CLASS_AFTER, 0);
        return best;
    }
    promise_timers(t, policy, &best);
    ladder_timer(t, policy, &best);
    return best;
}

int64_t usher__lease_end(const struct ticket *t)
{
    return t->state == USHER_CLAIMED ? t->until_at : INT64_MAX;
}

/* ---- what each one does ------------------------------------------------------------------------- */

static void start(struct turn *turn)
{
    if ((turn->t->flags & TICKET_RANKED) == 0)
        usher__start(turn);
    else
        usher__return(turn, false); /* the backoff after a failed attempt is over */
    usher__tell(turn, USHER_EV_STARTED, 0);
}

static const char *pause_rule(int reason, bool at_max)
{
    static const char *const rules[REASONS] = {"pause.requester.max", "pause.third_party.max",
                                               "pause.until.max"};

    return at_max ? rules[reason] : NULL;
}

/* Silence of the requester to the very end, with nothing of his unanswered: no verdict for what is
 * not yet broken. */
static COLD void no_reply(struct turn *turn)
{
    uint8_t lapsed = 0;

    for (int ix = 0; ix < PROMISES; ix++) {
        struct promise *m = &turn->t->promise[ix];

        if (usher__promise_stop(turn->t, ix)) {
            m->state = USHER_LAPSED;
            lapsed = (uint8_t)(lapsed | 1u << (ix + 1));
        }
    }
    usher__resolve(turn, USHER_AS_NO_REPLY, NULL, 0, 0, lapsed);
    turn->out->events[1].rule = "pause.requester.then"; /* [0] is the pause's end */
}

static COLD void pause_end(struct turn *turn, int reason)
{
    struct ticket *t = turn->t;
    const struct promise *answer = &t->promise[USHER_PROMISE_ANSWER - 1];
    bool at_max = t->extra->pause[reason].at_max != 0;
    bool resolves = at_max && turn->policy->pause[reason].then_resolve &&
                    t->extra->reasons == 1u << reason && (answer->flags & PROMISE_OWED) == 0;
    struct event *e;

    usher__pause_stop(turn, reason);
    if (t->extra->reasons == 0 && !resolves)
        usher__return(turn, true);
    e = usher__tell(turn, USHER_EV_PAUSE_ENDED, 0);
    e->how = reason + 1;
    e->rule = pause_rule(reason, at_max);
    if (resolves)
        no_reply(turn);
}

/* Somebody who worked and said so has not failed: he ran out of lease. A worker that crashes, even
 * after its first word, has, and ends in `stuck` instead of going round for ever. */
static COLD void lease_end(struct turn *turn)
{
    struct ticket *t = turn->t;
    bool spoke = (t->flags & CLAIM_WORD) != 0;
    bool stuck = false;
    struct event *e;

    if ((t->flags & CLAIM_ALIVE) == 0) {
        t->attempts++;
        stuck = t->attempts >= turn->policy->attempts;
    }
    if (stuck)
        usher__set_state(turn, USHER_STUCK);
    else
        usher__return(turn, spoke);
    e = usher__tell(turn, USHER_EV_LEASE_EXPIRED, turn->facts->holder_name);
    e->n = t->attempts;
    e->rule = "lease.for";
    if (stuck)
        usher__stuck(turn, turn->facts->holder_name);
}

static COLD void remind(struct turn *turn, int reason)
{
    static const char *const rules[REASONS] = {"pause.requester.remind", "pause.third_party.remind",
                                               "pause.until.remind"};
    struct pause *pause = &turn->t->extra->pause[reason];
    struct event *e = usher__tell(turn, USHER_EV_REMINDED, 0);

    e->n = ++pause->reminded;
    e->how = reason + 1;
    e->text = reason == USHER_ON_REQUESTER - 1 ? turn->t->extra->question : NULL;
    e->rule = rules[reason];
}

void usher__broken(struct turn *turn, int ix)
{
    turn->t->promise[ix].state = USHER_BROKEN;
    usher__tell_of(turn, USHER_EV_BROKEN, ix, usher__promise_rule(ix));
}

static void warning(struct turn *turn, int ix, int64_t own_at)
{
    struct promise *m = &turn->t->promise[ix];
    int warn = 0;

    usher__promise_warning(turn->t, turn->policy, ix, &warn);
    m->warned = (uint8_t)(m->warned | 1u << warn);
    usher__ladder_warned(turn, ix, warn, own_at);
}

static void check_in(struct turn *turn)
{
    struct event *e = usher__tell(turn, USHER_EV_CHECK_IN, 0);

    e->n = ++turn->t->checked_in;
    e->rule = "aftercare.check_in";
}

void usher__fire(struct ticket *t, struct timer timer, struct now at, const struct policy *policy,
                 const struct facts *facts, struct outcome *out)
{
    struct turn turn = {t, NULL, policy, facts, out, at.wall, at.boot, at.ahead, at.seen, 0, 0};

    usher__outcome_clear(out);
    switch (timer.kind) {
    case TIMER_START:
        start(&turn);
        break;
    case TIMER_PAUSE_END:
        pause_end(&turn, timer.index);
        break;
    case TIMER_LEASE_END:
        lease_end(&turn);
        break;
    case TIMER_KEEP_END:
        usher__end_keep(t);
        usher__tell(&turn, USHER_EV_KEEP_ENDED, 0)->rule = "line.keep_for";
        break;
    case TIMER_REMIND:
        remind(&turn, timer.index);
        break;
    case TIMER_OFFER_END:
        usher__offer_return(&turn);
        break;
    case TIMER_BROKEN:
        usher__broken(&turn, timer.index);
        break;
    case TIMER_WARNING:
        warning(&turn, timer.index, timer.at);
        break;
    case TIMER_STEP:
        usher__ladder_climb(&turn, timer.index);
        break;
    case TIMER_CHECK_IN:
        check_in(&turn);
        break;
    case TIMER_CLOSE:
        usher__close(&turn, 0);
        out->events[0].rule = "aftercare.confirm_within";
        break;
    default:
        break;
    }
    usher__ladder_tell(&turn);
    usher__do_no_agent(&turn);
}
