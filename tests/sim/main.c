/* A random run through the public API on a manual clock, under watch.
 *
 *     random [--seed N] [--commands N] [--store disk|sqlite:PATH] [--memory libc|moving]
 *
 * With a store (`disk`: in memory, where it can also be killed) every other service is closed
 * now and then, or killed, and opened again, and must go on as if nothing had happened; the rest
 * run twice, in memory and on the store, and must tell the same and leave the same behind.
 *
 * Services one after the other, each small and with a seed of its own: N, N + 1 ... The first failure ends
 * the run and says how to see it again. What all of them told is one number, the trace: it is the same whatever
 * compiled this and wherever memory lies. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static bool number(const char *text, uint64_t *out)
{
    char *end;

    *out = strtoull(text, &end, 10);
    return *text != '\0' && *end == '\0';
}

static uint64_t trace(uint64_t all)
{
    for (int i = 0; i < TRACES; i++)
        all = (all ^ run.trace[i]) * UINT64_C(1099511628211);
    return all;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, commands = getenv("USHER_LONG") != NULL ? 20000000 : 1000000, done = 0, told = 0;
    const char *uri = NULL;
    bool good = true;

    for (int i = 1; i < argc; i += 2) {
        uint64_t *to = strcmp(argv[i], "--seed") == 0       ? &seed
                       : strcmp(argv[i], "--commands") == 0 ? &commands
                                                            : NULL;

        if (strcmp(argv[i], "--store") == 0 && i + 1 < argc) {
            uri = argv[i + 1];
        } else if (strcmp(argv[i], "--memory") == 0 && i + 1 < argc) {
            store.moving = strcmp(argv[i + 1], "moving") == 0;
        } else if (to == NULL || i + 1 == argc || !number(argv[i + 1], to)) {
            fprintf(stderr, "usage: random [--seed N] [--commands N] [--store disk|sqlite:PATH] "
                            "[--memory libc|moving]\n");
            return 2;
        }
    }
    if (uri != NULL)
        store_open(uri, &store);
    printf("random: seed %" PRIu64 ", %" PRIu64 " commands, %s\n", seed, commands, store.uri);
    for (uint64_t s = seed; good && done < commands; s++) {
        uint32_t n = uri != NULL && s % 2 == 0 ? run_alike(s, commands - done)
                                               : run_service(s, commands - done);

        good = n != 0;
        done += n;
        told = trace(told);
    }
    store_free(&store);
    if (!good)
        return 1;
    printf("random: %" PRIu64 " services, %" PRIu64 " commands, %" PRIu64 " events, %" PRIu64
           " completions, %" PRIu64 " claims; reopened %" PRIu64 ", killed %" PRIu64 " times\n",
           run.told[3], done, run.told[0], run.told[1], run.told[2], run.told[4], run.told[5]);
    printf("random: trace %016" PRIx64 "\n", told);
    return 0;
}
