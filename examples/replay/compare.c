/* What the three orders came to for the same people. */
#include "compare.h"

#include <stdlib.h>

#include "array.h"

static const struct {
    const char *key, *name;
} orders[ORDERS] = {
    {"usher", "usher's line"},
    {"fcfs", "first come, first served"},
    {"strict", "strict priority"},
};

const char *order_key(enum order o)
{
    return orders[o].key;
}

const char *order_name(enum order o)
{
    return orders[o].name;
}

static const struct {
    const char *key, *text;
} definitions[] = {
    {"wait", "A wait is from the opening in the log until an agent takes the ticket."},
    {"touch",
     "How long an agent is at a ticket is what the log has it in agents' hands, all claims "
     "together: time by the clock on the wall, with its nights and with the other tickets "
     "in the same hands."},
    {"touch_missing",
     "Tickets without any such time in the log take the median of those of their priority."},
    {"agents",
     "Each agent has one ticket at a time, from start to end, around the clock, and can "
     "serve anybody: one line, no pauses, no hand-offs, nothing comes back. Nobody who is "
     "free lets anybody wait."},
    {"ties", "Who comes in the same instant stands in the line before any of them is taken."},
    {"promises",
     "Promises are those of the policy, with its calendars: the first word is said when "
     "an agent takes the ticket, the solution when he is done. Answers and next words "
     "hang on what people write on the way: they are not judged."},
    {"passed_over", "Somebody is passed over each time that one who came later is taken first."},
    {"usher",
     "usher's line is the library's own: bands by priority that take turns by their shares, "
     "in a band the nearest due of a promise, the requester's other tickets at a "
     "distance."},
    {"fcfs", "First come, first served: whoever has waited longest."},
    {"strict", "Strict priority: the highest that waits, as it came; in it whoever has waited "
               "longest."},
};

const char *definition(size_t i, const char **key)
{
    if (i >= sizeof definitions / sizeof *definitions)
        return NULL;
    *key = definitions[i].key;
    return definitions[i].text;
}

/* ---- one order ------------------------------------------------------------------------------- */

static bool is_in(const struct arrival *a, int group)
{
    return group == EVERYBODY || a->priority == group + USHER_LOW;
}

static int64_t wait_of(const struct what_if *w, enum order o, size_t i)
{
    return w->servings[o].served[i].taken_at - w->demand->arrivals[i].at;
}

static void sum_group(struct what_if *w, enum order o, int group, int64_t *room)
{
    struct outcome *out = &w->outcomes[o];
    size_t n = 0;
    for (size_t i = 0; i < w->demand->n; i++) {
        if (!is_in(&w->demand->arrivals[i], group))
            continue;
        room[n++] = wait_of(w, o, i);
        for (int p = 0; p < JUDGED; p++) {
            out->promises[p][group].kept += w->servings[o].served[i].verdicts[p] == USHER_KEPT;
            out->promises[p][group].broken += w->servings[o].served[i].verdicts[p] == USHER_BROKEN;
        }
    }
    out->waits[group] = figures_spread(room, n);
}

/* Of one instant nobody came later than the other: each instant has one number. */
static uint32_t *number_instants(const struct demand *d)
{
    uint32_t *numbers = array_new(d->n, sizeof *numbers);
    uint32_t at = 1;
    for (size_t i = 0; i < d->n; i++) {
        at += i > 0 && d->arrivals[i].at != d->arrivals[i - 1].at;
        numbers[i] = at;
    }
    return numbers;
}

/* When somebody is taken at last, those were before him who are taken already and came later. Sums
 * over a growing set by number: a Fenwick tree. */
static void count_passed(struct what_if *w, enum order o)
{
    const struct serving *s = &w->servings[o];
    struct outcome *out = &w->outcomes[o];
    uint32_t *numbers = number_instants(w->demand);
    uint32_t *tree = array_new(w->demand->n + 1, sizeof *tree);
    for (size_t k = 0; k < s->taken_n; k++) {
        uint32_t number = numbers[s->taken[k]];
        uint64_t not_later = 0;
        for (uint32_t i = number; i > 0; i -= i & (0 - i))
            not_later += tree[i];
        for (uint32_t i = number; i <= w->demand->n; i += i & (0 - i))
            tree[i]++;
        uint64_t times = k - not_later;
        out->passed_people += times > 0;
        out->passed_times += times;
        if (times > out->passed_most)
            out->passed_most = times;
    }
    free(tree);
    free(numbers);
}

