/* A random run through the public API on a manual clock, under watch.
 *
 *     random [--seed N] [--commands N]
 *
 * Services one after the other, each small and with a seed of its own: N, N + 1 ... Each enables some
 * of what there is and leaves out the rest, for a bug that one kind of command would hide shows where
 * that kind is missing. After every command the service checks itself, and watch.c checks it from
 * outside. The first failure ends the run and says how to see it again. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "watch.h"

#define BEGIN_AT INT64_C(1700000000000)

enum { CALLS_MAX = 1200, SERVICE_COMMANDS = 400, OPS_MAX = 600, WORKS_MAX = 8, ANY = 1 };

/* A call that was accepted. */
struct call {
    uint32_t number, told, times; /* times: how often its callback must run */
    bool ordered; /* commands complete in the order in which they were accepted */
    bool claims;
    int expected; /* status, or ANY */
    int repeats;  /* the op whose first result it must get; -1: none */
    int remember; /* the op that it has; -1: none */
    uint32_t agent, n;
    usher_id joined;
    usher_id why_of; /* READ_WHY_DUE: of this ticket's promise */
    int why;
    usher_command command; /* verb 0: none */
    int64_t at;            /* when it was given */
    int from;              /* the ticket's state then; 0: not known */
};

/* A command that has an op, and its first result. */
struct attempt {
    int what; /* an index of `kinds` */
    bool remembered;
    usher_op op;
    usher_request request;
    usher_command command;
    usher_claim_args claim;
    usher_queue_t *queues[QUEUES];
    uint32_t queue, agent;
    int64_t at;
    uint32_t place; /* the how-manieth that was remembered */
    usher_done done;
    usher_work work[WORKS_MAX];
    size_t work_n;
};

static struct run {
    struct dice dice;
    struct watch watch;
    usher_t *u;
    usher_manual_clock_t *clock;
    uint64_t seed, commands;
    uint32_t command; /* of this service */
    char text[600];   /* it */
    bool drained;     /* all that happened has been told */
    bool nested;      /* callbacks call, too */
    bool closed;
    struct call calls[CALLS_MAX];
    uint32_t calls_n, last_told, keys_n, keep_closed, op_window_n, remembered_n;
    int64_t op_window_ms;
    struct attempt attempts[OPS_MAX];
    uint32_t attempts_n;
    uint32_t weight[16];
    struct call *claim_call; /* whom `fits` is for */
    uint8_t fits[TICKETS_MAX + 1];
    uint64_t told[4]; /* for the summary: events, completions, claims, services */
} run;

static const char *const persons[PERSONS] = { "p0", "p1", "p2", "p3", "p4", "p5" };
static const char *const agents[AGENTS] = { "a0", "a1", "a2", "a3", "a4" };
static const char *const skills[SKILLS] = { "s0", "s1", "s2" };
static const char *const keys[KEYS] = { NULL, "k1", "k2", "k3" };
static const char *const refs[REFS] = { "r0", "r1" };
static const char *const queues[QUEUES] = { "q0", "q1", "q2" };

static uint32_t below(uint32_t n)
{
    return dice_below(&run.dice, n);
}

static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    size_t len = strlen(run.text);
    va_list args;

    va_start(args, format);
    vsnprintf(run.text + len, sizeof run.text - len, format, args);
    va_end(args);
}

#define wrong(...) watch_wrong(&run.watch, __VA_ARGS__)

/* ---- callbacks ------------------------------------------------------------------------------------ */

static void on_event(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    (void)user;
    run.told[0]++;
    watch_event(&run.watch, e);
}

static void on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user)
{
    (void)u;
    (void)ticket;
    (void)verb;
    (void)user;
    if (status == USHER_OK)
        wrong("on_lost for what was done");
}

/* A callback may call anything. */
static void call_from_inside(void)
{
    usher_command c = { .size = sizeof c, .verb = USHER_ASK,
                        .claim = { 1 + below(run.watch.tickets_n + 1), 0 },
                        .who = persons[below(PERSONS)] };

    if (run.nested && one_in(8))
        (void)usher_act(run.u, &c, NULL, NULL);
}

static void told(struct call *c, int status)
{
    if (++c->told > c->times)
        wrong("call %u is told %u times", c->number, c->told);
    if (c->ordered && c->number < run.last_told)
        wrong("call %u is told after call %u", c->number, run.last_told);
    if (c->ordered)
        run.last_told = c->number;
    if (c->expected != ANY && status != c->expected)
        wrong("%s, and not %s", usher_err_name(status),
              c->expected == 0 ? "OK" : usher_err_name(c->expected));
}

static void remember(struct attempt *a, int64_t at)
{
    a->remembered = true;
    a->at = at;
    a->place = ++run.remembered_n;
}

static void check_done(const usher_done *d)
{
    const struct seen *t = watch_ticket(&run.watch, d->ticket);

    if (d->seq != run.watch.seq)
        wrong("seq %" PRIu64 " of a completion after event %" PRIu64, d->seq, run.watch.seq);
    if (t == NULL || d->status != USHER_OK)
        return;
    if (d->state != t->state || d->priority != t->priority ||
        d->token != (watch_claim_stands(t) ? t->token : 0))
        wrong("state, priority or token of the completion");
}

