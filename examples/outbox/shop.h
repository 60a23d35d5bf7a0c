/* The host's own affairs: a database of orders, which knows of usher only that each order leaves a row in
 * the outbox. */
#ifndef EXAMPLES_OUTBOX_SHOP_H
#define EXAMPLES_OUTBOX_SHOP_H
#include <sqlite3.h>
#include <stdint.h>

/* Opens the file, makes it if need be. SQLite's error; *db is to be closed in both cases. */
int shop_open(sqlite3 **db, const char *path);

/* An order and its row in the outbox, in one transaction: both or none. */
int shop_order(sqlite3 *db, const char *customer, const char *what);

int64_t shop_orders(sqlite3 *db); /* how many there are; -1: it cannot be read */

#endif
