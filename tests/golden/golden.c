/* Stores as earlier versions wrote them must open for ever.
 *
 *   golden make FILE.db   a store with a ticket in every state and a row in every table
 *   golden show FILE.db   what a service on it says, as text
 *   golden look FILE.db   the same, without changing anything (readonly=1)
 *
 * Each format's store and its text lie in tests/data; the test copies the store, shows it and compares. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

#define T0   INT64_C(1700000000000)
#define HOUR INT64_C(3600000)

static usher_manual_clock_t *clock_;
static usher_t *u;
static usher_queue_t *desk, *back;
static usher_agent_t *ann;
static usher_claim claim;
static usher_id ticket;
static int closed;
static char what_enqueue[] = "enqueue", what_act[] = "act";

static void die(const char *what, int status)
{
    fprintf(stderr, "golden: %s: %s\n", what, usher_strerror(status));
    exit(1);
}

static void must(const char *what, int r)
{
    if (r != USHER_OK)
        die(what, r);
}

static void on_done(usher_t *service, const usher_done *d, void *user)
{
    (void)service;
    must(user, d->status);
    ticket = d->ticket;
}

static void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    (void)a, (void)user;
    must("claim", status);
    if (n > 0)
        claim = w[0].claim;
}

static void on_closed(void *user)
{
    (void)user;
    closed = 1;
}

static void open_store(const char *path, const char *how, int64_t at)
{
    char uri[600], err[300] = "";
    usher_options o = USHER_INIT(usher_options);
    int r;

    must("clock", usher_manual_clock_new(&clock_, at));
    o.clock = usher_manual_clock_get(clock_);
    o.err = err;
    o.err_len = sizeof err;
    snprintf(uri, sizeof uri, "sqlite:%s?%s", path, how);
    r = usher_open(&u, NULL, uri, &o, NULL, NULL);
    if (r != 0) {
        fprintf(stderr, "golden: %s\n", err);
        exit(1);
    }
    must("queue", usher_queue(u, &desk, "desk"));
    must("queue", usher_queue(u, &back, "back office"));
    must("agent", usher_agent(u, &ann, "ann", (const char *const[]){"printers"}, 1));
}

static void settle(void)
{
    must("advance", usher_advance(u, usher_now(u)));
}

static void close_store(void)
{
    must("close", usher_close(u, on_closed, NULL));
    while (!closed)
        (void)usher_turn(u);
    usher_manual_clock_free(clock_);
}

/* ---- making ---------------------------------------------------------------------------------- */

static usher_id enqueue(usher_request r)
{
    r.size = sizeof r;
    r.requester = r.requester != NULL ? r.requester : "eva";
    must("enqueue", usher_enqueue(desk, &r, on_done, what_enqueue));
    settle();
    return ticket;
}

static void take(usher_id id)
{
    must("claim_ticket", usher_claim_ticket(ann, id, NULL, on_work, NULL));
    settle();
}

static void act(usher_command c)
{
    c.size = sizeof c;
    must("act", usher_act(u, &c, on_done, what_act));
    settle();
}

static void by_holder(int32_t verb, int32_t kind, const char *text)
{
    act((usher_command){.verb = verb,
                        .kind = kind,
                        .claim = claim,
                        .text = {text, text != NULL ? strlen(text) : 0}});
}

static void make_tickets(void)
{
    static char large[3000];
    usher_id id;

    memset(large, 'b', sizeof large);
    (void)enqueue((usher_request){.start_at = T0 + 24 * HOUR, .body = USHER_TEXT("for tomorrow")});
    (void)enqueue((usher_request){.body = {large, sizeof large},
                                  .symptom = "paper jam",
                                  .ref = "R-2",
                                  .dedup_key = "k",
                                  .needs = (const char *const[]){"printers"},
                                  .needs_n = 1,
                                  .priority = USHER_HIGH,
                                  .op = {1, 2}});
    (void)enqueue((usher_request){.requester = "bob", .dedup_key = "k"}); /* joins */
    take(enqueue((usher_request){.body = USHER_TEXT("held")}));
    by_holder(USHER_ACKNOWLEDGE, 0, "I have it");
    take(enqueue((usher_request){.body = USHER_TEXT("paused")}));
    by_holder(USHER_PAUSE, USHER_ON_REQUESTER, "which printer?");
    id = enqueue((usher_request){.body = USHER_TEXT("stuck")});
    take(id);
    by_holder(USHER_FAIL, 0, "no luck");
    take(enqueue((usher_request){.body = USHER_TEXT("resolved")}));
    by_holder(USHER_RESOLVE, USHER_AS_FIX, "done");
    id = enqueue((usher_request){.body = USHER_TEXT("closed")});
    take(id);
    by_holder(USHER_RESOLVE, USHER_AS_WORKAROUND, "restarted");
    act((usher_command){.verb = USHER_CONFIRM, .claim = {id, 0}, .who = "eva"});
    id = enqueue((usher_request){.body = USHER_TEXT("reopened")});
    take(id);
    by_holder(USHER_RESOLVE, 0, NULL);
    act((usher_command){
        .verb = USHER_REOPEN, .claim = {id, 0}, .who = "eva", .text = USHER_TEXT("back")});
    id = enqueue((usher_request){.body = USHER_TEXT("withdrawn")});
    act((usher_command){.verb = USHER_WITHDRAW, .claim = {id, 0}, .who = "eva"});
    id = enqueue((usher_request){.body = USHER_TEXT("moved")});
    act((usher_command){.verb = USHER_MOVE, .claim = {id, 0}, .queue = back});
    act((usher_command){.verb = USHER_ASK, .claim = {id, 0}, .who = "eva"});
    act((usher_command){.verb = USHER_REPRIORITISE, .kind = USHER_URGENT, .claim = {id, 0}});
}

