/* Drives a service through a timeline: opens it, runs the actions with the clock, and checks the
 * outcome. */
#include "driver.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "array.h"
#include "words.h"

static int make_queue(struct driver *d, uint32_t number)
{
    const char *name = number ? names_text(&d->log->queues, number) : "default";
    char err[400] = "";
    int r = usher_queue(d->u, &d->queues[number], name);
    if (r != USHER_OK)
        return fault_set(d->fault, "queue %s: %s", name, usher_strerror(r));
    r = usher_define(d->queues[number], d->policy, err, sizeof err, NULL, NULL);
    if (r == USHER_OK)
        r = usher_advance(d->u, d->now);
    if (r != USHER_OK)
        return fault_set(d->fault, "%s", err[0] ? err : usher_strerror(r));
    d->out->stand_in_queues += number == 0;
    return driver_go_over(d);
}

/* Whether a ticket names no queue at all. */
static bool needs_default(const struct driver *d)
{
    uint32_t k = 1;
    while (k <= d->log->tickets.n && d->t->stories[k].queue != 0)
        k++;
    return k <= d->log->tickets.n;
}

/* Causes stand in the queue that the policy names for them, without promises: the log knows none of
 * theirs. It is not one of the log's, unless that has one of this name. */
static int make_problems(struct driver *d)
{
    json_t *policy = json_loads(d->policy, 0, NULL);
    const char *named =
        json_string_value(json_object_get(json_object_get(policy, "recurrence"), "cause_queue"));
    const char *name = named ? named : "problems";
    int r = USHER_OK;
    if (names_find(&d->log->queues, name) != 0)
        d->problems = d->queues[names_find(&d->log->queues, name)];
    else if (named || d->log->causes.n > 0)
        r = usher_queue(d->u, &d->problems, name);
    if (r != USHER_OK)
        fault_set(d->fault, "queue %s: %s", name, usher_strerror(r));
    json_decref(policy);
    return r == USHER_OK ? 0 : -1;
}

static int make_handles(struct driver *d)
{
    for (uint32_t i = 0; i <= d->log->queues.n; i++) {
        if ((i > 0 || needs_default(d)) && make_queue(d, i) != 0)
            return -1;
    }
    if (make_problems(d) != 0)
        return -1;
    for (uint32_t i = 1; i <= d->log->agents.n; i++) {
        const char *name = names_text(&d->log->agents, i);
        int r = usher_agent(d->u, &d->agents[i], name, NULL, 0);
        if (r != USHER_OK)
            return fault_set(d->fault, "agent %s: %s", name, usher_strerror(r));
    }
    return 0;
}

/* ---- the run --------------------------------------------------------------------------------- */

/* What is wrong with the ticket of d->action. */
static void describe(struct driver *d, const struct person *p, int64_t whole, bool promises)
{
    char parts[SPENTS][WORDS_MAX];
    char all[WORDS_MAX];
    for (int i = 0; i < SPENTS; i++)
        words_count(parts[i], (uint64_t)p->spent[i]);
    snprintf(d->out->unequal_first, sizeof d->out->unequal_first,
             "%.100s: %s ms waiting, %s held, %s paused, %s after-care, but %s in all%s",
             names_text(&d->log->tickets, d->action->ticket), parts[SPENT_WAITING],
             parts[SPENT_HELD], parts[SPENT_PAUSED], parts[SPENT_AFTER],
             words_count(all, (uint64_t)whole), promises ? "" : "; a promise has no outcome");
}

/* Every ticket's time has to be where it belongs, to the millisecond: what the events add up to
 * against what the log says, and every promise has to have come out one way. */
