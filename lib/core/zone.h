/* A time zone: what a clock on the wall of some place shows.
 *
 * Read from the bytes of a zone file (RFC 8536, versions 1 to 4; what lies beyond its last transition
 * follows the POSIX rule in its footer). The bytes are checked once, here; after that nothing can
 * fail. The system's own functions are not used: they know one zone, the process's. Pure; where the
 * bytes come from is the shell's affair (loop/zones.h).
 *
 * `at`: an instant, ms since 1970 UTC. `local`: what the wall shows, as ms since 1970-01-01 00:00 on
 * that wall. Both anywhere in the years 0 to 9999 and a little beyond. */
#ifndef USHER_CORE_ZONE_H
#define USHER_CORE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZONE_FILE_MAX = 65536 }; /* bytes; the largest known have 3.6 kB */

/* One change of a POSIX rule. */
struct zone_change {
    uint8_t kind;        /* 'J': day 1..365, 29 February never counted; '0': day 0..365; 'M' */
    uint8_t month, week; /* M: 1..12; 1..5, 5 = the last */
    uint16_t day;        /* M: 0..6 from Sunday */
    int32_t time_s;      /* since midnight on the wall before the change, -167:59:59 .. 167:59:59 */
};

struct zone {
    const unsigned char *times; /* times_n big-endian numbers of time_len bytes, ascending */
    const unsigned char *types; /* times_n: which info holds from then on */
    const unsigned char *infos; /* offset (4), is DST (1), name (1); [0] before the first time */
    uint32_t times_n;
    uint8_t time_len;          /* 4 or 8 */
    bool has_rule, has_dst;    /* has_rule: from the last time on */
    int32_t standard_s, dst_s; /* the rule's offsets, seconds east of UTC */
    struct zone_change to_dst, to_standard;
};

/* UTC, without any bytes. */
void usher__zone_utc(struct zone *out);

/* A view into the bytes, which must live and stay as they are as long as it is used. 0, or
 * USHER_EINVAL: not a zone file, one that contradicts itself, or one of those that count leap seconds
 * ("right/..."), which usher's instants do not; out is UTC then. */
int usher__zone_read(struct zone *out, const void *bytes, size_t len);

/* Offset at an instant, in ms east of UTC. *until (may be NULL): the first later instant at which
 * another one holds or may hold; INT64_MAX: none. */
int64_t usher__zone_offset(const struct zone *z, int64_t at, int64_t *until);

/* The instant at which the wall shows `local`. One that it skips is moved forward by the gap; of two,
 * the earlier. */
int64_t usher__zone_instant(const struct zone *z, int64_t local);

/* Whether the wall ever shows a moment of this date (days since 1970-01-01). */
bool usher__zone_has_date(const struct zone *z, int64_t day);

#endif
