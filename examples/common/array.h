/* Arrays that grow, for programs that may give up when memory is out. */
#ifndef EXAMPLES_COMMON_ARRAY_H
#define EXAMPLES_COMMON_ARRAY_H
#include <stddef.h>

/* Returns items with room for need of them, moved if it must be; *cap follows. Exits when memory is
 * out. */
void *array_room(void *items, size_t *cap, size_t need, size_t size);

/* n zeroed items; never NULL. Exits when memory is out. */
void *array_new(size_t n, size_t size);

#endif
