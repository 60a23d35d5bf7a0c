/* The watch over states, claims, persons and time. See watch.h; promises are in promises.c. */
#include "watch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "promises.h"

static const char letters[] = "?SWC?PKRXD"; /* of states, by number */

void watch_begin(struct watch *w, usher_t *u)
{
    memset(w, 0, sizeof *w);
    w->u = u;
}

void watch_wrong(struct watch *w, const char *format, ...)
{
    va_list args;

    if (w->wrong[0] != '\0')
        return; /* the first one counts */
    va_start(args, format);
    vsnprintf(w->wrong, sizeof w->wrong, format, args);
    va_end(args);
}

struct seen *watch_ticket(struct watch *w, usher_id id)
{
    return id == 0 || id > w->tickets_n ? NULL : &w->ticket[id];
}

uint32_t watch_queue(const struct watch *w, const usher_queue_t *q)
{
    uint32_t i = 0;

    while (i < w->queues_n && w->queue[i].q != q)
        i++;
    return i;
}

bool watch_claim_stands(const struct seen *t)
{
    return t->state == USHER_CLAIMED || t->state == USHER_PAUSED;
}

static bool is_over(const struct seen *t)
{
    return t->state == USHER_CLOSED || t->state == USHER_WITHDRAWN;
}

uint32_t watch_open(const struct watch *w, uint32_t queue)
{
    uint32_t n = 0;

    for (uint32_t id = 1; id <= w->tickets_n; id++)
        n += w->ticket[id].queue == queue && !is_over(&w->ticket[id]);
    return n;
}

static const struct rules *current(const struct watch *w, uint32_t queue)
{
    return &w->queue[queue].rules[w->queue[queue].version - 1];
}

/* The number in a name such as p3; -1: none. */
static int number_of(const char *name, char kind, int most)
{
    int n = name != NULL && name[0] == kind && name[2] == '\0' ? name[1] - '0' : -1;

    return n < most ? n : -1;
}

/* ---- the table ------------------------------------------------------------------------------------ */

/* From which states an event may come, and to which it may lead; "=": the same. */
static const struct way {
    const char *from, *to;
} ways[] = {
    [USHER_EV_JOINED] = { "SWCPK", "=" },
    [USHER_EV_STARTED] = { "S", "W" },
    [USHER_EV_CLAIMED] = { "WPK", "C" },
    [USHER_EV_ACKNOWLEDGED] = { "CP", "=" },
    [USHER_EV_RECEIPT] = { "SWCPK", "=" },
    [USHER_EV_UPDATED] = { "CP", "=" },
    [USHER_EV_EXTENDED] = { "C", "=" },
    [USHER_EV_RELEASED] = { "C", "W" },
    [USHER_EV_PAUSED] = { "CP", "P" },
    [USHER_EV_RESUMED] = { "P", "PW" },
    [USHER_EV_PAUSE_ENDED] = { "P", "PW" },
    [USHER_EV_REMINDED] = { "P", "=" },
    [USHER_EV_RESOLVED] = { "CP", "R" },
    [USHER_EV_FAILED] = { "C", "SK" },
    [USHER_EV_STUCK] = { "K", "=" },
    [USHER_EV_LEASE_EXPIRED] = { "C", "WK" },
    [USHER_EV_KEEP_ENDED] = { "W", "=" },
    [USHER_EV_ASKED] = { "SWCPKR", "=" },
    [USHER_EV_REPLIED] = { "SWCPKRX", "=W" },
    [USHER_EV_CONFIRMED] = { "R", "=" },
    [USHER_EV_REOPENED] = { "RX", "W" },
    [USHER_EV_LEFT] = { "SWCPKR", "=" },
    [USHER_EV_WITHDRAWN] = { "SWCPKR", "D" },
    [USHER_EV_CLOSED] = { "R", "X" },
    [USHER_EV_REVIVED] = { "K", "W" },
    [USHER_EV_ESCALATED] = { "SWCPK", "=" },
    [USHER_EV_REPRIORITISED] = { "SWCPK", "=" },
    [USHER_EV_MOVED] = { "SWCPK", "=" },
    [USHER_EV_NOTED] = { "SWCPKR", "=" },
    [USHER_EV_CHECK_IN] = { "R", "=" },
    [USHER_EV_WARNED] = { "SWCPK", "=" },
    [USHER_EV_BROKEN] = { "SWCPK", "=" },
};

