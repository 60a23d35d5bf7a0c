/* The shell of a service: the contracts at the top of usher.h, on a host's loop and on its own.
 * Arguments and structs are test_calls.c's; the rules of tickets have files of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <usher/usher.h>

#include "loop/service.h"

#define T0 INT64_C(1700000000000)

enum { THREADS = 4, POSTS = 400 };

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

static void *host_resize(void *ctx, void *p, size_t n)
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

static void on_closed(void *user)
{
    struct host *h = user;

    h->closed++;
    h->u = NULL;
}

/* Every callback comes by here. */
static void ran(struct host *h, int kind, int status)
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

static void on_open(usher_t *u, int status, usher_text detail, void *user)
{
    struct host *h = user;

    assert_ptr_equal(u, h->u);
    assert_int_equal(detail.len, 0);
    ran(h, IN_OPEN, status);
}

static void on_done(usher_t *u, const usher_done *d, void *user)
{
    struct host *h = user;

    assert_ptr_equal(u, h->u);
    assert_int_equal(d->size, sizeof *d);
    assert_int_equal(d->durability, USHER_NONE);
    ran(h, IN_DONE, d->status);
}

static void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct host *h = user;

    assert_ptr_equal(a, h->a);
    assert_int_equal(n > 0, status == USHER_OK);
    if (n > 0)
        h->claim = w[0].claim;
    ran(h, IN_WORK, status);
}

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    assert_non_null(u);
    assert_int_equal(p->size, sizeof *p);
    ran(user, IN_PAGE, status);
}

static void on_event(usher_t *u, const usher_event *e, void *user)
{
    assert_non_null(u);
    assert_int_equal(e->size, sizeof *e);
    ran(user, IN_EVENT, 0);
}

static void on_post(usher_t *u, void *user)
{
    assert_non_null(u);
    ran(user, IN_POST, 0);
}

static void on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user)
{
    assert_non_null(u);
    assert_int_equal(ticket, 99);
    assert_int_equal(verb, USHER_NOTE);
    ran(user, IN_LOST, status);
}

static int64_t alarm_wall(void *ctx)
{
    return ((struct host *)ctx)->wall;
}

static int64_t alarm_boot(void *ctx)
{
    return ((struct host *)ctx)->boot;
}

/* ---- its life -------------------------------------------------------------------------------- */

static struct host *host(int how)
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

static int open_with(struct host *h, usher_options o, usher_open_cb cb)
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
static struct host *begin_with(int how, usher_options o)
{
    struct host *h = host(how);

    assert_int_equal(open_with(h, o, NULL), USHER_OK);
    assert_int_equal(usher_queue(h->u, &h->q, "desk"), USHER_OK);
    assert_int_equal(usher_agent(h->u, &h->a, "ann", NULL, 0), USHER_OK);
    return h;
}

static struct host *begin(int how)
{
    return begin_with(how, (usher_options){.on_lost = on_lost});
}

/* The loop once round, without waiting. */
static void turn(struct host *h)
{
    if (!h->own)
        (void)uv_run(&h->loop, UV_RUN_NOWAIT);
    else if (h->u != NULL)
        assert_true(usher_turn(h->u) >= 0);
}

static uint32_t ran_in_all(const struct host *h)
{
    uint32_t n = 0;

    for (int kind = 0; kind < CALLBACKS; kind++)
        n += h->ran[kind];
    return n;
}

/* Round and round until nothing happens any more. */
static void run(struct host *h)
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
static void end(struct host *h)
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

static int enqueue(struct host *h, usher_done_cb cb)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = "eva";
    return usher_enqueue(h->q, &r, cb, h);
}

static int claim(struct host *h, int64_t wait_ms)
{
    return usher_claim_next(h->a, h->q, wait_ms, on_work, h);
}

static int read_tickets(struct host *h)
{
    usher_query q = USHER_INIT(usher_query);

    q.what = USHER_READ_TICKETS;
    return usher_read(h->u, &q, on_page, h);
}

/* On a ticket that does not exist. */
static int note(struct host *h, usher_done_cb cb)
{
    usher_command c = USHER_INIT(usher_command);

    c.verb = USHER_NOTE;
    c.claim.ticket = 99;
    return usher_act(h->u, &c, cb, h);
}

/* One of each kind outstanding, and a claim that waits for ever. */
static void ask_for_all(struct host *h)
{
    assert_int_equal(usher_subscribe(h->u, NULL, 0, on_event, h), USHER_OK);
    assert_int_equal(enqueue(h, on_done), USHER_OK);
    assert_int_equal(claim(h, 0), USHER_OK);
    assert_int_equal(read_tickets(h), USHER_OK);
    assert_int_equal(note(h, NULL), USHER_OK);
    assert_int_equal(usher_post(h->u, on_post, h), USHER_OK);
    assert_int_equal(claim(h, USHER_NEVER), USHER_OK);
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void test_service__open_and_close_tell_once_and_later(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct host *h = host(own);

        assert_int_equal(open_with(h, (usher_options){0}, on_open), USHER_OK);
        assert_int_equal(h->ran[IN_OPEN], 0);
        run(h);
        assert_int_equal(h->ran[IN_OPEN], 1);
        assert_int_equal(h->status, USHER_OK);
        assert_int_equal(usher_close(h->u, on_closed, h), USHER_OK);
        assert_int_equal(h->closed, 0);
        end(h);
    }
}

