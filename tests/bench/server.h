/* A server that is measured beside usher: started here, talked to through a socket of this machine,
 * and ended. What is said to it is gathered and sent at once, so that it never waits for us. */
#ifndef USHER_BENCH_SERVER_H
#define USHER_BENCH_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct server {
    pid_t pid; /* 0: it does not run */
    int fd;
    char dir[32], path[48]; /* of its socket, where it is to listen */
    char *out;
    size_t out_len, out_room;
    char in[1 << 16];
    size_t in_from, in_to;
};

/* A path to listen at. False: there is no room for one. */
bool server_init(struct server *s);
/* argv[0] is the program, by its whole path. False: it does not start, or cannot be reached. */
bool server_start(struct server *s, char *const argv[]);
void server_stop(struct server *s); /* after server_init(), whatever it said */

bool server_say(struct server *s, const char *bytes, size_t len);
bool server_send(struct server *s);
/* So many bytes, or a line when len is 0: where they are, until the next call. NULL: nothing came
 * within a few seconds. */
const char *server_hear(struct server *s, size_t len);

uint64_t server_cpu_ns(const struct server *s); /* that it ran so far */

#endif