static void check_way(struct watch *w, const struct seen *t, const usher_event *e)
{
    const struct way *way = &ways[e->kind];
    char from = letters[t->state], to = letters[e->state];

    if (way->from == NULL || strchr(way->from, from) == NULL ||
        (strchr(way->to, to) == NULL && (strchr(way->to, '=') == NULL || to != from)))
        watch_wrong(w, "the event leads from %c to %c", from, to);
    if (e->kind == USHER_EV_REPLIED && to != from && from != 'P')
        watch_wrong(w, "a reply leads from %c to %c", from, to);
}

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
    return strchr(way, letters[to]) != NULL || (strchr(way, '=') != NULL && from == to);
}

static uint32_t mask_of(const struct seen *t)
{
    return t->changes_n == 0 ? 0 : t->changes[t->changes_n - 1].mask;
}

static int64_t pause_left(const struct seen *t, int reason, int64_t now)
{
    int64_t left = t->rules->pause_max[reason] - t->spent[reason];

    if ((mask_of(t) & 1u << reason) != 0)
        left -= now - t->pause_since[reason];
    return left;
}

/* What depends on more than the state. */
static int expect_now(const struct seen *t, const usher_command *c, int64_t now)
{
    bool reopens = c->verb == USHER_REOPEN || (c->verb == USHER_REPLY && c->kind == 0);

    if (c->verb >= USHER_ASK && c->verb <= USHER_WITHDRAW) {
        int who = number_of(c->who, 'p', PERSONS);

        if (who < 0 || !t->persons[who])
            return USHER_ESTATE;
    }
    if (reopens && t->state == USHER_CLOSED && now >= t->resolved_at + t->rules->reopen_within)
        return USHER_ESTATE;
    if ((c->verb == USHER_UPDATE || c->verb == USHER_PAUSE) && c->at != 0 && c->at <= now)
        return USHER_EINVAL;
    if (c->verb == USHER_PAUSE && pause_left(t, c->kind - 1, now) <= 0)
        return USHER_ESTATE;
    if (c->verb == USHER_RESUME && c->kind != 0 && (mask_of(t) & 1u << (c->kind - 1)) == 0)
        return USHER_ESTATE;
    return USHER_OK;
}

int watch_expect(struct watch *w, const usher_command *c, int64_t now)
{
    const struct seen *t = watch_ticket(w, c->claim.ticket);
    usher_standing s = USHER_INIT(usher_standing);

    if (t == NULL || (is_over(t) && usher_peek(w->u, c->claim.ticket, &s) != USHER_OK))
        return USHER_ENOENT;
    if (c->claim.token != 0 && (!watch_claim_stands(t) || c->claim.token != t->token))
        return USHER_ESTALE;
    if (strchr(legal_of(c)->states, letters[t->state]) == NULL)
        return USHER_ESTATE;
    return expect_now(t, c, now);
}

/* ---- what events change --------------------------------------------------------------------------- */

static void change(struct watch *w, struct seen *t, int64_t at, uint32_t mask)
{
    if (t->changes_n == CHANGES_MAX) {
        watch_wrong(w, "the watch is full");
        return;
    }
    t->changes[t->changes_n++] = (struct change){ at, mask };
}

static void end_pause(struct watch *w, struct seen *t, int reason, int64_t at)
{
    if ((mask_of(t) & 1u << reason) == 0)
        return;
    t->spent[reason] += at - t->pause_since[reason];
    change(w, t, at, mask_of(t) & ~(1u << reason));
}

static void end_pauses(struct watch *w, struct seen *t, int64_t at)
{
    for (int reason = 0; reason < 3; reason++)
        end_pause(w, t, reason, at);
}

