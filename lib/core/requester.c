/* What the persons who wait do: ask for something, join, chase, reply, confirm, reopen, leave. */
#include "core/turn.h"

#include <stddef.h>

/* ---- asking for something --------------------------------------------------------------------- */

/* The record's unchanging part (id, queue, policy, requester, names, body) is filled in already. */
void usher__do_enqueue(struct turn *turn)
{
    struct ticket *t = turn->t;

    t->enqueued_at = turn->at;
    t->start_at = turn->c->at > turn->at ? turn->c->at : turn->at;
    if (t->start_at > turn->at) {
        usher__set_state(turn, USHER_SCHEDULED);
        t->until_at = t->start_at;
    } else {
        usher__start(turn);
    }
    usher__tell(turn, USHER_EV_ENQUEUED, turn->c->who);
    if (t->extra != NULL)
        usher__recur(turn);
}

static uint32_t needs_united(const struct extra *x, const struct command *c, uint32_t *fresh)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->needs_n; i++) {
        bool known = false;

        for (uint32_t k = 0; k < x->needs_n; k++)
            known = known || x->needs[k] == c->needs[i];
        for (uint32_t k = 0; k < n; k++)
            known = known || fresh[k] == c->needs[i];
        if (!known)
            fresh[n++] = c->needs[i];
    }
    return n;
}

int usher__check_join(const struct turn *turn)
{
    const struct ticket *t = turn->t;
    uint32_t fresh[USHER_NEEDS_MAX];
    uint32_t n = needs_united(t->extra, turn->c, fresh);

    if (t->extra->needs_n + n > USHER_NEEDS_MAX)
        return USHER_ELIMIT;
    if (t->persons_n >= USHER_PERSONS_MAX && !usher__is_person(t, turn->c->who))
        return USHER_ELIMIT;
    return 0;
}

static void add_person(struct turn *turn)
{
    struct ticket *t = turn->t;
    struct extra *x = t->extra;

    if (usher__is_person(t, turn->c->who))
        return;
    if (t->persons_n == 1)
        x->persons[0] = (struct person){t->requester, (t->flags & TICKET_CONFIRMED) != 0};
    x->persons[t->persons_n++] = (struct person){turn->c->who, false};
    turn->out->take[turn->out->take_n++] = turn->c->who;
}

void usher__do_join(struct turn *turn)
{
    struct ticket *t = turn->t;
    struct extra *x = t->extra;
    const struct command *c = turn->c;
    int64_t start_at = c->at > turn->at ? c->at : turn->at;
    uint32_t fresh[USHER_NEEDS_MAX];
    uint32_t fresh_n = needs_united(x, c, fresh);
    struct event *e;

    add_person(turn);
    e = usher__tell(turn, USHER_EV_JOINED, c->who);
    e->text = c->text;
    turn->out->flags |= USHER_WAS_JOINED;
    if ((t->flags & TICKET_ACKNOWLEDGED) != 0)
        usher__message(turn);
    if (c->priority > t->priority)
        usher__reprioritise(turn, (int)c->priority, c->who);
    for (uint32_t i = 0; i < fresh_n; i++) {
        x->needs[x->needs_n++] = fresh[i];
        turn->out->take[turn->out->take_n++] = fresh[i];
    }
    if (t->state != USHER_SCHEDULED || (t->flags & TICKET_RANKED) != 0 || start_at >= t->start_at)
        return;
    t->start_at = start_at;
    t->until_at = start_at;
    if (start_at == turn->at) {
        usher__start(turn);
        usher__tell(turn, USHER_EV_STARTED, c->who);
    }
}

/* ---- those who wait ---------------------------------------------------------------------------- */

static struct person *person_of(const struct ticket *t, uint32_t name)
{
    for (uint32_t i = 0; i < t->persons_n; i++) {
        if (t->extra->persons[i].name == name)
            return &t->extra->persons[i];
    }
    return NULL;
}

/* The list of persons is there from the second one on; before that the requester stands alone. */
static bool listed(const struct ticket *t)
{
    return t->persons_n > 1;
}

bool usher__is_person(const struct ticket *t, uint32_t name)
{
    if (name == 0)
        return false;
    return listed(t) ? person_of(t, name) != NULL : t->requester == name;
}

int usher__check_person(const struct turn *turn)
{
    return usher__is_person(turn->t, turn->c->who) ? 0 : USHER_ESTATE;
}

void usher__do_ask(struct turn *turn)
{
    struct ticket *t = turn->t;
    struct event *e;

    if (t->chases < UINT16_MAX)
        t->chases++;
    if (t->state != USHER_RESOLVED)
        usher__message(turn);
    else
        t->until_at = usher__after(turn->at, turn->policy->confirm_within);
    e = usher__tell(turn, USHER_EV_ASKED, turn->c->who);
    e->text = turn->c->text;
    e->n = t->chases;
}

/* ---- after-care --------------------------------------------------------------------------------- */

static bool all_confirmed(const struct ticket *t)
{
    if (!listed(t))
        return (t->flags & TICKET_CONFIRMED) != 0;
    for (uint32_t i = 0; i < t->persons_n; i++) {
        if (!t->extra->persons[i].confirmed)
            return false;
    }
    return true;
}

void usher__do_confirm(struct turn *turn)
{
    struct ticket *t = turn->t;

    if (listed(t))
        person_of(t, turn->c->who)->confirmed = true;
    else
        t->flags |= TICKET_CONFIRMED;
    usher__tell(turn, USHER_EV_CONFIRMED, turn->c->who)->text = turn->c->text;
    if (all_confirmed(t))
        usher__close(turn, turn->c->who);
}

