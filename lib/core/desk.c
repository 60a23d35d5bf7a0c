/* What the desk does: put right, lift, move, write down. */
#include "core/ladder.h"

#include <stddef.h>

void usher__do_revive(struct turn *turn)
{
    turn->t->attempts = 0;
    usher__return(turn, false);
    usher__tell(turn, USHER_EV_REVIVED, turn->c->who)->text = turn->c->text;
}

void usher__do_escalate(struct turn *turn)
{
    usher__raise(turn->t, 1);
    usher__tell(turn, USHER_EV_ESCALATED, turn->c->who)->text = turn->c->text;
}

uint8_t usher__retarget(struct turn *turn, int priority)
{
    struct ticket *t = turn->t;
    uint8_t lapsed = 0;

    t->priority = (uint8_t)priority;
    for (int ix = 0; ix < PROMISES; ix++) {
        if (turn->at >= t->start_at && usher__promise_retarget(t, turn->policy, ix, turn->at))
            lapsed = (uint8_t)(lapsed | 1u << (ix + 1));
    }
    return lapsed;
}

/* What a new target puts into the past is one event at the change's own instant. */
void usher__judge_again(struct turn *turn, int ix)
{
    struct ticket *t = turn->t;
    struct promise *m = &t->promise[ix];
    int highest = -1, warn;

    if ((m->flags & PROMISE_OWED) == 0 || m->state != USHER_RUNNING)
        return;
    if (usher__promise_broken(t, turn->policy, ix) <= turn->at) {
        usher__broken(turn, ix);
        return;
    }
    while (usher__promise_warning(t, turn->policy, ix, &warn) <= turn->at) {
        m->warned = (uint8_t)(m->warned | 1u << warn);
        highest = warn;
    }
    if (highest >= 0)
        usher__tell_of(turn, USHER_EV_WARNED, ix, "warn")->n = turn->policy->warn[highest];
}

void usher__judge_all(struct turn *turn)
{
    for (int ix = 0; ix < PROMISES; ix++)
        usher__judge_again(turn, ix);
}

void usher__reprioritise(struct turn *turn, int priority, uint32_t who)
{
    bool same = priority == turn->t->priority;
    uint8_t lapsed = same ? 0 : usher__retarget(turn, priority);
    struct event *e = usher__tell(turn, USHER_EV_REPRIORITISED, who);

    e->how = priority;
    e->lapsed = lapsed;
    if (same)
        return;
    usher__judge_all(turn);
    usher__rank_anew(turn);
}

void usher__do_reprioritise(struct turn *turn)
{
    uint32_t first = turn->out->events_n;

    usher__reprioritise(turn, turn->c->kind, turn->c->who);
    turn->out->events[first].text = turn->c->text;
}

void usher__set_queue(struct turn *turn, uint32_t queue)
{
    if ((turn->t->flags & TICKET_KEPT) != 0)
        usher__end_keep(turn->t); /* it is for others now */
    turn->t->queue = queue;
}

void usher__do_move(struct turn *turn)
{
    struct ticket *t = turn->t;
    struct event *e;

    if (turn->c->queue != t->queue) {
        usher__set_queue(turn, turn->c->queue);
        usher__rank_anew(turn);
    }
    e = usher__tell(turn, USHER_EV_MOVED, turn->c->who);
    e->to = t->queue;
    e->text = turn->c->text;
}

/* How many of these moments after `from` have passed. */
static uint8_t passed(const int64_t *after, uint32_t n, int64_t from, int64_t now)
{
    uint8_t k = 0;

    while (k < n && now - from >= after[k])
        k++;
    return k;
}

/* A reopen goes on with the new target; until then the verdict stands. */
static void retarget_kept(struct turn *turn)
{
    struct promise *m = &turn->t->promise[USHER_PROMISE_RESOLVE - 1];

    if (m->state != USHER_KEPT)
        return;
    m->state = USHER_RUNNING;
    m->flags |= PROMISE_OWED;
    usher__promise_retarget(turn->t, turn->policy, USHER_PROMISE_RESOLVE - 1, turn->at);
    usher__promise_stop(turn->t, USHER_PROMISE_RESOLVE - 1);
    m->state = USHER_KEPT;
}

/* A later version of the policy. What it would have reminded of or asked for by now is not made up
 * for: only what is still to come is told. */
void usher__do_apply(struct turn *turn)
{
    struct ticket *t = turn->t;
    const struct policy *p = turn->policy;
    uint8_t lapsed = usher__retarget(turn, t->priority);

    if (t->state == USHER_RESOLVED) {
        retarget_kept(turn);
        t->checked_in = passed(p->check_in, p->check_in_n, t->resolved_at, turn->at);
    }
    for (int ix = 0; ix < PROMISES; ix++)
        usher__ladder_rewarn(t, turn->facts->was, p, ix);
    for (int i = 0; i < REASONS; i++) {
        const struct pause_policy *pause = &p->pause[i];

        if (usher__pause_runs(t, i))
            t->extra->pause[i].reminded =
                passed(pause->remind, pause->remind_n, t->extra->pause[i].began_at, turn->at);
    }
    usher__tell(turn, USHER_EV_APPLIED, turn->c->who)->lapsed = lapsed;
    usher__judge_all(turn);
    if (t->state != USHER_RESOLVED) /* that has no due: it comes back by its old rank */
        usher__rank_anew(turn);
}

void usher__do_note(struct turn *turn)
{
    usher__tell(turn, USHER_EV_NOTED, turn->c->who)->text = turn->c->text;
}

int usher__check_unkeep(const struct turn *turn)
{
    return (turn->t->flags & TICKET_KEPT) != 0 ? 0 : USHER_ESTATE;
}

void usher__do_unkeep(struct turn *turn)
{
    usher__end_keep(turn->t);
    usher__tell(turn, USHER_EV_KEEP_ENDED, turn->c->who);
}
