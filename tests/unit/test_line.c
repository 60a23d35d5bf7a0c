/* What a line guarantees whoever comes, under adversaries, and with claimers of different skills.
 *
 * Shares: see turns.h.
 * Overtaking: a new ticket of rank R is overtaken only by smaller ranks, and, where there is a gap,
 * by no more than (R - entry) / gap + 1 tickets of any one other requester that were enqueued into
 * the band after it, however often they come and go; and by no more than as many again, and one for
 * each gap that it waits, of those that were lifted into the band meanwhile. (Not counted: lifted
 * ones that come back with a nearer due, and those that were in the band before.) */
#include <stdbool.h>

#include "probe.h"
#include "rules.h"
#include "turns.h"

/* ---- a line of our own beside the library's -------------------------------------------------- */

/* One thread runs here: under the thread sanitizer, which takes ten times as long, less of it will do. */
#if defined(__SANITIZE_THREAD__)
#define SEEDS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SEEDS 1
#endif
#endif
#ifndef SEEDS
#define SEEDS 8
#endif

enum { WAITERS_MAX = 600, REQUESTERS_MAX = 64, SKILLS = 3 };

struct person {
    usher_id id;
    uint32_t requester;
    uint32_t needs;  /* bits of skills */
    uint32_t band;
    uint32_t came;   /* the how-manieth that entered its line */
    int64_t entry, first_rank, rank;
    bool waits, is_new; /* it has not been out of the line yet */
    bool lifted;
    uint16_t overtaken_by[2][REQUESTERS_MAX]; /* tickets that came after it; [1]: by a lift */
    bool by[WAITERS_MAX];                     /* which ones */
};

struct line {
    struct service *s;
    int64_t gap;
    uint32_t n, came;
    struct turns turns;
    struct person all[WAITERS_MAX]; /* by id */
};

static const char *const skill_names[SKILLS] = { "painting", "welding", "talking" };

static struct line *line_of(const char *policy, int64_t gap)
{
    struct line *l = calloc(1, sizeof *l);

    assert_non_null(l);
    l->s = begin(policy);
    l->gap = gap;
    return l;
}

static void end_line(struct line *l)
{
    end(l->s);
    free(l);
}

static struct person *person_of(struct line *l, usher_id id)
{
    assert_true(id > 0 && id <= l->n);
    return &l->all[id - 1];
}

static void enters(struct line *l, struct person *p)
{
    p->waits = true;
    p->rank = peek(l->s, p->id).rank_at;
    l->s->seen_n = 0;
}

static int says(struct line *l, const struct person *p, int verb)
{
    char who[16];

    snprintf(who, sizeof who, "r%u", p->requester);
    return by_person(l->s, p->id, verb, who);
}

static struct person *arrive(struct line *l, uint32_t requester, int32_t priority, uint32_t needs)
{
    struct person *p = &l->all[l->n];
    const char *names[SKILLS];
    char who[16];
    usher_request r = { .requester = who, .priority = priority, .needs = names };

    assert_true(l->n < WAITERS_MAX);
    snprintf(who, sizeof who, "r%u", requester);
    for (uint32_t i = 0; i < SKILLS; i++) {
        if ((needs & 1u << i) != 0)
            names[r.needs_n++] = skill_names[i];
    }
    assert_int_equal(enqueue(l->s, l->s->q, r), USHER_OK);
    *p = (struct person){ .id = l->s->done.ticket, .requester = requester, .needs = needs,
                          .band = (uint32_t)priority - 1, .came = ++l->came,
                          .entry = wall(l->s), .is_new = true };
    assert_int_equal(p->id, ++l->n);
    enters(l, p);
    p->first_rank = p->rank;
    return p;
}

static bool comes_before(const struct person *a, const struct person *b)
{
    return a->rank < b->rank || (a->rank == b->rank && a->id < b->id);
}

/* How many tickets of one requester may overtake it that came after it. */
static int64_t bound(const struct line *l, const struct person *p, bool lifted)
{
    int64_t n = (p->first_rank - p->entry) / l->gap + 1;

    return lifted ? n + (wall(l->s) - p->entry) / l->gap + 1 : n;
}

