/* See host.h. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { PATIENCE_MS = 20000 };

static const char plain_policy[] =
    "{\"promises\":{\"ack\":{\"target\":\"4h\"},\"update\":{\"target\":\"1d\"},"
    "\"resolve\":{\"target\":\"5d\"}},"
    "\"aftercare\":{\"confirm_within\":\"0s\",\"reopen_within\":\"0s\"},"
    "\"limits\":{\"open\":100000000}}";

/* ---- callbacks ------------------------------------------------------------------------------- */

void host_note(struct host *h, int status, int verb)
{
    if (status == USHER_OK || h->status != USHER_OK)
        return;
    h->status = status;
    h->verb = verb;
}

static void on_taken(usher_t *u, const usher_done *d, void *user)
{
    struct host *h = user;

    (void)u;
    host_note(h, d->status, 0);
    h->taken++;
}

static void on_ended(usher_t *u, const usher_done *d, void *user)
{
    struct host *h = user;

    (void)u;
    host_note(h, d->status, d->verb);
    h->ended++;
}

static void on_acknowledged(usher_t *u, const usher_done *d, void *user)
{
    usher_claim claim = {d->ticket, d->token};
    struct host *h = user;

    host_note(h, d->status, d->verb);
    host_note(h, usher_resolve(u, &claim, USHER_AS_FIX, NULL, on_ended, h), USHER_RESOLVE);
}

static void on_claimed(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct host *h = user;

    (void)a;
    host_note(h, status, 0);
    for (size_t i = 0; i < n; i++) {
        if (h->serves)
            host_note(h, usher_acknowledge(h->u, &w[i].claim, NULL, on_acknowledged, h),
                      USHER_ACKNOWLEDGE);
        else
            h->claims[h->claimed++ % BATCH_MAX] = w[i].claim;
    }
}

static void on_closed(void *user)
{
    struct host *h = user;

    h->closed = true;
}

static void on_patience(uv_timer_t *timer)
{
    struct host *h = timer->data;
    uint64_t heard = h->taken + h->claimed + h->ended;

    if (heard == h->heard)
        host_note(h, USHER_ETIMEDOUT, 0);
    h->heard = heard;
}

bool host_turn(struct host *h)
{
    uint64_t heard = h->taken + h->claimed + h->ended;

    if (!h->looped)
        return usher_turn(h->u) > 0;
    (void)uv_run(&h->loop, UV_RUN_ONCE);
    return h->taken + h->claimed + h->ended != heard;
}

