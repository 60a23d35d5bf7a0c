/* Names as small numbers: equal bytes have the same handle, 0 is no name.
 *
 * Requesters choose names, so the hash is keyed (SipHash-1-3): who does not know the key cannot
 * make names that collide. Handles are the slots of a slab, the index is the one for ids (keyed by
 * 32 bits of the hash; what collides is chained), the bytes are counted texts. */
#ifndef USHER_LOCAL_INTERN_H
#define USHER_LOCAL_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "local/ids.h"
#include "local/memory.h"
#include "local/slab.h"
#include "local/text.h"

struct intern {
    struct slab names;
    struct ids index;
    struct text_pool texts;
    uint64_t key[2];
};

/* SipHash with one round per word and three at the end (Aumasson and Bernstein). */
uint64_t usher__siphash13(const uint64_t key[2], const void *ptr, size_t len);

/* in must not move afterwards: its index points into it. key: 16 secret random bytes. */
void usher__intern_init(struct intern *in, const struct memory *m, const uint8_t key[16]);
void usher__intern_free(struct intern *in);

/* Finds or adds the name and takes one reference to it. Any byte may be in it, and it may be empty.
 * USHER_ENOMEM: nothing changed, *handle is 0. */
int usher__intern_get(struct intern *in, const void *ptr, size_t len, uint32_t *handle);

/* Takes no reference. 0: not there. */
uint32_t usher__intern_find(const struct intern *in, const void *ptr, size_t len);

/* Handle 0 is let through by both. The name goes with its last reference, and its handle may then
 * be given to another. */
void usher__intern_ref(struct intern *in, uint32_t handle);
void usher__intern_unref(struct intern *in, uint32_t handle);

/* The bytes and a NUL; they stay where they are as long as the name lives. Handle 0: "". len may be
 * NULL. */
const char *usher__intern_text(const struct intern *in, uint32_t handle, size_t *len);

/* The number of names. */
uint32_t usher__intern_n(const struct intern *in);

bool usher__intern_check(const struct intern *in);

#endif
