/* Errors and names as text: total over int, static strings. */
#include <usher/usher.h>

#include "core/error.h"
#include "core/ticket.h"

const char *usher__err_text(int err)
{
    switch (err) {
    case USHER_OK:
        return "no error";
#define X(name, code, text)                                                                        \
    case USHER_##name:                                                                             \
        return text;
        USHER_ERROR_MAP(X)
#undef X
    default:
        return NULL;
    }
}

const char *usher__err_name(int err)
{
    switch (err) {
    case USHER_OK:
        return "USHER_OK";
#define X(name, code, text)                                                                        \
    case USHER_##name:                                                                             \
        return "USHER_" #name;
        USHER_ERROR_MAP(X)
#undef X
    default:
        return NULL;
    }
}

static const char *const states[] = {NULL,     "scheduled", "waiting",  "claimed", "offered",
                                     "paused", "stuck",     "resolved", "closed",  "withdrawn"};
static const char *const promises[] = {NULL, "ack", "answer", "update", "resolve"};
static const char *const priorities[] = {NULL, "low", "normal", "high", "urgent"};
static const char *const events[] = {
    [USHER_EV_ENQUEUED] = "enqueued",
    [USHER_EV_JOINED] = "joined",
    [USHER_EV_STARTED] = "started",
    [USHER_EV_CLAIMED] = "claimed",
    [USHER_EV_ACKNOWLEDGED] = "acknowledged",
    [USHER_EV_RECEIPT] = "receipt",
    [USHER_EV_UPDATED] = "updated",
    [USHER_EV_EXTENDED] = "extended",
    [USHER_EV_RELEASED] = "released",
    [USHER_EV_PAUSED] = "paused",
    [USHER_EV_RESUMED] = "resumed",
    [USHER_EV_PAUSE_ENDED] = "pause_ended",
    [USHER_EV_REMINDED] = "reminded",
    [USHER_EV_RESOLVED] = "resolved",
    [USHER_EV_FAILED] = "failed",
    [USHER_EV_STUCK] = "stuck",
    [USHER_EV_LEASE_EXPIRED] = "lease_expired",
    [USHER_EV_KEEP_ENDED] = "keep_ended",
    [USHER_EV_ASKED] = "asked",
    [USHER_EV_REPLIED] = "replied",
    [USHER_EV_CONFIRMED] = "confirmed",
    [USHER_EV_REOPENED] = "reopened",
    [USHER_EV_LEFT] = "left",
    [USHER_EV_WITHDRAWN] = "withdrawn",
    [USHER_EV_CLOSED] = "closed",
    [USHER_EV_REVIVED] = "revived",
    [USHER_EV_ESCALATED] = "escalated",
    [USHER_EV_REPRIORITISED] = "reprioritised",
    [USHER_EV_MOVED] = "moved",
    [USHER_EV_NOTED] = "noted",
    [USHER_EV_CHECK_IN] = "check_in",
    [USHER_EV_WARNED] = "warned",
    [USHER_EV_BROKEN] = "broken",
    [USHER_EV_STEPPED] = "stepped",
    [USHER_EV_NO_QUEUE] = "no_queue",
    [USHER_EV_APPLIED] = "applied",
    [USHER_EV_OFFERED] = "offered",
    [USHER_EV_RECALLED] = "recalled",
    [USHER_EV_DECLINED] = "declined",
    [USHER_EV_QUEUE_DEFINED] = "queue_defined",
    [USHER_EV_QUEUE_HELD] = "queue_held",
    [USHER_EV_ROOM] = "room",
    [USHER_EV_AGENT_GONE] = "agent_gone",
    [USHER_EV_LOST] = "lost",
    [USHER_EV_PURGED] = "purged",
    [USHER_EV_ZONE_CHANGED] = "zone_changed",
    [USHER_EV_OFFER_EXPIRED] = "offer_expired",
    [USHER_EV_RECURRED] = "recurred",
    [USHER_EV_LINKED] = "linked",
    [USHER_EV_CAUSE_TOLD] = "cause_told",
    [USHER_EV_NO_AGENT] = "no_agent",
};

static const char *word(const char *const *words, size_t n, int value)
{
    const char *w = (size_t)value < n ? words[value] : NULL; /* [0] is NULL */

    return w != NULL ? w : "?";
}

#define WORD(words, value) word(words, sizeof(words) / sizeof((words)[0]), value)

const char *usher_name(int what, int value)
{
    const struct verb *verb;

    switch (what) {
    case USHER_NAME_STATE:
        return WORD(states, value);
    case USHER_NAME_EVENT:
        return WORD(events, value);
    case USHER_NAME_PROMISE:
        return WORD(promises, value);
    case USHER_NAME_PRIORITY:
        return WORD(priorities, value);
    case USHER_NAME_VERB:
        verb = value < VERB_RECEIPT ? usher__verb(value) : NULL;
        return verb != NULL ? verb->name : "?";
    default:
        return "?";
    }
}
