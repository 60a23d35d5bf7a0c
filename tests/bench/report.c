/* What was measured, as a table for people or as JSON. */
#include "bench.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <usher/usher.h>

#ifdef __OPTIMIZE__
#define OPTIMISED true
#else
#define OPTIMISED false
#endif

enum { FIGURES_MAX = 64, NOTES_MAX = 12, COLUMNS = 9 };

struct report {
    json_t *benches; /* NULL: a table is wanted */
    json_t *root;
    const char *name;
    const char *about;
    struct figure figures[FIGURES_MAX]; /* of the bench that runs */
    char notes[NOTES_MAX][256];
    size_t figures_n, notes_n;
};

struct figure figure_of(const char *what, uint64_t n, const struct series *usher,
                        const struct series *floor)
{
    struct figure f = {.n = n,
                       .unit = "ns",
                       .value = series_median(usher),
                       .low = series_low(usher),
                       .high = series_high(usher),
                       .floor = floor != NULL ? series_median(floor) : 0,
                       .to_floor = floor != NULL ? series_ratio(usher, floor) : 0};

    snprintf(f.what, sizeof f.what, "%s", what);
    return f;
}

static bool reached(const struct figure *f)
{
    return f->kind == AT_LEAST ? f->value >= f->target : f->value <= f->target;
}

/* Of a figure with a floor. */
static bool reached_by_ratio(const struct figure *f)
{
    return f->kind == AT_LEAST ? f->to_floor >= f->times : f->to_floor <= f->times;
}

/* Than the peer, if there is one; of a rate more is better, of anything else less. */
static double faster(const struct figure *f)
{
    return strcmp(f->unit, "/s") == 0 ? f->value / f->peer : f->peer / f->value;
}

/* ---- for people ------------------------------------------------------------------------------ */

struct row {
    char cells[COLUMNS][72];
};

static void write_rate(char *cell, size_t len, double v)
{
    if (v < 1e4)
        snprintf(cell, len, "%.0f /s", v);
    else if (v < 1e6)
        snprintf(cell, len, v < 1e5 ? "%.1f k/s" : "%.0f k/s", v / 1e3);
    else
        snprintf(cell, len, "%.2f M/s", v / 1e6);
}

static void write_value(char *cell, size_t len, const char *unit, double v)
{
    if (strcmp(unit, "/s") == 0)
        write_rate(cell, len, v);
    else if (strcmp(unit, "ns") != 0)
        snprintf(cell, len, v < 10 ? "%.2f %s" : "%.0f %s", v, unit);
    else if (v < 1e3)
        snprintf(cell, len, v < 100 ? "%.1f ns" : "%.0f ns", v);
    else if (v < 1e6)
        snprintf(cell, len, "%.2f us", v / 1e3);
    else
        snprintf(cell, len, "%.2f ms", v / 1e6);
}

static void write_times(char *cell, size_t len, double times)
{
    snprintf(cell, len, times < 2 ? "%.2f x" : "%.1f x", times);
}

/* One of several: they stand behind one another. */
static void add_target(char *cell, size_t len, const char *than, const char *target, bool there)
{
    size_t n = strlen(cell);

    snprintf(cell + n, len - n, "%s%s %s %s", n > 0 ? ", " : "", than, target,
             there ? "yes" : "NO");
}

static void write_target(char *cell, size_t len, const struct figure *f)
{
    const char *than = f->kind == AT_LEAST ? ">=" : "<=";
    char target[40];

    if (f->target > 0) {
        write_value(target, sizeof target, f->unit, f->target);
        add_target(cell, len, than, target, reached(f));
    }
    if (f->times > 0) {
        snprintf(target, sizeof target, f->times < 2 ? "%.2g x floor" : "%.1f x floor", f->times);
        add_target(cell, len, than, target, reached_by_ratio(f));
    }
    if (f->faster > 0) {
        snprintf(target, sizeof target, "%.0f x peer", f->faster);
        add_target(cell, len, ">=", target, faster(f) >= f->faster);
    }
}

static struct row row_of(const struct figure *f)
{
    struct row r = {0};
    enum { LEN = sizeof r.cells[0] };
    char number[24], target[40];

    snprintf(r.cells[0], LEN, "%s", f->what);
    if (f->n > 0)
        snprintf(r.cells[1], LEN, "%s", short_number(f->n, number));
    write_value(r.cells[2], LEN, f->unit, f->value);
    if (f->high > f->low) {
        write_value(number, sizeof number, f->unit, f->low);
        write_value(target, sizeof target, f->unit, f->high);
        snprintf(r.cells[3], LEN, "%s .. %s", number, target);
    }
    if (f->floor > 0) {
        write_value(r.cells[4], LEN, f->unit, f->floor);
        write_times(r.cells[5], LEN, f->to_floor);
    }
    if (f->peer > 0) {
        write_value(r.cells[6], LEN, f->unit, f->peer);
        write_times(r.cells[7], LEN, faster(f));
    }
    if (f->kind != TARGET_NONE)
        write_target(r.cells[8], LEN, f);
    return r;
}

static void print_row(const struct row *r, const int width[COLUMNS])
{
    for (int c = 0; c < COLUMNS; c++) {
        if (width[c] == 0)
            continue;
        if (c == 0 || c == COLUMNS - 1) /* words to the left, numbers to the right */
            printf("%s%-*s", c == 0 ? "  " : "   ", c == 0 ? width[c] : 0, r->cells[c]);
        else
            printf("   %*s", width[c], r->cells[c]);
    }
    putchar('\n');
}

