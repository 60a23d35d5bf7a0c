/* "Where is my request?" What a person may know, as data and in words; and how long others
 * waited, when enough of them did. */
#include "person.h"

static const char quiet[] = "{'lease':{'for':'20h','max':'20h'},"
                            "'aftercare':{'confirm_within':'0s'}}";

/* Claims the next and solves it: whoever waits has waited until now. */
static void serve(struct service *s)
{
    usher_claim c = claim(s, s->ann);

    assert_int_not_equal(c.ticket, 0);
    assert_int_equal(by_agent(s, c, USHER_RESOLVE), USHER_OK);
}

/* ---- how long others waited ------------------------------------------------------------------ */

static void test_standing__says_nothing_of_waits_below_twenty(void **unused)
{
    (void)unused;

    struct service *s = begin(quiet);
    usher_standing p;
    usher_id t;

    for (int i = 0; i < 20; i++)
        ticket(s, "ada", 0);
    for (int i = 1; i <= 19; i++) {
        at(s, i * MINUTE);
        serve(s);
    }
    t = ticket(s, "bea", 0);
    p = peek(s, t);
    assert_int_equal(p.waits, 19);
    assert_int_equal(p.wait_p50_ms, -1);
    assert_int_equal(p.wait_p90_ms, -1);
    at(s, 20 * MINUTE);
    serve(s);
    p = peek(s, t);
    assert_int_equal(p.waits, 20); /* 1 to 20 minutes */
    assert_int_equal(p.wait_p50_ms, 10 * MINUTE);
    assert_int_equal(p.wait_p90_ms, 18 * MINUTE);
    end(s);
}

static void test_standing__is_of_the_last_thirty_days(void **unused)
{
    (void)unused;

    struct service *s = begin(quiet);
    usher_id t;

    for (int i = 0; i < 20; i++)
        ticket(s, "ada", 0);
    for (int i = 1; i <= 20; i++) {
        at(s, i * MINUTE);
        serve(s);
    }
    t = ticket(s, "bea", 0);
    at(s, 30 * DAY + MINUTE - 1);
    assert_int_equal(peek(s, t).waits, 20);
    assert_int_equal(peek(s, t).wait_p90_ms, 18 * MINUTE);
    at(s, 30 * DAY + MINUTE);
    assert_int_equal(peek(s, t).waits, 19);
    assert_int_equal(peek(s, t).wait_p90_ms, -1);
    end(s);
}

static void test_standing__is_of_the_last_two_hundred_of_its_band(void **unused)
{
    (void)unused;

    struct service *s = begin(quiet);
    usher_id t, high;

    for (int i = 0; i < 25; i++)
        ticket(s, "ada", 0);
    at(s, HOUR);
    for (int i = 0; i < 25; i++)
        serve(s);
    for (int i = 0; i < 180; i++)
        ticket(s, "ada", 0);
    at(s, HOUR + MINUTE);
    for (int i = 0; i < 180; i++)
        serve(s);
    t = ticket(s, "bea", 0);
    high = ticket(s, "bea", USHER_HIGH);
    /* 20 of an hour, 180 of a minute: the smallest that nine of ten do not exceed */
    assert_int_equal(peek(s, t).waits, 200);
    assert_int_equal(peek(s, t).wait_p50_ms, MINUTE);
    assert_int_equal(peek(s, t).wait_p90_ms, MINUTE);
    assert_int_equal(peek(s, high).waits, 0);
    assert_int_equal(peek(s, high).wait_p50_ms, -1);
    end(s);
}

/* A wait is that of a person: it ends with the first claim, and begins when he wanted to be
 * served. */
static void test_standing__waits_are_from_the_start_to_the_first_claim(void **unused)
{
    (void)unused;

    struct service *s = begin(quiet);
    usher_request r = { .requester = "ada", .start_at = T0 + DAY };
    usher_claim c;
    usher_id t;

    for (int i = 0; i < 20; i++)
        assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    at(s, DAY + 5 * MINUTE);
    for (int i = 0; i < 20; i++) {
        c = claim(s, s->ann);
        by_agent(s, c, USHER_RELEASE);
        at(s, wall(s) - T0 + MINUTE);
        /* a second time: that is no new wait */
        assert_int_equal(claim(s, s->ann).ticket, c.ticket);
    }
    t = ticket(s, "bea", 0);
    assert_int_equal(peek(s, t).waits, 20);
    assert_int_equal(peek(s, t).wait_p50_ms, 14 * MINUTE); /* 5 to 24 */
    assert_int_equal(peek(s, t).wait_p90_ms, 22 * MINUTE);
    end(s);
}

/* ---- where, who, what next ------------------------------------------------------------------- */

