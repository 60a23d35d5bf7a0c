/* The engine from inside: what its files share. Nobody else includes this. */
#ifndef USHER_LOCAL_INSIDE_H
#define USHER_LOCAL_INSIDE_H

#include "local/engine.h"
#include "local/figures.h"
#include "local/noted.h"

struct policy_record {
    struct policy policy;
    uint32_t refs;       /* queues whose current one it is, and tickets taken under it */
    uint32_t definition; /* its number; 0: nobody keeps it */
};

/* For a store: a policy as it was given. It stays, so that a ticket that has left memory can come
 * back; it is compiled as long as it has a user. */
struct definition {
    uint32_t queue, version;
    uint32_t json; /* a name: most are given again and again, at every start of a program */
    uint32_t slot; /* of its record; 0: it has no user */
};

/* For a store: the data of a zone, as policies were compiled with them from `policy` on, up to the next
 * one of the name. Names and data are names to us: the same ones come again and again. */
struct zone_data {
    uint32_t name, bytes;
    uint32_t policy; /* its number */
};

struct subscriber {
    uint32_t name;
    bool noted;
    bool dropped;  /* only so that its row goes with the next cut */
    uint64_t done; /* the last event that it is done with */
};

/* What the row of the service says. */
struct row_state {
    uint64_t last_id, seq, definitions, ops, zones;
    uint64_t counted;              /* up to this event the figures' rows count */
    uint64_t open, queues, agents; /* how many, so that lost rows are seen */
    struct now now, at;            /* without `ahead` */
};

struct changes {
    bool on;
    struct noted tickets, queues, agents; /* by slot; by handle */
    uint64_t last_id;                     /* up to here tickets are in a cut */
    uint64_t counted;                     /* ... and events among its figures */
    uint32_t definitions_cut;             /* ... and policies */
    struct definition *definitions;       /* [number - 1] */
    uint32_t definitions_n, definitions_room;
    struct zone_data *zones; /* [number - 1] */
    uint32_t zones_n, zones_room, zones_cut;
    struct subscriber *subscribers;
    uint32_t subscribers_n, subscribers_room, subscribers_noted;
    struct text *absent; /* the body of a ticket whose body is in the store only */

    /* while rows are taken */
    struct row_state taken;
    uint8_t table;     /* of the latest row */
    uint64_t absent_n; /* bodies that have not come yet */
    uint32_t linked;   /* tickets whose causes may still have to come, by extra.linked_next */
};

/* Whether somebody present has all these skills, as it was found last. */
struct able {
    uint32_t needs[USHER_NEEDS_MAX], n;
    uint32_t agent;  /* one who has; 0: nobody */
    uint64_t learnt; /* engine.learnt then */
};
enum { ABLE_N = 16 };

struct engine {
    struct memory memory;
    usher_allocator allocator; /* the same, for policies */
    int (*zone)(void *ctx, const char *name, void *bytes, size_t *len);
    void *zone_ctx;
    struct intern names;
    struct text_pool texts;

    struct slab tickets;
    struct ids by_id, by_key, by_ref; /* ticket.id; (queue, dedup_key); (queue, ref) */
    uint64_t last_id;
    struct slab policies;

    usher_queue_t **queues; /* [handle - 1] */
    usher_agent_t **agents;
    uint32_t queues_n, queues_room, agents_n, agents_room;
    struct ids queue_by_name, agent_by_name; /* name handle -> handle */

    struct heap dues;   /* by ticket slot, wall clock; keys by usher__timer_key */
    struct heap leases; /* by ticket slot, boot clock */
    struct heap waits;  /* by parked slot, boot clock */
    struct now now;     /* as told, the wall never less than before */
    int64_t boot_skew;  /* what the boot clock is ahead of the host's: it goes on after a reopen */
    int64_t wall;       /* as told */
    struct now at;      /* the instant that is being worked on: now, or that of a late timer */

    struct marks marks;
    struct ops ops;
    struct log log;
    struct figures *figures; /* NULL: nothing has been counted. See figures.h */
    struct causes *causes;   /* NULL: no symptom has been seen. See causes.h */
    uint32_t open_causes;    /* a list of them, see causes.c */
    struct able able[ABLE_N];
    uint32_t able_next;
    uint64_t learnt; /* how often an agent has come, or was given other skills */

    uint32_t closed_oldest, closed_newest, closed_n; /* linked by ticket.next, prev */
    uint32_t keep_closed, hold_closed;               /* so many stay, and so many more for now */
    uint32_t asked;                                  /* as long as questions wait, none goes */

    struct changes changes;

    struct slab parked; /* struct claim *, by slot */
    struct claim *parked_first, *parked_last;
    uint32_t parked_n;
    uint64_t parked_number;
    struct claim *served_first, *served_last;

    /* While a batch is done: the room that it has made for itself, in the log and in each order. */
    size_t batch_len;
    uint32_t batch_n;

    usher_queue_t **fresh; /* queues with something new to claim; room for all of them */
    uint32_t fresh_n, fresh_room;
    char why[3 * USHER_NAME_MAX + 256]; /* the text of READ_WHY_RANK */
};

