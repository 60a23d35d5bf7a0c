/* What is erased while everything goes on: all of what is closed, and nothing that has been opened again;
 * and what has been erased does not come back. */
#include "keep.h"

#include <limits.h>
#include <poll.h>
#include <sched.h>

#include "faulty_vfs.h"

enum { TRIES = 3 /* of a batch, before a job is let by: plain, in the reserve, in the log's room */ };

static char long_body[2000];

static struct desk *begin_faulty(usher_options o)
{
    struct desk *d = begin(o);

    memset(long_body, 'b', sizeof long_body);
    close_desk(d);
    faulty_register();
    strcat(d->uri, "?vfs=faulty");
    open_desk(d);
    return d;
}

static void reopen_ticket(struct desk *d, usher_id id)
{
    assert_int_equal(usher_reopen(d->u, id, "eva", NULL, on_done, d), USHER_OK);
}

/* ---- a disk that is full ------------------------------------------------------------------------ */

/* As often as a batch is tried before what may make room is let by. */
static void fill_disk(void)
{
    faulty_set(FAULTY_WRITE, SQLITE_OPEN_WAL, SQLITE_FULL, 0, TRIES);
}

static void settle_all(struct desk *d)
{
    while (usher__keep_outstanding(d->u)) {
        settle(d);
        (void)sched_yield();
    }
    assert_int_equal(atomic_load(&faulty.hit), TRIES); /* it was full */
    faulty_set(0, 0, 0, 0, 0);
}

static void assert_read(struct desk *d, usher_id id, int status)
{
    read_page(d, (usher_query){.what = USHER_READ_BODY, .ticket = id});
    assert_int_equal(d->page_status, status);
    read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = id});
    assert_int_equal(d->page_status, status);
    if (status == USHER_OK) { /* whole */
        assert_int_equal(d->rows[0], 1);
        assert_int_equal(d->row_kinds[0], USHER_EV_ENQUEUED);
    }
}

static void test_erasing__a_purge_takes_what_is_closed_and_only_that(void **state)
{
    struct desk *d = begin_faulty((usher_options){0});
    usher_request r = {.body = {long_body, sizeof long_body}};
    usher_id reopened, old, closing;
    uint64_t before;

    (void)state;
    reopened = closed_ticket(d, r);
    old = closed_ticket(d, r);
    closing = enqueue(d, r);
    solve(d);
    fill_disk();
    reopen_ticket(d, reopened);
    assert_int_equal(usher_confirm(d->u, closing, "eva", on_done, d), USHER_OK);
    assert_int_equal(usher_purge(d->u, 0, NULL, on_done, d), USHER_OK);
    settle_all(d);
    assert_int_equal(d->last.status, USHER_OK);
    assert_string_equal(d->detail, "purge: 2 tickets");
    before = digest(d);
    reopen(d);
    assert_true(digest(d) == before);
    assert_read(d, reopened, USHER_OK);
    assert_read(d, old, USHER_ENOENT);
    assert_read(d, closing, USHER_ENOENT);
    end(d);
}

static void grow_old(void)
{
    struct desk *d = begin_faulty((usher_options){.retain_ms = HOUR});
    usher_id id = closed_ticket(d, (usher_request){.body = {long_body, sizeof long_body}});

    assert_int_equal(usher_manual_clock_skip(d->clock, T0 + 2 * HOUR), USHER_OK);
    fill_disk();
    reopen_ticket(d, id);
    settle_all(d);
    assert_read(d, id, USHER_OK);
    reopen(d);
    assert_read(d, id, USHER_OK);
    end(d);
}

/* The same by age, without anybody asking. What the store's thread does first is its own affair, so this is
 * done a few times. */
static void test_erasing__old_age_takes_nothing_that_is_still_to_be_saved(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++)
        grow_old();
}

/* ---- commands and pages on their way ------------------------------------------------------------ */

/* Closed tickets with bodies in rows of their own, of which memory keeps one. */
static usher_id many_closed(struct desk *d, usher_id n)
{
    usher_request r = {.size = sizeof r, .requester = "eva"};
    usher_id last;

    r.body = (usher_text){long_body, sizeof long_body};
    for (usher_id i = 0; i < n; i++)
        assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_OK);
    settle(d);
    last = d->last.ticket;
    for (usher_id id = last + 1 - n; id <= last; id++) {
        assert_int_equal(usher_claim_ticket(d->a, id, NULL, on_work, d), USHER_OK);
        settle(d);
        assert_int_equal(usher_resolve(d->u, &d->claim, 0, NULL, NULL, NULL), USHER_OK);
        assert_int_equal(usher_confirm(d->u, id, "eva", NULL, NULL), USHER_OK);
    }
    settle(d);
    return last;
}

