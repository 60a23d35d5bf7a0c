/* Zones: files made here, byte by byte, good ones and hostile ones. Those of the machine are compared
 * with Python's reading of them in tests/zones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

#include "core/date.h"
#include "core/zone.h"
#include "loop/zones.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

enum { TIMES_MAX = 8, FILE_MAX = 4096 };

/* A zone file to be. */
struct made {
    char version;
    uint32_t times_n, infos_n, names_n, standard_n, ut_n, leaps_n;
    int64_t times[TIMES_MAX];
    uint8_t types[TIMES_MAX];
    struct {
        int32_t offset_s;
        uint8_t is_dst, name;
    } infos[TIMES_MAX];
    const char *footer;
};

struct file {
    unsigned char bytes[FILE_MAX];
    size_t len;
};

static void put(struct file *f, uint64_t n, unsigned len)
{
    assert_true(f->len + len <= FILE_MAX);
    while (len-- > 0)
        f->bytes[f->len++] = (unsigned char)(n >> 8 * len);
}

static void put_text(struct file *f, const char *text)
{
    while (*text != '\0')
        put(f, (unsigned char)*text++, 1);
}

static void put_block(struct file *f, const struct made *m, unsigned time_len)
{
    put_text(f, "TZif");
    put(f, (unsigned char)m->version, 1);
    put(f, 0, 8);
    put(f, 0, 7);
    put(f, m->ut_n, 4);
    put(f, m->standard_n, 4);
    put(f, m->leaps_n, 4);
    put(f, m->times_n, 4);
    put(f, m->infos_n, 4);
    put(f, m->names_n, 4);
    for (uint32_t i = 0; i < m->times_n; i++)
        put(f, (uint64_t)m->times[i], time_len);
    for (uint32_t i = 0; i < m->times_n; i++)
        put(f, m->types[i], 1);
    for (uint32_t i = 0; i < m->infos_n; i++) {
        put(f, (uint32_t)m->infos[i].offset_s, 4);
        put(f, m->infos[i].is_dst, 1);
        put(f, m->infos[i].name, 1);
    }
    for (uint32_t i = 0; i < m->names_n; i++)
        put(f, i % 4 == 3 ? 0 : 'A', 1);
    for (uint32_t i = 0; i < m->leaps_n; i++) {
        put(f, 78796800 + i, time_len);
        put(f, i + 1, 4);
    }
    for (uint32_t i = 0; i < m->standard_n + m->ut_n; i++)
        put(f, 0, 1);
}

/* From version 2 on there is a first block for readers of version 1; what it says here is wrong. */
static struct file file_of(const struct made *m)
{
    struct made first = {.times_n = 2,
                         .infos_n = 2,
                         .names_n = 5,
                         .standard_n = 2,
                         .ut_n = 2,
                         .leaps_n = 3,
                         .times = {1000, 100000},
                         .types = {1, 0},
                         .infos = {{-40000, 0, 0}, {40000, 1, 1}}};
    struct file f = {.len = 0};

    first.version = m->version;
    put_block(&f, m->version == 0 ? m : &first, 4);
    if (m->version != 0) {
        put_block(&f, m, 8);
        put_text(&f, "\n");
        put_text(&f, m->footer);
        put_text(&f, "\n");
    }
    return f;
}

/* Read from memory that ends with the file. */
static int read_exactly(struct zone *z, const unsigned char *bytes, size_t len, void **copy)
{
    *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(*copy);
    memcpy(*copy, bytes, len);
    return usher__zone_read(z, *copy, len);
}

static int read_made(const struct made *m)
{
    struct file f = file_of(m);
    struct zone z;
    void *copy;
    int err = read_exactly(&z, f.bytes, f.len, &copy);

    if (err != 0) { /* UTC then */
        int64_t until;

        assert_int_equal(usher__zone_offset(&z, 0, &until), 0);
        assert_true(until == INT64_MAX);
    }
    free(copy);
    return err;
}

