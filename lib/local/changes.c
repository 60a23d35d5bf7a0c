/* Cuts, the digest, and how far subscribers have come. See changes.h.
 *
 * A cut has two halves: all rows are written into the batch, which may fail and changes nothing; then
 * the notes are struck out. */
#include "local/changes.h"

#include <string.h>

#include "core/cold.h"
#include "local/causes.h"
#include "local/figures.h"
#include "local/record.h"

enum { LOOK_AHEAD = 4 };

void usher__engine_keep(struct engine *e)
{
    e->changes.on = true;
    e->marks.keeps = true;
    usher__log_cut(&e->log, e->log.end);
}

bool usher__engine_changed(const struct engine *e)
{
    const struct changes *c = &e->changes;

    return c->on &&
           (e->log.end != e->log.cut || c->tickets.n > 0 || c->queues.n > 0 || c->agents.n > 0 ||
            c->definitions_n > c->definitions_cut || c->subscribers_noted > 0 ||
            e->marks.noted.n > 0 || usher__ops_changed(&e->ops) || usher__causes_changed(e) ||
            usher__figures_due(e));
}

uint64_t usher__engine_backlog(const struct engine *e)
{
    return e->changes.on ? e->log.end - e->log.cut : 0;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static COLD int put_service(struct engine *e, struct batch *b, bool figures)
{
    const struct changes *c = &e->changes;
    int err = usher__put_state(e, b, figures ? e->log.seq : c->counted);

    for (uint32_t i = c->zones_cut; err == 0 && i < c->zones_n; i++)
        err = usher__put_zone(e, b, i + 1);
    for (uint32_t i = c->definitions_cut; err == 0 && i < c->definitions_n; i++)
        err = usher__put_definition(e, b, i + 1);
    for (uint32_t i = 0; err == 0 && i < c->queues.n; i++)
        err = usher__put_queue(e, b, usher__queue_of(e, c->queues.at[i]));
    for (uint32_t i = 0; err == 0 && i < c->agents.n; i++)
        err = usher__put_agent(e, b, usher__agent_of(e, c->agents.at[i]));
    return err;
}

static COLD int put_ops(struct engine *e, struct batch *b)
{
    const struct ops *o = &e->ops;
    int err = 0;

    if (o->number - o->n > o->dropped)
        err = usher__drop_ops(b, o->number - o->n);
    for (const struct op_entry *entry = o->fresh; err == 0 && entry != NULL; entry = entry->newer)
        err = usher__put_op(b, entry);
    return err;
}

static COLD int put_marks(struct engine *e, struct batch *b)
{
    const struct noted *noted = &e->marks.noted;
    int err = 0;

    for (uint32_t i = 0; err == 0 && i < noted->n; i++) {
        struct mark_at mark = usher__marks_at(&e->marks, noted->at[i]);
        bool alive = usher__mark_alive(&mark.mark, e->at.wall);

        if (alive || mark.filed)
            err = usher__put_mark(e, b, &mark, !alive);
    }
    return err;
}

static COLD int put_subscribers(struct engine *e, struct batch *b)
{
    const struct changes *c = &e->changes;
    int err = 0;

    for (uint32_t i = 0; err == 0 && c->subscribers_noted > 0 && i < c->subscribers_n; i++) {
        if (c->subscribers[i].noted)
            err = usher__put_subscriber(e, b, &c->subscribers[i]);
    }
    return err;
}

/* Its body once; and again when it is reopened, for what is closed may be purged in the store while it
 * is still here. */
static int put_ticket(struct engine *e, struct batch *b, uint32_t slot)
{
    const struct ticket *t = usher__ticket(e, slot);
    bool over = usher__is_filed(t), filed = (t->flags & TICKET_FILED) != 0;
    bool fresh = t->id > e->changes.last_id;
    int err = usher__put_ticket(e, b, slot, 0);

    if (err == 0 && !fresh && over != filed)
        err = usher__drop_ticket(b, over ? ROW_TICKET : ROW_CLOSED, t->id);
    if (err == 0 && (fresh || (filed && !over)) && usher__has_body_row(t))
        err = usher__put_body(b, t);
    return err;
}

static int put_tickets(struct engine *e, struct batch *b)
{
    const struct noted *noted = &e->changes.tickets;
    int err = 0;

    for (uint32_t i = 0; err == 0 && i < noted->n; i++) {
        if (i + LOOK_AHEAD < noted->n)
            usher__ticket_prefetch(e, noted->at[i + LOOK_AHEAD]);
        err = put_ticket(e, b, noted->at[i]);
    }
    return err;
}

static int put_events(struct engine *e, struct batch *b)
{
    uint64_t place = e->log.cut;
    struct log_event le;
    int err = 0;

    while (err == 0 && usher__log_at(&e->log, place, &le, &place))
        err = usher__put_event(b, &le);
    return err;
}

/* ---- the notes are struck out ---------------------------------------------------------------------- */

static void strike_tickets(struct engine *e)
{
    struct noted *noted = &e->changes.tickets;

    for (uint32_t i = 0; i < noted->n; i++) {
        struct ticket *t = usher__ticket(e, noted->at[i]);

        t->flags = (uint8_t)(t->flags & ~TICKET_ENGINES);
        if (usher__is_filed(t))
            t->flags |= TICKET_FILED;
    }
    noted->n = 0;
    e->changes.last_id = e->last_id;
}

static COLD void strike_subscribers(struct engine *e)
{
    struct changes *c = &e->changes;
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->subscribers_n; i++) {
        c->subscribers[i].noted = false;
        if (c->subscribers[i].dropped)
            usher__intern_unref(&e->names, c->subscribers[i].name);
        else
            c->subscribers[n++] = c->subscribers[i];
    }
    c->subscribers_n = n;
    c->subscribers_noted = 0;
}

