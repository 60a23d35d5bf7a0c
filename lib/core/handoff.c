/* Passing on: an offer that must be accepted, and until then the giver answers for it.
 *
 * The claim stands while the offer is open: same holder, same token, no lease. What ends the offer is
 * whatever leads out of the state (usher__set_state): it is claimed there, recalled, comes back, or the
 * ticket is resolved or withdrawn. None of it touches a clock of the requester's. */
#include "core/turn.h"

#include <stddef.h>

struct offer {
    uint32_t to; /* a queue or an agent */
    int how;     /* USHER_TO_*; 0: there is none */
};

static struct offer offer_of(const struct ticket *t)
{
    const struct extra *x = t->extra;

    if (t->state != USHER_OFFERED)
        return (struct offer){0, 0};
    return x->offer_queue != 0 ? (struct offer){x->offer_queue, USHER_TO_QUEUE}
                               : (struct offer){x->offer_agent, USHER_TO_AGENT};
}

static struct event *tell_offer(struct turn *turn, int kind, struct offer offer)
{
    struct event *e = usher__tell(turn, kind, turn->c != NULL ? turn->c->who : 0);

    e->to = offer.to;
    e->how = offer.how;
    e->text = turn->c != NULL ? turn->c->text : NULL;
    return e;
}

int usher__check_hand_off(const struct turn *turn)
{
    uint32_t to = turn->c->to_agent;

    return to != 0 && (to == turn->t->holder || !turn->facts->agent_present) ? USHER_ESTATE : 0;
}

void usher__do_hand_off(struct turn *turn)
{
    struct ticket *t = turn->t;
    struct extra *x = t->extra;
    struct event *e;

    if (x->hops >= turn->policy->hops) {
        turn->out->flags |= USHER_WAS_ESCALATED;
        usher__do_escalate(turn);
        turn->out->events[0].rule = "handoff.hops";
        return;
    }
    usher__set_state(turn, USHER_OFFERED);
    t->until_at = usher__after(turn->at, turn->policy->accept_within);
    x->offer_queue = turn->c->queue;
    x->offer_agent = turn->c->to_agent;
    e = tell_offer(turn, USHER_EV_OFFERED, offer_of(t));
    e->n = ++x->hops;
    e->until_at = t->until_at;
}

int usher__accept(struct ticket *t)
{
    struct offer offer = offer_of(t);

    if (offer.how == USHER_TO_QUEUE)
        t->queue = offer.to;
    return offer.how;
}

/* The giver's claim goes on as if it had not been offered; its lease from now. */
void usher__do_recall(struct turn *turn)
{
    struct ticket *t = turn->t;
    struct offer offer = offer_of(t);
    struct now now = {turn->at, turn->boot, turn->ahead, turn->seen};

    if (turn->facts->holder_present) {
        usher__set_state(turn, USHER_CLAIMED);
        t->until_at = usher__after(turn->boot, turn->facts->here->lease_for);
    } else {
        usher__return(turn, false);
    }
    tell_offer(turn, USHER_EV_RECALLED, offer)->until_at = usher__until(t, now);
}

void usher__offer_return(struct turn *turn)
{
    bool declined = turn->c != NULL;
    struct offer offer = offer_of(turn->t);
    struct event *e;

    usher__raise(turn->t, 1);
    usher__return(turn, true);
    e = tell_offer(turn, declined ? USHER_EV_DECLINED : USHER_EV_OFFER_EXPIRED, offer);
    e->n = declined ? (uint32_t)turn->c->kind : 0;
    e->rule = declined ? NULL : "handoff.accept_within";
}
