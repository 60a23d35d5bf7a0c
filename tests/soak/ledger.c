/* The ledger: takes what hosts report, line by line, and says where it does not fit together.
 * See soak.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soak.h"

enum { SAID_MAX = 20 };

struct ledger ledger;

void ledger_wrong(const char *format, ...)
{
    va_list args;

    if (ledger.copy || ledger.lies) /* of liars only losses are counted */
        return;
    if (++ledger.counts.wrong > SAID_MAX)
        return;
    fprintf(stderr, "soak: era %" PRIu64 ", life %u: ", ledger.counts.eras, ledger.life);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static void lost(const struct deed *d, uint32_t op)
{
    if (ledger.copy)
        return;
    ledger.counts.lost++;
    ledger_wrong("LOST: op %u, %s of ticket %" PRIu64 ", was acknowledged in life %u", op,
                 deed_name(d), d->got_ticket, d->life);
}

static void *grown(void *p, uint64_t n, uint64_t *room, size_t size)
{
    uint64_t had = *room;

    if (n < had)
        return p;
    *room = 2 * n + 1024;
    p = realloc(p, *room * size);
    if (p == NULL) {
        fputs("soak: out of memory\n", stderr);
        exit(2);
    }
    memset((char *)p + had * size, 0, (*room - had) * size);
    return p;
}

struct told *ledger_event(uint64_t seq)
{
    ledger.events = grown(ledger.events, seq, &ledger.events_room, sizeof *ledger.events);
    return &ledger.events[seq - 1];
}

static uint64_t *token_of(uint64_t ticket)
{
    ledger.tokens = grown(ledger.tokens, ticket, &ledger.tokens_room, sizeof *ledger.tokens);
    return &ledger.tokens[ticket];
}

/* A deed that a host has said something of. */
static struct deed *deed_at(uint32_t op)
{
    if (op == 0 || op > ledger.deeds_n) {
        ledger_wrong("op %u was never meant to be", op);
        return NULL;
    }
    return &ledger.deeds[op - 1];
}

const char *deed_name(const struct deed *d)
{
    return d->what == ENQUEUE        ? "enqueue"
           : d->what == CLAIM        ? "claim"
           : d->what == CLAIM_TICKET ? "claim_ticket"
                                     : usher_name(USHER_NAME_VERB, d->what);
}

static bool is_claim(const struct deed *d)
{
    return d->what == CLAIM || d->what == CLAIM_TICKET;
}

/* ---- eras and lives -------------------------------------------------------------------------- */

void ledger_begin(int32_t level)
{
    struct counts counts = ledger.counts;
    bool lies = ledger.lies;

    ledger_free();
    ledger = (struct ledger){.counts = counts, .level = level, .lies = lies};
    ledger.counts.eras++;
}

void ledger_life(void)
{
    ledger.life++;
    ledger.counts.lives++;
    memset(ledger.last, 0, sizeof ledger.last);
    ledger.last_command = 0;
    ledger.rows_n = 0;
    ledger.tickets_n = ledger.enqueued_n = 0;
    ledger.has_figures = false;
    for (uint32_t i = 0; i < ledger.deeds_n; i++) {
        struct deed *d = &ledger.deeds[i];

        d->retried = d->retried || d->asked;
        d->asked = false;
    }
}

void ledger_free(void)
{
    free(ledger.deeds);
    free(ledger.events);
    free(ledger.tokens);
    ledger.deeds = NULL;
    ledger.events = NULL;
    ledger.tokens = NULL;
}

/* ---- deeds and what became of them ----------------------------------------------------------- */

static void take_deed(const struct line *line)
{
    uint64_t room = ledger.deeds_room;
    struct deed *d;

    ledger.deeds = grown(ledger.deeds, ledger.deeds_n, &room, sizeof *ledger.deeds);
    ledger.deeds_room = (uint32_t)room;
    d = &ledger.deeds[ledger.deeds_n++];
    *d = line->u.deed;
    d->life = line->life;
    d->stale = d->token != 0 && d->token < *token_of(d->ticket);
    ledger.counts.deeds++;
    if (line->op != ledger.deeds_n)
        ledger_wrong("op %u is written down as %u", line->op, ledger.deeds_n);
}

