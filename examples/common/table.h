/* Tables for people: columns aligned by what a terminal shows, not by bytes.
 *
 * Cells are any UTF-8. Control characters are shown as '?', so a name from a file cannot steer the
 * reader's terminal. A cell wider than its column's most is cut, with "~" as its end. */
#ifndef EXAMPLES_COMMON_TABLE_H
#define EXAMPLES_COMMON_TABLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 16 };

struct table_column {
    const char *head; /* lives as long as the table */
    bool right;
    unsigned most; /* columns of the terminal; 0: as wide as it needs */
};

struct table_cell {
    char *text;
    const char *paint; /* an escape sequence, or NULL */
};

struct table {
    struct table_column columns[TABLE_COLUMNS_MAX];
    size_t columns_n;
    struct table_cell *cells; /* row by row */
    size_t cells_n, cells_cap;
};

void table_begin(struct table *t);
void table_left(struct table *t, const char *head, unsigned most);
void table_right(struct table *t, const char *head);

/* The next cell, copied. */
void table_cell(struct table *t, const char *text);

/* The cell before is printed after this escape sequence (such as "\033[31m") and the one that ends it.
 * It lives as long as the table; NULL is none. */
void table_paint(struct table *t, const char *paint);

/* Prints the head, unless all its words are empty, and the rows, two blanks between columns; then
 * the table is empty and may begin anew. indent: blanks before each line. */
void table_end(struct table *t, FILE *out, unsigned indent);

/* Lets go of the cells without printing them. */
void table_drop(struct table *t);

/* How many columns of a terminal text takes: wide characters take two, combining marks none. */
size_t text_width(const char *text);

/* Writes text cut to most columns (0: whole) and returns how many it took. */
size_t text_print(FILE *out, const char *text, unsigned most);

#endif
