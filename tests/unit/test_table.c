/* The whole table of states and verbs through the public API: each verb on a ticket in each state,
 * with the token of the claim that stands, with a stale one, with none, and by the wrong person.
 *
 * The rows here are written from the rules, not from lib/core/table.c; the last of these tests
 * holds the two against each other. */
#include <stdbool.h>

#include "rules.h"

#include "core/ticket.h"

/* A ticket's situations: its states, and what makes a difference within one. */
enum situation {
    SCHEDULED, /* until its start */
    BACKOFF,   /* scheduled again, after a failed attempt */
    WAITING,
    KEPT,      /* waiting, kept for ann */
    CLAIMED,
    TO_TIER2,  /* offered by ann, to a queue */
    TO_BOB,    /* ... to an agent */
    ASKED,     /* paused on the requester */
    THIRD,     /* paused on a third party */
    STUCK,
    RESOLVED,
    CLOSED,
    OVER,      /* closed, and reopen_within has passed */
    WITHDRAWN,
    SITUATIONS
};
static const char letters[] = "SSWWCOOPPKRXXD"; /* their states, as the rows name them */

static const char policy[] =
    "{'retry':{'attempts':2,'backoff':['1h']},"
    " 'aftercare':{'confirm_within':'5d','reopen_within':'10d'}}";

enum by { HOLDER, PERSON, DESK };
enum { TO_AN_AGENT = 100 }; /* no kind of the library's */

/* What becomes of a ticket: a letter per situation, '.' where the verb is not legal. */
static const struct row {
    const char *name;
    int verb, kind;
    enum by by;
    const char *to;
} rows[] = {
    /*                                                              SBWHCQBATKRXOW */
    { "acknowledge", USHER_ACKNOWLEDGE, 0, HOLDER,                 "....COOPP....." },
    { "update", USHER_UPDATE, 0, HOLDER,                           "....COOPP....." },
    { "extend", USHER_EXTEND, 0, HOLDER,                           "....C........." },
    { "release", USHER_RELEASE, 0, HOLDER,                         "....W........." },
    { "pause on the requester", USHER_PAUSE, USHER_ON_REQUESTER, HOLDER, "....P..PP....." },
    { "pause on a third party", USHER_PAUSE, USHER_ON_THIRD_PARTY, HOLDER, "....P..PP....." },
    { "pause until", USHER_PAUSE, USHER_UNTIL, HOLDER,             "....P..PP....." },
    { "resume all", USHER_RESUME, 0, HOLDER,                       ".......WW....." },
    { "resume requester", USHER_RESUME, USHER_ON_REQUESTER, HOLDER, ".......W......" },
    { "resume third party", USHER_RESUME, USHER_ON_THIRD_PARTY, HOLDER, "........W....." },
    { "resolve", USHER_RESOLVE, 0, HOLDER,                         "....RRRRR....." },
    { "resolve as fix", USHER_RESOLVE, USHER_AS_FIX, HOLDER,       "....RRRRR....." },
    { "fail", USHER_FAIL, 0, HOLDER,                               "....S........." },
    { "hand off to a queue", USHER_HAND_OFF, 0, HOLDER,            "....O........." },
    { "hand off to an agent", USHER_HAND_OFF, TO_AN_AGENT, HOLDER, "....O........." },
    { "ask", USHER_ASK, 0, PERSON,                                 "SSWWCOOPPKR..." },
    { "reply", USHER_REPLY, 0, PERSON,                             "SSWWCOOWPKWW.." },
    { "courtesy", USHER_REPLY, USHER_COURTESY, PERSON,             "SSWWCOOPPKR..." },
    { "confirm", USHER_CONFIRM, 0, PERSON,                         "..........X..." },
    { "reopen", USHER_REOPEN, 0, PERSON,                           "..........WW.." },
    { "withdraw", USHER_WITHDRAW, 0, PERSON,                       "DDDDDDDDDDD..." },
    { "revive", USHER_REVIVE, 0, DESK,                             ".........W...." },
    { "escalate", USHER_ESCALATE, 0, DESK,                         "SSWWCOOPPK...." },
    { "reprioritise", USHER_REPRIORITISE, USHER_HIGH, DESK,        "SSWWCOOPPK...." },
    { "move", USHER_MOVE, 0, DESK,                                 "SSWWCOOPPK...." },
    { "recall", USHER_RECALL, 0, DESK,                             ".....CC......." },
    { "decline", USHER_DECLINE, 0, DESK,                           ".....WW......." },
    { "link", USHER_LINK, 0, DESK,                                 "SSWWCOOPPKRXX." },
    { "note", USHER_NOTE, 0, DESK,                                 "SSWWCOOPPKR..." },
    { "receipt", USHER_ACKNOWLEDGE, USHER_BY_MACHINE, DESK,        "SSWWCOOPPK...." },
};
enum { ROWS = sizeof rows / sizeof rows[0] };
/* Calls of their own; claim_ticket by bob, and an enqueue with its dedup_key. */
static const char claim_ticket_to[] = "..CC.CCCCC....";
static const char join_to[] = "SSWWCOOPPK....";

