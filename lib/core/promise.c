/* See promise.h. */
#include "core/promise.h"

#include <stddef.h>

/* The bits of a stretch in which this promise stands still. A resolved ticket's `resolve` does
 * too, whatever the policy says: reopening goes on with what was used. */
static uint32_t still(const struct policy *p, int ix)
{
    uint32_t reasons = p->promise[ix].pauses;

    if (ix == USHER_PROMISE_RESOLVE - 1)
        reasons |= STRETCH_RESOLVED;
    return reasons;
}

static bool alone(const struct promise *m)
{
    return (m->flags & PROMISE_ALONE) != 0;
}

static bool shown(const struct promise *m)
{
    return (m->flags & PROMISE_OWED) != 0 &&
           (m->state == USHER_RUNNING || m->state == USHER_BROKEN);
}

/* A run of the promise's life without a pause: [from, to), to == INT64_MAX for the one that goes
 * on now. */
struct run {
    int64_t from, to;
};

/* The runs in order; i starts at 0 and `from` at the start. False: no more. */
struct walk {
    const struct extra *extra;
    uint32_t still, i, n;
    int64_t from;
    bool ended;
};

static struct walk walk_from(const struct ticket *t, const struct policy *p, int ix)
{
    struct walk w = {NULL, 0, 0, 0, t->promise[ix].start_at, false};

    if (t->extra != NULL && !alone(&t->promise[ix])) {
        w.extra = t->extra;
        w.still = still(p, ix);
        w.n = t->extra->stretches_n;
    }
    return w;
}

static bool walk_next(struct walk *w, struct run *run)
{
    if (w->ended)
        return false;
    for (; w->i < w->n; w->i++) {
        const struct stretch *s = &w->extra->stretches[w->i];

        if ((s->reasons & w->still) == 0 || s->to_at <= w->from)
            continue;
        run->from = w->from;
        run->to = s->from_at > w->from ? s->from_at : w->from;
        w->from = s->to_at;
        w->i++;
        return true;
    }
    w->ended = true;
    run->from = w->from;
    run->to = INT64_MAX;
    if (w->extra != NULL && (w->extra->reasons & w->still) != 0)
        run->to = w->extra->set_since > w->from ? w->extra->set_since : w->from;
    return true;
}

int64_t usher__promise_used(const struct ticket *t, const struct policy *p, int ix, int64_t now)
{
    const struct calendar *cal = alone(&t->promise[ix]) ? NULL : p->promise[ix].calendar;
    struct walk w = walk_from(t, p, ix);
    struct run run;
    int64_t used = 0;

    while (walk_next(&w, &run))
        used += usher__calendar_between(cal, run.from, run.to < now ? run.to : now);
    return used;
}

/* Most promises of most tickets: one run from the start on, 24 x 7, nothing named. Their instants
 * are sums, and the rest of this file need not be asked. */
static bool plain(const struct ticket *t, const struct policy *p, int ix)
{
    return t->extra == NULL && p->promise[ix].calendar == NULL;
}

/* The first instant with used >= ms, or, when past is set, used > ms. */
static int64_t reach(const struct ticket *t, const struct policy *p, int ix, int64_t ms, bool past)
{
    const struct calendar *cal = alone(&t->promise[ix]) ? NULL : p->promise[ix].calendar;
    struct walk w = walk_from(t, p, ix);
    struct run run;

    while (walk_next(&w, &run)) {
        int64_t open;

        if (run.to == INT64_MAX)
            return past ? usher__calendar_pass(cal, run.from, ms)
                        : usher__calendar_reach(cal, run.from, ms);
        open = usher__calendar_between(cal, run.from, run.to);
        if (past ? open > ms : open >= ms)
            return past ? usher__calendar_pass(cal, run.from, ms)
                        : usher__calendar_reach(cal, run.from, ms);
        ms -= open;
    }
    return INT64_MAX;
}

/* The second, unpaused end that a named instant is when it does not count alone. */
static int64_t named_end(const struct ticket *t, int ix)
{
    if (ix != USHER_PROMISE_UPDATE - 1 || t->extra == NULL || t->extra->named_at == 0 ||
        alone(&t->promise[ix]))
        return INT64_MAX;
    return t->extra->named_at;
}

int64_t usher__promise_due(const struct ticket *t, const struct policy *p, int ix)
{
    const struct promise *m = &t->promise[ix];
    int64_t due, named;

    if (!shown(m))
        return INT64_MAX;
    if (plain(t, p, ix))
        return usher__calendar_reach(NULL, m->start_at, m->target);
    due = reach(t, p, ix, m->target, false);
    named = named_end(t, ix);
    return due < named ? due : named;
}

int64_t usher__promise_broken(const struct ticket *t, const struct policy *p, int ix)
{
    int64_t at = reach(t, p, ix, t->promise[ix].target, true);
    int64_t named = named_end(t, ix);

    if (named != INT64_MAX && named + 1 < at)
        at = named + 1;
    return at;
}

/* ceil(target * percent / 100) without overflow. */
static int64_t share_of(int64_t target, int64_t percent)
{
    return target / 100 * percent + (target % 100 * percent + 99) / 100;
}

int64_t usher__promise_warning(const struct ticket *t, const struct policy *p, int ix, int *warn)
{
    const struct promise *m = &t->promise[ix];

    for (uint32_t i = 0; i < p->warn_n; i++) {
        if ((m->warned & 1u << i) == 0) {
            *warn = (int)i;
            return reach(t, p, ix, share_of(m->target, p->warn[i]), false);
        }
    }
    return INT64_MAX;
}

