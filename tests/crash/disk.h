/* A disk in memory, as SQLite sees one: a VFS that keeps a tape of all that reaches it.
 *
 * What a power cut may leave behind is decided afterwards, from the tape (states.h): nothing has to
 * be run again for it. The VFS does what SQLite's own does on Unix, the syncing of directories
 * included, and promises what that promises: a write leaves the bytes beside it alone. It has no
 * shared memory, so WAL needs locking_mode=EXCLUSIVE. Any thread may use it. */
#ifndef USHER_CRASH_DISK_H
#define USHER_CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISK_NAME_MAX = 64 };

struct content {
    uint8_t *bytes;
    size_t len, room;
};

struct entry {
    char name[DISK_NAME_MAX];
    uint32_t file;
};

/* What a disk holds: files by number, and the one directory that gives some of them names. */
struct image {
    struct content *files;
    struct entry *entries;
    uint32_t files_n, files_room, entries_n, entries_room;
};
void image_free(struct image *image);
/* A number for its names and their contents. */
uint64_t image_hash(const struct image *image);
struct entry *image_find(const struct image *image, const char *name); /* NULL: there is none */
void image_name(struct image *image, const char *name, uint32_t file);
void image_unname(struct image *image, const char *name);
struct content *image_file(struct image *image, uint32_t file); /* makes room for it */
void content_set(struct content *content, size_t at, const void *bytes, size_t len);
void content_size(struct content *content, size_t len);
/* Writes its files into a directory of the machine's, to be looked at. */
void image_dump(const struct image *image, const char *directory);

enum {
    TAPE_CREATE = 1,
    TAPE_WRITE,
    TAPE_TRUNCATE,
    TAPE_SYNC,
    TAPE_SYNC_DIR,
    TAPE_DELETE,
    TAPE_MARK
};
struct tape_op {
    int kind;
    uint32_t file; /* MARK: its kind */
    uint32_t len;  /* of the bytes: WRITE; CREATE, DELETE: a name and its NUL */
    int64_t at;    /* WRITE: offset. TRUNCATE: new length. MARK: its number */
    size_t bytes;  /* where they are on the tape */
};
struct tape {
    struct image start; /* all of it durable */
    struct tape_op *ops;
    size_t ops_n, ops_room;
    struct content bytes;
};
void tape_free(struct tape *tape);
const uint8_t *tape_bytes(const struct tape *tape, const struct tape_op *op);

/* How the disk keeps its word. All but the first are ways to break a store without touching it. */
enum disk_faith {
    DISK_HONEST,
    DISK_OFF,    /* syncs nothing, as synchronous=OFF */
    DISK_NORMAL, /* syncs a WAL only before it is written back, as synchronous=NORMAL */
    DISK_EARLY,  /* a sync returns at once and happens before the next operation */
    DISK_SHY     /* the first sync of a journal does not sync its directory */
};

struct disk;

struct disk *disk_new(const char *vfs, enum disk_faith faith);
void disk_free(struct disk *disk);
/* Takes it, with the numbers of its files; no file may be open. */
void disk_load(struct disk *disk, struct image *image);
void disk_look(struct disk *disk, struct image *out); /* a copy of what it holds */
void disk_record(struct disk *disk);
void disk_stop(struct disk *disk, struct tape *out);
void disk_mark(struct disk *disk, uint32_t kind, int64_t number);

void *must(void *p); /* not NULL; or the program ends */
uint64_t hash_bytes(uint64_t h, const void *data, size_t len);

#endif
