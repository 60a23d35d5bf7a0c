/* A sum of business time, and the list that it is the sum of. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "local.h"
#include "screens.h"
#include "table.h"
#include "words.h"

enum { SHOWN_ROWS = 40 }; /* more than twice that are cut in the middle */

static const char *const kinds[] = {"?", "open", "closed", "holiday", "paused"};

static const char *kind_of(const usher_span *s)
{
    return s->kind >= USHER_SPAN_OPEN && s->kind <= USHER_SPAN_PAUSED ? kinds[s->kind] : kinds[0];
}

static enum paint paint_of(const usher_span *s)
{
    return s->kind == USHER_SPAN_OPEN ? GOOD : s->kind == USHER_SPAN_HOLIDAY ? WARN : FAINT;
}

/* A clock that was changed on the way makes "15:00" two things: then each row says its offset. */
static bool needs_offset(const struct answer *a, int64_t from_at, int64_t to_at)
{
    int64_t offset = local_of(from_at).offset;
    bool needs = local_of(to_at).offset != offset;
    for (size_t i = 0; i < a->n && !needs; i++)
        needs = local_of(a->spans[i].to_at).offset != offset;
    return needs;
}

/* Which holidays a closed span of holidays is made of. */
static void name_holidays(const struct screen *s, const usher_span *span, char *buf, size_t len)
{
    int64_t last = local_of(span->to_at - 1).day;
    size_t at = 0;
    buf[0] = 0;
    for (int64_t day = local_of(span->from_at).day; day <= last && at < len; day++) {
        const char *name = calendar_holiday(s->calendar, day);
        if (name)
            at += (size_t)snprintf(buf + at, len - at, "%s%s", at ? ", " : "", name);
    }
}

static void print_gap(struct table *t, size_t rows)
{
    char text[WORDS_MAX + 16];
    char n[WORDS_MAX];
    snprintf(text, sizeof text, "%s more", words_count(n, rows));
    table_cell(t, "...");
    table_cell(t, text);
    for (int i = 0; i < 5; i++)
        table_cell(t, "");
}

static void print_rows(const struct screen *s, const struct answer *a, bool year, bool offset)
{
    char buf[LOCAL_MAX];
    char names[80];
    struct table t;
    int64_t sum = 0;
    bool cut = !s->all_rows && a->n > (size_t)2 * SHOWN_ROWS;
    table_begin(&t);
    table_left(&t, "from", 0);
    table_left(&t, "to", 0);
    table_right(&t, "lasts");
    table_left(&t, "", 0);
    table_right(&t, "counts");
    table_right(&t, "so far");
    table_left(&t, "", 60);
    for (size_t i = 0; i < a->n; i++) {
        const usher_span *span = &a->spans[i];
        sum += span->ms;
        if (cut && i == SHOWN_ROWS)
            print_gap(&t, a->n - (size_t)2 * SHOWN_ROWS);
        if (cut && i >= SHOWN_ROWS && i < a->n - SHOWN_ROWS)
            continue;
        table_cell(&t, local_words(buf, span->from_at, year, offset));
        table_cell(&t, local_words(buf, span->to_at, year, offset));
        table_cell(&t, local_span(buf, span->to_at - span->from_at));
        table_cell(&t, kind_of(span));
        table_paint(&t, look_paint(s->look, paint_of(span)));
        table_cell(&t, span->ms > 0 ? local_span(buf, span->ms) : "");
        table_cell(&t, span->ms > 0 ? local_span(buf, sum) : "");
        name_holidays(s, span, names, sizeof names);
        table_cell(&t, span->kind == USHER_SPAN_HOLIDAY ? names : "");
    }
    table_end(&t, stdout, 2);
    if (cut)
        puts("  (--all shows every row)");
}

static void print_calendar(const struct screen *s)
{
    text_print(stdout, s->name, 40);
    printf(" (%s)", calendar_zone(s->calendar));
}

static bool spans_years(int64_t from_at, int64_t to_at)
{
    return to_at - from_at > INT64_C(300) * DAY_MS;
}

