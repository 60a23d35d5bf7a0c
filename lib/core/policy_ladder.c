/* What a policy tells in the time of its promises: targets, and the steps of the ladder. */
#include "core/policy_parts.h"

#include <string.h>

#include "core/duration.h"

/* The bit that no other number of a rung has (policy.h). */
#define STEP_BIT (UINT64_C(1) << 63)

/* The number that some digits say, a large one if it is too large; -1: no digits. */
static int64_t digits(const char *text, size_t len)
{
    int64_t n = len > 0 ? 0 : -1;

    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        if (n < 100000000)
            n = n * 10 + (text[i] - '0');
    }
    return n;
}

/* From the string's byte `from` on. c NULL: time that is not on a calendar. */
static bool read_time(struct reader *r, const struct calendar *c, size_t from, uint8_t *unit,
                      int64_t *out)
{
    const char *text = r->word + from;
    size_t len = r->len - from;
    bool days = len >= 2 && memcmp(text + len - 2, "wd", 2) == 0;
    int64_t n = days ? digits(text, len - 2) : usher__duration_parse(text, len);
    const char *expected = NULL;

    if (n < 0)
        expected = c != NULL ? "a duration such as \"4h\" or \"2wd\"" : "a duration such as \"4h\"";
    else if (days && c == NULL)
        expected = "a duration such as \"4h\", for only a calendar has working days";
    else if (c != NULL && !days &&
             (memchr(text, 'd', len) != NULL || memchr(text, 'w', len) != NULL))
        expected = "h or wd, for nobody agrees what d and w mean on a calendar";
    else if (n == 0)
        expected = "a duration longer than 0";
    else if (days && n > TARGET_DAYS_MAX)
        expected = "no more than 1000wd";
    else if (n > POLICY_DURATION_MAX)
        expected = "no more than 36500 days";
    if (expected != NULL)
        return usher__read_wrong(r, EXPECTED, "%s", expected);
    *unit = days ? STEP_DAYS : STEP_MS;
    *out = n;
    return true;
}

