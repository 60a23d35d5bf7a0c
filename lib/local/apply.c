/* Applying: the one place where a ticket changes.
 *
 * Every command and every timer goes the same way: make room for all that it may need (room.c),
 * let the rules change the record (step or fire), then carry the change into line, timers, counts,
 * indexes and history (commit). What stands where is not decided here: it follows from the record,
 * before and after. */
#include "core/cold.h"
#include "local/causes.h"
#include "local/figures.h"
#include "local/inside.h"

#include <stdio.h>
#include <string.h>

/* ---- carrying a change ---------------------------------------------------------------------------- */

/* Where a ticket stands, and as what it is counted: before a change, and after it. */
struct stand {
    struct place place;
    uint32_t queue;
    int state; /* 0: it is new */
    bool needy;
};

static bool needy(const struct ticket *t)
{
    return t->extra != NULL && t->extra->needs_n > 0;
}

static void look(const struct ticket *t, struct stand *s)
{
    s->place = usher__place(t);
    s->queue = t->queue;
    s->state = t->state;
    s->needy = needy(t);
}

/* Whether an enqueue with its dedup_key joins it. */
static bool joinable(const struct ticket *t, int state)
{
    return t->extra != NULL && t->extra->dedup_key != 0 && state != 0 && state < USHER_RESOLVED;
}

/* An index finds an entry by what the record says, so the record says it the old way meanwhile. */
static COLD void unindex(struct ids *ids, struct ticket *t, uint32_t slot, uint32_t queue,
                         uint32_t handle)
{
    uint32_t now_in = t->queue;

    t->queue = queue;
    if (usher__ids_find(ids, usher__queue_key(queue, handle)) == slot)
        usher__ids_remove(ids, usher__queue_key(queue, handle));
    t->queue = now_in;
}

/* It is found by its ref from now on: the newest wins. */
static COLD void index_ref(struct engine *e, uint32_t slot, const struct ticket *t)
{
    uint64_t key = usher__queue_key(t->queue, t->extra->ref);
    uint32_t old = usher__ids_remove(&e->by_ref, key);

    if (old != 0)
        usher__note_ticket(e, old, usher__ticket(e, old));
    usher__ids_insert(&e->by_ref, key, slot);
}

static void carry_indexes(struct engine *e, uint32_t slot, struct ticket *t, const struct stand *b)
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
        if (t->state == USHER_OFFERED)
            usher__wake(e, a);
        else
            usher__fresh(e, q, slot);
    } else if (p->where == PLACE_HELD) {
        t->next = a->held;
        if (a->held != 0)
            usher__ticket(e, a->held)->prev = slot;
        a->held = slot;
        a->held_n++;
    }
}

static void carry_place(struct engine *e, uint32_t slot, struct ticket *t, const struct place *was,
                        const struct place *is)
{
    if (was->where == is->where && was->queue == is->queue && was->band == is->band &&
        was->agent == is->agent && was->rank == is->rank)
        return;
    take_from(e, t, was);
    put_into(e, slot, t, is);
}

static bool open_state(int state)
{
    return state != 0 && !usher__is_over(state);
}

/* What is over stays readable, oldest let go first; but not as long as a cause may have to be told of to
 * those who wait for it. */
