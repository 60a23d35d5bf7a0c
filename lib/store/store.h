/* The SQLite store: one file, one connection, one thread that writes.
 *
 * It knows tables, transactions and files; of tickets it knows nothing (the bytes are the engine's,
 * see local/batch.h). Opening, with all checks and the reading of the rows, happens on the caller's
 * thread; then a thread of its own takes the connection over. That thread is given one batch at a
 * time, in one transaction, and between batches works off jobs, long ones a slice at a time so that
 * no commit waits for more than one slice. It says that something is done through wake(), which may
 * be called on any thread. No libuv here: this layer must also serve without it. */
#ifndef USHER_STORE_STORE_H
#define USHER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "local/batch.h"
#include "local/changes.h"
#include "local/memory.h"

struct store;

struct store_options {
    const char *path;     /* as the host gave it, without "sqlite:" and without "?..." */
    const char *vfs;      /* NULL: SQLite's own. A named one sees to modes and locks itself */
    bool readers;         /* others may read while it is open: no EXCLUSIVE lock */
    bool readonly;        /* for looking at: nothing is written, no lock taken, no thread started */
    bool quick;           /* without the integrity check */
    int32_t level;        /* USHER_PROCESS or USHER_DISK */
    uint32_t keep_closed; /* how many of the newest closed tickets to read */
    int64_t retain_ms;    /* closed tickets older than this are purged by and by; 0: never */
    struct memory memory; /* callable on the store's thread too */
    void (*wake)(void *ctx);
    void *ctx;
    char *err; /* the text of a failure to open or to start; NUL-terminated, cut */
    size_t err_len;
};

/* What is done with what is read. take: each row, in the order that usher__engine_take wants;
 * anything but 0 ends the opening with that error and *wrong as its text. counted: when all others have been
 * taken, after which event the rest is wanted. progress (may be NULL):
 * now and then. */
struct store_reader {
    int (*take)(void *ctx, const struct row *row, const char **wrong);
    uint64_t (*counted)(void *ctx);
    void (*progress)(void *ctx, uint64_t rows, uint64_t of);
    void *ctx;
};

/* 0; EINVAL (path), EBUSY, ECORRUPT (damaged, or not one of ours), EVERSION (newer), ESTORE
 * (whatever else the file system said), ENOMEM. On failure a file that was there is as it was, and
 * one that was not is gone again. */
int usher__store_open(struct store **out, const struct store_options *o,
                      const struct store_reader *reader);

/* Starts the thread, when all that was there is known to be on the disk. 0, ENOMEM, ESTORE, EBUSY
 * (with readers: one of them is in the way). A store that was not started leaves no trace when it
 * is closed. */
int usher__store_start(struct store *s);

/* ---- writing: the loop's thread -------------------------------------------------------------- */

/* Hands a batch over. Not while one is under way. now: for retention, which may begin after it; 0: it may not. */
void usher__store_submit(struct store *s, const struct batch *b, int64_t now);

struct store_news {
    uint64_t saved; /* number of the last batch that has reached the level; 0 = none yet */
    uint64_t
        commit_ns;  /* what its commit took, without the rows: about the same for one as for many */
    bool busy;      /* a batch is under way */
    bool refused;   /* ... and has been tried in vain */
    bool full;      /* no space: what is under way is tried again and again, and the reserve is
                           used up or being used; cleared when there is space again */
    int32_t failed; /* 0, or the error that ended it: nothing more will be saved */
    char why[256];  /* ... in words */
};
void usher__store_news(struct store *s, struct store_news *out);

/* Waits until the thread has something to tell that it had not told when news or finished were last
 * asked, or nothing is under way. For closing and for manual clocks. */
void usher__store_wait(struct store *s);

/* ---- jobs ------------------------------------------------------------------------------------ */
enum {
    JOB_CLOSED = 1, /* closed tickets with ids after `from` that fit the filter, at most `limit` */
    JOB_TICKET,     /* the closed ticket `from`: its row, its body's */
    JOB_HISTORY,    /* the events of one ticket, from its event `from` backwards; see `after` */
    JOB_EVENTS,     /* events of the service after seq `from`, at most `limit` */
    JOB_BACKUP,     /* into a new file `path` */
    JOB_PURGE,      /* closed tickets that fit the filter: rows, bodies, events; bytes are erased. Not those of
                       which there are events after `from` (0: whatever there is): memory has them */
    JOB_FACTS       /* of the file, for the tool and the tests */
};

struct store_facts {
    uint64_t page_size, pages, free_pages, wal_bytes;
    int64_t schema;
};

struct job {
    struct job *next;
    int kind;
    uint32_t limit;
    uint64_t from, after; /* HISTORY: ticket_seq of the last row of the page before, 0 = none */
    struct row_filter filter;
    const char *path;
    void *user; /* the shell's */

    /* the answer */
    int32_t status;    /* 0, ENOENT, ESTORE, ECORRUPT, ENOMEM, EBUSY (readers), EINVAL and ELIMIT
                          (path), ECANCELED, EFAILED (the store had failed before) */
    struct batch rows; /* by key; HISTORY: ascending; TICKET: closed, body */
    uint64_t n;        /* PURGE: tickets; BACKUP: pages; CLOSED: how far it came, 0 = the end */
    bool more;         /* HISTORY, EVENTS, CLOSED: there are more rows after these */
    struct store_facts facts;
    char why[256];

    void *work;      /* the store's, while it has the job */
    uint64_t behind; /* the batch that was under way when it was asked; 0: none */
    bool begun;
};

/* Takes the job over until usher__store_finished gives it back. Jobs run after the batches that
 * were submitted before them, and in their order but for slices. */
void usher__store_ask(struct store *s, struct job *job);
struct job *usher__store_finished(struct store *s); /* NULL: none */

/* Ends the thread when what is under way is done, or, with no space, has been tried once more (jobs
 * that were not begun come back with ECANCELED, by usher__store_finished, before), writes the WAL
 * back, closes the file, frees the store. */
void usher__store_cancel_jobs(struct store *s);
void usher__store_close(struct store *s);

#endif
