/* Symptoms and causes, by the events alone: what recurs, when a cause is opened, who is linked to
 * it and who must be told. What has to follow from an event comes right after it, in order, and
 * nothing else of the kind does. */
#include "parts.h"

#include <inttypes.h>
#include <string.h>

bool watch_is_cause(const struct watch *w, usher_id id)
{
    return w->ticket[id].is_cause || watch_linked(w, id) > 0;
}

uint32_t watch_linked(const struct watch *w, usher_id id)
{
    uint32_t n = 0;

    for (usher_id i = 1; i <= w->tickets_n; i++)
        n += w->ticket[i].linked && w->ticket[i].cause == id;
    return n;
}

/* ---- what has come --------------------------------------------------------------------------- */

static uint32_t recent_from(const struct symptom *s, int64_t now, int64_t window)
{
    uint32_t i = 0;

    while (i < s->recent_n && s->recent[i].at <= now - window)
        i++;
    return i;
}

static void remember(struct symptom *s, const struct seen *t, const usher_event *e)
{
    if (s->recent_n == RECENT_MAX)
        memmove(s->recent, s->recent + 1, --s->recent_n * sizeof s->recent[0]);
    s->recent[s->recent_n].id = e->ticket;
    s->recent[s->recent_n].at = e->at;
    s->recent[s->recent_n++].who = t->order[0];
    if (s->seen++ == 0)
        s->first_at = e->at;
    s->last_at = e->at;
    s->last = e->ticket;
    s->window = t->rules->window;
}

/* What must be told of it now. */
static void judge(struct watch *w, struct seen *t, const usher_event *e)
{
    struct symptom *s = &w->symptom[t->symptom];
    struct coming *c = &w->coming;
    uint32_t from = recent_from(s, e->at, t->rules->window), n = s->recent_n - from + 1;

    c->by = 1;
    for (uint32_t i = from; i < s->recent_n; i++) {
        c->by += s->recent[i].who == t->order[0];
        c->other = s->recent[i].id;
    }
    if (n > 1) {
        c->recurred = e->ticket;
        c->n = n;
        if (t->follows == 0)
            t->follows = c->other;
    }
    if (s->cause != 0)
        c->link = e->ticket;
    else if (n >= t->rules->cause_after && t->rules->cause_queue >= 0) {
        if ((uint32_t)t->rules->cause_queue < w->queues_n)
            c->open = e->ticket;
        else if (n == t->rules->cause_after)
            c->no_queue = e->ticket;
    }
    remember(s, t, e);
}

/* ---- a cause --------------------------------------------------------------------------------- */

static void opened(struct watch *w, struct seen *t, const usher_event *e)
{
    struct coming *c = &w->coming;
    const struct seen *by = watch_ticket(w, c->open);
    struct symptom *s;

    if (by == NULL || by->rules->cause_queue != (int)t->queue || e->priority != by->priority ||
        t->order[0] != PERSONS + (int)by->queue) {
        watch_wrong(w, "a cause that nobody asked for, or for somebody else");
        return;
    }
    t->is_cause = true;
    t->symptom = by->symptom;
    s = &w->symptom[t->symptom];
    if (s->cause != 0)
        watch_wrong(w, "a second open cause, beside ticket %" PRIu64, s->cause);
    s->causes++;
    s->cause = e->ticket;
    c->open = 0;
    c->cause = e->ticket;
    c->list_n = c->list_at = 0;
    c->how = 0;
    for (uint32_t i = recent_from(s, e->at, by->rules->window); i < s->recent_n; i++) {
        const struct seen *o = &w->ticket[s->recent[i].id];

        if (o->state != USHER_WITHDRAWN && o->cause == 0)
            c->list[c->list_n++] = s->recent[i].id;
    }
}

static void enqueued(struct watch *w, struct seen *t, const usher_event *e)
{
    if (t->order[0] >= PERSONS) {
        opened(w, t, e);
        return;
    }
    causes_settled(w);
    if (t->order[0] == INSIDER)
        return;
    t->follows = w->pending_follows;
    t->symptom = w->pending_symptom;
    if (t->symptom != 0)
        judge(w, t, e);
}

