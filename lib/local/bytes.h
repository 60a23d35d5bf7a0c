/* Numbers as few bytes, for what a store keeps: seven bits a byte, the lowest first, the top bit set
 * on all but the last (LEB128); signed ones folded so that small ones stay small (zigzag). The same
 * on every machine.
 *
 * Whoever reads trusts nothing: a reader that meets anything wrong is bad from then on, and reads
 * zeros. So it is asked once, at the end. */
#ifndef USHER_LOCAL_BYTES_H
#define USHER_LOCAL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { NUMBER_LEN = 10 }; /* at most */

/* What is read or written dozens of times in a function: a call is worth its space. */
#define SMALL __attribute__((noinline, unused))

static inline char *usher__put_number(char *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *to++ = (char)(value | 0x80);
    *to++ = (char)value;
    return to;
}

static SMALL char *usher__put_signed(char *to, int64_t value)
{
    return usher__put_number(to, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

/* Its length, then the bytes. */
static SMALL char *usher__put_bytes(char *to, const void *bytes, size_t len)
{
    to = usher__put_number(to, len);
    if (len > 0)
        memcpy(to, bytes, len);
    return to + len;
}

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

/* bytes may be NULL when len is 0. */
static inline struct reader usher__reader(const void *bytes, size_t len)
{
    static const uint8_t none[1];
    const uint8_t *at = len > 0 ? bytes : none;

    return (struct reader){at, at + len, false};
}

static inline uint64_t usher__bad(struct reader *r)
{
    r->bad = true;
    r->at = r->end;
    return 0;
}

/* One of several bytes. A number has one form only, its shortest. */
static SMALL uint64_t get_long(struct reader *r)
{
    uint64_t value = 0;

    for (int shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        uint64_t byte = *r->at++;

        if (shift == 63 && byte > 1)
            break;
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80)
            return byte == 0 && shift > 0 ? usher__bad(r) : value;
    }
    return usher__bad(r);
}

static inline uint64_t usher__get_number(struct reader *r)
{
    return r->at < r->end && *r->at < 0x80 ? *r->at++ : get_long(r);
}

static SMALL uint64_t usher__get_upto(struct reader *r, uint64_t max)
{
    uint64_t value = usher__get_number(r);

    return value <= max ? value : usher__bad(r);
}

static SMALL int64_t usher__get_signed(struct reader *r)
{
    uint64_t value = usher__get_number(r);

    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

static inline uint8_t usher__get_byte(struct reader *r)
{
    return r->at < r->end ? *r->at++ : (uint8_t)usher__bad(r);
}

/* At most max bytes, where they lie; NULL when there are none. */
static SMALL const char *usher__get_bytes(struct reader *r, size_t max, uint32_t *len)
{
    uint64_t n = usher__get_upto(r, max);
    const uint8_t *bytes = r->at;

    if (n > (size_t)(r->end - r->at))
        n = usher__bad(r);
    *len = (uint32_t)n;
    r->at += n;
    return n == 0 ? NULL : (const char *)bytes;
}

/* All of it has been read, and it was good. */
static inline bool usher__reader_done(const struct reader *r)
{
    return !r->bad && r->at == r->end;
}

#endif
