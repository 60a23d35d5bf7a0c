/* Reads a policy's JSON text into a record, by tables.
 *
 * What a policy may say stands in the tables (policy.c): each key with its kind, its limits and the
 * field that it fills. Each value is written onto what the record holds already, so reading two
 * texts merges them: objects key by key, lists and scalars whole.
 *
 * The order of the keys in a text means nothing, but what some values mean hangs on others. So a
 * text is read in several passes, each of which reads the values of its own keys and skips the
 * others. */
#ifndef USHER_CORE_POLICY_READ_H
#define USHER_CORE_POLICY_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <usher/usher.h>

#include "core/json.h"

enum policy_kind {
    KEY_OBJECT,    /* of keys, their fields counted from this one's; of all passes */
    KEY_EACH,      /* the same, all alike; or one value for all */
    KEY_DURATION,  /* int64_t, min to max */
    KEY_DURATIONS, /* int64_t[n_max] */
    KEY_PERCENTS,  /* uint8_t[n_max], min to max */
    KEY_REASONS,   /* uint32_t: a list of words, as bits */
    KEY_WORD,      /* uint8_t: the place of one of words, the first being min */
    KEY_FLAG,      /* bool */
    KEY_SHARE,     /* uint32_t: min to max, or "first" for 0 */
    KEY_SHORT,     /* uint16_t: min to max */
    KEY_COUNT,     /* uint32_t: min to max */
    KEY_SIZE,      /* uint64_t: min to max */
    KEY_LIST,      /* up to max values, with a reader for one */
    KEY_MAP,       /* the same of an object whose keys are data */
    KEY_OWN        /* has a reader of its own */
};

enum { WORD_SIZE = USHER_NAME_MAX + 1 };

struct reader;

/* Called with n from 0, at a value, or at a key, which is in the path already. */
typedef bool usher__read_one(struct reader *r, void *ctx, uint32_t n);

struct policy_key {
    const char *name;     /* NULL ends a table */
    uint8_t kind;         /* enum policy_kind */
    uint8_t pass;         /* when its value is read */
    bool ascending;       /* a list: each more than the one before */
    uint8_t n_min, n_max; /* a list's elements */
    size_t at;            /* the field in the record */
    size_t at_n;          /* uint32_t: a list's or a map's elements; 0: they are not counted */
    int64_t min, max;     /* of a value, or of each in a list; of durations in ms */
    union {
        const struct policy_key *keys;
        const char *const *words; /* ends with NULL */
        usher__read_one *one;     /* its ctx is the field */
        bool (*read)(struct reader *r, const struct policy_key *key, void *field);
    } of;
};

/* 0 when every value of this pass is read; USHER_ENOMEM; or USHER_EPOLICY: err (cut to err_len,
 * always NUL-terminated, untouched when err_len is 0) says where and why, after "policy: ". The
 * record may hold some of the text then. In any pass a text is refused that is not JSON. */
int usher__policy_read(const struct policy_key *keys, void *record, uint8_t pass, const char *json,
                       size_t len, char *err, size_t err_len);

/* ---- for readers of their own -------------------------------------------------------------------
 *
 * Functions that read a value find its first token in r->token and leave its last one there; false
 * means that r->status says why not. */

enum { DEPTH_MAX = 6 }; /* keys and indices of the longest path: calendars.office.week.mon[1][0] */

struct reader {
    struct json json;
    struct json_token token;
    char word[WORD_SIZE + 1]; /* what a string says, then a NUL */
    size_t len;               /* 0: the token is no string, or it is longer than WORD_SIZE */
    int32_t numbers[3];       /* in it, for whoever looks for some */
    struct {
        const char *name; /* NULL: an index */
        size_t n;         /* bytes of the name, or the index */
    } path[DEPTH_MAX];
    uint32_t depth;
    uint8_t pass;
    int status;
    void *record;
    char *err;   /* where the error goes on */
    size_t room; /* for it, the NUL apart */
};

/* What is wrong at the path; or with the value there, which is shown; or what was expected instead.
 * Returns false. */
enum { WRONG_PLACE, WRONG_VALUE, EXPECTED };
__attribute__((format(printf, 3, 4))) bool usher__read_wrong(struct reader *r, int what,
                                                             const char *format, ...);
bool usher__read_missing(struct reader *r, const char *key);
bool usher__read_twice(struct reader *r);

/* Copies a string that is a name, 1 to USHER_NAME_MAX bytes, and a NUL. */
bool usher__read_name(struct reader *r, const char *example, char name[WORD_SIZE]);

/* The place of the string among names, until NULL, that lie `stride` bytes apart, as they do in a
 * table; -1. */
int usher__read_find(const struct reader *r, const char *const *names, size_t stride);

/* The string is none of the names that it should be one of; adds which may be meant. */
bool usher__read_unknown(struct reader *r, int what, const char *why, const char *const *names,
                         size_t stride);

/* A list ("[]") or an object ("{}") of up to n_max values. */
bool usher__read_many(struct reader *r, const char *brackets, uint32_t n_max, usher__read_one *one,
                      void *ctx, uint32_t *n);

/* From a key to its value. */
void usher__read_next(struct reader *r);
void usher__read_colon(struct reader *r);

/* To the last token of a value. Returns a hash of its tokens. */
uint64_t usher__read_skip(struct reader *r);

bool usher__read_object(struct reader *r, const struct policy_key *keys, void *record);

#endif