static void test_standing__who_is_ahead_and_why(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':{'high':'1h'}},"
                              "'resolve':{'target':{'high':'4h'}}},'warn':[],"
                              " 'line':{'gap':'10m'}}");
    usher_id first, second, third, high;
    usher_standing p;

    first = ticket(s, "ada", 0);
    at(s, MINUTE);
    second = ticket(s, "ada", 0); /* one person's tickets stand ten minutes apart */
    at(s, 2 * MINUTE);
    third = ticket(s, "bea", 0);
    high = ticket(s, "cleo", USHER_HIGH);

    p = peek(s, first);
    assert_int_equal(p.ahead, 0);
    assert_int_equal(p.ahead_in_queue, 1); /* cleo's, in the band above */
    assert_int_equal(p.rank_at, T0);
    assert_int_equal(p.rank_by, USHER_RANK_ENTRY);
    assert_int_equal(p.rank_from_at, T0);
    assert_int_equal(p.rank_behind_ms, 0);
    p = peek(s, third);
    assert_int_equal(p.ahead, 1);
    p = peek(s, second);
    assert_int_equal(p.ahead, 2);
    assert_int_equal(p.rank_at, T0 + 10 * MINUTE);
    assert_int_equal(p.rank_by, USHER_RANK_ENTRY);
    assert_int_equal(p.rank_from_at, T0 + MINUTE);
    assert_int_equal(p.rank_behind_ms, 9 * MINUTE);
    p = peek(s, high);
    assert_int_equal(p.rank_by, USHER_RANK_DUE);
    assert_int_equal(p.rank_from_at, T0 + 2 * MINUTE + HOUR); /* ack, the nearest */
    assert_int_equal(p.next_word_at, T0 + 2 * MINUTE + HOUR);
    assert_int_equal(p.rank_at, p.rank_from_at + p.rank_behind_ms);
    end(s);
}

static void test_standing__in_every_station(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'},'update':{'target':'2h'},"
                              "'resolve':{'target':'8h'}},"
                              " 'warn':[]}");
    usher_id t = ticket(s, "ada", 0);
    usher_standing p = peek(s, t);
    usher_claim c;

    assert_null(p.holder);
    assert_int_equal(p.next_word_at, T0 + HOUR);
    assert_int_equal(p.due_at, T0 + HOUR);
    c = claim(s, s->ann);
    assert_string_equal(peek(s, t).holder, "ann");
    assert_int_equal(peek(s, t).ahead, -1);
    at(s, 5 * MINUTE);
    assert_int_equal(act(s, (usher_command){ .verb = USHER_UPDATE,
                                             .claim = c,
                                             .text = words("a drum is ordered"),
                                             .at = T0 + HOUR }),
                     USHER_OK);
    p = peek(s, t);
    assert_string_equal(p.last_word.data, "a drum is ordered");
    /* as she has promised: sooner than the policy, which says 02:05 */
    assert_int_equal(p.next_word_at, T0 + HOUR);
    assert_int_equal(p.due_at, T0 + HOUR);
    at(s, 6 * MINUTE);
    holder_says(s, c, USHER_PAUSE, USHER_ON_REQUESTER, "which one?");
    p = peek(s, t);
    assert_int_equal(p.waits_for_you, 1);
    assert_string_equal(p.question.data, "which one?");
    assert_int_equal(p.next_word_at, USHER_NEVER);
    says(s, t, USHER_REPLY, "ada", "the big one");
    p = peek(s, t);
    assert_int_equal(p.waits_for_you, 0);
    assert_int_equal(p.question.len, 0);
    assert_string_equal(p.kept_for, "ann");
    end(s);
}

static void test_standing__why_this_rank_in_words(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'gap':'10m'}}");
    struct looked l;

    ticket(s, "ada", 0);
    ticket(s, "ada", 0);
    l = look(s, (usher_query){ .what = USHER_READ_WHY_RANK, .ticket = 2 });
    assert_int_equal(l.status, USHER_OK);
    assert_string_equal(l.text, "1 ahead in normal of desk, 1 with the bands above; by 2023-11-14 "
                                "22:13:20.000 UTC, when it "
                                "came, for it has no promise, and 10m behind that, for its "
                                "requester has others there");
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standing__says_nothing_of_waits_below_twenty),
        cmocka_unit_test(test_standing__is_of_the_last_thirty_days),
        cmocka_unit_test(test_standing__is_of_the_last_two_hundred_of_its_band),
        cmocka_unit_test(test_standing__waits_are_from_the_start_to_the_first_claim),
        cmocka_unit_test(test_standing__who_is_ahead_and_why),
        cmocka_unit_test(test_standing__in_every_station),
        cmocka_unit_test(test_standing__why_this_rank_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
