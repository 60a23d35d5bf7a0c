/* usher list: tickets, one on a line. */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "screen.h"
#include "store.h"

enum { SHOWN = 50, PAGE = USHER_ROWS_MAX };
#define OPEN_STATES                                                                                \
    (1u << USHER_SCHEDULED | 1u << USHER_WAITING | 1u << USHER_CLAIMED | 1u << USHER_OFFERED |     \
     1u << USHER_PAUSED | 1u << USHER_STUCK | 1u << USHER_RESOLVED)

struct listing {
    const struct store *store;
    struct table table;
    json_t *tickets; /* NULL: for people */
    uint32_t limit, n;
    bool more;
};

static void add_row(struct listing *l, const usher_standing *s)
{
    char buf[WORDS_MAX];
    int64_t now = l->store->now;
    struct table *t = &l->table;
    snprintf(buf, sizeof buf, "%llu", (unsigned long long)s->ticket);
    table_cell(t, buf);
    cell_painted(t, usher_name(USHER_NAME_STATE, s->state), paint_state(s->state));
    table_cell(t, words_when(buf, s->state_at, now));
    table_cell(t, usher_queue_name(s->queue));
    table_cell(t, usher_name(USHER_NAME_PRIORITY, s->priority));
    table_cell(t, words_when(buf, s->enqueued_at, now));
    table_cell(t, s->requester);
    table_cell(t, s->holder ? s->holder : "-");
    if (s->state == USHER_SCHEDULED && s->until_at != 0) {
        char starts[2 * WORDS_MAX];
        snprintf(starts, sizeof starts, "starts %s", words_when(buf, s->until_at, now));
        table_cell(t, starts);
    } else {
        cell_painted(t, due_words(buf, s->due_at, now), paint_due(s->due_at, now));
    }
    table_cell(t, s->ref ? s->ref : "");
}

static int on_page(const usher_page *p, void *user)
{
    struct listing *l = user;
    for (uint64_t i = 0; i < p->n; i++) {
        if (l->n == l->limit) {
            l->more = true;
            return 1;
        }
        l->n++;
        if (l->tickets)
            json_array_append_new(l->tickets, json_standing(&p->tickets[i]));
        else
            add_row(l, &p->tickets[i]);
    }
    return 0;
}

static void print_table(struct listing *l, bool open_only)
{
    char n[WORDS_MAX];
    if (l->n > 0)
        table_end(&l->table, stdout, 0);
    else
        printf("no such tickets%s\n",
               open_only ? "; --state all shows those that are closed too" : "");
    if (l->more)
        printf("\nthese are the first %s; --limit N shows more, --limit all shows all\n",
               words_count(n, l->n));
}

static void set_columns(struct table *t)
{
    table_begin(t);
    table_right(t, "ticket");
    table_left(t, "state", 0);
    table_left(t, "since", 0);
    table_left(t, "queue", 20);
    table_left(t, "priority", 0);
    table_left(t, "opened", 0);
    table_left(t, "requester", 24);
    table_left(t, "holder", 16);
    table_left(t, "due", 0);
    table_left(t, "ref", 20);
}

int command_list(const struct line *l)
{
    struct store s;
    struct listing out = {.store = &s, .limit = l->limit ? l->limit : SHOWN};
    usher_query q = USHER_INIT(usher_query);
    if (store_open(&s, l->path, false) != CODE_OK)
        return CODE_PROBLEM;
    q.what = USHER_READ_TICKETS;
    q.limit = out.limit < PAGE ? out.limit + 1 : PAGE;
    q.states = l->all_states ? 0 : l->states ? l->states : OPEN_STATES;
    q.requester = l->requester;
    q.agent = l->agent;
    set_columns(&out.table);
    if (l->json)
        out.tickets = json_array();
    int r = l->queue ? usher_queue(s.u, &q.queue, l->queue) : USHER_OK;
    if (r == USHER_OK)
        r = store_read(&s, &q, on_page, &out);
    if (r == 1)
        r = USHER_OK;
    if (r != USHER_OK)
        r = store_fail(&s, "the tickets cannot be read", r);
    else if (l->json)
        r = json_print(json_pack("{s:O, s:b}", "tickets", out.tickets, "more", out.more));
    else
        print_table(&out, q.states == OPEN_STATES);
    table_drop(&out.table);
    json_decref(out.tickets);
    store_close(&s);
    return r;
}
