/* See world.h. */
#include "world.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "local/changes.h"
#include "loop/completion.h"
#include "loop/keep.h"
#include "loop/service.h"
#include "shim.h"

enum {
    PATIENCE_MS = 3000, /* with what must come to an end */
    HUNGER_MS = 3       /* with what may wait for better times */
};

struct disk *world_disk;
uint32_t world_failures;

const char *world_state(int state)
{
    return state == S_LET_GO ? "let go" : fixture_states[state];
}

void world_begin(void)
{
    world_disk = disk_new(DISK_VFS, DISK_HONEST);
    shim_register(SHIM_VFS, DISK_VFS, false);
}

void world_end(void)
{
    disk_free(world_disk);
}

/* ---- small things ---------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_outstanding(struct fixture *f)
{
    if (f->u == NULL)
        return false;
    return f->u->closing || f->u->posts != NULL || usher__completions_left(f->u) ||
           usher__keep_outstanding(f->u);
}

static void wait_a_little(struct fixture *f)
{
    struct pollfd p = {.fd = f->u == NULL ? -1 : usher_fd(f->u), .events = POLLIN};

    (void)poll(&p, 1, 1);
}

bool world_settle(struct fixture *f, int limit_ms)
{
    int64_t until = now_ms() + limit_ms;

    while (is_outstanding(f)) {
        uint64_t before = f->ran;

        if (now_ms() > until)
            return false;
        fixture_turn(f);
        if (f->ran == before && is_outstanding(f))
            wait_a_little(f);
    }
    return true;
}

bool world_close(struct fixture *f)
{
    int64_t until = now_ms() + PATIENCE_MS;

    if (f->u != NULL && !f->u->closing) {
        struct receipt *r = fixture_receipt(f);
        int err = fixture_returned(r, usher_close(f->u, fixture_on_closed, r), 1);

        CHECK(f, err == USHER_OK, "usher_close: %s", usher_err_name(err));
    }
    while (f->closed == 0 && now_ms() < until) {
        fixture_turn(f);
        if (f->closed == 0)
            wait_a_little(f);
    }
    return CHECK(f, f->closed == 1, "the service does not close");
}

/* It must close in trouble too. */
static bool close_in_trouble(struct fixture *f, const struct trouble *trouble)
{
    if (world_close(f))
        return true;
    trouble->disarm(f);
    return world_close(f);
}

void world_leave(struct fixture *f)
{
    if (world_close(f))
        fixture_end(f);
}

int64_t world_at(const struct fixture *f)
{
    const usher_clock *clock = usher_manual_clock_get(f->clock);

    return clock->wall_ms(clock->ctx);
}

uint64_t world_digest(struct fixture *f)
{
    uint64_t digest = 0;

    CHECK(f, usher__engine_digest(f->u->engine, &digest) == 0, "no digest");
    return digest;
}

int world_note(struct fixture *f)
{
    usher_command c = USHER_INIT(usher_command);
    struct receipt *r = fixture_receipt(f);
    int err;

    c.verb = USHER_NOTE;
    c.claim.ticket = 1;
    c.text = (usher_text){"and then", 8};
    c.op = (usher_op){99, 1};
    err = fixture_returned(r, usher_act(f->u, &c, fixture_on_done, r), 1);
    if (err != USHER_OK)
        return err;
    CHECK(f, world_settle(f, PATIENCE_MS), "a note does not come to an end");
    return r->status;
}

/* What was tried before the store is opened again; for messages. */
static char tried[200];

/* ---- worlds ---------------------------------------------------------------------------------- */

static void copy_image(struct image *out, const struct image *image)
{
    *out = (struct image){0};
    for (uint32_t i = 0; i < image->files_n; i++)
        content_set(image_file(out, i), 0, image->files[i].bytes, image->files[i].len);
    for (uint32_t i = 0; i < image->entries_n; i++)
        image_name(out, image->entries[i].name, image->entries[i].file);
}

void world_load(const struct image *image)
{
    struct image copy;

    copy_image(&copy, image);
    disk_load(world_disk, &copy);
}

