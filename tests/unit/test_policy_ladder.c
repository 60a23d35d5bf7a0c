/* The ladder of a policy: what its steps say, in whose time, whom they name, which are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

#include "core/policy.h"
#include "policy_json.h"

#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

enum { ACK, ANSWER, UPDATE, RESOLVE };

/* `ack` is on a calendar, the others are not. */
#define WORLD                                                                                      \
    "'calendars':{'c':{'zone':'UTC','week':{'mon':[['08:00','12:00']]}}},"                         \
    "'promises':{'ack':{'calendar':'c'}}"

static struct policy ladder(const char *steps)
{
    char text[JSON_SIZE + sizeof WORLD + 16];

    snprintf(text, sizeof text, "{'ladder':[%s]," WORLD "}", steps);
    return good(text);
}

static void bad_ladder(const char *steps, const char *expected)
{
    char text[JSON_SIZE], error[ERR_SIZE];

    snprintf(text, sizeof text, "{'ladder':[%s]," WORLD "}", steps);
    snprintf(error, sizeof error, "ladder%s", expected);
    bad(text, error);
}

/* The one step with these keys. The policy is gone: names are for others. */
static struct step step(const char *keys)
{
    char text[JSON_SIZE];
    struct policy p;
    struct step s;

    snprintf(text, sizeof text, "{%s}", keys);
    p = ladder(text);
    assert_int_equal(p.ladder_n, 1);
    s = p.ladder[0];
    usher__policy_free(&p);
    return s;
}

/* ---- when ------------------------------------------------------------------------------------ */

