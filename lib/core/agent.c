/* What agents do: claim, say a word, pause, let go, solve. */
#include "core/cold.h"
#include "core/turn.h"

#include <stddef.h>

enum { CHERRY_MS = 60000 }; /* a release so soon after the claim counts as passing over */

int usher__check_claim(const struct turn *turn)
{
    const struct ticket *t = turn->t;
    bool to_another = t->state == USHER_OFFERED && t->extra->offer_agent != 0 &&
                      t->extra->offer_agent != turn->c->agent;

    return to_another ? USHER_ESTATE : 0;
}

void usher__do_claim(struct turn *turn)
{
    struct ticket *t = turn->t;
    struct event *e;
    int how = 0;
    uint32_t passed_over = turn->c->verb == VERB_CLAIM_TICKET ? turn->facts->passed_over : 0;

    if (t->extra != NULL) {
        usher__pauses_end(turn);
        how = usher__accept(t);
        t->extra->told_no_agent = false;
    }
    if (t->state == USHER_STUCK)
        t->attempts = 0;
    usher__set_state(turn, USHER_CLAIMED);
    t->token++;
    t->holder = turn->c->agent;
    t->claimed_boot = turn->boot;
    t->flags = (uint8_t)(t->flags & ~(CLAIM_WORD | CLAIM_ALIVE));
    t->until_at = usher__after(turn->boot, turn->facts->here->lease_for);
    e = usher__tell(turn, USHER_EV_CLAIMED, turn->c->who);
    e->n = passed_over;
    e->how = how;
    e->took = t->token == 1 ? usher__took(t->start_at, turn->at) : 0;
    e->until_at = usher__until(t, (struct now){turn->at, turn->boot, turn->ahead, turn->seen});
}

/* This claim is seen to work: a word, and after the first one anything that shows life. */
static void show_life(struct ticket *t, bool word, bool life)
{
    if (life && (t->flags & CLAIM_WORD) != 0)
        t->flags |= CLAIM_ALIVE;
    if (word)
        t->flags |= CLAIM_WORD;
}

void usher__do_acknowledge(struct turn *turn)
{
    struct ticket *t = turn->t;
    uint8_t kept = usher__word(turn, turn->c->text);
    struct event *e;

    if ((t->promise[USHER_PROMISE_UPDATE - 1].flags & PROMISE_OWED) == 0)
        usher__promise_start(t, turn->policy, USHER_PROMISE_UPDATE - 1, turn->at, 0);
    show_life(t, true, false);
    e = usher__tell(turn, USHER_EV_ACKNOWLEDGED, turn->c->who);
    e->text = turn->c->text;
    e->kept = kept;
}

/* A machine's receipt is no word: it may keep `ack`, where the policy lets it, and nothing else. */
COLD void usher__do_receipt(struct turn *turn)
{
    uint8_t kept = turn->policy->receipt ? usher__stop(turn, USHER_PROMISE_ACK) : 0;
    struct event *e = usher__tell(turn, USHER_EV_RECEIPT, turn->c->who);

    e->text = turn->c->text;
    e->kept = kept;
}

int usher__check_update(const struct turn *turn)
{
    return turn->c->at != 0 && turn->c->at <= turn->at ? USHER_EINVAL : 0;
}

static struct event *update(struct turn *turn, int64_t next_word_at)
{
    uint8_t kept = usher__word(turn, turn->c->text);
    struct event *e;

    kept |= usher__stop(turn, USHER_PROMISE_UPDATE);
    usher__promise_start(turn->t, turn->policy, USHER_PROMISE_UPDATE - 1, turn->at, next_word_at);
    show_life(turn->t, true, true);
    e = usher__tell(turn, USHER_EV_UPDATED, turn->c->who);
    e->text = turn->c->text;
    e->kept = kept;
    e->until_at = next_word_at;
    return e;
}

void usher__do_update(struct turn *turn)
{
    update(turn, turn->c->at);
}

/* The lease itself is extended in step(), as by every command with the token. */
void usher__do_extend(struct turn *turn)
{
    show_life(turn->t, false, true);
    usher__tell(turn, USHER_EV_EXTENDED, turn->c->who)->text = turn->c->text;
}

static void let_go(struct turn *turn, uint32_t passed_over)
{
    struct event *e;

    usher__return(turn, false);
    e = usher__tell(turn, USHER_EV_RELEASED, turn->c->who);
    e->text = turn->c->text;
    e->n = passed_over;
}

void usher__do_release(struct turn *turn)
{
    let_go(turn, turn->boot - turn->t->claimed_boot <= CHERRY_MS ? 1 : 0);
}

void usher__do_leave(struct turn *turn)
{
    let_go(turn, 0);
}

/* What is left of a reason's maximum, its running pause counted. */
static int64_t pause_left(const struct turn *turn, int reason)
{
    const struct ticket *t = turn->t;
    int64_t left = turn->policy->pause[reason].max - t->extra->pause[reason].spent;

    if (usher__pause_runs(t, reason))
        left -= turn->at - t->extra->pause[reason].since_at;
    return left;
}

