/* The floor: the least that a program does which keeps a hundred thousand waiting tickets in order.
 *
 * A record with its body, a table by id, one due time each, a line that can say how many stand
 * before one. Written plainly, for one fixed size and with no rules, no errors and no history: what
 * usher costs beyond it is what usher does. It has nothing in common with lib/. */
#ifndef USHER_BENCH_FLOOR_H
#define USHER_BENCH_FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- due times: a heap of four children each, with a back index ------------------------- */

struct floor_heap;

struct floor_heap *floor_heap_new(uint32_t slots); /* slots 0 .. slots - 1 */
void floor_heap_free(struct floor_heap *h);
void floor_heap_set(struct floor_heap *h, uint32_t slot, int64_t key);
void floor_heap_drop(struct floor_heap *h, uint32_t slot);
/* Takes the earliest out; false: empty. */
bool floor_heap_pop(struct floor_heap *h, int64_t *key, uint32_t *slot);

/* ---- the line: sorted blocks, and a Fenwick tree of how many are in each --------------------- */

struct floor_item {
    int64_t rank;
    uint32_t id;
    uint32_t slot;
};

struct floor_line;

struct floor_line *floor_line_new(uint32_t items);
void floor_line_free(struct floor_line *l);
void floor_line_insert(struct floor_line *l, struct floor_item item);
bool floor_line_pop(struct floor_line *l, struct floor_item *item);
bool floor_line_remove(struct floor_line *l, int64_t rank, uint32_t id);
uint32_t floor_line_count_before(const struct floor_line *l, int64_t rank, uint32_t id);

/* ---- all of it ------------------------------------------------------------------------------- */

struct floor;

/* Room for so many tickets, whose records and bodies have the lengths given. NULL: no memory. */
struct floor *floor_new(uint32_t tickets, size_t record_len, size_t body_len);
void floor_free(struct floor *f);

/* As the commands of the same names. Ids are given from 1 on; claim answers 0 when nobody waits. */
uint32_t floor_enqueue(struct floor *f, int64_t now, uint32_t requester, const void *body);
uint32_t floor_claim(struct floor *f, int64_t now);
bool floor_acknowledge(struct floor *f, uint32_t id, int64_t now);
bool floor_resolve(struct floor *f, uint32_t id);
bool floor_withdraw(struct floor *f, uint32_t id);

uint32_t floor_last(const struct floor *f); /* the id that was given last */

/* Bytes of a ticket's share, when it is as full as it was made for. */
double floor_ticket_len(const struct floor *f);

#endif
