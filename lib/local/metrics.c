/* The figures of all queues since ever as text, for Prometheus: its exposition format, version
 * 0.0.4.
 *
 * The samples of a family stand together, after its HELP and TYPE. Counters have the names of
 * usher_figures' fields, which is where they are explained. Durations are told in buckets with
 * bounds that people know; who took one within 1 % of a bound may be told on either side of it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "local/cells.h"

struct writing {
    const struct engine *e;
    struct spread_sum *sum;
    char *text;
    size_t len;
    uint32_t room;
    bool failed;
};

enum { SAID_MAX = 160 }; /* bytes of what is said at once */

static __attribute__((format(printf, 2, 3))) void say(struct writing *w, const char *format, ...)
{
    char *p =
        w->failed ? NULL : usher__grow(&w->e->memory, w->text, &w->room, w->len + SAID_MAX, 1);
    va_list args;

    w->failed = p == NULL;
    if (w->failed)
        return;
    w->text = p;
    va_start(args, format);
    w->len += (size_t)vsnprintf(p + w->len, SAID_MAX, format, args);
    va_end(args);
}

/* ---- labels ---------------------------------------------------------------------------------- */

/* The bytes of the UTF-8 character there; 0: it is none. */
static int character(const unsigned char *s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int len = *s < 0x80 ? 1 : *s < 0xc0 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf8 ? 4 : 0;
    uint32_t code = *s & (0xffu >> (len + 1));

    for (int i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    return len > 1 && (code < least[len] || code > 0x10ffff || code >> 11 == 0x1b) ? 0 : len;
}

/* The text must be UTF-8 and names need not be: other bytes are told as \xNN. */
static void say_name(struct writing *w, uint32_t name)
{
    const unsigned char *s = (const unsigned char *)usher__engine_name(w->e, name);

    while (*s != '\0') {
        int len = character(s);

        if (len == 0)
            say(w, "\\\\x%02x", *s);
        else if (*s == '\n')
            say(w, "\\n");
        else
            say(w, "%s%.*s", *s == '\\' || *s == '"' ? "\\" : "", len, (const char *)s);
        s += len == 0 ? 1 : len;
    }
}

/* usher_name{queue="a",priority="low" */
static void say_sample(struct writing *w, const char *name, const char *suffix, uint32_t line)
{
    say(w, "usher_%s%s{queue=\"", name, suffix);
    say_name(w, usher__queue_of(w->e, line / PRIORITIES + 1)->name);
    say(w, "\",priority=\"%s\"", usher_name(USHER_NAME_PRIORITY, (int)(line % PRIORITIES) + 1));
}

/* ---- families -------------------------------------------------------------------------------- */

static const struct days ever = {EVER, INT64_MAX};

/* The next line in which anything was ever counted; false: that was the last. */
static bool next_line(const struct engine *e, uint32_t *line)
{
    while (*line < e->queues_n * PRIORITIES &&
           e->figures->lines[*line / PRIORITIES].cell[*line % PRIORITIES] == NULL)
        ++*line;
    return *line < e->queues_n * PRIORITIES;
}

/* Not as a float: the host's locale may have another point. */
#define SECONDS        "} %llu.%03u\n"
#define THOUSANDTHS(n) (unsigned long long)((n) / 1000), (unsigned)((n) % 1000)

/* From `figure` on: one count, or one of each promise. */
static void say_counter(struct writing *w, const char *name, uint32_t figure, uint32_t n)
{
    say(w, "# HELP usher_%s_total See usher_figures in usher.h.\n# TYPE usher_%s_total counter\n",
        name, name);
    for (uint32_t line = 0; next_line(w->e, &line); line++) {
        uint64_t count[FIGURES] = {0};

        usher__figures_sum(w->e->figures, line, &ever, count, 0, NULL);
        for (uint32_t i = 0; i < n; i++) {
            say_sample(w, name, "_total", line);
            if (n > 1)
                say(w, ",promise=\"%s\"", usher_name(USHER_NAME_PROMISE, (int)i + 1));
            if (figure == FIGURE(held_ms))
                say(w, SECONDS, THOUSANDTHS(count[figure]));
            else
                say(w, "} %llu\n", (unsigned long long)count[figure + i]);
        }
    }
}

static void say_counters(struct writing *w)
{
    static const char names[] =
        "enqueued\0joined\0recurred\0claims\0passed_over\0let_"
        "go\0words\0chases\0replies\0handoffs\0"
        "accepted\0declined\0expired\0recalled\0pauses\0late_pauses\0failed\0leases_"
        "expired\0stuck\0"
        "escalated\0no_agent\0resolved\0workarounds\0no_reply\0confirmed\0reopened\0closed\0"
        "withdrawn\0kept\0broken\0lapsed\0held_seconds";
    const char *name = names;

    for (uint32_t figure = 0, n; figure < FIGURES; figure += n) {
        n = figure >= FIGURE(kept) && figure < FIGURE(held_ms) ? PROMISES : 1;
        say_counter(w, name, figure, n);
        name += strlen(name) + 1;
    }
}

static void say_tickets(struct writing *w)
{
    say(w, "# HELP usher_tickets Open tickets now.\n# TYPE usher_tickets gauge\n");
    for (uint32_t i = 0; i < w->e->queues_n; i++) {
        const usher_queue_t *q = w->e->queues[i];

        for (int state = USHER_SCHEDULED; state < USHER_CLOSED; state++) {
            say(w, "usher_tickets{queue=\"");
            say_name(w, q->name);
            say(w, "\",state=\"%s\"} %llu\n", usher_name(USHER_NAME_STATE, state),
                (unsigned long long)q->by_state[state]);
        }
    }
}

static void say_spread(struct writing *w, const char *name, const char *help, int of)
{
    static const uint32_t bounds[] = {10,       100,       1000,      10000,     60000,    300000,
                                      900000,   1800000,   3600000,   7200000,   14400000, 28800000,
                                      86400000, 259200000, 604800000, 2592000000};

    say(w, "# HELP usher_%s From start_at to %s.\n# TYPE usher_%s histogram\n", name, help, name);
    for (uint32_t line = 0; !w->failed && next_line(w->e, &line); line++) {
        unsigned long long n;

        memset(w->sum, 0, sizeof(*w->sum));
        usher__figures_sum(w->e->figures, line, &ever, NULL, of, w->sum);
        for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
            n = usher__sum_upto(w->sum, bounds[i]);
            say_sample(w, name, "_bucket", line);
            say(w, bounds[i] < 1000 ? ",le=\"0.%03u\"} %llu\n" : ",le=\"%u\"} %llu\n",
                (unsigned)(bounds[i] < 1000 ? bounds[i] : bounds[i] / 1000), n);
        }
        n = w->sum->n;
        say_sample(w, name, "_bucket", line);
        say(w, ",le=\"+Inf\"} %llu\n", n);
        say_sample(w, name, "_sum", line);
        say(w, SECONDS, THOUSANDTHS((uint64_t)w->sum->sum));
        say_sample(w, name, "_count", line);
        say(w, "} %llu\n", n);
    }
}

int usher__metrics_read(struct engine *e, usher_page *out)
{
    struct figures *f = e->figures;
    struct writing w = {.e = e, .sum = usher__alloc(&e->memory, sizeof(*w.sum))};

    w.failed = w.sum == NULL;
    say_counters(&w);
    say_tickets(&w);
    say_spread(&w, "wait_seconds", "the first claim", OF_WAIT);
    say_spread(&w, "word_seconds", "the first word", OF_WORD);
    say_spread(&w, "solve_seconds", "the resolve that held", OF_SOLVE);
    usher__free(&e->memory, w.sum);
    usher__free(&e->memory, f->text);
    f->text = w.text;
    if (w.failed)
        return USHER_ENOMEM;
    out->text = (usher_text){w.text, w.len};
    return 0;
}
