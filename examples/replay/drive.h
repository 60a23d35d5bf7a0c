/* Drives a service through a timeline on the manual clock. */
#ifndef EXAMPLES_REPLAY_DRIVE_H
#define EXAMPLES_REPLAY_DRIVE_H
#include "account.h"
#include "counted.h"

struct drive_result {
    uint64_t stand_in_agents, stand_in_queues; /* that had to be invented */
    uint64_t skipped; /* actions of tickets that the policy had refused or closed */
    uint64_t unequal; /* tickets whose time does not add up */
    char unequal_first[400];
    struct counted counted;
};

/* Called now and then, done of all actions; may be NULL. */
typedef void (*drive_progress)(size_t done, size_t all, void *user);

struct drive_on {       /* what to drive */
    const char *store;  /* as usher_open() takes it */
    bool resume;        /* the store may hold the beginning of this run already */
    const char *policy; /* JSON text for every queue */
};

/* Figures go to a, coping with the policy to assumed. 0, or -1: the policy is wrong, the store cannot
 * be had or is another run's, or the service refused what it should have taken. */
int drive(struct account *a, struct drive_result *out, const struct log *l,
          const struct timeline *t, const struct drive_on *on, struct assumed *assumed,
          drive_progress progress, void *user, struct fault *f);

#endif
