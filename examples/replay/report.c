/* The report for people: first what was promised and kept, then how long it took, then where it
 * went wrong, and at the end what had to be assumed and whether it adds up. */
#include "report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cells.h"
#include "words.h"

enum {
    INDENT = 2,
    NAME_MOST = 24,
    TALLY_WIDTH = 70,
    SHOWN_QUEUES = 10,
    SHOWN_NAMES = 5,
    SHOWN_LEVELS = 6
};
enum { STEP_MOST = 84 };

static const struct {
    const char *name, *unit, *what;
} assumptions[ASSUMPTIONS] = {
#define X(name, unit, what) {#name, unit, what},
    ASSUMED_MAP(X)
#undef X
};

const char *assumed_name(enum assumption a)
{
    return assumptions[a].name;
}

const char *assumed_unit(enum assumption a)
{
    return assumptions[a].unit;
}

const char *assumed_what(enum assumption a)
{
    return assumptions[a].what;
}

bool report_holds(const struct report *r)
{
    return r->drive->unequal == 0 && r->account->misses == 0 && r->figures->log_agrees &&
           !r->figures->disagrees;
}

static const char *queue_name(const struct report *r, uint32_t queue)
{
    return queue ? names_text(&r->log->queues, queue) : "default";
}

static const char *requester_name(const struct report *r, uint32_t ticket)
{
    uint32_t requester = r->timeline->stories[ticket].requester;
    return requester ? names_text(&r->log->requesters, requester) : "not named";
}

static void head(FILE *out, const struct report *r)
{
    char from[WORDS_MAX];
    char to[WORDS_MAX];
    const struct figures *g = r->figures;
    text_print(out, r->log_name, 60);
    fputs(": ", out);
    print_count(out, g->tickets, "ticket of ", "tickets of ");
    print_count(out, g->requesters, "person, ", "people, ");
    print_count(out, g->rows, "row\n", "rows\n");
    fprintf(out, "%s to %s UTC, ", words_instant(from, r->timeline->from_at),
            words_instant(to, r->timeline->to_at));
    print_count(out, r->log->queues.n + r->drive->stand_in_queues, "queue, ", "queues, ");
    print_count(out, r->log->agents.n, "agent; policy: ", "agents; policy: ");
    text_print(out, r->policy_name, 30);
    fputs("\n\n", out);
    print_count(out, g->closed, "ticket was closed", "tickets were closed");
    if (g->withdrawn > 0) {
        char n[WORDS_MAX];
        fprintf(out, ", %s withdrawn", words_count(n, g->withdrawn));
    }
    if (g->open_at_end == 0)
        fputs(", none is left open.\n", out);
    else {
        fputs(", ", out);
        print_count(out, g->open_at_end,
                    "is still open when the log ends:", "are still open when the log ends:");
        const char *comma = " ";
        for (int s = 0; s < USHER_STATES; s++) {
            char n[WORDS_MAX];
            if (g->open_by_state[s] > 0) {
                fprintf(out, "%s%s %s", comma, words_count(n, g->open_by_state[s]),
                        usher_name(USHER_NAME_STATE, s));
                comma = ", ";
            }
        }
        fputs(".\n", out);
    }
}

