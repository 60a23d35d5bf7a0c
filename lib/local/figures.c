/* Counting. See figures.h. */
#include "local/figures.h"

#include <string.h>

#include "local/cells.h"

/* ---- room ------------------------------------------------------------------------------------ */

/* A turn tells of a ticket in up to three pairs of queue and priority (lifted, then moved), and
 * may open another; at most one wait, one first word and one solution are in it. */
enum { TURN_CELLS = 4, TURN_WAITS = 1, TURN_OCTAVES = SPREADS };

/* What is new in it is zero. NULL: there is no memory, or nothing is needed. */
static void *grow(struct engine *e, void *p, uint32_t *room, uint32_t need, size_t len)
{
    uint32_t had = *room;
    char *grown = usher__grow(&e->memory, p, room, need, len);

    if (grown != NULL)
        memset(grown + had * len, 0, (*room - had) * len);
    return grown;
}

static COLD int make_room(struct engine *e)
{
    struct figures *f = e->figures;
    const struct memory *m = &e->memory;
    void *p;

    if (f == NULL) {
        f = usher__zalloc(m, sizeof(*f));
        if (f == NULL)
            return USHER_ENOMEM;
        f->cells = (struct pool){m, sizeof(struct cell), NULL, 0};
        f->waits = (struct pool){m, sizeof(struct waits), NULL, 0};
        f->octaves = (struct pool){m, sizeof(struct octave), NULL, 0};
        e->figures = f;
    }
    p = grow(e, f->lines, &f->lines_room, e->queues_n, sizeof(*f->lines));
    if (p == NULL && e->queues_n > 0)
        return USHER_ENOMEM;
    f->lines = p;
    p = grow(e, f->agents, &f->agents_room, e->agents_n, sizeof(*f->agents));
    if (p == NULL && e->agents_n > 0)
        return USHER_ENOMEM;
    f->agents = p;
    if (usher__pool_reserve(&f->cells, TURN_CELLS) != 0 ||
        usher__pool_reserve(&f->waits, TURN_WAITS) != 0)
        return USHER_ENOMEM;
    return usher__pool_reserve(&f->octaves, TURN_OCTAVES);
}

int usher__figures_reserve(struct engine *e, uint32_t queue)
{
    const struct figures *f = e->figures;

    (void)queue; /* the room is for any */
    if (f != NULL && f->lines_room >= e->queues_n && f->agents_room >= e->agents_n &&
        f->cells.n >= TURN_CELLS && f->waits.n >= TURN_WAITS && f->octaves.n >= TURN_OCTAVES)
        return 0;
    return make_room(e);
}

int usher__figures_reserve_many(struct engine *e, uint32_t tickets)
{
    uint32_t lines = e->queues_n * PRIORITIES;
    int err = usher__figures_reserve(e, 0);

    return err != 0 ? err
                    : usher__pool_reserve(&e->figures->cells,
                                          TURN_CELLS + (tickets < lines ? tickets : lines));
}

static void free_cell(struct figures *f, struct cell *c)
{
    for (int i = 0; i < SPREADS; i++)
        usher__spread_free(&c->spread[i], &f->octaves);
    usher__pool_give(&f->cells, c);
}

COLD void usher__cells_free(struct figures *f, struct cell *c)
{
    while (c != NULL) {
        struct cell *older = c->older;

        free_cell(f, c);
        c = older;
    }
}

COLD void usher__figures_free(struct engine *e)
{
    struct figures *f = e->figures;

    if (f == NULL)
        return;
    for (uint32_t i = 0; i < f->lines_room * PRIORITIES; i++) {
        struct line_figures *line = &f->lines[i / PRIORITIES];

        usher__cells_free(f, line->cell[i % PRIORITIES]);
        usher__free(&e->memory, line->waits[i % PRIORITIES]);
    }
    usher__cells_free(f, f->gone);
    usher__pool_free(&f->cells);
    usher__pool_free(&f->waits);
    usher__pool_free(&f->octaves);
    usher__free(&e->memory, f->lines);
    usher__free(&e->memory, f->agents);
    usher__free(&e->memory, f->text);
    usher__free(&e->memory, f);
    e->figures = NULL;
}

/* ---- days ------------------------------------------------------------------------------------ */

/* `old` and all that follow become one, which is since ever. What a store has of the others
 * goes. */
static void forget_days(struct figures *f, struct cell *old)
{
    struct cell *c = old->older;

    old->day = EVER;
    old->noted = true;
    old->older = NULL;
    while (c != NULL) {
        struct cell *older = c->older;

        for (uint32_t i = 0; i < FIGURES; i++)
            old->count[i] += c->count[i];
        for (int i = 0; i < SPREADS; i++)
            usher__spread_move(&old->spread[i], &c->spread[i], &f->octaves);
        if (c->filed_as == NOT_FILED) {
            usher__pool_give(&f->cells, c);
        } else {
            c->older = f->gone;
            f->gone = c;
        }
        c = older;
    }
}

