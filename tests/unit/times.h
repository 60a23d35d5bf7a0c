/* For the tests of time: a service in memory or in a file, on a manual clock that stands where a
 * date says; everything it tells is written down. */
#ifndef USHER_UNIT_TIMES_H
#define USHER_UNIT_TIMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

const char *usher__service_check(usher_t *u);

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum {
    ACK = USHER_PROMISE_ACK,
    ANSWER = USHER_PROMISE_ANSWER,
    UPDATE = USHER_PROMISE_UPDATE,
    RESOLVE = USHER_PROMISE_RESOLVE
};

enum { TOLD_MAX = 512, ROWS_MAX = 512, JSON_MAX = 4096 };

/* An event of a ticket; those of the service are left out. */
struct told {
    usher_event e; /* no pointer of it is good after the callback: here they are again */
    char rule[32], text[128], notify[64], to[16], queue[16];
};

struct desk {
    char uri[160], dir[100]; /* dir "": in memory */
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_queue_t *q; /* "desk" */
    usher_agent_t *ann;
    struct told told[TOLD_MAX];
    uint32_t told_n;
    usher_done done; /* the last one */
    char detail[128];
    usher_claim claim; /* the last one */
    uint32_t answers;  /* callbacks of commands, claims and reads */
    int closed;
    int page_status;
    usher_span spans[ROWS_MAX];
    usher_change changes[ROWS_MAX];
    uint64_t rows_n;
};

/* ---- dates ---------------------------------------------------------------------------------- */

/* Days since 1970 of a date of the Gregorian calendar, by counting. */
static inline int64_t day_of(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int leaps = year / 4 - year / 100 + year / 400; /* up to this year's */
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    leaps -= leap && month <= 2;
    return INT64_C(365) * (year - 1970) + (leaps - 477) + before[month - 1] + day - 1;
}

/* "2026-03-28 22:00 +01:00", with seconds "22:00:00", with ms "22:00:00.001". */
static inline int64_t when(const char *text)
{
    int y, mo, d, h, mi, s = 0, ms = 0, oh, om, n = 0;
    char sign;

    if (sscanf(text, "%d-%d-%d %d:%d%n", &y, &mo, &d, &h, &mi, &n) != 5)
        fail_msg("not an instant: %s", text);
    text += n;
    if (sscanf(text, ":%d%n", &s, &n) == 1)
        text += n;
    if (sscanf(text, ".%3d%n", &ms, &n) == 1)
        text += n;
    if (sscanf(text, " %c%2d:%2d", &sign, &oh, &om) != 3)
        fail_msg("not an offset: %s", text);
    return day_of(y, mo, d) * DAY + h * HOUR + mi * MINUTE + s * SECOND + ms -
           (sign == '-' ? -1 : 1) * (oh * HOUR + om * MINUTE);
}

#define assert_instant(at, text) assert_int_equal(at, when(text))

/* ---- what it tells -------------------------------------------------------------------------- */

static inline void on_event(usher_t *u, const usher_event *e, void *user)
{
    struct desk *d = user;
    struct told *t = &d->told[d->told_n];
    size_t n = 0;

    if (d->dir[0] != '\0')
        assert_int_equal(usher_event_done(u, "times", e->seq), USHER_OK);
    if (e->ticket == 0)
        return;
    assert_true(d->told_n < TOLD_MAX);
    t->e = *e;
    snprintf(t->rule, sizeof t->rule, "%s", e->rule == NULL ? "" : e->rule);
    snprintf(t->text, sizeof t->text, "%s", e->text.len == 0 ? "" : e->text.data);
    snprintf(t->to, sizeof t->to, "%s", e->to == NULL ? "" : e->to);
    snprintf(t->queue, sizeof t->queue, "%s", e->queue == NULL ? "" : usher_queue_name(e->queue));
    assert_true(e->notify.len < sizeof t->notify);
    for (; n < e->notify.len; n++) /* "lead manager " */
        t->notify[n] = e->notify.data[n] == '\0' ? ' ' : e->notify.data[n];
    t->notify[n] = '\0';
    d->told_n++;
}

static inline void on_done(usher_t *u, const usher_done *done, void *user)
{
    struct desk *d = user;

    (void)u;
    d->done = *done;
    d->answers++;
    snprintf(d->detail, sizeof d->detail, "%s", done->detail.len == 0 ? "" : done->detail.data);
}

static inline void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct desk *d = user;

    (void)a;
    assert_int_equal(status, USHER_OK);
    assert_int_equal(n, 1);
    d->claim = w[0].claim;
    d->answers++;
}

static inline void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct desk *d = user;

    (void)u;
    d->answers++;
    d->page_status = status;
    assert_true(p->n <= ROWS_MAX);
    assert_int_equal(p->cursor, 0);
    d->rows_n = p->n;
    for (uint64_t i = 0; i < p->n && p->spans != NULL; i++)
        d->spans[i] = p->spans[i];
    for (uint64_t i = 0; i < p->n && p->changes != NULL; i++)
        d->changes[i] = p->changes[i];
}

static inline void on_closed(void *user)
{
    ((struct desk *)user)->closed = 1;
}

