/* Figures against a plain fold: everything that was told is kept in a list, and each figure is
 * counted from that list again, by what the header says of it. Counts and sums must be equal,
 * quantiles within 1 %. */
#include <inttypes.h>

#include <usher/usher.h>

#include "local/batch.h"
#include "local/inside.h"
#include "loop/service.h"
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

static void copy(char to[8], const char *from)
{
    if (from != NULL)
        strncpy(to, from, 7);
}

static const char *const queue_names[QUEUES] = {"phones", "post", "tills"};
static const char *const agent_names[AGENTS] = {"ann", "bob", "cid"};

static int index_of(const usher_queue_t *q)
{
    int i = 0;

    while (q != NULL && strcmp(queue_names[i], usher_queue_name(q)) != 0)
        i++;
    return i;
}

static void on_event(usher_t *u, const usher_event *e, void *user)
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

static void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct desk *d = user;

    (void)a, (void)status;
    d->works++;
    for (size_t i = 0; i < n && d->claims_n < CLAIMS_MAX; i++)
        d->claim[d->claims_n++] = w[i].claim;
}

static void on_closed(void *user)
{
    ((struct desk *)user)->closed++;
}

static void open_desk(struct desk *d)
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

static struct desk *begin(const char *uri)
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

static void close_desk(struct desk *d)
{
    d->closed = 0;
    assert_int_equal(usher_close(d->u, on_closed, d), 0);
    while (d->closed == 0)
        assert_true(usher_turn(d->u) >= 0);
}

static void end(struct desk *d)
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

static int64_t now(struct desk *d)
{
    return usher_now(d->u);
}

static void pass(struct desk *d, int64_t ms)
{
    assert_int_equal(usher_advance(d->u, now(d) + ms), 0);
}

static void define(struct desk *d, int q, const char *policy)
{
    char err[200] = "";

    if (usher_define(d->q[q], policy, err, sizeof err, NULL, NULL) != 0)
        fail_msg("%s", err);
    pass(d, 0);
}

static void request(struct desk *d, int q, const char *who, int32_t priority, const char *key,
                    const char *symptom, const char *need)
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

static void enqueue(struct desk *d, int q, const char *who, int32_t priority)
{
    request(d, q, who, priority, NULL, NULL, NULL);
}

static void claim(struct desk *d, int a, int q)
{
    assert_int_equal(usher_claim_next(d->a[a], d->q[q], 0, on_work, d), 0);
    pass(d, 0);
}

static usher_command command(int verb, usher_claim c)
{
    usher_command k = USHER_INIT(usher_command);

    k.verb = verb;
    k.claim = c;
    return k;
}

static void act(struct desk *d, usher_command c)
{
    assert_int_equal(usher_act(d->u, &c, NULL, NULL), 0);
    pass(d, 0);
}

