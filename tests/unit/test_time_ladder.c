/* One ticket up the whole ladder of the README's policy, from the first warning to the move. */
#include "times.h"

static const char policy[] =
    "{'calendars':{'office':{'zone':'Europe/Berlin',"
    "'week':{'mon-thu':[['08:00','12:00'],['13:00','17:30']],'fri':[['08:00','14:00']]},"
    "'special':{'2026-12-24':[['08:00','12:00']]},'holidays':['2026-12-25','*-01-01']}},"
    "'promises':{"
    "'ack':{'calendar':'office','target':{'urgent':'15m','high':'1h','normal':'4h','low':'8h'},"
    "'receipt':false},"
    "'answer':{'calendar':'office','target':'4h'},"
    "'update':{'calendar':'office','target':{'urgent':'1h','normal':'2wd'},'named':'capped'},"
    "'resolve':{'calendar':'office',"
    "'target':{'urgent':'4h','high':'8h','normal':'3wd','low':'10wd'},"
    "'pauses':['requester','third_party']}},"
    "'warn':[50,80],"
    "'ladder':["
    "{'on':'ack','at':'100%','notify':['lead'],'raise':1},"
    "{'on':'resolve','at':'-1h','notify':['agent']},"
    "{'on':'resolve','at':'100%','notify':['lead','manager'],'raise':1,'repeat':'2h','times':3},"
    "{'on':'resolve','at':'+1wd','move':'tier2','priority':'high'}],"
    "'notify_calendar':'office'}";

/* Monday 1 June 2026, a normal ticket at 9:00. The office has 8.5 h a day, on Fridays 6.
 *   ack      4 h: due 14:00
 *   resolve  3 wd: due Thursday 9:00, which are 7.5 + 8.5 + 8.5 + 1 = 25.5 h
 *   update   2 wd from Monday 14:30: due Wednesday 14:30, which are 3 + 8.5 + 5.5 = 17 h */