static int read_rule(struct zone *z, const char *rule)
{
    static struct file f; /* what z looks at */
    const struct made m = {.version = '3', .infos_n = 1, .names_n = 4, .footer = rule};

    f = file_of(&m);
    return usher__zone_read(z, f.bytes, f.len);
}

static int64_t at(int64_t year, uint32_t month, uint32_t day, int64_t time)
{
    return usher__date_day(year, month, day) * DAY_MS + time;
}

static void assert_offset(const struct zone *z, int64_t when, int64_t offset, int64_t until)
{
    int64_t is_until;
    int64_t is = usher__zone_offset(z, when, &is_until);

    if (is != offset || is_until != until)
        fail_msg("at %lld: %lld until %lld, not %lld until %lld", (long long)when, (long long)is,
                 (long long)is_until, (long long)offset, (long long)until);
    assert_true(usher__zone_offset(z, when, NULL) == offset);
}

/* From `change` on `after`, before it `before`; nothing else near. */
static void assert_change(const struct zone *z, int64_t change, int64_t before, int64_t after)
{
    int64_t until;

    assert_offset(z, change - 1, before, change);
    assert_offset(z, change - HOUR, before, change);
    if (usher__zone_offset(z, change, &until) != after || until <= change + HOUR)
        fail_msg("at %lld: not %lld for an hour", (long long)change, (long long)after);
}

/* Ordinary, but for the summers of a day. */
static const struct made plain = {
    .version = '2',
    .times_n = 4,
    .infos_n = 3,
    .names_n = 12,
    .standard_n = 3,
    .ut_n = 3,
    .times = {-1000, 86400, 172800, 259200},
    .types = {1, 2, 1, 2},
    .infos = {{3208, 0, 0}, {3600, 0, 4}, {7200, 1, 8}},
    .footer = "",
};

/* ---- what is read ------------------------------------------------------------------------------ */

static void test_zone__utc_is_itself(void **state)
{
    struct zone z;

    (void)state;
    usher__zone_utc(&z);
    assert_offset(&z, 0, 0, INT64_MAX);
    assert_offset(&z, at(9999, 12, 31, DAY_MS - 1), 0, INT64_MAX);
    assert_true(usher__zone_instant(&z, 12345) == 12345);
    assert_true(usher__zone_has_date(&z, 0));
}

static void test_zone__its_changes_hold_to_the_millisecond(void **state)
{
    static const char versions[] = {0, '2', '3', '4', '9'};

    (void)state;
    for (size_t i = 0; i < sizeof versions; i++) {
        struct made m = plain;
        struct zone z;
        struct file f;

        m.version = versions[i];
        f = file_of(&m);
        assert_int_equal(usher__zone_read(&z, f.bytes, f.len), 0);
        assert_offset(&z, at(0, 1, 1, 0), 3208 * SECOND, -1000 * SECOND);
        assert_offset(&z, -1000 * SECOND - 1, 3208 * SECOND, -1000 * SECOND);
        assert_offset(&z, -1000 * SECOND, HOUR, DAY_MS);
        assert_offset(&z, -999999, HOUR, DAY_MS);
        assert_offset(&z, -1, HOUR, DAY_MS);
        assert_offset(&z, DAY_MS - 1, HOUR, DAY_MS);
        assert_offset(&z, DAY_MS, 2 * HOUR, 2 * DAY_MS);
        assert_offset(&z, 2 * DAY_MS, HOUR, 3 * DAY_MS);
        assert_offset(&z, 3 * DAY_MS - 1, HOUR, 3 * DAY_MS);
        assert_offset(&z, 3 * DAY_MS, 2 * HOUR, INT64_MAX);
        assert_offset(&z, at(9999, 12, 31, 0), 2 * HOUR, INT64_MAX);
    }
}

