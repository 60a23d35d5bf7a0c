/* Enqueue: new tickets, or one more person for a ticket that is there; all of a batch or none.
 *
 * Two passes. The first builds: it judges every request, makes the new records (found by id and
 * key already, but in no line and with state 0) and all room that the second needs; if anything is
 * wrong it takes back what it made. The second lets the rules do it, and cannot fail. */
#include "core/cold.h"
#include "local/inside.h"

#include <string.h>

struct request {
    const usher_request *r;
    struct op_entry *entry; /* room to remember its op; NULL: it has none */
    struct result again;    /* repeated: the first result */
    struct text *body;
    uint64_t print;
    uint32_t slot;      /* of the new ticket, or of the one that is joined; 0: repeated */
    uint32_t requester; /* names: one reference each until the end of the call */
    uint32_t needs[USHER_NEEDS_MAX];
    uint32_t needs_n;
    uint32_t old_ref; /* whom the new ticket's ref found before; for taking back */
    bool joins;
    bool repeated;
    const struct request *twin; /* the earlier one in this batch that it repeats */
};

struct batch {
    struct engine *e;
    usher_queue_t *q;
    struct request *requests;
    size_t n, built;
    uint32_t fresh_n; /* new tickets */
    int kind;         /* of their VERB_ENQUEUE; 0: somebody asks */
    int status;       /* what all of them answer; 0: go on */
    size_t outer_len; /* of the batch that this happens in */
    uint32_t outer_n;
};

static uint64_t print_of(const usher_queue_t *q, const usher_request *r)
{
    uint64_t print = usher__print_number(VERB_ENQUEUE, q->index);
    const char *names[4] = {r->requester, r->symptom, r->dedup_key, r->ref};

    for (int i = 0; i < 4; i++)
        print = usher__print_bytes(print, names[i], names[i] != NULL ? strlen(names[i]) : 0);
    for (uint32_t i = 0; i < r->needs_n; i++)
        print = usher__print_bytes(print, r->needs[i], strlen(r->needs[i]));
    print = usher__print_number(print, (uint64_t)r->priority);
    print = usher__print_number(print, (uint64_t)r->start_at);
    if (r->follows != 0) /* so that a print from before there was such a thing is still right */
        print = usher__print_number(print, r->follows);
    return usher__print_bytes(print, r->body.data, r->body.len);
}

static int name(struct engine *e, const char *text, uint32_t *handle)
{
    *handle = 0;
    return text == NULL ? 0 : usher__intern_get(&e->names, text, strlen(text), handle);
}

static int begin(struct batch *b, struct request *q, const usher_request *r)
{
    struct engine *e = b->e;
    int err = name(e, r->requester, &q->requester);

    for (uint32_t i = 0; err == 0 && i < r->needs_n; i++) {
        err = name(e, r->needs[i], &q->needs[i]);
        if (err == 0)
            q->needs_n++;
    }
    if (err == 0 && r->body.len > 0) {
        q->body = usher__text_new(&e->texts, r->body.data, r->body.len);
        if (q->body == NULL)
            err = USHER_ENOMEM;
    }
    return err;
}

static const struct request *twin_of(const struct batch *b, const struct request *q)
{
    for (const struct request *k = b->requests; k < q; k++) {
        if (k->r->op.hi == q->r->op.hi && k->r->op.lo == q->r->op.lo && k->twin == NULL)
            return k;
    }
    return NULL;
}

/* The op: repeated, refused, or room to remember it. */
static COLD int begin_op(struct batch *b, struct request *q, const usher_request *r)
{
    const struct op_entry *first;

    q->print = print_of(b->q, r);
    q->twin = twin_of(b, q);
    if (q->twin != NULL) {
        q->repeated = true;
        if (q->twin->print != q->print)
            b->status = USHER_EINVAL;
        return 0;
    }
    first = usher__ops_find(&b->e->ops, r->op, b->e->at.wall);
    if (first != NULL) {
        q->repeated = true;
        usher__op_result(first,
                         &q->again); /* now: the batch itself may push it out of the window */
        if (first->print != q->print)
            b->status = USHER_EINVAL;
        return 0;
    }
    q->entry = usher__ops_new(&b->e->ops, 0);
    return q->entry == NULL ? USHER_ENOMEM : 0;
}

