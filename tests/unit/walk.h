/* A long random walk of a desk through the public API: people come, join, chase, refuse and
 * leave; agents claim, ask, offer, fail, go and come back; time passes. The same one each time,
 * for it draws from a fixed seed; whoever includes this looks at what is told. */
#ifndef USHER_UNIT_WALK_H
#define USHER_UNIT_WALK_H

#include <stdbool.h>

#include "rules.h"

#include "core/ticket.h"

enum { TICKETS = 200000, NEAR = 24 };

struct walk {
    struct service *s;
    usher_queue_t *queues[3];
    usher_agent_t *agents[3];
    uint64_t seed;
    usher_id newest;
    bool time_passes;        /* what is told now, no command has caused */
    uint8_t state[TICKETS];
    uint64_t token[TICKETS]; /* of the latest claim */
    void (*on_event)(struct walk *w, const usher_event *e); /* `state` is what it was before */
    void (*act)(struct walk *w, const usher_command *c);    /* makes the call; NULL: usher_act() */
    void *user;
};

static inline uint32_t draw(struct walk *w, uint32_t n)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return (uint32_t)((w->seed >> 20) % n);
}

static inline void on_walked(usher_t *u, const usher_event *e, void *user)
{
    struct walk *w = user;

    (void)u;
    if (e->ticket == 0 || e->ticket >= TICKETS)
        return;
    if (e->ticket > w->newest)
        w->newest = e->ticket;
    w->on_event(w, e);
    w->state[e->ticket] = (uint8_t)e->state;
}

static inline void on_taken(usher_agent_t *a, int status, const usher_work *work, size_t n,
                            void *user)
{
    struct walk *w = user;

    (void)a, (void)status;
    for (size_t i = 0; i < n; i++)
        w->token[work[i].claim.ticket] = work[i].claim.token;
}

static inline usher_id some_ticket(struct walk *w)
{
    return w->newest < NEAR ? 1 + draw(w, NEAR) : w->newest - draw(w, NEAR);
}

static inline const char *somebody(struct walk *w)
{
    static const char *const names[] = { "ada", "bea", "cleo" };

    return names[draw(w, 3)];
}

static inline void come(struct walk *w)
{
    static const char *const keys[] = { "k", "l", NULL }, *const symptoms[] = { "jams", "noise",
                                                                                NULL };
    static const char *const welding = "welding";
    usher_request r = USHER_INIT(usher_request);

    r.requester = somebody(w);
    r.dedup_key = keys[draw(w, 3)];
    r.symptom = symptoms[draw(w, 3)];
    r.priority = (int32_t)draw(w, 5);
    r.start_at = draw(w, 3) == 0 ? wall(w->s) + (int64_t)draw(w, 3) * HOUR : 0;
    r.needs = &welding;
    r.needs_n = draw(w, 8) == 0;
    usher_enqueue(w->queues[draw(w, 3)], &r, NULL, NULL);
}

static inline void take(struct walk *w)
{
    usher_agent_t *a = w->agents[draw(w, 3)];

    if (draw(w, 2) == 0)
        usher_claim_next(a, w->queues[draw(w, 3)], 0, on_taken, w);
    else
        usher_claim_ticket(a, some_ticket(w), NULL, on_taken, w);
}