static void test_zone__after_its_last_time_the_rule_holds(void **state)
{
    struct made m = plain;
    struct zone z;
    struct file f;

    (void)state;
    m.footer = "AAA-1BBB,M3.5.0,M10.5.0/3";
    f = file_of(&m);
    assert_int_equal(usher__zone_read(&z, f.bytes, f.len), 0);
    assert_offset(&z, 3 * DAY_MS - 1, HOUR, 3 * DAY_MS);
    assert_offset(&z, 3 * DAY_MS, HOUR, at(1970, 3, 29, HOUR));
    assert_change(&z, at(2050, 3, 27, HOUR), HOUR, 2 * HOUR);
    assert_change(&z, at(2050, 10, 30, HOUR), 2 * HOUR, HOUR);
}

static void test_zone__times_may_lie_anywhere(void **state)
{
    struct made m = plain;
    struct zone z;
    struct file f;

    (void)state;
    m.times[0] = -(INT64_C(1) << 59); /* the big bang, as older files have it */
    m.times[2] = INT64_MAX / 1000 + 1;
    m.times[3] = INT64_MAX;
    f = file_of(&m);
    assert_int_equal(usher__zone_read(&z, f.bytes, f.len), 0);
    assert_offset(&z, at(0, 1, 1, 0), HOUR, DAY_MS);
    assert_offset(&z, DAY_MS, 2 * HOUR, INT64_MAX);
    assert_offset(&z, at(9999, 12, 31, 0), 2 * HOUR, INT64_MAX);
}

static void test_zone__without_times_there_is_one_offset(void **state)
{
    const struct made m = {
        .version = '2', .infos_n = 1, .names_n = 4, .infos = {{-12600, 0, 0}}, .footer = ""};
    struct file f = file_of(&m);
    struct zone z;

    (void)state;
    assert_int_equal(usher__zone_read(&z, f.bytes, f.len), 0);
    assert_offset(&z, 0, -12600 * SECOND, INT64_MAX);
    assert_true(usher__zone_instant(&z, 0) == 12600 * SECOND);
}

/* ---- rules ------------------------------------------------------------------------------------- */