/* Turns until a counter has got there. What never comes is a failure, not a hang. */
static bool turn_until(struct host *h, const uint64_t *counter, uint64_t target)
{
    int idle = 0;

    while (h->status == USHER_OK && *counter < target) {
        idle = host_turn(h) ? 0 : idle + 1;
        if (idle > 1000)
            host_note(h, USHER_ETIMEDOUT, 0);
    }
    return h->status == USHER_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void open_loop(struct host *h)
{
    int r = uv_loop_init(&h->loop);

    host_note(h, r, 0);
    if (r != 0)
        return;
    h->looped = true;
    (void)uv_timer_init(&h->loop, &h->patience);
    h->patience.data = h;
    (void)uv_timer_start(&h->patience, on_patience, PATIENCE_MS, PATIENCE_MS);
    uv_unref((uv_handle_t *)&h->patience);
}

static bool open_service(struct host *h, const struct host_options *o)
{
    usher_options options = USHER_INIT(usher_options);
    char err[256] = "";

    options.allocator = o->allocator;
    options.keep_closed = 1;
    options.history_bytes = o->history_bytes;
    if (o->manual) {
        host_note(h, usher_manual_clock_new(&h->clock, INT64_C(1767225600000)), 0);
        h->manual_at = INT64_C(1767225600000);
        options.clock = h->clock != NULL ? usher_manual_clock_get(h->clock) : NULL;
    }
    options.err = err;
    options.err_len = sizeof err;
    host_note(h, usher_open(&h->u, h->looped ? &h->loop : NULL,
                            o->store != NULL ? o->store : "memory:", &options, NULL, NULL), 0);
    if (h->status == USHER_OK)
        host_note(h, usher_queue(h->u, &h->q, "bench"), 0);
    if (h->status == USHER_OK)
        host_note(h, usher_agent(h->u, &h->a, "agent", NULL, 0), 0);
    if (h->status == USHER_OK)
        host_note(h, usher_define(h->q, o->policy != NULL ? o->policy : plain_policy, err,
                                  sizeof err, on_ended, h), 0);
    if (err[0] != '\0')
        fprintf(stderr, "usher-bench: %s\n", err);
    return turn_until(h, &h->ended, 1);
}

bool host_open(struct host *h, const struct host_options *o)
{
    memset(h, 0, sizeof *h);
    h->requesters = o->requesters;
    memset(h->body, 'b', sizeof h->body);
    for (size_t i = 0; i < BATCH_MAX; i++) {
        h->requests[i] = (usher_request){.size = sizeof(usher_request),
                                         .requester = h->names[i],
                                         .body = {h->body, sizeof h->body}};
        h->commands[i] = (usher_command){.size = sizeof(usher_command)};
    }
    if (o->store != NULL)
        open_loop(h);
    return h->status == USHER_OK && open_service(h, o);
}

void host_close(struct host *h)
{
    if (h->u != NULL && usher_close(h->u, on_closed, h) == USHER_OK) {
        while (!h->closed)
            (void)host_turn(h);
    }
    if (h->looped) {
        uv_close((uv_handle_t *)&h->patience, NULL);
        (void)uv_run(&h->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&h->loop);
    }
    usher_manual_clock_free(h->clock);
}

bool host_ok(const struct host *h)
{
    if (h->status != USHER_OK)
        fprintf(stderr, "usher-bench: %s: %s\n",
                h->verb != 0 ? usher_name(USHER_NAME_VERB, h->verb) : "the service",
                usher_strerror(h->status));
    return h->status == USHER_OK;
}

void host_name(const struct host *h, usher_id ticket, char name[NAME_ROOM])
{
    uint64_t state = ticket, n = random_below(&state, h->requesters);

    memcpy(name, "r00000000", 10);
    for (int i = 8; n > 0; i--, n /= 10)
        name[i] = (char)('0' + n % 10);
}

bool host_advance(struct host *h, int64_t by_ms)
{
    h->manual_at += by_ms;
    host_note(h, usher_advance(h->u, h->manual_at), 0);
    return h->status == USHER_OK;
}

/* ---- a batch --------------------------------------------------------------------------------- */

bool host_enqueue(struct host *h, uint32_t n)
{
    uint64_t taken = h->taken + n;

    for (uint32_t i = 0; i < n; i++)
        host_name(h, ++h->last, h->names[i]);
    host_note(h, usher_enqueue_many(h->q, h->requests, n, on_taken, h), 0);
    return turn_until(h, &h->taken, taken);
}

bool host_claim(struct host *h, uint32_t n)
{
    usher_claim_args args = {.size = sizeof args, .queues = &h->q, .queues_n = 1, .n = n};

    h->serves = false;
    h->claimed = 0;
    host_note(h, usher_claim_many(h->a, &args, on_claimed, h), USHER_OK);
    return turn_until(h, &h->claimed, n);
}

/* As act_many() says how many it took from the first on, the rest is a call of its own. */
bool host_act(struct host *h, int32_t verb, uint32_t n)
{
    uint64_t ended = h->ended + n;

    for (uint32_t i = 0; i < n; i++) {
        h->commands[i].verb = verb;
        h->commands[i].kind = verb == USHER_RESOLVE ? USHER_AS_FIX : 0;
        h->commands[i].claim = h->claims[i];
        if (verb == USHER_WITHDRAW) {
            host_name(h, h->claims[i].ticket, h->names[i]);
            h->commands[i].who = h->names[i];
        }
    }
    for (uint32_t from = 0; from < n && h->status == USHER_OK;) {
        int r = usher_act_many(h->u, h->commands + from, n - from, on_ended, h);

        if (r <= 0)
            host_note(h, r < 0 ? r : USHER_EINVAL, verb);
        else
            from += (uint32_t)r;
    }
    return turn_until(h, &h->ended, ended);
}

/* ---- more than one --------------------------------------------------------------------------- */

bool host_fill(struct host *h, uint64_t n)
{
    for (uint64_t left = n; left > 0;) {
        uint32_t batch = left < BATCH_MAX ? (uint32_t)left : BATCH_MAX;

        if (!host_enqueue(h, batch))
            return false;
        left -= batch;
    }
    return true;
}

uint32_t *any_order(uint64_t n)
{
    uint32_t *order = malloc(n * sizeof *order);
    uint64_t state = 1;

    for (uint64_t i = 0; order != NULL && i < n; i++) {
        uint64_t k = random_below(&state, i + 1);

        order[i] = order[k];
        order[k] = (uint32_t)i;
    }
    return order;
}

static bool withdraw_all(struct host *h, const uint32_t *order, uint64_t n)
{
    usher_id first = h->last - n + 1;

    for (uint64_t from = 0; from < n; from += BATCH_MAX) {
        uint32_t batch = n - from < BATCH_MAX ? (uint32_t)(n - from) : BATCH_MAX;

        for (uint32_t i = 0; i < batch; i++)
            h->claims[i] = (usher_claim){first + order[from + i], 0};
        if (!host_act(h, USHER_WITHDRAW, batch))
            return false;
    }
    return true;
}

bool host_mix(struct host *h, uint64_t n)
{
    uint32_t *order = any_order(n);
    bool good;

    if (order == NULL)
        host_note(h, USHER_ENOMEM, 0);
    good = order != NULL && withdraw_all(h, order, n) && host_fill(h, n);
    free(order);
    return good;
}

static bool cycle_batch(struct host *h, uint32_t n)
{
    uint64_t taken = h->taken + n, ended = h->ended + n;

    for (uint32_t i = 0; i < n; i++) {
        host_name(h, ++h->last, h->names[i]);
        host_note(h, usher_enqueue(h->q, &h->requests[i], on_taken, h), 0);
    }
    if (!turn_until(h, &h->taken, taken))
        return false;
    h->serves = true;
    for (uint32_t i = 0; i < n; i++)
        host_note(h, usher_claim_next(h->a, h->q, 0, on_claimed, h), 0);
    return turn_until(h, &h->ended, ended);
}

static bool cycle_batch_at_once(struct host *h, uint32_t n)
{
    return host_enqueue(h, n) && host_claim(h, n) && host_act(h, USHER_ACKNOWLEDGE, n) &&
           host_act(h, USHER_RESOLVE, n);
}

static bool cycle(struct host *h, uint64_t n, uint32_t batch, bool (*one)(struct host *, uint32_t))
{
    for (uint64_t left = n; left > 0;) {
        uint32_t now = left < batch ? (uint32_t)left : batch;

        if (h->clock != NULL)
            host_note(h, usher_manual_clock_skip(h->clock, ++h->manual_at), 0);
        if (!one(h, now))
            return false;
        left -= now;
    }
    return true;
}

bool host_cycle(struct host *h, uint64_t n, uint32_t batch)
{
    return cycle(h, n, batch, cycle_batch);
}

bool host_cycle_batched(struct host *h, uint64_t n, uint32_t batch)
{
    return cycle(h, n, batch, cycle_batch_at_once);
}
