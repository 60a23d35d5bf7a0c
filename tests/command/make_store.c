/* A host that makes a store to look at, with tickets in every state.
 *
 *   usher-make-store STORE NOW_MS         three days of a desk that end at NOW_MS, on the manual clock
 *   usher-make-store STORE NOW_MS hold    the same, and then it keeps the store open: a line on stdin
 *                                         brings another ticket, its end closes the store
 *
 * STORE is the path, and may end in "?readers=1". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <usher/usher.h>

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

struct desk {
    usher_t *u;
    usher_manual_clock_t *clock;
    usher_queue_t *counter, *workshop;
    usher_agent_t *ada, *bo;
    usher_claim claim;
    usher_id ticket;
    int status;
    int64_t now;
    int closed;
};

static void must(const char *what, int status)
{
    if (status != USHER_OK) {
        fprintf(stderr, "usher-make-store: %s: %s\n", what, usher_strerror(status));
        exit(1);
    }
}

static void on_done(usher_t *u, const usher_done *d, void *user)
{
    struct desk *k = user;
    (void)u;
    k->status = d->status;
    k->ticket = d->ticket;
}

static void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct desk *k = user;
    (void)a;
    k->status = status;
    if (n > 0)
        k->claim = w[0].claim;
}

/* What was accepted runs; then some time passes. */
static void settle(struct desk *k, const char *what, int accepted, int64_t then_ms)
{
    must(what, accepted);
    must(what, usher_advance(k->u, k->now));
    must(what, k->status);
    k->now += then_ms;
    must("clock", usher_advance(k->u, k->now));
}

static usher_id ask(struct desk *k, usher_queue_t *q, const char *who, const char *body,
                    const char *ref, int32_t priority, int64_t start_in_ms)
{
    usher_request r = USHER_INIT(usher_request);
    r.requester = who;
    r.body = (usher_text){body, strlen(body)};
    r.ref = ref;
    r.symptom = "printer";
    r.priority = priority;
    r.start_at = start_in_ms ? k->now + start_in_ms : 0;
    settle(k, "enqueue", usher_enqueue(q, &r, on_done, k), MINUTE);
    return k->ticket;
}

static void take(struct desk *k, usher_agent_t *a, usher_id ticket)
{
    settle(k, "claim", usher_claim_ticket(a, ticket, NULL, on_work, k), MINUTE);
}

static void fill(struct desk *k)
{
    usher_id t = ask(k, k->counter, "carl@example.org", "The printer is on fire", "order-1",
                     USHER_URGENT, 0);
    take(k, k->ada, t);
    settle(k, "ack", usher_acknowledge(k->u, &k->claim, "Ada is on her way", on_done, k), MINUTE);
    settle(k, "resolve",
           usher_resolve(k->u, &k->claim, USHER_AS_FIX, "A new one stands there", on_done, k),
           MINUTE);
    settle(k, "confirm", usher_confirm(k->u, t, "carl@example.org", on_done, k), HOUR);

    t = ask(k, k->counter, "dora@example.org", "Paper jam\nagain, in tray 2", "order-2", 0, 0);
    usher_command c = USHER_INIT(usher_command);
    c.verb = USHER_WITHDRAW;
    c.claim.ticket = t;
    c.who = "dora@example.org";
    settle(k, "withdraw", usher_act(k->u, &c, on_done, k), 64 * HOUR + 40 * MINUTE);

    t = ask(k, k->workshop, "em\033[31mil", "Which toner?", NULL, 0, 0);
    take(k, k->bo, t);
    settle(k, "fail", usher_fail(k->u, &k->claim, "no toner left", on_done, k), 2 * HOUR);

    t = ask(k, k->counter, "J\xC3\xBCrgen M\xC3\xBCller", "Scanner wants a password", "order-4",
            USHER_HIGH, 0);
    take(k, k->ada, t);
    settle(k, "pause",
           usher_pause(k->u, &k->claim, USHER_ON_REQUESTER, "Which scanner?", 0, on_done, k),
           3 * HOUR);
    settle(k, "ask", usher_ask(k->u, t, "J\xC3\xBCrgen M\xC3\xBCller", on_done, k), MINUTE);

    t = ask(k, k->counter, "fay@example.org", "A new badge, please", "order-5", 0, 0);
    take(k, k->bo, t);
    settle(k, "resolve",
           usher_resolve(k->u, &k->claim, USHER_AS_ANSWERED, "At the door", on_done, k), HOUR);

    ask(k, k->counter, "gus@example.org", "The door squeaks", "order-6", USHER_LOW, 0);
    ask(k, k->counter, "hal@example.org", "Open the pod bay doors", "order-7", 0, 48 * HOUR);
    t = ask(k, k->workshop, "ida@example.org", "Chair is wobbly", "order-8", 0, 0);
    take(k, k->bo, t);
    settle(k, "update",
           usher_update(k->u, &k->claim, "Screws are ordered", k->now + 5 * HOUR, on_done, k),
           MINUTE);
}

static void open_desk(struct desk *k, const char *store, int64_t now)
{
    static const char counter[] =
        "{\"preset\": \"desk\", \"promises\": {\"ack\": {\"target\": \"2h\"}}}";
    static const char workshop[] = "{\"retry\": {\"attempts\": 1}, \"promises\": {\"update\": "
                                   "{\"target\": \"1d\"}, \"resolve\": {\"target\": \"3d\"}}}";
    usher_options o = USHER_INIT(usher_options);
    char uri[1000];
    char why[300] = "";
    k->now = now - 72 * HOUR;
    must("clock", usher_manual_clock_new(&k->clock, k->now));
    o.clock = usher_manual_clock_get(k->clock);
    o.err = why;
    o.err_len = sizeof why;
    snprintf(uri, sizeof uri, "sqlite:%s", store);
    int r = usher_open(&k->u, NULL, uri, &o, NULL, NULL);
    if (r != USHER_OK)
        fprintf(stderr, "%s\n", why);
    must("open", r);
    must("queue", usher_queue(k->u, &k->counter, "counter"));
    must("queue", usher_queue(k->u, &k->workshop, "workshop"));
    must("policy", usher_define(k->counter, counter, why, sizeof why, NULL, NULL));
    must("policy", usher_define(k->workshop, workshop, why, sizeof why, NULL, NULL));
    must("agent", usher_agent(k->u, &k->ada, "Ada", NULL, 0));
    must("agent", usher_agent(k->u, &k->bo, "Bo", NULL, 0));
}

static void on_closed(void *user)
{
    ((struct desk *)user)->closed = 1;
}

int main(int argc, char **argv)
{
    struct desk k = {0};
    char line[200];
    if (argc < 3)
        return 2;
    int64_t now = strtoll(argv[2], NULL, 10);
    open_desk(&k, argv[1], now);
    fill(&k);
    if (k.now < now)
        must("clock", usher_advance(k.u, now));
    k.now = now;
    if (argc > 3) {
        puts("open");
        fflush(stdout);
        while (fgets(line, sizeof line, stdin)) {
            line[strcspn(line, "\n")] = 0;
            ask(&k, k.counter, line, "one more", NULL, 0, 0);
            puts("done");
            fflush(stdout);
        }
    }
    must("close", usher_close(k.u, on_closed, &k));
    while (!k.closed)
        usher_turn(k.u);
    usher_manual_clock_free(k.clock);
    return 0;
}
