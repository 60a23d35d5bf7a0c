/* What keeps coming. See causes.h. Tickets linked to one cause form a ring by ascending id. */
#include <string.h>

#include "local/record.h"
#include "local/symptoms.h"

/* ---- links --------------------------------------------------------------------------------------- */

static struct extra *extra_at(const struct engine *e, uint32_t slot)
{
    return usher__ticket(e, slot)->extra;
}

static uint32_t slot_of(const struct engine *e, usher_id id)
{
    return usher__ids_find(&e->by_id, id);
}

static void link_in(struct engine *e, uint32_t slot, struct extra *cause)
{
    struct extra *x = extra_at(e, slot);
    usher_id id = usher__ticket(e, slot)->id;
    uint32_t next = cause->linked_first;

    e->causes->linked_n++;
    if (cause->linked_n++ == 0) {
        cause->linked_first = x->linked_next = x->linked_prev = slot;
        return;
    }
    if (usher__ticket(e, extra_at(e, next)->linked_prev)->id > id) { /* it is not the last */
        while (usher__ticket(e, next)->id < id)
            next = extra_at(e, next)->linked_next;
        if (next == cause->linked_first)
            cause->linked_first = slot;
    }
    x->linked_next = next;
    x->linked_prev = extra_at(e, next)->linked_prev;
    extra_at(e, x->linked_prev)->linked_next = slot;
    extra_at(e, next)->linked_prev = slot;
}

static void unlink_from(struct engine *e, uint32_t slot, struct extra *cause)
{
    struct extra *x = extra_at(e, slot);

    extra_at(e, x->linked_prev)->linked_next = x->linked_next;
    extra_at(e, x->linked_next)->linked_prev = x->linked_prev;
    if (cause->linked_first == slot)
        cause->linked_first = x->linked_next;
    if (--cause->linked_n == 0)
        cause->linked_first = 0;
    e->causes->linked_n--;
    usher__set_linked(e, slot, false);
}

bool usher__causes_any(const struct engine *e)
{
    return e->causes != NULL && e->causes->linked_n > 0;
}

void usher__causes_unlink(struct engine *e, uint32_t slot)
{
    struct extra *x = extra_at(e, slot);

    if (x != NULL && x->linked)
        unlink_from(e, slot, extra_at(e, slot_of(e, x->cause)));
}

static void unlink_all(struct engine *e, struct extra *cause)
{
    while (cause->linked_n > 0)
        unlink_from(e, cause->linked_first, cause);
}

static void tell(struct engine *e, uint32_t slot, int verb, int kind, struct text *text,
                 usher_id other)
{
    uint32_t flags;

    (void)usher__apply(e, slot,
                       &(struct command){.verb = verb, .kind = kind, .text = text, .other = other},
                       &flags);
}

/* extra.cause has changed, or is what it was. */
static void relink(struct engine *e, uint32_t slot, usher_id was)
{
    const struct ticket *t = usher__ticket(e, slot);
    struct extra *x = t->extra;
    uint32_t cause = slot_of(e, x->cause);

    if (x->linked && was != x->cause)
        unlink_from(e, slot, extra_at(e, slot_of(e, was)));
    if (cause == 0)
        return;
    if (!x->linked) {
        link_in(e, slot, extra_at(e, cause));
        usher__set_linked(e, slot, true);
    }
    tell(e, cause, VERB_LINKED, 0, NULL, t->id);
}

static void tell_linked(struct engine *e, const struct ticket *cause, const struct command *c)
{
    uint32_t slot = cause->extra->linked_first;

    for (uint32_t i = cause->extra->linked_n; i > 0; i--, slot = extra_at(e, slot)->linked_next)
        tell(e, slot, VERB_TOLD, c->kind, c->text, cause->id);
}

/* ---- what the rules ask, and what they want ------------------------------------------------------ */

static uint32_t cause_queue(const struct engine *e, const struct policy *p)
{
    const char *name = p->cause_queue != 0 ? p->names[p->cause_queue - 1] : NULL;
    uint32_t handle = name != NULL ? usher__intern_find(&e->names, name, strlen(name)) : 0;

    return handle != 0 ? usher__ids_find(&e->queue_by_name, handle) : 0;
}

