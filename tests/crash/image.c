/* Images and tapes: plain data. See disk.h. */
#include "disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return p;
}

/* ---- contents -------------------------------------------------------------------------------- */

void content_size(struct content *content, size_t len)
{
    if (len > content->room) {
        content->room = len > 2 * content->room ? len : 2 * content->room;
        content->bytes = must(realloc(content->bytes, content->room));
    }
    if (len > content->len)
        memset(content->bytes + content->len, 0, len - content->len);
    content->len = len;
}

void content_set(struct content *content, size_t at, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    if (at + len > content->len)
        content_size(content, at + len);
    memcpy(content->bytes + at, bytes, len);
}

/* ---- images ---------------------------------------------------------------------------------- */

void image_free(struct image *image)
{
    for (uint32_t i = 0; i < image->files_n; i++)
        free(image->files[i].bytes);
    free(image->files);
    free(image->entries);
    *image = (struct image){0};
}

struct content *image_file(struct image *image, uint32_t file)
{
    while (image->files_n <= file) {
        if (image->files_n == image->files_room) {
            image->files_room = 2 * image->files_room + 4;
            image->files = must(realloc(image->files, image->files_room * sizeof *image->files));
        }
        image->files[image->files_n++] = (struct content){0};
    }
    return &image->files[file];
}

struct entry *image_find(const struct image *image, const char *name)
{
    for (uint32_t i = 0; i < image->entries_n; i++) {
        if (strcmp(image->entries[i].name, name) == 0)
            return &image->entries[i];
    }
    return NULL;
}

void image_name(struct image *image, const char *name, uint32_t file)
{
    struct entry *entry = image_find(image, name);

    if (entry == NULL) {
        if (image->entries_n == image->entries_room) {
            image->entries_room = 2 * image->entries_room + 4;
            image->entries =
                must(realloc(image->entries, image->entries_room * sizeof *image->entries));
        }
        entry = &image->entries[image->entries_n++];
        (void)snprintf(entry->name, sizeof entry->name, "%s", name);
    }
    entry->file = file;
}

void image_unname(struct image *image, const char *name)
{
    struct entry *entry = image_find(image, name);

    if (entry != NULL)
        *entry = image->entries[--image->entries_n];
}

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}

uint64_t hash_bytes(uint64_t h, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint64_t a = mix(h, len), b = ~h, word[2];

    for (; len >= sizeof word; len -= sizeof word) {
        memcpy(word, bytes, sizeof word);
        a = mix(a, word[0]);
        b = mix(b, word[1]);
        bytes += sizeof word;
    }
    word[0] = word[1] = 0;
    if (len > 0)
        memcpy(word, bytes, len);
    return mix(mix(mix(a, word[0]), word[1]), b);
}

/* Names in any order give the same sum. */
uint64_t image_hash(const struct image *image)
{
    uint64_t sum = image->entries_n;

    for (uint32_t i = 0; i < image->entries_n; i++) {
        const struct entry *entry = &image->entries[i];
        const struct content *content = &image->files[entry->file];

        sum += hash_bytes(hash_bytes(1, entry->name, strlen(entry->name)), content->bytes,
                          content->len);
    }
    return sum;
}

void image_dump(const struct image *image, const char *directory)
{
    char path[512];

    for (uint32_t i = 0; i < image->entries_n; i++) {
        const char *name = image->entries[i].name, *slash = strrchr(name, '/');
        const struct content *content = &image->files[image->entries[i].file];
        FILE *f;

        (void)snprintf(path, sizeof path, "%s/%s", directory, slash == NULL ? name : slash + 1);
        f = fopen(path, "wb");
        if (f == NULL || fwrite(content->bytes, 1, content->len, f) != content->len)
            fprintf(stderr, "cannot write %s\n", path);
        if (f != NULL)
            (void)fclose(f);
    }
}

/* ---- tapes ----------------------------------------------------------------------------------- */

void tape_free(struct tape *tape)
{
    image_free(&tape->start);
    free(tape->ops);
    free(tape->bytes.bytes);
    *tape = (struct tape){0};
}

const uint8_t *tape_bytes(const struct tape *tape, const struct tape_op *op)
{
    return tape->bytes.bytes + op->bytes;
}