static void note_result(struct deed *d, const struct line *line)
{
    d->acked = true;
    d->status = line->u.result.status;
    d->state = line->u.result.state;
    d->outcome = line->u.result.outcome & ~USHER_WAS_REPEATED;
    d->got_priority = line->u.result.priority;
    d->got_ticket = line->u.result.ticket;
    d->got_token = line->u.result.token;
    d->seq = line->u.result.seq;
    d->until_at = line->u.result.until_at;
    d->rows_n = ledger.rows_n;
    memcpy(d->rows, ledger.rows, sizeof d->rows);
}

/* Tokens of a ticket only grow; one that is told again was told before. */
static void check_tokens(const struct deed *d, uint32_t op)
{
    for (uint32_t i = 0; i < d->rows_n; i++) {
        uint64_t *token = token_of(d->rows[i].ticket);

        if (d->rows[i].token <= *token && d->life == ledger.life)
            ledger_wrong("op %u: token %" PRIu64 " of ticket %" PRIu64 " after token %" PRIu64, op,
                         d->rows[i].token, d->rows[i].ticket, *token);
        if (d->rows[i].token > *token)
            *token = d->rows[i].token;
    }
}

static void take_ack(const struct line *line)
{
    struct deed *d = deed_at(line->op);

    if (d == NULL)
        return;
    if (d->acked || d->refused)
        ledger_wrong("op %u: a second callback", line->op);
    if ((line->u.result.outcome & USHER_WAS_REPEATED) != 0)
        ledger_wrong("op %u: repeated, and it is the first", line->op);
    if (!is_claim(d) && line->op < ledger.last_command)
        ledger_wrong("op %u is told after op %u", line->op, ledger.last_command);
    if (!is_claim(d))
        ledger.last_command = line->op;
    note_result(d, line);
    d->survived = true;
    ledger.rows_n = 0;
    check_tokens(d, line->op);
    if (d->status == USHER_OK && d->stale)
        ledger_wrong("op %u: done with a token that was stale", line->op);
    if (is_claim(d))
        return;
    if (line->u.result.durability != ledger.level && d->status == USHER_OK)
        ledger_wrong("op %u: level %d, not %d", line->op, line->u.result.durability, ledger.level);
    if (d->status == USHER_OK && d->seq > ledger.last[LIVE])
        ledger_wrong("op %u is told at event %" PRIu64 ", its events up to %" PRIu64 " only",
                     line->op, d->seq, ledger.last[LIVE]);
    ledger.counts.acks += d->status == USHER_OK;
}

static bool same_rows(const struct deed *d)
{
    return d->rows_n == ledger.rows_n &&
           memcmp(d->rows, ledger.rows, d->rows_n * sizeof d->rows[0]) == 0;
}

static void check_repeat(const struct deed *d, const struct line *line)
{
    bool again = (line->u.result.outcome & USHER_WAS_REPEATED) != 0;

    if (d->status != USHER_OK) /* it was refused then; it need not be now */
        return;
    if (is_claim(d)) {
        if (line->u.result.status != USHER_OK || !same_rows(d))
            lost(d, line->op);
        return;
    }
    if (!again || line->u.result.status != USHER_OK) {
        lost(d, line->op);
        return;
    }
    if (line->u.result.ticket != d->got_ticket || line->u.result.token != d->got_token ||
        line->u.result.state != d->state || line->u.result.until_at != d->until_at ||
        line->u.result.priority != d->got_priority ||
        (line->u.result.outcome & ~USHER_WAS_REPEATED) != d->outcome)
        ledger_wrong("op %u: repeated, and the result is another one", line->op);
}

