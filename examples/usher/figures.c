/* usher figures: what happened to the people who wait, by queue, agent and symptom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "command.h"
#include "report.h"
#include "screen.h"
#include "store.h"

#define DAY_MS INT64_C(86400000)

struct figures {
    usher_figures *queues;
    usher_agent_figures *agents;
    usher_symptom *symptoms; /* their names are copies */
    size_t queues_n, queues_cap, agents_n, agents_cap, symptoms_n, symptoms_cap;
};

static int on_page(const usher_page *p, void *user)
{
    struct figures *f = user;
    for (uint64_t i = 0; p->figures && i < p->n; i++) {
        f->queues = array_room(f->queues, &f->queues_cap, f->queues_n + 1, sizeof *f->queues);
        f->queues[f->queues_n++] = p->figures[i];
    }
    for (uint64_t i = 0; p->agents && i < p->n; i++) {
        f->agents = array_room(f->agents, &f->agents_cap, f->agents_n + 1, sizeof *f->agents);
        f->agents[f->agents_n++] = p->agents[i];
    }
    for (uint64_t i = 0; p->symptoms && i < p->n; i++) {
        size_t len = strlen(p->symptoms[i].symptom) + 1;
        f->symptoms =
            array_room(f->symptoms, &f->symptoms_cap, f->symptoms_n + 1, sizeof *f->symptoms);
        f->symptoms[f->symptoms_n] = p->symptoms[i];
        f->symptoms[f->symptoms_n++].symptom =
            memcpy(array_new(len, 1), p->symptoms[i].symptom, len);
    }
    return 0;
}

static int read_all(struct store *s, const struct line *l, struct figures *f)
{
    static const int what[] = {USHER_READ_FIGURES, USHER_READ_AGENTS, USHER_READ_SYMPTOMS};
    usher_queue_t *queue = NULL;
    int r = l->queue ? usher_queue(s->u, &queue, l->queue) : USHER_OK;
    for (size_t i = 0; r == USHER_OK && i < sizeof what / sizeof *what; i++) {
        usher_query q = USHER_INIT(usher_query);
        q.what = what[i];
        q.limit = USHER_ROWS_MAX;
        q.queue = what[i] == USHER_READ_FIGURES ? queue : NULL;
        if (what[i] == USHER_READ_FIGURES && l->days > 0)
            q.from_at = s->now - (l->days - 1) * DAY_MS;
        r = store_read(s, &q, on_page, f);
    }
    return r;
}

static void drop(struct figures *f)
{
    for (size_t i = 0; i < f->symptoms_n; i++)
        free((void *)(uintptr_t)f->symptoms[i].symptom);
    free(f->symptoms);
    free(f->queues);
    free(f->agents);
}

/* ---- for people ------------------------------------------------------------------------------ */

static void print(const struct line *l, const struct store *s, const struct figures *f)
{
    char from[WORDS_MAX];
    if (l->days > 0 && f->queues_n > 0)
        printf("since %s UTC\n", words_instant(from, f->queues[0].from_at));
    else
        puts("since ever");
    report_times(stdout, f->queues, f->queues_n);
    report_promises(stdout, f->queues, f->queues_n);
    report_care(stdout, f->queues, f->queues_n);
    report_now(stdout, f->queues, f->queues_n);
    if (!l->queue)
        report_agents(stdout, f->agents, f->agents_n);
    if (!l->queue)
        report_symptoms(stdout, f->symptoms, f->symptoms_n, s->now);
}

/* ---- for programs ---------------------------------------------------------------------------- */

struct field {
    const char *name;
    size_t at;
};
#define QUEUE_FIELD(name)                                                                          \
    {                                                                                              \
#name, offsetof(usher_figures, name)                                                       \
    }
#define AGENT_FIELD(name)                                                                          \
    {                                                                                              \
#name, offsetof(usher_agent_figures, name)                                                 \
    }

static void add_counts(json_t *o, const void *row, const struct field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t value;
        memcpy(&value, (const char *)row + fields[i].at, sizeof value);
        json_object_set_new(o, fields[i].name, json_integer((json_int_t)value));
    }
}

static json_t *json_spread(const usher_spread *s)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:I}", "n", (json_int_t)s->n, "p50_ms",
                     json_wait(s->p50_ms), "p90_ms", json_wait(s->p90_ms), "p99_ms",
                     json_wait(s->p99_ms), "max_ms", json_wait(s->max_ms), "sum_ms",
                     (json_int_t)s->sum_ms);
}

static json_t *json_verdicts(const uint64_t n[4])
{
    json_t *o = json_object();
    for (int p = 0; p < 4; p++)
        json_object_set_new(o, usher_name(USHER_NAME_PROMISE, p + 1),
                            json_integer((json_int_t)n[p]));
    return o;
}

