/* See log.h. A chunk's entries follow each other without gaps; what is left at its end when the next
 * entry does not fit is no place at all: the next chunk goes on where this one stopped. Behind the
 * entries it has room for where each STRIDE-th of them begins: from there an entry is found by its
 * seq. */
#include "local/log.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "core/cold.h"

struct log_chunk {
    uint64_t start; /* place of its first entry */
    uint64_t first; /* seq of it, n > 0 or not */
    size_t used, room;
    uint32_t n;
    uint32_t *index; /* [n / STRIDE] */
    char data[];
};

/* Written as it stands in memory, followed by those of the optional numbers that are not 0 and by
 * the strings, each with its NUL. */
struct head {
    uint64_t seq;
    usher_id ticket;
    int64_t at;
    usher_queue_t *queue;
    uint64_t previous;
    uint32_t len, ticket_seq, n, policy_version, text_len;
    int32_t how;
    uint16_t level;
    uint8_t kind, state, promise, priority, kept, lapsed;
    uint16_t has; /* bits: 1 << SEEN and so on, HAS_* */
    uint8_t who_len, to_len;
};
enum { SEEN, UNTIL, DUE, NOTIFY_AT, OTHER, TOOK, WORD, HELD, NUMBERS }; /* the optional ones */
enum { HAS_RULE = 1 << NUMBERS, HAS_TEXT = 2 << NUMBERS, HAS_NOTIFY = 4 << NUMBERS };
enum { STRIDE = 16 };

/* As many as entries without strings fit in. */
static size_t index_n(size_t room)
{
    return room / (STRIDE * sizeof(struct head)) + 1;
}

void usher__log_init(struct log *l, const struct memory *m, uint64_t bytes_max)
{
    *l = (struct log){
        .memory = m, .bytes_max = bytes_max, .end = LOG_STEP, .told = LOG_STEP, .cut = UINT64_MAX};
}

void usher__log_free(struct log *l)
{
    for (uint32_t i = 0; i < l->chunks_n; i++)
        usher__free(l->memory, l->chunks[i]);
    usher__free(l->memory, l->chunks);
    *l = (struct log){.memory = l->memory};
}

size_t usher__log_len(size_t strings)
{
    return sizeof(struct head) + NUMBERS * sizeof(int64_t) + sizeof(char *) + sizeof(uint32_t) +
           strings + 3 + LOG_STEP;
}

static bool may_go(const struct log *l, const struct log_chunk *chunk)
{
    uint64_t end = chunk->start + chunk->used;

    return end <= l->told && end <= l->cut;
}

/* The oldest chunks go while the log is over its bound; the last one stays. */
static void trim(struct log *l)
{
    uint32_t gone = 0;

    while (gone + 1 < l->chunks_n && l->bytes > l->bytes_max && may_go(l, l->chunks[gone])) {
        l->bytes -= l->chunks[gone]->room;
        usher__free(l->memory, l->chunks[gone]);
        gone++;
    }
    if (gone == 0)
        return;
    l->chunks_n -= gone;
    memmove(l->chunks, l->chunks + gone, l->chunks_n * sizeof(*l->chunks));
}

/* Once the log is full its oldest chunk becomes the newest: no memory comes or goes. */
static struct log_chunk *recycle(struct log *l)
{
    struct log_chunk *oldest = l->chunks_n > 1 ? l->chunks[0] : NULL;

    if (oldest == NULL || oldest->room != LOG_CHUNK || l->bytes + LOG_CHUNK <= l->bytes_max ||
        !may_go(l, oldest))
        return NULL;
    l->chunks_n--;
    memmove(l->chunks, l->chunks + 1, l->chunks_n * sizeof(*l->chunks));
    l->bytes -= LOG_CHUNK;
    return oldest;
}

static COLD int add_chunk(struct log *l, size_t len)
{
    struct log_chunk **chunks;
    struct log_chunk *fresh;
    size_t room = len > LOG_CHUNK ? (len + LOG_STEP - 1) / LOG_STEP * LOG_STEP : LOG_CHUNK;

    chunks = usher__grow(l->memory, l->chunks, &l->chunks_room, l->chunks_n + 1u, sizeof(*chunks));
    if (chunks == NULL)
        return USHER_ENOMEM;
    l->chunks = chunks;
    fresh = room == LOG_CHUNK ? recycle(l) : NULL;
    if (fresh == NULL)
        fresh = usher__alloc(l->memory, sizeof(*fresh) + room + index_n(room) * sizeof(uint32_t));
    if (fresh == NULL)
        return USHER_ENOMEM;
    *fresh = (struct log_chunk){.start = l->end, .first = l->seq + 1, .room = room};
    fresh->index = (uint32_t *)(void *)(fresh->data + room);
    l->chunks[l->chunks_n++] = fresh;
    l->bytes += room;
    trim(l);
    return 0;
}

