/* usher-replay: what would usher have made of this log?
 *
 * Reads an event log as CSV, drives a service through it on the manual clock, and tells from
 * usher's own events how it was for the people who waited. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "policy.h"
#include "report.h"
#include "what_if.h"

static const char usage[] =
    "Usage: usher-replay LOG --mapping FILE [--policy FILE] [--store STORE [--resume]] [--json]\n"
    "       usher-replay LOG --mapping FILE [--policy FILE] --what-if QUESTION [--svg FILE] "
    "[--json]\n"
    "\n"
    "Drives an usher service through an event log (CSV, one row per update of a ticket) and "
    "reports how it\n"
    "was for the people who waited: promises kept and broken, how long it took, what went back and "
    "forth.\n"
    "\n"
    "  --mapping FILE    JSON: which columns are ticket, instant, state ..., and which states mean "
    "what\n"
    "  --policy FILE     JSON: the promises, leases, pauses ... of every queue, instead of the "
    "built-in policy\n"
    "  --store STORE     sqlite:FILE: drives a service on a store of its own, which stays; default "
    "memory:\n"
    "  --resume          goes on with a store that an earlier run of the same log has left behind, "
    "however it\n"
    "                    ended; the report is the same as if it had not\n"
    "  --what-if agents=N[,shares=urgent:first,high:8,normal:4,low:1]\n"
    "                    serves the same people by N agents in usher's order, first come first "
    "served,\n"
    "                    and by strict priority, and compares; shares: instead of the policy's\n"
    "  --svg FILE        draws that comparison\n"
    "  --json            the report as JSON; durations in ms\n"
    "  --builtin-policy  print the built-in policy, to begin a policy of your own with\n"
    "  --help, --version\n"
    "\n"
    "LOG may be /dev/stdin. Exit: 0 done, 1 the log cannot be read or the report does not add up, "
    "2 usage.\n"
    "Try: usher-replay examples/replay/sample.csv --mapping examples/replay/sample.json\n";

struct options {
    const char *log, *mapping, *policy, *store, *what_if, *svg;
    int json, resume;
    struct question question; /* what_if, read */
};

/* Takes "--name VALUE" and "--name=VALUE": 1 if argv[*i] is it, 0 if not, -1 if the value is
 * missing. */
static int take_value(char **argv, int *i, const char *name, const char **out)
{
    size_t len = strlen(name);
    if (strncmp(argv[*i], name, len) != 0)
        return 0;
    if (argv[*i][len] == '=')
        *out = argv[*i] + len + 1;
    else if (argv[*i][len] == 0)
        *out = argv[*i + 1] ? argv[++*i] : NULL;
    else
        return 0;
    return *out && **out ? 1 : -1;
}

static int complain(const char *what, const char *about)
{
    fprintf(stderr, "usher-replay: %s%s; see usher-replay --help\n", what, about);
    return 2;
}

/* -1: go on; else the exit code. */
static int read_options(struct options *o, char **argv)
{
    *o = (struct options){0};
    for (int i = 1; argv[i]; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return fputs(usage, stdout) == EOF;
        if (strcmp(argv[i], "--version") == 0)
            return printf("usher-replay %s\n", USHER_VERSION_STRING) < 0;
        if (strcmp(argv[i], "--builtin-policy") == 0)
            return fputs(policy_builtin, stdout) == EOF;
        if (strcmp(argv[i], "--json") == 0) {
            o->json = 1;
            continue;
        }
        if (strcmp(argv[i], "--resume") == 0) {
            o->resume = 1;
            continue;
        }
        const char *name = argv[i];
        int took = take_value(argv, &i, "--mapping", &o->mapping);
        if (took == 0)
            took = take_value(argv, &i, "--policy", &o->policy);
        if (took == 0)
            took = take_value(argv, &i, "--store", &o->store);
        if (took == 0)
            took = take_value(argv, &i, "--svg", &o->svg);
        if (took == 0)
            took = take_value(argv, &i, "--what-if", &o->what_if);
        if (took < 0 && strncmp(name, "--what-if", 9) == 0)
            return complain("--what-if: how many agents?", " agents=N is needed");
        if (took < 0)
            return complain("a file is needed after ", name);
        if (took > 0)
            continue;
        if (argv[i][0] == '-' && argv[i][1] != 0)
            return complain("no such option: ", argv[i]);
        if (o->log)
            return complain("one log at a time, please; this is the second: ", argv[i]);
        o->log = argv[i];
    }
    if (!o->log)
        return complain("which log?", " A CSV file is needed");
    if (!o->mapping)
        return complain("which columns mean what?", " --mapping FILE is needed");
    if (o->resume && !o->store)
        return complain("--resume: with which store?", " --store sqlite:FILE is needed");
    struct fault fault;
    if (o->what_if && question_parse(&o->question, o->what_if, &fault) != 0)
        return complain(fault.text, "");
    if (o->svg && !o->what_if)
        return complain("--svg: a picture of what?", " --what-if is needed");
    if (o->store && o->what_if)
        return complain("--what-if serves in memory:", " --store is for a replay");
    return -1;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* The file's text; NULL: the fault is set. */
static char *read_text(const char *path, struct fault *f)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t cap = 0;
    size_t len = 0;
    size_t got = 0;
    if (!file) {
        fault_set(f, "%s: %s", path, strerror(errno));
        return NULL;
    }
    do {
        text = array_room(text, &cap, len + 4096 + 1, 1);
        got = fread(text + len, 1, 4096, file);
        len += got;
    } while (got > 0);
    int failed = ferror(file) || memchr(text, 0, len) != NULL;
    fclose(file);
    text[len] = 0;
    if (failed) {
        fault_set(f, "%s: cannot be read as text", path);
        free(text);
        return NULL;
    }
    return text;
}

