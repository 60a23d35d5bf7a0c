/* For tests of the shell: a host with a loop, an allocator that counts, a clock, and callbacks that
 * write down what they were told. Rules are tested elsewhere: here any ticket will do. */
#ifndef USHER_UNIT_HOST_H
#define USHER_UNIT_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <usher/usher.h>

#include "loop/service.h"

#define T0 INT64_C(1700000000000)

/* ---- the host: its loop, its allocator, what it was told ------------------------------------- */

enum { IN_NONE, IN_OPEN, IN_DONE, IN_WORK, IN_PAGE, IN_EVENT, IN_POST, IN_LOST, CALLBACKS };
enum { HOSTS_LOOP = 0, OWN_LOOP = 1, REAL_CLOCK = 2, ALARM_CLOCK = 4 };

struct host {
    uv_loop_t loop;
    bool own;
    usher_manual_clock_t *clock;
    usher_clock alarm_clock; /* the host's own: wall and boot are what it says */
    int64_t wall, boot;
    size_t held_n, held_len; /* what the service has of the allocator */
    uint32_t left;           /* allocations until one fails; UINT32_MAX: none does */

    usher_t *u;
    usher_queue_t *q;
    usher_agent_t *a;
    uint32_t ran[CALLBACKS]; /* by kind */
    uint32_t closed;
    int close_in; /* the kind of callback that closes the service */
    int status;   /* of the last callback that has one */
    int64_t at;   /* when it ran */
    usher_claim claim;
    char order[64]; /* a letter for each callback: see LETTERS */
};
static const char LETTERS[] = "-odwpetl";

static inline void *host_resize(void *ctx, void *p, size_t n)
{
    struct host *h = ctx;
    max_align_t *old = p == NULL ? NULL : (max_align_t *)p - 1;
    max_align_t *block = NULL;
    size_t old_len = 0;

    if (n > 0 && h->left == 0)
        return NULL;
    if (n > 0 && h->left != UINT32_MAX)
        h->left--;
    if (old != NULL)
        memcpy(&old_len, old, sizeof old_len);
    if (n > 0) {
        block = malloc(sizeof *block + n);
        assert_non_null(block);
        memcpy(block, &n, sizeof n);
        if (old != NULL)
            memcpy(block + 1, old + 1, old_len < n ? old_len : n);
        h->held_n++;
        h->held_len += n;
    }
    if (old != NULL) {
        h->held_n--;
        h->held_len -= old_len;
        free(old);
    }
    return block == NULL ? NULL : block + 1;
}

static inline void on_closed(void *user)
{
    struct host *h = user;

    h->closed++;
    h->u = NULL;
}

/* Every callback comes by here. */
static inline void ran(struct host *h, int kind, int status)
{
    size_t len = strlen(h->order);

    assert_int_equal(h->closed, 0);
    h->ran[kind]++;
    h->status = status;
    h->at = h->u == NULL ? 0 : usher_now(h->u);
    if (len + 1 < sizeof h->order)
        h->order[len] = LETTERS[kind];
    if (h->close_in == kind) {
        h->close_in = IN_NONE;
        assert_int_equal(usher_close(h->u, on_closed, h), USHER_OK);
        assert_int_equal(usher_close(h->u, on_closed, h), USHER_ECANCELED);
    }
}

static inline void on_open(usher_t *u, int status, usher_text detail, void *user)
{
    struct host *h = user;

    assert_ptr_equal(u, h->u);
    assert_int_equal(detail.len, 0);
    ran(h, IN_OPEN, status);
}

static inline void on_done(usher_t *u, const usher_done *d, void *user)
{
    struct host *h = user;

    assert_ptr_equal(u, h->u);
    assert_int_equal(d->size, sizeof *d);
    assert_int_equal(d->durability, USHER_NONE);
    ran(h, IN_DONE, d->status);
}

static inline void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct host *h = user;

    assert_ptr_equal(a, h->a);
    assert_int_equal(n > 0, status == USHER_OK);
    if (n > 0)
        h->claim = w[0].claim;
    ran(h, IN_WORK, status);
}

static inline void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    assert_non_null(u);
    assert_int_equal(p->size, sizeof *p);
    ran(user, IN_PAGE, status);
}

static inline void on_event(usher_t *u, const usher_event *e, void *user)
{
    assert_non_null(u);
    assert_int_equal(e->size, sizeof *e);
    ran(user, IN_EVENT, 0);
}

static inline void on_post(usher_t *u, void *user)
{
    assert_non_null(u);
    ran(user, IN_POST, 0);
}

static inline void on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user)
{
    assert_non_null(u);
    assert_int_equal(ticket, 99);
    assert_int_equal(verb, USHER_NOTE);
    ran(user, IN_LOST, status);
}

static inline int64_t alarm_wall(void *ctx)
{
    return ((struct host *)ctx)->wall;
}

