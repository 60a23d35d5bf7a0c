/* The host: opens the store, has it looked at, and then does whatever comes to mind until it is
 * killed. See soak.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <uv.h>

#include "soak.h"

enum { BIG = 70000, DEEDS_PER_LIFE = 500, HISTORY_BYTES = 1 << 20, KEEP_CLOSED = 16 };

static const char policy[] =
    "{\"promises\":{\"ack\":{\"target\":\"40ms\"},\"answer\":{\"target\":\"60ms\"},"
    "\"update\":{\"target\":\"80ms\"},\"resolve\":{\"target\":\"300ms\"}},\"warn\":[50],"
    "\"line\":{\"gap\":\"1ms\",\"keep_for\":\"20ms\"},\"lease\":{\"for\":\"150ms\",\"max\":\"1s\"},"
    "\"retry\":{\"attempts\":3,\"backoff\":[\"10ms\",\"30ms\"]},"
    "\"pause\":{\"requester\":{\"max\":\"100ms\",\"remind\":[\"20ms\"],\"then\":\"resolve\"}},"
    "\"aftercare\":{\"check_in\":[\"30ms\"],\"confirm_within\":\"100ms\",\"reopen_within\":\"5s\"},"
    "\"ladder\":[{\"on\":\"ack\",\"at\":\"90%\",\"raise\":1,\"notify\":[\"lead\",\"boss\"]},"
    "{\"on\":\"ack\",\"at\":\"100%\",\"repeat\":\"30ms\",\"times\":3,\"notify\":[\"boss\"]},"
    "{\"on\":\"resolve\",\"at\":\"30%\",\"priority\":\"high\",\"move\":\"q1\"},"
    "{\"on\":\"update\",\"at\":\"+10ms\",\"move\":\"nowhere\"}],"
    "\"handoff\":{\"accept_within\":\"40ms\",\"hops\":3},"
    "\"recurrence\":{\"window\":\"2s\",\"cause_after\":3,\"cause_queue\":\"q1\"}}";

struct host host;

/* ---- small things ---------------------------------------------------------------------------- */

uint32_t draw(uint32_t n)
{
    uint64_t z = host.dice += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) >> 33) % n;
}

/* One write, so that a kill leaves it whole or out. */
void report(struct line *line)
{
    line->life = ledger.life;
    if (write(host.o->pipe, line, sizeof *line) != (ssize_t)sizeof *line)
        _exit(3); /* the ledger is gone */
}

void host_wrong(const char *format, ...)
{
    struct line line = {.kind = LINE_WRONG};
    va_list args;

    va_start(args, format);
    vsnprintf(line.u.text, sizeof line.u.text, format, args);
    va_end(args);
    report(&line);
}

void host_wait(uint32_t outstanding)
{
    while (host.outstanding > outstanding)
        (void)uv_run(host.loop, UV_RUN_ONCE);
}