/* Those who could have been taken instead have been overtaken: by a smaller rank, not too often. */
static void overtakes(struct line *l, const struct person *taken, uint32_t skills)
{
    for (uint32_t i = 0; i < l->n; i++) {
        struct person *p = &l->all[i];
        uint16_t *n = &p->overtaken_by[taken->lifted][taken->requester];

        if (p == taken || !p->waits || p->band != taken->band || (p->needs & ~skills) != 0)
            continue;
        if (!comes_before(taken, p))
            fail_msg("ticket %d was overtaken by %d of a larger rank", (int)p->id, (int)taken->id);
        if (!p->is_new || taken->came < p->came || taken->requester == p->requester ||
            l->gap == 0 || p->by[taken->id - 1])
            continue;
        p->by[taken->id - 1] = true;
        if (++*n > bound(l, p, taken->lifted))
            fail_msg("ticket %d of rank %+d ms was overtaken by %u%s of requester %u", (int)p->id,
                     (int)(p->first_rank - p->entry), *n, taken->lifted ? " lifted" : "",
                     taken->requester);
    }
}

static void record_turn(struct line *l, const struct person *taken, uint32_t skills)
{
    struct turns *t = &l->turns;
    uint32_t bands = 0;

    for (uint32_t i = 0; i < l->n; i++) {
        const struct person *p = &l->all[i];

        if (p->waits && (p->needs & ~skills) == 0)
            bands |= 1u << p->band;
    }
    if (t->n == TURNS_MAX)
        t->n = 0;
    t->takeable[t->n] = (uint8_t)bands;
    t->served[t->n++] = (uint8_t)taken->band;
    check_windows(t);
}

/* The next one for an agent with these skills; NULL: there is none. */
static struct person *serve(struct line *l, usher_agent_t *a, uint32_t skills, usher_claim *c)
{
    struct person *p;

    *c = claim(l->s, a);
    l->s->seen_n = 0;
    if (c->ticket == 0) {
        for (uint32_t i = 0; i < l->n; i++)
            assert_false(l->all[i].waits && (l->all[i].needs & ~skills) == 0);
        return NULL;
    }
    p = person_of(l, c->ticket);
    assert_true(p->waits);
    record_turn(l, p, skills);
    overtakes(l, p, skills);
    p->waits = p->is_new = false;
    return p;
}

/* ---- overtaking ------------------------------------------------------------------------------ */

/* One with 500 tickets against 50 with one each, who come a little later: the place of the last of
 * them among those served. */
static uint32_t last_of_fifty(const char *policy, int64_t gap)
{
    struct line *l = line_of(policy, gap);
    uint32_t place = 0, others = 0;
    usher_claim c;

    for (int i = 0; i < 500; i++)
        arrive(l, 0, USHER_NORMAL, 0);
    for (uint32_t i = 1; i <= 50; i++) {
        at(l->s, i * SECOND);
        arrive(l, i, USHER_NORMAL, 0);
    }
    for (; others < 50; place++)
        others += serve(l, l->s->ann, 0, &c)->requester != 0;
    end_line(l);
    return place;
}

static void test_gap__five_hundred_do_not_wall_off_fifty(void **unused)
{
    (void)unused;

    assert_int_equal(last_of_fifty("{'line':{'gap':'1m'}}", MINUTE), 51);
    assert_int_equal(last_of_fifty("{'line':{'gap':'10s'}}", 10 * SECOND), 56);
    assert_int_equal(last_of_fifty("{}", 0), 550); /* without one they do */
}

static void test_gap__nor_when_something_is_promised(void **unused)
{
    (void)unused;

    assert_int_equal(last_of_fifty("{'promises':{'ack':{'target':'1h'}},'line':{'gap':'1m'}}",
                                   MINUTE),
                     51);
}

/* Ways from an agent's hands back into the line; from SOONER on, perhaps with a due that is nearer
 * than before. */
enum { SILENTLY, AFTER_A_WORD, AFTER_A_PAUSE, SOONER };
enum { ASKED = SOONER, WITH_A_PROMISE, REOPENED, WAYS };

