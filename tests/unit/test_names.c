/* Words for numbers: total over int, and of the same tables that the library goes by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include "core/ticket.h"

static const int kinds[] = {USHER_NAME_STATE, USHER_NAME_EVENT, USHER_NAME_PROMISE,
                            USHER_NAME_PRIORITY, USHER_NAME_VERB};

static void test_names__are_those_of_the_header(void **unused)
{
    (void)unused;
    assert_string_equal(usher_name(USHER_NAME_STATE, USHER_SCHEDULED), "scheduled");
    assert_string_equal(usher_name(USHER_NAME_STATE, USHER_WITHDRAWN), "withdrawn");
    assert_string_equal(usher_name(USHER_NAME_EVENT, USHER_EV_ENQUEUED), "enqueued");
    assert_string_equal(usher_name(USHER_NAME_EVENT, USHER_EV_NO_AGENT), "no_agent");
    assert_string_equal(usher_name(USHER_NAME_PROMISE, USHER_PROMISE_RESOLVE), "resolve");
    assert_string_equal(usher_name(USHER_NAME_PRIORITY, USHER_URGENT), "urgent");
    assert_string_equal(usher_name(USHER_NAME_VERB, USHER_ACKNOWLEDGE), "acknowledge");
    assert_string_equal(usher_name(USHER_NAME_VERB, USHER_LINK), "link");
}

static void test_names__of_what_has_none_are_a_question_mark(void **unused)
{
    static const int values[] = {INT_MIN, -1, 0, 79, 1000, INT_MAX};

    (void)unused;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++)
            assert_string_equal(usher_name(kinds[i], values[k]), "?");
    }
    assert_string_equal(usher_name(0, 1), "?");
    assert_string_equal(usher_name(-1, 1), "?");
    assert_string_equal(usher_name(INT_MAX, 1), "?");
}

/* The engine's own verbs are not for hosts: they have rows in the table, and no names outside. */
static void test_names__the_engines_own_verbs_have_none(void **unused)
{
    (void)unused;
    for (int verb = VERB_RECEIPT; verb < VERBS; verb++) {
        assert_non_null(usher__verb(verb));
        assert_string_equal(usher_name(USHER_NAME_VERB, verb), "?");
    }
    assert_null(usher__verb(VERBS));
    assert_null(usher__verb(INT_MAX));
    assert_null(usher__verb(-1));
    assert_null(usher__verb(INT_MIN));
}

/* No two numbers of a kind share a name, and none is forgotten between the first and the last. */
static void test_names__are_all_different(void **unused)
{
    static const int last[] = {USHER_WITHDRAWN, USHER_EV_NO_AGENT, USHER_PROMISE_RESOLVE,
                               USHER_URGENT};

    (void)unused;
    for (int i = 0; i < 4; i++) {
        for (int v = 1; v <= last[i]; v++) {
            assert_string_not_equal(usher_name(kinds[i], v), "?");
            for (int w = 1; w < v; w++)
                assert_string_not_equal(usher_name(kinds[i], v), usher_name(kinds[i], w));
        }
        assert_string_equal(usher_name(kinds[i], last[i] + 1), "?");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names__are_those_of_the_header),
        cmocka_unit_test(test_names__of_what_has_none_are_a_question_mark),
        cmocka_unit_test(test_names__the_engines_own_verbs_have_none),
        cmocka_unit_test(test_names__are_all_different),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
