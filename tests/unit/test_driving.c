/* Driving a service: a loop of its own behind an fd, a host's loop that may end, timers and clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>

#include "host.h"

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

static void test_driving__idle_does_not_spin(void **state)
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

static void test_driving__unref_leaves_our_own_loop_alone(void **state)
{
    struct host *h = begin(OWN_LOOP);

    (void)state;
    usher_unref(h->u);
    run(h);
    assert_int_equal(usher_timeout(h->u), -1);
    assert_int_equal(is_readable(h), 0);
    assert_int_equal(usher_post(h->u, on_post, h), USHER_OK);
    assert_int_equal(is_readable(h), 1);
    assert_int_equal(usher_turn(h->u), 1);
    end(h);
}

static void test_driving__calls_in_between_wake_the_fd(void **state)
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

static void test_driving__no_turn_inside_a_turn(void **state)
{
    struct host *h = begin(OWN_LOOP);

    (void)state;
    assert_int_equal(usher_post(h->u, on_post_turn, h), USHER_OK);
    assert_int_equal(usher_turn(h->u), 1);
    end(h);
}

static void test_driving__a_hosts_loop_is_not_turned(void **state)
{
    struct host *h = begin(HOSTS_LOOP);

    (void)state;
    assert_int_equal(usher_fd(h->u), USHER_EINVAL);
    assert_int_equal(usher_turn(h->u), USHER_EINVAL);
    assert_int_equal(usher_timeout(h->u), -1);
    end(h);
}

/* What is outstanding keeps it going, a claim that waits does not. */
static void test_driving__unref_lets_an_idle_loop_end(void **state)
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

static void test_driving__advance_stops_at_every_instant(void **state)
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
static void test_driving__advance_runs_what_callbacks_begin(void **state)
{
    struct host *h = begin(HOSTS_LOOP);

    (void)state;
    assert_int_equal(usher_claim_next(h->a, h->q, 100, on_work_again, h), USHER_OK);
    assert_int_equal(usher_advance(h->u, T0 + 10000), USHER_OK);
    assert_int_equal(h->ran[IN_WORK], 5);
    assert_int_equal(h->at, T0 + 500);
    end(h);
}

static void test_driving__closing_ends_an_advance(void **state)
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

static void test_driving__only_a_manual_clock_is_advanced(void **state)
{
    struct host *h = begin(REAL_CLOCK);

    (void)state;
    assert_int_equal(usher_advance(h->u, INT64_C(4000000000000)), USHER_EINVAL);
    end(h);
}

static void test_driving__a_wall_that_steps_back_holds_still(void **state)
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

static void test_driving__a_skip_is_noticed_at_the_next_call(void **state)
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

static void test_driving__manual_clock_arguments(void **state)
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
static void test_driving__a_real_timer_ends_a_wait(void **state)
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

static void test_driving__a_real_timeout_of_our_own_loop(void **state)
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

static void test_driving__the_timer_follows_what_is_due(void **state)
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
static void test_driving__a_hosts_clock_is_looked_at_each_minute(void **state)
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
static void test_driving__a_held_wall_does_not_spin(void **state)
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
static void test_driving__a_timer_waits_for_memory(void **state)
{
    struct host *h = begin(OWN_LOOP | ALARM_CLOCK);
    usher_request r = USHER_INIT(usher_request);
    usher_standing s = USHER_INIT(usher_standing);
    int64_t began;
    int left;

    (void)state;
    r.requester = "eva";
    r.start_at = T0 + 5;
    for (int i = 0; i < 4000; i++) /* their events need more than there is room for */
        assert_int_equal(usher_enqueue(h->q, &r, NULL, NULL), USHER_OK);
    run(h);
    h->wall += 5;
    h->boot += 5;
    h->left = 0;
    began = clock_ms();
    assert_int_equal(usher_peek(h->u, 1, &s), USHER_ENOMEM);
    run(h);
    left = usher_timeout(h->u);
    assert_in_range(left, 0, 1000);
    assert_true(left + clock_ms() - began + 1 >= 1000); /* however slow the machine is */
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
        cmocka_unit_test(test_driving__idle_does_not_spin),
        cmocka_unit_test(test_driving__unref_leaves_our_own_loop_alone),
        cmocka_unit_test(test_driving__calls_in_between_wake_the_fd),
        cmocka_unit_test(test_driving__no_turn_inside_a_turn),
        cmocka_unit_test(test_driving__a_hosts_loop_is_not_turned),
        cmocka_unit_test(test_driving__unref_lets_an_idle_loop_end),
        cmocka_unit_test(test_driving__advance_stops_at_every_instant),
        cmocka_unit_test(test_driving__advance_runs_what_callbacks_begin),
        cmocka_unit_test(test_driving__closing_ends_an_advance),
        cmocka_unit_test(test_driving__only_a_manual_clock_is_advanced),
        cmocka_unit_test(test_driving__a_wall_that_steps_back_holds_still),
        cmocka_unit_test(test_driving__a_skip_is_noticed_at_the_next_call),
        cmocka_unit_test(test_driving__manual_clock_arguments),
        cmocka_unit_test(test_driving__a_real_timer_ends_a_wait),
        cmocka_unit_test(test_driving__a_real_timeout_of_our_own_loop),
        cmocka_unit_test(test_driving__the_timer_follows_what_is_due),
        cmocka_unit_test(test_driving__a_hosts_clock_is_looked_at_each_minute),
        cmocka_unit_test(test_driving__a_held_wall_does_not_spin),
        cmocka_unit_test(test_driving__a_timer_waits_for_memory),
    };

    return cmocka_run_group_tests_name("driving", tests, NULL, NULL);
}
