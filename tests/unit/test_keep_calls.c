/* Every call on a store: what it traces; that it is refused when no callback has room, when its arguments
 * are wrong, or when the store is only looked at, and that then nothing has happened. */
#include "keep.h"

struct traced {
    char lines[65536];
    size_t len;
};
static struct traced traced;

static void on_trace(usher_t *u, const char *line, void *user)
{
    size_t len = strlen(line);

    (void)u, (void)user;
    if (traced.len + len + 2 > sizeof traced.lines)
        return;
    memcpy(traced.lines + traced.len, line, len);
    traced.len += len;
    traced.lines[traced.len++] = '\n';
    traced.lines[traced.len] = '\0';
}

static void assert_traced(const char *line)
{
    char whole[400];

    snprintf(whole, sizeof whole, "%s\n", line);
    if (strstr(traced.lines, whole) == NULL)
        fail_msg("\"%s\" is not among:\n%s", line, traced.lines);
    traced.len = 0;
    traced.lines[0] = '\0';
}

static void on_any_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    (void)a, (void)w, (void)n;
    ((struct desk *)user)->page_status = status;
}

static void on_lost(usher_t *u, int status, usher_id ticket, int verb, void *user)
{
    struct desk *d = user;

    (void)u, (void)ticket, (void)verb;
    d->live_n++;
    d->page_status = status;
}

static void test_calls__each_leaves_its_line(void **state)
{
    struct desk *d = begin((usher_options){.trace = on_trace});
    usher_query q = {.size = sizeof q, .what = USHER_READ_TICKETS};
    usher_request r = {.size = sizeof r, .requester = "eva"};
    usher_command c = {.size = sizeof c, .verb = USHER_NOTE, .claim = {1, 0}};
    char path[200], line[300];

    (void)state;
    snprintf(path, sizeof path, "%s/copy", d->dir);
    assert_int_equal(usher_define(d->q, "{\"limits\":{\"open\":1}}", NULL, 0, on_done, d), 0);
    assert_traced("define desk: USHER_OK");
    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), 0);
    assert_traced("enqueue desk, 1: ticket 1: USHER_OK");
    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_EFULL);
    assert_traced("enqueue desk, 1: ticket 0: USHER_EFULL");
    assert_int_equal(usher_enqueue_many(d->q, &r, 1, on_done, d), USHER_EFULL);
    assert_traced("enqueue desk, 1: ticket 0: USHER_EFULL");
    assert_int_equal(usher_apply(d->q, on_done, d), 0);
    assert_traced("apply desk, 0: USHER_OK");
    assert_int_equal(usher_queue_hold(d->q, USHER_HOLD_CLAIMS, on_done, d), 0);
    assert_traced("hold desk 1: USHER_OK");
    assert_int_equal(usher_claim_next(d->a, d->q, USHER_NEVER, on_any_work, d), 0);
    assert_traced("claim ann: USHER_OK");
    assert_int_equal(usher_claim_cancel(d->a, d), 0);
    assert_traced("claim_cancel ann: USHER_OK");
    assert_int_equal(usher_claim_ticket(d->a, 1, NULL, on_any_work, d), 0);
    assert_traced("claim_ticket ann 1: USHER_OK");
    assert_int_equal(usher_act(d->u, &c, on_done, d), 0);
    assert_traced("act note ticket 1: USHER_OK");
    assert_int_equal(usher_read(d->u, &q, on_page, d), 0);
    assert_traced("read 1: USHER_OK");
    assert_int_equal(usher_backup(d->u, path, on_done, d), 0);
    assert_traced("backup: USHER_OK");
    assert_int_equal(usher_purge(d->u, 0, NULL, on_done, d), 0);
    assert_traced("purge: USHER_OK");
    assert_int_equal(usher_agent_gone(d->a, on_done, d), 0);
    assert_traced("gone ann: USHER_OK");
    snprintf(line, sizeof line, "advance to %lld", (long long)T0 + 5);
    assert_int_equal(usher_advance(d->u, T0 + 5), 0);
    assert_traced(line);
    end(d);
}

