/* Years of a desk at random, and what must hold for each person at every step of it: somebody
 * answers for what is in hand, passing it on moves no promise, asking moves nobody, no level and
 * no history goes back. And the figures are what is counted here from the events, one by one. */
#include <inttypes.h>

#include "walk.h"

enum { STEPS = 300000, KINDS = 64, QUEUES = 3, TOUCHED_MAX = 256 };

struct years {
    usher_figures figures[QUEUES][5]; /* by priority; 0: all */
    uint64_t seq;
    uint64_t ticket_seq[TICKETS];
    int32_t level[TICKETS];
    usher_id touched[TOUCHED_MAX]; /* told of since the last look */
    uint32_t touched_n;
    uint32_t compared, offered; /* so that a walk that shows nothing is seen */
};

/* ---- the figures, counted again -------------------------------------------------------------- */

static void spread(usher_spread *s, int64_t ms)
{
    if (ms < 0)
        return;
    s->n++;
    s->sum_ms += ms;
}

static void count_kind(usher_figures *f, const usher_event *e)
{
    uint64_t *plain[KINDS] = {
        [USHER_EV_ENQUEUED] = &f->enqueued,
        [USHER_EV_JOINED] = &f->joined,
        [USHER_EV_RECURRED] = &f->recurred,
        [USHER_EV_CLAIMED] = &f->claims,
        [USHER_EV_ASKED] = &f->chases,
        [USHER_EV_REPLIED] = &f->replies,
        [USHER_EV_OFFERED] = &f->handoffs,
        [USHER_EV_DECLINED] = &f->declined,
        [USHER_EV_RECALLED] = &f->recalled,
        [USHER_EV_OFFER_EXPIRED] = &f->expired,
        [USHER_EV_PAUSED] = &f->pauses,
        [USHER_EV_FAILED] = &f->failed,
        [USHER_EV_LEASE_EXPIRED] = &f->leases_expired,
        [USHER_EV_STUCK] = &f->stuck,
        [USHER_EV_RESOLVED] = &f->resolved,
        [USHER_EV_ESCALATED] = &f->escalated,
        [USHER_EV_NO_AGENT] = &f->no_agent,
        [USHER_EV_CONFIRMED] = &f->confirmed,
        [USHER_EV_REOPENED] = &f->reopened,
        [USHER_EV_CLOSED] = &f->closed,
        [USHER_EV_WITHDRAWN] = &f->withdrawn,
    };

    if (plain[e->kind] != NULL)
        ++*plain[e->kind];
    if (e->kind == USHER_EV_CLAIMED)
        spread(&f->wait, e->took_ms);
    if (e->kind == USHER_EV_CLOSED)
        spread(&f->solve, e->took_ms);
    if (e->kind == USHER_EV_CLAIMED || e->kind == USHER_EV_RELEASED)
        f->passed_over += e->n;
    f->accepted += e->kind == USHER_EV_CLAIMED && e->how != 0;
    f->let_go += e->kind == USHER_EV_RELEASED && e->n != 0;
    f->late_pauses += e->kind == USHER_EV_PAUSED && e->n != 0;
    f->workarounds += e->kind == USHER_EV_RESOLVED && e->how == USHER_AS_WORKAROUND;
    f->no_reply += e->kind == USHER_EV_RESOLVED && e->how == USHER_AS_NO_REPLY;
}

static void count_event(usher_figures *f, const usher_event *e)
{
    count_kind(f, e);
    f->words += e->word_ms >= 0;
    spread(&f->word, e->word_ms);
    f->held_ms += e->held_ms >= 0 ? e->held_ms : 0;
    for (int p = 0; p < 4; p++) {
        f->kept[p] += e->kept >> (p + 1) & 1;
        f->lapsed[p] += e->lapsed >> (p + 1) & 1;
        f->broken[p] += e->kind == USHER_EV_BROKEN && e->promise == p + 1;
    }
}

static int queue_ix(const struct walk *w, const usher_queue_t *q)
{
    for (int i = 0; i < QUEUES; i++) {
        if (w->queues[i] == q)
            return i;
    }
    fail_msg("an event of a queue that is not there");
    return 0;
}

static void same(const usher_figures *f, const char *what, uint64_t is, uint64_t told)
{
    if (is != told)
        fail_msg("%s, priority %" PRId32 ": %s is %" PRIu64 ", and %" PRIu64 " were told",
                 usher_queue_name(f->queue), f->priority, what, is, told);
}
#define SAME(field) same(f, #field, (uint64_t)f->field, (uint64_t)mine->field)

static void compare(const usher_figures *f, const usher_figures *mine)
{
    SAME(enqueued), SAME(joined), SAME(recurred), SAME(claims), SAME(passed_over), SAME(let_go),
        SAME(words);
    SAME(chases), SAME(replies), SAME(handoffs), SAME(accepted), SAME(declined), SAME(expired),
        SAME(recalled);
    SAME(pauses), SAME(late_pauses), SAME(failed), SAME(leases_expired), SAME(stuck),
        SAME(escalated), SAME(no_agent);
    SAME(resolved), SAME(workarounds), SAME(no_reply), SAME(confirmed), SAME(reopened),
        SAME(closed), SAME(withdrawn);
    SAME(held_ms), SAME(wait.n), SAME(wait.sum_ms), SAME(word.n), SAME(word.sum_ms), SAME(solve.n),
        SAME(solve.sum_ms);
    for (int p = 0; p < 4; p++)
        SAME(kept[p]), SAME(broken[p]), SAME(lapsed[p]);
}

