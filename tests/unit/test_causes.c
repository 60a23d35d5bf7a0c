/* Symptoms, causes and links, from inside: what many tickets, little memory and odd moments do to them. What
 * persons see of it stands in test_person_causes.c. */
#include "kept.h"
#include "local/causes.h"
#include "local/upkeep.h"

#define RECURS                                                                                     \
    "{\"recurrence\":{\"window\":\"1h\",\"cause_after\":3,\"cause_queue\":\"problems\"},"          \
    "\"aftercare\":{\"confirm_within\":\"10m\",\"reopen_within\":\"1d\"},\"limits\":{\"open\":"    \
    "5000}}"
#define MINUTE INT64_C(60000)

struct scene {
    struct world w;
    usher_queue_t *desk, *problems;
    usher_agent_t *ann;
    struct shelf shelf;
};

static void define(struct world *w, usher_queue_t *q, const char *json)
{
    struct result res;
    struct policy p;

    assert_int_equal(usher__engine_compile(w->e, &p, json, strlen(json), NULL, 0), 0);
    assert_int_equal(usher__engine_define(q, &p, json, strlen(json), &res), 0);
}

static void begin_with(struct scene *s, uint32_t keep_closed, const char *json)
{
    memset(s, 0, sizeof *s);
    world_open(&s->w, 1, keep_closed);
    world_tick(&s->w);
    assert_int_equal(usher__engine_queue(s->w.e, "desk", &s->desk), 0);
    assert_int_equal(usher__engine_queue(s->w.e, "problems", &s->problems), 0);
    assert_int_equal(usher__engine_agent(s->w.e, "ann", NULL, 0, &s->ann), 0);
    define(&s->w, s->desk, json);
    define(&s->w, s->problems, "{\"aftercare\":{\"confirm_within\":\"10m\"}}");
}

static void begin(struct scene *s)
{
    begin_with(s, WORLD_KEEPS, RECURS);
}

static void check(struct scene *s)
{
    const char *wrong = usher__engine_check(s->w.e);

    if (wrong != NULL)
        fail_msg("%s", wrong);
}

/* As it is, and as another engine has it from its rows. */
static void over(struct scene *s)
{
    struct world again;

    check(s);
    world_last_cut(&s->w, &s->shelf);
    world_again(&again, &s->w, &s->shelf, 2, s->w.e->keep_closed);
    assert_true(world_digest(&s->w) == world_digest(&again));
    assert_same_worlds(&s->w, &again);
    world_free(&again);
    world_free(&s->w);
    shelf_free(&s->shelf);
}

static void pass(struct scene *s, int64_t ms)
{
    s->w.wall += ms;
    s->w.boot += ms;
    world_tick(&s->w);
}

static const struct ticket *at(struct scene *s, usher_id id)
{
    uint32_t slot = usher__ids_find(&s->w.e->by_id, id);

    return slot == 0 ? NULL : usher__ticket(s->w.e, slot);
}

static uint32_t linked(struct scene *s, usher_id id)
{
    return at(s, id)->extra == NULL ? 0 : at(s, id)->extra->linked_n;
}

static bool is_linked(struct scene *s, usher_id id)
{
    return at(s, id)->extra != NULL && at(s, id)->extra->linked;
}

static usher_id ask_as(struct scene *s, const char *who, const char *symptom)
{
    usher_request r = {.size = sizeof r, .requester = who, .symptom = symptom};
    struct result res;

    assert_int_equal(usher__engine_enqueue(s->desk, &r, 1, &res), 0);
    assert_int_equal(res.status, 0);
    return res.ticket;
}

static usher_id ask(struct scene *s, const char *symptom)
{
    return ask_as(s, "eva", symptom);
}

static int act(struct scene *s, usher_command c)
{
    struct result res;

    c.size = sizeof c;
    if (c.verb >= USHER_ASK && c.verb < USHER_REVIVE && c.who == NULL)
        c.who = usher__engine_name(s->w.e, at(s, c.claim.ticket)->requester);
    assert_int_equal(usher__engine_act(s->w.e, &c, &res), 0);
    return res.status;
}

