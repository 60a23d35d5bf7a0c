/* For tests of a service on a store, through the public calls. Time is manual; usher_advance() waits
 * for the store. */
#ifndef USHER_UNIT_KEEP_H
#define USHER_UNIT_KEEP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <usher/usher.h>

#include "local/changes.h"
#include "loop/service.h"

#define T0   INT64_C(1700000000000)
#define HOUR INT64_C(3600000)

enum { SEEN_MAX = 4096, ROWS_MAX = 64 };

struct desk {
    char dir[64], path[128], uri[256], err[300];
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_queue_t *q;
    usher_agent_t *a;
    usher_options options;
    uint32_t done, worked, closed;
    usher_done last;
    char detail[200];
    usher_claim claim;
    uint64_t seen[SEEN_MAX]; /* seqs told to the named subscription */
    int32_t kinds[SEEN_MAX];
    uint32_t seen_n, live_n;
    int page_status;
    uint64_t page_n, cursor;
    usher_id rows[ROWS_MAX];
    int32_t row_kinds[ROWS_MAX];
    char text[2048];
    char order[64];
};

static inline void note_order(struct desk *d, char c)
{
    size_t len = strlen(d->order);

    if (len + 1 < sizeof d->order)
        d->order[len] = c;
}

static inline void on_done(usher_t *u, const usher_done *done, void *user)
{
    struct desk *d = user;

    assert_ptr_equal(u, d->u);
    d->done++;
    d->last = *done;
    snprintf(d->detail, sizeof d->detail, "%s", done->detail.len > 0 ? done->detail.data : "");
    note_order(d, done->verb == USHER_NOTE ? 'n' : 'd');
}

static inline void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct desk *d = user;

    assert_ptr_equal(a, d->a);
    assert_int_equal(status, USHER_OK);
    assert_true(n > 0);
    d->claim = w[0].claim;
    d->worked++;
}

static inline void on_event(usher_t *u, const usher_event *e, void *user)
{
    struct desk *d = user;

    (void)u;
    assert_true(d->seen_n < SEEN_MAX);
    d->seen[d->seen_n] = e->seq;
    d->kinds[d->seen_n++] = e->kind;
}

static inline void on_live(usher_t *u, const usher_event *e, void *user)
{
    (void)u, (void)e;
    ((struct desk *)user)->live_n++;
}

static inline void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct desk *d = user;

    (void)u;
    d->page_status = status;
    d->page_n = p->n;
    d->cursor = p->cursor;
    for (uint64_t i = 0; i < p->n && i < ROWS_MAX; i++) {
        d->rows[i] = p->tickets != NULL ? p->tickets[i].ticket : p->events[i].ticket_seq;
        d->row_kinds[i] = p->tickets != NULL ? p->tickets[i].state : p->events[i].kind;
    }
    snprintf(d->text, sizeof d->text, "%s", p->text.len > 0 ? p->text.data : "");
    note_order(d, 'p');
}

static inline void on_closed(void *user)
{
    ((struct desk *)user)->closed++;
}

/* ---- its life -------------------------------------------------------------------------------- */

static inline int try_open(struct desk *d)
{
    usher_options o = d->options;

    o.size = sizeof o;
    o.clock = usher_manual_clock_get(d->clock);
    o.err = d->err;
    o.err_len = sizeof d->err;
    o.user = d;
    return usher_open(&d->u, NULL, d->uri, &o, NULL, NULL);
}

static inline void open_desk(struct desk *d)
{
    int r = try_open(d);

    if (r != 0)
        fail_msg("%s: %s", usher_err_name(r), d->err);
    assert_int_equal(usher_queue(d->u, &d->q, "desk"), USHER_OK);
    assert_int_equal(usher_agent(d->u, &d->a, "ann", NULL, 0), USHER_OK);
}

static inline struct desk *begin(usher_options o)
{
    struct desk *d = calloc(1, sizeof *d);
    const char *tmp = getenv("TMPDIR");

    assert_non_null(d);
    d->options = o;
    snprintf(d->dir, sizeof d->dir, "%s/usher-keep-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(d->dir));
    snprintf(d->path, sizeof d->path, "%s/desk.db", d->dir);
    snprintf(d->uri, sizeof d->uri, "sqlite:%s", d->path);
    assert_int_equal(usher_manual_clock_new(&d->clock, T0), USHER_OK);
    open_desk(d);
    return d;
}

/* Everything that is outstanding, told. */
static inline void settle(struct desk *d)
{
    const char *wrong;

    assert_int_equal(usher_advance(d->u, usher_now(d->u)), USHER_OK);
    wrong = usher__service_check(d->u);
    if (wrong != NULL)
        fail_msg("the service's own check: %s", wrong);
}

static inline void close_desk(struct desk *d)
{
    d->closed = 0;
    assert_int_equal(usher_close(d->u, on_closed, d), USHER_OK);
    while (d->closed == 0)
        assert_true(usher_turn(d->u) >= 0);
    d->u = NULL;
}

static inline void reopen(struct desk *d)
{
    close_desk(d);
    open_desk(d);
}

static inline void end(struct desk *d)
{
    char command[200];

    if (d->u != NULL)
        close_desk(d);
    usher_manual_clock_free(d->clock);
    snprintf(command, sizeof command, "rm -rf %s", d->dir);
    assert_int_equal(system(command), 0);
    free(d);
}

static inline uint64_t digest(struct desk *d)
{
    uint64_t sum = 0;

    assert_int_equal(usher__engine_digest(d->u->engine, &sum), 0);
    return sum;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static inline usher_id enqueue(struct desk *d, usher_request r)
{
    r.size = sizeof r;
    if (r.requester == NULL)
        r.requester = "eva";
    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_OK);
    return d->last.ticket;
}

static inline void claim(struct desk *d)
{
    uint32_t before = d->worked;

    assert_int_equal(usher_claim_next(d->a, d->q, 0, on_work, d), USHER_OK);
    settle(d);
    assert_int_equal(d->worked, before + 1);
}

static inline int act(struct desk *d, usher_command c)
{
    c.size = sizeof c;
    assert_int_equal(usher_act(d->u, &c, on_done, d), USHER_OK);
    settle(d);
    return d->last.status;
}

static inline void solve(struct desk *d)
{
    claim(d);
    assert_int_equal(act(d, (usher_command){.verb = USHER_RESOLVE, .claim = d->claim}), USHER_OK);
}

/* A ticket that is closed, with nothing left to do. */
static inline usher_id closed_ticket(struct desk *d, usher_request r)
{
    usher_id id = enqueue(d, r);

    solve(d);
    assert_int_equal(act(d, (usher_command){.verb = USHER_CONFIRM,
                                            .claim = {id, 0},
                                            .who = r.requester != NULL ? r.requester : "eva"}),
                     USHER_OK);
    assert_int_equal(d->last.state, USHER_CLOSED);
    return id;
}

static inline void read_page(struct desk *d, usher_query q)
{
    q.size = sizeof q;
    d->page_status = -1;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
    settle(d);
    assert_int_not_equal(d->page_status, -1);
}

#endif
