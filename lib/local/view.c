/* Views: what one ticket looks like from outside, and pages of them. Nothing here changes anything. */
#include "local/causes.h"
#include "local/figures.h"
#include "local/inside.h"

#include <string.h>

#include "core/promise.h"

/* ---- one ticket ------------------------------------------------------------------------------------ */

static usher_text public_text(const struct text *t)
{
    return t == NULL ? (usher_text){NULL, 0}
                     : (usher_text){usher__text_data(t), usher__text_len(t)};
}

static void view_promises(const struct engine *e, const struct ticket *t, usher_standing *out)
{
    const struct policy *p = usher__policy(e, t->policy);

    out->due_at = out->next_word_at = USHER_NEVER;
    for (int ix = 0; ix < PROMISES; ix++) {
        const struct promise *m = &t->promise[ix];
        usher_promise *v = &out->promises[ix];

        *v = (usher_promise){.due_at = USHER_NEVER};
        if (m->state == 0)
            continue;
        v->start_at = m->start_at;
        v->target_ms = m->target;
        v->state = m->state;
        v->arming = m->arming;
        v->due_at = usher__promise_due(t, p, ix);
        v->left_ms = usher__promise_left(t, p, ix, e->at.wall);
        if (v->due_at < out->due_at)
            out->due_at = v->due_at;
        if (ix != USHER_PROMISE_RESOLVE - 1 && v->due_at < out->next_word_at)
            out->next_word_at = v->due_at;
    }
}

static void view_place(struct engine *e, const struct ticket *t, usher_standing *out)
{
    const struct place p = usher__place(t);
    const usher_queue_t *q = usher__queue_of(e, p.queue);

    usher__figures_waits(e, p.queue, p.band, e->at.wall, &out->wait_p50_ms, &out->wait_p90_ms,
                         &out->waits);
    if ((t->flags & TICKET_RANKED) != 0) {
        out->rank_from_at = t->rank - t->behind;
        out->rank_by = out->rank_from_at == t->start_at ? USHER_RANK_ENTRY : USHER_RANK_DUE;
        out->rank_behind_ms = t->behind;
    }
    out->ahead = out->ahead_in_queue = -1;
    if (p.where != PLACE_LINE)
        return;
    out->ahead = usher__order_count_before(&q->band[p.band], t->rank, t->id);
    out->ahead_in_queue = out->ahead;
    for (uint32_t b = p.band + 1; b < PRIORITIES; b++)
        out->ahead_in_queue += q->band[b].n;
}

static void view_extra(const struct engine *e, const struct extra *x, usher_standing *out)
{
    out->symptom = usher__engine_name(e, x->symptom);
    out->ref = usher__engine_name(e, x->ref);
    out->question = public_text(x->question);
    out->handoffs = x->hops;
    out->cause = x->cause;
    out->follows = x->follows;
    out->linked = x->linked_n;
    out->is_cause = x->is_cause;
    if (x->offer_queue != 0) {
        out->offer = USHER_TO_QUEUE;
        out->offered_to = usher__engine_name(e, usher__queue_of(e, x->offer_queue)->name);
    } else if (x->offer_agent != 0) {
        out->offer = USHER_TO_AGENT;
        out->offered_to = usher__engine_name(e, usher__agent_of(e, x->offer_agent)->name);
    }
}

static void view(struct engine *e, const struct ticket *t, usher_standing *out)
{
    const struct extra *x = t->extra;
    const usher_agent_t *holder = usher__agent_of(e, t->holder);
    const char *name = holder != NULL ? usher__engine_name(e, holder->name) : NULL;

    *out = (usher_standing){.size = sizeof(*out),
                            .ticket = t->id,
                            .ticket_seq = t->seq,
                            .queue = usher__queue_of(e, t->queue),
                            .enqueued_at = t->enqueued_at,
                            .start_at = t->start_at,
                            .state_at = t->state_at,
                            .until_at = usher__until(t, e->at),
                            .rank_at = t->rank,
                            .state = t->state,
                            .priority = t->priority,
                            .level = t->level,
                            .waits_for_you = usher__claim_stands(t) && x != NULL &&
                                             (x->reasons & 1u << (USHER_ON_REQUESTER - 1)) != 0,
                            .attempts = t->attempts,
                            .chases = t->chases,
                            .persons = t->persons_n,
                            .policy_version = usher__policy(e, t->policy)->version,
                            .requester = usher__engine_name(e, t->requester),
                            .last_word = public_text(t->last_word)};
    if (usher__claim_stands(t))
        out->holder = name;
    if ((t->flags & TICKET_KEPT) != 0)
        out->kept_for = name;
    if (x != NULL)
        view_extra(e, x, out);
    view_promises(e, t, out);
    view_place(e, t, out);
}

int usher__engine_peek(struct engine *e, usher_id id, usher_standing *out)
{
    uint32_t slot = usher__ids_find(&e->by_id, id);

    if (slot == 0)
        return USHER_ENOENT;
    view(e, usher__ticket(e, slot), out);
    return 0;
}

