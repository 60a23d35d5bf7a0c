/* For stories told from the side of the persons who wait: all that was told, a line per event,
 * with every field that is set. A story is right when these lines are, instants included;
 * nothing more and nothing less may be told. */
#ifndef USHER_UNIT_PERSON_H
#define USHER_UNIT_PERSON_H

#include <inttypes.h>
#include <stdbool.h>

#include "rules.h"

enum { LINES_MAX = 512, LINE_MAX = 240 };

struct story {
    struct service *s;
    char line[LINES_MAX][LINE_MAX];
    uint32_t n, read; /* read: those before have been looked at */
};

/* ---- an event as a line ---------------------------------------------------------------------- */

struct cursor {
    char *at, *end;
};

static inline void put(struct cursor *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void put(struct cursor *c, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(c->at, (size_t)(c->end - c->at), format, args);
    va_end(args);
    assert_true(n >= 0 && n < c->end - c->at);
    c->at += n;
}

/* "00:10",
"2d01:30",
"00:00:05",
"01:00:00.001" */
static inline void put_ms(struct cursor *c, int64_t ms)
{
    if (ms == USHER_NEVER) {
        put(c, "never");
        return;
    }
    if (ms < 0) {
        put(c, "-");
        ms = -ms;
    }
    if (ms >= DAY)
        put(c, "%" PRId64 "d", ms / DAY);
    put(c, "%02" PRId64 ":%02" PRId64, ms / HOUR % 24, ms / MINUTE % 60);
    if (ms % MINUTE != 0)
        put(c, ":%02" PRId64, ms / SECOND % 60);
    if (ms % SECOND != 0)
        put(c, ".%03" PRId64, ms % SECOND);
}

static inline void put_at(struct cursor *c, const char *name, int64_t at)
{
    if (at == 0)
        return;
    put(c, " %s=", name);
    put_ms(c, at == USHER_NEVER ? at : at - T0);
}

static inline void put_took(struct cursor *c, const char *name, int64_t ms)
{
    if (ms < 0)
        return;
    put(c, " %s=", name);
    put_ms(c, ms);
}

static inline void put_promises(struct cursor *c, const char *name, uint32_t bits)
{
    const char *before = "=";

    if (bits == 0)
        return;
    put(c, " %s", name);
    for (int p = USHER_PROMISE_ACK; p <= USHER_PROMISE_RESOLVE; p++) {
        if ((bits >> p & 1) == 0)
            continue;
        put(c, "%s%s", before, usher_name(USHER_NAME_PROMISE, p));
        before = "+";
    }
}

static inline void put_how(struct cursor *c, const usher_event *e)
{
    static const char *const as[] = { "", "answered", "fix", "workaround", "no_reply" };
    static const char *const on[] = { "", "requester", "third_party", "until" };
    static const char *const to[] = { "", "queue", "agent" };

    if (e->how == 0)
        return;
    switch (e->kind) {
    case USHER_EV_RESOLVED:
    case USHER_EV_UPDATED:
    case USHER_EV_CAUSE_TOLD:
    case USHER_EV_CHECK_IN: put(c, " as=%s", as[e->how]); break;
    case USHER_EV_PAUSED:
    case USHER_EV_RESUMED:
    case USHER_EV_PAUSE_ENDED:
    case USHER_EV_REMINDED: put(c, " on=%s", on[e->how]); break;
    case USHER_EV_CLAIMED:
    case USHER_EV_OFFERED:
    case USHER_EV_RECALLED:
    case USHER_EV_DECLINED:
    case USHER_EV_OFFER_EXPIRED: put(c, " offer=%s", to[e->how]); break;
    case USHER_EV_REPLIED: put(c, " courtesy"); break;
    case USHER_EV_REPRIORITISED: break; /* its priority is shown */
    case USHER_EV_RECURRED: put(c, " by_him=%" PRId32, e->how); break;
    default: put(c, " how=%" PRId32, e->how); break;
    }
}

/* "00:10 #1 claimed ann (claimed) until=00:25 took=00:10": the instant, the ticket, what, who,
 * its state after it. */
static inline void put_event(struct cursor *c, const usher_event *e)
{
    const char *queue = e->queue == NULL ? NULL : usher_queue_name(e->queue);

    put_ms(c, e->at - T0);
    if (e->ticket != 0)
        put(c, " #%" PRIu64, e->ticket);
    put(c, " %s", usher_name(USHER_NAME_EVENT, e->kind));
    if (e->who != NULL)
        put(c, " %s", e->who);
    if (e->to != NULL)
        put(c, " -> %s", e->to);
    if (e->ticket != 0)
        put(c, " (%s)", usher_name(USHER_NAME_STATE, e->state));
    if (queue != NULL && strcmp(queue, "desk") != 0)
        put(c, " in=%s", queue);
    put_how(c, e);
    if (e->promise != 0)
        put(c, " of=%s", usher_name(USHER_NAME_PROMISE, e->promise));
    if (e->n != 0)
        put(c, " n=%" PRIu32, e->n);
    if (e->other != 0)
        put(c, " other=#%" PRIu64, e->other);
    put_at(c, "until", e->until_at);
    put_at(c, "due", e->due_at);
    put_at(c, "seen", e->seen_at);
    put_promises(c, "kept", e->kept);
    put_promises(c, "lapsed", e->lapsed);
    if (e->level != 0)
        put(c, " level=%" PRId32, e->level);
    if (e->ticket != 0 && e->priority != USHER_NORMAL)
        put(c, " %s", usher_name(USHER_NAME_PRIORITY, e->priority));
    put_took(c, "took", e->took_ms);
    put_took(c, "word", e->word_ms);
    put_took(c, "held", e->held_ms);
    if (e->rule != NULL)
        put(c, " rule=%s", e->rule);
    if (e->text.len != 0)
        put(c, " \"%s\"", e->text.data);
}

static inline void on_told(usher_t *u, const usher_event *e, void *user)
{
    struct story *story = user;
    struct cursor c;

    (void)u;
    assert_true(story->n < LINES_MAX);
    c = (struct cursor){ story->line[story->n], story->line[story->n] + LINE_MAX };
    put_event(&c, e);
    story->n++;
}

/* ---- its life -------------------------------------------------------------------------------- */

static inline struct story *tell_with(const char *policy, const usher_options *o)
{
    struct story *story = calloc(1, sizeof *story);

    assert_non_null(story);
    story->s = begin_with(policy, o);
    assert_int_equal(usher_subscribe(story->s->u, NULL, 0, on_told, story), USHER_OK);
    return story;
}

static inline struct story *tell(const char *policy)
{
    return tell_with(policy, NULL);
}

static inline void over(struct story *story)
{
    end(story->s);
    free(story);
}

/* Exactly these lines have been told since the last look. */
static inline void expect_told(struct story *story, const char *file, int line,
                               const char *const *told)
{
    uint32_t i = story->read;
    bool same = true;

    for (const char *const *t = told; *t != NULL; t++, i++)
        same = same && i < story->n && strcmp(story->line[i], *t) == 0;
    if (!same || i != story->n) {
        print_error("%s:%d: expected\n", file, line);
        for (const char *const *t = told; *t != NULL; t++)
            print_error("    %s\n", *t);
        print_error("and this was told:\n");
        for (i = story->read; i < story->n; i++)
            print_error("    %s\n", story->line[i]);
        fail_msg("another story");
    }
    story->read = story->n;
}
#define TOLD(story, ...)                                                                           \
    expect_told(story, __FILE__, __LINE__, (const char *const[]){ __VA_ARGS__, NULL })

/* What has been told up to now is of no interest. */
static inline void skip_to_here(struct story *story)
{
    story->read = story->n;
}

/* ---- what people say ------------------------------------------------------------------------- */

static inline usher_text words(const char *text)
{
    return (usher_text){ text, text == NULL ? 0 : strlen(text) };
}

static inline int says(struct service *s, usher_id id, int verb, const char *who, const char *text)
{
    return act(
        s, (usher_command){ .verb = verb, .claim = { id, 0 }, .who = who, .text = words(text) });
}

static inline int holder_says(struct service *s, usher_claim c, int verb, int kind,
                              const char *text)
{
    return act(s, (usher_command){ .verb = verb, .kind = kind, .claim = c, .text = words(text) });
}

static inline usher_id asks_for(struct service *s, usher_queue_t *q, const char *who,
                                const char *symptom)
{
    assert_int_equal(enqueue(s, q, (usher_request){ .requester = who, .symptom = symptom }),
                     USHER_OK);
    return s->done.ticket;
}

static inline void promised_by(struct service *s, usher_id id, int which, int64_t due)
{
    usher_promise p = promise(s, id, which);

    if (p.due_at != (due == USHER_NEVER ? due : T0 + due))
        fail_msg("%s is due at T0 + %" PRId64 " min", usher_name(USHER_NAME_PROMISE, which),
                 (p.due_at - T0) / MINUTE);
}

/* ---- figures --------------------------------------------------------------------------------- */

struct looked {
    int status;
    uint64_t n;
    usher_figures figures[16];
    usher_agent_figures agents[8];
    usher_symptom symptoms[8];
    usher_id tickets[32];
    char text[512];
};

static inline void on_looked(usher_t *u, int status, const usher_page *p, void *user)
{
    struct looked *l = user;

    (void)u;
    l->status = status;
    l->n = p->n;
    for (uint64_t i = 0; i < p->n && p->figures != NULL && i < 16; i++)
        l->figures[i] = p->figures[i];
    for (uint64_t i = 0; i < p->n && p->agents != NULL && i < 8; i++)
        l->agents[i] = p->agents[i];
    for (uint64_t i = 0; i < p->n && p->symptoms != NULL && i < 8; i++)
        l->symptoms[i] = p->symptoms[i];
    for (uint64_t i = 0; i < p->n && p->tickets != NULL && i < 32; i++)
        l->tickets[i] = p->tickets[i].ticket;
    snprintf(l->text, sizeof l->text, "%.*s", (int)p->text.len,
             p->text.len == 0 ? "" : p->text.data);
}

static inline struct looked look(struct service *s, usher_query q)
{
    struct looked l = { .status = USHER_EINVAL };

    q.size = sizeof q;
    assert_int_equal(usher_read(s->u, &q, on_looked, &l), USHER_OK);
    run(s);
    return l;
}

/* Of a queue, all priorities, since ever. */
static inline usher_figures figures_of(struct service *s, usher_queue_t *q)
{
    struct looked l = look(s, (usher_query){ .what = USHER_READ_FIGURES, .queue = q });

    assert_int_equal(l.status, USHER_OK);
    for (uint64_t i = 0; i < l.n && i < 16; i++) {
        if (l.figures[i].queue == q && l.figures[i].priority == 0)
            return l.figures[i];
    }
    fail_msg("no figures of %s", usher_queue_name(q));
    return (usher_figures){ 0 };
}

static inline usher_agent_figures figures_of_agent(struct service *s, const usher_agent_t *a)
{
    struct looked l = look(s, (usher_query){ .what = USHER_READ_AGENTS });

    assert_int_equal(l.status, USHER_OK);
    for (uint64_t i = 0; i < l.n && i < 8; i++) {
        if (l.agents[i].agent == a)
            return l.agents[i];
    }
    fail_msg("no figures of %s", usher_agent_name(a));
    return (usher_agent_figures){ 0 };
}

#endif
