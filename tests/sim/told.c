/* What the service tells: each callback is counted, and what it says is compared. */
#include "run.h"

#include <inttypes.h>
#include <string.h>

#include "fold.h"

void trace_text(int what, const char *text, size_t len)
{
    uint64_t h = run.trace[what];

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    run.trace[what] = h ^ len;
}

void trace_number(int what, uint64_t n)
{
    char bytes[sizeof n];

    memcpy(bytes, &n, sizeof n);
    trace_text(what, bytes, sizeof bytes);
}

static void trace_name(int what, const char *name)
{
    trace_text(what, name == NULL ? "-" : name, name == NULL ? 1 : strlen(name));
}

static void trace_event(const usher_event *e)
{
    trace_number(TRACE_EVENTS, e->seq);
    trace_number(TRACE_EVENTS, e->ticket);
    trace_number(TRACE_EVENTS, e->ticket_seq);
    trace_number(TRACE_EVENTS, (uint64_t)e->at);
    trace_number(TRACE_EVENTS, (uint64_t)e->seen_at);
    trace_number(TRACE_EVENTS, (uint64_t)e->until_at);
    trace_number(TRACE_EVENTS, (uint64_t)e->due_at);
    trace_number(TRACE_EVENTS, (uint64_t)(e->kind * 100 + e->state));
    trace_number(TRACE_EVENTS, (uint64_t)(e->how * 100 + e->promise));
    trace_number(TRACE_EVENTS, (uint64_t)(e->level * 100 + e->priority));
    trace_number(TRACE_EVENTS, (uint64_t)e->n << 32 | e->policy_version);
    trace_number(TRACE_EVENTS, (uint64_t)e->kept << 32 | e->lapsed);
    trace_name(TRACE_EVENTS, e->who);
    trace_name(TRACE_EVENTS, e->to);
    trace_name(TRACE_EVENTS, e->rule);
    trace_number(TRACE_EVENTS, (uint64_t)e->notify_at);
    trace_number(TRACE_EVENTS, e->other);
    trace_number(TRACE_EVENTS, (uint64_t)e->took_ms);
    trace_number(TRACE_EVENTS, (uint64_t)e->word_ms);
    trace_number(TRACE_EVENTS, (uint64_t)e->held_ms);
    trace_text(TRACE_EVENTS, e->notify.data, (size_t)e->notify.len);
    trace_text(TRACE_EVENTS, e->text.data, (size_t)e->text.len);
}

static void trace_standing(const usher_standing *s)
{
    trace_number(TRACE_STANDINGS, s->ticket);
    trace_number(TRACE_STANDINGS, s->ticket_seq);
    trace_number(TRACE_STANDINGS, (uint64_t)s->state_at);
    trace_number(TRACE_STANDINGS, (uint64_t)s->until_at);
    trace_number(TRACE_STANDINGS, (uint64_t)s->rank_at);
    trace_number(TRACE_STANDINGS, (uint64_t)(s->ahead * 1000 + s->ahead_in_queue));
    trace_number(TRACE_STANDINGS, (uint64_t)s->due_at);
    trace_number(TRACE_STANDINGS, (uint64_t)s->next_word_at);
    trace_number(TRACE_STANDINGS, (uint64_t)(s->state * 10000 + s->priority * 1000 + s->level));
    trace_number(TRACE_STANDINGS, (uint64_t)s->attempts << 32 | s->persons);
    trace_number(TRACE_STANDINGS, (uint64_t)s->chases << 32 | s->policy_version);
    trace_name(TRACE_STANDINGS, usher_queue_name(s->queue));
    trace_name(TRACE_STANDINGS, s->requester);
    trace_name(TRACE_STANDINGS, s->holder);
    trace_name(TRACE_STANDINGS, s->kept_for);
    trace_name(TRACE_STANDINGS, s->offered_to);
    trace_number(TRACE_STANDINGS, (uint64_t)s->offer << 32 | s->handoffs);
    trace_number(TRACE_STANDINGS, s->cause * 1000 + s->follows);
    trace_number(TRACE_STANDINGS, (uint64_t)s->linked << 32 | (uint64_t)s->is_cause);
    trace_number(TRACE_STANDINGS, (uint64_t)s->wait_p50_ms);
    trace_number(TRACE_STANDINGS, (uint64_t)s->wait_p90_ms);
    trace_number(TRACE_STANDINGS, (uint64_t)(s->rank_from_at + s->rank_by));
    trace_number(TRACE_STANDINGS, s->waits);
    trace_text(TRACE_STANDINGS, s->last_word.data, (size_t)s->last_word.len);
    trace_text(TRACE_STANDINGS, s->question.data, (size_t)s->question.len);
    for (int i = 0; i < 4; i++) {
        trace_number(TRACE_STANDINGS, (uint64_t)s->promises[i].due_at);
        trace_number(TRACE_STANDINGS, (uint64_t)s->promises[i].left_ms);
        trace_number(TRACE_STANDINGS, (uint64_t)s->promises[i].state);
    }
}