static void act_with(struct desk *d, int verb, usher_claim c, const char *text)
{
    usher_command k = command(verb, c);

    if (text != NULL)
        k.text = (usher_text){text, strlen(text)};
    act(d, k);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
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

static void read_pages(struct desk *d, usher_query q)
{
    d->n = d->cursor = 0;
    do {
        q.cursor = d->cursor;
        assert_int_equal(usher_read(d->u, &q, on_page, d), 0);
        pass(d, 0);
    } while (d->cursor != 0);
}

static void ask(struct desk *d, int what, usher_queue_t *queue, int64_t from_at, int64_t to_at,
                uint32_t limit)
{
    usher_query q = USHER_INIT(usher_query);

    q.what = what;
    q.queue = queue;
    q.from_at = from_at;
    q.to_at = to_at;
    q.limit = limit;
    read_pages(d, q);
}

/* ---- the plain fold -------------------------------------------------------------------------- */

struct list {
    int64_t v[TOLD_MAX];
    uint32_t n;
};

static void put(struct list *l, int64_t v)
{
    if (v >= 0)
        l->v[l->n++] = v;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void assert_quantile(int64_t told, const int64_t *sorted, uint32_t n, unsigned percent)
{
    int64_t is = sorted[((uint64_t)n * percent + 99) / 100 - 1];

    if ((told > is ? told - is : is - told) * 100 > is)
        fail_msg("p%u is %" PRId64 ", told is %" PRId64, percent, is, told);
}

static void assert_spread(const usher_spread *s, int64_t *v, uint32_t n)
{
    int64_t sum = 0;

    qsort(v, n, sizeof *v, ascending);
    for (uint32_t i = 0; i < n; i++)
        sum += v[i];
    assert_int_equal(s->n, n);
    assert_int_equal(s->sum_ms, sum);
    if (n == 0) {
        assert_int_equal(s->p50_ms, -1);
        assert_int_equal(s->p90_ms, -1);
        assert_int_equal(s->p99_ms, -1);
        assert_int_equal(s->max_ms, -1);
        return;
    }
    assert_int_equal(s->max_ms, v[n - 1]);
    assert_quantile(s->p50_ms, v, n, 50);
    assert_quantile(s->p90_ms, v, n, 90);
    assert_quantile(s->p99_ms, v, n, 99);
}

static struct list waits, words, solves;

/* Of the events of [from, to): the sums of a queue and priority. */
static usher_figures fold(const struct desk *d, const usher_queue_t *queue, int32_t priority,
                          int64_t from, int64_t to)
{
    usher_figures f = {0};

    waits.n = words.n = solves.n = 0;
    for (uint32_t i = 0; i < d->told_n; i++) {
        const struct told *t = &d->told[i];

        if (t->ticket == 0 || t->queue != index_of(queue) ||
            (priority != 0 && t->priority != priority) || t->at < from || t->at >= to)
            continue;
        if (t->kind == USHER_EV_ENQUEUED)
            f.enqueued++;
        if (t->kind == USHER_EV_JOINED)
            f.joined++;
        if (t->kind == USHER_EV_RECURRED)
            f.recurred++;
        if (t->kind == USHER_EV_CLAIMED) {
            f.claims++;
            f.passed_over += t->n;
            f.accepted += t->how != 0;
            put(&waits, t->took);
        }
        if (t->kind == USHER_EV_RELEASED) {
            f.let_go += t->n;
            f.passed_over += t->n;
        }
        if (t->word >= 0)
            f.words++;
        put(&words, t->word);
        f.chases += t->kind == USHER_EV_ASKED;
        f.replies += t->kind == USHER_EV_REPLIED;
        f.handoffs += t->kind == USHER_EV_OFFERED;
        f.declined += t->kind == USHER_EV_DECLINED;
        f.expired += t->kind == USHER_EV_OFFER_EXPIRED;
        f.recalled += t->kind == USHER_EV_RECALLED;
        if (t->kind == USHER_EV_PAUSED) {
            f.pauses++;
            f.late_pauses += t->n;
        }
        f.failed += t->kind == USHER_EV_FAILED;
        f.leases_expired += t->kind == USHER_EV_LEASE_EXPIRED;
        f.stuck += t->kind == USHER_EV_STUCK;
        f.escalated += t->kind == USHER_EV_ESCALATED;
        f.no_agent += t->kind == USHER_EV_NO_AGENT;
        if (t->kind == USHER_EV_RESOLVED) {
            f.resolved++;
            f.workarounds += t->how == USHER_AS_WORKAROUND;
            f.no_reply += t->how == USHER_AS_NO_REPLY;
        }
        f.confirmed += t->kind == USHER_EV_CONFIRMED;
        f.reopened += t->kind == USHER_EV_REOPENED;
        f.withdrawn += t->kind == USHER_EV_WITHDRAWN;
        if (t->kind == USHER_EV_CLOSED) {
            f.closed++;
            put(&solves, t->took);
        }
        for (int p = 1; p <= 4; p++) {
            f.kept[p - 1] += t->kept >> p & 1;
            f.lapsed[p - 1] += t->lapsed >> p & 1;
            f.broken[p - 1] += t->kind == USHER_EV_BROKEN && t->promise == p;
        }
        f.held_ms += t->held > 0 ? t->held : 0;
    }
    return f;
}

/* Compares a row with the fold of the same days; and how it stands now, with the list of
 * tickets. */
static void assert_row(struct desk *d, const usher_figures *row, int64_t from, int64_t to)
{
    usher_figures f = fold(d, row->queue, row->priority, from, to);
    usher_query q = USHER_INIT(usher_query);
    const size_t begin = offsetof(usher_figures, enqueued), end = offsetof(usher_figures, wait);

    for (size_t at = begin; at < end; at += 8) {
        if (memcmp((const char *)row + at, (const char *)&f + at, 8) != 0)
            fail_msg("%s, priority %d, figure %zu: %" PRIu64 " was told, it is %" PRIu64,
                     usher_queue_name(row->queue), row->priority, (at - begin) / 8,
                     *(const uint64_t *)((const char *)row + at),
                     *(const uint64_t *)((const char *)&f + at));
    }
    assert_spread(&row->wait, waits.v, waits.n);
    assert_spread(&row->word, words.v, words.n);
    assert_spread(&row->solve, solves.v, solves.n);
    assert_int_equal(row->size, sizeof *row);
    q.what = USHER_READ_TICKETS;
    q.queue = row->queue;
    q.states = (1u << USHER_CLOSED) - 2;
    q.limit = 1000;
    d->wanted = row->priority;
    d->ages_n = d->open_n = 0;
    read_pages(d, q);
    assert_int_equal(row->open, d->open_n);
    assert_int_equal(row->waiting, d->ages_n);
    if (d->ages_n <= 4096)
        assert_spread(&row->age, d->age, d->ages_n);
}

/* All rows of the days from..to (0, 0: ever), asked with few and with many to a page. */
static void assert_figures(struct desk *d, int64_t from_at, int64_t to_at)
{
    static usher_figures rows[ROWS];
    int64_t from = from_at / DAY * DAY, to = to_at == 0 ? now(d) + 1 : (to_at / DAY + 1) * DAY;
    int64_t oldest = now(d) / DAY * DAY - (USHER_FIGURE_DAYS - 1) * DAY;
    uint64_t n;
    int of_queue[QUEUES] = {0};

    if (from_at == 0 && to_at == 0)
        from = 0;
    else if (from < oldest)
        from = oldest;
    ask(d, USHER_READ_FIGURES, NULL, from_at, to_at, 0);
    n = d->n;
    memcpy(rows, d->row, sizeof rows);
    for (uint64_t i = 0; i < n; i++) {
        int q = 0;

        while (d->q[q] != rows[i].queue)
            q++;
        assert_int_equal(rows[i].priority == 0, of_queue[q] == 0);
        of_queue[q]++;
        assert_int_equal(rows[i].from_at, from);
        assert_int_equal(rows[i].to_at, to > now(d) ? now(d) : to);
        assert_row(d, &rows[i], from, to);
    }
    for (int q = 0; q < QUEUES; q++)
        assert_true(of_queue[q] > 0);
    ask(d, USHER_READ_FIGURES, NULL, from_at, to_at, 1);
    assert_int_equal(d->n, n);
    assert_memory_equal(rows, d->row, n * sizeof rows[0]);
    ask(d, USHER_READ_FIGURES, d->q[1], from_at, to_at, 2);
    for (uint64_t i = 0, k = 0; i < n; i++) {
        if (rows[i].queue == d->q[1])
            assert_memory_equal(&rows[i], &d->row[k++], sizeof rows[i]);
        if (i == n - 1)
            assert_int_equal(d->n, k);
    }
}

static bool is_by(const struct told *t, const char *agent)
{
    static const int32_t kinds[] = {USHER_EV_CLAIMED,  USHER_EV_RELEASED, USHER_EV_PAUSED,
                                    USHER_EV_RESOLVED, USHER_EV_FAILED,   USHER_EV_LEASE_EXPIRED,
                                    USHER_EV_OFFERED};

    if (t->kind == USHER_EV_WITHDRAWN)
        return strcmp(t->to, agent) == 0;
    if (t->kind == USHER_EV_DECLINED)
        return t->how == USHER_TO_AGENT && strcmp(t->to, agent) == 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (t->kind == kinds[i] && strcmp(t->who, agent) == 0)
            return true;
    }
    return false;
}

static void assert_agents(struct desk *d)
{
    ask(d, USHER_READ_AGENTS, NULL, 0, 0, 2);
    assert_int_equal(d->n, AGENTS);
    for (int k = 0; k < AGENTS; k++) {
        const usher_agent_figures *a = &d->agent[k];
        usher_agent_figures f = {.size = sizeof f, .agent = d->a[k], .present = a->present};

        f.holds = a->holds;
        for (uint32_t i = 0; i < d->told_n; i++) {
            const struct told *t = &d->told[i];

            if (!is_by(t, agent_names[k]))
                continue;
            f.claims += t->kind == USHER_EV_CLAIMED;
            f.out_of_turn += t->kind == USHER_EV_CLAIMED && t->n > 0;
            if (t->kind == USHER_EV_CLAIMED || t->kind == USHER_EV_RELEASED)
                f.passed_over += t->n;
            f.let_go += t->kind == USHER_EV_RELEASED && t->n > 0;
            f.resolved += t->kind == USHER_EV_RESOLVED;
            f.failed += t->kind == USHER_EV_FAILED;
            f.leases_expired += t->kind == USHER_EV_LEASE_EXPIRED;
            f.handoffs += t->kind == USHER_EV_OFFERED;
            f.accepted += t->kind == USHER_EV_CLAIMED && t->how != 0;
            f.declined += t->kind == USHER_EV_DECLINED;
            f.held_ms += t->held > 0 ? t->held : 0;
        }
        assert_memory_equal(a, &f, sizeof f);
    }
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

static uint64_t below_of(struct desk *d, uint64_t n)
{
    return draw(&d->seed) % n;
}

static const char *one_of(struct desk *d, const char *const *names, uint64_t n)
{
    return names[below_of(d, n)];
}

static void draw_request(struct desk *d)
{
    static const char *const people[] = {"eve", "eve", "fay"};
    static const char *const keys[] = {NULL, NULL, NULL, "door", "lamp"};
    static const char *const symptoms[] = {NULL, NULL, "dark", "cold", "loud"};
    static const char *const needs[] = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, "gold"};

    request(d, (int)below_of(d, QUEUES), one_of(d, people, 3), (int32_t)below_of(d, 5),
            one_of(d, keys, 5), one_of(d, symptoms, 5), one_of(d, needs, 8));
}

/* One of the latest claims, as like as not one that still stands. */
static void draw_deed(struct desk *d)
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

static void draw_claim(struct desk *d)
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

static void draw_life(struct desk *d, uint64_t seed, uint32_t deeds, int64_t step)
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

/* What is hardly ever drawn: a pause that begins just before a promise would be broken. */
static void pause_late(struct desk *d)
{
    usher_command c;

    enqueue(d, 0, "gus", USHER_URGENT);
    pass(d, 2 * HOUR);
    claim(d, 0, 0);
    pass(d, 50 * MINUTE);
    c = command(USHER_PAUSE, d->claim[0]);
    c.kind = USHER_ON_THIRD_PARTY;
    act(d, c);
}

static void test_figures__are_what_a_plain_fold_gives(void **state)
{
    uint64_t seen[offsetof(usher_figures, wait) / 8] = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct desk *d = begin("memory:");

        for (int q = 0; q < QUEUES; q++)
            define(d, q, policy);
        pause_late(d);
        draw_life(d, seed, 2500, seed % 2 == 0 ? HOUR : 4 * MINUTE);
        assert_figures(d, 0, 0);
        for (uint64_t i = 0; i < d->n; i++) {
            for (size_t at = offsetof(usher_figures, enqueued) / 8; at < sizeof seen / 8; at++)
                seen[at] += ((const uint64_t *)(const void *)&d->row[i])[at];
        }
        assert_figures(d, now(d), 0);
        assert_figures(d, now(d) - 3 * DAY, now(d) - DAY);
        assert_figures(d, T0, now(d));
        assert_figures(d, 1, 0);
        assert_agents(d);
        end(d);
    }
    for (size_t at = offsetof(usher_figures, enqueued) / 8; at < sizeof seen / 8; at++) {
        if (seen[at] == 0)
            fail_msg("figure %zu was never counted", at - offsetof(usher_figures, enqueued) / 8);
    }
}

