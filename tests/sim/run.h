/* The run: what its files share. */
#ifndef USHER_SIM_RUN_H
#define USHER_SIM_RUN_H

#include "policy.h"
#include "watch.h"

#define BEGIN_AT INT64_C(1700000000000)

enum { CALLS_MAX = 4000, CALLS_DRAWN = 1200,
       SERVICE_COMMANDS = 400, OPS_MAX = 600, KINDS_MAX = 24, WORKS_MAX = 8, ANY = 1 };

enum { ENQUEUE, CLAIM, CLAIM_TICKET, ACT, KINDS_WITH_OP, FORGOTTEN = KINDS_WITH_OP };

/* How an agent behaves: one never does anything with what it has claimed; one does so only when its lease has ended;
 * one says everything twice; one mistakes another's claim for its own. */
enum { WILLING, DIES, STALLS, TWICE, MISTAKES, MANNERS };

/* A call that was accepted. */
struct call {
    uint32_t number, told, times; /* times: how often its callback must run */
    bool ordered; /* commands complete in the order in which they were accepted */
    bool claims;
    int expected; /* status, or ANY */
    int repeats;  /* the op whose first result it must get; -1: none */
    bool at_once; /* ... which is not there yet; has it none, then its status */
    int remember; /* the op that it has; -1: none */
    uint32_t agent, n, queues; /* of a claim; queues: bits */
    int64_t wait_ms;           /* ... how long it waits at most */
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
    int status;     /* what it was told last */
    uint32_t place; /* the how-manieth that was remembered */
    usher_done done;
    usher_work work[WORKS_MAX];
    size_t work_n;
};

enum { EVENTS, COMPLETIONS, CLAIMS, SERVICES, REOPENED, KILLED, SPENT_MS, QUIETS, LATE, INSIDE, FAULTED, COUNTS };
enum { TRACE_EVENTS, TRACE_DONE, TRACE_WORK, TRACE_PAGES, TRACE_STANDINGS, TRACES };

/* What the services are opened on, and what is done to them besides. */
struct store {
    const char *uri;     /* "memory:", or a store */
    bool reopens, alike; /* it is closed or killed now and then; what is told is to be compared */
    bool moving;         /* memory lies elsewhere, see memory.c */
    struct disk *disk;   /* in memory, as `uri` names it; NULL: none, and nothing can be killed */
};
extern struct store store;

/* What is known of the run outside it, should it end here. */
struct note {
    uint64_t seed;
    uint32_t command;
    char text[900], wrong[400]; /* the command; what is wrong, when it was seen, or "" */
};
extern struct note *note;

/* Which commands of a service are run, and how many draws each of them has: 0 none, it is left out. */
enum { ONLY_MAX = SERVICE_COMMANDS, CLOSING = ONLY_MAX + 1, QUIET }; /* the latter and what follows: of no list */
struct only {
    uint16_t draws[ONLY_MAX]; /* by number - 1; DICE_ALL: as many as it likes */
};
extern const struct only *only; /* NULL: all */

/* What is asked for: see main.c. */
struct asked {
    uint64_t seed, commands;
    const char *uri, *replay;
    bool moving, chosen; /* chosen: only some commands of one seed's service */
    struct only only;
};

bool only_read(const char *list, struct only *out); /* "3,17:4,20-25": the 17th has four draws */
void only_print(const struct only *o, char *to, size_t len);

struct run {
    struct dice dice;
    usher_t *u;
    usher_options options;
    usher_manual_clock_t *clock;
    uint64_t trace[TRACES]; /* what was told and seen */
    bool deaf;         /* what is told is not listened to: it was killed */
    uint64_t seed;
    uint32_t command; /* of this service */
    bool verbose;     /* each command is printed, and what is wrong at length */
    bool drained;     /* all that happened has been told */
    bool failing;     /* the disk does: a call may be told that nobody knows */
    uint32_t asked_n; /* commands after which the service may be asked whether it is in order */
    uint32_t store_failed; /* how often that was told */
    bool nested;      /* callbacks call, too */
    uint32_t inside_n;          /* how many calls callbacks of this command have made */
    bool listens;               /* a second subscription is there */
    uint64_t heard;             /* the last event that it was told; 0: none */
    int manner[AGENTS];
    int64_t grid; /* of durations; 0: none */
    bool closed;
    uint32_t calls_n, last_told, keys_n, keep_closed, op_window_n, remembered_n;
    int64_t op_window_ms;
    uint32_t attempts_n;
    uint32_t weight[KINDS_MAX], symptoms_n;
    struct call *claim_call; /* whom `fits` is for */
    uint8_t fits[TICKETS_MAX + 1];
    uint64_t told[COUNTS]; /* for the summary, of all services */
    /* What follows is not cleared for each service: it is large, and begins where it is used. */
    struct watch watch;
    struct call calls[CALLS_MAX];
    struct attempt attempts[OPS_MAX];
};
extern struct run run;