static void take_repeat(const struct line *line)
{
    struct deed *d = deed_at(line->op);

    if (d == NULL)
        return;
    ledger.counts.repeats++;
    if (d->acked) {
        check_repeat(d, line);
    } else {
        d->survived = (line->u.result.outcome & USHER_WAS_REPEATED) != 0;
        note_result(d, line);
        ledger.counts.unknown++;
    }
    ledger.rows_n = 0;
    if (d->status == USHER_OK)
        check_tokens(d, line->op);
}

static void take_row(const struct line *line)
{
    if (ledger.rows_n == ROWS_MAX) {
        ledger_wrong("op %u: a claim of more tickets than it asked for", line->op);
        return;
    }
    ledger.rows[ledger.rows_n++] = (usher_claim){line->u.result.ticket, line->u.result.token};
}

/* ---- events ---------------------------------------------------------------------------------- */

/* The event that a deed is told by. */
static int kind_of(const struct deed *d)
{
    static const struct {
        int verb, kind;
    } kinds[] = {
        {ENQUEUE, USHER_EV_JOINED},           {USHER_ACKNOWLEDGE, USHER_EV_ACKNOWLEDGED},
        {USHER_UPDATE, USHER_EV_UPDATED},     {USHER_EXTEND, USHER_EV_EXTENDED},
        {USHER_RELEASE, USHER_EV_RELEASED},   {USHER_PAUSE, USHER_EV_PAUSED},
        {USHER_RESUME, USHER_EV_RESUMED},     {USHER_RESOLVE, USHER_EV_RESOLVED},
        {USHER_FAIL, USHER_EV_FAILED},        {USHER_ASK, USHER_EV_ASKED},
        {USHER_REPLY, USHER_EV_REPLIED},      {USHER_CONFIRM, USHER_EV_CONFIRMED},
        {USHER_REOPEN, USHER_EV_REOPENED},    {USHER_REVIVE, USHER_EV_REVIVED},
        {USHER_ESCALATE, USHER_EV_ESCALATED}, {USHER_REPRIORITISE, USHER_EV_REPRIORITISED},
        {USHER_MOVE, USHER_EV_MOVED},         {USHER_NOTE, USHER_EV_NOTED},
        {USHER_HAND_OFF, USHER_EV_OFFERED},   {USHER_RECALL, USHER_EV_RECALLED},
        {USHER_DECLINE, USHER_EV_DECLINED},   {USHER_LINK, USHER_EV_LINKED},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].verb == d->what)
            return kinds[i].kind;
    }
    return 0;
}

/* Kinds that timers, the policy and other commands bring about, and those that carry no text. */
static bool may_be_unmarked(int kind)
{
    switch (kind) {
    case USHER_EV_ENQUEUED:
    case USHER_EV_STARTED:
    case USHER_EV_CLAIMED:
    case USHER_EV_RELEASED:
    case USHER_EV_PAUSE_ENDED:
    case USHER_EV_REMINDED:
    case USHER_EV_RESOLVED:
    case USHER_EV_STUCK:
    case USHER_EV_LEASE_EXPIRED:
    case USHER_EV_KEEP_ENDED:
    case USHER_EV_REOPENED:
    case USHER_EV_CLOSED:
    case USHER_EV_REPRIORITISED:
    case USHER_EV_CHECK_IN:
    case USHER_EV_WARNED:
    case USHER_EV_BROKEN:
    case USHER_EV_STEPPED:
    case USHER_EV_NO_QUEUE:
    case USHER_EV_APPLIED:
    case USHER_EV_OFFER_EXPIRED:
    case USHER_EV_DECLINED: /* by going */
    case USHER_EV_RECURRED:
    case USHER_EV_LINKED:
    case USHER_EV_QUEUE_DEFINED:
    case USHER_EV_AGENT_GONE:
        return true;
    default:
        return false;
    }
}

