/* The reader of a policy. The text is known to be JSON before any of it is read, so what follows a
 * token is one of few. Recursion goes as deep as the tables do, whatever the text. */
#include "core/policy_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/duration.h"

enum {
    LIST_MAX = 16,              /* in a list of scalars */
    SHOWN_MAX = 48,             /* bytes of a wrong value that an error shows */
    PIECE_SIZE = WORD_SIZE + 64 /* of an error, written at once */
};

#define DAY (INT64_C(24) * 3600 * 1000)

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

    r->status = USHER_EPOLICY;
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

static void say_bytes(struct reader *r, const char *text, size_t len, const char *close)
{
    size_t n = cut(text, len, SHOWN_MAX);

    say(r, "%.*s%s", (int)n, text, n < len ? "..." : "");
    if (n < len)
        say(r, "%s", close);
}

static void say_path(struct reader *r)
{
    say(r, "policy: ");
    for (uint32_t i = 0; i < r->depth; i++) {
        const char *name = r->path[i].name;
        size_t n = r->path[i].n;

        if (name == NULL) {
            say(r, "[%zu]", n);
        } else {
            say(r, "%s%s", i > 0 ? "." : "", n > 0 ? "" : "\"\"");
            say_bytes(r, name, n, "");
        }
    }
    if (r->depth > 0)
        say(r, ": ");
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

static const char *name_at(const char *const *names, size_t stride, int i)
{
    const char *const *name = (const void *)((const char *)names + (size_t)i * stride);

    return *name;
}

/* One of several: "a", "b" or "c". */
static void say_choice(struct reader *r, const char *const *names, size_t stride)
{
    const char *name;

    for (int i = 0; (name = name_at(names, stride, i)) != NULL; i++) {
        bool is_last = name_at(names, stride, i + 1) == NULL;

        say(r, "%s\"%s\"", i == 0 ? "" : is_last ? " or " : ", ", name);
    }
}

bool usher__read_wrong(struct reader *r, int what, const char *format, ...)
{
    va_list args;

    say_path(r);
    if (what != WRONG_PLACE) {
        say_token(r);
        say(r, ": %s", what == EXPECTED ? "expected " : "");
    }
    va_start(args, format);
    say_args(r, format, args);
    va_end(args);
    return false;
}

bool usher__read_missing(struct reader *r, const char *key)
{
    return usher__read_wrong(r, WRONG_PLACE, "\"%s\" is missing", key);
}

bool usher__read_twice(struct reader *r)
{
    return usher__read_wrong(r, WRONG_PLACE, "this key is there twice");
}

static bool wrong_word(struct reader *r, const char *const *words)
{
    usher__read_wrong(r, EXPECTED, "%s", "");
    say_choice(r, words, sizeof *words);
    return false;
}

/* How many letters must be changed, added or left out to make b of a; neither is longer than
 * WORD_SIZE. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[WORD_SIZE + 1];

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

bool usher__read_unknown(struct reader *r, int what, const char *why, const char *const *names,
                         size_t stride)
{
    const char *meant = NULL;
    size_t least = WORD_SIZE;
    const char *name;

    /* A name is meant when at most a third of its letters are wrong. */
    for (int i = 0; (name = name_at(names, stride, i)) != NULL; i++) {
        size_t name_len = strlen(name);
        size_t d = distance(r->word, r->len, name, name_len);

        if (d <= name_len / 3 && d < least) {
            least = d;
            meant = name;
        }
    }
    usher__read_wrong(r, what, "%s; ", why);
    if (meant != NULL) {
        say(r, "did you mean \"%s\"?", meant);
    } else if (*names == NULL) {
        say(r, "there is none");
    } else {
        say(r, "expected %s", name_at(names, stride, 1) == NULL ? "" : "one of ");
        say_choice(r, names, stride);
    }
    return false;
}

/* ---- scalars -------------------------------------------------------------------------------- */

void usher__read_next(struct reader *r)
{
    usher__json_next(&r->json, &r->token);
    r->len = 0;
    if (r->token.kind == USHER__JSON_STRING)
        r->len = usher__json_word(&r->token, r->word, WORD_SIZE);
    if (r->len > WORD_SIZE)
        r->len = 0;
    r->word[r->len] = '\0';
}

bool usher__read_name(struct reader *r, const char *example, char name[WORD_SIZE])
{
    if (r->len < 1 || r->len > USHER_NAME_MAX || strlen(r->word) != r->len)
        return usher__read_wrong(r, EXPECTED, "a name such as \"%s\", of up to %d bytes", example,
                                 USHER_NAME_MAX);
    memcpy(name, r->word, r->len + 1);
    return true;
}

int usher__read_find(const struct reader *r, const char *const *names, size_t stride)
{
    const char *name;

    for (int i = 0; (name = name_at(names, stride, i)) != NULL; i++) {
        if (strlen(name) == r->len && memcmp(name, r->word, r->len) == 0)
            return i;
    }
    return -1;
}

