/* Cutting, collecting, failing. See keep.h. */
#include "loop/keep.h"

#include <stdio.h>
#include <string.h>

#include "local/changes.h"
#include "local/figures.h"
#include "local/upkeep.h"
#include "loop/service.h"
#include "store/handover.h"
#include "store/store.h"

enum { RETAIN_EVERY_MS = 60 * 1000 };

/* ---- opening --------------------------------------------------------------------------------- */

static int wrong(const usher_t *u, int err, const char *what)
{
    if (u->options.err != NULL && u->options.err_len > 0)
        snprintf(u->options.err, (size_t)u->options.err_len, "%s", what);
    return err;
}

/* What follows the path's "?": KEY=VALUE&... The text is taken apart in place. */
static int read_keys(usher_t *u, char *keys, struct store_options *o)
{
    while (keys != NULL && *keys != '\0') {
        char *next = strchr(keys, '&');
        char *value = strchr(keys, '=');

        if (next != NULL)
            *next++ = '\0';
        if (value == NULL || value[1] == '\0')
            return wrong(u, USHER_EINVAL, "store: what follows the \"?\" is KEY=VALUE&...");
        *value++ = '\0';
        if (strcmp(keys, "vfs") == 0)
            o->vfs = value;
        else if (value[1] != '\0' || (value[0] != '0' && value[0] != '1'))
            return wrong(u, USHER_EINVAL, "store: a value after the \"?\" is neither 0 nor 1");
        else if (strcmp(keys, "readers") == 0)
            o->readers = value[0] == '1';
        else if (strcmp(keys, "readonly") == 0)
            o->readonly = value[0] == '1';
        else if (strcmp(keys, "quick") == 0)
            o->quick = value[0] == '1';
        else
            return wrong(
                u, USHER_EINVAL,
                "store: unknown key after the \"?\": there are readers, readonly, quick, vfs");
        keys = next;
    }
    return 0;
}

static int take(void *ctx, const struct row *row, const char **why)
{
    usher_t *u = ctx;

    return usher__engine_take(u->engine, row, why);
}

static uint64_t counted(void *ctx)
{
    usher_t *u = ctx;

    return usher__engine_counted(u->engine);
}

static void progress(void *ctx, uint64_t rows, uint64_t of)
{
    usher_t *u = ctx;

    if (u->options.progress != NULL)
        u->options.progress(rows, of, u->options.user);
}

static void wake(void *ctx)
{
    usher_t *u = ctx;

    usher__yield();
    (void)uv_async_send(&u->async);
    usher__yield();
}

static int open_store(usher_t *u, struct store_options *o)
{
    struct keeping *k = &u->keeping;
    struct store_reader reader = {.take = take, .counted = counted, .progress = progress, .ctx = u};
    const char *why = NULL;
    int r;

    usher__engine_keep(u->engine);
    r = usher__store_open(&k->store, o, &reader);
    if (r != 0)
        return r;
    r = usher__engine_taken(u->engine, u->read.wall, u->read.boot, &why);
    k->saved_seq = k->cut_seq = usher__engine_log(u->engine)->seq;
    if (r == 0 && !o->readonly)
        r = usher__engine_compare_zones(u->engine);
    if (r == 0 && !o->readonly)
        r = usher__store_start(k->store);
    if (r != 0) {
        if (why != NULL)
            (void)wrong(u, r, why);
        usher__store_close(k->store);
        k->store = NULL;
        return r;
    }
    k->level = o->level;
    k->readonly = o->readonly;
    return 0;
}

int usher__keep_open(usher_t *u, const char *uri)
{
    struct store_options o = {.level = u->options.durability,
                              .keep_closed = u->options.keep_closed,
                              .retain_ms = u->options.retain_ms,
                              .memory = u->memory,
                              .wake = wake,
                              .ctx = u,
                              .err = u->options.err,
                              .err_len = (size_t)u->options.err_len};
    char path[USHER_PATH_MAX + 256];
    char *keys;
    int r;

    usher__batch_init(&u->keeping.batch, &u->memory);
    if (strcmp(uri, "memory:") == 0) {
        u->keeping.level = USHER_NONE;
        return o.level > USHER_NONE ? wrong(u, USHER_EINVAL, "memory: has no level but NONE") : 0;
    }
    if (strncmp(uri, "sqlite:", 7) != 0)
        return wrong(u, USHER_EINVAL, "store: expected \"memory:\" or \"sqlite:PATH\"");
    if (strlen(uri + 7) >= sizeof path)
        return wrong(u, USHER_ELIMIT, "store: the path is too long");
    strcpy(path, uri + 7);
    keys = strrchr(path, '?');
    if (keys != NULL)
        *keys++ = '\0';
    r = read_keys(u, keys, &o);
    if (r != 0)
        return r;
    if (strlen(path) > USHER_PATH_MAX)
        return wrong(u, USHER_ELIMIT, "store: the path is too long");
    if (path[0] == '\0')
        return wrong(u, USHER_EINVAL, "store: sqlite: needs a path");
    if (o.level == USHER_NONE)
        return wrong(u, USHER_EINVAL, "sqlite: has the levels PROCESS and DISK");
    if (o.level == 0)
        o.level = USHER_DISK;
    o.path = path;
    return open_store(u, &o);
}

void usher__keep_close(usher_t *u)
{
    if (u->keeping.store != NULL)
        usher__store_close(u->keeping.store);
    u->keeping.store = NULL;
    usher__batch_free(&u->keeping.batch);
}

/* ---- what may be told ---------------------------------------------------------------------------- */

uint64_t usher__keep_need(const usher_t *u)
{
    if (u->keeping.store == NULL || u->keeping.readonly)
        return 0;
    return u->keeping.cut + usher__engine_changed(u->engine);
}

