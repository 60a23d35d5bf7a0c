/* Serves a demand by N agents.
 *
 * At each instant first those agents who are ready get free, then all who come join the line, then
 * free agents take somebody as long as there is anybody: an agent is never idle while one waits. */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>

#include "array.h"

struct agent {
    usher_agent_t *handle;
    usher_claim claim;
    uint32_t arrival;
    int64_t until_at; /* USHER_NEVER: free */
};

struct desk { /* everything behind one of the orders */
    const struct serve_what *what;
    struct serving *out;
    struct fault *fault;
    enum order order;
    usher_t *u;
    usher_manual_clock_t *clock;
    usher_queue_t *line;
    struct agent *agents;
    usher_id *ids;                  /* of the arrivals, ascending */
    bool *gone;                     /* [arrivals]: not in the line any more */
    bool *lifted;                   /* ... by the policy's ladder */
    size_t come;                    /* arrivals so far */
    size_t heads[USHER_URGENT + 1]; /* by priority: nobody before it waits */
    int64_t now;
    int status;
    usher_claim claim;
};

static int fail(struct desk *d, const char *what, int status)
{
    return fault_set(d->fault, "--what-if: %s: %s", what, usher_strerror(status));
}

static void on_done(usher_t *u, const usher_done *done, void *user)
{
    (void)u;
    struct desk *d = user;
    d->status = done->status;
    d->claim.ticket = done->ticket;
}

static void on_work(usher_agent_t *agent, int status, const usher_work *w, size_t n, void *user)
{
    (void)agent;
    struct desk *d = user;
    d->status = status;
    if (status == USHER_OK && n > 0)
        d->claim = w[0].claim;
}