/* Is it a list without gaps and overlaps, from one instant to the other, that adds up? */
static int check(const struct answer *a, int64_t from_at, int64_t to_at, int64_t ms,
                 struct fault *f)
{
    int64_t at = from_at;
    int64_t sum = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (a->spans[i].from_at != at || a->spans[i].to_at <= at)
            break;
        at = a->spans[i].to_at;
        sum += a->spans[i].ms;
    }
    if (at == to_at && sum == ms)
        return 0;
    return fault_set(f, "the list does not add up: %lld ms of %lld, up to %lld of %lld",
                     (long long)sum, (long long)ms, (long long)at, (long long)to_at);
}

void fault_seen_from(struct fault *f, int64_t at)
{
    char when[LOCAL_MAX];
    struct fault was = *f;
    if (strncmp(was.text, "policy: ", 8) == 0)
        fault_set(f, "seen from %s: %.500s", local_words(when, at, true, false), was.text);
}

int screen_add(const struct screen *s, const char *target, int64_t from_at, struct fault *f)
{
    static const char blamed[] = "policy: promises.resolve.target: ";
    struct answer a = {0};
    char from[LOCAL_MAX];
    char due[LOCAL_MAX];
    char open[LOCAL_MAX];
    char *policy = source_policy(s->source, s->name, target);
    int r = ask_resolve(&a, policy, from_at, USHER_NEVER, f);
    free(policy);
    struct fault copy = *f;
    if (r != 0 && strncmp(f->text, blamed, sizeof blamed - 1) == 0)
        fault_set(f, "--add: %.500s", copy.text + sizeof blamed - 1);
    else if (r != 0)
        fault_seen_from(f, from_at);
    if (r == 0 && a.due_at == USHER_NEVER)
        r = fault_set(f, "never: from %s on calendar %s has not so much open time left",
                      local_words(from, from_at, true, false), s->name);
    if (r == 0)
        r = check(&a, from_at, a.due_at, a.target_ms, f);
    if (r == 0) {
        bool offset = needs_offset(&a, from_at, a.due_at);
        look_print(s->look, STRONG, local_words(due, a.due_at, true, offset));
        printf(" is %s of ", target);
        print_calendar(s);
        printf(" after %s\n\n", local_words(from, from_at, true, offset));
        print_rows(s, &a, spans_years(from_at, a.due_at), offset);
        printf("\n  together %s", local_span(open, a.ms));
        if (strstr(target, "wd"))
            printf(", which is what %s are from there", target);
        fputc('\n', stdout);
    }
    answer_free(&a);
    return r;
}

int screen_between(const struct screen *s, int64_t from_at, int64_t to_at, struct fault *f)
{
    struct answer a = {0};
    char target[40];
    char from[LOCAL_MAX];
    char to[LOCAL_MAX];
    char open[LOCAL_MAX];
    if (to_at <= from_at)
        return fault_set(f, "--between: the second instant has to be after the first");
    /* More than there can be, so the promise's explanation reaches to the end. */
    snprintf(target, sizeof target, "%" PRId64 "ms", to_at - from_at + 1);
    char *policy = source_policy(s->source, s->name, target);
    int r = ask_resolve(&a, policy, from_at, to_at, f);
    free(policy);
    if (r != 0)
        fault_seen_from(f, from_at);
    if (r == 0)
        r = check(&a, from_at, to_at, a.ms, f);
    if (r == 0) {
        bool offset = needs_offset(&a, from_at, to_at);
        look_print(s->look, STRONG, local_span(open, a.ms));
        fputs(" of ", stdout);
        print_calendar(s);
        printf(" lie between %s and %s\n\n", local_words(from, from_at, true, offset),
               local_words(to, to_at, true, offset));
        print_rows(s, &a, spans_years(from_at, to_at), offset);
        printf("\n  together %s\n", local_span(open, a.ms));
    }
    answer_free(&a);
    return r;
}