static int person(struct scene *s, usher_id id, int verb)
{
    return act(s, (usher_command){.verb = verb, .claim = {id, 0}});
}

static int link_to(struct scene *s, usher_id id, usher_id cause)
{
    return act(s, (usher_command){.verb = USHER_LINK, .claim = {id, 0}, .other = cause});
}

static int solve(struct scene *s, usher_id id, int kind)
{
    int err = usher__engine_claim_ticket(s->ann, id, (usher_op){0, 0}, NULL, NULL);

    assert_int_equal(err, 0);
    served_free(&s->w);
    return act(s, (usher_command){.verb = USHER_RESOLVE,
                                  .kind = kind,
                                  .claim = {id, usher__engine_token(s->w.e, id)},
                                  .text = {"so", 2}});
}

static void close_ticket(struct scene *s, usher_id id)
{
    assert_int_equal(solve(s, id, USHER_AS_FIX), 0);
    assert_int_equal(person(s, id, USHER_CONFIRM), 0);
    assert_int_equal(at(s, id)->state, USHER_CLOSED);
}

/* Those who were told of the cause since the place, in the order in which they were. */
static uint32_t told(struct scene *s, uint64_t place, usher_id *who, uint32_t room)
{
    struct log_event le;
    uint32_t n = 0;

    while (usher__log_at(&s->w.e->log, place, &le, &place)) {
        if (le.event.kind != USHER_EV_CAUSE_TOLD &&
            (le.event.kind != USHER_EV_CHECK_IN || le.event.other == 0))
            continue;
        assert_true(n < room);
        who[n++] = le.event.ticket;
    }
    return n;
}

static usher_page symptoms_of(struct scene *s, usher_query q, usher_symptom *rows, uint32_t limit)
{
    usher_page page = {.size = sizeof page};

    q.size = sizeof q;
    usher__causes_read(s->w.e, &q, limit, rows, &page);
    return page;
}

static usher_symptom symptom_of(struct scene *s, const char *name)
{
    usher_symptom row = {0};

    assert_int_equal(symptoms_of(s, (usher_query){.symptom = name}, &row, 1).n, 1);
    assert_string_equal(row.symptom, name);
    return row;
}

/* ---- links --------------------------------------------------------------------------------------- */

/* In whatever order they are linked: they are told in that of their ids. */
static void test_causes__told_by_id(void **state)
{
    static const int order[] = {5, 2, 9, 1, 3, 8, 10, 4, 7, 6};
    usher_id id[11], who[16];
    struct scene s;
    uint64_t place;
    uint32_t n;

    (void)state;
    begin(&s);
    id[0] = ask(&s, NULL);
    for (int i = 1; i <= 10; i++)
        id[i] = ask(&s, NULL);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(link_to(&s, id[order[i]], id[0]), 0);
        check(&s);
    }
    assert_int_equal(link_to(&s, id[4], id[0]), 0); /* told again, listed once */
    assert_int_equal(linked(&s, id[0]), 10);
    assert_int_equal(link_to(&s, id[1], 0), 0);
    assert_int_equal(link_to(&s, id[10], 0), 0);
    assert_int_equal(link_to(&s, id[5], 0), 0);
    assert_int_equal(link_to(&s, id[5], 0), USHER_ESTATE);
    check(&s);
    place = s.w.e->log.end;
    assert_int_equal(solve(&s, id[0], USHER_AS_WORKAROUND), 0);
    n = told(&s, place, who, 16);
    assert_int_equal(n, 7);
    for (uint32_t i = 1; i < n; i++)
        assert_true(who[i] > who[i - 1]);
    over(&s);
}

static void test_causes__from_one_cause_to_another(void **state)
{
    struct scene s;
    usher_id a, b, t;

    (void)state;
    begin(&s);
    a = ask(&s, NULL);
    t = ask(&s, NULL);
    b = ask(&s, NULL);
    assert_int_equal(link_to(&s, t, a), 0);
    assert_int_equal(link_to(&s, t, b), 0);
    assert_int_equal(linked(&s, a), 0);
    assert_int_equal(linked(&s, b), 1);
    assert_int_equal(link_to(&s, t, t), USHER_ESTATE);
    assert_int_equal(link_to(&s, t, 99), USHER_ENOENT);
    assert_int_equal(solve(&s, a, USHER_AS_FIX), 0); /* no cause any more: an answer like others */
    assert_int_equal(link_to(&s, t, a), USHER_ESTATE);
    assert_int_equal(at(&s, t)->extra->cause, b);
    over(&s);
}

