/* Workloads of what people do with one another: passing on, causes; and the figures of it all. */
#include <stdlib.h>

#include "calls_of.h"

/* ---- passing on ------------------------------------------------------------------------------ */

static void hand_off(struct play *p, usher_claim held, usher_agent_t *to)
{
    usher_command c = command(USHER_HAND_OFF, held.ticket, held.token);

    c.agent = to;
    c.queue = to == NULL ? p->brittle : NULL;
    c.text = words("they know it");
    c.op = op(p);
    act(p, &c);
    play_drain(p);
}

static void desk(struct play *p, int verb, usher_id ticket)
{
    usher_command c = command(verb, ticket, 0);

    c.who = verb == USHER_WITHDRAW || verb == USHER_CONFIRM ? "eva" : "bob";
    act(p, &c);
    play_drain(p);
}

static usher_claim claim_next(struct play *p, usher_agent_t *a, usher_queue_t *q)
{
    (void)CALL(p, usher_claim_next, a, q, 0, play_on_work, play_user(p));
    play_drain(p);
    return p->claims[(p->claims_n - 1) % PLAY_CLAIMS];
}

/* Every way in which an offer may end, and those that it may not have. */
void run_handoff(struct play *p)
{
    static const char *const skills[] = {"paper", "ink"};
    usher_claim held;

    workload_define(p);
    held = claim(p, enqueue(p, p->q));
    hand_off(p, held, NULL);
    held = claim_next(p, p->b, p->brittle); /* accepted, in the other queue */
    hand_off(p, held, p->a);
    desk(p, USHER_RECALL, held.ticket);
    hand_off(p, held, p->a);
    desk(p, USHER_DECLINE, held.ticket);
    held = claim_next(p, p->b, p->brittle); /* kept for him */
    hand_off(p, held, p->a);
    (void)CALL(p, usher_claim_ticket, p->a, held.ticket, NULL, play_on_work, play_user(p));
    play_drain(p);
    held = p->claims[(p->claims_n - 1) % PLAY_CLAIMS];
    hand_off(p, held, p->b); /* once too often: it stays, a level up */
    (void)CALL(p, usher_resolve, p->u, &held, USHER_AS_FIX, "oiled", play_on_done, play_user(p));
    play_drain(p);
    held = claim(p, enqueue(p, p->q));
    hand_off(p, held, p->b);
    (void)CALL(p, usher_claim_next, p->a, p->q, HOUR, play_on_work, play_user(p));
    (void)CALL(p, usher_agent_gone, p->b, play_on_done, play_user(p)); /* declined by going */
    play_drain(p);
    held = p->claims[(p->claims_n - 1) % PLAY_CLAIMS]; /* the parked one had it: kept */
    (void)CALL(p, usher_agent, p->u, &p->b, "bob", skills, 2);
    hand_off(p, held, p->b);
    play_pass(p, HOUR); /* not accepted */
    held = claim(p, enqueue(p, p->q));
    hand_off(p, held, NULL);
    (void)CALL(p, usher_agent_gone, p->a, play_on_done, play_user(p)); /* the giver; it stands */
    play_drain(p);
    desk(p, USHER_RECALL, held.ticket);
    (void)CALL(p, usher_agent, p->u, &p->a, "ann", NULL, 0);
    held = claim(p, enqueue(p, p->q));
    hand_off(p, held, p->b);
    (void)CALL(p, usher_resolve, p->u, &held, USHER_AS_ANSWERED, "so", play_on_done, play_user(p));
    held = claim(p, enqueue(p, p->q));
    hand_off(p, held, p->b);
    desk(p, USHER_WITHDRAW, held.ticket);
    held = claim(p, enqueue(p, p->q));
    hand_off(p, held, NULL);
    play_close(p);
    play_open(p);
    play_pass(p, DAY);
}

/* ---- causes ---------------------------------------------------------------------------------- */

static usher_id recur(struct play *p, const char *who, usher_id follows)
{
    usher_request r = request();

    r.requester = who;
    r.symptom = "noise";
    r.follows = follows;
    (void)CALL(p, usher_enqueue, p->q, &r, play_on_done, play_user(p));
    play_drain(p);
    return p->done.ticket;
}

static void link_to(struct play *p, usher_id ticket, usher_id cause)
{
    usher_command c = command(USHER_LINK, ticket, 0);

    c.other = cause;
    act(p, &c);
    play_drain(p);
}

static void resolve(struct play *p, usher_claim held, int as)
{
    (void)CALL(p, usher_resolve, p->u, &held, as, "a new belt", play_on_done, play_user(p));
    play_drain(p);
}

void run_cause(struct play *p)
{
    usher_id first, other;
    usher_claim held;

    workload_define(p);
    first = recur(p, "eva", 0);
    (void)recur(p, "ben", 0); /* a cause is opened, and both are linked to it */
    held = claim(p, first);
    resolve(p, held, USHER_AS_ANSWERED);
    desk(p, USHER_CONFIRM, first); /* closed, and linked */
    held = claim_next(p, p->b, p->brittle); /* the cause */
    resolve(p, held, USHER_AS_WORKAROUND);
    (void)recur(p, "eva", first);
    other = enqueue(p, p->q);
    link_to(p, other, held.ticket);
    link_to(p, other, held.ticket);
    play_close(p);
    play_open(p);
    link_to(p, other, first + 1); /* which becomes one by that */
    link_to(p, other, 0);
    resolve(p, held, USHER_AS_FIX); /* the closed one is asked whether it holds */
    (void)recur(p, "cyd", 0);
    (void)CALL(p, usher_reopen, p->u, held.ticket, "desk", "no", play_on_done, play_user(p));
    play_drain(p);
    (void)recur(p, "cyd", 0);
    held = claim(p, held.ticket);
    resolve(p, held, USHER_AS_FIX);
    play_pass(p, 3 * DAY); /* it is over: nobody is linked any more */
    (void)recur(p, "eva", 0);
    (void)recur(p, "eva", 0); /* the next one */
    held.ticket = p->done.ticket + 1;
    for (usher_id id = held.ticket; id > held.ticket - 2; id--) {
        usher_command c = command(USHER_WITHDRAW, id, 0);

        c.who = id == held.ticket ? "desk" : "eva";
        act(p, &c);
    }
    play_drain(p);
}

/* ---- figures --------------------------------------------------------------------------------- */

/* So many events that the figures are written down in between; and what comes after that is folded
 * in again at the opening. */
void run_figures(struct play *p)
{
    enum { N = 8300 };
    usher_command *c = must(calloc(N, sizeof *c));
    usher_claim held;

    workload_define(p);
    held = claim(p, enqueue(p, p->q));
    play_pass(p, 5 * MINUTE);
    (void)CALL(p, usher_acknowledge, p->u, &held, "mine", play_on_done, play_user(p));
    play_drain(p);
    for (uint32_t i = 0; i < N; i++) {
        c[i] = command(USHER_ASK, held.ticket, 0);
        c[i].who = "eva";
    }
    for (int i = 0; i < 2; i++) {
        (void)CALL(p, usher_act_many, p->u, c, N, play_on_done, play_user(p));
        play_drain(p);
    }
    free(c);
    for (int i = 0; i < 3; i++) {
        workload_groups(p, 2, 1);
        play_pass(p, DAY + HOUR);
        hand_off(p, claim(p, enqueue(p, p->q)), p->b);
        if (i == 1) {
            play_close(p);
            play_open(p);
        }
    }
    play_pass(p, 33 * DAY); /* the first days are no longer kept apart */
    workload_groups(p, 2, 1);
}
