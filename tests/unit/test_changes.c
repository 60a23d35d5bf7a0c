/* What an engine cuts is what it is: an engine made of the rows is the same engine, and goes on as if
 * nothing had happened. */
#include "kept.h"

/* Many small cuts or one: the same. */
static uint32_t rows_of_table(const struct shelf *s, int table)
{
    uint32_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->rows[i].table == table;
    return n;
}

static void test_changes__rows_make_the_same_engine(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct world w, again;
        struct shelf shelf = {NULL, 0, 0};
        uint32_t every = seed % 3 == 0 ? UINT32_MAX : seed % 3 == 1 ? 1 : 17;

        world_open(&w, seed, WORLD_KEEPS);
        world_begin(&w);
        for (uint32_t i = 1; i <= 1500; i++) {
            world_deed(&w);
            if (i % every == 0)
                world_cut(&w, &shelf);
        }
        world_last_cut(&w, &shelf);
        world_again(&again, &w, &shelf, seed + 100, WORLD_KEEPS);
        assert_true(w.e->changes.zones_n == 2 && again.e->changes.zones_n == 2);
        assert_int_equal(rows_of_table(&shelf, ROW_ZONE), 2); /* each once */
        assert_true(world_digest(&w) == world_digest(&again));
        assert_same_worlds(&w, &again);
        world_free(&again);
        world_free(&w);
        shelf_free(&shelf);
    }
}

/* The one that died and the one that did not do the same from then on. */
static void test_changes__it_goes_on_as_if_nothing_had_happened(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct world w, again;
        struct shelf shelf = {NULL, 0, 0};

        world_open(&w, seed, WORLD_KEEPS);
        world_begin(&w);
        for (uint32_t i = 1; i <= 800; i++) {
            world_deed(&w);
            if (i % 7 == 0)
                world_cut(&w, &shelf);
        }
        world_last_cut(&w, &shelf);
        world_again(&again, &w, &shelf, seed + 100, WORLD_KEEPS);
        for (uint32_t i = 1; i <= 800; i++) {
            world_deed(&w);
            world_deed(&again);
            if (i % 13 == 0)
                world_cut(&again, &shelf);
            if (i % 50 != 0)
                continue;
            assert_true(world_digest(&w) == world_digest(&again));
            assert_same_worlds(&w, &again);
        }
        world_free(&again);
        world_free(&w);
        shelf_free(&shelf);
    }
}

/* ---- no memory ------------------------------------------------------------------------------------- */

/* Whichever allocation fails: the cut never was, and the next one has it all. */
static void test_changes__a_cut_without_memory_changes_nothing(void **state)
{
    struct world w, again;
    struct shelf shelf = {NULL, 0, 0};
    uint32_t granted = 0;

    (void)state;
    world_open(&w, 5, WORLD_KEEPS);
    world_begin(&w);
    for (uint32_t i = 1; i <= 600; i++) {
        uint64_t before;
        int err = USHER_ENOMEM;

        world_deed(&w);
        if (i % 50 != 0 || !usher__engine_changed(w.e))
            continue;
        before = world_digest(&w);
        for (granted = 0; err == USHER_ENOMEM; granted++) {
            usher__batch_free(&w.batch); /* so that it needs memory, and more than once */
            w.probe.left = granted;
            err = usher__engine_cut(w.e, &w.batch);
            w.probe.left = UINT32_MAX;
            if (err == 0)
                break;
            assert_int_equal(w.batch.rows, 0);
            assert_true(usher__engine_changed(w.e));
            assert_true(world_digest(&w) == before);
        }
        assert_int_equal(err, 0);
        assert_true(granted > 1);
        assert_false(usher__engine_changed(w.e));
        assert_true(world_digest(&w) == before);
        shelf_add(&shelf, &w.batch);
        usher__batch_clear(&w.batch);
    }
    world_last_cut(&w, &shelf);
    world_again(&again, &w, &shelf, 9, WORLD_KEEPS);
    assert_true(world_digest(&w) == world_digest(&again));
    assert_same_worlds(&w, &again);
    world_free(&again);
    world_free(&w);
    shelf_free(&shelf);
}