/* a -> b -> c -> a, each a cause and linked; each is told once, and nobody passes it on. */
static void test_causes__in_a_ring(void **state)
{
    usher_id id[3], who[4];
    struct scene s;
    uint64_t place;

    (void)state;
    begin(&s);
    for (int i = 0; i < 3; i++)
        id[i] = ask(&s, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(link_to(&s, id[i], id[(i + 1) % 3]), 0);
    check(&s);
    place = s.w.e->log.end;
    assert_int_equal(solve(&s, id[1], USHER_AS_WORKAROUND), 0);
    assert_int_equal(told(&s, place, who, 4), 1);
    assert_true(who[0] == id[0]);
    for (int i = 0; i < 3; i++)
        close_ticket(&s, id[i]);
    for (int i = 0; i < 3; i++)
        assert_false(is_linked(&s, id[i]));
    assert_int_equal(s.w.e->closed_n, 3);
    over(&s);
}

/* As many as there may be; one more is refused. Withdrawn, it lets all of them go, the closed ones too. */
static void test_causes__a_thousand_at_once(void **state)
{
    struct scene s;
    usher_id cause, first, id;

    (void)state;
    begin_with(&s, 0, RECURS);
    cause = ask(&s, NULL);
    first = cause + 1;
    for (int i = 0; i < USHER_LINKS_MAX; i++) {
        id = ask(&s, NULL);
        assert_int_equal(link_to(&s, id, cause), 0);
    }
    id = ask(&s, NULL);
    assert_int_equal(link_to(&s, id, cause), USHER_ELIMIT);
    assert_int_equal(link_to(&s, first, cause), 0); /* it is there already */
    assert_int_equal(linked(&s, cause), USHER_LINKS_MAX);
    for (usher_id i = first; i < first + 300; i++)
        close_ticket(&s, i);
    world_cut(&s.w, &s.shelf);
    assert_int_equal(s.w.e->closed_n, 0);
    assert_int_equal(s.w.e->tickets.n, USHER_LINKS_MAX + 2);
    check(&s);
    assert_int_equal(person(&s, cause, USHER_WITHDRAW), 0);
    assert_false(is_linked(&s, id - 1));
    check(&s);
    world_cut(&s.w, &s.shelf);
    assert_int_equal(s.w.e->tickets.n, USHER_LINKS_MAX + 1 - 300); /* the cause has gone, too */
    assert_null(at(&s, first));
    over(&s);
}

/* More than any chunk of the history holds, and each gets all of it. */
static void test_causes__a_long_word_to_many(void **state)
{
    enum { MANY = 40 };
    static char text[USHER_TEXT_MAX];
    usher_id who[MANY];
    usher_command c = {.verb = USHER_RESOLVE, .kind = USHER_AS_FIX, .text = {text, sizeof text}};
    struct log_event le;
    struct scene s;
    usher_id cause;
    uint64_t place;

    (void)state;
    begin(&s);
    memset(text, 'w', sizeof text);
    cause = ask(&s, NULL);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(link_to(&s, ask(&s, NULL), cause), 0);
    assert_int_equal(usher__engine_claim_ticket(s.ann, cause, (usher_op){0, 0}, NULL, NULL), 0);
    served_free(&s.w);
    c.claim = (usher_claim){cause, usher__engine_token(s.w.e, cause)};
    place = s.w.e->log.end;
    assert_int_equal(act(&s, c), 0);
    assert_int_equal(told(&s, place, who, MANY), MANY);
    assert_true(usher__log_find(&s.w.e->log, s.w.e->log.seq, &le));
    assert_int_equal(le.event.text.len, sizeof text);
    over(&s);
}

/* What becomes of a linked ticket changes nothing in its being linked, until it is withdrawn. */
static void test_causes__whatever_becomes_of_it(void **state)
{
    struct scene s;
    usher_id cause, id[4];

    (void)state;
    begin_with(&s, 0, RECURS);
    cause = ask(&s, NULL);
    for (int i = 0; i < 4; i++) {
        id[i] = ask_as(&s, i == 3 ? "bob" : "eva", NULL);
        assert_int_equal(link_to(&s, id[i], cause), 0);
    }
    assert_int_equal(
        act(&s, (usher_command){.verb = USHER_MOVE, .claim = {id[0], 0}, .queue = s.problems}), 0);
    close_ticket(&s, id[1]);
    close_ticket(&s, id[2]);
    close_ticket(&s, id[3]);
    world_cut(&s.w, &s.shelf);
    check(&s);
    assert_int_equal(person(&s, id[1], USHER_REOPEN), 0);
    check(&s);
    assert_int_equal(linked(&s, cause), 4);
    assert_int_equal(link_to(&s, id[2], 0),
                     0); /* closed, and no longer linked: it goes as others do */
    assert_non_null(at(&s, id[2]));
    world_cut(&s.w, &s.shelf);
    assert_null(at(&s, id[2]));
    assert_int_equal(person(&s, id[0], USHER_WITHDRAW), 0);
    assert_false(is_linked(&s, id[0]));
    assert_int_equal(linked(&s, cause), 2);
    check(&s);
    /* By age nothing that is linked goes; by the host's wish it does, and only what was meant. */
    pass(&s, 100 * MINUTE);
    assert_int_equal(usher__engine_purge(s.w.e, &(struct row_filter){.closed_before_at = s.w.wall}),
                     0);
    assert_non_null(at(&s, id[3]));
    usher__engine_before_purge(s.w.e, &(struct row_filter){.requester = "eva"});
    assert_true(is_linked(&s, id[3]));
    usher__engine_before_purge(s.w.e, &(struct row_filter){.requester = "bob"});
    assert_false(is_linked(&s, id[3]));
    assert_true(is_linked(&s, id[1]));
    check(&s);
    over(&s);
}

/* Both are closed by their timers in the same millisecond, whichever comes first. */
static void test_causes__over_at_the_same_instant(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct scene s;
        usher_id a, b;

        begin_with(&s, 0, RECURS);
        a = ask(&s, NULL);
        b = ask(&s, NULL);
        assert_int_equal(link_to(&s, late ? b : a, late ? a : b), 0);
        assert_int_equal(solve(&s, a, USHER_AS_FIX), 0);
        assert_int_equal(solve(&s, b, USHER_AS_FIX), 0);
        pass(&s, 10 * MINUTE);
        check(&s);
        world_cut(&s.w, &s.shelf);
        assert_null(at(&s, a));
        assert_null(at(&s, b));
        over(&s);
    }
}

