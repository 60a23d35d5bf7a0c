/* What is legal when, and where it leads: the table once more. */
#include "watch.h"

#include <inttypes.h>
#include <string.h>

#include "parts.h"

/* Which state each verb is legal in, and where it may lead; "=": it stays. */
static const struct legal {
    int verb, kind; /* kind -1: any */
    const char *states, *to;
} legal[] = {
    { USHER_ACKNOWLEDGE, 0, "COP", "=" },
    { USHER_ACKNOWLEDGE, USHER_BY_MACHINE, "SWCOPK", "=" },
    { USHER_UPDATE, -1, "COP", "=" },
    { USHER_EXTEND, -1, "C", "=" },
    { USHER_RELEASE, -1, "C", "W" },
    { USHER_PAUSE, -1, "CP", "P" },
    { USHER_RESUME, -1, "P", "PW" },
    { USHER_RESOLVE, -1, "COP", "RX" },
    { USHER_FAIL, -1, "C", "SK" },
    { USHER_HAND_OFF, -1, "C", "OC" },
    { USHER_ASK, -1, "SWCOPKR", "=" },
    { USHER_REPLY, 0, "SWCOPKRX", "=" },
    { USHER_REPLY, USHER_COURTESY, "SWCOPKR", "=" },
    { USHER_CONFIRM, -1, "R", "RX" },
    { USHER_REOPEN, -1, "RX", "W" },
    { USHER_WITHDRAW, -1, "SWCOPKR", "=DX" },
    { USHER_REVIVE, -1, "K", "W" },
    { USHER_RECALL, -1, "O", "CW" },
    { USHER_DECLINE, -1, "O", "W" },
    { USHER_ESCALATE, -1, "SWCOPK", "=" },
    { USHER_REPRIORITISE, -1, "SWCOPK", "=" },
    { USHER_MOVE, -1, "SWCOPK", "=" },
    { USHER_NOTE, -1, "SWCOPKR", "=" },
    { USHER_LINK, -1, "SWCOPKRX", "=" },
};

static const struct legal *legal_of(const usher_command *c)
{
    const struct legal *l = legal;

    while (l->verb != c->verb || (l->kind >= 0 && l->kind != c->kind))
        l++;
    return l;
}

bool watch_leads(const usher_command *c, int from, int to)
{
    const char *way = legal_of(c)->to;

    if (c->verb == USHER_REPLY && c->kind == 0 && from >= USHER_RESOLVED)
        way = "W";
    if (c->verb == USHER_REPLY && c->kind == 0 && from == USHER_PAUSED)
        way = "PW";
    if (c->verb == USHER_RESOLVE && c->kind == USHER_AS_WORKAROUND)
        way = "RX="; /* it stays, if it is a cause */
    return strchr(way, watch_letters[to]) != NULL || (strchr(way, '=') != NULL && from == to);
}

static int expect_link(struct watch *w, const struct seen *t, const usher_command *c)
{
    const struct seen *to = watch_ticket(w, c->other);
    usher_standing s = USHER_INIT(usher_standing);

    if (c->other == 0)
        return t->cause != 0 ? USHER_OK : USHER_ESTATE;
    if (to == NULL)
        return USHER_ENOENT;
    if (to == t)
        return USHER_ESTATE;
    if (usher_peek(w->u, c->other, &s) != USHER_OK)
        return USHER_ENOENT; /* also when the store still has it */
    return to->state >= USHER_RESOLVED ? USHER_ESTATE : USHER_OK;
}

static int expect_hand_off(const struct watch *w, const struct seen *t, const usher_command *c)
{
    int agent = 0;

    if (c->agent == NULL)
        return USHER_OK;
    while (w->agent[agent] != c->agent)
        agent++;
    return agent == t->holder || w->gone[agent] ? USHER_ESTATE : USHER_OK;
}

