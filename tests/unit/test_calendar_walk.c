/* Any calendar beside a naive one, which goes from minute to minute over six weeks; with memory, with
 * memory now and then, and without. And over eight thousand years, what must hold between the answers. */
#include "calendars.h"
#include "core/calendar_table.h"

enum { DAYS = 45, MINUTES = DAYS * 24 * 60, DATES = DAYS + 8, SEEDS = 40, QUESTIONS = 40 };

#define UNKNOWN (INT64_MAX - 1) /* it lies beyond the six weeks */

static const char *const zones[] = {NULL,
                                    "Europe/Berlin",
                                    "Australia/Lord_Howe",
                                    "Pacific/Apia",
                                    "America/St_Johns",
                                    "Africa/Casablanca",
                                    "Antarctica/Troll",
                                    "Asia/Kolkata",
                                    "America/Havana"};

enum { ZONES = sizeof zones / sizeof zones[0] };

struct walk {
    struct almanac almanac;
    struct zone zone;
    int64_t begin, end;
    bool open[MINUTES];
    bool holiday[MINUTES]; /* by the date that the wall shows */
    int64_t first_date;
    bool works[DATES];
    struct calendar *c[3]; /* with memory, with a failing allocator, without any */
};

/* ---- a calendar of any kind ---------------------------------------------------------------------- */

static int32_t any_time(uint64_t *random, bool close)
{
    uint32_t kind = below(random, 8);

    if (kind == 0)
        return close ? 24 * 3600 : 0;
    if (kind < 5)
        return (int32_t)(below(random, 24 - close) + close) * 3600;
    return (int32_t)(below(random, 24 * 60 - 1) + close) * 60;
}

static struct windows any_windows(uint64_t *random)
{
    struct windows w = {0};
    uint32_t kind = below(random, 10);

    w.n = kind < 2 ? 0 : kind < 9 ? 1 + below(random, 3) : WINDOWS_OF_DAY;
    for (uint32_t i = 0; i < w.n; i++) {
        w.window[i].open_s = any_time(random, false);
        do
            w.window[i].close_s = any_time(random, true);
        while (w.window[i].close_s == w.window[i].open_s);
    }
    return w;
}

static void any_days(struct walk *w, uint64_t *random)
{
    struct calendar_spec *s = &w->almanac.spec;
    int32_t first = (int32_t)w->first_date;

    memset(s, 0, sizeof *s);
    s->zone_name = "UTC";
    s->specials = w->almanac.specials;
    s->holidays = w->almanac.holidays;
    for (int i = 0; i < 7; i++)
        s->week[i] = below(random, 20) == 0 ? (struct windows){0} : any_windows(random);
    for (int32_t day = 0; day < DATES; day++) {
        struct date d = usher__date_of(first + day);

        if (below(random, 8) == 0)
            w->almanac.specials[s->specials_n++] =
                (struct special){first + day, any_windows(random)};
        if (below(random, 12) == 0)
            w->almanac.holidays[s->holidays_n++] = (struct holiday){
                below(random, 3) == 0 ? 0 : (int16_t)d.year, (uint8_t)d.month, (uint8_t)d.day};
    }
    for (uint32_t i = s->specials_n; i > 1; i--) {
        uint32_t j = below(random, i);
        struct special swapped = w->almanac.specials[j];

        w->almanac.specials[j] = w->almanac.specials[i - 1];
        w->almanac.specials[i - 1] = swapped;
    }
}

/* ---- the naive one ------------------------------------------------------------------------------- */

static bool is_holiday(const struct calendar_spec *s, int64_t day)
{
    struct date d = usher__date_of(day);

    for (uint32_t i = 0; i < s->holidays_n; i++) {
        const struct holiday *h = &s->holidays[i];

        if (h->month == d.month && h->day == d.day && (h->year == 0 || h->year == d.year))
            return true;
    }
    return false;
}

static const struct windows *windows_on(const struct calendar_spec *s, int64_t day)
{
    static const struct windows none;

    if (is_holiday(s, day))
        return &none;
    for (uint32_t i = 0; i < s->specials_n; i++) {
        if (s->specials[i].day == day)
            return &s->specials[i].windows;
    }
    return &s->week[(day + 3) % 7];
}

