/* Claims: who gets which ticket, at once or, parked, as soon as one fits. */
#include "core/cold.h"
#include "local/inside.h"

#include <string.h>

/* ---- what fits ------------------------------------------------------------------------------------ */

static bool names_queue(const struct claim *c, const usher_queue_t *q)
{
    for (uint32_t i = 0; i < c->queues_n; i++) {
        if (c->queues[i] == q)
            return (q->hold & USHER_HOLD_CLAIMS) == 0;
    }
    return false;
}

/* Who offers it to this agent knows him: his skills, and what he claims from, are not asked for. */
static bool is_for(const struct engine *e, const struct claim *c, const struct ticket *t)
{
    const usher_queue_t *q = usher__queue_of(e, t->queue);

    if (t->state == USHER_OFFERED)
        return (q->hold & USHER_HOLD_CLAIMS) == 0;
    return names_queue(c, q) && usher__has_skills(c->agent, t);
}

/* What is kept for the agent or offered to it comes first, by rank. 0: nothing. */
static uint32_t pick_kept(const struct engine *e, const struct claim *c)
{
    struct order_item item;
    bool more = usher__order_first(&c->agent->kept, &item);

    while (more) {
        if (is_for(e, c, usher__ticket(e, item.slot)))
            return item.slot;
        more = usher__order_next(&c->agent->kept, item.rank, item.id, &item);
    }
    return 0;
}

/* The first in the band whose needs the agent meets. */
static uint32_t pick_band(const struct engine *e, const usher_queue_t *q, uint32_t band,
                          const usher_agent_t *a)
{
    struct order_item item;
    bool more = usher__order_first(&q->band[band], &item);

    while (more) {
        if (q->needy == 0 || usher__has_skills(a, usher__ticket(e, item.slot)))
            return item.slot;
        more = usher__order_next(&q->band[band], item.rank, item.id, &item);
    }
    return 0;
}

enum { RECORD_AHEAD = 6, REST_AHEAD = 3 }; /* how far to look: measured at 1 M */

/* Who takes the first of a line mostly takes the next ones too: what they will need is fetched while
 * this one is worked on. First the records, then, when those are there, what they lead to. */
static void look_ahead(const struct engine *e, const usher_queue_t *q, uint32_t band)
{
    uint32_t far = usher__order_near(&q->band[band], RECORD_AHEAD);
    uint32_t near = usher__order_near(&q->band[band], REST_AHEAD);

    if (far != 0)
        usher__ticket_prefetch(e, far);
    if (near != 0) {
        const struct ticket *t = usher__ticket(e, near);

        __builtin_prefetch(t->body, 1);
        usher__heap_prefetch(&e->dues, near);
        usher__heap_prefetch(&e->leases, near);
    }
}

/* What was picked, and the turn that it was charged for, to be given back if it cannot be had. */
struct picked {
    uint32_t slot;        /* 0: nothing */
    usher_queue_t *queue; /* NULL: nothing was charged */
    struct shares shares;
};

static void pick(struct engine *e, const struct claim *c, struct picked *p)
{
    p->slot = pick_kept(e, c);
    p->queue = NULL;
    for (uint32_t i = 0; p->slot == 0 && i < c->queues_n; i++) {
        usher_queue_t *q = c->queues[i];
        uint32_t first[PRIORITIES], bands = 0;

        if ((q->hold & USHER_HOLD_CLAIMS) != 0)
            continue;
        for (uint32_t b = 0; b < PRIORITIES; b++) {
            first[b] = pick_band(e, q, b, c->agent);
            bands |= first[b] != 0 ? 1u << b : 0;
        }
        if (bands != 0) {
            uint32_t band;

            p->queue = q;
            p->shares = q->shares;
            band = usher__shares_next(&q->shares, bands);
            p->slot = first[band];
            usher__note_queue(e, q);
            look_ahead(e, q, band);
        }
    }
}

/* ---- handing out ---------------------------------------------------------------------------------- */

static void fill_work(struct engine *e, const struct ticket *t, struct work *w)
{
    const struct extra *x = t->extra;

    *w = (struct work){.claim = {t->id, t->token},
                       .queue = usher__queue_of(e, t->queue),
                       .enqueued_at = t->enqueued_at,
                       .lease_until_at = usher__until(t, e->at),
                       .due_at = usher__nearest_due(t, usher__policy(e, t->policy)),
                       .priority = t->priority,
                       .level = t->level,
                       .attempts = t->attempts,
                       .persons = t->persons_n,
                       .requester = t->requester,
                       .symptom = x != NULL ? x->symptom : 0,
                       .ref = x != NULL ? x->ref : 0,
                       .body = usher__text_ref(t->body)};
    usher__intern_ref(&e->names, w->requester);
    usher__intern_ref(&e->names, w->symptom);
    usher__intern_ref(&e->names, w->ref);
}

