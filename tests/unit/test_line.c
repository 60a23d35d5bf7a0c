/* What the line guarantees, under adversaries.
 *
 * Shares: a band of weight w gets at least floor(w / W * n) - 1 of any n turns in a row that are
 * not taken by "first" bands, as long as somebody whom the claimers can serve waits in it. (With all
 * four bands weighted, and more than half of the weight on one, that one may lack one turn more.)
 * Overtaking: a new ticket of rank R is overtaken only by smaller ranks, and, where there is a gap,
 * by no more than (R - entry) / gap + 1 tickets of any one other requester that came after it.
 *
 * The second half of that does not hold for every ticket, and two cases are left out here: tickets
 * that return, whose rank falls to their nearest due whatever the gap, and lifts, one per gap. */
#include <stdbool.h>

#include "rules.h"

#include "core/line.h"

/* xorshift64: the same numbers in every run. */
static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static uint32_t below(uint64_t *seed, uint32_t n)
{
    return (uint32_t)(draw(seed) >> 33) % n;
}

/* ---- shares: a record of turns, and all its windows ------------------------------------------ */

enum { TURNS_MAX = 2000 };

struct turns {
    uint32_t weight[PRIORITIES]; /* 0: first */
    uint32_t n;
    uint8_t takeable[TURNS_MAX], served[TURNS_MAX]; /* bits of bands; the band */
};

static uint32_t whole(const struct turns *t)
{
    return t->weight[0] + t->weight[1] + t->weight[2] + t->weight[3];
}

/* What a band is owed of n turns. */
static int64_t owed(const struct turns *t, uint32_t band, uint32_t n)
{
    uint32_t weighted = 0;

    for (uint32_t b = 0; b < PRIORITIES; b++)
        weighted += t->weight[b] != 0;
    return (int64_t)n * t->weight[band] / whole(t) -
           (weighted == PRIORITIES && 2 * t->weight[band] > whole(t) ? 2 : 1);
}

/* All windows that end with the last turn; a turn of a "first" band is none. */
static void check_windows(const struct turns *t)
{
    for (uint32_t band = 0; band < PRIORITIES; band++) {
        uint32_t n = 0;
        int64_t got = 0;

        for (uint32_t i = t->n; i-- > 0 && t->weight[band] != 0;) {
            if (t->weight[t->served[i]] == 0)
                continue;
            if ((t->takeable[i] & 1u << band) == 0)
                break;
            n++;
            got += t->served[i] == band;
            if (got < owed(t, band, n))
                fail_msg("band %u of weight %u/%u got %d of %u turns, turn %u", band,
                         t->weight[band], whole(t), (int)got, n, t->n);
        }
    }
}

static void take_turn(struct turns *t, struct shares *s, uint32_t bands)
{
    uint32_t band = usher__shares_next(s, bands);

    assert_true((bands & 1u << band) != 0);
    t->takeable[t->n] = (uint8_t)bands;
    t->served[t->n++] = (uint8_t)band;
}

static struct shares with_weights(struct turns *t, const uint32_t weight[PRIORITIES])
{
    struct policy p;
    struct shares s;

    usher__policy_default(&p);
    memcpy(p.share, weight, sizeof p.share);
    usher__shares_init(&s, &p);
    *t = (struct turns){ .n = 0 };
    memcpy(t->weight, weight, sizeof t->weight);
    return s;
}

/* Every way in which bands can be there and not be there, up to a depth. */
static void try_everything(struct turns *t, const struct shares *s, uint32_t depth, uint32_t bands)
{
    for (uint32_t set = 1; set <= bands && depth > 0; set++) {
        struct shares after = *s;

        if ((set & ~bands) != 0)
            continue;
        take_turn(t, &after, set);
        check_windows(t);
        try_everything(t, &after, depth - 1, bands);
        t->n--;
    }
}

static void test_shares__hold_for_all_short_histories(void **unused)
{
    (void)unused;

    static const uint32_t weights[][PRIORITIES] = {
        { 1, 4, 8, 0 }, { 1, 1, 1, 0 }, { 1, 2, 3, 0 }, { 5, 1, 1, 0 }, { 1, 1000, 1, 0 },
    };
    struct turns t;

    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        struct shares s = with_weights(&t, weights[i]);

        try_everything(&t, &s, 6, 7);
    }
}

