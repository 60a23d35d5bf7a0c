/* See server.h. */
#include "server.h"

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

enum { PATIENCE_S = 5 };

/* ---- its process ----------------------------------------------------------------------------- */

bool server_init(struct server *s)
{
    s->pid = 0;
    s->fd = -1;
    s->out = NULL;
    s->out_len = s->out_room = s->in_from = s->in_to = 0;
    memcpy(s->dir, "/tmp/usher-bench-XXXXXX", 24);
    if (mkdtemp(s->dir) == NULL) {
        s->dir[0] = '\0';
        return false;
    }
    snprintf(s->path, sizeof s->path, "%s/socket", s->dir);
    return true;
}

static bool spawn(struct server *s, char *const argv[])
{
    int null;

    s->pid = fork();
    if (s->pid != 0)
        return s->pid > 0;
#ifdef __linux__
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of us */
#endif
    null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
    }
    (void)execv(argv[0], argv);
    _exit(127);
}

static bool reach(struct server *s)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};

    memcpy(to.sun_path, s->path, strlen(s->path) + 1);
    s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (s->fd < 0)
        return false;
    for (int tries = 0; tries < 200; tries++) {
        struct timespec a_while = {.tv_nsec = 10000000};

        if (connect(s->fd, (const struct sockaddr *)&to, sizeof to) == 0) {
            (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
            (void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
            return true;
        }
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
            s->pid = 0;
            return false;
        }
        (void)nanosleep(&a_while, NULL);
    }
    return false;
}

bool server_start(struct server *s, char *const argv[])
{
    return spawn(s, argv) && reach(s);
}

void server_stop(struct server *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    if (s->pid > 0) {
        (void)kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, NULL, 0);
    }
    if (s->dir[0] != '\0') {
        (void)unlink(s->path);
        (void)rmdir(s->dir);
    }
    free(s->out);
}

uint64_t server_cpu_ns(const struct server *s)
{
    struct timespec t = {0};
    clockid_t id;

    if (clock_getcpuclockid(s->pid, &id) == 0)
        (void)clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- talking to it --------------------------------------------------------------------------- */

bool server_say(struct server *s, const char *bytes, size_t len)
{
    if (s->out_room - s->out_len < len) {
        size_t room = 2 * (s->out_room + len);
        char *out = realloc(s->out, room);

        if (out == NULL)
            return false;
        s->out = out;
        s->out_room = room;
    }
    memcpy(s->out + s->out_len, bytes, len);
    s->out_len += len;
    return true;
}

bool server_send(struct server *s)
{
    for (size_t sent = 0; sent < s->out_len;) {
        ssize_t n = send(s->fd, s->out + sent, s->out_len - sent, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        sent += (size_t)n;
    }
    s->out_len = 0;
    return true;
}

const char *server_hear(struct server *s, size_t len)
{
    for (;;) {
        char *at = s->in + s->in_from, *end;
        ssize_t n;

        end = len == 0 ? memchr(at, '\n', s->in_to - s->in_from) : NULL;
        if (end != NULL || (len > 0 && s->in_to - s->in_from >= len)) {
            s->in_from += len > 0 ? len : (size_t)(end - at) + 1;
            return at;
        }
        if (s->in_from > 0) {
            memmove(s->in, at, s->in_to - s->in_from);
            s->in_to -= s->in_from;
            s->in_from = 0;
        }
        n = recv(s->fd, s->in + s->in_to, sizeof s->in - 1 - s->in_to, 0);
        if (n <= 0)
            return NULL;
        s->in_to += (size_t)n;
        s->in[s->in_to] = '\0';
    }
}
