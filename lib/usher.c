/* The public calls: check the arguments, make a command, hand it to the engine, queue the
 * completion. Nothing is decided here. What opens, closes and drives a service is in
 * loop/service.c.
 *
 * Each call ends in one of these ways: refused before ready() without a trace; refused by ready()
 * or by the engine, which have changed nothing; done, with its record pushed. */
#include <usher/usher.h>

#include <string.h>

#include "core/policy.h"
#include "local/upkeep.h"
#include "loop/arguments.h"
#include "loop/completion.h"
#include "loop/service.h"

uint32_t usher_version(void)
{
    return USHER_VERSION_NUMBER;
}

/* ---- what the calls share -------------------------------------------------------------------- */

static usher_t *of_queue(const usher_queue_t *q)
{
    return q == NULL ? NULL : usher__service_of(q->engine);
}

static usher_t *of_agent(const usher_agent_t *a)
{
    return a == NULL ? NULL : usher__service_of(a->engine);
}

static const char *queue_name(const usher_queue_t *q)
{
    return usher__engine_name(q->engine, q->name);
}

static const char *agent_name(const usher_agent_t *a)
{
    return usher__engine_name(a->engine, a->name);
}

/* What is due has happened, and n callbacks can be told. When it fails the call is over. */
static int ready(usher_t *u, uint64_t n)
{
    int r = usher__service_tick(u);

    if (r == 0)
        r = usher__completions_reserve(u, n);
    if (r != 0)
        usher__service_leave(u);
    return r;
}

/* The same for what changes something: the store can take it. */
static int ready_to_change(usher_t *u, uint64_t n)
{
    int r = usher__keep_room(u, false);

    return r != 0 ? r : ready(u, n);
}

static int ready_to_enqueue(usher_t *u, uint64_t n)
{
    int r = usher__keep_room(u, true);

    return r != 0 ? r : ready(u, n);
}

/* How many of n commands with this callback may have something to tell. */
static uint64_t callbacks(const usher_t *u, usher_done_cb cb, uint64_t n)
{
    return cb != NULL || u->options.on_lost != NULL ? n : 0;
}

/* Pushes the record of a command that the engine took (r == 0), and leaves. */
static int finish(usher_t *u, int r, const struct asked *asked, const struct result *result,
                  usher_done_cb cb, void *user)
{
    if (r == 0)
        usher__complete_done(u, asked, result, cb, user);
    usher__service_leave(u);
    return r;
}

static bool has_op(usher_op op)
{
    return op.hi != 0 || op.lo != 0;
}

static usher_text text_of(const char *s)
{
    return s == NULL ? (usher_text){NULL, 0} : (usher_text){s, strlen(s)};
}

/* ---- queues and agents ----------------------------------------------------------------------- */

int usher_queue(usher_t *u, usher_queue_t **out, const char *name)
{
    int r = usher__service_enter(u);

    if (out == NULL)
        return USHER_EINVAL;
    *out = NULL;
    if (r == 0)
        r = usher__arg_name(name);
    if (r != 0)
        return r;
    r = ready(u, 0);
    if (r != 0)
        return r;
    r = usher__engine_queue(u->engine, name, out);
    usher__trace(u, "queue %s: %s", name, usher_err_name(r));
    usher__service_leave(u);
    return r;
}

const char *usher_queue_name(const usher_queue_t *q)
{
    return q == NULL ? NULL : queue_name(q);
}

static int define(usher_queue_t *q, usher_t *u, const struct policy *p, usher_text json,
                  usher_done_cb cb, void *user)
{
    struct result res;
    int r = ready_to_change(u, callbacks(u, cb, 1));

    if (r != 0)
        return r;
    r = usher__engine_define(q, p, json.data, (size_t)json.len, &res);
    usher__trace(u, "define %s: %s", queue_name(q), usher_err_name(r));
    return finish(u, r, &(struct asked){.call = "define"}, &res, cb, user);
}