/* ---- days ------------------------------------------------------------------------------------ */

static void one_done(struct desk *d, int64_t wait)
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

static void test_figures__are_kept_apart_by_day_and_then_since_ever(void **state)
{
    struct desk *d = begin("memory:");
    int64_t first = now(d);

    (void)state;
    for (int day = 0; day < 3 * USHER_FIGURE_DAYS; day++) {
        for (int i = 0; i <= day % 3; i++)
            one_done(d, MINUTE);
        pass(d, DAY - now(d) % DAY + 12 * HOUR);
        assert_figures(d, 0, 0);
        assert_figures(d, now(d) - DAY, now(d) - DAY);
        assert_figures(d, now(d) - (USHER_FIGURE_DAYS - 1) * DAY, 0);
        assert_figures(d, first, 0); /* clipped to the days that are kept */
        assert_figures(d, now(d) - (USHER_FIGURE_DAYS - 1) * DAY,
                       now(d) - (USHER_FIGURE_DAYS - 1) * DAY);
    }
    pass(d, 400 * DAY); /* all of it goes into the one that is since ever */
    one_done(d, HOUR);
    assert_figures(d, 0, 0);
    assert_figures(d, 1, 0);
    end(d);
}

/* What lies before the days that are kept, or after now, is no day at all. */
static void test_figures__of_no_day_are_zero(void **state)
{
    struct desk *d = begin("memory:");

    (void)state;
    one_done(d, MINUTE);
    pass(d, 50 * DAY);
    ask(d, USHER_READ_FIGURES, d->q[0], 0, T0 + DAY, 0);
    assert_int_equal(d->row[0].enqueued, 0);
    assert_int_equal(d->row[0].wait.n, 0);
    assert_int_equal(d->row[0].from_at, d->row[0].to_at);
    ask(d, USHER_READ_FIGURES, d->q[0], now(d) + 5 * DAY, 0, 0);
    assert_int_equal(d->row[0].enqueued, 0);
    end(d);
}

