/* Agents: who is here, who can serve what, and what becomes of tickets when an agent goes.
 *
 * Whether anybody present can serve a ticket is asked whenever one with needs comes into the line, so
 * the last few answers are kept: a yes with the agent it was given for, which is asked again, a no
 * for as long as no agent has come or learnt. When an agent goes, or unlearns, those that have lost
 * their last one are looked for; mostly another agent has all that it had, and nothing is lost. */
#include "local/figures.h"
#include "local/inside.h"

#include <string.h>

/* ---- who can --------------------------------------------------------------------------------------- */

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

enum {
    HELD,
    KEPT,
    UNSERVED
}; /* why an agent's going means something to a ticket; KEPT: or offered */

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
            usher__order_insert(found, UNSERVED, t->id, item.slot);
    }
    return err;
}

/* Those waiting that an agent with these skills, who has just gone or lost some, could serve, and now nobody
 * can: into found, by (UNSERVED, id). ENOMEM. */
static int find_unserved(struct engine *e, const uint32_t *skills, uint32_t n, struct order *found)
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

/* ---- who is here ----------------------------------------------------------------------------------- */

static void drop_skills(struct engine *e, uint32_t *skills, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        usher__intern_unref(&e->names, skills[i]);
    usher__free(&e->memory, skills);
}

static int intern_skills(struct engine *e, const char *const *skills, uint32_t n, uint32_t **out)
{
    *out = NULL;
    if (n == 0)
        return 0;
    *out = usher__alloc(&e->memory, n * sizeof(**out));
    if (*out == NULL)
        return USHER_ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        int err = usher__intern_get(&e->names, skills[i], strlen(skills[i]), &(*out)[i]);

        if (err != 0) {
            drop_skills(e, *out, i);
            return err;
        }
    }
    return 0;
}

int usher__agent_new(struct engine *e, uint32_t name, usher_agent_t **out)
{
    void *p = usher__grow(&e->memory, e->agents, &e->agents_room, e->agents_n + 1u, sizeof(void *));
    usher_agent_t *a;

    if (p == NULL)
        return USHER_ENOMEM;
    e->agents = p;
    if (usher__ids_reserve(&e->agent_by_name, 1) != 0)
        return USHER_ENOMEM;
    if (e->changes.on &&
        usher__noted_reserve(&e->changes.agents, &e->memory, e->agents_n + 1u) != 0)
        return USHER_ENOMEM;
    a = usher__zalloc(&e->memory, sizeof(*a));
    if (a == NULL)
        return USHER_ENOMEM;
    a->engine = e;
    a->name = name;
    usher__order_init(&a->kept, &e->memory);
    e->agents[e->agents_n++] = a;
    a->index = e->agents_n;
    usher__ids_insert(&e->agent_by_name, name, a->index);
    *out = a;
    return 0;
}

/* Room to tell so many tickets, and the service, of it: what comes back may have no agent, too. */
static int reserve_events(struct engine *e, uint32_t n)
{
    int err = usher__figures_reserve_many(e, n);

    return err != 0 ? err
                    : usher__log_reserve(&e->log, (2 * (size_t)n + 1) *
                                                      usher__log_len(2 * (USHER_NAME_MAX + 1)));
}

/* What an agent's going, or unlearning, does to each ticket, in this order, and by id. Returns how many
 * were released. */
static uint32_t let_go_of_all(struct engine *e, const usher_agent_t *a, const struct order *by_id)
{
    struct order_item item;
    bool more = usher__order_first(by_id, &item);
    uint32_t flags, released = 0;

    while (more) {
        struct command c = {.verb = VERB_NO_AGENT};

        if (item.rank == HELD)
            c = (struct command){.verb = VERB_LEAVE, .who = a->name};
        else if (item.rank == KEPT && usher__ticket(e, item.slot)->state == USHER_OFFERED)
            c = (struct command){.verb = USHER_DECLINE, .kind = 1, .who = a->name};
        else if (item.rank == KEPT)
            c = (struct command){.verb = VERB_UNKEEP, .who = a->name};
        usher__apply(e, item.slot, &c, &flags);
        released += item.rank == HELD;
        more = usher__order_next(by_id, item.rank, item.id, &item);
    }
    return released;
}

/* It is present, with these skills instead of those it had; they are the agent's then. Who has lost their last
 * agent by that is told. ENOMEM: nothing has happened. */
