/* See peer.h. */
#include "peer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "bench.h"

#define PROGRAM "/usr/bin/beanstalkd"

enum { BATCH = 256, PATIENCE_S = 5, LINE_ROOM = 1024, IN_ROOM = 1 << 16 };

struct peer {
    pid_t pid;
    int fd;
    char dir[32], path[48];
    char body[LINE_ROOM];
    size_t body_len;
    unsigned long long reserved[BATCH]; /* to be deleted */
    size_t reserved_n;
    char *out;
    size_t out_len, out_room;
    char in[IN_ROOM];
    size_t in_from, in_to;
};

/* ---- its process ----------------------------------------------------------------------------- */

static bool spawn(struct peer *p)
{
    char address[64];
    int null;

    snprintf(address, sizeof address, "unix:%s", p->path);
    p->pid = fork();
    if (p->pid != 0)
        return p->pid > 0;
#ifdef __linux__
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of us */
#endif
    null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
    }
    (void)execl(PROGRAM, PROGRAM, "-l", address, (char *)NULL);
    _exit(127);
}

static bool reach(struct peer *p)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};

    memcpy(to.sun_path, p->path, strlen(p->path) + 1);
    p->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (p->fd < 0)
        return false;
    for (int tries = 0; tries < 200; tries++) {
        struct timespec a_while = {.tv_nsec = 10000000};

        if (connect(p->fd, (const struct sockaddr *)&to, sizeof to) == 0) {
            (void)setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
            (void)setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
            return true;
        }
        if (waitpid(p->pid, NULL, WNOHANG) == p->pid) {
            p->pid = 0;
            return false;
        }
        (void)nanosleep(&a_while, NULL);
    }
    return false;
}

struct peer *peer_start(const char **why)
{
    struct peer *p = calloc(1, sizeof *p);

    *why = PROGRAM " is not installed";
    if (p == NULL || access(PROGRAM, X_OK) != 0) {
        free(p);
        return NULL;
    }
    *why = PROGRAM " does not start";
    p->fd = -1;
    memcpy(p->dir, "/tmp/usher-bench-XXXXXX", 24);
    if (mkdtemp(p->dir) == NULL) {
        free(p);
        return NULL;
    }
    snprintf(p->path, sizeof p->path, "%s/peer", p->dir);
    if (!spawn(p) || !reach(p)) {
        peer_stop(p);
        return NULL;
    }
    return p;
}

void peer_stop(struct peer *p)
{
    if (p == NULL)
        return;
    if (p->fd >= 0)
        (void)close(p->fd);
    if (p->pid > 0) {
        (void)kill(p->pid, SIGKILL);
        (void)waitpid(p->pid, NULL, 0);
    }
    (void)unlink(p->path);
    (void)rmdir(p->dir);
    free(p->out);
    free(p);
}

/* ---- its protocol ---------------------------------------------------------------------------- */

static bool say(struct peer *p, const char *bytes, size_t len)
{
    if (p->out_room - p->out_len < len) {
        size_t room = 2 * (p->out_room + len);
        char *out = realloc(p->out, room);

        if (out == NULL)
            return false;
        p->out = out;
        p->out_room = room;
    }
    memcpy(p->out + p->out_len, bytes, len);
    p->out_len += len;
    return true;
}

static bool send_all(struct peer *p)
{
    for (size_t sent = 0; sent < p->out_len;) {
        ssize_t n = send(p->fd, p->out + sent, p->out_len - sent, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        sent += (size_t)n;
    }
    p->out_len = 0;
    return true;
}

/* So many bytes, or a line when len is 0: where they are, until the next call. */
static const char *hear(struct peer *p, size_t len)
{
    for (;;) {
        char *at = p->in + p->in_from, *end;
        ssize_t n;

        end = len == 0 ? memchr(at, '\n', p->in_to - p->in_from) : NULL;
        if (end != NULL || (len > 0 && p->in_to - p->in_from >= len)) {
            p->in_from += len > 0 ? len : (size_t)(end - at) + 1;
            return at;
        }
        if (p->in_from > 0) {
            memmove(p->in, at, p->in_to - p->in_from);
            p->in_to -= p->in_from;
            p->in_from = 0;
        }
        n = recv(p->fd, p->in + p->in_to, sizeof p->in - 1 - p->in_to, 0);
        if (n <= 0)
            return NULL;
        p->in_to += (size_t)n;
        p->in[p->in_to] = '\0';
    }
}

static bool hear_word(struct peer *p, const char *word)
{
    const char *line = hear(p, 0);

    return line != NULL && strncmp(line, word, strlen(word)) == 0;
}

static bool say_put(struct peer *p)
{
    char head[64];
    int n = snprintf(head, sizeof head, "put 0 0 900 %zu\r\n", p->body_len);

    return say(p, head, (size_t)n) && say(p, p->body, p->body_len) && say(p, "\r\n", 2);
}

static bool say_deletes(struct peer *p)
{
    for (size_t i = 0; i < p->reserved_n; i++) {
        char line[64];
        int n = snprintf(line, sizeof line, "delete %llu\r\n", p->reserved[i]);

        if (!say(p, line, (size_t)n))
            return false;
    }
    return true;
}

static bool hear_reserved(struct peer *p)
{
    const char *line = hear(p, 0);

    return line != NULL && sscanf(line, "RESERVED %llu", &p->reserved[p->reserved_n++]) == 1 &&
           hear(p, p->body_len + 2) != NULL;
}

bool peer_fill(struct peer *p, uint64_t jobs, size_t body_len)
{
    if (body_len > sizeof p->body)
        return false;
    p->body_len = body_len;
    memset(p->body, 'b', body_len);
    for (uint64_t left = jobs; left > 0;) {
        uint32_t n = left < BATCH ? (uint32_t)left : BATCH;

        for (uint32_t i = 0; i < n; i++) {
            if (!say_put(p))
                return false;
        }
        if (!send_all(p))
            return false;
        for (uint32_t i = 0; i < n; i++) {
            if (!hear_word(p, "INSERTED"))
                return false;
        }
        left -= n;
    }
    return true;
}

/* What was reserved in the batch before is deleted, as much is put, as much is reserved. */
static bool batch(struct peer *p, uint32_t n)
{
    size_t deletes = p->reserved_n;
    bool good = say_deletes(p);

    for (uint32_t i = 0; good && i < n; i++)
        good = say_put(p);
    for (uint32_t i = 0; good && i < n; i++)
        good = say(p, "reserve-with-timeout 0\r\n", 24);
    good = good && send_all(p);
    p->reserved_n = 0;
    for (size_t i = 0; good && i < deletes; i++)
        good = hear_word(p, "DELETED");
    for (uint32_t i = 0; good && i < n; i++)
        good = hear_word(p, "INSERTED");
    for (uint32_t i = 0; good && i < n; i++)
        good = hear_reserved(p);
    return good;
}

static uint64_t its_ns(const struct peer *p)
{
    struct timespec t = {0};
    clockid_t id;

    if (clock_getcpuclockid(p->pid, &id) == 0)
        (void)clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool peer_cycle(struct peer *p, uint64_t cycles, uint64_t *wall, uint64_t *cpu)
{
    uint64_t began = wall_ns(), its = its_ns(p);

    for (uint64_t left = cycles; left > 0;) {
        uint32_t n = left < BATCH ? (uint32_t)left : BATCH;

        if (!batch(p, n))
            return false;
        left -= n;
    }
    if (!batch(p, 0))
        return false;
    *wall = wall_ns() - began;
    *cpu = its_ns(p) - its;
    return true;
}
