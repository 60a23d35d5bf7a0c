/* The log finds by place and by seq, and keeps what is not told or not cut. */
#include "local/log.h"

#include "probe.h"

struct logged {
    struct probe probe;
    struct memory memory;
    struct log log;
};

static void begin(struct logged *l, uint64_t bytes_max)
{
    l->probe = (struct probe){.left = UINT32_MAX};
    l->memory = (struct memory){probe_resize, &l->probe};
    usher__log_init(&l->log, &l->memory, bytes_max);
}

static void end(struct logged *l)
{
    usher__log_free(&l->log);
    assert_int_equal(l->probe.held_n, 0);
}

/* n entries of a ticket, each with what leads to the one before. */
static void add(struct logged *l, uint32_t n, size_t len, uint64_t *state)
{
    static const char who[] =
        "a name that is a little longer than others, and then some more of it";

    for (uint32_t i = 0; i < n; i++) {
        struct event event = {.ticket = 7, .kind = 1, .n = (uint32_t)l->log.seq};
        struct log_entry entry = {.event = &event,
                                  .who = who,
                                  .who_len = below(state, sizeof who - 1),
                                  .previous = l->log.seq};

        assert_int_equal(usher__log_reserve(&l->log, len + usher__log_len(sizeof who)), 0);
        assert_true(usher__log_add(&l->log, &entry) == l->log.seq);
    }
}

static void test_log__every_entry_is_found_by_its_seq(void **state)
{
    struct logged l;
    struct log_event le, other;
    uint64_t drawn = 3, place = LOG_STEP, first;

    (void)state;
    begin(&l, UINT64_MAX);
    assert_false(usher__log_find(&l.log, 0, &le));
    assert_false(usher__log_find(&l.log, 1, &le));
    assert_int_equal(usher__log_first(&l.log), 1);
    l.log.seq = 1000; /* as after a reopen */
    assert_int_equal(usher__log_first(&l.log), 1001);
    add(&l, 9000, 0, &drawn);
    add(&l, 1, 3 * LOG_CHUNK, &drawn); /* a large chunk, mostly empty; and one that stays empty */
    add(&l, 20, 0, &drawn);
    assert_int_equal(usher__log_reserve(&l.log, 4 * LOG_CHUNK), 0);
    add(&l, 20000, 0, &drawn);
    assert_true(l.log.chunks_n > 5);
    first = 1001;
    for (uint64_t seq = first; seq <= l.log.seq; seq++) {
        assert_true(usher__log_find(&l.log, seq, &le));
        assert_true(usher__log_at(&l.log, place, &other, &place));
        assert_int_equal(le.event.seq, seq);
        assert_int_equal(other.event.seq, seq);
        assert_int_equal(le.previous, seq - 1);
        assert_ptr_equal(le.event.who, other.event.who);
    }
    assert_false(usher__log_find(&l.log, first - 1, &le));
    assert_false(usher__log_find(&l.log, l.log.seq + 1, &le));
    end(&l);
}

/* Whichever of the optional numbers there are: each comes back, what is not there is none, and an entry never
 * needs more than was said. */
static void test_log__numbers_are_there_or_not(void **state)
{
    static const char text[] = "word";

    (void)state;
    for (unsigned bits = 0; bits < 1u << 9; bits++) {
        struct event event = {.ticket = 7, .kind = 1, .rule = (bits & 1) != 0 ? "retry" : NULL};
        struct log_entry entry = {.event = &event, .text = text, .text_len = 4, .who = "w", .who_len = 1};
        struct logged l;
        struct log_event le;

        if ((bits & 2) != 0)
            event.until_at = 11;
        if ((bits & 4) != 0)
            event.due_at = -12;
        if ((bits & 8) != 0)
            event.notify_at = 13;
        if ((bits & 16) != 0)
            event.other = 14;
        if ((bits & 32) != 0)
            event.took = 1;
        if ((bits & 64) != 0)
            event.word = INT64_MAX;
        if ((bits & 128) != 0)
            event.held = 17;
        if ((bits & 256) != 0)
            entry.seen_at = 18;
        begin(&l, UINT64_MAX);
        assert_int_equal(usher__log_reserve(&l.log, usher__log_len(5)), 0);
        usher__log_add(&l.log, &entry);
        assert_true(l.log.end - LOG_STEP <= usher__log_len(5));
        assert_true(usher__log_find(&l.log, 1, &le));
        assert_int_equal(le.event.until_at, event.until_at);
        assert_int_equal(le.event.due_at, event.due_at);
        assert_int_equal(le.event.notify_at, event.notify_at);
        assert_int_equal(le.event.other, event.other);
        assert_int_equal(le.event.took_ms, event.took - 1);
        assert_int_equal(le.event.word_ms, event.word - 1);
        assert_int_equal(le.event.held_ms, event.held - 1);
        assert_int_equal(le.event.seen_at, entry.seen_at);
        assert_ptr_equal(le.event.rule, event.rule);
        assert_string_equal(le.event.text.data, text);
        assert_string_equal(le.event.who, "w");
        end(&l);
    }
}

static void test_log__what_is_not_told_or_not_cut_stays(void **state)
{
    struct logged l;
    struct log_event le;
    uint64_t drawn = 3;

    (void)state;
    begin(&l, 2 * LOG_CHUNK);
    usher__log_cut(&l.log, l.log.end);
    add(&l, 20000, 0, &drawn);
    assert_int_equal(usher__log_first(&l.log), 1);
    usher__log_told(&l.log, l.log.end); /* told, not cut */
    add(&l, 20000, 0, &drawn);
    assert_int_equal(usher__log_first(&l.log), 1);
    usher__log_told(&l.log, LOG_STEP); /* cut, not told */
    usher__log_cut(&l.log, l.log.end);
    add(&l, 20000, 0, &drawn);
    assert_int_equal(usher__log_first(&l.log), 1);
    usher__log_told(&l.log, l.log.end);
    usher__log_cut(&l.log, l.log.end);
    add(&l, 20000, 0, &drawn);
    usher__log_told(&l.log, l.log.end);
    usher__log_cut(&l.log, l.log.end);
    assert_true(l.log.bytes <= 3 * LOG_CHUNK);
    assert_true(usher__log_first(&l.log) > 70000);
    assert_false(usher__log_find(&l.log, usher__log_first(&l.log) - 1, &le));
    assert_true(usher__log_find(&l.log, usher__log_first(&l.log), &le));
    end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log__every_entry_is_found_by_its_seq),
        cmocka_unit_test(test_log__numbers_are_there_or_not),
        cmocka_unit_test(test_log__what_is_not_told_or_not_cut_stays),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
