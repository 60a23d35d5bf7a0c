/* Commands on a ticket, drawn, and commands that are repeated. */
#include "run.h"

#include <inttypes.h>
#include <string.h>

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
    { USHER_HAND_OFF, 1, USHER_CLAIMED },    { USHER_HAND_OFF, 1, USHER_CLAIMED },
    { USHER_RECALL, 1, USHER_OFFERED },      { USHER_DECLINE, 1, USHER_OFFERED },
    { USHER_UPDATE, 1, USHER_OFFERED },      { USHER_RESOLVE, 4, USHER_OFFERED },
    { USHER_REPLY, 2, USHER_OFFERED },       { USHER_LINK, 1, 0 },
    { USHER_LINK, 1, USHER_CLOSED },
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
    uint32_t from = below(INSIDER);

    for (uint32_t i = 0; i < QUEUES && t != NULL && t->is_cause && !one_in(4); i++) {
        if (t->persons[PERSONS + i])
            return queues[i];
    }
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

/* Those of a symptom mostly, that have one cause or could be it. */
static usher_id draw_cause(void)
{
    uint32_t n = run.watch.tickets_n, from = below(n + 1);

    for (uint32_t i = 0; i < n && !one_in(3); i++) {
        usher_id id = 1 + (from + i) % n;

        if (run.watch.ticket[id].is_cause || watch_linked(&run.watch, id) > 0)
            return id;
    }
    return one_in(6) ? 0 : draw_ticket();
}

usher_command draw_command(void)
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
    c.claim.token = draw_token(t, c.verb <= USHER_HAND_OFF && !by_machine);
    if (c.claim.token == 0 && c.verb <= USHER_HAND_OFF && !by_machine)
        c.claim.token = 1;
    if (c.verb == USHER_UPDATE || c.verb == USHER_PAUSE || one_in(3))
        c.text = (usher_text){ "word", 4 };
    if (c.verb >= USHER_ASK && c.verb <= USHER_WITHDRAW)
        c.who = draw_person(t);
    if ((c.verb == USHER_UPDATE || c.verb == USHER_PAUSE) && (one_in(2) || c.kind == USHER_UNTIL))
        c.at = usher_now(run.u) + (one_in(10) ? 0 : draw_duration(&run.dice));
    if (c.verb == USHER_UPDATE && t != NULL && one_in(10) && t->rules != NULL) /* just when the policy is due */
        c.at = usher_now(run.u) + t->rules->target[2][t->priority - 1];
    if (c.at != 0 && one_in(20))
        c.at = one_in(2) ? USHER_AT_MAX : usher_now(run.u) - 1;
    if (c.verb == USHER_EXTEND && one_in(2))
        c.ms = one_in(20) ? USHER_NEVER : draw_duration(&run.dice);
    if (c.verb == USHER_HAND_OFF && one_in(2))
        c.agent = run.watch.agent[below(AGENTS)];
    else if (c.verb == USHER_MOVE || c.verb == USHER_HAND_OFF)
        c.queue = run.watch.queue[below(run.watch.queues_n)].q;
    if (c.verb == USHER_LINK)
        c.other = draw_cause();
    if ((c.verb == USHER_DECLINE || c.verb == USHER_RECALL) && one_in(2))
        c.who = agents[below(AGENTS)];
    return c;
}

/* A ticket that is passed on keeps its clocks. */
static void look_before(struct call *call)
{
    usher_standing s = USHER_INIT(usher_standing);
    int verb = call->command.verb;
    bool passes = verb == USHER_HAND_OFF || verb == USHER_RECALL || verb == USHER_DECLINE;

    if (!run.drained || run.nested || (!passes && verb != USHER_LINK) ||
        usher_peek(run.u, call->command.claim.ticket, &s) != USHER_OK)
        return;
    memcpy(call->before, s.promises, sizeof call->before);
    call->compares = true;
}

struct call *do_act(const usher_command *c, int attempt)
{
    struct call *call = new_call(true);
    int err;

    say("act verb=%s kind=%d ticket=%" PRIu64 " token=%" PRIu64 " at=%" PRId64 " ms=%" PRId64
        " who=%s to=%s other=%" PRIu64 " op=%" PRIu64,
        usher_name(USHER_NAME_VERB, c->verb), c->kind, c->claim.ticket, c->claim.token, c->at, c->ms,
        c->who == NULL ? "" : c->who,
        c->agent != NULL   ? usher_agent_name(c->agent)
        : c->queue != NULL ? usher_queue_name(c->queue)
                           : "",
        c->other, c->op.lo);
    call->remember = attempt;
    if (run.drained)
        call->expected = watch_expect(&run.watch, c, usher_now(run.u));
    call->command = *c;
    if (run.drained && watch_ticket(&run.watch, c->claim.ticket) != NULL) {
        call->from = watch_ticket(&run.watch, c->claim.ticket)->state;
        call->from_queue = watch_ticket(&run.watch, c->claim.ticket)->queue;
    }
    look_before(call);
    err = usher_act(run.u, c, on_done, call);
    call->at = usher_now(run.u);
    returned(call, err, 1);
    if (err != USHER_OK)
        wrong("refused: %s", usher_err_name(err));
    if (attempt >= 0)
        run.attempts[attempt].at = usher_now(run.u);
    return call;
}