static void on_failed(usher_t *u, int status, usher_text why, void *user)
{
    struct fixture *f = user;

    (void)u;
    CHECK(f, status == USHER_EFAILED && why.len > 0, "on_failed with %s", usher_err_name(status));
    world_failures++;
    CHECK(f, world_failures == 1, "on_failed is called for the %uth time", world_failures);
}

const usher_options *world_options(struct fixture *f)
{
    usher_options *o = give(f, give_options(f), sizeof *o);

    o->on_failed = on_failed;
    o->keep_closed = 1;
    o->err = f->err;
    o->err_len = sizeof f->err;
    return o;
}

struct fixture *world_fixture(const struct world *w, int64_t at)
{
    struct fixture *f = fixture_new(true);

    CHECK(f, usher_manual_clock_skip(f->clock, at) == USHER_OK, "usher_manual_clock_skip");
    f->at = at;
    f->ticket = w->ticket;
    f->op = 1000; /* none that the preparation has used */
    f->backup = "/backup";
    world_failures = 0;
    return f;
}

int world_try_open(struct fixture *f, const char *store)
{
    struct receipt *r = fixture_receipt(f);
    int err = usher_open(&f->u, NULL, store, world_options(f), fixture_on_open, r);

    take_given(f);
    return fixture_returned(r, err, 1);
}

static void take_handles(struct fixture *f)
{
    assert_int_equal(usher_queue(f->u, &f->q, "desk"), USHER_OK);
    assert_int_equal(usher_queue(f->u, &f->q2, "second line"), USHER_OK);
    assert_int_equal(usher_queue(f->u, &f->idle, "idle"), USHER_OK);
    assert_int_equal(usher_agent(f->u, &f->a, "ann", give_skills(f), 2), USHER_OK);
    assert_int_equal(usher_agent(f->u, &f->b, "bob", give_skills(f), 1), USHER_OK);
    take_given(f);
}

static void listen_to(struct fixture *f, const char *name)
{
    struct receipt *r = fixture_receipt(f);

    r->calling = false;
    r->accepted = -1;
    if (name == NULL)
        f->events = r;
    assert_int_equal(usher_subscribe(f->u, name, 0, fixture_on_event, r), USHER_OK);
}

struct fixture *world_open(const struct world *w, int64_t at, const char *store)
{
    struct fixture *f = world_fixture(w, at);
    int err;

    fixture_what(f, "opening%s%s, in state %s", tried[0] == '\0' ? "" : " after ", tried,
                 world_state(w->state));
    err = world_try_open(f, store);
    if (!CHECK(f, err == USHER_OK, "%s: %s", usher_err_name(err), f->err)) {
        fixture_verdict();
        return NULL;
    }
    take_handles(f);
    f->lost->accepted = -1;
    listen_to(f, NULL);
    listen_to(f, "ledger");
    CHECK(f, world_settle(f, PATIENCE_MS), "what opening began does not come to an end");
    return f;
}

struct fixture *world_enter(const struct world *w)
{
    world_load(&w->image);
    return world_open(w, w->at, STORE);
}

/* One more that is closed: only the last stays in memory. */
static void let_go(struct fixture *f)
{
    usher_request q = USHER_INIT(usher_request);
    usher_command c = USHER_INIT(usher_command);

    q.requester = "kim";
    assert_int_equal(usher_enqueue(f->idle, &q, NULL, NULL), USHER_OK);
    c.verb = USHER_WITHDRAW;
    c.who = "kim";
    c.claim.ticket = 4;
    assert_int_equal(usher_act(f->u, &c, NULL, NULL), USHER_OK);
}

