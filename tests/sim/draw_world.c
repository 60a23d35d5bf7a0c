/* All else that is drawn: time, policies, agents that come and go, reading. */
#include "run.h"

#include <inttypes.h>

/* ---- time ------------------------------------------------------------------------------------ */

/* Of some promise: a pause from here on is said to be late. */
static int64_t last_tenth(void)
{
    const struct seen *t = watch_ticket(&run.watch, draw_ticket());
    int ix = (int)below(4);
    int64_t due = t == NULL ? USHER_NEVER : watch_due(t, ix);

    return due == USHER_NEVER ? due : due - t->promise[ix].target / 10;
}

static int64_t draw_instant(void)
{
    int64_t now = wall(), due = usher__service_next_due(run.u), to = now;

    if (run.grid != 0 && one_in(2))
        return now - now % run.grid + (1 + (int64_t)below(3)) * run.grid;
    switch (below(10)) {
    case 8: to = last_tenth(); break;
    case 7: /* when an op is forgotten */
        if (run.attempts_n > 0)
            to = run.attempts[below(run.attempts_n)].at + run.op_window_ms - one_in(3);
        break;
    case 0: to = due; break;
    case 1: to = due == USHER_NEVER ? due : due - 1; break;
    case 2: to = due == USHER_NEVER ? due : due + 1; break;
    case 3: to = now + (int64_t)below(5); break;
    case 4: to = now + (int64_t)below(200); break;
    case 5: to = now + (int64_t)below(5000); break;
    case 6: to = now + (int64_t)below(2 * 3600000); break;
    default: to = one_in(8) ? now + (int64_t)below(40) * 86400000 : now + 1; break;
    }
    return to < now || to > now + 100 * INT64_C(86400000) ? now + 1 : to;
}

void advance(int64_t to)
{
    run.watch.on_time = run.drained;
    if (usher_advance(run.u, to) != USHER_OK)
        wrong("usher_advance");
    run.watch.on_time = false;
    run.drained = true;
}

void draw_advance(void)
{
    int64_t to = draw_instant();

    say("advance %+" PRId64 " ms to %" PRId64, to - wall(), to);
    advance(to);
}

void draw_skip(void)
{
    int64_t to = one_in(6) ? wall() + (int64_t)below(10 * 86400) * 1000 : draw_instant(); /* asleep */

    say("skip %+" PRId64 " ms to %" PRId64, to - wall(), to);
    if (usher_manual_clock_skip(run.clock, to) != USHER_OK)
        wrong("usher_manual_clock_skip");
    run.drained = false;
}

void draw_step(void)
{
    int64_t most = one_in(6) ? 3 * INT64_C(86400000) : one_in(4) ? 3600000 : 10000;
    int64_t by = (int64_t)below((uint32_t)most);

    by = one_in(2) ? by : -by;
    say("step %" PRId64, by);
    run.watch.stepped = true;
    if (usher_manual_clock_step(run.clock, by) != USHER_OK)
        wrong("usher_manual_clock_step");
    run.drained = false;
}
/* ---- queues and agents ----------------------------------------------------------------------- */

void draw_define(void)
{
    struct seen_queue *q = &run.watch.queue[below(run.watch.queues_n)];
    struct call *c;
    char json[4000], err[200];
    int status;

    if (q->version == VERSIONS)
        return;
    drain_first();
    q->rules[q->version] = draw_rules(&run.dice, one_in(2));
    print_rules(&q->rules[q->version], json, sizeof json);
    say("define %s", usher_queue_name(q->q));
    c = new_call(true);
    c->expected = USHER_OK;
    status = usher_define(q->q, json, err, sizeof err, on_done, c);
    returned(c, status, 1);
    if (status != USHER_OK)
        wrong("%s", err);
    drain();
}

void draw_hold(void)
{
    struct seen_queue *q = &run.watch.queue[below(run.watch.queues_n)];
    uint32_t bits = one_in(2) ? 0 : below(4);
    struct call *c;

    drain_first();
    c = new_call(true);
    say("hold %s %u", usher_queue_name(q->q), bits);
    c->expected = USHER_OK;
    returned(c, usher_queue_hold(q->q, bits, on_done, c), 1);
    drain();
}

