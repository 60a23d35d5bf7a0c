/* One week of a small desk, and what its figures say about it: counted by hand here. */
#include "person.h"

static const char policy[] =
    "{'promises':{'ack':{'target':'1h'},'answer':{'target':'2h'},'resolve':{'target':'8h'}},"
    "'warn':[],"
    " 'lease':{'for':'20h','max':'40h'}, 'aftercare':{'confirm_within':'1d',"
    "'reopen_within':'30d'}}";

static usher_claim take(struct service *s, usher_agent_t *a, usher_id id)
{
    usher_claim c;

    assert_int_equal(claim_ticket(s, a, id, &c), USHER_OK);
    return c;
}

/* What a figure says is within 1 % of what it was. */
static void about(int64_t figure, int64_t was)
{
    if (figure < was - was / 100 || figure > was + was / 100)
        fail_msg("%" PRId64 " ms instead of %" PRId64, figure, was);
}

/* Three tickets: solved and confirmed; broken, chased, reopened, closed by silence; withdrawn. */
static void a_week(struct service *s)
{
    usher_id a = ticket(s, "ada", 0), b = ticket(s, "bea", 0), c;
    usher_claim held_one;

    at(s, 10 * MINUTE);
    held_one = take(s, s->ann, a);
    at(s, 20 * MINUTE);
    by_agent(s, held_one, USHER_ACKNOWLEDGE);
    at(s, HOUR);
    by_agent(s, held_one, USHER_RESOLVE); /* a: waited 10 min, heard after 20, solved after 60 */
    by_person(s, a, USHER_CONFIRM, "ada");

    at(s, 3 * HOUR); /* b: ack was broken at 01:00:00.001 */
    by_person(s, b, USHER_ASK, "bea");
    by_person(s, b, USHER_ASK, "bea");
    held_one = take(s, s->bob, b);
    at(s, 4 * HOUR);
    by_agent(s, held_one, USHER_RESOLVE); /* waited 3 h, heard after 4 h */
    at(s, 5 * HOUR);
    by_person(s, b, USHER_REOPEN, "bea");
    held_one = take(s, s->bob, b);
    at(s, 6 * HOUR);
    by_agent(s, held_one, USHER_RESOLVE); /* solved after 6 h: this one holds */

    c = ticket(s, "cleo", USHER_HIGH);
    at(s, 6 * HOUR + 30 * MINUTE);
    by_person(s, c, USHER_WITHDRAW, "cleo");
    at(s, 3 * DAY);
}

static void test_figures__of_a_week(void **unused)
{
    (void)unused;

    enum {
        ACK = USHER_PROMISE_ACK - 1,
        ANSWER = USHER_PROMISE_ANSWER - 1,
        SOLVE = USHER_PROMISE_RESOLVE - 1
    };
    struct service *s = begin(policy);
    usher_figures f;

    a_week(s);
    f = figures_of(s, s->q);
    assert_int_equal(f.enqueued, 3);
    assert_int_equal(f.claims, 3);
    assert_int_equal(f.passed_over, 0);
    assert_int_equal(f.words, 2);
    assert_int_equal(f.chases, 2);
    assert_int_equal(f.resolved, 3);
    assert_int_equal(f.confirmed, 1);
    assert_int_equal(f.reopened, 1);
    assert_int_equal(f.closed, 2);
    assert_int_equal(f.withdrawn, 1);
    assert_int_equal(f.kept[ACK], 1);
    assert_int_equal(f.broken[ACK], 1);
    assert_int_equal(f.lapsed[ACK], 1); /* cleo's: nobody will ever know */
    assert_int_equal(f.kept[ANSWER], 2);
    assert_int_equal(f.kept[SOLVE], 3);
    assert_int_equal(f.lapsed[SOLVE], 1);
    assert_int_equal(f.held_ms, 50 * MINUTE + HOUR + HOUR);

    assert_int_equal(f.wait.n, 2);
    assert_int_equal(f.wait.sum_ms, 3 * HOUR + 10 * MINUTE);
    about(f.wait.p50_ms, 10 * MINUTE);
    about(f.wait.max_ms, 3 * HOUR);
    assert_int_equal(f.word.n, 2);
    about(f.word.p50_ms, 20 * MINUTE);
    about(f.word.p90_ms, 4 * HOUR);
    assert_int_equal(f.solve.n, 2);
    assert_int_equal(f.solve.sum_ms, HOUR + 6 * HOUR);
    about(f.solve.p50_ms, HOUR);
    about(f.solve.max_ms, 6 * HOUR);
    assert_int_equal(f.open, 0);
    assert_int_equal(f.waiting, 0);
    assert_int_equal(f.age.n, 0);
    assert_int_equal(f.age.p50_ms, -1);
    end(s);
}

static void test_figures__of_a_priority_and_of_days(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    int64_t today = T0 - T0 % DAY;
    struct looked l;
    uint64_t enqueued[5] = { 0 };

    a_week(s);
    l = look(s, (usher_query){ .what = USHER_READ_FIGURES, .queue = s->q });
    for (uint64_t i = 0; i < l.n; i++)
        enqueued[l.figures[i].priority] = l.figures[i].enqueued;
    assert_int_equal(enqueued[0], 3);
    assert_int_equal(enqueued[USHER_NORMAL], 2);
    assert_int_equal(enqueued[USHER_HIGH], 1);

    /* The first day, in UTC, and the one after. T0 is 22:13:20. */
    l = look(s, (usher_query){
                    .what = USHER_READ_FIGURES, .queue = s->q, .from_at = T0, .to_at = T0 + 1 });
    assert_int_equal(l.figures[0].priority, 0);
    assert_int_equal(l.figures[0].from_at, today);
    assert_int_equal(l.figures[0].to_at, today + DAY);
    assert_int_equal(l.figures[0].enqueued, 2);
    assert_int_equal(l.figures[0].resolved, 1);
    l = look(s, (usher_query){ .what = USHER_READ_FIGURES, .queue = s->q, .from_at = today + DAY,
                               .to_at = today + DAY + 1 });
    assert_int_equal(l.figures[0].enqueued, 1);
    assert_int_equal(l.figures[0].resolved, 2);
    assert_int_equal(l.figures[0].confirmed, 0);
    end(s);
}

/* Old ones hide behind a good average of those that were served: so those that wait now are
 * looked at. */
static void test_figures__how_old_those_are_who_wait_now(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_figures f;

    for (int i = 0; i < 10; i++) {
        at(s, i * HOUR);
        ticket(s, "ada", 0);
    }
    at(s, 10 * HOUR); /* they are 1 to 10 hours old */
    f = figures_of(s, s->q);
    assert_int_equal(f.waiting, 10);
    assert_int_equal(f.open, 10);
    assert_int_equal(f.age.n, 10);
    about(f.age.p50_ms, 5 * HOUR);
    about(f.age.p90_ms, 9 * HOUR);
    about(f.age.max_ms, 10 * HOUR);
    end(s);
}

static void test_figures__as_text_for_prometheus(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);
    struct looked l;

    a_week(s);
    l = look(s, (usher_query){ .what = USHER_READ_METRICS });
    assert_int_equal(l.status, USHER_OK);
    assert_non_null(strstr(l.text, "# TYPE usher_"));
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures__of_a_week),
        cmocka_unit_test(test_figures__of_a_priority_and_of_days),
        cmocka_unit_test(test_figures__how_old_those_are_who_wait_now),
        cmocka_unit_test(test_figures__as_text_for_prometheus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
