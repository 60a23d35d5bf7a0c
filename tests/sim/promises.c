/* Promises by the events alone: what each event starts, stops, pauses, and when it must be told. */
#include "parts.h"

#include <inttypes.h>
#include <string.h>

/* ---- time ------------------------------------------------------------------------------------ */

static uint32_t still(const struct seen *t, int ix)
{
    if (t->promise[ix].alone)
        return 0;
    return t->rules->pauses[ix] | (ix == 3 ? RESOLVED_BIT : 0);
}

int64_t watch_used(const struct seen *t, int ix, int64_t now)
{
    int64_t used = 0, from = t->promise[ix].start_at;
    uint32_t mask = 0;

    for (uint32_t i = 0; i <= t->changes_n; i++) {
        int64_t to = i < t->changes_n && t->changes[i].at < now ? t->changes[i].at : now;

        if (to > from) {
            used += (mask & still(t, ix)) == 0 ? to - from : 0;
            from = to;
        }
        if (i < t->changes_n)
            mask = t->changes[i].mask;
    }
    return used;
}

static bool stands_still(const struct seen *t, int ix)
{
    return t->changes_n > 0 && (t->changes[t->changes_n - 1].mask & still(t, ix)) != 0;
}

/* The first instant at which so much is used; NEVER: not before something else happens. */
static int64_t reach(const struct seen *t, int ix, int64_t ms)
{
    int64_t used = 0, from = t->promise[ix].start_at;
    uint32_t mask = 0;

    for (uint32_t i = 0; i < t->changes_n; i++) {
        int64_t to = t->changes[i].at;

        if (to > from) {
            if ((mask & still(t, ix)) == 0) {
                if (used + (to - from) >= ms)
                    return from + (ms - used);
                used += to - from;
            }
            from = to;
        }
        mask = t->changes[i].mask;
    }
    return (mask & still(t, ix)) != 0 ? USHER_NEVER : from + (ms - used);
}

int64_t promises_reach(const struct seen *t, int ix, int64_t ms)
{
    return ms == 0 ? t->promise[ix].start_at : reach(t, ix, ms);
}

bool promises_stands_still(const struct seen *t, int ix)
{
    return stands_still(t, ix);
}

static int64_t second_end(const struct seen *t, int ix)
{
    return ix == 2 && t->named != 0 && !t->promise[ix].alone ? t->named : USHER_NEVER;
}

static bool is_shown(const struct seen_promise *p)
{
    return p->owed && (p->state == USHER_RUNNING || p->state == USHER_BROKEN);
}

int64_t watch_due(const struct seen *t, int ix)
{
    int64_t due = reach(t, ix, t->promise[ix].target);

    if (!is_shown(&t->promise[ix]))
        return USHER_NEVER;
    return second_end(t, ix) < due ? second_end(t, ix) : due;
}

int64_t watch_left(const struct seen *t, int ix, int64_t now)
{
    int64_t left = t->promise[ix].target - watch_used(t, ix, now);

    if (!is_shown(&t->promise[ix]))
        return 0;
    if (second_end(t, ix) != USHER_NEVER && second_end(t, ix) - now < left)
        left = second_end(t, ix) - now;
    return left;
}

static int64_t broken_at(const struct seen *t, int ix)
{
    int64_t at = reach(t, ix, t->promise[ix].target + 1), end = second_end(t, ix);

    return end != USHER_NEVER && end + 1 < at ? end + 1 : at;
}

bool promises_stopped_late(const struct seen *t, uint32_t ran, int64_t at)
{
    bool late = false;

    for (int ix = 0; ix < 4; ix++) {
        const struct seen_promise *p = &t->promise[ix];
        uint32_t by = t->rules->pauses[ix];

        if (p->owed && p->state == USHER_RUNNING && !p->alone && (by & ran) == 0 &&
            (by & watch_mask(t)) != 0)
            late = late || 10 * (p->target - watch_used(t, ix, at)) <= p->target;
    }
    return late;
}

int64_t promises_broken_at(const struct seen *t, int ix)
{
    return broken_at(t, ix);
}

static int64_t warned_at(const struct seen *t, int ix, uint32_t percent)
{
    int64_t target = t->promise[ix].target;

    return reach(t, ix, (target * percent + 99) / 100);
}

/* ---- what events do to them ------------------------------------------------------------------ */

static int64_t target_of(const struct seen *t, int ix)
{
    return t->rules->target[ix][t->priority - 1];
}

