/* Errors as text, those of libuv included. libuv is asked only for codes that it knows: for others
 * it would allocate, and never free. */
#include "core/error.h"

#include <stdbool.h>

#include <uv.h>

#include <usher/usher.h>

static bool known_to_libuv(int err)
{
    switch (err) {
#define KNOWN(name, text) case UV_##name:
        UV_ERRNO_MAP(KNOWN)
#undef KNOWN
        return true;
    default:
        return false;
    }
}

const char *usher_strerror(int err)
{
    const char *text = usher__err_text(err);

    if (text == NULL)
        text = known_to_libuv(err) ? uv_strerror(err) : "unknown error";
    return text;
}

const char *usher_err_name(int err)
{
    const char *name = usher__err_name(err);

    if (name == NULL)
        name = known_to_libuv(err) ? uv_err_name(err) : "unknown error";
    return name;
}
