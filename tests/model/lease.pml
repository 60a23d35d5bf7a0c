/* One ticket, its claims and their leases: lib/core (agent.c, fire.c, step.c).
 *
 * Agents claim it, are slow, stall, answer late, and answer twice. The clock goes on whenever it
 * likes, the timer may be as late as it likes. Every command is one step: the ticket's own due
 * timer, the token, the state, in that order.
 *
 * Shown: what is accepted comes from the agent that holds it, within its lease; a token ends at
 * most one claim; nothing but the holder's own command, its lease and a claim out of turn ends a
 * claim; how late the timer is makes no difference to what is accepted.
 *
 * Each of these, defined, takes one guard away, and then something must go wrong:
 *   NO_TOKEN     the token is not looked at
 *   NO_FIRE      a command is judged before the ticket's own due timer is
 *   TOKEN_BACK   a claim that ends gives its token back
 *   NO_FENCE     a claim out of turn keeps the token of the claim that it ends
 *   PAUSE_RUNS   the lease runs on while it is paused
 *   LATE_LEASE   the lease ends after its last instant
 */
#define AGENTS 2
#define LEASE  2
#define TIMES  6
#define CLAIMS 4

mtype = { WAITING, CLAIMED, PAUSED, RESOLVED };

mtype state = WAITING;
byte token;          /* the latest; it only ever grows */
byte lease_until, now;
byte holder, until;  /* what is true, whatever the library believes: 0 nobody */
bool ended[CLAIMS + 1];
byte claims;

inline fire() /* usher__fire(): what is due, at its own instant */
{
#ifdef LATE_LEASE
    if :: state == CLAIMED && now > lease_until ->
#else
    if :: state == CLAIMED && now >= lease_until ->
#endif
        state = WAITING;
#ifdef TOKEN_BACK
        token--;
#endif
    :: else
    fi
}

inline truth() /* the same, seen from outside */
{
    if :: holder != 0 && until != 0 && now >= until -> holder = 0
    :: else
    fi
}

inline judge()
{
    truth();
#ifndef NO_FIRE
    fire()
#else
    skip
#endif
}

#ifdef NO_TOKEN
#define VALID (mine != 0)
#else
#define VALID (mine != 0 && mine == token)
#endif

/* It is accepted: then it must have been this agent's to say. */
inline accepted() { assert(holder == me) }
inline end_claim()
{
    assert(!ended[mine]);
    ended[mine] = true;
    holder = 0;
#ifdef TOKEN_BACK
    token--;
#endif
}

inline take()
{
    claims++;
    token++;
    mine = token;
    state = CLAIMED;
    lease_until = now + LEASE;
    holder = me;
    until = lease_until
}

proctype agent(byte me)
{
    byte mine; /* the token that it has; it keeps it after it is of no use any more */

    do
    :: atomic { state == WAITING && claims < CLAIMS -> judge(); take() }
    :: atomic { state == CLAIMED && now >= lease_until && claims < CLAIMS ->
            judge(); if :: state == WAITING -> take() :: else fi }
    :: atomic { state == PAUSED && claims < CLAIMS -> /* claim_ticket: out of turn */
            judge();
#ifdef NO_FENCE
            token--;
#endif
            take() }
    :: atomic { mine != 0 -> /* extend, update, acknowledge */
            judge();
            if :: VALID && state == CLAIMED ->
                accepted(); lease_until = now + LEASE; until = lease_until
            :: else
            fi }
    :: atomic { mine != 0 -> /* pause: the lease stands still */
            judge();
            if :: VALID && state == CLAIMED ->
                accepted();
#ifdef PAUSE_RUNS
                state = CLAIMED;
#else
                state = PAUSED;
#endif
                until = 0
            :: else
            fi }
    :: atomic { mine != 0 -> /* release, fail */
            judge();
            if :: VALID && state == CLAIMED -> accepted(); state = WAITING; end_claim()
            :: else
            fi }
    :: atomic { mine != 0 -> /* resolve, also from a pause; twice, for its answer was lost */
            judge();
            if :: VALID && (state == CLAIMED || state == PAUSED) ->
                accepted(); state = RESOLVED; end_claim()
            :: else
            fi }
    :: atomic { state == RESOLVED -> break }
    :: now == TIMES -> break
    od
}

active proctype clock()
{
    do
    :: atomic { now < TIMES -> now++ }
    :: atomic { now > 0 -> judge() } /* the timer, whenever it comes */
    :: now == TIMES -> break
    od
}

/* What the library believes and what is true are the same whenever nothing is due. */
active proctype watch()
{
    do
    :: atomic { !(state == CLAIMED && now >= lease_until) ->
            assert(state != CLAIMED || holder != 0);
            assert(state != WAITING || holder == 0 || (until != 0 && now >= until)) }
    :: now == TIMES -> break
    od
}

init { atomic { run agent(1); run agent(2) } }