void trace_standings(void)
{
    usher_standing s = USHER_INIT(usher_standing);

    for (usher_id id = 1; id <= run.watch.tickets_n; id++) {
        if (usher_peek(run.u, id, &s) == USHER_OK)
            trace_standing(&s);
    }
    for (uint32_t i = 0; i < run.watch.queues_n; i++) {
        uint64_t n[USHER_STATES] = { 0 };

        if (usher_counts(run.watch.queue[i].q, n) != USHER_OK)
            wrong("usher_counts");
        for (int k = 0; k < USHER_STATES; k++)
            trace_number(TRACE_STANDINGS, n[k]);
    }
    trace_number(TRACE_STANDINGS, (uint64_t)usher__service_next_due(run.u));
}

void on_event(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    (void)user;
    if (run.deaf)
        return;
    run.told[EVENTS]++;
    trace_event(e);
    if (run.verbose)
        show_event(e);
    watch_event(&run.watch, e);
    call_from_inside(TRACE_EVENTS);
}

void on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user)
{
    (void)u;
    (void)ticket;
    (void)verb;
    (void)user;
    if (status == USHER_OK && !run.deaf)
        wrong("on_lost for what was done");
}

static void told(struct call *c, int status)
{
    say(", told %s", status == USHER_OK ? "OK" : usher_err_name(status));
    if (++c->told > c->times)
        wrong("call %u is told %u times", c->number, c->told);
    if (c->ordered && c->number < run.last_told)
        wrong("call %u is told after call %u", c->number, run.last_told);
    if (c->ordered)
        run.last_told = c->number;
    if (run.failing && (status == USHER_EUNKNOWN || status == USHER_EFAILED || status == USHER_ESTORE))
        return;
    if (status == USHER_EUNKNOWN || (c->expected != ANY && status != c->expected))
        wrong("%s, and not %s", usher_err_name(status),
              c->expected == 0 ? "OK" : usher_err_name(c->expected));
}

static void remember(struct attempt *a, int64_t at)
{
    a->remembered = true;
    a->at = at;
    a->place = ++run.remembered_n;
}

static void check_done(const usher_done *d)
{
    const struct seen *t = watch_ticket(&run.watch, d->ticket);

    /* Where a ticket had to be read first, others go on meanwhile. */
    if (run.failing && d->status != USHER_OK)
        return;
    if (run.watch.stored ? d->seq > run.watch.seq : d->seq != run.watch.seq)
        wrong("seq %" PRIu64 " of a completion after event %" PRIu64, d->seq, run.watch.seq);
    if (t == NULL || d->status != USHER_OK || d->seq != run.watch.seq)
        return;
    if (d->state != t->state || d->priority != t->priority ||
        d->token != (watch_claim_stands(t) ? t->token : 0))
        wrong("state, priority or token of the completion");
}

/* In which queue it was when the command was done: a step that this has put into the past may have moved it since. */
static uint32_t queue_then(const struct call *c, struct seen *t, const usher_done *d)
{
    int64_t end = t->lease_end;

    if (c->from != 0)
        return c->command.verb == USHER_MOVE ? watch_queue(&run.watch, c->command.queue) : c->from_queue;
    for (uint32_t i = 0; i < run.watch.queues_n; i++) { /* not seen: one that explains the lease */
        uint32_t queue = (t->queue + i) % run.watch.queues_n;
        bool fits;

        (void)watch_extend(&run.watch, t, queue, c->at, c->command.ms);
        fits = t->lease_end == d->until_at;
        t->lease_end = end;
        if (fits)
            return queue;
    }
    return t->queue;
}