static void begin_pause(struct watch *w, struct seen *t, const usher_event *e)
{
    int reason = e->how - 1;
    int64_t max_at = e->at + pause_left(t, reason, e->at);

    if ((mask_of(t) & 1u << reason) == 0) {
        t->pause_since[reason] = e->at;
        change(w, t, e->at, mask_of(t) | 1u << reason);
    }
    t->pause_began[reason] = e->at;
    t->pause_end[reason] = e->until_at;
    t->pause_most[reason] = max_at;
    t->reminded[reason] = 0;
    if (e->until_at > max_at)
        watch_wrong(w, "a pause until %" PRId64 ", beyond its maximum %" PRId64, e->until_at, max_at);
}

/* An attempt that failed; n: what the event says. */
static void count_attempt(struct watch *w, struct seen *t, const usher_event *e, bool failed)
{
    bool stuck = failed && t->attempts + 1 >= t->rules->attempts;

    t->attempts += failed;
    if (e->n != t->attempts)
        watch_wrong(w, "%u attempts, not %u", e->n, t->attempts);
    if ((e->state == USHER_STUCK) != stuck)
        watch_wrong(w, "stuck or not, after %u of %u attempts", t->attempts, t->rules->attempts);
}

static void check_instant(struct watch *w, const usher_event *e, int64_t at, const char *what)
{
    if (e->at != at)
        watch_wrong(w, "%s at %" PRId64 ", not at %" PRId64, what, e->at, at);
}

/* Timers of states run at the instants that the standing showed. */
static void check_until(struct watch *w, const struct seen *t, const usher_event *e, const char *what)
{
    if (t->looked_seq == t->seq - 1 && t->until != 0)
        check_instant(w, e, t->until, what);
}

static void claimed(struct watch *w, struct seen *t, const usher_event *e)
{
    int agent = number_of(e->who, 'a', AGENTS);

    end_pauses(w, t, e->at);
    if (agent < 0 || w->gone[agent])
        watch_wrong(w, "claimed by an agent that is not there");
    if (t->state == USHER_STUCK)
        t->attempts = 0;
    t->token++;
    t->claimed_at = e->at;
    t->lease_end = e->at + current(w, t->queue)->lease_for;
    if (e->until_at != t->lease_end && !w->stepped)
        watch_wrong(w, "claimed until %" PRId64 ", not %" PRId64, e->until_at, t->lease_end);
    t->holder = agent;
    t->word = t->alive = false;
}

bool watch_extend(struct watch *w, struct seen *t, int64_t at, int64_t ms)
{
    const struct rules *r = current(w, t->queue);
    int64_t end, most = t->claimed_at + r->lease_max;
    bool clipped = __builtin_add_overflow(at, ms != 0 ? ms : r->lease_for, &end) || end > most;

    if (clipped)
        end = most;
    if (end > t->lease_end)
        t->lease_end = end;
    return clipped;
}

/* It comes back for its last holder. */
static void keep(const struct watch *w, struct seen *t, int64_t at)
{
    int64_t keep_for = current(w, t->queue)->keep_for;

    if (t->holder < 0 || w->gone[t->holder] || keep_for == 0)
        return;
    t->kept_for = t->holder;
    t->keep_end = at + keep_for;
}

/* Whether it has come back in a way after which it is kept. */
static bool is_kept_after(const struct seen *t, const usher_event *e)
{
    switch (e->kind) {
    case USHER_EV_LEASE_EXPIRED: return t->word;
    case USHER_EV_RESUMED:
    case USHER_EV_PAUSE_ENDED:
    case USHER_EV_REPLIED:
    case USHER_EV_REOPENED: return e->state == USHER_WAITING && t->state != USHER_WAITING;
    default: return false;
    }
}

static void carry_keep(struct watch *w, struct seen *t, const usher_event *e)
{
    if (e->kind == USHER_EV_KEEP_ENDED && e->who == NULL)
        check_instant(w, e, t->keep_end, "kept");
    if (e->kind == USHER_EV_KEEP_ENDED && t->kept_for < 0)
        watch_wrong(w, "no longer kept, and was not");
    if (e->state != t->state || e->kind == USHER_EV_KEEP_ENDED ||
        t->queue != watch_queue(w, e->queue))
        t->kept_for = -1;
    if (e->state == USHER_WAITING && is_kept_after(t, e))
        keep(w, t, e->at);
}

