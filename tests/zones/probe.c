/* What usher makes of time zones, for compare.py. Numbers and names on stdin, one answer a line:
 *
 *   load NAME     the zone of that name: 0, or the error
 *   bytes HEX     the zone of these bytes: 0, or the error
 *   offset AT     the offset, and until when it holds; in ms
 *   instant LOCAL the instant at which the wall shows that
 *   date DAY      whether it ever shows that date: 0 or 1 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/zone.h"
#include "loop/zones.h"

enum { LINE_MAX_LEN = 2 * ZONE_FILE_MAX + 64 };

static struct {
    struct zone zone;
    unsigned char bytes[ZONE_FILE_MAX];
    char line[LINE_MAX_LEN];
} probe;

static int load(const char *name)
{
    size_t len;
    int err = usher__zone_load(NULL, name, probe.bytes, &len);

    usher__zone_utc(&probe.zone);
    return err != 0 || len == 0 ? err : usher__zone_read(&probe.zone, probe.bytes, len);
}

static int bytes(const char *hex)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};

        probe.bytes[i] = (unsigned char)strtoul(two, NULL, 16);
    }
    return usher__zone_read(&probe.zone, probe.bytes, len);
}

static bool answer(const char *word, const char *argument)
{
    int64_t number = strtoll(argument, NULL, 10);

    if (strcmp(word, "load") == 0) {
        printf("%d\n", load(argument));
    } else if (strcmp(word, "bytes") == 0) {
        printf("%d\n", bytes(argument));
    } else if (strcmp(word, "offset") == 0) {
        int64_t until;
        int64_t offset = usher__zone_offset(&probe.zone, number, &until);

        printf("%" PRId64 " %" PRId64 "\n", offset, until);
    } else if (strcmp(word, "instant") == 0) {
        printf("%" PRId64 "\n", usher__zone_instant(&probe.zone, number));
    } else if (strcmp(word, "date") == 0) {
        printf("%d\n", usher__zone_has_date(&probe.zone, number));
    } else {
        return false;
    }
    return true;
}

int main(void)
{
    usher__zone_utc(&probe.zone);
    while (fgets(probe.line, sizeof probe.line, stdin) != NULL) {
        char *argument = strchr(probe.line, ' ');

        probe.line[strcspn(probe.line, "\n")] = '\0';
        if (argument == NULL)
            return EXIT_FAILURE;
        *argument++ = '\0';
        if (!answer(probe.line, argument))
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
