/* Rank by the events alone: given at the first entry, computed anew by a lift or a move, and
 * otherwise never larger than it was: a return takes the gap along to a nearer due. */
#include "parts.h"

#include <inttypes.h>
#include <string.h>

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t nearest_due(const struct seen *t)
{
    int64_t nearest = USHER_NEVER;

    for (int ix = 0; ix < 4; ix++) {
        int64_t due = watch_due(t, ix);

        if (due < nearest)
            nearest = due;
    }
    return nearest;
}

static bool is_alive(const struct mark *m, int64_t now)
{
    return m->ticket != 0 && later(m->rank, m->set_at) + m->gap > now;
}

/* anew: not for the first time. */
/* Steps that are told late have ranked it anew, nobody has seen when. */
static void give_unseen(struct watch *w, struct seen *t)
{
    t->unsure = w->unsure = true;
    t->entered_seq = 0;
    for (uint32_t i = 0; i < w->queues_n; i++)
        w->queue[i].unsteady_seq = w->seq;
    for (uint32_t i = 0; i < QUEUES * 4; i++)
        w->mark[i / 4][i % 4][t->order[0]].unsure = true;
    for (usher_id id = 1; id <= w->tickets_n; id++) { /* nor what became of others that came to the line since then */
        struct seen *o = &w->ticket[id];

        o->unsure = o->unsure || (o->touched && o->rank != 0 && o->order[0] == t->order[0]);
    }
}

/* Its rank is no longer the one that it was given as it came; nor are those that follow it. */
static void unsteady(struct watch *w, struct seen *t, const usher_event *e)
{
    t->entered_seq = 0;
    w->queue[t->queue].unsteady_seq = w->queue[watch_queue(w, e->queue)].unsteady_seq = e->seq;
}

static void give(struct watch *w, struct seen *t, const usher_event *e, bool anew)
{
    uint32_t queue = watch_queue(w, e->queue);
    struct mark *m = &w->mark[queue][t->priority - 1][t->order[0]];
    int64_t due = nearest_due(t), gap = watch_rules(w, queue)->gap;
    int64_t base = due != USHER_NEVER ? due : t->promise[0].start_at, rank = base;

    if (gap > 0 && is_alive(m, e->at) && (!anew || m->ticket != e->ticket))
        rank = later(rank, (anew ? later(m->rank, e->at - gap) : m->rank) + gap);
    t->rank = rank;
    t->behind = rank - base;
    t->entered_seq = e->seq;
    t->entered_at = e->at;
    t->entered_gap = gap;
    memset(t->overtaken, 0, sizeof t->overtaken);
    if (anew)
        unsteady(w, t, e);
    t->unsure = gap > 0 && m->unsure;
    w->unsure = w->unsure || t->unsure;
    if (gap > 0)
        *m = (struct mark){ rank, e->at, gap, e->ticket, m->unsure };
}

void ranks_event(struct watch *w, struct seen *t, const usher_event *e)
{
    bool ranked = t->rank != 0;
    int64_t due;

    switch (e->kind) {
    case USHER_EV_ENQUEUED:
    case USHER_EV_STARTED:
        if (e->state == USHER_WAITING && !ranked)
            give(w, t, e, false);
        break;
    case USHER_EV_REPRIORITISED:
        if (ranked && t->priority != t->before)
            give(w, t, e, true);
        break;
    case USHER_EV_MOVED:
        if (ranked && watch_queue(w, e->queue) != t->queue)
            give(w, t, e, true);
        break;
    case USHER_EV_STEPPED:
        if (ranked && t->unsure)
            give_unseen(w, t);
        else if (ranked && (t->priority != t->before || watch_queue(w, e->queue) != t->queue))
            give(w, t, e, true);
        break;
    default:
        if (t->unsure && ranked)
            give_unseen(w, t);
        break;
    }
    if (e->state == USHER_WAITING && t->state != USHER_WAITING && ranked) {
        due = nearest_due(t);
        if (due != USHER_NEVER && due + t->behind < t->rank)
            t->rank = due + t->behind;
        t->entered_seq = 0;
    }
    if (e->state == USHER_OFFERED)
        t->entered_seq = 0; /* who overtakes again is one ticket all the same */
    t->before = t->priority;
}

/* Inside a band a ticket of rank R is overtaken by ranks below R only; for a gap > 0 by at most
 * (R - entry) / gap + 1 tickets of any one other who came after it. */
static void overtakes(struct watch *w, struct seen *o, usher_id other, const struct seen *t,
                      usher_id id, int agent)
{
    int who = t->order[0];
    bool first = t->rank < o->rank || (t->rank == o->rank && id < other);

    if (!first && (o->needs & ~w->skills[agent]) == 0)
        watch_wrong(w, "it overtakes ticket %" PRIu64 ", whose rank is smaller", other);
    if (!first || o->entered_seq == 0 || o->entered_gap == 0 || t->entered_seq < o->entered_seq ||
        t->entered_gap != o->entered_gap || t->queue != o->queue || who == o->order[0] ||
        w->queue[o->queue].unsteady_seq > o->entered_seq)
        return;
    if (++o->overtaken[who] > (uint64_t)((o->rank - o->entered_at) / o->entered_gap + 1))
        watch_wrong(w, "ticket %" PRIu64 ", of rank %" PRId64 " since %" PRId64
                    ", is overtaken by %u of one other, at a gap of %" PRId64,
                    other, o->rank, o->entered_at, o->overtaken[who], o->entered_gap);
}

void ranks_claimed(struct watch *w, const struct seen *t, const usher_event *e, int agent)
{
    int line = watch_line(t);

    if (line < 0 || e->n != 0 || w->out_of_turn == e->ticket || agent < 0)
        return;
    for (usher_id id = 1; id <= w->tickets_n; id++) {
        if (id != e->ticket && watch_line(&w->ticket[id]) == line &&
            w->ticket[id].priority == t->priority)
            overtakes(w, &w->ticket[id], id, t, e->ticket, agent);
    }
}
