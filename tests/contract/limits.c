/* Every limit of the header on both sides, and calls that are wrong: what is refused is answered as
 * the header says, has no callback and changes nothing. */
#include "fixture.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/service.h"

#define LENGTH(a) (sizeof(a) / sizeof(a)[0])

/* ---- taken or refused ------------------------------------------------------------------------------ */

/* A call by hand: cb reports to f's receipt `r`. */
#define TAKEN(f, expr, callbacks)                                                                  \
    do {                                                                                           \
        struct receipt *r = fixture_receipt(f);                                                    \
        int err_ = (expr);                                                                         \
        (void)fixture_returned(r, err_, callbacks);                                                \
        CHECK(f, err_ >= 0, "%s", usher_err_name(err_));                                           \
    } while (0)
#define REFUSED(f, expr, error)                                                                    \
    do {                                                                                           \
        struct receipt *r = fixture_receipt(f);                                                    \
        char *before_ = fixture_digest(f, true);                                                   \
        int err_ = (expr);                                                                         \
        char *after_ = fixture_digest(f, true);                                                    \
        (void)fixture_returned(r, err_, 0);                                                        \
        CHECK(f, err_ == (error), "%s", usher_err_name(err_));                                     \
        (void)fixture_same(f, before_, after_, "refused, and yet changed");                        \
        free(before_);                                                                             \
        free(after_);                                                                              \
    } while (0)

/* len letters; a few at a time are kept. */
static const char *letters(size_t len)
{
    static char *kept[8];
    static unsigned turn;
    char *s = malloc(len + 1);

    assert_non_null(s);
    memset(s, 'a' + (int)(turn % 26), len);
    s[len] = '\0';
    turn++;
    free(kept[turn % LENGTH(kept)]);
    kept[turn % LENGTH(kept)] = s;
    return s;
}

static struct fixture *begin(enum state s)
{
    struct fixture *f = fixture_begin(true, s);

    fixture_what(f, "limits");
    return f;
}

static void end(struct fixture *f)
{
    fixture_run(f);
    fixture_end(f);
}

/* A service with options of its own, a queue and an agent. */
static struct fixture *begin_with(usher_options o)
{
    struct fixture *f = fixture_new(true);
    usher_options all = *give_options(f);

    fixture_what(f, "limits of a service");
    all.max_pending = o.max_pending;
    all.op_window_n = o.op_window_n;
    all.op_window_ms = o.op_window_ms;
    all.keep_closed = o.keep_closed;
    all.history_bytes = o.history_bytes;
    f->lost->accepted = -1;
    f->events = NULL;
    assert_int_equal(usher_open(&f->u, NULL, "memory:", &all, NULL, NULL), USHER_OK);
    take_given(f);
    assert_int_equal(usher_queue(f->u, &f->q, "desk"), USHER_OK);
    assert_int_equal(usher_queue(f->u, &f->q2, "second line"), USHER_OK);
    assert_int_equal(usher_queue(f->u, &f->idle, "idle"), USHER_OK);
    assert_int_equal(usher_agent(f->u, &f->a, "ann", NULL, 0), USHER_OK);
    return f;
}

static usher_request request(const char *who)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = who;
    return r;
}

static usher_command command(const struct fixture *f, int verb)
{
    usher_command c = USHER_INIT(usher_command);
    uint64_t token = usher__service_token(f->u, f->ticket);

    c.verb = verb;
    c.claim.ticket = f->ticket;
    c.claim.token = verb < USHER_ASK ? (token != 0 ? token : 1) : 0;
    c.who = verb >= USHER_ASK ? "eva" : NULL;
    c.text = (usher_text){"word", 4};
    if (verb == USHER_PAUSE || verb == USHER_REPRIORITISE || verb == USHER_RESOLVE)
        c.kind = USHER_ON_REQUESTER; /* and low, and answered */
    c.queue = verb == USHER_MOVE ? f->q2 : NULL;
    return c;
}

static const int verbs[] = {
    USHER_ACKNOWLEDGE,  USHER_UPDATE,  USHER_EXTEND,   USHER_RELEASE, USHER_PAUSE,
    USHER_RESUME,       USHER_RESOLVE, USHER_FAIL,     USHER_ASK,     USHER_REPLY,
    USHER_CONFIRM,      USHER_REOPEN,  USHER_WITHDRAW, USHER_REVIVE,  USHER_ESCALATE,
    USHER_REPRIORITISE, USHER_MOVE,    USHER_NOTE,
};

/* ---- names ------------------------------------------------------------------------------------------- */

/* Where names are given. */
enum {
    N_QUEUE,
    N_AGENT,
    N_SKILL,
    N_REQUESTER,
    N_SYMPTOM,
    N_KEY,
    N_REF,
    N_NEED,
    N_WHO,
    N_DESK,
    N_PEEK,
    N_READ_REQUESTER,
    N_READ_AGENT,
    N_READ_SYMPTOM,
    NAMES
};
static const char *const name_places[NAMES] = {
    "queue",       "agent",         "skill",        "requester",  "symptom",  "dedup_key",
    "ref",         "need",          "who (person)", "who (desk)", "peek_ref", "query.requester",
    "query.agent", "query.symptom",
};

static int call_with_name(struct fixture *f, int place, const char *name, struct receipt *r)
{
    usher_request q = request(place == N_REQUESTER ? name : "eva");
    usher_command c = command(f, place == N_WHO ? USHER_REPLY : USHER_NOTE);
    usher_query query = USHER_INIT(usher_query);
    usher_standing s = USHER_INIT(usher_standing);
    int err;

    switch (place) {
    case N_QUEUE:
        return usher_queue(f->u, &f->queue_out, name);
    case N_AGENT:
        return usher_agent(f->u, &f->agent_out, name, NULL, 0);
    case N_SKILL:
        return usher_agent(f->u, &f->agent_out, "tom", &name, 1);
    case N_WHO:
    case N_DESK:
        c.who = name;
        return usher_act(f->u, &c, fixture_on_done, r);
    case N_PEEK:
        err = usher_peek_ref(f->q, name, &s);
        return err == USHER_ENOENT ? USHER_OK : err;
    case N_READ_REQUESTER:
    case N_READ_AGENT:
    case N_READ_SYMPTOM:
        query.what = USHER_READ_TICKETS;
        query.requester = place == N_READ_REQUESTER ? name : NULL;
        query.agent = place == N_READ_AGENT ? name : NULL;
        query.symptom = place == N_READ_SYMPTOM ? name : NULL;
        return usher_read(f->u, &query, fixture_on_page, r);
    default:
        q.symptom = place == N_SYMPTOM ? name : NULL;
        q.dedup_key = place == N_KEY ? name : NULL;
        q.ref = place == N_REF ? name : NULL;
        q.needs = place == N_NEED ? &name : NULL;
        q.needs_n = place == N_NEED;
        return usher_enqueue(f->q, &q, fixture_on_done, r);
    }
}

static bool has_callback(int place)
{
    return place != N_QUEUE && place != N_AGENT && place != N_SKILL && place != N_PEEK;
}