/* ---- symptoms ------------------------------------------------------------------------------------ */

static void test_causes__the_latest_come_first(void **state)
{
    usher_symptom row[8];
    usher_page page;
    struct scene s;

    (void)state;
    begin(&s);
    assert_int_equal(symptoms_of(&s, (usher_query){0}, row, 8).n, 0);
    for (int i = 0; i < 5; i++) {
        char name[2] = {(char)('a' + i), '\0'};

        ask(&s, name);
    }
    ask(&s, "b");
    page = symptoms_of(&s, (usher_query){0}, row, 2);
    assert_int_equal(page.n, 2);
    assert_string_equal(row[0].symptom, "b");
    assert_string_equal(row[1].symptom, "e");
    ask(&s, "e"); /* seen again meanwhile: it is not shown twice, nor is any other left out */
    page = symptoms_of(&s, (usher_query){.cursor = page.cursor}, row, 3);
    assert_int_equal(page.n, 3);
    assert_int_equal(page.cursor, 0);
    assert_string_equal(row[0].symptom, "d");
    assert_string_equal(row[2].symptom, "a");
    assert_int_equal(symptoms_of(&s, (usher_query){.symptom = "z"}, row, 8).n, 0);
    assert_int_equal(symptom_of(&s, "b").seen, 2);
    assert_int_equal(symptom_of(&s, "b").requesters, 1);
    over(&s);
}

