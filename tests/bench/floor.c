/* See floor.h. All memory is taken at the beginning, in huge pages where there are any. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* madvise */
#endif

#include "floor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Zeroed. */
static void *big(size_t len)
{
    enum { HUGE_PAGE = 2 << 20 };
    size_t room = (len + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *p;

    if (len < HUGE_PAGE)
        return calloc(1, len);
    p = aligned_alloc(HUGE_PAGE, room);
    if (p == NULL)
        return NULL;
#ifdef MADV_HUGEPAGE
    (void)madvise(p, room, MADV_HUGEPAGE);
#endif
    return memset(p, 0, room);
}

/* ---- due times ------------------------------------------------------------------------------- */

struct entry {
    int64_t key;
    uint32_t slot;
};

struct floor_heap {
    struct entry *entries; /* the children of i are 4 i + 1 .. 4 i + 4 */
    uint32_t *pos;         /* slot -> place + 1; 0: none */
    uint32_t n;
};

struct floor_heap *floor_heap_new(uint32_t slots)
{
    struct floor_heap *h = calloc(1, sizeof *h);

    if (h == NULL)
        return NULL;
    h->entries = big(slots * sizeof *h->entries);
    h->pos = big(slots * sizeof *h->pos);
    if (h->entries == NULL || h->pos == NULL) {
        floor_heap_free(h);
        return NULL;
    }
    return h;
}

void floor_heap_free(struct floor_heap *h)
{
    if (h == NULL)
        return;
    free(h->entries);
    free(h->pos);
    free(h);
}

static void put(struct floor_heap *h, uint32_t i, struct entry e)
{
    h->entries[i] = e;
    h->pos[e.slot] = i + 1;
}

static void up(struct floor_heap *h, uint32_t i, struct entry e)
{
    while (i > 0 && e.key < h->entries[(i - 1) / 4].key) {
        put(h, i, h->entries[(i - 1) / 4]);
        i = (i - 1) / 4;
    }
    put(h, i, e);
}

static void down(struct floor_heap *h, uint32_t i, struct entry e)
{
    for (;;) {
        uint32_t child = 4 * i + 1, end = child + 4 < h->n ? child + 4 : h->n, best = child;

        if (child >= h->n)
            break;
        for (uint32_t k = child + 1; k < end; k++)
            best = h->entries[k].key < h->entries[best].key ? k : best;
        if (h->entries[best].key >= e.key)
            break;
        put(h, i, h->entries[best]);
        i = best;
    }
    put(h, i, e);
}

static void settle(struct floor_heap *h, uint32_t i, struct entry e)
{
    if (i > 0 && e.key < h->entries[(i - 1) / 4].key)
        up(h, i, e);
    else
        down(h, i, e);
}

void floor_heap_set(struct floor_heap *h, uint32_t slot, int64_t key)
{
    struct entry e = {key, slot};

    if (h->pos[slot] != 0)
        settle(h, h->pos[slot] - 1, e);
    else
        up(h, h->n++, e);
}

void floor_heap_drop(struct floor_heap *h, uint32_t slot)
{
    uint32_t i = h->pos[slot];

    if (i == 0)
        return;
    h->pos[slot] = 0;
    if (i - 1 != --h->n)
        settle(h, i - 1, h->entries[h->n]);
}

bool floor_heap_pop(struct floor_heap *h, int64_t *key, uint32_t *slot)
{
    if (h->n == 0)
        return false;
    *key = h->entries[0].key;
    *slot = h->entries[0].slot;
    h->pos[*slot] = 0;
    if (--h->n > 0)
        down(h, 0, h->entries[h->n]);
    return true;
}

/* ---- the line -------------------------------------------------------------------------------- */

enum { BLOCK_N = 256 };

struct block {
    struct block *next; /* spare */
    uint32_t from, to;
    struct floor_item items[BLOCK_N];
};

struct place {
    struct block *block;
    struct floor_item low; /* not after any item in it, and after all items before it */
};

struct floor_line {
    struct place *places; /* [head .. end): in order; an empty one may stand between */
    uint32_t *tree;       /* Fenwick's, of the counts by place, from 1 */
    struct block *spare;
    uint32_t head, end, room;
};

static bool before(struct floor_item a, struct floor_item b)
{
    return a.rank < b.rank || (a.rank == b.rank && a.id < b.id);
}

static void add(struct floor_line *l, uint32_t place, uint32_t n)
{
    for (uint32_t i = place + 1; i <= l->room; i += i & (0 - i))
        l->tree[i] += n;
}

static uint32_t sum_before(const struct floor_line *l, uint32_t place)
{
    uint32_t n = 0;

    for (uint32_t i = place; i > 0; i -= i & (0 - i))
        n += l->tree[i];
    return n;
}

static void count_anew(struct floor_line *l)
{
    memset(l->tree, 0, (l->room + 1) * sizeof *l->tree);
    for (uint32_t i = l->head; i < l->end; i++)
        add(l, i, l->places[i].block->to - l->places[i].block->from);
}

/* Blocks that are split stay half full, and the front moves on: both have room. */
struct floor_line *floor_line_new(uint32_t items)
{
    struct floor_line *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->room = items / (BLOCK_N / 4) + 64;
    l->places = big(l->room * sizeof *l->places);
    l->tree = big((l->room + 1) * sizeof *l->tree);
    if (l->places == NULL || l->tree == NULL) {
        floor_line_free(l);
        return NULL;
    }
    return l;
}

void floor_line_free(struct floor_line *l)
{
    if (l == NULL)
        return;
    for (uint32_t i = l->head; l->places != NULL && i < l->end; i++)
        free(l->places[i].block);
    while (l->spare != NULL) {
        struct block *next = l->spare->next;

        free(l->spare);
        l->spare = next;
    }
    free(l->places);
    free(l->tree);
    free(l);
}

/* A bare program has no answer to the end of memory. */
static struct block *new_block(struct floor_line *l)
{
    struct block *b = l->spare;

    if (b == NULL)
        b = malloc(sizeof *b);
    else
        l->spare = b->next;
    if (b == NULL)
        abort();
    b->from = b->to = 0;
    return b;
}

/* An empty block at a place, that of the one which comes after it. */
static struct block *open_place(struct floor_line *l, uint32_t at, struct floor_item low)
{
    if (l->end == l->room) {
        memmove(l->places, l->places + l->head, (l->end - l->head) * sizeof *l->places);
        at -= l->head;
        l->end -= l->head;
        l->head = 0;
        if (l->end == l->room)
            abort(); /* more items than it was made for */
        count_anew(l);
    }
    memmove(l->places + at + 1, l->places + at, (l->end - at) * sizeof *l->places);
    l->places[at] = (struct place){new_block(l), low};
    l->end++;
    return l->places[at].block;
}

/* The last place whose `low` is not after the item; the head if there is none. */
static uint32_t place_of(const struct floor_line *l, struct floor_item item)
{
    uint32_t low = l->head, high = l->end;

    if (!before(item, l->places[high - 1].low))
        return high - 1;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (before(item, l->places[middle].low))
            high = middle;
        else
            low = middle;
    }
    return low;
}