static void test_limits__names(void **state)
{
    struct fixture *f = begin(S_CLAIMED);

    (void)state;
    for (int place = 0; place < NAMES; place++) {
        fixture_what(f, "name of %s", name_places[place]);
        REFUSED(f, call_with_name(f, place, "", r), USHER_EINVAL);
        TAKEN(f, call_with_name(f, place, letters(1), r), has_callback(place));
        TAKEN(f, call_with_name(f, place, letters(USHER_NAME_MAX), r), has_callback(place));
        fixture_run(f);
        REFUSED(f, call_with_name(f, place, letters(USHER_NAME_MAX + 1), r), USHER_ELIMIT);
    }
    assert_int_equal(usher_queue(f->u, &f->queue_out, letters(USHER_NAME_MAX)), USHER_OK);
    assert_int_equal(strlen(usher_queue_name(f->queue_out)), USHER_NAME_MAX);
    end(f);
    fixture_verdict();
}

/* A person may have the longest name and still be somebody, in his ticket and in its history. */
static void test_limits__the_longest_names_are_told(void **state)
{
    struct fixture *f = begin(S_CLAIMED);
    const char *who = letters(USHER_NAME_MAX);
    usher_request q = request(who);
    usher_standing s = USHER_INIT(usher_standing);
    usher_command c;
    const char *need = who;

    (void)state;
    q.symptom = q.dedup_key = q.ref = who;
    q.needs = &need;
    q.needs_n = 1;
    TAKEN(f, usher_enqueue(f->q, &q, fixture_on_done, r), 1);
    f->ticket = ++f->last;
    c = command(f, USHER_REPLY);
    c.who = who;
    TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
    fixture_run(f);
    assert_int_equal(usher_peek_ref(f->q, who, &s), USHER_OK);
    assert_string_equal(s.requester, who);
    assert_string_equal(s.symptom, who);
    assert_int_equal(s.ticket_seq, 2);
    end(f);
    fixture_verdict();
}

/* ---- texts and bodies ------------------------------------------------------------------------------------ */

static void test_limits__texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(verbs); i++) {
        struct fixture *f = begin(S_CLAIMED);
        usher_command c = command(f, verbs[i]);

        fixture_what(f, "text of %s", usher_name(USHER_NAME_VERB, verbs[i]));
        c.text = (usher_text){letters(USHER_TEXT_MAX + 1), USHER_TEXT_MAX + 1};
        REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_ELIMIT);
        c.text.len = UINT64_MAX;
        REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_ELIMIT);
        c.text.len = USHER_TEXT_MAX;
        TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
        end(f);
    }
    fixture_verdict();
}

static void test_limits__words_of_the_calls_by_name(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        for (int i = 0; i < 7; i++) {
            struct fixture *f = begin(i == 6 ? S_RESOLVED : S_CLAIMED);
            const usher_claim c = *give_claim(f);
            const char *word = letters(USHER_TEXT_MAX + (size_t)more);
            struct receipt *r = fixture_receipt(f);
            usher_t *u = f->u;
            int err;

            fixture_what(f, "word %d, %d more than there may be", i, more);
            err = i == 0   ? usher_acknowledge(u, &c, word, fixture_on_done, r)
                  : i == 1 ? usher_update(u, &c, word, 0, fixture_on_done, r)
                  : i == 2 ? usher_pause(u, &c, USHER_ON_REQUESTER, word, 0, fixture_on_done, r)
                  : i == 3 ? usher_resolve(u, &c, USHER_AS_FIX, word, fixture_on_done, r)
                  : i == 4 ? usher_fail(u, &c, word, fixture_on_done, r)
                  : i == 5 ? usher_reply(u, f->ticket, "eva", word, fixture_on_done, r)
                           : usher_reopen(u, f->ticket, "eva", word, fixture_on_done, r);
            (void)fixture_returned(r, err, 1);
            CHECK(f, err == (more ? USHER_ELIMIT : USHER_OK), "%d", err);
            end(f);
        }
    }
    fixture_verdict();
}

static usher_request with_body(size_t len)
{
    usher_request q = request("eva");

    q.body = (usher_text){letters(len), len};
    return q;
}

static int enqueue_body(struct fixture *f, size_t len, struct receipt *r)
{
    usher_request q = with_body(len);

    return usher_enqueue(f->q, &q, fixture_on_done, r);
}

static void define(struct fixture *f, const char *policy)
{
    char err[200];

    if (usher_define(f->q, policy, err, sizeof err, NULL, NULL) != USHER_OK)
        fail_msg("%s", err);
    fixture_run(f);
}

static void test_limits__bodies(void **state)
{
    struct fixture *f = begin(S_CLAIMED);
    usher_request two[2] = {request("eva"), with_body(11)};

    (void)state;
    TAKEN(f, enqueue_body(f, 1048576, r), 1); /* the default of limits.payload */
    REFUSED(f, enqueue_body(f, 1048577, r), USHER_ELIMIT);
    define(f, "{\"limits\":{\"payload\":16777216}}");
    TAKEN(f, enqueue_body(f, USHER_BODY_MAX, r), 1);
    REFUSED(f, enqueue_body(f, USHER_BODY_MAX + 1, r), USHER_ELIMIT);
    define(f, "{\"limits\":{\"payload\":10}}");
    TAKEN(f, enqueue_body(f, 10, r), 1);
    REFUSED(f, enqueue_body(f, 11, r), USHER_ELIMIT);
    REFUSED(f, usher_enqueue_many(f->q, two, 2, fixture_on_done, r), USHER_ELIMIT);
    two[1].body.len = UINT64_MAX;
    REFUSED(f, usher_enqueue(f->q, &two[1], fixture_on_done, r), USHER_ELIMIT);
    define(f, "{\"limits\":{\"payload\":0}}");
    TAKEN(f, enqueue_body(f, 0, r), 1);
    REFUSED(f, enqueue_body(f, 1, r), USHER_ELIMIT);
    end(f);
    fixture_verdict();
}

static int define_len(struct fixture *f, size_t len, struct receipt *r)
{
    char *policy = malloc(len + 1);
    int err;

    assert_non_null(policy);
    memset(policy, ' ', len);
    policy[0] = '{';
    policy[len - 1] = '}';
    policy[len] = '\0';
    err = usher_define(f->q, policy, NULL, 0, fixture_on_done, r);
    free(policy);
    return err;
}

static void test_limits__policies(void **state)
{
    struct fixture *f = begin(S_CLAIMED);

    (void)state;
    TAKEN(f, define_len(f, USHER_POLICY_MAX, r), 1);
    REFUSED(f, define_len(f, USHER_POLICY_MAX + 1, r), USHER_ELIMIT);
    REFUSED(
        f,
        usher_define(f->q, "{\"limits\":{\"open\":0}}", f->err, sizeof f->err, fixture_on_done, r),
        USHER_EPOLICY);
    assert_memory_equal(f->err, "policy: ", 8);
    for (size_t room = 0; room < 12; room++) { /* as much of it as there is room for */
        memset(f->err, '#', sizeof f->err);
        REFUSED(f, usher_define(f->q, "[]", f->err, room, fixture_on_done, r), USHER_EPOLICY);
        CHECK(f, f->err[room] == '#', "more than %d bytes were written", (int)room);
        CHECK(f, room == 0 || strlen(f->err) < room, "no end within %d bytes", (int)room);
    }
    end(f);
    fixture_verdict();
}

/* ---- counts within a call -------------------------------------------------------------------------------- */

static char many_names[USHER_BATCH_MAX + 1][12];
static const char *many[USHER_BATCH_MAX + 1];

static void make_names(void)
{
    for (size_t i = 0; i < LENGTH(many); i++) {
        snprintf(many_names[i], sizeof many_names[i], "n%05d", (int)i);
        many[i] = many_names[i];
    }
}

static int enqueue_needs(struct fixture *f, const char *key, const char *const *needs, uint32_t n,
                         struct receipt *r)
{
    usher_request q = request("eva");

