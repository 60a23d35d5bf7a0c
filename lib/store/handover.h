/* Where threads hand over to each other: the locks, waits and wake-ups of the store's, and of the loop's.
 *
 * They are the calls of that name and nothing else, but in tests that are compiled with USHER_YIELDS: there
 * others go first, at random, before and after each, so that orders of things come up that a scheduler that
 * is left alone has no reason to try; and a wait may end for no reason, as POSIX lets it. */
#ifndef USHER_STORE_HANDOVER_H
#define USHER_STORE_HANDOVER_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#ifdef USHER_YIELDS
/* Nothing, or some time for others. */
void usher__yield(void);
/* Whether a wait is to end at once. */
bool usher__yield_wakes(void);
#else
static inline void usher__yield(void) {}

static inline bool usher__yield_wakes(void)
{
    return false;
}
#endif

static inline void usher__lock(pthread_mutex_t *lock)
{
    usher__yield();
    (void)pthread_mutex_lock(lock);
    usher__yield();
}

static inline void usher__unlock(pthread_mutex_t *lock)
{
    usher__yield();
    (void)pthread_mutex_unlock(lock);
    usher__yield();
}

static inline void usher__signal(pthread_cond_t *cond)
{
    usher__yield();
    (void)pthread_cond_signal(cond);
    usher__yield();
}

/* until: NULL: for ever. ETIMEDOUT, or 0. */
static inline int usher__wait(pthread_cond_t *cond, pthread_mutex_t *lock,
                              const struct timespec *until)
{
    int r;

    usher__yield();
    if (usher__yield_wakes()) {
        (void)pthread_mutex_unlock(lock);
        usher__yield();
        return pthread_mutex_lock(lock);
    }
    r = until == NULL ? pthread_cond_wait(cond, lock) : pthread_cond_timedwait(cond, lock, until);
    usher__yield();
    return r;
}

#endif
