/* A ticket as bytes. See record.h.
 *
 * First a word of bits for what it has, then the numbers that all have, then what the bits say, in their
 * order: a plain ticket is little more than its texts. Instants are told from enqueued_at on. Names
 * stand there in full, for their handles are this process's own; queue, agent and policy have numbers
 * that are the service's. */
#include "local/record.h"

/* The bits; what many have comes first. */
enum {
    HAS_BODY = 1u << 0,
    HAS_RANK = 1u << 1,
    HAS_PROMISE = 1u << 2, /* .. 5: one each */
    HAS_CLAIM = 1u << 6,   /* has been claimed */
    HAS_UNTIL = 1u << 7,
    HAS_SINCE = 1u << 8, /* claimed_boot or resolved_at, where the state gives it a meaning */
    HAS_WORD = 1u << 9,
    HAS_COUNTS = 1u << 10,
    HAS_START = 1u << 11, /* later than enqueued */
    HAS_BEHIND = 1u << 12,
    HAS_REF = 1u << 13,
    HAS_SYMPTOM = 1u << 14,
    HAS_KEY = 1u << 15,
    IS_BY_REF = 1u << 16,
    IS_BY_KEY = 1u << 17,
    HAS_BODY_ROW = 1u << 18,
    HAS_NEEDS = 1u << 19,
    HAS_PERSONS = 1u << 20,
    HAS_NAMED = 1u << 21,
    HAS_PAUSED = 1u << 22, /* has ever been paused or reopened */
    HAS_QUESTION = 1u << 23,
    HAS_PAUSE = 1u << 24, /* .. 26: one each */
    HAS_ALL = (1u << 27) - 1
};

enum {
    STRETCHES_MAX = 4 * USHER_PAUSES_MAX, /* each pause and reopen makes at most two */
    FIXED_LEN = 1024,                     /* more than all numbers and the requester's name */
    NAME_LEN = USHER_NAME_MAX + 4
};

/* No instant or duration of a ticket comes near it, and sums of three do not overflow. */
#define FAR (INT64_MAX / 4)

/* The bit of one of several. */
static uint32_t nth(uint32_t first, uint32_t i)
{
    return first << i;
}

static bool is_promise(const struct promise *m)
{
    return m->start_at != 0 || m->target != 0 || m->arming != 0 || m->state != 0 || m->flags != 0 ||
           m->warned != 0;
}

static bool is_pause(const struct pause *p)
{
    return p->began_at != 0 || p->since_at != 0 || p->end_at != 0 || p->spent != 0 ||
           p->at_max != 0 || p->reminded != 0;
}

/* In the other states what the union holds has no meaning any more. */
static bool has_since(int state)
{
    return state == USHER_CLAIMED || state == USHER_RESOLVED || state == USHER_CLOSED;
}

