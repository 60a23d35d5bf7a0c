/* What a store keeps of the figures, as rows, both ways. See figures.h.
 *
 * A row's name says what it is of: "c2.3.19000" the cell of queue 2, priority 3 and that day,
 * "w2.3.0" the waits of that line, "a7.0.0" agent 7. Its bytes begin with the same, so that the
 * name can be made again and compared when it is read. */
#include <stdio.h>
#include <string.h>

#include "local/cells.h"
#include "local/record.h"

/* ---- events that no row counts yet ----------------------------------------------------------- */

static uint32_t agent_of(struct engine *e, const usher_event *v)
{
    int tells = usher__figures_agent(v->kind, v->how);
    const char *who = tells == AGENT_IN_TO ? v->to : tells == AGENT_IN_WHO ? v->who : NULL;
    uint32_t name = who == NULL ? 0 : usher__intern_find(&e->names, who, strlen(who));
    return name == 0 ? 0 : usher__ids_find(&e->agent_by_name, name);
}

void usher__figures_fold(struct engine *e, const usher_event *v, uint32_t queue)
{
    enum { PROMISE_BITS = 0x1e };

    if (v->ticket == 0 || v->priority < 1 || v->priority > PRIORITIES ||
        (v->kind == USHER_EV_BROKEN && (v->promise < 1 || v->promise > PROMISES)))
        return;
    usher__figures_count(e,
                         &(struct event){.at = v->at,
                                         .took = v->took_ms + 1,
                                         .word = v->word_ms + 1,
                                         .held = v->held_ms + 1,
                                         .queue = queue,
                                         .n = v->n,
                                         .how = v->how,
                                         .kind = (uint8_t)v->kind,
                                         .priority = (uint8_t)v->priority,
                                         .promise = (uint8_t)v->promise,
                                         .kept = v->kept & PROMISE_BITS,
                                         .lapsed = v->lapsed & PROMISE_BITS},
                         agent_of(e, v));
}

/* ---- writing --------------------------------------------------------------------------------- */

enum { KIND_CELL = 'c', KIND_WAITS = 'w', KIND_AGENT = 'a', ROW_NAME_MAX = 64 };

struct row_of {
    char kind;
    uint32_t a, b;
    int64_t day;
};

static uint16_t name_of(const struct row_of *of, char to[ROW_NAME_MAX])
{
    return (uint16_t)snprintf(to, ROW_NAME_MAX, "%c%u.%u.%lld", of->kind, (unsigned)of->a,
                              (unsigned)of->b, (long long)of->day);
}

/* Up to the last that is not 0: there may be more of them one day. */
static char *put_counts(char *to, const uint64_t *count, uint32_t n)
{
    while (n > 0 && count[n - 1] == 0)
        n--;
    to = usher__put_number(to, n);
    for (uint32_t i = 0; i < n; i++)
        to = usher__put_number(to, count[i]);
    return to;
}

static char *put_cell(char *to, const struct cell *c)
{
    to = put_counts(to, c->count, FIGURES);
    for (int i = 0; i < SPREADS; i++)
        to = usher__spread_put(&c->spread[i], to);
    return to;
}

static char *put_waits(char *to, const struct waits *w)
{
    uint32_t n = w->n < USHER_WAITS_MAX ? w->n : USHER_WAITS_MAX;

    to = usher__put_number(to, n);
    for (uint32_t i = w->n - n; i < w->n; i++) {
        to = usher__put_number(to, (uint64_t)w->at[i % USHER_WAITS_MAX]);
        to = usher__put_number(to, (uint64_t)w->took[i % USHER_WAITS_MAX]);
    }
    return to;
}

