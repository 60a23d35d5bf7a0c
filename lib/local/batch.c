/* See batch.h. Rows follow each other in the block, each as a head, its name and its bytes, and begin
 * at multiples of ALIGN, so that a head can be read where it lies. */
#include "local/batch.h"

#include <string.h>

#include <usher/usher.h>

enum { ALIGN = 8, FIRST_LEN = 4096 };

struct head {
    int64_t key, a, b;
    uint32_t len;
    uint16_t name_len;
    uint8_t table, drop;
};

void usher__batch_init(struct batch *b, const struct memory *m)
{
    *b = (struct batch){.memory = m};
}

void usher__batch_free(struct batch *b)
{
    usher__free(b->memory, b->bytes);
    usher__batch_init(b, b->memory);
}

void usher__batch_clear(struct batch *b)
{
    b->len = 0;
    b->rows = 0;
    b->number = 0;
    b->seq = 0;
}

/* A block for `need` bytes more. */
static int grow(struct batch *b, size_t need)
{
    size_t room = b->room < FIRST_LEN ? FIRST_LEN : b->room + b->room / 2;
    char *bytes;

    if (__builtin_add_overflow(need, b->len, &need))
        return USHER_ENOMEM;
    if (room < need)
        room = need;
    bytes = usher__resize(b->memory, b->bytes, room);
    if (bytes == NULL)
        return USHER_ENOMEM;
    b->bytes = bytes;
    b->room = room;
    return 0;
}

static size_t aligned(size_t len)
{
    return (len + ALIGN - 1) / ALIGN * ALIGN;
}

char *usher__batch_begin(struct batch *b, const struct row *row, size_t len)
{
    struct head head = {.key = row->key,
                        .a = row->a,
                        .b = row->b,
                        .name_len = row->name_len,
                        .table = row->table,
                        .drop = row->drop};
    size_t need = sizeof(head) + row->name_len + len + ALIGN;
    char *to;

    if (len > UINT32_MAX - 2 * ALIGN)
        return NULL;
    if (b->room - b->len < need && grow(b, need) != 0)
        return NULL;
    to = b->bytes + b->len;
    memcpy(to, &head, sizeof(head));
    to += sizeof(head);
    if (row->name_len > 0)
        memcpy(to, row->name, row->name_len);
    return to + row->name_len;
}

void usher__batch_end(struct batch *b, size_t len)
{
    struct head *head = (struct head *)(void *)(b->bytes + b->len);

    head->len = (uint32_t)len;
    b->len += aligned(sizeof(*head) + head->name_len + len);
    b->rows++;
}

int usher__batch_put(struct batch *b, const struct row *row)
{
    char *to = usher__batch_begin(b, row, row->len);

    if (to == NULL)
        return USHER_ENOMEM;
    if (row->len > 0)
        memcpy(to, row->bytes, row->len);
    usher__batch_end(b, row->len);
    return 0;
}

bool usher__batch_next(const struct batch *b, size_t *at, struct row *row)
{
    const struct head *head;
    const char *name;

    if (*at >= b->len)
        return false;
    head = (const struct head *)(const void *)(b->bytes + *at);
    name = (const char *)(head + 1);
    *row = (struct row){.table = head->table,
                        .drop = head->drop != 0,
                        .name_len = head->name_len,
                        .len = head->len,
                        .key = head->key,
                        .a = head->a,
                        .b = head->b,
                        .name = head->name_len > 0 ? name : NULL,
                        .bytes = name + head->name_len};
    *at += aligned(sizeof(*head) + head->name_len + head->len);
    return true;
}
