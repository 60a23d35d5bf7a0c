/* Turns events into dates.
 *
 * A date that comes back every year, for ever, is "*-MM-DD". What repeats otherwise is written out for
 * ten years. All that is not in the result is said, with its count and the first case: a holiday that
 * is missing without a word is a promise broken later. */
#include "holidays.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "array.h"
#include "date.h"
#include "ics.h"
#include "rule.h"
#include "table.h"

enum {
    YEARS = 10,          /* that repeating events are written out for */
    HOLIDAYS_MOST = 4000 /* that a policy takes of one calendar */
};
static const int64_t work_most = 8000000; /* days looked at: a second at most */

enum note {
    NOTE_TIMED,
    NOTE_CANCELLED,
    NOTE_UNREADABLE,
    NOTE_RULE,
    NOTE_BEFORE,
    NOTE_OVER,
    NOTE_WRITTEN_OUT,
    NOTES
};

struct collector {
    const struct ics *ics;
    const struct ics_event **stand_ins; /* events instead of a day of another, by uid and day */
    size_t stand_ins_n;
    const struct ics_event *event; /* being written out */
    size_t own_from, own_to;       /* its stand-ins */
    struct date from;
    int64_t from_day, to_day; /* of repeating events */
    int64_t single_from_day;  /* of single ones */
    int64_t work;
    unsigned char *days; /* bits, from 1970-01-01 on */
    uint32_t every[13];  /* by month, bits by day: every year */
    uint64_t taken;      /* days of the event being written out */
    uint64_t n[NOTES];
    const struct ics_event *first[NOTES];
};

static const int64_t days_end = 2932897; /* 10000-01-01 */

static void note(struct collector *c, enum note n)
{
    if (c->n[n]++ == 0)
        c->first[n] = c->event;
}

/* ---- one event ------------------------------------------------------------------------------- */

static int compare_stand_ins(const void *a, const void *b)
{
    const struct ics_event *x = *(const struct ics_event *const *)a;
    const struct ics_event *y = *(const struct ics_event *const *)b;
    int order = strcmp(x->uid, y->uid);
    return order != 0 ? order : (x->instead_of > y->instead_of) - (x->instead_of < y->instead_of);
}

