/* Telling: records in, events and callbacks out. See completion.h. */
#include "loop/completion.h"

#include <stdio.h>
#include <string.h>

#include "loop/follow.h"
#include "loop/keep.h"
#include "loop/service.h"

/* ---- room ------------------------------------------------------------------------------------ */

static int grow(usher_t *u, uint64_t need)
{
    struct completions *c = &u->completions;
    uint32_t room = usher__grown(c->room, need);
    uint32_t behind = c->room - c->head; /* records from the head to the end of the ring */
    struct completion *ring;
    size_t len;

    if (room == 0 || __builtin_mul_overflow(room, sizeof *ring, &len))
        return USHER_ENOMEM;
    ring = usher__alloc(&u->memory, len);
    if (ring == NULL)
        return USHER_ENOMEM;
    if (behind > c->n)
        behind = c->n;
    if (c->n > 0) {
        memcpy(ring, c->ring + c->head, behind * sizeof *ring);
        memcpy(ring + behind, c->ring, (c->n - behind) * sizeof *ring);
    }
    usher__free(&u->memory, c->ring);
    c->ring = ring;
    c->head = 0;
    c->room = room;
    return 0;
}

int usher__completions_reserve(usher_t *u, uint64_t n)
{
    struct completions *c = &u->completions;
    /* One for on_failed, and one for each that is told when something else has happened first. */
    uint64_t need = 1 + n + c->n + usher__engine_parked(u->engine) + u->keeping.errands_n;

    if (n > 0 && n + c->n > u->options.max_pending)
        return USHER_EFULL;
    return need > c->room ? grow(u, need) : 0;
}

/* While a callback looks at the rows they stay where they are: then there are two for a while. */
int usher__completions_reserve_rows(usher_t *u, uint32_t n)
{
    struct completions *c = &u->completions;
    usher_work *rows;

    if (n <= c->rows_room)
        return 0;
    rows = usher__alloc(&u->memory, n * sizeof *rows);
    if (rows == NULL)
        return USHER_ENOMEM;
    if (c->rows != c->lent)
        usher__free(&u->memory, c->rows);
    c->rows = rows;
    c->rows_room = n;
    return 0;
}

/* What was never told: a service that could not be opened. */
void usher__completions_free(usher_t *u)
{
    usher__free(&u->memory, u->completions.ring);
    usher__free(&u->memory, u->completions.rows);
}

/* ---- in -------------------------------------------------------------------------------------- */

static struct completion *record_at(const struct completions *c, uint32_t ahead)
{
    uint32_t at = c->head + ahead;

    return &c->ring[at < c->room ? at : at - c->room];
}

/* The next record, to be filled in where it lies. */
static struct completion *push(usher_t *u, int kind, uint64_t seq)
{
    struct completions *c = &u->completions;
    struct completion *record = record_at(c, c->n++);

    record->kind = kind;
    record->seq = seq;
    record->need = usher__keep_need(u);
    record->why = NULL;
    return record;
}

void usher__complete_open(usher_t *u, usher_open_cb cb, void *user)
{
    struct completion *record = push(u, COMPLETION_OPEN, 0);

    record->cb.open = cb;
    record->user = user;
}

static void set_result(struct completion *record, const struct result *result)
{
    struct result *r = &record->done.result;

    r->ticket = result->ticket;
    r->token = result->token;
    r->seq = result->seq;
    r->until_at = result->until_at;
    r->status = result->status;
    r->state = result->state;
    r->verb = result->verb;
    r->outcome = result->outcome;
    r->priority = result->priority;
}

static void set_asked(struct completion *record, const struct asked *asked)
{
    struct asked *a = &record->done.asked;

    a->call = asked->call;
    a->token = asked->token;
    a->at = asked->at;
    a->n = asked->n;
    a->kind = asked->kind;
    a->has_op = asked->has_op;
}

/* Without a callback only a failure is told, and only to those who want to know. */
void usher__complete_done(usher_t *u, const struct asked *asked, const struct result *result,
                          usher_done_cb cb, void *user)
{
    struct completion *record;

    if (cb == NULL && (result->status == USHER_OK || u->options.on_lost == NULL))
        return;
    record = push(u, COMPLETION_DONE, result->seq);
    record->cb.done = cb;
    record->user = user;
    set_result(record, result);
    set_asked(record, asked);
}

