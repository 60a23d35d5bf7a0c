/* A calendar of windows, special days, holidays and a zone, as a policy may have made it, and what promises ask
 * of it: the answers must agree with each other. (tests/calendar compares them with others' answers.) */
#include "core/calendar.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include <usher/usher.h>

#define MINUTE INT64_C(60000)
#define DAY    (1440 * MINUTE)
#define T0     INT64_C(1700000000000)

static void *resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    if (n > 0)
        return realloc(p, n);
    free(p);
    return NULL;
}

/* Windows that do not overlap, as the policy's reader sees to it; the last may end on the next date. */
static struct windows take_windows(struct bytes *b)
{
    struct windows w = {0};
    int32_t at = (int32_t)take_below(b, 1440) * 60;
    uint32_t n = take_below(b, 4);

    for (uint32_t i = 0; i < n && at < 86400; i++) {
        int32_t open = at, close = open + 60 * (1 + (int32_t)take_below(b, 720));

        if (close > 86400)
            close = 86400;
        w.window[w.n++] = (struct window){open, close};
        at = close + 60 * (int32_t)take_below(b, 300);
    }
    return w;
}

static void ask(const struct calendar *c, int64_t from, int64_t ms)
{
    int64_t due = usher__calendar_reach(c, from, ms), pass = usher__calendar_pass(c, from, ms), end;
    int64_t sum = 0;

    MUST(due >= from && pass >= due);
    if (due == INT64_MAX)
        return;
    MUST(usher__calendar_between(c, from, due) == ms);
    if (pass != INT64_MAX)
        MUST(usher__calendar_between(c, from, pass) == ms + 1 || pass == due + 1);
    if (ms > 0 && due > from)
        MUST(usher__calendar_between(c, from, due - 1) == ms - 1);
    MUST(usher__calendar_back(c, due, ms) >= from);
    for (int64_t at = from; at < due && due - from < 400 * DAY; at = end) {
        int kind = usher__calendar_span(c, at, due, &end);

        MUST(end > at && end <= due);
        MUST((kind == USHER_SPAN_OPEN) == usher__calendar_is_open(c, at));
        sum += kind == USHER_SPAN_OPEN ? end - at : 0;
    }
    if (due - from < 400 * DAY)
        MUST(sum == ms);
}

static void ask_people(const struct calendar *c, int64_t at, int64_t days)
{
    int64_t open = usher__calendar_next_open(c, at), close = usher__calendar_next_close(c, at);
    int64_t to = usher__calendar_days(c, at, days);

    MUST(open >= at && close >= at);
    MUST(usher__calendar_prev_open(c, at) <= at && usher__calendar_prev_close(c, at) <= at);
    if (open != INT64_MAX)
        MUST(usher__calendar_is_open(c, open) && usher__calendar_between(c, open, open + 1) == 1);
    if (close != INT64_MAX)
        MUST(!usher__calendar_is_open(c, close));
    MUST(days < 0 || to > at); /* back, it may be the next opening, and that lie after `at` */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const zones[] = {
        "UTC",          "Europe/Berlin",    "America/New_York", "Asia/Kathmandu",
        "Pacific/Apia", "Africa/Casablanca"};
    struct bytes b = {data, data + len};
    struct calendar_spec spec = {.zone_name = zones[take_below(&b, 6)]};
    struct special specials[8];
    struct holiday holidays[8];
    const usher_allocator allocator = {resize, NULL};
    struct calendar *c;

    for (int d = 0; d < 7; d++)
        spec.week[d] = take_windows(&b);
    spec.specials_n = take_below(&b, 9);
    for (uint32_t i = 0; i < spec.specials_n; i++) /* each date once */
        specials[i] =
            (struct special){19600 + (int32_t)(i * 97 + take_below(&b, 97)), take_windows(&b)};
    spec.holidays_n = take_below(&b, 9);
    for (uint32_t i = 0; i < spec.holidays_n; i++)
        holidays[i] =
            (struct holiday){(int16_t)(take_below(&b, 2) == 0 ? 0 : 2023 + take_below(&b, 3)),
                             (uint8_t)(1 + take_below(&b, 12)), (uint8_t)(1 + take_below(&b, 28))};
    spec.specials = specials;
    spec.holidays = holidays;
    spec.zone_bytes =
        strcmp(spec.zone_name, "UTC") == 0 ? NULL : fuzz_zone(spec.zone_name, &spec.zone_len);
    MUST(usher__calendar_new(&c, &allocator, &spec) == 0);
    for (int i = 0; i < 4; i++) {
        int64_t from = T0 + (int64_t)(take_number(&b, 5) % (UINT64_C(4000) * DAY)) - 2000 * DAY;
        int64_t days = 1 + (int64_t)take_below(&b, 30);

        ask(c, from, (int64_t)take_number(&b, 4));
        ask_people(c, from, i % 2 == 0 ? days : -days);
    }
    usher__calendar_free(c);
    return 0;
}