static void test_service__close_before_the_first_turn(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct host *h = host(own);

        assert_int_equal(open_with(h, (usher_options){0}, on_open), USHER_OK);
        assert_int_equal(usher_close(h->u, on_closed, h), USHER_OK);
        for (int i = 0; i < 10; i++)
            turn(h);
        assert_int_equal(h->ran[IN_OPEN], 1);
        end(h);
    }
}

static void test_service__a_closing_service_takes_nothing_more(void **state)
{
    struct host *h = begin(HOSTS_LOOP);
    usher_t *u = h->u;
    usher_queue_t *q;
    usher_agent_t *a;
    usher_standing s = USHER_INIT(usher_standing);
    uint64_t counts[USHER_STATES];

    (void)state;
    assert_int_equal(usher_close(NULL, NULL, NULL), USHER_OK);
    assert_int_equal(usher_close(u, on_closed, h), USHER_OK);
    assert_int_equal(usher_close(u, NULL, NULL), USHER_ECANCELED);
    assert_int_equal(usher_queue(u, &q, "other"), USHER_ECANCELED);
    assert_int_equal(usher_agent(u, &a, "bob", NULL, 0), USHER_ECANCELED);
    assert_int_equal(enqueue(h, on_done), USHER_ECANCELED);
    assert_int_equal(claim(h, 0), USHER_ECANCELED);
    assert_int_equal(note(h, NULL), USHER_ECANCELED);
    assert_int_equal(read_tickets(h), USHER_ECANCELED);
    assert_int_equal(usher_post(u, on_post, h), USHER_ECANCELED);
    assert_int_equal(usher_subscribe(u, NULL, 0, on_event, h), USHER_ECANCELED);
    assert_int_equal(usher_peek(u, 1, &s), USHER_ECANCELED);
    assert_int_equal(usher_counts(h->q, counts), USHER_ECANCELED);
    assert_int_equal(usher_advance(u, T0 + 1), USHER_ECANCELED);
    end(h);
}

/* Whatever runs when: each callback runs once, those of parked claims with ECANCELED. */
static void test_service__close_inside_any_callback(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        for (int kind = IN_OPEN; kind < CALLBACKS; kind++) {
            struct host *h = host(own);

            h->close_in = kind;
            assert_int_equal(open_with(h, (usher_options){.on_lost = on_lost}, on_open), USHER_OK);
            assert_int_equal(usher_queue(h->u, &h->q, "desk"), USHER_OK);
            assert_int_equal(usher_agent(h->u, &h->a, "ann", NULL, 0), USHER_OK);
            ask_for_all(h);
            for (int i = 0; i < 20; i++)
                turn(h);
            assert_int_equal(h->closed, 1);
            assert_int_equal(h->ran[IN_OPEN], 1);
            assert_int_equal(h->ran[IN_DONE], 1);
            assert_int_equal(h->ran[IN_WORK], 2);
            assert_int_equal(h->ran[IN_PAGE], 1);
            assert_int_equal(h->ran[IN_EVENT], 2); /* enqueued, claimed */
            assert_int_equal(h->ran[IN_POST], 1);
            assert_int_equal(h->ran[IN_LOST], 1);
            end(h);
        }
    }
}

static void test_service__parked_claims_end_with_the_service(void **state)
{
    struct host *h = begin(OWN_LOOP);

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(claim(h, i % 2 == 0 ? USHER_NEVER : 1000), USHER_OK);
    run(h);
    assert_int_equal(h->ran[IN_WORK], 0);
    assert_int_equal(usher_close(h->u, on_closed, h), USHER_OK);
    assert_int_equal(h->ran[IN_WORK], 0);
    while (h->closed == 0)
        turn(h);
    assert_int_equal(h->ran[IN_WORK], 100);
    assert_int_equal(h->status, USHER_ECANCELED);
    end(h);
}

static void test_service__opening_without_memory_leaves_nothing(void **state)
{
    int r = USHER_ENOMEM;

    (void)state;
    for (int own = 0; own < 2; own++) {
        for (uint32_t n = 0; n < 100; n++) {
            struct host *h = host(own);

            h->left = n;
            r = open_with(h, (usher_options){0}, on_open);
            h->left = UINT32_MAX;
            if (r == USHER_OK) {
                assert_true(n > 2);
                end(h);
                break;
            }
            assert_int_equal(r, USHER_ENOMEM);
            assert_null(h->u);
            assert_int_equal(h->held_n, 0);
            assert_int_equal(uv_loop_close(&h->loop), 0);
            usher_manual_clock_free(h->clock);
            free(h);
        }
        assert_int_equal(r, USHER_OK);
    }
}

static void test_service__two_on_one_loop(void **state)
{
    struct host *h = begin(HOSTS_LOOP);
    struct host other = {.u = NULL};
    usher_t *second;

    (void)state;
    assert_int_equal(usher_open(&second, &h->loop, "memory:", NULL, NULL, NULL), USHER_OK);
    other.u = second;
    assert_int_equal(enqueue(h, on_done), USHER_OK);
    assert_int_equal(usher_close(second, on_closed, &other), USHER_OK);
    run(h);
    assert_int_equal(other.closed, 1);
    assert_int_equal(h->ran[IN_DONE], 1);
    end(h);
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static void test_service__callbacks_never_run_inside_the_call(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct host *h = begin(own);

        ask_for_all(h);
        assert_int_equal(ran_in_all(h), 0);
        run(h);
        /* event (enqueued), done, event (claimed), work, page, lost, post */
        assert_string_equal(h->order, "edewplt");
        run(h);
        assert_int_equal(ran_in_all(h), 7);
        end(h);
    }
}