/* A calendar, two versions of a ladder, and what fires of them: by day, by night, late. */
#define OFFICE                                                                                     \
    "{\"calendars\":{\"office\":{\"zone\":\"Europe/Berlin\",\"week\":{\"mon-fri\":[[\"22:00\","    \
    "\"23:30\"],[\"23:45\",\"07:00\"]]},\"holidays\":[\"2023-11-16\"]}},\"promises\":{\"ack\":{"   \
    "\"target\":\"30m\",\"calendar\":\"office\"},\"resolve\":{\"calendar\":\"office\",\"target\":" \
    "{"                                                                                            \
    "\"high\":\"%s\",\"low\":\"2wd\"}}},\"notify_calendar\":\"office\",\"ladder\":[{\"on\":"       \
    "\"ack\","                                                                                     \
    "\"at\":\"50%%\",\"notify\":[\"lead\",\"desk\"],\"raise\":1,\"repeat\":\"5m\",\"times\":3},{"  \
    "\"on\":\"resolve\",\"at\":\"%s\",\"priority\":\"high\",\"move\":\"back "                      \
    "office\"},{\"on\":\"ack\","                                                                   \
    "\"at\":\"100%%\",\"move\":\"nowhere\"}]}"

static void define_office(usher_queue_t *office, const char *target, const char *at)
{
    char policy[900], why[300];

    snprintf(policy, sizeof policy, OFFICE, target, at);
    if (usher_define(office, policy, why, sizeof why, NULL, NULL) != 0)
        die(why, USHER_EPOLICY);
}

static void make_ladders(void)
{
    usher_queue_t *office, *was = desk;

    must("queue", usher_queue(u, &office, "office"));
    define_office(office, "4h", "20%");
    desk = office;
    (void)enqueue((usher_request){.body = USHER_TEXT("climbs")});
    take(enqueue((usher_request){.body = USHER_TEXT("in good hands"), .priority = USHER_HIGH}));
    by_holder(USHER_ACKNOWLEDGE, 0, "at once");
    must("advance", usher_advance(u, T0 + HOUR));
    must("skip", usher_manual_clock_skip(clock_, T0 + 2 * HOUR));
    settle();
    define_office(office, "1h", "10%");
    must("apply", usher_apply(office, on_done, what_act));
    settle();
    desk = was;
}

/* A symptom that comes again, its cause, who is linked to it, one of them closed; offers. */
static void make_causes(void)
{
    usher_queue_t *helpdesk, *problems, *was = desk;
    usher_agent_t *bob;
    usher_id cause, id;

    must("queue", usher_queue(u, &helpdesk, "help desk"));
    must("queue", usher_queue(u, &problems, "problems"));
    must("agent", usher_agent(u, &bob, "bob", NULL, 0));
    must("define",
         usher_define(helpdesk,
                      "{\"recurrence\":{\"window\":\"7d\",\"cause_after\":3,\"cause_queue\":"
                      "\"problems\"},\"handoff\":{\"accept_within\":\"1h\",\"hops\":2}}",
                      NULL, 0, NULL, NULL));
    desk = helpdesk;
    id = enqueue((usher_request){.symptom = "no toner", .body = USHER_TEXT("pale")});
    (void)enqueue((usher_request){.symptom = "no toner", .requester = "bob"});
    cause = enqueue((usher_request){.symptom = "no toner", .follows = id}) + 1;
    (void)enqueue((usher_request){
        .symptom = "noise", .needs = (const char *const[]){"violin"}, .needs_n = 1});
    take(id);
    by_holder(USHER_RESOLVE, USHER_AS_ANSWERED, "shake it");
    act((usher_command){.verb = USHER_CONFIRM, .claim = {id, 0}, .who = "eva"});
    take(cause);
    by_holder(USHER_RESOLVE, USHER_AS_WORKAROUND, "shake all of them");
    must("advance", usher_advance(u, usher_now(u) + HOUR / 60));
    act((usher_command){.verb = USHER_HAND_OFF,
                        .claim = claim,
                        .queue = back,
                        .text = USHER_TEXT("who orders toner?")});
    id = enqueue((usher_request){.body = USHER_TEXT("for bob")});
    take(id);
    act((usher_command){.verb = USHER_HAND_OFF, .claim = claim, .agent = bob});
    desk = was;
}