/* Whichever allocation fails while rows are taken: ENOMEM, and nothing is left behind. */
static void test_changes__taking_without_memory_is_an_error(void **state)
{
    struct world w, again;
    struct shelf shelf = {NULL, 0, 0};
    int err = USHER_ENOMEM;

    (void)state;
    world_open(&w, 6, WORLD_KEEPS);
    world_begin(&w);
    for (uint32_t i = 1; i <= 300; i++)
        world_deed(&w);
    world_cut(&w, &shelf);
    for (uint32_t granted = 0; err != 0; granted++) {
        const char *wrong;

        world_open(&again, granted, WORLD_KEEPS);
        again.probe.left = granted;
        err = shelf_read(&shelf, world_take, &again);
        if (err == 0)
            err = usher__engine_taken(again.e, w.wall, w.boot, &wrong);
        assert_true(err == 0 || err == USHER_ENOMEM);
        again.probe.left = UINT32_MAX;
        world_free(&again);
    }
    world_free(&w);
    shelf_free(&shelf);
}

/* Commands without memory: neither the notes nor what they note go wrong. */
static void test_changes__commands_without_memory_leave_the_notes_right(void **state)
{
    struct world w, again;
    struct shelf shelf = {NULL, 0, 0};

    (void)state;
    world_open(&w, 7, WORLD_KEEPS);
    world_begin(&w);
    for (uint32_t i = 1; i <= 1500; i++) {
        pass_time(&w);
        world_tick(&w);
        w.probe.left = below(&w.state, 6);
        if (below(&w.state, 2) == 0)
            do_enqueue(&w);
        else if (below(&w.state, 2) == 0)
            do_act(&w);
        else
            do_claim(&w);
        w.probe.left = UINT32_MAX;
        served_free(&w);
        if (i % 10 == 0)
            world_cut(&w, &shelf);
    }
    world_last_cut(&w, &shelf);
    world_again(&again, &w, &shelf, 9, WORLD_KEEPS);
    assert_true(world_digest(&w) == world_digest(&again));
    assert_same_worlds(&w, &again);
    world_free(&again);
    world_free(&w);
    shelf_free(&shelf);
}

/* ---- what is written, and when ----------------------------------------------------------------------- */

static uint32_t rows_of(const struct shelf *s, int table, int64_t key, bool drop)
{
    uint32_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->rows[i].table == table && s->rows[i].key == key && s->rows[i].drop == drop;
    return n;
}

static const struct row *last_row(const struct shelf *s, int table, int64_t key)
{
    for (size_t i = s->n; i-- > 0;) {
        if (s->rows[i].table == table && s->rows[i].key == key && !s->rows[i].drop)
            return &s->rows[i];
    }
    return NULL;
}

static usher_id ask_with(struct world *w, size_t body, const char *ref)
{
    usher_request r = {.size = sizeof r, .requester = "ada", .ref = ref};
    struct result res;

    memset(world_body, 'b', sizeof world_body);
    r.body = (usher_text){world_body, body};
    assert_int_equal(usher__engine_enqueue(w->e->queues[0], &r, 1, &res), 0);
    assert_int_equal(res.status, 0);
    return res.ticket;
}

static usher_id ask_for(struct world *w, size_t body)
{
    return ask_with(w, body, "r1");
}

static int act(struct world *w, int verb, usher_id id, const char *who)
{
    usher_command c = {.size = sizeof c, .verb = verb, .claim = {id, 0}, .who = who};
    struct result res;

    c.claim.token = verb <= USHER_FAIL ? usher__engine_token(w->e, id) : 0;
    assert_int_equal(usher__engine_act(w->e, &c, &res), 0);
    return res.status;
}

static void close_ticket(struct world *w, usher_id id)
{
    assert_int_equal(usher__engine_claim_ticket(w->e->agents[0], id, (usher_op){0, 0}, NULL, NULL),
                     0);
    served_free(w);
    assert_int_equal(act(w, USHER_RESOLVE, id, NULL), 0);
    assert_int_equal(act(w, USHER_CONFIRM, id, "ada"), 0);
}

