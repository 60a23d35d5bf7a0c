/* The standing: what a person who asks has to wait for, with many in the line and claims in
 * between, each of which makes the range of waits anew for the next one who asks. */
#include <stdio.h>
#include <stdlib.h>

#include <usher/usher.h>

#include "bench.h"
#include "floor.h"
#include "host.h"

enum { PEEKS_OF_CLAIM = 4, PEEKS = 20000, QUANTILES = 3 };

/* Of single calls: a figure by itself is half a window's noise, so there are windows of these as
 * well. */
struct times {
    uint32_t ns[PEEKS];
    uint32_t n;
};

struct rig {
    struct host host;
    struct floor_line *bare;
    struct times usher, floor;
    struct series by[2][QUANTILES]; /* usher, the floor */
    uint64_t random, errors;
};

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void add_quantiles(struct times *t, struct series by[QUANTILES])
{
    qsort(t->ns, t->n, sizeof(t->ns[0]), ascending);
    series_add(&by[0], t->ns[t->n / 2], 1);
    series_add(&by[1], t->ns[t->n / 100 * 99], 1);
    series_add(&by[2], t->ns[t->n - 1], 1);
    t->n = 0;
}

/* One leaves at the front and one comes at the end. */
static bool claim(struct host *h)
{
    return host_claim(h, 1) && host_act(h, USHER_RESOLVE, 1) && host_enqueue(h, 1);
}

/* In the bare line each stands where the ticket stood that came as its manieth. */
static void peek(struct rig *r, usher_id ticket, uint64_t many)
{
    uint32_t manieth = (uint32_t)(ticket % many + 1);
    usher_standing s = USHER_INIT(usher_standing);
    uint64_t began = wall_ns(), middle;
    uint32_t ahead;

    r->errors += usher_peek(r->host.u, ticket, &s) != USHER_OK;
    middle = wall_ns();
    ahead = floor_line_count_before(r->bare, manieth, manieth);
    r->floor.ns[r->floor.n++] = (uint32_t)(wall_ns() - middle);
    r->usher.ns[r->usher.n++] = (uint32_t)(middle - began);
    r->errors += s.state != USHER_WAITING || s.ahead < 0 || s.wait_p90_ms < s.wait_p50_ms ||
                 s.waits != USHER_WAITS_MAX || s.wait_p50_ms < 0 || ahead + 1 != manieth;
}

static bool window(const struct bench *b, struct rig *r)
{
    uint32_t n = b->quick ? PEEKS / 20 : PEEKS;

    for (uint32_t i = 0; i < n; i++) {
        if (i % PEEKS_OF_CLAIM == 0 && !claim(&r->host))
            return false;
        /* One of those behind: it waits to the end. */
        peek(r, r->host.last - random_below(&r->random, b->many / 2), b->many);
    }
    add_quantiles(&r->usher, r->by[0]);
    add_quantiles(&r->floor, r->by[1]);
    return true;
}

static bool fill(const struct bench *b, struct rig *r)
{
    progress(b, "standing: filling");
    if (!host_open(&r->host, &(struct host_options){.requesters = 1000}) ||
        !host_fill(&r->host, b->many))
        return false;
    for (uint64_t i = 1; i <= b->many; i++)
        floor_line_insert(r->bare, (struct floor_item){(int64_t)i, (uint32_t)i, (uint32_t)i});
    for (int i = 0; i < USHER_WAITS_MAX; i++) {
        if (!claim(&r->host))
            return false;
    }
    return true;
}

static void tell(const struct bench *b, struct rig *r)
{
    static const char *const names[QUANTILES] = {"peek, half of them", "... 99 of 100",
                                                 "... the longest"};

    for (int q = 0; q < QUANTILES; q++) {
        struct figure f = figure_of(names[q], b->many, &r->by[0][q], &r->by[1][q]);

        if (q < 2) { /* the longest is the machine's, if others use it */
            f.kind = AT_MOST;
            f.target = 5000;
        }
        report_figure(b->report, &f);
    }
}

bool bench_standing(const struct bench *b)
{
    struct rig *r = calloc(1, sizeof(*r));
    int windows = b->quick ? 3 : 7;
    bool good;

    report_bench(
        b->report, "standing",
        "n tickets wait; one claimed before each fourth peek; floor: the count before it alone");
    if (r != NULL)
        r->bare = floor_line_new((uint32_t)b->many * 2);
    if (r == NULL || r->bare == NULL) {
        fputs("usher-bench: out of memory\n", stderr);
        free(r);
        return false;
    }
    good = fill(b, r);
    for (int i = 0; good && i < windows; i++) {
        progress(b, "standing: window %d of %d", i + 1, windows);
        good = window(b, r);
    }
    if (good)
        tell(b, r);
    if (r->errors > 0)
        fputs("usher-bench: a standing is wrong\n", stderr);
    good = host_ok(&r->host) && good && r->errors == 0;
    host_close(&r->host);
    floor_line_free(r->bare);
    free(r);
    return good;
}