/* One callback is outstanding, and there is room for one. */
static void test_calls__none_is_taken_without_room_for_its_callback(void **state)
{
    struct desk *d = begin((usher_options){.max_pending = 1});
    usher_query q = {.size = sizeof q, .what = USHER_READ_AGENTS};
    usher_request r = {.size = sizeof r, .requester = "eva"};
    usher_command c = {.size = sizeof c, .verb = USHER_ESCALATE, .claim = {1, 0}};
    char path[200];
    uint64_t before;
    uint32_t done;

    (void)state;
    snprintf(path, sizeof path, "%s/copy", d->dir);
    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), 0);
    settle(d);
    done = d->done;
    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), 0);
    before = digest(d);
    assert_int_equal(usher_define(d->q, "{}", NULL, 0, on_done, d), USHER_EFULL);
    assert_int_equal(usher_apply(d->q, on_done, d), USHER_EFULL);
    assert_int_equal(usher_queue_hold(d->q, 3, on_done, d), USHER_EFULL);
    assert_int_equal(usher_agent_gone(d->a, on_done, d), USHER_EFULL);
    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_EFULL);
    assert_int_equal(usher_enqueue_many(d->q, &r, 1, on_done, d), USHER_EFULL);
    assert_int_equal(usher_claim_next(d->a, d->q, 0, on_any_work, d), USHER_EFULL);
    assert_int_equal(usher_claim_ticket(d->a, 1, NULL, on_any_work, d), USHER_EFULL);
    assert_int_equal(usher_act(d->u, &c, on_done, d), USHER_EFULL);
    assert_int_equal(usher_act_many(d->u, &c, 1, on_done, d), USHER_EFULL);
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_EFULL);
    assert_int_equal(usher_backup(d->u, path, on_done, d), USHER_EFULL);
    assert_int_equal(usher_purge(d->u, 0, NULL, on_done, d), USHER_EFULL);
    assert_true(digest(d) == before);
    settle(d);
    assert_int_equal(d->done, done + 1);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(usher_queue_hold(d->q, 3, on_done, d), USHER_OK); /* there is room again */
    settle(d);
    end(d);
}