static void test_changes__a_ticket_is_in_one_table_and_its_body_is_written_once(void **state)
{
    struct world w;
    struct shelf shelf = {NULL, 0, 0};
    usher_id id, small, brief;

    (void)state;
    world_open(&w, 1, WORLD_KEEPS);
    world_begin(&w);
    id = ask_for(&w, 513);
    small = ask_for(&w, 512);
    brief = ask_for(&w, 5);
    close_ticket(&w, brief);
    world_cut(&w, &shelf);
    assert_int_equal(rows_of(&shelf, ROW_TICKET, (int64_t)id, false), 1);
    assert_int_equal(rows_of(&shelf, ROW_BODY, (int64_t)id, false), 1);
    assert_int_equal(rows_of(&shelf, ROW_BODY, (int64_t)small, false), 0);
    assert_int_equal(rows_of(&shelf, ROW_CLOSED, (int64_t)brief, false), 1); /* never open there */
    assert_int_equal(rows_of(&shelf, ROW_TICKET, (int64_t)brief, true), 0);
    assert_int_equal(act(&w, USHER_NOTE, id, "desk"), 0);
    assert_int_equal(act(&w, USHER_ESCALATE, id, "desk"), 0);
    world_cut(&w, &shelf);
    assert_int_equal(rows_of(&shelf, ROW_TICKET, (int64_t)id, false), 2); /* two changes, one row */
    assert_int_equal(rows_of(&shelf, ROW_TICKET, (int64_t)small, false), 1);
    close_ticket(&w, id);
    world_cut(&w, &shelf);
    assert_int_equal(rows_of(&shelf, ROW_CLOSED, (int64_t)id, false), 1);
    assert_int_equal(rows_of(&shelf, ROW_TICKET, (int64_t)id, true), 1);
    assert_int_equal(rows_of(&shelf, ROW_BODY, (int64_t)id, false), 1);
    assert_int_equal(act(&w, USHER_REOPEN, id, "ada"), 0);
    close_ticket(&w, id); /* open in between, and no cut saw it */
    world_cut(&w, &shelf);
    assert_int_equal(rows_of(&shelf, ROW_CLOSED, (int64_t)id, false), 2);
    assert_int_equal(rows_of(&shelf, ROW_CLOSED, (int64_t)id, true), 0);
    assert_int_equal(rows_of(&shelf, ROW_BODY, (int64_t)id, false), 1);
    assert_int_equal(act(&w, USHER_REOPEN, id, "ada"), 0);
    world_cut(&w, &shelf);
    assert_int_equal(rows_of(&shelf, ROW_CLOSED, (int64_t)id, true), 1);
    assert_int_equal(rows_of(&shelf, ROW_TICKET, (int64_t)id, false), 3);
    assert_int_equal(rows_of(&shelf, ROW_BODY, (int64_t)id, false),
                     2); /* it may have been purged */
    world_free(&w);
    shelf_free(&shelf);
}

static void test_changes__the_chain_of_a_history_is_told_by_seq(void **state)
{
    struct world w;
    struct shelf shelf = {NULL, 0, 0};
    uint64_t last, seq = 0;
    usher_id id;
    uint32_t n = 0;

    (void)state;
    world_open(&w, 1, WORLD_KEEPS);
    world_begin(&w);
    id = ask_for(&w, 1);
    for (int i = 0; i < 5; i++) {
        ask_for(&w, 1);
        assert_int_equal(act(&w, USHER_NOTE, id, "desk"), 0);
        world_cut(&w, &shelf);
    }
    assert_true(usher__row_links(last_row(&shelf, ROW_TICKET, (int64_t)id), &last));
    for (seq = last; seq != 0; n++) {
        const struct row *row = last_row(&shelf, ROW_EVENT, (int64_t)seq);
        usher_event event;
        uint32_t queue;

        assert_non_null(row);
        assert_int_equal(row->a, id);
        assert_true(usher__row_event(row, &event, &seq, &queue));
        assert_int_equal(event.ticket_seq, 6 - n);
        assert_int_equal(queue, 1);
    }
    assert_int_equal(n, 6);
    world_free(&w);
    shelf_free(&shelf);
}

struct tally {
    uint32_t of[ROW_TABLES];
};

static int tally_row(void *ctx, const struct row *row)
{
    struct tally *t = ctx;

    t->of[row->table]++;
    return 0;
}

