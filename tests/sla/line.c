/* See line.h. */
#include "line.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/date.h"
#include "loop/zones.h"
#include "when.h"

static bool wrong(char why[ERR_MAX], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, ERR_MAX, format, args);
    va_end(args);
    return false;
}

/* ---- the calendar --------------------------------------------------------------------------- */

static bool read_window(const json_t *pair, struct window *w)
{
    const char *open = json_string_value(json_array_get(pair, 0));
    const char *close = json_string_value(json_array_get(pair, 1));

    if (json_array_size(pair) != 2 || open == NULL || close == NULL)
        return false;
    if (!when_time(open, &w->open_s) || !when_time(close, &w->close_s) || w->open_s == 86400)
        return false;
    if (w->close_s == 0 && w->open_s != 0) /* to midnight */
        w->close_s = 86400;
    return true;
}

static bool read_windows(struct line *l, const json_t *list, struct windows *out)
{
    size_t i;
    json_t *pair;
    struct window w;

    out->n = 0;
    if (!json_is_array(list) || json_array_size(list) > WINDOWS_OF_DAY)
        return false;
    json_array_foreach(list, i, pair) {
        if (!read_window(pair, &w))
            return false;
        if (w.open_s == w.close_s)
            l->empty_window = true;
        else
            out->window[out->n++] = w;
    }
    return true;
}

static bool read_week(struct line *l, const json_t *weekly, char why[ERR_MAX])
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const char *key;
    json_t *list;

    if (!json_is_object(weekly))
        return wrong(why, "weekly: windows by day expected");
    json_object_foreach((json_t *)(uintptr_t)weekly, key, list) {
        int day = 0;

        while (day < 7 && strcmp(names[day], key) != 0)
            day++;
        if (day == 7)
            return wrong(why, "weekly: %s: mon to sun expected", key);
        if (!read_windows(l, list, &l->spec.week[day]))
            return wrong(why, "weekly: %s: windows expected", key);
    }
    return true;
}

static bool read_holidays(struct line *l, const json_t *list, char why[ERR_MAX])
{
    struct holiday *holidays;
    size_t i;
    json_t *text;

    if (list == NULL || json_is_null(list))
        return true;
    if (!json_is_array(list) || json_array_size(list) > HOLIDAYS_MAX)
        return wrong(why, "holidays: a list of dates expected");
    holidays = calloc(json_array_size(list) + 1, sizeof *holidays);
    l->spec.holidays = holidays;
    if (holidays == NULL)
        return wrong(why, "out of memory");
    json_array_foreach(list, i, text) {
        struct date d;

        if (!json_is_string(text) || !when_date(json_string_value(text), &d))
            return wrong(why, "holidays[%zu]: \"YYYY-MM-DD\" or \"*-MM-DD\" expected", i);
        holidays[l->spec.holidays_n++] =
            (struct holiday){(int16_t)d.year, (uint8_t)d.month, (uint8_t)d.day};
    }
    return true;
}

static struct special *special_of(const struct calendar_spec *spec, int64_t day)
{
    for (uint32_t i = 0; i < spec->specials_n; i++) {
        if (spec->specials[i].day == day)
            return (struct special *)(uintptr_t)&spec->specials[i];
    }
    return NULL;
}

const struct windows *line_windows(const struct calendar_spec *spec, int64_t day)
{
    const struct special *s = special_of(spec, day);

    return s != NULL ? &s->windows : &spec->week[usher__date_weekday(day)];
}

/* Of a date that is to have windows of its own: those that it has now. There is room. */
static struct windows *own_windows(struct line *l, int64_t day)
{
    struct special *s = special_of(&l->spec, day);

    if (s == NULL) {
        s = (struct special *)(uintptr_t)&l->spec.specials[l->spec.specials_n++];
        *s = (struct special){(int32_t)day, l->spec.week[usher__date_weekday(day)]};
    }
    return &s->windows;
}

static bool is_holiday(const struct calendar_spec *spec, int64_t day)
{
    struct date d = usher__date_of(day);

    for (uint32_t i = 0; i < spec->holidays_n; i++) {
        const struct holiday *h = &spec->holidays[i];

        if (h->month == d.month && h->day == d.day && (h->year == 0 || h->year == d.year))
            return true;
    }
    return false;
}

/* Takes a break out of the windows of its date. What is left beyond midnight of one that was cut
 * is a window of the next date; a holiday would swallow it there. */
