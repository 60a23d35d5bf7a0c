/* The program that the benches are: a host of one service, on a loop of usher's own; with a store
 * on disk on one of the host's, where waiting for it is the loop's affair.
 *
 * Who waits for the k-th ticket follows from k, so that nothing has to be remembered of a million.
 * Every function returns false once usher has answered what it should not have; host_ok() says so
 * on stderr. */
#ifndef USHER_BENCH_HOST_H
#define USHER_BENCH_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <usher/usher.h>
#include <uv.h>

enum { BODY_LEN = 100, BATCH_MAX = 1000, NAME_ROOM = 12 };

struct host_options {
    const char *store;  /* NULL: in memory */
    const char *policy; /* NULL: three promises, and closed as soon as resolved */
    uint32_t requesters;
    uint64_t history_bytes; /* 0: the default */
    const usher_allocator *allocator;
    bool manual; /* a clock that stands still until host_advance() */
};

struct host {
    usher_t *u;
    usher_queue_t *q;
    usher_agent_t *a;
    uv_loop_t loop;
    uv_timer_t patience; /* what never comes is a failure, not a hang */
    uint64_t heard;      /* callbacks, when patience began */
    bool looped;         /* the two are there */
    usher_manual_clock_t *clock; /* NULL: the machine's */
    int64_t manual_at;
    uint32_t requesters;
    usher_id last; /* ticket */
    uint64_t taken, claimed, ended; /* callbacks: enqueued, claimed, any other */
    bool serves; /* claimed tickets are acknowledged and resolved at once */
    usher_claim claims[BATCH_MAX]; /* what was claimed last, otherwise */
    int status;  /* the first that was not OK */
    int verb;
    bool closed;
    char body[BODY_LEN];
    char names[BATCH_MAX][NAME_ROOM];
    usher_request requests[BATCH_MAX];
    usher_command commands[BATCH_MAX];
};

bool host_open(struct host *h, const struct host_options *o);
void host_close(struct host *h);

/* What has become due runs, and with a loop there is waited until something has. Returns whether
 * anything did; once it goes on doing nothing, that is a failure. */
bool host_turn(struct host *h);
bool host_ok(const struct host *h); /* false: it says what went wrong */

bool host_fill(struct host *h, uint64_t n);

/* Lets the last n, which are all, withdraw in any order, and fills again: as in a service that has
 * run for long, the line does not walk through memory from end to end any more. */
bool host_mix(struct host *h, uint64_t n);

/* As many cycles, batch by batch, each command a call of its own with a callback. */
bool host_cycle(struct host *h, uint64_t n, uint32_t batch);

/* The same with one call for a batch of enqueues, claims, commands. */
bool host_cycle_batched(struct host *h, uint64_t n, uint32_t batch);

/* The parts, a batch each. */
bool host_enqueue(struct host *h, uint32_t n);
bool host_claim(struct host *h, uint32_t n);            /* into h->claims */
bool host_act(struct host *h, int32_t verb, uint32_t n); /* on h->claims */

/* A failure of usher's, unless it is USHER_OK; the first one stays. verb: 0 or the command's. */
void host_note(struct host *h, int status, int verb);

/* The manual clock, with all that falls due. */
bool host_advance(struct host *h, int64_t by_ms);

/* The name of the requester who waits for a ticket. */
void host_name(const struct host *h, usher_id ticket, char name[NAME_ROOM]);

/* The numbers 0 .. n - 1 in any order, always the same one. NULL: out of memory. */
uint32_t *any_order(uint64_t n);

#endif
