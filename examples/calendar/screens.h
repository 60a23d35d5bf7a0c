/* The screens: a week drawn, and a sum explained. */
#ifndef EXAMPLES_CALENDAR_SCREENS_H
#define EXAMPLES_CALENDAR_SCREENS_H
#include "fault.h"
#include "look.h"
#include "source.h"

struct screen {
    const struct look *look;
    const struct source *source;
    const char *name; /* the calendar's */
    json_t *calendar;
    bool all_rows;
};

/* What the library has against a policy may be so at that instant only; then the fault says which. */
void fault_seen_from(struct fault *f, int64_t at);

/* The week, from Monday, that this date is in. 0, or -1: nothing has been printed. */
int screen_week(const struct screen *s, int64_t day, struct fault *f);

/* When `target` has passed from an instant on. 0; -1: nothing has been printed, or it is never. */
int screen_add(const struct screen *s, const char *target, int64_t from_at, struct fault *f);

/* What is open between two instants. 0, or -1. */
int screen_between(const struct screen *s, int64_t from_at, int64_t to_at, struct fault *f);

#endif
