/* Taking down and comparing. See ledger.h. */
#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "local/changes.h"
#include "local/upkeep.h"
#include "loop/service.h"

static uint64_t number(uint64_t h, uint64_t n)
{
    return hash_bytes(h, &n, sizeof n);
}

static uint64_t words(uint64_t h, const char *s)
{
    return s == NULL ? number(h, UINT64_MAX) : hash_bytes(h, s, strlen(s));
}

static uint64_t text(uint64_t h, const usher_text *t)
{
    return hash_bytes(number(h, t->data == NULL), t->data, (size_t)t->len);
}

/* ---- one ticket, one event ------------------------------------------------------------------- */

static uint64_t hash_promise(uint64_t h, const usher_promise *p)
{
    h = number(number(h, (uint64_t)p->start_at), (uint64_t)p->due_at);
    h = number(number(h, (uint64_t)p->target_ms), (uint64_t)p->left_ms);
    return number(number(h, (uint64_t)p->state), p->arming);
}

static uint64_t hash_standing(const usher_standing *s)
{
    const int64_t numbers[] = {
        s->enqueued_at, s->start_at,     s->state_at,       s->until_at, s->rank_at,       s->ahead,
        s->due_at,      s->next_word_at, s->ahead_in_queue, s->state,    s->priority,      s->level,
        s->attempts,    s->chases,       s->waits_for_you,  s->persons,  s->policy_version,
        s->offer,       s->handoffs,     s->linked,         s->is_cause, s->wait_p50_ms,
        s->wait_p90_ms, s->waits,        s->rank_by,        s->rank_from_at, s->rank_behind_ms};
    uint64_t h = number(number(1, s->ticket), s->ticket_seq);

    h = hash_bytes(h, numbers, sizeof numbers);
    h = words(words(words(h, s->requester), s->holder), s->kept_for);
    h = words(words(words(h, s->symptom), s->ref), s->offered_to);
    h = number(number(h, s->cause), s->follows);
    h = words(h, usher_queue_name(s->queue));
    h = text(text(h, &s->last_word), &s->question);
    for (int i = 0; i < 4; i++)
        h = hash_promise(h, &s->promises[i]);
    return h | 1;
}

uint64_t ledger_event(const usher_event *e)
{
    const int64_t numbers[] = {e->at,    e->seen_at, e->until_at, e->due_at,        e->kind,
                               e->state, e->how,     e->promise,  e->level,         e->priority,
                               e->n,     e->kept,    e->lapsed,   e->policy_version,
                               e->took_ms, e->word_ms, e->held_ms, e->notify_at};
    uint64_t h = number(number(number(1, e->seq), e->ticket), e->ticket_seq);

    h = hash_bytes(number(h, e->other), numbers, sizeof numbers);
    h = words(h, e->queue == NULL ? NULL : usher_queue_name(e->queue));
    h = words(words(words(h, e->who), e->to), e->rule);
    return text(h, &e->text) | 1;
}

/* ---- the whole service ----------------------------------------------------------------------- */

static void look_at_tickets(usher_t *u, uint32_t ids, struct cut *out)
{
    out->tickets_n = ids + LEDGER_MARGIN + 1;
    out->tickets = must(calloc(out->tickets_n, sizeof *out->tickets));
    out->tokens = must(calloc(out->tickets_n, sizeof *out->tokens));
    for (uint32_t id = 1; id < out->tickets_n; id++) {
        usher_standing s = USHER_INIT(usher_standing);

        if (usher_peek(u, id, &s) != USHER_OK)
            continue;
        out->tickets[id] = hash_standing(&s);
        out->tokens[id] = usher__service_token(u, id);
    }
}

static uint64_t hash_counts(usher_t *u)
{
    uint64_t h = 1, by_state[USHER_STATES];
    usher_queue_t *q;

    for (uint32_t handle = 1; (q = usher__engine_queue_at(u->engine, handle)) != NULL; handle++) {
        h = words(h, usher_queue_name(q));
        if (usher_counts(q, by_state) == USHER_OK)
            h = hash_bytes(h, by_state, sizeof by_state);
    }
    return h;
}

static void look(usher_t *u, uint32_t ids, struct cut *out)
{
    *out = (struct cut){.seq = usher__engine_log(u->engine)->seq,
                        .now = usher__engine_now(u->engine),
                        .counts = hash_counts(u)};
    if (usher__engine_digest(u->engine, &out->digest) != 0)
        must(NULL);
    look_at_tickets(u, ids, out);
}

static void cut_free(struct cut *cut)
{
    free(cut->tickets);
    free(cut->tokens);
}

void ledger_free(struct ledger *l)
{
    for (size_t i = 0; i < l->cuts_n; i++)
        cut_free(&l->cuts[i]);
    free(l->cuts);
    free(l->told);
    free(l->bodies);
    free(l->purged);
    *l = (struct ledger){0};
}

void ledger_cut(struct ledger *l, usher_t *u)
{
    usher_standing s = USHER_INIT(usher_standing);

    while (usher_peek(u, l->ids + 1, &s) == USHER_OK)
        l->ids++;
    if (l->cuts_n == l->cuts_room) {
        l->cuts_room = 2 * l->cuts_room + 64;
        l->cuts = must(realloc(l->cuts, l->cuts_room * sizeof *l->cuts));
    }
    look(u, l->ids, &l->cuts[l->cuts_n++]);
}

uint32_t ledger_ids(const struct ledger *l, size_t cut)
{
    const uint64_t *tickets = l->cuts[cut].tickets;
    uint32_t id = l->cuts[cut].tickets_n - 1;

    while (id > 0 && tickets[id] == 0)
        id--;
    return id;
}

