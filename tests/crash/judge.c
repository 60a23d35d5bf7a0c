/* See judge.h. */
#include "judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/service.h"

enum { LATE_EVERY = 8 }; /* cuts, of which one is looked at a month later, too */

enum {
    REFUSED = -1,
    INVENTED = -2,
    WRONG = -3
}; /* else the first and the last cut that it may be */

static int64_t first_cut(int64_t value)
{
    return value >> 32;
}

static int64_t last_cut(int64_t value)
{
    return value & INT32_MAX;
}

/* ---- reports --------------------------------------------------------------------------------- */

static void report(struct judge *j, struct states *s, uint32_t variant, const char *what)
{
    char where[300];
    struct image image;

    if (j->show == 0)
        return;
    j->show--;
    states_build(s, variant, &image);
    states_describe(s, where, sizeof where);
    printf("  %s: %s\n    %s\n    variant %u of %s\n", j->play->name, what, j->why, variant, where);
    if (j->dump != NULL)
        image_dump(&image, j->dump);
    (void)fflush(stdout);
    image_free(&image);
}

/* ---- opening --------------------------------------------------------------------------------- */

struct hearing { /* of all events */
    struct judge *j;
    uint64_t last, wrong;
};

static void on_heard(usher_t *u, const usher_event *e, void *user)
{
    struct hearing *h = user;
    const struct ledger *l = &h->j->play->ledger;

    if (e->kind == USHER_EV_LOST) {
        if (!ledger_may_lose(l, h->last, e->seq))
            h->wrong = e->seq;
    } else if (e->seq <= h->j->same_upto && e->seq < l->told_room && l->told[e->seq].hash != 0 &&
               l->told[e->seq].hash != ledger_event(e)) {
        h->wrong = e->seq;
    }
    h->last = e->seq;
    (void)usher_event_done(u, "hearing", e->seq);
}

/* Every event and every body. */
static bool examine(struct judge *j, usher_t *u)
{
    struct hearing h = {.j = j};
    uint64_t last = usher__engine_log(u->engine)->seq;
    usher_id body;
    int r = usher_subscribe(u, "hearing", 1, on_heard, &h);

    if (r == USHER_OK)
        r = usher_advance(u, PLAY_AT);
    if (r != USHER_OK || h.wrong != 0 || h.last != last) {
        (void)snprintf(j->why, sizeof j->why, "events: %s, wrong: %llu, %llu heard of %llu",
                       usher_strerror(r), (unsigned long long)h.wrong, (unsigned long long)h.last,
                       (unsigned long long)last);
        return false;
    }
    body = ledger_bodies_differ(&j->play->ledger, u, j->same_ids);
    if (body != 0)
        (void)snprintf(j->why, sizeof j->why, "the body of ticket %llu", (unsigned long long)body);
    return body == 0;
}

static int64_t open_once(struct judge *j, bool closely)
{
    struct match match;
    const char *wrong;
    usher_t *u;
    int64_t value;
    int r =
        play_reopen(&u, PLAY_PATH "?vfs=reopen", j->clock, j->play->level, j->why, sizeof j->why);

    j->counts.opened++;
    if (r != USHER_OK) {
        size_t len = strlen(j->why);

        (void)snprintf(j->why + len, sizeof j->why - len, " (%s)", usher_err_name(r));
        return REFUSED;
    }
    ledger_match(&j->play->ledger, u, &match);
    j->digest = match.digest;
    value = match.last < 0 ? INVENTED : (match.first << 32 | match.last);
    if (value < 0)
        memcpy(j->why, match.why, sizeof match.why);
    wrong = usher__service_check(u);
    if (wrong != NULL) {
        (void)snprintf(j->why, sizeof j->why, "the service's own check: %s", wrong);
        value = WRONG;
    }
    if (value >= 0 && closely && !examine(j, u))
        value = WRONG;
    play_shut(u);
    return value;
}

/* A month after the crash: all that was due meanwhile happens, and something more for a day. */
static int64_t open_late(struct judge *j)
{
    const int64_t day = INT64_C(24) * 60 * 60 * 1000, at = PLAY_AT + 30 * day;
    usher_manual_clock_t *clock;
    const char *wrong = NULL;
    usher_t *u;
    int r = usher_manual_clock_new(&clock, at);

    if (r == USHER_OK)
        r = play_reopen(&u, PLAY_PATH "?vfs=reopen", clock, j->play->level, j->why, sizeof j->why);
    j->counts.opened++;
    if (r != USHER_OK)
        return REFUSED;
    r = usher_advance(u, at + day);
    wrong = r != USHER_OK ? usher_strerror(r) : usher__service_check(u);
    if (wrong != NULL)
        (void)snprintf(j->why, sizeof j->why, "a month later: %s", wrong);
    play_shut(u);
    usher_manual_clock_free(clock);
    return wrong == NULL ? 0 : WRONG;
}

