/* Everything at once: calls that nobody waits for.
 *
 *     storm [--seed N] [--services N | --times N]
 *
 * The other runs let each command settle before the next one, so that they can say exactly what it must do. Here
 * commands on tickets that have left memory, pages, purges, subscribers and a disk that is full meet each other on
 * their way, as the store's thread happens to go; the ledger knows what none of that may do. Every call must be
 * answered, and what is left must be the same before and after the service is closed and opened again.
 *
 * A seed draws the calls; what the thread does meanwhile it does not draw. Who wants to see a failure again gives its
 * seed and --times: it is run so often. */
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/disk.h"
#include "faults/shim.h"
#include "ledger.h"
#include "sim/policy.h"

enum {
    CALLS = 160,       /* of one service */
    PATIENCE_MS = 60000, /* in which something must be answered */
    BODY_MAX = 3000,
    LINES = 64, /* of what was done last */
    LINE_LEN = 160
};

enum { CALL_ENQUEUE, CALL_COMMAND, CALL_CLAIM, CALL_BODY, CALL_HISTORY, CALL_TICKETS, CALL_PURGE, CALL_KINDS };
static const char *const kinds[CALL_KINDS] = {"enqueue", "command", "claim", "body", "history", "tickets", "purge"};
static const char *const people[PEOPLE] = {"ada", "bo", "cy", "di"};

struct call {
    int kind;
    bool told, closes, opens, was_over;
    usher_id ticket;
    uint64_t no, body;
    int64_t at;
    uint32_t requester, purge, verb;
};

static struct {
    struct ledger ledger;
    struct dice dice;
    struct disk *disk;
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_queue_t *q;
    usher_agent_t *a;
    usher_options options;
    uint64_t seed, bodies, seq, followed;
    struct call call[CALLS];
    usher_claim held[LEDGER_TICKETS + 1];
    uint32_t calls_n, outstanding, unread_n;
    bool closed, closing, follows, sums_up;
    bool small, full, was_full; /* the disk: it may become full, it is, the service may still think so */
    uint64_t erased;
    /* of a ticket that is looked at, at the end */
    int status;
    uint64_t events_n, cursor;
    uint64_t sum;
    char line[LINES][LINE_LEN];
    uint64_t lines_n;
} storm;

static struct {
    uint64_t services, calls, purges, erased, full, events, followed;
} count;

/* ---- what is wrong ------------------------------------------------------------------------------------------------ */

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(storm.line[storm.lines_n++ % LINES], LINE_LEN, format, args);
    va_end(args);
}

__attribute__((format(printf, 1, 2), noreturn)) static void wrong(const char *format, ...)
{
    uint64_t first = storm.lines_n > LINES ? storm.lines_n - LINES : 0;
    va_list args;

    for (uint64_t i = first; i < storm.lines_n; i++)
        fprintf(stderr, "  %s\n", storm.line[i % LINES]);
    for (uint32_t i = 0; i < storm.calls_n; i++) {
        if (!storm.call[i].told)
            fprintf(stderr, "  not answered: call %u, %s, ticket %" PRIu64 "\n", i, kinds[storm.call[i].kind],
                    storm.call[i].ticket);
    }
    va_start(args, format);
    fprintf(stderr, "storm: ");
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nagain: storm --seed %" PRIu64 " --times 100\n", storm.seed);
    exit(1);
}

static uint32_t below(uint32_t n)
{
    return dice_below(&storm.dice, n);
}

static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

static int64_t now(void)
{
    return usher_now(storm.u);
}

/* ---- bodies: each its own, known from its number ----------------------------------------------------------------- */

static usher_text body_of(uint64_t number)
{
    static char bytes[BODY_MAX];
    struct dice d = dice_of(storm.seed ^ UINT64_C(0xb0d1e5), (uint32_t)number, DICE_ALL);
    uint32_t len = 1 + dice_below(&d, dice_below(&d, 3) == 0 ? BODY_MAX : 40);

    for (uint32_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + dice_draw(&d) % 26);
    return (usher_text){bytes, len};
}

