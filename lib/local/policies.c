/* Policies: compiled records, shared by queues and tickets and counted, and, for a store, each as it
 * was given, under a number of the service's own. See inside.h. */
#include "local/inside.h"

#include <string.h>

#include "core/zone.h"
#include "local/changes.h"

/* ---- compiling ----------------------------------------------------------------------------------- */

struct compiling {
    const struct engine *e;
    void *room; /* for the bytes of a zone's file */
};

static int zone_of_machine(void *ctx, const char *name, const void **bytes, size_t *len)
{
    struct compiling *c = ctx;
    int err;

    if (c->e->zone == NULL)
        return USHER_ENOENT;
    if (c->room == NULL)
        c->room = usher__alloc(&c->e->memory, ZONE_FILE_MAX);
    if (c->room == NULL)
        return USHER_ENOMEM;
    err = c->e->zone(c->e->zone_ctx, name, c->room, len);
    *bytes = err == 0 && *len > 0 ? c->room : NULL;
    return err;
}

int usher__engine_compile(struct engine *e, struct policy *out, const char *json, size_t len,
                          char *err, size_t err_len)
{
    struct compiling c = {.e = e};
    struct policy_world world = {&e->allocator, e->now.wall, zone_of_machine, &c};
    int r = usher__policy_compile(out, json, len, &world, err, err_len);

    usher__free(&e->memory, c.room);
    return r;
}

/* ---- records ------------------------------------------------------------------------------------- */

/* The record, with one reference. */
static int add_record(struct engine *e, const struct policy *p, uint32_t queue, uint32_t version,
                      uint32_t *slot)
{
    struct policy_record *r;

    if (usher__slab_reserve(&e->policies, 1) != 0)
        return USHER_ENOMEM;
    *slot = usher__slab_take(&e->policies);
    r = usher__slab_at(&e->policies, *slot);
    r->policy = *p;
    r->policy.version = version;
    r->policy.queue = queue;
    r->refs = 1;
    return 0;
}

int usher__definition_add(struct engine *e, uint32_t queue, uint32_t version, const char *json,
                          size_t len)
{
    struct changes *c = &e->changes;
    struct definition *d = usher__grow(&e->memory, c->definitions, &c->definitions_room,
                                       (uint64_t)c->definitions_n + 1, sizeof(*d));
    uint32_t text;

    if (d == NULL)
        return USHER_ENOMEM;
    c->definitions = d;
    if (usher__intern_get(&e->names, json, len, &text) != 0)
        return USHER_ENOMEM;
    d[c->definitions_n++] = (struct definition){queue, version, text, 0};
    return 0;
}

int usher__zone_add(struct engine *e, struct zone_data zone)
{
    struct changes *c = &e->changes;
    struct zone_data *zones =
        usher__grow(&e->memory, c->zones, &c->zones_room, c->zones_n + 1u, sizeof(*zones));

    if (zones == NULL)
        return USHER_ENOMEM;
    c->zones = zones;
    zones[c->zones_n++] = zone;
    return 0;
}

/* The data that the policy with this number was compiled with. */
static const struct zone_data *zone_of(const struct engine *e, uint32_t name, uint32_t policy)
{
    for (uint32_t i = e->changes.zones_n; i-- > 0;) {
        const struct zone_data *z = &e->changes.zones[i];

        if (z->name == name && z->policy <= policy)
            return z;
    }
    return NULL;
}

static int keep_zone(struct engine *e, const struct calendar *calendar, uint32_t policy)
{
    const struct zone_data *known;
    struct zone_data z = {.policy = policy};
    const void *bytes;
    size_t len;
    const char *name = usher__calendar_zone(calendar, &bytes, &len);
    int err = usher__intern_get(&e->names, name, strlen(name), &z.name);

    if (err == 0)
        err = usher__intern_get(&e->names, bytes, bytes != NULL ? len : 0, &z.bytes);
    known = err == 0 ? zone_of(e, z.name, policy) : NULL;
    if (known == NULL || known->bytes != z.bytes) {
        if (err == 0)
            err = usher__zone_add(e, z);
        if (err == 0)
            return 0;
    }
    usher__intern_unref(&e->names, z.name);
    usher__intern_unref(&e->names, z.bytes);
    return err;
}