void usher__causes_facts(const struct engine *e, const struct ticket *t,
                         const struct policy *policy, struct facts *facts)
{
    const struct symptom *s = usher__symptom(e, usher__symptom_of(e, t));
    uint64_t by = usher__symptom_print(e, t);

    facts->cause_queue = cause_queue(e, policy);
    for (uint32_t i = usher__symptom_recent(s, e->at.wall, policy->recur_within); i < s->recent_n;
         i++) {
        facts->recent++;
        facts->recent_by += s->recent[i].by == by;
        facts->earlier = s->recent[i].id;
    }
    if (s->cause != 0 && extra_at(e, slot_of(e, s->cause))->linked_n < USHER_LINKS_MAX)
        facts->cause = s->cause;
}

static int reserve_symptom(struct engine *e, const struct extra *x)
{
    uint32_t slot;
    struct symptom *s;
    int err = usher__symptom_expect(e, x->symptom, &slot);

    if (err != 0)
        return err;
    s = usher__symptom(e, slot);
    if (s->cause != 0)
        err = usher__figures_reserve(e, usher__ticket(e, slot_of(e, s->cause))->queue);
    return err;
}

static int reserve_link(struct engine *e, usher_id other)
{
    uint32_t slot = slot_of(e, other);
    struct ticket *cause;

    if (slot == 0)
        return 0;
    cause = usher__ticket(e, slot);
    if (cause->extra == NULL)
        cause->extra = usher__zalloc(&e->memory, sizeof(*cause->extra));
    if (cause->extra == NULL || usher__causes_new(e) != 0)
        return USHER_ENOMEM;
    return usher__figures_reserve(e, cause->queue);
}

static int reserve_told(struct engine *e, const struct extra *cause, const struct command *c)
{
    size_t len = usher__text_len(c->text);
    uint32_t slot = cause->linked_first;
    int err = usher__log_reserve(&e->log, usher__log_need(len) + e->batch_len +
                                              cause->linked_n * (usher__log_len(0) + len + 1));

    for (uint32_t i = cause->linked_n; err == 0 && i > 0; i--) {
        err = usher__figures_reserve(e, usher__ticket(e, slot)->queue);
        slot = extra_at(e, slot)->linked_next;
    }
    return err;
}

int usher__causes_reserve(struct engine *e, const struct ticket *t, const struct command *c)
{
    const struct extra *x = t->extra;

    if (c->verb == USHER_LINK)
        return reserve_link(e, c->other);
    if (c->verb == VERB_ENQUEUE && c->kind != ENQUEUE_CAUSE)
        return reserve_symptom(e, x);
    return c->verb == USHER_RESOLVE && x->linked_n > 0 ? reserve_told(e, x, c) : 0;
}

/* A recent ticket with the symptom that is here and has no cause yet; 0: it is none. */
static uint32_t wants_cause(const struct engine *e, const struct symptom *s, usher_id id)
{
    uint32_t slot = slot_of(e, id);
    const struct ticket *t = slot != 0 ? usher__ticket(e, slot) : NULL;

    if (t == NULL || t->state == USHER_WITHDRAWN || t->extra == NULL ||
        t->extra->symptom != s->name || t->extra->cause != 0)
        return 0;
    if (t->body != NULL && t->body == e->changes.absent) /* it is only half here */
        return 0;
    return slot;
}

/* Room for what is told of the recent ones, beside the batch's. */
static int reserve_recurred(struct engine *e, const struct symptom *s, uint32_t from, size_t *len)
{
    int err = 0;

    for (*len = 0; err == 0 && from < s->recent_n; from++) {
        uint32_t slot = wants_cause(e, s, s->recent[from].id);

        if (slot == 0)
            continue;
        err = usher__figures_reserve(e, usher__ticket(e, slot)->queue);
        *len += 2 * usher__log_len(0);
    }
    return err;
}

