/* A zone file's bytes: refused, or offsets that hold until the instant that was said. The last bytes are
 * instants to ask about. */
#include "core/zone.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include <usher/usher.h>

#define HOUR INT64_C(3600000)

static void ask(const struct zone *z, int64_t at)
{
    int64_t until = 0, offset = usher__zone_offset(z, at, &until);

    MUST(offset > -170 * HOUR && offset < 170 * HOUR);
    MUST(until > at);
    MUST(usher__zone_offset(z, at, NULL) == offset);
    if (until != INT64_MAX)
        MUST(usher__zone_offset(z, until - 1, NULL) == offset);
    if (until != INT64_MAX && at < until - 2)
        MUST(usher__zone_offset(z, at + (until - at) / 2, NULL) == offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct bytes b = {data, data + len};
    struct zone z;
    int64_t at[4];
    char *exact;
    int r;

    for (int i = 0; i < 4; i++) /* within ten thousand years around 1970 */
        at[i] = (int64_t)(take_number(&b, 7) % (UINT64_C(2) * USHER_AT_MAX)) - USHER_AT_MAX;
    len = (size_t)(b.end - b.at);
    exact = malloc(len + 1);
    MUST(exact != NULL);
    memcpy(exact, b.at, len);
    exact = realloc(exact, len > 0 ? len : 1);
    r = usher__zone_read(&z, exact, len);
    MUST(r == 0 || r == USHER_EINVAL);
    for (int i = 0; i < 4; i++)
        ask(&z, at[i]);
    free(exact);
    return 0;
}
