/* The words of one command line, and the commands that take them. */
#ifndef EXAMPLES_USHER_COMMAND_H
#define EXAMPLES_USHER_COMMAND_H
#include <stdbool.h>
#include <stdint.h>
#include <usher/usher.h>

/* What the program ends with. */
enum { CODE_OK = 0, CODE_PROBLEM = 1, CODE_USAGE = 2 };

struct line {
    const char *path; /* the store's */
    const char *file; /* backup */
    usher_id ticket;  /* show, history */
    bool json;
    bool all_states;
    uint32_t states; /* bits 1 << USHER_WAITING ...; 0: not said */
    uint32_t limit;  /* 0: not said; UINT32_MAX: all */
    uint32_t days;   /* 0: not said */
    const char *queue, *requester, *agent;
};

/* Each returns a CODE_*, and has said on stderr why when it is not CODE_OK. */
int command_info(const struct line *l);
int command_check(const struct line *l);
int command_list(const struct line *l);
int command_show(const struct line *l);
int command_history(const struct line *l);
int command_stats(const struct line *l);
int command_figures(const struct line *l);
int command_backup(const struct line *l);

#endif
