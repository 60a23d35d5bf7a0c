/* When the loop wakes by itself.
 *
 * One timer for the next thing that is due, and none when there is nothing: an idle service wakes
 * nobody. libuv's timers run on a clock that stands still while the machine sleeps and knows
 * nothing of the wall clock being set. Linux says so at once, through a timer far in the future
 * that is cancelled when the wall clock is set, which it also is when the machine resumes.
 * Elsewhere, and on a clock of the host's, nobody says so: then no sleep is longer than a minute.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/timerfd.h>
#endif

#include "loop/service.h"

enum { LOOK_AGAIN_MS = 60 * 1000, SHORT_OF_MEMORY_MS = 1000 };

static void on_timer(uv_timer_t *timer)
{
    usher_t *u = timer->data;

    u->armed_boot = INT64_MAX;
    usher__service_work(u);
}

/* ---- the notice ------------------------------------------------------------------------------ */

#ifdef __linux__

/* For the year 2200, or as far as time_t goes. ECANCELED: the clock was set a moment ago, but the
 * timer is armed. */
static bool arm_notice(int fd)
{
    struct itimerspec far = {.it_value.tv_sec = sizeof(time_t) > 4 ? (time_t)INT64_C(7258118400)
                                                                   : (time_t)INT32_MAX};

    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL) == 0 ||
           errno == ECANCELED;
}

static void on_notice(uv_poll_t *notice, int status, int events)
{
    usher_t *u = notice->data;
    uint64_t expirations;
    ssize_t n;

    (void)events;
    do
        n = read(u->notice_fd, &expirations, sizeof expirations);
    while (n < 0 && errno == EINTR);
    if (status < 0 || !arm_notice(u->notice_fd))
        (void)uv_poll_stop(&u->notice);
    /* The timer did not run while the machine slept, and if this was the last notice, it must not
     * sleep for so long: it is armed anew. */
    (void)uv_timer_stop(&u->timer);
    u->armed_boot = INT64_MAX;
    usher__trace(u, "the clock was set");
    usher__service_work(u);
}

static void open_notice(usher_t *u)
{
    int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

    if (fd < 0)
        return;
    if (!arm_notice(fd) || uv_poll_init(u->loop, &u->notice, fd) != 0) {
        (void)close(fd);
        return;
    }
    u->notice_fd = fd;
    u->notice.data = u;
    u->handles++;
    (void)uv_poll_start(&u->notice, UV_READABLE, on_notice);
    uv_unref((uv_handle_t *)&u->notice);
}

#else

static void open_notice(usher_t *u)
{
    (void)u;
}

#endif

static bool has_notice(const usher_t *u)
{
    return u->notice_fd >= 0 && uv_is_active((const uv_handle_t *)&u->notice);
}

/* ---- the timer ------------------------------------------------------------------------------- */

void usher__timer_open(usher_t *u)
{
    (void)uv_timer_init(u->loop, &u->timer);
    u->timer.data = u;
    u->armed_boot = INT64_MAX;
    u->handles++;
    uv_unref((uv_handle_t *)&u->timer);
    u->notice_fd = -1;
    if (u->clock.host.wall_ms == NULL)
        open_notice(u);
}

/* How long to sleep; INT64_MAX: until somebody calls. A manual clock moves only when it is told to,
 * and who tells it calls afterwards. */
static int64_t sleep_for(const usher_t *u)
{
    if (usher__clock_manual(&u->clock) != NULL)
        return INT64_MAX;
    if (u->short_of_memory || usher__engine_starves(u->engine))
        return SHORT_OF_MEMORY_MS;
    return usher__service_idle_for(u);
}

/* Two readings of two clocks in whole ms differ by one now and then: that is no reason. A sleep
 * that was cut short may end when it was going to, if that is not soon: every call looks too. */
static bool is_armed_for(const usher_t *u, int64_t boot, bool cut)
{
    int64_t early = cut ? LOOK_AGAIN_MS / 2 : 1;

    return u->armed_boot != INT64_MAX && u->armed_boot >= boot - early && u->armed_boot <= boot + 1;
}

static bool disarm(usher_t *u)
{
    if (u->armed_boot == INT64_MAX)
        return false;
    u->armed_boot = INT64_MAX;
    (void)uv_timer_stop(&u->timer);
    usher__trace(u, "no timer");
    return true;
}

bool usher__timer_arm(usher_t *u)
{
    int64_t ms = sleep_for(u);
    bool cut = ms > LOOK_AGAIN_MS && !has_notice(u);

    if (ms == INT64_MAX)
        return disarm(u);
    if (cut)
        ms = LOOK_AGAIN_MS;
    if (is_armed_for(u, u->read.boot + ms, cut))
        return false;
    u->armed_boot = u->read.boot + ms;
    uv_update_time(u->loop);
    (void)uv_timer_start(&u->timer, on_timer, (uint64_t)ms, 0);
    usher__trace(u, "timer in %lld ms", (long long)ms);
    return true;
}

void usher__timer_close(usher_t *u, uv_close_cb cb)
{
    uv_close((uv_handle_t *)&u->timer, cb);
    if (u->notice_fd >= 0) {
        uv_close((uv_handle_t *)&u->notice, cb);
        (void)close(u->notice_fd); /* libuv leaves it to us */
    }
}
