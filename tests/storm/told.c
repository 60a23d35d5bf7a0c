/* Answers, and what they may not be. */
#include <stdio.h>
#include <string.h>

#include "storm.h"

struct call *answered(void *user)
{
    struct call *c = user;

    if (c->told)
        wrong("call %d is answered twice", (int)(c - storm.call));
    c->told = true;
    storm.outstanding--;
    storm.ledger.no++;
    if (c->ticket != 0) {
        storm.ledger.ticket[c->ticket].closing -= c->closes;
        storm.ledger.ticket[c->ticket].opening -= c->opens;
    }
    return c;
}

/* Nothing has been done, and that is nobody's fault. */
static bool is_excused(int status)
{
    return (status == USHER_ECANCELED && storm.closing) || (status == USHER_ENOMEM && storm.poor);
}

static void look_at(const struct call *c, int status, int32_t state)
{
    struct ticket *t = &storm.ledger.ticket[c->ticket];

    say("  told call %d: %s of %" PRIu64 ": %s, %s", (int)(c - storm.call), kinds[c->kind],
        c->ticket, usher_err_name(status), usher_name(USHER_NAME_STATE, state));
    if (status == USHER_ENOENT) {
        if (c->kind == CALL_CLAIM &&
            c->was_over) /* not there for claims, once it has left memory */
            return;
        if (!ledger_may_be_gone(&storm.ledger, c->ticket, now()))
            wrong("ticket %" PRIu64 " is lost", c->ticket);
        ledger_gone(&storm.ledger, c->ticket);
    } else if (is_excused(status)) {
        return;
    } else if (ledger_must_be_gone(&storm.ledger, c->ticket, c->no)) {
        wrong("ticket %" PRIu64 " is there though it was purged: %s", c->ticket,
              usher_err_name(status));
    } else if (state != 0) {
        if (t->gone_no != 0 && t->closing == 0 && !ledger_is_over(state))
            wrong("ticket %" PRIu64 " has come back", c->ticket);
        ledger_state(&storm.ledger, c->ticket, state, c->no, c->at, now());
    }
}

void on_enqueued(usher_t *u, const usher_done *d, void *user)
{
    struct call *c = answered(user);
    struct ledger *l = &storm.ledger;

    (void)u;
    if (d->status != USHER_OK || d->ticket != l->last + 1)
        wrong("enqueue: %s, ticket %" PRIu64, usher_err_name(d->status), d->ticket);
    l->last = d->ticket;
    l->ticket[d->ticket] = (struct ticket){.requester = c->requester, .body = c->body};
    say("  told call %d: enqueued %" PRIu64 " for %s", (int)(c - storm.call), d->ticket,
        people[c->requester]);
    ledger_state(l, d->ticket, d->state, c->no, c->at, now());
}

void on_done(usher_t *u, const usher_done *d, void *user)
{
    struct call *c = answered(user);

    (void)u;
    if (d->status != USHER_OK && d->status != USHER_ESTATE && d->status != USHER_ESTALE &&
        d->status != USHER_EINVAL && d->status != USHER_ENOENT && !is_excused(d->status))
        wrong("call %d, verb %u: %s", (int)(c - storm.call), c->verb, usher_err_name(d->status));
    look_at(c, d->status, d->state);
}

void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct call *c = answered(user);

    (void)a;
    if (status != USHER_OK && status != USHER_ESTATE && status != USHER_ENOENT &&
        !is_excused(status))
        wrong("call %d, claim: %s", (int)(c - storm.call), usher_err_name(status));
    look_at(c, status, status == USHER_OK ? USHER_CLAIMED : 0);
    if (status != USHER_OK)
        return;
    if (n != 1 || w->claim.ticket != c->ticket ||
        !is_body(w->body, storm.ledger.ticket[c->ticket].body))
        wrong("ticket %" PRIu64 " was claimed with another body", c->ticket);
    storm.held[c->ticket] = w->claim;
}

static void check_history(usher_id id, const usher_page *p, uint64_t after)
{
    for (uint64_t i = 0; i < p->n; i++) {
        const usher_event *e = &p->events[i];

        if (e->ticket != id || e->ticket_seq != after + i + 1 ||
            (e->ticket_seq == 1) != (e->kind == USHER_EV_ENQUEUED))
            wrong("the history of %" PRIu64 " has a hole after %" PRIu64, id, after + i);
    }
}

void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct call *c = answered(user);

    (void)u;
    if (status != USHER_OK && status != USHER_ENOENT && !is_excused(status))
        wrong("call %d, %s: %s", (int)(c - storm.call), kinds[c->kind], usher_err_name(status));
    if (c->kind == CALL_TICKETS)
        return;
    look_at(c, status, 0);
    if (status == USHER_OK && c->kind == CALL_BODY &&
        !is_body(p->text, storm.ledger.ticket[c->ticket].body))
        wrong("ticket %" PRIu64 " has another body", c->ticket);
    if (status == USHER_OK && c->kind == CALL_HISTORY)
        check_history(c->ticket, p, 0);
}

void on_purged(usher_t *u, const usher_done *d, void *user)
{
    struct call *c = answered(user);
    uint64_t least, most, n = 0;

    (void)u;
    say("  told call %d: purge: %s, %s", (int)(c - storm.call), usher_err_name(d->status),
        d->detail.len > 0 ? d->detail.data : "");
    ledger_purged(&storm.ledger, c->purge, d->status);
    if (d->status != USHER_OK) {
        bool cut_short = d->status == USHER_EUNKNOWN && (storm.closing || storm.poor);
        bool no_room = d->status == USHER_EUNKNOWN || d->status == USHER_ESTORE;

        if (!is_excused(d->status) && !cut_short && !(no_room && storm.was_full))
            wrong("purge: %s", usher_err_name(d->status));
        storm.sums_up = false;
        return;
    }
    if (d->detail.len == 0 || sscanf(d->detail.data, "purge: %" SCNu64, &n) != 1)
        wrong("a purge does not say how many");
    ledger_bounds(&storm.ledger, c->purge, &least, &most);
    if (n < least || n > most)
        wrong("a purge erased %" PRIu64 " tickets, not %" PRIu64 " to %" PRIu64, n, least, most);
    storm.erased += n;
}

void on_failed(usher_t *u, int status, usher_text why, void *user)
{
    (void)u, (void)user;
    wrong("the store has failed: %s, %s", usher_err_name(status), why.data);
}

void on_trace(usher_t *u, const char *line, void *user)
{
    (void)u, (void)user;
    if (strncmp(line, "the store", 9) == 0)
        say("  %s", line);
}

/* ---- events ---------------------------------------------------------------------------------- */

void on_event(usher_t *u, const usher_event *e, void *user)
{
    (void)u, (void)user;
    if (storm.seq != 0 && e->seq != storm.seq + 1)
        wrong("event %" PRIu64 " comes after %" PRIu64, e->seq, storm.seq);
    storm.seq = e->seq;
    if (e->kind == USHER_EV_ROOM)
        storm.was_full = storm.full;
    count.events++;
}

void on_follow(usher_t *u, const usher_event *e, void *user)
{
    int r = USHER_OK;

    (void)user;
    if (e->seq <= storm.followed)
        wrong("event %" PRIu64 " is told to a follower after %" PRIu64, e->seq, storm.followed);
    storm.followed = e->seq;
    count.followed++;
    if (!storm.closing)
        r = usher_event_done(u, "slow", e->seq);
    if (r != USHER_OK && !refuses(r))
        wrong("usher_event_done: %s", usher_err_name(r));
}
