/* The metrics as Prometheus reads them: a strict parser of its text format 0.0.4, and what it
 * finds against the figures.
 * https://github.com/prometheus/docs/blob/main/content/docs/instrumenting/exposition_formats.md */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include <usher/usher.h>

#include "local/figures.h"
#include "loop/service.h"
#include "probe.h"

#define T0 INT64_C(1700000000000)

enum { SAMPLES_MAX = 20000, FAMILIES_MAX = 80, LABELS_MAX = 3, VALUE_MAX = 1100 };

struct label {
    char name[32], value[VALUE_MAX];
};
struct sample {
    char name[64]; /* suffix and all */
    struct label label[LABELS_MAX];
    int labels_n, family;
    double value;
};
struct family {
    char name[64], type[16];
    bool helped;
};
struct exposition {
    struct family family[FAMILIES_MAX];
    struct sample *sample;
    int families_n, samples_n;
};

/* ---- the parser ------------------------------------------------------------------------------ */

static size_t utf8(const unsigned char *s)
{
    static const struct {
        unsigned char low, high, next_low, next_high;
        size_t len;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (*s < forms[i].low || *s > forms[i].high)
            continue;
        for (size_t k = 1; k < forms[i].len; k++) {
            if (s[k] < (k == 1 ? forms[i].next_low : 0x80) ||
                s[k] > (k == 1 ? forms[i].next_high : 0xbf))
                return 0;
        }
        return forms[i].len;
    }
    return 0;
}

/* [a-zA-Z_:][a-zA-Z0-9_:]*; labels have no colon. */
static const char *name(const char *at, char *to, size_t room, bool colon)
{
    size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789:");

    assert_true(n > 0 && n < room);
    assert_false(*at >= '0' && *at <= '9');
    memcpy(to, at, n);
    to[n] = '\0';
    assert_true(colon || strchr(to, ':') == NULL);
    return at + n;
}

static const char *literal(const char *at, const char *expected)
{
    size_t n = strlen(expected);

    if (strncmp(at, expected, n) != 0)
        fail_msg("'%s' expected at '%.40s'", expected, at);
    return at + n;
}

static int family_of(struct exposition *x, const char *of)
{
    for (int i = 0; i < x->families_n; i++) {
        if (strcmp(x->family[i].name, of) == 0)
            return i;
    }
    return -1;
}

/* # HELP name text, then # TYPE name type; each once, and together, before the family's samples. */
static const char *comment(struct exposition *x, const char *at)
{
    char of[64];
    const char *eol = strchr(at, '\n');
    struct family *f;

    if (strncmp(at, "# HELP ", 7) == 0) {
        at = literal(name(at + 7, of, sizeof of, true), " ");
        assert_int_equal(family_of(x, of), -1);
        f = &x->family[x->families_n++];
        assert_true(x->families_n < FAMILIES_MAX);
        strcpy(f->name, of);
        f->helped = true;
        assert_true(eol - at > 3);
        for (; at < eol; at++)
            assert_true(*at != '\\' && (unsigned char)*at >= ' ');
        return eol + 1;
    }
    at = literal(name(literal(at, "# TYPE "), of, sizeof of, true), " ");
    assert_int_equal(family_of(x, of), x->families_n - 1);
    f = &x->family[x->families_n - 1];
    assert_int_equal(f->type[0], '\0');
    at = name(at, f->type, sizeof f->type, false);
    assert_true(strcmp(f->type, "counter") == 0 || strcmp(f->type, "gauge") == 0 ||
                strcmp(f->type, "histogram") == 0);
    return literal(at, "\n");
}