static void mark(struct walk *w)
{
    memset(w->open, 0, sizeof w->open);
    memset(w->works, 0, sizeof w->works);
    for (int64_t i = 0; i < DATES; i++) {
        int64_t day = w->first_date + i;
        const struct windows *of_day = windows_on(&w->almanac.spec, day);

        if (!usher__zone_has_date(&w->zone, day))
            continue;
        for (uint32_t j = 0; j < of_day->n; j++) {
            const struct window *one = &of_day->window[j];
            int64_t close = day + (one->close_s < one->open_s ? 1 : 0);
            int64_t from = usher__zone_instant(&w->zone, day * DAY_MS + one->open_s * SECOND);
            int64_t to = usher__zone_instant(&w->zone, close * DAY_MS + one->close_s * SECOND);

            if (from < to)
                w->works[i] = true;
            for (int64_t t = from; t < to; t += MINUTE) {
                if (t >= w->begin && t < w->end)
                    w->open[(t - w->begin) / MINUTE] = true;
            }
        }
    }
    for (int64_t m = 0; m < MINUTES; m++) {
        int64_t t = w->begin + m * MINUTE;
        int64_t local = t + usher__zone_offset(&w->zone, t, NULL);

        w->holiday[m] = is_holiday(&w->almanac.spec, usher__date_at(local));
    }
}

static bool open_at(const struct walk *w, int64_t t)
{
    return w->open[(t - w->begin) / MINUTE];
}

static bool inside(const struct walk *w, int64_t t)
{
    return t >= w->begin && t < w->end;
}

static int64_t minute_after(int64_t t)
{
    return t - t % MINUTE + MINUTE;
}

static int64_t walk_between(const struct walk *w, int64_t from, int64_t to)
{
    int64_t ms = 0;

    for (int64_t t = from, next; t < to; t = next) {
        next = minute_after(t) < to ? minute_after(t) : to;
        ms += open_at(w, t) ? next - t : 0;
    }
    return ms;
}

static int64_t walk_reach(const struct walk *w, int64_t from, int64_t ms, bool pass)
{
    int64_t t = from;

    if (ms == 0 && !pass)
        return from;
    for (; inside(w, t); t = minute_after(t)) {
        int64_t len = minute_after(t) - t;

        if (!open_at(w, t))
            continue;
        if (pass ? ms < len : ms <= len)
            return t + ms + pass;
        ms -= len;
    }
    return UNKNOWN;
}

static int64_t walk_back(const struct walk *w, int64_t to, int64_t ms)
{
    for (int64_t t = to; ms > 0;) {
        int64_t before = (t - 1) - (t - 1) % MINUTE;

        if (!inside(w, before))
            return UNKNOWN;
        if (open_at(w, before)) {
            if (ms <= t - before)
                return t - ms;
            ms -= t - before;
        }
        t = before;
    }
    return to;
}

/* The first minute at or after t, the last at or before it (step -1), that begins with a change. */
static int64_t walk_change(const struct walk *w, int64_t t, int step, bool opens)
{
    t -= t % MINUTE;
    for (; t > w->begin && inside(w, t); t += step * MINUTE) {
        if (open_at(w, t) == opens && open_at(w, t - 1) != opens)
            return t;
    }
    return UNKNOWN;
}

static int64_t walk_open_from(const struct walk *w, int64_t t)
{
    if (!inside(w, t))
        return UNKNOWN;
    return open_at(w, t) ? t : walk_change(w, minute_after(t), 1, true);
}

static int64_t walk_days(const struct walk *w, int64_t from, int64_t n)
{
    int64_t local = from + usher__zone_offset(&w->zone, from, NULL);
    int64_t i = usher__date_at(local) - w->first_date, left = n < 0 ? -n : n;

    while (left > 0) {
        i += n < 0 ? -1 : 1;
        if (i < 4 || i >= DATES - 4)
            return UNKNOWN;
        left -= w->works[i];
    }
    return walk_open_from(
        w, usher__zone_instant(&w->zone, (w->first_date + i) * DAY_MS + local % DAY_MS));
}

static int walk_kind(const struct walk *w, int64_t t)
{
    if (open_at(w, t))
        return USHER_SPAN_OPEN;
    return w->holiday[(t - w->begin) / MINUTE] ? USHER_SPAN_HOLIDAY : USHER_SPAN_CLOSED;
}

/* ---- side by side -------------------------------------------------------------------------------- */

static void agree(const struct walk *w, const char *what, int64_t t, int64_t ms, int64_t naive,
                  const int64_t actual[3])
{
    for (int i = 0; i < 3; i++) {
        if (actual[i] != actual[0] || (naive != UNKNOWN && actual[i] != naive))
            fail_msg("%s(%s, %" PRId64 ") in %s, calendar %d: %s or %" PRId64
                     ", naive %s or %" PRId64,
                     what, when(t), ms, w->almanac.spec.zone_name, i, when(actual[i]), actual[i],
                     naive == UNKNOWN ? "unknown" : when(naive), naive);
    }
}

