/* What a real machine does to a store: disks that are full, files that go away, directories that
 * cannot be written, processes that fork, a thread pool that has no time.
 *
 * SQLite's VFS is the system's, behind the shim. What cannot be had here is left out, by name. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* unshare */
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim.h"
#include "world.h"

enum { PATIENCE_MS = 10000, NOBODY = 65534 };

static char dir[200], path[300], uri[400];

/* ---- small things ---------------------------------------------------------------------------- */

static const struct world nowhere = {.at = T0};

static void make_dir(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(dir, sizeof dir, "%s/usher-faults-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/store", dir);
    snprintf(uri, sizeof uri, "sqlite:%s", path);
}

/* Removes all files but this one; how many they were. */
static int empty_dir(const char *but)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char name[600];
    int n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.' || (but != NULL && strcmp(e->d_name, but) == 0))
            continue;
        n++;
        snprintf(name, sizeof name, "%s/%s", dir, e->d_name);
        (void)unlink(name);
    }
    (void)closedir(d);
    return n;
}

static void remove_dir(void)
{
    (void)empty_dir(NULL);
    (void)rmdir(dir);
}

/* A service on `path`, prepared. */
static struct fixture *begin(enum state state)
{
    struct fixture *f = world_fixture(&nowhere, T0);

    fixture_what(f, "on a real disk, in state %s", fixture_states[state]);
    f->op = 0;
    if (world_try_open(f, uri) != USHER_OK)
        fail_msg("%s", f->err);
    fixture_prepare(f, state);
    CHECK(f, world_settle(f, PATIENCE_MS), "the preparation does not come to an end");
    return f;
}

static struct fixture *begin_again(int64_t at)
{
    struct fixture *f = world_open(&nowhere, at, uri);

    if (f == NULL)
        fail_msg("it does not open again");
    return f;
}

static usher_id enqueue(struct fixture *f, size_t len, int *status)
{
    usher_request q = USHER_INIT(usher_request);
    char *body = calloc(1, len + 1);
    struct receipt *r = fixture_receipt(f);
    usher_standing s = USHER_INIT(usher_standing);
    char ref[20];
    int err;

    assert_non_null(body);
    memset(body, 'x', len);
    snprintf(ref, sizeof ref, "r%d", (int)++f->op);
    q.requester = "max";
    q.ref = ref;
    q.body = (usher_text){body, len};
    err = fixture_returned(r, usher_enqueue(f->q2, &q, fixture_on_done, r), 1);
    free(body);
    *status = err;
    if (err != USHER_OK)
        return 0;
    assert_int_equal(usher_peek_ref(f->q2, ref, &s), USHER_OK);
    (void)world_settle(f, 1000);
    *status = r->ran == 0 ? USHER_ETIMEDOUT : r->status; /* for the caller: not told yet */
    return s.ticket;
}

/* ---- a disk that is full --------------------------------------------------------------------- */

enum { DISK_LEN = 24 << 20, FILLER_LEN = 12 << 20, HELD = 40, BODY = 30000 };

static bool mount_small(void)
{
    char size[40];

    snprintf(size, sizeof size, "size=%d", DISK_LEN);
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("usher-faults", dir, "tmpfs", 0, size) == 0;
}

static void write_filler(const char *name)
{
    int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, FILLER_LEN), 0);
    (void)close(fd);
}

static struct {
    uint32_t rooms;
    usher_claim held[HELD];
    uint32_t held_n;
} full;

static void on_room(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    (void)user;
    full.rooms += e->kind == USHER_EV_ROOM && e->queue == NULL;
}

static void on_held(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    (void)a;
    (void)user;
    for (size_t i = 0; status == USHER_OK && i < n; i++)
        full.held[full.held_n++] = w[i].claim;
}

static void hold_some(struct fixture *f)
{
    usher_claim_args c = USHER_INIT(usher_claim_args);
    int status;

    for (int i = 0; i < HELD; i++)
        (void)enqueue(f, 100, &status);
    c.queues = &f->q2;
    c.queues_n = 1;
    c.n = HELD;
    assert_int_equal(usher_claim_many(f->a, &c, on_held, NULL), USHER_OK);
    CHECK(f, world_settle(f, PATIENCE_MS) && full.held_n == HELD, "%u are held", full.held_n);
}

