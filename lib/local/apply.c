/* Applying: the one place where a ticket changes.
 *
 * Every command and every timer goes the same way: make room for all that it may need (room.c),
 * let the rules change the record (step or fire), then carry the change into line, timers, counts,
 * indexes and history (commit). What stands where is not decided here: it follows from the record,
 * before and after. */
#include "local/inside.h"

#include <stdio.h>
#include <string.h>

/* ---- carrying a change ---------------------------------------------------------------------------- */

struct before {
    struct place place;
    uint32_t queue;
    int state; /* 0: it is new */
    bool needy;
};

static bool needy(const struct ticket *t)
{
    return t->extra != NULL && t->extra->needs_n > 0;
}

static void before(const struct ticket *t, struct before *b)
{
    b->place = usher__place(t);
    b->queue = t->queue;
    b->state = t->state;
    b->needy = needy(t);
}

/* Whether an enqueue with its dedup_key joins it. */
static bool joinable(const struct ticket *t, int state)
{
    return t->extra != NULL && t->extra->dedup_key != 0 && state != 0 && state < USHER_RESOLVED;
}

/* An index finds an entry by what the record says, so the record says it the old way meanwhile. */
static void unindex(struct ids *ids, struct ticket *t, uint32_t slot, uint32_t queue,
                    uint32_t handle)
{
    uint32_t now_in = t->queue;

    t->queue = queue;
    if (usher__ids_find(ids, usher__queue_key(queue, handle)) == slot)
        usher__ids_remove(ids, usher__queue_key(queue, handle));
    t->queue = now_in;
}

/* It is found by its ref from now on: the newest wins. */
static void index_ref(struct engine *e, uint32_t slot, const struct ticket *t)
{
    uint64_t key = usher__queue_key(t->queue, t->extra->ref);
    uint32_t old = usher__ids_remove(&e->by_ref, key);

    if (old != 0)
        usher__note_ticket(e, old, usher__ticket(e, old));
    usher__ids_insert(&e->by_ref, key, slot);
}

static void carry_indexes(struct engine *e, uint32_t slot, struct ticket *t, const struct before *b)
{
    const struct extra *x = t->extra;
    bool moved = b->queue != t->queue;
    bool was = joinable(t, b->state), is = joinable(t, t->state);

    if (x == NULL || b->state == 0) /* a new one is indexed already, see enqueue.c */
        return;
    if (was && (!is || moved))
        unindex(&e->by_key, t, slot, b->queue, x->dedup_key);
    if (is && (!was || moved) &&
        usher__ids_find(&e->by_key, usher__queue_key(t->queue, x->dedup_key)) == 0)
        usher__ids_insert(&e->by_key, usher__queue_key(t->queue, x->dedup_key), slot);
    if (x->ref == 0 || !moved)
        return;
    unindex(&e->by_ref, t, slot, b->queue, x->ref);
    index_ref(e, slot, t);
}

static void take_from(struct engine *e, struct ticket *t, const struct place *p)
{
    usher_queue_t *q = usher__queue_of(e, p->queue);
    usher_agent_t *a = usher__agent_of(e, p->agent);

    if (p->where == PLACE_LINE) {
        usher__order_remove(&q->band[p->band], p->rank, t->id);
    } else if (p->where == PLACE_KEPT) {
        usher__order_remove(&a->kept, p->rank, t->id);
    } else if (p->where == PLACE_HELD) {
        if (t->prev != 0)
            usher__ticket(e, t->prev)->next = t->next;
        else
            a->held = t->next;
        if (t->next != 0)
            usher__ticket(e, t->next)->prev = t->prev;
        t->next = t->prev = 0;
        a->held_n--;
    }
}