static void test_erasing__a_command_before_a_purge_saves_its_ticket(void **state)
{
    struct desk *d = begin_faulty((usher_options){.keep_closed = 1});
    uint64_t before;

    (void)state;
    (void)many_closed(d, 600);
    reopen_ticket(d, 1); /* it has left memory, and must be read for that */
    assert_int_equal(usher_purge(d->u, 0, NULL, on_done, d), USHER_OK);
    settle(d);
    assert_string_equal(d->detail, "purge: 599 tickets");
    assert_read(d, 1, USHER_OK);
    before = digest(d);
    reopen(d);
    assert_true(digest(d) == before);
    assert_read(d, 1, USHER_OK);
    end(d);
}

static uint32_t pages;

static void on_big_page(usher_t *u, int status, const usher_page *p, void *user)
{
    (void)u, (void)user;
    assert_int_equal(status, USHER_OK);
    pages++;
    for (uint64_t i = 0; i < p->n; i++)
        (void)usher_reopen(u, p->tickets[i].ticket, "eva", NULL, NULL, NULL);
}

/* Before, between and after the slices of two purges: what a page shows may be opened again in its callback,
 * and is then not erased; what was erased cannot be. */
static void test_erasing__pages_bring_nothing_back(void **state)
{
    usher_query q = {.size = sizeof q, .what = USHER_READ_TICKETS, .limit = 1000};
    struct desk *d = begin_faulty((usher_options){.keep_closed = 5000});
    usher_id last, there = 0;
    uint64_t before;

    (void)state;
    last = many_closed(d, 1500);
    reopen(d);
    pages = 0;
    q.limit = 3;
    q.cursor = 1200;
    assert_int_equal(usher_read(d->u, &q, on_big_page, d), USHER_OK);
    assert_int_equal(usher_purge(d->u, 0, "eva", on_done, d), USHER_OK);
    q.cursor = 1300;
    assert_int_equal(usher_read(d->u, &q, on_big_page, d), USHER_OK);
    assert_int_equal(usher_purge(d->u, 0, NULL, on_done, d), USHER_OK);
    q.cursor = 1400;
    assert_int_equal(usher_read(d->u, &q, on_big_page, d), USHER_OK);
    settle(d);
    assert_int_equal(pages, 3);
    for (usher_id id = 1; id <= last; id++) {
        usher_standing s = USHER_INIT(usher_standing);

        if (usher_peek(d->u, id, &s) != USHER_OK)
            continue;
        there++;
        assert_int_equal(s.state, USHER_WAITING);
        assert_read(d, id, USHER_OK);
    }
    assert_int_equal(there, 3); /* those of the first page */
    before = digest(d);
    reopen(d);
    assert_true(digest(d) == before);
    assert_read(d, 1201, USHER_OK);
    end(d);
}

/* It is closed while the sweep is still below it. */
static void test_erasing__what_is_closed_meanwhile_stays(void **state)
{
    struct desk *d = begin_faulty((usher_options){.keep_closed = 5000});
    usher_request r = {.body = {long_body, sizeof long_body}};
    uint64_t before;
    usher_id id;

    (void)state;
    (void)many_closed(d, 1500);
    id = enqueue(d, r);
    solve(d);
    assert_int_equal(usher_purge(d->u, 0, NULL, on_done, d), USHER_OK);
    assert_true(usher_turn(d->u) >= 0);
    assert_true(d->u->keeping.purging);
    assert_int_equal(usher_confirm(d->u, id, "eva", NULL, NULL), USHER_OK);
    settle(d);
    assert_string_equal(d->detail, "purge: 1500 tickets");
    before = digest(d);
    reopen(d);
    assert_true(digest(d) == before);
    reopen_ticket(d, id);
    settle(d);
    reopen(d);
    assert_read(d, id, USHER_OK);
    end(d);
}

static void link_to(struct desk *d, usher_id id, usher_id cause)
{
    assert_int_equal(
        act(d, (usher_command){.verb = USHER_LINK, .claim = {id, 0}, .other = cause}), USHER_OK);
}

static usher_standing peek(struct desk *d, usher_id id)
{
    usher_standing s = USHER_INIT(usher_standing);

    assert_int_equal(usher_peek(d->u, id, &s), USHER_OK);
    return s;
}