static void test_service__only_failures_are_lost(void **state)
{
    struct host *h = begin(OWN_LOOP);

    (void)state;
    assert_int_equal(enqueue(h, NULL), USHER_OK);
    run(h);
    assert_int_equal(ran_in_all(h), 0);
    assert_int_equal(note(h, NULL), USHER_OK);
    run(h);
    assert_int_equal(h->ran[IN_LOST], 1);
    assert_int_equal(h->status, USHER_ENOENT);
    end(h);
}

static void on_done_again(usher_t *u, const usher_done *d, void *user)
{
    struct host *h = user;

    on_done(u, d, user);
    if (h->ran[IN_DONE] < 20000)
        assert_int_equal(enqueue(h, on_done_again), USHER_OK);
}

/* Work that makes work does not keep the host from its own. */
static void test_service__a_turn_is_bounded(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct host *h = begin(own);

        assert_int_equal(enqueue(h, on_done_again), USHER_OK);
        while (h->ran[IN_DONE] < 20000) {
            uint32_t before = h->ran[IN_DONE];

            turn(h);
            assert_in_range(h->ran[IN_DONE] - before, 1, 5000);
        }
        end(h);
    }
}

/* Each is the next one, and brings more while there are not enough. */
static void on_done_in_order(usher_t *u, const usher_done *d, void *user)
{
    struct host *h = user;
    usher_request many[50];

    on_done(u, d, user);
    assert_int_equal(d->ticket, h->ran[IN_DONE]);
    for (size_t i = 0; i < 50; i++)
        many[i] = (usher_request){.size = sizeof *many, .requester = "eva"};
    if (d->ticket == 1) { /* the line grows while its head is not its beginning */
        h->claim.ticket += 50;
        assert_int_equal(usher_enqueue_many(h->q, many, 50, on_done_in_order, h), USHER_OK);
    }
    for (usher_id i = 0; i <= d->ticket % 3 && h->claim.ticket < 5000; i++, h->claim.ticket++)
        assert_int_equal(enqueue(h, on_done_in_order), USHER_OK);
}

static void test_service__commands_complete_in_the_order_of_acceptance(void **state)
{
    struct host *h = begin(OWN_LOOP);

    (void)state;
    h->claim.ticket = 5;
    for (int i = 0; i < 5; i++)
        assert_int_equal(enqueue(h, on_done_in_order), USHER_OK);
    run(h);
    assert_int_equal(h->ran[IN_DONE], 5000);
    end(h);
}

static void on_work_bigger(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct host *h = user;
    usher_claim_args c = USHER_INIT(usher_claim_args);

    (void)a;
    assert_int_equal(status, USHER_OK);
    h->ran[IN_WORK] += (uint32_t)n;
    if (n == 1) { /* rows for more are made while these are looked at */
        c.queues = &h->q;
        c.queues_n = 1;
        c.n = 500;
        assert_int_equal(usher_claim_many(h->a, &c, on_work_bigger, h), USHER_OK);
        c.n = 1000;
        assert_int_equal(usher_claim_many(h->a, &c, on_work, h), USHER_OK);
    }
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(w[i].requester, "eva");
        assert_null(w[i].symptom);
        assert_int_equal(w[i].size, sizeof w[i]);
    }
}

static void test_service__rows_stay_while_they_are_looked_at(void **state)
{
    struct host *h = begin(OWN_LOOP);

    (void)state;
    for (int i = 0; i < 301; i++)
        assert_int_equal(enqueue(h, NULL), USHER_OK);
    assert_int_equal(usher_claim_next(h->a, h->q, 0, on_work_bigger, h), USHER_OK);
    run(h);
    assert_int_equal(h->ran[IN_WORK], 302); /* 1, 300, and one that came too late */
    assert_int_equal(h->status, USHER_ETIMEDOUT);
    end(h);
}

/* What a page shows lives as long as its callback, whatever happens to the tickets meanwhile. */
static void on_page_use(usher_t *u, int status, const usher_page *p, void *user)
{
    struct host *h = user;

    ran(h, IN_PAGE, status);
    assert_int_equal(p->n, 3);
    for (uint64_t i = 0; i < p->n; i++) {
        usher_command c = USHER_INIT(usher_command);

        c.verb = USHER_WITHDRAW;
        c.claim.ticket = p->tickets[i].ticket;
        c.who = p->tickets[i].requester;
        assert_int_equal(usher_act(u, &c, NULL, NULL), USHER_OK);
    }
    for (uint64_t i = 0; i < p->n; i++) {
        assert_string_equal(p->tickets[i].requester, i == 1 ? "bo" : "eva");
        assert_string_equal(p->tickets[i].symptom, "smoke");
    }
}

static void test_service__a_page_outlives_what_it_shows(void **state)
{
    struct host *h = begin_with(OWN_LOOP, (usher_options){.keep_closed = 1, .on_lost = on_lost});
    usher_query query = USHER_INIT(usher_query);
    char symptom[] = "smoke";

    (void)state;
    query.what = USHER_READ_TICKETS;
    query.symptom = symptom;
    assert_int_equal(usher_read(h->u, &query, on_page_use, h), USHER_OK);
    memset(symptom, 'x', sizeof symptom - 1); /* it was copied */
    for (int i = 0; i < 3; i++) {             /* what comes after the call is seen, too */
        usher_request r = USHER_INIT(usher_request);

        r.requester = i == 1 ? "bo" : "eva";
        r.symptom = "smoke";
        assert_int_equal(usher_enqueue(h->q, &r, NULL, NULL), USHER_OK);
    }
    assert_int_equal(enqueue(h, NULL), USHER_OK); /* another trouble */
    run(h);
    assert_int_equal(h->ran[IN_PAGE], 1);
    assert_int_equal(h->status, USHER_OK);
    end(h);
}

