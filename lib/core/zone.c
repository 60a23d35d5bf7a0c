/* See zone.h. Sections named here are RFC 8536's. An offset is one of the file's until its last time,
 * and from then on what the rule in the footer says; both are asked for an instant, and the instant
 * of what a wall shows is found from that. */
#include "core/zone.h"

#include <string.h>

#include <usher/usher.h>

#include "core/date.h"

enum {
    HEAD_LEN = 44,
    INFO_LEN = 6,
    HOUR_S = 3600,
    DAY_S = 24 * HOUR_S,
    OFFSET_MIN_S = -25 * HOUR_S + 1, /* section 3.2; what a footer can say lies within them */
    OFFSET_MAX_S = 26 * HOUR_S - 1,
    SPILL_DAYS = 9 /* by as much a change may miss its year: 168 h, an offset, and day 365 */
};

#define OFFSET_MS (INT64_C(26) * HOUR_S * 1000) /* more than any */

static const int64_t S_MAX = INT64_MAX / 1000;

/* ---- the bytes --------------------------------------------------------------------------------- */

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t time_of(const struct zone *z, size_t i)
{
    const unsigned char *p = z->times + i * z->time_len;

    if (z->time_len == 4)
        return (int32_t)be32(p);
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static int32_t info_offset(const struct zone *z, uint32_t info)
{
    return (int32_t)be32(z->infos + (size_t)info * INFO_LEN);
}

/* Section 3.1: one of the two blocks that a file may have. */
struct block {
    uint32_t ut_n, standard_n, leaps_n, times_n, infos_n, names_n;
    uint64_t len; /* of its data */
};

static bool read_head(struct block *b, const unsigned char *p, size_t len, uint32_t time_len)
{
    if (len < HEAD_LEN || memcmp(p, "TZif", 4) != 0)
        return false;
    *b = (struct block){
        be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40), 0};
    b->len = (uint64_t)b->times_n * (time_len + 1) + (uint64_t)b->infos_n * INFO_LEN + b->names_n +
             (uint64_t)b->leaps_n * (time_len + 4) + b->standard_n + b->ut_n;
    return b->len <= len - HEAD_LEN;
}

/* Section 3.2. The names of the offsets, and whether times were given as standard or universal, do
 * not matter here. */
static bool read_block(struct zone *z, const struct block *b, const unsigned char *data)
{
    if (b->leaps_n != 0 || b->infos_n == 0 || (b->standard_n != 0 && b->standard_n != b->infos_n) ||
        (b->ut_n != 0 && b->ut_n != b->infos_n))
        return false;
    z->times_n = b->times_n;
    z->times = data;
    z->types = z->times + (size_t)b->times_n * z->time_len;
    z->infos = z->types + b->times_n;
    for (uint32_t i = 0; i < b->infos_n; i++) {
        int32_t offset = info_offset(z, i);

        if (offset < OFFSET_MIN_S || offset > OFFSET_MAX_S || z->infos[i * INFO_LEN + 4] > 1 ||
            z->infos[i * INFO_LEN + 5] >= b->names_n)
            return false;
    }
    for (uint32_t i = 0; i < b->times_n; i++) {
        if (z->types[i] >= b->infos_n || (i > 0 && time_of(z, i) <= time_of(z, i - 1)))
            return false;
    }
    return true;
}

/* ---- the rule: POSIX's TZ, with the times of section 3.3.1 ------------------------------------- */

/* A reader sets `at` to NULL at the first thing that is not as it should be. The end of the text is
 * a newline: no reader takes it for something else. */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool skip(const char **at, char c)
{
    if (*at == NULL || **at != c)
        return false;
    ++*at;
    return true;
}

static int32_t read_number(const char **at, int32_t min, int32_t max)
{
    int32_t n = 0;
    const char *p = *at;

    if (p == NULL)
        return 0;
    for (; is_digit(*p) && n <= max; p++)
        n = n * 10 + (*p - '0');
    *at = p == *at || n < min || n > max ? NULL : p;
    return n;
}

/* [+-]h[:mm[:ss]], in seconds. */
static int32_t read_time(const char **at, int32_t hours_max)
{
    bool minus = skip(at, '-');
    int32_t s;

    if (!minus)
        skip(at, '+');
    s = read_number(at, 0, hours_max) * HOUR_S;
    if (skip(at, ':')) {
        s += read_number(at, 0, 59) * 60;
        if (skip(at, ':'))
            s += read_number(at, 0, 59);
    }
    return minus ? -s : s;
}

/* A name of three or more letters; in <> also of digits and signs. */
static void skip_name(const char **at)
{
    bool quoted = skip(at, '<');
    const char *p = *at;
    const char *name = p;

    while ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
           (quoted && (is_digit(*p) || *p == '+' || *p == '-')))
        p++;
    *at = p - name < 3 ? NULL : p;
    if (quoted && !skip(at, '>'))
        *at = NULL;
}

static void read_change(const char **at, struct zone_change *c)
{
    if (!skip(at, ',')) {
        *at = NULL;
        return;
    }
    if (skip(at, 'M')) {
        c->kind = 'M';
        c->month = (uint8_t)read_number(at, 1, 12);
        if (!skip(at, '.'))
            *at = NULL;
        c->week = (uint8_t)read_number(at, 1, 5);
        if (!skip(at, '.'))
            *at = NULL;
        c->day = (uint16_t)read_number(at, 0, 6);
    } else {
        c->kind = skip(at, 'J') ? 'J' : '0';
        c->day = (uint16_t)read_number(at, c->kind == 'J' ? 1 : 0, 365);
    }
    c->time_s = skip(at, '/') ? read_time(at, 167) : 2 * HOUR_S;
}