int usher_define(usher_queue_t *q, const char *policy, char *err, size_t err_len, usher_done_cb cb,
                 void *user)
{
    usher_t *u = of_queue(q);
    struct policy p;
    int r = usher__service_enter(u);
    size_t len;

    if (err != NULL && err_len > 0)
        err[0] = '\0';
    if (r != 0)
        return r;
    if (policy == NULL || (err == NULL && err_len > 0))
        return USHER_EINVAL;
    len = strnlen(policy, USHER_POLICY_MAX + 1);
    if (len > USHER_POLICY_MAX)
        return USHER_ELIMIT;
    (void)usher_now(u);
    r = usher__engine_compile(u->engine, &p, policy, len, err, err_len);
    if (r != 0)
        return r;
    r = define(q, u, &p, (usher_text){policy, len}, cb, user);
    if (r != 0)
        usher__policy_free(&p);
    return r;
}

int usher_apply(usher_queue_t *q, usher_done_cb cb, void *user)
{
    usher_t *u = of_queue(q);
    struct asked asked = {.call = "apply"};
    struct result res;
    uint32_t n;
    int r = usher__service_enter(u);

    if (r == 0)
        r = ready_to_change(u, callbacks(u, cb, 1));
    if (r != 0)
        return r;
    r = usher__engine_apply(q, &res, &n);
    asked.n = n;
    asked.kind = (int32_t)usher__engine_version(q);
    usher__trace(u, "apply %s, %u: %s", queue_name(q), (unsigned)n, usher_err_name(r));
    return finish(u, r, &asked, &res, cb, user);
}

int usher_queue_hold(usher_queue_t *q, uint32_t hold, usher_done_cb cb, void *user)
{
    usher_t *u = of_queue(q);
    struct result res;
    int r = usher__service_enter(u);

    if (r != 0)
        return r;
    if (hold > (USHER_HOLD_CLAIMS | USHER_HOLD_ENQUEUE))
        return USHER_EINVAL;
    r = ready_to_change(u, callbacks(u, cb, 1));
    if (r != 0)
        return r;
    r = usher__engine_hold(q, hold, &res);
    usher__trace(u, "hold %s %u: %s", queue_name(q), (unsigned)hold, usher_err_name(r));
    return finish(u, r, &(struct asked){.call = "hold"}, &res, cb, user);
}

int usher_agent(usher_t *u, usher_agent_t **out, const char *name, const char *const *skills,
                uint32_t n)
{
    int r = usher__service_enter(u);

    if (out == NULL)
        return USHER_EINVAL;
    *out = NULL;
    if (r == 0)
        r = usher__arg_name(name);
    if (r == 0)
        r = usher__arg_names(skills, n, USHER_SKILLS_MAX);
    if (r != 0)
        return r;
    r = ready(u, 0);
    if (r != 0)
        return r;
    r = usher__engine_agent(u->engine, name, skills, n, out);
    usher__trace(u, "agent %s: %s", name, usher_err_name(r));
    usher__service_leave(u);
    return r;
}

const char *usher_agent_name(const usher_agent_t *a)
{
    return a == NULL ? NULL : agent_name(a);
}

usher_t *usher_agent_service(const usher_agent_t *a)
{
    return of_agent(a);
}

int usher_agent_gone(usher_agent_t *a, usher_done_cb cb, void *user)
{
    usher_t *u = of_agent(a);
    struct result res;
    int r = usher__service_enter(u);

    if (r == 0)
        r = ready_to_change(u, callbacks(u, cb, 1));
    if (r != 0)
        return r;
    r = usher__engine_gone(a, &res);
    usher__trace(u, "gone %s: %s", agent_name(a), usher_err_name(r));
    return finish(u, r, &(struct asked){.call = "gone"}, &res, cb, user);
}

/* ---- the requester's side -------------------------------------------------------------------- */

static struct asked asked_request(const usher_request *r)
{
    return (struct asked){.call = "enqueue", .has_op = has_op(r->op)};
}

static void trace_enqueue(usher_t *u, const usher_queue_t *q, const struct result *res, size_t n,
                          int r)
{
    usher__trace(u, "enqueue %s, %zu: ticket %llu: %s", queue_name(q), n,
                 r == 0 ? (unsigned long long)res->ticket : 0,
                 usher_err_name(r == 0 ? res->status : r));
}

