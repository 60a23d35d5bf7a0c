/* What the commands' screens have in common. See screen.h. */
#define _POSIX_C_SOURCE 200809L
#include "screen.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "command.h"

/* ---- colours --------------------------------------------------------------------------------- */

static bool is_painted(void)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return (!no || !*no) && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

const char *paint(enum paint p)
{
    static const char *const codes[] = {NULL,       "\033[1m",  "\033[2m",
                                        "\033[32m", "\033[33m", "\033[1;31m"};
    return p != PLAIN && is_painted() ? codes[p] : NULL;
}

void print_painted(const char *text, unsigned most, enum paint p)
{
    const char *code = paint(p);
    if (code)
        fputs(code, stdout);
    text_print(stdout, text, most);
    if (code)
        fputs("\033[0m", stdout);
}

enum paint paint_state(int32_t state)
{
    switch (state) {
    case USHER_CLAIMED:
        return GOOD;
    case USHER_WAITING:
        return WARN;
    case USHER_STUCK:
        return BAD;
    case USHER_RESOLVED:
    case USHER_CLOSED:
    case USHER_WITHDRAWN:
        return FAINT;
    default:
        return PLAIN;
    }
}

const char *instant_words(char buf[INSTANT_MAX], int64_t at, int64_t now)
{
    char when[WORDS_MAX];
    char second[WORDS_MAX];
    words_when(when, at, now);
    words_second(second, at);
    /* What is far off is a date in both. */
    bool twice = strncmp(second, when, strlen(when)) == 0;
    snprintf(buf, INSTANT_MAX, "%s%s%s UTC", twice ? "" : when, twice ? "" : ", ", second);
    return buf;
}

const char *due_words(char buf[WORDS_MAX], int64_t due_at, int64_t now)
{
    char span[WORDS_MAX];
    if (due_at == USHER_NEVER || due_at == 0)
        return "-";
    if (due_at >= now)
        return words_when(buf, due_at, now);
    snprintf(buf, WORDS_MAX, "%.20s over", words_about(span, now - due_at));
    return buf;
}

enum paint paint_due(int64_t due_at, int64_t now)
{
    const int64_t soon = INT64_C(15) * 60000;
    if (due_at == USHER_NEVER || due_at == 0)
        return FAINT;
    if (due_at < now)
        return BAD;
    return due_at - now <= soon ? WARN : PLAIN;
}

/* ---- cells ----------------------------------------------------------------------------------- */

void cell_number(struct table *t, uint64_t n)
{
    char buf[WORDS_MAX];
    table_cell(t, words_count(buf, n));
}

void cell_painted(struct table *t, const char *text, enum paint p)
{
    table_cell(t, text);
    table_paint(t, paint(p));
}