/* ---- links ----------------------------------------------------------------------------------- */

/* Those that may have left memory before are passed over. */
static bool is_next(struct watch *w, usher_id id)
{
    struct coming *c = &w->coming;

    while (c->list_at < c->list_n && c->list[c->list_at] != id && c->how == 0 &&
           watch_is_over(&w->ticket[c->list[c->list_at]]))
        c->list_at++;
    if (c->list_at == c->list_n || c->list[c->list_at] != id)
        return false;
    c->list_at++;
    return true;
}

static void linked(struct watch *w, struct seen *t, const usher_event *e)
{
    struct coming *c = &w->coming;
    const struct seen *to = watch_ticket(w, e->other);

    if (c->pair_of != 0) {
        if (e->ticket != c->pair_of || e->other != c->pair)
            watch_wrong(w, "linked to %" PRIu64 ", and that of %" PRIu64 " should come", e->other,
                        c->pair_of);
        c->pair_of = 0;
        return;
    }
    if (c->link == e->ticket) {
        if (e->other != w->symptom[t->symptom].cause)
            watch_wrong(w, "linked to %" PRIu64, e->other);
        c->link = 0;
    } else if (c->how == 0 && e->other == c->cause && c->list_at < c->list_n &&
               !is_next(w, e->ticket)) {
        watch_wrong(w, "linked out of order");
    }
    t->cause = e->other;
    t->linked = e->other != 0;
    if (e->other == 0)
        return;
    if (to == NULL || to->state >= USHER_RESOLVED || e->other == e->ticket)
        watch_wrong(w, "linked to %" PRIu64 ", which is no open ticket", e->other);
    c->pair_of = e->other;
    c->pair = e->ticket;
}

static void told(struct watch *w, const struct seen *t, const usher_event *e)
{
    struct coming *c = &w->coming;
    bool served = c->how == USHER_AS_FIX && t->state >= USHER_RESOLVED;

    if (e->other != c->cause || e->how != c->how || c->how == 0 || !is_next(w, e->ticket))
        watch_wrong(w, "told of a cause that was not resolved, or out of order");
    if (served != (e->kind == USHER_EV_CHECK_IN))
        watch_wrong(w, "told, and served already, or not");
}

/* The ticket was resolved, or told all about a workaround. */
static void resolved(struct watch *w, struct seen *t, const usher_event *e)
{
    struct coming *c = &w->coming;
    struct symptom *s = &w->symptom[t->symptom];

    if (!watch_is_cause(w, e->ticket) || (e->how != USHER_AS_FIX && e->how != USHER_AS_WORKAROUND))
        return;
    if (e->kind == USHER_EV_RESOLVED && e->how == USHER_AS_WORKAROUND)
        watch_wrong(w, "a cause is resolved as a workaround");
    if (t->is_cause && e->how == USHER_AS_FIX) {
        s->fixes++;
        s->recent_n = 0;
    } else if (t->is_cause) {
        s->workarounds++;
    }
    c->cause = e->ticket;
    c->how = e->how;
    c->list_n = c->list_at = 0;
    for (usher_id id = 1; id <= w->tickets_n; id++) {
        if (w->ticket[id].linked && w->ticket[id].cause == e->ticket)
            c->list[c->list_n++] = id;
    }
}

/* Of those that are open; t's own state is the event's. */
static usher_id newest_cause(const struct watch *w, const struct seen *t, const usher_event *e)
{
    for (usher_id id = w->tickets_n; id > 0; id--) {
        const struct seen *o = &w->ticket[id];

        if (o->is_cause && o->symptom == t->symptom && (o == t ? e->state : o->state) < USHER_RESOLVED)
            return id;
    }
    return 0;
}

