/* Structs of other sizes: older ones, newer ones, and ones that are none. */
#include "by_hand.h"

#include <stdio.h>
#include <string.h>

/* ---- structs of other sizes ------------------------------------------------------------------ */

/* A struct that a call reads: its size, the end of the fields that it cannot do without. */
struct sized {
    const char *name;
    size_t size, least;
    int (*call)(struct fixture *f, void *data, struct receipt *r);
};

static int call_request(struct fixture *f, void *data, struct receipt *r)
{
    return usher_enqueue(f->q, data, fixture_on_done, r);
}

static int call_requests(struct fixture *f, void *data, struct receipt *r)
{
    return usher_enqueue_many(f->q, data, 1, fixture_on_done, r);
}

static int call_command(struct fixture *f, void *data, struct receipt *r)
{
    return usher_act(f->u, data, fixture_on_done, r);
}

static int call_commands(struct fixture *f, void *data, struct receipt *r)
{
    int n = usher_act_many(f->u, data, 1, fixture_on_done, r);

    return n == 1 ? 0 : n;
}

static int call_claim(struct fixture *f, void *data, struct receipt *r)
{
    return usher_claim_many(f->a, data, fixture_on_work, r);
}

static int call_query(struct fixture *f, void *data, struct receipt *r)
{
    return usher_read(f->u, data, fixture_on_page, r);
}

#define END_OF(type, field) (offsetof(type, field) + sizeof(((type *)NULL)->field))

static void fill_sized(struct fixture *f, size_t i, char *data)
{
    usher_request q = hand_request("eva");
    usher_command c = hand_command(f, USHER_NOTE);
    usher_claim_args args = USHER_INIT(usher_claim_args);
    usher_query query = USHER_INIT(usher_query);

    args.queues = &f->idle;
    args.queues_n = 1;
    query.what = USHER_READ_TICKETS;
    if (i < 2)
        memcpy(data, &q, sizeof q);
    else if (i < 4)
        memcpy(data, &c, sizeof c);
    else if (i == 4)
        memcpy(data, &args, sizeof args);
    else
        memcpy(data, &query, sizeof query);
}

static void test_structs__struct_sizes(void **state)
{
    static const struct sized all[] = {
        {"request", sizeof(usher_request), END_OF(usher_request, requester), call_request},
        {"requests", sizeof(usher_request), END_OF(usher_request, requester), call_requests},
        {"command", sizeof(usher_command), END_OF(usher_command, kind), call_command},
        {"commands", sizeof(usher_command), END_OF(usher_command, kind), call_commands},
        {"claim_args", sizeof(usher_claim_args), END_OF(usher_claim_args, queues_n), call_claim},
        {"query", sizeof(usher_query), END_OF(usher_query, what), call_query},
    };
    struct fixture *f = hand_begin(S_CLAIMED);

    (void)state;
    for (size_t i = 0; i < LENGTH(all); i++) {
        const struct sized *s = &all[i];

        for (uint64_t size = 0; size <= s->size + 32; size += size < 8 ? 1 : 8) {
            char *data = malloc(s->size + 32); /* behind it is nobody's */
            char *exact = malloc(size < 8 ? 8 : (size_t)size);

            assert_non_null(data);
            assert_non_null(exact);
            memset(data, 0, s->size + 32);
            fill_sized(f, i, data);
            memcpy(data, &size, sizeof size);
            memcpy(exact, data, size < 8 ? 8 : (size_t)size);
            fixture_what(f, "%s of %d bytes", s->name, (int)size);
            if (size >= s->least) {
                TAKEN(f, s->call(f, exact, r), 1);
                fixture_run(f);
            } else {
                REFUSED(f, s->call(f, exact, r), USHER_EINVAL);
            }
            if (size > s->size) { /* a field that is not known is used */
                exact[size - 1] = 1;
                REFUSED(f, s->call(f, exact, r), USHER_EINVAL);
                exact[size - 1] = 0;
                exact[s->size] = (char)0x80;
                REFUSED(f, s->call(f, exact, r), USHER_EINVAL);
            }
            free(exact);
            free(data);
        }
    }
    hand_end(f);
    fixture_verdict();
}

