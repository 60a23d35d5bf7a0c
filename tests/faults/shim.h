/* A VFS that fails when it is told to, over another one.
 *
 * While it is armed every operation has a number, in the order in which they come, whichever
 * thread they come from. One of them fails in one of the ways in which its kind can fail, alone
 * or with all that come after it. */
#ifndef USHER_FAULTS_SHIM_H
#define USHER_FAULTS_SHIM_H

#include <stdbool.h>
#include <stdint.h>

enum {
    IO_OPEN = 1,
    IO_READ,
    IO_READ_LOG,
    IO_WRITE,
    IO_TRUNCATE,
    IO_SYNC,
    IO_DELETE,
    IO_ACCESS,
    IO_LOCK,
    IO_UNLOCK,
    IO_SIZE,
    IO_KINDS
};
extern const char *const shim_kinds[IO_KINDS];

/* How it fails: by EIO; as if the disk was full, or the file locked by others; half way through,
 * a write, or a read of the log, that is cut short. (A short read of the database is its end,
 * for SQLite: it takes the rest for zeros. The system's VFS gives one nowhere else.) */
enum { FAIL_IO, FAIL_FULL, FAIL_SHORT, FAIL_WAYS };
extern const char *const shim_ways[FAIL_WAYS];

/* Registers it under `name`, over the VFS `base`; for all that names no other, too. */
void shim_register(const char *name, const char *base, bool for_all);

/* Numbers operations from 1 on; the n-th fails (0: none does). A full disk stays one for writes
 * alone. */
void shim_arm(uint64_t n, int way, bool for_ever);
/* From now on there is no room: every write fails, and nothing else does. */
void shim_fill(void);
void shim_disarm(void);

uint64_t shim_count(void);        /* operations since it was armed, or while it was */
int shim_kind(uint64_t n);        /* of the n-th of them; 0: not known */
bool shim_can(int kind, int way); /* whether an operation of this kind fails in this way */
uint64_t shim_failed(void);       /* how many have failed */
/* The first sync of a WAL since it was armed has failed: what was to be committed was not
 * flushed. */
bool shim_flush_failed(void);
uint64_t shim_writes(void); /* since it was armed */

#endif
