/* Calls with marks around them. See play.h. */
#include "play.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loop/service.h"

enum { KEEP_CLOSED = 1000, CALLED_MAX = 64, DUES_MAX = 10000 };

/* Callbacks know no more of their play. */
static struct play *playing;

static const char *called[CALLED_MAX];
static size_t called_n;

void play_broken(const struct play *p, const char *what, int status)
{
    fprintf(stderr, "crash: workload %s: %s: %s\n", p->name, what, usher_err_name(status));
    exit(2);
}

bool play_called(const char *function)
{
    for (size_t i = 0; i < called_n; i++) {
        if (strcmp(called[i], function) == 0)
            return true;
    }
    return false;
}

uint32_t play_below(struct play *p, uint32_t n)
{
    p->random = p->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((p->random >> 33) % n);
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static void mark(struct play *p, uint32_t kind, size_t n)
{
    disk_mark(p->disk, kind, (int64_t)n);
}

static void on_open(usher_t *u, int status, usher_text detail, void *user)
{
    (void)u;
    (void)detail;
    if (status != USHER_OK)
        play_broken(playing, "open", status);
    mark(playing, MARK_DONE, (size_t)(uintptr_t)user);
}

static void on_closed(void *user)
{
    ++*(uint32_t *)user;
}

static void on_event(usher_t *u, const usher_event *e, void *user)
{
    struct play *p = user;

    (void)u;
    ledger_told(&p->ledger, e);
    mark(p, MARK_TOLD, (size_t)e->seq);
}

static void on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user)
{
    (void)u;
    (void)ticket;
    (void)verb;
    play_broken(user, "lost", status);
}

void *play_user(struct play *p)
{
    return (void *)(uintptr_t)p->ledger.cuts_n;
}

void play_on_done(usher_t *u, const usher_done *d, void *user)
{
    struct play *p = playing;

    (void)u;
    p->done = *d;
    if (d->status != USHER_OK) {
        if (!p->may_fail)
            play_broken(p, d->detail.data != NULL ? d->detail.data : "a command", d->status);
        return;
    }
    mark(p, MARK_DONE, (size_t)(uintptr_t)user);
    if (d->verb > 0 && d->verb < PLAY_VERBS)
        p->verbs[d->verb] = 1;
}

void play_erased(void)
{
    mark(playing, MARK_ERASED, 1);
}

/* A claim may be served long after it was asked for. */
void play_on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct play *p = playing;

    (void)a;
    (void)user;
    if (status != USHER_OK && status != USHER_ECANCELED && status != USHER_ETIMEDOUT &&
        !p->may_fail)
        play_broken(p, "claim", status);
    for (size_t i = 0; i < n; i++) {
        p->claims[p->claims_n++ % PLAY_CLAIMS] = w[i].claim;
        mark(p, MARK_DONE, ledger_token(&p->ledger, w[i].claim.ticket, w[i].claim.token));
    }
}

/* ---- calls ----------------------------------------------------------------------------------- */

void play_before(struct play *p, const char *function)
{
    if (!play_called(function) && called_n < CALLED_MAX)
        called[called_n++] = function;
    mark(p, MARK_SUBMITTED, p->ledger.cuts_n);
}

int play_after(struct play *p, const char *function, int returned)
{
    if (returned < 0 && !p->may_fail)
        play_broken(p, function, returned);
    ledger_cut(&p->ledger, p->u);
    return returned;
}

static void advance(struct play *p, int64_t to_at)
{
    int r;

    mark(p, MARK_SUBMITTED, p->ledger.cuts_n);
    r = usher_advance(p->u, to_at);
    if (r != USHER_OK)
        play_broken(p, "advance", r);
    ledger_cut(&p->ledger, p->u);
}

void play_drain(struct play *p)
{
    advance(p, usher_now(p->u));
}

void play_rest(void)
{
    const struct timespec moment = {0, 20000000};

    (void)nanosleep(&moment, NULL);
}

void play_pass(struct play *p, int64_t by_ms)
{
    int64_t to_at = usher_now(p->u) + by_ms, due;

    for (int i = 0; i < DUES_MAX; i++) {
        due = usher__service_next_due(p->u);
        if (due >= to_at)
            break;
        advance(p, due);
    }
    advance(p, to_at);
}

/* ---- its life -------------------------------------------------------------------------------- */

static int open_store(usher_t **out, const char *path, usher_options *o, usher_open_cb cb,
                      void *user)
{
    char store[200];

    (void)snprintf(store, sizeof store, "sqlite:%s", path);
    o->size = sizeof *o;
    o->seed = 1;
    o->keep_closed = KEEP_CLOSED;
    return usher_open(out, NULL, store, o, cb, user);
}

