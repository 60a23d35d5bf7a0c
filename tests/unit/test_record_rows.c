/* Rows that can be read and are wrong all the same: out of order, out of bounds, or naming what is not
 * there. Each is refused with words that say which row it is, whatever else is right. */
#include "core/zone.h"
#include "kept.h"
#include "local/figures.h"
#include "local/record.h"

enum { DEEDS = 900 };

static struct world good;
static struct shelf shelf;
static const struct row **rows; /* in the order in which they are taken */
static size_t rows_n;

static int keep_row(void *ctx, const struct row *row)
{
    (void)ctx;
    rows[rows_n++] = row;
    return 0;
}

static int begin(void **state)
{
    struct result res;
    struct policy p;

    (void)state;
    world_open(&good, 21, WORLD_KEEPS);
    world_begin(&good);
    for (int i = 0; i < DEEDS; i++)
        world_deed(&good);
    usher__figures_want(good.e); /* they count all so far, and not what follows */
    world_last_cut(&good, &shelf);
    assert_int_equal(usher__engine_hold(good.e->queues[2], 0, &res), 0);
    assert_int_equal(
        usher__engine_compile(good.e, &p, policies[2], strlen(policies[2]), NULL, 0), 0);
    assert_int_equal(
        usher__engine_define(good.e->queues[2], &p, policies[2], strlen(policies[2]), &res), 0);
    for (uint64_t i = 0; i < 3; i++) {
        usher_request r = {.size = sizeof r, .requester = person_names[i], .op = {99, i + 1}};

        assert_int_equal(usher__engine_enqueue(good.e->queues[2], &r, 1, &res), 0);
        assert_int_equal(res.status, 0);
    }
    assert_int_equal(usher__subscriber_set(good.e, "another", 1), 0);
    world_last_cut(&good, &shelf);
    rows = malloc(shelf.n * sizeof *rows);
    assert_non_null(rows);
    return shelf_read(&shelf, keep_row, NULL);
}

static int finish(void **state)
{
    (void)state;
    free(rows);
    world_free(&good);
    shelf_free(&shelf);
    return 0;
}

/* The n-th row of the table, from 0 on. */
static size_t row_of(int table, size_t n)
{
    for (size_t i = 0; i < rows_n; i++) {
        if (rows[i]->table == table && n-- == 0)
            return i;
    }
    fail_msg("table %d has no such row", table);
    return 0;
}

/* Takes all rows, this one in the place of another. The error; its words in `says`. */
static int take_with(size_t which, const struct row *row, char says[200])
{
    struct world w;
    const char *wrong = NULL;
    int err = 0;

    world_open(&w, 1, WORLD_KEEPS);
    for (size_t i = 0; err == 0 && i < rows_n; i++)
        err = usher__engine_take(w.e, i == which ? row : rows[i], &wrong);
    if (err == 0)
        err = usher__engine_taken(w.e, good.wall, good.boot, &wrong);
    snprintf(says, 200, "%s", wrong != NULL ? wrong : "");
    world_free(&w);
    return err;
}