static bool read_word(struct reader *r, const struct policy_key *key, int64_t *out)
{
    *out = usher__read_find(r, key->of.words, sizeof *key->of.words);
    if (*out < 0)
        return wrong_word(r, key->of.words);
    return true;
}

static bool read_flag(struct reader *r, bool *out)
{
    if (r->token.kind != USHER__JSON_TRUE && r->token.kind != USHER__JSON_FALSE)
        return usher__read_wrong(r, EXPECTED, "true or false");
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
        return usher__read_wrong(r, EXPECTED, "%sa whole number from %lld to %lld", alternative,
                                 (long long)key->min, (long long)key->max);
    *out = n;
    return true;
}

static bool read_share(struct reader *r, const struct policy_key *key, int64_t *out)
{
    static const char *const first[] = {"first", NULL};

    *out = 0;
    return usher__read_find(r, first, sizeof *first) == 0 ||
           read_number(r, key, "\"first\" or ", out);
}

static bool read_duration(struct reader *r, const struct policy_key *key, int64_t *out)
{
    int64_t ms = usher__duration_parse(r->word, r->len);

    if (ms < 0)
        return usher__read_wrong(r, EXPECTED, "a duration such as \"4h\"");
    if (ms < key->min)
        return usher__read_wrong(r, EXPECTED, "a duration longer than 0");
    if (ms > key->max)
        return usher__read_wrong(r, EXPECTED, "no more than %lld days",
                                 (long long)(key->max / DAY));
    *out = ms;
    return true;
}

/* ---- lists and objects ---------------------------------------------------------------------- */

bool usher__read_many(struct reader *r, const char *brackets, uint32_t n_max, usher__read_one *one,
                      void *ctx, uint32_t *n)
{
    bool is_list = *brackets == '[';

    *n = 0;
    if (r->token.kind != *brackets)
        return usher__read_wrong(r, EXPECTED, is_list ? "a list" : "an object");
    usher__read_next(r);
    for (; r->token.kind != brackets[1]; ++*n) {
        if (r->token.kind == ',')
            usher__read_next(r);
        r->path[r->depth].name = is_list ? NULL : r->token.start + 1;
        r->path[r->depth].n = is_list ? *n : r->token.len - 2;
        r->depth++;
        if (*n == n_max)
            return usher__read_wrong(r, EXPECTED, "no more than %u of them", *n);
        if (!one(r, ctx, *n))
            return false;
        r->depth--;
        usher__read_next(r);
    }
    return true;
}

struct elements {
    const struct policy_key *key;
    int64_t values[LIST_MAX];
};

static bool is_among(const int64_t *values, uint32_t n, int64_t value)
{
    for (uint32_t i = 0; i < n; i++) {
        if (values[i] == value)
            return true;
    }
    return false;
}

static bool read_element(struct reader *r, void *ctx, uint32_t n)
{
    struct elements *e = ctx;
    int64_t *value = &e->values[n];
    bool good;

    if (e->key->kind == KEY_DURATIONS)
        good = read_duration(r, e->key, value);
    else if (e->key->kind == KEY_PERCENTS)
        good = read_number(r, e->key, "", value);
    else
        good = read_word(r, e->key, value);
    if (!good)
        return false;
    if (e->key->kind == KEY_REASONS && is_among(e->values, n, *value))
        return usher__read_wrong(r, EXPECTED, "each of them once");
    if (e->key->ascending && n > 0 && *value <= value[-1])
        return usher__read_wrong(r, EXPECTED, "more than the one before");
    return true;
}

static bool read_list(struct reader *r, const struct policy_key *key, char *record)
{
    struct elements e = {.key = key};
    void *field = record + key->at;
    uint32_t bits = 0;
    uint32_t n;

    if (!usher__read_many(r, "[]", key->n_max, read_element, &e, &n))
        return false;
    if (n < key->n_min)
        return usher__read_wrong(r, WRONG_PLACE, "an empty list: expected at least %u in it",
                                 key->n_min);
    for (uint32_t i = 0; i < n; i++) {
        if (key->kind == KEY_DURATIONS)
            ((int64_t *)field)[i] = e.values[i];
        else if (key->kind == KEY_PERCENTS)
            ((uint8_t *)field)[i] = (uint8_t)e.values[i];
        else
            bits |= UINT32_C(1) << e.values[i];
    }
    if (key->kind == KEY_REASONS)
        *(uint32_t *)field = bits;
    else
        *(uint32_t *)(void *)(record + key->at_n) = n;
    return true;
}

static bool read_map(struct reader *r, const struct policy_key *key, char *record)
{
    uint32_t n;

    if (!usher__read_many(r, key->kind == KEY_LIST ? "[]" : "{}", (uint32_t)key->max, key->of.one,
                          record + key->at, &n))
        return false;
    if (key->at_n != 0)
        *(uint32_t *)(void *)(record + key->at_n) = n;
    return true;
}

