/* Where zone files are: options.zoneinfo, or $TZDIR, or where systems keep them. "UTC" and "Etc/UTC"
 * need none. */
#ifndef USHER_LOOP_ZONES_H
#define USHER_LOOP_ZONES_H

#include <stddef.h>

/* Reads the file of a zone ("Europe/Berlin") into `bytes`, which has room for ZONE_FILE_MAX. dir: as
 * options.zoneinfo, NULL for the usual places. *len 0: UTC, without a file. 0; USHER_ENOENT: no zone
 * of that name, or not a name; USHER_EINVAL: not a zone file; or a libuv code: it cannot be read. A
 * name leads nowhere but below those directories. */
int usher__zone_load(const char *dir, const char *name, void *bytes, size_t *len);

#endif
