/* What the tests of the store's engine side share: an engine that is driven at random with every
 * command there is, and a shelf, which keeps rows as a store would. */
#ifndef USHER_UNIT_KEPT_H
#define USHER_UNIT_KEPT_H

#include <stdio.h>

#include "local/changes.h"
#include "local/inside.h"
#include "loop/zones.h"
#include "probe.h"

/* ---- the shelf ------------------------------------------------------------------------------------- */

struct shelf {
    struct row *rows; /* all that was ever put or dropped, in that order; their bytes are copies */
    size_t n, room;
};

static inline void shelf_put(struct shelf *s, const struct row *row)
{
    char *copy = malloc((size_t)row->name_len + row->len + 1);
    struct row *kept;

    assert_non_null(copy);
    if (s->n == s->room) {
        s->room = s->room == 0 ? 64 : 2 * s->room;
        s->rows = realloc(s->rows, s->room * sizeof *s->rows);
        assert_non_null(s->rows);
    }
    kept = &s->rows[s->n++];
    *kept = *row;
    if (row->name_len > 0)
        memcpy(copy, row->name, row->name_len);
    if (row->len > 0)
        memcpy(copy + row->name_len, row->bytes, row->len);
    kept->name = copy;
    kept->bytes = copy + row->name_len;
}

static inline void shelf_add(struct shelf *s, const struct batch *b)
{
    size_t at = 0;
    struct row row;
    uint32_t n = 0;

    for (; usher__batch_next(b, &at, &row); n++)
        shelf_put(s, &row);
    assert_int_equal(n, b->rows);
}

static inline void shelf_free(struct shelf *s)
{
    for (size_t i = 0; i < s->n; i++)
        free((void *)(uintptr_t)s->rows[i].name);
    free(s->rows);
    *s = (struct shelf){NULL, 0, 0};
}

static inline int by_name(const struct row *a, const struct row *b)
{
    size_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
    int way = len == 0 ? 0 : memcmp(a->name, b->name, len);

    return way != 0 ? way : (a->name_len > b->name_len) - (a->name_len < b->name_len);
}

static inline bool goes_by_name(const struct row *row)
{
    return row->table == ROW_MARK || row->table == ROW_SUBSCRIBER || row->table == ROW_SYMPTOM ||
           row->table == ROW_FIGURE;
}

/* Those of one key follow each other, the latest last. */
static inline int by_key(const void *left, const void *right)
{
    const struct row *a = *(const struct row *const *)left, *b = *(const struct row *const *)right;
    int way = (a->table > b->table) - (a->table < b->table);

    if (way == 0)
        way = goes_by_name(a) ? by_name(a, b) : (a->key > b->key) - (a->key < b->key);
    return way != 0 ? way : (a > b) - (a < b);
}

/* Symptoms are read in the order in which they were seen, all else by its key. */
static inline int by_sight(const void *left, const void *right)
{
    const struct row *a = *(const struct row *const *)left, *b = *(const struct row *const *)right;

    if (a->table != ROW_SYMPTOM || b->table != ROW_SYMPTOM)
        return by_key(left, right);
    return (a->a > b->a) - (a->a < b->a);
}

/* Calls take for what is there in the end, in the order of tables and keys; stops at an error. */
static inline int shelf_read(const struct shelf *s, int (*take)(void *ctx, const struct row *row),
                             void *ctx)
{
    const struct row **sorted = malloc((s->n + 1) * sizeof *sorted);
    int64_t ops_gone = 0;
    size_t n = 0;
    int err = 0;

    assert_non_null(sorted);
    for (size_t i = 0; i < s->n; i++) {
        sorted[i] = &s->rows[i];
        if (s->rows[i].table == ROW_OP && s->rows[i].drop && s->rows[i].key > ops_gone)
            ops_gone = s->rows[i].key;
    }
    qsort(sorted, s->n, sizeof *sorted, by_key);
    for (size_t i = 0; i < s->n; i++) {
        const struct row *row = sorted[i];
        bool is_last =
            i + 1 == s->n || row->table != sorted[i + 1]->table ||
            (goes_by_name(row) ? by_name(row, sorted[i + 1]) != 0 : row->key != sorted[i + 1]->key);

        if (is_last && !row->drop && !(row->table == ROW_OP && row->key <= ops_gone))
            sorted[n++] = row;
    }
    qsort(sorted, n, sizeof *sorted, by_sight);
    for (size_t i = 0; err == 0 && i < n; i++)
        err = take(ctx, sorted[i]);
    free(sorted);
    return err;
}

