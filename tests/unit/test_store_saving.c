/* Batches into the file and back, and what becomes of them when the file lets us down. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif

#include "store_rig.h"

#include <limits.h>
#include <sys/mount.h>

#include "faulty_vfs.h"
#include "probe.h"

/* ---- there and back -------------------------------------------------------------------------- */

static void test_saving__each_kind_of_row_comes_back_as_it_went(void **state)
{
    static const char odd[] = "\xff\xfe'\"; \x01\xc0\x80\xed\xa0\x80"; /* no UTF-8, and no SQL */
    static const char zeros[] = "\0before and after\0";
    struct rig *r = *state;
    struct row row;
    uint32_t i = 0;

    rig_must_open(r);
    rig_put(r, ROW_BODY, 40, NULL, zeros, sizeof zeros);
    rig_put(r, ROW_BODY, 41, NULL, "", 0);
    rig_put(r, ROW_BODY, 42, NULL, "of nobody", 9);
    rig_put(r, ROW_TICKET, 40, NULL, zeros, sizeof zeros);
    rig_put(r, ROW_TICKET, INT64_MAX - 1, NULL, "", 0);
    rig_put(r, ROW_TICKET, 2, NULL, "two", 3);
    rig_put(r, ROW_CLOSED, 41, NULL, "closed", 6);
    rig_put(r, ROW_SUBSCRIBER, 77, odd, NULL, 0);
    rig_put(r, ROW_SUBSCRIBER, -1, "another", NULL, 0);
    rig_put(r, ROW_MARK, 0, odd, zeros, sizeof zeros);
    rig_put(r, ROW_MARK, 0, "a", "", 0);
    rig_put(r, ROW_OP, 5, NULL, "op", 2);
    rig_put(r, ROW_AGENT, 1, odd, zeros, sizeof zeros);
    rig_put(r, ROW_QUEUE, 1, odd, "", 0);
    rig_put(r, ROW_POLICY, 3, NULL, "{\"lease\":{}}", 12);
    rig_put(r, ROW_STATE, 1, NULL, zeros, sizeof zeros);
    rig_put(r, ROW_EVENT, 1, NULL, "not read back", 13);
    rig_save(r);
    rig_close(r);
    rig_must_open(r);

#define NEXT(table, key, name, bytes, len)                                                         \
    do {                                                                                           \
        assert_true(rig_row(&r->read, i++, &row));                                                 \
        rig_assert_row(&row, table, key, name, bytes, len);                                        \
    } while (0)
    NEXT(ROW_STATE, 1, NULL, zeros, sizeof zeros);
    NEXT(ROW_POLICY, 3, NULL, "{\"lease\":{}}", 12);
    assert_int_equal(row.a, 4);
    assert_int_equal(row.b, 4);
    NEXT(ROW_QUEUE, 1, odd, "", 0);
    NEXT(ROW_AGENT, 1, odd, zeros, sizeof zeros);
    NEXT(ROW_OP, 5, NULL, "op", 2);
    NEXT(ROW_MARK, 0, "a", "", 0);
    NEXT(ROW_MARK, 0, odd, zeros, sizeof zeros);
    NEXT(ROW_SUBSCRIBER, -1, "another", NULL, 0);
    NEXT(ROW_SUBSCRIBER, 77, odd, NULL, 0);
    NEXT(ROW_CLOSED, 41, NULL, "closed", 6);
    assert_int_equal(row.a, 7);
    assert_int_equal(row.b, 2);
    NEXT(ROW_TICKET, 2, NULL, "two", 3);
    assert_int_equal(row.a, 3);
    assert_int_equal(row.b, 3);
    NEXT(ROW_TICKET, 40, NULL, zeros, sizeof zeros);
    NEXT(ROW_TICKET, INT64_MAX - 1, NULL, "", 0);
    NEXT(ROW_BODY, 40, NULL, zeros, sizeof zeros);
    NEXT(ROW_BODY, 41, NULL, "", 0);
    assert_false(rig_row(&r->read, i, &row));
    assert_int_equal(r->progress_rows, i);
}