static void test_story__from_warn_to_move(void **unused)
{
    (void)unused;

    struct desk *d = begin(policy, "2026-06-01 09:00 +02:00");
    usher_queue_t *tier2;
    usher_id id = enqueue(d, 0);
    const struct told *t;
    usher_claim c;
    uint32_t told = d->told_n;

    assert_int_equal(usher_queue(d->u, &tier2, "tier2"), USHER_OK);
    assert_instant(due(d, id, ACK), "2026-06-01 14:00 +02:00");
    assert_instant(due(d, id, RESOLVE), "2026-06-04 09:00 +02:00");
    assert_int_equal(promise(d, id, RESOLVE).target_ms, 25 * HOUR + 30 * MINUTE);

    /* Nobody comes. */
    to(d, "2026-06-01 14:30 +02:00");
    ASSERT_TOLD(d, told,
                {.at = "2026-06-01 11:00 +02:00", .kind = USHER_EV_WARNED, .promise = ACK, .n = 50},
                {.at = "2026-06-01 13:12 +02:00", .kind = USHER_EV_WARNED, .promise = ACK, .n = 80},
                {.at = "2026-06-01 14:00:00.001 +02:00", .kind = USHER_EV_BROKEN, .promise = ACK},
                {.at = "2026-06-01 14:00:00.001 +02:00", .kind = USHER_EV_STEPPED, .promise = ACK,
                 .rule = "ladder[0]", .notify = "lead ", .level = 1});
    assert_int_equal(last(d, USHER_EV_STEPPED)->e.notify_at, 0); /* the office is open: at once */

    c = claim(d, id);
    by_agent(d, c, USHER_ACKNOWLEDGE);
    assert_int_equal(last(d, USHER_EV_ACKNOWLEDGED)->e.kept, 0); /* too late for it */
    assert_instant(due(d, id, UPDATE), "2026-06-03 14:30 +02:00");
    to(d, "2026-06-01 14:40 +02:00");
    by_agent(d, c, USHER_RELEASE);
    told = d->told_n;

    to(d, "2026-06-03 17:29 +02:00");
    ASSERT_TOLD(d, told,
                {.at = "2026-06-02 14:15 +02:00", .kind = USHER_EV_WARNED, .promise = RESOLVE,
                 .n = 50},
                {.at = "2026-06-02 14:30 +02:00", .kind = USHER_EV_WARNED, .promise = UPDATE,
                 .n = 50},
                {.at = "2026-06-03 10:06 +02:00", .kind = USHER_EV_WARNED, .promise = UPDATE,
                 .n = 80},
                {.at = "2026-06-03 13:24 +02:00", .kind = USHER_EV_WARNED, .promise = RESOLVE,
                 .n = 80},
                {.at = "2026-06-03 14:30:00.001 +02:00", .kind = USHER_EV_BROKEN,
                 .promise = UPDATE});

    /* An hour of open time before the due is Wednesday's closing. People are told when they are
     * there. */
    told = d->told_n;
    to(d, "2026-06-03 17:30 +02:00");
    ASSERT_TOLD(d, told, {.at = "2026-06-03 17:30 +02:00", .kind = USHER_EV_STEPPED,
                          .promise = RESOLVE, .rule = "ladder[1]", .notify = "agent ", .level = 1});
    assert_instant(last(d, USHER_EV_STEPPED)->e.notify_at, "2026-06-04 08:00 +02:00");

    told = d->told_n;
    to(d, "2026-06-05 08:59 +02:00");
    ASSERT_TOLD(d, told,
                {.at = "2026-06-04 09:00:00.001 +02:00", .kind = USHER_EV_BROKEN,
                 .promise = RESOLVE, .level = 1},
                {.at = "2026-06-04 09:00:00.001 +02:00", .kind = USHER_EV_STEPPED, .n = 0,
                 .rule = "ladder[2]", .notify = "lead manager ", .level = 2},
                {.at = "2026-06-04 11:00 +02:00", .kind = USHER_EV_STEPPED, .n = 1,
                 .rule = "ladder[2]", .level = 3},
                {.at = "2026-06-04 14:00 +02:00", .kind = USHER_EV_STEPPED, .n = 2,
                 .rule = "ladder[2]", .level = 4},
                {.at = "2026-06-04 16:00 +02:00", .kind = USHER_EV_STEPPED, .n = 3,
                 .rule = "ladder[2]", .level = 5});

    told = d->told_n;
    to(d, "2026-07-05 09:00 +02:00");
    ASSERT_TOLD(d, told, {.at = "2026-06-05 09:00 +02:00", .kind = USHER_EV_STEPPED,
                          .promise = RESOLVE, .rule = "ladder[3]", .notify = "", .level = 5});
    t = last(d, USHER_EV_STEPPED);
    assert_string_equal(t->to, "tier2");
    assert_string_equal(t->queue, "tier2");
    assert_int_equal(t->e.priority, USHER_HIGH);
    assert_int_equal(t->e.policy_version, peek(d, id).policy_version);
    assert_ptr_equal(peek(d, id).queue, tier2);
    assert_int_equal(peek(d, id).level, 5);
    assert_int_equal(peek(d, id).state, USHER_WAITING);
    end(d);
}

/* The same in an agent's hands: a move takes nothing out of them. */
static void test_story__the_claim_goes_with_it(void **unused)
{
    (void)unused;

    struct desk *d = begin("{'promises':{'resolve':{'target':'1h'}},'lease':{'for':'8h'},"
                           "'ladder':[{'on':'resolve','at':'50%','move':'tier2'}]}",
                           "2026-06-01 09:00 +02:00");
    usher_queue_t *tier2;
    usher_id id = enqueue(d, 0);
    usher_claim c = claim(d, id);

    assert_int_equal(usher_queue(d->u, &tier2, "tier2"), USHER_OK);
    to(d, "2026-06-01 09:30 +02:00");
    assert_ptr_equal(peek(d, id).queue, tier2);
    assert_int_equal(peek(d, id).state, USHER_CLAIMED);
    by_agent(d, c, USHER_RESOLVE);
    assert_int_equal(last(d, USHER_EV_RESOLVED)->e.kept, 1u << RESOLVE);
    end(d);
}

