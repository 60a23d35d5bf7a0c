/* What callbacks are told, and how tickets and queues stand, a line each. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"
#include "probe_rows.h"

uint64_t usher__service_token(usher_t *u, usher_id id);

enum { GAP_MAX = 20000 }; /* ids in a row that are no more: then there are none */

void touch(usher_id ticket)
{
    if (probe.touched_n == probe.touched_room) {
        probe.touched_room = probe.touched_room ? 2 * probe.touched_room : 64;
        probe.touched = grown(probe.touched, probe.touched_room, sizeof *probe.touched);
    }
    probe.touched[probe.touched_n++] = ticket;
}

void touch_all(void)
{
    usher_standing s = {.size = sizeof s};
    usher_id missing = 0; /* ids have no gaps but those of tickets that are let go */

    for (usher_id id = 1; missing < GAP_MAX; id++) {
        missing = usher_peek(probe.u, id, &s) == USHER_OK ? 0 : missing + 1;
        if (missing == 0)
            touch(id);
    }
}

/* ---- callbacks -------------------------------------------------------------------------------- */

void on_event(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    (void)user;
    touch(e->ticket);
    tell_event('e', e);
    called_back();
}

/* To a named subscription: its name is one letter. */
void on_named_event(usher_t *u, const usher_event *e, void *name)
{
    (void)u;
    tell_event(*(const char *)name, e);
    called_back();
}

void on_done(usher_t *u, const usher_done *d, void *user)
{
    (void)u;
    (void)user;
    touch(d->ticket);
    printf("d ticket=%" PRIu64 " status=%s state=%s verb=%s outcome=%d until=%" PRId64
           " token=%" PRIu64 " prio=%d seq=%" PRIu64 "\n",
           d->ticket, code(d->status), name(USHER_NAME_STATE, d->state),
           name(USHER_NAME_VERB, d->verb), d->outcome, d->until_at, d->token, d->priority, d->seq);
    called_back();
}

/* Of a command without a callback, where it failed. */
void on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user)
{
    (void)u;
    (void)user;
    touch(ticket);
    printf("o ticket=%" PRIu64 " status=%s verb=%s\n", ticket, code(status),
           name(USHER_NAME_VERB, verb));
    called_back();
}

void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *tag)
{
    char due[24];

    if (probe.closed)
        return;
    printf("w agent=%s status=%s tag=%" PRIdPTR " work=%s", usher_agent_name(a), code(status),
           (intptr_t)tag, n ? "" : "-");
    for (size_t i = 0; i < n; i++) {
        touch(w[i].claim.ticket);
        printf("%s%" PRIu64 ":%" PRIu64 ":%" PRId64 ":%s:%u:%u", i ? "," : "", w[i].claim.ticket,
               w[i].claim.token, w[i].lease_until_at, instant(w[i].due_at, due), w[i].attempts,
               w[i].persons);
    }
    putchar('\n');
    called_back();
}

/* ---- how things stand ------------------------------------------------------------------------- */

static void describe(usher_id id)
{
    usher_standing s = {.size = sizeof s};
    char due[24], word[24];

    if (usher_peek(probe.u, id, &s) != USHER_OK)
        return;
    printf("t id=%" PRIu64 " state=%s prio=%d level=%d ts=%" PRIu64 " since=%" PRId64
           " until=%" PRId64 " rank=%" PRId64 " ahead=%" PRId64 " aheadq=%" PRId64 " holder=%s"
           " kept=%s att=%u chases=%u persons=%u req=%s queue=%s pv=%u token=%" PRIu64
           " due=%s nextword=%s",
           s.ticket, name(USHER_NAME_STATE, s.state), s.priority, s.level, s.ticket_seq, s.state_at,
           s.until_at, s.rank_at, s.ahead, s.ahead_in_queue, or_none(s.holder), or_none(s.kept_for),
           s.attempts, s.chases, s.persons, or_none(s.requester), usher_queue_name(s.queue),
           s.policy_version, usher__service_token(probe.u, id), instant(s.due_at, due),
           instant(s.next_word_at, word));
    for (int i = 0; i < 4; i++) {
        const usher_promise *p = &s.promises[i];
        if (p->state == 0)
            printf(" p%d=0:0:0:0:0:0", i + 1);
        else
            printf(" p%d=%d:%" PRId64 ":%s:%" PRId64 ":%" PRId64 ":%u", i + 1, p->state,
                   p->start_at, instant(p->due_at, due), p->target_ms, p->left_ms, p->arming);
    }
    printf(" waits=%u:%" PRId64 ":%" PRId64 " by=%d from=%" PRId64 " behind=%" PRId64
           " offer=%d to=%s hops=%u cause=%" PRIu64 " follows=%" PRIu64 " linked=%u isc=%d\n",
           s.waits, s.wait_p50_ms, s.wait_p90_ms, s.rank_by, s.rank_from_at, s.rank_behind_ms,
           s.offer, or_none(s.offered_to), s.handoffs, s.cause, s.follows, s.linked, s.is_cause);
}

static int by_id(const void *a, const void *b)
{
    usher_id x = *(const usher_id *)a, y = *(const usher_id *)b;

    return (x > y) - (x < y);
}

void describe_touched(void)
{
    if (probe.touched_n)
        qsort(probe.touched, probe.touched_n, sizeof *probe.touched, by_id);
    for (size_t i = 0; i < probe.touched_n; i++) {
        if (probe.touched[i] && (i == 0 || probe.touched[i] != probe.touched[i - 1]))
            describe(probe.touched[i]);
    }
    probe.touched_n = 0;
}

/* How many tickets each of these has in each state. */
void describe_queues(const struct list *names)
{
    for (uint32_t i = 0; i < names->n; i++) {
        usher_queue_t *q;
        uint64_t n[USHER_STATES] = {0};

        if (usher_queue(probe.u, &q, names->item[i]) != USHER_OK || usher_counts(q, n) != USHER_OK)
            continue;
        printf("q queue=%s", names->item[i]);
        for (int state = 1; state < USHER_STATES; state++)
            printf(" %s=%" PRIu64, usher_name(USHER_NAME_STATE, state), n[state]);
        putchar('\n');
    }
}
