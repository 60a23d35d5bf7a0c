/* The engine's invariants, seen from inside: for tests, after every step of a random run. */
#include "local/causes.h"
#include "local/inside.h"

#include <string.h>

#include "core/promise.h"

#define MUST(condition, text)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return text;                                                                           \
    } while (0)

struct counts {
    uint64_t by_state[USHER_STATES], line[PRIORITIES], open, needy;
};

static const char *check_structures(const struct engine *e)
{
    MUST(usher__slab_check(&e->tickets), "the slab of tickets");
    MUST(usher__ids_check(&e->by_id), "the index by id");
    MUST(usher__ids_check(&e->by_key), "the index by dedup_key");
    MUST(usher__ids_check(&e->by_ref), "the index by ref");
    MUST(usher__heap_check(&e->dues), "the heap of due times");
    MUST(usher__heap_check(&e->leases), "the heap of leases");
    MUST(usher__heap_check(&e->waits), "the heap of waits");
    MUST(usher__intern_check(&e->names), "the names");
    MUST(usher__text_check(&e->texts), "the texts");
    return NULL;
}

/* A ticket is in the one place that its state says, and nowhere else. */
static const char *check_place(const struct engine *e, const struct ticket *t, uint32_t slot)
{
    struct place p = usher__place(t);
    const usher_queue_t *q = usher__queue_of(e, p.queue);
    struct order_item item;
    uint32_t at;

    if (p.where == PLACE_LINE) {
        MUST(usher__order_next(&q->band[p.band], t->rank, t->id - 1, &item) && item.id == t->id &&
                 item.slot == slot,
             "a waiting ticket is not in its band");
    } else if (p.where == PLACE_KEPT) {
        const usher_agent_t *a = usher__agent_of(e, p.agent);

        MUST(!a->gone, "a ticket is kept for an agent that has gone, or offered to it");
        MUST(usher__order_next(&a->kept, t->rank, t->id - 1, &item) && item.slot == slot,
             "a kept ticket is not with its agent");
    } else if (p.where == PLACE_HELD) {
        at = usher__agent_of(e, p.agent)->held;
        while (at != 0 && at != slot)
            at = usher__ticket(e, at)->next;
        MUST(at == slot, "a claimed ticket is not with its agent");
    }
    return NULL;
}

static const char *check_timers(const struct engine *e, const struct ticket *t, uint32_t slot)
{
    struct timer timer = usher__next_timer(t, usher__policy(e, t->policy));
    int64_t lease = usher__lease_end(t);
    struct heap_entry entry;
    bool armed = usher__heap_get(&e->dues, slot, &entry);

    MUST(armed == (timer.at != INT64_MAX), "a timer is armed that should not be, or is missing");
    MUST(!armed || entry.key == usher__timer_key(timer.at, timer.cls), "a timer is armed wrong");
    armed = usher__heap_get(&e->leases, slot, &entry);
    MUST(armed == (lease != INT64_MAX), "a lease is armed that should not be, or is missing");
    MUST(!armed || entry.key == usher__timer_key(lease, CLASS_SERVES), "a lease is armed wrong");
    return NULL;
}

/* That its id is the one by which it was found the index has seen to. */
static const char *check_ticket(const struct engine *e, const struct ticket *t)
{
    bool over = t->state >= USHER_RESOLVED;

    MUST(t->state > 0 && t->state < USHER_STATES, "a state that is none");
    MUST(t->priority >= USHER_LOW && t->priority <= USHER_URGENT, "a priority that is none");
    MUST(t->seq > 0, "a ticket without an event");
    MUST(t->persons_n >= 1 && t->requester != 0, "a ticket that nobody waits for");
    MUST(!usher__claim_stands(t) || (t->holder != 0 && t->token != 0), "a claim without a holder");
    MUST(t->state == USHER_PAUSED || t->extra == NULL || t->extra->reasons == 0,
         "a pause runs in another state");
    MUST(t->state != USHER_PAUSED || t->extra->reasons != 0, "paused for no reason");
    MUST((t->flags & TICKET_KEPT) == 0 || t->state == USHER_WAITING, "kept, but not waiting");
    MUST(t->extra == NULL || t->extra->rungs_n <= RUNGS_MAX, "too many rungs");
    MUST(t->state != USHER_OFFERED || (t->extra->offer_queue == 0) != (t->extra->offer_agent == 0),
         "offered to nobody, or to two");
    MUST(t->state == USHER_OFFERED || t->extra == NULL ||
             (t->extra->offer_queue | t->extra->offer_agent) == 0,
         "an offer in another state");
    MUST(t->extra == NULL || t->extra->untold.at == 0 ||
             usher__next_timer(t, usher__policy(e, t->policy)).at <= e->now.wall,
         "something is untold, and nothing more is to come");
    for (int ix = 0; ix < PROMISES; ix++) {
        const struct promise *m = &t->promise[ix];

        MUST(!over || (m->flags & PROMISE_OWED) == 0, "a promise runs although it is over");
        MUST(m->state != USHER_RUNNING || (m->flags & PROMISE_OWED) != 0, "runs, but is not owed");
        MUST(m->state == 0 || m->arming > 0, "a promise that was never made has a state");
        MUST(m->state != USHER_RUNNING || m->target > 0, "a promise without a target runs");
    }
    return NULL;
}

