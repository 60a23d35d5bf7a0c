/* usher-bench: what usher costs, beside the bare minimum and its peers. See bench.h. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: usher-bench [NAME...] [--live N,N] [--peer] [--quick] [--json]\n"
    "\n"
    "  cycle    enqueue, claim, acknowledge, resolve, with N tickets waiting meanwhile\n"
    "  memory   bytes per open ticket\n"
    "  line     the line with 1, 1 k and 1 M requesters, and its ordered set alone\n"
    "  timers   due times beside uv_timer_t, and the longest stall\n"
    "\n"
    "Without a name: all. Each figure is the median of several windows, between which the bare\n"
    "floor runs; `target` is what the design asks for, and no figure makes it fail.\n"
    "\n"
    "  --live N,N   cycle: tickets that wait, as 100k,1M,10M (that is the default)\n"
    "  --peer       cycle: beanstalkd too, where it is installed\n"
    "  --quick      small and short, to see whether it works\n"
    "  --json       for machines\n";

static const struct {
    const char *name;
    bool (*run)(const struct bench *b);
} benches[] = {{"cycle", bench_cycle},
               {"memory", bench_memory},
               {"line", bench_line},
               {"timers", bench_timers}};

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

static int wrong(const char *what)
{
    fprintf(stderr, "usher-bench: %s; see usher-bench --help\n", what);
    return 2;
}

int main(int argc, char **argv)
{
    struct bench b = {.live = {100000, 1000000, 10000000}, .live_n = 3, .many = 1000000};
    bool named[BENCHES] = {0}, any = false, json = false, live = false, good = true;

    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        size_t k = 0;

        if (strcmp(arg, "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(arg, "--live") == 0) {
            live = i + 1 < argc && parse_live(&b, argv[++i]);
            if (!live)
                return wrong("--live wants numbers, as 100k,1M");
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
    if (b.quick) {
        b.many = 20000;
        if (!live) {
            b.live[0] = 2000;
            b.live[1] = 20000;
            b.live_n = 2;
        }
    }
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