/* A command with the token has extended the lease. */
static void check_lease(const struct call *c, struct seen *t, const usher_done *d)
{
    bool clipped;

    if (run.watch.stepped)
        return;
    clipped = watch_extend(&run.watch, t, c->at, c->command.ms);
    if (d->until_at != t->lease_end)
        wrong("a lease until %" PRId64 ", not %" PRId64, d->until_at, t->lease_end);
    if (c->command.verb == USHER_EXTEND && (d->outcome == USHER_WAS_CLIPPED) != clipped)
        wrong("an extend was clipped, or not");
}

static void check_pause(const usher_command *c, const struct seen *t, const usher_done *d)
{
    int64_t most = t->pause_most[c->kind - 1], end = c->at == 0 || c->at > most ? most : c->at;

    if (t->pause_end[c->kind - 1] != end)
        wrong("a pause until %" PRId64 ", not %" PRId64, t->pause_end[c->kind - 1], end);
    if ((d->outcome == USHER_WAS_CLIPPED) != (c->at > most))
        wrong("a pause was clipped, or not");
}

static void check_command(const struct call *c, const usher_done *d)
{
    struct seen *t = watch_ticket(&run.watch, d->ticket);

    if (c->command.verb == 0 || d->status != USHER_OK)
        return;
    if (c->from != 0 && !watch_leads(&c->command, c->from, d->state))
        wrong("it led from state %d to %d", c->from, d->state);
    if (c->command.claim.token != 0 && d->state == USHER_CLAIMED)
        check_lease(c, t, d);
    if (c->command.verb == USHER_PAUSE)
        check_pause(&c->command, t, d);
}

static void on_done(usher_t *u, const usher_done *d, void *user)
{
    struct call *c = user;
    struct attempt *first = c->repeats >= 0 ? &run.attempts[c->repeats] : NULL;

    (void)u;
    run.told[1]++;
    told(c, d->status);
    c->joined = (d->outcome & USHER_WAS_JOINED) != 0 ? d->ticket : 0;
    if (first != NULL) {
        if (d->ticket != first->done.ticket || d->token != first->done.token ||
            d->state != first->done.state || d->until_at != first->done.until_at ||
            d->outcome != (first->done.outcome | USHER_WAS_REPEATED))
            wrong("a repeat got something else");
    } else if ((d->outcome & USHER_WAS_REPEATED) == 0) {
        check_done(d);
        check_command(c, d);
    } else {
        wrong("repeated, and it was the first");
    }
    if (c->remember >= 0 && first == NULL && d->status == USHER_OK &&
        (d->outcome & USHER_WAS_REPEATED) == 0) {
        run.attempts[c->remember].done = *d;
        remember(&run.attempts[c->remember], run.attempts[c->remember].at);
    }
    call_from_inside();
}

/* Whether a comes before b: in what is kept for the claimer, or within a band. */
static bool is_better(const struct seen *a, usher_id a_id, const struct seen *b, usher_id b_id)
{
    return a->rank < b->rank || (a->rank == b->rank && a_id < b_id);
}

/* Of those that could be had when the claim was made, the ticket is one that was to be had now. */
static void check_turn(const struct call *c, usher_id id)
{
    struct watch *w = &run.watch;
    const struct seen *t = watch_ticket(w, id);

    if (t == NULL || run.fits[id] == 0) {
        wrong("ticket %" PRIu64 " was not to be had", id);
        return;
    }
    for (usher_id other = 1; other <= w->tickets_n; other++) {
        const struct seen *o = &w->ticket[other];
        bool rivals = run.fits[id] == run.fits[other] &&
                      (run.fits[id] == 255 || (t->queue == o->queue && t->priority == o->priority));

        if (run.fits[other] == 0 || other == id)
            continue;
        if (run.fits[other] > run.fits[id] || (rivals && is_better(o, other, t, id)))
            wrong("ticket %" PRIu64 " came before its turn: %" PRIu64, id, other);
        if (run.fits[other] == run.fits[id] && run.fits[id] != 255 && o->priority > t->priority &&
            w->queue[o->queue].rules[w->queue[o->queue].version - 1].share[o->priority - 1] == 0)
            wrong("ticket %" PRIu64 " is of a band that comes first", other);
    }
    run.fits[id] = 0;
    (void)c;
}

