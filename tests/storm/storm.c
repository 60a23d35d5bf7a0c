/* Everything at once: calls that nobody waits for.
 *
 *     storm [--seed N] [--services N | --times N]
 *
 * The other runs let each command settle before the next one, so that they can say exactly what
 * it must do. Here commands on tickets that have left memory, pages, purges, subscribers, a full
 * disk and memory that runs out meet each other on their way, as the store's thread happens to
 * go; the ledger knows what none of that may do. Every call must be answered, and what is left
 * must be the same before and after the service is closed and opened again.
 *
 * A seed draws the calls; what the thread does meanwhile it does not draw. Who wants to see a
 * failure again gives its seed and --times: it is run so often. */
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/disk.h"
#include "faults/shim.h"
#include "storm.h"

enum {
    PATIENCE_MS = 60000, /* in which something must be answered */
    SCARCE = 12          /* one allocation in so many fails */
};

struct storm storm;
struct counts count;

const char *const kinds[CALL_KINDS] = {"enqueue", "command", "claim", "body",
                                       "history", "tickets", "purge"};

/* ---- what is wrong --------------------------------------------------------------------------- */

void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(storm.line[storm.lines_n++ % LINES], LINE_LEN, format, args);
    va_end(args);
}

__attribute__((format(printf, 1, 2), noreturn)) void wrong(const char *format, ...)
{
    uint64_t first = storm.lines_n > LINES ? storm.lines_n - LINES : 0;
    va_list args;

    for (uint64_t i = first; i < storm.lines_n; i++)
        fprintf(stderr, "  %s\n", storm.line[i % LINES]);
    for (uint32_t i = 0; i < storm.calls_n; i++) {
        if (!storm.call[i].told)
            fprintf(stderr, "  not answered: call %u, %s, ticket %" PRIu64 "\n", i,
                    kinds[storm.call[i].kind], storm.call[i].ticket);
    }
    va_start(args, format);
    fprintf(stderr, "storm: ");
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nagain: storm --seed %" PRIu64 " --times 100\n", storm.seed);
    exit(1);
}

uint32_t below(uint32_t n)
{
    return dice_below(&storm.dice, n);
}

bool one_in(uint32_t n)
{
    return below(n) == 0;
}

int64_t now(void)
{
    return usher_now(storm.u);
}

/* ---- memory that runs out: in the thread of the store, too ---- */

static atomic_uint allocations, missing;
static atomic_bool scarce;

static void *resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    if (n == 0) {
        free(p);
        return NULL;
    }
    if (atomic_load(&scarce)) {
        struct dice d = dice_of(storm.seed, atomic_fetch_add(&allocations, 1), DICE_ALL);

        if (dice_below(&d, SCARCE) == 0) {
            (void)atomic_fetch_add(&missing, 1);
            return NULL;
        }
    }
    return realloc(p, n);
}

static const usher_allocator memory = {resize, NULL};

bool refuses(int r)
{
    return (r == USHER_ENOMEM && storm.poor) || (r == USHER_EFULL && storm.was_full);
}

/* ---- the loop -------------------------------------------------------------------------------- */

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
    atomic_store(&scarce, false);
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
    if (usher_queue(storm.u, &storm.q, "desk") != USHER_OK ||
        usher_agent(storm.u, &storm.a, "ann", NULL, 0) != USHER_OK)
        wrong("handles");
    storm.seq = storm.followed = 0;
    storm.follows = false;
    if (usher_subscribe(storm.u, NULL, 0, on_event, NULL) != USHER_OK)
        wrong("usher_subscribe");
}

/* ---- at the end ------------------------------------------------------------------------------ */

/* What the latest page held. */
static struct {
    int status;
    uint64_t events_n, cursor, sum;
} latest;

static void on_final(usher_t *u, int status, const usher_page *p, void *user)
{
    usher_id id = *(const usher_id *)user;

    (void)u;
    storm.outstanding--;
    latest.status = status;
    latest.cursor = p->cursor;
    latest.events_n = p->n;
    if (status == USHER_OK && p->events != NULL)
        latest.sum =
            hash_bytes(latest.sum, &p->events[p->n - 1].ticket_seq, sizeof p->events[0].ticket_seq);
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
    return latest.status;
}

