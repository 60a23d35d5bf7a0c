/* An event as bytes: a word of bits for what it has, then that. Its strings stand there with their NUL,
 * so that the public event can point at them. See record.h. */
#include "local/record.h"

enum {
    OF_TICKET =
        1u << 0, /* seq of the ticket, state and priority, what leads to the one before it */
    HAS_QUEUE = 1u << 1,
    HAS_WHO = 1u << 2,
    HAS_N = 1u << 3,
    HAS_UNTIL = 1u << 4,
    HAS_TEXT = 1u << 5,
    HAS_KEPT = 1u << 6, /* kept or lapsed */
    HAS_VERSION = 1u << 7,
    HAS_SEEN = 1u << 8,
    HAS_HOW = 1u << 9,
    HAS_DUE = 1u << 10,
    HAS_PROMISE = 1u << 11,
    HAS_LEVEL = 1u << 12,
    HAS_TO = 1u << 13,
    HAS_RULE = 1u << 14,
    HAS_NOTIFY = 1u << 15,
    HAS_NOTIFY_AT = 1u << 16,
    HAS_OTHER = 1u << 17,
    HAS_TOOK = 1u << 18,
    HAS_WORD = 1u << 19,
    HAS_HELD = 1u << 20,
    HAS_ALL = (1u << 21) - 1
};

enum { NUMBERS_LEN = 26 * NUMBER_LEN, RULE_MAX = 1023, BITS_MAX = 1 << 5 };

static uint32_t bits_of(const usher_event *v)
{
    return (v->ticket != 0 ? OF_TICKET : 0) | (v->queue != NULL ? HAS_QUEUE : 0) |
           (v->who != NULL ? HAS_WHO : 0) | (v->n != 0 ? HAS_N : 0) |
           (v->until_at != 0 ? HAS_UNTIL : 0) | (v->text.data != NULL ? HAS_TEXT : 0) |
           (v->kept != 0 || v->lapsed != 0 ? HAS_KEPT : 0) |
           (v->policy_version != 0 ? HAS_VERSION : 0) | (v->seen_at != 0 ? HAS_SEEN : 0) |
           (v->how != 0 ? HAS_HOW : 0) | (v->due_at != 0 ? HAS_DUE : 0) |
           (v->promise != 0 ? HAS_PROMISE : 0) | (v->level != 0 ? HAS_LEVEL : 0) |
           (v->to != NULL ? HAS_TO : 0) | (v->rule != NULL ? HAS_RULE : 0) |
           (v->notify.len != 0 ? HAS_NOTIFY : 0) | (v->notify_at != 0 ? HAS_NOTIFY_AT : 0) |
           (v->other != 0 ? HAS_OTHER : 0) | (v->took_ms >= 0 ? HAS_TOOK : 0) |
           (v->word_ms >= 0 ? HAS_WORD : 0) | (v->held_ms >= 0 ? HAS_HELD : 0);
}

static size_t length(const char *s)
{
    return s == NULL ? 0 : strlen(s);
}

struct lengths {
    size_t who, to, rule;
};

