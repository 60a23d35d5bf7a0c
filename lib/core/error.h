/* usher's own part of strerror and err_name; NULL for a code that is not usher's. The public
 * functions, which also speak for libuv's codes, are in lib/loop. */
#ifndef USHER_CORE_ERROR_H
#define USHER_CORE_ERROR_H

const char *usher__err_text(int err);
const char *usher__err_name(int err);

#endif
