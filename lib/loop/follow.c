/* See follow.h. */
#include "loop/follow.h"

#include <string.h>

#include "local/changes.h"
#include "local/upkeep.h"
#include "loop/keep.h"
#include "loop/service.h"

enum { PAGE_EVENTS = 256 };

struct follower {
    struct follower *next;
    usher_event_cb cb;
    void *user;
    uint64_t seq;        /* of the next event to tell */
    uint64_t asked_upto; /* the page asked for last holds all that is kept up to here */
    struct batch page;
    size_t at;    /* in it */
    bool more;    /* the store has events after the page */
    bool paged;   /* the page is of use */
    bool asked;   /* the store is reading */
    bool running; /* its callback is on the stack */
    bool gone;    /* freed when it is neither asked nor running */
    char name[USHER_NAME_MAX + 1];
};

/* ---- subscribing --------------------------------------------------------------------------------- */

static struct follower *find(const usher_t *u, const char *name)
{
    struct follower *f = u->following.first;

    while (f != NULL && (f->gone || strcmp(f->name, name) != 0))
        f = f->next;
    return f;
}

int usher__follow(usher_t *u, const char *name, uint64_t from, usher_event_cb cb, void *user)
{
    uint64_t last = usher__engine_log(u->engine)->seq, done = 0;
    struct follower *f;
    int r;

    if (from > last + 1)
        return USHER_EINVAL;
    if (find(u, name) != NULL)
        return USHER_ESTATE;
    if (u->telling.n + u->following.n >= USHER_SUBSCRIBERS_MAX)
        return USHER_ELIMIT;
    f = usher__zalloc(&u->memory, sizeof *f);
    if (f == NULL)
        return USHER_ENOMEM;
    (void)usher__subscriber_find(u->engine, name, &done);
    if (from > 0)
        done = from - 1;
    r = usher__subscriber_set(u->engine, name, done);
    if (r != 0) {
        usher__free(&u->memory, f);
        return r;
    }
    strcpy(f->name, name);
    f->cb = cb;
    f->user = user;
    f->seq = done + 1;
    usher__batch_init(&f->page, &u->memory);
    f->next = u->following.first;
    u->following.first = f;
    u->following.n++;
    return 0;
}

static void drop(usher_t *u, struct follower *f)
{
    struct follower **link = &u->following.first;

    if (f->asked || f->running)
        return;
    while (*link != f)
        link = &(*link)->next;
    *link = f->next;
    usher__batch_free(&f->page);
    usher__free(&u->memory, f);
}

int usher__unfollow(usher_t *u, usher_event_cb cb, const void *user)
{
    struct follower *f = u->following.first;

    while (f != NULL && (f->gone || f->cb != cb || f->user != user))
        f = f->next;
    if (f == NULL)
        return USHER_ENOENT;
    f->gone = true;
    u->following.n--;
    drop(u, f);
    return 0;
}

int usher__follow_done(usher_t *u, const char *name, uint64_t seq)
{
    const struct follower *f = find(u, name);
    uint64_t done;

    if (f == NULL && seq == UINT64_MAX)
        return usher__subscriber_drop(u->engine, name);
    if (f == NULL || !usher__subscriber_find(u->engine, name, &done))
        return USHER_ENOENT;
    if (seq >= f->seq)
        return USHER_EINVAL;
    return seq <= done ? 0 : usher__subscriber_set(u->engine, name, seq);
}

void usher__following_free(usher_t *u)
{
    struct follower *next;

    for (struct follower *f = u->following.first; f != NULL; f = next) {
        next = f->next;
        usher__batch_free(&f->page);
        usher__free(&u->memory, f);
    }
    u->following = (struct following){NULL, 0};
}

/* ---- telling ------------------------------------------------------------------------------------- */

static uint64_t told_upto(const usher_t *u)
{
    uint64_t saved = usher__keep_seq(u);
    uint64_t last = usher__engine_log(u->engine)->seq;

    return saved < last ? saved : last;
}

