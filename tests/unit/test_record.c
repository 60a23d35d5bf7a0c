/* Rows are read strictly: a file that was damaged, or made by somebody, is refused or taken for what it
 * says, and never leads astray. Under the sanitizers this is a test of memory too. */
#include "kept.h"
#include "local/record.h"

enum { DEEDS = 250, MUTANTS = 4000 };

static const struct row **kept_rows;
static size_t kept_n;

static int keep_row(void *ctx, const struct row *row)
{
    (void)ctx;
    kept_rows = realloc(kept_rows, (kept_n + 1) * sizeof(struct row *));
    assert_non_null(kept_rows);
    kept_rows[kept_n++] = row;
    return 0;
}

struct good {
    struct world w;
    struct shelf shelf;
};

/* A service with something of everything, as rows in kept_rows. */
static void good_begin(struct good *g, uint64_t seed, uint32_t deeds)
{
    *g = (struct good){.shelf = {NULL, 0, 0}};
    world_open(&g->w, seed, WORLD_KEEPS);
    world_begin(&g->w);
    for (uint32_t i = 0; i < deeds; i++)
        world_deed(&g->w);
    world_tick(&g->w);
    world_cut(&g->w, &g->shelf);
    assert_int_equal(shelf_read(&g->shelf, keep_row, NULL), 0);
}

static void good_end(struct good *g)
{
    free(kept_rows);
    kept_rows = NULL;
    kept_n = 0;
    world_free(&g->w);
    shelf_free(&g->shelf);
}

/* ---- events ---------------------------------------------------------------------------------------- */

static void same_string(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL)
        assert_string_equal(a, b);
}

static void test_record__an_event_comes_back_whole(void **state)
{
    struct good g;
    struct log_event le;
    uint64_t place = LOG_STEP;
    uint32_t n = 0, notified = 0, quiet = 0;
    uint64_t kinds = 0;

    (void)state;
    good_begin(&g, 3, 3000);
    for (; usher__log_at(&g.w.e->log, place, &le, &place); n++) {
        const usher_event *v = &le.event;
        usher_event event;
        uint64_t previous;
        uint32_t queue;
        size_t at = 0;
        struct row row;

        assert_int_equal(usher__put_event(&g.w.batch, &le), 0);
        assert_true(usher__batch_next(&g.w.batch, &at, &row));
        assert_true(usher__row_event(&row, &event, &previous, &queue));
        assert_true(previous == le.previous);
        assert_int_equal(queue, v->queue == NULL ? 0 : v->queue->index);
        same_string(v->who, event.who);
        same_string(v->to, event.to);
        same_string(v->rule, event.rule);
        assert_int_equal(v->text.len, event.text.len);
        if (v->text.len > 0)
            assert_memory_equal(v->text.data, event.text.data, v->text.len);
        event.queue = v->queue; /* what is left must be equal, byte by byte */
        event.who = v->who;
        event.to = v->to;
        event.rule = v->rule;
        event.text = v->text;
        assert_int_equal(v->notify.len, event.notify.len);
        if (v->notify.len > 0)
            assert_memory_equal(v->notify.data, event.notify.data, v->notify.len);
        event.notify = v->notify;
        assert_memory_equal(v, &event, sizeof event);
        kinds |= UINT64_C(1) << v->kind;
        notified += v->notify.len > 0;
        quiet += v->notify_at != 0;
        usher__batch_clear(&g.w.batch);
    }
    assert_true(n > 2000);
    assert_true(__builtin_popcountll(kinds) > 25);
    assert_true((kinds >> USHER_EV_STEPPED & 1) != 0 && (kinds >> USHER_EV_NO_QUEUE & 1) != 0 &&
                (kinds >> USHER_EV_APPLIED & 1) != 0);
    assert_true(notified > 20 && quiet > 20);
    good_end(&g);
}

/* ---- nothing may be missing ---------------------------------------------------------------------------- */

