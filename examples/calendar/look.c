/* How the screens look. */
#include "look.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void look_open(struct look *l, bool ascii)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    setlocale(LC_CTYPE, "");
    l->blocks = !ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    l->colours =
        (!no || !*no) && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

const char *look_paint(const struct look *l, enum paint p)
{
    static const char *const codes[] = {NULL, "\033[1m", "\033[2m", "\033[32m", "\033[33m"};
    return l->colours ? codes[p] : NULL;
}

void look_print(const struct look *l, enum paint p, const char *text)
{
    const char *code = look_paint(l, p);
    printf("%s%s%s", code ? code : "", text, code ? "\033[0m" : "");
}
