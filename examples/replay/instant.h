/* Instants as logs write them, as ms since 1970 UTC. */
#ifndef EXAMPLES_REPLAY_INSTANT_H
#define EXAMPLES_REPLAY_INSTANT_H
#include <stdint.h>

/* A format: "iso" (2016-02-29T01:16:00.5+01:00; a blank for T, / for -, seconds and zone may be
 * missing), "unix", "unix_ms", or a pattern of %d %m %Y %H %M %S %z %% and literal text. */

/* NULL, or why the format cannot be used: it is unknown, or does not give a whole date. */
const char *instant_format_fault(const char *format);

/* offset_ms: what a local time without a zone is ahead of UTC. NULL, or what is wrong with text. */
const char *instant_parse(const char *format, int64_t offset_ms, const char *text, int64_t *out);

/* "+01:00", "-0330" or "Z"; NULL or what is wrong. */
const char *instant_offset(const char *text, int64_t *offset_ms);

#endif
