/* See disk.h. */
#include "disk.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "bench.h"

enum { PAGE_LEN = 4096 };

bool disk_open(const char *in, char dir[PATH_ROOM])
{
    int n;

    if (in == NULL)
        in = getenv("TMPDIR");
    if (in == NULL || *in == '\0')
        in = "/tmp";
    n = snprintf(dir, PATH_ROOM, "%s/usher-bench-XXXXXX", in);
    if (n > 0 && n < PATH_ROOM - 64 && mkdtemp(dir) != NULL)
        return true;
    fprintf(stderr, "usher-bench: no directory can be made in %s\n", in);
    return false;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    (void)remove(path);
    return 0;
}

void disk_close(const char *dir)
{
    (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

bool disk_renew(const char *dir)
{
    disk_close(dir);
    return mkdir(dir, 0700) == 0;
}

bool disk_path(const char *dir, const char *name, char path[PATH_ROOM])
{
    int n = snprintf(path, PATH_ROOM, "%s/%s", dir, name);

    return n > 0 && n < PATH_ROOM;
}

const char *disk_kind(const char *dir, char kind[24])
{
#ifdef __linux__
    static const struct {
        unsigned long magic;
        const char *name;
    } known[] = {{0xef53, "ext4"},        {0x58465342, "xfs"},  {0x9123683e, "btrfs"},
                 {0x2fc12fc1, "zfs"},     {0xf2f52010, "f2fs"}, {0x01021994, "tmpfs"},
                 {0x794c7630, "overlay"}, {0x6969, "nfs"},      {0x65735546, "fuse"},
                 {0x01021997, "9p"}};
    struct statfs st;

    if (statfs(dir, &st) == 0) {
        unsigned long magic = (unsigned long)st.f_type & 0xffffffff;

        snprintf(kind, 24, "0x%lx", magic);
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            if (known[i].magic == magic)
                snprintf(kind, 24, "%s", known[i].name);
        }
        return kind;
    }
#endif
    (void)dir;
    snprintf(kind, 24, "unknown");
    return kind;
}

void disk_note(const char *dir, struct report *r)
{
    char kind[24];

    disk_kind(dir, kind);
    report_note(r, "%s on %s%s", dir, kind,
                strcmp(kind, "tmpfs") == 0 ? ", which is memory and keeps nothing" : "");
}

uint64_t disk_free_len(const char *dir)
{
    struct statvfs st;

    if (statvfs(dir, &st) != 0)
        return UINT64_MAX;
    return (uint64_t)st.f_bavail * (uint64_t)st.f_frsize;
}

uint64_t disk_len(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

uint64_t disk_written_len(void)
{
    FILE *f = fopen("/proc/self/io", "r");
    char line[128];
    unsigned long long len = 0;

    if (f == NULL)
        return 0;
    while (fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "write_bytes: %llu", &len) == 1)
            break;
    }
    (void)fclose(f);
    return len;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

uint64_t disk_sync_ns(const char *dir, int times)
{
    static const char page[PAGE_LEN];
    char path[PATH_ROOM];
    uint64_t *ns = calloc((size_t)times, sizeof *ns), median;
    bool good = ns != NULL && disk_path(dir, "sync", path);
    int fd = good ? open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600) : -1;

    /* Over what is there already, as in a WAL that has been around once. */
    for (int i = 0; fd >= 0 && good && i < times; i++)
        good = write(fd, page, sizeof page) == (ssize_t)sizeof page;
    good = good && fd >= 0 && fsync(fd) == 0 && lseek(fd, 0, SEEK_SET) == 0;
    for (int i = 0; good && i < times; i++) {
        uint64_t began = wall_ns();

        good = write(fd, page, sizeof page) == (ssize_t)sizeof page && fdatasync(fd) == 0;
        ns[i] = wall_ns() - began;
    }
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(path);
    }
    if (good)
        qsort(ns, (size_t)times, sizeof *ns, by_size);
    median = good ? ns[times / 2] : 0;
    free(ns);
    return median;
}