static void check(struct driver *d)
{
    for (uint32_t k = 1; k <= d->log->tickets.n; k++) {
        struct action none = {.ticket = k};
        const struct person *p = &d->account->people[k];
        const struct story *story = &d->t->stories[k];
        if (p->id == 0)
            continue;
        d->action = &none;
        usher_standing s = driver_look(d);
        bool promises = true;
        for (int i = 0; i < PROMISES; i++) {
            const struct verdicts *v = &p->promises[i];
            promises = promises && v->made == v->kept + v->broken + v->lapsed + v->running;
        }
        int64_t end = story->ended_at;
        if (p->closed_at < 0)
            end = end < 0 || d->holds[k].skipped_line ? d->t->to_at : -1;
        else if (end < 0 || d->holds[k].closed_early || d->holds[k].skipped_line)
            end = s.state_at;
        if (promises && s.enqueued_at == story->opened_at &&
            account_sum(p) == end - story->opened_at)
            continue;
        if (d->out->unequal++ == 0)
            describe(d, p, end - story->opened_at, promises);
    }
}

static int run(struct driver *d, drive_progress progress, void *user)
{
    size_t step = d->t->actions_n / 200 + 1;
    for (size_t i = 0; i < d->t->actions_n; i++) {
        const struct action *a = &d->t->actions[i];
        if (progress && i % step == 0)
            progress(i, d->t->actions_n, user);
        d->action = a;
        d->account->cause = NULL;
        if (a->at > d->now) {
            int r = usher_advance(d->u, a->at);
            if (r != USHER_OK)
                return driver_fail(d, "clock", r);
            d->now = a->at;
            if (driver_go_over(d) != 0)
                return -1;
        }
        if (a->deed != DEED_OPEN && d->account->people[a->ticket].id == 0) {
            d->out->skipped++;
            continue;
        }
        d->account->cause = a;
        if (driver_perform(d) == -1)
            return -1;
    }
    d->account->cause = NULL;
    if (progress)
        progress(d->t->actions_n, d->t->actions_n, user);
    if (d->u != d->store)
        return fault_set(d->fault, "the store has %zu events, and this log makes only %zu of them",
                         d->past.n, d->past.at);
    account_end(d->account, d->t->to_at);
    check(d);
    bool apart = d->problems && names_find(&d->log->queues, usher_queue_name(d->problems)) == 0;
    int r = counted_read(&d->out->counted, d->u, d->now, apart ? d->problems : NULL);
    d->out->counted.with_causes = d->problems && !apart;
    return r == USHER_OK ? 0 : fault_set(d->fault, "figures: %s", usher_strerror(r));
}

/* ---- the services ---------------------------------------------------------------------------- */

static int open_service(struct driver *d, const char *store, usher_t **out,
                        usher_manual_clock_t **clock)
{
    char why[400] = "";
    usher_options o = USHER_INIT(usher_options);
    int r = usher_manual_clock_new(clock, d->t->from_at);
    if (r != USHER_OK)
        return fault_set(d->fault, "clock: %s", usher_strerror(r));
    o.clock = usher_manual_clock_get(*clock);
    o.keep_closed = d->log->tickets.n + 1; /* all are looked at once more at the end */
    o.history_bytes = 1;                   /* nobody reads it back: the account is taken live */
    o.err = why;
    o.err_len = sizeof why;
    r = usher_open(out, NULL, store, &o, NULL, NULL);
    if (r != USHER_OK)
        return fault_set(d->fault, "%s: %s", store, why[0] ? why : usher_strerror(r));
    return 0;
}

static void on_closed(void *user)
{
    *(bool *)user = true;
}

static void close_service(usher_t **u, usher_manual_clock_t **clock)
{
    bool closed = false;
    if (*u && usher_close(*u, on_closed, &closed) == USHER_OK) {
        while (!closed)
            usher_turn(*u);
    }
    *u = NULL;
    usher_manual_clock_free(*clock);
    *clock = NULL;
}

/* What happens in memory has happened in the store before. */
static void on_again(usher_t *u, const usher_event *e, void *user)
{
    struct driver *d = user;
    const usher_event *there = past_next(&d->past, e, d->fault);
    if (there)
        account_event(u, there, d->account);
}

