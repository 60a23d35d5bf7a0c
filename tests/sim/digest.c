/* The number that stands for all that a store would keep of a service: asked from inside, apart
 * from the watch, which shares nothing with the library. */
#include "digest.h"

#include "local/changes.h"
#include "local/log.h"
#include "loop/service.h"

bool digest_of(usher_t *u, uint64_t *out)
{
    return usher__engine_digest(u->engine, out) == 0;
}

uint64_t last_seq_of(usher_t *u)
{
    return usher__engine_log(u->engine)->seq;
}
