/* What policies mean, and the limits of their values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <usher/usher.h>

#include "core/policy.h"
#include "policy_json.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum { LOW, NORMAL, HIGH, URGENT };
enum { ACK, ANSWER, UPDATE, RESOLVE };
enum { REQUESTER, THIRD_PARTY, UNTIL };

/* ---- the whole record as text, to compare --------------------------------------------------- */

struct text {
    char data[4096];
    size_t len;
};

static void add(struct text *t, const char *name, int64_t value)
{
    t->len += (size_t)snprintf(t->data + t->len, sizeof t->data - t->len, "%s %lld\n", name,
                               (long long)value);
    assert_true(t->len < sizeof t->data);
}

static struct text print(const struct policy *p)
{
    struct text t = {.len = 0};

    for (int i = 0; i < PROMISES; i++) {
        add(&t, "calendar", p->promise[i].calendar != NULL);
        add(&t, "days", p->promise[i].days);
        add(&t, "pauses", p->promise[i].pauses);
        for (int j = 0; j < PRIORITIES; j++)
            add(&t, "target", p->promise[i].target[j]);
    }
    for (uint32_t i = 0; i < p->warn_n; i++)
        add(&t, "warn", p->warn[i]);
    add(&t, "receipt", p->receipt);
    add(&t, "named_free", p->named_free);
    for (int i = 0; i < PRIORITIES; i++)
        add(&t, "share", p->share[i]);
    add(&t, "gap", p->gap);
    add(&t, "keep_for", p->keep_for);
    add(&t, "lease_for", p->lease_for);
    add(&t, "lease_max", p->lease_max);
    add(&t, "attempts", p->attempts);
    for (uint32_t i = 0; i < p->backoff_n; i++)
        add(&t, "backoff", p->backoff[i]);
    for (int i = 0; i < REASONS; i++) {
        add(&t, "pause", p->pause[i].max);
        add(&t, "then_resolve", p->pause[i].then_resolve);
        for (uint32_t j = 0; j < p->pause[i].remind_n; j++)
            add(&t, "remind", p->pause[i].remind[j]);
    }
    for (uint32_t i = 0; i < p->check_in_n; i++)
        add(&t, "check_in", p->check_in[i]);
    add(&t, "confirm_within", p->confirm_within);
    add(&t, "reopen_within", p->reopen_within);
    add(&t, "accept_within", p->accept_within);
    add(&t, "hops", p->hops);
    add(&t, "recur_within", p->recur_within);
    add(&t, "cause_after", p->cause_after);
    add(&t, "cause_queue", p->cause_queue);
    add(&t, "open_max", (int64_t)p->open_max);
    add(&t, "payload_max", (int64_t)p->payload_max);
    add(&t, "version", p->version);
    add(&t, "calendars", p->calendars_n);
    add(&t, "notify_calendar", p->notify_calendar != NULL);
    for (uint32_t i = 0; i < p->names_n; i++)
        add(&t, p->names[i], i);
    for (uint32_t i = 0; i < p->ladder_n; i++) {
        const struct step *s = &p->ladder[i];

        add(&t, "step", (int64_t)s->id);
        add(&t, "on", s->on);
        add(&t, "at", s->at);
        add(&t, "at_unit", s->at_unit);
        add(&t, "wall", s->wall);
        add(&t, "repeat", s->repeat);
        add(&t, "repeat_unit", s->repeat_unit);
        add(&t, "times", s->times);
        add(&t, "notify", (int64_t)s->notify);
        add(&t, "raise", s->raise);
        add(&t, "priority", s->priority);
        add(&t, "move", s->move);
    }
    return t;
}

static void assert_same(const struct policy *a, const struct policy *b)
{
    struct text left = print(a);
    struct text right = print(b);

    assert_string_equal(left.data, right.data);
}

static void assert_targets(const struct promise_policy *p, int64_t urgent, int64_t high,
                           int64_t normal, int64_t low)
{
    assert_int_equal(p->target[URGENT], urgent);
    assert_int_equal(p->target[HIGH], high);
    assert_int_equal(p->target[NORMAL], normal);
    assert_int_equal(p->target[LOW], low);
}

