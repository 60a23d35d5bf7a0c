/* What an open ticket takes, by what was asked of the allocator and by what the process grew.
 *
 * The history is counted apart: it is bounded by an option, and its oldest goes first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/usher.h>

#include "bench.h"
#include "core/ticket.h"
#include "floor.h"
#include "host.h"

enum { REQUESTERS = 1000, HEAD = 16 /* before each block: its length */ };

static const double target = 400;

struct counted {
    uint64_t len;
};

static void *resize(void *ctx, void *p, size_t n)
{
    struct counted *counted = ctx;
    char *head = p != NULL ? (char *)p - HEAD : NULL;
    uint64_t len = 0, now = n;

    if (head != NULL)
        memcpy(&len, head, sizeof len);
    if (n == 0) {
        counted->len -= len;
        free(head);
        return NULL;
    }
    head = realloc(head, n + HEAD);
    if (head == NULL)
        return NULL;
    counted->len += now - len;
    memcpy(head, &now, sizeof now);
    return head + HEAD;
}

struct share {
    double counted, resident; /* of one ticket */
    double life;              /* of its history when it is over; where history was kept */
};

static bool fill(struct host *h, uint64_t tickets, uint32_t requesters, bool history,
                 struct share *out)
{
    struct counted counted = {0};
    usher_allocator allocator = {resize, &counted};
    struct host_options o = {.requesters = requesters,
                             .allocator = &allocator,
                             .history_bytes = history ? UINT64_C(1) << 40 : 1};
    uint64_t len, resident;
    bool good;

    trim_memory();
    good = host_open(h, &o) && host_enqueue(h, 1); /* what is there before the first ticket */
    len = counted.len;
    resident = resident_len();
    good = good && host_fill(h, tickets);
    out->counted = (double)(counted.len - len) / (double)tickets;
    out->resident = ((double)resident_len() - (double)resident) / (double)tickets;
    len = counted.len;
    if (good && history)
        good = host_cycle(h, tickets, BATCH_MAX);
    out->life = (double)(counted.len - len) / (double)tickets;
    good = host_ok(h) && good;
    host_close(h);
    return good;
}

static void report(const struct bench *b, const char *what, double value, double bare,
                   bool has_target)
{
    struct figure f = {.n = b->many, .unit = "B", .value = value, .floor = bare};

    f.to_floor = bare > 0 ? value / bare : 0;

    snprintf(f.what, sizeof f.what, "%s", what);
    if (has_target) {
        f.target = target;
        f.kind = AT_MOST;
    }
    if (value > 0)
        report_figure(b->report, &f);
}

static double bare_len(uint64_t tickets)
{
    static const char body[BODY_LEN + 4];
    struct floor *f = floor_new((uint32_t)tickets, sizeof(struct ticket), sizeof body);
    double len;

    for (uint64_t i = 0; f != NULL && i < tickets; i++)
        (void)floor_enqueue(f, 0, (uint32_t)(i % REQUESTERS), body);
    len = f != NULL ? floor_ticket_len(f) : 0;
    floor_free(f);
    return len;
}

bool bench_memory(const struct bench *b)
{
    struct share pooled = {0}, unique = {0}, kept = {0};
    struct host *h = malloc(sizeof *h);
    double bare = bare_len(b->many);
    bool good;

    report_bench(b->report, "memory", "an open ticket with a body of 100 B, 3 promises; n of them");
    progress(b, "memory");
    good = h != NULL && fill(h, b->many, REQUESTERS, false, &pooled) &&
           fill(h, b->many, (uint32_t)b->many, false, &unique) &&
           fill(h, b->many, REQUESTERS, true, &kept);
    free(h);
    if (!good)
        return false;
    report(b, "allocated, 1 k requesters", pooled.counted, bare, true);
    report(b, "resident, 1 k requesters", pooled.resident, bare, true);
    report(b, "allocated, a requester for each", unique.counted, bare, false);
    report(b, "resident, a requester for each", unique.resident, bare, false);
    report(b, "its history beside that: enqueued", kept.counted - pooled.counted, 0, false);
    report(b, "... and when it is closed, 5 events", kept.counted - pooled.counted + kept.life, 0,
           false);
    report_note(b->report, "history is kept up to options.history_bytes, by default 64 MiB in all");
    return true;
}
