/* Rows, both ways: what the engine holds as bytes, and bytes as what they say.
 *
 * Writing puts a row into a batch. Reading is strict, because a file may have been damaged or made by
 * somebody: every byte is used, every number in its range, every count within its limit; what it
 * yields points into the row, and owns nothing. Whether what a row names exists is for load.c. */
#ifndef USHER_LOCAL_RECORD_H
#define USHER_LOCAL_RECORD_H

#include "local/batch.h"
#include "local/bytes.h"
#include "local/changes.h"
#include "local/inside.h"

enum {
    RECORD_FORMAT = 3, /* of all that is written here; what is read may be of an earlier one */
    BODY_INLINE =
        512 /* bytes of a body that stand in the ticket's row; longer ones have their own */
};

/* ECORRUPT, with *wrong in the engine's room for texts. */
int usher__corrupt(struct engine *e, const char **wrong, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- record.c: tickets --------------------------------------------------------------------------- */

struct kept_text {
    const char *data; /* NULL: none */
    uint32_t len;
};

/* A ticket's row. In `ticket` and `extra` are the numbers; what is counted, or a handle in this process
 * only, stands beside them. */
struct ticket_row {
    struct ticket ticket;
    struct extra extra;
    bool has_extra, has_body; /* has_body: a row of its own has it */
    bool by_key, by_ref;      /* is found by its dedup_key, its ref */
    uint64_t policy;
    struct kept_text requester, body, last_word, question, symptom, dedup_key, ref;
    struct kept_text needs[USHER_NEEDS_MAX];
    struct reader persons, stretches, rungs; /* checked: they can be read again */
    bool confirmed;                          /* the requester, where there are persons */
};

/* Instants of the boot clock are written `ahead` later: 0 for a store, whose row of the service says
 * where the boot clock stood. ENOMEM. */
int usher__put_ticket(struct engine *e, struct batch *b, uint32_t slot, int64_t ahead);
int usher__drop_ticket(struct batch *b, int table, usher_id id);
bool usher__has_body_row(const struct ticket *t);
int usher__put_body(struct batch *b, const struct ticket *t);

bool usher__get_ticket(const struct row *row, struct ticket_row *out);
struct kept_text usher__next_person(struct ticket_row *t, bool *confirmed);
struct stretch usher__next_stretch(struct ticket_row *t);
struct rung usher__next_rung(struct ticket_row *t);

/* ---- record_event.c: events ------------------------------------------------------------------------ */

int usher__put_event(struct batch *b, const struct log_event *le);

/* ---- record_service.c: all the rest ------------------------------------------------------------------ */

/* The row's name: 1 to USHER_NAME_MAX bytes without a NUL. */
bool usher__is_name(const char *name, size_t len);

/* counted: up to which event the figures in the store count, once it is in. */
int usher__put_state(struct engine *e, struct batch *b, uint64_t counted);
int usher__put_zone(struct engine *e, struct batch *b, uint32_t number);
int usher__put_definition(struct engine *e, struct batch *b, uint32_t number);
int usher__put_queue(struct engine *e, struct batch *b, const usher_queue_t *q);
int usher__put_agent(struct engine *e, struct batch *b, const usher_agent_t *a);
int usher__put_op(struct batch *b, const struct op_entry *entry);
int usher__drop_ops(struct batch *b, uint64_t upto);
int usher__put_mark(struct engine *e, struct batch *b, const struct mark_at *mark, bool drop);
int usher__put_subscriber(struct engine *e, struct batch *b, const struct subscriber *s);

/* 0, ENOMEM, ECORRUPT with *wrong. */
int usher__take_state(struct engine *e, const struct row *row, const char **wrong);
int usher__take_zone(struct engine *e, const struct row *row, const char **wrong);
int usher__take_definition(struct engine *e, const struct row *row, const char **wrong);
int usher__take_queue(struct engine *e, const struct row *row, const char **wrong);
int usher__take_agent(struct engine *e, const struct row *row, const char **wrong);
int usher__take_op(struct engine *e, const struct row *row, const char **wrong);
int usher__take_mark(struct engine *e, const struct row *row, const char **wrong);
int usher__take_subscriber(struct engine *e, const struct row *row, const char **wrong);

#endif
