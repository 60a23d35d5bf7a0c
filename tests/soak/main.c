/* The driver: starts hosts, writes down what they report, kills them, and has the next one look
 * at what is left.
 *
 *     soak [--kills N] [--seed N] [--control early]
 *
 * The store lies in $TMPDIR (or /tmp). Every so many kills it is looked at as a whole and a new
 * one is begun. With --control early the hosts say that a request was taken before they have
 * been told so: then losses must be found, and none is a failure. kill -9 never tests the flush:
 * what a program wrote outlives it without one. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "soak.h"

enum { KILLS_PER_ERA = 40, LIFE_MAX_MS = 300, WHOLE_MAX_MS = 120000 };

static struct {
    uint64_t dice, seed;
    char path[USHER_PATH_MAX];
    bool lies;
    struct line lines[64];
    size_t held; /* bytes of lines that have been read */
} driver;

static uint32_t below(uint32_t n)
{
    driver.dice = driver.dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(driver.dice >> 33) % n;
}

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(uint32_t ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

    (void)nanosleep(&t, NULL);
}

/* ---- one life -------------------------------------------------------------------------------- */

static pid_t start(bool whole, int *fd)
{
    int ends[2];
    pid_t pid;

    if (pipe(ends) != 0)
        exit(2);
    ledger_life();
    fflush(NULL);
    pid = fork();
    if (pid < 0)
        exit(2);
    if (pid == 0) {
        struct host_options o = {.pipe = ends[1],
                                 .path = driver.path,
                                 .seed = driver.seed + ledger.counts.eras,
                                 .level = ledger.level,
                                 .lies = driver.lies,
                                 .whole = whole};

        (void)close(ends[0]);
        ledger.copy = true;
        host_run(&o);
        _exit(0);
    }
    (void)close(ends[1]);
    *fd = ends[0];
    driver.held = 0;
    return pid;
}

/* What is there to be read. False: the host has ended. */
static bool take_lines(int fd)
{
    ssize_t n;
    size_t lines;

    do {
        n = read(fd, (char *)driver.lines + driver.held, sizeof driver.lines - driver.held);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    driver.held += (size_t)n;
    lines = driver.held / sizeof driver.lines[0];
    for (size_t i = 0; i < lines; i++)
        ledger_take(&driver.lines[i]);
    driver.held %= sizeof driver.lines[0];
    memmove(driver.lines, driver.lines + lines, driver.held);
    return true;
}

/* Takes lines until then. False: the host has ended. */
static bool listen_until(int fd, int64_t until)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left;

    while ((left = until - now_ms()) > 0) {
        if (poll(&p, 1, (int)left) > 0 && !take_lines(fd))
            return false;
    }
    return true;
}

static void after(pid_t pid, int fd, bool killed)
{
    uint64_t closes = ledger.counts.closes;
    int status;

    while (take_lines(fd))
        continue;
    if (driver.held != 0)
        ledger_wrong("half a line");
    (void)close(fd);
    if (waitpid(pid, &status, 0) != pid)
        exit(2);
    if (killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        ledger.counts.kills++;
    else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGABRT)
        ledger_wrong("the host ended with signal %d", WTERMSIG(status));
    else if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        ledger_wrong("the host ended with %d", WEXITSTATUS(status));
    else if (ledger.counts.closes == closes)
        ledger.counts.exits++;
}

/* Half of the lives are over while the store is still being opened or looked at. */
static void live(void)
{
    int fd;
    pid_t pid = start(false, &fd);
    int64_t end = now_ms() + 1 + below(below(3) == 0 ? 25 : LIFE_MAX_MS);
    bool there = true;

    if (below(8) == 0) {
        there = listen_until(fd, now_ms() + below(LIFE_MAX_MS));
        if (there && kill(pid, SIGSTOP) == 0) {
            ledger.counts.stops++;
            sleep_ms(5 + below(200));
            if (below(2) == 0)
                (void)kill(pid, SIGCONT);
        }
    }
    there = there && listen_until(fd, end);
    if (there)
        (void)kill(pid, SIGKILL);
    after(pid, fd, there);
}

