/* What is said of policies that are wrong, and that any text at all is one or the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

#include "core/policy.h"
#include "policy_json.h"

/* ---- what is said of wrong ones ------------------------------------------------------------- */

#define A_DURATION "expected a duration such as \"4h\""

static void test_policy_errors__errors_name_the_path(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        /* the wrong type */
        {"[]", "a list: expected an object"},
        {"3", "3: expected an object"},
        {"null", "null: expected an object"},
        {"'desk'", "\"desk\": expected an object"},
        {"[[[[[[[[]]]]]]]]", "a list: expected an object"},
        {"{'promises':[]}", "promises: a list: expected an object"},
        {"{'promises':{'ack':'1h'}}", "promises.ack: \"1h\": expected an object"},
        {"{'lease':null}", "lease: null: expected an object"},
        {"{'warn':50}", "warn: 50: expected a list"},
        {"{'warn':{'a':1}}", "warn: an object: expected a list"},
        {"{'warn':[[50]]}", "warn[0]: a list: expected a whole number from 1 to 99"},
        {"{'promises':{'ack':{'pauses':'until'}}}",
         "promises.ack.pauses: \"until\": expected a list"},
        {"{'promises':{'ack':{'receipt':1}}}", "promises.ack.receipt: 1: expected true or false"},
        {"{'promises':{'ack':{'receipt':'true'}}}",
         "promises.ack.receipt: \"true\": expected true or false"},
        {"{'promises':{'ack':{'target':4}}}",
         "promises.ack.target: 4: " A_DURATION ", or an object of them"},
        {"{'promises':{'ack':{'target':['4h']}}}",
         "promises.ack.target: a list: " A_DURATION ", or an object of them"},
        {"{'lease':{'for':15}}", "lease.for: 15: " A_DURATION},
        {"{'lease':{'for':true}}", "lease.for: true: " A_DURATION},
        {"{'lease':{'for':{'ms':1}}}", "lease.for: an object: " A_DURATION},
        {"{'preset':null}", "preset: null: expected \"desk\""},
        /* the wrong value */
        {"{'promises':{'resolve':{'target':{'urgent':'4 hours'}}}}",
         "promises.resolve.target.urgent: \"4 hours\": " A_DURATION},
        {"{'promises':{'resolve':{'target':'3wd'}}}",
         "promises.resolve.target: \"3wd\": " A_DURATION ", for only a calendar has working days"},
        {"{'promises':{'ack':{'target':'0s'}}}",
         "promises.ack.target: \"0s\": expected a duration longer than 0"},
        {"{'lease':{'max':'0h'}}", "lease.max: \"0h\": expected a duration longer than 0"},
        {"{'line':{'gap':'5215w'}}", "line.gap: \"5215w\": expected no more than 36500 days"},
        {"{'line':{'gap':'99999999999999999999w'}}",
         "line.gap: \"99999999999999999999w\": expected no more than 36500 days"},
        {"{'warn':[100]}", "warn[0]: 100: expected a whole number from 1 to 99"},
        {"{'warn':[5,'9']}", "warn[1]: \"9\": expected a whole number from 1 to 99"},
        {"{'warn':[5.0]}", "warn[0]: 5.0: expected a whole number from 1 to 99"},
        {"{'warn':[5e0]}", "warn[0]: 5e0: expected a whole number from 1 to 99"},
        {"{'warn':[-5]}", "warn[0]: -5: expected a whole number from 1 to 99"},
        {"{'warn':[99999999999999999999]}",
         "warn[0]: 99999999999999999999: expected a whole number from 1 to 99"},
        {"{'warn':[50,50]}", "warn[1]: 50: expected more than the one before"},
        {"{'warn':[50,60,55]}", "warn[2]: 55: expected more than the one before"},
        {"{'line':{'shares':{'high':0}}}",
         "line.shares.high: 0: expected \"first\" or a whole number from 1 to 1000"},
        {"{'line':{'shares':{'high':'last'}}}",
         "line.shares.high: \"last\": expected \"first\" or a whole number from 1 to 1000"},
        {"{'retry':{'attempts':1001}}",
         "retry.attempts: 1001: expected a whole number from 1 to 1000"},
        {"{'retry':{'backoff':['1m',60]}}", "retry.backoff[1]: 60: " A_DURATION},
        {"{'limits':{'open':1000000001}}",
         "limits.open: 1000000001: expected a whole number from 1 to 1000000000"},
        {"{'limits':{'payload':16777217}}",
         "limits.payload: 16777217: expected a whole number from 0 to 16777216"},
        {"{'pause':{'requester':{'remind':['5d','2d']}}}",
         "pause.requester.remind[1]: \"2d\": expected more than the one before"},
        {"{'aftercare':{'check_in':['1d','24h']}}",
         "aftercare.check_in[1]: \"24h\": expected more than the one before"},
        {"{'pause':{'requester':{'then':'close'}}}",
         "pause.requester.then: \"close\": expected \"wait\" or \"resolve\""},
        {"{'pause':{'third_party':{'then':'resolve'}}}",
         "pause.third_party.then: \"resolve\": expected \"wait\""},
        {"{'pause':{'until':{'then':'resolve'}}}",
         "pause.until.then: \"resolve\": expected \"wait\""},
        {"{'promises':{'update':{'named':'Free'}}}",
         "promises.update.named: \"Free\": expected \"capped\" or \"free\""},
        {"{'promises':{'ack':{'pauses':['all']}}}",
         "promises.ack.pauses[0]: \"all\": "
         "expected \"requester\", \"third_party\" or \"until\""},
        {"{'promises':{'ack':{'pauses':['until','until']}}}",
         "promises.ack.pauses[1]: \"until\": expected each of them once"},
        {"{'handoff':{'accept_within':'0s'}}",
         "handoff.accept_within: \"0s\": expected a duration longer than 0"},
        {"{'handoff':{'accept_within':'2wd'}}", "handoff.accept_within: \"2wd\": " A_DURATION},
        {"{'handoff':{'hops':0}}", "handoff.hops: 0: expected a whole number from 1 to 1000"},
        {"{'recurrence':{'window':'36501d'}}",
         "recurrence.window: \"36501d\": expected no more than 36500 days"},
        {"{'recurrence':{'cause_after':1}}",
         "recurrence.cause_after: 1: expected a whole number from 2 to 32"},
        {"{'recurrence':{'cause_queue':''}}",
         "recurrence.cause_queue: \"\": expected a name such as \"problems\", of up to 255 bytes"},
        {"{'recurrence':{'cause_queue':7}}",
         "recurrence.cause_queue: 7: expected a name such as \"problems\", of up to 255 bytes"},
        {"{'recurrence':{'cause_que':'x'}}",
         "recurrence.cause_que: unknown key; did you mean \"cause_queue\"?"},
        {"{'preset':'bank'}", "preset: \"bank\": expected \"desk\""},
        /* two values that do not go together */
        {"{'lease':{'for':'1h','max':'30m'}}", "lease.max: expected no less than lease.for"},
        {"{'lease':{'for':'9h'}}", "lease.max: expected no less than lease.for"},
        {"{'preset':'desk','lease':{'max':'14m'}}", "lease.max: expected no less than lease.for"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        bad(cases[i].text, cases[i].error);
}

static void test_policy_errors__unknown_keys_are_errors(void **state)
{
    static const char every[] = ": unknown key; expected one of \"preset\", \"calendars\", "
                                "\"promises\", \"warn\", \"ladder\", "
                                "\"notify_calendar\", \"line\", \"lease\", \"retry\", \"pause\", "
                                "\"handoff\", \"aftercare\", \"recurrence\" or \"limits\"";
    static const char *const not_known[] = {"handover",     "symptoms",   "PROMISES", "warning",
                                            "\303\244rger", "x y",        "lexxe"};
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"{'promises':{'ak':{}}}", "promises.ak: unknown key; did you mean \"ack\"?"},
        {"{'promise':{}}", "promise: unknown key; did you mean \"promises\"?"},
        {"{'leas':{}}", "leas: unknown key; did you mean \"lease\"?"},
        {"{'leasex':{}}", "leasex: unknown key; did you mean \"lease\"?"},
        {"{'leasee':{}}", "leasee: unknown key; did you mean \"lease\"?"},
        {"{'limit':{}}", "limit: unknown key; did you mean \"limits\"?"},
        {"{'xlimits':{}}", "xlimits: unknown key; did you mean \"limits\"?"},
        {"{'aftrcaree':{}}", "aftrcaree: unknown key; did you mean \"aftercare\"?"},
        {"{'leese':{}}", "leese: unknown key; did you mean \"lease\"?"},
        {"{'aftercare':{'reopen_witin':'1d'}}",
         "aftercare.reopen_witin: unknown key; did you mean \"reopen_within\"?"},
        {"{'lease':{'min':'1d'}}", "lease.min: unknown key; expected one of \"for\" or \"max\""},
        {"{'promises':{'answer':{'receipt':true}}}",
         "promises.answer.receipt: unknown key; "
         "expected one of \"calendar\", \"target\" or \"pauses\""},
        {"{'promises':{'resolve':{'named':'free'}}}",
         "promises.resolve.named: unknown key; "
         "expected one of \"calendar\", \"target\" or \"pauses\""},
        {"{'promises':{'ack':{'target':{'critical':'1h'}}}}",
         "promises.ack.target.critical: unknown key; "
         "expected one of \"urgent\", \"high\", \"normal\" or \"low\""},
        {"{'pause':{'agent':{}}}", "pause.agent: unknown key; "
                                   "expected one of \"requester\", \"third_party\" or \"until\""},
        {"{'\\u006cin\\u0065s':{}}", "\\u006cin\\u0065s: unknown key; did you mean \"line\"?"},
        {"{'abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz':1}",
         "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuv..."
         ": unknown key; expected one of \"preset\", \"calendars\", \"promises\", \"warn\", "
         "\"ladder\", \"notify_calendar\", \"line\", \"lease\", \"retry\", \"pause\", "
         "\"handoff\", \"aftercare\", \"recurrence\" or "
         "\"limits\""},
    };
    char text[64], error[ERR_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        bad(cases[i].text, cases[i].error);
    for (size_t i = 0; i < sizeof not_known / sizeof not_known[0]; i++) {
        snprintf(text, sizeof text, "{'%s':1}", not_known[i]);
        snprintf(error, sizeof error, "%s%s", not_known[i], every);
        bad(text, error);
    }
    snprintf(error, sizeof error, "\"\"%s", every);
    bad("{'':1}", error);
}

