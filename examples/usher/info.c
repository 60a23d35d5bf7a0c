/* usher info: what the store is, at a glance. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "screen.h"
#include "store.h"
#include "tally.h"

static int64_t size_of(const char *path, const char *suffix)
{
    char name[USHER_PATH_MAX + 8];
    struct stat st;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &st) == 0 ? (int64_t)st.st_size : 0;
}

static const char *bytes_words(char buf[WORDS_MAX], int64_t n)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    int64_t tenths = n * 10;
    size_t u = 0;
    for (; tenths >= 10000 && u < 4; u++)
        tenths /= 1000;
    if (tenths >= 100 || u == 0)
        snprintf(buf, WORDS_MAX, "%lld %s", (long long)tenths / 10, units[u]);
    else
        snprintf(buf, WORDS_MAX, "%lld.%lld %s", (long long)tenths / 10, (long long)tenths % 10,
                 units[u]);
    return buf;
}

static void row(struct table *t, const char *name, const char *value)
{
    table_cell(t, name);
    table_paint(t, paint(FAINT));
    table_cell(t, value);
}

static void ticket_row(struct table *t, const char *name, usher_id ticket, int64_t at, int64_t now)
{
    char buf[INSTANT_MAX];
    char value[200];
    snprintf(value, sizeof value, "ticket %llu, %s", (unsigned long long)ticket,
             instant_words(buf, at, now));
    row(t, name, value);
}

/* "3 waiting, 1 claimed" of the states from..to. */
static void states_row(struct table *t, const char *name, const struct tally *tally,
                       const int *states)
{
    char value[300] = "none";
    size_t at = 0;
    for (; *states; states++) {
        char n[WORDS_MAX];
        if (tally->by_state[*states] == 0 || at >= sizeof value)
            continue;
        at += (size_t)snprintf(value + at, sizeof value - at, "%s%s %s", at ? ", " : "",
                               words_count(n, tally->by_state[*states]),
                               usher_name(USHER_NAME_STATE, *states));
    }
    row(t, name, value);
}

static void names_row(struct table *t, const char *name, const char *first, size_t n, size_t size)
{
    char value[400] = "none";
    size_t at = 0;
    size_t i = 0;
    for (; i < n && at + 100 < sizeof value; i++)
        at += (size_t)snprintf(value + at, sizeof value - at, "%s%.60s", i ? ", " : "",
                               first + i * size);
    if (i < n)
        snprintf(value + at, sizeof value - at, " and %zu more", n - i);
    row(t, name, value);
}

static void print(const struct line *l, const struct store *s, const struct tally *tally)
{
    static const int open[] = {USHER_SCHEDULED,
                               USHER_WAITING,
                               USHER_CLAIMED,
                               USHER_OFFERED,
                               USHER_PAUSED,
                               USHER_STUCK,
                               USHER_RESOLVED,
                               0};
    static const int ended[] = {USHER_CLOSED, USHER_WITHDRAWN, 0};
    struct table t;
    char buf[2][WORDS_MAX];
    char at[INSTANT_MAX];
    char value[200];
    int64_t log = size_of(l->path, "-wal");
    table_begin(&t);
    table_left(&t, "", 0);
    table_left(&t, "", 100);
    snprintf(value, sizeof value, "%s%s%s", bytes_words(buf[0], size_of(l->path, "")),
             log ? ", and in its log " : "", log ? bytes_words(buf[1], log) : "");
    row(&t, "size", value);
    snprintf(value, sizeof value, "%s, with %s events", words_count(buf[0], tally->tickets),
             words_count(buf[1], tally->events));
    row(&t, "tickets", value);
    states_row(&t, "open", tally, open);
    states_row(&t, "ended", tally, ended);
    names_row(&t, "queues", (const char *)tally->queues, tally->queues_n, sizeof *tally->queues);
    names_row(&t, "held by", (const char *)tally->agents, tally->agents_n, sizeof *tally->agents);
    if (tally->tickets > 0) {
        ticket_row(&t, "first", tally->first, tally->first_at, s->now);
        ticket_row(&t, "latest", tally->last, tally->last_at, s->now);
        row(&t, "changed", instant_words(at, tally->changed_at, s->now));
    }
    table_end(&t, stdout, 2);
}

static int print_json(const struct line *l, const struct tally *tally)
{
    json_t *states = json_object();
    json_t *queues = json_array();
    for (int i = 1; i < USHER_STATES; i++) {
        if (strcmp(usher_name(USHER_NAME_STATE, i), "?") != 0)
            json_object_set_new(states, usher_name(USHER_NAME_STATE, i),
                                json_integer((json_int_t)tally->by_state[i]));
    }
    for (size_t i = 0; i < tally->queues_n; i++)
        json_array_append_new(queues, json_name(tally->queues[i].name));
    json_t *o =
        json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o}", "store", json_name(l->path), "bytes",
                  (json_int_t)size_of(l->path, ""), "log_bytes",
                  (json_int_t)size_of(l->path, "-wal"), "tickets", (json_int_t)tally->tickets,
                  "events", (json_int_t)tally->events, "states", states, "queues", queues);
    json_object_set_new(o, "first_at", json_instant(tally->first_at));
    json_object_set_new(o, "latest_at", json_instant(tally->last_at));
    json_object_set_new(o, "changed_at", json_instant(tally->changed_at));
    return json_print(o);
}

int command_info(const struct line *l)
{
    struct store s;
    struct tally tally;
    int code = CODE_OK;
    if (store_open(&s, l->path, false) != CODE_OK)
        return CODE_PROBLEM;
    int r = tally_take(&tally, &s);
    if (r != USHER_OK)
        code = store_fail(&s, "the tickets cannot be read", r);
    else if (l->json)
        code = print_json(l, &tally);
    else
        print(l, &s, &tally);
    tally_drop(&tally);
    store_close(&s);
    return code;
}
