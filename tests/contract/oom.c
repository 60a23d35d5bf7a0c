/* Every allocation of every public call fails once, and from there on for ever, in every state.
 *
 * A call either returns ENOMEM, and then nothing at all has changed and no callback comes, or it
 * does what it would have done with memory. Either way the service is whole, takes the same call
 * once there is memory again, and gives everything back at its end, which needs no memory. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "local/inside.h"
#include "loop/service.h"

#define IS_CAUSE "opened for a symptom" /* in a digest */

enum { DAYS_40 = 40, ROUNDS = 400, FAILURES_MAX = 200 };
#define DAY INT64_C(86400000)

/* ---- a history that needs a new block for the next entry ------------------------------------- */

static void note(struct fixture *f, size_t len)
{
    usher_command c = USHER_INIT(usher_command);
    char *text = calloc(1, len + 1);

    assert_non_null(text);
    memset(text, 'x', len);
    c.verb = USHER_NOTE;
    c.claim.ticket = 1;
    c.text = (usher_text){text, len};
    assert_int_equal(usher_act(f->u, &c, NULL, NULL), USHER_OK);
    free(text);
}

/* Leaves room for `spare` bytes more than one more command may need, or fewer (spare < 0). */
static void fill_log(struct fixture *f, int spare)
{
    struct log *log = usher__engine_log(f->u->engine);
    size_t least = (size_t)((int)usher__log_need(0) + spare), room;

    assert_int_equal(usher_unsubscribe(f->u, fixture_on_event, f->events), USHER_OK);
    for (;;) {
        room = (size_t)(LOG_CHUNK - (log->end - LOG_STEP));
        if (room < least + 160)
            break;
        note(f, room - least - 160 < 60000 ? room - least - 160 : 60000);
    }
    assert_int_equal(log->chunks_n, 1);
    assert_in_range(room, least, least + 90); /* a note's own size apart */
    assert_int_equal(usher_subscribe(f->u, NULL, 0, fixture_on_event, f->events), USHER_OK);
}
enum { LOG_FULL = -100, LOG_TAKES_ONE = -60 };

static struct fixture *begin(int s, bool full_log)
{
    struct fixture *f = fixture_begin(true, (enum state)s);

    if (full_log)
        fill_log(f, LOG_FULL);
    return f;
}

/* ---- one call, one failure ------------------------------------------------------------------- */

struct control { /* what it does when there is memory */
    int64_t returned;
    uint64_t rows;
    char *digest;
};

static void check_whole(struct fixture *f)
{
    const char *wrong = f->u == NULL ? NULL : usher__service_check(f->u);

    CHECK(f, wrong == NULL, "the service's own check: %s", wrong == NULL ? "" : wrong);
}

/* hungry: with no memory from the call's return to the last callback. */
static struct control run_control(const struct call *call, int s, bool full_log, bool hungry)
{
    struct fixture *f = begin(s, full_log);
    struct control c = {0};
    struct receipt *r;

    fixture_what(f, "%s in state %s, told without memory", call->label, fixture_states[s]);
    c.returned = fixture_call(f, call, &r);
    if (hungry)
        fixture_fail(f, 1, true);
    fixture_run(f);
    fixture_fail(f, 0, false);
    c.rows = r->rows;
    c.digest = fixture_digest(f, true);
    fixture_end(f);
    return c;
}

static void check_same_end(struct fixture *f, const struct control *control, const char *text)
{
    char *digest = fixture_digest(f, true);

    (void)fixture_same(f, control->digest, digest, text);
    free(digest);
}

/* What the pools hold: what is forgotten in them is given back at the end, and seen only here. */
struct holdings {
    uint64_t names, texts, tickets, policies, parked, ops;
};

/* Marks that were reserved and not set hold their names until they are swept: all of them, now. */
static struct holdings holdings(struct fixture *f)
{
    struct engine *e = f->u->engine;

    e->marks.fresh_n = e->marks.slab.fresh;
    usher__marks_sweep(&e->marks, e->at.wall);
    return (struct holdings){
        usher__intern_n(&e->names), e->texts.n, e->tickets.n, e->policies.n, e->parked.n, e->ops.n};
}

/* It said ENOMEM. */
static void after_refusal(struct fixture *f, const struct call *call, const struct control *control,
                          const char *before)
{
    char *after = fixture_digest(f, true);
    int64_t again;

    (void)fixture_same(f, before, after, "changed, although it said ENOMEM");
    free(after);
    check_whole(f);
    again = fixture_call(f, call, NULL);
    CHECK(f, again == control->returned, "with memory again: %d, not %d", (int)again,
          (int)control->returned);
    fixture_run(f);
    check_same_end(f, control, "with memory again it ends otherwise");
}

