/* Promises: what is named, what pauses them, and what another priority or a reopen makes of them. */
#include "rules.h"

enum {
    ACK = USHER_PROMISE_ACK,
    ANSWER = USHER_PROMISE_ANSWER,
    UPDATE = USHER_PROMISE_UPDATE,
    RESOLVE = USHER_PROMISE_RESOLVE,
};
#define BIT(promise) (1 << (promise))

static const char update_1h[] = "{'promises':{'update':{'target':'1h'}},'lease':{'for':'8h'}}";
static const char resolve_4h[] = "{'promises':{'resolve':{'target':'4h'}},'lease':{'for':'8h'}}";
static const char by_priority[] =
    "{'promises':{'resolve':{'target':{'urgent':'1h','high':'4h','normal':'10h'}}}}";

/* ---- a named next word ----------------------------------------------------------------------- */

static int update_by(struct service *s, usher_claim c, int64_t by)
{
    return act(s, (usher_command){ .verb = USHER_UPDATE, .claim = c, .text = TEXT("w"), .at = by });
}

static void test_named__earlier_than_the_policy_counts_alone(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + 20 * MINUTE);
    assert_int_equal(last(s, USHER_EV_UPDATED)->until_at, T0 + 20 * MINUTE);
    assert_int_equal(promise(s, c.ticket, UPDATE).target_ms, 20 * MINUTE);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + 20 * MINUTE);
    at(s, 10 * MINUTE);
    assert_int_equal(last(s, USHER_EV_WARNED)->n, 50); /* of what was named */
    at(s, 20 * MINUTE + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + 20 * MINUTE + 1);
    end(s);
}

static const char update_pauses[] =
    "{'promises':{'update':{'target':'1h','pauses':['third_party']}},'lease':{'for':'8h'}}";

static void test_named__alone_is_not_paused(void **unused)
{
    (void)unused;

    struct service *s = begin(update_pauses);
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + HOUR - 1);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + HOUR - 1);
    at(s, HOUR);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + HOUR);
    end(s);
}

static void test_named__later_than_the_policy_is_a_second_end(void **unused)
{
    (void)unused;

    struct service *s = begin(update_pauses);
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + 2 * HOUR);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + HOUR);
    assert_int_equal(promise(s, c.ticket, UPDATE).target_ms, HOUR);
    at(s, 10 * MINUTE);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + 2 * HOUR); /* it is not paused */
    assert_int_equal(promise(s, c.ticket, UPDATE).left_ms, 50 * MINUTE);
    at(s, 100 * MINUTE);
    assert_int_equal(promise(s, c.ticket, UPDATE).left_ms, 20 * MINUTE);
    at(s, 2 * HOUR);
    assert_int_equal(count(s, USHER_EV_BROKEN), 0);
    at(s, 2 * HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + 2 * HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->due_at, T0 + 2 * HOUR);
    end(s);
}

static void test_named__for_when_the_policy_is_due_is_a_second_end(void **unused)
{
    (void)unused;

    struct service *s = begin(update_pauses);
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + HOUR);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    at(s, 30 * MINUTE);
    assert_int_equal(count(s, USHER_EV_WARNED), 0); /* the policy's target stands still */
    at(s, HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + HOUR + 1);
    end(s);
}

static void test_named__without_a_target_counts_alone(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + DAY);
    assert_int_equal(promise(s, c.ticket, UPDATE).state, USHER_RUNNING);
    assert_int_equal(peek(s, c.ticket).next_word_at, T0 + DAY);
    end(s);
}

static void test_named__free_may_be_later_than_the_policy(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'update':{'target':'1h','named':'free'}}}");
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + DAY);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + DAY);
    assert_int_equal(promise(s, c.ticket, UPDATE).target_ms, DAY);
    end(s);
}

static void test_named__an_instant_that_has_passed_is_refused(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    assert_int_equal(update_by(s, c, T0), USHER_EINVAL);
    assert_int_equal(update_by(s, c, T0 + 1), USHER_OK);
    end(s);
}

static void test_named__is_forgotten_by_the_next_word(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + 5 * MINUTE);
    by_agent(s, c, USHER_UPDATE);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + HOUR);
    end(s);
}

static void test_named__is_asked_again_at_a_new_priority(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'update':{'target':{'high':'1h','normal':'4h'}}},"
                              "'lease':{'for':'8h'}}");
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + 2 * HOUR); /* alone: 2 h < 4 h */
    assert_int_equal(promise(s, c.ticket, UPDATE).target_ms, 2 * HOUR);
    reprioritise(s, c.ticket, USHER_HIGH); /* a second end: 1 h < 2 h */
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + HOUR);
    reprioritise(s, c.ticket, USHER_LOW); /* no target: alone */
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + 2 * HOUR);
    assert_int_equal(promise(s, c.ticket, UPDATE).arming, 1);
    end(s);
}