COLD int usher__check_pause(const struct turn *turn)
{
    int reason = turn->c->kind - 1;

    if (turn->c->at != 0 && turn->c->at <= turn->at)
        return USHER_EINVAL;
    if (pause_left(turn, reason) <= 0)
        return USHER_ESTATE;
    if (turn->t->extra->pauses_n >= USHER_PAUSES_MAX && !usher__pause_runs(turn->t, reason))
        return USHER_ELIMIT;
    return 0;
}

/* Whether the latest pause, beside the reasons that ran before, stops a promise in the last tenth of
 * its target: that is how desks cheat. */
static bool stops_late(const struct turn *turn, uint32_t ran)
{
    const struct ticket *t = turn->t;
    bool late = false;

    for (int ix = 0; ix < PROMISES; ix++) {
        const struct promise *m = &t->promise[ix];
        uint32_t by = turn->policy->promise[ix].pauses;

        if (m->state != USHER_RUNNING ||
            (m->flags & (PROMISE_OWED | PROMISE_ALONE)) != PROMISE_OWED)
            continue;
        if ((by & ran) != 0 || (by & t->extra->reasons) == 0)
            continue;
        late = late ||
               m->target - usher__promise_used(t, turn->policy, ix, turn->at) <= m->target / 10;
    }
    return late;
}

COLD void usher__do_pause(struct turn *turn)
{
    struct ticket *t = turn->t;
    int reason = turn->c->kind - 1;
    struct pause *pause = &t->extra->pause[reason];
    int64_t max_at = usher__after(turn->at, pause_left(turn, reason));
    uint32_t ran = t->extra->reasons;
    struct event *e;
    uint8_t kept = 0;

    usher__pause_begin(turn, reason);
    pause->at_max = turn->c->at == 0 || turn->c->at >= max_at;
    pause->end_at = pause->at_max ? max_at : turn->c->at;
    if (turn->c->at > max_at)
        turn->out->flags |= USHER_WAS_CLIPPED;
    if (reason == USHER_ON_REQUESTER - 1) {
        usher__set_text(turn, &t->extra->question, turn->c->text);
        kept = usher__word(turn, turn->c->text);
        kept |= usher__stop(turn, USHER_PROMISE_UPDATE);
        usher__promise_start(t, turn->policy, USHER_PROMISE_UPDATE - 1, turn->at, 0);
        show_life(t, true, true);
    }
    if (t->state != USHER_PAUSED)
        usher__set_state(turn, USHER_PAUSED);
    e = usher__tell(turn, USHER_EV_PAUSED, turn->c->who);
    e->how = turn->c->kind;
    e->n = stops_late(turn, ran);
    e->until_at = pause->end_at;
    e->text = turn->c->text;
    e->kept = kept;
}

int usher__check_resume(const struct turn *turn)
{
    if (turn->c->kind != 0 && !usher__pause_runs(turn->t, turn->c->kind - 1))
        return USHER_ESTATE;
    return 0;
}

COLD void usher__do_resume(struct turn *turn)
{
    struct event *e;

    if (turn->c->kind == 0)
        usher__pauses_end(turn);
    else
        usher__pause_stop(turn, turn->c->kind - 1);
    if (turn->t->extra->reasons == 0)
        usher__return(turn, true);
    e = usher__tell(turn, USHER_EV_RESUMED, turn->c->who);
    e->how = turn->c->kind;
    e->text = turn->c->text;
}

void usher__do_resolve(struct turn *turn)
{
    bool workaround = turn->c->kind == USHER_AS_WORKAROUND;
    uint8_t kept;

    if (usher__is_cause(turn->t)) {
        if (workaround || turn->c->kind == USHER_AS_FIX)
            turn->out->effects |= EFFECT_TELL_LINKED;
        if (workaround) { /* of the others' trouble: its own goes on */
            update(turn, 0)->how = USHER_AS_WORKAROUND;
            return;
        }
    }
    usher__pauses_end(turn);
    kept = usher__word(turn, turn->c->text);
    kept |= usher__stop(turn, USHER_PROMISE_UPDATE);
    kept |= usher__stop(turn, USHER_PROMISE_RESOLVE);
    usher__resolve(turn, turn->c->kind != 0 ? turn->c->kind : USHER_AS_ANSWERED, turn->c->text,
                   turn->c->who, kept, 0);
}

COLD void usher__do_fail(struct turn *turn)
{
    struct ticket *t = turn->t;
    const struct policy *p = turn->policy;
    struct event *e;
    uint32_t step;

    t->attempts++;
    if (t->attempts >= p->attempts) {
        usher__set_state(turn, USHER_STUCK);
        e = usher__tell(turn, USHER_EV_FAILED, turn->c->who);
        e->text = turn->c->text;
        e->n = t->attempts;
        usher__stuck(turn, turn->c->who);
        return;
    }
    step = t->attempts < p->backoff_n ? t->attempts : p->backoff_n;
    usher__set_state(turn, USHER_SCHEDULED);
    t->until_at = usher__after(turn->at, p->backoff[step - 1]);
    e = usher__tell(turn, USHER_EV_FAILED, turn->c->who);
    e->text = turn->c->text;
    e->n = t->attempts;
    e->until_at = t->until_at;
    e->rule = "retry.backoff";
}