static bool is_body(usher_text text, uint64_t number)
{
    usher_text is = body_of(number);

    return text.len == is.len && memcmp(text.data, is.data, is.len) == 0;
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

static struct call *answered(void *user)
{
    struct call *c = user;

    if (c->told)
        wrong("call %d is answered twice", (int)(c - storm.call));
    c->told = true;
    storm.outstanding--;
    storm.ledger.no++;
    if (c->ticket != 0) {
        storm.ledger.ticket[c->ticket].closing -= c->closes;
        storm.ledger.ticket[c->ticket].opening -= c->opens;
    }
    return c;
}

static void look_at(const struct call *c, int status, int32_t state)
{
    struct ticket *t = &storm.ledger.ticket[c->ticket];

    say("  told call %d: %s of %" PRIu64 ": %s, %s", (int)(c - storm.call), kinds[c->kind], c->ticket,
        usher_err_name(status), usher_name(USHER_NAME_STATE, state));
    if (status == USHER_ENOENT) {
        if (c->kind == CALL_CLAIM && c->was_over) /* not there for claims, once it has left memory */
            return;
        if (!ledger_may_be_gone(&storm.ledger, c->ticket, now()))
            wrong("ticket %" PRIu64 " is lost", c->ticket);
        ledger_gone(&storm.ledger, c->ticket);
    } else if (status == USHER_ECANCELED && storm.closing) {
        return;
    } else if (ledger_must_be_gone(&storm.ledger, c->ticket, c->no)) {
        wrong("ticket %" PRIu64 " is there though it was purged: %s", c->ticket, usher_err_name(status));
    } else if (state != 0) {
        if (t->gone_no != 0 && t->closing == 0 && !ledger_is_over(state))
            wrong("ticket %" PRIu64 " has come back", c->ticket);
        ledger_state(&storm.ledger, c->ticket, state, c->no, c->at, now());
    }
}

static void on_enqueued(usher_t *u, const usher_done *d, void *user)
{
    struct call *c = answered(user);
    struct ledger *l = &storm.ledger;

    (void)u;
    if (d->status != USHER_OK || d->ticket != l->last + 1)
        wrong("enqueue: %s, ticket %" PRIu64, usher_err_name(d->status), d->ticket);
    l->last = d->ticket;
    l->ticket[d->ticket] = (struct ticket){.requester = c->requester, .body = c->body};
    say("  told call %d: enqueued %" PRIu64 " for %s", (int)(c - storm.call), d->ticket, people[c->requester]);
    ledger_state(l, d->ticket, d->state, c->no, c->at, now());
}

static void on_done(usher_t *u, const usher_done *d, void *user)
{
    struct call *c = answered(user);

    (void)u;
    if (d->status != USHER_OK && d->status != USHER_ESTATE && d->status != USHER_ESTALE && d->status != USHER_EINVAL &&
        d->status != USHER_ENOENT && !(d->status == USHER_ECANCELED && storm.closing))
        wrong("call %d, verb %u: %s", (int)(c - storm.call), c->verb, usher_err_name(d->status));
    look_at(c, d->status, d->state);
}

static void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct call *c = answered(user);

    (void)a;
    if (status != USHER_OK && status != USHER_ESTATE && status != USHER_ENOENT && status != USHER_ECANCELED)
        wrong("call %d, claim: %s", (int)(c - storm.call), usher_err_name(status));
    look_at(c, status, status == USHER_OK ? USHER_CLAIMED : 0);
    if (status != USHER_OK)
        return;
    if (n != 1 || w->claim.ticket != c->ticket || !is_body(w->body, storm.ledger.ticket[c->ticket].body))
        wrong("ticket %" PRIu64 " was claimed with another body", c->ticket);
    storm.held[c->ticket] = w->claim;
}

static void check_history(usher_id id, const usher_page *p, uint64_t after)
{
    for (uint64_t i = 0; i < p->n; i++) {
        const usher_event *e = &p->events[i];

        if (e->ticket != id || e->ticket_seq != after + i + 1 || (e->ticket_seq == 1) != (e->kind == USHER_EV_ENQUEUED))
            wrong("the history of %" PRIu64 " has a hole after %" PRIu64, id, after + i);
    }
}

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct call *c = answered(user);

    (void)u;
    if (status != USHER_OK && status != USHER_ENOENT && !(status == USHER_ECANCELED && storm.closing))
        wrong("call %d, %s: %s", (int)(c - storm.call), kinds[c->kind], usher_err_name(status));
    if (c->kind == CALL_TICKETS)
        return;
    look_at(c, status, 0);
    if (status == USHER_OK && c->kind == CALL_BODY && !is_body(p->text, storm.ledger.ticket[c->ticket].body))
        wrong("ticket %" PRIu64 " has another body", c->ticket);
    if (status == USHER_OK && c->kind == CALL_HISTORY)
        check_history(c->ticket, p, 0);
}