/* ---- those waiting now ----------------------------------------------------------------------- */

static void test_figures__take_the_age_of_every_kth_in_a_long_line(void **state)
{
    enum { N = 10000 };
    struct desk *d = begin("memory:");
    int64_t *age = d->age;
    uint32_t n = 0;

    (void)state;
    for (int i = 0; i < N; i++) {
        enqueue(d, 2, "eve", i % 4 == 0 ? USHER_HIGH : USHER_NORMAL);
        pass(d, SECOND);
    }
    pass(d, HOUR);
    ask(d, USHER_READ_FIGURES, d->q[2], 0, 0, 0);
    assert_int_equal(d->n, 3);
    assert_int_equal(d->row[0].waiting, N);
    for (int k = 0; k < N; k += 3) { /* high before normal, the oldest first */
        int i = k < N / 4 ? 4 * k : k - N / 4 + (k - N / 4) / 3 + 1;

        age[n++] = HOUR + (N - i) * SECOND;
    }
    assert_spread(&d->row[0].age, age, n);
    assert_int_equal(d->row[1].priority, USHER_NORMAL);
    assert_int_equal(d->row[1].waiting, N / 4 * 3);
    n = 0;
    for (int k = 0; k < N / 4 * 3; k += 2)
        age[n++] = HOUR + (N - (k + k / 3 + 1)) * SECOND;
    assert_spread(&d->row[1].age, age, n);
    n = 0; /* 2500: all of them */
    for (int i = 0; i < N; i += 4)
        age[n++] = HOUR + (N - i) * SECOND;
    assert_spread(&d->row[2].age, age, n);
    end(d);
}

