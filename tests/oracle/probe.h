/* What the probe's files share: the service that it drives, the words of a line, and what is told. */
#ifndef USHER_ORACLE_PROBE_H
#define USHER_ORACLE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <usher/usher.h>

enum { ARGS_MAX = 32, LIST_MAX = 80, MANY_MAX = 64 };

/* ---- probe.c ---------------------------------------------------------------------------------- */

/* One per process: a claim's user pointer is its tag, so its callback finds the rest here. */
struct probe {
    usher_t *u;
    usher_manual_clock_t *clock;
    usher_agent_t **agents;
    usher_id *touched; /* tickets that this command's events and completions named */
    size_t agents_n, touched_n, touched_room;
    bool closed;
    const char *self, *store; /* store NULL: in memory */
    int64_t keep_closed, op_window_ms, op_window_n;
    char *inside;    /* a line that is still to be said, in the callbacks_left-th callback from now */
    int64_t callbacks_left;
    int inside_returned;
};
extern struct probe probe;

void *grown(void *p, size_t n, size_t size);
/* A callback runs: what is to be said inside of it is said. */
void called_back(void);
/* The service is closed, or killed, or a backup takes its place, and opened again there and then. */
int reopen(void);
int crash(void);
int restore(void);
/* `K io|full once|ever LINE`: says it while the store's K-th operation fails, then crashes. */
int fault(char *rest);

/* ---- probe_words.c: the words of a line --------------------------------------------------------- */

struct args { /* those with an equals sign */
    const char *key[ARGS_MAX], *value[ARGS_MAX];
    int n;
};

struct list { /* a comma-separated value, cut up */
    const char *item[LIST_MAX];
    uint32_t n;
};

void take(struct args *a, char *word);
void take_all(struct args *a, char *words);
const char *arg(const struct args *a, const char *key);
int64_t num(const struct args *a, const char *key);
usher_text text(const struct args *a, const char *key);
usher_op op(const struct args *a);
void split(struct list *l, const char *value);
/* words: with a space between each. */
bool is_one_of(const char *word, const char *words);

/* ---- probe_told.c: the callbacks ---------------------------------------------------------------- */

void touch(usher_id ticket);
/* All tickets that can be seen. */
void touch_all(void);
void describe_touched(void);
void describe_queues(const struct list *names);
void on_event(usher_t *u, const usher_event *e, void *user);
void on_named_event(usher_t *u, const usher_event *e, void *name);
void on_done(usher_t *u, const usher_done *d, void *user);
void on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user);
void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *tag);

/* ---- probe_do.c: the commands ------------------------------------------------------------------- */

/* first: a line's second word, where it has one; rest: what is not cut into arguments. */
int perform(const char *what, const char *first, char *rest, const struct args *a);

#endif
