/* Looking at the standings: whether they are what the events made of the tickets, and whether all
 * has happened that was due. */
#include "watch.h"

#include <inttypes.h>
#include <string.h>

#include "parts.h"

/* What must have happened by now. */
static void check_overdue(struct watch *w, struct seen *t, usher_id id, int64_t now)
{
    if (t->state == USHER_SCHEDULED && t->until <= now)
        watch_wrong(w, "ticket %" PRIu64 " is scheduled for %" PRId64 ", and waits", id, t->until);
    if (t->kept_for >= 0 && t->keep_end <= now)
        watch_wrong(w, "ticket %" PRIu64 " is kept longer than it was to be", id);
    for (int reason = 0; reason < 3 && t->state == USHER_PAUSED; reason++) {
        if ((watch_mask(t) & 1u << reason) != 0 && t->pause_end[reason] <= now)
            watch_wrong(w, "ticket %" PRIu64 " is paused longer than it was to be", id);
    }
    if (t->state == USHER_CLAIMED && t->until <= now && !w->stepped)
        watch_wrong(w, "ticket %" PRIu64 " is claimed, and its lease has ended", id);
    if (t->state == USHER_RESOLVED && (t->closing_at <= now || watch_all_confirmed(t)))
        watch_wrong(w, "ticket %" PRIu64 " should be closed", id);
    promises_overdue(w, t, id, now);
}

static void check_place(struct watch *w, struct seen *t, const usher_standing *s)
{
    bool in_line = watch_line(t) >= 0;
    uint32_t persons = 0;

    for (int i = 0; i < WAITERS; i++)
        persons += t->persons[i];
    if ((s->ahead >= 0) != in_line)
        watch_wrong(w, "ticket %" PRIu64 " is in the line, or should be", s->ticket);
    if (s->persons != (t->state == USHER_WITHDRAWN ? 1 : persons))
        watch_wrong(w, "ticket %" PRIu64 ": %u persons, not %u", s->ticket, s->persons, persons);
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

int64_t watch_until(const struct seen *t)
{
    int64_t at = USHER_NEVER;

    switch (t->state) {
    case USHER_WAITING: return t->kept_for >= 0 ? t->keep_end : 0;
    case USHER_CLAIMED: return t->lease_end;
    case USHER_RESOLVED: return t->closing_at;
    case USHER_OFFERED: return t->offer_until;
    case USHER_PAUSED: break;
    default: return 0;
    }
    for (int reason = 0; reason < 3; reason++) {
        if ((watch_mask(t) & 1u << reason) != 0 && t->pause_end[reason] < at)
            at = t->pause_end[reason];
    }
    return at;
}

static bool look(struct watch *w, usher_id id, int64_t now)
{
    struct seen *t = &w->ticket[id];
    usher_standing s = USHER_INIT(usher_standing);

    if (usher_peek(w->u, id, &s) != USHER_OK) {
        if (!watch_is_over(t))
            watch_wrong(w, "ticket %" PRIu64 " is gone", id);
        return false;
    }
    if (t->may_be_kept && s.kept_for == NULL)
        t->kept_for = -1;
    t->may_be_kept = false;
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
    handoffs_look(w, t, &s, now);
    causes_look(w, t, &s);
    fold_look(w, t, &s, now);
    if (t->unsure)
        t->rank = s.rank_at;
    expect(w, id, "rank_at", s.rank_at, t->rank);
    if (t->rank != 0)
        expect(w, id, "what its rank was made from", s.rank_from_at + s.rank_behind_ms, t->rank);
    if ((s.rank_by == 0) != (t->rank == 0) || s.rank_by > USHER_RANK_ENTRY)
        watch_wrong(w, "ticket %" PRIu64 ": its rank is made from %d", id, s.rank_by);
    expect(w, id, "requester", watch_person(s.requester), t->order[0]);
    expect(w, id, "kept_for", watch_number(s.kept_for, 'a', AGENTS), t->kept_for);
    if (t->state != USHER_SCHEDULED && (t->state != USHER_CLAIMED || !w->stepped))
        expect(w, id, "until_at", s.until_at, watch_until(t));
    t->until = s.until_at;
    t->looked_seq = t->seq;
    t->touched = t->hazy = false;
    return true;
}

static void check_counts(struct watch *w, uint64_t seen[QUEUES][USHER_STATES])
{
    for (uint32_t i = 0; i < w->queues_n; i++) {
        uint64_t n[USHER_STATES];

        if (usher_counts(w->queue[i].q, n) != USHER_OK || memcmp(n, seen[i], sizeof n) != 0)
            watch_wrong(w, "the counts of queue %u are not those of its tickets", i);
        if (w->queue[i].was_full && w->queue[i].refused &&
            watch_open(w, i) < watch_rules(w, i)->open)
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
    uint64_t offered = 0;
    uint32_t kept = 0;

    causes_settled(w);
    for (usher_id id = 1; id <= w->tickets_n; id++) {
        struct seen *t = &w->ticket[id];
        bool there = true;

        if (t->state == 0)
            watch_wrong(w, "ticket %" PRIu64 " has been passed over", id);
        if (all || t->touched)
            there = look(w, id, now);
        if (!watch_is_over(t))
            check_overdue(w, t, id, now);
        else
            kept += there && !t->linked;
        counts[t->queue][t->state] += there;
        offered += t->state == USHER_OFFERED;
    }
    if (w->offers_made - w->offers_ended != offered)
        watch_wrong(w, "%" PRIu64 " offers, %" PRIu64 " ended, %" PRIu64 " stand", w->offers_made,
                    w->offers_ended, offered);
    w->unsure = false;
    if (all) {
        check_counts(w, counts);
        check_refs(w);
    }
    /* As long as a page is awaited none goes; here none is. */
    if (all && kept > keep_closed && !w->stored && !w->lax)
        watch_wrong(w, "%u tickets that are over are kept, not %u", kept, keep_closed);
    if (usher__service_next_due(w->u) <= now)
        watch_wrong(w, "something is due since %" PRId64, usher__service_next_due(w->u));
}
