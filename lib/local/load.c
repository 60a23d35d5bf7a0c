/* Taking rows back: the engine as it was. See changes.h.
 *
 * record.c and its neighbours have looked at a row by itself; here it is seen whether what it names
 * exists. A ticket is built in its slot and then put back where its record says, with the same means
 * by which it came there at first. */
#include <stdarg.h>
#include <stdio.h>

#include "local/causes.h"
#include "local/changes.h"
#include "local/figures.h"
#include "local/record.h"

enum {
    LOOK_AHEAD = 8
}; /* tickets: ids mostly ascend by one, and each is a line of memory of its own */

int usher__corrupt(struct engine *e, const char **wrong, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(e->why, sizeof(e->why), format, args);
    va_end(args);
    *wrong = e->why;
    return USHER_ECORRUPT;
}

enum { IDS_AHEAD = 4 }; /* most rows follow each other by one */

/* ---- one ticket ------------------------------------------------------------------------------------ */

/* An offer to an agent ends when it goes. */
static bool is_here(const struct engine *e, uint32_t agent)
{
    return agent == 0 || (agent <= e->agents_n && !usher__agent_of(e, agent)->gone);
}

static int judge(struct engine *e, const struct ticket_row *k, const char **wrong)
{
    const struct ticket *t = &k->ticket;
    unsigned long long id = t->id;
    const usher_agent_t *a;

    if (t->id > e->last_id)
        return usher__corrupt(e, wrong, "ticket %llu: such an id has not been given yet", id);
    if (usher__ids_find(&e->by_id, t->id) != 0)
        return usher__corrupt(e, wrong, "ticket %llu: there are two", id);
    if (t->queue > e->queues_n)
        return usher__corrupt(e, wrong, "ticket %llu: queue %u does not exist", id,
                              (unsigned)t->queue);
    if (t->holder > e->agents_n)
        return usher__corrupt(e, wrong, "ticket %llu: agent %u does not exist", id,
                              (unsigned)t->holder);
    if (t->last_event > e->log.seq)
        return usher__corrupt(e, wrong, "ticket %llu: event %llu does not exist", id,
                              (unsigned long long)t->last_event);
    if (k->has_extra && (k->extra.cause > e->last_id || k->extra.follows > e->last_id ||
                         k->extra.offer_queue > e->queues_n || !is_here(e, k->extra.offer_agent)))
        return usher__corrupt(e, wrong, "ticket %llu: what it leads to does not exist", id);
    a = usher__agent_of(e, t->holder);
    if (a != NULL && a->gone && (t->state == USHER_CLAIMED || (t->flags & TICKET_KEPT) != 0))
        return usher__corrupt(e, wrong, "ticket %llu: agent %u has gone", id, (unsigned)t->holder);
    return 0;
}

static int take_name(struct engine *e, struct kept_text name, uint32_t *handle)
{
    return name.data == NULL ? 0 : usher__intern_get(&e->names, name.data, name.len, handle);
}

static int take_text(struct engine *e, struct kept_text text, struct text **out)
{
    if (text.data == NULL)
        return 0;
    *out = usher__text_new(&e->texts, text.data, text.len);
    return *out == NULL ? USHER_ENOMEM : 0;
}

/* Its body is in a row of its own. */
static int take_absent(struct engine *e, struct ticket *t)
{
    struct changes *c = &e->changes;

    if (c->absent == NULL)
        c->absent = usher__text_new(&e->texts, NULL, 0);
    if (c->absent == NULL)
        return USHER_ENOMEM;
    t->body = usher__text_ref(c->absent);
    return 0;
}

static int take_persons(struct engine *e, struct ticket *t, struct ticket_row *k)
{
    uint32_t n = k->ticket.persons_n;
    struct person *persons;
    int err = 0;

    if (n < 2)
        return 0;
    persons = usher__zalloc(&e->memory, n * sizeof(*persons));
    if (persons == NULL)
        return USHER_ENOMEM;
    t->extra->persons = persons;
    t->extra->persons_room = n;
    t->persons_n = (uint16_t)n;
    persons[0] = (struct person){t->requester, k->confirmed};
    for (uint32_t i = 1; err == 0 && i < n; i++) {
        struct kept_text name = usher__next_person(k, &persons[i].confirmed);

        err = take_name(e, name, &persons[i].name);
    }
    return err;
}

/* What ends a pause finds room for its stretch, as ever since it began. */
static int take_stretches(struct engine *e, struct extra *x, struct ticket_row *k)
{
    uint32_t n = k->extra.stretches_n;
    uint32_t room = n + (k->extra.reasons != 0 ? STRETCH_SPARE : 0);

    if (room == 0)
        return 0;
    x->stretches = usher__alloc(&e->memory, room * sizeof(*x->stretches));
    if (x->stretches == NULL)
        return USHER_ENOMEM;
    x->stretches_room = room;
    for (uint32_t i = 0; i < n; i++)
        x->stretches[i] = usher__next_stretch(k);
    x->stretches_n = n;
    return 0;
}