static void strike_out(struct engine *e, bool figures)
{
    struct changes *c = &e->changes;

    for (uint32_t i = 0; i < c->queues.n; i++)
        usher__queue_of(e, c->queues.at[i])->noted = false;
    for (uint32_t i = 0; i < c->agents.n; i++)
        usher__agent_of(e, c->agents.at[i])->noted = false;
    strike_subscribers(e);
    c->queues.n = c->agents.n = 0;
    c->definitions_cut = c->definitions_n;
    c->zones_cut = c->zones_n;
    usher__ops_cut(&e->ops);
    usher__marks_cut(&e->marks, e->at.wall);
    usher__causes_strike(e);
    if (figures) {
        usher__figures_strike(e);
        c->counted = e->log.seq;
    }
    strike_tickets(e);
    usher__log_cut(&e->log, e->log.end);
}

int usher__engine_cut(struct engine *e, struct batch *b)
{
    bool figures = usher__figures_due(e);
    int err = put_service(e, b, figures);

    if (err == 0)
        err = put_ops(e, b);
    if (err == 0)
        err = put_marks(e, b);
    if (err == 0)
        err = put_subscribers(e, b);
    if (err == 0)
        err = put_tickets(e, b);
    if (err == 0)
        err = usher__causes_cut(e, b);
    if (err == 0 && figures)
        err = usher__figures_cut(e, b);
    if (err == 0)
        err = put_events(e, b);
    if (err != 0) {
        usher__batch_clear(b);
        return err;
    }
    b->seq = e->log.seq;
    strike_out(e, figures);
    usher__let_closed_go(e);
    return 0;
}

/* ---- subscribers ----------------------------------------------------------------------------------- */

static struct subscriber *subscriber(const struct engine *e, const char *name)
{
    uint32_t handle = usher__intern_find(&e->names, name, strlen(name));

    for (uint32_t i = 0; handle != 0 && i < e->changes.subscribers_n; i++) {
        if (e->changes.subscribers[i].name == handle)
            return &e->changes.subscribers[i];
    }
    return NULL;
}

bool usher__subscriber_find(const struct engine *e, const char *name, uint64_t *done)
{
    const struct subscriber *s = subscriber(e, name);

    if (s == NULL || s->dropped)
        return false;
    *done = s->done;
    return true;
}

static COLD int add_subscriber(struct engine *e, const char *name, struct subscriber **out)
{
    struct changes *c = &e->changes;
    struct subscriber *s;
    uint32_t handle;

    if (c->subscribers_n >= USHER_SUBSCRIBERS_MAX)
        return USHER_ELIMIT;
    s = usher__grow(&e->memory, c->subscribers, &c->subscribers_room, c->subscribers_n + 1u,
                    sizeof(*s));
    if (s == NULL)
        return USHER_ENOMEM;
    c->subscribers = s;
    if (usher__intern_get(&e->names, name, strlen(name), &handle) != 0)
        return USHER_ENOMEM;
    *out = &s[c->subscribers_n++];
    **out = (struct subscriber){.name = handle};
    return 0;
}