/* What depends on more than the state. */
static int expect_now(const struct seen *t, const usher_command *c, int64_t now)
{
    bool reopens = c->verb == USHER_REOPEN || (c->verb == USHER_REPLY && c->kind == 0);

    if (c->verb >= USHER_ASK && c->verb <= USHER_WITHDRAW) {
        int who = watch_person(c->who);

        if (who < 0 || !t->persons[who])
            return USHER_ESTATE;
    }
    if (reopens && t->state == USHER_CLOSED && now >= t->resolved_at + t->rules->reopen_within)
        return USHER_ESTATE;
    if ((c->verb == USHER_UPDATE || c->verb == USHER_PAUSE) && c->at != 0 && c->at <= now)
        return USHER_EINVAL;
    if (c->verb == USHER_PAUSE && watch_pause_left(t, c->kind - 1, now) <= 0)
        return USHER_ESTATE;
    if (c->verb == USHER_RESUME && c->kind != 0 && (watch_mask(t) & 1u << (c->kind - 1)) == 0)
        return USHER_ESTATE;
    return USHER_OK;
}

int watch_expect(struct watch *w, const usher_command *c, int64_t now)
{
    const struct seen *t = watch_ticket(w, c->claim.ticket);
    usher_standing s = USHER_INIT(usher_standing);

    if (t == NULL || (watch_is_over(t) && !w->stored &&
                      usher_peek(w->u, c->claim.ticket, &s) != USHER_OK))
        return USHER_ENOENT;
    if (c->claim.token != 0 && (!watch_claim_stands(t) || c->claim.token != t->token))
        return USHER_ESTALE;
    if (strchr(legal_of(c)->states, watch_letters[t->state]) == NULL)
        return USHER_ESTATE;
    if (c->verb == USHER_LINK)
        return expect_link(w, t, c);
    if (c->verb == USHER_HAND_OFF)
        return expect_hand_off(w, t, c);
    return expect_now(t, c, now);
}

/* From which states an event may come, and to which it may lead; "=": the same. */
static const struct way {
    const char *from, *to;
} ways[] = {
    [USHER_EV_JOINED] = { "SWCOPK", "=" },
    [USHER_EV_STARTED] = { "S", "W" },
    [USHER_EV_CLAIMED] = { "WOPK", "C" },
    [USHER_EV_ACKNOWLEDGED] = { "COP", "=" },
    [USHER_EV_RECEIPT] = { "SWCOPK", "=" },
    [USHER_EV_UPDATED] = { "COP", "=" },
    [USHER_EV_EXTENDED] = { "C", "=" },
    [USHER_EV_RELEASED] = { "C", "W" },
    [USHER_EV_PAUSED] = { "CP", "P" },
    [USHER_EV_RESUMED] = { "P", "PW" },
    [USHER_EV_PAUSE_ENDED] = { "P", "PW" },
    [USHER_EV_REMINDED] = { "P", "=" },
    [USHER_EV_RESOLVED] = { "COP", "R" },
    [USHER_EV_FAILED] = { "C", "SK" },
    [USHER_EV_STUCK] = { "K", "=" },
    [USHER_EV_LEASE_EXPIRED] = { "C", "WK" },
    [USHER_EV_KEEP_ENDED] = { "W", "=" },
    [USHER_EV_ASKED] = { "SWCOPKR", "=" },
    [USHER_EV_REPLIED] = { "SWCOPKRX", "=W" },
    [USHER_EV_CONFIRMED] = { "R", "=" },
    [USHER_EV_REOPENED] = { "RX", "W" },
    [USHER_EV_LEFT] = { "SWCOPKR", "=" },
    [USHER_EV_WITHDRAWN] = { "SWCOPKR", "D" },
    [USHER_EV_CLOSED] = { "R", "X" },
    [USHER_EV_REVIVED] = { "K", "W" },
    [USHER_EV_ESCALATED] = { "SWCOPK", "=" },
    [USHER_EV_REPRIORITISED] = { "SWCOPK", "=" },
    [USHER_EV_MOVED] = { "SWCOPK", "=" },
    [USHER_EV_NOTED] = { "SWCOPKR", "=" },
    [USHER_EV_CHECK_IN] = { "RX", "=" },
    [USHER_EV_WARNED] = { "SWCOPKRX", "=" },
    [USHER_EV_BROKEN] = { "SWCOPK", "=" },
    [USHER_EV_STEPPED] = { "SWCOPKRX", "=" },
    [USHER_EV_NO_QUEUE] = { "SWCOPK", "=" },
    [USHER_EV_OFFERED] = { "C", "O" },
    [USHER_EV_RECALLED] = { "O", "CW" },
    [USHER_EV_DECLINED] = { "O", "W" },
    [USHER_EV_OFFER_EXPIRED] = { "O", "W" },
    [USHER_EV_RECURRED] = { "SW", "=" },
    [USHER_EV_LINKED] = { "SWCOPKRX", "=" },
    [USHER_EV_CAUSE_TOLD] = { "SWCOPKRX", "=" },
    [USHER_EV_NO_AGENT] = { "W", "=" },
};

