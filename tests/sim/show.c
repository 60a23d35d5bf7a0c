/* What is wrong, at length: the tickets that it speaks of, as the watch believes them, by their events, and as the
 * service tells them, side by side. A row in which they differ has a mark. */
#include "run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void row(const char *what, const char *watch, const char *service)
{
    fprintf(stderr, "  %c %-18s %-26s %s\n", strcmp(watch, service) != 0 ? '*' : ' ', what, watch, service);
}

static void numbers(const char *what, int64_t watch, int64_t service)
{
    char a[24], b[24];

    snprintf(a, sizeof a, watch == USHER_NEVER ? "never" : "%" PRId64, watch);
    snprintf(b, sizeof b, service == USHER_NEVER ? "never" : "%" PRId64, service);
    row(what, a, b);
}

/* Instants are told from the beginning of the service. */
static void instants(const char *what, int64_t watch, int64_t service)
{
    char a[32], b[32];

    snprintf(a, sizeof a, watch == USHER_NEVER ? "never" : watch == 0 ? "-" : "begin %+" PRId64,
             watch - BEGIN_AT);
    snprintf(b, sizeof b, service == USHER_NEVER ? "never" : service == 0 ? "-" : "begin %+" PRId64,
             service - BEGIN_AT);
    row(what, a, b);
}

static void names(const char *what, const char *watch, const char *service)
{
    row(what, watch == NULL ? "-" : watch, service == NULL ? "-" : service);
}

static void promises(const struct seen *t, const usher_standing *s)
{
    static const char *const states[] = { "-", "running", "kept", "broken", "lapsed" };

    for (int ix = 0; ix < 4; ix++) {
        const struct seen_promise *p = &t->promise[ix];
        const usher_promise *q = &s->promises[ix];

        if (p->state == 0 && q->state == 0)
            continue;
        names(usher_name(USHER_NAME_PROMISE, ix + 1), states[p->state], states[q->state]);
        instants("  start", p->start_at, q->start_at);
        numbers("  target", p->target, q->target_ms);
        instants("  due", watch_due(t, ix), q->due_at);
        numbers("  left", watch_left(t, ix, usher_now(run.u)), q->left_ms);
        numbers("  arming", p->arming, q->arming);
    }
}

static const char *name_of(const char *const *list, int i)
{
    return i < 0 ? NULL : list[i];
}

static void show_ticket(usher_id id)
{
    const struct seen *t = watch_ticket(&run.watch, id);
    usher_standing s = USHER_INIT(usher_standing);
    const char *requester = NULL;

    if (t == NULL || t->state == 0 || usher_peek(run.u, id, &s) != USHER_OK) {
        fprintf(stderr, "  ticket %" PRIu64 ": the watch %s it, the service %s\n", id,
                t == NULL || t->state == 0 ? "does not know" : "knows", s.ticket != id ? "does not" : "does");
        return;
    }
    requester = t->order[0] < PERSONS ? persons[t->order[0]] : queues[t->order[0] - PERSONS];
    fprintf(stderr, "    ticket %-11" PRIu64 " %-26s service\n", id, "watch");
    names("state", usher_name(USHER_NAME_STATE, t->state), usher_name(USHER_NAME_STATE, s.state));
    instants("since", t->state_at, s.state_at);
    instants("until", watch_until(t), s.until_at);
    numbers("events", (int64_t)t->seq, (int64_t)s.ticket_seq);
    names("queue", queues[t->queue], usher_queue_name(s.queue));
    numbers("policy", t->version, s.policy_version);
    names("requester", requester, s.requester);
    numbers("priority", t->priority, s.priority);
    numbers("level", t->level, s.level);
    numbers("attempts", t->attempts, s.attempts);
    instants("rank", t->rank, s.rank_at);
    names("holder", watch_claim_stands(t) ? name_of(agents, t->holder) : NULL, s.holder);
    numbers("token", watch_claim_stands(t) ? (int64_t)t->token : 0,
            (int64_t)usher__service_token(run.u, id));
    names("kept for", name_of(agents, t->kept_for), s.kept_for);
    names("offered to", t->offer == 0                ? NULL
                        : t->offer == USHER_TO_QUEUE ? name_of(queues, t->offer_to)
                                                     : name_of(agents, t->offer_to),
          s.offered_to);
    numbers("hand-offs", t->hops, s.handoffs);
    numbers("cause", (int64_t)t->cause, (int64_t)s.cause);
    numbers("follows", (int64_t)t->follows, (int64_t)s.follows);
    promises(t, &s);
}

void show_event(const usher_event *e)
{
    fprintf(stderr, "        %" PRIu64 " %s", e->seq, usher_name(USHER_NAME_EVENT, e->kind));
    if (e->ticket != 0)
        fprintf(stderr, " of ticket %" PRIu64 ": %s, priority %d, level %d, in %s", e->ticket,
                usher_name(USHER_NAME_STATE, e->state), e->priority, e->level, usher_queue_name(e->queue));
    fprintf(stderr, ", at begin %+" PRId64, e->at - BEGIN_AT);
    if (e->seen_at != 0)
        fprintf(stderr, ", seen %+" PRId64, e->seen_at - BEGIN_AT);
    if (e->until_at != 0)
        fprintf(stderr, ", until %+" PRId64, e->until_at - BEGIN_AT);
    if (e->who != NULL || e->to != NULL)
        fprintf(stderr, ", %s to %s", e->who == NULL ? "-" : e->who, e->to == NULL ? "-" : e->to);
    if (e->rule != NULL)
        fprintf(stderr, ", %s (%.*s)", e->rule, (int)e->text.len, e->text.len > 0 ? e->text.data : "");
    fprintf(stderr, e->n != 0 ? ", n %u\n" : "\n", e->n);
}

void show_wrong(void)
{
    const char *texts[] = { note->wrong, note->text };
    static const char *const marks[] = { "ticket ", "ticket=" };
    usher_id seen[4];
    uint32_t n = 0;

    fprintf(stderr, "random: wrong: %s\n", note->wrong);
    for (int i = 0; i < 2 && n == 0 && !run.closed; i++) {
        for (const char *at = strstr(texts[i], marks[i]); at != NULL && n < 4; at = strstr(at, marks[i])) {
            usher_id id = strtoull(at += strlen(marks[i]), NULL, 10);
            bool again = id == 0;

            for (uint32_t k = 0; k < n; k++)
                again = again || seen[k] == id;
            if (!again)
                show_ticket(seen[n++] = id);
        }
    }
    fprintf(stderr, "    now begin %+" PRId64 "\n", run.closed ? 0 : usher_now(run.u) - BEGIN_AT);
}