static void test_service__pending_is_bounded_parked_claims_apart(void **state)
{
    struct host *h = begin_with(OWN_LOOP, (usher_options){.max_pending = 2});

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(claim(h, USHER_NEVER), USHER_OK);
    assert_int_equal(enqueue(h, NULL), USHER_OK); /* no callback, but it serves a claim */
    assert_int_equal(enqueue(h, on_done), USHER_OK);
    assert_int_equal(enqueue(h, on_done), USHER_EFULL);
    assert_int_equal(claim(h, 0), USHER_EFULL);
    assert_int_equal(read_tickets(h), USHER_EFULL);
    assert_int_equal(usher_claim_cancel(h->a, h), USHER_OK);
    run(h);
    assert_int_equal(h->ran[IN_WORK], 5);
    assert_int_equal(h->ran[IN_DONE], 1);
    assert_int_equal(enqueue(h, on_done), USHER_OK);
    end(h);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void on_event_leaving(usher_t *u, const usher_event *e, void *user)
{
    on_event(u, e, user);
    assert_int_equal(usher_unsubscribe(u, on_event_leaving, user), USHER_OK);
    assert_int_equal(usher_unsubscribe(u, on_event_leaving, user), USHER_ENOENT);
}

static void on_event_joining(usher_t *u, const usher_event *e, void *user)
{
    struct host *h = user;

    on_event(u, e, user);
    if (h->ran[IN_EVENT] == 1)
        assert_int_equal(usher_subscribe(u, NULL, 0, on_event, user), USHER_OK);
}

static void test_service__subscriptions_come_and_go_while_they_are_told(void **state)
{
    struct host *h = begin(OWN_LOOP);

    (void)state;
    assert_int_equal(usher_subscribe(h->u, NULL, 0, on_event_leaving, h), USHER_OK);
    assert_int_equal(usher_subscribe(h->u, NULL, 0, on_event, h), USHER_OK);
    assert_int_equal(enqueue(h, NULL), USHER_OK);
    assert_int_equal(enqueue(h, NULL), USHER_OK);
    run(h);
    assert_int_equal(h->ran[IN_EVENT], 3); /* both, and then one of them */
    assert_int_equal(usher_unsubscribe(h->u, on_event, h), USHER_OK);

    h->ran[IN_EVENT] = 0;
    assert_int_equal(usher_subscribe(h->u, NULL, 0, on_event_joining, h), USHER_OK);
    assert_int_equal(enqueue(h, NULL), USHER_OK);
    assert_int_equal(enqueue(h, NULL), USHER_OK); /* before the new one subscribes */
    run(h);
    assert_int_equal(h->ran[IN_EVENT], 2);
    assert_int_equal(enqueue(h, NULL), USHER_OK);
    run(h);
    assert_int_equal(h->ran[IN_EVENT], 4);
    end(h);
}

static void test_service__subscriptions_are_limited(void **state)
{
    struct host *h = begin(OWN_LOOP);

    (void)state;
    for (int i = 0; i < USHER_SUBSCRIBERS_MAX; i++)
        assert_int_equal(usher_subscribe(h->u, NULL, 0, on_event, h), USHER_OK);
    assert_int_equal(usher_subscribe(h->u, NULL, 0, on_event, h), USHER_ELIMIT);
    assert_int_equal(enqueue(h, NULL), USHER_OK);
    run(h);
    assert_int_equal(h->ran[IN_EVENT], USHER_SUBSCRIBERS_MAX);
    end(h);
}

struct seen {
    struct host *h;
    uint64_t seq;
};

static void on_event_seq(usher_t *u, const usher_event *e, void *user)
{
    struct seen *seen = user;

    (void)u;
    assert_int_equal(e->seq, seen->seq + 1);
    seen->seq = e->seq;
}

static void on_done_seq(usher_t *u, const usher_done *d, void *user)
{
    struct seen *seen = user;

    (void)u;
    assert_int_equal(d->seq, seen->seq);
}

static void test_service__a_command_is_told_right_after_its_events(void **state)
{
    struct host *h = begin(HOSTS_LOOP);
    struct seen seen = {.h = h};
    usher_request r = USHER_INIT(usher_request);

    (void)state;
    r.requester = "eva";
    assert_int_equal(usher_subscribe(h->u, NULL, 0, on_event_seq, &seen), USHER_OK);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(usher_enqueue(h->q, &r, on_done_seq, &seen), USHER_OK);
        assert_int_equal(usher_claim_next(h->a, h->q, 0, on_work, h), USHER_OK);
    }
    run(h);
    assert_int_equal(seen.seq, 100);
    assert_int_equal(h->ran[IN_WORK], 50);
    assert_int_equal(usher_unsubscribe(h->u, on_event_seq, &seen), USHER_OK);
    end(h);
}

/* ---- threads --------------------------------------------------------------------------------- */

struct poster {
    struct host *h;
    uv_thread_t thread;
    uint32_t sent, ran;
    int refused;
};

