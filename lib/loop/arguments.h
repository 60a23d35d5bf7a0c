/* What is wrong with a call at any time, whatever the service holds. All of it is found before the
 * engine is asked: each returns 0, EINVAL or ELIMIT.
 *
 * A struct is read through `known`: it is the given one where its size is what this version knows,
 * else a copy in `room`, which begins as zeros. */
#ifndef USHER_LOOP_ARGUMENTS_H
#define USHER_LOOP_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <usher/usher.h>

#include "local/engine.h"

/* o may be NULL; what it says is copied to known. */
int usher__arg_options(const usher_options *o, usher_options *known);

int usher__arg_name(const char *name);
int usher__arg_names(const char *const *names, uint32_t n, uint32_t max);
int usher__arg_request(const usher_request *r, const usher_request **known, usher_request *room);
/* n > 0 requests; those of another version's size are copied, and copies is freed afterwards, also
 * after an error. ENOMEM, too. */
int usher__arg_requests(const struct memory *m, const usher_request *r, size_t n,
                        const usher_request **known, usher_request **copies);
int usher__arg_command(const struct engine *e, const usher_command *c, const usher_command **known,
                       usher_command *room);
int usher__arg_claim(const usher_agent_t *a, const usher_claim_args *c,
                     const usher_claim_args **known, usher_claim_args *room);
int usher__arg_query(const struct engine *e, const usher_query *q, const usher_query **known,
                     usher_query *room);

/* Whether a standing of this size can be filled in, and the filling. */
int usher__arg_standing(const usher_standing *out);
void usher__give_standing(usher_standing *out, const usher_standing *s);

#endif
