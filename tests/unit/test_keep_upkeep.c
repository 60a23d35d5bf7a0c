/* A service on a store: purge, backup, retention, back-pressure, progress; and what is refused. */
#include "keep.h"

#include <sched.h>

/* ---- upkeep ---------------------------------------------------------------------------------- */

static bool file_has(const char *path, const char *needle)
{
    FILE *f = fopen(path, "rb");
    static char bytes[1 << 22];
    size_t n, len = strlen(needle);

    if (f == NULL)
        return false;
    n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t i = 0; i + len <= n; i++) {
        if (memcmp(bytes + i, needle, len) == 0)
            return true;
    }
    return false;
}

static void test_keep__purge_erases_and_tells(void **state)
{
    struct desk *d = begin((usher_options){.keep_closed = 2});
    char wal[200];
    usher_id id[4];

    (void)state;
    snprintf(wal, sizeof wal, "%s-wal", d->path);
    for (int i = 0; i < 4; i++)
        id[i] = closed_ticket(d, (usher_request){.body = USHER_TEXT("marker-of-the-body"),
                                                 .requester = i < 3 ? "secret-person" : "eva"});
    assert_true(file_has(wal, "secret-person") || file_has(d->path, "secret-person"));
    assert_int_equal(usher_purge(d->u, 0, "secret-person", on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_OK);
    assert_string_equal(d->detail, "purge: 3 tickets");
    assert_false(file_has(wal, "secret-person"));
    assert_false(file_has(d->path, "secret-person"));
    read_page(d, (usher_query){.what = USHER_READ_TICKETS});
    assert_int_equal(d->page_n, 1);
    assert_int_equal(d->rows[0], id[3]);
    read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = id[0]});
    assert_int_equal(d->page_status, USHER_ENOENT);

    /* A new subscription hears of what is no longer there. */
    assert_int_equal(usher_subscribe(d->u, "late", 0, on_event, d), USHER_OK);
    settle(d);
    reopen(d);
    d->seen_n = 0;
    assert_int_equal(usher_subscribe(d->u, "late", 0, on_event, d), USHER_OK);
    settle(d);
    assert_int_equal(d->kinds[0], USHER_EV_LOST);
    assert_int_equal(d->seen[0], 15);
    assert_int_equal(d->seen[1], 16);
    assert_int_equal(d->kinds[d->seen_n - 1], USHER_EV_PURGED);
    end(d);
}

