/* Figures as rows: they come back, and what somebody made of them is refused. */
#include "figures_fold.h"
#include "local/batch.h"
#include "local/inside.h"
#include "loop/service.h"

static struct engine *new_engine(void)
{
    struct engine_options o = {
        .memory = usher__memory_libc, .op_window_n = 1, .history_bytes = 1 << 18};
    struct engine *e;
    usher_queue_t *q;
    usher_agent_t *a;

    assert_int_equal(usher__engine_new(&e, &o), 0);
    usher__engine_clock(e, T0, 0);
    for (int i = 0; i < QUEUES; i++)
        assert_int_equal(usher__engine_queue(e, queue_names[i], &q), 0);
    for (int i = 0; i < AGENTS; i++)
        assert_int_equal(usher__engine_agent(e, agent_names[i], NULL, 0, &a), 0);
    return e;
}

static int take_into(struct engine *e, struct row row)
{
    const char *wrong = NULL;
    int err = usher__figures_take(e, &row, &wrong);

    assert_true(err == 0 || (err == USHER_ECORRUPT && wrong != NULL));
    return err;
}

static int take_alone(struct row row)
{
    struct engine *e = new_engine();
    int err = take_into(e, row);

    usher__engine_free(e);
    return err;
}

/* Rows that speak of what there is not. */
static void refuse_strangers(void)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
    } rows[] = {{"c1.1.0", "c\1\1\1\0\0\0\0", 8}, /* good */
                {"c0.1.0", "c\0\1\1\0\0\0\0", 8}, /* queue 0, */
                {"c4.1.0", "c\4\1\1\0\0\0\0", 8}, /* 4, */
                {"c1.0.0", "c\1\0\1\0\0\0\0", 8}, /* priority 0, */
                {"c1.5.0", "c\1\5\1\0\0\0\0", 8}, /* 5, */
                {"a0.0.0", "a\0\0\1\0", 5},       /* agent 0, */
                {"a4.0.0", "a\4\0\1\0", 5},       /* 4, */
                {"a1.1.0", "a\1\1\1\0", 5},       /* one's priority, */
                {"a1.0.1", "a\1\0\2\0", 5},       /* or day; */
                {"w1.1.1", "w\1\1\2\1\1\1", 7},   /* waits of a day, */
                {"w1.1.0", "w\1\1\1\0", 5},       /* or none; */
                {"x1.1.0", "x\1\1\1\0", 5}};      /* a kind that is not known */

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct row row = {.table = ROW_FIGURE,
                          .name = rows[i].name,
                          .name_len = (uint16_t)strlen(rows[i].name),
                          .bytes = rows[i].bytes,
                          .len = (uint32_t)rows[i].len};

        assert_int_equal(take_alone(row), i == 0 ? 0 : USHER_ECORRUPT);
    }
}

static void test_figures_rows__come_back_and_wrong_ones_are_refused(void **state)
{
    struct desk *d = begin("memory:");
    struct engine *e = new_engine();
    struct batch rows, again;
    struct row row, other;
    size_t at = 0, next;
    uint64_t seed = 9;

    (void)state;
    refuse_strangers();
    for (int day = 0; day < USHER_FIGURE_DAYS + 3; day++) { /* as many as are kept */
        one_done(d, MINUTE);
        pass(d, DAY);
    }
    define(d, 0, policy);
    draw_life(d, 4, 400, 2 * HOUR);
    usher__batch_init(&rows, &usher__memory_libc);
    usher__batch_init(&again, &usher__memory_libc);
    assert_int_equal(usher__figures_put(d->u->engine, &rows), 0);
    assert_true(rows.rows > 10);
    while (usher__batch_next(&rows, &at, &row))
        assert_int_equal(take_into(e, row), 0);
    assert_int_equal(usher__figures_put(e, &again), 0);
    assert_int_equal(again.rows, rows.rows);
    for (at = 0, next = 0; usher__batch_next(&rows, &at, &row);) {
        assert_true(usher__batch_next(&again, &next, &other));
        assert_int_equal(row.name_len, other.name_len);
        assert_memory_equal(row.name, other.name, row.name_len);
        assert_int_equal(row.len, other.len);
        assert_memory_equal(row.bytes, other.bytes, row.len);
    }
    for (at = 0; usher__batch_next(&rows, &at, &row);) {
        char bytes[16384], name[64];

        other = row;
        assert_int_equal(take_into(e, row), USHER_ECORRUPT); /* there is such a one */
        assert_true(row.len < sizeof bytes && row.name_len < sizeof name);
        memcpy(bytes, row.bytes, row.len);
        memcpy(name, row.name, row.name_len);
        other.bytes = bytes;
        other.name = name;
        for (uint32_t cut = 0; cut < row.len; cut++) {
            other.len = cut;
            if (cut < 40 || cut % 7 == 0)
                assert_int_equal(take_alone(other), USHER_ECORRUPT);
        }
        other.len = row.len + 1;
        bytes[row.len] = 0;
        assert_int_equal(take_alone(other), USHER_ECORRUPT);
        other.len = row.len;
        for (uint16_t i = 0; i < row.name_len; i++) {
            name[i] ^= 1;
            assert_int_equal(take_alone(other), USHER_ECORRUPT);
            name[i] ^= 1;
        }
        other.name_len = (uint16_t)(row.name_len - 1);
        assert_int_equal(take_alone(other), USHER_ECORRUPT);
        other.name_len = row.name_len;
        for (int i = 0; i < 60; i++) {
            uint64_t where = draw(&seed) % row.len;
            char was = bytes[where];

            bytes[where] = (char)draw(&seed);
            (void)take_alone(other); /* whatever it says: no more than that */
            bytes[where] = was;
        }
    }
    usher__batch_free(&rows);
    usher__batch_free(&again);
    usher__engine_free(e);
    end(d);
}

