/* The calendars of a policy: what days and dates mean, what is refused, and whose memory it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

#include "core/date.h"
#include "core/policy.h"
#include "policy_json.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum { ACK, ANSWER, UPDATE, RESOLVE };

static int64_t at(int64_t year, uint32_t month, uint32_t day, int hour, int minute)
{
    return usher__date_day(year, month, day) * DAY + hour * HOUR + minute * MINUTE;
}

/* One calendar in UTC, with these keys. */
static struct policy calendar(const char *keys)
{
    char text[JSON_SIZE + 64];

    snprintf(text, sizeof text, "{'calendars':{'c':{'zone':'UTC',%s}}}", keys);
    return good(text);
}

static void bad_calendar(const char *keys, const char *expected)
{
    char text[JSON_SIZE], error[ERR_SIZE];

    snprintf(text, sizeof text, "{'calendars':{'c':{'zone':'UTC',%s}}}", keys);
    snprintf(error, sizeof error, "calendars.c%s", expected);
    bad(text, error);
}

/* In the week of Monday, 5 October 2026: open on that day from an hour to an hour, and at no other
 * time of it. */
static void assert_hours(const struct policy *p, uint32_t day, int from, int to)
{
    for (int hour = 0; hour < 24; hour++) {
        bool is_open = usher__calendar_is_open(p->calendars[0], at(2026, 10, 5 + day, hour, 0));

        if (is_open != (hour >= from && hour < to))
            fail_msg("day %u, %d:00 is %s", day, hour, is_open ? "open" : "closed");
    }
}

/* ---- days ------------------------------------------------------------------------------------ */