uint64_t usher__complete_later(usher_t *u, const struct asked *asked, usher_done_cb cb, void *user)
{
    struct completions *c = &u->completions;
    struct completion *record = push(u, COMPLETION_DONE, usher__engine_log(u->engine)->seq);

    record->need = UINT64_MAX;
    record->cb.done = cb;
    record->user = user;
    set_asked(record, asked);
    return c->first + c->n - 1;
}

void usher__complete_now(usher_t *u, uint64_t number, const struct result *result)
{
    struct completion *record =
        record_at(&u->completions, (uint32_t)(number - u->completions.first));

    record->need = usher__keep_need(u);
    record->seq = result->seq;
    set_result(record, result);
}

void usher__complete_upkeep(usher_t *u, const struct asked *asked, const struct result *result,
                            const char *why, usher_done_cb cb, void *user)
{
    struct completion *record;
    size_t len = strlen(why) + 1;

    if (cb == NULL && (result->status == USHER_OK || u->options.on_lost == NULL))
        return;
    record = push(u, COMPLETION_DONE, result->seq);
    record->cb.done = cb;
    record->user = user;
    set_result(record, result);
    set_asked(record, asked);
    record->why = len > 1 ? usher__alloc(&u->memory, len) : NULL;
    if (record->why != NULL) /* without it the status alone is told */
        memcpy(record->why, why, len);
}

void usher__complete_errand(usher_t *u, struct errand *errand)
{
    push(u, COMPLETION_ERRAND, 0)->errand = errand;
}

void usher__complete_failed(usher_t *u)
{
    push(u, COMPLETION_FAILED, 0);
}

static size_t room_of(const char *s)
{
    return s == NULL ? 0 : strlen(s) + 1;
}

static const char *put(char **to, const char *s)
{
    size_t len = room_of(s);
    char *from = *to;

    if (s == NULL)
        return NULL;
    memcpy(from, s, len);
    *to += len;
    return from;
}

void usher__question_free(usher_t *u, struct question *question)
{
    if (question->plan != NULL && question->plan->status == 0)
        usher__policy_free(&question->plan->policy);
    usher__free(&u->memory, question->plan);
    usher__free(&u->memory, question->rows);
    usher__free(&u->memory, question);
}

/* All that an answer needs, so that nothing can fail when it is told. */
static int make_room(usher_t *u, struct question *question)
{
    const usher_query *q = &question->query;
    size_t len = usher__engine_rows_len(q);
    struct plan *plan;

    question->rows = len > 0 ? usher__alloc(&u->memory, len) : NULL;
    if (question->rows == NULL && len > 0)
        return USHER_ENOMEM;
    if (q->what != USHER_READ_WHAT_IF || q->policy == NULL)
        return 0;
    plan = usher__alloc(&u->memory, sizeof *plan);
    if (plan == NULL)
        return USHER_ENOMEM;
    question->plan = plan;
    plan->status = usher__engine_compile(u->engine, &plan->policy, q->policy, strlen(q->policy),
                                         plan->why, sizeof plan->why);
    return plan->status == USHER_ENOMEM ? USHER_ENOMEM : 0;
}

struct question *usher__question_new(usher_t *u, const usher_query *q)
{
    size_t len = room_of(q->requester) + room_of(q->agent) + room_of(q->symptom);
    struct question *copy = usher__alloc(&u->memory, sizeof *copy + len);
    char *to;

    if (copy == NULL)
        return NULL;
    to = copy->strings;
    *copy = (struct question){.query = *q};
    copy->query.requester = put(&to, q->requester);
    copy->query.agent = put(&to, q->agent);
    copy->query.symptom = put(&to, q->symptom);
    if (make_room(u, copy) != 0) {
        usher__question_free(u, copy);
        return NULL;
    }
    return copy;
}

