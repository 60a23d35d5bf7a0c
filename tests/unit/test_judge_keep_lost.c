/* Commands without a callback: on_lost hears of those that fail and of no others; also of those that
 * had to wait until their ticket was read from the file. */
#include "keep.h"

struct lost {
    uint32_t n;
    int status, verb;
    usher_id ticket;
};

static void on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user)
{
    struct lost *lost = ((struct desk *)user)->options.user;

    (void)u;
    lost->n++;
    lost->status = status;
    lost->ticket = ticket;
    lost->verb = verb;
}

static void forget(struct desk *d, usher_command c)
{
    c.size = sizeof c;
    assert_int_equal(usher_act(d->u, &c, NULL, NULL), USHER_OK);
    settle(d);
}

static void test_judge_keep_lost__only_what_fails(void **state)
{
    struct lost lost = {0};
    struct desk *d = begin((usher_options){.keep_closed = 1, .on_lost = on_lost, .user = &lost});
    usher_id away[2], here;

    (void)state;
    for (int i = 0; i < 2; i++)
        away[i] = closed_ticket(d, (usher_request){0});
    here = closed_ticket(d, (usher_request){0}); /* the only one that is kept in memory */
    assert_int_equal(lost.n, 0);

    forget(d, (usher_command){.verb = USHER_CONFIRM, .claim = {away[0], 0}, .who = "eva"});
    assert_int_equal(lost.n, 1);
    assert_int_equal(lost.status, USHER_ESTATE);
    assert_int_equal(lost.ticket, away[0]);
    assert_int_equal(lost.verb, USHER_CONFIRM);
    forget(d, (usher_command){.verb = USHER_CONFIRM, .claim = {here, 0}, .who = "eva"});
    assert_int_equal(lost.n, 2);
    assert_int_equal(lost.ticket, here);

    forget(d, (usher_command){.verb = USHER_REOPEN, .claim = {away[1], 0}, .who = "eva"});
    forget(d,
           (usher_command){.verb = USHER_NOTE, .claim = {away[1], 0}, .text = USHER_TEXT("note")});
    assert_int_equal(lost.n, 2);
    read_page(d, (usher_query){.what = USHER_READ_TICKETS, .states = 1u << USHER_WAITING});
    assert_int_equal(d->page_n, 1);
    assert_int_equal(d->rows[0], away[1]);
    end(d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_keep_lost__only_what_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
