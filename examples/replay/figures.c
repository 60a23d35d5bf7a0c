/* The figures of a replay. */
#include "figures.h"

#include <stdlib.h>

#include "array.h"

static int compare_ms(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

struct spread figures_spread(int64_t *values, size_t n)
{
    if (n == 0)
        return (struct spread){0};
    qsort(values, n, sizeof *values, compare_ms);
    return (struct spread){
        .n = n,
        .p50 = values[(n * 50 + 99) / 100 - 1],
        .p90 = values[(n * 90 + 99) / 100 - 1],
        .p99 = values[(n * 99 + 99) / 100 - 1],
        .max = values[n - 1],
    };
}

/* ---- over all tickets ------------------------------------------------------------------------ */

static int64_t first_word_of(const struct person *p)
{
    return p->first_word_at < 0 ? -1 : p->first_word_at - p->opened_at;
}

static int64_t solved_of(const struct person *p)
{
    return p->solved_at < 0 ? -1 : p->solved_at - p->opened_at;
}

static int64_t waited_of(const struct person *p)
{
    return p->spent[SPENT_WAITING];
}

static int64_t held_of(const struct person *p)
{
    return p->spent[SPENT_HELD];
}

static int64_t paused_of(const struct person *p)
{
    return p->spent[SPENT_PAUSED];
}

static int64_t after_of(const struct person *p)
{
    return p->solved_at < 0 ? -1 : p->spent[SPENT_AFTER];
}

/* Of the tickets for which it is not -1. */
static struct spread spread_over(const struct account *a, int64_t (*of)(const struct person *p),
                                 int64_t *room)
{
    size_t n = 0;
    for (uint32_t k = 1; k <= a->log->tickets.n; k++) {
        if (a->people[k].id != 0 && of(&a->people[k]) >= 0)
            room[n++] = of(&a->people[k]);
    }
    return figures_spread(room, n);
}

static void add_verdicts(struct verdicts *to, const struct verdicts *v)
{
    to->made += v->made;
    to->kept += v->kept;
    to->broken += v->broken;
    to->lapsed += v->lapsed;
    to->running += v->running;
}

static void sum_people(struct figures *g, const struct account *a)
{
    for (uint32_t k = 1; k <= a->log->tickets.n; k++) {
        const struct person *p = &a->people[k];
        if (p->id == 0)
            continue;
        int priority = p->priority - USHER_LOW;
        g->by_priority[priority]++;
        for (int i = 0; i < PROMISES; i++) {
            add_verdicts(&g->promises[i], &p->promises[i]);
            add_verdicts(&g->promises_by[i][priority], &p->promises[i]);
        }
        for (int i = 0; i < SPENTS; i++)
            g->total[i] += p->spent[i];
        g->closed += p->state == USHER_CLOSED;
        g->withdrawn += p->state == USHER_WITHDRAWN;
        if (p->state != USHER_CLOSED && p->state != USHER_WITHDRAWN) {
            g->open_at_end++;
            g->open_by_state[p->state]++;
        }
    }
}

static void find_longest(struct figures *g, const struct account *a)
{
    for (uint32_t k = 1; k <= a->log->tickets.n; k++) {
        uint32_t in = k;
        for (int i = 0; i < LONGEST_N && a->people[in].id != 0; i++) {
            uint32_t there = g->longest[i];
            if (there != 0 && waited_of(&a->people[there]) >= waited_of(&a->people[in]))
                continue;
            g->longest[i] = in;
            in = there;
            if (in == 0)
                break;
        }
    }
}

/* ---- by queue, by name ----------------------------------------------------------------------- */

static int compare_visits(const void *a, const void *b)
{
    const struct visit *x = a;
    const struct visit *y = b;
    if (x->queue != y->queue)
        return x->queue < y->queue ? -1 : 1;
    return x->waited_ms < y->waited_ms ? -1 : x->waited_ms > y->waited_ms;
}

static int compare_queues(const void *a, const void *b)
{
    const struct queue_figures *x = a;
    const struct queue_figures *y = b;
    if (x->visits != y->visits)
        return x->visits > y->visits ? -1 : 1;
    return x->queue < y->queue ? -1 : x->queue > y->queue;
}

static void sum_queues(struct figures *g, const struct account *a)
{
    struct visit *visits = array_new(a->visits_n, sizeof *visits);
    int64_t *room = array_new(a->visits_n, sizeof *room);
    g->queues = array_new((size_t)a->log->queues.n + 1, sizeof *g->queues);
    for (size_t i = 0; i < a->visits_n; i++)
        visits[i] = a->visits[i];
    qsort(visits, a->visits_n, sizeof *visits, compare_visits);
    for (size_t from = 0; from < a->visits_n;) {
        size_t to = from;
        for (; to < a->visits_n && visits[to].queue == visits[from].queue; to++)
            room[to - from] = visits[to].waited_ms;
        uint32_t queue = visits[from].queue;
        g->queues[g->queues_n++] = (struct queue_figures){
            .queue = queue,
            .visits = to - from,
            .account = a->queues[queue],
            .waited = figures_spread(room, to - from),
        };
        from = to;
    }
    qsort(g->queues, g->queues_n, sizeof *g->queues, compare_queues);
    free(visits);
    free(room);
}

static int compare_tallies(const void *a, const void *b)
{
    const struct tally *x = a;
    const struct tally *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

/* Leaves out what nobody has, and sorts the rest. */
static size_t settle_tallies(struct tally *tallies, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        if (tallies[i].n > 0)
            tallies[left++] = tallies[i];
    }
    qsort(tallies, left, sizeof *tallies, compare_tallies);
    return left;
}

static struct tally *new_tallies(uint32_t names)
{
    struct tally *t = array_new((size_t)names + 1, sizeof *t);
    for (uint32_t i = 0; i <= names; i++)
        t[i].name = i;
    return t;
}

static void sum_names(struct figures *g, const struct account *a, const struct timeline *t)
{
    const struct log *l = a->log;
    g->symptoms = new_tallies(l->symptoms.n);
    g->channels = new_tallies(l->channels.n);
    g->pauses = new_tallies(l->states.n);
    for (uint32_t k = 1; k <= l->tickets.n; k++) {
        g->symptoms[t->stories[k].symptom].n += t->stories[k].symptom != 0;
        g->channels[t->stories[k].channel].n += t->stories[k].channel != 0;
    }
    for (uint32_t s = 0; s <= l->states.n; s++)
        g->pauses[s].n = a->pauses_by_state[s];
    g->symptoms_n = settle_tallies(g->symptoms, (size_t)l->symptoms.n + 1);
    g->channels_n = settle_tallies(g->channels, (size_t)l->channels.n + 1);
    g->pauses_n = settle_tallies(g->pauses, (size_t)l->states.n + 1);
}

static int compare_levels(const void *a, const void *b)
{
    const struct tally *x = a;
    const struct tally *y = b;
    return x->name < y->name ? -1 : x->name > y->name;
}

/* How high the tickets went. */
static void sum_climb(struct figures *g, const struct account *a)
{
    int32_t top = 0;
    for (uint32_t k = 1; k <= a->log->tickets.n; k++)
        top = a->people[k].level > top ? a->people[k].level : top;
    g->levels = new_tallies((uint32_t)top);
    for (uint32_t k = 1; k <= a->log->tickets.n; k++)
        g->levels[a->people[k].level].n += a->people[k].level > 0;
    g->levels_n = settle_tallies(g->levels, (size_t)top + 1);
    qsort(g->levels, g->levels_n, sizeof *g->levels, compare_levels);
    g->told = new_tallies(a->climb.names.n);
    for (uint32_t i = 1; i <= a->climb.names.n; i++)
        g->told[i].n = a->climb.told[i];
    g->told_n = settle_tallies(g->told, (size_t)a->climb.names.n + 1);
}

static void sum_passing(struct figures *g, const struct account *a)
{
    const struct passing *p = &a->passing;
    int64_t *room = array_new(p->accept_n, sizeof *room);
    for (size_t i = 0; i < p->accept_n; i++)
        room[i] = p->accept_ms[i];
    g->accepted = figures_spread(room, p->accept_n);
    free(room);
    for (uint32_t k = 1; k <= a->log->tickets.n; k++) {
        uint64_t n = a->people[k].passed.handoffs;
        g->passed_again += n > 1;
        if (n > g->passed_most)
            g->passed_most = n;
    }
}

/* The events' sums against the service's own. A solution that was kept and then taken back by a reopen
 * is counted there and not here. */
static void compare_counted(struct figures *g, const struct account *a, const struct counted *c)
{
    const struct {
        const char *name;
        uint64_t ours, theirs;
    } pairs[] = {
        {"chases", a->chases, c->chases},
        {"late pauses", a->passing.late_pauses, c->late_pauses},
        {"hand-offs", a->passing.made, c->handoffs},
        {"accepted ones", a->passing.accepted, c->accepted},
        {"expired ones", a->passing.late, c->expired},
        {"recurrences", a->passing.recurred, c->recurred},
        {"first words in time", g->promises[0].kept, c->kept[0]},
        {"first words too late", g->promises[0].broken, c->broken[0]},
        {"answers in time", g->promises[1].kept, c->kept[1]},
        {"answers too late", g->promises[1].broken, c->broken[1]},
        {"next words in time", g->promises[2].kept, c->kept[2]},
        {"next words too late", g->promises[2].broken, c->broken[2]},
        {"solutions too late", g->promises[3].broken, c->broken[3]},
    };
    size_t n = c->with_causes ? 0 : sizeof pairs / sizeof *pairs;
    for (size_t i = 0; i < n && !g->disagrees; i++) {
        if (pairs[i].ours == pairs[i].theirs)
            continue;
        g->disagrees = pairs[i].name;
        g->ours = pairs[i].ours;
        g->theirs = pairs[i].theirs;
    }
}

void figures_open(struct figures *g, const struct account *a, const struct drive_result *drive,
                  const struct log *l, const struct timeline *t, const struct assumed *assumed)
{
    *g = (struct figures){
        .tickets = l->tickets.n,
        .rows = l->rows_n,
        .requesters = l->requesters.n + assumed->n[ASSUMED_requester_missing],
        .refused = assumed->n[ASSUMED_refused_full],
    };
    sum_people(g, a);
    find_longest(g, a);
    sum_queues(g, a);
    sum_names(g, a, t);
    sum_climb(g, a);
    sum_passing(g, a);
    int64_t *room = array_new(l->tickets.n, sizeof *room);
    g->first_word = spread_over(a, first_word_of, room);
    g->solved = spread_over(a, solved_of, room);
    g->waited = spread_over(a, waited_of, room);
    g->held = spread_over(a, held_of, room);
    g->paused = spread_over(a, paused_of, room);
    g->after = spread_over(a, after_of, room);
    free(room);
    compare_counted(g, a, &drive->counted);
    /* A policy that ended tickets early, or refused a pause, has kept the service from following
     * the log. */
    bool followed = drive->skipped == 0 && assumed->n[ASSUMED_pause_refused] == 0 &&
                    assumed->n[ASSUMED_links_too_many] == 0;
    g->log_agrees = !followed || (a->moves == t->moves && a->pauses == t->pauses &&
                                  a->reopens == t->reopens && a->passing.links == t->links);
}

void figures_free(struct figures *g)
{
    free(g->queues);
    free(g->symptoms);
    free(g->channels);
    free(g->pauses);
    free(g->told);
    free(g->levels);
    *g = (struct figures){0};
}
