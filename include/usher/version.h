/* The version of usher. It is written here and nowhere else: the build, the package files and the
 * shared library's name read it from this file. */
#ifndef USHER_VERSION_H
#define USHER_VERSION_H

#define USHER_VERSION_MAJOR 0
#define USHER_VERSION_MINOR 1
#define USHER_VERSION_PATCH 0

/* What usher_version() returns; fit for comparisons, in #if too. */
#define USHER_VERSION_NUMBER                                                                       \
    (USHER_VERSION_MAJOR << 16 | USHER_VERSION_MINOR << 8 | USHER_VERSION_PATCH)

/* "0.1.0" */
#define USHER_VERSION_STRING                                                                       \
    USHER_VERSION_DOTTED_(USHER_VERSION_MAJOR, USHER_VERSION_MINOR, USHER_VERSION_PATCH)
#define USHER_VERSION_DOTTED_(major, minor, patch) USHER_VERSION_QUOTED_(major, minor, patch)
#define USHER_VERSION_QUOTED_(major, minor, patch) #major "." #minor "." #patch

#endif
