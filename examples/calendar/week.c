/* A week of a calendar, drawn: a row a day, a column every half hour of the wall.
 *
 * The library tells it in instants. They are put on the wall piece by piece, cut where the zone's
 * offset changes: an hour that the wall shows twice is open if it is open in one of its two times, an
 * hour that it skips is neither open nor closed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "date.h"
#include "local.h"
#include "screens.h"
#include "table.h"

enum {
    DAYS = 7,
    CELL_MS = 15 * 60000, /* a quarter of an hour: half a column */
    CELLS = DAY_MS / CELL_MS,
    SHOWN_WINDOWS = 4,
    WINDOWS = 96
};

struct window { /* on the wall, ms of the day */
    int64_t from, to;
};

struct day {
    bool open[CELLS], there[CELLS];
    struct window windows[WINDOWS];
    size_t windows_n;
    int64_t open_ms, length_ms;
    char clock[160]; /* what the wall's clock did */
};

struct week {
    int64_t first_day;
    struct day days[DAYS];
    int64_t open_ms;
};

/* ---- instants, put on the wall --------------------------------------------------------------- */

static void mark(bool *cells, int64_t from, int64_t to)
{
    for (int64_t i = from / CELL_MS; i < CELLS && i * CELL_MS < to; i++)
        cells[i] = true;
}

static void add_window(struct day *d, int64_t from, int64_t to)
{
    if (d->windows_n < WINDOWS)
        d->windows[d->windows_n++] = (struct window){from, to};
}

/* An interval in which the offset is the same. */
static void put_steady(struct week *w, int64_t from_at, int64_t to_at, bool open)
{
    while (from_at < to_at) {
        struct local l = local_of(from_at);
        int64_t end = from_at - l.ms + DAY_MS;
        int64_t day = l.day - w->first_day;
        if (end > to_at)
            end = to_at;
        if (day >= 0 && day < DAYS) {
            struct day *d = &w->days[day];
            int64_t to = l.ms + (end - from_at);
            if (!open) {
                mark(d->there, l.ms, to);
                d->length_ms += end - from_at;
            } else {
                mark(d->open, l.ms, to);
                add_window(d, l.ms, to);
                d->open_ms += end - from_at;
                w->open_ms += end - from_at;
            }
        }
        from_at = end;
    }
}

static void put(struct week *w, int64_t from_at, int64_t to_at, bool open)
{
    while (from_at < to_at) {
        int64_t change = local_change(from_at, to_at);
        put_steady(w, from_at, change, open);
        from_at = change;
    }
}

/* Says at the day before a change what the clock does then. */
static void tell_change(struct week *w, int64_t at)
{
    char clocks[2][LOCAL_MAX];
    char by[LOCAL_MAX];
    char date[DATE_MAX];
    struct local before = local_of(at - 1);
    struct local after = local_of(at);
    int64_t day = before.day - w->first_day;
    int64_t forward = after.offset - before.offset;
    if (day < 0 || day >= DAYS)
        day = after.day - w->first_day;
    if (day < 0 || day >= DAYS || forward == 0)
        return;
    struct day *d = &w->days[day];
    size_t len = strlen(d->clock);
    local_clock(clocks[0], before.ms + 1);
    local_clock(clocks[1], after.ms);
    local_span(by, forward < 0 ? -forward : forward);
    /* Where a date is skipped it says which one comes instead. */
    bool skips = after.day > before.day + 1;
    snprintf(d->clock + len, sizeof d->clock - len,
             "%sthe clock goes %s %.20s: %.16s is followed by %s%s%.16s", len ? ", " : "",
             forward > 0 ? "forward" : "back", by, clocks[0],
             skips ? date_short(date, after.day) : "", skips ? " " : "", clocks[1]);
}

static void put_wall(struct week *w, int64_t from_at, int64_t to_at)
{
    put(w, from_at, to_at, false);
    for (int64_t at = from_at - 1; at < to_at;) {
        at = local_change(at, to_at);
        if (at < to_at)
            tell_change(w, at);
    }
}

/* ---- the picture ----------------------------------------------------------------------------- */

enum cell { ABSENT, SHUT, HOLIDAY, LEFT, RIGHT, OPEN };

static enum cell cell_of(const struct day *d, int column, bool holiday)
{
    size_t i = (size_t)column * 2;
    if (!d->there[i] && !d->there[i + 1])
        return ABSENT;
    if (d->open[i] || d->open[i + 1])
        return !d->open[i + 1] ? LEFT : !d->open[i] ? RIGHT : OPEN;
    return holiday ? HOLIDAY : SHUT;
}

