/* usher-replay's log: any bytes are records of fields, or an error that names a line. The first byte is the
 * separator. */
#include "csv.h"

#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fault f = {""};
    struct csv c;
    unsigned long line = 0;
    int r;

    if (len == 0)
        return 0;
    r = csv_open(&c, fuzz_file(data + 1, len - 1),
                 data[0] < 0x80 && data[0] > ' ' ? (char)data[0] : ',', &f);
    MUST((r == 0) == (f.text[0] == '\0'));
    while (r == 0 && (r = csv_next(&c, &f)) == 1) {
        MUST(c.fields_n > 0 && c.record_line > line);
        line = c.record_line;
        for (size_t i = 0; i < c.fields_n; i++)
            MUST(strlen(c.fields[i].data) <= c.fields[i].len &&
                 c.fields[i].data[c.fields[i].len] == '\0');
        r = 0;
    }
    MUST((r < 0) == (f.text[0] != '\0'));
    csv_free(&c);
    return 0;
}