/* A command with the token has extended the lease. */
static void check_lease(const struct call *c, struct seen *t, const usher_done *d)
{
    bool clipped;

    if (run.watch.stepped)
        return;
    clipped = watch_extend(&run.watch, t, queue_then(c, t, d), c->at, c->command.ms);
    if (d->until_at != t->lease_end)
        wrong("a lease until %" PRId64 ", not %" PRId64, d->until_at, t->lease_end);
    if (c->command.verb == USHER_EXTEND && (d->outcome == USHER_WAS_CLIPPED) != clipped)
        wrong("an extend was clipped, or not");
}

static void check_pause(const usher_command *c, const struct seen *t, const usher_done *d)
{
    int64_t most = t->pause_most[c->kind - 1], end = c->at == 0 || c->at > most ? most : c->at;

    if (t->pause_end[c->kind - 1] != end)
        wrong("a pause until %" PRId64 ", not %" PRId64, t->pause_end[c->kind - 1], end);
    if ((d->outcome == USHER_WAS_CLIPPED) != (c->at > most))
        wrong("a pause was clipped, or not");
}

/* What it must not have touched; nothing else has been asked for since. */
static void check_clocks(const struct call *c)
{
    usher_standing s = USHER_INIT(usher_standing);

    if (c->number + 1 != run.calls_n || usher_now(run.u) != c->at ||
        usher_peek(run.u, c->command.claim.ticket, &s) != USHER_OK)
        return;
    if (memcmp(s.promises, c->before, sizeof c->before) != 0)
        wrong("passing it on has touched a clock");
}

static void check_command(const struct call *c, const usher_done *d)
{
    struct seen *t = watch_ticket(&run.watch, d->ticket);

    if (c->command.verb == 0 || d->status != USHER_OK)
        return;
    if (c->from != 0 && !watch_leads(&c->command, c->from, d->state))
        wrong("it led from state %d to %d", c->from, d->state);
    if (c->compares)
        check_clocks(c);
    if (c->command.claim.token != 0 && d->state == USHER_CLAIMED)
        check_lease(c, t, d);
    if (c->command.verb == USHER_PAUSE)
        check_pause(&c->command, t, d);
}

void on_done(usher_t *u, const usher_done *d, void *user)
{
    struct call *c = user;
    struct attempt *first = c->repeats >= 0 ? &run.attempts[c->repeats] : NULL;

    (void)u;
    if (run.deaf)
        return;
    run.told[COMPLETIONS]++;
    trace_number(TRACE_DONE, d->ticket);
    trace_number(TRACE_DONE, d->seq);
    trace_number(TRACE_DONE, d->token);
    trace_number(TRACE_DONE, (uint64_t)d->until_at);
    trace_number(TRACE_DONE, (uint64_t)(d->status * 100 + d->state));
    trace_number(TRACE_DONE, (uint64_t)(d->verb * 1000 + d->outcome * 10 + d->priority));
    told(c, d->status);
    if (c->at_once && !first->remembered) {
        if (d->status != first->status || d->status == USHER_OK)
            wrong("said twice, and told %s and %s", usher_err_name(first->status), usher_err_name(d->status));
    } else if (first != NULL) {
        if (d->ticket != first->done.ticket || d->token != first->done.token ||
            d->state != first->done.state || d->until_at != first->done.until_at ||
            d->outcome != (first->done.outcome | USHER_WAS_REPEATED))
            wrong("a repeat got something else");
    } else if ((d->outcome & USHER_WAS_REPEATED) == 0) {
        check_done(d);
        check_command(c, d);
    } else {
        wrong("repeated, and it was the first");
    }
    if (c->remember >= 0)
        run.attempts[c->remember].status = d->status;
    if (c->remember >= 0 && first == NULL && d->status == USHER_OK &&
        (d->outcome & USHER_WAS_REPEATED) == 0) {
        run.attempts[c->remember].done = *d;
        remember(&run.attempts[c->remember], run.attempts[c->remember].at);
    }
    call_from_inside(TRACE_DONE);
}

/* Whether a comes before b: in what is kept for the claimer, or within a band. */
static bool is_better(const struct seen *a, usher_id a_id, const struct seen *b, usher_id b_id)
{
    return a->rank < b->rank || (a->rank == b->rank && a_id < b_id);
}

