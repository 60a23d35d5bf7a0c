/* A failure with as few commands, and as few draws of these, as still lead to it.
 *
 * Delta debugging (Zeller, Hildebrandt 2002): halves, quarters ... of what is left are left out, and stay out
 * where the same still goes wrong. Each try is a process of its own, with its output kept back. The same is what
 * has the same message up to numbers; of what ends the process, the same end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "run.h"

enum { SECONDS = 60, SECONDS_OF_ONE = 10 };

static struct {
    struct asked asked; /* the least that fails so far */
    int status;
    char wrong[sizeof note->wrong];
    time_t until;
    uint32_t tries;
} shrunk;

/* Without its numbers. */
static void skeleton(const char *text, char *out)
{
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            *out++ = *text;
    }
    *out = '\0';
}

/* Keeps it, if it fails in the same way. */
static bool try_it(const struct asked *asked)
{
    char is[sizeof note->wrong], was[sizeof note->wrong];
    int status;

    if (time(NULL) >= shrunk.until)
        return false;
    shrunk.tries++;
    status = run_apart(asked, true, SECONDS_OF_ONE);
    skeleton(note->wrong, is);
    skeleton(shrunk.wrong, was);
    if (status != shrunk.status || strcmp(is, was) != 0)
        return false;
    shrunk.asked = *asked;
    return true;
}

static uint32_t commands_of(const struct only *o, uint32_t *numbers)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < ONLY_MAX; i++) {
        if (o->draws[i] != 0)
            numbers[n++] = i;
    }
    return n;
}

/* Leaves out so many at a time, from the last on. Whether any are left out. */
static bool leave_out(uint32_t size)
{
    uint32_t numbers[ONLY_MAX], n = commands_of(&shrunk.asked.only, numbers);
    bool any = false;

    for (uint32_t end = n; end > 0; end -= size < end ? size : end) {
        struct asked less = shrunk.asked;

        for (uint32_t i = end - (size < end ? size : end); i < end; i++)
            less.only.draws[numbers[i]] = 0;
        any = try_it(&less) || any;
    }
    return any;
}

static void shrink_commands(void)
{
    uint32_t numbers[ONLY_MAX], size = commands_of(&shrunk.asked.only, numbers) / 2;

    for (; size > 1; size /= 2)
        (void)leave_out(size);
    while (leave_out(1))
        continue;
}

/* The fewest draws of each that do. */
static void shrink_draws(void)
{
    static const uint16_t few[] = { 1, 2, 3, 4, 6, 8, 12, 16 };
    uint32_t numbers[ONLY_MAX], n = commands_of(&shrunk.asked.only, numbers);

    for (uint32_t i = 0; i < n; i++) {
        struct asked less = shrunk.asked;
        size_t k = 0;

        do
            less.only.draws[numbers[i]] = few[k++];
        while (!try_it(&less) && k < sizeof few / sizeof few[0]);
    }
}

static void print_again(const struct asked *a)
{
    char list[4000] = "";

    only_print(&a->only, list, sizeof list);
    fprintf(stderr, "random: again: random --seed %" PRIu64 "%s%s%s%s%s\n", a->seed,
            a->uri != NULL ? " --store " : "", a->uri != NULL ? a->uri : "",
            a->moving ? " --memory moving" : "", list[0] != '\0' ? " --only " : "", list);
}

void shrink(const struct asked *asked, int status)
{
    uint32_t numbers[ONLY_MAX], command = note->command, n, was;
    struct asked one = *asked;

    one.seed = note->seed;
    one.chosen = true;
    memset(&one.only, 0, sizeof one.only);
    for (uint32_t i = 0; i < command && i < ONLY_MAX; i++)
        one.only.draws[i] = DICE_ALL;
    memcpy(shrunk.wrong, note->wrong, sizeof shrunk.wrong);
    fprintf(stderr, "random: seed %" PRIu64 ", command %u: %s\nrandom: wrong: %s\n", one.seed, command,
            note->text, shrunk.wrong[0] != '\0' ? shrunk.wrong : "the process ended");
    if (WIFSIGNALED(status))
        fprintf(stderr, "random: signal %d%s\n", WTERMSIG(status),
                WTERMSIG(status) == SIGALRM ? ": it took too long" : "");
    shrunk.asked = one;
    shrunk.status = status;
    shrunk.until = time(NULL) + SECONDS;
    if (!try_it(&one)) {
        fprintf(stderr, "random: it does not fail so in a process of its own\n");
        print_again(&one);
        return;
    }
    was = commands_of(&one.only, numbers);
    shrink_commands();
    shrink_draws();
    (void)leave_out(1);
    n = commands_of(&shrunk.asked.only, numbers);
    fprintf(stderr, "random: %u commands, shrunk to %u in %u tries:\n", was, n, shrunk.tries);
    one = shrunk.asked;
    if (WIFSIGNALED(run_apart(&one, false, SECONDS_OF_ONE)))
        fprintf(stderr, "%4u  %s\n", note->command, note->text);
    print_again(&one);
}
