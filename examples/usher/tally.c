/* A walk over all tickets. See tally.h. */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

/* Names are few and come in any order: a sorted array is enough. Both records begin with the name. */
static void *by_name(void **items, size_t *n, size_t *cap, size_t size, const char *name)
{
    size_t from = 0;
    size_t to = *n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (strcmp((char *)*items + mid * size, name) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    char *at = (char *)*items + from * size;
    if (from < *n && strcmp(at, name) == 0)
        return at;
    *items = array_room(*items, cap, *n + 1, size);
    at = (char *)*items + from * size;
    memmove(at + size, at, (*n - from) * size);
    memset(at, 0, size);
    memcpy(at, name, strlen(name) + 1);
    ++*n;
    return at;
}

static struct queue_tally *queue_of(struct tally *t, const char *name)
{
    void *items = t->queues;
    struct queue_tally *q = by_name(&items, &t->queues_n, &t->queues_cap, sizeof *q, name);
    t->queues = items;
    return q;
}

static struct agent_tally *agent_of(struct tally *t, const char *name)
{
    void *items = t->agents;
    struct agent_tally *a = by_name(&items, &t->agents_n, &t->agents_cap, sizeof *a, name);
    t->agents = items;
    return a;
}

static void count_promises(struct tally *t, const usher_standing *s)
{
    for (int i = 0; i < TALLY_PROMISES; i++) {
        struct promise_tally *p = &t->promises[i];
        bool runs = s->promises[i].state == USHER_RUNNING;
        p->kept += s->promises[i].state == USHER_KEPT;
        p->broken += s->promises[i].state == USHER_BROKEN;
        p->lapsed += s->promises[i].state == USHER_LAPSED;
        p->running += runs;
        p->overdue += runs && s->promises[i].due_at < t->store->now;
    }
}

static void count_wait(struct tally *t, struct queue_tally *q, const usher_standing *s)
{
    int64_t ms = t->store->now - s->enqueued_at;
    if (s->state != USHER_WAITING || ms < 0)
        return;
    t->waits = array_room(t->waits, &t->waits_cap, t->waits_n + 1, sizeof *t->waits);
    t->waits[t->waits_n++] = ms;
    if (ms > q->longest_ms)
        q->longest_ms = ms;
}

static int on_page(const usher_page *p, void *user)
{
    struct tally *t = user;
    for (uint64_t i = 0; i < p->n; i++) {
        const usher_standing *s = &p->tickets[i];
        struct queue_tally *q = queue_of(t, usher_queue_name(s->queue));
        if (t->tickets++ == 0) {
            t->first = s->ticket;
            t->first_at = s->enqueued_at;
        }
        t->last = s->ticket;
        t->last_at = s->enqueued_at;
        if (s->state_at > t->changed_at)
            t->changed_at = s->state_at;
        t->events += s->ticket_seq;
        t->chased += s->chases > 0;
        t->by_state[s->state]++;
        q->by_state[s->state]++;
        if (s->holder)
            agent_of(t, s->holder)->holds++;
        count_promises(t, s);
        count_wait(t, q, s);
    }
    return 0;
}

static int compare_ms(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int tally_take(struct tally *t, struct store *s)
{
    usher_query q = USHER_INIT(usher_query);
    *t = (struct tally){.store = s};
    q.what = USHER_READ_TICKETS;
    q.limit = USHER_ROWS_MAX;
    int r = store_read(s, &q, on_page, t);
    if (t->waits_n > 0)
        qsort(t->waits, t->waits_n, sizeof *t->waits, compare_ms);
    return r;
}

void tally_drop(struct tally *t)
{
    free(t->queues);
    free(t->agents);
    free(t->waits);
    *t = (struct tally){0};
}