void legal_way(struct watch *w, const struct seen *t, const usher_event *e)
{
    const struct way *way = &ways[e->kind];
    char from = watch_letters[t->state], to = watch_letters[e->state];

    if (way->from == NULL || strchr(way->from, from) == NULL ||
        (strchr(way->to, to) == NULL && (strchr(way->to, '=') == NULL || to != from)))
        watch_wrong(w, "the event leads from %c to %c", from, to);
    if (e->kind == USHER_EV_CHECK_IN && from == 'X' && e->n != 0)
        watch_wrong(w, "a check-in of what is closed");
    if (e->kind == USHER_EV_REPLIED && to != from && from != 'P')
        watch_wrong(w, "a reply leads from %c to %c", from, to);
}

/* ---- the order of timers --------------------------------------------------------------------- */

/* Of one instant, first what gives service, then what records its lack, then what comes after. */
static int class_of(const usher_event *e)
{
    switch (e->kind) {
    case USHER_EV_STARTED:
    case USHER_EV_PAUSE_ENDED:
    case USHER_EV_LEASE_EXPIRED:
    case USHER_EV_KEEP_ENDED:
    case USHER_EV_REMINDED:
    case USHER_EV_OFFER_EXPIRED: return e->who == NULL || e->kind == USHER_EV_LEASE_EXPIRED ? 1 : 0;
    case USHER_EV_BROKEN:
    case USHER_EV_WARNED:
    case USHER_EV_STEPPED: return 2;
    case USHER_EV_CHECK_IN:
    case USHER_EV_CLOSED: return e->who == NULL && e->rule != NULL ? 3 : 0;
    default: return 0;
    }
}

void legal_order(struct watch *w, const usher_event *e)
{
    bool asks = w->on_time && !w->lax && !w->stepped && e->seen_at == 0;
    int class = asks ? class_of(e) : 0;

    /* What follows from a transition comes right after it, not at a timer of its own: that nobody can take the ticket,
     * and a step that the end of a pause has put into the past, which may find no queue. */
    if (w->timer.class == 1 && e->ticket == w->timer.ticket && e->at == w->timer.at &&
        (e->kind == USHER_EV_NO_AGENT || e->kind == USHER_EV_NO_QUEUE ||
         (e->kind == USHER_EV_STEPPED && ladder_is_behind(&w->ticket[e->ticket], e->at))))
        return;
    if (class != 0 && w->timer.class != 0 && e->at == w->timer.at &&
        (class < w->timer.class || (class == w->timer.class && e->ticket < w->timer.ticket)))
        watch_wrong(w, "of one instant, and it comes after that of ticket %" PRIu64, w->timer.ticket);
    w->timer.at = e->at;
    w->timer.class = class;
    w->timer.ticket = e->ticket;
}
