/* How tickets were passed on, and what kept coming. */
#include "passing.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

static void accept(struct passing *p, struct passed *t, int64_t at)
{
    p->accept_ms = array_room(p->accept_ms, &p->accept_cap, p->accept_n + 1, sizeof *p->accept_ms);
    p->accept_ms[p->accept_n++] = at - t->offered_at;
    p->accepted++;
    t->offered_at = 0;
}

static void link(struct passing *p, struct passed *t, bool linking, bool solved)
{
    bool *known = linking ? &t->by_log : &t->by_policy;
    p->links += linking;
    if (*known)
        return;
    *known = true;
    p->linked += linking;
    p->linked_solved += linking && solved;
    p->linked_by_policy += !linking;
}

void passing_event(struct passing *p, struct passed *t, const usher_event *e, bool linking,
                   bool solved)
{
    switch (e->kind) {
    case USHER_EV_OFFERED:
        p->made++;
        t->offered_at = e->at;
        t->handoffs++;
        break;
    case USHER_EV_CLAIMED:
        if (e->how != 0 && t->offered_at != 0)
            accept(p, t, e->at);
        break;
    case USHER_EV_OFFER_EXPIRED:
        p->late++;
        t->offered_at = 0;
        break;
    case USHER_EV_RECALLED:
    case USHER_EV_DECLINED:
        t->offered_at = 0;
        break;
    case USHER_EV_ESCALATED:
        p->beyond_hops += e->rule && strcmp(e->rule, "handoff.hops") == 0;
        break;
    case USHER_EV_PAUSED:
        p->late_pauses += e->n;
        break;
    case USHER_EV_RECURRED:
        p->recurred++;
        p->recurred_same += e->how > 1;
        break;
    case USHER_EV_LINKED:
        if (e->other != 0)
            link(p, t, linking, solved);
        break;
    default:
        break;
    }
}

void passing_cause(struct passing *p, usher_id id, bool named)
{
    p->causes = array_room(p->causes, &p->causes_cap, p->causes_n + 1, sizeof *p->causes);
    p->causes[p->causes_n++] = id;
    p->named += named;
}

static int compare_ids(const void *a, const void *b)
{
    usher_id x = *(const usher_id *)a;
    usher_id y = *(const usher_id *)b;
    return x < y ? -1 : x > y;
}

bool passing_is_cause(const struct passing *p, usher_id id)
{
    return p->causes_n > 0 && bsearch(&id, p->causes, p->causes_n, sizeof id, compare_ids) != NULL;
}

void passing_free(struct passing *p)
{
    free(p->accept_ms);
    free(p->causes);
    *p = (struct passing){0};
}
