/* usher - an embeddable service queue on the host's libuv loop.
 *
 * People bring requests; they stand in a line; agents claim them, say a word, pause, resolve. Every clock is taken from the
 * side of the person who waits. This header is the manual: read this page once, then each function where you use it.
 *
 *  Threads    One thread owns a service: the one that opened it and runs its loop. usher_post() alone may be called from
 *             any other thread; everything else answers USHER_ETHREAD there, or is undefined where it cannot answer.
 *  Accepted   A call that returns 0 is accepted: its callback runs exactly once, later, on the loop, never inside the call.
 *             A call that returns anything else had no effect and has no callback. What YOU got wrong is returned (EINVAL,
 *             ELIMIT, EFULL, ENOMEM, EPOLICY, ETHREAD, ECANCELED once the service is closing); what the ticket says
 *             (ENOENT, ESTALE, ESTATE, EINVAL for an instant that has passed) arrives as status.
 *  Callbacks  The state is complete before your code runs, so a callback may call anything, usher_close() included.
 *             NULL is fire and forget: failures then go to options.on_lost.
 *  Order      Commands complete in the order in which they were accepted, each after the events that it caused. Claims and
 *             reads complete when they can.
 *  Outcomes   USHER_OK; an error: not applied and never will be; USHER_EUNKNOWN: one of the two, ask again with the same op.
 *  Delivery   A claim is a lease: work is handed out at least once. A change is applied at most once per token, so a late
 *             holder's resolve is refused (ESTALE). Make your own side effects idempotent, or pass the token on.
 *  Durability A callback with USHER_OK, and an event that is told, mean that the change has reached the service's level:
 *             USHER_NONE (`memory:`): it is gone when the process ends. USHER_PROCESS: the operating system has the bytes; they
 *             outlive the process, not a crash of the machine. USHER_DISK (`sqlite:PATH`): flushed before the callback runs. What
 *             a crash takes is always the latest part: the service reopens to a state that it once had. usher_peek() and
 *             usher_counts() do not wait for the level. After a failed flush nothing is tried again: what is outstanding ends as
 *             USHER_EUNKNOWN, every call is USHER_EFAILED, and reopening recovers.
 *  Fork       A service belongs to the process that opened it: in a child every call is USHER_EFORK.
 *  Memory     What you pass in is copied before the call returns. What a callback is handed lives until it returns; what
 *             usher_peek() hands you, until your next call into this service or your return to the loop. Everything is
 *             allocated through options.allocator, but for what libuv and SQLite allocate themselves. Running out is an error.
 *  Time       *_at: ms since 1970-01-01 UTC. *_ms: a duration. Promises follow the wall clock; leases, and the wait of a
 *             parked claim, the boot-time clock. Timers are never early. A wall clock that steps back holds still until
 *             it has caught up.
 *  Structs    Option structs begin with their own size and mean the default wherever they are zero. Bytes beyond the size
 *             that this library knows must be zero (EINVAL). USHER_INIT sets up any of them.
 *  Who        usher has no users and no passwords: who may do what is your affair. A person who is not one of the ticket's,
 *             a ticket in the wrong state, a queue that is held: ESTATE.
 *  NULL       usher_close() accepts NULL. Nothing else does, except where it says so.
 *
 * Other systems' words: a claim is a lease or visibility timeout, `stuck` a dead letter, a promise an SLA clock, `broken` an
 * SLA breach.
 */
#ifndef USHER_H
#define USHER_H
#include <stddef.h>
#include <stdint.h>
#include <usher/version.h>

#if defined(__GNUC__)
#define USHER_API __attribute__((visibility("default")))
#else
#define USHER_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;
typedef struct usher_s usher_t;             /* a service: one store, its queues and one clock, on one loop */
typedef struct usher_queue_s usher_queue_t; /* a named line; lives as long as the service; there is no free */
typedef struct usher_agent_s usher_agent_t; /* who serves; lives as long as the service, usher_agent_gone() lets go */
typedef uint64_t usher_id;                  /* a ticket; ascending, never used again; 0 is none */

#define USHER_NEVER INT64_MAX               /* an instant or duration without end */
#define USHER_AT_MAX INT64_C(253402300799999) /* the last instant taken: the end of the year 9999 */

/* ---- limits: one more is ELIMIT ------------------------------------------------------------------------------------- */
#define USHER_NAME_MAX 255        /* bytes of a name: queue, agent, requester, ref, symptom, dedup_key, skill; at least 1 */
#define USHER_TEXT_MAX 65536      /* bytes of a word, question or reason */
#define USHER_BODY_MAX 16777216   /* bytes of a body, whatever limits.payload of the policy allows */
#define USHER_POLICY_MAX 1048576  /* bytes of a policy's JSON text */
#define USHER_NEEDS_MAX 16        /* skills that a ticket needs */
#define USHER_SKILLS_MAX 64       /* skills that an agent has */
#define USHER_PERSONS_MAX 1000    /* persons who wait for one ticket */
#define USHER_PAUSES_MAX 1000     /* pauses and reopens of one ticket */
#define USHER_LINKS_MAX 1000      /* tickets linked to one cause: one more is not linked, and a command to do so is ELIMIT */
#define USHER_SYMPTOMS_MAX 65536  /* symptoms remembered by one service: the one that was not seen for longest is forgotten */
#define USHER_FIGURE_DAYS 32      /* days of which figures are kept apart, today included */
#define USHER_CLAIM_MAX 1000      /* tickets of one claim */
#define USHER_CLAIM_QUEUES_MAX 64 /* queues of one claim */
#define USHER_BATCH_MAX 10000     /* requests of one usher_enqueue_many(), commands of one usher_act_many() */
#define USHER_QUEUES_MAX 65535    /* queues of one service */
#define USHER_AGENTS_MAX 1000000  /* names of agents, present or gone, of one service */
#define USHER_SUBSCRIBERS_MAX 64  /* subscriptions of one service */
#define USHER_ROWS_MAX 1000       /* rows of one page */
#define USHER_UNDONE_MAX 1024     /* events told to a named subscription and not yet done: then it waits */
#define USHER_PATH_MAX 500        /* bytes of a store's or backup's path, made absolute (SQLite's own limit is 512) */
#define USHER_UNSAVED_MAX 67108864 /* bytes of history that wait for the store: from three quarters on enqueue is EFULL, then all */

