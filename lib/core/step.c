/* step(): judges a command by the table and does it. And what every verb is made of: events,
 * states, words, messages, pauses, the way into the line and out of it. */
#include "core/cold.h"
#include "core/turn.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* ---- the judgement --------------------------------------------------------------------------- */

void usher__outcome_clear(struct outcome *out)
{
    out->events_n = out->hold_n = out->drop_n = out->take_n = 0;
    out->flags = out->effects = 0;
    out->set_mark = false;
    out->left = 0;
}

bool usher__claim_stands(const struct ticket *t)
{
    return t->state >= USHER_CLAIMED && t->state <= USHER_PAUSED; /* offered between them */
}

/* A command of the holder keeps his lease alive, up to lease.max in one claim. */
static void extend_lease(struct turn *turn, int64_t by)
{
    struct ticket *t = turn->t;
    int64_t end = usher__after(turn->boot, by);
    int64_t cap = usher__after(t->claimed_boot, turn->facts->here->lease_max);

    if (end > cap) {
        end = cap;
        if (turn->c->verb == USHER_EXTEND)
            turn->out->flags |= USHER_WAS_CLIPPED;
    }
    if (end > t->until_at)
        t->until_at = end;
}

#ifndef NDEBUG
/* Whether the row of the table says that the command may lead there, and to that token. */
static bool ends_as_told(const struct verb *verb, int from, uint64_t token, const struct ticket *t)
{
    static const char letters[] = "SWCOPKRXD";
    char told = from == 0 ? '*' : verb->to[from - 1];
    char to = letters[t->state - 1];

    if (t->token != token + (verb->token == TOKEN_NEW ? 1 : 0))
        return false;
    if (verb->token == TOKEN_ENDED && t->state != from && usher__claim_stands(t))
        return false;
    if (told == '*')
        return strchr(verb->or, to) != NULL;
    return told == '=' ? t->state == from : told == to;
}
#endif

int usher__step(struct ticket *t, const struct command *c, struct now now,
                const struct policy *policy, const struct facts *facts, struct outcome *out)
{
    const struct verb *verb = usher__verb(c->verb);
    struct turn turn = {t, c, policy, facts, out, now.wall, now.boot, now.ahead, now.wall, 0, 0};
    uint64_t token = t->token;
    int from = t->state;

    (void)from; /* both only of use to the assertion */
    (void)token;
    usher__outcome_clear(out);
    if (c->token != 0 && (!usher__claim_stands(t) || c->token != t->token))
        return USHER_ESTALE;
    if (c->verb != VERB_ENQUEUE && verb->to[t->state - 1] == '.')
        return USHER_ESTATE;
    if (verb->check != NULL) {
        int err = verb->check(&turn);

        if (err != 0)
            return err;
    }
    verb->apply(&turn);
    if ((verb->facts & FACT_ABLE) != 0)
        usher__do_no_agent(&turn);
    assert(ends_as_told(verb, from, token, t));
    if (c->token != 0 && t->state == USHER_CLAIMED)
        extend_lease(&turn, c->verb == USHER_EXTEND && c->ms > 0 ? c->ms : facts->here->lease_for);
    if (c->verb == USHER_EXTEND)
        out->events[0].until_at = usher__until(t, now);
    return 0;
}

uint32_t usher__room_for(const struct ticket *t, const struct command *c)
{
    uint32_t room = usher__verb(c->verb)->room;

    for (int ix = 0; c->verb == VERB_APPLY && ix < PROMISES; ix++) {
        if (t->promise[ix].warned != 0)
            room |= ROOM_EXTRA | ROOM_RUNGS; /* the other version may not have these warnings */
    }
    if (c->verb == USHER_UPDATE && c->at != 0)
        room |= ROOM_EXTRA; /* a named promise */
    if (c->verb == USHER_REPLY && t->state != USHER_RESOLVED && t->state != USHER_CLOSED)
        room = ROOM_LINE | ROOM_KEPT; /* what it ends has its room since it began */
    if (t->state == USHER_OFFERED && usher__verb(c->verb)->token == TOKEN_NEW)
        room |= ROOM_LINE; /* it may change its queue */
    return room;
}

