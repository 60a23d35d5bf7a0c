/* Figures as tables for people. */
#include "report.h"

#include "table.h"
#include "words.h"

enum { NAME_MOST = 30 };

/* A blank line before each table. */
static void end(struct table *t, FILE *out)
{
    if (t->cells_n > 0) {
        fputc('\n', out);
        table_end(t, out, 0);
    }
    table_drop(t);
}

static void count(struct table *t, uint64_t n)
{
    char buf[WORDS_MAX];
    table_cell(t, n == 0 ? "-" : words_count(buf, n));
}

static void share(struct table *t, uint64_t part, uint64_t whole)
{
    char buf[WORDS_MAX];
    table_cell(t, words_share(buf, part, whole));
}

static void duration(struct table *t, int64_t ms)
{
    char buf[WORDS_MAX];
    table_cell(t, ms < 0 ? "-" : words_duration(buf, ms));
}

static void spread(struct table *t, const usher_spread *s)
{
    duration(t, s->p50_ms);
    duration(t, s->p90_ms);
}

/* What each took, on the whole; of none "-". */
static void each(struct table *t, int64_t ms, uint64_t n)
{
    duration(t, n == 0 ? -1 : ms / (int64_t)n);
}

/* ---- queues ---------------------------------------------------------------------------------- */

static void begin(struct table *t)
{
    table_begin(t);
    table_left(t, "queue", NAME_MOST);
}

/* A queue with one priority is told once. */
static bool is_told(const usher_figures *rows, size_t n, size_t i)
{
    bool follows_its_queue =
        i > 0 && rows[i - 1].queue == rows[i].queue && rows[i - 1].priority == 0;
    bool is_last = i + 1 == n || rows[i + 1].queue != rows[i].queue;
    return !(follows_its_queue && is_last);
}

static void name(struct table *t, const usher_figures *f)
{
    char text[24];
    if (f->priority == 0)
        table_cell(t, usher_queue_name(f->queue));
    else {
        snprintf(text, sizeof text, "  %s", usher_name(USHER_NAME_PRIORITY, f->priority));
        table_cell(t, text);
    }
}

void report_times(FILE *out, const usher_figures *rows, size_t n)
{
    struct table t;
    begin(&t);
    table_right(&t, "requests");
    table_right(&t, "half claimed in");
    table_right(&t, "9 of 10 in");
    table_right(&t, "half told in");
    table_right(&t, "9 of 10 in");
    table_right(&t, "half solved in");
    table_right(&t, "9 of 10 in");
    for (size_t i = 0; i < n; i++) {
        const usher_figures *f = &rows[i];
        if (!is_told(rows, n, i) || (f->enqueued + f->wait.n + f->word.n + f->solve.n == 0))
            continue;
        name(&t, f);
        count(&t, f->enqueued);
        spread(&t, &f->wait);
        spread(&t, &f->word);
        spread(&t, &f->solve);
    }
    end(&t, out);
}

void report_promises(FILE *out, const usher_figures *rows, size_t n)
{
    struct table t;
    begin(&t);
    table_right(&t, "promises kept");
    for (int p = USHER_PROMISE_ACK; p <= USHER_PROMISE_RESOLVE; p++)
        table_right(&t, usher_name(USHER_NAME_PROMISE, p));
    table_right(&t, "broken");
    table_right(&t, "without verdict");
    for (size_t i = 0; i < n; i++) {
        const usher_figures *f = &rows[i];
        uint64_t kept = 0, broken = 0, lapsed = 0;
        for (int p = 0; p < 4; p++) {
            kept += f->kept[p];
            broken += f->broken[p];
            lapsed += f->lapsed[p];
        }
        if (!is_told(rows, n, i) || kept + broken + lapsed == 0)
            continue;
        name(&t, f);
        share(&t, kept, kept + broken);
        for (int p = 0; p < 4; p++)
            share(&t, f->kept[p], f->kept[p] + f->broken[p]);
        count(&t, broken);
        count(&t, lapsed);
    }
    end(&t, out);
}