/* A number for what is left; whatever may not be so is wrong. */
static uint64_t look_at_all(uint64_t *gone)
{
    struct ledger *l = &storm.ledger;

    latest.sum = *gone = 0;
    for (usher_id id = 1; id <= l->last; id++) {
        struct ticket *t = &l->ticket[id];
        int status = final_read(id, USHER_READ_BODY, 0);
        uint64_t n = 0;

        if (status == USHER_ENOENT ? !ledger_may_be_gone(l, id, now())
                                   : status != USHER_OK || ledger_must_be_gone(l, id, UINT64_MAX))
            wrong("at the end ticket %" PRIu64 ", last %s: %s", id,
                  usher_name(USHER_NAME_STATE, t->state), usher_err_name(status));
        latest.sum = hash_bytes(latest.sum, &status, sizeof status);
        if (status == USHER_ENOENT) {
            ++*gone;
            ledger_gone(l, id);
            continue;
        }
        latest.cursor = 0;
        do {
            if (final_read(id, USHER_READ_HISTORY, latest.cursor) != USHER_OK ||
                latest.events_n == 0)
                wrong("ticket %" PRIu64 " has no history after %" PRIu64 ": %s", id, n,
                      usher_err_name(latest.status));
            n += latest.events_n;
        } while (latest.cursor != 0);
        latest.sum = hash_bytes(latest.sum, &n, sizeof n);
    }
    return latest.sum;
}

/* ---- one service ----------------------------------------------------------------------------- */

/* What is opened again must be in the file before a purge comes by; here it is refused, and a moment
 * later there is room, sometimes before it is tried again. */
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
    if (one_in(15) &&
        usher_manual_clock_skip(storm.clock, now() + 1 + (int64_t)below(1000)) != USHER_OK)
        wrong("usher_manual_clock_skip");
    if (one_in(12))
        follow();
    if (storm.small && one_in(60) && !storm.full && storm.calls_n + 2 * CALLS_AT_ONCE <= CALLS) {
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
                                    .allocator = &memory,
                                    .on_failed = on_failed,
                                    .trace = on_trace,
                                    .keep_closed = 1 + below(4),
                                    .history_bytes = one_in(2) ? 4096 : 0};
    storm.small = one_in(6);
    storm.was_full = false;
    open_service();
    storm.poor = one_in(3);
    while (storm.calls_n + CALLS_AT_ONCE <= CALLS) {
        atomic_store(&scarce, storm.poor);
        call_anything();
        between_calls();
    }
    if (one_in(2) && !storm.was_full) { /* full: nobody would know what becomes of the rest */
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

static void progress(uint64_t done, uint64_t of)
{
    if (isatty(STDERR_FILENO) && (done % 20 == 0 || done == of))
        fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " services%s", done, of,
                done == of ? "\r\033[K" : "");
}

static bool read_arguments(int argc, char **argv, uint64_t *seed, uint64_t *services,
                           uint64_t *times)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t *out = strcmp(argv[i], "--seed") == 0       ? seed
                        : strcmp(argv[i], "--services") == 0 ? services
                        : strcmp(argv[i], "--times") == 0    ? times
                                                             : NULL;
        char *end;

        if (out == NULL || argv[i + 1][0] < '0' || argv[i + 1][0] > '9')
            return false;
        *out = strtoull(argv[i + 1], &end, 10);
        if (*end != '\0')
            return false;
    }
    return argc % 2 == 1;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, services = 1000, times = 0;

    if (!read_arguments(argc, argv, &seed, &services, &times)) {
        fprintf(stderr, "usage: storm [--seed N] [--services N | --times N]\n");
        return 2;
    }
    storm.disk = disk_new("honest", DISK_HONEST);
    shim_register("storm", "honest", false);
    for (uint64_t i = 0; i < (times > 0 ? times : services); i++) {
        run_service(times > 0 ? seed : seed + i);
        progress(i + 1, times > 0 ? times : services);
    }
    disk_free(storm.disk);
    printf("storm: %" PRIu64 " services, %" PRIu64 " calls, %" PRIu64 " purges, %" PRIu64
           " tickets erased, disk full %" PRIu64 " times, %" PRIu64 " events, %" PRIu64
           " followed, memory short %u times\n",
           count.services, count.calls, count.purges, count.erased, count.full, count.events,
           count.followed, atomic_load(&missing));
    return 0;
}