/* What has become of it, for its symptom and for those linked to it. */
static void follow(struct watch *w, struct seen *t, const usher_event *e)
{
    if (t->is_cause)
        w->symptom[t->symptom].cause = newest_cause(w, t, e);
    if (e->state == USHER_WITHDRAWN)
        t->linked = false;
    for (usher_id id = 1; id <= w->tickets_n && e->state >= USHER_CLOSED; id++) {
        if (w->ticket[id].cause == e->ticket)
            w->ticket[id].linked = false;
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void recurred(struct watch *w, const usher_event *e)
{
    struct coming *c = &w->coming;

    if (e->ticket != c->recurred || e->n != c->n || e->how != c->by || e->other != c->other)
        watch_wrong(w, "%u. time, %d. of this one, after %" PRIu64 "; not %u, %d, %" PRIu64, e->n,
                    e->how, e->other, c->n, c->by, c->other);
    c->recurred = 0;
}

void causes_event(struct watch *w, struct seen *t, const usher_event *e)
{
    if (w->coming.pair_of != 0 && e->kind != USHER_EV_LINKED &&
        (e->kind != USHER_EV_NO_AGENT || e->ticket != w->coming.pair))
        watch_wrong(w, "ticket %" PRIu64 " has not been told that it is linked to",
                    w->coming.pair_of);
    switch (e->kind) {
    case USHER_EV_ENQUEUED: enqueued(w, t, e); break;
    case USHER_EV_RECURRED: recurred(w, e); break;
    case USHER_EV_LINKED: linked(w, t, e); break;
    case USHER_EV_CAUSE_TOLD: told(w, t, e); break;
    case USHER_EV_CHECK_IN:
        if (e->n == 0)
            told(w, t, e);
        break;
    case USHER_EV_NO_QUEUE:
        if (e->rule != NULL && strcmp(e->rule, "recurrence.cause_queue") == 0) {
            if (w->coming.no_queue != e->ticket)
                watch_wrong(w, "no queue for a cause that was not wanted");
            w->coming.no_queue = 0;
        }
        break;
    case USHER_EV_UPDATED:
        if (e->how != 0 && !watch_is_cause(w, e->ticket))
            watch_wrong(w, "a workaround of what is no cause");
        if (e->how != 0)
            resolved(w, t, e);
        break;
    case USHER_EV_RESOLVED: resolved(w, t, e); break;
    default: break;
    }
    follow(w, t, e);
}

void causes_settled(struct watch *w)
{
    struct coming *c = &w->coming;

    (void)is_next(w, 0); /* what has left memory */
    if (c->recurred != 0 || c->link != 0 || c->open != 0 || c->no_queue != 0 || c->pair_of != 0)
        watch_wrong(w, "not told: recurred %" PRIu64 ", linked %" PRIu64 ", opened for %" PRIu64
                    ", no queue %" PRIu64 ", linked to %" PRIu64,
                    c->recurred, c->link, c->open, c->no_queue, c->pair_of);
    if (c->list_at < c->list_n)
        watch_wrong(w, "ticket %" PRIu64 " is not %s cause %" PRIu64, c->list[c->list_at],
                    c->how == 0 ? "linked to" : "told of", c->cause);
    memset(c, 0, sizeof *c);
}

void causes_look(struct watch *w, const struct seen *t, const usher_standing *s)
{
    static const char *const names[SYMPTOMS + 1] = { NULL, "y1", "y2" };
    const char *name = names[t->symptom];

    if (s->cause != t->cause || s->follows != t->follows ||
        s->linked != watch_linked(w, s->ticket) ||
        (s->is_cause != 0) != t->is_cause)
        watch_wrong(w, "ticket %" PRIu64 ": cause %" PRIu64 ", follows %" PRIu64 ", %u linked (%d);"
                    " by its events %" PRIu64 ", %" PRIu64 ", %u (%d)",
                    s->ticket, s->cause, s->follows, s->linked, s->is_cause, t->cause, t->follows,
                    watch_linked(w, s->ticket), t->is_cause);
    if ((s->symptom == NULL) != (name == NULL) ||
        (name != NULL && strcmp(name, s->symptom) != 0))
        watch_wrong(w, "ticket %" PRIu64 ": another symptom", s->ticket);
}