static void look_at_all(void)
{
    int fd;
    pid_t pid = start(true, &fd);

    if (listen_until(fd, now_ms() + WHOLE_MAX_MS)) {
        ledger_wrong("it does not come to an end");
        (void)kill(pid, SIGKILL);
    }
    after(pid, fd, false);
    if (ledger.checked_op == 0)
        ledger_wrong("nothing was looked at");
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void remove_store(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", "-lock", "-reserve"};
    char name[sizeof driver.path + 16];

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        snprintf(name, sizeof name, "%s%s", driver.path, suffixes[i]);
        (void)unlink(name);
    }
}

static void run(uint64_t kills)
{
    while (ledger.counts.kills < kills && ledger.counts.wrong == 0) {
        uint64_t until = ledger.counts.kills + KILLS_PER_ERA;

        ledger_begin(below(4) == 0 ? USHER_PROCESS : USHER_DISK);
        while (ledger.counts.kills < until && ledger.counts.kills < kills &&
               ledger.counts.wrong == 0)
            live();
        if (ledger.counts.wrong == 0)
            look_at_all();
        if (ledger.counts.wrong == 0)
            remove_store();
        else
            fprintf(stderr, "soak: the store is left in %s\n", driver.path);
    }
}

static bool number(const char *text, uint64_t *out)
{
    char *end;

    *out = strtoull(text, &end, 10);
    return *text != '\0' && *end == '\0';
}

static void print_counts(int64_t ms)
{
    const struct counts *c = &ledger.counts;

    printf("soak: %" PRIu64 " kills in %" PRIu64 " lives of %" PRIu64 " stores, %" PRIu64
           " stops, %" PRIu64 " closed, %" PRIu64 " ended otherwise; %" PRIi64 " s\n",
           c->kills, c->lives, c->eras, c->stops, c->closes, c->exits, ms / 1000);
    printf("soak: %" PRIu64 " deeds, %" PRIu64 " acknowledged; %" PRIu64 " checks: %" PRIu64
           " repeats (%" PRIu64 " of what nobody knew of), %" PRIu64 " events, %" PRIu64
           " told again, %" PRIu64 " in histories, %" PRIu64 " tickets\n",
           c->deeds, c->acks, c->checks, c->repeats, c->unknown, c->events, c->retold, c->histories,
           c->tickets);
    printf("soak: %" PRIu64 " lost, %" PRIu64 " wrong\n", c->lost, c->wrong);
}

int main(int argc, char **argv)
{
    uint64_t kills = getenv("USHER_LONG") != NULL ? 5000 : 320;
    const char *dir = getenv("TMPDIR");
    int64_t begun = now_ms();

    driver.seed = (uint64_t)time(NULL);
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--control") == 0 && strcmp(value, "early") == 0)
            driver.lies = true;
        else if (!((strcmp(argv[i], "--kills") == 0 && number(value, &kills)) ||
                   (strcmp(argv[i], "--seed") == 0 && number(value, &driver.seed)))) {
            fprintf(stderr, "usage: soak [--kills N] [--seed N] [--control early]\n");
            return 2;
        }
    }
    snprintf(driver.path, sizeof driver.path, "%s/usher-soak-%ld.db", dir == NULL ? "/tmp" : dir,
             (long)getpid());
    driver.dice = driver.seed;
    ledger.lies = driver.lies;
    printf("soak: seed %" PRIu64 ", %s%s\n", driver.seed, driver.path,
           driver.lies ? ", the hosts lie" : "");
    run(kills);
    print_counts(now_ms() - begun);
    ledger_free();
    if (driver.lies)
        return ledger.counts.lost > 0 ? 0 : 1;
    return ledger.counts.wrong == 0 ? 0 : 1;
}