/* ---- resolve, and what pauses ---------------------------------------------------------------- */

static void test_resolve__stands_still_for_every_reason(void **unused)
{
    (void)unused;

    for (int on = USHER_ON_REQUESTER; on <= USHER_UNTIL; on++) {
        struct service *s = begin(resolve_4h);
        usher_claim c = held(s, "ada");

        at(s, HOUR);
        pause(s, c, on, T0 + 9 * HOUR);
        assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, USHER_NEVER);
        at(s, 8 * HOUR);
        assert_int_equal(promise(s, c.ticket, RESOLVE).left_ms, 3 * HOUR);
        at(s, 9 * HOUR);
        assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 12 * HOUR);
        end(s);
    }
}

static void test_resolve__stands_still_for_the_reasons_of_its_policy(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'resolve':{'target':'4h','pauses':['until']}}}");
    usher_claim c = held(s, "ada"), d = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    pause(s, d, USHER_UNTIL, T0 + HOUR);
    at(s, HOUR);
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 4 * HOUR);
    assert_int_equal(promise(s, d.ticket, RESOLVE).due_at, T0 + 5 * HOUR);
    end(s);
}

static void test_resolve__two_reasons_at_once_pause_it_once(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, T0 + 3 * HOUR);
    at(s, HOUR);
    pause(s, c, USHER_UNTIL, T0 + 5 * HOUR);
    at(s, 3 * HOUR);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED);
    at(s, 5 * HOUR);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 9 * HOUR);
    end(s);
}

static void test_resolve__is_warned_of_by_what_is_used(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, HOUR);
    pause(s, c, USHER_UNTIL, T0 + 10 * HOUR);
    at(s, 11 * HOUR - 1);
    assert_int_equal(count(s, USHER_EV_WARNED), 0);
    at(s, 11 * HOUR);
    assert_int_equal(last(s, USHER_EV_WARNED)->n, 50);
    end(s);
}

static void test_resolve__a_due_that_is_reached_stays_while_it_is_paused(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, 4 * HOUR);
    pause(s, c, USHER_UNTIL, T0 + 6 * HOUR);
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 4 * HOUR);
    at(s, 6 * HOUR);
    assert_int_equal(count(s, USHER_EV_BROKEN), 0); /* used is the target, not more */
    at(s, 6 * HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + 6 * HOUR + 1);
    end(s);
}

static void test_resolve__what_is_broken_stays_broken_in_a_pause(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, 5 * HOUR);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(promise(s, c.ticket, RESOLVE).state, USHER_BROKEN);
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 4 * HOUR);
    end(s);
}

static void test_resolve__goes_on_where_it_was_after_a_reopen(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, 3 * HOUR); /* the warning of 50 per cent has been told */
    by_agent(s, c, USHER_RESOLVE);
    assert_int_equal(last(s, USHER_EV_RESOLVED)->kept, BIT(RESOLVE));
    assert_int_equal(promise(s, c.ticket, RESOLVE).state, USHER_KEPT);
    at(s, 10 * HOUR);
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    assert_int_equal(promise(s, c.ticket, RESOLVE).state, USHER_RUNNING);
    assert_int_equal(promise(s, c.ticket, RESOLVE).arming, 1);
    assert_int_equal(promise(s, c.ticket, RESOLVE).start_at, T0);
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 11 * HOUR);
    at(s, 12 * HOUR);
    assert_int_equal(count(s, USHER_EV_WARNED), 2);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + 11 * HOUR + 1);
    end(s);
}

static void test_resolve__goes_on_after_a_reopen_from_closed(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, HOUR);
    by_agent(s, c, USHER_RESOLVE);
    at(s, 2 * HOUR);
    by_person(s, c.ticket, USHER_CONFIRM, "ada");
    at(s, DAY);
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + DAY + 3 * HOUR);
    end(s);
}

static void test_resolve__is_warned_of_at_the_reopen_if_a_resolve_forestalled_it(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'resolve':{'target':'2h','pauses':[]}},"
                              "'pause':{'requester':{'max':'1h','then':'resolve'}}}");
    usher_claim c = held(s, "ada");
    uint32_t from;

    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, 3 * HOUR); /* resolved after an hour, in the ms of the warning of 50 per cent */
    assert_int_equal(count(s, USHER_EV_WARNED), 0);
    from = s->seen_n;
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    EXPECT_EVENTS(s, from, USHER_EV_REOPENED, USHER_EV_WARNED);
    assert_int_equal(s->seen[from + 1].at, T0 + 3 * HOUR);
    assert_int_equal(s->seen[from + 1].n, 50);
    end(s);
}

