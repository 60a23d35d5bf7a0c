/* One action of the timeline, done to the service.
 *
 * The log says what happened; the policy may say that it could not have: a lease that ends between
 * two rows, a pause beyond its maximum, a ticket closed before its agent came back to it. So before
 * a deed the ticket is looked at, put back to where the log has it, and that is counted as assumed.
 */
#include "driver.h"

#include <stdio.h>
#include <string.h>

#include "words.h"

/* Beside usher's codes, which are 0 or negative. OURS_FAULT: it is set already. */
enum { OURS_PENDING = 1, OURS_GONE = 2, OURS_FAULT = 3 };

#define COUNT(d, name) ((d)->assumed->n[ASSUMED_##name]++)

/* ---- one command at a time ------------------------------------------------------------------- */

static void on_done(usher_t *u, const usher_done *done, void *user)
{
    (void)u;
    struct driver *d = user;
    d->status = done->status;
    d->outcome = done->outcome;
    d->claim.ticket = done->ticket;
}

static void on_work(usher_agent_t *agent, int status, const usher_work *w, size_t n, void *user)
{
    (void)agent;
    struct driver *d = user;
    d->status = status;
    if (status == USHER_OK && n > 0)
        d->claim = w[0].claim;
}

/* Runs what has been accepted; the clock stays where it is. */
static int settle(struct driver *d, int accepted)
{
    if (accepted != USHER_OK)
        return accepted;
    int r = usher_advance(d->u, d->now);
    if (r != USHER_OK)
        return r;
    return driver_go_over(d) != 0 ? OURS_FAULT : d->status;
}

static int act(struct driver *d, int32_t verb, int32_t kind, bool with_token, const char *text)
{
    struct hold *h = &d->holds[d->action->ticket];
    const struct story *s = &d->t->stories[d->action->ticket];
    usher_command c = USHER_INIT(usher_command);
    c.verb = verb;
    c.kind = kind;
    c.claim.ticket = d->account->people[d->action->ticket].id;
    c.claim.token = with_token ? h->token : 0;
    c.text.data = text;
    c.text.len = text ? strlen(text) : 0;
    if (verb == USHER_MOVE || verb == USHER_HAND_OFF)
        c.queue = d->queues[h->queue];
    if (verb == USHER_LINK)
        c.other = d->causes[d->action->what];
    if (verb >= USHER_ASK && verb <= USHER_WITHDRAW)
        c.who = s->requester ? names_text(&d->log->requesters, s->requester)
                             : names_text(&d->log->tickets, d->action->ticket);
    d->status = OURS_PENDING;
    return settle(d, usher_act(d->u, &c, on_done, d));
}

int driver_fail(struct driver *d, const char *what, int status)
{
    char when[WORDS_MAX];
    if (status == OURS_FAULT)
        return -1;
    return fault_set(
        d->fault, "%s:%u: ticket %s, %s: %s: %s (%s)", d->log->csv.path, (unsigned)d->action->line,
        names_text(&d->log->tickets, d->action->ticket), words_instant(when, d->action->at), what,
        status == OURS_PENDING ? "no answer" : usher_strerror(status),
        status == OURS_PENDING ? "a callback that did not run" : usher_err_name(status));
}

usher_standing driver_look(struct driver *d)
{
    usher_standing s = USHER_INIT(usher_standing);
    if (usher_peek(d->u, d->account->people[d->action->ticket].id, &s) != USHER_OK)
        s.state = 0;
    return s;
}

/* The agent of that number, or somebody of the ticket's queue. NULL: the fault is set. */
static usher_agent_t *agent_of(struct driver *d, uint32_t number)
{
    if (number != 0)
        return d->agents[number];
    uint32_t queue = d->account->people[d->action->ticket].queue;
    if (!d->stand_ins[queue]) {
        char name[USHER_NAME_MAX + 1];
        snprintf(name, sizeof name, "somebody of %s", usher_queue_name(d->queues[queue]));
        int r = usher_agent(d->u, &d->stand_ins[queue], name, NULL, 0);
        if (r != USHER_OK) {
            fault_set(d->fault, "agent %s: %s", name, usher_strerror(r));
            return NULL;
        }
        d->out->stand_in_agents++;
    }
    return d->stand_ins[queue];
}

