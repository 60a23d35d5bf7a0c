/* See ask.h. Nothing is computed here that the library has a function for: calendars answer for
 * themselves, and what a promise uses, when it is due and whether it is broken is asked of a
 * ticket's record with its stretches. */
#include "ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/date.h"
#include "core/promise.h"

/* ---- calendars ------------------------------------------------------------------------------ */

static int64_t opening(const struct calendar *c, int64_t at)
{
    return usher__calendar_is_open(c, at) ? at : usher__calendar_next_open(c, at);
}

static void ask_add(const struct line *l, const struct calendar *c, struct answer *out)
{
    if (l->ms == 0) /* the first moment that can be used */
        out->value = opening(c, l->at);
    else if (l->ms > 0)
        out->value = usher__calendar_reach(c, l->at, l->ms);
    else
        out->value = usher__calendar_back(c, l->at, -l->ms);
}

static void ask_sub(const struct line *l, const struct calendar *c, struct answer *out)
{
    if (l->ms == 0)
        out->value =
            usher__calendar_is_open(c, l->at) ? l->at : usher__calendar_prev_close(c, l->at);
    else if (l->ms > 0)
        out->value = usher__calendar_back(c, l->at, l->ms);
    else
        out->value = usher__calendar_reach(c, l->at, -l->ms);
}

static void ask_within(const struct line *l, const struct calendar *c, struct answer *out)
{
    out->value = usher__calendar_between(c, l->at, l->to);
}

static void ask_is_open(const struct line *l, const struct calendar *c, struct answer *out)
{
    out->value = usher__calendar_is_open(c, l->at);
}

/* An instant that is open already is the next one that is. */
static void ask_next_open(const struct line *l, const struct calendar *c, struct answer *out)
{
    out->value = opening(c, l->at);
}

static void ask_next_close(const struct line *l, const struct calendar *c, struct answer *out)
{
    out->value = usher__calendar_next_close(c, l->at);
}

static void ask_prev_open(const struct line *l, const struct calendar *c, struct answer *out)
{
    out->value = usher__calendar_prev_open(c, l->at);
}

static void ask_prev_close(const struct line *l, const struct calendar *c, struct answer *out)
{
    out->value = usher__calendar_prev_close(c, l->at);
}

static void ask_open_intervals(const struct line *l, const struct calendar *c, struct answer *out)
{
    int64_t at = opening(c, l->at);

    for (out->n = 0; out->n < SPANS_MAX && out->n < l->n && at != INT64_MAX; out->n++) {
        struct span *s = &out->spans[out->n];

        *s = (struct span){at, usher__calendar_next_close(c, at)};
        at = s->to == INT64_MAX ? INT64_MAX : usher__calendar_next_open(c, s->to);
    }
}

static void ask_days(const struct line *l, const struct calendar *c, struct answer *out)
{
    out->value = l->n == 0 ? opening(c, l->at) : usher__calendar_days(c, l->at, l->n);
}

static void ask_instant(const struct line *l, const struct calendar *c, struct answer *out)
{
    (void)c;
    out->value = usher__zone_instant(&l->zone, l->at);
}

/* ---- promises ------------------------------------------------------------------------------- */

enum { IX = USHER_PROMISE_RESOLVE - 1 };

struct promised {
    struct policy policy;
    struct ticket ticket;
    struct extra extra;
    struct stretch stretches[PAUSES_MAX];
};

static void promised(struct promised *p, const struct line *l, const struct calendar *c)
{
    *p = (struct promised){.ticket = {.id = 1, .priority = USHER_NORMAL, .state = USHER_CLAIMED}};
    usher__policy_default(&p->policy);
    p->policy.promise[IX].calendar = c;
    p->policy.promise[IX].pauses = 1; /* the requester */
    for (int i = 0; i < PRIORITIES; i++)
        p->policy.promise[IX].target[i] = l->ms > 0 ? l->ms : 1;
    p->ticket.extra = &p->extra;
    p->extra.stretches = p->stretches;
    usher__promise_start(&p->ticket, &p->policy, IX, l->at, 0);
    for (uint32_t i = 0; i < l->pauses_n; i++) {
        if (l->pauses[i].to == INT64_MAX) { /* it runs */
            p->extra.reasons = 1;
            p->extra.set_since = l->pauses[i].from;
        } else {
            p->stretches[p->extra.stretches_n++] =
                (struct stretch){l->pauses[i].from, l->pauses[i].to, 1};
        }
    }
}

