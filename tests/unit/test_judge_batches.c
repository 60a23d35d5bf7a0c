/* What a batch tells of its tickets has room, wherever in the log's memory it begins: each one recurs, is
 * linked, and its cause is told. The log's own assertion, and what is read back, say whether it had. */
#include "rules.h"

enum { BATCH = 40, ROUNDS = 400 };

static void test_judge_batches__of_a_symptom_that_recurs(void **unused)
{
    static const char policy[] =
        "{'recurrence':{'window':'1h','cause_after':2,'cause_queue':'desk'},"
        "'limits':{'open':1000000}}";
    char symptom[USHER_NAME_MAX + 1], name[USHER_NAME_MAX + 1];
    usher_request r[BATCH];

    (void)unused;
    for (int len = 1; len <= USHER_NAME_MAX; len += 126) {
        struct service *s = begin(policy);

        assert_int_equal(usher_unsubscribe(s->u, on_event, s), USHER_OK);
        memset(name, 'n', sizeof name);
        name[len] = '\0';
        for (int round = 0; round < ROUNDS; round++) {
            snprintf(symptom, sizeof symptom, "trouble-%d", round / 4);
            for (int i = 0; i < BATCH; i++)
                r[i] = (usher_request){.size = sizeof r[i], .requester = name, .symptom = symptom};
            assert_int_equal(usher_enqueue_many(s->q, r, (size_t)(BATCH - round % 7), NULL, NULL),
                             USHER_OK);
        }
        end(s);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_batches__of_a_symptom_that_recurs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