/* Marks die by themselves; the store is told, and is rid of them. */
static void test_changes__dead_marks_are_dropped(void **state)
{
    struct world w, again;
    struct shelf shelf = {NULL, 0, 0};
    struct tally tally = {{0}};
    usher_request r = {.size = sizeof r};
    struct result res;
    char name[16];

    (void)state;
    world_open(&w, 1, WORLD_KEEPS);
    world_begin(&w);
    for (uint32_t i = 0; i < 200; i++) { /* on the queue with a gap of 10 s */
        snprintf(name, sizeof name, "n%u", (unsigned)i);
        r.requester = name;
        w.wall += 3600000 * 5;
        w.boot += 3600000 * 5;
        world_tick(&w);
        assert_int_equal(usher__engine_enqueue(w.e->queues[2], &r, 1, &res), 0);
        world_cut(&w, &shelf);
    }
    assert_int_equal(shelf_read(&shelf, tally_row, &tally), 0);
    assert_true(tally.of[ROW_MARK] >= 1 && tally.of[ROW_MARK] < 5);
    assert_int_equal(tally.of[ROW_MARK], w.e->marks.slab.n);
    world_again(&again, &w, &shelf, 3, WORLD_KEEPS);
    assert_true(world_digest(&w) == world_digest(&again));
    world_free(&again);
    world_free(&w);
    shelf_free(&shelf);
}

/* Ops leave the window by number and by time; the store is rid of them too. */
static void test_changes__forgotten_ops_are_dropped(void **state)
{
    struct world w;
    struct shelf shelf = {NULL, 0, 0};
    struct tally tally = {{0}};
    usher_request r = {.size = sizeof r, .requester = "ada"};
    struct result res;

    (void)state;
    world_open(&w, 1, WORLD_KEEPS);
    world_begin(&w);
    for (uint32_t i = 1; i <= 200; i++) { /* the window: 50 */
        r.op = (usher_op){1, i};
        assert_int_equal(usher__engine_enqueue(w.e->queues[0], &r, 1, &res), 0);
        if (i % 70 == 0)
            world_cut(&w, &shelf);
    }
    world_cut(&w, &shelf);
    assert_int_equal(shelf_read(&shelf, tally_row, &tally), 0);
    assert_int_equal(tally.of[ROW_OP], 50);
    w.wall += 600000;
    w.boot += 600000;
    world_tick(&w);
    r.op = (usher_op){1, 1000};
    assert_int_equal(usher__engine_enqueue(w.e->queues[0], &r, 1, &res), 0);
    world_cut(&w, &shelf);
    tally.of[ROW_OP] = 0;
    assert_int_equal(shelf_read(&shelf, tally_row, &tally), 0);
    assert_int_equal(tally.of[ROW_OP], 1);
    world_free(&w);
    shelf_free(&shelf);
}

/* Whoever was told that a queue is full is told once that it is not, by this process or the next. */
static void test_changes__a_full_queue_stays_told(void **state)
{
    (void)state;
    for (int full = 0; full < 2; full++) {
        struct world w, again;
        struct shelf shelf = {NULL, 0, 0};
        usher_request r = {.size = sizeof r, .requester = "ada"};
        struct result res;
        struct log_event le;
        uint64_t seq;

        world_open(&w, 1, WORLD_KEEPS);
        world_begin(&w);
        while (usher__engine_enqueue(w.e->queues[1], &r, 1, &res) == 0)
            continue;
        world_cut(&w, &shelf);
        if (full == 0) {
            assert_int_equal(act(&w, USHER_WITHDRAW, 1, "ada"), 0);
            world_cut(&w, &shelf);
        }
        world_again(&again, &w, &shelf, 3, WORLD_KEEPS);
        world_tick(&again);
        seq = again.e->log.seq;
        assert_int_equal(act(&again, USHER_WITHDRAW, 2, "ada"), 0);
        assert_int_equal(again.e->log.seq, seq + 1 + (full != 0));
        assert_true(usher__log_find(&again.e->log, again.e->log.seq, &le));
        assert_int_equal(le.event.kind, full != 0 ? USHER_EV_ROOM : USHER_EV_WITHDRAWN);
        world_free(&again);
        world_free(&w);
        shelf_free(&shelf);
    }
}

