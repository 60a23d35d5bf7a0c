/* A service of the random run: a small one, with a seed of its own. It enables some of what there is and
 * leaves out the rest, for a bug that one kind of command would hide shows where that kind is
 * missing. After every command the service checks itself, and the watch checks it from outside. */
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "run.h"

struct run run;
struct store store = { .uri = "memory:" };
static struct note no_note;
struct note *note = &no_note;
const struct only *only;

const char *const persons[PERSONS] = { "p0", "p1", "p2", "p3", "p4", "p5", "p6" };
const char *const agents[AGENTS] = { "a0", "a1", "a2", "a3", "a4" };
const char *const skills[SKILLS] = { "s0", "s1", "s2" };
const char *const keys[KEYS] = { NULL, "k1", "k2", "k3" };
const char *const refs[REFS] = { "r0", "r1" };
const char *const queues[QUEUES] = { "q0", "q1", "q2" };
const char *const symptoms[SYMPTOMS + 1] = { NULL, "y1", "y2" };

uint32_t below(uint32_t n)
{
    return dice_below(&run.dice, n);
}

bool one_in(uint32_t n)
{
    return below(n) == 0;
}

void say(const char *format, ...)
{
    size_t len = strlen(note->text);
    va_list args;

    va_start(args, format);
    vsnprintf(note->text + len, sizeof note->text - len, format, args);
    va_end(args);
}

/* ---- calls ----------------------------------------------------------------------------------- */

struct call *new_call(bool ordered)
{
    struct call *c = &run.calls[run.calls_n];

    *c = (struct call){ .number = run.calls_n, .ordered = ordered, .expected = ANY, .repeats = -1,
                        .remember = -1, .n = 1 };
    run.calls_n++;
    return c;
}

/* What the call returned: it is told so often, or not at all. */
void returned(struct call *c, int err, uint32_t times)
{
    c->times = err == USHER_OK ? times : 0;
    run.drained = false;
    say(" -> %s", err == USHER_OK ? "OK" : usher_err_name(err));
}

/* A claim that has not been told. */
bool is_parked(const struct call *c)
{
    return c->claims && c->told < c->times;
}

int64_t wall(void)
{
    const usher_clock *clock = usher_manual_clock_get(run.clock);

    return clock->wall_ms(clock->ctx);
}

uint64_t digest_now(void)
{
    uint64_t digest = 0;

    if (!digest_of(run.u, &digest))
        wrong("no digest");
    return digest;
}

/* Turns do not wait for a store; an advance to where the clock stands does. */
void drain(void)
{
    if (one_in(2) && !run.watch.stored) {
        while (usher_turn(run.u) > 0)
            continue;
    } else if (usher_advance(run.u, wall()) != USHER_OK) {
        wrong("usher_advance");
    }
    run.drained = true;
}

void drain_first(void)
{
    if (!run.drained)
        drain();
}
usher_id draw_ticket(void)
{
    uint32_t n = run.watch.tickets_n;

    for (int tries = 0; tries < 4 && n > 0; tries++) { /* those that live are more interesting */
        usher_id id = 1 + below(n);

        if (run.watch.ticket[id].state < USHER_CLOSED)
            return id;
    }
    return 1 + below(n + 2);
}

struct attempt *new_attempt(int what)
{
    struct attempt *a = &run.attempts[run.attempts_n];

    memset(a, 0, sizeof *a);
    a->what = what;
    a->op.lo = ++run.attempts_n;
    return a;
}

enum { PATIENCE_MS = 20000 };

/* ---- services -------------------------------------------------------------------------------- */

static const struct {
    void (*draw)(void);
    uint32_t weight;
    bool always; /* in every service */
} kinds[] = {
    [ENQUEUE] = { draw_enqueue, 12, true },
    [CLAIM] = { draw_claim, 10, false },
    [CLAIM_TICKET] = { draw_claim_ticket, 5, true },
    [ACT] = { draw_act, 45, true },
    { draw_many, 2, false },     { draw_cancel, 1, false }, { draw_repeat, 6, false },
    { draw_advance, 12, true },  { draw_skip, 4, false },   { draw_step, 2, false },
    { draw_define, 1, false },   { draw_hold, 1, false },   { draw_agent, 2, false },
    { draw_gone, 1, false },     { draw_read, 3, false },    { draw_late, 4, true },
    { draw_reopen, 4, false },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };
