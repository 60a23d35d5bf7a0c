/* See peers.h. */
#include "peers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/date.h"

static bool instant(const struct operation *op)
{
    return op->question.answer == ANSWER_INSTANT && !op->question.local;
}

static bool opens(const struct calendar *c, int64_t at)
{
    return usher__calendar_prev_open(c, at) == at;
}

static bool closes(const struct calendar *c, int64_t at)
{
    return usher__calendar_prev_close(c, at) == at;
}

/* ---- of an exact fill, the other side of what is closed ------------------------------------- */

static const char *exact_fill(const struct line *l, const struct operation *op,
                              const struct calendar *c, const struct answer *got)
{
    if (!instant(op) || op->question.ms == NULL || l->ms == 0)
        return NULL;
    if ((closes(c, got->value) && l->expected.value == usher__calendar_next_open(c, got->value)) ||
        (op->question.pauses && l->expected.value == last_kept(l, c)))
        return "an exact fill ends when the target is used, at the closing, not at the next "
               "opening";
    if (opens(c, got->value) && l->expected.value == usher__calendar_prev_close(c, got->value))
        return "an exact fill counted back ends at the opening, not at the closing before it";
    return NULL;
}

/* Late because it is after the due, though no more than the target is used. */
static bool late_when_closed(const struct line *l, const struct operation *op,
                             const struct calendar *c, const struct answer *got)
{
    const struct operation *due = operation_of("sla_due");
    struct answer at = {.kind = ANSWER_INSTANT};

    if (strcmp(op->name, "sla_breach") != 0 || l->expected.value == 0 || got->value != 0)
        return false;
    due->ask(l, c, &at);
    return at.value < l->to && closes(c, at.value) &&
           l->to <= usher__calendar_next_open(c, at.value);
}

/* ---- the closing instant as open ------------------------------------------------------------ */

static bool closing_is_open(const struct line *l, const struct operation *op,
                            const struct calendar *c, const struct answer *got)
{
    if (op->question.at == NULL || op->question.local || !closes(c, l->at))
        return false;
    if (strcmp(op->name, "is_open") == 0)
        return l->expected.value == 1 && got->value == 0;
    return instant(op) && l->ms == 0 && op->question.n == NULL && l->expected.value == l->at;
}

/* ---- what the clocks do --------------------------------------------------------------------- */

struct gap {
    int64_t from, to; /* on the wall: from does not exist, to does */
};

/* Where the case looks: from its first instant to its last. */
static struct span reach_of(const struct line *l, const struct operation *op,
                            const struct answer *got)
{
    struct span s = {l->at, l->at};
    int64_t all[] = {op->question.to != NULL ? l->to : l->at, instant(op) ? got->value : l->at,
                     instant(op) ? l->expected.value : l->at,
                     got->n > 0 ? got->spans[got->n - 1].to : l->at};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] == INT64_MAX || all[i] == INT64_MIN)
            continue;
        s.from = all[i] < s.from ? all[i] : s.from;
        s.to = all[i] > s.to ? all[i] : s.to;
    }
    return (struct span){s.from - 2 * DAY_MS, s.to + 2 * DAY_MS};
}

/* The first gap from *at on; *at is then where to look for the next one. */
static bool next_gap(const struct line *l, int64_t *at, int64_t to, struct gap *out)
{
    while (*at <= to) {
        int64_t until, before = usher__zone_offset(&l->zone, *at, &until), after;

        if (until == INT64_MAX)
            return false;
        after = usher__zone_offset(&l->zone, until, NULL);
        *out = (struct gap){until + before, until + after};
        *at = until;
        if (after > before)
            return true;
    }
    return false;
}

/* ---- every day as 24 hours ------------------------------------------------------------------ */

static int64_t on_wall(const struct line *l, int64_t at)
{
    return at == INT64_MAX ? at : at + usher__zone_offset(&l->zone, at, NULL);
}

/* The same question where no clock is ever set: on the wall, as if it were UTC. (Not where a
 * zone has skipped a whole day: that has no hours by any count.) */