static void resolve_all(struct fixture *f)
{
    for (uint32_t i = 0; i < full.held_n; i++) {
        struct receipt *r = fixture_receipt(f);
        int err = fixture_returned(
            r, usher_resolve(f->u, &full.held[i], USHER_AS_FIX, "done", fixture_on_done, r), 1);

        (void)world_settle(f, 3000);
        if (!CHECK(f, err == USHER_OK && r->ran == 1 && r->status == USHER_OK,
                   "resolve %u: %s, %u callbacks, status %s", i, usher_err_name(err), r->ran,
                   usher_err_name(r->status)))
            return;
    }
}

/* "Full is USHER_EFULL on enqueue while `resolve` still works, and an event when there is room
 * again." */
static void test_machine__a_full_disk(void **state)
{
    char filler[300];
    struct fixture *f;
    usher_id last = 0, id;
    int status = USHER_OK, requests = 0;

    (void)state;
    make_dir();
    if (!mount_small()) {
        print_message("SKIPPED: a small tmpfs cannot be mounted here: %s\n", strerror(errno));
        remove_dir();
        skip();
    }
    snprintf(filler, sizeof filler, "%s/filler", dir);
    write_filler(filler);
    full.rooms = full.held_n = 0;
    f = begin(S_NOTHING);
    fixture_what(f, "a disk of %d bytes", DISK_LEN);
    assert_int_equal(usher_subscribe(f->u, NULL, 0, on_room, NULL), USHER_OK);
    hold_some(f);
    while (requests < 2000 && status != USHER_EFULL) {
        id = enqueue(f, BODY, &status);
        last = status == USHER_OK ? id : last;
        requests += status == USHER_OK;
    }
    CHECK(f, status == USHER_EFULL, "%d requests, and then %s", requests, usher_err_name(status));
    resolve_all(f);
    CHECK(f, full.rooms == 0, "there is room already");
    assert_int_equal(unlink(filler), 0);
    for (int i = 0; i < 300 && full.rooms == 0; i++) {
        usleep(10000);
        fixture_turn(f);
        (void)world_settle(f, 10);
    }
    CHECK(f, full.rooms == 1, "%u times it was told that there is room", full.rooms);
    id = enqueue(f, BODY, &status);
    CHECK(f, status == USHER_OK, "a request when there is room: %s", usher_err_name(status));
    last = status == USHER_OK ? id : last;
    CHECK(f, world_failures == 0, "the store has failed");
    world_leave(f);
    f = begin_again(T0);
    fixture_what(f, "a disk that was full, opened again");
    *f->standing = (usher_standing)USHER_INIT(usher_standing);
    CHECK(f, usher_peek(f->u, last, f->standing) == USHER_OK, "ticket %d is not there", (int)last);
    assert_int_equal(usher_counts(f->q2, f->by_state), USHER_OK);
    CHECK(f, f->by_state[USHER_RESOLVED] == HELD, "%d are resolved",
          (int)f->by_state[USHER_RESOLVED]);
    world_leave(f);
    print_message("%d requests of %d bytes until it was full\n", requests, BODY);
    (void)umount(dir);
    remove_dir();
    fixture_verdict();
}

/* ---- files that go away ---------------------------------------------------------------------- */

/* What is acknowledged after that would be lost with the file. */
static void check_it_notices(struct fixture *f)
{
    int status;

    (void)enqueue(f, 100, &status);
    CHECK(f, status == USHER_EUNKNOWN || status == USHER_EFAILED, "%s", usher_err_name(status));
    CHECK(f, world_failures == 1, "nobody was told that the store has failed");
    (void)enqueue(f, 100, &status);
    CHECK(f, status == USHER_EFAILED, "and then %s", usher_err_name(status));
    world_leave(f);
}

static void test_machine__the_file_is_removed(void **state)
{
    struct fixture *f;

    (void)state;
    make_dir();
    f = begin(S_CLAIMED);
    fixture_what(f, "the file is removed");
    assert_int_equal(unlink(path), 0);
    check_it_notices(f);
    remove_dir();
    fixture_verdict();
}

