/* One ticket that is handed off: lib/core/handoff.c.
 *
 * Who gives it answers for it until somebody has taken it. Taken, refused, taken back, not taken in
 * time, or made void because somebody has gone: an offer ends once, whatever comes at the same
 * instant and however late its timer is.
 *
 * Shown: from its first claim until it waits or is resolved exactly one agent answers for it, and
 * only his token is of use; each offer has one end; refused or late it waits and nobody's token is
 * of use; taken back, the giver's goes on; no more than HOPS are made.
 *
 * Each of these, defined, takes one guard away, and then something must go wrong:
 *   TIMER_STAYS    the timer of an offer is not put off when it has ended
 *   STATE_UNASKED  what ends an offer does not ask whether there is one
 *   GONE_BACK      taken back, it is the giver's, though he has gone
 *   TAKER_SHARES   who takes it gets the giver's token
 *   NO_FIRE        a command is judged before the ticket's own due timer is
 *   NO_HOPS        hand-offs are not counted
 */
#define ACCEPT 2
#define TIMES  5
#define CLAIMS 3
#define HOPS   2

mtype = { WAITING, CLAIMED, OFFERED, RESOLVED };

mtype state = WAITING;
byte token, now, claims, hops;
bool valid;            /* the token is one of a claim that stands */
byte offer_until;      /* 0: no timer */
byte giver;            /* who made the offer; 0: he has gone */
byte answers;          /* who answers for it, seen from outside; 0: nobody */
byte outcomes, offers; /* ends of offers, and offers */
bool gone[3];

inline end_offer() { outcomes++; assert(outcomes == offers) }

inline back_to_line() /* where it is kept for the giver */
{
    end_offer();
    state = WAITING;
    answers = 0;
    valid = false;
#ifndef TIMER_STAYS
    offer_until = 0;
#endif
}

inline judge()
{
#ifndef NO_FIRE
    if :: offer_until != 0 && now >= offer_until ->
#ifdef TIMER_STAYS
        offer_until = 0;
        back_to_line()
#else
        assert(state == OFFERED);
        back_to_line()
#endif
    :: else
    fi
#else
    skip
#endif
}

#ifdef STATE_UNASKED
#define IS_OFFERED (offers > 0)
#else
#define IS_OFFERED (state == OFFERED)
#endif
#define VALID (mine != 0 && mine == token && valid)

inline take()
{
    claims++;
#ifdef TAKER_SHARES
    if :: state != OFFERED -> token++ :: else fi;
#else
    token++;
#endif
    if
    :: state == OFFERED ->
        assert(now < offer_until);
        end_offer()
    :: else
    fi;
#ifndef TIMER_STAYS
    offer_until = 0;
#endif
    mine = token;
    valid = true;
    state = CLAIMED;
    answers = me
}

proctype agent(byte me)
{
    byte mine;

    do
    :: atomic { !gone[me] && claims < CLAIMS && (state == WAITING || (state == OFFERED && giver != me)) ->
            judge();
            if :: state == WAITING || state == OFFERED -> take() :: else fi }
    :: atomic { mine != 0 && !gone[me] -> /* hand_off */
            judge();
            if
#ifdef NO_HOPS
            :: VALID && state == CLAIMED ->
#else
            :: VALID && state == CLAIMED && hops < HOPS ->
#endif
                assert(answers == me);
                hops++; offers++;
                assert(hops <= HOPS);
                state = OFFERED; giver = me; offer_until = now + ACCEPT
            :: else
            fi }
    :: atomic { mine != 0 && !gone[me] -> /* a word, more lease */
            judge();
            if :: VALID && (state == CLAIMED || state == OFFERED) -> assert(answers == me)
            :: else
            fi }
    :: atomic { mine != 0 && !gone[me] -> /* resolve, also while it is offered */
            judge();
            if :: VALID && (state == CLAIMED || state == OFFERED) ->
                assert(answers == me);
                if :: state == OFFERED -> end_offer() :: else fi;
                state = RESOLVED; answers = 0; valid = false; offer_until = 0
            :: else
            fi }
    :: atomic { !gone[me] && giver != me && state == OFFERED -> /* refuse */
            judge();
            if :: IS_OFFERED -> back_to_line() :: else fi }
    :: atomic { offers > 0 -> /* recall, by the desk: it is the giver's again; has he gone, it waits */
            judge();
            if
#ifdef GONE_BACK
            :: IS_OFFERED ->
#else
            :: IS_OFFERED && giver != 0 ->
#endif
                end_offer(); state = CLAIMED; offer_until = 0; assert(answers == giver)
            :: IS_OFFERED && giver == 0 -> back_to_line()
            :: else
            fi }
    :: atomic { !gone[me] && now > 2 -> /* agent_gone: releases what he holds; his offers stand without him */
            judge();
            gone[me] = true;
            if
            :: state == CLAIMED && answers == me -> state = WAITING; answers = 0; valid = false
            :: state == OFFERED && giver == me -> giver = 0; answers = 0; valid = false
            :: state == OFFERED && giver != me -> back_to_line() /* it was offered to him */
            :: else
            fi }
    :: state == RESOLVED || now == TIMES -> break
    od
}

active proctype clock()
{
    do
    :: atomic { now < TIMES -> now++ }
    :: atomic { now > 0 -> judge() }
    :: now == TIMES -> break
    od
}

active proctype watch()
{
    do
    :: atomic { now < TIMES ->
            assert(state != CLAIMED || answers != 0);
            assert(state != OFFERED || answers == giver);
            assert((state != WAITING && state != RESOLVED) || answers == 0);
            assert(state != OFFERED || offers == outcomes + 1);
            assert(state == OFFERED || offers == outcomes) }
    :: now == TIMES -> break
    od
}

init { atomic { run agent(1); run agent(2) } }