#define AGREE(w, what, t, ms, naive, call)                                                         \
    do {                                                                                           \
        int64_t actual[3];                                                                         \
        for (int k = 0; k < 3; k++) {                                                              \
            const struct calendar *c = (w)->c[k];                                                  \
            actual[k] = call;                                                                      \
        }                                                                                          \
        agree(w, what, t, ms, naive, actual);                                                      \
    } while (0)

static void spans_agree(const struct walk *w, int64_t t, int64_t to)
{
    for (int i = 0; i < 3; i++) {
        for (int64_t at = t, end, naive; at < to; at = end) {
            int kind = usher__calendar_span(w->c[i], at, to, &end);

            assert_int_equal(kind, walk_kind(w, at));
            naive = minute_after(at);
            while (naive < to && walk_kind(w, naive) == kind)
                naive += MINUTE;
            assert_same_at(end, naive < to ? naive : to);
        }
    }
}

static void ask(const struct walk *w, uint64_t *random)
{
    int64_t t = w->begin + DAY_MS + (int64_t)below(random, MINUTES - 2 * 24 * 60) * MINUTE;
    int64_t n = (int64_t)below(random, 20) - 10;
    int64_t ms, to;

    if (below(random, 2) == 0)
        t += (int64_t)below(random, 60000);
    ms = (int64_t)below(random, below(random, 2) == 0 ? 12 * 60 : 10 * 24 * 60) * MINUTE;
    if (below(random, 2) == 0)
        ms += (int64_t)below(random, 3) - 1;
    if (ms < 0)
        ms = 0;
    to = t + ms < w->end ? t + ms : w->end;
    AGREE(w, "is_open", t, 0, open_at(w, t), usher__calendar_is_open(c, t));
    AGREE(w, "between", t, ms, walk_between(w, t, to), usher__calendar_between(c, t, to));
    AGREE(w, "reach", t, ms, walk_reach(w, t, ms, false), usher__calendar_reach(c, t, ms));
    AGREE(w, "pass", t, ms, walk_reach(w, t, ms, true), usher__calendar_pass(c, t, ms));
    AGREE(w, "back", t, ms, walk_back(w, t, ms), usher__calendar_back(c, t, ms));
    ms = walk_between(w, t, to); /* an exact fill now and then */
    AGREE(w, "reach", t, ms, walk_reach(w, t, ms, false), usher__calendar_reach(c, t, ms));
    AGREE(w, "pass", t, ms, walk_reach(w, t, ms, true), usher__calendar_pass(c, t, ms));
    AGREE(w, "next_open", t, 0, walk_change(w, t % MINUTE == 0 ? t : minute_after(t), 1, true),
          usher__calendar_next_open(c, t));
    AGREE(w, "next_close", t, 0, walk_change(w, minute_after(t), 1, false),
          usher__calendar_next_close(c, t));
    AGREE(w, "prev_open", t, 0, walk_change(w, t, -1, true), usher__calendar_prev_open(c, t));
    AGREE(w, "prev_close", t, 0, walk_change(w, t, -1, false), usher__calendar_prev_close(c, t));
    if (n != 0)
        AGREE(w, "days", t, n, walk_days(w, t, n), usher__calendar_days(c, t, n));
    if (to > t && below(random, 4) == 0)
        spans_agree(w, t, to);
}

/* ---- allocators ---------------------------------------------------------------------------------- */

/* Fails every other time, or always. */
struct moody {
    uint64_t random;
    bool never;
    size_t held_n;
};

static void *moody_resize(void *ctx, void *p, size_t n)
{
    struct moody *m = ctx;

    if (n > 0 && (m->never || below(&m->random, 2) == 0))
        return NULL;
    if (n == 0) {
        m->held_n--;
        free(p);
        return NULL;
    }
    m->held_n += p == NULL;
    return realloc(p, n);
}

static void make_all(struct walk *w, struct moody moods[3])
{
    for (int i = 0; i < 3; i++) {
        usher_allocator a = {i == 0 ? libc_resize : moody_resize, &moods[i]};

        moods[i] = (struct moody){.random = 77};
        w->c[i] = NULL;
        for (int n = 0; w->c[i] == NULL; n++) {
            assert_true(n < 1000);
            (void)usher__calendar_new(&w->c[i], &a, &w->almanac.spec);
            assert_true(w->c[i] != NULL || moods[i].held_n == 0);
        }
    }
}