void set_agent(uint32_t i, uint32_t bits)
{
    const char *names[SKILLS];
    uint32_t n = 0;

    for (uint32_t k = 0; k < SKILLS; k++) {
        if ((bits & 1u << k) != 0)
            names[n++] = skills[k];
    }
    run.watch.skills[i] = bits;
    run.watch.gone[i] = false;
    if (usher_agent(run.u, &run.watch.agent[i], agents[i], names, n) != USHER_OK)
        wrong("usher_agent");
}

void draw_agent(void)
{
    uint32_t i = below(AGENTS);

    drain_first();
    say("agent %s", agents[i]);
    set_agent(i, below(1 << SKILLS));
    drain();
}

void draw_gone(void)
{
    uint32_t i = below(AGENTS);
    struct call *c;
    int err;

    drain_first();
    c = new_call(true);
    say("gone %s", agents[i]);
    err = usher_agent_gone(run.watch.agent[i], on_done, c);
    returned(c, err, 1);
    if (err != (run.watch.gone[i] ? USHER_ESTATE : USHER_OK))
        wrong("an agent that goes twice, or cannot go");
    run.watch.gone[i] = true;
    for (uint32_t k = 0; k < run.calls_n; k++) { /* its parked claims end */
        if (run.calls[k].agent == i && is_parked(&run.calls[k]))
            run.calls[k].expected = USHER_ECANCELED;
    }
    drain();
    for (uint32_t k = 0; k < run.calls_n; k++) {
        if (run.calls[k].agent == i && is_parked(&run.calls[k]))
            wrong("a claim of an agent that has gone is still parked");
    }
}

static const int reads[] = {
    USHER_READ_TICKETS, USHER_READ_HISTORY,  USHER_READ_WHY_DUE, USHER_READ_FIGURES,
    USHER_READ_FIGURES, USHER_READ_TICKETS,  USHER_READ_AGENTS,  USHER_READ_SYMPTOMS,
    USHER_READ_METRICS, USHER_READ_WHY_RANK,
};

/* Of what was so once: the days before yesterday, perhaps. */
static void draw_days(usher_query *q)
{
    const int64_t day = 86400000, now = usher_now(run.u);

    if (one_in(2))
        q->queue = run.watch.queue[below(run.watch.queues_n)].q;
    if (one_in(2))
        return;
    q->from_at = now - (int64_t)below(20) * day;
    q->to_at = one_in(2) ? 0 : q->from_at + (int64_t)below(20) * day;
    if (q->to_at > now)
        q->to_at = 0;
}

static bool is_of_a_ticket(int what)
{
    return what == USHER_READ_HISTORY || what == USHER_READ_WHY_DUE || what == USHER_READ_WHY_RANK;
}

void draw_read(void)
{
    usher_query q = { .size = sizeof q, .limit = 1 + below(40) };
    struct call *c = new_call(false);
    usher_standing s = USHER_INIT(usher_standing);

    q.what = reads[below(sizeof reads / sizeof reads[0])];
    if (q.what == USHER_READ_HISTORY)
        q.cursor = below(8);
    if (q.what == USHER_READ_TICKETS && one_in(2)) {
        q.linked = 1 + below(run.watch.tickets_n + 1);
        q.limit = USHER_ROWS_MAX;
    }
    /* The page is as things are when it is told: at once, where that is looked at. */
    if ((q.what != USHER_READ_TICKETS && q.what != USHER_READ_HISTORY) || q.linked != 0 ||
        store.alike)
        drain_first();
    if (q.what == USHER_READ_WHY_DUE) {
        q.limit = 1000;
        c->why = q.promise = 1 + (int32_t)below(4);
    }
    if (q.what == USHER_READ_FIGURES)
        draw_days(&q);
    if (q.what == USHER_READ_SYMPTOMS && one_in(2))
        q.symptom = symptoms[1 + below(SYMPTOMS)];
    if (q.what > USHER_READ_WHAT_IF)
        q.limit = 100;
    c->query = q;
    c->settled = run.drained;
    if (is_of_a_ticket(q.what)) {
        c->why_of = c->query.ticket = q.ticket = draw_ticket();
        if (run.drained)
            c->expected = run.watch.stored && watch_ticket(&run.watch, q.ticket) != NULL
                              ? USHER_OK
                              : usher_peek(run.u, q.ticket, &s);
    }
    say("read what=%d ticket=%" PRIu64 " linked=%" PRIu64, q.what, q.ticket, q.linked);
    returned(c, usher_read(run.u, &q, on_page, c), 1);
    if (c->settled || store.alike)
        drain();
}
