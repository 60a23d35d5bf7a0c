/* See digest.c. */
#ifndef USHER_SIM_DIGEST_H
#define USHER_SIM_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include <usher/usher.h>

bool digest_of(usher_t *u, uint64_t *out);
uint64_t last_seq_of(usher_t *u); /* of what has happened, told or not */

#endif