    q.dedup_key = key;
    q.needs = needs;
    q.needs_n = n;
    return usher_enqueue(f->q, &q, fixture_on_done, r);
}

/* Refused, or accepted and then refused with this status: of what the ticket says, either way is
 * within the header ("one more is ELIMIT"). */
#define TOO_MUCH(f, expr, error)                                                                   \
    do {                                                                                           \
        struct receipt *r = fixture_receipt(f);                                                    \
        char *before_ = fixture_digest(f, false);                                                  \
        int err_ = fixture_returned(r, (expr), 1);                                                 \
        char *after_;                                                                              \
        fixture_run(f);                                                                            \
        after_ = fixture_digest(f, false);                                                         \
        CHECK(f, err_ == (error) || (err_ == 0 && r->status == (error)), "%d, status %d", err_,    \
              r->status);                                                                          \
        (void)fixture_same(f, before_, after_, "refused, and yet changed");                        \
        free(before_);                                                                             \
        free(after_);                                                                              \
    } while (0)

static void test_limits__needs(void **state)
{
    struct fixture *f = begin(S_CLAIMED);

    (void)state;
    REFUSED(f, enqueue_needs(f, NULL, many, USHER_NEEDS_MAX + 1, r), USHER_ELIMIT);
    REFUSED(f, enqueue_needs(f, NULL, many, UINT32_MAX, r), USHER_ELIMIT);
    TAKEN(f, enqueue_needs(f, NULL, many, USHER_NEEDS_MAX, r), 1);
    TAKEN(f, enqueue_needs(f, "key", many, USHER_NEEDS_MAX - 1, r), 1);
    fixture_run(f);
    TOO_MUCH(f, enqueue_needs(f, "key", many + USHER_NEEDS_MAX - 1, 2, r), USHER_ELIMIT);
    TAKEN(f, enqueue_needs(f, "key", many + USHER_NEEDS_MAX - 1, 1, r), 1);
    TAKEN(f, enqueue_needs(f, "key", many, USHER_NEEDS_MAX, r), 1); /* the same ones */
    fixture_run(f);
    TOO_MUCH(f, enqueue_needs(f, "key", many + USHER_NEEDS_MAX, 1, r), USHER_ELIMIT);
    end(f);
    fixture_verdict();
}

static void test_limits__skills(void **state)
{
    struct fixture *f = begin(S_CLAIMED);

    (void)state;
    TAKEN(f, usher_agent(f->u, &f->agent_out, "tom", many, USHER_SKILLS_MAX), 0);
    REFUSED(f, usher_agent(f->u, &f->agent_out, "tom", many, USHER_SKILLS_MAX + 1), USHER_ELIMIT);
    REFUSED(f, usher_agent(f->u, &f->agent_out, "tom", many, UINT32_MAX), USHER_ELIMIT);
    end(f);
    fixture_verdict();
}

static int join(struct fixture *f, const char *who, struct receipt *r)
{
    usher_request q = request(who);

    q.dedup_key = "K-1";
    return usher_enqueue(f->q, &q, fixture_on_done, r);
}

static void test_limits__persons(void **state)
{
    struct fixture *f = begin(S_WAITING); /* eva waits */
    usher_standing s = USHER_INIT(usher_standing);

    (void)state;
    for (int i = 1; i < USHER_PERSONS_MAX; i++)
        TAKEN(f, join(f, many[i], r), 1);
    fixture_run(f);
    assert_int_equal(usher_peek(f->u, f->ticket, &s), USHER_OK);
    assert_int_equal(s.persons, USHER_PERSONS_MAX);
    TOO_MUCH(f, join(f, "one more", r), USHER_ELIMIT);
    end(f);
    fixture_verdict();
}

static void by_holder(struct fixture *f, int verb, int kind)
{
    usher_command c = command(f, verb);

    c.kind = kind;
    c.at = verb == USHER_PAUSE ? f->at + 60000 : 0;
    TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
}

static void test_limits__pauses_and_reopens(void **state)
{
    struct fixture *f = begin(S_CLAIMED);
    usher_command c;
    usher_standing s = USHER_INIT(usher_standing);

    (void)state;
    for (int i = 0; i < USHER_PAUSES_MAX - 10; i++) { /* claiming it ends the pause */
        by_holder(f, USHER_PAUSE, USHER_UNTIL);
        TAKEN(f, usher_claim_ticket(f->a, f->ticket, NULL, fixture_on_work, r), 1);
    }
    for (int i = 0; i < 10; i++) { /* a reopen counts as one */
        by_holder(f, USHER_RESOLVE, USHER_AS_FIX);
        c = command(f, USHER_REOPEN);
        TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
        TAKEN(f, usher_claim_ticket(f->a, f->ticket, NULL, fixture_on_work, r), 1);
    }
    fixture_run(f);
    for (const struct receipt *r = f->receipts; r != NULL; r = r->next)
        CHECK(f, r->status == USHER_OK, "status %d", r->status);
    c = command(f, USHER_PAUSE);
    c.kind = USHER_UNTIL;
    c.at = f->at + 60000;
    TOO_MUCH(f, usher_act(f->u, &c, fixture_on_done, r), USHER_ELIMIT);
    by_holder(f, USHER_RESOLVE, USHER_AS_FIX);
    fixture_run(f);
    c = command(f, USHER_REOPEN);
    TOO_MUCH(f, usher_act(f->u, &c, fixture_on_done, r), USHER_ELIMIT);
    assert_int_equal(usher_peek(f->u, f->ticket, &s), USHER_OK);
    CHECK(f, s.state == USHER_RESOLVED, "state %d", s.state);
    end(f);
    fixture_verdict();
}

static void test_limits__claims(void **state)
{
    struct fixture *f = begin(S_CLAIMED);
    usher_queue_t *queues[USHER_CLAIM_QUEUES_MAX + 1];
    usher_claim_args c = USHER_INIT(usher_claim_args);
    usher_request *q = calloc(USHER_CLAIM_MAX + 5, sizeof *q);
    struct receipt *got = fixture_receipt(f);

    (void)state;
    assert_non_null(q);
    for (size_t i = 0; i < USHER_CLAIM_MAX + 5; i++)
        q[i] = request("eva");
    for (size_t i = 0; i < LENGTH(queues); i++)
        assert_int_equal(usher_queue(f->u, &queues[i], many[i]), USHER_OK);
    TAKEN(f, usher_enqueue_many(queues[7], q, USHER_CLAIM_MAX + 5, fixture_on_done, r),
          USHER_CLAIM_MAX + 5);
    fixture_run(f);
    c.queues = queues;
    c.queues_n = USHER_CLAIM_QUEUES_MAX;
    c.n = USHER_CLAIM_MAX + 1;
    REFUSED(f, usher_claim_many(f->a, &c, fixture_on_work, r), USHER_ELIMIT);
    c.n = UINT32_MAX;
    REFUSED(f, usher_claim_many(f->a, &c, fixture_on_work, r), USHER_ELIMIT);
    c.n = USHER_CLAIM_MAX;
    c.queues_n = USHER_CLAIM_QUEUES_MAX + 1;
    REFUSED(f, usher_claim_many(f->a, &c, fixture_on_work, r), USHER_ELIMIT);
    c.queues_n = UINT32_MAX;
    REFUSED(f, usher_claim_many(f->a, &c, fixture_on_work, r), USHER_ELIMIT);
    c.queues_n = 0;
    REFUSED(f, usher_claim_many(f->a, &c, fixture_on_work, r), USHER_EINVAL);
    c.queues_n = USHER_CLAIM_QUEUES_MAX;
    assert_int_equal(fixture_returned(got, usher_claim_many(f->a, &c, fixture_on_work, got), 1), 0);
    fixture_run(f);
    assert_int_equal(got->rows, USHER_CLAIM_MAX);
    free(q);
    end(f);
    fixture_verdict();
}

