/* A desk with three queues and three agents, whose every event is kept in a list: what figures are
 * compared with. Its life is led by hand or drawn; it lies in memory or in a file. */
#ifndef USHER_UNIT_FIGURES_DESK_H
#define USHER_UNIT_FIGURES_DESK_H

#include <usher/usher.h>

#include "probe.h"

#ifdef USHER_SQLITE
#include <stdio.h>
#include <unistd.h>
#endif

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define T0     (INT64_C(19700) * DAY + 23 * HOUR) /* an hour before midnight */

enum { TOLD_MAX = 60000, CLAIMS_MAX = 12, QUEUES = 3, AGENTS = 3, ROWS = 64, LISTED_MAX = 12000 };

struct told {
    int64_t at, took, word, held;
    uint64_t ticket;
    int queue; /* of queue_names; a handle lives as long as its service */
    int32_t kind, priority, how, promise;
    uint32_t n, kept, lapsed;
    char who[8], to[8];
};

struct desk {
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_queue_t *q[QUEUES];
    usher_agent_t *a[AGENTS];
    char dir[64], uri[128];
    struct told *told;
    uint32_t told_n;
    usher_claim claim[CLAIMS_MAX];
    uint32_t claims_n, works, closed;
    usher_figures row[ROWS];
    usher_agent_figures agent[ROWS];
    uint64_t n, cursor;
    int64_t *age; /* of one queue and priority, as tickets are listed */
    uint32_t ages_n, open_n;
    int32_t wanted; /* priority; 0: any */
    uint64_t seed;
};

/* ---- its life -------------------------------------------------------------------------------- */

static inline void copy(char to[8], const char *from)
{
    if (from != NULL)
        strncpy(to, from, 7);
}

static const char *const queue_names[QUEUES] = {"phones", "post", "tills"};
static const char *const agent_names[AGENTS] = {"ann", "bob", "cid"};

static inline int index_of(const usher_queue_t *q)
{
    int i = 0;

    while (q != NULL && strcmp(queue_names[i], usher_queue_name(q)) != 0)
        i++;
    return i;
}

static inline void on_event(usher_t *u, const usher_event *e, void *user)
{
    struct desk *d = user;
    struct told *t = &d->told[d->told_n++];

    (void)u;
    assert_true(d->told_n < TOLD_MAX);
    *t = (struct told){.at = e->at,
                       .took = e->took_ms,
                       .word = e->word_ms,
                       .held = e->held_ms,
                       .ticket = e->ticket,
                       .queue = index_of(e->queue),
                       .kind = e->kind,
                       .priority = e->priority,
                       .how = e->how,
                       .promise = e->promise,
                       .n = e->n,
                       .kept = e->kept,
                       .lapsed = e->lapsed};
    copy(t->who, e->who);
    copy(t->to, e->to);
}

static inline void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct desk *d = user;

    (void)a, (void)status;
    d->works++;
    for (size_t i = 0; i < n && d->claims_n < CLAIMS_MAX; i++)
        d->claim[d->claims_n++] = w[i].claim;
}

static inline void on_closed(void *user)
{
    ((struct desk *)user)->closed++;
}

static inline void open_desk(struct desk *d)
{
    usher_options o = USHER_INIT(usher_options);
    char err[200] = "";

    o.clock = usher_manual_clock_get(d->clock);
    o.err = err;
    o.err_len = sizeof err;
    if (usher_open(&d->u, NULL, d->uri, &o, NULL, NULL) != 0)
        fail_msg("%s", err);
    for (int i = 0; i < QUEUES; i++)
        assert_int_equal(usher_queue(d->u, &d->q[i], queue_names[i]), 0);
    for (int i = 0; i < AGENTS; i++)
        assert_int_equal(usher_agent(d->u, &d->a[i], agent_names[i], NULL, 0), 0);
    assert_int_equal(usher_subscribe(d->u, NULL, 0, on_event, d), 0);
}

static inline struct desk *begin(const char *uri)
{
    struct desk *d = calloc(1, sizeof *d);

    assert_non_null(d);
    d->told = calloc(TOLD_MAX, sizeof *d->told);
    d->age = calloc(LISTED_MAX, sizeof *d->age);
    assert_non_null(d->told);
    assert_non_null(d->age);
    strcpy(d->uri, uri);
    assert_int_equal(usher_manual_clock_new(&d->clock, T0), 0);
#ifdef USHER_SQLITE
    if (uri[0] == 's') {
        strcpy(d->dir, "/tmp/usher-figures-XXXXXX");
        assert_non_null(mkdtemp(d->dir));
        snprintf(d->uri, sizeof d->uri, "sqlite:%s/desk.db", d->dir);
    }
#endif
    open_desk(d);
    return d;
}