/* The ticket about the cause of a symptom that has come again with t. */
static void open_cause(struct engine *e, const struct ticket *t)
{
    const struct policy *policy = usher__policy(e, t->policy);
    const struct symptom *s = usher__symptom(e, usher__symptom_of(e, t));
    const char *name = usher__engine_name(e, s->name);
    usher_request r = {.size = sizeof(r),
                       .requester = usher__engine_name(e, usher__queue_of(e, t->queue)->name),
                       .symptom = name,
                       .body = {name, strlen(name)},
                       .priority = t->priority};
    uint32_t from = usher__symptom_recent(s, e->at.wall, policy->recur_within), cause;
    size_t len;
    int err;

    if (s->cause != 0) /* it is full */
        return;
    err = reserve_recurred(e, s, from, &len);
    e->batch_len += len;
    if (err == 0)
        err = usher__enqueue_own(e, usher__queue_of(e, cause_queue(e, policy)), &r, ENQUEUE_CAUSE,
                                 &cause);
    e->batch_len -= len;
    for (; err == 0 && from < s->recent_n; from++) {
        uint32_t slot = wants_cause(e, s, s->recent[from].id);

        if (slot != 0)
            tell(e, slot, USHER_LINK, 0, NULL, usher__ticket(e, cause)->id);
    }
}

/* Into the list of causes, in no order: all that are open, and some that are over. */
static void list_cause(struct engine *e, uint32_t slot)
{
    struct extra *x = extra_at(e, slot);

    if (x->listed)
        return;
    x->listed = true;
    x->next_cause = e->open_causes;
    e->open_causes = slot;
}

/* There may be two of one symptom: an older one that was reopened. What is over leaves the list only here, all of it
 * at once, so that 65,536 causes can end one after the other. */
usher_id usher__symptom_cause(struct engine *e, uint32_t name)
{
    uint32_t *at = &e->open_causes;
    usher_id newest = 0;

    while (*at != 0) {
        const struct ticket *t = usher__ticket(e, *at);
        struct extra *x = t->extra;

        x->listed = t->state < USHER_RESOLVED;
        if (x->listed && x->symptom == name && t->id > newest)
            newest = t->id;
        if (x->listed)
            at = &x->next_cause;
        else
            *at = x->next_cause;
    }
    return newest;
}

/* What has become of the ticket about a symptom's cause. */
static void follow_cause(struct engine *e, uint32_t cause, const struct command *c,
                         const struct outcome *out)
{
    const struct ticket *t = usher__ticket(e, cause);
    uint32_t slot = usher__symptom_of(e, t);
    bool open = t->state < USHER_RESOLVED;
    struct symptom *s = slot != 0 ? usher__symptom(e, slot) : NULL;

    if (open)
        list_cause(e, cause);
    if (s == NULL || s->seen == 0) /* it has been forgotten */
        return;
    if ((out->effects & EFFECT_TELL_LINKED) != 0 && c->kind == USHER_AS_WORKAROUND) {
        s->workarounds++;
    } else if ((out->effects & EFFECT_TELL_LINKED) != 0) {
        s->fixes++;
        s->recent_n = 0;
    }
    s->causes += c != NULL && c->verb == VERB_ENQUEUE;
    if (open && s->cause < t->id)
        s->cause = t->id;
    else if (!open && s->cause == t->id)
        s->cause = s->causes > 1 ? usher__symptom_cause(e, s->name) : 0;
    usher__symptom_changed(e, slot);
}

void usher__causes_follow(struct engine *e, uint32_t slot, const struct command *c, usher_id was,
                          const struct outcome *out)
{
    const struct ticket *t = usher__ticket(e, slot);
    struct extra *x = t->extra;

    if (x->is_cause)
        follow_cause(e, slot, c, out);
    else if (c != NULL && c->verb == VERB_ENQUEUE)
        usher__symptom_remember(e, t);
    if ((out->effects & EFFECT_LINKED) != 0)
        relink(e, slot, was);
    if ((out->effects & EFFECT_TELL_LINKED) != 0)
        tell_linked(e, t, c);
    if ((out->effects & EFFECT_OPEN_CAUSE) != 0)
        open_cause(e, t);
    if (usher__is_over(t->state))
        unlink_all(e, x);
    if (t->state == USHER_WITHDRAWN) /* it waits for nothing any more */
        usher__causes_unlink(e, slot);
}

