/* The rows of the service itself, and of queues, policies, agents, ops, marks and subscribers: each
 * written and taken side by side. See record.h. */
#include <stdio.h>

#include "core/zone.h"
#include "local/record.h"

enum { KINDS_MAX = 127 }; /* no verb, and no set of flags of an outcome, is larger */

static int unreadable(struct engine *e, const char **wrong, const char *what, int64_t key)
{
    return usher__corrupt(e, wrong, "%s %lld: cannot be read", what, (long long)key);
}

bool usher__is_name(const char *name, size_t len)
{
    return len >= 1 && len <= USHER_NAME_MAX && memchr(name, '\0', len) == NULL;
}

static int put_short(struct batch *b, struct row *row, const char *bytes, const char *end)
{
    row->bytes = bytes;
    row->len = (uint32_t)(end - bytes);
    return usher__batch_put(b, row);
}

static struct row named_row(const struct engine *e, int table, uint32_t name)
{
    size_t len;
    const char *text = usher__intern_text(&e->names, name, &len);

    return (struct row){.table = (uint8_t)table, .name = text, .name_len = (uint16_t)len};
}

/* ---- the service --------------------------------------------------------------------------------- */

int usher__put_state(struct engine *e, struct batch *b, uint64_t counted)
{
    char bytes[15 * NUMBER_LEN];
    char *to = usher__put_number(bytes, RECORD_FORMAT);

    to = usher__put_number(to, e->last_id);
    to = usher__put_number(to, e->log.seq);
    to = usher__put_number(to, e->changes.definitions_n);
    to = usher__put_number(to, e->ops.number);
    to = usher__put_number(to, e->queues_n);
    to = usher__put_number(to, e->agents_n);
    to = usher__put_number(to, e->tickets.n - e->closed_n);
    to = usher__put_number(to, (uint64_t)e->now.wall);
    to = usher__put_number(to, (uint64_t)e->now.boot);
    to = usher__put_number(to, (uint64_t)e->at.wall);
    to = usher__put_number(to, (uint64_t)e->at.boot);
    to = usher__put_number(to, e->changes.zones_n);
    to = usher__put_number(to, counted);
    return put_short(b, &(struct row){.table = ROW_STATE, .key = 1}, bytes, to);
}

int usher__take_state(struct engine *e, const struct row *row, const char **wrong)
{
    struct reader r = usher__reader(row->bytes, row->len);
    struct row_state *s = &e->changes.taken;
    uint64_t format = usher__get_number(&r);

    if (format < 1 || format > RECORD_FORMAT)
        return usher__corrupt(e, wrong,
                              "the service: its rows are of format %llu, known are up to %d",
                              (unsigned long long)format, RECORD_FORMAT);
    s->last_id = usher__get_upto(&r, INT64_MAX);
    s->seq = usher__get_upto(&r, INT64_MAX);
    s->definitions = usher__get_upto(&r, UINT32_MAX);
    s->ops = usher__get_upto(&r, INT64_MAX);
    s->queues = usher__get_upto(&r, USHER_QUEUES_MAX);
    s->agents = usher__get_upto(&r, USHER_AGENTS_MAX);
    s->open = usher__get_upto(&r, UINT32_MAX);
    s->now.wall = (int64_t)usher__get_upto(&r, USHER_AT_MAX);
    s->now.boot = (int64_t)usher__get_upto(&r, USHER_AT_MAX);
    s->at.wall = (int64_t)usher__get_upto(&r, (uint64_t)s->now.wall);
    s->at.boot = (int64_t)usher__get_upto(&r, USHER_AT_MAX);
    s->zones = format > 1 ? usher__get_upto(&r, UINT32_MAX) : 0;
    s->counted = format > 2 ? usher__get_upto(&r, s->seq) : s->seq;
    if (!usher__reader_done(&r) || row->key != 1)
        return usher__corrupt(e, wrong, "the service: its row cannot be read");
    e->last_id = s->last_id;
    e->log.seq = s->seq;
    e->changes.counted = s->counted;
    return 0;
}

/* ---- policies, queues, agents -------------------------------------------------------------------- */

int usher__put_zone(struct engine *e, struct batch *b, uint32_t number)
{
    const struct zone_data *z = &e->changes.zones[number - 1];
    struct row row = named_row(e, ROW_ZONE, z->name);
    size_t len;
    const char *bytes = usher__intern_text(&e->names, z->bytes, &len);

    row.key = number;
    row.a = z->policy;
    return put_short(b, &row, bytes, bytes + len);
}