/* A row cut short, or with a byte more, says nothing: but for texts, which are whatever they are. The
 * bytes lie at the end of their block, where a sanitizer sees who reads on. */
static void assert_strict(const struct row *row)
{
    usher_event event;
    struct ticket_row t;
    uint64_t previous;
    uint32_t queue;

    for (uint32_t len = 0; len <= row->len + 1; len++) {
        char *bytes = malloc(len > 0 ? len : 1);
        struct row cut = *row;
        bool fine;

        assert_non_null(bytes);
        memset(bytes, 0, len);
        memcpy(bytes, row->bytes, len < row->len ? len : row->len);
        cut.bytes = bytes;
        cut.len = len;
        fine = row->table == ROW_EVENT ? usher__row_event(&cut, &event, &previous, &queue)
                                       : usher__get_ticket(&cut, &t);
        if (fine != (len == row->len))
            fail_msg("table %d, key %lld: %u of %u bytes", row->table, (long long)row->key, len,
                     row->len);
        free(bytes);
    }
}

static void test_record__every_byte_counts(void **state)
{
    struct good g;
    uint32_t n = 0;

    (void)state;
    good_begin(&g, 4, 1000);
    for (size_t i = 0; i < kept_n; i++) {
        int table = kept_rows[i]->table;

        if ((table == ROW_TICKET || table == ROW_CLOSED || table == ROW_EVENT) && n++ % 7 == 0)
            assert_strict(kept_rows[i]);
    }
    good_end(&g);
}

/* Every other row, cut short, is refused where it is taken. */
static void test_record__a_row_that_is_cut_short_is_refused(void **state)
{
    struct good g;

    (void)state;
    good_begin(&g, 5, 200);
    for (size_t i = 0; i < kept_n; i++) {
        int table = kept_rows[i]->table;

        if (table == ROW_ZONE || table == ROW_POLICY || table == ROW_BODY || table == ROW_TICKET ||
            table == ROW_EVENT || kept_rows[i]->len == 0)
            continue;
        for (uint32_t len = 0; len < kept_rows[i]->len; len++) {
            struct world w;
            struct row cut = *kept_rows[i];
            const char *wrong;

            world_open(&w, 1, WORLD_KEEPS);
            for (size_t k = 0; k < i; k++)
                assert_int_equal(usher__engine_take(w.e, kept_rows[k], &wrong), 0);
            cut.len = len;
            assert_int_equal(usher__engine_take(w.e, &cut, &wrong), USHER_ECORRUPT);
            assert_non_null(wrong);
            world_free(&w);
        }
    }
    good_end(&g);
}

/* ---- what does not fit together ------------------------------------------------------------------------ */

/* The row that the ticket would have as it is now, read. */
static bool reads(struct world *w, usher_id id)
{
    struct ticket_row t;
    struct row row;
    size_t at = 0;
    bool fine;

    assert_int_equal(usher__put_ticket(w->e, &w->batch, usher__ids_find(&w->e->by_id, id), 0), 0);
    assert_true(usher__batch_next(&w->batch, &at, &row));
    fine = usher__get_ticket(&row, &t);
    usher__batch_clear(&w->batch);
    return fine;
}

/* With this field so the row is refused; as it was it is fine. */
#define REFUSED(w, t, field, value)                                                                \
    do {                                                                                           \
        __typeof__(field) was = (field);                                                           \
                                                                                                   \
        assert_true(reads(w, (t)->id));                                                            \
        (field) = (value);                                                                         \
        assert_false(reads(w, (t)->id));                                                           \
        (field) = was;                                                                             \
    } while (0)

static struct ticket *new_ticket(struct world *w)
{
    usher_request r = {.size = sizeof r, .requester = "ada", .ref = "r", .dedup_key = NULL};
    struct result res;

    assert_int_equal(usher__engine_enqueue(w->e->queues[1], &r, 1, &res), 0);
    return usher__ticket(w->e, usher__ids_find(&w->e->by_id, res.ticket));
}

