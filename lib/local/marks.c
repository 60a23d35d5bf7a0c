/* See marks.h. */
#include "local/marks.h"

#include "core/cold.h"

struct mark_record {
    struct mark mark;
    uint32_t requester; /* 0: free; not first, where a free slot's link lies */
    uint16_t queue;
    uint8_t band;
    uint8_t flags;
};
enum { MARK_NOTED = 1, MARK_FILED = 2 };

_Static_assert(USHER_QUEUES_MAX <= UINT16_MAX, "a queue's handle");

static uint64_t key_of(uint32_t queue, uint32_t band, uint32_t requester)
{
    return (uint64_t)queue << 34 | (uint64_t)band << 32 | requester;
}

static uint64_t key_at(const void *ctx, uint32_t slot)
{
    const struct marks *m = ctx;
    const struct mark_record *r = usher__slab_at(&m->slab, slot);

    return key_of(r->queue, r->band, r->requester);
}

COLD void usher__marks_init(struct marks *m, const struct memory *memory, struct intern *names)
{
    usher__slab_init(&m->slab, memory, sizeof(struct mark_record));
    usher__ids_init(&m->index, memory, key_at, m);
    m->names = names;
    m->hand = 1;
}

void usher__marks_free(struct marks *m)
{
    usher__free(m->slab.memory, m->noted.at);
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

static void note(struct marks *m, uint32_t slot, struct mark_record *r)
{
    if (!m->keeps || (r->flags & MARK_NOTED) != 0)
        return;
    r->flags |= MARK_NOTED;
    usher__noted_add(&m->noted, slot);
}

static void forget(struct marks *m, uint32_t slot, struct mark_record *r)
{
    usher__ids_remove(&m->index, key_of(r->queue, r->band, r->requester));
    usher__intern_unref(m->names, r->requester);
    r->requester = 0;
    usher__slab_give(&m->slab, slot);
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
        if (r->requester == 0 || usher__mark_alive(&r->mark, now))
            continue;
        if ((r->flags & MARK_FILED) != 0)
            note(m, m->hand, r);
        if ((r->flags & MARK_NOTED) == 0)
            forget(m, m->hand, r);
    }
}

/* A record without a mark yet. */
static struct mark_record *add(struct marks *m, uint32_t queue, uint32_t band, uint32_t requester)
{
    struct mark_record *r;
    uint32_t slot;

    if (usher__slab_reserve(&m->slab, 1) != 0 || usher__ids_reserve(&m->index, 1) != 0)
        return NULL;
    if (m->keeps && usher__noted_reserve(&m->noted, m->slab.memory, m->slab.fresh + 1) != 0)
        return NULL;
    slot = usher__slab_take(&m->slab);
    r = usher__slab_at(&m->slab, slot);
    r->requester = requester;
    r->queue = (uint16_t)queue;
    r->band = (uint8_t)band;
    usher__ids_insert(&m->index, key_of(queue, band, requester), slot);
    usher__intern_ref(m->names, requester);
    return r;
}

int usher__marks_reserve(struct marks *m, uint32_t queue, uint32_t band, uint32_t requester)
{
    if (usher__ids_find(&m->index, key_of(queue, band, requester)) != 0)
        return 0;
    if (add(m, queue, band, requester) == NULL)
        return USHER_ENOMEM;
    m->fresh_n++;
    return 0;
}

void usher__marks_store(struct marks *m, uint32_t queue, uint32_t band, uint32_t requester,
                        struct mark mark)
{
    uint32_t slot = usher__ids_find(&m->index, key_of(queue, band, requester));
    struct mark_record *r = usher__slab_at(&m->slab, slot);

    r->mark = mark;
    note(m, slot, r);
}

/* ---- for a store --------------------------------------------------------------------------------- */

struct mark_at usher__marks_at(const struct marks *m, uint32_t slot)
{
    const struct mark_record *r = usher__slab_at(&m->slab, slot);

    if (r->requester == 0)
        return (struct mark_at){.requester = 0};
    return (struct mark_at){r->mark, r->queue, r->band, r->requester, (r->flags & MARK_FILED) != 0};
}

void usher__marks_cut(struct marks *m, int64_t now)
{
    for (uint32_t i = 0; i < m->noted.n; i++) {
        uint32_t slot = m->noted.at[i];
        struct mark_record *r = usher__slab_at(&m->slab, slot);

        r->flags = MARK_FILED;
        if (!usher__mark_alive(&r->mark, now))
            forget(m, slot, r);
    }
    m->noted.n = 0;
}

COLD int usher__marks_take(struct marks *m, const struct mark_at *mark)
{
    struct mark_record *r;

    if (usher__ids_find(&m->index, key_of(mark->queue, mark->band, mark->requester)) != 0)
        return USHER_EINVAL;
    r = add(m, mark->queue, mark->band, mark->requester);
    if (r == NULL)
        return USHER_ENOMEM;
    r->mark = mark->mark;
    r->flags = MARK_FILED;
    return 0;
}
