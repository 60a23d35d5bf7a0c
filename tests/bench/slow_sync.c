/* Preloaded, it makes each fsync and fdatasync take longer, as on a disk that has to turn or to ask
 * others; USHER_BENCH_SYNC_US says by how many us. So the machine's own fast disk can stand in for
 * one that is not. The program that is slowed down knows nothing of it. */
#define _GNU_SOURCE

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct timespec delay;

__attribute__((constructor)) static void read_delay(void)
{
    const char *text = getenv("USHER_BENCH_SYNC_US");
    long us = text != NULL ? strtol(text, NULL, 10) : 0;

    delay.tv_sec = us / 1000000;
    delay.tv_nsec = us % 1000000 * 1000;
}

static int slowly(long call, int fd)
{
    struct timespec left = delay;
    int r = (int)syscall(call, fd), error = errno;

    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    errno = error;
    return r;
}

int fsync(int fd)
{
    return slowly(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return slowly(SYS_fdatasync, fd);
}
