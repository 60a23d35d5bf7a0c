/* For tests of the rules alone: a ticket whose `resolve` runs on a calendar. */
#ifndef USHER_UNIT_HOURS_H
#define USHER_UNIT_HOURS_H

#include "alone.h"

/* MONDAY is 2026-06-01. */
#define NINE_TO_FIVE "mon-fri 09:00-17:00"
#define WITH_LUNCH   "mon-fri 08:00-12:00,13:00-17:00; holiday 2026-06-04"

/* `resolve` within ms, or days, of a calendar; the clock stands at `start`. */
static inline struct alone *promised_on(const struct calendar *c, int64_t ms, int64_t days,
                                        const char *start)
{
    struct alone *w = alone();
    struct promise_policy *p = &w->policy.promise[RESOLVE];

    p->calendar = c;
    promise_all(&w->policy, RESOLVE, days != 0 ? days : ms);
    p->days = days != 0 ? 15 : 0;
    w->now = at(start);
    enqueue(w, NORMAL);
    return w;
}

static inline struct alone *promised(const char *hours, int64_t ms, int64_t days, const char *start)
{
    return promised_on(calendar(hours), ms, days, start);
}

/* As end(), of one with a calendar. */
static inline void done(struct alone *w)
{
    usher__calendar_free((struct calendar *)w->policy.promise[RESOLVE].calendar);
    end(w);
}

static inline void until(struct alone *w, const char *text)
{
    run_to(w, at(text), 0);
}

static inline int64_t due(const struct alone *w)
{
    return usher__promise_due(&w->t, &w->policy, RESOLVE);
}

#endif