/* Numbered, with its text and zones. */
static int keep(struct engine *e, struct policy_record *r, const char *json, size_t len)
{
    struct changes *c = &e->changes;
    uint32_t zones_n = c->zones_n;
    int err = usher__definition_add(e, r->policy.queue, r->policy.version, json, len);

    if (err != 0)
        return err;
    for (uint32_t i = 0; err == 0 && i < r->policy.calendars_n; i++)
        err = keep_zone(e, r->policy.calendars[i], c->definitions_n);
    if (err == 0) {
        r->definition = c->definitions_n;
        return 0;
    }
    for (; c->zones_n > zones_n; c->zones_n--) {
        usher__intern_unref(&e->names, c->zones[c->zones_n - 1].name);
        usher__intern_unref(&e->names, c->zones[c->zones_n - 1].bytes);
    }
    usher__intern_unref(&e->names, c->definitions[--c->definitions_n].json);
    return err;
}

int usher__policy_new(struct engine *e, uint32_t queue, const struct policy *p, uint32_t version,
                      const char *json, size_t len, uint32_t *slot)
{
    struct policy_record *r;
    int err = add_record(e, p, queue, version, slot);

    if (err != 0 || !e->changes.on)
        return err;
    r = usher__slab_at(&e->policies, *slot);
    err = keep(e, r, json, len);
    if (err == 0) {
        e->changes.definitions[r->definition - 1].slot = *slot;
    } else {
        r->refs = 0;
        usher__slab_give(&e->policies, *slot);
    }
    return err;
}

/* As it was when the policy was given. */
struct recompiling {
    const struct engine *e;
    uint32_t policy;
};

static int zone_as_it_was(void *ctx, const char *name, const void **bytes, size_t *len)
{
    const struct recompiling *r = ctx;
    uint32_t handle = usher__intern_find(&r->e->names, name, strlen(name));
    const struct zone_data *z = handle != 0 ? zone_of(r->e, handle, r->policy) : NULL;

    if (z == NULL)
        return USHER_ENOENT;
    *bytes = usher__intern_text(&r->e->names, z->bytes, len);
    if (*len == 0)
        *bytes = NULL;
    return 0;
}

int usher__policy_use(struct engine *e, uint64_t number, uint32_t *slot)
{
    struct recompiling recompiling = {e, (uint32_t)number};
    struct policy_world world = {&e->allocator, -1, zone_as_it_was, &recompiling};
    struct definition *d;
    struct policy_record *r;
    struct policy p;
    const char *json;
    size_t len;
    int err;

    if (number == 0 || number > e->changes.definitions_n)
        return USHER_ECORRUPT;
    d = &e->changes.definitions[number - 1];
    *slot = d->slot;
    if (d->slot != 0) {
        r = usher__slab_at(&e->policies, d->slot);
        r->refs++;
        return 0;
    }
    json = usher__intern_text(&e->names, d->json, &len);
    err = usher__policy_compile(&p, json, len, &world, NULL, 0);
    if (err != 0)
        return err == USHER_ENOMEM ? err : USHER_ECORRUPT;
    err = add_record(e, &p, d->queue, d->version, slot);
    if (err != 0) {
        usher__policy_free(&p);
        return err;
    }
    d->slot = *slot;
    r = usher__slab_at(&e->policies, *slot);
    r->definition = (uint32_t)number;
    return 0;
}

void usher__policy_drop(struct engine *e, uint32_t policy)
{
    struct policy_record *r = usher__slab_at(&e->policies, policy);

    if (--r->refs > 0)
        return;
    if (r->definition != 0)
        e->changes.definitions[r->definition - 1].slot = 0;
    usher__policy_free(&r->policy);
    usher__slab_give(&e->policies, policy);
}

void usher__policies_free(struct engine *e)
{
    for (uint32_t slot = 1; slot < e->policies.fresh; slot++) {
        struct policy_record *r = usher__slab_at(&e->policies, slot);

        if (r->refs > 0)
            usher__policy_free(&r->policy);
    }
    usher__slab_free(&e->policies);
}

/* ---- zones that have changed --------------------------------------------------------------------- */

/* Whether a policy in use was compiled with other data of the zone than these. */
static bool differs(const struct engine *e, const char *zone, const void *bytes, size_t len)
{
    for (uint32_t i = 0; i < e->changes.definitions_n; i++) {
        uint32_t slot = e->changes.definitions[i].slot;
        const struct policy *p = slot != 0 ? usher__policy(e, slot) : NULL;

        for (uint32_t k = 0; p != NULL && k < p->calendars_n; k++) {
            const void *was;
            size_t was_len;

            if (strcmp(usher__calendar_zone(p->calendars[k], &was, &was_len), zone) == 0 &&
                ((was == NULL ? 0 : was_len) != len || (len > 0 && memcmp(was, bytes, len) != 0)))
                return true;
        }
    }
    return false;
}