/* ---- the world ------------------------------------------------------------------------------------- */

enum { QUEUES = 3, AGENTS = 4, PERSONS = 6, WORLD_KEEPS = 100000 };

struct world {
    struct probe probe;
    struct memory memory;
    struct engine *e;
    struct batch batch;
    int64_t wall, boot;
    uint64_t state; /* of the drawing */
    uint64_t op;
    const char *zoneinfo; /* NULL: the machine's */
    bool parks;           /* claims may park: what is parked does not outlive the process */
};

#define DESK                                                                                       \
    "{\"promises\":{\"ack\":{\"target\":\"5m\"},\"answer\":{\"target\":\"10m\"},"                  \
    "\"update\":{\"target\":\"15m\"},\"resolve\":{\"target\":{\"urgent\":\"1h\",\"low\":\"4h\"}}}" \
    ","
static const char *const policies[] = {
    "{}",
    DESK "\"line\":{\"gap\":\"1m\",\"keep_for\":\"5m\"},\"lease\":{\"for\":\"2m\",\"max\":\"10m\"},"
         "\"retry\":{\"attempts\":3,\"backoff\":[\"10s\",\"1m\"]},\"limits\":{\"open\":40},"
         "\"pause\":{\"requester\":{\"max\":\"30m\",\"remind\":[\"5m\",\"10m\"],\"then\":"
         "\"resolve\"}},\"handoff\":{\"accept_within\":\"3m\",\"hops\":2},\"recurrence\":{"
         "\"window\":\"2h\",\"cause_after\":3,\"cause_queue\":\"q2\"},\"aftercare\":{\"check_in\":["
         "\"5m\"],\"confirm_within\":\"20m\","
         "\"reopen_within\":\"1h\"},\"ladder\":["
         "{\"on\":\"ack\",\"at\":\"50%\",\"notify\":[\"lead\"],\"raise\":1},"
         "{\"on\":\"ack\",\"at\":\"+2m\",\"move\":\"q2\",\"priority\":\"high\"},"
         "{\"on\":\"resolve\",\"at\":\"-50m\",\"notify\":[\"lead\",\"boss\"],\"clock\":\"wall\"},"
         "{\"on\":\"update\",\"at\":\"100%\",\"raise\":1,\"repeat\":\"1m\",\"times\":4},"
         "{\"on\":\"answer\",\"at\":\"100%\",\"move\":\"nowhere\"}]}",
    "{\"calendars\":{\"office\":{\"zone\":\"Europe/"
    "Berlin\",\"week\":{\"mon-sun\":[[\"08:00\",\"08:20\"],"
    "[\"08:30\",\"11:00\"],[\"22:00\",\"06:00\"]]}},\"utc\":{\"zone\":\"UTC\",\"week\":{\"mon-"
    "sun\":[[\"00:00\",\"24:00\"]]}}},"
    "\"notify_calendar\":\"office\",\"ladder\":["
    "{\"on\":\"resolve\",\"at\":\"25%\",\"priority\":\"urgent\",\"notify\":[\"all\"]},"
    "{\"on\":\"resolve\",\"at\":\"+1wd\",\"raise\":2}],"
    "\"promises\":{\"ack\":{\"target\":\"5m\"},\"resolve\":{\"target\":{\"high\":\"20m\",\"low\":"
    "\"1wd\"},"
    "\"calendar\":\"office\"}},\"line\":{\"gap\":\"10s\",\"shares\":{\"urgent\":5,\"high\":3,"
    "\"normal\":2,\"low\":1}},"
    "\"recurrence\":{\"window\":\"30m\",\"cause_after\":2,\"cause_queue\":\"q1\"},"
    "\"warn\":[20,90],\"aftercare\":{\"confirm_within\":\"0s\"}}"};

