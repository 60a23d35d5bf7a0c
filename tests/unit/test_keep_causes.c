/* What a service on a store knows of symptoms, causes, links, offers and figures, it knows after a reopen, at
 * whatever point that comes, and after a crash. */
#include "keep.h"
#include "local/inside.h"
#include "store/inside.h"

#define POLICY                                                                                     \
    "{\"promises\":{\"ack\":{\"target\":\"5m\"},\"update\":{\"target\":\"1h\"},\"resolve\":{"      \
    "\"target\":\"8h\"}},\"recurrence\":{\"window\":\"1d\",\"cause_after\":3,\"cause_queue\":"     \
    "\"problems\"},\"handoff\":{\"accept_within\":\"10m\"},\"aftercare\":{\"confirm_within\":"     \
    "\"1h\",\"reopen_within\":\"1d\"}}"

static usher_queue_t *queue(struct desk *d, const char *name)
{
    usher_queue_t *q;

    assert_int_equal(usher_queue(d->u, &q, name), USHER_OK);
    return q;
}

static usher_agent_t *agent(struct desk *d, const char *name)
{
    usher_agent_t *a;

    assert_int_equal(usher_agent(d->u, &a, name, NULL, 0), USHER_OK);
    return a;
}

static struct desk *desk_with(usher_options o)
{
    struct desk *d = begin(o);

    queue(d, "problems");
    agent(d, "bob");
    assert_int_equal(usher_define(d->q, POLICY, d->err, sizeof d->err, NULL, NULL), USHER_OK);
    settle(d);
    return d;
}

static void pass(struct desk *d, int64_t ms)
{
    assert_int_equal(usher_advance(d->u, usher_now(d->u) + ms), USHER_OK);
}

static usher_standing peek(struct desk *d, usher_id id)
{
    usher_standing s = USHER_INIT(usher_standing);

    assert_int_equal(usher_peek(d->u, id, &s), USHER_OK);
    return s;
}

static void take(struct desk *d, usher_id id)
{
    uint32_t before = d->worked;

    assert_int_equal(usher_claim_ticket(d->a, id, NULL, on_work, d), USHER_OK);
    settle(d);
    assert_int_equal(d->worked, before + 1);
}

static void by_holder(struct desk *d, usher_id id, usher_command c)
{
    c.claim = (usher_claim){id, usher__engine_token(d->u->engine, id)};
    assert_int_equal(act(d, c), USHER_OK);
}

static void resolve(struct desk *d, usher_id id, int kind)
{
    take(d, id);
    by_holder(d, id,
              (usher_command){.verb = USHER_RESOLVE, .kind = kind, .text = USHER_TEXT("so")});
}

static void by_person(struct desk *d, usher_id id, int verb, const char *who)
{
    assert_int_equal(act(d, (usher_command){.verb = verb, .claim = {id, 0}, .who = who}), USHER_OK);
}

static void link_to(struct desk *d, usher_id id, usher_id cause)
{
    assert_int_equal(act(d, (usher_command){.verb = USHER_LINK, .claim = {id, 0}, .other = cause}),
                     USHER_OK);
}

static usher_id jam(struct desk *d, const char *who)
{
    return enqueue(d, (usher_request){.requester = who, .symptom = "paper jam"});
}

/* One that is closed, whatever else waits. */
static usher_id closed_one(struct desk *d, usher_request r)
{
    usher_id id = enqueue(d, r);

    resolve(d, id, USHER_AS_FIX);
    by_person(d, id, USHER_CONFIRM, r.requester != NULL ? r.requester : "eva");
    return id;
}

/* How often the ticket's history has this kind, about the other. */
struct search {
    int32_t kind;
    usher_id other;
    uint32_t n;
};

static void on_history(usher_t *u, int status, const usher_page *p, void *user)
{
    struct search *s = user;

    (void)u;
    assert_int_equal(status, USHER_OK);
    for (uint64_t i = 0; i < p->n; i++)
        s->n += p->events[i].kind == s->kind && p->events[i].other == s->other;
}

static uint32_t told(struct desk *d, usher_id id, int32_t kind, usher_id other)
{
    usher_query q = {.size = sizeof q, .what = USHER_READ_HISTORY, .ticket = id, .limit = 1000};
    struct search s = {kind, other, 0};

    assert_int_equal(usher_read(d->u, &q, on_history, &s), USHER_OK);
    settle(d);
    return s.n;
}

/* ---- a story, step by step ----------------------------------------------------------------------- */

