/* Open addressing; never more than half full. See seen.h. */
#include "seen.h"

#include <stdlib.h>

#include "disk.h"

static struct seen_row *probe(const struct seen *seen, uint64_t hash)
{
    size_t i = (size_t)hash & (seen->room - 1);

    while (seen->rows[i].hash != 0 && seen->rows[i].hash != hash)
        i = (i + 1) & (seen->room - 1);
    return &seen->rows[i];
}

static void grow(struct seen *seen)
{
    struct seen old = *seen;

    seen->room = old.room == 0 ? 1024 : 2 * old.room;
    seen->rows = must(calloc(seen->room, sizeof *seen->rows));
    for (size_t i = 0; i < old.room; i++) {
        if (old.rows[i].hash != 0)
            *probe(seen, old.rows[i].hash) = old.rows[i];
    }
    free(old.rows);
}

struct seen_row *seen_at(struct seen *seen, uint64_t hash, bool *fresh)
{
    struct seen_row *row;

    if (hash == 0)
        hash = 1;
    if (2 * (seen->n + 1) > seen->room)
        grow(seen);
    row = probe(seen, hash);
    *fresh = row->hash == 0;
    if (*fresh) {
        row->hash = hash;
        seen->n++;
    }
    return row;
}

void seen_free(struct seen *seen)
{
    free(seen->rows);
    *seen = (struct seen){0};
}
