/* The reader of a policy. Functions that read a value find its first token in r->token and leave
 * its last one there. Recursion goes as deep as the tables do, whatever the text. */
#include "core/policy_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/duration.h"
#include "core/json.h"

enum {
    DEPTH_MAX = 4,   /* keys in keys of the tables */
    LIST_MAX = 16,   /* in a list */
    WORD_SIZE = 64,  /* longer than all words of the tables, and than any duration needs to be */
    SHOWN_MAX = 48,  /* bytes of a wrong value that an error shows */
    PIECE_SIZE = 160 /* of an error, written at once */
};

#define DAY (INT64_C(24) * 3600 * 1000)

struct reader {
    struct json json;
    struct json_token token;
    const char *path[DEPTH_MAX];
    uint32_t depth;
    int64_t index; /* in the list that is being read; -1: none */
    char *err;     /* where the error goes on */
    size_t room;   /* for it, the NUL apart */
};

/* ---- errors --------------------------------------------------------------------------------- */

/* What fits into max of len bytes of UTF-8 without cutting a character in two. */
static size_t cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

__attribute__((format(printf, 2, 0))) static void say_args(struct reader *r, const char *format,
                                                           va_list args)
{
    char piece[PIECE_SIZE];
    size_t len, n;

    if (r->room == 0)
        return;
    vsnprintf(piece, sizeof piece, format, args);
    len = strlen(piece);
    n = cut(piece, len, r->room);
    memcpy(r->err, piece, n);
    r->err += n;
    *r->err = '\0';
    r->room = n < len ? 0 : r->room - n;
}

__attribute__((format(printf, 2, 3))) static void say(struct reader *r, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_args(r, format, args);
    va_end(args);
}

static void say_path(struct reader *r)
{
    say(r, "policy: ");
    for (uint32_t i = 0; i < r->depth; i++)
        say(r, "%s%s", i > 0 ? "." : "", r->path[i]);
    if (r->index >= 0)
        say(r, "[%lld]", (long long)r->index);
}

/* One of several: "a", "b" or "c". */
static void say_choice(struct reader *r, const char *name, bool is_first, bool is_last)
{
    say(r, "%s\"%s\"", is_first ? "" : is_last ? " or " : ", ", name);
}

static void say_bytes(struct reader *r, const char *text, size_t len, const char *close)
{
    size_t n = cut(text, len, SHOWN_MAX);

    say(r, "%.*s%s", (int)n, text, n < len ? "..." : "");
    if (n < len)
        say(r, "%s", close);
}

static void say_token(struct reader *r)
{
    const struct json_token *t = &r->token;

    if (t->kind == USHER__JSON_END)
        say(r, "the end");
    else if (t->kind == '{')
        say(r, "an object");
    else if (t->kind == '[')
        say(r, "a list");
    else if (t->kind == USHER__JSON_BAD && (*t->start <= ' ' || *t->start > '~'))
        say(r, "byte 0x%02x", (unsigned char)*t->start);
    else
        say_bytes(r, t->start, t->len, t->kind == USHER__JSON_STRING ? "\"" : "");
}

/* The token cannot stand here. */
static bool syntax(struct reader *r, const char *expected)
{
    size_t line, column;

    usher__json_place(&r->json, r->token.start, &line, &column);
    say(r, "policy: line %zu, column %zu: ", line, column);
    say_token(r);
    if (r->token.kind == USHER__JSON_BAD)
        say(r, ": %s", r->token.why);
    else
        say(r, ": expected %s", expected);
    return false;
}

/* Begins to say that the value is wrong, up to what was expected; false when there is no value. */
static bool say_value(struct reader *r)
{
    if (!usher__json_is_value(&r->token))
        return syntax(r, "a value");
    say_path(r);
    say(r, "%s", r->depth > 0 ? ": " : "");
    say_token(r);
    say(r, ": expected ");
    return true;
}

__attribute__((format(printf, 2, 3))) static bool wrong(struct reader *r, const char *expected, ...)
{
    va_list args;

    if (say_value(r)) {
        va_start(args, expected);
        say_args(r, expected, args);
        va_end(args);
    }
    return false;
}

static bool wrong_word(struct reader *r, const char *const *words)
{
    if (say_value(r)) {
        for (size_t i = 0; words[i] != NULL; i++)
            say_choice(r, words[i], i == 0, words[i + 1] == NULL);
    }
    return false;
}

/* How many letters must be changed, added or left out to make b of a; both are shorter than
 * WORD_SIZE. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[WORD_SIZE];

    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);

            if (best > row[j] + 1)
                best = row[j] + 1;
            if (best > row[j - 1] + 1)
                best = row[j - 1] + 1;
            corner = row[j];
            row[j] = best;
        }
    }
    return row[b_len];
}

/* A key is meant when at most a third of its letters are wrong. */
static const char *nearest(const struct policy_key *keys, const char *word, size_t len)
{
    const char *best = NULL;
    size_t least = WORD_SIZE;

    for (; keys->name != NULL; keys++) {
        size_t name_len = strlen(keys->name);
        size_t d = distance(word, len, keys->name, name_len);

        if (d <= name_len / 3 && d < least) {
            least = d;
            best = keys->name;
        }
    }
    return best;
}

