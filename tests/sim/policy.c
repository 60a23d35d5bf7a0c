/* Policies drawn at random, and their text. */
#include "policy.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DAY INT64_C(86400000)

static const char *const promise_names[4] = { "ack", "answer", "update", "resolve" };
static const char *const priority_names[4] = { "low", "normal", "high", "urgent" };
static const char *const reason_names[3] = { "requester", "third_party", "until" };

static int64_t grid;

void draw_on_grid(int64_t ms)
{
    grid = ms;
}

int64_t draw_duration(struct dice *d)
{
    static const int64_t about[] = { 1, 2, 10, 100, 100, 1000, 1000, 60000, 3600000 };
    int64_t ms;

    if (grid != 0)
        return grid * (1 + (int64_t)dice_below(d, 6));
    ms = about[dice_below(d, sizeof about / sizeof about[0])];

    return ms + (int64_t)dice_below(d, (uint32_t)ms);
}

struct rules default_rules(void)
{
    struct rules r = { .pauses = { 0, 0, 1, 7 },
                       .warn = { 50, 80 },
                       .warn_n = 2,
                       .share = { 1, 4, 8, 0 },
                       .keep_for = 15 * 60000,
                       .lease_for = 15 * 60000,
                       .lease_max = 8 * 3600000,
                       .attempts = 5,
                       .backoff = { 10000, 60000, 600000 }, /* and an hour, from the fourth on */
                       .backoff_n = 3,
                       .pause_max = { 30 * DAY, 30 * DAY, 30 * DAY },
                       .confirm_within = 5 * DAY,
                       .reopen_within = 30 * DAY,
                       .accept_within = 30 * 60000,
                       .hops = 5,
                       .window = 30 * DAY,
                       .cause_after = 3,
                       .cause_queue = -1,
                       .open = 1000000 };

    return r;
}

static bool one_in(struct dice *d, uint32_t n)
{
    return dice_below(d, n) == 0;
}

static void draw_targets(struct dice *d, struct rules *r)
{
    for (int ix = 0; ix < 4; ix++) {
        bool some = !one_in(d, 3);

        for (int p = 0; p < 4; p++)
            r->target[ix][p] = some && one_in(d, 2) ? draw_duration(d) : 0;
        for (int p = 1; p < 4; p++) { /* the next lower one's, see put_promise */
            if (r->target[ix][p] == 0)
                r->target[ix][p] = r->target[ix][p - 1];
        }
        if (one_in(d, 3))
            r->pauses[ix] = dice_below(d, 8);
    }
}

static int64_t or_zero(struct dice *d)
{
    return one_in(d, 3) ? 0 : draw_duration(d);
}

/* n <= 2 of them, each larger than the one before. */
static uint32_t ascending(struct dice *d, int64_t *to)
{
    uint32_t n = dice_below(d, 3);

    to[0] = draw_duration(d);
    to[1] = to[0] + draw_duration(d);
    return n;
}

static void draw_ladder(struct dice *d, struct rules *r)
{
    static const uint32_t percents[] = { 100, 100, 50, 90, 101, 150, 300 };

    r->steps_n = one_in(d, 2) ? 0 : 1 + dice_below(d, STEPS);
    for (uint32_t i = 0; i < r->steps_n; i++) {
        struct step_rule *s = &r->step[i];

        *s = (struct step_rule){ .on = (int)dice_below(d, 4), .move = -1 };
        if (one_in(d, 2))
            s->percent = percents[dice_below(d, sizeof percents / sizeof percents[0])];
        else
            s->far = one_in(d, 2) ? draw_duration(d) : -draw_duration(d);
        if (one_in(d, 3)) {
            s->repeat = draw_duration(d);
            s->times = 1 + dice_below(d, 4);
        }
        s->notify = dice_below(d, 8);
        s->raise = 1 + i; /* no two are equal */
        s->priority = one_in(d, 3) ? 1 + (int)dice_below(d, 4) : 0;
        if (one_in(d, 4))
            s->move = (int)dice_below(d, QUEUES + 1);
    }
}

struct rules draw_rules(struct dice *d, bool later)
{
    struct rules r = default_rules();

    draw_targets(d, &r);
    draw_ladder(d, &r);
    r.warn_n = dice_below(d, 4);
    for (uint32_t i = 0; i < r.warn_n; i++)
        r.warn[i] = 30 * i + 1 + dice_below(d, 30);
    r.receipt = one_in(d, 2);
    r.named_free = one_in(d, 3);
    for (int p = 0; p < 4; p++)
        r.share[p] = one_in(d, 4) ? 0 : 1 + dice_below(d, 9);
    r.gap = or_zero(d);
    r.keep_for = or_zero(d);
    r.lease_for = draw_duration(d);
    r.lease_max = r.lease_for + or_zero(d);
    r.attempts = 1 + dice_below(d, 4);
    r.backoff_n = 1 + dice_below(d, 3);
    for (int i = 0; i < 3; i++)
        r.backoff[i] = or_zero(d);
    for (int i = 0; i < 3; i++) {
        r.pause_max[i] = draw_duration(d);
        r.remind_n[i] = ascending(d, r.remind[i]);
    }
    r.then_resolve = one_in(d, 2);
    r.check_in_n = ascending(d, r.check_in);
    r.confirm_within = or_zero(d);
    r.reopen_within = or_zero(d);
    r.accept_within = draw_duration(d);
    r.hops = 1 + dice_below(d, 5);
    r.window = one_in(d, 2) ? DAY : draw_duration(d);
    r.cause_after = 2 + dice_below(d, 3);
    r.cause_queue = one_in(d, 4) ? -1 : (int)dice_below(d, QUEUES + 1);
    r.open = one_in(d, 3) ? 3 + dice_below(d, 20) : 1000;
    if (later)
        r.open = 1000;
    return r;
}