/* Twice: what was recovered must stay. */
static int64_t open_twice(struct judge *j)
{
    int64_t first = open_once(j, false), second;
    uint64_t digest = j->digest;

    if (first < 0)
        return first;
    second = open_once(j, true);
    if (second >= 0 && second == first && digest == j->digest) {
        int64_t late = digest % LATE_EVERY == 0 ? open_late(j) : 0;

        return late < 0 ? late : second;
    }
    if (second < 0)
        return second;
    (void)snprintf(j->why, sizeof j->why, "opened again it is cut %lld, and was %lld",
                   (long long)last_cut(second), (long long)last_cut(first));
    return WRONG;
}

/* ---- judging --------------------------------------------------------------------------------- */

void judge_read(const struct tape *tape, size_t upto, struct demand *d)
{
    if (d->read == 0)
        *d = (struct demand){
            .submitted = 0, .done = -1, .told = -1, .open = -1, .erased = -1, .extra = -1};
    for (; d->read < upto; d->read++) {
        const struct tape_op *op = &tape->ops[d->read];
        int64_t *which = op->file == MARK_SUBMITTED ? &d->submitted
                         : op->file == MARK_DONE    ? &d->done
                         : op->file == MARK_TOLD    ? &d->told
                         : op->file == MARK_OPEN    ? &d->open
                                                    : &d->erased;

        if (op->kind == TAPE_MARK && op->at > *which)
            *which = op->at;
    }
}

/* What is wrong with it, counted; NULL: nothing. */
static const char *blame(struct judge *j, int64_t value, bool power, const struct demand *d)
{
    const struct ledger *l = &j->play->ledger;
    int64_t last = last_cut(value);

    if (value == REFUSED)
        return j->counts.refused++, "cannot be opened";
    if (value == WRONG)
        return j->counts.wrong++, "is not sound";
    if (value == INVENTED || first_cut(value) > d->submitted) {
        if (value >= 0)
            (void)snprintf(j->why, sizeof j->why, "cut %lld, and %lld was submitted",
                           (long long)first_cut(value), (long long)d->submitted);
        return j->counts.invented++, "is what it never was";
    }
    if (power && j->play->level < USHER_DISK)
        return NULL;
    (void)snprintf(j->why, sizeof j->why,
                   "it is cut %lld (event %llu); acknowledged is %lld, told event %lld",
                   (long long)last, (unsigned long long)l->cuts[last].seq, (long long)d->done,
                   (long long)d->told);
    if (last < d->done)
        return j->counts.lost++, "has lost what was acknowledged";
    if (d->open >= 0 && last != d->open && (d->extra < 0 || last < d->extra))
        return j->counts.lost++, "is not what it was when it had been recovered";
    if (d->told >= 0 && l->cuts[last].seq < (uint64_t)d->told)
        return j->counts.told++, "has not got what was told";
    return NULL;
}

static struct seen_row *outcome(struct judge *j, struct image *image)
{
    bool fresh;
    struct seen_row *row = seen_at(&j->seen, image_hash(image), &fresh);

    if (!fresh) {
        image_free(image);
        return row;
    }
    j->counts.distinct++;
    disk_load(j->disk, image);
    row->value = open_twice(j);
    return row;
}

static bool holds_secret(const struct image *image)
{
    size_t len = strlen(PLAY_SECRET);

    for (uint32_t i = 0; i < image->entries_n; i++) {
        const struct content *c = &image->files[image->entries[i].file];
        const uint8_t *at = c->bytes, *end = c->bytes + c->len;

        while (at != NULL && (size_t)(end - at) >= len) {
            at = memchr(at, PLAY_SECRET[0], (size_t)(end - at) - len + 1);
            if (at != NULL && memcmp(at, PLAY_SECRET, len) == 0)
                return true;
            at += at != NULL;
        }
    }
    return false;
}

void judge_state(struct judge *j, struct states *s, uint32_t variant, const struct demand *d)
{
    struct image image;
    const struct seen_row *row;
    const char *what;
    bool secret;

    states_build(s, variant, &image);
    j->counts.states++;
    j->why[0] = '\0';
    secret = d->erased >= 0 && holds_secret(&image);
    row = outcome(j, &image);
    what = blame(j, row->value, variant != 0, d);
    if (what == NULL && secret) {
        j->counts.wrong++;
        what = "still holds what was erased";
    }
    if (what != NULL)
        report(j, s, variant, what);
}

/* ---- a crash after a crash ------------------------------------------------------------------- */

static void on_more(usher_t *u, const usher_done *d, void *user)
{
    struct judge *j = user;

    (void)u;
    if (d->status == USHER_OK)
        disk_mark(j->disk, MARK_DONE, (int64_t)j->play->ledger.cuts_n - 1);
}