static inline int world_zone(void *ctx, const char *name, void *bytes, size_t *len)
{
    const struct world *w = ctx;

    return usher__zone_load(w->zoneinfo, name, bytes, len);
}

static inline void world_open(struct world *w, uint64_t seed, uint32_t keep_closed)
{
    struct engine_options o = {.op_window_ms = 600000,
                               .op_window_n = 50,
                               .keep_closed = keep_closed,
                               .history_bytes = 1 << 20};

    memset(w, 0, sizeof *w);
    w->probe.left = UINT32_MAX;
    w->memory = (struct memory){probe_resize, &w->probe};
    w->wall = INT64_C(1800000000000);
    w->boot = 5000;
    w->state = seed * 2 + 1;
    o.memory = w->memory;
    o.zone = world_zone;
    o.zone_ctx = w;
    memcpy(o.key, &seed, sizeof seed); /* so that names lie elsewhere in each */
    assert_int_equal(usher__engine_new(&w->e, &o), 0);
    usher__engine_keep(w->e);
    usher__batch_init(&w->batch, &w->memory);
}

static inline void world_free(struct world *w)
{
    usher__engine_free(w->e);
    usher__batch_free(&w->batch);
    assert_int_equal(w->probe.held_n, 0);
}

static inline void served_free(struct world *w)
{
    struct claim *c;

    while ((c = usher__engine_served(w->e)) != NULL)
        usher__engine_claim_free(w->e, c);
}

/* What is due happens at the instants at which the clock now stands. */
static inline void world_tick(struct world *w)
{
    usher__engine_clock(w->e, w->wall, w->boot);
    assert_int_equal(usher__engine_catch_up(w->e, UINT32_MAX), 0);
    served_free(w);
}

static inline usher_queue_t *any_queue(struct world *w)
{
    return w->e->queues[below(&w->state, w->e->queues_n)];
}

static inline usher_agent_t *any_agent(struct world *w)
{
    return w->e->agents[below(&w->state, w->e->agents_n)];
}

static const char *const person_names[PERSONS] = {"ada", "ben", "cyd", "dot", "eli", "fay"};
static const char *const skill_names[3] = {"ssd", "vpn", "tax"};

static inline usher_op any_op(struct world *w)
{
    if (below(&w->state, 3) != 0)
        return (usher_op){0, 0};
    if (below(&w->state, 4) != 0)
        w->op++;
    return (usher_op){7, w->op};
}

/* Mostly one of the latest. */
static inline usher_id any_ticket(struct world *w)
{
    uint32_t n = w->e->last_id < 60 ? (uint32_t)w->e->last_id : 60;

    if (n == 0)
        return 1;
    return w->e->last_id - below(&w->state, below(&w->state, 8) == 0 ? (uint32_t)w->e->last_id : n);
}

/* One on which the verb may be possible; its token, or somebody who waits for it. */
static inline void aim(struct world *w, usher_command *c)
{
    uint32_t slot;

    for (int i = 0; i < 12; i++) {
        c->claim.ticket = any_ticket(w);
        c->claim.token = usher__engine_token(w->e, c->claim.ticket);
        if ((c->verb <= USHER_HAND_OFF) == (c->claim.token != 0))
            break;
    }
    slot = usher__ids_find(&w->e->by_id, c->claim.ticket);
    if (c->verb <= USHER_HAND_OFF)
        return;
    c->claim.token = 0;
    if (slot != 0 && below(&w->state, 4) != 0)
        c->who = usher__engine_name(w->e, usher__ticket(w->e, slot)->requester);
}

