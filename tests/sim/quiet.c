/* The quiet phase at the end of a service: nothing is held, all agents are there and have all skills, nobody brings
 * anything new, and nothing fails. Everything must come to its end, and that in time.
 *
 * First, in some services, nobody does anything: leases, keeps, offers and pauses run out, promises break, ladders
 * are climbed to their end, until nothing is due any more. What is left then waits for somebody, or is stuck.
 * Then it is served: whatever can be done is done; what cannot, waits for an instant, and the clock goes on to the
 * next one that the service names. There something must happen.
 *
 * How long it may take follows from the policies: see time_of_all() and instants_of_all(). */
#include "run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Whether it is `state` that the ticket may rest in when nobody does anything. */
static bool is_at_rest(const struct seen *t)
{
    return (t->state == USHER_WAITING && t->kept_for < 0) || t->state == USHER_STUCK || watch_is_over(t);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- how much there can be to come ----------------------------------------------------------- */

/* The end of the last step of a promise that begins, or goes on after a pause, now. */
static int64_t time_of_promises(const struct rules *r)
{
    int64_t most = 0;

    for (int ix = 0; ix < 4; ix++) {
        for (int p = 0; p < 4; p++)
            most = larger(most, r->target[ix][p] + 1);
    }
    for (uint32_t i = 0; i < r->steps_n; i++) {
        const struct step_rule *s = &r->step[i];
        int64_t of = 0;

        for (int p = 0; p < 4; p++)
            of = larger(of, r->target[s->on][p]);
        of = s->percent != 0 ? (of * s->percent + 99) / 100 : of + larger(s->far, 0);
        most = larger(most, of + 1 + s->repeat * s->times);
    }
    return most;
}

/* Until the last of those that are scheduled starts. */
static int64_t time_to_start(void)
{
    int64_t most = 0, now = usher_now(run.u);

    for (usher_id id = 1; id <= run.watch.tickets_n; id++) {
        const struct seen *t = &run.watch.ticket[id];

        if (t->state == USHER_SCHEDULED)
            most = larger(most, t->until - now);
    }
    return most;
}

/* The latest word that was promised by name: it may be awaited until the end of time. */
static int64_t time_to_word(void)
{
    int64_t most = 0, now = usher_now(run.u);

    for (usher_id id = 1; id <= run.watch.tickets_n; id++) {
        const struct seen *t = &run.watch.ticket[id];

        if (t->promise[2].owed && t->named != 0 && t->promise[2].state != 0 && t->state < USHER_RESOLVED)
            most = larger(most, 3 * (t->named - now) + 2 * (now - t->promise[2].start_at));
    }
    return most;
}

/* No ticket waits longer than this, served or not: for one after the other of what it may have to wait for, a pause
 * for each reason, an offer, its lease, its keep, and in the end confirmations. It has its own policy, but is kept by
 * that of the queue which a step has moved it to: hence the longest of each. A claim that is parked may take what
 * nobody would, and hold it to the end of its lease. */
static int64_t time_of_all(void)
{
    int64_t pause = 0, offer = 0, lease = 0, keep = 0, confirm = 0, promises = 0, wait = 0;
    uint32_t parked = 0;

    for (uint32_t i = 0; i < run.watch.queues_n; i++) {
        const struct seen_queue *q = &run.watch.queue[i];

        for (uint32_t v = 1; v < q->version; v++) { /* nothing was taken under the first one */
            const struct rules *r = &q->rules[v];

            for (int p = 0; p < 3; p++)
                pause = larger(pause, r->pause_max[p]);
            offer = larger(offer, r->accept_within);
            lease = larger(lease, r->lease_max);
            keep = larger(keep, r->keep_for);
            confirm = larger(confirm, r->confirm_within);
            promises = larger(promises, time_of_promises(r));
        }
    }
    for (uint32_t i = 0; i < run.calls_n; i++) {
        parked += is_parked(&run.calls[i]);
        if (is_parked(&run.calls[i]) && run.calls[i].wait_ms != USHER_NEVER)
            wait = larger(wait, run.calls[i].wait_ms);
    }
    return larger(time_to_start() + pause + offer + lease + keep + confirm + promises + parked * (lease + keep), wait);
}

/* How often something can be due before anybody does anything: warnings, breaks and steps of promises that are not
 * broken yet, reminders, check-ins, the ends of what tickets are in, and parked claims that have waited long enough,
 * or take what nobody would, and lose it again. */
static uint32_t instants_of_all(void)
{
    uint32_t n = 0;

    for (usher_id id = 1; id <= run.watch.tickets_n; id++) {
        const struct seen *t = &run.watch.ticket[id];
        const struct rules *r = t->rules;

        n += watch_is_over(t) ? 0 : r->check_in_n + 1;
        if (t->state >= USHER_RESOLVED)
            continue;
        for (uint32_t i = 0; i < r->steps_n; i++)
            n += 1 + r->step[i].times;
        for (int ix = 0; ix < 4; ix++)
            n += t->promise[ix].state == USHER_BROKEN ? 0 : r->warn_n + 1;
        n += t->state == USHER_PAUSED ? r->remind_n[0] + r->remind_n[1] + r->remind_n[2] + 3 : 0;
        n += 3; /* start, lease or offer, keep */
    }
    for (uint32_t i = 0; i < run.calls_n; i++)
        n += 3 * is_parked(&run.calls[i]);
    return n;
}

/* ---- the clock ------------------------------------------------------------------------------- */

static uint64_t parked_told(void)
{
    return run.told[CLAIMS];
}

/* On to the next instant at which something is due; something must happen there. */
static void jump(int64_t until)
{
    int64_t due = usher__service_next_due(run.u), next;
    uint64_t seq = run.watch.seq, claims = parked_told();

    say("; on to %" PRId64, due);
    if (due > until) {
        wrong("the quiet phase takes longer than it can: %" PRId64 " is due after %" PRId64, due, until);
        return;
    }
    advance(larger(due, wall()));
    next = usher__service_next_due(run.u);
    if (next <= due)
        wrong("%" PRId64 " was due, and %" PRId64 " is next", due, next);
    if (run.watch.seq == seq && parked_told() == claims)
        wrong("at %" PRId64 " something was due, and nothing has happened", due);
}

static bool looks_well(void)
{
    watch_look(&run.watch, false, run.keep_closed);
    check_parked();
    end_command();
    return run.watch.wrong[0] == '\0';
}

/* ---- nobody does anything -------------------------------------------------------------------- */

static void leave_alone(void)
{
    int64_t until = usher_now(run.u) + time_of_all() + time_to_word();
    uint32_t most = instants_of_all();

    for (uint32_t n = 0; usher__service_next_due(run.u) != USHER_NEVER && time_to_word() < USHER_AT_MAX / 8; n++) {
        begin_command(QUIET, "quiet: nobody does anything");
        jump(until);
        if (n > most)
            wrong("the quiet phase has more instants than %u", most);
        if (!looks_well())
            return;
    }
    for (usher_id id = 1; id <= run.watch.tickets_n && usher__service_next_due(run.u) == USHER_NEVER; id++) {
        if (!is_at_rest(&run.watch.ticket[id]))
            wrong("ticket %" PRIu64 " is %s, and nothing is due", id,
                  usher_name(USHER_NAME_STATE, run.watch.ticket[id].state));
    }
}

/* ---- everything is served -------------------------------------------------------------------- */

static void act_on(usher_id id, int verb, int kind, bool with_token, const char *who)
{
    const struct seen *t = &run.watch.ticket[id];
    usher_command c = { .size = sizeof c, .verb = verb, .kind = kind, .who = who,
                        .claim = { id, with_token ? t->token : 0 }, .text = { "word", 4 } };

    if (run.calls_n + 1 >= CALLS_MAX)
        return;
    note->text[0] = '\0';
    do_act(&c, -1)->expected = USHER_OK;
}

static void confirm_all(usher_id id)
{
    const struct seen *t = &run.watch.ticket[id];

    for (int i = 0; i < WAITERS; i++) {
        if (t->persons[i] && !t->confirmed[i])
            act_on(id, USHER_CONFIRM, 0, false, i < PERSONS ? persons[i] : queues[i - PERSONS]);
    }
}

/* Does what can be done for it; patient: some of what ends by itself is left to that. */
static void serve(usher_id id, bool patient)
{
    const struct seen *t = &run.watch.ticket[id];

    switch (t->state) {
    case USHER_PAUSED:
    case USHER_OFFERED:
    case USHER_CLAIMED:
        if (patient && t->state != USHER_CLAIMED)
            return;
        if (one_in(2))
            act_on(id, USHER_UPDATE, 0, true, NULL);
        act_on(id, USHER_RESOLVE, 1 + (int)below(2), true, NULL);
        break;
    case USHER_STUCK: act_on(id, USHER_REVIVE, 0, false, NULL); break;
    case USHER_RESOLVED:
        if (!patient)
            confirm_all(id);
        break;
    default: break;
    }
}

static void claim_all(void)
{
    for (uint32_t i = 0; i < AGENTS && run.calls_n + 1 < CALLS_MAX; i++) {
        note->text[0] = '\0';
        do_claim(i, below(run.watch.queues_n), run.watch.queues_n, WORKS_MAX, 0, NULL);
    }
}

static bool are_all_over(void)
{
    for (usher_id id = 1; id <= run.watch.tickets_n; id++) {
        if (!watch_is_over(&run.watch.ticket[id]))
            return false;
    }
    return true;
}

static void serve_all(void)
{
    bool patient = one_in(2);
    int64_t until = usher_now(run.u) + time_of_all();
    uint32_t most = 8 * run.watch.tickets_n + 2 * instants_of_all(); /* a word arms once more */

    for (uint32_t n = 0; !are_all_over() || usher__service_next_due(run.u) != USHER_NEVER; n++) {
        uint64_t seq = run.watch.seq;

        begin_command(QUIET + 1 + n, "quiet: claim");
        claim_all();
        for (usher_id id = 1; id <= run.watch.tickets_n; id++)
            serve(id, patient && one_in(2));
        drain_first();
        if (run.watch.seq == seq && usher__service_next_due(run.u) == USHER_NEVER && !patient)
            wrong("nothing can be done, and nothing is due");
        if (run.watch.seq == seq && usher__service_next_due(run.u) != USHER_NEVER)
            jump(until);
        if (n > most)
            wrong("the quiet phase has more rounds than %u", most);
        if (!looks_well())
            return;
    }
}

void quiet_phase(void)
{
    begin_command(QUIET, "quiet");
    run.nested = false;
    drain_first();
    for (uint32_t i = 0; i < run.watch.queues_n; i++) {
        struct call *c = new_call(true);

        c->expected = USHER_OK;
        returned(c, usher_queue_hold(run.watch.queue[i].q, USHER_RUN, on_done, c), 1);
        drain();
    }
    for (uint32_t i = 0; i < AGENTS; i++) {
        set_agent(i, (1u << SKILLS) - 1);
        drain();
    }
    run.told[QUIETS]++;
    if (looks_well() && one_in(2))
        leave_alone();
    if (run.watch.wrong[0] == '\0')
        serve_all();
}