/* ---- putting a ticket back to where the log has it ------------------------------------------- */

/* The policy has closed the ticket for good; the log goes on without us. */
static int skip(struct driver *d)
{
    struct hold *h = &d->holds[d->action->ticket];
    d->out->skipped++;
    if (h->skipped_line != d->action->line)
        COUNT(d, row_after_policy_close);
    h->skipped_line = d->action->line;
    return OURS_GONE;
}

/* A hand-off that the policy has ended, not accepted in time: the ticket is where it was before. */
static int follow_to_queue(struct driver *d)
{
    struct hold *h = &d->holds[d->action->ticket];
    usher_standing s = driver_look(d);
    bool handed = h->handed;
    h->handed = false;
    if (!handed || s.state == USHER_OFFERED || s.queue == d->queues[h->queue])
        return 0;
    int status = act(d, USHER_MOVE, 0, false, "moved, as the log has it");
    if (status != USHER_OK)
        return driver_fail(d, "move", status);
    COUNT(d, moved_when_not_accepted);
    return 0;
}

static int claim(struct driver *d, uint32_t agent)
{
    struct hold *h = &d->holds[d->action->ticket];
    if (follow_to_queue(d) != 0)
        return -1;
    usher_agent_t *handle = agent_of(d, agent);
    if (!handle)
        return -1;
    usher_standing s = driver_look(d);
    if (s.state == USHER_CLAIMED) {
        if (s.holder && strcmp(s.holder, usher_agent_name(handle)) == 0)
            return 0;
        int status = act(d, USHER_RELEASE, 0, true, NULL);
        if (status != USHER_OK)
            return driver_fail(d, "release", status);
        handle = agent_of(d, agent); /* of the store, if that is driven now */
        if (!handle)
            return -1;
    }
    d->status = OURS_PENDING;
    d->claim = (usher_claim){0};
    int status = settle(
        d, usher_claim_ticket(handle, d->account->people[d->action->ticket].id, NULL, on_work, d));
    if (status != USHER_OK)
        return driver_fail(d, "claim", status);
    h->token = d->claim.token;
    h->agent = agent;
    return 0;
}

/* A pause, which the policy may refuse because its maximum is used up. */
static int pause_for(struct driver *d, uint32_t state, int on)
{
    const char *question = names_text(&d->log->states, state);
    int status = act(d, USHER_PAUSE, on, true, *question ? question : "paused");
    if (status == USHER_ESTATE) {
        COUNT(d, pause_refused);
        return 0;
    }
    return status == USHER_OK ? 0 : driver_fail(d, "pause", status);
}

/* Resolved or closed although the log goes on: by the policy. */
static int reopen_over_policy(struct driver *d)
{
    int status = act(d, USHER_REOPEN, 0, false, "the log goes on");
    if (status == USHER_ESTATE || status == USHER_ENOENT)
        return skip(d);
    if (status != USHER_OK)
        return driver_fail(d, "reopen", status);
    COUNT(d, reopened_over_policy);
    return 0;
}

/* In its agent's hands again, or still, or paused. A pause that the policy has ended is not taken up
 * again: it has used up its maximum. 0, -1 or OURS_GONE. */
static int regain(struct driver *d)
{
    usher_standing s = driver_look(d);
    if (s.state == USHER_CLAIMED || s.state == USHER_PAUSED)
        return 0;
    const struct action *cause = d->account->cause;
    d->account->cause = NULL;
    int r = 0;
    if (s.state == USHER_RESOLVED || s.state == USHER_CLOSED || s.state == 0)
        r = reopen_over_policy(d);
    if (r == 0)
        r = claim(d, d->holds[d->action->ticket].agent);
    if (r == 0)
        COUNT(d, reclaimed);
    d->account->cause = cause;
    return r;
}

/* ---- deeds ----------------------------------------------------------------------------------- */