static int compare_days(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The first stand-in that is not before this day of this uid. */
static size_t find_stand_in(const struct collector *c, const char *uid, int64_t day)
{
    size_t from = 0;
    size_t to = c->stand_ins_n;
    struct ics_event key = {.uid = uid, .instead_of = day};
    const struct ics_event *wanted = &key;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (compare_stand_ins(&c->stand_ins[mid], &wanted) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

/* Days only, in the event's own part: uids may be long. */
static bool is_replaced(const struct collector *c, int64_t day)
{
    size_t from = c->own_from;
    size_t to = c->own_to;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (c->stand_ins[mid]->instead_of < day)
            from = mid + 1;
        else
            to = mid;
    }
    return from < c->own_to && c->stand_ins[from]->instead_of == day;
}

/* A day on which the event begins. */
static void take_day(void *user, int64_t day)
{
    struct collector *c = user;
    const struct ics_event *e = c->event;
    c->work -= e->days;
    if (is_replaced(c, day) || (e->except_n > 0 && bsearch(&day, c->ics->except + e->except_at,
                                                           e->except_n, sizeof day, compare_days)))
        return;
    for (int64_t i = day; i < day + e->days; i++) {
        if (i < 0 || i >= days_end || i < c->single_from_day)
            continue;
        c->days[i / 8] = (unsigned char)(c->days[i / 8] | 1u << (i % 8));
        c->taken++;
    }
}

/* Every year: true, if all its days are the same in each. */
static bool take_every_year(struct collector *c, const struct rule *rule)
{
    const struct ics_event *e = c->event;
    struct date d = {2000, 0, 0}; /* a leap year */
    if (!rule_is_date(rule, e->first_day, &d.month, &d.day) || e->except_n > 0 ||
        c->own_from < c->own_to || date_of(e->first_day).year > c->from.year)
        return false;
    int64_t first = date_number(d);
    int64_t leap_day = date_number((struct date){2000, 2, 29});
    if ((first <= leap_day && first + e->days > leap_day && e->days > 1) || e->days > 300)
        return false;
    for (int64_t i = first; i < first + e->days; i++) {
        d = date_of(i);
        c->every[d.month] |= 1u << d.day;
    }
    return true;
}

static int take_rule(struct collector *c)
{
    const struct ics_event *e = c->event;
    struct rule rule;
    if (!rule_read(&rule, e->rule)) {
        note(c, NOTE_RULE);
        take_day(c, e->first_day);
        return 0;
    }
    if (take_every_year(c, &rule))
        return 0;
    c->taken = 0;
    int64_t reach = e->days - 1; /* one that begins earlier may last until then */
    if (!rule_each(&rule, e->first_day, c->from_day - reach, c->to_day, &c->work, take_day, c))
        return -1;
    note(c, c->taken > 0 ? NOTE_WRITTEN_OUT : NOTE_OVER);
    return 0;
}

static int take_event(struct collector *c)
{
    const struct ics_event *e = c->event;
    if (e->cancelled || e->kind != ICS_DAYS) {
        note(c, e->cancelled           ? NOTE_CANCELLED
                : e->kind == ICS_TIMED ? NOTE_TIMED
                                       : NOTE_UNREADABLE);
        return 0;
    }
    c->own_from = c->own_to = 0;
    if (e->rule || e->also_n > 0) {
        c->own_from = find_stand_in(c, e->uid, INT64_MIN);
        c->own_to = find_stand_in(c, e->uid, INT64_MAX);
    }
    for (size_t i = 0; i < e->also_n && c->work >= 0; i++)
        take_day(c, c->ics->also[e->also_at + i]);
    if (e->rule)
        return take_rule(c);
    c->taken = 0;
    take_day(c, e->first_day);
    if (c->taken == 0)
        note(c, NOTE_BEFORE);
    return c->work < 0 ? -1 : 0;
}

/* ---- what is said ---------------------------------------------------------------------------- */

/* A SUMMARY's escapes; what could steer a terminal is left to text_print(). */
static void print_summary(FILE *out, const char *summary)
{
    char text[200];
    size_t n = 0;
    for (const char *p = summary; *p && n < sizeof text - 1; p++) {
        bool escaped = *p == '\\' && p[1];
        p += escaped;
        text[n] = *p;
        if (escaped && (*p == 'n' || *p == 'N'))
            text[n] = ' ';
        n++;
    }
    text[n] = 0;
    text_print(out, *text ? text : "without a name", 40);
}

static void print_notes(FILE *out, const struct collector *c)
{
    static const char *const what[NOTES] = {
        [NOTE_TIMED] = "with a time of day: left out",
        [NOTE_CANCELLED] = "cancelled: left out",
        [NOTE_UNREADABLE] = "that cannot be read: left out",
        [NOTE_RULE] = "that repeat by a rule that is not understood: only their first date",
        [NOTE_BEFORE] = "before the first date that was asked for: left out",
        [NOTE_OVER] = "that repeat, but not in the years written out: left out",
        [NOTE_WRITTEN_OUT] = "that repeat: each date written out",
    };
    for (int i = 0; i < NOTES; i++) {
        const struct ics_event *e = c->first[i];
        if (!e)
            continue;
        fprintf(out, "  %llu %s", (unsigned long long)c->n[i], what[i]);
        if (i == NOTE_OVER || i == NOTE_WRITTEN_OUT)
            fprintf(out, " (%d to %d)", c->from.year, date_of(c->to_day).year);
        fprintf(out, "; the first is line %u, ", (unsigned)e->line);
        print_summary(out, e->summary);
        if (i == NOTE_UNREADABLE)
            fprintf(out, ": %s", e->wrong);
        if (i == NOTE_RULE) {
            fputs(": ", out);
            text_print(out, e->rule, 60);
        }
        fputc('\n', out);
    }
}

/* ---- the dates ------------------------------------------------------------------------------- */

static bool is_every_year(const struct collector *c, struct date d)
{
    return (c->every[d.month] & 1u << d.day) != 0;
}

/* A line for each year. */
static void print_date(FILE *out, struct date d, int *year)
{
    fputs(*year < 0 ? "\n  " : *year != d.year ? ",\n  " : ", ", out);
    *year = d.year;
    if (d.year == 0)
        fprintf(out, "\"*-%02d-%02d\"", d.month, d.day);
    else
        fprintf(out, "\"%04d-%02d-%02d\"", d.year, d.month, d.day);
}

/* Returns how many; out may be NULL. */
static size_t each_date(const struct collector *c, FILE *out)
{
    int year = -1;
    size_t n = 0;
    for (int month = 1; month <= 12; month++) {
        for (int day = 1; day <= 31; day++) {
            struct date d = {0, month, day};
            if (!is_every_year(c, d))
                continue;
            n++;
            if (out)
                print_date(out, d, &year);
        }
    }
    for (int64_t i = 0; i < days_end; i++) {
        if (!(c->days[i / 8] & 1u << (i % 8)) || is_every_year(c, date_of(i)))
            continue;
        n++;
        if (out)
            print_date(out, date_of(i), &year);
    }
    return n;
}

static int collect(struct collector *c, const char *path, struct fault *f)
{
    const struct ics *ics = c->ics;
    for (size_t i = 0; i < ics->events_n; i++) {
        if (ics->events[i].instead_of != ICS_NO_DAY && ics->events[i].kind != ICS_UNREADABLE)
            c->stand_ins[c->stand_ins_n++] = &ics->events[i];
    }
    qsort(c->stand_ins, c->stand_ins_n, sizeof *c->stand_ins, compare_stand_ins);
    for (size_t i = 0; i < ics->events_n; i++) {
        c->event = &ics->events[i];
        if (take_event(c) != 0)
            return fault_set(f, "%s:%u: with this one the rules take too long to work out", path,
                             (unsigned)c->event->line);
    }
    return 0;
}

static int write_dates(FILE *out, FILE *notes, const struct collector *c, const char *path,
                       struct fault *f)
{
    size_t n = each_date(c, NULL);
    if (n > HOLIDAYS_MOST) {
        return fault_set(f,
                         "%s: %zu dates, and a calendar takes %d; --from DATE leaves out old ones",
                         path, n, HOLIDAYS_MOST);
    }
    if (n > 0) {
        fputc('[', out);
        each_date(c, out);
        fputs("\n]\n", out);
    }
    text_print(notes, path, 60);
    fprintf(notes, ": %zu %s of %zu %s\n", n, n == 1 ? "date" : "dates", c->ics->events_n,
            c->ics->events_n == 1 ? "event" : "events");
    print_notes(notes, c);
    return n > 0 ? 0 : fault_set(f, "%s: no all-day event in it that could be a holiday", path);
}

int holidays_write(FILE *out, FILE *notes, const char *path, const char *from, struct fault *f)
{
    struct ics ics;
    struct collector c = {.ics = &ics, .work = work_most};
    int r = ics_open(&ics, path, f);
    if (r == 0) {
        int64_t today = (int64_t)time(NULL) / 86400;
        c.from = (struct date){date_of(today).year, 1, 1};
        c.from_day = date_number(c.from);
        if (from && (!date_read(&from, &c.from_day) || *from != 0 || c.from_day < 0))
            r = fault_set(f, "--from: write it as 2026-01-01");
        else if (from)
            c.single_from_day = c.from_day;
    }
    if (r == 0) {
        c.from = date_of(c.from_day);
        c.to_day = date_number((struct date){c.from.year + YEARS, 1, 1}) - 1;
        c.days = array_new((size_t)days_end / 8 + 1, 1);
        c.stand_ins = array_new(ics.events_n, sizeof(struct ics_event *));
        r = collect(&c, path, f);
        if (r == 0)
            r = write_dates(out, notes, &c, path, f);
    }
    free(c.days);
    free(c.stand_ins);
    ics_close(&ics);
    return r;
}
