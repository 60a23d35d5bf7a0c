/* What a completion says to people. The status is for programs; this says why, of what was asked.
 */
#include <stdio.h>
#include <string.h>

#include "core/ticket.h"
#include "loop/completion.h"

static const char *reason(int kind)
{
    switch (kind) {
    case USHER_ON_REQUESTER:
        return "requester";
    case USHER_ON_THIRD_PARTY:
        return "third_party";
    default:
        return "until";
    }
}

/* The verb's name, or the call's where there is no verb. */
static const char *name_of(const struct result *r, const struct asked *a)
{
    return r->verb == 0 ? a->call : usher_name(USHER_NAME_VERB, r->verb);
}

static bool is_receipt(const struct result *r, const struct asked *a)
{
    return r->verb == USHER_ACKNOWLEDGE && a->kind == USHER_BY_MACHINE;
}

/* Whether the table refuses the verb in the ticket's state; if not, something else was wrong. */
static bool is_illegal(const struct result *r, const struct asked *a)
{
    const struct verb *verb = usher__verb(is_receipt(r, a) ? VERB_RECEIPT : r->verb);

    return verb == NULL || r->state <= 0 || r->state >= USHER_STATES ||
           verb->to[r->state - 1] == '.';
}

static void in_state(const struct result *r, const struct asked *a, char *out, size_t len)
{
    const char *name = name_of(r, a);

    if (r->verb == 0 && r->ticket == 0) {
        snprintf(out, len, "%s: the queue is held", name);
    } else if (is_illegal(r, a)) {
        const char *state = usher_name(USHER_NAME_STATE, r->state);

        snprintf(out, len, "%s: not possible in state %s", name, state);
    } else if (r->verb == USHER_PAUSE) {
        snprintf(out, len, "pause: nothing is left of the policy's pause.%s.max", reason(a->kind));
    } else if (r->verb == USHER_RESUME) {
        snprintf(out, len, "resume: it is not paused for that reason");
    } else if (r->verb == USHER_HAND_OFF) {
        snprintf(out, len, "hand_off: to the holder, or to an agent that has gone");
    } else if (r->verb == USHER_LINK) {
        snprintf(out, len, "link: the cause is the ticket itself, or not open; or it has none");
    } else {
        const char *late = r->state == USHER_CLOSED ? ", or it is later than reopen_within" : "";

        snprintf(out, len, "%s: who is not one of the ticket's persons%s", name, late);
    }
}

static void wrong_now(const struct result *r, const struct asked *a, char *out, size_t len)
{
    const char *name = name_of(r, a);
    long long at = a->at;

    if (!a->has_op)
        snprintf(out, len, "%s: the instant %lld has passed", name, at);
    else if (at == 0)
        snprintf(out, len, "%s: this op was used with other arguments", name);
    else
        snprintf(out, len, "%s: this op was used with other arguments, or %lld has passed", name,
                 at);
}

static void too_large(const struct result *r, const struct asked *a, char *out, size_t len)
{
    const char *name = name_of(r, a);

    if (r->verb == USHER_LINK)
        snprintf(out, len, "link: over %d tickets have that cause", USHER_LINKS_MAX);
    else if (r->verb != 0)
        snprintf(out, len, "%s: over %d pauses and reopens", name, USHER_PAUSES_MAX);
    else
        snprintf(out, len, "%s: over %d persons or %d needs", name, USHER_PERSONS_MAX,
                 USHER_NEEDS_MAX);
}

/* What there is to say of something that went well. */
static void clipped(const struct result *r, const struct asked *a, char *out, size_t len)
{
    out[0] = '\0';
    if ((r->outcome & USHER_WAS_ESCALATED) != 0)
        snprintf(out, len, "hand_off: over the policy's handoff.hops: escalated instead");
    else if ((r->outcome & USHER_WAS_CLIPPED) != 0 && r->verb == USHER_PAUSE)
        snprintf(out, len, "pause: clipped to the policy's pause.%s.max", reason(a->kind));
    else if ((r->outcome & USHER_WAS_CLIPPED) != 0)
        snprintf(out, len, "%s: clipped to the policy's lease.max", name_of(r, a));
    else if (r->ticket != 0)
        return;
    else if (strcmp(a->call, "purge") == 0)
        snprintf(out, len, "purge: %llu tickets", (unsigned long long)a->n);
    else if (strcmp(a->call, "apply") == 0)
        snprintf(out, len, "apply: %llu tickets have version %d now", (unsigned long long)a->n,
                 (int)a->kind);
    else if (strcmp(a->call, "backup") == 0)
        snprintf(out, len, "backup: %llu pages", (unsigned long long)a->n);
}

void usher__detail(const struct result *r, const struct asked *a, char *out, size_t len)
{
    switch (r->status) {
    case USHER_OK:
        clipped(r, a, out, len);
        break;
    case USHER_ENOENT:
        snprintf(out, len, "%s: there is no ticket %llu, or it is no longer kept", name_of(r, a),
                 (unsigned long long)(r->state == 0 ? r->ticket : a->n));
        break;
    case USHER_ESTALE:
        snprintf(out, len, "%s: the token %llu is stale: the claim has ended", name_of(r, a),
                 (unsigned long long)a->token);
        break;
    case USHER_ESTATE:
        in_state(r, a, out, len);
        break;
    case USHER_EINVAL:
        wrong_now(r, a, out, len);
        break;
    case USHER_ELIMIT:
        too_large(r, a, out, len);
        break;
    default:
        snprintf(out, len, "%s: %s", name_of(r, a), usher_strerror(r->status));
        break;
    }
}
