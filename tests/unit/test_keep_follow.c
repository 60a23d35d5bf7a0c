/* Named subscriptions on a store that end at a bad moment: while the store reads for them, inside their own
 * callback, or inside another's. What was not done is told again to whoever subscribes next. */
#include "keep.h"

enum { EVENTS = 40 };

static struct listener {
    struct desk *d;
    const char *name;
    uint64_t first, last;
    uint32_t n, ended_n;   /* told, and told when it was ended */
    struct listener *ends; /* whom it ends in its third callback */
} eve, bob;

static void on_heard(usher_t *u, const usher_event *e, void *user)
{
    struct listener *l = user;

    assert_true(l->n == 0 || e->seq == l->last + 1);
    if (l->n++ == 0)
        l->first = e->seq;
    l->last = e->seq;
    if (l->n != 3 || l->ends == NULL)
        return;
    assert_int_equal(usher_unsubscribe(u, on_heard, l->ends), USHER_OK);
    l->ends->ended_n = l->ends->n;
}

static void follow(struct desk *d, struct listener *l, const char *name, struct listener *ends)
{
    *l = (struct listener){.d = d, .name = name, .ends = ends};
    assert_int_equal(usher_subscribe(d->u, name, 0, on_heard, l), USHER_OK);
}

/* Until the store reads for it. It may have answered within the turn that asked it: then again. */
static void follow_into_a_read(struct desk *d, struct listener *l, const char *name)
{
    for (;;) {
        follow(d, l, name, NULL);
        while (d->u->keeping.errands_n == 0 && l->n == 0)
            assert_true(usher_turn(d->u) >= 0);
        if (l->n == 0)
            return;
        assert_int_equal(usher_unsubscribe(d->u, on_heard, l), USHER_OK);
    }
}

/* More events than memory keeps: the store must read them. */
static struct desk *begin_with_events(void)
{
    struct desk *d = begin((usher_options){0});
    static char text[1000];
    usher_id id = enqueue(d, (usher_request){0});

    memset(text, 't', sizeof text);
    for (int i = 1; i < EVENTS; i++)
        assert_int_equal(act(d, (usher_command){.verb = USHER_NOTE,
                                                .claim = {id, 0},
                                                .text = {text, sizeof text}}),
                         USHER_OK);
    reopen(d); /* memory has none of them */
    return d;
}

static void test_follow__it_may_end_while_the_store_reads_for_it(void **state)
{
    struct desk *d = begin_with_events();

    (void)state;
    follow_into_a_read(d, &eve, "eve");
    assert_int_equal(usher_unsubscribe(d->u, on_heard, &eve), USHER_OK);
    assert_int_equal(usher_unsubscribe(d->u, on_heard, &eve), USHER_ENOENT);
    assert_int_equal(usher_event_done(d->u, "eve", 1), USHER_ENOENT); /* it is not subscribed */
    settle(d);
    assert_int_equal(eve.n, 0);
    follow(d, &eve, "eve", NULL); /* its name is free, and nothing was done */
    settle(d);
    assert_int_equal(eve.first, 1);
    assert_true(eve.n >= EVENTS);
    assert_int_equal(usher_unsubscribe(d->u, on_heard, &eve), USHER_OK);

    follow_into_a_read(d, &eve, "another");
    assert_int_equal(usher_unsubscribe(d->u, on_heard, &eve), USHER_OK);
    end(d); /* the store has not answered, or nobody has listened to it */
}

static void test_follow__it_may_end_inside_a_callback(void **state)
{
    struct desk *d = begin_with_events();

    (void)state;
    follow(d, &eve, "eve", &eve);
    settle(d);
    assert_true(eve.n == 3 && eve.ended_n == 3);
    follow(d, &eve, "eve", NULL);
    settle(d);
    assert_int_equal(eve.first, 1); /* nothing was done */
    assert_int_equal(usher_event_done(d->u, "eve", 5), USHER_OK);
    assert_int_equal(usher_event_done(d->u, "eve", 4), USHER_OK); /* it is, and stays so */
    assert_int_equal(usher_event_done(d->u, "eve", eve.last + 1), USHER_EINVAL);
    assert_int_equal(usher_unsubscribe(d->u, on_heard, &eve), USHER_OK);
    follow(d, &eve, "eve", &bob); /* one ends the other, wherever that is */
    follow(d, &bob, "bob", NULL);
    settle(d);
    assert_int_equal(eve.first, 6);
    assert_true(eve.n > 3);
    assert_int_equal(bob.n, bob.ended_n);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follow__it_may_end_while_the_store_reads_for_it),
        cmocka_unit_test(test_follow__it_may_end_inside_a_callback),
    };

    return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
