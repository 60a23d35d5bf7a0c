/* For tests of the rules alone: one ticket under one policy, without an engine. What an engine does
 * around the rules is done here by hand and to the byte, so that a sanitizer sees it when the rules
 * use room that they did not ask for. */
#ifndef USHER_UNIT_ALONE_H
#define USHER_UNIT_ALONE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calendars.h"
#include "core/ladder.h"

#define MONDAY INT64_C(1780272000000) /* 2026-06-01T00:00Z, where the clock stands at first */
#define DAY    (24 * HOUR)

enum { ACK, ANSWER, UPDATE, RESOLVE }; /* indexes of promises */
enum { LOW, NORMAL, HIGH, URGENT };    /* and of priorities */
enum { DESK = 1, TIER2 = 2, AGENT = 7, ADA = 8 };
enum { HEARD_MAX = 512, TURNS_MAX = 5000 };

struct alone {
    struct policy policy; /* the ticket's */
    struct policy here;   /* of the queue that it is in */
    struct step steps[LADDER_MAX];
    struct ticket t;
    int64_t now;
    struct mark mark;
    struct facts known; /* what else is so */
    uint32_t move_to; /* of every step that moves; 0: there is no such queue */
    struct outcome out;
    struct event heard[HEARD_MAX];
    uint32_t heard_n, turns;
};

/* ---- a policy ------------------------------------------------------------------------------- */

/* Of nothing but what the test adds. */
static inline struct alone *alone(void)
{
    struct alone *w = calloc(1, sizeof *w);

    assert_non_null(w);
    usher__policy_default(&w->policy);
    w->policy.version = 1;
    w->policy.warn_n = 0;
    w->policy.ladder = w->steps;
    w->here = w->policy;
    w->now = MONDAY;
    w->known.holder_present = w->known.agent_present = w->known.able = true;
    return w;
}

/* The same target for all. */
static inline void promise_all(struct policy *p, int ix, int64_t target)
{
    for (int i = 0; i < PRIORITIES; i++)
        p->promise[ix].target[i] = target;
}

/* A step of its own identity. */
static inline struct step *step(struct alone *w, struct step s)
{
    uint32_t i = w->policy.ladder_n++;

    s.id = UINT64_C(1) << 63 | (i + 1);
    w->steps[i] = s;
    return &w->steps[i];
}

static inline struct step *percent(struct alone *w, int ix, int64_t at)
{
    return step(w, (struct step){ .on = (uint8_t)ix, .at = at, .at_unit = STEP_PERCENT });
}

static inline struct step *offset(struct alone *w, int ix, int64_t ms)
{
    return step(w, (struct step){ .on = (uint8_t)ix, .at = ms, .at_unit = STEP_MS });
}

static inline void repeats(struct step *s, int64_t every, uint16_t times)
{
    s->repeat = every;
    s->repeat_unit = STEP_MS;
    s->times = times;
}

/* To be changed, and applied. Its ladder is the same array. */
static inline struct policy next_version(const struct alone *w)
{
    struct policy p = w->policy;

    p.version++;
    return p;
}

/* ---- what an engine does -------------------------------------------------------------------- */

/* To the byte, in a place of its own. */
static inline void *exactly(void *old, uint32_t had, uint32_t n, size_t size)
{
    void *fresh = calloc(n, size);

    assert_non_null(fresh);
    if (old != NULL)
        memcpy(fresh, old, had * size);
    free(old);
    return fresh;
}

static inline void make_room(struct alone *w, uint32_t room)
{
    struct extra *x = w->t.extra;

    if ((room & ROOM_EXTRA) != 0 && x == NULL) {
        x = w->t.extra = calloc(1, sizeof *x);
        assert_non_null(x);
    }
    if ((room & ROOM_STRETCH) != 0) {
        x->stretches_room = x->stretches_n + STRETCH_SPARE;
        x->stretches = exactly(x->stretches, x->stretches_n, x->stretches_room,
                               sizeof *x->stretches);
    }
    if ((room & ROOM_RUNGS) != 0) {
        x->rungs_room = x->rungs_n + RUNGS_SPARE < RUNGS_MAX ? x->rungs_n + RUNGS_SPARE : RUNGS_MAX;
        x->rungs = exactly(x->rungs, x->rungs_n, x->rungs_room, sizeof *x->rungs);
    }
}

static inline void hear(struct alone *w)
{
    assert_true(w->heard_n + w->out.events_n <= HEARD_MAX);
    memcpy(&w->heard[w->heard_n], w->out.events, w->out.events_n * sizeof(struct event));
    w->heard_n += w->out.events_n;
    if (w->out.set_mark)
        w->mark = w->out.mark;
    assert_true(++w->turns < TURNS_MAX); /* a timer that fires for ever */
}

static inline struct facts facts(struct alone *w)
{
    struct facts f = w->known;

    f.here = &w->here;
    f.mark = w->mark;
    f.move_to = w->move_to;
    return f;
}

/* One timer, at its instant or, if that has passed, now. */
static inline void fire(struct alone *w, struct timer timer, int64_t seen)
{
    struct facts f = facts(w);
    struct now at;

    if (timer.at > w->now)
        w->now = timer.at;
    at = (struct now){ w->now, w->now, 0, seen > w->now ? seen : w->now };
    make_room(w, usher__room_to_fire(timer, at));
    usher__fire(&w->t, timer, at, &w->policy, &f, &w->out);
    hear(w);
}

/* All that is due until `at`, seen when it is due or not before `seen`. A lease never ends here. */
static inline void run_to(struct alone *w, int64_t at, int64_t seen)
{
    struct timer timer;

    while ((timer = usher__next_timer(&w->t, &w->policy)).at <= at)
        fire(w, timer, seen);
    w->now = at;
}

