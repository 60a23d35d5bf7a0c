/* usher stats: how the queues stand, and what became of the promises. */
#include <stdio.h>

#include "command.h"
#include "screen.h"
#include "store.h"
#include "tally.h"

/* ---- for people ------------------------------------------------------------------------------ */

static void cell_count(struct table *t, uint64_t n, enum paint p)
{
    cell_number(t, n);
    table_paint(t, paint(n > 0 ? p : FAINT));
}

static void print_queues(const struct tally *tally)
{
    static const int states[] = {USHER_SCHEDULED, USHER_WAITING, USHER_CLAIMED,
                                 USHER_OFFERED,   USHER_PAUSED,  USHER_STUCK,
                                 USHER_RESOLVED,  USHER_CLOSED,  USHER_WITHDRAWN};
    enum { STATES = sizeof states / sizeof *states };
    struct table t;
    char buf[WORDS_MAX];
    table_begin(&t);
    table_left(&t, "queue", 30);
    for (size_t i = 0; i < STATES; i++)
        table_right(&t, usher_name(USHER_NAME_STATE, states[i]));
    table_right(&t, "longest wait now");
    for (size_t q = 0; q < tally->queues_n; q++) {
        const struct queue_tally *one = &tally->queues[q];
        table_cell(&t, one->name);
        for (size_t i = 0; i < STATES; i++)
            cell_count(&t, one->by_state[states[i]], states[i] == USHER_STUCK ? BAD : PLAIN);
        table_cell(&t, one->longest_ms > 0 ? words_about(buf, one->longest_ms) : "-");
    }
    table_end(&t, stdout, 0);
}

static void print_promises(const struct tally *tally)
{
    struct table t;
    char buf[WORDS_MAX];
    table_begin(&t);
    table_left(&t, "promise", 0);
    table_right(&t, "kept");
    table_right(&t, "broken");
    table_right(&t, "lapsed");
    table_right(&t, "running");
    table_right(&t, "share kept");
    for (int i = 0; i < TALLY_PROMISES; i++) {
        const struct promise_tally *p = &tally->promises[i];
        if (p->kept + p->broken + p->lapsed + p->running == 0)
            continue;
        table_cell(&t, usher_name(USHER_NAME_PROMISE, i + 1));
        cell_count(&t, p->kept, PLAIN);
        cell_count(&t, p->broken, BAD);
        cell_count(&t, p->lapsed, PLAIN);
        cell_count(&t, p->running, PLAIN);
        table_cell(&t, words_share(buf, p->kept, p->kept + p->broken));
    }
    if (t.cells_n > 0) {
        putchar('\n');
        table_end(&t, stdout, 0);
        puts("(of each ticket the latest of its kind)");
    }
}

static int64_t wait_at(const struct tally *tally, size_t per_cent)
{
    return tally->waits[(tally->waits_n * per_cent + 99) / 100 - 1];
}

static void print_waits(const struct tally *tally)
{
    char buf[4][WORDS_MAX];
    if (tally->waits_n == 0) {
        puts("\nNobody waits in a line just now.");
        return;
    }
    if (tally->waits_n == 1) {
        printf("\n1 in line just now, for %s.\n", words_duration(buf[0], wait_at(tally, 100)));
        return;
    }
    printf(
        "\n%s in line just now: half of them for %s or less, nine in ten for %s, the longest for "
        "%s.\n",
        words_count(buf[0], tally->waits_n), words_duration(buf[1], wait_at(tally, 50)),
        words_duration(buf[2], wait_at(tally, 90)), words_duration(buf[3], wait_at(tally, 100)));
}

static void print_agents(const struct tally *tally)
{
    struct table t;
    if (tally->agents_n == 0)
        return;
    table_begin(&t);
    table_left(&t, "agent", 30);
    table_right(&t, "holds");
    for (size_t i = 0; i < tally->agents_n; i++) {
        table_cell(&t, tally->agents[i].name);
        cell_number(&t, tally->agents[i].holds);
    }
    putchar('\n');
    table_end(&t, stdout, 0);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static json_t *json_queues(const struct tally *tally)
{
    json_t *all = json_array();
    for (size_t q = 0; q < tally->queues_n; q++) {
        json_t *o = json_pack("{s:o}", "queue", json_name(tally->queues[q].name));
        for (int i = 1; i < USHER_STATES; i++) {
            const char *name = usher_name(USHER_NAME_STATE, i);
            if (*name != '?')
                json_object_set_new(o, name,
                                    json_integer((json_int_t)tally->queues[q].by_state[i]));
        }
        json_object_set_new(o, "longest_wait_ms",
                            json_integer((json_int_t)tally->queues[q].longest_ms));
        json_array_append_new(all, o);
    }
    return all;
}

static int print_json(const struct tally *tally)
{
    json_t *promises = json_object();
    json_t *agents = json_object();
    for (int i = 0; i < TALLY_PROMISES; i++) {
        const struct promise_tally *p = &tally->promises[i];
        json_object_set_new(promises, usher_name(USHER_NAME_PROMISE, i + 1),
                            json_pack("{s:I, s:I, s:I, s:I, s:I}", "kept", (json_int_t)p->kept,
                                      "broken", (json_int_t)p->broken, "lapsed",
                                      (json_int_t)p->lapsed, "running", (json_int_t)p->running,
                                      "overdue", (json_int_t)p->overdue));
    }
    for (size_t i = 0; i < tally->agents_n; i++) {
        json_t *name = json_name(tally->agents[i].name); /* in UTF-8, as keys must be */

        json_object_set_new(agents, json_string_value(name),
                            json_integer((json_int_t)tally->agents[i].holds));
        json_decref(name);
    }
    json_t *waits =
        tally->waits_n == 0
            ? json_null()
            : json_pack("{s:I, s:I, s:I, s:I}", "n", (json_int_t)tally->waits_n, "p50",
                        (json_int_t)wait_at(tally, 50), "p90", (json_int_t)wait_at(tally, 90),
                        "max", (json_int_t)wait_at(tally, 100));
    return json_print(json_pack("{s:o, s:o, s:o, s:o, s:I}", "queues", json_queues(tally),
                                "promises", promises, "waiting_ms", waits, "agents", agents,
                                "chased", (json_int_t)tally->chased));
}

int command_stats(const struct line *l)
{
    struct store s;
    struct tally tally;
    int code = CODE_OK;
    if (store_open(&s, l->path, false) != CODE_OK)
        return CODE_PROBLEM;
    int r = tally_take(&tally, &s);
    if (r != USHER_OK) {
        code = store_fail(&s, "the tickets cannot be read", r);
    } else if (l->json) {
        code = print_json(&tally);
    } else if (tally.tickets == 0) {
        puts("there are no tickets in it");
    } else {
        print_queues(&tally);
        print_promises(&tally);
        print_waits(&tally);
        print_agents(&tally);
    }
    tally_drop(&tally);
    store_close(&s);
    return code;
}