static void give_back(struct line *l, struct person *p, usher_claim c, uint32_t way)
{
    usher_command update = { .verb = USHER_UPDATE, .claim = c, .text = TEXT("soon") };

    update.at = wall(l->s) + 5 * SECOND;
    switch (way) {
    case AFTER_A_WORD: by_agent(l->s, c, USHER_ACKNOWLEDGE); break;
    case AFTER_A_PAUSE: pause(l->s, c, USHER_ON_THIRD_PARTY, 0); break;
    case ASKED: says(l, p, USHER_ASK); break;
    case WITH_A_PROMISE: act(l->s, update); break;
    case REOPENED: by_agent(l->s, c, USHER_RESOLVE); break;
    default: break;
    }
    if (way == AFTER_A_PAUSE)
        by_agent(l->s, c, USHER_RESUME);
    else if (way == REOPENED)
        says(l, p, USHER_REOPEN);
    else
        by_agent(l->s, c, USHER_RELEASE);
    enters(l, p);
}

/* Out of turn: no place in the line is used. */
static void take(struct line *l, struct person *p, usher_claim *c)
{
    assert_int_equal(claim_ticket(l->s, l->s->bob, p->id, c), USHER_OK);
    p->is_new = false;
}

static void lift(struct line *l, struct person *p)
{
    assert_int_equal(reprioritise(l->s, p->id, USHER_HIGH), USHER_OK);
    p->band = USHER_HIGH - 1;
    p->came = ++l->came;
    p->lifted = true;
    p->is_new = false;
    enters(l, p);
}

static void serve_all(struct line *l)
{
    usher_claim c;

    while (serve(l, l->s->ann, 0, &c) != NULL)
        continue;
}

/* All of the one with many tickets, or half of them, are claimed out of turn and given back. */
static void there_and_back(struct line *l, uint64_t *seed)
{
    uint32_t way = below(seed, WAYS), half = below(seed, 2);
    usher_claim c;

    for (uint32_t i = 0; i < l->n; i++) {
        struct person *p = &l->all[i];

        if (!p->waits || p->requester != 0 || (half && below(seed, 2)))
            continue;
        take(l, p, &c);
        give_back(l, p, c, p->lifted ? way % SOONER : way);
    }
}

static void lift_some(struct line *l, uint64_t *seed)
{
    for (uint32_t i = 0; i < l->n; i++) {
        struct person *p = &l->all[i];

        if (p->waits && p->band == USHER_LOW - 1 && p->requester == 0 && below(seed, 2))
            lift(l, p);
    }
}

/* One comes with many tickets, the others now and then; everybody is served, comes back in any way,
 * withdraws, and comes again. lifts: from low to high, too. */
static void bustle(const char *policy, int64_t gap, uint64_t seed, bool lifts)
{
    struct line *l = line_of(policy, gap);
    int64_t now = 0;

    while (l->n < 200) {
        int32_t priority = !lifts ? USHER_NORMAL : below(&seed, 2) ? USHER_HIGH : USHER_LOW;
        struct person *p = l->n > 0 ? &l->all[below(&seed, l->n)] : NULL;
        usher_claim c;

        now += below(&seed, 3) == 0 ? (int64_t)below(&seed, 20000) : 0;
        at(l->s, now);
        switch (below(&seed, 7)) {
        case 0:
        case 1: arrive(l, 1 + below(&seed, 6), priority, 0); break;
        case 2:
            for (uint32_t i = below(&seed, 12); i > 0; i--)
                arrive(l, 0, priority, 0);
            break;
        case 3: serve(l, l->s->ann, 0, &c); break;
        case 4:
            p = serve(l, l->s->ann, 0, &c);
            if (p != NULL)
                give_back(l, p, c, below(&seed, p->lifted ? SOONER : WAYS));
            break;
        case 5:
            if (p != NULL && p->waits) {
                assert_int_equal(says(l, p, USHER_WITHDRAW), USHER_OK);
                p->waits = false;
            }
            break;
        default:
            if (lifts && below(&seed, 2))
                lift_some(l, &seed);
            else
                there_and_back(l, &seed);
        }
    }
    serve_all(l);
    end_line(l);
}

