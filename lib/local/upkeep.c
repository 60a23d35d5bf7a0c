/* See upkeep.h. */
#include "local/upkeep.h"

#include <string.h>

#include "local/causes.h"
#include "local/figures.h"
#include "local/inside.h"

bool usher__engine_misses(const struct engine *e, usher_id id)
{
    uint32_t slot = usher__ids_find(&e->by_id, id);

    if (slot == 0)
        return id > 0 && id <= e->last_id;
    return e->changes.absent != NULL && usher__ticket(e, slot)->body == e->changes.absent;
}

bool usher__engine_knows_op(struct engine *e, usher_op op)
{
    return (op.hi != 0 || op.lo != 0) && usher__ops_find(&e->ops, op, e->at.wall) != NULL;
}

void usher__engine_look(struct engine *e)
{
    e->at = e->now;
}

uint64_t usher__engine_last_event(const struct engine *e, usher_id id)
{
    uint32_t slot = usher__ids_find(&e->by_id, id);

    return slot == 0 ? 0 : usher__ticket(e, slot)->last_event;
}

usher_queue_t *usher__engine_queue_at(const struct engine *e, uint32_t handle)
{
    return handle == 0 || handle > e->queues_n ? NULL : e->queues[handle - 1];
}

/* ---- purging --------------------------------------------------------------------------------- */

static bool waits(const struct ticket *t, uint32_t name)
{
    if (t->requester == name)
        return true;
    for (uint32_t i = 1; t->persons_n > 1 && i < t->persons_n; i++) {
        if (t->extra->persons[i].name == name)
            return true;
    }
    return false;
}

static bool fits(const struct ticket *t, const struct row_filter *f, uint32_t name)
{
    return (f->closed_before_at == 0 || t->state_at < f->closed_before_at) &&
           (f->requester == NULL || waits(t, name));
}

static uint32_t name_of(const struct engine *e, const struct row_filter *f)
{
    return f->requester == NULL ? 0
                                : usher__intern_find(&e->names, f->requester, strlen(f->requester));
}

void usher__engine_before_purge(struct engine *e, const struct row_filter *f)
{
    uint32_t name = name_of(e, f);

    usher__figures_want(e);
    for (uint32_t slot = 1; usher__causes_any(e) && slot < e->tickets.fresh; slot++) {
        const struct ticket *t = usher__ticket(e, slot);

        if (usher__ids_find(&e->by_id, t->id) == slot && usher__is_over(t->state) &&
            fits(t, f, name))
            usher__causes_unlink(e, slot);
    }
}

uint64_t usher__engine_purge(struct engine *e, const struct row_filter *f)
{
    uint32_t name = name_of(e, f), next;
    uint64_t n = 0;

    if (f->requester != NULL && name == 0)
        return 0;
    if (!e->changes.on)
        usher__engine_before_purge(e, f);
    usher__intern_ref(&e->names, name); /* it may go with the last of them */
    for (uint32_t slot = e->closed_oldest; slot != 0; slot = next) {
        const struct ticket *t = usher__ticket(e, slot);

        next = t->next;
        if (!fits(t, f, name) || (t->flags & TICKET_NOTED) != 0)
            continue;
        usher__forget(e, slot);
        n++;
    }
    usher__intern_unref(&e->names, name);
    return n;
}

/* ---- events ---------------------------------------------------------------------------------- */

int usher__engine_reserve_event(struct engine *e)
{
    return usher__log_reserve(&e->log, usher__log_len(0));
}

void usher__engine_purged(struct engine *e, uint64_t n)
{
    usher__tell_service(
        e, NULL,
        &(struct event){.kind = USHER_EV_PURGED, .n = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX});
}

void usher__engine_room(struct engine *e)
{
    usher__tell_service(e, NULL, &(struct event){.kind = USHER_EV_ROOM});
}