static void print_table(const struct report *r)
{
    static const struct row head = {
        {"", "n", "usher", "windows", "floor", "to floor", "peer", "faster", "target"}};
    int width[COLUMNS] = {0};

    for (size_t i = 0; i < r->figures_n; i++) {
        struct row row = row_of(&r->figures[i]);

        for (int c = 0; c < COLUMNS; c++) {
            if ((int)strlen(row.cells[c]) > width[c])
                width[c] = (int)strlen(row.cells[c]);
        }
    }
    for (int c = 0; c < COLUMNS; c++) {
        if (width[c] > 0 && width[c] < (int)strlen(head.cells[c]))
            width[c] = (int)strlen(head.cells[c]);
    }
    printf("\n%s: %s\n", r->name, r->about);
    print_row(&head, width);
    for (size_t i = 0; i < r->figures_n; i++) {
        struct row row = row_of(&r->figures[i]);

        print_row(&row, width);
    }
    for (size_t i = 0; i < r->notes_n; i++)
        printf("  %s\n", r->notes[i]);
    fflush(stdout);
}

/* ---- for machines ---------------------------------------------------------------------------- */

static void set_number(json_t *to, const char *key, double v)
{
    (void)json_object_set_new(to, key, json_real(v));
}

static json_t *json_of(const struct figure *f)
{
    json_t *o = json_pack("{s:s, s:I, s:s}", "what", f->what, "n", (json_int_t)f->n, "unit",
                          f->unit);

    set_number(o, "value", f->value);
    set_number(o, "low", f->low);
    set_number(o, "high", f->high);
    if (f->floor > 0) {
        set_number(o, "floor", f->floor);
        set_number(o, "to_floor", f->to_floor);
    }
    if (f->peer > 0) {
        set_number(o, "peer", f->peer);
        set_number(o, "faster_than_peer", faster(f));
    }
    if (f->target > 0) {
        set_number(o, f->kind == AT_LEAST ? "at_least" : "at_most", f->target);
        (void)json_object_set_new(o, "reached", json_boolean(reached(f)));
    }
    if (f->times > 0) {
        set_number(o, f->kind == AT_LEAST ? "at_least_of_floor" : "at_most_of_floor", f->times);
        (void)json_object_set_new(o, "reached_by_ratio", json_boolean(reached_by_ratio(f)));
    }
    if (f->faster > 0) {
        set_number(o, "at_least_of_peer", f->faster);
        (void)json_object_set_new(o, "reached_by_peer", json_boolean(faster(f) >= f->faster));
    }
    return o;
}

static void add_json(const struct report *r)
{
    json_t *figures = json_array(), *notes = json_array();

    for (size_t i = 0; i < r->figures_n; i++)
        (void)json_array_append_new(figures, json_of(&r->figures[i]));
    for (size_t i = 0; i < r->notes_n; i++)
        (void)json_array_append_new(notes, json_string(r->notes[i]));
    (void)json_array_append_new(
        r->benches, json_pack("{s:s, s:s, s:o, s:o}", "name", r->name, "about", r->about, "figures",
                              figures, "notes", notes));
}

/* ---- both ------------------------------------------------------------------------------------ */

struct report *report_new(bool json, bool quick)
{
    struct report *r = calloc(1, sizeof *r);
    uv_cpu_info_t *cpus = NULL;
    int cpus_n = 0;
    const char *model;

    if (r == NULL)
        return NULL;
    (void)uv_cpu_info(&cpus, &cpus_n);
    model = cpus_n > 0 ? cpus[0].model : "unknown";
    if (json) {
        r->benches = json_array();
        r->root = json_pack("{s:s, s:s, s:i, s:b, s:b, s:o}", "usher", USHER_VERSION_STRING,
                            "processor", model, "processors", cpus_n, "optimised", OPTIMISED,
                            "quick", quick, "benches", r->benches);
    } else {
        printf("usher %s, %d x %s%s%s\n", USHER_VERSION_STRING, cpus_n, model,
               quick ? ", quick: the figures mean little" : "",
               OPTIMISED ? "" : ", not optimised: the figures mean nothing");
    }
    uv_free_cpu_info(cpus, cpus_n);
    if (json && r->root == NULL) {
        free(r);
        return NULL;
    }
    return r;
}

static void finish_bench(struct report *r)
{
    if (r->name == NULL)
        return;
    if (r->benches != NULL)
        add_json(r);
    else
        print_table(r);
    r->figures_n = r->notes_n = 0;
    r->name = NULL;
}

void report_bench(struct report *r, const char *name, const char *about)
{
    finish_bench(r);
    r->name = name;
    r->about = about;
}

void report_figure(struct report *r, const struct figure *f)
{
    if (r->figures_n < FIGURES_MAX)
        r->figures[r->figures_n++] = *f;
}

void report_note(struct report *r, const char *format, ...)
{
    va_list args;

    if (r->notes_n == NOTES_MAX)
        return;
    va_start(args, format);
    vsnprintf(r->notes[r->notes_n++], sizeof r->notes[0], format, args);
    va_end(args);
}

void report_end(struct report *r)
{
    finish_bench(r);
    if (r->root != NULL) {
        (void)json_dumpf(r->root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(r->root);
    }
    free(r);
}