static const char *label(struct label *l, const char *at)
{
    size_t n = 0;

    at = literal(name(at, l->name, sizeof l->name, false), "=\"");
    while (*at != '"') {
        size_t len = utf8((const unsigned char *)at);

        assert_true(len > 0 && *at != '\n' && n + 4 < VALUE_MAX);
        if (*at == '\\') {
            at++;
            assert_true(*at == '\\' || *at == '"' || *at == 'n');
            l->value[n++] = *at == 'n' ? '\n' : *at;
            at++;
            continue;
        }
        memcpy(l->value + n, at, len);
        n += len;
        at += len;
    }
    l->value[n] = '\0';
    return at + 1;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);

    return n > k && strcmp(s + n - k, end) == 0;
}

/* A sample belongs to the family above it: a histogram's have suffixes. */
static const char *sample(struct exposition *x, const char *at)
{
    struct sample *s = &x->sample[x->samples_n++];
    const struct family *f = &x->family[x->families_n - 1];
    size_t of;
    char *end;

    assert_true(x->samples_n < SAMPLES_MAX && x->families_n > 0 && f->type[0] != '\0');
    s->family = x->families_n - 1;
    at = literal(name(at, s->name, sizeof s->name, true), "{");
    of = strlen(f->name);
    assert_memory_equal(s->name, f->name, of);
    if (strcmp(f->type, "histogram") == 0)
        assert_true(strcmp(s->name + of, "_bucket") == 0 || strcmp(s->name + of, "_sum") == 0 ||
                    strcmp(s->name + of, "_count") == 0);
    else
        assert_int_equal(s->name[of], '\0');
    assert_int_equal(strcmp(f->type, "counter") == 0, ends_with(f->name, "_total"));
    for (;;) {
        assert_true(s->labels_n < LABELS_MAX);
        at = label(&s->label[s->labels_n++], at);
        if (*at != ',')
            break;
        at++;
    }
    at = literal(at, "} ");
    assert_true(*at >= '0' && *at <= '9');
    s->value = strtod(at, &end);
    assert_int_equal(strspn(at, "0123456789."), end - at);
    return literal(end, "\n");
}

static const char *value_of(const struct sample *s, const char *of)
{
    for (int i = 0; i < s->labels_n; i++) {
        if (strcmp(s->label[i].name, of) == 0)
            return s->label[i].value;
    }
    return NULL;
}

static bool same_labels(const struct sample *a, const struct sample *b, const char *without)
{
    static const char *const names[] = {"queue", "priority", "promise", "state", "le"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *va = value_of(a, names[i]), *vb = value_of(b, names[i]);

        if (strcmp(names[i], without) != 0 &&
            ((va == NULL) != (vb == NULL) || (va != NULL && strcmp(va, vb) != 0)))
            return false;
    }
    return true;
}

/* le ascends to +Inf, the counts never fall, +Inf is the count, and a sum follows. */
static int histogram(const struct exposition *x, int i)
{
    const struct sample *first = &x->sample[i];
    double le = -1, count = -1;

    for (; ends_with(x->sample[i].name, "_bucket"); i++) {
        const struct sample *s = &x->sample[i];
        const char *bound = value_of(s, "le");

        assert_true(same_labels(s, first, "le"));
        assert_non_null(bound);
        assert_true(le < INFINITY && strtod(bound, NULL) > le);
        assert_true(s->value >= count);
        le = strcmp(bound, "+Inf") == 0 ? INFINITY : strtod(bound, NULL);
        count = s->value;
        if (le == INFINITY) {
            i++;
            break;
        }
    }
    assert_true(le == INFINITY);
    assert_true(ends_with(x->sample[i].name, "_sum") && same_labels(&x->sample[i], first, "le"));
    assert_true(ends_with(x->sample[i + 1].name, "_count"));
    assert_true(same_labels(&x->sample[i + 1], first, "le"));
    assert_true(x->sample[i + 1].value == count);
    return i + 2;
}