int usher__take_zone(struct engine *e, const struct row *row, const char **wrong)
{
    const struct changes *c = &e->changes;
    struct zone_data z = {.policy = (uint32_t)row->a};
    int64_t least = c->zones_n > 0 ? c->zones[c->zones_n - 1].policy : 1;
    int err;

    if (row->key != (int64_t)c->zones_n + 1 || !usher__is_name(row->name, row->name_len) ||
        row->a < least || row->a > (int64_t)c->taken.definitions || row->len > ZONE_FILE_MAX)
        return unreadable(e, wrong, "zone", row->key);
    err = usher__intern_get(&e->names, row->name, row->name_len, &z.name);
    if (err == 0)
        err = usher__intern_get(&e->names, row->bytes, row->len, &z.bytes);
    return err == 0 ? usher__zone_add(e, z) : err;
}

int usher__put_definition(struct engine *e, struct batch *b, uint32_t number)
{
    const struct definition *d = &e->changes.definitions[number - 1];
    struct row row = {.table = ROW_POLICY, .key = number, .a = d->queue, .b = d->version};
    size_t len;
    const char *json = usher__intern_text(&e->names, d->json, &len);

    return put_short(b, &row, json, json + len);
}

int usher__take_definition(struct engine *e, const struct row *row, const char **wrong)
{
    if (row->key != (int64_t)e->changes.definitions_n + 1)
        return usher__corrupt(e, wrong, "policy %lld follows policy %u", (long long)row->key,
                              (unsigned)e->changes.definitions_n);
    if (row->a < 1 || row->a > USHER_QUEUES_MAX || row->b < 1 || row->b > UINT32_MAX ||
        row->len > USHER_POLICY_MAX)
        return unreadable(e, wrong, "policy", row->key);
    return usher__definition_add(e, (uint32_t)row->a, (uint32_t)row->b, row->bytes, row->len);
}

int usher__put_queue(struct engine *e, struct batch *b, const usher_queue_t *q)
{
    const struct policy_record *policy = usher__slab_at(&e->policies, q->policy);
    struct row row = named_row(e, ROW_QUEUE, q->name);
    char bytes[(3 + PRIORITIES) * NUMBER_LEN];
    char *to = usher__put_number(bytes, policy->definition);

    row.key = q->index;
    to = usher__put_number(to, q->hold | (q->told_full ? 4 : 0));
    for (int i = 0; i < PRIORITIES; i++)
        to = usher__put_number(to, (uint64_t)q->shares.pass[i]);
    to = usher__put_number(to, (uint64_t)q->shares.last);
    return put_short(b, &row, bytes, to);
}

static int add_queue(struct engine *e, const struct row *row, uint64_t policy, usher_queue_t **q)
{
    uint32_t name, slot;
    int err = usher__intern_get(&e->names, row->name, row->name_len, &name);

    if (err != 0)
        return err;
    err = usher__ids_find(&e->queue_by_name, name) != 0 ? USHER_ECORRUPT
                                                        : usher__policy_use(e, policy, &slot);
    if (err == 0) {
        err = usher__queue_new(e, q);
        if (err != 0)
            usher__policy_drop(e, slot);
    }
    if (err != 0) {
        usher__intern_unref(&e->names, name);
        return err;
    }
    usher__queue_add(e, *q, name, slot);
    return 0;
}

int usher__take_queue(struct engine *e, const struct row *row, const char **wrong)
{
    struct reader r = usher__reader(row->bytes, row->len);
    uint64_t policy = usher__get_number(&r);
    uint64_t hold = usher__get_upto(&r, 7);
    int64_t pass[PRIORITIES], last;
    usher_queue_t *q;
    int err;

    for (int i = 0; i < PRIORITIES; i++)
        pass[i] = (int64_t)usher__get_upto(&r, INT64_MAX / 2);
    last = (int64_t)usher__get_upto(&r, INT64_MAX / 2);
    if (row->key != (int64_t)e->queues_n + 1 || row->key > USHER_QUEUES_MAX)
        return usher__corrupt(e, wrong, "queue %lld follows queue %u", (long long)row->key,
                              (unsigned)e->queues_n);
    if (!usher__reader_done(&r) || !usher__is_name(row->name, row->name_len))
        return unreadable(e, wrong, "queue", row->key);
    if (policy < 1 || policy > e->changes.definitions_n ||
        e->changes.definitions[policy - 1].queue != row->key)
        return usher__corrupt(e, wrong, "queue %lld: policy %llu is not its own",
                              (long long)row->key, (unsigned long long)policy);
    err = add_queue(e, row, policy, &q);
    if (err == USHER_ECORRUPT)
        return usher__corrupt(e, wrong,
                              "queue %lld: its name is another's, or policy %llu does not compile",
                              (long long)row->key, (unsigned long long)policy);
    if (err != 0)
        return err;
    q->hold = hold & 3;
    q->told_full = (hold & 4) != 0;
    memcpy(q->shares.pass, pass, sizeof(pass));
    q->shares.last = last;
    return 0;
}