static bool read_value(struct reader *r, const struct policy_key *key, char *record);

/* One value for all of the keys, or an object of them. */
static bool read_each(struct reader *r, const struct policy_key *keys, void *record)
{
    if (r->token.kind == '{')
        return usher__read_object(r, keys, record);
    if (r->token.kind != USHER__JSON_STRING)
        return usher__read_wrong(r, EXPECTED, "a duration such as \"4h\", or an object of them");
    for (; keys->name != NULL; keys++) {
        if (!read_value(r, keys, record))
            return false;
    }
    return true;
}

static bool read_value(struct reader *r, const struct policy_key *key, char *record)
{
    void *field = record + key->at;
    int64_t n = 0;
    bool good;

    switch (key->kind) {
    case KEY_OBJECT:
        return usher__read_object(r, key->of.keys, field);
    case KEY_EACH:
        return read_each(r, key->of.keys, field);
    case KEY_LIST:
    case KEY_MAP:
        return read_map(r, key, record);
    case KEY_OWN:
        return key->of.read(r, key, field);
    case KEY_FLAG:
        return read_flag(r, field);
    case KEY_DURATION:
        return read_duration(r, key, field);
    case KEY_DURATIONS:
    case KEY_PERCENTS:
    case KEY_REASONS:
        return read_list(r, key, record);
    case KEY_WORD:
        good = read_word(r, key, &n);
        *(uint8_t *)field = (uint8_t)(key->min + n);
        return good;
    case KEY_SHARE:
        good = read_share(r, key, &n);
        break;
    default:
        good = read_number(r, key, "", &n);
    }
    if (key->kind == KEY_SHORT)
        *(uint16_t *)field = (uint16_t)n;
    else if (key->kind == KEY_SIZE)
        *(uint64_t *)field = (uint64_t)n;
    else
        *(uint32_t *)field = (uint32_t)n;
    return good;
}

void usher__read_colon(struct reader *r)
{
    usher__read_next(r);
    usher__read_next(r);
}

/* FNV-1a. A 0 after each token keeps 1 and 0 apart from 10. */
uint64_t usher__read_skip(struct reader *r)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    uint32_t depth = 0;

    for (;;) {
        const struct json_token *t = &r->token;

        for (size_t i = 0; i <= t->len; i++) {
            hash ^= i < t->len ? (unsigned char)t->start[i] : 0;
            hash *= UINT64_C(0x100000001b3);
        }
        if (t->kind == '{' || t->kind == '[')
            depth++;
        else if (t->kind == '}' || t->kind == ']')
            depth--;
        if (depth == 0)
            return hash;
        usher__read_next(r);
    }
}

struct object {
    const struct policy_key *keys;
    void *record;
    uint32_t seen; /* a bit for each of the keys that were there */
};

static bool read_member(struct reader *r, void *ctx, uint32_t n)
{
    struct object *o = ctx;
    int place = usher__read_find(r, &o->keys->name, sizeof *o->keys);
    const struct policy_key *key = o->keys + place;
    uint32_t bit;

    (void)n;
    if (place < 0)
        return usher__read_unknown(r, WRONG_PLACE, "unknown key", &o->keys->name, sizeof *o->keys);
    r->path[r->depth - 1].name = key->name;
    r->path[r->depth - 1].n = strlen(key->name);
    bit = UINT32_C(1) << place;
    if ((o->seen & bit) != 0)
        return usher__read_twice(r);
    o->seen |= bit;
    usher__read_colon(r);
    if (key->kind == KEY_OBJECT || key->pass == r->pass)
        return read_value(r, key, o->record);
    usher__read_skip(r);
    return true;
}

bool usher__read_object(struct reader *r, const struct policy_key *keys, void *record)
{
    struct object o = {.keys = keys, .record = record};
    uint32_t n;

    return usher__read_many(r, "{}", UINT32_MAX, read_member, &o, &n);
}

/* False when the text is not JSON. */
static bool check(struct reader *r)
{
    const char *expected = usher__json_check(&r->json, &r->token);
    size_t line, column;

    if (expected == NULL)
        return true;
    usher__json_place(&r->json, r->token.start, &line, &column);
    say(r, "policy: line %zu, column %zu: ", line, column);
    say_token(r);
    if (r->token.kind == USHER__JSON_BAD)
        say(r, ": %s", r->token.why);
    else
        say(r, ": expected %s", expected);
    return false;
}

int usher__policy_read(const struct policy_key *keys, void *record, uint8_t pass, const char *json,
                       size_t len, char *err, size_t err_len)
{
    struct reader r = {.pass = pass, .record = record, .err = err};

    if (err != NULL && err_len > 0) {
        *err = '\0';
        r.room = err_len - 1;
    }
    usher__json_open(&r.json, json, len);
    if (check(&r)) {
        usher__json_open(&r.json, json, len);
        usher__read_next(&r);
        usher__read_object(&r, keys, record);
    }
    return r.status;
}
