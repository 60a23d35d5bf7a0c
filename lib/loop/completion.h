/* The callbacks that are outstanding: one line of records, first in first out.
 *
 * A record's place is reserved before the engine is called, so that what has been done can always
 * be told; a parked claim keeps its place reserved until it is served. A record is complete and out
 * of the line before its callback runs, and the head is looked at anew afterwards: whatever a
 * callback does, it finds nothing half done. Events are not copied: a record knows the service's
 * last event at its moment, and the log is told up to there before it. With a store a record also
 * knows the batch that has to be saved before it may be told (keep.h). */
#ifndef USHER_LOOP_COMPLETION_H
#define USHER_LOOP_COMPLETION_H

#include <stdbool.h>
#include <stdint.h>

#include <usher/usher.h>

#include "local/engine.h"

/* What was asked: for the detail, which is written when it is told. */
struct asked {
    const char *call; /* enqueue, act ... */
    uint64_t token;
    int64_t at;
    uint64_t n; /* upkeep: how many there were. LINK: the other ticket */
    int32_t kind;
    int32_t has_op;
};

/* A policy that is asked about. */
struct plan {
    struct policy policy;
    int status;
    char why[200]; /* status EPOLICY */
};

/* A query that waits for its callback; its strings follow it in the same block. */
struct question {
    usher_query query;
    void *rows;        /* room for the answer; NULL: it has none */
    struct plan *plan; /* query.policy compiled; NULL: it names none */
    char strings[];
};

enum {
    COMPLETION_OPEN = 1,
    COMPLETION_DONE,
    COMPLETION_WORK,
    COMPLETION_PAGE,
    COMPLETION_ERRAND, /* a page that the store has answered */
    COMPLETION_FAILED  /* on_failed */
};

struct errand;

struct completion {
    uint64_t seq; /* events up to here are told before it */
    uint64_t
        need; /* the batch that must be saved before it; UINT64_MAX: not known what became of it */
    union {
        usher_open_cb open;
        usher_done_cb done; /* NULL: on_lost */
        usher_page_cb page;
    } cb;
    void *user;
    union {
        struct {
            struct result result;
            struct asked asked;
        } done;
        struct claim *claim;
        struct question *question;
        struct errand *errand;
    };
    char *why; /* upkeep: what the store said; freed when it has been told */
    int kind;
};

struct completions {
    struct completion *ring;
    uint32_t head, n, room;
    uint64_t first; /* number of the record at the head: they are counted */
    usher_work
        *rows; /* for the claim that is being told: room for the largest that was asked for */
    usher_work *lent; /* ... while a callback looks at them */
    uint32_t rows_room;
};

struct subscription {
    usher_event_cb cb;
    void *user;
    uint64_t after; /* it is told what comes after this event */
};

struct telling {
    struct subscription subscriptions[USHER_SUBSCRIBERS_MAX];
    uint32_t n;
    uint32_t turn;  /* while an event is told: the subscription whose turn it is */
    bool running;   /* ... which is now */
    bool pinned;    /* a callback looks at what lies in the log: nothing of it may go */
    uint64_t place; /* of the next event to tell */
    uint64_t seq;   /* of the last one told */
};

/* n more records than there are parked claims and records now can be pushed. EFULL: more than
 * options.max_pending would be outstanding; ENOMEM. */
int usher__completions_reserve(usher_t *u, uint64_t n);
/* A claim of n tickets can be told. ENOMEM. */
int usher__completions_reserve_rows(usher_t *u, uint32_t n);
void usher__completions_free(usher_t *u);

/* A copy of the query with its strings; NULL: out of memory. */
struct question *usher__question_new(usher_t *u, const usher_query *q);
void usher__question_free(usher_t *u, struct question *question);

/* Pushes a record; its place has been reserved. */
void usher__complete_open(usher_t *u, usher_open_cb cb, void *user);
void usher__complete_done(usher_t *u, const struct asked *asked, const struct result *result,
                          usher_done_cb cb, void *user);
void usher__complete_page(usher_t *u, struct question *question, usher_page_cb cb, void *user);
/* A command whose outcome is not known yet: it holds up what is accepted after it. Returns its
 * number, for usher__complete_now. */
uint64_t usher__complete_later(usher_t *u, const struct asked *asked, usher_done_cb cb, void *user);
void usher__complete_now(usher_t *u, uint64_t number, const struct result *result);
void usher__complete_errand(usher_t *u, struct errand *errand);
/* why: "" or what went wrong, copied. */
void usher__complete_upkeep(usher_t *u, const struct asked *asked, const struct result *result,
                            const char *why, usher_done_cb cb, void *user);
void usher__complete_failed(usher_t *u);
/* Pushes what the engine has served. */
void usher__complete_served(usher_t *u);

/* Whether anything is to be told; tells one event or one record. */
bool usher__completions_left(const usher_t *u);
bool usher__completions_step(usher_t *u);

/* Nobody listens: the events so far count as told. */
void usher__events_pass(usher_t *u);

/* detail.c: what a completion says to people; "" when there is nothing to say. */
void usher__detail(const struct result *result, const struct asked *asked, char *out, size_t len);

#endif