static bool nominal_day(const struct line *l, const struct operation *op, const struct answer *got)
{
    struct span reach = reach_of(l, op, got);
    struct gap g;
    struct answer answer = {.kind = op->question.answer};
    struct line wall = *l;
    struct calendar *c;
    char why[ERR_MAX];

    if ((!instant(op) || op->question.ms == NULL) && answer.kind != ANSWER_SECONDS)
        return false;
    for (int64_t at = reach.from; next_gap(l, &at, reach.to, &g);) {
        if (g.to - g.from >= DAY_MS)
            return false;
    }
    wall.spec.zone_bytes = NULL;
    wall.at = on_wall(l, l->at);
    wall.to = on_wall(l, l->to);
    for (uint32_t i = 0; i < l->pauses_n; i++)
        wall.pauses[i] = (struct span){on_wall(l, l->pauses[i].from), on_wall(l, l->pauses[i].to)};
    c = calendar_made(&wall.spec, why);
    if (c == NULL)
        return false;
    op->ask(&wall, c, &answer);
    usher__calendar_free(c);
    if (answer.kind == ANSWER_INSTANT && answer.value != INT64_MAX && answer.value != INT64_MIN)
        answer.value = usher__zone_instant(&l->zone, answer.value);
    return answers_equal(&answer, &l->expected);
}

/* ---- windows with an edge in a gap ---------------------------------------------------------- */

/* What becomes of it; ours is the first. */
enum { EDGE_FORWARD, EDGE_TO_GAPS_END, EDGE_BACK, EDGES };

static int64_t edge(const struct gap *g, int how, int64_t local)
{
    if (local < g->from || local >= g->to)
        return local;
    if (how == EDGE_TO_GAPS_END)
        return g->to;
    return how == EDGE_BACK ? local - (g->to - g->from) : local;
}

/* The windows of a date as another reading has them. drop: those with an edge in the gap are none.
 * False: the gap touches none of them. */
static bool read_otherwise(struct windows *windows, int64_t day, const struct gap *g, int open_how,
                           int close_how, bool drop)
{
    struct windows read = {0};
    bool touched = false;

    for (uint32_t i = 0; i < windows->n; i++) {
        struct window w = windows->window[i];
        int64_t midnight = day * DAY_MS;
        int64_t from = midnight + w.open_s * INT64_C(1000);
        int64_t to = midnight + (w.close_s + (w.close_s < w.open_s ? 86400 : 0)) * INT64_C(1000);
        bool in = (from >= g->from && from < g->to) || (to > g->from && to < g->to);
        int64_t open = (edge(g, open_how, from) - midnight) / 1000;
        int64_t close = (edge(g, close_how, to) - midnight) / 1000;

        touched |= in;
        if ((in && drop) || open >= close || open < 0 || open >= 86400)
            continue;
        read.window[read.n++] =
            (struct window){(int32_t)open, (int32_t)(close > 86400 ? close - 86400 : close)};
    }
    *windows = read;
    return touched;
}

/* The calendar in which the windows of two dates, the gap's and the one before, are read
 * otherwise. */
static bool gap_read(const struct line *l, const struct operation *op, const struct gap *g,
                     int open_how, int close_how, bool drop)
{
    struct calendar_spec spec = l->spec;
    struct special *specials = calloc(spec.specials_n + 2, sizeof *specials);
    int64_t day = usher__date_at(g->from);
    struct answer answer = {.kind = op->question.answer};
    struct calendar *c = NULL;
    bool touched = false;
    char why[ERR_MAX];

    if (specials == NULL)
        return false;
    spec.specials_n = 0;
    for (int64_t d = day - 1; d <= day; d++) {
        struct special *s = &specials[spec.specials_n++];

        *s = (struct special){(int32_t)d, *line_windows(&l->spec, d)};
        touched |= read_otherwise(&s->windows, d, g, open_how, close_how, drop);
    }
    for (uint32_t i = 0; i < l->spec.specials_n; i++) {
        if (l->spec.specials[i].day != day && l->spec.specials[i].day != day - 1)
            specials[spec.specials_n++] = l->spec.specials[i];
    }
    spec.specials = specials;
    if (touched)
        c = calendar_made(&spec, why);
    if (c != NULL)
        op->ask(l, c, &answer);
    usher__calendar_free(c);
    free(specials);
    return c != NULL && answers_equal(&answer, &l->expected);
}

