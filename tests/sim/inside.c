/* Hosts that call from inside callbacks, whatever they like. What is told there may be older than what is: such
 * calls have no status that they must get, but for those that are refused there. All that follows from them is
 * watched as ever.
 *
 * Each callback has dice of its own, from the command in which it runs and how many ran before it. */
#include "run.h"

#include <inttypes.h>

#include "digest.h"

enum { INSIDE_MOST = 60 }; /* callbacks of one command that may call, what they lead to included */

static bool is_up_to_date(void)
{
    return run.watch.seq == last_seq_of(run.u);
}

static void refused_inside(void)
{
    if (usher_turn(run.u) != USHER_ESTATE)
        wrong("a turn inside a callback");
    if (usher_advance(run.u, wall()) != USHER_ESTATE)
        wrong("an advance inside a callback");
}

static void enqueue_inside(void)
{
    usher_request r = { .size = sizeof r, .requester = persons[INSIDER], .priority = (int32_t)below(5) };
    struct seen_queue *q;
    struct call *c;
    int err;

    if (run.watch.tickets_n + 40 >= TICKETS_MAX)
        return;
    if (one_in(3))
        r.start_at = usher_now(run.u) + draw_duration(&run.dice);
    c = new_call(true);
    q = &run.watch.queue[below(run.watch.queues_n)];
    err = usher_enqueue(q->q, &r, on_done, c);
    q->refused = q->refused || err == USHER_EFULL;
    returned(c, err, 1);
}

static void claim_inside(void)
{
    uint32_t queue = below(run.watch.queues_n);
    struct call *c = new_call(false);
    int64_t wait_ms = one_in(2) ? 0 : draw_duration(&run.dice);
    int err;

    c->agent = below(AGENTS);
    if (one_in(2)) {
        err = usher_claim_ticket(run.watch.agent[c->agent], draw_ticket(), NULL, on_work, c);
    } else {
        c->claims = true;
        c->queues = 1u << queue;
        c->wait_ms = wait_ms;
        err = usher_claim_next(run.watch.agent[c->agent], run.watch.queue[queue].q, wait_ms, on_work, c);
    }
    returned(c, err, 1);
}

static void act_inside(void)
{
    usher_command command = draw_command();
    struct call *c;

    if (command.claim.token == 0 && one_in(3)) { /* a lease that it extends is told by nothing else */
        (void)usher_act(run.u, &command, NULL, NULL);
        return;
    }
    c = new_call(true);
    c->command = command;
    c->at = usher_now(run.u);
    returned(c, usher_act(run.u, &command, on_done, c), 1);
}

static void cancel_inside(void)
{
    for (uint32_t i = 0; i < run.calls_n; i++) {
        struct call *c = &run.calls[i];

        if (!is_parked(c) || !one_in(2))
            continue;
        if (usher_claim_cancel(run.watch.agent[c->agent], c) == USHER_OK)
            c->expected = USHER_ECANCELED;
        return;
    }
}

/* What it shows may be newer than what is told. */
static void look_inside(void)
{
    usher_id id = draw_ticket();
    const struct seen *t = watch_ticket(&run.watch, id);
    uint64_t n[USHER_STATES];
    usher_standing s = USHER_INIT(usher_standing);

    if (t != NULL && usher_peek(run.u, id, &s) == USHER_OK && s.ticket_seq < t->seq)
        wrong("ticket %" PRIu64 ": a standing older than what is told", id);
    if (usher_counts(run.watch.queue[0].q, n) != USHER_OK)
        wrong("usher_counts");
}

static void read_inside(void)
{
    usher_query q = { .size = sizeof q, .what = one_in(2) ? USHER_READ_TICKETS : USHER_READ_FIGURES };
    struct call *c = new_call(false);

    returned(c, usher_read(run.u, &q, on_page, c), 1);
}

static void on_heard(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    (void)user;
    if (!run.listens && !run.deaf)
        wrong("told after usher_unsubscribe()");
    if (run.heard != 0 && e->seq != run.heard + 1)
        wrong("a second one who listens is told %" PRIu64 " after %" PRIu64, e->seq, run.heard);
    run.heard = e->seq;
    if (!run.deaf)
        call_from_inside(TRACE_EVENTS);
}

static void listen_inside(void)
{
    int err = run.listens ? usher_unsubscribe(run.u, on_heard, NULL)
                          : usher_subscribe(run.u, NULL, 0, on_heard, NULL);

    if (err != USHER_OK)
        wrong("a second subscription: %s", usher_err_name(err));
    run.listens = !run.listens;
    run.heard = 0;
}

static void hold_inside(void)
{
    usher_queue_t *q = run.watch.queue[below(run.watch.queues_n)].q;
    uint32_t bits = below(4);
    struct call *c = new_call(true);

    returned(c, usher_queue_hold(q, bits, on_done, c), 1);
}

/* Who is there is in no event: only where all has been told. */
static void agent_inside(void)
{
    uint32_t i = below(AGENTS);
    struct call *c;
    int err;

    if (!is_up_to_date())
        return;
    if (run.watch.gone[i]) {
        set_agent(i, below(1 << SKILLS));
        return;
    }
    c = new_call(true);
    err = usher_agent_gone(run.watch.agent[i], on_done, c);
    returned(c, err, 1);
    run.watch.gone[i] = true;
    for (uint32_t k = 0; k < run.calls_n; k++) {
        if (run.calls[k].agent == i && is_parked(&run.calls[k]))
            run.calls[k].expected = ANY;
    }
}

static void (*const calls[])(void) = {
    refused_inside, enqueue_inside, claim_inside, act_inside,    act_inside,
    cancel_inside,  look_inside,    read_inside,  listen_inside, hold_inside, agent_inside,
};

void call_from_inside(int what)
{
    struct dice kept = run.dice;
    uint32_t draws = run.inside_n + 100 * (uint32_t)what;

    if (!run.nested || run.calls_n + 100 > CALLS_MAX)
        return;
    run.dice = dice_of(run.seed + draws * UINT64_C(0x100000000), note->command, DICE_ALL);
    run.inside_n++;
    if (one_in(8) && run.inside_n < INSIDE_MOST) {
        say(" [");
        calls[below(sizeof calls / sizeof calls[0])]();
        say("]");
        run.told[INSIDE]++;
    }
    run.dice = kept;
}

void call_anything(void)
{
    static void (*const any[])(void) = { enqueue_inside, claim_inside, act_inside, act_inside, act_inside,
                                         read_inside,    hold_inside,  cancel_inside };

    any[below(sizeof any / sizeof any[0])]();
}

/* ---- closing --------------------------------------------------------------------------------- */

static void on_posted(usher_t *u, void *user)
{
    usher_request r = { .size = sizeof r, .requester = persons[INSIDER] };

    (void)user;
    if (usher_close(u, on_close, NULL) != USHER_OK || usher_close(u, on_close, NULL) != USHER_ECANCELED)
        wrong("usher_close inside a callback");
    if (usher_enqueue(run.watch.queue[0].q, &r, NULL, NULL) != USHER_ECANCELED && !run.failing)
        wrong("a request to a service that closes");
}

void close_from_inside(void)
{
    if (usher_post(run.u, on_posted, NULL) != USHER_OK)
        wrong("usher_post");
}
