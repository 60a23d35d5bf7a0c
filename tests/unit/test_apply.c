/* usher_apply() and USHER_READ_WHAT_IF, and what the ladder's events say, through the public calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

#include "loop/service.h"

#define T0     INT64_C(1700000000000) /* 2023-11-14T22:13:20Z, a Tuesday */
#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

enum { TOLD_MAX = 256, CHANGES_MAX = 64 };

struct desk {
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_queue_t *q, *other;
    usher_agent_t *a;
    usher_claim claim;
    int32_t status;
    char detail[200], text[300];
    char told[TOLD_MAX][200];
    uint32_t told_n, pages, closed;
    bool marks; /* completions are told among the events */
    int64_t at; /* of the latest event */
    usher_change changes[CHANGES_MAX];
    uint32_t changes_n;
    uint64_t cursor;
};

static void on_event(usher_t *u, const usher_event *e, void *user)
{
    struct desk *d = user;
    char *to = d->told[d->told_n++];
    int len = snprintf(to, 200, "%llu %s", (unsigned long long)e->ticket,
                       usher_name(USHER_NAME_EVENT, e->kind));

    (void)u;
    d->at = e->at;
    assert_true(d->told_n < TOLD_MAX);
    if (e->promise != 0)
        len += snprintf(to + len, 200 - (size_t)len, " %s",
                        usher_name(USHER_NAME_PROMISE, e->promise));
    if (e->n != 0)
        len += snprintf(to + len, 200 - (size_t)len, " n=%u", (unsigned)e->n);
    if (e->to != NULL)
        len += snprintf(to + len, 200 - (size_t)len, " to=%s", e->to);
    if (e->rule != NULL)
        len += snprintf(to + len, 200 - (size_t)len, " %s", e->rule);
    if (e->text.len > 0)
        len += snprintf(to + len, 200 - (size_t)len, " (%s)", e->text.data);
    for (uint64_t at = 0; at < e->notify.len; at += strlen(e->notify.data + at) + 1)
        len += snprintf(to + len, 200 - (size_t)len, " @%s", e->notify.data + at);
    if (e->notify_at != 0)
        snprintf(to + len, 200 - (size_t)len, " at+%lld", (long long)(e->notify_at - T0) / MINUTE);
}

static void on_done(usher_t *u, const usher_done *done, void *user)
{
    struct desk *d = user;

    (void)u;
    d->status = done->status;
    if (d->marks)
        snprintf(d->told[d->told_n++], sizeof d->told[0], "done");
    snprintf(d->detail, sizeof d->detail, "%s", done->detail.len > 0 ? done->detail.data : "");
}

static void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    (void)a;
    assert_int_equal(status, USHER_OK);
    assert_int_equal(n, 1);
    ((struct desk *)user)->claim = w[0].claim;
}

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct desk *d = user;

    (void)u;
    d->status = status;
    d->pages++;
    d->cursor = p->cursor;
    for (uint64_t i = 0; i < p->n; i++) {
        assert_true(d->changes_n < CHANGES_MAX);
        d->changes[d->changes_n++] = p->changes[i];
    }
    snprintf(d->text, sizeof d->text, "%s", p->text.len > 0 ? p->text.data : "");
}

static void on_closed(void *user)
{
    ((struct desk *)user)->closed++;
}

static void settle(struct desk *d)
{
    const char *wrong;

    assert_int_equal(usher_advance(d->u, usher_now(d->u)), USHER_OK);
    wrong = usher__service_check(d->u);
    if (wrong != NULL)
        fail_msg("the service's own check: %s", wrong);
}

static void define(struct desk *d, const char *policy)
{
    char why[300];

    if (usher_define(d->q, policy, why, sizeof why, NULL, NULL) != USHER_OK)
        fail_msg("%s", why);
    settle(d);
}

static struct desk *begin(const char *policy)
{
    struct desk *d = calloc(1, sizeof *d);
    usher_options o = USHER_INIT(usher_options);