static void assert_pauses(const struct policy *p, uint32_t ack, uint32_t answer, uint32_t update,
                          uint32_t resolve)
{
    assert_int_equal(p->promise[ACK].pauses, ack);
    assert_int_equal(p->promise[ANSWER].pauses, answer);
    assert_int_equal(p->promise[UPDATE].pauses, update);
    assert_int_equal(p->promise[RESOLVE].pauses, resolve);
}

/* ---- what policies mean --------------------------------------------------------------------- */

static void test_policy__says_little_and_means_the_default(void **state)
{
    struct policy p;

    (void)state;
    usher__policy_default(&p);
    for (int i = 0; i < PROMISES; i++) {
        assert_null(p.promise[i].calendar);
        assert_targets(&p.promise[i], 0, 0, 0, 0);
    }
    assert_pauses(&p, 0, 0, 1, 7);
    assert_int_equal(p.warn_n, 2);
    assert_int_equal(p.warn[0], 50);
    assert_int_equal(p.warn[1], 80);
    assert_false(p.receipt);
    assert_false(p.named_free);
    assert_int_equal(p.share[URGENT], 0);
    assert_int_equal(p.share[HIGH], 8);
    assert_int_equal(p.share[NORMAL], 4);
    assert_int_equal(p.share[LOW], 1);
    assert_int_equal(p.gap, 0);
    assert_int_equal(p.keep_for, 15 * MINUTE);
    assert_int_equal(p.lease_for, 15 * MINUTE);
    assert_int_equal(p.lease_max, 8 * HOUR);
    assert_int_equal(p.attempts, 5);
    assert_int_equal(p.backoff_n, 4);
    assert_int_equal(p.backoff[0], 10 * SECOND);
    assert_int_equal(p.backoff[1], MINUTE);
    assert_int_equal(p.backoff[2], 10 * MINUTE);
    assert_int_equal(p.backoff[3], HOUR);
    for (int i = 0; i < REASONS; i++) {
        assert_int_equal(p.pause[i].max, 30 * DAY);
        assert_int_equal(p.pause[i].remind_n, 0);
        assert_false(p.pause[i].then_resolve);
    }
    assert_int_equal(p.check_in_n, 0);
    assert_int_equal(p.confirm_within, 5 * DAY);
    assert_int_equal(p.reopen_within, 30 * DAY);
    assert_int_equal(p.accept_within, 30 * MINUTE);
    assert_int_equal(p.hops, 5);
    assert_int_equal(p.recur_within, 30 * DAY);
    assert_int_equal(p.cause_after, 3);
    assert_int_equal(p.cause_queue, 0);
    assert_int_equal(p.open_max, 1000000);
    assert_int_equal(p.payload_max, 1048576);
    assert_null(p.notify_calendar);
    assert_int_equal(p.ladder_n, 0);
    usher__policy_free(&p); /* nothing */
}

static void test_policy__without_keys_is_the_default(void **state)
{
    static const char *const texts[] = {
        "{}",
        " \t\r\n{ \n } ",
        "{'promises':{},'line':{'shares':{}},'lease':{},'retry':{},'pause':{}}",
        "{'pause':{'requester':{},'third_party':{},'until':{}},'aftercare':{},'limits':{}}",
        "{'promises':{'ack':{},'answer':{'target':{}},'update':{},'resolve':{}}}",
        "{'calendars':{},'ladder':[]}",
        "{'handoff':{},'recurrence':{}}",
    };
    struct policy expected;

    (void)state;
    usher__policy_default(&expected);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct policy p = good(texts[i]);

        assert_same(&p, &expected);
        usher__policy_free(&p);
    }
}