static void test_policy_errors__a_key_twice_is_an_error(void **state)
{
    (void)state;
    bad("{'warn':[1],'warn':[1]}", "warn: this key is there twice");
    bad("{'warn':[1],'w\\u0061rn':[1]}", "warn: this key is there twice");
    bad("{'promises':{'ack':{},'answer':{},'ack':{}}}", "promises.ack: this key is there twice");
    bad("{'promises':{'ack':{'target':{'low':'1h','low':'1h'}}}}",
        "promises.ack.target.low: this key is there twice");
    bad("{'preset':'desk','preset':'desk'}", "preset: this key is there twice");
    /* the same names under different keys are different ones */
    good("{'pause':{'requester':{'max':'1h'},'until':{'max':'1h'}},'lease':{'max':'1h'}}");
}

static void test_policy_errors__what_is_not_json_has_line_and_column(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"", "line 1, column 1: the end: expected a value"},
        {" \n\n  ", "line 3, column 3: the end: expected a value"},
        {"{", "line 1, column 2: the end: expected a key"},
        {"{'warn'", "line 1, column 8: the end: expected \":\""},
        {"{'warn':", "line 1, column 9: the end: expected a value"},
        {"{'warn':[", "line 1, column 10: the end: expected a value"},
        {"{'warn':[1", "line 1, column 11: the end: expected \",\" or \"]\""},
        {"{'warn':[1]", "line 1, column 12: the end: expected \",\" or \"}\""},
        {"{'warn' [1]}", "line 1, column 9: a list: expected \":\""},
        {"{'warn':[1],}", "line 1, column 13: }: expected a key"},
        {"{,}", "line 1, column 2: ,: expected a key"},
        {"{'warn':[1,]}", "line 1, column 12: ]: expected a value"},
        {"{'warn':[,1]}", "line 1, column 10: ,: expected a value"},
        {"{'warn':[1 2]}", "line 1, column 12: 2: expected \",\" or \"]\""},
        {"{'warn':[1}}", "line 1, column 11: }: expected \",\" or \"]\""},
        {"{'warn':[1]]", "line 1, column 12: ]: expected \",\" or \"}\""},
        {"{'warn':}", "line 1, column 9: }: expected a value"},
        {"{'lease':{'for'\n:\n\t,}}", "line 3, column 2: ,: expected a value"},
        {"{'warn':[1] 'line':{}}", "line 1, column 13: \"line\": expected \",\" or \"}\""},
        {"{5:1}", "line 1, column 2: 5: expected a key"},
        {"{warn:1}", "line 1, column 2: warn: not JSON"},
        {"{'warn':[01]}", "line 1, column 10: 01: not JSON"},
        {"{'warn':[1.]}", "line 1, column 10: 1.: not JSON"},
        {"{'warn':[.5]}", "line 1, column 10: .5: not JSON"},
        {"{'warn':[+5]}", "line 1, column 10: +5: not JSON"},
        {"{'warn':[-]}", "line 1, column 10: -: not JSON"},
        {"{'warn':[1e]}", "line 1, column 10: 1e: not JSON"},
        {"{'warn':[1e+]}", "line 1, column 10: 1e+: not JSON"},
        {"{'warn':[1e", "line 1, column 10: 1e: not JSON"},
        {"{'warn':[azAZ]}", "line 1, column 10: azAZ: not JSON"},
        {"{~", "line 1, column 2: ~: not JSON"},
        {"{'warn':[NaN]}", "line 1, column 10: NaN: not JSON"},
        {"{'warn':[0x10]}", "line 1, column 10: 0x10: not JSON"},
        {"{'lease':{'for':tru}}", "line 1, column 17: tru: not JSON"},
        {"{'lease':{'for':True}}", "line 1, column 17: True: not JSON"},
        {"{'lease':/**/{}}", "line 1, column 10: /: not JSON"},
        {"{}x", "line 1, column 3: x: not JSON"},
        {"{}{}", "line 1, column 3: an object: expected the end"},
        {"{}\n}", "line 2, column 1: }: expected the end"},
        {"{'warn", "line 1, column 2: \": a string that does not end"},
        {"{'warn\\", "line 1, column 7: \\: not the start of a JSON escape"},
        {"{'w\\'", "line 1, column 2: \": a string that does not end"},
        {"{'\\x'", "line 1, column 3: \\: not the start of a JSON escape"},
        {"{'\\u12g4'", "line 1, column 3: \\: not the start of a JSON escape"},
        {"{'\\u0041", "line 1, column 2: \": a string that does not end"},
        {"{'\\u12", "line 1, column 3: \\: not the start of a JSON escape"},
        {"{'a\nb':1}", "line 1, column 4: byte 0x0a: "
                       "not allowed in a string, write it as an escape"},
        {"{'a\33b':1}", "line 1, column 4: byte 0x1b: "
                        "not allowed in a string, write it as an escape"},
        {"{\177}", "line 1, column 2: byte 0x7f: not JSON"},
        {"{'a'}", "line 1, column 5: }: expected \":\""},
        {"{'a':{}]", "line 1, column 8: ]: expected \",\" or \"}\""},
        {"{'a':[{}}", "line 1, column 9: }: expected \",\" or \"]\""},
        {"{'a':[[],]}", "line 1, column 10: ]: expected a value"},
        {"{'a':1,'b'}", "line 1, column 11: }: expected \":\""},
        {"{'a':{'b':1,}}", "line 1, column 13: }: expected a key"},
        {"\357\273\277{}", "line 1, column 1: byte 0xef: not JSON"},
        /* columns are characters */
        {"{'lease':{'for':'\303\244\342\202\254\360\237\230\200'",
         "line 1, column 22: the end: expected \",\" or \"}\""},
        {"{'warn' '\303\244\342\202\254\360\237\230\200\377",
         "line 1, column 13: byte 0xff: not UTF-8"},
        {"{'\300\200':1}", "line 1, column 3: byte 0xc0: not UTF-8"},
        {"{'\301\277':1}", "line 1, column 3: byte 0xc1: not UTF-8"},
        {"{'\340\237\277':1}", "line 1, column 3: byte 0xe0: not UTF-8"},
        {"{'\355\240\200':1}", "line 1, column 3: byte 0xed: not UTF-8"},
        {"{'\360\217\277\277':1}", "line 1, column 3: byte 0xf0: not UTF-8"},
        {"{'\364\220\200\200':1}", "line 1, column 3: byte 0xf4: not UTF-8"},
        {"{'\370\210\200\200\200':1}", "line 1, column 3: byte 0xf8: not UTF-8"},
        {"{'\370\220\200\200':1}", "line 1, column 3: byte 0xf8: not UTF-8"},
        {"{'\200':1}", "line 1, column 3: byte 0x80: not UTF-8"},
        {"{'\277\277':1}", "line 1, column 3: byte 0xbf: not UTF-8"},
        {"{'\303':1}", "line 1, column 3: byte 0xc3: not UTF-8"},
        {"{'\342\202", "line 1, column 3: byte 0xe2: not UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        bad(cases[i].text, cases[i].error);
#define BYTES(text) text, sizeof(text) - 1
    bad_json(BYTES("\0"), "line 1, column 1: byte 0x00: not JSON");
    bad_json(BYTES("{}\0"), "line 1, column 3: byte 0x00: not JSON");
    bad_json(BYTES("{\"warn\"\0:[1]}"), "line 1, column 8: byte 0x00: not JSON");
    bad_json(BYTES("{\"warn\0\":[1]}"),
             "line 1, column 7: byte 0x00: not allowed in a string, write it as an escape");
    bad_json(BYTES("{\"warn\":'"), "line 1, column 9: ': not JSON");
#undef BYTES
    /* a NUL that is written as an escape is a letter like others, and none of a word's */
    bad("{'lease':{'for':'4h\\u0000'}}", "lease.for: \"4h\\u0000\": " A_DURATION);
    bad("{'promises':{'update':{'named':'free\\u0000'}}}",
        "promises.update.named: \"free\\u0000\": expected \"capped\" or \"free\"");
}

