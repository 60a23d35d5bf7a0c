/* The proof by enumeration: every state that a crash may leave, opened and held against the ledger.
 *
 *     crash [--states N] [--part N] [--seed N] [--workload NAME] [--control off|normal|early] [--jobs N]
 *           [--dump DIR]
 *
 * Each workload is recorded once; its states are drawn evenly, up to N in all, and shared out
 * between processes; with a part, one in so many of them. A control runs on a disk that breaks its
 * word in one way: there losses must be found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "judge.h"
#include "workloads.h"

enum {
    SUBSETS = 16,
    SUBSETS_MAX = 4096,
    JOBS_MAX = 16,
    SHOW = 3,
    AGAIN = 60 /* states of one crash after a crash */
};

struct options {
    uint64_t states, seed;
    const char *workload, *control, *dump;
    uint32_t jobs, part, subsets;
};

struct run {
    struct play play;
    uint64_t variants, points, budget;
    uint32_t part;
    struct counts counts;
};

static struct run runs[32];

/* ---- recording ------------------------------------------------------------------------------- */

static enum disk_faith faith_of(const struct options *o, const struct workload *w)
{
    if (o->control == NULL)
        return w->faith;
    return strcmp(o->control, "off") == 0      ? DISK_OFF
           : strcmp(o->control, "normal") == 0 ? DISK_NORMAL
                                               : DISK_EARLY;
}

static bool wanted(const struct options *o, const struct workload *w)
{
    if (o->workload != NULL)
        return strcmp(o->workload, w->name) == 0;
    return o->control == NULL || w->level == USHER_DISK;
}

static void record(const struct options *o, const struct workload *w, struct run *run)
{
    play_begin(&run->play, w->name, faith_of(o, w), w->level, w->from, o->seed);
    w->run(&run->play);
    play_end(&run->play);
    run->part = w->part * o->part;
}

static uint64_t count(struct run *run, uint32_t subsets)
{
    struct states *s = states_new(&run->play.tape, 0, subsets);

    run->points = run->variants = 0;
    while (states_next(s)) {
        run->points++;
        run->variants += states_variants(s);
    }
    states_free(s);
    return run->variants / run->part;
}

/* So many random subsets at each point that there are enough states to draw from. */
static void count_all(struct options *o, size_t n)
{
    uint64_t all = 0;

    for (o->subsets = SUBSETS; all < o->states && o->subsets <= SUBSETS_MAX; o->subsets *= 2) {
        all = 0;
        for (size_t i = 0; i < n; i++)
            all += count(&runs[i], o->subsets);
    }
    o->subsets /= 2;
}

/* Who has fewer states than an even share leaves the rest to the others. */
static void share_out(uint64_t states, size_t n)
{
    uint64_t left = states, share;
    size_t open = n;
    bool changed = true;

    while (open > 0 && changed) {
        share = left / open;
        changed = false;
        for (size_t i = 0; i < n; i++) {
            if (runs[i].budget > 0 || runs[i].variants > share)
                continue;
            runs[i].budget = runs[i].variants;
            left -= runs[i].variants;
            open--;
            changed = true;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (runs[i].budget == 0 && open > 0)
            runs[i].budget = left / open;
        runs[i].budget = 1 + runs[i].budget / runs[i].part;
    }
}

/* Every public call that can change something, and every verb, was tried and acknowledged, and
 * every version of the schema was led up from, and nothing. */
static bool complete(size_t n)
{
    static const char *const calls[] = {
#include "calls.h"
    };
    bool ok = true;

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (!play_called(calls[i])) {
            printf("no workload calls %s\n", calls[i]);
            ok = false;
        }
    }
    for (uint32_t from = 0; from < runs[0].play.schema; from++) {
        size_t i = 0;

        while (i < workloads_n && workloads[i].from != from)
            i++;
        if (i == workloads_n) {
            printf("no workload begins with a schema of version %u\n", from);
            ok = false;
        }
    }
    for (int verb = 1; verb < PLAY_VERBS; verb++) {
        bool done = strcmp(usher_name(USHER_NAME_VERB, verb), "?") == 0;

        for (size_t i = 0; i < n; i++)
            done = done || runs[i].play.verbs[verb] != 0;
        if (!done) {
            printf("no workload does %s\n", usher_name(USHER_NAME_VERB, verb));
            ok = false;
        }
    }
    return ok;
}

/* ---- one process's share --------------------------------------------------------------------- */

/* Whether a crash after this crash is looked at, too. A process that was killed just before a sync
 * is the one whose successor may see what is not on the disk: of those more are taken. */
static bool again(const struct run *run, size_t at, uint32_t v, uint64_t drawn)
{
    const struct tape *tape = &run->play.tape;
    uint64_t n = 1 + run->budget / 8 / AGAIN;

    if (v > 0)
        return drawn < n;
    if (at < tape->ops_n && tape->ops[at].kind == TAPE_SYNC)
        n *= 16;
    return drawn % run->points < n;
}

static void walk(struct judge *j, const struct run *run, uint32_t job, uint32_t jobs)
{
    struct states *s = states_new(&run->play.tape, j->seed, j->subsets);
    uint64_t passed = 0;
    struct demand demand = {0};

    while (states_next(s)) {
        uint32_t n = states_variants(s);
        bool mine = passed * jobs / run->variants == job;

        judge_read(&run->play.tape, states_at(s), &demand);
        passed += n;
        for (uint32_t v = 0; mine && v < n; v++) {
            uint64_t drawn = states_draw(j->seed, states_at(s), v) % run->variants;

            if ((v >= 2 || run->part > 1) && drawn >= run->budget)
                continue;
            judge_state(j, s, v, &demand);
            if (again(run, states_at(s), v, drawn))
                judge_again(j, s, v, AGAIN);
        }
    }
    states_free(s);
}

