/* The manual clock, and a service's life on it: time that passes when it is told to. */
#include "loop/service.h"

struct usher_manual_clock_s {
    usher_clock clock;
    int64_t wall, boot;
};

enum { BOOT_BEGIN = 1000 }; /* a machine's boot clock does not begin at 0 either */

static int64_t wall_ms(void *ctx)
{
    const usher_manual_clock_t *c = ctx;

    return c->wall;
}

static int64_t boot_ms(void *ctx)
{
    const usher_manual_clock_t *c = ctx;

    return c->boot;
}

static bool on_calendar(int64_t at)
{
    return at >= 0 && at <= USHER_AT_MAX;
}

int usher_manual_clock_new(usher_manual_clock_t **out, int64_t wall_at)
{
    usher_manual_clock_t *c;

    if (out == NULL)
        return USHER_EINVAL;
    *out = NULL;
    if (!on_calendar(wall_at))
        return USHER_EINVAL;
    c = usher__alloc(&usher__memory_libc, sizeof *c);
    if (c == NULL)
        return USHER_ENOMEM;
    *c =
        (usher_manual_clock_t){.clock = {wall_ms, boot_ms, c}, .wall = wall_at, .boot = BOOT_BEGIN};
    *out = c;
    return USHER_OK;
}

void usher_manual_clock_free(usher_manual_clock_t *c)
{
    usher__free(&usher__memory_libc, c);
}

const usher_clock *usher_manual_clock_get(usher_manual_clock_t *c)
{
    return c == NULL ? NULL : &c->clock;
}

int usher_manual_clock_step(usher_manual_clock_t *c, int64_t by_ms)
{
    int64_t wall;

    if (c == NULL || __builtin_add_overflow(c->wall, by_ms, &wall) || !on_calendar(wall))
        return USHER_EINVAL;
    c->wall = wall;
    return USHER_OK;
}

static void move(usher_manual_clock_t *c, int64_t by_ms)
{
    c->wall += by_ms;
    c->boot += by_ms;
}

int usher_manual_clock_skip(usher_manual_clock_t *c, int64_t to_at)
{
    if (c == NULL || !on_calendar(to_at) || to_at < c->wall)
        return USHER_EINVAL;
    move(c, to_at - c->wall);
    return USHER_OK;
}

usher_manual_clock_t *usher__clock_manual(const struct clock *c)
{
    return c->host.wall_ms == wall_ms ? c->host.ctx : NULL;
}

/* Runs what is due, and all callbacks until none is left. */
static int run_here(usher_t *u)
{
    int r = usher__service_tick(u);

    usher__service_drain(u);
    if (r == 0 && u->closing)
        r = USHER_ECANCELED;
    return r;
}

int usher_advance(usher_t *u, int64_t to_at)
{
    usher_manual_clock_t *c;
    int64_t idle;
    int r = usher__service_enter(u);

    if (r != 0)
        return r;
    c = usher__clock_manual(&u->clock);
    if (c == NULL || !on_calendar(to_at) || to_at < c->wall)
        return USHER_EINVAL;
    if (u->depth > 0)
        return USHER_ESTATE;
    usher__trace(u, "advance to %lld", (long long)to_at);
    for (r = run_here(u); r == 0; r = run_here(u)) {
        if (u->read.wall != c->wall || u->read.boot != c->boot) /* a callback has moved it */
            continue;
        idle = usher__service_idle_for(u);
        if (idle > to_at - c->wall)
            break;
        move(c, idle);
    }
    if (r == 0 && to_at > c->wall) {
        move(c, to_at - c->wall);
        r = run_here(u);
    }
    usher__service_leave(u);
    return r;
}