static inline void close_desk(struct desk *d)
{
    d->closed = 0;
    assert_int_equal(usher_close(d->u, on_closed, d), 0);
    while (d->closed == 0)
        assert_true(usher_turn(d->u) >= 0);
}

static inline void end(struct desk *d)
{
    close_desk(d);
    usher_manual_clock_free(d->clock);
#ifdef USHER_SQLITE
    if (d->dir[0] != '\0') {
        char command[128];

        snprintf(command, sizeof command, "rm -rf %s", d->dir);
        assert_int_equal(system(command), 0);
    }
#endif
    free(d->told);
    free(d->age);
    free(d);
}

static inline int64_t now(struct desk *d)
{
    return usher_now(d->u);
}

static inline void pass(struct desk *d, int64_t ms)
{
    assert_int_equal(usher_advance(d->u, now(d) + ms), 0);
}

static inline void define(struct desk *d, int q, const char *policy)
{
    char err[200] = "";

    if (usher_define(d->q[q], policy, err, sizeof err, NULL, NULL) != 0)
        fail_msg("%s", err);
    pass(d, 0);
}

static inline void request(struct desk *d, int q, const char *who, int32_t priority,
                           const char *key, const char *symptom, const char *need)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = who;
    r.priority = priority;
    r.dedup_key = key;
    r.symptom = symptom;
    r.needs = &need;
    r.needs_n = need != NULL;
    assert_int_equal(usher_enqueue(d->q[q], &r, NULL, NULL), 0);
    pass(d, 0);
}

static inline void enqueue(struct desk *d, int q, const char *who, int32_t priority)
{
    request(d, q, who, priority, NULL, NULL, NULL);
}

static inline void claim(struct desk *d, int a, int q)
{
    assert_int_equal(usher_claim_next(d->a[a], d->q[q], 0, on_work, d), 0);
    pass(d, 0);
}

static inline usher_command command(int verb, usher_claim c)
{
    usher_command k = USHER_INIT(usher_command);

    k.verb = verb;
    k.claim = c;
    return k;
}

static inline void act(struct desk *d, usher_command c)
{
    assert_int_equal(usher_act(d->u, &c, NULL, NULL), 0);
    pass(d, 0);
}

static inline void act_with(struct desk *d, int verb, usher_claim c, const char *text)
{
    usher_command k = command(verb, c);

    if (text != NULL)
        k.text = (usher_text){text, strlen(text)};
    act(d, k);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static inline void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct desk *d = user;

    (void)u;
    assert_int_equal(status, 0);
    for (uint64_t i = 0; i < p->n && p->tickets != NULL; i++) {
        const usher_standing *s = &p->tickets[i];

        if (d->wanted != 0 && s->priority != d->wanted)
            continue;
        d->open_n++;
        if (s->state == USHER_WAITING) {
            assert_true(d->ages_n < LISTED_MAX);
            d->age[d->ages_n++] = now(d) - s->start_at;
        }
    }
    for (uint64_t i = 0; i < p->n && p->figures != NULL; i++)
        d->row[d->n + i] = p->figures[i];
    for (uint64_t i = 0; i < p->n && p->agents != NULL; i++)
        d->agent[d->n + i] = p->agents[i];
    d->n += p->n;
    d->cursor = p->cursor;
}

static inline void read_pages(struct desk *d, usher_query q)
{
    d->n = d->cursor = 0;
    do {
        q.cursor = d->cursor;
        assert_int_equal(usher_read(d->u, &q, on_page, d), 0);
        pass(d, 0);
    } while (d->cursor != 0);
}

static inline void ask(struct desk *d, int what, usher_queue_t *queue, int64_t from_at,
                       int64_t to_at, uint32_t limit)
{
    usher_query q = USHER_INIT(usher_query);

    q.what = what;
    q.queue = queue;
    q.from_at = from_at;
    q.to_at = to_at;
    q.limit = limit;
    read_pages(d, q);
}

/* ---- a life, drawn --------------------------------------------------------------------------- */

static const char policy[] =
    "{\"promises\":{\"ack\":{\"target\":{\"normal\":\"2h\"}},\"answer\":{\"target\":{\"normal\":"
    "\"2h\"}},"
    "\"update\":{\"target\":{\"normal\":\"4h\"}},\"resolve\":{\"target\":\"3h\",\"pauses\":["
    "\"requester\",\"third_party\"]}},"
    "\"warn\":[50],\"ladder\":[{\"on\":\"ack\",\"at\":\"100%\",\"raise\":1},"
    "{\"on\":\"resolve\",\"at\":\"150%\",\"move\":\"post\",\"priority\":\"urgent\"}],"
    "\"lease\":{\"for\":\"3h\",\"max\":\"1d\"},\"retry\":{\"attempts\":2,\"backoff\":[\"10m\"]},"
    "\"pause\":{\"requester\":{\"max\":\"8h\",\"remind\":[\"2h\"],\"then\":\"resolve\"}},"
    "\"handoff\":{\"accept_within\":\"1h\",\"hops\":3},"
    "\"aftercare\":{\"check_in\":[\"3h\"],\"confirm_within\":\"1d\",\"reopen_within\":\"5d\"},"
    "\"recurrence\":{\"window\":\"3d\",\"cause_after\":3}}";

