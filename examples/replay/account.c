/* What the replay came to. Each interval between two events of a ticket goes to the state that it
 * was in. */
#include "account.h"

#include <stdlib.h>

#include "array.h"

void account_open(struct account *a, const struct log *l)
{
    size_t tickets = (size_t)l->tickets.n + 1;
    *a = (struct account){
        .log = l,
        .people = array_new(tickets, sizeof *a->people),
        .queues = array_new((size_t)l->queues.n + 1, sizeof *a->queues),
        .pauses_by_state = array_new((size_t)l->states.n + 1, sizeof *a->pauses_by_state),
        .ids = array_new(tickets, sizeof *a->ids),
        .id_tickets = array_new(tickets, sizeof *a->id_tickets),
    };
    for (size_t k = 0; k < tickets; k++) {
        struct person *p = &a->people[k];
        p->opened_at = p->first_word_at = p->solved_at = p->closed_at = -1;
    }
}

void account_free(struct account *a)
{
    free(a->people);
    free(a->queues);
    free(a->visits);
    free(a->pauses_by_state);
    free(a->ids);
    free(a->id_tickets);
    climb_free(&a->climb);
    passing_free(&a->passing);
    *a = (struct account){0};
}

int64_t account_sum(const struct person *p)
{
    int64_t sum = 0;
    for (int i = 0; i < SPENTS; i++)
        sum += p->spent[i];
    return sum;
}

static enum spent spent_in(int32_t state)
{
    switch (state) {
    case USHER_CLAIMED:
        return SPENT_HELD;
    case USHER_PAUSED:
        return SPENT_PAUSED;
    case USHER_RESOLVED:
    case USHER_CLOSED: /* counts only when it is reopened: it was not solved after all */
        return SPENT_AFTER;
    default:
        return SPENT_WAITING;
    }
}

/* Ids only grow, and tickets are entered as they come. */
static uint32_t ticket_of(const struct account *a, usher_id id)
{
    size_t from = 0;
    size_t to = a->ids_n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (a->ids[mid] < id)
            from = mid + 1;
        else
            to = mid;
    }
    return from < a->ids_n && a->ids[from] == id ? a->id_tickets[from] : 0;
}

static void miss(struct account *a, uint32_t ticket)
{
    a->misses++;
    if (a->missed_ticket == 0)
        a->missed_ticket = ticket;
}

static void spend(struct account *a, uint32_t ticket, int64_t at)
{
    struct person *p = &a->people[ticket];
    int64_t ms = at - p->since_at;
    if (ms < 0)
        miss(a, ticket);
    p->spent[spent_in(p->state)] += ms;
    if (spent_in(p->state) == SPENT_WAITING)
        p->visit_ms += ms;
    p->since_at = at;
}

static void end_visit(struct account *a, struct person *p)
{
    a->visits = array_room(a->visits, &a->visits_cap, a->visits_n + 1, sizeof *a->visits);
    a->visits[a->visits_n++] = (struct visit){p->queue, p->visit_ms};
    p->visit_ms = 0;
}

static void count_verdicts(struct person *p, const usher_event *e)
{
    for (int i = 0; i < PROMISES; i++) {
        uint32_t bit = 1u << (i + 1);
        p->promises[i].kept += (e->kept & bit) != 0;
        p->promises[i].lapsed += (e->lapsed & bit) != 0;
    }
    if (e->kind == USHER_EV_BROKEN)
        p->promises[e->promise - 1].broken++;
    if (e->kind == USHER_EV_BROKEN && e->promise == USHER_PROMISE_RESOLVE)
        p->resolve_verdict = USHER_BROKEN;
    if (e->kept & 1u << USHER_PROMISE_RESOLVE)
        p->resolve_verdict = USHER_KEPT;
    if (e->lapsed & 1u << USHER_PROMISE_RESOLVE)
        p->resolve_verdict = USHER_LAPSED;
}

/* No event says that a promise was made, or that a reopen has taken back what the resolve had
 * earned; the standing shows both. One that is not shown any more, because the present priority has
 * no such promise, was seen before. */
static void count_armings(usher_t *u, struct person *p, const usher_event *e)
{
    usher_standing s = USHER_INIT(usher_standing);
    if (usher_peek(u, p->id, &s) != USHER_OK)
        return;
    struct verdicts *resolve = &p->promises[USHER_PROMISE_RESOLVE - 1];
    bool runs = s.promises[USHER_PROMISE_RESOLVE - 1].state == USHER_RUNNING;
    if (e->kind == USHER_EV_REOPENED && runs) {
        resolve->kept -= p->resolve_verdict == USHER_KEPT;
        resolve->lapsed -= p->resolve_verdict == USHER_LAPSED;
        p->resolve_verdict = 0;
    }
    if (resolve->made < s.promises[USHER_PROMISE_RESOLVE - 1].arming)
        p->resolve_verdict = 0;
    for (int i = 0; i < PROMISES; i++) {
        struct verdicts *v = &p->promises[i];
        if (v->made < s.promises[i].arming)
            v->made = s.promises[i].arming;
        v->running = s.promises[i].state == USHER_RUNNING;
    }
}

static bool caused_by(const struct account *a, enum deed deed)
{
    return a->cause && a->cause->deed == deed;
}

