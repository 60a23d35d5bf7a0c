/* What the store is asked besides saving. See keep.h.
 *
 * An errand carries everything that its callback will need, so that nothing can fail when the answer
 * comes. One for a command holds that command's place among the completions: whatever was accepted
 * after it is told after it. */
#include <stdio.h>
#include <string.h>

#include "local/changes.h"
#include "local/upkeep.h"
#include "loop/completion.h"
#include "loop/follow.h"
#include "loop/keep.h"
#include "loop/service.h"
#include "store/store.h"

enum { ERRAND_PAGE = 1, ERRAND_ACT, ERRAND_PURGE, ERRAND_FOLLOW, ERRAND_BACKUP };

struct errand {
    struct errand *next;
    struct errand *next_act;
    struct job job;
    int kind;
    bool takes_in;   /* PAGE, ACT: has been asked, and counts in keeping.taking */
    bool untold;     /* PAGE: has been answered, and counts in keeping.untold */
    uint64_t record; /* ACT: the number of its completion */
    union {
        usher_page_cb page;
        usher_done_cb done;
    } cb;
    void *user;
    struct question *question; /* PAGE */
    struct follower *follower; /* FOLLOW */
    usher_command command;     /* ACT */
    struct asked asked;
    char strings[];
};

/* ---- the list -------------------------------------------------------------------------------- */

static struct errand *new_errand(usher_t *u, int kind, size_t strings)
{
    struct errand *errand = usher__zalloc(&u->memory, sizeof *errand + strings);

    if (errand == NULL)
        return NULL;
    errand->kind = kind;
    errand->job.user = errand;
    usher__batch_init(&errand->job.rows, &u->memory);
    return errand;
}

static void wait_for_cut(usher_t *u, struct errand *errand)
{
    struct keeping *k = &u->keeping;

    errand->next = NULL;
    if (k->waiting_last != NULL)
        k->waiting_last->next = errand;
    else
        k->waiting = errand;
    k->waiting_last = errand;
}

static void add(usher_t *u, struct errand *errand)
{
    u->keeping.errands_n++;
    wait_for_cut(u, errand);
}

/* The one after `before`; NULL: the first. */
static struct errand *unlink_after(struct keeping *k, struct errand *before)
{
    struct errand **link = before == NULL ? &k->waiting : &before->next, *errand = *link;

    *link = errand->next;
    if (k->waiting_last == errand)
        k->waiting_last = before;
    return errand;
}

static void free_errand(usher_t *u, struct errand *errand)
{
    u->keeping.taking -= errand->takes_in;
    u->keeping.untold -= errand->untold;
    usher__batch_free(&errand->job.rows);
    if (errand->question != NULL)
        usher__question_free(u, errand->question);
    usher__free(&u->memory, errand);
}

/* What is being purged is not taken in again meanwhile; and what is being taken in may be opened again, so
 * that it is not to be purged. Behind one that waits so, subscribers go on. And commands pass a purge that waits
 * for a page to be told: it may be told after them only. Without such a page they do not, or it might wait for ever. */
static bool may_go(const struct keeping *k, const struct errand *errand, bool behind)
{
    if (behind)
        return errand->kind == ERRAND_FOLLOW ||
               (errand->kind == ERRAND_ACT && !k->purging && k->untold > 0);
    return errand->kind > ERRAND_PURGE ||
           (!k->purging && (errand->kind != ERRAND_PURGE || k->taking == 0));
}

/* The next one that may go, and which one it comes after. */
static struct errand *next_to_go(const struct keeping *k, struct errand **before)
{
    struct errand *errand = k->waiting;

    *before = NULL;
    while (errand != NULL && !may_go(k, errand, *before != NULL)) {
        *before = errand;
        errand = errand->next;
    }
    return errand;
}

bool usher__errand_may_go(const usher_t *u)
{
    struct errand *before;

    return next_to_go(&u->keeping, &before) != NULL;
}

static void ask(usher_t *u, struct errand *errand)
{
    struct keeping *k = &u->keeping;

    errand->takes_in = errand->kind < ERRAND_PURGE;
    k->taking += errand->takes_in;
    if (errand->kind == ERRAND_PURGE) {
        k->purging = true;
        errand->job.from = usher__engine_log(u->engine)->seq;
        (void)usher__engine_purge(u->engine, &errand->job.filter);
    }
    usher__store_ask(k->store, &errand->job);
}

void usher__errand_ask_all(usher_t *u)
{
    struct errand *before;

    while (next_to_go(&u->keeping, &before) != NULL)
        ask(u, unlink_after(&u->keeping, before));
}

