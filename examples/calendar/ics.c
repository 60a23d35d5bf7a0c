/* Reads an iCalendar file: lines, unfolded; their names, parameters and values; the components around
 * them.
 *
 * The file is held once, unfolded in place, and cut into strings by NULs; events point into it. Sizes
 * are bounded, for such files come from anywhere. What is in no VEVENT, or in something inside of one
 * (an alarm's DURATION, a time zone's RRULE), is passed over. */
#include "ics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "array.h"
#include "date.h"

enum { FILE_MAX = 16 << 20, EVENTS_MAX = 100000, DEPTH_MAX = 16, DAYS_MAX = 366 };

struct line { /* NAME;PARAMETERS:VALUE, each NUL-terminated */
    char *name, *parameters, *value;
};

struct reader {
    struct ics *out;
    const char *path;
    struct fault *fault;
    char *at, *end;
    uint32_t line, next_line; /* numbers in the file */
    const char *open[DEPTH_MAX];
    int depth;
    bool seen; /* a VCALENDAR */
    struct ics_event event;
    int64_t end_day; /* DTEND; ICS_NO_DAY: none */
};

static int complain(struct reader *r, const char *what, const char *about)
{
    return fault_set(r->fault, "%s:%u: %s%.60s", r->path, (unsigned)r->line, what, about);
}

/* ---- the file -------------------------------------------------------------------------------- */

static int load(struct reader *r)
{
    FILE *file = fopen(r->path, "rb");
    char *text = NULL;
    size_t cap = 0;
    size_t len = 0;
    size_t got = 0;
    if (!file)
        return fault_set(r->fault, "%s: %s", r->path, strerror(errno));
    do {
        text = array_room(text, &cap, len + 65536 + 1, 1);
        errno = 0;
        got = fread(text + len, 1, 65536, file);
        len += got;
    } while (got > 0 && len <= FILE_MAX);
    int failed = ferror(file) ? errno : 0;
    fclose(file);
    r->out->text = text;
    text[len] = 0;
    r->at = text;
    r->end = text + len;
    if (failed)
        return fault_set(r->fault, "%s: %s", r->path, strerror(failed));
    if (len > FILE_MAX)
        return fault_set(r->fault, "%s: larger than 16 MiB, which is no list of holidays", r->path);
    if (memchr(text, 0, len))
        return fault_set(r->fault, "%s: not an iCalendar file: it is not text", r->path);
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        r->at += 3;
    return 0;
}

/* The next line, with what is folded behind it; NULL at the end. */
static char *next_line(struct reader *r)
{
    char *from = r->at;
    char *to = from;
    if (from == r->end)
        return NULL;
    r->line = r->next_line;
    for (;;) {
        char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));
        char *stop = end ? end : r->end;
        size_t len = (size_t)(stop - r->at);
        if (len > 0 && r->at[len - 1] == '\r')
            len--;
        memmove(to, r->at, len);
        to += len;
        r->at = end ? end + 1 : r->end;
        r->next_line++;
        if (r->at == r->end || (*r->at != ' ' && *r->at != '\t'))
            break;
        r->at++;
    }
    /* At the end of a file without a last newline it is the NUL that is there already. */
    *to = 0;
    return from;
}