static void test_zone__a_rule_says_when_it_changes(void **state)
{
    static const struct {
        const char *rule;
        int64_t year;
        uint32_t month, day;
        int64_t time; /* UTC */
        int64_t before, after;
    } cases[] = {
        {"EST5EDT,M3.2.0,M11.1.0", 2024, 3, 10, 7 * HOUR, -5 * HOUR, -4 * HOUR},
        {"EST5EDT,M3.2.0,M11.1.0", 2024, 11, 3, 6 * HOUR, -4 * HOUR, -5 * HOUR},
        {"EST5EDT4,M3.2.0/2,M11.1.0/2:00:00", 9999, 11, 7, 6 * HOUR, -4 * HOUR, -5 * HOUR},
        /* the fifth Sunday is the last one, also where there are four; weeks begin on any day */
        {"CET-1CEST,M3.5.0,M10.5.0/3", 2024, 3, 31, HOUR, HOUR, 2 * HOUR},
        {"CET-1CEST,M2.5.0,M10.5.0/3", 2026, 2, 22, HOUR, HOUR, 2 * HOUR},
        {"CET-1CEST,M2.5.4,M10.5.0/3", 2024, 2, 29, HOUR, HOUR, 2 * HOUR},
        {"CET-1CEST,M9.1.0,M10.1.6/3", 2024, 10, 5, HOUR, 2 * HOUR, HOUR},
        {"CET-1CEST,M9.1.0,M10.1.6/3", 2024, 9, 1, HOUR, HOUR, 2 * HOUR},
        /* J60 is 1 March in every year; 59 is 29 February in some */
        {"AAA0BBB,J60/0,J300/1", 2024, 3, 1, 0, 0, HOUR},
        {"AAA0BBB,J60/0,J300/1", 2025, 3, 1, 0, 0, HOUR},
        {"AAA0BBB,J59/0,J300/1", 2024, 2, 28, 0, 0, HOUR},
        {"AAA0BBB,59/0,300/1", 2024, 2, 29, 0, 0, HOUR},
        {"AAA0BBB,59/0,300/1", 2025, 3, 1, 0, 0, HOUR},
        {"AAA0BBB,0/0,J365/1", 2024, 12, 31, 0, HOUR, 0},
        {"AAA0BBB,99/0,365/1", 2024, 12, 31, 0, HOUR, 0},
        /* times of other days, as version 3 has them */
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2024, 3, 31, HOUR, -2 * HOUR, -HOUR},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2024, 10, 27, HOUR, -HOUR, -2 * HOUR},
        {"IST-2IDT,M3.4.4/26,M10.5.0", 2024, 3, 29, 0, 2 * HOUR, 3 * HOUR},
        {"AAA0BBB,M3.1.0/167:59:59,J300", 2024, 3, 9, 24 * HOUR - SECOND, 0, HOUR},
        {"AAA0BBB,J1/-167:59:59,J300", 2023, 12, 25, SECOND, 0, HOUR},
        {"AAA0BBB,J1/-167:59:59,J300", 2024, 12, 25, SECOND, 0, HOUR},
        {"AAA0BBB,J100,365/167", 2025, 1, 6, 22 * HOUR, HOUR, 0},
        {"AAA0BBB,J100,365/167", 2026, 1, 7, 22 * HOUR, HOUR, 0},
        /* in the south it begins late in the year; DST that saves nothing, or takes an hour away */
        {"NZST-12NZDT,M9.5.0,M4.1.0/3", 2024, 4, 6, 14 * HOUR, 13 * HOUR, 12 * HOUR},
        {"NZST-12NZDT,M9.5.0,M4.1.0/3", 2024, 9, 28, 14 * HOUR, 12 * HOUR, 13 * HOUR},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", 2024, 10, 27, HOUR, HOUR, 0},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", 2024, 3, 31, HOUR, 0, HOUR},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2024, 4, 6, 15 * HOUR, 11 * HOUR, 21 * HOUR / 2},
        {"AAA+24:59:59BBB-24:59:59,J100/0,J200/0", 2024, 4, 10, 25 * HOUR - SECOND,
         -25 * HOUR + SECOND, 25 * HOUR - SECOND},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct zone z;

        if (read_rule(&z, cases[i].rule) != 0)
            fail_msg("%s: refused", cases[i].rule);
        assert_change(&z, at(cases[i].year, cases[i].month, cases[i].day, cases[i].time),
                      cases[i].before, cases[i].after);
    }
}

