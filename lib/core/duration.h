/* Durations as people write them in a policy: "4h", "1h30m", "250ms". */
#ifndef USHER_CORE_DURATION_H
#define USHER_CORE_DURATION_H

#include <stddef.h>
#include <stdint.h>

/* The ms of len bytes of text: whole numbers, each with one of the units w d h m s ms, each unit at
 * most once and the larger first. -1: not a duration; INT64_MAX: one, but more than an int64_t can
 * count. */
int64_t usher__duration_parse(const char *text, size_t len);

#endif