static void test_saving__rows_are_replaced_and_dropped(void **state)
{
    struct rig *r = *state;
    struct row row;

    rig_must_open(r);
    for (int64_t i = 1; i <= 9; i++) {
        rig_put(r, ROW_OP, i, NULL, "op", 2);
        rig_put(r, ROW_TICKET, i, NULL, "ticket", 6);
    }
    rig_put(r, ROW_MARK, 0, "m", "m", 1);
    rig_put(r, ROW_SUBSCRIBER, 1, "s", NULL, 0);
    rig_save(r);
    rig_drop(r, ROW_OP, 8, NULL); /* all up to it */
    for (int64_t i = 1; i <= 8; i++)
        rig_drop(r, ROW_TICKET, i, NULL);
    rig_drop(r, ROW_TICKET, 100, NULL); /* was never there */
    rig_put(r, ROW_TICKET, 9, NULL, "another", 7);
    rig_drop(r, ROW_MARK, 0, "m");
    rig_put(r, ROW_SUBSCRIBER, 2, "s", NULL, 0);
    rig_save(r);
    rig_close(r);
    rig_must_open(r);
    assert_int_equal(r->read.rows, 3);
    (void)rig_row(&r->read, 0, &row);
    rig_assert_row(&row, ROW_OP, 9, NULL, "op", 2);
    (void)rig_row(&r->read, 1, &row);
    rig_assert_row(&row, ROW_SUBSCRIBER, 2, "s", NULL, 0);
    (void)rig_row(&r->read, 2, &row);
    rig_assert_row(&row, ROW_TICKET, 9, NULL, "another", 7);
}

/* Random puts and drops of tickets beside a plain array, over several reopenings and both
 * levels. */
static void test_saving__holds_what_a_plain_array_holds(void **state)
{
    enum { TICKETS = 3000, ROUNDS = 6 };
    static const uint32_t sizes[] = {1, 100, 10000};
    static char bytes[20000];
    struct rig *r = *state;
    uint32_t *lens = calloc(TICKETS + 1, sizeof *lens); /* + 1; 0: not there */
    uint64_t seed = 4711;
    struct row row;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)draw(&seed);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t id = 0, n_there = 0;
        size_t at = 0;

        r->options.level = round % 2 == 0 ? USHER_DISK : USHER_PROCESS;
        rig_must_open(r);
        for (uint32_t i = 1; i <= TICKETS; i++)
            n_there += lens[i] != 0;
        assert_int_equal(r->read.rows, n_there);
        while (usher__batch_next(&r->read, &at, &row)) {
            do
                id++;
            while (lens[id] == 0);
            rig_assert_row(&row, ROW_TICKET, id, NULL, bytes + id, lens[id] - 1);
        }
        for (int n = 0; n < 6; n++) {
            uint32_t rows = sizes[below(&seed, 3)];

            for (uint32_t k = 0; k < rows; k++) {
                id = 1 + below(&seed, TICKETS);

                if (below(&seed, 3) == 0) {
                    rig_drop(r, ROW_TICKET, id, NULL);
                    lens[id] = 0;
                } else {
                    lens[id] = 1 + below(&seed, below(&seed, 100) == 0 ? 15000 : 300);
                    rig_put(r, ROW_TICKET, id, NULL, bytes + id, lens[id] - 1);
                }
            }
            rig_save(r);
        }
        rig_close(r);
    }
    free(lens);
}

