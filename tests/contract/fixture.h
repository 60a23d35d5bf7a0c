/* A service with something of everything, whose host counts all that happens, for calling every
 * public function (fixture_calls, made from the header by calls.py) in every state.
 *
 * What a call is given lives in blocks of its own that are overwritten and freed as soon as it
 * returns, so whatever the library keeps without copying it shows. A call's callbacks report to its
 * receipt: none inside the call, as many as were accepted, none after the close callback. */
#ifndef USHER_CONTRACT_FIXTURE_H
#define USHER_CONTRACT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <uv.h>

#include <usher/usher.h>

#define T0 INT64_C(1700000000000)
#define FIXTURE_POLICY                                                                             \
    "{\"promises\":{\"ack\":{\"target\":\"1h\"},\"answer\":{\"target\":\"4h\"},"                   \
    "\"update\":{\"target\":\"8h\"},\"resolve\":{\"target\":\"72h\"}},"                            \
    "\"line\":{\"gap\":\"1m\"},\"retry\":{\"attempts\":2},\"aftercare\":{\"check_in\":[\"1d\"]},"  \
    "\"pause\":{\"requester\":{\"remind\":[\"2h\"]}},"                                               \
    "\"recurrence\":{\"cause_after\":2,\"cause_queue\":\"second line\"},"                              \
    "\"calendars\":{\"office\":{\"zone\":\"Europe/Berlin\",\"week\":{\"mon-fri\":[[\"08:00\","         \
    "\"18:00\"]]}}},\"notify_calendar\":\"office\",\"ladder\":[{\"on\":\"ack\",\"at\":\"50%\","         \
    "\"notify\":[\"lead\"],\"raise\":1},{\"on\":\"resolve\",\"at\":\"+1h\",\"repeat\":\"2h\","           \
    "\"times\":3,\"move\":\"nowhere\"},{\"on\":\"answer\",\"at\":\"100%\",\"move\":\"second line\","    \
    "\"priority\":\"high\"}]}"

enum { IN_NONE, IN_OPEN, IN_CLOSE, IN_POST, IN_DONE, IN_WORK, IN_EVENT, IN_PAGE, IN_LOST };

struct fixture;

struct receipt {
    struct fixture *f;
    struct receipt *next;
    void (*hook)(struct fixture *f); /* runs once, in the first callback; NULL: none */
    int64_t accepted;                /* callbacks that must have run in the end; -1: any number */
    uint32_t ran;
    int status;
    uint64_t rows;
    bool calling; /* the call has not returned */
};

struct given {
    struct given *next;
    size_t len;
    max_align_t data[];
};

struct fixture {
    uv_loop_t loop;
    bool own;
    int64_t at; /* where the clock stands, as far as the calls' arguments go */
    usher_manual_clock_t *clock, *spare, *clock_out;
    const char *what; /* is being tried: for messages */
    const char *backup; /* where one may go; NULL: nowhere */
    char what_room[200];

    /* The allocator. */
    uint64_t held_n, held_len;
    uint64_t asked;   /* allocations since fixture_fail() */
    uint64_t fail_at; /* the one of them that fails, from 1; 0: none does */
    bool for_ever;    /* ... and all after it */
    uint64_t failed;

    usher_t *u;
    usher_t *other; /* what a call of usher_open() has opened */
    usher_queue_t *q, *q2, *idle, *queue_out;
    usher_agent_t *a, *b, *agent_out;
    usher_id ticket, last;
    uint64_t op;
    struct receipt *receipts, *events, *lost, *parked;
    struct given *given;
    uint64_t ran;  /* callbacks, of all kinds */
    uint64_t told; /* a hash of what they were told, in order */
    uint32_t closed;
    char err[200];
    uint64_t by_state[USHER_STATES];
    usher_standing *standing;
};

/* ---- checks that do not end the program: one wrong call must not hide the others ------------- */

#define CHECK(f, ok, ...) fixture_check(f, ok, #ok, __FILE__, __LINE__, __VA_ARGS__)
bool fixture_check(const struct fixture *f, bool ok, const char *condition, const char *file,
                   int line, const char *format, ...) __attribute__((format(printf, 6, 7)));
void fixture_verdict(void); /* fails the test if a check has failed since the last verdict */

/* ---- life ------------------------------------------------------------------------------------ */