bool usher__read_target(struct reader *r, const struct policy_key *key, void *field)
{
    struct promise_policy *p = field;
    uint8_t unit;

    if (!read_time(r, p->calendar, 0, &unit, &p->target[key->min]))
        return false;
    if (unit == STEP_DAYS) /* which no preset says, so nothing is to be cleared */
        p->days |= UINT32_C(1) << key->min;
    return true;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* The step's own time. */
static const struct calendar *calendar_of(const struct reader *r, const struct step *s)
{
    const struct document *document = r->record;

    return s->wall ? NULL : document->policy.promise[s->on].calendar;
}

static bool read_at(struct reader *r, const struct policy_key *key, void *field)
{
    struct step *s = field;

    (void)key;
    if (r->len > 0 && r->word[r->len - 1] == '%') {
        s->at_unit = STEP_PERCENT;
        s->at = digits(r->word, r->len - 1);
        if (s->at < 1 || s->at > PERCENT_MAX)
            return usher__read_wrong(r, EXPECTED, "1%% to %d%%", PERCENT_MAX);
        return true;
    }
    if (r->word[0] != '+' && r->word[0] != '-')
        return usher__read_wrong(r, EXPECTED,
                                 "\"80%%\", or \"-1h\" or \"+1h\" for before or after the due");
    if (!read_time(r, calendar_of(r, s), 1, &s->at_unit, &s->at))
        return false;
    if (r->word[0] == '-')
        s->at = -s->at;
    return true;
}

static bool read_repeat(struct reader *r, const struct policy_key *key, void *field)
{
    struct step *s = field;

    (void)key;
    return read_time(r, calendar_of(r, s), 0, &s->repeat_unit, &s->repeat);
}

/* The place of a name among those of the ladder; -1: wrong. */
static int read_place(struct reader *r, const char *example)
{
    struct document *d = r->record;
    uint32_t n = d->policy.names_n;
    int place = usher__read_find(r, d->names, sizeof *d->names);

    if (place >= 0)
        return place;
    if (n == NAMES_OF_LADDER) {
        usher__read_wrong(r, EXPECTED, "no more than %u different names in a ladder", n);
        return -1;
    }
    if (!usher__read_name(r, example, d->name[n]))
        return -1;
    d->names[n] = d->name[n];
    d->names[n + 1] = NULL;
    d->policy.names_n = n + 1;
    return (int)n;
}

static bool read_whom(struct reader *r, void *ctx, uint32_t n)
{
    struct step *s = ctx;
    int place = read_place(r, "lead");
    uint64_t bit;

    (void)n;
    if (place < 0)
        return false;
    bit = UINT64_C(1) << place;
    if ((s->notify & bit) != 0)
        return usher__read_wrong(r, EXPECTED, "each of them once");
    s->notify |= bit;
    return true;
}

static bool read_move(struct reader *r, const struct policy_key *key, void *field)
{
    struct step *s = field;
    int place = read_place(r, "tier2");

    (void)key;
    s->move = (uint8_t)(place + 1);
    return place >= 0;
}

static const char *const promises[] = {"ack", "answer", "update", "resolve", NULL};
static const char *const clocks[] = {"business", "wall", NULL};
static const char *const priorities[] = {"low", "normal", "high", "urgent", NULL};

/* What its times mean hangs on its promise and its clock. */
enum { STEP_MAIN, STEP_TIMES };

#define FIELD(field) .at = offsetof(struct step, field)

static const struct policy_key step_keys[] = {
    {.name = "on", .kind = KEY_WORD, FIELD(on), .of.words = promises},
    {.name = "at", .kind = KEY_OWN, .pass = STEP_TIMES, .of.read = read_at},
    {.name = "clock", .kind = KEY_WORD, FIELD(wall), .of.words = clocks},
    {.name = "repeat", .kind = KEY_OWN, .pass = STEP_TIMES, .of.read = read_repeat},
    {.name = "times", .kind = KEY_SHORT, FIELD(times), .min = 1, .max = REPEATS_MAX},
    {.name = "notify", .kind = KEY_LIST, .max = NOTIFY_MAX, .of.one = read_whom},
    {.name = "raise", .kind = KEY_SHORT, FIELD(raise), .min = 1, .max = RAISE_MAX},
    {.name = "priority",
     .kind = KEY_WORD,
     FIELD(priority),
     .min = USHER_LOW,
     .of.words = priorities},
    {.name = "move", .kind = KEY_OWN, .of.read = read_move},
    {.name = NULL},
};

bool usher__read_step(struct reader *r, void *document, uint32_t n)
{
    struct document *d = document;
    struct step *s = &d->steps[n];
    struct reader start = *r;
    uint64_t id = usher__read_skip(r) | STEP_BIT;

    *s = (struct step){.id = id, .on = PROMISES};
    if (n == 0) { /* whatever another ladder said, it is gone */
        d->policy.names_n = 0;
        d->names[0] = NULL;
    }
    for (uint8_t pass = STEP_MAIN; pass <= STEP_TIMES; pass++) {
        *r = start;
        r->pass = pass;
        if (!usher__read_object(r, step_keys, s))
            return false;
        if (s->on == PROMISES)
            return usher__read_missing(r, "on");
    }
    r->pass = start.pass;
    if (s->at_unit == 0)
        return usher__read_missing(r, "at");
    if ((s->repeat_unit == 0) != (s->times == 0))
        return usher__read_missing(r, s->times == 0 ? "times" : "repeat");
    for (uint32_t i = 0; i < n; i++) {
        if (d->steps[i].id == id)
            return usher__read_wrong(r, WRONG_PLACE, "the same step as ladder[%u]", i);
    }
    return true;
}

bool usher__read_queue(struct reader *r, const struct policy_key *key, void *field)
{
    (void)key;
    return usher__read_name(r, "problems", field);
}

int usher__policy_pack(struct document *d)
{
    struct policy *p = &d->policy;
    size_t steps_len = p->ladder_n * sizeof *p->ladder;
    size_t len = 0;
    struct step *steps;
    const char **names;
    char *text;

    if (p->ladder_n == 0)
        p->names_n = 0;
    if (d->cause_queue[0] != '\0') {
        d->names[p->names_n++] = d->cause_queue;
        p->cause_queue = p->names_n;
    }
    if (p->ladder_n + p->names_n == 0)
        return 0;
    for (uint32_t i = 0; i < p->names_n; i++)
        len += strlen(d->names[i]) + 1;
    steps =
        p->allocator->resize(p->allocator->ctx, NULL, steps_len + p->names_n * sizeof *names + len);
    if (steps == NULL)
        return USHER_ENOMEM;
    memcpy(steps, d->steps, steps_len);
    names = (const char **)(void *)(steps + p->ladder_n);
    text = (char *)(names + p->names_n);
    for (uint32_t i = 0; i < p->names_n; i++) {
        size_t n = strlen(d->names[i]) + 1;

        names[i] = memcpy(text, d->names[i], n);
        text += n;
    }
    p->ladder = steps;
    p->names = names;
    p->names_len = (uint32_t)len;
    return 0;
}