static void promises(FILE *out, const struct report *r)
{
    static const char *const names[PROMISES] = {"a first word in time", "an answer in time",
                                                "the next word in time", "a solution in time"};
    const struct figures *g = r->figures;
    struct table t;
    table_begin(&t);
    table_left(&t, "Promises kept", 0);
    table_right(&t, "kept");
    table_right(&t, "broken");
    table_right(&t, "lapsed");
    table_right(&t, "share");
    for (int p = PRIORITY_N; p > 0; p--)
        table_right(&t, usher_name(USHER_NAME_PRIORITY, p));
    for (int i = 0; i < PROMISES; i++) {
        const struct verdicts *v = &g->promises[i];
        if (v->made == 0)
            continue;
        table_cell(&t, names[i]);
        cell_count(&t, v->kept);
        cell_count(&t, v->broken);
        cell_count(&t, v->lapsed);
        cell_share(&t, v->kept, (uint64_t)v->kept + v->broken);
        for (int p = PRIORITY_N - 1; p >= 0; p--) {
            const struct verdicts *by = &g->promises_by[i][p];
            cell_share(&t, by->kept, (uint64_t)by->kept + by->broken);
        }
    }
    table_cell(&t, t.cells_n == 0 ? "tickets (the policy promises nothing)" : "tickets");
    for (int i = 0; i < 4; i++)
        table_cell(&t, "");
    for (int p = PRIORITY_N - 1; p >= 0; p--)
        cell_count(&t, g->by_priority[p]);
    table_end(&t, out, 0);
}

static void durations(FILE *out, const struct report *r)
{
    const struct figures *g = r->figures;
    const struct {
        const char *name;
        const struct spread *s;
        int share_of; /* enum spent, or -1 */
    } rows[] = {
        {"to the first word", &g->first_word, -1},
        {"to the solution", &g->solved, -1},
        {"waiting, nobody at it", &g->waited, SPENT_WAITING},
        {"in an agent's hands", &g->held, SPENT_HELD},
        {"paused, waiting for somebody else", &g->paused, SPENT_PAUSED},
        {"solved, but not yet closed", &g->after, SPENT_AFTER},
    };
    uint64_t all = 0;
    for (int i = 0; i < SPENTS; i++)
        all += (uint64_t)g->total[i];
    struct table t;
    table_begin(&t);
    table_left(&t, "How long it took", 0);
    table_right(&t, "half within");
    table_right(&t, "90 % within");
    table_right(&t, "99 % within");
    table_right(&t, "longest");
    table_right(&t, "of all time");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        table_cell(&t, rows[i].name);
        const int64_t values[] = {rows[i].s->p50, rows[i].s->p90, rows[i].s->p99, rows[i].s->max};
        for (size_t v = 0; v < 4; v++) {
            if (rows[i].s->n > 0)
                cell_duration(&t, values[v]);
            else
                table_cell(&t, "-");
        }
        if (rows[i].share_of >= 0)
            cell_share(&t, (uint64_t)g->total[rows[i].share_of], all);
        else
            table_cell(&t, "");
    }
    table_end(&t, out, 0);
}

/* As many of them as a line has room for. */
static void tally_line(FILE *out, const struct tally *t, size_t n, const struct names *names)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i++) {
        char buf[WORDS_MAX];
        const char *name = names_text(names, t[i].name);
        size_t takes = text_width(name) < NAME_MOST ? text_width(name) : NAME_MOST;
        takes += strlen(words_count(buf, t[i].n)) + 3;
        if (i == SHOWN_NAMES || width + takes > TALLY_WIDTH) {
            fprintf(out, ", and %zu more", n - i);
            break;
        }
        fputs(i ? ", " : "", out);
        text_print(out, *name ? name : "(none)", NAME_MOST);
        fprintf(out, " %s", buf);
        width += takes;
    }
}

/* "  1,234  one" or "many", aligned for a list. */
static void item(FILE *out, uint64_t n, const char *one, const char *many)
{
    char buf[WORDS_MAX];
    fprintf(out, "  %7s  %s", words_count(buf, n), n == 1 ? one : many);
}