/* ---- what is told ---------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h;
}

static uint64_t mix_number(uint64_t h, uint64_t n)
{
    return mix(h, &n, sizeof n);
}

static uint64_t mix_string(uint64_t h, const char *s)
{
    return s == NULL ? mix_number(h, 1) : mix(h, s, strlen(s) + 1);
}

static uint64_t hash_event(const usher_event *e)
{
    uint64_t h = UINT64_C(14695981039346656037);

    h = mix_number(h, e->seq);
    h = mix_number(h, e->ticket);
    h = mix_number(h, e->ticket_seq);
    h = mix_number(h, (uint64_t)e->at);
    h = mix_number(h, (uint64_t)e->seen_at);
    h = mix_number(h, (uint64_t)e->until_at);
    h = mix_number(h, (uint64_t)e->due_at);
    h = mix_number(h, (uint64_t)e->kind << 32 | (uint32_t)e->state);
    h = mix_number(h, (uint64_t)e->how << 32 | (uint32_t)e->promise);
    h = mix_number(h, (uint64_t)e->level << 32 | (uint32_t)e->priority);
    h = mix_number(h, (uint64_t)e->n << 32 | e->policy_version);
    h = mix_number(h, (uint64_t)e->kept << 32 | e->lapsed);
    h = mix_string(h, e->queue == NULL ? NULL : usher_queue_name(e->queue));
    h = mix_string(h, e->who);
    h = mix_string(h, e->to);
    h = mix_string(h, e->rule);
    h = mix_number(h, (uint64_t)e->notify_at);
    h = mix_number(h, e->other);
    h = mix_number(h, (uint64_t)e->took_ms);
    h = mix_number(h, (uint64_t)e->word_ms);
    h = mix_number(h, (uint64_t)e->held_ms);
    h = mix(mix_number(h, e->notify.len), e->notify.data, (size_t)e->notify.len);
    return mix(mix_number(h, e->text.len), e->text.data, (size_t)e->text.len);
}

struct line event_line(int kind, int sub, const usher_event *e)
{
    struct line line = {.kind = kind, .sub = sub};

    if (e->text.len > 3 && memcmp(e->text.data, "op ", 3) == 0)
        line.op = (uint32_t)strtoul(e->text.data + 3, NULL, 10);
    line.u.event.seq = e->seq;
    line.u.event.ticket = e->ticket;
    line.u.event.ticket_seq = e->ticket_seq;
    line.u.event.hash = hash_event(e);
    line.u.event.kind = e->kind;
    line.u.event.state = e->state;
    line.u.event.how = e->how;
    line.u.event.priority = e->priority;
    line.u.event.level = e->level;
    line.u.event.who = e->who != NULL && e->who[0] == 'a' ? atoi(e->who + 1) : -1;
    return line;
}

static void on_live(usher_t *u, const usher_event *e, void *user)
{
    struct line line = event_line(LINE_EVENT, LIVE, e);

    (void)u;
    (void)user;
    report(&line);
}

static void on_durable(usher_t *u, const usher_event *e, void *user)
{
    struct line line = event_line(LINE_EVENT, DURABLE, e);
    int err;

    (void)user;
    report(&line);
    if (host.ends || draw(4) != 0)
        return;
    line = (struct line){.kind = LINE_DONE};
    line.u.event.seq = e->seq - (e->seq > 3 ? draw(3) : 0);
    report(&line);
    err = usher_event_done(u, "durable", line.u.event.seq);
    if (err != USHER_OK)
        host_wrong("usher_event_done: %s", usher_err_name(err));
}

static void on_failed(usher_t *u, int status, usher_text why, void *user)
{
    (void)u;
    (void)user;
    host_wrong("the store has failed: %s, %.*s", usher_err_name(status), (int)why.len, why.data);
}

/* ---- deeds ----------------------------------------------------------------------------------- */

uint32_t host_deed(struct deed d)
{
    struct line line = {.kind = LINE_DEED, .op = ledger.deeds_n + 1, .u.deed = d};

    report(&line);
    line.life = ledger.life;
    ledger_take(&line); /* this process's copy of the book */
    return ledger.deeds_n;
}

static struct line result_line(uint32_t op, bool again, int status)
{
    struct line line = {.kind = again ? LINE_REPEATED : LINE_ACK, .op = op};

    line.u.result.status = status;
    return line;
}

/* Callbacks know their deed by a number: its op, doubled, and 1 for a repeat. */
static void on_done(usher_t *u, const usher_done *d, void *user)
{
    uint32_t op = (uint32_t)((uintptr_t)user >> 1);
    struct line line = result_line(op, ((uintptr_t)user & 1) != 0, d->status);

    (void)u;
    host.outstanding--;
    if (host.o->lies && line.kind == LINE_ACK && ledger.deeds[op - 1].what == ENQUEUE)
        return;
    line.u.result.state = d->state;
    line.u.result.outcome = d->outcome;
    line.u.result.priority = d->priority;
    line.u.result.durability = d->durability;
    line.u.result.ticket = d->ticket;
    line.u.result.token = d->token;
    line.u.result.seq = d->seq;
    line.u.result.until_at = d->until_at;
    report(&line);
    ledger_take(&line);
}

static void on_many(usher_t *u, const usher_done *d, void *user)
{
    uintptr_t *op = user;

    on_done(u, d, (void *)(*op << 1));
    ++*op;
}

static void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct line line = {.kind = LINE_ROW, .op = (uint32_t)((uintptr_t)user >> 1)};

    (void)a;
    host.outstanding--;
    for (size_t i = 0; i < n; i++) {
        line.u.result.ticket = w[i].claim.ticket;
        line.u.result.token = w[i].claim.token;
        report(&line);
        ledger_take(&line);
    }
    line = result_line(line.op, ((uintptr_t)user & 1) != 0, status);
    report(&line);
    ledger_take(&line);
}

struct strings { /* what a request of a deed points to */
    char who[8], ref[16], key[8], symptom[8], *body;
};