static void test_record__what_does_not_fit_together_is_refused(void **state)
{
    struct world w;
    struct ticket *t, *held, *done;
    usher_command c = {.size = sizeof c, .verb = USHER_PAUSE, .kind = USHER_ON_REQUESTER};
    struct stretch stretches[2] = {{1800000000000, 1800000000005, 1},
                                   {1800000000005, 1800000000006, 8}};
    struct stretch *empty;
    struct result res;

    (void)state;
    world_open(&w, 1, WORLD_KEEPS);
    world_begin(&w);
    t = new_ticket(&w);
    held = new_ticket(&w);
    done = new_ticket(&w);
    usher__engine_claim_ticket(w.e->agents[0], held->id, (usher_op){0, 0}, NULL, NULL);
    usher__engine_claim_ticket(w.e->agents[0], done->id, (usher_op){0, 0}, NULL, NULL);
    served_free(&w);
    REFUSED(&w, t, t->state, 4);
    REFUSED(&w, t, t->state, 10);
    REFUSED(&w, t, t->state, USHER_CLAIMED); /* by nobody */
    REFUSED(&w, t, t->state, USHER_PAUSED);  /* for no reason */
    REFUSED(&w, t, t->priority, 0);
    REFUSED(&w, t, t->priority, 5);
    REFUSED(&w, t, t->seq, 0);
    REFUSED(&w, t, t->last_event, 0);
    REFUSED(&w, t, t->token, 1); /* of nobody */
    REFUSED(&w, t, t->flags, t->flags | TICKET_KEPT);
    REFUSED(&w, held, held->flags, held->flags | TICKET_KEPT);
    REFUSED(&w, held, held->holder, 0);
    REFUSED(&w, held, held->token, 0);
    REFUSED(&w, held, held->until_at, INT64_MAX - 1);
    REFUSED(&w, held, held->claimed_boot, -1);
    REFUSED(&w, t, t->state_at, -1);
    REFUSED(&w, t, t->start_at, INT64_MAX / 2);
    REFUSED(&w, t, t->rank, -1);
    REFUSED(&w, t, t->queue, 0);
    REFUSED(&w, t, t->queue, 65536);
    REFUSED(&w, t, t->promise[0].target, 0);
    REFUSED(&w, t, t->promise[0].target, -5);
    REFUSED(&w, t, t->promise[0].flags, 0);
    REFUSED(&w, t, t->promise[0].flags, 4);
    REFUSED(&w, t, t->promise[0].arming, 0);
    REFUSED(&w, t, t->promise[0].state, 5);
    REFUSED(&w, t, t->extra->reasons, 1);
    REFUSED(&w, t, t->extra->pauses_n, USHER_PAUSES_MAX + 1);
    REFUSED(&w, t, t->extra->named_at, -1);
    REFUSED(&w, t, t->extra->pause[1].spent, -1);
    empty = t->extra->stretches;
    t->extra->stretches = stretches;
    t->extra->stretches_n = 2;
    REFUSED(&w, t, stretches[0].to_at, stretches[0].from_at);
    REFUSED(&w, t, stretches[0].to_at, stretches[1].from_at + 1);
    REFUSED(&w, t, stretches[0].reasons, 0);
    REFUSED(&w, t, stretches[0].reasons, 16);
    t->extra->stretches = empty;
    t->extra->stretches_n = 0;

    c.claim = (usher_claim){held->id, held->token};
    c.text = (usher_text){"?", 1};
    assert_int_equal(usher__engine_act(w.e, &c, &res), 0);
    assert_int_equal(held->state, USHER_PAUSED);
    REFUSED(&w, held, held->extra->reasons, 0);
    REFUSED(&w, held, held->state, USHER_WAITING);
    c = (usher_command){.size = sizeof c, .verb = USHER_RESOLVE, .claim = {done->id, done->token}};
    assert_int_equal(usher__engine_act(w.e, &c, &res), 0);
    assert_int_equal(done->state, USHER_RESOLVED);
    REFUSED(&w, done, done->promise[0].flags, PROMISE_OWED);
    world_free(&w);
}