static void test_saving__the_newest_closed_are_read_oldest_first(void **state)
{
    struct rig *r = *state;
    struct row row;

    rig_must_open(r);
    for (int64_t i = 1; i <= 100; i++) {
        rig_put(r, ROW_CLOSED, i * 3, NULL, "closed", 6);
        rig_put(r, ROW_BODY, i * 3, NULL, "body", 4);
    }
    rig_save(r);
    rig_close(r);
    for (uint32_t keep = 0; keep <= 101; keep += keep == 1 ? 98 : 1) {
        uint32_t n = keep > 100 ? 100 : keep;

        r->options.keep_closed = keep;
        rig_must_open(r);
        assert_int_equal(r->read.rows, 2 * n);
        for (uint32_t i = 0; i < 2 * n; i++) {
            (void)rig_row(&r->read, i, &row);
            assert_int_equal(row.table, i < n ? ROW_CLOSED : ROW_BODY);
            assert_int_equal(row.key, 3 * (100 - n + 1 + i % n));
        }
        rig_close(r);
    }
}

static void test_saving__news_are_told_once_each(void **state)
{
    struct rig *r = *state;
    struct store_news news;
    uint32_t before;

    rig_must_open(r);
    usher__store_wait(r->s); /* nothing is under way */
    usher__store_news(r->s, &news);
    assert_int_equal(news.saved, 0);
    assert_false(news.busy);
    for (int i = 0; i < 50; i++) {
        before = rig_woken(r);
        rig_put(r, ROW_STATE, 1, NULL, "x", 1);
        rig_save(r);
        while (rig_woken(r) == before)
            (void)usleep(100);
        assert_int_equal(rig_woken(r), before + 1);
    }
    usher__store_news(r->s, &news);
    assert_int_equal(news.saved, 50);
    assert_true(news.commit_ns > 0);
    assert_false(news.full);
    assert_int_equal(news.failed, 0);
}

/* ---- the log --------------------------------------------------------------------------------- */

static void test_saving__the_log_stays_small_and_goes_in_the_end(void **state)
{
    static char bytes[100000];
    struct rig *r = *state;
    struct stat st;

    rig_must_open(r);
    for (int64_t i = 1; i <= 600; i++) {
        rig_put(r, ROW_TICKET, i % 50, NULL, bytes, sizeof bytes);
        rig_save(r);
        assert_int_equal(lstat(rig_beside(r, "-wal"), &st), 0);
        assert_true(st.st_size < 20 << 20);
    }
    rig_close(r);
    assert_false(rig_there(rig_beside(r, "-wal")));
    rig_must_open(r);
    assert_int_equal(r->read.rows, 50);
}

/* What a killed process left in the log is in the database before anything else happens. */
static void test_saving__a_killed_processs_log_is_written_back_at_the_start(void **state)
{
    struct rig *r = *state;
    struct stat st;
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        if (rig_open(r) != 0)
            _exit(1);
        rig_put(r, ROW_TICKET, 1, NULL, "survivor", 8);
        rig_save(r);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(rig_contains(rig_beside(r, "-wal"), "survivor"));
    assert_false(rig_contains(r->path, "survivor"));
    assert_int_equal(rig_open_only(r), 0);
    assert_int_equal(r->read.rows, 1);
    assert_true(
        rig_contains(rig_beside(r, "-wal"), "survivor")); /* not before it is known to be good */
    rig_close(r);
    assert_true(rig_contains(rig_beside(r, "-wal"), "survivor"));
    assert_false(rig_contains(r->path, "survivor"));
    rig_must_open(r);
    assert_true(rig_contains(r->path, "survivor"));
    assert_int_equal(lstat(rig_beside(r, "-wal"), &st), 0);
    assert_int_equal(st.st_size, 0);
}

/* ---- failure --------------------------------------------------------------------------------- */

static void open_faulty(struct rig *r)
{
    faulty_register();
    faulty_set(0, 0, 0, 0, 0);
    r->options.vfs = "faulty";
    rig_must_open(r);
    rig_put(r, ROW_STATE, 1, NULL, "before", 6);
    rig_save(r);
}

/* After a failed flush: this batch is lost, and all that come later, whatever the disk does
 * then. */
