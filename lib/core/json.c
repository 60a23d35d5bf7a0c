/* JSON, token by token. See json.h for why there is no tree. */
#include "core/json.h"

#include <stdint.h>
#include <string.h>

static const char punctuation[] = "{}[]:,";
static const char escapes[] = "\"\\/bfnrt";
static const char escaped[] = "\"\\/\b\f\n\r\t";

static bool is_one_of(const char *set, char c)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* -1: not a hexadecimal digit. */
static int hex(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void bad(struct json_token *t, const char *start, size_t len, const char *why)
{
    *t = (struct json_token){.start = start, .len = len, .why = why, .kind = USHER__JSON_BAD};
}

/* The bytes of the UTF-8 character at `at`; 0 when it is none (overlong, surrogate, beyond
 * U+10FFFF, cut off). */
static size_t utf8_len(const char *at, const char *end)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = (unsigned char)*at;
    size_t len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t c = lead & (0x7fU >> len);

    if (lead < 0x80)
        return 1;
    if (lead < 0xc0 || lead >= 0xf8 || (size_t)(end - at) < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        unsigned char next = (unsigned char)at[i];

        if ((next & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (next & 0x3f);
    }
    return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : len;
}

/* The bytes of the escape at `at`; 0 when it is none. */
static size_t escape_len(const char *at, const char *end)
{
    if (end - at >= 2 && is_one_of(escapes, at[1]))
        return 2;
    if (end - at < 6 || at[1] != 'u')
        return 0;
    for (size_t i = 2; i < 6; i++) {
        if (hex(at[i]) < 0)
            return 0;
    }
    return 6;
}

static void scan_string(const struct json *j, struct json_token *t)
{
    const char *at = t->start + 1;

    while (at < j->end && *at != '"') {
        size_t len;

        if ((unsigned char)*at < 0x20) {
            bad(t, at, 1, "not allowed in a string, write it as an escape");
            return;
        }
        len = *at == '\\' ? escape_len(at, j->end) : utf8_len(at, j->end);
        if (len == 0) {
            bad(t, at, 1, *at == '\\' ? "not the start of a JSON escape" : "not UTF-8");
            return;
        }
        at += len;
    }
    if (at == j->end) {
        bad(t, t->start, 1, "a string that does not end");
        return;
    }
    t->kind = USHER__JSON_STRING;
    t->len = (size_t)(at + 1 - t->start);
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && is_digit(*at))
        at++;
    return at;
}

static bool is_number(const char *at, const char *end)
{
    const char *digits;

    if (at < end && *at == '-')
        at++;
    digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at - digits > 1))
        return false;
    if (at < end && *at == '.') {
        digits = ++at;
        at = skip_digits(at, end);
        if (at == digits)
            return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        digits = at;
        at = skip_digits(at, end);
        if (at == digits)
            return false;
    }
    return at == end;
}

static bool is_word(const struct json_token *t, const char *word)
{
    return t->len == strlen(word) && memcmp(t->start, word, t->len) == 0;
}

/* A number, true, false or null. What looks like one and is none is taken whole, so that an error
 * shows it. */
static void scan_scalar(const struct json *j, struct json_token *t)
{
    const char *at = t->start;

    while (at < j->end && (is_letter(*at) || is_digit(*at) || is_one_of("+-._", *at)))
        at++;
    t->len = (size_t)(at - t->start);
    if (is_number(t->start, at))
        t->kind = USHER__JSON_NUMBER;
    else if (is_word(t, "true"))
        t->kind = USHER__JSON_TRUE;
    else if (is_word(t, "false"))
        t->kind = USHER__JSON_FALSE;
    else if (is_word(t, "null"))
        t->kind = USHER__JSON_NULL;
    else
        bad(t, t->start, t->len > 0 ? t->len : 1, "not JSON");
}

void usher__json_open(struct json *j, const char *text, size_t len)
{
    *j = (struct json){.text = text, .end = text + len, .at = text};
}

