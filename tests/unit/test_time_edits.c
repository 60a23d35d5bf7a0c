/* Calendars and targets that are edited while tickets are open; and what a dry run says of it. */
#include "times.h"

#define CALENDAR(week, more) \
    "'calendars':{'office':{'zone':'Europe/Berlin','week':{" week "}" more "}},"
#define RESOLVE_IN(target) "'promises':{'resolve':{'calendar':'office','target':" target "}}"

static const char nine_to_five[] =
    "{" CALENDAR("'mon-fri':[['09:00','17:00']]", "") RESOLVE_IN("'8h'") "}";
static const char ten_to_six[] =
    "{" CALENDAR("'mon-fri':[['10:00','18:00']]", "") RESOLVE_IN("'8h'") "}";

/* 1 June 2026 is a Monday. */
static void test_edit__of_a_calendar_while_a_pause_is_open(void **unused)
{
    (void)unused;

    struct desk *d = begin(nine_to_five, "2026-06-01 09:00 +02:00");
    usher_id id = enqueue(d, 0);
    usher_claim c;

    to(d, "2026-06-01 11:00 +02:00");
    c = claim(d, id);
    pause_on(d, c, USHER_ON_REQUESTER);
    to(d, "2026-06-01 15:00 +02:00");
    define(d, ten_to_six); /* taken before: it keeps its calendar */
    assert_int_equal(promise(d, id, RESOLVE).left_ms, 6 * HOUR);
    apply(d); /* the same start, the same pause, other hours: 10 to 11 was used */
    assert_int_equal(promise(d, id, RESOLVE).left_ms, 7 * HOUR);
    assert_int_equal(due(d, id, RESOLVE), USHER_NEVER);
    assert_int_equal(read_why(d, id, RESOLVE, when("2026-06-01 09:00 +02:00"),
                              when("2026-06-01 15:00 +02:00")),
                     HOUR);

    to(d, "2026-06-02 12:00 +02:00");
    assert_int_equal(promise(d, id, RESOLVE).left_ms, 7 * HOUR);
    reply(d, id);
    assert_instant(due(d, id, RESOLVE), "2026-06-03 11:00 +02:00"); /* 6 h until 18:00, 1 h more */
    assert_int_equal(read_why(d, id, RESOLVE, when("2026-06-01 09:00 +02:00"),
                              when("2026-06-03 11:00 +02:00")),
                     8 * HOUR);
    to(d, "2026-06-03 11:00 +02:00");
    assert_int_equal(count_of(d, USHER_EV_BROKEN, RESOLVE), 0);
    to(d, "2026-06-03 11:00:00.001 +02:00");
    assert_instant(last(d, USHER_EV_BROKEN)->e.at, "2026-06-03 11:00:00.001 +02:00");
    assert_int_equal(count_of(d, USHER_EV_APPLIED, 0), 1);
    end(d);
}

/* A pause that began and ended under one calendar is the same pause under the next. */
static void test_edit__of_a_calendar_after_a_pause(void **unused)
{
    (void)unused;

    struct desk *d = begin(nine_to_five, "2026-06-01 09:00 +02:00");
    usher_id id = enqueue(d, 0);
    usher_claim c;

    to(d, "2026-06-01 16:00 +02:00");
    c = claim(d, id);
    pause_on(d, c, USHER_ON_REQUESTER);
    to(d, "2026-06-02 09:30 +02:00"); /* of 1.5 h that were open 16 to 17 and 9 to 9:30 */
    reply(d, id);
    assert_instant(due(d, id, RESOLVE), "2026-06-02 10:30 +02:00"); /* 7 h were used */
    define(d, ten_to_six);
    apply(d); /* 6 h were: 10 to 16. Of the pause only 16 to 18 was open */
    assert_instant(due(d, id, RESOLVE), "2026-06-02 12:00 +02:00");
    assert_int_equal(read_why(d, id, RESOLVE, when("2026-06-01 09:00 +02:00"),
                              when("2026-06-02 12:00 +02:00")),
                     8 * HOUR);
    end(d);
}

/* ---- why due -------------------------------------------------------------------------------- */

static void assert_span(const struct desk *d, uint64_t i, int kind, const char *to_at)
{
    assert_true(i < d->rows_n);
    assert_int_equal(d->spans[i].kind, kind);
    assert_instant(d->spans[i].to_at, to_at);
}