static void parse(struct exposition *x, const usher_text *text)
{
    const char *at = text->data;

    assert_int_equal(text->data[text->len], '\0');
    assert_int_equal(strlen(text->data), text->len);
    free(x->sample);
    *x = (struct exposition){.sample = calloc(SAMPLES_MAX, sizeof *x->sample)};
    assert_non_null(x->sample);
    while (*at != '\0')
        at = *at == '#' ? comment(x, at) : sample(x, at);
    for (int i = 0; i < x->families_n; i++)
        assert_true(x->family[i].helped && x->family[i].type[0] != '\0');
    for (int i = 0; i < x->samples_n;) {
        if (strcmp(x->family[x->sample[i].family].type, "histogram") == 0) {
            i = histogram(x, i);
            continue;
        }
        i++;
    }
    for (int i = 0; i < x->samples_n; i++) {
        for (int k = i + 1; k < x->samples_n && x->sample[k].family == x->sample[i].family; k++)
            assert_false(strcmp(x->sample[k].name, x->sample[i].name) == 0 &&
                         same_labels(&x->sample[i], &x->sample[k], ""));
    }
}

/* NAN: there is none. label may be NULL. */
static double told(const struct exposition *x, const char *of, const char *queue,
                   const char *priority, const char *label, const char *value)
{
    for (int i = 0; i < x->samples_n; i++) {
        const struct sample *s = &x->sample[i];
        const char *p = value_of(s, "priority");

        if (strcmp(s->name, of) == 0 && strcmp(value_of(s, "queue"), queue) == 0 &&
            (priority == NULL ? p == NULL : p != NULL && strcmp(p, priority) == 0) &&
            (label == NULL || strcmp(value_of(s, label), value) == 0))
            return s->value;
    }
    return NAN;
}

/* ---- a desk ---------------------------------------------------------------------------------- */

struct desk {
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_agent_t *a;
    usher_claim claim;
    struct exposition x;
    int closed;
};

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct desk *d = user;

    (void)u;
    assert_int_equal(status, 0);
    assert_int_equal(p->cursor, 0);
    parse(&d->x, &p->text);
}

static void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    (void)a;
    assert_int_equal(status, 0);
    assert_int_equal(n, 1);
    ((struct desk *)user)->claim = w->claim;
}

static void on_closed(void *user)
{
    ((struct desk *)user)->closed++;
}

static void begin(struct desk *d)
{
    usher_options o = USHER_INIT(usher_options);

    *d = (struct desk){0};
    assert_int_equal(usher_manual_clock_new(&d->clock, T0), 0);
    o.clock = usher_manual_clock_get(d->clock);
    assert_int_equal(usher_open(&d->u, NULL, "memory:", &o, NULL, NULL), 0);
    assert_int_equal(usher_agent(d->u, &d->a, "ann", NULL, 0), 0);
}

static void end(struct desk *d)
{
    assert_int_equal(usher_close(d->u, on_closed, d), 0);
    while (d->closed == 0)
        assert_true(usher_turn(d->u) >= 0);
    usher_manual_clock_free(d->clock);
    free(d->x.sample);
}

static void pass(struct desk *d, int64_t ms)
{
    assert_int_equal(usher_advance(d->u, usher_now(d->u) + ms), 0);
}

static void read_metrics(struct desk *d)
{
    usher_query q = USHER_INIT(usher_query);

    q.what = USHER_READ_METRICS;
    assert_int_equal(usher_read(d->u, &q, on_page, d), 0);
    pass(d, 0);
}

static usher_queue_t *queue(struct desk *d, const char *of)
{
    usher_queue_t *q;

    assert_int_equal(usher_queue(d->u, &q, of), 0);
    return q;
}