static void test_policy__preset_is_the_desk(void **state)
{
    struct policy p = good("{'preset':'desk'}");

    (void)state;
    assert_targets(&p.promise[ACK], 15 * MINUTE, HOUR, 4 * HOUR, 8 * HOUR);
    assert_targets(&p.promise[ANSWER], 4 * HOUR, 4 * HOUR, 4 * HOUR, 4 * HOUR);
    assert_targets(&p.promise[UPDATE], HOUR, 48 * HOUR, 48 * HOUR, 0);
    assert_targets(&p.promise[RESOLVE], 4 * HOUR, 8 * HOUR, 72 * HOUR, 240 * HOUR);
    assert_pauses(&p, 0, 0, 1, 3);
    assert_int_equal(p.gap, MINUTE);
    assert_int_equal(p.pause[REQUESTER].max, 10 * DAY);
    assert_int_equal(p.pause[REQUESTER].remind_n, 2);
    assert_int_equal(p.pause[REQUESTER].remind[0], 2 * DAY);
    assert_int_equal(p.pause[REQUESTER].remind[1], 5 * DAY);
    assert_true(p.pause[REQUESTER].then_resolve);
    assert_int_equal(p.pause[THIRD_PARTY].max, 20 * DAY);
    assert_int_equal(p.pause[THIRD_PARTY].remind_n, 0);
    assert_false(p.pause[THIRD_PARTY].then_resolve);
    assert_int_equal(p.pause[UNTIL].max, 30 * DAY);
    assert_int_equal(p.check_in_n, 1);
    assert_int_equal(p.check_in[0], DAY);
    assert_int_equal(p.ladder_n, 4);
    assert_int_equal(p.ladder[3].at, DAY);
    assert_int_equal(p.ladder[3].at_unit, STEP_MS);
    usher__policy_free(&p);
}

static void test_policy__preset_can_be_written_out(void **state)
{
    struct policy preset = good("{'preset':'desk'}");
    struct policy written = good(whole_policy);

    (void)state;
    assert_same(&preset, &written);
    usher__policy_free(&preset);
    usher__policy_free(&written);
}

/* Every key there is, each with a value of its own. */
static const char odd[] =
    "{'promises':{"
    "'ack':{'target':{'urgent':'1ms','high':'2wd','normal':'3ms','low':'4ms'},'calendar':'late',"
    "'pauses':['until'],'receipt':true},"
    "'answer':{'target':{'urgent':'5ms','high':'6ms','normal':'7ms','low':'8ms'},"
    "'pauses':['third_party']},"
    "'update':{'target':{'urgent':'9ms','high':'10ms','normal':'11ms','low':'12ms'},"
    "'pauses':['third_party','requester'],'named':'free'},"
    "'resolve':{'target':{'urgent':'13ms','high':'14ms','normal':'15ms','low':'16ms'},"
    "'pauses':[]}},"
    "'warn':[1,2,3,4,5,6,7,99],"
    "'line':{'shares':{'urgent':17,'high':'first','normal':18,'low':19},"
    "'gap':'20ms','keep_for':'21ms'},"
    "'lease':{'for':'22ms','max':'23ms'},"
    "'retry':{'attempts':24,'backoff':['25ms','0s']},"
    "'pause':{'requester':{'max':'26ms','remind':['27ms'],'then':'resolve'},"
    "'third_party':{'max':'28ms','remind':['29ms','30ms'],'then':'wait'},"
    "'until':{'max':'31ms','remind':['32ms','33ms','34ms'],'then':'wait'}},"
    "'aftercare':{'check_in':['35ms','36ms'],'confirm_within':'37ms',"
    "'reopen_within':'38ms'},"
    "'handoff':{'accept_within':'45ms','hops':46},"
    "'recurrence':{'window':'47ms','cause_after':31,'cause_queue':'ann'},"
    "'limits':{'open':39,'payload':40},"
    "'calendars':{'late':{'zone':'UTC','week':{'mon':[['18:00','24:00']]},"
    "'special':{'2027-01-01':[]},'holidays':['2027-01-02']},"
    "'early':{'zone':'UTC','week':{'sun':[['00:00','06:00']]}}},"
    "'notify_calendar':'early',"
    "'ladder':[{'on':'answer','at':'41%','clock':'wall','repeat':'42ms','times':43,"
    "'notify':['ann'],'raise':44,'priority':'urgent','move':'attic'}]}";