int64_t usher__promise_next(const struct ticket *t, const struct policy *p, int ix, bool *warns)
{
    int64_t at;
    int warn;

    if (plain(t, p, ix)) {
        const struct promise *m = &t->promise[ix];
        uint32_t left = ((1u << p->warn_n) - 1) & ~(uint32_t)m->warned;

        *warns = left != 0;
        return left != 0 ? usher__calendar_reach(NULL, m->start_at,
                                                 share_of(m->target, p->warn[__builtin_ctz(left)]))
                         : usher__calendar_pass(NULL, m->start_at, m->target);
    }
    at = usher__promise_warning(t, p, ix, &warn);
    /* A share of the target is used before all of it is; only a named end can come sooner. */
    *warns =
        at != INT64_MAX && (named_end(t, ix) == INT64_MAX || usher__promise_broken(t, p, ix) > at);
    return *warns ? at : usher__promise_broken(t, p, ix);
}

int64_t usher__promise_left(const struct ticket *t, const struct policy *p, int ix, int64_t now)
{
    const struct promise *m = &t->promise[ix];
    int64_t left, named;

    if (!shown(m))
        return 0;
    left = m->target - usher__promise_used(t, p, ix, now);
    named = named_end(t, ix);
    if (named != INT64_MAX && named - now < left)
        left = named - now;
    return left;
}

static int64_t target_of(const struct ticket *t, const struct policy *p, int ix)
{
    return p->promise[ix].target[t->priority - 1];
}

/* Lets a named instant count alone where it is earlier than what the policy promises, or where the
 * policy promises nothing. */
static void settle_named(struct promise *m, struct extra *x, int64_t named, int64_t target,
                         int64_t policy_due, bool free_named)
{
    bool by_itself = free_named || target == 0 || named < policy_due;

    m->flags = (uint8_t)(by_itself ? m->flags | PROMISE_ALONE : m->flags & ~PROMISE_ALONE);
    m->target = by_itself ? named - m->start_at : target;
    x->named_at = named;
}

void usher__promise_start(struct ticket *t, const struct policy *p, int ix, int64_t at,
                          int64_t named)
{
    struct promise *m = &t->promise[ix];
    int64_t target = target_of(t, p, ix);

    m->start_at = at;
    m->target = target;
    m->flags = PROMISE_OWED;
    m->warned = 0;
    m->state = 0;
    if (ix == USHER_PROMISE_UPDATE - 1 && t->extra != NULL)
        t->extra->named_at = 0;
    if (named != 0)
        settle_named(m, t->extra, named, target,
                     usher__calendar_reach(p->promise[ix].calendar, at, target), p->named_free);
    if (m->target == 0)
        return;
    m->state = USHER_RUNNING;
    m->arming++;
}

bool usher__promise_stop(struct ticket *t, int ix)
{
    struct promise *m = &t->promise[ix];
    bool kept = (m->flags & PROMISE_OWED) != 0 && m->state == USHER_RUNNING;

    m->flags = (uint8_t)(m->flags & ~PROMISE_OWED);
    if (kept)
        m->state = USHER_KEPT;
    return kept;
}

bool usher__promise_retarget(struct ticket *t, const struct policy *p, int ix, int64_t now)
{
    struct promise *m = &t->promise[ix];
    int64_t target = target_of(t, p, ix);
    int64_t named = ix == USHER_PROMISE_UPDATE - 1 && t->extra != NULL ? t->extra->named_at : 0;

    if ((m->flags & PROMISE_OWED) == 0 || m->state == USHER_BROKEN)
        return false;
    if (m->state == USHER_RUNNING && named != 0) {
        const struct calendar *cal = p->promise[ix].calendar;
        int64_t left;

        m->flags = (uint8_t)(m->flags & ~PROMISE_ALONE); /* so that its pauses count in `used` */
        left = target - usher__promise_used(t, p, ix, now);
        settle_named(m, t->extra, named, target,
                     usher__calendar_reach(cal, now, left > 0 ? left : 0), p->named_free);
        return false;
    }
    if (target == 0) {
        bool lapsed = m->state == USHER_RUNNING;

        if (lapsed)
            m->state = USHER_LAPSED;
        return lapsed;
    }
    m->target = target;
    if (m->state != USHER_RUNNING) {
        m->state = USHER_RUNNING;
        m->arming++;
        m->warned = 0;
    }
    return false;
}

void usher__promise_explain(const struct ticket *t, const struct policy *p, int ix, int64_t now,
                            usher__span_fn row, void *ctx)
{
    const struct calendar *cal = alone(&t->promise[ix]) ? NULL : p->promise[ix].calendar;
    struct walk w = walk_from(t, p, ix);
    struct run run;
    int64_t seen = t->promise[ix].start_at;

    while (walk_next(&w, &run)) {
        int64_t to = run.to < now ? run.to : now;

        if (run.from > seen)
            row(ctx, seen, run.from < now ? run.from : now, USHER_SPAN_PAUSED, 0);
        if (to > run.from)
            row(ctx, run.from, to, USHER_SPAN_OPEN, usher__calendar_between(cal, run.from, to));
        seen = to > run.from ? to : run.from;
    }
    if (seen < now)
        row(ctx, seen, now, USHER_SPAN_PAUSED, 0);
}

const char *usher__promise_rule(int ix)
{
    static const char *const rules[PROMISES] = {"promises.ack.target", "promises.answer.target",
                                                "promises.update.target",
                                                "promises.resolve.target"};

    return rules[ix];
}
