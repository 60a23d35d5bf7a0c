/* What the system may refuse a store: locks, room, threads, flushes, names. It is said, in words; what was
 * there is as it was, what was begun is gone, and a store that is open goes on. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "store_rig.h"

#include <limits.h>
#include <sqlite3.h>
#include <sys/file.h>

#include "store/inside.h"
#include "system_calls.h"

static struct system_call fsyncs, flocks, fchmods, fstats, lstats, allocations, renames, links, threads;
static bool pretend;                     /* lstat finds a plain file that is not there */
static void (*at_thread)(struct rig *r); /* before the next thread starts */
static struct rig *the_rig;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return call_refused(&fsyncs) ? -1 : __real_fsync(fd);
}

int __real_flock(int fd, int how);
int __wrap_flock(int fd, int how);
int __wrap_flock(int fd, int how)
{
    return call_refused(&flocks) ? -1 : __real_flock(fd, how);
}

int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode)
{
    return call_refused(&fchmods) ? -1 : __real_fchmod(fd, mode);
}

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
    return call_refused(&fstats) ? -1 : __real_fstat(fd, st);
}

int __real_lstat(const char *name, struct stat *st);
int __wrap_lstat(const char *name, struct stat *st);
int __wrap_lstat(const char *name, struct stat *st)
{
    if (!call_refused(&lstats))
        return __real_lstat(name, st);
    if (!pretend)
        return -1;
    *st = (struct stat){.st_mode = S_IFREG | 0600, .st_nlink = 1, .st_uid = geteuid()};
    return 0;
}

int __real_posix_fallocate(int fd, off_t at, off_t len);
int __wrap_posix_fallocate(int fd, off_t at, off_t len);
int __wrap_posix_fallocate(int fd, off_t at, off_t len)
{
    int error = call_now(&allocations);

    return error != 0 ? error : __real_posix_fallocate(fd, at, len);
}

int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return call_refused(&renames) ? -1 : __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to)
{
    return call_refused(&links) ? -1 : __real_link(from, to);
}

int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *ctx);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *ctx);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *ctx)
{
    int error = call_now(&threads);

    if (at_thread != NULL)
        at_thread(the_rig);
    at_thread = NULL;
    return error != 0 ? error : __real_pthread_create(t, a, fn, ctx);
}

static int setup(void **state)
{
    int r = rig_setup(state);

    the_rig = *state;
    return r;
}

/* ---- opening ------------------------------------------------------------------------------------ */

