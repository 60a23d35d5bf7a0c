/* --what-if for people: the three orders side by side, then in words where usher's is worse, then what
 * was taken for granted. */
#define _POSIX_C_SOURCE 200809L
#include "what_if.h"

#include <usher/usher.h>

#include "cells.h"
#include "words.h"

enum { WIDTH = 96, NAME_MOST = 40 };

static const char *const promise_names[JUDGED] = {"a first word in time", "a solution in time"};

static const char *group_name(int group)
{
    return group == EVERYBODY ? "everybody" : usher_name(USHER_NAME_PRIORITY, group + USHER_LOW);
}

/* From urgent down to low, then everybody. */
static int group_at(int i)
{
    return i < PRIORITY_N ? PRIORITY_N - 1 - i : EVERYBODY;
}

static void print_shares(FILE *out, const struct question *q)
{
    const char *before = "; shares: ";
    for (int p = QUESTION_BANDS - 1; p >= 0; p--) {
        if (q->shares[p] == SHARE_AS_POLICY)
            continue;
        fprintf(out, "%s%s ", before, group_name(p));
        if (q->shares[p] == SHARE_FIRST)
            fputs("first", out);
        else
            fprintf(out, "%d", (int)q->shares[p]);
        before = ", ";
    }
}

static void head(FILE *out, const struct what_if *w)
{
    char from[WORDS_MAX];
    char to[WORDS_MAX];
    const struct demand *d = w->demand;
    fputs("What if ", out);
    print_count(out, w->question->agents, "agent had served ", "agents had served ");
    text_print(out, w->log_name, 60);
    fputs("?\n", out);
    print_count(out, d->n, "ticket came", "tickets came");
    fprintf(out, " from %s to %s UTC.\nPolicy: ", words_instant(from, d->arrivals[0].at),
            words_instant(to, d->arrivals[d->n - 1].at));
    text_print(out, w->policy_name, 30);
    print_shares(out, w->question);
    fputs("\n", out);
}

static void waits(FILE *out, const struct what_if *w)
{
    struct table t;
    table_begin(&t);
    table_left(&t, "Waits", 0);
    table_left(&t, "", 0);
    table_right(&t, "tickets");
    table_right(&t, "half within");
    table_right(&t, "90 % within");
    table_right(&t, "99 % within");
    table_right(&t, "longest");
    for (int i = 0; i < GROUPS; i++) {
        int group = group_at(i);
        for (int o = 0; o < ORDERS && w->outcomes[o].waits[group].n > 0; o++) {
            const struct spread *s = &w->outcomes[o].waits[group];
            table_cell(&t, o == 0 ? group_name(group) : "");
            table_cell(&t, order_name((enum order)o));
            cell_count(&t, s->n);
            cell_duration(&t, s->p50);
            cell_duration(&t, s->p90);
            cell_duration(&t, s->p99);
            cell_duration(&t, s->max);
        }
    }
    table_end(&t, out, 0);
}

static void promises(FILE *out, const struct what_if *w)
{
    struct table t;
    table_begin(&t);
    table_left(&t, "Promises kept", 0);
    table_left(&t, "", 0);
    table_right(&t, "kept");
    table_right(&t, "broken");
    table_right(&t, "share");
    for (int p = PRIORITY_N - 1; p >= 0; p--)
        table_right(&t, group_name(p));
    for (int p = 0; p < JUDGED; p++) {
        for (int o = 0; o < ORDERS; o++) {
            const struct judged *j = w->outcomes[o].promises[p];
            if (j[EVERYBODY].kept + j[EVERYBODY].broken == 0)
                continue;
            table_cell(&t, o == 0 ? promise_names[p] : "");
            table_cell(&t, order_name((enum order)o));
            cell_count(&t, j[EVERYBODY].kept);
            cell_count(&t, j[EVERYBODY].broken);
            cell_share(&t, j[EVERYBODY].kept, j[EVERYBODY].kept + j[EVERYBODY].broken);
            for (int g = PRIORITY_N - 1; g >= 0; g--)
                cell_share(&t, j[g].kept, j[g].kept + j[g].broken);
        }
    }
    if (t.cells_n == 0) {
        table_drop(&t);
        fputs("The policy promises neither a first word nor a solution.\n", out);
        return;
    }
    table_end(&t, out, 0);
}

static void instant_cell(struct table *t, int64_t at)
{
    char buf[WORDS_MAX];
    table_cell(t, words_instant(buf, at));
}

static void people(FILE *out, const struct what_if *w)
{
    const struct demand *d = w->demand;
    int64_t span_ms = d->arrivals[d->n - 1].at - d->arrivals[0].at;
    static const char *const rows[] = {
        "the longest wait of anyone",
        "all waits together",
        "people passed over",
        "... how often, in all",
        "... how often, one of them",
        "most in the line at once",
        "agents at work, while people come",
        "the last one is served",
    };
    struct table t;
    table_begin(&t);
    table_left(&t, "On the whole", 0);
    for (int o = 0; o < ORDERS; o++)
        table_right(&t, order_name((enum order)o));
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        table_cell(&t, rows[r]);
        for (int o = 0; o < ORDERS; o++) {
            const struct outcome *out_come = &w->outcomes[o];
            const struct serving *s = &w->servings[o];
            const uint64_t counts[] = {out_come->passed_people, out_come->passed_times,
                                       out_come->passed_most, s->waiting_most};
            if (r < 2)
                cell_duration(&t, r == 0 ? out_come->waits[EVERYBODY].max : out_come->waited_ms);
            else if (r < 6)
                cell_count(&t, counts[r - 2]);
            else if (r == 6)
                cell_share(&t, (uint64_t)s->touched_ms, (uint64_t)span_ms * w->question->agents);
            else
                instant_cell(&t, s->done_at);
        }
    }
    table_end(&t, out, 0);
}

