/* Rank: where in its band a ticket stands. Given once; it grows only when it is computed anew.
 *
 * The gap sets one requester's tickets apart: each stands at least that far behind the one before,
 * so that five hundred of them do not wall off the others. What the last rank of a requester was is
 * a mark, a fact that the engine keeps; with gap 0 there are none. How far the gap puts a ticket
 * behind its base, the ticket itself keeps, and takes along to a nearer due.
 *
 * Inside its band a new ticket of rank R is overtaken only by ranks below R. With a gap that is at
 * most (R - entry) / gap + 1 tickets of any one other requester that entered the band by enqueue
 * after it, however often they are claimed and come back. For let these be promised the same when
 * they enter, at e0, e1 ..., due d later. The i-th gets a rank of e0 + d + i * gap or more, so it
 * stands behind its base, ei + d, by i * gap - (ei - e0) or more. No due that it ever has is before
 * ei; so its rank never falls below e0 + i * gap. Of those that are lifted into the band for the
 * first time meanwhile, as many again may overtake it, and one more for each gap that it waits, as
 * long as they do not come back with a nearer due. */
#include "core/cold.h"
#include "core/turn.h"

#include <stddef.h>

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool usher__mark_alive(const struct mark *m, int64_t now)
{
    return m->ticket != 0 && usher__after(later(m->rank, m->set_at), m->gap) > now;
}

bool usher__marks(const struct ticket *t, const struct command *c, uint32_t *queue, uint32_t *band)
{
    *queue = t->queue;
    *band = t->priority - 1u;
    if (c == NULL)
        return t->state == USHER_SCHEDULED && (t->flags & TICKET_RANKED) == 0;
    switch (c->verb) {
    case USHER_MOVE:
        *queue = c->queue;
        return true;
    case USHER_REPRIORITISE:
        *band = (uint32_t)c->kind - 1;
        return true;
    case VERB_APPLY:
        return true;
    case VERB_JOIN:
        if (c->priority > t->priority)
            *band = c->priority - 1;
        return true;
    default:
        return c->verb == VERB_ENQUEUE;
    }
}

bool usher__step_marks(const struct ticket *t, const struct step *step, uint32_t move_to,
                       uint32_t *queue, uint32_t *band)
{
    *queue = step->move != 0 && move_to != 0 ? move_to : t->queue;
    *band = (step->priority > t->priority ? step->priority : t->priority) - 1u;
    return *queue != t->queue || *band != t->priority - 1u;
}

static void give(struct turn *turn, int64_t from, int64_t rank)
{
    struct ticket *t = turn->t;

    t->rank = rank;
    t->behind = rank - from;
    t->flags |= TICKET_RANKED;
    if (turn->facts->here->gap == 0)
        return;
    turn->out->set_mark = true;
    turn->out->mark = (struct mark){rank, turn->at, turn->facts->here->gap, t->id};
}

/* Base: the due of its nearest promise, or, with none, when it first came into the line. */
static int64_t base(const struct turn *turn)
{
    int64_t due = usher__nearest_due(turn->t, turn->policy);

    return due != INT64_MAX ? due : turn->t->start_at;
}

void usher__rank_first(struct turn *turn)
{
    const struct mark *m = &turn->facts->mark;
    int64_t gap = turn->facts->here->gap;
    int64_t from = base(turn), rank = from;

    if (gap > 0 && usher__mark_alive(m, turn->at))
        rank = later(rank, usher__after(m->rank, gap));
    give(turn, from, rank);
}

COLD void usher__rank_again(struct turn *turn)
{
    struct ticket *t = turn->t;
    int64_t rank = usher__after(usher__nearest_due(t, turn->policy), t->behind);

    if (rank < t->rank)
        t->rank = rank;
}

/* A lift brings at most one ticket of a requester per gap to the front. */
COLD void usher__rank_anew(struct turn *turn)
{
    const struct mark *m = &turn->facts->mark;
    int64_t gap = turn->facts->here->gap;
    int64_t from = base(turn), rank = from;

    if ((turn->t->flags & TICKET_RANKED) == 0)
        return;
    if (gap > 0 && usher__mark_alive(m, turn->at) && m->ticket != turn->t->id)
        rank = later(rank, usher__after(later(m->rank, turn->at - gap), gap));
    give(turn, from, rank);
}
