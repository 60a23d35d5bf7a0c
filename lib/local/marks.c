/* See marks.h. */
#include "local/marks.h"

struct mark_record {
    struct mark mark;
    uint64_t key; /* 0: free; not first, where a free slot's link lies */
};

static uint64_t key_of(uint32_t queue, uint32_t band, uint32_t requester)
{
    return (uint64_t)queue << 34 | (uint64_t)band << 32 | requester;
}

static uint64_t key_at(const void *ctx, uint32_t slot)
{
    const struct marks *m = ctx;
    const struct mark_record *r = usher__slab_at(&m->slab, slot);

    return r->key;
}

void usher__marks_init(struct marks *m, const struct memory *memory, struct intern *names)
{
    usher__slab_init(&m->slab, memory, sizeof(struct mark_record));
    usher__ids_init(&m->index, memory, key_at, m);
    m->names = names;
    m->hand = 1;
}

void usher__marks_free(struct marks *m)
{
    usher__ids_free(&m->index);
    usher__slab_free(&m->slab);
}

struct mark usher__marks_find(const struct marks *m, uint32_t queue, uint32_t band,
                              uint32_t requester)
{
    uint32_t slot = usher__ids_find(&m->index, key_of(queue, band, requester));
    const struct mark_record *r;

    if (slot == 0)
        return (struct mark){0};
    r = usher__slab_at(&m->slab, slot);
    return r->mark;
}

void usher__marks_sweep(struct marks *m, int64_t now)
{
    uint32_t looks = 2 * m->fresh_n;

    m->fresh_n = 0;
    for (; looks > 0 && m->slab.n > 0; looks--, m->hand++) {
        struct mark_record *r;

        if (m->hand >= m->slab.fresh)
            m->hand = 1;
        r = usher__slab_at(&m->slab, m->hand);
        if (r->key == 0 || usher__mark_alive(&r->mark, now))
            continue;
        usher__ids_remove(&m->index, r->key);
        usher__intern_unref(m->names, (uint32_t)r->key);
        r->key = 0;
        usher__slab_give(&m->slab, m->hand);
    }
}

int usher__marks_reserve(struct marks *m, uint32_t queue, uint32_t band, uint32_t requester)
{
    uint64_t key = key_of(queue, band, requester);
    struct mark_record *r;
    uint32_t slot;

    if (usher__ids_find(&m->index, key) != 0)
        return 0;
    if (usher__slab_reserve(&m->slab, 1) != 0 || usher__ids_reserve(&m->index, 1) != 0)
        return USHER_ENOMEM;
    slot = usher__slab_take(&m->slab);
    r = usher__slab_at(&m->slab, slot);
    r->key = key;
    usher__ids_insert(&m->index, key, slot);
    usher__intern_ref(m->names, requester);
    m->fresh_n++;
    return 0;
}

void usher__marks_store(struct marks *m, uint32_t queue, uint32_t band, uint32_t requester,
                        struct mark mark)
{
    uint32_t slot = usher__ids_find(&m->index, key_of(queue, band, requester));
    struct mark_record *r = usher__slab_at(&m->slab, slot);

    r->mark = mark;
}
