/* See ladder.h. */
#include "core/ladder.h"

#include <stddef.h>
#include <string.h>

/* ---- what has fired ------------------------------------------------------------------------- */

static struct rung *rung_of(const struct ticket *t, uint64_t id, uint32_t ix)
{
    const struct extra *x = t->extra;

    for (uint32_t i = 0; x != NULL && i < x->rungs_n; i++) {
        if (x->rungs[i].id == id && x->rungs[i].promise == ix)
            return &x->rungs[i];
    }
    return NULL;
}

static bool has_step(const struct policy *p, uint64_t id)
{
    for (uint32_t i = 0; i < p->ladder_n; i++) {
        if (p->ladder[i].id == id)
            return true;
    }
    return false;
}

/* The oldest is forgotten when there are too many: not of those that would fire again at once. */
static void forget_one(struct extra *x, const struct policy *p)
{
    uint32_t i = 0;

    while (i + 1 < x->rungs_n && has_step(p, x->rungs[i].id))
        i++;
    x->rungs_n--;
    memmove(&x->rungs[i], &x->rungs[i + 1], (x->rungs_n - i) * sizeof(struct rung));
}

/* One more time. How often it had fired before. */
static uint32_t count_firing(struct ticket *t, const struct policy *p, uint64_t id, uint32_t ix)
{
    struct rung *rung = rung_of(t, id, ix);

    if (rung == NULL) {
        struct extra *x = t->extra;

        if (x->rungs_n == RUNGS_MAX)
            forget_one(x, p);
        rung = &x->rungs[x->rungs_n++];
        *rung = (struct rung){.id = id, .promise = ix};
    }
    return rung->fired++;
}

void usher__ladder_rearm(struct extra *x, int ix)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < x->rungs_n; i++) {
        if (x->rungs[i].promise != (uint32_t)ix)
            x->rungs[kept++] = x->rungs[i];
    }
    x->rungs_n = kept;
}

void usher__ladder_rewarn(struct ticket *t, const struct policy *was, const struct policy *p,
                          int ix)
{
    struct promise *m = &t->promise[ix];
    uint8_t warned = m->warned;

    m->warned = 0;
    for (uint32_t i = 0; i < was->warn_n; i++) {
        if ((warned & 1u << i) != 0)
            count_firing(t, p, was->warn[i], (uint32_t)ix);
    }
    for (uint32_t i = 0; i < p->warn_n; i++) {
        if (rung_of(t, p->warn[i], (uint32_t)ix) != NULL)
            m->warned = (uint8_t)(m->warned | 1u << i);
    }
}

/* ---- when ----------------------------------------------------------------------------------- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* At the break of its promise, or after that. */
static bool is_after(const struct step *s)
{
    return s->at_unit == STEP_PERCENT ? s->at >= 100 : s->at > 0;
}

/* Time k of a step on the wall: from the start or the due, whatever is open or paused between. */
static int64_t on_the_wall(const struct ticket *t, const struct policy *p, const struct step *s,
                           uint32_t k, int64_t due)
{
    int64_t start = t->promise[s->on].start_at, at;

    at = s->at_unit == STEP_PERCENT ? start + usher__share_of(due - start, s->at) : due + s->at;
    if (at < start)
        return INT64_MAX;
    if (is_after(s))
        at = later(at, usher__promise_broken(t, p, s->on));
    return at == INT64_MAX ? at : at + k * s->repeat;
}

/* Working days before or after an instant, in open ms of the promise; INT64_MIN, INT64_MAX: there
 * are not so many. They are counted by the policy's calendar even where a named instant made all
 * time open. */
static int64_t days_from(const struct ticket *t, const struct policy *p, int ix, int64_t at,
                         int64_t days)
{
    const struct calendar *cal = p->promise[ix].calendar;
    int64_t end = usher__calendar_days(cal, at, days);

    if (end == INT64_MIN || end == INT64_MAX)
        return end;
    if ((t->promise[ix].flags & PROMISE_ALONE) != 0)
        cal = NULL;
    return days < 0 ? -usher__calendar_between(cal, end, at)
                    : usher__calendar_between(cal, at, end);
}

/* Time k of a step in the promise's own business time. The due is worth what is used then. */
static int64_t in_business(const struct ticket *t, const struct policy *p, const struct step *s,
                           uint32_t k, int64_t due)
{
    int64_t target = t->promise[s->on].target, used = target, by = s->at, at;

    if (is_after(s))
        used = usher__promise_used(t, p, s->on, due);
    if (s->at_unit == STEP_PERCENT)
        by = s->at < 100 ? usher__share_of(target, s->at) - target
                         : usher__share_of(target, s->at - 100);
    else if (s->at_unit == STEP_DAYS)
        by = days_from(t, p, s->on, due, s->at);
    if (by == INT64_MAX || by < -used)
        return INT64_MAX;
    used += by;
    at = usher__promise_reach(t, p, s->on, used);
    if (is_after(s))
        at = later(at, usher__promise_broken(t, p, s->on));
    if (k == 0 || at == INT64_MAX)
        return at;
    by = s->repeat_unit == STEP_DAYS ? days_from(t, p, s->on, at, k * s->repeat) : k * s->repeat;
    return by == INT64_MAX ? by : later(at, usher__promise_reach(t, p, s->on, used + by));
}

/* The own instant of time k, that is without regard to when its promise was paused on the wall. *at:
 * when it fires, which is not before its promise was last set going. */