char *one_line(const usher_text *text)
{
    char *line = array_new((size_t)text->len + 1, 1);
    for (size_t i = 0; i < text->len; i++) {
        line[i] = text->data[i];
        if (strchr("\n\t\r", line[i])) /* NUL too */
            line[i] = ' ';
    }
    return line;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

json_t *json_text(const usher_text *text)
{
    if (!text->data)
        return json_null();
    json_t *whole = json_stringn(text->data, (size_t)text->len);
    if (whole)
        return whole;
    /* Any bytes may be in it, and JSON is UTF-8. */
    char *ascii = array_new((size_t)text->len + 1, 1);
    for (size_t i = 0; i < text->len; i++) {
        ascii[i] = text->data[i];
        if ((unsigned char)ascii[i] >= 0x80)
            ascii[i] = '?';
    }
    whole = json_stringn(ascii, (size_t)text->len);
    free(ascii);
    return whole ? whole : json_null();
}

json_t *json_name(const char *name)
{
    usher_text text = {name, name ? strlen(name) : 0};
    return json_text(&text);
}

json_t *json_instant(int64_t at)
{
    return at == 0 || at == USHER_NEVER ? json_null() : json_integer((json_int_t)at);
}

static json_t *json_promises(const usher_standing *s)
{
    static const char *const states[] = {"", "running", "kept", "broken", "lapsed"};
    json_t *all = json_object();
    for (int i = 0; i < 4; i++) {
        const usher_promise *p = &s->promises[i];
        if (p->state == 0)
            continue;
        json_object_set_new(all, usher_name(USHER_NAME_PROMISE, i + 1),
                            json_pack("{s:s, s:o, s:o, s:I, s:I, s:I}", "state", states[p->state],
                                      "start_at", json_instant(p->start_at), "due_at",
                                      json_instant(p->due_at), "target_ms",
                                      (json_int_t)p->target_ms, "left_ms", (json_int_t)p->left_ms,
                                      "arming", (json_int_t)p->arming));
    }
    return all;
}

json_t *json_ticket(usher_id id)
{
    return id == 0 ? json_null() : json_integer((json_int_t)id);
}

json_t *json_wait(int64_t ms)
{
    return ms < 0 ? json_null() : json_integer((json_int_t)ms);
}

json_t *json_standing(const usher_standing *s)
{
    json_t *o = json_object();
    json_object_set_new(o, "ticket", json_integer((json_int_t)s->ticket));
    json_object_set_new(o, "state", json_name(usher_name(USHER_NAME_STATE, s->state)));
    json_object_set_new(o, "state_at", json_instant(s->state_at));
    json_object_set_new(o, "until_at", json_instant(s->until_at));
    json_object_set_new(o, "queue", json_name(usher_queue_name(s->queue)));
    json_object_set_new(o, "priority", json_name(usher_name(USHER_NAME_PRIORITY, s->priority)));
    json_object_set_new(o, "level", json_integer(s->level));
    json_object_set_new(o, "requester", json_name(s->requester));
    json_object_set_new(o, "persons", json_integer(s->persons));
    json_object_set_new(o, "holder", json_name(s->holder));
    json_object_set_new(o, "kept_for", json_name(s->kept_for));
    json_object_set_new(o, "offered_to", json_name(s->offered_to));
    json_object_set_new(o, "handoffs", json_integer(s->handoffs));
    json_object_set_new(o, "enqueued_at", json_instant(s->enqueued_at));
    json_object_set_new(o, "start_at", json_instant(s->start_at));
    json_object_set_new(o, "due_at", json_instant(s->due_at));
    json_object_set_new(o, "next_word_at", json_instant(s->next_word_at));
    json_object_set_new(o, "ahead",
                        s->ahead < 0 ? json_null() : json_integer((json_int_t)s->ahead));
    json_object_set_new(o, "wait_p50_ms", json_wait(s->wait_p50_ms));
    json_object_set_new(o, "wait_p90_ms", json_wait(s->wait_p90_ms));
    json_object_set_new(o, "waits", json_integer(s->waits));
    json_object_set_new(o, "cause", json_ticket(s->cause));
    json_object_set_new(o, "follows", json_ticket(s->follows));
    json_object_set_new(o, "linked", json_integer(s->linked));
    json_object_set_new(o, "attempts", json_integer(s->attempts));
    json_object_set_new(o, "chases", json_integer(s->chases));
    json_object_set_new(o, "symptom", json_name(s->symptom));
    json_object_set_new(o, "ref", json_name(s->ref));
    json_object_set_new(o, "waits_for_requester", json_boolean(s->waits_for_you));
    json_object_set_new(o, "question", json_text(&s->question));
    json_object_set_new(o, "last_word", json_text(&s->last_word));
    json_object_set_new(o, "promises", json_promises(s));
    json_object_set_new(o, "events", json_integer((json_int_t)s->ticket_seq));
    json_object_set_new(o, "policy_version", json_integer(s->policy_version));
    return o;
}

int json_print(json_t *root)
{
    int r = json_dumpf(root, stdout, JSON_INDENT(2));
    json_decref(root);
    return r != 0 || putchar('\n') == EOF ? CODE_PROBLEM : CODE_OK;
}