static int hand_out(struct engine *e, struct claim *c, uint32_t slot, int verb)
{
    struct command command = {.verb = verb, .agent = c->agent->index, .who = c->agent->name};
    struct ticket *t = usher__ticket(e, slot);
    uint32_t flags;
    int err;

    __builtin_prefetch(t->body, 1); /* whose count goes up at the end */
    usher__heap_prefetch(&e->dues, slot);
    err = usher__prepare(e, t, &command);
    if (err == 0)
        err = usher__apply(e, slot, &command, &flags);
    if (err == 0)
        fill_work(e, t, &c->works[c->works_n++]);
    return err;
}

/* As many as it asked for and can be had. ENOMEM only when that is why it got none. */
static int try_claim(struct engine *e, struct claim *c)
{
    while (c->works_n < c->n) {
        struct picked p;
        int err;

        pick(e, c, &p);
        if (p.slot == 0)
            break;
        err = hand_out(e, c, p.slot, VERB_CLAIM);
        if (err != 0) {
            if (p.queue != NULL)
                p.queue->shares = p.shares;
            return c->works_n > 0 ? 0 : err;
        }
    }
    return 0;
}

/* ---- parked claims --------------------------------------------------------------------------------- */

static void unpark(struct engine *e, struct claim *c)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        e->parked_first = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    else
        e->parked_last = c->prev;
    for (uint32_t i = 0; i < c->queues_n; i++) {
        struct seat *s = &c->seats[i];
        usher_queue_t *q = c->queues[i];

        if (s->prev != NULL)
            s->prev->next = s->next;
        else
            q->seats = s->next;
        if (s->next != NULL)
            s->next->prev = s->prev;
        else
            q->seats_last = s->prev;
    }
    usher__heap_drop(&e->waits, c->slot);
    usher__slab_give(&e->parked, c->slot);
    e->parked_n--;
    c->parked = false;
}

static int park(struct engine *e, struct claim *c, int64_t wait_ms)
{
    int64_t until;
    int err = usher__slab_reserve(&e->parked, 1);

    if (err == 0)
        err = usher__heap_reserve(&e->waits, e->parked.fresh + 1);
    if (err != 0)
        return err;
    c->slot = usher__slab_take(&e->parked);
    *(struct claim **)usher__slab_at(&e->parked, c->slot) = c;
    c->number = ++e->parked_number;
    if (__builtin_add_overflow(e->at.boot, wait_ms, &until))
        until = INT64_MAX;
    if (usher__timer_key(until, CLASS_PARKED) != INT64_MAX)
        usher__heap_set(&e->waits, c->slot, c->number, usher__timer_key(until, CLASS_PARKED));
    c->next = NULL;
    c->prev = e->parked_last;
    if (e->parked_last != NULL)
        e->parked_last->next = c;
    else
        e->parked_first = c;
    e->parked_last = c;
    for (uint32_t i = 0; i < c->queues_n; i++) {
        usher_queue_t *q = c->queues[i];

        c->seats[i] = (struct seat){c, NULL, q->seats_last};
        if (q->seats_last != NULL)
            q->seats_last->next = &c->seats[i];
        else
            q->seats = &c->seats[i];
        q->seats_last = &c->seats[i];
    }
    e->parked_n++;
    c->parked = true;
    return 0;
}

/* Its callback may run from now on. */
static void finish(struct engine *e, struct claim *c, int status)
{
    if (c->parked)
        unpark(e, c);
    c->status = status;
    c->seq = e->log.seq;
    c->next = NULL;
    c->prev = e->served_last;
    if (e->served_last != NULL)
        e->served_last->next = c;
    else
        e->served_first = c;
    e->served_last = c;
    if (c->entry == NULL || status != USHER_OK)
        return;
    c->entry->claims_n = c->works_n;
    for (uint32_t i = 0; i < c->works_n; i++) {
        const struct work *w = &c->works[i];

        c->entry->claims[i] =
            (struct op_claim){w->claim,    w->queue, w->enqueued_at, w->lease_until_at, w->due_at,
                              w->priority, w->level, w->attempts,    w->persons};
    }
    usher__ops_add(&e->ops, usher__ops_trim(&e->ops, c->entry), e->at.wall);
    c->entry = NULL;
}

void usher__fresh(struct engine *e, usher_queue_t *q, uint32_t slot)
{
    if (e->parked_n == 0)
        return;
    if (q->fresh_n == 0)
        e->fresh[e->fresh_n++] = q;
    if (slot == 0 || q->fresh_n >= FRESH_MAX)
        q->fresh_n = FRESH_MAX + 1;
    else
        q->fresh[q->fresh_n++] = slot;
}

