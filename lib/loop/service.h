/* A service from inside: the engine, the loop that drives it, and what is between the two.
 *
 * Every public call goes the same way: enter (is this the thread, is it open), arguments, tick
 * (what is due happens first, so that a late timer changes nothing), reserve, the engine, push the
 * completion, leave (arm the timer, wake the loop). What the loop does is one function, work(),
 * whichever handle called it. */
#ifndef USHER_LOOP_SERVICE_H
#define USHER_LOOP_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include <usher/usher.h>

#include "local/engine.h"
#include "local/memory.h"
#include "loop/clock.h"
#include "loop/completion.h"
#include "loop/follow.h"
#include "loop/keep.h"
#include "loop/process.h"

struct post {
    struct post *next;
    usher_post_cb fn;
    void *user;
};

struct usher_s {
    struct engine *engine;
    struct memory memory;      /* of all that the service allocates; ctx is the service itself */
    usher_options options;     /* zeros replaced by their defaults */
    usher_allocator allocator; /* resize NULL: the C library's */
    struct clock clock;
    char *zoneinfo;  /* options.zoneinfo is this copy */
    struct now read; /* the latest reading; a wall that was set back is behind the engine's now */
    uv_thread_t owner;

    struct process process; /* that opened it */

    struct keeping keeping;
    struct completions completions;
    struct telling telling;
    struct following following;
    uint64_t ran;         /* callbacks, ever */
    uint32_t depth;       /* callbacks on the stack */
    bool closing;         /* usher_close() was called */
    bool leaving;         /* nothing is outstanding any more, the handles are being closed */
    bool short_of_memory; /* the last tick was not finished for want of it */

    uv_loop_t *loop; /* the host's, or &own */
    uv_loop_t own;
    uv_idle_t idle;   /* runs while something is outstanding: the loop neither sleeps nor ends */
    uv_async_t async; /* posts, and waking our own loop; keeps the loop alive until usher_unref() */
    uv_timer_t timer;
    uv_poll_t notice;   /* says that the machine's clock was set; see timer.c */
    int notice_fd;      /* -1: there is none */
    int64_t armed_boot; /* when the timer fires; INT64_MAX: it does not run */
    uint32_t handles;   /* not closed yet */
    bool idling, turning, woken;
    bool held;   /* the async handle keeps the loop alive, because something is outstanding */
    bool unrefd; /* ... but for that it does not */
    usher_close_cb close_cb;
    void *close_user;

    uv_mutex_t lock; /* of what follows, and of the host's allocator */
    struct post *posts, *posts_last;
    bool no_posts; /* it is closing */
};

usher_t *usher__service_of(struct engine *e);

/* 0; EINVAL: u is NULL; EFORK; ETHREAD; ECANCELED: it is closing; EFAILED: its store has failed. */
int usher__service_enter(const usher_t *u);
bool usher__service_is_mine(const usher_t *u); /* called on its thread */

/* Reads the clocks and fires all that is due. ENOMEM: not all. */
int usher__service_tick(usher_t *u);
/* ms until something falls due; INT64_MAX: nothing, or nothing that may happen here. */
int64_t usher__service_idle_for(const usher_t *u);
/* What a call does last. */
void usher__service_leave(usher_t *u);
/* Runs callbacks until there are none left. */
void usher__service_drain(usher_t *u);
/* What the loop does: tick, callbacks up to a bound, and either come back at once or sleep. */
void usher__service_work(usher_t *u);

/* A line for the trace hook; without one the arguments are not even looked at. */
#define usher__trace(u, ...)                                                                       \
    ((u)->options.trace == NULL ? (void)0 : usher__trace_line(u, __VA_ARGS__))
void usher__trace_line(usher_t *u, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* timer.c: when the loop wakes by itself. */
void usher__timer_open(usher_t *u);
bool usher__timer_arm(usher_t *u); /* true: it changed */
void usher__timer_close(usher_t *u, uv_close_cb cb);

/* For tests. */
int64_t usher__service_next_due(usher_t *u);
uint64_t usher__service_token(usher_t *u, usher_id id);
const char *usher__service_check(usher_t *u);

#endif
