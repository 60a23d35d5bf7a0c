/* See by_hand.h. */
#include "by_hand.h"

#include <stdio.h>
#include <string.h>

#include "loop/service.h"

const int hand_verbs[HAND_VERBS] = {
    USHER_ACKNOWLEDGE,  USHER_UPDATE,  USHER_EXTEND,   USHER_RELEASE, USHER_PAUSE,
    USHER_RESUME,       USHER_RESOLVE, USHER_FAIL,     USHER_ASK,     USHER_REPLY,
    USHER_CONFIRM,      USHER_REOPEN,  USHER_WITHDRAW, USHER_REVIVE,  USHER_ESCALATE,
    USHER_REPRIORITISE, USHER_MOVE,    USHER_NOTE,     USHER_HAND_OFF, USHER_RECALL,
    USHER_DECLINE,      USHER_LINK,
};

static char name_room[HAND_NAMES][12];
const char *hand_names[HAND_NAMES];

void hand_make_names(void)
{
    for (size_t i = 0; i < LENGTH(hand_names); i++) {
        snprintf(name_room[i], sizeof name_room[i], "n%05d", (int)i);
        hand_names[i] = name_room[i];
    }
}

const char *hand_letters(size_t len)
{
    static char *kept[8];
    static unsigned turn;
    char *s = malloc(len + 1);

    assert_non_null(s);
    memset(s, 'a' + (int)(turn % 26), len);
    s[len] = '\0';
    turn++;
    free(kept[turn % LENGTH(kept)]);
    kept[turn % LENGTH(kept)] = s;
    return s;
}

struct fixture *hand_begin(enum state s)
{
    struct fixture *f = fixture_begin(true, s);

    fixture_what(f, "limits");
    return f;
}

void hand_end(struct fixture *f)
{
    fixture_run(f);
    fixture_end(f);
}

/* A service with options of its own, a queue and an agent. */
struct fixture *hand_begin_with(usher_options o)
{
    struct fixture *f = fixture_new(true);
    usher_options all = *give_options(f);

    fixture_what(f, "limits of a service");
    all.max_pending = o.max_pending;
    all.op_window_n = o.op_window_n;
    all.op_window_ms = o.op_window_ms;
    all.keep_closed = o.keep_closed;
    all.history_bytes = o.history_bytes;
    f->lost->accepted = -1;
    f->events = NULL;
    assert_int_equal(usher_open(&f->u, NULL, "memory:", &all, NULL, NULL), USHER_OK);
    take_given(f);
    assert_int_equal(usher_queue(f->u, &f->q, "desk"), USHER_OK);
    assert_int_equal(usher_queue(f->u, &f->q2, "second line"), USHER_OK);
    assert_int_equal(usher_queue(f->u, &f->idle, "idle"), USHER_OK);
    assert_int_equal(usher_agent(f->u, &f->a, "ann", NULL, 0), USHER_OK);
    return f;
}

usher_request hand_request(const char *who)
{
    usher_request r = USHER_INIT(usher_request);

    r.requester = who;
    return r;
}

usher_command hand_command(const struct fixture *f, int verb)
{
    usher_command c = USHER_INIT(usher_command);
    uint64_t token = usher__service_token(f->u, f->ticket);

    c.verb = verb;
    c.claim.ticket = f->ticket;
    c.claim.token = verb < USHER_ASK ? (token != 0 ? token : 1) : 0;
    c.who = verb >= USHER_ASK ? "eva" : NULL;
    c.text = (usher_text){"word", 4};
    if (verb == USHER_PAUSE || verb == USHER_REPRIORITISE || verb == USHER_RESOLVE)
        c.kind = USHER_ON_REQUESTER; /* and low, and answered */
    c.queue = verb == USHER_MOVE || verb == USHER_HAND_OFF ? f->q2 : NULL;
    c.other = verb == USHER_LINK ? 1 : 0;
    return c;
}

void hand_define(struct fixture *f, const char *policy)
{
    char err[200];

    if (usher_define(f->q, policy, err, sizeof err, NULL, NULL) != USHER_OK)
        fail_msg("%s", err);
    fixture_run(f);
}

int hand_join(struct fixture *f, const char *who, struct receipt *r)
{
    usher_request q = hand_request(who);

    q.dedup_key = "K-1";
    return usher_enqueue(f->q, &q, fixture_on_done, r);
}