static bool tell(struct desk *d, int step)
{
    d->a = agent(d, "ann");
    switch (step) {
    case 0:
        jam(d, "eva");
        break;
    case 1:
        jam(d, "dan");
        break;
    case 2:
        jam(d, "eva");
        break; /* the cause is 4 */
    case 3:
        jam(d, "joe");
        break;
    case 4:
        enqueue(d, (usher_request){.requester = "kim", .symptom = "noise", .follows = 1});
        break;
    case 5:
        link_to(d, 6, 4);
        break;
    case 6:
        take(d, 1);
        break;
    case 7:
        by_holder(d, 1, (usher_command){.verb = USHER_HAND_OFF, .queue = queue(d, "problems")});
        break;
    case 8:
        pass(d, 60000);
        break;
    case 9:
        take(d, 1);
        break; /* accepts */
    case 10:
        by_holder(d, 1, (usher_command){.verb = USHER_HAND_OFF, .agent = agent(d, "bob")});
        break;
    case 11:
        assert_int_equal(act(d, (usher_command){.verb = USHER_RECALL, .claim = {1, 0}}), USHER_OK);
        break;
    case 12:
        by_holder(d, 1, (usher_command){.verb = USHER_HAND_OFF, .agent = agent(d, "bob")});
        break;
    case 13:
        assert_int_equal(
            act(d, (usher_command){.verb = USHER_DECLINE, .claim = {1, 0}, .who = "bob"}),
            USHER_OK);
        break;
    case 14:
        resolve(d, 1, USHER_AS_FIX);
        break;
    case 15:
        by_person(d, 1, USHER_CONFIRM, "eva");
        break; /* closed, and linked */
    case 16:
        resolve(d, 4, USHER_AS_WORKAROUND);
        break;
    case 17:
        by_holder(d, 4, (usher_command){.verb = USHER_HAND_OFF, .queue = d->q});
        break;
    case 18:
        pass(d, 11 * 60000);
        break; /* not accepted */
    case 19:
        resolve(d, 4, USHER_AS_FIX);
        break;
    case 20:
        by_person(d, 4, USHER_REOPEN, "desk");
        break;
    case 21:
        link_to(d, 6, 0);
        break;
    case 22:
        by_person(d, 2, USHER_WITHDRAW, "dan");
        break;
    case 23:
        resolve(d, 4, USHER_AS_FIX);
        break;
    case 24:
        jam(d, "eva");
        break;
    case 25:
        by_person(d, 4, USHER_CONFIRM, "desk");
        break; /* over: nobody hangs on it */
    case 26:
        pass(d, 3 * HOUR);
        break;
    default:
        return false;
    }
    settle(d);
    return true;
}

static void test_keep_causes__a_reopen_anywhere_changes_nothing(void **state)
{
    struct desk *d = desk_with((usher_options){.keep_closed = 1000});
    struct desk *reopened = desk_with((usher_options){.keep_closed = 1000});

    (void)state;
    for (int step = 0; tell(d, step); step++) {
        uint64_t before;

        assert_true(tell(reopened, step));
        before = digest(reopened);
        if (digest(d) != before)
            fail_msg("step %d: another history", step);
        reopen(reopened);
        if (digest(reopened) != before)
            fail_msg("step %d: the reopen lost something", step);
        settle(reopened);
        if (step == 3) {
            assert_int_equal(peek(reopened, 4).linked, 4);
            assert_int_equal(peek(reopened, 5).cause, 4);
            assert_int_equal(peek(reopened, 3).follows, 2);
        } else if (step == 10) {
            assert_string_equal(peek(reopened, 1).offered_to, "bob");
        } else if (step == 15) {
            assert_int_equal(peek(reopened, 1).state, USHER_CLOSED);
        }
    }
    end(d);
    end(reopened);
}

/* Closed, linked, and nothing closed is kept in memory: whoever had the trouble is told all the same. */
static void test_keep_causes__a_closed_one_hears_of_the_fix(void **state)
{
    struct desk *d = desk_with((usher_options){.keep_closed = 1});

    (void)state;
    jam(d, "eva");
    jam(d, "dan");
    jam(d, "joe");
    resolve(d, 1, USHER_AS_FIX);
    by_person(d, 1, USHER_CONFIRM, "eva");
    for (int i = 0; i < 5; i++)
        closed_one(d, (usher_request){.requester = "pat"});
    reopen(d);
    assert_int_equal(peek(d, 1).state, USHER_CLOSED);
    assert_int_equal(peek(d, 4).linked, 3);
    resolve(d, 4, USHER_AS_FIX);
    assert_int_equal(told(d, 1, USHER_EV_CHECK_IN, 4), 1);
    assert_int_equal(told(d, 2, USHER_EV_CAUSE_TOLD, 4), 1);
    by_person(d, 4, USHER_CONFIRM, "desk");
    settle(d);
    reopen(d);
    settle(d);
    assert_int_equal(usher__ids_find(&d->u->engine->by_id, 1), 0); /* as any closed one */
    assert_int_equal(told(d, 1, USHER_EV_CHECK_IN, 4), 1);
    end(d);
}