static inline struct ticket *usher__ticket(const struct engine *e, uint32_t slot)
{
    return usher__slab_at(&e->tickets, slot);
}

/* Starts loading a record that will be needed soon: in a large service it is not in any cache. */
static inline void usher__ticket_prefetch(const struct engine *e, uint32_t slot)
{
    const char *record = usher__slab_at(&e->tickets, slot);

    for (size_t at = 0; at < sizeof(struct ticket); at += 64)
        __builtin_prefetch(record + at, 1);
}

static inline const struct policy *usher__policy(const struct engine *e, uint32_t slot)
{
    const struct policy_record *r = usher__slab_at(&e->policies, slot);

    return &r->policy;
}

static inline usher_queue_t *usher__queue_of(const struct engine *e, uint32_t handle)
{
    return e->queues[handle - 1];
}

static inline usher_agent_t *usher__agent_of(const struct engine *e, uint32_t handle)
{
    return handle == 0 ? NULL : e->agents[handle - 1];
}

/* What by_key and by_ref find: a dedup_key or ref of one queue. */
static inline uint64_t usher__queue_key(uint32_t queue, uint32_t handle)
{
    return (uint64_t)queue << 32 | handle;
}

static inline int64_t usher__timer_key(int64_t at, int cls)
{
    return at > INT64_MAX / CLASSES ? INT64_MAX : at * CLASSES + cls;
}

static inline bool usher__is_over(int state)
{
    return state == USHER_CLOSED || state == USHER_WITHDRAWN;
}

/* Over, and linked to nothing: its row is among those of the closed, and it goes by age. */
static inline bool usher__is_filed(const struct ticket *t)
{
    return usher__is_over(t->state) && (t->extra == NULL || !t->extra->linked);
}

/* Whether applying the queue's policy `latest` reaches it: its policy is an earlier version. */
static inline bool usher__reached(const struct engine *e, const struct ticket *t,
                                  const usher_queue_t *q, uint32_t latest)
{
    return !usher__is_over(t->state) && t->policy != latest &&
           usher__policy(e, t->policy)->queue == q->index;
}

/* What causes.c is told of beside LINK: it has a symptom, or is linked, or a cause. */
static inline bool usher__in_causes(const struct ticket *t)
{
    const struct extra *x = t->extra;

    return x != NULL && (x->symptom != 0 || x->cause != 0 || x->is_cause || x->linked_n > 0);
}

/* ---- changes.c: for a store, see changes.h ------------------------------------------------------ */

static inline void usher__note_ticket(struct engine *e, uint32_t slot, struct ticket *t)
{
    if (!e->changes.on || (t->flags & TICKET_NOTED) != 0)
        return;
    t->flags |= TICKET_NOTED;
    usher__noted_add(&e->changes.tickets, slot);
}

static inline void usher__note_queue(struct engine *e, usher_queue_t *q)
{
    if (!e->changes.on || q->noted)
        return;
    q->noted = true;
    usher__noted_add(&e->changes.queues, q->index);
}

static inline void usher__note_agent(struct engine *e, usher_agent_t *a)
{
    if (!e->changes.on || a->noted)
        return;
    a->noted = true;
    usher__noted_add(&e->changes.agents, a->index);
}

/* All tickets that there are, and one more, can be noted. */
static inline int usher__reserve_notes(struct engine *e)
{
    return e->changes.on
               ? usher__noted_reserve(&e->changes.tickets, &e->memory, e->tickets.fresh + 1)
               : 0;
}

/* ---- policies.c: compiled ones, and as they were given ------------------------------------------ */

/* A new one, with one reference, numbered where it is kept; it owns what p does from then on. ENOMEM. */
int usher__policy_new(struct engine *e, uint32_t queue, const struct policy *p, uint32_t version,
                      const char *json, size_t len, uint32_t *slot);
/* One more reference to the one with this number, compiled if it is not. ECORRUPT: there is none, or
 * it does not compile. ENOMEM. */
int usher__policy_use(struct engine *e, uint64_t number, uint32_t *slot);
void usher__policy_drop(struct engine *e, uint32_t policy);
void usher__policies_free(struct engine *e);
int usher__definition_add(struct engine *e, uint32_t queue, uint32_t version, const char *json,
                          size_t len);
/* Takes the references to both names over, unless it fails. */
int usher__zone_add(struct engine *e, struct zone_data zone);

/* ---- engine.c ----------------------------------------------------------------------------------- */

/* Room for one more queue, and the queue; then it is put among the others, which cannot fail. */
int usher__queue_new(struct engine *e, usher_queue_t **out);
void usher__queue_add(struct engine *e, usher_queue_t *q, uint32_t name, uint32_t policy);
/* A clock that stood at now, with at worked on, when the process ended: by the wall's measure of the time
 * between, the boot clock goes on where it was. */
void usher__resume_clock(struct engine *e, struct now now, struct now at, int64_t wall,
                         int64_t boot);

/* ---- agents.c: who is here, and who can serve what ---------------------------------------------- */

bool usher__has_skills(const usher_agent_t *a, const struct ticket *t);