/* Pages that are made when they are told: without memory for that they are told to have none. */
static bool is_made_late(const struct call *call)
{
    return call->callback == IN_PAGE &&
           (call->variant == USHER_READ_FIGURES || call->variant == USHER_READ_AGENTS ||
            call->variant == USHER_READ_METRICS);
}

/* Without the memory for it a cause is opened when its symptom comes once more, and a parked claim of several
 * gets those that there is memory for. */
static bool opens_later(const struct call *call, int s, const struct control *control)
{
    return call->callback == IN_DONE && strncmp(call->name, "usher_enqueue", 13) == 0 &&
           (s == S_PARKED || strstr(control->digest, IS_CAUSE) != NULL);
}

/* It did something although an allocation failed. Of many it may have done a part: as many commands
 * as it says, as many tickets as it hands out. */
static void after_success(struct fixture *f, const struct call *call, int s,
                          const struct control *control, int64_t returned, const struct receipt *r)
{
    bool fewer = fixture_is(call, "usher_act_many") && returned > 0 && returned < control->returned;

    CHECK(f, fewer || returned == control->returned, "%d, not %d", (int)returned,
          (int)control->returned);
    for (int i = 0; i < 3; i++) /* what is outstanding is told without memory */
        fixture_turn(f);
    fixture_fail(f, 0, false);
    fixture_run(f); /* what could not be handed out to parked claims is handed out now */
    if (!fewer && !is_made_late(call) && !opens_later(call, s, control) &&
        (call->callback != IN_WORK || r->rows == control->rows))
        check_same_end(f, control, "ends otherwise");
}

/* false: there were fewer than n allocations. */
static bool try_failure(const struct call *call, int s, bool full_log, uint64_t n, bool for_ever,
                        const struct control *control)
{
    struct fixture *f = begin(s, full_log);
    char *before = fixture_digest(f, true);
    struct holdings had = holdings(f), has;
    struct receipt *r;
    int64_t returned;
    bool failed;

    fixture_what(f, "%s in state %s%s, allocation %d fails%s", call->label, fixture_states[s],
                 full_log ? " (log full)" : "", (int)n, for_ever ? " and all after it" : "");
    fixture_fail(f, n, for_ever);
    returned = fixture_call(f, call, &r);
    failed = f->failed > 0;
    if (failed && fixture_is(call, "usher_close"))
        CHECK(f, false, "closing needs memory");
    if (failed && returned == USHER_ENOMEM) {
        fixture_fail(f, 0, false);
        CHECK(f, f->other == NULL, "a service that was not opened");
        has = holdings(f);
        CHECK(f, memcmp(&had, &has, sizeof had) == 0, "more is held: names %d, texts %d",
              (int)(has.names - had.names), (int)(has.texts - had.texts));
        after_refusal(f, call, control, before);
    } else if (failed) {
        after_success(f, call, s, control, returned, r);
    }
    free(before);
    fixture_end(f);
    return failed;
}

static uint64_t try_call(const struct call *call, int s, bool full_log)
{
    struct fixture none = {.what = call->label};
    struct control control = run_control(call, s, full_log, false), hungry;
    uint64_t n, tried = 0;

    hungry = run_control(call, s, full_log, true);
    if (!is_made_late(call))
        (void)fixture_same(&none, control.digest, hungry.digest, "told without memory");
    free(hungry.digest);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        for (n = 1; n < FAILURES_MAX; n++) {
            if (!try_failure(call, s, full_log, n, for_ever != 0, &control))
                break;
            tried++;
        }
        CHECK(&none, n < FAILURES_MAX, "there is no end to its allocations");
    }
    free(control.digest);
    return tried;
}

static void try_all(bool full_log)
{
    uint64_t tried = 0;

    for (int s = 0; s < STATES; s++) {
        for (size_t i = 0; i < fixture_calls_n; i++)
            tried += try_call(&fixture_calls[i], s, full_log);
    }
    fixture_verdict();
    print_message("%d failures\n", (int)tried);
    assert_in_range(tried, 1000, 1000000); /* it does find allocations */
}

static void test_oom__every_call_in_every_state(void **state)
{
    (void)state;
    try_all(false);
}

static void test_oom__every_call_when_the_history_must_grow(void **state)
{
    (void)state;
    try_all(true);
}

/* ---- telling --------------------------------------------------------------------------------- */