static bool window_in_gap(const struct line *l, const struct operation *op,
                          const struct answer *got)
{
    struct span reach = reach_of(l, op, got);
    int64_t at = reach.from;
    struct gap g;

    if (op->question.local)
        return false;
    while (next_gap(l, &at, reach.to, &g)) {
        if (g.to - g.from >= DAY_MS) /* a date that the zone skipped is no matter of edges */
            continue;
        if (gap_read(l, op, &g, EDGE_FORWARD, EDGE_FORWARD, true))
            return true;
        for (int how = 1; how < EDGES * EDGES; how++) {
            if (gap_read(l, op, &g, how / EDGES, how % EDGES, false))
                return true;
        }
    }
    return false;
}

/* ---- windows that touch --------------------------------------------------------------------- */

/* They list as two what we say is one. */
static bool touching(const struct line *l, const struct operation *op, const struct answer *got)
{
    const struct answer *e = &l->expected;
    uint32_t k = 0;

    if (op->question.answer != ANSWER_SPANS)
        return false;
    for (uint32_t i = 0; i < e->n; i++) {
        bool first = i == 0 || e->spans[i - 1].to != e->spans[i].from;
        bool last = i + 1 == e->n || e->spans[i + 1].from != e->spans[i].to;

        if (k == got->n || (first && e->spans[i].from != got->spans[k].from))
            return false;
        if (last && e->spans[i].to != got->spans[k].to &&
            (i + 1 < e->n || e->spans[i].to > got->spans[k].to))
            return false;
        k += last;
    }
    return k < e->n;
}

/* ---- all of them ---------------------------------------------------------------------------- */

static bool note_says(const struct line *l, const char *word)
{
    for (const char *s = l->note; s != NULL && *s != '\0'; s++) {
        if (strncasecmp(s, word, strlen(word)) == 0)
            return true;
    }
    return false;
}

const char *peers_convention(const struct line *l, const struct operation *op,
                             const struct calendar *c, const struct answer *got)
{
    const char *fill = exact_fill(l, op, c, got);

    if (fill != NULL)
        return fill;
    if (late_when_closed(l, op, c, got))
        return "broken is the first instant at which more than the target is used, not the first "
               "after the due";
    if (closing_is_open(l, op, c, got))
        return "windows are half-open: at its closing instant it is closed";
    if (nominal_day(l, op, got))
        return "a day on which the clocks are set has 23 or 25 hours, not 24";
    if (window_in_gap(l, op, got))
        return "a window's edge lies in the hour that the clocks skip: it moves forward by the gap";
    if (touching(l, op, got))
        return "windows that overlap or touch are one";
    if (l->empty_window)
        return "a window that opens when it closes is an error: a whole day ends at 24:00";
    if (note_says(l, "artefact") || note_says(l, "artifact"))
        return "its note says that it shows an artefact";
    return NULL;
}

const char *peers_other_shape(const struct line *l)
{
    if (strncmp(l->op, "add_days", 8) == 0 && strcmp(l->op, "add_days") != 0)
        return "a target in days that ends at another time of day than it began is of another "
               "shape than ours";
    if (strcmp(l->op, "ladder_manual") == 0)
        return "escalating by hand is one level more and an event here; it runs no steps";
    if (strcmp(l->op, "ladder_suppressed") == 0)
        return "usher has no maintenance; its steps wait while their promise is paused";
    if (strncmp(l->op, "ladder", 6) == 0)
        return "a ladder of another shape: here steps stand at a promise, and repeat one by one";
    return NULL;
}