static void check_mark(const struct line *line)
{
    struct deed *d;
    int kind = line->u.event.kind;

    if (line->op == 0) {
        if (!may_be_unmarked(kind))
            ledger_wrong("event %" PRIu64 ", %s, is nobody's", line->u.event.seq,
                         usher_name(USHER_NAME_EVENT, kind));
        return;
    }
    d = deed_at(line->op);
    if (d == NULL || (kind == USHER_EV_REMINDED && d->what == USHER_PAUSE)) /* it asks again */
        return;
    if (d->what == USHER_RESOLVE && d->ticket != line->u.event.ticket &&
        (kind == USHER_EV_CAUSE_TOLD || kind == USHER_EV_CHECK_IN)) /* to those linked to it */
        return;
    if (kind != kind_of(d) &&
        !(d->what == USHER_WITHDRAW && (kind == USHER_EV_WITHDRAWN || kind == USHER_EV_LEFT)) &&
        !(d->what == USHER_HAND_OFF && kind == USHER_EV_ESCALATED) &&
        !(d->what == USHER_RESOLVE && kind == USHER_EV_UPDATED &&
          line->u.event.how == USHER_AS_WORKAROUND))
        ledger_wrong("event %" PRIu64 ", %s, is told of op %u, %s", line->u.event.seq,
                     usher_name(USHER_NAME_EVENT, kind), line->op, deed_name(d));
    if (d->what != ENQUEUE && d->ticket != line->u.event.ticket)
        ledger_wrong("event %" PRIu64 " is of another ticket than op %u", line->u.event.seq,
                     line->op);
    if (d->told_seq != 0 && d->told_seq != line->u.event.seq)
        ledger_wrong("op %u was done twice: events %" PRIu64 " and %" PRIu64, line->op, d->told_seq,
                     line->u.event.seq);
    if (d->refused || (d->acked && d->status != USHER_OK))
        ledger_wrong("op %u was refused, and event %" PRIu64 " tells of it", line->op,
                     line->u.event.seq);
    d->told_seq = line->u.event.seq;
}

static bool is_same(const struct told *e, const struct line *line)
{
    return e->hash == line->u.event.hash && e->ticket == line->u.event.ticket &&
           e->ticket_seq == line->u.event.ticket_seq && e->op == line->op;
}

/* In order and without a hole; the durable one goes on where it was done. */
static void check_order(int sub, uint64_t seq)
{
    uint64_t last = ledger.last[sub];

    if (last != 0 && seq != last + 1)
        ledger_wrong("event %" PRIu64 " is told after event %" PRIu64, seq, last);
    if (last == 0 && sub == DURABLE &&
        (seq > ledger.done_seq + 1 || (ledger.clean && seq < ledger.done_seq + 1)))
        ledger_wrong("told from event %" PRIu64 " on, and done up to %" PRIu64, seq,
                     ledger.done_seq);
    if (last == 0 && sub == CHECK && seq > ledger.checked_seq + 1)
        ledger_wrong("the check begins at event %" PRIu64, seq);
    if (sub == DURABLE)
        ledger.clean = false;
    ledger.last[sub] = seq;
}

static void take_event(const struct line *line)
{
    uint64_t seq = line->u.event.seq;
    struct told *e;

    if (line->u.event.kind == USHER_EV_LOST || seq == 0) {
        ledger_wrong("events up to %" PRIu64 " are said to be lost", seq);
        return;
    }
    check_order(line->sub, seq);
    e = ledger_event(seq);
    ledger.counts.events += !e->known;
    ledger.counts.retold += e->known;
    if (e->known && !is_same(e, line))
        ledger_wrong("event %" PRIu64 " was told as %s of ticket %" PRIu64
                     ", and now is %s of %" PRIu64,
                     seq, usher_name(USHER_NAME_EVENT, e->kind), e->ticket,
                     usher_name(USHER_NAME_EVENT, line->u.event.kind), line->u.event.ticket);
    check_mark(line);
    *e = (struct told){.ticket = line->u.event.ticket,
                       .ticket_seq = line->u.event.ticket_seq,
                       .hash = line->u.event.hash,
                       .kind = line->u.event.kind,
                       .state = line->u.event.state,
                       .priority = line->u.event.priority,
                       .level = line->u.event.level,
                       .who = line->u.event.who,
                       .op = line->op,
                       .known = true};
    if (seq > ledger.told_seq)
        ledger.told_seq = seq;
    if (line->sub == CHECK && line->u.event.kind == USHER_EV_ENQUEUED)
        ledger.enqueued_n++;
}