/* NULL: the row is to go. */
static int put_row(struct batch *b, const struct row_of *of, const void *what)
{
    char name[ROW_NAME_MAX], *begin, *to;
    struct row row = {.table = ROW_FIGURE, .drop = what == NULL, .name = name};
    size_t numbers = 4 + 2 * USHER_WAITS_MAX; /* more than there are counts */

    row.name_len = name_of(of, name);
    if (what == NULL)
        return usher__batch_put(b, &row);
    for (int i = 0; of->kind == KIND_CELL && i < SPREADS; i++)
        numbers += usher__spread_numbers(&((const struct cell *)what)->spread[i]);
    begin = usher__batch_begin(b, &row, 1 + numbers * NUMBER_LEN);
    if (begin == NULL)
        return USHER_ENOMEM;
    to = begin;
    *to++ = of->kind;
    to = usher__put_number(to, of->a);
    to = usher__put_number(to, of->b);
    to = usher__put_number(to, (uint64_t)(of->day - EVER));
    to = of->kind == KIND_CELL ? put_cell(to, what)
         : of->kind == KIND_WAITS
             ? put_waits(to, what)
             : put_counts(to, ((const struct agent_counts *)what)->count, AGENT_FIGURES);
    usher__batch_end(b, (size_t)(to - begin));
    return 0;
}

static int put_cell_row(struct batch *b, const struct cell *c, int64_t day, bool drop)
{
    struct row_of of = {KIND_CELL, c->line / PRIORITIES + 1, c->line % PRIORITIES + 1, day};

    return put_row(b, &of, drop ? NULL : c);
}

/* all: for the digest, to which it does not matter what has been saved. */
static int put_line(struct figures *f, struct batch *b, uint32_t line, bool all)
{
    const struct line_figures *l = &f->lines[line / PRIORITIES];
    const struct waits *w = l->waits[line % PRIORITIES];
    struct row_of of = {KIND_WAITS, line / PRIORITIES + 1, line % PRIORITIES + 1, 0};
    int err = 0;

    for (const struct cell *c = l->cell[line % PRIORITIES]; err == 0 && c != NULL; c = c->older) {
        if (!all && c->filed_as != NOT_FILED && c->filed_as != c->day)
            err = put_cell_row(b, c, c->filed_as, true);
        if (err == 0 && (all || c->noted))
            err = put_cell_row(b, c, c->day, false);
    }
    return err == 0 && w != NULL && (all || w->noted) ? put_row(b, &of, w) : err;
}

static int put(struct engine *e, struct batch *b, bool all)
{
    struct figures *f = e->figures;
    int err = 0;

    for (uint32_t i = 0; f != NULL && err == 0 && i < f->lines_room * PRIORITIES; i++)
        err = put_line(f, b, i, all);
    for (uint32_t i = 0; f != NULL && err == 0 && i < f->agents_room; i++) {
        if (f->agents[i].noted || (all && f->agents[i].filed))
            err = put_row(b, &(struct row_of){KIND_AGENT, i + 1, 0, 0}, &f->agents[i]);
    }
    return err;
}

int usher__figures_put(struct engine *e, struct batch *b)
{
    return put(e, b, true);
}

bool usher__figures_due(const struct engine *e)
{
    const struct figures *f = e->figures;

    return f != NULL && (f->counted >= FIGURES_EVERY || (f->wanted && f->counted > 0));
}

void usher__figures_want(struct engine *e)
{
    if (e->figures != NULL)
        e->figures->wanted = true;
}

int usher__figures_cut(struct engine *e, struct batch *b)
{
    int err = 0;

    for (const struct cell *c = e->figures->gone; err == 0 && c != NULL; c = c->older)
        err = put_cell_row(b, c, c->filed_as, true);
    return err == 0 ? put(e, b, false) : err;
}