static inline void say(struct walk *w)
{
    static const int verbs[] = {
        USHER_ACKNOWLEDGE,  USHER_UPDATE,   USHER_EXTEND,   USHER_RELEASE,  USHER_PAUSE,
        USHER_PAUSE,        USHER_RESUME,   USHER_RESOLVE,  USHER_RESOLVE,  USHER_FAIL,
        USHER_FAIL,         USHER_HAND_OFF, USHER_HAND_OFF, USHER_ASK,      USHER_REPLY,
        USHER_CONFIRM,      USHER_REOPEN,   USHER_REOPEN,   USHER_WITHDRAW, USHER_REVIVE,
        USHER_RECALL,       USHER_RECALL,   USHER_RECALL,   USHER_DECLINE,  USHER_ESCALATE,
        USHER_REPRIORITISE, USHER_MOVE,     USHER_NOTE,     USHER_LINK
    };
    usher_command c = USHER_INIT(usher_command);

    c.claim.ticket = some_ticket(w);
    if (w->state[c.claim.ticket] == 0)
        return;
    do {
        c.verb = verbs[draw(w, sizeof verbs / sizeof *verbs)];
    } while (usher__verb(c.verb)->to[w->state[c.claim.ticket] - 1] == '.' && draw(w, 50) != 0);
    c.claim.token = usher__verb(c.verb)->needs_token ? w->token[c.claim.ticket] : 0;
    c.text = (usher_text)USHER_TEXT("because");
    if (usher__verb(c.verb)->by == BY_REQUESTER)
        c.who = somebody(w);
    if (c.verb == USHER_REPRIORITISE || c.verb == USHER_PAUSE || c.verb == USHER_RESOLVE)
        c.kind = 1 + (int32_t)draw(w, 3);
    if (c.verb == USHER_PAUSE && (c.kind == USHER_UNTIL || draw(w, 2) == 0))
        c.at = wall(w->s) + HOUR;
    if (c.verb == USHER_HAND_OFF && draw(w, 2) == 0)
        c.agent = w->agents[draw(w, 3)];
    else if (c.verb == USHER_HAND_OFF || c.verb == USHER_MOVE)
        c.queue = w->queues[draw(w, 3)];
    if (c.verb == USHER_LINK)
        c.other = draw(w, 2) == 0 ? some_ticket(w) : 0;
    if (w->act != NULL)
        w->act(w, &c);
    else
        usher_act(w->s->u, &c, NULL, NULL);
}

static inline void come_and_go(struct walk *w)
{
    static const char *const welding = "welding";
    uint32_t which = draw(w, 3);

    usher_agent_gone(w->agents[which], NULL, NULL);
    usher_advance(w->s->u, wall(w->s));
    if (draw(w, 2) != 0)
        usher_agent(w->s->u, &w->agents[which], usher_agent_name(w->agents[which]), &welding,
                    draw(w, 2));
}

static inline void pass_time(struct walk *w)
{
    static const int64_t spans[] = { 1, MINUTE, 5 * MINUTE, 20 * MINUTE, 2 * HOUR, DAY };

    w->time_passes = true;
    usher_advance(w->s->u, wall(w->s) + spans[draw(w, 6)]);
    w->time_passes = false;
}

/* steps: how many. The service is open when it returns. */
static inline void walk(struct walk *w, int steps)
{
    w->seed = 88172645463325252u;
    w->s = begin("{'promises':{'ack':{'target':'1h'},'answer':{'target':'1h'},"
                 "'update':{'target':'1h'},"
                 " 'resolve':{'target':'4h'}}, 'retry':{'attempts':2,'backoff':['10m']},"
                 " 'ladder':[{'on':'ack','at':'80%','move':'workshop'},{'on':'resolve','at':'100%',"
                 "'move':'nowhere'}],"
                 " 'pause':{'requester':{'max':'2h','remind':['30m'],'then':'resolve'}},"
                 " 'aftercare':{'check_in':['1h'],'confirm_within':'4h','reopen_within':'2d'},"
                 " 'recurrence':{'cause_after':2,'cause_queue':'problems'}}");
    w->queues[0] = w->s->q;
    w->queues[1] = queue(w->s, "workshop");
    w->queues[2] = queue(w->s, "problems");
    define(w->s, w->queues[1], "{'aftercare':{'confirm_within':'0s'},'retry':{'attempts':1},"
                               "'handoff':{'hops':2},"
                               " 'promises':{'resolve':{'target':'3h'}},"
                               " 'pause':{'requester':{'max':'1h','then':'resolve'}}}");
    w->agents[0] = w->s->ann;
    w->agents[1] = w->s->bob;
    w->agents[2] = agent(w->s, "will", "welding");
    assert_int_equal(usher_subscribe(w->s->u, NULL, 0, on_walked, w), USHER_OK);
    for (int i = 0; i < steps && w->newest < TICKETS - NEAR; i++) {
        uint32_t what = draw(w, 100);

        if (what < 6)
            come(w);
        else if (what < 20)
            take(w);
        else if (what < 92)
            say(w);
        else if (what < 95)
            come_and_go(w);
        usher_advance(w->s->u, wall(w->s));
        if (what >= 95)
            pass_time(w);
        w->s->seen_n = 0;
    }
}

#endif