/* A pause stops the ladder; the same steps come later by as much, each once. */
static void test_story__a_pause_stops_the_ladder(void **unused)
{
    (void)unused;

    struct desk *d = begin("{'promises':{'resolve':{'target':'4h'}},'lease':{'for':'8h'},'warn':[],"
                           "'ladder':[{'on':'resolve','at':'50%'},{'on':'resolve','at':'100%',"
                           "'repeat':'1h','times':1}]}",
                           "2026-06-01 08:00 +00:00");
    usher_id id = enqueue(d, 0);
    usher_claim c = claim(d, id);
    uint32_t told;

    to(d, "2026-06-01 09:00 +00:00");
    pause_on(d, c, USHER_ON_REQUESTER);
    told = d->told_n;
    to(d, "2026-06-02 09:00 +00:00");
    assert_int_equal(d->told_n, told);
    reply(d, id);
    told = d->told_n;
    to(d, "2026-06-03 00:00 +00:00");
    /* What is kept for its last holder is everybody's after 15 minutes. */
    ASSERT_TOLD(d, told, {.at = "2026-06-02 09:15 +00:00", .kind = USHER_EV_KEEP_ENDED},
                {.at = "2026-06-02 10:00 +00:00", .kind = USHER_EV_STEPPED, .rule = "ladder[0]"},
                {.at = "2026-06-02 12:00:00.001 +00:00", .kind = USHER_EV_BROKEN},
                {.at = "2026-06-02 12:00:00.001 +00:00", .kind = USHER_EV_STEPPED,
                 .rule = "ladder[1]"},
                {.at = "2026-06-02 13:00 +00:00", .kind = USHER_EV_STEPPED, .n = 1,
                 .rule = "ladder[1]"});
    end(d);
}

/* A step on the wall that would come in a pause comes when the pause ends. */
static void test_story__a_step_on_the_wall_waits_for_the_pause(void **unused)
{
    (void)unused;

    struct desk *d =
        begin("{'promises':{'resolve':{'target':'4h'},'ack':{'target':'6h'}},"
              "'lease':{'for':'8h'},'warn':[],'line':{'keep_for':'8h'},"
              "'ladder':[{'on':'resolve','at':'+30m','clock':'wall','raise':1},"
              "{'on':'resolve','at':'+30m','raise':1}]}",
              "2026-06-01 08:00 +00:00");
    usher_id id = enqueue(d, 0);
    usher_claim c = claim(d, id);
    uint32_t told;

    to(d, "2026-06-01 12:10 +00:00");
    assert_int_equal(count_of(d, USHER_EV_BROKEN, RESOLVE), 1);
    pause_on(d, c, USHER_ON_THIRD_PARTY);
    told = d->told_n;
    to(d, "2026-06-01 15:00 +00:00");
    assert_int_equal(act(d, (usher_command){.verb = USHER_RESUME, .claim = c}), USHER_OK);
    to(d, "2026-06-01 16:00 +00:00");
    ASSERT_TOLD(d, told, /* nobody has said a word: that clock no pause stops */
                {.at = "2026-06-01 14:00:00.001 +00:00", .kind = USHER_EV_BROKEN, .promise = ACK},
                {.at = "2026-06-01 15:00 +00:00", .kind = USHER_EV_RESUMED},
                {.at = "2026-06-01 15:00 +00:00", .kind = USHER_EV_STEPPED, .rule = "ladder[0]"},
                {.at = "2026-06-01 15:20 +00:00", .kind = USHER_EV_STEPPED, .rule = "ladder[1]"});
    assert_int_equal(last(d, USHER_EV_STEPPED)->e.level, 2);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story__from_warn_to_move),
        cmocka_unit_test(test_story__the_claim_goes_with_it),
        cmocka_unit_test(test_story__a_pause_stops_the_ladder),
        cmocka_unit_test(test_story__a_step_on_the_wall_waits_for_the_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
