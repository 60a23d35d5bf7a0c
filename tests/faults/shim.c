/* See shim.h. */
#include "shim.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

enum { KINDS_KEPT = 4096 };

const char *const shim_kinds[IO_KINDS] = {"?",      "open",     "read",   "read of the log",
                                          "write",  "truncate", "sync",   "delete",
                                          "access", "lock",     "unlock", "size"};
const char *const shim_ways[FAIL_WAYS] = {"fails", "finds no room", "is cut short"};

struct shim_file {
    sqlite3_file base;
    bool wal;
    sqlite3_file *real; /* lies behind it */
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs vfs, *real;
    bool armed, for_ever, first_sync, flush_failed;
    int way;
    uint64_t n, fail_at, failed, writes;
    uint8_t kinds[KINDS_KEPT];
} shim = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- when to fail ---------------------------------------------------------------------------- */

bool shim_can(int kind, int way)
{
    switch (way) {
    case FAIL_IO:
        return true;
    case FAIL_FULL:
        return kind == IO_WRITE || kind == IO_LOCK || kind == IO_OPEN;
    default:
        return kind == IO_READ_LOG || kind == IO_WRITE;
    }
}

/* Whether this operation fails; counted. */
static bool fails(int kind, bool wal)
{
    bool yes;

    (void)pthread_mutex_lock(&shim.lock);
    if (!shim.armed) {
        (void)pthread_mutex_unlock(&shim.lock);
        return false;
    }
    shim.n++;
    shim.writes += kind == IO_WRITE;
    if (shim.n < KINDS_KEPT)
        shim.kinds[shim.n] = (uint8_t)kind;
    yes = shim.n == shim.fail_at;
    if (shim.for_ever && shim.fail_at > 0 && shim.n > shim.fail_at)
        yes = shim.way == FAIL_IO || shim_can(kind, shim.way);
    if (yes && shim.way == FAIL_FULL && shim.for_ever && kind != IO_WRITE && shim.n > shim.fail_at)
        yes = false;
    shim.failed += yes;
    if (kind == IO_SYNC && wal && !shim.first_sync) {
        shim.first_sync = true;
        shim.flush_failed = yes;
    }
    (void)pthread_mutex_unlock(&shim.lock);
    return yes;
}

static void arm(uint64_t n, int way, bool for_ever, uint64_t so_far)
{
    (void)pthread_mutex_lock(&shim.lock);
    shim.armed = true;
    shim.for_ever = for_ever;
    shim.way = way;
    shim.fail_at = n;
    shim.n = so_far;
    shim.failed = shim.writes = 0;
    shim.first_sync = shim.flush_failed = false;
    (void)pthread_mutex_unlock(&shim.lock);
}

void shim_arm(uint64_t n, int way, bool for_ever)
{
    arm(n, way, for_ever, 0);
}

void shim_fill(void)
{
    arm(1, FAIL_FULL, true, 1); /* the first, which may be of any kind, is over */
}

void shim_disarm(void)
{
    (void)pthread_mutex_lock(&shim.lock);
    shim.armed = false;
    (void)pthread_mutex_unlock(&shim.lock);
}

#define READ_LOCKED(type, expression)                                                              \
    type value;                                                                                    \
    (void)pthread_mutex_lock(&shim.lock);                                                          \
    value = (expression);                                                                          \
    (void)pthread_mutex_unlock(&shim.lock);                                                        \
    return value

uint64_t shim_count(void)
{
    READ_LOCKED(uint64_t, shim.n);
}

uint64_t shim_failed(void)
{
    READ_LOCKED(uint64_t, shim.failed);
}

uint64_t shim_writes(void)
{
    READ_LOCKED(uint64_t, shim.writes);
}

bool shim_flush_failed(void)
{
    READ_LOCKED(bool, shim.flush_failed);
}

int shim_kind(uint64_t n)
{
    READ_LOCKED(int, n < KINDS_KEPT && n <= shim.n ? shim.kinds[n] : 0);
}

/* ---- a file ---------------------------------------------------------------------------------- */

static struct shim_file *of(sqlite3_file *file)
{
    return (struct shim_file *)file;
}

#define REAL(file) (of(file)->real->pMethods)

static int file_close(sqlite3_file *file)
{
    return REAL(file)->xClose(of(file)->real);
}