/* ---- the text -------------------------------------------------------------------------------- */

struct out {
    char *to;
    size_t room;
};

static void put(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct out *o, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(o->to, o->room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= o->room)
        n = 0;
    o->to += n;
    o->room -= (size_t)n;
}

static void put_durations(struct out *o, const char *key, const int64_t *ms, uint32_t n)
{
    put(o, "\"%s\":[", key);
    for (uint32_t i = 0; i < n; i++)
        put(o, "%s\"%" PRId64 "ms\"", i > 0 ? "," : "", ms[i]);
    put(o, "]");
}

static void put_promise(struct out *o, const struct rules *r, int ix)
{
    const char *comma = "";

    put(o, "%s\"%s\":{\"pauses\":[", ix > 0 ? "," : "", promise_names[ix]);
    for (int i = 0; i < 3; i++) {
        if ((r->pauses[ix] & 1u << i) == 0)
            continue;
        put(o, "%s\"%s\"", comma, reason_names[i]);
        comma = ",";
    }
    put(o, "],\"target\":{");
    comma = "";
    for (int p = 0; p < 4; p++) {
        if (r->target[ix][p] == 0 || (p > 0 && r->target[ix][p] == r->target[ix][p - 1]))
            continue; /* it has none, or the library finds it by itself */
        put(o, "%s\"%s\":\"%" PRId64 "ms\"", comma, priority_names[p], r->target[ix][p]);
        comma = ",";
    }
    put(o, "}");
    if (ix == 0)
        put(o, ",\"receipt\":%s", r->receipt ? "true" : "false");
    if (ix == 2)
        put(o, ",\"named\":\"%s\"", r->named_free ? "free" : "capped");
    put(o, "}");
}

static void put_line(struct out *o, const struct rules *r)
{
    put(o, "\"line\":{\"shares\":{");
    for (int p = 0; p < 4; p++) {
        put(o, "%s\"%s\":", p > 0 ? "," : "", priority_names[p]);
        if (r->share[p] == 0)
            put(o, "\"first\"");
        else
            put(o, "%u", r->share[p]);
    }
    put(o, "},\"gap\":\"%" PRId64 "ms\",\"keep_for\":\"%" PRId64 "ms\"}", r->gap, r->keep_for);
}

static void put_pauses(struct out *o, const struct rules *r)
{
    put(o, "\"pause\":{");
    for (int i = 0; i < 3; i++) {
        put(o, "%s\"%s\":{\"max\":\"%" PRId64 "ms\",", i > 0 ? "," : "", reason_names[i],
            r->pause_max[i]);
        put_durations(o, "remind", r->remind[i], r->remind_n[i]);
        put(o, ",\"then\":\"%s\"}", i == 0 && r->then_resolve ? "resolve" : "wait");
    }
    put(o, "}");
}

static void put_step(struct out *o, const struct step_rule *s)
{
    const char *comma = "";

    put(o, "{\"on\":\"%s\",\"at\":\"", promise_names[s->on]);
    if (s->percent != 0)
        put(o, "%u%%\"", s->percent);
    else
        put(o, "%+" PRId64 "ms\"", s->far);
    put(o, ",\"raise\":%u", s->raise);
    if (s->repeat != 0)
        put(o, ",\"repeat\":\"%" PRId64 "ms\",\"times\":%u", s->repeat, s->times);
    if (s->priority != 0)
        put(o, ",\"priority\":\"%s\"", priority_names[s->priority - 1]);
    if (s->move >= 0)
        put(o, ",\"move\":\"q%d\"", s->move);
    if (s->notify != 0) {
        put(o, ",\"notify\":[");
        for (int n = 0; n < 3; n++) {
            if ((s->notify & 1u << n) == 0)
                continue;
            put(o, "%s\"n%d\"", comma, n);
            comma = ",";
        }
        put(o, "]");
    }
    put(o, "}");
}

void print_rules(const struct rules *r, char *json, size_t len)
{
    struct out o = { json, len };

    put(&o, "{\"promises\":{");
    for (int ix = 0; ix < 4; ix++)
        put_promise(&o, r, ix);
    put(&o, "},\"warn\":[");
    for (uint32_t i = 0; i < r->warn_n; i++)
        put(&o, "%s%u", i > 0 ? "," : "", r->warn[i]);
    put(&o, "],\"ladder\":[");
    for (uint32_t i = 0; i < r->steps_n; i++) {
        put(&o, "%s", i > 0 ? "," : "");
        put_step(&o, &r->step[i]);
    }
    put(&o, "],");
    put_line(&o, r);
    put(&o, ",\"lease\":{\"for\":\"%" PRId64 "ms\",\"max\":\"%" PRId64 "ms\"},", r->lease_for,
        r->lease_max);
    put(&o, "\"retry\":{\"attempts\":%u,", r->attempts);
    put_durations(&o, "backoff", r->backoff, r->backoff_n);
    put(&o, "},");
    put_pauses(&o, r);
    put(&o, ",\"aftercare\":{\"confirm_within\":\"%" PRId64 "ms\",\"reopen_within\":\"%" PRId64
        "ms\",", r->confirm_within, r->reopen_within);
    put_durations(&o, "check_in", r->check_in, r->check_in_n);
    put(&o, "},\"handoff\":{\"accept_within\":\"%" PRId64 "ms\",\"hops\":%u}", r->accept_within,
        r->hops);
    put(&o, ",\"recurrence\":{\"window\":\"%" PRId64 "ms\",\"cause_after\":%u", r->window,
        r->cause_after);
    if (r->cause_queue >= 0)
        put(&o, ",\"cause_queue\":\"q%d\"", r->cause_queue);
    put(&o, "},\"limits\":{\"open\":%u}}", r->open);
}
