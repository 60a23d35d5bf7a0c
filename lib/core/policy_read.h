/* Reads a policy's JSON text into a record, by tables.
 *
 * What a policy may say stands in the tables (policy.c): each key with its kind, its limits and the
 * field that it fills. Each value is written onto what the record holds already, so reading two
 * texts merges them: objects key by key, lists and scalars whole. */
#ifndef USHER_CORE_POLICY_READ_H
#define USHER_CORE_POLICY_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum policy_kind {
    KEY_OBJECT,    /* of keys, their fields counted from this one's */
    KEY_EACH,      /* the same, all of them durations; or one duration for all */
    KEY_DURATION,  /* int64_t, min to max */
    KEY_DURATIONS, /* int64_t[n_max] */
    KEY_PERCENTS,  /* uint8_t[n_max], min to max */
    KEY_REASONS,   /* uint32_t: a list of words, as bits */
    KEY_WORD,      /* uint8_t: the place of one of words, the first being min */
    KEY_FLAG,      /* bool */
    KEY_SHARE,     /* uint32_t: min to max, or "first" for 0 */
    KEY_COUNT,     /* uint32_t: min to max */
    KEY_SIZE       /* uint64_t: min to max */
};

struct policy_key {
    const char *name; /* NULL ends a table */
    enum policy_kind kind;
    bool ascending;        /* a list: each more than the one before */
    uint32_t n_min, n_max; /* a list's elements */
    size_t at;             /* the field in the record */
    size_t at_n;           /* uint32_t: how many elements a list has; not for KEY_REASONS */
    int64_t min, max;      /* of a value, or of each in a list; of durations in ms */
    const struct policy_key *keys;
    const char *const *words; /* ends with NULL */
};

/* False when the text is wrong: record may then hold some of it, and err (cut to err_len, always
 * NUL-terminated, untouched when err_len is 0) says where and why, after "policy: ". */
bool usher__policy_read(const struct policy_key *keys, void *record, const char *json, size_t len,
                        char *err, size_t err_len);

#endif
