/* Every allocation that a public call on a store brings about fails, ours and SQLite's, once and
 * from there on for ever: in the call, on the store's thread, and while it closes. See world.h. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <sqlite3.h>

#include "world.h"

enum { LARGE = 400000 };

static bool is_long(void)
{
    return getenv("USHER_LONG") != NULL;
}

static bool can(uint64_t n, int way, bool for_ever)
{
    (void)n;
    (void)way;
    (void)for_ever;
    return true;
}

/* ---- ours: options.allocator ----------------------------------------------------------------- */

static void arm_ours(struct fixture *f, uint64_t n, int way, bool for_ever)
{
    (void)way;
    fixture_fail(f, n == 0 ? UINT64_MAX : n, for_ever);
}

static void disarm_ours(struct fixture *f)
{
    fixture_fail(f, 0, false);
}

static uint64_t count_ours(struct fixture *f)
{
    return f->asked;
}

static uint64_t failed_ours(struct fixture *f)
{
    return f->failed;
}

static const char *describe_ours(uint64_t n, int way)
{
    static char text[60];

    (void)way;
    snprintf(text, sizeof text, "allocation %d of ours fails", (int)n);
    return text;
}

static const struct trouble ours = {
    .name = "our allocator",
    .ways = 1,
    .arm = arm_ours,
    .disarm = disarm_ours,
    .count = count_ours,
    .failed = failed_ours,
    .can = can,
    .describe = describe_ours,
    .mild = true,
};

/* ---- SQLite's: SQLITE_CONFIG_MALLOC ---------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    sqlite3_mem_methods real;
    bool armed, for_ever;
    uint64_t n, fail_at, failed;
} sqlite = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool fails(void)
{
    bool yes = false;

    (void)pthread_mutex_lock(&sqlite.lock);
    if (sqlite.armed) {
        sqlite.n++;
        yes = sqlite.fail_at > 0 &&
              (sqlite.n == sqlite.fail_at || (sqlite.for_ever && sqlite.n > sqlite.fail_at));
        sqlite.failed += yes;
    }
    (void)pthread_mutex_unlock(&sqlite.lock);
    return yes;
}

static void *sqlite_malloc(int len)
{
    return fails() ? NULL : sqlite.real.xMalloc(len);
}

static void *sqlite_realloc(void *p, int len)
{
    return fails() ? NULL : sqlite.real.xRealloc(p, len);
}

static void arm_sqlite(struct fixture *f, uint64_t n, int way, bool for_ever)
{
    (void)f;
    (void)way;
    (void)pthread_mutex_lock(&sqlite.lock);
    sqlite.armed = true;
    sqlite.fail_at = n;
    sqlite.for_ever = for_ever;
    sqlite.n = sqlite.failed = 0;
    (void)pthread_mutex_unlock(&sqlite.lock);
}

static void disarm_sqlite(struct fixture *f)
{
    (void)f;
    (void)pthread_mutex_lock(&sqlite.lock);
    sqlite.armed = false;
    (void)pthread_mutex_unlock(&sqlite.lock);
}

static uint64_t count_sqlite(struct fixture *f)
{
    (void)f;
    return sqlite.n;
}

static uint64_t failed_sqlite(struct fixture *f)
{
    (void)f;
    return sqlite.failed;
}

static const char *describe_sqlite(uint64_t n, int way)
{
    static char text[60];

    (void)way;
    snprintf(text, sizeof text, "allocation %d of SQLite's fails", (int)n);
    return text;
}

/* What a commit lacks is waited for, which takes its time: mostly each third is tried. */
static uint64_t third;

static bool can_sqlite(uint64_t n, int way, bool for_ever)
{
    (void)way;
    if (for_ever)
        return n == 1;
    return is_long() || n % 3 == third;
}

static bool passes(int way)
{
    (void)way;
    return true;
}

static const struct trouble theirs = {
    .name = "SQLite's allocator",
    .ways = 1,
    .arm = arm_sqlite,
    .disarm = disarm_sqlite,
    .count = count_sqlite,
    .failed = failed_sqlite,
    .can = can_sqlite,
    .passes = passes,
    .describe = describe_sqlite,
    .mild = true,
};

/* Before SQLite is first used. */
static void take_over(void)
{
    sqlite3_mem_methods methods;

    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite.real) != SQLITE_OK)
        abort();
    methods = sqlite.real;
    methods.xMalloc = sqlite_malloc;
    methods.xRealloc = sqlite_realloc;
    /* Lookaside memory is taken once and hides what a statement needs. */
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK)
        abort();
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void try_states(const struct trouble *trouble, uint64_t least)
{
    static const int few[] = {S_CLAIMED, S_LET_GO};
    struct tally tally = {0};

    for (int s = 0; s < WORLD_STATES; s++) {
        struct world w;

        if (s == S_PENDING || s == S_PARKED || (!is_long() && s != few[0] && s != few[1]))
            continue;
        third = (uint64_t)s % 3;
        world_prepare(&w, s);
        world_try_all(&w, trouble, &tally);
        world_free(&w);
    }
    fixture_verdict();
    world_tally(trouble->name, &tally);
    assert_in_range(tally.failures, least, UINT64_MAX);
}

static void test_memory__ours(void **state)
{
    (void)state;
    try_states(&ours, 300);
}