static int tell_changed(struct engine *e, const char *zone)
{
    struct event event = {.kind = USHER_EV_ZONE_CHANGED, .at = e->now.wall};
    struct log_entry entry = {.event = &event, .to = zone, .to_len = strlen(zone)};
    int err = usher__log_reserve(&e->log, usher__log_len(entry.to_len));

    if (err == 0)
        usher__log_add(&e->log, &entry);
    return err;
}

int usher__engine_compare_zones(struct engine *e)
{
    const struct changes *c = &e->changes;
    struct compiling compiling = {.e = e};
    int err = 0;

    for (uint32_t i = 0; err == 0 && i < c->zones_n; i++) {
        const char *zone = usher__intern_text(&e->names, c->zones[i].name, NULL);
        const void *bytes = NULL;
        size_t len = 0;

        if (zone_of(e, c->zones[i].name, c->definitions_n) != &c->zones[i])
            continue; /* once, for the latest of that name */
        err = zone_of_machine(&compiling, zone, &bytes, &len);
        if (err == 0 && differs(e, zone, bytes, len))
            err = tell_changed(e, zone);
        if (err != USHER_ENOMEM)
            err = 0; /* one that cannot be read is not known to be another */
    }
    usher__free(&e->memory, compiling.room);
    return err;
}

uint32_t usher__engine_version(const usher_queue_t *q)
{
    return usher__policy(q->engine, q->policy)->version;
}

/* ---- applying ------------------------------------------------------------------------------------ */

/* What the tickets that are ranked anew together left behind in the line does not count. */
static void leave_marks_out(struct engine *e, const usher_queue_t *q)
{
    for (uint32_t slot = 1; slot < e->marks.slab.fresh; slot++) {
        const struct mark_at m = usher__marks_at(&e->marks, slot);
        uint32_t of = m.requester != 0 ? usher__ids_find(&e->by_id, m.mark.ticket) : 0;
        const struct ticket *t = of != 0 ? usher__ticket(e, of) : NULL;

        if (t != NULL && t->state != USHER_RESOLVED && usher__reached(e, t, q, q->policy))
            usher__marks_store(&e->marks, m.queue, m.band, m.requester,
                               (struct mark){.ticket = t->id});
    }
}

/* Those that it reaches, in the order of their ranks. */
static int find_reached(struct engine *e, const usher_queue_t *q, struct order *found)
{
    uint32_t n = 0;
    int err = 0;

    for (int pass = 0; err == 0 && pass < 2; pass++) {
        for (uint32_t slot = 1; slot < e->tickets.fresh; slot++) {
            const struct ticket *t = usher__ticket(e, slot);

            if (usher__ids_find(&e->by_id, t->id) != slot || !usher__reached(e, t, q, q->policy))
                continue;
            if (pass == 0)
                n++;
            else
                usher__order_insert(found, t->rank, t->id, slot);
        }
        if (pass == 0 && n > 0)
            err = usher__order_reserve(found, n);
    }
    return err;
}

static int apply_all(struct engine *e, const usher_queue_t *q, const struct command *c,
                     const struct order *found, uint32_t *n)
{
    struct order_item item;
    bool more = usher__order_first(found, &item);
    int err = more ? usher__prepare(e, usher__ticket(e, item.slot), c) : 0;
    uint32_t flags;

    if (err != 0)
        return err; /* and nothing has happened */
    leave_marks_out(e, q);
    for (; more && err == 0; more = usher__order_next(found, item.rank, item.id, &item)) {
        err = usher__prepare(e, usher__ticket(e, item.slot), c);
        if (err == 0)
            err = usher__apply(e, item.slot, c, &flags);
        if (err != 0)
            break;
        usher__apply_overdue(e, item.slot);
        ++*n;
    }
    return err;
}

int usher__engine_apply(usher_queue_t *q, struct result *res, uint32_t *n)
{
    struct engine *e = q->engine;
    const struct command c = {.verb = VERB_APPLY, .policy = q->policy};
    struct order found;
    int err;

    *n = 0;
    usher__order_init(&found, &e->memory);
    err = find_reached(e, q, &found);
    if (err == 0)
        err = apply_all(e, q, &c, &found, n);
    usher__order_free(&found);
    if (err != 0 && *n == 0)
        return err;
    *res = (struct result){.status = err, .seq = e->log.seq};
    usher__settle(e);
    return 0;
}
