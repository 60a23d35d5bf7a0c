/* A ticket as bytes: what record.c writes and record_read.c reads back.
 *
 * First a word of bits for what it has, then the numbers that all have, then what the bits say, in their
 * order: a plain ticket is little more than its texts. Instants are told from enqueued_at on. Names
 * stand there in full, for their handles are this process's own; queue, agent and policy have numbers
 * that are the service's. */
#ifndef USHER_LOCAL_RECORD_TICKET_H
#define USHER_LOCAL_RECORD_TICKET_H

#include "local/record.h"

/* The bits; what many have comes first. */
enum {
    HAS_BODY = 1u << 0,
    HAS_RANK = 1u << 1,
    HAS_PROMISE = 1u << 2, /* .. 5: one each */
    HAS_CLAIM = 1u << 6,   /* has been claimed */
    HAS_UNTIL = 1u << 7,
    HAS_SINCE = 1u << 8, /* claimed_boot or resolved_at, where the state gives it a meaning */
    HAS_WORD = 1u << 9,
    HAS_COUNTS = 1u << 10,
    HAS_START = 1u << 11, /* later than enqueued */
    HAS_BEHIND = 1u << 12,
    HAS_REF = 1u << 13,
    HAS_SYMPTOM = 1u << 14,
    HAS_KEY = 1u << 15,
    IS_BY_REF = 1u << 16,
    IS_BY_KEY = 1u << 17,
    HAS_BODY_ROW = 1u << 18,
    HAS_NEEDS = 1u << 19,
    HAS_PERSONS = 1u << 20,
    HAS_NAMED = 1u << 21,
    HAS_PAUSED = 1u << 22, /* has ever been paused or reopened */
    HAS_QUESTION = 1u << 23,
    HAS_PAUSE = 1u << 24, /* .. 26: one each */
    HAS_RUNGS = 1u << 27,
    HAS_UNTOLD = 1u << 28,
    HAS_MORE = 1u << 29, /* a second word of bits: those below */
    HAS_ALL = (1u << 30) - 1
};
enum {
    HAS_CAUSE = 1u << 0,
    HAS_FOLLOWS = 1u << 1,
    HAS_OFFER_QUEUE = 1u << 2,
    HAS_OFFER_AGENT = 1u << 3,
    HAS_HOPS = 1u << 4,
    IS_CAUSE = 1u << 5,
    IS_TOLD_NO_AGENT = 1u << 6,
    IS_LINKED = 1u << 7,
    MORE_ALL = (1u << 8) - 1
};

/* The bit of one of several. */
static inline uint32_t nth(uint32_t first, uint32_t i)
{
    return first << i;
}

static inline bool is_promise(const struct promise *m)
{
    return m->start_at != 0 || m->target != 0 || m->arming != 0 || m->state != 0 || m->flags != 0 ||
           m->warned != 0;
}

static inline bool is_pause(const struct pause *p)
{
    return p->began_at != 0 || p->since_at != 0 || p->end_at != 0 || p->spent != 0 ||
           p->at_max != 0 || p->reminded != 0;
}

/* In the other states what the union holds has no meaning any more. */
static inline bool has_claimed(int state)
{
    return state == USHER_CLAIMED || state == USHER_OFFERED;
}

static inline bool has_since(int state)
{
    return has_claimed(state) || state == USHER_RESOLVED || state == USHER_CLOSED;
}

#endif