static void one(struct walk *w, uint64_t *random)
{
    struct moody moods[3];
    const char *name = zones[below(random, ZONES)];
    int64_t middle = (int64_t)below(random, below(random, 4) == 0 ? 200 * 365 : 64 * 365) * DAY_MS +
                     2 * 365 * DAY_MS;

    if (below(random, 3) == 0)
        middle = (middle / CHUNK_MS + 1) * CHUNK_MS;
    else if (below(random, 2) == 0)
        middle = usher__date_day(2011, 12, 30) * DAY_MS; /* see Apia */
    w->begin = middle - (DAYS / 2) * DAY_MS;
    w->begin -= w->begin % MINUTE;
    w->end = w->begin + MINUTES * MINUTE;
    w->first_date = usher__date_at(w->begin) - 4;
    any_days(w, random);
    usher__zone_utc(&w->zone);
    if (name != NULL && read_zone(&w->almanac, name))
        assert_int_equal(usher__zone_read(&w->zone, w->almanac.zone, w->almanac.spec.zone_len), 0);
    mark(w);
    make_all(w, moods);
    moods[2].never = w->end < at("2037-01-01 00:00"); /* later it sums up decades each time */
    for (int i = 0; i < QUESTIONS; i++)
        ask(w, random);
    for (int i = 0; i < 3; i++) {
        usher__calendar_free(w->c[i]);
        assert_int_equal(moods[i].held_n, 0);
    }
}

static void test_calendar_walk__as_a_naive_one(void **unused)
{
    struct walk *w = malloc(sizeof *w);
    uint64_t random = 20261120;

    (void)unused;
    assert_non_null(w);
    for (int i = 0; i < SEEDS; i++)
        one(w, &random);
    free(w);
}

/* ---- over the ages ------------------------------------------------------------------------------- */

static void hold(const struct calendar *c, uint64_t *random, int64_t most)
{
    int64_t a = (int64_t)(draw(random) >> 1) % most, b = (int64_t)(draw(random) >> 1) % most;
    int64_t from = a < b ? a : b;
    int64_t to = a < b ? b : a, ms = usher__calendar_between(c, from, to), t;
    int64_t part = ms > 0 ? (int64_t)(draw(random) >> 1) % ms : 0;
    int64_t middle = from + (int64_t)(draw(random) >> 1) % (to - from + 1);

    assert_true(ms >= 0 && ms <= to - from);
    assert_int_equal(
        usher__calendar_between(c, from, middle) + usher__calendar_between(c, middle, to), ms);
    t = usher__calendar_reach(c, from, ms);
    assert_true(t <= to && t >= from);
    assert_int_equal(usher__calendar_between(c, from, t), ms);
    assert_true(ms == 0 || usher__calendar_between(c, from, t - 1) == ms - 1);
    if (part > 0) {
        t = usher__calendar_pass(c, from, part);
        assert_true(t > usher__calendar_reach(c, from, part) && t <= to);
        assert_int_equal(usher__calendar_between(c, from, t), part + 1);
        assert_int_equal(usher__calendar_between(c, from, t - 1), part);
        t = usher__calendar_back(c, to, part);
        assert_true(t >= from && usher__calendar_is_open(c, t));
        assert_int_equal(usher__calendar_between(c, t, to), part);
        assert_same_at(usher__calendar_back(c, usher__calendar_pass(c, from, part), part + 1),
                       usher__calendar_pass(c, from, 0) - 1);
    }
    t = usher__calendar_next_open(c, from);
    if (t != INT64_MAX) {
        assert_true(t >= from && usher__calendar_is_open(c, t));
        assert_true(t == 0 || !usher__calendar_is_open(c, t - 1));
        assert_same_at(usher__calendar_prev_open(c, t), t);
    }
    t = usher__calendar_next_close(c, from);
    if (t != INT64_MAX) {
        assert_true(t > from && usher__calendar_is_open(c, t - 1));
        assert_false(usher__calendar_is_open(c, t));
        assert_same_at(usher__calendar_prev_close(c, t), t);
    }
}

static void test_calendar_walk__what_must_hold_over_the_ages(void **unused)
{
    struct walk *w = malloc(sizeof *w);
    uint64_t random = 9999;

    (void)unused;
    assert_non_null(w);
    for (int i = 0; i < 4; i++) {
        struct moody moods[3];

        w->first_date = usher__date_day(2026, 11, 1);
        any_days(w, &random);
        if (i > 0)
            (void)read_zone(&w->almanac, zones[i]);
        make_all(w, moods);
        for (int j = 0; j < 500; j++)
            hold(w->c[0], &random, i == 0 && j % 4 == 0 ? USHER_AT_MAX : at("2150-01-01 00:00"));
        for (int j = 0; j < 3; j++)
            usher__calendar_free(w->c[j]);
    }
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar_walk__as_a_naive_one),
        cmocka_unit_test(test_calendar_walk__what_must_hold_over_the_ages),
    };

    return cmocka_run_group_tests_name("calendar_walk", tests, NULL, NULL);
}
