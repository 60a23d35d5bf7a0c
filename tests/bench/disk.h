/* What the benches of the store need of a disk: a directory of their own, and what it can do. */
#ifndef USHER_BENCH_DISK_H
#define USHER_BENCH_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report;

enum { PATH_ROOM = 512 };

/* Makes a new directory within `in`, or where temporary files go when that is NULL. False: it has
 * said why. */
bool disk_open(const char *in, char dir[PATH_ROOM]);

/* Removes the directory with all that is in it. */
void disk_close(const char *dir);

/* The same, and makes it anew. False: it cannot. */
bool disk_renew(const char *dir);

/* "DIR/NAME". */
bool disk_path(const char *dir, const char *name, char path[PATH_ROOM]);

/* Its file system, by name or number. */
const char *disk_kind(const char *dir, char kind[24]);

/* A line of the report: where it all lies. */
void disk_note(const char *dir, struct report *r);

uint64_t disk_free_len(const char *dir); /* UINT64_MAX: not known here */
uint64_t disk_len(const char *path);     /* of a file; 0: there is none */

/* Bytes that this process had the system write so far, by /proc/self/io; 0: not known here. */
uint64_t disk_written_len(void);

/* The median of `times` times writing 4 KiB after what is there and flushing them, as a commit
 * does; 0: it could not. */
uint64_t disk_sync_ns(const char *dir, int times);

#endif
