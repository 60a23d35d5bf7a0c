/* Requests and claims, drawn; and what must come of them. */
#include "run.h"

#include <inttypes.h>
#include <string.h>

/* ---- requests -------------------------------------------------------------------------------- */

static uint32_t needs_of(usher_request *r, const char *names[SKILLS])
{
    uint32_t bits = one_in(4) ? below(1 << SKILLS) : 0;

    r->needs = names;
    for (uint32_t i = 0; i < SKILLS; i++) {
        if ((bits & 1u << i) != 0)
            names[r->needs_n++] = skills[i];
    }
    return bits;
}

/* Whether an enqueue with this key must join; -1: that depends. */
static int must_join(uint32_t queue, uint32_t key)
{
    int joins = 0;

    for (uint32_t id = 1; id <= run.watch.tickets_n; id++) {
        const struct seen *t = &run.watch.ticket[id];

        if (key == 0 || t->key != key)
            continue;
        if (t->odd)
            return -1;
        if (t->queue == queue && t->state < USHER_RESOLVED)
            joins = 1;
    }
    return joins;
}

static void check_refusal(uint32_t queue, int joins, int err, uint32_t n)
{
    struct seen_queue *q = &run.watch.queue[queue];
    uint32_t open = watch_open(&run.watch, queue), limit = q->rules[q->version - 1].open;
    bool full = open + n > limit && (q->hold & USHER_HOLD_ENQUEUE) == 0 && joins == 0;

    if (err == USHER_EFULL) {
        if (open + n <= limit)
            wrong("full with %u of %u", open, limit);
        q->refused = true;
        q->was_full = q->was_full || open >= limit;
    } else if (full && n == 1) {
        wrong("not full with %u of %u", open, limit);
    }
}

void do_enqueue(usher_request *r, uint32_t queue, uint32_t key, uint32_t needs, int attempt)
{
    struct seen_queue *q = &run.watch.queue[queue];
    struct call *c = new_call(true);
    int joins = must_join(queue, key), err;

    say("enqueue %s who=%s priority=%d start=%" PRId64 " key=%s symptom=%s follows=%" PRIu64
        " needs=%u op=%" PRIu64,
        queues[queue], r->requester, r->priority, r->start_at, key == 0 ? "" : keys[key],
        r->symptom == NULL ? "" : r->symptom, r->follows, needs, r->op.lo);
    run.watch.pending_key = key;
    run.watch.pending_needs = needs;
    run.watch.pending_ref = r->ref == NULL ? 0 : (uint32_t)(r->ref[1] - '0') + 1;
    run.watch.pending_symptom = r->symptom == NULL ? 0 : (uint32_t)(r->symptom[1] - '0');
    run.watch.pending_follows = r->follows;
    c->remember = attempt;
    if (joins == 0)
        c->expected = (q->hold & USHER_HOLD_ENQUEUE) != 0 ? USHER_ESTATE : USHER_OK;
    else if (joins == 1)
        c->expected = USHER_OK;
    err = usher_enqueue(q->q, r, on_done, c);
    returned(c, err, 1);
    check_refusal(queue, joins, err, 1);
    drain();
    if (attempt >= 0 && c->times > 0)
        run.attempts[attempt].at = usher_now(run.u);
}

void draw_enqueue(void)
{
    const char *names[SKILLS];
    usher_request r = { .size = sizeof r, .requester = persons[below(INSIDER)],
                        .priority = (int32_t)below(5), .body = { "body", one_in(2) ? 4 : 0 } };
    uint32_t queue = below(run.watch.queues_n), key = below(run.keys_n);
    uint32_t needs = needs_of(&r, names);
    struct attempt *a = NULL;

    if (run.watch.tickets_n + 2 >= TICKETS_MAX)
        return;
    drain_first();
    r.dedup_key = keys[key];
    r.symptom = one_in(4) ? NULL : symptoms[below(run.symptoms_n + 1)];
    if (one_in(8) && run.watch.tickets_n > 0)
        r.follows = 1 + below(run.watch.tickets_n);
    r.ref = one_in(3) ? refs[below(REFS)] : NULL;
    if (one_in(3))
        r.start_at = usher_now(run.u) + draw_duration(&run.dice);
    if (one_in(5) && run.attempts_n < OPS_MAX && needs == 0) { /* its strings must live on */
        a = new_attempt(ENQUEUE);
        r.op = a->op;
        r.needs = NULL;
        a->request = r;
        a->queue = queue;
        a->agent = key;
    }
    do_enqueue(&r, queue, key, needs, a == NULL ? -1 : (int)(a - run.attempts));
}