/* The latest 32 are remembered, and of these those in the window count. */
static void test_causes__so_many_are_remembered(void **state)
{
    struct scene s;

    (void)state;
    begin_with(&s, WORLD_KEEPS, "{\"recurrence\":{\"window\":\"1h\"}}");
    for (int i = 0; i < 40; i++) {
        ask_as(&s, person_names[i % 3], "slow");
        pass(&s, MINUTE);
    }
    assert_int_equal(symptom_of(&s, "slow").seen, 40);
    assert_int_equal(symptom_of(&s, "slow").recent, CAUSE_AFTER_MAX);
    assert_int_equal(symptom_of(&s, "slow").requesters, 3);
    pass(&s, 58 * MINUTE);
    assert_int_equal(symptom_of(&s, "slow").recent, 1);
    pass(&s, MINUTE); /* an hour after the last: it is not within it any more */
    assert_int_equal(symptom_of(&s, "slow").recent, 0);
    assert_int_equal(symptom_of(&s, "slow").requesters, 0);
    over(&s);
}

static void numbered(char name[12], uint32_t i)
{
    snprintf(name, 12, "s%u", (unsigned)i);
}

static void ask_both(struct scene *s, const char *first, const char *second)
{
    usher_request r[2] = {{.size = sizeof *r, .requester = "eva", .symptom = first},
                          {.size = sizeof *r, .requester = "eva", .symptom = second}};
    struct result res[2];

    assert_int_equal(usher__engine_enqueue(s->desk, r, 2, res), 0);
}

/* One more than can be remembered: the one not seen for longest is forgotten, but none with an open cause. */
static void test_causes__the_oldest_is_forgotten(void **state)
{
    usher_symptom row;
    struct scene s;
    usher_id cause;
    char name[12];

    (void)state;
    begin_with(&s, 0,
               "{\"recurrence\":{\"window\":\"1h\",\"cause_after\":2,\"cause_queue\":"
               "\"problems\"},\"limits\":{\"open\":200000}}");
    ask(&s, "kept");
    cause = ask(&s, "kept") + 1;
    for (uint32_t i = 1; i < USHER_SYMPTOMS_MAX; i++) {
        numbered(name, i);
        ask(&s, name);
        if (i % 20000 == 0)
            world_cut(&s.w, &s.shelf);
    }
    numbered(name, 1);
    assert_int_equal(symptom_of(&s, name).seen, 1);
    ask(&s, name); /* seen again: it is not the oldest any more */
    ask(&s, "new");
    numbered(name, 1);
    assert_int_equal(symptom_of(&s, name).seen, 2);
    numbered(name, 2);
    assert_int_equal(symptoms_of(&s, (usher_query){.symptom = name}, &row, 1).n, 0);
    assert_true(symptom_of(&s, "kept").cause == cause);
    ask(&s, name); /* forgotten, and back before any cut has said so */
    assert_int_equal(symptom_of(&s, name).seen, 1);
    assert_int_equal(solve(&s, cause, USHER_AS_FIX), 0);
    world_cut(&s.w, &s.shelf);
    ask(&s, "newer");
    assert_int_equal(symptoms_of(&s, (usher_query){.symptom = "kept"}, &row, 1).n, 0);
    assert_int_equal(person(&s, cause, USHER_REOPEN), 0); /* of a symptom that nobody remembers */
    check(&s);
    over(&s);
}

/* Without a store there is nobody to be told; and what one ticket of a batch pushes out comes with the next one. */
static void test_causes__pushed_out_and_back(void **state)
{
    usher_symptom row;
    struct scene s;
    char name[12];

    (void)state;
    begin_with(&s, 0, "{\"limits\":{\"open\":200000}}");
    s.w.e->changes.on = s.w.e->marks.keeps = false;
    for (uint32_t i = 0; i < USHER_SYMPTOMS_MAX; i++) {
        numbered(name, i);
        ask(&s, name);
    }
    ask_both(&s, "new", "s0");
    assert_int_equal(symptom_of(&s, "s0").seen, 1);
    assert_int_equal(symptom_of(&s, "new").seen, 1);
    assert_int_equal(symptoms_of(&s, (usher_query){.symptom = "s1"}, &row, 1).n, 0);
    check(&s);
    world_free(&s.w);
}

