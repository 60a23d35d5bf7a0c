/* usher: looks into a store.
 *
 * Everything is done through the public header, on a store opened with ?readonly=1: so it works beside
 * a running service that allows readers, and on a store that nobody has open. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "help.h"

enum needs { NEEDS_STORE, NEEDS_TICKET, NEEDS_FILE };

struct command {
    const char *name;
    int (*run)(const struct line *l);
    const char *help;
    enum needs needs;
    unsigned takes; /* bits of the options with a value */
};

enum { TAKES_QUEUE = 1, TAKES_LIMIT = 2, TAKES_DAYS = 4, TAKES_FILTERS = 8 };

static const struct command commands[] = {
    {"info", command_info, help_info, NEEDS_STORE, 0},
    {"list", command_list, help_list, NEEDS_STORE, TAKES_QUEUE | TAKES_FILTERS | TAKES_LIMIT},
    {"show", command_show, help_show, NEEDS_TICKET, 0},
    {"history", command_history, help_history, NEEDS_TICKET, TAKES_LIMIT},
    {"stats", command_stats, help_stats, NEEDS_STORE, 0},
    {"figures", command_figures, help_figures, NEEDS_STORE, TAKES_QUEUE | TAKES_DAYS},
    {"check", command_check, help_check, NEEDS_STORE, 0},
    {"backup", command_backup, help_backup, NEEDS_FILE, 0},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

struct words { /* those that are no options */
    const char *word[3];
    int n;
};

static int complain(const struct command *c, const char *what, const char *about)
{
    fprintf(stderr, "usher%s%s: %s%s; see usher %s%s--help\n", c ? " " : "", c ? c->name : "", what,
            about, c ? c->name : "", c ? " " : "");
    return CODE_USAGE;
}

/* "waiting,stuck" to bits; false: about is the part that is no state. */
static bool read_states(struct line *l, const char *text, char about[64])
{
    while (*text) {
        size_t len = strcspn(text, ",");
        int state = 1;
        snprintf(about, 64, "%.*s", len < 60 ? (int)len : 60, text);
        if (strcmp(about, "all") == 0)
            l->all_states = true;
        else {
            while (state < USHER_STATES && strcmp(usher_name(USHER_NAME_STATE, state), about) != 0)
                state++;
            if (state == USHER_STATES || *about == '?')
                return false;
            l->states |= 1u << state;
        }
        text += len + (text[len] == ',');
    }
    return l->states != 0 || l->all_states;
}

/* A whole number from 1 to max. */
static bool read_number(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return p != text && *p == 0 && n > 0;
}

static int read_limit(const struct command *c, struct line *l, const char *value)
{
    uint64_t n = UINT32_MAX;
    if (strcmp(value, "all") != 0 && !read_number(value, UINT32_MAX - 1, &n))
        return complain(c, "--limit takes a number or \"all\", not ", value);
    l->limit = (uint32_t)n;
    return CODE_OK;
}

static int read_days(const struct command *c, struct line *l, const char *value)
{
    uint64_t n;
    if (!read_number(value, USHER_FIGURE_DAYS, &n))
        return complain(c, "--days takes a number of days up to 32, not ", value);
    l->days = (uint32_t)n;
    return CODE_OK;
}

/* An option with a value. CODE_OK: taken; CODE_USAGE: it has been said why not. */
static int read_valued(const struct command *c, struct line *l, const char *option, size_t len,
                       const char *value)
{
    enum { QUEUE, REQUESTER, AGENT, STATE, LIMIT, DAYS, VALUED };
    static const struct {
        const char *name;
        unsigned takes;
    } options[VALUED] = {{"--queue", TAKES_QUEUE},   {"--requester", TAKES_FILTERS},
                         {"--agent", TAKES_FILTERS}, {"--state", TAKES_FILTERS},
                         {"--limit", TAKES_LIMIT},   {"--days", TAKES_DAYS}};
    const char **const filters[] = {&l->queue, &l->requester, &l->agent};
    char about[64];
    int i = 0;
    while (i < VALUED &&
           (strlen(options[i].name) != len || strncmp(options[i].name, option, len) != 0))
        i++;
    if (i == VALUED || (options[i].takes & c->takes) == 0)
        return complain(c, "there is no option ", option);
    if (!value || !*value)
        return complain(c, "a value is needed after ", options[i].name);
    if (i == LIMIT)
        return read_limit(c, l, value);
    if (i == DAYS)
        return read_days(c, l, value);
    if (i == STATE)
        return read_states(l, value, about) ? CODE_OK : complain(c, "there is no state ", about);
    if (strlen(value) > USHER_NAME_MAX)
        return complain(c, "a name is shorter than that: ", options[i].name);
    *filters[i] = value;
    return CODE_OK;
}

/* -1: go on; else the exit code. */
static int read_options(const struct command *c, struct line *l, struct words *w, char **argv)
{
    bool only_words = false;
    for (; *argv; argv++) {
        const char *a = *argv;
        if (only_words || a[0] != '-' || a[1] == 0) {
            if (w->n == 3)
                return complain(c, "too many words: ", a);
            w->word[w->n++] = a;
        } else if (strcmp(a, "--") == 0) {
            only_words = true;
        } else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            return fputs(c->help, stdout) == EOF;
        } else if (strcmp(a, "--json") == 0) {
            l->json = true;
        } else {
            size_t len = strcspn(a, "=");
            const char *value = a[len] == '=' ? a + len + 1 : argv[1];
            if (read_valued(c, l, a, len, value) != CODE_OK)
                return CODE_USAGE;
            argv += a[len] != '=';
        }
    }
    return -1;
}

static int read_words(const struct command *c, struct line *l, const struct words *w)
{
    static const char *const first[] = {"", "which ticket, and ", "into which file, and "};
    int needed = c->needs == NEEDS_STORE ? 1 : 2;
    if (w->n < needed)
        return complain(c, w->n == 0 ? first[c->needs] : "", "of which store? Its file is needed");
    if (w->n > needed)
        return complain(c, "one word too many: ", w->word[needed]);
    l->path = w->word[needed - 1];
    if (strncmp(l->path, "sqlite:", 7) == 0)
        l->path += 7;
    if (c->needs == NEEDS_FILE)
        l->file = w->word[0];
    if (c->needs == NEEDS_TICKET && !read_number(w->word[0], UINT64_MAX, &l->ticket))
        return complain(
            c, "a ticket is a number, and the store comes last; this is none: ", w->word[0]);
    return CODE_OK;
}

static int run(const struct command *c, char **argv)
{
    struct line l = {0};
    struct words w = {0};
    int code = read_options(c, &l, &w, argv);
    if (code >= 0)
        return code;
    code = read_words(c, &l, &w);
    if (code != CODE_OK)
        return code;
    code = c->run(&l);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("usher: the output cannot be written\n", stderr);
        return CODE_PROBLEM;
    }
    return code;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (argc < 2)
        return fputs(help_usage, stderr), CODE_USAGE;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return fputs(help_usage, stdout) == EOF;
    if (strcmp(name, "--version") == 0)
        return printf("usher %s\n", USHER_VERSION_STRING) < 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return run(&commands[i], argv + 2);
    }
    return complain(NULL, "there is no command ", name);
}
