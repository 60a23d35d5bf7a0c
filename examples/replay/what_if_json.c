/* --what-if as JSON: durations in ms, instants in ms since 1970 UTC. Lists that go by ticket are in the
 * order of `tickets`, which is that of coming. */
#include "what_if.h"

#include <usher/usher.h>

static const char *const promise_names[JUDGED] = {"ack", "resolve"};

static const char *const measure_names[MEASURES] = {
    "p50",       "p90",           "p99",          "max",        "ack_broken", "resolve_broken",
    "waited_ms", "passed_people", "passed_times", "passed_most"};

static const char *group_name(int group)
{
    return group == EVERYBODY ? "all" : usher_name(USHER_NAME_PRIORITY, group + USHER_LOW);
}

static json_t *spread(const struct spread *s)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "n", (json_int_t)s->n, "p50", (json_int_t)s->p50,
                     "p90", (json_int_t)s->p90, "p99", (json_int_t)s->p99, "max",
                     (json_int_t)s->max);
}

static json_t *promise(const struct judged *by_group)
{
    json_t *all = json_object();
    for (int g = GROUPS - 1; g >= 0; g--) {
        json_object_set_new(all, group_name(g),
                            json_pack("{s:I, s:I}", "kept", (json_int_t)by_group[g].kept, "broken",
                                      (json_int_t)by_group[g].broken));
    }
    return all;
}

static json_t *longest(const struct what_if *w, enum order o)
{
    const struct arrival *a = &w->demand->arrivals[w->outcomes[o].longest];
    return json_pack("{s:s, s:s, s:I}", "ticket", names_text(&w->log->tickets, a->ticket),
                     "priority", group_name(a->priority - USHER_LOW), "wait_ms",
                     (json_int_t)w->outcomes[o].waits[EVERYBODY].max);
}

static json_t *one_order(const struct what_if *w, enum order o)
{
    const struct outcome *out = &w->outcomes[o];
    const struct serving *s = &w->servings[o];
    json_t *waits = json_object();
    json_t *kept = json_object();
    json_t *taken_at = json_array();
    json_t *taken = json_array();
    for (int g = GROUPS - 1; g >= 0; g--)
        json_object_set_new(waits, group_name(g), spread(&out->waits[g]));
    for (int p = 0; p < JUDGED; p++)
        json_object_set_new(kept, promise_names[p], promise(out->promises[p]));
    for (size_t i = 0; i < w->demand->n; i++) {
        json_array_append_new(taken_at, json_integer((json_int_t)s->served[i].taken_at));
        json_array_append_new(taken, json_integer((json_int_t)s->taken[i]));
    }
    return json_pack("{s:o, s:o, s:o, s:{s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
                     "wait_ms", waits, "kept", kept, "longest", longest(w, o), "passed_over",
                     "people", (json_int_t)out->passed_people, "times",
                     (json_int_t)out->passed_times, "most", (json_int_t)out->passed_most,
                     "waited_ms", (json_int_t)out->waited_ms, "waiting_most",
                     (json_int_t)s->waiting_most, "touched_ms", (json_int_t)s->touched_ms,
                     "done_at", (json_int_t)s->done_at, "lifted", (json_int_t)s->lifted, "taken_at",
                     taken_at, "taken", taken);
}

/* Every figure in which usher's line is worse than the other. */
static json_t *worse(const struct what_if *w, enum order than)
{
    json_t *all = json_array();
    for (int g = GROUPS - 1; g >= 0; g--) {
        for (int m = 0; m < MEASURES; m++) {
            int64_t mine;
            int64_t other;
            if (is_worse(w, than, (enum measure)m, g, &mine, &other)) {
                json_array_append_new(all,
                                      json_pack("{s:s, s:s, s:I, s:I}", "who", group_name(g),
                                                "what", measure_names[m], "usher", (json_int_t)mine,
                                                order_key(than), (json_int_t)other));
            }
        }
    }
    return all;
}

static json_t *tickets(const struct what_if *w)
{
    json_t *all = json_array();
    for (size_t i = 0; i < w->demand->n; i++) {
        const struct arrival *a = &w->demand->arrivals[i];
        json_array_append_new(all, json_pack("{s:s, s:s, s:I, s:I, s:b}", "ticket",
                                             names_text(&w->log->tickets, a->ticket), "priority",
                                             group_name(a->priority - USHER_LOW), "at",
                                             (json_int_t)a->at, "touch_ms", (json_int_t)a->touch_ms,
                                             "guessed", (int)a->guessed));
    }
    return all;
}

static json_t *shares(const struct question *q)
{
    json_t *all = json_object();
    for (int p = QUESTION_BANDS - 1; p >= 0; p--) {
        if (q->shares[p] != SHARE_AS_POLICY) {
            json_object_set_new(all, group_name(p),
                                q->shares[p] == SHARE_FIRST ? json_string("first")
                                                            : json_integer(q->shares[p]));
        }
    }
    return all;
}

int what_if_json(FILE *out, const struct what_if *w)
{
    const struct demand *d = w->demand;
    json_t *definitions = json_object();
    const char *key;
    const char *text;
    for (size_t i = 0; (text = definition(i, &key)) != NULL; i++)
        json_object_set_new(definitions, key, json_string(text));
    json_t *what_if = json_object();
    json_object_set_new(what_if, "agents", json_integer(w->question->agents));
    json_object_set_new(what_if, "shares", shares(w->question));
    json_object_set_new(what_if, "definitions", definitions);
    json_object_set_new(what_if, "touch",
                        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "sum_ms",
                                  (json_int_t)d->touch_ms, "shown_ms", (json_int_t)d->shown_ms,
                                  "guessed", (json_int_t)d->guessed, "cut_off",
                                  (json_int_t)d->cut_off, "gave_up", (json_int_t)d->gave_up,
                                  "in_hands_most", (json_int_t)d->in_hands_most));
    for (int o = 0; o < ORDERS; o++)
        json_object_set_new(what_if, order_key((enum order)o), one_order(w, (enum order)o));
    json_t *worse_than = json_object();
    for (int o = ORDER_USHER + 1; o < ORDERS; o++)
        json_object_set_new(worse_than, order_key((enum order)o), worse(w, (enum order)o));
    json_object_set_new(what_if, "usher_is_worse_than", worse_than);
    json_object_set_new(what_if, "tickets", tickets(w));
    json_t *root = json_pack("{s:s, s:s, s:o}", "log", w->log_name, "policy", w->policy_name,
                             "what_if", what_if);
    int status = json_dumpf(root, out, JSON_INDENT(1));
    json_decref(root);
    return status != 0 || fputc('\n', out) == EOF ? -1 : 0;
}
