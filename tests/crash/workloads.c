/* See workloads.h. */
#include "workloads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls_of.h"

static const char policy[] =
    "{\"promises\":{\"ack\":{\"target\":\"1h\"},\"answer\":{\"target\":\"4h\"},"
    "\"update\":{\"target\":\"8h\"},\"resolve\":{\"target\":\"72h\"}},\"warn\":[50],"
    "\"line\":{\"gap\":\"1m\"},\"aftercare\":{\"check_in\":[\"1d\"],\"confirm_within\":\"2d\"},"
    "\"pause\":{\"requester\":{\"remind\":[\"2h\"],\"max\":\"1d\",\"then\":\"resolve\"}},"
    "\"ladder\":[{\"on\":\"ack\",\"at\":\"90%\",\"raise\":1,\"notify\":[\"lead\",\"boss\"]},"
    "{\"on\":\"resolve\",\"at\":\"+1h\",\"raise\":1,\"repeat\":\"2h\",\"times\":4}],"
    "\"handoff\":{\"accept_within\":\"20m\",\"hops\":4},"
    "\"recurrence\":{\"window\":\"7d\",\"cause_after\":2,\"cause_queue\":\"brittle\"}}";
static const char office[] =
    "{\"calendars\":{\"office\":{\"zone\":\"Europe/Berlin\",\"week\":{\"mon-fri\":[[\"08:00\","
    "\"18:00\"]]}}},\"promises\":{\"ack\":{\"target\":\"30m\"},\"resolve\":{\"target\":\"1wd\","
    "\"calendar\":\"office\"}},\"notify_calendar\":\"office\",\"ladder\":[{\"on\":\"resolve\","
    "\"at\":"
    "\"10%\",\"move\":\"brittle\",\"priority\":\"high\"},{\"on\":\"ack\",\"at\":\"100%\",\"move\":"
    "\"nowhere\",\"notify\":[\"lead\"],\"repeat\":\"10m\",\"times\":5}]}";
static const char brittle[] = "{\"retry\":{\"attempts\":1},\"lease\":{\"for\":\"1m\"}}";

/* ---- every verb ------------------------------------------------------------------------------ */

enum from { WAITING, CLAIMED, OFFERED, PAUSED, STUCK, RESOLVED };

struct verb {
    int verb, kind;
    enum from from;
    const char *text, *who;
    int64_t at, ms; /* at: from now on */
    bool token, move, link; /* link: to the first ticket */
};

static const struct verb verbs[] = {
    {.verb = USHER_ACKNOWLEDGE, .from = CLAIMED, .token = true, .text = "I have it"},
    {.verb = USHER_ACKNOWLEDGE, .kind = USHER_BY_MACHINE, .from = WAITING},
    {.verb = USHER_UPDATE, .from = CLAIMED, .token = true, .text = "half done", .at = 2 * HOUR},
    {.verb = USHER_EXTEND, .from = CLAIMED, .token = true, .ms = HOUR},
    {.verb = USHER_RELEASE, .from = CLAIMED, .token = true, .text = "not mine"},
    {.verb = USHER_PAUSE,
     .kind = USHER_ON_REQUESTER,
     .from = CLAIMED,
     .token = true,
     .text = "which?"},
    {.verb = USHER_PAUSE, .kind = USHER_UNTIL, .from = CLAIMED, .token = true, .at = HOUR},
    {.verb = USHER_RESUME, .from = PAUSED, .token = true},
    {.verb = USHER_RESOLVE, .kind = USHER_AS_FIX, .from = CLAIMED, .token = true, .text = "oiled"},
    {.verb = USHER_FAIL, .from = CLAIMED, .token = true, .text = "no oil"},
    {.verb = USHER_ASK, .from = WAITING, .who = "eva"},
    {.verb = USHER_REPLY, .from = PAUSED, .who = "eva", .text = "the big one"},
    {.verb = USHER_CONFIRM, .from = RESOLVED, .who = "eva"},
    {.verb = USHER_REOPEN, .from = RESOLVED, .who = "eva", .text = "it is back"},
    {.verb = USHER_WITHDRAW, .from = WAITING, .who = "eva"},
    {.verb = USHER_REVIVE, .from = STUCK},
    {.verb = USHER_ESCALATE, .from = WAITING},
    {.verb = USHER_REPRIORITISE, .kind = USHER_URGENT, .from = WAITING},
    {.verb = USHER_MOVE, .from = WAITING, .move = true, .text = "theirs"},
    {.verb = USHER_NOTE, .from = WAITING, .who = "the desk", .text = "third time this week"},
    {.verb = USHER_HAND_OFF, .from = CLAIMED, .token = true, .move = true, .text = "theirs"},
    {.verb = USHER_RECALL, .from = OFFERED, .who = "ann"},
    {.verb = USHER_DECLINE, .from = OFFERED, .who = "bob", .text = "not ours"},
    {.verb = USHER_LINK, .from = WAITING, .link = true},
};

