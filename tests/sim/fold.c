/* Figures, folded from the events once more: one row per event, added up when they are asked for.
 */
#include "fold.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

#define DAY INT64_C(86400000)

enum { ROWS = 40000, WAITS = 4096, TIMES_MAX = 4096 };

struct row {
    int64_t at, took, word, held;
    uint32_t queue, n, kept, lapsed;
    int kind, priority, promise, how;
    int agent, holder; /* whose it is; whose claim was held */
    bool late;         /* on a day before the latest event's */
};

static struct {
    struct row row[ROWS];
    uint32_t n;
    bool full, any_late;
    struct {
        int64_t at, took;
    } wait[QUEUES][4][WAITS];
    uint32_t wait_n[QUEUES][4];
} fold;

void fold_begin(void)
{
    fold.n = 0;
    fold.full = fold.any_late = false;
    memset(fold.wait_n, 0, sizeof fold.wait_n);
}

/* ---- events ---------------------------------------------------------------------------------- */

static int64_t since_start(const struct seen *t, int64_t at)
{
    int64_t ms = at - t->promise[0].start_at;

    return ms > 0 ? ms : 0;
}

static void expect(struct watch *w, const char *what, int64_t told, int64_t is)
{
    if (told != is)
        watch_wrong(w, "%s %" PRId64 " ms, not %" PRId64, what, told, is);
}

void fold_measures(struct watch *w, const struct seen *t, const usher_event *e, bool first_word)
{
    int64_t took = -1;

    if ((e->kind == USHER_EV_CLAIMED && t->token == 0) || e->kind == USHER_EV_RESOLVED)
        took = since_start(t, e->at);
    if (e->kind == USHER_EV_CLOSED)
        took = since_start(t, t->resolved_at);
    expect(w, "it took", e->took_ms, took);
    expect(w, "the first word took", e->word_ms, first_word ? since_start(t, e->at) : -1);
    expect(w, "it was held", e->held_ms,
           t->state == USHER_CLAIMED && e->state != USHER_CLAIMED ? e->at - t->state_at : -1);
}

static int agent_of(const struct seen *t, const usher_event *e)
{
    switch (e->kind) {
    case USHER_EV_CLAIMED: return watch_number(e->who, 'a', AGENTS);
    case USHER_EV_DECLINED: return t->offer == USHER_TO_AGENT ? t->offer_to : -1;
    case USHER_EV_RESOLVED: return e->how == USHER_AS_NO_REPLY ? -1 : t->holder;
    case USHER_EV_FAILED:
    case USHER_EV_LEASE_EXPIRED:
    case USHER_EV_RELEASED:
    case USHER_EV_OFFERED: return t->holder;
    default: return -1;
    }
}

void fold_event(const struct watch *w, const struct seen *t, const usher_event *e)
{
    uint32_t queue = watch_queue(w, e->queue);
    struct row *r = &fold.row[fold.n];

    if (e->kind == USHER_EV_CLAIMED && e->took_ms >= 0) {
        uint32_t *n = &fold.wait_n[queue][e->priority - 1];

        fold.full = fold.full || *n == WAITS;
        if (!fold.full) {
            fold.wait[queue][e->priority - 1][*n].at = e->at;
            fold.wait[queue][e->priority - 1][(*n)++].took = e->took_ms;
        }
    }
    fold.full = fold.full || fold.n == ROWS;
    if (fold.full)
        return;
    *r = (struct row){ .at = e->at, .took = e->took_ms, .word = e->word_ms, .held = e->held_ms,
                       .queue = queue, .n = e->n, .kept = e->kept, .lapsed = e->lapsed,
                       .kind = e->kind, .priority = e->priority, .promise = e->promise,
                       .how = e->how, .agent = agent_of(t, e), .holder = t->holder,
                       .late = e->at / DAY < w->at / DAY };
    fold.any_late = fold.any_late || r->late;
    fold.n++;
}

/* ---- spreads --------------------------------------------------------------------------------- */

struct times {
    int64_t ms[TIMES_MAX];
    uint32_t n;
};

