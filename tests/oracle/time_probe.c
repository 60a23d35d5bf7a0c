/* Asks the library's calendars and promises what times.py asks its own: a line in, a line out.
 *
 *     P JSON                        a policy, for all that follows: "ok", or what is wrong with it
 *     D NOW JSON                    whether it can be defined at that instant
 *     C PROMISE OP A B              that promise's calendar
 *     A PROMISE PRIORITY START NAMED LATER:AT BROKEN NOW PAUSES
 *                                   a promise that is armed, perhaps re-aimed at the priority LATER, and
 *                                   interrupted by PAUSES, FROM:TO:REASONS each with a comma between,
 *                                   TO 0: still; all that is to be known of it
 *
 * Policies go through the compiler, promises through the rules' own functions. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ladder.h"
#include "core/policy.h"
#include "core/promise.h"
#include "core/zone.h"
#include "loop/zones.h"

enum { STRETCHES = 64, RUNGS = 64, FIRINGS = 60, ROWS = 200 };

static void *resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    if (n != 0)
        return realloc(p, n);
    free(p);
    return NULL;
}

static const usher_allocator allocator = {resize, NULL};

static int read_zone(void *ctx, const char *name, const void **bytes, size_t *len)
{
    static unsigned char file[ZONE_FILE_MAX];
    int r = usher__zone_load(NULL, name, file, len);

    (void)ctx;
    *bytes = r == 0 && *len > 0 ? file : NULL;
    return r;
}

static struct policy policy;

static int compile(struct policy *out, const char *json, int64_t now, char *err, size_t err_len)
{
    const struct policy_world world = {.allocator = &allocator, .now = now, .zone = read_zone};

    return usher__policy_compile(out, json, strlen(json), &world, err, err_len);
}

static void take_policy(const char *json)
{
    static bool taken;
    char err[256];

    if (taken)
        usher__policy_free(&policy);
    taken = compile(&policy, json, -1, err, sizeof err) == 0;
    puts(taken ? "ok" : err);
    if (!taken)
        usher__policy_default(&policy);
}

static void try_policy(const char *json, int64_t now)
{
    struct policy p;
    char err[256];

    if (compile(&p, json, now, err, sizeof err) != 0) {
        puts(err);
        return;
    }
    usher__policy_free(&p);
    puts("ok");
}

/* ---- calendars -------------------------------------------------------------------------------- */

static void ask_spans(const struct calendar *c, int64_t a, int64_t b)
{
    while (a < b) {
        int64_t end;
        int kind = usher__calendar_span(c, a, b, &end);

        printf("%" PRId64 ":%" PRId64 ":%d ", a, end, kind);
        if (end <= a)
            break;
        a = end;
    }
    putchar('\n');
}

static void ask_calendar(const struct calendar *c, const char *op, int64_t a, int64_t b)
{
    static const struct {
        const char *op;
        int64_t (*ask)(const struct calendar *c, int64_t at);
        int64_t (*ask2)(const struct calendar *c, int64_t a, int64_t b);
    } ops[] = {
        {"reach", NULL, usher__calendar_reach},
        {"pass", NULL, usher__calendar_pass},
        {"back", NULL, usher__calendar_back},
        {"between", NULL, usher__calendar_between},
        {"days", NULL, usher__calendar_days},
        {"next_open", usher__calendar_next_open, NULL},
        {"next_close", usher__calendar_next_close, NULL},
        {"prev_open", usher__calendar_prev_open, NULL},
        {"prev_close", usher__calendar_prev_close, NULL},
    };

    if (strcmp(op, "spans") == 0) {
        ask_spans(c, a, b);
        return;
    }
    if (strcmp(op, "is_open") == 0) {
        printf("%d\n", usher__calendar_is_open(c, a));
        return;
    }
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(op, ops[i].op) == 0) {
            printf("%" PRId64 "\n", ops[i].ask ? ops[i].ask(c, a) : ops[i].ask2(c, a, b));
            return;
        }
    }
    puts("no such question");
}

/* ---- promises --------------------------------------------------------------------------------- */

struct life { /* a ticket, and room for all that happens to it */
    struct ticket ticket;
    struct extra extra;
    struct stretch stretches[STRETCHES];
    struct rung rungs[RUNGS];
};

static void live(struct life *l)
{
    memset(l, 0, sizeof *l);
    l->ticket.extra = &l->extra;
    l->ticket.state = USHER_CLAIMED;
    l->ticket.persons_n = 1;
    l->extra.stretches = l->stretches;
    l->extra.stretches_room = STRETCHES;
    l->extra.rungs = l->rungs;
    l->extra.rungs_room = RUNGS;
}

/* "FROM:TO:REASONS,...", in order; "-": none. */
static void interrupt(struct life *l, char *pauses)
{
    for (char *p = pauses; *p != '-' && l->extra.stretches_n < STRETCHES;) {
        int64_t from = strtoll(p, &p, 10), to = strtoll(p + 1, &p, 10);
        uint32_t reasons = (uint32_t)strtoul(p + 1, &p, 10);

        if (to != 0) {
            l->stretches[l->extra.stretches_n++] = (struct stretch){from, to, reasons};
        } else {
            l->extra.reasons = reasons;
            l->extra.set_since = from;
        }
        if (*p++ != ',')
            break;
    }
}