/* Whether the ticket's row can be read when these bits of its first word are set too. */
static bool reads_with(struct world *w, usher_id id, uint32_t set)
{
    struct ticket_row t;
    struct row row;
    struct reader r;
    char bytes[1000], *to;
    size_t at = 0;

    assert_int_equal(usher__put_ticket(w->e, &w->batch, usher__ids_find(&w->e->by_id, id), 0), 0);
    assert_true(usher__batch_next(&w->batch, &at, &row));
    r = usher__reader(row.bytes, row.len);
    to = usher__put_number(bytes, usher__get_number(&r) | set);
    memcpy(to, r.at, (size_t)(r.end - r.at));
    row.bytes = bytes;
    row.len = (uint32_t)(to - bytes + (r.end - r.at));
    usher__batch_clear(&w->batch);
    return usher__get_ticket(&row, &t);
}

/* Found by a key or ref that it has not, or no longer may be found by. */
static void test_record__what_cannot_be_found_is_refused(void **state)
{
    const uint32_t by_ref = 1u << 16, by_key = 1u << 17;
    struct world w;
    usher_request plain = {.size = sizeof plain, .requester = "ada", .symptom = "slow"};
    usher_request named = {.size = sizeof named, .requester = "ada", .ref = "r", .dedup_key = "k"};
    usher_command c = {.size = sizeof c, .verb = USHER_WITHDRAW, .who = "ada"};
    struct result res;

    (void)state;
    world_open(&w, 1, WORLD_KEEPS);
    world_begin(&w);
    assert_int_equal(usher__engine_enqueue(w.e->queues[0], &plain, 1, &res), 0);
    assert_true(reads_with(&w, res.ticket, 0));
    assert_false(reads_with(&w, res.ticket, by_ref));
    assert_false(reads_with(&w, res.ticket, by_key));
    assert_int_equal(usher__engine_enqueue(w.e->queues[0], &named, 1, &res), 0);
    assert_true(reads_with(&w, res.ticket, by_ref | by_key));
    c.claim.ticket = res.ticket;
    assert_int_equal(usher__engine_act(w.e, &c, &res), 0);
    assert_true(reads_with(&w, c.claim.ticket, by_ref));
    assert_false(reads_with(&w, c.claim.ticket, by_key)); /* it is over: nobody joins it */
    world_free(&w);
}

/* ---- mutants -------------------------------------------------------------------------------------------- */

struct mutant {
    struct row row;
    char *bytes, *name;
};

/* A few bits, bytes or numbers of it are others. */
static void mutate(const struct row *row, uint64_t *state, struct mutant *m)
{
    uint32_t room = row->len + 4;

    m->row = *row;
    m->bytes = malloc(room);
    m->name = malloc(row->name_len + 1u);
    assert_non_null(m->bytes);
    assert_non_null(m->name);
    if (row->len > 0)
        memcpy(m->bytes, row->bytes, row->len);
    if (row->name_len > 0)
        memcpy(m->name, row->name, row->name_len);
    do {
        uint32_t at = row->len > 0 ? below(state, m->row.len > 0 ? m->row.len : 1) : 0;

        switch (below(state, 12)) {
        case 0:
            m->row.key += (int64_t)below(state, 5) - 2;
            break;
        case 1:
            m->row.a += (int64_t)below(state, 5) - 2;
            break;
        case 2:
            m->row.b = below(state, 2) == 0 ? (int64_t)below(state, 12) : (int64_t)draw(state);
            break;
        case 3:
            if (row->name_len > 0)
                m->name[below(state, row->name_len)] ^= (char)(1 << below(state, 8));
            break;
        case 4:
            if (row->name_len > 0)
                m->row.name_len = (uint16_t)below(state, row->name_len + 1u);
            break;
        case 5:
            if (m->row.len > 0)
                m->row.len--;
            break;
        case 6: /* a byte goes in */
            if (m->row.len < room) {
                memmove(m->bytes + at + 1, m->bytes + at, m->row.len - at);
                m->bytes[at] = (char)draw(state);
                m->row.len++;
            }
            break;
        case 7:
            if (m->row.len > 0)
                m->bytes[at] = (char)0xff;
            break;
        default:
            if (m->row.len > 0)
                m->bytes[at] ^= (char)(1 << below(state, 8));
            break;
        }
    } while (below(state, 3) == 0);
    m->row.bytes = m->bytes;
    m->row.name = m->name;
}

