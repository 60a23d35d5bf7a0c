/* A calendar file of holidays: any bytes are events within the text, or an error in words. */
#include "ics.h"

#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fault f = {""};
    struct ics c;
    size_t seen = 0;
    int r = ics_open(&c, fuzz_file(data, len), &f);

    MUST((r == 0) == (f.text[0] == '\0'));
    for (size_t i = 0; r == 0 && i < c.events_n; i++) {
        const struct ics_event *e = &c.events[i];

        MUST(e->line > 0 && e->except_at + e->except_n <= c.except_n &&
             e->also_at + e->also_n <= c.also_n);
        MUST(e->kind != ICS_DAYS || e->days >= 1);
        MUST(e->kind != ICS_UNREADABLE || e->wrong != NULL);
        seen += e->rule == NULL ? 0 : strlen(e->rule);
        seen += e->uid == NULL ? 0 : strlen(e->uid);
        seen += e->summary == NULL ? 0 : strlen(e->summary);
    }
    MUST(r != 0 || seen <= 3 * len);
    ics_close(&c);
    return 0;
}