static void test_limits__batches(void **state)
{
    struct fixture *f = begin(S_CLAIMED);
    usher_request *q = calloc(USHER_BATCH_MAX + 1, sizeof *q);
    usher_command *c = calloc(USHER_BATCH_MAX + 1, sizeof *c);

    (void)state;
    assert_non_null(q);
    assert_non_null(c);
    for (size_t i = 0; i <= USHER_BATCH_MAX; i++) {
        q[i] = request(many[i]);
        c[i] = command(f, USHER_NOTE);
    }
    REFUSED(f, usher_enqueue_many(f->q, q, USHER_BATCH_MAX + 1, fixture_on_done, r), USHER_ELIMIT);
    REFUSED(f, usher_enqueue_many(f->q, q, SIZE_MAX, fixture_on_done, r), USHER_ELIMIT);
    REFUSED(f, usher_act_many(f->u, c, USHER_BATCH_MAX + 1, fixture_on_done, r), USHER_ELIMIT);
    REFUSED(f, usher_act_many(f->u, c, SIZE_MAX, fixture_on_done, r), USHER_ELIMIT);
    TAKEN(f, usher_enqueue_many(f->q, q, USHER_BATCH_MAX, fixture_on_done, r), USHER_BATCH_MAX);
    TAKEN(f, usher_act_many(f->u, c, USHER_BATCH_MAX, fixture_on_done, r), USHER_BATCH_MAX);
    fixture_turn(f);
    /* All or none: the last one is wrong. */
    q[99].requester = "";
    REFUSED(f, usher_enqueue_many(f->q, q, 100, fixture_on_done, r), USHER_EINVAL);
    q[99].requester = letters(256);
    REFUSED(f, usher_enqueue_many(f->q, q, 100, fixture_on_done, r), USHER_ELIMIT);
    while (usher_turn(f->u) > 0)
        continue;
    free(q);
    free(c);
    fixture_end(f);
    fixture_verdict();
}

/* ---- counts of a service ----------------------------------------------------------------------------------- */

static void test_limits__queues(void **state)
{
    struct fixture *f = begin_with((usher_options){0}); /* it has three */
    usher_queue_t *first = f->q, *q;
    char name[20];

    (void)state;
    for (int i = 3; i < USHER_QUEUES_MAX; i++) {
        snprintf(name, sizeof name, "q%d", i);
        assert_int_equal(usher_queue(f->u, &q, name), USHER_OK);
    }
    REFUSED(f, usher_queue(f->u, &f->queue_out, "one more"), USHER_ELIMIT);
    assert_int_equal(usher_queue(f->u, &q, "desk"), USHER_OK); /* one that is there */
    assert_ptr_equal(q, first);
    assert_int_equal(usher_queue(f->u, &q, "q65534"), USHER_OK);
    end(f);
    fixture_verdict();
}

static void test_limits__agents(void **state)
{
    usher_t *u;
    usher_agent_t *a, *first = NULL;
    char name[20];

    (void)state;
    assert_int_equal(usher_open(&u, NULL, "memory:", NULL, NULL, NULL), USHER_OK);
    for (int i = 0; i < USHER_AGENTS_MAX; i++) {
        snprintf(name, sizeof name, "a%d", i);
        if (usher_agent(u, &a, name, NULL, 0) != USHER_OK)
            fail_msg("agent %d", i);
        first = i == 0 ? a : first;
    }
    assert_int_equal(usher_agent_gone(first, NULL, NULL), USHER_OK); /* "present or gone" */
    assert_int_equal(usher_agent(u, &a, "one more", NULL, 0), USHER_ELIMIT);
    assert_null(a);
    assert_int_equal(usher_agent(u, &a, "a0", NULL, 0), USHER_OK);
    assert_ptr_equal(a, first);
    assert_int_equal(usher_close(u, NULL, NULL), USHER_OK);
    (void)usher_turn(u);
}

static void test_limits__subscribers(void **state)
{
    struct fixture *f = begin(S_CLAIMED); /* it is one */
    struct receipt *last = NULL;

    (void)state;
    for (int i = 1; i < USHER_SUBSCRIBERS_MAX; i++) {
        last = fixture_receipt(f);
        assert_int_equal(
            fixture_returned(last, usher_subscribe(f->u, NULL, 0, fixture_on_event, last), -1), 0);
    }
    REFUSED(f, usher_subscribe(f->u, NULL, 0, fixture_on_event, r), USHER_ELIMIT);
    assert_int_equal(usher_unsubscribe(f->u, fixture_on_event, last), USHER_OK);
    REFUSED(f, usher_unsubscribe(f->u, fixture_on_event, last), USHER_ENOENT);
    TAKEN(f, usher_subscribe(f->u, NULL, 0, fixture_on_event, r), -1);
    REFUSED(f, usher_subscribe(f->u, NULL, 0, fixture_on_event, r), USHER_ELIMIT);
    REFUSED(f, usher_subscribe(f->u, "durable", 0, fixture_on_event, r), USHER_EINVAL);
    REFUSED(f, usher_subscribe(f->u, NULL, 1, fixture_on_event, r), USHER_EINVAL);
    end(f);
    fixture_verdict();
}

static void test_limits__rows(void **state)
{
    struct fixture *f = begin(S_NOTHING);
    usher_request *q = calloc(1500, sizeof *q);
    usher_query query = USHER_INIT(usher_query);
    struct receipt *got = fixture_receipt(f);

    (void)state;
    assert_non_null(q);
    for (size_t i = 0; i < 1500; i++)
        q[i] = request("eva");
    TAKEN(f, usher_enqueue_many(f->q, q, 1500, fixture_on_done, r), 1500);
    fixture_run(f);
    query.what = USHER_READ_TICKETS;
    query.limit = USHER_ROWS_MAX + 1;
    REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_ELIMIT);
    query.limit = UINT32_MAX;
    REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_ELIMIT);
    query.limit = USHER_ROWS_MAX;
    assert_int_equal(fixture_returned(got, usher_read(f->u, &query, fixture_on_page, got), 1), 0);
    fixture_run(f);
    assert_int_equal(got->rows, USHER_ROWS_MAX);
    got = fixture_receipt(f);
    query.limit = 0;
    assert_int_equal(fixture_returned(got, usher_read(f->u, &query, fixture_on_page, got), 1), 0);
    fixture_run(f);
    assert_int_equal(got->rows, 100);
    query.cursor = UINT64_MAX;
    TAKEN(f, usher_read(f->u, &query, fixture_on_page, r), 1);
    free(q);
    end(f);
    fixture_verdict();
}

/* ---- options ------------------------------------------------------------------------------------------------- */

static int note(struct fixture *f, const char *text, usher_op op, struct receipt *r)
{
    usher_command c = command(f, USHER_NOTE);

    c.text = (usher_text){text, strlen(text)};
    c.op = op;
    return usher_act(f->u, &c, fixture_on_done, r);
}

static void begin_ticket(struct fixture *f)
{
    usher_request q = request("eva");

    q.dedup_key = "K-1";
    assert_int_equal(usher_enqueue(f->q, &q, NULL, NULL), USHER_OK);
    f->ticket = f->last = f->ticket + 1;
}

