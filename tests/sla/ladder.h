/* A ladder of another system's shape, as far as it can be written as one of ours. */
#ifndef USHER_SLA_LADDER_H
#define USHER_SLA_LADDER_H

#include "line.h"

enum { LADDER_SAYS = 300 };

/* in: steps_delay_min, how long each step waits for the next; repeat, how often all of them come
 * once more; trigger. Runs it through a service and says whether it fires what was expected, or
 * why it cannot. */
void ladder_run(const struct line *l, char said[LADDER_SAYS]);

#endif
