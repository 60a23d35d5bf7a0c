/* What went wrong, in one line for people. */
#ifndef EXAMPLES_COMMON_FAULT_H
#define EXAMPLES_COMMON_FAULT_H

struct fault {
    char text[600];
};

/* Writes the line, cut to what fits, and returns -1, so that a caller can return it at once. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
int fault_set(struct fault *f, const char *format, ...);

#endif
