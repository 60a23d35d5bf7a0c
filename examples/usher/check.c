/* usher check: is the store whole?
 *
 * Opening it has had the file checked by SQLite and every open ticket by the library. Here each
 * ticket's history is read and followed: numbered from 1 without a gap, in the order in which it
 * happened, in states that there are, and ending where the ticket stands. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "array.h"
#include "command.h"
#include "screen.h"
#include "store.h"

enum { TOLD = 20 }; /* problems that are told one by one */

struct ticket { /* what its history has to come to */
    usher_id id;
    uint64_t events;
    int32_t state;
};

struct inspection {
    struct store *store;
    json_t *problems;
    struct ticket *tickets;
    size_t tickets_n, tickets_cap;
    uint64_t events, problems_n;
    usher_id last;
    /* of the history that is being read */
    const struct ticket *ticket;
    uint64_t seq, ticket_seq;
    int32_t state;
};

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static void
problem(struct inspection *in, usher_id ticket, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (in->problems_n++ >= TOLD)
        return;
    json_array_append_new(in->problems,
                          json_pack("{s:I, s:s}", "ticket", (json_int_t)ticket, "problem", text));
}

static bool is_state(int32_t state)
{
    return strcmp(usher_name(USHER_NAME_STATE, state), "?") != 0;
}

static int on_tickets(const usher_page *p, void *user)
{
    struct inspection *in = user;
    for (uint64_t i = 0; i < p->n; i++) {
        const usher_standing *s = &p->tickets[i];
        if (s->ticket <= in->last)
            problem(in, s->ticket, "comes after ticket %" PRIu64, in->last);
        in->last = s->ticket;
        if (!is_state(s->state))
            problem(in, s->ticket, "is in state %d, which there is not", (int)s->state);
        in->tickets =
            array_room(in->tickets, &in->tickets_cap, in->tickets_n + 1, sizeof *in->tickets);
        in->tickets[in->tickets_n++] = (struct ticket){s->ticket, s->ticket_seq, s->state};
    }
    return 0;
}

static int on_history(const usher_page *p, void *user)
{
    struct inspection *in = user;
    const struct ticket *t = in->ticket;
    for (uint64_t i = 0; i < p->n; i++) {
        const usher_event *e = &p->events[i];
        /* A service that runs meanwhile goes on writing; what it has added is its affair. */
        if (e->ticket_seq > t->events)
            return 1;
        if (e->ticket != t->id)
            problem(in, t->id, "has an event of ticket %" PRIu64, e->ticket);
        if (e->ticket_seq != in->ticket_seq + 1)
            problem(in, t->id, "event %" PRIu64 " follows on event %" PRIu64, e->ticket_seq,
                    in->ticket_seq);
        if (e->seq <= in->seq)
            problem(in, t->id, "event %" PRIu64 " has number %" PRIu64 " after %" PRIu64,
                    e->ticket_seq, e->seq, in->seq);
        if (!is_state(e->state) || strcmp(usher_name(USHER_NAME_EVENT, e->kind), "?") == 0)
            problem(in, t->id, "event %" PRIu64 " is of kind %d in state %d", e->ticket_seq,
                    (int)e->kind, (int)e->state);
        in->ticket_seq = e->ticket_seq;
        in->seq = e->seq;
        in->state = e->state;
        in->events++;
    }
    return 0;
}

static void follow(struct inspection *in, const struct ticket *t)
{
    usher_query q = USHER_INIT(usher_query);
    q.what = USHER_READ_HISTORY;
    q.limit = USHER_ROWS_MAX;
    q.ticket = t->id;
    in->ticket = t;
    in->seq = in->ticket_seq = 0;
    in->state = 0;
    int r = store_read(in->store, &q, on_history, in);
    if (r < 0) {
        problem(in, t->id, "its history cannot be read: %s", usher_strerror(r));
    } else if (in->ticket_seq != t->events) {
        problem(in, t->id, "has %" PRIu64 " events, its history ends at %" PRIu64, t->events,
                in->ticket_seq);
    } else if (in->state != t->state) {
        problem(in, t->id, "is %s, its history ends %s", usher_name(USHER_NAME_STATE, t->state),
                usher_name(USHER_NAME_STATE, in->state));
    }
}

/* For somebody who waits before a terminal. */
static void show_progress(size_t done, size_t all)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (done == all)
        fprintf(stderr, "\r%20s\r", "");
    else
        fprintf(stderr, "\rchecking: %3u %%", (unsigned)(done * 100 / all));
    fflush(stderr);
}

static void follow_all(struct inspection *in)
{
    size_t step = in->tickets_n / 200 + 1;
    for (size_t i = 0; i < in->tickets_n; i++) {
        if (i % step == 0)
            show_progress(i, in->tickets_n);
        follow(in, &in->tickets[i]);
    }
    show_progress(in->tickets_n, in->tickets_n);
}

static int64_t ms_now(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_MONOTONIC, &t) == 0 ? (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000
                                                   : 0;
}

static int report(const struct line *l, struct inspection *in, int64_t took_ms)
{
    char buf[4][WORDS_MAX];
    if (l->json) {
        int r = json_print(json_pack("{s:b, s:I, s:I, s:I, s:O}", "whole", in->problems_n == 0,
                                     "tickets", (json_int_t)in->tickets_n, "events",
                                     (json_int_t)in->events, "problems_n",
                                     (json_int_t)in->problems_n, "problems", in->problems));
        return r != CODE_OK || in->problems_n > 0 ? CODE_PROBLEM : CODE_OK;
    }
    size_t i;
    json_t *one;
    json_array_foreach(in->problems, i, one)
    {
        printf("ticket %" JSON_INTEGER_FORMAT ": %s\n",
               json_integer_value(json_object_get(one, "ticket")),
               json_string_value(json_object_get(one, "problem")));
    }
    if (in->problems_n > TOLD)
        printf("... and %s more\n", words_count(buf[0], in->problems_n - TOLD));
    words_count(buf[1], in->tickets_n);
    words_count(buf[2], in->events);
    if (in->problems_n > 0) {
        print_painted("NOT WHOLE", 0, BAD);
        printf(": %s among %s tickets with %s events\n", words_count(buf[0], in->problems_n),
               buf[1], buf[2]);
    } else {
        print_painted("whole", 0, GOOD);
        printf(
            ": the file passes SQLite's check, and the histories of %s tickets, %s events, have no "
            "gap (%s)\n",
            buf[1], buf[2], words_duration(buf[3], took_ms));
    }
    return in->problems_n > 0 ? CODE_PROBLEM : CODE_OK;
}

int command_check(const struct line *l)
{
    struct store s;
    usher_query q = USHER_INIT(usher_query);
    int64_t began = ms_now();
    int code;
    if (store_open(&s, l->path, true) != CODE_OK)
        return CODE_PROBLEM;
    struct inspection in = {.store = &s, .problems = json_array()};
    q.what = USHER_READ_TICKETS;
    q.limit = USHER_ROWS_MAX;
    int r = store_read(&s, &q, on_tickets, &in);
    if (r == USHER_OK) {
        follow_all(&in);
        code = report(l, &in, ms_now() - began);
    } else {
        code = store_fail(&s, "the tickets cannot be read", r);
    }
    free(in.tickets);
    json_decref(in.problems);
    store_close(&s);
    return code;
}