static void resolved(struct watch *w, struct seen *t, const usher_event *e)
{
    end_pauses(w, t, e->at);
    change(w, t, e->at, RESOLVED_BIT);
    t->attempts = 0;
    t->resolved_at = e->at;
    t->closing_at = e->at + t->rules->confirm_within;
    t->checked_in = 0;
    memset(t->confirmed, 0, sizeof t->confirmed);
}

static bool all_confirmed(const struct seen *t)
{
    for (int i = 0; i < PERSONS; i++) {
        if (t->persons[i] && !t->confirmed[i])
            return false;
    }
    return true;
}

static void closed(struct watch *w, const struct seen *t, const usher_event *e)
{
    bool at_once = t->rules->confirm_within == 0 && e->at == t->resolved_at;

    if (e->who == NULL && !at_once)
        check_instant(w, e, t->closing_at, "closed");
    else if (!at_once && !all_confirmed(t))
        watch_wrong(w, "closed, and not all have confirmed");
}

static void by_person(struct watch *w, struct seen *t, const usher_event *e)
{
    int who = number_of(e->who, 'p', PERSONS);

    if (who < 0) {
        watch_wrong(w, "an event of a person, and no person");
        return;
    }
    if (e->kind == USHER_EV_ENQUEUED || e->kind == USHER_EV_JOINED)
        t->persons[who] = true;
    else if (!t->persons[who])
        watch_wrong(w, "p%d is not one of those who wait", who);
    if (e->kind == USHER_EV_CONFIRMED)
        t->confirmed[who] = true;
    if (e->kind == USHER_EV_LEFT)
        t->persons[who] = t->confirmed[who] = false;
}

/* States, claims and persons. */
static void carry(struct watch *w, struct seen *t, const usher_event *e)
{
    switch (e->kind) {
    case USHER_EV_ENQUEUED:
    case USHER_EV_JOINED:
    case USHER_EV_CONFIRMED:
    case USHER_EV_LEFT:
    case USHER_EV_WITHDRAWN: by_person(w, t, e); break;
    case USHER_EV_CLAIMED: claimed(w, t, e); break;
    case USHER_EV_ACKNOWLEDGED: t->word = true; break;
    case USHER_EV_UPDATED:
        t->alive = t->alive || t->word;
        t->word = true;
        break;
    case USHER_EV_EXTENDED: t->alive = t->alive || t->word; break;
    case USHER_EV_PAUSED: begin_pause(w, t, e); break;
    case USHER_EV_RESUMED:
        if (e->how == 0)
            end_pauses(w, t, e->at);
        else
            end_pause(w, t, e->how - 1, e->at);
        break;
    case USHER_EV_PAUSE_ENDED:
        check_instant(w, e, t->pause_end[e->how - 1], "a pause ended");
        end_pause(w, t, e->how - 1, e->at);
        break;
    case USHER_EV_REMINDED:
        check_instant(w, e,
                      t->pause_began[e->how - 1] +
                          t->rules->remind[e->how - 1][t->reminded[e->how - 1]],
                      "reminded");
        if (e->n != ++t->reminded[e->how - 1])
            watch_wrong(w, "reminder %u, not %u", e->n, t->reminded[e->how - 1]);
        break;
    case USHER_EV_REPLIED:
        if (e->how == USHER_COURTESY)
            break;
        end_pause(w, t, 0, e->at);
        t->spent[0] = 0;
        break;
    case USHER_EV_RESOLVED: resolved(w, t, e); break;
    case USHER_EV_ASKED:
        if (e->state == USHER_RESOLVED)
            t->closing_at = e->at + t->rules->confirm_within;
        break;
    case USHER_EV_CHECK_IN:
        check_instant(w, e, t->resolved_at + t->rules->check_in[t->checked_in], "checked in");
        if (e->n != ++t->checked_in)
            watch_wrong(w, "check-in %u, not %u", e->n, t->checked_in);
        break;
    case USHER_EV_REOPENED:
        change(w, t, e->at, 0);
        t->attempts = 0;
        t->odd = true;
        break;
    case USHER_EV_CLOSED: closed(w, t, e); break;
    case USHER_EV_REVIVED: t->attempts = 0; break;
    case USHER_EV_FAILED: count_attempt(w, t, e, true); break;
    case USHER_EV_LEASE_EXPIRED:
        if (!w->stepped)
            check_instant(w, e, t->lease_end, "a lease ended");
        count_attempt(w, t, e, !t->alive);
        break;
    case USHER_EV_STARTED:
        if (e->who == NULL)
            check_until(w, t, e, "started");
        break;
    case USHER_EV_REPRIORITISED: t->rank_anew = true; break;
    case USHER_EV_MOVED: t->rank_anew = t->odd = true; break;
    default: break;
    }
    if (e->kind == USHER_EV_WITHDRAWN)
        end_pauses(w, t, e->at);
}

