/* The table: state x command, who may, what becomes of the token, what the rules must know.
 *
 * Read a row's `to` against the states' letters:  S scheduled  W waiting  C claimed  O (offered)
 * P paused  K stuck  R resolved  X closed  D withdrawn.  step() refuses what has a dot, and a debug
 * build checks that each command ends where its row says. */
#include "core/turn.h"

#include <stddef.h>

static const struct verb verbs[VERBS] = {
    /* with a claim                                                      SWCOPKRXD */
    [USHER_ACKNOWLEDGE] = { "acknowledge", BY_HOLDER, 1, TOKEN_KEPT, 0, 0,
                            "..=.=....", "", NULL, usher__do_acknowledge },
    [USHER_UPDATE] = { "update", BY_HOLDER, 1, TOKEN_KEPT, 0, 0,
                       "..=.=....", "", usher__check_update, usher__do_update },
    [USHER_EXTEND] = { "extend", BY_HOLDER, 1, TOKEN_KEPT, 0, 0,
                       "..=......", "", NULL, usher__do_extend },
    [USHER_RELEASE] = { "release", BY_HOLDER, 1, TOKEN_ENDED, 0, ROOM_LINE,
                        "..W......", "", NULL, usher__do_release },
    [USHER_PAUSE] = { "pause", BY_HOLDER, 1, TOKEN_KEPT, 0, ROOM_EXTRA | ROOM_STRETCH,
                      "..P.=....", "", usher__check_pause, usher__do_pause },
    [USHER_RESUME] = { "resume", BY_HOLDER, 1, TOKEN_ENDED, FACT_HOLDER, ROOM_LINE | ROOM_KEPT,
                       "....*....", "WP", usher__check_resume, usher__do_resume },
    [USHER_RESOLVE] = { "resolve", BY_HOLDER, 1, TOKEN_ENDED, 0, 0,
                        "..*.*....", "RX", NULL, usher__do_resolve },
    [USHER_FAIL] = { "fail", BY_HOLDER, 1, TOKEN_ENDED, 0, 0,
                     "..*......", "SK", NULL, usher__do_fail },
    /* by a requester */
    [USHER_ASK] = { "ask", BY_REQUESTER, 0, TOKEN_KEPT, 0, 0,
                    "===.===..", "", usher__check_person, usher__do_ask },
    [USHER_REPLY] = { "reply", BY_REQUESTER, 0, TOKEN_KEPT, FACT_HOLDER, ROOM_EXTRA | ROOM_STRETCH | ROOM_LINE | ROOM_KEPT,
                      "===.*=**.", "WPR", usher__check_reply, usher__do_reply },
    [USHER_CONFIRM] = { "confirm", BY_REQUESTER, 0, TOKEN_KEPT, 0, 0,
                        "......*..", "RX", usher__check_person, usher__do_confirm },
    [USHER_REOPEN] = { "reopen", BY_REQUESTER, 0, TOKEN_KEPT, FACT_HOLDER, ROOM_EXTRA | ROOM_STRETCH | ROOM_LINE | ROOM_KEPT,
                       "......WW.", "", usher__check_reopen, usher__do_reopen },
    [USHER_WITHDRAW] = { "withdraw", BY_REQUESTER, 0, TOKEN_ENDED, 0, 0,
                         "***.***..", "SWCPKRXD", usher__check_person, usher__do_withdraw },
    /* by the desk */
    [USHER_REVIVE] = { "revive", BY_DESK, 0, TOKEN_KEPT, 0, ROOM_LINE,
                       ".....W...", "", NULL, usher__do_revive },
    [USHER_ESCALATE] = { "escalate", BY_DESK, 0, TOKEN_KEPT, 0, 0,
                         "===.==...", "", NULL, usher__do_escalate },
    [USHER_REPRIORITISE] = { "reprioritise", BY_DESK, 0, TOKEN_KEPT, FACT_MARK, ROOM_LINE | ROOM_KEPT,
                             "===.==...", "", NULL, usher__do_reprioritise },
    [USHER_MOVE] = { "move", BY_DESK, 0, TOKEN_KEPT, FACT_MARK, ROOM_LINE | ROOM_KEPT,
                     "===.==...", "", NULL, usher__do_move },
    [USHER_NOTE] = { "note", BY_DESK, 0, TOKEN_KEPT, 0, 0,
                     "===.===..", "", NULL, usher__do_note },
    /* calls of their own, and what the engine does for them */
    [VERB_RECEIPT] = { "receipt", BY_DESK, 0, TOKEN_KEPT, 0, 0,
                       "===.==...", "", NULL, usher__do_receipt },
    [VERB_ENQUEUE] = { "enqueue", BY_ENGINE, 0, TOKEN_KEPT, FACT_MARK, ROOM_LINE,
                       ".........", "SW", NULL, usher__do_enqueue },
    [VERB_JOIN] = { "join", BY_ENGINE, 0, TOKEN_KEPT, FACT_MARK, ROOM_EXTRA | ROOM_PERSON | ROOM_LINE | ROOM_KEPT,
                    "*==.==...", "SW", usher__check_join, usher__do_join },
    [VERB_CLAIM] = { "claim", BY_ENGINE, 0, TOKEN_NEW, 0, 0,
                     ".C.......", "", NULL, usher__do_claim },
    [VERB_CLAIM_TICKET] = { "claim_ticket", BY_ENGINE, 0, TOKEN_NEW, FACT_PASSED_OVER, 0,
                            ".C..CC...", "", NULL, usher__do_claim },
    [VERB_LEAVE] = { "leave", BY_ENGINE, 0, TOKEN_ENDED, 0, ROOM_LINE,
                     "..W......", "", NULL, usher__do_leave },
    [VERB_UNKEEP] = { "unkeep", BY_ENGINE, 0, TOKEN_KEPT, 0, ROOM_LINE,
                      ".=.......", "", usher__check_unkeep, usher__do_unkeep },
};

const struct verb *usher__verb(int verb)
{
    if (verb < 0 || verb >= VERBS || verbs[verb].name == NULL)
        return NULL;
    return &verbs[verb];
}
