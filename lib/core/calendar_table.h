/* A calendar from inside: what begins on a date, and tables that answer how much is open up to an
 * instant, and which instant has so much before it.
 *
 * Time is cut into chunks of 2^25 s, 388 days, counted from 1970, and a chunk into slots of 2^16 s: so
 * finding one takes a shift and no date. A chunk's table has its windows, united, in order, with how
 * much is open up to the end of each; slots say where to look in it, by time and by sum. Sums count
 * from a chunk shortly before the first that was asked for; when an earlier one is, all begins anew,
 * from 1970. How much is open before a chunk is kept for every chunk up to the last that was asked
 * for; of the tables themselves, the last few. */
#ifndef USHER_CORE_CALENDAR_TABLE_H
#define USHER_CORE_CALENDAR_TABLE_H

#include "core/calendar.h"
#include "core/date.h"
#include "core/zone.h"

enum {
    CHUNK_BITS = 25,
    SLOT_BITS = 16,
    SLOTS = 1 << (CHUNK_BITS - SLOT_BITS),
    TABLES_KEPT = 16, /* of a calendar: 17 years */
    CHUNKS_PAST = 5,  /* counted before the first question */
    CHUNK_DATES = 399 /* whose windows may lie in one: 57 weeks */
};

#define CHUNK_S  (INT64_C(1) << CHUNK_BITS)
#define CHUNK_MS (CHUNK_S * 1000)

/* What begins on a date; of the week's, `day` means nothing. */
struct rule {
    int32_t day;
    uint16_t first; /* of its windows in calendar.windows */
    uint8_t n;
    uint8_t holiday;
};

/* One window of a table, united with those that it touches. In seconds since the chunk began. */
struct piece {
    uint32_t to;
    union {
        uint32_t from; /* while the table is made */
        uint32_t done; /* what is open up to `to` */
    };
};

struct table {
    uint32_t chunk;
    uint32_t n;
    uint16_t by_time[SLOTS + 1]; /* the first piece that ends after the slot's begin */
    uint16_t by_sum[SLOTS + 1];  /* the first with a sum above it */
    struct piece piece[];        /* from 1; [0] lies before all, [n + 1] behind */
};

struct chunk {
    int64_t before; /* ms open between the base and it */
    struct table *table;
};

/* What is computed when it is needed. */
struct cache {
    struct chunk *chunks; /* from base to known; a table only where it is kept */
    uint32_t base, known, room;
    uint32_t tables_n, oldest;
    struct table *tables[TABLES_KEPT];
    struct table *spare;                        /* always there */
    int64_t calm_from, calm_until, calm_offset; /* the zone has one offset from .. until */
};

struct calendar {
    usher_allocator allocator;
    struct zone zone;
    struct rule week[7];
    uint32_t yearly[12]; /* holidays of every year: bits of days */
    bool has_yearly;
    struct rule *rules; /* special days and other holidays; by day, holidays first */
    struct window *windows;
    uint32_t rules_n;
    uint32_t pieces_max;  /* of a chunk */
    int64_t last_day;     /* no window begins after it */
    int64_t end_at;       /* nothing is open from then on */
    int64_t holidays_end; /* no holiday after it */
    const void *zone_bytes;
    const char *zone_name;
    size_t zone_len;
    struct cache *cache;
};

struct rule usher__calendar_rule(const struct calendar *c, int64_t day);

/* The windows that begin on a date, [0] .. [1] in ms, in any order. Returns how many. */
uint32_t usher__calendar_date(const struct calendar *c, int64_t day, int64_t at[WINDOWS_OF_DAY][2]);

size_t usher__calendar_table_len(const struct calendar *c);

/* Nothing is known: sums will count from this chunk. */
void usher__calendar_rebase(const struct calendar *c, uint32_t chunk);

/* ms open between the base and an instant. An earlier instant may change the base. */
int64_t usher__calendar_sum(const struct calendar *c, int64_t at);

/* The instant that has `sum` >= 0 ms before it: last, the last such one, at which it is open; else the
 * first, of sum > 0. INT64_MAX: there is none. `since`: not before this one; 0 will do, a near one is
 * quicker. */
int64_t usher__calendar_at(const struct calendar *c, int64_t sum, bool last, int64_t since);

/* Where what is open at `at` opened, or will close, united across chunks. */
int64_t usher__calendar_edge(const struct calendar *c, int64_t at, bool close);

#endif
