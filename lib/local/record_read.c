/* A ticket read back from bytes, strictly. See record_ticket.h. */
#include "local/record_ticket.h"

enum { STRETCHES_MAX = 4 * USHER_PAUSES_MAX }; /* each pause and reopen makes at most two */

/* No instant or duration of a ticket comes near it, and sums of three do not overflow. */
#define FAR (INT64_MAX / 4)

static int64_t in_range(struct reader *r, int64_t value, int64_t min, int64_t max)
{
    return value >= min && value <= max ? value : (int64_t)usher__bad(r);
}

static int64_t get_after(struct reader *r, int64_t base)
{
    int64_t at;

    return __builtin_add_overflow(base, usher__get_signed(r), &at) ? (int64_t)usher__bad(r) : at;
}

/* An instant; one that may be never; and one of the boot clock. */
static int64_t get_at(struct reader *r, int64_t base)
{
    return in_range(r, get_after(r, base), 0, FAR);
}

static int64_t get_end(struct reader *r, int64_t base)
{
    int64_t at = get_after(r, base);

    return at == INT64_MAX ? at : in_range(r, at, 0, FAR);
}

static int64_t get_boot(struct reader *r)
{
    uint64_t at = usher__get_number(r);

    return at == INT64_MAX ? INT64_MAX : (int64_t)(at <= FAR ? at : usher__bad(r));
}

/* A name: at least one byte, and no NUL in it. */
static struct kept_text get_name(struct reader *r)
{
    struct kept_text name;

    name.data = usher__get_bytes(r, USHER_NAME_MAX, &name.len);
    if (name.data == NULL || memchr(name.data, '\0', name.len) != NULL) {
        usher__bad(r);
        return (struct kept_text){NULL, 0};
    }
    return name;
}

static struct kept_text get_text(struct reader *r, size_t max)
{
    struct kept_text text;

    text.data = usher__get_bytes(r, max, &text.len);
    if (text.data == NULL)
        usher__bad(r);
    return text;
}

static void get_promise(struct reader *r, const struct ticket *t, struct promise *m)
{
    uint8_t word;

    m->start_at = get_at(r, t->enqueued_at);
    m->target = in_range(r, usher__get_signed(r), 0, FAR);
    m->arming = (uint32_t)usher__get_upto(r, UINT32_MAX);
    word = usher__get_byte(r);
    m->state = word & 7;
    m->flags = word >> 3;
    m->warned = usher__get_byte(r);
    if (m->state > USHER_LAPSED || m->flags > (PROMISE_OWED | PROMISE_ALONE | PROMISE_DAYS) ||
        !is_promise(m) || (m->state != 0 && m->arming == 0) ||
        (m->state == USHER_RUNNING && (m->target == 0 || (m->flags & PROMISE_OWED) == 0)))
        usher__bad(r);
}

static uint8_t get_flag(struct reader *r)
{
    uint8_t flag = usher__get_byte(r);

    return flag <= 1 ? flag : (uint8_t)usher__bad(r);
}

static void get_persons(struct reader *r, struct ticket_row *out)
{
    out->ticket.persons_n = (uint16_t)usher__get_upto(r, USHER_PERSONS_MAX);
    if (out->ticket.persons_n < 2)
        usher__bad(r);
    out->confirmed = get_flag(r) != 0;
    out->persons = *r;
    for (uint32_t i = 1; i < out->ticket.persons_n && !r->bad; i++) {
        get_flag(r);
        get_name(r);
    }
}

struct kept_text usher__next_person(struct ticket_row *t, bool *confirmed)
{
    *confirmed = get_flag(&t->persons) != 0;
    return get_name(&t->persons);
}

static struct stretch get_stretch(struct reader *r, int64_t base)
{
    struct stretch s;

    s.from_at = get_at(r, base);
    s.to_at = s.from_at + (int64_t)usher__get_upto(r, FAR);
    s.reasons = (uint32_t)usher__get_upto(r, (1u << (REASONS + 1)) - 1);
    if (s.to_at <= s.from_at || s.reasons == 0)
        usher__bad(r);
    return s;
}

