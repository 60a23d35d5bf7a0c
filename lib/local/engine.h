/* The engine in one process: tickets, lines, timers and history in memory, and the rules applied to
 * them. It knows no loop and no callback; the clock is told to it. Everything happens inside the
 * call; what became of it is a struct result, or a struct claim once it has been served. */
#ifndef USHER_LOCAL_ENGINE_H
#define USHER_LOCAL_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include <usher/usher.h>

#include "core/line.h"
#include "core/ticket.h"
#include "local/heap.h"
#include "local/ids.h"
#include "local/intern.h"
#include "local/log.h"
#include "local/marks.h"
#include "local/memory.h"
#include "local/ops.h"
#include "local/order.h"
#include "local/slab.h"
#include "local/text.h"

struct engine;

enum { FRESH_MAX = 4 };

struct usher_queue_s {
    struct engine *engine;
    uint32_t index; /* handle: place in engine.queues + 1 */
    uint32_t name;
    uint32_t policy;
    uint32_t hold;             /* USHER_HOLD_* */
    uint32_t needy;            /* open tickets that need skills */
    bool told_full;            /* somebody was answered EFULL since there was room */
    bool noted;                /* has changed since the last cut */
    uint32_t fresh[FRESH_MAX]; /* tickets that can now be claimed and could not before */
    uint32_t fresh_n;          /* FRESH_MAX + 1: any of its tickets may be such */
    uint64_t open;             /* neither closed nor withdrawn */
    uint64_t by_state[USHER_STATES];
    uint32_t open_in[PRIORITIES], waiting_in[PRIORITIES]; /* of the open ones, by priority */
    struct shares shares;
    struct order band[PRIORITIES];
    struct seat *seats; /* parked claims, first come first */
    struct seat *seats_last;
};

struct usher_agent_s {
    struct engine *engine;
    uint32_t index; /* handle: place in engine.agents + 1 */
    uint32_t name;
    bool gone;
    bool noted; /* has changed since the last cut */
    uint32_t skills_n;
    uint32_t *skills;
    uint32_t held; /* first of the tickets that it holds, by slot; 0 = none */
    uint32_t held_n;
    struct order kept; /* kept for it, of all queues */
};

/* A claim on its way: parked in queues, or served and waiting for its callback. */
struct seat { /* one claim's place in one queue's list */
    struct claim *claim;
    struct seat *next, *prev;
};
struct work { /* a ticket as it was when claimed; holds references to its names and body */
    usher_claim claim;
    usher_queue_t *queue;
    int64_t enqueued_at, lease_until_at, due_at;
    uint32_t priority, level, attempts, persons;
    uint32_t requester, symptom, ref;
    struct text *body;
};
struct claim {
    struct claim *next, *prev; /* parked: by age. Served: engine.served */
    usher_agent_t *agent;
    usher_work_cb cb; /* the shell's: the engine only carries them */
    void *user;
    uint64_t seq;    /* served: engine.log.seq then */
    uint64_t number; /* parked: in order of parking */
    uint32_t slot;   /* of its timer */
    int32_t status;
    uint32_t n, works_n, queues_n;
    bool parked;
    struct op_entry *entry; /* NULL: no op. It is remembered when the claim is served */
    struct work *works;     /* n of them have room */
    struct seat *seats;     /* queues_n of them */
    usher_queue_t **queues;
};

struct engine_options {
    struct memory memory;
    uint8_t key[16];
    int64_t op_window_ms;
    uint32_t op_window_n, keep_closed;
    uint64_t history_bytes;
    /* The machine's zone files, as usher__zone_load; NULL: there are none. */
    int (*zone)(void *ctx, const char *name, void *bytes, size_t *len);
    void *zone_ctx;
};

/* What became of a command; the public usher_done is made from it. */
struct result {
    usher_id ticket;
    uint64_t token, seq;
    int64_t until_at;
    int32_t status, state, verb, outcome, priority;
};

/* ---- for the shell ------------------------------------------------------------------------------ */
/* What returns int: 0, or an error that is the caller's (EINVAL, ELIMIT, EFULL, ENOMEM, ESTATE) and
 * had no effect. Arguments that do not depend on the engine's state have been checked (usher.c). */