/* Claims that were parked are gone with their process, and nothing else is. */
static void test_changes__parked_claims_leave_no_trace(void **state)
{
    struct world w, again;
    struct shelf shelf = {NULL, 0, 0};

    (void)state;
    world_open(&w, 11, WORLD_KEEPS);
    w.parks = true;
    world_begin(&w);
    for (uint32_t i = 1; i <= 1500; i++) {
        world_deed(&w);
        if (i % 9 == 0)
            world_cut(&w, &shelf);
    }
    world_last_cut(&w, &shelf);
    world_again(&again, &w, &shelf, 3, WORLD_KEEPS);
    assert_true(world_digest(&w) == world_digest(&again));
    assert_same_worlds(&w, &again);
    world_free(&again);
    usher__engine_cancel_all(w.e);
    served_free(&w);
    world_free(&w);
    shelf_free(&shelf);
}

/* ---- what leaves memory ------------------------------------------------------------------------------- */

static void test_changes__a_closed_ticket_leaves_after_its_cut_and_comes_back(void **state)
{
    struct world w;
    struct shelf shelf = {NULL, 0, 0};
    const char *wrong;
    const struct row *closed, *body;
    usher_standing standing;
    usher_id id, other;
    uint64_t before, after;

    (void)state;
    world_open(&w, 1, 1);
    world_begin(&w);
    id = ask_for(&w, 2000);
    other = ask_for(&w, 1);
    world_cut(&w, &shelf);
    close_ticket(&w, id);
    close_ticket(&w, other);
    assert_int_equal(usher__engine_peek(w.e, id, &standing), 0); /* no cut has it yet */
    world_cut(&w, &shelf);
    assert_int_equal(usher__engine_peek(w.e, id, &standing), USHER_ENOENT);
    closed = last_row(&shelf, ROW_CLOSED, (int64_t)id);
    body = last_row(&shelf, ROW_BODY, (int64_t)id);
    before = world_digest(&w);
    for (uint32_t granted = 0;; granted++) { /* in, whatever lacks; and again as it was */
        int err;

        usher__engine_hold_closed(w.e, 1);
        w.probe.left = granted;
        err = usher__engine_take_in(w.e, closed, body, &wrong);
        w.probe.left = UINT32_MAX;
        if (err == 0)
            break;
        assert_int_equal(err, USHER_ENOMEM);
        usher__engine_hold_closed(w.e, 0);
        assert_true(world_digest(&w) == before);
    }
    assert_int_equal(usher__engine_take_in(w.e, closed, body, &wrong), 0); /* there already */
    assert_int_equal(usher__engine_peek(w.e, id, &standing), 0);
    assert_int_equal(standing.state, USHER_CLOSED);
    assert_string_equal(standing.requester, "ada");
    usher__engine_hold_closed(w.e, 0);
    assert_int_equal(usher__engine_peek(w.e, id, &standing), USHER_ENOENT);
    assert_int_equal(usher__engine_digest(w.e, &after), 0);
    assert_true(before == after);

    usher__engine_hold_closed(w.e,
                              1); /* without its body it can be looked at, and it is completed */
    assert_int_equal(usher__engine_take_in(w.e, closed, NULL, &wrong), 0);
    assert_int_equal(usher__engine_take_in(w.e, closed, body, &wrong), 0);
    assert_int_equal(act(&w, USHER_REOPEN, id, "ada"), 0);
    usher__engine_hold_closed(w.e, 0);
    assert_int_equal(usher__engine_peek(w.e, id, &standing), 0);
    assert_int_equal(standing.state, USHER_WAITING);
    assert_int_equal(usher__ticket(w.e, usher__ids_find(&w.e->by_id, id))->body->len, 2000);
    world_cut(&w, &shelf);
    assert_int_equal(rows_of(&shelf, ROW_CLOSED, (int64_t)id, true), 1);
    (void)world_digest(&w);
    world_free(&w);
    shelf_free(&shelf);
}

