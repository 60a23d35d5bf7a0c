/* usher-bench from inside: what the benches share.
 *
 * Machines are shared and noisy, so nothing here is judged by one number. Each figure is the median
 * of several windows; what it is held against (a bare floor, or a peer) runs in windows between
 * them, and what counts is the ratio. Time is the processor's, of this thread, the system's part
 * included: when others run instead, that is not usher's doing; only where a disk is waited for is
 * it the clock's. A target of the design is printed
 * beside the figure, and as a multiple of the floor that was measured with it, for slower machines
 * than its own. It decides nothing: only a wrong answer makes the program fail. */
#ifndef USHER_BENCH_BENCH_H
#define USHER_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIVE_MAX = 8, WINDOWS_MAX = 32 };

struct report;

struct bench {
    uint64_t live[LIVE_MAX]; /* `cycle`, `reopen`: tickets that wait */
    size_t live_n;           /* 0: as the bench likes it */
    uint64_t many;           /* the design's 1 M, for the other benches */
    const char *dir;         /* where to put what goes to disk; NULL: where temporary files go */
    uint32_t sync_us;        /* each flush of a file has been made to take so much longer */
    bool quick; /* a look whether all of it works: small, and its figures mean little */
    bool peer;
    bool progress; /* stderr is a terminal */
    struct report *report;
};

/* Each returns false when usher answered what it should not have; it has said so. */
bool bench_cycle(const struct bench *b);
bool bench_memory(const struct bench *b);
bool bench_line(const struct bench *b);
bool bench_standing(const struct bench *b);
bool bench_timers(const struct bench *b);
bool bench_calendar(const struct bench *b);
bool bench_durable(const struct bench *b);
bool bench_reopen(const struct bench *b);

/* ---- measuring ------------------------------------------------------------------------------- */

uint64_t cpu_ns(void);       /* of this thread */
uint64_t all_cpu_ns(void);   /* of all threads */
uint64_t wall_ns(void);
uint64_t resident_len(void); /* bytes of this process in memory; 0: not known here */

/* What this machine could still give; UINT64_MAX: not known here. */
uint64_t available_len(void);

/* Gives back to the system what is free, so that resident_len() grows from there. */
void trim_memory(void);

struct series {
    double v[WINDOWS_MAX];
    size_t n;
};

/* A value per item, of a window that took so long. Room for WINDOWS_MAX. */
void series_add(struct series *s, uint64_t ns, uint64_t items);
/* Items per second, likewise. */
void series_add_rate(struct series *s, uint64_t ns, uint64_t items);
double series_median(const struct series *s);
double series_low(const struct series *s);
double series_high(const struct series *s);

/* The median of what a's windows are to b's, pair by pair: the two of a pair ran one after the
 * other, so what slowed one mostly slowed the other. 0: b is empty. */
double series_ratio(const struct series *a, const struct series *b);

/* SplitMix64: the same numbers in every run. */
uint64_t random_next(uint64_t *state);
/* Below n. */
uint64_t random_below(uint64_t *state, uint64_t n);

/* On stderr, when that is a terminal: what is going on. NULL: the line is wiped. */
void progress(const struct bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "100 k", "1 M", "12345". */
const char *short_number(uint64_t n, char text[24]);

/* ---- reporting ------------------------------------------------------------------------------- */

enum { TARGET_NONE, AT_MOST, AT_LEAST };

struct figure {
    char what[64];
    uint64_t n;       /* how many of whatever the bench says; 0: it does not matter */
    const char *unit; /* "ns", "B", "ms", "x", "/s" */
    double value;
    double low, high; /* of the windows; equal: there was only one */
    double floor;     /* the bare minimum in the same run; 0: none */
    double to_floor;  /* how many times that */
    double peer;      /* another program in the same run; 0: none */
    double target;    /* 0: none but those that follow */
    double times;     /* the target as a multiple of the floor; 0: none */
    double faster;    /* how many times as fast as the peer, at least; 0: any */
    int kind;         /* TARGET_* */
};

/* A figure of a series and, where there is one, the floor's series. */
struct figure figure_of(const char *what, uint64_t n, const struct series *usher,
                        const struct series *floor);

struct report *report_new(bool json, bool quick);
/* A bench begins: its title, and what is measured. */
void report_bench(struct report *r, const char *name, const char *about);
void report_figure(struct report *r, const struct figure *f);
/* A line of its own beneath the figures: what was left out, and why. */
void report_note(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints what has not been printed yet and frees it. */
void report_end(struct report *r);

#endif