int usher_enqueue(usher_queue_t *q, const usher_request *r, usher_done_cb cb, void *user)
{
    usher_t *u = of_queue(q);
    const usher_request *known;
    usher_request room;
    struct result res;
    struct asked asked;
    int err = usher__service_enter(u);

    if (err == 0)
        err = usher__arg_request(r, &known, &room);
    if (err == 0)
        err = ready_to_enqueue(u, callbacks(u, cb, 1));
    if (err != 0)
        return err;
    err = usher__engine_enqueue(q, known, 1, &res);
    trace_enqueue(u, q, &res, 1, err);
    asked = asked_request(known);
    return finish(u, err, &asked, &res, cb, user);
}

static int enqueue_known(usher_t *u, usher_queue_t *q, const usher_request *r, size_t n,
                         usher_done_cb cb, void *user)
{
    struct result *results = usher__alloc(&u->memory, n * sizeof *results);
    int err = results == NULL ? USHER_ENOMEM : ready_to_enqueue(u, callbacks(u, cb, n));

    if (err == 0) {
        err = usher__engine_enqueue(q, r, n, results);
        trace_enqueue(u, q, results, n, err);
        for (size_t i = 0; err == 0 && i < n; i++) {
            struct asked asked = asked_request(&r[i]);

            usher__complete_done(u, &asked, &results[i], cb, user);
        }
        usher__service_leave(u);
    }
    usher__free(&u->memory, results);
    return err;
}

int usher_enqueue_many(usher_queue_t *q, const usher_request *r, size_t n, usher_done_cb cb,
                       void *user)
{
    usher_t *u = of_queue(q);
    const usher_request *known;
    usher_request *copies;
    int err = usher__service_enter(u);

    if (err != 0)
        return err;
    if (n > USHER_BATCH_MAX)
        return USHER_ELIMIT;
    if (n == 0)
        return USHER_OK;
    err = usher__arg_requests(&u->memory, r, n, &known, &copies);
    if (err == 0)
        err = enqueue_known(u, q, known, n, cb, user);
    usher__free(&u->memory, copies);
    return err;
}

/* ---- the agent's side ------------------------------------------------------------------------ */

/* Room for the callback and its rows. */
static int ready_for_work(usher_t *u, uint32_t n)
{
    int r = usher__completions_reserve_rows(u, n);

    return r != 0 ? r : ready_to_change(u, 1);
}

int usher_claim_many(usher_agent_t *a, const usher_claim_args *c, usher_work_cb cb, void *user)
{
    usher_t *u = of_agent(a);
    const usher_claim_args *known;
    usher_claim_args room;
    int r = usher__service_enter(u);

    if (r == 0)
        r = cb == NULL ? USHER_EINVAL : usher__arg_claim(a, c, &known, &room);
    if (r == 0)
        r = ready_for_work(u, known->n == 0 ? 1 : known->n);
    if (r != 0)
        return r;
    r = usher__engine_claim(a, known, cb, user);
    usher__trace(u, "claim %s: %s", agent_name(a), usher_err_name(r));
    usher__service_leave(u);
    return r;
}

int usher_claim_next(usher_agent_t *a, usher_queue_t *q, int64_t wait_ms, usher_work_cb cb,
                     void *user)
{
    usher_claim_args c = {.size = sizeof c, .queues = &q, .queues_n = 1, .wait_ms = wait_ms};

    return usher_claim_many(a, &c, cb, user);
}

int usher_claim_ticket(usher_agent_t *a, usher_id ticket, const usher_op *op, usher_work_cb cb,
                       void *user)
{
    usher_t *u = of_agent(a);
    int r = usher__service_enter(u);

    if (r == 0)
        r = cb == NULL ? USHER_EINVAL : ready_for_work(u, 1);
    if (r != 0)
        return r;
    r = usher__engine_claim_ticket(a, ticket, op == NULL ? (usher_op){0, 0} : *op, cb, user);
    usher__trace(u, "claim_ticket %s %llu: %s", agent_name(a), (unsigned long long)ticket,
                 usher_err_name(r));
    usher__service_leave(u);
    return r;
}