static void print_bar(const struct screen *s, const struct day *d, bool holiday)
{
    static const char *const blocks[] = {" ", "·", "╌", "▌", "▐", "█"};
    static const char *const ascii[] = {" ", ".", "-", "+", "+", "#"};
    static const enum paint paints[] = {PLAIN, FAINT, WARN, GOOD, GOOD, GOOD};
    const char *const *shapes = s->look->blocks ? blocks : ascii;
    char run[CELLS / 2 * 4 + 1];
    for (int i = 0; i < CELLS / 2;) {
        enum paint p = paints[cell_of(d, i, holiday)];
        size_t len = 0;
        for (; i < CELLS / 2 && paints[cell_of(d, i, holiday)] == p; i++) {
            const char *shape = shapes[cell_of(d, i, holiday)];
            memcpy(run + len, shape, strlen(shape));
            len += strlen(shape);
        }
        run[len] = 0;
        look_print(s->look, p, run);
    }
}

static void print_windows(const struct day *d)
{
    char clocks[2][LOCAL_MAX];
    if (d->windows_n > SHOWN_WINDOWS) {
        printf("%zu windows, %s-%s", d->windows_n, local_clock(clocks[0], d->windows[0].from),
               local_clock(clocks[1], d->windows[d->windows_n - 1].to));
        return;
    }
    for (size_t i = 0; i < d->windows_n; i++)
        printf("%s%s-%s", i ? " " : "", local_clock(clocks[0], d->windows[i].from),
               local_clock(clocks[1], d->windows[i].to));
}

static void print_day(const struct screen *s, const struct week *w, int i)
{
    const struct day *d = &w->days[i];
    int64_t day = w->first_day + i;
    const char *holiday = calendar_holiday(s->calendar, day);
    char date[DATE_MAX];
    char open[LOCAL_MAX];
    printf("  %-10s  ", date_short(date, day));
    if (d->length_ms == 0) {
        printf("%*s%s\n", CELLS / 2 + 2, "", "there was no such date here");
        return;
    }
    print_bar(s, d, holiday != NULL);
    fputs("  ", stdout);
    if (d->windows_n > 0) {
        print_windows(d);
        printf("  %s", local_span(open, d->open_ms));
    } else {
        fputs("closed", stdout);
    }
    if (holiday) {
        fputs(", ", stdout);
        look_print(s->look, WARN, "holiday");
        printf(" %s", holiday);
    } else if (calendar_special(s->calendar, day)) {
        fputs(", ", stdout);
        look_print(s->look, STRONG, "special day");
    }
    fputc('\n', stdout);
    if (d->clock[0])
        printf("%14s%s\n", "", d->clock);
}

static void print_week(const struct screen *s, const struct week *w)
{
    char dates[2][DATE_MAX];
    char open[LOCAL_MAX];
    const char *paint = look_paint(s->look, STRONG);
    int64_t last_day = w->first_day + DAYS - 1;
    bool same_year = date_of(w->first_day).year == date_of(last_day).year;
    fputs(paint ? paint : "", stdout);
    text_print(stdout, s->name, 40);
    printf("%s (%s), %s to %s\n\n", paint ? "\033[0m" : "", calendar_zone(s->calendar),
           same_year ? date_short(dates[0], w->first_day) : date_words(dates[0], w->first_day),
           date_words(dates[1], last_day));
    printf("%14s", "");
    for (int hour = 0; hour < 24; hour += 3)
        printf("%-6d", hour);
    fputs("24\n", stdout);
    for (int i = 0; i < DAYS; i++)
        print_day(s, w, i);
    printf("%*sopen %s\n", 14 + CELLS / 2 + 2, "", local_span(open, w->open_ms));
}

int screen_week(const struct screen *s, int64_t day, struct fault *f)
{
    /* More open time than a week can have, so the promise's explanation reaches beyond it. */
    static const char longer[] = "200h";
    struct answer a = {0};
    struct week *w = calloc(1, sizeof *w);
    local_zone(calendar_zone(s->calendar));
    int64_t monday = day - date_weekday(day);
    int64_t from_at = local_day_begin(monday);
    int64_t to_at = local_day_begin(monday + DAYS);
    if (!w)
        return fault_set(f, "out of memory");
    w->first_day = monday;
    if (from_at < 0 || to_at > USHER_AT_MAX) {
        free(w);
        return fault_set(f, "only whole weeks of the years 1970 to 9999 can be shown");
    }
    char *policy = source_policy(s->source, s->name, longer);
    int r = ask_resolve(&a, policy, from_at, to_at, f);
    free(policy);
    if (r != 0)
        fault_seen_from(f, from_at);
    if (r == 0) {
        put_wall(w, from_at, to_at);
        for (size_t i = 0; i < a.n; i++) {
            if (a.spans[i].kind == USHER_SPAN_OPEN)
                put(w, a.spans[i].from_at, a.spans[i].to_at, true);
        }
        print_week(s, w);
    }
    answer_free(&a);
    free(w);
    return r;
}