/* Even if all have one: a service has so much memory for this and no more. */
static void test_causes__all_have_a_cause(void **state)
{
    struct scene s;
    usher_symptom row;
    char name[12];
    usher_id cause;

    (void)state;
    begin_with(&s, 0,
               "{\"recurrence\":{\"window\":\"1h\",\"cause_after\":2,\"cause_queue\":"
               "\"problems\"},\"limits\":{\"open\":400000}}");
    for (uint32_t i = 0; i < USHER_SYMPTOMS_MAX; i++) {
        numbered(name, i);
        ask(&s, name);
        ask(&s, name);
        if (i % 20000 == 0)
            world_cut(&s.w, &s.shelf);
    }
    assert_int_equal(symptom_of(&s, "s0").causes, 1);
    cause = symptom_of(&s, "s0").cause;
    ask(&s, "new");
    assert_int_equal(symptom_of(&s, "new").seen, 1);
    assert_int_equal(symptoms_of(&s, (usher_query){.symptom = "s0"}, &row, 1).n, 0);
    assert_int_equal(linked(&s, cause), 2); /* the cause itself goes on */
    ask(&s, "newer");
    assert_int_equal(symptoms_of(&s, (usher_query){.symptom = "new"}, &row, 1).n, 0);
    assert_int_equal(symptom_of(&s, "s1").seen, 2);
    check(&s);
    world_free(&s.w);
    shelf_free(&s.shelf);
}

/* ---- a cause ------------------------------------------------------------------------------------- */

static void test_causes__in_one_batch(void **state)
{
    usher_request r[6];
    struct result res[6];
    struct scene s;

    (void)state;
    begin(&s);
    for (int i = 0; i < 6; i++)
        r[i] = (usher_request){.size = sizeof *r, .requester = "eva", .symptom = "slow"};
    r[1].symptom = "loud";
    assert_int_equal(usher__engine_enqueue(s.desk, r, 6, res), 0);
    assert_int_equal(res[5].ticket, 6);
    assert_int_equal(symptom_of(&s, "slow").cause, 7);
    assert_int_equal(symptom_of(&s, "slow").linked, 5);
    assert_int_equal(symptom_of(&s, "loud").cause, 0);
    assert_int_equal(at(&s, 7)->queue, s.problems->index);
    over(&s);
}

/* A batch that is refused leaves no trace: neither of a new symptom, nor of an old one. */
static void test_causes__a_batch_that_is_refused(void **state)
{
    usher_request r[8];
    struct result res[8];
    struct scene s;

    (void)state;
    begin_with(&s, WORLD_KEEPS, "{\"limits\":{\"open\":6}}");
    ask(&s, "slow");
    world_cut(&s.w, &s.shelf);
    for (int i = 0; i < 8; i++)
        r[i] = (usher_request){
            .size = sizeof *r, .requester = "eva", .symptom = i % 2 == 0 ? "slow" : "loud"};
    assert_int_equal(usher__engine_enqueue(s.desk, r, 8, res), USHER_EFULL);
    assert_int_equal(symptom_of(&s, "slow").seen, 1);
    assert_int_equal(s.w.e->last_id, 1);
    assert_int_equal(usher__intern_find(&s.w.e->names, "loud", 4), 0);
    over(&s);
}

/* Full, it stays the only one that is open. */
static void test_causes__a_full_one(void **state)
{
    struct scene s;
    usher_id id = 0;

    (void)state;
    begin(&s);
    for (int i = 0; i < USHER_LINKS_MAX + 2; i++)
        id = ask(&s, "slow");
    assert_int_equal(symptom_of(&s, "slow").cause, 4);
    assert_int_equal(symptom_of(&s, "slow").causes, 1);
    assert_int_equal(symptom_of(&s, "slow").linked, USHER_LINKS_MAX);
    assert_int_equal(at(&s, id)->extra->cause, 0);
    assert_int_equal(at(&s, id - 1)->extra->cause, 0);
    assert_int_equal(at(&s, id - 2)->extra->cause, 4);
    assert_int_equal(person(&s, 1, USHER_WITHDRAW), 0);
    id = ask(&s, "slow"); /* there is room again */
    assert_int_equal(at(&s, id)->extra->cause, 4);
    over(&s);
}

