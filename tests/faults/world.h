/* The contract's fixture on a SQLite store, prepared once for each state and entered as often as
 * needed; and a call that is made while something fails, with all that must hold afterwards.
 *
 * Whatever fails: each accepted call has exactly one callback, none says OK of what is not kept,
 * closing works, and the store opens again to the state before the call or after it: the one
 * after it, if that was said. */
#ifndef USHER_FAULTS_WORLD_H
#define USHER_FAULTS_WORLD_H

#include "contract/fixture.h"
#include "crash/disk.h"

#define DISK_VFS "disk" /* in memory */
#define SHIM_VFS "faulty"
#define STORE    "sqlite:/db?vfs=" SHIM_VFS

enum { S_LET_GO = STATES, WORLD_STATES }; /* closed, and no longer in memory */

const char *world_state(int state);

struct world { /* a state */
    int state;
    int64_t at; /* where its clock stands */
    usher_id ticket;
    struct image image; /* the store, open */
    uint64_t before[2]; /* its digest when it has been opened anew; [1]: after a note, too */
};

extern struct disk *world_disk;
extern uint32_t world_failures; /* how often on_failed was called since world_enter() */

void world_begin(void); /* the VFSes */
void world_end(void);
void world_prepare(struct world *w, int state);
void world_free(struct world *w);

/* Loads the store and opens it; the fixture has all that it has after its own preparation. */
struct fixture *world_enter(const struct world *w);
/* The same in pieces: the disk; a fixture without a service, its clock at this instant; opening,
 * which may fail, and then err is written; opening what must open. */
void world_load(const struct image *image);
struct fixture *world_fixture(const struct world *w, int64_t at);
int world_try_open(struct fixture *f, const char *store);
struct fixture *world_open(const struct world *w, int64_t at, const char *store);
/* What usher_open() is given; until the fixture's next call. */
const usher_options *world_options(struct fixture *f);

/* Until nothing is outstanding, or as long as that. False: something still is. */
bool world_settle(struct fixture *f, int limit_ms);
/* Closes, if that has not been done. False: it does not come to an end. */
bool world_close(struct fixture *f);
/* ... and frees the fixture, if it can. */
void world_leave(struct fixture *f);
int64_t world_at(const struct fixture *f);
uint64_t world_digest(struct fixture *f);
/* A note with a callback. Its status, or what the call returned. */
int world_note(struct fixture *f);

/* ---- what fails ------------------------------------------------------------------------------ */

struct trouble {
    const char *name;
    int ways;
    void (*arm)(struct fixture *f, uint64_t n, int way, bool for_ever); /* n 0: only counts */
    void (*disarm)(struct fixture *f);
    uint64_t (*count)(struct fixture *f);  /* of what could have failed since it was armed */
    uint64_t (*failed)(struct fixture *f); /* how much has */
    bool (*can)(uint64_t n, int way, bool for_ever); /* of the last run that only counted */
    bool (*passes)(
        int way); /* what is waited out: all ends well when it has passed; NULL: nothing */
    const char *(*describe)(uint64_t n, int way);
    bool unflushed_is_unknown; /* shim_flush_failed() tells */
    bool mild;                 /* it passes: nothing ends as unknown, the service does not fail */
};

struct tally {
    uint64_t runs, failures, failed, unknown, refused;
};

/* One call in this state, or every one of the table: every place, every way, once and for ever. */
void world_try(const struct world *w, const struct call *call, const struct trouble *trouble,
               struct tally *tally);
void world_try_all(const struct world *w, const struct trouble *trouble, struct tally *tally);
/* Offers, links and symptoms: in each state that they lead to or from, the calls that do something
 * there. */
void world_try_new(const struct trouble *trouble, struct tally *tally);
void world_tally(const char *name, const struct tally *tally);

#endif
