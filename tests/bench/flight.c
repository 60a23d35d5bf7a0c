/* See flight.h. */
#include "flight.h"

#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { ENQUEUE, CLAIM, ACKNOWLEDGE, RESOLVE, VERBS };

struct caller {
    struct flight *flight;
    int next;      /* command */
    uint32_t left; /* of its cycle */
    usher_claim claim;
    uint64_t began;
};

struct flight {
    struct host *h;
    uint64_t done; /* commands */
    uint32_t busy; /* callers */
    bool ends;
    struct latencies *latencies; /* NULL: not wanted */
    struct caller callers[FLIGHT_MAX];
};

static void call(struct caller *c);

static void on_done(usher_t *u, const usher_done *d, void *user)
{
    struct caller *c = user;

    (void)u;
    host_note(c->flight->h, d->status, d->verb);
    call(c);
}

static void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct caller *c = user;

    (void)a;
    host_note(c->flight->h, status, 0);
    if (n == 1)
        c->claim = w->claim;
    call(c);
}

static void submit(struct host *h, struct caller *c)
{
    if (c->next == ENQUEUE) {
        host_name(h, ++h->last, h->names[0]);
        host_note(h, usher_enqueue(h->q, &h->requests[0], on_done, c), 0);
    } else if (c->next == CLAIM) {
        host_note(h, usher_claim_next(h->a, h->q, 0, on_work, c), 0);
    } else if (c->next == ACKNOWLEDGE) {
        host_note(h, usher_acknowledge(h->u, &c->claim, NULL, on_done, c), USHER_ACKNOWLEDGE);
    } else {
        host_note(h, usher_resolve(h->u, &c->claim, USHER_AS_FIX, NULL, on_done, c), USHER_RESOLVE);
    }
    c->next = (c->next + 1) % VERBS;
    c->left--;
}

static void take_time(struct flight *f, struct caller *c)
{
    uint64_t now = wall_ns(), ns = now - c->began;
    struct latencies *l = f->latencies;

    if (c->began != 0 && !f->ends && l->n < l->room)
        l->ns[l->n++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
    c->began = now;
}

/* The command before has been answered, if there was one. */
static void call(struct caller *c)
{
    struct flight *f = c->flight;

    f->done++;
    f->h->ended++;
    if (f->latencies != NULL)
        take_time(f, c);
    if (c->left == 0 && !f->ends)
        c->left = VERBS;
    if (c->left == 0 || f->h->status != USHER_OK)
        f->busy--;
    else
        submit(f->h, c);
}

struct flight *flight_new(struct host *h)
{
    struct flight *f = calloc(1, sizeof *f);

    if (f != NULL)
        f->h = h;
    return f;
}

void flight_free(struct flight *f)
{
    free(f);
}

/* Every other one begins with the claim, so that not all do the same at the same time. */
static void start(struct flight *f, uint32_t callers)
{
    f->busy = callers;
    for (uint32_t i = 0; i < callers; i++) {
        f->callers[i] = (struct caller){.flight = f, .next = i % 2 == 0 ? ENQUEUE : CLAIM};
        call(&f->callers[i]);
    }
    f->done = 0;
}

bool flight_run(struct flight *f, uint32_t callers, uint64_t ns, struct latencies *latencies,
                struct flight_run *out)
{
    uint64_t began = wall_ns();

    f->ends = false;
    f->latencies = latencies;
    *out = (struct flight_run){0};
    start(f, callers);
    while (f->busy > 0 && f->h->status == USHER_OK) {
        if (!host_turn(f->h) || f->ends)
            continue;
        out->commands = f->done;
        out->wall = wall_ns() - began;
        f->ends = out->wall >= ns;
    }
    out->total = f->done;
    return f->h->status == USHER_OK;
}