void world_prepare(struct world *w, int state)
{
    struct image none = {0};
    struct fixture *f;

    *w = (struct world){.state = state, .at = T0};
    world_load(&none);
    f = world_fixture(w, T0);
    f->op = 0;
    fixture_what(f, "preparing state %s", world_state(state));
    if (world_try_open(f, STORE) != USHER_OK)
        fail_msg("%s", f->err);
    fixture_prepare(f, state == S_LET_GO ? S_CLOSED : (enum state)state);
    if (state == S_LET_GO)
        let_go(f);
    listen_to(f, "ledger");
    CHECK(f, world_settle(f, PATIENCE_MS), "the preparation does not come to an end");
    w->ticket = f->ticket;
    w->at = world_at(f);
    disk_look(world_disk, &w->image);
    world_leave(f);
    for (int noted = 0; noted < 2; noted++) {
        f = world_enter(w);
        if (noted != 0)
            CHECK(f, world_note(f) == USHER_OK, "a note");
        world_leave(f);
        f = world_open(w, w->at, STORE);
        w->before[noted] = world_digest(f);
        world_leave(f);
    }
    fixture_verdict();
}

void world_free(struct world *w)
{
    image_free(&w->image);
}

/* ---- a call in trouble ----------------------------------------------------------------------- */

/* What is tried, and what must come of it. */
struct trial {
    const struct world *w;
    const struct call *call;
    const struct trouble *trouble;
    uint64_t n;
    int way;
    bool for_ever;
    uint64_t after[2]; /* digests when nothing fails; [1]: with a note, too */
    int64_t returned;
    uint64_t rows; /* tickets that it hands out */
    int status;
    struct tally *tally;
};

/* Those that have nothing to do with a store, or with time: then before and after are other
 * instants. */
static bool is_of_use(const struct call *call)
{
    return (call->flags & CALL_SERVICE) != 0 && !fixture_is(call, "usher_advance") &&
           !fixture_is(call, "usher_open");
}

static bool is_parked(const struct call *call)
{
    return call->callback == IN_WORK && call->variant != 0;
}

static void run_control(struct trial *t, uint64_t *places)
{
    for (int noted = 1; noted >= 0; noted--) { /* without a note last: its places are the ones */
        struct fixture *f = world_enter(t->w);
        struct receipt *r;
        int64_t at;

        fixture_what(f, "%s in state %s", t->call->label, world_state(t->w->state));
        t->trouble->arm(f, 0, 0, false);
        t->returned = fixture_call(f, t->call, &r);
        CHECK(f, world_settle(f, PATIENCE_MS), "it does not come to an end");
        t->status = r->status;
        t->rows = r->rows;
        CHECK(f, r->ran == (uint64_t)r->accepted || r->accepted == -1 || is_parked(t->call),
              "%u callbacks", r->ran);
        if (noted != 0 && f->u != NULL && !f->u->closing)
            CHECK(f, world_note(f) == USHER_OK, "a note");
        at = world_at(f);
        CHECK(f, world_failures == 0, "the store has failed, and nothing was wrong with it");
        if (!world_close(f))
            return;
        *places = t->trouble->count(f);
        t->trouble->disarm(f);
        fixture_end(f);
        f = world_open(t->w, at, STORE);
        t->after[noted] = world_digest(f);
        world_leave(f);
    }
}

/* "After a failed flush ... every call is USHER_EFAILED". */
static void check_failed(struct fixture *f)
{
    for (size_t i = 0; i < fixture_calls_n; i++) {
        const struct call *call = &fixture_calls[i];
        int64_t returned;

        if ((call->flags & (CALL_INT | CALL_SERVICE)) != (CALL_INT | CALL_SERVICE) ||
            fixture_is(call, "usher_close") || fixture_is(call, "usher_fd") ||
            fixture_is(call, "usher_timeout") || fixture_is(call, "usher_turn") ||
            fixture_is(call, "usher_post") || fixture_is(call, "usher_open"))
            continue;
        returned = fixture_call(f, call, NULL);
        CHECK(f, returned == USHER_EFAILED, "%s after the store has failed: %s", call->label,
              usher_err_name((int)returned));
    }
}

/* Without the memory for it a cause is opened when its symptom comes once more, and a claim of
 * several gets those that there is memory for. */
static bool may_be_less(const struct trial *t, const struct receipt *r)
{
    bool recurs = fixture_is(t->call, "usher_enqueue_many") ||
                  (fixture_is(t->call, "usher_enqueue") && t->w->state == S_RECURS);

    return t->trouble->mild && (recurs || (t->call->callback == IN_WORK && r->rows != t->rows));
}

