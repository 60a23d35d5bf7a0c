/* Policies: compiled records, shared by queues and tickets and counted, and, for a store, each as it
 * was given, under a number of the service's own. See inside.h. */
#include "local/inside.h"

/* The record, with one reference. */
static int add_record(struct engine *e, const struct policy *p, uint32_t version, uint32_t *slot)
{
    struct policy_record *r;

    if (usher__slab_reserve(&e->policies, 1) != 0)
        return USHER_ENOMEM;
    *slot = usher__slab_take(&e->policies);
    r = usher__slab_at(&e->policies, *slot);
    r->policy = *p;
    r->policy.version = version;
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

int usher__policy_new(struct engine *e, uint32_t queue, const struct policy *p, uint32_t version,
                      const char *json, size_t len, uint32_t *slot)
{
    struct changes *c = &e->changes;
    struct policy_record *r;
    int err = add_record(e, p, version, slot);

    if (err != 0 || !c->on)
        return err;
    err = usher__definition_add(e, queue, version, json, len);
    if (err != 0) {
        usher__slab_give(&e->policies, *slot);
        return err;
    }
    c->definitions[c->definitions_n - 1].slot = *slot;
    r = usher__slab_at(&e->policies, *slot);
    r->definition = c->definitions_n;
    return 0;
}

int usher__policy_use(struct engine *e, uint64_t number, uint32_t *slot)
{
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
    if (usher__policy_compile(&p, json, len, NULL, 0) != 0)
        return USHER_ECORRUPT;
    err = add_record(e, &p, d->version, slot);
    if (err != 0)
        return err;
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
    usher__slab_give(&e->policies, policy);
}