void play_open(struct play *p)
{
    char err[200] = "";
    usher_options o = {.clock = usher_manual_clock_get(p->clock),
                       .durability = p->level,
                       .on_lost = on_lost,
                       .user = p,
                       .err = err,
                       .err_len = sizeof err};
    int r;

    mark(p, MARK_SUBMITTED, p->ledger.cuts_n);
    r = open_store(&p->u, PLAY_PATH "?vfs=crash", &o, on_open, play_user(p));
    if (r != USHER_OK)
        play_broken(p, err, r);
    ledger_cut(&p->ledger, p->u);
    (void)CALL(p, usher_subscribe, p->u, NULL, 0, on_event, p);
    (void)CALL(p, usher_queue, p->u, &p->q, "desk");
    (void)CALL(p, usher_queue, p->u, &p->brittle, "brittle");
    (void)CALL(p, usher_agent, p->u, &p->a, "ann", NULL, 0);
    (void)CALL(p, usher_agent, p->u, &p->b, "bob", (const char *const[]){"paper", "ink"}, 2);
    play_drain(p);
}

void play_shut(usher_t *u)
{
    uint32_t closed = 0;

    if (usher_close(u, on_closed, &closed) != USHER_OK)
        must(NULL);
    while (closed == 0)
        (void)usher_turn(u);
}

void play_close(struct play *p)
{
    mark(p, MARK_SUBMITTED, p->ledger.cuts_n - 1);
    play_shut(p->u);
    p->u = NULL;
}

/* A store as that version of the schema has it, with a few tickets: the state's record ends with a
 * number less in each, and is small enough for one byte. */
static void make_old(struct play *p, uint32_t version)
{
    static const char *const sql[] = {
        "PRAGMA locking_mode = EXCLUSIVE; DROP TABLE symptom; DROP TABLE figure;"
        "DROP TABLE zone; PRAGMA user_version = 1;"
        "UPDATE state SET record = x'01' || substr(record, 2, length(record) - 3)",
        "PRAGMA locking_mode = EXCLUSIVE; DROP TABLE symptom; DROP TABLE figure;"
        "PRAGMA user_version = 2;"
        "UPDATE state SET record = x'02' || substr(record, 2, length(record) - 2)",
    };
    usher_request r = USHER_INIT(usher_request);
    sqlite3 *db = NULL;

    play_open(p);
    r.requester = "eva";
    for (int i = 0; i < 5; i++)
        (void)CALL(p, usher_enqueue, p->q, &r, play_on_done, play_user(p));
    play_drain(p);
    play_close(p);
    if (sqlite3_open_v2(PLAY_PATH, &db, SQLITE_OPEN_READWRITE, "crash") != SQLITE_OK ||
        sqlite3_exec(db, sql[version - 1], NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_close(db) != SQLITE_OK)
        play_broken(p, "the older schema", USHER_ESTORE);
    ledger_free(&p->ledger);
}

void play_begin(struct play *p, const char *name, enum disk_faith faith, int32_t level,
                uint32_t from, uint64_t seed)
{
    *p =
        (struct play){.name = name, .level = level, .random = hash_bytes(seed, name, strlen(name))};
    p->disk = disk_new("crash", faith);
    if (usher_manual_clock_new(&p->clock, PLAY_AT) != USHER_OK)
        must(NULL);
    playing = p;
    if (from > 0)
        make_old(p, from);
    disk_record(p->disk);
    play_open(p);
}

/* The header's user_version. */
static uint32_t schema_of(struct disk *disk)
{
    struct image image;
    const struct entry *entry;
    uint32_t version = 0;

    disk_look(disk, &image);
    entry = image_find(&image, PLAY_PATH);
    for (size_t i = 60; entry != NULL && i < 64 && i < image.files[entry->file].len; i++)
        version = version << 8 | image.files[entry->file].bytes[i];
    image_free(&image);
    return version;
}

void play_end(struct play *p)
{
    if (p->u != NULL) {
        play_drain(p);
        ledger_bodies(&p->ledger, p->u);
        play_close(p);
    }
    p->schema = schema_of(p->disk);
    disk_stop(p->disk, &p->tape);
    disk_free(p->disk);
    p->disk = NULL;
    usher_manual_clock_free(p->clock);
    p->clock = NULL;
}

void play_free(struct play *p)
{
    tape_free(&p->tape);
    ledger_free(&p->ledger);
}

int play_reopen(usher_t **out, const char *path, usher_manual_clock_t *clock, int32_t level,
                char *err, size_t err_len)
{
    usher_options o = {.clock = usher_manual_clock_get(clock),
                       .durability = level,
                       .err = err,
                       .err_len = err_len};

    return open_store(out, path, &o, NULL, NULL);
}
