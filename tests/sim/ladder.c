/* The ladder by the events alone: what a step may do, when it is, and that nobody is told in bursts.
 *
 * A step that fires late is told later, together with others, and what it has done to the ticket shows
 * in whatever is told before that. When it did so is not seen then: what hangs on that instant is
 * taken as it is (`unsure`). Whatever is told at its instant is checked to the millisecond. */
#include "parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_together(const usher_event *e)
{
    return e->seen_at - e->at > LATE_AFTER || e->text.len > 0;
}

/* ---- when a step is -------------------------------------------------------------------------- */

/* Used when it is due: at a second, named end that comes first, less than the target. */
static int64_t used_at_due(const struct seen *t, int ix)
{
    const struct seen_promise *p = &t->promise[ix];

    if (ix == 2 && t->named != 0 && !p->alone && t->named < promises_reach(t, ix, p->target))
        return watch_used(t, ix, t->named);
    return p->target;
}

static bool is_from_due(const struct step_rule *s)
{
    return s->percent != 0 ? s->percent >= 100 : s->far > 0;
}

/* For the k-th time after the first; NEVER. */
static int64_t step_at(const struct seen *t, const struct step_rule *s, uint32_t k)
{
    int64_t target = t->promise[s->on].target, due = used_at_due(t, s->on), used, at;

    if (s->percent == 0)
        used = (s->far > 0 ? due : target) + s->far;
    else if (s->percent < 100)
        used = (target * s->percent + 99) / 100;
    else
        used = due + (target * (s->percent - 100) + 99) / 100;
    if (used < 0)
        return USHER_NEVER;
    at = promises_reach(t, s->on, used);
    if (is_from_due(s) && promises_broken_at(t, s->on) > at)
        at = promises_broken_at(t, s->on);
    if (k == 0 || at == USHER_NEVER)
        return at;
    return promises_reach(t, s->on,
                          (s->percent == 100 ? due : watch_used(t, s->on, at)) + k * s->repeat);
}

static bool may_fire(const struct seen *t, const struct step_rule *s)
{
    const struct seen_promise *p = &t->promise[s->on];

    return p->owed &&
           (p->state == USHER_BROKEN || (p->state == USHER_RUNNING && !is_from_due(s))) &&
           !promises_stands_still(t, s->on);
}

bool ladder_is_behind(const struct seen *t, int64_t at)
{
    bool behind = false;

    for (uint32_t i = 0; i < t->rules->steps_n; i++) {
        const struct step_rule *s = &t->rules->step[i];
        uint32_t k = t->promise[s->on].climbed[i];

        behind = behind || (k <= s->times && may_fire(t, s) && step_at(t, s, k) < at);
    }
    return behind;
}

/* Steps that were told by name alone, with one that a lift has put before them: as far as they were late when that was
 * told they have fired as often as they were due, and no event says how often that was. */
static void fire_named(struct seen *t)
{
    for (uint32_t i = 0; i < t->rules->steps_n; i++) {
        const struct step_rule *s = &t->rules->step[i];
        uint32_t *climbed = &t->promise[s->on].climbed[i];

        while ((t->named_steps >> i & 1) != 0 && *climbed <= s->times &&
               t->named_at - step_at(t, s, *climbed) > LATE_AFTER)
            ++*climbed;
    }
    t->named_steps = 0;
}

void ladder_overdue(struct watch *w, struct seen *t, usher_id id, int64_t now)
{
    fire_named(t);
    for (uint32_t i = 0; i < t->rules->steps_n; i++) {
        const struct step_rule *s = &t->rules->step[i];
        uint32_t k = t->promise[s->on].climbed[i];

        if (k <= s->times && may_fire(t, s) && step_at(t, s, k) <= now)
            watch_wrong(w, "ticket %" PRIu64 ": ladder[%u] should have fired at %" PRId64 " (%u)",
                        id, i, step_at(t, s, k), k);
    }
}

/* ---- what is told of them -------------------------------------------------------------------- */

