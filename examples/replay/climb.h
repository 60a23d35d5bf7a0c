/* What a policy's ladder did: its steps, whom it told, how high it went. */
#ifndef EXAMPLES_REPLAY_CLIMB_H
#define EXAMPLES_REPLAY_CLIMB_H
#include <stdint.h>
#include <usher/usher.h>

#include "names.h"

enum { CLIMB_STEPS = 64 }; /* of a ladder, that are told apart */

struct climb {
    uint64_t fired[CLIMB_STEPS], tickets[CLIMB_STEPS];
    uint32_t steps_n; /* the highest that fired, plus 1 */
    struct names names;
    uint64_t *told; /* by name: how often */
    size_t told_cap;
    uint64_t tells, tells_later; /* to whomever; when the notify_calendar opened again */
    uint64_t lifts, moves, no_queue;
};

/* Takes an event of a ticket. before: the priority that it had; steps: bits, which have fired for it. */
void climb_event(struct climb *c, const usher_event *e, int32_t before, uint64_t *steps);
void climb_free(struct climb *c);

#endif