void usher__complete_page(usher_t *u, struct question *question, usher_page_cb cb, void *user)
{
    struct completion *record = push(u, COMPLETION_PAGE, usher__engine_log(u->engine)->seq);

    record->cb.page = cb;
    record->user = user;
    record->question = question;
    usher__engine_ask(u->engine, true);
}

void usher__complete_served(usher_t *u)
{
    struct claim *claim;

    while ((claim = usher__engine_served(u->engine)) != NULL)
        push(u, COMPLETION_WORK, claim->seq)->claim = claim;
}

/* ---- out: events ----------------------------------------------------------------------------- */

void usher__events_pass(usher_t *u)
{
    struct telling *t = &u->telling;
    struct log *log = usher__engine_log(u->engine);

    if (t->n > 0 || t->pinned)
        return;
    t->place = log->end;
    t->seq = log->seq;
    usher__log_told(log, t->place);
}

static void tell_event(usher_t *u)
{
    struct telling *t = &u->telling;
    struct log *log = usher__engine_log(u->engine);
    struct log_event e;

    if (!usher__log_at(log, t->place, &e, &t->place)) { /* what is not told is kept */
        t->seq = log->seq;
        return;
    }
    t->seq = e.event.seq;
    t->running = t->pinned = true;
    u->depth++;
    for (t->turn = 0; t->turn < t->n; t->turn++) {
        struct subscription s = t->subscriptions[t->turn];

        if (e.event.seq <= s.after)
            continue;
        u->ran++;
        s.cb(u, &e.event, s.user);
    }
    u->depth--;
    t->running = t->pinned = false;
    usher__log_told(log, t->place);
}

/* ---- out: records ---------------------------------------------------------------------------- */

static void tell_done(usher_t *u, const struct completion *c)
{
    const struct result *r = &c->done.result;
    char text[200];
    usher_done d = {.size = sizeof d,
                    .ticket = r->ticket,
                    .seq = r->seq,
                    .token = r->token,
                    .status = r->status,
                    .state = r->state,
                    .verb = r->verb,
                    .outcome = r->outcome,
                    .until_at = r->until_at,
                    .durability = u->keeping.level,
                    .priority = r->priority};

    if (c->cb.done == NULL) {
        if (r->status != USHER_OK && u->options.on_lost != NULL)
            u->options.on_lost(u, r->status, r->ticket, r->verb, u->options.user);
        return;
    }
    if (c->why != NULL)
        snprintf(text, sizeof text, "%s: %s", c->done.asked.call, c->why);
    else
        usher__detail(r, &c->done.asked, text, sizeof text);
    if (text[0] != '\0')
        d.detail = (usher_text){text, strlen(text)};
    c->cb.done(u, &d, c->user);
}

static usher_work row(const struct engine *e, const struct work *w)
{
    return (usher_work){.size = sizeof(usher_work),
                        .claim = w->claim,
                        .queue = w->queue,
                        .enqueued_at = w->enqueued_at,
                        .lease_until_at = w->lease_until_at,
                        .due_at = w->due_at,
                        .priority = (int32_t)w->priority,
                        .level = (int32_t)w->level,
                        .attempts = w->attempts,
                        .persons = w->persons,
                        .requester = w->requester == 0 ? "" : usher__engine_name(e, w->requester),
                        .symptom = usher__engine_name(e, w->symptom),
                        .ref = usher__engine_name(e, w->ref),
                        .body = {w->body == NULL ? NULL : w->body->data, usher__text_len(w->body)}};
}

static void tell_work(usher_t *u, const struct completion *c)
{
    struct claim *claim = c->claim;
    usher_work *rows = u->completions.rows;
    uint32_t n = claim->status == USHER_OK ? claim->works_n : 0;

    for (uint32_t i = 0; i < n; i++)
        rows[i] = row(u->engine, &claim->works[i]);
    u->completions.lent = rows;
    claim->cb(claim->agent, claim->status, n > 0 ? rows : NULL, n, claim->user);
    u->completions.lent = NULL;
    if (u->completions.rows != rows)
        usher__free(&u->memory, rows);
    usher__engine_claim_free(u->engine, claim);
}

