/* Room for whatever a command or a timer may do to a ticket, made beforehand: so applying it cannot
 * fail half way. */
#include "core/cold.h"
#include "local/causes.h"
#include "local/figures.h"
#include "local/inside.h"

#include <string.h>

enum { ENTRY_STRINGS = 2 * (USHER_NAME_MAX + 1) };

size_t usher__log_need(size_t text_len)
{
    /* The rules' events, and one of the service (room). A text stands in one of them. */
    return (EVENTS_MAX + 1) * usher__log_len(ENTRY_STRINGS) + text_len + 1;
}

static COLD int extra_room(struct engine *e, struct ticket *t, const struct command *c,
                           uint32_t room)
{
    struct extra *x = t->extra;

    if ((room & ROOM_EXTRA) != 0 && x == NULL) {
        x = usher__zalloc(&e->memory, sizeof(*x));
        if (x == NULL)
            return USHER_ENOMEM;
        t->extra = x;
    }
    if ((room & ROOM_STRETCH) != 0) {
        void *p = usher__grow(&e->memory, x->stretches, &x->stretches_room,
                              (uint64_t)x->stretches_n + STRETCH_SPARE, sizeof(struct stretch));

        if (p == NULL)
            return USHER_ENOMEM;
        x->stretches = p;
    }
    if ((room & ROOM_PERSON) != 0) {
        void *p = usher__grow(&e->memory, x->persons, &x->persons_room, t->persons_n + 1u,
                              sizeof(struct person));

        if (p == NULL)
            return USHER_ENOMEM;
        x->persons = p;
    }
    if ((room & ROOM_RUNGS) != 0 && x->rungs_n < RUNGS_MAX) {
        uint32_t need = x->rungs_n + (c != NULL ? RUNGS_SPARE : 1u); /* a timer is one step */
        void *p = usher__grow(&e->memory, x->rungs, &x->rungs_room,
                              need < RUNGS_MAX ? need : RUNGS_MAX, sizeof(struct rung));

        if (p == NULL)
            return USHER_ENOMEM;
        x->rungs = p;
    }
    return 0;
}

/* The text that may stand in an event: the command's; a reminder repeats the question. */
static const struct text *text_told(const struct ticket *t, const struct command *c)
{
    if (c != NULL)
        return c->text;
    return t->extra != NULL ? t->extra->question : NULL;
}

COLD uint32_t usher__move_to(const struct engine *e, const struct policy *p,
                             const struct step *step)
{
    const char *name = step->move != 0 ? p->names[step->move - 1] : NULL;
    uint32_t handle = name != NULL ? usher__intern_find(&e->names, name, strlen(name)) : 0;

    return handle != 0 ? usher__ids_find(&e->queue_by_name, handle) : 0;
}

bool usher__marks_of(const struct engine *e, const struct ticket *t, const struct command *c,
                     const struct step *step, uint32_t *queue, uint32_t *band)
{
    if (step == NULL)
        return usher__marks(t, c, queue, band);
    return usher__step_marks(t, step, usher__move_to(e, usher__policy(e, t->policy), step), queue,
                             band);
}

/* It may be found again by its key, or by key and ref elsewhere. */
static int index_room(struct engine *e, const struct ticket *t)
{
    int err = 0;

    if (t->extra != NULL && t->extra->dedup_key != 0)
        err = usher__ids_reserve(&e->by_key, 1);
    if (err == 0 && t->extra != NULL && t->extra->ref != 0)
        err = usher__ids_reserve(&e->by_ref, 1);
    return err;
}

static int line_room(struct engine *e, const struct ticket *t, const struct command *c,
                     const struct step *step)
{
    uint32_t queue, band;
    bool marks = usher__marks_of(e, t, c, step, &queue, &band);
    usher_queue_t *q = usher__queue_of(e, queue);
    int err = usher__order_reserve(&q->band[band], e->batch_n + 1);

    if (err == 0)
        err = index_room(e, t);
    if (err == 0 && queue != t->queue)
        err = usher__figures_reserve(e, queue);
    if (err != 0 || !marks || usher__policy(e, q->policy)->gap == 0)
        return err;
    return usher__marks_reserve(&e->marks, queue, band, t->requester);
}

/* To stand where it is offered to, by another rank or in another band too, and to go there. */
static COLD int offer_room(struct engine *e, const struct ticket *t, const struct command *c,
                           const struct step *step)
{
    bool is_new = t->state != USHER_OFFERED;
    uint32_t to = is_new ? c->queue : t->extra->offer_queue;
    uint32_t agent = is_new ? c->to_agent : t->extra->offer_agent;
    uint32_t queue, band = t->priority - 1u;
    int err;

    if (agent != 0)
        return usher__order_reserve(&usher__agent_of(e, agent)->kept, e->batch_n + 1);
    if (!is_new)
        (void)usher__marks_of(e, t, c, step, &queue, &band);
    err = usher__order_reserve(&usher__queue_of(e, to)->band[band], e->batch_n + 1);
    if (err == 0)
        err = usher__figures_reserve(e, to);
    return err != 0 ? err : index_room(e, t);
}

/* c NULL: a timer, which is the step or another. */
static int prepare(struct engine *e, struct ticket *t, const struct command *c, uint32_t room,
                   const struct step *step)
{
    size_t len = usher__log_need(usher__text_len(text_told(t, c))) + e->batch_len;
    int err;

    if (c == NULL) /* a step, or the untold, may name all whom the ladder knows */
        len += OTHERS_LEN + 2 * (size_t)usher__policy(e, t->policy)->names_len;
    err = usher__log_reserve(&e->log, len);
    if (err == 0)
        err = usher__figures_reserve(e, t->queue);
    if (err == 0 && (room & (ROOM_EXTRA | ROOM_STRETCH | ROOM_PERSON | ROOM_RUNGS)) != 0)
        err = extra_room(e, t, c, room);
    if (err == 0 && (room & ROOM_KEPT) != 0 && t->holder != 0)
        err = usher__order_reserve(&usher__agent_of(e, t->holder)->kept, e->batch_n + 1);
    if (err == 0 && (room & ROOM_LINE) != 0)
        err = line_room(e, t, c, step);
    if (err == 0 && (room & (ROOM_OFFER | ROOM_LINE)) != 0 &&
        (t->state == USHER_OFFERED || (c != NULL && c->verb == USHER_HAND_OFF)))
        err = offer_room(e, t, c, step);
    return err;
}

int usher__prepare(struct engine *e, struct ticket *t, const struct command *c)
{
    int err = prepare(e, t, c, usher__room_for(t, c), NULL);

    if (err == 0 && t->extra != NULL && (c->verb == USHER_LINK || usher__in_causes(t)))
        err = usher__causes_reserve(e, t, c);
    return err;
}

int usher__prepare_timer(struct engine *e, struct ticket *t, struct timer timer,
                         const struct step *step)
{
    return prepare(e, t, NULL, usher__room_to_fire(timer, e->at), step);
}
