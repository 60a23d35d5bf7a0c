/* Named subscriptions: every event, in order, at least once, until it is done.
 *
 * Each follows at its own pace: it is told what lies in memory, else a page of the store's at a time,
 * and waits when too much that it was told is not done yet. Its position, the last event done, is the
 * engine's, so that it is saved with everything else. */
#ifndef USHER_LOOP_FOLLOW_H
#define USHER_LOOP_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <usher/usher.h>

#include "local/batch.h"

struct follower;

struct following {
    struct follower *first;
    uint32_t n;
};

/* usher_subscribe() with a name; the arguments have been checked. EINVAL, ESTATE, ELIMIT, ENOMEM. */
int usher__follow(usher_t *u, const char *name, uint64_t from, usher_event_cb cb, void *user);
/* ENOENT: there is none with this cb and user. */
int usher__unfollow(usher_t *u, usher_event_cb cb, const void *user);
int usher__follow_done(usher_t *u, const char *name, uint64_t seq);
void usher__following_free(usher_t *u);

/* Whether one of them can be told something, or has to ask the store; does one such thing. */
bool usher__follow_left(const usher_t *u);
bool usher__follow_step(usher_t *u);

/* The store's answer; its rows are taken over. */
void usher__follow_page(usher_t *u, struct follower *f, int status, struct batch *rows, bool more);

#endif