static void test_resolve__that_was_broken_is_not_kept_by_a_reopen(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, 5 * HOUR);
    by_agent(s, c, USHER_RESOLVE);
    assert_int_equal(last(s, USHER_EV_RESOLVED)->kept, 0);
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    assert_int_equal(promise(s, c.ticket, RESOLVE).state, USHER_BROKEN);
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 4 * HOUR); /* owed again */
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_BROKEN), 1);
    end(s);
}

static void test_promises__all_are_stopped_by_a_resolve(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'},'answer':{'target':'1h'},"
                              "'resolve':{'target':'1h'}}}");
    usher_claim c = held(s, "ada");

    by_person(s, c.ticket, USHER_ASK, "ada");
    by_agent(s, c, USHER_RESOLVE);
    assert_int_equal(last(s, USHER_EV_RESOLVED)->kept, BIT(ACK) | BIT(ANSWER) | BIT(RESOLVE));
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_BROKEN) + count(s, USHER_EV_WARNED), 0);
    end(s);
}

static void test_promises__lapse_with_the_last_person(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'},'resolve':{'target':'4h'}}}");
    usher_id t = ticket(s, "ada", 0);

    at(s, HOUR + 1);
    by_person(s, t, USHER_WITHDRAW, "ada");
    assert_int_equal(last(s, USHER_EV_WITHDRAWN)->lapsed, BIT(RESOLVE)); /* ack is broken */
    assert_int_equal(promise(s, t, RESOLVE).state, USHER_LAPSED);
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_BROKEN), 1);
    end(s);
}

/* ---- another priority ------------------------------------------------------------------------ */

static void test_priority__gives_another_target_from_the_same_start(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", 0);

    at(s, 30 * MINUTE);
    reprioritise(s, t, USHER_HIGH);
    assert_int_equal(promise(s, t, RESOLVE).start_at, T0);
    assert_int_equal(promise(s, t, RESOLVE).due_at, T0 + 4 * HOUR);
    assert_int_equal(promise(s, t, RESOLVE).arming, 1);
    end(s);
}

static void test_priority__that_breaks_a_promise_says_so_at_once(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", 0);
    uint32_t from;

    at(s, HOUR + 1);
    from = s->seen_n;
    reprioritise(s, t, USHER_URGENT);
    EXPECT_EVENTS(s, from, USHER_EV_REPRIORITISED, USHER_EV_BROKEN);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->due_at, T0 + HOUR);
    end(s);
}

static void test_priority__that_puts_warnings_in_the_past_tells_the_highest(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", 0);
    uint32_t from;

    at(s, HOUR);
    from = s->seen_n;
    reprioritise(s, t, USHER_URGENT);
    EXPECT_EVENTS(s, from, USHER_EV_REPRIORITISED, USHER_EV_WARNED);
    assert_int_equal(last(s, USHER_EV_WARNED)->n, 80);
    reprioritise(s, t, USHER_NORMAL);
    at(s, 9 * HOUR);
    assert_int_equal(count(s, USHER_EV_WARNED), 1); /* both count as told */
    end(s);
}

static void test_priority__without_a_target_lets_a_promise_lapse(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", 0);

    reprioritise(s, t, USHER_LOW);
    assert_int_equal(last(s, USHER_EV_REPRIORITISED)->lapsed, BIT(RESOLVE));
    assert_int_equal(promise(s, t, RESOLVE).state, USHER_LAPSED);
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_BROKEN) + count(s, USHER_EV_WARNED), 0);
    end(s);
}

static void test_priority__makes_a_promise_that_was_silent(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", USHER_LOW);

    at(s, 20 * MINUTE);
    reprioritise(s, t, USHER_URGENT);
    assert_int_equal(promise(s, t, RESOLVE).state, USHER_RUNNING);
    assert_int_equal(promise(s, t, RESOLVE).start_at, T0);
    assert_int_equal(promise(s, t, RESOLVE).arming, 1);
    end(s);
}

static void test_priority__makes_a_promise_that_had_lapsed(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", USHER_URGENT);

    at(s, 30 * MINUTE); /* warned of */
    reprioritise(s, t, USHER_LOW);
    reprioritise(s, t, USHER_URGENT);
    assert_int_equal(promise(s, t, RESOLVE).state, USHER_RUNNING);
    assert_int_equal(promise(s, t, RESOLVE).arming, 2);
    assert_int_equal(count(s, USHER_EV_WARNED), 2); /* a new arming is warned of anew */
    end(s);
}

