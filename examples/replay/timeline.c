/* From rows to actions: a small machine for each ticket walks along its rows in the order of time.
 */
#include "timeline.h"

#include <stdbool.h>
#include <stdlib.h>
#include <usher/usher.h>

#include "array.h"

enum stand { STAND_NONE, STAND_WAITING, STAND_WORK, STAND_PAUSED, STAND_RESOLVED, STAND_ENDED };

struct cursor { /* where one ticket stands in the log */
    enum stand stand;
    int on;               /* STAND_PAUSED: USHER_ON_* */
    uint32_t state;       /* STAND_PAUSED: the name of the state that paused it */
    uint32_t agent;       /* who has it in STAND_WORK and STAND_PAUSED; 0: somebody of the queue */
    uint32_t queue;       /* as the log has it */
    uint32_t placed;      /* as the service has it */
    uint32_t named_queue; /* of the row before; 0: it named none */
    uint32_t cause;       /* the last that was named */
    uint32_t order;       /* of the last row in the file */
    int64_t at;           /* of the row before */
    int32_t priority;
    bool withdrawn;
};

struct walk {
    struct timeline *t;
    const struct log *log;
    struct assumed *assumed;
    struct cursor *cursors;
    const struct row *row; /* the one that is read */
    int said;              /* actions that it caused */
    bool moved;            /* one of them was a move */
};

#define COUNT(w, name) ((w)->assumed->n[ASSUMED_##name]++)

/* ---- the order of rows ----------------------------------------------------------------------- */

