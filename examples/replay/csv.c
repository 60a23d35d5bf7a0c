/* A CSV reader: RFC 4180 in one pass, unquoting in place. */
#include "csv.h"

#include "array.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_all(struct csv *c, struct fault *f)
{
    FILE *file = fopen(c->path, "rb");
    if (!file)
        return fault_set(f, "%s: %s", c->path, strerror(errno));
    size_t cap = 0;
    size_t got = 0;
    do {
        /* One byte more than is read: the last field's NUL. */
        c->text = array_room(c->text, &cap, c->len + 65536 + 1, 1);
        got = fread(c->text + c->len, 1, 65536, file);
        c->len += got;
    } while (got > 0);
    int failed = ferror(file) ? errno : 0;
    fclose(file);
    c->text[c->len] = 0;
    if (failed)
        return fault_set(f, "%s: %s", c->path, strerror(failed));
    return 0;
}

/* The length of the UTF-8 character at p, of which left bytes are there; 0 if it is none. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xF5 ? 0 : p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : p[0] >= 0xC2 ? 2 : 0;
    if (len == 0 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    }
    /* Longer than needed, a surrogate, or beyond the last plane. */
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] >= 0xA0) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] >= 0x90))
        return 0;
    return len;
}

static int check_text(const struct csv *c, struct fault *f)
{
    const unsigned char *p = (const unsigned char *)c->text;
    if (c->len >= 2 && ((p[0] == 0xFF && p[1] == 0xFE) || (p[0] == 0xFE && p[1] == 0xFF)))
        return fault_set(f, "%s: this is UTF-16; convert it to UTF-8 first", c->path);
    unsigned long line = 1;
    for (size_t i = 0; i < c->len;) {
        size_t len = utf8_len(p + i, c->len - i);
        if (p[i] == 0)
            return fault_set(f, "%s:%lu: a NUL byte: this is not text", c->path, line);
        if (len == 0)
            return fault_set(f, "%s:%lu: not UTF-8 (byte 0x%02X); convert it first", c->path, line,
                             p[i]);
        if (p[i] == '\n')
            line++;
        i += len;
    }
    return 0;
}

int csv_open(struct csv *c, const char *path, char separator, struct fault *f)
{
    *c = (struct csv){.path = path, .separator = separator, .line = 1};
    if (read_all(c, f) != 0 || check_text(c, f) != 0)
        return -1;
    if (c->len >= 3 && memcmp(c->text, "\xEF\xBB\xBF", 3) == 0)
        c->at = 3;
    return 0;
}

/* Whether a line ends at i; *next is where the one after begins. */
static int line_ends(const struct csv *c, size_t i, size_t *next)
{
    if (i >= c->len) {
        *next = i;
        return 1;
    }
    if (c->text[i] == '\n') {
        *next = i + 1;
        return 1;
    }
    if (c->text[i] == '\r' && i + 1 < c->len && c->text[i + 1] == '\n') {
        *next = i + 2;
        return 1;
    }
    return 0;
}

/* Takes the quotes off the field that begins at c->at: *end is where its text ends now. */
static int read_quoted(struct csv *c, size_t *end, struct fault *f)
{
    size_t in = c->at + 1;
    size_t out = in;
    unsigned long line = c->line;
    for (; in < c->len; in++) {
        if (c->text[in] == '"' && in + 1 < c->len && c->text[in + 1] == '"')
            in++;
        else if (c->text[in] == '"')
            break;
        else if (c->text[in] == '\n')
            line++;
        c->text[out++] = c->text[in];
    }
    if (in >= c->len)
        return fault_set(f, "%s:%lu: a quoted field that never ends", c->path, c->line);
    size_t next;
    in++;
    if (!line_ends(c, in, &next) && c->text[in] != c->separator)
        return fault_set(f, "%s:%lu: column %zu goes on after its closing quote", c->path, line,
                         c->fields_n + 1);
    c->line = line;
    c->at = in;
    *end = out;
    return 0;
}

static int read_plain(struct csv *c, size_t *end, struct fault *f)
{
    size_t i = c->at;
    size_t next;
    while (!line_ends(c, i, &next) && c->text[i] != c->separator) {
        if (c->text[i] == '"')
            return fault_set(f, "%s:%lu: column %zu has a quote in it but is not quoted", c->path,
                             c->line, c->fields_n + 1);
        i++;
    }
    c->at = i;
    *end = i;
    return 0;
}

int csv_next(struct csv *c, struct fault *f)
{
    size_t next = c->at;
    while (c->at < c->len && line_ends(c, c->at, &next)) {
        c->at = next;
        c->line++;
    }
    if (c->at >= c->len)
        return 0;
    c->record_line = c->line;
    c->fields_n = 0;
    for (;;) {
        int quoted = c->at < c->len && c->text[c->at] == '"';
        size_t from = c->at + (quoted ? 1 : 0);
        size_t end = from;
        if ((quoted ? read_quoted(c, &end, f) : read_plain(c, &end, f)) != 0)
            return -1;
        int last = line_ends(c, c->at, &next);
        /* Only now may the byte behind the field go: it was the separator or the line's end. */
        c->text[end] = 0;
        c->fields = array_room(c->fields, &c->fields_cap, c->fields_n + 1, sizeof *c->fields);
        c->fields[c->fields_n++] = (struct csv_field){c->text + from, end - from};
        if (last) {
            c->line += next > c->at;
            c->at = next;
            return 1;
        }
        c->at++;
    }
}

void csv_free(struct csv *c)
{
    free(c->text);
    free(c->fields);
    *c = (struct csv){0};
}