static int take_rungs(struct engine *e, struct extra *x, struct ticket_row *k)
{
    uint32_t n = k->extra.rungs_n;

    if (n == 0)
        return 0;
    x->rungs = usher__alloc(&e->memory, n * sizeof(*x->rungs));
    if (x->rungs == NULL)
        return USHER_ENOMEM;
    x->rungs_room = x->rungs_n = n;
    for (uint32_t i = 0; i < n; i++)
        x->rungs[i] = usher__next_rung(k);
    return 0;
}

static int take_extra(struct engine *e, struct ticket *t, struct ticket_row *k)
{
    struct extra *x = usher__alloc(&e->memory, sizeof(*x));
    int err;

    if (x == NULL)
        return USHER_ENOMEM;
    *x = k->extra;
    x->stretches_n = x->needs_n = x->rungs_n = 0; /* until they are there */
    t->extra = x;
    err = take_name(e, k->ref, &x->ref);
    if (err == 0)
        err = take_name(e, k->symptom, &x->symptom);
    if (err == 0)
        err = take_name(e, k->dedup_key, &x->dedup_key);
    for (uint32_t i = 0; err == 0 && i < k->extra.needs_n; i++) {
        err = take_name(e, k->needs[i], &x->needs[i]);
        if (err == 0)
            x->needs_n++;
    }
    if (err == 0)
        err = take_text(e, k->question, &x->question);
    if (err == 0)
        err = take_persons(e, t, k);
    if (err == 0)
        err = take_stretches(e, x, k);
    return err == 0 ? take_rungs(e, x, k) : err;
}

/* Its policy is some queue's, and what is untold speaks of it. */
static bool fits_policy(const struct engine *e, const struct ticket_row *k, const struct policy *p)
{
    const struct untold *u = &k->extra.untold;
    const uint64_t all = UINT64_MAX;

    if (p->queue > e->queues_n)
        return false;
    if (!k->has_extra)
        return true;
    return (p->names_n >= 64 || (u->notify & all << p->names_n) == 0) &&
           (u->steps & all << p->ladder_n) == 0 && u->step <= p->ladder_n;
}

static int fill(struct engine *e, struct ticket *t, struct ticket_row *k)
{
    int err = take_name(e, k->requester, &t->requester);

    if (err == 0)
        err = k->has_body ? take_absent(e, t) : take_text(e, k->body, &t->body);
    if (err == 0)
        err = take_text(e, k->last_word, &t->last_word);
    return err != 0 || !k->has_extra ? err : take_extra(e, t, k);
}

/* The whole ticket or, after an error, nothing of it. Until it is whole it counts as one that never
 * was, which usher__forget knows. */
static int build(struct engine *e, struct ticket_row *k, uint32_t *slot)
{
    struct ticket *t;
    uint32_t policy;
    int err = usher__policy_use(e, k->policy, &policy);

    if (err == 0 && !fits_policy(e, k, usher__policy(e, policy))) {
        usher__policy_drop(e, policy);
        err = USHER_ECORRUPT;
    }
    if (err != 0)
        return err;
    if (usher__slab_reserve(&e->tickets, 1) != 0 || usher__ids_reserve(&e->by_id, 1) != 0 ||
        usher__reserve_notes(e) != 0) {
        usher__policy_drop(e, policy);
        return USHER_ENOMEM;
    }
    *slot = usher__slab_take(&e->tickets);
    t = usher__ticket(e, *slot);
    *t = k->ticket;
    t->state = 0;
    t->persons_n = 1;
    t->policy = policy;
    usher__ids_insert(&e->by_id, t->id, *slot);
    usher__ids_prefetch(&e->by_id, t->id + IDS_AHEAD);
    err = fill(e, t, k);
    if (err == 0) {
        t->state = k->ticket.state;
        err = usher__put_back(e, *slot, k->by_key, k->by_ref);
    }
    if (err != 0) {
        t->state = 0;
        usher__forget(e, *slot);
        return err;
    }
    if (usher__is_filed(t))
        t->flags |= TICKET_FILED;
    return 0;
}

static bool is_taken(const struct engine *e, uint32_t queue, struct kept_text ref)
{
    uint32_t name = usher__intern_find(&e->names, ref.data, ref.len);

    return name != 0 && usher__ids_find(&e->by_ref, usher__queue_key(queue, name)) != 0;
}

