/* What keeps coming: a symptom that recurs, and the ticket about its cause.
 *
 * Who is linked to whom is the engine's to keep, in both directions; what that means is decided here. A
 * link ties no fates: what becomes of a ticket never touches its cause, and of a cause the others are
 * only told. */
#include "core/turn.h"

#include <stddef.h>

bool usher__is_cause(const struct ticket *t)
{
    return t->extra != NULL && (t->extra->is_cause || t->extra->linked_n > 0);
}

static struct event *tell_other(struct turn *turn, int kind, usher_id other)
{
    struct event *e = usher__tell(turn, kind, turn->c->who);

    e->other = other;
    e->text = turn->c->text;
    return e;
}

/* 0: to none any more. */
static struct event *link(struct turn *turn, usher_id cause)
{
    turn->t->extra->cause = cause;
    turn->out->effects |= EFFECT_LINKED;
    return tell_other(turn, USHER_EV_LINKED, cause);
}

/* ---- a ticket has come ------------------------------------------------------------------------- */

/* So often that its cause should be looked for. */
static void want_cause(struct turn *turn)
{
    const struct policy *p = turn->policy;
    uint32_t count = turn->facts->recent + 1;
    struct event *e;

    if (count < p->cause_after || p->cause_queue == 0)
        return;
    if (turn->facts->cause_queue != 0) {
        turn->out->effects |= EFFECT_OPEN_CAUSE;
    } else if (count == p->cause_after) {
        e = usher__tell(turn, USHER_EV_NO_QUEUE, 0);
        e->name = p->cause_queue;
        e->rule = "recurrence.cause_queue";
    }
}

void usher__recur(struct turn *turn)
{
    struct extra *x = turn->t->extra;
    const struct facts *facts = turn->facts;
    struct event *e;

    x->is_cause = turn->c->kind == ENQUEUE_CAUSE;
    x->follows = turn->c->other;
    if (x->symptom == 0 || x->is_cause)
        return;
    if (x->follows == 0)
        x->follows = facts->earlier;
    if (facts->recent > 0) {
        e = usher__tell(turn, USHER_EV_RECURRED, turn->c->who);
        e->other = facts->earlier;
        e->n = facts->recent + 1;
        e->how = (int32_t)facts->recent_by + 1;
    }
    if (facts->cause != 0)
        link(turn, facts->cause);
    else
        want_cause(turn);
}

/* ---- links ------------------------------------------------------------------------------------- */

int usher__check_link(const struct turn *turn)
{
    const struct ticket *t = turn->t;
    const struct extra *x = t->extra;
    const struct facts *facts = turn->facts;
    usher_id other = turn->c->other;

    if (other == 0)
        return x->cause != 0 ? 0 : USHER_ESTATE;
    if (facts->cause == 0)
        return USHER_ENOENT;
    if (other == t->id || facts->cause_state >= USHER_RESOLVED)
        return USHER_ESTATE;
    if (x->linked && x->cause == other)
        return 0; /* told again, listed once */
    return facts->cause_linked < USHER_LINKS_MAX ? 0 : USHER_ELIMIT;
}

void usher__do_link(struct turn *turn)
{
    link(turn, turn->c->other);
}

void usher__do_linked(struct turn *turn)
{
    tell_other(turn, USHER_EV_LINKED, turn->c->other);
}

/* Its cause has been resolved. Whoever has been served already is asked whether it holds now. */
void usher__do_told(struct turn *turn)
{
    bool served = turn->c->kind == USHER_AS_FIX && turn->t->state >= USHER_RESOLVED;

    tell_other(turn, served ? USHER_EV_CHECK_IN : USHER_EV_CAUSE_TOLD, turn->c->other)->how =
        turn->c->kind;
}
