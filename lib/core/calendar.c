/* The calendar that is always open. See calendar.h for why it stands behind an interface. */
#include "core/calendar.h"

int64_t usher__calendar_reach(const struct calendar *c, int64_t from, int64_t ms)
{
    int64_t at;

    (void)c;
    return __builtin_add_overflow(from, ms, &at) ? INT64_MAX : at;
}

int64_t usher__calendar_pass(const struct calendar *c, int64_t from, int64_t ms)
{
    int64_t at = usher__calendar_reach(c, from, ms);

    return at == INT64_MAX ? at : at + 1;
}

int64_t usher__calendar_between(const struct calendar *c, int64_t from, int64_t to)
{
    int64_t ms;

    (void)c;
    if (to <= from)
        return 0;
    return __builtin_sub_overflow(to, from, &ms) ? INT64_MAX : ms;
}