/* "What YOU got wrong is returned (... ENOMEM ...), what the ticket says arrives as status"; of
 * usher_read(): "Status: ENOENT". */
static void test_oom__a_page_needs_no_memory_when_it_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < fixture_calls_n; i++) {
        const struct call *call = &fixture_calls[i];
        struct fixture *f;
        struct receipt *r;

        if (call->callback != IN_PAGE)
            continue;
        f = begin(S_CLAIMED, false);
        fixture_what(f, "%s told without memory", call->label);
        CHECK(f, fixture_call(f, call, &r) == USHER_OK, "usher_read");
        fixture_fail(f, 1, true);
        fixture_run(f);
        CHECK(f, r->status == USHER_OK || (is_made_late(call) && r->status == USHER_ENOMEM),
              "status %d", r->status);
        fixture_end(f);
    }
    fixture_verdict();
}

/* ---- timers ---------------------------------------------------------------------------------- */

static char *advanced(int s, bool full_log)
{
    struct fixture *f = begin(s, full_log);
    char *digest;

    CHECK(f, usher_advance(f->u, f->at + DAYS_40 * DAY) == USHER_OK, "usher_advance");
    fixture_run(f);
    digest = fixture_digest(f, true);
    fixture_end(f);
    return digest;
}

static bool try_advance(int s, bool full_log, uint64_t n, bool for_ever, const char *control)
{
    struct fixture *f = begin(s, full_log);
    int64_t to_at = f->at + DAYS_40 * DAY;
    char *digest;
    bool failed;
    int r;

    fixture_what(f, "40 days in state %s%s, allocation %d fails%s", fixture_states[s],
                 full_log ? " (log full)" : "", (int)n, for_ever ? " and all after it" : "");
    fixture_fail(f, n, for_ever);
    r = usher_advance(f->u, to_at);
    failed = f->failed > 0;
    fixture_fail(f, 0, false);
    CHECK(f, r == USHER_OK || (failed && r == USHER_ENOMEM), "usher_advance: %d", r);
    check_whole(f);
    CHECK(f, usher_advance(f->u, to_at) == USHER_OK, "usher_advance with memory again");
    fixture_run(f);
    digest = fixture_digest(f, true);
    (void)fixture_same(f, control, digest, "ends otherwise");
    free(digest);
    fixture_end(f);
    return failed;
}

static void test_oom__while_timers_fire(void **state)
{
    int tried = 0;

    (void)state;
    for (int s = 0; s < STATES; s++) {
        for (int full = 0; full < 2; full++) {
            char *control = advanced(s, full != 0);

            for (uint64_t n = 1; try_advance(s, full != 0, n, false, control); n++)
                tried++;
            for (uint64_t n = 1; try_advance(s, full != 0, n, true, control); n++)
                tried++;
            free(control);
        }
    }
    fixture_verdict();
    print_message("%d failures\n", tried);
    assert_in_range(tried, 10, 100000);
}

/* What fell due while there was no memory is done as soon as there is some, by the loop alone. */
static void test_oom__timers_are_made_up_for(void **state)
{
    (void)state;
    for (int s = 0; s < STATES; s++) {
        for (int own = 0; own < 2; own++) {
            char *digests[2];

            for (int hungry = 0; hungry < 2; hungry++) {
                struct fixture *f = fixture_begin(own != 0, (enum state)s);

                fixture_what(f, "40 days at once in state %s, %s loop", fixture_states[s],
                             own ? "its own" : "the host's");
                fill_log(f, LOG_FULL);
                fixture_run(f);
                assert_int_equal(usher_manual_clock_skip(f->clock, f->at + DAYS_40 * DAY),
                                 USHER_OK);
                fixture_fail(f, (uint64_t)hungry, true);
                if (own)
                    CHECK(f, usher_turn(f->u) >= 0, "usher_turn");
                check_whole(f);
                fixture_fail(f, 0, false);
                CHECK(f, usher_peek(f->u, 1, give_standing(f)) == USHER_OK, "usher_peek");
                fixture_run(f);
                digests[hungry] = fixture_digest(f, true);
                if (hungry)
                    (void)fixture_same(f, digests[0], digests[1], "made up for otherwise");
                fixture_end(f);
            }
            free(digests[0]);
            free(digests[1]);
        }
    }
    fixture_verdict();
}

/* ---- growth ---------------------------------------------------------------------------------- */

