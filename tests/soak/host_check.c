/* What a host does first: it asks the store for all that the book says must be there, and reports
 * what it gets. It judges nothing itself. See soak.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "soak.h"

enum { AT_A_TIME = 64, SAMPLE = 40 };

static uint64_t checked_upto; /* the last event that CHECK was told */

static void on_check(usher_t *u, const usher_event *e, void *user)
{
    struct line line = event_line(LINE_EVENT, CHECK, e);

    (void)user;
    checked_upto = e->seq;
    report(&line);
    ledger_take(&line);
    if (e->seq % 200 == 0 && usher_event_done(u, "check", e->seq) != USHER_OK)
        host_wrong("usher_event_done of the check");
}

/* ---- deeds again ----------------------------------------------------------------------------- */

/* Errors are not remembered, nor are claims that got nothing. */
static bool is_worth_repeating(const struct deed *d)
{
    return !d->refused && (!d->acked || d->status == USHER_OK);
}

static void repeat(uint32_t op)
{
    struct line line = {.kind = LINE_AGAIN, .op = op};

    if (!is_worth_repeating(&ledger.deeds[op - 1]))
        return;
    report(&line);
    ledger_take(&line);
    (void)host_call(op, true);
    host_wait(AT_A_TIME);
}

static void repeat_all(bool whole)
{
    uint32_t n = ledger.deeds_n, from = whole ? 0 : ledger.checked_op;

    for (uint32_t i = 0; i < SAMPLE && from > 0; i++)
        repeat(1 + draw(from));
    for (uint32_t op = from + 1; op <= n; op++)
        repeat(op);
    host_wait(0);
}

/* ---- tickets and histories ------------------------------------------------------------------- */

static uint64_t cursor;

static void on_history(usher_t *u, int status, const usher_page *p, void *user)
{
    (void)u;
    host.outstanding--;
    cursor = p->cursor;
    if (status != USHER_OK)
        host_wrong("the history of ticket %u: %s", (unsigned)(uintptr_t)user,
                   usher_err_name(status));
    for (uint64_t i = 0; i < p->n; i++) {
        struct line line = event_line(LINE_HISTORY, 0, &p->events[i]);

        report(&line);
    }
}

static void read_history(usher_id ticket)
{
    usher_query q = USHER_INIT(usher_query);

    q.what = USHER_READ_HISTORY;
    q.ticket = ticket;
    q.limit = 1 + draw(60);
    do {
        q.cursor = cursor;
        host.outstanding++;
        if (usher_read(host.u, &q, on_history, (void *)(uintptr_t)ticket) != USHER_OK) {
            host_wrong("usher_read");
            _exit(1);
        }
        host_wait(0);
    } while (cursor != 0);
}

static void report_ticket(const usher_standing *s)
{
    struct line line = {.kind = LINE_TICKET, .sub = s->is_cause};

    line.op = s->ref == NULL ? 0 : (uint32_t)strtoul(s->ref + 1, NULL, 10);
    line.u.ticket.ticket = s->ticket;
    line.u.ticket.ticket_seq = s->ticket_seq;
    line.u.ticket.state = s->state;
    line.u.ticket.priority = s->priority;
    line.u.ticket.level = s->level;
    report(&line);
}

struct ids {
    usher_id id[USHER_ROWS_MAX];
    uint64_t n, cursor;
};

static void on_tickets(usher_t *u, int status, const usher_page *p, void *user)
{
    struct ids *ids = user;

    (void)u;
    host.outstanding--;
    if (status != USHER_OK)
        host_wrong("a page of tickets: %s", usher_err_name(status));
    ids->n = p->n;
    ids->cursor = p->cursor;
    for (uint64_t i = 0; i < p->n; i++) {
        ids->id[i] = p->tickets[i].ticket;
        report_ticket(&p->tickets[i]);
    }
}

static void on_figures(usher_t *u, int status, const usher_page *p, void *user)
{
    struct line line = {.kind = LINE_FIGURES};

    (void)u, (void)user;
    host.outstanding--;
    if (status != USHER_OK || p->cursor != 0)
        host_wrong("figures: %s", usher_err_name(status));
    for (uint64_t i = 0; i < p->n; i++)
        figures_add(line.u.figures, &p->figures[i]);
    report(&line);
}

static void read_figures(void)
{
    usher_query q = USHER_INIT(usher_query);

    q.what = USHER_READ_FIGURES;
    host.outstanding++;
    if (usher_read(host.u, &q, on_figures, NULL) != USHER_OK) {
        host_wrong("usher_read of the figures");
        _exit(1);
    }
    host_wait(0);
}

/* Between the page and the histories timers may run: who judges takes the later into account. */
static void read_all(void)
{
    static struct ids ids;
    usher_query q = USHER_INIT(usher_query);

    q.what = USHER_READ_TICKETS;
    do {
        q.cursor = ids.cursor;
        q.limit = 1 + draw(USHER_ROWS_MAX);
        host.outstanding++;
        if (usher_read(host.u, &q, on_tickets, &ids) != USHER_OK) {
            host_wrong("usher_read");
            _exit(1);
        }
        host_wait(0);
        for (uint64_t i = 0; i < ids.n; i++)
            read_history(ids.id[i]);
    } while (ids.cursor != 0);
}

static int by_id(const void *a, const void *b)
{
    usher_id x = *(const usher_id *)a, y = *(const usher_id *)b;

    return (x > y) - (x < y);
}

/* Those that the deeds since the last check were about. */
static void read_touched(uint32_t from, uint32_t to)
{
    usher_id *ids = malloc((to - from + 1) * sizeof *ids);
    size_t n = 0;

    if (ids == NULL)
        _exit(3);
    for (uint32_t op = from + 1; op <= to; op++) {
        const struct deed *d = &ledger.deeds[op - 1];

        if (d->acked && d->status == USHER_OK && d->what != CLAIM)
            ids[n++] = d->what == ENQUEUE ? d->got_ticket : d->ticket;
    }
    if (n > 0)
        qsort(ids, n, sizeof *ids, by_id);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || ids[i] != ids[i - 1])
            read_history(ids[i]);
    }
    free(ids);
}

/* ---- all of it ------------------------------------------------------------------------------- */

void host_check(bool whole)
{
    uint32_t from = ledger.checked_op, to = ledger.deeds_n, last;
    uint64_t first = whole ? 1 : ledger.checked_seq + 1;
    struct line line = {.kind = LINE_CHECKED};

    if (to == 0)
        return;
    repeat_all(whole);
    last =
        host_deed((struct deed){.what = ENQUEUE, .priority = USHER_LOW}); /* where the events end */
    (void)host_call(last, false);
    host_wait(0);
    checked_upto = 0;
    if (usher_subscribe(host.u, "check", first, on_check, NULL) != USHER_OK)
        host_wrong("usher_subscribe of the check, from %u on", (unsigned)first);
    while (checked_upto < ledger.deeds[last - 1].seq)
        (void)uv_run(host.loop, UV_RUN_ONCE);
    if (usher_unsubscribe(host.u, on_check, NULL) != USHER_OK)
        host_wrong("usher_unsubscribe");
    if (whole) {
        read_all();
        read_figures();
    } else {
        read_touched(from, to);
    }
    line.op = to;
    line.sub = whole;
    line.u.event.seq = checked_upto;
    report(&line);
}