/* A ticket in a situation, and tokens. */
struct subject {
    usher_id id;
    uint64_t good;  /* of the claim that stands; 0: none does */
    uint64_t stale; /* of one that has ended, or never was */
};

static usher_claim by_ann(struct service *s, usher_id id)
{
    usher_claim c;

    assert_int_equal(claim_ticket(s, s->ann, id, &c), USHER_OK);
    return c;
}

static usher_id new_ticket(struct service *s, int64_t start_at)
{
    usher_request r = { .requester = "ada", .dedup_key = "printer", .start_at = start_at };

    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    return s->done.ticket;
}

static void fail_twice(struct service *s, usher_claim c)
{
    assert_int_equal(by_agent(s, c, USHER_FAIL), USHER_OK);
    at(s, wall(s) - T0 + HOUR);
    assert_int_equal(by_agent(s, by_ann(s, c.ticket), USHER_FAIL), USHER_OK);
}

/* From ann's hands into the situation. */
static void bring(struct service *s, usher_claim c, enum situation to)
{
    int ok = USHER_OK;

    switch (to) {
    case SCHEDULED:
    case CLAIMED: break;
    case BACKOFF: ok = by_agent(s, c, USHER_FAIL); break;
    case WAITING: ok = by_agent(s, c, USHER_RELEASE); break;
    case KEPT:
        bring(s, c, THIRD);
        ok = by_agent(s, c, USHER_RESUME);
        break;
    case TO_TIER2: ok = hand_off(s, c, queue(s, "tier2"), NULL); break;
    case TO_BOB: ok = hand_off(s, c, NULL, s->bob); break;
    case ASKED: ok = pause(s, c, USHER_ON_REQUESTER, 0); break;
    case THIRD: ok = pause(s, c, USHER_ON_THIRD_PARTY, 0); break;
    case STUCK: fail_twice(s, c); break;
    case RESOLVED: ok = by_agent(s, c, USHER_RESOLVE); break;
    case CLOSED:
        bring(s, c, RESOLVED);
        ok = by_person(s, c.ticket, USHER_CONFIRM, "ada");
        break;
    case OVER:
        bring(s, c, CLOSED);
        at(s, wall(s) - T0 + 10 * DAY);
        break;
    default: ok = by_person(s, c.ticket, USHER_WITHDRAW, "ada"); break;
    }
    assert_int_equal(ok, USHER_OK);
}

static char letter_of(struct service *s, usher_id id)
{
    return "?SWCOPKRXD"[state(s, id)];
}

/* A ticket that has been claimed and let go before, so that there is a token that once was good. */
static struct subject subject_in(struct service *s, enum situation situation)
{
    struct subject subject = { new_ticket(s, situation == SCHEDULED ? T0 + DAY : 0), 0, 1 };
    usher_claim c;

    if (situation == SCHEDULED)
        return subject;
    c = by_ann(s, subject.id);
    subject.stale = c.token;
    assert_int_equal(by_agent(s, c, USHER_RELEASE), USHER_OK);
    c = by_ann(s, subject.id);
    bring(s, c, situation);
    if (strchr("COP", letters[situation]) != NULL)
        subject.good = c.token;
    assert_int_equal(letter_of(s, subject.id), letters[situation]);
    return subject;
}

/* ---- one command on one ticket --------------------------------------------------------------- */

enum { NOT_TOLD = 1 };

struct answer {
    int returned, status; /* status NOT_TOLD: there was no callback */
};

/* Another ticket, in a queue of its own. */
static usher_id cause_of(struct service *s)
{
    usher_request r = { .requester = "mel" };

    assert_int_equal(enqueue(s, queue(s, "problems"), r), USHER_OK);
    return s->done.ticket;
}

