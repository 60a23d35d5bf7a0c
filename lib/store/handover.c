/* The dice of handover.h, for tests alone: each thread has its own, so that throwing them is not itself a
 * hand-over, which would put in order what is to be mixed up. */
#include "store/handover.h"

#include <sched.h>
#include <stdint.h>

enum { ONE_IN_YIELDS = 8, ONE_IN_SLEEPS = 32, ONE_IN_WAKES = 8, SLEEP_US = 200 };

static uint32_t threads;
static _Thread_local uint64_t dice;

static uint32_t below(uint32_t n)
{
    struct timespec now;

    if (dice == 0) {
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        dice = (uint64_t)now.tv_nsec << 20 ^ __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
    }
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(dice >> 33) % n;
}

void usher__yield(void)
{
    if (below(ONE_IN_SLEEPS) == 0) {
        struct timespec t = {0, (long)below(SLEEP_US) * 1000};

        (void)nanosleep(&t, NULL);
    } else if (below(ONE_IN_YIELDS) == 0) {
        (void)sched_yield();
    }
}

bool usher__yield_wakes(void)
{
    return below(ONE_IN_WAKES) == 0;
}