/* ---- joining --------------------------------------------------------------------------------------- */

static uint32_t joined_slot(const struct batch *b, const usher_request *r)
{
    uint32_t key;

    if (r->dedup_key == NULL)
        return 0;
    key = usher__intern_find(&b->e->names, r->dedup_key, strlen(r->dedup_key));
    return key == 0 ? 0 : usher__ids_find(&b->e->by_key, usher__queue_key(b->q->index, key));
}

static struct command join_command(const struct request *q)
{
    const usher_request *r = q->r;

    return (struct command){.verb = VERB_JOIN,
                            .who = q->requester,
                            .text = q->body,
                            .at = r->start_at,
                            .priority = r->priority != 0 ? (uint32_t)r->priority : USHER_NORMAL,
                            .needs = q->needs,
                            .needs_n = q->needs_n};
}

static bool names_need(const uint32_t *needs, uint32_t n, uint32_t need)
{
    for (uint32_t i = 0; i < n; i++) {
        if (needs[i] == need)
            return true;
    }
    return false;
}

/* Joining is refused when the ticket would need too many skills or have too many persons; in a
 * batch, all that it brings to the ticket is counted before anything is done. */
static int judge_join(struct batch *b, const struct request *q)
{
    const struct ticket *t = usher__ticket(b->e, q->slot);
    uint32_t needs[2 * USHER_NEEDS_MAX], n = t->extra->needs_n, persons = t->persons_n;

    memcpy(needs, t->extra->needs, n * sizeof(*needs));
    for (const struct request *k = b->requests; k <= q; k++) {
        if (k->slot != q->slot || !k->joins)
            continue;
        persons++; /* the same person twice counts twice: only near the limit does it matter */
        for (uint32_t i = 0; i < k->needs_n && n <= USHER_NEEDS_MAX; i++) {
            if (!names_need(needs, n, k->needs[i]))
                needs[n++] = k->needs[i];
        }
    }
    return n > USHER_NEEDS_MAX || persons > USHER_PERSONS_MAX ? USHER_ELIMIT : 0;
}

/* How many of the batch's requests before this one join the same ticket. */
static uint16_t joins_before(const struct batch *b, const struct request *q)
{
    uint16_t n = 0;

    for (const struct request *k = b->requests; k < q; k++)
        n = (uint16_t)(n + (k->slot == q->slot && k->joins));
    return n;
}

static COLD int build_join(struct batch *b, struct request *q)
{
    struct command c = join_command(q);
    struct ticket *t = usher__ticket(b->e, q->slot);
    uint16_t others;
    int err;

    q->joins = true;
    if (b->n > 1 && judge_join(b, q) != 0) {
        b->status = USHER_ELIMIT;
        return 0;
    }
    others = joins_before(b, q); /* room for their persons too */
    t->persons_n = (uint16_t)(t->persons_n + others);
    err = usher__prepare(b->e, t, &c);
    t->persons_n = (uint16_t)(t->persons_n - others);
    return err;
}

/* ---- new tickets ------------------------------------------------------------------------------------ */

static bool wants_extra(const usher_request *r)
{
    return r->symptom != NULL || r->dedup_key != NULL || r->ref != NULL || r->needs_n > 0 ||
           r->follows != 0;
}