static void test_why_due__adds_up_to_the_target(void **unused)
{
    (void)unused;

    struct desk *d =
        begin("{" CALENDAR("'mon-fri':[['08:00','12:00'],['13:00','17:00']]",
                           ",'holidays':['2026-06-04']") RESOLVE_IN("'14h'") "}",
              "2026-06-03 10:00 +02:00");
    usher_id id = enqueue(d, 0);
    usher_claim c = claim(d, id);

    pause_on(d, c, USHER_ON_THIRD_PARTY);
    to(d, "2026-06-03 11:00 +02:00");
    assert_int_equal(act(d, (usher_command){.verb = USHER_RESUME, .claim = c}), USHER_OK);
    to(d, "2026-06-05 11:30 +02:00");
    c = claim(d, id);
    pause_on(d, c, USHER_ON_REQUESTER);
    to(d, "2026-06-05 13:30 +02:00");
    reply(d, id);
    /* Wednesday 1 + 4; Thursday is a holiday; Friday 3.5 + 3.5, Monday 2. */
    assert_int_equal(read_why(d, id, RESOLVE, when("2026-06-03 10:00 +02:00"),
                              when("2026-06-08 10:00 +02:00")),
                     14 * HOUR);
    assert_span(d, 0, USHER_SPAN_PAUSED, "2026-06-03 11:00 +02:00");
    assert_span(d, 1, USHER_SPAN_OPEN, "2026-06-03 12:00 +02:00");
    assert_span(d, 2, USHER_SPAN_CLOSED, "2026-06-03 13:00 +02:00");
    assert_span(d, 3, USHER_SPAN_OPEN, "2026-06-03 17:00 +02:00");
    assert_span(d, 4, USHER_SPAN_CLOSED, "2026-06-04 00:00 +02:00");
    assert_span(d, 5, USHER_SPAN_HOLIDAY, "2026-06-05 00:00 +02:00");
    assert_span(d, 6, USHER_SPAN_CLOSED, "2026-06-05 08:00 +02:00");
    assert_span(d, 7, USHER_SPAN_OPEN, "2026-06-05 11:30 +02:00");
    assert_span(d, 8, USHER_SPAN_PAUSED, "2026-06-05 13:30 +02:00");
    assert_span(d, 9, USHER_SPAN_OPEN, "2026-06-05 17:00 +02:00");
    assert_span(d, 10, USHER_SPAN_CLOSED, "2026-06-08 08:00 +02:00");
    assert_span(d, 11, USHER_SPAN_OPEN, "2026-06-08 10:00 +02:00");
    assert_int_equal(d->rows_n, 12);
    assert_instant(due(d, id, RESOLVE), "2026-06-08 10:00 +02:00");
    end(d);
}

/* Of an exact fill the list ends at the closing; the break comes after the weekend, and changes
 * nothing. */
static void test_why_due__of_an_exact_fill(void **unused)
{
    (void)unused;

    struct desk *d = begin(nine_to_five, "2026-06-05 09:00 +02:00");
    usher_id id = enqueue(d, 0);

    assert_int_equal(read_why(d, id, RESOLVE, when("2026-06-05 09:00 +02:00"),
                              when("2026-06-05 17:00 +02:00")),
                     8 * HOUR);
    to(d, "2026-06-08 09:00 +02:00");
    assert_int_equal(promise(d, id, RESOLVE).state, USHER_RUNNING);
    to(d, "2026-06-08 12:00 +02:00");
    assert_int_equal(promise(d, id, RESOLVE).state, USHER_BROKEN);
    assert_int_equal(read_why(d, id, RESOLVE, when("2026-06-05 09:00 +02:00"),
                              when("2026-06-05 17:00 +02:00")),
                     8 * HOUR);
    end(d);
}

/* ---- what if -------------------------------------------------------------------------------- */

/* Of each priority: urgent breaks at once, high gets longer, normal's lapses, and an ack is made
 * for all of them: urgent's is broken at once. */
static const char before[] =
    "{" CALENDAR("'mon-fri':[['09:00','17:00']]", "")
        RESOLVE_IN("{'urgent':'4h','high':'6h','normal':'8h'}") "}";
static const char after[] =
    "{" CALENDAR("'mon-fri':[['09:00','17:00']]", "")
        "'promises':{'resolve':{'calendar':'office','target':{'urgent':'1h','high':'2wd'}},"
        "'ack':{'calendar':'office','target':{'urgent':'90m','low':'1wd'}}}}";

enum { TICKETS = 3 };

static void four_o_clock(struct desk *d, usher_id ids[TICKETS])
{
    for (int i = 0; i < TICKETS; i++)
        ids[i] = enqueue(d, USHER_URGENT - i);
    to(d, "2026-06-01 11:00 +02:00");
}