/* ---- its life ------------------------------------------------------------------------------- */

/* Runs what is outstanding, and checks the service from inside. */
static inline void run(struct desk *d)
{
    const usher_clock *c = usher_manual_clock_get(d->clock);
    const char *wrong;

    assert_int_equal(usher_advance(d->u, c->wall_ms(c->ctx)), USHER_OK);
    wrong = usher__service_check(d->u);
    if (wrong != NULL)
        fail_msg("the service's own check: %s", wrong);
}

static inline const char *json_of(const char *text, char json[JSON_MAX])
{
    size_t len = strlen(text);

    assert_true(len < JSON_MAX);
    for (size_t i = 0; i <= len; i++)
        json[i] = text[i] == '\'' ? '"' : text[i];
    return json;
}

/* JSON with ' for ". */
static inline void define(struct desk *d, const char *policy)
{
    char json[JSON_MAX], err[300];

    if (usher_define(d->q, json_of(policy, json), err, sizeof err, NULL, NULL) != USHER_OK)
        fail_msg("%s", err);
    run(d);
}

static inline void open_desk(struct desk *d)
{
    usher_options o = USHER_INIT(usher_options);
    char err[200] = "";

    o.clock = usher_manual_clock_get(d->clock);
    o.err = err;
    o.err_len = sizeof err;
    if (usher_open(&d->u, NULL, d->uri, &o, NULL, NULL) != USHER_OK)
        fail_msg("%s", err);
    assert_int_equal(usher_queue(d->u, &d->q, "desk"), USHER_OK);
    assert_int_equal(usher_agent(d->u, &d->ann, "ann", NULL, 0), USHER_OK);
    /* By name in a file: what fires while it is opened is told too. */
    assert_int_equal(usher_subscribe(d->u, d->dir[0] != '\0' ? "times" : NULL, 0, on_event, d),
                     USHER_OK);
}

static inline void close_desk(struct desk *d)
{
    d->closed = 0;
    assert_int_equal(usher_close(d->u, on_closed, d), USHER_OK);
    while (!d->closed)
        assert_true(usher_turn(d->u) >= 0);
    d->u = NULL;
}

static inline struct desk *begin_in(const char *store, const char *policy, const char *at)
{
    struct desk *d = calloc(1, sizeof *d);
    const char *tmp = getenv("TMPDIR");

    assert_non_null(d);
    snprintf(d->uri, sizeof d->uri, "%s", store);
    if (strcmp(store, "sqlite:") == 0) {
        snprintf(d->dir, sizeof d->dir, "%s/usher-time-XXXXXX", tmp != NULL ? tmp : "/tmp");
        assert_non_null(mkdtemp(d->dir));
        snprintf(d->uri, sizeof d->uri, "sqlite:%s/desk.db", d->dir);
    }
    assert_int_equal(usher_manual_clock_new(&d->clock, when(at)), USHER_OK);
    open_desk(d);
    define(d, policy);
    return d;
}

static inline struct desk *begin(const char *policy, const char *at)
{
    return begin_in("memory:", policy, at);
}

static inline void end(struct desk *d)
{
    char command[200];

    run(d);
    close_desk(d);
    usher_manual_clock_free(d->clock);
    snprintf(command, sizeof command, "rm -rf '%s'", d->dir);
    if (d->dir[0] != '\0')
        assert_int_equal(system(command), 0);
    free(d);
}

/* To that instant, with a stop at everything that is due on the way. */
static inline void to_at(struct desk *d, int64_t at)
{
    assert_int_equal(usher_advance(d->u, at), USHER_OK);
    run(d);
}

static inline void to(struct desk *d, const char *at)
{
    to_at(d, when(at));
}

/* The machine sleeps until then. */
static inline void sleep_until(struct desk *d, const char *at)
{
    assert_int_equal(usher_manual_clock_skip(d->clock, when(at)), USHER_OK);
    if (d->u != NULL)
        run(d);
}

/* Somebody sets the wall clock. */
static inline void set_clock(struct desk *d, int64_t by)
{
    assert_int_equal(usher_manual_clock_step(d->clock, by), USHER_OK);
    run(d);
}

/* ---- calls ---------------------------------------------------------------------------------- */

static inline usher_id enqueue(struct desk *d, int32_t priority)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = "ada";
    r.priority = priority;
    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_OK);
    run(d);
    assert_int_equal(d->done.status, USHER_OK);
    return d->done.ticket;
}

static inline usher_claim claim(struct desk *d, usher_id id)
{
    uint32_t before = d->answers;

    assert_int_equal(usher_claim_ticket(d->ann, id, NULL, on_work, d), USHER_OK);
    run(d);
    assert_int_equal(d->answers, before + 1);
    return d->claim;
}

static inline int act(struct desk *d, usher_command c)
{
    static const usher_text word = USHER_TEXT("word");

    c.size = sizeof c;
    c.text = word;
    assert_int_equal(usher_act(d->u, &c, on_done, d), USHER_OK);
    run(d);
    return d->done.status;
}

static inline void by_agent(struct desk *d, usher_claim c, int verb)
{
    assert_int_equal(act(d, (usher_command){.verb = verb, .claim = c}), USHER_OK);
}

