/* The engine's life: opening, the clock, timers in their order, queues. */
#include "local/causes.h"
#include "local/figures.h"
#include "local/inside.h"

#include <string.h>

/* ---- indexes ------------------------------------------------------------------------------------- */

static uint64_t id_at(const void *ctx, uint32_t slot)
{
    return usher__ticket(ctx, slot)->id;
}

static uint64_t key_at(const void *ctx, uint32_t slot)
{
    const struct ticket *t = usher__ticket(ctx, slot);

    return usher__queue_key(t->queue, t->extra->dedup_key);
}

static uint64_t ref_at(const void *ctx, uint32_t slot)
{
    const struct ticket *t = usher__ticket(ctx, slot);

    return usher__queue_key(t->queue, t->extra->ref);
}

static uint64_t queue_name_at(const void *ctx, uint32_t slot)
{
    return usher__queue_of(ctx, slot)->name;
}

static uint64_t agent_name_at(const void *ctx, uint32_t slot)
{
    return usher__agent_of(ctx, slot)->name;
}

/* ---- life ------------------------------------------------------------------------------------------ */

int usher__engine_new(struct engine **out, const struct engine_options *o)
{
    struct engine *e = usher__zalloc(&o->memory, sizeof(*e));
    const struct memory *m;

    *out = NULL;
    if (e == NULL)
        return USHER_ENOMEM;
    e->memory = o->memory;
    e->allocator = (usher_allocator){o->memory.resize, o->memory.ctx};
    e->zone = o->zone;
    e->zone_ctx = o->zone_ctx;
    m = &e->memory;
    usher__intern_init(&e->names, m, o->key);
    usher__text_init(&e->texts, m);
    usher__slab_init(&e->tickets, m, sizeof(struct ticket));
    usher__slab_init(&e->policies, m, sizeof(struct policy_record));
    usher__slab_init(&e->parked, m, sizeof(struct claim *));
    usher__ids_init(&e->by_id, m, id_at, e);
    usher__ids_init(&e->by_key, m, key_at, e);
    usher__ids_init(&e->by_ref, m, ref_at, e);
    usher__ids_init(&e->queue_by_name, m, queue_name_at, e);
    usher__ids_init(&e->agent_by_name, m, agent_name_at, e);
    usher__heap_init(&e->dues, m);
    usher__heap_init(&e->leases, m);
    usher__heap_init(&e->waits, m);
    usher__marks_init(&e->marks, m, &e->names);
    usher__ops_init(&e->ops, m, o->op_window_ms, o->op_window_n);
    usher__log_init(&e->log, m, o->history_bytes);
    e->keep_closed = o->keep_closed;
    *out = e;
    return 0;
}

static void free_tickets(struct engine *e)
{
    for (uint32_t slot = 1; slot < e->tickets.fresh; slot++) {
        const struct ticket *t = usher__ticket(e, slot);

        if (usher__ids_find(&e->by_id, t->id) != slot || t->extra == NULL)
            continue;
        usher__free(&e->memory, t->extra->persons);
        usher__free(&e->memory, t->extra->stretches);
        usher__free(&e->memory, t->extra->rungs);
        usher__free(&e->memory, t->extra);
    }
}

void usher__engine_free(struct engine *e)
{
    struct memory m;

    if (e == NULL)
        return;
    m = e->memory;
    usher__figures_free(e);
    usher__causes_free(e);
    free_tickets(e);
    for (uint32_t i = 0; i < e->queues_n; i++) {
        for (uint32_t b = 0; b < PRIORITIES; b++)
            usher__order_free(&e->queues[i]->band[b]);
        usher__free(&m, e->queues[i]);
    }
    for (uint32_t i = 0; i < e->agents_n; i++) {
        usher__order_free(&e->agents[i]->kept);
        usher__free(&m, e->agents[i]->skills);
        usher__free(&m, e->agents[i]);
    }
    usher__free(&m, e->queues);
    usher__free(&m, e->agents);
    usher__free(&m, e->fresh);
    usher__free(&m, e->changes.tickets.at);
    usher__free(&m, e->changes.queues.at);
    usher__free(&m, e->changes.agents.at);
    usher__free(&m, e->changes.definitions);
    usher__free(&m, e->changes.zones);
    usher__free(&m, e->changes.subscribers);
    usher__ids_free(&e->by_id);
    usher__ids_free(&e->by_key);
    usher__ids_free(&e->by_ref);
    usher__ids_free(&e->queue_by_name);
    usher__ids_free(&e->agent_by_name);
    usher__heap_free(&e->dues);
    usher__heap_free(&e->leases);
    usher__heap_free(&e->waits);
    usher__marks_free(&e->marks);
    usher__ops_free(&e->ops);
    usher__log_free(&e->log);
    usher__slab_free(&e->tickets);
    usher__policies_free(e);
    usher__slab_free(&e->parked);
    usher__text_free(&e->texts);
    usher__intern_free(&e->names);
    usher__free(&m, e);
}

/* ---- the clock ------------------------------------------------------------------------------------- */