/* One that is kept for its last holder waits too; one that is offered there does not. */
static void test_figures__see_who_is_kept_and_who_is_only_offered(void **state)
{
    struct desk *d = begin("memory:");
    usher_command c;

    (void)state;
    enqueue(d, 0, "eve", 0);
    enqueue(d, 0, "fay", USHER_HIGH);
    claim(d, 0, 0);
    claim(d, 0, 0);
    pass(d, MINUTE);
    c = command(USHER_PAUSE, d->claim[0]);
    c.kind = USHER_ON_THIRD_PARTY;
    act(d, c);
    act(d, command(USHER_RESUME, d->claim[0])); /* fay's: kept for ann */
    c = command(USHER_HAND_OFF, d->claim[1]);
    c.queue = d->q[1];
    act(d, c);
    assert_figures(d, 0, 0);
    ask(d, USHER_READ_FIGURES, d->q[0], 0, 0, 0);
    assert_int_equal(d->row[0].waiting, 1);
    assert_int_equal(d->row[0].age.n, 1);
    assert_int_equal(d->row[0].open, 2);
    ask(d, USHER_READ_FIGURES, d->q[1], 0, 0, 0);
    assert_int_equal(d->row[0].waiting, 0);
    assert_int_equal(d->row[0].age.n, 0);
    end(d);
}

/* ---- the standing ---------------------------------------------------------------------------- */

