/* What keeps coming: when a symptom has recurred, and what a ticket about the cause of others may do.
 * What the engine keeps and carries out, who is linked and since when, is given here by hand. */
#include "alone.h"

enum { SYMPTOM = 31, PROBLEMS = 3, LEAD = 9 };

/* A desk that wants a cause to be looked for at the third ticket. */
static struct alone *desk(void)
{
    static const char *const names[] = { "lead", "problems" };
    struct alone *w = alone();

    w->policy.names = names;
    w->policy.names_n = 2;
    w->policy.cause_queue = 2;
    w->known.cause_queue = PROBLEMS;
    return w;
}

static void enqueue_with(struct alone *w, uint32_t symptom, int kind, usher_id follows)
{
    w->t = (struct ticket){ .id = 77, .queue = DESK, .policy = 1, .requester = ADA, .persons_n = 1,
                            .priority = USHER_NORMAL };
    make_room(w, ROOM_EXTRA);
    w->t.extra->symptom = symptom;
    assert_int_equal(say(w, (struct command){ .verb = VERB_ENQUEUE, .kind = kind, .who = ADA,
                                              .other = follows }), 0);
}

/* It has come so often before, by the same person; the latest one was 42. */
static void came(struct alone *w, uint32_t recent, uint32_t recent_by)
{
    w->known.recent = recent;
    w->known.recent_by = recent_by;
    w->known.earlier = recent > 0 ? 42 : 0;
}

/* ---- recurrence ------------------------------------------------------------------------------ */

static void test_recur__the_first_of_a_symptom_says_nothing(void **unused)
{
    struct alone *w = desk();

    (void)unused;
    came(w, 0, 0);
    enqueue_with(w, SYMPTOM, 0, 0);
    EXPECT(w, 0, "enqueued @0 n0");
    assert_int_equal(w->out.effects, 0);
    assert_int_equal(w->t.extra->follows, 0);
    assert_int_equal(w->t.extra->cause, 0);
    assert_false(usher__is_cause(&w->t));
    end(w);
}

static void test_recur__a_second_says_how_often_and_by_whom(void **unused)
{
    struct alone *w = desk();
    const struct event *e;

    (void)unused;
    came(w, 1, 0);
    enqueue_with(w, SYMPTOM, 0, 0);
    EXPECT(w, 0, "enqueued @0 n0", "recurred @0 n2");
    e = last(w, USHER_EV_RECURRED);
    assert_int_equal(e->how, 1); /* his first */
    assert_int_equal(e->other, 42);
    assert_int_equal(e->who, ADA);
    assert_int_equal(w->t.extra->follows, 42);
    assert_int_equal(w->t.extra->cause, 0);
    assert_int_equal(w->out.effects, 0);
    end(w);
}

static void test_recur__the_ticket_that_was_named_is_what_it_follows(void **unused)
{
    struct alone *w = desk();

    (void)unused;
    came(w, 2, 2);
    w->policy.cause_queue = 0;
    enqueue_with(w, SYMPTOM, 0, 40);
    assert_int_equal(w->t.extra->follows, 40);
    assert_int_equal(last(w, USHER_EV_RECURRED)->other, 42);
    assert_int_equal(last(w, USHER_EV_RECURRED)->how, 3);
    end(w);

    w = desk(); /* without a symptom no fact about one counts */
    came(w, 2, 2);
    w->known.cause = 50;
    enqueue_with(w, 0, 0, 40);
    EXPECT(w, 0, "enqueued @0 n0");
    assert_int_equal(w->t.extra->follows, 40);
    assert_int_equal(w->t.extra->cause, 0);
    end(w);
}

static void test_recur__so_often_that_a_cause_is_opened(void **unused)
{
    (void)unused;
    for (uint32_t recent = 0; recent < 5; recent++) {
        struct alone *w = desk();

        came(w, recent, 0);
        enqueue_with(w, SYMPTOM, 0, 0);
        assert_int_equal(w->out.effects, recent >= 2 ? EFFECT_OPEN_CAUSE : 0);
        assert_int_equal(count(w, USHER_EV_RECURRED), recent > 0);
        assert_int_equal(count(w, USHER_EV_NO_QUEUE), 0);
        end(w);
    }
}