static void fails_for_good(struct rig *r, int on, int files, int rc)
{
    struct store_news news;
    struct job job = {.kind = JOB_CLOSED, .limit = 1};
    int ops;

    open_faulty(r);
    faulty_set(on, files, rc, 0, 1);
    rig_put(r, ROW_STATE, 1, NULL, "during", 6);
    rig_submit(r);
    assert_int_equal(rig_settle(r), USHER_EFAILED);
    assert_int_equal(atomic_load(&faulty.hit), 1);
    usher__store_news(r->s, &news);
    assert_int_equal(news.saved, 1);
    assert_false(news.busy);
    assert_true(strlen(news.why) > 10);

    faulty_set(FAULTY_WRITE | FAULTY_SYNC | FAULTY_TRUNCATE, 0, SQLITE_OK, 0, INT_MAX); /* counts */
    rig_put(r, ROW_STATE, 1, NULL, "after", 5);
    rig_submit(r);
    assert_int_equal(rig_settle(r), USHER_EFAILED);
    usher__store_news(r->s, &news);
    assert_int_equal(news.saved, 1);
    assert_int_equal(rig_ask(r, &job), USHER_EFAILED);
    rig_close(r);
    ops = atomic_load(&faulty.ops);
    assert_int_equal(ops, 0); /* not even the log is written back */

    faulty_set(0, 0, 0, 0, 0);
    rig_must_open(r); /* one of the two, whole */
    assert_int_equal(r->read.rows, 1);
    {
        struct row row;

        (void)rig_row(&r->read, 0, &row);
        assert_int_equal(row.len, 6);
    }
    rig_close(r);
}

static void test_saving__a_failed_flush_is_the_end(void **state)
{
    fails_for_good(*state, FAULTY_SYNC, SQLITE_OPEN_WAL, SQLITE_IOERR_FSYNC);
}

static void test_saving__a_failed_write_is_the_end(void **state)
{
    fails_for_good(*state, FAULTY_WRITE, SQLITE_OPEN_WAL, SQLITE_IOERR_WRITE);
}

static void test_saving__no_space_is_waited_out(void **state)
{
    struct rig *r = *state;
    struct store_news news;
    struct job facts = {.kind = JOB_FACTS};
    struct row row;

    open_faulty(r);
    faulty_set(FAULTY_WRITE, 0, SQLITE_FULL, 0, INT_MAX);
    rig_put(r, ROW_STATE, 1, NULL, "during", 6);
    rig_submit(r);
    do {
        usher__store_wait(r->s);
        usher__store_news(r->s, &news);
    } while (atomic_load(&faulty.hit) < 6);
    assert_true(news.busy);
    assert_true(news.full);
    assert_int_equal(news.saved, 1);
    assert_int_equal(rig_ask(r, &facts), 0); /* what reads goes on */
    faulty_set(0, 0, 0, 0, 0);
    assert_int_equal(rig_settle(r), 0);
    do {
        usher__store_news(r->s, &news);
        (void)usleep(1000);
    } while (news.full);
    rig_close(r);
    rig_must_open(r);
    (void)rig_row(&r->read, 0, &row);
    rig_assert_row(&row, ROW_STATE, 1, NULL, "during", 6);
}

/* Closing must end, even if the disk stays full. */
static void test_saving__closing_gives_up_what_does_not_fit(void **state)
{
    struct rig *r = *state;
    struct row row;

    open_faulty(r);
    faulty_set(FAULTY_WRITE, 0, SQLITE_FULL, 0, INT_MAX);
    rig_put(r, ROW_STATE, 1, NULL, "during", 6);
    rig_submit(r);
    rig_close(r);
    faulty_set(0, 0, 0, 0, 0);
    rig_must_open(r);
    (void)rig_row(&r->read, 0, &row);
    rig_assert_row(&row, ROW_STATE, 1, NULL, "before", 6);
}