int usher_claim_cancel(usher_agent_t *a, const void *user)
{
    usher_t *u = of_agent(a);
    int r = usher__service_enter(u);

    if (r == 0)
        r = ready(u, 0);
    if (r != 0)
        return r;
    r = usher__engine_cancel(a, user);
    usher__trace(u, "claim_cancel %s: %s", agent_name(a), usher_err_name(r));
    usher__service_leave(u);
    return r;
}

/* ---- commands on a ticket -------------------------------------------------------------------- */

static int act(usher_t *u, const usher_command *c, usher_done_cb cb, void *user)
{
    const usher_command *known;
    usher_command room;
    struct asked asked;
    struct result res;
    int r = usher__arg_command(u->engine, c, &known, &room);

    if (r == 0)
        r = ready_to_change(u, callbacks(u, cb, 1));
    if (r != 0)
        return r;
    asked = (struct asked){.call = "act",
                           .token = known->claim.token,
                           .at = known->at,
                           .n = known->other,
                           .kind = known->kind,
                           .has_op = has_op(known->op)};
    if (usher__errand_wants_act(u, known)) {
        r = usher__errand_act(u, known, &asked, cb, user);
        usher__service_leave(u);
        return r;
    }
    r = usher__engine_act(u->engine, known, &res);
    usher__trace(u, "act %s ticket %llu: %s", usher_name(USHER_NAME_VERB, known->verb),
                 (unsigned long long)known->claim.ticket, usher_err_name(r == 0 ? res.status : r));
    return finish(u, r, &asked, &res, cb, user);
}

int usher_act(usher_t *u, const usher_command *c, usher_done_cb cb, void *user)
{
    int r = usher__service_enter(u);

    return r != 0 ? r : act(u, c, cb, user);
}

int usher_act_many(usher_t *u, const usher_command *c, size_t n, usher_done_cb cb, void *user)
{
    const char *at = (const char *)c;
    int r = usher__service_enter(u);
    uint64_t size;
    int accepted = 0;

    if (r != 0)
        return r;
    if (n > USHER_BATCH_MAX)
        return USHER_ELIMIT;
    if (n > 0 && c == NULL)
        return USHER_EINVAL;
    for (size_t i = 0; i < n; i++, at += size, accepted++) {
        memcpy(&size, at, sizeof size);
        if (size == c->size && size % sizeof size == 0)
            r = act(u, (const usher_command *)(const void *)at, cb, user);
        else
            r = USHER_EINVAL;
        if (r != 0)
            return accepted > 0 ? accepted : r;
    }
    return accepted;
}

static int act_by_holder(usher_t *u, const usher_claim *claim, usher_command c, usher_done_cb cb,
                         void *user)
{
    if (claim == NULL)
        return USHER_EINVAL;
    c.size = sizeof c;
    c.claim = *claim;
    return usher_act(u, &c, cb, user);
}

int usher_acknowledge(usher_t *u, const usher_claim *c, const char *word, usher_done_cb cb,
                      void *user)
{
    return act_by_holder(u, c, (usher_command){.verb = USHER_ACKNOWLEDGE, .text = text_of(word)},
                         cb, user);
}

int usher_update(usher_t *u, const usher_claim *c, const char *word, int64_t next_word_at,
                 usher_done_cb cb, void *user)
{
    return act_by_holder(
        u, c, (usher_command){.verb = USHER_UPDATE, .text = text_of(word), .at = next_word_at}, cb,
        user);
}

int usher_extend(usher_t *u, const usher_claim *c, int64_t by_ms, usher_done_cb cb, void *user)
{
    return act_by_holder(u, c, (usher_command){.verb = USHER_EXTEND, .ms = by_ms}, cb, user);
}

int usher_pause(usher_t *u, const usher_claim *c, int32_t on, const char *question,
                int64_t until_at, usher_done_cb cb, void *user)
{
    return act_by_holder(
        u, c,
        (usher_command){.verb = USHER_PAUSE, .kind = on, .text = text_of(question), .at = until_at},
        cb, user);
}

int usher_resolve(usher_t *u, const usher_claim *c, int32_t as, const char *answer,
                  usher_done_cb cb, void *user)
{
    return act_by_holder(
        u, c, (usher_command){.verb = USHER_RESOLVE, .kind = as, .text = text_of(answer)}, cb,
        user);
}