/* They follow each other. */
static void get_stretches(struct reader *r, struct ticket_row *out)
{
    int64_t before = 0;

    out->extra.stretches_n = (uint32_t)usher__get_upto(r, STRETCHES_MAX);
    out->stretches = *r;
    for (uint32_t i = 0; i < out->extra.stretches_n && !r->bad; i++) {
        struct stretch s = get_stretch(r, out->ticket.enqueued_at);

        if (s.from_at < before)
            usher__bad(r);
        before = s.to_at;
    }
}

struct stretch usher__next_stretch(struct ticket_row *t)
{
    return get_stretch(&t->stretches, t->ticket.enqueued_at);
}

static void get_pause(struct reader *r, struct pause *p)
{
    p->began_at = get_at(r, 0);
    p->since_at = get_at(r, 0);
    p->end_at = get_end(r, 0);
    p->spent = get_at(r, 0);
    p->at_max = get_flag(r);
    p->reminded = usher__get_byte(r);
    if (!is_pause(p))
        usher__bad(r);
}

static struct rung get_rung(struct reader *r)
{
    struct rung rung;

    rung.id = usher__get_number(r);
    rung.fired = (uint32_t)usher__get_upto(r, UINT32_MAX);
    rung.promise = usher__get_byte(r);
    if ((rung.id >> 63 == 0 && (rung.id < 1 || rung.id > 99)) || rung.fired == 0 ||
        rung.promise >= PROMISES)
        usher__bad(r);
    return rung;
}

static void get_rungs(struct reader *r, struct ticket_row *out)
{
    out->extra.rungs_n = (uint32_t)usher__get_upto(r, RUNGS_MAX);
    if (out->extra.rungs_n == 0)
        usher__bad(r);
    out->rungs = *r;
    for (uint32_t i = 0; i < out->extra.rungs_n && !r->bad; i++)
        get_rung(r);
}

struct rung usher__next_rung(struct ticket_row *t)
{
    return get_rung(&t->rungs);
}

/* What its bits mean, its policy knows: see load.c. */
static void get_untold(struct reader *r, struct untold *u)
{
    u->at = get_at(r, 0);
    u->notify = usher__get_number(r);
    u->steps = (uint32_t)usher__get_upto(r, UINT32_MAX);
    u->warns = (uint32_t)usher__get_upto(r, UINT32_MAX);
    u->n = (uint32_t)usher__get_upto(r, UINT32_MAX);
    u->step = usher__get_byte(r);
    u->promise = usher__get_byte(r);
    u->lapsed = usher__get_byte(r);
    u->moved = get_flag(r);
    if (u->at == 0 || (u->steps | u->warns) == 0 || u->promise >= PROMISES ||
        u->lapsed >= 1 << (PROMISES + 1))
        usher__bad(r);
}

static uint64_t get_some(struct reader *r, uint32_t has, uint64_t max) /* 0 where it has none */
{
    uint64_t value = has != 0 ? usher__get_upto(r, max) : 0;

    return has != 0 && value == 0 ? usher__bad(r) : value;
}

static void get_more(struct reader *r, struct extra *x)
{
    uint32_t more = (uint32_t)get_some(r, HAS_MORE, MORE_ALL);

    x->cause = get_some(r, more & HAS_CAUSE, INT64_MAX);
    x->follows = get_some(r, more & HAS_FOLLOWS, INT64_MAX);
    x->offer_queue = (uint32_t)get_some(r, more & HAS_OFFER_QUEUE, USHER_QUEUES_MAX);
    x->offer_agent = (uint32_t)get_some(r, more & HAS_OFFER_AGENT, USHER_AGENTS_MAX);
    x->hops = (uint16_t)get_some(r, more & HAS_HOPS, HOPS_MAX);
    x->is_cause = (more & IS_CAUSE) != 0;
    x->told_no_agent = (more & IS_TOLD_NO_AGENT) != 0;
    x->linked = (more & IS_LINKED) != 0;
}