static inline uint64_t below_of(struct desk *d, uint64_t n)
{
    return draw(&d->seed) % n;
}

static const char *one_of(struct desk *d, const char *const *names, uint64_t n)
{
    return names[below_of(d, n)];
}

static inline void draw_request(struct desk *d)
{
    static const char *const people[] = {"eve", "eve", "fay"};
    static const char *const keys[] = {NULL, NULL, NULL, "door", "lamp"};
    static const char *const symptoms[] = {NULL, NULL, "dark", "cold", "loud"};
    static const char *const needs[] = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, "gold"};

    request(d, (int)below_of(d, QUEUES), one_of(d, people, 3), (int32_t)below_of(d, 5),
            one_of(d, keys, 5), one_of(d, symptoms, 5), one_of(d, needs, 8));
}

/* One of the latest claims, as like as not one that still stands. */
static inline void draw_deed(struct desk *d)
{
    static const int verbs[] = {
        USHER_ACKNOWLEDGE, USHER_ACKNOWLEDGE, USHER_UPDATE,   USHER_UPDATE,   USHER_EXTEND,
        USHER_RELEASE,     USHER_PAUSE,       USHER_PAUSE,    USHER_RESUME,   USHER_RESOLVE,
        USHER_RESOLVE,     USHER_FAIL,        USHER_HAND_OFF, USHER_HAND_OFF, USHER_ASK,
        USHER_REPLY,       USHER_CONFIRM,     USHER_CONFIRM,  USHER_REOPEN,   USHER_WITHDRAW,
        USHER_REVIVE,      USHER_RECALL,      USHER_DECLINE,  USHER_ESCALATE, USHER_REPRIORITISE,
        USHER_MOVE,        USHER_NOTE};
    usher_command c;

    if (d->claims_n == 0)
        return;
    c = command(verbs[below_of(d, sizeof verbs / sizeof verbs[0])],
                d->claim[below_of(d, d->claims_n)]);
    if (c.verb >= USHER_ASK)
        c.claim.token = 0;
    c.who = "eve";
    c.text = (usher_text)USHER_TEXT("so it is");
    if (c.verb == USHER_PAUSE)
        c.kind = (int32_t)(1 + below_of(d, 2));
    if (c.verb == USHER_RESOLVE || c.verb == USHER_REPRIORITISE)
        c.kind = (int32_t)(1 + below_of(d, 3));
    if (c.verb == USHER_MOVE || (c.verb == USHER_HAND_OFF && below_of(d, 2) == 0))
        c.queue = d->q[below_of(d, QUEUES)];
    else if (c.verb == USHER_HAND_OFF)
        c.agent = d->a[below_of(d, AGENTS)];
    act(d, c);
}

static inline void draw_claim(struct desk *d)
{
    if (d->claims_n == CLAIMS_MAX) {
        d->claims_n /= 2;
        memmove(d->claim, d->claim + d->claims_n, d->claims_n * sizeof d->claim[0]);
    }
    if (below_of(d, 4) > 0 || d->claims_n == 0) {
        claim(d, (int)below_of(d, AGENTS), (int)below_of(d, QUEUES));
        return;
    }
    assert_int_equal(
        usher_claim_ticket(d->a[below_of(d, AGENTS)],
                           d->claim[below_of(d, d->claims_n)].ticket + (usher_id)below_of(d, 3),
                           NULL, on_work, d),
        0);
    pass(d, 0);
}

static inline void draw_life(struct desk *d, uint64_t seed, uint32_t deeds, int64_t step)
{
    d->seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (uint32_t i = 0; i < deeds; i++) {
        uint64_t what = below_of(d, 8);

        if (what == 0)
            draw_request(d);
        else if (what == 1)
            draw_claim(d);
        else
            draw_deed(d);
        if (below_of(d, 3) == 0)
            pass(d, (int64_t)below_of(d, (uint64_t)(below_of(d, 10) == 0 ? 20 * step : step)));
    }
}

static inline void one_done(struct desk *d, int64_t wait)
{
    enqueue(d, 0, "eve", 0);
    pass(d, wait);
    d->claims_n = 0;
    claim(d, 0, 0);
    assert_int_equal(d->claims_n, 1);
    act_with(d, USHER_RESOLVE, d->claim[0], "done");
    usher_command c = command(USHER_CONFIRM, (usher_claim){d->claim[0].ticket, 0});
    c.who = "eve";
    act(d, c);
}

#endif
