/* The commands, through the public API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"
#include "probe_rows.h"

enum { VERBS = 128 };

/* ---- who and where ---------------------------------------------------------------------------- */

static usher_queue_t *queue(const char *queue_name)
{
    usher_queue_t *q = NULL;

    return queue_name && usher_queue(probe.u, &q, queue_name) == USHER_OK ? q : NULL;
}

static usher_agent_t *known_agent(const char *agent_name)
{
    for (size_t i = 0; i < probe.agents_n; i++) {
        if (strcmp(usher_agent_name(probe.agents[i]), agent_name) == 0)
            return probe.agents[i];
    }
    return NULL;
}

/* usher_agent() sets the skills and brings back who has gone: it is called for new names, and where
 * that is asked. */
static int meet(const char *agent_name, const struct list *skills)
{
    usher_agent_t *a;
    int r = usher_agent(probe.u, &a, agent_name, skills->item, skills->n);

    if (r == USHER_OK && !known_agent(agent_name)) {
        probe.agents = grown(probe.agents, probe.agents_n + 1, sizeof *probe.agents);
        probe.agents[probe.agents_n++] = a;
    }
    return r;
}

static usher_agent_t *agent(const char *agent_name)
{
    struct list none = {{NULL}, 0};

    if (!known_agent(agent_name))
        meet(agent_name, &none);
    return known_agent(agent_name);
}

static void fill_request(usher_request *r, struct list *needs, const struct args *a)
{
    split(needs, arg(a, "needs"));
    *r = (usher_request){
        .size = sizeof *r,
        .requester = arg(a, "who"),
        .body = text(a, "body"),
        .symptom = arg(a, "symptom"),
        .dedup_key = arg(a, "key"),
        .ref = arg(a, "ref"),
        .needs = needs->item,
        .needs_n = needs->n,
        .priority = (int32_t)num(a, "priority"),
        .start_at = num(a, "start"),
        .op = op(a),
        .follows = (usher_id)num(a, "follows"),
    };
}

/* ---- requests and claims ---------------------------------------------------------------------- */

static usher_done_cb callback(const struct args *a)
{
    return num(a, "mute") ? NULL : on_done;
}

static int do_enqueue(const char *queue_name, const struct args *a)
{
    usher_request r;
    struct list needs;

    fill_request(&r, &needs, a);
    return usher_enqueue(queue(queue_name), &r, callback(a), NULL);
}

/* The fields of several requests, with semicolons between them. */
static int do_many(const char *queue_name, char *rest)
{
    static usher_request r[MANY_MAX];
    static struct list needs[MANY_MAX];
    size_t n = 0;

    while (rest && n < MANY_MAX) {
        struct args a = {.n = 0};
        char *next = strchr(rest, ';');
        if (next)
            *next++ = '\0';
        take_all(&a, rest);
        fill_request(&r[n], &needs[n], &a);
        n++;
        rest = next;
    }
    return usher_enqueue_many(queue(queue_name), r, n, on_done, NULL);
}

static int do_claim(const char *agent_name, const struct args *a)
{
    usher_queue_t *queues[LIST_MAX];
    struct list names;
    usher_claim_args c = {.size = sizeof c, .queues = queues};

    split(&names, arg(a, "queues"));
    for (uint32_t i = 0; i < names.n; i++)
        queues[i] = queue(names.item[i]);
    c.queues_n = names.n;
    c.n = (uint32_t)num(a, "n");
    c.wait_ms = num(a, "wait");
    c.op = op(a);
    return usher_claim_many(agent(agent_name), &c, on_work, (void *)(intptr_t)num(a, "tag"));
}

static int do_claim_ticket(const char *agent_name, const struct args *a)
{
    usher_op o = op(a);

    return usher_claim_ticket(agent(agent_name), (usher_id)num(a, "ticket"), &o, on_work, NULL);
}

static int verb(const char *word)
{
    for (int v = 1; word && v < VERBS; v++) {
        if (strcmp(usher_name(USHER_NAME_VERB, v), word) == 0)
            return v;
    }
    return VERBS;
}

/* ---- commands on a ticket --------------------------------------------------------------------- */