/* ---- agents with manners --------------------------------------------------------------------- */

static int manner_of(const usher_command *c)
{
    const struct seen *t = watch_ticket(&run.watch, c->claim.ticket);
    bool holds = t != NULL && c->claim.token != 0 && watch_claim_stands(t) && t->holder >= 0;

    return holds ? run.manner[t->holder] : WILLING;
}

/* The token of another ticket's claim. */
static uint64_t mistaken_token(usher_id mine)
{
    for (uint32_t tries = 0; tries < 8; tries++) {
        usher_id id = draw_ticket();
        const struct seen *t = watch_ticket(&run.watch, id);

        if (id != mine && t != NULL && watch_claim_stands(t))
            return t->token;
    }
    return 1 + below(8);
}

/* The same at once once more, before it has been told what became of it. */
static void say_again(const usher_command *c, int attempt)
{
    struct call *call;

    say("; again");
    call = new_call(true);
    call->repeats = attempt;
    call->at_once = true;
    returned(call, usher_act(run.u, c, on_done, call), 1);
}

void draw_act(void)
{
    usher_command c = draw_command();
    int manner = manner_of(&c);
    /* What others do at the same time may else drive its op out of the window. */
    bool twice = manner == TWICE && one_in(2) && run.op_window_n >= 100;
    struct attempt *a = NULL;

    if ((manner == DIES || manner == STALLS) && !one_in(8)) {
        say("nothing");
        return;
    }
    if ((twice || one_in(6)) && run.attempts_n < OPS_MAX)
        a = new_attempt(ACT);
    if (manner == MISTAKES && one_in(2))
        c.claim.token = mistaken_token(c.claim.ticket);
    if (a != NULL) {
        c.op = a->op;
        a->command = c;
    }
    do_act(&c, a == NULL ? -1 : (int)(a - run.attempts));
    if (a != NULL && twice)
        say_again(&c, (int)(a - run.attempts));
}

/* A ticket with a claim that has ended, of one who stalls if there is one. */
static usher_id draw_ended(void)
{
    uint32_t n = run.watch.tickets_n, from = below(n + 1);
    usher_id other = 0;

    for (uint32_t i = 0; i < n; i++) {
        usher_id id = 1 + (from + i) % n;
        const struct seen *t = &run.watch.ticket[id];

        if (t->token == 0 || (t->token == 1 && watch_claim_stands(t)))
            continue;
        if (t->holder >= 0 && run.manner[t->holder] == STALLS && !watch_claim_stands(t))
            return id;
        other = other == 0 || one_in(4) ? id : other;
    }
    return other;
}

/* Somebody acts on a claim that he has no more: he is told so, and nothing changes. */
void draw_late(void)
{
    usher_command c = draw_command();
    const struct seen *t;
    uint64_t digest;
    int64_t due;

    drain_first();
    c.claim.ticket = draw_ended();
    t = watch_ticket(&run.watch, c.claim.ticket);
    if (t == NULL) {
        say("nobody is late");
        return;
    }
    c.claim.token = 1 + below((uint32_t)t->token - watch_claim_stands(t));
    digest = digest_now();
    due = usher__service_next_due(run.u);
    say("late: ");
    if (do_act(&c, -1)->expected == USHER_ESTALE)
        run.told[LATE]++;
    if (digest_now() != digest || usher__service_next_due(run.u) != due)
        wrong("one who was late has changed something");
    drain();
}
/* ---- repeats --------------------------------------------------------------------------------- */

static void repeat_claim(struct attempt *a, struct call *call, bool as_ticket)
{
    int err;

    call->agent = a->agent;
    call->claims = !as_ticket;
    call->n = as_ticket ? 1 : a->claim.n;
    call->wait_ms = a->claim.wait_ms;
    if (as_ticket)
        err = usher_claim_ticket(run.watch.agent[a->agent], a->command.claim.ticket, &a->op,
                                 on_work, call);
    else
        err = usher_claim_many(run.watch.agent[a->agent], &a->claim, on_work, call);
    returned(call, err, 1);
}

void draw_repeat(void)
{
    struct attempt *a = &run.attempts[below(run.attempts_n + 1)];
    struct call *call;
    int64_t now = usher_now(run.u);
    bool remembered, other = one_in(4);

    if (a == &run.attempts[run.attempts_n] || a->what == FORGOTTEN)
        return;
    drain_first();
    remembered = a->remembered && now - a->at < run.op_window_ms &&
                 run.remembered_n - a->place < run.op_window_n;
    if (!remembered) { /* then it is a command like any other */
        say("again: ");
        a->remembered = false;
        if (a->what == ENQUEUE && run.watch.tickets_n + 2 < TICKETS_MAX)
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