static int teach(struct engine *e, usher_agent_t *a, uint32_t *skills, uint32_t n)
{
    const usher_agent_t was = *a;
    struct order lost;
    int err = 0;

    usher__order_init(&lost, &e->memory);
    a->skills = skills;
    a->skills_n = n;
    a->gone = false;
    e->learnt++;
    if (!was.gone)
        err = find_unserved(e, was.skills, was.skills_n, &lost);
    if (err == 0 && lost.n > 0)
        err = reserve_events(e, lost.n);
    if (err == 0) {
        let_go_of_all(e, a, &lost);
        drop_skills(e, was.skills, was.skills_n);
        usher__note_agent(e, a);
    } else {
        *a = was;
        e->learnt++;
    }
    usher__order_free(&lost);
    return err;
}

int usher__engine_agent(struct engine *e, const char *name, const char *const *skills, uint32_t n,
                        usher_agent_t **out)
{
    usher_agent_t *a;
    uint32_t handle, found, *fresh;
    int err = usher__intern_get(&e->names, name, strlen(name), &handle);

    if (err != 0)
        return err;
    err = intern_skills(e, skills, n, &fresh);
    if (err != 0) {
        usher__intern_unref(&e->names, handle);
        return err;
    }
    found = usher__ids_find(&e->agent_by_name, handle);
    if (found != 0) {
        usher__intern_unref(&e->names, handle); /* the agent has its own reference */
        a = e->agents[found - 1];
    } else {
        err = e->agents_n >= USHER_AGENTS_MAX ? USHER_ELIMIT : usher__agent_new(e, handle, &a);
        if (err != 0)
            usher__intern_unref(&e->names, handle);
    }
    if (err == 0)
        err = teach(e, a, fresh, n);
    if (err != 0) {
        drop_skills(e, fresh, n);
        return err;
    }
    usher__fresh_all(e); /* it may now be served where it could not */
    usher__settle(e);
    *out = a;
    return 0;
}

static int reserve_return(struct engine *e, const struct ticket *t, uint32_t n)
{
    int err = usher__order_reserve(&usher__queue_of(e, t->queue)->band[t->priority - 1], n);

    if (err == 0 && t->state == USHER_OFFERED) /* kept for who offered it */
        err = usher__order_reserve(&usher__agent_of(e, t->holder)->kept, n);
    return err;
}

/* Room for all that it holds at once, what releases it cannot stop half way; and its tickets, and those that
 * nobody present can serve without it, by id. */
static int prepare_gone(struct engine *e, const usher_agent_t *a, struct order *by_id)
{
    uint32_t tickets = a->held_n + a->kept.n;
    int err = tickets > 0 ? usher__order_reserve(by_id, tickets) : 0;
    struct order_item item;
    bool more = usher__order_first(&a->kept, &item);

    for (uint32_t slot = a->held; err == 0 && slot != 0; slot = usher__ticket(e, slot)->next) {
        usher__order_insert(by_id, HELD, usher__ticket(e, slot)->id, slot);
        err = reserve_return(e, usher__ticket(e, slot), tickets);
    }
    while (err == 0 && more) {
        usher__order_insert(by_id, KEPT, item.id, item.slot);
        err = reserve_return(e, usher__ticket(e, item.slot), tickets);
        more = usher__order_next(&a->kept, item.rank, item.id, &item);
    }
    if (err == 0)
        err = find_unserved(e, a->skills, a->skills_n, by_id);
    return err != 0 ? err : reserve_events(e, by_id->n);
}

int usher__engine_gone(usher_agent_t *a, struct result *res)
{
    struct engine *e = a->engine;
    struct order by_id;
    uint32_t n;
    int err;

    if (a->gone)
        return USHER_ESTATE;
    usher__order_init(&by_id, &e->memory);
    a->gone = true;
    err = prepare_gone(e, a, &by_id);
    if (err == 0) {
        usher__cancel_of(e, a);
        usher__note_agent(e, a);
        n = let_go_of_all(e, a, &by_id);
        usher__tell_service(e, NULL,
                            &(struct event){.kind = USHER_EV_AGENT_GONE, .who = a->name, .n = n});
        *res = (struct result){.seq = e->log.seq};
        usher__settle(e);
    } else {
        a->gone = false;
        e->learnt++;
    }
    usher__order_free(&by_id);
    return err;
}
