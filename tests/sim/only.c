/* A choice of a service's commands, as a list: "3,17:4,20-25". */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool number(const char **at, uint64_t most, uint64_t *out)
{
    char *end;

    if (**at < '0' || **at > '9')
        return false;
    *out = strtoull(*at, &end, 10);
    *at = end;
    return *out <= most;
}

bool only_read(const char *list, struct only *out)
{
    memset(out, 0, sizeof *out);
    for (;; list++) {
        uint64_t from, to, draws = DICE_ALL;

        if (!number(&list, ONLY_MAX, &from) || from == 0)
            return false;
        to = from;
        if (*list == '-' && (++list, !number(&list, ONLY_MAX, &to)))
            return false;
        if (*list == ':' && (++list, !number(&list, DICE_ALL - 1, &draws)))
            return false;
        for (; from <= to; from++)
            out->draws[from - 1] = (uint16_t)draws;
        if (*list == '\0')
            return true;
        if (*list != ',')
            return false;
    }
}

void only_print(const struct only *o, char *to, size_t len)
{
    size_t at = 0;

    for (uint32_t i = 0; i < ONLY_MAX; i++) {
        uint32_t first = i;

        if (o->draws[i] == 0)
            continue;
        while (i + 1 < ONLY_MAX && o->draws[i + 1] == o->draws[first])
            i++;
        at += (size_t)snprintf(to + at, len - at, "%s%u", at > 0 ? "," : "", first + 1);
        if (i > first && at < len)
            at += (size_t)snprintf(to + at, len - at, "-%u", i + 1);
        if (o->draws[i] != DICE_ALL && at < len)
            at += (size_t)snprintf(to + at, len - at, ":%u", o->draws[i]);
        if (at >= len)
            return;
    }
}
