/* The driver between its two files: deeds.c does one action, drive.c runs them all. */
#ifndef EXAMPLES_REPLAY_DRIVER_H
#define EXAMPLES_REPLAY_DRIVER_H
#include "drive.h"
#include "past.h"

struct hold { /* who has a ticket in the log, and the token that we work with */
    uint64_t token;
    uint32_t agent;        /* 0: somebody of the queue */
    uint32_t queue;        /* where the log has it */
    bool handed;           /* to there, and not claimed since */
    uint32_t skipped_line; /* of the last row that was skipped */
    bool closed_early;     /* by the policy, before the log did */
};

struct driver {
    usher_t *u; /* what is driven: the store, or memory until it is where the store is */
    usher_t *store;
    usher_manual_clock_t *clock; /* of u */
    usher_manual_clock_t *store_clock;
    struct past past; /* what the store held at the beginning */
    int64_t now;
    const struct log *log;
    const struct timeline *t;
    struct account *account;
    struct assumed *assumed;
    struct drive_result *out;
    struct fault *fault;
    const struct action *action;
    usher_queue_t **queues;    /* [0 .. queues]; 0: "default", if it is needed */
    usher_queue_t *problems;   /* where causes are, if the log or the policy knows any */
    usher_id *causes;          /* [1 .. causes]: tickets, made when needed */
    usher_agent_t **agents;    /* [1 .. agents] */
    usher_agent_t **stand_ins; /* [0 .. queues]: somebody of that queue, made when needed */
    struct hold *holds;        /* [1 .. tickets] */
    const char *policy;
    int status; /* of the command that just ran */
    int32_t outcome;
    usher_claim claim;
};

/* Does what d->action says. 0; -1: the fault is set; positive: the policy had ended the ticket, it
 * is skipped. */
int driver_perform(struct driver *d);

/* How the ticket of d->action stands; state 0: it is not there any more. */
usher_standing driver_look(struct driver *d);

/* After anything that may have made events: if memory is now where the store's past ends, the store
 * is driven from here on, and all handles are the store's. 0, or -1: the fault is set. */
int driver_go_over(struct driver *d);

int driver_fail(struct driver *d, const char *what, int status);

#endif
