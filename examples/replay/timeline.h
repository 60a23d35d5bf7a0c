/* From rows, which say how a ticket is, to actions, which say what was done: all tickets on one
 * timeline.
 *
 * Everything that the log does not say is decided here, looking at the log alone, and counted in
 * assumed. drive.c then only does what stands in the list. */
#ifndef EXAMPLES_REPLAY_TIMELINE_H
#define EXAMPLES_REPLAY_TIMELINE_H
#include "log.h"

enum deed {
    DEED_OPEN,
    DEED_REOPEN,
    DEED_PRIORITY, /* how: the new one */
    DEED_MOVE,     /* what: the queue; how: MOVE_* */
    DEED_HAND_OFF, /* what: the queue; how: MOVE_*: from whose hands it is, or, of a ticket in the line,
                      by somebody of the queue that passes it on; who claims it there accepts */
    DEED_CLAIM, /* what: the agent, 0 is somebody of the queue; does nothing if he has it */
    DEED_ACKNOWLEDGE,
    DEED_WORD,
    DEED_NOTE,
    DEED_PAUSE,  /* what: the state's name; how: USHER_ON_* */
    DEED_RESUME, /* how: USHER_ON_*, 0 is all */
    DEED_RELEASE,
    DEED_RESOLVE,
    DEED_CONFIRM, /* how: 1 if the log does not say it but ends */
    DEED_WITHDRAW,
    DEED_ASK,
    DEED_REPLY, /* how: USHER_COURTESY or 0 */
    DEED_ESCALATE,
    DEED_LINK /* what: the cause's name */
};

enum {
    MOVE_PLAIN,         /* two rows one after the other name two queues: this is what moves are */
    MOVE_ACROSS,        /* rows without a queue lie between */
    MOVE_AFTER_RESOLVE, /* told as a note, since a resolved ticket does not move */
    MOVE_CATCH_UP       /* after a reopen: to where an earlier row said; counted there */
};

struct action {
    int64_t at;
    uint32_t order; /* ties of at */
    uint32_t line;  /* of the row that caused it */
    uint32_t ticket, what;
    int32_t how;
    enum deed deed;
};

struct story { /* what a ticket is enqueued with, and how it ends in the log */
    int64_t opened_at;
    int64_t first_at;
    int64_t ended_at;                            /* closed or withdrawn; -1: neither */
    uint32_t requester, queue, symptom, channel; /* 0: not named at all */
    int32_t priority;
};

struct timeline {
    struct action *actions;
    size_t actions_n, actions_cap;
    struct story *stories;           /* [1 .. tickets] */
    int64_t from_at, to_at;          /* the first opening, the last row */
    uint64_t moves, pauses, reopens; /* as the log has them: the service's events must agree */
    uint64_t links;                  /* of tickets to causes */
};

void timeline_build(struct timeline *t, const struct log *l, struct assumed *assumed);
void timeline_free(struct timeline *t);

#endif