static usher_command command(const struct args *a)
{
    return (usher_command){
        .size = sizeof(usher_command),
        .verb = verb(arg(a, "verb")),
        .kind = (int32_t)num(a, "kind"),
        .claim = {(usher_id)num(a, "ticket"), (uint64_t)num(a, "token")},
        .text = text(a, "text"),
        .at = num(a, "at"),
        .ms = num(a, "ms"),
        .queue = queue(arg(a, "queue")),
        .who = arg(a, "who"),
        .op = op(a),
        .agent = arg(a, "agent") ? agent(arg(a, "agent")) : NULL,
        .other = (usher_id)num(a, "other"),
    };
}

static int do_act(const struct args *a)
{
    usher_command c = command(a);

    return usher_act(probe.u, &c, callback(a), NULL);
}

/* All of them, collected. */
static void on_collected(usher_t *u, const usher_done *d, void *user)
{
    usher_done *rows = user;

    (void)d;
    for (size_t i = 0; rows[i].size; i++)
        on_done(u, &rows[i], NULL);
}

/* Several, with semicolons between them, as one call. */
static int do_acts(char *rest)
{
    static usher_command c[MANY_MAX];
    static usher_done rows[MANY_MAX + 1];
    static usher_collected collected;
    size_t n = 0;
    int r;

    memset(rows, 0, sizeof rows);
    while (rest && n < MANY_MAX) {
        struct args a = {.n = 0};
        char *next = strchr(rest, ';');
        if (next)
            *next++ = '\0';
        take_all(&a, rest);
        c[n++] = command(&a);
        rest = next;
    }
    collected = (usher_collected){.size = sizeof collected,
                                  .rows = rows,
                                  .row_size = sizeof rows[0],
                                  .n = n,
                                  .cb = on_collected,
                                  .user = rows};
    r = usher_act_many(probe.u, c, n, usher_collect, &collected);
    if (r > 0)
        collected.n = (uint64_t)r;
    return r > 0 ? USHER_OK : r;
}

/* ---- queues, events, upkeep ------------------------------------------------------------------- */

static int do_define(const char *queue_name, const char *policy)
{
    char err[256];
    int r = usher_define(queue(queue_name), policy, err, sizeof err, on_done, NULL);

    if (r == USHER_EPOLICY)
        fprintf(stderr, "probe: %s\n", err);
    return r;
}

static int do_what_if(const char *queue_name, const char *policy)
{
    usher_query q = {.size = sizeof q, .what = USHER_READ_WHAT_IF, .limit = USHER_ROWS_MAX};

    q.queue = queue(queue_name);
    q.policy = policy && policy[0] ? policy : NULL;
    return usher_read(probe.u, &q, on_page, NULL);
}

static int do_why(const struct args *a)
{
    usher_query q = {.size = sizeof q, .what = USHER_READ_WHY_DUE, .limit = USHER_ROWS_MAX};

    q.ticket = (usher_id)num(a, "ticket");
    q.promise = (int32_t)num(a, "promise");
    return usher_read(probe.u, &q, on_page, NULL);
}

/* figures, agents, symptoms, tickets, history. */
static int do_read(int what, const struct args *a)
{
    usher_query q = {.size = sizeof q, .what = what, .limit = USHER_ROWS_MAX};

    q.queue = arg(a, "queue") ? queue(arg(a, "queue")) : NULL;
    q.agent = arg(a, "agent");
    q.symptom = arg(a, "symptom");
    q.linked = (usher_id)num(a, "linked");
    q.ticket = (usher_id)num(a, "ticket");
    q.from_at = num(a, "from");
    q.to_at = num(a, "to");
    return usher_read(probe.u, &q, on_page, what == USHER_READ_TICKETS ? &probe : NULL);
}

/* By a ref: its id, as what is found is told. */
static int do_ref(const char *queue_name, const struct args *a)
{
    usher_standing s = {.size = sizeof s};
    int r = usher_peek_ref(queue(queue_name), arg(a, "ref"), &s);

    if (r == USHER_OK)
        printf("i ids=%llu\n", (unsigned long long)s.ticket);
    return r;
}