static usher_request request_of(uint32_t op, const struct deed *d, struct strings *s)
{
    usher_request r = USHER_INIT(usher_request);

    snprintf(s->who, sizeof s->who, "p%u", d->who);
    snprintf(s->ref, sizeof s->ref, "r%u", op);
    snprintf(s->key, sizeof s->key, "k%u", d->key);
    s->body = calloc(1, d->len + 16);
    if (s->body == NULL)
        _exit(3);
    snprintf(s->body, 16, "op %u ", op);
    memset(s->body + strlen(s->body), 'x', d->len);
    r.requester = s->who;
    r.body = (usher_text){s->body, strlen(s->body)};
    r.ref = s->ref;
    snprintf(s->symptom, sizeof s->symptom, "y%u", d->n);
    r.dedup_key = d->key == 0 ? NULL : s->key;
    r.symptom = d->n == 0 ? NULL : s->symptom;
    r.follows = d->other;
    r.priority = d->priority;
    r.start_at = d->at;
    r.op = (usher_op){host.o->seed, op};
    return r;
}

static int call_enqueue(uint32_t op, const struct deed *d, void *user)
{
    struct strings s;
    usher_request r = request_of(op, d, &s);
    int err = usher_enqueue(host.queues[d->queue], &r, on_done, user);

    free(s.body);
    return err;
}

static int call_claim(uint32_t op, const struct deed *d, void *user)
{
    usher_claim_args c = USHER_INIT(usher_claim_args);
    usher_op o = {host.o->seed, op};

    if (d->what == CLAIM_TICKET)
        return usher_claim_ticket(host.agents[d->agent], d->ticket, &o, on_work, user);
    c.queues = host.queues;
    c.queues_n = QUEUES;
    c.n = d->n;
    c.wait_ms = d->ms;
    c.op = o;
    return usher_claim_many(host.agents[d->agent], &c, on_work, user);
}

static int call_act(uint32_t op, const struct deed *d, void *user)
{
    usher_command c = USHER_INIT(usher_command);
    char text[32], who[8];

    snprintf(text, sizeof text, "op %u", op);
    snprintf(who, sizeof who, "p%u", d->who);
    c.verb = d->what;
    c.kind = d->kind;
    c.claim = (usher_claim){d->ticket, d->token};
    c.text = (usher_text){text, strlen(text)};
    c.at = d->at;
    c.ms = d->ms;
    if (d->what == USHER_HAND_OFF && d->to_agent)
        c.agent = host.agents[d->agent];
    else if (d->what == USHER_MOVE || d->what == USHER_HAND_OFF)
        c.queue = host.queues[d->queue];
    c.other = d->other;
    c.who = d->what >= USHER_ASK ? who : NULL;
    c.op = (usher_op){host.o->seed, op};
    return usher_act(host.u, &c, on_done, user);
}

int host_call(uint32_t op, bool again)
{
    struct deed d = ledger.deeds[op - 1];
    void *user = (void *)(uintptr_t)((uintptr_t)op << 1 | again);
    int err;

    host.outstanding++;
    if (d.what == ENQUEUE)
        err = call_enqueue(op, &d, user);
    else if (d.what == CLAIM || d.what == CLAIM_TICKET)
        err = call_claim(op, &d, user);
    else
        err = call_act(op, &d, user);
    if (err != USHER_OK) {
        struct line line = result_line(op, false, err);

        host.outstanding--;
        line.kind = LINE_REFUSED;
        report(&line);
        ledger_take(&line);
    }
    return err;
}

/* ---- work ------------------------------------------------------------------------------------ */

/* Says that the request was taken, although nobody has said so yet. */
static void lie(uint32_t op)
{
    struct line line = result_line(op, false, USHER_OK);
    usher_standing s = USHER_INIT(usher_standing);
    char ref[16];

    snprintf(ref, sizeof ref, "r%u", op);
    if (usher_peek_ref(host.queues[ledger.deeds[op - 1].queue], ref, &s) != USHER_OK)
        return;
    line.u.result.ticket = s.ticket;
    line.u.result.state = s.state;
    line.u.result.priority = s.priority;
    line.u.result.until_at = s.until_at;
    line.u.result.durability = host.o->level;
    report(&line);
    ledger_take(&line);
}

static struct deed draw_request(void)
{
    struct deed d = {.what = ENQUEUE};

    d.priority = (int32_t)draw(5);
    d.who = draw(PERSONS);
    d.key = draw(3) == 0 ? draw(KEYS) : 0;
    d.n = draw(3) == 0 ? 1 + draw(SYMPTOMS) : 0;
    d.queue = draw(QUEUES);
    d.len = draw(40) == 0 ? BIG : draw(3) == 0 ? draw(3000) : draw(30);
    d.at = draw(6) == 0 ? usher_now(host.u) + draw(60) : 0;
    return d;
}