static void test_zone__a_rule_may_have_dst_all_year_or_never(void **state)
{
    static const struct {
        const char *rule;
        int64_t offset;
    } cases[] = {
        {"EST5EDT,0/0,J365/25", -4 * HOUR}, /* RFC 8536, section 3.3.1 */
        {"XXX3EDT4,0/0,J365/23", -4 * HOUR},
        {"ABC-2<+01>-1,0/0,J365/23", HOUR},
        {"AAA0BBB,J60/1,J60/2", 0},
        {"AAA5:07:30", -(5 * HOUR + 7 * MINUTE + 30 * SECOND)},
        {"<-00>0", 0},
        {"<+1245>-12:45", 12 * HOUR + 45 * MINUTE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct zone z;
        int64_t when = at(2023, 12, 1, 0);

        assert_int_equal(read_rule(&z, cases[i].rule), 0);
        for (; when < at(2025, 2, 1, 0); when += MINUTE * 15) {
            int64_t until;

            if (usher__zone_offset(&z, when, &until) != cases[i].offset || until <= when)
                fail_msg("%s: wrong at %lld", cases[i].rule, (long long)when);
        }
    }
}

static void test_zone__a_rule_that_is_not_one_is_refused(void **state)
{
    static const char *const rules[] = {
        "5",
        "A5",
        "AA5",
        "AAA",
        "AAA ",
        "AAA5 ",
        " AAA5",
        "<AA>5",
        "<AAA5",
        "<AAA",
        "<>5",
        "AAA>5",
        "A-A5",
        "A1A5",
        "<A_A>5",
        "AAA25",
        "AAA-25",
        "AAA24:60",
        "AAA24:59:60",
        "AAA5:",
        "AAA5:0:",
        "AAA5:0:0:0",
        "AAA--5",
        "AAA+-5",
        "AAA99999999999999999999",
        "AAA5BBB",
        "AAA5BBB4",
        "AAA5BB,J1,J2",
        "AAA5BBB25,J1,J2",
        "AAA5BBB,",
        "AAA5BBB,J1",
        "AAA5BBB,J1,",
        "AAA5BBB,J1,J2,",
        "AAA5BBB,J1,J2,J3",
        "AAA5BBB,J1;J2",
        "AAA5BBB,J0,J2",
        "AAA5BBB,J366,J2",
        "AAA5BBB,366,2",
        "AAA5BBB,-1,2",
        "AAA5BBB,J,J2",
        "AAA5BBB,M0.1.0,J2",
        "AAA5BBB,M13.1.0,J2",
        "AAA5BBB,M1.0.0,J2",
        "AAA5BBB,M1.6.0,J2",
        "AAA5BBB,M1.1.7,J2",
        "AAA5BBB,M1.1,J2",
        "AAA5BBB,M1,J2",
        "AAA5BBB,M1.1.1.1,J2",
        "AAA5BBB,J1/168,J2",
        "AAA5BBB,J1/-168,J2",
        "AAA5BBB,J1/,J2",
        "AAA5BBB,J1/2:,J2",
        "AAA5BBB,J1/1:60,J2",
        "AAA5BBB,J1/1:0:60,J2",
        "AAA5BBB,j1,J2",
        ":Europe/Berlin",
        "Europe/Berlin",
    };
    struct zone z;

    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (read_rule(&z, rules[i]) != USHER_EINVAL)
            fail_msg("%s: not refused", rules[i]);
    }
    assert_int_equal(read_rule(&z, "AAA5BBB,J1,J2"), 0);
    assert_int_equal(read_rule(&z, ""), 0);
}

/* ---- from the wall to an instant --------------------------------------------------------------- */

static void test_zone__what_the_wall_skips_is_moved_forward(void **state)
{
    struct zone z;
    int64_t gap = at(2024, 3, 31, HOUR); /* UTC; 02:00 .. 03:00 are not there */
    int64_t two = at(2024, 3, 31, 2 * HOUR);

    (void)state;
    assert_int_equal(read_rule(&z, "CET-1CEST,M3.5.0,M10.5.0/3"), 0);
    assert_true(usher__zone_instant(&z, two - 1) == gap - 1);
    assert_true(usher__zone_instant(&z, two) == gap);
    assert_true(usher__zone_instant(&z, two + 1) == gap + 1);
    assert_true(usher__zone_instant(&z, two + HOUR - 1) == gap + HOUR - 1);
    assert_true(usher__zone_instant(&z, two + HOUR) == gap);
    assert_true(usher__zone_instant(&z, two + HOUR + 1) == gap + 1);
}

static void test_zone__of_two_instants_the_earlier_is_meant(void **state)
{
    struct zone z;
    int64_t back = at(2024, 10, 27, HOUR); /* UTC; 02:00 .. 03:00 come twice */
    int64_t two = at(2024, 10, 27, 2 * HOUR);

    (void)state;
    assert_int_equal(read_rule(&z, "CET-1CEST,M3.5.0,M10.5.0/3"), 0);
    assert_true(usher__zone_instant(&z, two - 1) == back - HOUR - 1);
    assert_true(usher__zone_instant(&z, two) == back - HOUR);
    assert_true(usher__zone_instant(&z, two + HOUR - 1) == back - 1);
    assert_true(usher__zone_instant(&z, two + HOUR) == back + HOUR);
}