static usher_claim prepare(struct play *p, enum from from)
{
    usher_claim held = {enqueue(p, from == STUCK ? p->brittle : p->q), 0};
    usher_command c;

    if (from == WAITING)
        return held;
    held = claim(p, held.ticket);
    if (from == CLAIMED)
        return held;
    c = command(from == PAUSED    ? USHER_PAUSE
                : from == STUCK   ? USHER_FAIL
                : from == OFFERED ? USHER_HAND_OFF
                                  : USHER_RESOLVE,
                held.ticket, held.token);
    c.queue = from == OFFERED ? p->brittle : NULL;
    c.kind = from == PAUSED ? USHER_ON_REQUESTER : from == RESOLVED ? USHER_AS_FIX : 0;
    c.text = words("so it is");
    act(p, &c);
    play_drain(p);
    return held;
}

void workload_define(struct play *p)
{
    char err[200];

    (void)CALL(p, usher_define, p->q, policy, err, sizeof err, play_on_done, play_user(p));
    (void)CALL(p, usher_define, p->brittle, brittle, err, sizeof err, play_on_done, play_user(p));
    play_drain(p);
}

static void run_verbs(struct play *p)
{
    workload_define(p);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        const struct verb *v = &verbs[i];
        usher_claim held = prepare(p, v->from);
        usher_command c = command(v->verb, held.ticket, v->token ? held.token : 0);

        c.kind = v->kind;
        c.who = v->who;
        c.ms = v->ms;
        c.at = v->at == 0 ? 0 : usher_now(p->u) + v->at;
        c.queue = v->move ? p->brittle : NULL;
        c.other = v->link ? 1 : 0;
        if (v->text != NULL)
            c.text = words(v->text);
        c.op = op(p);
        act(p, &c);
        play_drain(p);
    }
}

/* ---- every other call ------------------------------------------------------------------------ */

static void on_named(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    *(uint64_t *)user = e->seq;
}

static void run_named(struct play *p, const char *name, uint64_t *last)
{
    (void)CALL(p, usher_subscribe, p->u, name, 0, on_named, last);
    play_drain(p);
    (void)CALL(p, usher_event_done, p->u, name, *last);
    play_drain(p);
}

static void run_by_name(struct play *p)
{
    usher_id ticket = enqueue(p, p->q);
    usher_claim held = claim(p, ticket);

    (void)CALL(p, usher_acknowledge, p->u, &held, "mine", play_on_done, play_user(p));
    (void)CALL(p, usher_update, p->u, &held, "soon", 0, play_on_done, play_user(p));
    (void)CALL(p, usher_extend, p->u, &held, HOUR, play_on_done, play_user(p));
    play_drain(p);
    (void)CALL(p, usher_pause, p->u, &held, USHER_ON_REQUESTER, "which?", 0, play_on_done,
               play_user(p));
    (void)CALL(p, usher_ask, p->u, ticket, "eva", play_on_done, play_user(p));
    (void)CALL(p, usher_reply, p->u, ticket, "eva", "that one", play_on_done, play_user(p));
    play_drain(p);
    held = claim(p, ticket);
    (void)CALL(p, usher_resolve, p->u, &held, USHER_AS_FIX, "oiled", play_on_done, play_user(p));
    (void)CALL(p, usher_reopen, p->u, ticket, "eva", "no", play_on_done, play_user(p));
    play_drain(p);
    held = claim(p, ticket);
    (void)CALL(p, usher_resolve, p->u, &held, USHER_AS_FIX, "again", play_on_done, play_user(p));
    (void)CALL(p, usher_confirm, p->u, ticket, "eva", play_on_done, play_user(p));
    play_drain(p);
    held = claim(p, enqueue(p, p->brittle));
    (void)CALL(p, usher_fail, p->u, &held, "no oil", play_on_done, play_user(p));
    play_drain(p);
}

