/* Rank by the events alone: given at the first entry, computed anew by a lift or a move, and
 * otherwise never larger than it was: a return takes the gap along to a nearer due. */
#include "parts.h"

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
    for (uint32_t i = 0; i < QUEUES * 4; i++)
        w->mark[i / 4][i % 4][t->order[0]].unsure = true;
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
    }
    t->before = t->priority;
}