void usher__errand_fail(usher_t *u, int status)
{
    struct errand *errand = unlink_after(&u->keeping, NULL);

    errand->job.status = status;
    usher__errand_done(u, errand);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static bool wants_closed(const usher_query *q)
{
    const uint32_t closed = 1u << USHER_CLOSED | 1u << USHER_WITHDRAWN;

    return q->agent == NULL && (q->states == 0 || (q->states & closed) != 0);
}

bool usher__errand_wants_page(const usher_t *u, const usher_query *q)
{
    if (u->keeping.store == NULL)
        return false;
    if (q->what == USHER_READ_TICKETS)
        return wants_closed(q);
    if (q->what >= USHER_READ_WHAT_IF)
        return false;
    return q->what == USHER_READ_HISTORY || usher__engine_misses(u->engine, q->ticket);
}

static void ask_history(struct errand *errand, uint64_t last_event)
{
    const usher_query *q = &errand->question->query;

    errand->job.kind = JOB_HISTORY;
    errand->job.from = last_event;
    errand->job.after = q->cursor;
    errand->job.limit = q->limit != 0 ? q->limit : 100;
}

int usher__errand_page(usher_t *u, struct question *question, usher_page_cb cb, void *user)
{
    const usher_query *q = &question->query;
    struct errand *errand = new_errand(u, ERRAND_PAGE, 0);
    uint64_t last =
        q->what == USHER_READ_HISTORY ? usher__engine_last_event(u->engine, q->ticket) : 0;

    if (errand == NULL)
        return USHER_ENOMEM;
    errand->question = question;
    errand->cb.page = cb;
    errand->user = user;
    if (q->what == USHER_READ_TICKETS) {
        errand->job.kind = JOB_CLOSED;
        errand->job.from = q->cursor;
        errand->job.limit = q->limit != 0 ? q->limit : 100;
        errand->job.filter = (struct row_filter){.queue = q->queue != NULL ? q->queue->index : 0,
                                                 .states = q->states,
                                                 .requester = q->requester,
                                                 .symptom = q->symptom,
                                                 .linked = q->linked};
    } else if (last != 0) {
        ask_history(errand, last);
    } else {
        errand->job.kind = JOB_TICKET;
        errand->job.from = q->ticket;
    }
    add(u, errand);
    return 0;
}

/* The rows of a job, one of each table; those that are not there stay as they are. */
static void rows_of(const struct batch *rows, const struct row **by_table, struct row *room)
{
    size_t at = 0;
    struct row row;

    while (usher__batch_next(rows, &at, &row)) {
        room[row.table] = row;
        by_table[row.table] = &room[row.table];
    }
}

/* It goes by age, and is in the file for as long as the sweep takes: whoever opened it again would lose it. */
static bool is_too_old(const usher_t *u, const struct row *closed)
{
    return closed->b < u->keeping.retained_at - u->options.retain_ms;
}

static int take_in(usher_t *u, const struct batch *rows)
{
    const struct row *row[ROW_TABLES] = {NULL};
    struct row room[ROW_TABLES];
    const char *why = NULL;

    rows_of(rows, row, room);
    if (row[ROW_CLOSED] == NULL || is_too_old(u, row[ROW_CLOSED]))
        return USHER_ENOENT;
    return usher__engine_take_in(u->engine, row[ROW_CLOSED], row[ROW_BODY], &why);
}

/* Every closed ticket of the page; those that are in memory as they are there. */
static int take_page(usher_t *u, const struct batch *rows)
{
    size_t at = 0;
    struct row row;
    const char *why = NULL;
    int r = 0;

    while (r == 0 && usher__batch_next(rows, &at, &row)) {
        if (!is_too_old(u, &row))
            r = usher__engine_take_in(u->engine, &row, NULL, &why);
    }
    return r;
}

/* What has happened to the ticket since the store was asked is still in memory; if not, it is in the
 * store by now, and there is another page. */
static void add_newest(usher_t *u, const struct errand *errand, usher_page *page)
{
    usher_query q = errand->question->query;
    usher_event *events = errand->question->rows;
    usher_standing s;
    usher_page rest;

    if (page->n > 0)
        q.cursor = events[page->n - 1].ticket_seq;
    q.limit = errand->job.limit - (uint32_t)page->n;
    if (usher__engine_peek(u->engine, q.ticket, &s) != 0 || s.ticket_seq <= q.cursor)
        return;
    page->cursor = q.cursor;
    if (q.limit == 0 || usher__engine_read(u->engine, &q, 0, NULL, events + page->n, &rest) != 0 ||
        rest.n == 0 || rest.events[0].ticket_seq != q.cursor + 1)
        return;
    page->n += rest.n;
    page->cursor = rest.cursor;
}

static void show_history(usher_t *u, const struct errand *errand, usher_page *page)
{
    usher_event *events = errand->question->rows;
    size_t at = 0;
    struct row row;
    uint64_t previous;
    uint32_t queue;

    page->events = events;
    while (page->n < errand->job.limit && usher__batch_next(&errand->job.rows, &at, &row)) {
        if (!usher__row_event(&row, &events[page->n], &previous, &queue))
            continue;
        events[page->n].queue = usher__engine_queue_at(u->engine, queue);
        page->n++;
    }
    if (errand->job.more && page->n > 0)
        page->cursor = events[page->n - 1].ticket_seq;
    else
        add_newest(u, errand, page);
}

static int show_tickets(usher_t *u, const struct errand *errand, usher_page *page)
{
    struct question *question = errand->question;
    int r = take_page(u, &errand->job.rows);

    if (r != 0)
        return r;
    return usher__engine_read(u->engine, &question->query, errand->job.more ? errand->job.n : 0,
                              NULL, question->rows, page);
}

static int show_one(usher_t *u, const struct errand *errand, usher_page *page)
{
    struct question *question = errand->question;
    int r = errand->job.status == 0 ? take_in(u, &errand->job.rows) : errand->job.status;

    return r != 0 && r != USHER_ENOENT
               ? r
               : usher__engine_read(u->engine, &question->query, 0, NULL, question->rows, page);
}

static void tell_page(usher_t *u, struct errand *errand)
{
    usher_page page = {.size = sizeof page};
    struct log *log = usher__engine_log(u->engine);
    int status = errand->job.status;

    usher__engine_hold_closed(u->engine, errand->job.rows.rows + 1);
    usher__log_told(log, 0); /* a page of history may show the log itself */
    u->telling.pinned = true;
    if (errand->job.kind == JOB_TICKET)
        status = show_one(u, errand, &page);
    else if (status == 0 && errand->job.kind == JOB_CLOSED)
        status = show_tickets(u, errand, &page);
    else if (status == 0)
        show_history(u, errand, &page);
    if (status != 0)
        page = (usher_page){.size = sizeof page};
    errand->cb.page(u, status, &page, errand->user);
    u->telling.pinned = false;
    usher__log_told(log, u->telling.place);
    usher__engine_hold_closed(u->engine, 0);
}

void usher__errand_tell(usher_t *u, struct errand *errand)
{
    tell_page(u, errand);
    free_errand(u, errand);
}

/* The closed ticket has been read, and it is its history that is wanted. */
static bool goes_on(usher_t *u, struct errand *errand)
{
    const struct row *row[ROW_TABLES] = {NULL};
    struct row room[ROW_TABLES];
    uint64_t last_event;

    if (errand->job.kind != JOB_TICKET || errand->job.status != 0 ||
        errand->question->query.what != USHER_READ_HISTORY)
        return false;
    rows_of(&errand->job.rows, row, room);
    if (row[ROW_CLOSED] == NULL || is_too_old(u, row[ROW_CLOSED]) ||
        !usher__row_links(row[ROW_CLOSED], &last_event))
        return false;
    usher__batch_clear(&errand->job.rows);
    ask_history(errand, last_event);
    usher__store_ask(u->keeping.store, &errand->job); /* before a purge that waits for this one */
    return true;
}

/* ---- commands on what has left memory -------------------------------------------------------- */

bool usher__errand_wants_act(const usher_t *u, const usher_command *c)
{
    if (u->keeping.store == NULL || usher__engine_knows_op(u->engine, c->op))
        return false;
    for (const struct errand *e = u->keeping.acts; e != NULL; e = e->next_act) {
        if (e->command.claim.ticket == c->claim.ticket)
            return true;
    }
    return usher__engine_misses(u->engine, c->claim.ticket);
}

int usher__errand_act(usher_t *u, const usher_command *c, const struct asked *asked,
                      usher_done_cb cb, void *user)
{
    size_t who = c->who == NULL ? 0 : strlen(c->who) + 1;
    struct errand *errand = new_errand(u, ERRAND_ACT, who + (size_t)c->text.len);

    if (errand == NULL)
        return USHER_ENOMEM;
    errand->command = *c;
    errand->asked = *asked;
    if (who > 0)
        errand->command.who = memcpy(errand->strings, c->who, who);
    if (c->text.len > 0)
        errand->command.text.data =
            memcpy(errand->strings + who, c->text.data, (size_t)c->text.len);
    errand->job.kind = JOB_TICKET;
    errand->job.from = c->claim.ticket;
    errand->record = usher__complete_later(u, asked, cb, user);
    errand->next_act = u->keeping.acts;
    u->keeping.acts = errand;
    add(u, errand);
    return 0;
}

static void do_act(usher_t *u, struct errand *errand)
{
    const usher_command *c = &errand->command;
    struct result res = {.ticket = c->claim.ticket, .verb = c->verb};
    struct errand **link = &u->keeping.acts;
    int r = errand->job.status;

    while (*link != errand)
        link = &(*link)->next_act;
    *link = errand->next_act;
    usher__engine_hold_closed(u->engine, 1);
    if (r == 0)
        r = take_in(u, &errand->job.rows);
    if (r == 0 || r == USHER_ENOENT)
        r = usher__engine_act(u->engine, c, &res);
    if (r != 0)
        res.status = r;
    usher__engine_hold_closed(u->engine, 0);
    usher__complete_now(u, errand->record, &res);
}

/* ---- upkeep ---------------------------------------------------------------------------------- */

int usher__errand_backup(usher_t *u, const char *path, usher_done_cb cb, void *user)
{
    size_t len = strlen(path) + 1;
    struct errand *errand = new_errand(u, ERRAND_BACKUP, len);

    if (errand == NULL)
        return USHER_ENOMEM;
    errand->job.kind = JOB_BACKUP;
    errand->job.path = memcpy(errand->strings, path, len);
    errand->asked.call = "backup";
    errand->cb.done = cb;
    errand->user = user;
    add(u, errand);
    return 0;
}

int usher__errand_purge(usher_t *u, int64_t before_at, const char *requester, usher_done_cb cb,
                        void *user)
{
    size_t len = requester == NULL ? 0 : strlen(requester) + 1;
    struct errand *errand = new_errand(u, ERRAND_PURGE, len);

    if (errand == NULL)
        return USHER_ENOMEM;
    errand->job.kind = JOB_PURGE;
    errand->job.filter.closed_before_at = before_at;
    if (len > 0)
        errand->job.filter.requester = memcpy(errand->strings, requester, len);
    usher__engine_before_purge(u->engine, &errand->job.filter);
    errand->asked.call = "purge";
    errand->cb.done = cb;
    errand->user = user;
    add(u, errand);
    return 0;
}

static void end_purge(usher_t *u, struct errand *errand, struct result *res)
{
    u->keeping.purging = false;
    if (res->status == 0 && errand->job.n > 0 && usher__engine_reserve_event(u->engine) != 0)
        res->status = USHER_EUNKNOWN; /* all of it is gone, but nobody can be told */
    else if (res->status == 0 && errand->job.n > 0)
        usher__engine_purged(u->engine, errand->job.n);
    else if (res->status != 0 && errand->job.begun) /* some of it may be gone */
        res->status = USHER_EUNKNOWN;
    res->seq = usher__engine_log(u->engine)->seq;
}

static void end_upkeep(usher_t *u, struct errand *errand)
{
    struct result res = {.status = errand->job.status, .seq = usher__engine_log(u->engine)->seq};

    if (errand->kind == ERRAND_PURGE)
        end_purge(u, errand, &res);
    errand->asked.n = errand->job.n;
    usher__complete_upkeep(u, &errand->asked, &res, errand->job.why, errand->cb.done, errand->user);
}

/* ---- subscribers ----------------------------------------------------------------------------- */

int usher__errand_follow(usher_t *u, struct follower *f, uint64_t after, uint32_t limit)
{
    struct errand *errand = new_errand(u, ERRAND_FOLLOW, 0);

    if (errand == NULL)
        return USHER_ENOMEM;
    errand->job.kind = JOB_EVENTS;
    errand->job.from = after;
    errand->job.limit = limit;
    errand->follower = f;
    add(u, errand);
    return 0;
}

/* ---- the answer ------------------------------------------------------------------------------ */

void usher__errand_done(usher_t *u, struct errand *errand)
{
    if (errand->kind == ERRAND_PAGE && goes_on(u, errand))
        return;
    u->keeping.errands_n--;
    switch (errand->kind) {
    case ERRAND_PAGE:
        errand->untold = true;
        u->keeping.untold++;
        usher__complete_errand(u, errand);
        return; /* freed when it has been told */
    case ERRAND_ACT:
        do_act(u, errand);
        break;
    case ERRAND_FOLLOW:
        usher__follow_page(u, errand->follower, errand->job.status, &errand->job.rows,
                           errand->job.more);
        break;
    default:
        end_upkeep(u, errand);
        break;
    }
    free_errand(u, errand);
}
