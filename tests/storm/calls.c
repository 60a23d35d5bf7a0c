/* Calls, and their bodies. */
#include <string.h>

#include "storm.h"

const char *const people[PEOPLE] = {"ada", "bo", "cy", "di"};

/* ---- bodies: each its own, known from its number --------------------------------------------- */

usher_text body_of(uint64_t number)
{
    static char bytes[BODY_MAX];
    struct dice d = dice_of(storm.seed ^ UINT64_C(0xb0d1e5), (uint32_t)number, DICE_ALL);
    uint32_t len = 1 + dice_below(&d, dice_below(&d, 3) == 0 ? BODY_MAX : 40);

    for (uint32_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + dice_draw(&d) % 26);
    return (usher_text){bytes, len};
}

bool is_body(usher_text text, uint64_t number)
{
    usher_text is = body_of(number);

    return text.len == is.len && memcmp(text.data, is.data, is.len) == 0;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static struct call *new_call(int kind, usher_id ticket)
{
    struct call *c = &storm.call[storm.calls_n++];

    *c = (struct call){.kind = kind, .ticket = ticket, .no = ++storm.ledger.no, .at = now()};
    storm.outstanding++;
    count.calls++;
    return c;
}

static void accepted(struct call *c, int r)
{
    say("call %d: %s %u of %" PRIu64 "%s", (int)(c - storm.call), kinds[c->kind], c->verb,
        c->ticket, r != USHER_OK ? ", refused" : "");
    if (r == USHER_OK)
        return;
    if (!refuses(r))
        wrong("call %d, %s: %s", (int)(c - storm.call), kinds[c->kind], usher_err_name(r));
    (void)answered(c); /* there will be none */
    if (c->kind == CALL_PURGE)
        ledger_purged(&storm.ledger, c->purge, r);
}

/* Every other time one of the latest, so that much happens to the same. */
usher_id any_ticket(void)
{
    usher_id last = storm.ledger.last;

    if (last == 0)
        return 0;
    return one_in(2) ? 1 + below((uint32_t)last) : last - below((uint32_t)(last < 4 ? last : 4));
}

static void enqueue(void)
{
    struct call *c = new_call(CALL_ENQUEUE, 0);
    usher_request r = USHER_INIT(usher_request);

    c->requester = below(PEOPLE);
    c->body = storm.bodies++;
    r.requester = people[c->requester];
    r.body = body_of(c->body);
    accepted(c, usher_enqueue(storm.q, &r, on_enqueued, c));
}

void command(usher_id id, int verb)
{
    struct ticket *t = &storm.ledger.ticket[id];
    struct call *c = new_call(CALL_COMMAND, id);
    usher_command k = {
        .size = sizeof k, .verb = verb, .claim = {id, 0}, .who = people[t->requester]};

    c->verb = (uint32_t)verb;
    c->closes = verb == USHER_CONFIRM || verb == USHER_WITHDRAW;
    c->opens = verb == USHER_REOPEN;
    t->closing += c->closes;
    t->opening += c->opens;
    if (c->opens)
        t->opener_no = c->no;
    if (verb == USHER_RESOLVE)
        k.claim = storm.held[id];
    if (k.claim.ticket == 0)
        k.claim = (usher_claim){id, 1};
    accepted(c, usher_act(storm.u, &k, on_done, c));
}

static void claim(usher_id id)
{
    const struct ticket *t = &storm.ledger.ticket[id];
    struct call *c = new_call(CALL_CLAIM, id);

    c->was_over = t->over || t->closing > 0 || t->opening > 0;
    accepted(c, usher_claim_ticket(storm.a, id, NULL, on_work, c));
}

static void page(int kind, usher_id id)
{
    struct call *c = new_call(kind, id);
    usher_query q = {.size = sizeof q,
                     .what = kind == CALL_BODY      ? USHER_READ_BODY
                             : kind == CALL_HISTORY ? USHER_READ_HISTORY
                                                    : USHER_READ_TICKETS,
                     .ticket = id,
                     .limit = 1 + below(20)};

    accepted(c, usher_read(storm.u, &q, on_page, c));
}

void purge(void)
{
    struct call *c;
    uint32_t who = one_in(2) ? PEOPLE : below(PEOPLE);
    int64_t before = one_in(3) ? now() - (int64_t)below(2000) : 0;

    if (storm.ledger.purges_n == LEDGER_PURGES)
        return;
    c = new_call(CALL_PURGE, 0);
    c->purge = ledger_purge(&storm.ledger, before, who);
    count.purges++;
    accepted(c, usher_purge(storm.u, before, who == PEOPLE ? NULL : people[who], on_purged, c));
}

/* All that it takes to close one, in one breath. */
static void close_one(usher_id id)
{
    if (one_in(2)) {
        command(id, USHER_WITHDRAW);
        return;
    }
    claim(id);
    command(id, USHER_RESOLVE); /* with whatever claim is known: so it often is refused */
    command(id, USHER_CONFIRM);
}

void call_anything(void)
{
    static const int verbs[] = {USHER_NOTE,    USHER_REOPEN,  USHER_REOPEN,
                                USHER_CONFIRM, USHER_RESOLVE, USHER_ASK};
    usher_id id = any_ticket();

    if (id == 0 || (storm.ledger.last + storm.outstanding < LEDGER_TICKETS && one_in(4))) {
        enqueue();
        return;
    }
    switch (below(9)) {
    case 0:
        close_one(id);
        break;
    case 1:
        claim(id);
        break;
    case 2:
        page(CALL_BODY, id);
        break;
    case 3:
        page(CALL_HISTORY, id);
        break;
    case 4:
        page(CALL_TICKETS, 0);
        break;
    case 5:
        purge();
        break;
    default:
        command(id, verbs[below(sizeof verbs / sizeof verbs[0])]);
        break;
    }
}

void follow(void)
{
    int r = storm.follows ? usher_unsubscribe(storm.u, on_follow, NULL)
                          : usher_subscribe(storm.u, "slow", 0, on_follow, NULL);

    if (r != USHER_OK && !refuses(r))
        wrong("%s: %s", storm.follows ? "unsubscribe" : "subscribe", usher_err_name(r));
    storm.follows ^= r == USHER_OK;
    say("%s", storm.follows ? "subscribed" : "unsubscribed");
}
