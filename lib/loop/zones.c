/* See zones.h. What is not an ordinary file is as good as not there, and not waited for. */
#include "loop/zones.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <usher/usher.h>
#include <uv.h>

#include "core/zone.h"

/* Not from the root, and no part begins with a dot: so it leads neither up nor away. */
static bool is_name(const char *name)
{
    static const char may[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-./";
    char before = '/';

    for (; *name != '\0'; name++) {
        if (strchr(may, *name) == NULL || (before == '/' && (*name == '/' || *name == '.')))
            return false;
        before = *name;
    }
    return true;
}

static int failure(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case ENXIO: /* a socket */
        return USHER_ENOENT;
    default:
        return uv_translate_sys_error(errno);
    }
}

static int open_below(const char *dir, const char *name)
{
    int parent = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd;

    if (parent < 0)
        return failure();
    fd = openat(parent, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        fd = failure();
    (void)close(parent);
    return fd;
}

static int read_all(int fd, unsigned char *bytes, size_t *len)
{
    struct stat is;
    ssize_t n;

    if (fstat(fd, &is) != 0 || !S_ISREG(is.st_mode))
        return USHER_ENOENT;
    if (is.st_size > ZONE_FILE_MAX)
        return USHER_EINVAL;
    do {
        n = read(fd, bytes + *len, ZONE_FILE_MAX - *len);
        if (n > 0)
            *len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    return n < 0 ? uv_translate_sys_error(errno) : 0;
}

static int load_below(const char *dir, const char *name, void *bytes, size_t *len)
{
    struct zone zone;
    int fd = open_below(dir, name);
    int err;

    if (fd < 0)
        return fd;
    err = read_all(fd, bytes, len);
    (void)close(fd);
    return err != 0 ? err : usher__zone_read(&zone, bytes, *len);
}

int usher__zone_load(const char *dir, const char *name, void *bytes, size_t *len)
{
    static const char *const usual[] = {"/usr/share/zoneinfo", "/usr/lib/zoneinfo",
                                        "/usr/share/lib/zoneinfo", "/etc/zoneinfo"};
    int err = USHER_ENOENT;

    *len = 0;
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0)
        return 0;
    if (!is_name(name))
        return USHER_ENOENT;
    if (dir == NULL)
        dir = getenv("TZDIR");
    if (dir != NULL && *dir != '\0')
        return load_below(dir, name, bytes, len);
    for (size_t i = 0; err == USHER_ENOENT && i < sizeof usual / sizeof usual[0]; i++)
        err = load_below(usual[i], name, bytes, len);
    return err;
}
