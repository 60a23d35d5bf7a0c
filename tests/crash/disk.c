/* The VFS, and the recording of what it does. See disk.h. */
#include "disk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

struct handle;

struct node { /* a file that has a name, or is open */
    struct content content;
    uint32_t file; /* its number on the tape */
    uint32_t open, readers;
    struct handle *writer; /* has more than a shared lock */
    bool named;
    bool owed;        /* a sync of it was answered, and has not happened */
    bool owed_dir;    /* ... and one of the directory */
    bool only_header; /* nothing but a WAL's header was written since the last sync */
};

struct place {
    char name[DISK_NAME_MAX];
    struct node *node;
};

struct disk {
    sqlite3_vfs vfs;
    pthread_mutex_t lock;
    enum disk_faith faith;
    struct place places[32];
    size_t places_n;
    bool recording;
    uint32_t files_n;
    struct tape tape;
    uint64_t random;
};

struct handle {
    sqlite3_file base;
    struct disk *disk;
    struct node *node;
    bool wal, main;
    bool sync_dir; /* at its first sync */
    int persist_wal;
    int level;
};

/* ---- the tape -------------------------------------------------------------------------------- */

static void tape_put(struct disk *d, struct tape_op op, const void *bytes)
{
    struct tape *t = &d->tape;

    if (!d->recording || (op.kind != TAPE_MARK && op.file == UINT32_MAX))
        return;
    if (t->ops_n == t->ops_room) {
        t->ops_room = 2 * t->ops_room + 1024;
        t->ops = must(realloc(t->ops, t->ops_room * sizeof *t->ops));
    }
    op.bytes = t->bytes.len;
    content_set(&t->bytes, op.bytes, bytes, op.len);
    t->ops[t->ops_n++] = op;
}

static void tape_name(struct disk *d, int kind, const struct place *place)
{
    tape_put(d,
             (struct tape_op){
                 .kind = kind, .file = place->node->file, .len = (uint32_t)strlen(place->name) + 1},
             place->name);
}

/* What was promised and not done is done now. */
static void pay(struct disk *d)
{
    for (size_t i = 0; i < d->places_n; i++) {
        struct node *n = d->places[i].node;

        if (n->owed)
            tape_put(d, (struct tape_op){.kind = TAPE_SYNC, .file = n->file}, NULL);
        if (n->owed_dir)
            tape_put(d, (struct tape_op){.kind = TAPE_SYNC_DIR}, NULL);
        n->owed = n->owed_dir = false;
    }
}

