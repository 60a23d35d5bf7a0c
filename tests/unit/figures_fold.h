/* Figures by a plain fold: each is counted from the list of what was told, by what the header says
 * of it. Counts and sums must be equal, quantiles within 1 %. */
#ifndef USHER_UNIT_FIGURES_FOLD_H
#define USHER_UNIT_FIGURES_FOLD_H

#include <inttypes.h>
#include <stdbool.h>

#include "figures_desk.h"

struct list {
    int64_t v[TOLD_MAX];
    uint32_t n;
};

static inline void put(struct list *l, int64_t v)
{
    if (v >= 0)
        l->v[l->n++] = v;
}

static inline int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static inline void assert_quantile(int64_t told, const int64_t *sorted, uint32_t n,
                                   unsigned percent)
{
    int64_t is = sorted[((uint64_t)n * percent + 99) / 100 - 1];

    if ((told > is ? told - is : is - told) * 100 > is)
        fail_msg("p%u is %" PRId64 ", told is %" PRId64, percent, is, told);
}

static inline void assert_spread(const usher_spread *s, int64_t *v, uint32_t n)
{
    int64_t sum = 0;

    qsort(v, n, sizeof *v, ascending);
    for (uint32_t i = 0; i < n; i++)
        sum += v[i];
    assert_int_equal(s->n, n);
    assert_int_equal(s->sum_ms, sum);
    if (n == 0) {
        assert_int_equal(s->p50_ms, -1);
        assert_int_equal(s->p90_ms, -1);
        assert_int_equal(s->p99_ms, -1);
        assert_int_equal(s->max_ms, -1);
        return;
    }
    assert_int_equal(s->max_ms, v[n - 1]);
    assert_quantile(s->p50_ms, v, n, 50);
    assert_quantile(s->p90_ms, v, n, 90);
    assert_quantile(s->p99_ms, v, n, 99);
}

static struct list waits, words, solves;

/* Of the events of [from, to): the sums of a queue and priority. */
static inline usher_figures fold(const struct desk *d, const usher_queue_t *queue, int32_t priority,
                                 int64_t from, int64_t to)
{
    usher_figures f = {0};

    waits.n = words.n = solves.n = 0;
    for (uint32_t i = 0; i < d->told_n; i++) {
        const struct told *t = &d->told[i];

        if (t->ticket == 0 || t->queue != index_of(queue) ||
            (priority != 0 && t->priority != priority) || t->at < from || t->at >= to)
            continue;
        if (t->kind == USHER_EV_ENQUEUED)
            f.enqueued++;
        if (t->kind == USHER_EV_JOINED)
            f.joined++;
        if (t->kind == USHER_EV_RECURRED)
            f.recurred++;
        if (t->kind == USHER_EV_CLAIMED) {
            f.claims++;
            f.passed_over += t->n;
            f.accepted += t->how != 0;
            put(&waits, t->took);
        }
        if (t->kind == USHER_EV_RELEASED) {
            f.let_go += t->n;
            f.passed_over += t->n;
        }
        if (t->word >= 0)
            f.words++;
        put(&words, t->word);
        f.chases += t->kind == USHER_EV_ASKED;
        f.replies += t->kind == USHER_EV_REPLIED;
        f.handoffs += t->kind == USHER_EV_OFFERED;
        f.declined += t->kind == USHER_EV_DECLINED;
        f.expired += t->kind == USHER_EV_OFFER_EXPIRED;
        f.recalled += t->kind == USHER_EV_RECALLED;
        if (t->kind == USHER_EV_PAUSED) {
            f.pauses++;
            f.late_pauses += t->n;
        }
        f.failed += t->kind == USHER_EV_FAILED;
        f.leases_expired += t->kind == USHER_EV_LEASE_EXPIRED;
        f.stuck += t->kind == USHER_EV_STUCK;
        f.escalated += t->kind == USHER_EV_ESCALATED;
        f.no_agent += t->kind == USHER_EV_NO_AGENT;
        if (t->kind == USHER_EV_RESOLVED) {
            f.resolved++;
            f.workarounds += t->how == USHER_AS_WORKAROUND;
            f.no_reply += t->how == USHER_AS_NO_REPLY;
        }
        f.confirmed += t->kind == USHER_EV_CONFIRMED;
        f.reopened += t->kind == USHER_EV_REOPENED;
        f.withdrawn += t->kind == USHER_EV_WITHDRAWN;
        if (t->kind == USHER_EV_CLOSED) {
            f.closed++;
            put(&solves, t->took);
        }
        for (int p = 1; p <= 4; p++) {
            f.kept[p - 1] += t->kept >> p & 1;
            f.lapsed[p - 1] += t->lapsed >> p & 1;
            f.broken[p - 1] += t->kind == USHER_EV_BROKEN && t->promise == p;
        }
        f.held_ms += t->held > 0 ? t->held : 0;
    }
    return f;
}

/* Compares a row with the fold of the same days; and how it stands now, with the list of
 * tickets. */