static char *put(char *at, const struct log_event *le, uint32_t bits, const struct lengths *len)
{
    const usher_event *v = &le->event;

    at = usher__put_number(at, bits);
    at = usher__put_number(at, (uint64_t)v->at);
    if ((bits & OF_TICKET) != 0) {
        at = usher__put_number(at, v->ticket_seq);
        *at++ = (char)(v->state | v->priority << 4);
        at = usher__put_number(at, le->previous == 0 ? 0 : v->seq - le->previous);
    }
    if ((bits & HAS_QUEUE) != 0)
        at = usher__put_number(at, v->queue->index);
    if ((bits & HAS_WHO) != 0)
        at = usher__put_bytes(at, v->who, len->who + 1);
    if ((bits & HAS_N) != 0)
        at = usher__put_number(at, v->n);
    if ((bits & HAS_UNTIL) != 0)
        at = usher__put_signed(at, v->until_at);
    if ((bits & HAS_TEXT) != 0)
        at = usher__put_bytes(at, v->text.data, v->text.len + 1);
    if ((bits & HAS_KEPT) != 0) {
        *at++ = (char)v->kept;
        *at++ = (char)v->lapsed;
    }
    if ((bits & HAS_VERSION) != 0)
        at = usher__put_number(at, v->policy_version);
    if ((bits & HAS_SEEN) != 0)
        at = usher__put_signed(at, v->seen_at);
    if ((bits & HAS_HOW) != 0)
        at = usher__put_signed(at, v->how);
    if ((bits & HAS_DUE) != 0)
        at = usher__put_signed(at, v->due_at);
    if ((bits & HAS_PROMISE) != 0)
        *at++ = (char)v->promise;
    if ((bits & HAS_LEVEL) != 0)
        at = usher__put_number(at, (uint64_t)v->level);
    if ((bits & HAS_TO) != 0)
        at = usher__put_bytes(at, v->to, len->to + 1);
    if ((bits & HAS_RULE) != 0)
        at = usher__put_bytes(at, v->rule, len->rule + 1);
    if ((bits & HAS_NOTIFY) != 0)
        at = usher__put_bytes(at, v->notify.data, v->notify.len);
    if ((bits & HAS_NOTIFY_AT) != 0)
        at = usher__put_signed(at, v->notify_at);
    if ((bits & HAS_OTHER) != 0)
        at = usher__put_number(at, v->other);
    if ((bits & HAS_TOOK) != 0)
        at = usher__put_number(at, (uint64_t)v->took_ms);
    if ((bits & HAS_WORD) != 0)
        at = usher__put_number(at, (uint64_t)v->word_ms);
    if ((bits & HAS_HELD) != 0)
        at = usher__put_number(at, (uint64_t)v->held_ms);
    return at;
}