static usher_standing standing(struct desk *d, usher_id id)
{
    usher_standing s = USHER_INIT(usher_standing);

    assert_int_equal(usher_peek(d->u, id, &s), 0);
    return s;
}

/* What the standing says of a band, against the last claims told. */
static void assert_waits(struct desk *d, usher_id id, int q, int32_t priority)
{
    usher_standing s = standing(d, id);
    int64_t v[USHER_WAITS_MAX];
    uint32_t n = 0, seen = 0;

    for (uint32_t i = d->told_n; i-- > 0 && seen < USHER_WAITS_MAX;) {
        const struct told *t = &d->told[i];

        if (t->kind != USHER_EV_CLAIMED || t->took < 0 || t->queue != q || t->priority != priority)
            continue;
        seen++;
        if (t->at > now(d) - 30 * DAY)
            v[n++] = t->took;
    }
    qsort(v, n, sizeof v[0], ascending);
    assert_int_equal(s.waits, n);
    assert_int_equal(s.wait_p50_ms, n < USHER_WAITS_MIN ? -1 : v[(n + 1) / 2 - 1]);
    assert_int_equal(s.wait_p90_ms, n < USHER_WAITS_MIN ? -1 : v[(n * 9 + 9) / 10 - 1]);
}

static void test_figures__say_how_long_those_waited_who_were_claimed_last(void **state)
{
    struct desk *d = begin("memory:");
    usher_id waits_here;

    (void)state;
    d->seed = 77;
    enqueue(d, 0, "zoe", USHER_HIGH);
    waits_here = 1;
    enqueue(d, 1, "zoe", 0);
    for (int i = 0; i < 300; i++) {
        enqueue(d, 0, "eve", USHER_URGENT);
        pass(d, (int64_t)below_of(d, HOUR));
        d->claims_n = 0;
        claim(d, 0, 0);
        act_with(d, USHER_RESOLVE, d->claim[0], "done");
        if (i == 40) { /* the one that has waited is claimed for the first time, and comes back */
            assert_int_equal(usher_claim_ticket(d->a[1], waits_here, NULL, on_work, d), 0);
            pass(d, 0);
            act(d, command(USHER_RELEASE, d->claim[1]));
        }
        usher_command c = command(USHER_REPRIORITISE, (usher_claim){waits_here, 0});
        c.kind = i % 7 == 0 ? USHER_HIGH : USHER_URGENT;
        act(d, c);
        assert_waits(d, waits_here, 0, c.kind);
        assert_waits(d, 2, 1, USHER_NORMAL);
        c.kind = USHER_HIGH;
        act(d, c);
    }
    for (int i = 0; i < 40; i++) { /* they age out, one by one */
        pass(d, DAY);
        usher_command c = command(USHER_REPRIORITISE, (usher_claim){waits_here, 0});
        c.kind = USHER_URGENT;
        act(d, c);
        assert_waits(d, waits_here, 0, USHER_URGENT);
        c.kind = USHER_HIGH;
        act(d, c);
    }
    end(d);
}

/* ---- rows, and what somebody made of them ---------------------------------------------------- */

static struct engine *new_engine(void)
{
    struct engine_options o = {
        .memory = usher__memory_libc, .op_window_n = 1, .history_bytes = 1 << 18};
    struct engine *e;
    usher_queue_t *q;
    usher_agent_t *a;

    assert_int_equal(usher__engine_new(&e, &o), 0);
    usher__engine_clock(e, T0, 0);
    for (int i = 0; i < QUEUES; i++)
        assert_int_equal(usher__engine_queue(e, queue_names[i], &q), 0);
    for (int i = 0; i < AGENTS; i++)
        assert_int_equal(usher__engine_agent(e, agent_names[i], NULL, 0, &a), 0);
    return e;
}

static int take_into(struct engine *e, struct row row)
{
    const char *wrong = NULL;
    int err = usher__figures_take(e, &row, &wrong);

    assert_true(err == 0 || (err == USHER_ECORRUPT && wrong != NULL));
    return err;
}

static int take_alone(struct row row)
{
    struct engine *e = new_engine();
    int err = take_into(e, row);

    usher__engine_free(e);
    return err;
}

