/* The store of a library that was built without SQLite: there is none to be opened, so nothing else
 * here is ever called. */
#include "store/store.h"

#include <stdio.h>

#include <usher/usher.h>

int usher__store_open(struct store **out, const struct store_options *o,
                      const struct store_reader *reader)
{
    (void)reader;
    *out = NULL;
    if (o->err != NULL && o->err_len > 0)
        snprintf(o->err, o->err_len, "sqlite: this library was built without SQLite");
    return USHER_EINVAL;
}

int usher__store_start(struct store *s)
{
    (void)s;
    return USHER_EINVAL;
}

void usher__store_submit(struct store *s, const struct batch *b, int64_t now)
{
    (void)s, (void)b, (void)now;
}

void usher__store_news(struct store *s, struct store_news *out)
{
    (void)s;
    *out = (struct store_news){.failed = USHER_EFAILED};
}

void usher__store_wait(struct store *s)
{
    (void)s;
}

void usher__store_ask(struct store *s, struct job *job)
{
    (void)s, (void)job;
}

struct job *usher__store_finished(struct store *s)
{
    (void)s;
    return NULL;
}

void usher__store_cancel_jobs(struct store *s)
{
    (void)s;
}

void usher__store_close(struct store *s)
{
    (void)s;
}
