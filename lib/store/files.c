/* The file and what lies beside it, before SQLite sees any of them.
 *
 *   PATH          made by us, 0600 whatever the umask; SQLite gives PATH-wal and PATH-shm its mode
 *   PATH-lock     held with flock() while a service has the file open; stays when it closes
 *   PATH-reserve  room to go on with for a while when the disk is full
 *
 * An existing database is only ever looked at with lstat(). To open and close it would drop the
 * locks that SQLite holds on it anywhere in this process: POSIX locks belong to a process and a
 * file, not to a descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/inside.h"

enum { RESERVE_LEN = 4 << 20, LOCK_TRIES = 16, HOLD_AGAIN = 1 };

void usher__files_errno(int number, char out[STORE_TEXT_LEN])
{
    out[0] = '\0';
    (void)strerror_r(number, out, STORE_TEXT_LEN);
}

static int say_errno(struct store *s, const char *name, const char *doing)
{
    int was = errno;
    char text[STORE_TEXT_LEN];

    usher__files_errno(was, text);
    return usher__store_say(s, was == ENOMEM ? USHER_ENOMEM : USHER_ESTORE, "%s %s: %s", doing,
                            name, text);
}

void usher__files_beside(const char *path, const char *suffix, char out[STORE_NAME_LEN])
{
    snprintf(out, STORE_NAME_LEN, "%.*s%s", STORE_PATH_LEN - 1, path, suffix);
}

void usher__files_uri(const char *path, const char *query, char out[STORE_URI_LEN])
{
    static const char hex[] = "0123456789abcdef";

    strcpy(out, "file:");
    out += strlen(out);
    for (; *path != '\0'; path++) {
        unsigned char c = (unsigned char)*path;

        if (c == '%' || c == '?' || c == '#') {
            *out++ = '%';
            *out++ = hex[c >> 4];
            c = (unsigned char)hex[c & 15];
        }
        *out++ = (char)c;
    }
    strcpy(out, query);
}

/* 0: it is not there; 1: it is, and is fit for use. */
static int look(struct store *s, const char *name, struct stat *st)
{
    const char *wrong = NULL;

    if (lstat(name, st) != 0)
        return errno == ENOENT ? 0 : say_errno(s, name, "cannot look at");
    if (S_ISLNK(st->st_mode))
        wrong = "is a symbolic link";
    else if (!S_ISREG(st->st_mode))
        wrong = "is not a regular file";
    else if (st->st_nlink > 1)
        wrong = "has a second name (a hard link)";
    else if (st->st_uid != geteuid())
        wrong = "belongs to another user";
    else if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        wrong = "can be written by other users";
    if (wrong != NULL)
        return usher__store_say(s, USHER_ESTORE, "%s %s", name, wrong);
    return 1;
}

/* In a directory that all may write to, without the sticky bit, anybody can put another file in the
 * place of ours. */
static int check_directory(struct store *s, const char *name)
{
    struct stat st;

    if (stat(name, &st) != 0)
        return say_errno(s, name, "cannot look at");
    if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
        return usher__store_say(s, USHER_ESTORE, "everybody may write to the directory %s", name);
    return 0;
}

