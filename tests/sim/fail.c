/* A disk that fails: from some operation on, once or until the service is closed, by EIO or for want of room.
 *
 * Meanwhile calls are made whose status is not known beforehand. Each callback runs all the same; what is told as
 * done, and each event that is told, is there when the service is opened again on a good disk; the rest is there or
 * not. The watch hears of it then. */
#include "run.h"

#include "faults/shim.h"

/* A lease that was extended by what was not told as done. */
static void take_leases(void)
{
    for (usher_id id = 1; id <= run.watch.tickets_n; id++) {
        struct seen *t = &run.watch.ticket[id];
        usher_standing s = USHER_INIT(usher_standing);

        if (t->state == USHER_CLAIMED && usher_peek(run.u, id, &s) == USHER_OK && s.until_at > t->lease_end &&
            s.until_at <= t->claimed_at + watch_rules(&run.watch, t->queue)->lease_max)
            t->lease_end = s.until_at;
    }
}

static void check_told(uint32_t from)
{
    for (uint32_t i = from; i < run.calls_n; i++) {
        if (run.calls[i].told != run.calls[i].times)
            wrong("call %u was told %u times, not %u, while the disk failed", i, run.calls[i].told,
                  run.calls[i].times);
    }
}

void fail_store(void)
{
    uint32_t n = 1 + below(30), calls_n = 1 + below(8), way = below(2);
    bool for_ever = one_in(2), nested = run.nested;

    drain();
    say(" fail: %s at operation %u%s;", shim_ways[way], n, for_ever ? " and all after it" : "");
    run.nested = false;
    run.failing = true;
    run.store_failed = 0;
    shim_arm(n, (int)way, for_ever);
    for (uint32_t i = 0; i < calls_n; i++) {
        call_anything();
        if (one_in(3))
            (void)usher_advance(run.u, wall());
    }
    (void)usher_advance(run.u, wall());
    close_and_wait();
    if (run.store_failed > 1 || (run.store_failed > 0 && shim_failed() == 0))
        wrong("the store has failed %u times, the disk %d", run.store_failed, (int)shim_failed());
    shim_disarm();
    run.told[FAULTED] += shim_failed() > 0;
    check_told(0);
    run.failing = false;
    run.nested = nested;
    forget_calls();
    store_come_back(NULL);
    take_leases();
}

void fail_opening(void)
{
    usher_options o = run.options;
    uint32_t n = 1 + below(60), way = below(2);
    bool for_ever = one_in(2);
    char err[200];
    int r;

    say(" fail: %s at operation %u of opening%s;", shim_ways[way], n, for_ever ? " and all after it" : "");
    o.err = err;
    o.err_len = sizeof err;
    run.failing = run.deaf = true;
    shim_arm(n, (int)way, for_ever);
    r = usher_open(&run.u, NULL, store.uri, &o, NULL, NULL);
    run.told[FAULTED] += shim_failed() > 0;
    if (r == USHER_OK) {
        run.closed = false;
        if (usher_close(run.u, on_close, NULL) != USHER_OK)
            wrong("usher_close");
        wait_for_close();
    } else if (r == USHER_ECORRUPT || shim_failed() == 0) {
        wrong("opening: %s: %s", usher_err_name(r), err);
    }
    shim_disarm();
    run.failing = run.deaf = false;
}