static usher_command command_of(struct service *s, const struct row *row, usher_claim c)
{
    usher_command command = { .size = sizeof command, .verb = row->verb, .kind = row->kind,
                              .claim = c, .text = TEXT("text") };

    if (row->kind == TO_AN_AGENT) {
        command.kind = 0;
        command.agent = agent(s, "cay", NULL);
    } else if (row->verb == USHER_HAND_OFF || row->verb == USHER_MOVE) {
        command.queue = queue(s, "other");
    }
    if (row->verb == USHER_LINK)
        command.other = cause_of(s);
    if (row->by == PERSON)
        command.who = "ada";
    if (row->kind == USHER_UNTIL && row->verb == USHER_PAUSE)
        command.at = wall(s) + HOUR;
    return command;
}

static struct answer try(struct service *s, const usher_command *c)
{
    struct answer a;

    s->done.status = NOT_TOLD;
    a.returned = usher_act(s->u, c, on_done, s);
    run(s);
    a.status = s->done.status;
    return a;
}

static void fail_at(const char *name, int situation, const char *what)
{
    fail_msg("%s in situation %d (%c): %s", name, situation, letters[situation], what);
}

/* The command was refused as it should be, and nothing has changed. */
static void expect_refused(struct service *s, const char *name, int situation,
                           const struct subject *subject, const usher_command *c,
                           struct answer expected)
{
    usher_standing before = peek(s, subject->id), after;
    uint32_t seen = s->seen_n;
    struct answer a = try(s, c);

    if (a.returned != expected.returned || a.status != expected.status) {
        print_error("returned %s, status %s\n", usher_err_name(a.returned),
                    a.status == NOT_TOLD ? "none" : usher_err_name(a.status));
        fail_at(name, situation, "refused in another way");
    }
    after = peek(s, subject->id);
    if (after.state != before.state || after.ticket_seq != before.ticket_seq ||
        after.until_at != before.until_at || after.rank_at != before.rank_at ||
        after.priority != before.priority || s->seen_n != seen)
        fail_at(name, situation, "refused, and yet something has changed");
}

/* The command is as legal as the row says. */
static void expect_row(struct service *s, const struct row *row, int situation,
                       const struct subject *subject, const usher_command *c)
{
    struct answer a;
    usher_standing after;
    char letter;

    if (row->to[situation] == '.') {
        expect_refused(s, row->name, situation, subject, c, (struct answer){ 0, USHER_ESTATE });
        return;
    }
    a = try(s, c);
    if (a.returned != USHER_OK || a.status != USHER_OK) {
        print_error("returned %s, status %s\n", usher_err_name(a.returned),
                    usher_err_name(a.status));
        fail_at(row->name, situation, "refused");
    }
    after = peek(s, subject->id);
    letter = letter_of(s, subject->id);
    if (letter != row->to[situation]) {
        print_error("%c instead of %c\n", letter, row->to[situation]);
        fail_at(row->name, situation, "another state follows");
    }
    assert_int_equal(s->done.ticket, subject->id);
    assert_int_equal(s->done.verb, row->verb);
    assert_int_equal(s->done.state, after.state);
    assert_int_equal(s->done.until_at, after.until_at);
    assert_int_equal(s->done.seq, s->seen[s->seen_n - 1].seq);
    assert_int_equal(s->done.token, strchr("COP", letter) != NULL ? subject->good : 0);
}

/* ---- the whole table ------------------------------------------------------------------------- */

enum token { NONE, GOOD, STALE, FUTURE, TOKENS };

/* The token to give; false: there is no such token in this situation. */
static bool token_of(const struct subject *subject, enum token which, uint64_t *token)
{
    *token = 0;
    if (which == GOOD)
        *token = subject->good;
    else if (which == STALE)
        *token = subject->stale;
    else if (which == FUTURE)
        *token = 100;
    return which == NONE || *token != 0;
}

static void try_cell(const struct row *row, int situation, enum token which)
{
    struct service *s = begin(policy);
    struct subject subject = subject_in(s, (enum situation)situation);
    usher_claim c = { subject.id, 0 };

    if (token_of(&subject, which, &c.token)) {
        usher_command command = command_of(s, row, c);

        if (which == NONE && row->by == HOLDER)
            expect_refused(s, row->name, situation, &subject, &command,
                           (struct answer){ USHER_EINVAL, NOT_TOLD });
        else if (which == STALE || which == FUTURE)
            expect_refused(s, row->name, situation, &subject, &command,
                           (struct answer){ 0, USHER_ESTALE });
        else
            expect_row(s, row, situation, &subject, &command);
    }
    end(s);
}

