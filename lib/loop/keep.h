/* Between the engine and its store: what has changed goes out in batches, what has been saved is told.
 *
 * The engine is always ahead of the file. A batch is what changed while the last one was being
 * committed (group commit): when the store is idle the loop cuts one, and hands it over whole. A
 * callback needs the batch that its command went into, an event likewise; until that is saved they
 * wait, so nothing is ever told that a crash could take back. Without a store everything is saved at
 * once, and all of this answers at its first line.
 *
 * Errands are what the store is asked besides: pages of what has left memory, copies, purges. Each
 * is submitted after the batch that holds what had been done before it was asked. */
#ifndef USHER_LOOP_KEEP_H
#define USHER_LOOP_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include <usher/usher.h>

#include "local/batch.h"

struct errand;
struct store;

struct keeping {
    struct store *store; /* NULL: in memory only */
    struct batch batch;  /* the one under way, or empty */
    uint64_t cut, saved; /* numbers of batches: the latest, and the latest that reached the level */
    uint64_t cut_seq, saved_seq; /* the last events in them */
    int64_t retained_at;         /* when old closed tickets were looked for */
    int32_t level;
    int32_t failed;
    bool busy;    /* a batch is under way */
    bool stuck;   /* ... and cannot be saved for the time being */
    bool full;    /* the disk is */
    bool purging; /* pages and commands that take tickets in again wait for it */
    bool readonly;
    bool refused; /* somebody was answered EFULL for the store's sake */
    uint64_t commit_ns,
        idle_at_ns; /* what a commit costs however little is in it; since when there is none */
    char why[256];  /* of failed */
    struct errand *waiting, *waiting_last; /* to be asked after the next cut */
    struct errand *acts;                   /* commands whose ticket is being read */
    uint32_t errands_n;                    /* outstanding: each has a place among the completions */
    uint32_t taking; /* asked, and may take a ticket in again: purges wait for them */
    uint32_t untold; /* pages that have been answered, and may have to be told after commands */
};

/* uri: "memory:" or "sqlite:...". The engine is there, new. 0, or usher_open()'s errors with options.err
 * written. */
int usher__keep_open(usher_t *u, const char *uri);
/* Saves nothing more: that is done before. */
void usher__keep_close(usher_t *u);

/* The batch that has to be saved before what is told now may be told. */
uint64_t usher__keep_need(const usher_t *u);
bool usher__keep_reached(const usher_t *u, uint64_t need);
/* Events up to this one may be told. */
uint64_t usher__keep_seq(const usher_t *u);

/* EFULL: the store is too far behind. */
int usher__keep_room(usher_t *u, bool enqueue);

/* Takes in what the store has done. */
void usher__keep_collect(usher_t *u);
/* Hands over what has changed, if the store is idle, and then the errands. */
void usher__keep_cut(usher_t *u);
/* The same between callbacks, now and then: each batch that waits for what they do saves a commit, but
 * the store is not to stand idle for longer than one takes. */
void usher__keep_hurry(usher_t *u);
/* Whether a cut has something to do, and whether the store has. */
bool usher__keep_wants_cut(const usher_t *u);
bool usher__keep_outstanding(const usher_t *u);
/* Waits for the store. False: there is nothing to wait for. */
bool usher__keep_wait(usher_t *u);
/* The service closes: what has not been begun is not done any more. */
void usher__keep_cancel(usher_t *u);

/* ---- errand.c ------------------------------------------------------------------------------------ */

/* Whether the page needs the store; if so it is asked, with its place reserved: the question is the
 * errand's from then on. ENOMEM. */
bool usher__errand_wants_page(const usher_t *u, const usher_query *q);
struct question;
int usher__errand_page(usher_t *u, struct question *question, usher_page_cb cb, void *user);

/* Whether the command's ticket has left memory, or another waits for it to be read; if so this one is
 * done after that. */
bool usher__errand_wants_act(const usher_t *u, const usher_command *c);
struct asked;
int usher__errand_act(usher_t *u, const usher_command *c, const struct asked *asked,
                      usher_done_cb cb, void *user);

int usher__errand_backup(usher_t *u, const char *path, usher_done_cb cb, void *user);
int usher__errand_purge(usher_t *u, int64_t before_at, const char *requester, usher_done_cb cb,
                        void *user);
struct follower;
int usher__errand_follow(usher_t *u, struct follower *f, uint64_t after, uint32_t limit);

/* The store is asked; its answer is dealt with; the page is told, and all is freed. */
bool usher__errand_may_go(const usher_t *u); /* some that wait */
void usher__errand_ask_all(usher_t *u);      /* ... and they go */
void usher__errand_done(usher_t *u, struct errand *errand);
void usher__errand_fail(usher_t *u, int status); /* the first that waits */
void usher__errand_tell(usher_t *u, struct errand *errand);

#endif
