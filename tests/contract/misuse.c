/* Calls that are wrong: numbers that mean nothing, what belongs to another service, another thread,
 * after the close. Refused as the header says, without a callback and without an effect. */
#include "by_hand.h"

#include <stdio.h>
#include <string.h>

#include "loop/service.h"

/* ---- numbers that mean nothing --------------------------------------------------------------- */

static const int32_t wild[] = {INT32_MIN, INT32_MIN + 1,
                               -20001,    -1,
                               5,         10,
                               31,        37,
                               63,        72,
                               79,        73,
                               80,        81,
                               82,        83,
                               84,        85,
                               86,        87,
                               99,        255,
                               256,       65536,
                               INT32_MAX};

static bool is_verb(int verb)
{
    for (size_t i = 0; i < HAND_VERBS; i++) {
        if (hand_verbs[i] == verb)
            return true;
    }
    return false;
}

static void test_misuse__unknown_verbs_and_kinds(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);

    (void)state;
    for (size_t i = 0; i < LENGTH(wild); i++) {
        usher_command c = hand_command(f, USHER_NOTE);

        if (is_verb(wild[i]))
            continue;
        fixture_what(f, "verb %d", wild[i]);
        c.verb = wild[i];
        c.claim.token = usher__service_token(f->u, f->ticket);
        REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        REFUSED(f, usher_act_many(f->u, &c, 1, fixture_on_done, r), USHER_EINVAL);
    }
    for (size_t v = 0; v < HAND_VERBS; v++) {
        for (size_t i = 0; i < LENGTH(wild); i++) {
            usher_command c = hand_command(f, hand_verbs[v]);

            fixture_what(f, "%s of kind %d", usher_name(USHER_NAME_VERB, hand_verbs[v]), wild[i]);
            c.kind = wild[i];
            REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        }
    }
    fixture_what(f, "kinds of the calls by name");
    for (size_t i = 0; i < LENGTH(wild); i++) {
        usher_claim claim = hand_command(f, USHER_PAUSE).claim;

        REFUSED(f, usher_pause(f->u, &claim, wild[i], "why?", f->at + 1, fixture_on_done, r),
                USHER_EINVAL);
        REFUSED(f, usher_resolve(f->u, &claim, wild[i], "so", fixture_on_done, r), USHER_EINVAL);
    }
    hand_end(f);
    fixture_verdict();
}

static void test_misuse__resolving_for_no_reply_is_the_policys(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);
    usher_command c = hand_command(f, USHER_RESOLVE);

    (void)state;
    c.kind = USHER_AS_NO_REPLY;
    REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
    hand_end(f);
    fixture_verdict();
}

/* What each verb needs. */
static void test_misuse__what_is_missing(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);

    (void)state;
    for (size_t v = 0; v < HAND_VERBS; v++) {
        usher_command c = hand_command(f, hand_verbs[v]);

        fixture_what(f, "%s without", usher_name(USHER_NAME_VERB, hand_verbs[v]));
        if (hand_verbs[v] < USHER_ASK) {
            c.claim.token = 0;
            REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        } else if (hand_verbs[v] < USHER_REVIVE) {
            c.who = NULL;
            REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        }
        c = hand_command(f, hand_verbs[v]);
        c.text = (usher_text){NULL, 0};
        c.queue = NULL;
        if (hand_verbs[v] == USHER_UPDATE || hand_verbs[v] == USHER_PAUSE ||
            hand_verbs[v] == USHER_MOVE || hand_verbs[v] == USHER_HAND_OFF)
            REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        c.text = (usher_text){NULL, 1};
        REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
    }
    hand_end(f);
    fixture_verdict();
}

static void test_misuse__other_numbers(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);

    (void)state;
    for (size_t i = 0; i < LENGTH(wild); i++) {
        usher_request q = hand_request("eva");
        usher_query query = USHER_INIT(usher_query);

        fixture_what(f, "number %d", wild[i]);
        q.priority = wild[i];
        REFUSED(f, usher_enqueue(f->q, &q, fixture_on_done, r), USHER_EINVAL);
        q.priority = 0;
        q.follows = f->last + 1; /* there never was such a ticket */
        REFUSED(f, usher_enqueue(f->q, &q, fixture_on_done, r), USHER_EINVAL);
        query.ticket = f->ticket;
        query.what = USHER_READ_WHY_DUE;
        query.promise = wild[i];
        REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_EINVAL);
        query.promise = USHER_PROMISE_ACK;
        query.what = wild[i] == 5 || wild[i] == 10 ? 11 : wild[i]; /* these are reads */
        REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_EINVAL);
        query.what = USHER_READ_TICKETS;
        query.states = 1u << USHER_STATES | 1u << USHER_WAITING;
        REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_EINVAL);
        query.states = 1;
        REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_EINVAL);
        REFUSED(f, usher_queue_hold(f->q, 4u | (uint32_t)wild[i] << 2, fixture_on_done, r),
                USHER_EINVAL);
        assert_string_equal(usher_name(wild[i] == 5 ? 6 : wild[i], USHER_WAITING), "?");
        assert_non_null(usher_strerror(wild[i]));
        assert_non_null(usher_err_name(wild[i]));
    }
    hand_end(f);
    fixture_verdict();
}

