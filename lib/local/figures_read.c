/* Pages of figures. See figures.h. */
#include <string.h>

#include "local/cells.h"

enum {
    ROWS_OF_QUEUE = PRIORITIES + 1, /* all of it, then each priority */
    LOOKED_MAX = 4096,              /* of those waiting, for one row */
    WORK_MAX = 1000000              /* looks for one page: the loop must go on */
};

/* ---- how it stands now
 * ----------------------------------------------------------------------- */

/* Every k-th of those who wait there. */
struct ages {
    struct engine *e;
    struct spread_sum *sum;
    uint32_t queue, priority; /* priority 0: any */
    uint32_t every, skip;     /* so many come before the next one that counts */
    uint64_t work;
};

static void look_at(struct ages *a, const struct order *o)
{
    uint32_t k = a->skip;

    for (; k < o->n; k += a->every) {
        const struct ticket *t = usher__ticket(a->e, usher__order_at(o, k));
        int64_t age = a->e->at.wall - t->start_at;

        a->work++; /* among them are offers, some of them from elsewhere */
        if (t->state == USHER_WAITING && t->queue == a->queue &&
            (a->priority == 0 || t->priority == a->priority))
            usher__sum_add(a->sum, age > 0 ? age : 0);
    }
    a->skip = k - o->n;
}

/* The line, from its head; then those who are kept for somebody. */
static void add_ages(struct ages *a)
{
    struct engine *e = a->e;
    const usher_queue_t *q = usher__queue_of(e, a->queue);
    uint32_t low = a->priority == 0 ? 0 : a->priority - 1;
    uint32_t high = a->priority == 0 ? PRIORITIES : a->priority, n = 0;

    for (uint32_t b = low; b < high; b++)
        n += q->band[b].n;
    a->every = n > LOOKED_MAX ? (n + LOOKED_MAX - 1) / LOOKED_MAX : 1;
    for (uint32_t b = high; b-- > low;)
        look_at(a, &q->band[b]);
    for (uint32_t i = 0; i < e->agents_n; i++)
        look_at(a, &e->agents[i]->kept);
    a->work += e->agents_n;
}

/* ---- what has happened
 * ----------------------------------------------------------------------- */

void usher__figures_sum(const struct figures *f, uint32_t line, const struct days *days,
                        uint64_t count[FIGURES], int of, struct spread_sum *sum)
{
    const struct cell *c = f->lines[line / PRIORITIES].cell[line % PRIORITIES];

    for (; c != NULL; c = c->older) {
        if (c->day < days->from || c->day > days->to)
            continue;
        for (uint32_t i = 0; count != NULL && i < FIGURES; i++)
            count[i] += c->count[i];
        if (sum != NULL)
            usher__sum_spread(sum, &c->spread[of]);
    }
}

static void clear(struct spread_sum *sum)
{
    memset(sum, 0, sizeof(*sum));
}

/* The days that the question touches, as far as they are kept apart. */
static struct days days_of(const struct engine *e, const usher_query *q, usher_figures *out)
{
    int64_t now = e->at.wall, today = now / DAY_MS;
    struct days days = {EVER, INT64_MAX};

    out->to_at = now;
    if (q->from_at == 0 && q->to_at == 0)
        return days;
    days = (struct days){q->from_at / DAY_MS, q->to_at == 0 ? today : q->to_at / DAY_MS};
    if (days.from <= today - USHER_FIGURE_DAYS)
        days.from = today - USHER_FIGURE_DAYS + 1;
    if (days.from < 0)
        days.from = 0;
    out->from_at = days.from * DAY_MS;
    if (days.to < today)
        out->to_at = days.to >= days.from ? (days.to + 1) * DAY_MS : out->from_at;
    return days;
}

struct figures_page {
    struct engine *e;
    const usher_query *q;
    struct spread_sum *sum;
    uint64_t work;
};