static int open_ticket(struct driver *d)
{
    const struct action *a = d->action;
    const struct story *s = &d->t->stories[a->ticket];
    struct person *p = &d->account->people[a->ticket];
    const char *name = names_text(&d->log->tickets, a->ticket);
    const char *channel = names_text(&d->log->channels, s->channel);
    usher_request r = USHER_INIT(usher_request);
    r.requester = s->requester ? names_text(&d->log->requesters, s->requester) : name;
    r.symptom = s->symptom ? names_text(&d->log->symptoms, s->symptom) : NULL;
    r.ref = name;
    r.priority = s->priority;
    r.body.data = channel;
    r.body.len = strlen(channel);
    p->priority = s->priority;
    d->holds[a->ticket].queue = s->queue;
    d->status = OURS_PENDING;
    int status = settle(d, usher_enqueue(d->queues[s->queue], &r, on_done, d));
    if (status == USHER_EFULL) {
        COUNT(d, refused_full);
        return 0;
    }
    if (status != USHER_OK)
        return driver_fail(d, "enqueue", status);
    return 0;
}

static int take(struct driver *d)
{
    usher_standing s = driver_look(d);
    if (s.state == USHER_RESOLVED || s.state == USHER_CLOSED || s.state == 0) {
        const struct action *cause = d->account->cause;
        d->account->cause = NULL;
        int r = reopen_over_policy(d);
        d->account->cause = cause;
        if (r != 0)
            return r;
    }
    return claim(d, d->action->what);
}

/* Back to the line, from a pause or from an agent's hands, unless the policy was faster. */
static int line_up(struct driver *d, int32_t verb, int32_t needs_state)
{
    bool one_of_two = verb == USHER_RESUME && d->action->how != 0;
    if (driver_look(d).state != needs_state)
        return 0;
    int status = act(d, verb, d->action->how, true, NULL);
    if (one_of_two && status == USHER_ESTATE)
        return 0;
    return status == USHER_OK ? 0
                              : driver_fail(d, verb == USHER_RESUME ? "resume" : "release", status);
}

static int resolve(struct driver *d)
{
    int32_t state = driver_look(d).state;
    if (state == USHER_RESOLVED || state == USHER_CLOSED || state == 0)
        return 0;
    int r = regain(d);
    if (r != 0)
        return r;
    int status = act(d, USHER_RESOLVE, USHER_AS_FIX, true, NULL);
    return status == USHER_OK ? 0 : driver_fail(d, "resolve", status);
}

static int confirm(struct driver *d)
{
    int32_t state = driver_look(d).state;
    if (state == USHER_CLOSED || state == 0) {
        d->holds[d->action->ticket].closed_early = true;
        return 0;
    }
    int status = act(d, USHER_CONFIRM, 0, false, NULL);
    return status == USHER_OK ? 0 : driver_fail(d, "confirm", status);
}

static int word(struct driver *d, int32_t verb)
{
    int r = regain(d);
    if (r != 0)
        return r;
    if (verb == USHER_ACKNOWLEDGE && driver_look(d).state == USHER_PAUSED)
        verb = USHER_UPDATE;
    int status = act(d, verb, 0, true, "a row of the log");
    return status == USHER_OK ? 0 : driver_fail(d, "word", status);
}

/* What any open ticket takes; a resolved one takes a note of it instead, a closed one nothing. */
static int tell(struct driver *d, int32_t verb, int32_t kind, const char *text)
{
    int32_t state = driver_look(d).state;
    bool desk = verb == USHER_MOVE || verb == USHER_REPRIORITISE || verb == USHER_ESCALATE;
    if (state == USHER_CLOSED || state == 0)
        return skip(d);
    if (state == USHER_RESOLVED && desk) {
        verb = USHER_NOTE;
        kind = 0;
        text = "came when it was already resolved";
    }
    int status = act(d, verb, kind, false, text);
    return status == USHER_OK ? 0 : driver_fail(d, usher_name(USHER_NAME_VERB, verb), status);
}

static int move(struct driver *d)
{
    d->holds[d->action->ticket].queue = d->action->what;
    return tell(d, d->action->how == MOVE_AFTER_RESOLVE ? USHER_NOTE : USHER_MOVE, 0, "moved");
}

/* Into the hands of whoever passes it on: of its holder still, or of somebody of the queue. */
static int take_up(struct driver *d, int32_t state)
{
    int status = USHER_OK;
    if (state == USHER_OFFERED)
        status = act(d, USHER_RECALL, 0, false, "passed on");
    else if (state != USHER_CLAIMED)
        return claim(d, 0);
    return status == USHER_OK ? 0 : driver_fail(d, "recall", status);
}

