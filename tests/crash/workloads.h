/* What is recorded: everything that a service can be asked to save. */
#ifndef USHER_CRASH_WORKLOADS_H
#define USHER_CRASH_WORKLOADS_H

#include "play.h"

struct workload {
    const char *name;
    void (*run)(struct play *p);
    int32_t level;
    enum disk_faith faith; /* unless there is a control */
    uint32_t part; /* of an even share of the states: one in so many, for its states are large */
    uint32_t from; /* the version of the schema that it finds; 0: nothing is there */
};
extern const struct workload workloads[];
extern const size_t workloads_n;

#endif
