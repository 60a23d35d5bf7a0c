/* A policy's file. */
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <usher/usher.h>

#include "array.h"
#include "date.h"

static int read_file(struct source *s, struct fault *f)
{
    FILE *file = fopen(s->path, "rb");
    if (!file)
        return fault_set(f, "%s: %s", s->path, strerror(errno));
    s->text = array_new((size_t)USHER_POLICY_MAX + 2, 1);
    errno = 0;
    size_t len = fread(s->text, 1, (size_t)USHER_POLICY_MAX + 1, file);
    int failed = ferror(file) ? errno : 0;
    fclose(file);
    if (failed)
        return fault_set(f, "%s: %s", s->path, strerror(failed));
    if (len > USHER_POLICY_MAX)
        return fault_set(f, "%s: larger than a policy may be", s->path);
    if (memchr(s->text, 0, len))
        return fault_set(f, "%s: not a policy: it is not text", s->path);
    return 0;
}

int source_open(struct source *s, const char *path, struct fault *f)
{
    *s = (struct source){.path = path};
    if (read_file(s, f) != 0)
        return -1;
    json_error_t error;
    s->root = json_loads(s->text, JSON_REJECT_DUPLICATES, &error);
    if (!s->root)
        return fault_set(f, "%s:%d: %s", path, error.line, error.text);
    s->calendars = json_object_get(s->root, "calendars");
    return 0;
}

void source_close(struct source *s)
{
    json_decref(s->root);
    free(s->text);
    *s = (struct source){0};
}

json_t *source_calendar(const struct source *s, const char **name, struct fault *f)
{
    char names[300] = "";
    size_t len = 0;
    const char *key;
    json_t *calendar;
    if (json_object_size(s->calendars) == 0) {
        fault_set(f, "%s: there is no calendar in it: its promises run around the clock", s->path);
        return NULL;
    }
    if (!*name && json_object_size(s->calendars) == 1)
        *name = json_object_iter_key(json_object_iter(s->calendars));
    calendar = *name ? json_object_get(s->calendars, *name) : NULL;
    if (calendar)
        return calendar;
    json_object_foreach(s->calendars, key, calendar)
    {
        if (len < sizeof names)
            len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len ? ", " : "", key);
    }
    if (*name)
        fault_set(f, "%s: there is no calendar \"%.60s\" in it, but %s", s->path, *name, names);
    else
        fault_set(f, "%s: which calendar? There are %s", s->path, names);
    return NULL;
}

const char *calendar_zone(const json_t *calendar)
{
    const char *zone = json_string_value(json_object_get(calendar, "zone"));
    return zone ? zone : "UTC"; /* the library has refused a calendar without one */
}

const char *calendar_holiday(const json_t *calendar, int64_t day)
{
    char date[DATE_MAX];
    size_t i;
    json_t *item;
    date_iso(date, day);
    json_array_foreach(json_object_get(calendar, "holidays"), i, item)
    {
        const char *written = json_string_value(item);
        if (written && (strcmp(written, date) == 0 ||
                        (written[0] == '*' && strcmp(written + 1, date + 4) == 0)))
            return written;
    }
    return NULL;
}

bool calendar_special(const json_t *calendar, int64_t day)
{
    char date[DATE_MAX];
    return json_object_get(json_object_get(calendar, "special"), date_iso(date, day)) != NULL;
}

char *source_policy(const struct source *s, const char *name, const char *target)
{
    json_t *calendar = json_object_get(s->calendars, name);
    json_t *policy = json_pack("{s:{s:O}, s:{s:{s:s, s:s}}}", "calendars", name, calendar,
                               "promises", "resolve", "calendar", name, "target", target);
    char *text = policy ? json_dumps(policy, JSON_COMPACT) : NULL;
    json_decref(policy);
    if (!text) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return text;
}