static void on_poster_post(usher_t *u, void *user)
{
    struct poster *p = user;
    uv_thread_t self = uv_thread_self();

    assert_true(uv_thread_equal(&self, &u->owner));
    p->ran++;
    if (p->ran % 16 == 0) /* what the host does meanwhile allocates, too */
        assert_int_equal(enqueue(p->h, NULL), USHER_OK);
}

static void post_many(void *arg)
{
    struct poster *p = arg;

    for (p->sent = 0; p->sent < POSTS; p->sent++) {
        if (usher_post(p->h->u, on_poster_post, p) != USHER_OK)
            return;
    }
}

static void call_from_elsewhere(void *arg)
{
    struct poster *p = arg;
    usher_standing s = USHER_INIT(usher_standing);

    p->refused += usher_peek(p->h->u, 1, &s) == USHER_ETHREAD;
    p->refused += enqueue(p->h, on_done) == USHER_ETHREAD;
    p->refused += claim(p->h, 0) == USHER_ETHREAD;
    p->refused += note(p->h, NULL) == USHER_ETHREAD;
    p->refused += usher_close(p->h->u, NULL, NULL) == USHER_ETHREAD;
    p->refused += usher_turn(p->h->u) == USHER_ETHREAD;
    p->refused += usher_timeout(p->h->u) == USHER_ETHREAD;
    p->refused += usher_fd(p->h->u) == USHER_ETHREAD;
    p->refused += usher_now(p->h->u) == USHER_ETHREAD;
}

static void test_service__posts_from_threads_run_on_the_loop(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct host *h = begin(own);
        struct poster posters[THREADS] = {{.h = h}};
        uint32_t ran_n = 0;

        for (int i = 0; i < THREADS; i++) {
            posters[i] = (struct poster){.h = h};
            assert_int_equal(uv_thread_create(&posters[i].thread, post_many, &posters[i]), 0);
        }
        while (ran_n < THREADS * POSTS) {
            turn(h);
            ran_n = 0;
            for (int i = 0; i < THREADS; i++)
                ran_n += posters[i].ran;
        }
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(uv_thread_join(&posters[i].thread), 0);
            assert_int_equal(posters[i].ran, POSTS);
        }
        end(h);
    }
}

static void test_service__everything_else_is_refused_elsewhere(void **state)
{
    struct host *h = begin(OWN_LOOP);
    struct poster p = {.h = h};

    (void)state;
    assert_int_equal(uv_thread_create(&p.thread, call_from_elsewhere, &p), 0);
    assert_int_equal(uv_thread_join(&p.thread), 0);
    assert_int_equal(p.refused, 9);
    end(h);
}

static void on_post_close(usher_t *u, void *user)
{
    assert_int_equal(usher_close(u, on_closed, user), USHER_OK);
}

static void post_close(void *arg)
{
    struct poster *p = arg;

    (void)usher_post(p->h->u, on_post_close, p->h);
}

/* The thread may still be in usher_post() when what it posted has ended the service. */
static void test_service__a_thread_may_post_the_close(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        struct host *h = begin(i % 2);
        struct poster p = {.h = h};

        assert_int_equal(uv_thread_create(&p.thread, post_close, &p), 0);
        while (h->closed == 0)
            turn(h);
        assert_int_equal(uv_thread_join(&p.thread), 0);
        end(h);
    }
}

static void test_service__what_is_posted_runs_before_the_close_callback(void **state)
{
    struct host *h = begin(OWN_LOOP);

    (void)state;
    for (int i = 0; i < 3000; i++) /* more than one turn runs */
        assert_int_equal(usher_post(h->u, on_post, h), USHER_OK);
    assert_int_equal(usher_close(h->u, on_closed, h), USHER_OK);
    while (h->closed == 0)
        turn(h);
    assert_int_equal(h->ran[IN_POST], 3000);
    end(h);
}

/* ---- hosts without a loop -------------------------------------------------------------------- */

static int is_readable(const struct host *h)
{
    struct pollfd fd = {.fd = usher_fd(h->u), .events = POLLIN};

    return poll(&fd, 1, 0);
}

static void post_one(void *arg)
{
    struct host *h = arg;

    (void)usher_post(h->u, on_post, h);
}

static void test_service__idle_does_not_spin(void **state)
{
    struct host *h = begin(OWN_LOOP);

    (void)state;
    run(h);
    assert_int_equal(usher_timeout(h->u), -1);
    assert_int_equal(is_readable(h), 0);
    assert_int_equal(usher_turn(h->u), 0);
    assert_int_equal(usher_timeout(h->u), -1);
    assert_int_equal(is_readable(h), 0);
    end(h);
}

static void test_service__calls_in_between_wake_the_fd(void **state)
{
    struct host *h = begin(OWN_LOOP);
    uv_thread_t thread;

    (void)state;
    assert_int_equal(enqueue(h, on_done), USHER_OK); /* before the first turn */
    assert_int_equal(is_readable(h), 1);
    assert_int_equal(usher_timeout(h->u), 0);
    assert_int_equal(usher_turn(h->u), 1);
    assert_int_equal(is_readable(h), 0);
    assert_int_equal(usher_timeout(h->u), -1);

    assert_int_equal(read_tickets(h), USHER_OK);
    assert_int_equal(is_readable(h), 1);
    run(h);
    assert_int_equal(uv_thread_create(&thread, post_one, h), 0);
    assert_int_equal(uv_thread_join(&thread), 0);
    assert_int_equal(is_readable(h), 1);
    assert_int_equal(usher_turn(h->u), 1);
    assert_int_equal(usher_timeout(h->u), -1);
    assert_int_equal(is_readable(h), 0);
    end(h);
}