static inline void assert_row(struct desk *d, const usher_figures *row, int64_t from, int64_t to)
{
    usher_figures f = fold(d, row->queue, row->priority, from, to);
    usher_query q = USHER_INIT(usher_query);
    const size_t begin = offsetof(usher_figures, enqueued), end = offsetof(usher_figures, wait);

    for (size_t at = begin; at < end; at += 8) {
        if (memcmp((const char *)row + at, (const char *)&f + at, 8) != 0)
            fail_msg("%s, priority %d, figure %zu: %" PRIu64 " was told, it is %" PRIu64,
                     usher_queue_name(row->queue), row->priority, (at - begin) / 8,
                     *(const uint64_t *)((const char *)row + at),
                     *(const uint64_t *)((const char *)&f + at));
    }
    assert_spread(&row->wait, waits.v, waits.n);
    assert_spread(&row->word, words.v, words.n);
    assert_spread(&row->solve, solves.v, solves.n);
    assert_int_equal(row->size, sizeof *row);
    q.what = USHER_READ_TICKETS;
    q.queue = row->queue;
    q.states = (1u << USHER_CLOSED) - 2;
    q.limit = 1000;
    d->wanted = row->priority;
    d->ages_n = d->open_n = 0;
    read_pages(d, q);
    assert_int_equal(row->open, d->open_n);
    assert_int_equal(row->waiting, d->ages_n);
    if (d->ages_n <= 4096)
        assert_spread(&row->age, d->age, d->ages_n);
}

/* All rows of the days from..to (0, 0: ever), asked with few and with many to a page. */
static inline void assert_figures(struct desk *d, int64_t from_at, int64_t to_at)
{
    static usher_figures rows[ROWS];
    int64_t from = from_at / DAY * DAY, to = to_at == 0 ? now(d) + 1 : (to_at / DAY + 1) * DAY;
    int64_t oldest = now(d) / DAY * DAY - (USHER_FIGURE_DAYS - 1) * DAY;
    uint64_t n;
    int of_queue[QUEUES] = {0};

    if (from_at == 0 && to_at == 0)
        from = 0;
    else if (from < oldest)
        from = oldest;
    ask(d, USHER_READ_FIGURES, NULL, from_at, to_at, 0);
    n = d->n;
    memcpy(rows, d->row, sizeof rows);
    for (uint64_t i = 0; i < n; i++) {
        int q = 0;

        while (d->q[q] != rows[i].queue)
            q++;
        assert_int_equal(rows[i].priority == 0, of_queue[q] == 0);
        of_queue[q]++;
        assert_int_equal(rows[i].from_at, from);
        assert_int_equal(rows[i].to_at, to > now(d) ? now(d) : to);
        assert_row(d, &rows[i], from, to);
    }
    for (int q = 0; q < QUEUES; q++)
        assert_true(of_queue[q] > 0);
    ask(d, USHER_READ_FIGURES, NULL, from_at, to_at, 1);
    assert_int_equal(d->n, n);
    assert_memory_equal(rows, d->row, n * sizeof rows[0]);
    ask(d, USHER_READ_FIGURES, d->q[1], from_at, to_at, 2);
    for (uint64_t i = 0, k = 0; i < n; i++) {
        if (rows[i].queue == d->q[1])
            assert_memory_equal(&rows[i], &d->row[k++], sizeof rows[i]);
        if (i == n - 1)
            assert_int_equal(d->n, k);
    }
}

static inline bool is_by(const struct told *t, const char *agent)
{
    static const int32_t kinds[] = {USHER_EV_CLAIMED,  USHER_EV_RELEASED, USHER_EV_PAUSED,
                                    USHER_EV_RESOLVED, USHER_EV_FAILED,   USHER_EV_LEASE_EXPIRED,
                                    USHER_EV_OFFERED};

    if (t->kind == USHER_EV_WITHDRAWN)
        return strcmp(t->to, agent) == 0;
    if (t->kind == USHER_EV_DECLINED)
        return t->how == USHER_TO_AGENT && strcmp(t->to, agent) == 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (t->kind == kinds[i] && strcmp(t->who, agent) == 0)
            return true;
    }
    return false;
}

static inline void assert_agents(struct desk *d)
{
    ask(d, USHER_READ_AGENTS, NULL, 0, 0, 2);
    assert_int_equal(d->n, AGENTS);
    for (int k = 0; k < AGENTS; k++) {
        const usher_agent_figures *a = &d->agent[k];
        usher_agent_figures f = {.size = sizeof f, .agent = d->a[k], .present = a->present};

        f.holds = a->holds;
        for (uint32_t i = 0; i < d->told_n; i++) {
            const struct told *t = &d->told[i];

            if (!is_by(t, agent_names[k]))
                continue;
            f.claims += t->kind == USHER_EV_CLAIMED;
            f.out_of_turn += t->kind == USHER_EV_CLAIMED && t->n > 0;
            if (t->kind == USHER_EV_CLAIMED || t->kind == USHER_EV_RELEASED)
                f.passed_over += t->n;
            f.let_go += t->kind == USHER_EV_RELEASED && t->n > 0;
            f.resolved += t->kind == USHER_EV_RESOLVED;
            f.failed += t->kind == USHER_EV_FAILED;
            f.leases_expired += t->kind == USHER_EV_LEASE_EXPIRED;
            f.handoffs += t->kind == USHER_EV_OFFERED;
            f.accepted += t->kind == USHER_EV_CLAIMED && t->how != 0;
            f.declined += t->kind == USHER_EV_DECLINED;
            f.held_ms += t->held > 0 ? t->held : 0;
        }
        assert_memory_equal(a, &f, sizeof f);
    }
}

#endif
