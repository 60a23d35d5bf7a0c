/* A policy's file, and what it says of its calendars. */
#ifndef EXAMPLES_CALENDAR_SOURCE_H
#define EXAMPLES_CALENDAR_SOURCE_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "fault.h"

struct source {
    const char *path;
    char *text;
    json_t *root;
    json_t *calendars; /* an object; NULL: none */
};

/* Reads it. Whether it is right is the library's to say. To be closed in either case. */
int source_open(struct source *s, const char *path, struct fault *f);
void source_close(struct source *s);

/* The calendar of that name; NULL as name: the only one there is. NULL: the fault says which there are. */
json_t *source_calendar(const struct source *s, const char **name, struct fault *f);

const char *calendar_zone(const json_t *calendar);

/* What a date is: how it is written among the holidays ("*-12-25"), or NULL; is it a special day? */
const char *calendar_holiday(const json_t *calendar, int64_t day);
bool calendar_special(const json_t *calendar, int64_t day);

/* The policy that promises `target` on this calendar, and nothing else. To be freed. */
char *source_policy(const struct source *s, const char *name, const char *target);

#endif