/* ---- errors ----------------------------------------------------------------------------------------------------------- */
/* -20999..-20000, never renumbered. libuv's own codes (-4095..-1) pass through. */
#define USHER_ERROR_MAP(X)                                                                \
    X(EINVAL, -20001, "invalid argument")                                                 \
    X(ENOMEM, -20002, "out of memory")                                                    \
    X(ELIMIT, -20003, "larger than a stated limit")                                       \
    X(EFULL, -20004, "full: try again when there is room")                                \
    X(ENOENT, -20005, "no such ticket, queue, agent or subscription")                     \
    X(ESTATE, -20006, "not possible in this state")                                       \
    X(ESTALE, -20007, "the claim has ended: the token is stale")                          \
    X(ECANCELED, -20009, "canceled: the agent has gone or the service is closing")        \
    X(ETIMEDOUT, -20010, "waited as long as was asked, and nothing came")                 \
    X(EPOLICY, -20011, "the policy is wrong, see the detail")                             \
    X(ESTORE, -20013, "the store refused, nothing was applied")                           \
    X(EUNKNOWN, -20014, "may or may not have been applied: repeat it with the same op")   \
    X(EFAILED, -20015, "the store has failed: close the service and open it again")       \
    X(EBUSY, -20016, "the store is open elsewhere")                                       \
    X(ECORRUPT, -20017, "the store is damaged, or not one of usher's")                    \
    X(EVERSION, -20018, "the store was written by a newer version")                       \
    X(EFORK, -20019, "the service belongs to the parent process")                         \
    X(ETHREAD, -20020, "called from a thread that does not own the service")

enum {
    USHER_OK = 0,
#define USHER_X(name, code, text) USHER_##name = code,
    USHER_ERROR_MAP(USHER_X)
#undef USHER_X
};

/* Total over int, never NULL; static strings. err_name gives "USHER_ESTALE", and for libuv's codes what libuv says. */
USHER_API const char *usher_strerror(int err);
USHER_API const char *usher_err_name(int err);

/* The version of the library that runs, as USHER_VERSION_NUMBER is the one that you compiled against. */
USHER_API uint32_t usher_version(void);

/* ---- words that are numbers (0 is always "default" or "none") ------------------------------------------------------- */
enum { USHER_LOW = 1, USHER_NORMAL = 2, USHER_HIGH = 3, USHER_URGENT = 4 }; /* 0: normal */

enum {
    USHER_SCHEDULED = 1, /* until its start_at, or until a failed attempt may be tried again */
    USHER_WAITING = 2,   /* in the line, or kept for its last holder */
    USHER_CLAIMED = 3,   /* an agent holds it */
    USHER_OFFERED = 4,   /* handed off, not yet accepted: the giver answers for it, and his token stands */
    USHER_PAUSED = 5,    /* waiting for the requester, a third party, or an instant */
    USHER_STUCK = 6,     /* attempts used up; usher_act(USHER_REVIVE) or usher_claim_ticket() bring it back */
    USHER_RESOLVED = 7,  /* our claim, until confirmed */
    USHER_CLOSED = 8,    /* confirmed, or nobody objected */
    USHER_WITHDRAWN = 9, /* by its last person; final */
    USHER_STATES = 10
};

enum { USHER_PROMISE_ACK = 1, USHER_PROMISE_ANSWER = 2, USHER_PROMISE_UPDATE = 3, USHER_PROMISE_RESOLVE = 4 };
enum { USHER_RUNNING = 1, USHER_KEPT = 2, USHER_BROKEN = 3, USHER_LAPSED = 4 }; /* a promise's state; 0: not made */

enum { /* every command on one ticket */
       /* with a claim: the token is needed */
       USHER_ACKNOWLEDGE = 1, /* say by name that it is held; kind USHER_BY_MACHINE: a receipt, which takes no token */
       USHER_UPDATE = 2,      /* a word to the requester (text needed); at: "next word by" */
       USHER_EXTEND = 3,      /* lease: ms from now, 0 = the policy's lease.for; clipped at lease.max, never shortened */
       USHER_RELEASE = 4,     /* back to the line; within a minute of the claim it counts as passed over */
       USHER_PAUSE = 5,       /* kind: USHER_ON_*; text: the question or reason; at: until */
       USHER_RESUME = 6,      /* kind: USHER_ON_*, 0 = all; with no pause left it waits, kept for its holder */
       USHER_RESOLVE = 7,     /* kind: USHER_AS_*; text: the answer */
       USHER_FAIL = 8,        /* the attempt failed: again after the policy's backoff, or stuck */
       USHER_HAND_OFF = 9,    /* exactly one of queue, agent: offers it there; text: why. The giver answers for it until somebody claims
                                 it there, which accepts. Declined, or not accepted within handoff.accept_within: it waits again, kept
                                 for the giver, one level up, his claim ended; only USHER_RECALL lets that go on. No clock of the
                                 requester's is touched. After handoff.hops of them it stays, one level up: outcome
                                 USHER_WAS_ESCALATED. An agent that has gone, or the holder: ESTATE */
       /* by a requester: who is needed, and must be one of the ticket's persons */
       USHER_ASK = 32,     /* "what is going on?": a chase, counted */
       USHER_REPLY = 33,   /* text; kind USHER_COURTESY ("thanks!") ends no pause and reopens nothing */
       USHER_CONFIRM = 34, /* it is solved indeed; closed when all persons have said so */
       USHER_REOPEN = 35,  /* it is not */
       USHER_WITHDRAW = 36,
       /* by the desk */
       USHER_REVIVE = 64,       /* stuck -> waiting, attempts from 0 */
       USHER_RECALL = 65,       /* ends an offer: the giver's claim goes on, its token too; has he gone, it waits */
       USHER_DECLINE = 66,      /* refuses an offer; text: why */
       USHER_ESCALATE = 67,     /* level + 1 */
       USHER_REPRIORITISE = 68, /* kind: the new priority */
       USHER_MOVE = 69,         /* queue: where to. Claim, pause and clocks stay: a holder who wants to be rid of it releases
                                    it too; one that is kept is so no more. Promises, pauses and after-care stay those of the policy that it was
                                    enqueued under; line and lease are the new queue's. The same queue: only told */
       USHER_NOTE = 70,         /* for the record */
       USHER_LINK = 71          /* other: the ticket about its cause, which must be open; 0: to none any more. A ticket has one
                                   cause; resolving either never touches the other, but see USHER_RESOLVE in the README */
};
enum { USHER_TO_QUEUE = 1, USHER_TO_AGENT = 2 };                         /* to whom an offer was made */
enum { USHER_BY_MACHINE = 1 };                                          /* kinds of USHER_ACKNOWLEDGE */
enum { USHER_COURTESY = 1 };                                            /* kinds of USHER_REPLY */
enum { USHER_ON_REQUESTER = 1, USHER_ON_THIRD_PARTY = 2, USHER_UNTIL = 3 }; /* kinds of USHER_PAUSE and USHER_RESUME */
enum { USHER_AS_ANSWERED = 1, USHER_AS_FIX = 2, USHER_AS_WORKAROUND = 3, USHER_AS_NO_REPLY = 4 /* by the policy only */ };

