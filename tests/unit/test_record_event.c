/* An event's row, both ways: what was added to events reads as nothing in rows of earlier formats, whose bytes are
 * those that they were then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "local/record.h"
#include "probe.h"

struct rows {
    struct probe probe;
    struct memory memory;
    struct batch batch;
};

static void begin(struct rows *r)
{
    r->probe = (struct probe){.left = UINT32_MAX};
    r->memory = (struct memory){probe_resize, &r->probe};
    usher__batch_init(&r->batch, &r->memory);
}

static void end(struct rows *r)
{
    usher__batch_free(&r->batch);
    assert_int_equal(r->probe.held_n, 0);
}

static struct log_event an_event(void)
{
    return (struct log_event){.event = {.size = sizeof(usher_event),
                                        .seq = 9,
                                        .ticket = 3,
                                        .ticket_seq = 2,
                                        .at = 1000,
                                        .kind = USHER_EV_CLAIMED,
                                        .state = USHER_CLAIMED,
                                        .priority = USHER_NORMAL,
                                        .who = "ann",
                                        .took_ms = -1,
                                        .word_ms = -1,
                                        .held_ms = -1},
                              .previous = 4};
}

static struct row row_of(struct rows *r, const struct log_event *le)
{
    struct row row;
    size_t at = 0;

    usher__batch_clear(&r->batch);
    assert_int_equal(usher__put_event(&r->batch, le), 0);
    assert_true(usher__batch_next(&r->batch, &at, &row));
    return row;
}

static bool read_back(const struct row *row, usher_event *event)
{
    uint64_t previous;
    uint32_t queue;

    return usher__row_event(row, event, &previous, &queue);
}

static void test_record_event__each_number_comes_back(void **state)
{
    static const int64_t values[] = {-1, 0, 1, 127, 128, 86400000, USHER_AT_MAX};
    enum { VALUES = sizeof values / sizeof *values };
    struct rows r;
    usher_event e;

    (void)state;
    begin(&r);
    for (int i = 0; i < VALUES * VALUES * VALUES; i++) {
        struct log_event le = an_event();
        struct row row;

        le.event.took_ms = values[i % VALUES];
        le.event.word_ms = values[i / VALUES % VALUES];
        le.event.held_ms = values[i / VALUES / VALUES];
        le.event.other = (usher_id)(i % 3) << (i % 60);
        row = row_of(&r, &le);
        assert_true(read_back(&row, &e));
        assert_int_equal(e.took_ms, le.event.took_ms);
        assert_int_equal(e.word_ms, le.event.word_ms);
        assert_int_equal(e.held_ms, le.event.held_ms);
        assert_int_equal(e.other, le.event.other);
        assert_string_equal(e.who, "ann");
        for (uint32_t len = 0; len < row.len; len++) { /* every byte counts */
            struct row cut = row;

            cut.len = len;
            assert_false(read_back(&cut, &e));
        }
    }
    end(&r);
}

/* As format 2 wrote it: the bits, at, seq of the ticket, state and priority, back, who. */
static void test_record_event__of_format_2_has_nothing_of_it(void **state)
{
    static const char bytes[] = {5, (char)0xe8, 7, 2, 0x23, 5, 4, 'a', 'n', 'n', 0};
    struct row row = {.table = ROW_EVENT, .key = 9, .a = 3, .b = USHER_EV_CLAIMED,
                      .bytes = bytes, .len = sizeof bytes};
    struct log_event le = an_event();
    struct row now;
    struct rows r;
    usher_event e;

    (void)state;
    assert_true(read_back(&row, &e));
    assert_int_equal(e.at, 1000);
    assert_int_equal(e.other, 0);
    assert_int_equal(e.took_ms, -1);
    assert_int_equal(e.word_ms, -1);
    assert_int_equal(e.held_ms, -1);
    begin(&r);
    now = row_of(&r, &le); /* without them it is still written so */
    assert_int_equal(now.len, row.len);
    assert_memory_equal(now.bytes, bytes, sizeof bytes);
    end(&r);
}

/* A bit for another ticket, and then none; bits that nobody knows. */
static void test_record_event__what_is_wrong_is_refused(void **state)
{
    static char other_0[] = {(char)0x85, (char)0x80, 8, (char)0xe8, 7, 2, 0x23, 5, 4, 'a', 'n', 'n', 0, 0};
    static const char unknown[] = {(char)0x85, (char)0x80, (char)0x80, 1, (char)0xe8, 7, 2, 0x23, 5, 4, 'a', 'n', 'n', 0};
    struct row row = {.table = ROW_EVENT, .key = 9, .a = 3, .b = USHER_EV_CLAIMED,
                      .bytes = other_0, .len = sizeof other_0};
    usher_event e;

    (void)state;
    assert_false(read_back(&row, &e));
    other_0[sizeof other_0 - 1] = 14;
    assert_true(read_back(&row, &e));
    assert_int_equal(e.other, 14);
    row.bytes = unknown;
    row.len = sizeof unknown;
    assert_false(read_back(&row, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_event__each_number_comes_back),
        cmocka_unit_test(test_record_event__of_format_2_has_nothing_of_it),
        cmocka_unit_test(test_record_event__what_is_wrong_is_refused),
    };

    return cmocka_run_group_tests_name("record_event", tests, NULL, NULL);
}