/* Opens, and asks for one thing more. The value of what was opened, or less than 0. */
static int64_t recover(struct judge *j)
{
    struct ledger *l = &j->play->ledger;
    usher_request r = USHER_INIT(usher_request);
    struct match match;
    usher_queue_t *q;
    usher_t *u;

    if (play_reopen(&u, PLAY_PATH "?vfs=reopen", j->clock, j->play->level, j->why, sizeof j->why) !=
        USHER_OK)
        return REFUSED;
    ledger_match(l, u, &match);
    if (match.last >= 0) {
        disk_mark(j->disk, MARK_OPEN, match.last);
        r.requester = "after the crash";
        if (usher_queue(u, &q, "desk") != USHER_OK)
            must(NULL);
        ledger_cut(l, u);
        if (usher_enqueue(q, &r, on_more, j) != USHER_OK)
            must(NULL);
        ledger_cut(l, u);
        (void)usher_advance(u, PLAY_AT);
    }
    play_shut(u);
    return match.last;
}

/* One tape of what was before the point and what was done after it. */
static void join(const struct tape *before, size_t upto, const struct tape *after, struct tape *out)
{
    *out = *after;
    out->start = before->start;
    out->ops_n = upto + after->ops_n;
    out->ops = must(malloc((out->ops_n + 1) * sizeof *out->ops));
    memcpy(out->ops, before->ops, upto * sizeof *out->ops);
    memcpy(out->ops + upto, after->ops, after->ops_n * sizeof *out->ops);
    out->bytes = (struct content){0};
    content_set(&out->bytes, 0, before->bytes.bytes, before->bytes.len);
    content_set(&out->bytes, before->bytes.len, after->bytes.bytes, after->bytes.len);
    for (size_t i = upto; i < out->ops_n; i++)
        out->ops[i].bytes += before->bytes.len;
}

static uint64_t variants_from(const struct tape *tape, struct judge *j, size_t from)
{
    struct states *s = states_new(tape, j->seed, j->subsets);
    uint64_t n = 0;

    while (states_next(s))
        n += states_at(s) < from ? 0 : states_variants(s);
    states_free(s);
    return n;
}

static void judge_rest(struct judge *j, const struct tape *tape, size_t from, int64_t value,
                       size_t cuts_n, uint32_t budget)
{
    struct states *s = states_new(tape, j->seed, j->subsets);
    uint64_t n = variants_from(tape, j, from);
    struct demand d = {0};

    while (states_next(s)) {
        struct demand here;

        judge_read(tape, states_at(s), &d);
        if (states_at(s) < from)
            continue;
        here = d;
        here.extra = (int64_t)cuts_n;
        if (from == 0 || here.open >= 0)
            here.submitted = INT32_MAX;
        if (from == 0) /* all of it was on the disk when it was opened */
            here.open = value;
        for (uint32_t v = 0; v < states_variants(s); v++) {
            if (states_draw(j->seed, states_at(s), v) % n >= budget)
                continue;
            j->counts.again++;
            judge_state(j, s, v, &here);
        }
    }
    states_free(s);
}

void judge_again(struct judge *j, struct states *s, uint32_t variant, uint32_t budget)
{
    const struct tape *before = &j->play->tape;
    struct ledger *l = &j->play->ledger;
    size_t cuts_n = l->cuts_n, from = variant == 0 ? states_at(s) : 0;
    struct seen seen = j->seen;
    struct image image;
    struct tape after, joined;
    int64_t value;

    if (variant == 0)
        states_live(s, &image);
    else
        states_build(s, variant, &image);
    j->seen = (struct seen){0}; /* one cut more than usual makes other outcomes */
    disk_load(j->disk, &image);
    disk_record(j->disk);
    value = recover(j);
    disk_stop(j->disk, &after);
    if (value >= 0) {
        j->same_upto = l->cuts[value].seq;
        j->same_ids = ledger_ids(l, (size_t)value);
    }
    if (value >= 0 && variant == 0) {
        join(before, from, &after, &joined);
        judge_rest(j, &joined, from, value, cuts_n, budget);
        free(joined.ops);
        free(joined.bytes.bytes);
    } else if (value >= 0) {
        judge_rest(j, &after, 0, value, cuts_n, budget);
    }
    tape_free(&after);
    seen_free(&j->seen);
    j->seen = seen;
    j->same_upto = UINT64_MAX;
    j->same_ids = UINT32_MAX;
    ledger_uncut(l, cuts_n);
}

/* ---- its life -------------------------------------------------------------------------------- */

void judge_begin(struct judge *j, struct play *play)
{
    j->play = play;
    j->same_upto = UINT64_MAX;
    j->same_ids = UINT32_MAX;
    j->disk = disk_new("reopen", DISK_HONEST);
    if (usher_manual_clock_new(&j->clock, PLAY_AT) != USHER_OK)
        must(NULL);
}

void judge_end(struct judge *j)
{
    disk_free(j->disk);
    usher_manual_clock_free(j->clock);
    seen_free(&j->seen);
}