static COLD int build_extra(struct batch *b, struct request *q, struct ticket *t)
{
    struct engine *e = b->e;
    const usher_request *r = q->r;
    struct extra *x;
    int err;

    x = usher__zalloc(&e->memory, sizeof(*x));
    if (x == NULL)
        return USHER_ENOMEM;
    t->extra = x;
    err = name(e, r->symptom, &x->symptom);
    if (err == 0)
        err = name(e, r->dedup_key, &x->dedup_key);
    if (err == 0)
        err = name(e, r->ref, &x->ref);
    if (err == 0 && x->dedup_key != 0)
        err = usher__ids_reserve(&e->by_key, 1);
    if (err == 0 && x->ref != 0)
        err = usher__ids_reserve(&e->by_ref, 1);
    if (err != 0)
        return err;
    for (uint32_t i = 0; i < q->needs_n; i++) {
        uint32_t k = 0;

        while (k < x->needs_n && x->needs[k] != q->needs[i])
            k++;
        if (k < x->needs_n)
            continue; /* named twice */
        x->needs[x->needs_n++] = q->needs[i];
        usher__intern_ref(&e->names, q->needs[i]);
    }
    return 0;
}

/* Found by id, key and ref from here on, so that the rest of the batch joins it. */
static void index_built(struct batch *b, struct request *q, struct ticket *t)
{
    struct engine *e = b->e;
    uint32_t queue = b->q->index;

    if (t->extra == NULL)
        return;
    if (t->extra->dedup_key != 0)
        usher__ids_insert(&e->by_key, usher__queue_key(queue, t->extra->dedup_key), q->slot);
    if (t->extra->ref == 0)
        return;
    q->old_ref = usher__ids_remove(&e->by_ref, usher__queue_key(queue, t->extra->ref));
    usher__ids_insert(&e->by_ref, usher__queue_key(queue, t->extra->ref), q->slot);
}

static struct command enqueue_command(const struct batch *b, const struct request *q)
{
    return (struct command){.verb = VERB_ENQUEUE,
                            .kind = b->kind,
                            .who = q->requester,
                            .at = q->r->start_at,
                            .other = q->r->follows};
}

static int build_new(struct batch *b, struct request *q)
{
    struct engine *e = b->e;
    struct command c = enqueue_command(b, q);
    struct policy_record *policy = usher__slab_at(&e->policies, b->q->policy);
    struct ticket *t;
    int err;

    if (usher__slab_reserve(&e->tickets, 1) != 0 || usher__ids_reserve(&e->by_id, 1) != 0 ||
        usher__heap_reserve(&e->dues, e->tickets.fresh + 1) != 0 ||
        usher__heap_reserve(&e->leases, e->tickets.fresh + 1) != 0 || usher__reserve_notes(e) != 0)
        return USHER_ENOMEM;
    q->slot = usher__slab_take(&e->tickets);
    t = usher__ticket(e, q->slot);
    t->id = ++e->last_id;
    t->queue = b->q->index;
    t->policy = b->q->policy;
    t->requester = q->requester;
    t->persons_n = 1;
    t->priority = q->r->priority != 0 ? (uint8_t)q->r->priority : USHER_NORMAL;
    t->body = usher__text_ref(q->body);
    usher__intern_ref(&e->names, q->requester);
    policy->refs++;
    usher__ids_insert(&e->by_id, t->id, q->slot);
    err = wants_extra(q->r) ? build_extra(b, q, t) : 0;
    if (err == 0)
        err = usher__prepare(e, t, &c);
    if (err != 0) {
        usher__forget(e, q->slot);
        q->slot = 0;
        e->last_id--; /* nobody has seen it */
        return err;
    }
    index_built(b, q, t);
    b->fresh_n++;
    return 0;
}

static COLD void take_back(struct batch *b, struct request *q)
{
    struct engine *e = b->e;
    struct ticket *t;

    if (q->slot == 0 || q->joins)
        return;
    t = usher__ticket(e, q->slot);
    if (t->extra != NULL && t->extra->dedup_key != 0)
        usher__ids_remove(&e->by_key, usher__queue_key(t->queue, t->extra->dedup_key));
    if (t->extra != NULL && t->extra->ref != 0) {
        usher__ids_remove(&e->by_ref, usher__queue_key(t->queue, t->extra->ref));
        if (q->old_ref != 0)
            usher__ids_insert(&e->by_ref, usher__queue_key(t->queue, t->extra->ref), q->old_ref);
    }
    usher__forget(e, q->slot);
}