/* Rows that speak of what there is not. */
static void refuse_strangers(void)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
    } rows[] = {{"c1.1.0", "c\1\1\1\0\0\0\0", 8}, /* good */
                {"c0.1.0", "c\0\1\1\0\0\0\0", 8}, /* queue 0, */
                {"c4.1.0", "c\4\1\1\0\0\0\0", 8}, /* 4, */
                {"c1.0.0", "c\1\0\1\0\0\0\0", 8}, /* priority 0, */
                {"c1.5.0", "c\1\5\1\0\0\0\0", 8}, /* 5, */
                {"a0.0.0", "a\0\0\1\0", 5},       /* agent 0, */
                {"a4.0.0", "a\4\0\1\0", 5},       /* 4, */
                {"a1.1.0", "a\1\1\1\0", 5},       /* one's priority, */
                {"a1.0.1", "a\1\0\2\0", 5},       /* or day; */
                {"w1.1.1", "w\1\1\2\1\1\1", 7},   /* waits of a day, */
                {"w1.1.0", "w\1\1\1\0", 5},       /* or none; */
                {"x1.1.0", "x\1\1\1\0", 5}};      /* a kind that is not known */

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct row row = {.table = ROW_FIGURE,
                          .name = rows[i].name,
                          .name_len = (uint16_t)strlen(rows[i].name),
                          .bytes = rows[i].bytes,
                          .len = (uint32_t)rows[i].len};

        assert_int_equal(take_alone(row), i == 0 ? 0 : USHER_ECORRUPT);
    }
}

static void test_figures__rows_come_back_and_wrong_ones_are_refused(void **state)
{
    struct desk *d = begin("memory:");
    struct engine *e = new_engine();
    struct batch rows, again;
    struct row row, other;
    size_t at = 0, next;
    uint64_t seed = 9;

    (void)state;
    refuse_strangers();
    for (int day = 0; day < USHER_FIGURE_DAYS + 3; day++) { /* as many as are kept */
        one_done(d, MINUTE);
        pass(d, DAY);
    }
    define(d, 0, policy);
    draw_life(d, 4, 400, 2 * HOUR);
    usher__batch_init(&rows, &usher__memory_libc);
    usher__batch_init(&again, &usher__memory_libc);
    assert_int_equal(usher__figures_put(d->u->engine, &rows), 0);
    assert_true(rows.rows > 10);
    while (usher__batch_next(&rows, &at, &row))
        assert_int_equal(take_into(e, row), 0);
    assert_int_equal(usher__figures_put(e, &again), 0);
    assert_int_equal(again.rows, rows.rows);
    for (at = 0, next = 0; usher__batch_next(&rows, &at, &row);) {
        assert_true(usher__batch_next(&again, &next, &other));
        assert_int_equal(row.name_len, other.name_len);
        assert_memory_equal(row.name, other.name, row.name_len);
        assert_int_equal(row.len, other.len);
        assert_memory_equal(row.bytes, other.bytes, row.len);
    }
    for (at = 0; usher__batch_next(&rows, &at, &row);) {
        char bytes[16384], name[64];

        other = row;
        assert_int_equal(take_into(e, row), USHER_ECORRUPT); /* there is such a one */
        assert_true(row.len < sizeof bytes && row.name_len < sizeof name);
        memcpy(bytes, row.bytes, row.len);
        memcpy(name, row.name, row.name_len);
        other.bytes = bytes;
        other.name = name;
        for (uint32_t cut = 0; cut < row.len; cut++) {
            other.len = cut;
            if (cut < 40 || cut % 7 == 0)
                assert_int_equal(take_alone(other), USHER_ECORRUPT);
        }
        other.len = row.len + 1;
        bytes[row.len] = 0;
        assert_int_equal(take_alone(other), USHER_ECORRUPT);
        other.len = row.len;
        for (uint16_t i = 0; i < row.name_len; i++) {
            name[i] ^= 1;
            assert_int_equal(take_alone(other), USHER_ECORRUPT);
            name[i] ^= 1;
        }
        other.name_len = (uint16_t)(row.name_len - 1);
        assert_int_equal(take_alone(other), USHER_ECORRUPT);
        other.name_len = row.name_len;
        for (int i = 0; i < 60; i++) {
            uint64_t where = draw(&seed) % row.len;
            char was = bytes[where];

            bytes[where] = (char)draw(&seed);
            (void)take_alone(other); /* whatever it says: no more than that */
            bytes[where] = was;
        }
    }
    usher__batch_free(&rows);
    usher__batch_free(&again);
    usher__engine_free(e);
    end(d);
}