static void test_recur__without_a_queue_for_causes_none_is_opened(void **unused)
{
    (void)unused;
    for (uint32_t recent = 0; recent < 5; recent++) {
        struct alone *w = desk();

        came(w, recent, 0);
        w->policy.cause_queue = 0; /* the policy names none */
        enqueue_with(w, SYMPTOM, 0, 0);
        assert_int_equal(w->out.effects, 0);
        assert_int_equal(count(w, USHER_EV_NO_QUEUE), 0);
        end(w);

        w = desk();
        came(w, recent, 0);
        w->known.cause_queue = 0; /* there is none of that name: told once, when it is wanted first */
        enqueue_with(w, SYMPTOM, 0, 0);
        assert_int_equal(w->out.effects, 0);
        assert_int_equal(count(w, USHER_EV_NO_QUEUE), recent == 2);
        if (recent == 2) {
            assert_int_equal(last(w, USHER_EV_NO_QUEUE)->name, 2);
            assert_string_equal(last(w, USHER_EV_NO_QUEUE)->rule, "recurrence.cause_queue");
        }
        end(w);
    }
}

static void test_recur__an_open_cause_is_linked_whatever_the_count(void **unused)
{
    (void)unused;
    for (uint32_t recent = 0; recent < 5; recent++) {
        struct alone *w = desk();

        came(w, recent, 0);
        w->known.cause = 50;
        w->policy.cause_queue = recent % 2 * 2; /* whether the policy would open one or not */
        enqueue_with(w, SYMPTOM, 0, 0);
        assert_int_equal(w->out.effects, EFFECT_LINKED);
        assert_int_equal(w->t.extra->cause, 50);
        assert_int_equal(last(w, USHER_EV_LINKED)->other, 50);
        assert_int_equal(w->heard[w->heard_n - 1].kind, USHER_EV_LINKED);
        end(w);
    }
}

static void test_recur__a_cause_is_no_occurrence(void **unused)
{
    struct alone *w = desk();

    (void)unused;
    came(w, 4, 4);
    w->known.cause = 50;
    enqueue_with(w, SYMPTOM, ENQUEUE_CAUSE, 0);
    EXPECT(w, 0, "enqueued @0 n0");
    assert_int_equal(w->out.effects, 0);
    assert_int_equal(w->t.extra->cause, 0);
    assert_int_equal(w->t.extra->follows, 0);
    assert_true(usher__is_cause(&w->t));
    end(w);
}

static void test_recur__a_join_is_none(void **unused)
{
    struct alone *w = desk();
    struct person room[2];

    (void)unused;
    enqueue_with(w, SYMPTOM, 0, 0);
    came(w, 4, 4);
    w->known.cause = 50;
    w->t.extra->persons = room;
    assert_int_equal(say(w, (struct command){ .verb = VERB_JOIN, .who = LEAD,
                                              .priority = USHER_NORMAL }), 0);
    EXPECT(w, 0, "enqueued @0 n0", "joined @0 n0");
    end(w);
}

/* Also of one that starts later. */
static void test_recur__is_judged_when_it_comes(void **unused)
{
    struct alone *w = desk();

    (void)unused;
    came(w, 2, 0);
    w->t = (struct ticket){ .id = 77, .queue = DESK, .policy = 1, .requester = ADA, .persons_n = 1,
                            .priority = USHER_NORMAL };
    make_room(w, ROOM_EXTRA);
    w->t.extra->symptom = SYMPTOM;
    assert_int_equal(say(w, (struct command){ .verb = VERB_ENQUEUE, .who = ADA,
                                              .at = MONDAY + HOUR }), 0);
    assert_int_equal(w->out.effects, EFFECT_OPEN_CAUSE);
    to(w, HOUR);
    EXPECT(w, 0, "enqueued @0 n0", "recurred @0 n3", "started @3600000 n0");
    assert_int_equal(w->out.effects, 0);
    end(w);
}

/* ---- links ----------------------------------------------------------------------------------- */

static int link_to(struct alone *w, usher_id other)
{
    return say(w, (struct command){ .verb = USHER_LINK, .who = LEAD, .other = other });
}

/* What the engine knows of the other ticket. */
static void there_is(struct alone *w, usher_id other, int state, uint32_t linked)
{
    w->known.cause = other;
    w->known.cause_state = (uint8_t)state;
    w->known.cause_linked = linked;
}