static inline int64_t alarm_boot(void *ctx)
{
    return ((struct host *)ctx)->boot;
}

/* ---- its life -------------------------------------------------------------------------------- */

static inline struct host *host(int how)
{
    struct host *h = calloc(1, sizeof *h);

    assert_non_null(h);
    h->own = (how & OWN_LOOP) != 0;
    h->left = UINT32_MAX;
    h->wall = T0;
    h->boot = 1;
    assert_int_equal(uv_loop_init(&h->loop), 0);
    if ((how & ALARM_CLOCK) != 0)
        h->alarm_clock = (usher_clock){alarm_wall, alarm_boot, h};
    else if ((how & REAL_CLOCK) == 0)
        assert_int_equal(usher_manual_clock_new(&h->clock, T0), USHER_OK);
    return h;
}

static inline int open_with(struct host *h, usher_options o, usher_open_cb cb)
{
    usher_allocator allocator = {host_resize, h};

    o.size = sizeof o;
    o.allocator = &allocator;
    o.user = h;
    if (h->clock != NULL)
        o.clock = usher_manual_clock_get(h->clock);
    else if (h->alarm_clock.ctx != NULL)
        o.clock = &h->alarm_clock;
    return usher_open(&h->u, h->own ? NULL : &h->loop, "memory:", &o, cb, h);
}

/* Open, with a queue and an agent. */
static inline struct host *begin_with(int how, usher_options o)
{
    struct host *h = host(how);

    assert_int_equal(open_with(h, o, NULL), USHER_OK);
    assert_int_equal(usher_queue(h->u, &h->q, "desk"), USHER_OK);
    assert_int_equal(usher_agent(h->u, &h->a, "ann", NULL, 0), USHER_OK);
    return h;
}

static inline struct host *begin(int how)
{
    return begin_with(how, (usher_options){.on_lost = on_lost});
}

/* The loop once round, without waiting. */
static inline void turn(struct host *h)
{
    if (!h->own)
        (void)uv_run(&h->loop, UV_RUN_NOWAIT);
    else if (h->u != NULL)
        assert_true(usher_turn(h->u) >= 0);
}

static inline uint32_t ran_in_all(const struct host *h)
{
    uint32_t n = 0;

    for (int kind = 0; kind < CALLBACKS; kind++)
        n += h->ran[kind];
    return n;
}

/* Round and round until nothing happens any more. */
static inline void run(struct host *h)
{
    const char *wrong;
    uint32_t before;

    do {
        before = ran_in_all(h);
        turn(h);
        turn(h);
    } while (ran_in_all(h) != before);
    wrong = h->u == NULL ? NULL : usher__service_check(h->u);
    if (wrong != NULL)
        fail_msg("the service's own check: %s", wrong);
}

/* Closes it, if that has not been done; all that it had must have been given back. */
static inline void end(struct host *h)
{
    if (h->u != NULL && !h->u->closing)
        assert_int_equal(usher_close(h->u, on_closed, h), USHER_OK);
    for (int i = 0; i < 100 && h->closed == 0; i++)
        turn(h);
    assert_int_equal(h->closed, 1);
    assert_int_equal(h->held_n, 0);
    assert_int_equal(h->held_len, 0);
    assert_int_equal(uv_run(&h->loop, UV_RUN_NOWAIT), 0);
    assert_int_equal(uv_loop_close(&h->loop), 0);
    usher_manual_clock_free(h->clock);
    free(h);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static inline int enqueue(struct host *h, usher_done_cb cb)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = "eva";
    return usher_enqueue(h->q, &r, cb, h);
}

static inline int claim(struct host *h, int64_t wait_ms)
{
    return usher_claim_next(h->a, h->q, wait_ms, on_work, h);
}

static inline int read_tickets(struct host *h)
{
    usher_query q = USHER_INIT(usher_query);

    q.what = USHER_READ_TICKETS;
    return usher_read(h->u, &q, on_page, h);
}

/* On a ticket that does not exist. */
static inline int note(struct host *h, usher_done_cb cb)
{
    usher_command c = USHER_INIT(usher_command);

    c.verb = USHER_NOTE;
    c.claim.ticket = 99;
    return usher_act(h->u, &c, cb, h);
}

/* One of each kind outstanding, and a claim that waits for ever. */
static inline void ask_for_all(struct host *h)
{
    assert_int_equal(usher_subscribe(h->u, NULL, 0, on_event, h), USHER_OK);
    assert_int_equal(enqueue(h, on_done), USHER_OK);
    assert_int_equal(claim(h, 0), USHER_OK);
    assert_int_equal(read_tickets(h), USHER_OK);
    assert_int_equal(note(h, NULL), USHER_OK);
    assert_int_equal(usher_post(h->u, on_post, h), USHER_OK);
    assert_int_equal(claim(h, USHER_NEVER), USHER_OK);
}

#endif