static void try_all(enum token which)
{
    for (int i = 0; i < ROWS; i++) {
        for (int situation = 0; situation < SITUATIONS; situation++)
            try_cell(&rows[i], situation, which);
    }
}

static void test_table__with_the_token_of_the_claim_that_stands(void **unused)
{
    (void)unused;

    try_all(GOOD);
}

static void test_table__without_a_token(void **unused)
{
    (void)unused;

    try_all(NONE);
}

static void test_table__with_a_stale_token(void **unused)
{
    (void)unused;

    try_all(STALE);
}

static void test_table__with_a_token_that_never_was(void **unused)
{
    (void)unused;

    try_all(FUTURE);
}

static void test_table__by_somebody_who_does_not_wait_for_it(void **unused)
{
    (void)unused;

    for (int i = 0; i < ROWS; i++) {
        for (int situation = 0; situation < SITUATIONS && rows[i].by == PERSON; situation++) {
            struct service *s = begin(policy);
            struct subject subject = subject_in(s, (enum situation)situation);
            usher_command c = command_of(s, &rows[i], (usher_claim){ subject.id, 0 });

            ticket(s, "bea", 0);
            c.who = "bea";
            expect_refused(s, rows[i].name, situation, &subject, &c,
                           (struct answer){ 0, USHER_ESTATE });
            c.who = "a name that nobody has";
            expect_refused(s, rows[i].name, situation, &subject, &c,
                           (struct answer){ 0, USHER_ESTATE });
            c.who = NULL;
            expect_refused(s, rows[i].name, situation, &subject, &c,
                           (struct answer){ USHER_EINVAL, NOT_TOLD });
            end(s);
        }
    }
}

static void test_table__on_a_ticket_that_is_not_there(void **unused)
{
    (void)unused;

    struct service *s = begin(policy);

    for (int i = 0; i < ROWS; i++) {
        usher_command c = command_of(s, &rows[i], (usher_claim){ 77, 5 });
        struct answer a = try(s, &c);

        assert_int_equal(a.returned, USHER_OK);
        assert_int_equal(a.status, USHER_ENOENT);
    }
    end(s);
}

static void test_table__on_a_ticket_that_has_been_let_go(void **unused)
{
    (void)unused;

    struct service *s = begin_with(policy, &(usher_options){ .keep_closed = 1 });
    usher_id first = ticket(s, "ada", 0), second = ticket(s, "ada", 0);
    usher_standing out = USHER_INIT(usher_standing);

    by_person(s, first, USHER_WITHDRAW, "ada");
    assert_int_equal(by_person(s, first, USHER_NOTE, "desk"), USHER_ESTATE);
    by_person(s, second, USHER_WITHDRAW, "ada");
    assert_int_equal(by_person(s, first, USHER_NOTE, "desk"), USHER_ENOENT);
    assert_int_equal(usher_peek(s->u, first, &out), USHER_ENOENT);
    assert_int_equal(by_person(s, second, USHER_NOTE, "desk"), USHER_ESTATE);
    end(s);
}

static void test_table__claim_ticket(void **unused)
{
    (void)unused;

    for (int situation = 0; situation < SITUATIONS; situation++) {
        struct service *s = begin(policy);
        struct subject subject = subject_in(s, (enum situation)situation);
        bool legal = claim_ticket_to[situation] != '.';
        usher_claim c = { 0, 0 };
        int status = claim_ticket(s, s->bob, subject.id, &c);

        if (status != (legal ? USHER_OK : USHER_ESTATE))
            fail_at("claim_ticket", situation, usher_err_name(status));
        if (legal) {
            assert_int_equal(letter_of(s, subject.id), claim_ticket_to[situation]);
            assert_string_equal(peek(s, subject.id).holder, "bob");
            assert_true(c.token > subject.good && c.token > subject.stale);
        }
        end(s);
    }
}

static void test_table__an_enqueue_joins_what_is_not_yet_resolved(void **unused)
{
    (void)unused;

    for (int situation = 0; situation < SITUATIONS; situation++) {
        struct service *s = begin(policy);
        struct subject subject = subject_in(s, (enum situation)situation);
        bool joins = join_to[situation] != '.';
        usher_request r = { .requester = "bea", .dedup_key = "printer", .start_at = T0 + 2 * DAY };

        assert_int_equal(enqueue(s, s->q, r), USHER_OK);
        if ((s->done.ticket == subject.id) != joins)
            fail_at("join", situation, "joined, or not");
        assert_int_equal(s->done.outcome, joins ? USHER_WAS_JOINED : 0);
        if (joins)
            assert_int_equal(letter_of(s, subject.id), join_to[situation]);
        end(s);
    }
}