static int open_sized(struct fixture *f, uint64_t size, bool used)
{
    char *data = calloc(1, size < 8 ? 8 : (size_t)size);
    usher_t *u = f->u;
    int err;

    assert_non_null(data);
    memcpy(data, &size, sizeof size);
    if (used)
        data[size - 1] = 1;
    err = usher_open(&u, NULL, "memory:", (usher_options *)(void *)data, NULL, NULL);
    free(data);
    if (err != USHER_OK) {
        CHECK(f, u == NULL, "*out is not NULL");
        return err;
    }
    assert_int_equal(usher_close(u, NULL, NULL), USHER_OK);
    (void)usher_turn(u);
    return err;
}

static void test_structs__options(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);
    usher_options o = USHER_INIT(usher_options);
    usher_t *u = NULL;

    (void)state;
    for (uint64_t size = 0; size < 8; size++)
        CHECK(f, open_sized(f, size, false) == USHER_EINVAL, "%d bytes", (int)size);
    for (uint64_t size = 8; size <= sizeof o + 24; size += 8)
        CHECK(f, open_sized(f, size, false) == USHER_OK, "%d bytes", (int)size);
    CHECK(f, open_sized(f, sizeof o + 8, true) == USHER_EINVAL, "an option that is not known");
    for (int32_t level = 2; level < 6; level++) {
        o.durability = level;
        CHECK(f, usher_open(&u, NULL, "memory:", &o, NULL, NULL) == USHER_EINVAL, "%d", level);
    }
    o.durability = -1;
    CHECK(f, usher_open(&u, NULL, "memory:", &o, NULL, NULL) == USHER_EINVAL, "durability -1");
    o.durability = USHER_NONE;
    o.op_window_ms = -1;
    CHECK(f, usher_open(&u, NULL, "memory:", &o, NULL, NULL) == USHER_EINVAL, "op_window_ms -1");
    o.op_window_ms = INT64_MIN;
    CHECK(f, usher_open(&u, NULL, "memory:", &o, NULL, NULL) == USHER_EINVAL, "op_window_ms");
    CHECK(f, usher_open(&u, NULL, "sqlite:", NULL, NULL, NULL) == USHER_EINVAL, "a store");
    CHECK(f, usher_open(&u, NULL, "", NULL, NULL, NULL) == USHER_EINVAL, "no store");
    o.op_window_ms = INT64_MAX;
    o.op_window_n = o.max_pending = o.keep_closed = UINT32_MAX;
    o.history_bytes = o.seed = UINT64_MAX;
    CHECK(f, usher_open(&u, NULL, "memory:", &o, NULL, NULL) == USHER_OK, "the largest");
    f->other = u;
    hand_end(f);
    fixture_verdict();
}

/* Of a standing, as much as there is room for; the caller's other bytes are left alone. */
static void test_structs__standings_of_other_sizes(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);

    (void)state;
    for (uint64_t size = 0; size <= sizeof(usher_standing) + 64; size += size < 8 ? 1 : 8) {
        char *room = malloc((size_t)size + 8);

        assert_non_null(room);
        memset(room, 0x5a, (size_t)size + 8);
        memcpy(room, &size, sizeof size);
        if (size < 8)
            REFUSED(f, usher_peek(f->u, f->ticket, (usher_standing *)(void *)room), USHER_EINVAL);
        else
            TAKEN(f, usher_peek(f->u, f->ticket, (usher_standing *)(void *)room), 0);
        CHECK(f, memcmp(room, &size, sizeof size) == 0, "its size changed");
        for (size_t i = 0; size >= 8 && i < 8; i++)
            CHECK(f, room[size + i] == 0x5a, "byte %d behind %d", (int)i, (int)size);
        free(room);
    }
    hand_end(f);
    fixture_verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structs__struct_sizes),
        cmocka_unit_test(test_structs__options),
        cmocka_unit_test(test_structs__standings_of_other_sizes),
    };

    return cmocka_run_group_tests_name("structs", tests, NULL, NULL);
}