static void ticket_event(struct watch *w, const usher_event *e)
{
    struct seen *t;
    bool is_new = e->kind == USHER_EV_ENQUEUED;
    int level;

    if (is_new && e->ticket == w->tickets_n + 1 && w->tickets_n < TICKETS_MAX) {
        t = &w->ticket[++w->tickets_n];
        memset(t, 0, sizeof *t);
        t->queue = watch_queue(w, e->queue);
        t->version = e->policy_version;
        t->rules = &w->queue[t->queue].rules[e->policy_version - 1];
        t->priority = e->priority;
        t->kept_for = t->holder = -1;
        t->key = w->pending_key;
        t->ref = w->pending_ref;
        t->needs = w->pending_needs;
    }
    t = watch_ticket(w, e->ticket);
    if (t == NULL || e->ticket_seq != t->seq + 1) {
        watch_wrong(w, "an event of no ticket, or not its next one");
        return;
    }
    if (!is_new)
        check_way(w, t, e);
    else if (e->state != USHER_WAITING && e->state != USHER_SCHEDULED)
        watch_wrong(w, "a new ticket in state %c", letters[e->state]);
    level = t->level + (e->kind == USHER_EV_STUCK || e->kind == USHER_EV_ESCALATED);
    t->seq++;
    if (e->kind == USHER_EV_PAUSED)
        carry(w, t, e);
    promises_event(w, t, e);
    if (e->kind != USHER_EV_PAUSED)
        carry(w, t, e);
    carry_keep(w, t, e);
    t->queue = watch_queue(w, e->queue);
    if (e->state != t->state)
        t->state_at = e->at;
    t->state = e->state;
    t->level = level;
    t->touched = true;
    if (e->level != level || e->priority != t->priority || e->policy_version != t->version)
        watch_wrong(w, "level, priority or policy_version");
}

static void service_event(struct watch *w, const usher_event *e)
{
    struct seen_queue *q = e->queue == NULL ? NULL : &w->queue[watch_queue(w, e->queue)];

    if (e->kind == USHER_EV_QUEUE_DEFINED && e->policy_version != ++q->version)
        watch_wrong(w, "policy_version %u, not %u", e->policy_version, q->version);
    if (e->kind == USHER_EV_QUEUE_HELD)
        q->hold = (uint32_t)e->how;
    if (e->kind == USHER_EV_ROOM) {
        if (!q->refused || watch_open(w, watch_queue(w, e->queue)) >=
                               current(w, watch_queue(w, e->queue))->open)
            watch_wrong(w, "room, and nobody was refused or it is full");
        q->refused = q->was_full = false;
    }
}

void watch_event(struct watch *w, const usher_event *e)
{
    bool was_wrong = w->wrong[0] != '\0';

    if (e->seq != ++w->seq)
        watch_wrong(w, "seq %" PRIu64 " after %" PRIu64, e->seq, w->seq - 1);
    if (e->at < w->at || (e->seen_at != 0 && e->seen_at <= e->at))
        watch_wrong(w, "an event at %" PRId64 " after one at %" PRId64, e->at, w->at);
    w->at = e->at;
    if (e->ticket == 0)
        service_event(w, e);
    else
        ticket_event(w, e);
    if (w->wrong[0] != '\0' && !was_wrong) {
        char what[sizeof w->wrong];

        memcpy(what, w->wrong, sizeof what);
        snprintf(w->wrong, sizeof w->wrong, "event %" PRIu64 ", %s of ticket %" PRIu64 ": %.250s",
                 e->seq, usher_name(USHER_NAME_EVENT, e->kind), e->ticket, what);
    }
}

