/* sla_cases FILE: cases of business time and SLA arithmetic from elsewhere, one JSON object a line,
 * run through the library.
 *
 * Every line is accounted for: it passes, it fails, or it is told apart with the reason why it
 * is not ours to pass. Each runs on two calendars, one made from its numbers and one that the
 * policy compiler has made of its text: they must say the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "ladder.h"
#include "peers.h"
#include "when.h"

enum verdict { PASSED, FAILED, SKIPPED, VERDICTS };

enum { SHOWN_SIZE = 1024 };

static const char *shown(const struct answer *a, const struct line *l, char out[SHOWN_SIZE])
{
    char from[WHEN_SIZE], to[WHEN_SIZE];
    size_t n = 0;

    switch (a->kind) {
    case ANSWER_INSTANT:
        return when_show(a->value, &l->zone, out);
    case ANSWER_SECONDS:
        snprintf(out, SHOWN_SIZE, "%.15g s", (double)a->value / 1000);
        return out;
    case ANSWER_MINUTES:
        snprintf(out, SHOWN_SIZE, "%lld min", (long long)a->value);
        return out;
    case ANSWER_TRUTH:
        return a->value != 0 ? "true" : "false";
    case ANSWER_SPANS:
        break;
    }
    snprintf(out, SHOWN_SIZE, "%u intervals", (unsigned)a->n);
    for (uint32_t i = 0; i < a->n && (n = strlen(out)) < SHOWN_SIZE - 2 * WHEN_SIZE; i++)
        snprintf(out + n, SHOWN_SIZE - n, ", %s to %s", when_show(a->spans[i].from, &l->zone, from),
                 when_show(a->spans[i].to, &l->zone, to));
    return out;
}

static enum verdict unreadable(const struct line *l, unsigned long number, const char *why)
{
    printf("FAILED %s (line %lu): cannot be read: %s\n", l->id, number, why);
    return FAILED;
}

static enum verdict differs(const struct line *l, const struct answer *got, const char *reason)
{
    char expected[SHOWN_SIZE], ours[SHOWN_SIZE];

    printf("skipped %s (%s, %s): differs by our convention: %s. Expected there %s, here %s\n",
           l->id, l->op, l->zone_name, reason, shown(&l->expected, l, expected),
           shown(got, l, ours));
    return SKIPPED;
}

static enum verdict failed(const struct line *l, unsigned long number, const char *how,
                           const struct answer *got)
{
    char expected[SHOWN_SIZE], ours[SHOWN_SIZE];

    printf("FAILED %s (line %lu, %s, %s)%s: expected %s, got %s\n", l->id, number, l->op,
           l->zone_name, how, shown(&l->expected, l, expected), shown(got, l, ours));
    return FAILED;
}

static enum verdict judge(const struct line *l, unsigned long number, const struct operation *op,
                          const struct calendar *c, const struct calendar *compiled)
{
    struct answer got = {.kind = op->question.answer}, again = {.kind = op->question.answer};
    const char *reason;

    op->ask(l, c, &got);
    if (compiled != NULL) {
        op->ask(l, compiled, &again);
        if (!answers_equal(&got, &again))
            return failed(l, number, ", through a policy", &again);
    }
    reason = peers_other_shape(l);
    if (reason != NULL)
        return differs(l, &got, reason);
    if (answers_equal(&got, &l->expected))
        return PASSED;
    reason = peers_convention(l, op, c, &got);
    return reason != NULL ? differs(l, &got, reason) : failed(l, number, "", &got);
}

/* On both calendars. */
static enum verdict ask(struct line *l, unsigned long number, const struct operation *op)
{
    struct calendar *c, *compiled = NULL;
    struct policy policy;
    enum verdict verdict;
    char why[ERR_MAX];

    if (!line_ask(l, &op->question, why))
        return unreadable(l, number, why);
    c = calendar_made(&l->spec, why);
    if (c == NULL)
        return unreadable(l, number, why);
    if (calendar_can_be_written(&l->spec)) {
        compiled = calendar_compiled(l, &policy, why);
        if (compiled == NULL) {
            usher__calendar_free(c);
            return unreadable(l, number, why);
        }
    }
    verdict = judge(l, number, op, c, compiled);
    usher__calendar_free(c);
    if (compiled != NULL)
        usher__policy_free(&policy);
    return verdict;
}

/* An operation that usher does not have. */
static enum verdict apart(const struct line *l)
{
    const char *reason = peers_other_shape(l);
    char said[LADDER_SAYS] = "";

    if (strcmp(l->op, "ladder") == 0)
        ladder_run(l, said);
    printf("skipped %s (%s): %s%s%s\n", l->id, l->op,
           reason != NULL ? reason : "there is no such operation in the cases' description",
           said[0] != '\0' ? ". " : "", said);
    return SKIPPED;
}

static enum verdict run(const char *text, size_t len, unsigned long number)
{
    const struct operation *op;
    struct line *l = malloc(sizeof *l);
    enum verdict verdict;
    char why[ERR_MAX];

    if (l == NULL) {
        perror("sla_cases");
        exit(2);
    }
    if (!line_read(l, text, len, why)) {
        verdict = unreadable(l, number, why);
    } else if ((op = operation_of(l->op)) != NULL) {
        verdict = ask(l, number, op);
    } else {
        verdict = apart(l);
    }
    line_free(l);
    free(l);
    return verdict;
}

/* Line ends of any system, blank lines, a byte-order mark. */
static const char *trimmed(const char *text, size_t *len)
{
    if (*len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        *len -= 3;
    }
    while (*len > 0 && strchr(" \t\r\n", text[*len - 1]) != NULL)
        --*len;
    return text;
}

int main(int argc, char **argv)
{
    unsigned long count[VERDICTS] = {0}, number = 0;
    char *text = NULL;
    size_t room = 0;
    ssize_t len;
    FILE *file;

    if (argc != 2) {
        fputs("usage: sla_cases FILE\n", stderr);
        return 2;
    }
    file = fopen(argv[1], "r");
    if (file == NULL) {
        perror(argv[1]);
        return 2;
    }
    while ((len = getline(&text, &room, file)) >= 0) {
        size_t n = (size_t)len;
        const char *line = trimmed(text, &n);

        number++;
        if (n > 0)
            count[run(line, n, number)]++;
    }
    free(text);
    if (ferror(file)) {
        perror(argv[1]);
        return 2;
    }
    fclose(file);
    printf("%lu passed, %lu failed, %lu skipped\n", count[PASSED], count[FAILED], count[SKIPPED]);
    return count[FAILED] > 0;
}