bool usher__keep_reached(const usher_t *u, uint64_t need)
{
    return need <= u->keeping.saved;
}

uint64_t usher__keep_seq(const usher_t *u)
{
    return u->keeping.store == NULL ? UINT64_MAX : u->keeping.saved_seq;
}

/* ---- back-pressure ------------------------------------------------------------------------------- */

int usher__keep_room(usher_t *u, bool enqueue)
{
    struct keeping *k = &u->keeping;
    uint64_t backlog, max = USHER_UNSAVED_MAX;

    if (k->store == NULL)
        return 0;
    if (k->readonly)
        return USHER_ESTATE;
    backlog = usher__engine_backlog(u->engine);
    if (enqueue)
        max = max / 4 * 3;
    if (backlog <= max && !(enqueue && k->full))
        return 0;
    k->refused = true;
    return USHER_EFULL;
}

static void tell_room(usher_t *u)
{
    struct keeping *k = &u->keeping;

    if (!k->refused || k->full || usher__engine_backlog(u->engine) > USHER_UNSAVED_MAX / 2)
        return;
    if (usher__engine_reserve_event(u->engine) != 0)
        return;
    usher__engine_room(u->engine);
    k->refused = false;
}

/* ---- the store's news ---------------------------------------------------------------------------- */

static void fail(usher_t *u, const char *why)
{
    struct keeping *k = &u->keeping;

    if (k->failed != 0)
        return;
    k->failed = USHER_EFAILED;
    snprintf(k->why, sizeof k->why, "%s", why);
    usher__trace(u, "the store has failed: %s", k->why);
    while (k->waiting != NULL)
        usher__errand_fail(u, USHER_EFAILED);
    if (u->options.on_failed != NULL && !u->closing)
        usher__complete_failed(u);
}

void usher__keep_collect(usher_t *u)
{
    struct keeping *k = &u->keeping;
    struct store_news news;
    struct job *job;
    bool was_busy = k->busy;

    if (k->store == NULL)
        return;
    if (!k->readonly) {
        usher__store_news(k->store, &news);
        k->full = news.full;
        k->busy = news.busy;
        k->saved = news.saved;
        k->commit_ns = news.commit_ns;
        if (news.saved == k->cut)
            k->saved_seq = k->cut_seq;
        k->stuck = news.busy && news.refused;
        if (news.failed != 0)
            fail(u, news.why);
        else if (k->stuck &&
                 u->closing) /* the store tries once more; nobody waits for what comes of it */
            fail(u, "closed before it could be saved");
        if (was_busy && !k->busy) {
            usher__batch_clear(&k->batch);
            k->idle_at_ns = uv_hrtime();
        }
        tell_room(u);
    }
    while ((job = usher__store_finished(k->store)) != NULL)
        usher__errand_done(u, job->user);
}

void usher__keep_hurry(usher_t *u)
{
    struct keeping *k = &u->keeping;

    if (k->store == NULL)
        return;
    if (k->busy)
        usher__keep_collect(u);
    if (!k->busy && uv_hrtime() - k->idle_at_ns >= k->commit_ns)
        usher__keep_cut(u);
}

/* Old closed tickets leave memory as they leave the file. */
static void retain(usher_t *u, int64_t now)
{
    struct row_filter f = {.closed_before_at = now - u->options.retain_ms};

    u->keeping.retained_at = now;
    (void)usher__engine_purge(u->engine, &f);
}

static bool cut(usher_t *u)
{
    struct keeping *k = &u->keeping;
    int64_t now = usher__engine_now(u->engine);
    bool retains = u->options.retain_ms != 0 && now - k->retained_at >= RETAIN_EVERY_MS;

    if (!usher__engine_changed(u->engine))
        return true;
    if (retains || k->purging) /* what is erased has been counted */
        usher__figures_want(u->engine);
    if (usher__engine_cut(u->engine, &k->batch) != 0) {
        u->short_of_memory = true;
        if (u->closing)
            fail(u, "out of memory");
        return false;
    }
    k->batch.number = ++k->cut;
    k->cut_seq = k->batch.seq;
    k->busy = true;
    usher__store_submit(k->store, &k->batch, retains ? now : 0);
    if (retains)
        retain(u, now);
    return true;
}

void usher__keep_cut(usher_t *u)
{
    struct keeping *k = &u->keeping;

    if (k->store == NULL || k->busy || k->failed != 0)
        return;
    if (!k->readonly && !cut(u))
        return;
    usher__errand_ask_all(u);
}

bool usher__keep_wants_cut(const usher_t *u)
{
    const struct keeping *k = &u->keeping;

    if (k->store == NULL || k->busy || k->failed != 0 || u->short_of_memory)
        return false;
    return usher__errand_may_go(u) || (!k->readonly && usher__engine_changed(u->engine));
}

bool usher__keep_outstanding(const usher_t *u)
{
    const struct keeping *k = &u->keeping;

    if (k->store == NULL)
        return false;
    if (k->failed != 0 || k->readonly)
        return k->errands_n > 0;
    return k->busy || k->errands_n > 0 || usher__engine_changed(u->engine);
}

bool usher__keep_wait(usher_t *u)
{
    if (!usher__keep_outstanding(u))
        return false;
    usher__keep_cut(u);
    if (u->short_of_memory)
        return false;
    usher__store_wait(u->keeping.store);
    usher__keep_collect(u);
    return !u->keeping.stuck;
}

void usher__keep_cancel(usher_t *u)
{
    struct keeping *k = &u->keeping;

    if (k->store == NULL)
        return;
    usher__figures_want(u->engine);
    while (k->waiting != NULL)
        usher__errand_fail(u, USHER_ECANCELED);
    usher__store_cancel_jobs(k->store);
    usher__keep_collect(u);
}
