/* usher-outbox: a shop whose orders become tickets, each exactly one, however often it is killed.
 *
 * Takes orders until the shop has as many as were asked for, an order in each turn of the loop, and ends
 * when the outbox is empty. Run it, kill it anywhere, run it again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pump.h"
#include "shop.h"

struct host {
    uv_loop_t *loop;
    usher_t *u;
    sqlite3 *db;
    struct pump pump;
    uv_idle_t idle;
    int64_t orders, wanted;
    int code;
};

static void on_closed(void *user)
{
    struct host *h = user;
    pump_stop(&h->pump);
}

static void leave(struct host *h)
{
    if (usher_close(h->u, on_closed, h) == USHER_OK)
        uv_close((uv_handle_t *)&h->idle, NULL);
}

static int fail(struct host *h, const char *what, const char *why)
{
    fprintf(stderr, "usher-outbox: %s: %s\n", what, why);
    h->code = 1;
    return 1;
}

static void on_empty(void *user)
{
    struct host *h = user;
    if (h->orders >= h->wanted)
        leave(h);
}

static void on_idle(uv_idle_t *idle)
{
    struct host *h = idle->data;
    char customer[40];
    if (h->orders >= h->wanted) {
        uv_idle_stop(idle);
    } else {
        snprintf(customer, sizeof customer, "customer-%lld", (long long)h->orders % 7);
        if (shop_order(h->db, customer, "one kettle, blue") == SQLITE_OK)
            h->orders++;
        else if (fail(h, "the order", sqlite3_errmsg(h->db)))
            leave(h);
    }
    pump_look(&h->pump);
}

static void on_failed(usher_t *u, int status, usher_text why, void *user)
{
    struct host *h = user;
    (void)u, (void)status;
    fail(h, "usher's store", why.data);
    leave(h);
}

static int open_all(struct host *h, const char *shop, const char *store)
{
    char uri[600];
    char why[300] = "";
    usher_options o = USHER_INIT(usher_options);
    o.op_window_ms = PUMP_OP_WINDOW_MS;
    o.on_failed = on_failed;
    o.user = h;
    o.err = why;
    o.err_len = sizeof why;
    if (shop_open(&h->db, shop) != SQLITE_OK)
        return fail(h, shop, sqlite3_errmsg(h->db));
    h->orders = shop_orders(h->db);
    snprintf(uri, sizeof uri, "sqlite:%s?readers=1", store);
    int r = usher_open(&h->u, h->loop, uri, &o, NULL, NULL);
    if (r != USHER_OK)
        return fail(h, store, why[0] ? why : usher_strerror(r));
    uv_idle_init(h->loop, &h->idle);
    h->idle.data = h;
    uv_idle_start(&h->idle, on_idle);
    if (pump_start(&h->pump, h->u, h->db, h->loop, on_empty, h) != SQLITE_OK) {
        fail(h, "the outbox", sqlite3_errmsg(h->db));
        leave(h);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct host h = {.loop = uv_default_loop()};
    if (argc < 3 || argc > 4) {
        fputs("Usage: usher-outbox SHOP.db STORE.db [ORDERS]\n", stderr);
        return 2;
    }
    h.wanted = argc > 3 ? strtoll(argv[3], NULL, 10) : 10;
    if (open_all(&h, argv[1], argv[2]) == 0) {
        uv_run(h.loop, UV_RUN_DEFAULT);
        printf(
            "%lld orders; this time %llu rows were carried over, %llu of them once more, and %llu "
            "put aside\n",
            (long long)h.orders, (unsigned long long)h.pump.carried,
            (unsigned long long)h.pump.repeated, (unsigned long long)h.pump.refused);
    }
    sqlite3_close(h.db);
    return uv_loop_close(h.loop) != 0 ? 1 : h.code;
}
