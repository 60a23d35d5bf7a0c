/* A random run through the public API on a manual clock, under watch.
 *
 *     random [--seed N] [--commands N] [--store disk|sqlite:PATH] [--memory libc|moving]
 *     random --seed N --only LIST [--store ...] [--memory ...]
 *     random --replay FILE
 *
 * Services one after the other, each small and with a seed of its own: N, N + 1 ... What all of them told is one
 * number, the trace: it is the same whatever compiled this and wherever memory lies.
 *
 * With a store (`disk`: in memory, where it can also be killed) every other service is closed now and then, or
 * killed, and opened again, and must go on as if nothing had happened; the rest run twice, in memory and on the
 * store, and must tell the same and leave the same behind.
 *
 * The first failure ends the run. What led to it is then shrunk (shrink.c) and told at length (show.c), with the one
 * line that repeats it: --only. LIST are commands by number, such as 3,17:4,20-25; each has dice of its own, so the
 * others draw what they drew; ":4" lets it draw four times, and then only zeros. Lines that are worth keeping go into
 * regressions.txt, which --replay runs.
 *
 * The services run in a process of their own, so that also one that ends in a crash, or never, can be told of. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

enum { SERVICE_SECONDS = 300, WORDS_MAX = 16 };

static const char usage[] =
    "usage: random [--seed N] [--commands N] [--store disk|sqlite:PATH] [--memory libc|moving]\n"
    "       random --seed N --only LIST [--store ...] [--memory ...]\n"
    "       random --replay FILE\n"
    "  --seed N      of the first service; the next one has N + 1 (1)\n"
    "  --commands N  so many in all (1000000; with USHER_LONG 40000000)\n"
    "  --store disk  on a disk in memory: services are closed, killed, and opened again\n"
    "  --memory      moving: by an allocator that moves every block it resizes\n"
    "  --only LIST   the one service of this seed with these commands only, told at length;\n"
    "                3,17:4,20-25: the third, the 17th with its first four draws, six more\n"
    "  --replay FILE one run for each line, which has the arguments; # begins a comment\n";

static bool number(const char *text, uint64_t *out)
{
    char *end;

    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

static bool read_arguments(char *const *words, int n, struct asked *out)
{
    *out = (struct asked){ .seed = 1, .commands = getenv("USHER_LONG") != NULL ? 40000000 : 1000000 };
    for (int i = 0; i + 1 < n; i += 2) {
        const char *value = words[i + 1];
        bool good = true;

        if (strcmp(words[i], "--seed") == 0) {
            good = number(value, &out->seed);
        } else if (strcmp(words[i], "--commands") == 0) {
            good = number(value, &out->commands);
        } else if (strcmp(words[i], "--store") == 0) {
            out->uri = value;
        } else if (strcmp(words[i], "--memory") == 0) {
            good = strcmp(value, "libc") == 0 || strcmp(value, "moving") == 0;
            out->moving = strcmp(value, "moving") == 0;
        } else if (strcmp(words[i], "--only") == 0) {
            good = out->chosen = only_read(value, &out->only);
        } else if (strcmp(words[i], "--replay") == 0) {
            out->replay = value;
        } else {
            good = false;
        }
        if (!good)
            return false;
    }
    return n % 2 == 0;
}

static uint64_t trace(uint64_t all)
{
    for (int i = 0; i < TRACES; i++)
        all = (all ^ run.trace[i]) * UINT64_C(1099511628211);
    return all;
}

static void progress(uint64_t done, uint64_t of)
{
    static uint64_t told;

    if (done - told < of / 1000 || !isatty(STDERR_FILENO))
        return;
    told = done;
    fprintf(stderr, "\r%5.1f %%, %" PRIu64 " services%s", 100.0 * (double)done / (double)of, run.told[SERVICES],
            done >= of ? "\r\033[K" : "");
}

static void print_counts(uint64_t commands)
{
    static const struct {
        int count;
        const char *what;
    } list[] = {
        { SERVICES, "services" }, { -1, "commands" },  { EVENTS, "events" }, { COMPLETIONS, "completions" },
        { CLAIMS, "claims" },     { LATE, "late answers refused" },
        { INSIDE, "calls from inside callbacks" }, { QUIETS, "quiet phases" }, { REOPENED, "reopened" },
        { KILLED, "killed" },     { FAULTED, "faulted" },
    };

    printf("random:");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        printf(" %" PRIu64 " %s,", list[i].count < 0 ? commands : run.told[list[i].count], list[i].what);
    printf(" %.1f simulated years\n", (double)run.told[SPENT_MS] / (365.25 * 86400000));
}

/* The services that are asked for. */
static bool run_all(const struct asked *a)
{
    uint64_t done = 0, told = 0, most = a->chosen ? 1 : a->commands;
    bool good = true;

    store.moving = a->moving;
    if (a->uri != NULL)
        store_open(a->uri, &store);
    store.moving = a->moving;
    only = a->chosen ? &a->only : NULL;
    for (uint64_t s = a->seed; good && done < most; s++) {
        uint64_t left = a->chosen ? UINT64_MAX : most - done;
        uint32_t n;

        if (!a->chosen)
            alarm(SERVICE_SECONDS);
        n = a->uri != NULL && s % 2 == 0 ? run_alike(s, left) : run_service(s, left);
        good = n != 0;
        done += n;
        told = trace(told);
        if (!a->chosen)
            progress(done, most);
    }
    store_free(&store);
    if (!good || a->chosen)
        return good;
    print_counts(done);
    printf("random: trace %016" PRIx64 "\n", told);
    return true;
}