/* To another queue. One that is resolved or paused by the policy, or has been handed off too often, is
 * moved by the desk. */
static int hand_off(struct driver *d)
{
    struct hold *h = &d->holds[d->action->ticket];
    int32_t state = driver_look(d).state;
    if (state == USHER_CLOSED || state == 0 || state == USHER_RESOLVED || state == USHER_PAUSED)
        return move(d);
    h->handed = false;
    int r = take_up(d, state);
    if (r != 0)
        return r;
    h->queue = d->action->what;
    int status = act(d, USHER_HAND_OFF, 0, true, "handed off");
    if (status != USHER_OK)
        return driver_fail(d, "hand off", status);
    h->handed = (d->outcome & USHER_WAS_ESCALATED) == 0;
    if (h->handed)
        return 0;
    COUNT(d, moved_beyond_hops);
    status = act(d, USHER_MOVE, 0, false, "moved");
    if (status == USHER_OK)
        status = act(d, USHER_RELEASE, 0, true, NULL);
    return status == USHER_OK ? 0 : driver_fail(d, "move", status);
}

/* The ticket about a cause that the log names; the log says nothing of what became of it. */
static int open_cause(struct driver *d, const char *name)
{
    usher_request r = USHER_INIT(usher_request);
    r.requester = usher_queue_name(d->problems);
    r.ref = name;
    d->status = OURS_PENDING;
    int status = settle(d, usher_enqueue(d->problems, &r, on_done, d));
    if (status != USHER_OK)
        return driver_fail(d, "enqueue a cause", status);
    d->causes[d->action->what] = d->claim.ticket;
    return 0;
}

static int link_to_cause(struct driver *d)
{
    const char *name = names_text(&d->log->causes, d->action->what);
    if (driver_look(d).state == 0)
        return skip(d);
    if (d->causes[d->action->what] == 0 && open_cause(d, name) != 0)
        return -1;
    int status = act(d, USHER_LINK, 0, false, name);
    if (status == USHER_ELIMIT) {
        COUNT(d, links_too_many);
        return 0;
    }
    return status == USHER_OK ? 0 : driver_fail(d, "link", status);
}

static int reopen(struct driver *d)
{
    int status = act(d, USHER_REOPEN, 0, false, "back in work");
    if (status == USHER_ESTATE || status == USHER_ENOENT)
        return skip(d);
    return status == USHER_OK ? 0 : driver_fail(d, "reopen", status);
}

int driver_perform(struct driver *d)
{
    const struct action *a = d->action;
    switch (a->deed) {
    case DEED_OPEN:
        return open_ticket(d);
    case DEED_REOPEN:
        return reopen(d);
    case DEED_PRIORITY:
        return tell(d, USHER_REPRIORITISE, a->how, NULL);
    case DEED_MOVE:
        return move(d);
    case DEED_HAND_OFF:
        return hand_off(d);
    case DEED_CLAIM:
        return take(d);
    case DEED_ACKNOWLEDGE:
        return word(d, USHER_ACKNOWLEDGE);
    case DEED_WORD:
        return word(d, USHER_UPDATE);
    case DEED_NOTE:
        return tell(d, USHER_NOTE, 0, "a row of the log");
    case DEED_PAUSE: {
        int r = regain(d);
        return r != 0 ? r : pause_for(d, a->what, a->how);
    }
    case DEED_RESUME:
        return line_up(d, USHER_RESUME, USHER_PAUSED);
    case DEED_RELEASE:
        return line_up(d, USHER_RELEASE, USHER_CLAIMED);
    case DEED_RESOLVE:
        return resolve(d);
    case DEED_CONFIRM:
        return confirm(d);
    case DEED_WITHDRAW:
        return tell(d, USHER_WITHDRAW, 0, NULL);
    case DEED_ASK:
        return tell(d, USHER_ASK, 0, NULL);
    case DEED_REPLY:
        return tell(d, USHER_REPLY, a->how, "a reply");
    case DEED_ESCALATE:
        return tell(d, USHER_ESCALATE, 0, NULL);
    case DEED_LINK:
        return link_to_cause(d);
    }
    return 0;
}