static void test_policy_errors__json_is_not_too_deep(void **state)
{
    char text[160];

    (void)state;
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    bad_json(text, 128, "a list: expected an object");
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    bad_json(text, 130, "line 1, column 65: a list: expected less in one another");
    for (int i = 0; i < 64; i++)
        text[i] = i % 2 == 0 ? '[' : '{';
    bad_json(text, 64, "line 1, column 3: a list: expected a key");
}

/* Correct JSON of every kind, where it is the wrong kind. */
static void test_policy_errors__json_is_known_in_full(void **state)
{
    static const char *const numbers[] = {"0",   "-0",   "-1",   "10",    "1.5",  "0.0",   "-0.25",
                                          "1e5", "1E-5", "0e+0", "1.5e7", "true", "false", "null"};
    static const char *const strings[] = {"\\'\\\\\\/\\b\\f\\n\\r\\t",
                                          "\\u0000\\u001f\\uFFFF",
                                          "\\ud83d\\ude00",
                                          "\\ud800",
                                          "\\uAFaf\\u09EB",
                                          "\302\200\337\277",
                                          "\340\240\200\355\237\277",
                                          "\356\200\200\357\277\277",
                                          "\360\220\200\200\364\217\277\277",
                                          "/ \177"};
    char text[128], error[128], json[JSON_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        snprintf(text, sizeof text, "{'lease':{'for': %s }}", numbers[i]);
        snprintf(error, sizeof error, "lease.for: %s: " A_DURATION, numbers[i]);
        bad(text, error);
    }
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        snprintf(text, sizeof text, "{'lease':{'for':'%s'}}", strings[i]);
        snprintf(error, sizeof error, "lease.for: \"%s\": " A_DURATION, strings[i]);
        to_json(json, error);
        bad(text, json);
    }
}