int run_apart(const struct asked *a, bool quiet, unsigned seconds)
{
    int status = 0;
    pid_t child;

    (void)fflush(NULL);
    note->text[0] = note->wrong[0] = '\0';
    child = fork();
    if (child == 0) {
        if (quiet && (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL))
            exit(3);
        run.verbose = !quiet && a->chosen;
        alarm(seconds);
        exit(run_all(a) ? 0 : 1);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    return status;
}

/* A line of the file: whether it runs well. */
static bool replay_line(char *line, const char *file, int at, uint32_t *n)
{
    char *words[WORDS_MAX], *rest = line;
    struct asked a;
    int words_n = 0, status;

    line[strcspn(line, "#")] = '\0';
    for (char *word; words_n < WORDS_MAX && (word = strtok_r(rest, " \t", &rest)) != NULL;)
        words[words_n++] = word;
    if (words_n == 0)
        return true;
    if (!read_arguments(words, words_n, &a) || !a.chosen) {
        fprintf(stderr, "random: %s:%d: it has to say --seed and --only\n", file, at);
        return false;
    }
    status = run_apart(&a, true, SERVICE_SECONDS);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_BUILT)
        return true;
    ++*n;
    if (status == 0)
        return true;
    fprintf(stderr, "random: %s:%d fails again\n", file, at);
    (void)run_apart(&a, false, SERVICE_SECONDS);
    return false;
}

/* It is read before anything is run: a process that ends moves a file that it shares. */
static bool replay(const char *name)
{
    static char text[256 * 1024];
    FILE *file = fopen(name, "r");
    char *line = text;
    uint32_t n = 0;
    bool good = true;

    if (file == NULL) {
        perror(name);
        return false;
    }
    if (fread(text, 1, sizeof text, file) == sizeof text) {
        fprintf(stderr, "random: %s is too long\n", name);
        good = false;
    }
    text[sizeof text - 1] = '\0';
    (void)fclose(file);
    for (int at = 1; *line != '\0'; at++) {
        char *next = line + strcspn(line, "\n");

        if (*next != '\0')
            *next++ = '\0';
        good = replay_line(line, name, at, &n) && good;
        line = next;
    }
    printf("random: %u regressions\n", n);
    return good;
}

int main(int argc, char **argv)
{
    struct asked asked;
    int status;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("%s", usage);
        return 0;
    }
    if (!read_arguments(argv + 1, argc - 1, &asked)) {
        fprintf(stderr, "%s", usage);
        return 2;
    }
    note = mmap(NULL, sizeof *note, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (note == MAP_FAILED)
        abort();
    if (asked.replay != NULL)
        return replay(asked.replay) ? 0 : 1;
    if (asked.chosen) { /* here, where a debugger sees it */
        run.verbose = true;
        return run_all(&asked) ? 0 : 1;
    }
    printf("random: seed %" PRIu64 ", %" PRIu64 " commands, %s\n", asked.seed, asked.commands,
           asked.uri == NULL ? "memory:" : asked.uri);
    status = run_apart(&asked, false, 0);
    if (status != 0)
        shrink(&asked, status);
    return status != 0;
}
