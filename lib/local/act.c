/* Commands on one ticket: from the public record to the rules and back, and their ops. */
#include "local/inside.h"

#include <string.h>

uint64_t usher__print_command(const usher_command *c)
{
    bool holders = c->verb <= USHER_HAND_OFF && c->claim.token != 0; /* whose `who` is ignored */
    const char *who = holders ? NULL : c->who;
    uint64_t print = usher__print_number((uint64_t)c->verb << 32, (uint32_t)c->kind);

    print = usher__print_number(print, c->claim.ticket);
    print = usher__print_number(print, c->claim.token);
    print = usher__print_number(print, (uint64_t)c->at);
    print = usher__print_number(print, (uint64_t)c->ms);
    print = usher__print_number(print, c->queue != NULL ? c->queue->index : 0);
    if (c->agent != NULL) /* so that a print from before there was such a thing is still right */
        print = usher__print_number(print, c->agent->index);
    if (c->other != 0)
        print = usher__print_number(print, c->other);
    print = usher__print_bytes(print, who, who != NULL ? strlen(who) : 0);
    return usher__print_bytes(print, c->text.data, c->text.len);
}

void usher__op_result(const struct op_entry *entry, struct result *res)
{
    *res = (struct result){.ticket = entry->ticket,
                           .token = entry->token,
                           .seq = entry->seq,
                           .until_at = entry->until_at,
                           .state = entry->state,
                           .verb = entry->verb,
                           .outcome = entry->outcome | USHER_WAS_REPEATED,
                           .priority = entry->priority};
}

void usher__op_fill(struct op_entry *entry, usher_op op, uint64_t print, const struct result *res)
{
    entry->op = op;
    entry->print = print;
    entry->ticket = res->ticket;
    entry->token = res->token;
    entry->seq = res->seq;
    entry->until_at = res->until_at;
    entry->state = res->state;
    entry->verb = res->verb;
    entry->outcome = res->outcome;
    entry->priority = res->priority;
}

/* The rules' command. Its text and its name in `who` hold a reference each until done_with. */
static int begin(struct engine *e, const struct ticket *t, const usher_command *c,
                 struct command *out)
{
    const struct verb *verb;

    *out = (struct command){.verb = c->verb,
                            .kind = c->kind,
                            .token = c->claim.token,
                            .at = c->at,
                            .ms = c->ms,
                            .queue = c->queue != NULL ? c->queue->index : 0,
                            .to_agent = c->agent != NULL ? c->agent->index : 0,
                            .other = c->other};
    if (c->verb == USHER_ACKNOWLEDGE && c->kind == USHER_BY_MACHINE)
        out->verb = VERB_RECEIPT;
    verb = usher__verb(out->verb);
    if (verb->by == BY_HOLDER) {
        const usher_agent_t *holder = usher__agent_of(e, t->holder);

        out->who = holder != NULL ? holder->name : 0;
        usher__intern_ref(&e->names, out->who);
    } else if (verb->by == BY_REQUESTER) { /* a name that nobody has is no person of the ticket's */
        out->who = usher__intern_find(&e->names, c->who, strlen(c->who));
        usher__intern_ref(&e->names, out->who);
    } else if (c->who != NULL) {
        int err = usher__intern_get(&e->names, c->who, strlen(c->who), &out->who);

        if (err != 0)
            return err;
    }
    if (c->text.len > 0) {
        out->text = usher__text_new(&e->texts, c->text.data, c->text.len);
        if (out->text == NULL) {
            usher__intern_unref(&e->names, out->who);
            return USHER_ENOMEM;
        }
    }
    return 0;
}

static void done_with(struct engine *e, const struct command *c)
{
    usher__text_unref(&e->texts, c->text);
    usher__intern_unref(&e->names, c->who);
}

static int act_on(struct engine *e, uint32_t slot, const usher_command *c, struct result *res)
{
    struct ticket *t = usher__ticket(e, slot);
    struct command command;
    uint32_t flags = 0;
    int err;

    usher__heap_prefetch(&e->dues, slot);
    err = begin(e, t, c, &command);
    if (err != 0)
        return err;
    err = usher__prepare(e, t, &command);
    if (err == 0) {
        res->status = usher__apply(e, slot, &command, &flags);
        res->outcome = (int32_t)flags;
        usher__apply_overdue(e, slot);
    }
    done_with(e, &command);
    usher__result_of(e, t, res);
    return err;
}

/* An op that was used for something else. */
static void refuse(struct engine *e, uint32_t slot, struct result *res)
{
    if (slot != 0)
        usher__result_of(e, usher__ticket(e, slot), res);
    res->status = USHER_EINVAL;
}

int usher__engine_act(struct engine *e, const usher_command *c, struct result *res)
{
    bool has_op = c->op.hi != 0 || c->op.lo != 0;
    uint64_t print = has_op ? usher__print_command(c) : 0;
    struct op_entry *entry = NULL;
    uint32_t slot;
    int err;

    *res = (struct result){.ticket = c->claim.ticket, .verb = c->verb, .seq = e->log.seq};
    slot = usher__ids_find(&e->by_id, c->claim.ticket);
    if (has_op) {
        entry = usher__ops_find(&e->ops, c->op, e->at.wall);
        if (entry != NULL) {
            if (entry->print == print)
                usher__op_result(entry, res);
            else
                refuse(e, slot, res);
            return 0;
        }
        entry = usher__ops_new(&e->ops, 0);
        if (entry == NULL)
            return USHER_ENOMEM;
    }
    if (slot == 0) {
        res->status = USHER_ENOENT;
        usher__free(&e->memory, entry);
        return 0;
    }
    err = act_on(e, slot, c, res);
    if (err != 0 || res->status != 0) {
        usher__free(&e->memory, entry);
        return err;
    }
    if (entry != NULL) {
        usher__op_fill(entry, c->op, print, res);
        usher__ops_add(&e->ops, entry, e->at.wall);
    }
    usher__settle(e);
    return 0;
}
