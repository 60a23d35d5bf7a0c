/* What the rules must know of other tickets, and of agents: the table says which of it a command asks for. */
#include "local/causes.h"
#include "local/inside.h"

/* How many tickets would have come before this one where it stands, had it not been taken out of turn. */
static uint32_t passed_over(const struct engine *e, const struct ticket *t, uint32_t agent)
{
    const struct place p = usher__place(t);
    const usher_queue_t *q = usher__queue_of(e, p.queue);
    uint32_t first = usher__shares_first_above(&q->shares, p.band);
    uint32_t n;

    if (p.where == PLACE_KEPT && p.agent == agent)
        return 0;
    n = usher__order_count_before(&q->band[p.band], p.rank, t->id);
    for (uint32_t b = 0; b < PRIORITIES; b++) {
        if ((first & 1u << b) != 0)
            n += q->band[b].n;
    }
    return n;
}

static void find_cause(const struct engine *e, usher_id id, struct facts *facts)
{
    uint32_t slot = usher__ids_find(&e->by_id, id);
    const struct ticket *cause = slot != 0 ? usher__ticket(e, slot) : NULL;

    facts->cause = slot != 0 ? id : 0;
    facts->cause_state = cause != NULL ? cause->state : 0;
    facts->cause_linked = cause != NULL && cause->extra != NULL ? cause->extra->linked_n : 0;
}

enum { RARE_FACTS = FACT_ABLE | FACT_AGENT | FACT_SYMPTOM | FACT_CAUSE };

/* Those that only a ticket asks for that has more than most. */
static __attribute__((noinline)) void find_rare(struct engine *e, const struct ticket *t,
                                                const struct command *c, uint32_t wanted,
                                                struct facts *facts)
{
    if ((wanted & FACT_ABLE) != 0)
        facts->able = usher__able(e, t, c);
    if ((wanted & FACT_AGENT) != 0)
        facts->agent_present = c->to_agent != 0 && !usher__agent_of(e, c->to_agent)->gone;
    if ((wanted & FACT_CAUSE) != 0)
        find_cause(e, c->other, facts);
    if ((wanted & FACT_SYMPTOM) == 0)
        return;
    facts->recent = facts->recent_by = facts->cause_queue = 0;
    facts->earlier = facts->cause = 0;
    if (t->extra->symptom != 0)
        usher__causes_facts(e, t, usher__policy(e, t->policy), facts);
}

/* Field by field, in place: what is made elsewhere and copied costs more than all of this. */
void usher__find_facts(struct engine *e, const struct ticket *t, const struct command *c,
                       const struct step *step, struct facts *facts)
{
    uint32_t wanted = c != NULL ? usher__verb(c->verb)->facts : FACT_MARK | FACT_HOLDER | FACT_ABLE;
    uint32_t queue = t->queue, band;
    bool marks = (wanted & FACT_MARK) != 0 && usher__marks_of(e, t, c, step, &queue, &band);

    if (t->state == USHER_OFFERED && c != NULL &&
        (c->verb == VERB_CLAIM || c->verb == VERB_CLAIM_TICKET))
        queue = usher__place(t).queue; /* it goes there by that */
    facts->here = usher__policy(e, usher__queue_of(e, queue)->policy);
    facts->mark.ticket = 0;
    facts->holder_name = 0;
    facts->holder_present = false;
    facts->passed_over = 0;
    if (marks && facts->here->gap > 0)
        facts->mark = usher__marks_find(&e->marks, queue, band, t->requester);
    if ((wanted & FACT_HOLDER) != 0 && t->holder != 0) {
        const usher_agent_t *holder = usher__agent_of(e, t->holder);

        facts->holder_name = holder->name;
        facts->holder_present = !holder->gone;
    }
    if ((wanted & FACT_PASSED_OVER) != 0)
        facts->passed_over = passed_over(e, t, c->agent);
    if ((wanted & RARE_FACTS) != 0 && t->extra != NULL)
        find_rare(e, t, c, wanted, facts);
}
