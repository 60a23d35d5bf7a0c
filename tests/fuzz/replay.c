/* A target without libFuzzer: tries each file that it is given, and each in the folders that it is given. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static unsigned tried;

static int try_file(const char *path)
{
    size_t room = 4096, len = 0, got;
    uint8_t *bytes = malloc(room);
    FILE *file = fopen(path, "rb");

    while (file != NULL && bytes != NULL && (got = fread(bytes + len, 1, room - len, file)) > 0) {
        len += got;
        if (len == room)
            bytes = realloc(bytes, room *= 2);
    }
    if (file == NULL || bytes == NULL || ferror(file)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    fclose(file);
    fprintf(stderr, "\r%s\033[K", path); /* the last line is the one that broke it */
    bytes = realloc(bytes, len + 1);     /* a sanitizer sees where it ends */
    (void)LLVMFuzzerTestOneInput(bytes, len);
    free(bytes);
    tried++;
    return 0;
}

static int try_all(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char inner[4096];
    int r = 0;

    if (dir == NULL)
        return try_file(path);
    while (r == 0 && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        r = try_file(inner);
    }
    closedir(dir);
    return r;
}

int main(int argc, char **argv)
{
    int r = argc < 2;

    if (r != 0)
        fprintf(stderr, "Usage: %s FILE-OR-FOLDER...\n", argv[0]);
    for (int i = 1; i < argc && r == 0; i++)
        r = try_all(argv[i]);
    fputs("\r\033[K", stderr);
    if (r == 0)
        printf("%u inputs, nothing broken\n", tried);
    return r;
}