int usher__engine_peek_ref(usher_queue_t *q, const char *ref, usher_standing *out)
{
    struct engine *e = q->engine;
    uint32_t name = usher__intern_find(&e->names, ref, strlen(ref));
    uint32_t slot = name == 0 ? 0 : usher__ids_find(&e->by_ref, usher__queue_key(q->index, name));

    if (slot == 0)
        return USHER_ENOENT;
    view(e, usher__ticket(e, slot), out);
    return 0;
}

uint64_t usher__engine_token(struct engine *e, usher_id id)
{
    uint32_t slot = usher__ids_find(&e->by_id, id);
    const struct ticket *t = slot == 0 ? NULL : usher__ticket(e, slot);

    return t != NULL && usher__claim_stands(t) ? t->token : 0;
}

/* ---- pages ------------------------------------------------------------------------------------------ */

static uint32_t limit_of(const usher_query *q)
{
    return q->limit != 0 ? q->limit : 100;
}

/* A filter's name as a handle; false: nobody has that name, so nothing fits. */
static bool filter_name(const struct engine *e, const char *name, uint32_t *handle)
{
    *handle = name == NULL ? 0 : usher__intern_find(&e->names, name, strlen(name));
    return name == NULL || *handle != 0;
}

struct filter {
    const usher_query *q;
    uint32_t requester, agent, symptom;
};

static bool waits_here(const struct ticket *t, uint32_t name)
{
    if (t->requester == name)
        return true;
    for (uint32_t i = 1; t->persons_n > 1 && i < t->persons_n; i++) {
        if (t->extra->persons[i].name == name)
            return true;
    }
    return false;
}

/* Who holds it, or to whom it is offered. */
static bool is_with(const struct engine *e, const struct ticket *t, uint32_t name)
{
    const usher_agent_t *holder = usher__claim_stands(t) ? usher__agent_of(e, t->holder) : NULL;
    const usher_agent_t *to = usher__agent_of(e, t->extra != NULL ? t->extra->offer_agent : 0);

    return (holder != NULL && holder->name == name) || (to != NULL && to->name == name);
}

static bool fits(const struct engine *e, const struct ticket *t, const struct filter *f)
{
    const struct extra *x = t->extra;
    usher_id linked = f->q->linked;

    if (f->q->states != 0 && (f->q->states & 1u << t->state) == 0)
        return false;
    if (f->q->queue != NULL && f->q->queue->index != t->queue)
        return false;
    if (f->requester != 0 && !waits_here(t, f->requester))
        return false;
    if (f->agent != 0 && !is_with(e, t, f->agent))
        return false;
    if (linked != 0 && (x == NULL || (x->cause != linked && x->follows != linked)))
        return false;
    return f->symptom == 0 || (x != NULL && x->symptom == f->symptom);
}

enum { IDS_MAX = 100000 }; /* looked up for one page: the loop must go on */

/* By ascending id: ids are looked up one by one, for slots are used again and say nothing of age. */
static void read_tickets(struct engine *e, const usher_query *q, usher_id upto,
                         usher_standing *rows, usher_page *out)
{
    struct filter f = {.q = q};
    usher_id last = upto != 0 && upto < e->last_id ? upto : e->last_id;
    bool possible = filter_name(e, q->requester, &f.requester) &&
                    filter_name(e, q->agent, &f.agent) && filter_name(e, q->symptom, &f.symptom);

    out->tickets = rows;
    if (last > q->cursor && last - q->cursor > IDS_MAX)
        last = q->cursor + IDS_MAX;
    if (possible && last < e->last_id)
        out->cursor = last;
    for (usher_id id = q->cursor + 1; possible && id <= last; id++) {
        uint32_t slot = usher__ids_find(&e->by_id, id);

        if (slot == 0 || !fits(e, usher__ticket(e, slot), &f))
            continue;
        if (out->n == limit_of(q)) {
            out->cursor = id - 1;
            break;
        }
        view(e, usher__ticket(e, slot), &rows[out->n++]);
    }
}

/* The chain runs backwards; the page is in order. cursor: the ticket_seq of the last row. */
static void read_history(struct engine *e, const struct ticket *t, const usher_query *q,
                         usher_event *rows, usher_page *out)
{
    struct log_event le;
    uint64_t seq = t->last_event, first = 0;
    uint32_t limit = limit_of(q);

    out->events = rows;
    while (usher__log_find(&e->log, seq, &le)) { /* where does what is kept begin? */
        if (le.event.ticket_seq > q->cursor)
            first = le.event.ticket_seq;
        seq = le.previous;
    }
    if (first == 0)
        return;
    seq = t->last_event;
    while (usher__log_find(&e->log, seq, &le) && le.event.ticket_seq >= first) {
        uint64_t row = le.event.ticket_seq - first;

        if (row < limit) {
            rows[row] = le.event;
            if (row + 1 > out->n)
                out->n = row + 1;
        } else {
            out->cursor = first + limit - 1;
        }
        seq = le.previous;
    }
}

struct spans {
    usher_span *rows;
    uint32_t n, limit;
    uint64_t skip; /* rows of earlier pages */
    bool more;
};