static void put_time(struct times *t, int64_t ms)
{
    if (t->n < TIMES_MAX)
        t->ms[t->n++] = ms;
    else
        fold.full = true;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The smallest that so many per cent do not exceed. */
static int64_t percentile(const struct times *t, uint32_t percent)
{
    return t->n == 0 ? -1 : t->ms[(t->n * percent + 99) / 100 - 1];
}

static bool is_near(int64_t shown, int64_t is)
{
    int64_t off = shown > is ? shown - is : is - shown;

    return off * 100 <= (is > 0 ? is : 0);
}

static bool is_spread(struct times *t, const usher_spread *s)
{
    int64_t sum = 0;

    if (t->n > 0)
        qsort(t->ms, t->n, sizeof t->ms[0], by_size);
    for (uint32_t i = 0; i < t->n; i++)
        sum += t->ms[i];
    return s->n == t->n && s->sum_ms == sum && is_near(s->p50_ms, percentile(t, 50)) &&
           is_near(s->p90_ms, percentile(t, 90)) && is_near(s->p99_ms, percentile(t, 99)) &&
           is_near(s->max_ms, percentile(t, 100));
}

/* ---- adding up ------------------------------------------------------------------------------- */

struct sums {
    usher_figures f;
    struct times wait, word, solve, age;
};

static void add(struct sums *s, const struct row *r)
{
    static const struct {
        int kind;
        size_t to;
    } counts[] = {
#define COUNT(kind, name) { USHER_EV_##kind, offsetof(usher_figures, name) }
        COUNT(ENQUEUED, enqueued), COUNT(JOINED, joined), COUNT(RECURRED, recurred),
        COUNT(CLAIMED, claims), COUNT(ASKED, chases), COUNT(REPLIED, replies),
        COUNT(OFFERED, handoffs), COUNT(DECLINED, declined), COUNT(OFFER_EXPIRED, expired),
        COUNT(RECALLED, recalled), COUNT(PAUSED, pauses), COUNT(FAILED, failed),
        COUNT(LEASE_EXPIRED, leases_expired), COUNT(STUCK, stuck), COUNT(ESCALATED, escalated),
        COUNT(NO_AGENT, no_agent), COUNT(RESOLVED, resolved), COUNT(CONFIRMED, confirmed),
        COUNT(REOPENED, reopened), COUNT(CLOSED, closed), COUNT(WITHDRAWN, withdrawn),
#undef COUNT
    };
    usher_figures *f = &s->f;

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        *(uint64_t *)(void *)((char *)f + counts[i].to) += counts[i].kind == r->kind;
    f->passed_over += r->kind == USHER_EV_CLAIMED || r->kind == USHER_EV_RELEASED ? r->n : 0;
    f->let_go += r->kind == USHER_EV_RELEASED ? r->n : 0;
    f->accepted += r->kind == USHER_EV_CLAIMED && r->how != 0;
    f->late_pauses += r->kind == USHER_EV_PAUSED ? r->n : 0;
    f->workarounds += r->kind == USHER_EV_RESOLVED && r->how == USHER_AS_WORKAROUND;
    f->no_reply += r->kind == USHER_EV_RESOLVED && r->how == USHER_AS_NO_REPLY;
    f->words += r->word >= 0;
    f->held_ms += r->held >= 0 ? r->held : 0;
    for (int ix = 0; ix < 4; ix++) {
        f->kept[ix] += r->kept >> (ix + 1) & 1;
        f->lapsed[ix] += r->lapsed >> (ix + 1) & 1;
        f->broken[ix] += r->kind == USHER_EV_BROKEN && r->promise == ix + 1;
    }
    if (r->word >= 0)
        put_time(&s->word, r->word);
    if (r->kind == USHER_EV_CLAIMED && r->took >= 0)
        put_time(&s->wait, r->took);
    if (r->kind == USHER_EV_CLOSED)
        put_time(&s->solve, r->took);
}

static void add_up(const struct watch *w, struct sums *s, uint32_t queue, int priority,
                   const usher_query *q, int64_t now)
{
    int64_t from = q->from_at / DAY, to = (q->to_at == 0 ? now : q->to_at) / DAY;
    bool days = q->from_at != 0 || q->to_at != 0;

    memset(s, 0, sizeof *s);
    for (uint32_t i = 0; i < fold.n; i++) {
        const struct row *r = &fold.row[i];

        if (r->queue == queue && (priority == 0 || r->priority == priority) &&
            (!days || (r->at / DAY >= from && r->at / DAY <= to)))
            add(s, r);
    }
    for (usher_id id = 1; id <= w->tickets_n; id++) {
        const struct seen *t = &w->ticket[id];

        if (t->queue != queue || (priority != 0 && t->priority != priority))
            continue;
        s->f.open += !watch_is_over(t);
        s->f.waiting += t->state == USHER_WAITING;
        if (t->state == USHER_WAITING)
            put_time(&s->age, since_start(t, now));
    }
}

static void compare_figures(struct watch *w, const usher_figures *shown, const usher_query *q,
                            int64_t now)
{
    static struct sums s;
    size_t from = offsetof(usher_figures, enqueued), to = offsetof(usher_figures, wait);
    uint32_t queue = watch_queue(w, shown->queue);

    if (queue == w->queues_n || shown->priority < 0 || shown->priority > 4) {
        watch_wrong(w, "figures of no queue, or no priority");
        return;
    }
    add_up(w, &s, queue, shown->priority, q, now);
    if (fold.full)
        return;
    for (size_t at = from; at < to; at += 8) {
        uint64_t a, b;

        memcpy(&a, (const char *)shown + at, 8);
        memcpy(&b, (const char *)&s.f + at, 8);
        if (a != b)
            watch_wrong(w, "figures of q%u, priority %d: number %zu is %" PRIu64 ", by the events %"
                        PRIu64, queue, shown->priority, (at - from) / 8, a, b);
    }
    if (!is_spread(&s.wait, &shown->wait) || !is_spread(&s.word, &shown->word) ||
        !is_spread(&s.solve, &shown->solve))
        watch_wrong(w, "figures of q%u, priority %d: %s", queue, shown->priority,
                    !is_spread(&s.wait, &shown->wait)   ? "wait"
                    : !is_spread(&s.word, &shown->word) ? "word"
                                                        : "solve");
    if (shown->open != s.f.open || shown->waiting != s.f.waiting)
        watch_wrong(w, "figures of q%u, priority %d: %" PRIu64 " open, %" PRIu64 " waiting; by the"
                    " events %" PRIu64 ", %" PRIu64, queue, shown->priority, shown->open,
                    shown->waiting, s.f.open, s.f.waiting);
    if (!is_spread(&s.age, &shown->age))
        watch_wrong(w, "figures of q%u, priority %d: the ages of those waiting", queue,
                    shown->priority);
}

void fold_check_figures(struct watch *w, const usher_query *q, const usher_page *p, int64_t now)
{
    uint64_t whole = 0;

    if ((q->from_at != 0 || q->to_at != 0) && fold.any_late)
        return; /* an event that came late counts on a day that was kept */
    for (uint64_t i = 0; i < p->n; i++) {
        compare_figures(w, &p->figures[i], q, now);
        whole += p->figures[i].priority == 0;
    }
    if (p->cursor == 0 && q->cursor == 0 && whole != (q->queue != NULL ? 1 : w->queues_n))
        watch_wrong(w, "figures of %" PRIu64 " queues", whole);
}

static void add_agent(usher_agent_figures *f, const struct row *r, int agent)
{
    f->held_ms += r->held >= 0 && r->holder == agent ? r->held : 0;
    if (r->agent != agent)
        return;
    f->claims += r->kind == USHER_EV_CLAIMED;
    f->out_of_turn += r->kind == USHER_EV_CLAIMED && r->n > 0;
    f->passed_over += r->kind == USHER_EV_CLAIMED || r->kind == USHER_EV_RELEASED ? r->n : 0;
    f->let_go += r->kind == USHER_EV_RELEASED ? r->n : 0;
    f->resolved += r->kind == USHER_EV_RESOLVED;
    f->failed += r->kind == USHER_EV_FAILED;
    f->leases_expired += r->kind == USHER_EV_LEASE_EXPIRED;
    f->handoffs += r->kind == USHER_EV_OFFERED;
    f->accepted += r->kind == USHER_EV_CLAIMED && r->how != 0;
    f->declined += r->kind == USHER_EV_DECLINED;
}

void fold_check_agents(struct watch *w, const usher_page *p)
{
    for (uint64_t i = 0; i < p->n && !fold.full; i++) {
        const usher_agent_figures *shown = &p->agents[i];
        int agent = watch_number(usher_agent_name(shown->agent), 'a', AGENTS);
        usher_agent_figures is = { .size = sizeof is };
        size_t from = offsetof(usher_agent_figures, holds);

        if (agent < 0 || (shown->present != 0) == w->gone[agent]) {
            watch_wrong(w, "figures of an agent that is there, or is not");
            continue;
        }
        for (uint32_t k = 0; k < fold.n; k++)
            add_agent(&is, &fold.row[k], agent);
        for (usher_id id = 1; id <= w->tickets_n; id++)
            is.holds += w->ticket[id].state == USHER_CLAIMED && w->ticket[id].holder == agent;
        for (size_t at = from; at < sizeof is; at += 8) {
            uint64_t a, b;

            memcpy(&a, (const char *)shown + at, 8);
            memcpy(&b, (const char *)&is + at, 8);
            if (a != b)
                watch_wrong(w, "figures of a%d: number %zu is %" PRIu64 ", by the events %" PRIu64,
                            agent, (at - from) / 8, a, b);
        }
    }
    if (p->cursor == 0 && p->n != AGENTS)
        watch_wrong(w, "figures of %" PRIu64 " agents", p->n);
}

/* How many of these are of different persons. */
static uint32_t requesters(const struct symptom *s, uint32_t from)
{
    uint32_t bits = 0;

    for (uint32_t i = from; i < s->recent_n; i++)
        bits |= 1u << s->recent[i].who;
    return (uint32_t)__builtin_popcount(bits);
}

void fold_check_symptoms(struct watch *w, const usher_query *q, const usher_page *p, int64_t now)
{
    uint32_t known = 0;

    for (uint32_t i = 1; i <= SYMPTOMS; i++)
        known += w->symptom[i].seen > 0 &&
                 (q->symptom == NULL || watch_number(q->symptom, 'y', 10) == (int)i);
    if (p->n != known)
        watch_wrong(w, "%" PRIu64 " symptoms, not %u", p->n, known);
    for (uint64_t i = 0; i < p->n; i++) {
        const usher_symptom *y = &p->symptoms[i];
        int n = watch_number(y->symptom, 'y', SYMPTOMS + 1);
        const struct symptom *s = &w->symptom[n > 0 ? n : 0];
        uint32_t from = 0;

        while (from < s->recent_n && s->recent[from].at <= now - s->window)
            from++;
        if (n <= 0 || y->seen != s->seen || y->recent != s->recent_n - from ||
            y->requesters != requesters(s, from) || y->first_at != s->first_at ||
            y->last_at != s->last_at || y->last != s->last || y->cause != s->cause ||
            y->linked != (s->cause == 0 ? 0 : watch_linked(w, s->cause)) ||
            y->causes != s->causes || y->fixes != s->fixes || y->workarounds != s->workarounds)
            watch_wrong(w, "symptom %s: seen %" PRIu64 ", recent %u, cause %" PRIu64
                        ", causes %u; by the events %" PRIu64 ", %u, %" PRIu64 ", %u",
                        y->symptom, y->seen, y->recent, y->cause, y->causes, s->seen,
                        s->recent_n - from, s->cause, s->causes);
    }
}

/* The tickets whose cause it is, or that follow it: those that are there, and no others. */
void fold_check_linked(struct watch *w, const usher_query *q, const usher_page *p)
{
    uint64_t at = 0;

    for (usher_id id = 1; id <= w->tickets_n && p->cursor == 0; id++) {
        const struct seen *t = &w->ticket[id];
        usher_standing s = USHER_INIT(usher_standing);
        bool is = t->cause == q->linked || t->follows == q->linked;
        bool shown = at < p->n && p->tickets[at].ticket == id;

        at += shown;
        if (shown && !is)
            watch_wrong(w, "ticket %" PRIu64 " is no one's that %" PRIu64 " is the cause of", id,
                        q->linked);
        if (is && !shown && (w->stored || usher_peek(w->u, id, &s) == USHER_OK))
            watch_wrong(w, "ticket %" PRIu64 " has the cause %" PRIu64 ", and is not listed", id,
                        q->linked);
    }
}

/* ---- what a standing says of others' waits -----------------------------------------------------
 */

void fold_look(struct watch *w, const struct seen *t, const usher_standing *s, int64_t now)
{
    static struct times last;
    uint32_t queue = t->offer == USHER_TO_QUEUE ? (uint32_t)t->offer_to : t->queue;
    uint32_t n = fold.wait_n[queue][t->priority - 1];
    int64_t p50 = -1, p90 = -1;

    last.n = 0;
    for (uint32_t i = n > USHER_WAITS_MAX ? n - USHER_WAITS_MAX : 0; i < n && !fold.full; i++) {
        if (fold.wait[queue][t->priority - 1][i].at > now - 30 * DAY)
            put_time(&last, fold.wait[queue][t->priority - 1][i].took);
    }
    if (last.n >= USHER_WAITS_MIN) {
        qsort(last.ms, last.n, sizeof last.ms[0], by_size);
        p50 = percentile(&last, 50);
        p90 = percentile(&last, 90);
    }
    if (!fold.full && (s->wait_p50_ms != p50 || s->wait_p90_ms != p90 ||
                       (s->waits != last.n && !(last.n < USHER_WAITS_MIN && s->waits == 0))))
        watch_wrong(w, "ticket %" PRIu64 ": waits of %" PRId64 " and %" PRId64 " ms (%u), by the"
                    " events %" PRId64 ", %" PRId64 " (%u)",
                    s->ticket, s->wait_p50_ms, s->wait_p90_ms, s->waits, p50, p90, last.n);
}