static void test_limits__max_pending(void **state)
{
    struct fixture *f = begin_with((usher_options){.max_pending = 3});
    usher_query query = USHER_INIT(usher_query);
    usher_request q[2] = {request("ida"), request("ida")};

    (void)state;
    query.what = USHER_READ_TICKETS;
    begin_ticket(f);
    for (int i = 0; i < 5; i++) /* parked claims apart */
        TAKEN(f, usher_claim_next(f->a, f->idle, USHER_NEVER, fixture_on_work, r), 1);
    for (int i = 0; i < 2; i++)
        TAKEN(f, note(f, "a", (usher_op){0, 0}, r), 1);
    REFUSED(f, usher_enqueue_many(f->q, q, 2, fixture_on_done, r), USHER_EFULL); /* 2 + 2 */
    TAKEN(f, note(f, "a", (usher_op){0, 0}, r), 1);
    REFUSED(f, note(f, "b", (usher_op){0, 0}, r), USHER_EFULL);
    REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_EFULL);
    REFUSED(f, usher_claim_next(f->a, f->q, 0, fixture_on_work, r), USHER_EFULL);
    REFUSED(f, usher_queue_hold(f->q, 1, fixture_on_done, r), USHER_EFULL);
    REFUSED(f, usher_enqueue(f->q, q, fixture_on_done, r), USHER_EFULL);
    REFUSED(f, usher_agent_gone(f->a, fixture_on_done, r), USHER_EFULL);
    fixture_run(f);
    TAKEN(f, note(f, "b", (usher_op){0, 0}, r), 1);
    end(f); /* the 5 end all at once: they had room */
    fixture_verdict();
}

static uint64_t ticket_seq(struct fixture *f)
{
    usher_standing s = USHER_INIT(usher_standing);

    assert_int_equal(usher_peek(f->u, f->ticket, &s), USHER_OK);
    return s.ticket_seq;
}

static void test_limits__op_window(void **state)
{
    struct fixture *f = begin_with((usher_options){.op_window_n = 2, .op_window_ms = 1000});
    uint64_t seq;

    (void)state;
    begin_ticket(f);
    TAKEN(f, note(f, "a", (usher_op){1, 1}, r), 1);
    TAKEN(f, note(f, "b", (usher_op){1, 2}, r), 1);
    seq = ticket_seq(f);
    TAKEN(f, note(f, "a", (usher_op){1, 1}, r), 1); /* both are remembered */
    TAKEN(f, note(f, "b", (usher_op){1, 2}, r), 1);
    CHECK(f, ticket_seq(f) == seq, "a repeat was applied");
    fixture_run(f);
    TOO_MUCH(f, note(f, "other", (usher_op){1, 2}, r), USHER_EINVAL);
    TAKEN(f, note(f, "c", (usher_op){1, 3}, r), 1); /* the first one goes */
    TAKEN(f, note(f, "b", (usher_op){1, 2}, r), 1);
    CHECK(f, ticket_seq(f) == seq + 1, "only c is new");
    TAKEN(f, note(f, "a", (usher_op){1, 1}, r), 1);
    CHECK(f, ticket_seq(f) == seq + 2, "a is new again");
    assert_int_equal(usher_advance(f->u, T0 + 999), USHER_OK);
    TAKEN(f, note(f, "a", (usher_op){1, 1}, r), 1);
    CHECK(f, ticket_seq(f) == seq + 2, "a is remembered for a second");
    assert_int_equal(usher_advance(f->u, T0 + 1000), USHER_OK);
    TAKEN(f, note(f, "a", (usher_op){1, 1}, r), 1);
    CHECK(f, ticket_seq(f) == seq + 3, "and no longer");
    end(f);
    fixture_verdict();
}

/* In one batch an op that is repeated meets another one that makes it be forgotten. */
static void test_limits__op_window_within_a_batch(void **state)
{
    struct fixture *f = begin_with((usher_options){.op_window_n = 1});
    usher_request q[2] = {request("eva"), request("ida")};
    uint64_t n[USHER_STATES];

    (void)state;
    q[0].op = (usher_op){2, 2};
    q[1].op = (usher_op){1, 1};
    TAKEN(f, usher_enqueue(f->q, &q[1], fixture_on_done, r), 1);
    fixture_run(f);
    TAKEN(f, usher_enqueue_many(f->q, q, 2, fixture_on_done, r), 2);
    fixture_run(f);
    assert_int_equal(usher_counts(f->q, n), USHER_OK);
    CHECK(f, n[USHER_WAITING] == 2, "%d tickets", (int)n[USHER_WAITING]);
    end(f);
    fixture_verdict();
}

/* "A change is applied at most once per token"; an op names one attempt, wherever it is repeated. */
static void test_limits__one_op_twice_in_a_batch(void **state)
{
    struct fixture *f = begin_with((usher_options){0});
    usher_request q[2] = {request("eva"), request("eva")};
    uint64_t n[USHER_STATES];

    (void)state;
    q[0].op = q[1].op = (usher_op){1, 1};
    TAKEN(f, usher_enqueue_many(f->q, q, 2, fixture_on_done, r), 2);
    fixture_run(f);
    assert_int_equal(usher_counts(f->q, n), USHER_OK);
    CHECK(f, n[USHER_WAITING] == 1, "%d tickets for one op", (int)n[USHER_WAITING]);
    end(f);
    fixture_verdict();
}

static void test_limits__keep_closed(void **state)
{
    struct fixture *f = begin_with((usher_options){.keep_closed = 2});
    usher_standing s = USHER_INIT(usher_standing);
    uint64_t n[USHER_STATES];

    (void)state;
    for (int i = 0; i < 3; i++) {
        usher_command c;

        begin_ticket(f);
        c = command(f, USHER_WITHDRAW);
        TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
        CHECK(f, usher_peek(f->u, 1, &s) == (i < 2 ? USHER_OK : USHER_ENOENT), "after %d", i + 1);
    }
    CHECK(f, usher_peek(f->u, 2, &s) == USHER_OK, "the second");
    CHECK(f, usher_peek(f->u, 3, &s) == USHER_OK, "the third");
    assert_int_equal(usher_counts(f->q, n), USHER_OK);
    CHECK(f, n[USHER_WITHDRAWN] == 2, "%d", (int)n[USHER_WITHDRAWN]);
    end(f);
    fixture_verdict();
}

static uint64_t history_rows(struct fixture *f)
{
    struct receipt *r = fixture_receipt(f);
    usher_query q = USHER_INIT(usher_query);

    q.what = USHER_READ_HISTORY;
    q.ticket = f->ticket;
    q.limit = USHER_ROWS_MAX;
    assert_int_equal(fixture_returned(r, usher_read(f->u, &q, fixture_on_page, r), 1), USHER_OK);
    fixture_run(f);
    assert_int_equal(r->status, USHER_OK);
    return r->rows;
}