/* False: the queue never had one of that priority. */
static bool fill_row(struct figures_page *p, uint32_t queue, uint32_t priority, usher_figures *out)
{
    struct engine *e = p->e;
    const struct figures *f = e->figures;
    struct ages ages = {.e = e, .sum = p->sum, .queue = queue, .priority = priority};
    uint64_t count[FIGURES] = {0};
    uint32_t low = (queue - 1) * PRIORITIES, high = low + PRIORITIES;
    struct days days;
    bool any = priority == 0;

    if (priority != 0) {
        low += priority - 1;
        high = low + 1;
    }
    *out = (usher_figures){
        .size = sizeof(*out), .queue = usher__queue_of(e, queue), .priority = (int32_t)priority};
    days = days_of(e, p->q, out);
    for (uint32_t line = low; line < high; line++) {
        any |= f->lines[queue - 1].cell[line % PRIORITIES] != NULL ||
               out->queue->open_in[line % PRIORITIES] > 0;
        out->open += out->queue->open_in[line % PRIORITIES];
        out->waiting += out->queue->waiting_in[line % PRIORITIES];
    }
    if (!any)
        return false;
    for (int of = 0; of < SPREADS; of++) {
        usher_spread *told = of == OF_WAIT ? &out->wait : of == OF_WORD ? &out->word : &out->solve;

        clear(p->sum);
        for (uint32_t line = low; line < high; line++)
            usher__figures_sum(f, line, &days, of == 0 ? count : NULL, of, p->sum);
        *told = usher__sum_told(p->sum);
    }
    memcpy((char *)out + offsetof(usher_figures, enqueued), count, sizeof(count));
    clear(p->sum);
    add_ages(&ages);
    out->age = usher__sum_told(p->sum);
    p->work += ages.work;
    return true;
}

/* The cursor is the place of the next row: ROWS_OF_QUEUE to a queue. */
static int read_figures(struct engine *e, const usher_query *q, uint32_t limit, usher_figures *rows,
                        usher_page *out)
{
    struct figures_page p = {.e = e, .q = q};
    uint64_t at = q->queue != NULL ? (uint64_t)(q->queue->index - 1) * ROWS_OF_QUEUE : 0;
    uint64_t end = q->queue != NULL ? at + ROWS_OF_QUEUE : (uint64_t)e->queues_n * ROWS_OF_QUEUE;

    out->figures = rows;
    p.sum = usher__alloc(&e->memory, sizeof(*p.sum));
    if (q->cursor > at)
        at = q->cursor;
    for (; p.sum != NULL && at < end && out->n < limit && p.work < WORK_MAX; at++) {
        if (fill_row(&p, (uint32_t)(at / ROWS_OF_QUEUE) + 1, (uint32_t)(at % ROWS_OF_QUEUE),
                     &rows[out->n]))
            out->n++;
    }
    out->cursor = at < end ? at : 0;
    usher__free(&e->memory, p.sum);
    return p.sum == NULL ? USHER_ENOMEM : 0;
}

/* The cursor is the last handle. */
static void read_agents(const struct engine *e, const usher_query *q, uint32_t limit,
                        usher_agent_figures *rows, usher_page *out)
{
    uint64_t at = q->cursor;

    out->agents = rows;
    for (; at < e->agents_n && out->n < limit; at++) {
        usher_agent_t *a = e->agents[at];
        usher_agent_figures *row = &rows[out->n++];

        *row = (usher_agent_figures){
            .size = sizeof(*row), .agent = a, .present = !a->gone, .holds = a->held_n};
        memcpy((char *)row + offsetof(usher_agent_figures, claims), e->figures->agents[at].count,
               sizeof(e->figures->agents[at].count));
    }
    out->cursor = at < e->agents_n ? at : 0;
}

int usher__figures_read(struct engine *e, const usher_query *q, uint32_t limit, void *rows,
                        usher_page *out)
{
    int err = usher__figures_reserve(e, 0);

    if (err != 0)
        return err;
    if (q->what == USHER_READ_METRICS)
        return usher__metrics_read(e, out);
    if (q->what == USHER_READ_FIGURES)
        return read_figures(e, q, limit, rows, out);
    read_agents(e, q, limit, rows, out);
    return 0;
}
