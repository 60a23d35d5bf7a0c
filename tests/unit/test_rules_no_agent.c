/* A ticket that waits for skills which nobody present has says so, once until it is claimed. */
#include "rules.h"

static usher_request latin(const char *who)
{
    static const char *const needs[] = { "latin" };

    return (usher_request){ .requester = who, .needs_n = 1, .needs = needs };
}

static usher_id needs_latin(struct service *s)
{
    assert_int_equal(enqueue(s, s->q, latin("ada")), USHER_OK);
    return s->done.ticket;
}

static void gone(struct service *s, usher_agent_t *a)
{
    assert_int_equal(usher_agent_gone(a, on_done, s), USHER_OK);
    run(s);
}

static uint32_t told(struct service *s)
{
    return count(s, USHER_EV_NO_AGENT);
}

static void test_no_agent__is_told_when_it_comes(void **unused)
{
    struct service *s = begin("{}");
    usher_id id;

    (void)unused;
    ticket(s, "ada", 0);
    assert_int_equal(told(s), 0);
    id = needs_latin(s);
    EXPECT_EVENTS(s, 1, USHER_EV_ENQUEUED, USHER_EV_NO_AGENT);
    assert_int_equal(last(s, USHER_EV_NO_AGENT)->ticket, id);
    assert_int_equal(last(s, USHER_EV_NO_AGENT)->state, USHER_WAITING);
    agent(s, "dan", "latin");
    needs_latin(s);
    assert_int_equal(told(s), 1);
    end(s);
}

static void test_no_agent__is_told_when_it_starts(void **unused)
{
    struct service *s = begin("{}");
    usher_request r = latin("ada");

    (void)unused;
    r.start_at = T0 + HOUR;
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    assert_int_equal(told(s), 0);
    at(s, HOUR);
    EXPECT_EVENTS(s, 1, USHER_EV_STARTED, USHER_EV_NO_AGENT);
    end(s);
}

static void test_no_agent__is_told_when_the_last_one_goes_or_forgets(void **unused)
{
    struct service *s = begin("{}");
    usher_agent_t *dan = agent(s, "dan", "latin"), *eva = agent(s, "eva", "latin");
    usher_id first = needs_latin(s), second = needs_latin(s);

    (void)unused;
    ticket(s, "ada", 0);
    gone(s, dan);
    assert_int_equal(told(s), 0);
    assert_ptr_equal(agent(s, "eva", "greek"), eva);
    assert_int_equal(told(s), 2);
    assert_int_equal(last(s, USHER_EV_NO_AGENT)->ticket, second);
    /* Once, whoever comes and goes. */
    agent(s, "eva", "latin");
    gone(s, eva);
    assert_int_equal(told(s), 2);
    assert_int_equal(reprioritise(s, first, USHER_HIGH), USHER_OK);
    assert_int_equal(move(s, first, queue(s, "tier2")), USHER_OK);
    assert_int_equal(told(s), 2);
    end(s);
}

static void test_no_agent__a_claim_begins_anew(void **unused)
{
    struct service *s = begin("{}");
    usher_id id = needs_latin(s);
    usher_claim c;

    (void)unused;
    assert_int_equal(claim_ticket(s, s->ann, id, &c), USHER_OK); /* she will learn it */
    assert_int_equal(told(s), 1);
    assert_int_equal(by_agent(s, c, USHER_RELEASE), USHER_OK);
    EXPECT_EVENTS(s, 2, USHER_EV_CLAIMED, USHER_EV_RELEASED, USHER_EV_NO_AGENT);
    end(s);
}

/* By every way back into the line. */
static void test_no_agent__is_told_when_it_comes_back(void **unused)
{
    (void)unused;
    for (int way = 0; way < 11; way++) {
        struct service *s = begin("{'retry':{'attempts':2,'backoff':['1m']},'lease':{'for':'1h'}}");
        usher_id id = needs_latin(s);
        int ok = USHER_OK;
        usher_claim c;

        assert_int_equal(claim_ticket(s, s->ann, id, &c), USHER_OK);
        switch (way) {
        case 0: ok = by_agent(s, c, USHER_FAIL); at(s, MINUTE); break;
        case 1: at(s, HOUR); break;
        case 2: gone(s, s->ann); break;
        case 3: pause(s, c, USHER_ON_THIRD_PARTY, 0); ok = by_agent(s, c, USHER_RESUME); break;
        case 4: pause(s, c, USHER_ON_REQUESTER, 0); ok = reply(s, id, "ada", 0); break;
        case 5: pause(s, c, USHER_UNTIL, T0 + MINUTE); at(s, MINUTE); break;
        case 6: by_agent(s, c, USHER_RESOLVE); ok = by_person(s, id, USHER_REOPEN, "ada"); break;
        case 7: hand_off(s, c, s->q, NULL); ok = by_desk(s, id, USHER_DECLINE); break;
        case 8: hand_off(s, c, NULL, s->bob); at(s, 30 * MINUTE); break;
        case 9:
            hand_off(s, c, NULL, s->bob);
            gone(s, s->ann);
            ok = by_desk(s, id, USHER_RECALL);
            break;
        default:
            by_agent(s, c, USHER_FAIL);
            assert_int_equal(usher_advance(s->u, T0 + MINUTE), USHER_OK);
            assert_int_equal(claim_ticket(s, s->ann, id, &c), USHER_OK);
            by_agent(s, c, USHER_FAIL);
            s->seen_n = 2; /* up to the first one */
            ok = by_desk(s, id, USHER_REVIVE);
            break;
        }
        assert_int_equal(ok, USHER_OK);
        assert_int_equal(state(s, id), USHER_WAITING);
        assert_int_equal(told(s), 2);
        assert_int_equal(s->seen[s->seen_n - 1].kind,
                         way == 2 ? USHER_EV_AGENT_GONE : USHER_EV_NO_AGENT);
        end(s);
    }
}

static void test_no_agent__is_told_when_a_join_asks_for_more(void **unused)
{
    struct service *s = begin("{}");
    usher_request r = latin("bea");
    usher_id id;

    (void)unused;
    assert_int_equal(join(s, "ada"), USHER_OK);
    id = s->done.ticket;
    r.dedup_key = "printer";
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    assert_int_equal(s->done.ticket, id);
    EXPECT_EVENTS(s, 1, USHER_EV_JOINED, USHER_EV_NO_AGENT);
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    assert_int_equal(told(s), 1);
    end(s);
}

/* One agent must have all of them. */
static void test_no_agent__two_halves_are_no_agent(void **unused)
{
    struct service *s = begin("{}");
    usher_request r = { .requester = "ada", .needs_n = 2,
                        .needs = (const char *const[]){ "latin", "greek" } };
    const char *const both[] = { "greek", "latin" };
    usher_agent_t *a;

    (void)unused;
    agent(s, "dan", "latin");
    agent(s, "eva", "greek");
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    assert_int_equal(told(s), 1);
    assert_int_equal(usher_agent(s->u, &a, "fay", both, 2), USHER_OK);
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    assert_int_equal(told(s), 1);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_agent__is_told_when_it_comes),
        cmocka_unit_test(test_no_agent__is_told_when_it_starts),
        cmocka_unit_test(test_no_agent__is_told_when_the_last_one_goes_or_forgets),
        cmocka_unit_test(test_no_agent__a_claim_begins_anew),
        cmocka_unit_test(test_no_agent__is_told_when_it_comes_back),
        cmocka_unit_test(test_no_agent__is_told_when_a_join_asks_for_more),
        cmocka_unit_test(test_no_agent__two_halves_are_no_agent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
