/* Who came when, and how much work each was. */
#include "demand.h"

#include <stdlib.h>
#include <usher/usher.h>

#include "array.h"
#include "figures.h"

struct touch {        /* of one ticket */
    int64_t since_at; /* -1: in nobody's hands */
    int64_t ms;
    bool withdrawn;
};

static bool is_end_of_touch(enum deed deed)
{
    return deed == DEED_PAUSE || deed == DEED_RELEASE || deed == DEED_RESOLVE ||
           deed == DEED_WITHDRAW || deed == DEED_HAND_OFF;
}

static void let_go(struct touch *touch, int64_t at, uint32_t *in_hands)
{
    touch->ms += at - touch->since_at;
    touch->since_at = -1;
    --*in_hands;
}

static struct touch *measure(struct demand *d, const struct log *l, const struct timeline *t)
{
    struct touch *touches = array_new((size_t)l->tickets.n + 1, sizeof *touches);
    uint32_t in_hands = 0;
    for (uint32_t k = 0; k <= l->tickets.n; k++)
        touches[k].since_at = -1;
    for (size_t i = 0; i < t->actions_n; i++) {
        const struct action *a = &t->actions[i];
        struct touch *touch = &touches[a->ticket];
        touch->withdrawn = touch->withdrawn || a->deed == DEED_WITHDRAW;
        if (a->deed == DEED_CLAIM && touch->since_at < 0) {
            touch->since_at = a->at;
            in_hands++;
        } else if (touch->since_at >= 0 && is_end_of_touch(a->deed))
            let_go(touch, a->at, &in_hands);
        if (in_hands > d->in_hands_most)
            d->in_hands_most = in_hands;
    }
    for (uint32_t k = 1; k <= l->tickets.n; k++) {
        if (touches[k].since_at < 0)
            continue;
        d->cut_off++;
        let_go(&touches[k], t->to_at, &in_hands);
    }
    return touches;
}

static void enter(struct demand *d, const struct timeline *t, const struct touch *touches)
{
    for (size_t i = 0; i < t->actions_n; i++) {
        const struct action *a = &t->actions[i];
        if (a->deed != DEED_OPEN)
            continue;
        const struct touch *touch = &touches[a->ticket];
        if (touch->withdrawn && touch->ms == 0) {
            d->gave_up++;
            continue;
        }
        d->arrivals[d->n++] = (struct arrival){
            .at = a->at,
            .touch_ms = touch->ms,
            .ticket = a->ticket,
            .priority = t->stories[a->ticket].priority,
            .guessed = touch->ms == 0,
        };
        d->shown_ms += touch->ms;
        d->guessed += touch->ms == 0;
    }
}

/* Of those that the log shows; priority 0: of all. 0: it shows none. */
static int64_t median(const struct demand *d, int32_t priority, int64_t *room)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) {
        const struct arrival *a = &d->arrivals[i];
        if (!a->guessed && (priority == 0 || a->priority == priority))
            room[n++] = a->touch_ms;
    }
    return figures_spread(room, n).p50;
}

int demand_open(struct demand *d, const struct log *l, const struct timeline *t, struct fault *f)
{
    *d = (struct demand){.arrivals = array_new(l->tickets.n, sizeof *d->arrivals)};
    struct touch *touches = measure(d, l, t);
    enter(d, t, touches);
    free(touches);
    int64_t *room = array_new(d->n, sizeof *room);
    int64_t guess[USHER_URGENT + 1];
    for (int32_t p = 0; p <= USHER_URGENT; p++)
        guess[p] = median(d, p, room);
    free(room);
    if (guess[0] == 0) {
        return fault_set(f,
                         "--what-if: no ticket of this log was ever in an agent's hands: how long "
                         "would it take?");
    }
    for (size_t i = 0; i < d->n; i++) {
        struct arrival *a = &d->arrivals[i];
        if (a->guessed)
            a->touch_ms = guess[a->priority] ? guess[a->priority] : guess[0];
        d->touch_ms += a->touch_ms;
    }
    return 0;
}

void demand_free(struct demand *d)
{
    free(d->arrivals);
    *d = (struct demand){0};
}