/* In whose line it stands, or stood when it was claimed just now. */
static uint32_t line_of(const struct seen *t)
{
    return t->offer == USHER_TO_QUEUE ? (uint32_t)t->offer_to : t->queue;
}

/* Of those that could be had when the claim was made, the ticket is one that was to be had now. */
static void check_turn(usher_id id)
{
    struct watch *w = &run.watch;
    const struct seen *t = watch_ticket(w, id);

    if (w->unsure)
        return;
    if (t == NULL || run.fits[id] == 0) {
        wrong("ticket %" PRIu64 " was not to be had", id);
        return;
    }
    for (usher_id other = 1; other <= w->tickets_n; other++) {
        const struct seen *o = &w->ticket[other];
        bool rivals = run.fits[id] == run.fits[other] &&
                      (run.fits[id] == 255 ||
                       (t->queue == line_of(o) && t->priority == o->priority));

        if (run.fits[other] == 0 || other == id)
            continue;
        if (run.fits[other] > run.fits[id] || (rivals && is_better(o, other, t, id)))
            wrong("ticket %" PRIu64 " came before its turn: %" PRIu64, id, other);
        if (run.fits[other] == run.fits[id] && run.fits[id] != 255 && o->priority > t->priority &&
            watch_rules(w, line_of(o))->share[o->priority - 1] == 0)
            wrong("ticket %" PRIu64 " is of a band that comes first", other);
    }
    run.fits[id] = 0;
}

/* No claim that was parked before it could have had the ticket. */
static void check_queue_jump(const struct call *c, const struct seen *t, usher_id id)
{
    for (const struct call *k = run.calls; k < c; k++) {
        if (is_parked(k) && (k->queues & 1u << t->queue) != 0 && !t->was_kept &&
            (t->needs & ~run.watch.skills[k->agent]) == 0)
            wrong("ticket %" PRIu64 " went to call %u before call %u", id, c->number, k->number);
    }
}

void on_work(usher_agent_t *a, int status, const usher_work *work, size_t n, void *user)
{
    struct call *c = user;
    struct attempt *first = c->repeats >= 0 ? &run.attempts[c->repeats] : NULL;

    (void)a;
    if (run.deaf)
        return;
    run.told[CLAIMS]++;
    trace_number(TRACE_WORK, (uint64_t)status);
    for (size_t i = 0; i < n; i++) {
        trace_number(TRACE_WORK, work[i].claim.ticket);
        trace_number(TRACE_WORK, work[i].claim.token);
        trace_number(TRACE_WORK, (uint64_t)work[i].lease_until_at);
        trace_number(TRACE_WORK, (uint64_t)work[i].due_at);
        trace_name(TRACE_WORK, work[i].requester);
        trace_text(TRACE_WORK, work[i].body.data, (size_t)work[i].body.len);
    }
    run.watch.out_of_turn = 0;
    told(c, status);
    if ((status == USHER_OK) != (n > 0) || n > c->n)
        wrong("%zu tickets of %u", n, c->n);
    for (size_t i = 0; i < n && first == NULL; i++) {
        const struct seen *t = watch_ticket(&run.watch, work[i].claim.ticket);

        if (t == NULL || work[i].claim.token != t->token || t->holder != (int)c->agent)
            wrong("claim %" PRIu64 ", %" PRIu64 " is not the one that stands", work[i].claim.ticket,
                  work[i].claim.token);
        if (run.claim_call == c)
            check_turn(work[i].claim.ticket);
        if (c->claims && t != NULL)
            check_queue_jump(c, t, work[i].claim.ticket);
    }
    if (first != NULL && (n != first->work_n || memcmp(work, first->work, n * sizeof *work) != 0))
        for (size_t i = 0; i < n && i < first->work_n; i++) {
            if (memcmp(&work[i].claim, &first->work[i].claim, sizeof work[i].claim) != 0 ||
                work[i].lease_until_at != first->work[i].lease_until_at ||
                work[i].attempts != first->work[i].attempts || n != first->work_n)
                wrong("a repeated claim got something else");
        }
    if (c->remember >= 0 && first == NULL && status == USHER_OK) {
        struct attempt *attempt = &run.attempts[c->remember];

        memcpy(attempt->work, work, n * sizeof *work);
        attempt->work_n = n;
        remember(attempt, run.watch.at);
    }
    call_from_inside(TRACE_WORK);
}