static void test_saving__a_failed_write_back_is_the_end_too(void **state)
{
    static char bytes[100000];
    struct rig *r = *state;
    struct store_news news = {0};

    open_faulty(r);
    faulty_set(FAULTY_SYNC, SQLITE_OPEN_MAIN_DB, SQLITE_IOERR_FSYNC, 0, 1);
    for (int64_t i = 1; i <= 400 && news.failed == 0; i++) {
        rig_put(r, ROW_TICKET, i, NULL, bytes, sizeof bytes);
        rig_submit(r);
        (void)rig_settle(r);
        usher__store_news(r->s, &news);
    }
    assert_int_equal(news.failed, USHER_EFAILED);
    assert_non_null(strstr(news.why, "log back"));
    rig_close(r);
    faulty_set(0, 0, 0, 0, 0);
    rig_must_open(r);
    assert_true(r->read.rows >= news.saved);
}

/* Whichever operation of opening and of the first batches fails: it is said, and then it works. */
static void test_saving__every_operation_may_fail_once(void **state)
{
    static const int codes[] = {SQLITE_IOERR_WRITE, SQLITE_FULL, SQLITE_IOERR_FSYNC};
    struct rig *r = *state;

    faulty_register();
    r->options.vfs = "faulty";
    for (size_t c = 0; c < sizeof codes / sizeof codes[0]; c++) {
        for (int n = 0;; n++) {
            bool hit, saved = false;
            int err, failed = 0;

            (void)unlink(r->path);
            (void)unlink(rig_beside(r, "-wal"));
            (void)unlink(rig_beside(r, "-journal"));
            faulty_set(FAULTY_OPEN | FAULTY_READ | FAULTY_WRITE | FAULTY_SYNC | FAULTY_TRUNCATE, 0,
                       codes[c], n, 1);
            err = rig_open(r);
            if (err == 0) {
                rig_put(r, ROW_STATE, 1, NULL, "x", 1);
                rig_submit(r);
                failed = rig_settle(r);
                saved = failed == 0;
            }
            rig_close(r);
            hit = atomic_load(&faulty.hit) > 0;
            faulty_set(0, 0, 0, 0, 0);
            rig_must_open(r);
            if (saved)
                assert_int_equal(r->read.rows, 1);
            rig_close(r);
            if (!hit) {
                assert_int_equal(err, 0);
                assert_int_equal(failed, 0);
                assert_true(n > 20);
                break;
            }
        }
    }
}

static void test_saving__a_file_that_is_gone_is_the_end(void **state)
{
    struct rig *r = *state;
    struct store_news news;
    int fd;

    rig_must_open(r);
    rig_put(r, ROW_STATE, 1, NULL, "x", 1);
    rig_save(r);
    assert_int_equal(unlink(r->path), 0);
    fd = open(r->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600); /* another in its place */
    assert_int_equal(write(fd, "mine", 4), 4);
    (void)close(fd);
    rig_put(r, ROW_STATE, 1, NULL, "y", 1);
    rig_submit(r);
    assert_int_equal(rig_settle(r), USHER_EFAILED);
    usher__store_news(r->s, &news);
    assert_non_null(strstr(news.why, "removed or replaced"));
    rig_close(r);
    assert_true(rig_contains(r->path, "mine"));
    assert_false(rig_there(rig_beside(r, "-wal"))); /* it would be taken for that one's */
}

/* Replaced while nothing was saved, with a log of its own: both are left alone. */
static void test_saving__a_file_put_in_its_place_keeps_its_log(void **state)
{
    struct rig *r = *state;

    rig_must_open(r);
    rig_put(r, ROW_STATE, 1, NULL, "x", 1);
    rig_save(r);
    assert_int_equal(unlink(r->path), 0);
    assert_int_equal(unlink(rig_beside(r, "-wal")), 0);
    rig_write(r->path, "mine", 4);
    rig_write(rig_beside(r, "-wal"), "mine too", 8);
    rig_close(r);
    assert_true(rig_contains(r->path, "mine"));
    assert_true(rig_contains(rig_beside(r, "-wal"), "mine too"));
}

