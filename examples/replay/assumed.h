/* What a replay had to assume, because the log does not say it: each with its count. */
#ifndef EXAMPLES_REPLAY_ASSUMED_H
#define EXAMPLES_REPLAY_ASSUMED_H
#include <stdint.h>

/* clang-format off */
/* X(name, unit, what): the name in JSON, what is counted, and for people how it was read. */
#define ASSUMED_MAP(X)                                                                             \
    X(opened_missing, "tickets", "without an opening time: opened at the first row")               \
    X(updated_before_opened, "tickets", "updated before the opening time: opened at that update")  \
    X(requester_missing, "tickets", "without a requester: each a person of its own")               \
    X(requester_changed, "tickets", "with another requester later: the first one waits")           \
    X(queue_missing, "tickets", "without any queue: \"default\"")                                  \
    X(queue_from_later_row, "tickets", "with a queue in later rows only: there from the start")    \
    X(priority_missing, "tickets", "without any priority: normal")                                 \
    X(symptom_changed, "tickets", "with another symptom later: the first one counts")              \
    X(first_seen_claimed, "tickets", "first seen when already in work: waiting until then")        \
    X(first_seen_paused, "tickets", "first seen when already paused: waiting until then")          \
    X(first_seen_resolved, "tickets", "first seen when already resolved: waiting until then")      \
    X(state_unknown, "rows", "with a state that the mapping does not list: a note")                \
    X(state_guessed, "rows", "with a state understood by its word: the mapping lists none")        \
    X(priority_unknown, "rows", "with a priority that the mapping does not list: unchanged")       \
    X(row_names_no_queue, "rows", "without a queue: the ticket stays where it is")                 \
    X(newest_first, "rows", "newest first: read from the end")                                     \
    X(same_instant, "rows", "of the same instant as the one before: in the log's order")           \
    X(out_of_order, "rows", "back in time: put where the instant belongs")                         \
    X(late_record, "rows", "of those \"new\" after the resolve: a note, not a reopen")             \
    X(stand_in_agent, "claims", "without an agent: by \"somebody\" of the queue")                  \
    X(claimed_after_the_fact, "claims",                                                            \
      "not in the log: made at the moment of the pause or the resolve")                            \
    X(acknowledged_at_claim, "claims", "taken as a first word: the log shows none of its own")     \
    X(row_as_word, "rows", "in work or paused without a visible change: a word to the requester")  \
    X(row_as_note, "rows", "in nobody's hands without a visible change: a note")                   \
    X(moved_across_unknown, "moves", "across rows without a queue: made, but not counted above")   \
    X(handed_off_from_the_line, "moves",                                                           \
      "of tickets in nobody's hands: handed off by somebody of that queue")                        \
    X(moved_after_resolve, "moves", "when already resolved: counted above, made as a note")        \
    X(changed_after_resolve, "rows",                                                               \
      "with another priority or agent when already resolved: a note")                              \
    X(agent_changed_while_paused, "rows",                                                          \
      "with another agent of a paused ticket: his when it goes on")                                \
    X(cause_changed, "tickets", "with another cause later: linked to that one then")               \
    X(closed_without_resolve, "tickets", "closed without a resolve: resolved at that moment")      \
    X(row_after_close, "rows", "after the close: nothing left to do")                              \
    X(confirmed_at_end, "tickets", "resolved but not closed when the log ends: confirmed then")    \
    X(reclaimed, "claims", "after the policy had ended the claim or the pause before")             \
    X(pause_refused, "pauses", "beyond the policy's maximum: the ticket stayed with its agent")    \
    X(moved_beyond_hops, "moves", "beyond the policy's handoff.hops: moved by the desk")           \
    X(moved_when_not_accepted, "claims", "after the policy had ended the hand-off: moved there first")  \
    X(links_too_many, "tickets", "beyond what one cause can have linked: not linked")               \
    X(reopened_over_policy, "resolves", "by the policy although the log goes on: reopened")        \
    X(row_after_policy_close, "rows", "after the policy closed the ticket: not replayed")          \
    X(refused_full, "tickets", "refused, the policy's limits.open was reached: not replayed")
/* clang-format on */
enum assumption {
#define X(name, unit, what) ASSUMED_##name,
    ASSUMED_MAP(X)
#undef X
        ASSUMPTIONS
};

struct assumed {
    uint64_t n[ASSUMPTIONS];
};

#endif