static char world_body[3000];

enum { SYMPTOMS = 8 };
static const char *const symptoms[SYMPTOMS] = {"slow", "slow", "loud", "loud",
                                               "late", "cold", "wet",  "dim"};

static inline usher_request any_request(struct world *w, char ref[8], char key[8])
{
    usher_request r = {.size = sizeof r};
    uint32_t chance = below(&w->state, 64);

    memset(world_body, 'b', sizeof world_body);
    r.requester = person_names[below(&w->state, PERSONS)];
    r.priority = (int32_t)below(&w->state, 5);
    r.op = any_op(w);
    if ((chance & 3) == 0)
        r.body = (usher_text){world_body, below(&w->state, 8) == 0 ? 513 + below(&w->state, 2000)
                                                                   : 1 + below(&w->state, 512)};
    if ((chance & 12) == 0)
        r.start_at = w->wall + below(&w->state, 600000);
    if ((chance & 16) != 0)
        return r;
    snprintf(ref, 8, "r%u", (unsigned)below(&w->state, 12));
    snprintf(key, 8, "k%u", (unsigned)below(&w->state, 12));
    r.ref = below(&w->state, 2) == 0 ? ref : NULL;
    r.dedup_key = below(&w->state, 2) == 0 ? key : NULL;
    r.symptom = below(&w->state, 2) == 0 ? symptoms[below(&w->state, SYMPTOMS)] : NULL;
    r.follows = below(&w->state, 16) == 0 ? w->e->last_id : 0;
    r.needs = skill_names;
    r.needs_n = below(&w->state, 3) == 0 ? 1 + below(&w->state, 2) : 0;
    return r;
}

static inline void do_enqueue(struct world *w)
{
    usher_request r[4];
    char refs[4][8], keys[4][8];
    struct result res[4];
    uint32_t n = below(&w->state, 6) == 0 ? 1 + below(&w->state, 4) : 1;
    usher_queue_t *q = any_queue(w);

    for (uint32_t i = 0; i < n; i++)
        r[i] = any_request(w, refs[i], keys[i]);
    (void)usher__engine_enqueue(q, r, n, res);
}

static inline void do_act(struct world *w)
{
    static const int verbs[] = {
        USHER_ACKNOWLEDGE, USHER_UPDATE,  USHER_EXTEND,       USHER_RELEASE, USHER_PAUSE,
        USHER_RESUME,      USHER_RESOLVE, USHER_FAIL,         USHER_ASK,     USHER_REPLY,
        USHER_CONFIRM,     USHER_REOPEN,  USHER_WITHDRAW,     USHER_REVIVE,  USHER_ESCALATE,
        USHER_MOVE,        USHER_NOTE,    USHER_REPRIORITISE, USHER_PAUSE,   USHER_UPDATE,
        USHER_RESOLVE,     USHER_CONFIRM, USHER_REOPEN,       USHER_MOVE,    USHER_REPLY,
        USHER_HAND_OFF,    USHER_RECALL,  USHER_DECLINE,      USHER_LINK,    USHER_LINK,
        USHER_HAND_OFF};
    usher_command c = {.size = sizeof c};
    struct result res;

    c.verb = verbs[below(&w->state, sizeof verbs / sizeof *verbs)];
    c.op = any_op(w);
    c.who = person_names[below(&w->state, PERSONS)];
    aim(w, &c);
    if (c.verb == USHER_UPDATE || c.verb == USHER_PAUSE || below(&w->state, 2) == 0)
        c.text = (usher_text){world_body, 1 + below(&w->state, 40)};
    if (c.verb == USHER_PAUSE)
        c.kind = 1 + (int32_t)below(&w->state, REASONS);
    if (c.verb == USHER_REPRIORITISE)
        c.kind = 1 + (int32_t)below(&w->state, PRIORITIES);
    if (c.verb == USHER_RESOLVE)
        c.kind = (int32_t)below(&w->state, 4);
    if (c.verb == USHER_LINK)
        c.other = below(&w->state, 4) == 0 ? 0 : any_ticket(w);
    if (c.verb == USHER_HAND_OFF && below(&w->state, 2) == 0)
        c.agent = any_agent(w);
    else if (c.verb == USHER_HAND_OFF || c.verb == USHER_MOVE)
        c.queue = any_queue(w);
    if ((c.verb == USHER_UPDATE || c.verb == USHER_PAUSE) && below(&w->state, 3) == 0)
        c.at = w->wall + 1 + below(&w->state, 900000);
    if (c.verb <= USHER_HAND_OFF && c.claim.token == 0)
        c.claim.token = 1;
    if (c.verb == USHER_ACKNOWLEDGE && below(&w->state, 4) == 0)
        c.kind = USHER_BY_MACHINE;
    (void)usher__engine_act(w->e, &c, &res);
}

