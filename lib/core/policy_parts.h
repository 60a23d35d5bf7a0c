/* The parts of a policy that are more than fields: its calendars, and what is told in their time.
 *
 * How many a text has is known when it is read, so there is room for as many as it may have, in one
 * large block that lives no longer than that. */
#ifndef USHER_CORE_POLICY_PARTS_H
#define USHER_CORE_POLICY_PARTS_H

#include "core/policy.h"
#include "core/policy_read.h"

/* What a text is read into, and the record of its readers. */
struct document {
    struct policy policy; /* without what it owns, its calendars apart */
    const struct policy_world *world;
    uint8_t preset; /* 0: none, 1: desk */

    const char *calendars[CALENDARS_MAX + 1]; /* names, as policy.calendars; then NULL */
    char calendar[CALENDARS_MAX][WORD_SIZE];

    /* the calendar that is being read, and of it the day */
    struct windows day;
    int32_t times[2]; /* of a window */
    struct calendar_spec spec;
    uint32_t days[2]; /* bits 1 << weekday: named alone, in a span */
    char zone[WORD_SIZE];
    struct special specials[SPECIALS_MAX];
    struct holiday holidays[HOLIDAYS_MAX];

    /* the ladder: policy.ladder_n and policy.names_n of them */
    struct step steps[LADDER_MAX];
    const char *names[NAMES_OF_LADDER + 1]; /* then NULL */
    char name[NAMES_OF_LADDER][WORD_SIZE];

    char cause_queue[WORD_SIZE]; /* "": none */
};

/* When values are read: those that hang on none first. */
enum { PASS_MAIN, PASS_CALENDAR, PASS_TIME, PASSES, PASS_PRESET };

/* Readers of a calendar; of the name of one (field: const struct calendar *); of a target (field:
 * struct promise_policy; key->min: index of the priority); of a step; of a queue (field: char[]). */
bool usher__read_named(struct reader *r, void *document, uint32_t n);
bool usher__read_calendar(struct reader *r, const struct policy_key *key, void *field);
bool usher__read_target(struct reader *r, const struct policy_key *key, void *field);
bool usher__read_step(struct reader *r, void *document, uint32_t n);
bool usher__read_queue(struct reader *r, const struct policy_key *key, void *field);

/* Gives the policy its ladder and its names. USHER_ENOMEM: it has none then. */
int usher__policy_pack(struct document *d);

#endif
