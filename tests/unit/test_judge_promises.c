/* What falls on one and the same millisecond. */
#include "rules.h"

/* A named end breaks it in the very ms in which, by a pause, half of its target is used: broken comes
 * first at its instant, and of what is broken nobody is warned any more. */
static void test_judge_promises__no_warning_in_the_ms_that_breaks_it(void **unused)
{
    static const char policy[] =
        "{'promises':{'update':{'target':'4h','pauses':['third_party']}},'warn':[50],"
        "'lease':{'for':'8h'}}";

    (void)unused;
    for (int64_t early = 0; early <= 1; early++) {
        struct service *s = begin(policy);
        usher_claim c = held(s, "ada");
        uint32_t from;

        assert_int_equal(act(s, (usher_command){.verb = USHER_UPDATE,
                                                .claim = c,
                                                .text = TEXT("word"),
                                                .at = T0 + 4 * HOUR}),
                         USHER_OK);
        assert_int_equal(promise(s, c.ticket, USHER_PROMISE_UPDATE).target_ms, 4 * HOUR);
        at(s, HOUR);
        /* until an hour before the named end, and 1 ms; early: without that ms */
        assert_int_equal(pause(s, c, USHER_ON_THIRD_PARTY, T0 + 3 * HOUR + 1 - early), USHER_OK);
        from = s->seen_n;
        at(s, 5 * HOUR);
        assert_int_equal(count_from(s, from, USHER_EV_BROKEN), 1);
        assert_int_equal(count_from(s, from, USHER_EV_WARNED), early);
        for (uint32_t i = from; i < s->seen_n; i++) {
            if (s->seen[i].kind == USHER_EV_BROKEN)
                assert_int_equal(s->seen[i].at, T0 + 4 * HOUR + 1);
            if (s->seen[i].kind == USHER_EV_WARNED)
                assert_int_equal(s->seen[i].at, T0 + 4 * HOUR);
        }
        end(s);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_promises__no_warning_in_the_ms_that_breaks_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
