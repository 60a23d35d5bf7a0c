/* The table: state x command, who may, what becomes of the token, what the rules must know.
 *
 * Read a row's `to` against the states' letters:  S scheduled  W waiting  C claimed  O offered
 * P paused  K stuck  R resolved  X closed  D withdrawn.  step() refuses what has a dot, and a debug
 * build checks that each command ends where its row says. */
#include "core/turn.h"

#include <stddef.h>

/* What a ticket must have room for when a stretch of its life may end; when somebody joins; where it
 * may stand afterwards. */
enum {
    FOR_A_STRETCH = ROOM_EXTRA | ROOM_STRETCH,
    FOR_A_PERSON = ROOM_EXTRA | ROOM_PERSON,
    TO_RETURN = ROOM_LINE | ROOM_KEPT
};

/* A holder's verbs are those that need the token. */
#define ROW(verb, name, by, token, to, or, facts, room, check, apply)                              \
    [verb] = {name, BY_##by, BY_##by == BY_HOLDER, TOKEN_##token, facts, room, to, or, check, apply}

/* clang-format off */
static const struct verb verbs[VERBS] = {
    /*  verb                  its name       who may    token   SWCOPKRXD    or
     *  must know, must have room, what is checked beside the state, what is done */
    /* with a claim */
    ROW(USHER_ACKNOWLEDGE,    "acknowledge", HOLDER,    KEPT,  "..===....", "",
        0, 0, NULL, usher__do_acknowledge),
    ROW(USHER_UPDATE,         "update",      HOLDER,    KEPT,  "..===....", "",
        0, 0, usher__check_update, usher__do_update),
    ROW(USHER_EXTEND,         "extend",      HOLDER,    KEPT,  "..=......", "",
        0, 0, NULL, usher__do_extend),
    ROW(USHER_RELEASE,        "release",     HOLDER,    ENDED, "..W......", "",
        FACT_ABLE, ROOM_LINE, NULL, usher__do_release),
    ROW(USHER_PAUSE,          "pause",       HOLDER,    KEPT,  "..P.=....", "",
        0, FOR_A_STRETCH, usher__check_pause, usher__do_pause),
    ROW(USHER_RESUME,         "resume",      HOLDER,    ENDED, "....*....", "WP",
        FACT_HOLDER | FACT_ABLE, TO_RETURN, usher__check_resume, usher__do_resume),
    ROW(USHER_RESOLVE,        "resolve",     HOLDER,    ENDED, "..***....", "RXCOP",
        0, 0, NULL, usher__do_resolve),
    ROW(USHER_FAIL,           "fail",        HOLDER,    ENDED, "..*......", "SK",
        0, 0, NULL, usher__do_fail),
    ROW(USHER_HAND_OFF,       "hand_off",    HOLDER,    KEPT,  "..*......", "OC",
        FACT_AGENT, ROOM_EXTRA | ROOM_OFFER, usher__check_hand_off, usher__do_hand_off),
    /* by a requester */
    ROW(USHER_ASK,            "ask",         REQUESTER, KEPT,  "=======..", "",
        0, 0, usher__check_person, usher__do_ask),
    ROW(USHER_REPLY,          "reply",       REQUESTER, KEPT,  "====*=**.", "WPR",
        FACT_HOLDER | FACT_ABLE, FOR_A_STRETCH | TO_RETURN, usher__check_reply, usher__do_reply),
    ROW(USHER_CONFIRM,        "confirm",     REQUESTER, KEPT,  "......*..", "RX",
        0, 0, usher__check_person, usher__do_confirm),
    ROW(USHER_REOPEN,         "reopen",      REQUESTER, KEPT,  "......WW.", "",
        FACT_HOLDER | FACT_ABLE, FOR_A_STRETCH | TO_RETURN, usher__check_reopen, usher__do_reopen),
    ROW(USHER_WITHDRAW,       "withdraw",    REQUESTER, ENDED, "*******..", "SWCOPKRXD",
        0, 0, usher__check_person, usher__do_withdraw),
    /* by the desk */
    ROW(USHER_REVIVE,         "revive",      DESK,      KEPT,  ".....W...", "",
        FACT_ABLE, ROOM_LINE, NULL, usher__do_revive),
    ROW(USHER_RECALL,         "recall",      DESK,      KEPT,  "...*.....", "CW",
        FACT_HOLDER | FACT_ABLE, ROOM_LINE, NULL, usher__do_recall),
    ROW(USHER_DECLINE,        "decline",     DESK,      ENDED, "...W.....", "",
        FACT_HOLDER | FACT_ABLE, TO_RETURN, NULL, usher__offer_return),
    ROW(USHER_ESCALATE,       "escalate",    DESK,      KEPT,  "======...", "",
        0, 0, NULL, usher__do_escalate),
    ROW(USHER_REPRIORITISE,   "reprioritise",DESK,      KEPT,  "======...", "",
        FACT_MARK, TO_RETURN, NULL, usher__do_reprioritise),
    ROW(USHER_MOVE,           "move",        DESK,      KEPT,  "======...", "",
        FACT_MARK, TO_RETURN, NULL, usher__do_move),
    ROW(USHER_NOTE,           "note",        DESK,      KEPT,  "=======..", "",
        0, 0, NULL, usher__do_note),
    ROW(USHER_LINK,           "link",        DESK,      KEPT,  "========.", "",
        FACT_CAUSE, ROOM_EXTRA, usher__check_link, usher__do_link),
    /* calls of their own, and what the engine does for them */
    ROW(VERB_RECEIPT,         "receipt",     DESK,      KEPT,  "======...", "",
        0, 0, NULL, usher__do_receipt),
    ROW(VERB_ENQUEUE,         "enqueue",     ENGINE,    KEPT,  ".........", "SW",
        FACT_MARK | FACT_SYMPTOM | FACT_ABLE, ROOM_LINE, NULL, usher__do_enqueue),
    ROW(VERB_JOIN,            "join",        ENGINE,    KEPT,  "*=====...", "SW",
        FACT_MARK | FACT_ABLE, FOR_A_PERSON | TO_RETURN, usher__check_join, usher__do_join),
    ROW(VERB_CLAIM,           "claim",       ENGINE,    NEW,   ".C.C.....", "",
        0, 0, NULL, usher__do_claim),
    ROW(VERB_CLAIM_TICKET,    "claim_ticket",ENGINE,    NEW,   ".C.CCC...", "",
        FACT_PASSED_OVER, 0, usher__check_claim, usher__do_claim),
    ROW(VERB_LEAVE,           "leave",       ENGINE,    ENDED, "..W......", "",
        FACT_ABLE, ROOM_LINE, NULL, usher__do_leave),
    ROW(VERB_APPLY,           "apply",       ENGINE,    KEPT,  "=======..", "",
        FACT_MARK, TO_RETURN, NULL, usher__do_apply),
    ROW(VERB_UNKEEP,          "unkeep",      ENGINE,    KEPT,  ".=.......", "",
        0, ROOM_LINE, usher__check_unkeep, usher__do_unkeep),
    ROW(VERB_LINKED,          "linked",      ENGINE,    KEPT,  "======...", "",
        0, ROOM_EXTRA, NULL, usher__do_linked),
    ROW(VERB_TOLD,            "told",        ENGINE,    KEPT,  "========.", "",
        0, 0, NULL, usher__do_told),
    ROW(VERB_NO_AGENT,        "no_agent",    ENGINE,    KEPT,  ".=.......", "",
        FACT_ABLE, 0, NULL, usher__do_no_agent),
};
/* clang-format on */

const struct verb *usher__verb(int verb)
{
    if (verb < 0 || verb >= VERBS || verbs[verb].name == NULL)
        return NULL;
    return &verbs[verb];
}