int usher__engine_new(struct engine **out, const struct engine_options *o);
void usher__engine_free(struct engine *e); /* NULL is fine */

/* Tells the clock. `now` is the larger of wall and what it was. */
void usher__engine_clock(struct engine *e, int64_t wall, int64_t boot);
int64_t usher__engine_now(const struct engine *e);

/* Fires what is due at now, at most `max` timers. 0: all; 1: more is due; ENOMEM: try later. */
int usher__engine_catch_up(struct engine *e, uint32_t max);

/* A parked claim could not be served for want of memory: catch_up tries again. */
bool usher__engine_starves(const struct engine *e);

/* ms until the next timer: 0 if one is due, INT64_MAX if there is none. */
int64_t usher__engine_idle_for(const struct engine *e);

int usher__engine_queue(struct engine *e, const char *name, usher_queue_t **out);
/* A policy's text, with the zones of this machine; errors as usher__policy_compile's. */
int usher__engine_compile(struct engine *e, struct policy *out, const char *json, size_t len,
                          char *err, size_t err_len);
/* p: what the JSON text compiles to; the engine's from then on, unless it fails. */
int usher__engine_define(usher_queue_t *q, const struct policy *p, const char *json, size_t len,
                         struct result *res);
/* The queue's policy for tickets that have an earlier version of it: *n of them have it now, all if
 * res->status is 0. */
int usher__engine_apply(usher_queue_t *q, struct result *res, uint32_t *n);
uint32_t usher__engine_version(const usher_queue_t *q); /* of its policy */
int usher__engine_hold(usher_queue_t *q, uint32_t hold, struct result *res);
int usher__engine_agent(struct engine *e, const char *name, const char *const *skills, uint32_t n,
                        usher_agent_t **out);
int usher__engine_gone(usher_agent_t *a, struct result *res);

/* All or none; res has room for n. */
int usher__engine_enqueue(usher_queue_t *q, const usher_request *r, size_t n, struct result *res);
int usher__engine_act(struct engine *e, const usher_command *c, struct result *res);

/* The claim is served at once, or parks. Served ones are taken with usher__engine_served. */
int usher__engine_claim(usher_agent_t *a, const usher_claim_args *args, usher_work_cb cb,
                        void *user);
int usher__engine_claim_ticket(usher_agent_t *a, usher_id ticket, usher_op op, usher_work_cb cb,
                               void *user);
int usher__engine_cancel(usher_agent_t *a, const void *user);
void usher__engine_cancel_all(struct engine *e);

/* The oldest served claim, unlinked; NULL: none. Give it back when its callback has run. */
struct claim *usher__engine_served(struct engine *e);
void usher__engine_claim_free(struct engine *e, struct claim *c);
uint32_t usher__engine_parked(const struct engine *e);

const char *usher__engine_name(const struct engine *e, uint32_t handle); /* 0: NULL */
struct log *usher__engine_log(struct engine *e);

/* ---- views -------------------------------------------------------------------------------------- */
/* out is complete; its strings live until the engine is next changed. ENOENT. */
int usher__engine_peek(struct engine *e, usher_id id, usher_standing *out);
int usher__engine_peek_ref(usher_queue_t *q, const char *ref, usher_standing *out);

/* A question waits for its page, or has it: no closed ticket leaves memory meanwhile. */
void usher__engine_ask(struct engine *e, bool waits);
size_t usher__engine_rows_len(const usher_query *q);
/* Fills a page; its rows go where `rows` points, which has rows_len bytes. upto: TICKETS with greater
 * ids are for the next page; 0: none. to: WHAT_IF; NULL: the queue's own. ENOENT: an empty page. */
int usher__engine_read(struct engine *e, const usher_query *q, usher_id upto,
                       const struct policy *to, void *rows, usher_page *out);

/* Every invariant that can be checked from inside; NULL, or what is wrong. For tests. */
const char *usher__engine_check(struct engine *e);
uint64_t usher__engine_token(struct engine *e, usher_id id); /* 0: no claim stands */
int64_t usher__engine_next_due(const struct engine *e);      /* wall; INT64_MAX: none */

#endif