/* ms after MONDAY; each timer at its instant. */
static inline void to(struct alone *w, int64_t ms)
{
    run_to(w, MONDAY + ms, 0);
}

/* The same, all of it seen only then. */
static inline void late_to(struct alone *w, int64_t ms)
{
    run_to(w, MONDAY + ms, MONDAY + ms);
}

static inline int say(struct alone *w, struct command c)
{
    struct facts f = facts(w);
    int err;

    make_room(w, usher__room_for(&w->t, &c));
    err = usher__step(&w->t, &c, (struct now){ w->now, w->now, 0, w->now }, &w->policy, &f,
                      &w->out);
    if (err != 0)
        return err;
    hear(w);
    while (usher__next_timer(&w->t, &w->policy).at < w->now)
        fire(w, usher__next_timer(&w->t, &w->policy), w->now);
    return 0;
}

/* A later version of its policy. The ladder may be another one. */
static inline void apply(struct alone *w, const struct policy *to)
{
    struct command c = { .verb = VERB_APPLY };
    struct policy was = w->policy;
    struct facts f = facts(w);

    make_room(w, usher__room_for(&w->t, &c));
    f.was = &was;
    w->policy = *to;
    assert_int_equal(usher__step(&w->t, &c, (struct now){ w->now, w->now, 0, w->now }, &w->policy,
                                 &f, &w->out), 0);
    hear(w);
    while (usher__next_timer(&w->t, &w->policy).at < w->now)
        fire(w, usher__next_timer(&w->t, &w->policy), w->now);
}

static inline void end(struct alone *w)
{
    if (w->t.extra != NULL) {
        free(w->t.extra->stretches);
        free(w->t.extra->rungs);
        free(w->t.extra);
    }
    free(w);
}

/* ---- a ticket ------------------------------------------------------------------------------- */

static inline void enqueue(struct alone *w, int priority)
{
    w->t = (struct ticket){ .id = 1, .queue = DESK, .policy = 1, .requester = ADA, .persons_n = 1,
                            .priority = (uint8_t)(priority + 1) };
    assert_int_equal(say(w, (struct command){ .verb = VERB_ENQUEUE, .who = ADA }), 0);
}

static inline void claim(struct alone *w)
{
    assert_int_equal(say(w, (struct command){ .verb = VERB_CLAIM_TICKET, .agent = AGENT }), 0);
}

static inline void by_holder(struct alone *w, int verb)
{
    assert_int_equal(say(w, (struct command){ .verb = verb, .token = w->t.token }), 0);
}

/* ms after MONDAY; 0: as long as may be. */
static inline void pause_until(struct alone *w, int on, int64_t ms)
{
    assert_int_equal(say(w, (struct command){ .verb = USHER_PAUSE, .kind = on,
                                              .token = w->t.token,
                                              .at = ms != 0 ? MONDAY + ms : 0 }), 0);
}

static inline void update_by(struct alone *w, int64_t ms)
{
    assert_int_equal(say(w, (struct command){ .verb = USHER_UPDATE, .token = w->t.token,
                                              .at = ms != 0 ? MONDAY + ms : 0 }), 0);
}

static inline void reprioritise(struct alone *w, int priority)
{
    assert_int_equal(say(w, (struct command){ .verb = USHER_REPRIORITISE,
                                              .kind = priority + 1 }), 0);
}

static inline void reopen(struct alone *w)
{
    assert_int_equal(say(w, (struct command){ .verb = USHER_REOPEN, .who = ADA }), 0);
}

/* ---- what was heard ------------------------------------------------------------------------- */

/* The last of a kind, which must be there. */
static inline const struct event *last(const struct alone *w, int kind)
{
    for (uint32_t i = w->heard_n; i-- > 0;) {
        if (w->heard[i].kind == kind)
            return &w->heard[i];
    }
    fail_msg("no event %s", usher_name(USHER_NAME_EVENT, kind));
    return NULL;
}

static inline uint32_t count(const struct alone *w, int kind)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < w->heard_n; i++)
        n += w->heard[i].kind == kind;
    return n;
}

/* What was heard since `from`, a line each: "stepped ladder[0] @3600001 n0"; ms after MONDAY. */
static inline void expect_from(struct alone *w, uint32_t from, const char *const *lines)
{
    uint32_t i = from;

    for (; *lines != NULL; lines++, i++) {
        const struct event *e = &w->heard[i];
        char line[128];

        if (i >= w->heard_n)
            fail_msg("nothing was told where \"%s\" should be", *lines);
        snprintf(line, sizeof line, "%s%s%s @%lld n%u", usher_name(USHER_NAME_EVENT, e->kind),
                 e->rule != NULL ? " " : "", e->rule != NULL ? e->rule : "",
                 (long long)(e->at - MONDAY), (unsigned)e->n);
        if (strcmp(line, *lines) != 0)
            fail_msg("told was \"%s\", not \"%s\"", line, *lines);
    }
    if (i < w->heard_n)
        fail_msg("one event too many: %s %s @%lld",
                 usher_name(USHER_NAME_EVENT, w->heard[i].kind),
                 w->heard[i].rule != NULL ? w->heard[i].rule : "",
                 (long long)(w->heard[i].at - MONDAY));
}
#define EXPECT(w, from, ...) expect_from(w, from, (const char *const[]){ __VA_ARGS__, NULL })
#define EXPECT_NOTHING(w, from) expect_from(w, from, (const char *const[]){ NULL })

#endif
