/* What a purge leaves in the file: nothing of those that it takes, all of the others'. It is looked
 * for as bytes and asked for by SQL, for no call of ours would show it. */
#include "keep.h"

#include <sqlite3.h>

static bool file_has(const char *path, const char *suffix, const char *needle)
{
    static char bytes[1 << 22];
    char name[200];
    size_t n, len = strlen(needle);
    FILE *f;

    snprintf(name, sizeof name, "%s%s", path, suffix);
    f = fopen(name, "rb");
    if (f == NULL)
        return false;
    n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_true(n < sizeof bytes);
    for (size_t i = 0; i + len <= n; i++) {
        if (memcmp(bytes + i, needle, len) == 0)
            return true;
    }
    return false;
}

static bool is_kept(const struct desk *d, const char *needle)
{
    return file_has(d->path, "", needle) || file_has(d->path, "-wal", needle);
}

/* How many rows; the service is closed. */
static int64_t rows(const struct desk *d, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *select;
    int64_t n;

    assert_int_equal(sqlite3_open_v2(d->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &select, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(select), SQLITE_ROW);
    n = sqlite3_column_int64(select, 0);
    sqlite3_finalize(select);
    sqlite3_close(db);
    return n;
}

/* Closed, with a body, a word and a note; so long that the body fills pages of its own. */
static usher_id told_and_closed(struct desk *d, const char *who, char mark)
{
    char body[6000], text[40];
    usher_id id;

    memset(body, mark, sizeof body);
    snprintf(body, sizeof body, "body-of-%s-", who);
    id = enqueue(d, (usher_request){.requester = who, .body = {body, sizeof body}});
    snprintf(text, sizeof text, "word-for-%s", who);
    claim(d);
    assert_int_equal(
        act(d,
            (usher_command){.verb = USHER_UPDATE, .claim = d->claim, .text = {text, strlen(text)}}),
        USHER_OK);
    assert_int_equal(act(d, (usher_command){.verb = USHER_RESOLVE, .claim = d->claim}), USHER_OK);
    snprintf(text, sizeof text, "note-on-%s", who);
    assert_int_equal(
        act(d, (usher_command){.verb = USHER_NOTE, .claim = {id, 0}, .text = {text, strlen(text)}}),
        USHER_OK);
    assert_int_equal(act(d, (usher_command){.verb = USHER_CONFIRM, .claim = {id, 0}, .who = who}),
                     USHER_OK);
    return id;
}

static void test_judge_keep_purge__of_one_requester(void **state)
{
    struct desk *d = begin((usher_options){.keep_closed = 1});
    usher_id gone[3], stays;

    (void)state;
    gone[0] = told_and_closed(d, "zoe", 'z');
    stays = told_and_closed(d, "eva", 'e');
    gone[1] = told_and_closed(d, "zoe", 'z');
    gone[2] = told_and_closed(d, "zoe", 'z'); /* still in memory */
    assert_true(is_kept(d, "body-of-zoe") && is_kept(d, "word-for-zoe") &&
                is_kept(d, "note-on-zoe"));

    assert_int_equal(usher_purge(d->u, 0, "zoe", on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_OK);
    assert_string_equal(d->detail, "purge: 3 tickets");
    assert_false(is_kept(d, "body-of-zoe"));
    assert_false(is_kept(d, "zzzzzzzz")); /* a page that only the body has */
    assert_false(is_kept(d, "word-for-zoe"));
    assert_false(is_kept(d, "note-on-zoe"));
    for (int i = 0; i < 3; i++) {
        read_page(d, (usher_query){.what = USHER_READ_BODY, .ticket = gone[i]});
        assert_int_equal(d->page_status, USHER_ENOENT);
        read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = gone[i]});
        assert_int_equal(d->page_status, USHER_ENOENT);
    }
    read_page(d, (usher_query){.what = USHER_READ_BODY, .ticket = stays});
    assert_int_equal(d->page_status, USHER_OK);
    assert_int_equal(memcmp(d->text, "body-of-eva-", 12), 0);
    read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = stays});
    assert_int_equal(d->page_n,
                     7); /* enqueued, claimed, updated, resolved, noted, confirmed, closed */

    close_desk(d);
    assert_int_equal(rows(d, "SELECT count(*) FROM body"), 1);
    assert_int_equal(rows(d, "SELECT count(*) FROM closed"), 1);
    assert_int_equal(rows(d, "SELECT count(*) FROM event WHERE ticket <> 0"), 7);
    open_desk(d);
    end(d);
}

/* Before an instant is before it: what was closed in that ms stays. */
static void test_judge_keep_purge__by_age(void **state)
{
    enum { IN_THE_FILE, IN_MEMORY_TOO, IN_MEMORY_ONLY, WAYS };

    (void)state;
    for (int way = 0; way < WAYS; way++) {
        struct desk *d = begin((usher_options){.keep_closed = way == IN_THE_FILE ? 1 : 8});
        usher_id id[3];

        if (way == IN_MEMORY_ONLY) {
            close_desk(d);
            strcpy(d->uri, "memory:");
            open_desk(d);
        }
        for (int i = 0; i < 3; i++) {
            assert_int_equal(usher_advance(d->u, T0 + i), USHER_OK);
            id[i] = told_and_closed(d, "eva", 'e');
        }
        assert_int_equal(usher_purge(d->u, T0 + 1, NULL, on_done, d), USHER_OK);
        settle(d);
        assert_string_equal(d->detail, "purge: 1 tickets");
        read_page(d, (usher_query){.what = USHER_READ_TICKETS});
        assert_int_equal(d->page_n, 2);
        assert_int_equal(d->rows[0], id[1]);
        assert_int_equal(d->rows[1], id[2]);
        end(d);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_keep_purge__of_one_requester),
        cmocka_unit_test(test_judge_keep_purge__by_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
