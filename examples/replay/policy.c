/* policy.json as a string, so that the program needs no file beside it.
 *
 * Promises run around the clock. Leases, pauses, hand-offs and after-care are long enough to end in the
 * log only: ten years. With --policy one can ask what a stricter one would have made of the same
 * history. */
#include "policy.h"

const char policy_builtin[] = "{\n"
                              "  \"promises\": {\n"
                              "    \"ack\": { \"target\": { \"urgent\": \"15m\", \"high\": \"1h\", "
                              "\"normal\": \"4h\", \"low\": \"8h\" } },\n"
                              "    \"answer\": { \"target\": { \"urgent\": \"1h\", \"high\": "
                              "\"4h\", \"normal\": \"8h\", \"low\": \"1d\" } },\n"
                              "    \"update\": { \"target\": { \"urgent\": \"4h\", \"high\": "
                              "\"8h\", \"normal\": \"2d\", \"low\": \"5d\" } },\n"
                              "    \"resolve\": { \"target\": { \"urgent\": \"4h\", \"high\": "
                              "\"1d\", \"normal\": \"5d\", \"low\": \"10d\" } }\n"
                              "  },\n"
                              "  \"lease\": { \"for\": \"520w\", \"max\": \"520w\" },\n"
                              "  \"pause\": {\n"
                              "    \"requester\": { \"max\": \"520w\", \"then\": \"wait\" },\n"
                              "    \"third_party\": { \"max\": \"520w\", \"then\": \"wait\" }\n"
                              "  },\n"
                              "  \"handoff\": { \"accept_within\": \"520w\", \"hops\": 1000 },\n"
                              "  \"aftercare\": { \"check_in\": [], \"confirm_within\": \"520w\", "
                              "\"reopen_within\": \"520w\" },\n"
                              "  \"limits\": { \"open\": 100000000 }\n"
                              "}\n";
