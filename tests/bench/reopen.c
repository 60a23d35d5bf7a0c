/* How long it takes to open a store with many tickets waiting, beside bare SQLite that reads
 * them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>
#include <uv.h>

#include "bare.h"
#include "bench.h"
#include "disk.h"
#include "host.h"

enum { REQUESTERS = 1000, TICKET_LEN = 700 /* on disk, with its history and the log */ };

struct opened {
    usher_t *u;
    uv_loop_t loop;
    int status;
    bool open, closed;
};

static void on_open(usher_t *u, int status, usher_text detail, void *user)
{
    struct opened *o = user;

    (void)u;
    (void)detail;
    o->status = status;
    o->open = true;
}

static void on_close(void *user)
{
    struct opened *o = user;

    o->closed = true;
}

static uint64_t waiting(usher_t *u)
{
    uint64_t by_state[USHER_STATES] = {0};
    usher_queue_t *q;

    if (usher_queue(u, &q, "bench") != USHER_OK || usher_counts(q, by_state) != USHER_OK)
        return 0;
    return by_state[USHER_WAITING];
}

/* From the call until the service says that it is open. */
static bool open_once(const char *store, uint64_t live, uint64_t *ns)
{
    struct opened o = {0};
    usher_options options = USHER_INIT(usher_options);
    char err[256] = "";
    uint64_t began, found = 0;

    options.err = err;
    options.err_len = sizeof err;
    if (uv_loop_init(&o.loop) != 0)
        return false;
    began = wall_ns();
    o.status = usher_open(&o.u, &o.loop, store, &options, on_open, &o);
    while (o.status == USHER_OK && !o.open)
        (void)uv_run(&o.loop, UV_RUN_ONCE);
    *ns = wall_ns() - began;
    if (o.u != NULL) {
        found = waiting(o.u);
        (void)usher_close(o.u, on_close, &o);
        while (!o.closed)
            (void)uv_run(&o.loop, UV_RUN_ONCE);
    }
    (void)uv_loop_close(&o.loop);
    if (o.status == USHER_OK && found == live)
        return true;
    fprintf(stderr, "usher-bench: reopened with %llu of %llu tickets: %s %s\n",
            (unsigned long long)found, (unsigned long long)live, usher_strerror(o.status), err);
    return false;
}

static bool fill(const char *store, uint64_t live)
{
    struct host *h = malloc(sizeof *h);
    bool good;

    if (h == NULL)
        return false;
    good = host_open(h, &(struct host_options){.store = store, .requesters = REQUESTERS}) &&
           host_fill(h, live);
    good = host_ok(h) && good;
    host_close(h);
    free(h);
    return good;
}

struct pair {
    struct series usher, bare;
};

static bool windows(const struct bench *b, const char *path, const char *store, uint64_t live,
                    struct pair *out)
{
    int count = b->quick ? 2 : live < 1000000 ? 9 : 3;
    uint64_t tickets, ns;
    char n[24];

    for (int i = -1; i < count; i++) {
        progress(b, "reopen: %s wait, window %d of %d", short_number(live, n), i + 1, count);
        if (!bare_read(path, &tickets, &ns))
            return false;
        if (tickets != live) {
            fprintf(stderr, "usher-bench: %llu tickets in the file instead of %llu\n",
                    (unsigned long long)tickets, (unsigned long long)live);
            return false;
        }
        if (i >= 0)
            series_add_rate(&out->bare, ns, live);
        trim_memory();
        if (!open_once(store, live, &ns))
            return false;
        if (i >= 0)
            series_add_rate(&out->usher, ns, live);
    }
    return true;
}

static bool run(const struct bench *b, const char *dir, uint64_t live)
{
    char path[PATH_ROOM], store[PATH_ROOM + 24], n[24];
    struct pair with = {0}, without = {0};
    struct figure f;
    bool good = disk_renew(dir) && disk_path(dir, "usher.db", path);

    progress(b, "reopen: %s wait, filling", short_number(live, n));
    snprintf(store, sizeof store, "sqlite:%s", path);
    good = good && fill(store, live) && windows(b, path, store, live, &with);
    snprintf(store, sizeof store, "sqlite:%s?quick=1", path);
    good = good && windows(b, path, store, live, &without);
    if (!good)
        return false;
    f = figure_of("tickets, without the integrity check", live, &without.usher, &without.bare);
    f.unit = "/s";
    f.target = 1.2e6;
    f.kind = AT_LEAST;
    report_figure(b->report, &f);
    f = figure_of("tickets, with it", live, &with.usher, &with.bare);
    f.unit = "/s";
    report_figure(b->report, &f);
    f = (struct figure){.what = "... that is, for all",
                        .n = live,
                        .unit = "ns",
                        .value = 1e9 * (double)live / series_median(&with.usher)};
    report_figure(b->report, &f);
    return true;
}

bool bench_reopen(const struct bench *b)
{
    static const uint64_t usual[] = {100000, 1000000, 5000000}, small[] = {2000};
    const uint64_t *sizes = b->live_n > 0 ? b->live : b->quick ? small : usual;
    size_t sizes_n = b->live_n > 0 ? b->live_n : b->quick ? 1 : 3;
    char dir[PATH_ROOM], n[24];
    bool good = disk_open(b->dir, dir);

    report_bench(b->report, "reopen",
                 "a store in which n tickets wait is opened; the file is in memory");
    if (!good)
        return false;
    disk_note(dir, b->report);
    report_note(b->report, "by the clock; the floor is a SELECT of the tickets by bare SQLite");
    for (size_t i = 0; good && i < sizes_n; i++) {
        if (available_len() / 1000 < sizes[i] || disk_free_len(dir) / TICKET_LEN < sizes[i])
            report_note(b->report, "%s left out: too little memory or disk",
                        short_number(sizes[i], n));
        else
            good = run(b, dir, sizes[i]);
    }
    disk_close(dir);
    return good;
}
