/* Tables for people. */
#include "table.h"

#include "array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The next code point of *s, which moves on; a byte that is not UTF-8 stands for itself as U+FFFD.
 */
static uint32_t next_point(const char **s)
{
    const unsigned char *p = (const unsigned char *)*s;
    size_t more = p[0] >= 0xF0 ? 3 : p[0] >= 0xE0 ? 2 : p[0] >= 0xC0 ? 1 : 0;
    uint32_t c = p[0] < 0x80 ? p[0] : p[0] & (0x3Fu >> more);
    if (p[0] >= 0x80 && (more == 0 || p[0] >= 0xF8)) {
        *s += 1;
        return 0xFFFD;
    }
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            *s += 1;
            return 0xFFFD;
        }
        c = c << 6 | (p[i] & 0x3Fu);
    }
    *s += 1 + more;
    return c;
}

static bool is_control(uint32_t c)
{
    /* Besides C0 and C1: marks that turn the direction of writing, which can disguise a name. */
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

static unsigned point_width(uint32_t c)
{
    static const struct {
        uint32_t from, to;
        unsigned width;
    } odd[] = {
        {0x0300, 0x036F, 0},   {0x200B, 0x200F, 0},   {0xFE00, 0xFE0F, 0}, /* marks, joiners,
                                                                              variants */
        {0x1100, 0x115F, 2},   {0x2E80, 0xA4CF, 2},   {0xAC00, 0xD7A3, 2}, {0xF900, 0xFAFF, 2},
        {0xFE30, 0xFE4F, 2},   {0xFF00, 0xFF60, 2},   {0xFFE0, 0xFFE6, 2}, /* East Asian */
        {0x1F300, 0x1FAFF, 2}, {0x20000, 0x3FFFD, 2}, /* pictures, rare ideographs */
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        if (c >= odd[i].from && c <= odd[i].to)
            return odd[i].width;
    }
    return 1;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    while (*text) {
        uint32_t c = next_point(&text);
        width += is_control(c) ? 1 : point_width(c);
    }
    return width;
}

size_t text_print(FILE *out, const char *text, unsigned most)
{
    bool cut = most > 0 && text_width(text) > most;
    size_t room = cut ? most - 1 : SIZE_MAX;
    size_t width = 0;
    while (*text) {
        const char *from = text;
        uint32_t c = next_point(&text);
        unsigned w = is_control(c) ? 1 : point_width(c);
        if (w > room - width)
            break;
        if (is_control(c) || c == 0xFFFD)
            fputc('?', out);
        else
            fwrite(from, 1, (size_t)(text - from), out);
        width += w;
    }
    if (cut) {
        fputc('~', out);
        width++;
    }
    return width;
}

void table_begin(struct table *t)
{
    memset(t, 0, sizeof *t);
}

static void add_column(struct table *t, const char *head, bool right, unsigned most)
{
    if (t->columns_n < TABLE_COLUMNS_MAX)
        t->columns[t->columns_n++] = (struct table_column){head, right, most};
}

void table_left(struct table *t, const char *head, unsigned most)
{
    add_column(t, head, false, most);
}

void table_right(struct table *t, const char *head)
{
    add_column(t, head, true, 0);
}

void table_cell(struct table *t, const char *text)
{
    size_t len = strlen(text) + 1;
    t->cells = array_room(t->cells, &t->cells_cap, t->cells_n + 1, sizeof *t->cells);
    t->cells[t->cells_n++] = (struct table_cell){memcpy(array_new(len, 1), text, len), NULL};
}

void table_paint(struct table *t, const char *paint)
{
    if (t->cells_n > 0)
        t->cells[t->cells_n - 1].paint = paint;
}

static void print_blanks(FILE *out, size_t n)
{
    while (n-- > 0)
        fputc(' ', out);
}

/* The head if cells is NULL. Blanks are printed when something follows them, so that no line ends with
 * one. */
static void print_row(const struct table *t, FILE *out, unsigned indent, const size_t *widths,
                      const struct table_cell *cells)
{
    size_t owed = indent;
    for (size_t i = 0; i < t->columns_n; i++) {
        unsigned most = t->columns[i].most;
        const char *text = cells ? cells[i].text : t->columns[i].head;
        const char *paint = cells ? cells[i].paint : NULL;
        size_t width = text_width(text);
        if (most > 0 && width > most)
            width = most;
        size_t pad = widths[i] - width;
        if (width == 0) {
            owed += pad + 2;
            continue;
        }
        print_blanks(out, owed + (t->columns[i].right ? pad : 0));
        if (paint)
            fputs(paint, out);
        text_print(out, text, most);
        if (paint)
            fputs("\033[0m", out);
        owed = 2 + (t->columns[i].right ? 0 : pad);
    }
    fputc('\n', out);
}

void table_end(struct table *t, FILE *out, unsigned indent)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    bool has_head = false;
    size_t rows = t->columns_n ? t->cells_n / t->columns_n : 0;
    for (size_t i = 0; i < t->columns_n; i++) {
        has_head = has_head || t->columns[i].head[0] != 0;
        widths[i] = text_width(t->columns[i].head);
        for (size_t r = 0; r < rows; r++) {
            size_t width = text_width(t->cells[r * t->columns_n + i].text);
            if (t->columns[i].most > 0 && width > t->columns[i].most)
                width = t->columns[i].most;
            if (width > widths[i])
                widths[i] = width;
        }
    }
    if (has_head)
        print_row(t, out, indent, widths, NULL);
    for (size_t r = 0; r < rows; r++)
        print_row(t, out, indent, widths, &t->cells[r * t->columns_n]);
    table_drop(t);
}

void table_drop(struct table *t)
{
    for (size_t i = 0; i < t->cells_n; i++)
        free(t->cells[i].text);
    free(t->cells);
    table_begin(t);
}