static inline void do_claim(struct world *w)
{
    usher_queue_t *queues[2] = {any_queue(w), any_queue(w)};
    usher_claim_args args = {.size = sizeof args, .queues = queues, .op = any_op(w)};
    usher_agent_t *a = any_agent(w);

    args.queues_n = queues[0] != queues[1] && below(&w->state, 2) == 0 ? 2 : 1;
    args.wait_ms = w->parks && below(&w->state, 2) == 0 ? below(&w->state, 60000) : 0;
    args.n = below(&w->state, 4);
    if (below(&w->state, 5) == 0)
        (void)usher__engine_claim_ticket(a, any_ticket(w), args.op, NULL, NULL);
    else
        (void)usher__engine_claim(a, &args, NULL, NULL);
}

static inline void do_rare(struct world *w)
{
    char name[8];
    usher_agent_t *a;
    usher_queue_t *q;
    struct policy p;
    struct result res;
    const char *json;

    switch (below(&w->state, 6)) {
    case 0:
        snprintf(name, sizeof name, "a%u", (unsigned)below(&w->state, AGENTS));
        assert_int_equal(usher__engine_agent(w->e, name, skill_names, below(&w->state, 4), &a), 0);
        break;
    case 1:
        (void)usher__engine_gone(any_agent(w), &res);
        break;
    case 2:
        json = policies[below(&w->state, 3)];
        assert_int_equal(usher__engine_compile(w->e, &p, json, strlen(json), NULL, 0), 0);
        assert_int_equal(usher__engine_define(any_queue(w), &p, json, strlen(json), &res), 0);
        break;
    case 3:
        if (below(&w->state, 2) == 0) {
            uint32_t n;

            assert_int_equal(usher__engine_apply(any_queue(w), &res, &n), 0);
            assert_int_equal(res.status, 0);
            break;
        }
        assert_int_equal(usher__engine_hold(any_queue(w),
                                            below(&w->state, 3) == 0 ? below(&w->state, 4) : 0,
                                            &res),
                         0);
        break;
    case 4:
        snprintf(name, sizeof name, "s%u", (unsigned)below(&w->state, 3));
        assert_int_equal(
            usher__subscriber_set(w->e, name, below(&w->state, (uint32_t)w->e->log.seq + 1)), 0);
        break;
    default:
        snprintf(name, sizeof name, "q%u", (unsigned)below(&w->state, QUEUES));
        assert_int_equal(usher__engine_queue(w->e, name, &q), 0);
        break;
    }
}