/* One that has left memory comes back to be linked, with its body, and stays. */
static void test_keep_causes__linked_when_it_had_left(void **state)
{
    static char large[3000];
    struct desk *d = desk_with((usher_options){.keep_closed = 1});
    usher_id id, cause;

    (void)state;
    memset(large, 'b', sizeof large);
    id = closed_one(d, (usher_request){.body = {large, sizeof large}});
    closed_one(d, (usher_request){.requester = "pat"});
    closed_one(d, (usher_request){.requester = "pat"});
    assert_int_equal(usher__ids_find(&d->u->engine->by_id, id), 0);
    cause = enqueue(d, (usher_request){.requester = "desk"});
    link_to(d, id, cause);
    assert_int_equal(peek(d, cause).linked, 1);
    for (int i = 0; i < 3; i++)
        closed_one(d, (usher_request){.requester = "pat"});
    reopen(d);
    assert_int_equal(peek(d, id).state, USHER_CLOSED);
    assert_int_equal(peek(d, cause).linked, 1);
    read_page(d, (usher_query){.what = USHER_READ_BODY, .ticket = id});
    assert_int_equal(d->page_status, USHER_OK);
    assert_memory_equal(d->text, large, 2000);
    link_to(d, id, 0);
    assert_int_equal(peek(d, cause).linked, 0);
    reopen(d);
    settle(d);
    assert_int_equal(peek(d, cause).linked, 0);
    read_page(d, (usher_query){.what = USHER_READ_TICKETS, .linked = cause});
    assert_int_equal(d->page_n, 0);
    end(d);
}

/* ---- purges -------------------------------------------------------------------------------------- */

static void test_keep_causes__a_purge_takes_what_is_linked(void **state)
{
    struct desk *d = desk_with((usher_options){.keep_closed = 1000});

    (void)state;
    jam(d, "eva");
    jam(d, "dan");
    jam(d, "joe");
    for (usher_id id = 1; id <= 2; id++) {
        resolve(d, id, USHER_AS_FIX);
        by_person(d, id, USHER_CONFIRM, id == 1 ? "eva" : "dan");
    }
    assert_int_equal(usher_purge(d->u, 0, "eva", on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_OK);
    assert_string_equal(d->detail, "purge: 1 tickets");
    assert_int_equal(peek(d, 4).linked, 2);
    reopen(d);
    assert_int_equal(peek(d, 4).linked, 2);
    read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = 1});
    assert_int_equal(d->page_status, USHER_ENOENT);
    assert_int_equal(peek(d, 2).state, USHER_CLOSED);
    end(d);
}

/* Age alone does not: not before the cause is over. */
static void test_keep_causes__age_takes_it_when_the_cause_is_over(void **state)
{
    struct desk *d = desk_with((usher_options){.keep_closed = 1000, .retain_ms = HOUR});

    (void)state;
    jam(d, "eva");
    jam(d, "dan");
    jam(d, "joe");
    resolve(d, 1, USHER_AS_FIX);
    by_person(d, 1, USHER_CONFIRM, "eva");
    for (int i = 0; i < 5; i++) {
        pass(d, HOUR);
        enqueue(d, (usher_request){.requester = "pat"});
    }
    reopen(d);
    assert_int_equal(peek(d, 1).state, USHER_CLOSED);
    by_person(d, 4, USHER_WITHDRAW, "desk");
    for (int i = 0; i < 200 && d->page_status != USHER_ENOENT; i++) {
        pass(d, HOUR);
        enqueue(d, (usher_request){.requester = "pat"});
        read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = 1});
    }
    assert_int_equal(d->page_status, USHER_ENOENT);
    end(d);
}

/* ---- a crash ------------------------------------------------------------------------------------- */

/* A process of its own that does this, and dies. Its digest, when all had been saved. */
static uint64_t in_a_crash(struct desk *d, void (*play)(struct desk *d))
{
    uint64_t sum = 0;
    int status, pipes[2];
    pid_t child;

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        open_desk(d);
        play(d);
        sum = digest(d);
        _exit(write(pipes[1], &sum, sizeof sum) == sizeof sum ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(pipes[0], &sum, sizeof sum), sizeof sum);
    close(pipes[0]);
    close(pipes[1]);
    return sum;
}