/* ---- tickets and histories ------------------------------------------------------------------- */

/* An event that has been told already, mostly; a timer may have run meanwhile. */
static void take_history(const struct line *line)
{
    uint64_t seq = line->u.event.seq;
    const struct told *e = ledger_event(seq);

    ledger.counts.histories++;
    if (line->u.event.ticket != ledger.history_of || line->u.event.ticket_seq == 1) {
        ledger.history_of = line->u.event.ticket;
        ledger.history_seq = 0;
    }
    if (line->u.event.ticket_seq != ledger.history_seq + 1)
        ledger_wrong("the history of ticket %" PRIu64 " goes from %" PRIu64 " to %" PRIu64,
                     ledger.history_of, ledger.history_seq, line->u.event.ticket_seq);
    ledger.history_seq = line->u.event.ticket_seq;
    if (e->known && !is_same(e, line))
        ledger_wrong("event %" PRIu64 " is another one in the history of ticket %" PRIu64, seq,
                     ledger.history_of);
    else if (!e->known && seq <= ledger.last[CHECK])
        ledger_wrong("event %" PRIu64 " is in a history, and was not told", seq);
}

static void check_deed(const struct deed *d, const struct line *line)
{
    uint64_t id = line->u.ticket.ticket;

    if (d->what != ENQUEUE || d->refused || (d->acked && d->status != USHER_OK))
        ledger_wrong("ticket %" PRIu64 " is said to be of op %u, %s", id, line->op, deed_name(d));
    if (d->acked && d->got_ticket != id)
        ledger_wrong("ticket %" PRIu64 " is of op %u, which got ticket %" PRIu64, id, line->op,
                     d->got_ticket);
}

static void take_ticket(const struct line *line)
{
    const struct deed *d = line->sub != 0 ? NULL : deed_at(line->op); /* of a cause there is none */
    uint64_t id = line->u.ticket.ticket;

    ledger.counts.tickets++;
    ledger.tickets_n++;
    if (d != NULL)
        check_deed(d, line);
    else if (line->op != 0)
        ledger_wrong("ticket %" PRIu64 " is a cause, and op %u asked for it", id, line->op);
    for (uint64_t seq = ledger.last[CHECK]; seq > 0; seq--) { /* its last event that was told */
        const struct told *e = ledger_event(seq);

        if (e->ticket != id)
            continue;
        if (line->u.ticket.ticket_seq < e->ticket_seq ||
            (line->u.ticket.ticket_seq == e->ticket_seq &&
             (line->u.ticket.state != e->state || line->u.ticket.priority != e->priority ||
              line->u.ticket.level != e->level)))
            ledger_wrong("ticket %" PRIu64 " is not as its event %" PRIu64 " left it", id,
                         e->ticket_seq);
        break;
    }
}

/* The k-th claim of a ticket has token k. */
static void check_claims(void)
{
    uint64_t most = ledger.last[CHECK];
    uint32_t *claims = calloc(most + 1, sizeof *claims);

    if (claims == NULL)
        exit(2);
    for (uint64_t seq = 1; seq <= most; seq++) {
        const struct told *e = ledger_event(seq);
        uint32_t token;

        if (e->kind != USHER_EV_CLAIMED || e->ticket > most)
            continue;
        token = ++claims[e->ticket];
        for (uint32_t i = 0; i < ledger.deeds_n; i++) {
            const struct deed *d = &ledger.deeds[i];

            for (uint32_t k = 0; k < d->rows_n; k++) {
                if (d->rows[k].ticket == e->ticket && d->rows[k].token == token &&
                    (int32_t)d->agent != e->who)
                    ledger_wrong("token %u of ticket %" PRIu64 " is agent %d's, not %u's", token,
                                 e->ticket, e->who, d->agent);
            }
        }
    }
    for (uint32_t i = 0; i < ledger.deeds_n; i++) {
        const struct deed *d = &ledger.deeds[i];

        for (uint32_t k = 0; k < d->rows_n; k++) {
            if (d->rows[k].ticket > most || d->rows[k].token > claims[d->rows[k].ticket])
                lost(d, i + 1);
        }
    }
    free(claims);
}