int usher__files_resolve(struct store *s, const char *path, char out[STORE_PATH_LEN])
{
    char directory[PATH_MAX], resolved[PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    size_t len = slash != NULL ? (size_t)(slash - path) : 0;
    int n, err;

    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return usher__store_say(s, USHER_EINVAL, "the path does not name a file");
    if (len >= sizeof directory)
        return usher__store_say(s, USHER_ELIMIT, "the path is too long");
    memcpy(directory, path, len);
    directory[len] = '\0';
    if (realpath(slash == NULL ? "." : len == 0 ? "/" : directory, resolved) == NULL)
        return say_errno(s, slash == NULL ? "." : directory, "cannot find the directory");
    err = check_directory(s, resolved);
    if (err != 0)
        return err;
    n = snprintf(out, STORE_PATH_LEN, "%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved, name);
    if (n < 0 || n >= STORE_PATH_LEN)
        return usher__store_say(s, USHER_ELIMIT, "the path is longer than SQLite's %d bytes",
                                STORE_PATH_LEN - 1);
    return 0;
}

int usher__files_make(struct store *s, const char *name, int *fd)
{
    int was, err;

    *fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (*fd >= 0 && fchmod(*fd, S_IRUSR | S_IWUSR) == 0)
        return 0;
    was = errno;
    err = say_errno(s, name, "cannot make");
    if (*fd >= 0) {
        (void)close(*fd);
        (void)unlink(name);
    }
    errno = was;
    return err;
}

void usher__files_directory(const char *name, char out[STORE_NAME_LEN])
{
    char *slash;

    usher__files_beside(name, "", out);
    slash = strrchr(out, '/');
    slash[slash == out ? 1 : 0] = '\0';
}

int usher__files_flush(const char *name, int flags)
{
    int fd = open(name, flags | O_CLOEXEC), err;

    err = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        (void)close(fd);
    return err;
}

static int sync_directory(struct store *s, const char *name)
{
    char directory[STORE_NAME_LEN];

    usher__files_directory(name, directory);
    errno = usher__files_flush(directory, O_RDONLY | O_DIRECTORY);
    return errno != 0 ? say_errno(s, directory, "cannot flush the directory") : 0;
}

/* ---- the lock -------------------------------------------------------------------------------- */

static int say_who_has_it(struct store *s, int fd)
{
    char text[24] = "";
    long pid = 0;

    if (pread(fd, text, sizeof text - 1, 0) > 0)
        pid = strtol(text, NULL, 10);
    if (pid == (long)getpid())
        return usher__store_say(s, USHER_EBUSY, "it is open already in this process");
    if (pid > 0)
        return usher__store_say(s, USHER_EBUSY, "it is open in process %ld", pid);
    return usher__store_say(s, USHER_EBUSY, "it is open in another process");
}

/* Held: 0. What was locked may have been removed in the meantime by somebody whose opening failed;
 * only the file that has the name now counts, else HOLD_AGAIN. */
static int hold(struct store *s, const char *name, int fd)
{
    struct stat held, there;
    char text[24];
    int n;

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return say_who_has_it(s, fd);
        if (errno != EINTR)
            return say_errno(s, name, "cannot lock");
    }
    if (fstat(fd, &held) != 0 || lstat(name, &there) != 0 || held.st_dev != there.st_dev ||
        held.st_ino != there.st_ino)
        return HOLD_AGAIN;
    /* For people; a full disk must not be in the way of opening. */
    n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) != n)
        (void)!ftruncate(fd, 0);
    return 0;
}

static int take_lock(struct store *s)
{
    struct files *f = &s->files;
    char name[STORE_NAME_LEN];
    struct stat st;
    int err = HOLD_AGAIN;

    usher__files_beside(f->path, "-lock", name);
    for (int i = 0; i < LOCK_TRIES && err == HOLD_AGAIN; i++) {
        int fd, there = look(s, name, &st);

        if (there < 0)
            return there;
        f->lock_made = there == 0;
        if (there == 0) {
            int made = usher__files_make(s, name, &fd);

            if (made != 0 && errno == EEXIST)
                continue; /* somebody else was quicker */
            if (made != 0)
                return made;
        } else {
            fd = open(name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
            if (fd < 0 && errno == ENOENT)
                continue;
            if (fd < 0)
                return say_errno(s, name, "cannot open");
        }
        err = hold(s, name, fd);
        if (err == 0)
            f->lock = fd;
        else
            (void)close(fd);
    }
    if (err == HOLD_AGAIN)
        return usher__store_say(s, USHER_EBUSY, "others are opening it too");
    return err;
}

/* ---- opening and closing --------------------------------------------------------------------- */

/* What SQLite would take for its own. */
static int check_siblings(struct store *s, bool there)
{
    static const char *const suffixes[] = {"-wal", "-journal", "-shm"};
    char name[STORE_NAME_LEN];
    struct stat st;

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        int is;

        usher__files_beside(s->files.path, suffixes[i], name);
        is = look(s, name, &st);
        if (is < 0)
            return is;
        if (is > 0 && !there && st.st_size > 0)
            return usher__store_say(s, USHER_ESTORE, "%s is there, but its database is not", name);
    }
    return 0;
}