void usher__fresh_all(struct engine *e)
{
    for (uint32_t i = 0; i < e->queues_n && e->parked_n > 0; i++)
        usher__fresh(e, e->queues[i], 0);
}

void usher__wake(struct engine *e, const usher_agent_t *a)
{
    for (const struct claim *c = e->parked_first; c != NULL; c = c->next) {
        if (c->agent == a)
            usher__fresh(e, c->queues[0], 0);
    }
}

/* Whether trying is worth it: a parked claim found nothing before, so only what is new counts. */
static bool may_serve(const struct engine *e, const struct claim *c)
{
    for (uint32_t i = 0; i < c->queues_n; i++) {
        const usher_queue_t *q = c->queues[i];

        if (q->fresh_n > FRESH_MAX)
            return true;
        for (uint32_t k = 0; k < q->fresh_n; k++) {
            if (usher__has_skills(c->agent, usher__ticket(e, q->fresh[k])))
                return true;
        }
    }
    return false;
}

/* ENOMEM: it could be served, but not now. */
static int try_parked(struct engine *e, struct claim *c)
{
    int err = may_serve(e, c) ? try_claim(e, c) : 0;

    if (err == 0 && c->works_n > 0)
        finish(e, c, USHER_OK);
    return err;
}

int usher__serve(struct engine *e)
{
    struct seat *seat, *next_seat;
    struct claim *c, *next;
    int err = 0;

    if (e->fresh_n == 0)
        return 0;
    if (e->fresh_n == 1) {
        for (seat = e->fresh[0]->seats; err == 0 && seat != NULL; seat = next_seat) {
            next_seat = seat->next;
            err = try_parked(e, seat->claim);
        }
    } else {
        for (c = e->parked_first; err == 0 && c != NULL; c = next) {
            next = c->next;
            err = try_parked(e, c);
        }
    }
    for (uint32_t i = 0; i < e->fresh_n; i++) /* slots may be used again before the next try */
        e->fresh[i]->fresh_n = err != 0 ? FRESH_MAX + 1 : 0;
    if (err == 0)
        e->fresh_n = 0;
    return err;
}

void usher__wait_over(struct engine *e, uint32_t slot)
{
    finish(e, *(struct claim **)usher__slab_at(&e->parked, slot), USHER_ETIMEDOUT);
}

COLD void usher__cancel_of(struct engine *e, usher_agent_t *a)
{
    struct claim *next;

    for (struct claim *c = e->parked_first; c != NULL; c = next) {
        next = c->next;
        if (a == NULL || c->agent == a)
            finish(e, c, USHER_ECANCELED);
    }
}

void usher__engine_cancel_all(struct engine *e)
{
    usher__cancel_of(e, NULL);
}

COLD int usher__engine_cancel(usher_agent_t *a, const void *user)
{
    struct engine *e = a->engine;
    int err = USHER_ENOENT;
    struct claim *next;

    for (struct claim *c = e->parked_first; c != NULL; c = next) {
        next = c->next;
        if (c->agent != a || c->user != user)
            continue;
        finish(e, c, USHER_ECANCELED);
        err = 0;
    }
    return err;
}

/* ---- the calls -------------------------------------------------------------------------------------- */

static struct claim *new_claim(usher_agent_t *a, uint32_t n, uint32_t queues_n, usher_work_cb cb,
                               void *user)
{
    size_t len = sizeof(struct claim) + n * sizeof(struct work) +
                 queues_n * (sizeof(struct seat) + sizeof(usher_queue_t *));
    struct claim *c = usher__alloc(&a->engine->memory, len);

    if (c == NULL)
        return NULL;
    *c = (struct claim){.agent = a, .cb = cb, .user = user, .n = n, .queues_n = queues_n};
    c->works = (struct work *)(c + 1);
    c->seats = (struct seat *)(c->works + n);
    c->queues = (usher_queue_t **)(c->seats + queues_n);
    return c;
}

/* The same tickets and tokens again; the fence tells whether they are stale. Of a ticket that has
 * been let go meanwhile there are only the numbers. */
