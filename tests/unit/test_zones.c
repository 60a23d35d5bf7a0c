/* The loader of zone files: where it looks, and what it does not take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <usher/usher.h>
#include <uv.h>

#include "core/zone.h"
#include "loop/zones.h"

enum { PATH_LEN = 256 };

/* The smallest zone file: one offset, and a rule that says the same. */
static const unsigned char small[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"
                                     "\0\0\x0e\x10\0\0AAA\0"
                                     "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"
                                     "\0\0\x0e\x10\0\0AAA\0"
                                     "\nAAA-1\n";

enum { SMALL_LEN = sizeof small - 1 };

struct place {
    char dir[64];
    unsigned char bytes[ZONE_FILE_MAX];
    size_t len;
};

static void path_of(const struct place *p, const char *name, char path[PATH_LEN])
{
    assert_true(snprintf(path, PATH_LEN, "%s/%s", p->dir, name) < PATH_LEN);
}

static void write_file(const struct place *p, const char *name, const void *bytes, size_t len)
{
    char path[PATH_LEN];
    FILE *f;

    path_of(p, name, path);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int load(struct place *p, const char *name)
{
    return usher__zone_load(p->dir, name, p->bytes, &p->len);
}

static void assert_loads(struct place *p, const char *name)
{
    p->len = 0;
    assert_int_equal(load(p, name), 0);
    assert_int_equal(p->len, SMALL_LEN);
    assert_memory_equal(p->bytes, small, SMALL_LEN);
}

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    char path[PATH_LEN];

    assert_non_null(p);
    strcpy(p->dir, "/tmp/usher-zones-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    path_of(p, "Far", path);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(p, "Far/Away", small, SMALL_LEN);
    write_file(p, "Near", small, SMALL_LEN);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    char command[PATH_LEN];

    assert_true(snprintf(command, sizeof command, "rm -rf %s", p->dir) > 0);
    assert_int_equal(system(command), 0);
    free(p);
    return 0;
}

static void test_zones__are_files_below_a_directory(void **state)
{
    struct place *p = *state;
    char path[PATH_LEN];

    assert_loads(p, "Near");
    assert_loads(p, "Far/Away");
    write_file(p, "Etc.new_GMT+5-a", small, SMALL_LEN);
    assert_loads(p, "Etc.new_GMT+5-a");
    path_of(p, "Link", path);
    assert_int_equal(symlink("Far/Away", path), 0);
    assert_loads(p, "Link");
    assert_int_equal(load(p, "Nowhere"), USHER_ENOENT);
    assert_int_equal(load(p, "Far/Nowhere"), USHER_ENOENT);
    assert_int_equal(load(p, "Near/Nowhere"), USHER_ENOENT);
    assert_int_equal(usher__zone_load("/tmp/usher-no-such-place", "Near", p->bytes, &p->len),
                     USHER_ENOENT);
}

static void test_zones__utc_needs_no_file(void **state)
{
    struct place *p = *state;

    p->len = 1;
    assert_int_equal(load(p, "UTC"), 0);
    assert_int_equal(p->len, 0);
    p->len = 1;
    assert_int_equal(load(p, "Etc/UTC"), 0);
    assert_int_equal(p->len, 0);
    assert_int_equal(load(p, "utc"), USHER_ENOENT);
}

static void test_zones__names_lead_nowhere_else(void **state)
{
    struct place *p = *state;
    char absolute[PATH_LEN];
    char out[PATH_LEN];
    char *name = malloc(70000);

    path_of(p, "Near", absolute);
    assert_true(snprintf(out, sizeof out, "../%s/Near", p->dir + strlen("/tmp/")) > 0);
    write_file(p, ".hidden", small, SMALL_LEN);
    write_file(p, "Far/.hidden", small, SMALL_LEN);
    write_file(p, "with space", small, SMALL_LEN);
    write_file(p, "Zo\xc3\xab", small, SMALL_LEN);
    {
        const char *const names[] = {"",
                                     ".",
                                     "..",
                                     "/",
                                     "//",
                                     "Near/",
                                     "/Near",
                                     "./Near",
                                     "Far/../Near",
                                     "Far/./Away",
                                     "Far//Away",
                                     "Far/..",
                                     "Far/.hidden",
                                     ".hidden",
                                     "with space",
                                     "Zo\xc3\xab",
                                     "Near\n",
                                     "Near\\",
                                     "~/Near",
                                     "Far",
                                     "Far/",
                                     absolute,
                                     out};

        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (load(p, names[i]) != USHER_ENOENT)
                fail_msg("\"%s\": taken", names[i]);
        }
    }
    assert_non_null(name);
    for (size_t len = 200; len < 70000; len = len * 3 / 2) { /* over NAME_MAX and PATH_MAX */
        memset(name, 'a', len);
        name[len] = '\0';
        assert_int_equal(load(p, name), USHER_ENOENT);
        for (size_t i = 1; i < len - 1; i += 2)
            name[i] = '/';
        assert_int_equal(load(p, name), USHER_ENOENT);
    }
    free(name);
}

static void test_zones__what_is_no_file_is_not_there(void **state)
{
    struct place *p = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[PATH_LEN];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    path_of(p, "Fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(load(p, "Fifo"), USHER_ENOENT);
    path_of(p, "Loop", path);
    assert_int_equal(symlink("Loop", path), 0);
    assert_int_equal(load(p, "Loop"), USHER_ENOENT);
    path_of(p, "Terminal", path);
    assert_int_equal(symlink("/dev/tty", path), 0);
    assert_int_equal(load(p, "Terminal"), USHER_ENOENT);
    path_of(p, "Zero", path);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_equal(load(p, "Zero"), USHER_ENOENT);
    path_of(p, "Socket", path);
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(load(p, "Socket"), USHER_ENOENT);
    assert_int_equal(close(fd), 0);
}

static void test_zones__other_files_are_refused(void **state)
{
    struct place *p = *state;
    unsigned char *large = calloc(1, ZONE_FILE_MAX + 1);

    assert_non_null(large);
    memcpy(large, small, SMALL_LEN);
    write_file(p, "Empty", "", 0);
    write_file(p, "Text", "zone.tab\n", 9);
    write_file(p, "Half", small, SMALL_LEN / 2);
    write_file(p, "Largest", large, ZONE_FILE_MAX);
    write_file(p, "Larger", large, ZONE_FILE_MAX + 1);
    free(large);
    assert_int_equal(load(p, "Empty"), USHER_EINVAL);
    assert_int_equal(load(p, "Text"), USHER_EINVAL);
    assert_int_equal(load(p, "Half"), USHER_EINVAL);
    assert_int_equal(load(p, "Largest"), 0); /* nothing comes after a footer; it is not looked at */
    assert_int_equal(p->len, ZONE_FILE_MAX);
    assert_int_equal(load(p, "Larger"), USHER_EINVAL);
}

static void test_zones__one_that_may_not_be_read_says_so(void **state)
{
    struct place *p = *state;
    char path[PATH_LEN];

    if (geteuid() == 0)
        skip(); /* root reads all */
    path_of(p, "Near", path);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(load(p, "Near"), UV_EACCES);
}

static void test_zones__the_environment_may_say_where(void **state)
{
    struct place *p = *state;

    assert_int_equal(setenv("TZDIR", p->dir, 1), 0);
    assert_int_equal(usher__zone_load(NULL, "Near", p->bytes, &p->len), 0);
    assert_int_equal(usher__zone_load(NULL, "Europe/Berlin", p->bytes, &p->len), USHER_ENOENT);
    assert_int_equal(setenv("TZDIR", "/tmp/usher-no-such-place", 1), 0);
    assert_loads(p, "Near"); /* which options.zoneinfo goes before */
    assert_int_equal(usher__zone_load(NULL, "Near", p->bytes, &p->len), USHER_ENOENT);
    assert_int_equal(unsetenv("TZDIR"), 0);
    assert_int_equal(usher__zone_load(NULL, "Near", p->bytes, &p->len), USHER_ENOENT);
}

static int descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) != -1 ? 1 : 0;
    return n;
}

static void test_zones__no_descriptor_is_left(void **state)
{
    static const char *const names[] = {"Near", "Far", "Nowhere", "Far/Away", "Text", "Fifo"};
    struct place *p = *state;
    char path[PATH_LEN];
    int before = descriptors();

    write_file(p, "Text", "zone.tab\n", 9);
    path_of(p, "Fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)load(p, names[i]);
        assert_int_equal(descriptors(), before);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_zones__are_files_below_a_directory),
        TEST(test_zones__utc_needs_no_file),
        TEST(test_zones__names_lead_nowhere_else),
        TEST(test_zones__what_is_no_file_is_not_there),
        TEST(test_zones__other_files_are_refused),
        TEST(test_zones__one_that_may_not_be_read_says_so),
        TEST(test_zones__the_environment_may_say_where),
        TEST(test_zones__no_descriptor_is_left),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
