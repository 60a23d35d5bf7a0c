/* Checking arguments, see arguments.h. */
#include "loop/arguments.h"

#include <string.h>

#include "core/ticket.h"

/* ---- structs --------------------------------------------------------------------------------- */

/* The sizes are part of the ABI: a field that is added changes them, one that is moved must not
 * leave a hole. */
#define ENDS_WITH(type, field)                                                                     \
    _Static_assert(offsetof(type, field) + sizeof(((type *)NULL)->field) == sizeof(type),          \
                   #type " has no padding at its end")
ENDS_WITH(usher_text, len);
ENDS_WITH(usher_op, lo);
ENDS_WITH(usher_claim, token);
ENDS_WITH(usher_options, zoneinfo);
ENDS_WITH(usher_done, detail);
ENDS_WITH(usher_request, follows);
ENDS_WITH(usher_work, body);
ENDS_WITH(usher_claim_args, op);
ENDS_WITH(usher_command, other);
ENDS_WITH(usher_collected, user);
ENDS_WITH(usher_event, held_ms);
ENDS_WITH(usher_promise, arming);
ENDS_WITH(usher_standing, is_cause);
ENDS_WITH(usher_span, reserved);
ENDS_WITH(usher_change, what);
ENDS_WITH(usher_spread, sum_ms);
ENDS_WITH(usher_figures, age);
ENDS_WITH(usher_agent_figures, held_ms);
ENDS_WITH(usher_symptom, workarounds);
ENDS_WITH(usher_query, to_at);
ENDS_WITH(usher_page, symptoms);

#if UINTPTR_MAX == UINT64_MAX
#define IS(type, n, sum)                                                                           \
    _Static_assert(sizeof(type) == (n) && (sum) == (n), #type " has the size that was published")
IS(usher_text, 16, 2 * 8);
IS(usher_op, 16, 2 * 8);
IS(usher_claim, 16, 2 * 8);
IS(usher_allocator, 16, 2 * 8);
IS(usher_clock, 24, 3 * 8);
IS(usher_options, 136, 6 * 8 + 2 * 4 + 8 + 2 * 4 + 8 * 8);
IS(usher_done, 80, 4 * 8 + 4 * 4 + 8 + 2 * 4 + 16);
IS(usher_request, 104, 2 * 8 + 16 + 4 * 8 + 2 * 4 + 8 + 16 + 8);
IS(usher_work, 112, 8 + 16 + 4 * 8 + 4 * 4 + 3 * 8 + 16);
IS(usher_claim_args, 48, 2 * 8 + 2 * 4 + 8 + 16);
IS(usher_command, 112, 8 + 2 * 4 + 2 * 16 + 4 * 8 + 16 + 2 * 8);
IS(usher_collected, 56, 7 * 8);
IS(usher_event, 208, 8 * 8 + 10 * 4 + 4 * 8 + 2 * 16 + 5 * 8);
IS(usher_promise, 40, 4 * 8 + 2 * 4);
IS(usher_standing, 448,
   13 * 8 + 8 * 4 + 5 * 8 + 2 * 16 + 4 * 40 + 2 * 8 + 2 * 4 + 3 * 8 + 2 * 4 + 2 * 8 + 2 * 4);
IS(usher_span, 32, 3 * 8 + 2 * 4);
IS(usher_change, 32, 3 * 8 + 2 * 4);
IS(usher_spread, 48, 6 * 8);
IS(usher_figures, 576, 2 * 8 + 2 * 4 + 2 * 8 + 40 * 8 + 8 + 4 * 48 + 2 * 8);
IS(usher_agent_figures, 120, 2 * 8 + 2 * 4 + 12 * 8);
IS(usher_symptom, 80, 3 * 8 + 2 * 4 + 4 * 8 + 4 * 4);
IS(usher_query, 104, 8 + 2 * 4 + 6 * 8 + 2 * 4 + 4 * 8);
IS(usher_page, 96, 5 * 8 + 16 + 5 * 8);
#endif

enum { LATER_MAX = 4096 }; /* no later version is larger by more: else the size is rubbish */

/* A struct of `size` bytes as this version knows it; NULL: there is none, or a field that this
 * version does not know is used. */
static const void *know(const void *given, void *room, size_t size)
{
    uint64_t given_size;
    const char *bytes = given;

    if (given == NULL)
        return NULL;
    memcpy(&given_size, given, sizeof given_size);
    if (given_size == size)
        return given;
    if (given_size < sizeof given_size || given_size > size + LATER_MAX ||
        given_size % sizeof(void *) != 0) /* no version's is: it would end within a pointer */
        return NULL;
    for (size_t i = size; i < given_size; i++) {
        if (bytes[i] != 0)
            return NULL;
    }
    memset(room, 0, size);
    memcpy(room, given, given_size < size ? (size_t)given_size : size);
    return room;
}

/* ---- small things ---------------------------------------------------------------------------- */

int usher__arg_name(const char *name)
{
    size_t len;

    if (name == NULL)
        return USHER_EINVAL;
    len = strnlen(name, USHER_NAME_MAX + 1);
    if (len > USHER_NAME_MAX)
        return USHER_ELIMIT;
    return len == 0 ? USHER_EINVAL : 0;
}

static int name_or_null(const char *name)
{
    return name == NULL ? 0 : usher__arg_name(name);
}

int usher__arg_names(const char *const *names, uint32_t n, uint32_t max)
{
    int r = 0;

    if (n > max)
        return USHER_ELIMIT;
    if (n > 0 && names == NULL)
        return USHER_EINVAL;
    for (uint32_t i = 0; i < n && r == 0; i++)
        r = usher__arg_name(names[i]);
    return r;
}

static int text(usher_text t, uint64_t max)
{
    if (t.len > max)
        return USHER_ELIMIT;
    return t.len > 0 && t.data == NULL ? USHER_EINVAL : 0;
}

static bool instant(int64_t at)
{
    return at >= 0 && at <= USHER_AT_MAX;
}

/* ---- options --------------------------------------------------------------------------------- */

int usher__arg_options(const usher_options *o, usher_options *known)
{
    usher_options room;
    const usher_options *k;

    *known = (usher_options){.size = sizeof *known};
    if (o == NULL)
        return 0;
    k = know(o, &room, sizeof room);
    if (k == NULL)
        return USHER_EINVAL;
    if (k->allocator != NULL && k->allocator->resize == NULL)
        return USHER_EINVAL;
    if (k->clock != NULL && (k->clock->wall_ms == NULL || k->clock->boot_ms == NULL))
        return USHER_EINVAL;
    if (k->durability < 0 || k->durability > USHER_DISK || k->op_window_ms < 0)
        return USHER_EINVAL;
    if (k->retain_ms < 0 || (k->err == NULL && k->err_len > 0))
        return USHER_EINVAL;
    *known = *k;
    return 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

int usher__arg_request(const usher_request *r, const usher_request **known, usher_request *room)
{
    const usher_request *k = know(r, room, sizeof *room);
    int err;

    if (k == NULL || k->priority < 0 || k->priority > USHER_URGENT || !instant(k->start_at))
        return USHER_EINVAL;
    err = usher__arg_name(k->requester);
    if (err == 0)
        err = text(k->body, USHER_BODY_MAX);
    if (err == 0)
        err = name_or_null(k->symptom);
    if (err == 0)
        err = name_or_null(k->dedup_key);
    if (err == 0)
        err = name_or_null(k->ref);
    if (err == 0)
        err = usher__arg_names(k->needs, k->needs_n, USHER_NEEDS_MAX);
    *known = k;
    return err;
}

/* The first one's size is the distance from each to the next, so all have the same. */
int usher__arg_requests(const struct memory *m, const usher_request *r, size_t n,
                        const usher_request **known, usher_request **copies)
{
    const char *at = (const char *)r;
    const usher_request *one;
    uint64_t size;
    int err = 0;

    *known = r;
    *copies = NULL;
    if (r == NULL || r->size == 0 || r->size % sizeof r->size != 0)
        return USHER_EINVAL;
    if (r->size != sizeof *r) {
        *copies = usher__alloc(m, n * sizeof **copies);
        *known = *copies;
        if (*copies == NULL)
            return USHER_ENOMEM;
    }
    for (size_t i = 0; i < n && err == 0; i++, at += r->size) {
        memcpy(&size, at, sizeof size);
        if (size != r->size)
            return USHER_EINVAL;
        err = usher__arg_request((const usher_request *)(const void *)at, &one,
                                 *copies == NULL ? NULL : &(*copies)[i]);
    }
    return err;
}

/* ---- claims ---------------------------------------------------------------------------------- */

static bool named_twice(usher_queue_t *const *queues, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (queues[i] == queues[j])
                return true;
        }
    }
    return false;
}

int usher__arg_claim(const usher_agent_t *a, const usher_claim_args *c,
                     const usher_claim_args **known, usher_claim_args *room)
{
    const usher_claim_args *k = know(c, room, sizeof *room);

    if (k == NULL || k->queues == NULL || k->queues_n == 0 || k->wait_ms < 0)
        return USHER_EINVAL;
    if (k->queues_n > USHER_CLAIM_QUEUES_MAX || k->n > USHER_CLAIM_MAX)
        return USHER_ELIMIT;
    for (uint32_t i = 0; i < k->queues_n; i++) {
        if (k->queues[i] == NULL || k->queues[i]->engine != a->engine)
            return USHER_EINVAL;
    }
    *known = k;
    return named_twice(k->queues, k->queues_n) ? USHER_EINVAL : 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

/* The kinds that a verb knows, from..to; 0 where it knows none. */
static bool is_kind(int verb, int kind)
{
    switch (verb) {
    case USHER_ACKNOWLEDGE:
        return kind == 0 || kind == USHER_BY_MACHINE;
    case USHER_REPLY:
        return kind == 0 || kind == USHER_COURTESY;
    case USHER_PAUSE:
        return kind >= USHER_ON_REQUESTER && kind <= USHER_UNTIL;
    case USHER_RESUME:
        return kind >= 0 && kind <= USHER_UNTIL;
    case USHER_RESOLVE:
        return kind >= 0 && kind <= USHER_AS_WORKAROUND;
    case USHER_REPRIORITISE:
        return kind >= USHER_LOW && kind <= USHER_URGENT;
    default:
        return kind == 0;
    }
}

static bool is_receipt(const usher_command *c)
{
    return c->verb == USHER_ACKNOWLEDGE && c->kind == USHER_BY_MACHINE;
}

static bool needs_text(const usher_command *c)
{
    return c->verb == USHER_UPDATE || (c->verb == USHER_PAUSE && c->kind == USHER_ON_REQUESTER);
}

/* What the verb needs is there. An agent's `who` is ignored, whatever it is. */
static int check_needs(const usher_command *c, const struct verb *verb)
{
    if (verb->needs_token && !is_receipt(c) && c->claim.token == 0)
        return USHER_EINVAL;
    if (needs_text(c) && c->text.len == 0)
        return USHER_EINVAL;
    if (c->verb == USHER_PAUSE && c->kind == USHER_UNTIL && c->at == 0)
        return USHER_EINVAL;
    if (c->verb == USHER_MOVE && c->queue == NULL)
        return USHER_EINVAL;
    if (c->verb == USHER_HAND_OFF && (c->queue == NULL) == (c->agent == NULL))
        return USHER_EINVAL;
    if (verb->by == BY_REQUESTER)
        return usher__arg_name(c->who);
    return verb->by == BY_DESK || is_receipt(c) ? name_or_null(c->who) : 0;
}

int usher__arg_command(const struct engine *e, const usher_command *c, const usher_command **known,
                       usher_command *room)
{
    const usher_command *k = know(c, room, sizeof *room);
    const struct verb *verb;
    int err;

    if (k == NULL || k->verb <= 0 || k->verb >= VERB_RECEIPT)
        return USHER_EINVAL;
    verb = usher__verb(k->verb);
    if (verb == NULL || !is_kind(k->verb, k->kind) || !instant(k->at) || k->ms < 0)
        return USHER_EINVAL;
    if ((k->queue != NULL && k->queue->engine != e) || (k->agent != NULL && k->agent->engine != e))
        return USHER_EINVAL;
    err = text(k->text, USHER_TEXT_MAX);
    *known = k;
    return err != 0 ? err : check_needs(k, verb);
}

/* ---- reading --------------------------------------------------------------------------------- */

int usher__arg_query(const struct engine *e, const usher_query *q, const usher_query **known,
                     usher_query *room)
{
    const usher_query *k = know(q, room, sizeof *room);
    int err;

    if (k == NULL || k->what < USHER_READ_TICKETS || k->what > USHER_READ_METRICS)
        return USHER_EINVAL;
    if (k->what == USHER_READ_WHAT_IF && k->queue == NULL)
        return USHER_EINVAL;
    if (k->what > USHER_READ_TICKETS && k->what < USHER_READ_WHAT_IF && k->ticket == 0)
        return USHER_EINVAL;
    if (!instant(k->from_at) || !instant(k->to_at) || (k->to_at != 0 && k->to_at < k->from_at))
        return USHER_EINVAL;
    if (k->what == USHER_READ_WHY_DUE &&
        (k->promise < USHER_PROMISE_ACK || k->promise > USHER_PROMISE_RESOLVE))
        return USHER_EINVAL;
    if (k->queue != NULL && k->queue->engine != e)
        return USHER_EINVAL;
    if ((k->states & ~((1u << USHER_STATES) - 2u)) != 0)
        return USHER_EINVAL;
    if (k->limit > USHER_ROWS_MAX ||
        (k->policy != NULL && strnlen(k->policy, USHER_POLICY_MAX + 1) > USHER_POLICY_MAX))
        return USHER_ELIMIT;
    err = name_or_null(k->requester);
    if (err == 0)
        err = name_or_null(k->agent);
    if (err == 0)
        err = name_or_null(k->symptom);
    *known = k;
    return err;
}

int usher__arg_standing(const usher_standing *out)
{
    if (out == NULL || out->size < sizeof out->size || out->size > sizeof *out + LATER_MAX)
        return USHER_EINVAL;
    return 0;
}

/* A later version's fields are zero: it would call that their default. */
void usher__give_standing(usher_standing *out, const usher_standing *s)
{
    uint64_t size = out->size;
    size_t given = size < sizeof *s ? (size_t)size : sizeof *s;

    memcpy(out, s, given);
    memset((char *)out + given, 0, (size_t)size - given);
    out->size = size;
}