void usher__causes_forget(struct engine *e, uint32_t slot)
{
    const struct ticket *t = usher__ticket(e, slot);
    uint32_t own = t->state == 0 ? usher__symptom_of(e, t) : 0;

    if (own != 0)
        usher__symptom_unexpect(e, own);
    if (t->state != 0) {
        if (t->extra->listed)
            (void)usher__symptom_cause(e, 0);
        unlink_all(e, t->extra);
        usher__causes_unlink(e, slot);
    }
}

/* ---- reading back --------------------------------------------------------------------------------- */

void usher__causes_put_back(struct engine *e, uint32_t slot)
{
    struct extra *x = extra_at(e, slot);

    if (x->is_cause && usher__ticket(e, slot)->state < USHER_RESOLVED)
        list_cause(e, slot);
    if (!x->linked)
        return;
    x->linked_next = e->changes.linked;
    e->changes.linked = slot;
}

/* The latest comes first. */
int usher__causes_taken(struct engine *e, const char **wrong)
{
    while (e->changes.linked != 0) {
        uint32_t slot = e->changes.linked;
        const struct ticket *t = usher__ticket(e, slot);
        struct ticket *cause;

        e->changes.linked = t->extra->linked_next;
        cause =
            slot_of(e, t->extra->cause) != 0 ? usher__ticket(e, slot_of(e, t->extra->cause)) : NULL;
        if (cause == NULL || cause == t || usher__is_over(cause->state) ||
            (cause->extra != NULL && cause->extra->linked_n == USHER_LINKS_MAX))
            return usher__corrupt(e, wrong, "ticket %llu: its cause %llu is none",
                                  (unsigned long long)t->id, (unsigned long long)t->extra->cause);
        if (cause->extra == NULL)
            cause->extra = usher__zalloc(&e->memory, sizeof(*cause->extra));
        if (cause->extra == NULL || usher__causes_new(e) != 0)
            return USHER_ENOMEM;
        link_in(e, slot, cause->extra);
    }
    return 0;
}

/* ---- the invariants ------------------------------------------------------------------------------ */
/* Those of one cause, in order; *n of them. */
static const char *check_ring(const struct engine *e, const struct ticket *cause, uint64_t *n)
{
    const struct extra *x = cause->extra;
    uint32_t slot = x->linked_first;

    if ((x->linked_n > 0 && usher__is_over(cause->state)) || x->linked_n > USHER_LINKS_MAX ||
        (x->linked_n == 0) != (slot == 0))
        return "a cause that is over, or has too many";
    for (uint32_t i = 0; i < x->linked_n; i++) {
        const struct ticket *t = usher__ticket(e, slot);
        uint32_t next = t->extra->linked_next;

        if (!t->extra->linked || t->extra->cause != cause->id ||
            extra_at(e, next)->linked_prev != slot)
            return "a ticket is linked wrong";
        if ((i + 1 == x->linked_n) != (next == x->linked_first) ||
            (next != x->linked_first && usher__ticket(e, next)->id <= t->id))
            return "the order of what is linked";
        slot = next;
        ++*n;
    }
    return NULL;
}

const char *usher__causes_check(struct engine *e)
{
    struct causes *c = e->causes;
    const char *wrong = NULL;
    uint64_t linked = 0, in_rings = 0;

    for (uint32_t slot = e->open_causes; slot != 0; slot = extra_at(e, slot)->next_cause) {
        if (slot_of(e, usher__ticket(e, slot)->id) != slot || !extra_at(e, slot)->listed)
            return "a cause that has left memory is listed";
    }
    for (usher_id id = 1; wrong == NULL && id <= e->last_id; id++) {
        const struct extra *x = slot_of(e, id) != 0 ? extra_at(e, slot_of(e, id)) : NULL;

        if (x == NULL)
            continue;
        linked += x->linked;
        if (x->is_cause && usher__ticket(e, slot_of(e, id))->state < USHER_RESOLVED && !x->listed)
            return "an open cause is not listed";
        wrong = check_ring(e, usher__ticket(e, slot_of(e, id)), &in_rings);
    }
    if (wrong == NULL && (linked != in_rings || linked != (c != NULL ? c->linked_n : 0)))
        wrong = "a ticket is linked to nothing";
    if (wrong != NULL || c == NULL)
        return wrong;
    return usher__symptoms_check(e);
}