static bool may_be_told(const usher_t *u, const struct follower *f)
{
    uint64_t done = 0;

    if (f->gone || f->asked || f->running || f->seq > told_upto(u))
        return false;
    (void)usher__subscriber_find(u->engine, f->name, &done);
    return f->seq <= done + USHER_UNDONE_MAX;
}

bool usher__follow_left(const usher_t *u)
{
    if (u->following.n == 0 || u->short_of_memory)
        return false;
    for (const struct follower *f = u->following.first; f != NULL; f = f->next) {
        if (may_be_told(u, f))
            return true;
    }
    return false;
}

static void tell(usher_t *u, struct follower *f, const usher_event *event)
{
    f->seq = event->seq + 1;
    f->running = true;
    u->ran++;
    u->depth++;
    f->cb(u, event, f->user);
    u->depth--;
    f->running = false;
    if (f->gone)
        drop(u, f);
}

/* Events up to `seq` are no longer kept. */
static void tell_lost(usher_t *u, struct follower *f, uint64_t seq)
{
    uint64_t n = seq - f->seq + 1;
    usher_event e = {.size = sizeof e,
                     .seq = seq,
                     .at = usher__engine_now(u->engine),
                     .kind = USHER_EV_LOST,
                     .n = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX,
                     .took_ms = -1,
                     .word_ms = -1,
                     .held_ms = -1};

    tell(u, f, &e);
}

/* The next event that the page has, told; what lies before it is lost. False: the page is used up. */
static bool tell_from_page(usher_t *u, struct follower *f)
{
    size_t at = f->at;
    usher_event event;
    uint64_t previous;
    uint32_t queue;
    struct row row;

    while (usher__batch_next(&f->page, &at, &row)) {
        if (!usher__row_event(&row, &event, &previous, &queue) || event.seq < f->seq) {
            f->at = at;
            continue;
        }
        if (event.seq > f->seq) {
            tell_lost(u, f, event.seq - 1);
            return true;
        }
        f->at = at;
        event.queue = usher__engine_queue_at(u->engine, queue);
        tell(u, f, &event);
        return true;
    }
    f->paged = false;
    if (!f->more && f->seq <= f->asked_upto) {
        tell_lost(u, f, f->asked_upto);
        return true;
    }
    return false;
}

static void tell_next(usher_t *u, struct follower *f)
{
    struct log *log = usher__engine_log(u->engine);
    struct log_event e;

    if (usher__log_find(log, f->seq, &e)) {
        f->paged = false;
        usher__log_told(log, 0); /* what is looked at must not go */
        u->telling.pinned = true;
        tell(u, f, &e.event);
        u->telling.pinned = false;
        usher__log_told(log, u->telling.place);
        return;
    }
    if (u->keeping.store == NULL) {
        tell_lost(u, f, usher__log_first(log) - 1);
        return;
    }
    if (f->paged && tell_from_page(u, f))
        return;
    f->asked_upto = u->keeping.saved_seq;
    f->asked = usher__errand_follow(u, f, f->seq - 1, PAGE_EVENTS) == 0;
    if (!f->asked)
        u->short_of_memory = true; /* the timer tries again */
}

bool usher__follow_step(usher_t *u)
{
    struct follower **link = &u->following.first;
    struct follower *f;

    if (u->following.n == 0 || u->short_of_memory)
        return false;
    while (*link != NULL && !may_be_told(u, *link))
        link = &(*link)->next;
    f = *link;
    if (f == NULL)
        return false;
    *link = f->next; /* to the end: each in turn */
    while (*link != NULL)
        link = &(*link)->next;
    *link = f;
    f->next = NULL;
    tell_next(u, f);
    return true;
}

void usher__follow_page(usher_t *u, struct follower *f, int status, struct batch *rows, bool more)
{
    f->asked = false;
    if (f->gone) {
        drop(u, f);
        return;
    }
    if (status != 0) { /* the store has failed or closes: there is nothing to be told any more */
        f->seq = UINT64_MAX;
        return;
    }
    usher__batch_free(&f->page);
    f->page = *rows;
    usher__batch_init(rows, &u->memory);
    f->at = 0;
    f->more = more;
    f->paged = true;
}