static inline void pause_on(struct desk *d, usher_claim c, int reason)
{
    assert_int_equal(act(d, (usher_command){.verb = USHER_PAUSE, .kind = reason, .claim = c}),
                     USHER_OK);
}

static inline void reply(struct desk *d, usher_id id)
{
    assert_int_equal(act(d, (usher_command){.verb = USHER_REPLY, .claim = {id, 0}, .who = "ada"}),
                     USHER_OK);
}

static inline void apply(struct desk *d)
{
    assert_int_equal(usher_apply(d->q, on_done, d), USHER_OK);
    run(d);
    assert_int_equal(d->done.status, USHER_OK);
}

static inline usher_standing peek(struct desk *d, usher_id id)
{
    usher_standing s = USHER_INIT(usher_standing);

    assert_int_equal(usher_peek(d->u, id, &s), USHER_OK);
    return s;
}

static inline usher_promise promise(struct desk *d, usher_id id, int which)
{
    return peek(d, id).promises[which - 1];
}

static inline int64_t due(struct desk *d, usher_id id, int which)
{
    return promise(d, id, which).due_at;
}

static inline void read_rows(struct desk *d, usher_query q)
{
    uint32_t before = d->answers;

    q.size = sizeof q;
    q.limit = ROWS_MAX;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
    run(d);
    assert_int_equal(d->answers, before + 1);
    assert_int_equal(d->page_status, USHER_OK);
}

/* ---- looking at what was told --------------------------------------------------------------- */

static inline uint32_t count_of(const struct desk *d, int kind, int which)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < d->told_n; i++)
        n += d->told[i].e.kind == kind && (which == 0 || d->told[i].e.promise == which);
    return n;
}

/* The last one of a kind; it must be there. */
static inline const struct told *last(const struct desk *d, int kind)
{
    for (uint32_t i = d->told_n; i-- > 0;) {
        if (d->told[i].e.kind == kind)
            return &d->told[i];
    }
    fail_msg("no event %s", usher_name(USHER_NAME_EVENT, kind));
    return NULL;
}

/* One line of what should have been told: zeros and NULL are not looked at. */
struct line {
    const char *at;
    int kind, promise;
    uint32_t n;
    const char *rule, *notify;
    int level;
};

static inline void assert_line(const struct told *t, const struct line *l)
{
    const char *name = usher_name(USHER_NAME_EVENT, l->kind);

    if (t->e.kind != l->kind || (l->promise != 0 && t->e.promise != l->promise))
        fail_msg("%s of %s where %s of %s should be", usher_name(USHER_NAME_EVENT, t->e.kind),
                 usher_name(USHER_NAME_PROMISE, t->e.promise), name,
                 usher_name(USHER_NAME_PROMISE, l->promise));
    if (t->e.at != when(l->at))
        fail_msg("%s is %" PRId64 " ms after %s", name, t->e.at - when(l->at), l->at);
    if (t->e.n != l->n && (l->n != 0 || l->kind == USHER_EV_STEPPED))
        fail_msg("%s at %s: n is %u, not %u", name, l->at, t->e.n, l->n);
    if (l->rule != NULL)
        assert_string_equal(t->rule, l->rule);
    if (l->notify != NULL)
        assert_string_equal(t->notify, l->notify);
    if (l->level != 0)
        assert_int_equal(t->e.level, l->level);
}

/* Exactly these since `from`. */
static inline void assert_told(const struct desk *d, uint32_t from, const struct line *lines,
                               uint32_t n)
{
    for (uint32_t i = 0; i < n && from + i < d->told_n; i++)
        assert_line(&d->told[from + i], &lines[i]);
    if (d->told_n - from != n)
        fail_msg("%u events where %u should be; the next is %s", d->told_n - from, n,
                 d->told_n - from > n ? usher_name(USHER_NAME_EVENT, d->told[from + n].e.kind)
                                      : usher_name(USHER_NAME_EVENT, lines[d->told_n - from].kind));
}
#define ASSERT_TOLD(d, from, ...) \
    assert_told(d, from, (const struct line[]){__VA_ARGS__}, \
                sizeof((const struct line[]){__VA_ARGS__}) / sizeof(struct line))

/* WHY_DUE: the rows lie from the start to the due without gaps, and what counted adds up.
 * Returns it. */
static inline int64_t read_why(struct desk *d, usher_id id, int which, int64_t from, int64_t until)
{
    int64_t ms = 0;

    read_rows(d, (usher_query){.what = USHER_READ_WHY_DUE, .ticket = id, .promise = which});
    assert_true(d->rows_n > 0);
    for (uint64_t i = 0; i < d->rows_n; i++) {
        const usher_span *s = &d->spans[i];

        assert_int_equal(s->from_at, i == 0 ? from : d->spans[i - 1].to_at);
        assert_true(s->to_at > s->from_at);
        assert_int_equal(s->ms, s->kind == USHER_SPAN_OPEN ? s->to_at - s->from_at : 0);
        ms += s->ms;
    }
    assert_int_equal(d->spans[d->rows_n - 1].to_at, until);
    return ms;
}

#endif