/* Queues with their policies, and agents. */
static inline void world_begin(struct world *w)
{
    usher_queue_t *q;
    usher_agent_t *a;
    struct policy p;
    struct result res;
    char name[8];

    usher__engine_clock(w->e, w->wall, w->boot);
    assert_int_equal(usher__engine_catch_up(w->e, UINT32_MAX), 0);
    for (uint32_t i = 0; i < QUEUES; i++) {
        snprintf(name, sizeof name, "q%u", (unsigned)i);
        assert_int_equal(usher__engine_queue(w->e, name, &q), 0);
        assert_int_equal(usher__engine_compile(w->e, &p, policies[i], strlen(policies[i]), NULL, 0),
                         0);
        assert_int_equal(usher__engine_define(q, &p, policies[i], strlen(policies[i]), &res), 0);
    }
    for (uint32_t i = 0; i < AGENTS; i++) {
        snprintf(name, sizeof name, "a%u", (unsigned)i);
        assert_int_equal(usher__engine_agent(w->e, name, skill_names, i, &a), 0);
    }
}

/* Time passes a little, or much; now and then the wall is set, or the machine sleeps. */
static inline void pass_time(struct world *w)
{
    int64_t ms = below(&w->state, 12) == 0 ? below(&w->state, 200000) : below(&w->state, 3000);

    w->wall += ms;
    w->boot += ms;
    if (below(&w->state, 200) == 0)
        w->wall += (int64_t)below(&w->state, 600000) - 300000;
}

static inline void world_deed(struct world *w)
{
    uint32_t what = below(&w->state, 100);

    pass_time(w);
    world_tick(w);
    if (what < 30)
        do_enqueue(w);
    else if (what < 50)
        do_claim(w);
    else if (what < 96)
        do_act(w);
    else
        do_rare(w);
    served_free(w);
}

static inline void world_cut(struct world *w, struct shelf *s)
{
    if (!usher__engine_changed(w->e))
        return;
    assert_int_equal(usher__engine_cut(w->e, &w->batch), 0);
    shelf_add(s, &w->batch);
    usher__batch_clear(&w->batch);
    assert_false(usher__engine_changed(w->e));
    assert_int_equal(usher__engine_backlog(w->e), 0);
}

/* The last cut before the end. What a clock did after the last change nobody can know: so this is one. */
static inline void world_last_cut(struct world *w, struct shelf *s)
{
    world_tick(w);
    assert_int_equal(usher__subscriber_set(w->e, "s0", w->e->log.seq), 0);
    world_cut(w, s);
}

static inline int world_take(void *ctx, const struct row *row)
{
    struct world *w = ctx;
    const char *wrong;
    int err = usher__engine_take(w->e, row, &wrong);

    if (err != 0 && err != USHER_ENOMEM)
        print_message("%s\n", wrong);
    return err;
}

/* Another engine from the shelf, at this one's clock. */
static inline void world_again(struct world *w, const struct world *old, const struct shelf *s,
                               uint64_t key, uint32_t keep_closed)
{
    const char *wrong;

    world_open(w, key, keep_closed);
    w->wall = old->wall;
    w->boot = old->boot + 777; /* another machine's */
    w->state = old->state;
    w->op = old->op;
    assert_int_equal(shelf_read(s, world_take, w), 0);
    assert_int_equal(usher__engine_taken(w->e, w->wall, w->boot, &wrong), 0);
    assert_false(usher__engine_changed(w->e));
}

/* ---- the same, field by field: what no row says would be missing from both digests --------------- */

static inline void same_name(const struct world *a, uint32_t left, const struct world *b,
                             uint32_t right)
{
    assert_int_equal(left == 0, right == 0);
    if (left != 0)
        assert_string_equal(usher__engine_name(a->e, left), usher__engine_name(b->e, right));
}

static inline void same_text(const struct text *a, const struct text *b)
{
    assert_int_equal(usher__text_len(a), usher__text_len(b));
    if (a != NULL)
        assert_memory_equal(a->data, b->data, a->len);
}

