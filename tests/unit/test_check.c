/* The engine's own check sees each kind of damage, names it, and finds nothing else wrong: what a random
 * run is judged by must not be blind. One thing is spoilt at a time, and put back. */
#include "kept.h"
#include "local/symptoms.h"
#include "local/upkeep.h"

enum { DEEDS = 4000, UNDO_MAX = 8 };

/* ---- spoiling, and putting back ---------------------------------------------------------------------- */

struct undo {
    void *at;
    size_t len;
    uint64_t was;
};
static struct undo undone[UNDO_MAX];
static uint32_t undone_n;

static void put(void *at, size_t len, uint64_t value)
{
    struct undo *u = &undone[undone_n++];

    assert_true(undone_n <= UNDO_MAX && len <= sizeof u->was);
    *u = (struct undo){at, len, 0};
    memcpy(&u->was, at, len);
    memcpy(at, &value, len); /* little-endian; elsewhere any other value does */
}
#define PUT(place, value) put(&(place), sizeof(place), (uint64_t)(value))

static void put_back(void)
{
    while (undone_n > 0) {
        undone_n--;
        memcpy(undone[undone_n].at, &undone[undone_n].was, undone[undone_n].len);
    }
}

static void finds(struct world *w, const char *what, const char *says)
{
    const char *is = usher__engine_check(w->e);

    if (is == NULL || strcmp(is, says) != 0)
        fail_msg("%s: \"%s\", not \"%s\"", what, is == NULL ? "all is well" : is, says);
}

static void is_well(struct world *w, const char *after)
{
    const char *is = usher__engine_check(w->e);

    if (is != NULL)
        fail_msg("after \"%s\" was put back: %s", after, is);
}

/* What has been PUT is found, and put back. */
#define FINDS(w, what, says)                                                                       \
    do {                                                                                           \
        finds(w, what, says);                                                                      \
        put_back();                                                                                \
        is_well(w, what);                                                                          \
    } while (0)