int usher__put_agent(struct engine *e, struct batch *b, const usher_agent_t *a)
{
    struct row row = named_row(e, ROW_AGENT, a->name);
    char *begin, *to;

    row.key = a->index;
    begin = usher__batch_begin(b, &row, 2 * NUMBER_LEN + a->skills_n * (USHER_NAME_MAX + 2u));
    if (begin == NULL)
        return USHER_ENOMEM;
    to = begin;
    *to++ = a->gone;
    to = usher__put_number(to, a->skills_n);
    for (uint32_t i = 0; i < a->skills_n; i++) {
        size_t len;
        const char *skill = usher__intern_text(&e->names, a->skills[i], &len);

        to = usher__put_bytes(to, skill, len);
    }
    usher__batch_end(b, (size_t)(to - begin));
    return 0;
}

static int add_agent(struct engine *e, const struct row *row, usher_agent_t **a)
{
    uint32_t name;
    int err = usher__intern_get(&e->names, row->name, row->name_len, &name);

    if (err != 0)
        return err;
    err = usher__ids_find(&e->agent_by_name, name) != 0 ? USHER_ECORRUPT
                                                        : usher__agent_new(e, name, a);
    if (err != 0)
        usher__intern_unref(&e->names, name);
    return err;
}

static int add_skills(struct engine *e, usher_agent_t *a, struct reader *r, uint32_t n)
{
    if (n == 0)
        return 0;
    a->skills = usher__zalloc(&e->memory, n * sizeof(*a->skills));
    if (a->skills == NULL)
        return USHER_ENOMEM;
    a->skills_n = n;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len;
        const char *skill = usher__get_bytes(r, USHER_NAME_MAX, &len);
        int err = !usher__is_name(skill != NULL ? skill : "", len)
                      ? USHER_ECORRUPT
                      : usher__intern_get(&e->names, skill, len, &a->skills[i]);

        if (err != 0)
            return err;
    }
    return 0;
}

int usher__take_agent(struct engine *e, const struct row *row, const char **wrong)
{
    struct reader r = usher__reader(row->bytes, row->len);
    uint8_t gone = usher__get_byte(&r);
    uint32_t skills_n = (uint32_t)usher__get_upto(&r, USHER_SKILLS_MAX);
    usher_agent_t *a;
    int err;

    if (row->key != (int64_t)e->agents_n + 1 || row->key > USHER_AGENTS_MAX)
        return usher__corrupt(e, wrong, "agent %lld follows agent %u", (long long)row->key,
                              (unsigned)e->agents_n);
    if (r.bad || gone > 1 || !usher__is_name(row->name, row->name_len))
        return unreadable(e, wrong, "agent", row->key);
    err = add_agent(e, row, &a);
    if (err == USHER_ECORRUPT)
        return usher__corrupt(e, wrong, "agent %lld: its name is another's", (long long)row->key);
    if (err != 0)
        return err;
    a->gone = gone != 0;
    err = add_skills(e, a, &r, skills_n);
    if (err == USHER_ECORRUPT || (err == 0 && !usher__reader_done(&r)))
        return unreadable(e, wrong, "agent", row->key);
    return err;
}

/* ---- ops ----------------------------------------------------------------------------------------- */

static char *put_word(char *to, uint64_t word) /* of a hash, or chosen at random: eight bytes */
{
    for (int i = 0; i < 8; i++)
        *to++ = (char)(word >> 8 * i);
    return to;
}

static uint64_t get_word(struct reader *r)
{
    uint64_t word = 0;

    for (int i = 0; i < 8; i++)
        word |= (uint64_t)usher__get_byte(r) << 8 * i;
    return word;
}

enum { OP_LEN = 3 * 8 + 9 * NUMBER_LEN, OP_CLAIM_LEN = 10 * NUMBER_LEN };