static void on_post_turn(usher_t *u, void *user)
{
    on_post(u, user);
    assert_int_equal(usher_turn(u), USHER_ESTATE);
    assert_int_equal(usher_advance(u, usher_now(u)), USHER_ESTATE);
}

static void test_service__no_turn_inside_a_turn(void **state)
{
    struct host *h = begin(OWN_LOOP);

    (void)state;
    assert_int_equal(usher_post(h->u, on_post_turn, h), USHER_OK);
    assert_int_equal(usher_turn(h->u), 1);
    end(h);
}

static void test_service__a_hosts_loop_is_not_turned(void **state)
{
    struct host *h = begin(HOSTS_LOOP);

    (void)state;
    assert_int_equal(usher_fd(h->u), USHER_EINVAL);
    assert_int_equal(usher_turn(h->u), USHER_EINVAL);
    assert_int_equal(usher_timeout(h->u), -1);
    end(h);
}

/* What is outstanding keeps it going, a claim that waits does not. */
static void test_service__unref_lets_an_idle_loop_end(void **state)
{
    struct host *h = begin(HOSTS_LOOP | REAL_CLOCK);

    (void)state;
    run(h);
    assert_int_not_equal(uv_run(&h->loop, UV_RUN_NOWAIT), 0); /* it would go on */
    usher_unref(h->u);
    assert_int_equal(enqueue(h, on_done), USHER_OK);
    assert_int_equal(uv_run(&h->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(h->ran[IN_DONE], 1);
    assert_int_equal(usher_post(h->u, on_post, h), USHER_OK);
    assert_int_equal(uv_run(&h->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(h->ran[IN_POST], 1);
    assert_int_equal(claim(h, 0), USHER_OK);
    assert_int_equal(claim(h, USHER_NEVER), USHER_OK);
    assert_int_equal(claim(h, 3000), USHER_OK);
    assert_int_equal(uv_run(&h->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(h->ran[IN_WORK], 1);
    assert_int_equal(usher_close(h->u, on_closed, h), USHER_OK);
    assert_int_equal(uv_run(&h->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(h->ran[IN_WORK], 3);
    end(h);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void test_service__advance_stops_at_every_instant(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct host *h = begin(own);

        assert_int_equal(claim(h, 700), USHER_OK);
        assert_int_equal(usher_advance(h->u, T0 + 699), USHER_OK);
        assert_int_equal(h->ran[IN_WORK], 0);
        assert_int_equal(usher_advance(h->u, T0 + 5000), USHER_OK);
        assert_int_equal(h->ran[IN_WORK], 1);
        assert_int_equal(h->status, USHER_ETIMEDOUT);
        assert_int_equal(h->at, T0 + 700);
        assert_int_equal(usher_now(h->u), T0 + 5000);
        assert_int_equal(usher_advance(h->u, T0 + 4999), USHER_EINVAL);
        assert_int_equal(usher_advance(h->u, USHER_AT_MAX + 1), USHER_EINVAL);
        end(h);
    }
}

static void on_work_again(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct host *h = user;

    on_work(a, status, w, n, user);
    if (h->ran[IN_WORK] < 5)
        assert_int_equal(usher_claim_next(a, h->q, 100, on_work_again, h), USHER_OK);
}

/* What a callback sets up on the way is met on the way. */
static void test_service__advance_runs_what_callbacks_begin(void **state)
{
    struct host *h = begin(HOSTS_LOOP);

    (void)state;
    assert_int_equal(usher_claim_next(h->a, h->q, 100, on_work_again, h), USHER_OK);
    assert_int_equal(usher_advance(h->u, T0 + 10000), USHER_OK);
    assert_int_equal(h->ran[IN_WORK], 5);
    assert_int_equal(h->at, T0 + 500);
    end(h);
}

static void test_service__closing_ends_an_advance(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct host *h = begin(own);

        h->close_in = IN_WORK;
        assert_int_equal(claim(h, 100), USHER_OK);
        assert_int_equal(claim(h, 300), USHER_OK);
        assert_int_equal(usher_advance(h->u, T0 + 1000), USHER_ECANCELED);
        assert_int_equal(h->closed, 0);
        assert_int_equal(h->ran[IN_WORK], 2);
        assert_int_equal(h->status, USHER_ECANCELED);
        end(h);
    }
}

static void test_service__only_a_manual_clock_is_advanced(void **state)
{
    struct host *h = begin(REAL_CLOCK);

    (void)state;
    assert_int_equal(usher_advance(h->u, INT64_C(4000000000000)), USHER_EINVAL);
    end(h);
}

static void test_service__a_wall_that_steps_back_holds_still(void **state)
{
    struct host *h = begin(OWN_LOOP);
    int64_t at = T0 + 100;

    (void)state;
    assert_int_equal(usher_manual_clock_step(h->clock, 100), USHER_OK);
    assert_int_equal(usher_now(h->u), at);
    assert_int_equal(usher_manual_clock_step(h->clock, -60), USHER_OK);
    assert_int_equal(usher_now(h->u), at);
    assert_int_equal(claim(h, 30), USHER_OK); /* a wait follows the boot clock */
    assert_int_equal(usher_advance(h->u, T0 + 69), USHER_OK);
    assert_int_equal(h->ran[IN_WORK], 0);
    assert_int_equal(usher_advance(h->u, T0 + 70), USHER_OK);
    assert_int_equal(h->ran[IN_WORK], 1);
    assert_int_equal(usher_now(h->u), at);
    assert_int_equal(usher_advance(h->u, T0 + 101), USHER_OK);
    assert_int_equal(usher_now(h->u), at + 1);
    end(h);
}

static void on_event_late(usher_t *u, const usher_event *e, void *user)
{
    on_event(u, e, user);
    assert_int_equal(e->kind, USHER_EV_STARTED);
    assert_int_equal(e->at, T0 + 1000);
    assert_int_equal(e->seen_at, T0 + 5000);
}

static void test_service__a_skip_is_noticed_at_the_next_call(void **state)
{
    struct host *h = begin(OWN_LOOP);
    usher_request r = USHER_INIT(usher_request);

    (void)state;
    r.requester = "eva";
    r.start_at = T0 + 1000;
    assert_int_equal(usher_enqueue(h->q, &r, NULL, NULL), USHER_OK);
    assert_int_equal(usher_subscribe(h->u, NULL, 0, on_event_late, h), USHER_OK);
    assert_int_equal(usher_manual_clock_skip(h->clock, T0 + 5000), USHER_OK);
    assert_int_equal(usher_turn(h->u), 1);
    assert_int_equal(h->ran[IN_EVENT], 1);
    assert_int_equal(usher_timeout(h->u), -1); /* a manual clock does not run by itself */
    end(h);
}

static void test_service__manual_clock_arguments(void **state)
{
    usher_manual_clock_t *c;

    (void)state;
    assert_int_equal(usher_manual_clock_new(NULL, 0), USHER_EINVAL);
    assert_int_equal(usher_manual_clock_new(&c, -1), USHER_EINVAL);
    assert_int_equal(usher_manual_clock_new(&c, USHER_AT_MAX + 1), USHER_EINVAL);
    assert_null(c);
    assert_int_equal(usher_manual_clock_new(&c, USHER_AT_MAX), USHER_OK);
    assert_int_equal(usher_manual_clock_step(c, 1), USHER_EINVAL);
    assert_int_equal(usher_manual_clock_step(c, INT64_MIN), USHER_EINVAL);
    assert_int_equal(usher_manual_clock_step(c, -USHER_AT_MAX), USHER_OK);
    assert_int_equal(usher_manual_clock_skip(c, 10), USHER_OK);
    assert_int_equal(usher_manual_clock_skip(c, 9), USHER_EINVAL);
    usher_manual_clock_free(c);
    usher_manual_clock_free(NULL);
}

static int64_t clock_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

/* The loop wakes by itself, and not before the time has come. */
static void test_service__a_real_timer_ends_a_wait(void **state)
{
    struct host *h = begin(HOSTS_LOOP | REAL_CLOCK);
    int64_t from = clock_ms();

    (void)state;
    assert_int_equal(claim(h, 40), USHER_OK);
    while (h->ran[IN_WORK] == 0)
        (void)uv_run(&h->loop, UV_RUN_ONCE);
    assert_true(clock_ms() - from >= 39);
    assert_int_equal(h->status, USHER_ETIMEDOUT);
    end(h);
}

static void test_service__a_real_timeout_of_our_own_loop(void **state)
{
    struct host *h = begin(OWN_LOOP | REAL_CLOCK);
    int64_t from = clock_ms();
    uint32_t turns = 0;

    (void)state;
    assert_int_equal(claim(h, 40), USHER_OK);
    assert_in_range(usher_timeout(h->u), 0, 40);
    while (h->ran[IN_WORK] == 0) {
        struct pollfd fd = {.fd = usher_fd(h->u), .events = POLLIN};

        (void)poll(&fd, 1, usher_timeout(h->u));
        (void)usher_turn(h->u);
        turns++;
    }
    assert_true(clock_ms() - from >= 39);
    assert_true(turns < 20);
    assert_int_equal(usher_timeout(h->u), -1);
    end(h);
}

static void on_work_apart(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    int *told = user;

    (void)w;
    assert_non_null(a);
    assert_int_equal(n, 0);
    *told = status;
}

static void test_service__the_timer_follows_what_is_due(void **state)
{
    struct host *h = begin(OWN_LOOP | ALARM_CLOCK);
    usher_standing s = USHER_INIT(usher_standing);
    int told = 0;

    (void)state;
    assert_int_equal(claim(h, 10000), USHER_OK);
    run(h);
    assert_in_range(usher_timeout(h->u), 9000, 10000);
    assert_int_equal(is_readable(h), 0);
    assert_int_equal(usher_claim_next(h->a, h->q, 2000, on_work_apart, &told), USHER_OK);
    assert_int_equal(is_readable(h), 1); /* who sleeps for 10 s is told to look again */
    run(h);
    assert_in_range(usher_timeout(h->u), 1000, 2000);
    assert_int_equal(usher_claim_cancel(h->a, &told), USHER_OK);
    run(h);
    assert_int_equal(told, USHER_ECANCELED);
    assert_in_range(usher_timeout(h->u), 9000, 10000);
    h->wall += 10000; /* its clock goes on, and the next call sees what that means */
    h->boot += 10000;
    assert_int_equal(usher_peek(h->u, 1, &s), USHER_ENOENT);
    assert_int_equal(usher_timeout(h->u), 0);
    run(h);
    assert_int_equal(h->status, USHER_ETIMEDOUT);
    assert_int_equal(usher_timeout(h->u), -1);
    end(h);
}

/* Nobody says when a clock of the host's is set, so it is looked at once a minute; but only while
 * there is something to wait for. */
static void test_service__a_hosts_clock_is_looked_at_each_minute(void **state)
{
    struct host *h = begin(OWN_LOOP | ALARM_CLOCK);

    (void)state;
    assert_int_equal(claim(h, USHER_NEVER), USHER_OK);
    run(h);
    assert_int_equal(usher_timeout(h->u), -1);
    assert_int_equal(claim(h, 3600000), USHER_OK);
    run(h);
    assert_in_range(usher_timeout(h->u), 50000, 60000);
    end(h);
}

/* A wall clock that was set back would else be asked again and again whether it has caught up. */
static void test_service__a_held_wall_does_not_spin(void **state)
{
    struct host *h = begin(OWN_LOOP | ALARM_CLOCK);
    usher_request r = USHER_INIT(usher_request);

    (void)state;
    r.requester = "eva";
    r.start_at = T0 + 5;
    assert_int_equal(usher_enqueue(h->q, &r, NULL, NULL), USHER_OK);
    run(h);
    assert_in_range(usher_timeout(h->u), 0, 5);
    h->wall -= 3600000;
    assert_int_equal(usher_now(h->u), T0);
    run(h);
    assert_in_range(usher_timeout(h->u), 500, 60000);
    end(h);
}

/* A timer that cannot run for want of memory is tried again, once a second. */
static void test_service__a_timer_waits_for_memory(void **state)
{
    struct host *h = begin(OWN_LOOP | ALARM_CLOCK);
    usher_request r = USHER_INIT(usher_request);
    usher_standing s = USHER_INIT(usher_standing);

    (void)state;
    r.requester = "eva";
    r.start_at = T0 + 5;
    for (int i = 0; i < 4000; i++) /* their events need more than there is room for */
        assert_int_equal(usher_enqueue(h->q, &r, NULL, NULL), USHER_OK);
    run(h);
    h->wall += 5;
    h->boot += 5;
    h->left = 0;
    assert_int_equal(usher_peek(h->u, 1, &s), USHER_ENOMEM);
    run(h);
    assert_in_range(usher_timeout(h->u), 900, 1000);
    h->left = UINT32_MAX;
    assert_int_equal(usher_peek(h->u, 4000, &s), USHER_OK);
    assert_int_equal(s.state, USHER_WAITING);
    run(h);
    assert_int_equal(usher_timeout(h->u), -1);
    end(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service__open_and_close_tell_once_and_later),
        cmocka_unit_test(test_service__close_before_the_first_turn),
        cmocka_unit_test(test_service__a_closing_service_takes_nothing_more),
        cmocka_unit_test(test_service__close_inside_any_callback),
        cmocka_unit_test(test_service__parked_claims_end_with_the_service),
        cmocka_unit_test(test_service__opening_without_memory_leaves_nothing),
        cmocka_unit_test(test_service__two_on_one_loop),
        cmocka_unit_test(test_service__callbacks_never_run_inside_the_call),
        cmocka_unit_test(test_service__only_failures_are_lost),
        cmocka_unit_test(test_service__a_turn_is_bounded),
        cmocka_unit_test(test_service__commands_complete_in_the_order_of_acceptance),
        cmocka_unit_test(test_service__rows_stay_while_they_are_looked_at),
        cmocka_unit_test(test_service__a_page_outlives_what_it_shows),
        cmocka_unit_test(test_service__pending_is_bounded_parked_claims_apart),
        cmocka_unit_test(test_service__subscriptions_come_and_go_while_they_are_told),
        cmocka_unit_test(test_service__subscriptions_are_limited),
        cmocka_unit_test(test_service__a_command_is_told_right_after_its_events),
        cmocka_unit_test(test_service__posts_from_threads_run_on_the_loop),
        cmocka_unit_test(test_service__everything_else_is_refused_elsewhere),
        cmocka_unit_test(test_service__a_thread_may_post_the_close),
        cmocka_unit_test(test_service__what_is_posted_runs_before_the_close_callback),
        cmocka_unit_test(test_service__idle_does_not_spin),
        cmocka_unit_test(test_service__calls_in_between_wake_the_fd),
        cmocka_unit_test(test_service__no_turn_inside_a_turn),
        cmocka_unit_test(test_service__a_hosts_loop_is_not_turned),
        cmocka_unit_test(test_service__unref_lets_an_idle_loop_end),
        cmocka_unit_test(test_service__advance_stops_at_every_instant),
        cmocka_unit_test(test_service__advance_runs_what_callbacks_begin),
        cmocka_unit_test(test_service__closing_ends_an_advance),
        cmocka_unit_test(test_service__only_a_manual_clock_is_advanced),
        cmocka_unit_test(test_service__a_wall_that_steps_back_holds_still),
        cmocka_unit_test(test_service__a_skip_is_noticed_at_the_next_call),
        cmocka_unit_test(test_service__manual_clock_arguments),
        cmocka_unit_test(test_service__a_real_timer_ends_a_wait),
        cmocka_unit_test(test_service__a_real_timeout_of_our_own_loop),
        cmocka_unit_test(test_service__the_timer_follows_what_is_due),
        cmocka_unit_test(test_service__a_hosts_clock_is_looked_at_each_minute),
        cmocka_unit_test(test_service__a_held_wall_does_not_spin),
        cmocka_unit_test(test_service__a_timer_waits_for_memory),
    };

    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