static inline void same_extra(const struct world *a, const struct ticket *t, const struct world *b,
                              const struct ticket *u)
{
    static const struct extra none;
    const struct extra *x = t->extra != NULL ? t->extra : &none;
    const struct extra *y = u->extra != NULL ? u->extra : &none;

    same_text(x->question, y->question);
    assert_true(x->named_at == y->named_at && x->set_since == y->set_since);
    assert_int_equal(x->reasons, y->reasons);
    assert_int_equal(x->pauses_n, y->pauses_n);
    assert_int_equal(x->stretches_n, y->stretches_n);
    for (uint32_t i = 0; i < x->stretches_n; i++)
        assert_true(x->stretches[i].from_at == y->stretches[i].from_at &&
                    x->stretches[i].to_at == y->stretches[i].to_at &&
                    x->stretches[i].reasons == y->stretches[i].reasons);
    same_name(a, x->symptom, b, y->symptom);
    same_name(a, x->dedup_key, b, y->dedup_key);
    same_name(a, x->ref, b, y->ref);
    assert_int_equal(x->needs_n, y->needs_n);
    for (uint32_t i = 0; i < x->needs_n; i++)
        same_name(a, x->needs[i], b, y->needs[i]);
    for (uint32_t i = 0; t->persons_n > 1 && i < t->persons_n; i++) {
        same_name(a, x->persons[i].name, b, y->persons[i].name);
        assert_int_equal(x->persons[i].confirmed, y->persons[i].confirmed);
    }
    assert_int_equal(x->rungs_n, y->rungs_n);
    for (uint32_t i = 0; i < x->rungs_n; i++)
        assert_true(x->rungs[i].id == y->rungs[i].id && x->rungs[i].fired == y->rungs[i].fired &&
                    x->rungs[i].promise == y->rungs[i].promise);
    assert_memory_equal(&x->untold, &y->untold, sizeof x->untold);
    assert_true(x->cause == y->cause && x->follows == y->follows);
    assert_int_equal(x->offer_queue, y->offer_queue);
    assert_int_equal(x->offer_agent, y->offer_agent);
    assert_int_equal(x->hops, y->hops);
    assert_int_equal(x->is_cause, y->is_cause);
    assert_int_equal(x->told_no_agent, y->told_no_agent);
    assert_int_equal(x->linked, y->linked);
    assert_int_equal(x->linked_n, y->linked_n);
    if (x->linked_n > 0)
        assert_true(usher__ticket(a->e, x->linked_first)->id ==
                    usher__ticket(b->e, y->linked_first)->id);
    for (uint32_t i = 0; i < REASONS; i++) {
        const struct pause *p = &x->pause[i], *q = &y->pause[i];

        assert_true(p->began_at == q->began_at && p->since_at == q->since_at &&
                    p->end_at == q->end_at && p->spent == q->spent);
        assert_int_equal(p->at_max, q->at_max);
        assert_int_equal(p->reminded, q->reminded);
    }
}

