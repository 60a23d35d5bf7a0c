/* Events, and rows of pages, one to a line, in the words of README.md's section 2. */
#include "probe_rows.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTIFY_MAX = 80 };

const char *or_none(const char *s)
{
    return s ? s : "-";
}

const char *code(int status)
{
    return status == USHER_OK ? "OK" : usher_err_name(status) + strlen("USHER_");
}

const char *instant(int64_t at, char room[24])
{
    snprintf(room, 24, "%" PRId64, at);
    return at == USHER_NEVER ? "never" : room;
}

const char *name(int what, int value)
{
    return value ? usher_name(what, value) : "-";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whom an event says to notify, in order. */
static void tell_names(usher_text names)
{
    const char *name[NOTIFY_MAX];
    size_t n = 0;

    for (uint64_t at = 0; at < names.len && n < NOTIFY_MAX; at += strlen(names.data + at) + 1)
        name[n++] = names.data + at;
    if (n == 0)
        putchar('-');
    else
        qsort(name, n, sizeof name[0], by_name);
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i ? "," : "", name[i]);
}

void tell_event(char letter, const usher_event *e)
{
    bool rules = e->kind == USHER_EV_WARNED || e->kind == USHER_EV_STEPPED ||
                 e->kind == USHER_EV_NO_QUEUE || e->kind == USHER_EV_ESCALATED ||
                 e->kind == USHER_EV_OFFER_EXPIRED;
    char due[24], notify[24];

    printf("%c seq=%" PRIu64 " ticket=%" PRIu64 " ts=%" PRIu64 " at=%" PRId64 " seen=%" PRId64
           " kind=%s state=%s how=%d promise=%s level=%d prio=%d n=%u until=%" PRId64 " due=%s"
           " kept=%u lapsed=%u pv=%u queue=%s who=%s to=%s rule=%s notify=",
           letter, e->seq, e->ticket, e->ticket_seq, e->at, e->seen_at,
           name(USHER_NAME_EVENT, e->kind), name(USHER_NAME_STATE, e->state), e->how,
           name(USHER_NAME_PROMISE, e->promise), e->level, e->priority, e->n, e->until_at,
           instant(e->due_at, due), e->kept, e->lapsed, e->policy_version,
           e->queue ? usher_queue_name(e->queue) : "-", or_none(e->who), or_none(e->to),
           rules ? or_none(e->rule) : "-");
    tell_names(e->notify);
    printf(" nat=%s other=%" PRIu64 " took=%" PRId64 " word=%" PRId64 " held=%" PRId64 " text=%s\n",
           instant(e->notify_at, notify), e->other, e->took_ms, e->word_ms, e->held_ms,
           e->text.len ? e->text.data : "-");
}

struct count {
    const char *key;
    size_t at; /* offset of the uint64_t */
};

#define OF_FIGURES(name)                                                                           \
    {                                                                                              \
#name, offsetof(usher_figures, name)                                                       \
    }
static const struct count of_figures[] = {
    OF_FIGURES(enqueued),    OF_FIGURES(joined),      OF_FIGURES(recurred),
    OF_FIGURES(claims),      OF_FIGURES(passed_over), OF_FIGURES(let_go),
    OF_FIGURES(words),       OF_FIGURES(chases),      OF_FIGURES(replies),
    OF_FIGURES(handoffs),    OF_FIGURES(accepted),    OF_FIGURES(declined),
    OF_FIGURES(expired),     OF_FIGURES(recalled),    OF_FIGURES(pauses),
    OF_FIGURES(late_pauses), OF_FIGURES(failed),      OF_FIGURES(leases_expired),
    OF_FIGURES(stuck),       OF_FIGURES(escalated),   OF_FIGURES(no_agent),
    OF_FIGURES(resolved),    OF_FIGURES(workarounds), OF_FIGURES(no_reply),
    OF_FIGURES(confirmed),   OF_FIGURES(reopened),    OF_FIGURES(closed),
    OF_FIGURES(withdrawn),   OF_FIGURES(held_ms)};

#define OF_AGENT(name)                                                                             \
    {                                                                                              \
#name, offsetof(usher_agent_figures, name)                                                 \
    }
static const struct count of_agent[] = {
    OF_AGENT(holds),    OF_AGENT(claims),   OF_AGENT(out_of_turn), OF_AGENT(passed_over),
    OF_AGENT(let_go),   OF_AGENT(resolved), OF_AGENT(failed),      OF_AGENT(leases_expired),
    OF_AGENT(handoffs), OF_AGENT(accepted), OF_AGENT(declined),    OF_AGENT(held_ms)};