/* Whatever became of it, it can be driven on and freed. */
static void drive(struct world *w)
{
    const char *wrong = usher__engine_check(w->e);
    uint64_t digest;

    if (wrong != NULL)
        fail_msg("%s", wrong);
    w->boot += 1000;
    for (int i = 0; i < 30; i++)
        world_deed(w);
    assert_int_equal(usher__engine_digest(w->e, &digest), 0);
    assert_int_equal(usher__engine_cut(w->e, &w->batch), 0);
}

/* 1: taken. */
static int take_mutant(const struct good *g, size_t which, uint64_t seed)
{
    struct world w;
    struct mutant m;
    const char *wrong = NULL;
    uint64_t state = seed * 2 + 1;
    int err = 0;

    mutate(kept_rows[which], &state, &m);
    world_open(&w, seed, WORLD_KEEPS);
    w.wall = g->w.wall;
    w.state = seed * 2 + 1;
    for (size_t i = 0; err == 0 && i < kept_n; i++) {
        err = usher__engine_take(w.e, i == which ? &m.row : kept_rows[i], &wrong);
        if (i == which) {
            free(m.bytes); /* nobody looks there any more */
            free(m.name);
            m.bytes = m.name = NULL;
        }
    }
    if (err == 0)
        err = usher__engine_taken(w.e, w.wall, w.boot, &wrong);
    free(m.bytes);
    free(m.name);
    assert_true(err == 0 || err == USHER_ECORRUPT);
    assert_true((err != 0) == (wrong != NULL));
    if (err == 0)
        drive(&w);
    world_free(&w);
    return err == 0;
}

static void test_record__no_mutant_leads_astray(void **state)
{
    struct good g;
    uint32_t taken = 0, tickets = 0;
    uint64_t drawn = 77;
    size_t at;

    (void)state;
    good_begin(&g, 6, DEEDS);
    while (kept_n > 0 && kept_rows[kept_n - 1]->table == ROW_EVENT)
        kept_n--; /* they are not taken */
    for (uint64_t seed = 1; seed <= MUTANTS; seed++) {
        at = below(&drawn, (uint32_t)kept_n);
        tickets += kept_rows[at]->table == ROW_TICKET;
        taken += (uint32_t)take_mutant(&g, at, seed);
    }
    assert_true(tickets > MUTANTS / 8);
    assert_true(taken > MUTANTS / 50 && taken < MUTANTS / 4 * 3);
    good_end(&g);
}

/* A ticket that has climbed; the row of it as it is now. */
static uint32_t climber(struct good *g, struct row *row)
{
    struct engine *e = g->w.e;
    size_t at = 0;

    for (usher_id id = 1; id <= e->last_id; id++) {
        uint32_t slot = usher__ids_find(&e->by_id, id);
        const struct ticket *t = usher__ticket(e, slot);

        if (slot == 0 || t->extra == NULL || t->extra->rungs_n == 0 ||
            usher__policy(e, t->policy)->ladder_n < 2)
            continue;
        usher__batch_clear(&g->w.batch);
        assert_int_equal(usher__put_ticket(e, &g->w.batch, slot, 0), 0);
        assert_true(usher__batch_next(&g->w.batch, &at, row));
        return slot;
    }
    fail_msg("nobody has climbed");
    return 0;
}