/* ---- what a check comes to ------------------------------------------------------------------- */

/* Of the requests of one life that nobody was told of, those that are there came before those
 * that are not; and of a batch all are there or none. */
static void check_prefix(uint32_t from, uint32_t to)
{
    uint32_t missing = 0, life = 0;

    for (uint32_t op = from + 1; op <= to; op++) {
        const struct deed *d = &ledger.deeds[op - 1];
        const struct deed *first = d->batch == 0 ? d : &ledger.deeds[d->batch - 1];

        if (d->what != ENQUEUE || d->refused || d->status != USHER_OK)
            continue;
        if (d->life != life)
            missing = 0;
        life = d->life;
        if (d->retried || first->retried) /* it may be there because it was asked for */
            continue;
        if (d->survived != first->survived)
            ledger_wrong("of the batch of op %u a part is there", d->batch);
        if (!d->survived && missing == 0)
            missing = op;
        if (d->survived && missing != 0)
            ledger_wrong("op %u is there, and op %u before it is not", op, missing);
    }
}

static void check_marks(uint32_t to)
{
    for (uint32_t op = 1; op <= to; op++) {
        const struct deed *d = &ledger.deeds[op - 1];

        if (d->acked && d->status == USHER_OK && d->told_seq == 0 && kind_of(d) != 0 &&
            (d->what != ENQUEUE || (d->outcome & USHER_WAS_JOINED) != 0))
            lost(d, op);
    }
}

static void take_checked(const struct line *line)
{
    uint64_t seq = line->u.event.seq;

    ledger.counts.checks++;
    if (ledger.told_seq > seq)
        for (uint64_t i = seq + 1; i <= ledger.told_seq; i++) {
            if (ledger_event(i)->known && ledger.last[LIVE] < i && ledger.last[DURABLE] < i)
                ledger_wrong("event %" PRIu64 " was told, and the last now is %" PRIu64, i, seq);
        }
    check_prefix(ledger.checked_op, line->op);
    if (line->sub != 0) {
        check_marks(line->op);
        check_claims();
        if (ledger.tickets_n < ledger.enqueued_n)
            ledger_wrong("%" PRIu64 " tickets, and %" PRIu64 " were enqueued", ledger.tickets_n,
                         ledger.enqueued_n);
    }
    ledger.checked_op = line->op;
    ledger.checked_seq = seq;
}

void ledger_take(const struct line *line)
{
    struct deed *d;

    switch (line->kind) {
    case LINE_DEED:
        take_deed(line);
        break;
    case LINE_REFUSED:
        d = deed_at(line->op);
        if (d != NULL && !d->acked)
            d->refused = true;
        break;
    case LINE_ACK:
        take_ack(line);
        break;
    case LINE_ROW:
        take_row(line);
        break;
    case LINE_AGAIN:
        d = deed_at(line->op);
        if (d != NULL)
            d->asked = true;
        break;
    case LINE_REPEATED:
        take_repeat(line);
        break;
    case LINE_EVENT:
        take_event(line);
        break;
    case LINE_DONE:
        if (line->u.event.seq > ledger.done_seq)
            ledger.done_seq = line->u.event.seq;
        break;
    case LINE_HISTORY:
        take_history(line);
        break;
    case LINE_TICKET:
        take_ticket(line);
        break;
    case LINE_CHECKED:
        take_checked(line);
        break;
    case LINE_FIGURES:
        figures_take(line);
        break;
    case LINE_CLOSED:
        figures_end();
        ledger.clean = true;
        ledger.counts.closes++;
        break;
    default:
        ledger_wrong("the host: %.*s", TEXT_ROOM, line->u.text);
    }
}