static bool row(void *ctx, int64_t from, int64_t to, int kind, int64_t ms)
{
    int *left = ctx;

    printf("%" PRId64 ":%" PRId64 ":%d:%" PRId64 ";", from, to, kind, ms);
    return --*left > 0;
}

static void tell_warnings(struct life *l, int ix)
{
    struct promise *p = &l->ticket.promise[ix];
    int warn = 0;

    for (uint32_t i = 0; i < policy.warn_n; i++) {
        int64_t at = usher__promise_warning(&l->ticket, &policy, ix, &warn);

        if (at == INT64_MAX)
            break;
        printf("%" PRId64 ":%d;", at, policy.warn[warn]);
        p->warned |= (uint8_t)(1u << warn);
    }
}

static uint32_t climb(struct life *l, uint64_t id, int ix)
{
    uint32_t i = 0;

    while (i < l->extra.rungs_n && l->rungs[i].id != id)
        i++;
    if (i == l->extra.rungs_n && i < RUNGS)
        l->rungs[l->extra.rungs_n++] = (struct rung){.id = id, .promise = (uint32_t)ix};
    return i < RUNGS ? l->rungs[i].fired++ : 0;
}

/* Those from the due on are to come only when it is broken. */
static void tell_steps(struct life *l, int ix)
{
    uint32_t step = 0;

    l->ticket.promise[ix].state = USHER_BROKEN;
    for (int i = 0; i < FIRINGS; i++) {
        int64_t at = usher__ladder_next(&l->ticket, &policy, &step);

        if (at == INT64_MAX)
            break;
        printf("%" PRId64 ":%u:%u;", at, step, climb(l, policy.ladder[step].id, ix));
    }
}

static void ask_promise(char *words)
{
    struct life l;
    char pauses[1024];
    int64_t start, named, later_at, now, used;
    int ix, priority, later, broken, lapsed = 0, rows = ROWS;
    struct promise *p;

    if (sscanf(words, "%d %d %" SCNd64 " %" SCNd64 " %d:%" SCNd64 " %d %" SCNd64 " %1023s", &ix,
               &priority, &start, &named, &later, &later_at, &broken, &now, pauses) != 9) {
        puts("what?");
        return;
    }
    live(&l);
    p = &l.ticket.promise[ix];
    l.ticket.priority = (uint8_t)priority;
    usher__promise_start(&l.ticket, &policy, ix, start, named);
    interrupt(&l, pauses);
    if (later != 0) {
        l.ticket.priority = (uint8_t)later;
        lapsed = usher__promise_retarget(&l.ticket, &policy, ix, later_at);
    }
    if (broken != 0 && p->state == USHER_RUNNING &&
        usher__promise_broken(&l.ticket, &policy, ix) != USHER_NEVER)
        p->state = USHER_BROKEN;
    used = p->state == 0 ? 0 : usher__promise_used(&l.ticket, &policy, ix, now);
    printf("state=%d lapsed=%d target=%" PRId64 " arming=%u used=%" PRId64 " due=%" PRId64
           " left=%" PRId64,
           p->state, lapsed, p->state == 0 ? 0 : p->target, p->arming, used,
           usher__promise_due(&l.ticket, &policy, ix),
           usher__promise_left(&l.ticket, &policy, ix, now));
    if (p->state == USHER_RUNNING)
        printf(" broken=%" PRId64, usher__promise_broken(&l.ticket, &policy, ix));
    if (p->state == USHER_RUNNING || p->state == USHER_BROKEN) {
        printf(" going=%" PRId64 " reach=%" PRId64 " why=",
               usher__promise_going_since(&l.ticket, &policy, ix),
               usher__promise_reach(&l.ticket, &policy, ix, used / 2 + 1));
        usher__promise_explain(&l.ticket, &policy, ix, now, row, &rows);
        printf(" warn=");
        if (p->state == USHER_RUNNING)
            tell_warnings(&l, ix);
        printf(" steps=");
        tell_steps(&l, ix);
    }
    putchar('\n');
}

int main(void)
{
    char *line = NULL, op[16];
    size_t room = 0;
    int64_t a, b;
    int ix;

    usher__policy_default(&policy);
    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == 'P') {
            take_policy(line + 2);
        } else if (line[0] == 'D') {
            char *json;
            a = strtoll(line + 2, &json, 10);
            try_policy(json + 1, a);
        } else if (line[0] == 'A') {
            ask_promise(line + 2);
        } else if (sscanf(line, "C %d %15s %" SCNd64 " %" SCNd64, &ix, op, &a, &b) == 4 &&
                   ix >= 0 && ix < PROMISES) {
            ask_calendar(policy.promise[ix].calendar, op, a, b);
        } else {
            puts("what?");
        }
    }
    usher__policy_free(&policy);
    free(line);
    return 0;
}