static bool add_span(void *ctx, int64_t from, int64_t to, int kind, int64_t ms)
{
    struct spans *s = ctx;

    if (s->skip > 0)
        s->skip--;
    else if (s->n == s->limit)
        s->more = true;
    else
        s->rows[s->n++] = (usher_span){from, to, ms, kind, 0};
    return !s->more;
}

static void read_why_due(struct engine *e, const struct ticket *t, const usher_query *q,
                         usher_span *rows, usher_page *out)
{
    struct spans s = {.rows = rows, .limit = limit_of(q), .skip = q->cursor};
    const struct promise *m = &t->promise[q->promise - 1];

    out->spans = rows;
    if (m->state != 0 && (m->flags & PROMISE_OWED) != 0)
        usher__promise_explain(t, usher__policy(e, t->policy), q->promise - 1, e->at.wall, add_span,
                               &s);
    out->n = s.n;
    out->cursor = s.more ? q->cursor + s.limit : 0;
}

/* A row for each promise that would change. The cursor is where the next page begins: id and promise. */
static void read_what_if(const struct engine *e, const usher_query *q, const struct policy *to,
                         usher_change *rows, usher_page *out)
{
    uint64_t at = q->cursor > PROMISES ? q->cursor : PROMISES;
    uint64_t end = (e->last_id + 1) * PROMISES, looked = at + IDS_MAX * PROMISES;
    uint32_t latest = to == NULL ? q->queue->policy : 0;

    out->changes = rows;
    if (to == NULL)
        to = usher__policy(e, latest);
    for (; at < end && at < looked && out->n < limit_of(q); at++) {
        uint32_t slot = usher__ids_find(&e->by_id, at / PROMISES);
        const struct ticket *t = slot == 0 ? NULL : usher__ticket(e, slot);
        int ix = (int)(at % PROMISES);
        struct due_change c = {0};

        if (t == NULL || !usher__reached(e, t, q->queue, latest)) {
            at |= PROMISES - 1;
            continue;
        }
        if (usher__what_if(t, usher__policy(e, t->policy), to, ix, e->at.wall, &c))
            rows[out->n++] =
                (usher_change){t->id, c.from_at, c.to_at, ix + 1,
                               (c.breaks ? USHER_BREAKS : 0) | (c.lapses ? USHER_LAPSES : 0) |
                                   (c.starts ? USHER_STARTS : 0)};
    }
    out->cursor = at < end ? at : 0;
}

void usher__engine_ask(struct engine *e, bool waits)
{
    if (waits)
        e->asked++;
    else if (--e->asked == 0)
        usher__let_closed_go(e);
}

size_t usher__engine_rows_len(const usher_query *q)
{
    static const size_t rows[] = {
        [USHER_READ_TICKETS] = sizeof(usher_standing),
        [USHER_READ_HISTORY] = sizeof(usher_event),
        [USHER_READ_WHY_DUE] = sizeof(usher_span),
        [USHER_READ_WHAT_IF] = sizeof(usher_change),
        [USHER_READ_FIGURES] = sizeof(usher_figures),
        [USHER_READ_AGENTS] = sizeof(usher_agent_figures),
        [USHER_READ_SYMPTOMS] = sizeof(usher_symptom),
        [USHER_READ_METRICS] = 0,
    };

    return q->what == USHER_READ_WHY_RANK ? sizeof(usher_standing) : limit_of(q) * rows[q->what];
}

/* About one ticket. */
static int read_one(struct engine *e, const usher_query *q, void *rows, usher_page *out)
{
    uint32_t slot = usher__ids_find(&e->by_id, q->ticket);
    const struct ticket *t;

    if (slot == 0)
        return USHER_ENOENT;
    t = usher__ticket(e, slot);
    switch (q->what) {
    case USHER_READ_BODY:
        out->text = public_text(t->body);
        break;
    case USHER_READ_HISTORY:
        read_history(e, t, q, rows, out);
        break;
    case USHER_READ_WHY_DUE:
        read_why_due(e, t, q, rows, out);
        break;
    default:
        view(e, t, rows);
        usher__why_rank(e, rows, &out->text);
        out->tickets = rows;
        out->n = 1;
        break;
    }
    return 0;
}

int usher__engine_read(struct engine *e, const usher_query *q, usher_id upto,
                       const struct policy *to, void *rows, usher_page *out)
{
    *out = (usher_page){.size = sizeof(*out)};
    switch (q->what) {
    case USHER_READ_TICKETS:
        read_tickets(e, q, upto, rows, out);
        return 0;
    case USHER_READ_WHAT_IF:
        read_what_if(e, q, to, rows, out);
        return 0;
    case USHER_READ_SYMPTOMS:
        usher__causes_read(e, q, limit_of(q), rows, out);
        return 0;
    case USHER_READ_FIGURES:
    case USHER_READ_AGENTS:
    case USHER_READ_METRICS:
        return usher__figures_read(e, q, limit_of(q), rows, out);
    default:
        return read_one(e, q, rows, out);
    }
}