int usher_fail(usher_t *u, const usher_claim *c, const char *why, usher_done_cb cb, void *user)
{
    return act_by_holder(u, c, (usher_command){.verb = USHER_FAIL, .text = text_of(why)}, cb, user);
}

static int act_by_requester(usher_t *u, int32_t verb, usher_id ticket, const char *who,
                            const char *text, usher_done_cb cb, void *user)
{
    usher_command c = {
        .size = sizeof c, .verb = verb, .claim = {ticket, 0}, .text = text_of(text), .who = who};

    return usher_act(u, &c, cb, user);
}

int usher_ask(usher_t *u, usher_id ticket, const char *who, usher_done_cb cb, void *user)
{
    return act_by_requester(u, USHER_ASK, ticket, who, NULL, cb, user);
}

int usher_reply(usher_t *u, usher_id ticket, const char *who, const char *text, usher_done_cb cb,
                void *user)
{
    return act_by_requester(u, USHER_REPLY, ticket, who, text, cb, user);
}

int usher_confirm(usher_t *u, usher_id ticket, const char *who, usher_done_cb cb, void *user)
{
    return act_by_requester(u, USHER_CONFIRM, ticket, who, NULL, cb, user);
}

int usher_reopen(usher_t *u, usher_id ticket, const char *who, const char *why, usher_done_cb cb,
                 void *user)
{
    return act_by_requester(u, USHER_REOPEN, ticket, who, why, cb, user);
}

/* ---- events ---------------------------------------------------------------------------------- */

static int subscribe_live(usher_t *u, usher_event_cb cb, void *user)
{
    struct telling *t = &u->telling;

    if (t->n + u->following.n >= USHER_SUBSCRIBERS_MAX)
        return USHER_ELIMIT;
    usher__events_pass(u);
    t->subscriptions[t->n++] = (struct subscription){cb, user, usher__engine_log(u->engine)->seq};
    return USHER_OK;
}

int usher_subscribe(usher_t *u, const char *name, uint64_t from_seq, usher_event_cb cb, void *user)
{
    int r = usher__service_enter(u);

    if (r != 0)
        return r;
    if (cb == NULL || (name == NULL && from_seq != 0))
        return USHER_EINVAL;
    r = name == NULL ? 0 : usher__arg_name(name);
    if (r == 0)
        r = ready(u, 0);
    if (r != 0)
        return r;
    r = name == NULL ? subscribe_live(u, cb, user) : usher__follow(u, name, from_seq, cb, user);
    usher__service_leave(u);
    return r;
}

int usher_event_done(usher_t *u, const char *name, uint64_t seq)
{
    int r = usher__service_enter(u);

    if (r == 0)
        r = usher__arg_name(name);
    if (r == 0)
        r = ready(u, 0);
    if (r != 0)
        return r;
    r = usher__follow_done(u, name, seq);
    usher__service_leave(u);
    return r;
}

