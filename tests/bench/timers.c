/* Due times: the heap beside uv_timer_t, and how long a service stalls when many fall due. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include <usher/usher.h>

#include "bench.h"
#include "floor.h"
#include "host.h"
#include "local/heap.h"
#include "local/memory.h"

/* ---- the heap -------------------------------------------------------------------------------- */

enum { FIRE_WITHIN_MS = 1000 };

/* The same timers three times. */
struct trio {
    struct heap heap;
    struct floor_heap *bare;
    uv_timer_t *timers;
    uv_loop_t loop;
    uint32_t *order; /* of the slots, any: the next ones to cancel */
    uint32_t slots, next, window;
    uint64_t random, fired, errors;
    bool looped;
};

struct three {
    struct series usher, bare, uv;
};

static void on_timer(uv_timer_t *timer)
{
    (*(uint64_t *)timer->data)++;
}

/* Far away: between one hour and two weeks. */
static int64_t far(uint32_t slot)
{
    uint64_t state = slot;

    return 3600000 + (int64_t)random_below(&state, 14 * 86400000);
}

/* Any, but the same for all three. */
static int64_t soon(uint32_t slot)
{
    uint64_t state = slot;

    return (int64_t)random_below(&state, FIRE_WITHIN_MS);
}

static bool open_trio(struct trio *t, uint32_t slots, uint32_t window)
{
    *t = (struct trio){.slots = slots, .window = window, .random = 7};
    usher__heap_init(&t->heap, &usher__memory_libc);
    t->bare = floor_heap_new(slots);
    t->timers = calloc(slots, sizeof *t->timers);
    t->order = any_order(slots);
    t->looped = uv_loop_init(&t->loop) == 0;
    if (!t->looped || t->bare == NULL || t->timers == NULL || t->order == NULL ||
        usher__heap_reserve(&t->heap, slots - 1) != 0)
        return false;
    for (uint32_t i = 0; i < slots; i++) {
        (void)uv_timer_init(&t->loop, &t->timers[i]);
        t->timers[i].data = &t->fired;
    }
    return true;
}

static void close_trio(struct trio *t)
{
    usher__heap_free(&t->heap);
    floor_heap_free(t->bare);
    for (uint32_t i = 0; t->looped && t->timers != NULL && i < t->slots; i++) {
        if (t->timers[i].data != NULL)
            uv_close((uv_handle_t *)&t->timers[i], NULL);
    }
    if (t->looped) {
        (void)uv_run(&t->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&t->loop);
    }
    free(t->timers);
    free(t->order);
}

/* Those of the window, by the three in turn; ns of each. */
static void arm(struct trio *t, const uint32_t *slots, uint32_t n, struct three *out)
{
    uint64_t at[4];

    at[0] = cpu_ns();
    for (uint32_t i = 0; i < n; i++)
        usher__heap_set(&t->heap, slots[i], slots[i] + UINT64_C(1), far(slots[i]));
    at[1] = cpu_ns();
    for (uint32_t i = 0; i < n; i++)
        floor_heap_set(t->bare, slots[i], far(slots[i]));
    at[2] = cpu_ns();
    for (uint32_t i = 0; i < n; i++)
        t->errors +=
            uv_timer_start(&t->timers[slots[i]], on_timer, (uint64_t)far(slots[i]), 0) != 0;
    at[3] = cpu_ns();
    if (out == NULL)
        return;
    series_add(&out->usher, at[1] - at[0], n);
    series_add(&out->bare, at[2] - at[1], n);
    series_add(&out->uv, at[3] - at[2], n);
}

static void cancel(struct trio *t, const uint32_t *slots, uint32_t n, struct three *out)
{
    uint64_t at[4];

    at[0] = cpu_ns();
    for (uint32_t i = 0; i < n; i++)
        usher__heap_drop(&t->heap, slots[i]);
    at[1] = cpu_ns();
    for (uint32_t i = 0; i < n; i++)
        floor_heap_drop(t->bare, slots[i]);
    at[2] = cpu_ns();
    for (uint32_t i = 0; i < n; i++)
        t->errors += uv_timer_stop(&t->timers[slots[i]]) != 0;
    at[3] = cpu_ns();
    series_add(&out->usher, at[1] - at[0], n);
    series_add(&out->bare, at[2] - at[1], n);
    series_add(&out->uv, at[3] - at[2], n);
}

/* All of them are due: from the first to the last. */
static void fire(struct trio *t, struct three *out)
{
    struct timespec wait = {.tv_sec = FIRE_WITHIN_MS / 1000, .tv_nsec = 10000000};
    struct heap_entry entry;
    uint64_t at[4], n = 0;
    int64_t key;
    uint32_t slot;

    uv_update_time(&t->loop);
    for (uint32_t i = 0; i < t->slots; i++) {
        usher__heap_set(&t->heap, i, i + UINT64_C(1), soon(i));
        floor_heap_set(t->bare, i, soon(i));
        (void)uv_timer_start(&t->timers[i], on_timer, (uint64_t)soon(i), 0);
    }
    (void)nanosleep(&wait, NULL);
    t->fired = 0;
    at[0] = cpu_ns();
    while (usher__heap_top(&t->heap, &entry)) {
        usher__heap_drop(&t->heap, entry.slot);
        n++;
    }
    at[1] = cpu_ns();
    while (floor_heap_pop(t->bare, &key, &slot))
        n++;
    at[2] = cpu_ns();
    (void)uv_run(&t->loop, UV_RUN_NOWAIT);
    at[3] = cpu_ns();
    t->errors += n != 2 * (uint64_t)t->slots || t->fired != t->slots;
    series_add(&out->usher, at[1] - at[0], t->slots);
    series_add(&out->bare, at[2] - at[1], t->slots);
    series_add(&out->uv, at[3] - at[2], t->slots);
}