enum { /* what an event tells; the ticket's history is made of them */
       USHER_EV_ENQUEUED = 1,      /* who: the requester; the body is not in it: USHER_READ_BODY */
       USHER_EV_JOINED = 2,        /* who: one more person, or the same one again; text: his body */
       USHER_EV_STARTED = 3,       /* start_at has come, or the backoff is over */
       USHER_EV_CLAIMED = 4,       /* who: the agent; n: how many would have come first, when it was taken out of turn; how:
                                      USHER_TO_* when it accepts an offer; took_ms: of its first claim, how long it waited for that */
       USHER_EV_ACKNOWLEDGED = 5,
       USHER_EV_RECEIPT = 6,       /* acknowledged by a machine */
       USHER_EV_UPDATED = 7,       /* until_at: the next word was promised by then */
       USHER_EV_EXTENDED = 8,      /* until_at: the lease */
       USHER_EV_RELEASED = 9,      /* n: 1 when within a minute of the claim */
       USHER_EV_PAUSED = 10,       /* how: USHER_ON_*; until_at; text: the question; n: 1 when it stops a promise in the last
                                      tenth of its target */
       USHER_EV_RESUMED = 11,      /* how: USHER_ON_*, 0 = all */
       USHER_EV_PAUSE_ENDED = 12,  /* how: USHER_ON_*: it ran out */
       USHER_EV_REMINDED = 13,     /* n: 1 for the first reminder of this pause */
       USHER_EV_RESOLVED = 14,     /* how: USHER_AS_*; took_ms: since start_at */
       USHER_EV_FAILED = 15,       /* n: attempts so far; until_at: the next one */
       USHER_EV_STUCK = 16,        /* n: attempts */
       USHER_EV_LEASE_EXPIRED = 17, /* who: the agent; n: attempts so far */
       USHER_EV_KEEP_ENDED = 18,   /* no longer kept for its last holder */
       USHER_EV_ASKED = 19,        /* n: chases so far */
       USHER_EV_REPLIED = 20,      /* how: USHER_COURTESY or 0. It ends a pause on the requester without a RESUMED */
       USHER_EV_CONFIRMED = 21,
       USHER_EV_REOPENED = 22,
       USHER_EV_LEFT = 23,         /* one of several persons has withdrawn */
       USHER_EV_WITHDRAWN = 24,    /* to: the agent whose claim that ended, or NULL */
       USHER_EV_CLOSED = 25,       /* took_ms: from start_at to the resolve that held */
       USHER_EV_REVIVED = 26,
       USHER_EV_ESCALATED = 27,
       USHER_EV_REPRIORITISED = 28, /* how: the priority */
       USHER_EV_MOVED = 29,        /* to: the queue */
       USHER_EV_NOTED = 30,
       USHER_EV_CHECK_IN = 31,     /* ask the requester whether it holds; n: 1 for the first. 0: its cause, `other`, has been
                                      fixed, text says how */
       USHER_EV_WARNED = 32,       /* promise; n: per cent of the target that are used. text: as in STEPPED */
       USHER_EV_BROKEN = 33,       /* promise; due_at: what had been promised; at: 1 ms later, for a word at due_at keeps it */
       USHER_EV_STEPPED = 34,      /* a step of the ladder, see `rule`: promise; n: 0, or of how manieth repeat; notify: whom to
                                      tell; level, priority and queue: as they are after it; to: the queue, if it was moved. No
                                      ESCALATED, REPRIORITISED or MOVED comes beside it. Late ones
                                      are told as one: text then names the others, "warn[0] of resolve, ladder[1]" */
       USHER_EV_NO_QUEUE = 35,     /* rule wanted to move it to `to`, which there is not: it stays */
       USHER_EV_APPLIED = 36,      /* it has the later policy_version now, see usher_apply() */
       USHER_EV_OFFERED = 37,      /* who: the giver; to: the queue or agent, how: USHER_TO_*; n: hand-offs so far; until_at */
       USHER_EV_RECALLED = 38,     /* until_at: the giver's lease; 0: he has gone, it waits. to, how: as in OFFERED */
       USHER_EV_DECLINED = 39,     /* who; n: 1 when the agent has gone to whom it was offered. to, how: as in OFFERED */
       USHER_EV_QUEUE_DEFINED = 40, /* ticket 0; policy_version */
       USHER_EV_QUEUE_HELD = 41,   /* ticket 0; how: USHER_HOLD_* */
       USHER_EV_ROOM = 42,         /* ticket 0; the queue (NULL: the store) that answered EFULL has room again */
       USHER_EV_AGENT_GONE = 43,   /* ticket 0; who; n: tickets that it released */
       USHER_EV_LOST = 44,         /* ticket 0; told to a named subscription only: n events up to this seq are no longer kept */
       USHER_EV_PURGED = 45,       /* ticket 0; n: tickets */
       USHER_EV_ZONE_CHANGED = 46, /* ticket 0, inside usher_open(), so that only named subscriptions are told; to: a zone of which this machine has other data than the policies in
                                      use were compiled with. They go on with theirs; a new usher_define() takes the machine's */
       USHER_EV_OFFER_EXPIRED = 47, /* not accepted in time: it waits, kept for the giver. to, how: as in OFFERED */
       USHER_EV_RECURRED = 48,     /* its symptom has come before; n: how often within recurrence.window, this one included; how: of
                                      these, by the same requester; other: the latest one before */
       USHER_EV_LINKED = 49,       /* other: its cause (0: none any more); or, told of a cause: a ticket that it is the cause of */
       USHER_EV_CAUSE_TOLD = 50,   /* its cause, `other`, was resolved; how: USHER_AS_WORKAROUND or USHER_AS_FIX; text */
       USHER_EV_NO_AGENT = 51      /* it waits, and no agent that is present has all the skills it needs. Once, until it is claimed */
};

enum { USHER_NONE = 1, USHER_PROCESS = 2, USHER_DISK = 3 }; /* durability levels, see the top */
enum { USHER_RUN = 0, USHER_HOLD_CLAIMS = 1, USHER_HOLD_ENQUEUE = 2 }; /* 3: both */
enum { USHER_WAS_JOINED = 1, USHER_WAS_CLIPPED = 2, USHER_WAS_REPEATED = 4, USHER_WAS_ESCALATED = 8 }; /* bits of usher_done.outcome */

enum { USHER_NAME_STATE = 1, USHER_NAME_VERB, USHER_NAME_EVENT, USHER_NAME_PROMISE, USHER_NAME_PRIORITY };
/* The word for a number: usher_name(USHER_NAME_STATE, USHER_WAITING) is "waiting". "?" for one that means nothing. */
USHER_API const char *usher_name(int what, int value);

/* ---- value structs: fixed size, no padding -------------------------------------------------------------------------- */
/* usher_request r = USHER_INIT(usher_request); */
#ifdef __cplusplus
#define USHER_INIT(type) { sizeof(type) }
#else
#define USHER_INIT(type) { .size = sizeof(type) }
#endif

typedef struct usher_text { /* any bytes; NUL follows what the library hands out; {NULL, 0} is none */
    const char *data;
    uint64_t len;
} usher_text;