int usher_unsubscribe(usher_t *u, usher_event_cb cb, const void *user)
{
    struct telling *t;
    uint32_t i = 0;
    int r = usher__service_enter(u);

    if (r != 0)
        return r;
    t = &u->telling;
    while (i < t->n && (t->subscriptions[i].cb != cb || t->subscriptions[i].user != user))
        i++;
    if (i == t->n)
        return usher__unfollow(u, cb, user);
    t->n--;
    memmove(t->subscriptions + i, t->subscriptions + i + 1, (t->n - i) * sizeof *t->subscriptions);
    if (t->running && i <= t->turn) /* the one that follows the one being told has moved down */
        t->turn--;
    return USHER_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int look(usher_t *u, const usher_standing *out)
{
    int r = usher__service_enter(u);

    if (r == 0)
        r = usher__arg_standing(out);
    return r != 0 ? r : ready(u, 0);
}

int usher_peek(usher_t *u, usher_id ticket, usher_standing *out)
{
    usher_standing s;
    int r = look(u, out);

    if (r != 0)
        return r;
    usher__service_leave(u);
    r = usher__engine_peek(u->engine, ticket, &s);
    if (r == 0)
        usher__give_standing(out, &s);
    return r;
}

int usher_peek_ref(usher_queue_t *q, const char *ref, usher_standing *out)
{
    usher_t *u = of_queue(q);
    usher_standing s;
    int r = usher__arg_name(ref);

    if (r == 0)
        r = look(u, out);
    if (r != 0)
        return r;
    usher__service_leave(u);
    r = usher__engine_peek_ref(q, ref, &s);
    if (r == 0)
        usher__give_standing(out, &s);
    return r;
}

int usher_counts(const usher_queue_t *q, uint64_t by_state[USHER_STATES])
{
    usher_t *u = of_queue(q);
    int r = usher__service_enter(u);

    if (q == NULL || by_state == NULL)
        return USHER_EINVAL;
    if (r == 0)
        r = ready(u, 0);
    if (r != 0)
        return r;
    memcpy(by_state, q->by_state, sizeof q->by_state);
    usher__service_leave(u);
    return USHER_OK;
}

int usher_read(usher_t *u, const usher_query *q, usher_page_cb cb, void *user)
{
    const usher_query *known;
    usher_query room;
    struct question *copy;
    int r = usher__service_enter(u);

    if (r == 0)
        r = cb == NULL ? USHER_EINVAL : usher__arg_query(u->engine, q, &known, &room);
    if (r != 0)
        return r;
    copy = usher__question_new(u, known);
    if (copy == NULL)
        return USHER_ENOMEM;
    r = ready(u, 1);
    if (r != 0) {
        usher__question_free(u, copy);
        return r;
    }
    if (usher__errand_wants_page(u, &copy->query))
        r = usher__errand_page(u, copy, cb, user);
    else
        usher__complete_page(u, copy, cb, user);
    if (r != 0)
        usher__question_free(u, copy);
    usher__trace(u, "read %d: %s", known->what, usher_err_name(r));
    usher__service_leave(u);
    return r;
}

/* ---- upkeep ---------------------------------------------------------------------------------- */

int usher_backup(usher_t *u, const char *path, usher_done_cb cb, void *user)
{
    int r = usher__service_enter(u);

    if (r != 0)
        return r;
    if (u->keeping.store == NULL || path == NULL || path[0] == '\0')
        return USHER_EINVAL;
    if (strnlen(path, USHER_PATH_MAX + 1) > USHER_PATH_MAX)
        return USHER_ELIMIT;
    r = ready(u, callbacks(u, cb, 1));
    if (r != 0)
        return r;
    r = usher__errand_backup(u, path, cb, user);
    usher__trace(u, "backup: %s", usher_err_name(r));
    usher__service_leave(u);
    return r;
}

/* In memory there is nothing to wait for. */
static int purge_memory(usher_t *u, int64_t before_at, const char *requester, usher_done_cb cb,
                        void *user)
{
    struct row_filter f = {.closed_before_at = before_at, .requester = requester};
    struct asked asked = {.call = "purge"};
    struct result res = {0};
    int r = usher__engine_reserve_event(u->engine);

    if (r != 0)
        return r;
    asked.n = usher__engine_purge(u->engine, &f);
    if (asked.n > 0)
        usher__engine_purged(u->engine, asked.n);
    res.seq = usher__engine_log(u->engine)->seq;
    usher__complete_done(u, &asked, &res, cb, user);
    return 0;
}

int usher_purge(usher_t *u, int64_t closed_before_at, const char *requester, usher_done_cb cb,
                void *user)
{
    int r = usher__service_enter(u);

    if (r != 0)
        return r;
    if (closed_before_at < 0)
        return USHER_EINVAL;
    r = requester == NULL ? 0 : usher__arg_name(requester);
    if (r == 0)
        r = ready_to_change(u, callbacks(u, cb, 1));
    if (r != 0)
        return r;
    r = u->keeping.store == NULL ? purge_memory(u, closed_before_at, requester, cb, user)
                                 : usher__errand_purge(u, closed_before_at, requester, cb, user);
    usher__trace(u, "purge: %s", usher_err_name(r));
    usher__service_leave(u);
    return r;
}
