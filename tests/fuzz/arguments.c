/* The argument structs as a careless binding would pass them: any size, any numbers, any of the pointers that a
 * program could have. What is accepted has its callback once, what is not has none and changes nothing, and the
 * service stays whole. (Pointers into nowhere are not tried: no library could tell.) */
#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

#include "fuzz.h"
#include "local/changes.h"
#include "local/engine.h"
#include "loop/service.h"

enum { CALLS = 24, TEXT_LEN = 70000, NEEDS = 20, ROOM_MAX = 8192 };

struct desk {
    usher_t *u;
    usher_manual_clock_t *clock;
    usher_queue_t *q[2];
    usher_agent_t *a[2];
    usher_claim claim; /* the latest */
    uint64_t accepted, told;
    bool closed;
};

static struct desk desk;
static char name_255[256], name_256[257], long_text[TEXT_LEN + 1];

static void on_done(usher_t *u, const usher_done *d, void *user)
{
    (void)u, (void)user;
    desk.told++;
    MUST(d->size == sizeof *d && d->status <= 0);
    MUST(d->detail.data == NULL || d->detail.data[d->detail.len] == '\0');
    if (d->ticket != 0 && d->status == 0)
        desk.claim = (usher_claim){d->ticket, d->token};
}

static void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    (void)a, (void)user;
    desk.told++;
    MUST((status == 0) == (n > 0) && (w != NULL) == (n > 0));
    if (n > 0)
        desk.claim = w[n - 1].claim;
}

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    (void)u, (void)status, (void)user;
    desk.told++;
    MUST(p->size == sizeof *p);
}

static void on_closed(void *user)
{
    (void)user;
    desk.closed = true;
}

/* ---- pointers that a program could have ------------------------------------------------------------ */

static const char *pick_string(struct bytes *b)
{
    static const char *const strings[] = {
        NULL,         "",       "ada",   "bob",     "desk",
        name_255,     name_256, "\xff",  "{}",      "ada",
        "jam",        "k",      "tills", long_text, "{\"lease\":{\"for\":\"1m\"}}",
        "{\"lease\":"};

    return strings[take_below(b, sizeof strings / sizeof strings[0])];
}

static usher_text pick_text(struct bytes *b)
{
    usher_text t = {long_text, take_number(b, 3) % TEXT_LEN};

    switch (take_below(b, 6)) {
    case 0:
        return (usher_text){NULL, 0};
    case 1:
        return (usher_text){NULL, take_number(b, 8)};
    case 2:
        return (usher_text){"word", take_below(b, 5)};
    default:
        return t;
    }
}

static usher_queue_t *pick_queue(struct bytes *b)
{
    return take_below(b, 5) == 0 ? NULL : desk.q[take_below(b, 2)];
}

/* Mostly a struct of today's size; else one of any size, with as many bytes as it says, up to more than any later
 * version will have: what says more is not looked at any further. */
static void *make(struct bytes *b, const void *today, size_t size, uint64_t *said)
{
    static const int16_t about[] = {-8, -1, 1, 8, 64, 1000};
    char *room;

    *said = size;
    if (take_below(b, 4) == 0)
        *said = take_below(b, 2) == 0 ? size + (uint64_t)(int64_t)about[take_below(b, 6)]
                                      : take_number(b, 8);
    room = calloc(1, *said > ROOM_MAX ? ROOM_MAX : *said < 8 ? 8 : (size_t)*said);
    MUST(room != NULL);
    memcpy(room, today, *said < size ? (size_t)*said : size);
    memcpy(room, said, 8);
    if (*said > size && *said <= ROOM_MAX && take_below(b, 2) == 0)
        room[*said - 1] = (char)take_byte(b);
    return room;
}

/* ---- calls ------------------------------------------------------------------------------------------ */

static int call_enqueue(struct bytes *b)
{
    const char *needs[NEEDS];
    usher_request r = {
        .requester = pick_string(b), .body = pick_text(b), .symptom = pick_string(b)};
    uint64_t said;
    void *made;
    int err;

    for (int i = 0; i < NEEDS; i++)
        needs[i] = i < 3 ? pick_string(b) : "skill";
    r.dedup_key = pick_string(b);
    r.ref = pick_string(b);
    r.needs = take_below(b, 4) == 0 ? NULL : needs;
    r.needs_n = take_below(b, 3) == 0 ? (uint32_t)take_number(b, 4) : take_below(b, NEEDS);
    r.priority = take_below(b, 3) == 0 ? (int32_t)take_number(b, 4) : (int32_t)take_below(b, 5);
    r.start_at = take_below(b, 3) == 0 ? (int64_t)take_number(b, 8) : 0;
    r.op.lo = take_below(b, 3);
    r.follows = take_below(b, 8) == 0 ? take_number(b, 8) : 0;
    made = make(b, &r, sizeof r, &said);
    err = usher_enqueue(desk.q[take_below(b, 2)], made, on_done, NULL);
    free(made);
    return err;
}

static int call_act(struct bytes *b)
{
    usher_command c = {.text = pick_text(b), .who = pick_string(b), .queue = pick_queue(b)};
    uint64_t said;
    void *made;
    int err;

    c.verb = take_below(b, 8) == 0 ? (int32_t)take_number(b, 4) : (int32_t)take_below(b, 80);
    c.kind = take_below(b, 4) == 0 ? (int32_t)take_number(b, 4) : (int32_t)take_below(b, 5);
    c.claim = desk.claim;
    if (take_below(b, 4) == 0) {
        c.claim.ticket = take_number(b, 8);
        c.claim.token = take_number(b, 8);
    }
    if (take_below(b, 3) == 0)
        c.claim.token = 0;
    c.at = take_below(b, 3) == 0 ? (int64_t)take_number(b, 8) : 0;
    c.ms = take_below(b, 3) == 0 ? (int64_t)take_number(b, 8) : 0;
    c.op.hi = take_below(b, 3);
    c.agent = take_below(b, 2) == 0 ? NULL : desk.a[take_below(b, 2)];
    c.other = take_below(b, 3);
    made = make(b, &c, sizeof c, &said);
    err = usher_act(desk.u, made, on_done, NULL);
    free(made);
    return err;
}