/* Where the first item that is not before this one is, or would be. */
static uint32_t seek(const struct block *b, struct floor_item item)
{
    uint32_t low = b->from, high = b->to;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (before(b->items[middle], item))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void split(struct floor_line *l, uint32_t at)
{
    struct block *b = l->places[at].block;
    struct block *second = open_place(l, at + 1, b->items[BLOCK_N / 2]);

    memcpy(second->items, b->items + BLOCK_N / 2, BLOCK_N / 2 * sizeof b->items[0]);
    second->to = BLOCK_N / 2;
    b->to = BLOCK_N / 2;
    count_anew(l);
}

void floor_line_insert(struct floor_line *l, struct floor_item item)
{
    struct block *b;
    uint32_t at, i;

    if (l->head == l->end)
        open_place(l, l->end, item);
    at = place_of(l, item);
    b = l->places[at].block;
    if (b->to == BLOCK_N && b->from > 0) {
        memmove(b->items, b->items + b->from, (b->to - b->from) * sizeof b->items[0]);
        b->to -= b->from;
        b->from = 0;
    } else if (b->to == BLOCK_N && at == l->end - 1 && before(b->items[BLOCK_N - 1], item)) {
        b = open_place(l, l->end, item);
        at = l->end - 1;
    } else if (b->to == BLOCK_N) {
        split(l, at);
        at = place_of(l, item);
        b = l->places[at].block;
    }
    i = seek(b, item);
    memmove(b->items + i + 1, b->items + i, (b->to - i) * sizeof b->items[0]);
    b->items[i] = item;
    b->to++;
    if (before(item, l->places[at].low))
        l->places[at].low = item;
    add(l, at, 1);
}

/* Empty blocks at the front go. */
static void shorten(struct floor_line *l)
{
    while (l->head < l->end && l->places[l->head].block->from == l->places[l->head].block->to) {
        struct block *b = l->places[l->head++].block;

        b->next = l->spare;
        l->spare = b;
    }
}

bool floor_line_pop(struct floor_line *l, struct floor_item *item)
{
    struct block *b;

    if (l->head == l->end)
        return false;
    b = l->places[l->head].block;
    *item = b->items[b->from++];
    add(l, l->head, (uint32_t)-1);
    if (b->from == b->to)
        shorten(l);
    return true;
}

bool floor_line_remove(struct floor_line *l, int64_t rank, uint32_t id)
{
    struct floor_item item = {rank, id, 0};
    struct block *b;
    uint32_t at, i;

    if (l->head == l->end)
        return false;
    at = place_of(l, item);
    b = l->places[at].block;
    i = seek(b, item);
    if (i == b->to || b->items[i].id != id || b->items[i].rank != rank)
        return false;
    memmove(b->items + i, b->items + i + 1, (b->to - i - 1) * sizeof b->items[0]);
    b->to--;
    add(l, at, (uint32_t)-1);
    if (b->from == b->to && at == l->head)
        shorten(l);
    return true;
}

uint32_t floor_line_count_before(const struct floor_line *l, int64_t rank, uint32_t id)
{
    struct floor_item item = {rank, id, 0};
    uint32_t at;

    if (l->head == l->end)
        return 0;
    at = place_of(l, item);
    return sum_before(l, at) + seek(l->places[at].block, item) - l->places[at].block->from;
}

/* ---- the table: id -> slot ------------------------------------------------------------------- */

struct cell {
    uint32_t id; /* 0: empty */
    uint32_t slot;
};

struct cells {
    struct cell *cells;
    uint32_t mask;
    uint32_t shift;
};

static bool cells_open(struct cells *t, uint32_t n)
{
    uint32_t bits = 4;

    while (((uint64_t)1 << bits) < (uint64_t)n + n / 2)
        bits++;
    t->mask = (uint32_t)(((uint64_t)1 << bits) - 1);
    t->shift = 32 - bits;
    t->cells = big(((size_t)t->mask + 1) * sizeof *t->cells);
    return t->cells != NULL;
}

static uint32_t home(const struct cells *t, uint32_t id)
{
    return (id * UINT32_C(2654435769)) >> t->shift;
}

static uint32_t find(const struct cells *t, uint32_t id)
{
    uint32_t i = home(t, id);

    while (t->cells[i].id != id && t->cells[i].id != 0)
        i = (i + 1) & t->mask;
    return i;
}

static void forget(struct cells *t, uint32_t i)
{
    for (uint32_t k = (i + 1) & t->mask; t->cells[k].id != 0; k = (k + 1) & t->mask) {
        if (((k - home(t, t->cells[k].id)) & t->mask) >= ((k - i) & t->mask)) {
            t->cells[i] = t->cells[k];
            i = k;
        }
    }
    t->cells[i].id = 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

enum { ACK_MS = 4 * 3600 * 1000, LEASE_MS = 15 * 60 * 1000, UPDATE_MS = 24 * 3600 * 1000 };

struct record { /* and zeros up to record_len */
    uint32_t id;
    uint32_t next_free;
    uint32_t requester;
    uint32_t token;
    int64_t enqueued_at;
    int64_t rank;
    int64_t due_at;
};

struct floor {
    char *records, *bodies;
    size_t record_len, body_len;
    uint32_t tickets, fresh, free, last_id;
    struct cells cells;
    struct floor_heap *dues;
    struct floor_line *line;
};

struct floor *floor_new(uint32_t tickets, size_t record_len, size_t body_len)
{
    struct floor *f = calloc(1, sizeof *f);

    if (f == NULL)
        return NULL;
    f->tickets = tickets;
    f->record_len = record_len;
    f->body_len = body_len;
    f->records = big((tickets + (size_t)1) * record_len);
    f->bodies = big((tickets + (size_t)1) * body_len);
    f->dues = floor_heap_new(tickets + 1);
    f->line = floor_line_new(tickets);
    f->fresh = 1;
    if (!cells_open(&f->cells, tickets) || f->records == NULL || f->bodies == NULL ||
        f->dues == NULL || f->line == NULL) {
        floor_free(f);
        return NULL;
    }
    return f;
}

void floor_free(struct floor *f)
{
    if (f == NULL)
        return;
    free(f->records);
    free(f->bodies);
    free(f->cells.cells);
    floor_heap_free(f->dues);
    floor_line_free(f->line);
    free(f);
}

static struct record *record_at(const struct floor *f, uint32_t slot)
{
    return (struct record *)(void *)(f->records + slot * f->record_len);
}

uint32_t floor_enqueue(struct floor *f, int64_t now, uint32_t requester, const void *body)
{
    uint32_t slot = f->free, id = ++f->last_id, cell;
    struct record *r;

    if (slot != 0)
        f->free = record_at(f, slot)->next_free;
    else
        slot = f->fresh++;
    r = record_at(f, slot);
    memset(r, 0, f->record_len);
    r->id = id;
    r->requester = requester;
    r->enqueued_at = now;
    r->rank = r->due_at = now + ACK_MS;
    memcpy(f->bodies + slot * f->body_len, body, f->body_len);
    cell = find(&f->cells, id);
    f->cells.cells[cell] = (struct cell){id, slot};
    floor_heap_set(f->dues, slot, r->due_at);
    floor_line_insert(f->line, (struct floor_item){r->rank, id, slot});
    return id;
}

uint32_t floor_claim(struct floor *f, int64_t now)
{
    struct floor_item item;
    struct record *r;

    if (!floor_line_pop(f->line, &item))
        return 0;
    r = record_at(f, item.slot);
    r->token++;
    r->due_at = now + LEASE_MS;
    floor_heap_set(f->dues, item.slot, r->due_at);
    return r->id;
}

bool floor_acknowledge(struct floor *f, uint32_t id, int64_t now)
{
    uint32_t cell = find(&f->cells, id), slot = f->cells.cells[cell].slot;

    if (f->cells.cells[cell].id == 0)
        return false;
    record_at(f, slot)->due_at = now + UPDATE_MS;
    floor_heap_set(f->dues, slot, now + UPDATE_MS);
    return true;
}

bool floor_resolve(struct floor *f, uint32_t id)
{
    uint32_t cell = find(&f->cells, id), slot = f->cells.cells[cell].slot;

    if (f->cells.cells[cell].id == 0)
        return false;
    forget(&f->cells, cell);
    floor_heap_drop(f->dues, slot);
    record_at(f, slot)->next_free = f->free;
    f->free = slot;
    return true;
}

bool floor_withdraw(struct floor *f, uint32_t id)
{
    uint32_t cell = find(&f->cells, id);

    if (f->cells.cells[cell].id == 0)
        return false;
    (void)floor_line_remove(f->line, record_at(f, f->cells.cells[cell].slot)->rank, id);
    return floor_resolve(f, id);
}

uint32_t floor_last(const struct floor *f)
{
    return f->last_id;
}

double floor_ticket_len(const struct floor *f)
{
    size_t blocks = f->line->end - f->line->head;
    size_t len = f->tickets * (f->record_len + f->body_len + sizeof(struct entry) + 4) +
                 ((size_t)f->cells.mask + 1) * sizeof(struct cell) +
                 blocks * (sizeof(struct block) + sizeof(struct place)) + f->line->room * 4;

    return (double)len / f->tickets;
}