static void test_overtaking__is_bounded_in_the_bustle(void **unused)
{
    (void)unused;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        bustle("{'line':{'gap':'1m','keep_for':'0s'},'lease':{'for':'2h'}}", MINUTE, seed, false);
        bustle("{'promises':{'ack':{'target':'1m'}},"
               " 'line':{'gap':'10s','keep_for':'0s'},'lease':{'for':'2h'}}",
               10 * SECOND, seed, false);
        bustle("{'promises':{'ack':{'target':'1m'},'answer':{'target':'10s'},"
               "             'update':{'target':'20s'},'resolve':{'target':'10m'}},"
               " 'line':{'gap':'20s','keep_for':'0s'},'lease':{'for':'2h'}}",
               20 * SECOND, seed, false);
        bustle("{'line':{'keep_for':'0s'},'lease':{'for':'2h'}}", 0, seed, false);
    }
}

static void test_overtaking__is_bounded_when_tickets_are_lifted(void **unused)
{
    (void)unused;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        bustle("{'line':{'gap':'3s','keep_for':'0s'},'lease':{'for':'2h'}}", 3 * SECOND, seed,
               true);
        bustle("{'promises':{'ack':{'target':{'low':'10m','high':'1m'}}},"
               " 'line':{'gap':'20s','keep_for':'0s'},'lease':{'for':'2h'}}",
               20 * SECOND, seed, true);
    }
}

static void test_overtaking__release_again_and_again_gains_nothing(void **unused)
{
    (void)unused;

    struct line *l = line_of("{'line':{'gap':'1m'}}", MINUTE);
    usher_claim c;

    for (int i = 0; i < 20; i++)
        arrive(l, 0, USHER_NORMAL, 0);
    at(l->s, SECOND);
    arrive(l, 1, USHER_NORMAL, 0);
    for (uint32_t i = 1; i <= 20; i++) { /* all of them go out and come back */
        struct person *p = person_of(l, 21 - i);

        take(l, p, &c);
        by_agent(l->s, c, USHER_ACKNOWLEDGE);
        by_agent(l->s, c, USHER_RELEASE);
        enters(l, p);
        assert_int_equal(p->rank, p->first_rank);
    }
    serve(l, l->s->ann, 0, &c);
    assert_int_equal(serve(l, l->s->ann, 0, &c)->requester, 1);
    end_line(l);
}

/* One with two tickets, the second ranked an hour and a minute later; then one with a hundred, all
 * of which are claimed out of turn and given back. How many of those stand before the second then.
 * verb: what happens to each in between, 0: nothing. */
static int64_t of_a_hundred(const char *promises, int verb)
{
    char policy[256];
    struct line *l;
    usher_id victim;
    int64_t ahead;

    snprintf(policy, sizeof policy, "{'promises':%s,'line':{'gap':'1m'}}", promises);
    l = line_of(policy, MINUTE);
    arrive(l, 1, USHER_NORMAL, 0);
    victim = arrive(l, 1, USHER_NORMAL, 0)->id;
    assert_int_equal(person_of(l, victim)->rank, T0 + HOUR + MINUTE);
    assert_int_equal(bound(l, person_of(l, victim), false), 62);
    at(l->s, SECOND);
    for (int i = 0; i < 100; i++)
        arrive(l, 0, USHER_NORMAL, 0);
    assert_int_equal(peek(l->s, victim).ahead, 2);
    for (usher_id id = victim + 1; id <= l->n; id++) {
        usher_claim c;

        take(l, person_of(l, id), &c);
        if (verb == USHER_ASK)
            says(l, person_of(l, id), verb);
        else if (verb != 0)
            by_agent(l->s, c, verb);
        by_agent(l->s, c, USHER_RELEASE);
        enters(l, person_of(l, id));
    }
    ahead = peek(l->s, victim).ahead - 1;
    serve_all(l);
    end_line(l);
    return ahead;
}

static void test_overtaking__the_gap_outlasts_a_release(void **unused)
{
    (void)unused;

    assert_int_equal(of_a_hundred("{'ack':{'target':'1h'}}", 0), 1);
    assert_int_equal(of_a_hundred("{'ack':{'target':'1h'}}", USHER_ACKNOWLEDGE), 1);
    assert_int_equal(of_a_hundred("{'resolve':{'target':'1h'}}", USHER_ACKNOWLEDGE), 1);
}