static bool take_out(struct line *l, int64_t day, const struct window *gone)
{
    int32_t from = gone->open_s, to = gone->close_s + (gone->close_s < from ? 86400 : 0);
    struct windows had = *own_windows(l, day), *left = own_windows(l, day);

    left->n = 0;
    for (uint32_t i = 0; i < had.n; i++) {
        const struct window *w = &had.window[i];
        int32_t open = w->open_s, close = w->close_s + (w->close_s < open ? 86400 : 0);
        struct window parts[] = {{open, from < close ? from : close},
                                 {to > open ? to : open, close}};

        for (int k = 0; k < 2; k++) {
            struct windows *of = left;

            if (parts[k].open_s >= parts[k].close_s)
                continue;
            if (parts[k].open_s >= 86400) {
                parts[k].open_s -= 86400;
                of = own_windows(l, day + 1);
                if (is_holiday(&l->spec, day + 1))
                    return false;
            }
            if (parts[k].close_s > 86400)
                parts[k].close_s -= 86400;
            if (of->n == WINDOWS_OF_DAY)
                return false;
            of->window[of->n++] = parts[k];
        }
    }
    return true;
}

/* special: they replace the weekday. breaks: they are taken out of what the date has. */
static bool read_dates(struct line *l, const json_t *dates, bool breaks, char why[ERR_MAX])
{
    const char *name = breaks ? "breaks" : "special", *key;
    json_t *list;

    if (dates == NULL || json_is_null(dates))
        return true;
    if (!json_is_object(dates))
        return wrong(why, "%s: windows by date expected", name);
    json_object_foreach((json_t *)(uintptr_t)dates, key, list) {
        struct windows windows;
        struct date d;
        int64_t day;

        if (!when_date(key, &d) || d.year == 0 || !read_windows(l, list, &windows))
            return wrong(why, "%s: %s: windows of a date expected", name, key);
        day = usher__date_day(d.year, d.month, d.day);
        if (!breaks)
            *own_windows(l, day) = windows;
        for (uint32_t i = 0; breaks && i < windows.n; i++) {
            if (!take_out(l, day, &windows.window[i]))
                return wrong(why, "breaks: %s: a calendar of ours cannot have that", key);
        }
    }
    return true;
}

static bool read_calendar(struct line *l, char why[ERR_MAX])
{
    const json_t *special = json_object_get(l->json, "special");
    const json_t *breaks = json_object_get(l->json, "breaks");

    l->spec.specials = calloc(json_object_size(special) + 2 * json_object_size(breaks) + 1,
                              sizeof *l->spec.specials);
    if (l->spec.specials == NULL)
        return wrong(why, "out of memory");
    return read_week(l, json_object_get(l->json, "weekly"), why) &&
           read_holidays(l, json_object_get(l->json, "holidays"), why) &&
           read_dates(l, special, false, why) && read_dates(l, breaks, true, why);
}

static bool read_zone(struct line *l, char why[ERR_MAX])
{
    size_t len;
    int err;

    l->zone_name = json_string_value(json_object_get(l->json, "tz"));
    if (l->zone_name == NULL)
        return wrong(why, "tz: the name of a time zone expected");
    l->zone_bytes = malloc(ZONE_FILE_MAX);
    if (l->zone_bytes == NULL)
        return wrong(why, "out of memory");
    err = usher__zone_load(NULL, l->zone_name, l->zone_bytes, &len);
    if (err != 0)
        return wrong(why, "tz: %s: %s", l->zone_name,
                     err == USHER_ENOENT ? "no such time zone on this machine"
                                         : usher_strerror(err));
    usher__zone_utc(&l->zone);
    if (len > 0 && usher__zone_read(&l->zone, l->zone_bytes, len) != 0)
        return wrong(why, "tz: %s: its file is damaged", l->zone_name);
    l->spec.zone_name = l->zone_name;
    l->spec.zone_bytes = len > 0 ? l->zone_bytes : NULL;
    l->spec.zone_len = len;
    return true;
}

bool line_read(struct line *l, const char *text, size_t len, char why[ERR_MAX])
{
    json_error_t error;

    memset(l, 0, sizeof *l);
    l->id = "?";
    l->json = json_loadb(text, len, 0, &error);
    if (l->json == NULL)
        return wrong(why, "not JSON: %s at column %d", error.text, error.column);
    if (json_is_string(json_object_get(l->json, "id")))
        l->id = json_string_value(json_object_get(l->json, "id"));
    l->op = json_string_value(json_object_get(l->json, "op"));
    l->note = json_string_value(json_object_get(l->json, "note"));
    if (l->op == NULL)
        return wrong(why, "op: a word expected");
    return read_zone(l, why) && read_calendar(l, why);
}

void line_free(struct line *l)
{
    free((void *)(uintptr_t)l->spec.holidays);
    free((void *)(uintptr_t)l->spec.specials);
    free(l->zone_bytes);
    json_decref(l->json);
}

/* ---- the question and the answer ------------------------------------------------------------ */