struct place {
    int64_t at;
    uint32_t order;
    uint32_t row;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Whether more rows of the same ticket step back in time than forward. */
static bool is_newest_first(const struct log *l)
{
    int64_t *last = array_new((size_t)l->tickets.n + 1, sizeof *last);
    size_t forward = 0;
    size_t back = 0;
    for (size_t i = 0; i < l->rows_n; i++) {
        const struct row *r = &l->rows[i];
        forward += last[r->ticket] > 0 && r->at > last[r->ticket];
        back += last[r->ticket] > 0 && r->at < last[r->ticket];
        last[r->ticket] = r->at;
    }
    free(last);
    return back > forward;
}

static struct place *order_rows(const struct log *l, struct assumed *assumed)
{
    struct place *places = array_new(l->rows_n, sizeof *places);
    bool reverse = is_newest_first(l);
    uint32_t n = (uint32_t)l->rows_n;
    for (uint32_t i = 0; i < n; i++)
        places[i] = (struct place){l->rows[i].at, reverse ? n - 1 - i : i, i};
    if (reverse)
        assumed->n[ASSUMED_newest_first] = n;
    qsort(places, n, sizeof *places, compare_places);
    return places;
}

/* ---- what a ticket is enqueued with ---------------------------------------------------------- */

static void first_of(uint32_t *kept, uint32_t named)
{
    if (*kept == 0)
        *kept = named;
}

static void read_stories(struct walk *w, const struct place *places)
{
    const struct log *l = w->log;
    uint32_t n = l->tickets.n;
    bool *queue_later = array_new((size_t)n + 1, sizeof *queue_later);
    bool *symptoms = array_new((size_t)n + 1, sizeof *symptoms);
    bool *requesters = array_new((size_t)n + 1, sizeof *requesters);
    for (uint32_t k = 1; k <= n; k++)
        w->t->stories[k] = (struct story){.opened_at = -1, .first_at = -1, .ended_at = -1};
    for (size_t i = 0; i < l->rows_n; i++) {
        const struct row *r = &l->rows[places[i].row];
        struct story *s = &w->t->stories[r->ticket];
        if (s->first_at < 0) {
            s->first_at = r->at;
            queue_later[r->ticket] = r->queue == 0;
        }
        if (s->opened_at < 0)
            s->opened_at = r->opened_at;
        symptoms[r->ticket] |= s->symptom != 0 && r->symptom != 0 && r->symptom != s->symptom;
        requesters[r->ticket] |=
            s->requester != 0 && r->requester != 0 && r->requester != s->requester;
        first_of(&s->requester, r->requester);
        first_of(&s->queue, r->queue);
        first_of(&s->symptom, r->symptom);
        first_of(&s->channel, r->channel);
        if (s->priority == 0)
            s->priority = r->priority;
    }
    for (uint32_t k = 1; k <= n; k++) {
        struct story *s = &w->t->stories[k];
        w->assumed->n[ASSUMED_opened_missing] += s->opened_at < 0;
        w->assumed->n[ASSUMED_updated_before_opened] += s->opened_at > s->first_at;
        if (s->opened_at < 0 || s->opened_at > s->first_at)
            s->opened_at = s->first_at;
        w->assumed->n[ASSUMED_requester_missing] += s->requester == 0;
        w->assumed->n[ASSUMED_requester_changed] += requesters[k];
        w->assumed->n[ASSUMED_queue_missing] += s->queue == 0;
        w->assumed->n[ASSUMED_queue_from_later_row] += s->queue != 0 && queue_later[k];
        w->assumed->n[ASSUMED_priority_missing] += s->priority == 0;
        w->assumed->n[ASSUMED_symptom_changed] += symptoms[k];
        if (s->priority == 0)
            s->priority = USHER_NORMAL;
    }
    free(queue_later);
    free(symptoms);
    free(requesters);
}

/* ---- rows to actions ------------------------------------------------------------------------- */

static void add_at(struct walk *w, int64_t at, enum deed deed, uint32_t what, int how)
{
    struct timeline *t = w->t;
    t->actions = array_room(t->actions, &t->actions_cap, t->actions_n + 1, sizeof *t->actions);
    t->actions[t->actions_n] = (struct action){.at = at,
                                               .order = (uint32_t)t->actions_n,
                                               .line = w->row->line,
                                               .ticket = w->row->ticket,
                                               .what = what,
                                               .how = how,
                                               .deed = deed};
    t->actions_n++;
    w->said++;
}

static void add(struct walk *w, enum deed deed, uint32_t what, int how)
{
    add_at(w, w->row->at, deed, what, how);
}

/* The agent whom the row names takes the ticket; none named: whoever has it, or somebody of the
 * queue. */
static void take(struct walk *w, struct cursor *c)
{
    uint32_t agent = w->row->agent;
    if (agent == 0 && !w->moved)
        agent = c->agent;
    bool changes = c->stand != STAND_WORK || agent != c->agent || (agent == 0 && w->moved);
    if (changes && agent == 0)
        COUNT(w, stand_in_agent);
    if (changes)
        add(w, DEED_CLAIM, agent, 0);
    c->stand = STAND_WORK;
    c->agent = agent;
}

static void follow_pause(struct walk *w, struct cursor *c)
{
    int on = w->row->saying.on;
    if (c->stand == STAND_PAUSED && c->state == w->row->state) {
        if (w->row->agent != 0 && w->row->agent != c->agent) {
            COUNT(w, agent_changed_while_paused);
            c->agent = w->row->agent;
        }
        return;
    }
    bool was_paused = c->stand == STAND_PAUSED;
    int before = c->on;
    if (!was_paused) {
        if (c->stand == STAND_WAITING)
            COUNT(w, claimed_after_the_fact);
        bool first = c->stand == STAND_WAITING;
        take(w, c);
        /* A question to the requester is a word in itself; one to somebody else is not. */
        if (first && on != USHER_ON_REQUESTER) {
            COUNT(w, acknowledged_at_claim);
            add(w, DEED_ACKNOWLEDGE, 0, 0);
        }
    }
    add(w, DEED_PAUSE, w->row->state, on);
    w->t->pauses++;
    if (was_paused && before != on)
        add(w, DEED_RESUME, 0, before);
    c->stand = STAND_PAUSED;
    c->on = on;
    c->state = w->row->state;
}

static void follow_resolve(struct walk *w, struct cursor *c)
{
    if (c->stand == STAND_WAITING)
        COUNT(w, claimed_after_the_fact);
    bool other = w->row->agent != 0 && w->row->agent != c->agent;
    if (c->stand != STAND_PAUSED || other)
        take(w, c);
    add(w, DEED_RESOLVE, 0, 0);
    c->stand = STAND_RESOLVED;
}

static void line_up(struct walk *w, struct cursor *c)
{
    if (c->stand == STAND_PAUSED)
        add(w, DEED_RESUME, 0, 0);
    else if (c->stand == STAND_WORK)
        add(w, DEED_RELEASE, 0, 0);
    c->stand = STAND_WAITING;
    c->agent = 0;
}

static void end(struct walk *w, struct cursor *c, enum deed deed)
{
    add(w, deed, 0, 0);
    w->t->stories[w->row->ticket].ended_at = w->row->at;
    c->stand = STAND_ENDED;
    c->withdrawn = deed == DEED_WITHDRAW;
}

/* What the state says, once priority and queue have been seen to. */
static void follow_state(struct walk *w, struct cursor *c)
{
    bool held = c->stand == STAND_WORK || c->stand == STAND_PAUSED;
    enum stand before = c->stand;
    switch (w->row->saying.means) {
    case MEANS_ENQUEUE:
    case MEANS_REOPEN:
        if (held)
            line_up(w, c);
        break;
    case MEANS_CLAIM:
        take(w, c);
        if (before == STAND_WAITING) {
            COUNT(w, acknowledged_at_claim);
            add(w, DEED_ACKNOWLEDGE, 0, 0);
        }
        break;
    case MEANS_PAUSE:
        follow_pause(w, c);
        break;
    case MEANS_RESOLVE:
        if (before != STAND_RESOLVED)
            follow_resolve(w, c);
        break;
    case MEANS_CONFIRM:
        if (before != STAND_RESOLVED) {
            COUNT(w, closed_without_resolve);
            follow_resolve(w, c);
        }
        end(w, c, DEED_CONFIRM);
        break;
    case MEANS_WITHDRAW:
        end(w, c, DEED_WITHDRAW);
        break;
    case MEANS_ACKNOWLEDGE:
        if (before == STAND_WAITING)
            take(w, c);
        if (before != STAND_RESOLVED)
            add(w, before == STAND_PAUSED ? DEED_WORD : DEED_ACKNOWLEDGE, 0, 0);
        break;
    case MEANS_ASK:
        add(w, DEED_ASK, 0, 0);
        break;
    case MEANS_REPLY:
        /* To a resolved ticket it is a "thanks!": the log would have opened it again otherwise. */
        add(w, DEED_REPLY, 0, before == STAND_RESOLVED ? USHER_COURTESY : 0);
        if (before == STAND_PAUSED && c->on == USHER_ON_REQUESTER)
            c->stand = STAND_WAITING;
        break;
    case MEANS_ESCALATE:
        add(w, before == STAND_RESOLVED ? DEED_NOTE : DEED_ESCALATE, 0, 0);
        break;
    case MEANS_UPDATE:
    case MEANS_NOTE:
    case MEANS_NOTHING:
        break;
    }
    if (w->said > 0)
        return;
    /* Nothing has come of the row yet: something was written, but what? */
    bool word = held && w->row->saying.means != MEANS_NOTE && w->row->saying.means != MEANS_NOTHING;
    if (w->row->saying.means != MEANS_UPDATE && w->row->saying.means != MEANS_NOTE) {
        if (word)
            COUNT(w, row_as_word);
        else
            COUNT(w, row_as_note);
    }
    add(w, word ? DEED_WORD : DEED_NOTE, 0, 0);
}

/* Another queue: passed on by whoever has it, or by somebody of the queue that it waited in. A row that
 * has it in work says that it was accepted too. A pause goes with the ticket; whoever asked the question
 * stays behind unless he is named again. */
static void move(struct walk *w, struct cursor *c, int how)
{
    bool in_work = c->stand == STAND_WORK;
    bool hands_off = how != MOVE_CATCH_UP && c->stand != STAND_PAUSED;
    enum meaning means = w->row->saying.means;
    if (hands_off && !in_work)
        COUNT(w, handed_off_from_the_line);
    add(w, hands_off ? DEED_HAND_OFF : DEED_MOVE, c->queue, how);
    c->placed = c->queue;
    w->moved = true;
    if (c->stand == STAND_PAUSED && w->row->agent == 0)
        c->agent = 0;
    if (!in_work)
        return;
    c->stand = STAND_WAITING;
    if (means == MEANS_ENQUEUE || means == MEANS_REOPEN || means == MEANS_WITHDRAW) {
        c->agent = 0;
        return;
    }
    take(w, c);
    w->moved = false;
}

static void follow_queue(struct walk *w, struct cursor *c)
{
    const struct row *r = w->row;
    bool resolved = c->stand == STAND_RESOLVED;
    if (r->queue == 0 && w->log->queues.n > 0)
        COUNT(w, row_names_no_queue);
    if (r->queue != 0 && r->queue != c->queue) {
        bool plain = c->named_queue != 0;
        w->t->moves += plain;
        if (!plain)
            COUNT(w, moved_across_unknown);
        c->queue = r->queue;
        if (resolved && plain)
            COUNT(w, moved_after_resolve);
        if (resolved)
            add(w, plain ? DEED_MOVE : DEED_NOTE, c->queue, MOVE_AFTER_RESOLVE);
        else
            move(w, c, plain ? MOVE_PLAIN : MOVE_ACROSS);
    }
    if (!resolved && c->placed != c->queue)
        move(w, c, MOVE_CATCH_UP);
    c->named_queue = r->queue;
}

static void follow_priority(struct walk *w, struct cursor *c)
{
    const struct row *r = w->row;
    if (r->priority == 0 || r->priority == c->priority)
        return;
    if (c->stand == STAND_RESOLVED) {
        COUNT(w, changed_after_resolve);
        add(w, DEED_NOTE, 0, 0);
        return;
    }
    c->priority = r->priority;
    add(w, DEED_PRIORITY, 0, r->priority);
}

static void follow_cause(struct walk *w, struct cursor *c)
{
    uint32_t cause = w->row->cause;
    if (cause == 0 || cause == c->cause)
        return;
    if (c->cause != 0)
        COUNT(w, cause_changed);
    add(w, DEED_LINK, cause, 0);
    w->t->links++;
    c->cause = cause;
}

static void open_ticket(struct walk *w, struct cursor *c)
{
    const struct story *s = &w->t->stories[w->row->ticket];
    add_at(w, s->opened_at, DEED_OPEN, 0, 0);
    /* A row at the opening that says no more than that is the opening itself. */
    if (s->opened_at != w->row->at || w->row->saying.means != MEANS_ENQUEUE)
        w->said = 0;
    c->stand = STAND_WAITING;
    c->queue = c->placed = s->queue;
    c->priority = s->priority;
    switch (w->row->saying.means) {
    case MEANS_CLAIM:
        COUNT(w, first_seen_claimed);
        break;
    case MEANS_PAUSE:
        COUNT(w, first_seen_paused);
        break;
    case MEANS_RESOLVE:
    case MEANS_CONFIRM:
        COUNT(w, first_seen_resolved);
        break;
    default:
        break;
    }
}

/* Resolved or closed: does the row open the ticket again? */
static bool goes_on(struct walk *w, struct cursor *c, bool displaced)
{
    enum meaning m = w->row->saying.means;
    bool again = m == MEANS_CLAIM || m == MEANS_PAUSE || m == MEANS_REOPEN || m == MEANS_ENQUEUE;
    if (!again || c->withdrawn)
        return false;
    if (m == MEANS_ENQUEUE && displaced) {
        COUNT(w, late_record);
        return false;
    }
    return true;
}

static void follow_row(struct walk *w, struct cursor *c, bool displaced)
{
    w->said = 0;
    w->moved = false;
    if (c->stand == STAND_NONE)
        open_ticket(w, c);
    else if (c->at == w->row->at)
        COUNT(w, same_instant);
    if (c->stand == STAND_RESOLVED || c->stand == STAND_ENDED) {
        if (goes_on(w, c, displaced)) {
            add(w, DEED_REOPEN, 0, 0);
            w->t->reopens++;
            w->t->stories[w->row->ticket].ended_at = -1;
            c->stand = STAND_WAITING;
            c->agent = 0;
        } else if (c->stand == STAND_ENDED) {
            COUNT(w, row_after_close);
            return;
        } else if (w->row->agent != 0 && w->row->agent != c->agent) {
            COUNT(w, changed_after_resolve);
            c->agent = w->row->agent;
        }
    }
    follow_priority(w, c);
    follow_queue(w, c);
    follow_cause(w, c);
    follow_state(w, c);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int compare_actions(const void *a, const void *b)
{
    const struct action *x = a;
    const struct action *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void confirm_the_rest(struct walk *w)
{
    struct row last = {.at = w->t->to_at};
    w->row = &last;
    for (uint32_t k = 1; k <= w->log->tickets.n; k++) {
        if (w->cursors[k].stand != STAND_RESOLVED)
            continue;
        last.ticket = k;
        COUNT(w, confirmed_at_end);
        end(w, &w->cursors[k], DEED_CONFIRM);
        w->t->actions[w->t->actions_n - 1].how = 1;
    }
    w->row = NULL;
}

void timeline_build(struct timeline *t, const struct log *l, struct assumed *assumed)
{
    *t = (struct timeline){.stories = array_new((size_t)l->tickets.n + 1, sizeof *t->stories)};
    struct walk w = {.t = t, .log = l, .assumed = assumed};
    struct place *places = order_rows(l, assumed);
    w.cursors = array_new((size_t)l->tickets.n + 1, sizeof *w.cursors);
    read_stories(&w, places);
    for (size_t i = 0; i < l->rows_n; i++) {
        w.row = &l->rows[places[i].row];
        struct cursor *c = &w.cursors[w.row->ticket];
        bool displaced = c->stand != STAND_NONE && places[i].order < c->order;
        assumed->n[ASSUMED_out_of_order] += displaced;
        follow_row(&w, c, displaced);
        c->at = w.row->at;
        if (!displaced)
            c->order = places[i].order;
    }
    t->to_at = l->rows[places[l->rows_n - 1].row].at;
    confirm_the_rest(&w);
    qsort(t->actions, t->actions_n, sizeof *t->actions, compare_actions);
    t->from_at = t->actions[0].at;
    free(w.cursors);
    free(places);
}

void timeline_free(struct timeline *t)
{
    free(t->actions);
    free(t->stories);
    *t = (struct timeline){0};
}