int usher__put_op(struct batch *b, const struct op_entry *o)
{
    struct row row = {.table = ROW_OP, .key = (int64_t)o->number};
    char *begin = usher__batch_begin(b, &row, OP_LEN + (size_t)o->claims_n * OP_CLAIM_LEN);
    char *to = begin;

    if (begin == NULL)
        return USHER_ENOMEM;
    to = put_word(put_word(put_word(to, o->op.hi), o->op.lo), o->print);
    to = usher__put_number(to, (uint64_t)o->at);
    to = usher__put_number(to, o->ticket);
    to = usher__put_number(to, o->token);
    to = usher__put_number(to, o->seq);
    to = usher__put_signed(to, o->until_at);
    to = usher__put_number(to, (uint64_t)o->state);
    to = usher__put_number(to, (uint64_t)o->verb);
    to = usher__put_number(to, (uint64_t)o->outcome);
    to = usher__put_number(to, (uint64_t)o->priority);
    to = usher__put_number(to, o->claims_n);
    for (uint32_t i = 0; i < o->claims_n; i++) {
        const struct op_claim *c = &o->claims[i];

        to = usher__put_number(to, c->claim.ticket);
        to = usher__put_number(to, c->claim.token);
        to = usher__put_number(to, c->queue->index);
        to = usher__put_signed(to, c->enqueued_at);
        to = usher__put_signed(to, c->lease_until_at);
        to = usher__put_signed(to, c->due_at);
        to = usher__put_number(to, c->priority);
        to = usher__put_number(to, c->level);
        to = usher__put_number(to, c->attempts);
        to = usher__put_number(to, c->persons);
    }
    usher__batch_end(b, (size_t)(to - begin));
    return 0;
}

int usher__drop_ops(struct batch *b, uint64_t upto)
{
    return usher__batch_put(b, &(struct row){.table = ROW_OP, .drop = true, .key = (int64_t)upto});
}

static void get_op(struct reader *r, struct op_entry *o)
{
    o->op.hi = get_word(r);
    o->op.lo = get_word(r);
    o->print = get_word(r);
    o->at = (int64_t)usher__get_upto(r, USHER_AT_MAX);
    o->ticket = usher__get_number(r);
    o->token = usher__get_number(r);
    o->seq = usher__get_number(r);
    o->until_at = usher__get_signed(r);
    o->state = (int32_t)usher__get_upto(r, USHER_STATES - 1);
    o->verb = (int32_t)usher__get_upto(r, KINDS_MAX);
    o->outcome = (int32_t)usher__get_upto(r, KINDS_MAX);
    o->priority = (int32_t)usher__get_upto(r, PRIORITIES);
    o->claims_n = (uint32_t)usher__get_upto(r, USHER_CLAIM_MAX);
    if (o->op.hi == 0 && o->op.lo == 0)
        usher__bad(r);
}

static void get_op_claim(const struct engine *e, struct reader *r, struct op_claim *c)
{
    uint64_t queue;

    c->claim.ticket = usher__get_number(r);
    c->claim.token = usher__get_number(r);
    queue = usher__get_upto(r, e->queues_n);
    c->queue = queue != 0 ? usher__queue_of(e, (uint32_t)queue) : NULL;
    c->enqueued_at = usher__get_signed(r);
    c->lease_until_at = usher__get_signed(r);
    c->due_at = usher__get_signed(r);
    c->priority = (uint32_t)usher__get_upto(r, PRIORITIES);
    c->level = (uint32_t)usher__get_upto(r, UINT32_MAX);
    c->attempts = (uint32_t)usher__get_upto(r, UINT32_MAX);
    c->persons = (uint32_t)usher__get_upto(r, UINT32_MAX);
    if (c->queue == NULL)
        usher__bad(r);
}

int usher__take_op(struct engine *e, const struct row *row, const char **wrong)
{
    struct reader r = usher__reader(row->bytes, row->len);
    struct op_entry head = {0}, *o;
    uint64_t number = (uint64_t)row->key;

    get_op(&r, &head);
    if (r.bad || row->key < 1 || number > e->changes.taken.ops ||
        (e->ops.number != 0 && number != e->ops.number + 1) || head.at > e->changes.taken.now.wall)
        return unreadable(e, wrong, "op", row->key);
    o = usher__ops_new(&e->ops, head.claims_n);
    if (o == NULL)
        return USHER_ENOMEM;
    *o = head;
    for (uint32_t i = 0; i < head.claims_n; i++)
        get_op_claim(e, &r, &o->claims[i]);
    if (!usher__reader_done(&r)) {
        usher__free(&e->memory, o);
        return unreadable(e, wrong, "op", row->key);
    }
    if (e->ops.number == 0)
        e->ops.dropped = number - 1;
    e->ops.number = number - 1;
    usher__ops_add(&e->ops, o, o->at);
    return 0;
}

/* ---- marks --------------------------------------------------------------------------------------- */

enum { MARK_NAME_LEN = 16 + USHER_NAME_MAX };