static void test_limits__history_bytes(void **state)
{
    static const uint64_t sizes[] = {1, 1 << 20, 4 << 20};
    const char *text = letters(10000);

    (void)state;
    for (size_t k = 0; k < LENGTH(sizes); k++) {
        struct fixture *f = begin_with((usher_options){.history_bytes = sizes[k]});
        uint64_t rows;

        fixture_what(f, "history_bytes %d", (int)sizes[k]);
        begin_ticket(f);
        for (int i = 0; i < 900; i++) {
            TAKEN(f, note(f, text, (usher_op){0, 0}, r), 1);
            if (i % 100 == 0)
                fixture_run(f);
        }
        fixture_run(f);
        CHECK(f, f->held_len < sizes[k] + (1 << 20), "%d bytes are held", (int)f->held_len);
        rows = history_rows(f);
        CHECK(f, rows < 900 && rows <= sizes[k] / 10000 + 60, "%d rows", (int)rows);
        CHECK(f, sizes[k] == 1 || rows >= sizes[k] / 10000 * 3 / 4, "%d rows", (int)rows);
        CHECK(f, ticket_seq(f) == 901, "%d events", (int)ticket_seq(f));
        end(f);
    }
    fixture_verdict();
}

/* ---- a full queue ---------------------------------------------------------------------------------------------- */

static int rooms; /* ROOM events */

static void on_room(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    (void)user;
    rooms += e->kind == USHER_EV_ROOM;
}

static void test_limits__open(void **state)
{
    struct fixture *f = begin_with((usher_options){0});
    usher_request q[2] = {request("ida"), request("otto")};
    usher_command c;

    (void)state;
    rooms = 0;
    define(f, "{\"limits\":{\"open\":3}}");
    assert_int_equal(usher_subscribe(f->u, NULL, 0, on_room, NULL), USHER_OK);
    begin_ticket(f);
    begin_ticket(f); /* joins: not one more */
    f->ticket = f->last = 1;
    TAKEN(f, usher_enqueue(f->q, q, fixture_on_done, r), 1);
    REFUSED(f, usher_enqueue_many(f->q, q, 2, fixture_on_done, r), USHER_EFULL); /* all or none */
    TAKEN(f, usher_enqueue(f->q, q, fixture_on_done, r), 1);
    fixture_run(f);
    REFUSED(f, usher_enqueue(f->q, q, fixture_on_done, r), USHER_EFULL);
    REFUSED(f, usher_enqueue_many(f->q, q, 1, fixture_on_done, r), USHER_EFULL);
    TAKEN(f, join(f, "kim", r), 1); /* joins are let in */
    fixture_run(f);
    CHECK(f, rooms == 0, "%d", rooms);
    TAKEN(f, usher_claim_next(f->a, f->q, 0, fixture_on_work, r), 1); /* the rest works */
    c = command(f, USHER_WITHDRAW);
    c.claim.ticket = 2;
    c.who = "ida";
    TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
    fixture_run(f);
    CHECK(f, rooms == 1, "%d", rooms);
    TAKEN(f, usher_enqueue(f->q, q, fixture_on_done, r), 1);
    REFUSED(f, usher_enqueue(f->q, q, fixture_on_done, r), USHER_EFULL);
    end(f);
    fixture_verdict();
}

/* ---- numbers that mean nothing ------------------------------------------------------------------------------------ */

static const int32_t wild[] = {INT32_MIN, INT32_MIN + 1,
                               -20001,    -1,
                               5,         9,
                               31,        37,
                               63,        65,
                               66,        71,
                               80,        81,
                               82,        83,
                               84,        85,
                               86,        87,
                               99,        255,
                               256,       65536,
                               INT32_MAX};

static bool is_verb(int verb)
{
    for (size_t i = 0; i < LENGTH(verbs); i++) {
        if (verbs[i] == verb)
            return true;
    }
    return false;
}

static void test_limits__unknown_verbs_and_kinds(void **state)
{
    struct fixture *f = begin(S_CLAIMED);

    (void)state;
    for (size_t i = 0; i < LENGTH(wild); i++) {
        usher_command c = command(f, USHER_NOTE);

        if (is_verb(wild[i]))
            continue;
        fixture_what(f, "verb %d", wild[i]);
        c.verb = wild[i];
        c.claim.token = usher__service_token(f->u, f->ticket);
        REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        REFUSED(f, usher_act_many(f->u, &c, 1, fixture_on_done, r), USHER_EINVAL);
    }
    for (size_t v = 0; v < LENGTH(verbs); v++) {
        for (size_t i = 0; i < LENGTH(wild); i++) {
            usher_command c = command(f, verbs[v]);

            fixture_what(f, "%s of kind %d", usher_name(USHER_NAME_VERB, verbs[v]), wild[i]);
            c.kind = wild[i];
            REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        }
    }
    fixture_what(f, "kinds of the calls by name");
    for (size_t i = 0; i < LENGTH(wild); i++) {
        usher_claim claim = command(f, USHER_PAUSE).claim;

        REFUSED(f, usher_pause(f->u, &claim, wild[i], "why?", f->at + 1, fixture_on_done, r),
                USHER_EINVAL);
        REFUSED(f, usher_resolve(f->u, &claim, wild[i], "so", fixture_on_done, r), USHER_EINVAL);
    }
    end(f);
    fixture_verdict();
}

static void test_limits__resolving_for_no_reply_is_the_policys(void **state)
{
    struct fixture *f = begin(S_CLAIMED);
    usher_command c = command(f, USHER_RESOLVE);

    (void)state;
    c.kind = USHER_AS_NO_REPLY;
    REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
    end(f);
    fixture_verdict();
}

/* What each verb needs. */
static void test_limits__what_is_missing(void **state)
{
    struct fixture *f = begin(S_CLAIMED);

    (void)state;
    for (size_t v = 0; v < LENGTH(verbs); v++) {
        usher_command c = command(f, verbs[v]);

        fixture_what(f, "%s without", usher_name(USHER_NAME_VERB, verbs[v]));
        if (verbs[v] < USHER_ASK) {
            c.claim.token = 0;
            REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        } else if (verbs[v] < USHER_REVIVE) {
            c.who = NULL;
            REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        }
        c = command(f, verbs[v]);
        c.text = (usher_text){NULL, 0};
        c.queue = NULL;
        if (verbs[v] == USHER_UPDATE || verbs[v] == USHER_PAUSE || verbs[v] == USHER_MOVE)
            REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        c.text = (usher_text){NULL, 1};
        REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
    }
    end(f);
    fixture_verdict();
}

static void test_limits__other_numbers(void **state)
{
    struct fixture *f = begin(S_CLAIMED);

    (void)state;
    for (size_t i = 0; i < LENGTH(wild); i++) {
        usher_request q = request("eva");
        usher_query query = USHER_INIT(usher_query);

        fixture_what(f, "number %d", wild[i]);
        q.priority = wild[i];
        REFUSED(f, usher_enqueue(f->q, &q, fixture_on_done, r), USHER_EINVAL);
        query.ticket = f->ticket;
        query.what = USHER_READ_WHY_DUE;
        query.promise = wild[i];
        REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_EINVAL);
        query.promise = USHER_PROMISE_ACK;
        query.what = wild[i] == 5 ? 6 : wild[i]; /* 5 is a read */
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
    end(f);
    fixture_verdict();
}

static const int64_t bad_instants[] = {INT64_MIN, -1, USHER_AT_MAX + 1, INT64_MAX - 1, INT64_MAX};
static const int64_t bad_durations[] = {INT64_MIN, INT64_MIN + 1, -1};

