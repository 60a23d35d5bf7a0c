/* System calls that fail when they are told to: the linker puts these before the real ones (see
 * CMakeLists.txt), in what is linked with the test, not in SQLite's or libuv's own. */
#ifndef USHER_UNIT_SYSTEM_CALLS_H
#define USHER_UNIT_SYSTEM_CALLS_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Set by the test, read by any thread. */
struct system_call {
    atomic_int error; /* 0: it does not fail */
    atomic_int skip;  /* so many times not yet */
    atomic_int times; /* and then so often */
    atomic_int hit;   /* it has, so often */
};

static inline void call_fails(struct system_call *c, int error, int skip, int times)
{
    atomic_store(&c->error, 0);
    atomic_store(&c->skip, skip);
    atomic_store(&c->times, times);
    atomic_store(&c->hit, 0);
    atomic_store(&c->error, error);
}

/* Its error, or 0: go on. */
static inline int call_now(struct system_call *c)
{
    int error = atomic_load(&c->error);

    if (error == 0 || atomic_fetch_sub(&c->skip, 1) > 0 ||
        atomic_load(&c->hit) >= atomic_load(&c->times))
        return 0;
    (void)atomic_fetch_add(&c->hit, 1);
    return error;
}

/* As calls do that say so by -1 and errno. */
static inline bool call_refused(struct system_call *c)
{
    int error = call_now(c);

    if (error != 0)
        errno = error;
    return error != 0;
}

#endif