#define USHER_TEXT(literal) { (literal), sizeof(literal) - 1 } /* usher_text t = USHER_TEXT("hello"); */

typedef struct usher_op { /* 128 bits that name one attempt of yours, for repeating it safely; 0,0 = none */
    uint64_t hi, lo;
} usher_op;

typedef struct usher_claim { /* a lease: a value, copy it, keep it. The token of a ticket only ever grows. */
    usher_id ticket;
    uint64_t token;
} usher_claim;

/* ---- the service ---------------------------------------------------------------------------------------------------- */
/* resize(ctx, NULL, n) allocates, n == 0 frees, NULL is "out of memory". Called by one thread at a time, but for usher_post() on
 * the thread that posts; it must not call usher. */
typedef struct usher_allocator {
    void *(*resize)(void *ctx, void *p, size_t n);
    void *ctx;
} usher_allocator;

typedef struct usher_clock { /* two readings in ms; boot_ms never steps back and counts a suspended machine's sleep */
    int64_t (*wall_ms)(void *ctx);
    int64_t (*boot_ms)(void *ctx);
    void *ctx;
} usher_clock;

typedef struct usher_options {
    uint64_t size;
    const usher_allocator *allocator; /* NULL: realloc and free. Copied; ctx must live until the close callback */
    const usher_clock *clock;         /* NULL: the machine's. Copied; ctx as above */
    void (*on_lost)(usher_t *u, int status, usher_id ticket, int verb, void *user); /* a command without a callback failed */
    void (*trace)(usher_t *u, const char *line, void *user); /* what the library does, a line at a time; must not call usher */
    void *user;                       /* for the hooks */
    int32_t durability;               /* 0: the store's own: NONE in memory, DISK on SQLite. One that it has not: EINVAL */
    uint32_t max_pending;             /* callbacks outstanding, parked claims apart; 0 = 65536. One more is EFULL */
    int64_t op_window_ms;             /* how long an op is remembered; 0 = 1 h */
    uint32_t op_window_n;             /* ... and how many; 0 = 65536 */
    uint32_t keep_closed;             /* closed and withdrawn tickets that stay in memory; 0 = 65536. The oldest go first */
    uint64_t history_bytes;           /* events that stay in memory, in bytes; 0 = 64 MiB. The oldest go first */
    uint64_t seed;                    /* 0: from the system. Of hashing only: nothing visible depends on it */
    int64_t retain_ms;                /* SQLite: closed tickets are purged by and by when they are older; 0 = never */
    char *err;                        /* what is wrong when usher_open() fails, in words; may be NULL */
    uint64_t err_len;
    void (*progress)(uint64_t rows, uint64_t of, void *user); /* from inside usher_open(), now and then; `of` is an estimate */
    void (*on_failed)(usher_t *u, int status, usher_text why, void *user); /* once, when the store has failed; see Durability */
    const char *zoneinfo;             /* the directory of the zone files; NULL: $TZDIR, then where systems keep them. Copied */
} usher_options;

typedef void (*usher_open_cb)(usher_t *u, int status, usher_text detail, void *user);
typedef void (*usher_close_cb)(void *user);
typedef void (*usher_post_cb)(usher_t *u, void *user);

/* Opens a service. loop: the host's, or NULL: then drive it with usher_fd(), usher_timeout(), usher_turn(). *out is usable at
 * once; cb (may be NULL) runs first. o may be NULL. Non-zero: *out is NULL, nothing to free, options.err says why.
 * store: "memory:", or "sqlite:PATH", a file that is made (mode 0600) when it is not there, on a local file system. One service
 * at a time opens it: a second one, in any process, is EBUSY. PATH-wal, PATH-lock and PATH-reserve lie beside it. The call
 * returns when all open tickets have been read (about a second for a million): what was due meanwhile fires then, each at its
 * own instant. After PATH may follow ?KEY=VALUE&...: readers=1 lets other programs read the file meanwhile; readonly=1 opens it
 * for looking at, also while a service with readers=1 runs: nothing fires, what would change it is ESTATE; quick=1 leaves out
 * the integrity check; vfs=NAME names a VFS of SQLite's. (A path with a "?" in it must be followed by a "?".)
 * EINVAL, ELIMIT, ENOMEM, EBUSY, ECORRUPT (the file is left as it is), EVERSION (likewise), ESTORE. */
USHER_API int usher_open(usher_t **out, struct uv_loop_s *loop, const char *store, const usher_options *o, usher_open_cb cb,
                         void *user);

/* Ends it. Outstanding callbacks run first, those of parked claims with ECANCELED, and what was done is saved; then cb (may be NULL), after which u, its
 * queues and agents are gone and the loop holds nothing of ours. Legal inside any callback. A second call: ECANCELED.
 * Opened with loop == NULL: keep calling usher_turn() until cb has run, and not after. */
USHER_API int usher_close(usher_t *u, usher_close_cb cb, void *user);

/* THREAD-SAFE: runs fn on the loop's thread, in the order posted. The caller makes sure that u is not closed meanwhile.
 * What is still posted when it closes runs before the close callback. ENOMEM. */
USHER_API int usher_post(usher_t *u, usher_post_cb fn, void *user);

/* Hosts without a uv loop (opened with loop == NULL): wait until fd is readable or timeout ms have passed (-1: for ever),
 * then turn, which never blocks. Everything you call in between wakes the fd by itself. With a host's loop: fd and turn are
 * USHER_EINVAL and timeout is -1. A turn inside a callback: ESTATE. turn returns how many callbacks it ran. */
USHER_API int usher_fd(const usher_t *u);
USHER_API int usher_timeout(const usher_t *u);
USHER_API int usher_turn(usher_t *u);

/* After unref an idle service no longer keeps uv_run() going, as uv_unref(); callbacks outstanding still do, parked claims do
 * not. Without effect on a loop of our own. */
USHER_API void usher_unref(usher_t *u);

/* What the service takes for now: the wall clock, but never less than before. */
USHER_API int64_t usher_now(usher_t *u);

/* ---- queues and agents ----------------------------------------------------------------------------------------------- */
typedef struct usher_done { /* what became of a command */
    uint64_t size;
    usher_id ticket;
    uint64_t seq;       /* the service's last event at that moment: all that this command caused are at or below it */
    uint64_t token;     /* of the claim that stands now; 0 where there is none */
    int32_t status;
    int32_t state;      /* the ticket's, after it; 0 where there is no ticket */
    int32_t verb;       /* USHER_ACKNOWLEDGE ..., 0 for enqueue and the like */
    int32_t outcome;    /* bits: USHER_WAS_* */
    int64_t until_at;   /* lease, pause or backoff: until when; 0 = none */
    int32_t durability; /* the level that was reached */
    int32_t priority;   /* the ticket's */
    usher_text detail;  /* for people: why it failed, or what was clipped */
} usher_done;
typedef void (*usher_done_cb)(usher_t *u, const usher_done *d, void *user);

