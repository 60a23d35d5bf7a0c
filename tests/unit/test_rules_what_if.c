/* What applying a later version of a policy would do, asked beforehand. */
#include "alone.h"

/* `resolve` within the target. */
static struct alone *promised(int64_t target)
{
    struct alone *w = alone();

    promise_all(&w->policy, RESOLVE, target);
    return w;
}

/* What it foretells is what becomes of it, and nothing of the ticket changes by asking. */
static void foretold(struct alone *w, const struct policy *later)
{
    struct due_change told[PROMISES];
    struct ticket before = w->t;
    int state[PROMISES];
    bool changes[PROMISES];

    for (int ix = 0; ix < PROMISES; ix++) {
        state[ix] = w->t.promise[ix].state;
        changes[ix] = usher__what_if(&w->t, &w->policy, later, ix, w->now, &told[ix]);
        assert_true(told[ix].from_at == usher__promise_due(&w->t, &w->policy, ix));
    }
    assert_memory_equal(&w->t, &before, sizeof before);
    apply(w, later);
    for (int ix = 0; ix < PROMISES; ix++) {
        const struct promise *m = &w->t.promise[ix];
        bool made = state[ix] != USHER_RUNNING && state[ix] != USHER_BROKEN &&
                    state[ix] != USHER_KEPT &&
                    (m->state == USHER_RUNNING || m->state == USHER_BROKEN);

        assert_true(told[ix].to_at == usher__promise_due(&w->t, later, ix));
        assert_int_equal(told[ix].lapses, state[ix] == USHER_RUNNING && m->state == USHER_LAPSED);
        assert_int_equal(told[ix].breaks, state[ix] != USHER_BROKEN && m->state == USHER_BROKEN);
        assert_int_equal(told[ix].starts, made);
        assert_int_equal(changes[ix], told[ix].from_at != told[ix].to_at || told[ix].lapses ||
                                          told[ix].breaks || made);
    }
}

static void test_what_if__leaves_what_has_fired(void **unused)
{
    struct alone *w = promised(10 * HOUR);
    struct policy later;
    struct due_change told;
    struct rung rungs[2];

    (void)unused;
    promise_all(&w->policy, ACK, 10 * HOUR);
    w->policy.promise[RESOLVE].target[LOW] = 0;
    percent(w, RESOLVE, 10);
    percent(w, ACK, 10);
    enqueue(w, NORMAL);
    to(w, HOUR);
    reprioritise(w, LOW);
    later = next_version(w);
    promise_all(&later, RESOLVE, 20 * HOUR);
    assert_int_equal(w->t.extra->rungs_n, 2);
    memcpy(rungs, w->t.extra->rungs, sizeof rungs);
    assert_true(usher__what_if(&w->t, &w->policy, &later, RESOLVE, w->now, &told));
    assert_true(told.starts);
    assert_int_equal(told.to_at, MONDAY + 20 * HOUR);
    assert_int_equal(w->t.extra->rungs_n, 2);
    assert_memory_equal(rungs, w->t.extra->rungs, sizeof rungs);
    end(w);
}

static void test_what_if__nothing_starts_before_the_ticket_does(void **unused)
{
    struct alone *w = alone();
    struct policy later = next_version(w);
    struct due_change told;

    (void)unused;
    promise_all(&later, ANSWER, HOUR);
    w->t = (struct ticket){ .id = 1, .queue = DESK, .requester = ADA, .persons_n = 1,
                            .priority = NORMAL + 1 };
    assert_int_equal(say(w, (struct command){ .verb = VERB_ENQUEUE, .who = ADA,
                                              .at = MONDAY + HOUR }), 0);
    assert_int_equal(say(w, (struct command){ .verb = USHER_ASK, .who = ADA }), 0);
    assert_false(usher__what_if(&w->t, &w->policy, &later, ANSWER, w->now, &told));
    apply(w, &later);
    assert_int_equal(w->t.promise[ANSWER].state, 0);
    end(w);
}

static void test_what_if__foretells_what_apply_does(void **unused)
{
    uint64_t s = 1;
    uint32_t changed = 0;

    (void)unused;
    for (int n = 0; n < 2000; n++) {
        struct alone *w = alone();
        struct policy later;

        for (int ix = 0; ix < PROMISES; ix++)
            promise_all(&w->policy, ix, (int64_t)(below(&s, 3) * 40) * MINUTE);
        later = next_version(w);
        for (int ix = 0; ix < PROMISES; ix++) {
            promise_all(&later, ix, (int64_t)(below(&s, 4) * 40) * MINUTE);
            later.promise[ix].pauses = below(&s, 8);
        }
        enqueue(w, NORMAL);
        claim(w);
        to(w, (int64_t)(below(&s, 60)) * MINUTE);
        if (below(&s, 2) != 0)
            update_by(w, (int64_t)(61 + below(&s, 60)) * MINUTE);
        if (below(&s, 2) != 0)
            pause_until(w, 1 + (int)(below(&s, 3)), 5 * HOUR);
        to(w, (int64_t)(60 + below(&s, 60)) * MINUTE);
        if (below(&s, 4) == 0)
            by_holder(w, USHER_RESOLVE);
        foretold(w, &later);
        changed += count(w, USHER_EV_BROKEN) > 0;
        end(w);
    }
    assert_true(changed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_if__leaves_what_has_fired),
        cmocka_unit_test(test_what_if__nothing_starts_before_the_ticket_does),
        cmocka_unit_test(test_what_if__foretells_what_apply_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