static void run_claims(struct play *p)
{
    usher_claim_args c = USHER_INIT(usher_claim_args);
    usher_request r = request();

    (void)CALL(p, usher_claim_next, p->b, p->q, USHER_NEVER, play_on_work, NULL);
    (void)CALL(p, usher_claim_next, p->b, p->q, USHER_NEVER, play_on_work, p);
    (void)CALL(p, usher_claim_cancel, p->b, p);
    play_drain(p);
    r.needs = (const char *const[]){"ink"};
    r.needs_n = 1;
    r.op = op(p);
    (void)CALL(p, usher_enqueue, p->q, &r, play_on_done, play_user(p)); /* the parked one gets it */
    (void)CALL(p, usher_enqueue, p->q, &r, play_on_done, play_user(p)); /* repeated */
    play_drain(p);
    (void)enqueue(p, p->q);
    (void)enqueue(p, p->brittle);
    c.queues = (usher_queue_t *const[]){p->q, p->brittle};
    c.queues_n = 2;
    c.n = 10;
    c.op = op(p);
    (void)CALL(p, usher_claim_many, p->a, &c, play_on_work, play_user(p));
    play_drain(p);
    (void)CALL(p, usher_agent_gone, p->a, play_on_done, play_user(p));
    play_drain(p);
    (void)CALL(p, usher_agent, p->u, &p->a, "ann", (const char *const[]){"ink"}, 1);
}

static void run_calls(struct play *p)
{
    usher_queue_t *q;
    usher_agent_t *a;
    usher_request r[3] = {request(), request(), request()};
    static uint64_t last;

    workload_define(p);
    run_named(p, "mail", &last);
    (void)CALL(p, usher_queue, p->u, &q, "a third one");
    (void)CALL(p, usher_agent, p->u, &a, "cyd", NULL, 0);
    play_drain(p);
    (void)CALL(p, usher_queue_hold, q, USHER_HOLD_CLAIMS, play_on_done, play_user(p));
    r[0].dedup_key = r[1].dedup_key = "noise";
    r[1].requester = "ben";
    r[2].symptom = "smell";
    r[2].ref = "R-1";
    r[2].priority = USHER_HIGH;
    r[2].start_at = usher_now(p->u) + HOUR;
    (void)CALL(p, usher_enqueue_many, q, r, 3, play_on_done, play_user(p));
    play_drain(p);
    (void)CALL(p, usher_queue_hold, q, USHER_RUN, play_on_done, play_user(p));
    play_drain(p);
    run_by_name(p);
    run_claims(p);
    (void)CALL(p, usher_event_done, p->u, "mail", last);
    (void)CALL(p, usher_unsubscribe, p->u, on_named, &last);
    play_drain(p);
}

/* ---- batches of 1, 2 and 100 ----------------------------------------------------------------- */

/* enqueue, claim, resolve: so many commands of a kind before anything is waited for. */
void workload_groups(struct play *p, uint32_t n, uint32_t rounds)
{
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t first = p->claims_n;
        usher_request r = request();

        for (uint32_t i = 0; i < n; i++)
            (void)CALL(p, usher_enqueue, p->q, &r, play_on_done, play_user(p));
        play_drain(p);
        for (uint32_t i = 0; i < n; i++)
            (void)CALL(p, usher_claim_next, p->a, p->q, 0, play_on_work, play_user(p));
        play_drain(p);
        for (uint32_t i = first; i < p->claims_n; i++) {
            const usher_claim *held = &p->claims[i % PLAY_CLAIMS];

            (void)CALL(p, usher_resolve, p->u, held, USHER_AS_FIX, NULL, play_on_done,
                       play_user(p));
        }
        play_drain(p);
    }
}