    assert_non_null(d);
    assert_int_equal(usher_manual_clock_new(&d->clock, T0), USHER_OK);
    o.clock = usher_manual_clock_get(d->clock);
    assert_int_equal(usher_open(&d->u, NULL, "memory:", &o, NULL, NULL), USHER_OK);
    assert_int_equal(usher_queue(d->u, &d->q, "desk"), USHER_OK);
    assert_int_equal(usher_queue(d->u, &d->other, "other"), USHER_OK);
    assert_int_equal(usher_agent(d->u, &d->a, "ann", NULL, 0), USHER_OK);
    define(d, policy);
    assert_int_equal(usher_subscribe(d->u, NULL, 0, on_event, d), USHER_OK);
    return d;
}

static void end(struct desk *d)
{
    assert_int_equal(usher_close(d->u, on_closed, d), USHER_OK);
    while (d->closed == 0)
        assert_true(usher_turn(d->u) >= 0);
    usher_manual_clock_free(d->clock);
    free(d);
}

static void enqueue(struct desk *d, const char *who, int priority)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = who;
    r.priority = priority;
    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->status, USHER_OK);
}

static void act(struct desk *d, usher_command c)
{
    c.size = sizeof c;
    assert_int_equal(usher_act(d->u, &c, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->status, USHER_OK);
}

static void claim(struct desk *d, usher_id id)
{
    assert_int_equal(usher_claim_ticket(d->a, id, NULL, on_work, d), USHER_OK);
    settle(d);
}

static void apply(struct desk *d, const char *detail)
{
    d->told_n = 0;
    assert_int_equal(usher_apply(d->q, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->status, USHER_OK);
    assert_string_equal(d->detail, detail);
}

static void pass(struct desk *d, int64_t ms)
{
    assert_int_equal(usher_advance(d->u, usher_now(d->u) + ms), USHER_OK);
}

static usher_standing standing(struct desk *d, usher_id id)
{
    usher_standing s = USHER_INIT(usher_standing);

    assert_int_equal(usher_peek(d->u, id, &s), USHER_OK);
    return s;
}

static void assert_told(struct desk *d, const char *const *lines, uint32_t n)
{
    for (uint32_t i = 0; i < d->told_n || i < n; i++) {
        const char *is = i < d->told_n ? d->told[i] : "nothing";
        const char *must = i < n ? lines[i] : "nothing";

        if (strcmp(is, must) != 0)
            fail_msg("%u: told \"%s\", not \"%s\"", (unsigned)i, is, must);
    }
    d->told_n = 0;
}
#define TOLD(d, ...)                                                                               \
    do {                                                                                           \
        const char *const lines_[] = {__VA_ARGS__};                                                \
        assert_told(d, lines_, sizeof lines_ / sizeof *lines_);                                    \
    } while (0)

#define RESOLVE(target)                                                                            \
    "{\"promises\":{\"resolve\":{\"target\":\"" target "\"}},\"warn\":[],\"line\":{\"gap\":"       \
                                                       "\"1m\"}}"

/* ---- apply ------------------------------------------------------------------------------------- */

/* Wherever they stand; not those of another policy, not those that are over, and not twice. */
static void test_apply__reaches_those_of_earlier_versions(void **state)
{
    struct desk *d = begin(RESOLVE("8h"));
    usher_request r = USHER_INIT(usher_request);

    (void)state;
    for (int i = 0; i < 6; i++)
        enqueue(d, "eva", 0);
    claim(d, 2);
    claim(d, 3);
    act(d, (usher_command){.verb = USHER_RESOLVE, .claim = d->claim});
    act(d, (usher_command){.verb = USHER_MOVE, .claim = {4, 0}, .queue = d->other});
    act(d, (usher_command){.verb = USHER_WITHDRAW, .claim = {5, 0}, .who = "eva"});
    r.requester = "ben"; /* of the other queue's policy, and moved here */
    assert_int_equal(usher_enqueue(d->other, &r, on_done, d), USHER_OK);
    settle(d);
    act(d, (usher_command){.verb = USHER_MOVE, .claim = {7, 0}, .queue = d->q});
    define(d, RESOLVE("2h"));
    define(d, RESOLVE("4h"));
    enqueue(d, "eva", 0);

    apply(d, "apply: 5 tickets have version 4 now");
    assert_int_equal(d->told_n, 5);
    assert_int_equal(standing(d, 1).policy_version, 4);
    assert_true(standing(d, 1).promises[3].due_at == T0 + 4 * HOUR);
    assert_int_equal(standing(d, 2).policy_version, 4);
    assert_int_equal(standing(d, 2).state, USHER_CLAIMED);
    assert_int_equal(standing(d, 3).policy_version, 4);
    assert_true(standing(d, 3).promises[3].target_ms == 4 * HOUR);
    assert_int_equal(standing(d, 4).policy_version, 4);
    assert_ptr_equal(standing(d, 4).queue, d->other);
    assert_int_equal(standing(d, 5).policy_version, 2);
    assert_int_equal(standing(d, 7).policy_version, 1);
    apply(d, "apply: 0 tickets have version 4 now");
    assert_int_equal(d->told_n, 0);
    end(d);
}

/* In the order of the line, and what they left behind in it themselves counts for none of them. */
static void test_apply__ranks_anew_in_the_lines_order(void **state)
{
    struct desk *d = begin(RESOLVE("8h"));

    (void)state;
    for (int i = 0; i < 3; i++)
        enqueue(d, "eva", 0);
    enqueue(d, "ben", 0);
    for (usher_id id = 1; id <= 3; id++)
        assert_true(standing(d, id).rank_at == T0 + 8 * HOUR + ((int64_t)id - 1) * MINUTE);
    define(d, RESOLVE("1h"));
    apply(d, "apply: 4 tickets have version 3 now");
    TOLD(d, "1 applied", "4 applied", "2 applied", "3 applied");
    for (usher_id id = 1; id <= 3; id++)
        assert_true(standing(d, id).rank_at == T0 + HOUR + ((int64_t)id - 1) * MINUTE);
    assert_true(standing(d, 4).rank_at == T0 + HOUR);
    enqueue(d, "eva", 0); /* ... but for those that come after */
    assert_true(standing(d, 5).rank_at == T0 + HOUR + 3 * MINUTE);
    end(d);
}

#define STEPS(steps, target)                                                                       \
    "{\"promises\":{\"resolve\":{\"target\":\"" target "\"}},\"warn\":[50],\"ladder\":[" steps "]" \
                                                                                               "}"
#define AT(at, more) "{\"on\":\"resolve\",\"at\":\"" at "\"," more "}"

/* Done after the verdict, one by one, told as one. */
static void test_apply__what_it_puts_into_the_past_is_told_as_one(void **state)
{
    struct desk *d = begin(STEPS(AT("90%", "\"raise\":1"), "100h"));

    (void)state;
    enqueue(d, "eva", 0);
    pass(d, 6 * HOUR);
    define(d, STEPS(AT("10%", "\"notify\":[\"ann\"],\"raise\":1") "," AT(
                        "20%",
                        "\"notify\":[\"bob\",\"ann\"],\"raise\":1") "," AT("-1h",
                                                                           "\"move\":\"other\""),
                    "10h"));
    d->marks = true;
    apply(d, "apply: 1 tickets have version 3 now");
    d->marks = false;
    TOLD(d, "1 applied", "1 warned resolve n=50 warn",
         "1 stepped resolve ladder[1] (ladder[0]) @ann @bob", "done");
    assert_int_equal(standing(d, 1).level, 2);
    pass(d, 4 * HOUR);
    TOLD(d, "1 stepped resolve to=other ladder[2]");
    pass(d, MINUTE);
    TOLD(d, "1 broken resolve promises.resolve.target");
    define(d, STEPS(AT("20%", "\"notify\":[\"bob\",\"ann\"],\"raise\":1"), "1h"));
    apply(d, "apply: 1 tickets have version 4 now"); /* an equal step has fired */
    TOLD(d, "1 applied");
    end(d);
}

/* A lift does the same, by the desk or by one who joins. */
static void test_apply__a_lift_puts_steps_into_the_past_too(void **state)
{
    struct desk *d =
        begin("{\"promises\":{\"resolve\":{\"target\":{\"urgent\":\"1h\",\"low\":\"9h\"}}},"
              "\"warn\":[],\"ladder\":[" AT("50%", "\"notify\":[\"ann\"]") "," AT(
                  "100%", "\"raise\":1,\"repeat\":\"30m\",\"times\":2") "]}");
    usher_request r = USHER_INIT(usher_request);

    (void)state;
    enqueue(d, "eva", USHER_LOW);
    r.requester = "kim";
    r.dedup_key = "k";
    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_OK);
    settle(d);
    pass(d, 3 * HOUR);
    d->told_n = 0;
    d->marks = true;
    act(d, (usher_command){.verb = USHER_REPRIORITISE, .kind = USHER_URGENT, .claim = {1, 0}});
    d->marks = false;
    TOLD(d, "1 reprioritised", "1 broken resolve promises.resolve.target",
         "1 stepped resolve n=2 ladder[1] (ladder[0]) @ann", "done");
    assert_int_equal(standing(d, 1).level, 3);
    r.priority = USHER_URGENT;
    assert_int_equal(usher_enqueue_many(d->q, (usher_request[]){r, r}, 2, on_done, d), USHER_OK);
    settle(d);
    TOLD(d, "2 joined", "2 reprioritised", "2 broken resolve promises.resolve.target", "2 joined",
         "2 stepped resolve n=2 ladder[1] (ladder[0]) @ann"); /* after all of the batch */
    end(d);
}

/* A step that lifts puts others into the past: they happen when it does, not when they were due. */
static void test_apply__a_step_puts_others_into_the_past(void **state)
{
    struct desk *d =
        begin("{\"promises\":{\"resolve\":{\"target\":{\"high\":\"1h\",\"low\":\"10h\"}}},"
              "\"warn\":[],\"ladder\":[" AT("20%", "\"priority\":\"high\"") "," AT(
                  "90%", "\"notify\":[\"ann\"]") "]}");

    (void)state;
    enqueue(d, "eva", USHER_LOW);
    pass(d, 5 * HOUR);
    TOLD(d, "1 enqueued", "1 stepped resolve ladder[0]", "1 broken resolve promises.resolve.target",
         "1 stepped resolve ladder[1] @ann");
    assert_true(d->at == T0 + 2 * HOUR);
    end(d);
}

/* ---- events of the ladder ---------------------------------------------------------------------- */

static void test_apply__people_are_told_in_their_hours(void **state)
{
    struct desk *d =
        begin("{\"calendars\":{\"day\":{\"zone\":\"UTC\",\"week\":{\"mon-fri\":[[\"09:00\","
              "\"17:00\"]]}}},\"promises\":{\"resolve\":{\"target\":\"16h\"}},\"warn\":[50],"
              "\"notify_calendar\":\"day\",\"ladder\":[" AT("75%", "\"notify\":[\"ann\"]") "]}");

    (void)state;
    enqueue(d, "eva", 0);
    pass(d, 12 * HOUR);
    TOLD(d, "1 enqueued", "1 warned resolve n=50 warn at+646", "1 stepped resolve ladder[0] @ann");
    end(d);
}

static void on_history(usher_t *u, int status, const usher_page *p, void *user)
{
    assert_int_equal(status, USHER_OK);
    for (uint64_t i = 0; i < p->n; i++)
        on_event(u, &p->events[i], user);
}

static void test_apply__history_shows_what_was_told(void **state)
{
    struct desk *d = begin(STEPS(
        AT("10%", "\"notify\":[\"ann\",\"bob\"]") "," AT("20%", "\"move\":\"nowhere\""), "10h"));
    usher_query q = {.size = sizeof q, .what = USHER_READ_HISTORY, .ticket = 1};

    (void)state;
    enqueue(d, "eva", 0);
    assert_int_equal(usher_manual_clock_skip(d->clock, T0 + 4 * HOUR), USHER_OK);
    settle(d);
    d->told_n = 0;
    assert_int_equal(usher_read(d->u, &q, on_history, d), USHER_OK);
    settle(d);
    TOLD(d, "1 enqueued", "1 no_queue resolve to=nowhere ladder[1]",
         "1 stepped resolve ladder[1] (ladder[0]) @ann @bob");
    end(d);
}

static void on_large(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    if (e->kind == USHER_EV_STEPPED) {
        assert_int_equal(e->notify.len, 64 * 256);
        assert_int_equal(e->notify.data[e->notify.len - 1], '\0');
        ++*(uint32_t *)user;
    }
}

/* As many as a policy can name, as long as a name can be, ticket after ticket: the log has room for them. */
static void test_apply__the_longest_list_of_names_fits(void **state)
{
    static char policy[40000];
    struct desk *d;
    uint32_t told = 0;
    int len =
        sprintf(policy, "{\"promises\":{\"resolve\":{\"target\":\"9h\"}},\"warn\":[],\"ladder\":[");

    (void)state;
    for (int i = 0; i < 32; i++)
        len += sprintf(policy + len,
                       "%s{\"on\":\"resolve\",\"at\":\"%d%%\",\"notify\":[\"%0255d\",\"%0255d\"]}",
                       i > 0 ? "," : "", i + 1, 2 * i, 2 * i + 1);
    strcpy(policy + len, "]}");
    d = begin(policy);
    assert_int_equal(usher_subscribe(d->u, NULL, 0, on_large, &told), USHER_OK);
    for (int i = 0; i < 60; i++)
        enqueue(d, "eva", 0);
    assert_int_equal(usher_unsubscribe(d->u, on_event, d), USHER_OK);
    assert_int_equal(usher_manual_clock_skip(d->clock, T0 + 8 * HOUR), USHER_OK);
    settle(d);
    assert_int_equal(told, 60);
    end(d);
}

/* ---- what if ----------------------------------------------------------------------------------- */

static void ask(struct desk *d, const char *policy, uint32_t limit)
{
    usher_query q = {.size = sizeof q,
                     .what = USHER_READ_WHAT_IF,
                     .queue = d->q,
                     .policy = policy,
                     .limit = limit};

    d->changes_n = d->pages = 0;
    do {
        assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
        settle(d);
        q.cursor = d->cursor;
    } while (d->cursor != 0 && d->pages < 100);
}

static void test_apply__what_if_says_it_beforehand(void **state)
{
    struct desk *d =
        begin("{\"promises\":{\"ack\":{\"target\":\"9h\"},\"resolve\":{\"target\":\"8h\"}}}");
    static const char later[] =
        "{\"promises\":{\"answer\":{\"target\":\"1h\"},\"resolve\":{\"target\":\"2h\"}}}";

    (void)state;
    for (int i = 0; i < 5; i++)
        enqueue(d, "eva", 0);
    act(d, (usher_command){.verb = USHER_ASK, .claim = {2, 0}, .who = "eva"});
    act(d, (usher_command){.verb = USHER_WITHDRAW, .claim = {3, 0}, .who = "eva"});
    pass(d, 3 * HOUR);
    ask(d, later, 0);
    assert_int_equal(d->status, USHER_OK);
    assert_int_equal(d->pages, 1);
    assert_int_equal(d->changes_n, 4 * 2 + 1);
    for (uint32_t i = 0; i + 1 < d->changes_n; i++)
        assert_true(d->changes[i].ticket * 4 + (uint64_t)d->changes[i].promise <
                    d->changes[i + 1].ticket * 4 + (uint64_t)d->changes[i + 1].promise);
    assert_int_equal(d->changes[0].promise, USHER_PROMISE_ACK);
    assert_int_equal(d->changes[0].what, USHER_LAPSES);
    assert_true(d->changes[0].from_at == T0 + 9 * HOUR && d->changes[0].to_at == USHER_NEVER);
    assert_int_equal(d->changes[1].what, USHER_BREAKS);
    assert_true(d->changes[1].from_at == T0 + 8 * HOUR && d->changes[1].to_at == T0 + 2 * HOUR);
    assert_int_equal(d->changes[3].ticket, 2);
    assert_int_equal(d->changes[3].promise, USHER_PROMISE_ANSWER);
    assert_int_equal(d->changes[3].what, USHER_STARTS | USHER_BREAKS);

    for (uint32_t limit = 1; limit < 5; limit++) { /* the same in pages of any size */
        usher_change all[CHANGES_MAX];

        ask(d, later, 0);
        memcpy(all, d->changes, sizeof all);
        ask(d, later, limit);
        assert_int_equal(d->changes_n, 9);
        assert_true(d->pages >= 9 / limit);
        assert_memory_equal(all, d->changes, 9 * sizeof *all);
    }

    {
        usher_query q = {.size = sizeof q,
                         .what = USHER_READ_WHAT_IF,
                         .queue = d->q,
                         .policy = later,
                         .limit = 1};

        d->changes_n =
            0; /* a ticket that goes between two pages takes nothing of the next one along */
        assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
        settle(d);
        enqueue(d, "eva", 0);
        act(d, (usher_command){.verb = USHER_WITHDRAW, .claim = {1, 0}, .who = "eva"});
        q.cursor = d->cursor;
        assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
        settle(d);
        assert_int_equal(d->changes[1].ticket, 2);
        assert_int_equal(d->changes[1].promise, USHER_PROMISE_ACK);
        act(d, (usher_command){.verb = USHER_WITHDRAW, .claim = {6, 0}, .who = "eva"});
    }

    ask(d, NULL, 0); /* the queue's own: all have it */
    assert_int_equal(d->changes_n, 0);
    assert_int_equal(standing(d, 2).policy_version, 2); /* nothing has changed */
    define(d, later);
    ask(d, NULL, 0);
    assert_int_equal(d->changes_n, 7);
    apply(d, "apply: 3 tickets have version 3 now");
    for (uint32_t i = 0; i < 7; i++) { /* and so it came */
        const usher_change *c = &d->changes[i];
        usher_promise p = standing(d, c->ticket).promises[c->promise - 1];

        assert_true(p.due_at == c->to_at);
        assert_int_equal(p.state, (c->what & USHER_LAPSES) != 0 ? USHER_LAPSED : USHER_BROKEN);
    }
    end(d);
}

static void test_apply__what_if_refuses_a_wrong_policy_in_words(void **state)
{
    struct desk *d = begin(RESOLVE("8h"));
    usher_query q = {.size = sizeof q, .what = USHER_READ_WHAT_IF};
    char *large = malloc(USHER_POLICY_MAX + 2);

    (void)state;
    enqueue(d, "eva", 0);
    ask(d, "{\"promises\":{\"resolve\":{\"target\":\"soon\"}}}", 0);
    assert_int_equal(d->status, USHER_EPOLICY);
    assert_int_equal(d->changes_n, 0);
    assert_non_null(strstr(d->text, "policy: promises.resolve.target"));
    ask(d,
        "{\"calendars\":{\"c\":{\"zone\":\"Europe/"
        "Berln\",\"week\":{\"mon\":[[\"09:00\",\"17:00\"]]}}}}",
        0);
    assert_int_equal(d->status, USHER_EPOLICY);
    assert_string_equal(
        d->text, "policy: calendars.c.zone: \"Europe/Berln\": no such time zone on this machine");
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_EINVAL); /* no queue */
    assert_non_null(large);
    memset(large, ' ', USHER_POLICY_MAX + 1);
    large[USHER_POLICY_MAX + 1] = '\0';
    q.queue = d->q;
    q.policy = large;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_ELIMIT);
    large[USHER_POLICY_MAX] = '\0';
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
    free(large);
    settle(d);
    assert_int_equal(d->status, USHER_EPOLICY);
    end(d);
}

