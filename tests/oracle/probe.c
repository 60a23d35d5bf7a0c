/* The probe: reads the commands of README.md's section 2 from stdin, does what they say through
 * the public API on a manual clock, and prints what came of it, so that the library and the
 * oracle can be compared. With --store URI on a new store of that name. Two things that the
 * public API does not tell are asked of the service behind it: the next instant at which
 * something is due, and a claim's token. */
#include "probe.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe_rows.h"
#ifdef PROBE_STORE
#include "faults/shim.h"
#endif

int64_t usher__service_next_due(usher_t *u);

#define VFS "usher-probe" /* it can be told to fail */

struct probe probe;

void *grown(void *p, size_t n, size_t size)
{
    p = realloc(p, n * size);
    if (!p) {
        fputs("probe: out of memory\n", stderr);
        exit(2);
    }
    return p;
}

static int64_t wall(void)
{
    const usher_clock *clock = usher_manual_clock_get(probe.clock);

    return clock->wall_ms(clock->ctx);
}

/* Turns do not wait for a store; an advance to where the clock stands does. */
static void drain(void)
{
    if (probe.store && usher_advance(probe.u, wall()) != USHER_OK)
        fputs("probe: usher_advance\n", stderr);
    while (usher_turn(probe.u) > 0)
        continue;
}

/* ---- a line inside of another's callbacks ------------------------------------------------------ */

static int say(char *line);

static void say_inside(void)
{
    char *line = probe.inside;

    probe.inside = NULL;
    probe.inside_returned = say(line);
}

void called_back(void)
{
    if (probe.inside && --probe.callbacks_left == 0)
        say_inside();
}

/* `N LINE ;; LINE`: the second one is kept for the N-th callback from now. */
static char *put_inside(char *rest)
{
    char *line, *second = strstr(rest, " ;; ");

    probe.callbacks_left = strtoll(rest, &line, 10);
    if (!second || *line != ' ') {
        fprintf(stderr, "probe: inside: %s\n", rest);
        exit(2);
    }
    *second = '\0';
    probe.inside = second + strlen(" ;; ");
    return line + 1;
}

/* ---- answers ------------------------------------------------------------------------------------ */

/* Runs every callback that is outstanding, then tells how the tickets stand that they named. */
static void answer(int returned, bool two)
{
    char due[24];

    drain();
    if (probe.inside) {
        say_inside();
        drain();
    }
    printf("r %s\n", code(returned));
    if (two)
        printf("r %s\n", code(probe.inside_returned));
    describe_touched();
    printf("n %s\n.\n", instant(usher__service_next_due(probe.u), due));
    fflush(stdout);
}

/* ---- opening and closing ------------------------------------------------------------------------ */

static int open_again(void)
{
    usher_options o = {.size = sizeof o};
    char err[256] = "", uri[4096] = "memory:";
    int r;

    o.clock = usher_manual_clock_get(probe.clock);
    o.keep_closed = (uint32_t)probe.keep_closed;
    o.op_window_ms = probe.op_window_ms;
    o.op_window_n = (uint32_t)probe.op_window_n;
    o.on_lost = on_lost;
    o.err = err;
    o.err_len = sizeof err;
    if (probe.store)
        snprintf(uri, sizeof uri, "%s?vfs=" VFS, probe.store);
    r = usher_open(&probe.u, NULL, uri, &o, NULL, NULL);
    if (r == USHER_OK)
        r = usher_subscribe(probe.u, NULL, 0, on_event, NULL);
    if (r != USHER_OK) {
        fprintf(stderr, "probe: open: %s: %s\n", usher_strerror(r), err);
        exit(2);
    }
    return r;
}

static void forget_store(void)
{
    static const char *const suffixes[] = {"", "-wal", "-lock", "-reserve", "-copy"};
    char path[4096];

    for (size_t i = 0; probe.store && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        snprintf(path, sizeof path, "%s%s", probe.store + strlen("sqlite:"), suffixes[i]);
        (void)unlink(path);
    }
}

static void open_service(int64_t now, const struct args *a)
{
    forget_store();
    if (usher_manual_clock_new(&probe.clock, now) != USHER_OK)
        exit(2);
    probe.keep_closed = num(a, "keep_closed");
    probe.op_window_ms = num(a, "op_window_ms");
    probe.op_window_n = num(a, "op_window_n");
    answer(open_again(), false);
}

static void on_closed(void *user)
{
    *(usher_t **)user = NULL;
}