static void settle_named(struct seen *t, int64_t target, int64_t policy_due)
{
    struct seen_promise *p = &t->promise[2];

    p->alone = t->rules->named_free || target == 0 || t->named < policy_due;
    p->target = p->alone ? t->named - p->start_at : target;
}

static void start(struct seen *t, int ix, int64_t at, int64_t named)
{
    struct seen_promise *p = &t->promise[ix];

    p->start_at = at;
    p->target = target_of(t, ix);
    p->warned = p->implied = 0;
    memset(p->climbed, 0, sizeof p->climbed);
    p->owed = true;
    p->alone = false;
    if (ix == 2)
        t->named = named;
    if (named != 0)
        settle_named(t, p->target, at + p->target);
    p->state = p->target != 0 ? USHER_RUNNING : 0;
    p->arming += p->target != 0;
}

/* The bit if it was kept. */
static uint32_t stop(struct seen *t, int ix)
{
    struct seen_promise *p = &t->promise[ix];
    bool kept = p->owed && p->state == USHER_RUNNING;

    p->owed = false;
    if (kept)
        p->state = USHER_KEPT;
    return kept ? 2u << ix : 0;
}

static uint32_t lapse(struct seen *t)
{
    uint32_t bits = 0;

    for (int ix = 0; ix < 4; ix++) {
        uint32_t bit = stop(t, ix);

        if (bit != 0)
            t->promise[ix].state = USHER_LAPSED;
        bits |= bit;
    }
    return bits;
}

static uint32_t word(struct seen *t)
{
    t->acknowledged = true;
    return stop(t, 0) | stop(t, 1);
}

static void message(struct seen *t, int64_t at)
{
    if (t->promise[1].owed)
        return;
    if (t->started)
        start(t, 1, at, 0);
    else
        t->promise[1].owed = true;
}

static void started(struct seen *t, int64_t at)
{
    if (t->started)
        return;
    t->started = true;
    start(t, 0, at, 0);
    start(t, 3, at, 0);
    if (t->promise[1].owed)
        start(t, 1, at, 0);
}

/* Bits of those that lapse. */
static uint32_t retarget(struct seen *t, int priority, int64_t at)
{
    uint32_t lapsed = 0;

    if (priority == t->priority)
        return 0;
    t->priority = priority;
    for (int ix = 0; ix < 4 && t->started; ix++) {
        struct seen_promise *p = &t->promise[ix];
        int64_t target = target_of(t, ix);

        if (!p->owed || p->state == USHER_BROKEN)
            continue;
        if (ix == 2 && p->state == USHER_RUNNING && t->named != 0) {
            int64_t left;

            p->alone = false;
            left = target - watch_used(t, ix, at);
            settle_named(t, target, at + (left > 0 ? left : 0));
        } else if (target != 0) {
            p->target = target;
            if (p->state != USHER_RUNNING) {
                p->state = USHER_RUNNING;
                p->arming++;
                p->warned = p->implied = 0;
                memset(p->climbed, 0, sizeof p->climbed);
            }
        } else if (p->state == USHER_RUNNING) {
            p->state = USHER_LAPSED;
            lapsed |= 2u << ix;
        }
    }
    return lapsed;
}

uint32_t promises_lift(struct seen *t, int priority, const usher_event *e)
{
    t->retold = e->ticket_seq;
    t->retold_at = e->at;
    return retarget(t, priority, e->at);
}

static void reopened(struct seen *t, int64_t at)
{
    struct seen_promise *p = &t->promise[3];

    p->owed = true;
    if (p->state == USHER_KEPT || (p->state == USHER_LAPSED && target_of(t, 3) != 0))
        p->state = USHER_RUNNING;
    message(t, at);
}

/* ---- what events tell of them ---------------------------------------------------------------- */

/* Right after a command that gave a new target, what that puts in the past is told at once. */
static bool is_retold(struct seen *t, const usher_event *e)
{
    if (t->retold == 0 || e->ticket_seq != t->retold + 1 || e->at != t->retold_at)
        return false;
    t->retold++;
    return true;
}

bool promises_is_retold(struct seen *t, const usher_event *e)
{
    return is_retold(t, e);
}

static bool is_late(const usher_event *e)
{
    return e->seen_at - e->at > LATE_AFTER;
}

