/* The whole of a ticket's life, with many others waiting meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

#include "bench.h"
#include "core/ticket.h"
#include "floor.h"
#include "host.h"
#include "peer.h"

enum { REQUESTERS = 1000, BATCH = 256 };

/* What a run at one size has: the floor, the service, and what they took. */
struct run {
    const struct bench *b;
    uint64_t live, cycles;
    struct floor *floor;
    struct host *host;
    struct peer *peer; /* NULL: none */
    struct series bare, usher, batched;
    struct series fresh; /* the floor before memory was mixed */
    struct series wall, peer_wall, peer_cpu;
};

/* ---- the floor ------------------------------------------------------------------------------- */

static char floor_body[BODY_LEN + 4];

/* The clock is read for each batch, as a program would. */
static bool floor_cycle(struct floor *f, uint64_t cycles)
{
    uint32_t ids[BATCH];

    for (uint64_t left = cycles; left > 0;) {
        uint32_t n = left < BATCH ? (uint32_t)left : BATCH;
        int64_t now = (int64_t)(wall_ns() / 1000000);

        for (uint32_t i = 0; i < n; i++)
            (void)floor_enqueue(f, now, i % REQUESTERS, floor_body);
        for (uint32_t i = 0; i < n; i++) {
            ids[i] = floor_claim(f, now);
            if (!floor_acknowledge(f, ids[i], now) || !floor_resolve(f, ids[i]))
                return false;
        }
        left -= n;
    }
    return true;
}

static void floor_fill(struct floor *f, uint64_t n)
{
    int64_t now = (int64_t)(wall_ns() / 1000000);

    for (uint64_t i = 0; i < n; i++)
        (void)floor_enqueue(f, now, (uint32_t)(i % REQUESTERS), floor_body);
}

/* As host_mix(). */
static bool floor_mix(struct floor *f, uint64_t n)
{
    uint32_t *order = any_order(n), first = floor_last(f) - (uint32_t)n + 1;
    bool good = order != NULL;

    for (uint64_t i = 0; good && i < n; i++)
        good = floor_withdraw(f, first + order[i]);
    if (good)
        floor_fill(f, n);
    free(order);
    return good;
}

/* ---- a run ----------------------------------------------------------------------------------- */

static bool window(struct run *r, bool warm)
{
    uint64_t began = cpu_ns(), bare, usher, batched, wall;

    if (!floor_cycle(r->floor, r->cycles)) {
        fputs("usher-bench: the floor lost a ticket\n", stderr);
        return false;
    }
    wall = wall_ns();
    bare = cpu_ns();
    if (!host_cycle(r->host, r->cycles, BATCH))
        return false;
    usher = cpu_ns();
    wall = wall_ns() - wall;
    if (!host_cycle_batched(r->host, r->cycles, BATCH))
        return false;
    batched = cpu_ns();
    if (warm)
        return true;
    series_add(&r->bare, bare - began, r->cycles);
    series_add(&r->usher, usher - bare, r->cycles);
    series_add(&r->wall, wall, r->cycles);
    series_add(&r->batched, batched - usher, r->cycles);
    return true;
}

static struct peer *start_peer(const struct bench *b, uint64_t live)
{
    const char *why;
    struct peer *p = peer_start(&(struct peer_options){.kind = PEER_BEANSTALKD}, &why);

    if (p != NULL && !peer_fill(p, live, BODY_LEN)) {
        why = "beanstalkd does not answer";
        peer_stop(p);
        p = NULL;
    }
    if (p == NULL)
        report_note(b->report, "%s", why);
    return p;
}

/* Fewer cycles than ours: each takes longer. When it fails it is left out from then on. */
static void peer_window(struct run *r)
{
    struct peer_run run;

    if (r->peer == NULL)
        return;
    if (peer_run(r->peer, 3 * BATCH, r->cycles / 10 + 1, UINT64_MAX, &run)) {
        series_add(&r->peer_wall, run.wall, run.cycles);
        series_add(&r->peer_cpu, run.cpu, run.cycles);
        return;
    }
    report_note(r->b->report, "beanstalkd has stopped to answer");
    peer_stop(r->peer);
    r->peer = NULL;
}

static bool windows(struct run *r)
{
    char n[24];
    int count = r->b->quick ? 3 : 21;

    if (!window(r, true))
        return false;
    for (int i = 0; i < count; i++) {
        progress(r->b, "cycle: %s live, window %d of %d", short_number(r->live, n), i + 1, count);
        if (!window(r, false))
            return false;
        peer_window(r);
    }
    return true;
}

/* With other batches, and on a manual clock; at the first size only. */
static bool variants(struct run *r)
{
    static const uint32_t batches[] = {64, 1000};
    struct series s;
    struct figure f;
    char what[64];

    for (size_t k = 0; k < sizeof batches / sizeof batches[0]; k++) {
        s.n = 0;
        for (int i = 0; i < (r->b->quick ? 3 : 9); i++) {
            uint64_t began = cpu_ns();

            if (!host_cycle(r->host, r->cycles, batches[k]))
                return false;
            series_add(&s, cpu_ns() - began, r->cycles);
        }
        snprintf(what, sizeof what, "a call each, %u in a turn", batches[k]);
        f = figure_of(what, r->live, &s, &r->bare);
        report_figure(r->b->report, &f);
    }
    return true;
}