/* ---- where usher's line is worse -------------------------------------------------------------- */

static void say_promise(FILE *out, const struct what_if *w, enum order than, enum measure m,
                        int group)
{
    char mine[WORDS_MAX];
    char other[WORDS_MAX];
    int p = m == MEASURE_WORD ? 0 : 1;
    const struct judged *j = &w->outcomes[ORDER_USHER].promises[p][group];
    fprintf(out, "%s for %s instead of %s of ", promise_names[p], words_count(mine, j->kept),
            words_count(other, w->outcomes[than].promises[p][group].kept));
    fputs(words_count(mine, j->kept + j->broken), out);
}

static void say(FILE *out, const struct what_if *w, enum order than, enum measure m, int group,
                int64_t mine, int64_t other)
{
    static const char *const waits_words[] = {"half of them wait up to", "nine of ten up to",
                                              "99 of 100 up to", "the longest wait is"};
    static const char *const passed_words[] = {"people who are passed over",
                                               "times that somebody is",
                                               "times, the one whom it happens to most"};
    char a[WORDS_MAX];
    char b[WORDS_MAX];
    if (m <= MEASURE_LONGEST) {
        fprintf(out, "%s %s instead of %s", waits_words[m], words_duration(a, mine),
                words_duration(b, other));
    } else if (m <= MEASURE_SOLUTION) {
        say_promise(out, w, than, m, group);
    } else if (m == MEASURE_ALL_WAITING) {
        fprintf(out, "all waits together are %s instead of %s", words_duration(a, mine),
                words_duration(b, other));
    } else {
        fprintf(out, "%s instead of %s %s", words_count(a, (uint64_t)mine),
                words_count(b, (uint64_t)other), passed_words[m - MEASURE_PASSED_PEOPLE]);
    }
}

/* One line for each group of people, as long as it must be. */
static bool worse_for(FILE *out, const struct what_if *w, enum order than, int group)
{
    char text[1600];
    bool any = false;
    FILE *line = fmemopen(text, sizeof text, "w");
    if (!line)
        return false;
    for (int m = 0; m < MEASURES; m++) {
        int64_t mine;
        int64_t other;
        /* Of fewer than a hundred, 99 of 100 are all: the longest wait says it. */
        if ((m == MEASURE_99_OF_100 && w->outcomes[than].waits[group].n < 100) ||
            !is_worse(w, than, (enum measure)m, group, &mine, &other))
            continue;
        fprintf(line, "%s", any ? "; " : "");
        if (!any)
            fprintf(line, "%s: ", group_name(group));
        say(line, w, than, (enum measure)m, group, mine, other);
        any = true;
    }
    fclose(line);
    if (any)
        print_wrapped(out, "- ", text, 4, WIDTH);
    return any;
}

static void worse(FILE *out, const struct what_if *w)
{
    for (int o = ORDER_USHER + 1; o < ORDERS; o++) {
        bool any = false;
        fprintf(out, "Where usher's line is worse than %s\n", order_name((enum order)o));
        for (int i = 0; i < GROUPS; i++)
            any = worse_for(out, w, (enum order)o, group_at(i)) || any;
        if (!any)
            fputs("  nowhere, in any of these figures\n", out);
        fputc('\n', out);
    }
}

/* ---- what it rests on -------------------------------------------------------------------------- */

static void granted(FILE *out, const struct what_if *w)
{
    const struct demand *d = w->demand;
    const char *key;
    const char *text;
    char n[WORDS_MAX];
    char of[WORDS_MAX];
    fputs("What this takes for granted\n", out);
    for (size_t i = 0; (text = definition(i, &key)) != NULL; i++)
        print_wrapped(out, "- ", text, 4, WIDTH);
    fputs("In this log\n", out);
    struct table t;
    table_begin(&t);
    table_right(&t, "");
    table_left(&t, "", 0);
    const struct {
        uint64_t n;
        const char *what;
    } facts[] = {
        {d->guessed, "of the tickets have no touch time: the median of their priority's"},
        {d->cut_off, "are still in an agent's hands when the log ends: counted up to there"},
        {d->gave_up, "were withdrawn before anybody was at them: left out"},
        {w->servings[ORDER_USHER].lifted, "were lifted by the policy's ladder, in usher's line"},
        {d->in_hands_most, "were in agents' hands at once in the log, at most"},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (facts[i].n == 0)
            continue;
        cell_count(&t, facts[i].n);
        table_cell(&t, facts[i].what);
    }
    table_end(&t, out, 2);
    fprintf(out, "  Touch times add up to %s, of which the log shows %s.\n",
            words_duration(n, d->touch_ms), words_duration(of, d->shown_ms));
}

void what_if_text(FILE *out, const struct what_if *w, bool blocks)
{
    head(out, w);
    fputc('\n', out);
    waits(out, w);
    fputc('\n', out);
    promises(out, w);
    fputc('\n', out);
    people(out, w);
    fputc('\n', out);
    what_if_strips(out, w, blocks);
    fputc('\n', out);
    worse(out, w);
    granted(out, w);
}