/* A handle for a name: synchronous, the same pointer each time. A new one has the default policy {}. ELIMIT. */
USHER_API int usher_queue(usher_t *u, usher_queue_t **out, const char *name);
USHER_API const char *usher_queue_name(const usher_queue_t *q);

/* Gives the queue a policy: JSON text, see the README. It is compiled before the call returns; a wrong one is EPOLICY, changes
 * nothing, and err (may be NULL) holds "policy: PATH: what is wrong". A new queue has {} as version 1; each one is one more.
 * Tickets keep the version that they were taken under for promises, warnings, ladder, notify_calendar, pauses and after-care; line,
 * lease and limits follow at once. */
USHER_API int usher_define(usher_queue_t *q, const char *policy, char *err, size_t err_len, usher_done_cb cb, void *user);

/* Gives the queue's policy to those tickets too that were taken under an earlier version of it, wherever they stand, closed and
 * withdrawn ones apart: same starts, same pauses, new targets, calendars and ladder. What that puts into the past becomes one
 * event each, now; what is broken stays broken; ranks are computed anew, in the order of the line. usher_read() with
 * USHER_READ_WHAT_IF says beforehand what it would do. done.detail says to how many. Status ENOMEM: not to all; call it again. */
USHER_API int usher_apply(usher_queue_t *q, usher_done_cb cb, void *user);

/* Bits: HOLD_CLAIMS (claims park, claim_ticket is ESTATE), HOLD_ENQUEUE (enqueue is ESTATE; joining stays possible), 0 runs. */
USHER_API int usher_queue_hold(usher_queue_t *q, uint32_t hold, usher_done_cb cb, void *user);

/* A handle for a name, the same pointer each time; the skills (n may be 0) replace those it had. An agent that had gone is
 * back. The handle owns the claims made with it. */
USHER_API int usher_agent(usher_t *u, usher_agent_t **out, const char *name, const char *const *skills, uint32_t n);
USHER_API const char *usher_agent_name(const usher_agent_t *a);
USHER_API usher_t *usher_agent_service(const usher_agent_t *a);

/* Cancels its parked claims (ECANCELED), releases all that it holds, keeps nothing for it any more; its pauses stand. The
 * handle stays valid memory: claiming with it, and going again, is ESTATE until usher_agent() brings it back. */
USHER_API int usher_agent_gone(usher_agent_t *a, usher_done_cb cb, void *user);

/* ---- the requester's side --------------------------------------------------------------------------------------------- */
typedef struct usher_request {
    uint64_t size;
    const char *requester;    /* the one thing that must be there */
    usher_text body;
    const char *symptom;      /* what people call the trouble; may be NULL, as the next two */
    const char *dedup_key;    /* an unresolved ticket of this queue with the same key is joined instead of doubled */
    const char *ref;          /* your own number: usher_peek_ref() finds by it, in the queue that the ticket is in; the newest wins */
    const char *const *needs; /* skills */
    uint32_t needs_n;
    int32_t priority;         /* USHER_LOW..USHER_URGENT, 0 = normal */
    int64_t start_at;         /* not before; 0 or past = now. Its clocks start then */
    usher_op op;
    usher_id follows;         /* the closed ticket that this one takes up again; 0 = none. EINVAL: there never was one */
} usher_request;

/* Returned: EINVAL, ELIMIT (also the policy's limits.payload), EFULL (limits.open of the policy: an event tells when there is
 * room; or options.max_pending: let callbacks run). Status: ESTATE (held), ELIMIT (joining would make too many persons or
 * needs), EINVAL (the op was used for something else). outcome: WAS_JOINED. */
USHER_API int usher_enqueue(usher_queue_t *q, const usher_request *r, usher_done_cb cb, void *user);

/* All or none. cb runs once for each, in order. n <= USHER_BATCH_MAX. Of persons who join, one who comes twice counts twice. */
USHER_API int usher_enqueue_many(usher_queue_t *q, const usher_request *r, size_t n, usher_done_cb cb, void *user);

/* ---- the agent's side ------------------------------------------------------------------------------------------------- */
typedef struct usher_work { /* a ticket as it was when it was claimed */
    uint64_t size;
    usher_claim claim;
    usher_queue_t *queue;
    int64_t enqueued_at;
    int64_t lease_until_at; /* extend before then */
    int64_t due_at;         /* of its nearest running promise; USHER_NEVER: none */
    int32_t priority, level;
    uint32_t attempts;      /* failed ones */
    uint32_t persons;       /* who wait for it */
    const char *requester;     /* "": an op was repeated whose ticket has been let go meanwhile */
    const char *symptom, *ref; /* or NULL */
    usher_text body;
} usher_work;

/* Runs once. status OK: n >= 1 tickets are yours; else w is NULL. ETIMEDOUT: nothing came within wait_ms. ECANCELED:
 * usher_claim_cancel(), the agent went, or the service closes. usher_agent_service() tells the service. */
typedef void (*usher_work_cb)(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user);

typedef struct usher_claim_args {
    uint64_t size;
    usher_queue_t *const *queues; /* in this order; at least one */
    uint32_t queues_n;
    uint32_t n;                   /* up to so many tickets; 0 = 1 */
    int64_t wait_ms;              /* park until one fits; 0: answer at once; USHER_NEVER: as long as it takes */
    usher_op op;
} usher_claim_args;

/* Claims what is next: first what is kept for this agent or offered to it (that also from other queues), then in the line's
 * order, of tickets whose needs it has the skills for. Parked claims are served first come first served, as soon as one ticket fits. */
USHER_API int usher_claim_many(usher_agent_t *a, const usher_claim_args *c, usher_work_cb cb, void *user);
USHER_API int usher_claim_next(usher_agent_t *a, usher_queue_t *q, int64_t wait_ms, usher_work_cb cb, void *user);

/* Out of turn: waiting, offered (accepts), paused (ends the pause, fences the holder) and stuck tickets. The people passed over
 * are counted; skills are not asked for. op may be NULL. Status: ENOENT, ESTATE, also for one that is offered to another agent. */
USHER_API int usher_claim_ticket(usher_agent_t *a, usher_id ticket, const usher_op *op, usher_work_cb cb, void *user);

/* Ends this agent's parked claims that were made with this user pointer: their callbacks run with ECANCELED.
 * ENOENT when there is none. */
USHER_API int usher_claim_cancel(usher_agent_t *a, const void *user);

/* ---- commands on a ticket: one shape -------------------------------------------------------------------------------- */
typedef struct usher_command {
    uint64_t size;
    int32_t verb;         /* USHER_ACKNOWLEDGE ... */
    int32_t kind;         /* what the verb says; 0 = default or none */
    usher_claim claim;    /* token 0 where the verb needs none; one that is given is checked */
    usher_text text;      /* the word, the question, the answer, the reason */
    int64_t at;           /* UPDATE: next word by. PAUSE: until. An instant that has passed: EINVAL as status */
    int64_t ms;           /* EXTEND: by */
    usher_queue_t *queue; /* MOVE, HAND_OFF: to */
    const char *who;      /* a requester's verb: the person, needed; a desk's: for the record; an agent's: ignored */
    usher_op op;
    usher_agent_t *agent; /* HAND_OFF: to, instead of a queue */
    usher_id other;       /* LINK: the cause; 0 = none */
} usher_command;

