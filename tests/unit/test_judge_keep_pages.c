/* Whatever is read in pages is the same as read in one: nothing twice, nothing left out, in the same
 * order, with pages of any length; in memory, and where most of it is only in the file. */
#include "keep.h"

enum { KEYS_MAX = 2048 };

/* What was read, a number for each row. */
struct reading {
    uint64_t key[KEYS_MAX], cursor;
    uint32_t n, pages, limit;
    int status;
};

static uint64_t mix(uint64_t sum, uint64_t value)
{
    return (sum * UINT64_C(1099511628211) ^ value) * UINT64_C(1099511628211);
}

static uint64_t key_of(const usher_page *p, uint64_t i)
{
    if (p->tickets != NULL)
        return p->tickets[i].ticket;
    if (p->events != NULL)
        return mix(p->events[i].seq, p->events[i].ticket_seq);
    if (p->spans != NULL)
        return mix((uint64_t)p->spans[i].from_at, (uint64_t)p->spans[i].to_at);
    if (p->changes != NULL)
        return mix(p->changes[i].ticket, (uint64_t)p->changes[i].promise);
    if (p->symptoms != NULL)
        return p->symptoms[i].last;
    if (p->agents != NULL)
        return mix((uint64_t)(uintptr_t)p->agents[i].agent, p->agents[i].claims);
    return mix((uint64_t)(uintptr_t)p->figures[i].queue,
               (uint64_t)(uint32_t)p->figures[i].priority);
}

static void on_part(usher_t *u, int status, const usher_page *p, void *user)
{
    struct reading *r = user;

    (void)u;
    r->status = status;
    r->cursor = p->cursor;
    assert_true(p->n <= r->limit);
    for (uint64_t i = 0; i < p->n; i++) {
        assert_true(r->n < KEYS_MAX);
        r->key[r->n++] = key_of(p, i);
    }
    r->pages++;
}

static void read_all(struct desk *d, usher_query q, uint32_t limit, struct reading *r)
{
    *r = (struct reading){.limit = limit};
    q.size = sizeof q;
    q.limit = limit;
    do {
        q.cursor = r->cursor;
        r->status = -1;
        assert_int_equal(usher_read(d->u, &q, on_part, r), USHER_OK);
        settle(d);
        assert_int_equal(r->status, USHER_OK);
        assert_true(r->pages < KEYS_MAX);
    } while (r->cursor != 0);
}

static void same_in_pages(struct desk *d, usher_query q, uint32_t rows_n)
{
    static struct reading whole, parts;

    read_all(d, q, 1000, &whole);
    assert_int_equal(whole.pages, 1);
    assert_int_equal(whole.n, rows_n);
    for (uint32_t i = 0; i < whole.n; i++) {
        for (uint32_t k = 0; k < i; k++)
            assert_true(whole.key[i] != whole.key[k]);
    }
    for (uint32_t limit = 1; limit <= rows_n + 1; limit++) {
        read_all(d, q, limit, &parts);
        assert_int_equal(parts.n, whole.n);
        assert_memory_equal(parts.key, whole.key, whole.n * sizeof whole.key[0]);
        assert_true(parts.pages >= (rows_n + limit - 1) / limit);
    }
}

/* ---- what is there to be read ------------------------------------------------------------------ */

enum { TICKETS = 12, CLOSED = 4, OPEN = TICKETS - CLOSED, LONG = CLOSED + 1, NOTES = 9 };

static const char policy[] = "{\"calendars\":{\"day\":{\"zone\":\"UTC\",\"week\":{\"mon-sun\":[["
                             "\"08:00\",\"09:00\"],[\"11:00\",\"12:00\"]]}}},"
                             "\"promises\":{\"ack\":{\"target\":\"1h\"},\"resolve\":{\"calendar\":"
                             "\"day\",\"target\":\"9h\"}}}";
static const char other[] =
    "{\"promises\":{\"ack\":{\"target\":\"2h\"},\"resolve\":{\"target\":\"4h\"}}}";

/* The first four are closed; one has a long history; each has a symptom of its own but the last. */
static void fill(struct desk *d)
{
    char err[200], symptom[16];

    assert_int_equal(usher_define(d->q, policy, err, sizeof err, NULL, NULL), USHER_OK);
    for (int i = 0; i < TICKETS; i++) {
        snprintf(symptom, sizeof symptom, "trouble-%d", i < 10 ? i : 9);
        if (i < CLOSED)
            closed_ticket(d, (usher_request){.symptom = symptom, .priority = USHER_URGENT});
        else
            enqueue(d,
                    (usher_request){.symptom = symptom, .requester = i % 2 == 0 ? "eva" : "kim"});
    }
    for (int i = 0; i < NOTES; i++)
        assert_int_equal(act(d, (usher_command){.verb = USHER_NOTE,
                                                .claim = {LONG, 0},
                                                .text = USHER_TEXT("note")}),
                         USHER_OK);
}

static void in_pages(struct desk *d)
{
    same_in_pages(d, (usher_query){.what = USHER_READ_TICKETS}, TICKETS);
    same_in_pages(d, (usher_query){.what = USHER_READ_TICKETS, .states = 1u << USHER_WAITING},
                  OPEN);
    same_in_pages(d, (usher_query){.what = USHER_READ_TICKETS, .states = 1u << USHER_CLOSED},
                  CLOSED);
    same_in_pages(d, (usher_query){.what = USHER_READ_TICKETS, .requester = "kim", .queue = d->q},
                  4);
    same_in_pages(d, (usher_query){.what = USHER_READ_TICKETS, .symptom = "trouble-9"}, 3);
    same_in_pages(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = LONG}, 1 + NOTES);
    same_in_pages(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = 1}, 5);
    same_in_pages(
        d,
        (usher_query){.what = USHER_READ_WHY_DUE, .ticket = LONG, .promise = USHER_PROMISE_RESOLVE},
        18);
    same_in_pages(d, (usher_query){.what = USHER_READ_WHAT_IF, .queue = d->q, .policy = other}, 16);
    same_in_pages(d, (usher_query){.what = USHER_READ_SYMPTOMS}, 10);
}

static void test_judge_keep_pages__in_memory(void **state)
{
    struct desk *d = begin((usher_options){.keep_closed = 100});

    (void)state;
    close_desk(d);
    strcpy(d->uri, "memory:");
    open_desk(d);
    fill(d);
    in_pages(d);
    end(d);
}

static void test_judge_keep_pages__in_the_file(void **state)
{
    struct desk *d = begin((usher_options){.keep_closed = 1, .history_bytes = 1});

    (void)state;
    fill(d);
    in_pages(d);
    reopen(d);
    in_pages(d);
    end(d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_keep_pages__in_memory),
        cmocka_unit_test(test_judge_keep_pages__in_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