void ledger_uncut(struct ledger *l, size_t n)
{
    while (l->cuts_n > n)
        cut_free(&l->cuts[--l->cuts_n]);
    l->ids = l->cuts[n - 1].tickets_n - LEDGER_MARGIN - 1;
}

static uint64_t ticket_of(const struct cut *cut, uint32_t id)
{
    return id < cut->tickets_n ? cut->tickets[id] : 0;
}

void ledger_purged(struct ledger *l, size_t from)
{
    const struct cut *last = &l->cuts[l->cuts_n - 1];

    free(l->purged);
    l->purged_n = l->ids + 1;
    l->purged = must(calloc(l->purged_n, 1));
    l->purge_from = from;
    for (uint32_t id = 1; id <= l->ids; id++)
        l->purged[id] = ticket_of(&l->cuts[from], id) != 0 && ticket_of(last, id) == 0;
}

size_t ledger_token(const struct ledger *l, usher_id ticket, uint64_t token)
{
    for (size_t i = 0; i < l->cuts_n; i++) {
        if (ticket < l->cuts[i].tickets_n && l->cuts[i].tokens[ticket] >= token)
            return i;
    }
    return 0;
}

void ledger_told(struct ledger *l, const usher_event *e)
{
    size_t old = l->told_room;

    if (e->seq >= old) {
        l->told_room = 2 * (size_t)e->seq + 64;
        l->told = must(realloc(l->told, l->told_room * sizeof *l->told));
        memset(&l->told[old], 0, (l->told_room - old) * sizeof *l->told);
    }
    l->told[e->seq] = (struct told){ledger_event(e), e->ticket};
}

static bool is_purged(const struct ledger *l, usher_id id)
{
    return id < l->purged_n && l->purged[id];
}

bool ledger_may_lose(const struct ledger *l, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from + 1; seq <= to; seq++) {
        usher_id ticket = seq < l->told_room ? l->told[seq].ticket : 0;

        if (ticket == 0 || !is_purged(l, ticket))
            return false;
    }
    return true;
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static void on_body(usher_t *u, int status, const usher_page *page, void *user)
{
    (void)u;
    *(uint64_t *)user = status == USHER_OK ? text(1, &page->text) | 1 : 0;
}

static uint64_t *read_bodies(const struct ledger *l, usher_t *u)
{
    uint64_t *out = must(calloc(l->ids + 1, sizeof *out));

    for (uint32_t id = 1; id <= l->ids; id++) {
        usher_query q = USHER_INIT(usher_query);

        q.what = USHER_READ_BODY;
        q.ticket = id;
        if (usher_read(u, &q, on_body, &out[id]) != USHER_OK)
            must(NULL);
    }
    if (usher_advance(u, usher__clock_read(&u->clock).wall) != USHER_OK)
        must(NULL);
    return out;
}

void ledger_bodies(struct ledger *l, usher_t *u)
{
    free(l->bodies);
    l->bodies = read_bodies(l, u);
    l->bodies_n = l->ids + 1;
}

usher_id ledger_bodies_differ(const struct ledger *l, usher_t *u, uint32_t ids)
{
    uint64_t *now = read_bodies(l, u);
    usher_id wrong = 0;

    for (uint32_t id = 1; id < l->bodies_n && id <= ids && wrong == 0; id++) {
        usher_standing s = USHER_INIT(usher_standing);

        if (now[id] == 0 ? usher_peek(u, id, &s) == USHER_OK
                         : l->bodies[id] != 0 && now[id] != l->bodies[id])
            wrong = id;
    }
    free(now);
    return wrong;
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* 0: as the cut; 1: but for tickets that are being purged; -1: not, because of this ticket. */
static int compare(const struct ledger *l, size_t i, const struct cut *now, uint32_t *ticket)
{
    const struct cut *cut = &l->cuts[i];
    bool purging = l->purged != NULL && i >= l->purge_from;
    int r = 0;

    for (uint32_t id = 1; id < now->tickets_n; id++) {
        if (ticket_of(now, id) == ticket_of(cut, id))
            continue;
        *ticket = id;
        if (!purging || !is_purged(l, id) ||
            (ticket_of(now, id) != 0 &&
             ticket_of(now, id) != ticket_of(&l->cuts[l->purge_from], id)))
            return -1;
        r = 1;
    }
    return r;
}

void ledger_match(const struct ledger *l, usher_t *u, struct match *out)
{
    struct cut now;
    uint32_t ticket = 0;

    *out = (struct match){.first = -1, .last = -1};
    look(u, l->ids, &now);
    out->digest = now.digest;
    (void)snprintf(out->why, sizeof out->why, "no cut ends with event %llu",
                   (unsigned long long)now.seq);
    for (size_t i = l->cuts_n; i-- > 0;) {
        const struct cut *cut = &l->cuts[i];
        int r;

        if (cut->seq != now.seq)
            continue;
        r = compare(l, i, &now, &ticket);
        if (r == 0 && (cut->digest != now.digest || cut->counts != now.counts)) {
            (void)snprintf(out->why, sizeof out->why,
                           "event %llu: the tickets are those of cut %zu, the %s not",
                           (unsigned long long)now.seq, i,
                           cut->digest != now.digest ? "digest is" : "counts are");
        } else if (r < 0) {
            (void)snprintf(out->why, sizeof out->why, "event %llu: ticket %u is not as in cut %zu",
                           (unsigned long long)now.seq, ticket, i);
        } else {
            out->last = out->last < 0 ? (int64_t)i : out->last;
            out->first = (int64_t)i;
        }
    }
    cut_free(&now);
}