static void test_shares__hold_for_all_short_histories_of_four_bands(void **unused)
{
    (void)unused;

    static const uint32_t weights[][PRIORITIES] = {
        { 1, 1, 1, 8 }, { 1, 2, 3, 4 }, { 1, 1, 1, 1 }, { 1000, 1, 1, 1 },
    };
    struct turns t;

    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        struct shares s = with_weights(&t, weights[i]);

        try_everything(&t, &s, 4, 15);
    }
}

/* Bands come and go: each at random, in long runs, or all but one against that one. */
static uint32_t adversary(uint64_t *seed, uint32_t mode, uint32_t *bands, uint32_t victim)
{
    uint32_t set;

    switch (mode) {
    case 0: set = below(seed, 16); break;
    case 1: /* empty and fill */
        if (below(seed, 8) == 0)
            *bands ^= 1u << below(seed, PRIORITIES);
        set = *bands;
        break;
    case 2: set = 1u << victim | below(seed, 16); break;
    default: /* away for long, then back among all */
        set = draw(seed) % 40 == 0 ? 15 : 15 & ~(1u << victim);
        if (below(seed, 3) == 0)
            set = 15;
        break;
    }
    return set == 0 ? 1u << victim : set;
}

static void test_shares__hold_when_bands_empty_and_fill(void **unused)
{
    (void)unused;

    uint64_t seed = 7;
    struct turns t;

    for (int round = 0; round < 400; round++) {
        uint32_t weight[PRIORITIES], bands = 15, victim = below(&seed, PRIORITIES);
        uint32_t mode = below(&seed, 4);
        struct shares s;

        for (uint32_t b = 0; b < PRIORITIES; b++)
            weight[b] = below(&seed, 5) == 0 ? 0 : 1 + below(&seed, below(&seed, 2) ? 9 : 1000);
        s = with_weights(&t, weight);
        for (int i = 0; i < 300; i++) {
            take_turn(&t, &s, adversary(&seed, mode, &bands, victim));
            check_windows(&t);
        }
    }
}

/* Why the bound is one less there: the three others come once each before it comes again. */
static void test_shares__more_than_half_of_four_bands_may_lack_two(void **unused)
{
    (void)unused;

    struct turns t;
    struct shares s = with_weights(&t, (const uint32_t[PRIORITIES]){ 1, 1, 1, 8 });

    for (int i = 0; i < 5; i++)
        take_turn(&t, &s, 15);
    assert_memory_equal(t.served, ((const uint8_t[]){ 3, 2, 1, 0, 3 }), 5);
}

static void test_shares__first_bands_take_all_they_can(void **unused)
{
    (void)unused;

    struct turns t;
    struct shares s = with_weights(&t, (const uint32_t[PRIORITIES]){ 1, 0, 1, 0 });

    take_turn(&t, &s, 15);
    take_turn(&t, &s, 7);
    take_turn(&t, &s, 5);
    take_turn(&t, &s, 5);
    assert_memory_equal(t.served, ((const uint8_t[]){ 3, 1, 2, 0 }), 4);
}

/* ---- a line of our own beside the library's -------------------------------------------------- */

enum { WAITERS_MAX = 600, REQUESTERS_MAX = 64, SKILLS = 3 };

struct person {
    usher_id id;
    uint32_t requester;
    uint32_t needs;  /* bits of skills */
    uint32_t band;
    uint32_t came;   /* the how-manieth that entered its line */
    int64_t entry, first_rank, rank;
    bool waits, is_new; /* it has not been out of the line yet */
    uint16_t overtaken_by[REQUESTERS_MAX]; /* tickets that came after it */
    bool by[WAITERS_MAX];                  /* which ones */
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
    l->s->seen_n = 0;
    return p;
}

static bool comes_before(const struct person *a, const struct person *b)
{
    return a->rank < b->rank || (a->rank == b->rank && a->id < b->id);
}

