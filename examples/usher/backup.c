/* usher backup: a copy that is consistent, whatever goes on meanwhile. */
#include <stdio.h>
#include <sys/stat.h>

#include "command.h"
#include "screen.h"
#include "store.h"

struct copy {
    struct store *store;
    int status;
    char detail[300];
};

static void on_done(usher_t *u, const usher_done *d, void *user)
{
    struct copy *c = user;
    (void)u;
    c->store->waiting = false;
    c->status = d->status;
    snprintf(c->detail, sizeof c->detail, "%.*s", (int)d->detail.len,
             d->detail.data ? d->detail.data : "");
}

static int report(const struct line *l)
{
    char buf[WORDS_MAX];
    struct stat st;
    int64_t bytes = stat(l->file, &st) == 0 ? (int64_t)st.st_size : 0;
    if (l->json)
        return json_print(
            json_pack("{s:o, s:I}", "file", json_name(l->file), "bytes", (json_int_t)bytes));
    text_print(stdout, l->file, 0);
    printf(": a checked copy, %s bytes\n", words_count(buf, (uint64_t)bytes));
    return CODE_OK;
}

int command_backup(const struct line *l)
{
    struct store s;
    struct copy c = {.store = &s};
    int code = CODE_OK;
    if (store_open(&s, l->path, false) != CODE_OK)
        return CODE_PROBLEM;
    s.waiting = true;
    c.status = usher_backup(s.u, l->file, on_done, &c);
    if (c.status != USHER_OK)
        s.waiting = false;
    store_wait(&s);
    if (c.status == USHER_OK) {
        code = report(l);
    } else {
        fputs("usher: ", stderr);
        text_print(stderr, l->file, 0);
        fprintf(stderr, ": no copy was made: %s\n",
                c.detail[0] ? c.detail : usher_strerror(c.status));
        code = CODE_PROBLEM;
    }
    store_close(&s);
    return code;
}