/* Status: ENOENT, ESTALE, ESTATE, EINVAL, ELIMIT (USHER_PAUSES_MAX). Checked in this order: arguments (returned), op, ENOENT, token, state, instants. */
USHER_API int usher_act(usher_t *u, const usher_command *c, usher_done_cb cb, void *user);

/* As n calls. Returns how many were accepted from the first on, or, if that is none, the error of the first. */
USHER_API int usher_act_many(usher_t *u, const usher_command *c, size_t n, usher_done_cb cb, void *user);

typedef struct usher_collected { /* what became of n commands, see usher_collect() */
    uint64_t size;
    usher_done *rows;  /* yours: room for n */
    uint64_t row_size; /* sizeof(usher_done), as you compiled it */
    uint64_t n;        /* how many there will be */
    uint64_t done;     /* how many there are; set it to 0 */
    usher_done_cb cb;  /* runs once, inside the last one's callback: d is that one with its detail; NULL: look at done */
    void *user;        /* for cb */
} usher_collected;

/* A callback to pass with the calls for many, for hosts to whom one of their own for each is dear (a binding): user is a usher_collected,
 * yours, where it is until it is full; cb may free it. Its rows are filled in the order of the callbacks, without detail, each of
 * row_size bytes: its size says how many are known, the others are zero. Where usher_act_many() took fewer, set n to what it took
 * before you return to the loop; where it took none, nothing will come. More than n are not written. */
USHER_API void usher_collect(usher_t *u, const usher_done *d, void *user);

/* The verbs that most programs need, by name. word, why: C strings or NULL (UPDATE and a pause on the requester need one). */
USHER_API int usher_acknowledge(usher_t *u, const usher_claim *c, const char *word, usher_done_cb cb, void *user);
USHER_API int usher_update(usher_t *u, const usher_claim *c, const char *word, int64_t next_word_at, usher_done_cb cb,
                           void *user);
USHER_API int usher_extend(usher_t *u, const usher_claim *c, int64_t by_ms, usher_done_cb cb, void *user);
USHER_API int usher_pause(usher_t *u, const usher_claim *c, int32_t on, const char *question, int64_t until_at,
                          usher_done_cb cb, void *user);
USHER_API int usher_resolve(usher_t *u, const usher_claim *c, int32_t as, const char *answer, usher_done_cb cb, void *user);
USHER_API int usher_fail(usher_t *u, const usher_claim *c, const char *why, usher_done_cb cb, void *user);
USHER_API int usher_ask(usher_t *u, usher_id ticket, const char *who, usher_done_cb cb, void *user);
USHER_API int usher_reply(usher_t *u, usher_id ticket, const char *who, const char *text, usher_done_cb cb, void *user);
USHER_API int usher_confirm(usher_t *u, usher_id ticket, const char *who, usher_done_cb cb, void *user);
USHER_API int usher_reopen(usher_t *u, usher_id ticket, const char *who, const char *why, usher_done_cb cb, void *user);

/* ---- events: one mechanism ------------------------------------------------------------------------------------------- */
typedef struct usher_event { /* one line of a ticket's history, or of the service's (ticket 0) */
    uint64_t size;
    uint64_t seq;        /* per service, ascending by 1 */
    usher_id ticket;
    uint64_t ticket_seq; /* per ticket, from 1, ascending by 1 */
    int64_t at;          /* the instant it is for: a timer's own, however late it ran */
    int64_t seen_at;     /* when it was noticed, if later; else 0 */
    int64_t until_at;    /* what the kind says; 0 = none */
    int64_t due_at;      /* WARNED, BROKEN: of the promise; 0 = none */
    int32_t kind;        /* USHER_EV_* */
    int32_t state;       /* the ticket's, after it */
    int32_t how;         /* what the kind says */
    int32_t promise;     /* WARNED, BROKEN, STEPPED */
    int32_t level;
    int32_t priority;
    uint32_t n;          /* what the kind says */
    uint32_t kept;       /* bits 1 << USHER_PROMISE_*: promises that this word kept */
    uint32_t lapsed;     /* ... that ended without a verdict */
    uint32_t policy_version; /* of the policy that it was enqueued under, or was given since (APPLIED), in the queue where it was enqueued */
    usher_queue_t *queue;
    const char *who;     /* the agent, the requester, the desk; NULL: a timer, or a desk that gave no name */
    const char *to;      /* MOVED, STEPPED, NO_QUEUE, OFFERED: the queue, or agent. WITHDRAWN: the agent. ZONE_CHANGED: the zone */
    const char *rule;    /* the JSON path in the policy that caused it, or NULL */
    usher_text text;
    usher_text notify;   /* whom the policy says to tell: names, each with a NUL after it, all counted in len */
    int64_t notify_at;   /* when to tell people: the next opening of the policy's notify_calendar; 0: at once. The host waits,
                            usher holds nothing back */
    usher_id other;      /* RECURRED, LINKED, CAUSE_TOLD, CHECK_IN: another ticket; 0 = none */
    int64_t took_ms;     /* what the kind says; -1: nothing. Wall time, as the next two */
    int64_t word_ms;     /* with the first word: how long it was waited for, since start_at; -1: it is not that */
    int64_t held_ms;     /* of what ends or interrupts a claim: how long it was held, since claimed or recalled; -1 */
} usher_event;
typedef void (*usher_event_cb)(usher_t *u, const usher_event *e, void *user);

/* Live, name NULL and from_seq 0: every event from now on, in order, each before the completion of the command that caused it.
 * Named: every event, in order, at least once, until usher_event_done() says that it is done, also after a reopen (on
 * `memory:` as long as the service lives). from_seq: the first to tell; 0: the one after the last that was done under this
 * name, and for a new name the oldest that is kept. What is no longer kept is told as one USHER_EV_LOST. A slow one holds
 * nobody else up. ESTATE: the name is subscribed already. EINVAL: from_seq lies beyond the next event. ELIMIT. */
USHER_API int usher_subscribe(usher_t *u, const char *name, uint64_t from_seq, usher_event_cb cb, void *user);
/* All up to seq are done and are not told again. Saved with what comes next, not confirmed: after a crash the latest may be told
 * once more. ENOENT: no such subscription. EINVAL: it has not been told so far. A service remembers USHER_SUBSCRIBERS_MAX names,
 * subscribed or not: UINT64_MAX for a name that nobody subscribes forgets it. */
USHER_API int usher_event_done(usher_t *u, const char *name, uint64_t seq);
/* Ends the subscription made with this cb and user; nothing is told to it any more. A named one goes on from where it was done
 * when it is made again. ENOENT. */