_Static_assert((int)KINDS <= (int)KINDS_MAX, "room for their weights");

static int draw_kind(void)
{
    uint32_t sum = 0, at;
    int i = 0;

    for (int k = 0; k < KINDS; k++)
        sum += run.weight[k];
    at = below(sum);
    while (at >= run.weight[i])
        at -= run.weight[i++];
    return i;
}

bool failed(void)
{
    /* That takes as long as all the rest: of most services it is asked only now and then. */
    bool asks = !run.closed && (run.verbose || run.seed % 4 == 0 || run.asked_n++ % 8 == 0 ||
                                note->command > ONLY_MAX);
    const char *inside = asks ? usher__service_check(run.u) : NULL;

    if (inside != NULL)
        wrong("from inside: %s", inside);
    if (run.watch.wrong[0] == '\0')
        return false;
    memcpy(note->wrong, run.watch.wrong, sizeof note->wrong);
    if (run.verbose)
        show_wrong();
    return true;
}

static void open_queue(uint32_t i)
{
    struct seen_queue *q = &run.watch.queue[i];
    char json[4000], err[200];

    if (usher_queue(run.u, &q->q, queues[i]) != USHER_OK)
        wrong("usher_queue");
    q->rules[0] = default_rules();
    q->version = 1;
    run.watch.queues_n = i + 1;
    q->rules[1] = draw_rules(&run.dice, false);
    print_rules(&q->rules[1], json, sizeof json);
    if (usher_define(q->q, json, err, sizeof err, NULL, NULL) != USHER_OK)
        wrong("%s: %s", json, err);
    drain();
}

/* Whether it is one that is run. */
bool begin_command(uint32_t number, const char *text)
{
    bool all = only == NULL || number == 0 || number >= CLOSING;
    uint32_t draws = all ? DICE_ALL : only->draws[number - 1];

    note->seed = run.seed;
    note->command = number;
    note->text[0] = '\0';
    say("%s", text);
    run.dice = dice_of(run.seed, number, draws);
    run.inside_n = 0;
    return draws > 0;
}

void end_command(void)
{
    if (run.verbose)
        fprintf(stderr, "%4u  %s\n", note->command, note->text);
}

static void open_service(uint64_t seed)
{
    usher_options o = { .size = sizeof o, .on_lost = on_lost, .on_failed = on_failed };
    uint64_t told[COUNTS];
    static const int64_t grids[] = { 10, 1000, 70000, 3600000 };
    bool verbose = run.verbose;
    uint32_t n;

    memcpy(told, run.told, sizeof told);
    memset(&run, 0, offsetof(struct run, watch));
    memcpy(run.told, told, sizeof told);
    run.told[SERVICES]++;
    run.verbose = verbose;
    run.seed = seed;
    if (verbose)
        fprintf(stderr, "random: seed %" PRIu64 ", %s\n", seed, store.uri);
    begin_command(0, "open");
    run.keep_closed = o.keep_closed = one_in(2) && !store.alike ? 1 + below(4) : 1000;
    run.op_window_ms = o.op_window_ms = one_in(2) ? 3600000 : 1 + (int64_t)below(3000);
    run.op_window_n = o.op_window_n = one_in(2) ? 1000 : 1 + below(6);
    o.seed = seed;
    run.grid = one_in(3) ? grids[below(sizeof grids / sizeof grids[0])] : 0;
    draw_on_grid(run.grid);
    run.keys_n = 1 + below(KEYS);
    run.symptoms_n = below(SYMPTOMS + 1);
    run.nested = one_in(3) && !store.alike;
    for (uint32_t i = 0; i < AGENTS; i++)
        run.manner[i] = one_in(2) ? WILLING : 1 + (int)below(MANNERS - 1);
    if (store.reopens && one_in(2))
        o.history_bytes = 4000;
    if (usher_manual_clock_new(&run.clock, BEGIN_AT) != USHER_OK)
        abort();
    o.clock = usher_manual_clock_get(run.clock);
    o.allocator = store.moving ? &moving_memory : NULL;
    run.options = o;
    if (usher_open(&run.u, NULL, store.uri, &o, NULL, NULL) != USHER_OK)
        abort();
    watch_begin(&run.watch, run.u);
    run.watch.lax = run.nested;
    run.watch.stored = strcmp(store.uri, "memory:") != 0;
    if (usher_subscribe(run.u, NULL, 0, on_event, NULL) != USHER_OK)
        wrong("usher_subscribe");
    n = 1 + below(QUEUES);
    for (uint32_t i = 0; i < n; i++)
        open_queue(i);
    for (uint32_t i = 0; i < AGENTS; i++)
        set_agent(i, below(1 << SKILLS));
    drain();
    for (int k = 0; k < KINDS; k++)
        run.weight[k] = kinds[k].always || one_in(2) ? kinds[k].weight : 0;
    if (!store.reopens)
        run.weight[KINDS - 1] = 0;
}