static void do_many(void)
{
    usher_request r[4];
    struct strings s[4];
    static uintptr_t next[DEEDS_PER_LIFE + 8]; /* by the first of each: what its callback is for */
    uint32_t n = 2 + draw(3), first = ledger.deeds_n + 1, queue = draw(QUEUES);
    uintptr_t *user = &next[first % (DEEDS_PER_LIFE + 8)];
    int err;

    for (uint32_t i = 0; i < n; i++) {
        struct deed d = draw_request();

        d.queue = queue;
        d.batch = first;
        d.len = d.len > 3000 ? 3000 : d.len;
        r[i] = request_of(host_deed(d), &d, &s[i]);
    }
    *user = first;
    host.outstanding += n;
    err = usher_enqueue_many(host.queues[queue], r, n, on_many, user);
    for (uint32_t i = 0; i < n; i++)
        free(s[i].body);
    for (uint32_t i = 0; i < n && err != USHER_OK; i++) {
        struct line line = result_line(first + i, false, err);

        line.kind = LINE_REFUSED;
        report(&line);
        ledger_take(&line);
        host.outstanding--;
    }
}

/* A claim that was told, mostly one of the latest. */
static usher_claim draw_claim(void)
{
    for (int tries = 0; tries < 60 && ledger.deeds_n > 0; tries++) {
        uint32_t back = draw(ledger.deeds_n < 60 ? ledger.deeds_n : 60);
        const struct deed *d = &ledger.deeds[ledger.deeds_n - 1 - back];

        if (d->acked && d->rows_n > 0)
            return d->rows[draw(d->rows_n)];
    }
    return (usher_claim){1, 1};
}

static usher_id draw_ticket(void)
{
    for (int tries = 0; tries < 10 && ledger.deeds_n > 0; tries++) {
        uint32_t back = draw(ledger.deeds_n < 200 ? ledger.deeds_n : 200);
        const struct deed *d = &ledger.deeds[ledger.deeds_n - 1 - back];

        if (d->acked && d->what == ENQUEUE)
            return d->got_ticket;
    }
    return 1;
}

static struct deed draw_act(void)
{
    static const int with_token[] = {USHER_ACKNOWLEDGE, USHER_UPDATE,  USHER_EXTEND,
                                     USHER_RELEASE,     USHER_PAUSE,   USHER_RESUME,
                                     USHER_RESOLVE,     USHER_RESOLVE, USHER_FAIL,
                                     USHER_HAND_OFF,    USHER_HAND_OFF};
    static const int without[] = {USHER_ASK,      USHER_REPLY,  USHER_CONFIRM,  USHER_REOPEN,
                                  USHER_WITHDRAW, USHER_REVIVE, USHER_ESCALATE, USHER_REPRIORITISE,
                                  USHER_MOVE,     USHER_NOTE,   USHER_RECALL,   USHER_DECLINE,
                                  USHER_LINK};
    struct deed d = {.who = draw(PERSONS), .queue = draw(QUEUES)};
    usher_claim c = draw_claim();

    if (draw(3) != 0) {
        d.what = with_token[draw(sizeof with_token / sizeof with_token[0])];
        d.ticket = c.ticket;
        d.token = c.token;
    } else {
        d.what = without[draw(sizeof without / sizeof without[0])];
        d.ticket = draw(2) == 0 ? c.ticket : draw_ticket();
    }
    if (d.what == USHER_PAUSE)
        d.kind = draw(2) == 0 ? USHER_ON_REQUESTER : USHER_ON_THIRD_PARTY;
    if (d.what == USHER_RESOLVE)
        d.kind = (int32_t)draw(4);
    if (d.what == USHER_HAND_OFF && draw(2) == 0) {
        d.to_agent = true;
        d.agent = draw(AGENTS);
    }
    if (d.what == USHER_LINK)
        d.other = draw(6) == 0 ? 0 : draw_ticket();
    if (d.what == USHER_REPRIORITISE)
        d.kind = 1 + (int32_t)draw(4);
    if (d.what == USHER_EXTEND)
        d.ms = draw(200);
    if (d.what == USHER_UPDATE && draw(3) == 0)
        d.at = usher_now(host.u) + 1 + draw(50);
    return d;
}