static void get_extra(struct reader *r, struct ticket_row *out, uint32_t bits)
{
    struct extra *x = &out->extra;

    memset(x, 0, sizeof(*x));
    if ((bits & HAS_REF) != 0)
        out->ref = get_name(r);
    if ((bits & HAS_SYMPTOM) != 0)
        out->symptom = get_name(r);
    if ((bits & HAS_KEY) != 0)
        out->dedup_key = get_name(r);
    if ((bits & HAS_NEEDS) != 0) {
        x->needs_n = (uint32_t)usher__get_upto(r, USHER_NEEDS_MAX);
        if (x->needs_n == 0)
            usher__bad(r);
        for (uint32_t i = 0; i < x->needs_n; i++)
            out->needs[i] = get_name(r);
    }
    if ((bits & HAS_PERSONS) != 0)
        get_persons(r, out);
    if ((bits & HAS_NAMED) != 0)
        x->named_at = get_at(r, out->ticket.enqueued_at);
    if ((bits & HAS_PAUSED) != 0) {
        x->reasons = (uint32_t)usher__get_upto(r, (1u << REASONS) - 1);
        x->pauses_n = (uint32_t)usher__get_upto(r, USHER_PAUSES_MAX);
        x->set_since = (int64_t)usher__get_upto(r, FAR);
        get_stretches(r, out);
        if (x->reasons == 0 && x->pauses_n == 0 && x->set_since == 0 && x->stretches_n == 0)
            usher__bad(r);
    }
    if ((bits & HAS_QUESTION) != 0)
        out->question = get_text(r, USHER_TEXT_MAX);
    for (uint32_t i = 0; i < REASONS; i++) {
        if ((bits & nth(HAS_PAUSE, i)) != 0)
            get_pause(r, &x->pause[i]);
    }
    if ((bits & HAS_RUNGS) != 0)
        get_rungs(r, out);
    if ((bits & HAS_UNTOLD) != 0)
        get_untold(r, &x->untold);
    if ((bits & HAS_MORE) != 0)
        get_more(r, x);
}

static void get_counts(struct reader *r, struct ticket *t)
{
    t->attempts = (uint16_t)usher__get_upto(r, UINT16_MAX);
    t->level = (uint16_t)usher__get_upto(r, UINT16_MAX);
    t->chases = (uint16_t)usher__get_upto(r, UINT16_MAX);
    t->checked_in = (uint8_t)usher__get_upto(r, UINT8_MAX);
    if (t->attempts == 0 && t->level == 0 && t->chases == 0 && t->checked_in == 0)
        usher__bad(r);
}

static void get_common(struct reader *r, struct ticket_row *out, uint32_t bits)
{
    struct ticket *t = &out->ticket;
    uint8_t word = usher__get_byte(r);
    bool claimed = (word & 15) == USHER_CLAIMED;

    t->state = word & 15;
    t->priority = word >> 4;
    t->flags = usher__get_byte(r);
    t->enqueued_at = (int64_t)usher__get_upto(r, USHER_AT_MAX);
    t->state_at = get_at(r, t->enqueued_at);
    out->policy = usher__get_number(r);
    t->seq = (uint32_t)usher__get_upto(r, UINT32_MAX);
    t->last_event = usher__get_number(r);
    out->requester = get_name(r);
    if ((bits & HAS_BODY) != 0)
        out->body = get_text(r, BODY_INLINE);
    if ((bits & HAS_RANK) != 0)
        t->rank = in_range(r, get_after(r, t->enqueued_at), 1, INT64_MAX);
    for (uint32_t i = 0; i < PROMISES; i++) {
        if ((bits & nth(HAS_PROMISE, i)) != 0)
            get_promise(r, t, &t->promise[i]);
    }
    if ((bits & HAS_CLAIM) != 0) {
        t->token = usher__get_number(r);
        t->holder = (uint32_t)usher__get_upto(r, UINT32_MAX);
        if (t->token == 0 || t->holder == 0)
            usher__bad(r);
    }
    if ((bits & HAS_UNTIL) != 0) {
        t->until_at = claimed ? get_boot(r) : get_end(r, t->enqueued_at);
        if (t->until_at == 0)
            usher__bad(r);
    }
    if ((bits & HAS_SINCE) != 0) {
        if (has_claimed(t->state))
            t->claimed_boot = get_boot(r);
        else
            t->resolved_at = get_at(r, t->enqueued_at);
    }
    if ((bits & HAS_WORD) != 0)
        out->last_word = get_text(r, USHER_TEXT_MAX);
    if ((bits & HAS_COUNTS) != 0)
        get_counts(r, t);
    t->start_at = (bits & HAS_START) != 0 ? get_at(r, t->enqueued_at) : t->enqueued_at;
    if ((bits & HAS_BEHIND) != 0)
        t->behind = in_range(r, usher__get_signed(r), 0, FAR);
}