static void sum_order(struct what_if *w, enum order o, int64_t *room)
{
    struct outcome *out = &w->outcomes[o];
    *out = (struct outcome){0};
    for (int group = 0; group < GROUPS; group++)
        sum_group(w, o, group, room);
    for (size_t i = 0; i < w->demand->n; i++) {
        out->waited_ms += wait_of(w, o, i);
        if (wait_of(w, o, i) > wait_of(w, o, out->longest))
            out->longest = (uint32_t)i;
    }
    count_passed(w, o);
}

/* ---- by the time of coming ------------------------------------------------------------------- */

/* The finest of these of which BINS_MOST cover the whole. */
static int64_t width_for(int64_t span_ms)
{
    static const int64_t minutes[] = {1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080};
    size_t i = 0;
    size_t last = sizeof minutes / sizeof *minutes - 1;
    while (i < last && span_ms / (minutes[i] * 60000) + 2 > BINS_MOST)
        i++;
    int64_t width = minutes[i] * 60000;
    while (span_ms / width + 2 > BINS_MOST)
        width *= 2;
    return width;
}

static void fill_bin(struct what_if *w, enum order o, int priority, size_t b, int64_t *room)
{
    struct bins *bins = &w->bins;
    size_t n = 0;
    for (size_t i = 0; i < w->demand->n; i++) {
        const struct arrival *a = &w->demand->arrivals[i];
        if (is_in(a, priority) && (size_t)((a->at - bins->from_at) / bins->width_ms) == b)
            room[n++] = wait_of(w, o, i);
    }
    struct bin *bin = &bins->bins[o][priority][b];
    *bin = (struct bin){n, figures_spread(room, n).p90};
    if (bin->p90 > bins->most_ms)
        bins->most_ms = bin->p90;
}

static void fill_bins(struct what_if *w, int64_t *room)
{
    const struct demand *d = w->demand;
    int64_t last_at = d->arrivals[d->n - 1].at;
    struct bins *bins = &w->bins;
    bins->width_ms = width_for(last_at - d->arrivals[0].at);
    /* Counted from a Monday. */
    const int64_t monday = INT64_C(4) * 86400000;
    bins->from_at = (d->arrivals[0].at - monday) / bins->width_ms * bins->width_ms + monday;
    if (bins->from_at > d->arrivals[0].at)
        bins->from_at -= bins->width_ms;
    bins->n = (size_t)((last_at - bins->from_at) / bins->width_ms) + 1;
    for (int o = 0; o < ORDERS; o++) {
        for (int p = 0; p < PRIORITY_N; p++) {
            bins->bins[o][p] = array_new(bins->n, sizeof(struct bin));
            for (size_t b = 0; b < bins->n; b++)
                fill_bin(w, (enum order)o, p, b, room);
        }
    }
}

void compare(struct what_if *w)
{
    int64_t *room = array_new(w->demand->n, sizeof *room);
    for (int o = 0; o < ORDERS; o++)
        sum_order(w, (enum order)o, room);
    fill_bins(w, room);
    free(room);
}

void what_if_free(struct what_if *w)
{
    for (int o = 0; o < ORDERS; o++) {
        serving_free(&w->servings[o]);
        for (int p = 0; p < PRIORITY_N; p++)
            free(w->bins.bins[o][p]);
    }
}

/* ---- usher against another ------------------------------------------------------------------- */

/* Larger is worse. */
static int64_t figure(const struct outcome *o, enum measure m, int group)
{
    const struct spread *waits = &o->waits[group];
    switch (m) {
    case MEASURE_HALF:
        return waits->p50;
    case MEASURE_NINE_OF_TEN:
        return waits->p90;
    case MEASURE_99_OF_100:
        return waits->p99;
    case MEASURE_LONGEST:
        return waits->max;
    case MEASURE_WORD:
        return (int64_t)o->promises[0][group].broken;
    case MEASURE_SOLUTION:
        return (int64_t)o->promises[1][group].broken;
    case MEASURE_ALL_WAITING:
        return o->waited_ms;
    case MEASURE_PASSED_PEOPLE:
        return (int64_t)o->passed_people;
    case MEASURE_PASSED_TIMES:
        return (int64_t)o->passed_times;
    case MEASURE_PASSED_MOST:
        return (int64_t)o->passed_most;
    case MEASURES:
        break;
    }
    return 0;
}

bool is_worse(const struct what_if *w, enum order than, enum measure m, int group, int64_t *mine,
              int64_t *other)
{
    *mine = figure(&w->outcomes[ORDER_USHER], m, group);
    *other = figure(&w->outcomes[than], m, group);
    return (m < MEASURE_ALL_WAITING || group == EVERYBODY) && *mine > *other;
}
