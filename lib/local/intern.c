/* Names as small numbers. */
#include "local/intern.h"

#include <string.h>

#include <usher/usher.h>

struct name {
    struct text *text;
    uint32_t refs;
    uint32_t hash;
    uint32_t next; /* another name with this hash, 0 = none; the index knows the first */
};

static inline uint64_t turn(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = turn(v[1], 13) ^ v[0];
    v[0] = turn(v[0], 32);
    v[2] += v[3];
    v[3] = turn(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = turn(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = turn(v[1], 17) ^ v[2];
    v[2] = turn(v[2], 32);
}

/* Little-endian. */
static inline uint64_t word_at(const uint8_t *p, size_t n)
{
    uint64_t word = 0;

    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

uint64_t usher__siphash13(const uint64_t key[2], const void *ptr, size_t len)
{
    uint64_t v[4] = {
        key[0] ^ UINT64_C(0x736f6d6570736575),
        key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261),
        key[1] ^ UINT64_C(0x7465646279746573),
    };
    const uint8_t *p = ptr;

    for (size_t left = len;; left -= 8, p += 8) {
        bool is_last = left < 8;
        uint64_t word = is_last ? word_at(p, left) | (uint64_t)len << 56 : word_at(p, 8);

        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
        if (is_last)
            break;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static inline struct name *name_at(const struct intern *in, uint32_t handle)
{
    return usher__slab_at(&in->names, handle);
}

static uint64_t hash_of_name(const void *ctx, uint32_t handle)
{
    return name_at(ctx, handle)->hash;
}

void usher__intern_init(struct intern *in, const struct memory *m, const uint8_t key[16])
{
    usher__slab_init(&in->names, m, sizeof(struct name));
    usher__ids_init(&in->index, m, hash_of_name, in);
    usher__text_init(&in->texts, m);
    in->key[0] = word_at(key, 8);
    in->key[1] = word_at(key + 8, 8);
}

void usher__intern_free(struct intern *in)
{
    usher__ids_free(&in->index);
    usher__slab_free(&in->names);
    usher__text_free(&in->texts);
}

static bool is_equal(const struct text *t, const void *ptr, size_t len)
{
    return t->len == len && (len == 0 || memcmp(t->data, ptr, len) == 0);
}

static uint32_t find(const struct intern *in, uint32_t hash, const void *ptr, size_t len)
{
    uint32_t handle = usher__ids_find(&in->index, hash);

    while (handle != 0 && !is_equal(name_at(in, handle)->text, ptr, len))
        handle = name_at(in, handle)->next;
    return handle;
}

/* Behind the first of its hash, so that the index stays as it is; else into the index. */
static void link_name(struct intern *in, uint32_t handle)
{
    struct name *name = name_at(in, handle);
    uint32_t first = usher__ids_find(&in->index, name->hash);

    if (first == 0) {
        usher__ids_insert(&in->index, name->hash, handle);
    } else {
        name->next = name_at(in, first)->next;
        name_at(in, first)->next = handle;
    }
}

static void unlink_name(struct intern *in, uint32_t handle)
{
    struct name *name = name_at(in, handle);
    uint32_t before = usher__ids_find(&in->index, name->hash);

    if (before == handle) {
        usher__ids_remove(&in->index, name->hash);
        if (name->next != 0)
            usher__ids_insert(&in->index, name->hash, name->next); /* in the place just freed */
        return;
    }
    while (name_at(in, before)->next != handle)
        before = name_at(in, before)->next;
    name_at(in, before)->next = name->next;
}

int usher__intern_get(struct intern *in, const void *ptr, size_t len, uint32_t *handle)
{
    uint32_t hash = (uint32_t)usher__siphash13(in->key, ptr, len);
    struct name *name;
    struct text *text;

    *handle = find(in, hash, ptr, len);
    if (*handle != 0) {
        name_at(in, *handle)->refs++;
        return 0;
    }
    if (usher__slab_reserve(&in->names, 1) != 0 || usher__ids_reserve(&in->index, 1) != 0)
        return USHER_ENOMEM;
    text = usher__text_new(&in->texts, ptr, len);
    if (text == NULL)
        return USHER_ENOMEM;
    *handle = usher__slab_take(&in->names);
    name = name_at(in, *handle);
    name->text = text;
    name->refs = 1;
    name->hash = hash;
    link_name(in, *handle);
    return 0;
}

uint32_t usher__intern_find(const struct intern *in, const void *ptr, size_t len)
{
    return find(in, (uint32_t)usher__siphash13(in->key, ptr, len), ptr, len);
}

void usher__intern_ref(struct intern *in, uint32_t handle)
{
    if (handle != 0)
        name_at(in, handle)->refs++;
}

void usher__intern_unref(struct intern *in, uint32_t handle)
{
    if (handle == 0 || --name_at(in, handle)->refs > 0)
        return;
    unlink_name(in, handle);
    usher__text_unref(&in->texts, name_at(in, handle)->text);
    usher__slab_give(&in->names, handle);
}

const char *usher__intern_text(const struct intern *in, uint32_t handle, size_t *len)
{
    const struct text *text = handle == 0 ? NULL : name_at(in, handle)->text;

    if (len != NULL)
        *len = usher__text_len(text);
    return usher__text_data(text);
}

uint32_t usher__intern_n(const struct intern *in)
{
    return in->names.n;
}

/* A free slot's refs are 0: taking zeroes a record, and only what went to 0 is given back. */
bool usher__intern_check(const struct intern *in)
{
    uint32_t n = 0;

    if (!usher__slab_check(&in->names))
        return false;
    for (uint32_t handle = 1; handle < in->names.fresh; handle++) {
        const struct name *name = name_at(in, handle);
        const struct text *text = name->text;

        if (name->refs == 0)
            continue;
        n++;
        if (name->hash != (uint32_t)usher__siphash13(in->key, text->data, text->len) ||
            find(in, name->hash, text->data, text->len) != handle || text->refs != 1)
            return false;
    }
    return n == in->names.n && n == in->texts.n && in->index.n <= n &&
           usher__ids_check(&in->index) && usher__text_check(&in->texts);
}