static void on_one_page(usher_t *u, int status, const usher_page *p, void *user)
{
    (void)u, (void)p, (void)user;
    assert_int_equal(status, USHER_OK);
    pages++;
}

/* A page, a purge, and commands on tickets that have left memory, in one breath: the page is told after the
 * commands, which come after the purge, which waits for the page. None of them waits for ever. */
static void test_erasing__commands_pass_a_purge_that_waits_for_a_page(void **state)
{
    usher_query q = {.size = sizeof q, .what = USHER_READ_TICKETS, .limit = 5};
    struct desk *d = begin_faulty((usher_options){.keep_closed = 1});

    (void)state;
    (void)many_closed(d, 20);
    for (usher_id id = 1; id <= 3; id++) {
        pages = 0;
        for (usher_id behind = 0; behind <= 10; behind += 10) { /* and the same once more behind it */
            assert_int_equal(usher_read(d->u, &q, on_one_page, d), USHER_OK);
            assert_int_equal(usher_purge(d->u, 1, NULL, on_done, d), USHER_OK); /* nothing is so old */
            reopen_ticket(d, behind + id);
        }
        settle(d);
        assert_int_equal(pages, 2);
        assert_int_equal(d->u->keeping.errands_n + d->u->keeping.taking + d->u->keeping.untold, 0);
    }
    for (usher_id id = 1; id <= 3; id++) {
        assert_int_equal(peek(d, id).state, USHER_WAITING);
        assert_int_equal(peek(d, 10 + id).state, USHER_WAITING);
    }
    end(d);
}

/* Who only reads does not wait for room on a disk that is full, behind a purge that does. */
static void test_erasing__subscribers_pass_a_purge_that_waits_for_room(void **state)
{
    struct desk *d = begin_faulty((usher_options){0});
    struct pollfd p = {.events = POLLIN};
    uint32_t done;

    (void)state;
    (void)many_closed(d, 20);
    reopen(d); /* the events are in the file alone */
    done = d->done;
    faulty_set(FAULTY_WRITE, SQLITE_OPEN_WAL, SQLITE_FULL, 0, INT_MAX);
    reopen_ticket(d, 20);
    assert_int_equal(usher_purge(d->u, 0, NULL, on_done, d), USHER_OK);
    assert_int_equal(usher_subscribe(d->u, "reader", 1, on_event, d), USHER_OK);
    p.fd = usher_fd(d->u);
    for (int i = 0; i < 300 && d->seen_n == 0; i++) {
        (void)poll(&p, 1, 10);
        assert_true(usher_turn(d->u) >= 0);
    }
    assert_true(d->seen_n > 0);
    assert_int_equal(d->done, done);
    faulty_set(0, 0, 0, 0, 0);
    while (usher__keep_outstanding(d->u)) {
        settle(d);
        (void)sched_yield();
    }
    assert_string_equal(d->detail, "purge: 19 tickets");
    assert_int_equal(peek(d, 20).state, USHER_WAITING);
    end(d);
}

/* What others say of an erased ticket stays; nothing leads to it any more but its number. */
static void what_is_left(struct desk *d, usher_id gone, usher_id open, usher_id cause, usher_id later)
{
    uint32_t links = 0;

    assert_read(d, gone, USHER_ENOENT);
    assert_int_equal(peek(d, cause).linked, 1);
    assert_int_equal(peek(d, later).follows, gone);
    read_page(d, (usher_query){.what = USHER_READ_TICKETS, .linked = cause});
    assert_int_equal(d->page_n, 1);
    assert_int_equal(d->rows[0], open);
    read_page(d, (usher_query){.what = USHER_READ_TICKETS, .linked = gone});
    assert_int_equal(d->page_n, 1);
    assert_int_equal(d->rows[0], later);
    read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = cause});
    assert_int_equal(d->page_status, USHER_OK);
    for (uint64_t i = 0; i < d->page_n; i++)
        links += d->row_kinds[i] == USHER_EV_LINKED;
    assert_int_equal(links, 2);
}