/* ---- looking -------------------------------------------------------------------------------------- */

/* What must have happened by now. */
static void check_overdue(struct watch *w, const struct seen *t, usher_id id, int64_t now)
{
    if ((t->state == USHER_SCHEDULED && t->until <= now) || (t->kept_for >= 0 && t->keep_end <= now))
        watch_wrong(w, "ticket %" PRIu64 " waits for %" PRId64 ", and that has passed", id, t->until);
    for (int reason = 0; reason < 3 && t->state == USHER_PAUSED; reason++) {
        if ((mask_of(t) & 1u << reason) != 0 && t->pause_end[reason] <= now)
            watch_wrong(w, "ticket %" PRIu64 " is paused longer than it was to be", id);
    }
    if (t->state == USHER_CLAIMED && t->until <= now && !w->stepped)
        watch_wrong(w, "ticket %" PRIu64 " is claimed, and its lease has ended", id);
    if (t->state == USHER_RESOLVED && (t->closing_at <= now || all_confirmed(t)))
        watch_wrong(w, "ticket %" PRIu64 " should be closed", id);
    promises_overdue(w, t, id, now);
}

static void check_place(struct watch *w, struct seen *t, const usher_standing *s)
{
    bool in_line = t->state == USHER_WAITING && s->kept_for == NULL;
    uint32_t persons = 0;

    for (int i = 0; i < PERSONS; i++)
        persons += t->persons[i];
    if ((s->ahead >= 0) != in_line)
        watch_wrong(w, "ticket %" PRIu64 " is in the line, or should be", s->ticket);
    if (s->persons != (t->state == USHER_WITHDRAWN ? 1 : persons))
        watch_wrong(w, "ticket %" PRIu64 ": %u persons, not %u", s->ticket, s->persons, persons);
    if (s->rank_at > t->rank && t->rank != 0 && !t->rank_anew)
        watch_wrong(w, "the rank of ticket %" PRIu64 " grew", s->ticket);
    if (usher__service_token(w->u, s->ticket) != (watch_claim_stands(t) ? t->token : 0))
        watch_wrong(w, "ticket %" PRIu64 ": another token than %" PRIu64, s->ticket, t->token);
    if ((s->holder != NULL) != watch_claim_stands(t))
        watch_wrong(w, "ticket %" PRIu64 ": a holder without a claim, or none with one", s->ticket);
}

static void expect(struct watch *w, usher_id id, const char *what, int64_t shown, int64_t is)
{
    if (shown != is)
        watch_wrong(w, "ticket %" PRIu64 ": %s is %" PRId64 ", by its events %" PRId64, id, what,
                    shown, is);
}

/* The end of what it is in, as the standing shows it; not for scheduled ones. */
static int64_t until(const struct seen *t)
{
    int64_t at = USHER_NEVER;

    switch (t->state) {
    case USHER_WAITING: return t->kept_for >= 0 ? t->keep_end : 0;
    case USHER_CLAIMED: return t->lease_end;
    case USHER_RESOLVED: return t->closing_at;
    case USHER_PAUSED: break;
    default: return 0;
    }
    for (int reason = 0; reason < 3; reason++) {
        if ((mask_of(t) & 1u << reason) != 0 && t->pause_end[reason] < at)
            at = t->pause_end[reason];
    }
    return at;
}