static void test_policy_ladder__steps_have_their_instants(void **state)
{
    static const struct {
        const char *keys;
        int on, unit;
        int64_t at;
    } cases[] = {
        {"'on':'ack','at':'100%'", ACK, STEP_PERCENT, 100},
        {"'on':'answer','at':'1%'", ANSWER, STEP_PERCENT, 1},
        {"'on':'update','at':'1000%'", UPDATE, STEP_PERCENT, 1000},
        {"'on':'resolve','at':'080%'", RESOLVE, STEP_PERCENT, 80},
        {"'on':'ack','at':'-1h30m'", ACK, STEP_MS, -90 * 60 * SECOND},
        {"'on':'ack','at':'+876000h'", ACK, STEP_MS, POLICY_DURATION_MAX},
        {"'on':'ack','at':'-876000h'", ACK, STEP_MS, -POLICY_DURATION_MAX},
        {"'on':'ack','at':'+1ms'", ACK, STEP_MS, 1},
        {"'on':'ack','at':'+1wd'", ACK, STEP_DAYS, 1},
        {"'on':'ack','at':'-1000wd'", ACK, STEP_DAYS, -TARGET_DAYS_MAX},
        {"'at':'+1wd','on':'ack'", ACK, STEP_DAYS, 1},
        {"'on':'resolve','at':'+1w'", RESOLVE, STEP_MS, 7 * DAY},
        {"'at':'-2d','on':'resolve'", RESOLVE, STEP_MS, -2 * DAY},
        /* on the wall a day is a day, whatever the promise's calendar is */
        {"'on':'ack','at':'-2d','clock':'wall'", ACK, STEP_MS, -2 * DAY},
        {"'clock':'wall','at':'-1w','on':'ack'", ACK, STEP_MS, -7 * DAY},
        {"'on':'ack','clock':'business','at':'-2wd'", ACK, STEP_DAYS, -2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct step s = step(cases[i].keys);

        assert_int_equal(s.on, cases[i].on);
        assert_int_equal(s.at_unit, cases[i].unit);
        assert_int_equal(s.at, cases[i].at);
        assert_int_equal(s.wall, strstr(cases[i].keys, "wall") != NULL);
        assert_int_equal(s.repeat, 0);
        assert_int_equal(s.repeat_unit, 0);
        assert_int_equal(s.times, 0);
        assert_int_equal(s.notify, 0);
        assert_int_equal(s.raise, 0);
        assert_int_equal(s.priority, 0);
        assert_int_equal(s.move, 0);
    }
}

static void test_policy_ladder__steps_repeat(void **state)
{
    struct step s = step("'on':'ack','at':'100%','repeat':'2h','times':1");

    (void)state;
    assert_int_equal(s.repeat, 2 * HOUR);
    assert_int_equal(s.repeat_unit, STEP_MS);
    assert_int_equal(s.times, 1);
    s = step("'times':1000,'repeat':'3wd','at':'100%','on':'ack'");
    assert_int_equal(s.repeat, 3);
    assert_int_equal(s.repeat_unit, STEP_DAYS);
    assert_int_equal(s.times, REPEATS_MAX);
    s = step("'on':'ack','at':'100%','repeat':'2d','times':5,'clock':'wall'");
    assert_int_equal(s.repeat, 2 * DAY);
    s = step("'on':'answer','at':'100%','repeat':'36500d','times':5");
    assert_int_equal(s.repeat, POLICY_DURATION_MAX);
}

static void test_policy_ladder__has_its_promises_time_wherever_that_is_said(void **state)
{
    struct policy p = good("{'ladder':[{'at':'+1wd','on':'ack'}],'preset':'desk',"
                           "'promises':{'ack':{'calendar':'c'}},"
                           "'calendars':{'c':{'zone':'UTC','week':{'mon':[['08:00','12:00']]}}}}");

    (void)state;
    assert_int_equal(p.ladder_n, 1); /* and the preset's is gone */
    assert_int_equal(p.ladder[0].at_unit, STEP_DAYS);
    assert_int_equal(p.names_n, 0);
    assert_int_equal(p.names_len, 0);
    usher__policy_free(&p);

    /* What stands behind the ladder is read too. */
    p = good("{'ladder':[{'on':'ack','at':'99%'}],'promises':{'ack':{'target':'3h'}}}");
    assert_int_equal(p.promise[ACK].target[0], 3 * HOUR);
    usher__policy_free(&p);
}

/* ---- what ------------------------------------------------------------------------------------ */

static void test_policy_ladder__steps_do_what_they_say(void **state)
{
    struct step s = step("'on':'ack','at':'100%','raise':1,'priority':'low'");

    (void)state;
    assert_int_equal(s.raise, 1);
    assert_int_equal(s.priority, USHER_LOW);
    s = step("'on':'ack','at':'100%','raise':100,'priority':'normal'");
    assert_int_equal(s.raise, RAISE_MAX);
    assert_int_equal(s.priority, USHER_NORMAL);
    assert_int_equal(step("'on':'ack','at':'100%','priority':'high'").priority, USHER_HIGH);
    assert_int_equal(step("'on':'ack','at':'100%','priority':'urgent'").priority, USHER_URGENT);
}

static void test_policy_ladder__names_are_kept_once(void **state)
{
    struct policy p =
        ladder("{'on':'ack','at':'80%','notify':['lead']},"
               "{'on':'ack','at':'90%','notify':['manager','le\\u0061d'],'move':'lead'},"
               "{'on':'ack','at':'95%','notify':[]},"
               "{'on':'ack','at':'99%','move':'J\\u00fcrgen \\ud83d\\ude00\\n\\u20ac',"
               "'notify':['J\303\274rgen \360\237\230\200\\n\342\202\254']}");

    (void)state;
    assert_int_equal(p.names_n, 3);
    assert_string_equal(p.names[0], "lead");
    assert_string_equal(p.names[1], "manager");
    assert_string_equal(p.names[2], "J\303\274rgen \360\237\230\200\n\342\202\254");
    assert_int_equal(p.names_len, 5 + 8 + strlen(p.names[2]) + 1);
    assert_int_equal(p.ladder[0].notify, 1);
    assert_int_equal(p.ladder[1].notify, 3);
    assert_int_equal(p.ladder[1].move, 1);
    assert_int_equal(p.ladder[2].notify, 0);
    assert_int_equal(p.ladder[3].notify, 4);
    assert_int_equal(p.ladder[3].move, 3);
    usher__policy_free(&p);

    /* the first and the last character of each length, and those around the halves of pairs */
    p = ladder(
        "{'on':'ack','at':'80%','move':'\\u0001\\u007f\\u0080\\u07ff\\u0800\\ud7ff\\ue000\\uffff"
        "\\ud800\\udc00\\udbff\\udfff'}");
    assert_string_equal(p.names[0], "\1\177\302\200\337\277\340\240\200\355\237\277\356\200\200"
                                    "\357\277\277\360\220\200\200\364\217\277\277");
    usher__policy_free(&p);
}

/* ---- which ----------------------------------------------------------------------------------- */

/* FNV-1a of the tokens, each with a NUL behind it, and the top bit. */
static uint64_t id_of(const char *const *tokens)
{
    uint64_t id = UINT64_C(14695981039346656037);

    for (; *tokens != NULL; tokens++) {
        for (const char *c = *tokens; c == *tokens || c[-1] != '\0'; c++)
            id = (id ^ (unsigned char)*c) * UINT64_C(1099511628211);
    }
    return id | UINT64_C(1) << 63;
}

static void test_policy_ladder__a_step_is_its_text(void **state)
{
    static const char *const tokens[] = {"{",      "\"on\"", ":",        "\"ack\"", ",",
                                         "\"at\"", ":",      "\"100%\"", ",",       "\"raise\"",
                                         ":",      "1",      "}",        NULL};
    uint64_t id = step("'on':'ack','at':'100%','raise':1").id;

    (void)state;
    assert_true(id == id_of(tokens));
    assert_true(step(" 'on' :\n'ack'\t, 'at':'100%','raise':1 ").id == id);
    assert_true(step("'at':'100%','on':'ack','raise':1").id != id);
    assert_true(step("'on':'ack','at':'0100%','raise':1").id != id);
    assert_true(step("'on':'\\u0061ck','at':'100%','raise':1").id != id);
    assert_true(step("'on':'ack','at':'100%','raise':11").id != id);
    assert_true(step("'on':'ack','at':'100%','notify':['a','b']").id !=
                step("'on':'ack','at':'100%','notify':['a,b']").id);
}

static void test_policy_ladder__no_step_is_there_twice(void **state)
{
    struct policy p = ladder("{'on':'ack','at':'90%'},{'at':'90%','on':'ack'}");

    (void)state;
    usher__policy_free(&p);
    bad_ladder("{'on':'ack','at':'80%'},{'on':'ack','at':'90%'}, { 'on' : 'ack', 'at' : '80%' }",
               "[2]: the same step as ladder[0]");
}

static void test_policy_ladder__rules_are_paths(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LADDER_MAX; i++) {
        char path[32];

        snprintf(path, sizeof path, "ladder[%u]", i);
        assert_string_equal(usher__policy_step_rule(i), path);
    }
}