static void carry_closed(struct engine *e, uint32_t slot, struct ticket *t, int state)
{
    bool was = usher__is_over(state) && (t->prev != 0 || e->closed_oldest == slot);
    bool is = usher__is_over(t->state) && (t->extra == NULL || !t->extra->linked);

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

void usher__set_linked(struct engine *e, uint32_t slot, bool linked)
{
    struct ticket *t = usher__ticket(e, slot);

    t->extra->linked = linked;
    carry_closed(e, slot, t, t->state);
    usher__note_ticket(e, slot, t);
}

static void count(struct engine *e, const struct stand *s, bool in)
{
    usher_queue_t *q = usher__queue_of(e, s->queue);
    uint64_t one = in ? 1 : (uint64_t)-1;

    if (s->state == 0)
        return;
    q->by_state[s->state] += one;
    if (!open_state(s->state))
        return;
    q->open += one;
    q->open_in[s->place.band] += (uint32_t)one;
    if (s->state == USHER_WAITING)
        q->waiting_in[s->place.band] += (uint32_t)one;
    if (s->needy)
        usher__queue_of(e, s->place.queue)->needy += (uint32_t)one;
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
static COLD uint64_t add_with_names(struct engine *e, const struct ticket *t,
                                    struct log_entry *entry)
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

/* By what the event says, and nothing else: so it can be counted again from a store. */
static void count_event(struct engine *e, const struct ticket *t, const struct event *v)
{
    int tells = usher__figures_agent(v->kind, v->how);
    uint32_t agent = 0;

    if (tells == AGENT_IN_TO)
        agent = v->to;
    else if (tells == AGENT_IN_WHO && v->who != 0 && usher__agent_of(e, t->holder)->name == v->who)
        agent = t->holder;
    usher__figures_count(e, v, agent);
}

/* Whether `to` is an agent: whose claim a person has ended, or to whom an offer was made. All others mean a queue. */
static bool to_agent(const struct event *v)
{
    return v->kind == USHER_EV_WITHDRAWN || v->how == USHER_TO_AGENT;
}

static uint32_t to_name(const struct engine *e, const struct event *v)
{
    return to_agent(v) ? usher__agent_of(e, v->to)->name : usher__queue_of(e, v->to)->name;
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
            entry.to = usher__intern_text(&e->names, to_name(e, v), &entry.to_len);
        t->last_event = (v->notify | v->steps | v->warns | v->name) != 0
                            ? add_with_names(e, t, &entry)
                            : usher__log_add(&e->log, &entry);
        count_event(e, t, v);
    }
}

COLD void usher__tell_service(struct engine *e, usher_queue_t *q, struct event *event)
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
static void carry(struct engine *e, uint32_t slot, struct ticket *t, const struct stand *b)
{
    struct stand is;

    look(t, &is);
    carry_indexes(e, slot, t, b);
    carry_place(e, slot, t, &b->place, &is.place);
    carry_closed(e, slot, t, b->state);
    if (b->state != is.state || b->queue != is.queue || b->needy != is.needy ||
        b->place.band != is.place.band) {
        count(e, b, false);
        count(e, &is, true);
    }
    if (open_state(b->state) && (!open_state(t->state) || b->queue != t->queue))
        usher__tell_room(e, usher__queue_of(e, b->queue));
    carry_timers(e, slot, t);
}

static void commit(struct engine *e, uint32_t slot, const struct stand *b,
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

/* Room where the record says that it stands. */
static int room_at(struct engine *e, const struct place *p)
{
    if (p->where == PLACE_LINE)
        return usher__order_reserve(&usher__queue_of(e, p->queue)->band[p->band], 1);
    if (p->where == PLACE_KEPT)
        return usher__order_reserve(&usher__agent_of(e, p->agent)->kept, 1);
    return 0;
}

int usher__put_back(struct engine *e, uint32_t slot, bool by_key, bool by_ref)
{
    struct ticket *t = usher__ticket(e, slot);
    struct stand nowhere = {.place = usher__place(t), .queue = t->queue};
    int err = room_at(e, &nowhere.place);

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
    if (usher__in_causes(t))
        usher__causes_put_back(e, slot);
    return 0;
}

/* ---- the two ways ----------------------------------------------------------------------------------- */

/* From now on it has the later policy. */
static COLD void change_policy(struct engine *e, struct ticket *t, uint32_t policy)
{
    struct policy_record *r = usher__slab_at(&e->policies, policy);

    r->refs++;
    usher__policy_drop(e, t->policy);
    t->policy = policy;
}

/* Whether more comes of it than the ticket's own change. */
static inline bool goes_on(const struct ticket *t, const struct stand *b, const struct outcome *out)
{
    return out->effects != 0 || (b->state != t->state && usher__in_causes(t));
}

static usher_id cause_of(const struct ticket *t)
{
    return t->extra != NULL ? t->extra->cause : 0;
}

int usher__apply(struct engine *e, uint32_t slot, const struct command *c, uint32_t *flags)
{
    struct ticket *t = usher__ticket(e, slot);
    const struct policy *policy = usher__policy(e, t->policy);
    usher_id cause = cause_of(t);
    struct stand b;
    struct facts facts;
    struct outcome out;
    int err;

    look(t, &b);
    usher__find_facts(e, t, c, NULL, &facts);
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
    if (goes_on(t, &b, &out))
        usher__causes_follow(e, slot, c, cause, &out);
    return 0;
}

int usher__apply_timer(struct engine *e, uint32_t slot, struct timer timer)
{
    struct ticket *t = usher__ticket(e, slot);
    const struct policy *policy = usher__policy(e, t->policy);
    const struct step *step = timer.kind == TIMER_STEP ? &policy->ladder[timer.index] : NULL;
    usher_id cause = cause_of(t);
    struct stand b;
    struct facts facts;
    struct outcome out;
    int err = usher__prepare_timer(e, t, timer, step);

    if (err != 0)
        return err;
    look(t, &b);
    usher__find_facts(e, t, NULL, step, &facts);
    if (step != NULL)
        facts.move_to = usher__move_to(e, policy, step);
    usher__fire(t, timer, e->at, policy, &facts, &out);
    commit(e, slot, &b, &out);
    if (goes_on(t, &b, &out))
        usher__causes_follow(e, slot, NULL, cause, &out);
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

static COLD void free_extra(struct engine *e, struct ticket *t)
{
    struct extra *x = t->extra;

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

    if (usher__in_causes(t))
        usher__causes_forget(e, slot);
    if (t->state != 0) {
        struct stand b;

        look(t, &b);
        count(e, &b, false);
        if (t->extra != NULL && t->extra->ref != 0)
            unindex(&e->by_ref, t, slot, t->queue, t->extra->ref);
        t->state = USHER_WAITING; /* any open one: it leaves the list of the closed */
        carry_closed(e, slot, t, b.state);
    }
    usher__ids_remove(&e->by_id, t->id);
    usher__text_unref(&e->texts, t->body);
    usher__text_unref(&e->texts, t->last_word);
    if (t->extra != NULL)
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