static void put_into(struct engine *e, uint32_t slot, struct ticket *t, const struct place *p)
{
    usher_queue_t *q = usher__queue_of(e, p->queue);
    usher_agent_t *a = usher__agent_of(e, p->agent);

    if (p->where == PLACE_LINE) {
        usher__order_insert(&q->band[p->band], p->rank, t->id, slot);
        usher__fresh(e, q, slot);
    } else if (p->where == PLACE_KEPT) {
        usher__order_insert(&a->kept, p->rank, t->id, slot);
        usher__fresh(e, q, slot);
    } else if (p->where == PLACE_HELD) {
        t->next = a->held;
        if (a->held != 0)
            usher__ticket(e, a->held)->prev = slot;
        a->held = slot;
        a->held_n++;
    }
}

static void carry_place(struct engine *e, uint32_t slot, struct ticket *t, const struct before *b)
{
    struct place after = usher__place(t);
    const struct place *was = &b->place;

    if (was->where == after.where && was->queue == after.queue && was->band == after.band &&
        was->agent == after.agent && was->rank == after.rank)
        return;
    take_from(e, t, was);
    put_into(e, slot, t, &after);
}

static bool open_state(int state)
{
    return state != 0 && !usher__is_over(state);
}

/* What is over stays readable, oldest let go first. */
static void carry_closed(struct engine *e, uint32_t slot, struct ticket *t, const struct before *b)
{
    bool was = usher__is_over(b->state);
    bool is = !open_state(t->state);

    if (was == is)
        return;
    if (is) {
        t->next = 0;
        t->prev = e->closed_newest;
        if (e->closed_newest != 0)
            usher__ticket(e, e->closed_newest)->next = slot;
        else
            e->closed_oldest = slot;
        e->closed_newest = slot;
        e->closed_n++;
        return;
    }
    if (t->prev != 0)
        usher__ticket(e, t->prev)->next = t->next;
    else
        e->closed_oldest = t->next;
    if (t->next != 0)
        usher__ticket(e, t->next)->prev = t->prev;
    else
        e->closed_newest = t->prev;
    t->next = t->prev = 0;
    e->closed_n--;
}

static void count(struct engine *e, uint32_t queue, int state, bool needs, bool in)
{
    usher_queue_t *q = usher__queue_of(e, queue);
    uint64_t one = in ? 1 : (uint64_t)-1;

    if (state == 0)
        return;
    q->by_state[state] += one;
    if (!open_state(state))
        return;
    q->open += one;
    if (needs)
        q->needy += (uint32_t)one;
}

static void carry_timers(struct engine *e, uint32_t slot, const struct ticket *t)
{
    struct timer timer = usher__next_timer(t, usher__policy(e, t->policy));
    int64_t lease = usher__lease_end(t);

    if (timer.at != INT64_MAX)
        usher__heap_set(&e->dues, slot, t->id, usher__timer_key(timer.at, timer.cls));
    else
        usher__heap_drop(&e->dues, slot);
    if (lease != INT64_MAX)
        usher__heap_set(&e->leases, slot, t->id, usher__timer_key(lease, CLASS_SERVES));
    else
        usher__heap_drop(&e->leases, slot);
}

static void carry_references(struct engine *e, const struct outcome *out)
{
    for (uint32_t i = 0; i < out->hold_n; i++)
        usher__text_ref(out->hold[i]);
    for (uint32_t i = 0; i < out->take_n; i++)
        usher__intern_ref(&e->names, out->take[i]);
}

static void drop_references(struct engine *e, const struct outcome *out)
{
    for (uint32_t i = 0; i < out->drop_n; i++)
        usher__text_unref(&e->texts, out->drop[i]);
    usher__intern_unref(&e->names, out->left);
}

static int64_t seen_at(const struct engine *e, int64_t at)
{
    return e->now.wall > at ? e->now.wall : 0;
}