/* What the digest must be, given what was said. */
static void check_end(struct fixture *f, const struct trial *t, uint64_t digest, int64_t returned,
                      const struct receipt *r, bool noted)
{
    uint64_t before = t->w->before[noted], after = t->after[noted];
    bool told = r->ran > 0 && r->status == t->status;

    if (fixture_is(t->call, "usher_purge") && !(told && t->status == USHER_OK))
        return; /* it goes by slices; what is gone is gone, and it may be asked for again */
    if (may_be_less(t, r))
        return;
    if (fixture_is(t->call, "usher_act_many") && returned > 0 && returned < t->returned)
        return; /* a part of them */
    if (returned < 0 && returned != t->returned)
        CHECK(f, digest == before, "refused with %s, and yet there", usher_err_name((int)returned));
    else if (told && t->status == USHER_OK && t->call->callback == IN_DONE)
        CHECK(f, digest == after, "said to be OK, and not there");
    else
        CHECK(f, digest == before || digest == after, "neither as before nor as after (%d, %s)",
              (int)returned, r->ran == 0 ? "not told" : usher_err_name(r->status));
}

static void check_status(struct fixture *f, const struct trial *t, int64_t returned,
                         const struct receipt *r)
{
    bool excused = r->status == USHER_EUNKNOWN || r->status == USHER_EFAILED ||
                   r->status == USHER_ESTORE || r->status == USHER_ECANCELED ||
                   r->status == USHER_ENOMEM || r->status == USHER_ECORRUPT;

    if (r->ran == 0 || t->call->callback == IN_EVENT)
        return;
    if (fixture_is(t->call, "usher_act_many") && returned < t->returned)
        return; /* the last one that was taken is another command */
    CHECK(f, r->status == t->status || excused, "status %s", usher_err_name(r->status));
    if (t->call->callback != IN_DONE || r->status == t->status)
        return;
    CHECK(f, r->status != USHER_EUNKNOWN || world_failures > 0 || f->u == NULL || f->u->closing,
          "unknown, and the service goes on");
    t->tally->unknown += r->status == USHER_EUNKNOWN;
}

/* A store that is opened again is as good as before. */
static void check_reopened(const struct trial *t, int64_t at, int64_t returned, struct receipt *r,
                           const char *what, bool noted)
{
    struct fixture *f;

    strcpy(tried, what);
    f = world_open(t->w, at, STORE);
    tried[0] = '\0';
    if (f == NULL)
        return;
    fixture_what(f, "%s", what);
    check_end(f, t, world_digest(f), returned, r, noted);
    if (!noted)
        CHECK(f, world_note(f) == USHER_OK, "a note after it was opened again");
    world_leave(f);
}

static void try_one(struct trial *t)
{
    struct fixture *f = world_enter(t->w);
    struct receipt *r, told;
    int64_t returned, at;
    char what[200];
    bool noted = false, settled;

    fixture_what(f, "%s in state %s, %s%s", t->call->label, world_state(t->w->state),
                 t->trouble->describe(t->n, t->way), t->for_ever ? " and all after it" : "");
    strcpy(what, f->what_room);
    t->trouble->arm(f, t->n, t->way, t->for_ever);
    returned = fixture_call(f, t->call, &r);
    settled = world_settle(f, t->for_ever ? HUNGER_MS : PATIENCE_MS);
    CHECK(f, settled || t->for_ever, "it does not come to an end");
    if (t->trouble->unflushed_is_unknown && shim_flush_failed() && r->ran > 0 &&
        t->call->callback == IN_DONE && t->status == USHER_OK)
        CHECK(f, r->status != USHER_OK || world_failures == 0, "OK, and it was not flushed");
    if (world_failures > 0) {
        t->tally->failed++;
        CHECK(f, !t->trouble->mild || t->for_ever, "the store has failed");
        check_failed(f);
    } else if (!t->for_ever && t->trouble->failed(f) > 0 && f->u != NULL && !f->u->closing) {
        int status;

        t->trouble->disarm(f);
        status = world_note(f);
        noted = status == USHER_OK;
        CHECK(f, noted || world_failures > 0, "a note afterwards: %s", usher_err_name(status));
    }
    if (t->for_ever && t->trouble->passes != NULL && t->trouble->passes(t->way)) {
        t->trouble->disarm(f);
        CHECK(f, world_settle(f, PATIENCE_MS), "it does not come to an end when all is well again");
        CHECK(f, world_failures == 0, "the store has failed of what passes");
    }
    t->tally->refused += returned < 0 && returned != t->returned;
    CHECK(f,
          returned == t->returned || returned < 0 || fixture_is(t->call, "usher_turn") ||
              fixture_is(t->call, "usher_act_many"),
          "it returned %d", (int)returned);
    at = world_at(f);
    if (!close_in_trouble(f, t->trouble))
        return;
    t->tally->failures += t->trouble->failed(f) > 0;
    t->trouble->disarm(f);
    t->tally->runs++;
    check_status(f, t, returned, r);
    told = *r;
    fixture_end(f);
    check_reopened(t, at, returned, &told, what, noted);
}

