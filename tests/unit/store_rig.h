/* What the tests of the store share: a directory of their own, a store in it, batches of made-up
 * rows, and what came back. */
#ifndef USHER_UNIT_STORE_RIG_H
#define USHER_UNIT_STORE_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <usher/usher.h>

#include "store/store.h"

enum { RIG_PATH = 512 };

struct rig {
    char directory[256], path[RIG_PATH];
    char err[256];
    struct store_options options;
    struct store *s;
    struct batch batch; /* to be handed over */
    struct batch read;  /* what opening read */
    uint64_t number;
    int refuse_at; /* take refuses the row with this number; 0: none */
    uint64_t progress_rows, progress_of;
    uint32_t woken; /* with the lock */
    pthread_mutex_t lock;
};

static inline void rig_wake(void *ctx)
{
    struct rig *r = ctx;

    (void)pthread_mutex_lock(&r->lock);
    r->woken++;
    (void)pthread_mutex_unlock(&r->lock);
}

static inline uint32_t rig_woken(struct rig *r)
{
    uint32_t woken;

    (void)pthread_mutex_lock(&r->lock);
    woken = r->woken;
    (void)pthread_mutex_unlock(&r->lock);
    return woken;
}

static inline int rig_take(void *ctx, const struct row *row, const char **wrong)
{
    struct rig *r = ctx;

    if (r->refuse_at != 0 && (int)r->read.rows + 1 == r->refuse_at) {
        *wrong = "not to my taste";
        return USHER_ECORRUPT;
    }
    assert_int_equal(usher__batch_put(&r->read, row), 0);
    return 0;
}

/* The history is of no interest here. */
static inline uint64_t rig_counted(void *ctx)
{
    (void)ctx;
    return INT64_MAX;
}

static inline void rig_progress(void *ctx, uint64_t rows, uint64_t of)
{
    struct rig *r = ctx;

    assert_true(rows >= r->progress_rows);
    assert_true(of >= rows);
    r->progress_rows = rows;
    r->progress_of = of;
}

static inline int rig_setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    const char *tmp = getenv("TMPDIR");

    assert_non_null(r);
    (void)snprintf(r->directory, sizeof r->directory, "%s/usher-store-XXXXXX",
                   tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
    assert_non_null(mkdtemp(r->directory));
    (void)snprintf(r->path, sizeof r->path, "%s/desk.db", r->directory);
    usher__batch_init(&r->batch, &usher__memory_libc);
    usher__batch_init(&r->read, &usher__memory_libc);
    (void)pthread_mutex_init(&r->lock, NULL);
    r->options = (struct store_options){.path = r->path,
                                        .level = USHER_DISK,
                                        .keep_closed = 1000,
                                        .memory = usher__memory_libc,
                                        .wake = rig_wake,
                                        .ctx = r,
                                        .err = r->err,
                                        .err_len = sizeof r->err};
    *state = r;
    return 0;
}

static inline int rig_open_only(struct rig *r)
{
    struct store_reader reader = {rig_take, rig_counted, rig_progress, r};

    usher__batch_clear(&r->read);
    r->progress_rows = 0;
    r->number = 0;
    return usher__store_open(&r->s, &r->options, &reader);
}

static inline int rig_open(struct rig *r)
{
    int err = rig_open_only(r);

    if (err == 0 && !r->options.readonly)
        err = usher__store_start(r->s);
    return err;
}

static inline void rig_must_open(struct rig *r)
{
    int err = rig_open(r);

    if (err != 0)
        fail_msg("open: %d %s", err, r->err);
}

static inline void rig_close(struct rig *r)
{
    usher__store_close(r->s);
    r->s = NULL;
}

static inline int rig_teardown(void **state)
{
    struct rig *r = *state;
    char command[600];

    rig_close(r);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", r->directory);
    assert_int_equal(system(command), 0);
    usher__batch_free(&r->batch);
    usher__batch_free(&r->read);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
    return 0;
}

/* ---- batches --------------------------------------------------------------------------------- */