static void test_what_if__says_what_apply_does(void **unused)
{
    (void)unused;

    struct desk *d = begin(before, "2026-06-01 09:00 +02:00");
    usher_promise was[TICKETS][4];
    usher_id ids[TICKETS];
    char json[JSON_MAX];
    uint32_t told;
    uint64_t row = 0;

    four_o_clock(d, ids);
    for (int i = 0; i < TICKETS; i++)
        memcpy(was[i], peek(d, ids[i]).promises, sizeof was[i]);
    told = d->told_n;
    read_rows(d, (usher_query){.what = USHER_READ_WHAT_IF, .queue = d->q,
                               .policy = json_of(after, json)});
    assert_int_equal(d->told_n, told); /* a dry run */
    for (int i = 0; i < TICKETS; i++)
        assert_memory_equal(was[i], peek(d, ids[i]).promises, sizeof was[i]);

    define(d, after);
    apply(d);
    for (int i = 0; i < TICKETS; i++) {
        for (int which = ACK; which <= RESOLVE; which++) {
            const usher_promise *old = &was[i][which - 1];
            usher_promise now = promise(d, ids[i], which);
            const usher_change *c = &d->changes[row];
            int what = 0;

            if (now.due_at == old->due_at && now.state == old->state)
                continue; /* and no row of it, or the next one does not match */
            assert_true(row < d->rows_n);
            if (now.state == USHER_BROKEN && old->state != USHER_BROKEN)
                what |= USHER_BREAKS;
            if (now.state == USHER_LAPSED)
                what |= USHER_LAPSES;
            if (old->state == 0)
                what |= USHER_STARTS;
            assert_int_equal(c->ticket, ids[i]);
            assert_int_equal(c->promise, which);
            assert_int_equal(c->from_at, old->state == 0 ? USHER_NEVER : old->due_at);
            assert_int_equal(c->to_at, now.due_at);
            assert_int_equal(c->what, what);
            row++;
        }
    }
    assert_int_equal(row, d->rows_n);
    end(d);
}

static void assert_change(const struct desk *d, uint64_t i, usher_id id, int which,
                          const char *to_at, int what)
{
    assert_true(i < d->rows_n);
    assert_int_equal(d->changes[i].ticket, id);
    assert_int_equal(d->changes[i].promise, which);
    assert_int_equal(d->changes[i].to_at, to_at == NULL ? USHER_NEVER : when(to_at));
    assert_int_equal(d->changes[i].what, what);
}

/* The same by figures. */
static void test_what_if__in_figures(void **unused)
{
    (void)unused;

    struct desk *d = begin(before, "2026-06-01 09:00 +02:00");
    usher_id ids[TICKETS];
    char json[JSON_MAX];

    four_o_clock(d, ids);
    read_rows(d, (usher_query){.what = USHER_READ_WHAT_IF, .queue = d->q,
                               .policy = json_of(after, json)});
    assert_change(d, 0, ids[0], ACK, "2026-06-01 10:30 +02:00", USHER_STARTS | USHER_BREAKS);
    assert_change(d, 1, ids[0], RESOLVE, "2026-06-01 10:00 +02:00", USHER_BREAKS);
    assert_change(d, 2, ids[1], ACK, "2026-06-02 09:00 +02:00", USHER_STARTS);
    assert_change(d, 3, ids[1], RESOLVE, "2026-06-03 09:00 +02:00", 0);
    assert_change(d, 4, ids[2], ACK, "2026-06-02 09:00 +02:00", USHER_STARTS);
    assert_change(d, 5, ids[2], RESOLVE, NULL, USHER_LAPSES);
    assert_int_equal(d->rows_n, 6);
    assert_instant(d->changes[1].from_at, "2026-06-01 13:00 +02:00");

    /* The queue's own policy, which the tickets have already: nothing. */
    read_rows(d, (usher_query){.what = USHER_READ_WHAT_IF, .queue = d->q});
    assert_int_equal(d->rows_n, 0);
    end(d);
}

/* What is broken stays broken, whatever is promised later. */
static void test_apply__mends_nothing(void **unused)
{
    (void)unused;

    struct desk *d = begin(nine_to_five, "2026-06-01 09:00 +02:00");
    usher_id id = enqueue(d, 0);
    uint32_t told;

    to(d, "2026-06-02 12:00 +02:00");
    assert_int_equal(promise(d, id, RESOLVE).state, USHER_BROKEN);
    told = d->told_n;
    define(d, "{" CALENDAR("'mon-fri':[['09:00','17:00']]", "") RESOLVE_IN("'80h'") "}");
    apply(d);
    assert_int_equal(promise(d, id, RESOLVE).state, USHER_BROKEN);
    assert_instant(due(d, id, RESOLVE), "2026-06-01 17:00 +02:00"); /* what was not kept */
    to(d, "2026-06-30 12:00 +02:00");
    ASSERT_TOLD(d, told, {.at = "2026-06-02 12:00 +02:00", .kind = USHER_EV_APPLIED});
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edit__of_a_calendar_while_a_pause_is_open),
        cmocka_unit_test(test_edit__of_a_calendar_after_a_pause),
        cmocka_unit_test(test_why_due__adds_up_to_the_target),
        cmocka_unit_test(test_why_due__of_an_exact_fill),
        cmocka_unit_test(test_what_if__says_what_apply_does),
        cmocka_unit_test(test_what_if__in_figures),
        cmocka_unit_test(test_apply__mends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