static void work(const struct options *o, size_t n, uint32_t job, int out)
{
    for (size_t i = 0; i < n; i++) {
        struct judge j = {.dump = o->dump,
                          .seed = o->seed,
                          .subsets = o->subsets,
                          .show = o->control == NULL ? SHOW : 0};

        judge_begin(&j, &runs[i].play);
        walk(&j, &runs[i], job, o->jobs);
        judge_end(&j);
        if (write(out, &j.counts, sizeof j.counts) != (ssize_t)sizeof j.counts)
            exit(2);
    }
}

static void add(struct counts *to, const struct counts *c)
{
    to->states += c->states;
    to->distinct += c->distinct;
    to->opened += c->opened;
    to->again += c->again;
    to->lost += c->lost;
    to->told += c->told;
    to->invented += c->invented;
    to->refused += c->refused;
    to->wrong += c->wrong;
}

/* The children have everything that was recorded; no thread is running. */
static bool share_work(const struct options *o, size_t n)
{
    int pipes[JOBS_MAX][2], status;
    bool ok = true;

    for (uint32_t job = 0; job < o->jobs; job++) {
        pid_t pid = pipe(pipes[job]) == 0 ? fork() : -1;

        if (pid < 0)
            must(NULL);
        if (pid == 0) {
            work(o, n, job, pipes[job][1]);
            (void)close(pipes[job][1]);
            exit(0);
        }
        (void)close(pipes[job][1]);
    }
    for (size_t i = 0; i < n; i++) {
        for (uint32_t job = 0; job < o->jobs; job++) {
            struct counts c;

            if (read(pipes[job][0], &c, sizeof c) == (ssize_t)sizeof c)
                add(&runs[i].counts, &c);
            else
                ok = false;
        }
    }
    while (wait(&status) > 0)
        ok = ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ok)
        printf("a process has not come to its end\n");
    return ok;
}

/* ---- the report ------------------------------------------------------------------------------ */

static void print_counts(const char *name, const struct counts *c)
{
    printf("%-11s %9llu %9llu %9llu %9llu %7llu %7llu %9llu %8llu %7llu\n", name,
           (unsigned long long)c->states, (unsigned long long)c->again,
           (unsigned long long)c->distinct, (unsigned long long)c->opened,
           (unsigned long long)c->lost, (unsigned long long)c->told,
           (unsigned long long)c->invented, (unsigned long long)c->refused,
           (unsigned long long)c->wrong);
}

static bool judge_all(const struct options *o, size_t n, double seconds)
{
    struct counts all = {0};
    uint64_t bad;

    printf("%-11s %9s %9s %9s %9s %7s %7s %9s %8s %7s\n", "workload", "states", "(again)",
           "distinct", "opened", "lost", "told", "invented", "refused", "unsound");
    for (size_t i = 0; i < n; i++) {
        print_counts(runs[i].play.name, &runs[i].counts);
        add(&all, &runs[i].counts);
    }
    print_counts("all", &all);
    printf("seed %llu, %u processes, %.1f s, %.0f states/s, %.0f opened/s\n",
           (unsigned long long)o->seed, o->jobs, seconds, (double)all.states / seconds,
           (double)all.opened / seconds);
    bad = all.lost + all.told + all.invented + all.refused + all.wrong;
    if (o->control == NULL)
        return bad == 0;
    printf("control %s: %s\n", o->control,
           all.lost > 0 ? "losses were found, as they must be" : "NO LOSS WAS FOUND");
    return all.lost > 0;
}

static double seconds_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];

        if (strcmp(argv[i], "--states") == 0)
            o->states = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            o->seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--part") == 0)
            o->part = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--jobs") == 0)
            o->jobs = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--workload") == 0)
            o->workload = value;
        else if (strcmp(argv[i], "--control") == 0)
            o->control = value;
        else if (strcmp(argv[i], "--dump") == 0)
            o->dump = value;
        else
            return false;
    }
    return argc % 2 == 1 && o->jobs > 0 && o->jobs <= JOBS_MAX && o->part > 0 && o->states > 0;
}

int main(int argc, char **argv)
{
    struct options o = {.states = 20000, .seed = 1, .jobs = 2, .part = 1};
    double began = seconds_now();
    bool ok = true;
    size_t n = 0;

    if (!parse(argc, argv, &o)) {
        fprintf(stderr, "usage: crash [--states N] [--part N] [--seed N] [--workload NAME] "
                        "[--control off|normal|early] [--jobs N] [--dump DIR]\n");
        return 2;
    }
    for (size_t i = 0; i < workloads_n; i++) {
        if (wanted(&o, &workloads[i]))
            record(&o, &workloads[i], &runs[n++]);
    }
    if (o.workload == NULL && o.control == NULL)
        ok = complete(n);
    count_all(&o, n);
    share_out(o.states, n);
    (void)fflush(stdout);
    ok = share_work(&o, n) && ok;
    ok = judge_all(&o, n, seconds_now() - began) && ok;
    for (size_t i = 0; i < n; i++)
        play_free(&runs[i].play);
    return ok ? 0 : 1;
}