static int64_t instant(const struct ticket *t, const struct policy *p, const struct step *s,
                       uint32_t k, int64_t *at)
{
    int64_t going = usher__promise_going_since(t, p, s->on);
    int64_t due = usher__promise_due(t, p, s->on);
    int64_t own;

    *at = INT64_MAX;
    if (going == INT64_MAX)
        return INT64_MAX;
    if (due == INT64_MAX && (s->wall || s->at_unit == STEP_DAYS))
        return INT64_MAX; /* its calendar never opens again */
    own = s->wall ? on_the_wall(t, p, s, k, due) : in_business(t, p, s, k, due);
    *at = s->wall ? later(own, going) : own;
    return own;
}

/* *first: the earliest own instant of all that are to come. */
static int64_t next_of(const struct ticket *t, const struct policy *p, uint32_t *step,
                       int64_t *first)
{
    int64_t next = INT64_MAX;

    *first = INT64_MAX;
    for (uint32_t i = 0; i < p->ladder_n; i++) {
        const struct step *s = &p->ladder[i];
        const struct promise *m = &t->promise[s->on];
        const struct rung *rung;
        uint32_t fired;
        int64_t at, own;

        if ((m->flags & PROMISE_OWED) == 0 ||
            (m->state != USHER_RUNNING && m->state != USHER_BROKEN))
            continue;
        if (m->state == USHER_RUNNING && is_after(s))
            continue; /* it breaks first, and that is asked for apart */
        rung = rung_of(t, s->id, s->on);
        fired = rung != NULL ? rung->fired : 0;
        if (fired > s->times)
            continue;
        own = instant(t, p, s, fired, &at);
        if (own < *first)
            *first = own;
        if (at < next) {
            next = at;
            *step = i;
        }
    }
    return next;
}

int64_t usher__ladder_next(const struct ticket *t, const struct policy *p, uint32_t *step)
{
    int64_t first;

    return next_of(t, p, step, &first);
}

/* ---- what is done --------------------------------------------------------------------------- */

static void tell(struct turn *turn, const struct untold *u)
{
    const struct policy *p = turn->policy;
    struct event *e;

    if (u->step != 0) {
        e = usher__tell_of(turn, USHER_EV_STEPPED, u->promise,
                           usher__policy_step_rule(u->step - 1u));
        e->due_at = 0;
    } else {
        e = usher__tell_of(turn, USHER_EV_WARNED, u->promise, "warn");
    }
    e->at = u->at;
    e->n = u->n;
    e->notify = u->notify;
    e->lapsed = u->lapsed;
    e->to = u->moved ? turn->t->queue : 0;
    e->steps = u->steps;
    e->warns = u->warns;
    if (u->step != 0)
        e->steps &= ~(1u << (u->step - 1));
    for (uint32_t i = 0; u->step == 0 && i < p->warn_n; i++) {
        if (p->warn[i] == u->n)
            e->warns &= ~(1u << (u->promise * WARN_MAX + i));
    }
}

/* One has fired. What is late waits for the others that are. */
static void tell_or_keep(struct turn *turn, struct untold one, int64_t own_at)
{
    struct untold *all;

    one.at = turn->at;
    if (!usher__is_late(own_at, turn->at, turn->seen)) {
        tell(turn, &one);
        return;
    }
    all = &turn->t->extra->untold;
    one.notify |= all->notify;
    one.steps |= all->steps;
    one.warns |= all->warns;
    one.lapsed |= all->lapsed;
    one.moved |= all->moved;
    *all = one;
}

void usher__ladder_warned(struct turn *turn, int ix, int warn, int64_t own_at)
{
    tell_or_keep(turn,
                 (struct untold){.warns = 1u << (ix * WARN_MAX + warn),
                                 .n = turn->policy->warn[warn],
                                 .promise = (uint8_t)ix},
                 own_at);
}

void usher__ladder_climb(struct turn *turn, uint32_t step)
{
    struct ticket *t = turn->t;
    const struct step *s = &turn->policy->ladder[step];
    struct untold one = {
        .notify = s->notify, .steps = 1u << step, .step = (uint8_t)(step + 1), .promise = s->on};
    uint32_t queue, band;
    bool elsewhere = usher__step_marks(t, s, turn->facts->move_to, &queue, &band);
    bool lifted = band + 1 != t->priority;
    int64_t at, own_at;

    one.n = count_firing(t, turn->policy, s->id, s->on);
    own_at = instant(t, turn->policy, s, one.n, &at);
    one.moved = queue != t->queue;
    usher__raise(t, s->raise);
    if (lifted)
        one.lapsed = usher__retarget(turn, (int)band + 1);
    if (one.moved)
        usher__set_queue(turn, queue);
    if (elsewhere)
        usher__rank_anew(turn);
    if (s->move != 0 && turn->facts->move_to == 0) {
        struct event *e = usher__tell(turn, USHER_EV_NO_QUEUE, 0);

        e->promise = (uint8_t)(s->on + 1);
        e->name = s->move;
        e->rule = usher__policy_step_rule(step);
    }
    tell_or_keep(turn, one, own_at);
    if (lifted)
        usher__judge_all(turn);
}

void usher__ladder_tell(struct turn *turn)
{
    struct untold *u;
    int64_t next, first;
    uint32_t step;

    if (turn->t->extra == NULL || turn->t->extra->untold.at == 0)
        return;
    u = &turn->t->extra->untold;
    next = usher__next_record(turn->t, turn->policy).at;
    next_of(turn->t, turn->policy, &step, &first);
    if (usher__is_late(first < next ? first : next, turn->at, turn->seen))
        return;
    tell(turn, u);
    *u = (struct untold){.at = 0};
}