void close_and_wait(void)
{
    for (uint32_t i = 0; i < run.calls_n; i++) {
        if (is_parked(&run.calls[i])) /* while the disk fails it may have ended, untold */
            run.calls[i].expected = run.failing ? ANY : USHER_ECANCELED;
    }
    run.nested = false;
    run.closed = false;
    if (one_in(2))
        close_from_inside();
    else if (usher_close(run.u, on_close, NULL) != USHER_OK)
        wrong("usher_close");
    wait_for_close();
}

void wait_for_close(void)
{
    for (int ms = 0; !run.closed && ms < PATIENCE_MS;) {
        struct pollfd p = { .fd = usher_fd(run.u), .events = POLLIN };

        if (usher_turn(run.u) == 0 && !run.closed)
            ms += poll(&p, 1, 1) == 0;
    }
    if (!run.closed)
        wrong("the service does not close");
}

static void close_service(void)
{
    drain();
    close_and_wait();
    for (uint32_t i = 0; i < run.calls_n; i++) {
        if (run.calls[i].told != run.calls[i].times)
            wrong("call %u was told %u times, not %u", i, run.calls[i].told, run.calls[i].times);
    }
}

uint32_t run_service(uint64_t seed, uint64_t commands)
{
    uint64_t digest;
    uint32_t n;

    open_service(seed);
    n = 50 + below(SERVICE_COMMANDS - 50);
    if (n > commands)
        n = (uint32_t)commands;
    while (run.command < n && run.calls_n < CALLS_DRAWN) {
        if (!begin_command(++run.command, ""))
            continue;
        kinds[draw_kind()].draw();
        if (!run.drained && !one_in(6))
            drain();
        if (run.drained) {
            watch_look(&run.watch, run.command % 4 == 0, run.keep_closed);
            check_parked();
        }
        if (store.alike && run.drained && run.command % 8 == 0)
            trace_standings();
        end_command();
        if (failed())
            return 0;
    }
    quiet_phase();
    if (failed())
        return 0;
    begin_command(CLOSING, "close");
    drain();
    trace_standings();
    digest = digest_now();
    run.told[SPENT_MS] += (uint64_t)(usher_now(run.u) - BEGIN_AT);
    close_service();
    if (run.watch.stored && !failed()) {
        uint64_t trace[TRACES];

        memcpy(trace, run.trace, sizeof trace);
        store_come_back(&digest);
        close_service();
        memcpy(run.trace, trace, sizeof trace);
    }
    usher_manual_clock_free(run.clock);
    store_empty();
    return failed() ? 0 : run.command;
}

uint32_t run_alike(uint64_t seed, uint64_t commands)
{
    struct store kept = store;
    uint64_t trace[TRACES];
    uint32_t n;

    store.uri = "memory:";
    store.reopens = false;
    store.alike = true;
    n = run_service(seed, commands);
    memcpy(trace, run.trace, sizeof trace);
    store.uri = kept.uri;
    if (n == 0 || run_service(seed, commands) == 0)
        return 0;
    store = kept;
    for (int i = 0; i < TRACES; i++) {
        static const char *const what[TRACES] = { "events", "completions", "claims", "pages",
                                                  "standings" };

        if (trace[i] != run.trace[i])
            wrong("other %s than in memory", what[i]);
    }
    return failed() ? 0 : n;
}