void usher__figures_strike(struct engine *e)
{
    struct figures *f = e->figures;

    for (uint32_t i = 0; i < f->lines_room * PRIORITIES; i++) {
        struct waits *w = f->lines[i / PRIORITIES].waits[i % PRIORITIES];

        for (struct cell *c = f->lines[i / PRIORITIES].cell[i % PRIORITIES]; c != NULL;
             c = c->older) {
            c->noted = false;
            c->filed_as = c->day;
        }
        if (w != NULL)
            w->noted = false;
    }
    for (uint32_t i = 0; i < f->agents_room; i++) {
        f->agents[i].filed |= f->agents[i].noted;
        f->agents[i].noted = false;
    }
    usher__cells_free(f, f->gone);
    f->gone = NULL;
    f->counted = 0;
    f->wanted = false;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void take_counts(struct reader *r, uint64_t *count, uint32_t max)
{
    uint32_t n = (uint32_t)usher__get_upto(r, max);

    for (uint32_t i = 0; i < n; i++)
        count[i] = usher__get_upto(r, INT64_MAX);
}

/* Among its line's, by day; twice the same is bad, and so are more days than are kept. */
static void add_cell(struct figures *f, struct cell *c, struct reader *r)
{
    struct cell **newest = &f->lines[c->line / PRIORITIES].cell[c->line % PRIORITIES];
    struct cell **link = newest;

    while (*link != NULL && (*link)->day > c->day)
        link = &(*link)->older;
    if (*link != NULL && (*link)->day == c->day)
        usher__bad(r);
    c->older = *link;
    *link = c;
    for (c = *newest; c != NULL; c = c->older) {
        if (c->day != EVER && c->day <= (*newest)->day - USHER_FIGURE_DAYS)
            usher__bad(r);
    }
}

static void take_cell(struct figures *f, const struct row_of *of, struct reader *r)
{
    struct cell *c = usher__pool_take(&f->cells);

    c->line = (of->a - 1) * PRIORITIES + of->b - 1;
    c->day = c->filed_as = of->day;
    take_counts(r, c->count, FIGURES);
    for (int i = 0; i < SPREADS; i++)
        usher__spread_take(&c->spread[i], r, &f->octaves);
    add_cell(f, c, r);
}

static void take_waits(struct figures *f, const struct row_of *of, struct reader *r)
{
    struct waits **w = &f->lines[of->a - 1].waits[of->b - 1];
    uint32_t n = (uint32_t)usher__get_upto(r, USHER_WAITS_MAX);

    if (*w != NULL || n == 0 || of->day != 0)
        usher__bad(r);
    for (uint32_t i = 0; i < n && !r->bad; i++) {
        int64_t at = (int64_t)usher__get_upto(r, USHER_AT_MAX);

        usher__figures_add_wait(f, w, at, (int64_t)usher__get_upto(r, USHER_AT_MAX));
    }
    if (*w != NULL)
        (*w)->noted = false;
}

static void take_agent(struct figures *f, const struct row_of *of, struct reader *r)
{
    struct agent_counts *a = &f->agents[of->a - 1];

    if (a->filed || of->b != 0 || of->day != 0)
        usher__bad(r);
    a->filed = true;
    take_counts(r, a->count, AGENT_FIGURES);
}

int usher__figures_take(struct engine *e, const struct row *row, const char **wrong)
{
    struct reader r = usher__reader(row->bytes, row->len);
    struct row_of of = {.kind = (char)usher__get_byte(&r)};
    bool of_agent = of.kind == KIND_AGENT;
    char name[ROW_NAME_MAX];
    int err = usher__figures_reserve(e, 0);

    if (err == 0)
        err = usher__pool_reserve(&e->figures->octaves, SPREADS * OCTAVES);
    if (err != 0)
        return err;
    of.a = (uint32_t)usher__get_upto(&r, of_agent ? e->agents_n : e->queues_n);
    of.b = (uint32_t)usher__get_upto(&r, of_agent ? 0 : PRIORITIES);
    of.day = (int64_t)usher__get_upto(&r, USHER_AT_MAX / DAY_MS - EVER) + EVER;
    if (of.a == 0 || (of.b == 0 && !of_agent) || name_of(&of, name) != row->name_len ||
        memcmp(name, row->name, row->name_len) != 0)
        usher__bad(&r);
    else if (of.kind == KIND_CELL)
        take_cell(e->figures, &of, &r);
    else if (of.kind == KIND_WAITS)
        take_waits(e->figures, &of, &r);
    else if (of_agent)
        take_agent(e->figures, &of, &r);
    else
        usher__bad(&r);
    return usher__reader_done(&r) ? 0
                                  : usher__corrupt(e, wrong, "figure %.*s: cannot be read",
                                                   row->name_len < ROW_NAME_MAX ? row->name_len : 0,
                                                   row->name != NULL ? row->name : "");
}
