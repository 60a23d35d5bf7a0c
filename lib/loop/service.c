/* Opening, closing and driving a service. See service.h. */
#include "loop/service.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "local/upkeep.h"
#include "loop/arguments.h"
#include "loop/zones.h"
#include "store/handover.h"

enum {
    TIMERS_MAX = 4096, /* fired before the loop is let on */
    HURRY_EVERY = 32,
    CALLS_MAX = 1024, /* callbacks likewise, and posts */
    PENDING_DEFAULT = 65536,
    OP_WINDOW_DEFAULT = 65536,
    KEEP_CLOSED_DEFAULT = 65536
};
#define OP_WINDOW_MS_DEFAULT INT64_C(3600000)
#define HISTORY_DEFAULT      (UINT64_C(64) << 20)

/* ---- memory ---------------------------------------------------------------------------------- */

/* usher_post() allocates on other threads. So that the host's allocator need not be thread-safe, it
 * is called by one thread at a time. */
static void *resize(void *ctx, void *p, size_t n)
{
    usher_t *u = ctx;
    void *moved;

    if (u->allocator.resize == NULL)
        return usher__memory_libc.resize(NULL, p, n);
    uv_mutex_lock(&u->lock);
    moved = u->allocator.resize(u->allocator.ctx, p, n);
    uv_mutex_unlock(&u->lock);
    return moved;
}

/* The engine carries its memory, and the memory its service. */
usher_t *usher__service_of(struct engine *e)
{
    return usher__engine_log(e)->memory->ctx;
}

/* ---- other threads: their posts ------------------------------------------------------------------ */

static void lock_posts(usher_t *u)
{
    usher__yield();
    uv_mutex_lock(&u->lock);
    usher__yield();
}

static void unlock_posts(usher_t *u)
{
    usher__yield();
    uv_mutex_unlock(&u->lock);
    usher__yield();
}

/* ---- small things ---------------------------------------------------------------------------- */

void usher__trace_line(usher_t *u, const char *format, ...)
{
    char line[256];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    u->options.trace(u, line, u->options.user);
}

bool usher__service_is_mine(const usher_t *u)
{
    uv_thread_t self = uv_thread_self();

    return uv_thread_equal(&self, &u->owner) != 0;
}

/* 0; EINVAL, EFORK, ETHREAD. */
static int whose(const usher_t *u)
{
    if (u == NULL)
        return USHER_EINVAL;
    if (!usher__process_is_mine(&u->process))
        return USHER_EFORK;
    return usher__service_is_mine(u) ? USHER_OK : USHER_ETHREAD;
}

int usher__service_enter(const usher_t *u)
{
    int r = whose(u);

    if (r != 0)
        return r;
    if (u->keeping.failed != 0)
        return USHER_EFAILED;
    return u->closing ? USHER_ECANCELED : USHER_OK;
}

/* ---- time ------------------------------------------------------------------------------------ */

/* 0: all has fired; 1: more is due; ENOMEM. */
static int tick(usher_t *u, uint32_t rounds)
{
    int r = 1;

    u->read = usher__clock_read(&u->clock);
    usher__engine_clock(u->engine, u->read.wall, u->read.boot);
    u->short_of_memory = false;
    if (u->keeping.readonly || u->keeping.failed != 0) {
        usher__engine_look(u->engine);
        return 0;
    }
    while (r == 1 && rounds-- > 0) {
        r = usher__engine_catch_up(u->engine, TIMERS_MAX);
        usher__complete_served(u);
    }
    u->short_of_memory = r == USHER_ENOMEM;
    return r;
}

int usher__service_tick(usher_t *u)
{
    return tick(u, UINT32_MAX);
}