static void test_policy_errors__long_values_are_shown_in_part(void **state)
{
    char text[4096], error[ERR_SIZE];
    char value[2048];

    (void)state;
    memset(value, 'x', sizeof value);
    value[47] = '\0'; /* with its quotes 49 bytes */
    snprintf(text, sizeof text, "{'lease':{'for':'%s'}}", value);
    snprintf(error, sizeof error, "lease.for: \"%.47s...\": " A_DURATION, value);
    bad(text, error);

    value[46] = '\0'; /* 48: whole */
    snprintf(text, sizeof text, "{'lease':{'for':'%s'}}", value);
    snprintf(error, sizeof error, "lease.for: \"%.46s\": " A_DURATION, value);
    bad(text, error);

    /* never in the middle of a character */
    value[46] = 'x';
    memcpy(value + 45, "\342\202\254\342\202\254", 7);
    snprintf(text, sizeof text, "{'lease':{'for':'%s'}}", value);
    snprintf(error, sizeof error, "lease.for: \"%.45s...\": " A_DURATION, value);
    bad(text, error);

    memset(value, '7', sizeof value);
    value[sizeof value - 1] = '\0';
    snprintf(text, sizeof text, "{'lease':{'for':%s}}", value);
    snprintf(error, sizeof error, "lease.for: %.48s...: " A_DURATION, value);
    bad(text, error);
}