/* A host's clock may say anything; what is added to it must not overflow. */
static int64_t on_calendar(int64_t at)
{
    if (at < 0)
        return 0;
    return at < USHER_AT_MAX ? at : USHER_AT_MAX;
}

void usher__engine_clock(struct engine *e, int64_t wall, int64_t boot)
{
    wall = on_calendar(wall);
    boot = on_calendar(boot);
    if (e->boot_skew != 0)
        boot = on_calendar(boot + e->boot_skew);
    e->wall = wall;
    if (wall > e->now.wall)
        e->now.wall = wall;
    if (boot > e->now.boot)
        e->now.boot = boot;
    e->now.ahead = e->now.wall - e->now.boot;
    e->now.seen = e->now.wall;
}

void usher__resume_clock(struct engine *e, struct now now, struct now at, int64_t wall,
                         int64_t boot)
{
    int64_t slept = on_calendar(wall) - now.wall;

    e->now = now;
    e->at = at;
    e->boot_skew = now.boot + (slept > 0 ? slept : 0) - on_calendar(boot);
    usher__engine_clock(e, wall, boot);
    e->at.ahead = e->now.ahead;
}

int64_t usher__engine_now(const struct engine *e)
{
    return e->now.wall;
}

/* The timer that is next of all three heaps, by (instant, class, id); its instant on the wall. */
struct next {
    struct heap *heap;
    struct heap_entry entry;
    int64_t at;
    int cls;
};

/* A timer of the boot clock in terms of the wall: never before what has already run. */
static int64_t on_wall(const struct engine *e, int64_t boot)
{
    int64_t at = boot - e->now.boot + e->now.wall;

    return at > e->at.wall ? at : e->at.wall;
}

static bool comes_first(const struct next *a, const struct next *b)
{
    if (b->heap == NULL || a->at != b->at)
        return b->heap == NULL || a->at < b->at;
    if (a->cls != b->cls)
        return a->cls < b->cls;
    return (int32_t)(a->entry.id_low - b->entry.id_low) < 0;
}

static int64_t instant_of(int64_t key) /* of usher__timer_key */
{
    return key / CLASSES - (key % CLASSES < 0 ? 1 : 0);
}

static struct next next_timer(const struct engine *e)
{
    struct engine *heaps = (struct engine *)e; /* only to name a heap */
    struct heap *all[3] = {&heaps->dues, &heaps->leases, &heaps->waits};
    struct next best = {.heap = NULL, .at = INT64_MAX};

    for (int i = 0; i < 3; i++) {
        struct next n = {.heap = all[i]};

        if (!usher__heap_top(all[i], &n.entry) || n.entry.key == INT64_MAX)
            continue;
        n.at = instant_of(n.entry.key);
        n.cls = (int)(n.entry.key - n.at * CLASSES);
        if (i > 0)
            n.at = on_wall(e, n.at);
        if (comes_first(&n, &best))
            best = n;
    }
    return best;
}

static int fire(struct engine *e, const struct next *n)
{
    uint32_t slot = n->entry.slot;
    const struct ticket *t;
    struct timer timer;
    int err;

    if (n->heap == &e->waits) {
        usher__wait_over(e, slot);
        return 0;
    }
    t = usher__ticket(e, slot);
    if (n->heap == &e->leases)
        timer = (struct timer){n->at, TIMER_LEASE_END, CLASS_SERVES, 0};
    else
        timer = usher__next_timer(t, usher__policy(e, t->policy));
    err = usher__apply_timer(e, slot, timer);
    if (err == 0)
        usher__settle(e);
    return err;
}

/* By the raw keys, which is all that most calls need to know. */
static bool is_due(const struct heap *h, int64_t now)
{
    struct heap_entry top;

    return usher__heap_top(h, &top) && top.key < usher__timer_key(now + 1, 0);
}

static bool anything_due(const struct engine *e)
{
    return is_due(&e->dues, e->now.wall) || is_due(&e->leases, e->now.boot) ||
           is_due(&e->waits, e->now.boot);
}

int usher__engine_catch_up(struct engine *e, uint32_t max)
{
    while (anything_due(e)) {
        struct next n = next_timer(e);
        int64_t boot;
        int err;

        if (n.at > e->now.wall)
            break;
        if (max-- == 0)
            return 1;
        if (n.at > e->at.wall) /* what a change put into the past happens when that change did */
            e->at.wall = n.at;
        e->at.ahead = e->now.ahead;
        e->at.seen = e->now.wall;
        boot = e->now.boot - (e->now.wall - e->at.wall);
        if (boot > e->at.boot) /* a wall that was set forward did not make time pass */
            e->at.boot = boot;
        err = fire(e, &n);
        if (err != 0)
            return err;
    }
    e->at = e->now;
    return usher__serve(e); /* what lacked memory before; else there is nothing to serve */
}

int64_t usher__engine_next_due(const struct engine *e)
{
    return next_timer(e).at;
}

bool usher__engine_starves(const struct engine *e)
{
    return e->fresh_n > 0;
}

static int64_t until_top(const struct heap *h, int64_t now)
{
    struct heap_entry top;

    if (!usher__heap_top(h, &top) || top.key == INT64_MAX)
        return INT64_MAX;
    return instant_of(top.key) - now;
}

