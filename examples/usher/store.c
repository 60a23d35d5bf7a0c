/* Opening a store for looking at, and reading it to the end.
 *
 * The library does all of it; what is here is waiting for its callbacks, and saying what goes wrong in
 * words that help whoever sits before the terminal. */
#include "store.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "table.h"

void store_wait(struct store *s)
{
    while (s->waiting) {
        struct pollfd fd = {.fd = usher_fd(s->u), .events = POLLIN};
        (void)poll(&fd, 1, usher_timeout(s->u));
        (void)usher_turn(s->u);
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

static int complain(const char *path, const char *what)
{
    fputs("usher: ", stderr);
    text_print(stderr, path, 0);
    fprintf(stderr, ": %s\n", what);
    return CODE_PROBLEM;
}

/* The process that has the store, as it has written down; 0: not known. */
static long holder(const char *path)
{
    char name[USHER_PATH_MAX + 8];
    char text[24] = "";
    snprintf(name, sizeof name, "%s-lock", path);
    FILE *file = fopen(name, "r");
    if (!file)
        return 0;
    long pid = fgets(text, sizeof text, file) ? strtol(text, NULL, 10) : 0;
    fclose(file);
    return pid;
}

static int refuse(const char *path, int err, const char *why)
{
    static const char advice[] =
        "; that service must be opened with ?readers=1 to be looked at while it runs";
    char line[600];
    long pid = err == USHER_EBUSY ? holder(path) : 0;
    if (pid > 0)
        snprintf(line, sizeof line, "open in process %ld%s", pid, advice);
    else if (err == USHER_EBUSY)
        snprintf(line, sizeof line, "open elsewhere%s", advice);
    else
        snprintf(line, sizeof line, "%s%s%s", usher_strerror(err), *why ? ": " : "", why);
    return complain(path, line);
}

int store_open(struct store *s, const char *path, bool whole)
{
    char uri[USHER_PATH_MAX + 64];
    char why[400] = "";
    struct stat st;
    usher_options o = USHER_INIT(usher_options);
    *s = (struct store){.path = path};
    if (stat(path, &st) != 0)
        return complain(path, errno == ENOENT ? "there is no such file" : strerror(errno));
    if (!S_ISREG(st.st_mode))
        return complain(path, "a store is a file, and this is something else");
    int n = snprintf(uri, sizeof uri, "sqlite:%s?readonly=1%s", path, whole ? "" : "&quick=1");
    if (n < 0 || (size_t)n >= sizeof uri)
        return complain(path, "the path is too long");
    o.keep_closed = 1; /* they are read from the file when they are asked for */
    o.err = why;
    o.err_len = sizeof why;
    int r = usher_open(&s->u, NULL, uri, &o, NULL, NULL);
    if (r != USHER_OK)
        return refuse(path, r, why);
    s->now = usher_now(s->u);
    return CODE_OK;
}

static void on_closed(void *user)
{
    ((struct store *)user)->waiting = false;
}

void store_close(struct store *s)
{
    s->waiting = s->u && usher_close(s->u, on_closed, s) == USHER_OK;
    store_wait(s);
    s->u = NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct store *s = user;
    (void)u;
    s->waiting = false;
    s->status = status;
    if (status != USHER_OK)
        return;
    s->cursor = p->cursor;
    s->stop = s->page(p, s->user);
}

int store_read(struct store *s, usher_query *q, int (*page)(const usher_page *p, void *user),
               void *user)
{
    s->page = page;
    s->user = user;
    do {
        s->status = usher_read(s->u, q, on_page, s);
        if (s->status != USHER_OK)
            return s->status;
        s->waiting = true;
        store_wait(s);
        if (s->status != USHER_OK)
            return s->status;
        q->cursor = s->cursor;
    } while (s->cursor != 0 && s->stop == 0);
    return s->stop;
}

int store_fail(const struct store *s, const char *what, int err)
{
    char line[200];
    snprintf(line, sizeof line, "%s: %s (%s)", what, usher_strerror(err), usher_err_name(err));
    return complain(s->path, line);
}