USHER_API int usher_unsubscribe(usher_t *u, usher_event_cb cb, const void *user);

/* ---- reading ---------------------------------------------------------------------------------------------------------- */
typedef struct usher_promise {
    int64_t start_at;
    int64_t due_at;    /* USHER_NEVER: not made, kept, lapsed, or paused before it came; a broken one keeps its due */
    int64_t target_ms; /* 0: only a named end. Of working days: the open time between start and due */
    int64_t left_ms;   /* running, paused or not: what is left of the target; negative when overdue */
    int32_t state;     /* USHER_RUNNING ...; 0: not made, and then all else is 0 or NEVER */
    uint32_t arming;   /* 1 for the first */
} usher_promise;

typedef struct usher_standing { /* what a requester may know, and a little more */
    uint64_t size;
    usher_id ticket;
    uint64_t ticket_seq;    /* events so far */
    usher_queue_t *queue;
    int64_t enqueued_at, start_at;
    int64_t state_at;       /* since when it is in this state */
    int64_t until_at;       /* backoff, lease, keep, pause or after-care: its end; 0 = none */
    int64_t rank_at;        /* its place in the line, smaller is sooner; 0: not yet in it */
    int64_t ahead;          /* in its band; -1: not in the line */
    int64_t ahead_in_queue; /* in its band and the ones above; -1 */
    int64_t due_at;         /* of the nearest promise that is owed, broken or not; USHER_NEVER: none */
    int64_t next_word_at;   /* the nearest of ack, answer and update; USHER_NEVER: none. In the past: we are late */
    int32_t state, priority, level;
    int32_t waits_for_you;  /* 1: paused on the requester, question says for what */
    uint32_t attempts, chases, persons, policy_version;
    const char *requester;
    const char *holder;     /* or NULL */
    const char *kept_for;   /* or NULL */
    const char *symptom, *ref; /* or NULL */
    usher_text last_word, question;
    usher_promise promises[4]; /* [USHER_PROMISE_* - 1] */
    /* How long those waited who were claimed here last: of the first claims of its band, the last USHER_WAITS_MAX within 30 days, from
     * start_at on; half of them waited up to p50, nine of ten up to p90 (the smallest wait that so many do not exceed: Hyndman
     * and Fan 1996, definition 1). */
    int64_t wait_p50_ms, wait_p90_ms; /* -1: fewer than USHER_WAITS_MIN were seen. They know nothing of skills: after NO_AGENT show none */
    uint32_t waits;          /* how many these are made from */
    int32_t rank_by;         /* what its rank was made from: USHER_RANK_*; 0: not yet in the line */
    int64_t rank_from_at;    /* that instant */
    int64_t rank_behind_ms;  /* how far behind it for the requester's other tickets: a multiple of line.gap or less */
    const char *offered_to;  /* a queue or agent; NULL */
    int32_t offer;           /* USHER_TO_*; 0: none */
    uint32_t handoffs;       /* so far */
    usher_id cause;          /* the ticket about its cause; 0 = none */
    usher_id follows;        /* the earlier ticket that it takes up again, or the latest one with its symptom; 0 = none */
    uint32_t linked;         /* tickets that this one is the cause of */
    int32_t is_cause;        /* 1: opened by the policy because its symptom came again and again */
} usher_standing;
enum { USHER_WAITS_MIN = 20, USHER_WAITS_MAX = 200 };
enum { USHER_RANK_DUE = 1, USHER_RANK_ENTRY = 2 }; /* the due of its nearest promise; when it came to the line, without any */

/* Synchronous and cheap. It sees every command accepted so far, whether its callback has run or not.
 * out->size must be set. ENOENT. */
USHER_API int usher_peek(usher_t *u, usher_id ticket, usher_standing *out);
USHER_API int usher_peek_ref(usher_queue_t *q, const char *ref, usher_standing *out);
/* by_state[USHER_WAITING] ...; closed and withdrawn ones as far as they are kept. */
USHER_API int usher_counts(const usher_queue_t *q, uint64_t by_state[USHER_STATES]);

enum {
    USHER_READ_TICKETS = 1, /* page.tickets: all that fit the filters, by ascending id; go on while there is a cursor */
    USHER_READ_BODY = 2,    /* page.text */
    USHER_READ_HISTORY = 3, /* page.events: of one ticket, as far as history is kept */
    USHER_READ_WHY_DUE = 4, /* page.spans: of one ticket's promise, from its start to its due; their ms add up to the target, or to
                               what is used at the due that was named. Without a due: to now, and they add up to what is used */
    USHER_READ_WHY_RANK = 5, /* page.text: one ticket's place, in words; page.tickets: its standing, which has it as data */
    USHER_READ_WHAT_IF = 6, /* page.changes: what usher_define() with query.policy and then usher_apply() would change, by
                               ascending id; query.queue says where. It is as things are when the callback runs: wait for it before
                               you define and apply. Status EPOLICY: page.text says what is wrong */
    USHER_READ_FIGURES = 7, /* page.figures: per queue, and per priority of each, what has happened; query.queue, from_at, to_at */
    USHER_READ_AGENTS = 8,  /* page.agents: by handle's age */
    USHER_READ_SYMPTOMS = 9, /* page.symptoms: what keeps coming; query.symptom: only that one */
    USHER_READ_METRICS = 10 /* page.text: the figures of all queues since ever, in Prometheus' text format 0.0.4 */
};
enum { USHER_SPAN_OPEN = 1, USHER_SPAN_CLOSED = 2, USHER_SPAN_HOLIDAY = 3, USHER_SPAN_PAUSED = 4 };
typedef struct usher_span {
    int64_t from_at, to_at;
    int64_t ms;             /* how much of it counted */
    int32_t kind, reserved; /* USHER_SPAN_* */
} usher_span;

enum { USHER_BREAKS = 1, USHER_LAPSES = 2, USHER_STARTS = 4 }; /* bits of usher_change.what */
typedef struct usher_change { /* of one promise of one ticket, if a policy were applied */
    usher_id ticket;
    int64_t from_at, to_at; /* its due; USHER_NEVER: none */
    int32_t promise;        /* USHER_PROMISE_* */
    int32_t what;           /* BREAKS: it would be broken at once. LAPSES: it would end without a verdict. STARTS: it would be made */
} usher_change;

typedef struct usher_spread { /* of n durations; each within 1 % */
    uint64_t n;
    int64_t p50_ms, p90_ms, p99_ms, max_ms; /* nearest rank; -1: n is 0 */
    int64_t sum_ms;                         /* exact */
} usher_spread;