static bool read_rule(struct zone *z, const char *at)
{
    if (*at == '\n')
        return true;
    z->has_rule = true;
    skip_name(&at);
    z->standard_s = -read_time(&at, 24);
    if (at != NULL && *at != '\n') {
        z->has_dst = true;
        skip_name(&at);
        z->dst_s = at != NULL && *at != ',' ? -read_time(&at, 24) : z->standard_s + HOUR_S;
        read_change(&at, &z->to_dst);
        read_change(&at, &z->to_standard);
    }
    return skip(&at, '\n');
}

/* What the wall shows at a change of that year, had it not changed; in seconds. */
static int64_t change_in(const struct zone_change *c, int64_t year)
{
    int64_t day;

    if (c->kind == 'M') {
        int64_t first = usher__date_day(year, c->month, 1);
        uint32_t of_month = (c->day + 6 - usher__date_weekday(first)) % 7 + 7 * (c->week - 1U);

        day = first + of_month;
        if (of_month >= usher__date_month_len(year, c->month))
            day -= 7;
    } else {
        day = usher__date_day(year, 1, 1) + c->day;
        if (c->kind == 'J' && (c->day < 60 || usher__date_month_len(year, 2) == 28))
            day--;
    }
    return day * DAY_S + c->time_s;
}

/* The latest change at or before `s` says which offset holds. Of two at one instant that of the later
 * year counts: so DST that ends when it begins again lasts all year. Of one year, the return to
 * standard time. */
static int32_t rule_offset(const struct zone *z, int64_t at, int64_t s, int64_t *until)
{
    int64_t year = usher__date_of(usher__date_at(at) - SPILL_DAYS).year;
    int64_t latest = INT64_MIN;
    int32_t offset = z->standard_s;

    for (int64_t y = year - 1; z->has_dst && y <= year + 2; y++) {
        int64_t change[2] = {change_in(&z->to_dst, y) - z->standard_s,
                             change_in(&z->to_standard, y) - z->dst_s};
        int first = change[1] < change[0];

        for (int i = 0; i < 2; i++) {
            int which = i ^ first;

            if (change[which] > s && change[which] < *until)
                *until = change[which];
            if (change[which] <= s && change[which] >= latest) {
                latest = change[which];
                offset = which == 0 ? z->dst_s : z->standard_s;
            }
        }
        if (*until < (usher__date_day(y + 1, 1, 1) - SPILL_DAYS) * DAY_S)
            break; /* no later year has an earlier one */
    }
    return offset;
}

/* ---- the zone ---------------------------------------------------------------------------------- */

void usher__zone_utc(struct zone *out)
{
    *out = (struct zone){.time_len = 8, .has_rule = true};
}

int usher__zone_read(struct zone *out, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    struct block b;
    struct zone z = {.time_len = 4};
    bool is_good = read_head(&b, p, len, 4);

    if (is_good && p[4] != 0) { /* the first block is for readers of version 1 */
        size_t first_len = HEAD_LEN + (size_t)b.len;

        p += first_len;
        len -= first_len;
        z.time_len = 8;
        is_good = read_head(&b, p, len, 8);
    }
    is_good = is_good && read_block(&z, &b, p + HEAD_LEN);
    if (is_good && z.time_len == 8) {
        const char *footer = (const char *)p + HEAD_LEN + b.len;
        size_t left = len - HEAD_LEN - (size_t)b.len;

        is_good = left >= 2 && footer[0] == '\n' && memchr(footer + 1, '\n', left - 1) != NULL &&
                  read_rule(&z, footer + 1);
    }
    if (is_good)
        *out = z;
    else
        usher__zone_utc(out);
    return is_good ? 0 : USHER_EINVAL;
}

int64_t usher__zone_offset(const struct zone *z, int64_t at, int64_t *until)
{
    int64_t s = at / 1000 - (at % 1000 < 0 ? 1 : 0);
    size_t low = 0; /* times before are at or before s; from high on they are after it */
    size_t high = z->times_n;
    int64_t next = INT64_MAX;
    int32_t offset;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (time_of(z, middle) <= s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == z->times_n && z->has_rule) {
        offset = rule_offset(z, at, s, &next);
    } else {
        offset = info_offset(z, low == 0 ? 0 : z->types[low - 1]);
        if (low < z->times_n)
            next = time_of(z, low);
    }
    if (until != NULL)
        *until = next > S_MAX ? INT64_MAX : next * 1000;
    return (int64_t)offset * 1000;
}

int64_t usher__zone_instant(const struct zone *z, int64_t local)
{
    int64_t at = local - OFFSET_MS;
    int64_t offset = 0;

    for (;;) {
        int64_t until;
        int64_t before = offset;

        offset = usher__zone_offset(z, at, &until);
        if (local - offset < at) /* skipped at `at` */
            return local - before;
        if (local - offset < until)
            return local - offset;
        at = until;
    }
}

bool usher__zone_has_date(const struct zone *z, int64_t day)
{
    int64_t local = day * DAY_MS;
    int64_t until;

    for (int64_t at = local - OFFSET_MS; at < local + DAY_MS + OFFSET_MS; at = until) {
        int64_t offset = usher__zone_offset(z, at, &until);

        if (at + offset < local + DAY_MS && until > local - offset)
            return true;
    }
    return false;
}