/* Those who could have been taken instead have been overtaken: by a smaller rank, not too often. */
static void overtakes(struct line *l, const struct person *taken, uint32_t skills)
{
    for (uint32_t i = 0; i < l->n; i++) {
        struct person *p = &l->all[i];

        if (p == taken || !p->waits || p->band != taken->band || (p->needs & ~skills) != 0)
            continue;
        if (!comes_before(taken, p))
            fail_msg("ticket %d was overtaken by %d of a larger rank", (int)p->id, (int)taken->id);
        if (!p->is_new || taken->came < p->came || taken->requester == p->requester ||
            l->gap == 0 || p->by[taken->id - 1])
            continue;
        p->by[taken->id - 1] = true;
        if (++p->overtaken_by[taken->requester] > (p->first_rank - p->entry) / l->gap + 1)
            fail_msg("ticket %d of rank %+d ms was overtaken by %u of requester %u", (int)p->id,
                     (int)(p->first_rank - p->entry), p->overtaken_by[taken->requester],
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

/* Everybody may withdraw, be acknowledged and released, come back from a pause; and comes again. */
static void bustle(const char *policy, int64_t gap, uint64_t seed, bool acknowledged)
{
    struct line *l = line_of(policy, gap);
    int64_t now = 0;

    while (l->n < 150) {
        struct person *p;
        usher_claim c;

        now += below(&seed, 3) == 0 ? (int64_t)below(&seed, 20000) : 0;
        at(l->s, now);
        l->s->seen_n = 0;
        switch (below(&seed, 6)) {
        case 0:
        case 1:
        case 2: arrive(l, below(&seed, 3) == 0 ? 0 : below(&seed, 12), USHER_NORMAL, 0); break;
        case 3: serve(l, l->s->ann, 0, &c); break;
        case 4: /* acknowledge and let go again */
            p = serve(l, l->s->ann, 0, &c);
            if (p == NULL)
                break;
            if (acknowledged)
                by_agent(l->s, c, USHER_ACKNOWLEDGE);
            by_agent(l->s, c, USHER_RELEASE);
            enters(l, p);
            break;
        default:
            p = l->n == 0 ? NULL : &l->all[below(&seed, l->n)];
            if (p != NULL && p->waits) {
                char who[16];

                snprintf(who, sizeof who, "r%u", p->requester);
                assert_int_equal(by_person(l->s, p->id, USHER_WITHDRAW, who), USHER_OK);
                p->waits = false;
            }
        }
    }
    end_line(l);
}

static void test_overtaking__is_bounded_in_the_bustle(void **unused)
{
    (void)unused;

    for (uint64_t seed = 1; seed <= 12; seed++) {
        bustle("{'line':{'gap':'1m'},'lease':{'for':'2h'}}", MINUTE, seed, false);
        bustle("{'line':{'gap':'3s'},'lease':{'for':'2h'}}", 3 * SECOND, seed, true);
        bustle("{'promises':{'ack':{'target':'10m'}},'line':{'gap':'1m'},'lease':{'for':'2h'}}",
               MINUTE, seed, true);
        bustle("{'lease':{'for':'2h'}}", 0, seed, false);
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
        usher_id id = 21 - i;

        claim_ticket(l->s, l->s->bob, id, &c);
        by_agent(l->s, c, USHER_ACKNOWLEDGE);
        by_agent(l->s, c, USHER_RELEASE);
        assert_int_equal(peek(l->s, id).rank_at, person_of(l, id)->first_rank);
    }
    serve(l, l->s->ann, 0, &c);
    assert_int_equal(serve(l, l->s->ann, 0, &c)->requester, 1);
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
        cmocka_unit_test(test_shares__hold_for_all_short_histories),
        cmocka_unit_test(test_shares__hold_for_all_short_histories_of_four_bands),
        cmocka_unit_test(test_shares__hold_when_bands_empty_and_fill),
        cmocka_unit_test(test_shares__more_than_half_of_four_bands_may_lack_two),
        cmocka_unit_test(test_shares__first_bands_take_all_they_can),
        cmocka_unit_test(test_gap__five_hundred_do_not_wall_off_fifty),
        cmocka_unit_test(test_gap__nor_when_something_is_promised),
        cmocka_unit_test(test_overtaking__is_bounded_in_the_bustle),
        cmocka_unit_test(test_overtaking__release_again_and_again_gains_nothing),
        cmocka_unit_test(test_shares__hold_for_claimers_with_different_skills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