/* How the moves went, as far as they were hand-offs. */
static void passings(FILE *out, const struct report *r)
{
    const struct passing *p = &r->account->passing;
    const struct figures *g = r->figures;
    char half[WORDS_MAX];
    char most[WORDS_MAX];
    char longest[WORDS_MAX];
    if (p->made == 0)
        return;
    item(out, p->made, "hand-off", "hand-offs");
    if (p->accepted > 0) {
        fprintf(out, ", accepted: half within %s, 90 %% within %s, longest %s",
                words_duration(half, g->accepted.p50), words_duration(most, g->accepted.p90),
                words_duration(longest, g->accepted.max));
    }
    fputc('\n', out);
    if (p->late > 0)
        item(out, p->late, "of them, not accepted within the policy's time: it came back\n",
             "of them, not accepted within the policy's time: they came back\n");
    if (p->beyond_hops > 0)
        item(out, p->beyond_hops, "more, beyond the policy's handoff.hops: it went up a level\n",
             "more, beyond the policy's handoff.hops: they went up a level\n");
    if (g->passed_again > 0) {
        item(out, g->passed_again, "ticket handed off more than once, at most ",
             "tickets handed off more than once, at most ");
        print_count(out, g->passed_most, "time\n", "times\n");
    }
}

/* What kept coming, and what it was laid to. */
static void causes(FILE *out, const struct passing *p)
{
    if (p->recurred > 0) {
        item(out, p->recurred, "ticket whose symptom had come before within the policy's window",
             "tickets whose symptom had come before within the policy's window");
        fputs(", ", out);
        print_count(out, p->recurred_same, "from the same person\n", "from the same person\n");
    }
    if (p->named > 0) {
        item(out, p->named, "cause that the log names, of ", "causes that the log names, of ");
        print_count(out, p->linked, "ticket", "tickets");
        if (p->linked_solved > 0) {
            fputs("; ", out);
            print_count(out, p->linked_solved, "of them named only when it was solved",
                        "of them named only when they were solved");
        }
        fputc('\n', out);
    }
    if (p->causes_n > p->named) {
        item(out, p->causes_n - p->named, "cause opened by the policy, of ",
             "causes opened by the policy, of ");
        print_count(out, p->linked_by_policy, "ticket\n", "tickets\n");
    }
}

static void happenings(FILE *out, const struct report *r)
{
    const struct account *a = r->account;
    const struct figures *g = r->figures;
    fputs("On the way\n", out);
    item(out, a->moves, "move to another queue, ", "moves to another queue, ");
    print_count(out, a->handovers, "to another agent\n", "to another agent\n");
    passings(out, r);
    item(out, a->pauses, "pause", "pauses");
    fputs(g->pauses_n > 0 ? ": " : "", out);
    tally_line(out, g->pauses, g->pauses_n, &r->log->states);
    fputc('\n', out);
    if (a->passing.late_pauses > 0)
        item(out, a->passing.late_pauses, "of them, begun in the last tenth of a promise\n",
             "of them, begun in the last tenth of a promise\n");
    item(out, a->reopens, "ticket opened again after it had been solved\n",
         "tickets opened again after they had been solved\n");
    if (a->chases > 0) {
        item(out, a->chases, "time somebody had to ask what is going on\n",
             "times somebody had to ask what is going on\n");
    }
    item(out, a->claims_out_of_turn, "claim out of turn (of ", "claims out of turn (of ");
    print_count(out, a->claims, "in all)", "in all)");
    if (a->passed_over > 0) {
        fputs(", others were passed over ", out);
        print_count(out, a->passed_over, "time", "times");
    }
    fputc('\n', out);
    if (g->symptoms_n > 0) {
        item(out, g->symptoms_n, "symptom: ", "symptoms: ");
        tally_line(out, g->symptoms, g->symptoms_n, &r->log->symptoms);
        fputc('\n', out);
    }
    causes(out, &a->passing);
    if (g->channels_n > 0) {
        item(out, g->channels_n, "channel: ", "channels: ");
        tally_line(out, g->channels, g->channels_n, &r->log->channels);
        fputc('\n', out);
    }
}