/* The cell of the event's day. What comes late and finds none of its day counts with the day
 * before. */
static COLD struct cell *cell_of(struct figures *f, uint32_t line, int64_t day)
{
    struct cell **newest = &f->lines[line / PRIORITIES].cell[line % PRIORITIES], *c = *newest;

    if (c == NULL || day > c->day) {
        c = usher__pool_take(&f->cells);
        c->day = day;
        c->line = line;
        c->filed_as = NOT_FILED;
        c->older = *newest;
        *newest = c;
        while (c->older != NULL && c->older->day > day - USHER_FIGURE_DAYS)
            c = c->older;
        if (c->older != NULL)
            forget_days(f, c->older);
        return *newest;
    }
    while (c->day > day && c->older != NULL)
        c = c->older;
    return c;
}

/* ---- counting -------------------------------------------------------------------------------- */

/* What an event of a kind counts as, plus 1, with its queue and with its agent; 0: nothing. */
static const struct {
    uint8_t figure, agent;
} kinds[] = {
    [USHER_EV_ENQUEUED] = {FIGURE(enqueued) + 1, 0},
    [USHER_EV_JOINED] = {FIGURE(joined) + 1, 0},
    [USHER_EV_RECURRED] = {FIGURE(recurred) + 1, 0},
    [USHER_EV_CLAIMED] = {FIGURE(claims) + 1, AGENT_FIGURE(claims) + 1},
    [USHER_EV_ASKED] = {FIGURE(chases) + 1, 0},
    [USHER_EV_REPLIED] = {FIGURE(replies) + 1, 0},
    [USHER_EV_OFFERED] = {FIGURE(handoffs) + 1, AGENT_FIGURE(handoffs) + 1},
    [USHER_EV_DECLINED] = {FIGURE(declined) + 1, AGENT_FIGURE(declined) + 1},
    [USHER_EV_OFFER_EXPIRED] = {FIGURE(expired) + 1, 0},
    [USHER_EV_RECALLED] = {FIGURE(recalled) + 1, 0},
    [USHER_EV_PAUSED] = {FIGURE(pauses) + 1, 0},
    [USHER_EV_FAILED] = {FIGURE(failed) + 1, AGENT_FIGURE(failed) + 1},
    [USHER_EV_LEASE_EXPIRED] = {FIGURE(leases_expired) + 1, AGENT_FIGURE(leases_expired) + 1},
    [USHER_EV_STUCK] = {FIGURE(stuck) + 1, 0},
    [USHER_EV_ESCALATED] = {FIGURE(escalated) + 1, 0},
    [USHER_EV_NO_AGENT] = {FIGURE(no_agent) + 1, 0},
    [USHER_EV_RESOLVED] = {FIGURE(resolved) + 1, AGENT_FIGURE(resolved) + 1},
    [USHER_EV_CONFIRMED] = {FIGURE(confirmed) + 1, 0},
    [USHER_EV_REOPENED] = {FIGURE(reopened) + 1, 0},
    [USHER_EV_CLOSED] = {FIGURE(closed) + 1, 0},
    [USHER_EV_WITHDRAWN] = {FIGURE(withdrawn) + 1, 0},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

void usher__figures_add_wait(struct figures *f, struct waits **w, int64_t at, int64_t took)
{
    uint32_t i;

    if (*w == NULL)
        *w = usher__pool_take(&f->waits);
    i = (*w)->n % USHER_WAITS_MAX;
    (*w)->at[i] = at;
    (*w)->took[i] = took;
    (*w)->until = 0;
    (*w)->noted = true;
    if (++(*w)->n == 2 * USHER_WAITS_MAX)
        (*w)->n = USHER_WAITS_MAX;
}

static void count_agent(struct agent_counts *a, const struct event *v)
{
    uint32_t figure = kinds[v->kind].agent;

    a->noted = true;
    if (figure != 0)
        a->count[figure - 1]++;
    if (v->held > 0)
        a->count[AGENT_FIGURE(held_ms)] += (uint64_t)v->held - 1;
    if (v->kind == USHER_EV_CLAIMED) {
        a->count[AGENT_FIGURE(out_of_turn)] += v->n > 0;
        a->count[AGENT_FIGURE(passed_over)] += v->n;
        a->count[AGENT_FIGURE(accepted)] += v->how != 0;
    } else if (v->kind == USHER_EV_RELEASED) {
        a->count[AGENT_FIGURE(let_go)] += v->n;
        a->count[AGENT_FIGURE(passed_over)] += v->n;
    }
}

static void count_promises(uint64_t *count, uint32_t bits)
{
    for (; bits != 0; bits &= bits - 1)
        count[__builtin_ctz(bits) - 1]++;
}

/* What else the kind says. */
static void count_more(struct figures *f, struct cell *cell, struct waits **waits,
                       const struct event *v)
{
    switch (v->kind) {
    case USHER_EV_CLAIMED:
        cell->count[FIGURE(passed_over)] += v->n;
        cell->count[FIGURE(accepted)] += v->how != 0;
        if (v->took > 0) {
            usher__spread_add(&cell->spread[OF_WAIT], &f->octaves, v->took - 1);
            usher__figures_add_wait(f, waits, v->at, v->took - 1);
        }
        break;
    case USHER_EV_RELEASED:
        cell->count[FIGURE(let_go)] += v->n;
        cell->count[FIGURE(passed_over)] += v->n;
        break;
    case USHER_EV_PAUSED:
        cell->count[FIGURE(late_pauses)] += v->n;
        break;
    case USHER_EV_RESOLVED:
        cell->count[FIGURE(workarounds)] += v->how == USHER_AS_WORKAROUND;
        cell->count[FIGURE(no_reply)] += v->how == USHER_AS_NO_REPLY;
        break;
    case USHER_EV_CLOSED:
        if (v->took > 0)
            usher__spread_add(&cell->spread[OF_SOLVE], &f->octaves, v->took - 1);
        break;
    case USHER_EV_BROKEN:
        cell->count[FIGURE(broken) + v->promise - 1u]++;
        break;
    default:
        break;
    }
}

void usher__figures_count(struct engine *e, const struct event *v, uint32_t agent)
{
    struct figures *f = e->figures;
    struct line_figures *line = &f->lines[v->queue - 1];
    uint32_t band = v->priority - 1u, figure = v->kind < KINDS ? kinds[v->kind].figure : 0;
    struct cell *cell = line->cell[band];

    if (figure == 0 && (v->word | v->held) == 0 && (v->kept | v->lapsed) == 0 &&
        v->kind != USHER_EV_BROKEN && v->kind != USHER_EV_RELEASED)
        return; /* so what is told of many tickets at once needs no room */
    if (cell == NULL || (uint64_t)v->at - (uint64_t)cell->day * DAY_MS >= DAY_MS)
        cell = cell_of(f, (v->queue - 1) * PRIORITIES + band, v->at / DAY_MS);
    cell->noted = true;
    f->counted++;
    if (figure != 0)
        cell->count[figure - 1]++;
    if (v->held > 0)
        cell->count[FIGURE(held_ms)] += (uint64_t)v->held - 1;
    if (v->word > 0) {
        cell->count[FIGURE(words)]++;
        usher__spread_add(&cell->spread[OF_WORD], &f->octaves, v->word - 1);
    }
    count_promises(&cell->count[FIGURE(kept)], v->kept);
    count_promises(&cell->count[FIGURE(lapsed)], v->lapsed);
    count_more(f, cell, &line->waits[band], v);
    if (agent != 0)
        count_agent(&f->agents[agent - 1], v);
}

/* ---- the waits of a band --------------------------------------------------------------------- */

#define WAITS_MS (30 * DAY_MS)

/* The k-th smallest of the n, k from 0; what is smaller comes to stand before it (C. A. R. Hoare,
 * Algorithm 65: FIND, 1961). */
static int64_t select_kth(int64_t *v, uint32_t n, uint32_t k)
{
    int64_t low = 0, high = (int64_t)n - 1;

    while (low < high) {
        int64_t pivot = v[(low + high) / 2], i = low, j = high;

        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i <= j) {
                int64_t swapped = v[i];

                v[i++] = v[j];
                v[j--] = swapped;
            }
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return v[k];
}

static void ask_waits(struct waits *w, int64_t now)
{
    int64_t took[USHER_WAITS_MAX];
    uint32_t n = 0;

    w->until = INT64_MAX;
    for (uint32_t i = 0; i < w->n && i < USHER_WAITS_MAX; i++) {
        int64_t until = w->at[i] + WAITS_MS;

        if (until <= now)
            continue;
        took[n++] = w->took[i];
        if (until < w->until)
            w->until = until;
    }
    w->asked_n = n;
    w->p50 = w->p90 = -1;
    if (n < USHER_WAITS_MIN)
        return;
    w->p90 = select_kth(took, n, (n * 9 + 9) / 10 - 1);
    w->p50 = select_kth(took, n, (n + 1) / 2 - 1);
}

bool usher__figures_waits(struct engine *e, uint32_t queue, uint32_t band, int64_t now,
                          int64_t *p50, int64_t *p90, uint32_t *n)
{
    const struct figures *f = e->figures;
    struct waits *w = f != NULL && queue <= f->lines_room ? f->lines[queue - 1].waits[band] : NULL;

    *p50 = *p90 = -1;
    *n = 0;
    if (w == NULL)
        return false;
    if (w->until <= now)
        ask_waits(w, now);
    *p50 = w->p50;
    *p90 = w->p90;
    *n = w->asked_n;
    return w->p50 >= 0;
}