int usher__put_event(struct batch *b, const struct log_event *le)
{
    const usher_event *v = &le->event;
    struct lengths len = {length(v->who), length(v->to), length(v->rule)};
    struct row row = {
        .table = ROW_EVENT, .key = (int64_t)v->seq, .a = (int64_t)v->ticket, .b = v->kind};
    char *begin = usher__batch_begin(
        b, &row, NUMBERS_LEN + len.who + len.to + len.rule + (size_t)(v->text.len + v->notify.len));

    if (begin == NULL)
        return USHER_ENOMEM;
    usher__batch_end(b, (size_t)(put(begin, le, bits_of(v), &len) - begin));
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* At least one byte, then the only NUL. */
static const char *get_string(struct reader *r, size_t max)
{
    uint32_t len;
    const char *s = usher__get_bytes(r, max + 1, &len);

    if (len < 2 || memchr(s, '\0', len) != s + len - 1) {
        usher__bad(r);
        return NULL;
    }
    return s;
}

static usher_text get_text(struct reader *r)
{
    uint32_t len;
    const char *s = usher__get_bytes(r, (size_t)USHER_BODY_MAX + 1, &len);

    if (len == 0 || s[len - 1] != '\0') {
        usher__bad(r);
        return (usher_text){NULL, 0};
    }
    return (usher_text){s, len - 1};
}

/* Names, each with its NUL. */
static usher_text get_names(struct reader *r)
{
    uint32_t len;
    const char *s = usher__get_bytes(r, (size_t)NAMES_OF_LADDER * (USHER_NAME_MAX + 1), &len);

    for (uint32_t at = 0; !r->bad && at < len;) {
        const char *end = memchr(s + at, '\0', len - at);

        if (end == NULL || end == s + at)
            usher__bad(r);
        else
            at = (uint32_t)(end + 1 - s);
    }
    if (len == 0)
        usher__bad(r);
    return (usher_text){s, len};
}

static uint64_t get_some(struct reader *r, uint64_t max) /* not 0: then its bit would not be set */
{
    uint64_t value = usher__get_upto(r, max);

    return value != 0 ? value : usher__bad(r);
}

static int64_t get_instant(struct reader *r)
{
    int64_t at = usher__get_signed(r);

    return at != 0 ? at : (int64_t)usher__bad(r);
}

static int64_t get_ms(struct reader *r, uint32_t there)
{
    return there != 0 ? (int64_t)usher__get_upto(r, USHER_AT_MAX) : -1;
}

static void get_ticket(struct reader *r, usher_event *v, uint64_t *previous)
{
    uint64_t back;
    uint8_t word;

    v->ticket_seq = get_some(r, UINT32_MAX);
    word = usher__get_byte(r);
    v->state = word & 15;
    v->priority = word >> 4;
    back = usher__get_upto(r, v->seq - 1);
    *previous = back == 0 ? 0 : v->seq - back;
    if (v->state == 0 || v->state >= USHER_STATES || v->priority < USHER_LOW ||
        v->priority > USHER_URGENT || (*previous != 0) != (v->ticket_seq > 1))
        usher__bad(r);
}

static void get_rest(struct reader *r, usher_event *v, uint32_t bits)
{
    int64_t how = 0;

    if ((bits & HAS_WHO) != 0)
        v->who = get_string(r, USHER_NAME_MAX);
    if ((bits & HAS_N) != 0)
        v->n = (uint32_t)get_some(r, UINT32_MAX);
    if ((bits & HAS_UNTIL) != 0)
        v->until_at = get_instant(r);
    if ((bits & HAS_TEXT) != 0)
        v->text = get_text(r);
    if ((bits & HAS_KEPT) != 0) {
        v->kept = usher__get_byte(r);
        v->lapsed = usher__get_byte(r);
        if (v->kept >= BITS_MAX || v->lapsed >= BITS_MAX || (v->kept | v->lapsed) == 0)
            usher__bad(r);
    }
    if ((bits & HAS_VERSION) != 0)
        v->policy_version = (uint32_t)get_some(r, UINT32_MAX);
    if ((bits & HAS_SEEN) != 0)
        v->seen_at = get_instant(r);
    if ((bits & HAS_HOW) != 0) {
        how = get_instant(r);
        v->how = how >= INT32_MIN && how <= INT32_MAX ? (int32_t)how : (int32_t)usher__bad(r);
    }
    if ((bits & HAS_DUE) != 0)
        v->due_at = get_instant(r);
    if ((bits & HAS_PROMISE) != 0)
        v->promise = (int32_t)get_some(r, PROMISES);
    if ((bits & HAS_LEVEL) != 0)
        v->level = (int32_t)get_some(r, UINT16_MAX);
    if ((bits & HAS_TO) != 0)
        v->to = get_string(r, USHER_NAME_MAX);
    if ((bits & HAS_RULE) != 0)
        v->rule = get_string(r, RULE_MAX);
    if ((bits & HAS_NOTIFY) != 0)
        v->notify = get_names(r);
    if ((bits & HAS_NOTIFY_AT) != 0)
        v->notify_at = get_instant(r);
    if ((bits & HAS_OTHER) != 0)
        v->other = get_some(r, INT64_MAX);
    v->took_ms = get_ms(r, bits & HAS_TOOK);
    v->word_ms = get_ms(r, bits & HAS_WORD);
    v->held_ms = get_ms(r, bits & HAS_HELD);
}

bool usher__row_event(const struct row *row, usher_event *event, uint64_t *previous,
                      uint32_t *queue)
{
    struct reader r = usher__reader(row->bytes, row->len);
    uint32_t bits = (uint32_t)usher__get_upto(&r, HAS_ALL);

    *event = (usher_event){.size = sizeof(*event)};
    *previous = 0;
    *queue = 0;
    if (row->table != ROW_EVENT || row->key <= 0 || row->a < 0 || row->b < 1 || row->b > UINT8_MAX)
        return false;
    event->seq = (uint64_t)row->key;
    event->ticket = (usher_id)row->a;
    event->kind = (int32_t)row->b;
    event->at = (int64_t)usher__get_upto(&r, USHER_AT_MAX);
    if (((bits & OF_TICKET) != 0) != (event->ticket != 0))
        return false;
    if ((bits & OF_TICKET) != 0)
        get_ticket(&r, event, previous);
    if ((bits & HAS_QUEUE) != 0)
        *queue = (uint32_t)get_some(&r, USHER_QUEUES_MAX);
    get_rest(&r, event, bits);
    return usher__reader_done(&r);
}