static void on_work(usher_agent_t *a, int status, const usher_work *work, size_t n, void *user)
{
    struct call *c = user;
    struct attempt *first = c->repeats >= 0 ? &run.attempts[c->repeats] : NULL;

    (void)a;
    run.told[2]++;
    told(c, status);
    if ((status == USHER_OK) != (n > 0) || n > c->n)
        wrong("%zu tickets of %u", n, c->n);
    for (size_t i = 0; i < n && first == NULL && c->expected != ANY; i++) {
        const struct seen *t = watch_ticket(&run.watch, work[i].claim.ticket);

        if (t == NULL || work[i].claim.token != t->token || t->holder != (int)c->agent)
            wrong("claim %" PRIu64 ", %" PRIu64 " is not the one that stands", work[i].claim.ticket,
                  work[i].claim.token);
        if (run.claim_call == c)
            check_turn(c, work[i].claim.ticket);
    }
    if (first != NULL && (n != first->work_n || memcmp(work, first->work, n * sizeof *work) != 0))
        for (size_t i = 0; i < n && i < first->work_n; i++) {
            if (memcmp(&work[i].claim, &first->work[i].claim, sizeof work[i].claim) != 0 ||
                work[i].lease_until_at != first->work[i].lease_until_at ||
                work[i].attempts != first->work[i].attempts || n != first->work_n)
                wrong("a repeated claim got something else");
        }
    if (c->remember >= 0 && first == NULL && status == USHER_OK) {
        struct attempt *attempt = &run.attempts[c->remember];

        memcpy(attempt->work, work, n * sizeof *work);
        attempt->work_n = n;
        remember(attempt, run.watch.at);
    }
    call_from_inside();
}

/* What counted adds up to what is used, without a hole. */
static void check_why(const struct seen *t, int ix, const usher_page *p)
{
    const struct seen_promise *m = &t->promise[ix];
    int64_t sum = 0, at = m->start_at, now = usher_now(run.u);

    for (uint64_t i = 0; i < p->n; i++) {
        sum += p->spans[i].ms;
        if (p->spans[i].from_at != at || p->spans[i].to_at <= at)
            wrong("a hole in why promise %d is due", ix + 1);
        at = p->spans[i].to_at;
    }
    if (m->owed && m->state != 0 && (sum != watch_used(t, ix, now) || at != now))
        wrong("%" PRId64 " ms of promise %d are used, not %" PRId64, sum, ix + 1,
              watch_used(t, ix, now));
}

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct call *c = user;

    (void)u;
    told(c, status);
    for (uint64_t i = 0; i < p->n && p->events != NULL; i++) {
        const struct seen *t = watch_ticket(&run.watch, p->events[i].ticket);

        if (t == NULL || (i > 0 && p->events[i].ticket_seq != p->events[i - 1].ticket_seq + 1) ||
            (p->cursor == 0 && i + 1 == p->n && p->events[i].ticket_seq < t->seq))
            wrong("the history of ticket %" PRIu64, p->events[i].ticket);
    }
    if (c->why != 0 && c->expected == USHER_OK && !run.nested)
        check_why(watch_ticket(&run.watch, c->why_of), c->why - 1, p);
    for (uint64_t i = 1; i < p->n && p->tickets != NULL; i++) {
        if (p->tickets[i].ticket <= p->tickets[i - 1].ticket)
            wrong("a page of tickets is not by ascending id");
    }
}

static void on_close(void *user)
{
    (void)user;
    run.closed = true;
}

/* ---- calls ---------------------------------------------------------------------------------------- */

static struct call *new_call(bool ordered)
{
    struct call *c = &run.calls[run.calls_n];

    *c = (struct call){ .number = run.calls_n, .ordered = ordered, .expected = ANY, .repeats = -1,
                        .remember = -1, .n = 1 };
    run.calls_n++;
    return c;
}

/* What the call returned: it is told so often, or not at all. */
static void returned(struct call *c, int err, uint32_t times)
{
    c->times = err == USHER_OK ? times : 0;
    run.drained = false;
    say(" -> %s", err == USHER_OK ? "OK" : usher_err_name(err));
}

static int64_t wall(void)
{
    const usher_clock *clock = usher_manual_clock_get(run.clock);

    return clock->wall_ms(clock->ctx);
}

static void drain(void)
{
    if (one_in(2)) {
        while (usher_turn(run.u) > 0)
            continue;
    } else if (usher_advance(run.u, wall()) != USHER_OK) {
        wrong("usher_advance");
    }
    run.drained = true;
}

static void drain_first(void)
{
    if (!run.drained)
        drain();
}

/* ---- requests ------------------------------------------------------------------------------------- */

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

static void do_enqueue(usher_request *r, uint32_t queue, uint32_t key, uint32_t needs, int attempt)
{
    struct seen_queue *q = &run.watch.queue[queue];
    struct call *c = new_call(true);
    int joins = must_join(queue, key), err;

    say("enqueue %s who=%s priority=%d start=%" PRId64 " key=%s needs=%u op=%" PRIu64, queues[queue],
        r->requester, r->priority, r->start_at, key == 0 ? "" : keys[key], needs, r->op.lo);
    run.watch.pending_key = key;
    run.watch.pending_needs = needs;
    run.watch.pending_ref = r->ref == NULL ? 0 : (uint32_t)(r->ref[1] - '0') + 1;
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
    if (c->joined != 0)
        watch_ticket(&run.watch, c->joined)->needs |= needs;
}

static struct attempt *new_attempt(int what)
{
    struct attempt *a = &run.attempts[run.attempts_n];

    memset(a, 0, sizeof *a);
    a->what = what;
    a->op.lo = ++run.attempts_n;
    return a;
}

