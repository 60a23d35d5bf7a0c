/* An op is all of its 128 bits: those that share a half are as different as any. They share a
 * bucket only now and then, so there are many of them. */
#include <stdbool.h>

#include "rules.h"

enum { OPS = 400 };

static usher_op op_of(uint64_t i, bool low)
{
    return low ? (usher_op){.hi = 7, .lo = i + 1} : (usher_op){.hi = i + 1, .lo = 7};
}

static void each_is_its_own(bool low)
{
    struct service *s = begin("{}");
    usher_id ids[OPS];

    for (uint64_t i = 0; i < OPS; i++) {
        usher_request r = {.requester = "ada", .op = op_of(i, low)};

        assert_int_equal(enqueue(s, s->q, r), USHER_OK);
        assert_int_equal(s->done.outcome, 0);
        ids[i] = s->done.ticket;
        assert_int_equal(ids[i], i + 1);
    }
    for (uint64_t i = 0; i < OPS; i++) {
        usher_request r = {.requester = "ada", .op = op_of(i, low)};

        assert_int_equal(enqueue(s, s->q, r), USHER_OK);
        assert_int_equal(s->done.outcome, USHER_WAS_REPEATED);
        assert_int_equal(s->done.ticket, ids[i]);
    }
    end(s);
}

static void test_judge_ops__the_same_low_half(void **unused)
{
    (void)unused;
    each_is_its_own(false);
}

static void test_judge_ops__the_same_high_half(void **unused)
{
    (void)unused;
    each_is_its_own(true);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_ops__the_same_low_half),
        cmocka_unit_test(test_judge_ops__the_same_high_half),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