/* What comes back comes with its own policy, and takes nobody's ref. */
static void test_changes__what_comes_back_finds_its_policy_and_leaves_refs_alone(void **state)
{
    struct world w;
    struct shelf shelf = {NULL, 0, 0};
    const char *wrong;
    usher_standing standing;
    struct policy p;
    struct result res;
    usher_id id, other;

    (void)state;
    world_open(&w, 1, 1);
    world_begin(&w);
    id = ask_for(&w, 1);
    close_ticket(&w, id);
    world_cut(&w, &shelf);
    assert_int_equal(usher__engine_compile(w.e, &p, "{}", 2, NULL, 0), 0);
    assert_int_equal(usher__engine_define(w.e->queues[0], &p, "{}", 2, &res), 0);
    close_ticket(&w, ask_with(&w, 1, NULL));
    world_cut(&w, &shelf); /* the first is gone, and its policy with it */
    assert_int_equal(usher__engine_peek(w.e, id, &standing), USHER_ENOENT);
    other = ask_for(&w, 1);
    assert_int_equal(w.e->changes.definitions[1].slot, 0);
    assert_int_equal(usher__engine_compile(w.e, &p, "{}", 2, NULL, 0), 0);
    assert_int_equal(usher__engine_define(w.e->queues[1], &p, "{}", 2, &res), 0);
    usher__engine_hold_closed(w.e, 1);
    assert_int_equal(
        usher__engine_take_in(w.e, last_row(&shelf, ROW_CLOSED, (int64_t)id), NULL, &wrong), 0);
    assert_int_equal(usher__engine_peek(w.e, id, &standing), 0);
    assert_int_equal(standing.policy_version, 2);
    assert_int_equal(usher__engine_peek_ref(w.e->queues[0], "r1", &standing), 0);
    assert_int_equal(standing.ticket, other);
    (void)world_digest(&w);
    usher__engine_hold_closed(w.e, 0);
    assert_int_equal(w.e->changes.definitions[1].slot, 0);
    assert_int_equal(usher__engine_peek_ref(w.e->queues[0], "r1", &standing), 0);
    world_free(&w);
    shelf_free(&shelf);
}

/* A row that is not one is refused, and the engine is as it was. */
static void test_changes__a_bad_row_is_not_taken_in(void **state)
{
    struct world w;
    struct shelf shelf = {NULL, 0, 0};
    const char *wrong;
    struct row row, body;
    usher_id id;
    uint64_t before;

    (void)state;
    world_open(&w, 1, 1);
    world_begin(&w);
    id = ask_for(&w, 2000);
    close_ticket(&w, id);
    close_ticket(&w, ask_for(&w, 1));
    world_cut(&w, &shelf);
    row = *last_row(&shelf, ROW_CLOSED, (int64_t)id);
    body = *last_row(&shelf, ROW_BODY, (int64_t)id);
    before = world_digest(&w);
    row.len--;
    assert_int_equal(usher__engine_take_in(w.e, &row, &body, &wrong), USHER_ECORRUPT);
    row.len++;
    row.a = 9;
    assert_int_equal(usher__engine_take_in(w.e, &row, &body, &wrong), USHER_ECORRUPT);
    assert_string_equal(wrong, "ticket 1: queue 9 does not exist");
    row.a = 1;
    body.key++;
    assert_int_equal(usher__engine_take_in(w.e, &row, &body, &wrong), USHER_ECORRUPT);
    assert_true(world_digest(&w) == before);
    world_free(&w);
    shelf_free(&shelf);
}

/* Only the newest closed ones are read again, and they are ordered by age. */
static void test_changes__the_oldest_closed_ones_go_first_after_a_reopen_too(void **state)
{
    struct world w, again;
    struct shelf shelf = {NULL, 0, 0};
    usher_standing standing;

    (void)state;
    world_open(&w, 1, WORLD_KEEPS);
    world_begin(&w);
    for (int i = 0; i < 9; i++)
        ask_for(&w, 1);
    for (usher_id i = 0; i < 9; i++) { /* closed in another order than they came */
        w.wall += 1000;
        w.boot += 1000;
        world_tick(&w);
        close_ticket(&w, 1 + (i * 5 + 3) % 9);
    }
    world_cut(&w, &shelf);
    world_again(&again, &w, &shelf, 3, 2);
    for (usher_id i = 0; i < 9; i++)
        assert_int_equal(usher__engine_peek(again.e, 1 + (i * 5 + 3) % 9, &standing),
                         i < 7 ? USHER_ENOENT : 0);
    assert_null(usher__engine_check(again.e));
    world_free(&again);
    world_free(&w);
    shelf_free(&shelf);
}