static void count_move(struct account *a)
{
    if (!caused_by(a, DEED_MOVE) && !caused_by(a, DEED_HAND_OFF))
        return;
    a->moves += a->cause->how == MOVE_PLAIN || a->cause->how == MOVE_AFTER_RESOLVE;
    a->moves_across += a->cause->how == MOVE_ACROSS;
}

/* A ticket that is offered waits where it is offered to. */
static void change_queue(struct account *a, struct person *p, const char *to)
{
    if (names_find(&a->log->queues, to) == p->queue)
        return;
    end_visit(a, p);
    a->queues[p->queue].moved_out++;
    p->queue = names_find(&a->log->queues, to);
    a->queues[p->queue].moved_in++;
}

static void count_kind(struct account *a, struct person *p, const usher_event *e)
{
    switch (e->kind) {
    case USHER_EV_CLAIMED:
        if (caused_by(a, DEED_HAND_OFF))
            break; /* to pass it on, that moment */
        a->claims++;
        a->claims_out_of_turn += e->n > 0;
        a->passed_over += e->n;
        if (caused_by(a, DEED_CLAIM)) {
            a->handovers += p->claims > 0 && p->agent != a->cause->what;
            p->agent = a->cause->what;
            p->claims++;
        }
        break;
    case USHER_EV_PAUSED:
        if (caused_by(a, DEED_PAUSE)) {
            a->pauses++;
            a->pauses_by_state[a->cause->what]++;
        }
        break;
    case USHER_EV_ASKED:
        a->chases++;
        p->chases++;
        break;
    case USHER_EV_OFFERED:
    case USHER_EV_MOVED:
        count_move(a);
        change_queue(a, p, e->to);
        break;
    case USHER_EV_OFFER_EXPIRED:
        change_queue(a, p, usher_queue_name(e->queue));
        break;
    case USHER_EV_WARNED: /* of several late ones, told as one, one may have moved it */
    case USHER_EV_STEPPED:
        if (e->to)
            change_queue(a, p, e->to);
        break;
    case USHER_EV_NOTED:
        count_move(a);
        break;
    case USHER_EV_RESOLVED:
        p->solved_at = e->at;
        a->queues[p->queue].solved++;
        break;
    case USHER_EV_REOPENED:
        a->reopens += caused_by(a, DEED_REOPEN);
        p->solved_at = p->closed_at = -1;
        break;
    case USHER_EV_CLOSED:
    case USHER_EV_WITHDRAWN:
        p->closed_at = e->at;
        break;
    default:
        break;
    }
}

static bool is_word(const usher_event *e)
{
    return e->kind == USHER_EV_ACKNOWLEDGED || e->kind == USHER_EV_UPDATED ||
           (e->kind == USHER_EV_PAUSED && e->how == USHER_ON_REQUESTER) ||
           (e->kind == USHER_EV_RESOLVED && e->how != USHER_AS_NO_REPLY);
}

static uint32_t enter(struct account *a, const usher_event *e)
{
    uint32_t ticket = caused_by(a, DEED_OPEN) ? a->cause->ticket : 0;
    if (ticket == 0 || a->people[ticket].id != 0) {
        passing_cause(&a->passing, e->ticket, caused_by(a, DEED_LINK));
        return 0;
    }
    a->ids[a->ids_n] = e->ticket;
    a->id_tickets[a->ids_n++] = ticket;
    struct person *p = &a->people[ticket];
    p->id = e->ticket;
    p->opened_at = p->since_at = e->at;
    p->queue = names_find(&a->log->queues, usher_queue_name(e->queue));
    a->queues[p->queue].tickets++;
    return ticket;
}

void account_event(usher_t *u, const usher_event *e, void *user)
{
    struct account *a = user;
    a->events++;
    if (e->ticket == 0)
        return;
    uint32_t ticket = e->kind == USHER_EV_ENQUEUED ? enter(a, e) : ticket_of(a, e->ticket);
    if (ticket == 0) {
        if (!passing_is_cause(&a->passing, e->ticket))
            miss(a, 0);
        return;
    }
    struct person *p = &a->people[ticket];
    if (e->ticket_seq != p->ticket_seq + 1)
        miss(a, ticket);
    p->ticket_seq = e->ticket_seq;
    p->events++;
    if (p->closed_at < 0 || e->kind == USHER_EV_REOPENED)
        spend(a, ticket, e->at); /* a closed one may still be told of its cause */
    count_kind(a, p, e);
    passing_event(&a->passing, &p->passed, e, caused_by(a, DEED_LINK), p->solved_at >= 0);
    count_verdicts(p, e);
    count_armings(u, p, e);
    climb_event(&a->climb, e, p->priority, &p->steps);
    p->state = e->state;
    p->priority = e->priority;
    p->level = e->level;
    if (p->first_word_at < 0 && is_word(e))
        p->first_word_at = e->at;
}

void account_end(struct account *a, int64_t end_at)
{
    for (uint32_t k = 1; k <= a->log->tickets.n; k++) {
        struct person *p = &a->people[k];
        if (p->id == 0)
            continue;
        if (p->closed_at < 0)
            spend(a, k, end_at);
        end_visit(a, p);
    }
}