static void nothing(usher_t *service, const usher_event *e, void *user)
{
    (void)service, (void)e, (void)user;
}

static void make(const char *path)
{
    char why[300];

    open_store(path, "", T0);
    must("define", usher_define(desk,
                                "{\"preset\":\"desk\",\"line\":{\"gap\":\"1m\"},"
                                "\"retry\":{\"attempts\":1}}",
                                why, sizeof why, NULL, NULL));
    must("hold", usher_queue_hold(back, USHER_HOLD_CLAIMS, NULL, NULL));
    must("subscribe", usher_subscribe(u, "billing", 0, nothing, NULL));
    make_tickets();
    make_ladders();
    make_causes();
    must("done", usher_event_done(u, "billing", 7));
    close_store();
}

/* ---- showing --------------------------------------------------------------------------------- */

static void show_text(const char *name, usher_text t)
{
    if (t.len > 0)
        printf(" %s=%.*s%s", name, t.len > 40 ? 40 : (int)t.len, t.data, t.len > 40 ? "..." : "");
}

static void show_ticket(const usher_standing *s)
{
    printf("ticket %llu in %s: %s %s level %d, seq %llu, attempts %u, chases %u, persons %u, "
           "version %u\n",
           (unsigned long long)s->ticket, usher_queue_name(s->queue),
           usher_name(USHER_NAME_STATE, s->state), usher_name(USHER_NAME_PRIORITY, s->priority),
           (int)s->level, (unsigned long long)s->ticket_seq, s->attempts, s->chases, s->persons,
           s->policy_version);
    printf("   ");
    printf(" requester=%s", s->requester);
    if (s->holder != NULL)
        printf(" holder=%s", s->holder);
    if (s->kept_for != NULL)
        printf(" kept_for=%s", s->kept_for);
    if (s->symptom != NULL)
        printf(" symptom=%s", s->symptom);
    if (s->ref != NULL)
        printf(" ref=%s", s->ref);
    show_text("last_word", s->last_word);
    show_text("question", s->question);
    if (s->offered_to != NULL)
        printf(" offered_to=%s offer=%d", s->offered_to, (int)s->offer);
    if (s->handoffs > 0)
        printf(" handoffs=%u", s->handoffs);
    if (s->cause != 0)
        printf(" cause=%llu", (unsigned long long)s->cause);
    if (s->follows != 0)
        printf(" follows=%llu", (unsigned long long)s->follows);
    if (s->is_cause)
        printf(" is_cause linked=%u", s->linked);
    printf("\n    start %+lld state %+lld until %+lld rank %+lld ahead %lld\n",
           (long long)(s->start_at - T0), (long long)(s->state_at - T0),
           (long long)(s->until_at == 0 ? 0 : s->until_at - T0),
           (long long)(s->rank_at == 0 ? 0 : s->rank_at - T0), (long long)s->ahead);
    for (int i = 0; i < 4; i++) {
        const usher_promise *p = &s->promises[i];

        if (p->state != 0)
            printf("    %s %d arming %u target %lld left %lld due %+lld\n",
                   usher_name(USHER_NAME_PROMISE, i + 1), (int)p->state, p->arming,
                   (long long)p->target_ms, (long long)p->left_ms,
                   (long long)(p->due_at == USHER_NEVER ? -1 : p->due_at - T0));
    }
}

