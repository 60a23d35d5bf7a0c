/* What keeps coming: symptoms, the tickets about their causes, and who is linked to those.
 *
 * Per symptom the latest tickets are remembered, up to CAUSE_AFTER_MAX of them; the rules decide by that
 * whether one recurs and whether a cause is opened; what follows from it for other tickets happens here.
 * A ticket that is linked to a cause which is not over stays in memory, and in the store among the open
 * ones, even when it is closed itself: so whoever had the trouble hears when it is mended. */
#ifndef USHER_LOCAL_CAUSES_H
#define USHER_LOCAL_CAUSES_H

#include "local/batch.h"
#include "local/inside.h"

/* Fills what FACT_SYMPTOM asks for, of a ticket that has a symptom. */
void usher__causes_facts(const struct engine *e, const struct ticket *t,
                         const struct policy *policy, struct facts *facts);

/* Room for all that the command on this ticket may lead to elsewhere, LINK's other ticket included. What is
 * told of one other ticket has room in usher__log_need, of ENQUEUE and LINK; in a batch each request with a
 * symptom needs that of two more entries. ENOMEM. */
int usher__causes_reserve(struct engine *e, const struct ticket *t, const struct command *c);

/* After the ticket's own change has been carried: does what outcome.effects say, remembers the symptom of a
 * new ticket, and unlinks all from a cause that is over. c: NULL for a timer. was: extra.cause before. Cannot
 * fail, but for opening a cause, which is tried again when the symptom comes again. */
void usher__causes_follow(struct engine *e, uint32_t slot, const struct command *c, usher_id was,
                          const struct outcome *out);

/* It is about to be forgotten, or never was: out of all lists. Before it leaves the list of the closed. */
void usher__causes_forget(struct engine *e, uint32_t slot);

/* Whether anything is linked. */
bool usher__causes_any(const struct engine *e);
/* Takes a closed ticket out of the list that it is linked in, so that it goes as others do. */
void usher__causes_unlink(struct engine *e, uint32_t slot);

/* Page of SYMPTOMS: the one that was seen last comes first. */
void usher__causes_read(struct engine *e, const usher_query *q, uint32_t limit, usher_symptom *rows,
                        usher_page *out);
const char *usher__causes_check(struct engine *e);
void usher__causes_free(struct engine *e);

/* ---- for a store ---------------------------------------------------------------------------------- */
bool usher__causes_changed(const struct engine *e);
int usher__causes_cut(struct engine *e, struct batch *b); /* noted ones. ENOMEM */
void usher__causes_strike(struct engine *e);
int usher__causes_put(struct engine *e, struct batch *b); /* all, for the digest */
int usher__causes_take(struct engine *e, const struct row *row, const char **wrong);

/* A ticket has been read back: if it is linked, its cause may still have to come. Once all are there, each goes
 * into the list of its cause. ENOMEM, ECORRUPT. */
void usher__causes_put_back(struct engine *e, uint32_t slot);
int usher__causes_taken(struct engine *e, const char **wrong);

#endif