static void test_machine__the_file_is_replaced(void **state)
{
    struct fixture *f;
    char other[320];
    int err;

    (void)state;
    make_dir();
    f = begin(S_SHARED); /* its ticket has three persons */
    world_leave(f);
    snprintf(other, sizeof other, "%s.other", path);
    assert_int_equal(rename(path, other), 0);
    (void)empty_dir("store.other");
    f = begin(S_CLAIMED);
    world_leave(f); /* nothing is left in its log */
    f = begin_again(T0);
    fixture_what(f, "the file is replaced");
    assert_int_equal(rename(other, path), 0);
    check_it_notices(f);
    /* The log of the one that is gone still lies there by name: it must not be taken for the
     * other's. */
    f = world_fixture(&nowhere, T0);
    fixture_what(f, "the file that took its place, beside a log that is not its own");
    err = world_try_open(f, uri);
    if (err != USHER_OK) {
        CHECK(f, err == USHER_ECORRUPT, "%s: %s", usher_err_name(err), f->err);
        f->closed = 1;
        fixture_end(f);
        snprintf(other, sizeof other, "%s-wal", path);
        assert_int_equal(unlink(other), 0);
    } else {
        world_leave(f);
    }
    f = begin_again(T0);
    fixture_what(f, "the file that took its place");
    *f->standing = (usher_standing)USHER_INIT(usher_standing);
    CHECK(f, usher_peek(f->u, 3, f->standing) == USHER_OK && f->standing->persons == 3,
          "it is not the other one, or no longer");
    world_leave(f);
    remove_dir();
    fixture_verdict();
}

/* ---- directories and files that cannot be had ------------------------------------------------ */

/* "On failure a file that was there is as it was": and one that was not is not. */
static void test_machine__what_cannot_be_made_is_not_left_behind(void **state)
{
    uint64_t operations = 1;
    int tried = 0;

    (void)state;
    make_dir();
    for (int way = 0; way < FAIL_SHORT; way++) {
        for (uint64_t n = 0; n <= operations; n++) {
            struct fixture *f = world_fixture(&nowhere, T0);
            int err;

            fixture_what(f, "making a store, operation %d %s and all after it", (int)n,
                         shim_ways[way]);
            shim_arm(n, way, true);
            err = world_try_open(f, uri);
            if (n == 0)
                operations = shim_count();
            shim_disarm();
            if (err == USHER_OK) {
                (void)world_close(f);
                (void)empty_dir(NULL);
            } else {
                int left = empty_dir(NULL);

                tried++;
                f->closed = 1;
                CHECK(f, err == USHER_ESTORE || err == USHER_EBUSY, "%s: %s", usher_err_name(err),
                      f->err);
                CHECK(f, left == 0, "%d files are left behind", left);
            }
            fixture_end(f);
        }
    }
    remove_dir();
    print_message("%d failures\n", tried);
    fixture_verdict();
    assert_in_range(tried, 20, 10000);
}

static int open_and_close(const char *what, const char *store, int expected)
{
    struct fixture *f = world_fixture(&nowhere, T0);
    int err = world_try_open(f, store);

    fixture_what(f, "%s", what);
    CHECK(f, err == expected && (err == USHER_OK || f->err[0] != '\0'), "%s: %s",
          usher_err_name(err), f->err);
    if (err == USHER_OK)
        (void)world_close(f);
    else
        f->closed = 1;
    fixture_end(f);
    return err;
}

/* Runs as somebody whom permissions are there for; exits with 0 if all was as it must be. */
static void without_permission(void)
{
    char reader[440];
    int failed;

    if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
        _exit(2);
    make_dir();
    failed = open_and_close("a new store", uri, USHER_OK) != USHER_OK;
    if (chmod(dir, 0500) != 0)
        _exit(2);
    failed |= open_and_close("a store in a directory that cannot be written", uri, USHER_ESTORE) !=
              USHER_ESTORE;
    snprintf(reader, sizeof reader, "%s?readonly=1", uri);
    failed |= open_and_close("... for looking at", reader, USHER_OK) != USHER_OK;
    if (chmod(dir, 0700) != 0)
        _exit(2);
    failed |= open_and_close("... that can be written again", uri, USHER_OK) != USHER_OK;
    (void)empty_dir(NULL);
    if (chmod(dir, 0500) != 0)
        _exit(2);
    failed |= open_and_close("a new one where none can be made", uri, USHER_ESTORE) != USHER_ESTORE;
    if (chmod(dir, 0700) != 0)
        _exit(2);
    if (empty_dir(NULL) != 0) {
        fputs("something is left behind\n", stderr);
        failed = 1;
    }
    remove_dir();
    _exit(failed);
}