int64_t usher__service_idle_for(const usher_t *u)
{
    if (u->keeping.readonly || u->keeping.failed != 0)
        return INT64_MAX;
    return usher__engine_idle_for(u->engine);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void on_idle(uv_idle_t *idle)
{
    usher__service_work(idle->data);
}

static void on_async(uv_async_t *async)
{
    usher__service_work(async->data);
}

static bool set_idling(usher_t *u, bool idling)
{
    if (u->idling == idling)
        return false;
    u->idling = idling;
    if (idling)
        (void)uv_idle_start(&u->idle, on_idle);
    else
        (void)uv_idle_stop(&u->idle);
    return true;
}

/* Inside a callback there is nothing to do: who runs it does it afterwards. */
void usher__service_leave(usher_t *u)
{
    bool changed;

    usher__complete_served(u);
    usher__events_pass(u);
    if (u->depth > 0)
        return;
    changed = u->closing || usher__completions_left(u) || usher__keep_wants_cut(u)
                  ? set_idling(u, true)
                  : usher__timer_arm(u);
    if (changed && u->loop == &u->own && !u->turning && !u->woken)
        u->woken = uv_async_send(&u->async) == 0;
}

/* Posts left: read under the lock, for others write it. */
static bool posts_left(usher_t *u)
{
    bool left;

    lock_posts(u);
    left = u->posts != NULL;
    unlock_posts(u);
    return left;
}

static bool run_post(usher_t *u)
{
    struct post *post;
    struct post it;

    lock_posts(u);
    post = u->posts;
    if (post != NULL)
        u->posts = post->next;
    unlock_posts(u);
    if (post == NULL)
        return false;
    it = *post;
    usher__free(&u->memory, post);
    u->ran++;
    u->depth++;
    it.fn(u, it.user);
    u->depth--;
    return true;
}

void usher__service_drain(usher_t *u)
{
    usher__keep_collect(u);
    while (usher__completions_step(u) || run_post(u) || usher__keep_wait(u))
        continue;
}

static void release(usher_t *u)
{
    struct memory m = usher__memory_libc;

    usher__keep_close(u);
    usher__following_free(u);
    usher__completions_free(u);
    usher__engine_free(u->engine);
    usher__free(&u->memory, u->zoneinfo);
    usher__process_free(&u->process);
    uv_mutex_destroy(&u->lock);
    if (u->allocator.resize != NULL)
        m = (struct memory){u->allocator.resize, u->allocator.ctx};
    usher__free(&m, u);
}

/* The last thing that happens to a service, and outside of it. */
static void end(usher_t *u)
{
    usher_close_cb cb = u->close_cb;
    void *user = u->close_user;

    release(u);
    if (cb != NULL)
        cb(user);
}

/* A loop of our own cannot be freed from inside: then usher_turn() sees to the end. */
static void on_handle_closed(uv_handle_t *handle)
{
    usher_t *u = handle->data;

    if (--u->handles == 0 && u->loop != &u->own)
        end(u);
}

/* The store's thread ends first: it wakes the loop. */
static void close_handles(usher_t *u)
{
    u->leaving = true;
    usher__keep_close(u);
    uv_close((uv_handle_t *)&u->idle, on_handle_closed);
    uv_close((uv_handle_t *)&u->async, on_handle_closed);
    usher__timer_close(u, on_handle_closed);
}

/* While the store is at work the loop has to go on, whatever usher_unref() said. */
static void hold_loop(usher_t *u, bool held)
{
    if (u->held == held)
        return;
    u->held = held;
    if (held)
        uv_ref((uv_handle_t *)&u->async);
    else if (u->unrefd)
        uv_unref((uv_handle_t *)&u->async);
}

void usher__service_work(usher_t *u)
{
    uint32_t calls = CALLS_MAX, posts = CALLS_MAX;

    if (u->depth > 0 || u->leaving) /* the one: a callback runs the loop that it was called by */
        return;
    usher__clock_doubt(&u->clock);
    if (!u->closing)
        (void)tick(u, 1);
    usher__keep_collect(u);
    while (calls > 0 && usher__completions_step(u)) {
        if (--calls % HURRY_EVERY == 0)
            usher__keep_hurry(u);
    }
    while (posts > 0 && run_post(u))
        posts--;
    usher__events_pass(u);
    usher__keep_cut(u);
    hold_loop(u, usher__keep_outstanding(u));
    if (usher__completions_left(u) || posts_left(u) || usher__keep_wants_cut(u)) {
        (void)set_idling(u, true);
    } else if (u->closing && !usher__keep_outstanding(u)) {
        close_handles(u);
    } else {
        (void)set_idling(u, false);
        (void)usher__timer_arm(u);
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

static void fill_defaults(usher_options *o)
{
    if (o->max_pending == 0)
        o->max_pending = PENDING_DEFAULT;
    if (o->op_window_ms == 0)
        o->op_window_ms = OP_WINDOW_MS_DEFAULT;
    if (o->op_window_n == 0)
        o->op_window_n = OP_WINDOW_DEFAULT;
    if (o->keep_closed == 0)
        o->keep_closed = KEEP_CLOSED_DEFAULT;
    if (o->history_bytes == 0)
        o->history_bytes = HISTORY_DEFAULT;
}

/* Spreads a seed over a key (splitmix64, Steele and others, 2014). */
static void make_key(uint64_t seed, uint8_t key[16])
{
    for (size_t i = 0; i < 2; i++) {
        uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;
        memcpy(key + 8 * i, &z, sizeof z);
    }
}

static int load_zone(void *ctx, const char *name, void *bytes, size_t *len)
{
    const usher_t *u = ctx;

    return usher__zone_load(u->options.zoneinfo, name, bytes, len);
}

static int open_engine(usher_t *u, const char *store)
{
    struct engine_options o = {.memory = u->memory,
                               .zone = load_zone,
                               .zone_ctx = u,
                               .op_window_ms = u->options.op_window_ms,
                               .op_window_n = u->options.op_window_n,
                               .keep_closed = u->options.keep_closed,
                               .history_bytes = u->options.history_bytes};
    const char *zoneinfo = u->options.zoneinfo;
    int r = 0;

    if (zoneinfo != NULL) {
        u->zoneinfo = usher__alloc(&u->memory, strlen(zoneinfo) + 1);
        if (u->zoneinfo == NULL)
            return USHER_ENOMEM;
        u->options.zoneinfo = strcpy(u->zoneinfo, zoneinfo);
    }
    if (u->options.seed != 0)
        make_key(u->options.seed, o.key);
    else
        r = uv_random(NULL, NULL, o.key, sizeof o.key, 0, NULL);
    if (r == 0)
        r = usher__engine_new(&u->engine, &o);
    if (r == 0) {
        u->read = usher__clock_read(&u->clock);
        r = usher__keep_open(u, store);
    }
    if (r == 0) {
        usher__engine_clock(u->engine, u->read.wall, u->read.boot);
        u->telling.place = usher__engine_log(u->engine)->end;
        u->telling.seq = usher__engine_log(u->engine)->seq;
        usher__events_pass(u);
        r = usher__completions_reserve(u, 1);
    }
    return r;
}

/* The async handle comes first: it is the only one that can be refused, and then nothing of ours is
 * in the loop. */
static int open_handles(usher_t *u, uv_loop_t *loop)
{
    int r;

    u->loop = loop;
    if (loop == NULL) {
        u->loop = &u->own;
        r = uv_loop_init(&u->own);
        if (r != 0)
            return r;
    }
    r = uv_async_init(u->loop, &u->async, on_async);
    if (r != 0) {
        if (loop == NULL)
            (void)uv_loop_close(&u->own);
        return r;
    }
    (void)uv_idle_init(u->loop, &u->idle);
    u->async.data = u->idle.data = u;
    u->handles = 2;
    usher__timer_open(u);
    /* Once round, so that the fd of our own loop can be waited for before the first turn. */
    if (loop == NULL)
        (void)uv_run(&u->own, UV_RUN_NOWAIT);
    return 0;
}

/* u->lock, memory and options are set. */
static int open_rest(usher_t *u, uv_loop_t *loop, const char *store)
{
    int r = open_engine(u, store);

    if (r == 0)
        r = open_handles(u, loop);
    return r == UV_ENOMEM ? USHER_ENOMEM : r;
}

static int new_service(usher_t **out, const usher_options *o)
{
    struct memory m = usher__memory_libc;
    usher_t *u;

    if (o->allocator != NULL)
        m = (struct memory){o->allocator->resize, o->allocator->ctx};
    u = usher__zalloc(&m, sizeof *u);
    if (u == NULL)
        return USHER_ENOMEM;
    if (uv_mutex_init(&u->lock) != 0) {
        usher__free(&m, u);
        return USHER_ENOMEM;
    }
    if (o->allocator != NULL)
        u->allocator = *o->allocator;
    u->memory = (struct memory){resize, u};
    u->options = *o;
    u->options.allocator = NULL; /* copied: what they point to may be gone */
    u->options.clock = NULL;
    fill_defaults(&u->options);
    usher__clock_init(&u->clock, o->clock);
    u->owner = uv_thread_self();
    usher__process_init(&u->process);
    *out = u;
    return 0;
}

int usher_open(usher_t **out, struct uv_loop_s *loop, const char *store, const usher_options *o,
               usher_open_cb cb, void *user)
{
    usher_options known = {0};
    usher_t *u;
    int r;

    if (out == NULL)
        return USHER_EINVAL;
    *out = NULL;
    if (store == NULL)
        return USHER_EINVAL;
    r = usher__arg_options(o, &known);
    if (r != 0)
        return r;
    if (known.err != NULL && known.err_len > 0)
        known.err[0] = '\0';
    r = new_service(&u, &known);
    if (r != 0)
        return r;
    r = open_rest(u, loop, store);
    if (r != 0) {
        if (known.err != NULL && known.err_len > 0 && known.err[0] == '\0')
            snprintf(known.err, (size_t)known.err_len, "%s: %s", store, usher_strerror(r));
        release(u);
        return r;
    }
    u->options.err = NULL; /* its room is the caller's, for this call */
    if (cb != NULL)
        usher__complete_open(u, cb, user);
    usher__trace(u, "open %s", store);
    usher__service_leave(u);
    *out = u;
    return USHER_OK;
}

/* ---- closing --------------------------------------------------------------------------------- */

int usher_close(usher_t *u, usher_close_cb cb, void *user)
{
    int r;

    if (u == NULL)
        return cb == NULL ? USHER_OK : USHER_EINVAL;
    r = usher__service_enter(u);
    if (r == USHER_EFAILED)
        r = u->closing ? USHER_ECANCELED : USHER_OK;
    if (r != 0)
        return r;
    usher__trace(u, "close");
    u->closing = true;
    u->close_cb = cb;
    u->close_user = user;
    lock_posts(u);
    u->no_posts = true;
    unlock_posts(u);
    usher__engine_cancel_all(u->engine);
    usher__complete_served(u);
    usher__keep_cancel(u);
    usher__service_leave(u);
    return USHER_OK;
}

/* ---- driving --------------------------------------------------------------------------------- */

int usher_post(usher_t *u, usher_post_cb fn, void *user)
{
    struct post *post;
    bool taken, mine;

    if (u == NULL || fn == NULL)
        return USHER_EINVAL;
    if (!usher__process_is_mine(&u->process))
        return USHER_EFORK;
    mine = usher__service_is_mine(u);
    post = usher__alloc(&u->memory, sizeof *post);
    if (post == NULL)
        return USHER_ENOMEM;
    *post = (struct post){.fn = fn, .user = user};
    lock_posts(u);
    taken = !u->no_posts;
    if (taken && u->posts == NULL)
        u->posts = post;
    else if (taken)
        u->posts_last->next = post;
    if (taken) {
        u->posts_last = post;
        /* Under the lock, and the last that others do here: what is posted may be a close. */
        (void)uv_async_send(&u->async);
    }
    unlock_posts(u);
    if (!taken) {
        usher__free(&u->memory, post);
        return USHER_ECANCELED;
    }
    if (mine && u->depth == 0) /* after unref nothing else keeps the loop going */
        (void)set_idling(u, true);
    return USHER_OK;
}

int usher_fd(const usher_t *u)
{
    int r = whose(u);

    if (r != 0)
        return r;
    return u->loop == &u->own ? uv_backend_fd(u->loop) : USHER_EINVAL;
}

int usher_timeout(const usher_t *u)
{
    int r = whose(u);

    if (r != 0)
        return r;
    if (u->loop != &u->own)
        return -1;
    uv_update_time(u->loop);
    return uv_backend_timeout(u->loop);
}

int usher_turn(usher_t *u)
{
    uint64_t before;
    int r = whose(u);

    if (r != 0)
        return r;
    if (u->loop != &u->own)
        return USHER_EINVAL;
    if (u->depth > 0 || u->turning)
        return USHER_ESTATE;
    before = u->ran;
    u->turning = true;
    u->woken = false;
    usher__service_work(u); /* a manual clock may have moved: no handle tells */
    (void)uv_run(&u->own, UV_RUN_NOWAIT);
    u->turning = false;
    before = u->ran - before;
    if (u->handles == 0) {
        before += u->close_cb != NULL;
        (void)uv_loop_close(&u->own);
        end(u);
    }
    return before > INT_MAX ? INT_MAX : (int)before;
}

void usher_unref(usher_t *u)
{
    /* Our own loop must stay alive to be turned: whether it is, is nobody's business. */
    if (whose(u) != 0 || u->loop == &u->own)
        return;
    u->unrefd = true;
    if (!u->held)
        uv_unref((uv_handle_t *)&u->async);
}

int64_t usher_now(usher_t *u)
{
    int r = whose(u);

    if (r != 0)
        return r;
    u->read = usher__clock_read(&u->clock);
    usher__engine_clock(u->engine, u->read.wall, u->read.boot);
    return usher__engine_now(u->engine);
}

/* ---- for tests ------------------------------------------------------------------------------- */

int64_t usher__service_next_due(usher_t *u)
{
    return usher__engine_next_due(u->engine);
}

uint64_t usher__service_token(usher_t *u, usher_id id)
{
    return usher__engine_token(u->engine, id);
}

const char *usher__service_check(usher_t *u)
{
    const struct completions *c = &u->completions;

    if (c->room < (uint64_t)c->n + usher__engine_parked(u->engine) + u->keeping.errands_n)
        return "a parked claim has no place reserved";
    if (u->telling.seq > usher__engine_log(u->engine)->seq)
        return "more was told than happened";
    if (u->depth == 0 && c->lent != NULL)
        return "rows are lent to nobody";
    return usher__engine_check(u->engine);
}
