/* The report as JSON: the same figures, durations in ms, instants in ms since 1970 UTC. */
#include <jansson.h>

#include "report.h"

static const char *const promise_names[PROMISES] = {"ack", "answer", "update", "resolve"};

static json_t *count(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static void put(json_t *object, const char *key, uint64_t n)
{
    json_object_set_new(object, key, count(n));
}

static json_t *spread(const struct spread *s)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "n", (json_int_t)s->n, "p50", (json_int_t)s->p50,
                     "p90", (json_int_t)s->p90, "p99", (json_int_t)s->p99, "max",
                     (json_int_t)s->max);
}

static json_t *verdicts(const struct verdicts *v)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "made", (json_int_t)v->made, "kept",
                     (json_int_t)v->kept, "broken", (json_int_t)v->broken, "lapsed",
                     (json_int_t)v->lapsed, "running", (json_int_t)v->running);
}

static json_t *promises(const struct figures *g)
{
    json_t *all = json_object();
    for (int i = 0; i < PROMISES; i++) {
        json_t *one = verdicts(&g->promises[i]);
        json_t *by = json_object();
        for (int p = PRIORITY_N - 1; p >= 0; p--)
            json_object_set_new(by, usher_name(USHER_NAME_PRIORITY, p + USHER_LOW),
                                verdicts(&g->promises_by[i][p]));
        json_object_set_new(one, "by_priority", by);
        json_object_set_new(all, promise_names[i], one);
    }
    return all;
}

static json_t *tallies(const struct tally *t, size_t n, const struct names *names)
{
    json_t *all = json_object();
    for (size_t i = 0; i < n; i++)
        put(all, names_text(names, t[i].name), t[i].n);
    return all;
}

static json_t *queues(const struct report *r)
{
    json_t *all = json_array();
    for (size_t i = 0; i < r->figures->queues_n; i++) {
        const struct queue_figures *q = &r->figures->queues[i];
        json_array_append_new(
            all, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "queue",
                           q->queue ? names_text(&r->log->queues, q->queue) : "default", "visits",
                           (json_int_t)q->visits, "opened", (json_int_t)q->account.tickets,
                           "moved_in", (json_int_t)q->account.moved_in, "moved_out",
                           (json_int_t)q->account.moved_out, "solved",
                           (json_int_t)q->account.solved, "wait_ms", spread(&q->waited)));
    }
    return all;
}

static json_t *ladder(const struct report *r)
{
    const struct climb *c = &r->account->climb;
    json_t *steps = json_array();
    json_t *levels = json_object();
    for (uint32_t i = 0; i < c->steps_n; i++) {
        json_array_append_new(steps, json_pack("{s:I, s:I}", "fired", (json_int_t)c->fired[i],
                                               "tickets", (json_int_t)c->tickets[i]));
    }
    for (size_t i = 0; i < r->figures->levels_n; i++) {
        char level[16];
        snprintf(level, sizeof level, "%u", (unsigned)r->figures->levels[i].name);
        put(levels, level, r->figures->levels[i].n);
    }
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "steps", steps, "told",
                     tallies(r->figures->told, r->figures->told_n, &c->names), "told_later",
                     (json_int_t)c->tells_later, "lifts", (json_int_t)c->lifts, "moves",
                     (json_int_t)c->moves, "no_queue", (json_int_t)c->no_queue, "levels", levels);
}

static json_t *longest(const struct report *r)
{
    json_t *all = json_array();
    for (int i = 0; i < LONGEST_N && r->figures->longest[i] != 0; i++) {
        uint32_t k = r->figures->longest[i];
        json_array_append_new(
            all, json_pack("{s:s, s:I}", "ticket", names_text(&r->log->tickets, k), "wait_ms",
                           (json_int_t)r->account->people[k].spent[SPENT_WAITING]));
    }
    return all;
}

static json_t *handoffs(const struct report *r)
{
    const struct passing *p = &r->account->passing;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "made", (json_int_t)p->made, "accepted",
                     (json_int_t)p->accepted, "late", (json_int_t)p->late, "beyond_hops",
                     (json_int_t)p->beyond_hops, "again", (json_int_t)r->figures->passed_again,
                     "most", (json_int_t)r->figures->passed_most, "accept_ms",
                     spread(&r->figures->accepted));
}

static json_t *causes(const struct passing *p)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "recurred", (json_int_t)p->recurred,
        "recurred_same_requester", (json_int_t)p->recurred_same, "named", (json_int_t)p->named,
        "links", (json_int_t)p->links, "linked", (json_int_t)p->linked, "linked_when_solved",
        (json_int_t)p->linked_solved, "opened_by_policy", (json_int_t)(p->causes_n - p->named),
        "linked_by_policy", (json_int_t)p->linked_by_policy);
}