/* ---- the two passes ----------------------------------------------------------------------------------- */

static int build(struct batch *b, size_t i)
{
    struct request *q = &b->requests[i];
    int err = begin(b, q, q->r);

    if (err == 0 && (q->r->op.hi != 0 || q->r->op.lo != 0))
        err = begin_op(b, q, q->r);
    if (err != 0 || q->repeated || b->status != 0)
        return err;
    q->slot = joined_slot(b, q->r);
    if (q->slot != 0)
        return build_join(b, q);
    if (b->kind == 0 && (b->q->hold & USHER_HOLD_ENQUEUE) != 0) {
        b->status = USHER_ESTATE;
        return 0;
    }
    if (b->kind == 0 && b->q->open + b->fresh_n >= usher__policy(b->e, b->q->policy)->open_max)
        return USHER_EFULL;
    return build_new(b, q);
}

/* What is told of a new one. With a symptom: that it recurs, that it is linked, here and at its cause, or that
 * there is no queue for a cause. */
static size_t log_of(const usher_request *r)
{
    size_t len = usher__log_len(strlen(r->requester) + 1);

    if (r->needs_n > 0)
        len += usher__log_len(0);
    if (r->symptom != NULL)
        len += 4 * usher__log_len(USHER_NAME_MAX + 1);
    return len;
}

static int reserve_bands(usher_queue_t *q, uint32_t n)
{
    int err = 0;

    for (uint32_t band = 0; err == 0 && band < PRIORITIES; band++)
        err = usher__order_reserve(&q->band[band], n);
    return err;
}

/* The room that one prepare made for one is made for all. */
static int build_rest(struct batch *b, const usher_request *r)
{
    size_t len = 0;
    int err = 0;

    for (size_t i = 0; i < b->n; i++)
        len += b->requests[i].joins ? usher__log_need(r[i].body.len) : log_of(&r[i]);
    err = usher__log_reserve(&b->e->log, len);
    b->e->batch_len = len;
    b->e->batch_n = (uint32_t)b->n;
    if (err == 0)
        err = reserve_bands(b->q, (uint32_t)b->n);
    for (size_t i = 0; err == 0 && i < b->n; i++) {
        const struct request *q = &b->requests[i];
        struct ticket *t = q->joins ? usher__ticket(b->e, q->slot) : NULL;
        usher_agent_t *keeper = t != NULL ? usher__agent_of(b->e, usher__place(t).agent) : NULL;

        if (keeper != NULL) /* what is kept for him, or offered to him, may change its rank */
            err = usher__order_reserve(&keeper->kept, (uint32_t)b->n);
        if (err == 0 && t != NULL && t->state == USHER_OFFERED && t->extra->offer_queue != 0)
            err = reserve_bands(usher__queue_of(b->e, t->extra->offer_queue), (uint32_t)b->n);
    }
    return err;
}

static void do_one(struct batch *b, struct request *q, struct result *res)
{
    struct engine *e = b->e;
    struct command c = q->joins ? join_command(q) : enqueue_command(b, q);
    uint32_t flags = 0;

    if (q->twin != NULL || q->repeated)
        return;
    res->status = usher__apply(e, q->slot, &c, &flags);
    if (q->old_ref != 0)
        usher__note_ticket(e, q->old_ref, usher__ticket(e, q->old_ref));
    res->outcome = (int32_t)flags;
    usher__result_of(e, usher__ticket(e, q->slot), res);
}