/* Takes all rows, this one instead of its ticket's. */
static int take_with(const struct row *row)
{
    struct world w;
    const char *wrong;
    int err = 0;

    world_open(&w, 1, WORLD_KEEPS);
    for (size_t i = 0; err == 0 && i < kept_n; i++) {
        bool same = kept_rows[i]->table == row->table && kept_rows[i]->key == row->key;

        err = usher__engine_take(w.e, same ? row : kept_rows[i], &wrong);
    }
    world_free(&w);
    return err;
}

static void test_record__what_a_ladder_has_left_comes_back(void **state)
{
    const struct untold untold = {.at = 1800000000123,
                                  .notify = 1,
                                  .steps = 3,
                                  .warns = 5,
                                  .n = 50,
                                  .step = 2,
                                  .promise = 3,
                                  .lapsed = 6,
                                  .moved = 1};
    struct good g;
    struct row row;
    struct ticket_row back;
    struct extra *x;
    uint64_t drawn = 5;

    (void)state;
    good_begin(&g, 4, 800);
    x = usher__ticket(g.w.e, climber(&g, &row))->extra;
    x->untold = untold;
    (void)climber(&g, &row);
    assert_true(usher__get_ticket(&row, &back));
    assert_memory_equal(&back.extra.untold, &untold, sizeof untold);
    assert_int_equal(back.extra.rungs_n, x->rungs_n);
    for (uint32_t i = 0; i < x->rungs_n; i++) {
        struct rung rung = usher__next_rung(&back);

        assert_memory_equal(&rung, &x->rungs[i], sizeof rung);
    }
    assert_int_equal(take_with(&row), 0);
    for (uint32_t i = 0; i < 50000; i++) {
        struct mutant m;

        mutate(&row, &drawn, &m);
        if (usher__get_ticket(&m.row, &back) && back.has_extra) {
            assert_true(back.extra.rungs_n <= RUNGS_MAX && back.extra.untold.promise < PROMISES);
            for (uint32_t k = 0; k < back.extra.rungs_n; k++)
                assert_true(usher__next_rung(&back).promise < PROMISES);
        }
        free(m.bytes);
        free(m.name);
    }
    x->untold.notify = UINT64_C(1) << 63; /* its policy has not so many names */
    (void)climber(&g, &row);
    assert_int_equal(take_with(&row), USHER_ECORRUPT);
    x->untold = untold;
    x->untold.step = 33; /* or steps */
    (void)climber(&g, &row);
    assert_int_equal(take_with(&row), USHER_ECORRUPT);
    x->untold = untold;
    x->untold.steps = 1u << 31;
    (void)climber(&g, &row);
    assert_int_equal(take_with(&row), USHER_ECORRUPT);
    x->untold = (struct untold){.at = 0};
    usher__batch_clear(&g.w.batch);
    good_end(&g);
}

/* The same without an engine, where it is quick: many more of them. */
static void test_record__no_mutant_is_read_astray(void **state)
{
    struct good g;
    uint64_t drawn = 99, links[2];
    struct row_filter f = {.requester = "eli", .symptom = "slow", .states = 1u << USHER_WAITING};

    (void)state;
    good_begin(&g, 7, 1500);
    for (uint32_t i = 0; i < 200000; i++) {
        const struct row *row = kept_rows[below(&drawn, (uint32_t)kept_n)];
        usher_event event;
        uint32_t queue;
        struct mutant m;

        if (row->table < ROW_CLOSED || row->table == ROW_BODY)
            continue;
        mutate(row, &drawn, &m);
        if (row->table == ROW_EVENT) {
            if (usher__row_event(&m.row, &event, &links[0], &queue)) {
                assert_true(event.who == NULL || strlen(event.who) <= USHER_NAME_MAX);
                assert_true(event.text.len <= m.row.len && event.notify.len <= m.row.len);
                assert_true(event.notify.len == 0 ||
                            event.notify.data[event.notify.len - 1] == '\0');
                assert_true(links[0] < event.seq);
            }
        } else {
            f.states = below(&drawn, 2) == 0 ? 1u << USHER_WAITING : 0;
            f.symptom = below(&drawn, 2) == 0 ? "slow" : NULL;
            (void)usher__row_fits(&m.row, &f);
            (void)usher__row_links(&m.row, &links[0]);
        }
        free(m.bytes);
        free(m.name);
    }
    good_end(&g);
}

