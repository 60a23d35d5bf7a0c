/* What the probe prints of an event, and of a page that was read. */
#ifndef USHER_TESTS_ORACLE_PROBE_ROWS_H
#define USHER_TESTS_ORACLE_PROBE_ROWS_H

#include <usher/usher.h>

const char *or_none(const char *s);
const char *code(int status);
const char *instant(int64_t at, char room[24]);

const char *name(int what, int value);

/* letter: e as it happens, h when it is read again. */
void tell_event(char letter, const usher_event *e);

/* user: anything, where tickets were asked for. */
void on_page(usher_t *u, int status, const usher_page *p, void *user);

#endif