/* Once all is done that room was made for: what a join has put into the past may move its ticket. */
static void finish_one(struct batch *b, struct request *q, struct result *res)
{
    struct engine *e = b->e;
    uint64_t seq = e->log.seq;

    if (q->twin != NULL) {
        *res = res[q->twin - q];
        res->outcome |= USHER_WAS_REPEATED;
        return;
    }
    if (q->repeated) {
        *res = q->again;
        return;
    }
    if (q->joins)
        usher__apply_overdue(e, q->slot);
    if (e->log.seq != seq)
        usher__result_of(e, usher__ticket(e, q->slot), res);
    if (q->entry == NULL || res->status != 0)
        return;
    usher__op_fill(q->entry, q->r->op, q->print, res);
    usher__ops_add(&e->ops, q->entry, e->at.wall);
    q->entry = NULL;
}

static void end(struct batch *b, bool taken)
{
    struct engine *e = b->e;

    e->batch_len = b->outer_len;
    e->batch_n = b->outer_n;
    if (!taken)
        e->last_id -= b->fresh_n; /* nobody has seen them */
    for (size_t i = b->built; i-- > 0;) {
        struct request *q = &b->requests[i];

        if (!taken)
            take_back(b, q);
        usher__free(&e->memory, q->entry);
        usher__text_unref(&e->texts, q->body);
        usher__intern_unref(&e->names, q->requester);
        for (uint32_t k = 0; k < q->needs_n; k++)
            usher__intern_unref(&e->names, q->needs[k]);
    }
}

static int enqueue_all(usher_queue_t *queue, const usher_request *r, size_t n, int kind,
                       struct result *res)
{
    struct engine *e = queue->engine;
    struct request one = {0};
    struct batch b = {.e = e,
                      .q = queue,
                      .requests = &one,
                      .n = n,
                      .kind = kind,
                      .outer_len = e->batch_len,
                      .outer_n = e->batch_n};
    int err = 0;

    if (n > 1) {
        b.requests = usher__zalloc(&e->memory, n * sizeof(one));
        if (b.requests == NULL)
            return USHER_ENOMEM;
    }
    for (size_t i = 0; err == 0 && b.status == 0 && i < n; i++) {
        b.requests[i].r = &r[i];
        b.built++;
        err = build(&b, i);
    }
    if (err == 0 && b.status == 0 && n > 1)
        err = build_rest(&b, r);
    for (size_t i = 0; err == 0 && i < n; i++) {
        res[i] = (struct result){.status = b.status};
        if (b.status == 0)
            do_one(&b, &b.requests[i], &res[i]);
        else
            res[i].seq = e->log.seq;
    }
    e->batch_len = b.outer_len;
    e->batch_n = b.outer_n;
    for (size_t i = 0; err == 0 && b.status == 0 && i < n; i++)
        finish_one(&b, &b.requests[i], &res[i]);
    end(&b, err == 0 && b.status == 0);
    if (n > 1)
        usher__free(&e->memory, b.requests);
    return err;
}

int usher__engine_enqueue(usher_queue_t *queue, const usher_request *r, size_t n,
                          struct result *res)
{
    struct engine *e = queue->engine;
    int err;

    for (size_t i = 0; i < n; i++) {
        if (r[i].body.len > usher__policy(e, queue->policy)->payload_max)
            return USHER_ELIMIT;
        if (r[i].follows > e->last_id)
            return USHER_EINVAL;
    }
    err = enqueue_all(queue, r, n, 0, res);
    if (err == USHER_EFULL) {
        queue->told_full = true;
        usher__note_queue(e, queue);
    }
    if (err == 0)
        usher__settle(e);
    return err;
}

COLD int usher__enqueue_own(struct engine *e, usher_queue_t *q, const usher_request *r, int kind,
                            uint32_t *slot)
{
    struct result res = {0};
    int err = enqueue_all(q, r, 1, kind, &res);

    *slot = usher__ids_find(&e->by_id, res.ticket);
    return err;
}