static json_t *json_queue(const usher_figures *f)
{
    static const struct field fields[] = {
        QUEUE_FIELD(enqueued),    QUEUE_FIELD(joined),      QUEUE_FIELD(recurred),
        QUEUE_FIELD(claims),      QUEUE_FIELD(passed_over), QUEUE_FIELD(let_go),
        QUEUE_FIELD(words),       QUEUE_FIELD(chases),      QUEUE_FIELD(replies),
        QUEUE_FIELD(handoffs),    QUEUE_FIELD(accepted),    QUEUE_FIELD(declined),
        QUEUE_FIELD(expired),     QUEUE_FIELD(recalled),    QUEUE_FIELD(pauses),
        QUEUE_FIELD(late_pauses), QUEUE_FIELD(failed),      QUEUE_FIELD(leases_expired),
        QUEUE_FIELD(stuck),       QUEUE_FIELD(escalated),   QUEUE_FIELD(no_agent),
        QUEUE_FIELD(resolved),    QUEUE_FIELD(workarounds), QUEUE_FIELD(no_reply),
        QUEUE_FIELD(confirmed),   QUEUE_FIELD(reopened),    QUEUE_FIELD(closed),
        QUEUE_FIELD(withdrawn),   QUEUE_FIELD(held_ms),     QUEUE_FIELD(open),
        QUEUE_FIELD(waiting)};
    json_t *o = json_pack(
        "{s:o, s:o, s:I, s:I}", "queue", json_name(usher_queue_name(f->queue)), "priority",
        f->priority == 0 ? json_null() : json_string(usher_name(USHER_NAME_PRIORITY, f->priority)),
        "from_at", (json_int_t)f->from_at, "to_at", (json_int_t)f->to_at);
    add_counts(o, f, fields, sizeof fields / sizeof *fields);
    json_object_set_new(o, "kept", json_verdicts(f->kept));
    json_object_set_new(o, "broken", json_verdicts(f->broken));
    json_object_set_new(o, "lapsed", json_verdicts(f->lapsed));
    json_object_set_new(o, "wait", json_spread(&f->wait));
    json_object_set_new(o, "word", json_spread(&f->word));
    json_object_set_new(o, "solve", json_spread(&f->solve));
    json_object_set_new(o, "age", json_spread(&f->age));
    return o;
}

static json_t *json_agent(const usher_agent_figures *a)
{
    static const struct field fields[] = {
        AGENT_FIELD(holds),       AGENT_FIELD(claims),         AGENT_FIELD(out_of_turn),
        AGENT_FIELD(passed_over), AGENT_FIELD(let_go),         AGENT_FIELD(resolved),
        AGENT_FIELD(failed),      AGENT_FIELD(leases_expired), AGENT_FIELD(handoffs),
        AGENT_FIELD(accepted),    AGENT_FIELD(declined),       AGENT_FIELD(held_ms)};
    json_t *o = json_pack("{s:o, s:b}", "agent", json_name(usher_agent_name(a->agent)), "present",
                          a->present);
    add_counts(o, a, fields, sizeof fields / sizeof *fields);
    return o;
}

static json_t *json_symptom(const usher_symptom *s)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "symptom",
                     json_name(s->symptom), "seen", (json_int_t)s->seen, "recent",
                     (json_int_t)s->recent, "requesters", (json_int_t)s->requesters, "first_at",
                     json_instant(s->first_at), "last_at", json_instant(s->last_at), "last",
                     json_ticket(s->last), "cause", json_ticket(s->cause), "linked",
                     (json_int_t)s->linked, "causes", (json_int_t)s->causes, "fixes",
                     (json_int_t)s->fixes, "workarounds", (json_int_t)s->workarounds);
}

static int print_json(const struct figures *f)
{
    json_t *queues = json_array(), *agents = json_array(), *symptoms = json_array();
    for (size_t i = 0; i < f->queues_n; i++)
        json_array_append_new(queues, json_queue(&f->queues[i]));
    for (size_t i = 0; i < f->agents_n; i++)
        json_array_append_new(agents, json_agent(&f->agents[i]));
    for (size_t i = 0; i < f->symptoms_n; i++)
        json_array_append_new(symptoms, json_symptom(&f->symptoms[i]));
    return json_print(
        json_pack("{s:o, s:o, s:o}", "queues", queues, "agents", agents, "symptoms", symptoms));
}

int command_figures(const struct line *l)
{
    struct store s;
    struct figures f = {0};
    int code = CODE_OK;
    if (store_open(&s, l->path, false) != CODE_OK)
        return CODE_PROBLEM;
    int r = read_all(&s, l, &f);
    if (r != USHER_OK)
        code = store_fail(&s, "the figures cannot be read", r);
    else if (l->json)
        code = print_json(&f);
    else
        print(l, &s, &f);
    drop(&f);
    store_close(&s);
    return code;
}
