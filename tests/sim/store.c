/* Services on a store, closed or killed in the middle and opened again.
 *
 * A kill leaves behind what the disk holds at that moment, whatever the store's thread is at;
 * what the service says after it is said to nobody. Afterwards all that was told must be there,
 * and what more there is was done and not told: the watch hears of it then. */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/disk.h"
#include "faults/shim.h"

/* ---- the store ------------------------------------------------------------------------------- */

void store_open(const char *uri, struct store *out)
{
    *out = (struct store){ .uri = uri, .reopens = true };
    if (strcmp(uri, "disk") != 0) {
        store_empty();
        return;
    }
    out->disk = disk_new("honest", DISK_HONEST);
    shim_register("random", "honest", false);
    out->uri = "sqlite:/store?vfs=random";
}

void store_free(struct store *s)
{
    if (s->disk != NULL)
        disk_free(s->disk);
    s->disk = NULL;
}

void store_empty(void)
{
    static const char *const suffixes[] = { "", "-wal", "-lock", "-reserve" };
    struct image none = { 0 };
    char name[USHER_PATH_MAX + 16];

    if (store.disk != NULL)
        disk_load(store.disk, &none);
    for (size_t i = 0; i < 4 && store.disk == NULL && strncmp(store.uri, "sqlite:", 7) == 0; i++) {
        snprintf(name, sizeof name, "%.*s%s", (int)strcspn(store.uri + 7, "?"), store.uri + 7,
                 suffixes[i]);
        (void)unlink(name);
    }
}

/* ---- closing and opening --------------------------------------------------------------------- */

/* Handles are the service's: who kept one gets the new one. */
static void follow_queue(usher_queue_t *was, usher_queue_t *is)
{
    for (uint32_t i = 0; i < run.attempts_n; i++) {
        struct attempt *a = &run.attempts[i];

        if (a->command.queue == was)
            a->command.queue = is;
        for (uint32_t k = 0; k < QUEUES; k++) {
            if (a->queues[k] == was)
                a->queues[k] = is;
        }
    }
}

static void follow_agent(usher_agent_t *was, usher_agent_t *is)
{
    for (uint32_t i = 0; i < run.attempts_n; i++) {
        if (run.attempts[i].command.agent == was)
            run.attempts[i].command.agent = is;
    }
}

static void take_agents(void)
{
    usher_agent_t *was[AGENTS];

    memcpy(was, run.watch.agent, sizeof was);
    for (uint32_t i = 0; i < AGENTS; i++) /* as above */
        follow_agent(was[i], (usher_agent_t *)(void *)&was[i]);
    for (uint32_t i = 0; i < AGENTS; i++) {
        set_agent(i, run.watch.skills[i]);
        follow_agent((usher_agent_t *)(void *)&was[i], run.watch.agent[i]);
    }
}

static void take_handles(void)
{
    usher_queue_t *is[QUEUES];

    for (uint32_t i = 0; i < run.watch.queues_n; i++) {
        if (usher_queue(run.u, &is[i], queues[i]) != USHER_OK)
            wrong("usher_queue");
    }
    for (uint32_t i = 0; i < run.watch.queues_n; i++) { /* an address may come back as another's */
        follow_queue(run.watch.queue[i].q, (usher_queue_t *)(void *)&is[i]);
        run.watch.queue[i].q = is[i];
    }
    for (uint32_t i = 0; i < run.watch.queues_n; i++)
        follow_queue((usher_queue_t *)(void *)&is[i], is[i]);
    take_agents();
}

void store_come_back(const uint64_t *digest)
{
    bool nested = run.nested;
    char err[200] = "";
    uint64_t seq;
    int r;

    run.options.clock = usher_manual_clock_get(run.clock);
    run.options.err = err;
    run.options.err_len = sizeof err;
    run.closed = run.listens = run.nested = false; /* only who listens live hears of an event before it is done */
    run.heard = 0;
    r = usher_open(&run.u, NULL, store.uri, &run.options, NULL, NULL);
    run.options.err = NULL;
    run.options.err_len = 0;
    if (r != USHER_OK) {
        snprintf(note->wrong, sizeof note->wrong, "it does not open again: %s: %s",
                 usher_err_name(r), err);
        exit(1);
    }
    run.watch.u = run.u;
    /* Which closed tickets are in memory is not kept; leases go on by the wall. */
    if (digest != NULL && run.keep_closed >= TICKETS_MAX && !run.watch.stepped &&
        digest_now() != *digest)
        wrong("what was closed is another one when it is opened again");
    take_handles();
    r = usher_subscribe(run.u, "watch", run.watch.seq + 1, on_event, NULL);
    if (r != USHER_OK)
        wrong("events up to %llu were told and are not there: %s",
              (unsigned long long)run.watch.seq, usher_err_name(r));
    seq = run.watch.seq;
    drain();
    if (digest != NULL && !run.watch.stepped && run.watch.seq != seq)
        wrong("what was closed and opened again has done something");
    if (usher_unsubscribe(run.u, on_event, NULL) != USHER_OK ||
        usher_subscribe(run.u, NULL, 0, on_event, NULL) != USHER_OK)
        wrong("usher_subscribe");
    run.nested = nested;
}

/* Calls that were outstanding are told no more; whether they were done is for the events to say. */
void forget_calls(void)
{
    for (uint32_t i = 0; i < run.calls_n; i++) {
        struct call *c = &run.calls[i];

        if (c->told == c->times)
            continue;
        c->times = c->told;
        if (c->remember >= 0 && !run.attempts[c->remember].remembered)
            run.attempts[c->remember].what = FORGOTTEN;
    }
    for (uint32_t i = 0; i < run.watch.queues_n; i++)
        run.watch.queue[i].was_full = false; /* who was refused last may be forgotten, too */
}

static void kill_service(void)
{
    struct image image;
    bool nested = run.nested;

    say("kill");
    disk_look(store.disk, &image);
    run.deaf = true;
    close_and_wait();
    run.deaf = false;
    run.nested = nested;
    disk_load(store.disk, &image);
    forget_calls();
    run.told[KILLED]++;
    store_come_back(NULL);
}

static void reopen_service(void)
{
    bool nested = run.nested;
    uint64_t digest;

    say("reopen");
    drain();
    digest = digest_now();
    close_and_wait();
    run.nested = nested;
    if (store.disk != NULL && one_in(4))
        fail_opening();
    run.told[REOPENED]++;
    store_come_back(&digest);
}

void draw_reopen(void)
{
    /* What is remembered depends on what was done. */
    if (run.op_window_n < 100 || run.watch.stepped)
        drain_first();
    if (store.disk != NULL && one_in(3))
        fail_store();
    else if (store.disk != NULL && one_in(2))
        kill_service();
    else
        reopen_service();
    run.drained = true;
    watch_look(&run.watch, true, run.keep_closed);
}
