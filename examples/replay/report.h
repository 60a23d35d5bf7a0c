/* The report, for people and as JSON. */
#ifndef EXAMPLES_REPLAY_REPORT_H
#define EXAMPLES_REPLAY_REPORT_H
#include <stdio.h>

#include "figures.h"

struct report { /* everything that the report is made from */
    const char *log_name, *policy_name;
    const char *policy; /* its text */
    const struct log *log;
    const struct timeline *timeline;
    const struct account *account;
    const struct drive_result *drive;
    const struct assumed *assumed;
    const struct figures *figures;
};

void report_text(FILE *out, const struct report *r);

/* 0, or -1: it could not be written. */
int report_json(FILE *out, const struct report *r);

/* Everything adds up: time, promises, and the service's counts against the log's. */
bool report_holds(const struct report *r);

/* The name in JSON, what is counted, and how it was read, for people. */
const char *assumed_name(enum assumption a);
const char *assumed_unit(enum assumption a);
const char *assumed_what(enum assumption a);

#endif
