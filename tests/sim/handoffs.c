/* Passing on, by the events alone: one answers for the ticket at any instant, an offer has one end,
 * and nobody's clock notices. And who could serve it at all. */
#include "parts.h"

#include <inttypes.h>

int watch_line(const struct seen *t)
{
    if (t->state == USHER_OFFERED)
        return t->offer == USHER_TO_QUEUE ? t->offer_to : -1;
    return t->state == USHER_WAITING && t->kept_for < 0 ? (int)t->queue : -1;
}

bool watch_able(const struct watch *w, uint32_t needs)
{
    for (int i = 0; i < AGENTS; i++) {
        if (!w->gone[i] && (needs & ~w->skills[i]) == 0)
            return true;
    }
    return false;
}

int handoffs_raise(const usher_event *e)
{
    return e->kind == USHER_EV_STUCK || e->kind == USHER_EV_ESCALATED ||
           e->kind == USHER_EV_DECLINED || e->kind == USHER_EV_OFFER_EXPIRED;
}

static void check_to(struct watch *w, const struct seen *t, const usher_event *e)
{
    int to = e->how == USHER_TO_QUEUE ? watch_number(e->to, 'q', QUEUES)
                                      : watch_number(e->to, 'a', AGENTS);

    if (e->how != t->offer || to != t->offer_to)
        watch_wrong(w, "an offer to %s", e->to == NULL ? "nobody" : e->to);
}

static void offered(struct watch *w, struct seen *t, const usher_event *e)
{
    t->offer = e->how;
    t->offer_to = e->how == USHER_TO_QUEUE ? watch_number(e->to, 'q', QUEUES)
                                           : watch_number(e->to, 'a', AGENTS);
    t->offer_until = e->until_at;
    t->hops++;
    w->offers_made++;
    if (t->offer_to < 0 || watch_number(e->who, 'a', AGENTS) != t->holder)
        watch_wrong(w, "an offer by %s to %s", e->who == NULL ? "nobody" : e->who,
                    e->to == NULL ? "nobody" : e->to);
    if (e->how == USHER_TO_AGENT && (t->offer_to == t->holder || w->gone[t->offer_to]))
        watch_wrong(w, "an offer to an agent that is not there, or to its holder");
    if (e->n != t->hops || t->hops > t->rules->hops)
        watch_wrong(w, "hand-off %u, not %u of %u", e->n, t->hops, t->rules->hops);
    if (e->until_at != e->at + t->rules->accept_within)
        watch_wrong(w, "an offer until %" PRId64 ", not %" PRId64, e->until_at,
                    e->at + t->rules->accept_within);
}

/* The giver's claim goes on where it was, or, has he gone, it waits for anybody. */
static void recalled(struct watch *w, struct seen *t, const usher_event *e)
{
    bool there = !w->gone[t->holder];

    if ((e->state == USHER_CLAIMED) != there)
        watch_wrong(w, "recalled by one who has gone, or has not");
    t->lease_end = e->at + watch_rules(w, t->queue)->lease_for;
    if (there ? e->until_at != t->lease_end && !w->stepped : e->until_at != 0)
        watch_wrong(w, "recalled until %" PRId64 ", not %" PRId64, e->until_at,
                    there ? t->lease_end : 0);
}

static void accepted(struct watch *w, const struct seen *t, const usher_event *e)
{
    int agent = watch_number(e->who, 'a', AGENTS);

    if (e->how != t->offer)
        watch_wrong(w, "an offer is accepted that was not made");
    if (t->offer == USHER_TO_AGENT && agent != t->offer_to)
        watch_wrong(w, "an offer to a%d is accepted by a%d", t->offer_to, agent);
    if (t->offer != 0 && e->at >= t->offer_until)
        watch_wrong(w, "accepted at %" PRId64 ", the offer ended at %" PRId64, e->at,
                    t->offer_until);
    if (watch_queue(w, e->queue) !=
        (t->offer == USHER_TO_QUEUE ? (uint32_t)t->offer_to : t->queue))
        watch_wrong(w, "accepted in another queue");
}

static void no_agent(struct watch *w, struct seen *t)
{
    if (t->told_no_agent || t->needs == 0 || watch_able(w, t->needs))
        watch_wrong(w, "nobody can serve it: that is so for the second time, or is not so");
    t->told_no_agent = true;
}

void handoffs_event(struct watch *w, struct seen *t, const usher_event *e)
{
    if (t->state == USHER_OFFERED && e->state != USHER_OFFERED)
        w->offers_ended++;
    switch (e->kind) {
    case USHER_EV_OFFERED: offered(w, t, e); break;
    case USHER_EV_CLAIMED: accepted(w, t, e); break;
    case USHER_EV_RECALLED:
        check_to(w, t, e);
        recalled(w, t, e);
        break;
    case USHER_EV_DECLINED:
        check_to(w, t, e);
        if (e->n > 1 || (e->n == 1 && (e->how != USHER_TO_AGENT || !w->gone[t->offer_to])))
            watch_wrong(w, "declined by going, and he is there");
        break;
    case USHER_EV_OFFER_EXPIRED:
        check_to(w, t, e);
        if (e->at != t->offer_until)
            watch_wrong(w, "an offer ends at %" PRId64 ", not at %" PRId64, e->at, t->offer_until);
        break;
    case USHER_EV_ESCALATED:
        if (e->rule != NULL && t->hops < t->rules->hops)
            watch_wrong(w, "escalated at hand-off %u of %u", t->hops + 1, t->rules->hops);
        break;
    case USHER_EV_WITHDRAWN: /* his claim has ended, and it was not he who ended it */
        if (watch_number(e->to, 'a', AGENTS) != (watch_claim_stands(t) ? t->holder : -1))
            watch_wrong(w, "withdrawn, and %s is told to stop", e->to == NULL ? "nobody" : e->to);
        break;
    case USHER_EV_NO_AGENT: no_agent(w, t); break;
    default: break;
    }
}

void handoffs_look(struct watch *w, const struct seen *t, const usher_standing *s, int64_t now)
{
    int to = t->offer == USHER_TO_QUEUE ? watch_number(s->offered_to, 'q', QUEUES)
                                        : watch_number(s->offered_to, 'a', AGENTS);

    if (s->offer != t->offer || (s->offered_to != NULL) != (t->offer != 0) ||
        (t->offer != 0 && to != t->offer_to))
        watch_wrong(w, "ticket %" PRIu64 ": offered to %s (%d)", s->ticket,
                    s->offered_to == NULL ? "nobody" : s->offered_to, s->offer);
    if (s->handoffs != t->hops)
        watch_wrong(w, "ticket %" PRIu64 ": %u hand-offs, not %u", s->ticket, s->handoffs, t->hops);
    if (watch_claim_stands(t) && watch_number(s->holder, 'a', AGENTS) != t->holder)
        watch_wrong(w, "ticket %" PRIu64 ": %s answers for it, not a%d", s->ticket,
                    s->holder == NULL ? "nobody" : s->holder, t->holder);
    if (t->offer != 0 && t->offer_until <= now)
        watch_wrong(w, "ticket %" PRIu64 " is offered longer than it was to be", s->ticket);
    if (t->offer == USHER_TO_AGENT && w->gone[t->offer_to])
        watch_wrong(w, "ticket %" PRIu64 " is offered to an agent that has gone", s->ticket);
    if (t->state == USHER_WAITING && t->needs != 0 && !t->told_no_agent && !watch_able(w, t->needs))
        watch_wrong(w, "ticket %" PRIu64 ": nobody can serve it, and nobody said so", s->ticket);
}
