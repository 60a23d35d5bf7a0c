/* What a ticket's row says without an engine, on any thread: whether it fits a filter, and where it
 * leads. See changes.h. */
#include "local/record.h"

static bool is_name(struct kept_text name, const char *text)
{
    return name.len == strlen(text) && memcmp(name.data, text, name.len) == 0;
}

static bool waits_here(struct ticket_row *k, const char *name)
{
    bool found = is_name(k->requester, name), confirmed;

    for (uint32_t i = 1; !found && i < k->ticket.persons_n; i++)
        found = is_name(usher__next_person(k, &confirmed), name);
    return found;
}

bool usher__row_fits(const struct row *row, const struct row_filter *f)
{
    struct ticket_row k;

    if (f->queue != 0 && row->a != f->queue)
        return false;
    if (f->closed_before_at != 0 && (row->table != ROW_CLOSED || row->b >= f->closed_before_at))
        return false;
    if (!usher__get_ticket(row, &k))
        return false;
    if (f->states != 0 && (f->states & 1u << k.ticket.state) == 0)
        return false;
    if (f->symptom != NULL && (k.symptom.data == NULL || !is_name(k.symptom, f->symptom)))
        return false;
    if (f->linked != 0 &&
        (!k.has_extra || (k.extra.cause != f->linked && k.extra.follows != f->linked)))
        return false;
    return f->requester == NULL || waits_here(&k, f->requester);
}

bool usher__row_links(const struct row *row, uint64_t *last_event)
{
    struct ticket_row k;

    if (!usher__get_ticket(row, &k))
        return false;
    *last_event = k.ticket.last_event;
    return true;
}