static void test_policy__every_key_fills_its_own_field(void **state)
{
    struct policy p = good(odd);

    (void)state;
    assert_targets(&p.promise[ACK], 1, 2, 3, 4);
    assert_int_equal(p.promise[ACK].days, 1 << HIGH);
    assert_int_equal(p.calendars_n, 2);
    assert_ptr_equal(p.promise[ACK].calendar, p.calendars[0]);
    assert_null(p.promise[ANSWER].calendar);
    assert_ptr_equal(p.notify_calendar, p.calendars[1]);
    assert_int_equal(p.ladder_n, 1);
    assert_int_equal(p.ladder[0].on, ANSWER);
    assert_int_equal(p.ladder[0].at, 41);
    assert_int_equal(p.ladder[0].at_unit, STEP_PERCENT);
    assert_true(p.ladder[0].wall);
    assert_int_equal(p.ladder[0].repeat, 42);
    assert_int_equal(p.ladder[0].repeat_unit, STEP_MS);
    assert_int_equal(p.ladder[0].times, 43);
    assert_int_equal(p.ladder[0].notify, 1);
    assert_string_equal(p.names[0], "ann");
    assert_int_equal(p.ladder[0].raise, 44);
    assert_int_equal(p.ladder[0].priority, USHER_URGENT);
    assert_string_equal(p.names[p.ladder[0].move - 1], "attic");
    assert_targets(&p.promise[ANSWER], 5, 6, 7, 8);
    assert_targets(&p.promise[UPDATE], 9, 10, 11, 12);
    assert_targets(&p.promise[RESOLVE], 13, 14, 15, 16);
    assert_pauses(&p, 4, 2, 3, 0);
    assert_true(p.receipt);
    assert_true(p.named_free);
    assert_int_equal(p.warn_n, 8);
    assert_memory_equal(p.warn, "\1\2\3\4\5\6\7\x63", 8);
    assert_int_equal(p.share[URGENT], 17);
    assert_int_equal(p.share[HIGH], 0);
    assert_int_equal(p.share[NORMAL], 18);
    assert_int_equal(p.share[LOW], 19);
    assert_int_equal(p.gap, 20);
    assert_int_equal(p.keep_for, 21);
    assert_int_equal(p.lease_for, 22);
    assert_int_equal(p.lease_max, 23);
    assert_int_equal(p.attempts, 24);
    assert_int_equal(p.backoff_n, 2);
    assert_int_equal(p.backoff[0], 25);
    assert_int_equal(p.backoff[1], 0);
    assert_int_equal(p.pause[REQUESTER].max, 26);
    assert_int_equal(p.pause[REQUESTER].remind_n, 1);
    assert_int_equal(p.pause[REQUESTER].remind[0], 27);
    assert_true(p.pause[REQUESTER].then_resolve);
    assert_int_equal(p.pause[THIRD_PARTY].max, 28);
    assert_int_equal(p.pause[THIRD_PARTY].remind_n, 2);
    assert_int_equal(p.pause[THIRD_PARTY].remind[1], 30);
    assert_false(p.pause[THIRD_PARTY].then_resolve);
    assert_int_equal(p.pause[UNTIL].max, 31);
    assert_int_equal(p.pause[UNTIL].remind_n, 3);
    assert_int_equal(p.pause[UNTIL].remind[2], 34);
    assert_false(p.pause[UNTIL].then_resolve);
    assert_int_equal(p.check_in_n, 2);
    assert_int_equal(p.check_in[0], 35);
    assert_int_equal(p.check_in[1], 36);
    assert_int_equal(p.confirm_within, 37);
    assert_int_equal(p.reopen_within, 38);
    assert_int_equal(p.accept_within, 45);
    assert_int_equal(p.hops, 46);
    assert_int_equal(p.recur_within, 47);
    assert_int_equal(p.cause_after, 31);
    assert_int_equal(p.cause_queue, p.names_n); /* the last, whatever the ladder names */
    assert_int_equal(p.names_n, 3);
    assert_string_equal(p.names[2], "ann");
    assert_int_equal(p.open_max, 39);
    assert_int_equal(p.payload_max, 40);
    assert_int_equal(p.version, 0);
    usher__policy_free(&p);
}