/* What is told together with an event, as its text: "warn[1] of resolve, ladder[0]". */
static size_t others(const struct event *v, char *to)
{
    char *p = to;

    for (unsigned i = 0; i < PROMISES * WARN_MAX; i++) {
        if ((v->warns & 1u << i) != 0)
            p += sprintf(p, "%swarn[%u] of %s", p > to ? ", " : "", i % WARN_MAX,
                         usher_name(USHER_NAME_PROMISE, (int)(i / WARN_MAX) + 1));
    }
    for (unsigned i = 0; i < LADDER_MAX; i++) {
        if ((v->steps & 1u << i) != 0)
            p += sprintf(p, "%sladder[%u]", p > to ? ", " : "", i);
    }
    return (size_t)(p - to);
}

/* What only an event of the ladder says. Apart, for its room would cost every other event. */
static __attribute__((cold, noinline)) uint64_t
add_with_names(struct engine *e, const struct ticket *t, struct log_entry *entry)
{
    const struct event *v = entry->event;
    char text[OTHERS_LEN];

    entry->names = usher__policy(e, t->policy)->names;
    if (v->name != 0) {
        entry->to = entry->names[v->name - 1];
        entry->to_len = strlen(entry->to);
    }
    entry->text = text;
    entry->text_len = (uint32_t)others(v, text);
    return usher__log_add(&e->log, entry);
}

static void carry_events(struct engine *e, struct ticket *t, const struct outcome *out)
{
    for (uint32_t i = 0; i < out->events_n; i++) {
        const struct event *v = &out->events[i];
        struct log_entry entry = {.event = v,
                                  .seen_at = seen_at(e, v->at),
                                  .queue = usher__queue_of(e, v->queue),
                                  .previous = t->last_event};

        if (v->who != 0)
            entry.who = usher__intern_text(&e->names, v->who, &entry.who_len);
        if (v->to != 0)
            entry.to =
                usher__intern_text(&e->names, usher__queue_of(e, v->to)->name, &entry.to_len);
        t->last_event = (v->notify | v->steps | v->warns | v->name) != 0
                            ? add_with_names(e, t, &entry)
                            : usher__log_add(&e->log, &entry);
    }
}

void usher__tell_service(struct engine *e, usher_queue_t *q, struct event *event)
{
    struct log_entry entry = {.event = event, .queue = q, .seen_at = seen_at(e, e->at.wall)};

    event->at = e->at.wall;
    if (event->who != 0)
        entry.who = usher__intern_text(&e->names, event->who, &entry.who_len);
    usher__log_add(&e->log, &entry);
}

/* Whoever was told that the queue is full is told once when it is not any more. */
void usher__tell_room(struct engine *e, usher_queue_t *q)
{
    if (!q->told_full || q->open >= usher__policy(e, q->policy)->open_max)
        return;
    q->told_full = false;
    usher__note_queue(e, q);
    usher__tell_service(e, q, &(struct event){.kind = USHER_EV_ROOM});
}

/* All that follows from the record, before and after. */
static void carry(struct engine *e, uint32_t slot, struct ticket *t, const struct before *b)
{
    carry_indexes(e, slot, t, b);
    carry_place(e, slot, t, b);
    carry_closed(e, slot, t, b);
    if (b->state != t->state || b->queue != t->queue || b->needy != needy(t)) {
        count(e, b->queue, b->state, b->needy, false);
        count(e, t->queue, t->state, needy(t), true);
    }
    if (open_state(b->state) && (!open_state(t->state) || b->queue != t->queue))
        usher__tell_room(e, usher__queue_of(e, b->queue));
    carry_timers(e, slot, t);
}

static void commit(struct engine *e, uint32_t slot, const struct before *b,
                   const struct outcome *out)
{
    struct ticket *t = usher__ticket(e, slot);

    usher__note_ticket(e, slot, t);
    carry_references(e, out);
    carry_events(e, t, out);
    carry(e, slot, t, b);
    if (out->set_mark)
        usher__marks_store(&e->marks, t->queue, t->priority - 1u, t->requester, out->mark);
    drop_references(e, out);
}

