/* Symptoms: what causes.c and symptoms.c share. Nobody else includes this.
 *
 * A symptom's record is made before its first ticket comes (seen is 0 until then), and blanked when it is
 * forgotten: it stays for as long as a store has to be told. A list has those that have been seen, the
 * latest first; a heap the one that goes next. */
#ifndef USHER_LOCAL_SYMPTOMS_H
#define USHER_LOCAL_SYMPTOMS_H

#include "local/causes.h"

struct seen {
    usher_id id;
    int64_t at;
    uint64_t by; /* print of the requester's name */
};

struct symptom {
    uint32_t name;         /* one reference */
    uint32_t newer, older; /* in the list */
    uint32_t recent_n, recent_room;
    uint32_t owed; /* tickets of a batch that are still to come */
    uint32_t causes, fixes, workarounds;
    bool noted, filed; /* has changed since the last cut; the store has it */
    uint64_t seen;     /* 0: see above */
    int64_t first_at, last_at, window;
    usher_id last;
    usher_id cause;      /* the newest that is open; 0: none is */
    struct seen *recent; /* since the last fix, ascending */
};

struct causes {
    struct slab symptoms;
    struct ids by_name;
    struct heap next; /* to be forgotten */
    struct noted noted;
    uint32_t newest;
    uint64_t linked_n; /* tickets, to whatever causes */
};

static inline struct symptom *usher__symptom(const struct engine *e, uint32_t slot)
{
    return usher__slab_at(&e->causes->symptoms, slot);
}

/* e->causes is there from then on. ENOMEM. */
int usher__causes_new(struct engine *e);

/* The symptom of a ticket with `extra`; 0: it has none, or none that is known. */
uint32_t usher__symptom_of(const struct engine *e, const struct ticket *t);

/* Room to remember one more ticket with this symptom, and its record. ENOMEM. The ticket comes, or it does not. */
int usher__symptom_expect(struct engine *e, uint32_t name, uint32_t *slot);
void usher__symptom_remember(struct engine *e, const struct ticket *t);
void usher__symptom_unexpect(struct engine *e, uint32_t slot);

/* Its numbers have changed. */
void usher__symptom_changed(struct engine *e, uint32_t slot);

/* The newest open ticket about the cause of what has this name, looked for among all of those; 0: none. */
usher_id usher__symptom_cause(struct engine *e, uint32_t name);

/* The place of the first of those in `recent` that are not older than the window. */
uint32_t usher__symptom_recent(const struct symptom *s, int64_t now, int64_t window);
uint64_t usher__symptom_print(const struct engine *e,
                              const struct ticket *t); /* as in struct seen */

const char *usher__symptoms_check(struct engine *e);

#endif
