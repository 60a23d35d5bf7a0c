/* The store's own thread, and what the loop's thread hands it and gets back.
 *
 * It does, in turn, the batch under way and one slice of one job, so neither waits for more than
 * one of the other. When there is neither it writes the WAL back, if that has grown; under constant
 * load it does so when it must. What it has to tell needs no memory. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "core/error.h"
#include "store/inside.h"

enum {
    WAL_SOON = 4 << 20, /* written back when there is a moment */
    WAL_MUST = 16 << 20,
    MOMENT_US = 2000 /* without a batch: the loop has nothing to save */
};

/* ---- the loop's side ------------------------------------------------------------------------- */

/* Kept tickets are looked through at most once a minute, and at least 64 times in the time after
 * which they go, but for what is longer than an hour. */
static int64_t retain_every(const struct store *s)
{
    int64_t every = s->o.retain_ms / 64;

    return every < 60000 ? 60000 : every > 3600000 ? 3600000 : every;
}

static void retain(struct store *s, int64_t now)
{
    if (s->o.retain_ms <= 0 || s->retaining || now < s->retain_next_at || now < s->o.retain_ms)
        return;
    s->retention.filter = (struct row_filter){.closed_before_at = now - s->o.retain_ms};
    s->retention.kind = JOB_PURGE;
    s->retention.behind = s->batch->number;
    s->retention.from = s->batch->seq;
    s->retention.begun = false;
    s->retaining = true;
    s->retain_next_at = now + retain_every(s);
}

void usher__store_submit(struct store *s, const struct batch *b, int64_t now)
{
    usher__lock(&s->lock);
    s->batch = b;
    s->news.busy = true;
    retain(s, now);
    usher__unlock(&s->lock);
    usher__signal(&s->work); /* without it: who wakes up wants the lock at once */
}

void usher__store_news(struct store *s, struct store_news *out)
{
    usher__lock(&s->lock);
    *out = s->news;
    s->untold = false;
    usher__unlock(&s->lock);
}

void usher__store_wait(struct store *s)
{
    usher__lock(&s->lock);
    while (s->started && !s->untold && s->done == NULL &&
           (s->batch != NULL || s->jobs != NULL || s->out > 0))
        (void)usher__wait(&s->told, &s->lock, NULL);
    usher__unlock(&s->lock);
}

static void append(struct job ***end, struct job *job)
{
    job->next = NULL;
    **end = job;
    *end = &job->next;
}

static struct job *pop(struct job **first, struct job ***end)
{
    struct job *job = *first;

    if (job != NULL) {
        *first = job->next;
        if (*first == NULL)
            *end = first;
        job->next = NULL;
    }
    return job;
}

void usher__writer_finish(struct store *s, struct job *job, int status)
{
    job->status = status;
    append(&s->done_end, job);
    usher__signal(&s->told);
}

void usher__store_ask(struct store *s, struct job *job)
{
    job->work = NULL;
    job->begun = false;
    job->status = 0;
    job->n = 0;
    job->more = false;
    job->why[0] = '\0';
    if (job->rows.memory == NULL)
        usher__batch_init(&job->rows, &s->o.memory);
    usher__batch_clear(&job->rows);
    if (s->o.readonly) {
        int status;

        do
            status = usher__job_slice(s, job);
        while (status == JOB_AGAIN);
        if (status != 0)
            memcpy(job->why, s->why, sizeof job->why);
        usher__job_drop(s, job);
        usher__writer_finish(s, job, status);
        s->o.wake(s->o.ctx);
        return;
    }
    usher__lock(&s->lock);
    job->behind = s->batch != NULL ? s->batch->number : 0;
    if (s->cancel)
        usher__writer_finish(s, job, USHER_ECANCELED);
    else
        append(&s->jobs_end, job);
    usher__signal(&s->work);
    usher__unlock(&s->lock);
}

struct job *usher__store_finished(struct store *s)
{
    struct job *job;

    usher__lock(&s->lock);
    job = pop(&s->done, &s->done_end);
    usher__unlock(&s->lock);
    return job;
}

/* Those that were begun hold what only the thread may let go of: it ends them after their slice. */
void usher__store_cancel_jobs(struct store *s)
{
    struct job *all, *next;

    usher__lock(&s->lock);
    s->cancel = true;
    all = s->jobs;
    s->jobs = NULL;
    s->jobs_end = &s->jobs;
    for (; all != NULL; all = next) {
        next = all->next;
        if (all->begun)
            append(&s->jobs_end, all);
        else
            usher__writer_finish(s, all, USHER_ECANCELED);
    }
    usher__backup_hurry(s);
    usher__signal(&s->work);
    usher__unlock(&s->lock);
}

/* ---- the thread's side: called with the lock, which they let go while they work -------------- */

/* There is news. */
static void tell(struct store *s)
{
    s->untold = true;
    usher__signal(&s->told);
    usher__unlock(&s->lock);
    s->o.wake(s->o.ctx);
    usher__lock(&s->lock);
}

static bool work_on_batch(struct store *s)
{
    const struct batch *b = s->batch;
    bool failed = s->news.failed != 0;

    if (b == NULL || (s->retry_ns > usher__save_ns() && !s->stop && !failed))
        return false;
    if (failed) {
        s->batch = NULL;
        s->news.busy = false;
        tell(s);
        return true;
    }
    usher__unlock(&s->lock);
    usher__save_batch(s, b);
    usher__lock(&s->lock);
    return true;
}