uint32_t below(uint32_t n);
bool one_in(uint32_t n);
int64_t wall(void);
uint64_t digest_now(void); /* of the service */

/* What is wrong, and the tickets that it speaks of: as the watch believes them and as the service tells them. */
void show_wrong(void);
void show_event(const usher_event *e);

/* Adds to the text of the command. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define wrong(...) watch_wrong(&run.watch, __VA_ARGS__)

/* ---- told.c: what the service says ----------------------------------------------------------- */
void on_event(usher_t *u, const usher_event *e, void *user);
void on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user);
void on_failed(usher_t *u, int status, usher_text why, void *user);
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
/* The service on what has been closed, with this digest, or left behind (NULL): the same queues,
 * agents and clock. */
void store_come_back(const uint64_t *digest);
void close_and_wait(void);
void wait_for_close(void);
void forget_calls(void); /* those that are outstanding */
/* fail.c: the disk fails, and afterwards the service goes on, on a good one. */
void fail_store(void);
void fail_opening(void); /* of what is closed; or it opens all the same, and is closed again */

/* ---- calls ----------------------------------------------------------------------------------- */
struct call *new_call(bool ordered);
/* What the call returned: it is told so often, or not at all. */
void returned(struct call *c, int err, uint32_t times);
struct attempt *new_attempt(int what);
bool is_parked(const struct call *c);

extern const usher_allocator moving_memory;

/* ---- inside.c -------------------------------------------------------------------------------- */
void call_from_inside(int what); /* from a callback; what: TRACE_* */
void close_from_inside(void);
void call_anything(void); /* that has no status it must get */

enum { NOT_BUILT = 77 }; /* how the process ends that was asked for a store, and has none */

/* ---- main.c, shrink.c ------------------------------------------------------------------------ */
/* Does it in a process of its own; quiet: says nothing; seconds: at most. What waitpid() says. */
int run_apart(const struct asked *asked, bool quiet, unsigned seconds);
/* What has failed so, by `note` and status, with as little as possible that still fails so. */
void shrink(const struct asked *asked, int status);

/* One service from its opening to its end. How many commands it ran; 0: it failed. */
uint32_t run_service(uint64_t seed, uint64_t commands);
/* The same in memory and on the store: what is told is the same, and so is what is seen. */
uint32_t run_alike(uint64_t seed, uint64_t commands);

/* Its dice and its text; whether it is one that is run. */
bool begin_command(uint32_t number, const char *text);
void end_command(void);
bool failed(void);

/* quiet.c: everything comes to its end, and that in time. */
void quiet_phase(void);

/* Runs all that is outstanding. */
void drain(void);
void drain_first(void); /* unless it is done */
/* The clock goes on to there, stopping wherever something is due. */
void advance(int64_t to);

/* ---- what is drawn: requests and claims, commands on a ticket, all else ---------------------- */
extern const char *const persons[PERSONS], *const agents[AGENTS], *const skills[SKILLS],
    *const keys[KEYS], *const refs[REFS], *const queues[QUEUES], *const symptoms[SYMPTOMS + 1];

usher_id draw_ticket(void);
void check_parked(void); /* none waits for what is there */
void do_enqueue(usher_request *r, uint32_t queue, uint32_t key, uint32_t needs, int attempt);
void set_agent(uint32_t i, uint32_t bits); /* with these skills */

struct call *do_act(const usher_command *c, int attempt);
/* From queues[first] on; drained: what it can get is known. */
struct call *do_claim(uint32_t agent, uint32_t first, uint32_t n, uint32_t wants, int64_t wait_ms,
                      struct attempt *a);

void draw_enqueue(void);
void draw_many(void);
void draw_claim(void);
void draw_claim_ticket(void);
void draw_cancel(void);
void draw_act(void);
usher_command draw_command(void);
void draw_late(void);
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
