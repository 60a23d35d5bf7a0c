/* See peer.h. */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "server.h"

#define BEANSTALKD "/usr/bin/beanstalkd"
#define REDIS "/usr/bin/redis-server"

enum { BODY_ROOM = 1024, LINE_ROOM = 96, NUMBER_LEN = 20 };

enum { PUT, RESERVE, DELETE, VERBS };

typedef unsigned long long job; /* its id, or the number that its body begins with */

struct talk {
    bool (*say)(struct peer *p, int verb, job j);
    bool (*hear)(struct peer *p, int verb, job *reserved);
};

struct peer {
    const struct talk *talk;
    char body[BODY_ROOM];
    size_t body_len;
    job put;                           /* the last number */
    job reserved[2 * PEER_WINDOW_MAX]; /* to be deleted, the oldest first: a ring */
    size_t from, to;
    uint32_t turn; /* the verb that comes next */
    uint8_t window[PEER_WINDOW_MAX];
    struct server server;
};

/* ---- beanstalkd ------------------------------------------------------------------------------ */

static bool beanstalkd_say(struct peer *p, int verb, job j)
{
    char line[LINE_ROOM];
    int n;

    if (verb == RESERVE)
        return server_say(&p->server, "reserve-with-timeout 0\r\n", 24);
    n = verb == PUT ? snprintf(line, sizeof line, "put 0 0 900 %zu\r\n", p->body_len)
                    : snprintf(line, sizeof line, "delete %llu\r\n", j);
    if (!server_say(&p->server, line, (size_t)n))
        return false;
    return verb != PUT ||
           (server_say(&p->server, p->body, p->body_len) && server_say(&p->server, "\r\n", 2));
}

static bool beanstalkd_hear(struct peer *p, int verb, job *reserved)
{
    const char *line = server_hear(&p->server, 0);

    if (line == NULL)
        return false;
    if (verb != RESERVE)
        return strncmp(line, verb == PUT ? "INSERTED" : "DELETED", 7) == 0;
    return sscanf(line, "RESERVED %llu", reserved) == 1 &&
           server_hear(&p->server, p->body_len + 2) != NULL;
}

static const struct talk beanstalkd = {beanstalkd_say, beanstalkd_hear};

static bool start_beanstalkd(struct peer *p, const struct peer_options *o)
{
    char address[64], sync[24];
    char *with[] = {BEANSTALKD, "-l", address, "-b", o->dir, sync, NULL};

    snprintf(address, sizeof address, "unix:%s", p->server.path);
    snprintf(sync, sizeof sync, "-f%lu", (unsigned long)o->sync_ms);
    if (o->dir == NULL)
        with[3] = NULL;
    return server_start(&p->server, with);
}

/* ---- Redis ----------------------------------------------------------------------------------- */

static bool redis_say(struct peer *p, int verb, job j)
{
    static const char move[] = "*5\r\n$5\r\nLMOVE\r\n$4\r\nwait\r\n$4\r\nheld\r\n"
                               "$5\r\nRIGHT\r\n$4\r\nLEFT\r\n";
    char head[LINE_ROOM];
    int n;

    if (verb == RESERVE)
        return server_say(&p->server, move, sizeof move - 1);
    n = snprintf(p->body, NUMBER_LEN + 1, "%020llu", j);
    p->body[n] = 'b';
    n = snprintf(head, sizeof head,
                 verb == PUT ? "*3\r\n$5\r\nLPUSH\r\n$4\r\nwait\r\n$%zu\r\n"
                             : "*4\r\n$4\r\nLREM\r\n$4\r\nheld\r\n$2\r\n-1\r\n$%zu\r\n",
                 p->body_len);
    return server_say(&p->server, head, (size_t)n) &&
           server_say(&p->server, p->body, p->body_len) && server_say(&p->server, "\r\n", 2);
}

