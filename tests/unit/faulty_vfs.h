/* A VFS of SQLite's that fails when it is told to, on top of the one that the system has. */
#ifndef USHER_UNIT_FAULTY_VFS_H
#define USHER_UNIT_FAULTY_VFS_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum { FAULTY_READ = 1, FAULTY_WRITE = 2, FAULTY_SYNC = 4, FAULTY_TRUNCATE = 8, FAULTY_OPEN = 16 };

/* Set by the test, read by the store's thread. */
static struct {
    atomic_int on;    /* FAULTY_*: what is to fail */
    atomic_int files; /* of which: SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_WAL ...; 0 = all */
    atomic_int rc;    /* with what */
    atomic_int skip;  /* so many times not yet */
    atomic_int times; /* and then so often; INT_MAX: for ever */
    atomic_int hit;   /* it has, so often */
    atomic_int ops;   /* seen of that kind */
    sqlite3_vfs vfs;
    sqlite3_io_methods methods;
    sqlite3_vfs *real;
} faulty;

struct faulty_file {
    sqlite3_file base;
    int flags;
    sqlite3_file real[];
};

static int faulty_now(int op, int flags)
{
    int files = atomic_load(&faulty.files);

    if ((atomic_load(&faulty.on) & op) == 0 || (files != 0 && (files & flags) == 0))
        return SQLITE_OK;
    if (atomic_fetch_add(&faulty.ops, 1) < atomic_load(&faulty.skip) ||
        atomic_load(&faulty.hit) >= atomic_load(&faulty.times))
        return SQLITE_OK;
    (void)atomic_fetch_add(&faulty.hit, 1);
    return atomic_load(&faulty.rc);
}

static inline void faulty_set(int on, int files, int rc, int skip, int times)
{
    atomic_store(&faulty.on, 0);
    atomic_store(&faulty.files, files);
    atomic_store(&faulty.rc, rc);
    atomic_store(&faulty.skip, skip);
    atomic_store(&faulty.times, times);
    atomic_store(&faulty.hit, 0);
    atomic_store(&faulty.ops, 0);
    atomic_store(&faulty.on, on);
}

#define FAULTY_FILE(f)              ((struct faulty_file *)(void *)(f))
#define FAULTY_REAL(f)              (FAULTY_FILE(f)->real)
#define FAULTY_CALL(f, method, ...) (FAULTY_REAL(f)->pMethods->method(FAULTY_REAL(f), __VA_ARGS__))

static int faulty_close(sqlite3_file *f)
{
    return FAULTY_REAL(f)->pMethods->xClose(FAULTY_REAL(f));
}

static int faulty_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    int rc = faulty_now(FAULTY_READ, FAULTY_FILE(f)->flags);

    return rc != SQLITE_OK ? rc : FAULTY_CALL(f, xRead, to, n, at);
}

/* A write that fails has written half. */
static int faulty_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    int rc = faulty_now(FAULTY_WRITE, FAULTY_FILE(f)->flags);

    if (rc != SQLITE_OK)
        (void)FAULTY_CALL(f, xWrite, from, n / 2, at);
    return rc != SQLITE_OK ? rc : FAULTY_CALL(f, xWrite, from, n, at);
}

static int faulty_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    int rc = faulty_now(FAULTY_TRUNCATE, FAULTY_FILE(f)->flags);

    return rc != SQLITE_OK ? rc : FAULTY_CALL(f, xTruncate, n);
}

static int faulty_sync(sqlite3_file *f, int flags)
{
    int rc = faulty_now(FAULTY_SYNC, FAULTY_FILE(f)->flags);

    return rc != SQLITE_OK ? rc : FAULTY_CALL(f, xSync, flags);
}

static int faulty_size(sqlite3_file *f, sqlite3_int64 *n)
{
    return FAULTY_CALL(f, xFileSize, n);
}

static int faulty_lock(sqlite3_file *f, int lock)
{
    return FAULTY_CALL(f, xLock, lock);
}

static int faulty_unlock(sqlite3_file *f, int lock)
{
    return FAULTY_CALL(f, xUnlock, lock);
}

static int faulty_check_lock(sqlite3_file *f, int *out)
{
    return FAULTY_CALL(f, xCheckReservedLock, out);
}

static int faulty_control(sqlite3_file *f, int op, void *arg)
{
    return FAULTY_CALL(f, xFileControl, op, arg);
}

static int faulty_sector(sqlite3_file *f)
{
    return FAULTY_REAL(f)->pMethods->xSectorSize(FAULTY_REAL(f));
}

static int faulty_device(sqlite3_file *f)
{
    return FAULTY_REAL(f)->pMethods->xDeviceCharacteristics(FAULTY_REAL(f));
}

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    int rc = faulty_now(FAULTY_OPEN, flags);

    (void)vfs;
    f->pMethods = NULL;
    FAULTY_FILE(f)->flags = flags;
    memset(FAULTY_REAL(f), 0, (size_t)faulty.real->szOsFile);
    if (rc == SQLITE_OK)
        rc = faulty.real->xOpen(faulty.real, name, FAULTY_REAL(f), flags, out);
    if (FAULTY_REAL(f)->pMethods != NULL)
        f->pMethods = &faulty.methods;
    return rc;
}

/* version 1 of the methods: no shared memory, which an EXCLUSIVE store does without. */
static inline void faulty_register(void)
{
    if (faulty.real != NULL)
        return;
    faulty.real = sqlite3_vfs_find(NULL);
    faulty.vfs = *faulty.real;
    faulty.vfs.zName = "faulty";
    faulty.vfs.szOsFile = (int)sizeof(struct faulty_file) + faulty.real->szOsFile;
    faulty.vfs.xOpen = faulty_open;
    faulty.methods = (sqlite3_io_methods){1,
                                          faulty_close,
                                          faulty_read,
                                          faulty_write,
                                          faulty_truncate,
                                          faulty_sync,
                                          faulty_size,
                                          faulty_lock,
                                          faulty_unlock,
                                          faulty_check_lock,
                                          faulty_control,
                                          faulty_sector,
                                          faulty_device,
                                          NULL,
                                          NULL,
                                          NULL,
                                          NULL,
                                          NULL,
                                          NULL};
    (void)sqlite3_vfs_register(&faulty.vfs, 0);
}

#endif