static void report(const struct bench *b, const char *what, const struct three *s, double target,
                   double design_floor)
{
    struct figure f = figure_of(what, b->many, &s->usher, &s->bare);

    f.peer = series_median(&s->uv);
    f.target = target;
    f.times = target / design_floor;
    f.kind = AT_MOST;
    report_figure(b->report, &f);
}

/* A window is armed and another cancelled, each a random part: the heaps stay as large. */
static void measure(const struct bench *b, struct trio *t)
{
    struct three armed = {0}, cancelled = {0}, fired = {0};
    uint32_t windows = b->quick ? 3 : 9, rest = t->slots - t->window;

    arm(t, t->order, rest, NULL);
    for (uint32_t i = 0; i < windows; i++) {
        progress(b, "timers: window %u of %u", i + 1, windows);
        arm(t, t->order + (i == 0 ? rest : (i - 1) * t->window), t->window, &armed);
        cancel(t, t->order + i * t->window, t->window, &cancelled);
    }
    for (int i = 0; i < 3; i++) {
        progress(b, "timers: firing, %d of 3", i + 1);
        fire(t, &fired);
    }
    report(b, "arm", &armed, 35, 17);
    report(b, "cancel", &cancelled, 50, 26);
    report(b, "fire", &fired, 350, 210);
}

static bool heaps(const struct bench *b)
{
    struct figure f = {.n = b->many, .unit = "B", .target = 24, .kind = AT_MOST};
    uint32_t window = (uint32_t)b->many / 20;
    struct trio t;
    bool good = open_trio(&t, (uint32_t)b->many + window, window);

    if (good)
        measure(b, &t);
    else
        fputs("usher-bench: out of memory\n", stderr);
    if (t.errors > 0) {
        fputs("usher-bench: a timer was lost\n", stderr);
        good = false;
    }
    snprintf(f.what, sizeof f.what, "bytes of one");
    f.value = (double)t.heap.slots * (sizeof(struct heap_entry) + sizeof(uint32_t)) / t.slots;
    f.floor = sizeof(struct heap_entry) + sizeof(uint32_t);
    f.to_floor = f.value / f.floor;
    f.peer = sizeof(uv_timer_t);
    report_figure(b->report, &f);
    close_trio(&t);
    return good;
}

/* ---- through the service --------------------------------------------------------------------- */

enum { EACH_MS = 100, ACK_MS = 4 * 3600 * 1000 };

static const char policy[] =
    "{\"promises\":{\"ack\":{\"target\":\"4h\"},\"resolve\":{\"target\":\"5d\"}},\"warn\":[],"
    "\"limits\":{\"open\":100000000}}";

static void report_ns(const struct bench *b, const char *what, double ns, double target)
{
    struct figure f = {.n = b->many,
                       .unit = "ns",
                       .value = ns,
                       .target = target,
                       .kind = target > 0 ? AT_MOST : TARGET_NONE};

    snprintf(f.what, sizeof f.what, "%s", what);
    report_figure(b->report, &f);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* A hundred break their promise in each ms: each step does as much as the others, so what one takes
 * beyond the median is a stall. By the thread's own time: that we were not run is not usher's. */
static bool steps(const struct bench *b, struct host *h)
{
    uint32_t n = (uint32_t)b->many / EACH_MS;
    uint64_t *ns = calloc(n, sizeof *ns);
    bool good = ns != NULL &&
                host_open(h, &(struct host_options){
                                 .policy = policy, .requesters = 1000, .manual = true});

    for (uint32_t i = 0; good && i < n; i++)
        good = host_enqueue(h, EACH_MS) && host_advance(h, 1);
    good = good && host_advance(h, ACK_MS - (int64_t)n);
    for (uint32_t i = 0; good && i < n; i++) {
        uint64_t began = cpu_ns();

        good = host_advance(h, 1);
        ns[i] = cpu_ns() - began;
    }
    if (good) {
        qsort(ns, n, sizeof *ns, by_size);
        report_ns(b, "through the service: a promise breaks", (double)ns[n / 2] / EACH_MS, 0);
        report_ns(b, "100 at once: 99.9 % beyond the median",
                  (double)(ns[n - 1 - n / 1000] - ns[n / 2]), 0);
        report_ns(b, "100 at once: the longest beyond the median", (double)(ns[n - 1] - ns[n / 2]),
                  200000);
    }
    free(ns);
    good = host_ok(h) && good;
    host_close(h);
    return good;
}

static bool at_once(const struct bench *b, struct host *h)
{
    uint64_t began = 0, ns = 0;
    bool good = host_open(h, &(struct host_options){
                                 .policy = policy, .requesters = 1000, .manual = true}) &&
                host_fill(h, b->many);

    if (good) {
        began = cpu_ns();
        good = host_advance(h, ACK_MS + 1);
        ns = cpu_ns() - began;
    }
    if (good) {
        report_ns(b, "all of them in one ms: each", (double)ns / (double)b->many, 0);
        report_ns(b, "... the stall", (double)ns, 0);
    }
    good = host_ok(h) && good;
    host_close(h);
    return good;
}

bool bench_timers(const struct bench *b)
{
    struct host *h = malloc(sizeof *h);
    bool good;

    report_bench(b->report, "timers", "n are armed; the peer is uv_timer_t");
    good = h != NULL && heaps(b);
    progress(b, "timers: through the service");
    good = good && steps(b, h) && at_once(b, h);
    free(h);
    return good;
}