/* Changes that no event so far has told. */
void ladder_hidden(struct watch *w, struct seen *t, const usher_event *e)
{
    bool lifts = e->kind == USHER_EV_REPRIORITISED || e->kind == USHER_EV_STEPPED;
    int level = t->level + handoffs_raise(e);
    bool late = e->seen_at != 0 || (e->kind == USHER_EV_STEPPED && e->text.len > 0) ||
                e->kind == USHER_EV_BROKEN || e->kind == USHER_EV_WARNED ||
                e->kind == USHER_EV_NO_QUEUE;

    if (e->seen_at != t->named_at)
        fire_named(t);
    if (e->level < t->level)
        watch_wrong(w, "the level falls from %d to %d", t->level, e->level);
    if (t->stepped_seq == t->seq &&
        (e->kind == USHER_EV_BROKEN || e->kind == USHER_EV_WARNED || e->kind == USHER_EV_NO_QUEUE))
        t->stepped_seq++;
    if (t->rules->steps_n == 0 || !late)
        return;
    if (e->kind == USHER_EV_NO_QUEUE) {
        (void)promises_is_retold(t, e);
        t->no_queue_seq = e->ticket_seq;
        t->level_before = t->level;
        t->priority_before = t->priority;
    }
    if (!lifts) {
        if (e->priority > t->priority) {
            promises_lift(t, e->priority, e);
            if (e->kind != USHER_EV_NO_QUEUE)
                t->retold = e->ticket_seq - 1; /* this may be what that has put in the past */
            t->unsure = t->hazy = true;
        }
        if (e->level > level)
            t->level += e->level - level;
    }
    if (e->kind != USHER_EV_MOVED && e->kind != USHER_EV_STEPPED &&
        watch_queue(w, e->queue) != t->queue) {
        t->queue = watch_queue(w, e->queue);
        t->kept_for = -1;
        t->odd = true;
        t->unsure = t->hazy = true;
    }
}

static uint32_t names_of(const usher_event *e)
{
    uint32_t bits = 0;

    for (uint64_t at = 0; at < e->notify.len; at += strlen(e->notify.data + at) + 1) {
        int n = watch_number(e->notify.data + at, 'n', 3);

        bits |= n < 0 ? 1u << 31 : 1u << n;
    }
    return bits;
}

/* A step that is told alone, at its instant. */
static void check_step(struct watch *w, struct seen *t, const usher_event *e,
                       const struct step_rule *s, uint32_t i)
{
    struct seen_promise *p = &t->promise[s->on];
    int64_t at = step_at(t, s, e->n);
    bool told = t->no_queue_seq + 1 == e->ticket_seq;
    int level = (told ? t->level_before : t->level) + (int)s->raise;
    int was = told ? t->priority_before : t->priority;
    int priority = s->priority > was ? s->priority : was;
    uint32_t queue = s->move >= 0 && (uint32_t)s->move < w->queues_n ? (uint32_t)s->move : t->queue;
    if (!may_fire(t, s))
        watch_wrong(w, "ladder[%u] fires: not owed, paused, or not told as broken yet", i);
    if (e->n != p->climbed[i])
        watch_wrong(w, "ladder[%u] fires for the %u. time and not for the %u.", i, e->n,
                    p->climbed[i]);
    /* What is due at the start of a promise that is paused from its start on waits for the pause. */
    if (told || t->hazy || (t->changes_n > 0 && t->changes[t->changes_n - 1].at == e->at)
            ? at > e->at
            : at != e->at)
        watch_wrong(w, "ladder[%u] fires at %" PRId64 ", not at %" PRId64, i, e->at, at);
    if (e->level != level || e->priority != priority || watch_queue(w, e->queue) != queue ||
        (e->to != NULL) != (queue != t->queue))
        watch_wrong(
            w,
            "ladder[%u] leads from level %d, priority %d, q%u to level %d, priority %d, q%u (%s)",
            i, t->level, t->priority, t->queue, e->level, e->priority, watch_queue(w, e->queue),
            e->to == NULL ? "-" : e->to);
    if (names_of(e) != s->notify)
        watch_wrong(w, "ladder[%u] notifies %x, not %x", i, names_of(e), s->notify);
}