static void test_limits__instants_and_durations(void **state)
{
    struct fixture *f = begin(S_CLAIMED);

    (void)state;
    for (size_t i = 0; i < LENGTH(bad_instants); i++) {
        usher_request q = request("eva");

        fixture_what(f, "instant %lld", (long long)bad_instants[i]);
        q.start_at = bad_instants[i];
        REFUSED(f, usher_enqueue(f->q, &q, fixture_on_done, r), USHER_EINVAL);
        for (size_t v = 0; v < LENGTH(verbs); v++) {
            usher_command c = command(f, verbs[v]);

            c.at = bad_instants[i];
            REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        }
        REFUSED(f, usher_manual_clock_skip(f->clock, bad_instants[i]), USHER_EINVAL);
        REFUSED(f, usher_manual_clock_new(&f->clock_out, bad_instants[i]), USHER_EINVAL);
        REFUSED(f, usher_advance(f->u, bad_instants[i]), USHER_EINVAL);
    }
    for (size_t i = 0; i < LENGTH(bad_durations); i++) {
        usher_command c = command(f, USHER_EXTEND);

        fixture_what(f, "duration %lld", (long long)bad_durations[i]);
        c.ms = bad_durations[i];
        REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_EINVAL);
        REFUSED(f, usher_extend(f->u, &c.claim, c.ms, fixture_on_done, r), USHER_EINVAL);
        REFUSED(f, usher_claim_next(f->a, f->idle, c.ms, fixture_on_work, r), USHER_EINVAL);
    }
    end(f);
    fixture_verdict();
}

/* The largest that are taken: nothing overflows on the way to the end of time. */
static void test_limits__the_largest_instants_and_durations(void **state)
{
    struct fixture *f = begin(S_CLAIMED);
    usher_request q = request("ida");
    usher_command c = command(f, USHER_UPDATE);

    (void)state;
    q.start_at = USHER_AT_MAX;
    TAKEN(f, usher_enqueue(f->q, &q, fixture_on_done, r), 1);
    c.at = USHER_AT_MAX;
    TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
    TAKEN(f, usher_extend(f->u, &c.claim, INT64_MAX, fixture_on_done, r), 1);
    TAKEN(f, usher_extend(f->u, &c.claim, 1, fixture_on_done, r), 1);
    TAKEN(f, usher_claim_next(f->a, f->idle, INT64_MAX - 1, fixture_on_work, r), 1);
    TAKEN(f, usher_claim_next(f->a, f->idle, USHER_NEVER, fixture_on_work, r), 1);
    c = command(f, USHER_PAUSE);
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
    end(f);
    fixture_verdict();
}

/* ---- structs of other sizes ------------------------------------------------------------------------------------------ */

/* A struct that a call reads: its size, the end of the fields that it cannot do without. */
struct sized {
    const char *name;
    size_t size, least;
    int (*call)(struct fixture *f, void *data, struct receipt *r);
};

static int call_request(struct fixture *f, void *data, struct receipt *r)
{
    return usher_enqueue(f->q, data, fixture_on_done, r);
}

static int call_requests(struct fixture *f, void *data, struct receipt *r)
{
    return usher_enqueue_many(f->q, data, 1, fixture_on_done, r);
}

static int call_command(struct fixture *f, void *data, struct receipt *r)
{
    return usher_act(f->u, data, fixture_on_done, r);
}

static int call_commands(struct fixture *f, void *data, struct receipt *r)
{
    int n = usher_act_many(f->u, data, 1, fixture_on_done, r);

    return n == 1 ? 0 : n;
}

static int call_claim(struct fixture *f, void *data, struct receipt *r)
{
    return usher_claim_many(f->a, data, fixture_on_work, r);
}

static int call_query(struct fixture *f, void *data, struct receipt *r)
{
    return usher_read(f->u, data, fixture_on_page, r);
}

#define END_OF(type, field) (offsetof(type, field) + sizeof(((type *)NULL)->field))

static void fill_sized(struct fixture *f, size_t i, char *data)
{
    usher_request q = request("eva");
    usher_command c = command(f, USHER_NOTE);
    usher_claim_args args = USHER_INIT(usher_claim_args);
    usher_query query = USHER_INIT(usher_query);

    args.queues = &f->idle;
    args.queues_n = 1;
    query.what = USHER_READ_TICKETS;
    if (i < 2)
        memcpy(data, &q, sizeof q);
    else if (i < 4)
        memcpy(data, &c, sizeof c);
    else if (i == 4)
        memcpy(data, &args, sizeof args);
    else
        memcpy(data, &query, sizeof query);
}

static void test_limits__struct_sizes(void **state)
{
    static const struct sized all[] = {
        {"request", sizeof(usher_request), END_OF(usher_request, requester), call_request},
        {"requests", sizeof(usher_request), END_OF(usher_request, requester), call_requests},
        {"command", sizeof(usher_command), END_OF(usher_command, kind), call_command},
        {"commands", sizeof(usher_command), END_OF(usher_command, kind), call_commands},
        {"claim_args", sizeof(usher_claim_args), END_OF(usher_claim_args, queues_n), call_claim},
        {"query", sizeof(usher_query), END_OF(usher_query, what), call_query},
    };
    struct fixture *f = begin(S_CLAIMED);

    (void)state;
    for (size_t i = 0; i < LENGTH(all); i++) {
        const struct sized *s = &all[i];

        for (uint64_t size = 0; size <= s->size + 32; size += size < 8 ? 1 : 8) {
            char *data = malloc(s->size + 32); /* behind it is nobody's */
            char *exact = malloc(size < 8 ? 8 : (size_t)size);

            assert_non_null(data);
            assert_non_null(exact);
            memset(data, 0, s->size + 32);
            fill_sized(f, i, data);
            memcpy(data, &size, sizeof size);
            memcpy(exact, data, size < 8 ? 8 : (size_t)size);
            fixture_what(f, "%s of %d bytes", s->name, (int)size);
            if (size >= s->least) {
                TAKEN(f, s->call(f, exact, r), 1);
                fixture_run(f);
            } else {
                REFUSED(f, s->call(f, exact, r), USHER_EINVAL);
            }
            if (size > s->size) { /* a field that is not known is used */
                exact[size - 1] = 1;
                REFUSED(f, s->call(f, exact, r), USHER_EINVAL);
                exact[size - 1] = 0;
                exact[s->size] = (char)0x80;
                REFUSED(f, s->call(f, exact, r), USHER_EINVAL);
            }
            free(exact);
            free(data);
        }
    }
    end(f);
    fixture_verdict();
}

static int open_sized(struct fixture *f, uint64_t size, bool used)
{
    char *data = calloc(1, size < 8 ? 8 : (size_t)size);
    usher_t *u = f->u;
    int err;

    assert_non_null(data);
    memcpy(data, &size, sizeof size);
    if (used)
        data[size - 1] = 1;
    err = usher_open(&u, NULL, "memory:", (usher_options *)(void *)data, NULL, NULL);
    free(data);
    if (err != USHER_OK) {
        CHECK(f, u == NULL, "*out is not NULL");
        return err;
    }
    assert_int_equal(usher_close(u, NULL, NULL), USHER_OK);
    (void)usher_turn(u);
    return err;
}