static void note_subscriber(struct engine *e, struct subscriber *s)
{
    if (!e->changes.on || s->noted)
        return;
    s->noted = true;
    e->changes.subscribers_noted++;
}

int usher__subscriber_set(struct engine *e, const char *name, uint64_t done)
{
    struct subscriber *s = subscriber(e, name);
    int err = s == NULL ? add_subscriber(e, name, &s) : 0;

    if (err != 0)
        return err;
    s->done = done;
    s->dropped = false;
    note_subscriber(e, s);
    return 0;
}

int usher__subscriber_drop(struct engine *e, const char *name)
{
    struct subscriber *s = subscriber(e, name);

    if (s == NULL || s->dropped)
        return USHER_ENOENT;
    s->dropped = true;
    note_subscriber(e, s);
    if (!e->changes.on)
        strike_subscribers(e);
    return 0;
}

/* ---- the digest ------------------------------------------------------------------------------------ */

struct digest {
    struct batch rows; /* the latest, for folding in */
    uint64_t sum;      /* of the rows' prints: no order shows in it */
};

static void fold(struct digest *d)
{
    size_t at = 0;
    struct row row;

    while (usher__batch_next(&d->rows, &at, &row)) {
        uint64_t print = usher__print_number(row.table, (uint64_t)row.key);

        print = usher__print_number(print, (uint64_t)row.a);
        print = usher__print_number(print, (uint64_t)row.b);
        print = usher__print_bytes(print, row.name, row.name_len);
        d->sum += usher__print_bytes(print, row.bytes, row.len);
    }
    usher__batch_clear(&d->rows);
}

static int digest_service(struct engine *e, struct digest *d)
{
    const struct changes *c = &e->changes;
    const struct ops *o = &e->ops;
    int err = 0;

    for (uint32_t i = 0; err == 0 && i < c->zones_n; i++)
        err = usher__put_zone(e, &d->rows, i + 1);
    for (uint32_t i = 0; err == 0 && i < c->definitions_n; i++)
        err = usher__put_definition(e, &d->rows, i + 1);
    for (uint32_t i = 0; err == 0 && i < e->queues_n; i++)
        err = usher__put_queue(e, &d->rows, e->queues[i]);
    for (uint32_t i = 0; err == 0 && i < e->agents_n; i++)
        err = usher__put_agent(e, &d->rows, e->agents[i]);
    for (uint32_t i = 0; err == 0 && i < c->subscribers_n; i++)
        err = usher__put_subscriber(e, &d->rows, &c->subscribers[i]);
    for (const struct op_entry *entry = o->oldest; err == 0 && entry != NULL;
         entry = entry->newer) {
        if (e->now.wall - entry->at < o->window_ms)
            err = usher__put_op(&d->rows, entry);
    }
    for (uint32_t slot = 1; err == 0 && slot < e->marks.slab.fresh; slot++) {
        struct mark_at mark = usher__marks_at(&e->marks, slot);

        if (mark.requester != 0 && usher__mark_alive(&mark.mark, e->now.wall))
            err = usher__put_mark(e, &d->rows, &mark, false);
    }
    fold(d);
    if (err == 0)
        err = usher__causes_put(e, &d->rows);
    fold(d);
    if (err == 0)
        err = usher__figures_put(e, &d->rows);
    fold(d);
    return err;
}

static int digest_tickets(struct engine *e, struct digest *d)
{
    int err = 0;

    for (uint32_t slot = 1; err == 0 && slot < e->tickets.fresh; slot++) {
        const struct ticket *t = usher__ticket(e, slot);

        if (usher__ids_find(&e->by_id, t->id) != slot)
            continue;
        err = usher__put_ticket(e, &d->rows, slot, e->now.ahead);
        if (err == 0 && usher__has_body_row(t))
            err = usher__put_body(&d->rows, t);
        fold(d);
    }
    return err;
}

/* The clocks do not count: what follows from them does. */
int usher__engine_digest(struct engine *e, uint64_t *out)
{
    struct digest d = {.sum = usher__print_number(e->last_id, e->log.seq) +
                              usher__print_number(e->changes.definitions_n, e->ops.number)};
    int err;

    usher__batch_init(&d.rows, &e->memory);
    err = digest_service(e, &d);
    if (err == 0)
        err = digest_tickets(e, &d);
    usher__batch_free(&d.rows);
    *out = d.sum;
    return err;
}
