/* What the parts of the storm share: calls.c makes calls, told.c hears the answers, storm.c does
 * the rest. */
#ifndef USHER_STORM_STORM_H
#define USHER_STORM_STORM_H

#include <inttypes.h>

#include "ledger.h"
#include "sim/policy.h"

enum {
    CALLS = 160,       /* of one service */
    CALLS_AT_ONCE = 4, /* of one call_anything() */
    BODY_MAX = 3000,
    LINES = 64, /* of what was done last */
    LINE_LEN = 160
};

enum {
    CALL_ENQUEUE,
    CALL_COMMAND,
    CALL_CLAIM,
    CALL_BODY,
    CALL_HISTORY,
    CALL_TICKETS,
    CALL_PURGE,
    CALL_KINDS
};

struct call {
    int kind;
    bool told, closes, opens, was_over;
    usher_id ticket;
    uint64_t no, body; /* when it was made; which body it brings */
    int64_t at;
    uint32_t requester, purge, verb;
};

struct storm {
    struct ledger ledger;
    struct dice dice;
    struct disk *disk;
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_queue_t *q;
    usher_agent_t *a;
    usher_options options;
    uint64_t seed, bodies;
    uint64_t seq, followed; /* the last event that was told live, and to the follower */
    struct call call[CALLS];
    uint32_t calls_n, outstanding;
    usher_claim held[LEDGER_TICKETS + 1];
    bool closed, closing, follows;
    bool small, full, was_full; /* the disk: may become full, is, the service may still think so */
    bool poor;                  /* memory runs out now and then */
    bool sums_up;               /* every purge has said how many */
    uint64_t erased;
    char line[LINES][LINE_LEN];
    uint64_t lines_n;
};
extern struct storm storm;

struct counts {
    uint64_t services, calls, purges, erased, full, events, followed;
};
extern struct counts count;

extern const char *const kinds[CALL_KINDS], *const people[PEOPLE];

/* What was done, for whom something is wrong; and that it is: the program ends. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
__attribute__((format(printf, 1, 2), noreturn)) void wrong(const char *format, ...);
uint32_t below(uint32_t n);
bool one_in(uint32_t n);
int64_t now(void);
bool refuses(int r); /* whether a call that returned this may have: it was not made */

/* calls.c */
usher_text body_of(uint64_t number); /* each its own */
bool is_body(usher_text text, uint64_t number);
usher_id any_ticket(void); /* 0: there is none yet */
void command(usher_id id, int verb);
void purge(void);
void call_anything(void);
void follow(void); /* subscribes, or no more */

/* told.c: callbacks; user is the call */
struct call *answered(void *user);
void on_enqueued(usher_t *u, const usher_done *d, void *user);
void on_done(usher_t *u, const usher_done *d, void *user);
void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user);
void on_page(usher_t *u, int status, const usher_page *p, void *user);
void on_purged(usher_t *u, const usher_done *d, void *user);
void on_failed(usher_t *u, int status, usher_text why, void *user);
void on_trace(usher_t *u, const char *line, void *user);
void on_event(usher_t *u, const usher_event *e, void *user);
void on_follow(usher_t *u, const usher_event *e, void *user);

#endif