#define COUNTS(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t count_of(const void *row, const struct count *c)
{
    uint64_t n;

    memcpy(&n, (const char *)row + c->at, sizeof n);
    return n;
}

static uint64_t any_of(const void *row, const struct count *counts, size_t n)
{
    uint64_t any = 0;

    for (size_t i = 0; i < n; i++)
        any |= count_of(row, &counts[i]);
    return any;
}

static void tell_counts(const void *row, const struct count *counts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf(" %s=%" PRIu64, counts[i].key, count_of(row, &counts[i]));
}

static void tell_promises(const char *key, const uint64_t n[4])
{
    printf(" %s=%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, key, n[0], n[1], n[2], n[3]);
}

static void tell_spread(const char *key, const usher_spread *s)
{
    printf(" %s=%" PRIu64 ":%" PRId64 ":%" PRId64 ":%" PRId64 ":%" PRId64 ":%" PRId64, key, s->n,
           s->p50_ms, s->p90_ms, s->p99_ms, s->max_ms, s->sum_ms);
}

/* Rows in which there is nothing are left out, here and by the oracle. */
static void tell_figures(const usher_figures *f)
{
    uint64_t any = f->open | any_of(f, of_figures, COUNTS(of_figures));

    for (int i = 0; i < 4; i++)
        any |= f->kept[i] | f->broken[i] | f->lapsed[i];
    if (!any)
        return;
    printf("f queue=%s prio=%d from=%" PRId64 " to=%" PRId64, usher_queue_name(f->queue),
           f->priority, f->from_at, f->to_at);
    tell_counts(f, of_figures, COUNTS(of_figures));
    tell_promises("kept", f->kept);
    tell_promises("broken", f->broken);
    tell_promises("lapsed", f->lapsed);
    tell_spread("wait", &f->wait);
    tell_spread("word", &f->word);
    tell_spread("solve", &f->solve);
    printf(" open=%" PRIu64 " waiting=%" PRIu64, f->open, f->waiting);
    tell_spread("age", &f->age);
    putchar('\n');
}

static void tell_agent(const usher_agent_figures *a)
{
    if (any_of(a, of_agent, COUNTS(of_agent)) == 0)
        return;
    printf("a agent=%s present=%d", usher_agent_name(a->agent), a->present);
    tell_counts(a, of_agent, COUNTS(of_agent));
    putchar('\n');
}

static void tell_symptom(const usher_symptom *s)
{
    printf("y symptom=%s seen=%" PRIu64 " recent=%u requesters=%u first=%" PRId64 " lastat=%" PRId64
           " last=%" PRIu64 " cause=%" PRIu64 " linked=%u causes=%u fixes=%u workarounds=%u\n",
           s->symptom, s->seen, s->recent, s->requesters, s->first_at, s->last_at, s->last,
           s->cause, s->linked, s->causes, s->fixes, s->workarounds);
}

static void tell_span(const usher_span *s)
{
    char to[24];

    printf("s from=%" PRId64 " to=%s kind=%d ms=%" PRId64 "\n", s->from_at, instant(s->to_at, to),
           s->kind, s->ms);
}

static void tell_change(const usher_change *c)
{
    char from[24], to[24];

    printf("c ticket=%" PRIu64 " promise=%d from=%s to=%s what=%d\n", c->ticket, c->promise,
           instant(c->from_at, from), instant(c->to_at, to), c->what);
}

void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    (void)u;
    if (status != USHER_OK)
        printf("p status=%s\n", code(status));
    if (user)
        printf("i ids=%s", p->n ? "" : "-");
    for (uint64_t i = 0; i < p->n; i++) {
        if (p->events)
            tell_event('h', &p->events[i]);
        if (p->spans)
            tell_span(&p->spans[i]);
        if (p->changes)
            tell_change(&p->changes[i]);
        if (p->figures)
            tell_figures(&p->figures[i]);
        if (p->agents)
            tell_agent(&p->agents[i]);
        if (p->symptoms)
            tell_symptom(&p->symptoms[i]);
        if (user)
            printf("%s%" PRIu64, i ? "," : "", p->tickets[i].ticket);
    }
    if (user)
        putchar('\n');
}