/* Whether somebody present has all skills that the ticket will need after the command (NULL: a timer). */
bool usher__able(struct engine *e, const struct ticket *t, const struct command *c);

/* Takes the reference to the name over, unless it fails. */
int usher__agent_new(struct engine *e, uint32_t name, usher_agent_t **out);

/* ---- room.c ------------------------------------------------------------------------------------- */

enum { /* bytes of a text that names what is told together */
       OTHERS_LEN = LADDER_MAX * sizeof("ladder[31], ") +
                    PROMISES * WARN_MAX * sizeof("warn[7] of resolve, ")
};

/* Room for whatever the command, or the timer, may do to the ticket; step: the timer's, or NULL. ENOMEM. */
int usher__prepare(struct engine *e, struct ticket *t, const struct command *c);
int usher__prepare_timer(struct engine *e, struct ticket *t, struct timer timer,
                         const struct step *step);

/* The queue that a step moves to; 0: it moves to none, or there is none of that name. */
uint32_t usher__move_to(const struct engine *e, const struct policy *p, const struct step *step);

/* The mark that a command, a step or (both NULL) another timer asks for. */
bool usher__marks_of(const struct engine *e, const struct ticket *t, const struct command *c,
                     const struct step *step, uint32_t *queue, uint32_t *band);

/* ---- facts.c ------------------------------------------------------------------------------------ */

/* For a command, a step, or (both NULL) another timer. */
void usher__find_facts(struct engine *e, const struct ticket *t, const struct command *c,
                       const struct step *step, struct facts *facts);

/* ---- apply.c: the one place where a ticket is changed ------------------------------------------- */

/* Judges and does a command on a prepared ticket. 0 or the rules' error. flags: USHER_WAS_*. */
int usher__apply(struct engine *e, uint32_t slot, const struct command *c, uint32_t *flags);

/* Makes room and fires a ticket's timer at e->at. ENOMEM: nothing has happened. */
int usher__apply_timer(struct engine *e, uint32_t slot, struct timer timer);

/* Fires the steps of the ladder that a command has put into the past. What lacks memory is left to
 * catch_up. */
void usher__apply_overdue(struct engine *e, uint32_t slot);

/* Bytes of log that one command may need, with a text of so many bytes. */
size_t usher__log_need(size_t text_len);

/* An event of the service, ticket 0; room in the log has been made. q: which it is about, or NULL. */
void usher__tell_service(struct engine *e, usher_queue_t *q, struct event *event);

void usher__tell_room(struct engine *e, usher_queue_t *q);
void usher__result_of(struct engine *e, const struct ticket *t, struct result *res);
void usher__forget(struct engine *e, uint32_t slot); /* a closed ticket, or one that never was */
/* Lets the oldest closed tickets go that need not stay. */
void usher__let_closed_go(struct engine *e);

/* A ticket that has been read back goes where its record says: into line, lists, timers, counts and,
 * where it was found by its key or ref, indexes. ENOMEM: nowhere. */
int usher__put_back(struct engine *e, uint32_t slot, bool by_key, bool by_ref);

/* Sets extra.linked, and notes it: a closed ticket leaves the list of those that may be let go, or comes back
 * into it. */
void usher__set_linked(struct engine *e, uint32_t slot, bool linked);

/* ---- claims.c ----------------------------------------------------------------------------------- */

/* The ticket (0: any of the queue's) can now be claimed by somebody who could not before. */
void usher__fresh(struct engine *e, usher_queue_t *q, uint32_t slot);
void usher__fresh_all(struct engine *e);
/* Something was offered to the agent: whatever queues its parked claims are for. */
void usher__wake(struct engine *e, const usher_agent_t *a);
/* Serves the parked claims that can be served. ENOMEM: not all; the rest is tried again at the next
 * call of it. */
int usher__serve(struct engine *e);
/* After a command or timer, its result taken: serves, and lets the oldest closed tickets go. */
void usher__settle(struct engine *e);
void usher__cancel_of(struct engine *e, usher_agent_t *a);
void usher__wait_over(struct engine *e, uint32_t slot);

/* ---- enqueue.c ---------------------------------------------------------------------------------- */

/* A new ticket that no caller asked for, with kind as VERB_ENQUEUE has it (ENQUEUE_CAUSE); its slot. It joins
 * none, and neither hold nor limits refuse it; op is not looked at. All room that it needs is made here, on top
 * of what a batch has made, so it may be called from within usher__causes_follow. What it brings about itself,
 * usher__causes_follow included, has happened when it returns. ENOMEM: nothing has happened. */
int usher__enqueue_own(struct engine *e, usher_queue_t *q, const usher_request *r, int kind,
                       uint32_t *slot);

/* ---- why.c -------------------------------------------------------------------------------------- */

/* In the engine's room for texts. */
void usher__why_rank(struct engine *e, const usher_standing *s, usher_text *out);

/* ---- act.c -------------------------------------------------------------------------------------- */
uint64_t usher__print_command(const usher_command *c);
void usher__op_result(const struct op_entry *entry, struct result *res);
void usher__op_fill(struct op_entry *entry, usher_op op, uint64_t print, const struct result *res);

#endif