static void test_table__a_claim_takes_what_waits(void **unused)
{
    (void)unused;

    for (int situation = 0; situation < SITUATIONS; situation++) {
        struct service *s = begin(policy);
        struct subject subject = subject_in(s, (enum situation)situation);
        bool waits = situation == WAITING, for_bob = waits || situation == TO_BOB;
        bool for_ann = waits || situation == KEPT;

        if ((claim(s, s->bob).ticket == subject.id) != for_bob)
            fail_at("claim", situation, "by bob");
        if (!for_bob && (claim(s, s->ann).ticket == subject.id) != for_ann)
            fail_at("claim", situation, "by ann");
        end(s);
    }
}

static void test_table__an_agent_that_goes_releases_what_it_claimed(void **unused)
{
    (void)unused;

    for (int situation = 0; situation < SITUATIONS; situation++) {
        struct service *s = begin(policy);
        struct subject subject = subject_in(s, (enum situation)situation);

        assert_int_equal(usher_agent_gone(s->ann, on_done, s), USHER_OK);
        run(s);
        assert_int_equal(s->done.status, USHER_OK);
        assert_int_equal(letter_of(s, subject.id),
                         situation == CLAIMED ? 'W' : letters[situation]);
        assert_null(peek(s, subject.id).kept_for);
        end(s);
    }
}

/* ---- both tables ----------------------------------------------------------------------------- */

/* Whether the library's row allows what a row here says, in one situation. */
static void expect_agreement(const struct verb *verb, const char *name, const char *to, bool *legal)
{
    static const char columns[] = "SWCOPKRXD";

    for (int situation = 0; situation < SITUATIONS; situation++) {
        size_t column = (size_t)(strchr(columns, letters[situation]) - columns);
        char entry = verb->to[column];

        if (to[situation] == '.')
            continue;
        legal[column] = true;
        if (entry == '=' ? to[situation] != letters[situation]
                         : entry == '*' ? strchr(verb->or, to[situation]) == NULL
                                        : entry != to[situation])
            fail_at(name, situation, "lib/core/table.c says something else");
    }
}

/* What no row here allows, the library's does not either. */
static void expect_no_more(int verb, const char *name, const bool *legal)
{
    for (size_t column = 0; column < 9; column++) {
        if (!legal[column] && usher__verb(verb)->to[column] != '.')
            fail_msg("%s: lib/core/table.c allows it in state %zu", name, column + 1);
    }
}

static void test_table__is_the_one_that_the_library_goes_by(void **unused)
{
    (void)unused;

    for (int v = 1; v < VERB_ENQUEUE; v++) {
        const struct verb *verb = usher__verb(v);
        bool legal[9] = { false };
        uint32_t found = 0;

        for (int i = 0; i < ROWS && verb != NULL; i++) {
            bool receipt = rows[i].verb == USHER_ACKNOWLEDGE && rows[i].kind == USHER_BY_MACHINE;

            if ((receipt ? VERB_RECEIPT : rows[i].verb) != v)
                continue;
            found++;
            assert_int_equal(verb->needs_token, rows[i].by == HOLDER);
            assert_int_equal(verb->by, rows[i].by == HOLDER   ? BY_HOLDER
                                       : rows[i].by == PERSON ? BY_REQUESTER
                                                              : BY_DESK);
            expect_agreement(verb, rows[i].name, rows[i].to, legal);
        }
        if (verb != NULL && found == 0)
            fail_msg("%s has no row here", verb->name);
        if (verb != NULL)
            expect_no_more(v, verb->name, legal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table__with_the_token_of_the_claim_that_stands),
        cmocka_unit_test(test_table__without_a_token),
        cmocka_unit_test(test_table__with_a_stale_token),
        cmocka_unit_test(test_table__with_a_token_that_never_was),
        cmocka_unit_test(test_table__by_somebody_who_does_not_wait_for_it),
        cmocka_unit_test(test_table__on_a_ticket_that_is_not_there),
        cmocka_unit_test(test_table__on_a_ticket_that_has_been_let_go),
        cmocka_unit_test(test_table__claim_ticket),
        cmocka_unit_test(test_table__an_enqueue_joins_what_is_not_yet_resolved),
        cmocka_unit_test(test_table__a_claim_takes_what_waits),
        cmocka_unit_test(test_table__an_agent_that_goes_releases_what_it_claimed),
        cmocka_unit_test(test_table__is_the_one_that_the_library_goes_by),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