static bool write_back(struct store *s, uint64_t bytes)
{
    int err;

    if (s->news.failed != 0 || !usher__save_wal_is(s, bytes))
        return false;
    usher__unlock(&s->lock);
    err = usher__save_checkpoint(s, SQLITE_CHECKPOINT_PASSIVE);
    if (err == USHER_ESTORE)
        usher__files_use_reserve(s);
    usher__lock(&s->lock);
    if (err == USHER_ESTORE || err == USHER_EFAILED) {
        s->news.full = s->news.full || err == USHER_ESTORE;
        s->reserve_ns = usher__save_ns() + INT64_C(1000000) * STORE_RESERVE_MS;
        tell(s);
    }
    return true;
}

/* The batch before it is still to be saved. Who only reads does not wait until there is space; but what is
 * erased before its ticket has been opened again in the file is lost. */
static bool must_wait(const struct store *s, const struct job *job)
{
    bool wants_space = s->news.refused && s->news.full;

    return s->batch != NULL && s->batch->number == job->behind &&
           (!wants_space || job->kind == JOB_PURGE);
}

/* The first that need not wait. */
static struct job *next_job(struct store *s)
{
    struct job **link = &s->jobs, *job;

    while (*link != NULL && must_wait(s, *link))
        link = &(*link)->next;
    job = *link;
    if (job != NULL) {
        *link = job->next;
        if (s->jobs_end == &job->next)
            s->jobs_end = link;
        job->next = NULL;
    }
    return job;
}

static struct job *take_job(struct store *s, bool *sealed)
{
    struct job *job = s->sealed;

    *sealed = job != NULL;
    if (job != NULL) {
        s->sealed = job->next;
        return job;
    }
    job = next_job(s);
    if (job != NULL)
        s->out++;
    else if (s->retaining && !must_wait(s, &s->retention))
        job = &s->retention;
    return job;
}

/* 0, an error, or JOB_AGAIN, JOB_ELSEWHERE. */
static int slice(struct store *s, struct job *job, int refuse)
{
    int status;

    if (refuse == 0) {
        job->begun = true;
        status = usher__job_slice(s, job);
    } else {
        status = usher__store_say(s, refuse, "%s", usher__err_text(refuse));
    }
    if (status < 0)
        memcpy(job->why, s->why, sizeof job->why);
    if (status <= 0)
        usher__job_drop(s, job);
    return status;
}

static bool work_on_job(struct store *s)
{
    bool sealed; /* what is to be done to it is done, whatever has happened since */
    struct job *job = take_job(s, &sealed);
    int status = s->news.failed != 0 ? USHER_EFAILED : s->cancel ? USHER_ECANCELED : 0;

    if (job == NULL)
        return false;
    usher__unlock(&s->lock);
    status = slice(s, job, sealed ? 0 : status);
    usher__lock(&s->lock);
    if (job == &s->retention) {
        s->retaining = status == JOB_AGAIN;
        if (status == USHER_EFAILED)
            tell(s);
        return true;
    }
    if (status == JOB_ELSEWHERE)
        return true;
    s->out--;
    if (status == JOB_AGAIN) {
        append(&s->jobs_end, job);
        return true;
    }
    usher__writer_finish(s, job, status);
    tell(s);
    return true;
}

/* Once there is room for the reserve again, there is room. Not while a batch wants that room
 * itself. */
static bool restock(struct store *s)
{
    int64_t now = usher__save_ns();
    bool room;

    if (!s->news.full || s->news.failed != 0 || s->batch != NULL || now < s->reserve_ns || s->stop)
        return false;
    s->reserve_ns = now + INT64_C(1000000) * STORE_RESERVE_MS;
    usher__unlock(&s->lock);
    room = usher__files_reserve(s);
    usher__lock(&s->lock);
    if (room) {
        s->news.full = false;
        tell(s);
    }
    return true;
}

/* Until something is handed over or the time has come. True: it has. */
static bool wait_until(struct store *s, int64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

    return usher__wait(&s->work, &s->lock, ns == INT64_MAX ? NULL : &t) == ETIMEDOUT;
}

static void idle(struct store *s)
{
    int64_t until = INT64_MAX;
    bool write = s->news.failed == 0 && !s->news.full && usher__save_wal_is(s, WAL_SOON);

    if (s->batch != NULL)
        until = s->retry_ns;
    else if (s->news.full && s->news.failed == 0)
        until = s->reserve_ns;
    if (write && s->batch == NULL) {
        int64_t moment = usher__save_ns() + INT64_C(1000) * MOMENT_US;

        until = moment < until ? moment : until;
    }
    if (wait_until(s, until) && write && s->batch == NULL)
        (void)write_back(s, WAL_SOON);
}

static void *run(void *ctx)
{
    struct store *s = ctx;

    usher__lock(&s->lock);
    for (;;) {
        bool worked = work_on_batch(s);

        worked = write_back(s, WAL_MUST) || worked;
        worked = work_on_job(s) || worked;
        worked = restock(s) || worked;
        if (worked)
            continue;
        if (s->stop && s->batch == NULL && s->out == 0)
            break;
        idle(s);
    }
    usher__unlock(&s->lock);
    return NULL;
}

/* ---- its life -------------------------------------------------------------------------------- */

/* Signals are the host's: they come to its threads. */
int usher__writer_start(struct store *s)
{
    sigset_t all, was;
    int r;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &was);
    s->started = true;
    r = pthread_create(&s->thread, NULL, run, s);
    (void)pthread_sigmask(SIG_SETMASK, &was, NULL);
    s->started = r == 0;
    if (r != 0)
        return usher__store_say(s, r == EAGAIN || r == ENOMEM ? USHER_ENOMEM : USHER_ESTORE,
                                "no thread can be started");
    return 0;
}

void usher__writer_stop(struct store *s)
{
    if (!s->started)
        return;
    usher__store_cancel_jobs(s);
    usher__lock(&s->lock);
    s->stop = true;
    usher__signal(&s->work);
    usher__unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    s->started = false;
}