void draw_many(void)
{
    usher_request r[4];
    uint32_t n = 1 + below(4), queue = below(run.watch.queues_n);
    uint32_t symptom = below(run.symptoms_n + 1);
    struct seen_queue *q = &run.watch.queue[queue];
    struct call *c;
    int err;

    if (run.watch.tickets_n + 2 * n >= TICKETS_MAX)
        return;
    drain_first();
    for (uint32_t i = 0; i < n; i++)
        r[i] = (usher_request){ .size = sizeof r[i], .requester = persons[below(INSIDER)],
                                .priority = (int32_t)below(5),
                                .symptom = symptoms[symptom] };
    run.watch.pending_key = run.watch.pending_needs = run.watch.pending_ref = 0;
    run.watch.pending_symptom = symptom;
    run.watch.pending_follows = 0;
    c = new_call(true);
    c->expected = (q->hold & USHER_HOLD_ENQUEUE) != 0 ? USHER_ESTATE : USHER_OK;
    say("many %s n=%u", queues[queue], n);
    err = usher_enqueue_many(q->q, r, n, on_done, c);
    returned(c, err, n);
    check_refusal(queue, 0, err, n);
    drain();
}
/* ---- claims ---------------------------------------------------------------------------------- */

/* 0: not for this agent now; 255: kept for it or offered to it; else the larger, the earlier its
 * queue is named. */
static uint8_t fit(const struct seen *t, uint32_t agent, const uint32_t *named, uint32_t n)
{
    uint32_t queue = t->offer == USHER_TO_QUEUE ? (uint32_t)t->offer_to : t->queue;
    bool held = (run.watch.queue[queue].hold & USHER_HOLD_CLAIMS) != 0;

    if (t->offer == USHER_TO_AGENT) /* whatever queues it names */
        return t->offer_to == (int)agent && !held ? 255 : 0;
    for (uint32_t i = 0; i < n; i++) {
        if (named[i] != queue)
            continue;
        if ((t->state != USHER_WAITING && t->offer == 0) ||
            (t->needs & ~run.watch.skills[agent]) != 0 || held)
            return 0;
        if (t->kept_for >= 0)
            return t->kept_for == (int)agent ? 255 : 0;
        return (uint8_t)(100 - i);
    }
    return 0;
}

void check_parked(void)
{
    for (uint32_t k = 0; k < run.calls_n; k++) {
        const struct call *c = &run.calls[k];
        uint32_t named[QUEUES], n = 0;

        for (uint32_t i = 0; i < QUEUES; i++) {
            if ((c->queues & 1u << i) != 0)
                named[n++] = i;
        }
        for (usher_id id = 1; is_parked(c) && id <= run.watch.tickets_n; id++) {
            if (fit(&run.watch.ticket[id], c->agent, named, n) != 0)
                wrong("ticket %" PRIu64 " is there, and call %u waits", id, c->number);
        }
    }
}

/* How many tickets the claim could get. */
static uint32_t look_ahead(struct call *c, uint32_t agent, const uint32_t *named, uint32_t n)
{
    uint32_t found = 0;

    run.claim_call = c;
    for (usher_id id = 1; id <= run.watch.tickets_n; id++) {
        run.fits[id] = fit(&run.watch.ticket[id], agent, named, n);
        found += run.fits[id] != 0;
    }
    return found;
}

struct call *do_claim(uint32_t agent, uint32_t first, uint32_t n, uint32_t wants, int64_t wait_ms,
                      struct attempt *a)
{
    usher_claim_args args = { .size = sizeof args, .queues_n = n, .n = wants, .wait_ms = wait_ms };
    usher_queue_t *local[QUEUES], **list = a == NULL ? local : a->queues;
    struct call *c = new_call(false);
    uint32_t named[QUEUES], found;
    bool sure = run.drained;
    int err;

