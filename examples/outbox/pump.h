/* The outbox: a ticket for each order, whatever dies when.
 *
 * A host that commits an order to its own database and then enqueues a ticket for it can die between
 * the two; the other way round there may be a ticket without an order. So the order's transaction also
 * writes a row into a table `outbox` of the host's database, and this pump carries the rows over, in
 * their order:
 *
 *     enqueue, op = (PUMP_OP, the row's id)  ->  callback with USHER_OK  ->  delete the row
 *
 * The callback comes when the ticket is on the disk, so a row goes only when its ticket is safe. A kill
 * leaves a row whose ticket is not there: it is enqueued by the next run; or a row whose ticket is
 * there: it is enqueued again, usher knows the op, makes no second ticket and answers with the first
 * result (USHER_WAS_REPEATED); or no row. Both stores have to flush: usher at USHER_DISK, which is its
 * default, SQLite at synchronous=FULL, which is its own.
 *
 * What it rests on, and where that ends:
 *
 * - Row ids are never used again: AUTOINCREMENT. Without it SQLite gives the id of a deleted last row to
 *   the next one, and an outbox is empty most of the time.
 * - An op is remembered for options.op_window_ms, the time that nobody ran included, and while no more
 *   than op_window_n newer ones have come. Only rows that were under way at the kill are ever enqueued
 *   twice. So the time is the longest that the host may be down: 30 days here, the default is an hour.
 *   The number is PUMP_ROWS and what else the host gives ops to until the row is deleted, which is one
 *   flush, or as long as its database cannot be written: the default, 65536, is plenty.
 * - To a row that is older than half the window its op may be news, and there would be a second ticket.
 *   So it is looked up by its ref first (usher_peek_ref): if there is the ticket, only the deletion was
 *   missing. That sees every open ticket, and the options.keep_closed that were closed last. Nothing
 *   closes while nobody runs; so what is left is a host that was down for weeks, and a ticket that was
 *   closed and then purged, or followed by keep_closed others, before its own row went.
 *   A ticket that was moved is found by its ref in the queue where it is now: a host that moves looks
 *   there too.
 * - There is one pump: two would send the same row twice at the same time, which the op settles, and
 *   one would delete what the other still has to look at.
 * - A store that is put back from a backup has lost tickets whose rows are gone. Compare orders with refs
 *   then. */
#ifndef EXAMPLES_OUTBOX_PUMP_H
#define EXAMPLES_OUTBOX_PUMP_H
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <usher/usher.h>
#include <uv.h>

enum { PUMP_ROWS = 64 };                 /* under way at the same time */
#define PUMP_OP UINT64_C(0x6f7574626f78) /* "outbox": one's own for each user of ops */
#ifndef PUMP_OP_WINDOW_MS                /* a test has a shorter one */
#define PUMP_OP_WINDOW_MS (INT64_C(30) * 24 * 3600 * 1000)
#endif

struct pump;

struct pump_row {
    struct pump *pump;
    int64_t id;
    bool there; /* its ticket is safe: the row may go */
};

struct pump {
    usher_t *u;
    sqlite3 *db;
    sqlite3_stmt *read, *drop, *refuse;
    uv_timer_t again;
    struct pump_row rows[PUMP_ROWS];
    int rows_n, under_way;
    uint64_t carried, repeated, refused; /* rows; repeated: whose tickets were there already */
    bool later;                          /* something has to be tried again in a while */
    bool stopped;                        /* the service or the database has failed */
    void (*empty)(void *user);
    void *user;
};

/* The table has to be there. empty: called each time when no row is left; it may be where the host ends.
 * 0, or SQLite's error. */
int pump_start(struct pump *p, usher_t *u, sqlite3 *db, uv_loop_t *loop, void (*empty)(void *user),
               void *user);

/* There may be rows: after each of the host's commits. Cheap when it is busy already. */
void pump_look(struct pump *p);

/* Before the database closes, and after the service has: no callback of it may come any more. */
void pump_stop(struct pump *p);

#endif
