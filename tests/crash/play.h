/* A run of a service on a disk that is recorded: calls, completions and events go into the ledger
 * and, as marks, onto the tape. */
#ifndef USHER_CRASH_PLAY_H
#define USHER_CRASH_PLAY_H

#include "disk.h"
#include "ledger.h"

#define PLAY_AT   INT64_C(1700000000000)
#define PLAY_PATH "/queue.db"

/* Marks; the number is a cut's, or an event's. */
enum {
    MARK_SUBMITTED = 1, /* what leads to this cut is being asked for */
    MARK_DONE,          /* ... and was acknowledged */
    MARK_TOLD,          /* a subscriber was told this event */
    MARK_OPEN,          /* the service is open again, and is as in this cut */
    MARK_ERASED         /* 1: the secret was erased */
};

#define PLAY_SECRET "what nobody may read afterwards"

enum { PLAY_VERBS = 128, PLAY_CLAIMS = 256 };

struct play {
    const char *name;
    struct disk *disk;
    struct ledger ledger;
    struct tape tape;
    int32_t level;
    uint64_t random;
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_queue_t *q, *brittle;
    usher_agent_t *a, *b;
    usher_claim claims[PLAY_CLAIMS]; /* in the order in which they were given */
    uint32_t claims_n;
    usher_done done;           /* the latest */
    bool may_fail;             /* commands are drawn, and not all fit */
    uint8_t verbs[PLAY_VERBS]; /* that were acknowledged */
    uint32_t schema;           /* the file's version in the end */
};

/* Opens the store on an empty disk, or on one with a store of an earlier version of the schema. */
void play_begin(struct play *p, const char *name, enum disk_faith faith, int32_t level,
                uint32_t from, uint64_t seed);
void play_open(struct play *p);
void play_close(struct play *p);
/* Ends the recording: tape and ledger stay, until play_free(). */
void play_end(struct play *p);
void play_free(struct play *p);

/* CALL(p, usher_enqueue, p->q, &r, play_on_done, play_user(p)): it must be accepted. */
#define CALL(p, function, ...)                                                                     \
    (play_before(p, #function), play_after(p, #function, function(__VA_ARGS__)))
void play_before(struct play *p, const char *function);
int play_after(struct play *p, const char *function, int returned);
void *play_user(struct play *p);
void play_on_done(usher_t *u, const usher_done *d, void *user);
void play_on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user);

void play_broken(const struct play *p, const char *what, int status); /* ends the program */
void play_erased(
    void); /* what is a secret is nowhere any more, for the play that is being recorded */
void play_drain(struct play *p);               /* until all has been acknowledged */
void play_pass(struct play *p, int64_t by_ms); /* time, stopping wherever something is due */
void play_rest(void);                          /* the store has a moment of its own */
uint32_t play_below(struct play *p, uint32_t n);

/* Whether such a call was made, in any play. */
bool play_called(const char *function);

/* A service to be looked at. path: with what follows its "?". Returns usher_open()'s error. */
int play_reopen(usher_t **out, const char *path, usher_manual_clock_t *clock, int32_t level,
                char *err, size_t err_len);
void play_shut(usher_t *u);

#endif