/* Until it is taken without a failure; each refusal leaves all as it was. Returns the failures. */
static uint64_t insist(struct fixture *f, const struct call *call, bool for_ever)
{
    uint64_t tried = 0;

    for (uint64_t n = 1; n < FAILURES_MAX; n++) {
        char *before = fixture_digest(f, false);
        struct receipt *r;
        int64_t returned;
        bool failed;

        fixture_what(f, "%s in a crowd, allocation %d fails%s", call->label, (int)n,
                     for_ever ? " and all after it" : "");
        fixture_fail(f, n, for_ever);
        returned = fixture_call(f, call, &r);
        failed = f->failed > 0;
        fixture_fail(f, 0, false);
        if (failed && returned == USHER_ENOMEM) {
            char *after = fixture_digest(f, false);

            (void)fixture_same(f, before, after, "changed, although it said ENOMEM");
            free(after);
        }
        free(before);
        if (failed && returned == USHER_ENOMEM)
            check_whole(f);
        else if (failed)
            fixture_run(f); /* parked claims may have to wait for memory, but no longer */
        tried += failed;
        if (!failed || returned != USHER_ENOMEM)
            break;
    }
    return tried;
}

/* Everything grows, in small steps and one after the other, while claims are parked. */
static void test_oom__in_a_crowd(void **state)
{
    static const char *const names[] = {
        "usher_enqueue",      "usher_enqueue_many", "usher_claim_next",
        "usher_claim_ticket", "usher_act_many",     "usher_post",
        "usher_subscribe",    "usher_read",         "usher_agent_gone",
    };
    uint64_t tried = 0;

    (void)state;
    for (int parked = 0; parked < 2; parked++) {
        struct fixture *f = fixture_begin(true, parked ? S_PARKED : S_CLAIMED);

        for (int i = 0; i < ROUNDS; i++) {
            const char *name = names[(size_t)i % (sizeof names / sizeof names[0])];
            struct call call = *fixture_find(name);

            if (fixture_is(&call, "usher_subscribe") && i > 50)
                continue;
            if (fixture_is(&call, "usher_claim_next"))
                call.variant = parked; /* one more is parked */
            if (fixture_is(&call, "usher_agent_gone") && parked)
                continue;
            f->ticket = (usher_id)i / 3 + 1;
            tried += insist(f, &call, i % 2 == 0);
            if (fixture_is(&call, "usher_agent_gone"))
                assert_int_equal(usher_agent(f->u, &f->a, "ann", give_skills(f), 2), USHER_OK);
            take_given(f);
            if (i % 10 == 0)
                note(f, 30000); /* its history rolls over now and then */
            if (i % 20 == 19)
                fixture_run(f);
        }
        fixture_run(f);
        fixture_end(f);
    }
    fixture_verdict();
    print_message("%d failures\n", (int)tried);
    assert_in_range(tried, 100, 100000);
}

/* A ticket comes when there is room to write that down, and no memory to write that it was handed
 * out. "Parked claims are served ... as soon as one ticket fits": then, when there is some. */
static void test_oom__a_parked_claim_is_not_forgotten(void **state)
{
    uint64_t failed = 0;

    (void)state;
    for (uint64_t n = 1; n < 20; n++) {
        struct fixture *f = fixture_begin(true, S_PARKED);
        usher_request r = USHER_INIT(usher_request);
        int err;

        fixture_what(f, "a request for a parked claim, allocation %d and all after it fail",
                     (int)n);
        fill_log(f, LOG_TAKES_ONE);
        r.requester = "eva";
        fixture_fail(f, n, true);
        err = usher_enqueue(f->q, &r, NULL, NULL);
        CHECK(f, err == USHER_OK || err == USHER_ENOMEM, "%d", err);
        failed += err == USHER_OK ? f->failed : 0;
        fixture_fail(f, 0, false);
        fixture_run(f); /* with memory again: now at the latest */
        if (err == USHER_OK)
            CHECK(f, f->parked->ran == 1, "it waits, and beside it a parked claim that fits it");
        fixture_end(f);
    }
    fixture_verdict();
    assert_in_range(failed, 1, 1000); /* it was taken, and then something failed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oom__every_call_in_every_state),
        cmocka_unit_test(test_oom__every_call_when_the_history_must_grow),
        cmocka_unit_test(test_oom__a_page_needs_no_memory_when_it_is_told),
        cmocka_unit_test(test_oom__while_timers_fire),
        cmocka_unit_test(test_oom__timers_are_made_up_for),
        cmocka_unit_test(test_oom__in_a_crowd),
        cmocka_unit_test(test_oom__a_parked_claim_is_not_forgotten),
    };

    return cmocka_run_group_tests_name("oom", tests, NULL, NULL);
}