static void draw_enqueue(int what)
{
    const char *names[SKILLS];
    usher_request r = { .size = sizeof r, .requester = persons[below(PERSONS)],
                        .priority = (int32_t)below(5), .body = { "body", one_in(2) ? 4 : 0 } };
    uint32_t queue = below(run.watch.queues_n), key = below(run.keys_n), needs = needs_of(&r, names);
    struct attempt *a = NULL;

    if (run.watch.tickets_n + 1 >= TICKETS_MAX)
        return;
    drain_first();
    r.dedup_key = keys[key];
    r.ref = one_in(3) ? refs[below(REFS)] : NULL;
    if (one_in(3))
        r.start_at = usher_now(run.u) + draw_duration(&run.dice);
    if (one_in(5) && run.attempts_n < OPS_MAX && needs == 0) { /* its strings must live on */
        a = new_attempt(what);
        r.op = a->op;
        r.needs = NULL;
        a->request = r;
        a->queue = queue;
        a->agent = key;
    }
    do_enqueue(&r, queue, key, needs, a == NULL ? -1 : (int)(a - run.attempts));
}

static void draw_many(int what)
{
    usher_request r[4];
    uint32_t n = 1 + below(4), queue = below(run.watch.queues_n);
    struct seen_queue *q = &run.watch.queue[queue];
    struct call *c;
    int err;

    (void)what;
    if (run.watch.tickets_n + n >= TICKETS_MAX)
        return;
    drain_first();
    for (uint32_t i = 0; i < n; i++)
        r[i] = (usher_request){ .size = sizeof r[i], .requester = persons[below(PERSONS)],
                                .priority = (int32_t)below(5) };
    run.watch.pending_key = run.watch.pending_needs = run.watch.pending_ref = 0;
    c = new_call(true);
    c->expected = (q->hold & USHER_HOLD_ENQUEUE) != 0 ? USHER_ESTATE : USHER_OK;
    say("many %s n=%u", queues[queue], n);
    err = usher_enqueue_many(q->q, r, n, on_done, c);
    returned(c, err, n);
    check_refusal(queue, 0, err, n);
    drain();
}

/* ---- claims --------------------------------------------------------------------------------------- */

/* 0: not for this agent now; 255: kept for it; else the larger, the earlier its queue is named. */
static uint8_t fit(const struct seen *t, uint32_t agent, const uint32_t *named, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (named[i] != t->queue)
            continue;
        if (t->state != USHER_WAITING || (t->needs & ~run.watch.skills[agent]) != 0 ||
            (run.watch.queue[t->queue].hold & USHER_HOLD_CLAIMS) != 0)
            return 0;
        if (t->kept_for >= 0)
            return t->kept_for == (int)agent ? 255 : 0;
        return (uint8_t)(100 - i);
    }
    return 0;
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

static void draw_claim(int what)
{
    usher_claim_args args = { .size = sizeof args };
    uint32_t agent = below(AGENTS), named[QUEUES], wants = 1 + below(3), found;
    struct attempt *a = one_in(6) && run.attempts_n < OPS_MAX ? new_attempt(what) : NULL;
    usher_queue_t *local[QUEUES], **list = a == NULL ? local : a->queues;
    struct call *c = new_call(false);
    bool sure = run.drained;
    int err;

    args.queues_n = 1 + below(run.watch.queues_n);
    named[0] = below(run.watch.queues_n);
    for (uint32_t i = 0; i < args.queues_n; i++) {
        named[i] = (named[0] + i) % run.watch.queues_n;
        list[i] = run.watch.queue[named[i]].q;
    }
    args.queues = list;
    args.n = wants;
    args.wait_ms = one_in(2) ? 0 : one_in(4) ? USHER_NEVER : draw_duration(&run.dice);
    c->claims = true;
    c->agent = agent;
    c->n = wants;
    found = sure ? look_ahead(c, agent, named, args.queues_n) : 0;
    if (a != NULL) {
        args.op = a->op;
        a->claim = args;
        a->agent = agent;
        c->remember = (int)(a - run.attempts);
    }
    say("claim %s queue=%s.. of %u n=%u wait=%" PRId64 " op=%" PRIu64, agents[agent],
        queues[named[0]], args.queues_n, wants, args.wait_ms, args.op.lo);
    if (sure && found > 0)
        c->expected = USHER_OK;
    else if (sure && args.wait_ms == 0)
        c->expected = USHER_ETIMEDOUT;
    else
        run.claim_call = NULL;
    err = usher_claim_many(run.watch.agent[agent], &args, on_work, c);
    returned(c, err, 1);
    if ((err == USHER_OK) == run.watch.gone[agent])
        wrong("a claim by an agent that has gone, or not");
    drain();
    if (sure && err == USHER_OK && (found > 0 || args.wait_ms == 0) && c->told == 0)
        wrong("a claim that could be answered was not");
    run.claim_call = NULL;
}

static usher_id draw_ticket(void)
{
    uint32_t n = run.watch.tickets_n;

    for (int tries = 0; tries < 4 && n > 0; tries++) { /* those that live are more interesting */
        usher_id id = 1 + below(n);

        if (run.watch.ticket[id].state < USHER_CLOSED)
            return id;
    }
    return 1 + below(n + 2);
}

