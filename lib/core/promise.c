/* See promise.h. */
#include "core/promise.h"

#include <stddef.h>

#include "core/cold.h"
#include "core/ladder.h"

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

int64_t usher__promise_reach(const struct ticket *t, const struct policy *p, int ix, int64_t used)
{
    return reach(t, p, ix, used, false);
}

COLD int64_t usher__promise_going_since(const struct ticket *t, const struct policy *p, int ix)
{
    struct walk w = walk_from(t, p, ix);
    struct run run = {0, 0};

    while (walk_next(&w, &run)) {
    }
    return run.to == INT64_MAX ? run.from : INT64_MAX;
}

/* The last instant that is not yet broken: the due of a target in working days. Unless it fills a
 * window exactly, that is no other than its reach(). */
static int64_t last_before(int64_t broken)
{
    return broken == INT64_MAX ? INT64_MAX : broken - 1;
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
    due = (m->flags & PROMISE_DAYS) != 0 ? last_before(reach(t, p, ix, m->target, true))
                                         : reach(t, p, ix, m->target, false);
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

int64_t usher__promise_warning(const struct ticket *t, const struct policy *p, int ix, int *warn)
{
    const struct promise *m = &t->promise[ix];

    for (uint32_t i = 0; i < p->warn_n; i++) {
        if ((m->warned & 1u << i) == 0) {
            *warn = (int)i;
            return reach(t, p, ix, usher__share_of(m->target, p->warn[i]), false);
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
        return left != 0
                   ? usher__calendar_reach(NULL, m->start_at,
                                           usher__share_of(m->target, p->warn[__builtin_ctz(left)]))
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

/* What the policy promises for the ticket's priority, in open ms; 0: nothing. A target in working
 * days is what is open between the start and the day that they end on. */
static int64_t target_of(const struct ticket *t, const struct policy *p, int ix, uint8_t *days)
{
    const struct promise_policy *pp = &p->promise[ix];
    int64_t target = pp->target[t->priority - 1], start = t->promise[ix].start_at;

    *days = 0;
    if (target == 0 || (pp->days & 1u << (t->priority - 1)) == 0)
        return target;
    *days = PROMISE_DAYS;
    target = usher__calendar_between(pp->calendar, start,
                                     usher__calendar_days(pp->calendar, start, target));
    return target > 0 ? target : 1; /* there is a promise, even if nothing is open until then */
}

static void aim(struct promise *m, int64_t target, uint8_t flags)
{
    m->target = target;
    m->flags = (uint8_t)((m->flags & ~(PROMISE_ALONE | PROMISE_DAYS)) | flags);
}

/* Lets a named instant count alone where it is earlier than what the policy promises, of which so
 * much is left at `now`, or where the policy promises nothing. */
static COLD void settle_named(struct ticket *t, const struct policy *p, int ix, int64_t named,
                              int64_t target, uint8_t days, int64_t now, int64_t left)
{
    const struct calendar *cal = p->promise[ix].calendar;
    struct promise *m = &t->promise[ix];
    bool by_itself = p->named_free || target == 0;

    if (!by_itself)
        by_itself = named < (days != 0 ? last_before(usher__calendar_pass(cal, now, left))
                                       : usher__calendar_reach(cal, now, left));
    if (by_itself)
        aim(m, named - m->start_at, PROMISE_ALONE);
    else
        aim(m, target, days);
    t->extra->named_at = named;
}

/* It is made: a new arming. */
static void arm(struct ticket *t, int ix)
{
    struct promise *m = &t->promise[ix];

    m->state = USHER_RUNNING;
    m->arming++;
    m->warned = 0;
    if (t->extra != NULL)
        usher__ladder_rearm(t->extra, ix);
}

void usher__promise_start(struct ticket *t, const struct policy *p, int ix, int64_t at,
                          int64_t named)
{
    struct promise *m = &t->promise[ix];
    uint8_t days;
    int64_t target;

    m->start_at = at;
    m->flags = PROMISE_OWED;
    m->warned = 0;
    m->state = 0;
    target = target_of(t, p, ix, &days);
    if (ix == USHER_PROMISE_UPDATE - 1 && t->extra != NULL)
        t->extra->named_at = 0;
    if (named != 0)
        settle_named(t, p, ix, named, target, days, at, target);
    else
        aim(m, target, days);
    if (m->target != 0)
        arm(t, ix);
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

COLD bool usher__promise_retarget(struct ticket *t, const struct policy *p, int ix, int64_t now)
{
    struct promise *m = &t->promise[ix];
    int64_t named = ix == USHER_PROMISE_UPDATE - 1 && t->extra != NULL ? t->extra->named_at : 0;
    uint8_t days;
    int64_t target;

    if ((m->flags & PROMISE_OWED) == 0 || m->state == USHER_BROKEN)
        return false;
    target = target_of(t, p, ix, &days);
    if (m->state == USHER_RUNNING && named != 0) {
        int64_t left;

        m->flags = (uint8_t)(m->flags & ~PROMISE_ALONE); /* so that its pauses count in `used` */
        left = target - usher__promise_used(t, p, ix, now);
        settle_named(t, p, ix, named, target, days, now, left > 0 ? left : 0);
        return false;
    }
    if (target == 0) {
        bool lapsed = m->state == USHER_RUNNING;

        if (lapsed)
            m->state = USHER_LAPSED;
        return lapsed;
    }
    aim(m, target, days);
    if (m->state != USHER_RUNNING)
        arm(t, ix);
    return false;
}

COLD bool usher__what_if(const struct ticket *t, const struct policy *was, const struct policy *to,
                         int ix, int64_t now, struct due_change *out)
{
    struct ticket copy = *t;
    const struct promise *m = &copy.promise[ix];
    int before = m->state;
    struct extra extra;

    if (t->extra != NULL) {
        extra = *t->extra;
        extra.rungs_n = 0; /* the array is not ours */
        copy.extra = &extra;
    }
    *out = (struct due_change){.from_at = usher__promise_due(t, was, ix)};
    if (now >= t->start_at)
        out->lapses = usher__promise_retarget(&copy, to, ix, now);
    out->to_at = usher__promise_due(&copy, to, ix);
    out->starts = m->state == USHER_RUNNING && before != USHER_RUNNING;
    out->breaks = (m->flags & PROMISE_OWED) != 0 && m->state == USHER_RUNNING &&
                  usher__promise_broken(&copy, to, ix) <= now;
    return out->from_at != out->to_at || out->breaks || out->lapses || out->starts;
}

/* ---- why is it due then? -------------------------------------------------------------------- */

struct telling {
    const struct calendar *calendar;
    usher__span_fn row;
    void *ctx;
};

/* What the calendar says of a run. False: that is the end. */
static bool explain_run(const struct telling *by, int64_t from, int64_t to)
{
    while (from < to) {
        int64_t end = to;
        int kind = usher__calendar_span(by->calendar, from, to, &end);
        bool open = kind == USHER_SPAN_OPEN;

        if (to == INT64_MAX && !open &&
            usher__calendar_next_open(by->calendar, from) == INT64_MAX) {
            by->row(by->ctx, from, to, USHER_SPAN_CLOSED, 0);
            return false;
        }
        if (!by->row(by->ctx, from, end, kind, open ? end - from : 0))
            return false;
        from = end;
    }
    return true;
}

COLD void usher__promise_explain(const struct ticket *t, const struct policy *p, int ix,
                                 int64_t now, usher__span_fn row, void *ctx)
{
    const struct promise *m = &t->promise[ix];
    struct telling by = {alone(m) ? NULL : p->promise[ix].calendar, row, ctx};
    struct walk w = walk_from(t, p, ix);
    struct run run;
    int64_t told = m->start_at;
    int64_t to = usher__promise_due(t, p, ix);

    if (to == INT64_MAX) {
        bool goes_on = shown(m) && usher__promise_going_since(t, p, ix) != INT64_MAX;

        if (!goes_on || usher__calendar_is_open(by.calendar, now) ||
            usher__calendar_next_open(by.calendar, now) != INT64_MAX)
            to = now;
    }
    while (walk_next(&w, &run)) {
        int64_t end = run.to < to ? run.to : to;

        if (end <= run.from)
            continue;
        if (run.from > told && !row(ctx, told, run.from, USHER_SPAN_PAUSED, 0))
            return;
        if (!explain_run(&by, run.from, end))
            return;
        told = end;
    }
    if (told < to)
        row(ctx, told, to, USHER_SPAN_PAUSED, 0);
}

const char *usher__promise_rule(int ix)
{
    static const char *const rules[PROMISES] = {"promises.ack.target", "promises.answer.target",
                                                "promises.update.target",
                                                "promises.resolve.target"};

    return rules[ix];
}
