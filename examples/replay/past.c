/* What a store holds, read and compared. See past.h. */
#include "past.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "words.h"

static const char name[] = "usher-replay"; /* of the subscription */

/* ---- reading --------------------------------------------------------------------------------- */

/* Puts a copy of len bytes and a NUL at *room, which moves on. */
static const char *put(char **room, const char *data, size_t len)
{
    char *to = *room;
    if (!data)
        return NULL;
    memcpy(to, data, len);
    to[len] = 0;
    *room += len + 1;
    return to;
}

static size_t length(const char *text)
{
    return text ? strlen(text) : 0;
}

static usher_event *copy(const usher_event *e)
{
    size_t texts = length(e->who) + length(e->to) + length(e->rule) + (size_t)e->text.len +
                   (size_t)e->notify.len + 5;
    usher_event *c = array_new(sizeof *c + texts, 1);
    char *room = (char *)(c + 1);
    *c = *e;
    c->who = put(&room, e->who, length(e->who));
    c->to = put(&room, e->to, length(e->to));
    c->rule = put(&room, e->rule, length(e->rule));
    c->text.data = put(&room, e->text.data, (size_t)e->text.len);
    c->notify.data = put(&room, e->notify.data, (size_t)e->notify.len);
    return c;
}

static void on_event(usher_t *u, const usher_event *e, void *user)
{
    struct past *p = user;
    p->events = array_room(p->events, &p->cap, p->n + 1, sizeof(usher_event *));
    p->events[p->n++] = copy(e);
    /* Without this the next thousand would be the last. */
    int r = usher_event_done(u, name, e->seq);
    if (r != USHER_OK)
        p->status = r;
}

/* An answer tells which event is the service's last one, whatever became of the question. */
static void on_answer(usher_t *u, const usher_done *d, void *user)
{
    (void)u;
    ((struct past *)user)->last_seq = d->seq;
}

int past_read(struct past *p, usher_t *store, int64_t now, struct fault *f)
{
    const usher_id nobodys = UINT64_MAX;
    *p = (struct past){0};
    int r = usher_subscribe(store, name, 1, on_event, p);
    if (r == USHER_OK)
        r = usher_ask(store, nobodys, name, on_answer, p);
    if (r == USHER_OK)
        r = usher_advance(store, now);
    if (r == USHER_OK)
        r = p->status;
    if (r == USHER_OK)
        r = usher_unsubscribe(store, on_event, p);
    if (r != USHER_OK)
        return fault_set(f, "the store's events: %s", usher_strerror(r));
    if (p->n != p->last_seq || (p->n > 0 && p->events[0]->kind == USHER_EV_LOST))
        return fault_set(f, "the store's events: %zu of %llu are there; has it been purged?", p->n,
                         (unsigned long long)p->last_seq);
    return 0;
}

void past_free(struct past *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->events[i]);
    free(p->events);
    *p = (struct past){0};
}

/* ---- comparing ------------------------------------------------------------------------------- */

static bool same_name(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_text(const usher_text *a, const usher_text *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, (size_t)a->len) == 0);
}

/* All but seen_at: a timer that was due while nobody ran is seen late. */
static bool same(const usher_event *a, const usher_event *b)
{
    const char *in = a->queue ? usher_queue_name(a->queue) : NULL;
    const char *there = b->queue ? usher_queue_name(b->queue) : NULL;
    return a->seq == b->seq && a->ticket == b->ticket && a->ticket_seq == b->ticket_seq &&
           a->at == b->at && a->until_at == b->until_at && a->due_at == b->due_at &&
           a->kind == b->kind && a->state == b->state && a->how == b->how &&
           a->promise == b->promise && a->level == b->level && a->priority == b->priority &&
           a->n == b->n && a->kept == b->kept && a->lapsed == b->lapsed &&
           a->policy_version == b->policy_version && a->notify_at == b->notify_at &&
           a->other == b->other && a->took_ms == b->took_ms && a->word_ms == b->word_ms &&
           a->held_ms == b->held_ms && same_name(in, there) && same_name(a->who, b->who) &&
           same_name(a->to, b->to) && same_name(a->rule, b->rule) &&
           same_text(&a->text, &b->text) && same_text(&a->notify, &b->notify);
}

static void tell_difference(const usher_event *there, const usher_event *here, struct fault *f)
{
    char when[2][WORDS_MAX];
    fault_set(f,
              "this is not how the store began: its event %llu is \"%s\" of ticket %llu at %s, and "
              "now it is \"%s\" of ticket %llu at %s; log, mapping and policy have to be the same",
              (unsigned long long)there->seq, usher_name(USHER_NAME_EVENT, there->kind),
              (unsigned long long)there->ticket, words_instant(when[0], there->at),
              usher_name(USHER_NAME_EVENT, here->kind), (unsigned long long)here->ticket,
              words_instant(when[1], here->at));
}

const usher_event *past_next(struct past *p, const usher_event *e, struct fault *f)
{
    if (p->differs)
        return NULL;
    if (p->at == p->n) {
        p->beyond = true;
        return NULL;
    }
    const usher_event *there = p->events[p->at];
    if (!same(there, e)) {
        p->differs = true;
        tell_difference(there, e, f);
        return NULL;
    }
    p->at++;
    return there;
}
