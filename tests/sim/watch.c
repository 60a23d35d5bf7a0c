/* The watch over states, claims, persons and time. See watch.h; promises are in promises.c. */
#include "watch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "parts.h"

const char watch_letters[] = "?SWCOPKRXD"; /* of states, by number */

void watch_begin(struct watch *w, usher_t *u)
{
    memset(w, 0, sizeof *w);
    w->u = u;
    fold_begin();
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
    return t->state == USHER_CLAIMED || t->state == USHER_PAUSED || t->state == USHER_OFFERED;
}

bool watch_is_over(const struct seen *t)
{
    return t->state == USHER_CLOSED || t->state == USHER_WITHDRAWN;
}

uint32_t watch_open(const struct watch *w, uint32_t queue)
{
    uint32_t n = 0;

    for (uint32_t id = 1; id <= w->tickets_n; id++)
        n += w->ticket[id].state != 0 && w->ticket[id].queue == queue &&
             !watch_is_over(&w->ticket[id]);
    return n;
}

const struct rules *watch_rules(const struct watch *w, uint32_t queue)
{
    return &w->queue[queue].rules[w->queue[queue].version - 1];
}

/* The number in a name such as p3; -1: none. */
int watch_number(const char *name, char kind, int most)
{
    int n = name != NULL && name[0] == kind && name[2] == '\0' ? name[1] - '0' : -1;

    return n < most ? n : -1;
}

int watch_person(const char *name)
{
    int who = watch_number(name, 'p', PERSONS), queue = watch_number(name, 'q', QUEUES);

    return queue >= 0 ? PERSONS + queue : who;
}

uint32_t watch_mask(const struct seen *t)
{
    return t->changes_n == 0 ? 0 : t->changes[t->changes_n - 1].mask;
}

int64_t watch_pause_left(const struct seen *t, int reason, int64_t now)
{
    int64_t left = t->rules->pause_max[reason] - t->spent[reason];

    if ((watch_mask(t) & 1u << reason) != 0)
        left -= now - t->pause_since[reason];
    return left;
}

/* ---- what events change ---------------------------------------------------------------------- */

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
    if ((watch_mask(t) & 1u << reason) == 0)
        return;
    t->spent[reason] += at - t->pause_since[reason];
    change(w, t, at, watch_mask(t) & ~(1u << reason));
}

static void end_pauses(struct watch *w, struct seen *t, int64_t at)
{
    for (int reason = 0; reason < 3; reason++)
        end_pause(w, t, reason, at);
}