static void test_machine__directories_that_cannot_be_written(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        without_permission();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
        print_message("SKIPPED: directories cannot be made unwritable here\n");
        skip();
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- other processes ------------------------------------------------------------------------- */

/* "A service belongs to the process that opened it: in a child every call is USHER_EFORK." */
static void call_all_in_child(struct fixture *f)
{
    int wrong = 0, calls = 0;

    for (size_t i = 0; i < fixture_calls_n; i++) {
        const struct call *call = &fixture_calls[i];
        int64_t returned;

        if ((call->flags & (CALL_INT | CALL_SERVICE)) != (CALL_INT | CALL_SERVICE))
            continue;
        returned = fixture_call(f, call, NULL);
        calls++;
        if (returned == USHER_EFORK)
            continue;
        wrong++;
        fprintf(stderr, "%s in a child: %s\n", call->label, usher_err_name((int)returned));
    }
    _exit(wrong > 0 || calls < 50);
}

static void test_machine__fork(void **state)
{
    struct fixture *f;
    uint64_t before;
    char *seen, *seen_after;
    int status;

    (void)state;
    make_dir();
    for (int pending = 0; pending < 2; pending++) {
        usher_standing s = USHER_INIT(usher_standing);
        pid_t pid;
        struct receipt *r;

        f = begin(S_CLAIMED);
        fixture_what(f, "a fork%s", pending ? " while it is saving" : "");
        if (pending)
            CHECK(f, fixture_call(f, fixture_find("usher_acknowledge"), &r) == USHER_OK, "a call");
        before = world_digest(f);
        seen = fixture_digest(f, false);
        fflush(NULL);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            call_all_in_child(f);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        CHECK(f, WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child: %d", status);
        CHECK(f, world_settle(f, PATIENCE_MS), "it does not come to an end");
        CHECK(f, world_digest(f) == before, "the parent's has changed");
        seen_after = fixture_digest(f, false);
        (void)fixture_same(f, seen, seen_after, "the parent's looks otherwise");
        free(seen);
        free(seen_after);
        CHECK(f, world_note(f) == USHER_OK, "a note of the parent's");
        before = world_digest(f);
        world_leave(f);
        f = begin_again(T0);
        fixture_what(f, "opened again after a fork");
        CHECK(f, usher_peek(f->u, 3, &s) == USHER_OK && s.state == USHER_CLAIMED, "ticket 3");
        world_leave(f);
        (void)empty_dir(NULL);
    }
    remove_dir();
    fixture_verdict();
}

/* ---- the thread pool ------------------------------------------------------------------------- */

enum { NAP_MS = 1500 };

static void nap(uv_work_t *work)
{
    (void)work;
    usleep(NAP_MS * 1000);
}

static void woke(uv_work_t *work, int status)
{
    (void)status;
    *(bool *)work->data = true;
}

/* The store has a thread of its own. */
static void test_machine__a_thread_pool_without_time(void **state)
{
    struct fixture *f;
    uv_work_t work;
    bool awake = false;
    int status;

    (void)state;
    make_dir();
    f = begin(S_CLAIMED);
    fixture_what(f, "a pool of one thread, which sleeps");
    work.data = &awake;
    assert_int_equal(uv_queue_work(&f->loop, &work, nap, woke), 0);
    for (int i = 0; i < 20; i++) {
        (void)enqueue(f, 100, &status);
        CHECK(f, status == USHER_OK, "%s", usher_err_name(status));
    }
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    CHECK(f, !awake, "it slept too little to prove anything");
    while (!awake)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    world_leave(f);
    remove_dir();
    fixture_verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machine__directories_that_cannot_be_written),
        cmocka_unit_test(test_machine__the_file_is_removed),
        cmocka_unit_test(test_machine__the_file_is_replaced),
        cmocka_unit_test(test_machine__what_cannot_be_made_is_not_left_behind),
        cmocka_unit_test(test_machine__fork),
        cmocka_unit_test(test_machine__a_thread_pool_without_time),
        cmocka_unit_test(test_machine__a_full_disk),
    };

    (void)setenv("UV_THREADPOOL_SIZE", "1", 1); /* before libuv first looks */
    shim_register(SHIM_VFS, "unix", true);
    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
