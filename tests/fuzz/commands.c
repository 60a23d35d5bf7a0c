/* A service of the random run whose draws are the input's bytes: its policies, requests, claims, commands, the
 * clock's steps, and what callbacks call. The watch and the engine's own checks (tests/sim) say whether what
 * happens is right. */
#include "fuzz.h"
#include "sim/run.h"

enum { COMMANDS = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    dice_load(data, len);
    MUST(run_service(1, COMMANDS) != 0);
    return 0;
}