/* ---- the clock ------------------------------------------------------------------------------------------ */

/* A lease runs on by the wall's measure of the time between, and ends at its own instant. */
static void test_changes__a_lease_that_ran_out_meanwhile_is_over(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct world w, again;
        struct shelf shelf = {NULL, 0, 0};
        usher_standing standing;
        struct log_event le;
        int64_t end;
        usher_id id;

        world_open(&w, 1, WORLD_KEEPS);
        world_begin(&w);
        w.wall += 500000; /* the wall was set forward: the lease does not care */
        world_tick(&w);
        id = ask_for(&w, 1);
        assert_int_equal(
            usher__engine_claim_ticket(w.e->agents[0], id, (usher_op){0, 0}, NULL, NULL), 0);
        served_free(&w);
        world_cut(&w, &shelf);
        w.wall += 700000;
        world_tick(&w);
        assert_int_equal(act(&w, USHER_NOTE, ask_for(&w, 1), "desk"),
                         0); /* another row, not this */
        world_cut(&w, &shelf);
        assert_int_equal(usher__engine_peek(w.e, id, &standing), 0);
        end = standing.until_at;
        w.wall = end - (late == 0);
        world_again(&again, &w, &shelf, 3, WORLD_KEEPS);
        world_tick(&again);
        assert_int_equal(usher__engine_peek(again.e, id, &standing), 0);
        assert_int_equal(standing.state, late == 0 ? USHER_CLAIMED : USHER_WAITING);
        if (late == 0) {
            assert_true(standing.until_at == end);
            again.wall += 1;
            again.boot += 1;
            world_tick(&again);
        } else {
            again.wall += 100;
            again.boot += 100;
            world_tick(&again);
        }
        assert_true(usher__log_find(&again.e->log, again.e->log.seq, &le));
        assert_int_equal(le.event.kind, USHER_EV_LEASE_EXPIRED);
        assert_true(le.event.at == end);
        world_free(&again);
        world_free(&w);
        shelf_free(&shelf);
    }
}

/* now never falls, not even when the wall did while nobody looked. */
static void test_changes__now_does_not_fall_behind_what_it_was(void **state)
{
    struct world w, again;
    struct shelf shelf = {NULL, 0, 0};
    int64_t now;

    (void)state;
    world_open(&w, 1, WORLD_KEEPS);
    world_begin(&w);
    ask_for(&w, 1);
    world_cut(&w, &shelf);
    now = usher__engine_now(w.e);
    w.wall -= 5000;
    world_again(&again, &w, &shelf, 3, WORLD_KEEPS);
    assert_true(usher__engine_now(again.e) == now);
    again.wall += 6000;
    again.boot += 6000;
    world_tick(&again);
    assert_true(usher__engine_now(again.e) == now + 1000);
    world_free(&again);
    world_free(&w);
    shelf_free(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes__rows_make_the_same_engine),
        cmocka_unit_test(test_changes__it_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(test_changes__a_cut_without_memory_changes_nothing),
        cmocka_unit_test(test_changes__taking_without_memory_is_an_error),
        cmocka_unit_test(test_changes__commands_without_memory_leave_the_notes_right),
        cmocka_unit_test(test_changes__a_ticket_is_in_one_table_and_its_body_is_written_once),
        cmocka_unit_test(test_changes__the_chain_of_a_history_is_told_by_seq),
        cmocka_unit_test(test_changes__dead_marks_are_dropped),
        cmocka_unit_test(test_changes__forgotten_ops_are_dropped),
        cmocka_unit_test(test_changes__a_full_queue_stays_told),
        cmocka_unit_test(test_changes__parked_claims_leave_no_trace),
        cmocka_unit_test(test_changes__a_closed_ticket_leaves_after_its_cut_and_comes_back),
        cmocka_unit_test(test_changes__what_comes_back_finds_its_policy_and_leaves_refs_alone),
        cmocka_unit_test(test_changes__a_bad_row_is_not_taken_in),
        cmocka_unit_test(test_changes__the_oldest_closed_ones_go_first_after_a_reopen_too),
        cmocka_unit_test(test_changes__a_lease_that_ran_out_meanwhile_is_over),
        cmocka_unit_test(test_changes__now_does_not_fall_behind_what_it_was),
    };

    return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
