/* Functions beside the ways that most commands take: small rather than quick, and out of the way of those
 * that are quick. It says in a quick file what lib/CMakeLists.txt says of whole files. */
#ifndef USHER_CORE_COLD_H
#define USHER_CORE_COLD_H

#define COLD __attribute__((cold, noinline))

#endif