static void show_progress(size_t done, size_t all, void *user)
{
    (void)user;
    if (done == all)
        fprintf(stderr, "\r%20s\r", "");
    else
        fprintf(stderr, "\rreplaying: %3u %%", (unsigned)(done * 100 / all));
    fflush(stderr);
}

static int replay(const struct options *o, const char *policy, const struct log *log,
                  const struct timeline *timeline, struct assumed *assumed, struct fault *f)
{
    struct account account = {0};
    struct drive_result result;
    account_open(&account, log);
    struct drive_on on = {o->store ? o->store : "memory:", o->resume, policy};
    int r = drive(&account, &result, log, timeline, &on, assumed,
                  isatty(STDERR_FILENO) ? show_progress : NULL, NULL, f);
    if (r == 0) {
        struct figures figures;
        figures_open(&figures, &account, &result, log, timeline, assumed);
        struct report report = {
            .log_name = base_name(o->log),
            .policy_name = o->policy ? base_name(o->policy) : "built in",
            .policy = policy,
            .log = log,
            .timeline = timeline,
            .account = &account,
            .drive = &result,
            .assumed = assumed,
            .figures = &figures,
        };
        if (o->json)
            r = report_json(stdout, &report);
        else
            report_text(stdout, &report);
        if (r != 0 || fflush(stdout) != 0 || ferror(stdout))
            r = fault_set(f, "the report cannot be written");
        else if (!report_holds(&report))
            r = fault_set(f, "the report does not add up, see its end");
        figures_free(&figures);
    }
    account_free(&account);
    return r;
}

static int draw(const char *path, const struct what_if *w, struct fault *f)
{
    FILE *file = fopen(path, "w");
    int r = file ? what_if_svg(file, w) : -1;
    if (file && fclose(file) != 0)
        r = -1;
    return r == 0 ? 0 : fault_set(f, "%s: %s", path, strerror(errno));
}

/* Whether standard output is somebody's terminal that shows more than ASCII. */
static bool has_blocks(void)
{
    setlocale(LC_CTYPE, "");
    return isatty(STDOUT_FILENO) && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static int what_if(const struct options *o, const char *policy, const struct log *log,
                   const struct timeline *timeline, struct fault *f)
{
    struct demand demand;
    struct what_if w = {
        .log_name = base_name(o->log),
        .policy_name = o->policy ? base_name(o->policy) : "built in",
        .question = &o->question,
        .log = log,
        .timeline = timeline,
        .demand = &demand,
    };
    int r = demand_open(&demand, log, timeline, f);
    if (r == 0)
        r = what_if_open(&w, policy, f);
    if (r == 0 && o->svg)
        r = draw(o->svg, &w, f);
    if (r == 0) {
        if (o->json)
            r = what_if_json(stdout, &w);
        else
            what_if_text(stdout, &w, has_blocks());
        if (r != 0 || fflush(stdout) != 0 || ferror(stdout))
            r = fault_set(f, "the report cannot be written");
    }
    what_if_free(&w);
    demand_free(&demand);
    return r;
}

static int read_log(const struct options *o, const char *policy, struct fault *f)
{
    struct mapping mapping;
    struct log log = {0};
    struct timeline timeline = {0};
    struct assumed assumed = {0};
    int r = mapping_load(&mapping, o->mapping, f);
    if (r == 0)
        r = log_load(&log, o->log, &mapping, &assumed, f);
    if (r == 0) {
        timeline_build(&timeline, &log, &assumed);
        r = o->what_if ? what_if(o, policy, &log, &timeline, f)
                       : replay(o, policy, &log, &timeline, &assumed, f);
    }
    timeline_free(&timeline);
    log_free(&log);
    mapping_free(&mapping);
    return r;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct options o;
    struct fault fault = {0};
    int code = read_options(&o, argv);
    if (code >= 0)
        return code;
    char *given = o.policy ? read_text(o.policy, &fault) : NULL;
    int r = o.policy && !given ? -1 : read_log(&o, given ? given : policy_builtin, &fault);
    free(given);
    if (r != 0)
        fprintf(stderr, "usher-replay: %s\n", fault.text);
    return r != 0;
}