static void on_purged(usher_t *u, const usher_done *d, void *user)
{
    struct call *c = answered(user);
    uint64_t least, most, n = 0;

    (void)u;
    say("  told call %d: purge: %s, %s", (int)(c - storm.call), usher_err_name(d->status),
        d->detail.len > 0 ? d->detail.data : "");
    ledger_purged(&storm.ledger, c->purge, d->status);
    if (d->status != USHER_OK) {
        bool cut_short = d->status == USHER_EUNKNOWN || (storm.closing && d->status == USHER_ECANCELED) ||
                         (storm.was_full && d->status == USHER_ESTORE);

        if (!cut_short || (!storm.closing && !storm.was_full))
            wrong("purge: %s", usher_err_name(d->status));
        storm.sums_up = false;
        return;
    }
    if (d->detail.len == 0 || sscanf(d->detail.data, "purge: %" SCNu64, &n) != 1)
        wrong("a purge does not say how many");
    ledger_bounds(&storm.ledger, c->purge, &least, &most);
    if (n < least || n > most)
        wrong("a purge erased %" PRIu64 " tickets, not %" PRIu64 " to %" PRIu64, n, least, most);
    storm.erased += n;
}

static void on_failed(usher_t *u, int status, usher_text why, void *user)
{
    (void)u, (void)user;
    wrong("the store has failed: %s, %s", usher_err_name(status), why.data);
}

static void on_trace(usher_t *u, const char *line, void *user)
{
    (void)u, (void)user;
    if (strncmp(line, "the store", 9) == 0)
        say("  %s", line);
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

static void on_event(usher_t *u, const usher_event *e, void *user)
{
    (void)u, (void)user;
    if (storm.seq != 0 && e->seq != storm.seq + 1)
        wrong("event %" PRIu64 " comes after %" PRIu64, e->seq, storm.seq);
    storm.seq = e->seq;
    if (e->kind == USHER_EV_ROOM)
        storm.was_full = storm.full;
    count.events++;
}

static void on_follow(usher_t *u, const usher_event *e, void *user)
{
    (void)user;
    if (e->seq <= storm.followed)
        wrong("event %" PRIu64 " is told to a follower after %" PRIu64, e->seq, storm.followed);
    storm.followed = e->seq;
    count.followed++;
    if (!storm.closing && usher_event_done(u, "slow", e->seq) != USHER_OK)
        wrong("usher_event_done");
}

static void follow(void)
{
    if (storm.follows && usher_unsubscribe(storm.u, on_follow, NULL) != USHER_OK)
        wrong("usher_unsubscribe");
    storm.follows = !storm.follows;
    if (storm.follows && usher_subscribe(storm.u, "slow", 0, on_follow, NULL) != USHER_OK)
        wrong("usher_subscribe");
    say("%s", storm.follows ? "subscribe" : "unsubscribe");
}

/* ---- calls -------------------------------------------------------------------------------------------------------- */

static struct call *new_call(int kind, usher_id ticket)
{
    struct call *c = &storm.call[storm.calls_n++];

    *c = (struct call){.kind = kind, .ticket = ticket, .no = ++storm.ledger.no, .at = now()};
    storm.outstanding++;
    count.calls++;
    return c;
}

static void accepted(const struct call *c, int r)
{
    say("call %d: %s %u of %" PRIu64, (int)(c - storm.call), kinds[c->kind], c->verb, c->ticket);
    if (r != USHER_OK)
        wrong("call %d, %s: %s", (int)(c - storm.call), kinds[c->kind], usher_err_name(r));
}

/* Mostly one of a few, so that much happens to the same. */
static usher_id any_ticket(void)
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
    int status;

    c->requester = below(PEOPLE);
    c->body = storm.bodies++;
    r.requester = people[c->requester];
    r.body = body_of(c->body);
    status = usher_enqueue(storm.q, &r, on_enqueued, c);
    if (status == USHER_EFULL && storm.was_full) {
        c->told = true;
        storm.outstanding--;
        return;
    }
    accepted(c, status);
}