/* Waits so long, is told a word at once, and is solved. */
static void serve(struct desk *d, usher_queue_t *q, int32_t priority, int64_t wait)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = "eve";
    r.priority = priority;
    assert_int_equal(usher_enqueue(q, &r, NULL, NULL), 0);
    pass(d, wait);
    assert_int_equal(usher_claim_next(d->a, q, 0, on_work, d), 0);
    pass(d, 0);
    assert_int_equal(usher_resolve(d->u, &d->claim, USHER_AS_FIX, "done", NULL, NULL), 0);
    pass(d, 0);
    assert_int_equal(usher_confirm(d->u, d->claim.ticket, "eve", NULL, NULL), 0);
    pass(d, 0);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_metrics__are_the_figures(void **state)
{
    struct desk d;
    usher_queue_t *q;

    (void)state;
    begin(&d);
    q = queue(&d, "phones");
    assert_int_equal(
        usher_define(q, "{\"promises\":{\"ack\":{\"target\":\"1m\"}}}", NULL, 0, NULL, NULL), 0);
    for (int64_t i = 0; i < 10; i++)
        serve(&d, q, USHER_NORMAL, 1 + i * 9000);
    serve(&d, q, USHER_URGENT, 250);
    pass(&d, INT64_C(40) * 86400000); /* since ever, not of the latest days */
    serve(&d, q, USHER_NORMAL, 5000000);
    read_metrics(&d);
    assert_true(told(&d.x, "usher_enqueued_total", "phones", "normal", NULL, NULL) == 11);
    assert_true(told(&d.x, "usher_enqueued_total", "phones", "urgent", NULL, NULL) == 1);
    assert_true(isnan(told(&d.x, "usher_enqueued_total", "phones", "low", NULL, NULL)));
    assert_true(told(&d.x, "usher_kept_total", "phones", "normal", "promise", "ack") == 7);
    assert_true(told(&d.x, "usher_broken_total", "phones", "normal", "promise", "ack") == 4);
    assert_true(told(&d.x, "usher_broken_total", "phones", "normal", "promise", "answer") == 0);
    assert_true(told(&d.x, "usher_closed_total", "phones", "normal", NULL, NULL) == 11);
    assert_true(told(&d.x, "usher_wait_seconds_count", "phones", "normal", NULL, NULL) == 11);
    assert_true(told(&d.x, "usher_wait_seconds_sum", "phones", "normal", NULL, NULL) == 5405.010);
    assert_true(told(&d.x, "usher_wait_seconds_bucket", "phones", "normal", "le", "0.010") == 1);
    assert_true(told(&d.x, "usher_wait_seconds_bucket", "phones", "normal", "le", "60") == 7);
    assert_true(told(&d.x, "usher_wait_seconds_bucket", "phones", "normal", "le", "3600") == 10);
    assert_true(told(&d.x, "usher_wait_seconds_bucket", "phones", "normal", "le", "7200") == 11);
    assert_true(told(&d.x, "usher_word_seconds_count", "phones", "urgent", NULL, NULL) == 1);
    assert_true(told(&d.x, "usher_solve_seconds_sum", "phones", "urgent", NULL, NULL) == 0.25);
    assert_true(told(&d.x, "usher_tickets", "phones", NULL, "state", "waiting") == 0);
    end(&d);
}

static void test_metrics__know_every_field(void **state)
{
    struct desk d;
    static const char *const names[] = {
        "enqueued",  "joined",      "recurred", "claims",      "passed_over", "let_go",
        "words",     "chases",      "replies",  "handoffs",    "accepted",    "declined",
        "expired",   "recalled",    "pauses",   "late_pauses", "failed",      "leases_expired",
        "stuck",     "escalated",   "no_agent", "resolved",    "workarounds", "no_reply",
        "confirmed", "reopened",    "closed",   "withdrawn",   "kept",        "broken",
        "lapsed",    "held_seconds"};
    const int n = sizeof names / sizeof names[0];

    (void)state;
    begin(&d);
    serve(&d, queue(&d, "phones"), USHER_LOW, 1500);
    read_metrics(&d);
    assert_int_equal(d.x.families_n, n + 4);
    for (int i = 0; i < n; i++) {
        char of[64];

        snprintf(of, sizeof of, "usher_%s_total", names[i]);
        assert_string_equal(d.x.family[i].name, of);
        assert_string_equal(d.x.family[i].type, "counter");
    }
    end(&d);
}

