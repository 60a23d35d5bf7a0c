/* What a definition takes when memory runs out in the middle of it: nothing, not even a name. */
#include "keep.h"
#include "local/inside.h"

struct purse {
    uint32_t left; /* allocations until they fail; UINT32_MAX: they do not */
};

static void *resize(void *ctx, void *p, size_t n)
{
    struct purse *purse = ctx;

    if (n == 0) {
        free(p);
        return NULL;
    }
    if (purse->left == 0)
        return NULL;
    if (purse->left != UINT32_MAX)
        purse->left--;
    return realloc(p, n);
}

/* Each of its zones is kept in the store, with its data; there are so many that memory is asked for in
 * between. */
static const char *policy_of_many_zones(void)
{
    static const char *const zones[] = {
        "Africa/Cairo",  "America/Chicago", "America/Halifax", "America/New_York",
        "Asia/Kolkata",  "Asia/Tokyo",      "Australia/Perth", "Europe/Athens",
        "Europe/Berlin", "Europe/Dublin",   "Europe/Lisbon",   "Europe/London",
        "Europe/Madrid", "Europe/Paris",    "Europe/Rome",     "Pacific/Auckland"};
    static char json[8192];
    size_t len = (size_t)snprintf(json, sizeof json, "{\"calendars\":{");

    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++)
        len += (size_t)snprintf(
            json + len, sizeof json - len,
            "%s\"c%zu\":{\"zone\":\"%s\",\"week\":{\"mon\":[[\"08:00\",\"12:00\"]]}}",
            i > 0 ? "," : "", i, zones[i]);
    snprintf(json + len, sizeof json - len, "}}");
    return json;
}

static void test_judge_keep_memory__a_definition_leaves_no_names(void **state)
{
    const char *policy = policy_of_many_zones();
    struct purse purse = {UINT32_MAX};
    usher_allocator allocator = {resize, &purse};
    struct desk *d = begin((usher_options){.allocator = &allocator});
    const struct engine *e = d->u->engine;
    uint32_t before, fails = 0;
    char err[200];
    int r;

    (void)state;
    settle(d);
    before = e->names.names.n;
    do {
        purse.left = fails;
        r = usher_define(d->q, policy, err, sizeof err, NULL, NULL);
        purse.left = UINT32_MAX;
        if (r == USHER_OK)
            break;
        assert_int_equal(r, USHER_ENOMEM);
        assert_int_equal(e->names.names.n, before);
        settle(d);
        fails++;
    } while (fails < 1000);
    assert_int_equal(r, USHER_OK);
    assert_true(fails > 10);
    assert_true(e->names.names.n > before + 3);
    end(d);
}

/* Nor a queue that is one too many. */
static void test_judge_keep_memory__a_queue_too_many_leaves_no_name(void **state)
{
    struct desk *d = begin((usher_options){0});
    const struct engine *e = d->u->engine;
    char name[24];
    uint32_t before = 0;
    usher_queue_t *q;
    int r = USHER_OK;

    (void)state;
    for (int i = 0; r == USHER_OK && i <= USHER_QUEUES_MAX; i++) {
        before = e->names.names.n;
        snprintf(name, sizeof name, "queue-%d", i);
        r = usher_queue(d->u, &q, name);
    }
    assert_int_equal(r, USHER_ELIMIT);
    assert_int_equal(e->names.names.n, before);
    end(d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_keep_memory__a_definition_leaves_no_names),
        cmocka_unit_test(test_judge_keep_memory__a_queue_too_many_leaves_no_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