static void run_one(struct play *p)
{
    workload_groups(p, 1, 15);
}

static void run_two(struct play *p)
{
    workload_groups(p, 2, 10);
}

static void run_hundred(struct play *p)
{
    usher_request r[100];
    usher_command c[100];

    workload_groups(p, 100, 1);
    for (size_t i = 0; i < 100; i++)
        r[i] = request();
    (void)CALL(p, usher_enqueue_many, p->q, r, 100, play_on_done, play_user(p));
    play_drain(p);
    for (size_t i = 0; i < 100; i++)
        c[i] = command(USHER_NOTE, p->done.ticket - i, 0);
    (void)CALL(p, usher_act_many, p->u, c, 100, play_on_done, play_user(p));
    play_drain(p);
}

/* ---- the file's own affairs ------------------------------------------------------------------ */

static void run_create(struct play *p)
{
    (void)p;
}

/* The log is written back when it has grown to 4 MiB and nothing is asked for a moment; what comes
 * then begins it anew. */
static void run_checkpoint(struct play *p)
{
    static char body[400000];
    usher_request r = request();

    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)('a' + i % 23);
    r.body = (usher_text){body, sizeof body};
    for (int i = 0; i < 14; i++) {
        (void)CALL(p, usher_enqueue, p->q, &r, play_on_done, play_user(p));
        play_drain(p);
        if (i >= 10)
            play_rest();
    }
    workload_groups(p, 1, 8);
}

static void run_reopen(struct play *p)
{
    workload_define(p);
    for (int i = 0; i < 4; i++) {
        workload_groups(p, 2, 1);
        (void)claim(p, enqueue(p, p->q));
        play_close(p);
        play_open(p);
    }
}

/* More tickets than one slice of a purge takes, some of them with bodies of several pages. */
static void close_many(struct play *p)
{
    enum { N = 300 };
    static char body[9000];
    usher_request r[N];
    usher_command c[N];

    for (size_t i = 0; i + sizeof PLAY_SECRET < sizeof body; i += sizeof PLAY_SECRET)
        memcpy(body + i, PLAY_SECRET, sizeof PLAY_SECRET);
    for (size_t i = 0; i < N; i++) {
        r[i] = request();
        r[i].body = i % 50 == 0 ? (usher_text){body, sizeof body} : words(PLAY_SECRET);
        c[i] = command(USHER_WITHDRAW, i + 1, 0);
        c[i].who = "eva";
        c[i].text = words(PLAY_SECRET);
    }
    (void)CALL(p, usher_enqueue_many, p->q, r, N, play_on_done, play_user(p));
    play_drain(p);
    (void)CALL(p, usher_act_many, p->u, c, N, play_on_done, play_user(p));
    play_drain(p);
}

static void on_purged(usher_t *u, const usher_done *d, void *user)
{
    play_on_done(u, d, user);
    play_erased();
}

static void run_purge(struct play *p)
{
    size_t from;

    workload_define(p);
    close_many(p);
    (void)claim(p, enqueue(p, p->q));
    from = p->ledger.cuts_n - 1;
    (void)CALL(p, usher_purge, p->u, 0, NULL, on_purged, play_user(p));
    play_drain(p);
    ledger_purged(&p->ledger, from);
    (void)enqueue(p, p->q);
}

/* The copy is not on this disk: the store flushes and names it through the system itself. What is
 * recorded is that the service is none the worse for it; what was copied is looked at here. */
static void look_at_copy(struct play *p, const char *path, int64_t from)
{
    usher_manual_clock_t *clock;
    struct match match = {.last = -1};
    char err[200] = "";
    usher_t *u = NULL;
    int r = usher_manual_clock_new(&clock, PLAY_AT);

    if (r != USHER_OK)
        play_broken(p, "clock", r);
    r = play_reopen(&u, path, clock, p->level, err, sizeof err);
    if (r != USHER_OK)
        play_broken(p, err, r);
    ledger_match(&p->ledger, u, &match);
    play_shut(u);
    usher_manual_clock_free(clock);
    if (match.last < from)
        play_broken(p, match.last < 0 ? match.why : "the copy is too old", USHER_OK);
}