bool usher__has_body_row(const struct ticket *t)
{
    return usher__text_len(t->body) > BODY_INLINE;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static uint32_t bits_of_extra(const struct engine *e, const struct ticket *t, uint32_t slot)
{
    const struct extra *x = t->extra;
    uint32_t bits = 0;

    if (x->ref != 0) {
        bits |= HAS_REF;
        if (usher__ids_find(&e->by_ref, usher__queue_key(t->queue, x->ref)) == slot)
            bits |= IS_BY_REF;
    }
    if (x->dedup_key != 0) {
        bits |= HAS_KEY;
        if (usher__ids_find(&e->by_key, usher__queue_key(t->queue, x->dedup_key)) == slot)
            bits |= IS_BY_KEY;
    }
    bits |= x->symptom != 0 ? HAS_SYMPTOM : 0;
    bits |= x->needs_n > 0 ? HAS_NEEDS : 0;
    bits |= t->persons_n > 1 ? HAS_PERSONS : 0;
    bits |= x->named_at != 0 ? HAS_NAMED : 0;
    bits |= x->reasons != 0 || x->pauses_n != 0 || x->set_since != 0 || x->stretches_n != 0
                ? HAS_PAUSED
                : 0;
    bits |= x->question != NULL ? HAS_QUESTION : 0;
    for (uint32_t i = 0; i < REASONS; i++)
        bits |= is_pause(&x->pause[i]) ? nth(HAS_PAUSE, i) : 0;
    return bits;
}

static uint32_t bits_of(const struct engine *e, const struct ticket *t, uint32_t slot)
{
    uint32_t bits = t->extra != NULL ? bits_of_extra(e, t, slot) : 0;

    if (t->body != NULL)
        bits |= t->body == e->changes.absent || usher__has_body_row(t) ? HAS_BODY_ROW : HAS_BODY;
    bits |= t->rank != 0 ? HAS_RANK : 0;
    for (uint32_t i = 0; i < PROMISES; i++)
        bits |= is_promise(&t->promise[i]) ? nth(HAS_PROMISE, i) : 0;
    bits |= t->token != 0 || t->holder != 0 ? HAS_CLAIM : 0;
    bits |= t->until_at != 0 ? HAS_UNTIL : 0;
    bits |= has_since(t->state) ? HAS_SINCE : 0;
    bits |= t->last_word != NULL ? HAS_WORD : 0;
    bits |=
        t->attempts != 0 || t->level != 0 || t->chases != 0 || t->checked_in != 0 ? HAS_COUNTS : 0;
    bits |= t->start_at != t->enqueued_at ? HAS_START : 0;
    bits |= t->behind != 0 ? HAS_BEHIND : 0;
    return bits;
}

static char *put_name(char *to, const struct engine *e, uint32_t handle)
{
    size_t len;
    const char *name = usher__intern_text(&e->names, handle, &len);

    return usher__put_bytes(to, name, len);
}

static char *put_text(char *to, const struct text *t)
{
    return usher__put_bytes(to, usher__text_data(t), usher__text_len(t));
}

static int64_t shifted(int64_t at, int64_t ahead)
{
    return at == INT64_MAX ? at : at + ahead;
}

static char *put_extra(char *to, const struct engine *e, const struct ticket *t, uint32_t bits)
{
    const struct extra *x = t->extra;

    if ((bits & HAS_REF) != 0)
        to = put_name(to, e, x->ref);
    if ((bits & HAS_SYMPTOM) != 0)
        to = put_name(to, e, x->symptom);
    if ((bits & HAS_KEY) != 0)
        to = put_name(to, e, x->dedup_key);
    if ((bits & HAS_NEEDS) != 0) {
        to = usher__put_number(to, x->needs_n);
        for (uint32_t i = 0; i < x->needs_n; i++)
            to = put_name(to, e, x->needs[i]);
    }
    if ((bits & HAS_PERSONS) != 0) {
        to = usher__put_number(to, t->persons_n);
        *to++ = x->persons[0].confirmed;
        for (uint32_t i = 1; i < t->persons_n; i++) {
            *to++ = x->persons[i].confirmed;
            to = put_name(to, e, x->persons[i].name);
        }
    }
    if ((bits & HAS_NAMED) != 0)
        to = usher__put_signed(to, x->named_at - t->enqueued_at);
    if ((bits & HAS_PAUSED) != 0) {
        to = usher__put_number(to, x->reasons);
        to = usher__put_number(to, x->pauses_n);
        to = usher__put_number(to, (uint64_t)x->set_since);
        to = usher__put_number(to, x->stretches_n);
        for (uint32_t i = 0; i < x->stretches_n; i++) {
            const struct stretch *s = &x->stretches[i];

            to = usher__put_signed(to, s->from_at - t->enqueued_at);
            to = usher__put_number(to, (uint64_t)(s->to_at - s->from_at));
            to = usher__put_number(to, s->reasons);
        }
    }
    if ((bits & HAS_QUESTION) != 0)
        to = put_text(to, x->question);
    for (uint32_t i = 0; i < REASONS; i++) {
        const struct pause *p = &x->pause[i];

        if ((bits & nth(HAS_PAUSE, i)) == 0)
            continue;
        to = usher__put_signed(to, p->began_at);
        to = usher__put_signed(to, p->since_at);
        to = usher__put_signed(to, p->end_at);
        to = usher__put_signed(to, p->spent);
        *to++ = (char)(p->at_max != 0);
        *to++ = (char)p->reminded;
    }
    return to;
}

static char *put_promise(char *to, const struct ticket *t, const struct promise *m)
{
    to = usher__put_signed(to, m->start_at - t->enqueued_at);
    to = usher__put_signed(to, m->target);
    to = usher__put_number(to, m->arming);
    *to++ = (char)(m->state | m->flags << 3);
    *to++ = (char)m->warned;
    return to;
}

static char *put_common(char *to, const struct engine *e, const struct ticket *t, uint32_t bits,
                        int64_t ahead)
{
    bool claimed = t->state == USHER_CLAIMED;
    const struct policy_record *policy = usher__slab_at(&e->policies, t->policy);

    to = usher__put_number(to, bits);
    *to++ = (char)(t->state | t->priority << 4);
    *to++ = (char)(t->flags & ~TICKET_ENGINES);
    to = usher__put_number(to, (uint64_t)t->enqueued_at);
    to = usher__put_signed(to, t->state_at - t->enqueued_at);
    to = usher__put_number(to, policy->definition);
    to = usher__put_number(to, t->seq);
    to = usher__put_number(to, t->last_event);
    to = put_name(to, e, t->requester);
    if ((bits & HAS_BODY) != 0)
        to = put_text(to, t->body);
    if ((bits & HAS_RANK) != 0)
        to = usher__put_signed(to, t->rank - t->enqueued_at);
    for (uint32_t i = 0; i < PROMISES; i++) {
        if ((bits & nth(HAS_PROMISE, i)) != 0)
            to = put_promise(to, t, &t->promise[i]);
    }
    if ((bits & HAS_CLAIM) != 0) {
        to = usher__put_number(to, t->token);
        to = usher__put_number(to, t->holder);
    }
    if ((bits & HAS_UNTIL) != 0)
        to = claimed ? usher__put_number(to, (uint64_t)shifted(t->until_at, ahead))
                     : usher__put_signed(to, t->until_at - t->enqueued_at);
    if ((bits & HAS_SINCE) != 0)
        to = claimed ? usher__put_number(to, (uint64_t)shifted(t->claimed_boot, ahead))
                     : usher__put_signed(to, t->resolved_at - t->enqueued_at);
    if ((bits & HAS_WORD) != 0)
        to = put_text(to, t->last_word);
    if ((bits & HAS_COUNTS) != 0) {
        to = usher__put_number(to, t->attempts);
        to = usher__put_number(to, t->level);
        to = usher__put_number(to, t->chases);
        to = usher__put_number(to, t->checked_in);
    }
    if ((bits & HAS_START) != 0)
        to = usher__put_signed(to, t->start_at - t->enqueued_at);
    if ((bits & HAS_BEHIND) != 0)
        to = usher__put_signed(to, t->behind);
    return to;
}

/* At least what it needs. */
static size_t room_of(const struct ticket *t, uint32_t bits)
{
    const struct extra *x = t->extra;
    size_t len = FIXED_LEN + (size_t)usher__text_len(t->last_word) + BODY_INLINE;

    if ((bits & ~(HAS_REF - 1u) & ~(uint32_t)HAS_BODY_ROW) == 0)
        return len;
    return len + usher__text_len(x->question) + (3 + (size_t)x->needs_n + t->persons_n) * NAME_LEN +
           (size_t)x->stretches_n * 3 * NUMBER_LEN + REASONS * 5 * NUMBER_LEN;
}

static struct row row_of(const struct ticket *t)
{
    bool over = usher__is_over(t->state);

    return (struct row){.table = over ? ROW_CLOSED : ROW_TICKET,
                        .key = (int64_t)t->id,
                        .a = t->queue,
                        .b = over ? t->state_at : t->state};
}

int usher__put_ticket(struct engine *e, struct batch *b, uint32_t slot, int64_t ahead)
{
    const struct ticket *t = usher__ticket(e, slot);
    uint32_t bits = bits_of(e, t, slot);
    struct row row = row_of(t);
    char *begin = usher__batch_begin(b, &row, room_of(t, bits));
    char *to;

    if (begin == NULL)
        return USHER_ENOMEM;
    to = put_common(begin, e, t, bits, ahead);
    if (t->extra != NULL)
        to = put_extra(to, e, t, bits);
    usher__batch_end(b, (size_t)(to - begin));
    return 0;
}

int usher__drop_ticket(struct batch *b, int table, usher_id id)
{
    return usher__batch_put(
        b, &(struct row){.table = (uint8_t)table, .drop = true, .key = (int64_t)id});
}

int usher__put_body(struct batch *b, const struct ticket *t)
{
    return usher__batch_put(b, &(struct row){.table = ROW_BODY,
                                             .key = (int64_t)t->id,
                                             .bytes = usher__text_data(t->body),
                                             .len = usher__text_len(t->body)});
}

/* ---- reading ------------------------------------------------------------------------------------- */

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
    if (m->state > USHER_LAPSED || m->flags > (PROMISE_OWED | PROMISE_ALONE) || !is_promise(m) ||
        (m->state != 0 && m->arming == 0) ||
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
        if (claimed)
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
        t->behind = usher__get_signed(r);
}

static bool known_state(int state)
{
    return state >= USHER_SCHEDULED && state <= USHER_WITHDRAWN && state != 4;
}

/* What the rules rely on, whatever the state; and what each state needs. */
static bool fits_together(const struct row *row, const struct ticket_row *k, uint32_t bits)
{
    const struct ticket *t = &k->ticket;
    bool over = usher__is_over(t->state), paused = t->state == USHER_PAUSED;
    bool kept = (t->flags & TICKET_KEPT) != 0;
    uint32_t reasons = k->has_extra ? k->extra.reasons : 0;

    if (!known_state(t->state) || t->priority < USHER_LOW || t->priority > USHER_URGENT ||
        (t->flags & TICKET_ENGINES) != 0 || t->seq == 0 || t->last_event == 0)
        return false;
    if (row->table != (over ? ROW_CLOSED : ROW_TICKET) ||
        row->b != (over ? t->state_at : t->state) || row->key <= 0 || row->a <= 0 ||
        row->a > USHER_QUEUES_MAX)
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
