/* What a store keeps, as rows: the one language between the engine and a store, both ways.
 *
 * The engine writes rows into a batch when it is cut (changes.h); the store puts a batch into the
 * file in one transaction. At the opening the store reads the same rows back, and the engine takes
 * them (usher__engine_take). What a row's `bytes` mean is the engine's affair alone; the store sees
 * the table, the key and two numbers that it keeps beside the bytes for finding rows.
 *
 * A batch is one block of memory, made on the loop's thread; once it has been handed over nobody
 * changes it until the store gives it back. */
#ifndef USHER_LOCAL_BATCH_H
#define USHER_LOCAL_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "local/memory.h"

/* In the order in which they are read back: each only speaks of what came before it. */
enum {
    ROW_STATE = 1,  /* key 1: ids, clock and numbers of the service */
    ROW_ZONE,       /* key: its number. a: the first policy made with it. name. bytes: its file */
    ROW_POLICY,     /* key: its number. a: queue, b: version. bytes: the JSON text */
    ROW_QUEUE,      /* key: its handle. name */
    ROW_AGENT,      /* key: its handle. name */
    ROW_OP,         /* key: in order of age. Dropping one drops all up to it */
    ROW_MARK,       /* name: queue, band and requester */
    ROW_SUBSCRIBER, /* name. key: the last event done */
    ROW_CLOSED,     /* key: a ticket that is closed or withdrawn. a: queue, b: since when */
    ROW_TICKET,     /* key: any other. a: queue, b: state */
    ROW_SYMPTOM,    /* name. a: the last ticket with it, by which they are in order */
    ROW_FIGURE,     /* name: what of, see figures.c */
    ROW_BODY,       /* key: the ticket. bytes: its body, where it is too large for the record */
    ROW_EVENT,      /* key: its seq. a: ticket, b: kind */
    ROW_TABLES
};

struct row {
    uint8_t table;
    bool drop; /* the row with this key (or name) is to go, if it is there */
    uint16_t name_len;
    uint32_t len;
    int64_t key, a, b;
    const char *name;  /* name_len bytes, no NUL; NULL: none */
    const void *bytes; /* len of them */
};

struct batch {
    const struct memory *memory;
    char *bytes;
    size_t len, room;
    uint32_t rows;
    uint64_t number; /* from 1, ascending by 1 */
    uint64_t seq;    /* the last event that is in it or was in an earlier one */
};

void usher__batch_init(struct batch *b, const struct memory *m);
void usher__batch_free(struct batch *b);
void usher__batch_clear(struct batch *b); /* empty again, its memory kept */

/* ENOMEM: the batch is as it was. */
int usher__batch_put(struct batch *b, const struct row *row);

/* In two steps, where the bytes are written in place: room for `len` of them after the row, whose
 * own `bytes` and `len` do not count; then how many there really are. */
char *usher__batch_begin(struct batch *b, const struct row *row, size_t len); /* NULL: ENOMEM */
void usher__batch_end(struct batch *b, size_t len);

/* *at: 0 for the first. False: that was the last. */
bool usher__batch_next(const struct batch *b, size_t *at, struct row *row);

#endif
