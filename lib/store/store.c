/* Opening, starting and closing. See store.h. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/inside.h"

static int make(struct store **out, const struct store_options *o)
{
    struct store *s = usher__zalloc(&o->memory, sizeof *s);
    pthread_condattr_t monotonic;

    if (s == NULL)
        return USHER_ENOMEM;
    s->o = *o;
    s->pid = getpid();
    s->files.lock = -1;
    s->jobs_end = &s->jobs;
    s->done_end = &s->done;
    if (pthread_condattr_init(&monotonic) != 0)
        goto no_attributes;
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    if (pthread_mutex_init(&s->lock, NULL) != 0)
        goto no_mutex;
    if (pthread_cond_init(&s->work, &monotonic) != 0)
        goto no_work;
    if (pthread_cond_init(&s->told, NULL) != 0)
        goto no_told;
    (void)pthread_condattr_destroy(&monotonic);
    *out = s;
    return 0;

no_told:
    (void)pthread_cond_destroy(&s->work);
no_work:
    (void)pthread_mutex_destroy(&s->lock);
no_mutex:
    (void)pthread_condattr_destroy(&monotonic);
no_attributes:
    usher__free(&o->memory, s);
    return USHER_ENOMEM;
}

static void finalize(struct store *s)
{
    for (int t = 0; t < ROW_TABLES; t++) {
        (void)sqlite3_finalize(s->put[t]);
        (void)sqlite3_finalize(s->drop[t]);
    }
    (void)sqlite3_finalize(s->begin);
    (void)sqlite3_finalize(s->commit);
    (void)sqlite3_finalize(s->rollback);
}

/* keep: nothing is written back. undo: what opening made is removed. */
static void end(struct store *s, bool keep, bool undo)
{
    struct memory memory = s->o.memory;

    finalize(s);
    usher__schema_close(s, keep);
    usher__files_close(s, undo);
    (void)pthread_cond_destroy(&s->told);
    (void)pthread_cond_destroy(&s->work);
    (void)pthread_mutex_destroy(&s->lock);
    usher__free(&memory, s);
}

static void explain(const struct store_options *o, const char *why)
{
    if (o->err != NULL && o->err_len > 0)
        snprintf(o->err, o->err_len, "%s", why);
}

int usher__store_open(struct store **out, const struct store_options *o,
                      const struct store_reader *reader)
{
    struct store *s;
    int err = make(&s, o);

    *out = NULL;
    explain(o, "");
    if (err != 0) {
        explain(o, "out of memory");
        return err;
    }
    err = usher__files_open(s);
    if (err == 0)
        err = usher__schema_open(s);
    if (err == 0)
        err = usher__rows_read(s, reader);
    if (s->quiet && s->db != NULL && !usher__files_mark(s, true))
        err = usher__store_say(s, USHER_EBUSY, "a service has opened it meanwhile");
    if (err != 0) {
        explain(o, s->why);
        end(s, s->had_wal, true);
        return err;
    }
    s->o.path = NULL;
    s->o.vfs = NULL;
    *out = s;
    return 0;
}

int usher__store_start(struct store *s)
{
    int err;

    if (s->o.readonly)
        return 0;
    err = usher__schema_settle(s);
    if (err == 0)
        err = usher__save_prepare(s);
    if (err == 0) {
        usher__files_wal(s, false);
        s->news.full = !usher__files_reserve(s);
        err = usher__writer_start(s);
    }
    if (err != 0)
        explain(&s->o, s->why);
    s->settled = err == 0;
    s->o.err = NULL;
    return err == USHER_EFAILED ? USHER_ESTORE : err;
}

/* In a child of the process that opened it there is no thread, and nothing of it is the child's. */
void usher__store_close(struct store *s)
{
    if (s == NULL || s->pid != getpid())
        return;
    usher__writer_stop(s);
    if (s->settled && usher__save_has_moved(s)) {
        usher__files_wal(s, true);
        s->news.failed = USHER_EFAILED;
    }
    end(s, s->news.failed != 0 || (s->had_wal && !s->settled), !s->settled);
}