static void test_policy_errors__errors_are_cut_to_any_buffer(void **state)
{
    static const char text[] = "{\"warn\":{\"a\":1},\"\303\244\":1}";
    static const char key[] = "{\"\303\244\342\202\254\":1}";
    static const char lease[] = "{\"lease\":{\"for\":\"9h\"}}";
    struct policy p;
    char whole_text[ERR_SIZE];
    size_t len;

    (void)state;
    assert_int_equal(usher__policy_compile(&p, text, sizeof text - 1, &plain_world, NULL, 0),
                     USHER_EPOLICY);
    assert_int_equal(usher__policy_compile(&p, text, sizeof text - 1, &plain_world, NULL, 7),
                     USHER_EPOLICY);
    assert_int_equal(usher__policy_compile(&p, lease, sizeof lease - 1, &plain_world, NULL, 7),
                     USHER_EPOLICY);
    assert_int_equal(usher__policy_compile(&p, "{}", 2, &plain_world, NULL, 0), USHER_OK);
    assert_int_equal(
        usher__policy_compile(&p, key, sizeof key - 1, &plain_world, whole_text, ERR_SIZE),
        USHER_EPOLICY);
    len = strlen(whole_text);
    for (size_t size = 0; size <= len + 2; size++) {
        char *err = malloc(size + 1);
        size_t n;

        assert_non_null(err);
        memset(err, '#', size + 1);
        assert_int_equal(usher__policy_compile(&p, key, sizeof key - 1, &plain_world, err, size),
                         USHER_EPOLICY);
        assert_int_equal(err[size], '#');
        if (size > 0) {
            assert_non_null(memchr(err, '\0', size));
            n = strlen(err);
            assert_memory_equal(err, whole_text, n);
            /* "policy: " and then characters of two and three bytes */
            if (size - 1 == 9)
                assert_int_equal(n, 8);
            else if (size - 1 == 11 || size - 1 == 12)
                assert_int_equal(n, 10);
            else
                assert_int_equal(n, size - 1 < len ? size - 1 : len);
        }
        free(err);
    }
    for (size_t size = 0; size <= 60; size++) {
        char err[64];

        memset(err, '#', sizeof err);
        assert_int_equal(
            usher__policy_compile(&p, lease, sizeof lease - 1, &plain_world, err, size),
            USHER_EPOLICY);
        assert_int_equal(err[size], '#');
        if (size > 0)
            assert_non_null(memchr(err, '\0', size));
    }
}