int usher__put_back(struct engine *e, uint32_t slot, bool by_key, bool by_ref)
{
    struct ticket *t = usher__ticket(e, slot);
    struct before nowhere = {.place = usher__place(t), .queue = t->queue};
    uint32_t where = nowhere.place.where;
    int err = 0;

    if (where == PLACE_LINE)
        err = usher__order_reserve(&usher__queue_of(e, t->queue)->band[nowhere.place.band], 1);
    else if (where == PLACE_KEPT)
        err = usher__order_reserve(&usher__agent_of(e, t->holder)->kept, 1);
    if (err == 0)
        err = usher__heap_reserve(&e->dues, slot);
    if (err == 0)
        err = usher__heap_reserve(&e->leases, slot);
    if (err == 0 && by_key)
        err = usher__ids_reserve(&e->by_key, 1);
    if (err == 0 && by_ref)
        err = usher__ids_reserve(&e->by_ref, 1);
    if (err != 0)
        return err;
    nowhere.place.where = PLACE_NONE;
    carry(e, slot, t, &nowhere);
    if (by_key && usher__ids_find(&e->by_key, usher__queue_key(t->queue, t->extra->dedup_key)) == 0)
        usher__ids_insert(&e->by_key, usher__queue_key(t->queue, t->extra->dedup_key), slot);
    if (by_ref)
        index_ref(e, slot, t);
    return 0;
}

/* ---- the two ways ----------------------------------------------------------------------------------- */

/* How many tickets would have come before this one, had it not been taken out of turn. */
static uint32_t passed_over(const struct engine *e, const struct ticket *t, uint32_t agent)
{
    const usher_queue_t *q = usher__queue_of(e, t->queue);
    uint32_t band = t->priority - 1u;
    uint32_t first = usher__shares_first_above(&q->shares, band);
    uint32_t n = usher__order_count_before(&q->band[band], t->rank, t->id);

    if ((t->flags & TICKET_KEPT) != 0 && t->holder == agent)
        return 0;
    for (uint32_t b = 0; b < PRIORITIES; b++) {
        if ((first & 1u << b) != 0)
            n += q->band[b].n;
    }
    return n;
}

/* Field by field, in place: what is made elsewhere and copied costs more than all of this. */
static void find_facts(const struct engine *e, const struct ticket *t, const struct command *c,
                       const struct step *step, struct facts *facts)
{
    uint32_t wanted = c != NULL ? usher__verb(c->verb)->facts : FACT_MARK | FACT_HOLDER;
    uint32_t queue = t->queue, band;
    bool marks = (wanted & FACT_MARK) != 0 && usher__marks_of(e, t, c, step, &queue, &band);

    facts->here = usher__policy(e, usher__queue_of(e, queue)->policy);
    facts->mark.ticket = 0;
    facts->holder_name = 0;
    facts->holder_present = false;
    facts->passed_over = 0;
    if (marks && facts->here->gap > 0)
        facts->mark = usher__marks_find(&e->marks, queue, band, t->requester);
    if ((wanted & FACT_HOLDER) != 0 && t->holder != 0) {
        const usher_agent_t *holder = usher__agent_of(e, t->holder);

        facts->holder_name = holder->name;
        facts->holder_present = !holder->gone;
    }
    if ((wanted & FACT_PASSED_OVER) != 0)
        facts->passed_over = passed_over(e, t, c->agent);
}

/* From now on it has the later policy. */
static void change_policy(struct engine *e, struct ticket *t, uint32_t policy)
{
    struct policy_record *r = usher__slab_at(&e->policies, policy);

    r->refs++;
    usher__policy_drop(e, t->policy);
    t->policy = policy;
}

int usher__apply(struct engine *e, uint32_t slot, const struct command *c, uint32_t *flags)
{
    struct ticket *t = usher__ticket(e, slot);
    const struct policy *policy = usher__policy(e, t->policy);
    struct before b;
    struct facts facts;
    struct outcome out;
    int err;

    before(t, &b);
    find_facts(e, t, c, NULL, &facts);
    if (c->verb == VERB_APPLY) {
        facts.was = policy;
        policy = usher__policy(e, c->policy);
    }
    err = usher__step(t, c, e->at, policy, &facts, &out);
    if (err != 0)
        return err;
    *flags = out.flags;
    if (c->verb == VERB_APPLY)
        change_policy(e, t, c->policy);
    commit(e, slot, &b, &out);
    return 0;
}

