/* Memory through the host's allocator.
 *
 * Every allocation of the in-process engine goes through a struct memory, so that a host can count
 * or limit it and a test can make the n-th allocation fail. The engine keeps to one rule: reserve
 * first, then change; the change cannot fail. So whatever may run out of memory is a call named
 * `reserve` (or one that makes something new), it returns USHER_ENOMEM with nothing changed, and
 * what follows it returns void. */
#ifndef USHER_LOCAL_MEMORY_H
#define USHER_LOCAL_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* The shape of the public usher_allocator: p == NULL allocates, n == 0 frees and returns NULL,
 * otherwise p is moved to n bytes; NULL for n > 0 says out of memory and leaves p as it was.
 * What it returns is aligned as malloc's is. */
struct memory {
    void *(*resize)(void *ctx, void *p, size_t n);
    void *ctx;
};

extern const struct memory usher__memory_libc;

/* NULL: out of memory. n > 0. */
void *usher__alloc(const struct memory *m, size_t n);
void *usher__zalloc(const struct memory *m, size_t n);
void *usher__resize(const struct memory *m, void *p, size_t n);

/* p may be NULL. */
void usher__free(const struct memory *m, void *p);

/* The room to make when there is `room` and `need` is wanted, so that growing one by one is cheap:
 * double while small, an eighth more once large, for then memory counts and the C library moves big
 * blocks by remapping them. 0: need is 2^32 or more. */
uint32_t usher__grown(uint32_t room, uint64_t need);

/* An array of *room items of item_len bytes at p (NULL when *room is 0) is made to hold at least
 * `need` > 0 of them, with the slack of usher__grown. Returns where the array is now; NULL: out of
 * memory (or 2^32 items), nothing changed. */
void *usher__grow(const struct memory *m, void *p, uint32_t *room, uint64_t need, size_t item_len);

/* Asks for huge pages under the aligned inside of a large block. A wish: failure is ignored. */
void usher__memory_huge(void *p, size_t n);

#endif