/* ---- any text ------------------------------------------------------------------------------- */

static bool is_utf8(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    while (*c != 0) {
        int more = *c < 0x80   ? 0
                   : *c < 0xc2 ? -1
                   : *c < 0xe0 ? 1
                   : *c < 0xf0 ? 2
                   : *c < 0xf5 ? 3
                               : -1;

        if (more < 0)
            return false;
        for (c++; more > 0; more--, c++) {
            if ((*c & 0xc0) != 0x80)
                return false;
        }
    }
    return true;
}

static void assert_ascending(const int64_t *list, uint32_t n, uint32_t most, int64_t least)
{
    assert_true(n <= most);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(list[i] >= least && list[i] <= POLICY_DURATION_MAX);
        assert_true(i == 0 || list[i] > list[i - 1]);
    }
}

static bool owns(const struct policy *p, const struct calendar *c)
{
    for (uint32_t i = 0; i < p->calendars_n; i++) {
        if (p->calendars[i] == c)
            return true;
    }
    return false;
}

static void assert_sound_step(const struct policy *p, const struct step *s)
{
    bool on_calendar = p->promise[s->on].calendar != NULL && !s->wall;

    assert_true(s->id >> 63 == 1);
    assert_in_range(s->on, 0, PROMISES - 1);
    assert_in_range(s->at_unit, STEP_PERCENT, STEP_DAYS);
    assert_in_range(s->repeat_unit, 0, STEP_DAYS);
    assert_true(s->repeat_unit != STEP_PERCENT);
    assert_true(on_calendar || (s->at_unit != STEP_DAYS && s->repeat_unit != STEP_DAYS));
    assert_true(s->at != 0);
    assert_true(s->at > 0 || s->at_unit != STEP_PERCENT);
    assert_in_range(s->at + POLICY_DURATION_MAX, 0, 2 * POLICY_DURATION_MAX);
    assert_in_range(s->repeat, 0, POLICY_DURATION_MAX);
    assert_true((s->repeat > 0) == (s->times > 0));
    assert_in_range(s->times, 0, REPEATS_MAX);
    assert_in_range(s->raise, 0, RAISE_MAX);
    assert_in_range(s->priority, 0, USHER_URGENT);
    assert_true(s->move <= p->names_n);
    assert_true(p->names_n >= 64 || s->notify >> p->names_n == 0);
}