static struct made moved(int64_t when, int32_t before, int32_t after)
{
    struct made m = {.version = '2', .times_n = 1, .infos_n = 2, .names_n = 4, .footer = ""};

    m.times[0] = when / 1000;
    m.types[0] = 1;
    m.infos[0].offset_s = before;
    m.infos[1].offset_s = after;
    return m;
}

static void test_zone__a_date_may_never_come(void **state)
{
    /* Samoa crossed the date line at the end of 2011-12-29. */
    static const struct {
        int32_t before_h, after_h;
        int64_t time;    /* of 2011-12-30 UTC */
        const char *has; /* 28th .. 1st */
    } cases[] = {
        {-10, 14, 10 * HOUR, "11011"},        /* at its midnight: all of the 30th */
        {-10, 14, 10 * HOUR - 1000, "11111"}, /* a second earlier: 30th 23:59:59 is there */
        {-10, 14, 10 * HOUR + 1000, "11111"}, /* a second later: the 30th's first one is there */
        {-10, 13, 10 * HOUR, "11111"},
        {-11, 14, 11 * HOUR, "11011"},         /* and an hour of the 31st */
        {14, -10, 10 * HOUR, "11111"},         /* back: nothing is skipped */
        {0, 1, 23 * HOUR + HOUR / 2, "11111"}, /* over midnight */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made m = moved(at(2011, 12, 30, cases[i].time), cases[i].before_h * 3600,
                              cases[i].after_h * 3600);
        struct file f = file_of(&m);
        struct zone z;

        assert_int_equal(usher__zone_read(&z, f.bytes, f.len), 0);
        for (int day = 0; day < 5; day++) {
            if (usher__zone_has_date(&z, usher__date_day(2011, 12, 28) + day) !=
                (cases[i].has[day] == '1'))
                fail_msg("case %zu: day %d", i, day);
        }
    }
}

static void test_zone__a_day_that_is_skipped_is_moved_by_a_day(void **state)
{
    struct made m = moved(at(2011, 12, 30, 10 * HOUR), -10 * 3600, 14 * 3600);
    struct file f = file_of(&m);
    struct zone z;

    (void)state;
    assert_int_equal(usher__zone_read(&z, f.bytes, f.len), 0);
    assert_true(usher__zone_instant(&z, at(2011, 12, 30, 0)) == at(2011, 12, 30, 10 * HOUR));
    assert_true(usher__zone_instant(&z, at(2011, 12, 30, 9 * HOUR)) == at(2011, 12, 30, 19 * HOUR));
    assert_true(usher__zone_instant(&z, at(2011, 12, 31, 9 * HOUR)) == at(2011, 12, 30, 19 * HOUR));
}

/* ---- bytes that are not a zone ----------------------------------------------------------------- */

static void test_zone__a_file_that_contradicts_itself_is_refused(void **state)
{
    struct made m = plain;

    (void)state;
    assert_int_equal(read_made(&m), 0);
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        m = plain;                                                                                 \
        change;                                                                                    \
        assert_int_equal(read_made(&m), USHER_EINVAL);                                             \
    } while (0)
    REFUSED(m.infos_n = 2); /* fewer than are used */
    REFUSED(m.infos_n = 0; m.times_n = 0; m.standard_n = 0; m.ut_n = 0);
    REFUSED(m.standard_n = 2);
    REFUSED(m.ut_n = 1);
    REFUSED(m.names_n = 8); /* the last name lies beyond them */
    REFUSED(m.names_n = 0);
    REFUSED(m.types[3] = 3);
    REFUSED(m.types[0] = 255);
    REFUSED(m.times[3] = m.times[2]);
    REFUSED(m.times[0] = INT64_MAX);
    REFUSED(m.infos[0].is_dst = 2);
    REFUSED(m.infos[2].offset_s = 26 * 3600);
    REFUSED(m.infos[2].offset_s = -25 * 3600);
    REFUSED(m.infos[1].offset_s = INT32_MIN);
    REFUSED(m.footer = "AAA");
    REFUSED(m.footer = "AAA5\r");
