/* See ladder.h. A round of n steps is n steps of ours that each come again when the round begins
 * again; they stand at a promise that is due at once. */
#include "ladder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "when.h"

enum { FIRES_MAX = 200, DELAYS_MAX = 32 };

struct fires {
    int64_t began_at;
    struct {
        int64_t step, minute;
    } fire[FIRES_MAX];
    uint32_t n;
    bool closed;
};

static void on_event(usher_t *u, const usher_event *e, void *user)
{
    struct fires *f = user;
    int step;

    (void)u;
    if (e->kind != USHER_EV_STEPPED || f->n == FIRES_MAX || e->rule == NULL ||
        sscanf(e->rule, "ladder[%d]", &step) != 1)
        return;
    f->fire[f->n].step = step;
    f->fire[f->n++].minute = (e->at - f->began_at) / 60000;
}

static void on_closed(void *user)
{
    ((struct fires *)user)->closed = true;
}

/* The policy; *minutes: how long all rounds take. NULL: out of memory. */
static char *written(const json_t *delays, int64_t times, int64_t *minutes)
{
    json_t *ladder = json_array(), *policy;
    int64_t round = 0, at = 0;
    char text[32], every[32];
    size_t n = json_array_size(delays);
    char *all;

    for (size_t i = 0; i < n; i++)
        round += json_integer_value(json_array_get(delays, i));
    snprintf(every, sizeof every, "%lldm", (long long)round);
    for (size_t i = 0; i < n; i++) {
        json_t *step;

        snprintf(text, sizeof text, i == 0 ? "100%%" : "+%lldm", (long long)at);
        step = json_pack("{ssss}", "on", "resolve", "at", text);
        if (times > 0) {
            json_object_set_new(step, "repeat", json_string(every));
            json_object_set_new(step, "times", json_integer(times));
        }
        json_array_append_new(ladder, step);
        at += json_integer_value(json_array_get(delays, i));
    }
    *minutes = round * (times + 1);
    policy = json_pack("{s{s{ss}}so}", "promises", "resolve", "target", "1ms", "ladder", ladder);
    all = json_dumps(policy, JSON_COMPACT);
    json_decref(policy);
    return all;
}

/* False: it could not be opened, or the policy is refused. */
static bool fire(struct fires *f, const char *policy, int64_t minutes, char said[LADDER_SAYS])
{
    usher_options o = USHER_INIT(usher_options);
    usher_request r = USHER_INIT(usher_request);
    usher_manual_clock_t *clock;
    usher_queue_t *q;
    usher_t *u;
    bool ok;

    if (usher_manual_clock_new(&clock, f->began_at) != 0)
        return false;
    o.clock = usher_manual_clock_get(clock);
    r.requester = "ada";
    ok = usher_open(&u, NULL, "memory:", &o, NULL, NULL) == 0;
    if (ok) {
        ok = usher_queue(u, &q, "desk") == 0 &&
             usher_define(q, policy, said, LADDER_SAYS, NULL, NULL) == 0 &&
             usher_subscribe(u, NULL, 0, on_event, f) == 0 &&
             usher_enqueue(q, &r, NULL, NULL) == 0 &&
             usher_advance(u, f->began_at + (minutes + 1) * 60000) == 0;
        if (usher_close(u, on_closed, f) == 0) {
            while (!f->closed)
                usher_turn(u);
        }
    }
    usher_manual_clock_free(clock);
    return ok;
}

static bool as_expected(const struct fires *f, const json_t *fires)
{
    if (json_array_size(fires) != f->n)
        return false;
    for (uint32_t i = 0; i < f->n; i++) {
        const json_t *one = json_array_get(fires, i);

        if (json_integer_value(json_object_get(one, "step")) != f->fire[i].step ||
            json_integer_value(json_object_get(one, "at_min")) != f->fire[i].minute)
            return false;
    }
    return true;
}

void ladder_run(const struct line *l, char said[LADDER_SAYS])
{
    const json_t *in = json_object_get(l->json, "in");
    const json_t *delays = json_object_get(in, "steps_delay_min");
    const char *trigger = json_string_value(json_object_get(in, "trigger"));
    int64_t times = json_integer_value(json_object_get(in, "repeat")), minutes;
    struct fires *f = calloc(1, sizeof *f);
    char *policy = NULL;

    snprintf(said, LADDER_SAYS, "It cannot be written as one of ours");
    if (f != NULL && trigger != NULL && when_instant(trigger, &l->zone, &f->began_at) &&
        json_array_size(delays) > 0 && json_array_size(delays) <= DELAYS_MAX && times >= 0)
        policy = written(delays, times, &minutes);
    if (policy != NULL && fire(f, policy, minutes, said))
        snprintf(said, LADDER_SAYS, "Written as ours it fires %u times: %s", (unsigned)f->n,
                 as_expected(f, json_object_get(json_object_get(l->json, "expected"), "fires"))
                     ? "what was expected there"
                     : "not what was expected there");
    free(policy);
    free(f);
}
