/* See fuzz.h. */
#define _GNU_SOURCE /* memfd_create() */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_broken(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
    abort();
}

uint8_t take_byte(struct bytes *b)
{
    return b->at < b->end ? *b->at++ : 0;
}

uint64_t take_number(struct bytes *b, unsigned len)
{
    uint64_t n = 0;

    while (len-- > 0)
        n = n << 8 | take_byte(b);
    return n;
}

uint32_t take_below(struct bytes *b, uint32_t n)
{
    return (uint32_t)take_number(b, n <= 256 ? 1 : 2) % n;
}

const char *fuzz_file(const uint8_t *data, size_t len)
{
    static char path[40];
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    MUST(fd >= 0 && ftruncate(fd, 0) == 0);
    MUST(len == 0 || pwrite(fd, data, len, 0) == (ssize_t)len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

const void *fuzz_zone(const char *name, size_t *len)
{
    static struct {
        char name[40];
        char *bytes;
        size_t len;
    } known[8];
    char path[100];
    FILE *file;

    for (size_t i = 0; i < 8; i++) {
        if (known[i].name[0] != '\0' && strcmp(known[i].name, name) != 0)
            continue;
        if (known[i].name[0] == '\0') {
            MUST(strlen(name) < sizeof known[i].name);
            strcpy(known[i].name, name);
            snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
            file = fopen(path, "rb");
            if (file != NULL) {
                known[i].bytes = malloc(65536);
                MUST(known[i].bytes != NULL);
                known[i].len = fread(known[i].bytes, 1, 65536, file);
                fclose(file);
            }
        }
        *len = known[i].len;
        return known[i].bytes;
    }
    return NULL;
}