void usher__json_next(struct json *j, struct json_token *t)
{
    while (j->at < j->end && is_one_of(" \t\r\n", *j->at))
        j->at++;
    *t = (struct json_token){.start = j->at, .kind = USHER__JSON_END};
    if (j->at == j->end)
        return;
    if (is_one_of(punctuation, *j->at)) {
        t->kind = (unsigned char)*j->at;
        t->len = 1;
    } else if (*j->at == '"') {
        scan_string(j, t);
    } else {
        scan_scalar(j, t);
    }
    j->at = t->start + t->len;
}

static bool is_value(const struct json_token *t)
{
    switch (t->kind) {
    case '{':
    case '[':
    case USHER__JSON_STRING:
    case USHER__JSON_NUMBER:
    case USHER__JSON_TRUE:
    case USHER__JSON_FALSE:
    case USHER__JSON_NULL:
        return true;
    default:
        return false;
    }
}

const char *usher__json_check(struct json *j, struct json_token *t)
{
    enum { VALUE, KEY, COLON, MORE } expected = VALUE;
    uint64_t lists = 0; /* a bit for each of the open ones, the innermost lowest: it is a list */
    uint32_t depth = 0;
    bool is_empty = false; /* nothing yet in the innermost */

    for (;;) {
        bool in_list = (lists & 1) != 0;
        int close = in_list ? ']' : '}';

        usher__json_next(j, t);
        if (t->kind == USHER__JSON_BAD)
            return "JSON";
        if (depth > 0 && t->kind == close && (is_empty || expected == MORE)) {
            depth--;
            lists >>= 1;
            is_empty = false;
            expected = MORE;
        } else if (expected == MORE) {
            if (depth == 0)
                return t->kind == USHER__JSON_END ? NULL : "the end";
            if (t->kind != ',')
                return in_list ? "\",\" or \"]\"" : "\",\" or \"}\"";
            expected = in_list ? VALUE : KEY;
        } else if (expected == KEY) {
            if (t->kind != USHER__JSON_STRING)
                return "a key";
            is_empty = false;
            expected = COLON;
        } else if (expected == COLON) {
            if (t->kind != ':')
                return "\":\"";
            expected = VALUE;
        } else {
            if (!is_value(t))
                return "a value";
            is_empty = t->kind == '[' || t->kind == '{';
            expected = MORE;
            if (is_empty) {
                if (++depth > USHER__JSON_DEPTH)
                    return "less in one another";
                lists = lists << 1 | (t->kind == '[');
                expected = t->kind == '[' ? VALUE : KEY;
            }
        }
    }
}

/* What the four digits of an escape stand for. */
static uint32_t code_of(const char *digits)
{
    uint32_t code = 0;

    for (int i = 0; i < 4; i++)
        code = code * 16 + (uint32_t)hex(digits[i]);
    return code;
}

/* The character of an escape \uXXXX, or of two; moves on behind it. 0: half of a pair is none. */
static uint32_t escaped_char(const char **at)
{
    uint32_t c = code_of(*at + 2);
    uint32_t low = 0;

    *at += 6;
    if (c < 0xd800 || c > 0xdfff)
        return c;
    if (c < 0xdc00 && (*at)[0] == '\\' && (*at)[1] == 'u')
        low = code_of(*at + 2);
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    *at += 6;
    return 0x10000 + (c - 0xd800) * 0x400 + (low - 0xdc00);
}

static size_t put_utf8(uint32_t c, char out[4])
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(n > 1 ? (0xff00U >> n & 0xff) | c : c);
    return n;
}

size_t usher__json_word(const struct json_token *t, char *out, size_t size)
{
    const char *end = t->start + t->len - 1;
    const char *at = t->start + 1;
    size_t len = 0;

    while (at < end) {
        char c[4] = {*at};
        size_t n = 1;

        if (*at != '\\') {
            at++;
        } else if (at[1] != 'u') {
            c[0] = escaped[strchr(escapes, at[1]) - escapes];
            at += 2;
        } else {
            n = put_utf8(escaped_char(&at), c);
        }
        for (size_t i = 0; i < n; i++, len++) {
            if (len < size)
                out[len] = c[i];
        }
    }
    return len;
}

void usher__json_place(const struct json *j, const char *at, size_t *line, size_t *column)
{
    *line = 1;
    *column = 1;
    for (const char *c = j->text; c < at; c++) {
        if (*c == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)*c & 0xc0) != 0x80) {
            ++*column;
        }
    }
}