static void draw_claim_ticket(int what)
{
    uint32_t agent = below(AGENTS);
    usher_id id = draw_ticket();
    const struct seen *t = watch_ticket(&run.watch, id);
    struct attempt *a = one_in(6) && run.attempts_n < OPS_MAX ? new_attempt(what) : NULL;
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
        c->expected = USHER_ENOENT;
    else if (run.drained && t != NULL)
        c->expected = (run.watch.queue[t->queue].hold & USHER_HOLD_CLAIMS) == 0 &&
                              (t->state == USHER_WAITING || t->state == USHER_PAUSED ||
                               t->state == USHER_STUCK)
                          ? USHER_OK
                          : USHER_ESTATE;
    err = usher_claim_ticket(run.watch.agent[agent], id, a == NULL ? NULL : &a->op, on_work, c);
    returned(c, err, 1);
}

static void draw_cancel(int what)
{
    struct call *c = &run.calls[below(run.calls_n + 1)];
    bool waits;
    int err;

    (void)what;
    drain_first();
    for (uint32_t i = 0; i < run.calls_n && !one_in(8); i++) { /* mostly one that waits */
        if (run.calls[i].claims && run.calls[i].told < run.calls[i].times)
            c = &run.calls[i];
    }
    waits = c < run.calls + run.calls_n && c->claims && c->told < c->times;
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

/* ---- commands on a ticket ------------------------------------------------------------------------- */

static const struct {
    int verb, kinds, state; /* state: where it is worth trying, 0 = any */
} verbs[] = {
    { USHER_ACKNOWLEDGE, 2, USHER_CLAIMED }, { USHER_UPDATE, 1, USHER_CLAIMED },
    { USHER_UPDATE, 1, USHER_PAUSED },       { USHER_EXTEND, 1, USHER_CLAIMED },
    { USHER_RELEASE, 1, USHER_CLAIMED },     { USHER_PAUSE, 3, USHER_CLAIMED },
    { USHER_PAUSE, 3, USHER_PAUSED },        { USHER_RESUME, 4, USHER_PAUSED },
    { USHER_RESOLVE, 4, USHER_CLAIMED },     { USHER_FAIL, 1, USHER_CLAIMED },
    { USHER_ASK, 1, 0 },                     { USHER_REPLY, 2, 0 },
    { USHER_REPLY, 2, USHER_PAUSED },        { USHER_CONFIRM, 1, USHER_RESOLVED },
    { USHER_REOPEN, 1, USHER_RESOLVED },     { USHER_REOPEN, 1, USHER_CLOSED },
    { USHER_WITHDRAW, 1, 0 },                { USHER_REVIVE, 1, USHER_STUCK },
    { USHER_ESCALATE, 1, 0 },                { USHER_REPRIORITISE, 4, 0 },
    { USHER_MOVE, 1, 0 },                    { USHER_NOTE, 1, 0 },
};
enum { VERBS_N = sizeof verbs / sizeof verbs[0] };

/* A ticket in that state, if there is one. */
static usher_id ticket_in(int state)
{
    uint32_t n = run.watch.tickets_n, from = below(n + 1);

    for (uint32_t i = 0; i < n && state != 0; i++) {
        usher_id id = 1 + (from + i) % n;

        if (run.watch.ticket[id].state == state)
            return id;
    }
    return draw_ticket();
}

static const char *draw_person(const struct seen *t)
{
    uint32_t from = below(PERSONS);

    for (uint32_t i = 0; i < PERSONS && t != NULL && !one_in(12); i++) {
        if (t->persons[(from + i) % PERSONS])
            return persons[(from + i) % PERSONS];
    }
    return one_in(8) ? "nobody" : persons[from];
}

static uint64_t draw_token(const struct seen *t, bool needed)
{
    if (t == NULL)
        return 1 + below(3);
    if (needed ? one_in(10) : one_in(16))
        return 1 + (uint64_t)below((uint32_t)t->token + 2); /* stale, or not given yet */
    return needed || one_in(6) ? t->token : 0;
}

static usher_command draw_command(void)
{
    uint32_t i = below(VERBS_N);
    usher_command c = { .size = sizeof c, .verb = verbs[i].verb };
    const struct seen *t;
    bool by_machine;

    c.claim.ticket = one_in(10) ? draw_ticket() : ticket_in(verbs[i].state);
    t = watch_ticket(&run.watch, c.claim.ticket);
    c.kind = (int32_t)below((uint32_t)verbs[i].kinds);
    if (c.verb == USHER_PAUSE || c.verb == USHER_REPRIORITISE)
        c.kind++;
    by_machine = c.verb == USHER_ACKNOWLEDGE && c.kind == USHER_BY_MACHINE;
    c.claim.token = draw_token(t, c.verb <= USHER_FAIL && !by_machine);
    if (c.claim.token == 0 && c.verb <= USHER_FAIL && !by_machine)
        c.claim.token = 1;
    if (c.verb == USHER_UPDATE || c.verb == USHER_PAUSE || one_in(3))
        c.text = (usher_text){ "word", 4 };
    if (c.verb >= USHER_ASK && c.verb <= USHER_WITHDRAW)
        c.who = draw_person(t);
    if ((c.verb == USHER_UPDATE || c.verb == USHER_PAUSE) && (one_in(2) || c.kind == USHER_UNTIL))
        c.at = usher_now(run.u) + (one_in(10) ? 0 : draw_duration(&run.dice));
    if (c.at != 0 && one_in(20))
        c.at = one_in(2) ? USHER_AT_MAX : usher_now(run.u) - 1;
    if (c.verb == USHER_EXTEND && one_in(2))
        c.ms = one_in(20) ? USHER_NEVER : draw_duration(&run.dice);
    if (c.verb == USHER_MOVE)
        c.queue = run.watch.queue[below(run.watch.queues_n)].q;
    return c;
}

static struct call *do_act(const usher_command *c, int attempt)
{
    struct call *call = new_call(true);
    int err;

    say("act verb=%s kind=%d ticket=%" PRIu64 " token=%" PRIu64 " at=%" PRId64 " ms=%" PRId64
        " who=%s op=%" PRIu64, usher_name(USHER_NAME_VERB, c->verb), c->kind, c->claim.ticket,
        c->claim.token, c->at, c->ms, c->who == NULL ? "" : c->who, c->op.lo);
    call->remember = attempt;
    if (run.drained)
        call->expected = watch_expect(&run.watch, c, usher_now(run.u));
    call->command = *c;
    if (run.drained && watch_ticket(&run.watch, c->claim.ticket) != NULL)
        call->from = watch_ticket(&run.watch, c->claim.ticket)->state;
    err = usher_act(run.u, c, on_done, call);
    call->at = usher_now(run.u);
    returned(call, err, 1);
    if (err != USHER_OK)
        wrong("refused: %s", usher_err_name(err));
    if (attempt >= 0)
        run.attempts[attempt].at = usher_now(run.u);
    return call;
}

static void draw_act(int what)
{
    usher_command c = draw_command();
    struct attempt *a = one_in(6) && run.attempts_n < OPS_MAX ? new_attempt(what) : NULL;

    if (a != NULL) {
        c.op = a->op;
        a->command = c;
    }
    do_act(&c, a == NULL ? -1 : (int)(a - run.attempts));
}

/* ---- repeats -------------------------------------------------------------------------------------- */

static void repeat_claim(struct attempt *a, struct call *call, bool as_ticket)
{
    int err;

    call->agent = a->agent;
    call->claims = !as_ticket;
    call->n = as_ticket ? 1 : a->claim.n;
    if (as_ticket)
        err = usher_claim_ticket(run.watch.agent[a->agent], a->command.claim.ticket, &a->op, on_work,
                                 call);
    else
        err = usher_claim_many(run.watch.agent[a->agent], &a->claim, on_work, call);
    returned(call, err, 1);
}

enum { ENQUEUE, CLAIM, CLAIM_TICKET, ACT }; /* the kinds that have ops, in `kinds` */

static void draw_repeat(int what)
{
    struct attempt *a = &run.attempts[below(run.attempts_n + 1)];
    struct call *call;
    int64_t now = usher_now(run.u);
    bool remembered, other = one_in(4);

    (void)what;
    if (a == &run.attempts[run.attempts_n])
        return;
    drain_first();
    remembered = a->remembered && now - a->at < run.op_window_ms &&
                 run.remembered_n - a->place < run.op_window_n;
    if (!remembered) { /* then it is a command like any other */
        say("again: ");
        a->remembered = false;
        if (a->what == ENQUEUE && run.watch.tickets_n + 1 < TICKETS_MAX)
            do_enqueue(&a->request, a->queue, a->agent, 0, (int)(a - run.attempts));
        else if (a->what == ACT)
            do_act(&a->command, (int)(a - run.attempts));
        return;
    }
    say("repeat op=%" PRIu64 "%s: ", a->op.lo, other ? " with other arguments" : "");
    call = new_call(a->what == ENQUEUE || a->what == ACT);
    call->repeats = other ? -1 : (int)(a - run.attempts);
    call->expected = other ? USHER_EINVAL : USHER_OK;
    if (a->what == ENQUEUE) {
        usher_request r = a->request;

        r.priority = other ? r.priority % 4 + 1 : r.priority;
        returned(call, usher_enqueue(run.watch.queue[a->queue].q, &r, on_done, call), 1);
    } else if (a->what == ACT) {
        usher_command c = a->command;

        c.ms += other;
        returned(call, usher_act(run.u, &c, on_done, call), 1);
    } else {
        uint32_t agent = a->agent;

        if (other)
            a->agent = (agent + 1) % AGENTS;
        if (run.watch.gone[a->agent])
            call->expected = ANY;
        repeat_claim(a, call, a->what == CLAIM_TICKET);
        a->agent = agent;
    }
    drain();
}

/* ---- time ----------------------------------------------------------------------------------------- */

static int64_t draw_instant(void)
{
    int64_t now = wall(), due = usher__service_next_due(run.u), to = now;

    switch (below(9)) {
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

static void draw_advance(int what)
{
    int64_t to = draw_instant();

    (void)what;
    say("advance %+" PRId64 " ms to %" PRId64, to - wall(), to);
    if (usher_advance(run.u, to) != USHER_OK)
        wrong("usher_advance");
    run.drained = true;
}

static void draw_skip(int what)
{
    int64_t to = draw_instant();

    (void)what;
    say("skip %+" PRId64 " ms to %" PRId64, to - wall(), to);
    if (usher_manual_clock_skip(run.clock, to) != USHER_OK)
        wrong("usher_manual_clock_skip");
    run.drained = false;
}

static void draw_step(int what)
{
    int64_t by = (int64_t)below(20000) - 10000;

    (void)what;
    say("step %" PRId64, by);
    run.watch.stepped = true;
    if (usher_manual_clock_step(run.clock, by) != USHER_OK)
        wrong("usher_manual_clock_step");
    run.drained = false;
}

/* ---- queues and agents ---------------------------------------------------------------------------- */

static void draw_define(int what)
{
    struct seen_queue *q = &run.watch.queue[below(run.watch.queues_n)];
    struct call *c;
    char json[2000], err[200];
    int status;

    (void)what;
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

static void draw_hold(int what)
{
    struct seen_queue *q = &run.watch.queue[below(run.watch.queues_n)];
    struct call *c = new_call(true);
    uint32_t bits = one_in(2) ? 0 : below(4);

    (void)what;
    drain_first();
    say("hold %s %u", usher_queue_name(q->q), bits);
    c->expected = USHER_OK;
    returned(c, usher_queue_hold(q->q, bits, on_done, c), 1);
    drain();
}

static void set_agent(uint32_t i, uint32_t bits)
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

static void draw_agent(int what)
{
    uint32_t i = below(AGENTS);

    (void)what;
    drain_first();
    say("agent %s", agents[i]);
    set_agent(i, below(1 << SKILLS));
    drain();
}

static void draw_gone(int what)
{
    uint32_t i = below(AGENTS);
    struct call *c = new_call(true);
    int err;

    (void)what;
    drain_first();
    say("gone %s", agents[i]);
    err = usher_agent_gone(run.watch.agent[i], on_done, c);
    returned(c, err, 1);
    if (err != (run.watch.gone[i] ? USHER_ESTATE : USHER_OK))
        wrong("an agent that goes twice, or cannot go");
    run.watch.gone[i] = true;
    for (uint32_t k = 0; k < run.calls_n; k++) { /* its parked claims end */
        if (run.calls[k].claims && run.calls[k].agent == i && run.calls[k].told < run.calls[k].times)
            run.calls[k].expected = USHER_ECANCELED;
    }
    drain();
    for (uint32_t k = 0; k < run.calls_n; k++) {
        if (run.calls[k].claims && run.calls[k].agent == i && run.calls[k].told < run.calls[k].times)
            wrong("a claim of an agent that has gone is still parked");
    }
}

static void draw_read(int what)
{
    usher_query q = { .size = sizeof q, .limit = 1 + below(40) };
    struct call *c = new_call(false);
    usher_standing s = USHER_INIT(usher_standing);

    (void)what;
    q.what = one_in(3) ? USHER_READ_TICKETS : one_in(2) ? USHER_READ_HISTORY : USHER_READ_WHY_DUE;
    if (q.what == USHER_READ_HISTORY)
        q.cursor = below(8);
    if (q.what == USHER_READ_WHY_DUE) { /* the page is as things are when it is told: at once */
        drain_first();
        q.limit = 1000;
        c->why = q.promise = 1 + (int32_t)below(4);
    }
    if (q.what != USHER_READ_TICKETS) {
        c->why_of = q.ticket = draw_ticket();
        if (run.drained)
            c->expected = usher_peek(run.u, q.ticket, &s);
    }
    say("read what=%d ticket=%" PRIu64, q.what, q.ticket);
    returned(c, usher_read(run.u, &q, on_page, c), 1);
    if (c->why != 0)
        drain();
}

/* ---- services ------------------------------------------------------------------------------------- */

static const struct {
    void (*draw)(int what);
    uint32_t weight;
    bool always; /* in every service */
} kinds[] = {
    [ENQUEUE] = { draw_enqueue, 12, true },
    [CLAIM] = { draw_claim, 10, false },
    [CLAIM_TICKET] = { draw_claim_ticket, 5, true },
    [ACT] = { draw_act, 45, true },
    { draw_many, 2, false },     { draw_cancel, 1, false }, { draw_repeat, 6, false },
    { draw_advance, 12, true },  { draw_skip, 4, false },   { draw_step, 2, false },
    { draw_define, 1, false },   { draw_hold, 1, false },   { draw_agent, 1, false },
    { draw_gone, 1, false },     { draw_read, 2, false },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static int draw_kind(void)
{
    uint32_t sum = 0, at;
    int i = 0;

    for (int k = 0; k < KINDS; k++)
        sum += run.weight[k];
    at = below(sum);
    while (at >= run.weight[i])
        at -= run.weight[i++];
    return i;
}

static bool failed(void)
{
    const char *inside = run.closed ? NULL : usher__service_check(run.u);

    if (inside != NULL)
        wrong("from inside: %s", inside);
    if (run.watch.wrong[0] == '\0')
        return false;
    fprintf(stderr, "random: seed %" PRIu64 ", command %u: %s\nrandom: %s\n"
            "random: again: random --seed %" PRIu64 " --commands %u\n",
            run.seed, run.command, run.text, run.watch.wrong, run.seed, run.command);
    return true;
}

static void open_queue(uint32_t i)
{
    struct seen_queue *q = &run.watch.queue[i];
    char json[2000], err[200];

    if (usher_queue(run.u, &q->q, queues[i]) != USHER_OK)
        wrong("usher_queue");
    q->rules[0] = default_rules();
    q->version = 1;
    run.watch.queues_n = i + 1;
    q->rules[1] = draw_rules(&run.dice, false);
    print_rules(&q->rules[1], json, sizeof json);
    if (usher_define(q->q, json, err, sizeof err, NULL, NULL) != USHER_OK)
        wrong("%s: %s", json, err);
    drain();
}

static void open_service(uint64_t seed)
{
    usher_options o = { .size = sizeof o, .on_lost = on_lost };
    uint64_t told[4], commands = run.commands;
    uint32_t n;

    memcpy(told, run.told, sizeof told);
    memset(&run, 0, sizeof run);
    memcpy(run.told, told, sizeof told);
    run.told[3]++;
    run.commands = commands;
    run.seed = seed;
    run.dice.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    run.keep_closed = o.keep_closed = one_in(2) ? 1 + below(4) : 1000;
    run.op_window_ms = o.op_window_ms = one_in(2) ? 3600000 : 1 + (int64_t)below(3000);
    run.op_window_n = o.op_window_n = one_in(2) ? 1000 : 1 + below(6);
    o.seed = seed;
    run.keys_n = 1 + below(KEYS);
    run.nested = one_in(3);
    if (usher_manual_clock_new(&run.clock, BEGIN_AT) != USHER_OK)
        abort();
    o.clock = usher_manual_clock_get(run.clock);
    if (usher_open(&run.u, NULL, "memory:", &o, NULL, NULL) != USHER_OK)
        abort();
    watch_begin(&run.watch, run.u);
    if (usher_subscribe(run.u, NULL, 0, on_event, NULL) != USHER_OK)
        wrong("usher_subscribe");
    n = 1 + below(QUEUES);
    for (uint32_t i = 0; i < n; i++)
        open_queue(i);
    for (uint32_t i = 0; i < AGENTS; i++)
        set_agent(i, below(1 << SKILLS));
    drain();
    for (int k = 0; k < KINDS; k++)
        run.weight[k] = kinds[k].always || one_in(2) ? kinds[k].weight : 0;
}

static void close_service(void)
{
    drain();
    for (uint32_t i = 0; i < run.calls_n; i++) {
        if (run.calls[i].claims && run.calls[i].told < run.calls[i].times)
            run.calls[i].expected = USHER_ECANCELED;
    }
    run.nested = false;
    if (usher_close(run.u, on_close, NULL) != USHER_OK)
        wrong("usher_close");
    for (int turns = 0; !run.closed && turns < 1000; turns++)
        (void)usher_turn(run.u);
    if (!run.closed)
        wrong("the service does not close");
    for (uint32_t i = 0; i < run.calls_n; i++) {
        if (run.calls[i].told != run.calls[i].times)
            wrong("call %u was told %u times, not %u", i, run.calls[i].told, run.calls[i].times);
    }
    usher_manual_clock_free(run.clock);
}

/* Returns how many commands it ran; 0: it failed. */
static uint32_t run_service(uint64_t seed, uint64_t commands)
{
    uint32_t n;

    open_service(seed);
    n = 50 + below(SERVICE_COMMANDS - 50);
    if (n > commands)
        n = (uint32_t)commands;
    while (run.command < n && run.calls_n + 4 < CALLS_MAX) {
        int kind = draw_kind();

        run.text[0] = '\0';
        run.command++;
        kinds[kind].draw(kind);
        if (!run.drained && !one_in(6))
            drain();
        if (run.drained)
            watch_look(&run.watch, run.command % 8 == 0, run.keep_closed);
        if (failed())
            return 0;
    }
    run.text[0] = '\0';
    say("close");
    close_service();
    return failed() ? 0 : run.command;
}

static bool number(const char *text, uint64_t *out)
{
    char *end;

    *out = strtoull(text, &end, 10);
    return *text != '\0' && *end == '\0';
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, commands = getenv("USHER_LONG") != NULL ? 20000000 : 1000000, done = 0;

    for (int i = 1; i < argc; i += 2) {
        uint64_t *to = strcmp(argv[i], "--seed") == 0       ? &seed
                       : strcmp(argv[i], "--commands") == 0 ? &commands
                                                            : NULL;

        if (to == NULL || i + 1 == argc || !number(argv[i + 1], to)) {
            fprintf(stderr, "usage: random [--seed N] [--commands N]\n");
            return 2;
        }
    }
    printf("random: seed %" PRIu64 ", %" PRIu64 " commands\n", seed, commands);
    for (uint64_t s = seed; done < commands; s++) {
        uint32_t n = run_service(s, commands - done);

        if (n == 0)
            return 1;
        done += n;
    }
    printf("random: %" PRIu64 " services, %" PRIu64 " commands, %" PRIu64 " events, %" PRIu64
           " completions, %" PRIu64 " claims\n", run.told[3], done, run.told[0], run.told[1],
           run.told[2]);
    return 0;
}