/* ---- a store --------------------------------------------------------------------------------- */

#ifdef USHER_SQLITE
/* Cut or not: an agent's deed, and one to whom it was offered. */
static void decline(struct desk *d)
{
    usher_command c;

    enqueue(d, 1, "hal", USHER_URGENT);
    d->claims_n = 0;
    claim(d, 0, 1);
    c = command(USHER_HAND_OFF, d->claim[0]);
    c.agent = d->a[1];
    act(d, c);
    act_with(d, USHER_DECLINE, (usher_claim){d->claim[0].ticket, 0}, "not mine");
}

struct seen {
    usher_figures rows[ROWS];
    usher_agent_figures agents[AGENTS];
    usher_queue_t *queues[QUEUES];
    uint64_t n;
};

static void see(struct desk *d, int64_t from_at, struct seen *s)
{
    ask(d, USHER_READ_FIGURES, NULL, from_at, 0, 0);
    s->n = d->n;
    memcpy(s->rows, d->row, sizeof s->rows);
    ask(d, USHER_READ_AGENTS, NULL, 0, 0, 0);
    assert_int_equal(d->n, AGENTS);
    memcpy(s->agents, d->agent, sizeof s->agents);
    memcpy(s->queues, d->q, sizeof s->queues);
}

/* The same, but for the handles. */
static void assert_seen(struct seen *a, const struct seen *b)
{
    assert_int_equal(a->n, b->n);
    for (uint64_t i = 0; i < a->n; i++) {
        int q = 0;

        while (a->rows[i].queue != a->queues[q])
            q++;
        a->rows[i].queue = b->queues[q];
        assert_memory_equal(&a->rows[i], &b->rows[i], sizeof a->rows[i]);
    }
    for (int i = 0; i < AGENTS; i++) {
        a->agents[i].agent = b->agents[i].agent;
        assert_memory_equal(&a->agents[i], &b->agents[i], sizeof a->agents[i]);
    }
}

static void on_backup(usher_t *u, const usher_done *done, void *user)
{
    (void)u;
    assert_int_equal(done->status, 0);
    ((struct desk *)user)->works++;
}

/* What a crash leaves: rows of the figures that are older than the latest events. */
static void leave_a_copy(struct desk *d, int round)
{
    char copy[sizeof d->uri - sizeof "sqlite:" + 1];
    uint32_t works = d->works;

    snprintf(copy, sizeof copy, "%s/copy-%d.db", d->dir, round);
    assert_int_equal(usher_backup(d->u, copy, on_backup, d), 0);
    pass(d, 0);
    assert_int_equal(d->works, works + 1);
    close_desk(d);
    snprintf(d->uri, sizeof d->uri, "sqlite:%s", copy);
}

static void test_figures__come_back_from_a_store(void **state)
{
    struct desk *d = begin("sqlite:");
    struct seen before, after;

    (void)state;
    for (int q = 0; q < QUEUES; q++)
        define(d, q, policy);
    for (int round = 1; round <= 6; round++) {
        int64_t from_at;

        draw_life(d, (uint64_t)round, 150, 2 * HOUR);
        if (round == 3)
            pass(d, 40 * DAY); /* days are put together: their rows go */
        decline(d);
        assert_agents(d);
        from_at = round % 2 == 0 ? now(d) - DAY : 0;
        see(d, from_at, &before);
        if (round % 2 == 0)
            leave_a_copy(d, round);
        else
            close_desk(d);
        open_desk(d);
        see(d, from_at, &after);
        assert_seen(&before, &after);
    }
    assert_figures(d, 0, 0);
    end(d);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures__are_what_a_plain_fold_gives),
        cmocka_unit_test(test_figures__are_kept_apart_by_day_and_then_since_ever),
        cmocka_unit_test(test_figures__of_no_day_are_zero),
        cmocka_unit_test(test_figures__take_the_age_of_every_kth_in_a_long_line),
        cmocka_unit_test(test_figures__see_who_is_kept_and_who_is_only_offered),
        cmocka_unit_test(test_figures__say_how_long_those_waited_who_were_claimed_last),
        cmocka_unit_test(test_figures__rows_come_back_and_wrong_ones_are_refused),
#ifdef USHER_SQLITE
        cmocka_unit_test(test_figures__come_back_from_a_store),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
