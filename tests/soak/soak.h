/* Kill -9 and look again: what the files of the soak share.
 *
 * The host is a child that works on a store and writes, before each call, what it is about to
 * do, and from each callback what it was told, into a pipe. The ledger is the parent's book of
 * that: it outlives every host, knows nothing of usher but what hosts report, and judges. The
 * next host inherits the book as it then is (fork), so it knows what to ask the store for.
 *
 * A host that is killed loses nothing that it handed to the operating system: this tests the
 * order of things and recovery, never the flush. */
#ifndef USHER_SOAK_H
#define USHER_SOAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <usher/usher.h>

enum { AGENTS = 4, PERSONS = 6, KEYS = 4, SYMPTOMS = 3, ROWS_MAX = 3, QUEUES = 2, TEXT_ROOM = 160 };

/* What a deed is: a verb of usher_act(), or one of these. */
enum { ENQUEUE = 100, CLAIM, CLAIM_TICKET };

/* Something the host sets out to do. Its op is its number, from 1; text, body and ref carry it. */
struct deed {
    int32_t what, kind, priority;
    uint32_t who, agent, n, key, queue; /* n of a request: its symptom */
    bool to_agent; /* a hand-off: not to the queue */
    uint64_t other; /* follows, or is linked to */
    uint32_t len;   /* of the body */
    uint32_t batch; /* of one usher_enqueue_many(): the number of its first; 0: alone */
    uint64_t ticket, token;
    int64_t at, ms;

    /* What is known of it. */
    uint32_t life;
    bool refused, acked, stale; /* stale: a newer claim of the ticket was known when it was given */
    bool retried;               /* repeated in a life that did not come to the end of its check */
    bool asked;                 /* repeated in this life */
    bool survived;              /* acknowledged, or there when it was first repeated */
    int32_t status, state, outcome, got_priority;
    uint64_t got_ticket, got_token, seq;
    int64_t until_at;
    uint32_t rows_n;
    usher_claim rows[ROWS_MAX];
    uint64_t told_seq; /* the event that carries its mark; 0: none was seen */
};

enum {
    LINE_DEED = 1,
    LINE_REFUSED,  /* the call said no */
    LINE_ACK,      /* its callback */
    LINE_ROW,      /* a ticket of the claim that is acknowledged next */
    LINE_AGAIN,    /* it is about to be repeated */
    LINE_REPEATED, /* the callback of that */
    LINE_EVENT,
    LINE_DONE,    /* usher_event_done() is about to be called */
    LINE_HISTORY, /* an event, as the ticket's history has it */
    LINE_TICKET,  /* a ticket, as pages have it */
    LINE_FIGURES, /* of the whole service */
    LINE_CHECKED, /* all deeds up to op, and all events up to seq, have been looked at */
    LINE_CLOSED,  /* the host has closed its service */
    LINE_WRONG    /* text */
};
enum { LIVE = 1, DURABLE, CHECK }; /* who was told an event */
enum { FIGURES = 14 }; /* see figures.c */

struct line {
    int32_t kind, sub;
    uint32_t op, life;
    union {
        struct deed deed;
        struct {
            int32_t status, state, outcome, priority, durability;
            uint64_t ticket, token, seq;
            int64_t until_at;
        } result;
        struct {
            uint64_t seq, ticket, ticket_seq, hash;
            int32_t kind, state, how, priority, level, who; /* who: an agent's number, or -1 */
        } event;
        struct {
            uint64_t ticket, ticket_seq;
            int32_t state, priority, level;
        } ticket;
        uint64_t figures[FIGURES];
        char text[TEXT_ROOM];
    } u;
};

/* ---- the ledger ------------------------------------------------------------------------------ */

struct told {
    uint64_t ticket, ticket_seq, hash;
    int32_t kind, state, priority, level, who;
    uint32_t op; /* 0: it carries no mark */
    bool known;
};

struct counts {
    uint64_t eras, lives, kills, stops, closes, exits, deeds, acks, repeats, events, retold,
        histories, tickets, checks, unknown, lost, wrong;
};

struct ledger {
    struct deed *deeds; /* [op - 1] */
    uint32_t deeds_n, deeds_room;
    struct told *events; /* [seq - 1] */
    uint64_t events_n, events_room;
    uint64_t *tokens; /* [ticket]: the latest that is known to be handed out */
    uint64_t tokens_room;
    uint32_t life;
    uint32_t checked_op;  /* up to here deeds have been checked */
    uint64_t checked_seq; /* ... and events */
    uint64_t told_seq;    /* the last event that anybody was told */
    uint64_t done_seq;    /* the last that the durable one was said to be done with */
    bool clean;           /* the last life closed its service */
    uint64_t last[4];     /* the last event told in this life, by who was told */
    uint32_t last_command;
    usher_claim rows[ROWS_MAX];
    uint32_t rows_n;
    int32_t level;
    uint64_t history_of,
        history_seq; /* the ticket whose history is being told, and how far it is */
    uint64_t tickets_n, enqueued_n;
    uint64_t figures[FIGURES]; /* told in this life; has_figures */
    bool has_figures;
    struct counts counts;
    bool lies; /* the host does: losses are expected, and counted */
    bool copy; /* a host's own: it judges nothing */
};
extern struct ledger ledger;

void ledger_begin(int32_t level); /* a new store */
void ledger_life(void);
void ledger_take(const struct line *line);
void ledger_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ledger_free(void);

struct told *ledger_event(uint64_t seq);

/* figures.c */
void figures_take(const struct line *line);
void figures_end(void); /* of a life */
void figures_add(uint64_t to[FIGURES], const usher_figures *f);

/* What a deed stands for, for people. */
const char *deed_name(const struct deed *d);

/* ---- the host -------------------------------------------------------------------------------- */

struct host_options {
    int pipe;
    const char *path;
    uint64_t seed;
    int32_t level;
    bool lies;  /* says that a request was taken before it was told so */
    bool whole; /* looks at everything, closes and ends */
};

/* Does not return. */
void host_run(const struct host_options *o);

/* host_check.c: looks at what is there. Runs the loop until that is done. */
void host_check(bool whole);

/* What both parts of the host have in common. */
struct host {
    const struct host_options *o;
    struct uv_loop_s *loop;
    usher_t *u;
    usher_queue_t *queues[QUEUES];
    usher_agent_t *agents[AGENTS];
    uint64_t dice;
    uint32_t outstanding; /* callbacks */
    uint32_t most;        /* ... at a time */
    bool ends;            /* the service is closing */
};
extern struct host host;

uint32_t draw(uint32_t n); /* below n */
void report(struct line *line);
void host_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Runs the loop until at most so many callbacks are outstanding. */
void host_wait(uint32_t outstanding);
/* The call that a deed is, or again is. Returns what the call returned. */
int host_call(uint32_t op, bool again);
/* A new deed, reported; its number. */
uint32_t host_deed(struct deed d);
struct line event_line(int kind, int sub, const usher_event *e);

#endif