static inline void rig_put(struct rig *r, int table, int64_t key, const char *name,
                           const void *bytes, size_t len)
{
    struct row row = {.table = (uint8_t)table,
                      .key = key,
                      .a = key % 7 + 1,
                      .b = key % 5 + 1,
                      .name = name,
                      .name_len = (uint16_t)(name != NULL ? strlen(name) : 0),
                      .bytes = bytes,
                      .len = (uint32_t)len};

    assert_int_equal(usher__batch_put(&r->batch, &row), 0);
}

static inline void rig_drop(struct rig *r, int table, int64_t key, const char *name)
{
    struct row row = {.table = (uint8_t)table,
                      .drop = true,
                      .key = key,
                      .name = name,
                      .name_len = (uint16_t)(name != NULL ? strlen(name) : 0)};

    assert_int_equal(usher__batch_put(&r->batch, &row), 0);
}

static inline void rig_submit(struct rig *r)
{
    r->batch.number = ++r->number;
    usher__store_submit(r->s, &r->batch, 1);
}

/* Until the batch under way is saved or will not be. Returns `failed`. */
static inline int rig_settle(struct rig *r)
{
    struct store_news news;

    usher__store_news(r->s, &news);
    while (news.busy) {
        usher__store_wait(r->s);
        usher__store_news(r->s, &news);
    }
    if (news.failed == 0)
        assert_int_equal(news.saved, r->number);
    usher__batch_clear(&r->batch);
    return news.failed;
}

static inline void rig_save(struct rig *r)
{
    rig_submit(r);
    assert_int_equal(rig_settle(r), 0);
}

/* The i-th row of b. */
static inline bool rig_row(const struct batch *b, uint32_t i, struct row *row)
{
    size_t at = 0;

    while (usher__batch_next(b, &at, row)) {
        if (i-- == 0)
            return true;
    }
    return false;
}

static inline void rig_assert_row(const struct row *is, int table, int64_t key, const char *name,
                                  const void *bytes, size_t len)
{
    assert_int_equal(is->table, table);
    assert_int_equal(is->key, key);
    assert_int_equal(is->name_len, name != NULL ? strlen(name) : 0);
    if (name != NULL)
        assert_memory_equal(is->name, name, strlen(name));
    assert_int_equal(is->len, len);
    if (len > 0)
        assert_memory_equal(is->bytes, bytes, len);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static inline struct job *rig_wait_job(struct rig *r)
{
    struct job *job;

    while ((job = usher__store_finished(r->s)) == NULL)
        usher__store_wait(r->s);
    return job;
}

static inline int rig_ask(struct rig *r, struct job *job)
{
    usher__store_ask(r->s, job);
    assert_ptr_equal(rig_wait_job(r), job);
    return job->status;
}

/* ---- files ----------------------------------------------------------------------------------- */

static inline const char *rig_beside(struct rig *r, const char *suffix)
{
    static char names[4][RIG_PATH + 16];
    static int next;
    char *name = names[next++ % 4];

    (void)snprintf(name, sizeof names[0], "%s%s", r->path, suffix);
    return name;
}

static inline bool rig_there(const char *name)
{
    struct stat st;

    return lstat(name, &st) == 0;
}

static inline int rig_mode(const char *name)
{
    struct stat st;

    if (lstat(name, &st) != 0)
        return -1;
    return (int)(st.st_mode & 07777);
}

/* The bytes of a file; to be freed. */
static inline char *rig_slurp(const char *name, size_t *len)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *bytes;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    bytes = malloc((size_t)st.st_size + 1);
    assert_non_null(bytes);
    *len = (size_t)st.st_size;
    assert_int_equal(read(fd, bytes, *len), *len);
    (void)close(fd);
    return bytes;
}

static inline void rig_write(const char *name, const void *bytes, size_t len)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    (void)close(fd);
}

static inline bool rig_contains(const char *name, const char *what)
{
    size_t len;
    char *bytes;
    bool found;

    if (!rig_there(name))
        return false;
    bytes = rig_slurp(name, &len);
    found = memmem(bytes, len, what, strlen(what)) != NULL;
    free(bytes);
    return found;
}

#endif
