/* What is handed over between the loop, the store's thread and those that post: a host that sleeps until it is
 * woken, as hosts do, waits for every single step. A wake-up that is lost, or that comes before what it is
 * about, leaves it asleep; with USHER_YIELDS (lib/store/handover.h) there is time for that everywhere. */
#include "keep.h"

#include <poll.h>
#include <uv.h>

enum { STEPS = 400, POSTERS = 3, POSTS = 100, PATIENCE_S = 300 };

struct chain {
    struct desk *d;
    uv_loop_t loop;
    bool own;
    uint32_t begun, told, closed;
};

static void on_end(void *user)
{
    struct chain *c = user;

    c->closed++;
}

static void on_step(usher_t *u, const usher_done *done, void *user);

static void on_row(usher_t *u, int status, const usher_page *p, void *user)
{
    struct chain *c = user;

    (void)u;
    assert_int_equal(status, USHER_OK);
    assert_true(p->n > 0);
    on_step(c->d->u, NULL, user);
}

/* In turn a ticket, which the store's thread saves, and a history, which it reads. */
static void step(struct chain *c)
{
    usher_request r = USHER_INIT(usher_request);
    usher_query q = USHER_INIT(usher_query);

    if (c->begun++ % 2 == 0) {
        r.requester = "eva";
        assert_int_equal(usher_enqueue(c->d->q, &r, on_step, c), USHER_OK);
    } else {
        q.what = USHER_READ_HISTORY;
        q.ticket = 1;
        assert_int_equal(usher_read(c->d->u, &q, on_row, c), USHER_OK);
    }
}

static void on_step(usher_t *u, const usher_done *done, void *user)
{
    struct chain *c = user;

    if (done != NULL)
        assert_int_equal(done->status, USHER_OK);
    if (++c->told < STEPS)
        step(c);
    else
        assert_int_equal(usher_close(u, on_end, c), USHER_OK);
}

/* As begin() of keep.h, but with a real clock, and on the host's loop or on its own. */
static struct chain *begin_chain(bool own)
{
    struct chain *c = calloc(1, sizeof *c);
    usher_options o = USHER_INIT(usher_options);

    assert_non_null(c);
    c->d = begin((usher_options){0});
    close_desk(c->d);
    c->own = own;
    o.durability = USHER_PROCESS;
    assert_int_equal(uv_loop_init(&c->loop), 0);
    assert_int_equal(usher_open(&c->d->u, own ? NULL : &c->loop, c->d->uri, &o, NULL, NULL),
                     USHER_OK);
    assert_int_equal(usher_queue(c->d->u, &c->d->q, "desk"), USHER_OK);
    (void)alarm(PATIENCE_S); /* who sleeps for ever is not woken by a timer of the loop's */
    return c;
}

/* Sleeps until there is something to do. */
static void run_chain(struct chain *c)
{
    if (!c->own)
        assert_int_equal(uv_run(&c->loop, UV_RUN_DEFAULT), 0);
    while (c->own && c->closed == 0) {
        struct pollfd p = {.fd = usher_fd(c->d->u), .events = POLLIN};

        assert_true(poll(&p, 1, usher_timeout(c->d->u)) >= 0);
        assert_true(usher_turn(c->d->u) >= 0);
    }
    (void)alarm(0);
    assert_int_equal(c->closed, 1);
    assert_int_equal(uv_loop_close(&c->loop), 0);
    c->d->u = NULL;
    end(c->d);
    free(c);
}

static void each_step_wakes(bool own)
{
    struct chain *c = begin_chain(own);

    step(c);
    run_chain(c);
}

static void test_handover__each_step_wakes_a_loop_that_sleeps(void **state)
{
    (void)state;
    each_step_wakes(false);
}

static void test_handover__each_step_wakes_who_waits_for_the_fd(void **state)
{
    (void)state;
    each_step_wakes(true);
}

/* ---- posts ------------------------------------------------------------------------------------------ */

static struct chain *posted_to;

static void on_saved(usher_t *u, const usher_done *done, void *user)
{
    (void)user;
    assert_int_equal(done->status, USHER_OK);
    if (++posted_to->told == POSTERS * POSTS)
        assert_int_equal(usher_close(u, on_end, posted_to), USHER_OK);
}

static void on_post(usher_t *u, void *user)
{
    uv_sem_t *ran = user;
    usher_request r = USHER_INIT(usher_request);

    (void)u;
    r.requester = "eva";
    assert_int_equal(usher_enqueue(posted_to->d->q, &r, on_saved, NULL), USHER_OK);
    uv_sem_post(ran);
}

/* Each waits until its post has run. */
static void post_all(void *arg)
{
    uv_sem_t ran;

    (void)arg;
    assert_int_equal(uv_sem_init(&ran, 0), 0);
    for (int i = 0; i < POSTS; i++) {
        assert_int_equal(usher_post(posted_to->d->u, on_post, &ran), USHER_OK);
        uv_sem_wait(&ran);
    }
    uv_sem_destroy(&ran);
}

static void each_post_wakes(bool own)
{
    uv_thread_t threads[POSTERS];

    posted_to = begin_chain(own);
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(uv_thread_create(&threads[i], post_all, NULL), 0);
    run_chain(posted_to);
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(uv_thread_join(&threads[i]), 0);
}

static void test_handover__each_post_wakes_a_loop_that_sleeps(void **state)
{
    (void)state;
    each_post_wakes(false);
}

static void test_handover__each_post_wakes_who_waits_for_the_fd(void **state)
{
    (void)state;
    each_post_wakes(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handover__each_step_wakes_a_loop_that_sleeps),
        cmocka_unit_test(test_handover__each_step_wakes_who_waits_for_the_fd),
        cmocka_unit_test(test_handover__each_post_wakes_a_loop_that_sleeps),
        cmocka_unit_test(test_handover__each_post_wakes_who_waits_for_the_fd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