/* Who is offered it, or linked; in which table it is for that. */
static bool links_fit(const struct row *row, const struct ticket *t, const struct extra *x)
{
    bool filed = usher__is_over(t->state) && !x->linked;

    if ((t->state == USHER_OFFERED) != ((x->offer_queue != 0) != (x->offer_agent != 0)) ||
        (t->state != USHER_OFFERED && x->offer_queue != 0) ||
        (t->state == USHER_OFFERED && t->until_at == 0))
        return false;
    if (x->linked &&
        (x->cause == 0 || x->cause == (usher_id)row->key || t->state == USHER_WITHDRAWN))
        return false;
    return row->table == (filed ? ROW_CLOSED : ROW_TICKET) &&
           row->b == (filed ? t->state_at : t->state);
}

/* What the rules rely on, whatever the state; and what each state needs. */
static bool fits_together(const struct row *row, const struct ticket_row *k, uint32_t bits)
{
    const struct ticket *t = &k->ticket;
    bool paused = t->state == USHER_PAUSED;
    bool kept = (t->flags & TICKET_KEPT) != 0;
    uint32_t reasons = k->has_extra ? k->extra.reasons : 0;

    if (t->state < USHER_SCHEDULED || t->state > USHER_WITHDRAWN || t->priority < USHER_LOW ||
        t->priority > USHER_URGENT || (t->flags & TICKET_ENGINES) != 0 || t->seq == 0 ||
        t->last_event == 0)
        return false;
    if (row->key <= 0 || row->a <= 0 || row->a > USHER_QUEUES_MAX ||
        !links_fit(row, t, k->has_extra ? &k->extra : &(struct extra){.linked = false}))
        return false;
    if (((bits & HAS_SINCE) != 0) != has_since(t->state) || paused != (reasons != 0))
        return false;
    if ((kept && (t->state != USHER_WAITING || t->holder == 0)) ||
        (usher__claim_stands(t) && t->holder == 0))
        return false;
    if ((bits & HAS_BODY) != 0 && (bits & HAS_BODY_ROW) != 0)
        return false;
    if (k->by_key && ((bits & HAS_KEY) == 0 || t->state >= USHER_RESOLVED))
        return false;
    if (k->by_ref && (bits & HAS_REF) == 0)
        return false;
    for (int ix = 0; ix < PROMISES; ix++) {
        if (t->state >= USHER_RESOLVED && (t->promise[ix].flags & PROMISE_OWED) != 0)
            return false;
    }
    return true;
}

bool usher__get_ticket(const struct row *row, struct ticket_row *out)
{
    struct reader r = usher__reader(row->bytes, row->len);
    uint32_t bits = (uint32_t)usher__get_upto(&r, HAS_ALL);

    memset(&out->ticket, 0, sizeof(out->ticket));
    out->has_extra = (bits & ~(HAS_REF - 1u) & ~(uint32_t)HAS_BODY_ROW) != 0;
    out->has_body = (bits & HAS_BODY_ROW) != 0;
    out->by_key = (bits & IS_BY_KEY) != 0;
    out->by_ref = (bits & IS_BY_REF) != 0;
    out->requester = out->body = out->last_word = (struct kept_text){NULL, 0};
    out->question = out->symptom = out->dedup_key = out->ref = out->body;
    out->ticket.persons_n = 1;
    get_common(&r, out, bits);
    if (out->has_extra)
        get_extra(&r, out, bits);
    if (!usher__reader_done(&r) || !fits_together(row, out, bits))
        return false;
    out->ticket.id = (usher_id)row->key;
    out->ticket.queue = (uint32_t)row->a;
    return true;
}