/* late: after all the others; then it is not found by its ref where another one is. */
static int take_ticket(struct engine *e, const struct row *row, bool late, const char **wrong,
                       uint32_t *slot)
{
    struct ticket_row k;
    int err;

    usher__ids_prefetch(&e->by_id, (usher_id)row->key + LOOK_AHEAD);
    if (!usher__get_ticket(row, &k))
        return usher__corrupt(e, wrong, "ticket %lld: cannot be read", (long long)row->key);
    err = judge(e, &k, wrong);
    if (late && k.by_ref)
        k.by_ref = !is_taken(e, k.ticket.queue, k.ref);
    if (err == 0)
        err = build(e, &k, slot);
    if (err == USHER_ECORRUPT && *wrong == NULL)
        return usher__corrupt(e, wrong, "ticket %lld: its policy %llu is none, or another",
                              (long long)row->key, (unsigned long long)k.policy);
    return err;
}

/* Puts a body where it is missing. */
static int take_body(struct engine *e, const struct row *row, uint32_t slot, const char **wrong)
{
    struct ticket *t = usher__ticket(e, slot);
    struct text *body;

    if (t->body == NULL || t->body != e->changes.absent)
        return usher__corrupt(e, wrong, "ticket %lld: a second body", (long long)row->key);
    if (row->len <= BODY_INLINE || row->len > USHER_BODY_MAX)
        return usher__corrupt(e, wrong, "ticket %lld: a body of %u bytes", (long long)row->key,
                              (unsigned)row->len);
    body = usher__text_new(&e->texts, row->bytes, row->len);
    if (body == NULL)
        return USHER_ENOMEM;
    usher__text_unref(&e->texts, t->body);
    t->body = body;
    return 0;
}

/* ---- all of them ------------------------------------------------------------------------------------- */

static int take_one_body(struct engine *e, const struct row *row, const char **wrong)
{
    uint32_t slot = usher__ids_find(&e->by_id, (usher_id)row->key);
    int err;

    if (slot == 0) /* of a closed ticket that is not read */
        return 0;
    err = take_body(e, row, slot, wrong);
    if (err == 0)
        e->changes.absent_n--;
    return err;
}

/* What the figures do not count yet. The rest of history stays in the store. */
static int take_event(struct engine *e, const struct row *row, const char **wrong)
{
    usher_event event;
    uint64_t previous;
    uint32_t queue;
    int err;

    if (row->key <= (int64_t)e->changes.counted)
        return 0;
    if (!usher__row_event(row, &event, &previous, &queue) || event.seq > e->log.seq ||
        queue > e->queues_n)
        return usher__corrupt(e, wrong, "event %lld: cannot be read", (long long)row->key);
    if (event.ticket == 0 || queue == 0)
        return 0;
    err = usher__figures_reserve(e, queue);
    if (err == 0)
        usher__figures_fold(e, &event, queue);
    return err;
}

uint64_t usher__engine_counted(const struct engine *e)
{
    return e->changes.counted;
}

static int take(struct engine *e, const struct row *row, const char **wrong)
{
    uint32_t slot;
    int err;

    switch (row->table) {
    case ROW_STATE:
        return usher__take_state(e, row, wrong);
    case ROW_ZONE:
        return usher__take_zone(e, row, wrong);
    case ROW_POLICY:
        return usher__take_definition(e, row, wrong);
    case ROW_QUEUE:
        return usher__take_queue(e, row, wrong);
    case ROW_AGENT:
        return usher__take_agent(e, row, wrong);
    case ROW_OP:
        return usher__take_op(e, row, wrong);
    case ROW_MARK:
        return usher__take_mark(e, row, wrong);
    case ROW_SUBSCRIBER:
        return usher__take_subscriber(e, row, wrong);
    case ROW_CLOSED:
    case ROW_TICKET:
        err = take_ticket(e, row, false, wrong, &slot);
        if (err == 0 && usher__ticket(e, slot)->body != NULL)
            e->changes.absent_n += usher__ticket(e, slot)->body == e->changes.absent;
        return err;
    case ROW_SYMPTOM:
        return usher__causes_take(e, row, wrong);
    case ROW_FIGURE:
        return usher__figures_take(e, row, wrong);
    case ROW_BODY:
        return take_one_body(e, row, wrong);
    default:
        return take_event(e, row, wrong);
    }
}

int usher__engine_take(struct engine *e, const struct row *row, const char **wrong)
{
    struct changes *c = &e->changes;
    int err;

    *wrong = NULL;
    if (row->drop || row->table < ROW_STATE || row->table >= ROW_TABLES || row->table < c->table ||
        (row->table == ROW_STATE) != (c->table == 0))
        return usher__corrupt(e, wrong, "rows are missing, or not in order");
    c->table = row->table;
    err = take(e, row, wrong);
    if (err == USHER_ENOMEM)
        *wrong = "out of memory";
    return err;
}

/* ---- when all have been taken -------------------------------------------------------------------------- */