static void test_keep__a_backup_is_a_store_of_its_own(void **state)
{
    struct desk *d = begin((usher_options){0});
    char copy[200], uri[256];
    usher_id id;
    struct stat st;

    (void)state;
    id = enqueue(d, (usher_request){.body = USHER_TEXT("keep me")});
    snprintf(copy, sizeof copy, "%s/copy.db", d->dir);
    assert_int_equal(usher_backup(d->u, copy, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_OK);
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(usher_backup(d->u, copy, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_ESTORE); /* never over something */
    close_desk(d);
    strcpy(uri, d->uri);
    snprintf(d->uri, sizeof d->uri, "sqlite:%s", copy);
    open_desk(d);
    read_page(d, (usher_query){.what = USHER_READ_BODY, .ticket = id});
    assert_string_equal(d->text, "keep me");
    end(d);
}

static void on_room(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    if (e->kind == USHER_EV_ROOM) {
        assert_null(e->queue);
        ((struct desk *)user)->live_n++;
    }
}

/* Notes on a ticket, each with a long text, until the store is that far behind. */
static int note_until(struct desk *d, usher_id id, uint64_t backlog)
{
    static char text[USHER_TEXT_MAX];
    usher_command c = {.size = sizeof c, .verb = USHER_NOTE, .claim = {id, 0}, .text = {text, sizeof text}};
    int r = USHER_OK;

    while (r == USHER_OK && usher__engine_backlog(d->u->engine) <= backlog)
        r = usher_act(d->u, &c, NULL, NULL);
    return r;
}

static void test_keep__a_store_that_is_far_behind_refuses_until_there_is_room(void **state)
{
    struct desk *d = begin((usher_options){.history_bytes = 1});
    usher_request r = {.size = sizeof r, .requester = "eva"};
    usher_id id;

    (void)state;
    id = enqueue(d, r);
    assert_int_equal(usher_subscribe(d->u, NULL, 0, on_room, d), USHER_OK);
    assert_int_equal(note_until(d, id, USHER_UNSAVED_MAX / 4 * 3 - 2 * USHER_TEXT_MAX), USHER_OK);
    assert_int_equal(usher_enqueue(d->q, &r, NULL, NULL), USHER_OK);
    assert_int_equal(note_until(d, id, USHER_UNSAVED_MAX / 4 * 3), USHER_OK);
    assert_int_equal(usher_enqueue(d->q, &r, NULL, NULL), USHER_EFULL);
    assert_int_equal(note_until(d, id, USHER_UNSAVED_MAX), USHER_OK); /* what is there goes on */
    assert_int_equal(note_until(d, id, UINT64_MAX), USHER_EFULL);
    assert_int_equal(d->live_n, 0);
    settle(d);
    settle(d);
    assert_int_equal(d->live_n, 1);
    assert_int_equal(usher_enqueue(d->q, &r, NULL, NULL), USHER_OK);
    end(d);
}

static void test_keep__what_is_old_enough_goes_by_and_by(void **state)
{
    struct desk *d = begin((usher_options){.retain_ms = HOUR});
    usher_id old, young;
    int reads = 0;

    (void)state;
    old = closed_ticket(d, (usher_request){0});
    assert_int_equal(usher_advance(d->u, T0 + HOUR), USHER_OK);
    young = closed_ticket(d, (usher_request){0});
    assert_int_equal(usher_advance(d->u, T0 + HOUR + HOUR / 2), USHER_OK);
    enqueue(d, (usher_request){0}); /* it is looked for when something is saved */
    do { /* the store's thread does it when it has nothing else to do */
        sched_yield();
        read_page(d, (usher_query){.what = USHER_READ_TICKETS});
    } while (d->page_n != 2 && ++reads < 100000);
    assert_int_equal(d->page_n, 2);
    assert_int_equal(d->rows[0], young);
    read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = old});
    assert_int_equal(d->page_status, USHER_ENOENT);
    end(d);
}

static void on_progress(uint64_t rows, uint64_t of, void *user)
{
    struct desk *d = user;

    assert_true(rows >= d->cursor);
    assert_true(of > 0 || rows == 0);
    d->cursor = rows;
    d->live_n++;
}

static void test_keep__a_long_opening_shows_how_far_it_is(void **state)
{
    struct desk *d = begin((usher_options){.progress = on_progress});

    (void)state;
    for (int i = 0; i < 30000; i++) {
        usher_request r = {.size = sizeof r, .requester = "eva"};

        assert_int_equal(usher_enqueue(d->q, &r, NULL, NULL), USHER_OK);
    }
    settle(d);
    d->live_n = 0;
    d->cursor = 0;
    reopen(d);
    assert_true(d->live_n >= 2);
    assert_true(d->cursor >= 20000);
    assert_int_equal(enqueue(d, (usher_request){0}), 30001);
    end(d);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void test_keep__opening_says_what_is_wrong(void **state)
{
    struct desk *d = begin((usher_options){0});
    const char *const wrong[][2] = {
        {"sqlite:", "path"},
        {"postgres://x", "expected"},
        {"sqlite:x?frob=1", "unknown key"},
        {"sqlite:x?readers=yes", "neither 0 nor 1"},
        {"sqlite:x?readers", "KEY=VALUE"},
    };
    usher_t *u = d->u;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        strcpy(d->uri, wrong[i][0]);
        assert_int_equal(try_open(d), USHER_EINVAL);
        assert_null(d->u);
        if (strstr(d->err, wrong[i][1]) == NULL)
            fail_msg("%s: %s", wrong[i][0], d->err);
    }
    snprintf(d->uri, sizeof d->uri, "sqlite:%s", d->path);
    assert_int_equal(try_open(d), USHER_EBUSY);
    assert_non_null(strstr(d->err, "open"));
    d->options.durability = USHER_NONE;
    assert_int_equal(try_open(d), USHER_EINVAL);
    strcpy(d->uri, "memory:");
    d->options.durability = USHER_DISK;
    assert_int_equal(try_open(d), USHER_EINVAL);
    d->u = u;
    end(d);
}

