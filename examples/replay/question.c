/* What --what-if asks. A slip in it is told by the word that is wrong. */
#include "question.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <usher/usher.h>

#include "array.h"

struct word { /* a piece of the option's text */
    const char *text;
    int len;
};

/* Up to the next character of ends, or the text's end. */
static struct word word_at(const char *text, const char *ends)
{
    return (struct word){text, (int)strcspn(text, ends)};
}

static bool is(struct word w, const char *text)
{
    return strlen(text) == (size_t)w.len && memcmp(w.text, text, (size_t)w.len) == 0;
}

/* -1: it is no whole number from 1 to most. */
static int32_t number_of(struct word w, int32_t most)
{
    int32_t n = 0;
    for (int i = 0; i < w.len; i++) {
        if (w.text[i] < '0' || w.text[i] > '9')
            return -1;
        n = n * 10 + (w.text[i] - '0');
        if (n > most)
            return -1;
    }
    return n > 0 ? n : -1;
}

static int read_agents(struct question *q, struct word w, struct fault *f)
{
    if (q->agents != 0)
        return fault_set(f, "--what-if: agents is given twice");
    int32_t n = number_of(w, QUESTION_AGENTS_MAX);
    if (n < 0)
        return fault_set(f, "--what-if: agents=%.*s: a whole number from 1 to %d is needed", w.len,
                         w.text, QUESTION_AGENTS_MAX);
    q->agents = (uint32_t)n;
    return 0;
}

/* "high:8" */
static int read_share(struct question *q, struct word pair, struct fault *f)
{
    struct word band = word_at(pair.text, ":,");
    int p = USHER_LOW;
    while (p <= USHER_URGENT && !is(band, usher_name(USHER_NAME_PRIORITY, p)))
        p++;
    if (p > USHER_URGENT) {
        return fault_set(f,
                         "--what-if: shares: \"%.*s\": there is no such priority; known are "
                         "urgent, high, normal, low",
                         band.len, band.text);
    }
    int32_t *share = &q->shares[p - USHER_LOW];
    if (*share != SHARE_AS_POLICY)
        return fault_set(f, "--what-if: shares: %.*s is given twice", band.len, band.text);
    struct word weight = {pair.text + band.len, 0};
    if (band.len < pair.len)
        weight = (struct word){pair.text + band.len + 1, pair.len - band.len - 1};
    *share = is(weight, "first") ? SHARE_FIRST : number_of(weight, QUESTION_SHARE_MAX);
    if (*share < 0) {
        return fault_set(f,
                         "--what-if: shares: %.*s: after \"%.*s:\" \"first\" or a whole number "
                         "from 1 to %d is needed",
                         pair.len, pair.text, band.len, band.text, QUESTION_SHARE_MAX);
    }
    return 0;
}

int question_parse(struct question *q, const char *text, struct fault *f)
{
    enum { NONE, AGENTS, SHARES } key = NONE;
    bool shares = false;
    *q = (struct question){0, {SHARE_AS_POLICY, SHARE_AS_POLICY, SHARE_AS_POLICY, SHARE_AS_POLICY}};
    for (const char *at = text;; at++) {
        struct word piece = word_at(at, ",");
        struct word name = word_at(at, "=,");
        int r = 0;
        if (name.len < piece.len) { /* KEY=VALUE; without a key it is one more of the shares */
            struct word value = {at + name.len + 1, piece.len - name.len - 1};
            key = is(name, "agents") ? AGENTS : is(name, "shares") ? SHARES : NONE;
            if (key == NONE) {
                return fault_set(f,
                                 "--what-if: %.*s: there is no such key; known are agents, shares",
                                 name.len, name.text);
            }
            if (key == SHARES && shares)
                return fault_set(f, "--what-if: shares is given twice");
            shares = shares || key == SHARES;
            r = key == AGENTS ? read_agents(q, value, f) : read_share(q, value, f);
        } else if (key == SHARES)
            r = read_share(q, piece, f);
        else
            return fault_set(f, "--what-if: \"%.*s\": KEY=VALUE is needed, as in agents=5",
                             piece.len, piece.text);
        if (r != 0)
            return r;
        at += piece.len;
        if (*at == 0)
            break;
    }
    return q->agents ? 0 : fault_set(f, "--what-if: how many agents? agents=N is needed");
}

/* The object under that key, made if there is none. Of another type: NULL, it is not ours to mend. */
static json_t *object_in(json_t *in, const char *key)
{
    if (in && !json_object_get(in, key))
        json_object_set_new(in, key, json_object());
    json_t *there = json_object_get(in, key);
    return json_is_object(there) ? there : NULL;
}

char *question_policy(const struct question *q, const char *policy)
{
    json_t *root = json_loads(policy, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    json_t *lease = object_in(root, "lease");
    json_object_set_new(lease, "for", json_string("520w"));
    json_object_set_new(lease, "max", json_string("520w"));
    json_object_set_new(object_in(root, "limits"), "open", json_integer(100000000));
    for (int p = 0; p < QUESTION_BANDS; p++) {
        if (q->shares[p] == SHARE_AS_POLICY)
            continue;
        json_t *shares = object_in(object_in(root, "line"), "shares");
        json_object_set_new(shares, usher_name(USHER_NAME_PRIORITY, p + USHER_LOW),
                            q->shares[p] == SHARE_FIRST ? json_string("first")
                                                        : json_integer(q->shares[p]));
    }
    char *text = json_dumps(root, 0);
    json_decref(root);
    if (!text)
        return NULL;
    size_t len = strlen(text) + 1;
    char *copy = memcpy(array_new(len, 1), text, len);
    free(text);
    return copy;
}