void promises_warned(struct watch *w, struct seen *t, int ix, uint32_t index, int64_t at)
{
    struct seen_promise *p = &t->promise[ix];

    if (index < t->rules->warn_n && (p->implied & 1u << index) != 0) {
        p->implied &= ~(1u << index);
        return;
    }
    if (index >= t->rules->warn_n || (p->warned & 1u << index) != 0) {
        watch_wrong(w, "promise %d: a warning that there is not, or twice", ix + 1);
        return;
    }
    if (warned_at(t, ix, t->rules->warn[index]) > at && !t->hazy)
        watch_wrong(w, "promise %d is warned of by %" PRId64 ", too early", ix + 1, at);
    p->warned |= 1u << index;
}

static void imply(struct seen_promise *p, uint32_t index)
{
    p->implied |= ((1u << index) - 1) & ~p->warned;
    p->warned |= (2u << index) - 1;
}

static void broken(struct watch *w, struct seen *t, const usher_event *e, int ix)
{
    int64_t at = broken_at(t, ix), due = watch_due(t, ix);

    if (t->promise[ix].state != USHER_RUNNING)
        watch_wrong(w, "promise %d is broken and did not run", ix + 1);
    if (is_retold(t, e) ? at > e->at : at != e->at && !t->hazy)
        watch_wrong(w, "promise %d is broken at %" PRId64 " and not at %" PRId64, ix + 1, e->at,
                    at);
    if (e->due_at != due)
        watch_wrong(w, "promise %d was due at %" PRId64 ", not at %" PRId64, ix + 1, due,
                    e->due_at);
    t->promise[ix].state = USHER_BROKEN;
}

static void warned(struct watch *w, struct seen *t, const usher_event *e, int ix)
{
    struct seen_promise *p = &t->promise[ix];
    bool retold = is_retold(t, e);
    uint32_t i = 0;

    while (i < t->rules->warn_n && t->rules->warn[i] != e->n)
        i++;
    if (is_late(e) || e->text.len > 0) { /* told after what came after it */
        if (i < t->rules->warn_n && warned_at(t, ix, e->n) != e->at && !retold && !t->hazy)
            watch_wrong(w, "promise %d is warned of at %" PRId64 " and not at %" PRId64, ix + 1,
                        e->at, warned_at(t, ix, e->n));
        promises_warned(w, t, ix, i, e->at);
        if (retold && e->text.len == 0)
            imply(p, i);
        return;
    }
    if (i == t->rules->warn_n || p->state != USHER_RUNNING || (p->warned & 1u << i) != 0) {
        watch_wrong(w, "promise %d is warned of at %u %%: never, twice, or not running", ix + 1,
                    e->n);
        return;
    }
    if (retold ? warned_at(t, ix, e->n) > e->at : warned_at(t, ix, e->n) != e->at)
        watch_wrong(w, "promise %d is warned of at %" PRId64 " and not at %" PRId64, ix + 1, e->at,
                    warned_at(t, ix, e->n));
    if (stands_still(t, ix) && !retold)
        watch_wrong(w, "promise %d is warned of while it is paused", ix + 1);
    if (e->due_at != watch_due(t, ix))
        watch_wrong(w, "promise %d is due at %" PRId64 ", not at %" PRId64, ix + 1,
                    watch_due(t, ix), e->due_at);
    p->warned |= 1u << i;
    if (retold)
        imply(p, i);
    /* One that is due at this very instant may be told by itself. */
    retold = retold && warned_at(t, ix, e->n) < e->at;
    for (i++; retold && i < t->rules->warn_n; i++) {
        if ((p->warned & 1u << i) == 0 && warned_at(t, ix, t->rules->warn[i]) <= e->at)
            watch_wrong(w, "promise %d is warned of at %u %%, but not at %u %%", ix + 1, e->n,
                        t->rules->warn[i]);
    }
}