typedef struct usher_figures { /* of a queue and priority, as the persons who wait see it */
    uint64_t size;
    usher_queue_t *queue;
    int32_t priority;        /* 0: all of them */
    int32_t reserved;
    int64_t from_at, to_at;  /* of the days that are counted; 0, now: since ever */
    /* what happened in that time */
    uint64_t enqueued, joined, recurred;
    uint64_t claims, passed_over, let_go;     /* let_go: released within a minute of the claim */
    uint64_t words;                           /* first ones */
    uint64_t chases, replies;
    uint64_t handoffs, accepted, declined, expired, recalled;
    uint64_t pauses, late_pauses;             /* late: see USHER_EV_PAUSED */
    uint64_t failed, leases_expired, stuck;   /* failed: attempts */
    uint64_t escalated, no_agent;
    uint64_t resolved, workarounds, no_reply; /* the last two are among the first */
    uint64_t confirmed, reopened, closed, withdrawn;
    uint64_t kept[4], broken[4], lapsed[4];   /* [USHER_PROMISE_* - 1] */
    int64_t held_ms;                          /* time in an agent's hands */
    usher_spread wait;  /* from start_at to the first claim */
    usher_spread word;  /* ... to the first word */
    usher_spread solve; /* ... to the resolve that held: counted when it is closed, for until then it is only our claim */
    /* how it stands now */
    uint64_t open, waiting;
    usher_spread age;   /* of those waiting, since start_at; of more than 4096 every k-th in the order of the line */
} usher_figures;

typedef struct usher_agent_figures { /* since ever */
    uint64_t size;
    usher_agent_t *agent;
    int32_t present, reserved;
    uint64_t holds;         /* claims now; paused and offered ones apart */
    uint64_t claims, out_of_turn, passed_over; /* claimed out of turn; the people passed over by that and by let_go */
    uint64_t let_go;        /* released within a minute of the claim */
    uint64_t resolved, failed, leases_expired;
    uint64_t handoffs, accepted, declined;     /* offers made; taken, refused (also by going) */
    int64_t held_ms;
} usher_agent_figures;

typedef struct usher_symptom { /* what people call a trouble */
    uint64_t size;
    const char *symptom;
    uint64_t seen;          /* tickets since it is remembered */
    uint32_t recent;        /* of those, the latest since its last fix, up to 32; within the window of the policy of the latest */
    uint32_t requesters;    /* how many different persons brought these */
    int64_t first_at, last_at;
    usher_id last;          /* the latest ticket */
    usher_id cause;         /* the newest open ticket about its cause; 0 = none */
    uint32_t linked;        /* tickets linked to that */
    uint32_t causes;        /* opened so far */
    uint32_t fixes, workarounds;
} usher_symptom;

typedef struct usher_query {
    uint64_t size;
    int32_t what;          /* USHER_READ_* */
    uint32_t limit;        /* rows of a page; 0 = 100, at most USHER_ROWS_MAX */
    usher_id ticket;       /* BODY, HISTORY, WHY_* */
    usher_queue_t *queue;  /* filters of TICKETS: NULL or 0 = any */
    const char *requester, *agent, *symptom; /* agent: who holds it, or to whom it is offered */
    uint64_t cursor;       /* page.cursor of the page before; 0 = from the start */
    uint32_t states;       /* bits 1 << USHER_WAITING ... */
    int32_t promise;       /* WHY_DUE */
    const char *policy;    /* WHAT_IF: JSON text; NULL: the queue's own */
    usher_id linked;       /* a filter of TICKETS: those whose cause it is, or that follow it */
    int64_t from_at, to_at; /* FIGURES: the UTC days that they touch, up to USHER_FIGURE_DAYS back; 0, 0: since ever; to_at 0: now */
} usher_query;

typedef struct usher_page {
    uint64_t size;
    uint64_t n;            /* rows, of the one array that query.what names; fewer than the limit do not mean the end */
    const usher_standing *tickets;
    const usher_event *events;
    const usher_span *spans;
    usher_text text;
    uint64_t cursor;       /* 0: that was all */
    const usher_change *changes;
    const usher_figures *figures;
    const usher_agent_figures *agents;
    const usher_symptom *symptoms;
} usher_page;
typedef void (*usher_page_cb)(usher_t *u, int status, const usher_page *p, void *user);

/* Status: ENOENT; the page is empty then. It is as the service is when the callback runs. FIGURES, AGENTS and METRICS are made
 * then, and may need memory: ENOMEM. On SQLite closed tickets and history are read from the file, without holding anything else
 * up: ESTORE, ECORRUPT, EFAILED. */
USHER_API int usher_read(usher_t *u, const usher_query *q, usher_page_cb cb, void *user);

/* ---- upkeep ------------------------------------------------------------------------------------------------------------ */
/* SQLite: copies the store into a new file while everything goes on: consistent, checked, mode 0600. Status: ESTORE (detail says
 * why: there is such a file, no space ...). Returned: EINVAL (in memory; path), ELIMIT. Never copy the file by hand while it is open. */
USHER_API int usher_backup(usher_t *u, const char *path, usher_done_cb cb, void *user);

/* Erases closed and withdrawn tickets that were closed before this instant (0: whenever), with their bodies and history, and, if
 * requester is not NULL, only those that he is a person of. On SQLite the bytes are overwritten in the file and its log (not in
 * backups). done.detail says how many, and so does a USHER_EV_PURGED where there are any. Until then such a ticket may be ENOENT
 * for one call and still be there for another. Status also EUNKNOWN: some of them may be gone; purge again. */
USHER_API int usher_purge(usher_t *u, int64_t closed_before_at, const char *requester, usher_done_cb cb, void *user);

/* ---- the manual clock: your tests need it as much as ours ------------------------------------------------------------- */
typedef struct usher_manual_clock_s usher_manual_clock_t;

/* wall_at: where it stands. Free it after the last service that uses it has closed. ENOMEM, EINVAL. */
USHER_API int usher_manual_clock_new(usher_manual_clock_t **out, int64_t wall_at);
USHER_API void usher_manual_clock_free(usher_manual_clock_t *c); /* NULL is fine */
USHER_API const usher_clock *usher_manual_clock_get(usher_manual_clock_t *c);
/* The wall alone steps, as when somebody sets the machine's clock; by may be negative. Services notice at their next call.
 * EINVAL: it would leave 0..USHER_AT_MAX. */
USHER_API int usher_manual_clock_step(usher_manual_clock_t *c, int64_t by_ms);
/* Moves wall and boot time on to to_at without running anything: what falls due meanwhile will be late.
 * EINVAL: backwards, or beyond USHER_AT_MAX. */
USHER_API int usher_manual_clock_skip(usher_manual_clock_t *c, int64_t to_at);

/* For a service on a manual clock: moves it on to to_at and on the way stops at every instant at which something is due, runs
 * it there and runs all callbacks before it goes on. Nothing sleeps. to_at may be now: then only what is outstanding runs. With
 * a host's loop too. EINVAL: another clock, backwards, or beyond USHER_AT_MAX; ESTATE: inside a callback. */
USHER_API int usher_advance(usher_t *u, int64_t to_at);

#ifdef __cplusplus
}
#endif
#endif