static void test_metrics__of_nothing_are_families_without_samples(void **state)
{
    struct desk d;

    (void)state;
    begin(&d);
    read_metrics(&d);
    assert_int_equal(d.x.samples_n, 0);
    queue(&d, "idle");
    read_metrics(&d);
    assert_int_equal(d.x.samples_n, 7); /* open tickets, by state */
    assert_true(told(&d.x, "usher_tickets", "idle", NULL, "state", "stuck") == 0);
    end(&d);
}

/* What the parser reads back is the name; bytes that are no UTF-8 are told by their number. */
static void test_metrics__escape_names(void **state)
{
    static const struct {
        const char *name, *told;
    } names[] = {{"a \"quoted\" one", NULL},
                 {"back\\slash", NULL},
                 {"two\nlines", NULL},
                 {"\\n is no newline", NULL},
                 {"K\xc3\xa4se \xe2\x82\xac \xf0\x9f\x98\x80", NULL},
                 {"}{,=# HELP", NULL},
                 {"latin \xe4", "latin \\xe4"},
                 {"cut \xe2\x82", "cut \\xe2\\x82"},
                 {"overlong \xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf",
                  "overlong \\xc0\\xaf \\xe0\\x80\\xaf \\xf0\\x80\\x80\\xaf"},
                 {"half \xed\xa0\x80", "half \\xed\\xa0\\x80"},
                 {"beyond \xf4\x90\x80\x80 \xf8\x80", "beyond \\xf4\\x90\\x80\\x80 \\xf8\\x80"},
                 {"\x01\x7f", NULL}};
    char longest[256];
    struct desk d;

    (void)state;
    begin(&d);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        serve(&d, queue(&d, names[i].name), USHER_LOW, 1000);
    memset(longest, '"', 255);
    longest[255] = '\0';
    serve(&d, queue(&d, longest), USHER_HIGH, 1);
    memset(longest, '\xff', 255);
    serve(&d, queue(&d, longest), USHER_HIGH, 1);
    read_metrics(&d);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(told(&d.x, "usher_claims_total",
                         names[i].told != NULL ? names[i].told : names[i].name, "low", NULL,
                         NULL) == 1);
    end(&d);
}

/* Text of any length, after an allocation that failed too. */
static void test_metrics__bear_want_of_memory(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    const usher_allocator allocator = {probe_resize, &probe};
    usher_options o = USHER_INIT(usher_options);
    struct desk d = {0};
    int err = USHER_ENOMEM;

    (void)state;
    assert_int_equal(usher_manual_clock_new(&d.clock, T0), 0);
    o.clock = usher_manual_clock_get(d.clock);
    o.allocator = &allocator;
    assert_int_equal(usher_open(&d.u, NULL, "memory:", &o, NULL, NULL), 0);
    assert_int_equal(usher_agent(d.u, &d.a, "ann", NULL, 0), 0);
    for (int i = 0; i < 40; i++) {
        char of[16];

        snprintf(of, sizeof of, "queue %d", i);
        serve(&d, queue(&d, of), 1 + i % 4, 10);
    }
    for (uint32_t left = 0; err != 0; left++) {
        usher_query q = USHER_INIT(usher_query);
        usher_page page = {0};

        assert_true(left < 200);
        q.what = USHER_READ_METRICS;
        probe.left = left;
        err = usher__figures_read(d.u->engine, &q, 0, NULL, &page);
        probe.left = UINT32_MAX;
        assert_int_equal(err, page.text.len > 0 ? 0 : USHER_ENOMEM);
        if (err == 0)
            parse(&d.x, &page.text);
    }
    assert_int_equal(d.x.families_n, 36);
    end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics__are_the_figures),
        cmocka_unit_test(test_metrics__know_every_field),
        cmocka_unit_test(test_metrics__of_nothing_are_families_without_samples),
        cmocka_unit_test(test_metrics__escape_names),
        cmocka_unit_test(test_metrics__bear_want_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