#undef REFUSED
    m = plain;
    m.infos[2].offset_s = 26 * 3600 - 1;
    m.infos[1].offset_s = -25 * 3600 + 1;
    assert_int_equal(read_made(&m), 0);
}

static void test_zone__a_file_says_in_each_block_that_it_is_one(void **state)
{
    struct file f = file_of(&plain);
    struct zone z;
    size_t found = 0;

    (void)state;
    for (size_t i = 0; i + 4 <= f.len; i++) {
        if (memcmp(f.bytes + i, "TZif", 4) != 0)
            continue;
        found++;
        for (size_t k = i; k < i + 4; k++) {
            f.bytes[k] ^= 0x20;
            assert_int_equal(usher__zone_read(&z, f.bytes, f.len), USHER_EINVAL);
            f.bytes[k] ^= 0x20;
            assert_int_equal(usher__zone_read(&z, f.bytes, f.len), 0);
        }
    }
    assert_int_equal(found, 2);
}

/* Its instants count the leap seconds; ours do not. */
static void test_zone__a_file_that_counts_leap_seconds_is_refused(void **state)
{
    struct made m = plain;

    (void)state;
    m.leaps_n = 2;
    assert_int_equal(read_made(&m), USHER_EINVAL);
    m.version = 0;
    assert_int_equal(read_made(&m), USHER_EINVAL);
}

/* All that may be asked of a zone that was read, whatever it says. */
static void try_out(const struct zone *z)
{
    static const int year[] = {0, 1901, 1970, 2011, 2024, 2037, 2038, 9999};

    for (size_t i = 0; i < sizeof year / sizeof year[0]; i++) {
        int64_t when =
            at(year[i], 3 * (uint32_t)(i % 4) + 1, 31 - 3 * (uint32_t)i, (int64_t)i * HOUR);
        int64_t until;
        int64_t offset = usher__zone_offset(z, when, &until);
        int64_t instant = usher__zone_instant(z, when);

        if (offset <= -25 * HOUR || offset >= 26 * HOUR || until <= when)
            fail_msg("offset %lld until %lld", (long long)offset, (long long)until);
        if (until != INT64_MAX && usher__zone_offset(z, until - 1, NULL) != offset)
            fail_msg("another one before %lld", (long long)until);
        if (instant <= when - 26 * HOUR || instant >= when + 25 * HOUR)
            fail_msg("instant %lld of %lld", (long long)instant, (long long)when);
        (void)usher__zone_has_date(z, usher__date_at(when));
    }
}

/* What files of the machine there are to be damaged, and those made here. */
static size_t victim(size_t i, unsigned char *bytes)
{
    static const char *const names[] = {"Europe/Berlin",     "America/New_York", "Pacific/Apia",
                                        "Africa/Casablanca", "America/Nuuk",     "Asia/Kolkata",
                                        "Europe/Dublin",     "Etc/GMT+5"};
    size_t names_n = sizeof names / sizeof names[0];
    struct made m = plain;
    struct file f;
    size_t len = 0;

    if (i < names_n)
        return usher__zone_load(NULL, names[i], bytes, &len) == 0 ? len : 0;
    m.version = i == names_n ? 0 : '3';
    m.footer = i == names_n + 1 ? "<+1030>-10:30<+11>-11,M10.1.0/-1,J300/167:59:59"
                                : "AAA5BBB,0/0,J365/25";
    f = file_of(&m);
    memcpy(bytes, f.bytes, f.len);
    return f.len;
}

enum { VICTIMS = 11 };

