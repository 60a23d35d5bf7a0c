/* Every I/O call of every public call fails, once and from there on for ever. See world.h.
 *
 * The disk is one in memory (tests/crash), so that a flush costs nothing. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "shim.h"
#include "world.h"

static void arm(struct fixture *f, uint64_t n, int way, bool for_ever)
{
    (void)f;
    shim_arm(n, way, for_ever);
}

static void disarm(struct fixture *f)
{
    (void)f;
    shim_disarm();
}

static uint64_t count(struct fixture *f)
{
    (void)f;
    return shim_count();
}

static uint64_t failed(struct fixture *f)
{
    (void)f;
    return shim_failed();
}

/* What the control run did; later runs overwrite what the shim remembers of it. */
static int kinds[4096];

/* A disk that stays full is waited out, which takes its time: each call's first write, in one
 * state. */
static bool waits;

static bool can(uint64_t n, int way, bool for_ever)
{
    if (n >= 4096 || !shim_can(kinds[n], way))
        return false;
    if (!for_ever || way == FAIL_IO)
        return true;
    for (uint64_t i = 1; i < n && waits; i++) {
        if (kinds[i] == IO_WRITE)
            return false;
    }
    return waits && way == FAIL_FULL && kinds[n] == IO_WRITE;
}

static bool passes(int way)
{
    return way == FAIL_FULL;
}

static const char *describe(uint64_t n, int way)
{
    static char text[80];

    snprintf(text, sizeof text, "operation %d (%s) %s", (int)n, shim_kinds[n < 4096 ? kinds[n] : 0],
             shim_ways[way]);
    return text;
}

