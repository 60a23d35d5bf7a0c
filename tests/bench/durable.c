/* The SQLite store at its level DISK: commands by the second with few and many in flight, beside
 * bare SQLite that writes the same rows and beside servers that flush as well; how long one takes;
 * what is written for it.
 *
 * Here time is the clock's, because it is spent waiting for the disk. The windows of all of them
 * take turns, so that each sees the same disk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <usher/usher.h>

#include "bare.h"
#include "bench.h"
#include "disk.h"
#include "flight.h"
#include "host.h"
#include "peer.h"

enum { REQUESTERS = 1000, PEERS = 3, BESIDE = 20 /* syncs */ };

static const uint32_t in_flight[] = {1, 10, 100, 1000};

static const struct {
    const char *name;
    int kind;
    uint32_t sync_ms;
    double faster; /* the target */
} kinds[PEERS] = {{"beanstalkd -b -f0", PEER_BEANSTALKD, 0, 6},
                  {"beanstalkd -b -f50", PEER_BEANSTALKD, 50, 0},
                  {"Redis, appendfsync always", PEER_REDIS, 0, 1}};

struct run {
    const struct bench *b;
    const char *dir;
    uint32_t n; /* in flight */
    struct host *host;
    struct flight *flight;
    struct bare *bare;
    struct peer *peers[PEERS]; /* NULL: not there */
    struct series usher, floor, cycles, peer[PEERS];
    struct series all_cpu, loop_cpu, floor_cpu;
    struct {
        uint64_t len, commands;
    } usher_written, bare_written;
};

/* ---- the windows ----------------------------------------------------------------------------- */

static uint64_t window_ns(const struct bench *b)
{
    if (b->quick)
        return 10000000;
    return b->sync_us > 0 ? 400000000 : 150000000;
}

static bool window(struct run *r, bool warm)
{
    uint64_t ns = window_ns(r->b), written = disk_written_len(), between, cpu[3], loop;
    struct bare_run bare;
    struct flight_run flight;

    cpu[0] = all_cpu_ns();
    if (!bare_run(r->bare, r->n, ns, &bare))
        return false;
    between = disk_written_len();
    cpu[1] = all_cpu_ns();
    loop = cpu_ns();
    if (!flight_run(r->flight, r->n, ns, NULL, &flight))
        return false;
    loop = cpu_ns() - loop;
    cpu[2] = all_cpu_ns();
    if (warm)
        return true;
    series_add(&r->floor_cpu, cpu[1] - cpu[0], bare.commands);
    series_add(&r->all_cpu, cpu[2] - cpu[1], flight.total);
    series_add(&r->loop_cpu, loop, flight.total);
    r->usher_written.len += disk_written_len() - between;
    r->usher_written.commands += flight.total;
    r->bare_written.len += between - written;
    r->bare_written.commands += bare.commands;
    series_add_rate(&r->floor, bare.wall, bare.commands);
    series_add_rate(&r->usher, flight.wall, flight.commands);
    series_add_rate(&r->cycles, 4 * flight.wall, flight.commands);
    return true;
}

/* One that fails is left out from then on. */
static void peer_windows(struct run *r, bool warm)
{
    for (int k = 0; k < PEERS; k++) {
        struct peer_run run;

        if (r->peers[k] == NULL)
            continue;
        if (!peer_run(r->peers[k], r->n, UINT64_MAX, window_ns(r->b), &run)) {
            report_note(r->b->report, "%s has stopped to answer", kinds[k].name);
            peer_stop(r->peers[k]);
            r->peers[k] = NULL;
        } else if (!warm && run.cycles > 0) {
            series_add_rate(&r->peer[k], run.wall, run.cycles);
        }
    }
}

static bool windows(struct run *r)
{
    int count = r->b->quick ? 2 : 9;

    for (int i = -1; i < count; i++) {
        progress(r->b, "durable: %u in flight, window %d of %d", r->n, i + 1, count);
        if (!window(r, i < 0))
            return false;
        peer_windows(r, i < 0);
    }
    return true;
}

/* ---- what it says ---------------------------------------------------------------------------- */