static void test_link__ties_a_ticket_to_its_cause(void **unused)
{
    struct alone *w = desk();

    (void)unused;
    enqueue(w, NORMAL);
    assert_null(w->t.extra);
    there_is(w, 50, USHER_PAUSED, 0);
    assert_int_equal(link_to(w, 50), 0);
    assert_int_equal(w->out.effects, EFFECT_LINKED);
    assert_int_equal(w->t.extra->cause, 50);
    assert_int_equal(w->t.state, USHER_WAITING);
    assert_int_equal(last(w, USHER_EV_LINKED)->other, 50);
    assert_int_equal(last(w, USHER_EV_LINKED)->who, LEAD);
    /* ... to another one; to none any more, and that only once */
    there_is(w, 51, USHER_WAITING, 7);
    assert_int_equal(link_to(w, 51), 0);
    assert_int_equal(w->t.extra->cause, 51);
    there_is(w, 0, 0, 0);
    assert_int_equal(link_to(w, 0), 0);
    assert_int_equal(w->out.effects, EFFECT_LINKED);
    assert_int_equal(w->t.extra->cause, 0);
    assert_int_equal(last(w, USHER_EV_LINKED)->other, 0);
    assert_int_equal(link_to(w, 0), USHER_ESTATE);
    end(w);
}

static void test_link__only_to_a_ticket_that_is_open(void **unused)
{
    static const int states[] = { USHER_SCHEDULED, USHER_WAITING, USHER_CLAIMED, USHER_OFFERED,
                                  USHER_PAUSED, USHER_STUCK, USHER_RESOLVED, USHER_CLOSED,
                                  USHER_WITHDRAWN };
    struct alone *w = desk();

    (void)unused;
    enqueue(w, NORMAL);
    there_is(w, 0, 0, 0);
    assert_int_equal(link_to(w, 50), USHER_ENOENT);
    for (int i = 0; i < 9; i++) {
        there_is(w, 50, states[i], 0);
        assert_int_equal(link_to(w, 50), i < 6 ? 0 : USHER_ESTATE);
    }
    there_is(w, w->t.id, USHER_WAITING, 0);
    assert_int_equal(link_to(w, w->t.id), USHER_ESTATE);
    end(w);
}

static void test_link__a_cause_has_so_many(void **unused)
{
    struct alone *w = desk();

    (void)unused;
    enqueue(w, NORMAL);
    there_is(w, 50, USHER_WAITING, USHER_LINKS_MAX);
    assert_int_equal(link_to(w, 50), USHER_ELIMIT);
    there_is(w, 50, USHER_WAITING, USHER_LINKS_MAX - 1);
    assert_int_equal(link_to(w, 50), 0);
    /* told again, listed once */
    there_is(w, 50, USHER_WAITING, USHER_LINKS_MAX);
    w->t.extra->linked = true;
    assert_int_equal(link_to(w, 50), 0);
    assert_int_equal(count(w, USHER_EV_LINKED), 2);
    w->t.extra->linked = false; /* that one was over meanwhile */
    assert_int_equal(link_to(w, 50), USHER_ELIMIT);
    end(w);
}

static void test_link__is_told_of_the_cause_too(void **unused)
{
    struct alone *w = desk();

    (void)unused;
    enqueue(w, NORMAL);
    assert_int_equal(say(w, (struct command){ .verb = VERB_LINKED, .who = LEAD, .other = 12 }), 0);
    assert_int_equal(last(w, USHER_EV_LINKED)->other, 12);
    assert_int_equal(w->out.effects, 0);
    assert_int_equal(w->t.extra->cause, 0);
    assert_false(usher__is_cause(&w->t)); /* until the engine has listed one */
    w->t.extra->linked_n = 1;
    assert_true(usher__is_cause(&w->t));
    end(w);
}

/* ---- what becomes of a cause ----------------------------------------------------------------- */

/* A cause in an agent's hands, an hour after it was opened. */
static struct alone *cause(void)
{
    struct alone *w = desk();

    promise_all(&w->policy, UPDATE, 8 * HOUR);
    promise_all(&w->policy, RESOLVE, 80 * HOUR);
    enqueue_with(w, SYMPTOM, ENQUEUE_CAUSE, 0);
    claim(w);
    to(w, HOUR);
    return w;
}

