/* Trouble that comes again after the service was closed, or when the earlier ticket has left memory. */
#include "keep.h"

static char long_body[2000];

static void define_recurrence(struct desk *d)
{
    usher_queue_t *causes;

    memset(long_body, 'b', sizeof long_body);
    assert_int_equal(usher_queue(d->u, &causes, "causes"), USHER_OK);
    assert_int_equal(usher_define(d->q,
                                  "{\"recurrence\":{\"window\":\"30d\",\"cause_after\":2,"
                                  "\"cause_queue\":\"causes\"}}",
                                  NULL, 0, on_done, d),
                     USHER_OK);
    settle(d);
}

static usher_standing peek(struct desk *d, usher_id id)
{
    usher_standing s = USHER_INIT(usher_standing);

    assert_int_equal(usher_peek(d->u, id, &s), USHER_OK);
    return s;
}

/* Nobody has to name the causes' queue again for it to be found. */
static void test_recurs__a_cause_goes_to_its_queue_after_a_reopen(void **state)
{
    struct desk *d = begin((usher_options){0});
    usher_standing s;
    usher_id first, second;

    (void)state;
    define_recurrence(d);
    first = enqueue(d, (usher_request){.symptom = "slow"});
    reopen(d);
    second = enqueue(d, (usher_request){.symptom = "slow"});
    s = peek(d, second + 1);
    assert_int_equal(s.is_cause, 1);
    assert_string_equal(usher_queue_name(s.queue), "causes");
    assert_int_equal(s.linked, 2);
    assert_int_equal(peek(d, first).cause, second + 1);
    assert_int_equal(peek(d, second).cause, second + 1);
    reopen(d);
    assert_int_equal(peek(d, second + 1).linked, 2);
    end(d);
}

/* A page has brought the earlier ticket back, without its body: it is not linked, for then it would be
 * written as one that has none. */
static void test_recurs__half_a_ticket_is_not_linked(void **state)
{
    struct desk *d = begin((usher_options){.keep_closed = 1});
    usher_id first, other, second;

    (void)state;
    define_recurrence(d);
    first = closed_ticket(
        d, (usher_request){.symptom = "slow", .body = {long_body, sizeof long_body}});
    other = closed_ticket(d, (usher_request){0});
    settle(d);
    assert_int_equal(
        act(d, (usher_command){.verb = USHER_REOPEN, .claim = {other, 0}, .who = "eva"}), USHER_OK);
    read_page(d, (usher_query){.what = USHER_READ_TICKETS, .states = 1u << USHER_CLOSED});
    assert_int_equal(d->page_n, 1);
    assert_int_equal(peek(d, first).state, USHER_CLOSED); /* it is in memory again */
    second = enqueue(d, (usher_request){.symptom = "slow"});
    assert_int_equal(peek(d, second).cause, second + 1);
    assert_int_equal(peek(d, second).follows, first);
    assert_int_equal(peek(d, second + 1).linked, 1);
    assert_int_equal(peek(d, first).cause, 0);
    reopen(d);
    assert_int_equal(peek(d, second + 1).linked, 1);
    read_page(d, (usher_query){.what = USHER_READ_BODY, .ticket = first});
    assert_int_equal(d->page_status, USHER_OK);
    assert_int_equal(strlen(d->text), sizeof long_body);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recurs__a_cause_goes_to_its_queue_after_a_reopen),
        cmocka_unit_test(test_recurs__half_a_ticket_is_not_linked),
    };

    return cmocka_run_group_tests_name("recurs", tests, NULL, NULL);
}
