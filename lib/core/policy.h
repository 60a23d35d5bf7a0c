/* A queue's policy, compiled.
 *
 * The JSON text is read once, when the queue is defined; the rules then see this flat record and no
 * text. Calendars, ladder and names are owned by it: whoever keeps a policy has the only one. */
#ifndef USHER_CORE_POLICY_H
#define USHER_CORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/calendar.h"

enum {
    PRIORITIES = 4, /* index = USHER_LOW .. USHER_URGENT - 1 */
    PROMISES = 4,   /* index = USHER_PROMISE_ACK .. USHER_PROMISE_RESOLVE - 1 */
    REASONS = 3,    /* index = USHER_ON_REQUESTER .. USHER_UNTIL - 1 */

    WARN_MAX = 8,
    BACKOFF_MAX = 16,
    REMIND_MAX = 8,
    CHECK_IN_MAX = 8,
    SHARE_MAX = 1000,
    ATTEMPTS_MAX = 1000,

    CALENDARS_MAX = 16,
    TARGET_DAYS_MAX = 1000, /* working days */
    LADDER_MAX = 32,        /* steps */
    PERCENT_MAX = 1000,     /* of a promise, for a step */
    REPEATS_MAX = 1000,
    RAISE_MAX = 100,
    NAMES_OF_LADDER = 64, /* whom it notifies and where it moves to, all different */
    HOPS_MAX = 1000,
    CAUSE_AFTER_MAX = 32, /* so many occurrences of a symptom are remembered */
    NOTIFY_MAX = 16       /* names of one step */
};

/* No duration of a policy is longer: 100 years of 365 days. */
#define POLICY_DURATION_MAX (INT64_C(100) * 365 * 24 * 3600 * 1000)

/* A pause has no larger maximum than this unless the policy says so. */
#define POLICY_PAUSE_MAX (INT64_C(30) * 24 * 3600 * 1000)

struct promise_policy {
    const struct calendar *calendar; /* NULL: 24 x 7 */
    int64_t target[PRIORITIES];      /* open ms, or days; 0: this priority has no such promise */
    uint32_t days;                   /* bits 1 << priority index: the target is in working days */
    uint32_t pauses;                 /* bits 1 << reason index: what stops its clock */
};

/* When a step of the ladder is: so far from the due, or at a share of the target. */
enum { STEP_PERCENT = 1, STEP_MS, STEP_DAYS };

struct step {
    uint64_t id;     /* of its text: equal steps of two versions are the same; the top bit is set */
    uint64_t notify; /* bits 1 << place in policy.names */
    int64_t at;      /* per cent from 1; ms or days after the due, negative before it */
    int64_t repeat;  /* ms or days after the time before; 0: it does not */
    uint16_t times;  /* how often more; 0: it does not */
    uint16_t raise;  /* levels */
    uint8_t on;      /* index of the promise */
    uint8_t at_unit, repeat_unit; /* STEP_*; of repeat never per cent */
    bool wall;        /* its own times are of the wall, not of the promise's calendar and pauses */
    uint8_t priority; /* lift to; 0: no */
    uint8_t move;     /* place in policy.names of the queue, plus 1; 0: no */
};

struct pause_policy {
    int64_t max;
    int64_t remind[REMIND_MAX]; /* ascending, since the pause */
    uint32_t remind_n;
    bool then_resolve; /* at the maximum: resolve as no_reply instead of waiting */
};

struct policy {
    uint32_t version; /* per queue, from 1 */
    uint32_t queue;   /* handle: whose policy it is. Both set by who keeps them */

    struct promise_policy promise[PROMISES];
    uint8_t warn[WARN_MAX]; /* ascending per cent, 1..99 */
    uint32_t warn_n;
    bool receipt;    /* promises.ack.receipt: a machine's receipt keeps `ack` */
    bool named_free; /* promises.update.named is "free", not "capped" */

    uint32_t share[PRIORITIES]; /* 0: "first" */
    int64_t gap, keep_for;
    int64_t lease_for, lease_max;
    uint32_t attempts;
    int64_t backoff[BACKOFF_MAX];
    uint32_t backoff_n;
    struct pause_policy pause[REASONS];
    int64_t check_in[CHECK_IN_MAX]; /* ascending, since the resolve */
    uint32_t check_in_n;
    int64_t confirm_within, reopen_within;
    int64_t accept_within; /* handoff */
    uint32_t hops;
    int64_t recur_within; /* recurrence.window */
    uint32_t cause_after;
    uint32_t cause_queue; /* place in names, plus 1; 0: none */
    uint64_t open_max, payload_max;

    /* What it owns; usher__policy_free() gives it back. */
    struct calendar *calendars[CALENDARS_MAX];
    uint32_t calendars_n;
    const struct calendar *notify_calendar; /* NULL: at any time */
    const struct step *ladder;
    uint32_t ladder_n;
    const char *const *names; /* [names_n], for the ladder; cause_queue's is the last */
    uint32_t names_n;
    uint32_t names_len; /* bytes of all of them, a NUL each */
    const usher_allocator *allocator;
};

/* What compiling needs beside the text. */
struct policy_world {
    const usher_allocator *allocator; /* must outlive the policy */
    int64_t now; /* a calendar must open within CALENDAR_DRY_MS; < 0: it has been asked before */
    /* The bytes of a zone's file, valid until the next call; *bytes NULL: UTC. 0; USHER_ENOENT: there is
     * no such zone; USHER_ENOMEM; else: it cannot be read. */
    int (*zone)(void *ctx, const char *name, const void **bytes, size_t *len);
    void *ctx;
};

#define CALENDAR_DRY_MS (INT64_C(5) * 366 * 24 * 3600 * 1000)

/* Compiles len bytes of JSON text. 0; USHER_ENOMEM; or USHER_EPOLICY with err (NUL-terminated, cut to
 * err_len, may be NULL) saying "policy: PATH: what is wrong, what was expected". Nothing is written to
 * out then. */
int usher__policy_compile(struct policy *out, const char *json, size_t len,
                          const struct policy_world *world, char *err, size_t err_len);

/* What {} compiles to, without parsing. It owns nothing. */
void usher__policy_default(struct policy *out);

void usher__policy_free(struct policy *p);

/* The JSON path of a step, "ladder[3]". */
const char *usher__policy_step_rule(uint32_t step);

#endif