/* A step as the policy has it; one of a preset by its path. To be freed. */
static char *step_text(const json_t *steps, uint32_t i)
{
    char *text = json_dumps(json_array_get(steps, i), JSON_COMPACT);
    size_t len = (text ? strlen(text) : 0) + 32;
    char *line = array_new(len, 1);
    snprintf(line, len, "  ladder[%u]%s%s", (unsigned)i, text ? "  " : "", text ? text : "");
    free(text);
    return line;
}

static void steps_table(FILE *out, const struct climb *c, const json_t *steps)
{
    struct table t;
    table_begin(&t);
    table_left(&t, "The ladder", STEP_MOST);
    table_right(&t, "fired");
    table_right(&t, "tickets");
    for (uint32_t i = 0; i < json_array_size(steps) || i < c->steps_n; i++) {
        char *text = step_text(steps, i);
        table_cell(&t, text);
        cell_count(&t, i < CLIMB_STEPS ? c->fired[i] : 0);
        cell_count(&t, i < CLIMB_STEPS ? c->tickets[i] : 0);
        free(text);
    }
    table_end(&t, out, 0);
}

/* Only where there is a ladder. */
static void ladder(FILE *out, const struct report *r)
{
    const struct climb *c = &r->account->climb;
    const struct figures *g = r->figures;
    json_t *policy = json_loads(r->policy, 0, NULL);
    const json_t *steps = json_object_get(policy, "ladder");
    if (json_array_size(steps) == 0 && c->steps_n == 0) {
        json_decref(policy);
        return;
    }
    steps_table(out, c, steps);
    json_decref(policy);
    item(out, c->tells, "time somebody was told", "times somebody was told");
    fputs(g->told_n > 0 ? ": " : "", out);
    tally_line(out, g->told, g->told_n, &c->names);
    fputc('\n', out);
    if (c->tells_later > 0)
        item(out, c->tells_later, "of them when the calendar for that opened again\n",
             "of them when the calendar for that opened again\n");
    if (c->lifts > 0)
        item(out, c->lifts, "priority lifted\n", "priorities lifted\n");
    if (c->moves > 0)
        item(out, c->moves, "ticket moved by it\n", "tickets moved by it\n");
    if (c->no_queue > 0)
        item(out, c->no_queue, "move to a queue that there is not: the ticket stayed\n",
             "moves to a queue that there is not: the tickets stayed\n");
    for (size_t i = 0; i < g->levels_n && i < SHOWN_LEVELS; i++) {
        char level[WORDS_MAX];
        item(out, g->levels[i].n, "ticket went up to level ", "tickets went up to level ");
        fprintf(out, "%s\n", words_count(level, g->levels[i].name));
    }
    fputc('\n', out);
}

static void busiest(FILE *out, const struct report *r)
{
    const struct figures *g = r->figures;
    struct table t;
    table_begin(&t);
    table_left(&t, "The busiest queues", NAME_MOST);
    table_right(&t, "opened");
    table_right(&t, "moved in");
    table_right(&t, "moved on");
    table_right(&t, "solved");
    table_right(&t, "waited: half");
    table_right(&t, "90 %");
    table_right(&t, "longest");
    for (size_t i = 0; i < g->queues_n && i < SHOWN_QUEUES; i++) {
        const struct queue_figures *q = &g->queues[i];
        table_cell(&t, queue_name(r, q->queue));
        cell_count(&t, q->account.tickets);
        cell_count(&t, q->account.moved_in);
        cell_count(&t, q->account.moved_out);
        cell_count(&t, q->account.solved);
        cell_duration(&t, q->waited.p50);
        cell_duration(&t, q->waited.p90);
        cell_duration(&t, q->waited.max);
    }
    table_end(&t, out, 0);
}