static void before_change(const struct handle *h)
{
    if (h->disk->faith == DISK_EARLY || (h->disk->faith == DISK_NORMAL && h->main))
        pay(h->disk);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static struct place *find(struct disk *d, const char *name)
{
    for (size_t i = 0; i < d->places_n; i++) {
        if (strcmp(d->places[i].name, name) == 0)
            return &d->places[i];
    }
    return NULL;
}

static struct node *node_new(struct disk *d)
{
    struct node *n = must(calloc(1, sizeof *n));

    n->file = d->files_n++;
    return n;
}

static void node_drop(struct node *n)
{
    if (n->named || n->open > 0)
        return;
    free(n->content.bytes);
    free(n);
}

static struct place *place_new(struct disk *d, const char *name, struct node *node)
{
    struct place *p;

    if (d->places_n == sizeof d->places / sizeof d->places[0])
        must(NULL);
    p = &d->places[d->places_n++];
    strcpy(p->name, name);
    p->node = node;
    node->named = true;
    return p;
}

static void place_drop(struct disk *d, struct place *p)
{
    struct node *n = p->node;

    *p = d->places[--d->places_n];
    n->named = false;
    node_drop(n);
}

/* ---- a file ---------------------------------------------------------------------------------- */

static struct handle *enter(sqlite3_file *file)
{
    struct handle *h = (struct handle *)file;

    (void)pthread_mutex_lock(&h->disk->lock);
    return h;
}

static int leave(const struct handle *h, int result)
{
    (void)pthread_mutex_unlock(&h->disk->lock);
    return result;
}

static void unlock_to(struct handle *h, int level)
{
    struct node *n = h->node;

    if (level <= SQLITE_LOCK_SHARED && n->writer == h)
        n->writer = NULL;
    if (level == SQLITE_LOCK_NONE && h->level >= SQLITE_LOCK_SHARED)
        n->readers--;
    if (level < h->level)
        h->level = level;
}

static int file_close(sqlite3_file *file)
{
    struct handle *h = enter(file);

    unlock_to(h, SQLITE_LOCK_NONE);
    h->node->open--;
    node_drop(h->node);
    return leave(h, SQLITE_OK);
}

static int file_read(sqlite3_file *file, void *to, int amount, sqlite3_int64 offset)
{
    struct handle *h = enter(file);
    const struct content *c = &h->node->content;
    size_t at = (size_t)offset, want = (size_t)amount, have;

    have = at >= c->len ? 0 : c->len - at;
    have = have < want ? have : want;
    if (have > 0)
        memcpy(to, c->bytes + at, have);
    if (have < want)
        memset((uint8_t *)to + have, 0, want - have);
    return leave(h, have < want ? SQLITE_IOERR_SHORT_READ : SQLITE_OK);
}

static int file_write(sqlite3_file *file, const void *from, int amount, sqlite3_int64 offset)
{
    struct handle *h = enter(file);

    before_change(h);
    h->node->only_header = h->wal && offset == 0;
    content_set(&h->node->content, (size_t)offset, from, (size_t)amount);
    tape_put(h->disk,
             (struct tape_op){
                 .kind = TAPE_WRITE, .file = h->node->file, .len = (uint32_t)amount, .at = offset},
             from);
    return leave(h, SQLITE_OK);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct handle *h = enter(file);

    before_change(h);
    content_size(&h->node->content, (size_t)size);
    tape_put(h->disk, (struct tape_op){.kind = TAPE_TRUNCATE, .file = h->node->file, .at = size},
             NULL);
    return leave(h, SQLITE_OK);
}

static void sync_now(struct handle *h)
{
    struct disk *d = h->disk;

    tape_put(d, (struct tape_op){.kind = TAPE_SYNC, .file = h->node->file}, NULL);
    if (h->sync_dir && d->faith != DISK_SHY)
        tape_put(d, (struct tape_op){.kind = TAPE_SYNC_DIR}, NULL);
    h->sync_dir = false;
}

static int file_sync(sqlite3_file *file, int flags)
{
    struct handle *h = enter(file);

    (void)flags; /* what a data sync leaves out, times and modes, is not kept here */
    if (h->disk->faith == DISK_EARLY ||
        (h->disk->faith == DISK_NORMAL && h->wal && !h->node->only_header)) {
        if (h->disk->faith == DISK_EARLY)
            pay(h->disk);
        h->node->owed = true;
        h->node->owed_dir = h->node->owed_dir || h->sync_dir;
        h->sync_dir = false;
    } else if (h->disk->faith != DISK_OFF) {
        sync_now(h);
    }
    return leave(h, SQLITE_OK);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct handle *h = enter(file);

    *size = (sqlite3_int64)h->node->content.len;
    return leave(h, SQLITE_OK);
}

static int file_lock(sqlite3_file *file, int level)
{
    struct handle *h = enter(file);
    struct node *n = h->node;

    if (level <= h->level)
        return leave(h, SQLITE_OK);
    if (n->writer != NULL && n->writer != h &&
        (level > SQLITE_LOCK_SHARED || n->writer->level > SQLITE_LOCK_RESERVED))
        return leave(h, SQLITE_BUSY);
    if (level == SQLITE_LOCK_SHARED) {
        n->readers++;
        h->level = level;
        return leave(h, SQLITE_OK);
    }
    n->writer = h;
    if (level == SQLITE_LOCK_EXCLUSIVE && n->readers > 1) {
        h->level = SQLITE_LOCK_PENDING;
        return leave(h, SQLITE_BUSY);
    }
    h->level = level;
    return leave(h, SQLITE_OK);
}

static int file_unlock(sqlite3_file *file, int level)
{
    struct handle *h = enter(file);

    unlock_to(h, level);
    return leave(h, SQLITE_OK);
}

static int file_is_reserved(sqlite3_file *file, int *out)
{
    struct handle *h = enter(file);

    *out = h->node->writer != NULL;
    return leave(h, SQLITE_OK);
}

static int file_control(sqlite3_file *file, int what, void *value)
{
    struct handle *h = enter(file);
    int r = SQLITE_OK;

    switch (what) {
    case SQLITE_FCNTL_HAS_MOVED:
        *(int *)value = !h->node->named;
        break;
    case SQLITE_FCNTL_PERSIST_WAL:
        if (*(int *)value >= 0)
            h->persist_wal = *(int *)value;
        *(int *)value = h->persist_wal;
        break;
    case SQLITE_FCNTL_POWERSAFE_OVERWRITE:
        *(int *)value = 1;
        break;
    case SQLITE_FCNTL_LOCKSTATE:
        *(int *)value = h->level;
        break;
    case SQLITE_FCNTL_SIZE_HINT:
        break;
    default:
        r = SQLITE_NOTFOUND;
    }
    return leave(h, r);
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
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
    struct disk *d = vfs->pAppData;
    struct handle *h = (struct handle *)file;
    struct place *p;

    *h = (struct handle){.disk = d};
    if (name != NULL && strlen(name) >= DISK_NAME_MAX)
        return SQLITE_CANTOPEN;
    (void)pthread_mutex_lock(&d->lock);
    p = name == NULL ? NULL : find(d, name);
    if (p != NULL && (flags & SQLITE_OPEN_EXCLUSIVE) != 0 && (flags & SQLITE_OPEN_CREATE) != 0)
        return leave(h, SQLITE_CANTOPEN);
    if (name != NULL && p == NULL && (flags & SQLITE_OPEN_CREATE) == 0)
        return leave(h, SQLITE_CANTOPEN);
    if (p != NULL) {
        h->node = p->node;
    } else if (name == NULL) { /* a temporary one: no crash can show it */
        h->node = must(calloc(1, sizeof *h->node));
        h->node->file = UINT32_MAX;
    } else {
        h->node = node_new(d);
        tape_name(d, TAPE_CREATE, place_new(d, name, h->node));
    }
    h->node->open++;
    h->wal = (flags & SQLITE_OPEN_WAL) != 0;
    h->main = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    h->sync_dir =
        (flags & SQLITE_OPEN_CREATE) != 0 &&
        (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL)) != 0;
    h->base.pMethods = &methods;
    if (out_flags != NULL)
        *out_flags = flags;
    return leave(h, SQLITE_OK);
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    struct disk *d = vfs->pAppData;
    struct place *p;

    (void)pthread_mutex_lock(&d->lock);
    p = find(d, name);
    if (p != NULL) {
        if (d->faith == DISK_EARLY || d->faith == DISK_NORMAL)
            pay(d);
        tape_name(d, TAPE_DELETE, p);
        place_drop(d, p);
        if (sync_dir != 0 && d->faith != DISK_OFF)
            tape_put(d, (struct tape_op){.kind = TAPE_SYNC_DIR}, NULL);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return p == NULL ? SQLITE_IOERR_DELETE_NOENT : SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    struct disk *d = vfs->pAppData;
    const struct place *p;

    (void)pthread_mutex_lock(&d->lock);
    p = find(d, name);
    /* As on Unix: of an empty file nobody asks what it may be. */
    *out = p != NULL && (flags != SQLITE_ACCESS_EXISTS || p->node->content.len > 0);
    (void)pthread_mutex_unlock(&d->lock);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int room, char *out)
{
    (void)vfs;
    if (strlen(name) + 1 > (size_t)room)
        return SQLITE_CANTOPEN;
    strcpy(out, name);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out)
{
    struct disk *d = vfs->pAppData;

    (void)pthread_mutex_lock(&d->lock);
    for (int i = 0; i < len; i++) {
        d->random = d->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = (char)(d->random >> 56);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int vfs_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    (void)vfs;
    *out = INT64_C(212365584000000); /* some day */
    return SQLITE_OK;
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
    sqlite3_int64 ms;

    (void)vfs_time_ms(vfs, &ms);
    *out = (double)ms / 86400000.0;
    return SQLITE_OK;
}

static int vfs_error(sqlite3_vfs *vfs, int room, char *out)
{
    (void)vfs;
    if (room > 0)
        *out = '\0';
    return 0;
}

/* ---- a disk ---------------------------------------------------------------------------------- */

struct disk *disk_new(const char *vfs, enum disk_faith faith)
{
    struct disk *d = must(calloc(1, sizeof *d));

    d->faith = faith;
    (void)pthread_mutex_init(&d->lock, NULL);
    d->vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct handle),
        .mxPathname = DISK_NAME_MAX - 16,
        .zName = vfs,
        .pAppData = d,
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
    if (sqlite3_vfs_register(&d->vfs, 0) != SQLITE_OK)
        must(NULL);
    return d;
}

static void empty(struct disk *d)
{
    while (d->places_n > 0)
        place_drop(d, &d->places[0]);
    d->files_n = 0;
}

void disk_free(struct disk *d)
{
    (void)sqlite3_vfs_unregister(&d->vfs);
    empty(d);
    tape_free(&d->tape);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
}

void disk_load(struct disk *d, struct image *image)
{
    (void)pthread_mutex_lock(&d->lock);
    empty(d);
    for (uint32_t i = 0; i < image->entries_n; i++) {
        struct content *content = &image->files[image->entries[i].file];
        struct node *n = node_new(d);

        n->file = image->entries[i].file;
        n->content = *content;
        *content = (struct content){0};
        (void)place_new(d, image->entries[i].name, n);
    }
    d->files_n = image->files_n;
    (void)pthread_mutex_unlock(&d->lock);
    image_free(image);
}

static void look(const struct disk *d, struct image *out)
{
    *out = (struct image){0};
    for (size_t i = 0; i < d->places_n; i++) {
        const struct node *n = d->places[i].node;

        content_set(image_file(out, n->file), 0, n->content.bytes, n->content.len);
        image_name(out, d->places[i].name, n->file);
    }
}

void disk_look(struct disk *d, struct image *out)
{
    (void)pthread_mutex_lock(&d->lock);
    look(d, out);
    (void)pthread_mutex_unlock(&d->lock);
}

void disk_record(struct disk *d)
{
    (void)pthread_mutex_lock(&d->lock);
    tape_free(&d->tape);
    look(d, &d->tape.start);
    d->recording = true;
    (void)pthread_mutex_unlock(&d->lock);
}

void disk_stop(struct disk *d, struct tape *out)
{
    (void)pthread_mutex_lock(&d->lock);
    d->recording = false;
    *out = d->tape;
    d->tape = (struct tape){0};
    (void)pthread_mutex_unlock(&d->lock);
}

void disk_mark(struct disk *d, uint32_t kind, int64_t number)
{
    (void)pthread_mutex_lock(&d->lock);
    tape_put(d, (struct tape_op){.kind = TAPE_MARK, .file = kind, .at = number}, NULL);
    (void)pthread_mutex_unlock(&d->lock);
}
