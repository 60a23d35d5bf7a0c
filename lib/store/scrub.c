/* Nothing that was deleted stays in the file.
 *
 * secure_delete zeroes the cells that SQLite frees, but not the copies that it leaves behind where
 * it moves cells from one page to another: those stand between a page's list of cells and the
 * cells, where nobody looks, until something is written over them, if ever. So that room is zeroed
 * in each page on its way into the file. Pages come there from the WAL only (SQLite's own
 * checkpoints), which still has them if the write is cut short; the WAL itself goes when a purge
 * ends, see purge.c.
 *
 * The way in is the file's table of methods: the file gets one that differs in how it writes. */
#include <string.h>

#include "store/inside.h"

enum { FIRST_PAGE_HEAD = 100 };

struct scrub {
    sqlite3_io_methods methods; /* first: the file points here */
    const sqlite3_io_methods *real;
    int page_size;
    unsigned char page[];
};

static unsigned be16(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* Where the unused room of a b-tree page begins and ends; false: it has none, or is no such page.
 * What is no b-tree page begins with a page's number, so with less than 2 as long as there are not
 * 2^25 pages. */
static bool find_gap(const unsigned char *page, int len, bool first, int *from, int *to)
{
    int head = first ? FIRST_PAGE_HEAD : 0;
    const unsigned char *p = page + head;
    int head_len, content = (int)be16(p + 5);

    if (p[0] == 5 || p[0] == 2)
        head_len = 12;
    else if (p[0] == 13 || p[0] == 10)
        head_len = 8;
    else
        return false;
    *from = head + head_len + 2 * (int)be16(p + 3);
    *to = content == 0 ? 65536 : content;
    return *from < *to && *to <= len;
}

static bool has_anything(const unsigned char *p, int len)
{
    return len > 0 && (p[0] != 0 || memcmp(p, p + 1, (size_t)len - 1) != 0);
}

static int write_scrubbed(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    struct scrub *scrub = (struct scrub *)(uintptr_t)file->pMethods;
    int from, to;

    if (len == scrub->page_size && find_gap(bytes, len, at == 0, &from, &to) &&
        has_anything((const unsigned char *)bytes + from, to - from)) {
        memcpy(scrub->page, bytes, (size_t)len);
        memset(scrub->page + from, 0, (size_t)(to - from));
        bytes = scrub->page;
    }
    return scrub->real->xWrite(file, bytes, len, at);
}

int usher__scrub_start(struct store *s)
{
    sqlite3_file *file = NULL;
    struct scrub *scrub;
    int64_t pages;
    int rc, err = usher__sql_number(s, "PRAGMA page_count", &pages);

    if (err != 0 || pages >= STORE_PAGES_MAX)
        return err;
    rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc != SQLITE_OK)
        return usher__sql_error(s, NULL, rc, "finding the file");
    scrub = usher__alloc(&s->o.memory, sizeof *scrub + s->page_size);
    if (scrub == NULL)
        return usher__store_say(s, USHER_ENOMEM, "out of memory");
    scrub->real = file->pMethods;
    scrub->methods = *file->pMethods;
    scrub->methods.xWrite = write_scrubbed;
    scrub->page_size = (int)s->page_size;
    file->pMethods = &scrub->methods;
    s->scrub = scrub;
    return 0;
}

/* After the connection is closed. */
void usher__scrub_end(struct store *s)
{
    usher__free(&s->o.memory, s->scrub);
    s->scrub = NULL;
}
