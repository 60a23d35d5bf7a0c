/* Clocks, memory in use, medians, random numbers. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* malloc_trim comes with it */
#endif

#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

static uint64_t read_ns(clockid_t id)
{
    struct timespec t = {0};

    (void)clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t wall_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t all_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t resident_len(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long long size, resident;
    int n = 0;

    if (f == NULL)
        return 0;
    n = fscanf(f, "%llu %llu", &size, &resident);
    (void)fclose(f);
    return n == 2 ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

uint64_t available_len(void)
{
    FILE *f = fopen("/proc/meminfo", "r");
    char line[128];
    unsigned long long kib;
    uint64_t len = UINT64_MAX;

    if (f == NULL)
        return len;
    while (fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            len = (uint64_t)kib * 1024;
    }
    (void)fclose(f);
    return len;
}

void trim_memory(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

void series_add(struct series *s, uint64_t ns, uint64_t items)
{
    if (s->n < WINDOWS_MAX)
        s->v[s->n++] = (double)ns / (double)items;
}

void series_add_rate(struct series *s, uint64_t ns, uint64_t items)
{
    if (s->n < WINDOWS_MAX)
        s->v[s->n++] = 1e9 * (double)items / (double)ns;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double sorted_at(const struct series *s, size_t at)
{
    struct series sorted = *s;

    if (s->n == 0)
        return 0;
    qsort(sorted.v, sorted.n, sizeof sorted.v[0], by_size);
    return sorted.v[at];
}

double series_median(const struct series *s)
{
    return sorted_at(s, s->n / 2);
}

double series_low(const struct series *s)
{
    return sorted_at(s, 0);
}

double series_high(const struct series *s)
{
    return sorted_at(s, s->n > 0 ? s->n - 1 : 0);
}

double series_ratio(const struct series *a, const struct series *b)
{
    struct series ratios = {.n = a->n < b->n ? a->n : b->n};

    for (size_t i = 0; i < ratios.n; i++)
        ratios.v[i] = a->v[i] / b->v[i];
    return series_median(&ratios);
}

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t random_below(uint64_t *state, uint64_t n)
{
    return random_next(state) % n;
}

void progress(const struct bench *b, const char *format, ...)
{
    va_list args;

    if (!b->progress)
        return;
    fputs("\r\033[K", stderr);
    if (format != NULL) {
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
    }
    fflush(stderr);
}

const char *short_number(uint64_t n, char text[24])
{
    if (n >= 1000000 && n % 1000000 == 0)
        snprintf(text, 24, "%llu M", (unsigned long long)(n / 1000000));
    else if (n >= 1000 && n % 1000 == 0)
        snprintf(text, 24, "%llu k", (unsigned long long)(n / 1000));
    else
        snprintf(text, 24, "%llu", (unsigned long long)n);
    return text;
}