static void refused(size_t which, const struct row *row, const char *must_say)
{
    char says[200];

    assert_int_equal(take_with(which, rows[which], says), 0);
    assert_int_equal(take_with(which, row, says), USHER_ECORRUPT);
    if (strstr(says, must_say) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", says, must_say);
}

#define REFUSED_WITH(table, n, field, value, says)                                                 \
    do {                                                                                           \
        size_t which_ = row_of(table, n);                                                          \
        struct row row_ = *rows[which_];                                                           \
                                                                                                   \
        row_.field = (value);                                                                      \
        refused(which_, &row_, says);                                                              \
    } while (0)

/* With the name of another row of its table. */
static void refused_by_name(int table, const char *says)
{
    size_t which = row_of(table, 1);
    struct row row = *rows[which];

    row.name = rows[row_of(table, 0)]->name;
    row.name_len = rows[row_of(table, 0)]->name_len;
    refused(which, &row, says);
}

static char long_name[USHER_NAME_MAX + 1];

static void refused_names(int table, const char *says)
{
    size_t which = row_of(table, 0);
    struct row row = *rows[which];

    memset(long_name, 'n', sizeof long_name);
    row.name = long_name;
    row.name_len = sizeof long_name;
    refused(which, &row, says);
    row.name_len = 0;
    refused(which, &row, says);
    row.name = "a\0b";
    row.name_len = 3;
    refused(which, &row, says);
}

static void test_rows__come_in_order_and_are_there(void **state)
{
    (void)state;
    REFUSED_WITH(ROW_TICKET, 0, drop, true, "rows are missing, or not in order");
    REFUSED_WITH(ROW_TICKET, 0, table, 0, "rows are missing, or not in order");
    REFUSED_WITH(ROW_TICKET, 0, table, ROW_TABLES, "rows are missing, or not in order");
    REFUSED_WITH(ROW_TICKET, 0, table, ROW_STATE, "rows are missing, or not in order");
    REFUSED_WITH(ROW_QUEUE, 1, key, 9, "queue 9 follows queue 1");
    REFUSED_WITH(ROW_AGENT, 1, key, 9, "agent 9 follows agent 1");
    REFUSED_WITH(ROW_POLICY, 1, key, 9, "policy 9 follows policy 1");
    REFUSED_WITH(ROW_ZONE, 1, key, 9, "zone 9");
}

static void test_rows__keep_to_their_bounds(void **state)
{
    static char zone[ZONE_FILE_MAX + 1];

    (void)state;
    REFUSED_WITH(ROW_POLICY, 0, a, 0, "policy 1");
    REFUSED_WITH(ROW_POLICY, 0, a, USHER_QUEUES_MAX + 1, "policy 1");
    REFUSED_WITH(ROW_POLICY, 0, b, 0, "policy 1");
    REFUSED_WITH(ROW_POLICY, 0, b, INT64_C(1) << 32, "policy 1");
    REFUSED_WITH(ROW_POLICY, 0, len, USHER_POLICY_MAX + 1, "policy 1");
    REFUSED_WITH(ROW_ZONE, 0, a, 0, "zone 1");
    REFUSED_WITH(ROW_ZONE, 0, a, INT64_MAX, "zone 1");
    {
        size_t which = row_of(ROW_ZONE, 0);
        struct row row = *rows[which];

        row.bytes = zone;
        row.len = sizeof zone;
        refused(which, &row, "zone 1");
    }
    REFUSED_WITH(ROW_OP, 0, key, 0, "op 0");
    REFUSED_WITH(ROW_OP, 1, key, rows[row_of(ROW_OP, 1)]->key + 1, "op ");
    REFUSED_WITH(ROW_SUBSCRIBER, 0, key, -1, "a subscriber cannot be read");
    REFUSED_WITH(ROW_SUBSCRIBER, 0, key, INT64_MAX, "a subscriber cannot be read");
    REFUSED_WITH(ROW_SUBSCRIBER, 0, len, 1, "a subscriber cannot be read");
    REFUSED_WITH(ROW_BODY, 0, len, 512, "a body of 512 bytes");
    REFUSED_WITH(ROW_BODY, 0, len, USHER_BODY_MAX + 1, "a body of 16777217 bytes");
    REFUSED_WITH(ROW_SYMPTOM, 0, a, 0, "a symptom cannot be read");
    REFUSED_WITH(ROW_SYMPTOM, 0, a, INT64_MAX, "a symptom cannot be read");
}

static void test_rows__have_names_of_their_own(void **state)
{
    (void)state;
    refused_names(ROW_QUEUE, "queue 1");
    refused_names(ROW_AGENT, "agent 1");
    refused_names(ROW_SUBSCRIBER, "a subscriber cannot be read");
    refused_names(ROW_SYMPTOM, "a symptom cannot be read");
    refused_names(ROW_MARK, "mark ");
    refused_by_name(ROW_QUEUE, "queue 2: its name is another's");
    refused_by_name(ROW_AGENT, "agent 2: its name is another's");
    refused_by_name(ROW_SUBSCRIBER, "there are two");
    refused_by_name(ROW_SYMPTOM, "a symptom cannot be read");
    refused_by_name(ROW_MARK, "mark ");
}

/* A body that comes twice, or whose ticket has it in its own row; an event of a queue that is not there. */
static void test_rows__name_what_is_there(void **state)
{
    size_t body = row_of(ROW_BODY, 1), event;
    struct row row = *rows[body];
    char says[200];

    (void)state;
    row.key = rows[row_of(ROW_BODY, 0)]->key;
    refused(body, &row, "a second body");
    row = *rows[row_of(ROW_QUEUE, 0)];
    row.bytes = "\x63\0\0\0\0\0\0"; /* policy 99 */
    refused(row_of(ROW_QUEUE, 0), &row, "queue 1");
    event = row_of(ROW_EVENT, 0); /* the figures count it already: nobody looks at it */
    row = *rows[event];
    row.len--;
    assert_int_equal(take_with(event, &row, says), 0);
    event = rows_n - 1;
    row = *rows[event];
    assert_int_equal(row.table, ROW_EVENT);
    row.len--;
    refused(event, &row, "event ");
    row.len++;
    row.key += 1000; /* the service has not come so far */
    refused(event, &row, "event ");
}

static void test_rows__are_not_more_than_there_may_be(void **state)
{
    struct row row = {.table = ROW_SUBSCRIBER, .name_len = 3};
    const char *wrong;
    struct world w;
    char name[8];

    (void)state;
    world_open(&w, 1, WORLD_KEEPS);
    for (size_t i = 0; rows[i]->table < ROW_SUBSCRIBER; i++)
        assert_int_equal(usher__engine_take(w.e, rows[i], &wrong), 0);
    row.name = name;
    for (int i = 0; i <= USHER_SUBSCRIBERS_MAX; i++) {
        snprintf(name, sizeof name, "s%02d", i);
        assert_int_equal(usher__engine_take(w.e, &row, &wrong),
                         i < USHER_SUBSCRIBERS_MAX ? 0 : USHER_ECORRUPT);
    }
    world_free(&w);
}

/* ---- sixty-four skills ----------------------------------------------------------------------------- */

/* An agent with as many skills as may be, each as long as may be, is written and read back whole; one more
 * skill in its row, or one that is too long, is refused. */
static void test_rows__an_agent_keeps_all_its_skills(void **state)
{
    static char skills[USHER_SKILLS_MAX + 1][USHER_NAME_MAX + 1];
    static const char *names[USHER_SKILLS_MAX + 1];
    static char bytes[(USHER_SKILLS_MAX + 2) * (USHER_NAME_MAX + 4)];
    struct world w, again;
    struct shelf s = {NULL, 0, 0};
    usher_agent_t *a;
    struct row row;
    char *to;
    const char *wrong;

    (void)state;
    world_open(&w, 1, WORLD_KEEPS);
    usher__engine_clock(w.e, w.wall, w.boot);
    for (int i = 0; i <= USHER_SKILLS_MAX; i++) {
        memset(skills[i], 'a' + i % 26, USHER_NAME_MAX);
        skills[i][0] = (char)('0' + i / 26);
        names[i] = skills[i];
    }
    assert_int_equal(usher__engine_agent(w.e, "all", names, USHER_SKILLS_MAX, &a), 0);
    world_last_cut(&w, &s);
    world_again(&again, &w, &s, 2, WORLD_KEEPS);
    assert_int_equal(again.e->agents[0]->skills_n, USHER_SKILLS_MAX);
    for (uint32_t i = 0; i < USHER_SKILLS_MAX; i++) {
        const char *is = usher__engine_name(again.e, again.e->agents[0]->skills[i]);
        uint32_t k = 0;

        while (k < USHER_SKILLS_MAX && strcmp(is, names[k]) != 0)
            k++;
        assert_true(k < USHER_SKILLS_MAX);
    }
    assert_true(world_digest(&w) == world_digest(&again));
    world_free(&again);

    row = (struct row){.table = ROW_AGENT, .key = 1, .name = "all", .name_len = 3, .bytes = bytes};
    for (int n = USHER_SKILLS_MAX; n <= USHER_SKILLS_MAX + 1; n++) {
        world_open(&again, 3, WORLD_KEEPS);
        for (size_t i = 0; i < s.n; i++) {
            if (s.rows[i].table == ROW_STATE)
                assert_int_equal(usher__engine_take(again.e, &s.rows[i], &wrong), 0);
        }
        to = bytes;
        *to++ = 0;
        to = usher__put_number(to, (uint64_t)n);
        for (int i = 0; i < n; i++)
            to = usher__put_bytes(to, names[i], USHER_NAME_MAX);
        row.len = (uint32_t)(to - bytes);
        assert_int_equal(usher__engine_take(again.e, &row, &wrong),
                         n == USHER_SKILLS_MAX ? 0 : USHER_ECORRUPT);
        world_free(&again);
    }
    world_free(&w);
    shelf_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows__come_in_order_and_are_there),
        cmocka_unit_test(test_rows__keep_to_their_bounds),
        cmocka_unit_test(test_rows__have_names_of_their_own),
        cmocka_unit_test(test_rows__name_what_is_there),
        cmocka_unit_test(test_rows__are_not_more_than_there_may_be),
        cmocka_unit_test(test_rows__an_agent_keeps_all_its_skills),
    };

    return cmocka_run_group_tests_name("rows", tests, begin, finish);
}