static void test_calls__wrong_arguments_are_returned(void **state)
{
    struct desk *d = begin((usher_options){0});
    char longer[USHER_PATH_MAX + 2];
    usher_command c[2] = {{.size = sizeof c[0], .verb = USHER_NOTE, .claim = {1, 0}},
                          {.size = sizeof c[0] + 1, .verb = USHER_NOTE, .claim = {1, 0}}};
    uint64_t before = digest(d);
    uint64_t states[USHER_STATES];

    (void)state;
    memset(longer, 'p', sizeof longer);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(usher_agent(d->u, NULL, "bob", NULL, 0), USHER_EINVAL);
    assert_int_equal(usher_queue(d->u, NULL, "desk"), USHER_EINVAL);
    assert_null(usher_agent_name(NULL));
    assert_null(usher_queue_name(NULL));
    assert_null(usher_agent_service(NULL));
    assert_int_equal(usher_counts(NULL, states), USHER_EINVAL);
    assert_int_equal(usher_counts(d->q, NULL), USHER_EINVAL);
    assert_int_equal(usher_backup(d->u, NULL, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_backup(d->u, "", NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_backup(d->u, longer, NULL, NULL), USHER_ELIMIT);
    assert_int_equal(usher_purge(d->u, -1, NULL, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_purge(d->u, 0, "", NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_act_many(d->u, c + 1, 1, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_act_many(d->u, NULL, 1, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_subscribe(d->u, NULL, 1, on_live, d), USHER_EINVAL);
    assert_int_equal(usher_event_done(d->u, "nobody", 0), USHER_ENOENT);
    assert_int_equal(usher_event_done(d->u, NULL, 0), USHER_EINVAL);
    assert_null(usher_manual_clock_get(NULL));
    assert_int_equal(usher_manual_clock_step(NULL, 1), USHER_EINVAL);
    assert_int_equal(usher_manual_clock_skip(NULL, 1), USHER_EINVAL);
    assert_int_equal(usher_manual_clock_skip(d->clock, USHER_AT_MAX + 1), USHER_EINVAL);
    assert_true(digest(d) == before);
    settle(d);
    assert_int_equal(d->done, 0);
    end(d);
}

/* What fails without a callback is told to on_lost, upkeep too; what goes well is not. */
static void test_calls__upkeep_without_a_callback_is_lost_when_it_fails(void **state)
{
    struct desk *d = begin((usher_options){.on_lost = on_lost});
    char path[200];

    (void)state;
    snprintf(path, sizeof path, "%s/copy", d->dir);
    assert_int_equal(usher_backup(d->u, path, NULL, NULL), USHER_OK);
    assert_int_equal(usher_purge(d->u, 0, NULL, NULL, NULL), USHER_OK);
    settle(d);
    assert_int_equal(d->live_n, 0);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(usher_backup(d->u, path, NULL, NULL), USHER_OK);
    settle(d);
    assert_int_equal(d->live_n, 1);
    assert_int_equal(d->page_status, USHER_ESTORE);
    assert_int_equal(usher_backup(d->u, d->dir, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_ESTORE);
    assert_non_null(strstr(d->detail, "backup: "));
    assert_non_null(strstr(d->detail, "exists"));
    end(d);
}

static void test_calls__what_only_looks_changes_nothing(void **state)
{
    struct desk *d = begin((usher_options){0});
    usher_request r = {.size = sizeof r, .requester = "eva"};
    usher_command c = {.size = sizeof c, .verb = USHER_NOTE, .claim = {1, 0}};
    char uri[300];
    uint64_t before;

    (void)state;
    (void)enqueue(d, r);
    close_desk(d);
    memcpy(uri, d->uri, sizeof d->uri);
    strcat(d->uri, "?readonly=1&quick=1&readers=0");
    open_desk(d);
    before = digest(d);
    d->done = 0;
    assert_int_equal(usher_define(d->q, "{}", NULL, 0, on_done, d), USHER_ESTATE);
    assert_int_equal(usher_apply(d->q, on_done, d), USHER_ESTATE);
    assert_int_equal(usher_queue_hold(d->q, 1, on_done, d), USHER_ESTATE);
    assert_int_equal(usher_agent_gone(d->a, on_done, d), USHER_ESTATE);
    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_ESTATE);
    assert_int_equal(usher_enqueue_many(d->q, &r, 1, on_done, d), USHER_ESTATE);
    assert_int_equal(usher_claim_next(d->a, d->q, 0, on_any_work, d), USHER_ESTATE);
    assert_int_equal(usher_claim_ticket(d->a, 1, NULL, on_any_work, d), USHER_ESTATE);
    assert_int_equal(usher_act(d->u, &c, on_done, d), USHER_ESTATE);
    assert_int_equal(usher_purge(d->u, 0, NULL, on_done, d), USHER_ESTATE);
    assert_true(digest(d) == before);
    settle(d);
    assert_int_equal(d->done, 0);
    read_page(d, (usher_query){.what = USHER_READ_TICKETS});
    assert_int_equal(d->page_n, 1);
    close_desk(d);
    memcpy(d->uri, uri, sizeof d->uri);
    open_desk(d);
    assert_true(digest(d) == before);
    end(d);
}

/* What follows the "?" of a store's name. */
static void test_calls__keys_of_a_store_are_checked(void **state)
{
    static const struct {
        const char *keys, *says;
    } wrong[] = {
        {"?readers", "what follows the \"?\" is KEY=VALUE&..."},
        {"?readers=", "what follows the \"?\" is KEY=VALUE&..."},
        {"?readers=2", "a value after the \"?\" is neither 0 nor 1"},
        {"?readers=10", "a value after the \"?\" is neither 0 nor 1"},
        {"?quick=1&reader=1", "unknown key after the \"?\""},
    };
    struct desk *d = begin((usher_options){0});
    char was[256], none[1] = "";
    usher_options o = USHER_INIT(usher_options);
    usher_t *u;

    (void)state;
    close_desk(d);
    strcpy(was, d->uri);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        strcat(d->uri, wrong[i].keys);
        assert_int_equal(try_open(d), USHER_EINVAL);
        assert_null(d->u);
        assert_non_null(strstr(d->err, wrong[i].says));
        o.err = none;
        o.err_len = 0; /* nobody wants to hear why */
        assert_int_equal(usher_open(&u, NULL, d->uri, &o, NULL, NULL), USHER_EINVAL);
        o.err = NULL;
        assert_int_equal(usher_open(&u, NULL, d->uri, &o, NULL, NULL), USHER_EINVAL);
        strcpy(d->uri, was);
    }
    strcat(d->uri, "?quick=0&readers=1&readonly=0");
    open_desk(d);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls__each_leaves_its_line),
        cmocka_unit_test(test_calls__none_is_taken_without_room_for_its_callback),
        cmocka_unit_test(test_calls__wrong_arguments_are_returned),
        cmocka_unit_test(test_calls__upkeep_without_a_callback_is_lost_when_it_fails),
        cmocka_unit_test(test_calls__what_only_looks_changes_nothing),
        cmocka_unit_test(test_calls__keys_of_a_store_are_checked),
    };

    return cmocka_run_group_tests_name("keep_calls", tests, NULL, NULL);
}
