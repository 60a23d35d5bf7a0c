/* The README's snippets, compiled from the README's own text and run: each in the situation that
 * its section speaks of. What is told then is printed under the section's name, for readme.py to
 * hold against what the README shows. The variables of a snippet are those here; one that is a
 * function stands outside. */
#include "../unit/person.h"

#include "figures_1.inc"

static const char policy[] =
#include "policy.inc"
    ;

static struct story *story;
static struct service *s;
static usher_t *u;
static usher_queue_t *desk, *workshop, *backoffice, *problems;
static usher_agent_t *ann, *will;
static uint32_t done_n;

static void on_recipe(usher_t *service, const usher_done *d, void *user)
{
    (void)service, (void)user;
    assert_int_equal(d->status, USHER_OK);
    done_n++;
}

static void on_recipe_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    (void)a, (void)w, (void)user;
    assert_int_equal(status, USHER_OK);
    assert_int_equal(n, 1);
    done_n++;
}

/* A desk with ada's ticket, which ann has since 00:10; it is 00:20. */
static usher_claim open_desk(void)
{
    usher_request r = { .requester = "ada", .dedup_key = "printer-2", .symptom = "jams" };
    usher_claim claim;

    story = tell(policy);
    s = story->s;
    u = s->u;
    desk = s->q;
    workshop = queue(s, "workshop");
    backoffice = queue(s, "backoffice");
    problems = queue(s, "problems");
    ann = s->ann;
    will = agent(s, "will", NULL);
    assert_int_equal(enqueue(s, desk, r), USHER_OK);
    at(s, 10 * MINUTE);
    claim = claim_from(s, ann, desk);
    at(s, 20 * MINUTE);
    skip_to_here(story);
    done_n = 0;
    return claim;
}

/* Prints what has been told in the section. */
static void close_desk(const char *section)
{
    printf("== %s\n", section);
    for (uint32_t i = story->read; i < story->n; i++)
        puts(story->line[i]);
    over(story);
}

/* n more of bea's, each solved by ann so long after the one before. */
static void solve_more(int n, int64_t apart)
{
    for (int i = 0; i < n; i++)
        asks_for(s, desk, "bea", NULL);
    for (int i = 0; i < n; i++) {
        at(s, wall(s) - T0 + apart);
        holder_says(s, claim_from(s, ann, desk), USHER_RESOLVE, USHER_AS_FIX, "done");
    }
}

#define on_done on_recipe
#define on_work on_recipe_work

/* ---- a section each -------------------------------------------------------------------------- */

static void the_verbs(void)
{
    usher_id ticket = open_desk().ticket;

#include "the_verbs_1.inc"
    run(s);
    assert_int_equal(done_n, 1);
    assert_ptr_equal(peek(s, ticket).queue, backoffice);
    over(story);
}

static void joining(void)
{
    usher_claim claim = open_desk();

#include "joining_1.inc"
    run(s);
    assert_int_equal(done_n, 1);
    holder_says(s, claim, USHER_RESOLVE, USHER_AS_FIX, "new drum");
    at(s, HOUR);
    says(s, claim.ticket, USHER_CONFIRM, "ada", NULL);
    at(s, 2 * HOUR);
    says(s, claim.ticket, USHER_REOPEN, "bea", "still grey");
    close_desk("joining");
}

static void handing_on(void)
{
    usher_claim claim = open_desk();

#include "handing_on_1.inc"
    run(s);
    assert_int_equal(done_n, 1);
    at(s, 50 * MINUTE);
    claim = claim_from(s, ann, desk);
    at(s, HOUR);
    assert_int_equal(
        act(s, (usher_command){ .verb = USHER_HAND_OFF, .claim = claim, .agent = will }), USHER_OK);
    claim_from(s, will, workshop);
    close_desk("handing_on");
}

static void waiting_for_the_requester(void)
{
    usher_claim claim = open_desk();
    usher_id ticket = claim.ticket;

#include "waiting_for_the_requester_1.inc"
    at(s, 3 * DAY);
#include "waiting_for_the_requester_2.inc"
    run(s);
    assert_int_equal(done_n, 2);
    claim_from(s, ann, desk);
    close_desk("waiting_for_the_requester");
}

static void after_care(void)
{
    usher_claim claim = open_desk();
    usher_id ticket = claim.ticket;

#include "after_care_1.inc"
    at(s, 2 * DAY);
#include "after_care_2.inc"
    run(s);
    assert_int_equal(done_n, 2);
    claim = claim_from(s, ann, desk);
    holder_says(s, claim, USHER_RESOLVE, USHER_AS_FIX, "new roller");
    at(s, 10 * DAY);
    close_desk("after_care");
}

static void causes(void)
{
    usher_claim claim = open_desk();

    holder_says(s, claim, USHER_RESOLVE, USHER_AS_FIX, "pulled it out");
    at(s, DAY);
    asks_for(s, desk, "bea", "jams");
    at(s, 2 * DAY);
    skip_to_here(story);
#include "causes_1.inc"
    at(s, 2 * DAY + HOUR);
    claim = claim_from(s, will, problems);
#include "causes_2.inc"
    run(s);
    assert_int_equal(done_n, 2);
    close_desk("causes");
}

static void standing(void)
{
    usher_claim claim = open_desk();
    usher_id ticket;

    holder_says(s, claim, USHER_RESOLVE, USHER_AS_FIX, "done");
    solve_more(25, MINUTE);
    asks_for(s, desk, "dora", NULL);
    ticket = asks_for(s, desk, "cleo", NULL);
    puts("== standing");
    {
#include "standing_1.inc"
    }
    over(story);
}

static void skills_and_picking(void)
{
    open_desk();
    asks_for(s, desk, "eva", NULL);
    skip_to_here(story);
#include "skills_and_picking_1.inc"
    run(s);
#include "skills_and_picking_2.inc"
    run(s);
    assert_int_equal(done_n, 2);
    close_desk("skills_and_picking");
}

static void figures(void)
{
    usher_claim claim = open_desk();

    holder_says(s, claim, USHER_RESOLVE, USHER_AS_FIX, "done");
    solve_more(9, 10 * MINUTE);
    puts("== figures");
#include "figures_2.inc"
    run(s);
    over(story);
}

static void recipes(void)
{
    usher_request r = { .size = sizeof r, .requester = "ada" };
    uint64_t row_id = 17;
    void *row = &row_id;
    usher_queue_t *queue;

    open_desk();
    queue = desk;
#define on_enqueued on_recipe
#include "recipes_1.inc"
    run(s);
    assert_int_equal(done_n, 1);
    over(story);
}

int main(void)
{
    the_verbs();
    joining();
    handing_on();
    waiting_for_the_requester();
    after_care();
    causes();
    standing();
    skills_and_picking();
    figures();
    recipes();
    return 0;
}
