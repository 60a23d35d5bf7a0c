/* usher show: one ticket, as it stands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "command.h"
#include "screen.h"
#include "store.h"

enum { VALUE_MOST = 100 };

struct view {
    const struct line *line;
    const struct store *store;
    char *body, *place; /* one line each, or NULL */
    json_t *body_json;
    bool found;
    int code;
};

/* ---- for people ------------------------------------------------------------------------------ */

static void row(struct table *t, const char *name, const char *value, enum paint p)
{
    table_cell(t, name);
    table_paint(t, paint(FAINT));
    cell_painted(t, value, p);
}

static void instant_row(struct table *t, const char *name, int64_t at, int64_t now)
{
    char buf[INSTANT_MAX];
    row(t, name, instant_words(buf, at, now), PLAIN);
}

static void times_row(struct table *t, const char *name, uint32_t n)
{
    char times[WORDS_MAX];
    snprintf(times, sizeof times, "%u times", (unsigned)n);
    if (n > 0)
        row(t, name, n == 1 ? "once" : times, WARN);
}

static void ticket_row(struct table *t, const char *name, usher_id id)
{
    char number[24];
    snprintf(number, sizeof number, "ticket %llu", (unsigned long long)id);
    if (id != 0)
        row(t, name, number, PLAIN);
}

/* What `until_at` is of, in this state. */
static const char *until_name(const usher_standing *s)
{
    switch (s->state) {
    case USHER_SCHEDULED:
        return "in line";
    case USHER_WAITING:
        return "kept until";
    case USHER_CLAIMED:
        return "lease until";
    case USHER_OFFERED:
        return "to be taken until";
    case USHER_PAUSED:
        return "pause until";
    default:
        return "closes";
    }
}

static void print_head(const struct view *v, const usher_standing *s)
{
    char buf[WORDS_MAX];
    snprintf(buf, sizeof buf, "Ticket %llu", (unsigned long long)s->ticket);
    print_painted(buf, 0, STRONG);
    fputs(" is ", stdout);
    print_painted(usher_name(USHER_NAME_STATE, s->state), 0, paint_state(s->state));
    printf(" since %s", words_when(buf, s->state_at, v->store->now));
    if (s->holder) {
        fputs(", ", stdout);
        text_print(stdout, s->holder, 40);
        fputs(" has it", stdout);
    }
    fputs("\n\n", stdout);
}

static void print_facts(const struct view *v, const usher_standing *s)
{
    struct table t;
    char buf[USHER_NAME_MAX + WORDS_MAX];
    char level[WORDS_MAX] = "";
    int64_t now = v->store->now;
    table_begin(&t);
    table_left(&t, "", 0);
    table_left(&t, "", VALUE_MOST);
    row(&t, "requester", s->requester, PLAIN);
    if (s->persons > 1) {
        snprintf(buf, sizeof buf, "%u persons wait for it", (unsigned)s->persons);
        row(&t, "", buf, PLAIN);
    }
    if (s->level > 0)
        snprintf(level, sizeof level, ", level %d", (int)s->level);
    snprintf(buf, sizeof buf, "%s, %s%s", usher_queue_name(s->queue),
             usher_name(USHER_NAME_PRIORITY, s->priority), level);
    row(&t, "queue", buf, PLAIN);
    instant_row(&t, "opened", s->enqueued_at, now);
    if (s->until_at > 0 && s->until_at != USHER_NEVER)
        instant_row(&t, until_name(s), s->until_at, now);
    if (s->kept_for)
        row(&t, "kept for", s->kept_for, PLAIN);
    if (s->offered_to)
        row(&t, "offered to", s->offered_to, PLAIN);
    if (s->waits > 0 && s->wait_p50_ms >= 0 && s->state == USHER_WAITING) {
        char most[WORDS_MAX];
        snprintf(buf, sizeof buf, "half of the last %u waited %s or less, nine of ten %s",
                 (unsigned)s->waits, words_duration(level, s->wait_p50_ms),
                 words_duration(most, s->wait_p90_ms));
        row(&t, "others here", buf, PLAIN);
    }
    if (v->place)
        row(&t, "its place", v->place, PLAIN);
    if (s->symptom)
        row(&t, "symptom", s->symptom, PLAIN);
    if (s->ref)
        row(&t, "ref", s->ref, PLAIN);
    ticket_row(&t, "its cause", s->cause);
    ticket_row(&t, "follows", s->follows);
    if (s->linked > 0) {
        snprintf(buf, sizeof buf, "%u tickets", (unsigned)s->linked);
        row(&t, "cause of", buf, PLAIN);
    }
    times_row(&t, "handed off", s->handoffs);
    times_row(&t, "failed", s->attempts);
    times_row(&t, "asked after", s->chases);
    if (v->body && *v->body)
        row(&t, "body", v->body, PLAIN);
    char *question = one_line(&s->question);
    char *word = one_line(&s->last_word);
    if (*question)
        row(&t, "question", question, WARN);
    if (*word)
        row(&t, "last word", word, PLAIN);
    free(question);
    free(word);
    table_end(&t, stdout, 2);
}