void promises_event(struct watch *w, struct seen *t, const usher_event *e)
{
    uint32_t kept = 0, lapsed = 0;

    switch (e->kind) {
    case USHER_EV_ENQUEUED:
        if (e->state == USHER_WAITING)
            started(t, e->at);
        break;
    case USHER_EV_STARTED: started(t, e->at); break;
    case USHER_EV_JOINED:
        if (t->acknowledged)
            message(t, e->at);
        break;
    case USHER_EV_ASKED:
        if (t->state != USHER_RESOLVED)
            message(t, e->at);
        break;
    case USHER_EV_REPLIED:
        if (e->how != USHER_COURTESY && e->state < USHER_RESOLVED)
            message(t, e->at);
        break;
    case USHER_EV_REOPENED: /* a warning that a resolve by the policy forestalled is told now */
        reopened(t, e->at);
        t->retold = e->ticket_seq;
        t->retold_at = e->at;
        break;
    case USHER_EV_RECEIPT: kept = t->rules->receipt ? stop(t, 0) : 0; break;
    case USHER_EV_ACKNOWLEDGED:
        kept = word(t);
        if (!t->promise[2].owed)
            start(t, 2, e->at, 0);
        break;
    case USHER_EV_UPDATED:
        kept = word(t) | stop(t, 2);
        start(t, 2, e->at, e->until_at);
        break;
    case USHER_EV_PAUSED:
        if (e->how == USHER_ON_REQUESTER) {
            kept = word(t) | stop(t, 2);
            start(t, 2, e->at, 0);
        }
        break;
    case USHER_EV_RESOLVED:
        if (e->how == USHER_AS_NO_REPLY)
            lapsed = lapse(t);
        else
            kept = word(t) | stop(t, 2) | stop(t, 3);
        break;
    case USHER_EV_WITHDRAWN: lapsed = lapse(t); break;
    case USHER_EV_REPRIORITISED:
        lapsed = retarget(t, e->how, e->at);
        t->retold = e->ticket_seq;
        t->retold_at = e->at;
        break;
    case USHER_EV_BROKEN: broken(w, t, e, e->promise - 1); break;
    case USHER_EV_WARNED:
        warned(w, t, e, e->promise - 1);
        lapsed = ladder_event(w, t, e);
        break;
    case USHER_EV_STEPPED: lapsed = ladder_event(w, t, e); break;
    default: break;
    }
    if (e->kept != kept || e->lapsed != lapsed)
        watch_wrong(w, "kept %u, lapsed %u, and not %u, %u", e->kept, e->lapsed, kept, lapsed);
}

/* ---- what the standing says of them ---------------------------------------------------------- */

static void look_at(struct watch *w, const struct seen *t, usher_id id, int ix,
                    const usher_promise *shown, int64_t now)
{
    const struct seen_promise *p = &t->promise[ix];

    if (shown->state != p->state)
        watch_wrong(w, "ticket %" PRIu64 ", promise %d: state %d, not %d", id, ix + 1, shown->state,
                    p->state);
    if (p->state == 0)
        return;
    /* Whether it counts alone has been asked meanwhile, unless it was broken before. */
    if (t->hazy && ix == 2 && t->named != 0 &&
        (p->state == USHER_RUNNING || shown->target_ms != p->target)) {
        struct seen_promise *own = &((struct seen *)t)->promise[ix];

        own->target = shown->target_ms;
        if (shown->target_ms != target_of(t, ix))
            own->alone = true;
        else if (shown->target_ms != t->named - own->start_at)
            own->alone = t->rules->named_free;
    }
    if (shown->start_at != p->start_at || shown->target_ms != p->target ||
        shown->arming != p->arming)
        watch_wrong(w, "ticket %" PRIu64 ", promise %d: start, target or arming", id, ix + 1);
    if (shown->due_at != watch_due(t, ix))
        watch_wrong(w, "ticket %" PRIu64 ", promise %d: due at %" PRId64 ", not %" PRId64, id,
                    ix + 1, shown->due_at, watch_due(t, ix));
    if (shown->left_ms != watch_left(t, ix, now))
        watch_wrong(w, "ticket %" PRIu64 ", promise %d: %" PRId64 " ms left, not %" PRId64, id,
                    ix + 1, shown->left_ms, watch_left(t, ix, now));
}

void promises_look(struct watch *w, const struct seen *t, const usher_standing *s, int64_t now)
{
    for (int ix = 0; ix < 4; ix++)
        look_at(w, t, s->ticket, ix, &s->promises[ix], now);
}

void promises_overdue(struct watch *w, struct seen *t, usher_id id, int64_t now)
{
    for (int ix = 0; ix < 4; ix++) {
        const struct seen_promise *p = &t->promise[ix];

        if (!p->owed || p->state != USHER_RUNNING)
            continue;
        if (broken_at(t, ix) <= now)
            watch_wrong(w, "ticket %" PRIu64 ", promise %d is broken since %" PRId64
                        ", and nobody said so", id, ix + 1, broken_at(t, ix));
        for (uint32_t i = 0; i < t->rules->warn_n; i++) {
            if ((p->warned & 1u << i) == 0 && warned_at(t, ix, t->rules->warn[i]) <= now &&
                !stands_still(t, ix))
                watch_wrong(w, "ticket %" PRIu64 ", promise %d: no warning at %u %%", id, ix + 1,
                            t->rules->warn[i]);
        }
    }
    ladder_overdue(w, t, id, now);
}