/* The handles that there are, once more, of the service that is driven now. */
static int renew_handles(struct driver *d)
{
    int r = USHER_OK;
    for (size_t i = 0; i <= d->log->queues.n && r == USHER_OK; i++) {
        if (d->queues[i])
            r = usher_queue(d->store, &d->queues[i], usher_queue_name(d->queues[i]));
        if (d->stand_ins[i] && r == USHER_OK)
            r = usher_agent(d->store, &d->stand_ins[i], usher_agent_name(d->stand_ins[i]), NULL, 0);
    }
    for (size_t i = 1; i <= d->log->agents.n && r == USHER_OK; i++) {
        if (d->agents[i])
            r = usher_agent(d->store, &d->agents[i], usher_agent_name(d->agents[i]), NULL, 0);
    }
    if (d->problems && r == USHER_OK)
        r = usher_queue(d->store, &d->problems, usher_queue_name(d->problems));
    return r;
}

int driver_go_over(struct driver *d)
{
    if (d->past.differs)
        return -1;
    if (d->u == d->store || d->past.at < d->past.n)
        return 0;
    int r = renew_handles(d);
    close_service(&d->u, &d->clock);
    d->u = d->store;
    d->clock = d->store_clock;
    if (r == USHER_OK)
        r = usher_subscribe(d->u, NULL, 0, account_event, d->account);
    /* The store's clock has stood at the beginning. Its last event was the last that happened: what
     * memory did beyond it, in the same advance, is done by the store now. */
    if (r == USHER_OK)
        r = usher_manual_clock_step(d->clock, d->past.events[d->past.n - 1]->at - d->t->from_at);
    if (r == USHER_OK)
        r = usher_advance(d->u, d->now);
    return r == USHER_OK ? 0
                         : fault_set(d->fault, "going on with the store: %s", usher_strerror(r));
}

/* The store's service and, when it holds something already, one in memory to come to that point. */
static int open_services(struct driver *d, const struct drive_on *on)
{
    int r = open_service(d, on->store, &d->store, &d->store_clock);
    if (r == 0)
        r = past_read(&d->past, d->store, d->now, d->fault);
    if (r != 0)
        return r;
    if (d->past.n > 0 && !on->resume)
        return fault_set(d->fault, "%s: something is in it already; --resume goes on with it",
                         on->store);
    bool anew = d->past.n == 0;
    d->u = d->store;
    d->clock = d->store_clock;
    if (!anew)
        r = open_service(d, "memory:", &d->u, &d->clock);
    if (r == 0 && usher_subscribe(d->u, NULL, 0, anew ? account_event : on_again,
                                  anew ? (void *)d->account : (void *)d) != USHER_OK)
        r = fault_set(d->fault, "the events cannot be subscribed to");
    return r;
}

int drive(struct account *a, struct drive_result *out, const struct log *l,
          const struct timeline *t, const struct drive_on *on, struct assumed *assumed,
          drive_progress progress, void *user, struct fault *f)
{
    *out = (struct drive_result){0};
    struct driver d = {.now = t->from_at,
                       .log = l,
                       .t = t,
                       .account = a,
                       .assumed = assumed,
                       .out = out,
                       .fault = f,
                       .policy = on->policy};
    d.queues = array_new((size_t)l->queues.n + 1, sizeof(usher_queue_t *));
    d.causes = array_new((size_t)l->causes.n + 1, sizeof *d.causes);
    d.agents = array_new((size_t)l->agents.n + 1, sizeof(usher_agent_t *));
    d.stand_ins = array_new((size_t)l->queues.n + 1, sizeof(usher_agent_t *));
    d.holds = array_new((size_t)l->tickets.n + 1, sizeof *d.holds);
    int r = open_services(&d, on);
    if (r == 0)
        r = make_handles(&d);
    if (r == 0)
        r = run(&d, progress, user);
    if (d.u != d.store)
        close_service(&d.u, &d.clock);
    close_service(&d.store, &d.store_clock);
    past_free(&d.past);
    free(d.queues);
    free(d.causes);
    free(d.agents);
    free(d.stand_ins);
    free(d.holds);
    return r;
}
