/* The line: what standing in it costs, with few and many requesters, and its ordered set alone. */
#include <stdio.h>
#include <stdlib.h>

#include <usher/usher.h>

#include "bench.h"
#include "floor.h"
#include "host.h"
#include "local/memory.h"
#include "local/order.h"

enum { BATCH = 256 };

static int windows_of(const struct bench *b)
{
    return b->quick ? 3 : 7;
}

/* ---- through the service --------------------------------------------------------------------- */

/* A ticket that is released stands where it stood. So those in front are solved between the
 * batches, unmeasured: the line moves on and stays as long. */
static bool window(struct host *h, int batches, uint64_t *ns)
{
    *ns = 0;
    for (int i = 0; i < batches; i++) {
        uint64_t began = cpu_ns();

        if (!host_enqueue(h, BATCH) || !host_claim(h, BATCH) || !host_act(h, USHER_RELEASE, BATCH))
            return false;
        *ns += cpu_ns() - began;
        if (!host_claim(h, BATCH) || !host_act(h, USHER_RESOLVE, BATCH))
            return false;
    }
    return true;
}

static bool with_requesters(const struct bench *b, struct host *h, uint32_t requesters,
                            const char *gap)
{
    int batches = b->quick ? 4 : 200;
    struct series s = {.n = 0};
    struct figure f;
    char policy[256], number[24], what[64];
    bool good;

    snprintf(policy, sizeof policy,
             "{\"promises\":{\"ack\":{\"target\":\"4h\"},\"resolve\":{\"target\":\"5d\"}},"
             "\"line\":{\"gap\":\"%s\"},\"limits\":{\"open\":100000000},"
             "\"aftercare\":{\"confirm_within\":\"0s\",\"reopen_within\":\"0s\"}}",
             gap);
    snprintf(what, sizeof what, "enqueue, claim, release: %s requester%s, gap %s",
             short_number(requesters, number), requesters > 1 ? "s" : "", gap);
    progress(b, "line: %s", what);
    good = host_open(h, &(struct host_options){.policy = policy, .requesters = requesters}) &&
           host_fill(h, b->many);
    for (int i = 0; good && i < windows_of(b); i++) {
        uint64_t ns;

        good = window(h, batches, &ns);
        series_add(&s, ns, (uint64_t)batches * BATCH);
    }
    if (good) {
        f = figure_of(what, b->many, &s, NULL);
        report_figure(b->report, &f);
    }
    good = host_ok(h) && good;
    host_close(h);
    return good;
}

static bool service(const struct bench *b)
{
    struct host *h = malloc(sizeof *h);
    static const char *const gaps[] = {"0s", "1m"};
    uint32_t requesters[] = {1, 1000, (uint32_t)b->many};
    bool good = h != NULL;

    for (int g = 0; g < 2; g++) {
        for (int r = 0; good && r < 3; r++)
            good = with_requesters(b, h, requesters[r], gaps[g]);
    }
    free(h);
    return good;
}

/* ---- the ordered set alone ------------------------------------------------------------------- */

/* The same items in both. Ranks rise as instants do: often the same, never less. */
struct pair {
    struct order order;
    struct floor_line *bare;
    struct floor_item *items; /* of a window */
    uint64_t random, errors;
    int64_t rank;
    uint32_t id;
};

struct both {
    struct series usher, bare;
};

static void draw_last(struct pair *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        p->rank += (int64_t)random_below(&p->random, 3);
        p->items[i] = (struct floor_item){p->rank, ++p->id, p->id};
    }
}

/* Anywhere among those that are there. */
static void draw_anywhere(struct pair *p, uint32_t n)
{
    struct order_item first = {0};

    (void)usher__order_first(&p->order, &first);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t span = (uint64_t)(p->rank - first.rank);

        p->items[i].rank = first.rank + 1 + (int64_t)random_below(&p->random, span);
        p->items[i].id = p->items[i].slot = ++p->id;
    }
}

static void shuffle(struct pair *p, uint32_t n)
{
    for (uint32_t i = n; i > 1; i--) {
        uint64_t k = random_below(&p->random, i);
        struct floor_item item = p->items[k];

        p->items[k] = p->items[i - 1];
        p->items[i - 1] = item;
    }
}

static void insert(struct pair *p, uint32_t i)
{
    const struct floor_item *it = &p->items[i];

    p->errors += usher__order_reserve(&p->order, 1) != 0;
    usher__order_insert(&p->order, it->rank, it->id, it->slot);
}