static void play_all(struct desk *d)
{
    for (int step = 0; step < 26; step++)
        assert_true(tell(d, step)); /* the last is of the clock alone */
}

/* What had happened since the figures were cut last is counted again from the events. */
static void test_keep_causes__figures_after_a_crash(void **state)
{
    struct desk *d = desk_with((usher_options){.keep_closed = 1000});
    uint64_t sum, counted;

    (void)state;
    close_desk(d);
    sum = in_a_crash(d, play_all);
    assert_int_equal(usher_manual_clock_skip(d->clock, T0 + 12 * 60000), USHER_OK);
    open_desk(d);
    counted = usher__engine_counted(d->u->engine);
    assert_true(counted < usher__engine_log(d->u->engine)->seq);
    assert_true(digest(d) == sum);
    settle(d);
    assert_true(digest(d) == sum);
    reopen(d);
    assert_true(digest(d) == sum);
    assert_true(usher__engine_counted(d->u->engine) > counted);
    end(d);
}

static void play_many(struct desk *d)
{
    usher_id id = enqueue(d, (usher_request){.requester = "eva"});

    for (int i = 0; i < 20000; i++)
        assert_int_equal(usher_act(d->u,
                                   &(usher_command){.size = sizeof(usher_command),
                                                    .verb = USHER_ASK,
                                                    .claim = {id, 0},
                                                    .who = "eva"},
                                   NULL, NULL),
                         USHER_OK);
    settle(d);
}

/* After so many events they are cut although nobody closes. */
static void test_keep_causes__figures_are_cut_now_and_then(void **state)
{
    struct desk *d = desk_with((usher_options){.keep_closed = 1000});
    uint64_t sum;

    (void)state;
    close_desk(d);
    sum = in_a_crash(d, play_many);
    open_desk(d);
    assert_true(usher__engine_counted(d->u->engine) > 10000);
    assert_true(digest(d) == sum);
    end(d);
}

static void play_purge(struct desk *d)
{
    for (int i = 0; i < 5; i++)
        closed_one(d, (usher_request){.requester = "pat"});
    closed_one(d, (usher_request){.requester = "eva"});
    assert_int_equal(usher_purge(d->u, 0, "pat", on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_OK);
    jam(d, "eva");
}

/* The events of what is purged have been counted before. */
static void test_keep_causes__figures_outlive_a_purge(void **state)
{
    struct desk *d = desk_with((usher_options){.keep_closed = 1000});
    uint64_t sum;

    (void)state;
    close_desk(d);
    sum = in_a_crash(d, play_purge);
    open_desk(d);
    assert_true(digest(d) == sum);
    end(d);
}

/* Nobody is told when the store has erased what is old. */
static void wait_for_sweep(const struct desk *d)
{
    struct store *s = d->u->keeping.store;
    bool sweeps = true;

    while (sweeps) {
        usher__lock(&s->lock);
        sweeps = s->retaining;
        usher__unlock(&s->lock);
        nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
    }
}

static void play_age(struct desk *d)
{
    closed_one(d, (usher_request){.requester = "pat"});
    for (int i = 0; i < 200 && d->page_status != USHER_ENOENT; i++) {
        pass(d, 61000);
        enqueue(d, (usher_request){.requester = "eva"});
        read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = 1});
    }
    assert_int_equal(d->page_status, USHER_ENOENT);
    wait_for_sweep(d);
}

/* ... nor do they go for what is old, however soon that is. */
static void test_keep_causes__figures_outlive_old_age(void **state)
{
    struct desk *d = desk_with((usher_options){.keep_closed = 1, .retain_ms = 1});
    uint64_t sum;

    (void)state;
    close_desk(d);
    sum = in_a_crash(d, play_age);
    open_desk(d);
    assert_true(digest(d) == sum);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_causes__a_reopen_anywhere_changes_nothing),
        cmocka_unit_test(test_keep_causes__a_closed_one_hears_of_the_fix),
        cmocka_unit_test(test_keep_causes__linked_when_it_had_left),
        cmocka_unit_test(test_keep_causes__a_purge_takes_what_is_linked),
        cmocka_unit_test(test_keep_causes__age_takes_it_when_the_cause_is_over),
        cmocka_unit_test(test_keep_causes__figures_after_a_crash),
        cmocka_unit_test(test_keep_causes__figures_are_cut_now_and_then),
        cmocka_unit_test(test_keep_causes__figures_outlive_a_purge),
        cmocka_unit_test(test_keep_causes__figures_outlive_old_age),
    };

    return cmocka_run_group_tests_name("keep_causes", tests, NULL, NULL);
}