static const char *check_queue(const struct engine *e, const usher_queue_t *q,
                               const struct counts *seen)
{
    (void)e;
    for (int s = 0; s < USHER_STATES; s++)
        MUST(q->by_state[s] == seen->by_state[s], "a queue's counts by state");
    MUST(q->open == seen->open, "a queue's count of open tickets");
    MUST(q->needy == seen->needy, "a queue's count of tickets that need skills");
    for (uint32_t b = 0; b < PRIORITIES; b++) {
        MUST(usher__order_check(&q->band[b]), "a band of the line");
        MUST(q->band[b].n == seen->line[b], "a band's count");
    }
    return NULL;
}

/* All tickets, once for each queue: slow and plain. */
static const char *check_counts(const struct engine *e, const usher_queue_t *q)
{
    struct counts seen = {{0}, {0}, 0, 0};

    for (usher_id id = 1; id <= e->last_id; id++) {
        uint32_t slot = usher__ids_find(&e->by_id, id);
        const struct ticket *t = slot == 0 ? NULL : usher__ticket(e, slot);
        struct place p;

        if (t == NULL)
            continue;
        p = usher__place(t);
        seen.line[p.band] += p.queue == q->index && p.where == PLACE_LINE;
        seen.needy += p.queue == q->index && !usher__is_over(t->state) && t->extra != NULL &&
                      t->extra->needs_n > 0;
        if (t->queue != q->index)
            continue;
        seen.by_state[t->state]++;
        seen.open += !usher__is_over(t->state);
    }
    return check_queue(e, q, &seen);
}

/* All that are over, but for those that a cause may have to be told of to. */
static const char *check_closed(const struct engine *e)
{
    uint32_t n = 0;

    for (uint32_t slot = e->closed_oldest; slot != 0; slot = usher__ticket(e, slot)->next)
        n++;
    MUST(n == e->closed_n, "the list of closed tickets");
    for (usher_id id = 1; id <= e->last_id; id++) {
        uint32_t slot = usher__ids_find(&e->by_id, id);
        const struct ticket *t = slot == 0 ? NULL : usher__ticket(e, slot);

        n -= t != NULL && usher__is_over(t->state) && (t->extra == NULL || !t->extra->linked);
    }
    MUST(n == 0, "a closed ticket is not in their list, or one is that is linked");
    return NULL;
}

static const char *check_lists(const struct engine *e)
{
    uint32_t n, parked = 0;

    for (const struct claim *c = e->parked_first; c != NULL; c = c->next) {
        MUST(c->parked && (c->prev == NULL || c->prev->number < c->number), "parked claims' order");
        MUST(!c->agent->gone, "a parked claim of an agent that has gone");
        parked++;
    }
    MUST(parked == e->parked_n, "the count of parked claims");
    for (uint32_t i = 0; i < e->agents_n; i++) {
        const usher_agent_t *a = e->agents[i];

        n = 0;
        for (uint32_t slot = a->held; slot != 0; slot = usher__ticket(e, slot)->next)
            n++;
        MUST(n == a->held_n, "the list of what an agent holds");
        MUST(usher__order_check(&a->kept), "the order of what is kept for an agent");
    }
    return NULL;
}