static void ask_due(const struct line *l, const struct calendar *c, struct answer *out)
{
    struct promised p;

    promised(&p, l, c);
    out->value = usher__promise_due(&p.ticket, &p.policy, IX);
}

int64_t last_kept(const struct line *l, const struct calendar *c)
{
    struct promised p;
    int64_t broken;

    promised(&p, l, c);
    broken = usher__promise_broken(&p.ticket, &p.policy, IX);
    return broken == INT64_MAX ? broken : broken - 1;
}

static void ask_elapsed(const struct line *l, const struct calendar *c, struct answer *out)
{
    struct promised p;

    promised(&p, l, c);
    out->value = usher__promise_used(&p.ticket, &p.policy, IX, l->to);
    if (out->kind == ANSWER_MINUTES)
        out->value /= 60000;
}

static void ask_breach(const struct line *l, const struct calendar *c, struct answer *out)
{
    struct promised p;

    promised(&p, l, c);
    out->value = usher__promise_broken(&p.ticket, &p.policy, IX) <= l->to;
}

/* ---- the table ------------------------------------------------------------------------------ */

static const struct operation operations[] = {
    {"add", {ANSWER_INSTANT, "start", NULL, "seconds", NULL, false, false}, ask_add},
    {"sub", {ANSWER_INSTANT, "end", NULL, "seconds", NULL, false, false}, ask_sub},
    {"within", {ANSWER_SECONDS, "start", "end", NULL, NULL, false, false}, ask_within},
    {"is_open", {ANSWER_TRUTH, "at", NULL, NULL, NULL, false, false}, ask_is_open},
    {"next_open", {ANSWER_INSTANT, "at", NULL, NULL, NULL, false, false}, ask_next_open},
    {"next_close", {ANSWER_INSTANT, "at", NULL, NULL, NULL, false, false}, ask_next_close},
    {"prev_open", {ANSWER_INSTANT, "at", NULL, NULL, NULL, false, false}, ask_prev_open},
    {"prev_close", {ANSWER_INSTANT, "at", NULL, NULL, NULL, false, false}, ask_prev_close},
    {"open_intervals", {ANSWER_SPANS, "at", NULL, NULL, "count", false, false}, ask_open_intervals},
    {"local_to_instant", {ANSWER_INSTANT, "local", NULL, NULL, NULL, true, false}, ask_instant},
    {"add_days", {ANSWER_INSTANT, "start", NULL, NULL, "days", false, false}, ask_days},
    {"add_days_eod", {ANSWER_INSTANT, "start", NULL, NULL, "days", false, false}, ask_days},
    {"sla_due", {ANSWER_INSTANT, "start", NULL, "seconds", NULL, false, true}, ask_due},
    {"sla_elapsed", {ANSWER_SECONDS, "start", "end", NULL, NULL, false, true}, ask_elapsed},
    {"sla_elapsed_floor_minutes",
     {ANSWER_MINUTES, "start", "end", NULL, NULL, false, true},
     ask_elapsed},
    {"sla_breach", {ANSWER_TRUTH, "start", "end", "target_seconds", NULL, false, true}, ask_breach},
};

const struct operation *operation_of(const char *name)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (strcmp(operations[i].name, name) == 0)
            return &operations[i];
    }
    return NULL;
}