static void run_backup(struct play *p)
{
    char directory[] = "/tmp/crash-XXXXXX", path[64], lock[64];
    size_t from;

    workload_define(p);
    workload_groups(p, 2, 3);
    if (mkdtemp(directory) == NULL)
        play_broken(p, directory, USHER_ESTORE);
    (void)snprintf(path, sizeof path, "%s/copy", directory);
    (void)snprintf(lock, sizeof lock, "%s/copy-lock", directory);
    from = p->ledger.cuts_n - 1;
    (void)CALL(p, usher_backup, p->u, path, play_on_done, play_user(p));
    (void)enqueue(p, p->q);
    play_drain(p);
    (void)enqueue(p, p->q);
    look_at_copy(p, path, (int64_t)from);
    (void)unlink(path);
    (void)unlink(lock);
    (void)rmdir(directory);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void run_timers(struct play *p)
{
    usher_request r = request();
    usher_command c;
    usher_claim held;

    workload_define(p);
    r.start_at = usher_now(p->u) + 2 * HOUR;
    (void)CALL(p, usher_enqueue, p->q, &r, play_on_done, play_user(p));
    (void)enqueue(p, p->q);
    (void)claim(p, enqueue(p, p->brittle));
    held = claim(p, enqueue(p, p->q));
    c = command(USHER_PAUSE, held.ticket, held.token);
    c.kind = USHER_ON_REQUESTER;
    c.text = words("which?");
    act(p, &c);
    held = claim(p, enqueue(p, p->q));
    (void)CALL(p, usher_resolve, p->u, &held, USHER_AS_ANSWERED, "so", play_on_done, play_user(p));
    (void)CALL(p, usher_claim_next, p->b, p->brittle, HOUR, play_on_work, play_user(p));
    play_pass(p, 3 * HOUR);
    play_pass(p, 4 * DAY);
}

/* Steps as they fall due, late ones, and those that a later policy puts into the past. */
static void run_ladder(struct play *p)
{
    char err[200];

    workload_define(p);
    (void)enqueue(p, p->q);
    (void)claim(p, enqueue(p, p->q));
    play_pass(p, 2 * HOUR);
    (void)CALL(p, usher_define, p->q, office, err, sizeof err, play_on_done, play_user(p));
    (void)enqueue(p, p->q);
    play_pass(p, 25 * MINUTE);
    (void)CALL(p, usher_apply, p->q, play_on_done, play_user(p));
    play_pass(p, 12 * HOUR);
    if (usher_manual_clock_skip(p->clock, PLAY_AT + 3 * DAY) != USHER_OK)
        play_broken(p, "skip", USHER_EINVAL);
    play_drain(p);
    play_close(p);
    play_open(p);
    (void)CALL(p, usher_define, p->q, policy, err, sizeof err, play_on_done, play_user(p));
    (void)CALL(p, usher_apply, p->q, play_on_done, play_user(p));
    play_drain(p);
    play_pass(p, DAY);
}

/* ---- anything, drawn ------------------------------------------------------------------------- */

static void draw_request(struct play *p)
{
    static const char *const persons[] = {"eva", "ben", "cyd"}, *const needs[] = {"ink"};
    usher_request r = request();

    r.requester = persons[play_below(p, 3)];
    r.priority = (int32_t)play_below(p, 5);
    if (play_below(p, 4) == 0)
        r.dedup_key = "noise";
    if (play_below(p, 4) == 0)
        r.start_at = usher_now(p->u) + play_below(p, 3) * HOUR;
    if (play_below(p, 4) == 0)
        r.op = op(p);
    if (play_below(p, 3) == 0)
        r.symptom = play_below(p, 2) == 0 ? "smell" : "noise";
    r.needs = needs;
    r.needs_n = play_below(p, 6) == 0;
    (void)CALL(p, usher_enqueue, play_below(p, 4) == 0 ? p->brittle : p->q, &r, play_on_done,
               play_user(p));
}

static void draw_command(struct play *p)
{
    const struct verb *v = &verbs[play_below(p, sizeof verbs / sizeof verbs[0])];
    usher_command c = command(v->verb, 1 + play_below(p, p->ledger.ids), 0);

    if (v->token && p->claims_n > 0)
        c.claim = p->claims[play_below(p, p->claims_n < PLAY_CLAIMS ? p->claims_n : PLAY_CLAIMS)];
    c.kind = v->kind;
    c.who = v->who;
    c.ms = v->ms;
    c.at = v->at == 0 ? 0 : usher_now(p->u) + v->at;
    c.queue = v->move ? p->brittle : NULL;
    c.other = v->link ? play_below(p, p->ledger.ids + 1) : 0;
    if (v->verb == USHER_HAND_OFF && play_below(p, 2) == 0) {
        c.queue = NULL;
        c.agent = p->b;
    }
    if (v->text != NULL)
        c.text = words(v->text);
    act(p, &c);
}

static void draw(struct play *p)
{
    uint32_t what = play_below(p, 16);

    if (what < 3) {
        draw_request(p);
    } else if (what < 6) {
        (void)CALL(p, usher_claim_next, play_below(p, 2) == 0 ? p->a : p->b, p->q,
                   play_below(p, 2) * HOUR, play_on_work, play_user(p));
    } else if (what < 13) {
        draw_command(p);
    } else if (what == 13 && play_below(p, 3) == 0) {
        (void)CALL(p, usher_define, p->q, play_below(p, 2) == 0 ? office : policy, NULL, 0,
                   play_on_done, play_user(p));
        (void)CALL(p, usher_apply, p->q, play_on_done, play_user(p));
    } else if (what == 13) {
        play_pass(p, play_below(p, 3) * HOUR);
    } else {
        play_drain(p);
    }
}

static void run_mixed(struct play *p)
{
    workload_define(p);
    p->may_fail = true;
    draw_request(p);
    for (int i = 0; i < 250; i++)
        draw(p);
    play_drain(p);
}

const struct workload workloads[] = {
    {"create", run_create, USHER_DISK, DISK_HONEST, 1, 0},
    {"shy", run_reopen, USHER_DISK, DISK_SHY, 1, 0},
    {"verbs", run_verbs, USHER_DISK, DISK_HONEST, 1, 0},
    {"calls", run_calls, USHER_DISK, DISK_HONEST, 1, 0},
    {"one", run_one, USHER_DISK, DISK_HONEST, 1, 0},
    {"two", run_two, USHER_DISK, DISK_HONEST, 1, 0},
    {"hundred", run_hundred, USHER_DISK, DISK_HONEST, 1, 0},
    {"checkpoint", run_checkpoint, USHER_DISK, DISK_HONEST, 4, 0},
    {"reopen", run_reopen, USHER_DISK, DISK_HONEST, 1, 0},
    {"purge", run_purge, USHER_DISK, DISK_HONEST, 2, 0},
    {"backup", run_backup, USHER_DISK, DISK_HONEST, 1, 0},
    {"timers", run_timers, USHER_DISK, DISK_HONEST, 1, 0},
    {"ladder", run_ladder, USHER_DISK, DISK_HONEST, 1, 0},
    {"handoff", run_handoff, USHER_DISK, DISK_HONEST, 1, 0},
    {"cause", run_cause, USHER_DISK, DISK_HONEST, 1, 0},
    {"figures", run_figures, USHER_DISK, DISK_HONEST, 8, 0},
    {"upgrade1", run_two, USHER_DISK, DISK_HONEST, 1, 1},
    {"upgrade2", run_cause, USHER_DISK, DISK_HONEST, 1, 2},
    {"mixed", run_mixed, USHER_DISK, DISK_HONEST, 1, 0},
    {"mixed2", run_mixed, USHER_DISK, DISK_HONEST, 1, 0},
    {"process", run_mixed, USHER_PROCESS, DISK_HONEST, 1, 0},
};
const size_t workloads_n = sizeof workloads / sizeof workloads[0];
