/* Telling: records in, events and callbacks out. See completion.h. */
#include "loop/completion.h"

#include <string.h>

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
    uint64_t need = n + c->n + usher__engine_parked(u->engine);

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

void usher__completions_free(usher_t *u)
{
    usher__free(&u->memory, u->completions.ring);
    usher__free(&u->memory, u->completions.rows);
}

/* ---- in -------------------------------------------------------------------------------------- */

/* The next record, to be filled in where it lies. */
static struct completion *push(usher_t *u, int kind, uint64_t seq)
{
    struct completions *c = &u->completions;
    uint32_t at = c->head + c->n;
    struct completion *record;

    if (at >= c->room)
        at -= c->room;
    c->n++;
    record = &c->ring[at];
    record->kind = kind;
    record->seq = seq;
    return record;
}

void usher__complete_open(usher_t *u, usher_open_cb cb, void *user)
{
    struct completion *record = push(u, COMPLETION_OPEN, 0);

    record->cb.open = cb;
    record->user = user;
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
    record->done.result.ticket = result->ticket;
    record->done.result.token = result->token;
    record->done.result.seq = result->seq;
    record->done.result.until_at = result->until_at;
    record->done.result.status = result->status;
    record->done.result.state = result->state;
    record->done.result.verb = result->verb;
    record->done.result.outcome = result->outcome;
    record->done.result.priority = result->priority;
    record->done.asked.call = asked->call;
    record->done.asked.token = asked->token;
    record->done.asked.at = asked->at;
    record->done.asked.kind = asked->kind;
    record->done.asked.has_op = asked->has_op;
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

struct question *usher__question_new(usher_t *u, const usher_query *q)
{
    size_t len = room_of(q->requester) + room_of(q->agent) + room_of(q->symptom);
    struct question *copy = usher__alloc(&u->memory, sizeof *copy + len);
    size_t rows_len = usher__engine_rows_len(q);
    char *to;

    if (copy == NULL)
        return NULL;
    copy->rows = rows_len > 0 ? usher__alloc(&u->memory, rows_len) : NULL;
    if (copy->rows == NULL && rows_len > 0) {
        usher__free(&u->memory, copy);
        return NULL;
    }
    to = copy->strings;
    copy->query = *q;
    copy->query.requester = put(&to, q->requester);
    copy->query.agent = put(&to, q->agent);
    copy->query.symptom = put(&to, q->symptom);
    return copy;
}

void usher__question_free(usher_t *u, struct question *question)
{
    usher__free(&u->memory, question->rows);
    usher__free(&u->memory, question);
}

void usher__complete_page(usher_t *u, struct question *question, usher_page_cb cb, void *user)
{
    struct completion *record = push(u, COMPLETION_PAGE, usher__engine_log(u->engine)->seq);

    record->cb.page = cb;
    record->user = user;
    record->question = question;
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
                    .durability = USHER_NONE,
                    .priority = r->priority};

    if (c->cb.done == NULL) {
        u->options.on_lost(u, r->status, r->ticket, r->verb, u->options.user);
        return;
    }
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
    usher_page page;
    int status = usher__engine_read(u->engine, &question->query, question->rows, &page);

    usher__log_told(log, 0);
    u->telling.pinned = true;
    c->cb.page(u, status, &page, c->user);
    u->telling.pinned = false;
    usher__log_told(log, u->telling.place);
    usher__question_free(u, question);
}

static void tell_next(usher_t *u)
{
    struct completions *line = &u->completions;
    struct completion c = line->ring[line->head];

    line->n--;
    line->head++;
    if (line->head == line->room)
        line->head = 0;
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
    default:
        tell_page(u, &c);
        break;
    }
    u->depth--;
}

static bool events_left(const usher_t *u, uint64_t upto)
{
    const struct telling *t = &u->telling;

    return t->n > 0 && t->seq < upto && t->seq < usher__engine_log(u->engine)->seq;
}

bool usher__completions_left(const usher_t *u)
{
    return u->completions.n > 0 || events_left(u, UINT64_MAX);
}

bool usher__completions_step(usher_t *u)
{
    const struct completions *line = &u->completions;

    if (events_left(u, line->n > 0 ? line->ring[line->head].seq : UINT64_MAX)) {
        tell_event(u);
        return true;
    }
    if (line->n == 0)
        return false;
    tell_next(u);
    return true;
}