int usher__log_reserve(struct log *l, size_t len)
{
    const struct log_chunk *last = l->chunks_n > 0 ? l->chunks[l->chunks_n - 1] : NULL;

    return last != NULL && last->room - last->used >= len ? 0 : add_chunk(l, len);
}

static char *put(char *to, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(to, bytes, len);
    return to + len;
}

static inline char *put_number(char *to, struct head *head, int which, int64_t number)
{
    if (number == 0)
        return to;
    head->has = (uint16_t)(head->has | 1u << which);
    return put(to, &number, sizeof(number));
}

/* The names that the event's bits say, each with its NUL, after the length of them all. */
static char *put_names(char *p, uint64_t bits, const char *const *names)
{
    char *begin = p + sizeof(uint32_t), *to = begin;
    uint32_t len;

    for (; bits != 0; bits &= bits - 1) {
        const char *name = names[__builtin_ctzll(bits)];

        to = put(to, name, strlen(name) + 1);
    }
    len = (uint32_t)(to - begin);
    put(p, &len, sizeof(len));
    return to;
}

uint64_t usher__log_add(struct log *l, const struct log_entry *entry)
{
    const struct event *e = entry->event;
    struct log_chunk *chunk = l->chunks[l->chunks_n - 1];
    char *begin = chunk->data + chunk->used;
    char *p = begin + sizeof(struct head);
    struct head *head = (struct head *)(void *)begin; /* places are multiples of LOG_STEP */
    head->seq = ++l->seq;
    head->ticket = e->ticket;
    head->at = e->at;
    head->queue = entry->queue;
    head->previous = entry->previous;
    head->ticket_seq = e->seq;
    head->n = e->n;
    head->policy_version = e->policy_version;
    head->text_len = e->text != NULL ? e->text->len : entry->text_len;
    head->how = e->how;
    head->level = e->level;
    head->kind = e->kind;
    head->state = e->state;
    head->promise = e->promise;
    head->priority = e->priority;
    head->kept = e->kept;
    head->lapsed = e->lapsed;
    head->has = 0;
    head->who_len = (uint8_t)entry->who_len;
    head->to_len = (uint8_t)entry->to_len;
    p = put_number(p, head, SEEN, entry->seen_at);
    p = put_number(p, head, UNTIL, e->until_at);
    p = put_number(p, head, DUE, e->due_at);
    p = put_number(p, head, NOTIFY_AT, e->notify_at);
    p = put_number(p, head, OTHER, (int64_t)e->other);
    p = put_number(p, head, TOOK, e->took);
    p = put_number(p, head, WORD, e->word);
    p = put_number(p, head, HELD, e->held);
    if (e->rule != NULL) {
        head->has |= HAS_RULE;
        p = put(p, &e->rule, sizeof(e->rule));
    }
    if (entry->who_len > 0)
        p = put(p, entry->who, entry->who_len + 1);
    if (entry->to_len > 0)
        p = put(p, entry->to, entry->to_len + 1);
    if (e->notify != 0) {
        head->has |= HAS_NOTIFY;
        p = put_names(p, e->notify, entry->names);
    }
    if (e->text != NULL || entry->text_len > 0) {
        head->has |= HAS_TEXT;
        p = put(p, e->text != NULL ? e->text->data : entry->text, (size_t)head->text_len + 1);
    }
    assert((size_t)(p - chunk->data) <= chunk->room);
    head->len = (uint32_t)(((size_t)(p - begin) + LOG_STEP - 1) / LOG_STEP * LOG_STEP);
    if (chunk->n % STRIDE == 0)
        chunk->index[chunk->n / STRIDE] = (uint32_t)chunk->used;
    chunk->n++;
    chunk->used += head->len;
    l->end += head->len;
    return l->seq;
}

static const char *take(const char *from, void *to, size_t len)
{
    memcpy(to, from, len);
    return from + len;
}

