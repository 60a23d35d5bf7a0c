/* Who can serve what: agents' skills against tickets' needs.
 *
 * Whether anybody present can serve a ticket is asked whenever one with needs comes into the line, so
 * the last few answers are kept: a yes with the agent it was given for, which is asked again, a no
 * for as long as no agent has come or learnt. When an agent goes, or unlearns, those that have lost
 * their last one are looked for; mostly another agent has all that it had, and nothing is lost. */
#include "local/inside.h"

#include <string.h>

static bool among(const uint32_t *skills, uint32_t skills_n, const uint32_t *needs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = 0;

        while (k < skills_n && skills[k] != needs[i])
            k++;
        if (k == skills_n)
            return false;
    }
    return true;
}

bool usher__has_skills(const usher_agent_t *a, const struct ticket *t)
{
    return t->extra == NULL || among(a->skills, a->skills_n, t->extra->needs, t->extra->needs_n);
}

/* The first agent present who has all of both; 0: nobody. */
static uint32_t who_can(const struct engine *e, const uint32_t *needs, uint32_t n,
                        const uint32_t *more, uint32_t more_n)
{
    for (uint32_t i = 0; i < e->agents_n; i++) {
        const usher_agent_t *a = e->agents[i];

        if (!a->gone && among(a->skills, a->skills_n, needs, n) &&
            among(a->skills, a->skills_n, more, more_n))
            return a->index;
    }
    return 0;
}

bool usher__able(struct engine *e, const struct ticket *t, const struct command *c)
{
    const struct extra *x = t->extra;
    uint32_t n = x != NULL ? x->needs_n : 0;
    struct able *known = e->able;

    if (c != NULL && c->verb == VERB_JOIN && c->needs_n > 0)
        return who_can(e, c->needs, c->needs_n, x != NULL ? x->needs : NULL, n) != 0;
    if (n == 0)
        return true;
    while (known < e->able + ABLE_N &&
           (known->n != n || memcmp(known->needs, x->needs, n * sizeof(*x->needs)) != 0))
        known++;
    if (known == e->able + ABLE_N) {
        known = &e->able[e->able_next++ % ABLE_N];
        *known = (struct able){.n = n};
        memcpy(known->needs, x->needs, n * sizeof(*x->needs));
    } else if (known->agent == 0 ? known->learnt == e->learnt
                                 : !usher__agent_of(e, known->agent)->gone &&
                                       usher__has_skills(usher__agent_of(e, known->agent), t)) {
        return known->agent != 0;
    }
    known->agent = who_can(e, x->needs, n, NULL, 0);
    known->learnt = e->learnt;
    return known->agent != 0;
}

/* ---- those that have lost their last agent ------------------------------------------------------- */

/* Those of one order. */
static int find_in(struct engine *e, const struct order *from, const uint32_t *skills, uint32_t n,
                   struct order *found)
{
    struct order_item item;
    bool more = usher__order_first(from, &item);
    int err = 0;

    for (; err == 0 && more; more = usher__order_next(from, item.rank, item.id, &item)) {
        const struct ticket *t = usher__ticket(e, item.slot);
        const struct extra *x = t->extra;

        if (t->state != USHER_WAITING || x == NULL || x->needs_n == 0 || x->told_no_agent ||
            !among(skills, n, x->needs, x->needs_n) || usher__able(e, t, NULL))
            continue;
        err = usher__order_reserve(found, 1);
        if (err == 0)
            usher__order_insert(found, LOST_ITS_AGENTS, t->id, item.slot);
    }
    return err;
}

int usher__find_unserved(struct engine *e, const uint32_t *skills, uint32_t n, struct order *found)
{
    int err = 0;

    if (n == 0 || who_can(e, skills, n, NULL, 0) != 0)
        return 0;
    for (uint32_t i = 0; err == 0 && i < e->queues_n; i++) {
        for (uint32_t b = 0; b < PRIORITIES && err == 0 && e->queues[i]->needy > 0; b++)
            err = find_in(e, &e->queues[i]->band[b], skills, n, found);
    }
    for (uint32_t i = 0; err == 0 && i < e->agents_n; i++)
        err = find_in(e, &e->agents[i]->kept, skills, n, found);
    return err;
}