/* "queue.band.requester": what is one in the engine is one row. */
static uint16_t mark_name(const struct engine *e, const struct mark_at *mark, char *to)
{
    size_t len;
    const char *requester = usher__intern_text(&e->names, mark->requester, &len);
    int n = snprintf(to, MARK_NAME_LEN, "%u.%u.", (unsigned)mark->queue, (unsigned)mark->band);

    memcpy(to + n, requester, len);
    return (uint16_t)((size_t)n + len);
}

int usher__put_mark(struct engine *e, struct batch *b, const struct mark_at *mark, bool drop)
{
    char name[MARK_NAME_LEN], bytes[6 * NUMBER_LEN];
    struct row row = {.table = ROW_MARK, .drop = drop, .name = name};
    const struct mark *m = &mark->mark;
    char *to = bytes;

    row.name_len = mark_name(e, mark, name);
    if (drop)
        return usher__batch_put(b, &row);
    to = usher__put_number(to, mark->queue);
    to = usher__put_number(to, mark->band);
    to = usher__put_number(to, (uint64_t)m->rank);
    to = usher__put_number(to, (uint64_t)m->set_at);
    to = usher__put_number(to, (uint64_t)m->gap);
    to = usher__put_number(to, m->ticket);
    return put_short(b, &row, bytes, to);
}

static int bad_mark(struct engine *e, const struct row *row, const char **wrong)
{
    int len = row->name_len < MARK_NAME_LEN ? row->name_len : MARK_NAME_LEN;

    return usher__corrupt(e, wrong, "mark %.*s: cannot be read", row->name != NULL ? len : 0,
                          row->name != NULL ? row->name : "");
}

int usher__take_mark(struct engine *e, const struct row *row, const char **wrong)
{
    struct reader r = usher__reader(row->bytes, row->len);
    struct mark_at mark = {.filed = true};
    char prefix[MARK_NAME_LEN];
    int n, err;

    mark.queue = (uint32_t)usher__get_upto(&r, e->queues_n);
    mark.band = (uint32_t)usher__get_upto(&r, PRIORITIES - 1);
    mark.mark.rank = (int64_t)usher__get_upto(&r, INT64_MAX);
    mark.mark.set_at = (int64_t)usher__get_upto(&r, USHER_AT_MAX);
    mark.mark.gap = (int64_t)usher__get_upto(&r, POLICY_DURATION_MAX);
    mark.mark.ticket = usher__get_upto(&r, e->last_id);
    n = snprintf(prefix, sizeof(prefix), "%u.%u.", (unsigned)mark.queue, (unsigned)mark.band);
    if (!usher__reader_done(&r) || mark.queue == 0 || mark.mark.ticket == 0 || row->name_len <= n ||
        memcmp(row->name, prefix, (size_t)n) != 0 ||
        !usher__is_name(row->name + n, (size_t)(row->name_len - n)))
        return bad_mark(e, row, wrong);
    err = usher__intern_get(&e->names, row->name + n, (size_t)(row->name_len - n), &mark.requester);
    if (err != 0)
        return err;
    err = usher__marks_take(&e->marks, &mark);
    usher__intern_unref(&e->names, mark.requester); /* the mark has its own */
    return err == USHER_EINVAL ? bad_mark(e, row, wrong) : err;
}

/* ---- subscribers --------------------------------------------------------------------------------- */

int usher__put_subscriber(struct engine *e, struct batch *b, const struct subscriber *s)
{
    struct row row = named_row(e, ROW_SUBSCRIBER, s->name);

    row.key = (int64_t)s->done;
    row.drop = s->dropped;
    return usher__batch_put(b, &row);
}

int usher__take_subscriber(struct engine *e, const struct row *row, const char **wrong)
{
    struct changes *c = &e->changes;
    char name[USHER_NAME_MAX + 1];
    uint64_t done;
    int err;

    if (!usher__is_name(row->name, row->name_len) || row->len != 0 || row->key < 0 ||
        (uint64_t)row->key > e->log.seq || c->subscribers_n >= USHER_SUBSCRIBERS_MAX)
        return usher__corrupt(e, wrong, "a subscriber cannot be read");
    memcpy(name, row->name, row->name_len);
    name[row->name_len] = '\0';
    if (usher__subscriber_find(e, name, &done))
        return usher__corrupt(e, wrong, "subscriber %s: there are two", name);
    err = usher__subscriber_set(e, name, (uint64_t)row->key);
    if (err == 0) { /* as the store has it */
        c->subscribers[c->subscribers_n - 1].noted = false;
        c->subscribers_noted = 0;
    }
    return err;
}