/* Seconds, perhaps with a fraction, as ms. */
static bool read_seconds(const json_t *value, int64_t *ms)
{
    double seconds = json_number_value(value);

    if (!json_is_number(value) || seconds > 1e12 || seconds < -1e12)
        return false;
    *ms = (int64_t)(seconds * 1000 + (seconds < 0 ? -0.5 : 0.5));
    return true;
}

/* null: there is none. */
static bool read_instant(const struct line *l, const json_t *value, int64_t *out)
{
    if (json_is_null(value)) {
        *out = INT64_MAX;
        return true;
    }
    return json_is_string(value) && when_instant(json_string_value(value), &l->zone, out);
}

static bool read_span(const struct line *l, const json_t *pair, struct span *out)
{
    return json_array_size(pair) == 2 && read_instant(l, json_array_get(pair, 0), &out->from) &&
           read_instant(l, json_array_get(pair, 1), &out->to);
}

static int by_from(const void *a, const void *b)
{
    int64_t left = ((const struct span *)a)->from, right = ((const struct span *)b)->from;

    return (left > right) - (left < right);
}

/* Pauses that overlap are one, for they have one reason. */
static bool read_pauses(struct line *l, const json_t *list, char why[ERR_MAX])
{
    uint32_t n = 0;

    if (list == NULL || json_is_null(list))
        return true;
    if (!json_is_array(list) || json_array_size(list) > PAUSES_MAX)
        return wrong(why, "in.pauses: a list of intervals expected");
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!read_span(l, json_array_get(list, i), &l->pauses[i]))
            return wrong(why, "in.pauses[%zu]: two instants expected", i);
    }
    qsort(l->pauses, json_array_size(list), sizeof *l->pauses, by_from);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct span p = l->pauses[i];

        if (p.to <= p.from)
            continue;
        if (n > 0 && p.from <= l->pauses[n - 1].to)
            l->pauses[n - 1].to = p.to > l->pauses[n - 1].to ? p.to : l->pauses[n - 1].to;
        else
            l->pauses[n++] = p;
    }
    l->pauses_n = n;
    return true;
}

static bool read_answer(struct line *l, enum answer_kind kind, char why[ERR_MAX])
{
    const json_t *value = json_object_get(l->json, "expected");
    struct answer *a = &l->expected;

    a->kind = kind;
    if (kind == ANSWER_INSTANT)
        return (value != NULL && read_instant(l, value, &a->value)) ||
               wrong(why, "expected: an instant expected");
    if (kind == ANSWER_SECONDS)
        return read_seconds(value, &a->value) || wrong(why, "expected: seconds expected");
    if (kind == ANSWER_MINUTES || kind == ANSWER_TRUTH) {
        a->value = kind == ANSWER_TRUTH ? json_is_true(value) : json_integer_value(value);
        return (kind == ANSWER_TRUTH ? json_is_boolean(value) : json_is_integer(value)) ||
               wrong(why, "expected: %s expected",
                     kind == ANSWER_TRUTH ? "true or false" : "minutes");
    }
    if (!json_is_array(value) || json_array_size(value) > SPANS_MAX)
        return wrong(why, "expected: intervals expected");
    for (; a->n < json_array_size(value); a->n++) {
        if (!read_span(l, json_array_get(value, a->n), &a->spans[a->n]))
            return wrong(why, "expected[%u]: two instants expected", (unsigned)a->n);
    }
    return true;
}

bool line_ask(struct line *l, const struct question *q, char why[ERR_MAX])
{
    const json_t *in = json_object_get(l->json, "in");
    const json_t *at = q->at != NULL ? json_object_get(in, q->at) : NULL;

    if (q->local) {
        if (!json_is_string(at) || !when_local(json_string_value(at), &l->at))
            return wrong(why, "in.%s: a local time expected", q->at);
    } else if (q->at != NULL && (!read_instant(l, at, &l->at) || json_is_null(at))) {
        return wrong(why, "in.%s: an instant expected", q->at);
    }
    if (q->to != NULL) {
        const json_t *to = json_object_get(in, q->to);

        if (!json_is_string(to) || !read_instant(l, to, &l->to))
            return wrong(why, "in.%s: an instant expected", q->to);
    }
    if (q->ms != NULL && !read_seconds(json_object_get(in, q->ms), &l->ms))
        return wrong(why, "in.%s: seconds expected", q->ms);
    if (q->n != NULL) {
        l->n = json_integer_value(json_object_get(in, q->n));
        if (!json_is_integer(json_object_get(in, q->n)))
            return wrong(why, "in.%s: a whole number expected", q->n);
    }
    if (q->pauses && !read_pauses(l, json_object_get(in, "pauses"), why))
        return false;
    return read_answer(l, q->answer, why);
}