static inline void same_ticket(const struct world *a, const struct ticket *t, const struct world *b,
                               const struct ticket *u)
{
    int64_t ahead = b->e->now.ahead - a->e->now.ahead;
    const struct policy_record *p = usher__slab_at(&a->e->policies, t->policy);
    const struct policy_record *q = usher__slab_at(&b->e->policies, u->policy);

    assert_true(t->token == u->token && t->enqueued_at == u->enqueued_at);
    assert_true(t->start_at == u->start_at && t->state_at == u->state_at && t->rank == u->rank);
    assert_int_equal(t->state, u->state);
    assert_true(t->until_at == u->until_at + (t->state == USHER_CLAIMED ? ahead : 0));
    if (t->state == USHER_CLAIMED || t->state == USHER_OFFERED)
        assert_true(t->claimed_boot == u->claimed_boot + ahead);
    if (t->state == USHER_RESOLVED || t->state == USHER_CLOSED)
        assert_true(t->resolved_at == u->resolved_at);
    for (int i = 0; i < PROMISES; i++) {
        const struct promise *m = &t->promise[i], *n = &u->promise[i];

        assert_true(m->start_at == n->start_at && m->target == n->target);
        assert_true(m->arming == n->arming && m->state == n->state && m->flags == n->flags &&
                    m->warned == n->warned);
    }
    same_text(t->body, u->body);
    same_text(t->last_word, u->last_word);
    assert_true(t->behind == u->behind && t->last_event == u->last_event);
    assert_int_equal(t->queue, u->queue);
    assert_int_equal(p->definition, q->definition);
    assert_int_equal(p->policy.version, q->policy.version);
    assert_int_equal(t->holder, u->holder);
    same_name(a, t->requester, b, u->requester);
    assert_int_equal(t->seq, u->seq);
    assert_int_equal(t->persons_n, u->persons_n);
    assert_int_equal(t->attempts, u->attempts);
    assert_int_equal(t->level, u->level);
    assert_int_equal(t->chases, u->chases);
    assert_int_equal(t->priority, u->priority);
    assert_int_equal(t->flags & ~TICKET_ENGINES, u->flags & ~TICKET_ENGINES);
    assert_int_equal(t->checked_in, u->checked_in);
    same_extra(a, t, b, u);
}

static inline void same_service(const struct world *a, const struct world *b)
{
    assert_int_equal(a->e->queues_n, b->e->queues_n);
    for (uint32_t i = 0; i < a->e->queues_n; i++) {
        const usher_queue_t *q = a->e->queues[i], *r = b->e->queues[i];

        same_name(a, q->name, b, r->name);
        assert_int_equal(q->hold, r->hold);
        assert_int_equal(q->told_full, r->told_full);
        assert_memory_equal(&q->shares, &r->shares, sizeof q->shares);
        assert_memory_equal(q->by_state, r->by_state, sizeof q->by_state);
    }
    assert_int_equal(a->e->agents_n, b->e->agents_n);
    for (uint32_t i = 0; i < a->e->agents_n; i++) {
        const usher_agent_t *x = a->e->agents[i], *y = b->e->agents[i];

        same_name(a, x->name, b, y->name);
        assert_int_equal(x->gone, y->gone);
        assert_int_equal(x->skills_n, y->skills_n);
        for (uint32_t k = 0; k < x->skills_n; k++)
            same_name(a, x->skills[k], b, y->skills[k]);
    }
    assert_int_equal(a->e->changes.subscribers_n, b->e->changes.subscribers_n);
    for (uint32_t i = 0; i < a->e->changes.subscribers_n; i++) {
        uint64_t done;

        assert_true(usher__subscriber_find(
            b->e, usher__engine_name(a->e, a->e->changes.subscribers[i].name), &done));
        assert_int_equal(done, a->e->changes.subscribers[i].done);
    }
    assert_true(a->e->now.wall == b->e->now.wall && a->e->now.ahead == b->e->now.ahead);
}

static inline void assert_same_worlds(const struct world *a, const struct world *b)
{
    same_service(a, b);
    assert_true(a->e->last_id == b->e->last_id && a->e->log.seq == b->e->log.seq);
    for (usher_id id = 1; id <= a->e->last_id; id++) {
        uint32_t slot = usher__ids_find(&a->e->by_id, id);
        uint32_t other = usher__ids_find(&b->e->by_id, id);

        assert_int_equal(slot == 0, other == 0);
        if (slot != 0)
            same_ticket(a, usher__ticket(a->e, slot), b, usher__ticket(b->e, other));
    }
}

static inline uint64_t world_digest(struct world *w)
{
    const char *wrong = usher__engine_check(w->e);
    uint64_t digest;

    if (wrong != NULL)
        fail_msg("%s", wrong);
    assert_int_equal(usher__engine_digest(w->e, &digest), 0);
    return digest;
}

#endif