/* Resolved and reopened it is the open one again; of two the newer one is. */
static void test_causes__reopened(void **state)
{
    struct scene s;
    usher_id first = 4, second, third;

    (void)state;
    begin(&s);
    for (int i = 0; i < 3; i++)
        ask(&s, "slow");
    assert_int_equal(symptom_of(&s, "slow").cause, first);
    assert_int_equal(solve(&s, first, USHER_AS_ANSWERED), 0);
    assert_int_equal(symptom_of(&s, "slow").cause, 0);
    assert_int_equal(symptom_of(&s, "slow").fixes, 0);
    assert_int_equal(person(&s, first, USHER_REOPEN), 0);
    assert_int_equal(symptom_of(&s, "slow").cause, first);
    assert_int_equal(solve(&s, first, USHER_AS_ANSWERED), 0);
    second = ask(&s, "slow") + 1;
    assert_int_equal(symptom_of(&s, "slow").cause, second);
    assert_int_equal(symptom_of(&s, "slow").causes, 2);
    assert_int_equal(linked(&s, second), 1); /* the others have one already */
    assert_int_equal(person(&s, first, USHER_REOPEN), 0);
    assert_int_equal(symptom_of(&s, "slow").cause, second);
    assert_int_equal(solve(&s, second, USHER_AS_WORKAROUND), 0);
    assert_int_equal(symptom_of(&s, "slow").workarounds, 1);
    assert_int_equal(symptom_of(&s, "slow").cause, second);
    assert_int_equal(solve(&s, first, USHER_AS_FIX), 0);
    assert_int_equal(symptom_of(&s, "slow").fixes, 1);
    assert_int_equal(symptom_of(&s, "slow").recent, 0);
    assert_int_equal(symptom_of(&s, "slow").cause, second);
    assert_int_equal(person(&s, first, USHER_REOPEN), 0);
    assert_int_equal(solve(&s, second, USHER_AS_ANSWERED), 0);
    assert_int_equal(symptom_of(&s, "slow").cause, first); /* a third is not opened beside it */
    ask(&s, "slow");
    ask(&s, "slow");
    assert_int_equal(linked(&s, first), 5);
    ask(&s, "slow");
    assert_int_equal(symptom_of(&s, "slow").causes, 2);
    assert_int_equal(person(&s, second, USHER_REOPEN), 0);
    assert_int_equal(symptom_of(&s, "slow").cause, second);
    assert_int_equal(solve(&s, second, USHER_AS_ANSWERED), 0);
    assert_int_equal(solve(&s, first, USHER_AS_ANSWERED), 0);
    assert_int_equal(symptom_of(&s, "slow").cause, 0);
    third = ask(&s, "slow") + 1;
    assert_int_equal(symptom_of(&s, "slow").causes, 3);
    assert_int_equal(person(&s, first, USHER_REOPEN), 0);
    assert_int_equal(person(&s, second, USHER_REOPEN), 0);
    assert_int_equal(symptom_of(&s, "slow").cause, third);
    assert_int_equal(solve(&s, third, USHER_AS_ANSWERED), 0);
    assert_int_equal(symptom_of(&s, "slow").cause, second); /* of three that were open */
    over(&s);
}