static void report_rates(const struct run *r)
{
    struct figure f = figure_of("commands", r->n, &r->usher, &r->floor);

    f.unit = "/s";
    f.kind = AT_LEAST;
    f.times = r->b->sync_us > 0 ? 0.9 : 0.75;
    f.target = r->b->sync_us == 2000 && r->n == 1000 ? 190000 : 0;
    report_figure(r->b->report, &f);
    for (int k = 0; k < PEERS; k++) {
        char what[64];

        if (r->peer[k].n == 0)
            continue;
        snprintf(what, sizeof what, "... cycles, beside %s", kinds[k].name);
        f = figure_of(what, r->n, &r->cycles, NULL);
        f.unit = "/s";
        f.peer = series_median(&r->peer[k]);
        f.faster = r->n >= 100 ? kinds[k].faster : 0;
        f.kind = f.faster > 0 ? AT_LEAST : TARGET_NONE;
        report_figure(r->b->report, &f);
    }
}

/* What does not depend on what else the machine has to do. */
static void report_cpu(const struct run *r)
{
    struct figure f =
        figure_of("... processor time, both threads", r->n, &r->all_cpu, &r->floor_cpu);

    report_figure(r->b->report, &f);
    f = figure_of("... of the loop's thread", r->n, &r->loop_cpu, NULL);
    report_figure(r->b->report, &f);
}