int usher__check_reopen(const struct turn *turn)
{
    const struct ticket *t = turn->t;

    if (!usher__is_person(t, turn->c->who))
        return USHER_ESTATE;
    if (t->state == USHER_CLOSED &&
        turn->at >= usher__after(t->resolved_at, turn->policy->reopen_within))
        return USHER_ESTATE;
    if (t->extra->pauses_n >= USHER_PAUSES_MAX)
        return USHER_ELIMIT;
    return 0;
}

/* The same arming of `resolve` goes on; the time since the resolve does not count. A policy that was
 * applied meanwhile may have given it a target, or taken it away: true then. */
static bool resume_resolve(struct turn *turn)
{
    struct ticket *t = turn->t;
    struct extra *x = t->extra;
    struct promise *m = &t->promise[USHER_PROMISE_RESOLVE - 1];
    bool wanted = turn->policy->promise[USHER_PROMISE_RESOLVE - 1].target[t->priority - 1] != 0;

    if (turn->at > t->resolved_at)
        x->stretches[x->stretches_n++] =
            (struct stretch){t->resolved_at, turn->at, STRETCH_RESOLVED};
    x->pauses_n++;
    m->flags |= PROMISE_OWED;
    if (m->state == USHER_KEPT || (m->state == USHER_LAPSED && wanted))
        m->state = USHER_RUNNING;
    return usher__promise_retarget(t, turn->policy, USHER_PROMISE_RESOLVE - 1, turn->at);
}

static void reopen(struct turn *turn, struct text *why)
{
    bool lapsed = resume_resolve(turn);
    struct event *e;

    turn->t->attempts = 0;
    usher__message(turn);
    usher__return(turn, true);
    e = usher__tell(turn, USHER_EV_REOPENED, turn->c->who);
    e->text = why;
    e->lapsed = lapsed ? 1u << USHER_PROMISE_RESOLVE : 0;
    /* A warning may have been due in the very ms in which the policy resolved it. */
    usher__judge_again(turn, USHER_PROMISE_RESOLVE - 1);
}

void usher__do_reopen(struct turn *turn)
{
    reopen(turn, turn->c->text);
}

int usher__check_reply(const struct turn *turn)
{
    int state = turn->t->state;

    if (turn->c->kind == USHER_COURTESY)
        return state == USHER_CLOSED ? USHER_ESTATE : usher__check_person(turn);
    if (state == USHER_RESOLVED || state == USHER_CLOSED)
        return usher__check_reopen(turn);
    return usher__check_person(turn);
}

static void tell_reply(struct turn *turn)
{
    struct event *e = usher__tell(turn, USHER_EV_REPLIED, turn->c->who);

    e->text = turn->c->text;
    e->how = turn->c->kind;
}

void usher__do_reply(struct turn *turn)
{
    struct ticket *t = turn->t;
    bool asked = usher__pause_runs(t, USHER_ON_REQUESTER - 1);
    bool reopens = t->state == USHER_RESOLVED || t->state == USHER_CLOSED;

    if (turn->c->kind == USHER_COURTESY) {
        tell_reply(turn);
        return;
    }
    if (asked)
        usher__pause_stop(turn, USHER_ON_REQUESTER - 1);
    if (t->extra != NULL)
        t->extra->pause[USHER_ON_REQUESTER - 1].spent = 0;
    if (reopens) {
        tell_reply(turn);
        reopen(turn, NULL);
        return;
    }
    usher__message(turn);
    if (asked && t->extra->reasons == 0)
        usher__return(turn, true);
    tell_reply(turn);
}

/* ---- leaving ------------------------------------------------------------------------------------ */

static void leave(struct turn *turn)
{
    struct ticket *t = turn->t;
    struct person *persons = t->extra->persons;
    uint32_t i = 0;

    while (persons[i].name != turn->c->who)
        i++;
    for (; i + 1 < t->persons_n; i++)
        persons[i] = persons[i + 1];
    t->persons_n--;
    t->requester = persons[0].name;
    t->flags = (uint8_t)(t->flags & ~TICKET_CONFIRMED);
    if (persons[0].confirmed)
        t->flags |= TICKET_CONFIRMED;
    turn->out->left = turn->c->who;
    usher__tell(turn, USHER_EV_LEFT, turn->c->who)->text = turn->c->text;
    if (t->state == USHER_RESOLVED && all_confirmed(t))
        usher__close(turn, turn->c->who);
}

void usher__do_withdraw(struct turn *turn)
{
    struct ticket *t = turn->t;
    uint32_t holder = usher__claim_stands(t) ? t->holder : 0;
    struct event *e;
    uint8_t lapsed = 0;

    if (listed(t)) {
        leave(turn);
        return;
    }
    usher__pauses_end(turn);
    for (int ix = 0; ix < PROMISES; ix++) {
        struct promise *m = &t->promise[ix];

        if ((m->flags & PROMISE_OWED) != 0 && m->state == USHER_RUNNING) {
            m->state = USHER_LAPSED;
            lapsed = (uint8_t)(lapsed | 1u << (ix + 1));
        }
        m->flags = (uint8_t)(m->flags & ~PROMISE_OWED);
    }
    usher__set_state(turn, USHER_WITHDRAWN);
    e = usher__tell(turn, USHER_EV_WITHDRAWN, turn->c->who);
    e->to = holder;
    e->text = turn->c->text;
    e->lapsed = lapsed;
}