static void begin_pause(struct watch *w, struct seen *t, const usher_event *e)
{
    int reason = e->how - 1;
    int64_t max_at = e->at + watch_pause_left(t, reason, e->at);

    if ((watch_mask(t) & 1u << reason) == 0) {
        t->pause_since[reason] = e->at;
        change(w, t, e->at, watch_mask(t) | 1u << reason);
    }
    t->pause_began[reason] = e->at;
    t->pause_end[reason] = e->until_at;
    t->pause_most[reason] = max_at;
    t->reminded[reason] = 0;
    if (e->until_at > max_at)
        watch_wrong(w, "a pause until %" PRId64 ", beyond its maximum %" PRId64, e->until_at,
                    max_at);
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

static void check_backoff(struct watch *w, const struct seen *t, const usher_event *e)
{
    uint32_t step = t->attempts < t->rules->backoff_n ? t->attempts : t->rules->backoff_n;
    int64_t until = e->state == USHER_STUCK ? 0 : e->at + t->rules->backoff[step - 1];

    if (e->until_at != until)
        watch_wrong(w, "again at %" PRId64 ", not at %" PRId64, e->until_at, until);
}

static void check_instant(struct watch *w, const usher_event *e, int64_t at, const char *what)
{
    if (e->at != at)
        watch_wrong(w, "%s at %" PRId64 ", not at %" PRId64, what, e->at, at);
}

/* Timers of states run at the instants that the standing showed. */
static void check_until(struct watch *w, const struct seen *t, const usher_event *e,
                        const char *what)
{
    if (t->looked_seq == t->seq - 1 && t->until != 0)
        check_instant(w, e, t->until, what);
}

/* Those who would have come before it. */
static uint32_t passed_over(const struct watch *w, const struct seen *t, usher_id id, int agent)
{
    uint32_t n = 0, queue = t->offer == USHER_TO_QUEUE ? (uint32_t)t->offer_to : t->queue;

    if (t->kept_for == agent || t->offer == USHER_TO_AGENT)
        return 0;
    for (usher_id i = 1; i <= w->tickets_n; i++) {
        const struct seen *o = &w->ticket[i];
        bool in_line = watch_line(o) == (int)queue;

        if (in_line && o->priority == t->priority)
            n += o->rank < t->rank || (o->rank == t->rank && i < id);
        else if (in_line && o->priority > t->priority)
            n += watch_rules(w, queue)->share[o->priority - 1] == 0;
    }
    return n;
}

static void claimed(struct watch *w, struct seen *t, const usher_event *e)
{
    int agent = watch_number(e->who, 'a', AGENTS);
    uint32_t n = passed_over(w, t, e->ticket, agent), queue = watch_queue(w, e->queue);

    if (!w->unsure && e->n != n && (e->n != 0 || w->out_of_turn == e->ticket))
        watch_wrong(w, "%u passed over, not %u", e->n, n);
    end_pauses(w, t, e->at);
    if (agent < 0 || w->gone[agent])
        watch_wrong(w, "claimed by an agent that is not there");
    if (t->state == USHER_STUCK)
        t->attempts = 0;
    t->was_kept = t->kept_for >= 0 || t->offer == USHER_TO_AGENT;
    if (!w->unsure)
        ranks_claimed(w, t, e, agent);
    t->told_no_agent = false;
    t->token++;
    t->claimed_at = e->at;
    t->lease_end = e->at + watch_rules(w, queue)->lease_for;
    if (e->until_at != t->lease_end && !w->stepped)
        watch_wrong(w, "claimed until %" PRId64 ", not %" PRId64, e->until_at, t->lease_end);
    t->holder = agent;
    t->word = t->alive = false;
}

bool watch_extend(struct watch *w, struct seen *t, uint32_t queue, int64_t at, int64_t ms)
{
    const struct rules *r = watch_rules(w, queue);
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
    int64_t keep_for = watch_rules(w, t->queue)->keep_for;

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
    case USHER_EV_DECLINED:
    case USHER_EV_OFFER_EXPIRED: return true;
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
    t->may_be_kept = t->kept_for >= 0 && e->kind == USHER_EV_STEPPED && e->to != NULL;
    t->odd = t->odd || t->queue != watch_queue(w, e->queue);
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

bool watch_all_confirmed(const struct seen *t)
{
    for (int i = 0; i < WAITERS; i++) {
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
    else if (!at_once && !watch_all_confirmed(t))
        watch_wrong(w, "closed, and not all have confirmed");
}

static void add_person(struct seen *t, int who)
{
    if (!t->persons[who])
        t->order[t->order_n++] = who;
    t->persons[who] = true;
}

static void drop_person(struct seen *t, int who)
{
    uint32_t i = 0;

    t->persons[who] = t->confirmed[who] = false;
    while (t->order[i] != who)
        i++;
    for (t->order_n--; i < t->order_n; i++)
        t->order[i] = t->order[i + 1];
}

static void by_person(struct watch *w, struct seen *t, const usher_event *e)
{
    int who = watch_person(e->who);

    if (who < 0) {
        watch_wrong(w, "an event of a person, and no person");
        return;
    }
    if (e->kind == USHER_EV_ENQUEUED || e->kind == USHER_EV_JOINED)
        add_person(t, who);
    else if (!t->persons[who])
        watch_wrong(w, "p%d is not one of those who wait", who);
    if (e->kind == USHER_EV_CONFIRMED)
        t->confirmed[who] = true;
    if (e->kind == USHER_EV_LEFT)
        drop_person(t, who);
}

/* At the maximum of a pause on the requester the policy may resolve; then RESOLVED comes next. */
static void check_no_reply(struct watch *w, const struct seen *t, const usher_event *e)
{
    bool resolves = e->how == USHER_ON_REQUESTER && t->pause_end[0] == t->pause_most[0] &&
                    t->rules->then_resolve && watch_mask(t) == 0 && !t->promise[1].owed;

    if (watch_mask(t) == 0 && (e->state == USHER_PAUSED) != resolves)
        watch_wrong(w, "resolved by the policy, or not");
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
        check_no_reply(w, t, e);
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
        if (e->n == 0)
            break; /* of its cause */
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
    case USHER_EV_FAILED:
        count_attempt(w, t, e, true);
        check_backoff(w, t, e);
        break;
    case USHER_EV_LEASE_EXPIRED:
        if (!w->stepped)
            check_instant(w, e, t->lease_end, "a lease ended");
        count_attempt(w, t, e, !t->alive);
        break;
    case USHER_EV_STARTED:
        if (e->who == NULL)
            check_until(w, t, e, "started");
        break;
    case USHER_EV_MOVED: t->odd = true; break;
    default: break;
    }
    if (e->kind == USHER_EV_WITHDRAWN)
        end_pauses(w, t, e->at);
}

/* Late ones are told when the last of them has fired. */
static bool is_told_late(const usher_event *e)
{
    return e->kind == USHER_EV_WARNED || e->kind == USHER_EV_STEPPED;
}

static void ticket_event(struct watch *w, const usher_event *e)
{
    struct seen *t;
    bool is_new = e->kind == USHER_EV_ENQUEUED;
    bool first_word;
    uint32_t ran;
    int level;

    if (is_new && e->ticket <= TICKETS_MAX && w->ticket[e->ticket].seq == 0) {
        /* A cause that is opened in the middle of a batch has an id after all of it. */
        t = &w->ticket[e->ticket];
        if (e->ticket > w->tickets_n)
            w->tickets_n = (uint32_t)e->ticket;
        t->queue = watch_queue(w, e->queue);
        t->version = e->policy_version;
        t->rules = &w->queue[t->queue].rules[e->policy_version - 1];
        t->priority = e->priority;
        t->kept_for = t->holder = -1;
        if (watch_person(e->who) < INSIDER) {
            t->key = w->pending_key;
            t->ref = w->pending_ref;
            t->needs = w->pending_needs;
        }
    }
    t = watch_ticket(w, e->ticket);
    if (t == NULL || e->ticket_seq != t->seq + 1) {
        watch_wrong(w, "an event of no ticket, or not its next one");
        return;
    }
    if (!is_new)
        legal_way(w, t, e);
    else if (e->state != USHER_WAITING && e->state != USHER_SCHEDULED)
        watch_wrong(w, "a new ticket in state %c", watch_letters[e->state]);
    if (e->kind == USHER_EV_JOINED)
        t->needs |= w->pending_needs;
    if (!is_new)
        ladder_hidden(w, t, e);
    level = t->level + handoffs_raise(e);
    t->seq++;
    first_word = !t->acknowledged;
    ran = watch_mask(t);
    if (e->kind == USHER_EV_PAUSED)
        carry(w, t, e);
    promises_event(w, t, e);
    if (e->kind == USHER_EV_PAUSED && (e->n != 0) != promises_stopped_late(t, ran, e->at))
        watch_wrong(w, "a pause in the last tenth of a promise, or not");
    fold_measures(w, t, e, first_word && t->acknowledged);
    handoffs_event(w, t, e);

    if (e->kind == USHER_EV_STEPPED)
        level = t->level;
    if (e->kind != USHER_EV_PAUSED)
        carry(w, t, e);
    carry_keep(w, t, e);
    ranks_event(w, t, e);
    causes_event(w, t, e);
    fold_event(w, t, e);
    t->queue = watch_queue(w, e->queue);
    if (e->state != t->state)
        t->state_at = e->at;
    if (t->state == USHER_OFFERED && e->state != USHER_OFFERED)
        t->offer = 0;
    t->state = e->state;
    if (!is_told_late(e) && e->kind != USHER_EV_BROKEN && ladder_is_behind(t, e->at)) {
        t->retold = e->ticket_seq; /* a pause has ended, in which it was given another target */
        t->retold_at = e->at;
    }
    t->level = level;
    t->touched = true;
    if (e->level != level || e->priority != t->priority || e->policy_version != t->version)
        watch_wrong(w, "level, priority or policy_version");
}

static bool steps_move(const struct watch *w)
{
    bool any = false;

    for (uint32_t i = 0; i < w->queues_n; i++) {
        for (uint32_t v = 0; v < w->queue[i].version; v++)
            any = any || ladder_moves(&w->queue[i].rules[v]);
    }
    return any;
}

static void service_event(struct watch *w, const usher_event *e)
{
    struct seen_queue *q = e->queue == NULL ? NULL : &w->queue[watch_queue(w, e->queue)];

    if (e->kind == USHER_EV_QUEUE_DEFINED && e->policy_version != ++q->version)
        watch_wrong(w, "policy_version %u, not %u", e->policy_version, q->version);
    if (e->kind == USHER_EV_QUEUE_DEFINED)
        q->unsteady_seq = e->seq;
    if (e->kind == USHER_EV_QUEUE_HELD)
        q->hold = (uint32_t)e->how;
    if (e->kind == USHER_EV_ROOM) {
        /* One that a step has moved away may be told to be gone only then. */
        if ((!q->refused && !w->lax) || (!steps_move(w) && watch_open(w, watch_queue(w, e->queue)) >=
                                                  watch_rules(w, watch_queue(w, e->queue))->open))
            watch_wrong(w, "room, and nobody was refused or it is full");
        q->refused = q->was_full = false;
    }
}

void watch_event(struct watch *w, const usher_event *e)
{
    bool was_wrong = w->wrong[0] != '\0';

    if (e->seq != ++w->seq)
        watch_wrong(w, "seq %" PRIu64 " after %" PRIu64, e->seq, w->seq - 1);
    if ((e->at < w->at && !(e->seen_at != 0 && is_told_late(e))) ||
        (e->seen_at != 0 && e->seen_at <= e->at))
        watch_wrong(w, "an event at %" PRId64 " after one at %" PRId64, e->at, w->at);
    if (e->at > w->at)
        w->at = e->at;
    legal_order(w, e);
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