/* ---- filters --------------------------------------------------------------------------------------------- */

/* A row fits where its ticket would. */
static void test_record__a_row_fits_as_its_ticket_does(void **state)
{
    struct good g;
    uint32_t fits = 0, persons = 0, linked = 0;

    (void)state;
    good_begin(&g, 8, 2500);
    for (size_t i = 0; i < kept_n; i++) {
        const struct row *row = kept_rows[i];
        const struct ticket *t;
        const char *who;

        if (row->table != ROW_TICKET && row->table != ROW_CLOSED)
            continue;
        t = usher__ticket(g.w.e, usher__ids_find(&g.w.e->by_id, (usher_id)row->key));
        who = usher__engine_name(g.w.e, t->persons_n > 1 ? t->extra->persons[t->persons_n - 1].name
                                                         : t->requester);
        persons += t->persons_n > 1;
        assert_true(usher__row_fits(row, &(struct row_filter){0}));
        assert_true(usher__row_fits(row, &(struct row_filter){.requester = who}));
        assert_false(usher__row_fits(row, &(struct row_filter){.requester = "nobody"}));
        assert_true(usher__row_fits(row, &(struct row_filter){.queue = t->queue}));
        assert_false(usher__row_fits(row, &(struct row_filter){.queue = t->queue + 1}));
        assert_true(usher__row_fits(row, &(struct row_filter){.states = 1u << t->state}));
        assert_false(usher__row_fits(row, &(struct row_filter){.states = ~(1u << t->state)}));
        assert_int_equal(usher__row_fits(row, &(struct row_filter){.symptom = "slow"}),
                         t->extra != NULL && t->extra->symptom != 0 &&
                             strcmp(usher__engine_name(g.w.e, t->extra->symptom), "slow") == 0);
        fits += usher__row_fits(row, &(struct row_filter){.symptom = "slow"});
        for (usher_id other = 1; t->extra != NULL && other <= t->id; other++)
            assert_int_equal(usher__row_fits(row, &(struct row_filter){.linked = other}),
                             t->extra->cause == other || t->extra->follows == other);
        linked += t->extra != NULL && t->extra->cause != 0;
        assert_int_equal(
            usher__row_fits(row, &(struct row_filter){.closed_before_at = t->state_at + 1}),
            row->table == ROW_CLOSED);
        assert_false(usher__row_fits(row, &(struct row_filter){.closed_before_at = t->state_at}));
    }
    assert_true(fits > 5 && persons > 5 && linked > 5);
    good_end(&g);
}

/* ---- what is wrong, in words ---------------------------------------------------------------------------- */

static void assert_refused(size_t which, const struct row *row, const char *text)
{
    struct world w;
    const char *wrong = NULL;
    int err = 0;

    world_open(&w, 1, WORLD_KEEPS);
    for (size_t i = 0; err == 0 && i < kept_n; i++) {
        if (i != which)
            err = usher__engine_take(w.e, kept_rows[i], &wrong);
        else if (row != NULL)
            err = usher__engine_take(w.e, row, &wrong);
    }
    if (err == 0)
        err = usher__engine_taken(w.e, w.wall, w.boot, &wrong);
    assert_int_equal(err, USHER_ECORRUPT);
    assert_string_equal(wrong, text);
    world_free(&w);
}