static int resolve_as(struct alone *w, int kind)
{
    return say(w, (struct command){ .verb = USHER_RESOLVE, .kind = kind, .token = w->t.token,
                                    .at = MONDAY + 3 * HOUR, .who = AGENT });
}

static void test_cause__a_workaround_is_an_update_of_it(void **unused)
{
    struct alone *w = cause();
    uint64_t token = w->t.token;
    const struct event *e;

    (void)unused;
    assert_int_equal(resolve_as(w, USHER_AS_WORKAROUND), 0);
    assert_int_equal(w->out.effects, EFFECT_TELL_LINKED);
    assert_int_equal(w->t.state, USHER_CLAIMED);
    assert_int_equal(w->t.token, token);
    e = last(w, USHER_EV_UPDATED);
    assert_int_equal(e->how, USHER_AS_WORKAROUND);
    assert_int_equal(e->until_at, 0); /* `at` is no promise of a resolve */
    assert_int_equal(e->word, HOUR + 1);
    assert_int_equal(e->held, 0);
    assert_int_equal(count(w, USHER_EV_RESOLVED), 0);
    assert_true((w->t.flags & TICKET_ACKNOWLEDGED) != 0);
    assert_int_equal(usher__promise_due(&w->t, &w->policy, UPDATE), MONDAY + 9 * HOUR);
    assert_int_equal(usher__promise_due(&w->t, &w->policy, RESOLVE), MONDAY + 80 * HOUR);
    assert_int_equal(w->t.until_at, w->now + w->here.lease_for);
    to(w, 2 * HOUR);
    assert_int_equal(resolve_as(w, USHER_AS_WORKAROUND), 0); /* a better one */
    assert_int_equal(last(w, USHER_EV_UPDATED)->kept, 1u << USHER_PROMISE_UPDATE);
    assert_true((w->t.flags & CLAIM_ALIVE) != 0);
    end(w);
}

/* In the states in which an update is legal it stays what it is. */
static void test_cause__a_workaround_ends_no_pause_and_no_offer(void **unused)
{
    struct alone *w = cause();

    (void)unused;
    pause_until(w, USHER_ON_THIRD_PARTY, 10 * HOUR);
    assert_int_equal(resolve_as(w, USHER_AS_WORKAROUND), 0);
    assert_int_equal(w->t.state, USHER_PAUSED);
    assert_int_equal(w->out.effects, EFFECT_TELL_LINKED);
    end(w);

    w = cause();
    assert_int_equal(say(w, (struct command){ .verb = USHER_HAND_OFF, .token = w->t.token,
                                              .queue = TIER2 }), 0);
    assert_int_equal(resolve_as(w, USHER_AS_WORKAROUND), 0);
    assert_int_equal(w->t.state, USHER_OFFERED);
    assert_int_equal(resolve_as(w, USHER_AS_FIX), 0);
    assert_int_equal(w->t.state, USHER_RESOLVED);
    assert_int_equal(w->t.extra->offer_queue, 0);
    end(w);
}

static void test_cause__a_fix_resolves_it_and_is_told(void **unused)
{
    static const struct {
        int kind, how;
        bool told;
    } cases[] = { { USHER_AS_FIX, USHER_AS_FIX, true },
                  { 0, USHER_AS_ANSWERED, false },
                  { USHER_AS_ANSWERED, USHER_AS_ANSWERED, false } };

    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct alone *w = cause();

        assert_int_equal(resolve_as(w, cases[i].kind), 0);
        assert_int_equal(w->t.state, USHER_RESOLVED);
        assert_int_equal(last(w, USHER_EV_RESOLVED)->how, cases[i].how);
        assert_int_equal(w->out.effects, cases[i].told ? EFFECT_TELL_LINKED : 0);
        end(w);
    }
}

static void test_cause__of_any_other_ticket_a_workaround_resolves(void **unused)
{
    struct alone *w = desk();

    (void)unused;
    enqueue_with(w, SYMPTOM, 0, 0);
    claim(w);
    assert_int_equal(resolve_as(w, USHER_AS_WORKAROUND), 0);
    assert_int_equal(w->t.state, USHER_RESOLVED);
    assert_int_equal(last(w, USHER_EV_RESOLVED)->how, USHER_AS_WORKAROUND);
    assert_int_equal(w->out.effects, 0);
    end(w);
}

/* ---- what is told to those that are linked ----------------------------------------------------- */