void on_failed(usher_t *u, int status, usher_text why, void *user)
{
    (void)u;
    (void)user;
    if (!run.failing || status != USHER_EFAILED || why.len == 0)
        wrong("the store has failed: %s: %.*s", usher_err_name(status), (int)why.len,
              why.len > 0 ? why.data : "");
    run.store_failed++;
}

/* What counted adds up to what is used when it is due, or else now: without a hole. */
static void check_why(const struct seen *t, int ix, const usher_page *p)
{
    const struct seen_promise *m = &t->promise[ix];
    int64_t sum = 0, at = m->start_at, due = watch_due(t, ix);
    int64_t end = due == USHER_NEVER ? usher_now(run.u) : due;

    for (uint64_t i = 0; i < p->n; i++) {
        sum += p->spans[i].ms;
        if (p->spans[i].from_at != at || p->spans[i].to_at <= at)
            wrong("a hole in why promise %d is due", ix + 1);
        at = p->spans[i].to_at;
    }
    if (m->owed && m->state != 0 && (sum != watch_used(t, ix, end) || at != end))
        wrong("%" PRId64 " ms of promise %d are used by %" PRId64 ", not %" PRId64 " by %" PRId64,
              sum, ix + 1, at, watch_used(t, ix, end), end);
}

static void check_metrics(const usher_text *text)
{
    const char *at = text->data, *end = text->data + text->len;

    if (text->len == 0 || end[-1] != '\n') {
        wrong("metrics that do not end with a line");
        return;
    }
    for (; at < end; at += strcspn(at, "\n") + 1) {
        if (strncmp(at, "usher_", 6) != 0 && strncmp(at, "# HELP usher_", 13) != 0 &&
            strncmp(at, "# TYPE usher_", 13) != 0)
            wrong("metrics: %.40s", at);
    }
}

/* Nothing has happened since it was asked for. */
static void check_page(const usher_query *q, const usher_page *p)
{
    struct watch *w = &run.watch;
    int64_t now = usher_now(run.u);

    switch (q->what) {
    case USHER_READ_FIGURES: fold_check_figures(w, q, p, now); break;
    case USHER_READ_AGENTS: fold_check_agents(w, p); break;
    case USHER_READ_SYMPTOMS: fold_check_symptoms(w, q, p, now); break;
    case USHER_READ_METRICS: check_metrics(&p->text); break;
    case USHER_READ_WHY_RANK:
        if (p->text.len == 0 || p->n != 1 || p->tickets[0].ticket != q->ticket)
            wrong("why the rank of ticket %" PRIu64, q->ticket);
        break;
    case USHER_READ_TICKETS:
        if (q->linked != 0)
            fold_check_linked(w, q, p);
        break;
    default: break;
    }
}

void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct call *c = user;

    (void)u;
    if (run.deaf)
        return;
    trace_number(TRACE_PAGES, p->n);
    for (uint64_t i = 0; i < p->n && p->tickets != NULL; i++)
        trace_number(TRACE_PAGES, p->tickets[i].ticket * 100 + p->tickets[i].ticket_seq);
    for (uint64_t i = 0; i < p->n && p->events != NULL; i++)
        trace_number(TRACE_PAGES, p->events[i].seq);
    told(c, status);
    for (uint64_t i = 0; i < p->n && p->events != NULL; i++) {
        const struct seen *t = watch_ticket(&run.watch, p->events[i].ticket);

        if (t == NULL || (i > 0 && p->events[i].ticket_seq != p->events[i - 1].ticket_seq + 1) ||
            (p->cursor == 0 && i + 1 == p->n && p->events[i].ticket_seq < t->seq))
            wrong("the history of ticket %" PRIu64, p->events[i].ticket);
    }
    if (c->settled && status == USHER_OK && !run.nested)
        check_page(&c->query, p);
    if (c->why != 0 && c->expected == USHER_OK && !run.nested)
        check_why(watch_ticket(&run.watch, c->why_of), c->why - 1, p);
    for (uint64_t i = 1; i < p->n && p->tickets != NULL; i++) {
        if (p->tickets[i].ticket <= p->tickets[i - 1].ticket)
            wrong("a page of tickets is not by ascending id");
    }
    call_from_inside(TRACE_PAGES);
}

void on_close(void *user)
{
    (void)user;
    run.closed = true;
}
