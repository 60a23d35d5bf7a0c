/* What the service itself has counted. */
#include "counted.h"

struct reading {
    struct counted *counted;
    const usher_queue_t *but;
    uint64_t cursor;
    int status;
};

static void add(struct counted *c, const usher_figures *f)
{
    c->enqueued += f->enqueued;
    c->recurred += f->recurred;
    c->chases += f->chases;
    c->late_pauses += f->late_pauses;
    c->handoffs += f->handoffs;
    c->accepted += f->accepted;
    c->expired += f->expired;
    c->resolved += f->resolved;
    c->reopened += f->reopened;
    c->closed += f->closed;
    c->withdrawn += f->withdrawn;
    c->open += f->open;
    for (int i = 0; i < 4; i++) {
        c->kept[i] += f->kept[i];
        c->broken[i] += f->broken[i];
        c->lapsed[i] += f->lapsed[i];
    }
}

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    (void)u;
    struct reading *r = user;
    r->status = status;
    r->cursor = p->cursor;
    for (uint64_t i = 0; i < p->n; i++) {
        if (p->figures[i].priority == 0 && p->figures[i].queue != r->but)
            add(r->counted, &p->figures[i]);
    }
}

int counted_read(struct counted *c, usher_t *u, int64_t now, const usher_queue_t *but)
{
    struct reading r = {c, but, 0, 0};
    *c = (struct counted){0};
    do {
        usher_query q = USHER_INIT(usher_query);
        q.what = USHER_READ_FIGURES;
        q.limit = USHER_ROWS_MAX;
        q.cursor = r.cursor;
        r.status = USHER_EFAILED; /* unless it is told */
        int status = usher_read(u, &q, on_page, &r);
        if (status == USHER_OK)
            status = usher_advance(u, now);
        if (status != USHER_OK)
            return status;
    } while (r.status == USHER_OK && r.cursor != 0);
    return r.status;
}