static bool redis_hear(struct peer *p, int verb, job *reserved)
{
    const char *line = server_hear(&p->server, 0);
    char number[NUMBER_LEN + 1] = "";

    if (line == NULL || line[0] != (verb == RESERVE ? '$' : ':') || line[1] == '-')
        return false;
    if (verb != RESERVE)
        return line[1] != '0';
    line = server_hear(&p->server, p->body_len + 2);
    if (line == NULL)
        return false;
    memcpy(number, line, NUMBER_LEN);
    *reserved = strtoull(number, NULL, 10);
    return true;
}

static const struct talk redis = {redis_say, redis_hear};

/* Without rewriting its file now and then, which would only make it slower. */
static bool start_redis(struct peer *p, const struct peer_options *o)
{
    char *with[] = {REDIS, "--port", "0", "--unixsocket", p->server.path,
                    "--dir", o->dir, "--save", "",
                    "--appendonly", "yes", "--appendfsync", "always",
                    "--auto-aof-rewrite-percentage", "0", NULL};

    return server_start(&p->server, with);
}

/* ---- any ------------------------------------------------------------------------------------- */

struct peer *peer_start(const struct peer_options *o, const char **why)
{
    bool is_redis = o->kind == PEER_REDIS;
    struct peer *p;

    *why = is_redis ? REDIS " is not installed" : BEANSTALKD " is not installed";
    if (access(is_redis ? REDIS : BEANSTALKD, X_OK) != 0)
        return NULL;
    *why = is_redis ? REDIS " does not start" : BEANSTALKD " does not start";
    p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->talk = is_redis ? &redis : &beanstalkd;
    if (server_init(&p->server) && (is_redis ? start_redis(p, o) : start_beanstalkd(p, o)))
        return p;
    peer_stop(p);
    return NULL;
}

void peer_stop(struct peer *p)
{
    if (p == NULL)
        return;
    server_stop(&p->server);
    free(p);
}

/* Sends what the window says, and hears the answers. */
static bool exchange(struct peer *p, uint32_t n)
{
    if (!server_send(&p->server))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        job *reserved = &p->reserved[p->to % (2 * PEER_WINDOW_MAX)];

        if (!p->talk->hear(p, p->window[i], reserved))
            return false;
        if (p->window[i] == RESERVE)
            p->to++;
    }
    return true;
}

bool peer_fill(struct peer *p, uint64_t jobs, size_t body_len)
{
    if (body_len <= NUMBER_LEN || body_len > sizeof p->body)
        return false;
    p->body_len = body_len;
    memset(p->body, 'b', body_len);
    for (uint64_t left = jobs; left > 0;) {
        uint32_t n = left < 256 ? (uint32_t)left : 256;

        for (uint32_t i = 0; i < n; i++) {
            p->window[i] = PUT;
            if (!p->talk->say(p, PUT, ++p->put))
                return false;
        }
        if (!exchange(p, n))
            return false;
        left -= n;
    }
    return true;
}

/* The verbs take turns. What was reserved in this window cannot be deleted in it: nobody has been
 * told yet what it was. */
static bool window(struct peer *p, uint32_t n, uint64_t *cycles)
{
    for (uint32_t i = 0; i < n; p->turn = (p->turn + 1) % VERBS) {
        int verb = (int)p->turn;
        bool good;

        if (verb == DELETE && p->from == p->to)
            continue;
        if (verb == DELETE) {
            good = p->talk->say(p, DELETE, p->reserved[p->from++ % (2 * PEER_WINDOW_MAX)]);
            ++*cycles;
        } else {
            good = p->talk->say(p, verb, verb == PUT ? ++p->put : 0);
        }
        if (!good)
            return false;
        p->window[i++] = (uint8_t)verb;
    }
    return exchange(p, n);
}

bool peer_run(struct peer *p, uint32_t n, uint64_t cycles, uint64_t ns, struct peer_run *out)
{
    uint64_t began = wall_ns(), its = server_cpu_ns(&p->server);

    *out = (struct peer_run){0};
    do {
        if (!window(p, n, &out->cycles))
            return false;
        out->commands += n;
        out->wall = wall_ns() - began;
    } while (out->cycles < cycles && out->wall < ns);
    out->cpu = server_cpu_ns(&p->server) - its;
    return true;
}