static const int64_t bad_instants[] = {INT64_MIN, -1, USHER_AT_MAX + 1, INT64_MAX - 1, INT64_MAX};
static const int64_t bad_durations[] = {INT64_MIN, INT64_MIN + 1, -1};

static void test_misuse__instants_and_durations(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);

    (void)state;
    for (size_t i = 0; i < LENGTH(bad_instants); i++) {
        usher_request q = hand_request("eva");

        fixture_what(f, "instant %lld", (long long)bad_instants[i]);
        q.start_at = bad_instants[i];
        REFUSED(f, usher_enqueue(f->q, &q, fixture_on_done, r), USHER_EINVAL);
        for (size_t v = 0; v < HAND_VERBS; v++) {
            usher_command c = hand_command(f, hand_verbs[v]);

            c.at = bad_instants[i];
            REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        }
        for (int which = 0; which < 2; which++) {
            usher_query query = USHER_INIT(usher_query);

            query.what = USHER_READ_FIGURES;
            *(which == 0 ? &query.from_at : &query.to_at) = bad_instants[i];
            REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_EINVAL);
        }
        REFUSED(f, usher_manual_clock_skip(f->clock, bad_instants[i]), USHER_EINVAL);
        REFUSED(f, usher_manual_clock_new(&f->clock_out, bad_instants[i]), USHER_EINVAL);
        REFUSED(f, usher_advance(f->u, bad_instants[i]), USHER_EINVAL);
    }
    for (size_t i = 0; i < LENGTH(bad_durations); i++) {
        usher_command c = hand_command(f, USHER_EXTEND);

        fixture_what(f, "duration %lld", (long long)bad_durations[i]);
        c.ms = bad_durations[i];
        REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        REFUSED(f, usher_extend(f->u, &c.claim, c.ms, fixture_on_done, r), USHER_EINVAL);
        REFUSED(f, usher_claim_next(f->a, f->idle, c.ms, fixture_on_work, r), USHER_EINVAL);
    }
    hand_end(f);
    fixture_verdict();
}

/* The largest that are taken: nothing overflows on the way to the end of time. */
static void test_misuse__the_largest_instants_and_durations(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);
    usher_request q = hand_request("ida");
    usher_command c = hand_command(f, USHER_UPDATE);

    (void)state;
    q.start_at = USHER_AT_MAX;
    TAKEN(f, usher_enqueue(f->q, &q, fixture_on_done, r), 1);
    c.at = USHER_AT_MAX;
    TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
    TAKEN(f, usher_extend(f->u, &c.claim, INT64_MAX, fixture_on_done, r), 1);
    TAKEN(f, usher_extend(f->u, &c.claim, 1, fixture_on_done, r), 1);
    TAKEN(f, usher_claim_next(f->a, f->idle, INT64_MAX - 1, fixture_on_work, r), 1);
    TAKEN(f, usher_claim_next(f->a, f->idle, USHER_NEVER, fixture_on_work, r), 1);
    c = hand_command(f, USHER_PAUSE);
    c.kind = USHER_UNTIL;
    c.at = USHER_AT_MAX;
    TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
    fixture_run(f);
    TAKEN(f, usher_advance(f->u, USHER_AT_MAX), 0);
    fixture_run(f);
    TAKEN(f, usher_enqueue(f->q, &q, fixture_on_done, r), 1);
    TAKEN(f, usher_claim_next(f->a, f->q, 0, fixture_on_work, r), 1);
    fixture_run(f);
    REFUSED(f, usher_advance(f->u, USHER_AT_MAX - 1), USHER_EINVAL);
    hand_end(f);
    fixture_verdict();
}

/* ---- whose is it ----------------------------------------------------------------------------- */