static void report_written(const struct run *r)
{
    struct figure f = {.what = "... bytes written for each", .n = r->n, .unit = "B"};

    if (r->usher_written.len == 0 || r->bare_written.len == 0)
        return;
    f.value = (double)r->usher_written.len / (double)r->usher_written.commands;
    f.floor = (double)r->bare_written.len / (double)r->bare_written.commands;
    f.to_floor = f.value / f.floor;
    report_figure(r->b->report, &f);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static double at_share(const struct latencies *l, uint64_t share, uint64_t of)
{
    return l->ns[l->n * share / of];
}

static void report_latencies(const struct run *r, struct latencies *l, double sync)
{
    struct figure f = {.what = "... until its callback: half of them", .n = r->n, .unit = "ns"};
    double median;

    qsort(l->ns, l->n, sizeof *l->ns, by_size);
    f.value = median = at_share(l, 1, 2);
    if (r->n == 1 && sync > 0) {
        f.floor = sync;
        f.to_floor = median / sync;
        f.times = r->b->sync_us > 0 ? 1.2 : 0;
        f.kind = f.times > 0 ? AT_MOST : TARGET_NONE;
    }
    report_figure(r->b->report, &f);
    f = (struct figure){.what = "... 99 %",
                        .n = r->n,
                        .unit = "ns",
                        .value = at_share(l, 99, 100),
                        .target = 3 * median,
                        .kind = AT_MOST};
    report_figure(r->b->report, &f);
    f = (struct figure){
        .what = "... 99.9 %", .n = r->n, .unit = "ns", .value = at_share(l, 999, 1000)};
    report_figure(r->b->report, &f);
    f = (struct figure){
        .what = "... the longest", .n = r->n, .unit = "ns", .value = l->ns[l->n - 1]};
    report_figure(r->b->report, &f);
}

/* Long enough for the store to write its log back several times. The syncs are measured before and
 * afterwards. */
static bool latencies(struct run *r, const char *path)
{
    struct latencies l = {.room = r->b->quick ? 10000 : 4000000};
    uint64_t before, len = disk_len(path), now, sync;
    struct flight_run run;
    bool good;

    l.ns = malloc(l.room * sizeof *l.ns);
    if (l.ns == NULL) {
        fputs("usher-bench: out of memory\n", stderr);
        return false;
    }
    progress(r->b, "durable: %u in flight, how long each takes", r->n);
    sync = disk_sync_ns(r->dir, BESIDE * (r->b->quick ? 1 : 10));
    good = flight_run(r->flight, r->n, r->b->quick ? 20000000 : 4000000000, &l, &run);
    before = sync;
    sync = disk_sync_ns(r->dir, BESIDE * (r->b->quick ? 1 : 10));
    now = disk_len(path);
    if (good && l.n > 0) {
        report_latencies(r, &l, (double)(before + sync) / 2);
        report_note(r->b->report,
                    "how long, %u in flight: %llu commands, the file grew by %llu KiB meanwhile",
                    r->n, (unsigned long long)l.n, (unsigned long long)(now - len) / 1024);
    }
    free(l.ns);
    return good;
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* With fewer waiting, which they do not mind: one that flushes each would fill for long. */
static void start_peers(struct run *r, bool first)
{
    uint64_t live = r->b->quick ? 100 : 1000;

    for (int k = 0; k < PEERS; k++) {
        char dir[PATH_ROOM], name[16];
        struct peer_options o = {.kind = kinds[k].kind, .dir = dir, .sync_ms = kinds[k].sync_ms};
        const char *why = "there is no place for a peer";

        snprintf(name, sizeof name, "peer%d", k);
        if (disk_path(r->dir, name, dir) && mkdir(dir, 0700) == 0)
            r->peers[k] = peer_start(&o, &why);
        if (r->peers[k] != NULL && !peer_fill(r->peers[k], live, BODY_LEN)) {
            why = "does not answer";
            peer_stop(r->peers[k]);
            r->peers[k] = NULL;
        }
        if (r->peers[k] == NULL && first)
            report_note(r->b->report, "%s left out: %s", kinds[k].name, why);
    }
}

static bool measure(struct run *r, const char *path)
{
    if (r->bare == NULL || !windows(r))
        return false;
    report_rates(r);
    report_cpu(r);
    report_written(r);
    return (r->n != 1 && r->n != 100) || latencies(r, path);
}

static bool run(const struct bench *b, const char *dir, uint32_t n, bool first)
{
    struct run r = {.b = b, .dir = dir, .n = n, .host = malloc(sizeof *r.host)};
    char path[PATH_ROOM], store[PATH_ROOM + 8], bare[PATH_ROOM];
    uint64_t live = b->quick ? 2000 : 10000;
    bool good = r.host != NULL && disk_renew(dir) && disk_path(dir, "usher.db", path) &&
                disk_path(dir, "bare.db", bare);

    if (!good) {
        fprintf(stderr, "usher-bench: no room, or %s cannot be used\n", dir);
        free(r.host);
        return false;
    }
    progress(b, "durable: %u in flight, filling", n);
    if (b->peer)
        start_peers(&r, first);
    snprintf(store, sizeof store, "sqlite:%s", path);
    good = host_open(r.host, &(struct host_options){.store = store, .requesters = REQUESTERS}) &&
           host_fill(r.host, live);
    r.flight = good ? flight_new(r.host) : NULL;
    if (r.flight != NULL) {
        r.bare = bare_open(bare, live);
        good = measure(&r, path);
    }
    good = host_ok(r.host) && good && r.flight != NULL;
    host_close(r.host);
    flight_free(r.flight);
    bare_close(r.bare);
    for (int k = 0; k < PEERS; k++)
        peer_stop(r.peers[k]);
    free(r.host);
    return good;
}

bool bench_durable(const struct bench *b)
{
    char dir[PATH_ROOM];
    bool good = disk_open(b->dir, dir);

    report_bench(b->report, "durable",
                 "enqueue (100 B), claim, acknowledge, resolve, at level DISK; n in flight");
    if (!good)
        return false;
    disk_note(dir, b->report);
    report_note(b->report, "by the clock; the floor is bare SQLite with the same rows, n commands "
                           "in a commit; 10 k tickets wait");
    report_note(b->report, "a cycle is 4 commands of usher's, 3 of a peer's; bytes by "
                           "/proc/self/io; the time's floor is one bare flush of 4 KiB");
    if (b->sync_us > 0) {
        report_note(b->report, "each flush takes %.3g ms longer: that of usher, floor and peers",
                    b->sync_us / 1e3);
        good = disk_sync_ns(dir, 3) >= (uint64_t)b->sync_us * 1000;
        if (!good)
            fputs("usher-bench: flushes take no longer than before\n", stderr);
    }
    for (size_t i = 0; good && i < sizeof in_flight / sizeof in_flight[0]; i++)
        good = run(b, dir, in_flight[i], i == 0);
    disk_close(dir);
    return good;
}