static size_t arrival_of(const struct desk *d, usher_id ticket)
{
    size_t from = 0;
    size_t to = d->come;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (d->ids[mid] < ticket)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static void on_event(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    struct desk *d = user;
    if (e->kind != USHER_EV_STEPPED && e->kind != USHER_EV_WARNED)
        return;
    size_t i = arrival_of(d, e->ticket);
    if (i == d->come || d->lifted[i] || e->priority <= d->what->demand->arrivals[i].priority)
        return;
    d->lifted[i] = true;
    d->out->lifted++;
}

/* Runs what was accepted; the clock stays where it is. */
static int settle(struct desk *d, int accepted)
{
    int r = accepted == USHER_OK ? usher_advance(d->u, d->now) : accepted;
    return r == USHER_OK ? d->status : r;
}

/* ---- whom to take ---------------------------------------------------------------------------- */

/* Who of that priority has waited longest; come: nobody waits. */
static size_t eldest(struct desk *d, int32_t priority)
{
    size_t *head = &d->heads[priority];
    while (*head < d->come &&
           (d->gone[*head] || d->what->demand->arrivals[*head].priority != priority))
        ++*head;
    return *head;
}

static size_t choose(struct desk *d)
{
    size_t best = d->come;
    for (int32_t p = USHER_URGENT; p >= USHER_LOW; p--) {
        size_t i = eldest(d, p);
        if (i < best)
            best = i;
        if (d->order == ORDER_STRICT && best < d->come)
            break;
    }
    return best;
}

/* A free agent takes whom the order says. */
static int take(struct desk *d, struct agent *a)
{
    d->status = USHER_OK;
    int accepted = d->order == ORDER_USHER
                       ? usher_claim_next(a->handle, d->line, 0, on_work, d)
                       : usher_claim_ticket(a->handle, d->ids[choose(d)], NULL, on_work, d);
    int status = settle(d, accepted);
    if (status != USHER_OK)
        return fail(d, "claim", status);
    a->claim = d->claim;
    status = settle(d, usher_acknowledge(d->u, &a->claim, NULL, on_done, d));
    if (status != USHER_OK)
        return fail(d, "acknowledge", status);
    size_t i = arrival_of(d, a->claim.ticket);
    const struct arrival *who = &d->what->demand->arrivals[i];
    a->arrival = (uint32_t)i;
    a->until_at = d->now + who->touch_ms;
    d->gone[i] = true;
    d->out->served[i].taken_at = d->now;
    d->out->taken[d->out->taken_n++] = a->arrival;
    int64_t last_at = d->what->demand->arrivals[d->what->demand->n - 1].at;
    int64_t until_at = a->until_at < last_at ? a->until_at : last_at;
    d->out->touched_ms += until_at > d->now ? until_at - d->now : 0;
    return 0;
}

/* ---- one instant after the other ------------------------------------------------------------- */

static int finish(struct desk *d, struct agent *a)
{
    static const int promises[JUDGED] = {USHER_PROMISE_ACK, USHER_PROMISE_RESOLVE};
    int status = settle(d, usher_resolve(d->u, &a->claim, USHER_AS_FIX, NULL, on_done, d));
    if (status != USHER_OK)
        return fail(d, "resolve", status);
    usher_standing s = USHER_INIT(usher_standing);
    status = usher_peek(d->u, a->claim.ticket, &s);
    if (status != USHER_OK)
        return fail(d, "peek", status);
    for (int i = 0; i < JUDGED; i++) {
        int32_t state = s.promises[promises[i] - 1].state;
        bool judged = state == USHER_KEPT || state == USHER_BROKEN;
        d->out->served[a->arrival].verdicts[i] = judged ? state : 0;
    }
    a->until_at = USHER_NEVER;
    d->out->done_at = d->now;
    return 0;
}

static int come(struct desk *d)
{
    const struct arrival *who = &d->what->demand->arrivals[d->come];
    uint32_t requester = d->what->timeline->stories[who->ticket].requester;
    usher_request r = USHER_INIT(usher_request);
    r.requester = requester ? names_text(&d->what->log->requesters, requester)
                            : names_text(&d->what->log->tickets, who->ticket);
    r.priority = who->priority;
    int status = settle(d, usher_enqueue(d->line, &r, on_done, d));
    if (status != USHER_OK)
        return fail(d, "enqueue", status);
    d->ids[d->come++] = d->claim.ticket;
    return 0;
}

/* The next instant at which somebody comes or an agent is ready. */
static int64_t next_instant(const struct desk *d)
{
    const struct demand *all = d->what->demand;
    int64_t at = d->come < all->n ? all->arrivals[d->come].at : USHER_NEVER;
    for (uint32_t i = 0; i < d->what->agents; i++) {
        if (d->agents[i].until_at < at)
            at = d->agents[i].until_at;
    }
    return at;
}

static int run(struct desk *d)
{
    const struct demand *all = d->what->demand;
    while ((d->now = next_instant(d)) != USHER_NEVER) {
        int r = usher_advance(d->u, d->now);
        if (r != USHER_OK)
            return fail(d, "clock", r);
        for (uint32_t i = 0; i < d->what->agents; i++) {
            if (d->agents[i].until_at == d->now && finish(d, &d->agents[i]) != 0)
                return -1;
        }
        while (d->come < all->n && all->arrivals[d->come].at == d->now) {
            if (come(d) != 0)
                return -1;
        }
        for (uint32_t i = 0; i < d->what->agents && d->out->taken_n < d->come; i++) {
            if (d->agents[i].until_at == USHER_NEVER && take(d, &d->agents[i]) != 0)
                return -1;
        }
        if (d->come - d->out->taken_n > d->out->waiting_most)
            d->out->waiting_most = d->come - d->out->taken_n;
    }
    return 0;
}

/* ---- the service ----------------------------------------------------------------------------- */

static int open_desk(struct desk *d)
{
    char err[400] = "";
    usher_options o = USHER_INIT(usher_options);
    d->now = d->what->demand->arrivals[0].at;
    int r = usher_manual_clock_new(&d->clock, d->now);
    if (r != USHER_OK)
        return fail(d, "clock", r);
    o.clock = usher_manual_clock_get(d->clock);
    o.history_bytes = 1;
    r = usher_open(&d->u, NULL, "memory:", &o, NULL, NULL);
    if (r == USHER_OK)
        r = usher_queue(d->u, &d->line, "line");
    if (r == USHER_OK)
        r = usher_define(d->line, d->what->policy, err, sizeof err, NULL, NULL);
    if (r == USHER_OK)
        r = usher_subscribe(d->u, NULL, 0, on_event, d);
    if (r == USHER_OK)
        r = usher_advance(d->u, d->now);
    if (r != USHER_OK)
        return fault_set(d->fault, "%s", err[0] ? err : usher_strerror(r));
    for (uint32_t i = 0; i < d->what->agents; i++) {
        char name[32];
        snprintf(name, sizeof name, "agent %u", (unsigned)i + 1);
        d->agents[i].until_at = USHER_NEVER;
        r = usher_agent(d->u, &d->agents[i].handle, name, NULL, 0);
        if (r != USHER_OK)
            return fail(d, name, r);
    }
    return 0;
}

static void on_closed(void *user)
{
    *(bool *)user = true;
}

static void close_desk(struct desk *d)
{
    bool closed = false;
    if (d->u && usher_close(d->u, on_closed, &closed) == USHER_OK) {
        while (!closed)
            usher_turn(d->u);
    }
    usher_manual_clock_free(d->clock);
    free(d->agents);
    free(d->ids);
    free(d->gone);
    free(d->lifted);
}

int serve(struct serving *out, const struct serve_what *what, enum order order, struct fault *f)
{
    size_t n = what->demand->n;
    *out = (struct serving){
        .served = array_new(n, sizeof *out->served),
        .taken = array_new(n, sizeof *out->taken),
    };
    struct desk d = {
        .what = what,
        .out = out,
        .fault = f,
        .order = order,
        .agents = array_new(what->agents, sizeof *d.agents),
        .ids = array_new(n, sizeof *d.ids),
        .gone = array_new(n, sizeof *d.gone),
        .lifted = array_new(n, sizeof *d.lifted),
    };
    int r = open_desk(&d);
    if (r == 0)
        r = run(&d);
    close_desk(&d);
    return r;
}

void serving_free(struct serving *s)
{
    free(s->served);
    free(s->taken);
    *s = (struct serving){0};
}