static void longest(FILE *out, const struct report *r)
{
    struct table t;
    table_begin(&t);
    table_left(&t, "The longest waits", NAME_MOST);
    table_left(&t, "requester", NAME_MOST);
    table_right(&t, "waited");
    table_right(&t, "in hands");
    table_right(&t, "paused");
    table_left(&t, "now", 0);
    for (int i = 0; i < LONGEST_N && r->figures->longest[i] != 0; i++) {
        uint32_t k = r->figures->longest[i];
        const struct person *p = &r->account->people[k];
        table_cell(&t, names_text(&r->log->tickets, k));
        table_cell(&t, requester_name(r, k));
        cell_duration(&t, p->spent[SPENT_WAITING]);
        cell_duration(&t, p->spent[SPENT_HELD]);
        cell_duration(&t, p->spent[SPENT_PAUSED]);
        table_cell(&t, usher_name(USHER_NAME_STATE, p->state));
    }
    table_end(&t, out, 0);
}

static void assumed(FILE *out, const struct report *r)
{
    fputs("What the log does not say and had to be assumed\n", out);
    struct table t;
    table_begin(&t);
    table_right(&t, "");
    table_left(&t, "", 0);
    for (int i = 0; i < ASSUMPTIONS; i++) {
        char line[160];
        if (r->assumed->n[i] == 0)
            continue;
        enum assumption a = (enum assumption)i;
        cell_count(&t, r->assumed->n[i]);
        const char *unit = assumed_unit(a);
        int unit_len = (int)strlen(unit) - (r->assumed->n[i] == 1); /* without its plural's s */
        snprintf(line, sizeof line, "%.*s %s", unit_len, unit, assumed_what(a));
        table_cell(&t, line);
    }
    if (t.cells_n == 0)
        fputs("  nothing\n", out);
    table_end(&t, out, INDENT);
    if (r->log->unknown_state != 0) {
        fputs("  The first state that the mapping does not list: ", out);
        text_print(out, names_text(&r->log->states, r->log->unknown_state), 40);
        fputc('\n', out);
    }
}

static void verdict(FILE *out, const struct report *r)
{
    const struct figures *g = r->figures;
    fputs("Does it add up? ", out);
    if (r->drive->unequal > 0) {
        fputs("NO: the parts are not the whole for ", out);
        print_count(out, r->drive->unequal, "ticket", "tickets");
        fputs("; the first is\n  ", out);
        text_print(out, r->drive->unequal_first, 0);
        fputc('\n', out);
    }
    if (r->account->misses > 0) {
        fputs("NO: ", out);
        print_count(out, r->account->misses, "event does not follow from the one before",
                    "events do not follow from the ones before");
        fprintf(out, "; the first is of %s\n",
                names_text(&r->log->tickets, r->account->missed_ticket));
    }
    if (!g->log_agrees) {
        const struct account *a = r->account;
        const struct timeline *t = r->timeline;
        fprintf(out,
                "NO: the service saw %" PRIu64 " moves, %" PRIu64 " pauses, %" PRIu64 " reopens,",
                a->moves, a->pauses, a->reopens);
        fprintf(out, " the log has %" PRIu64 ", %" PRIu64 ", %" PRIu64 "\n", t->moves, t->pauses,
                t->reopens);
    }
    if (g->disagrees) {
        fprintf(out, "NO: of %s the service has %" PRIu64 ", and its events %" PRIu64 "\n",
                g->disagrees, g->theirs, g->ours);
    }
    if (report_holds(r)) {
        fputs("Yes: waiting + held + paused + after-care is closed - opened", out);
        fputs(g->open_at_end ? ", or the log's end,\n" : "\n", out);
        fputs("to the millisecond for all of ", out);
        print_count(out, g->tickets - g->refused, "ticket", "tickets");
        fputs(", every promise has one outcome, and usher's own\nfigures are the same.\n", out);
    }
}

void report_text(FILE *out, const struct report *r)
{
    void (*const parts[])(FILE *, const struct report *) = {
        head, promises, durations, happenings, ladder, busiest, longest, assumed, verdict};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        parts[i](out, r);
        if (i + 1 < sizeof parts / sizeof *parts && parts[i] != ladder)
            fputc('\n', out);
    }
}