static void on_figures(usher_t *u, int status, const usher_page *p, void *user)
{
    struct walk *w = user;
    struct years *y = w->user;

    (void)u;
    assert_int_equal(status, USHER_OK);
    for (uint64_t i = 0; i < p->n; i++, y->compared++)
        compare(&p->figures[i],
                &y->figures[queue_ix(w, p->figures[i].queue)][p->figures[i].priority]);
}

/* ---- what must hold -------------------------------------------------------------------------- */

static bool seen_now(const struct walk *w, usher_id id, usher_standing *out)
{
    *out = (usher_standing)USHER_INIT(usher_standing);
    return usher_peek(w->s->u, id, out) == USHER_OK;
}

/* Somebody answers for what is in hand, at any instant; and an offer has somebody to take it,
 * and an end. */
static void expect_owner(struct walk *w, usher_id id)
{
    usher_standing p;

    if (!seen_now(w, id, &p))
        return;
    if (p.state == USHER_CLAIMED || p.state == USHER_OFFERED || p.state == USHER_PAUSED)
        assert_non_null(p.holder);
    assert_int_equal(p.offered_to != NULL, p.state == USHER_OFFERED);
    assert_int_equal(p.offer != 0, p.state == USHER_OFFERED);
    if (p.state == USHER_OFFERED)
        assert_true(p.until_at > wall(w->s) && p.until_at <= wall(w->s) + 30 * MINUTE);
    assert_true(p.persons > 0 && p.requester != NULL);
}

static void look_at_touched(struct walk *w)
{
    struct years *y = w->user;

    for (uint32_t i = 0; i < y->touched_n; i++)
        expect_owner(w, y->touched[i]);
    y->touched_n = 0;
}

static void on_event_of_years(struct walk *w, const usher_event *e)
{
    struct years *y = w->user;
    usher_figures *of = y->figures[queue_ix(w, e->queue)];

    assert_int_equal(e->ticket_seq, y->ticket_seq[e->ticket] + 1);
    y->ticket_seq[e->ticket] = e->ticket_seq;
    assert_true(e->seq > y->seq && e->at <= wall(w->s));
    y->seq = e->seq;
    assert_true(e->level >= y->level[e->ticket]);
    y->level[e->ticket] = e->level;
    count_event(&of[0], e);
    count_event(&of[e->priority], e);
    y->offered += e->kind == USHER_EV_OFFERED;
    if (y->touched_n < TOUCHED_MAX)
        y->touched[y->touched_n++] = e->ticket;
}

static void expect_promises_untouched(const usher_standing *before, const usher_standing *after)
{
    for (int i = 0; i < 4; i++) {
        assert_int_equal(after->promises[i].start_at, before->promises[i].start_at);
        assert_int_equal(after->promises[i].due_at, before->promises[i].due_at);
        assert_int_equal(after->promises[i].target_ms, before->promises[i].target_ms);
        assert_int_equal(after->promises[i].left_ms, before->promises[i].left_ms);
        assert_int_equal(after->promises[i].state, before->promises[i].state);
        assert_int_equal(after->promises[i].arming, before->promises[i].arming);
    }
    assert_int_equal(after->enqueued_at, before->enqueued_at);
    assert_int_equal(after->start_at, before->start_at);
}

static void act_and_look(struct walk *w, const usher_command *c)
{
    usher_standing before, after;
    bool there = seen_now(w, c->claim.ticket, &before);

    if (usher_act(w->s->u, c, NULL, NULL) != USHER_OK || !there ||
        !seen_now(w, c->claim.ticket, &after))
        return;
    if (c->verb == USHER_HAND_OFF || c->verb == USHER_RECALL || c->verb == USHER_DECLINE ||
        c->verb == USHER_LINK || c->verb == USHER_MOVE || c->verb == USHER_ESCALATE ||
        c->verb == USHER_RELEASE)
        expect_promises_untouched(&before, &after);
    if (c->verb == USHER_ASK) { /* chasing moves nobody */
        assert_int_equal(after.rank_at, before.rank_at);
        assert_int_equal(after.ahead, before.ahead);
    }
    if (before.rank_at != 0 && c->verb != USHER_MOVE && c->verb != USHER_REPRIORITISE)
        assert_true(after.rank_at <= before.rank_at);
    assert_true(after.level >= before.level && after.chases >= before.chases &&
                after.handoffs >= before.handoffs);
    expect_owner(w, c->claim.ticket);
    (void)usher_advance(w->s->u, wall(w->s));
    look_at_touched(w);
}

static void test_years__hold_what_each_person_is_promised(void **unused)
{
    (void)unused;

    struct walk *w = calloc(1, sizeof *w);
    struct years *y = calloc(1, sizeof *y);
    usher_query q = { .size = sizeof q, .what = USHER_READ_FIGURES, .limit = 100 };

    assert_non_null(w);
    assert_non_null(y);
    w->user = y;
    w->on_event = on_event_of_years;
    w->act = act_and_look;
    walk(w, STEPS);
    assert_int_equal(usher_read(w->s->u, &q, on_figures, w), USHER_OK);
    run(w->s);
    assert_int_equal(y->compared, QUEUES * 5);
    assert_true(y->offered > 50);
    end(w->s);
    free(y);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_years__hold_what_each_person_is_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