static int make_or_find(struct store *s)
{
    struct files *f = &s->files;
    struct stat st;
    int err, fd, there = look(s, f->path, &st);

    if (there < 0)
        return there;
    err = check_siblings(s, there > 0);
    if (err != 0)
        return err;
    if (there > 0) {
        f->was_empty = st.st_size == 0;
        return 0;
    }
    if (s->o.readonly)
        return usher__store_say(s, USHER_ESTORE, "there is no file %s", f->path);
    err = usher__files_make(s, f->path, &fd);
    if (err != 0)
        return err;
    f->made = true;
    (void)close(fd);
    return sync_directory(s, f->path);
}

int usher__files_open(struct store *s)
{
    struct files *f = &s->files;
    int err;

    f->lock = -1;
    f->named_vfs = s->o.vfs != NULL;
    if (s->o.path == NULL || s->o.path[0] == '\0')
        return usher__store_say(s, USHER_EINVAL, "no path");
    if (f->named_vfs) {
        if (strlen(s->o.path) >= sizeof f->path)
            return usher__store_say(s, USHER_ELIMIT, "the path is too long");
        strcpy(f->path, s->o.path);
        return 0;
    }
    err = usher__files_resolve(s, s->o.path, f->path);
    if (err == 0 && !s->o.readonly)
        err = take_lock(s);
    if (err == 0)
        err = make_or_find(s);
    return err;
}

static void remove_beside(const struct files *f, const char *suffix)
{
    char name[STORE_NAME_LEN];

    usher__files_beside(f->path, suffix, name);
    (void)unlink(name);
}

/* failed: the opening. The lock is let go last, by name first, so that nobody can come between. */
void usher__files_close(struct store *s, bool failed)
{
    struct files *f = &s->files;

    if (f->lock < 0)
        return;
    if (failed && (f->made || (f->was_empty && s->is_new))) {
        remove_beside(f, "-wal");
        remove_beside(f, "-journal");
        remove_beside(f, "-shm");
        if (f->made)
            (void)unlink(f->path);
        else
            (void)!truncate(f->path, 0);
    }
    if (f->reserve)
        remove_beside(f, "-reserve");
    if (failed && f->lock_made)
        remove_beside(f, "-lock");
    (void)flock(f->lock, LOCK_UN); /* a child of this process may have the descriptor too */
    (void)close(f->lock);
    f->lock = -1;
}

/* ---- the reserve ----------------------------------------------------------------------------- */

bool usher__files_reserve(struct store *s)
{
    struct files *f = &s->files;
    char name[STORE_NAME_LEN];
    int fd, err;

    if (f->named_vfs || f->reserve)
        return true;
    usher__files_beside(f->path, "-reserve", name);
    (void)unlink(name); /* of a process that was killed */
    if (usher__files_make(s, name, &fd) != 0)
        return errno != ENOSPC && errno != EDQUOT;
    do
        err = posix_fallocate(fd, 0, RESERVE_LEN);
    while (err == EINTR);
    (void)close(fd);
    f->reserve = err == 0;
    if (err != 0)
        (void)unlink(name);
    return err != ENOSPC && err != EDQUOT;
}

void usher__files_use_reserve(struct store *s)
{
    if (s->files.reserve)
        remove_beside(&s->files, "-reserve");
    s->files.reserve = false;
}

/* ---- the WAL --------------------------------------------------------------------------------- */

void usher__files_wal(struct store *s, bool drop)
{
    char name[STORE_NAME_LEN];
    struct stat st;

    usher__files_beside(s->files.path, "-wal", name);
    if (s->files.named_vfs || lstat(name, &st) != 0)
        return;
    if (!drop)
        s->files.wal = st.st_ino;
    else if (st.st_ino == s->files.wal)
        (void)unlink(name);
}

/* ---- reading what nobody has open ------------------------------------------------------------ */

/* In WAL mode the file itself changes only after there is a WAL, which goes when its last user
 * does. */
bool usher__files_mark(struct store *s, bool again)
{
    struct files *f = &s->files;
    char name[STORE_NAME_LEN];
    struct stat wal, st;

    usher__files_beside(f->path, "-wal", name);
    if (lstat(name, &wal) == 0 || lstat(f->path, &st) != 0)
        return false;
    if (again)
        return st.st_ino == f->mark.st_ino && st.st_size == f->mark.st_size &&
               st.st_mtim.tv_sec == f->mark.st_mtim.tv_sec &&
               st.st_mtim.tv_nsec == f->mark.st_mtim.tv_nsec;
    f->mark = st;
    return true;
}