    for (uint32_t i = 0; i < n; i++) {
        named[i] = (first + i) % run.watch.queues_n;
        list[i] = run.watch.queue[named[i]].q;
        c->queues |= 1u << named[i];
    }
    args.queues = list;
    c->claims = true;
    c->agent = agent;
    c->n = wants;
    c->wait_ms = wait_ms;
    found = sure ? look_ahead(c, agent, named, n) : 0;
    if (a != NULL) {
        args.op = a->op;
        a->claim = args;
        a->agent = agent;
        c->remember = (int)(a - run.attempts);
    }
    say("claim %s queue=%s.. of %u n=%u wait=%" PRId64 " op=%" PRIu64, agents[agent], queues[first],
        n, wants, wait_ms, args.op.lo);
    if (sure && found > 0)
        c->expected = USHER_OK;
    else if (sure && wait_ms == 0)
        c->expected = USHER_ETIMEDOUT;
    else
        run.claim_call = NULL;
    err = usher_claim_many(run.watch.agent[agent], &args, on_work, c);
    returned(c, err, 1);
    if ((err == USHER_OK) == run.watch.gone[agent])
        wrong("a claim by an agent that has gone, or not");
    drain();
    if (sure && err == USHER_OK && (found > 0 || wait_ms == 0) && c->told == 0)
        wrong("a claim that could be answered was not");
    run.claim_call = NULL;
    return c;
}

void draw_claim(void)
{
    uint32_t agent = below(AGENTS), wants = 1 + below(3);
    struct attempt *a = one_in(6) && run.attempts_n < OPS_MAX ? new_attempt(CLAIM) : NULL;
    uint32_t n = 1 + below(run.watch.queues_n), first = below(run.watch.queues_n);
    int64_t wait_ms = one_in(2) ? 0 : one_in(4) ? USHER_NEVER : draw_duration(&run.dice);

    do_claim(agent, first, n, wants, wait_ms, a);
}

/* Out of turn. */
static bool can_claim(const struct seen *t, uint32_t agent)
{
    uint32_t queue = t->offer == USHER_TO_QUEUE ? (uint32_t)t->offer_to : t->queue;

    if ((run.watch.queue[queue].hold & USHER_HOLD_CLAIMS) != 0)
        return false;
    if (t->state == USHER_OFFERED)
        return t->offer == USHER_TO_QUEUE || t->offer_to == (int)agent;
    return t->state == USHER_WAITING || t->state == USHER_PAUSED || t->state == USHER_STUCK;
}

void draw_claim_ticket(void)
{
    uint32_t agent = below(AGENTS);
    usher_id id = draw_ticket();
    const struct seen *t = watch_ticket(&run.watch, id);
    struct attempt *a = one_in(6) && run.attempts_n < OPS_MAX ? new_attempt(CLAIM_TICKET) : NULL;
    struct call *c = new_call(false);
    usher_standing s = USHER_INIT(usher_standing);
    int err;

    say("claim_ticket %s ticket=%" PRIu64, agents[agent], id);
    if (a != NULL) {
        a->command.claim.ticket = id;
        a->agent = agent;
        c->remember = (int)(a - run.attempts);
    }
    c->agent = agent;
    if (run.drained && usher_peek(run.u, id, &s) != USHER_OK)
        c->expected = run.watch.stored && t != NULL ? ANY : USHER_ENOENT;
    else if (run.drained && t != NULL)
        c->expected = can_claim(t, agent) ? USHER_OK : USHER_ESTATE;
    run.watch.out_of_turn = c->expected == USHER_OK && !run.watch.gone[agent] ? id : 0;
    err = usher_claim_ticket(run.watch.agent[agent], id, a == NULL ? NULL : &a->op, on_work, c);
    returned(c, err, 1);
}

void draw_cancel(void)
{
    struct call *c = &run.calls[below(run.calls_n + 1)];
    bool waits;
    int err;

    drain_first();
    for (uint32_t i = 0; i < run.calls_n && !one_in(8); i++) { /* mostly one that waits */
        if (is_parked(&run.calls[i]))
            c = &run.calls[i];
    }
    waits = c < run.calls + run.calls_n && is_parked(c);
    say("cancel call %u", c->number);
    err = usher_claim_cancel(run.watch.agent[c->agent], c);
    say(" -> %s", usher_err_name(err));
    if ((err == USHER_OK) != waits)
        wrong("canceled, or not");
    c->expected = waits ? USHER_ECANCELED : c->expected;
    drain();
    if (waits && c->told == 0)
        wrong("a claim that was canceled is not told");
}
