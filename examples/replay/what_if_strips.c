/* --what-if drawn with characters: a strip for each priority and order, a column for each stretch of
 * time in which people came, as high as nine of ten of them waited. All strips have one scale. */
#include "what_if.h"

#include <usher/usher.h>

#include "table.h"
#include "words.h"

enum { LEVELS = 8 };

static const char *const block_marks[LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const ascii_marks[LEVELS] = {".", ":", "-", "=", "+", "*", "#", "@"};

static void strip(FILE *out, const struct what_if *w, enum order o, int priority,
                  const char *const *marks)
{
    const struct bins *bins = &w->bins;
    size_t owed = 0; /* blanks, printed when something follows them */
    for (size_t b = 0; b < bins->n; b++) {
        const struct bin *bin = &bins->bins[o][priority][b];
        if (bin->n == 0) {
            owed++;
            continue;
        }
        int64_t level = bins->most_ms ? bin->p90 * LEVELS / bins->most_ms : 0;
        for (; owed > 0; owed--)
            fputc(' ', out);
        fputs(marks[level < LEVELS ? level : LEVELS - 1], out);
    }
    fputc('\n', out);
}

static void axis(FILE *out, const struct what_if *w, int indent)
{
    const struct bins *bins = &w->bins;
    char from[WORDS_MAX];
    char to[WORDS_MAX];
    words_instant(from, bins->from_at);
    words_instant(to, bins->from_at + (int64_t)bins->n * bins->width_ms);
    size_t both = text_width(from) + text_width(to);
    if (bins->n > both)
        fprintf(out, "%*s%s%*s%s\n", indent, "", from, (int)(bins->n - both), "", to);
    else
        fprintf(out, "%*s%s to %s\n", indent, "", from, to);
}

void what_if_strips(FILE *out, const struct what_if *w, bool blocks)
{
    char width[WORDS_MAX];
    char most[WORDS_MAX];
    const char *const *marks = blocks ? block_marks : ascii_marks;
    size_t name_width = 0;
    for (int o = 0; o < ORDERS; o++) {
        size_t n = text_width(order_name((enum order)o));
        name_width = n > name_width ? n : name_width;
    }
    fprintf(out, "How long nine of ten waited, by when they came: a column is %s, ",
            words_duration(width, w->bins.width_ms));
    fprintf(out, "from \"%s\" up to \"%s\": %s\n", marks[0], marks[LEVELS - 1],
            words_duration(most, w->bins.most_ms));
    for (int p = PRIORITY_N - 1; p >= 0; p--) {
        for (int o = 0; o < ORDERS && w->outcomes[o].waits[p].n > 0; o++) {
            fprintf(out, "%-6s  %-*s  ",
                    o == 0 ? usher_name(USHER_NAME_PRIORITY, p + USHER_LOW) : "", (int)name_width,
                    order_name((enum order)o));
            strip(out, w, (enum order)o, p, marks);
        }
    }
    axis(out, w, (int)name_width + 10);
}
