/* What the host's figures say, against the events that it was told: they are a fold over them, also
 * across kills. See soak.h. */
#include <inttypes.h>
#include <string.h>

#include "soak.h"

static const int kinds[FIGURES] = {
    USHER_EV_ENQUEUED, USHER_EV_CLAIMED,   USHER_EV_OFFERED,       USHER_EV_DECLINED,
    USHER_EV_RECALLED, USHER_EV_RESOLVED,  USHER_EV_OFFER_EXPIRED, USHER_EV_CLOSED,
    USHER_EV_RECURRED, USHER_EV_WITHDRAWN, USHER_EV_ASKED,         USHER_EV_FAILED,
    USHER_EV_BROKEN,   USHER_EV_ESCALATED,
};

/* Timers run on: they are at least the events that had been told by then, and at most those told in
 * the end. */
static void check_figures(bool ended)
{
    uint64_t n[USHER_EV_NO_AGENT + 1] = {0};

    for (uint64_t seq = 1; seq <= ledger.told_seq; seq++) {
        const struct told *e = ledger_event(seq);

        if (!e->known)
            ledger_wrong("event %" PRIu64 " was never told", seq);
        n[e->kind]++;
    }
    for (int i = 0; i < FIGURES; i++) {
        uint64_t told = n[kinds[i]], is = ledger.figures[i];

        if (ended ? is > told : is < told)
            ledger_wrong("figures: %" PRIu64 " %s, and %" PRIu64 " were told", is,
                         usher_name(USHER_NAME_EVENT, kinds[i]), told);
    }
}

void figures_take(const struct line *line)
{
    memcpy(ledger.figures, line->u.figures, sizeof ledger.figures);
    ledger.has_figures = true;
    check_figures(false);
}

void figures_end(void)
{
    if (ledger.has_figures)
        check_figures(true);
}

/* The same numbers, from a page. */
void figures_add(uint64_t to[FIGURES], const usher_figures *f)
{
    uint64_t broken = f->broken[0] + f->broken[1] + f->broken[2] + f->broken[3];
    const uint64_t is[FIGURES] = {f->enqueued, f->claims,    f->handoffs, f->declined, f->recalled,
                                  f->resolved, f->expired,   f->closed,   f->recurred, f->withdrawn,
                                  f->chases,   f->failed,    broken,      f->escalated};

    for (int i = 0; i < FIGURES && f->priority == 0; i++)
        to[i] += is[i];
}
