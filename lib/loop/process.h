/* Whether this is still the process that opened the service.
 *
 * Linux wipes a page on fork when it is asked to: looking at it costs a load, where getpid() would be
 * a system call in every call. Elsewhere it is getpid(). */
#ifndef USHER_LOOP_PROCESS_H
#define USHER_LOOP_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct process {
    const volatile char *page; /* not 0 in the process that made it; NULL: ask for the number */
    pid_t number;
};

void usher__process_init(struct process *p);
void usher__process_free(struct process *p);
bool usher__process_is_mine(const struct process *p);

#endif