int64_t usher__engine_idle_for(const struct engine *e)
{
    /* By the wall clock as it reads: while `now` is held, what is due by it takes longer. */
    int64_t idle = until_top(&e->dues, e->wall);
    int64_t lease = until_top(&e->leases, e->now.boot);
    int64_t wait = until_top(&e->waits, e->now.boot);

    if (next_timer(e).at <= e->now.wall)
        return 0;
    if (lease < idle)
        idle = lease;
    return wait < idle ? wait : idle;
}

void usher__settle(struct engine *e)
{
    (void)usher__serve(e); /* what lacks memory is tried again when the clock is looked at */
    usher__marks_sweep(&e->marks, e->at.wall);
    if (e->closed_n > e->keep_closed)
        usher__let_closed_go(e);
}

const char *usher__engine_name(const struct engine *e, uint32_t handle)
{
    return handle == 0 ? NULL : usher__intern_text(&e->names, handle, NULL);
}

struct log *usher__engine_log(struct engine *e)
{
    return &e->log;
}

/* ---- queues ---------------------------------------------------------------------------------------- */

int usher__queue_new(struct engine *e, usher_queue_t **out)
{
    void *p = usher__grow(&e->memory, e->queues, &e->queues_room, e->queues_n + 1u, sizeof(void *));

    if (p == NULL)
        return USHER_ENOMEM;
    e->queues = p;
    p = usher__grow(&e->memory, e->fresh, &e->fresh_room, e->queues_n + 1u, sizeof(void *));
    if (p == NULL)
        return USHER_ENOMEM;
    e->fresh = p;
    if (usher__ids_reserve(&e->queue_by_name, 1) != 0)
        return USHER_ENOMEM;
    if (e->changes.on &&
        usher__noted_reserve(&e->changes.queues, &e->memory, e->queues_n + 1u) != 0)
        return USHER_ENOMEM;
    *out = usher__zalloc(&e->memory, sizeof(**out));
    return *out == NULL ? USHER_ENOMEM : 0;
}

void usher__queue_add(struct engine *e, usher_queue_t *q, uint32_t name, uint32_t policy)
{
    q->engine = e;
    q->name = name;
    q->policy = policy;
    for (uint32_t b = 0; b < PRIORITIES; b++)
        usher__order_init(&q->band[b], &e->memory);
    usher__shares_init(&q->shares, usher__policy(e, policy));
    e->queues[e->queues_n++] = q;
    q->index = e->queues_n;
    usher__ids_insert(&e->queue_by_name, name, q->index);
}

int usher__engine_queue(struct engine *e, const char *name, usher_queue_t **out)
{
    struct policy standard;
    usher_queue_t *q;
    uint32_t handle, found, policy;
    int err = usher__intern_get(&e->names, name, strlen(name), &handle);

    if (err != 0)
        return err;
    found = usher__ids_find(&e->queue_by_name, handle);
    if (found != 0) {
        usher__intern_unref(&e->names, handle);
        *out = e->queues[found - 1];
        return 0;
    }
    err = e->queues_n >= USHER_QUEUES_MAX ? USHER_ELIMIT : usher__queue_new(e, &q);
    if (err == 0) {
        usher__policy_default(&standard);
        err = usher__policy_new(e, e->queues_n + 1u, &standard, 1, "{}", 2, &policy);
        if (err != 0)
            usher__free(&e->memory, q);
    }
    if (err != 0) {
        usher__intern_unref(&e->names, handle);
        return err;
    }
    usher__queue_add(e, q, handle, policy);
    usher__note_queue(e, q);
    *out = q;
    return 0;
}

int usher__engine_define(usher_queue_t *q, const struct policy *p, const char *json, size_t len,
                         struct result *res)
{
    struct engine *e = q->engine;
    uint32_t version = usher__policy(e, q->policy)->version + 1;
    uint32_t fresh;
    int err = usher__log_reserve(&e->log, 2 * usher__log_len(0));

    if (err == 0)
        err = usher__policy_new(e, q->index, p, version, json, len, &fresh);
    if (err != 0)
        return err;
    usher__policy_drop(e, q->policy);
    q->policy = fresh;
    usher__shares_init(&q->shares, p);
    usher__note_queue(e, q);
    usher__tell_service(e, q,
                        &(struct event){.kind = USHER_EV_QUEUE_DEFINED, .policy_version = version});
    usher__tell_room(e, q);
    *res = (struct result){.seq = e->log.seq};
    return 0;
}

int usher__engine_hold(usher_queue_t *q, uint32_t hold, struct result *res)
{
    struct engine *e = q->engine;
    int err = usher__log_reserve(&e->log, usher__log_len(0));

    if (err != 0)
        return err;
    q->hold = hold;
    usher__note_queue(e, q);
    usher__tell_service(e, q, &(struct event){.kind = USHER_EV_QUEUE_HELD, .how = (int32_t)hold});
    *res = (struct result){.seq = e->log.seq};
    usher__fresh_all(e); /* its offers are for agents who wait elsewhere */
    usher__settle(e);
    return 0;
}
