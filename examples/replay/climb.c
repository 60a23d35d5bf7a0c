/* What a policy's ladder did. */
#include "climb.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

static const char ladder[] = "ladder[";

static void count_step(struct climb *c, const char *number, uint64_t *steps)
{
    unsigned long i = strtoul(number, NULL, 10);
    if (i >= CLIMB_STEPS)
        return;
    c->fired[i]++;
    c->tickets[i] += !(*steps & UINT64_C(1) << i);
    *steps |= UINT64_C(1) << i;
    if (i >= c->steps_n)
        c->steps_n = (uint32_t)i + 1;
}

/* Steps that were found together are told as one: its rule is the latest, its text names the others. */
static void count_steps(struct climb *c, const usher_event *e, uint64_t *steps)
{
    const char *rest = e->text.len > 0 ? e->text.data : "";
    if (e->rule && strncmp(e->rule, ladder, sizeof ladder - 1) == 0)
        count_step(c, e->rule + sizeof ladder - 1, steps);
    while ((rest = strstr(rest, ladder)) != NULL) {
        rest += sizeof ladder - 1;
        count_step(c, rest, steps);
    }
}

/* A name has to outlive the event. */
static uint32_t number_of(struct climb *c, const char *name)
{
    uint32_t i = names_find(&c->names, name);
    if (i != 0)
        return i;
    size_t len = strlen(name) + 1;
    return names_add(&c->names, memcpy(array_new(len, 1), name, len));
}

static void count_names(struct climb *c, const usher_event *e)
{
    const char *end = e->notify.data + e->notify.len;
    for (const char *name = e->notify.data; name < end; name += strlen(name) + 1) {
        size_t before = c->told_cap;
        uint32_t i = number_of(c, name);
        c->told = array_room(c->told, &c->told_cap, (size_t)i + 1, sizeof *c->told);
        for (size_t k = before; k < c->told_cap; k++)
            c->told[k] = 0;
        c->told[i]++;
        c->tells++;
        c->tells_later += e->notify_at != 0;
    }
}

void climb_event(struct climb *c, const usher_event *e, int32_t before, uint64_t *steps)
{
    if (e->kind == USHER_EV_NO_QUEUE)
        c->no_queue++;
    if (e->kind != USHER_EV_STEPPED && e->kind != USHER_EV_WARNED)
        return;
    count_steps(c, e, steps);
    if (e->notify.len > 0)
        count_names(c, e);
    c->lifts += e->priority > before;
    c->moves += e->to != NULL;
}

void climb_free(struct climb *c)
{
    for (uint32_t i = 1; i <= c->names.n; i++)
        free((char *)c->names.text[i]);
    names_free(&c->names);
    free(c->told);
    *c = (struct climb){0};
}
