/* The contracts at the top of usher.h, on a host's loop and on a loop of its own: what a callback may
 * rely on, events, threads, opening and closing. Driving it and time are test_driving.c's, arguments
 * and structs test_calls.c's; the rules of tickets have files of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "host.h"

enum { THREADS = 4, POSTS = 400 };

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

static int open_files(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void test_service__no_file_stays_open(void **state)
{
    int before = open_files();

    (void)state;
    for (int own = 0; own < 2; own++)
        end(begin(own | REAL_CLOCK));
    assert_int_equal(open_files(), before);
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
    usher_standing standing = USHER_INIT(usher_standing);
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
    for (usher_id id = 1; id <= 3; id++) /* and no longer: nothing else needs to happen for them to go */
        assert_int_equal(usher_peek(h->u, id, &standing), id < 3 ? USHER_ENOENT : USHER_OK);
    end(h);
}

/* A page of history shows the log itself, which is bounded: it may not be cut meanwhile. */
static void on_page_history(usher_t *u, int status, const usher_page *p, void *user)
{
    struct host *h = user;

    assert_non_null(u);
    ran(h, IN_PAGE, status);
    assert_int_equal(p->n, 1);
    for (int i = 0; i < 6000; i++)
        assert_int_equal(enqueue(h, NULL), USHER_OK);
    assert_string_equal(p->events[0].who, "eva");
}

static void on_event_last(usher_t *u, const usher_event *e, void *user)
{
    struct host *h = user;

    on_event(u, e, user);
    assert_int_equal(usher_unsubscribe(u, on_event_last, user), USHER_OK);
    for (int i = 0; i < 6000; i++)
        assert_int_equal(enqueue(h, NULL), USHER_OK);
    assert_string_equal(e->who, "eva");
}

static void test_service__an_event_outlives_the_log(void **state)
{
    struct host *h = begin_with(OWN_LOOP, (usher_options){.history_bytes = 1});

    (void)state;
    assert_int_equal(usher_subscribe(h->u, NULL, 0, on_event_last, h), USHER_OK);
    assert_int_equal(enqueue(h, NULL), USHER_OK);
    run(h);
    assert_int_equal(h->ran[IN_EVENT], 1);
    end(h);
}

static void test_service__history_outlives_the_log(void **state)
{
    struct host *h = begin_with(OWN_LOOP, (usher_options){.history_bytes = 1});
    usher_query query = USHER_INIT(usher_query);

    (void)state;
    query.what = USHER_READ_HISTORY;
    query.ticket = 1;
    assert_int_equal(enqueue(h, NULL), USHER_OK);
    assert_int_equal(usher_read(h->u, &query, on_page_history, h), USHER_OK);
    run(h);
    assert_int_equal(h->ran[IN_PAGE], 1);
    assert_int_equal(usher_read(h->u, &query, on_page, h), USHER_OK);
    run(h);
    assert_int_equal(h->ran[IN_PAGE], 2);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service__open_and_close_tell_once_and_later),
        cmocka_unit_test(test_service__close_before_the_first_turn),
        cmocka_unit_test(test_service__a_closing_service_takes_nothing_more),
        cmocka_unit_test(test_service__close_inside_any_callback),
        cmocka_unit_test(test_service__parked_claims_end_with_the_service),
        cmocka_unit_test(test_service__opening_without_memory_leaves_nothing),
        cmocka_unit_test(test_service__no_file_stays_open),
        cmocka_unit_test(test_service__two_on_one_loop),
        cmocka_unit_test(test_service__callbacks_never_run_inside_the_call),
        cmocka_unit_test(test_service__only_failures_are_lost),
        cmocka_unit_test(test_service__a_turn_is_bounded),
        cmocka_unit_test(test_service__commands_complete_in_the_order_of_acceptance),
        cmocka_unit_test(test_service__rows_stay_while_they_are_looked_at),
        cmocka_unit_test(test_service__a_page_outlives_what_it_shows),
        cmocka_unit_test(test_service__an_event_outlives_the_log),
        cmocka_unit_test(test_service__history_outlives_the_log),
        cmocka_unit_test(test_service__pending_is_bounded_parked_claims_apart),
        cmocka_unit_test(test_service__subscriptions_come_and_go_while_they_are_told),
        cmocka_unit_test(test_service__subscriptions_are_limited),
        cmocka_unit_test(test_service__a_command_is_told_right_after_its_events),
        cmocka_unit_test(test_service__posts_from_threads_run_on_the_loop),
        cmocka_unit_test(test_service__everything_else_is_refused_elsewhere),
        cmocka_unit_test(test_service__a_thread_may_post_the_close),
        cmocka_unit_test(test_service__what_is_posted_runs_before_the_close_callback),
    };

    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