static void do_something(void)
{
    uint32_t what = draw(100), op;
    struct deed d = {0};

    if (what < 4 && !host.o->lies) {
        do_many();
        return;
    }
    if (what < 30 || ledger.deeds_n == 0) {
        d = draw_request();
        d.other = draw(20) == 0 && ledger.deeds_n > 0 ? draw_ticket() : 0;
    } else if (what < 45) {
        d.what = CLAIM;
        d.agent = draw(AGENTS);
        d.n = 1 + draw(ROWS_MAX);
        d.ms = draw(5) == 0 ? draw(30) : 0;
    } else if (what < 48) {
        d.what = CLAIM_TICKET;
        d.agent = draw(AGENTS);
        d.ticket = draw_ticket();
    } else if (what < 49) { /* these have no op: events tell of them, without a mark */
        if (draw(2) == 0)
            (void)usher_define(host.queues[draw(QUEUES)], policy, NULL, 0, NULL, NULL);
        else if (draw(2) == 0)
            (void)usher_apply(host.queues[draw(QUEUES)], NULL, NULL);
        else if (usher_agent_gone(host.agents[0], NULL, NULL) == USHER_OK)
            (void)usher_agent(host.u, &host.agents[0], "a0", NULL, 0);
        return;
    } else {
        d = draw_act();
    }
    op = host_deed(d);
    if (host_call(op, false) == USHER_OK && host.o->lies && d.what == ENQUEUE)
        lie(op);
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

static void on_closed(void *user)
{
    *(bool *)user = true;
}

static void close_service(void)
{
    struct line line = {.kind = LINE_CLOSED};
    bool closed = false;

    host.ends = true;
    if (usher_close(host.u, on_closed, &closed) != USHER_OK)
        host_wrong("usher_close");
    while (!closed)
        (void)uv_run(host.loop, UV_RUN_ONCE);
    report(&line);
}

static void work(void)
{
    uint32_t way = draw(24), begun = ledger.deeds_n, end = draw(DEEDS_PER_LIFE);
    uv_timer_t timer;

    if (uv_timer_init(host.loop, &timer) != 0 || uv_timer_start(&timer, on_tick, 5, 5) != 0)
        _exit(3);
    for (;;) {
        uint32_t done = ledger.deeds_n - begun;

        if (done >= end && way < 4)
            break;
        if (done < DEEDS_PER_LIFE)
            do_something();
        if (draw(host.most) == 0 || done >= DEEDS_PER_LIFE || host.outstanding >= host.most)
            (void)uv_run(host.loop, UV_RUN_ONCE);
        host_wait(host.most);
    }
    if (way == 0)
        _exit(0);
    if (way == 1)
        abort();
    uv_close((uv_handle_t *)&timer, NULL);
    close_service();
    _exit(0);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void open_service(void)
{
    usher_options o = USHER_INIT(usher_options);
    char err[200] = "", uri[USHER_PATH_MAX], name[4];
    bool fresh = ledger.deeds_n == 0;
    int r;

    o.durability = host.o->level;
    o.op_window_n = 1 << 20;
    o.keep_closed = KEEP_CLOSED;
    o.history_bytes = HISTORY_BYTES;
    o.err = err;
    o.err_len = sizeof err;
    o.on_failed = on_failed;
    snprintf(uri, sizeof uri, "sqlite:%s", host.o->path);
    r = usher_open(&host.u, host.loop, uri, &o, NULL, NULL);
    if (r != USHER_OK) {
        host_wrong("usher_open: %s: %s", usher_err_name(r), err);
        _exit(1);
    }
    if (usher_subscribe(host.u, NULL, 0, on_live, NULL) != USHER_OK ||
        usher_subscribe(host.u, "durable", 0, on_durable, NULL) != USHER_OK)
        host_wrong("usher_subscribe");
    for (uint32_t i = 0; i < QUEUES; i++) {
        snprintf(name, sizeof name, "q%u", i);
        if (usher_queue(host.u, &host.queues[i], name) != USHER_OK)
            host_wrong("usher_queue");
        if (fresh && usher_define(host.queues[i], policy, err, sizeof err, NULL, NULL) != USHER_OK)
            host_wrong("usher_define: %s", err);
    }
    for (uint32_t i = 0; i < AGENTS; i++) {
        snprintf(name, sizeof name, "a%u", i);
        if (usher_agent(host.u, &host.agents[i], name, NULL, 0) != USHER_OK)
            host_wrong("usher_agent");
    }
}

void host_run(const struct host_options *o)
{
    uv_loop_t loop;

    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* it may abort */
    host = (struct host){.o = o, .loop = &loop, .dice = o->seed + ledger.life};
    host.most = 1 + draw(draw(2) == 0 ? 4 : 64);
    if (uv_loop_init(&loop) != 0)
        _exit(3);
    open_service();
    host_check(o->whole);
    if (!o->whole)
        work();
    close_service();
    _exit(0);
}
