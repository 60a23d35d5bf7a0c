/* usher-replay's mapping: any bytes are one, or an error in words. */
#include "mapping.h"

#include <usher/usher.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fault f = {""};
    struct mapping m;
    bool guessed = false;
    int r = mapping_load(&m, fuzz_file(data, len), &f);

    MUST((r == 0) == (f.text[0] == '\0'));
    if (r == 0) {
        for (int i = 0; i <= COLUMN_STATE; i++)
            MUST(m.columns[i] != NULL);
        (void)mapping_is_missing(&m, "");
        (void)mapping_state(&m, "Closed", &guessed);
        MUST(mapping_priority(&m, "1 - Critical") <= USHER_URGENT);
    }
    mapping_free(&m);
    return 0;
}
