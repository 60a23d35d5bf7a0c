/* Asks the library, through its public header alone.
 *
 * A service in memory stands on a manual clock at the instant that is asked about. It is given a policy
 * whose "resolve" runs on the calendar; a ticket is enqueued, so the promise starts; and
 * USHER_READ_WHY_DUE tells, span by span, why it is due when it is. */
#include "ask.h"

#include <stdlib.h>

#include "array.h"

struct asking {
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_queue_t *queue;
    struct answer *out;
    int64_t to_at;
    uint64_t cursor;
    usher_id ticket;
    int status;
};

static void on_done(usher_t *u, const usher_done *d, void *user)
{
    struct asking *a = user;
    (void)u;
    a->status = d->status;
    if (d->ticket != 0)
        a->ticket = d->ticket;
}

static void on_closed(void *user)
{
    *(int *)user = 1;
}

static int open_service(struct asking *a, int64_t at, struct fault *f)
{
    char why[400] = "";
    usher_options o = USHER_INIT(usher_options);
    int r = usher_manual_clock_new(&a->clock, at);
    if (r != USHER_OK)
        return fault_set(f, "the clock: %s", usher_strerror(r));
    o.clock = usher_manual_clock_get(a->clock);
    o.err = why;
    o.err_len = sizeof why;
    r = usher_open(&a->u, NULL, "memory:", &o, NULL, NULL);
    if (r == USHER_OK)
        r = usher_queue(a->u, &a->queue, "calendar");
    if (r != USHER_OK)
        return fault_set(f, "%s", why[0] ? why : usher_strerror(r));
    return 0;
}

static void close_service(struct asking *a)
{
    int closed = 0;
    if (a->u && usher_close(a->u, on_closed, &closed) == USHER_OK) {
        while (!closed)
            usher_turn(a->u);
    }
    usher_manual_clock_free(a->clock);
}

static int define(struct asking *a, const char *policy, int64_t at, struct fault *f)
{
    char err[500] = "";
    int r = usher_define(a->queue, policy, err, sizeof err, on_done, a);
    if (r == USHER_OK)
        r = usher_advance(a->u, at);
    if (r == USHER_OK)
        r = a->status;
    return r == USHER_OK ? 0 : fault_set(f, "%s", err[0] ? err : usher_strerror(r));
}

int ask_policy(const char *policy, int64_t at, struct fault *f)
{
    struct asking a = {0};
    int r = open_service(&a, at, f);
    if (r == 0)
        r = define(&a, policy, at, f);
    close_service(&a);
    return r;
}

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct asking *a = user;
    struct answer *out = a->out;
    (void)u;
    a->status = status;
    a->cursor = status == USHER_OK ? p->cursor : 0;
    for (uint64_t i = 0; status == USHER_OK && i < p->n; i++) {
        usher_span s = p->spans[i];
        if (s.from_at >= a->to_at) {
            a->cursor = 0;
            return;
        }
        if (s.to_at > a->to_at) {
            /* An open one counts as long as it lasts: there is no pause here. */
            s.to_at = a->to_at;
            s.ms = s.kind == USHER_SPAN_OPEN ? s.to_at - s.from_at : 0;
        }
        out->spans = array_room(out->spans, &out->cap, out->n + 1, sizeof *out->spans);
        out->spans[out->n++] = s;
        out->ms += s.ms;
    }
}

static int read_spans(struct asking *a)
{
    usher_query q = USHER_INIT(usher_query);
    q.what = USHER_READ_WHY_DUE;
    q.limit = USHER_ROWS_MAX;
    q.ticket = a->ticket;
    q.promise = USHER_PROMISE_RESOLVE;
    do {
        int r = usher_read(a->u, &q, on_page, a);
        if (r == USHER_OK)
            r = usher_advance(a->u, usher_now(a->u));
        if (r != USHER_OK || a->status != USHER_OK)
            return r != USHER_OK ? r : a->status;
        q.cursor = a->cursor;
    } while (q.cursor != 0);
    return USHER_OK;
}

int ask_resolve(struct answer *out, const char *policy, int64_t from_at, int64_t to_at,
                struct fault *f)
{
    struct asking a = {.out = out, .to_at = to_at};
    usher_request request = USHER_INIT(usher_request);
    usher_standing s = USHER_INIT(usher_standing);
    *out = (struct answer){0};
    request.requester = "somebody";
    int r = open_service(&a, from_at, f);
    if (r == 0)
        r = define(&a, policy, from_at, f);
    if (r != 0) {
        close_service(&a);
        return r;
    }
    r = usher_enqueue(a.queue, &request, on_done, &a);
    if (r == USHER_OK)
        r = usher_advance(a.u, from_at);
    if (r == USHER_OK)
        r = a.status != USHER_OK ? a.status : usher_peek(a.u, a.ticket, &s);
    out->due_at = s.promises[USHER_PROMISE_RESOLVE - 1].due_at;
    out->target_ms = s.promises[USHER_PROMISE_RESOLVE - 1].target_ms;
    /* What has no due is told as far as to now. */
    if (r == USHER_OK && out->due_at == USHER_NEVER && to_at != USHER_NEVER)
        r = usher_advance(a.u, to_at);
    if (r == USHER_OK)
        r = read_spans(&a);
    close_service(&a);
    return r == USHER_OK ? 0 : fault_set(f, "usher: %s (%s)", usher_strerror(r), usher_err_name(r));
}

void answer_free(struct answer *a)
{
    free(a->spans);
    *a = (struct answer){0};
}