/* How often a step has fired by then, when it is only named. */
static void catch_up(struct watch *w, struct seen *t, uint32_t i, int64_t at, int64_t seen_at)
{
    const struct step_rule *s = &t->rules->step[i];
    uint32_t *climbed = &t->promise[s->on].climbed[i], was = *climbed;

    for (; *climbed <= s->times && step_at(t, s, *climbed) <= at; ++*climbed)
        t->promise[s->on].just[i] = step_at(t, s, *climbed) == at && *climbed > was ? at : 0;
    if (*climbed == was && !t->hazy)
        watch_wrong(w, "ladder[%u] is told to have fired, and had not to", i);
    if (*climbed == was && *climbed <= s->times)
        ++*climbed;
    if (t->hazy)
        t->named_steps |= 1u << i;
    t->named_at = seen_at;
}

/* "warn[1] of resolve, ladder[0]" */
static void read_others(struct watch *w, struct seen *t, const usher_event *e)
{
    static const char *const names[] = {"ack", "answer", "update", "resolve"};
    const char *at = e->text.data;

    while (e->text.len > 0 && at != NULL) {
        unsigned i;
        char of[16];

        if (sscanf(at, "ladder[%u]", &i) == 1 && i < t->rules->steps_n) {
            catch_up(w, t, i, e->at, e->seen_at);
        } else if (sscanf(at, "warn[%u] of %15[a-z]", &i, of) == 2) {
            for (int ix = 0; ix < 4; ix++) {
                if (strcmp(of, names[ix]) == 0)
                    promises_warned(w, t, ix, i, e->at);
            }
        } else {
            watch_wrong(w, "told together with %.40s", at);
        }
        at = strchr(at, ',');
        at = at == NULL ? NULL : at + 2;
    }
}

bool ladder_moves(const struct rules *r)
{
    bool any = false;

    for (uint32_t i = 0; i < r->steps_n; i++)
        any = any || r->step[i].move >= 0;
    return any;
}

uint32_t ladder_event(struct watch *w, struct seen *t, const usher_event *e)
{
    bool together = promises_is_retold(t, e) || is_together(e); /* of others, or of several times */
    const struct step_rule *s;
    uint32_t lapsed = 0;
    unsigned i;

    if (e->kind == USHER_EV_STEPPED) {
        if (sscanf(e->rule, "ladder[%u]", &i) != 1 || i >= t->rules->steps_n ||
            t->rules->step[i].on != e->promise - 1 || e->n > t->rules->step[i].times) {
            watch_wrong(w, "%s of promise %d for the %u. time: there is none", e->rule, e->promise,
                        e->n);
            return 0;
        }
        s = &t->rules->step[i];
        if (t->promise[s->on].climbed[i] == e->n + 1 && t->promise[s->on].just[i] == e->at)
            t->promise[s->on].climbed[i]--;
        t->promise[s->on].just[i] = 0;
        if (!together)
            check_step(w, t, e, s, i);
        else if (e->n < t->promise[s->on].climbed[i])
            watch_wrong(w, "ladder[%u] fires for the %u. time again", i, e->n);
        if (e->priority != t->priority) {
            lapsed = promises_lift(t, e->priority, e);
            t->hazy = t->hazy || together;
            t->unsure = t->unsure || together;
        }
        t->level = e->level;
        t->promise[s->on].climbed[i] = e->n + 1;
        if (e->seen_at - e->at > LATE_AFTER) {
            if (t->stepped_at == e->seen_at && t->stepped_seq + 1 == e->ticket_seq)
                watch_wrong(w, "a burst: late steps are told one by one");
            t->stepped_at = e->seen_at;
            t->stepped_seq = e->ticket_seq;
        }
    } else if (together) {
        t->level = e->level;
    }
    if (together && (ladder_moves(t->rules) || watch_queue(w, e->queue) != t->queue))
        t->unsure = t->hazy = t->odd = true; /* perhaps away and back again */
    read_others(w, t, e);
    return lapsed;
}