static void command(usher_id id, int verb)
{
    struct ticket *t = &storm.ledger.ticket[id];
    struct call *c = new_call(CALL_COMMAND, id);
    usher_command k = {.size = sizeof k, .verb = verb, .claim = {id, 0}, .who = people[t->requester]};

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

static void purge(void)
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

static void call_anything(void)
{
    static const int verbs[] = {USHER_NOTE, USHER_REOPEN, USHER_REOPEN, USHER_CONFIRM, USHER_RESOLVE, USHER_ASK};
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

/* ---- the loop ----------------------------------------------------------------------------------------------------- */

static void turn(int wait_ms)
{
    struct pollfd p = {.fd = usher_fd(storm.u), .events = POLLIN};

    (void)poll(&p, 1, wait_ms);
    if (usher_turn(storm.u) < 0)
        wrong("usher_turn");
}

static void heal(void)
{
    shim_disarm();
    storm.full = false;
}

/* Until everything has been answered. */
static void settle(void)
{
    uint32_t left = storm.outstanding;
    int waited = 0;

    heal();
    while (storm.outstanding > 0) {
        turn(10);
        waited = storm.outstanding == left ? waited + 10 : 0;
        left = storm.outstanding;
        if (waited > PATIENCE_MS)
            wrong("calls are never answered");
    }
}

static void on_closed(void *user)
{
    (void)user;
    storm.closed = true;
}

static void close_service(void)
{
    heal();
    storm.closed = false;
    storm.closing = true;
    if (usher_close(storm.u, on_closed, NULL) != USHER_OK)
        wrong("usher_close");
    for (int i = 0; !storm.closed; i++) {
        turn(10);
        if (i > PATIENCE_MS / 10)
            wrong("the service does not close");
    }
    if (storm.outstanding > 0)
        wrong("it has closed with %u calls unanswered", storm.outstanding);
    storm.closing = false;
    storm.u = NULL;
}

static void open_service(void)
{
    char err[200] = "";
    usher_options o = storm.options;
    int r;

    o.err = err;
    o.err_len = sizeof err;
    r = usher_open(&storm.u, NULL, "sqlite:/storm?vfs=storm", &o, NULL, NULL);
    if (r != USHER_OK)
        wrong("usher_open: %s: %s", usher_err_name(r), err);
    if (usher_queue(storm.u, &storm.q, "desk") != USHER_OK || usher_agent(storm.u, &storm.a, "ann", NULL, 0) != USHER_OK)
        wrong("handles");
    storm.seq = storm.followed = 0;
    storm.follows = false;
    if (usher_subscribe(storm.u, NULL, 0, on_event, NULL) != USHER_OK)
        wrong("usher_subscribe");
}

/* ---- at the end --------------------------------------------------------------------------------------------------- */

static void on_final(usher_t *u, int status, const usher_page *p, void *user)
{
    usher_id id = *(const usher_id *)user;

    (void)u;
    storm.outstanding--;
    storm.status = status;
    storm.cursor = p->cursor;
    storm.events_n = p->n;
    if (status == USHER_OK && p->events != NULL)
        storm.sum = hash_bytes(storm.sum, &p->events[p->n - 1].ticket_seq, sizeof p->events[0].ticket_seq);
    else if (status == USHER_OK && !is_body(p->text, storm.ledger.ticket[id].body))
        wrong("ticket %" PRIu64 " has another body at the end", id);
}

static int final_read(usher_id id, int32_t what, uint64_t cursor)
{
    usher_query q = {.size = sizeof q, .what = what, .ticket = id, .limit = 7, .cursor = cursor};

    storm.outstanding++;
    if (usher_read(storm.u, &q, on_final, &id) != USHER_OK)
        wrong("usher_read");
    settle();
    return storm.status;
}

/* A number for what is left; whatever may not be so is wrong. */
static uint64_t look_at_all(uint64_t *gone)
{
    struct ledger *l = &storm.ledger;

    storm.sum = *gone = 0;
    for (usher_id id = 1; id <= l->last; id++) {
        struct ticket *t = &l->ticket[id];
        int status = final_read(id, USHER_READ_BODY, 0);
        uint64_t n = 0;

        if (status == USHER_ENOENT ? !ledger_may_be_gone(l, id, now())
                                   : status != USHER_OK || ledger_must_be_gone(l, id, UINT64_MAX))
            wrong("at the end ticket %" PRIu64 ", last %s: %s", id, usher_name(USHER_NAME_STATE, t->state),
                  usher_err_name(status));
        storm.sum = hash_bytes(storm.sum, &status, sizeof status);
        if (status == USHER_ENOENT) {
            ++*gone;
            ledger_gone(l, id);
            continue;
        }
        storm.cursor = 0;
        do {
            if (final_read(id, USHER_READ_HISTORY, storm.cursor) != USHER_OK || storm.events_n == 0)
                wrong("ticket %" PRIu64 " has no history after %" PRIu64 ": %s", id, n, usher_err_name(storm.status));
            n += storm.events_n;
        } while (storm.cursor != 0);
        storm.sum = hash_bytes(storm.sum, &n, sizeof n);
    }
    return storm.sum;
}

/* What is opened again must be in the file before a purge comes by; here it is refused, and a moment later there is room,
 * sometimes before it is tried again. */
static void fill_disk(void)
{
    say("the disk is full");
    shim_fill();
    storm.full = storm.was_full = true;
    count.full++;
    for (uint32_t n = below(4); n > 0 && storm.ledger.last > 0; n--)
        command(any_ticket(), USHER_REOPEN);
    if (one_in(2))
        purge();
    turn(2);
}

/* What happens while the calls come: nothing, for the most part. */
static void between_calls(void)
{
    if (one_in(3))
        turn((int)below(2));
    if (one_in(12))
        settle();
    if (one_in(15) && usher_manual_clock_skip(storm.clock, now() + 1 + (int64_t)below(1000)) != USHER_OK)
        wrong("usher_manual_clock_skip");
    if (one_in(12))
        follow();
    if (storm.small && one_in(60) && !storm.full && storm.calls_n + 12 < CALLS) {
        fill_disk();
    } else if (storm.full && one_in(4)) {
        heal();
        say("it has room");
    }
}

static void run_service(uint64_t seed)
{
    struct image none = {0};
    uint64_t before, gone;

    storm.seed = seed;
    storm.dice = dice_of(seed, 0, DICE_ALL);
    storm.lines_n = storm.calls_n = 0;
    storm.bodies = storm.erased = 0;
    storm.sums_up = true;
    memset(&storm.ledger, 0, sizeof storm.ledger);
    memset(storm.held, 0, sizeof storm.held);
    disk_load(storm.disk, &none);
    if (usher_manual_clock_new(&storm.clock, INT64_C(1700000000000)) != USHER_OK)
        wrong("usher_manual_clock_new");
    storm.options = (usher_options){.size = sizeof storm.options,
                                    .clock = usher_manual_clock_get(storm.clock),
                                    .on_failed = on_failed,
                                    .trace = on_trace,
                                    .keep_closed = 1 + below(4),
                                    .history_bytes = one_in(2) ? 4096 : 0};
    storm.small = one_in(6);
    storm.was_full = false;
    open_service();
    while (storm.calls_n + 4 < CALLS) {
        call_anything();
        between_calls();
    }
    if (one_in(2) && !storm.was_full) { /* in the middle of it; on a full disk nobody knows what becomes of it */
        close_service();
        open_service();
    }
    settle();
    before = look_at_all(&gone);
    if (storm.sums_up && gone != storm.erased)
        wrong("%" PRIu64 " tickets are gone, purges have erased %" PRIu64, gone, storm.erased);
    close_service();
    open_service();
    if (look_at_all(&gone) != before)
        wrong("it is another one when it is opened again");
    close_service();
    usher_manual_clock_free(storm.clock);
    count.services++;
    count.erased += storm.erased;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, services = 1000, times = 1;

    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t n = strtoull(argv[i + 1], NULL, 10);

        if (strcmp(argv[i], "--seed") == 0)
            seed = n;
        else if (strcmp(argv[i], "--services") == 0)
            services = n;
        else if (strcmp(argv[i], "--times") == 0)
            times = n;
        else
            argc = 0;
    }
    if (argc % 2 == 0) {
        fprintf(stderr, "usage: storm [--seed N] [--services N | --times N]\n");
        return 2;
    }
    if (times > 1)
        services = 1;
    storm.disk = disk_new("honest", DISK_HONEST);
    shim_register("storm", "honest", false);
    for (uint64_t i = 0; i < services; i++) {
        for (uint64_t k = 0; k < times; k++)
            run_service(seed + i);
    }
    disk_free(storm.disk);
    printf("storm: %" PRIu64 " services, %" PRIu64 " calls, %" PRIu64 " purges, %" PRIu64 " tickets erased, disk full %" PRIu64
           " times, %" PRIu64 " events, %" PRIu64 " followed\n",
           count.services, count.calls, count.purges, count.erased, count.full, count.events,
           count.followed);
    return 0;
}