static void test_zone__no_part_of_a_file_is_one(void **state)
{
    static unsigned char bytes[ZONE_FILE_MAX];

    (void)state;
    for (size_t i = 0; i < VICTIMS; i++) {
        size_t len = victim(i, bytes);

        for (size_t part = 0; part < len; part++) {
            struct zone z;
            void *copy;

            if (read_exactly(&z, bytes, part, &copy) != USHER_EINVAL)
                fail_msg("%zu of %zu bytes", part, len);
            try_out(&z);
            free(copy);
        }
    }
}

static void test_zone__any_byte_may_be_any_other(void **state)
{
    static const unsigned char values[] = {0x00, 0x01, 0x02, 0x05, '\n', ',',  '/',  '0',
                                           '9',  '<',  'A',  'M',  0x7f, 0x80, 0xfe, 0xff};
    static unsigned char bytes[ZONE_FILE_MAX];
    size_t read_n = 0;
    size_t refused_n = 0;

    (void)state;
    for (size_t i = 0; i < VICTIMS; i++) {
        size_t len = victim(i, bytes);
        unsigned char *copy = malloc(len + 1);

        assert_non_null(copy);
        for (size_t at_byte = 0; at_byte < len; at_byte++) {
            for (size_t v = 0; v <= sizeof values; v++) {
                struct zone z;

                memcpy(copy + 1, bytes, len);
                copy[1 + at_byte] = v < sizeof values ? values[v] : bytes[at_byte] ^ 1;
                if (usher__zone_read(&z, copy + 1, len) == 0) {
                    try_out(&z);
                    read_n++;
                } else {
                    refused_n++;
                }
            }
        }
        free(copy);
    }
    assert_true(read_n > 1000 && refused_n > 1000);
}

static void test_zone__any_text_may_stand_for_a_rule(void **state)
{
    static const char letters[] = "AB<>,,//::+-0123456789MMJ...\nCDE";
    uint64_t seed = 1;
    size_t read_n = 0;

    (void)state;
    for (int round = 0; round < 200000; round++) {
        char rule[48] = "AAA5BBB,M3.2.0/-1,J300/2:30:15";
        unsigned changes = 1 + (unsigned)(round % 4);
        struct zone z;

        for (unsigned i = 0; i < changes; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            rule[(seed >> 33) % strlen("AAA5BBB,M3.2.0/-1,J300/2:30:15")] =
                letters[(seed >> 48) % (sizeof letters - 1)];
        }
        if (read_rule(&z, rule) == 0) {
            try_out(&z);
            read_n++;
        }
    }
    assert_true(read_n > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zone__utc_is_itself),
        cmocka_unit_test(test_zone__its_changes_hold_to_the_millisecond),
        cmocka_unit_test(test_zone__after_its_last_time_the_rule_holds),
        cmocka_unit_test(test_zone__times_may_lie_anywhere),
        cmocka_unit_test(test_zone__without_times_there_is_one_offset),
        cmocka_unit_test(test_zone__a_rule_says_when_it_changes),
        cmocka_unit_test(test_zone__a_rule_may_have_dst_all_year_or_never),
        cmocka_unit_test(test_zone__a_rule_that_is_not_one_is_refused),
        cmocka_unit_test(test_zone__what_the_wall_skips_is_moved_forward),
        cmocka_unit_test(test_zone__of_two_instants_the_earlier_is_meant),
        cmocka_unit_test(test_zone__a_date_may_never_come),
        cmocka_unit_test(test_zone__a_day_that_is_skipped_is_moved_by_a_day),
        cmocka_unit_test(test_zone__a_file_that_contradicts_itself_is_refused),
        cmocka_unit_test(test_zone__a_file_says_in_each_block_that_it_is_one),
        cmocka_unit_test(test_zone__a_file_that_counts_leap_seconds_is_refused),
        cmocka_unit_test(test_zone__no_part_of_a_file_is_one),
        cmocka_unit_test(test_zone__any_byte_may_be_any_other),
        cmocka_unit_test(test_zone__any_text_may_stand_for_a_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