/* The first ticket that an agent holds or is kept; and that agent. */
static const struct row *first_held(uint32_t *agent)
{
    for (size_t i = 0; i < kept_n; i++) {
        struct ticket_row k;

        if (kept_rows[i]->table != ROW_TICKET)
            continue;
        assert_true(usher__get_ticket(kept_rows[i], &k));
        *agent = k.ticket.holder;
        if (k.ticket.state == USHER_CLAIMED || (k.ticket.flags & TICKET_KEPT) != 0)
            return kept_rows[i];
    }
    return NULL;
}

static void test_record__an_agent_that_has_gone_holds_nothing(void **state)
{
    struct good g;
    const struct row *held;
    uint32_t agent = 0;
    struct row row;
    char text[100], bytes[1000];
    size_t i = 0;

    (void)state;
    good_begin(&g, 10, 400);
    held = first_held(&agent);
    assert_non_null(held);
    while (kept_rows[i]->table != ROW_AGENT || kept_rows[i]->key != agent)
        i++;
    row = *kept_rows[i];
    memcpy(bytes, row.bytes, row.len);
    assert_int_equal(bytes[0], 0);
    bytes[0] = 1;
    row.bytes = bytes;
    snprintf(text, sizeof text, "ticket %lld: agent %u has gone", (long long)held->key,
             (unsigned)agent);
    assert_refused(i, &row, text);
    good_end(&g);
}

static void test_record__what_is_wrong_is_said_in_words(void **state)
{
    struct good g;
    size_t ticket = 0, queue = 0, body = 0;
    struct row row;
    char text[100];

    (void)state;
    good_begin(&g, 9, 400);
    for (size_t i = 0; i < kept_n; i++) {
        ticket = ticket == 0 && kept_rows[i]->table == ROW_TICKET ? i : ticket;
        queue = queue == 0 && kept_rows[i]->table == ROW_QUEUE ? i : queue;
        body = body == 0 && kept_rows[i]->table == ROW_BODY ? i : body;
    }
    assert_true(ticket > 0 && queue > 0 && body > 0);
    row = *kept_rows[ticket];
    row.a = 9;
    snprintf(text, sizeof text, "ticket %lld: queue 9 does not exist", (long long)row.key);
    assert_refused(ticket, &row, text);
    row = *kept_rows[ticket];
    row.b = 8;
    snprintf(text, sizeof text, "ticket %lld: cannot be read", (long long)row.key);
    assert_refused(ticket, &row, text);
    row = *kept_rows[ticket + 1];
    snprintf(text, sizeof text, "ticket %lld: there are two", (long long)row.key);
    assert_refused(ticket, &row, text);
    snprintf(text, sizeof text, "open tickets: %u, and it should be %u",
             g.w.e->tickets.n - g.w.e->closed_n - 1, g.w.e->tickets.n - g.w.e->closed_n);
    assert_refused(ticket, NULL, text);
    assert_refused(body, NULL, "bodies of tickets: 1 are missing");
    assert_refused(queue, NULL, "queue 2 follows queue 0");
    assert_refused(0, NULL, "rows are missing, or not in order");
    assert_refused(ticket, kept_rows[queue], "rows are missing, or not in order");
    good_end(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record__an_event_comes_back_whole),
        cmocka_unit_test(test_record__every_byte_counts),
        cmocka_unit_test(test_record__a_row_that_is_cut_short_is_refused),
        cmocka_unit_test(test_record__what_does_not_fit_together_is_refused),
        cmocka_unit_test(test_record__what_cannot_be_found_is_refused),
        cmocka_unit_test(test_record__no_mutant_leads_astray),
        cmocka_unit_test(test_record__what_a_ladder_has_left_comes_back),
        cmocka_unit_test(test_record__no_mutant_is_read_astray),
        cmocka_unit_test(test_record__a_row_fits_as_its_ticket_does),
        cmocka_unit_test(test_record__what_is_wrong_is_said_in_words),
        cmocka_unit_test(test_record__an_agent_that_has_gone_holds_nothing),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
