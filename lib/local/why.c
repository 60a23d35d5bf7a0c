/* Why a ticket stands where it stands, in words. What they are made from is its standing, which goes with
 * them as data. */
#include "local/inside.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/date.h"

struct words {
    char *at;
    size_t room;
};

static __attribute__((format(printf, 2, 3))) void say(struct words *w, const char *format, ...)
{
    va_list args;
    size_t n;

    va_start(args, format);
    n = (size_t)vsnprintf(w->at, w->room, format, args);
    va_end(args);
    if (n >= w->room) /* too large for an int is too large, too */
        n = w->room - 1;
    w->at += n;
    w->room -= n;
}

static void say_instant(struct words *w, const char *before, int64_t at)
{
    struct date date = usher__date_of(usher__date_at(at));
    int ms = (int)(at - usher__date_at(at) * DAY_MS);

    if (at == USHER_NEVER)
        say(w, "%sthe end of time", before);
    else
        say(w, "%s%lld-%02u-%02u %02d:%02d:%02d.%03d UTC", before, (long long)date.year, date.month,
            date.day, ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

/* As a policy would say it: 1h30m. */
static void say_duration(struct words *w, int64_t ms)
{
    static const int unit_ms[] = {DAY_MS, 3600000, 60000, 1000, 1};
    static const char unit[][3] = {"d", "h", "m", "s", "ms"};

    for (int i = 0; i < 5; i++, ms %= unit_ms[i - 1]) {
        if (ms >= unit_ms[i])
            say(w, "%lld%s", (long long)(ms / unit_ms[i]), unit[i]);
    }
}

void usher__why_rank(struct engine *e, const usher_standing *s, usher_text *out)
{
    struct words w = {e->why, sizeof(e->why)};
    const char *to = s->kept_for != NULL ? s->kept_for : s->offered_to;
    const char *queue =
        s->offer == USHER_TO_QUEUE ? s->offered_to : usher__engine_name(e, s->queue->name);

    if (to != NULL) {
        say(&w, "%s %s", s->kept_for != NULL ? "kept for" : "offered to", to);
        say_instant(&w, " until ", s->until_at);
        say(&w, s->ahead >= 0 ? ": " : "; ");
    }
    if (s->ahead >= 0)
        say(&w, "%lld ahead in %s of %s, %lld with the bands above; ", (long long)s->ahead,
            usher_name(USHER_NAME_PRIORITY, s->priority), queue, (long long)s->ahead_in_queue);
    else if (to == NULL)
        say(&w, "%s: not in the line", usher_name(USHER_NAME_STATE, s->state));
    if (s->ahead >= 0 || to != NULL) {
        say_instant(&w, "by ", s->rank_from_at);
        say(&w, s->rank_by == USHER_RANK_DUE ? ", the due of its nearest promise"
                                             : ", when it came, for it has no promise");
        if (s->rank_behind_ms > 0) {
            say(&w, ", and ");
            say_duration(&w, s->rank_behind_ms);
            say(&w, " behind that, for its requester has others there");
        }
    }
    *out = (usher_text){e->why, sizeof(e->why) - w.room};
}
