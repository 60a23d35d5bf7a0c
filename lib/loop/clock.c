/* Reading the clocks, see clock.h. */
#include "loop/clock.h"

#include <time.h>

#ifdef CLOCK_BOOTTIME
#define BOOT_CLOCK CLOCK_BOOTTIME
#else
#define BOOT_CLOCK CLOCK_MONOTONIC
#endif

#define MS_NS           INT64_C(1000000)
#define MEASURED_FOR_NS (100 * MS_NS)
#define TIGHT_NS        INT64_C(20000) /* readings further apart say that we were interrupted */

void usher__clock_init(struct clock *c, const usher_clock *host)
{
    *c = (struct clock){.stale = true};
    if (host != NULL)
        c->host = *host;
}

static int64_t read_ns(clockid_t id)
{
    struct timespec t = {0};

    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 * MS_NS + t.tv_nsec;
}

/* The boot clock is read around the wall clock; the later reading counts, so that what is derived
 * lags by the time between them and never leads. Of a few tries the tightest. */
static int64_t measure(struct clock *c)
{
    int64_t tightest = INT64_MAX, boot = 0;

    for (int tries = 0; tries < 4 && tightest > TIGHT_NS; tries++) {
        int64_t before = read_ns(BOOT_CLOCK);
        int64_t wall = read_ns(CLOCK_REALTIME);

        boot = read_ns(BOOT_CLOCK);
        if (boot - before >= tightest)
            continue;
        tightest = boot - before;
        c->offset_ns = wall - boot;
    }
    c->measured_ns = boot;
    c->stale = false;
    return boot;
}

struct now usher__clock_read(struct clock *c)
{
    int64_t boot;

    if (c->host.wall_ms != NULL)
        return (struct now){.wall = c->host.wall_ms(c->host.ctx),
                            .boot = c->host.boot_ms(c->host.ctx)};
    boot = read_ns(BOOT_CLOCK);
    if (c->stale || boot - c->measured_ns > MEASURED_FOR_NS)
        boot = measure(c);
    return (struct now){.wall = (boot + c->offset_ns) / MS_NS, .boot = boot / MS_NS};
}