static void test_policy__target_falls_to_the_next_lower_priority(void **state)
{
    static const struct {
        const char *target;
        int64_t urgent, high, normal, low;
    } cases[] = {
        {"'4h'", 4, 4, 4, 4},
        {"{'low':'1h'}", 1, 1, 1, 1},
        {"{'normal':'2h'}", 2, 2, 2, 0},
        {"{'high':'3h'}", 3, 3, 0, 0},
        {"{'urgent':'4h'}", 4, 0, 0, 0},
        {"{'urgent':'4h','low':'1h'}", 4, 1, 1, 1},
        {"{'low':'1h','high':'3h'}", 3, 3, 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        struct policy p;

        snprintf(text, sizeof text, "{'promises':{'answer':{'target':%s}}}", cases[i].target);
        p = good(text);
        assert_targets(&p.promise[ANSWER], cases[i].urgent * HOUR, cases[i].high * HOUR,
                       cases[i].normal * HOUR, cases[i].low * HOUR);
        assert_targets(&p.promise[ACK], 0, 0, 0, 0);
        assert_targets(&p.promise[UPDATE], 0, 0, 0, 0);
    }
}

/* Its name is kept beside those of the ladder, whether there is a ladder or not. */
static void test_policy__names_the_queue_for_causes(void **state)
{
    struct policy p = good("{'recurrence':{'cause_queue':'problems'}}");

    (void)state;
    assert_int_equal(p.cause_queue, 1);
    assert_int_equal(p.names_n, 1);
    assert_int_equal(p.names_len, sizeof "problems");
    assert_string_equal(p.names[0], "problems");
    assert_int_equal(p.ladder_n, 0);
    usher__policy_free(&p);

    p = good("{'preset':'desk','recurrence':{'cause_queue':'problems'}}");
    assert_int_equal(p.ladder_n, 4);
    assert_int_equal(p.names_n, 4);
    assert_int_equal(p.cause_queue, 4);
    assert_string_equal(p.names[0], "lead");
    assert_string_equal(p.names[3], "problems");
    assert_int_equal(p.names_len, sizeof "lead" + sizeof "agent" + sizeof "manager" +
                                      sizeof "problems");
    usher__policy_free(&p);

    p = good("{'preset':'desk','ladder':[],'recurrence':{'cause_queue':'problems'}}");
    assert_int_equal(p.names_n, 1);
    assert_string_equal(p.names[p.cause_queue - 1], "problems");
    usher__policy_free(&p);
}

static void test_policy__keys_merge_into_the_preset(void **state)
{
    struct policy all;
    char text[2048];
    struct policy p = good("{'warn':[90],'promises':{"
                           "'ack':{'target':'2h'},"
                           "'answer':{'target':{'urgent':'1h'}},"
                           "'update':{'target':{'low':'96h'}},"
                           "'resolve':{'pauses':['until']}},"
                           "'pause':{'requester':{'remind':['1d']}},"
                           "'aftercare':{'check_in':[]},"
                           "'line':{'shares':{'high':9}},"
                           "'preset':'desk'}");

    (void)state;
    /* A string takes the place of an object; an object is laid over whatever there is. */
    assert_targets(&p.promise[ACK], 2 * HOUR, 2 * HOUR, 2 * HOUR, 2 * HOUR);
    assert_targets(&p.promise[ANSWER], HOUR, 4 * HOUR, 4 * HOUR, 4 * HOUR);
    assert_targets(&p.promise[UPDATE], HOUR, 48 * HOUR, 48 * HOUR, 96 * HOUR);
    assert_targets(&p.promise[RESOLVE], 4 * HOUR, 8 * HOUR, 72 * HOUR, 240 * HOUR);
    assert_pauses(&p, 0, 0, 1, 4);
    assert_int_equal(p.warn_n, 1);
    assert_int_equal(p.warn[0], 90);
    assert_int_equal(p.pause[REQUESTER].max, 10 * DAY);
    assert_int_equal(p.pause[REQUESTER].remind_n, 1);
    assert_int_equal(p.pause[REQUESTER].remind[0], DAY);
    assert_true(p.pause[REQUESTER].then_resolve);
    assert_int_equal(p.check_in_n, 0);
    assert_int_equal(p.share[HIGH], 9);
    assert_int_equal(p.share[URGENT], 0);
    assert_int_equal(p.gap, MINUTE);
    assert_int_equal(p.ladder_n, 4);
    usher__policy_free(&p);

    p = good("{'preset':'desk','pause':{'requester':{'then':'wait'}},'line':{'gap':'0s'},"
             "'ladder':[]}");
    assert_false(p.pause[REQUESTER].then_resolve);
    assert_int_equal(p.gap, 0);
    assert_int_equal(p.ladder_n, 0);
    assert_int_equal(p.names_n, 0);
    usher__policy_free(&p);

    /* Its targets are in the time of whatever calendar there is. */
    p = good("{'preset':'desk','promises':{'update':{'target':{'high':'1wd'},'calendar':'c'}},"
             "'calendars':{'c':{'zone':'UTC','week':{'mon':[['09:00','17:00']]}}}}");
    assert_targets(&p.promise[UPDATE], HOUR, 1, 48 * HOUR, 0);
    assert_int_equal(p.promise[UPDATE].days, 1 << HIGH);
    assert_ptr_equal(p.promise[UPDATE].calendar, p.calendars[0]);
    usher__policy_free(&p);

    /* A policy with every key hides all of the preset. */
    snprintf(text, sizeof text, "{'preset':'desk',%s", odd + 1);
    p = good(text);
    all = good(odd);
    assert_same(&p, &all);
    usher__policy_free(&p);
    usher__policy_free(&all);
}

static void test_policy__escapes_are_letters(void **state)
{
    struct policy p = good("{'\\u0077arn':[7],'le\\u0061\\u0073e':{'max':'9\\u0068'},"
                           "'\\u006Ci\\u006Ee':{'\\u006Beep_f\\u006F\\u0072':'7\\u006D'},"
                           "'promises':{'update':{'named':'fr\\u0065e'}}}");

    (void)state;
    assert_int_equal(p.warn[0], 7);
    assert_int_equal(p.lease_max, 9 * HOUR);
    assert_int_equal(p.keep_for, 7 * MINUTE);
    assert_true(p.named_free);
}

/* ---- limits --------------------------------------------------------------------------------- */

#define AT(field) offsetof(struct policy, field)

static const struct {
    const char *format; /* of a policy with one value */
    const char *below, *least, *most, *above;
    size_t at, size;
    int64_t least_value, most_value;
} limits[] = {
#define DURATION_FROM(format, zero, one, value, field)                                             \
    {                                                                                              \
        format, zero, one, "'36500d'", "'36500d1ms'", AT(field), 8, value, POLICY_DURATION_MAX     \
    }
    DURATION_FROM("{'promises':{'ack':{'target':%s}}}", "'0s'", "'1ms'", 1, promise[0].target[0]),
    DURATION_FROM("{'promises':{'ack':{'target':{'high':%s}}}}", "'0w'", "'1ms'", 1,
                  promise[0].target[2]),
    DURATION_FROM("{'line':{'gap':%s}}", "'-1s'", "'0s'", 0, gap),
    DURATION_FROM("{'line':{'keep_for':%s}}", "''", "'0ms'", 0, keep_for),
    DURATION_FROM("{'lease':{'max':'36500d','for':%s}}", "'0s'", "'1ms'", 1, lease_for),
    DURATION_FROM("{'lease':{'for':'1ms','max':%s}}", "'0s'", "'1ms'", 1, lease_max),
    DURATION_FROM("{'retry':{'backoff':[%s]}}", "'-1s'", "'0s'", 0, backoff[0]),
    DURATION_FROM("{'pause':{'requester':{'max':%s}}}", "'0s'", "'1ms'", 1, pause[0].max),
    DURATION_FROM("{'pause':{'third_party':{'max':%s}}}", "'0s'", "'1ms'", 1, pause[1].max),
    DURATION_FROM("{'pause':{'until':{'max':%s}}}", "'0s'", "'1ms'", 1, pause[2].max),
    DURATION_FROM("{'pause':{'until':{'remind':[%s]}}}", "'0s'", "'1ms'", 1, pause[2].remind[0]),
    DURATION_FROM("{'aftercare':{'check_in':[%s]}}", "'0s'", "'1ms'", 1, check_in[0]),
    DURATION_FROM("{'aftercare':{'confirm_within':%s}}", "'-1s'", "'0s'", 0, confirm_within),
    DURATION_FROM("{'aftercare':{'reopen_within':%s}}", "'-1s'", "'0s'", 0, reopen_within),
    DURATION_FROM("{'handoff':{'accept_within':%s}}", "'0s'", "'1ms'", 1, accept_within),
    DURATION_FROM("{'recurrence':{'window':%s}}", "'0s'", "'1ms'", 1, recur_within),
#undef DURATION_FROM
    {"{'warn':[%s]}", "0", "1", "99", "100", AT(warn[0]), 1, 1, 99},
    {"{'line':{'shares':{'urgent':%s}}}", "0", "1", "1000", "1001", AT(share[3]), 4, 1, 1000},
    {"{'line':{'shares':{'high':%s}}}", "0", "1", "1000", "1001", AT(share[2]), 4, 1, 1000},
    {"{'line':{'shares':{'normal':%s}}}", "0", "1", "1000", "1001", AT(share[1]), 4, 1, 1000},
    {"{'line':{'shares':{'low':%s}}}", "-1", "'first'", "1000", "1001", AT(share[0]), 4, 0, 1000},
    {"{'retry':{'attempts':%s}}", "0", "1", "1000", "1001", AT(attempts), 4, 1, 1000},
    {"{'handoff':{'hops':%s}}", "0", "1", "1000", "1001", AT(hops), 4, 1, HOPS_MAX},
    {"{'recurrence':{'cause_after':%s}}", "1", "2", "32", "33", AT(cause_after), 4, 2,
     CAUSE_AFTER_MAX},
    {"{'limits':{'open':%s}}", "0", "1", "1000000000", "1000000001", AT(open_max), 8, 1,
     1000000000},
    {"{'limits':{'payload':%s}}", "-1", "0", "16777216", "16777217", AT(payload_max), 8, 0,
     USHER_BODY_MAX},
};

static int64_t value_at(const struct policy *p, size_t at, size_t size)
{
    const char *field = (const char *)p + at;
    uint32_t word;
    int64_t value;

    if (size == 1)
        return *(const uint8_t *)field;
    if (size == sizeof word) {
        memcpy(&word, field, sizeof word);
        return word;
    }
    memcpy(&value, field, sizeof value);
    return value;
}

static void test_policy__values_have_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const char *values[] = {limits[i].below, limits[i].least, limits[i].most, limits[i].above};

        for (int j = 0; j < 4; j++) {
            int64_t expected = j == 1 ? limits[i].least_value : limits[i].most_value;
            char text[128], json[JSON_SIZE], err[ERR_SIZE];
            struct policy p;
            int rc;

            snprintf(text, sizeof text, limits[i].format, values[j]);
            rc = compile(&p, json, to_json(json, text), err);
            if (rc != (j == 1 || j == 2 ? USHER_OK : USHER_EPOLICY))
                fail_msg("%s: %d %s", text, rc, err);
            if (rc == USHER_OK)
                assert_int_equal(value_at(&p, limits[i].at, limits[i].size), expected);
        }
    }
}