static bool unknown(struct reader *r, const struct policy_key *keys)
{
    char word[WORD_SIZE];
    size_t len = usher__json_word(&r->token, word, sizeof word);
    const char *meant = len <= sizeof word ? nearest(keys, word, len) : NULL;

    say_path(r);
    say(r, "%s", r->depth > 0 ? "." : "");
    if (len > 0)
        say_bytes(r, r->token.start + 1, r->token.len - 2, "");
    else
        say(r, "\"\"");
    say(r, ": unknown key; ");
    if (meant != NULL) {
        say(r, "did you mean \"%s\"?", meant);
    } else {
        say(r, "expected one of ");
        for (size_t i = 0; keys[i].name != NULL; i++)
            say_choice(r, keys[i].name, i == 0, keys[i + 1].name == NULL);
    }
    return false;
}

/* ---- scalars -------------------------------------------------------------------------------- */

static void next(struct reader *r)
{
    usher__json_next(&r->json, &r->token);
}

/* Is the token a string that says just this? */
static bool says(const struct reader *r, const char *text)
{
    char word[WORD_SIZE];
    size_t len = strlen(text);

    return r->token.kind == USHER__JSON_STRING &&
           usher__json_word(&r->token, word, sizeof word) == len && memcmp(word, text, len) == 0;
}

/* The token's place in words; -1 when it is none of them. */
static int find_word(const struct reader *r, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (says(r, words[i]))
            return i;
    }
    return -1;
}

static const struct policy_key *find_key(const struct reader *r, const struct policy_key *keys)
{
    for (; keys->name != NULL; keys++) {
        if (says(r, keys->name))
            return keys;
    }
    return NULL;
}

static bool read_word(struct reader *r, const struct policy_key *key, uint8_t *out)
{
    int place = find_word(r, key->words);

    if (place < 0)
        return wrong_word(r, key->words);
    *out = (uint8_t)(key->min + place);
    return true;
}

static bool read_flag(struct reader *r, bool *out)
{
    if (r->token.kind != USHER__JSON_TRUE && r->token.kind != USHER__JSON_FALSE)
        return wrong(r, "true or false");
    *out = r->token.kind == USHER__JSON_TRUE;
    return true;
}

/* alternative: what else there may be instead of a number. */
static bool read_number(struct reader *r, const struct policy_key *key, const char *alternative,
                        int64_t *out)
{
    bool good = r->token.kind == USHER__JSON_NUMBER;
    int64_t n = 0;

    for (size_t i = 0; good && i < r->token.len; i++) {
        int digit = r->token.start[i] - '0';

        good = digit >= 0 && digit <= 9 && n <= (key->max - digit) / 10;
        n = good ? n * 10 + digit : 0;
    }
    if (!good || n < key->min)
        return wrong(r, "%sa whole number from %lld to %lld", alternative, (long long)key->min,
                     (long long)key->max);
    *out = n;
    return true;
}

static bool read_share(struct reader *r, const struct policy_key *key, uint32_t *out)
{
    int64_t n = 0;

    if (!says(r, "first") && !read_number(r, key, "\"first\" or ", &n))
        return false;
    *out = (uint32_t)n;
    return true;
}

static bool read_duration(struct reader *r, const struct policy_key *key, int64_t *out)
{
    char word[WORD_SIZE];
    size_t len = 0;
    int64_t ms;

    if (r->token.kind == USHER__JSON_STRING)
        len = usher__json_word(&r->token, word, sizeof word);
    ms = len <= sizeof word ? usher__duration_parse(word, len) : -1;
    if (ms < 0)
        return wrong(r, "a duration such as \"4h\"");
    if (ms < key->min)
        return wrong(r, "a duration longer than 0");
    if (ms > key->max)
        return wrong(r, "no more than %lld days", (long long)(key->max / DAY));
    *out = ms;
    return true;
}

/* ---- lists and objects ---------------------------------------------------------------------- */

static bool is_among(const int64_t *values, uint32_t n, int64_t value)
{
    for (uint32_t i = 0; i < n; i++) {
        if (values[i] == value)
            return true;
    }
    return false;
}

/* The n-th element of a list. */
static bool read_element(struct reader *r, const struct policy_key *key, int64_t *values,
                         uint32_t n)
{
    int word;

    if (n == key->n_max)
        return wrong(r, "no more than %u of them", n);
    switch (key->kind) {
    case KEY_DURATIONS:
        if (!read_duration(r, key, &values[n]))
            return false;
        break;
    case KEY_PERCENTS:
        if (!read_number(r, key, "", &values[n]))
            return false;
        break;
    default:
        word = find_word(r, key->words);
        if (word < 0)
            return wrong_word(r, key->words);
        if (is_among(values, n, word))
            return wrong(r, "each of them once");
        values[n] = word;
    }
    if (key->ascending && n > 0 && values[n] <= values[n - 1])
        return wrong(r, "more than the one before");
    return true;
}