static void test_keep__a_child_of_fork_is_refused_and_the_parent_unharmed(void **state)
{
    struct desk *d = begin((usher_options){0});
    pid_t child;
    int status;

    (void)state;
    enqueue(d, (usher_request){0});
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        usher_request r = {.size = sizeof r, .requester = "eva"};
        usher_standing s = USHER_INIT(usher_standing);
        bool good = usher_enqueue(d->q, &r, NULL, NULL) == USHER_EFORK &&
                    usher_peek(d->u, 1, &s) == USHER_EFORK &&
                    usher_close(d->u, NULL, NULL) == USHER_EFORK &&
                    usher_turn(d->u) == USHER_EFORK && usher_fd(d->u) == USHER_EFORK &&
                    usher_post(d->u, NULL, NULL) != 0;

        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    enqueue(d, (usher_request){0});
    reopen(d);
    assert_int_equal(enqueue(d, (usher_request){0}), 3);
    end(d);
}

static void test_keep__readonly_looks_and_touches_nothing(void **state)
{
    struct desk *d = begin((usher_options){0});
    struct desk *looker = calloc(1, sizeof *looker);
    usher_request r = {.size = sizeof r, .requester = "eva"};
    usher_standing s = USHER_INIT(usher_standing);
    usher_id id, closed;

    (void)state;
    assert_non_null(looker);
    close_desk(d);
    strcat(d->uri, "?readers=1");
    open_desk(d);
    closed = closed_ticket(d, (usher_request){0});
    id = enqueue(d, (usher_request){0});
    claim(d);
    looker->clock = d->clock;
    snprintf(looker->uri, sizeof looker->uri, "sqlite:%s?readonly=1", d->path);
    assert_int_equal(usher_manual_clock_skip(d->clock, T0 + HOUR), USHER_OK);
    open_desk(looker); /* beside the one that has it open */
    assert_int_equal(usher_peek(looker->u, id, &s), USHER_OK);
    assert_int_equal(s.state, USHER_CLAIMED); /* the lease is over, but nothing fires here */
    assert_int_equal(usher_enqueue(looker->q, &r, NULL, NULL), USHER_ESTATE);
    read_page(looker, (usher_query){.what = USHER_READ_HISTORY, .ticket = closed});
    assert_int_equal(looker->page_n, 5);
    close_desk(looker);
    free(looker);
    settle(d);
    assert_int_equal(usher_peek(d->u, id, &s), USHER_OK);
    assert_int_equal(s.state, USHER_WAITING);
    end(d);
}

static void test_keep__closing_saves_what_is_outstanding(void **state)
{
    struct desk *d = begin((usher_options){0});
    usher_query q = {.size = sizeof q, .what = USHER_READ_HISTORY, .ticket = 1};

    (void)state;
    for (int i = 0; i < 100; i++) {
        usher_request r = {.size = sizeof r, .requester = "eva"};

        assert_int_equal(usher_enqueue(d->q, &r, i < 50 ? on_done : NULL, d), USHER_OK);
    }
    d->page_status = -1;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
    close_desk(d);
    assert_int_equal(d->done, 50);
    assert_int_equal(d->last.status, USHER_OK);
    assert_int_equal(d->page_status, USHER_ECANCELED);
    open_desk(d);
    assert_int_equal(enqueue(d, (usher_request){0}), 101);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep__purge_erases_and_tells),
        cmocka_unit_test(test_keep__a_backup_is_a_store_of_its_own),
        cmocka_unit_test(test_keep__a_store_that_is_far_behind_refuses_until_there_is_room),
        cmocka_unit_test(test_keep__what_is_old_enough_goes_by_and_by),
        cmocka_unit_test(test_keep__a_long_opening_shows_how_far_it_is),
        cmocka_unit_test(test_keep__opening_says_what_is_wrong),
        cmocka_unit_test(test_keep__a_child_of_fork_is_refused_and_the_parent_unharmed),
        cmocka_unit_test(test_keep__readonly_looks_and_touches_nothing),
        cmocka_unit_test(test_keep__closing_saves_what_is_outstanding),
    };

    return cmocka_run_group_tests_name("keep_upkeep", tests, NULL, NULL);
}