static void test_misuse__what_is_another_services(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED), *g = hand_begin(S_CLAIMED);
    usher_queue_t *mixed[2] = {f->q, g->q};
    usher_claim_args args = USHER_INIT(usher_claim_args);
    usher_query query = USHER_INIT(usher_query);
    usher_command c = hand_command(f, USHER_MOVE);
    char *before = fixture_digest(g, true), *after;

    (void)state;
    args.queues = mixed;
    args.queues_n = 2;
    REFUSED(f, usher_claim_many(f->a, &args, fixture_on_work, r), USHER_EINVAL);
    REFUSED(f, usher_claim_next(f->a, g->q, 0, fixture_on_work, r), USHER_EINVAL);
    c.queue = g->q2;
    REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
    c = hand_command(f, USHER_HAND_OFF);
    c.queue = NULL;
    c.agent = g->b;
    REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
    c.queue = f->q2; /* to both */
    c.agent = f->b;
    REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
    query.what = USHER_READ_TICKETS;
    query.queue = g->q;
    REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_EINVAL);
    mixed[1] = f->q; /* one queue twice */
    REFUSED(f, usher_claim_many(f->a, &args, fixture_on_work, r), USHER_EINVAL);
    after = fixture_digest(g, true);
    (void)fixture_same(f, before, after, "the other service changed");
    free(before);
    free(after);
    hand_end(f);
    hand_end(g);
    fixture_verdict();
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static const char odd_bytes[] = "a\0b\xff\xfe\xc0\x80\n\0";

static void on_body(usher_t *u, int status, const usher_page *p, void *user)
{
    (void)u;
    assert_int_equal(status, USHER_OK);
    assert_int_equal(p->text.len, sizeof odd_bytes);
    assert_memory_equal(p->text.data, odd_bytes, sizeof odd_bytes);
    assert_int_equal(p->text.data[sizeof odd_bytes], 0);
    ++*(int *)user;
}

static void on_odd_event(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    if (e->kind != USHER_EV_UPDATED)
        return;
    assert_int_equal(e->text.len, sizeof odd_bytes);
    assert_memory_equal(e->text.data, odd_bytes, sizeof odd_bytes);
    ++*(int *)user;
}

static void on_odd_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    (void)a;
    assert_int_equal(status, USHER_OK);
    assert_int_equal(n, 1);
    assert_int_equal(w->body.len, sizeof odd_bytes);
    assert_memory_equal(w->body.data, odd_bytes, sizeof odd_bytes);
    ++*(int *)user;
}

static void test_misuse__texts_are_any_bytes(void **state)
{
    struct fixture *f = hand_begin(S_NOTHING);
    usher_request q = hand_request("eva");
    usher_query query = USHER_INIT(usher_query);
    usher_standing s = USHER_INIT(usher_standing);
    usher_command c;
    int seen = 0;

    (void)state;
    q.body = (usher_text){odd_bytes, sizeof odd_bytes};
    assert_int_equal(usher_enqueue(f->q, &q, NULL, NULL), USHER_OK);
    f->ticket = 3;
    assert_int_equal(usher_subscribe(f->u, NULL, 0, on_odd_event, &seen), USHER_OK);
    assert_int_equal(usher_claim_next(f->a, f->q, 0, on_odd_work, &seen), USHER_OK);
    c = hand_command(f, USHER_UPDATE);
    c.text = q.body;
    assert_int_equal(usher_act(f->u, &c, NULL, NULL), USHER_OK);
    query.what = USHER_READ_BODY;
    query.ticket = 3;
    assert_int_equal(usher_read(f->u, &query, on_body, &seen), USHER_OK);
    fixture_run(f);
    assert_int_equal(seen, 3);
    assert_int_equal(usher_peek(f->u, 3, &s), USHER_OK);
    assert_int_equal(s.last_word.len, sizeof odd_bytes);
    assert_memory_equal(s.last_word.data, odd_bytes, sizeof odd_bytes);
    hand_end(f);
    fixture_verdict();
}

/* Names that are no UTF-8 are names all the same: what is the same bytes is the same name. */
static void test_misuse__names_are_any_bytes_but_nul(void **state)
{
    struct fixture *f = hand_begin(S_NOTHING);
    usher_queue_t *a, *b, *c;

    (void)state;
    assert_int_equal(usher_queue(f->u, &a, "\xff\xfe"), USHER_OK);
    assert_int_equal(usher_queue(f->u, &b, "\xff\xfe"), USHER_OK);
    assert_int_equal(usher_queue(f->u, &c, "\xff\xff"), USHER_OK);
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_string_equal(usher_queue_name(c), "\xff\xff");
    hand_end(f);
    fixture_verdict();
}

/* ---- at the wrong time, from the wrong thread ------------------------------------------------ */

static void test_misuse__close_twice(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct fixture *f = fixture_begin(own != 0, S_PARKED);

        fixture_what(f, "close twice");
        TAKEN(f, usher_close(f->u, fixture_on_closed, r), 1);
        for (int i = 0; i < 3; i++) {
            struct receipt *r = fixture_receipt(f);
            int err = fixture_returned(r, usher_close(f->u, fixture_on_closed, r), 1);

            CHECK(f, err == USHER_ECANCELED, "%d", err);
        }
        fixture_turn(f);
        fixture_end(f);
    }
    fixture_verdict();
}

