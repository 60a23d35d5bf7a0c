/* The fixture's ears: checks, the allocator, and what callbacks were told. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAID_MAX = 12, SPOILT_MAX = 512 };

/* ---- checks ---------------------------------------------------------------------------------- */

static int failures; /* since the last verdict */

bool fixture_check(const struct fixture *f, bool ok, const char *condition, const char *file,
                   int line, const char *format, ...)
{
    va_list args;

    if (ok)
        return true;
    if (++failures > SAID_MAX)
        return false;
    fprintf(stderr, "%s:%d: %s: not %s; ", file, line, f->what, condition);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return false;
}

void fixture_verdict(void)
{
    int n = failures;

    failures = 0;
    if (n > SAID_MAX)
        fprintf(stderr, "... and %d more\n", n - SAID_MAX);
    if (n > 0)
        fail_msg("%d checks failed", n);
}

void fixture_what(struct fixture *f, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(f->what_room, sizeof f->what_room, format, args);
    va_end(args);
}

/* ---- the allocator --------------------------------------------------------------------------- */

void fixture_fail(struct fixture *f, uint64_t n, bool for_ever)
{
    f->asked = 0;
    f->failed = 0;
    f->fail_at = n;
    f->for_ever = for_ever;
}

/* What is written just before a free is written for nobody, as compilers see it: hence volatile. */
void fixture_spoil(void *data, size_t len)
{
    volatile unsigned char *p = data;

    for (size_t i = 0; i < len && i < SPOILT_MAX; i++)
        p[i] = 0xee;
}

/* Moves every block that is resized, so that a pointer that was kept shows. */
void *fixture_resize(void *ctx, void *p, size_t n)
{
    struct fixture *f = ctx;
    max_align_t *old = p == NULL ? NULL : (max_align_t *)p - 1;
    max_align_t *block = NULL;
    size_t old_len = 0;

    if (n > 0 && f->fail_at > 0) {
        f->asked++;
        if (f->asked == f->fail_at || (f->for_ever && f->asked > f->fail_at)) {
            f->failed++;
            return NULL;
        }
    }
    if (old != NULL)
        memcpy(&old_len, old, sizeof old_len);
    if (n > 0) {
        block = malloc(sizeof *block + n);
        assert_non_null(block);
        memset(block + 1, 0xa5, n);
        memcpy(block, &n, sizeof n);
        if (old != NULL)
            memcpy(block + 1, old + 1, old_len < n ? old_len : n);
        f->held_n++;
        f->held_len += n;
    }
    if (old != NULL) {
        f->held_n--;
        f->held_len -= old_len;
        fixture_spoil(old + 1, old_len);
        free(old);
    }
    return block == NULL ? NULL : block + 1;
}

/* ---- what callbacks report ------------------------------------------------------------------- */

static void mix(struct fixture *f, const void *data, size_t len)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < len; i++)
        f->told = (f->told ^ p[i]) * UINT64_C(1099511628211);
}

static void mix_number(struct fixture *f, int64_t n)
{
    mix(f, &n, sizeof n);
}

static void mix_string(struct fixture *f, const char *s)
{
    mix(f, s == NULL ? "-" : s, s == NULL ? 2 : strlen(s) + 1);
}

static void mix_text(struct fixture *f, usher_text t)
{
    mix_number(f, (int64_t)t.len);
    if (t.len > 0) {
        mix(f, t.data, (size_t)t.len);
        CHECK(f, t.data[t.len] == '\0', "no NUL after a text of %d bytes", (int)t.len);
    }
}

/* u: NULL where the callback is not told. */
static void tell(struct receipt *r, const usher_t *u, int kind, int status)
{
    struct fixture *f = r->f;
    void (*hook)(struct fixture *) = r->hook;

    CHECK(f, !r->calling, "a callback of kind %d inside its call", kind);
    CHECK(f, f->closed == 0 || (u != NULL && u == f->other), "kind %d after the close callback",
          kind);
    r->ran++;
    r->status = status;
    f->ran++;
    mix_number(f, kind);
    mix_number(f, status);
    r->hook = NULL;
    if (hook != NULL)
        hook(f);
}

void fixture_on_open(usher_t *u, int status, usher_text detail, void *user)
{
    struct receipt *r = user;

    mix_text(r->f, detail);
    tell(r, u, IN_OPEN, status);
}

void fixture_on_closed(void *user)
{
    struct receipt *r = user;
    struct fixture *f = r->f;
    uint64_t told = f->told; /* who closes it is not what is compared */

    f->u = NULL;
    tell(r, NULL, IN_CLOSE, 0);
    f->told = told;
    f->closed++;
}