void world_try(const struct world *w, const struct call *call, const struct trouble *trouble,
               struct tally *tally)
{
    struct trial t = {.w = w, .call = call, .trouble = trouble, .tally = tally};
    uint64_t places = 0;

    run_control(&t, &places);
    for (t.way = 0; t.way < trouble->ways; t.way++) {
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            t.for_ever = for_ever != 0;
            for (t.n = 1; t.n <= places; t.n++) {
                if (trouble->can(t.n, t.way, t.for_ever))
                    try_one(&t);
            }
        }
    }
}

void world_try_all(const struct world *w, const struct trouble *trouble, struct tally *tally)
{
    for (size_t i = 0; i < fixture_calls_n; i++) {
        if (is_of_use(&fixture_calls[i]))
            world_try(w, &fixture_calls[i], trouble, tally);
    }
}

void world_try_new(const struct trouble *trouble, struct tally *tally)
{
    static const struct {
        int state;
        const char *labels[8];
    } tries[] = {
        {S_OFFERED,
         {"usher_act(USHER_RECALL)", "usher_act(USHER_DECLINE)", "usher_act(USHER_RESOLVE)",
          "usher_act(USHER_MOVE)", "usher_claim_ticket", "usher_agent_gone"}},
        {S_OFFERED_TO,
         {"usher_act(USHER_DECLINE)", "usher_act(USHER_WITHDRAW)", "usher_claim_many(0)"}},
        {S_CAUSE,
         {"usher_resolve", "usher_act(USHER_RESOLVE)", "usher_act(USHER_HAND_OFF)",
          "usher_act(USHER_WITHDRAW)", "usher_act(USHER_LINK)", "usher_purge(0)"}},
        {S_LINKED, {"usher_act(USHER_LINK)", "usher_reopen", "usher_purge(0)"}},
        {S_RECURS, {"usher_enqueue(0)", "usher_enqueue_many(0)", "usher_agent(0)"}},
        {S_LET_GO, {"usher_act(USHER_LINK)"}},
    };

    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        struct world w;

        world_prepare(&w, tries[i].state);
        for (int k = 0; k < 8 && tries[i].labels[k] != NULL; k++) {
            size_t at = 0;

            while (at < fixture_calls_n && strcmp(fixture_calls[at].label, tries[i].labels[k]) != 0)
                at++;
            if (at == fixture_calls_n)
                fail_msg("there is no call %s", tries[i].labels[k]);
            world_try(&w, &fixture_calls[at], trouble, tally);
        }
        world_free(&w);
    }
}

void world_tally(const char *name, const struct tally *tally)
{
    print_message("%s: %llu runs, %llu failures; the call was refused %llu times, ended as unknown "
                  "%llu times, the store failed %llu times\n",
                  name, (unsigned long long)tally->runs, (unsigned long long)tally->failures,
                  (unsigned long long)tally->refused, (unsigned long long)tally->unknown,
                  (unsigned long long)tally->failed);
}