static void unpack(const char *p, struct log_event *out, uint32_t *len)
{
    int64_t number[NUMBERS] = {0};
    struct head head;
    usher_event *e = &out->event;

    p = take(p, &head, sizeof(head));
    for (unsigned i = 0; i < NUMBERS; i++) {
        if ((head.has & 1u << i) != 0)
            p = take(p, &number[i], sizeof(number[i]));
    }
    *out = (struct log_event){.event = {.size = sizeof(usher_event),
                                        .seq = head.seq,
                                        .ticket = head.ticket,
                                        .ticket_seq = head.ticket_seq,
                                        .at = head.at,
                                        .seen_at = number[SEEN],
                                        .until_at = number[UNTIL],
                                        .due_at = number[DUE],
                                        .kind = head.kind,
                                        .state = head.state,
                                        .how = head.how,
                                        .promise = head.promise,
                                        .level = head.level,
                                        .priority = head.priority,
                                        .n = head.n,
                                        .kept = head.kept,
                                        .lapsed = head.lapsed,
                                        .policy_version = head.policy_version,
                                        .queue = head.queue,
                                        .notify_at = number[NOTIFY_AT],
                                        .other = (usher_id)number[OTHER],
                                        .took_ms = number[TOOK] - 1,
                                        .word_ms = number[WORD] - 1,
                                        .held_ms = number[HELD] - 1},
                              .previous = head.previous};
    *len = head.len;
    if ((head.has & HAS_RULE) != 0)
        p = take(p, &e->rule, sizeof(e->rule));
    if (head.who_len > 0) {
        e->who = p;
        p += head.who_len + 1;
    }
    if (head.to_len > 0) {
        e->to = p;
        p += head.to_len + 1;
    }
    if ((head.has & HAS_NOTIFY) != 0) {
        uint32_t n;

        p = take(p, &n, sizeof(n));
        e->notify = (usher_text){p, n};
        p += n;
    }
    if ((head.has & HAS_TEXT) != 0)
        e->text = (usher_text){p, head.text_len};
}

/* The chunk that holds the place; NULL: gone, or not written yet. */
static const struct log_chunk *chunk_of(const struct log *l, uint64_t place)
{
    uint32_t low = 0, high = l->chunks_n;

    if (place >= l->end || l->chunks_n == 0 || place < l->chunks[0]->start)
        return NULL;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (l->chunks[middle]->start <= place)
            low = middle;
        else
            high = middle;
    }
    return l->chunks[low];
}

bool usher__log_at(const struct log *l, uint64_t place, struct log_event *e, uint64_t *next)
{
    const struct log_chunk *chunk = chunk_of(l, place);
    uint32_t len;

    if (chunk == NULL)
        return false;
    unpack(chunk->data + (place - chunk->start), e, &len);
    *next = place + len;
    return true;
}

/* The chunk that holds the entry with this seq, if any does. */
static const struct log_chunk *chunk_with(const struct log *l, uint64_t seq)
{
    uint32_t low = 0, high = l->chunks_n;

    if (seq > l->seq || l->chunks_n == 0 || seq < l->chunks[0]->first)
        return NULL;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (l->chunks[middle]->first <= seq)
            low = middle;
        else
            high = middle;
    }
    return l->chunks[low];
}

COLD bool usher__log_find(const struct log *l, uint64_t seq, struct log_event *e)
{
    const struct log_chunk *chunk = chunk_with(l, seq);
    uint64_t ix = chunk == NULL ? 0 : seq - chunk->first;
    const char *p;
    uint32_t len;

    if (chunk == NULL || ix >= chunk->n)
        return false;
    p = chunk->data + chunk->index[ix / STRIDE];
    for (ix %= STRIDE; ix > 0; ix--) {
        memcpy(&len, p + offsetof(struct head, len), sizeof(len));
        p += len;
    }
    unpack(p, e, &len);
    return true;
}

uint64_t usher__log_first(const struct log *l)
{
    return l->chunks_n == 0 ? l->seq + 1 : l->chunks[0]->first;
}

void usher__log_told(struct log *l, uint64_t place)
{
    l->told = place;
    if (l->bytes > l->bytes_max)
        trim(l);
}

void usher__log_cut(struct log *l, uint64_t place)
{
    l->cut = place;
    if (l->bytes > l->bytes_max)
        trim(l);
}