static void close_service(void)
{
    if (probe.u && usher_close(probe.u, on_closed, &probe.u) == USHER_OK) {
        while (probe.u) {
            struct pollfd p = {.fd = usher_fd(probe.u), .events = POLLIN};

            if (usher_turn(probe.u) == 0 && probe.u)
                (void)poll(&p, 1, 1);
        }
    }
    probe.agents_n = 0; /* their handles are gone with it */
}

int reopen(void)
{
    int r;

    close_service();
    r = open_again();
    touch_all();
    return r;
}

/* As if somebody had put the copy in the place of the store, at this very instant. */
int restore(void)
{
    char copy[4096];
    const char *path = probe.store + strlen("sqlite:");
    int r;

    snprintf(copy, sizeof copy, "%s-copy", path);
    (void)unlink(copy);
    r = usher_backup(probe.u, copy, on_done, NULL);
    if (r != USHER_OK)
        return r;
    drain();
    close_service();
    if (rename(copy, path) != 0) {
        perror(copy);
        exit(2);
    }
    r = open_again();
    touch_all();
    return r;
}

/* The process ends as if it was killed, all at once, and another one goes on. */
int crash(void)
{
    char text[4][24];

    snprintf(text[0], sizeof text[0], "%" PRId64, wall());
    snprintf(text[1], sizeof text[1], "%" PRId64, probe.keep_closed);
    snprintf(text[2], sizeof text[2], "%" PRId64, probe.op_window_ms);
    snprintf(text[3], sizeof text[3], "%" PRId64, probe.op_window_n);
    execl(probe.self, probe.self, "--store", probe.store, "--again", text[0], text[1], text[2],
          text[3], (char *)NULL);
    perror("probe: exec");
    exit(2);
}

int fault(char *rest)
{
#ifdef PROBE_STORE
    char *way, *often, *line;
    long k = strtol(rest, &way, 10);
    bool full = strncmp(way, " full ", 6) == 0;
    int r;

    often = strchr(way + 1, ' ') + 1;
    line = strchr(often, ' ') + 1;
    shim_arm((uint64_t)k, full ? FAIL_FULL : FAIL_IO, strncmp(often, "ever", 4) == 0);
    r = say(line);
    (void)usher_advance(probe.u, wall()); /* it may have failed by now */
    while (usher_turn(probe.u) > 0)
        continue;
    printf("r %s\n", code(r));
    fflush(stdout);
#else
    (void)rest;
#endif
    return crash();
}

static void go_on(char **numbers)
{
    if (usher_manual_clock_new(&probe.clock, strtoll(numbers[0], NULL, 10)) != USHER_OK)
        exit(2);
    probe.keep_closed = strtoll(numbers[1], NULL, 10);
    probe.op_window_ms = strtoll(numbers[2], NULL, 10);
    probe.op_window_n = strtoll(numbers[3], NULL, 10);
    (void)open_again();
    touch_all();
    answer(USHER_OK, false);
}

/* ---- lines -------------------------------------------------------------------------------------- */

/* A command, mostly a first word, and the rest, which is cut into arguments unless it is a policy or
 * a batch. What the call returned. */
static int say(char *line)
{
    struct args a = {.n = 0};
    char *rest, *first = NULL, *save = NULL;
    char *what = strtok_r(line, " ", &save);

    if (!is_one_of(what, "act acts why figures agents symptoms tickets history look purge fault"))
        first = strtok_r(NULL, " ", &save);
    rest = save;
    if (!is_one_of(what, "define many acts hold what_if fault"))
        take_all(&a, save);
    if (!probe.u) {
        open_service(strtoll(first ? first : "0", NULL, 10), &a);
        return USHER_OK;
    }
    return perform(what, first, rest, &a);
}

static void read_line(char *line)
{
    bool opening = !probe.u, two = strncmp(line, "inside ", strlen("inside ")) == 0;
    int r = say(two ? put_inside(line + strlen("inside ")) : line);

    if (!opening)
        answer(r, two);
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    probe.self = argv[0];
    if (argc >= 3 && strcmp(argv[1], "--store") == 0) {
        probe.store = argv[2];
#ifdef PROBE_STORE
        shim_register(VFS, NULL, false);
#endif
        (void)setvbuf(stdin, NULL, _IONBF, 0); /* what has been read would be lost in a crash */
    }
    if (argc == 8 && strcmp(argv[3], "--again") == 0)
        go_on(argv + 4);
    while ((len = getline(&line, &room, stdin)) > 0) {
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (line[0] && line[0] != '#')
            read_line(line);
    }
    probe.closed = 1; /* what it still says is no answer to anybody */
    close_service();
    forget_store();
    usher_manual_clock_free(probe.clock);
    free(probe.touched);
    free(probe.agents);
    free(line);
    return 0;
}