/* ---- a store --------------------------------------------------------------------------------- */

#ifdef USHER_SQLITE
/* Cut or not: an agent's deed, and one to whom it was offered. */
static void decline(struct desk *d)
{
    usher_command c;

    enqueue(d, 1, "hal", USHER_URGENT);
    d->claims_n = 0;
    claim(d, 0, 1);
    c = command(USHER_HAND_OFF, d->claim[0]);
    c.agent = d->a[1];
    act(d, c);
    act_with(d, USHER_DECLINE, (usher_claim){d->claim[0].ticket, 0}, "not mine");
}

struct seen {
    usher_figures rows[ROWS];
    usher_agent_figures agents[AGENTS];
    usher_queue_t *queues[QUEUES];
    uint64_t n;
};

static void see(struct desk *d, int64_t from_at, struct seen *s)
{
    ask(d, USHER_READ_FIGURES, NULL, from_at, 0, 0);
    s->n = d->n;
    memcpy(s->rows, d->row, sizeof s->rows);
    ask(d, USHER_READ_AGENTS, NULL, 0, 0, 0);
    assert_int_equal(d->n, AGENTS);
    memcpy(s->agents, d->agent, sizeof s->agents);
    memcpy(s->queues, d->q, sizeof s->queues);
}

/* The same, but for the handles. */
static void assert_seen(struct seen *a, const struct seen *b)
{
    assert_int_equal(a->n, b->n);
    for (uint64_t i = 0; i < a->n; i++) {
        int q = 0;

        while (a->rows[i].queue != a->queues[q])
            q++;
        a->rows[i].queue = b->queues[q];
        assert_memory_equal(&a->rows[i], &b->rows[i], sizeof a->rows[i]);
    }
    for (int i = 0; i < AGENTS; i++) {
        a->agents[i].agent = b->agents[i].agent;
        assert_memory_equal(&a->agents[i], &b->agents[i], sizeof a->agents[i]);
    }
}

static void on_backup(usher_t *u, const usher_done *done, void *user)
{
    (void)u;
    assert_int_equal(done->status, 0);
    ((struct desk *)user)->works++;
}

/* What a crash leaves: rows of the figures that are older than the latest events. */
static void leave_a_copy(struct desk *d, int round)
{
    char copy[sizeof d->uri - sizeof "sqlite:" + 1];
    uint32_t works = d->works;

    snprintf(copy, sizeof copy, "%s/copy-%d.db", d->dir, round);
    assert_int_equal(usher_backup(d->u, copy, on_backup, d), 0);
    pass(d, 0);
    assert_int_equal(d->works, works + 1);
    close_desk(d);
    snprintf(d->uri, sizeof d->uri, "sqlite:%s", copy);
}

static void test_figures_rows__come_back_from_a_store(void **state)
{
    struct desk *d = begin("sqlite:");
    struct seen before, after;

    (void)state;
    for (int q = 0; q < QUEUES; q++)
        define(d, q, policy);
    for (int round = 1; round <= 6; round++) {
        int64_t from_at;

        draw_life(d, (uint64_t)round, 150, 2 * HOUR);
        if (round == 3)
            pass(d, 40 * DAY); /* days are put together: their rows go */
        decline(d);
        assert_agents(d);
        from_at = round % 2 == 0 ? now(d) - DAY : 0;
        see(d, from_at, &before);
        if (round % 2 == 0)
            leave_a_copy(d, round);
        else
            close_desk(d);
        open_desk(d);
        see(d, from_at, &after);
        assert_seen(&before, &after);
    }
    assert_figures(d, 0, 0);
    end(d);
}
#endif
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_rows__come_back_and_wrong_ones_are_refused),
#ifdef USHER_SQLITE
        cmocka_unit_test(test_figures_rows__come_back_from_a_store),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