/* Cuts a line in three. */
static bool split(char *text, struct line *l)
{
    bool quoted = false;
    l->name = text;
    char *p = text + strcspn(text, ":;");
    l->parameters = p;
    if (*p == ';') {
        *p++ = 0;
        l->parameters = p;
        for (; *p && (quoted || *p != ':'); p++)
            quoted = quoted != (*p == '"');
    }
    if (*p != ':')
        return false;
    *p = 0;
    l->value = p + 1;
    return true;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool has_value_type(const char *parameters, const char *type)
{
    size_t len = strlen(type);
    for (const char *p = parameters; *p;) {
        if (strncasecmp(p, "VALUE=", 6) == 0)
            return strncasecmp(p + 6, type, len) == 0 && (p[6 + len] == 0 || p[6 + len] == ';');
        bool quoted = false;
        while (*p && (quoted || *p != ';')) {
            quoted = quoted != (*p == '"');
            p++;
        }
        p += *p == ';';
    }
    return false;
}

/* "20261224", and what is behind it in *rest. */
static bool read_day(const char *text, int64_t *day, const char **rest)
{
    struct date d = {date_digits(text, 4), 0, 0};
    if (d.year < 0 || (d.month = date_digits(text + 4, 2)) < 0)
        return false;
    d.day = date_digits(text + 6, 2);
    if (!date_is(d))
        return false;
    *day = date_number(d);
    *rest = text + 8;
    return true;
}

/* A date, or the date of a date-time: then *timed. */
static bool read_date(const char *text, int64_t *day, bool *timed)
{
    const char *rest = NULL;
    if (!read_day(text, day, &rest))
        return false;
    *timed = *rest == 'T' || *rest == 't';
    return *rest == 0 || *timed;
}

/* "P3D", "P1W": days, or 0. */
static int64_t read_duration(const char *text)
{
    char *end;
    text += *text == '+';
    if (*text != 'P' && *text != 'p')
        return 0;
    long n = strtol(text + 1, &end, 10);
    bool weeks = *end == 'W' || *end == 'w';
    if (n < 1 || n > DAYS_MAX || (!weeks && *end != 'D' && *end != 'd'))
        return 0;
    return weeks ? n * 7 : n;
}

static bool read_days(const char *p, int64_t **list, size_t *n, size_t *cap)
{
    for (;; p++) {
        int64_t day;
        if (!read_day(p, &day, &p))
            return false;
        *list = array_room(*list, cap, *n + 1, sizeof **list);
        (*list)[(*n)++] = day;
        p += strcspn(p, ","); /* a time, or what is behind a PERIOD's slash */
        if (*p == 0)
            return true;
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

static void spoil(struct reader *r, const char *what)
{
    if (r->event.kind == ICS_UNREADABLE)
        return;
    r->event.kind = ICS_UNREADABLE;
    r->event.wrong = what;
}

static void take_start(struct reader *r, const struct line *l)
{
    bool timed = false;
    if (!read_date(l->value, &r->event.first_day, &timed) ||
        (timed && has_value_type(l->parameters, "DATE")))
        spoil(r, "DTSTART");
    else if (timed && r->event.kind == ICS_DAYS)
        r->event.kind = ICS_TIMED;
}

static void take(struct reader *r, const struct line *l)
{
    struct ics *c = r->out;
    struct ics_event *e = &r->event;
    bool timed = false;
    if (strcasecmp(l->name, "DTSTART") == 0) {
        take_start(r, l);
    } else if (strcasecmp(l->name, "DTEND") == 0) {
        if (!read_date(l->value, &r->end_day, &timed))
            spoil(r, "DTEND");
    } else if (strcasecmp(l->name, "DURATION") == 0) {
        e->days = read_duration(l->value);
    } else if (strcasecmp(l->name, "RECURRENCE-ID") == 0) {
        if (!read_date(l->value, &e->instead_of, &timed))
            spoil(r, "RECURRENCE-ID");
    } else if (strcasecmp(l->name, "EXDATE") == 0) {
        if (!read_days(l->value, &c->except, &c->except_n, &c->except_cap))
            spoil(r, "EXDATE");
    } else if (strcasecmp(l->name, "RDATE") == 0) {
        if (!read_days(l->value, &c->also, &c->also_n, &c->also_cap))
            spoil(r, "RDATE");
    } else if (strcasecmp(l->name, "RRULE") == 0) {
        if (e->rule)
            spoil(r, "a second RRULE");
        e->rule = l->value;
    } else if (strcasecmp(l->name, "STATUS") == 0) {
        e->cancelled = strcasecmp(l->value, "CANCELLED") == 0;
    } else if (strcasecmp(l->name, "SUMMARY") == 0) {
        e->summary = l->value;
    } else if (strcasecmp(l->name, "UID") == 0) {
        e->uid = l->value;
    }
}

static int compare_days(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void begin_event(struct reader *r)
{
    struct ics *c = r->out;
    r->event = (struct ics_event){
        .uid = "",
        .summary = "",
        .line = r->line,
        .first_day = ICS_NO_DAY,
        .instead_of = ICS_NO_DAY,
        .except_at = c->except_n,
        .also_at = c->also_n,
    };
    r->end_day = ICS_NO_DAY;
}

static int end_event(struct reader *r)
{
    struct ics *c = r->out;
    struct ics_event *e = &r->event;
    if (c->events_n == EVENTS_MAX)
        return complain(r, "more than 100,000 events, which is no list of holidays", "");
    if (e->first_day == ICS_NO_DAY)
        spoil(r, "DTSTART");
    else if (r->end_day != ICS_NO_DAY)
        e->days = r->end_day - e->first_day; /* DTEND is the day after the last */
    if (e->days < 1)
        e->days = 1;
    if (e->days > DAYS_MAX)
        spoil(r, "DTEND: more than a year");
    e->except_n = c->except_n - e->except_at;
    e->also_n = c->also_n - e->also_at;
    if (e->except_n > 0)
        qsort(c->except + e->except_at, e->except_n, sizeof *c->except, compare_days);
    c->events = array_room(c->events, &c->events_cap, c->events_n + 1, sizeof *c->events);
    c->events[c->events_n++] = *e;
    return 0;
}

static bool is_event(const struct reader *r)
{
    return r->depth == 2 && strcasecmp(r->open[0], "VCALENDAR") == 0 &&
           strcasecmp(r->open[1], "VEVENT") == 0;
}

static int take_line(struct reader *r, const struct line *l)
{
    if (strcasecmp(l->name, "BEGIN") == 0) {
        if (r->depth == 0 && strcasecmp(l->value, "VCALENDAR") != 0)
            return complain(r, "BEGIN:VCALENDAR is expected, not BEGIN:", l->value);
        if (r->depth == DEPTH_MAX)
            return complain(r, "components inside components, more than 16 deep", "");
        r->seen = true;
        r->open[r->depth++] = l->value;
        if (is_event(r))
            begin_event(r);
        return 0;
    }
    if (strcasecmp(l->name, "END") == 0) {
        if (r->depth == 0 || strcasecmp(l->value, r->open[r->depth - 1]) != 0)
            return complain(r, "ends what has not begun: ", l->value);
        if (is_event(r) && end_event(r) != 0)
            return -1;
        r->depth--;
        return 0;
    }
    if (is_event(r))
        take(r, l);
    return 0;
}

int ics_open(struct ics *c, const char *path, struct fault *f)
{
    struct reader r = {.out = c, .path = path, .fault = f, .next_line = 1};
    struct line l;
    *c = (struct ics){0};
    if (load(&r) != 0)
        return -1;
    for (char *text = next_line(&r); text; text = next_line(&r)) {
        if (*text == 0)
            continue;
        bool whole = split(text, &l);
        if (!r.seen &&
            (!whole || strcasecmp(l.name, "BEGIN") != 0 || strcasecmp(l.value, "VCALENDAR") != 0))
            break;
        /* What is no property is text that somebody has not folded. */
        if (whole && take_line(&r, &l) != 0)
            return -1;
    }
    if (!r.seen)
        return fault_set(f, "%s: not an iCalendar file: it does not begin with BEGIN:VCALENDAR",
                         path);
    if (r.depth > 0)
        return complain(&r, "the file ends in the middle of ", r.open[r.depth - 1]);
    return 0;
}

void ics_close(struct ics *c)
{
    free(c->text);
    free(c->events);
    free(c->except);
    free(c->also);
    *c = (struct ics){0};
}