/* A nearer due brings each of them nearer, by as much as the first: they stay a gap apart. */
static void test_overtaking__the_gap_outlasts_a_nearer_due(void **unused)
{
    (void)unused;

    assert_int_equal(of_a_hundred("{'ack':{'target':'1h'},'answer':{'target':'10m'}}", USHER_ASK),
                     51);
    assert_int_equal(of_a_hundred("{'resolve':{'target':'1h'},'update':{'target':'20m'}}",
                                  USHER_ACKNOWLEDGE),
                     41);
    assert_int_equal(of_a_hundred("{'ack':{'target':'1h'},'answer':{'target':'1s'}}", USHER_ASK),
                     61);
}

/* One for each gap, by lifting one each time; all at once no more than with a gap between them. */
static void test_overtaking__a_lift_brings_one_per_gap(void **unused)
{
    (void)unused;

    struct line *l = line_of("{'line':{'gap':'1m'}}", MINUTE);
    usher_id victim;

    arrive(l, 1, USHER_HIGH, 0);
    arrive(l, 1, USHER_HIGH, 0);
    victim = arrive(l, 1, USHER_HIGH, 0)->id;
    at(l->s, SECOND);
    for (int i = 0; i < 60; i++)
        arrive(l, 0, USHER_LOW, 0);
    for (uint32_t i = 1; i <= 30; i++) {
        at(l->s, i * MINUTE);
        lift(l, person_of(l, victim + i));
        assert_int_equal(peek(l->s, victim).ahead, 2 + i);
    }
    for (uint32_t i = 31; i <= 60; i++)
        lift(l, person_of(l, victim + i));
    assert_int_equal(peek(l->s, victim).ahead, 32);
    serve_all(l);
    end_line(l);
}

/* ---- shares, with claimers of different skills ----------------------------------------------- */

static void crowd(uint64_t seed, const uint32_t weight[PRIORITIES], const char *policy)
{
    struct line *l = line_of(policy, 0);
    usher_agent_t *agents[4];
    uint32_t skills[4];
    usher_claim c;

    memcpy(l->turns.weight, weight, sizeof l->turns.weight);
    for (int i = 0; i < 4; i++) {
        const char *names[SKILLS];
        uint32_t n = 0;
        char name[8];

        skills[i] = i == 0 ? 7 : below(&seed, 8);
        for (uint32_t k = 0; k < SKILLS; k++) {
            if ((skills[i] & 1u << k) != 0)
                names[n++] = skill_names[k];
        }
        snprintf(name, sizeof name, "a%d", i);
        assert_int_equal(usher_agent(l->s->u, &agents[i], name, names, n), USHER_OK);
    }
    while (l->n < 250) {
        uint32_t burst = 1 + below(&seed, 12), who = below(&seed, 4);
        int32_t priority = 1 + (int32_t)below(&seed, 4);

        for (uint32_t i = 0; i < burst; i++)
            arrive(l, below(&seed, 30), priority, below(&seed, 3) == 0 ? below(&seed, 8) : 0);
        for (uint32_t i = below(&seed, 12); i > 0; i--) {
            who = below(&seed, 3) == 0 ? below(&seed, 4) : who;
            serve(l, agents[who], skills[who], &c);
        }
    }
    end_line(l);
}

static void test_shares__hold_for_claimers_with_different_skills(void **unused)
{
    (void)unused;

    for (uint64_t seed = 1; seed <= 10; seed++) {
        crowd(seed, (const uint32_t[PRIORITIES]){ 1, 4, 8, 0 }, "{}");
        crowd(seed, (const uint32_t[PRIORITIES]){ 2, 3, 5, 7 },
              "{'line':{'shares':{'low':2,'normal':3,'high':5,'urgent':7}}}");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gap__five_hundred_do_not_wall_off_fifty),
        cmocka_unit_test(test_gap__nor_when_something_is_promised),
        cmocka_unit_test(test_overtaking__is_bounded_in_the_bustle),
        cmocka_unit_test(test_overtaking__is_bounded_when_tickets_are_lifted),
        cmocka_unit_test(test_overtaking__release_again_and_again_gains_nothing),
        cmocka_unit_test(test_overtaking__the_gap_outlasts_a_release),
        cmocka_unit_test(test_overtaking__the_gap_outlasts_a_nearer_due),
        cmocka_unit_test(test_overtaking__a_lift_brings_one_per_gap),
        cmocka_unit_test(test_shares__hold_for_claimers_with_different_skills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
