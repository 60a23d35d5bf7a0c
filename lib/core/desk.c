/* What the desk does: put right, lift, move, write down. */
#include "core/turn.h"

#include <stddef.h>

void usher__do_revive(struct turn *turn)
{
    turn->t->attempts = 0;
    usher__return(turn, false);
    usher__tell(turn, USHER_EV_REVIVED, turn->c->who)->text = turn->c->text;
}

void usher__do_escalate(struct turn *turn)
{
    if (turn->t->level < UINT16_MAX)
        turn->t->level++;
    usher__tell(turn, USHER_EV_ESCALATED, turn->c->who)->text = turn->c->text;
}

/* What a new target puts into the past is one event at the command's own instant. */
void usher__judge_again(struct turn *turn, int ix)
{
    struct ticket *t = turn->t;
    struct promise *m = &t->promise[ix];
    struct event *e;
    int highest = -1, warn;

    if ((m->flags & PROMISE_OWED) == 0 || m->state != USHER_RUNNING)
        return;
    if (usher__promise_broken(t, turn->policy, ix) <= turn->at) {
        int64_t due = usher__promise_due(t, turn->policy, ix);

        m->state = USHER_BROKEN;
        e = usher__tell(turn, USHER_EV_BROKEN, 0);
        e->promise = (uint8_t)(ix + 1);
        e->due_at = due;
        e->rule = usher__promise_rule(ix);
        return;
    }
    while (usher__promise_warning(t, turn->policy, ix, &warn) <= turn->at) {
        m->warned = (uint8_t)(m->warned | 1u << warn);
        highest = warn;
    }
    if (highest < 0)
        return;
    e = usher__tell(turn, USHER_EV_WARNED, 0);
    e->promise = (uint8_t)(ix + 1);
    e->n = turn->policy->warn[highest];
    e->due_at = usher__promise_due(t, turn->policy, ix);
    e->rule = "warn";
}

void usher__reprioritise(struct turn *turn, int priority, uint32_t who)
{
    struct ticket *t = turn->t;
    struct event *e;
    uint8_t lapsed = 0;

    if (priority == t->priority) {
        usher__tell(turn, USHER_EV_REPRIORITISED, who)->how = priority;
        return;
    }
    t->priority = (uint8_t)priority;
    for (int ix = 0; ix < PROMISES; ix++) {
        if (turn->at >= t->start_at && usher__promise_retarget(t, turn->policy, ix, turn->at))
            lapsed = (uint8_t)(lapsed | 1u << (ix + 1));
    }
    e = usher__tell(turn, USHER_EV_REPRIORITISED, who);
    e->how = priority;
    e->lapsed = lapsed;
    for (int ix = 0; ix < PROMISES; ix++)
        usher__judge_again(turn, ix);
    usher__rank_anew(turn);
}

void usher__do_reprioritise(struct turn *turn)
{
    uint32_t first = turn->out->events_n;

    usher__reprioritise(turn, turn->c->kind, turn->c->who);
    turn->out->events[first].text = turn->c->text;
}

void usher__do_move(struct turn *turn)
{
    struct ticket *t = turn->t;
    struct event *e;

    if (turn->c->queue != t->queue) {
        if ((t->flags & TICKET_KEPT) != 0)
            usher__end_keep(t); /* it is for others now */
        t->queue = turn->c->queue;
        usher__rank_anew(turn);
    }
    e = usher__tell(turn, USHER_EV_MOVED, turn->c->who);
    e->to = t->queue;
    e->text = turn->c->text;
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
