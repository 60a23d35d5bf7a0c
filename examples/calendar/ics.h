/* The events of an iCalendar file (RFC 5545), as far as they are about whole days. */
#ifndef EXAMPLES_CALENDAR_ICS_H
#define EXAMPLES_CALENDAR_ICS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

#define ICS_NO_DAY INT64_MIN

enum ics_kind { ICS_DAYS, ICS_TIMED, ICS_UNREADABLE };

struct ics_event {
    enum ics_kind kind;
    const char *uid, *summary, *rule; /* rule NULL: once. Into the file's text */
    const char *wrong;                /* UNREADABLE: which value */
    uint32_t line;                    /* where it begins */
    bool cancelled;
    int64_t first_day, days;   /* days: 1 or more */
    int64_t instead_of;        /* it stands in for that day of the event with its uid, or NO_DAY */
    size_t except_at, also_at; /* EXDATE, RDATE: places in the file's arrays */
    size_t except_n, also_n;
};

struct ics {
    char *text;
    struct ics_event *events;
    int64_t *except, *also; /* except: each event's in order */
    size_t events_n, events_cap, except_n, except_cap, also_n, also_cap;
};

/* 0, or -1: not such a file, or a torn one. To be closed in either case. */
int ics_open(struct ics *c, const char *path, struct fault *f);
void ics_close(struct ics *c);

#endif
