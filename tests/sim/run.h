/* The run: what its files share. */
#ifndef USHER_SIM_RUN_H
#define USHER_SIM_RUN_H

#include "policy.h"
#include "watch.h"

#define BEGIN_AT INT64_C(1700000000000)

enum { CALLS_MAX = 1200, SERVICE_COMMANDS = 400, OPS_MAX = 600, WORKS_MAX = 8, ANY = 1 };

enum { ENQUEUE, CLAIM, CLAIM_TICKET, ACT, KINDS_WITH_OP, FORGOTTEN = KINDS_WITH_OP };

/* A call that was accepted. */
struct call {
    uint32_t number, told, times; /* times: how often its callback must run */
    bool ordered; /* commands complete in the order in which they were accepted */
    bool claims;
    int expected; /* status, or ANY */
    int repeats;  /* the op whose first result it must get; -1: none */
    int remember; /* the op that it has; -1: none */
    uint32_t agent, n, queues; /* of a claim; queues: bits */
    usher_id why_of; /* READ_WHY_DUE: of this ticket's promise */
    int why;
    usher_command command; /* verb 0: none */
    int64_t at;            /* when it was given */
    int from;              /* the ticket's state then; 0: not known */
    uint32_t from_queue;
    usher_promise before[4]; /* its promises then; `compares`: they must be so afterwards, too */
    bool compares, settled;  /* settled: nothing was outstanding when it was read */
    usher_query query;       /* what 0: none */
};

/* A command that has an op, and its first result. */
struct attempt {
    int what; /* ENQUEUE ... */
    bool remembered;
    usher_op op;
    usher_request request;
    usher_command command;
    usher_claim_args claim;
    usher_queue_t *queues[QUEUES];
    uint32_t queue, agent;
    int64_t at;
    uint32_t place; /* the how-manieth that was remembered */
    usher_done done;
    usher_work work[WORKS_MAX];
    size_t work_n;
};

enum { TRACE_EVENTS, TRACE_DONE, TRACE_WORK, TRACE_PAGES, TRACE_STANDINGS, TRACES };

/* What the services are opened on, and what is done to them besides. */
struct store {
    const char *uri;     /* "memory:", or a store */
    bool reopens, alike; /* it is closed or killed now and then; what is told is to be compared */
    bool moving;         /* memory lies elsewhere, see memory.c */
    struct disk *disk;   /* in memory, as `uri` names it; NULL: none, and nothing can be killed */
};
extern struct store store;

struct run {
    struct dice dice;
    struct watch watch;
    usher_t *u;
    usher_options options;
    usher_manual_clock_t *clock;
    uint64_t trace[TRACES]; /* what was told and seen */
    bool deaf;         /* what is told is not listened to: it was killed */
    uint64_t seed, commands;
    uint32_t command; /* of this service */
    char text[600];   /* it */
    bool drained;     /* all that happened has been told */
    bool nested;      /* callbacks call, too */
    bool closed;
    struct call calls[CALLS_MAX];
    uint32_t calls_n, last_told, keys_n, keep_closed, op_window_n, remembered_n;
    int64_t op_window_ms;
    struct attempt attempts[OPS_MAX];
    uint32_t attempts_n;
    uint32_t weight[16], symptoms_n;
    struct call *claim_call; /* whom `fits` is for */
    uint8_t fits[TICKETS_MAX + 1];
    uint64_t told[6]; /* for the summary: events, completions, claims, services, reopened, killed */
};
extern struct run run;

uint32_t below(uint32_t n);
bool one_in(uint32_t n);
int64_t wall(void);

/* Adds to the text of the command. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define wrong(...) watch_wrong(&run.watch, __VA_ARGS__)

/* ---- told.c: what the service says ----------------------------------------------------------- */
void on_event(usher_t *u, const usher_event *e, void *user);
void on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user);
void on_done(usher_t *u, const usher_done *d, void *user);
void on_work(usher_agent_t *a, int status, const usher_work *work, size_t n, void *user);
void on_page(usher_t *u, int status, const usher_page *p, void *user);
void on_close(void *user);

/* Folds what was told into the trace. */
void trace_number(int what, uint64_t n);
void trace_text(int what, const char *text, size_t len);
void trace_standings(void); /* of all tickets, the counts, and when something is due next */

/* ---- store.c: services that are closed or killed and opened again ---------------------------- */
void store_open(const char *uri, struct store *out); /* "disk": one in memory */
void store_free(struct store *s);
void store_empty(void);      /* what is there is gone */
void draw_reopen(void);      /* closes the service, or kills it, and opens it again */
uint64_t store_digest(void); /* of the service */
/* The service on what has been closed, with this digest, or left behind (NULL): the same queues,
 * agents and clock. */
void store_come_back(const uint64_t *digest);
void close_and_wait(void);

/* ---- calls ----------------------------------------------------------------------------------- */
struct call *new_call(bool ordered);
/* What the call returned: it is told so often, or not at all. */
void returned(struct call *c, int err, uint32_t times);
struct attempt *new_attempt(int what);
bool is_parked(const struct call *c);

extern const usher_allocator moving_memory;

/* One service from its opening to its end. How many commands it ran; 0: it failed. */
uint32_t run_service(uint64_t seed, uint64_t commands);
/* The same in memory and on the store: what is told is the same, and so is what is seen. */
uint32_t run_alike(uint64_t seed, uint64_t commands);

/* Runs all that is outstanding. */
void drain(void);
void drain_first(void); /* unless it is done */

/* ---- what is drawn: requests and claims, commands on a ticket, all else ---------------------- */
extern const char *const persons[PERSONS], *const agents[AGENTS], *const skills[SKILLS],
    *const keys[KEYS], *const refs[REFS], *const queues[QUEUES], *const symptoms[SYMPTOMS + 1];

usher_id draw_ticket(void);
void check_parked(void); /* none waits for what is there */
void do_enqueue(usher_request *r, uint32_t queue, uint32_t key, uint32_t needs, int attempt);
void set_agent(uint32_t i, uint32_t bits); /* with these skills */

void draw_enqueue(void);
void draw_many(void);
void draw_claim(void);
void draw_claim_ticket(void);
void draw_cancel(void);
void draw_act(void);
void draw_repeat(void);
void draw_advance(void);
void draw_skip(void);
void draw_step(void);
void draw_define(void);
void draw_hold(void);
void draw_agent(void);
void draw_gone(void);
void draw_read(void);

#endif