uint32_t usher__room_to_fire(struct timer timer, struct now at)
{
    uint32_t room = ROOM_LINE | ROOM_KEPT;

    if (timer.kind == TIMER_STEP)
        room |= ROOM_EXTRA | ROOM_RUNGS;
    if (timer.kind == TIMER_WARNING && usher__is_late(timer.at, at.wall, at.seen))
        room |= ROOM_EXTRA; /* it is told with others */
    return room;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Those for which the policy wants people told, as bits of their kinds. */
#define FOR_PEOPLE                                                                                 \
    (UINT64_C(1) << USHER_EV_WARNED | UINT64_C(1) << USHER_EV_BROKEN |                             \
     UINT64_C(1) << USHER_EV_STEPPED | UINT64_C(1) << USHER_EV_REMINDED |                          \
     UINT64_C(1) << USHER_EV_CHECK_IN)

static int64_t notify_at(const struct turn *turn)
{
    const struct calendar *quiet = turn->policy->notify_calendar;

    if (quiet == NULL || usher__calendar_is_open(quiet, turn->seen))
        return 0;
    return usher__calendar_next_open(quiet, turn->seen);
}

struct event *usher__tell(struct turn *turn, int kind, uint32_t who)
{
    const struct ticket *t = turn->t;
    struct event *e = &turn->out->events[turn->out->events_n++];

    assert(turn->out->events_n <= EVENTS_MAX);
    *e = (struct event){.at = turn->at,
                        .ticket = t->id,
                        .seq = ++turn->t->seq,
                        .who = who,
                        .queue = t->queue,
                        .policy_version = turn->policy->version,
                        .level = t->level,
                        .kind = (uint8_t)kind,
                        .state = t->state,
                        .priority = t->priority,
                        .word = turn->word,
                        .held = turn->held};
    turn->word = turn->held = 0;
    if ((FOR_PEOPLE >> kind & 1) != 0)
        e->notify_at = notify_at(turn);
    return e;
}

COLD struct event *usher__tell_of(struct turn *turn, int kind, int ix, const char *rule)
{
    struct event *e = usher__tell(turn, kind, 0);

    e->promise = (uint8_t)(ix + 1);
    e->due_at = usher__promise_due(turn->t, turn->policy, ix);
    e->rule = rule;
    return e;
}

/* ---- states and texts ------------------------------------------------------------------------ */

void usher__set_state(struct turn *turn, int state)
{
    struct ticket *t = turn->t;

    if (t->state == USHER_CLAIMED)
        turn->held = usher__took(t->state_at, turn->at);
    if (t->state == USHER_OFFERED)
        t->extra->offer_queue = t->extra->offer_agent = 0;
    t->state = (uint8_t)state;
    t->state_at = turn->at;
    t->until_at = 0;
    t->flags = (uint8_t)(t->flags & ~TICKET_KEPT);
}

void usher__raise(struct ticket *t, uint32_t levels)
{
    levels += t->level;
    t->level = levels < UINT16_MAX ? (uint16_t)levels : UINT16_MAX;
}

void usher__set_text(struct turn *turn, struct text **slot, struct text *text)
{
    struct outcome *out = turn->out;

    if (*slot == text)
        return;
    if (*slot != NULL)
        out->drop[out->drop_n++] = *slot;
    if (text != NULL)
        out->hold[out->hold_n++] = text;
    *slot = text;
}

/* ---- words and messages ---------------------------------------------------------------------- */

uint8_t usher__stop(struct turn *turn, int promise)
{
    return usher__promise_stop(turn->t, promise - 1) ? (uint8_t)(1u << promise) : 0;
}

uint8_t usher__word(struct turn *turn, struct text *text)
{
    struct ticket *t = turn->t;
    uint8_t kept = usher__stop(turn, USHER_PROMISE_ACK);

    kept |= usher__stop(turn, USHER_PROMISE_ANSWER); /* one word answers all who wait */
    if ((t->flags & TICKET_ACKNOWLEDGED) == 0)
        turn->word = usher__took(t->start_at, turn->at);
    t->flags |= TICKET_ACKNOWLEDGED;
    if (text != NULL)
        usher__set_text(turn, &t->last_word, text);
    return kept;
}

COLD void usher__message(struct turn *turn)
{
    struct ticket *t = turn->t;
    struct promise *answer = &t->promise[USHER_PROMISE_ANSWER - 1];

    if ((answer->flags & PROMISE_OWED) != 0)
        return; /* the oldest counts */
    if (turn->at < t->start_at)
        answer->flags = PROMISE_OWED; /* its clock starts with the others */
    else
        usher__promise_start(t, turn->policy, USHER_PROMISE_ANSWER - 1, turn->at, 0);
}

/* ---- into the line --------------------------------------------------------------------------- */

void usher__start(struct turn *turn)
{
    struct ticket *t = turn->t;
    struct promise *answer = &t->promise[USHER_PROMISE_ANSWER - 1];

    usher__promise_start(t, turn->policy, USHER_PROMISE_ACK - 1, t->start_at, 0);
    usher__promise_start(t, turn->policy, USHER_PROMISE_RESOLVE - 1, t->start_at, 0);
    if ((answer->flags & PROMISE_OWED) != 0)
        usher__promise_start(t, turn->policy, USHER_PROMISE_ANSWER - 1, t->start_at, 0);
    usher__set_state(turn, USHER_WAITING);
    usher__rank_first(turn);
}

void usher__end_keep(struct ticket *t)
{
    t->flags = (uint8_t)(t->flags & ~TICKET_KEPT);
    t->until_at = 0;
}

void usher__return(struct turn *turn, bool keep)
{
    struct ticket *t = turn->t;
    int64_t keep_for = turn->facts->here->keep_for;

    usher__set_state(turn, USHER_WAITING);
    usher__rank_again(turn);
    if (keep && keep_for > 0 && turn->facts->holder_present) {
        t->flags |= TICKET_KEPT;
        t->until_at = usher__after(turn->at, keep_for);
    }
}

/* It waits for a skill that nobody here has: said once. */
void usher__do_no_agent(struct turn *turn)
{
    struct extra *x = turn->t->extra;

    if (turn->t->state != USHER_WAITING || x == NULL || x->needs_n == 0 || x->told_no_agent ||
        turn->facts->able)
        return;
    x->told_no_agent = true;
    usher__tell(turn, USHER_EV_NO_AGENT, 0);
}

COLD void usher__stuck(struct turn *turn, uint32_t who)
{
    struct event *e;

    usher__raise(turn->t, 1);
    e = usher__tell(turn, USHER_EV_STUCK, who);
    e->n = turn->t->attempts;
    e->rule = "retry.attempts";
}

/* ---- pauses ---------------------------------------------------------------------------------- */

bool usher__pause_runs(const struct ticket *t, int reason)
{
    return t->extra != NULL && (t->extra->reasons & 1u << reason) != 0;
}

/* From now on another set of reasons holds: what held until now becomes history. */
static void set_reasons(struct turn *turn, uint32_t reasons)
{
    struct extra *x = turn->t->extra;

    if (x->reasons != 0 && turn->at > x->set_since)
        x->stretches[x->stretches_n++] = (struct stretch){x->set_since, turn->at, x->reasons};
    x->reasons = reasons;
    x->set_since = turn->at;
}

COLD void usher__pause_begin(struct turn *turn, int reason)
{
    struct extra *x = turn->t->extra;

    if ((x->reasons & 1u << reason) == 0) {
        set_reasons(turn, x->reasons | 1u << reason);
        x->pause[reason].since_at = turn->at;
        x->pauses_n++;
    }
    x->pause[reason].began_at = turn->at;
    x->pause[reason].reminded = 0;
}

COLD void usher__pause_stop(struct turn *turn, int reason)
{
    struct extra *x = turn->t->extra;

    x->pause[reason].spent += turn->at - x->pause[reason].since_at;
    set_reasons(turn, x->reasons & ~(1u << reason));
    if (reason == USHER_ON_REQUESTER - 1)
        usher__set_text(turn, &x->question, NULL);
}

void usher__pauses_end(struct turn *turn)
{
    for (int reason = 0; reason < REASONS; reason++) {
        if (usher__pause_runs(turn->t, reason))
            usher__pause_stop(turn, reason);
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

void usher__close(struct turn *turn, uint32_t who)
{
    const struct ticket *t = turn->t;

    usher__set_state(turn, USHER_CLOSED);
    usher__tell(turn, USHER_EV_CLOSED, who)->took = usher__took(t->start_at, t->resolved_at);
}

void usher__resolve(struct turn *turn, int how, struct text *text, uint32_t who, uint8_t kept,
                    uint8_t lapsed)
{
    struct ticket *t = turn->t;
    const struct policy *p = turn->policy;
    struct event *e;

    t->attempts = 0;
    t->checked_in = 0;
    t->flags = (uint8_t)(t->flags & ~TICKET_CONFIRMED);
    if (t->extra != NULL && t->extra->persons != NULL) {
        for (uint32_t i = 0; i < t->persons_n; i++)
            t->extra->persons[i].confirmed = false;
    }
    usher__set_state(turn, USHER_RESOLVED);
    t->resolved_at = turn->at;
    t->until_at = usher__after(turn->at, p->confirm_within);
    e = usher__tell(turn, USHER_EV_RESOLVED, who);
    e->took = usher__took(t->start_at, turn->at);
    e->how = how;
    e->text = text;
    e->kept = kept;
    e->lapsed = lapsed;
    if (p->confirm_within == 0)
        usher__close(turn, who);
}

/* ---- what a view shows ------------------------------------------------------------------------ */

int64_t usher__until(const struct ticket *t, struct now now)
{
    int64_t until = INT64_MAX;

    if (t->state == USHER_CLAIMED)
        return t->until_at == INT64_MAX ? INT64_MAX : t->until_at + now.ahead;
    if (t->state != USHER_PAUSED)
        return t->until_at;
    for (int reason = 0; reason < REASONS; reason++) {
        if (usher__pause_runs(t, reason) && t->extra->pause[reason].end_at < until)
            until = t->extra->pause[reason].end_at;
    }
    return until;
}

int64_t usher__nearest_due(const struct ticket *t, const struct policy *policy)
{
    int64_t nearest = INT64_MAX;

    for (int ix = 0; ix < PROMISES; ix++) {
        int64_t due = usher__promise_due(t, policy, ix);

        if (due < nearest)
            nearest = due;
    }
    return nearest;
}

struct place usher__place(const struct ticket *t)
{
    struct place place = {PLACE_NONE, t->queue, t->priority - 1u, t->holder, t->rank};

    if (t->state == USHER_WAITING)
        place.where = (t->flags & TICKET_KEPT) != 0 ? PLACE_KEPT : PLACE_LINE;
    else if (t->state == USHER_CLAIMED)
        place.where = PLACE_HELD;
    if (t->state != USHER_OFFERED)
        return place;
    place.where = t->extra->offer_queue != 0 ? PLACE_LINE : PLACE_KEPT;
    if (place.where == PLACE_LINE)
        place.queue = t->extra->offer_queue;
    else
        place.agent = t->extra->offer_agent;
    return place;
}