void report_care(FILE *out, const usher_figures *rows, size_t n)
{
    struct table t;
    begin(&t);
    table_right(&t, "had to ask");
    table_right(&t, "passed over");
    table_right(&t, "let go");
    table_right(&t, "handed on");
    table_right(&t, "taken up");
    table_right(&t, "late pauses");
    table_right(&t, "escalated");
    table_right(&t, "stuck");
    table_right(&t, "reopened");
    table_right(&t, "came again");
    table_right(&t, "in hand, each");
    for (size_t i = 0; i < n; i++) {
        const usher_figures *f = &rows[i];
        if (!is_told(rows, n, i) || f->enqueued + f->claims + f->resolved == 0)
            continue;
        name(&t, f);
        count(&t, f->chases);
        count(&t, f->passed_over);
        count(&t, f->let_go);
        count(&t, f->handoffs);
        count(&t, f->accepted);
        count(&t, f->late_pauses);
        count(&t, f->escalated);
        count(&t, f->stuck);
        share(&t, f->reopened, f->resolved);
        count(&t, f->recurred);
        each(&t, f->held_ms, f->claims);
    }
    end(&t, out);
}

void report_now(FILE *out, const usher_figures *rows, size_t n)
{
    struct table t;
    begin(&t);
    table_right(&t, "open now");
    table_right(&t, "waiting");
    table_right(&t, "half for up to");
    table_right(&t, "9 of 10");
    table_right(&t, "longest");
    for (size_t i = 0; i < n; i++) {
        const usher_figures *f = &rows[i];
        if (!is_told(rows, n, i) || f->open == 0)
            continue;
        name(&t, f);
        count(&t, f->open);
        count(&t, f->waiting);
        spread(&t, &f->age);
        duration(&t, f->age.max_ms);
    }
    end(&t, out);
}

/* ---- agents and symptoms --------------------------------------------------------------------- */

void report_agents(FILE *out, const usher_agent_figures *rows, size_t n)
{
    static const char *const heads[] = {"holds",   "claims", "out of turn", "passed over",
                                        "let go",  "solved", "failed",      "ran out",
                                        "offered", "taken",  "declined",    "in hand, each"};
    struct table t;
    table_begin(&t);
    table_left(&t, "agent", NAME_MOST);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        table_right(&t, heads[i]);
    for (size_t i = 0; i < n; i++) {
        const usher_agent_figures *a = &rows[i];
        const uint64_t counts[] = {a->holds,    a->claims,   a->out_of_turn, a->passed_over,
                                   a->let_go,   a->resolved, a->failed,      a->leases_expired,
                                   a->handoffs, a->accepted, a->declined};
        table_cell(&t, usher_agent_name(a->agent));
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
            count(&t, counts[k]);
        each(&t, a->held_ms, a->claims);
    }
    end(&t, out);
}

void report_symptoms(FILE *out, const usher_symptom *rows, size_t n, int64_t now)
{
    struct table t;
    table_begin(&t);
    table_left(&t, "symptom", NAME_MOST);
    table_right(&t, "seen");
    table_right(&t, "lately");
    table_right(&t, "people");
    table_right(&t, "last");
    table_right(&t, "cause");
    table_right(&t, "linked");
    table_right(&t, "workarounds");
    table_right(&t, "fixes");
    for (size_t i = 0; i < n; i++) {
        const usher_symptom *s = &rows[i];
        char buf[WORDS_MAX];
        table_cell(&t, s->symptom);
        count(&t, s->seen);
        count(&t, s->recent);
        count(&t, s->requesters);
        table_cell(&t, words_when(buf, s->last_at, now));
        count(&t, s->cause);
        count(&t, s->linked);
        count(&t, s->workarounds);
        count(&t, s->fixes);
    }
    end(&t, out);
}
