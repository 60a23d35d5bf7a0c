/* What a policy may say, as tables; what it means where it says nothing; the preset. */
#include "core/policy.h"

#include <stdio.h>

#include "core/policy_parts.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum { OPEN_DEFAULT = 1000000, OPEN_MAX = 1000000000, PAYLOAD_DEFAULT = 1048576 };

/* ---- the keys ------------------------------------------------------------------------------- */

#define FIELD(field) offsetof(struct document, policy.field)

#define OBJECT(key, table)     .name = key, .kind = KEY_OBJECT, .of.keys = (table)
#define FLAG(key, where)       .name = key, .kind = KEY_FLAG, .at = (where)
#define WORD(key, where, list) .name = key, .kind = KEY_WORD, .at = (where), .of.words = (list)
#define NUMBER(key, what, where, least, most)                                                      \
    .name = key, .kind = (what), .at = (where), .min = (least), .max = (most)
#define DURATION(key, where, least) NUMBER(key, KEY_DURATION, where, least, POLICY_DURATION_MAX)
#define LIST(key, what, field, n_most, least, most)                                                \
    NUMBER(key, what, FIELD(field), least, most), .at_n = FIELD(field##_n), .n_max = (n_most)
/* Moments after something, each later than the one before. */
#define INSTANTS(key, field, n_most)                                                               \
    LIST(key, KEY_DURATIONS, field, n_most, 1, POLICY_DURATION_MAX), .ascending = true

#define MANY(key, what, n_most, reader)                                                            \
    .name = key, .kind = (what), .max = (n_most), .of.one = (reader)
#define CALENDAR(key, where)                                                                       \
    .name = key, .kind = KEY_OWN, .pass = PASS_CALENDAR, .at = (where),                            \
    .of.read = usher__read_calendar

static const char *const reasons[] = {"requester", "third_party", "until", NULL};
static const char *const capped_or_free[] = {"capped", "free", NULL};
static const char *const wait_only[] = {"wait", NULL};
static const char *const wait_or_resolve[] = {"wait", "resolve", NULL};
static const char *const presets[] = {"desk", NULL};

#define TARGET_OF(key, priority)                                                                   \
    .name = key, .kind = KEY_OWN, .pass = PASS_TIME, .min = (priority)-1,                          \
    .of.read = usher__read_target

static const struct policy_key target_keys[] = {
    {TARGET_OF("urgent", USHER_URGENT)},
    {TARGET_OF("high", USHER_HIGH)},
    {TARGET_OF("normal", USHER_NORMAL)},
    {TARGET_OF("low", USHER_LOW)},
    {.name = NULL},
};

#define TARGET(i)                                                                                  \
    .name = "target", .kind = KEY_EACH, .pass = PASS_TIME, .at = FIELD(promise[i]),                \
    .of.keys = target_keys
#define PAUSES(i)                                                                                  \
    .name = "pauses", .kind = KEY_REASONS, .n_max = REASONS, .at = FIELD(promise[i].pauses),       \
    .of.words = reasons

static const struct policy_key ack_keys[] = {
    {CALENDAR("calendar", FIELD(promise[0].calendar))},
    {TARGET(0)},
    {PAUSES(0)},
    {FLAG("receipt", FIELD(receipt))},
    {.name = NULL},
};
static const struct policy_key answer_keys[] = {
    {CALENDAR("calendar", FIELD(promise[1].calendar))},
    {TARGET(1)},
    {PAUSES(1)},
    {.name = NULL},
};
static const struct policy_key update_keys[] = {
    {CALENDAR("calendar", FIELD(promise[2].calendar))},
    {TARGET(2)},
    {PAUSES(2)},
    {WORD("named", FIELD(named_free), capped_or_free)}, /* false, true */
    {.name = NULL},
};
static const struct policy_key resolve_keys[] = {
    {CALENDAR("calendar", FIELD(promise[3].calendar))},
    {TARGET(3)},
    {PAUSES(3)},
    {.name = NULL},
};
static const struct policy_key promises_keys[] = {
    {OBJECT("ack", ack_keys)},
    {OBJECT("answer", answer_keys)},
    {OBJECT("update", update_keys)},
    {OBJECT("resolve", resolve_keys)},
    {.name = NULL},
};

static const struct policy_key shares_keys[] = {
    {NUMBER("urgent", KEY_SHARE, FIELD(share[3]), 1, SHARE_MAX)},
    {NUMBER("high", KEY_SHARE, FIELD(share[2]), 1, SHARE_MAX)},
    {NUMBER("normal", KEY_SHARE, FIELD(share[1]), 1, SHARE_MAX)},
    {NUMBER("low", KEY_SHARE, FIELD(share[0]), 1, SHARE_MAX)},
    {.name = NULL},
};
static const struct policy_key line_keys[] = {
    {OBJECT("shares", shares_keys)},
    {DURATION("gap", FIELD(gap), 0)},
    {DURATION("keep_for", FIELD(keep_for), 0)},
    {.name = NULL},
};

static const struct policy_key lease_keys[] = {
    {DURATION("for", FIELD(lease_for), 1)},
    {DURATION("max", FIELD(lease_max), 1)},
    {.name = NULL},
};

static const struct policy_key retry_keys[] = {
    {NUMBER("attempts", KEY_COUNT, FIELD(attempts), 1, ATTEMPTS_MAX)},
    {LIST("backoff", KEY_DURATIONS, backoff, BACKOFF_MAX, 0, POLICY_DURATION_MAX), .n_min = 1},
    {.name = NULL},
};

static const struct policy_key pause_requester_keys[] = {
    {DURATION("max", FIELD(pause[0].max), 1)},
    {INSTANTS("remind", pause[0].remind, REMIND_MAX)},
    {WORD("then", FIELD(pause[0].then_resolve), wait_or_resolve)},
    {.name = NULL},
};
static const struct policy_key pause_third_party_keys[] = {
    {DURATION("max", FIELD(pause[1].max), 1)},
    {INSTANTS("remind", pause[1].remind, REMIND_MAX)},
    {WORD("then", FIELD(pause[1].then_resolve), wait_only)},
    {.name = NULL},
};
static const struct policy_key pause_until_keys[] = {
    {DURATION("max", FIELD(pause[2].max), 1)},
    {INSTANTS("remind", pause[2].remind, REMIND_MAX)},
    {WORD("then", FIELD(pause[2].then_resolve), wait_only)},
    {.name = NULL},
};
static const struct policy_key pause_keys[] = {
    {OBJECT("requester", pause_requester_keys)},
    {OBJECT("third_party", pause_third_party_keys)},
    {OBJECT("until", pause_until_keys)},
    {.name = NULL},
};

static const struct policy_key aftercare_keys[] = {
    {INSTANTS("check_in", check_in, CHECK_IN_MAX)},
    {DURATION("confirm_within", FIELD(confirm_within), 0)},
    {DURATION("reopen_within", FIELD(reopen_within), 0)},
    {.name = NULL},
};

static const struct policy_key handoff_keys[] = {
    {DURATION("accept_within", FIELD(accept_within), 1)},
    {NUMBER("hops", KEY_COUNT, FIELD(hops), 1, HOPS_MAX)},
    {.name = NULL},
};

static const struct policy_key recurrence_keys[] = {
    {DURATION("window", FIELD(recur_within), 1)},
    {NUMBER("cause_after", KEY_COUNT, FIELD(cause_after), 2, CAUSE_AFTER_MAX)},
    {.name = "cause_queue",
     .kind = KEY_OWN,
     .at = offsetof(struct document, cause_queue),
     .of.read = usher__read_queue},
    {.name = NULL},
};

static const struct policy_key limits_keys[] = {
    {NUMBER("open", KEY_SIZE, FIELD(open_max), 1, OPEN_MAX)},
    {NUMBER("payload", KEY_SIZE, FIELD(payload_max), 0, USHER_BODY_MAX)},
    {.name = NULL},
};

static const struct policy_key policy_keys[] = {
    {WORD("preset", offsetof(struct document, preset), presets), .min = 1, .pass = PASS_PRESET},
    {MANY("calendars", KEY_MAP, CALENDARS_MAX, usher__read_named)},
    {OBJECT("promises", promises_keys)},
    {LIST("warn", KEY_PERCENTS, warn, WARN_MAX, 1, 99), .ascending = true},
    {MANY("ladder", KEY_LIST, LADDER_MAX, usher__read_step), .pass = PASS_TIME,
     .at_n = FIELD(ladder_n)},
    {CALENDAR("notify_calendar", FIELD(notify_calendar))},
    {OBJECT("line", line_keys)},
    {OBJECT("lease", lease_keys)},
    {OBJECT("retry", retry_keys)},
    {OBJECT("pause", pause_keys)},
    {OBJECT("handoff", handoff_keys)},
    {OBJECT("aftercare", aftercare_keys)},
    {OBJECT("recurrence", recurrence_keys)},
    {OBJECT("limits", limits_keys)},
    {.name = NULL},
};

/* ---- what it means where it says nothing ---------------------------------------------------- */

void usher__policy_default(struct policy *out)
{
    const uint32_t requester = UINT32_C(1) << (USHER_ON_REQUESTER - 1);
    const uint32_t every_reason = (UINT32_C(1) << REASONS) - 1;

    *out = (struct policy){
        .warn = {50, 80},
        .warn_n = 2,
        .share = {1, 4, 8, 0}, /* from low up */
        .keep_for = 15 * MINUTE,
        .lease_for = 15 * MINUTE,
        .lease_max = 8 * HOUR,
        .attempts = 5,
        .backoff = {10 * SECOND, MINUTE, 10 * MINUTE, HOUR},
        .backoff_n = 4,
        .confirm_within = 5 * DAY,
        .reopen_within = 30 * DAY,
        .accept_within = 30 * MINUTE,
        .hops = 5,
        .recur_within = 30 * DAY,
        .cause_after = 3,
        .open_max = OPEN_DEFAULT,
        .payload_max = PAYLOAD_DEFAULT,
    };
    out->promise[USHER_PROMISE_UPDATE - 1].pauses = requester;
    out->promise[USHER_PROMISE_RESOLVE - 1].pauses = every_reason;
    for (int i = 0; i < REASONS; i++)
        out->pause[i].max = POLICY_PAUSE_MAX;
}

/* The preset as its documentation shows it: a service desk that is open 24 x 7. */
#define TEXT(...) #__VA_ARGS__

// clang-format off
static const char desk[] = TEXT({
    "promises": {
        "ack":     {"target":{"urgent":"15m", "high":"1h", "normal":"4h", "low":"8h"}},
        "answer":  {"target":"4h"},
        "update":  {"target":{"urgent":"1h", "normal":"48h"}},
        "resolve": {"target":{"urgent":"4h", "high":"8h", "normal":"72h", "low":"240h"},
                    "pauses":["requester", "third_party"]}},
    "ladder": [
        {"on":"ack",     "at":"100%", "notify":["lead"], "raise":1},
        {"on":"resolve", "at":"-1h",  "notify":["agent"]},
        {"on":"resolve", "at":"100%", "notify":["lead", "manager"], "raise":1,
         "repeat":"2h", "times":3},
        {"on":"resolve", "at":"+24h", "priority":"high"}],
    "line":      {"gap":"1m"},
    "pause":     {"requester":   {"max":"10d", "remind":["2d", "5d"], "then":"resolve"},
                  "third_party": {"max":"20d"}},
    "aftercare": {"check_in":["1d"]}
});
// clang-format on

/* ---- compiling ------------------------------------------------------------------------------- */

/* A priority without a target takes the one of the next lower priority that has one. */
static void inherit_targets(struct policy *p)
{
    for (int i = 0; i < PROMISES; i++) {
        struct promise_policy *promise = &p->promise[i];

        for (int j = 1; j < PRIORITIES; j++) {
            if (promise->target[j] == 0) {
                promise->target[j] = promise->target[j - 1];
                promise->days |= (promise->days >> (j - 1) & 1) << j;
            }
        }
    }
}

/* The preset lies below what the text says, wherever the text names it. */
static int read_all(struct document *d, const char *json, size_t len, char *err, size_t err_len)
{
    int rc = usher__policy_read(policy_keys, d, PASS_PRESET, json, len, err, err_len);

    for (uint8_t pass = PASS_MAIN; rc == 0 && pass < PASSES; pass++) {
        if (d->preset != 0)
            rc = usher__policy_read(policy_keys, d, pass, desk, sizeof desk - 1, err, err_len);
        if (rc == 0)
            rc = usher__policy_read(policy_keys, d, pass, json, len, err, err_len);
    }
    if (rc == 0 && d->policy.lease_max < d->policy.lease_for) {
        if (err != NULL)
            snprintf(err, err_len, "policy: lease.max: expected no less than lease.for");
        rc = USHER_EPOLICY;
    }
    return rc != 0 ? rc : usher__policy_pack(d);
}

int usher__policy_compile(struct policy *out, const char *json, size_t len,
                          const struct policy_world *world, char *err, size_t err_len)
{
    const usher_allocator *a = world->allocator;
    struct document *d = a->resize(a->ctx, NULL, sizeof *d);
    int rc;

    if (d == NULL)
        return USHER_ENOMEM;
    usher__policy_default(&d->policy);
    d->policy.allocator = a;
    d->world = world;
    d->preset = 0;
    d->calendars[0] = NULL;
    d->cause_queue[0] = '\0';
    rc = read_all(d, json, len, err, err_len);
    if (rc == 0) {
        inherit_targets(&d->policy);
        *out = d->policy;
    } else {
        usher__policy_free(&d->policy);
    }
    a->resize(a->ctx, d, 0);
    return rc;
}

void usher__policy_free(struct policy *p)
{
    for (uint32_t i = 0; i < p->calendars_n; i++)
        usher__calendar_free(p->calendars[i]);
    p->calendars_n = 0;
    if (p->ladder != NULL)
        p->allocator->resize(p->allocator->ctx, (void *)p->ladder, 0);
    p->ladder = NULL;
}

const char *usher__policy_step_rule(uint32_t step)
{
#define ONE(n) "ladder[" #n "]"
#define TEN(tens)                                                                                  \
    ONE(tens##0), ONE(tens##1), ONE(tens##2), ONE(tens##3), ONE(tens##4), ONE(tens##5),            \
        ONE(tens##6), ONE(tens##7), ONE(tens##8), ONE(tens##9)
    static const char rules[LADDER_MAX][sizeof "ladder[31]"] = {TEN(), TEN(1), TEN(2), ONE(30),
                                                                ONE(31)};
#undef TEN
#undef ONE

    return rules[step];
}