/* Outstanding callbacks run first, whatever kind they are, then the close callback. */
static void test_misuse__every_call_and_then_close(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        for (int s = 0; s < STATES; s++) {
            for (size_t i = 0; i < fixture_calls_n; i++) {
                struct fixture *f = fixture_begin(own != 0, (enum state)s);

                fixture_what(f, "%s in state %s, then close", fixture_calls[i].label,
                             fixture_states[s]);
                (void)fixture_call(f, &fixture_calls[i], NULL);
                fixture_end(f);
            }
        }
    }
    fixture_verdict();
}

static void call_elsewhere(void *arg)
{
    struct fixture *f = arg;

    for (size_t i = 0; i < fixture_calls_n; i++) {
        const struct call *call = &fixture_calls[i];
        int64_t returned;

        if (call->flags != (CALL_INT | CALL_SERVICE) || fixture_is(call, "usher_post"))
            continue;
        fixture_what(f, "%s from another thread", call->label);
        returned = fixture_call(f, call, NULL);
        CHECK(f, returned == USHER_ETHREAD, "%d", (int)returned);
    }
}

static void test_misuse__from_another_thread(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        for (int closing = 0; closing < 2; closing++) {
            struct fixture *f = fixture_begin(own != 0, S_PARKED);
            char *before = fixture_digest(f, true), *after;
            uv_thread_t thread;

            if (closing)
                TAKEN(f, usher_close(f->u, fixture_on_closed, r), 1);
            assert_int_equal(uv_thread_create(&thread, call_elsewhere, f), 0);
            assert_int_equal(uv_thread_join(&thread), 0);
            if (!closing) {
                fixture_run(f);
                after = fixture_digest(f, true);
                (void)fixture_same(f, before, after, "something came of it");
                free(after);
            }
            free(before);
            fixture_end(f);
        }
    }
    fixture_verdict();
}

/* ---- what was passed in is copied ------------------------------------------------------------ */

/* The same calls with arguments that stay and with ones that are gone when the callbacks run: the
 * fixture overwrites them; that nobody reads them then is the sanitizer's to say, and that what is
 * told is right is said here. */
static void test_misuse__arguments_are_copied(void **state)
{
    struct fixture *f = hand_begin(S_NOTHING);
    struct call by_requester = *fixture_find("usher_read");
    usher_request q = hand_request("eva");
    usher_standing s = USHER_INIT(usher_standing);
    struct receipt *r;

    (void)state;
    by_requester.variant = USHER_READ_TICKETS;
    assert_int_equal(fixture_call(f, fixture_find("usher_enqueue"), NULL), USHER_OK);
    f->ticket = 3;
    fixture_run(f);
    assert_int_equal(usher_peek(f->u, 3, &s), USHER_OK);
    assert_string_equal(s.requester, "somebody-0");
    assert_string_equal(s.symptom, "noise");
    assert_string_equal(s.ref, "R-1");
    assert_int_equal(usher_peek_ref(f->q, "R-1", &s), USHER_OK);
    assert_int_equal(fixture_call(f, fixture_find("usher_claim_next"), NULL), USHER_OK);
    assert_int_equal(fixture_call(f, fixture_find("usher_acknowledge"), NULL), USHER_OK);
    assert_int_equal(usher_peek(f->u, 3, &s), USHER_OK);
    assert_string_equal(s.last_word.data, "we are on it");
    assert_string_equal(s.holder, "ann");
    for (int i = 0; i < 2; i++)
        assert_int_equal(usher_enqueue(f->q, &q, NULL, NULL), USHER_OK);
    assert_int_equal(fixture_call(f, &by_requester, &r), USHER_OK);
    fixture_run(f);
    CHECK(f, r->rows == 2, "%d tickets of eva", (int)r->rows);
    hand_end(f);
    fixture_verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misuse__unknown_verbs_and_kinds),
        cmocka_unit_test(test_misuse__resolving_for_no_reply_is_the_policys),
        cmocka_unit_test(test_misuse__what_is_missing),
        cmocka_unit_test(test_misuse__other_numbers),
        cmocka_unit_test(test_misuse__instants_and_durations),
        cmocka_unit_test(test_misuse__the_largest_instants_and_durations),
        cmocka_unit_test(test_misuse__what_is_another_services),
        cmocka_unit_test(test_misuse__texts_are_any_bytes),
        cmocka_unit_test(test_misuse__names_are_any_bytes_but_nul),
        cmocka_unit_test(test_misuse__close_twice),
        cmocka_unit_test(test_misuse__every_call_and_then_close),
        cmocka_unit_test(test_misuse__from_another_thread),
        cmocka_unit_test(test_misuse__arguments_are_copied),
    };

    return cmocka_run_group_tests_name("misuse", tests, NULL, NULL);
}