static void pop_and_append(struct pair *p, uint32_t n, struct both *out)
{
    struct floor_item bare;
    uint64_t began, middle;

    draw_last(p, n);
    began = cpu_ns();
    for (uint32_t i = 0; i < n; i++) {
        struct order_item item = {0};

        p->errors += !usher__order_first(&p->order, &item);
        p->errors += !usher__order_remove(&p->order, item.rank, item.id);
        insert(p, i);
    }
    middle = cpu_ns();
    for (uint32_t i = 0; i < n; i++) {
        p->errors += !floor_line_pop(p->bare, &bare);
        floor_line_insert(p->bare, p->items[i]);
    }
    series_add(&out->usher, middle - began, n);
    series_add(&out->bare, cpu_ns() - middle, n);
}

static void put_and_take(struct pair *p, uint32_t n, struct both *put, struct both *take)
{
    uint64_t at[4];

    draw_anywhere(p, n);
    at[0] = cpu_ns();
    for (uint32_t i = 0; i < n; i++)
        insert(p, i);
    at[1] = cpu_ns();
    for (uint32_t i = 0; i < n; i++)
        floor_line_insert(p->bare, p->items[i]);
    at[2] = cpu_ns();
    series_add(&put->usher, at[1] - at[0], n);
    series_add(&put->bare, at[2] - at[1], n);
    shuffle(p, n);
    at[0] = cpu_ns();
    for (uint32_t i = 0; i < n; i++)
        p->errors += !usher__order_remove(&p->order, p->items[i].rank, p->items[i].id);
    at[1] = cpu_ns();
    for (uint32_t i = 0; i < n; i++)
        p->errors += !floor_line_remove(p->bare, p->items[i].rank, p->items[i].id);
    at[2] = cpu_ns();
    series_add(&take->usher, at[1] - at[0], n);
    series_add(&take->bare, at[2] - at[1], n);
}

static void count(struct pair *p, uint32_t n, struct both *out)
{
    uint64_t began, middle, sum = 0;

    draw_anywhere(p, n);
    began = cpu_ns();
    for (uint32_t i = 0; i < n; i++)
        sum += usher__order_count_before(&p->order, p->items[i].rank, p->items[i].id);
    middle = cpu_ns();
    for (uint32_t i = 0; i < n; i++)
        sum -= floor_line_count_before(p->bare, p->items[i].rank, p->items[i].id);
    series_add(&out->usher, middle - began, n);
    series_add(&out->bare, cpu_ns() - middle, n);
    p->errors += sum != 0;
}

static void measure(const struct bench *b, struct pair *p)
{
    struct both both[4] = {0};
    static const char *const names[4] = {"the set alone: pop and append", "... count before",
                                         "... put anywhere", "... take anywhere"};
    uint32_t n = b->quick ? 1000 : 100000;

    for (uint64_t left = b->many; left > 0; left--) {
        draw_last(p, 1);
        insert(p, 0);
        floor_line_insert(p->bare, p->items[0]);
    }
    for (int i = 0; i < windows_of(b); i++) {
        progress(b, "line: the set alone, window %d of %d", i + 1, windows_of(b));
        pop_and_append(p, n, &both[0]);
        count(p, n, &both[1]);
        put_and_take(p, n, &both[2], &both[3]);
    }
    for (int i = 0; i < 4; i++) {
        struct figure f = figure_of(names[i], b->many, &both[i].usher, &both[i].bare);

        report_figure(b->report, &f);
    }
}

static bool alone(const struct bench *b)
{
    struct pair p = {.bare = floor_line_new((uint32_t)b->many * 2)};
    bool good;

    p.items = calloc(b->many, sizeof *p.items);
    usher__order_init(&p.order, &usher__memory_libc);
    good = p.bare != NULL && p.items != NULL;
    if (good)
        measure(b, &p);
    else
        fputs("usher-bench: out of memory\n", stderr);
    if (p.errors > 0) {
        fputs("usher-bench: the line and its floor do not agree\n", stderr);
        good = false;
    }
    usher__order_free(&p.order);
    floor_line_free(p.bare);
    free(p.items);
    return good;
}

bool bench_line(const struct bench *b)
{
    report_bench(b->report, "line", "n tickets wait; a batch of 256 in a call");
    return service(b) && alone(b);
}
