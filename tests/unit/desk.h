/* For tests of the public calls as such: a service with a queue and an agent, and callbacks that
 * write down what they were told. */
#ifndef USHER_UNIT_DESK_H
#define USHER_UNIT_DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <usher/usher.h>

const char *usher__service_check(usher_t *u);

#define T0   INT64_C(1700000000000)
#define HOUR INT64_C(3600000)
#define TEXT(s) { (s), sizeof(s) - 1 }

struct desk {
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_queue_t *q;
    usher_agent_t *a;
    uint32_t held_n;
    uint32_t left; /* allocations until they fail; UINT32_MAX: they do not */
    uint32_t done, worked, lines;
    usher_done last;
    char detail[200];
    usher_claim claim;
    char trace[4096];
    int closed;
};

static inline void *resize(void *ctx, void *p, size_t n)
{
    struct desk *d = ctx;

    if (n == 0) {
        d->held_n -= p != NULL;
        free(p);
        return NULL;
    }
    if (d->left == 0)
        return NULL;
    if (d->left != UINT32_MAX)
        d->left--;
    d->held_n += p == NULL;
    p = realloc(p, n);
    assert_non_null(p);
    return p;
}

static inline void on_trace(usher_t *u, const char *line, void *user)
{
    struct desk *d = user;

    assert_non_null(u);
    d->lines++;
    assert_true(strlen(d->trace) + strlen(line) + 2 < sizeof d->trace);
    strcat(strcat(d->trace, line), "\n");
}

static inline void on_done(usher_t *u, const usher_done *done, void *user)
{
    struct desk *d = user;

    assert_non_null(u);
    d->done++;
    d->last = *done;
    assert_true(done->detail.len < sizeof d->detail);
    memcpy(d->detail, done->detail.len > 0 ? done->detail.data : "", (size_t)done->detail.len + 1);
}

static inline void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct desk *d = user;

    assert_ptr_equal(a, d->a);
    assert_int_equal(n > 0, status == USHER_OK);
    d->worked++;
    if (n > 0)
        d->claim = w[0].claim;
}

static inline void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    assert_non_null(u);
    assert_non_null(p);
    ((struct desk *)user)->last.status = status;
}

static inline void on_post(usher_t *u, void *user)
{
    ((struct desk *)user)->lines += u != NULL;
}

static inline void on_closed(void *user)
{
    ((struct desk *)user)->closed = 1;
}

static inline void run(struct desk *d)
{
    const char *wrong;

    while (usher_turn(d->u) > 0)
        continue;
    wrong = usher__service_check(d->u);
    if (wrong != NULL)
        fail_msg("the service's own check: %s", wrong);
}

static inline struct desk *begin(void)
{
    struct desk *d = calloc(1, sizeof *d);
    usher_options o = USHER_INIT(usher_options);
    usher_allocator allocator = {resize, d};

    assert_non_null(d);
    d->left = UINT32_MAX;
    assert_int_equal(usher_manual_clock_new(&d->clock, T0), USHER_OK);
    o.clock = usher_manual_clock_get(d->clock);
    o.allocator = &allocator;
    o.user = d;
    o.seed = 7;
    assert_int_equal(usher_open(&d->u, NULL, "memory:", &o, NULL, NULL), USHER_OK);
    assert_int_equal(usher_queue(d->u, &d->q, "desk"), USHER_OK);
    assert_int_equal(usher_agent(d->u, &d->a, "ann", NULL, 0), USHER_OK);
    return d;
}

static inline void end(struct desk *d)
{
    assert_int_equal(usher_close(d->u, on_closed, d), USHER_OK);
    while (!d->closed)
        (void)usher_turn(d->u);
    assert_int_equal(d->held_n, 0);
    usher_manual_clock_free(d->clock);
    free(d);
}

static inline usher_request request(void)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = "eva";
    return r;
}

static inline usher_command command(struct desk *d, int32_t verb)
{
    usher_command c = USHER_INIT(usher_command);

    c.verb = verb;
    c.claim = d->claim;
    return c;
}

/* A ticket in the agent's hands. */
static inline void hold_one(struct desk *d)
{
    usher_request r = request();

    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_OK);
    assert_int_equal(usher_claim_next(d->a, d->q, 0, on_work, d), USHER_OK);
    run(d);
}

static inline int enqueue(struct desk *d, usher_request r)
{
    return usher_enqueue(d->q, &r, on_done, d);
}

/* What is returned, or the status. */
static inline int act(struct desk *d, usher_command c)
{
    int r = usher_act(d->u, &c, on_done, d);

    run(d);
    return r != USHER_OK ? r : d->last.status;
}

static inline char *name_of(size_t len)
{
    char *name = malloc(len + 1);

    assert_non_null(name);
    memset(name, 'n', len);
    name[len] = '\0';
    return name;
}

#endif