static bool look(struct watch *w, usher_id id, int64_t now)
{
    struct seen *t = &w->ticket[id];
    usher_standing s = USHER_INIT(usher_standing);

    if (usher_peek(w->u, id, &s) != USHER_OK) {
        if (!is_over(t))
            watch_wrong(w, "ticket %" PRIu64 " is gone", id);
        return false;
    }
    expect(w, id, "state", s.state, t->state);
    expect(w, id, "ticket_seq", (int64_t)s.ticket_seq, (int64_t)t->seq);
    expect(w, id, "priority", s.priority, t->priority);
    expect(w, id, "level", s.level, t->level);
    expect(w, id, "attempts", s.attempts, t->attempts);
    expect(w, id, "state_at", s.state_at, t->state_at);
    expect(w, id, "policy_version", s.policy_version, t->version);
    expect(w, id, "queue", watch_queue(w, s.queue), t->queue);
    check_place(w, t, &s);
    promises_look(w, t, &s, now);
    expect(w, id, "kept_for", number_of(s.kept_for, 'a', AGENTS), t->kept_for);
    if (t->state != USHER_SCHEDULED && (t->state != USHER_CLAIMED || !w->stepped))
        expect(w, id, "until_at", s.until_at, until(t));
    t->rank = s.rank_at;
    t->until = s.until_at;
    t->looked_seq = t->seq;
    t->touched = t->rank_anew = false;
    return true;
}

static void check_counts(struct watch *w, uint64_t seen[QUEUES][USHER_STATES])
{
    for (uint32_t i = 0; i < w->queues_n; i++) {
        uint64_t n[USHER_STATES];

        if (usher_counts(w->queue[i].q, n) != USHER_OK || memcmp(n, seen[i], sizeof n) != 0)
            watch_wrong(w, "the counts of queue %u are not those of its tickets", i);
        if (w->queue[i].was_full && w->queue[i].refused && watch_open(w, i) < current(w, i)->open)
            watch_wrong(w, "queue %u has room, and nobody said so", i);
    }
}

/* By its ref the newest ticket is found while it is there, as long as none of them has moved. */
static void check_refs(struct watch *w)
{
    for (uint32_t i = 0; i < w->queues_n * REFS; i++) {
        uint32_t queue = i / REFS, ref = i % REFS + 1;
        usher_standing s = USHER_INIT(usher_standing), newest = USHER_INIT(usher_standing);
        usher_id found = 0;
        bool odd = false;

        for (usher_id id = 1; id <= w->tickets_n; id++) {
            const struct seen *t = &w->ticket[id];

            odd = odd || (t->ref == ref && t->odd);
            if (t->ref == ref && t->queue == queue)
                found = id;
        }
        if (found != 0 && usher_peek(w->u, found, &newest) != USHER_OK)
            found = 0;
        if (usher_peek_ref(w->queue[queue].q, (char[]){ 'r', (char)('0' + ref - 1), '\0' }, &s) !=
            USHER_OK)
            s.ticket = 0;
        if (s.ticket != 0 && (watch_ticket(w, s.ticket)->ref != ref ||
                              watch_ticket(w, s.ticket)->queue != queue))
            watch_wrong(w, "ref %u finds ticket %" PRIu64, ref, s.ticket);
        if (!odd && found != 0 && s.ticket != found)
            watch_wrong(w, "ref %u finds ticket %" PRIu64 ", not %" PRIu64, ref, s.ticket, found);
    }
}

void watch_look(struct watch *w, bool all, uint32_t keep_closed)
{
    uint64_t counts[QUEUES][USHER_STATES] = { { 0 } };
    int64_t now = usher_now(w->u);
    uint32_t kept = 0;

    for (usher_id id = 1; id <= w->tickets_n; id++) {
        struct seen *t = &w->ticket[id];
        bool there = true;

        if (all || t->touched)
            there = look(w, id, now);
        if (!is_over(t))
            check_overdue(w, t, id, now);
        else
            kept += there;
        counts[t->queue][t->state] += there;
    }
    if (all) {
        check_counts(w, counts);
        check_refs(w);
    }
    if (all && kept > keep_closed)
        watch_wrong(w, "%u tickets that are over are kept, not %u", kept, keep_closed);
    if (usher__service_next_due(w->u) <= now)
        watch_wrong(w, "something is due since %" PRId64, usher__service_next_due(w->u));
}