static void on_history(usher_t *service, int status, const usher_page *p, void *user)
{
    (void)service, (void)user;
    must("history", status);
    for (uint64_t i = 0; i < p->n; i++) {
        const usher_event *e = &p->events[i];

        printf("    %llu #%llu %s %s", (unsigned long long)e->seq,
               (unsigned long long)e->ticket_seq, usher_name(USHER_NAME_EVENT, e->kind),
               usher_name(USHER_NAME_STATE, e->state));
        printf(" kept=%u lapsed=%u n=%u how=%d", e->kept, e->lapsed, e->n, (int)e->how);
        if (e->who != NULL)
            printf(" who=%s", e->who);
        if (e->to != NULL)
            printf(" to=%s", e->to);
        if (e->rule != NULL)
            printf(" rule=%s", e->rule);
        show_text("text", e->text);
        for (uint64_t at = 0; at < e->notify.len; at += strlen(e->notify.data + at) + 1)
            printf(" notify=%s", e->notify.data + at);
        if (e->other != 0)
            printf(" other=%llu", (unsigned long long)e->other);
        if (e->took_ms >= 0)
            printf(" took=%lld", (long long)e->took_ms);
        if (e->word_ms >= 0)
            printf(" word=%lld", (long long)e->word_ms);
        if (e->held_ms >= 0)
            printf(" held=%lld", (long long)e->held_ms);
        if (e->notify_at != 0)
            printf(" notify_at=%+lld", (long long)(e->notify_at - T0));
        printf("\n");
    }
}

static void on_body(usher_t *service, int status, const usher_page *p, void *user)
{
    (void)service, (void)user;
    must("body", status);
    printf("    body of %llu bytes:", (unsigned long long)p->text.len);
    show_text("it", p->text);
    printf("\n");
}

static void on_tickets(usher_t *service, int status, const usher_page *p, void *user)
{
    (void)service, (void)user;
    must("tickets", status);
    for (uint64_t i = 0; i < p->n; i++) {
        usher_query q = {
            .size = sizeof q, .what = USHER_READ_HISTORY, .ticket = p->tickets[i].ticket};

        show_ticket(&p->tickets[i]);
        must("read", usher_read(u, &q, on_history, NULL));
        q.what = USHER_READ_BODY;
        must("read", usher_read(u, &q, on_body, NULL));
    }
}

static void on_symptoms(usher_t *service, int status, const usher_page *p, void *user)
{
    (void)service, (void)user;
    must("symptoms", status);
    for (uint64_t i = 0; i < p->n; i++) {
        const usher_symptom *s = &p->symptoms[i];

        printf("symptom %s: seen %llu, recent %u of %u, first %+lld, last %+lld #%llu, cause %llu, "
               "linked %u, "
               "causes %u, fixes %u, workarounds %u\n",
               s->symptom, (unsigned long long)s->seen, s->recent, s->requesters,
               (long long)(s->first_at - T0), (long long)(s->last_at - T0),
               (unsigned long long)s->last, (unsigned long long)s->cause, s->linked, s->causes,
               s->fixes, s->workarounds);
    }
}

static void show_spread(const char *name, const usher_spread *s)
{
    if (s->n > 0)
        printf(" %s=%llu/%lld", name, (unsigned long long)s->n, (long long)s->sum_ms);
}

static void on_figures(usher_t *service, int status, const usher_page *p, void *user)
{
    (void)service, (void)user;
    must("figures", status);
    for (uint64_t i = 0; i < p->n; i++) {
        const usher_figures *f = &p->figures[i];

        if (f->claims + f->enqueued == 0) /* nothing was counted before format 3 */
            continue;
        printf("figures of %s/%d: enqueued %llu claims %llu resolved %llu closed %llu handoffs "
               "%llu no_agent %llu",
               usher_queue_name(f->queue), (int)f->priority, (unsigned long long)f->enqueued,
               (unsigned long long)f->claims, (unsigned long long)f->resolved,
               (unsigned long long)f->closed, (unsigned long long)f->handoffs,
               (unsigned long long)f->no_agent);
        show_spread("wait", &f->wait);
        show_spread("word", &f->word);
        show_spread("solve", &f->solve);
        printf("\n");
    }
}

static void on_first(usher_t *service, const usher_event *e, void *user)
{
    (void)service;
    if (*(int *)user == 0)
        printf("billing goes on with %llu\n", (unsigned long long)e->seq);
    *(int *)user = 1;
}

static void show(const char *path, const char *how)
{
    usher_query q = {.size = sizeof q, .what = USHER_READ_TICKETS};
    int told = 0;

    open_store(path, how, T0);
    must("read", usher_read(u, &q, on_tickets, NULL));
    settle();
    q.what = USHER_READ_SYMPTOMS;
    must("read", usher_read(u, &q, on_symptoms, NULL));
    q.what = USHER_READ_FIGURES;
    must("read", usher_read(u, &q, on_figures, NULL));
    settle();
    must("subscribe", usher_subscribe(u, "billing", 0, on_first, &told));
    settle();
    close_store();
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "make") == 0)
        make(argv[2]);
    else if (argc == 3 && strcmp(argv[1], "show") == 0)
        show(argv[2], "");
    else if (argc == 3 && strcmp(argv[1], "look") == 0)
        show(argv[2], "readonly=1");
    else
        return fprintf(stderr, "usage: golden make|show|look FILE.db\n"), 2;
    return 0;
}