bool answers_equal(const struct answer *a, const struct answer *b)
{
    if (a->kind != ANSWER_SPANS)
        return a->value == b->value;
    for (uint32_t i = 0; a->n == b->n && i < a->n; i++) {
        if (a->spans[i].from != b->spans[i].from || a->spans[i].to != b->spans[i].to)
            return false;
    }
    return a->n == b->n;
}

/* ---- two ways to a calendar ----------------------------------------------------------------- */

static void *resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    if (n > 0)
        return realloc(p, n);
    free(p);
    return NULL;
}
static const usher_allocator allocator = {resize, NULL};

struct calendar *calendar_made(const struct calendar_spec *spec, char why[ERR_MAX])
{
    struct calendar *c;
    int err = usher__calendar_new(&c, &allocator, spec);

    if (err != 0)
        snprintf(why, ERR_MAX, "the calendar is refused: %s", usher_strerror(err));
    return c;
}

static bool whole_minutes(const struct windows *w)
{
    for (uint32_t i = 0; i < w->n; i++) {
        if (w->window[i].open_s % 60 != 0 || w->window[i].close_s % 60 != 0)
            return false;
    }
    return true;
}

bool calendar_can_be_written(const struct calendar_spec *spec)
{
    for (int day = 0; day < 7; day++) {
        if (!whole_minutes(&spec->week[day]))
            return false;
    }
    for (uint32_t i = 0; i < spec->specials_n; i++) {
        if (!whole_minutes(&spec->specials[i].windows))
            return false;
    }
    return true;
}

static json_t *written_windows(const struct windows *w)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < w->n; i++) {
        int32_t open = w->window[i].open_s / 60, close = w->window[i].close_s / 60;
        char from[8], to[8];

        snprintf(from, sizeof from, "%02d:%02d", open / 60 % 100, open % 60);
        snprintf(to, sizeof to, "%02d:%02d", close / 60 % 100, close % 60);
        json_array_append_new(list, json_pack("[ss]", from, to));
    }
    return list;
}

/* {"calendars":{"c":{...}}} as a person would write it. */
static char *written(const struct line *l)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const struct calendar_spec *spec = &l->spec;
    json_t *week = json_object(), *special = json_object(), *holidays = json_array(), *all;
    char date[24], *text;

    for (int day = 0; day < 7; day++)
        json_object_set_new(week, names[day], written_windows(&spec->week[day]));
    for (uint32_t i = 0; i < spec->specials_n; i++) {
        struct date d = usher__date_of(spec->specials[i].day);

        snprintf(date, sizeof date, "%04d-%02u-%02u", (int)d.year, d.month, d.day);
        json_object_set_new(special, date, written_windows(&spec->specials[i].windows));
    }
    for (uint32_t i = 0; i < spec->holidays_n; i++) {
        const struct holiday *h = &spec->holidays[i];

        if (h->year == 0)
            snprintf(date, sizeof date, "*-%02u-%02u", h->month, h->day);
        else
            snprintf(date, sizeof date, "%04d-%02u-%02u", h->year, h->month, h->day);
        json_array_append_new(holidays, json_string(date));
    }
    all = json_pack("{s{s{sssososo}}}", "calendars", "c", "zone", l->zone_name, "week", week,
                    "special", special, "holidays", holidays);
    text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return text;
}

static int zone_of_line(void *ctx, const char *name, const void **bytes, size_t *len)
{
    const struct line *l = ctx;

    (void)name;
    *bytes = l->spec.zone_bytes;
    *len = l->spec.zone_len;
    return 0;
}

struct calendar *calendar_compiled(const struct line *l, struct policy *policy, char why[ERR_MAX])
{
    struct policy_world world = {&allocator, -1, zone_of_line, (void *)(uintptr_t)l};
    char *text = written(l);
    int err;

    if (text == NULL) {
        snprintf(why, ERR_MAX, "out of memory");
        return NULL;
    }
    err = usher__policy_compile(policy, text, strlen(text), &world, why, ERR_MAX);
    free(text);
    return err == 0 ? policy->calendars[0] : NULL;
}