/* Names of subscriptions are single letters, which stand for as long as the probe does. */
static void *subscriber(const char *first)
{
    static char letters[] = "12";

    return strchr(letters, first[0]);
}

static int do_subscription(const char *what, const char *first, const struct args *a)
{
    char name[2] = {first[0], '\0'};

    if (strcmp(what, "subscribe") == 0)
        return usher_subscribe(probe.u, name, (uint64_t)num(a, "from"), on_named_event,
                               subscriber(first));
    if (strcmp(what, "unsubscribe") == 0)
        return usher_unsubscribe(probe.u, on_named_event, subscriber(first));
    return usher_event_done(probe.u, name,
                            num(a, "seq") == USHER_NEVER ? UINT64_MAX : (uint64_t)num(a, "seq"));
}

static int do_purge(const struct args *a)
{
    return usher_purge(probe.u, num(a, "before"), arg(a, "who"), on_done, NULL);
}

static const struct {
    const char *word;
    int what;
} reads[] = {{"figures", USHER_READ_FIGURES},
             {"agents", USHER_READ_AGENTS},
             {"symptoms", USHER_READ_SYMPTOMS},
             {"tickets", USHER_READ_TICKETS},
             {"history", USHER_READ_HISTORY}};

int perform(const char *what, const char *first, char *rest, const struct args *a)
{
    int64_t n = first ? strtoll(first, NULL, 10) : 0;
    struct list names;

    if (strcmp(what, "act") == 0)
        return do_act(a);
    if (strcmp(what, "enqueue") == 0)
        return do_enqueue(first, a);
    if (strcmp(what, "many") == 0)
        return do_many(first, rest);
    if (strcmp(what, "acts") == 0)
        return do_acts(rest);
    if (strcmp(what, "claim") == 0)
        return do_claim(first, a);
    if (strcmp(what, "claim_ticket") == 0)
        return do_claim_ticket(first, a);
    if (strcmp(what, "cancel") == 0)
        return usher_claim_cancel(agent(first), (void *)(intptr_t)num(a, "tag"));
    if (strcmp(what, "queue") == 0)
        return queue(first) ? USHER_OK : USHER_ELIMIT;
    if (strcmp(what, "define") == 0)
        return do_define(first, rest);
    if (strcmp(what, "apply") == 0)
        return usher_apply(queue(first), on_done, NULL);
    if (strcmp(what, "what_if") == 0)
        return do_what_if(first, rest);
    if (strcmp(what, "why") == 0)
        return do_why(a);
    if (strcmp(what, "look") == 0) {
        split(&names, arg(a, "queues"));
        describe_queues(&names);
        touch_all();
        return USHER_OK;
    }
    if (strcmp(what, "ref") == 0)
        return do_ref(first, a);
    if (is_one_of(what, "subscribe unsubscribe event_done"))
        return do_subscription(what, first, a);
    if (strcmp(what, "purge") == 0)
        return do_purge(a);
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        if (strcmp(what, reads[i].word) == 0)
            return do_read(reads[i].what, a);
    }
    if (strcmp(what, "hold") == 0)
        return usher_queue_hold(queue(first), (uint32_t)strtoul(rest, NULL, 10), on_done, NULL);
    if (strcmp(what, "agent") == 0) {
        split(&names, arg(a, "skills"));
        return meet(first, &names);
    }
    if (strcmp(what, "gone") == 0)
        return usher_agent_gone(agent(first), on_done, NULL);
    if (strcmp(what, "advance") == 0)
        return usher_advance(probe.u, n);
    if (strcmp(what, "skip") == 0)
        return usher_manual_clock_skip(probe.clock, n);
    if (strcmp(what, "step") == 0)
        return usher_manual_clock_step(probe.clock, n);
    if (probe.store && strcmp(what, "reopen") == 0)
        return reopen();
    if (probe.store && strcmp(what, "crash") == 0)
        return crash();
    if (probe.store && strcmp(what, "restore") == 0)
        return restore();
    if (probe.store && strcmp(what, "fault") == 0)
        return fault(rest);
    fprintf(stderr, "probe: no such command: %s\n", what);
    exit(2);
}