/* The first join puts a step into the past that moves the ticket; the second one was made room for
 * where it stood. */
static void joins_that_move(const char *gap)
{
    struct desk *d = begin("{\"promises\":{\"resolve\":{\"target\":{\"urgent\":\"30m\",\"high\":\"1h\","
                           "\"normal\":\"1d\"}}},\"warn\":[],"
                           "\"ladder\":[{\"on\":\"resolve\",\"at\":\"100%\",\"move\":\"other\"}]}");
    usher_request r[2] = {USHER_INIT(usher_request), USHER_INIT(usher_request)};
    usher_standing s = USHER_INIT(usher_standing);
    char why[200];

    assert_int_equal(usher_define(d->other, gap, why, sizeof why, NULL, NULL), USHER_OK);
    r[0].requester = "ada";
    r[0].dedup_key = "k";
    assert_int_equal(usher_enqueue(d->q, &r[0], on_done, d), USHER_OK);
    assert_int_equal(usher_advance(d->u, T0 + 2 * HOUR), USHER_OK);
    r[0].requester = "bob";
    r[0].priority = USHER_HIGH;
    r[1] = r[0];
    r[1].requester = "cid";
    r[1].priority = USHER_URGENT;
    assert_int_equal(usher_enqueue_many(d->q, r, 2, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(usher_peek(d->u, 1, &s), USHER_OK);
    assert_ptr_equal(s.queue, d->other);
    assert_int_equal(s.priority, USHER_URGENT);
    assert_int_equal(s.persons, 3);
    end(d);
}

static void test_apply__joins_of_a_batch_may_move_their_ticket(void **unused)
{
    (void)unused;
    joins_that_move("{}");
    joins_that_move("{\"line\":{\"gap\":\"1m\"}}");
}

/* A due that is kept to the end of all windows: after it nothing is open, and it is never broken. */
static void test_apply__a_wall_step_after_a_break_that_never_comes(void **unused)
{
    struct desk *d = begin("{\"promises\":{\"resolve\":{\"target\":\"8h\"}},\"warn\":[],\"ladder\":["
                           "{\"on\":\"resolve\",\"at\":\"100%\",\"clock\":\"wall\",\"repeat\":\"1h\","
                           "\"times\":10,\"raise\":1}]}");
    usher_request r = USHER_INIT(usher_request);
    usher_standing s = USHER_INIT(usher_standing);

    (void)unused;
    r.requester = "ada";
    assert_int_equal(usher_enqueue(d->q, &r, NULL, NULL), USHER_OK);
    assert_int_equal(usher_advance(d->u, T0 + 9 * HOUR + 30 * MINUTE), USHER_OK);
    assert_int_equal(usher_peek(d->u, 1, &s), USHER_OK);
    assert_int_equal(s.level, 2);
    define(d, "{\"calendars\":{\"c\":{\"zone\":\"UTC\",\"special\":{\"2023-11-20\":[[\"08:00\",\"16:00\"]]}}},"
              "\"promises\":{\"resolve\":{\"target\":\"8h\",\"calendar\":\"c\"}},\"warn\":[],\"ladder\":["
              "{\"on\":\"resolve\",\"at\":\"100%\",\"clock\":\"wall\",\"repeat\":\"1h\","
              "\"times\":10,\"raise\":1}]}");
    assert_int_equal(usher_apply(d->q, on_done, d), USHER_OK);
    assert_int_equal(usher_advance(d->u, T0 + 1000 * HOUR), USHER_OK);
    assert_int_equal(usher_peek(d->u, 1, &s), USHER_OK);
    assert_int_equal(s.level, 2);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apply__joins_of_a_batch_may_move_their_ticket),
        cmocka_unit_test(test_apply__a_wall_step_after_a_break_that_never_comes),
        cmocka_unit_test(test_apply__reaches_those_of_earlier_versions),
        cmocka_unit_test(test_apply__ranks_anew_in_the_lines_order),
        cmocka_unit_test(test_apply__what_it_puts_into_the_past_is_told_as_one),
        cmocka_unit_test(test_apply__a_lift_puts_steps_into_the_past_too),
        cmocka_unit_test(test_apply__a_step_puts_others_into_the_past),
        cmocka_unit_test(test_apply__people_are_told_in_their_hours),
        cmocka_unit_test(test_apply__history_shows_what_was_told),
        cmocka_unit_test(test_apply__the_longest_list_of_names_fits),
        cmocka_unit_test(test_apply__what_if_says_it_beforehand),
        cmocka_unit_test(test_apply__what_if_refuses_a_wrong_policy_in_words),
    };

    return cmocka_run_group_tests_name("apply", tests, NULL, NULL);
}