/* A page of history shows the log itself. */
static void tell_page(usher_t *u, const struct completion *c)
{
    struct log *log = usher__engine_log(u->engine);
    struct question *question = c->question;
    const struct plan *plan = question->plan;
    usher_page page = {.size = sizeof page};
    int status = plan != NULL ? plan->status : 0;

    if (status != 0)
        page.text = (usher_text){plan->why, strlen(plan->why)};
    else
        status = usher__engine_read(u->engine, &question->query, 0,
                                    plan != NULL ? &plan->policy : NULL, question->rows, &page);
    usher__log_told(log, 0);
    u->telling.pinned = true;
    c->cb.page(u, status, &page, c->user);
    u->telling.pinned = false;
    usher__log_told(log, u->telling.place);
    usher__engine_ask(u->engine, false);
    usher__question_free(u, question);
}

/* The store has failed before what became of it was saved: nobody knows. */
static void make_unknown(struct completion *c)
{
    if (c->kind == COMPLETION_DONE &&
        (c->done.result.status == USHER_OK || c->need == UINT64_MAX)) {
        c->done.result.status = USHER_EUNKNOWN;
        c->done.result.outcome = 0;
    }
    if (c->kind == COMPLETION_WORK && c->claim->status == USHER_OK)
        c->claim->status = USHER_EUNKNOWN;
}

static void tell_next(usher_t *u)
{
    struct completions *line = &u->completions;
    struct completion c = line->ring[line->head];

    line->n--;
    line->first++;
    line->head++;
    if (line->head == line->room)
        line->head = 0;
    if (!usher__keep_reached(u, c.need))
        make_unknown(&c);
    u->ran++;
    u->depth++;
    switch (c.kind) {
    case COMPLETION_OPEN:
        c.cb.open(u, USHER_OK, (usher_text){NULL, 0}, c.user);
        break;
    case COMPLETION_DONE:
        tell_done(u, &c);
        break;
    case COMPLETION_WORK:
        tell_work(u, &c);
        break;
    case COMPLETION_PAGE:
        tell_page(u, &c);
        break;
    case COMPLETION_ERRAND:
        usher__errand_tell(u, c.errand);
        break;
    default:
        u->options.on_failed(u, USHER_EFAILED, (usher_text){u->keeping.why, strlen(u->keeping.why)},
                             u->options.user);
        break;
    }
    u->depth--;
    usher__free(&u->memory, c.why);
}

/* The next record may be told: what it needs has been saved, or never will be. */
static bool record_left(const usher_t *u)
{
    const struct completions *line = &u->completions;

    return line->n > 0 &&
           (usher__keep_reached(u, line->ring[line->head].need) || u->keeping.failed != 0);
}

static bool events_left(const usher_t *u)
{
    const struct completions *line = &u->completions;
    const struct telling *t = &u->telling;
    uint64_t upto = usher__keep_seq(u), last = usher__engine_log(u->engine)->seq;

    if (line->n > 0 && line->ring[line->head].seq < upto)
        upto = line->ring[line->head].seq;
    return t->n > 0 && t->seq < upto && t->seq < last;
}

bool usher__completions_left(const usher_t *u)
{
    return record_left(u) || events_left(u) || usher__follow_left(u);
}

bool usher__completions_step(usher_t *u)
{
    if (events_left(u))
        tell_event(u);
    else if (record_left(u))
        tell_next(u);
    else
        return usher__follow_step(u);
    return true;
}

/* ---- collecting ------------------------------------------------------------------------------ */

/* The rows are as far apart as in the version that the host was compiled against. */
void usher_collect(usher_t *u, const usher_done *d, void *user)
{
    usher_collected *c = user;
    char *row = (char *)c->rows + c->done * c->row_size;
    uint64_t len = c->row_size < sizeof *d ? c->row_size : sizeof *d;
    uint64_t lasts = offsetof(usher_done, detail); /* that goes when this returns */

    if (c->done >= c->n)
        return;
    memset(row, 0, c->row_size);
    memcpy(row, d, len < lasts ? len : lasts);
    memcpy(row, &len, sizeof len);
    if (++c->done == c->n && c->cb != NULL)
        c->cb(u, d, c->user);
}