static bool with_manual_clock(const struct run *r, struct host *h)
{
    struct series s = {.n = 0};
    struct figure f;
    bool good = host_open(h, &(struct host_options){.requesters = REQUESTERS, .manual = true}) &&
                host_fill(h, r->live) && host_cycle(h, r->cycles, BATCH);

    for (int i = 0; good && i < (r->b->quick ? 3 : 9); i++) {
        uint64_t began = cpu_ns();

        good = host_cycle(h, r->cycles, BATCH);
        series_add(&s, cpu_ns() - began, r->cycles);
    }
    if (good) {
        f = figure_of("a call each, manual clock", r->live, &s, &r->fresh);
        report_figure(r->b->report, &f);
    }
    good = host_ok(h);
    host_close(h);
    return good;
}

/* ---- what it says ---------------------------------------------------------------------------- */

static void against_peer(const struct run *r, const char *what, const struct series *ours,
                         const struct series *its)
{
    struct figure f = figure_of(what, r->live, ours, NULL);

    f.peer = series_median(its);
    report_figure(r->b->report, &f);
    f = (struct figure){.n = r->live,
                        .unit = "x",
                        .value = series_median(its) / series_median(ours),
                        .target = 10,
                        .kind = AT_LEAST};
    snprintf(f.what, sizeof f.what, "... times as fast");
    report_figure(r->b->report, &f);
}

static void report_peer(const struct run *r)
{
    if (r->peer_wall.n == 0)
        return;
    against_peer(r, "beside beanstalkd, pipelined: wall time", &r->wall, &r->peer_wall);
    against_peer(r, "... processor time, of its server alone", &r->usher, &r->peer_cpu);
}

/* In ns; 0: none. */
static double target_at(uint64_t live, double at_million)
{
    if (live <= 100000)
        return 700;
    return live <= 1000000 ? 1200 : 2 * at_million;
}

/* *at_million is what 1 M took with memory like this, once it is known. */
static void report_run(const struct run *r, const char *where, double *at_million)
{
    struct figure f;
    char what[64];

    snprintf(what, sizeof what, "a call each%s", where);
    f = figure_of(what, r->live, &r->usher, &r->bare);
    f.target = target_at(r->live, *at_million);
    f.times = r->live <= 1000000 ? f.target / (r->live <= 100000 ? 150 : 300) : 0;
    f.kind = f.target > 0 ? AT_MOST : TARGET_NONE;
    report_figure(r->b->report, &f);
    snprintf(what, sizeof what, "a call for a batch%s", where);
    f = figure_of(what, r->live, &r->batched, &r->bare);
    report_figure(r->b->report, &f);
    if (r->live == 1000000)
        *at_million = series_median(&r->usher);
}

/* Both anew, with other memory beneath the same line. */
static bool mixed(struct run *r, double *at_million)
{
    char n[24];

    progress(r->b, "cycle: %s live, mixing", short_number(r->live, n));
    r->fresh = r->bare;
    r->bare.n = r->usher.n = r->batched.n = r->wall.n = 0;
    if (!floor_mix(r->floor, r->live)) {
        fputs("usher-bench: the floor lost a ticket\n", stderr);
        return false;
    }
    if (!host_mix(r->host, r->live) || !windows(r))
        return false;
    report_run(r, ", mixed memory", at_million);
    return true;
}

/* A window is short, so that the next one runs on the same machine; and long beside what the other
 * one's windows have driven out of the caches. */
static uint64_t cycles_for(const struct bench *b, uint64_t live)
{
    if (b->quick)
        return 2000;
    if (live < 400000)
        return 30000;
    return live < 4000000 ? 60000 : 150000;
}

static bool measure(struct run *r, bool first, double at_million[2])
{
    if (!host_open(r->host, &(struct host_options){.requesters = REQUESTERS}) ||
        !host_fill(r->host, r->live) || !windows(r))
        return false;
    report_run(r, "", &at_million[0]);
    if (first && !variants(r))
        return false;
    report_peer(r);
    peer_stop(r->peer);
    r->peer = NULL;
    return mixed(r, &at_million[1]);
}

static bool run(const struct bench *b, uint64_t live, bool first, struct host *h,
                double at_million[2])
{
    struct run r = {.b = b, .live = live, .cycles = cycles_for(b, live), .host = h};
    char n[24];
    bool good;

    progress(b, "cycle: %s live, filling", short_number(live, n));
    if (first && b->peer)
        r.peer = start_peer(b, live);
    r.floor = floor_new((uint32_t)live + BATCH, sizeof(struct ticket), sizeof floor_body);
    if (r.floor == NULL) {
        fputs("usher-bench: out of memory\n", stderr);
        peer_stop(r.peer);
        return false;
    }
    floor_fill(r.floor, live);
    good = measure(&r, first, at_million);
    good = host_ok(h) && good;
    host_close(h);
    if (good && first)
        good = with_manual_clock(&r, h);
    peer_stop(r.peer);
    floor_free(r.floor);
    return good;
}

bool bench_cycle(const struct bench *b)
{
    struct host *h = malloc(sizeof *h);
    static const uint64_t usual[] = {100000, 1000000, 10000000}, small[] = {2000, 20000};
    const uint64_t *sizes = b->live_n > 0 ? b->live : b->quick ? small : usual;
    size_t sizes_n = b->live_n > 0 ? b->live_n : b->quick ? 2 : 3;
    double at_million[2] = {0, 0};
    bool good = h != NULL;

    report_bench(b->report, "cycle",
                 "enqueue (100 B), claim, acknowledge, resolve, 3 promises, callbacks; n wait");
    for (size_t i = 0; good && i < sizes_n; i++) {
        char n[24];

        if (available_len() / 1000 < sizes[i]) {
            report_note(b->report, "%s left out: too little memory", short_number(sizes[i], n));
            continue;
        }
        good = run(b, sizes[i], i == 0, h, at_million);
    }
    report_note(b->report, "1 k requesters; 256 in a turn of the loop; processor time");
    free(h);
    return good;
}
