/* usher history: all that happened to one ticket, a line each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "screen.h"
#include "store.h"

struct story {
    const struct store *store;
    struct table table;
    json_t *events; /* NULL: for people */
    int64_t before_at;
    uint32_t limit, n;
    bool more;
};

/* ---- what an event says ---------------------------------------------------------------------- */

/* Adds "before what" to a list; with ":" as its first word it ends one. */
static void say(char *buf, size_t len, const char *before, const char *what)
{
    size_t at = strlen(buf);
    const char *comma = at == 0 || *before == ':' ? "" : ", ";
    snprintf(buf + at, len - at, "%s%s%s%s", comma, before, *before ? " " : "", what);
}

static void say_promises(char *buf, size_t len, const char *before, uint32_t bits)
{
    for (int p = USHER_PROMISE_ACK; p <= USHER_PROMISE_RESOLVE; p++) {
        if (bits & 1u << p)
            say(buf, len, before, usher_name(USHER_NAME_PROMISE, p));
    }
}

static const char *how_words(const usher_event *e)
{
    static const char *const resolved[] = {"", "answered", "fix", "workaround", "no reply"};
    static const char *const paused[] = {"", "on the requester", "on a third party", "for a while"};
    switch (e->kind) {
    case USHER_EV_UPDATED:
    case USHER_EV_CAUSE_TOLD:
    case USHER_EV_CHECK_IN:
    case USHER_EV_RESOLVED:
        return e->how >= 0 && e->how <= USHER_AS_NO_REPLY ? resolved[e->how] : "?";
    case USHER_EV_PAUSED:
    case USHER_EV_PAUSE_ENDED:
        return e->how >= 0 && e->how <= USHER_UNTIL ? paused[e->how] : "?";
    case USHER_EV_REPLIED:
        return e->how == USHER_COURTESY ? "courtesy" : "";
    case USHER_EV_REPRIORITISED:
        return usher_name(USHER_NAME_PRIORITY, e->how);
    default:
        return "";
    }
}

static const char *until_words(int32_t kind)
{
    switch (kind) {
    case USHER_EV_CLAIMED:
    case USHER_EV_EXTENDED:
        return "lease until";
    case USHER_EV_UPDATED:
        return "next word by";
    case USHER_EV_OFFERED:
        return "to be taken until";
    case USHER_EV_FAILED:
        return "again";
    default:
        return "until";
    }
}

/* Whom the policy says to tell, and when, if not at once. */
static void say_notify(char *buf, size_t len, const usher_event *e)
{
    char words[WORDS_MAX];
    const char *before = "tell";
    for (uint64_t at = 0; at < e->notify.len; at += strlen(e->notify.data + at) + 1) {
        say(buf, len, before, e->notify.data + at);
        before = "";
    }
    if (e->notify_at != 0 && e->notify_at != USHER_NEVER)
        say(buf, len, "people at", words_instant(words, e->notify_at));
}

/* Which step of the ladder, and where it has led. */
static void say_step(char *buf, size_t len, const usher_event *e)
{
    char words[WORDS_MAX];
    if (e->rule)
        say(buf, len, "", e->rule);
    if (e->kind != USHER_EV_STEPPED)
        return;
    if (e->n > 0)
        say(buf, len, "repeat", words_count(words, e->n));
    if (e->level > 0)
        say(buf, len, "level", words_count(words, (uint64_t)e->level));
}

/* What is behind the event's name: its particulars, the promises that it kept, and what was said. */
static void describe(char *buf, size_t len, const usher_event *e)
{
    char words[WORDS_MAX];
    char *text = one_line(&e->text);
    buf[0] = 0;
    if (*how_words(e))
        say(buf, len, "", how_words(e));
    if (e->promise != 0)
        say(buf, len, "", usher_name(USHER_NAME_PROMISE, e->promise));
    if (e->kind == USHER_EV_WARNED) {
        snprintf(words, sizeof words, "%u %% used", (unsigned)e->n);
        say(buf, len, "", words);
    }
    if (e->kind == USHER_EV_STEPPED || e->kind == USHER_EV_NO_QUEUE)
        say_step(buf, len, e);
    if (e->kind == USHER_EV_APPLIED) {
        snprintf(words, sizeof words, "version %u", (unsigned)e->policy_version);
        say(buf, len, "", words);
    }
    if (e->kind == USHER_EV_CLAIMED && e->n > 0)
        say(buf, len, "out of turn, before", words_count(words, e->n));
    if (e->kind == USHER_EV_CLAIMED && e->how != 0)
        say(buf, len, "", "as offered");
    if (e->kind == USHER_EV_RECURRED)
        say(buf, len, "number", words_count(words, e->n));
    if (e->kind == USHER_EV_PAUSED && e->n > 0)
        say(buf, len, "", "with little time left");
    if (e->other != 0) {
        snprintf(words, sizeof words, "ticket %llu", (unsigned long long)e->other);
        say(buf, len, "", words);
    }
    if (e->to)
        say(buf, len, "to", e->to);
    if (e->until_at != 0 && e->until_at != USHER_NEVER)
        say(buf, len, until_words(e->kind), words_instant(words, e->until_at));
    if (e->due_at != 0)
        say(buf, len, "due", words_instant(words, e->due_at));
    say_promises(buf, len, "keeps", e->kept);
    say_promises(buf, len, "ends", e->lapsed);
    say_notify(buf, len, e);
    if (*text && (e->kind == USHER_EV_STEPPED || e->kind == USHER_EV_WARNED))
        say(buf, len, "and late", text);
    else if (*text)
        say(buf, len, *buf ? ":" : "", text);
    free(text);
}

