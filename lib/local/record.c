/* A ticket written as bytes. See record_ticket.h. */
#include "local/record_ticket.h"

enum {
    FIXED_LEN = 1024, /* more than all numbers and the requester's name */
    NAME_LEN = USHER_NAME_MAX + 4
};

bool usher__has_body_row(const struct ticket *t)
{
    return usher__text_len(t->body) > BODY_INLINE;
}

static uint32_t more_of(const struct extra *x)
{
    return (x->cause != 0 ? HAS_CAUSE : 0u) | (x->follows != 0 ? HAS_FOLLOWS : 0u) |
           (x->offer_queue != 0 ? HAS_OFFER_QUEUE : 0u) |
           (x->offer_agent != 0 ? HAS_OFFER_AGENT : 0u) | (x->hops != 0 ? HAS_HOPS : 0u) |
           (x->is_cause ? IS_CAUSE : 0u) | (x->told_no_agent ? IS_TOLD_NO_AGENT : 0u) |
           (x->linked ? IS_LINKED : 0u);
}

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
    bits |= x->rungs_n > 0 ? HAS_RUNGS : 0;
    bits |= x->untold.at != 0 ? HAS_UNTOLD : 0;
    bits |= more_of(x) != 0 ? HAS_MORE : 0;
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

static char *put_rungs(char *to, const struct extra *x)
{
    to = usher__put_number(to, x->rungs_n);
    for (uint32_t i = 0; i < x->rungs_n; i++) {
        to = usher__put_number(to, x->rungs[i].id);
        to = usher__put_number(to, x->rungs[i].fired);
        *to++ = (char)x->rungs[i].promise;
    }
    return to;
}

static char *put_untold(char *to, const struct untold *u)
{
    to = usher__put_signed(to, u->at);
    to = usher__put_number(to, u->notify);
    to = usher__put_number(to, u->steps);
    to = usher__put_number(to, u->warns);
    to = usher__put_number(to, u->n);
    *to++ = (char)u->step;
    *to++ = (char)u->promise;
    *to++ = (char)u->lapsed;
    *to++ = (char)u->moved;
    return to;
}

static char *put_more(char *to, const struct extra *x)
{
    const uint64_t numbers[] = {x->cause, x->follows, x->offer_queue, x->offer_agent, x->hops};

    to = usher__put_number(to, more_of(x));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        if (numbers[i] != 0)
            to = usher__put_number(to, numbers[i]);
    }
    return to;
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
    if ((bits & HAS_RUNGS) != 0)
        to = put_rungs(to, x);
    if ((bits & HAS_UNTOLD) != 0)
        to = put_untold(to, &x->untold);
    return (bits & HAS_MORE) != 0 ? put_more(to, x) : to;
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
        to = has_claimed(t->state)
                 ? usher__put_number(to, (uint64_t)shifted(t->claimed_boot, ahead))
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
           (size_t)x->stretches_n * 3 * NUMBER_LEN + (REASONS + 1) * 6 * NUMBER_LEN +
           (size_t)x->rungs_n * 2 * NUMBER_LEN;
}

static struct row row_of(const struct ticket *t)
{
    bool filed = usher__is_filed(t);

    return (struct row){.table = filed ? ROW_CLOSED : ROW_TICKET,
                        .key = (int64_t)t->id,
                        .a = t->queue,
                        .b = filed ? t->state_at : t->state};
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