#define SEES(w, place, value, says)                                                                \
    do {                                                                                           \
        PUT(place, value);                                                                         \
        FINDS(w, #place " = " #value, says);                                                       \
    } while (0)

/* ---- what to spoil ----------------------------------------------------------------------------------- */

typedef bool fits_fn(const struct world *w, const struct ticket *t);

/* The first ticket after `from` that fits, which must be there. */
static struct ticket *any_that(struct world *w, const char *what, fits_fn *fits, usher_id from)
{
    for (usher_id id = from + 1; id <= w->e->last_id; id++) {
        uint32_t slot = usher__ids_find(&w->e->by_id, id);

        if (slot != 0 && fits(w, usher__ticket(w->e, slot)))
            return usher__ticket(w->e, slot);
    }
    fail_msg("there is no ticket that is %s", what);
    return NULL;
}
#define ANY(w, fits) any_that(w, #fits, fits, 0)

static uint32_t slot_of(struct world *w, const struct ticket *t)
{
    return usher__ids_find(&w->e->by_id, t->id);
}

static bool is_plain(const struct world *w, const struct ticket *t)
{
    (void)w;
    return t->state == USHER_WAITING && (t->flags & TICKET_KEPT) == 0 && t->extra == NULL;
}

static bool is_in_line(const struct world *w, const struct ticket *t)
{
    return usher__place(t).where == PLACE_LINE && t->state == USHER_WAITING && w != NULL;
}

static bool is_kept(const struct world *w, const struct ticket *t)
{
    (void)w;
    return usher__place(t).where == PLACE_KEPT && t->state == USHER_WAITING;
}

static bool is_claimed(const struct world *w, const struct ticket *t)
{
    (void)w;
    return t->state == USHER_CLAIMED;
}

static bool is_claimed_with_extra(const struct world *w, const struct ticket *t)
{
    (void)w;
    return t->state == USHER_CLAIMED && t->extra != NULL;
}

static bool is_paused(const struct world *w, const struct ticket *t)
{
    (void)w;
    return t->state == USHER_PAUSED;
}

static bool is_offered(const struct world *w, const struct ticket *t)
{
    (void)w;
    return t->state == USHER_OFFERED;
}

static bool is_over(const struct world *w, const struct ticket *t)
{
    (void)w;
    return usher__is_over(t->state);
}

static bool has_timer(const struct world *w, const struct ticket *t)
{
    return usher__next_timer(t, usher__policy(w->e, t->policy)).at != INT64_MAX;
}

static bool is_running(const struct world *w, const struct ticket *t)
{
    (void)w;
    return t->promise[0].state == USHER_RUNNING;
}

static bool is_noted(const struct world *w, const struct ticket *t)
{
    (void)w;
    return (t->flags & TICKET_NOTED) != 0;
}

static bool is_not_noted(const struct world *w, const struct ticket *t)
{
    return !is_noted(w, t);
}

static bool has_two_linked(const struct world *w, const struct ticket *t)
{
    (void)w;
    return t->extra != NULL && t->extra->linked_n >= 2;
}

static bool has_none_linked(const struct world *w, const struct ticket *t)
{
    (void)w;
    return t->extra != NULL && !usher__is_over(t->state) && !t->extra->linked &&
           t->extra->linked_n == 0;
}

/* ---- a service with something of everything ---------------------------------------------------------- */

static struct claim *parked_of(struct world *w, bool (*fits)(const struct claim *c))
{
    struct claim *c = w->e->parked_first;

    while (c != NULL && !fits(c))
        c = c->next;
    return c;
}

/* Nothing is kept for its agent or offered to it. */
static bool waits_alone(const struct claim *c)
{
    return c->agent->kept.n == 0 && c->agent->held_n == 0;
}

static usher_queue_t *queue_of(struct world *w, const char *name, const char *policy)
{
    usher_queue_t *q;
    struct policy p;
    struct result res;

    assert_int_equal(usher__engine_queue(w->e, name, &q), 0);
    assert_int_equal(usher__engine_compile(w->e, &p, policy, strlen(policy), NULL, 0), 0);
    assert_int_equal(usher__engine_define(q, &p, policy, strlen(policy), &res), 0);
    return q;
}

static usher_claim claimed(struct world *w, usher_queue_t *q, usher_agent_t *a, const char *ref)
{
    usher_request r = {.size = sizeof r, .requester = "ada", .ref = ref};
    struct result res;

    assert_int_equal(usher__engine_enqueue(q, &r, 1, &res), 0);
    assert_int_equal(usher__engine_claim_ticket(a, res.ticket, (usher_op){0, 0}, NULL, NULL), 0);
    served_free(w);
    return (usher_claim){res.ticket, usher__engine_token(w->e, res.ticket)};
}

static void ail(usher_queue_t *q, const char *symptom)
{
    usher_request r = {.size = sizeof r, .requester = "ben", .symptom = symptom};
    struct result res;

    assert_int_equal(usher__engine_enqueue(q, &r, 1, &res), 0);
}

/* Most of it happens at random; what a moment may lack is brought about in the end. */
static void begin(struct world *w)
{
    usher_command c = {.size = sizeof c, .verb = USHER_PAUSE, .kind = USHER_ON_THIRD_PARTY};
    struct result res;
    usher_queue_t *own, *sick;
    usher_agent_t *a;

    world_open(w, 4, 40);
    w->parks = true;
    world_begin(w);
    for (int i = 0; i < DEEDS; i++) {
        world_deed(w);
        if (i % 16 != 15)
            continue;
        assert_int_equal(usher__engine_cut(w->e, &w->batch), 0);
        usher__batch_clear(&w->batch);
    }
    own = queue_of(w, "own", "{}");
    sick = queue_of(w, "sick", "{\"recurrence\":{\"cause_after\":2,\"cause_queue\":\"own\"}}");
    assert_int_equal(usher__engine_agent(w->e, "new", NULL, 0, &a), 0);
    (void)claimed(w, own, a, "with extra");
    (void)claimed(w, own, a, NULL);
    c.claim = claimed(w, own, a, NULL);
    assert_int_equal(usher__engine_act(w->e, &c, &res), 0);
    c.verb = USHER_RESUME;
    assert_int_equal(usher__engine_act(w->e, &c, &res), 0);
    assert_int_equal(res.status, 0);
    c = (usher_command){.size = sizeof c, .verb = USHER_HAND_OFF, .queue = sick};
    c.claim = claimed(w, own, a, NULL);
    assert_int_equal(usher__engine_act(w->e, &c, &res), 0);
    assert_int_equal(res.state, USHER_OFFERED);
    c = (usher_command){.size = sizeof c, .verb = USHER_PAUSE, .kind = USHER_ON_THIRD_PARTY};
    c.claim = claimed(w, own, a, NULL);
    assert_int_equal(usher__engine_act(w->e, &c, &res), 0);
    assert_int_equal(res.state, USHER_PAUSED);
    ail(queue_of(w, "due", "{\"promises\":{\"ack\":{\"target\":\"1h\"}}}"), NULL);
    ail(own, "mild");
    ail(own, "mild");
    ail(sick, "grave");
    ail(sick, "grave");
    is_well(w, "nothing");
}

/* Parked claims are not the engine's to free. */
static void finish(struct world *w)
{
    usher__engine_cancel_all(w->e);
    served_free(w);
    world_free(w);
}

/* It waits for ever, in a held queue. */
static usher_agent_t *park(struct world *w, const char *name, usher_queue_t *q)
{
    usher_claim_args args = {
        .size = sizeof args, .queues = &q, .queues_n = 1, .wait_ms = USHER_NEVER};
    struct result res;
    usher_agent_t *a;

    assert_int_equal(usher__engine_hold(q, USHER_HOLD_CLAIMS, &res), 0);
    assert_int_equal(usher__engine_agent(w->e, name, skill_names, 3, &a), 0);
    assert_int_equal(usher__engine_claim(a, &args, NULL, NULL), 0);
    assert_null(usher__engine_served(w->e));
    return a;
}

/* ---- the structures underneath ----------------------------------------------------------------------- */

static void slab_is_seen(struct world *w, struct slab *s, const char *says)
{
    assert_true(s->free_n > 0);
    SEES(w, s->n, s->n + 1, says);
    SEES(w, s->fresh, s->slots + 1, says);
    SEES(w, s->slots, 0, says);
    SEES(w, s->free, s->fresh, says);
    PUT(s->n, s->n - 1);
    PUT(s->free_n, s->free_n + 1);
    FINDS(w, "the list of free ones ends too soon", says);
    PUT(s->n, s->n + 1);
    PUT(s->free_n, s->free_n - 1);
    FINDS(w, "the list of free ones goes on", says);
}

static void test_check__sees_slabs(void **state)
{
    struct world w;
    uint32_t name;

    (void)state;
    begin(&w);
    assert_true(usher__engine_purge(w.e, &(struct row_filter){0}) > 0);
    slab_is_seen(&w, &w.e->tickets, "the slab of tickets");
    assert_int_equal(usher__intern_get(&w.e->names, "nobody", 6, &name), 0);
    usher__intern_unref(&w.e->names, name);
    slab_is_seen(&w, &w.e->names.names, "the names");
    finish(&w);
}

static void test_check__sees_indexes(void **state)
{
    struct world w;
    struct ids *ids[3];
    static const char *const says[] = {"the index by id", "the index by dedup_key",
                                       "the index by ref"};

    (void)state;
    begin(&w);
    ids[0] = &w.e->by_id;
    ids[1] = &w.e->by_key;
    ids[2] = &w.e->by_ref;
    for (int i = 0; i < 3; i++) {
        SEES(&w, ids[i]->n, ids[i]->n + 1, says[i]);
        SEES(&w, ids[i]->full, ids[i]->directory[0], says[i]);
        SEES(&w, ids[i]->n, ids[i]->n - 1, says[i]);
    }
    PUT(ANY(&w, is_plain)->id, w.e->last_id + 1);
    FINDS(&w, "a ticket with another id", "the index by id");
    finish(&w);
}

static void heap_is_seen(struct world *w, struct heap *h, const char *says)
{
    uint32_t first, second;
    struct heap_entry *top;

    assert_true(h->n >= 2);
    for (first = 0; h->pos[first] == 0; first++)
        ;
    for (second = first + 1; h->pos[second] == 0; second++)
        ;
    top = &h->entries[h->pos[first]];
    SEES(w, h->n, h->n + 1, says);
    SEES(w, h->slots, h->n - 1, says);
    SEES(w, h->entries, (uintptr_t)(h->entries + 1), says);
    SEES(w, h->pos[first], 0, says);
    PUT(h->pos[first], h->pos[second]);
    PUT(h->pos[second], top - h->entries);
    FINDS(w, "two that changed places", says);
    SEES(w, top->slot, h->slots, says);
    SEES(w, top->key, h->pos[first] == 3 ? INT64_MAX : INT64_MIN, says);
}

static void test_check__sees_heaps(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    (void)park(&w, "p0", w.e->queues[0]);
    (void)park(&w, "p1", w.e->queues[0]);
    heap_is_seen(&w, &w.e->dues, "the heap of due times");
    heap_is_seen(&w, &w.e->leases, "the heap of leases");
    w.parks = true;
    while (w.e->waits.n < 2)
        do_claim(&w);
    served_free(&w);
    heap_is_seen(&w, &w.e->waits, "the heap of waits");
    finish(&w);
}

static void test_check__sees_names_and_texts(void **state)
{
    struct world w;
    struct intern *in;
    struct text_pool *texts;
    char *name;

    (void)state;
    begin(&w);
    in = &w.e->names;
    name = (char *)(uintptr_t)usher__engine_name(w.e, ANY(&w, is_plain)->requester);
    PUT(name[0], name[0] + 1);
    FINDS(&w, "a name's first letter", "the names");
    SEES(&w, in->names.n, in->names.n + 1, "the names");
    SEES(&w, in->texts.n, in->texts.n + 1, "the names");
    SEES(&w, in->index.n, in->names.n + 1, "the names");
    SEES(&w, in->index.full, in->index.directory[0], "the names");
    SEES(&w, in->texts.chunk_len, in->texts.chunk_len + 1, "the names");

    texts = &w.e->texts;
    assert_non_null(texts->large);
    SEES(&w, texts->chunk_len, texts->chunk_len + 1, "the texts");
    SEES(&w, texts->small_len, texts->chunk_len + 1, "the texts");
    SEES(&w, texts->small_len, texts->small_len - 16, "the texts");
    SEES(&w, texts->free[0], (uintptr_t)texts->chunks, "the texts");
    SEES(&w, texts->n, 0, "the texts");
    SEES(&w, texts->n, texts->n + texts->chunk_len, "the texts");
    finish(&w);
}

/* ---- tickets ------------------------------------------------------------------------------------------- */

static void test_check__sees_tickets(void **state)
{
    struct world w;
    struct ticket *t;

    (void)state;
    begin(&w);
    t = ANY(&w, is_plain);
    SEES(&w, t->state, 0, "a state that is none");
    SEES(&w, t->state, USHER_STATES, "a state that is none");
    SEES(&w, t->priority, 0, "a priority that is none");
    SEES(&w, t->priority, USHER_URGENT + 1, "a priority that is none");
    SEES(&w, t->seq, 0, "a ticket without an event");
    SEES(&w, t->persons_n, 0, "a ticket that nobody waits for");
    SEES(&w, t->requester, 0, "a ticket that nobody waits for");
    t = ANY(&w, is_claimed_with_extra);
    SEES(&w, t->holder, 0, "a claim without a holder");
    SEES(&w, t->token, 0, "a claim without a holder");
    SEES(&w, t->extra->reasons, 1, "a pause runs in another state");
    SEES(&w, t->extra->rungs_n, RUNGS_MAX + 1, "too many rungs");
    SEES(&w, t->extra->offer_queue, 1, "an offer in another state");
    SEES(&w, t->flags, t->flags | TICKET_KEPT, "kept, but not waiting");
    SEES(&w, t->extra->untold.at, 1, "something is untold, and nothing more is to come");
    SEES(&w, ANY(&w, is_paused)->extra->reasons, 0, "paused for no reason");
    t = ANY(&w, is_offered);
    PUT(t->extra->offer_queue, 0);
    PUT(t->extra->offer_agent, 0);
    FINDS(&w, "nobody's offer", "offered to nobody, or to two");
    PUT(t->extra->offer_queue, 1);
    PUT(t->extra->offer_agent, 1);
    FINDS(&w, "an offer to two", "offered to nobody, or to two");
    t = ANY(&w, is_over);
    SEES(&w, t->promise[0].flags, PROMISE_OWED, "a promise runs although it is over");
    t = ANY(&w, is_running);
    SEES(&w, t->promise[0].flags, 0, "runs, but is not owed");
    SEES(&w, t->promise[0].arming, 0, "a promise that was never made has a state");
    SEES(&w, t->promise[0].target, 0, "a promise without a target runs");
    finish(&w);
}

static void test_check__sees_timers(void **state)
{
    struct world w;
    struct ticket *t;
    struct heap_entry due;
    uint32_t slot;

    (void)state;
    begin(&w);
    t = ANY(&w, has_timer);
    slot = slot_of(&w, t);
    assert_true(usher__heap_get(&w.e->dues, slot, &due));
    usher__heap_drop(&w.e->dues, slot);
    finds(&w, "a due time that is not armed",
          "a timer is armed that should not be, or is missing");
    usher__heap_set(&w.e->dues, slot, t->id, due.key + 1);
    finds(&w, "a due time later than it is", "a timer is armed wrong");
    usher__heap_set(&w.e->dues, slot, t->id, due.key);
    is_well(&w, "the due time");

    t = ANY(&w, is_claimed);
    slot = slot_of(&w, t);
    assert_true(usher__heap_get(&w.e->leases, slot, &due));
    usher__heap_drop(&w.e->leases, slot);
    finds(&w, "a lease that is not armed", "a lease is armed that should not be, or is missing");
    usher__heap_set(&w.e->leases, slot, t->id, due.key + 1);
    finds(&w, "a lease longer than it is", "a lease is armed wrong");
    usher__heap_set(&w.e->leases, slot, t->id, due.key);
    is_well(&w, "the lease");
    finish(&w);
}

/* ---- where tickets stand -------------------------------------------------------------------------------- */

/* In its place in the order stands another slot; or it is not there, or is somebody else's. */
static void place_is_seen(struct world *w, struct order *o, const struct ticket *t,
                          const char *says)
{
    uint32_t slot = slot_of(w, t);

    assert_true(usher__order_remove(o, t->rank, t->id));
    assert_int_equal(usher__order_reserve(o, 1), 0);
    usher__order_insert(o, t->rank, t->id, slot + 1);
    finds(w, "another slot", says);
    assert_true(usher__order_remove(o, t->rank, t->id));
    usher__order_insert(o, INT64_MIN, t->id, slot);
    finds(w, "another place", says);
    assert_true(usher__order_remove(o, INT64_MIN, t->id));
    usher__order_insert(o, t->rank, t->id, slot);
    is_well(w, "its place");
}

static void test_check__sees_where_tickets_stand(void **state)
{
    struct world w;
    struct ticket *t;
    struct place p;
    struct order *band;

    (void)state;
    begin(&w);
    t = ANY(&w, is_in_line);
    p = usher__place(t);
    band = &usher__queue_of(w.e, p.queue)->band[p.band];
    place_is_seen(&w, band, t, "a waiting ticket is not in its band");
    assert_int_equal(usher__order_reserve(band, 1), 0);
    usher__order_insert(band, t->rank, w.e->last_id + 1, slot_of(&w, t));
    finds(&w, "one too many in the band", "a band's count");
    assert_true(usher__order_remove(band, t->rank, w.e->last_id + 1));
    is_well(&w, "the band");
    SEES(&w, band->n, band->n + 1, "a band of the line");
    SEES(&w, band->leaf_n, band->leaf_n + 1, "a band of the line");
    SEES(&w, band->spare_n, band->spare_n + 1, "a band of the line");

    t = ANY(&w, is_kept);
    p = usher__place(t);
    place_is_seen(&w, &usher__agent_of(w.e, p.agent)->kept, t, "a kept ticket is not with its agent");
    SEES(&w, usher__agent_of(w.e, p.agent)->gone, true,
         "a ticket is kept for an agent that has gone, or offered to it");
    SEES(&w, usher__agent_of(w.e, p.agent)->kept.n, 0, "a kept ticket is not with its agent");
    finish(&w);
}

static void test_check__sees_counts_and_lists(void **state)
{
    struct world w;
    struct ticket *t;
    usher_queue_t *q;
    usher_agent_t *a;

    (void)state;
    begin(&w);
    q = w.e->queues[1];
    SEES(&w, q->by_state[USHER_WAITING], q->by_state[USHER_WAITING] + 1,
         "a queue's counts by state");
    SEES(&w, q->open, q->open + 1, "a queue's count of open tickets");
    SEES(&w, q->needy, q->needy + 1, "a queue's count of tickets that need skills");

    t = ANY(&w, is_claimed);
    a = usher__agent_of(w.e, t->holder);
    SEES(&w, a->held, 0, "a claimed ticket is not with its agent");
    SEES(&w, a->held_n, a->held_n + 1, "the list of what an agent holds");
    a = w.e->agents[w.e->agents_n - 1];
    SEES(&w, a->kept.leaf_n, a->kept.leaf_n + 1, "the order of what is kept for an agent");

    assert_true(w.e->closed_n >= 2);
    SEES(&w, w.e->closed_n, w.e->closed_n + 1, "the list of closed tickets");
    PUT(w.e->closed_oldest, usher__ticket(w.e, w.e->closed_oldest)->next);
    PUT(w.e->closed_n, w.e->closed_n - 1);
    FINDS(&w, "the oldest closed one is not listed",
          "a closed ticket is not in their list, or one is that is linked");
    finish(&w);
}

static void test_check__sees_parked_claims(void **state)
{
    struct world w;
    struct claim *c;
    struct result res;
    usher_command offer = {.size = sizeof offer, .verb = USHER_HAND_OFF};
    struct ticket *t;
    usher_queue_t *q, *other;

    (void)state;
    begin(&w);
    t = ANY(&w, is_claimed);
    q = usher__queue_of(w.e, t->queue);
    offer.agent = park(&w, "p0", q);
    (void)park(&w, "p1", q);
    c = parked_of(&w, waits_alone);
    assert_true(c != NULL && c->next != NULL);
    SEES(&w, c->parked, false, "parked claims' order");
    SEES(&w, c->next->number, c->number, "parked claims' order");
    SEES(&w, c->agent->gone, true, "a parked claim of an agent that has gone");
    SEES(&w, w.e->parked_n, w.e->parked_n + 1, "the count of parked claims");
    SEES(&w, q->hold, 0, "a parked claim could be served");

    assert_int_equal(usher__engine_queue(w.e, "empty", &other), 0);
    offer.agent = park(&w, "p2", other);
    offer.claim = (usher_claim){t->id, t->token};
    assert_int_equal(usher__engine_act(w.e, &offer, &res), 0);
    assert_int_equal(res.status, 0);
    assert_int_equal(t->state, USHER_OFFERED);
    is_well(&w, "the offer");
    usher__engine_cancel_all(w.e);
    served_free(&w);
    (void)park(&w, "p2", other);
    SEES(&w, q->hold, 0, "a parked claim could be served with an offer");
    finish(&w);
}

/* ---- causes and symptoms --------------------------------------------------------------------------------- */

static void test_check__sees_links(void **state)
{
    struct world w;
    struct ticket *cause;
    struct extra *x, *first, *second;

    (void)state;
    begin(&w);
    cause = ANY(&w, has_two_linked);
    x = cause->extra;
    first = usher__ticket(w.e, x->linked_first)->extra;
    second = usher__ticket(w.e, first->linked_next)->extra;
    SEES(&w, x->linked_n, USHER_LINKS_MAX + 1, "a cause that is over, or has too many");
    SEES(&w, x->linked_n, 0, "a cause that is over, or has too many");
    SEES(&w, x->linked_first, 0, "a cause that is over, or has too many");
    SEES(&w, first->cause, w.e->last_id + 1, "a ticket is linked wrong");
    SEES(&w, second->linked_prev, first->linked_next, "a ticket is linked wrong");
    SEES(&w, x->linked_n, x->linked_n - 1, "the order of what is linked");
    SEES(&w, x->linked_first, first->linked_next, "the order of what is linked");
    SEES(&w, w.e->causes->linked_n, w.e->causes->linked_n + 1, "a ticket is linked to nothing");
    SEES(&w, ANY(&w, has_none_linked)->extra->linked, true, "a ticket is linked to nothing");
    SEES(&w, second->linked, false, "a ticket is linked wrong");
    finish(&w);
}

static struct symptom *a_symptom(struct world *w, bool with_cause)
{
    for (uint32_t slot = w->e->causes->newest; slot != 0;
         slot = usher__symptom(w->e, slot)->older) {
        struct symptom *s = usher__symptom(w->e, slot);

        if (s->recent_n >= 2 && (s->cause != 0) == with_cause && s->older != 0)
            return s;
    }
    fail_msg("there is no such symptom");
    return NULL;
}

static void test_check__sees_symptoms(void **state)
{
    struct world w;
    struct causes *c;
    struct symptom *s;

    (void)state;
    begin(&w);
    c = w.e->causes;
    SEES(&w, c->symptoms.n, c->symptoms.n + 1, "the symptoms");
    SEES(&w, c->by_name.n, c->by_name.n + 1, "the symptoms");
    SEES(&w, c->next.n, c->next.n + 1, "the symptoms");
    SEES(&w, c->newest, usher__symptom(w.e, c->newest)->older, "the count of symptoms");
    s = a_symptom(&w, false);
    SEES(&w, s->seen, 0, "a symptom");
    SEES(&w, s->seen, s->recent_n - 1, "a symptom");
    SEES(&w, s->owed, 1, "a symptom");
    SEES(&w, s->cause, 1, "a symptom's turn to be forgotten");
    SEES(&w, usher__symptom(w.e, s->older)->newer, 0, "the order of symptoms");
    SEES(&w, usher__symptom(w.e, s->older)->last, s->last, "the order of symptoms");
    SEES(&w, s->recent[1].id, s->recent[0].id, "the tickets of a symptom");
    SEES(&w, s->recent[s->recent_n - 1].id, s->last + 1, "the tickets of a symptom");
    s = a_symptom(&w, true);
    SEES(&w, s->cause, s->cause + 1, "the open cause of a symptom");
    finish(&w);
}

/* ---- what is noted, and policies ------------------------------------------------------------------------- */

static void test_check__sees_notes_and_policies(void **state)
{
    struct world w;
    struct changes *c;
    struct policy_record *r;
    struct definition *d;
    struct ticket *t;

    (void)state;
    begin(&w);
    c = &w.e->changes;
    while (c->tickets.n == 0)
        do_enqueue(&w);
    t = ANY(&w, is_noted);
    SEES(&w, t->flags, t->flags & ~(unsigned)TICKET_NOTED, "the count of tickets that have changed");
    PUT(t->flags, t->flags & ~(unsigned)TICKET_NOTED);
    t = ANY(&w, is_not_noted);
    PUT(t->flags, t->flags | TICKET_NOTED);
    FINDS(&w, "another one is marked",
          "a ticket is among those that have changed, and is not marked so");

    d = &c->definitions[c->definitions_n - 1];
    while (d->slot == 0)
        d--;
    r = usher__slab_at(&w.e->policies, d->slot);
    SEES(&w, r->refs, 0, "a policy's record is another's");
    SEES(&w, r->definition, r->definition + 1, "a policy's record is another's");
    SEES(&w, r->policy.version, r->policy.version + 1, "a policy's record is another's");
    SEES(&w, d->queue, d->queue + 1, "a policy's record is another's");
    assert_true(c->zones_n > 0);
    SEES(&w, c->zones[0].policy, 0, "a zone that no policy was compiled with");
    SEES(&w, c->zones[0].policy, c->definitions_n + 1, "a zone that no policy was compiled with");
    SEES(&w, r->refs, r->refs + 1, "users of policies");
    PUT(c->definitions_n, 0);
    PUT(c->zones_n, 0);
    PUT(r->policy.queue, 0);
    finds(&w, "a policy of queue 0", "a policy of no queue");
    PUT(r->policy.queue, w.e->queues_n + 1);
    FINDS(&w, "a policy of a queue that there is not", "a policy of no queue");
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check__sees_slabs),
        cmocka_unit_test(test_check__sees_indexes),
        cmocka_unit_test(test_check__sees_heaps),
        cmocka_unit_test(test_check__sees_names_and_texts),
        cmocka_unit_test(test_check__sees_tickets),
        cmocka_unit_test(test_check__sees_timers),
        cmocka_unit_test(test_check__sees_where_tickets_stand),
        cmocka_unit_test(test_check__sees_counts_and_lists),
        cmocka_unit_test(test_check__sees_parked_claims),
        cmocka_unit_test(test_check__sees_links),
        cmocka_unit_test(test_check__sees_symptoms),
        cmocka_unit_test(test_check__sees_notes_and_policies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