static enum paint paint_kind(const usher_event *e)
{
    switch (e->kind) {
    case USHER_EV_BROKEN:
    case USHER_EV_STUCK:
    case USHER_EV_LEASE_EXPIRED:
    case USHER_EV_FAILED:
    case USHER_EV_OFFER_EXPIRED:
    case USHER_EV_NO_AGENT:
        return BAD;
    case USHER_EV_WARNED:
    case USHER_EV_STEPPED:
    case USHER_EV_RECURRED:
        return WARN;
    default:
        return e->kept != 0 ? GOOD : PLAIN;
    }
}

static void add_row(struct story *h, const usher_event *e)
{
    char buf[WORDS_MAX];
    char what[512];
    struct table *t = &h->table;
    cell_number(t, e->ticket_seq);
    table_cell(t, words_second(buf, e->at));
    table_cell(t, h->before_at == 0 || e->at == h->before_at
                      ? ""
                      : words_about(buf, e->at - h->before_at));
    h->before_at = e->at;
    cell_painted(t, usher_name(USHER_NAME_EVENT, e->kind), paint_kind(e));
    cell_painted(t, usher_name(USHER_NAME_STATE, e->state), paint_state(e->state));
    table_cell(t, e->who ? e->who : "-");
    describe(what, sizeof what, e);
    table_cell(t, what);
}

static json_t *json_notify(const usher_text *names)
{
    json_t *list = json_array();
    for (uint64_t at = 0; at < names->len; at += strlen(names->data + at) + 1)
        json_array_append_new(list, json_name(names->data + at));
    return list;
}

static json_t *json_event(const usher_event *e)
{
    json_t *o = json_pack("{s:I, s:I, s:I}", "seq", (json_int_t)e->seq, "ticket_seq",
                          (json_int_t)e->ticket_seq, "at", (json_int_t)e->at);
    json_object_set_new(o, "seen_at", json_instant(e->seen_at));
    json_object_set_new(o, "event", json_name(usher_name(USHER_NAME_EVENT, e->kind)));
    json_object_set_new(o, "state", json_name(usher_name(USHER_NAME_STATE, e->state)));
    json_object_set_new(o, "queue", json_name(e->queue ? usher_queue_name(e->queue) : NULL));
    json_object_set_new(o, "priority", json_name(usher_name(USHER_NAME_PRIORITY, e->priority)));
    json_object_set_new(o, "level", json_integer(e->level));
    json_object_set_new(o, "who", json_name(e->who));
    json_object_set_new(o, "how", json_integer(e->how));
    json_object_set_new(o, "n", json_integer(e->n));
    json_object_set_new(o, "promise",
                        e->promise == 0 ? json_null()
                                        : json_name(usher_name(USHER_NAME_PROMISE, e->promise)));
    json_object_set_new(o, "until_at", json_instant(e->until_at));
    json_object_set_new(o, "due_at", json_instant(e->due_at));
    json_object_set_new(o, "kept", json_integer(e->kept));
    json_object_set_new(o, "lapsed", json_integer(e->lapsed));
    json_object_set_new(o, "to", json_name(e->to));
    json_object_set_new(o, "rule", json_name(e->rule));
    json_object_set_new(o, "text", json_text(&e->text));
    json_object_set_new(o, "other", json_ticket(e->other));
    json_object_set_new(o, "took_ms", json_wait(e->took_ms));
    json_object_set_new(o, "word_ms", json_wait(e->word_ms));
    json_object_set_new(o, "held_ms", json_wait(e->held_ms));
    json_object_set_new(o, "notify", json_notify(&e->notify));
    json_object_set_new(o, "notify_at", json_instant(e->notify_at));
    return o;
}

/* ---- reading it ------------------------------------------------------------------------------ */

static int on_page(const usher_page *p, void *user)
{
    struct story *h = user;
    for (uint64_t i = 0; i < p->n; i++) {
        if (h->n == h->limit) {
            h->more = true;
            return 1;
        }
        h->n++;
        if (h->events)
            json_array_append_new(h->events, json_event(&p->events[i]));
        else
            add_row(h, &p->events[i]);
    }
    return 0;
}

static void set_columns(struct table *t)
{
    table_begin(t);
    table_right(t, "#");
    table_left(t, "at (UTC)", 0);
    table_right(t, "after");
    table_left(t, "what", 0);
    table_left(t, "then", 0);
    table_left(t, "who", 24);
    table_left(t, "", 80);
}

int command_history(const struct line *l)
{
    struct store s;
    struct story h = {.store = &s, .limit = l->limit ? l->limit : UINT32_MAX};
    usher_query q = USHER_INIT(usher_query);
    if (store_open(&s, l->path, false) != CODE_OK)
        return CODE_PROBLEM;
    q.what = USHER_READ_HISTORY;
    q.limit = USHER_ROWS_MAX;
    q.ticket = l->ticket;
    set_columns(&h.table);
    if (l->json)
        h.events = json_array();
    int r = store_read(&s, &q, on_page, &h);
    int code = CODE_OK;
    if (r == USHER_ENOENT) {
        fprintf(stderr, "usher: there is no ticket %llu in it\n", (unsigned long long)l->ticket);
        code = CODE_PROBLEM;
    } else if (r < 0) {
        code = store_fail(&s, "the history cannot be read", r);
    } else if (l->json) {
        code = json_print(json_pack("{s:I, s:O, s:b}", "ticket", (json_int_t)l->ticket, "events",
                                    h.events, "more", h.more));
    } else {
        table_end(&h.table, stdout, 0);
        if (h.more)
            puts("\nthere is more; --limit N shows so many");
    }
    table_drop(&h.table);
    json_decref(h.events);
    store_close(&s);
    return code;
}