/* A cause that is over and has left memory is nowhere any more, when another ends. */
static void test_causes__one_has_left_memory(void **state)
{
    struct scene s;
    usher_id first = 4, second;

    (void)state;
    begin_with(&s, 1, RECURS);
    s.w.e->changes.on = s.w.e->marks.keeps = false;
    for (int i = 0; i < 3; i++)
        ask(&s, "slow");
    assert_int_equal(person(&s, first, USHER_WITHDRAW), 0);
    assert_int_equal(person(&s, ask(&s, "loud"), USHER_WITHDRAW), 0);
    world_tick(&s.w);
    assert_null(at(&s, first));
    check(&s);
    second = ask(&s, "slow") + 1;
    assert_int_equal(symptom_of(&s, "slow").cause, second);
    assert_int_equal(person(&s, second, USHER_WITHDRAW), 0);
    assert_int_equal(symptom_of(&s, "slow").cause, 0);
    check(&s);
    world_free(&s.w);
}

/* ---- no memory ----------------------------------------------------------------------------------- */

/* Whichever allocation fails: it did not happen at all, or it did; but for a cause, which may come later. */
static void test_causes__without_memory(void **state)
{
    enum { OPENS, LINKS, FIXES, WORKS_AROUND, STEPS };

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        int err = USHER_ENOMEM;

        for (uint32_t granted = 0; err == USHER_ENOMEM; granted++) {
            usher_request r = {.size = sizeof r, .requester = "eva", .symptom = "slow"};
            usher_command c = {.size = sizeof c, .claim = {2, 0}};
            struct result res;
            struct scene s;
            uint64_t before;

            begin(&s);
            ask(&s, "slow");
            ask(&s, "slow");
            if (step == FIXES || step == WORKS_AROUND) {
                ask(&s, "slow");
                assert_int_equal(symptom_of(&s, "slow").cause, 4);
                assert_int_equal(usher__engine_claim_ticket(s.ann, 4, (usher_op){0, 0}, NULL, NULL),
                                 0);
                served_free(&s.w);
                c.verb = USHER_RESOLVE;
                c.kind = step == FIXES ? USHER_AS_FIX : USHER_AS_WORKAROUND;
                c.claim = (usher_claim){4, usher__engine_token(s.w.e, 4)};
                c.text = (usher_text){world_body, 2000};
            } else if (step == LINKS) {
                ask(&s, NULL); /* a cause without anything of its own */
                c.verb = USHER_LINK;
                c.other = 3;
            }
            before = world_digest(&s.w);
            s.w.probe.left = granted;
            err = step == OPENS ? usher__engine_enqueue(s.desk, &r, 1, &res)
                                : usher__engine_act(s.w.e, &c, &res);
            s.w.probe.left = UINT32_MAX;
            check(&s);
            if (err != 0) {
                assert_int_equal(err, USHER_ENOMEM);
                assert_true(world_digest(&s.w) == before);
            } else {
                assert_int_equal(res.status, 0);
            }
            if (step == OPENS && err == 0 && symptom_of(&s, "slow").cause == 0) {
                err = USHER_ENOMEM; /* the ticket is there: its cause comes with the next one */
                ask(&s, "slow");
                assert_int_equal(symptom_of(&s, "slow").linked, 4);
            }
            over(&s);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_causes__told_by_id),
        cmocka_unit_test(test_causes__from_one_cause_to_another),
        cmocka_unit_test(test_causes__in_a_ring),
        cmocka_unit_test(test_causes__a_thousand_at_once),
        cmocka_unit_test(test_causes__a_long_word_to_many),
        cmocka_unit_test(test_causes__whatever_becomes_of_it),
        cmocka_unit_test(test_causes__over_at_the_same_instant),
        cmocka_unit_test(test_causes__the_latest_come_first),
        cmocka_unit_test(test_causes__so_many_are_remembered),
        cmocka_unit_test(test_causes__the_oldest_is_forgotten),
        cmocka_unit_test(test_causes__pushed_out_and_back),
        cmocka_unit_test(test_causes__all_have_a_cause),
        cmocka_unit_test(test_causes__in_one_batch),
        cmocka_unit_test(test_causes__a_batch_that_is_refused),
        cmocka_unit_test(test_causes__a_full_one),
        cmocka_unit_test(test_causes__reopened),
        cmocka_unit_test(test_causes__one_has_left_memory),
        cmocka_unit_test(test_causes__without_memory),
    };

    return cmocka_run_group_tests_name("causes", tests, NULL, NULL);
}