/* What the rules rely on, whatever the text was. */
static void assert_sound(const struct policy *p)
{
    for (int i = 0; i < PROMISES; i++) {
        assert_true(p->promise[i].calendar == NULL || owns(p, p->promise[i].calendar));
        assert_true(p->promise[i].calendar != NULL || p->promise[i].days == 0);
        assert_true(p->promise[i].pauses < 8);
        for (int j = 0; j < PRIORITIES; j++) {
            assert_in_range(p->promise[i].target[j], 0, POLICY_DURATION_MAX);
            assert_true(j == 0 || p->promise[i].target[j - 1] == 0 || p->promise[i].target[j] > 0);
        }
    }
    assert_true(p->warn_n <= WARN_MAX);
    for (uint32_t i = 0; i < p->warn_n; i++) {
        assert_in_range(p->warn[i], 1, 99);
        assert_true(i == 0 || p->warn[i] > p->warn[i - 1]);
    }
    for (int i = 0; i < PRIORITIES; i++)
        assert_true(p->share[i] <= SHARE_MAX);
    assert_in_range(p->gap, 0, POLICY_DURATION_MAX);
    assert_in_range(p->keep_for, 0, POLICY_DURATION_MAX);
    assert_in_range(p->lease_for, 1, p->lease_max);
    assert_in_range(p->lease_max, 1, POLICY_DURATION_MAX);
    assert_in_range(p->attempts, 1, ATTEMPTS_MAX);
    assert_in_range(p->backoff_n, 1, BACKOFF_MAX);
    for (uint32_t i = 0; i < p->backoff_n; i++)
        assert_in_range(p->backoff[i], 0, POLICY_DURATION_MAX);
    for (int i = 0; i < REASONS; i++) {
        assert_in_range(p->pause[i].max, 1, POLICY_DURATION_MAX);
        assert_ascending(p->pause[i].remind, p->pause[i].remind_n, REMIND_MAX, 1);
        assert_true(!p->pause[i].then_resolve || i == USHER_ON_REQUESTER - 1);
    }
    assert_ascending(p->check_in, p->check_in_n, CHECK_IN_MAX, 1);
    assert_in_range(p->confirm_within, 0, POLICY_DURATION_MAX);
    assert_in_range(p->reopen_within, 0, POLICY_DURATION_MAX);
    assert_in_range(p->accept_within, 1, POLICY_DURATION_MAX);
    assert_in_range(p->hops, 1, HOPS_MAX);
    assert_in_range(p->recur_within, 1, POLICY_DURATION_MAX);
    assert_in_range(p->cause_after, 2, CAUSE_AFTER_MAX);
    assert_true(p->cause_queue == 0 || p->cause_queue == p->names_n);
    assert_in_range(p->open_max, 1, 1000000000);
    assert_in_range(p->payload_max, 0, USHER_BODY_MAX);
    assert_true(p->calendars_n <= CALENDARS_MAX);
    assert_true(p->notify_calendar == NULL || owns(p, p->notify_calendar));
    assert_true(p->ladder_n <= LADDER_MAX);
    for (uint32_t i = 0; i < p->ladder_n; i++)
        assert_sound_step(p, &p->ladder[i]);
}

/* Compiles what may be anything, and returns whether it was right. */
static bool any(const char *text, size_t len)
{
    struct policy p, before;
    char err[ERR_SIZE];
    int rc;

    memset(&p, 0xa5, sizeof p);
    memcpy(&before, &p, sizeof p);
    rc = compile(&p, text, len, err);
    if (rc == USHER_OK) {
        assert_string_equal(err, "");
        assert_sound(&p);
        usher__policy_free(&p);
        return true;
    }
    assert_int_equal(rc, USHER_EPOLICY);
    assert_memory_equal(&p, &before, sizeof p);
    assert_memory_equal(err, "policy: ", 8);
    assert_true(strlen(err) > 12);
    assert_true(is_utf8(err));
    return false;
}

/* The whole policy, with calendars, on top of the preset. */
static size_t whole_json(char json[JSON_SIZE])
{
    static const char calendars[] =
        "'notify_calendar':'c','calendars':{"
        "'c':{'zone':'UTC','week':{'mon-thu':[['08:00','12:00'],['13:00','17:30']],"
        "'fri':[['22:00','02:00']]},'special':{'2026-12-24':[]},'holidays':['*-01-01']},"
        "'d':{'zone':'Europe/Berlin','week':{'sat-mon':[['00:00','24:00']]}}}";
    char text[JSON_SIZE];

    /* The acknowledgement is on a calendar. */
    assert_memory_equal(whole_policy, "{'promises':{'ack':{", 20);
    snprintf(text, sizeof text, "{'preset':'desk',%s,'promises':{'ack':{'calendar':'d',%s",
             calendars, whole_policy + 20);
    return to_json(json, text);
}