static int file_read(sqlite3_file *file, void *to, int amount, sqlite3_int64 offset)
{
    int rc;

    if (!fails(of(file)->wal ? IO_READ_LOG : IO_READ, of(file)->wal))
        return REAL(file)->xRead(of(file)->real, to, amount, offset);
    if (shim.way != FAIL_SHORT)
        return SQLITE_IOERR_READ;
    rc = REAL(file)->xRead(of(file)->real, to, amount, offset);
    if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
        return rc;
    memset((char *)to + amount / 2, 0, (size_t)(amount - amount / 2));
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *from, int amount, sqlite3_int64 offset)
{
    if (!fails(IO_WRITE, of(file)->wal))
        return REAL(file)->xWrite(of(file)->real, from, amount, offset);
    if (shim.way == FAIL_IO)
        return SQLITE_IOERR_WRITE;
    if (shim.way == FAIL_SHORT && amount > 1)
        (void)REAL(file)->xWrite(of(file)->real, from, amount / 2, offset);
    return SQLITE_FULL;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (fails(IO_TRUNCATE, of(file)->wal))
        return SQLITE_IOERR_TRUNCATE;
    return REAL(file)->xTruncate(of(file)->real, size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    if (fails(IO_SYNC, of(file)->wal))
        return SQLITE_IOERR_FSYNC;
    return REAL(file)->xSync(of(file)->real, flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    if (fails(IO_SIZE, of(file)->wal))
        return SQLITE_IOERR_FSTAT;
    return REAL(file)->xFileSize(of(file)->real, size);
}

static int file_lock(sqlite3_file *file, int level)
{
    if (fails(IO_LOCK, of(file)->wal))
        return shim.way == FAIL_IO ? SQLITE_IOERR_LOCK : SQLITE_BUSY;
    return REAL(file)->xLock(of(file)->real, level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    if (fails(IO_UNLOCK, of(file)->wal)) {
        (void)REAL(file)->xUnlock(of(file)->real, level);
        return SQLITE_IOERR_UNLOCK;
    }
    return REAL(file)->xUnlock(of(file)->real, level);
}

static int file_is_reserved(sqlite3_file *file, int *out)
{
    return REAL(file)->xCheckReservedLock(of(file)->real, out);
}

static int file_control(sqlite3_file *file, int what, void *value)
{
    return REAL(file)->xFileControl(of(file)->real, what, value);
}

static int file_sector_size(sqlite3_file *file)
{
    return REAL(file)->xSectorSize(of(file)->real);
}

static int file_characteristics(sqlite3_file *file)
{
    return REAL(file)->xDeviceCharacteristics(of(file)->real);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1, /* no shared memory: the store keeps its lock */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

/* ---- the directory --------------------------------------------------------------------------- */

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                    int *out_flags)
{
    struct shim_file *f = of(file);
    int rc;

    (void)vfs;
    memset(f, 0, sizeof *f);
    if (fails(IO_OPEN, false))
        return shim.way == FAIL_FULL ? SQLITE_FULL : SQLITE_CANTOPEN;
    f->real = (sqlite3_file *)(f + 1);
    f->wal = (flags & SQLITE_OPEN_WAL) != 0;
    rc = shim.real->xOpen(shim.real, name, f->real, flags, out_flags);
    if (f->real->pMethods != NULL)
        f->base.pMethods = &methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    (void)vfs;
    if (fails(IO_DELETE, false))
        return SQLITE_IOERR_DELETE;
    return shim.real->xDelete(shim.real, name, sync_dir);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    if (fails(IO_ACCESS, false))
        return SQLITE_IOERR_ACCESS;
    return shim.real->xAccess(shim.real, name, flags, out);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int room, char *out)
{
    (void)vfs;
    return shim.real->xFullPathname(shim.real, name, room, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    return shim.real->xRandomness(shim.real, len, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us; /* who waits for a lock does not get it sooner */
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
    (void)vfs;
    return shim.real->xCurrentTime(shim.real, out);
}

static int vfs_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    (void)vfs;
    return shim.real->xCurrentTimeInt64(shim.real, out);
}

static int vfs_error(sqlite3_vfs *vfs, int room, char *out)
{
    (void)vfs;
    return shim.real->xGetLastError(shim.real, room, out);
}

void shim_register(const char *name, const char *base, bool for_all)
{
    shim.real = sqlite3_vfs_find(base);
    if (shim.real == NULL)
        abort();
    shim.vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct shim_file) + shim.real->szOsFile,
        .mxPathname = shim.real->mxPathname,
        .zName = name,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_error,
        .xCurrentTimeInt64 = vfs_time_ms,
    };
    if (sqlite3_vfs_register(&shim.vfs, for_all) != SQLITE_OK)
        abort();
}
