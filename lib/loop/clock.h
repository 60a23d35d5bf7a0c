/* The two clocks of a service: the machine's, or the host's.
 *
 * A call needs both, and a reading costs as much as some calls do. So of the machine's only the
 * boot-time clock is read each time; the wall clock is derived from it, by a difference that is
 * measured anew when the loop comes round, when the machine says that its clock was set, and at
 * least ten times a second. It is measured so that the derived wall is never ahead of the true one:
 * timers are never early. */
#ifndef USHER_LOOP_CLOCK_H
#define USHER_LOOP_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <usher/usher.h>

#include "core/ticket.h"

struct clock {
    usher_clock host;    /* wall_ms NULL: the machine's */
    int64_t offset_ns;   /* wall minus boot */
    int64_t measured_ns; /* when, on the boot clock */
    bool stale;
};

void usher__clock_init(struct clock *c, const usher_clock *host); /* host: NULL for the machine's */

struct now usher__clock_read(struct clock *c);

/* The offset is measured anew at the next reading. */
static inline void usher__clock_doubt(struct clock *c)
{
    c->stale = true;
}

/* The manual clock behind it; NULL: it is another one. */
usher_manual_clock_t *usher__clock_manual(const struct clock *c);

#endif