static void test_priority__does_not_mend_what_is_broken(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", USHER_URGENT);

    at(s, 2 * HOUR);
    reprioritise(s, t, USHER_NORMAL);
    assert_int_equal(promise(s, t, RESOLVE).state, USHER_BROKEN);
    assert_int_equal(promise(s, t, RESOLVE).target_ms, HOUR);
    reprioritise(s, t, USHER_LOW);
    assert_int_equal(last(s, USHER_EV_REPRIORITISED)->lapsed, 0);
    end(s);
}

static void test_priority__the_same_one_is_an_event_and_nothing_else(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", 0);
    usher_standing before, after;

    at(s, HOUR);
    before = peek(s, t);
    assert_int_equal(reprioritise(s, t, USHER_NORMAL), USHER_OK);
    after = peek(s, t);
    assert_int_equal(count(s, USHER_EV_REPRIORITISED), 1);
    assert_int_equal(after.rank_at, before.rank_at);
    assert_memory_equal(after.promises, before.promises, sizeof after.promises);
    end(s);
}

/* ---- why ------------------------------------------------------------------------------------- */

static void add_up(usher_t *u, int status, const usher_page *p, void *user)
{
    int64_t *ms = user;

    (void)u;
    assert_int_equal(status, USHER_OK);
    for (uint64_t i = 0; i < p->n; i++)
        *ms += p->spans[i].ms;
}

static int64_t sum_of_why(struct service *s, usher_id id)
{
    usher_query q = { .size = sizeof q, .what = USHER_READ_WHY_DUE, .ticket = id,
                      .promise = RESOLVE };
    int64_t ms = 0;

    assert_int_equal(usher_read(s->u, &q, add_up, &ms), USHER_OK);
    run(s);
    return ms;
}

static void test_why_due__adds_up_to_the_target_or_without_a_due_to_what_is_used(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, HOUR);
    assert_int_equal(sum_of_why(s, c.ticket), 4 * HOUR);
    pause(s, c, USHER_UNTIL, T0 + 2 * HOUR);
    at(s, 100 * MINUTE);
    assert_int_equal(sum_of_why(s, c.ticket), HOUR);
    at(s, 150 * MINUTE);
    assert_int_equal(sum_of_why(s, c.ticket), 4 * HOUR);
    at(s, 10 * HOUR);
    assert_int_equal(sum_of_why(s, c.ticket), 4 * HOUR);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named__earlier_than_the_policy_counts_alone),
        cmocka_unit_test(test_named__alone_is_not_paused),
        cmocka_unit_test(test_named__later_than_the_policy_is_a_second_end),
        cmocka_unit_test(test_named__for_when_the_policy_is_due_is_a_second_end),
        cmocka_unit_test(test_named__without_a_target_counts_alone),
        cmocka_unit_test(test_named__free_may_be_later_than_the_policy),
        cmocka_unit_test(test_named__an_instant_that_has_passed_is_refused),
        cmocka_unit_test(test_named__is_forgotten_by_the_next_word),
        cmocka_unit_test(test_named__is_asked_again_at_a_new_priority),
        cmocka_unit_test(test_resolve__stands_still_for_every_reason),
        cmocka_unit_test(test_resolve__stands_still_for_the_reasons_of_its_policy),
        cmocka_unit_test(test_resolve__two_reasons_at_once_pause_it_once),
        cmocka_unit_test(test_resolve__is_warned_of_by_what_is_used),
        cmocka_unit_test(test_resolve__a_due_that_is_reached_stays_while_it_is_paused),
        cmocka_unit_test(test_resolve__what_is_broken_stays_broken_in_a_pause),
        cmocka_unit_test(test_resolve__goes_on_where_it_was_after_a_reopen),
        cmocka_unit_test(test_resolve__goes_on_after_a_reopen_from_closed),
        cmocka_unit_test(test_resolve__is_warned_of_at_the_reopen_if_a_resolve_forestalled_it),
        cmocka_unit_test(test_resolve__that_was_broken_is_not_kept_by_a_reopen),
        cmocka_unit_test(test_promises__all_are_stopped_by_a_resolve),
        cmocka_unit_test(test_promises__lapse_with_the_last_person),
        cmocka_unit_test(test_priority__gives_another_target_from_the_same_start),
        cmocka_unit_test(test_priority__that_breaks_a_promise_says_so_at_once),
        cmocka_unit_test(test_priority__that_puts_warnings_in_the_past_tells_the_highest),
        cmocka_unit_test(test_priority__without_a_target_lets_a_promise_lapse),
        cmocka_unit_test(test_priority__makes_a_promise_that_was_silent),
        cmocka_unit_test(test_priority__makes_a_promise_that_had_lapsed),
        cmocka_unit_test(test_priority__does_not_mend_what_is_broken),
        cmocka_unit_test(test_priority__the_same_one_is_an_event_and_nothing_else),
        cmocka_unit_test(test_why_due__adds_up_to_the_target_or_without_a_due_to_what_is_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