/* A list of n durations of 1ms and more. */
static struct text durations(const char *before, int n, const char *after)
{
    struct text t = {.len = 0};

    t.len += (size_t)snprintf(t.data, sizeof t.data, "%s[", before);
    for (int i = 1; i <= n; i++)
        t.len += (size_t)snprintf(t.data + t.len, sizeof t.data - t.len, "%s'%dms'",
                                  i > 1 ? "," : "", i);
    snprintf(t.data + t.len, sizeof t.data - t.len, "]%s", after);
    return t;
}

static void test_policy__durations_have_256_letters(void **state)
{
    char text[300];
    struct policy p;

    (void)state;
    snprintf(text, sizeof text, "{'line':{'gap':'%0254dms'}}", 12);
    p = good(text);
    assert_int_equal(p.gap, 12);
    snprintf(text, sizeof text, "{'line':{'gap':'%0255dms'}}", 12);
    bad(text, "line.gap: \"00000000000000000000000000000000000000000000000...\": "
              "expected a duration such as \"4h\"");
}

static void test_policy__lists_have_limits(void **state)
{
    struct policy p = good("{'warn':[]}");
    struct text t;

    (void)state;
    assert_int_equal(p.warn_n, 0);
    p = good("{'warn':[1,2,3,4,5,6,7,8]}");
    assert_int_equal(p.warn_n, 8);
    bad("{'warn':[1,2,3,4,5,6,7,8,9]}", "warn[8]: 9: expected no more than 8 of them");

    t = durations("{'retry':{'backoff':", 1, "}}");
    p = good(t.data);
    assert_int_equal(p.backoff_n, 1);
    t = durations("{'retry':{'backoff':", 16, "}}");
    p = good(t.data);
    assert_int_equal(p.backoff_n, 16);
    assert_int_equal(p.backoff[15], 16);
    t = durations("{'retry':{'backoff':", 17, "}}");
    bad(t.data, "retry.backoff[16]: \"17ms\": expected no more than 16 of them");
    bad("{'retry':{'backoff':[]}}", "retry.backoff: an empty list: expected at least 1 in it");

    t = durations("{'pause':{'requester':{'remind':", 8, "}}}");
    p = good(t.data);
    assert_int_equal(p.pause[REQUESTER].remind_n, 8);
    assert_int_equal(p.pause[REQUESTER].remind[7], 8);
    t = durations("{'pause':{'requester':{'remind':", 9, "}}}");
    bad(t.data, "pause.requester.remind[8]: \"9ms\": expected no more than 8 of them");

    t = durations("{'aftercare':{'check_in':", 8, "}}");
    p = good(t.data);
    assert_int_equal(p.check_in_n, 8);
    assert_int_equal(p.check_in[7], 8);
    t = durations("{'aftercare':{'check_in':", 9, "}}");
    bad(t.data, "aftercare.check_in[8]: \"9ms\": expected no more than 8 of them");

    p = good("{'promises':{'ack':{'pauses':['until','third_party','requester']}}}");
    assert_int_equal(p.promise[ACK].pauses, 7);
    bad("{'promises':{'ack':{'pauses':['until','third_party','requester','until']}}}",
        "promises.ack.pauses[3]: \"until\": expected no more than 3 of them");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy__says_little_and_means_the_default),
        cmocka_unit_test(test_policy__without_keys_is_the_default),
        cmocka_unit_test(test_policy__preset_is_the_desk),
        cmocka_unit_test(test_policy__preset_can_be_written_out),
        cmocka_unit_test(test_policy__every_key_fills_its_own_field),
        cmocka_unit_test(test_policy__target_falls_to_the_next_lower_priority),
        cmocka_unit_test(test_policy__names_the_queue_for_causes),
        cmocka_unit_test(test_policy__keys_merge_into_the_preset),
        cmocka_unit_test(test_policy__escapes_are_letters),
        cmocka_unit_test(test_policy__values_have_limits),
        cmocka_unit_test(test_policy__durations_have_256_letters),
        cmocka_unit_test(test_policy__lists_have_limits),
    };

    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