/* ---- what is refused ------------------------------------------------------------------------- */

#define AN_AT    "expected \"80%\", or \"-1h\" or \"+1h\" for before or after the due"
#define A_NAME   "expected a name such as \"lead\", of up to 255 bytes"
#define A_QUEUE  "expected a name such as \"tier2\", of up to 255 bytes"
#define NO_DAYS  "expected a duration such as \"4h\", for only a calendar has working days"
#define NO_WEEKS "expected h or wd, for nobody agrees what d and w mean on a calendar"

static void test_policy_ladder__errors_name_the_path(void **state)
{
    static const struct {
        const char *steps;
        const char *error;
    } cases[] = {
        {"3", "[0]: 3: expected an object"},
        {"[]", "[0]: a list: expected an object"},
        {"{}", "[0]: \"on\" is missing"},
        {"{'on':'ack'}", "[0]: \"at\" is missing"},
        {"{'at':'100%'}", "[0]: \"on\" is missing"},
        {"{'at':'100 %'}", "[0]: \"on\" is missing"},
        {"{'on':'ack','at':'100%'},{'on':'wait','at':'100%'}",
         "[1].on: \"wait\": expected \"ack\", \"answer\", \"update\" or \"resolve\""},
        {"{'on':'ack','at':'100%','clock':'utc'}",
         "[0].clock: \"utc\": expected \"business\" or \"wall\""},
        {"{'on':'ack','at':100}", "[0].at: 100: " AN_AT},
        {"{'on':'ack','at':''}", "[0].at: \"\": " AN_AT},
        {"{'on':'ack','at':'1h'}", "[0].at: \"1h\": " AN_AT},
        {"{'on':'ack','at':'100'}", "[0].at: \"100\": " AN_AT},
        {"{'on':'ack','at':['100%']}", "[0].at: a list: " AN_AT},
        {"{'on':'ack','at':'0%'}", "[0].at: \"0%\": expected 1% to 1000%"},
        {"{'on':'ack','at':'1001%'}", "[0].at: \"1001%\": expected 1% to 1000%"},
        {"{'on':'ack','at':'99999999999999999999%'}",
         "[0].at: \"99999999999999999999%\": expected 1% to 1000%"},
        {"{'on':'ack','at':'%'}", "[0].at: \"%\": expected 1% to 1000%"},
        {"{'on':'ack','at':'+100%'}", "[0].at: \"+100%\": expected 1% to 1000%"},
        {"{'on':'ack','at':'50.5%'}", "[0].at: \"50.5%\": expected 1% to 1000%"},
        {"{'on':'ack','at':'+'}", "[0].at: \"+\": expected a duration such as \"4h\" or \"2wd\""},
        {"{'on':'ack','at':'--1h'}",
         "[0].at: \"--1h\": expected a duration such as \"4h\" or \"2wd\""},
        {"{'on':'answer','at':'+1 h'}", "[0].at: \"+1 h\": expected a duration such as \"4h\""},
        {"{'on':'ack','at':'+0s'}", "[0].at: \"+0s\": expected a duration longer than 0"},
        {"{'on':'ack','at':'-0wd'}", "[0].at: \"-0wd\": expected a duration longer than 0"},
        {"{'on':'ack','at':'+1001wd'}", "[0].at: \"+1001wd\": expected no more than 1000wd"},
        {"{'on':'ack','at':'-876000h1ms'}",
         "[0].at: \"-876000h1ms\": expected no more than 36500 days"},
        {"{'on':'ack','at':'+1d'}", "[0].at: \"+1d\": " NO_WEEKS},
        {"{'on':'ack','at':'+1w1h'}", "[0].at: \"+1w1h\": " NO_WEEKS},
        {"{'on':'ack','at':'+1d','clock':'business'}", "[0].at: \"+1d\": " NO_WEEKS},
        {"{'on':'answer','at':'+1wd'}", "[0].at: \"+1wd\": " NO_DAYS},
        {"{'on':'ack','at':'+1wd','clock':'wall'}", "[0].at: \"+1wd\": " NO_DAYS},
        {"{'on':'ack','at':'100%','repeat':'1h'}", "[0]: \"times\" is missing"},
        {"{'on':'ack','at':'100%','times':1}", "[0]: \"repeat\" is missing"},
        {"{'on':'ack','at':'100%','repeat':'0s','times':1}",
         "[0].repeat: \"0s\": expected a duration longer than 0"},
        {"{'on':'ack','at':'100%','repeat':'+1h','times':1}",
         "[0].repeat: \"+1h\": expected a duration such as \"4h\" or \"2wd\""},
        {"{'on':'ack','at':'100%','repeat':'1d','times':1}", "[0].repeat: \"1d\": " NO_WEEKS},
        {"{'on':'ack','at':'100%','repeat':'1wd','times':1,'clock':'wall'}",
         "[0].repeat: \"1wd\": " NO_DAYS},
        {"{'on':'ack','at':'100%','repeat':'1h','times':0}",
         "[0].times: 0: expected a whole number from 1 to 1000"},
        {"{'on':'ack','at':'100%','repeat':'1h','times':1001}",
         "[0].times: 1001: expected a whole number from 1 to 1000"},
        {"{'on':'ack','at':'100%','raise':0}",
         "[0].raise: 0: expected a whole number from 1 to 100"},
        {"{'on':'ack','at':'100%','raise':101}",
         "[0].raise: 101: expected a whole number from 1 to 100"},
        {"{'on':'ack','at':'100%','raise':'1'}",
         "[0].raise: \"1\": expected a whole number from 1 to 100"},
        {"{'on':'ack','at':'100%','priority':'higher'}",
         "[0].priority: \"higher\": expected \"low\", \"normal\", \"high\" or \"urgent\""},
        {"{'on':'ack','at':'100%','notify':'lead'}", "[0].notify: \"lead\": expected a list"},
        {"{'on':'ack','at':'100%','notify':['lead',1]}", "[0].notify[1]: 1: " A_NAME},
        {"{'on':'ack','at':'100%','notify':['']}", "[0].notify[0]: \"\": " A_NAME},
        {"{'on':'ack','at':'100%','notify':['a\\u0000']}", "[0].notify[0]: \"a\\u0000\": " A_NAME},
        {"{'on':'ack','at':'100%','notify':['\\ud83d']}", "[0].notify[0]: \"\\ud83d\": " A_NAME},
        {"{'on':'ack','at':'100%','notify':['\\ud83dx']}", "[0].notify[0]: \"\\ud83dx\": " A_NAME},
        {"{'on':'ack','at':'100%','notify':['\\ud83d\\n']}",
         "[0].notify[0]: \"\\ud83d\\n\": " A_NAME},
        {"{'on':'ack','at':'100%','notify':['\\ud83d\\nde00']}",
         "[0].notify[0]: \"\\ud83d\\nde00\": " A_NAME},
        {"{'on':'ack','at':'100%','notify':['\\ud83d\\ud83d']}",
         "[0].notify[0]: \"\\ud83d\\ud83d\": " A_NAME},
        {"{'on':'ack','at':'100%','notify':['\\ude00\\ud83d']}",
         "[0].notify[0]: \"\\ude00\\ud83d\": " A_NAME},
        {"{'on':'ack','at':'100%','notify':['\\ude00\\ude00']}",
         "[0].notify[0]: \"\\ude00\\ude00\": " A_NAME},
        {"{'on':'ack','at':'100%','notify':['\\ud83d\\ue000']}",
         "[0].notify[0]: \"\\ud83d\\ue000\": " A_NAME},
        {"{'on':'ack','at':'100%','notify':['a','b','a']}",
         "[0].notify[2]: \"a\": expected each of them once"},
        {"{'on':'ack','at':'100%','move':''}", "[0].move: \"\": " A_QUEUE},
        {"{'on':'ack','at':'100%','move':['tier2']}", "[0].move: a list: " A_QUEUE},
        {"{'on':'ack','at':'100%','on':'ack'}", "[0].on: this key is there twice"},
        {"{'on':'ack','at':'100%','at':'100%'}", "[0].at: this key is there twice"},
        {"{'on':'ack','at':'100%','notfy':[]}", "[0].notfy: unknown key; did you mean \"notify\"?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        bad_ladder(cases[i].steps, cases[i].error);
    bad("{'ladder':{}}", "ladder: an object: expected a list");
    bad("{'ladder':[{'on':'resolve','at':'+1 day'}]}",
        "ladder[0].at: \"+1 day\": expected a duration such as \"4h\"");
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* Steps at n shares of the target, each with `per` names of its own. */
static const char *many(char text[JSON_SIZE], int n, int per)
{
    size_t len = 0;

    text[0] = '\0';
    for (int i = 0; i < n; i++) {
        len += (size_t)snprintf(text + len, JSON_SIZE - len, "%s{'on':'ack','at':'%d%%','notify':[",
                                i > 0 ? "," : "", i + 1);
        for (int j = 0; j < per; j++)
            len += (size_t)snprintf(text + len, JSON_SIZE - len, "%s'n%d'", j > 0 ? "," : "",
                                    i * per + j);
        len += (size_t)snprintf(text + len, JSON_SIZE - len, "]}");
    }
    assert_true(len < JSON_SIZE - 200);
    return text;
}

static void test_policy_ladder__has_limits(void **state)
{
    char text[JSON_SIZE], whole[JSON_SIZE];
    struct policy p = ladder(many(text, LADDER_MAX, 2));

    (void)state;
    assert_int_equal(p.ladder_n, LADDER_MAX);
    assert_int_equal(p.names_n, NAMES_OF_LADDER);
    assert_string_equal(p.names[63], "n63");
    assert_true(p.ladder[31].notify == UINT64_C(3) << 62);
    usher__policy_free(&p);
    bad_ladder(many(text, LADDER_MAX + 1, 0), "[32]: an object: expected no more than 32 of them");

    p = ladder(many(text, 4, NOTIFY_MAX));
    assert_int_equal(p.names_n, NAMES_OF_LADDER);
    assert_true(p.ladder[3].notify == UINT64_C(0xffff) << 48);
    usher__policy_free(&p);
    bad_ladder(many(text, 1, NOTIFY_MAX + 1),
               "[0].notify[16]: \"n16\": expected no more than 16 of them");
    bad_ladder(many(text, 5, 13),
               "[4].notify[12]: \"n64\": expected no more than 64 different names in a ladder");

    /* Known ones are not more names. */
    many(text, 4, NOTIFY_MAX);
    strcat(text, ",{'on':'ack','at':'99%','notify':['n0','n63'],'move':'n63'}");
    p = ladder(text);
    assert_int_equal(p.ladder[4].move, 64);
    usher__policy_free(&p);
    text[strlen(text) - 3] = 'x';
    bad_ladder(text, "[4].move: \"n6x\": expected no more than 64 different names in a ladder");

    /* The queue for causes is none of them. */
    snprintf(whole, sizeof whole, "{'recurrence':{'cause_queue':'n64'},'ladder':[%s]}",
             many(text, 4, NOTIFY_MAX));
    p = good(whole);
    assert_int_equal(p.names_n, NAMES_OF_LADDER + 1);
    assert_int_equal(p.cause_queue, NAMES_OF_LADDER + 1);
    assert_string_equal(p.names[64], "n64");
    usher__policy_free(&p);
}

static void test_policy_ladder__names_have_255_bytes(void **state)
{
    char name[300], text[JSON_SIZE], error[ERR_SIZE];
    struct policy p;

    (void)state;
    memset(name, 'x', sizeof name);
    for (size_t len = 254; len <= 257; len++) {
        snprintf(text, sizeof text, "{'on':'ack','at':'99%%','move':'%.*s'}", (int)len, name);
        snprintf(error, sizeof error, "[0].move: \"%.47s...\": " A_QUEUE, name);
        if (len > USHER_NAME_MAX) {
            bad_ladder(text, error);
            continue;
        }
        p = ladder(text);
        assert_int_equal(strlen(p.names[0]), len);
        assert_int_equal(p.names_len, len + 1);
        usher__policy_free(&p);
    }
    /* It is the bytes that count, not how they are written. */
    snprintf(text, sizeof text, "{'on':'ack','at':'99%%','move':'\\u20ac%.252s'}", name);
    p = ladder(text);
    assert_int_equal(p.names_len, 256);
    usher__policy_free(&p);
    snprintf(text, sizeof text, "{'on':'ack','at':'99%%','move':'\\u20ac%.253s'}", name);
    snprintf(error, sizeof error, "[0].move: \"\\u20ac%.41s...\": " A_QUEUE, name);
    bad_ladder(text, error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_ladder__steps_have_their_instants),
        cmocka_unit_test(test_policy_ladder__steps_repeat),
        cmocka_unit_test(test_policy_ladder__has_its_promises_time_wherever_that_is_said),
        cmocka_unit_test(test_policy_ladder__steps_do_what_they_say),
        cmocka_unit_test(test_policy_ladder__names_are_kept_once),
        cmocka_unit_test(test_policy_ladder__a_step_is_its_text),
        cmocka_unit_test(test_policy_ladder__no_step_is_there_twice),
        cmocka_unit_test(test_policy_ladder__rules_are_paths),
        cmocka_unit_test(test_policy_ladder__errors_name_the_path),
        cmocka_unit_test(test_policy_ladder__has_limits),
        cmocka_unit_test(test_policy_ladder__names_have_255_bytes),
    };

    return cmocka_run_group_tests_name("policy_ladder", tests, NULL, NULL);
}
