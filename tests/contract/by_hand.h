/* Public calls made by hand: what is taken, what is refused and how. */
#ifndef USHER_CONTRACT_BY_HAND_H
#define USHER_CONTRACT_BY_HAND_H

#include "fixture.h"

#include <stdlib.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* A call by hand: cb reports to f's receipt `r`. */
#define TAKEN(f, expr, callbacks)                                                                  \
    do {                                                                                           \
        struct receipt *r = fixture_receipt(f);                                                    \
        int err_ = (expr);                                                                         \
        (void)fixture_returned(r, err_, callbacks);                                                \
        CHECK(f, err_ >= 0, "%s", usher_err_name(err_));                                           \
    } while (0)
#define REFUSED(f, expr, error)                                                                    \
    do {                                                                                           \
        struct receipt *r = fixture_receipt(f);                                                    \
        char *before_ = fixture_digest(f, true);                                                   \
        int err_ = (expr);                                                                         \
        char *after_ = fixture_digest(f, true);                                                    \
        (void)fixture_returned(r, err_, 0);                                                        \
        CHECK(f, err_ == (error), "%s", usher_err_name(err_));                                     \
        (void)fixture_same(f, before_, after_, "refused, and yet changed");                        \
        free(before_);                                                                             \
        free(after_);                                                                              \
    } while (0)

/* Refused, or accepted and then refused with this status: of what the ticket says, either way is
 * within the header ("one more is ELIMIT"). */
#define TOO_MUCH(f, expr, error)                                                                   \
    do {                                                                                           \
        struct receipt *r = fixture_receipt(f);                                                    \
        char *before_ = fixture_digest(f, false);                                                  \
        int err_ = fixture_returned(r, (expr), 1);                                                 \
        char *after_;                                                                              \
        fixture_run(f);                                                                            \
        after_ = fixture_digest(f, false);                                                         \
        CHECK(f, err_ == (error) || (err_ == 0 && r->status == (error)), "%d, status %d", err_,    \
              r->status);                                                                          \
        (void)fixture_same(f, before_, after_, "refused, and yet changed");                        \
        free(before_);                                                                             \
        free(after_);                                                                              \
    } while (0)

enum { HAND_VERBS = 22, HAND_NAMES = USHER_BATCH_MAX + 1 };
extern const int hand_verbs[HAND_VERBS];
extern const char *hand_names[HAND_NAMES]; /* n00000, n00001 ...; see hand_make_names() */
void hand_make_names(void);

const char *hand_letters(size_t len); /* a few at a time are kept */

struct fixture *hand_begin(enum state s);
struct fixture *hand_begin_with(usher_options o); /* a service with options of its own */
void hand_end(struct fixture *f);
void hand_define(struct fixture *f, const char *policy);

usher_request hand_request(const char *who);
usher_command hand_command(const struct fixture *f, int verb); /* a right one on the ticket */
int hand_join(struct fixture *f, const char *who, struct receipt *r);

#endif
