/* What is legal when, and where it leads: the table once more. */
#include "watch.h"

#include <string.h>

/* Which state each verb is legal in, and where it may lead; "=": it stays. */
static const struct legal {
    int verb, kind; /* kind -1: any */
    const char *states, *to;
} legal[] = {
    { USHER_ACKNOWLEDGE, 0, "CP", "=" },
    { USHER_ACKNOWLEDGE, USHER_BY_MACHINE, "SWCPK", "=" },
    { USHER_UPDATE, -1, "CP", "=" },
    { USHER_EXTEND, -1, "C", "=" },
    { USHER_RELEASE, -1, "C", "W" },
    { USHER_PAUSE, -1, "CP", "P" },
    { USHER_RESUME, -1, "P", "PW" },
    { USHER_RESOLVE, -1, "CP", "RX" },
    { USHER_FAIL, -1, "C", "SK" },
    { USHER_ASK, -1, "SWCPKR", "=" },
    { USHER_REPLY, 0, "SWCPKRX", "=" },
    { USHER_REPLY, USHER_COURTESY, "SWCPKR", "=" },
    { USHER_CONFIRM, -1, "R", "RX" },
    { USHER_REOPEN, -1, "RX", "W" },
    { USHER_WITHDRAW, -1, "SWCPKR", "=DX" },
    { USHER_REVIVE, -1, "K", "W" },
    { USHER_ESCALATE, -1, "SWCPK", "=" },
    { USHER_REPRIORITISE, -1, "SWCPK", "=" },
    { USHER_MOVE, -1, "SWCPK", "=" },
    { USHER_NOTE, -1, "SWCPKR", "=" },
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
    return strchr(way, watch_letters[to]) != NULL || (strchr(way, '=') != NULL && from == to);
}

/* What depends on more than the state. */
static int expect_now(const struct seen *t, const usher_command *c, int64_t now)
{
    bool reopens = c->verb == USHER_REOPEN || (c->verb == USHER_REPLY && c->kind == 0);

    if (c->verb >= USHER_ASK && c->verb <= USHER_WITHDRAW) {
        int who = watch_number(c->who, 'p', PERSONS);

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
    return expect_now(t, c, now);
}
