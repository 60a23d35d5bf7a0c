/* The machine's clock is set: Linux says so at once, through a timer that is canceled by it. Here a counter
 * stands in for that timer, so that the notice comes when the test wants it. */
#include "host.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "system_calls.h"

static struct system_call creations, settings;
static int notice; /* the counter */
static int armed;

int __wrap_timerfd_create(int clock, int flags);
int __wrap_timerfd_create(int clock, int flags)
{
    (void)flags;
    if (call_refused(&creations))
        return -1;
    assert_int_equal(clock, CLOCK_REALTIME);
    notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return notice;
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *was);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *was)
{
    assert_int_equal(fd, notice);
    assert_int_equal(flags, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
    assert_true(to->it_value.tv_sec > 0 && was == NULL);
    armed++;
    return call_refused(&settings) ? -1 : 0;
}

static char traced[4000];

static void on_trace(usher_t *u, const char *line, void *user)
{
    (void)u, (void)user;
    if (strlen(traced) + strlen(line) + 2 < sizeof traced)
        strcat(strcat(traced, line), "\n");
}

static struct host *begin_traced(void)
{
    armed = 0;
    traced[0] = '\0';
    return begin_with(OWN_LOOP | REAL_CLOCK, (usher_options){.trace = on_trace});
}

static void set_clock(struct host *h)
{
    uint64_t one = 1;

    traced[0] = '\0';
    assert_int_equal(write(notice, &one, sizeof one), sizeof one);
    assert_true(usher_turn(h->u) >= 0);
}

/* It looks at once, arms its timer anew, and asks to be told the next time. */
static void test_notice__it_looks_at_once(void **state)
{
    struct host *h = begin_traced();

    (void)state;
    assert_int_equal(armed, 1);
    assert_int_equal(claim(h, 3600000), USHER_OK);
    run(h);
    assert_in_range(usher_timeout(h->u), 3500000, 3600000); /* as long as that: it will be told */
    for (int i = 0; i < 3; i++) {
        set_clock(h);
        assert_non_null(strstr(traced, "the clock was set\ntimer in "));
        assert_int_equal(armed, 2 + i);
        assert_in_range(usher_timeout(h->u), 3500000, 3600000);
    }
    call_fails(&settings, ECANCELED, 0, 1); /* set once more a moment ago: it is armed */
    set_clock(h);
    assert_in_range(usher_timeout(h->u), 3500000, 3600000);
    call_fails(&settings, EINVAL, 0, 1); /* from now on nobody says so */
    set_clock(h);
    assert_non_null(strstr(traced, "the clock was set\ntimer in "));
    assert_in_range(usher_timeout(h->u), 50000, 60000);
    end(h);
}

static void nobody_tells(void)
{
    struct host *h = begin_traced();

    assert_int_equal(claim(h, 3600000), USHER_OK);
    run(h);
    assert_in_range(usher_timeout(h->u), 50000, 60000);
    end(h);
}

/* Where there is no such timer it looks once a minute, as long as somebody waits. */
static void test_notice__without_one_it_looks_each_minute(void **state)
{
    (void)state;
    call_fails(&creations, EMFILE, 0, 1);
    nobody_tells();
    call_fails(&settings, EINVAL, 0, 1);
    nobody_tells();
    assert_int_equal(close(notice), -1); /* it was not left open */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notice__it_looks_at_once),
        cmocka_unit_test(test_notice__without_one_it_looks_each_minute),
    };

    return cmocka_run_group_tests_name("notice", tests, NULL, NULL);
}