static void test_erasing__links_to_what_is_gone_lead_nowhere(void **state)
{
    struct desk *d = begin_faulty((usher_options){0});
    usher_id cause = enqueue(d, (usher_request){.requester = "max"});
    usher_id open = enqueue(d, (usher_request){.requester = "max"}), gone, later;
    uint64_t before;

    (void)state;
    link_to(d, open, cause);
    gone = enqueue(d, (usher_request){.body = {long_body, sizeof long_body}});
    link_to(d, gone, cause);
    assert_int_equal(usher_claim_ticket(d->a, gone, NULL, on_work, d), USHER_OK);
    settle(d);
    assert_int_equal(act(d, (usher_command){.verb = USHER_RESOLVE, .claim = d->claim}), USHER_OK);
    assert_int_equal(usher_confirm(d->u, gone, "eva", on_done, d), USHER_OK);
    settle(d);
    later = enqueue(d, (usher_request){.requester = "max", .follows = gone});
    assert_int_equal(peek(d, cause).linked, 2);
    assert_int_equal(usher_purge(d->u, 0, "eva", on_done, d), USHER_OK);
    settle(d);
    assert_string_equal(d->detail, "purge: 1 tickets");
    what_is_left(d, gone, open, cause, later);
    before = digest(d);
    reopen(d);
    assert_true(digest(d) == before);
    what_is_left(d, gone, open, cause, later);
    (void)enqueue(d, (usher_request){.follows = gone}); /* there was one: it may be named */
    end(d);
}

/* Of several persons anyone may ask for it, on a store and in memory. */
static void test_erasing__whoever_waited_for_it_may_have_it_erased(void **state)
{
    struct desk *d = begin_faulty((usher_options){0});
    usher_request r = {.requester = "eva", .dedup_key = "k"};

    (void)state;
    for (int memory = 0; memory < 2; memory++) {
        usher_id id;

        if (memory != 0) {
            close_desk(d);
            strcpy(d->uri, "memory:");
            open_desk(d);
        }
        r.requester = "eva";
        id = enqueue(d, r);
        r.requester = "max";
        assert_true(enqueue(d, r) == id);
        solve(d);
        assert_int_equal(usher_confirm(d->u, id, "eva", on_done, d), USHER_OK);
        assert_int_equal(usher_confirm(d->u, id, "max", on_done, d), USHER_OK);
        assert_int_equal(usher_purge(d->u, 0, "ida", on_done, d), USHER_OK);
        settle(d);
        assert_string_equal(d->detail, "purge: 0 tickets");
        assert_read(d, id, USHER_OK);
        assert_int_equal(usher_purge(d->u, 0, "max", on_done, d), USHER_OK);
        settle(d);
        assert_string_equal(d->detail, "purge: 1 tickets");
        assert_read(d, id, USHER_ENOENT);
    }
    end(d);
}

/* By age: as soon as memory has let it go it is gone, wherever the sweep is. */
static void test_erasing__what_is_too_old_cannot_be_opened_again(void **state)
{
    struct desk *d = begin_faulty((usher_options){.retain_ms = HOUR, .keep_closed = 1});
    usher_id last = many_closed(d, 1500);
    usher_id open;

    (void)state;
    assert_int_equal(usher_manual_clock_skip(d->clock, T0 + 2 * HOUR), USHER_OK);
    open = enqueue(d, (usher_request){0}); /* it is looked for when something is saved */
    reopen_ticket(d, last);
    settle(d);
    assert_int_equal(d->last.status, USHER_ENOENT);
    read_page(d, (usher_query){.what = USHER_READ_TICKETS, .cursor = last - 2});
    assert_int_equal(d->page_n, 1);
    assert_int_equal(d->rows[0], open);
    reopen(d);
    assert_int_equal(act(d, (usher_command){.verb = USHER_NOTE, .claim = {open, 0}}), USHER_OK);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_erasing__a_purge_takes_what_is_closed_and_only_that),
        cmocka_unit_test(test_erasing__old_age_takes_nothing_that_is_still_to_be_saved),
        cmocka_unit_test(test_erasing__a_command_before_a_purge_saves_its_ticket),
        cmocka_unit_test(test_erasing__pages_bring_nothing_back),
        cmocka_unit_test(test_erasing__what_is_closed_meanwhile_stays),
        cmocka_unit_test(test_erasing__commands_pass_a_purge_that_waits_for_a_page),
        cmocka_unit_test(test_erasing__subscribers_pass_a_purge_that_waits_for_room),
        cmocka_unit_test(test_erasing__links_to_what_is_gone_lead_nowhere),
        cmocka_unit_test(test_erasing__whoever_waited_for_it_may_have_it_erased),
        cmocka_unit_test(test_erasing__what_is_too_old_cannot_be_opened_again),
    };

    return cmocka_run_group_tests_name("erasing", tests, NULL, NULL);
}
