/* usher-bench: what usher costs, beside the bare minimum and its peers. See bench.h. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DELAY "USHER_BENCH_SYNC_US"

static const char usage[] =
    "usage: usher-bench [NAME...] [--live N,N] [--peer] [--dir DIR] [--sync-delay MS] [--quick]\n"
    "                   [--json]\n"
    "\n"
    "  cycle    enqueue, claim, acknowledge, resolve, with N tickets waiting meanwhile\n"
    "  memory   bytes per open ticket\n"
    "  line     the line with 1, 1 k and 1 M requesters, and its ordered set alone\n"
    "  standing what a person sees who asks, with 1 M waiting and claims in between\n"
    "  timers   due times beside uv_timer_t, and the longest stall\n"
    "  calendar working time added, beside a walk from day to day\n"
    "  durable  commands in a store on disk, with 1 to 1000 in flight\n"
    "  reopen   opening such a store with N tickets waiting\n"
    "\n"
    "Without a name: all. Each figure is the median of several windows, between which the bare\n"
    "floor runs; `target` is what the design asks for, and no figure makes it fail.\n"
    "\n"
    "  --live N,N        tickets that wait; the default is 100k,1M,10M for cycle, for reopen\n"
    "                    100k,1M,5M\n"
    "  --peer            cycle: beanstalkd too, where it is installed; durable: Redis as well\n"
    "  --dir DIR         durable, reopen: where to put their files (a directory of their own in\n"
    "                    it), instead of where temporary files go\n"
    "  --sync-delay MS   durable: as if each flush to the disk took so much longer\n"
    "  --quick           small and short, to see whether it works\n"
    "  --json            for machines\n";

static const struct {
    const char *name;
    bool (*run)(const struct bench *b);
} benches[] = {{"cycle", bench_cycle},
               {"memory", bench_memory},
               {"line", bench_line},
               {"standing", bench_standing},
               {"timers", bench_timers},
               {"calendar", bench_calendar},
#ifdef USHER_SQLITE
               {"durable", bench_durable},
               {"reopen", bench_reopen}
#endif
};

enum { BENCHES = sizeof benches / sizeof benches[0] };

/* "100k,1M": 1 .. 100 M each. */
static bool parse_live(struct bench *b, const char *text)
{
    b->live_n = 0;
    for (;;) {
        char *end;
        unsigned long long n;

        errno = 0;
        n = strtoull(text, &end, 10);
        if (end == text || *text < '0' || *text > '9' || errno != 0 || n > 100000000)
            return false;
        if (*end == 'k')
            n *= 1000;
        else if (*end == 'M')
            n *= 1000000;
        if (*end == 'k' || *end == 'M')
            end++;
        if (n == 0 || n > 100000000 || b->live_n == LIVE_MAX)
            return false;
        b->live[b->live_n++] = n;
        if (*end == '\0')
            return true;
        if (*end != ',')
            return false;
        text = end + 1;
    }
}

/* 0.001 .. 1000. */
static bool parse_delay(struct bench *b, const char *text)
{
    char *end;
    double ms = strtod(text, &end);

    if (*text < '0' || *text > '9' || *end != '\0' || !(ms >= 0.001 && ms <= 1000))
        return false;
    b->sync_us = (uint32_t)(ms * 1000 + 0.5);
    return true;
}

/* Begins anew with slow_sync.c preloaded, which the servers that are started inherit. Returns only
 * when that has been done, or cannot be. */
static bool slowed(char **argv, uint32_t us)
{
    const char *others = getenv("LD_PRELOAD");
    char text[16], preload[4096];
    int n;

    snprintf(text, sizeof text, "%lu", (unsigned long)us);
    if (getenv(DELAY) != NULL)
        return strcmp(getenv(DELAY), text) == 0;
    n = snprintf(preload, sizeof preload, "%s%s%s", SLOW_SYNC, others != NULL ? ":" : "",
                 others != NULL ? others : "");
    if (n > 0 && (size_t)n < sizeof preload && setenv(DELAY, text, 1) == 0 &&
        setenv("LD_PRELOAD", preload, 1) == 0)
        (void)execv("/proc/self/exe", argv);
    return false;
}

static int wrong(const char *what)
{
    fprintf(stderr, "usher-bench: %s; see usher-bench --help\n", what);
    return 2;
}

int main(int argc, char **argv)
{
    struct bench b = {.many = 1000000};
    bool named[BENCHES] = {0}, any = false, json = false, good = true;

    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        size_t k = 0;

        if (strcmp(arg, "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(arg, "--live") == 0) {
            if (i + 1 == argc || !parse_live(&b, argv[++i]))
                return wrong("--live wants numbers, as 100k,1M");
        } else if (strcmp(arg, "--sync-delay") == 0) {
            if (i + 1 == argc || !parse_delay(&b, argv[++i]))
                return wrong("--sync-delay wants a number of milliseconds");
        } else if (strcmp(arg, "--dir") == 0) {
            if (i + 1 == argc)
                return wrong("--dir wants a directory");
            b.dir = argv[++i];
        } else if (strcmp(arg, "--json") == 0) {
            json = true;
        } else if (strcmp(arg, "--quick") == 0) {
            b.quick = true;
        } else if (strcmp(arg, "--peer") == 0) {
            b.peer = true;
        } else {
            while (k < BENCHES && strcmp(arg, benches[k].name) != 0)
                k++;
            if (k == BENCHES)
                return wrong(arg[0] == '-' ? "no such option" : "no such bench");
            named[k] = any = true;
        }
    }
    if (b.sync_us > 0 && !slowed(argv, b.sync_us)) {
        fputs("usher-bench: flushes cannot be made to take longer here\n", stderr);
        return 1;
    }
    if (b.quick)
        b.many = 20000;
    b.progress = isatty(STDERR_FILENO) != 0;
    b.report = report_new(json, b.quick);
    if (b.report == NULL) {
        fputs("usher-bench: out of memory\n", stderr);
        return 1;
    }
    for (size_t k = 0; k < BENCHES; k++) {
        if (named[k] || !any)
            good = benches[k].run(&b) && good;
        progress(&b, NULL);
    }
    report_end(b.report);
    return good ? 0 : 1;
}