/* As the service has it, which counts what happened: what a reopen takes back stays counted. */
static json_t *counted(const struct counted *c)
{
    json_t *all = json_object();
    put(all, "enqueued", c->enqueued);
    put(all, "recurred", c->recurred);
    put(all, "chases", c->chases);
    put(all, "late_pauses", c->late_pauses);
    put(all, "handoffs", c->handoffs);
    put(all, "accepted", c->accepted);
    put(all, "expired", c->expired);
    put(all, "resolved", c->resolved);
    put(all, "reopened", c->reopened);
    put(all, "closed", c->closed);
    put(all, "withdrawn", c->withdrawn);
    put(all, "open", c->open);
    for (int i = 0; i < PROMISES; i++) {
        json_object_set_new(all, promise_names[i],
                            json_pack("{s:I, s:I, s:I}", "kept", (json_int_t)c->kept[i], "broken",
                                      (json_int_t)c->broken[i], "lapsed",
                                      (json_int_t)c->lapsed[i]));
    }
    return all;
}

static json_t *assumptions(const struct report *r)
{
    json_t *all = json_object();
    for (int i = 0; i < ASSUMPTIONS; i++)
        put(all, assumed_name((enum assumption)i), r->assumed->n[i]);
    put(all, "invented_agents", r->drive->stand_in_agents);
    put(all, "invented_queues", r->drive->stand_in_queues);
    return all;
}

static json_t *conservation(const struct report *r)
{
    const struct figures *g = r->figures;
    json_int_t sum = 0;
    for (int i = 0; i < SPENTS; i++)
        sum += (json_int_t)g->total[i];
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:b}", "checked",
        (json_int_t)(g->tickets - g->refused), "failed", (json_int_t)r->drive->unequal,
        "waiting_ms", (json_int_t)g->total[SPENT_WAITING], "held_ms",
        (json_int_t)g->total[SPENT_HELD], "paused_ms", (json_int_t)g->total[SPENT_PAUSED],
        "after_care_ms", (json_int_t)g->total[SPENT_AFTER], "closed_minus_opened_ms", sum,
        "missed_events", (json_int_t)r->account->misses, "log_agrees", (int)g->log_agrees,
        "usher_agrees", (int)(g->disagrees == NULL), "holds", (int)report_holds(r));
}

int report_json(FILE *out, const struct report *r)
{
    const struct figures *g = r->figures;
    const struct account *a = r->account;
    json_t *root = json_object();
    json_object_set_new(root, "log", json_string(r->log_name));
    json_object_set_new(root, "policy", json_string(r->policy_name));
    json_object_set_new(root, "from_at", json_integer((json_int_t)r->timeline->from_at));
    json_object_set_new(root, "to_at", json_integer((json_int_t)r->timeline->to_at));
    put(root, "tickets", g->tickets);
    put(root, "rows", g->rows);
    put(root, "requesters", g->requesters);
    put(root, "queues", r->log->queues.n);
    put(root, "agents", r->log->agents.n);
    put(root, "closed", g->closed);
    put(root, "withdrawn", g->withdrawn);
    put(root, "open_at_end", g->open_at_end);
    put(root, "moves", a->moves);
    put(root, "handovers", a->handovers);
    put(root, "reopens", a->reopens);
    put(root, "pauses", a->pauses);
    json_object_set_new(root, "pauses_by_state", tallies(g->pauses, g->pauses_n, &r->log->states));
    put(root, "late_pauses", a->passing.late_pauses);
    json_object_set_new(root, "handoffs", handoffs(r));
    json_object_set_new(root, "causes", causes(&a->passing));
    put(root, "chases", a->chases);
    put(root, "claims", a->claims);
    put(root, "claims_out_of_turn", a->claims_out_of_turn);
    put(root, "passed_over", a->passed_over);
    put(root, "events", a->events);
    json_object_set_new(root, "promises", promises(g));
    json_object_set_new(root, "ladder", ladder(r));
    json_object_set_new(root, "first_word_ms", spread(&g->first_word));
    json_object_set_new(root, "solve_ms", spread(&g->solved));
    json_object_set_new(root, "wait_ms", spread(&g->waited));
    json_object_set_new(root, "touch_ms", spread(&g->held));
    json_object_set_new(root, "paused_ms", spread(&g->paused));
    json_object_set_new(root, "after_care_ms", spread(&g->after));
    json_object_set_new(root, "longest_waits", longest(r));
    json_object_set_new(root, "by_queue", queues(r));
    json_object_set_new(root, "symptoms", tallies(g->symptoms, g->symptoms_n, &r->log->symptoms));
    json_object_set_new(root, "channels", tallies(g->channels, g->channels_n, &r->log->channels));
    json_object_set_new(root, "counted_by_usher", counted(&r->drive->counted));
    json_object_set_new(root, "assumed", assumptions(r));
    json_object_set_new(root, "conservation", conservation(r));
    int status = json_dumpf(root, out, JSON_INDENT(2));
    json_decref(root);
    return status != 0 || fputc('\n', out) == EOF ? -1 : 0;
}