/* A file system that is really full, with the reserve and without. */
static void test_saving__a_full_file_system(void **state)
{
    static char bytes[60000];
    struct rig *r = *state;
    struct store_news news;
    char filler[RIG_PATH + 16];
    int64_t n = 0;
    int fd;

    if (geteuid() != 0 || mount("none", r->directory, "tmpfs", 0, "size=16m,mode=0700") != 0) {
        print_message("no tmpfs can be mounted here\n");
        skip();
    }
    rig_must_open(r);
    usher__store_news(r->s, &news);
    assert_false(news.full);
    assert_true(rig_there(rig_beside(r, "-reserve")));
    (void)snprintf(filler, sizeof filler, "%s/filler", r->directory);
    fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, bytes, sizeof bytes) > 0)
        ;
    while (write(fd, bytes, 100) > 0)
        ;
    (void)close(fd);

    /* The reserve carries on for a while. */
    do {
        rig_put(r, ROW_TICKET, ++n, NULL, bytes, sizeof bytes);
        rig_save(r);
        usher__store_news(r->s, &news);
    } while (!news.full);
    assert_false(rig_there(rig_beside(r, "-reserve")));
    for (int i = 0; i < 10; i++) {
        rig_put(r, ROW_TICKET, ++n, NULL, bytes, sizeof bytes);
        rig_save(r);
    }

    /* Until it cannot any more; then there is space again. */
    for (;;) {
        rig_put(r, ROW_TICKET, ++n, NULL, bytes, sizeof bytes);
        rig_submit(r);
        for (int i = 0; i < 3; i++) {
            usher__store_wait(r->s);
            usher__store_news(r->s, &news);
            if (!news.busy)
                break;
        }
        if (news.busy)
            break;
        (void)rig_settle(r);
    }
    assert_true(n > 20);
    assert_int_equal(news.failed, 0);
    assert_int_equal(unlink(filler), 0);
    assert_int_equal(rig_settle(r), 0);
    do {
        usher__store_news(r->s, &news);
        (void)usleep(1000);
    } while (news.full);
    assert_true(rig_there(rig_beside(r, "-reserve")));
    rig_close(r);
    rig_must_open(r);
    assert_int_equal(r->read.rows, n);
    rig_close(r);

    /* Opening a full one works, and says so at once. */
    fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, bytes, 100) > 0)
        ;
    (void)close(fd);
    if (rig_open(r) == 0) {
        usher__store_news(r->s, &news);
        assert_true(news.full);
        assert_int_equal(r->read.rows, n);
    } else {
        fail_msg("open: %s", r->err);
    }
    rig_close(r);
    assert_int_equal(umount(r->directory), 0);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void test_saving__memory_may_run_out_while_opening(void **state)
{
    struct rig *r = *state;
    struct probe probe = {.left = 0};
    int err;

    r->options.memory = (struct memory){probe_resize, &probe};
    assert_int_equal(rig_open(r), USHER_ENOMEM);
    probe.left = UINT32_MAX;
    err = rig_open(r);
    assert_int_equal(err, 0);
    rig_close(r);
    assert_int_equal(probe.held_n, 0);
}

/* SQLite's own memory, counted: after `left` more allocations one fails, or, for ever, all. */
static struct {
    sqlite3_mem_methods real;
    atomic_int left, ever, hit;
} heap;

static bool heap_refuses(void)
{
    int left = atomic_load(&heap.left);

    if (left == INT_MAX)
        return false;
    if (left > 0 || (left == 0 && atomic_load(&heap.ever) == 0))
        (void)atomic_fetch_sub(&heap.left, 1);
    if (left != 0)
        return false;
    (void)atomic_fetch_add(&heap.hit, 1);
    return true;
}

static void *heap_malloc(int n)
{
    return heap_refuses() ? NULL : heap.real.xMalloc(n);
}

static void *heap_realloc(void *p, int n)
{
    return heap_refuses() ? NULL : heap.real.xRealloc(p, n);
}

