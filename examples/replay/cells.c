/* Figures in tables and sentences. */
#include "cells.h"

#include <string.h>

#include "words.h"

void cell_count(struct table *t, uint64_t n)
{
    char buf[WORDS_MAX];
    table_cell(t, words_count(buf, n));
}

void cell_share(struct table *t, uint64_t part, uint64_t whole)
{
    char buf[WORDS_MAX];
    table_cell(t, words_share(buf, part, whole));
}

void cell_duration(struct table *t, int64_t ms)
{
    char buf[WORDS_MAX];
    table_cell(t, words_duration(buf, ms));
}

void print_count(FILE *out, uint64_t n, const char *one, const char *many)
{
    char buf[WORDS_MAX];
    fprintf(out, "%s %s", words_count(buf, n), n == 1 ? one : many);
}

void print_wrapped(FILE *out, const char *mark, const char *words, unsigned indent, unsigned width)
{
    unsigned column = (unsigned)fprintf(out, "%*s%s", (int)(indent - strlen(mark)), "", mark);
    while (*words) {
        int len = (int)strcspn(words, " ");
        if (column > indent && column + 1 + (unsigned)len > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", len, words);
        column += (unsigned)len;
        words += len + (words[len] == ' ');
    }
    fputc('\n', out);
}
