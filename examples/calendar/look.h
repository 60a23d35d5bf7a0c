/* How the screens look: colours and the blocks of the picture. */
#ifndef EXAMPLES_CALENDAR_LOOK_H
#define EXAMPLES_CALENDAR_LOOK_H
#include <stdbool.h>

enum paint { PLAIN, STRONG, FAINT, GOOD, WARN };

struct look {
    bool blocks; /* UTF-8, not ASCII */
    bool colours;
};

/* Blocks where the locale is UTF-8; colours on a terminal, unless its user has set NO_COLOR
 * (no-color.org). */
void look_open(struct look *l, bool ascii);

/* The escape sequence, or NULL. */
const char *look_paint(const struct look *l, enum paint p);
void look_print(const struct look *l, enum paint p, const char *text);

#endif