static void heap_set(int left, int ever)
{
    atomic_store(&heap.hit, 0);
    atomic_store(&heap.ever, ever);
    atomic_store(&heap.left, left);
}

static void heap_hook(void)
{
    sqlite3_mem_methods hooked;

    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &heap.real), SQLITE_OK);
    hooked = heap.real;
    hooked.xMalloc = heap_malloc;
    hooked.xRealloc = heap_realloc;
    heap_set(INT_MAX, 0);
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &hooked), SQLITE_OK);
}

static void test_saving__sqlites_memory_may_run_out_while_opening(void **state)
{
    struct rig *r = *state;

    rig_must_open(r);
    for (int64_t i = 1; i <= 20; i++)
        rig_put(r, ROW_TICKET, i, NULL, "ticket", 6);
    rig_save(r);
    rig_close(r);
    for (int ever = 0; ever < 2; ever++) {
        for (int n = 0;; n += 1 + n / 16) {
            int err;
            bool hit;

            heap_set(n, ever);
            err = rig_open(r);
            hit = atomic_load(&heap.hit) > 0;
            heap_set(INT_MAX, 0);
            if (hit && err == 0)
                assert_int_equal(r->read.rows, 20); /* SQLite did without */
            else if (hit)
                assert_int_equal(err, USHER_ENOMEM);
            else
                assert_int_equal(err, 0);
            rig_close(r);
            if (!hit) {
                assert_true(n > 100);
                break;
            }
        }
    }
    rig_must_open(r);
    assert_int_equal(r->read.rows, 20);
}

/* The batch waits for memory, and nothing of it is lost; without any for good, it is said. */
static void test_saving__sqlites_memory_may_run_out_while_saving(void **state)
{
    struct rig *r = *state;
    struct store_news news;

    rig_must_open(r);
    for (int n = 0; n < 6; n++) {
        for (int64_t i = 1; i <= 50; i++)
            rig_put(r, ROW_TICKET, n * 50 + i, NULL, r->directory, sizeof r->directory);
        heap_set(n, 0);
        rig_save(r);
        heap_set(INT_MAX, 0);
    }
    rig_close(r);
    rig_must_open(r);
    assert_int_equal(r->read.rows, 300);
    for (int64_t i = 1; i <= 5000; i++)
        rig_put(r, ROW_TICKET, i, NULL, r->directory, sizeof r->directory);
    heap_set(0, 1);
    rig_submit(r);
    assert_int_equal(rig_settle(r), USHER_EFAILED);
    usher__store_news(r->s, &news);
    heap_set(INT_MAX, 0);
    assert_int_equal(news.saved, 0);
    rig_close(r);
    rig_must_open(r);
    assert_int_equal(r->read.rows, 300);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_saving__each_kind_of_row_comes_back_as_it_went),
        TEST(test_saving__rows_are_replaced_and_dropped),
        TEST(test_saving__holds_what_a_plain_array_holds),
        TEST(test_saving__the_newest_closed_are_read_oldest_first),
        TEST(test_saving__news_are_told_once_each),
        TEST(test_saving__the_log_stays_small_and_goes_in_the_end),
        TEST(test_saving__a_killed_processs_log_is_written_back_at_the_start),
        TEST(test_saving__a_failed_flush_is_the_end),
        TEST(test_saving__a_failed_write_is_the_end),
        TEST(test_saving__no_space_is_waited_out),
        TEST(test_saving__closing_gives_up_what_does_not_fit),
        TEST(test_saving__a_failed_write_back_is_the_end_too),
        TEST(test_saving__every_operation_may_fail_once),
        TEST(test_saving__a_file_that_is_gone_is_the_end),
        TEST(test_saving__a_file_put_in_its_place_keeps_its_log),
        TEST(test_saving__a_full_file_system),
        TEST(test_saving__memory_may_run_out_while_opening),
        TEST(test_saving__sqlites_memory_may_run_out_while_opening),
        TEST(test_saving__sqlites_memory_may_run_out_while_saving),
    };

    heap_hook();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
