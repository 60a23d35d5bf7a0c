/* A service that is busy, and others that look in: whatever they meet, it is one instant of it, or they are
 * told that it is busy; never that it is damaged. */
#include "keep.h"

#include <signal.h>

enum { LOOKS = 150 };

/* In a process of its own, until it is killed: tickets come and go, and their rows with them; now and then
 * it closes and opens again, unless somebody who looks is in the way. */
static void be_busy(struct desk *d)
{
    for (;;) {
        int err = try_open(d);

        if (err == USHER_EBUSY)
            continue;
        assert_int_equal(err, USHER_OK);
        assert_int_equal(usher_queue(d->u, &d->q, "desk"), USHER_OK);
        assert_int_equal(usher_agent(d->u, &d->a, "ann", NULL, 0), USHER_OK);
        for (int i = 0; i < 20; i++)
            (void)closed_ticket(d, (usher_request){.body = {"a body", 6}});
        assert_int_equal(usher_purge(d->u, 0, NULL, on_done, d), USHER_OK);
        close_desk(d);
    }
}

static void test_readers__never_find_damage(void **state)
{
    struct desk *d = begin((usher_options){0});
    uint32_t seen = 0;
    pid_t child;

    (void)state;
    close_desk(d);
    strcat(d->uri, "?readers=1&quick=1");
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        be_busy(d);
    snprintf(d->uri, sizeof d->uri, "sqlite:%s?readonly=1", d->path);
    for (int i = 0; i < LOOKS; i++) {
        int err = try_open(d);

        if (err != USHER_OK && err != USHER_EBUSY) {
            (void)kill(child, SIGKILL);
            fail_msg("look %d: %s: %s", i, usher_err_name(err), d->err);
        }
        if (err != USHER_OK)
            continue;
        settle(d);
        seen++;
        close_desk(d);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(seen > LOOKS / 10);
    snprintf(d->uri, sizeof d->uri, "sqlite:%s", d->path);
    open_desk(d);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers__never_find_damage),
    };

    return cmocka_run_group_tests_name("readers", tests, NULL, NULL);
}