static uint64_t count_and_keep(struct fixture *f)
{
    for (uint64_t n = 1; n < 4096; n++)
        kinds[n] = shim_kind(n);
    return count(f);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static const struct trouble io = {
    .name = "I/O",
    .ways = FAIL_WAYS,
    .arm = arm,
    .disarm = disarm,
    .count = count_and_keep,
    .failed = failed,
    .can = can,
    .passes = passes,
    .describe = describe,
    .unflushed_is_unknown = true,
};

static bool is_long(void)
{
    return getenv("USHER_LONG") != NULL;
}

static void test_io__every_call(void **state)
{
    static const int few[] = {S_CLAIMED, S_LET_GO};
    struct tally tally = {0};

    (void)state;
    for (int s = 0; s < WORLD_STATES; s++) {
        struct world w;

        if (s == S_PENDING || s == S_PARKED)
            continue;
        if (!is_long() && s != few[0] && s != few[1])
            continue;
        waits = s == S_CLAIMED;
        world_prepare(&w, s);
        world_try_all(&w, &io, &tally);
        world_free(&w);
    }
    fixture_verdict();
    world_tally("every call", &tally);
    assert_in_range(tally.failed, 100, UINT64_MAX); /* it does hit commits */
    assert_in_range(tally.unknown, 100, UINT64_MAX);
}

/* The new calls where they do something. */
static void test_io__passing_on_and_causes(void **state)
{
    struct tally tally = {0};

    (void)state;
    waits = false;
    world_try_new(&io, &tally);
    fixture_verdict();
    world_tally("passing on and causes", &tally);
    assert_in_range(tally.failed, 50, UINT64_MAX);
    assert_in_range(tally.unknown, 20, UINT64_MAX);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* What an opening that fails may say; what was cut short may look like damage. */
static bool is_excuse(int err, int way)
{
    return err == USHER_ESTORE || err == USHER_EBUSY || err == USHER_ENOMEM ||
           (err == USHER_ECORRUPT && way == FAIL_SHORT);
}

/* Returns how many operations there were. */
static uint64_t open_once(const struct world *w, const struct image *image, uint64_t n, int way,
                          bool for_ever, const char *what)
{
    struct fixture *f = world_fixture(w, w->at);
    uint64_t operations;
    int err;

    world_load(image);
    fixture_what(f, "opening %s, operation %d (%s) %s%s", what, (int)n,
                 shim_kinds[n == 0 || n >= 4096 ? 0 : kinds[n]], shim_ways[way],
                 for_ever ? " and all after it" : "");
    shim_arm(n, way, for_ever);
    err = world_try_open(f, STORE);
    if (err == USHER_OK) {
        CHECK(f, world_settle(f, 3000) || for_ever, "what opening began does not come to an end");
        if (for_ever && way == FAIL_FULL)
            shim_disarm();
        (void)world_close(f);
    } else {
        CHECK(f, is_excuse(err, way) && f->u == NULL && f->err[0] != '\0', "%s: %s",
              usher_err_name(err), f->err);
        f->closed = 1;
    }
    operations = shim_count();
    shim_disarm();
    fixture_end(f);
    if (n == 0) {
        for (uint64_t i = 1; i < 4096; i++)
            kinds[i] = shim_kind(i);
    }
    f = world_open(w, w->at, STORE);
    if (f == NULL)
        return operations;
    if (image->entries_n > 0)
        CHECK(f, world_digest(f) == w->before[0], "opened again it is another one");
    world_leave(f);
    return operations;
}

static void open_all(const struct world *w, const struct image *image, const char *what)
{
    uint64_t operations = open_once(w, image, 0, 0, false, what);
    int tried = 0;

    for (int way = 0; way < FAIL_WAYS; way++) {
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            for (uint64_t n = 1; n <= operations && n < 4096; n++) {
                if (!shim_can(kinds[n], way))
                    continue;
                (void)open_once(w, image, n, way, for_ever != 0, what);
                tried++;
            }
        }
    }
    fixture_verdict();
    print_message("opening %s: %d operations, %d failures\n", what, (int)operations, tried);
    assert_in_range(tried, 20, 100000);
}

/* The store that lies on the disk becomes one of format 2, without symptoms and figures; or 1: no
 * zones either, and policies that need none. The state's record has a number less in each. */
static void make_old(struct world *w, int format)
{
    static const char *const sql[] = {
        "PRAGMA locking_mode = EXCLUSIVE; DROP TABLE symptom; DROP TABLE figure; DROP TABLE zone;"
        "PRAGMA user_version = 1; UPDATE policy SET json = '{}';"
        "UPDATE state SET record = x'01' || substr(record, 2, length(record) - 3)",
        "PRAGMA locking_mode = EXCLUSIVE; DROP TABLE symptom; DROP TABLE figure;"
        "PRAGMA user_version = 2;"
        "UPDATE state SET record = x'02' || substr(record, 2, length(record) - 2)",
    };
    sqlite3 *db = NULL;
    struct fixture *f;

    assert_int_equal(sqlite3_open_v2("/db", &db, SQLITE_OPEN_READWRITE, DISK_VFS), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql[format - 1], NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    disk_look(world_disk, &w->image);
    f = world_open(w, w->at, STORE);
    w->before[0] = world_digest(f);
    world_leave(f);
}

static void test_io__opening(void **state)
{
    struct world w;
    struct image image = {0};

    (void)state;
    world_prepare(&w, S_LET_GO);
    open_all(&w, &image, "a new store");
    open_all(&w, &w.image, "a store whose process was killed");
    world_load(&w.image);
    world_leave(world_open(&w, w.at, STORE));
    disk_look(world_disk, &image);
    open_all(&w, &image, "a store that was closed");
    for (int format = 1; format <= 2; format++) {
        char what[40];

        world_load(&image);
        image_free(&w.image);
        make_old(&w, format);
        snprintf(what, sizeof what, "a store of format %d", format);
        open_all(&w, &w.image, what);
    }
    image_free(&image);
    world_free(&w);
}

/* "Ends it. Outstanding callbacks run first ... then cb": whatever the disk does. */
static void test_io__it_closes_while_the_disk_is_full(void **state)
{
    struct world w;
    struct fixture *f;

    (void)state;
    world_prepare(&w, S_CLAIMED);
    f = world_enter(&w);
    fixture_what(f, "the disk is full and stays so");
    shim_arm(1, FAIL_FULL, true);
    CHECK(f, fixture_call(f, fixture_find("usher_resolve"), NULL) == USHER_OK, "usher_resolve");
    CHECK(f, world_close(f), "and it never closes");
    shim_disarm();
    world_leave(f);
    world_free(&w);
    fixture_verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_io__every_call),
        cmocka_unit_test(test_io__passing_on_and_causes),
        cmocka_unit_test(test_io__opening),
        cmocka_unit_test(test_io__it_closes_while_the_disk_is_full),
    };
    int r;

    world_begin();
    r = cmocka_run_group_tests_name("io", tests, NULL, NULL);
    world_end();
    return r;
}