/* A parked claim and a ticket that fits it, or is offered to its agent, never stand side by side. */
static const char *check_parked(const struct engine *e)
{
    for (const struct claim *c = e->parked_first; c != NULL; c = c->next) {
        struct order_item offer;
        bool offers = usher__order_first(&c->agent->kept, &offer);

        for (; offers; offers = usher__order_next(&c->agent->kept, offer.rank, offer.id, &offer)) {
            const struct ticket *t = usher__ticket(e, offer.slot);

            MUST(t->state != USHER_OFFERED ||
                     (usher__queue_of(e, t->queue)->hold & USHER_HOLD_CLAIMS) != 0,
                 "a parked claim could be served with an offer");
        }
        for (uint32_t i = 0; i < c->queues_n; i++) {
            const usher_queue_t *q = c->queues[i];

            for (uint32_t b = 0; b < PRIORITIES && (q->hold & USHER_HOLD_CLAIMS) == 0; b++) {
                struct order_item item;
                bool more = usher__order_first(&q->band[b], &item);

                for (; more; more = usher__order_next(&q->band[b], item.rank, item.id, &item))
                    MUST(!usher__has_skills(c->agent, usher__ticket(e, item.slot)),
                         "a parked claim could be served");
            }
        }
    }
    return NULL;
}

/* What is noted says so, and stands in its list once; policies know their records. */
static const char *check_notes(const struct engine *e)
{
    const struct changes *c = &e->changes;
    uint32_t noted = 0;

    for (usher_id id = 1; id <= e->last_id; id++) {
        uint32_t slot = usher__ids_find(&e->by_id, id);

        noted += slot != 0 && (usher__ticket(e, slot)->flags & TICKET_NOTED) != 0;
    }
    MUST(noted == c->tickets.n, "the count of tickets that have changed");
    for (uint32_t i = 0; i < c->tickets.n; i++)
        MUST((usher__ticket(e, c->tickets.at[i])->flags & TICKET_NOTED) != 0,
             "a ticket is among those that have changed, and is not marked so");
    for (uint32_t i = 0; i < c->definitions_n; i++) {
        const struct definition *d = &c->definitions[i];
        const struct policy_record *r = d->slot == 0 ? NULL : usher__slab_at(&e->policies, d->slot);

        MUST(r == NULL || (r->refs > 0 && r->definition == i + 1 &&
                           r->policy.version == d->version && r->policy.queue == d->queue),
             "a policy's record is another's");
    }
    for (uint32_t i = 0; i < c->zones_n; i++)
        MUST(c->zones[i].policy > 0 && c->zones[i].policy <= c->definitions_n,
             "a zone that no policy was compiled with");
    return NULL;
}

/* Each ticket and each queue uses one. */
static const char *check_policies(const struct engine *e)
{
    uint64_t users = 0;

    for (uint32_t slot = 1; slot < e->policies.fresh; slot++) {
        const struct policy_record *r = usher__slab_at(&e->policies, slot);

        users += r->refs;
        MUST(r->refs == 0 || (r->policy.queue > 0 && r->policy.queue <= e->queues_n),
             "a policy of no queue");
    }
    MUST(users == (uint64_t)e->tickets.n + e->queues_n, "users of policies");
    return NULL;
}

const char *usher__engine_check(struct engine *e)
{
    const char *wrong = check_structures(e);

    for (usher_id id = 1; wrong == NULL && id <= e->last_id; id++) {
        uint32_t slot = usher__ids_find(&e->by_id, id);
        const struct ticket *t = slot == 0 ? NULL : usher__ticket(e, slot);

        if (t == NULL)
            continue;
        wrong = check_ticket(e, t);
        if (wrong == NULL)
            wrong = check_place(e, t, slot);
        if (wrong == NULL)
            wrong = check_timers(e, t, slot);
    }
    for (uint32_t i = 0; wrong == NULL && i < e->queues_n; i++)
        wrong = check_counts(e, e->queues[i]);
    if (wrong == NULL)
        wrong = check_lists(e);
    if (wrong == NULL)
        wrong = check_closed(e);
    if (wrong == NULL)
        wrong = usher__causes_check(e);
    if (wrong == NULL)
        wrong = check_notes(e);
    if (wrong == NULL)
        wrong = check_policies(e);
    return wrong != NULL ? wrong : check_parked(e);
}