void fixture_on_post(usher_t *u, void *user)
{
    tell(user, u, IN_POST, 0);
}

void fixture_on_done(usher_t *u, const usher_done *d, void *user)
{
    struct receipt *r = user;
    struct fixture *f = r->f;

    CHECK(f, d->size == sizeof *d, "size %d", (int)d->size);
    mix_number(f, (int64_t)d->ticket);
    mix_number(f, (int64_t)d->seq);
    mix_number(f, (int64_t)d->token);
    mix_number(f, d->state);
    mix_number(f, d->verb);
    mix_number(f, d->outcome);
    mix_number(f, d->until_at);
    mix_number(f, d->priority);
    mix_text(f, d->detail);
    tell(r, u, IN_DONE, d->status);
}

void fixture_on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct receipt *r = user;
    struct fixture *f = r->f;

    CHECK(f, a != NULL, "no agent");
    CHECK(f, (n > 0) == (status == USHER_OK), "%d rows, status %d", (int)n, status);
    r->rows += n;
    for (size_t i = 0; i < n; i++) {
        mix_number(f, (int64_t)w[i].claim.ticket);
        mix_number(f, (int64_t)w[i].claim.token);
        mix_string(f, usher_queue_name(w[i].queue));
        mix_number(f, w[i].lease_until_at);
        mix_number(f, w[i].due_at);
        mix_number(f, w[i].persons);
        mix_string(f, w[i].requester);
        mix_string(f, w[i].symptom);
        mix_string(f, w[i].ref);
        mix_text(f, w[i].body);
    }
    tell(r, NULL, IN_WORK, status);
    for (size_t i = 0; i < n; i++) /* they live until this returns, whatever the hook has done */
        CHECK(f, w[i].size == sizeof w[i] && w[i].requester[0] != '\0', "row %d", (int)i);
}

void fixture_on_event(usher_t *u, const usher_event *e, void *user)
{
    struct receipt *r = user;
    struct fixture *f = r->f;

    CHECK(f, e->size == sizeof *e, "size %d", (int)e->size);
    mix_number(f, (int64_t)e->seq);
    mix_number(f, (int64_t)e->ticket);
    mix_number(f, (int64_t)e->ticket_seq);
    mix_number(f, e->at);
    mix_number(f, e->until_at);
    mix_number(f, e->kind);
    mix_number(f, e->state);
    mix_number(f, e->how);
    mix_number(f, e->n);
    mix_string(f, usher_queue_name(e->queue));
    mix_string(f, e->who);
    mix_string(f, e->to);
    mix_text(f, e->text);
    mix_number(f, (int64_t)e->other);
    mix_number(f, e->took_ms);
    mix_number(f, e->word_ms);
    mix_number(f, e->held_ms);
    tell(r, u, IN_EVENT, 0);
    CHECK(f, e->size == sizeof *e, "the event changed while it was looked at");
    if (e->text.len > 0)
        CHECK(f, e->text.data[e->text.len] == '\0', "its text changed");
}

void fixture_on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct receipt *r = user;
    struct fixture *f = r->f;

    CHECK(f, p->size == sizeof *p, "size %d", (int)p->size);
    r->rows += p->n;
    mix_number(f, (int64_t)p->n);
    for (uint64_t i = 0; p->tickets != NULL && i < p->n; i++)
        mix_string(f, p->tickets[i].requester);
    for (uint64_t i = 0; p->events != NULL && i < p->n; i++)
        mix_text(f, p->events[i].text);
    mix_text(f, p->text);
    tell(r, u, IN_PAGE, status);
    for (uint64_t i = 0; p->tickets != NULL && i < p->n; i++)
        CHECK(f, p->tickets[i].size == sizeof p->tickets[i] && p->tickets[i].requester[0] != '\0',
              "row %d", (int)i);
}

void fixture_on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user)
{
    struct receipt *r = ((struct fixture *)user)->lost;

    mix_number(r->f, (int64_t)ticket);
    mix_number(r->f, verb);
    tell(r, u, IN_LOST, status);
}

struct receipt *fixture_receipt(struct fixture *f)
{
    struct receipt *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->f = f;
    r->next = f->receipts;
    f->receipts = r;
    r->calling = true;
    return r;
}

int fixture_returned(struct receipt *r, int returned, int64_t callbacks)
{
    r->calling = false;
    r->accepted = returned >= 0 ? callbacks : 0;
    CHECK(r->f, r->ran == 0, "%u callbacks inside the call", r->ran);
    return returned;
}