/* Nothing of it is left, and the same works as soon as the system lets it. */
static void refused(struct rig *r, struct system_call *c, int error, int skip, int err, const char *says)
{
    call_fails(c, error, skip, INT_MAX);
    assert_int_equal(rig_open(r), err);
    assert_true(atomic_load(&c->hit) > 0);
    rig_close(r);
    call_fails(c, 0, 0, 0);
    if (strstr(r->err, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", r->err, says);
    assert_false(rig_there(r->path));
    assert_false(rig_there(rig_beside(r, "-wal")));
    assert_false(rig_there(rig_beside(r, "-reserve")));
    rig_must_open(r);
    rig_close(r);
    assert_int_equal(unlink(r->path), 0);
    assert_int_equal(unlink(rig_beside(r, "-lock")), 0);
}

static void test_system__what_it_refuses_is_said_and_leaves_nothing(void **state)
{
    struct rig *r = *state;

    refused(r, &fsyncs, EIO, 0, USHER_ESTORE, "cannot flush the directory");
    refused(r, &flocks, ENOLCK, 0, USHER_ESTORE, "cannot lock");
    refused(r, &fchmods, EPERM, 0, USHER_ESTORE, "cannot make");
    refused(r, &fchmods, EPERM, 1, USHER_ESTORE, "cannot make"); /* the lock could be made */
    refused(r, &lstats, EACCES, 0, USHER_ESTORE, "cannot look at");
    refused(r, &lstats, ENOMEM, 0, USHER_ENOMEM, "cannot look at");
    refused(r, &fstats, EIO, 0, USHER_EBUSY, "others are opening it too");
    refused(r, &threads, EAGAIN, 0, USHER_ENOMEM, "no thread can be started");
    refused(r, &threads, ENOMEM, 0, USHER_ENOMEM, "no thread can be started");
    refused(r, &threads, EPERM, 0, USHER_ESTORE, "no thread can be started");
}

/* What is only for once, or only for somebody's having been quicker, is tried again. */
static void test_system__what_passes_is_tried_again(void **state)
{
    struct rig *r = *state;

    call_fails(&flocks, EINTR, 0, 3);
    rig_must_open(r);
    assert_int_equal(atomic_load(&flocks.hit), 3);
    rig_close(r);
    call_fails(&fstats, EIO, 0, 2); /* the lock was removed in between */
    rig_must_open(r);
    assert_int_equal(atomic_load(&fstats.hit), 2);
    rig_close(r);
    call_fails(&lstats, ENOENT, 0, 1); /* it was made in between */
    rig_must_open(r);
    assert_int_equal(atomic_load(&lstats.hit), 1);
    rig_close(r);
    assert_int_equal(unlink(rig_beside(r, "-lock")), 0);
    pretend = true; /* ... or removed */
    call_fails(&lstats, ENOENT, 0, 1);
    rig_must_open(r);
    assert_int_equal(atomic_load(&lstats.hit), 1);
    pretend = false;
    rig_put(r, ROW_STATE, 1, NULL, "x", 1);
    rig_save(r);
}

static void test_system__who_has_it_is_said(void **state)
{
    struct rig *r = *state;
    int fd;

    rig_must_open(r);
    rig_close(r);
    fd = open(rig_beside(r, "-lock"), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(rig_open(r), USHER_EBUSY);
    assert_string_equal(r->err, "it is open in another process");
    assert_int_equal(pwrite(fd, "1\n", 2, 0), 2);
    assert_int_equal(rig_open(r), USHER_EBUSY);
    assert_string_equal(r->err, "it is open in process 1");
    (void)close(fd);
    rig_must_open(r);
}

static void test_system__paths_have_an_end(void **state)
{
    static char longer[PATH_MAX + 10];
    struct rig *r = *state;
    char directory[STORE_NAME_LEN];

    memset(longer, 'p', sizeof longer - 1);
    r->options.path = longer;
    r->options.vfs = "unix";
    assert_int_equal(rig_open(r), USHER_ELIMIT);
    assert_string_equal(r->err, "the path is too long");
    r->options.vfs = NULL;
    longer[sizeof longer - 3] = '/';
    assert_int_equal(rig_open(r), USHER_ELIMIT);
    assert_string_equal(r->err, "the path is too long");
    r->options.path = "";
    assert_int_equal(rig_open(r), USHER_EINVAL);
    r->options.path = NULL;
    assert_int_equal(rig_open(r), USHER_EINVAL);
    assert_string_equal(r->err, "no path");
    usher__files_directory("/file", directory);
    assert_string_equal(directory, "/");
    usher__files_directory("/a/file", directory);
    assert_string_equal(directory, "/a");
}

/* ---- the reserve ---------------------------------------------------------------------------------- */

/* A disk that is full when it opens is one that fills up later; a file system that cannot keep room does without. */
static void test_system__a_reserve_that_cannot_be_had(void **state)
{
    static const struct {
        struct system_call *call;
        int error, times;
        bool full, there;
    } cases[] = {
        {&allocations, ENOSPC, 2, true, false},      {&allocations, EDQUOT, 2, true, false},
        {&allocations, EOPNOTSUPP, 1, false, false}, {&allocations, EINTR, 3, false, true},
        {&fchmods, ENOSPC, 2, true, false},          {&fchmods, EROFS, 1, false, false},
    };
    struct rig *r = *state;
    struct store_news news;

    rig_must_open(r);
    rig_close(r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        call_fails(cases[i].call, cases[i].error, 0, cases[i].times);
        rig_must_open(r);
        /* When the disk is full the thread tries a second time, as soon as it runs. */
        assert_in_range(atomic_load(&cases[i].call->hit), cases[i].full ? 1 : cases[i].times, cases[i].times);
        usher__store_news(r->s, &news);
        assert_int_equal(news.full, cases[i].full);
        assert_int_equal(rig_there(rig_beside(r, "-reserve")), cases[i].there);
        rig_put(r, ROW_STATE, 1, NULL, "x", 1);
        rig_save(r); /* it is only told */
        while (news.full) { /* the next try finds room */
            (void)usleep(20000);
            usher__store_news(r->s, &news);
        }
        assert_int_equal(rig_there(rig_beside(r, "-reserve")), cases[i].full || cases[i].there);
        rig_close(r);
        assert_false(rig_there(rig_beside(r, "-reserve")));
    }
}

/* ---- copies ----------------------------------------------------------------------------------------- */

static char copy_path[RIG_PATH + 16], part_path[RIG_PATH + 32];

static int copy(struct rig *r)
{
    struct job job = {.kind = JOB_BACKUP, .path = copy_path};
    int status = rig_ask(r, &job);

    (void)snprintf(r->err, sizeof r->err, "%s", job.why);
    usher__batch_free(&job.rows);
    return status;
}

static void fill(struct rig *r)
{
    static char bytes[4000];

    memset(bytes, 'b', sizeof bytes);
    (void)snprintf(copy_path, sizeof copy_path, "%s/copy.db", r->directory);
    (void)snprintf(part_path, sizeof part_path, "%s.part", copy_path);
    rig_must_open(r);
    for (int64_t i = 1; i <= 50; i++)
        rig_put(r, ROW_CLOSED, i, NULL, bytes, sizeof bytes);
    rig_save(r);
}

static void no_copy(struct rig *r, int err, const char *says)
{
    assert_int_equal(copy(r), err);
    if (strstr(r->err, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", r->err, says);
    assert_false(rig_there(copy_path));
    assert_false(rig_there(part_path));
    call_fails(&renames, 0, 0, 0);
    assert_int_equal(copy(r), 0); /* it goes on, and the next one is made */
    assert_int_equal(unlink(copy_path), 0);
}

static void test_system__a_copy_that_gets_no_name(void **state)
{
    struct rig *r = *state;

    fill(r);
    call_fails(&renames, EIO, 0, 1);
    no_copy(r, USHER_ESTORE, "cannot be put in its place");
    call_fails(&renames, EEXIST, 0, 1); /* somebody was quicker */
    no_copy(r, USHER_ESTORE, "cannot be put in its place");
    call_fails(&renames, ENOSYS, 0, 1);
    call_fails(&links, EEXIST, 0, 1);
    no_copy(r, USHER_ESTORE, "cannot be put in its place");
    call_fails(&fsyncs, EIO, 0, 1);
    no_copy(r, USHER_ESTORE, "cannot be put in its place");
    for (int i = 0; i < 2; i++) { /* without that call it is given by another */
        call_fails(&renames, i == 0 ? ENOSYS : EINVAL, 0, 1);
        assert_int_equal(copy(r), 0);
        assert_int_equal(atomic_load(&renames.hit), 1);
        assert_true(rig_there(copy_path));
        assert_false(rig_there(part_path));
        assert_int_equal(unlink(copy_path), 0);
    }
}

static void spoil_part(struct rig *r)
{
    static char bytes[4096];
    int fd = open(part_path, O_WRONLY | O_CLOEXEC);

    (void)r;
    assert_true(fd >= 0);
    memset(bytes, 0xee, sizeof bytes);
    assert_int_equal(pwrite(fd, bytes, sizeof bytes, 5 * 4096), sizeof bytes);
    (void)close(fd);
}

static void spoil_head(struct rig *r)
{
    (void)r;
    assert_int_equal(truncate(part_path, 3), 0);
}

static void remove_part(struct rig *r)
{
    (void)r;
    assert_int_equal(unlink(part_path), 0);
}

static void test_system__a_copy_is_looked_at_before_it_gets_its_name(void **state)
{
    struct rig *r = *state;

    fill(r);
    at_thread = spoil_part;
    no_copy(r, USHER_ECORRUPT, "the copy: damaged");
    at_thread = spoil_head;
    no_copy(r, USHER_ECORRUPT, "the copy: cannot be checked");
    at_thread = remove_part;
    no_copy(r, USHER_ESTORE, "the copy: cannot be checked");
}

static void test_system__a_copy_without_a_thread_is_made_all_the_same(void **state)
{
    struct rig *r = *state;

    fill(r);
    call_fails(&threads, EAGAIN, 0, 1);
    assert_int_equal(copy(r), 0);
    assert_int_equal(atomic_load(&threads.hit), 1);
    assert_true(rig_there(copy_path));
    assert_int_equal(unlink(copy_path), 0);
    call_fails(&threads, EAGAIN, 0, 1);
    call_fails(&renames, EIO, 0, 1);
    no_copy(r, USHER_ESTORE, "cannot be put in its place");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_system__what_it_refuses_is_said_and_leaves_nothing),
        TEST(test_system__what_passes_is_tried_again),
        TEST(test_system__who_has_it_is_said),
        TEST(test_system__paths_have_an_end),
        TEST(test_system__a_reserve_that_cannot_be_had),
        TEST(test_system__a_copy_that_gets_no_name),
        TEST(test_system__a_copy_is_looked_at_before_it_gets_its_name),
        TEST(test_system__a_copy_without_a_thread_is_made_all_the_same),
    };

    return cmocka_run_group_tests_name("system", tests, NULL, NULL);
}