static COLD void repeat(struct engine *e, struct claim *c, const struct op_entry *entry)
{
    for (uint32_t i = 0; i < entry->claims_n; i++) {
        const struct op_claim *then = &entry->claims[i];
        uint32_t slot = usher__ids_find(&e->by_id, then->claim.ticket);
        struct work *w = &c->works[i];

        *w = (struct work){0};
        if (slot != 0)
            fill_work(e, usher__ticket(e, slot), w);
        w->claim = then->claim;
        w->queue = then->queue;
        w->enqueued_at = then->enqueued_at;
        w->lease_until_at = then->lease_until_at;
        w->due_at = then->due_at;
        w->priority = then->priority;
        w->level = then->level;
        w->attempts = then->attempts;
        w->persons = then->persons;
    }
    c->works_n = entry->claims_n;
    finish(e, c, USHER_OK);
}

/* 0: go on, with c->entry where there is an op. 1: it is finished, as a repeat. ENOMEM. */
static int begin(struct engine *e, struct claim *c, usher_op op, uint64_t print)
{
    struct op_entry *entry;

    if (op.hi == 0 && op.lo == 0)
        return 0;
    entry = usher__ops_find(&e->ops, op, e->at.wall);
    if (entry != NULL) {
        if (entry->print == print)
            repeat(e, c, entry);
        else
            finish(e, c, USHER_EINVAL);
        return 1;
    }
    c->entry = usher__ops_new(&e->ops, c->n);
    if (c->entry == NULL)
        return USHER_ENOMEM;
    c->entry->op = op;
    c->entry->print = print;
    return 0;
}

int usher__engine_claim(usher_agent_t *a, const usher_claim_args *args, usher_work_cb cb,
                        void *user)
{
    struct engine *e = a->engine;
    uint32_t n = args->n != 0 ? args->n : 1;
    uint64_t print = usher__print_number(usher__print_number(VERB_CLAIM, a->index), n);
    struct claim *c;
    int err;

    if (a->gone)
        return USHER_ESTATE;
    c = new_claim(a, n, args->queues_n, cb, user);
    if (c == NULL)
        return USHER_ENOMEM;
    for (uint32_t i = 0; i < args->queues_n; i++) {
        c->queues[i] = args->queues[i];
        print = usher__print_number(print, args->queues[i]->index);
    }
    print = usher__print_number(print, (uint64_t)args->wait_ms);
    err = begin(e, c, args->op, print);
    if (err == 1)
        return 0;
    if (err == 0)
        err = try_claim(e, c);
    if (err == 0 && c->works_n == 0 && args->wait_ms > 0) {
        err = park(e, c, args->wait_ms);
        if (err == 0)
            return 0;
    }
    if (err != 0) {
        usher__engine_claim_free(e, c);
        return err;
    }
    finish(e, c, c->works_n > 0 ? USHER_OK : USHER_ETIMEDOUT);
    return 0;
}

COLD int usher__engine_claim_ticket(usher_agent_t *a, usher_id ticket, usher_op op,
                                    usher_work_cb cb, void *user)
{
    struct engine *e = a->engine;
    uint64_t print = usher__print_number(usher__print_number(VERB_CLAIM_TICKET, a->index), ticket);
    struct claim *c;
    uint32_t slot;
    int err;

    if (a->gone)
        return USHER_ESTATE;
    c = new_claim(a, 1, 0, cb, user);
    if (c == NULL)
        return USHER_ENOMEM;
    err = begin(e, c, op, print);
    if (err == 1)
        return 0;
    slot = usher__ids_find(&e->by_id, ticket);
    if (err == 0 && slot == 0)
        err = USHER_ENOENT;
    if (err == 0) {
        usher_queue_t *q = usher__queue_of(e, usher__place(usher__ticket(e, slot)).queue);

        err = (q->hold & USHER_HOLD_CLAIMS) != 0 ? USHER_ESTATE
                                                 : hand_out(e, c, slot, VERB_CLAIM_TICKET);
    }
    if (err == USHER_ENOMEM) {
        usher__engine_claim_free(e, c);
        return err;
    }
    finish(e, c, err);
    usher__settle(e);
    return 0;
}

struct claim *usher__engine_served(struct engine *e)
{
    struct claim *c = e->served_first;

    if (c == NULL)
        return NULL;
    e->served_first = c->next;
    if (c->next != NULL)
        c->next->prev = NULL;
    else
        e->served_last = NULL;
    c->next = c->prev = NULL;
    return c;
}

void usher__engine_claim_free(struct engine *e, struct claim *c)
{
    for (uint32_t i = 0; i < c->works_n; i++) {
        usher__intern_unref(&e->names, c->works[i].requester);
        usher__intern_unref(&e->names, c->works[i].symptom);
        usher__intern_unref(&e->names, c->works[i].ref);
        usher__text_unref(&e->texts, c->works[i].body);
    }
    usher__free(&e->memory, c->entry);
    usher__free(&e->memory, c);
}

uint32_t usher__engine_parked(const struct engine *e)
{
    return e->parked_n;
}