static bool read_elements(struct reader *r, const struct policy_key *key, int64_t *values,
                          uint32_t *n)
{
    *n = 0;
    next(r);
    while (r->token.kind != ']') {
        r->index = *n;
        if (!read_element(r, key, values, *n))
            return false;
        ++*n;
        next(r);
        if (r->token.kind == ',') {
            next(r);
            if (r->token.kind == ']')
                return syntax(r, "a value");
        } else if (r->token.kind != ']') {
            return syntax(r, "\",\" or \"]\"");
        }
    }
    r->index = -1;
    return true;
}

static bool read_list(struct reader *r, const struct policy_key *key, char *record)
{
    void *field = record + key->at;
    int64_t values[LIST_MAX];
    uint32_t bits = 0;
    uint32_t n;

    if (r->token.kind != '[')
        return wrong(r, "a list");
    if (!read_elements(r, key, values, &n))
        return false;
    if (n < key->n_min) {
        say_path(r);
        say(r, ": an empty list: expected at least %u in it", key->n_min);
        return false;
    }
    switch (key->kind) {
    case KEY_DURATIONS:
        memcpy(field, values, n * sizeof values[0]);
        break;
    case KEY_PERCENTS:
        for (uint32_t i = 0; i < n; i++)
            ((uint8_t *)field)[i] = (uint8_t)values[i];
        break;
    default:
        for (uint32_t i = 0; i < n; i++)
            bits |= UINT32_C(1) << values[i];
        *(uint32_t *)field = bits;
        return true;
    }
    *(uint32_t *)(void *)(record + key->at_n) = n;
    return true;
}

static bool read_object(struct reader *r, const struct policy_key *keys, char *record);

/* One duration for all of the keys, or an object of them. */
static bool read_each(struct reader *r, const struct policy_key *keys, char *record)
{
    int64_t ms;

    if (r->token.kind == '{')
        return read_object(r, keys, record);
    if (r->token.kind != USHER__JSON_STRING)
        return wrong(r, "a duration such as \"4h\", or an object of them");
    for (; keys->name != NULL; keys++) {
        if (!read_duration(r, keys, &ms))
            return false;
        *(int64_t *)(void *)(record + keys->at) = ms;
    }
    return true;
}

static bool read_value(struct reader *r, const struct policy_key *key, char *record)
{
    void *field = record + key->at;
    int64_t n = 0;

    switch (key->kind) {
    case KEY_OBJECT:
        return read_object(r, key->keys, field);
    case KEY_EACH:
        return read_each(r, key->keys, field);
    case KEY_DURATION:
        return read_duration(r, key, field);
    case KEY_DURATIONS:
    case KEY_PERCENTS:
    case KEY_REASONS:
        return read_list(r, key, record);
    case KEY_WORD:
        return read_word(r, key, field);
    case KEY_FLAG:
        return read_flag(r, field);
    case KEY_SHARE:
        return read_share(r, key, field);
    case KEY_COUNT:
        if (!read_number(r, key, "", &n))
            return false;
        *(uint32_t *)field = (uint32_t)n;
        return true;
    case KEY_SIZE:
        if (!read_number(r, key, "", &n))
            return false;
        *(uint64_t *)field = (uint64_t)n;
        return true;
    }
    return false;
}

/* "key": value. *seen has a bit for each of the keys that were there before. */
static bool read_member(struct reader *r, const struct policy_key *keys, char *record,
                        uint32_t *seen)
{
    const struct policy_key *key = find_key(r, keys);
    uint32_t bit;

    if (r->token.kind != USHER__JSON_STRING)
        return syntax(r, "a key");
    if (key == NULL)
        return unknown(r, keys);
    r->path[r->depth++] = key->name;
    bit = UINT32_C(1) << (key - keys);
    if ((*seen & bit) != 0) {
        say_path(r);
        say(r, ": this key is there twice");
        return false;
    }
    *seen |= bit;
    next(r);
    if (r->token.kind != ':')
        return syntax(r, "\":\"");
    next(r);
    if (!read_value(r, key, record))
        return false;
    r->depth--;
    return true;
}

static bool read_object(struct reader *r, const struct policy_key *keys, char *record)
{
    uint32_t seen = 0;

    if (r->token.kind != '{')
        return wrong(r, "an object");
    next(r);
    if (r->token.kind == '}')
        return true;
    for (;;) {
        if (!read_member(r, keys, record, &seen))
            return false;
        next(r);
        if (r->token.kind == '}')
            return true;
        if (r->token.kind != ',')
            return syntax(r, "\",\" or \"}\"");
        next(r);
    }
}

bool usher__policy_read(const struct policy_key *keys, void *record, const char *json, size_t len,
                        char *err, size_t err_len)
{
    struct reader r = {.index = -1, .err = err};

    if (err != NULL && err_len > 0) {
        *err = '\0';
        r.room = err_len - 1;
    }
    usher__json_open(&r.json, json, len);
    next(&r);
    if (!read_object(&r, keys, record))
        return false;
    next(&r);
    return r.token.kind == USHER__JSON_END || syntax(&r, "the end");
}
