/* What a backup does to other files: nothing, however it ends. */
#include "keep.h"

#include <fcntl.h>
#include <poll.h>

enum { COPIES = 24 };

/* So much that the copy takes a while. */
static struct desk *begin_large(void)
{
    static char bytes[30000];
    struct desk *d = begin((usher_options){0});
    usher_request r = {.size = sizeof r, .requester = "eva", .body = {bytes, sizeof bytes}};

    memset(bytes, 'b', sizeof bytes);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(usher_enqueue(d->q, &r, NULL, NULL), USHER_OK);
        if (i % 50 == 49)
            settle(d);
    }
    return d;
}

static bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* Somebody else's file takes the name while the copy is under way. False: the copy was quicker. */
static bool take_the_name(struct desk *d, const char *copy, const char *part)
{
    uint32_t done = d->done;
    int fd = -1;

    assert_int_equal(usher_backup(d->u, copy, on_done, d), USHER_OK);
    while (d->done == done && fd < 0) {
        assert_true(usher_turn(d->u) >= 0);
        if (is_there(part))
            fd = open(copy, O_WRONLY | O_CREAT | O_EXCL, 0600);
    }
    if (fd < 0)
        return false;
    assert_int_equal(write(fd, "mine", 4), 4);
    close(fd);
    settle(d);
    return true;
}

static void test_judge_keep_backup__never_over_a_file_that_came_meanwhile(void **state)
{
    struct desk *d = begin_large();
    char copy[160], part[180];
    bool taken = false;
    struct stat st;

    (void)state;
    for (int i = 0; i < 50 && !taken; i++) {
        snprintf(copy, sizeof copy, "%s/copy-%d.db", d->dir, i);
        snprintf(part, sizeof part, "%s.part", copy);
        taken = take_the_name(d, copy, part);
    }
    assert_true(taken);
    assert_int_equal(d->last.status, USHER_ESTORE);
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_size, 4);
    assert_false(is_there(part));
    assert_int_equal(usher_backup(d->u, copy, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_ESTORE);
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_size, 4);
    end(d);
}

/* At some moment of the copy; in the end there is all of it or nothing. */
static void test_judge_keep_backup__given_up_leaves_nothing(void **state)
{
    struct desk *d = begin_large();
    char copy[160], part[180];
    uint32_t given_up = 0;

    (void)state;
    for (int i = 0; i < 8; i++) {
        snprintf(copy, sizeof copy, "%s/copy-%d.db", d->dir, i);
        snprintf(part, sizeof part, "%s.part", copy);
        assert_int_equal(usher_backup(d->u, copy, on_done, d), USHER_OK);
        for (int turns = 0; turns < 10000 && i % 2 == 0 && !is_there(part) && !is_there(copy);
             turns++)
            assert_true(usher_turn(d->u) >= 0);
        close_desk(d);
        assert_false(is_there(part));
        assert_int_equal(is_there(copy), d->last.status == USHER_OK);
        given_up += d->last.status == USHER_ECANCELED;
        open_desk(d);
    }
    assert_true(given_up > 0);
    end(d);
}

/* Each is checked by a thread of its own; many end at the same time, and each is told. */
static void test_judge_keep_backup__many_at_once_are_all_told(void **state)
{
    struct desk *d = begin((usher_options){0});
    char copy[160];
    uint32_t done;

    (void)state;
    (void)enqueue(d, (usher_request){.body = USHER_TEXT("a small store")});
    for (int round = 0; round < 4; round++) {
        struct pollfd p = {.fd = usher_fd(d->u), .events = POLLIN};

        done = d->done;
        for (int i = 0; i < COPIES; i++) {
            snprintf(copy, sizeof copy, "%s/copy-%d-%d.db", d->dir, round, i);
            assert_int_equal(usher_backup(d->u, copy, on_done, d), USHER_OK);
        }
        for (int i = 0; i < 1000 && d->done < done + COPIES; i++) {
            (void)poll(&p, 1, 20);
            assert_true(usher_turn(d->u) >= 0);
        }
        assert_int_equal(d->done, done + COPIES);
        assert_int_equal(d->last.status, USHER_OK);
    }
    end(d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_keep_backup__never_over_a_file_that_came_meanwhile),
        cmocka_unit_test(test_judge_keep_backup__given_up_leaves_nothing),
        cmocka_unit_test(test_judge_keep_backup__many_at_once_are_all_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
