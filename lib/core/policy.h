/* A queue's policy, compiled.
 *
 * The JSON text is read once, when the queue is defined; the rules then see this flat record and no
 * text. It holds no pointer of its own but the calendars', so a copy is a copy. */
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
    ATTEMPTS_MAX = 1000
};

/* No duration of a policy is longer: 100 years of 365 days. */
#define POLICY_DURATION_MAX (INT64_C(100) * 365 * 24 * 3600 * 1000)

/* A pause has no larger maximum than this unless the policy says so. */
#define POLICY_PAUSE_MAX (INT64_C(30) * 24 * 3600 * 1000)

struct promise_policy {
    const struct calendar *calendar; /* NULL: 24 x 7 */
    int64_t target[PRIORITIES];      /* open ms; 0: this priority has no such promise */
    uint32_t pauses;                 /* bits 1 << reason index: what stops its clock */
};

struct pause_policy {
    int64_t max;
    int64_t remind[REMIND_MAX]; /* ascending, since the pause */
    uint32_t remind_n;
    bool then_resolve; /* at the maximum: resolve as no_reply instead of waiting */
};

struct policy {
    uint32_t version; /* per queue, from 1; set by who keeps them */

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
    uint64_t open_max, payload_max;
};

/* Compiles len bytes of JSON text. 0, or USHER_EPOLICY with nothing written to out and err
 * (NUL-terminated, cut to err_len, may be NULL) saying "policy: PATH: what is wrong, what was
 * expected". Allocates nothing. */
int usher__policy_compile(struct policy *out, const char *json, size_t len, char *err,
                          size_t err_len);

/* What {} compiles to, without parsing. */
void usher__policy_default(struct policy *out);

#endif