int usher__apply_timer(struct engine *e, uint32_t slot, struct timer timer)
{
    struct ticket *t = usher__ticket(e, slot);
    const struct policy *policy = usher__policy(e, t->policy);
    const struct step *step = timer.kind == TIMER_STEP ? &policy->ladder[timer.index] : NULL;
    struct before b;
    struct facts facts;
    struct outcome out;
    int err = usher__prepare_timer(e, t, timer, step);

    if (err != 0)
        return err;
    before(t, &b);
    find_facts(e, t, NULL, step, &facts);
    if (step != NULL)
        facts.move_to = usher__move_to(e, policy, step);
    usher__fire(t, timer, e->at, policy, &facts, &out);
    commit(e, slot, &b, &out);
    return 0;
}

void usher__apply_overdue(struct engine *e, uint32_t slot)
{
    const struct ticket *t = usher__ticket(e, slot);
    const struct policy *policy = usher__policy(e, t->policy);
    struct timer timer;

    if (policy->ladder_n == 0)
        return;
    do {
        timer = usher__next_timer(t, policy);
    } while (timer.kind == TIMER_STEP && timer.at < e->at.wall &&
             usher__apply_timer(e, slot, timer) == 0);
}

/* ---- results and ends --------------------------------------------------------------------------------- */

void usher__result_of(struct engine *e, const struct ticket *t, struct result *res)
{
    res->ticket = t->id;
    res->token = usher__claim_stands(t) ? t->token : 0;
    res->state = t->state;
    res->priority = t->priority;
    res->until_at = usher__until(t, e->at);
    res->seq = e->log.seq;
}

static void free_extra(struct engine *e, struct ticket *t)
{
    struct extra *x = t->extra;

    if (x == NULL)
        return;
    usher__text_unref(&e->texts, x->question);
    usher__intern_unref(&e->names, x->symptom);
    usher__intern_unref(&e->names, x->dedup_key);
    usher__intern_unref(&e->names, x->ref);
    for (uint32_t i = 0; i < x->needs_n; i++)
        usher__intern_unref(&e->names, x->needs[i]);
    for (uint32_t i = 1; t->persons_n > 1 && i < t->persons_n; i++)
        usher__intern_unref(&e->names, x->persons[i].name);
    usher__free(&e->memory, x->persons);
    usher__free(&e->memory, x->stretches);
    usher__free(&e->memory, x->rungs);
    usher__free(&e->memory, x);
}

void usher__forget(struct engine *e, uint32_t slot)
{
    struct ticket *t = usher__ticket(e, slot);

    if (t->state != 0) {
        struct before b;

        before(t, &b);
        count(e, t->queue, t->state, needy(t), false);
        if (t->extra != NULL && t->extra->ref != 0)
            unindex(&e->by_ref, t, slot, t->queue, t->extra->ref);
        t->state = USHER_WAITING; /* any open one: it leaves the list of the closed */
        carry_closed(e, slot, t, &b);
    }
    usher__ids_remove(&e->by_id, t->id);
    usher__text_unref(&e->texts, t->body);
    usher__text_unref(&e->texts, t->last_word);
    free_extra(e, t);
    usher__intern_unref(&e->names, t->requester);
    usher__policy_drop(e, t->policy);
    usher__slab_give(&e->tickets, slot);
}

/* Not those that no cut has written yet. */
void usher__let_closed_go(struct engine *e)
{
    while (e->asked == 0 && e->closed_n > (uint64_t)e->keep_closed + e->hold_closed &&
           (usher__ticket(e, e->closed_oldest)->flags & TICKET_NOTED) == 0)
        usher__forget(e, e->closed_oldest);
}