static void link_by_age(struct engine *e, const struct order *by_age)
{
    struct order_item item;
    bool more = usher__order_first(by_age, &item);
    uint32_t last = 0;

    e->closed_oldest = more ? item.slot : 0;
    while (more) {
        struct ticket *t = usher__ticket(e, item.slot);

        t->prev = last;
        t->next = 0;
        if (last != 0)
            usher__ticket(e, last)->next = item.slot;
        last = item.slot;
        more = usher__order_next(by_age, item.rank, item.id, &item);
    }
    e->closed_newest = last;
}

/* They came by id; they go by age. */
static int sort_closed(struct engine *e)
{
    struct order by_age;
    int err;

    usher__order_init(&by_age, &e->memory);
    err = usher__order_reserve(&by_age, e->closed_n);
    if (err == 0) {
        for (uint32_t slot = e->closed_oldest; slot != 0; slot = usher__ticket(e, slot)->next) {
            const struct ticket *t = usher__ticket(e, slot);

            usher__order_insert(&by_age, t->state_at, t->id, slot);
        }
        link_by_age(e, &by_age);
    }
    usher__order_free(&by_age);
    return err;
}

static int count(struct engine *e, const char **wrong)
{
    const struct row_state *s = &e->changes.taken;
    struct {
        const char *what;
        uint64_t is, must;
    } n[] = {{"zones", e->changes.zones_n, s->zones},
             {"policies", e->changes.definitions_n, s->definitions},
             {"queues", e->queues_n, s->queues},
             {"agents", e->agents_n, s->agents},
             {"open tickets", e->tickets.n - e->closed_n, s->open},
             {"the last op", e->ops.number != 0 ? e->ops.number : s->ops, s->ops}};

    for (size_t i = 0; i < sizeof(n) / sizeof(*n); i++) {
        if (n[i].is != n[i].must)
            return usher__corrupt(e, wrong, "%s: %llu, and it should be %llu", n[i].what,
                                  (unsigned long long)n[i].is, (unsigned long long)n[i].must);
    }
    if (e->changes.absent_n > 0)
        return usher__corrupt(e, wrong, "bodies of tickets: %llu are missing",
                              (unsigned long long)e->changes.absent_n);
    return 0;
}

int usher__engine_taken(struct engine *e, int64_t wall, int64_t boot, const char **wrong)
{
    struct changes *c = &e->changes;
    int err;

    *wrong = NULL;
    if (c->table == 0) { /* a new store */
        usher__engine_clock(e, wall, boot);
        return 0;
    }
    err = count(e, wrong);
    if (err == 0)
        err = usher__causes_taken(e, wrong);
    if (err == 0)
        err = sort_closed(e);
    if (err == USHER_ENOMEM)
        *wrong = "out of memory";
    if (err != 0)
        return err;
    usher__resume_clock(e, c->taken.now, c->taken.at, wall, boot);
    if (e->ops.number == 0)
        e->ops.dropped = c->taken.ops;
    e->ops.number = c->taken.ops;
    e->ops.fresh = NULL;
    c->last_id = e->last_id;
    c->definitions_cut = c->definitions_n;
    c->zones_cut = c->zones_n;
    usher__let_closed_go(e);
    return 0;
}

/* ---- tickets that have left memory ------------------------------------------------------------------- */

/* It is the newest of the closed; it becomes the first to go. */
static void let_go_first(struct engine *e, uint32_t slot)
{
    struct ticket *t = usher__ticket(e, slot);

    if (t->prev == 0)
        return;
    usher__ticket(e, t->prev)->next = 0;
    e->closed_newest = t->prev;
    t->prev = 0;
    t->next = e->closed_oldest;
    usher__ticket(e, e->closed_oldest)->prev = slot;
    e->closed_oldest = slot;
}

int usher__engine_take_in(struct engine *e, const struct row *closed, const struct row *body,
                          const char **wrong)
{
    uint32_t slot = usher__ids_find(&e->by_id, (usher_id)closed->key);
    int err = 0;

    *wrong = NULL;
    if (closed->table != ROW_CLOSED || (body != NULL && body->key != closed->key))
        return usher__corrupt(e, wrong, "ticket %lld: not a closed one's row",
                              (long long)closed->key);
    if (slot == 0) {
        err = take_ticket(e, closed, true, wrong, &slot);
        if (err == 0)
            let_go_first(e, slot);
    }
    if (err == 0 && body != NULL && e->changes.absent != NULL &&
        usher__ticket(e, slot)->body == e->changes.absent)
        err = take_body(e, body, slot, wrong);
    if (err == USHER_ENOMEM)
        *wrong = "out of memory";
    return err;
}

void usher__engine_hold_closed(struct engine *e, uint32_t more)
{
    e->hold_closed = more;
    usher__let_closed_go(e);
}