static void test_policy_calendars__days_and_spans(void **state)
{
    static const struct {
        const char *week;
        int8_t hours[7][2];
    } cases[] = {
        {"'mon':[['08:00','12:00']]", {{8, 12}}},
        {"'sun':[['08:00','12:00']]", {[6] = {8, 12}}},
        {"'mon-fri':[['08:00','12:00']]", {{8, 12}, {8, 12}, {8, 12}, {8, 12}, {8, 12}}},
        {"'fri-mon':[['08:00','12:00']]", {[0] = {8, 12}, [4] = {8, 12}, {8, 12}, {8, 12}}},
        {"'sun-mon':[['08:00','12:00']]", {[0] = {8, 12}, [6] = {8, 12}}},
        {"'mon-sun':[['08:00','12:00']]",
         {{8, 12}, {8, 12}, {8, 12}, {8, 12}, {8, 12}, {8, 12}, {8, 12}}},
        {"'wed-tue':[['08:00','12:00']]",
         {{8, 12}, {8, 12}, {8, 12}, {8, 12}, {8, 12}, {8, 12}, {8, 12}}},
        /* a day that is named alone, wherever it is named */
        {"'mon-wed':[['08:00','12:00']],'tue':[['09:00','10:00']]", {{8, 12}, {9, 10}, {8, 12}}},
        {"'tue':[['09:00','10:00']],'mon-wed':[['08:00','12:00']]", {{8, 12}, {9, 10}, {8, 12}}},
        {"'tue':[],'mon-wed':[['08:00','12:00']]", {{8, 12}, {0, 0}, {8, 12}}},
        {"'mon-wed':[['08:00','12:00']],'tue':[]", {{8, 12}, {0, 0}, {8, 12}}},
        {"'mon-tue':[['08:00','12:00']],'wed-thu':[['10:00','11:00']]",
         {{8, 12}, {8, 12}, {10, 11}, {10, 11}}},
        {"'tue':[['08:00','24:00']]", {[1] = {8, 24}}},
        {"'tue':[['08:00','00:00']]", {[1] = {8, 24}}},
        {"'tue':[['00:00','24:00']]", {[1] = {0, 24}}},
        {"'tue':[['22:00','02:00']]", {[1] = {22, 24}, {0, 2}}},
        {"'tu\\u0065':[['08:00','0\\u0039:00']]", {[1] = {8, 9}}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char keys[JSON_SIZE];
        struct policy p;

        snprintf(keys, sizeof keys, "'week':{%s}", cases[i].week);
        p = calendar(keys);
        for (uint32_t day = 0; day < 7; day++)
            assert_hours(&p, day, cases[i].hours[day][0], cases[i].hours[day][1]);
        usher__policy_free(&p);
    }
}

static void test_policy_calendars__minutes_count(void **state)
{
    struct policy p = calendar("'week':{'mon':[['08:01','11:59'],['23:59','24:00']]}");
    const struct calendar *c = p.calendars[0];

    (void)state;
    assert_int_equal(usher__calendar_next_open(c, at(2026, 10, 5, 0, 0)), at(2026, 10, 5, 8, 1));
    assert_int_equal(usher__calendar_next_close(c, at(2026, 10, 5, 9, 0)), at(2026, 10, 5, 11, 59));
    assert_int_equal(usher__calendar_next_open(c, at(2026, 10, 5, 12, 0)), at(2026, 10, 5, 23, 59));
    usher__policy_free(&p);
}

static void test_policy_calendars__dates_replace_days(void **state)
{
    struct policy p = calendar("'holidays':['2026-10-07','*-10-08','*-02-29'],"
                               "'special':{'2026-10-06':[['10:00','11:00']],'2026-10-10':[['03:00',"
                               "'04:00']],'2026-10-09':[]},"
                               "'week':{'mon-fri':[['08:00','12:00']]}");
    const struct calendar *c = p.calendars[0];

    (void)state;
    assert_hours(&p, 0, 8, 12);
    assert_hours(&p, 1, 10, 11);
    assert_hours(&p, 2, 0, 0);
    assert_hours(&p, 3, 0, 0);
    assert_hours(&p, 4, 0, 0);
    assert_hours(&p, 5, 3, 4);
    assert_true(usher__calendar_is_open(c, at(2027, 10, 7, 9, 0)));  /* that was of one year */
    assert_false(usher__calendar_is_open(c, at(2027, 10, 8, 9, 0))); /* of every year */
    assert_true(usher__calendar_is_open(c, at(2024, 2, 28, 9, 0)));
    assert_false(usher__calendar_is_open(c, at(2024, 2, 29, 9, 0))); /* where there is one */
    assert_true(usher__calendar_is_open(c, at(2026, 3, 2, 9, 0)));
    usher__policy_free(&p);
}

static void test_policy_calendars__stand_in_their_zones(void **state)
{
    struct policy p = good("{'calendars':{'c':{'week':{'mon':[['08:00','12:00']]},"
                           "'zone':'Europe/Berlin'}}}");
    const void *bytes;
    size_t len;

    (void)state;
    assert_hours(&p, 0, 6, 10); /* summer time, two hours before UTC */
    assert_string_equal(usher__calendar_zone(p.calendars[0], &bytes, &len), "Europe/Berlin");
    assert_int_equal(len, sizeof ZONE_FILE - 1);
    assert_memory_equal(bytes, ZONE_FILE, len);
    usher__policy_free(&p);
}

static void test_policy_calendars__are_named_in_any_order(void **state)
{
    struct policy p =
        good("{'notify_calendar':'\\u00e9t\\u00c9','promises':{"
             "'ack':{'target':{'high':'2wd','low':'1h'},'calendar':'a'},"
             "'update':{'calendar':'\303\251t\303\211'},"
             "'resolve':{'calendar':'a','target':'10wd'}},"
             "'calendars':{"
             "'a':{'zone':'UTC','week':{'mon':[['08:00','12:00']]}},"
             "'\303\251t\303\211':{'zone':'UTC','week':{'tue':[['08:00','12:00']]}}}}");

    (void)state;
    assert_int_equal(p.calendars_n, 2);
    assert_ptr_equal(p.promise[ACK].calendar, p.calendars[0]);
    assert_null(p.promise[ANSWER].calendar);
    assert_ptr_equal(p.promise[UPDATE].calendar, p.calendars[1]);
    assert_ptr_equal(p.promise[RESOLVE].calendar, p.calendars[0]);
    assert_ptr_equal(p.notify_calendar, p.calendars[1]);
    /* What is inherited is what it was. */
    assert_int_equal(p.promise[ACK].target[USHER_LOW - 1], HOUR);
    assert_int_equal(p.promise[ACK].target[USHER_NORMAL - 1], HOUR);
    assert_int_equal(p.promise[ACK].target[USHER_HIGH - 1], 2);
    assert_int_equal(p.promise[ACK].target[USHER_URGENT - 1], 2);
    assert_int_equal(p.promise[ACK].days, 1 << (USHER_HIGH - 1) | 1 << (USHER_URGENT - 1));
    assert_int_equal(p.promise[RESOLVE].days, 15);
    usher__policy_free(&p);
}

/* ---- what is refused ------------------------------------------------------------------------- */

#define A_DAY  "expected a day such as \"mon\", or a span such as \"mon-fri\""
#define A_TIME "expected a time such as \"08:30\""
#define A_DATE "expected a date from 1970 on, such as \"2026-12-24\""

static void test_policy_calendars__errors_name_the_path(void **state)
{
    static const struct {
        const char *keys;
        const char *error;
    } cases[] = {
        {"'week':[]", ".week: a list: expected an object"},
        {"'week':{'monday':[]}", ".week: \"monday\": " A_DAY},
        {"'week':{'Mon':[]}", ".week: \"Mon\": " A_DAY},
        {"'week':{'mo':[]}", ".week: \"mo\": " A_DAY},
        {"'week':{'':[]}", ".week: \"\": " A_DAY},
        {"'week':{'mon fri':[]}", ".week: \"mon fri\": " A_DAY},
        {"'week':{'mon-fry':[]}", ".week: \"mon-fry\": " A_DAY},
        {"'week':{'xon-fri':[]}", ".week: \"xon-fri\": " A_DAY},
        {"'week':{'mon-mon':[]}", ".week: \"mon-mon\": " A_DAY},
        {"'week':{'mon-wed-fri':[]}", ".week: \"mon-wed-fri\": " A_DAY},
        {"'week':{'mon':[],'mon':[]}", ".week.mon: a day of it is there twice"},
        {"'week':{'mon':[],'m\\u006fn':[]}", ".week.m\\u006fn: a day of it is there twice"},
        {"'week':{'mon-wed':[],'wed-fri':[]}", ".week.wed-fri: a day of it is there twice"},
        {"'week':{'sat-sun':[],'fri-mon':[]}", ".week.fri-mon: a day of it is there twice"},
        {"'week':{'mon':{}}", ".week.mon: an object: expected a list"},
        {"'week':{'mon':['08:00','12:00']}", ".week.mon[0]: \"08:00\": expected a list"},
        {"'week':{'mon':[['08:00']]}",
         ".week.mon[0]: expected an opening and another time to close"},
        {"'week':{'mon':[[]]}", ".week.mon[0]: expected an opening and another time to close"},
        {"'week':{'mon':[['08:00','12:00'],['13:00','13:00']]}",
         ".week.mon[1]: expected an opening and another time to close"},
        {"'week':{'mon':[['00:00','00:00']]}",
         ".week.mon[0]: expected an opening and another time to close"},
        {"'week':{'mon':[['08:00','12:00','13:00']]}",
         ".week.mon[0][2]: \"13:00\": expected no more than 2 of them"},
        {"'week':{'mon':[['08:00','12:00'],['8:00','12:00']]}",
         ".week.mon[1][0]: \"8:00\": " A_TIME},
        {"'week':{'fri':[['08:00',12]]}", ".week.fri[0][1]: 12: " A_TIME},
        {"'week':{'fri':[['08:00','12.00']]}", ".week.fri[0][1]: \"12.00\": " A_TIME},
        {"'week':{'fri':[['08:00','12:60']]}", ".week.fri[0][1]: \"12:60\": " A_TIME},
        {"'week':{'fri':[['08:00','24:01']]}", ".week.fri[0][1]: \"24:01\": " A_TIME},
        {"'week':{'fri':[['08:00','25:00']]}", ".week.fri[0][1]: \"25:00\": " A_TIME},
        {"'week':{'fri':[['24:00','08:00']]}", ".week.fri[0][0]: \"24:00\": " A_TIME},
        {"'week':{'fri':[['08:00:00','12:00']]}", ".week.fri[0][0]: \"08:00:00\": " A_TIME},
        {"'week':{'fri':[['08:00\\u0000','12:00']]}", ".week.fri[0][0]: \"08:00\\u0000\": " A_TIME},
        {"'week':{'fri':[['0/:00','12:00']]}", ".week.fri[0][0]: \"0/:00\": " A_TIME},
        {"'week':{'fri':[['08:0','12:00']]}", ".week.fri[0][0]: \"08:0\": " A_TIME},
        {"'special':[]", ".special: a list: expected an object"},
        {"'special':{'2026-12-24':[['08:00','08:00']]}",
         ".special.2026-12-24[0]: expected an opening and another time to close"},
        {"'special':{'2026-02-30':[]}", ".special: \"2026-02-30\": " A_DATE},
        {"'special':{'2026-02-29':[]}", ".special: \"2026-02-29\": " A_DATE},
        {"'special':{'1900-02-28':[]}", ".special: \"1900-02-28\": " A_DATE},
        {"'special':{'2100-02-29':[]}", ".special: \"2100-02-29\": " A_DATE},
        {"'special':{'2026-04-31':[]}", ".special: \"2026-04-31\": " A_DATE},
        {"'special':{'2026-00-10':[]}", ".special: \"2026-00-10\": " A_DATE},
        {"'special':{'2026-13-10':[]}", ".special: \"2026-13-10\": " A_DATE},
        {"'special':{'2026-12-00':[]}", ".special: \"2026-12-00\": " A_DATE},
        {"'special':{'2026-12-32':[]}", ".special: \"2026-12-32\": " A_DATE},
        {"'special':{'1969-12-31':[]}", ".special: \"1969-12-31\": " A_DATE},
        {"'special':{'10000-01-01':[]}", ".special: \"10000-01-01\": " A_DATE},
        {"'special':{'2026-1-01':[]}", ".special: \"2026-1-01\": " A_DATE},
        {"'special':{'*-12-24':[]}", ".special: \"*-12-24\": " A_DATE},
        {"'special':{'2026-12-24':[],'2026-12-2\\u0034':[]}",
         ".special.2026-12-2\\u0034: this key is there twice"},
        {"'holidays':{}", ".holidays: an object: expected a list"},
        {"'holidays':['2026-12-25',20261226]", ".holidays[1]: 20261226: " A_DATE " or \"*-12-24\""},
        {"'holidays':['*-02-30']", ".holidays[0]: \"*-02-30\": " A_DATE " or \"*-12-24\""},
        {"'holidays':['**-02-20']", ".holidays[0]: \"**-02-20\": " A_DATE " or \"*-12-24\""},
        {"'holidays':['2026-*-01']", ".holidays[0]: \"2026-*-01\": " A_DATE " or \"*-12-24\""},
        {"'holidays':['2026-02-29']", ".holidays[0]: \"2026-02-29\": " A_DATE " or \"*-12-24\""},
        {"'holiday':[]", ".holiday: unknown key; did you mean \"holidays\"?"},
        {"'week':{}", ": no opening in the next five years"},
        {"'week':{'mon-sun':[]}", ": no opening in the next five years"},
        {"'special':{'2026-01-01':[['08:00','12:00']]}", ": no opening in the next five years"},
        {"'week':{},'week':{}", ".week: this key is there twice"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        bad_calendar(cases[i].keys, cases[i].error);
}

#define OPEN_MON "'week':{'mon':[['08:00','12:00']]}"

static void test_policy_calendars__names_and_zones_are_known(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"{'calendars':[]}", "calendars: a list: expected an object"},
        {"{'calendars':{'a':[]}}", "calendars.a: a list: expected an object"},
        {"{'calendars':{'':{}}}",
         "calendars.\"\": \"\": expected a name such as \"office\", of up to 255 bytes"},
        {"{'calendars':{'a\\u0000':{}}}", "calendars.a\\u0000: \"a\\u0000\": "
                                          "expected a name such as \"office\", of up to 255 bytes"},
        {"{'calendars':{'a':{" OPEN_MON "}}}", "calendars.a: \"zone\" is missing"},
        {"{'calendars':{'a':{'zone':1}}}",
         "calendars.a.zone: 1: expected a name such as \"Europe/Berlin\", of up to 255 bytes"},
        {"{'calendars':{'office':{'zone':'Europe/Berln'," OPEN_MON "}}}",
         "calendars.office.zone: \"Europe/Berln\": no such time zone on this machine"},
        {"{'calendars':{'a':{'zone':'No/Reading'}}}",
         "calendars.a.zone: \"No/Reading\": the file of its time zone cannot be read"},
        {"{'calendars':{'a':{'zone':'No/Zone'," OPEN_MON "}}}",
         "calendars.a: the file of its time zone cannot be read"},
        {"{'calendars':{'a':{'zone':'UTC'," OPEN_MON "},'\\u0061':{}}}",
         "calendars.\\u0061: this key is there twice"},
        {"{'promises':{'ack':{'calendar':'office'}}}",
         "promises.ack.calendar: \"office\": no such calendar; there is none"},
        {"{'promises':{'ack':{'calendar':'offic'}},"
         "'calendars':{'office':{'zone':'UTC'," OPEN_MON "},'b':{'zone':'UTC'," OPEN_MON "}}}",
         "promises.ack.calendar: \"offic\": no such calendar; did you mean \"office\"?"},
        {"{'promises':{'ack':{'calendar':null}},"
         "'calendars':{'office':{'zone':'UTC'," OPEN_MON "}}}",
         "promises.ack.calendar: null: no such calendar; expected \"office\""},
        {"{'notify_calendar':'x',"
         "'calendars':{'office':{'zone':'UTC'," OPEN_MON "},'b':{'zone':'UTC'," OPEN_MON "}}}",
         "notify_calendar: \"x\": no such calendar; expected one of \"office\" or \"b\""},
        /* What is judged when its calendar is known is still found where it stands. */
        {"{'promises':{'ack':{'target':{'low':'1d'},'calendar':'a'}},"
         "'calendars':{'a':{'zone':'UTC'," OPEN_MON "}}}",
         "promises.ack.target.low: \"1d\": "
         "expected h or wd, for nobody agrees what d and w mean on a calendar"},
        {"{'promises':{'ack':{'target':'1w1h','calendar':'a'}},"
         "'calendars':{'a':{'zone':'UTC'," OPEN_MON "}}}",
         "promises.ack.target: \"1w1h\": "
         "expected h or wd, for nobody agrees what d and w mean on a calendar"},
        {"{'promises':{'ack':{'target':'4 hours','calendar':'a'}},"
         "'calendars':{'a':{'zone':'UTC'," OPEN_MON "}}}",
         "promises.ack.target: \"4 hours\": expected a duration such as \"4h\" or \"2wd\""},
        {"{'promises':{'ack':{'target':'2wd3h','calendar':'a'}},"
         "'calendars':{'a':{'zone':'UTC'," OPEN_MON "}}}",
         "promises.ack.target: \"2wd3h\": expected a duration such as \"4h\" or \"2wd\""},
        {"{'promises':{'ack':{'target':'3h2wd','calendar':'a'}},"
         "'calendars':{'a':{'zone':'UTC'," OPEN_MON "}}}",
         "promises.ack.target: \"3h2wd\": expected a duration such as \"4h\" or \"2wd\""},
        {"{'promises':{'ack':{'target':'wd','calendar':'a'}},"
         "'calendars':{'a':{'zone':'UTC'," OPEN_MON "}}}",
         "promises.ack.target: \"wd\": expected a duration such as \"4h\" or \"2wd\""},
        {"{'promises':{'ack':{'target':'0wd','calendar':'a'}},"
         "'calendars':{'a':{'zone':'UTC'," OPEN_MON "}}}",
         "promises.ack.target: \"0wd\": expected a duration longer than 0"},
        {"{'promises':{'ack':{'target':'1001wd','calendar':'a'}},"
         "'calendars':{'a':{'zone':'UTC'," OPEN_MON "}}}",
         "promises.ack.target: \"1001wd\": expected no more than 1000wd"},
        {"{'promises':{'ack':{'target':'99999999999999999999wd','calendar':'a'}},"
         "'calendars':{'a':{'zone':'UTC'," OPEN_MON "}}}",
         "promises.ack.target: \"99999999999999999999wd\": expected no more than 1000wd"},
        {"{'promises':{'ack':{'target':'876000h1ms','calendar':'a'}},"
         "'calendars':{'a':{'zone':'UTC'," OPEN_MON "}}}",
         "promises.ack.target: \"876000h1ms\": expected no more than 36500 days"},
    };
    struct policy p;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        bad(cases[i].text, cases[i].error);
    p = good("{'promises':{'ack':{'target':{'low':'1000wd','high':'876000h'},'calendar':'a'}},"
             "'calendars':{'a':{'zone':'UTC'," OPEN_MON "}}}");
    assert_int_equal(p.promise[ACK].target[0], TARGET_DAYS_MAX);
    assert_int_equal(p.promise[ACK].target[2], POLICY_DURATION_MAX);
    assert_int_equal(p.promise[ACK].days, 3);
    usher__policy_free(&p);
}

/* ---- limits ---------------------------------------------------------------------------------- */

struct big {
    char *text;
    size_t len;
};

static void add(struct big *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    b->len += (size_t)vsnprintf(b->text + b->len, 262144 - b->len, format, args);
    va_end(args);
    assert_true(b->len < 262144);
}

/* n of what `format` says of the numbers from 0 on, in a policy that begins and ends like this. */
static int compile_many(const char *begin, const char *format, int n, const char *end,
                        char err[ERR_SIZE])
{
    struct big b = {malloc(262144), 0};
    struct policy p;
    int rc;

    assert_non_null(b.text);
    add(&b, "%s", begin);
    for (int i = 0; i < n; i++) {
        add(&b, "%s", i > 0 ? "," : "");
        add(&b, format, i / 365 + 2000, i % 365 / 28 % 12 + 1, i % 28 + 1, i);
    }
    add(&b, "%s", end);
    for (size_t i = 0; i < b.len; i++) {
        if (b.text[i] == '\'')
            b.text[i] = '"';
    }
    rc = compile(&p, b.text, b.len, err);
    free(b.text);
    if (rc == 0)
        usher__policy_free(&p);
    return rc;
}

static void test_policy_calendars__have_limits(void **state)
{
    static const struct {
        const char *begin, *format, *end;
        int most;
        const char *error;
    } cases[] = {
        {"{'calendars':{", "'c%4$d':{'zone':'UTC'," OPEN_MON "}", "}}", CALENDARS_MAX,
         "policy: calendars.c16: \"c16\": expected no more than 16 of them"},
        {"{'calendars':{'c':{'zone':'UTC','week':{'mon':[", "['08:00','12:00']", "]}}}}",
         WINDOWS_OF_DAY,
         "policy: calendars.c.week.mon[16]: a list: expected no more than 16 of them"},
        {"{'calendars':{'c':{'zone':'UTC'," OPEN_MON ",'special':{'2026-01-01':[",
         "['08:00','12:00']", "]}}}}", WINDOWS_OF_DAY,
         "policy: calendars.c.special.2026-01-01[16]: a list: expected no more than 16 of them"},
        {"{'calendars':{'c':{'zone':'UTC'," OPEN_MON ",'holidays':[", "'%1$04d-%2$02d-%3$02d'",
         "]}}}", HOLIDAYS_MAX,
         "policy: calendars.c.holidays[4000]: \"2010-01-25\": expected no more than 4000 of them"},
    };
    char err[ERR_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (compile_many(cases[i].begin, cases[i].format, cases[i].most, cases[i].end, err) != 0)
            fail_msg("%s", err);
        assert_int_equal(
            compile_many(cases[i].begin, cases[i].format, cases[i].most + 1, cases[i].end, err),
            USHER_EPOLICY);
        assert_string_equal(err, cases[i].error);
    }
}

/* n special days, one after the other. */
static int compile_specials(int n, char err[ERR_SIZE])
{
    struct big b = {malloc(262144), 0};
    struct policy p;
    int rc;

    assert_non_null(b.text);
    add(&b,
        "{\"calendars\":{\"c\":{\"zone\":\"UTC\",\"week\":{\"mon-sun\":[[\"08:00\",\"09:00\"]]},"
        "\"special\":{");
    for (int i = 0; i < n; i++) {
        struct date d = usher__date_of(usher__date_day(2026, 1, 1) + i);

        add(&b, "%s\"%04d-%02u-%02u\":[]", i > 0 ? "," : "", (int)d.year, d.month, d.day);
    }
    add(&b, "}}}}");
    rc = compile(&p, b.text, b.len, err);
    free(b.text);
    if (rc == 0) {
        int64_t last = usher__date_day(2026, 1, 1) + n - 1;

        assert_false(usher__calendar_is_open(p.calendars[0], last * DAY + 8 * HOUR));
        assert_true(usher__calendar_is_open(p.calendars[0], (last + 1) * DAY + 8 * HOUR));
        usher__policy_free(&p);
    }
    return rc;
}

static void test_policy_calendars__have_1000_special_days(void **state)
{
    char err[ERR_SIZE];

    (void)state;
    assert_int_equal(compile_specials(SPECIALS_MAX, err), 0);
    assert_int_equal(compile_specials(SPECIALS_MAX + 1, err), USHER_EPOLICY);
    assert_string_equal(err, "policy: calendars.c.special.2028-09-27: \"2028-09-27\": "
                             "expected no more than 1000 of them");
}

static void test_policy_calendars__names_have_255_bytes(void **state)
{
    char name[260], text[JSON_SIZE], error[ERR_SIZE];
    struct policy p;

    (void)state;
    memset(name, 'x', sizeof name);
    name[255] = '\0';
    snprintf(text, sizeof text,
             "{'notify_calendar':'%s','calendars':{'%s':{'zone':'UTC'," OPEN_MON "}}}", name, name);
    p = good(text);
    assert_ptr_equal(p.notify_calendar, p.calendars[0]);
    usher__policy_free(&p);

    /* a name is all of it */
    snprintf(text, sizeof text,
             "{'notify_calendar':'%.254s','calendars':{'%s':{'zone':'UTC'," OPEN_MON "}}}", name,
             name);
    snprintf(error, sizeof error,
             "notify_calendar: \"%.47s...\": no such calendar; did you mean \"%s\"?", name, name);
    bad(text, error);

    name[255] = 'x';
    name[256] = '\0';
    snprintf(text, sizeof text, "{'calendars':{'%s':{}}}", name);
    snprintf(
        error, sizeof error,
        "calendars.%.48s...: \"%.47s...\": expected a name such as \"office\", of up to 255 bytes",
        name, name);
    bad(text, error);
    name[256] = 'x'; /* as long as nothing of it is kept */
    name[257] = '\0';
    snprintf(text, sizeof text, "{'calendars':{'%s':{}}}", name);
    bad(text, error);
}

static void test_policy_calendars__years_are_1970_to_9999(void **state)
{
    struct policy p = calendar(OPEN_MON ",'holidays':['1970-01-01','9999-12-31'],"
                                        "'special':{'1970-01-02':[],'9999-12-30':[]}");

    (void)state;
    usher__policy_free(&p);
    p = calendar(OPEN_MON ",'special':{'9999-12-31':[['08:00','12:00']]}");
    assert_true(usher__calendar_is_open(p.calendars[0], at(9999, 12, 31, 9, 0)));
    usher__policy_free(&p);
}

/* ---- the present ----------------------------------------------------------------------------- */

static void test_policy_calendars__open_within_five_years(void **state)
{
    static const char text[] = "{\"calendars\":{\"c\":{\"zone\":\"UTC\","
                               "\"special\":{\"2031-06-01\":[[\"08:00\",\"12:00\"]]}}}}";
    const int64_t opening = at(2031, 6, 1, 8, 0);
    struct policy_world world = plain_world;
    struct policy p;
    char err[ERR_SIZE];

    (void)state;
    world.now = opening - CALENDAR_DRY_MS;
    assert_int_equal(usher__policy_compile(&p, text, sizeof text - 1, &world, err, sizeof err), 0);
    usher__policy_free(&p);
    world.now--;
    assert_int_equal(usher__policy_compile(&p, text, sizeof text - 1, &world, err, sizeof err),
                     USHER_EPOLICY);
    assert_string_equal(err, "policy: calendars.c: no opening in the next five years");
    /* open now, and for the last time */
    world.now = opening + 4 * HOUR - 1;
    assert_int_equal(usher__policy_compile(&p, text, sizeof text - 1, &world, err, sizeof err), 0);
    usher__policy_free(&p);
    world.now++;
    assert_int_equal(usher__policy_compile(&p, text, sizeof text - 1, &world, err, sizeof err),
                     USHER_EPOLICY);
    world.now = 0;
    assert_int_equal(usher__policy_compile(&p, text, sizeof text - 1, &world, err, sizeof err),
                     USHER_EPOLICY);
    /* What never closes never opens. */
    p = calendar("'week':{'mon-sun':[['00:00','24:00']]}");
    assert_true(usher__calendar_is_open(p.calendars[0], WORLD_NOW));
    usher__policy_free(&p);
    /* What has been taken once stays good. */
    world.now = -1;
    assert_int_equal(usher__policy_compile(&p, text, sizeof text - 1, &world, err, sizeof err), 0);
    usher__policy_free(&p);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void test_policy_calendars__all_memory_is_given_back(void **state)
{
    static const char text[] = "{'preset':'desk','notify_calendar':'b','calendars':{"
                               "'a':{'zone':'Europe/Berlin'," OPEN_MON
                               ",'special':{'2026-12-24':[]},'holidays':['*-12-25']},"
                               "'b':{'zone':'UTC'," OPEN_MON "},'c':{'zone':'UTC'," OPEN_MON "}},"
                               "'promises':{'ack':{'calendar':'a'}}}";
    static const char late[] =
        "{'calendars':{'a':{'zone':'UTC'," OPEN_MON "}},'notify_calendar':'b'}";
    static const char no_memory[] = "{'calendars':{'a':{'zone':'UTC'," OPEN_MON "},"
                                    "'b':{'zone':'No/Memory'}}}";
    struct counted memory = {0, 0, 0};
    usher_allocator allocator = {counted_resize, &memory};
    struct policy_world world = {&allocator, WORLD_NOW, zone_by_name, NULL};
    char json[JSON_SIZE], err[ERR_SIZE];
    size_t len = to_json(json, text);
    struct policy p, before;
    size_t asked;

    (void)state;
    memset(&before, 0xa5, sizeof before);
    assert_int_equal(usher__policy_compile(&p, json, len, &world, err, sizeof err), 0);
    asked = memory.asked;
    assert_true(asked >= 5); /* to read it, three calendars, the ladder */
    assert_true(memory.blocks > 0);
    usher__policy_free(&p);
    assert_int_equal(memory.blocks, 0);

    for (size_t i = 1; i <= asked; i++) {
        memory.asked = 0;
        memory.fails = i;
        memcpy(&p, &before, sizeof p);
        assert_int_equal(usher__policy_compile(&p, json, len, &world, err, sizeof err),
                         USHER_ENOMEM);
        assert_int_equal(memory.blocks, 0);
        assert_memory_equal(&p, &before, sizeof p);
        assert_string_equal(err, "");
    }
    memory.asked = 0;
    memory.fails = asked + 1;
    assert_int_equal(usher__policy_compile(&p, json, len, &world, err, sizeof err), 0);
    usher__policy_free(&p);
    assert_int_equal(memory.blocks, 0);

    /* What is refused late has made calendars before. */
    memory.fails = 0;
    len = to_json(json, late);
    assert_int_equal(usher__policy_compile(&p, json, len, &world, err, sizeof err), USHER_EPOLICY);
    assert_int_equal(memory.blocks, 0);
    len = to_json(json, no_memory);
    assert_int_equal(usher__policy_compile(&p, json, len, &world, err, sizeof err), USHER_ENOMEM);
    assert_int_equal(memory.blocks, 0);

    memory.asked = 0;
    usher__policy_default(&p);
    usher__policy_free(&p);
    assert_int_equal(memory.asked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_calendars__days_and_spans),
        cmocka_unit_test(test_policy_calendars__minutes_count),
        cmocka_unit_test(test_policy_calendars__dates_replace_days),
        cmocka_unit_test(test_policy_calendars__stand_in_their_zones),
        cmocka_unit_test(test_policy_calendars__are_named_in_any_order),
        cmocka_unit_test(test_policy_calendars__errors_name_the_path),
        cmocka_unit_test(test_policy_calendars__names_and_zones_are_known),
        cmocka_unit_test(test_policy_calendars__have_limits),
        cmocka_unit_test(test_policy_calendars__have_1000_special_days),
        cmocka_unit_test(test_policy_calendars__names_have_255_bytes),
        cmocka_unit_test(test_policy_calendars__years_are_1970_to_9999),
        cmocka_unit_test(test_policy_calendars__open_within_five_years),
        cmocka_unit_test(test_policy_calendars__all_memory_is_given_back),
    };

    return cmocka_run_group_tests_name("policy_calendars", tests, NULL, NULL);
}