enum state { /* of the ticket, and around it */
             S_NOTHING,
             S_SCHEDULED,
             S_WAITING,
             S_KEPT,
             S_SHARED,
             S_CLAIMED,
             S_PAUSED,
             S_STUCK,
             S_RESOLVED,
             S_CLOSED,
             S_WITHDRAWN,
             S_PARKED,  /* claimed, and two claims are parked */
             S_FULL,    /* waiting in a queue that is full */
             S_HELD,    /* waiting in a queue that is held for claims and requests */
             S_PENDING, /* claimed, and as many callbacks are outstanding as there is room for */
             S_OFFERED, /* to the second line */
             S_OFFERED_TO, /* to bob */
             S_CAUSE,   /* claimed, and the cause of the two in the second line and of one that is closed */
             S_LINKED,  /* closed, and linked to one of the second line */
             S_RECURS,  /* waiting, and so is one with the symptom of all requests: the next one gets a cause */
             STATES
};
extern const char *const fixture_states[STATES];

struct fixture *fixture_new(bool own);
void fixture_what(struct fixture *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* open_hook: for the open callback; may be NULL. */
int fixture_open(struct fixture *f, void (*open_hook)(struct fixture *f));
void fixture_prepare(struct fixture *f, enum state state);
struct fixture *fixture_begin(bool own, enum state state); /* all of them, and fixture_run() */
void fixture_turn(struct fixture *f); /* the loop once round, without waiting */
void fixture_run(struct fixture *f);  /* until nothing happens any more */
/* Closes with no memory at all, if that has not been done, and checks what is left: nothing. */
void fixture_end(struct fixture *f);

/* From now on the n-th allocation fails, and perhaps all after it; 0: none. */
void fixture_fail(struct fixture *f, uint64_t n, bool for_ever);

/* All that can be seen from outside, as text; free it. `told` also says what callbacks heard. */
char *fixture_digest(struct fixture *f, bool told);
bool fixture_same(const struct fixture *f, const char *before, const char *after, const char *text);

/* ---- calls ----------------------------------------------------------------------------------- */

enum { CALL_INT = 1, CALL_SERVICE = 2 }; /* returns int; takes a service, queue or agent */
struct call {
    const char *label;
    int64_t (*run)(struct fixture *f, int variant, struct receipt *receipt);
    const char *name;
    int variant, callback, flags;
};
extern const struct call fixture_calls[];
extern const size_t fixture_calls_n;

int64_t fixture_call(struct fixture *f, const struct call *call, struct receipt **receipt);
const struct call *fixture_find(const char *name);
bool fixture_is(const struct call *call, const char *name);

void fixture_spoil(void *data, size_t len);
void *fixture_resize(void *ctx, void *p, size_t n);

struct receipt *fixture_receipt(struct fixture *f);
/* For calls by hand: what it returned, and how many callbacks that means. */
int fixture_returned(struct receipt *r, int returned, int64_t callbacks);

void fixture_on_open(usher_t *u, int status, usher_text detail, void *user);
void fixture_on_closed(void *user);
void fixture_on_post(usher_t *u, void *user);
void fixture_on_done(usher_t *u, const usher_done *d, void *user);
void fixture_on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user);
void fixture_on_event(usher_t *u, const usher_event *e, void *user);
void fixture_on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user);
void fixture_on_page(usher_t *u, int status, const usher_page *p, void *user);

/* Arguments. */
void *give(struct fixture *f, const void *data, size_t len);
void take_given(struct fixture *f); /* overwrites and frees them all */
const char *give_string(struct fixture *f, const char *s);
const char *const *give_skills(struct fixture *f);
const usher_options *give_options(struct fixture *f);
const usher_request *give_requests(struct fixture *f, size_t n, int variant);
const usher_claim_args *give_claim_args(struct fixture *f, int variant);
const usher_op *give_op(struct fixture *f);
const usher_claim *give_claim(struct fixture *f);
const usher_command *give_commands(struct fixture *f, size_t n, int verb);
const usher_done *give_done(struct fixture *f);
usher_collected *give_collected(struct fixture *f);
const usher_query *give_query(struct fixture *f, int what);
usher_standing *give_standing(struct fixture *f);
usher_manual_clock_t *take_spare(struct fixture *f);

/* A command on the ticket without a callback; a failure is lost, which the fixture would notice. */
void fixture_act(struct fixture *f, int verb, int kind);
void fixture_offer(struct fixture *f, usher_agent_t *to); /* NULL: to the second line */
void fixture_link(struct fixture *f, usher_id ticket, usher_id cause);

#endif