static int call_claim(struct bytes *b)
{
    usher_queue_t *queues[65];
    usher_claim_args c = {.queues = queues};
    uint64_t said;
    void *made;
    int err;

    for (int i = 0; i < 65; i++)
        queues[i] = i < 3 ? pick_queue(b) : desk.q[1];
    c.queues_n = take_below(b, 3) == 0 ? (uint32_t)take_number(b, 4) : take_below(b, 66);
    if (c.queues_n > 65 && c.queues_n <= USHER_CLAIM_QUEUES_MAX)
        c.queues_n = 65;
    c.n = take_below(b, 3) == 0 ? (uint32_t)take_number(b, 4) : take_below(b, 5);
    c.wait_ms = take_below(b, 3) == 0 ? (int64_t)take_number(b, 8) : 0;
    c.op.lo = take_below(b, 3);
    made = make(b, &c, sizeof c, &said);
    err = usher_claim_many(desk.a[take_below(b, 2)], made, on_work, NULL);
    free(made);
    return err;
}

static int call_read(struct bytes *b)
{
    usher_query q = {
        .requester = pick_string(b), .agent = pick_string(b), .symptom = pick_string(b)};
    uint64_t said;
    void *made;
    int err;

    q.what = take_below(b, 4) == 0 ? (int32_t)take_number(b, 4) : (int32_t)take_below(b, 12);
    q.limit = take_below(b, 2) == 0 ? (uint32_t)take_number(b, 4) : take_below(b, 1002);
    q.ticket = take_below(b, 3) == 0 ? take_number(b, 8) : take_below(b, 5);
    q.queue = pick_queue(b);
    q.cursor = take_below(b, 3) == 0 ? take_number(b, 8) : 0;
    q.states = (uint32_t)take_number(b, 2);
    q.promise = (int32_t)take_below(b, 6);
    q.policy = pick_string(b);
    q.linked = take_below(b, 3);
    q.from_at = take_below(b, 3) == 0 ? (int64_t)take_number(b, 8) : 0;
    q.to_at = take_below(b, 3) == 0 ? (int64_t)take_number(b, 8) : 0;
    made = make(b, &q, sizeof q, &said);
    err = usher_read(desk.u, made, on_page, NULL);
    free(made);
    return err;
}

static int call_peek(struct bytes *b)
{
    usher_standing s = USHER_INIT(usher_standing);
    uint64_t said;
    void *made = make(b, &s, sizeof s, &said);
    int err = usher_peek(desk.u, take_number(b, 2), made);

    MUST(err <= 0);
    free(made);
    return -1; /* nothing to come */
}

static int call_define(struct bytes *b)
{
    const char *policy = pick_string(b);
    char err[16];

    memset(err, 'x', sizeof err);
    return policy == NULL ? -1
                          : usher_define(desk.q[take_below(b, 2)], policy, err, take_below(b, 17),
                                         on_done, NULL);
}

static int call_hold(struct bytes *b)
{
    return usher_queue_hold(desk.q[0], take_below(b, 2) == 0 ? (uint32_t)take_number(b, 4) : 0,
                            on_done, NULL);
}

static int call_purge(struct bytes *b)
{
    return usher_purge(desk.u, (int64_t)take_number(b, 8), pick_string(b), on_done, NULL);
}

static int (*const calls[])(struct bytes *b) = {call_enqueue, call_enqueue, call_act,   call_act,
                                                call_act,     call_claim,   call_read,  call_peek,
                                                call_hold,    call_purge,   call_define};

static void begin(void)
{
    usher_options o = USHER_INIT(usher_options);

    memset(name_255, 'n', 255);
    memset(name_256, 'n', 256);
    memset(long_text, 't', TEXT_LEN);
    memset(&desk, 0, sizeof desk);
    MUST(usher_manual_clock_new(&desk.clock, INT64_C(1700000000000)) == 0);
    o.clock = usher_manual_clock_get(desk.clock);
    MUST(usher_open(&desk.u, NULL, "memory:", &o, NULL, NULL) == 0);
    MUST(usher_queue(desk.u, &desk.q[0], "desk") == 0 &&
         usher_queue(desk.u, &desk.q[1], "tills") == 0);
    MUST(usher_agent(desk.u, &desk.a[0], "ann", NULL, 0) == 0 &&
         usher_agent(desk.u, &desk.a[1], "bob", NULL, 0) == 0);
}

/* A number for all that a store would keep of it. */
static uint64_t digest(void)
{
    uint64_t digest;

    MUST(usher__engine_digest(desk.u->engine, &digest) == 0);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct bytes b = {data, data + len};

    begin();
    for (int i = 0; i < CALLS && b.at < b.end; i++) {
        uint64_t before = digest();
        int err = calls[take_below(&b, sizeof calls / sizeof calls[0])](&b);

        MUST(err <= 0);
        MUST(err == 0 || digest() == before);
        desk.accepted += err == 0;
        MUST(usher_advance(desk.u, usher_now(desk.u) + take_below(&b, 100)) == 0);
        MUST(usher__engine_check(desk.u->engine) == NULL);
    }
    MUST(usher_close(desk.u, on_closed, NULL) == 0);
    while (!desk.closed)
        MUST(usher_turn(desk.u) >= 0);
    MUST(desk.told == desk.accepted);
    usher_manual_clock_free(desk.clock);
    return 0;
}