static void test_limits__options(void **state)
{
    struct fixture *f = begin(S_CLAIMED);
    usher_options o = USHER_INIT(usher_options);
    usher_t *u = NULL;

    (void)state;
    for (uint64_t size = 0; size < 8; size++)
        CHECK(f, open_sized(f, size, false) == USHER_EINVAL, "%d bytes", (int)size);
    for (uint64_t size = 8; size <= sizeof o + 24; size += 8)
        CHECK(f, open_sized(f, size, false) == USHER_OK, "%d bytes", (int)size);
    CHECK(f, open_sized(f, sizeof o + 8, true) == USHER_EINVAL, "an option that is not known");
    for (int32_t level = 2; level < 6; level++) {
        o.durability = level;
        CHECK(f, usher_open(&u, NULL, "memory:", &o, NULL, NULL) == USHER_EINVAL, "%d", level);
    }
    o.durability = -1;
    CHECK(f, usher_open(&u, NULL, "memory:", &o, NULL, NULL) == USHER_EINVAL, "durability -1");
    o.durability = USHER_NONE;
    o.op_window_ms = -1;
    CHECK(f, usher_open(&u, NULL, "memory:", &o, NULL, NULL) == USHER_EINVAL, "op_window_ms -1");
    o.op_window_ms = INT64_MIN;
    CHECK(f, usher_open(&u, NULL, "memory:", &o, NULL, NULL) == USHER_EINVAL, "op_window_ms");
    CHECK(f, usher_open(&u, NULL, "sqlite:", NULL, NULL, NULL) == USHER_EINVAL, "a store");
    CHECK(f, usher_open(&u, NULL, "", NULL, NULL, NULL) == USHER_EINVAL, "no store");
    o.op_window_ms = INT64_MAX;
    o.op_window_n = o.max_pending = o.keep_closed = UINT32_MAX;
    o.history_bytes = o.seed = UINT64_MAX;
    CHECK(f, usher_open(&u, NULL, "memory:", &o, NULL, NULL) == USHER_OK, "the largest");
    f->other = u;
    end(f);
    fixture_verdict();
}

/* Of a standing, as much as there is room for; the caller's other bytes are left alone. */
static void test_limits__standings_of_other_sizes(void **state)
{
    struct fixture *f = begin(S_CLAIMED);

    (void)state;
    for (uint64_t size = 0; size <= sizeof(usher_standing) + 64; size += size < 8 ? 1 : 8) {
        char *room = malloc((size_t)size + 8);

        assert_non_null(room);
        memset(room, 0x5a, (size_t)size + 8);
        memcpy(room, &size, sizeof size);
        if (size < 8)
            REFUSED(f, usher_peek(f->u, f->ticket, (usher_standing *)(void *)room), USHER_EINVAL);
        else
            TAKEN(f, usher_peek(f->u, f->ticket, (usher_standing *)(void *)room), 0);
        CHECK(f, memcmp(room, &size, sizeof size) == 0, "its size changed");
        for (size_t i = 0; size >= 8 && i < 8; i++)
            CHECK(f, room[size + i] == 0x5a, "byte %d behind %d", (int)i, (int)size);
        free(room);
    }
    end(f);
    fixture_verdict();
}

/* ---- whose is it ---------------------------------------------------------------------------------------------------- */

static void test_limits__what_is_another_services(void **state)
{
    struct fixture *f = begin(S_CLAIMED), *g = begin(S_CLAIMED);
    usher_queue_t *mixed[2] = {f->q, g->q};
    usher_claim_args args = USHER_INIT(usher_claim_args);
    usher_query query = USHER_INIT(usher_query);
    usher_command c = command(f, USHER_MOVE);
    char *before = fixture_digest(g, true), *after;

    (void)state;
    args.queues = mixed;
    args.queues_n = 2;
    REFUSED(f, usher_claim_many(f->a, &args, fixture_on_work, r), USHER_EINVAL);
    REFUSED(f, usher_claim_next(f->a, g->q, 0, fixture_on_work, r), USHER_EINVAL);
    c.queue = g->q2;
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
    end(f);
    end(g);
    fixture_verdict();
}

/* ---- bytes ------------------------------------------------------------------------------------------------------------ */

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

static void test_limits__texts_are_any_bytes(void **state)
{
    struct fixture *f = begin(S_NOTHING);
    usher_request q = request("eva");
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
    c = command(f, USHER_UPDATE);
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
    end(f);
    fixture_verdict();
}

/* Names that are no UTF-8 are names all the same: what is the same bytes is the same name. */
static void test_limits__names_are_any_bytes_but_nul(void **state)
{
    struct fixture *f = begin(S_NOTHING);
    usher_queue_t *a, *b, *c;

    (void)state;
    assert_int_equal(usher_queue(f->u, &a, "\xff\xfe"), USHER_OK);
    assert_int_equal(usher_queue(f->u, &b, "\xff\xfe"), USHER_OK);
    assert_int_equal(usher_queue(f->u, &c, "\xff\xff"), USHER_OK);
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_string_equal(usher_queue_name(c), "\xff\xff");
    end(f);
    fixture_verdict();
}

/* ---- at the wrong time, from the wrong thread -------------------------------------------------------------------------- */

static void test_limits__close_twice(void **state)
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

/* The last word: outstanding callbacks run first, whatever kind they are, then the close callback. */
static void test_limits__every_call_and_then_close(void **state)
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

static void test_limits__from_another_thread(void **state)
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

/* ---- what was passed in is copied ---------------------------------------------------------------------------------------- */

/* The same calls with arguments that stay and with ones that are gone when the callbacks run: the
 * fixture overwrites them; that nobody reads them then is the sanitizer's to say, and that what is
 * told is right is said here. */
static void test_limits__arguments_are_copied(void **state)
{
    struct fixture *f = begin(S_NOTHING);
    usher_standing s = USHER_INIT(usher_standing);

    (void)state;
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
    end(f);
    fixture_verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits__names),
        cmocka_unit_test(test_limits__the_longest_names_are_told),
        cmocka_unit_test(test_limits__texts),
        cmocka_unit_test(test_limits__words_of_the_calls_by_name),
        cmocka_unit_test(test_limits__bodies),
        cmocka_unit_test(test_limits__policies),
        cmocka_unit_test(test_limits__needs),
        cmocka_unit_test(test_limits__skills),
        cmocka_unit_test(test_limits__persons),
        cmocka_unit_test(test_limits__pauses_and_reopens),
        cmocka_unit_test(test_limits__claims),
        cmocka_unit_test(test_limits__batches),
        cmocka_unit_test(test_limits__queues),
        cmocka_unit_test(test_limits__agents),
        cmocka_unit_test(test_limits__subscribers),
        cmocka_unit_test(test_limits__rows),
        cmocka_unit_test(test_limits__max_pending),
        cmocka_unit_test(test_limits__op_window),
        cmocka_unit_test(test_limits__one_op_twice_in_a_batch),
        cmocka_unit_test(test_limits__keep_closed),
        cmocka_unit_test(test_limits__history_bytes),
        cmocka_unit_test(test_limits__open),
        cmocka_unit_test(test_limits__unknown_verbs_and_kinds),
        cmocka_unit_test(test_limits__resolving_for_no_reply_is_the_policys),
        cmocka_unit_test(test_limits__what_is_missing),
        cmocka_unit_test(test_limits__other_numbers),
        cmocka_unit_test(test_limits__instants_and_durations),
        cmocka_unit_test(test_limits__the_largest_instants_and_durations),
        cmocka_unit_test(test_limits__struct_sizes),
        cmocka_unit_test(test_limits__options),
        cmocka_unit_test(test_limits__standings_of_other_sizes),
        cmocka_unit_test(test_limits__what_is_another_services),
        cmocka_unit_test(test_limits__texts_are_any_bytes),
        cmocka_unit_test(test_limits__names_are_any_bytes_but_nul),
        cmocka_unit_test(test_limits__close_twice),
        cmocka_unit_test(test_limits__every_call_and_then_close),
        cmocka_unit_test(test_limits__from_another_thread),
        cmocka_unit_test(test_limits__arguments_are_copied),
        cmocka_unit_test(test_limits__op_window_within_a_batch),
    };

    make_names();
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
