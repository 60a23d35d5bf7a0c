/* Where the systems that the cases come from do not agree with each other, and with us. */
#ifndef USHER_SLA_PEERS_H
#define USHER_SLA_PEERS_H

#include "ask.h"

/* The convention by which `expected` is right and `got` is ours; NULL: none, so one of them is
 * wrong. Never because the two differ: each convention is tried out, and must give what was
 * expected. */
const char *peers_convention(const struct line *l, const struct operation *op,
                             const struct calendar *c, const struct answer *got);

/* What is said of an operation that usher has not, or has in another shape. NULL: it has it. */
const char *peers_other_shape(const struct line *l);

#endif
