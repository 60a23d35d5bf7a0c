/* The all-day events of an iCalendar file as the `holidays` of a policy. */
#ifndef EXAMPLES_CALENDAR_HOLIDAYS_H
#define EXAMPLES_CALENDAR_HOLIDAYS_H
#include <stdio.h>

#include "fault.h"

/* Writes the JSON array to out, and to notes what of the file is not in it. from: a date; NULL: all
 * single events, and repeating ones from this year on. 0, or -1. */
int holidays_write(FILE *out, FILE *notes, const char *path, const char *from, struct fault *f);

#endif