static void due_cell(struct table *t, const usher_promise *p, int64_t now)
{
    char buf[WORDS_MAX];
    char text[2 * WORDS_MAX];
    if (p->state == USHER_RUNNING && p->due_at == USHER_NEVER) {
        snprintf(text, sizeof text, "paused with %s left", words_duration(buf, p->left_ms));
        cell_painted(t, text, PLAIN);
    } else if (p->state == USHER_RUNNING) {
        cell_painted(t, due_words(buf, p->due_at, now), paint_due(p->due_at, now));
    } else if (p->state == USHER_BROKEN && p->due_at != USHER_NEVER) {
        snprintf(text, sizeof text, "was due %s", words_when(buf, p->due_at, now));
        cell_painted(t, text, PLAIN);
    } else {
        table_cell(t, "-");
    }
}

static void print_promises(const struct view *v, const usher_standing *s)
{
    static const char *const states[] = {"", "running", "kept", "broken", "lapsed"};
    static const enum paint paints[] = {PLAIN, PLAIN, GOOD, BAD, FAINT};
    struct table t;
    char buf[WORDS_MAX];
    table_begin(&t);
    table_left(&t, "promise", 0);
    table_left(&t, "state", 0);
    table_left(&t, "due", 0);
    table_right(&t, "target");
    for (int i = 0; i < 4; i++) {
        const usher_promise *p = &s->promises[i];
        if (p->state == 0)
            continue;
        table_cell(&t, usher_name(USHER_NAME_PROMISE, i + 1));
        cell_painted(&t, states[p->state], paints[p->state]);
        due_cell(&t, p, v->store->now);
        table_cell(&t, p->target_ms > 0 ? words_duration(buf, p->target_ms) : "-");
    }
    if (t.cells_n > 0)
        putchar('\n');
    if (t.cells_n > 0)
        table_end(&t, stdout, 2);
}

/* ---- finding it ------------------------------------------------------------------------------ */

static int show(struct view *v, const usher_standing *s)
{
    v->found = true;
    if (v->line->json) {
        json_t *o = json_standing(s);
        json_object_set(o, "body", v->body_json);
        v->code = json_print(o);
        return 1;
    }
    print_head(v, s);
    print_facts(v, s);
    print_promises(v, s);
    return 1;
}

static int on_page(const usher_page *p, void *user)
{
    struct view *v = user;
    for (uint64_t i = 0; i < p->n && p->tickets[i].ticket <= v->line->ticket; i++) {
        if (p->tickets[i].ticket == v->line->ticket)
            return show(v, &p->tickets[i]);
    }
    return p->n > 0 && p->tickets[p->n - 1].ticket >= v->line->ticket;
}

static int on_body(const usher_page *p, void *user)
{
    struct view *v = user;
    v->body = one_line(&p->text);
    v->body_json = json_text(&p->text);
    return 0;
}

static int on_place(const usher_page *p, void *user)
{
    ((struct view *)user)->place = one_line(&p->text);
    return 0;
}

static int read_one(struct store *s, struct view *v, int32_t what,
                    int (*page)(const usher_page *p, void *user))
{
    usher_query q = USHER_INIT(usher_query);
    q.what = what;
    q.ticket = v->line->ticket;
    return store_read(s, &q, page, v);
}

/* What is in memory is found at once. Tickets that were closed long ago are only in the file, and
 * there they are read one after the other. */
static int find(struct store *s, struct view *v)
{
    usher_standing standing = USHER_INIT(usher_standing);
    usher_query q = USHER_INIT(usher_query);
    int r = usher_peek(s->u, v->line->ticket, &standing);
    if (r == USHER_OK)
        return show(v, &standing);
    if (r != USHER_ENOENT)
        return r;
    q.what = USHER_READ_TICKETS;
    q.limit = USHER_ROWS_MAX;
    q.states = 1u << USHER_CLOSED | 1u << USHER_WITHDRAWN;
    return store_read(s, &q, on_page, v);
}

int command_show(const struct line *l)
{
    struct store s;
    struct view v = {.line = l, .store = &s};
    if (store_open(&s, l->path, false) != CODE_OK)
        return CODE_PROBLEM;
    int r = read_one(&s, &v, USHER_READ_BODY, on_body);
    if (r == USHER_OK) {
        usher_standing standing = USHER_INIT(usher_standing);
        if (usher_peek(s.u, l->ticket, &standing) == USHER_OK && standing.rank_at != 0 &&
            standing.ahead >= 0)
            r = read_one(&s, &v, USHER_READ_WHY_RANK, on_place);
    }
    if (r == USHER_OK)
        r = find(&s, &v);
    if (r < 0 && r != USHER_ENOENT)
        v.code = store_fail(&s, "the ticket cannot be read", r);
    else if (!v.found) {
        fprintf(stderr, "usher: there is no ticket %llu in it\n", (unsigned long long)l->ticket);
        v.code = CODE_PROBLEM;
    }
    free(v.body);
    free(v.place);
    json_decref(v.body_json);
    store_close(&s);
    return v.code;
}