static void test_memory__sqlites(void **state)
{
    (void)state;
    try_states(&theirs, 300);
}

/* The new calls where they do something; that they are refused elsewhere has been tried. */
static void test_memory__passing_on_and_causes(void **state)
{
    struct tally tally = {0};

    (void)state;
    world_try_new(&ours, &tally);
    fixture_verdict();
    world_tally("passing on and causes, our allocator", &tally);
    assert_in_range(tally.failures, 50, UINT64_MAX);
    tally = (struct tally){0};
    third = 1;
    world_try_new(&theirs, &tally);
    fixture_verdict();
    world_tally("passing on and causes, SQLite's allocator", &tally);
    assert_in_range(tally.failures, 50, UINT64_MAX);
}

/* What no batch has had room for so far. */
static int64_t enqueue_large(struct fixture *f, int variant, struct receipt *receipt)
{
    usher_request q = USHER_INIT(usher_request);
    char *body = calloc(1, LARGE + 1);
    int err;

    (void)variant;
    assert_non_null(body);
    q.requester = "max";
    q.body = (usher_text){body, LARGE};
    err = usher_enqueue(f->q2, &q, fixture_on_done, receipt);
    free(body);
    return err;
}

static void test_memory__a_batch_that_must_grow(void **state)
{
    static const struct call large = {"a large request", enqueue_large,          "usher_enqueue", 0,
                                      IN_DONE,           CALL_INT | CALL_SERVICE};
    struct tally tally = {0};
    struct world w;

    (void)state;
    world_prepare(&w, S_CLAIMED);
    world_try(&w, &large, &ours, &tally);
    world_free(&w);
    fixture_verdict();
    world_tally("a large request", &tally);
    assert_in_range(tally.failures, 3, 1000);
    assert_in_range(tally.runs, tally.refused + 2, 1000); /* some fail after it was accepted */
}

/* ---- opening --------------------------------------------------------------------------------- */

static uint64_t open_once(const struct world *w, const struct trouble *trouble, uint64_t n,
                          bool for_ever)
{
    struct fixture *f = world_fixture(w, w->at);
    uint64_t places;
    int err;

    world_load(&w->image);
    fixture_what(f, "opening, %s%s", trouble->describe(n, 0), for_ever ? " and all after it" : "");
    trouble->arm(f, n, 0, for_ever);
    err = world_try_open(f, STORE);
    places = trouble->count(f);
    CHECK(f, err == USHER_OK || (err == USHER_ENOMEM && f->u == NULL && n > 0), "%s: %s",
          usher_err_name(err), f->err);
    if (err == USHER_OK)
        (void)world_close(f);
    else
        f->closed = 1;
    trouble->disarm(f);
    fixture_end(f);
    f = world_open(w, w->at, STORE);
    if (f != NULL) {
        CHECK(f, world_digest(f) == w->before[0], "opened again it is another one");
        world_leave(f);
    }
    return places;
}

static void open_all(const struct trouble *trouble)
{
    struct world w;
    uint64_t places;
    int tried = 0;

    world_prepare(&w, S_LET_GO);
    places = open_once(&w, trouble, 0, false);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        for (uint64_t n = 1; n <= places; n += is_long() || n < 100 ? 1 : 3) {
            (void)open_once(&w, trouble, n, for_ever != 0);
            tried++;
        }
    }
    world_free(&w);
    fixture_verdict();
    print_message("opening: %d allocations of %s, %d failures\n", (int)places, trouble->name,
                  tried);
    assert_in_range(tried, 20, 100000);
}

static void test_memory__ours_while_opening(void **state)
{
    (void)state;
    open_all(&ours);
}

static void test_memory__sqlites_while_opening(void **state)
{
    (void)state;
    open_all(&theirs);
}

/* SQLite has no memory any more: what was accepted ends, in one way or another, and the service
 * with it. */
static void test_memory__it_closes_without_sqlites(void **state)
{
    struct world w;
    struct fixture *f;
    struct receipt *r;

    (void)state;
    world_prepare(&w, S_CLAIMED);
    f = world_enter(&w);
    fixture_what(f, "SQLite has no memory any more");
    arm_sqlite(f, 1, 0, true);
    CHECK(f, fixture_call(f, fixture_find("usher_resolve"), &r) == USHER_OK, "usher_resolve");
    for (int i = 0; i < 4 && f->closed == 0; i++)
        (void)(i < 3 ? world_settle(f, 3000) : world_close(f));
    CHECK(f, r->ran == 1 && r->status != USHER_OK, "%u callbacks, status %s", r->ran,
          usher_err_name(r->status));
    disarm_sqlite(f);
    world_leave(f);
    world_free(&w);
    fixture_verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory__ours_while_opening),
        cmocka_unit_test(test_memory__sqlites_while_opening),
        cmocka_unit_test(test_memory__ours),
        cmocka_unit_test(test_memory__passing_on_and_causes),
        cmocka_unit_test(test_memory__a_batch_that_must_grow),
        cmocka_unit_test(test_memory__sqlites),
        cmocka_unit_test(test_memory__it_closes_without_sqlites),
    };
    int r;

    take_over();
    world_begin();
    r = cmocka_run_group_tests_name("memory", tests, NULL, NULL);
    world_end();
    return r;
}
