/* Kills its process at the N-th of the system calls that change files: LD_PRELOAD it, with USHER_DIE_AT=N.
 *
 * So every state that a kill can leave on the disk is tried once, where random instants would miss the
 * short ones. With USHER_DIE_TORN=1 a write that it dies at is half done. When the program ends first,
 * USHER_DIE_COUNT names a file that gets the number of calls. */
#define _GNU_SOURCE 1 /* RTLD_NEXT */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long calls, die_at;
static int torn;

/* Function pointers out of dlsym() the way POSIX says: through memory. */
#define NEXT(pointer, name)                                                                        \
    do {                                                                                           \
        void *found = dlsym(RTLD_NEXT, name);                                                      \
        memcpy(&(pointer), &found, sizeof found);                                                  \
    } while (0)

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("USHER_DIE_AT");
    die_at = at ? strtoul(at, NULL, 10) : 0;
    torn = getenv("USHER_DIE_TORN") != NULL;
}

__attribute__((destructor)) static void end(void)
{
    const char *name = getenv("USHER_DIE_COUNT");
    FILE *file = name ? fopen(name, "w") : NULL;
    if (file) {
        fprintf(file, "%lu\n", calls);
        fclose(file);
    }
}

/* Whether this is the call; then nobody else gets past here any more. */
static int is_last(void)
{
    pthread_mutex_lock(&lock);
    if (++calls == die_at)
        return 1;
    pthread_mutex_unlock(&lock);
    return 0;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static int dies(void)
{
    if (!is_last())
        return 0;
    if (!torn)
        die();
    return 1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at);
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    ssize_t (*next)(int, const void *, size_t, off64_t);
    NEXT(next, "pwrite64");
    if (dies()) {
        (void)next(fd, bytes, n / 2, at);
        die();
    }
    return next(fd, bytes, n, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return pwrite64(fd, bytes, n, at);
}

/* Pipes and terminals are no disk. */
ssize_t write(int fd, const void *bytes, size_t n)
{
    ssize_t (*next)(int, const void *, size_t);
    NEXT(next, "write");
    if (lseek(fd, 0, SEEK_CUR) >= 0 && dies()) {
        (void)next(fd, bytes, n / 2);
        die();
    }
    return next(fd, bytes, n);
}

int fdatasync(int fd)
{
    int (*next)(int);
    NEXT(next, "fdatasync");
    if (dies())
        die();
    return next(fd);
}

int fsync(int fd)
{
    int (*next)(int);
    NEXT(next, "fsync");
    if (dies())
        die();
    return next(fd);
}

int ftruncate64(int fd, off64_t len);
int ftruncate64(int fd, off64_t len)
{
    int (*next)(int, off64_t);
    NEXT(next, "ftruncate64");
    if (dies())
        die();
    return next(fd, len);
}

int ftruncate(int fd, off_t len)
{
    return ftruncate64(fd, len);
}

int unlink(const char *name)
{
    int (*next)(const char *);
    NEXT(next, "unlink");
    if (dies())
        die();
    return next(name);
}