static void test_policy_errors__no_part_of_one_is_one(void **state)
{
    char text[JSON_SIZE];
    size_t len = whole_json(text);

    (void)state;
    assert_true(any(text, len));
    for (size_t n = 0; n < len; n++)
        assert_false(any(text, n));
}

/* splitmix64 */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static size_t pick(uint64_t *seed, size_t n)
{
    return (size_t)(next_random(seed) % n);
}

/* Cuts n bytes out at `at` and puts others in. Returns the new length. */
static size_t splice(char *text, size_t len, size_t size, size_t at, size_t n, const char *in,
                     size_t in_len)
{
    n = n < len - at ? n : len - at;
    if (len - n + in_len > size)
        return len;
    memmove(text + at + in_len, text + at + n, len - at - n);
    memcpy(text + at, in, in_len);
    return len - n + in_len;
}

static size_t mutate(char *text, size_t len, size_t size, uint64_t *seed)
{
    static const char *const pieces[] = {"{",
                                         "}",
                                         "[",
                                         "]",
                                         ",",
                                         ":",
                                         "\"",
                                         "\\",
                                         "\\u0",
                                         "0",
                                         "-1",
                                         "9",
                                         "1e9",
                                         "null",
                                         "true",
                                         "false",
                                         "\"4h\"",
                                         "\"0s\"",
                                         "\"1ms\"",
                                         "\"ack\"",
                                         "\"max\"",
                                         "\"first\"",
                                         "\"1w1d\"",
                                         "\"36500d\"",
                                         "\303",
                                         "\303\244",
                                         "\377",
                                         "\n",
                                         " ",
                                         "\"until\"",
                                         "[]",
                                         "{}",
                                         "99999999999999999999",
                                         "\"99999999999999999999h\"",
                                         "[50,80]",
                                         "\"requester\"",
                                         "\"2wd\"",
                                         "\"+1d\"",
                                         "\"*-02-30\"",
                                         "\"24:00\"",
                                         "\"c\"",
                                         "\"sun-mon\":[],",
                                         "\\ud83d"};
    const char *piece = pieces[pick(seed, sizeof pieces / sizeof pieces[0])];
    size_t at = pick(seed, len + 1);
    char byte = (char)pick(seed, 256);
    char copy[64];
    size_t n, from;

    switch (pick(seed, 5)) {
    case 0:
        return splice(text, len, size, at, 1, &byte, 1);
    case 1:
        return splice(text, len, size, at, 1 + pick(seed, 20), "", 0);
    case 2:
        return splice(text, len, size, at, pick(seed, 8), piece, strlen(piece));
    case 3:
        n = pick(seed, sizeof copy);
        n = n < len ? n : len;
        from = pick(seed, len - n + 1);
        memcpy(copy, text + from, n);
        return splice(text, len, size, at, 0, copy, n);
    default: /* another digit, so that some stay right */
        for (size_t i = at; i < len; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                text[i] = (char)('0' + pick(seed, 10));
                break;
            }
        }
        return len;
    }
}

static void test_policy_errors__any_text_is_taken_or_refused(void **state)
{
    enum { ROUNDS = 20000 };
    char original[JSON_SIZE], text[JSON_SIZE];
    size_t original_len = whole_json(original);
    uint64_t seed = 20240229;
    uint32_t right = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        size_t len = original_len;

        memcpy(text, original, len);
        for (size_t n = 1 + pick(&seed, 4); n > 0; n--)
            len = mutate(text, len, sizeof text, &seed);
        right += any(text, len);
    }
    /* Neither all wrong nor all right, or this would have tried nothing. */
    assert_in_range(right, ROUNDS / 100, ROUNDS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_errors__errors_name_the_path),
        cmocka_unit_test(test_policy_errors__unknown_keys_are_errors),
        cmocka_unit_test(test_policy_errors__a_key_twice_is_an_error),
        cmocka_unit_test(test_policy_errors__what_is_not_json_has_line_and_column),
        cmocka_unit_test(test_policy_errors__json_is_not_too_deep),
        cmocka_unit_test(test_policy_errors__json_is_known_in_full),
        cmocka_unit_test(test_policy_errors__long_values_are_shown_in_part),
        cmocka_unit_test(test_policy_errors__errors_are_cut_to_any_buffer),
        cmocka_unit_test(test_policy_errors__no_part_of_one_is_one),
        cmocka_unit_test(test_policy_errors__any_text_is_taken_or_refused),
    };

    return cmocka_run_group_tests_name("policy_errors", tests, NULL, NULL);
}