static int told(struct alone *w, int kind)
{
    return say(w, (struct command){ .verb = VERB_TOLD, .kind = kind, .who = AGENT, .other = 50 });
}

static void test_told__open_ones_hear_of_it_and_served_ones_are_asked(void **unused)
{
    struct alone *w = desk();

    (void)unused;
    w->policy.confirm_within = DAY;
    promise_all(&w->policy, ACK, 10 * HOUR);
    enqueue(w, NORMAL);
    for (int i = 0; i < 4; i++) { /* waiting, claimed, resolved, closed */
        int64_t due = usher__promise_due(&w->t, &w->policy, ACK);
        uint8_t state = w->t.state;

        assert_int_equal(told(w, USHER_AS_WORKAROUND), 0);
        assert_int_equal(last(w, USHER_EV_CAUSE_TOLD)->how, USHER_AS_WORKAROUND);
        assert_int_equal(last(w, USHER_EV_CAUSE_TOLD)->other, 50);
        assert_int_equal(count(w, USHER_EV_CAUSE_TOLD), i < 2 ? 2 * i + 1 : i + 3);
        assert_int_equal(told(w, USHER_AS_FIX), 0);
        assert_int_equal(count(w, USHER_EV_CHECK_IN), i < 2 ? 0 : i - 1);
        assert_int_equal(count(w, USHER_EV_CAUSE_TOLD), i < 2 ? 2 * i + 2 : i + 3);
        assert_int_equal(w->t.state, state);
        assert_int_equal(usher__promise_due(&w->t, &w->policy, ACK), due);
        if (i == 0)
            claim(w);
        else if (i == 1)
            by_holder(w, USHER_RESOLVE);
        else if (i == 2)
            to(w, DAY);
    }
    assert_int_equal(w->t.state, USHER_CLOSED);
    assert_int_equal(last(w, USHER_EV_CHECK_IN)->n, 0);
    assert_int_equal(last(w, USHER_EV_CHECK_IN)->how, USHER_AS_FIX);
    assert_int_equal(last(w, USHER_EV_CHECK_IN)->other, 50);
    assert_null(last(w, USHER_EV_CHECK_IN)->rule);
    assert_int_equal(w->t.checked_in, 0); /* those of the policy are counted apart */
    end(w);
}

static void test_told__one_that_was_withdrawn_hears_nothing(void **unused)
{
    struct alone *w = desk();

    (void)unused;
    enqueue(w, NORMAL);
    assert_int_equal(say(w, (struct command){ .verb = USHER_WITHDRAW, .who = ADA }), 0);
    assert_int_equal(told(w, USHER_AS_FIX), USHER_ESTATE);
    assert_int_equal(link_to(w, 0), USHER_ESTATE);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recur__the_first_of_a_symptom_says_nothing),
        cmocka_unit_test(test_recur__a_second_says_how_often_and_by_whom),
        cmocka_unit_test(test_recur__the_ticket_that_was_named_is_what_it_follows),
        cmocka_unit_test(test_recur__so_often_that_a_cause_is_opened),
        cmocka_unit_test(test_recur__without_a_queue_for_causes_none_is_opened),
        cmocka_unit_test(test_recur__an_open_cause_is_linked_whatever_the_count),
        cmocka_unit_test(test_recur__a_cause_is_no_occurrence),
        cmocka_unit_test(test_recur__a_join_is_none),
        cmocka_unit_test(test_recur__is_judged_when_it_comes),
        cmocka_unit_test(test_link__ties_a_ticket_to_its_cause),
        cmocka_unit_test(test_link__only_to_a_ticket_that_is_open),
        cmocka_unit_test(test_link__a_cause_has_so_many),
        cmocka_unit_test(test_link__is_told_of_the_cause_too),
        cmocka_unit_test(test_cause__a_workaround_is_an_update_of_it),
        cmocka_unit_test(test_cause__a_workaround_ends_no_pause_and_no_offer),
        cmocka_unit_test(test_cause__a_fix_resolves_it_and_is_told),
        cmocka_unit_test(test_cause__of_any_other_ticket_a_workaround_resolves),
        cmocka_unit_test(test_told__open_ones_hear_of_it_and_served_ones_are_asked),
        cmocka_unit_test(test_told__one_that_was_withdrawn_hears_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
