/* The policy of a replay where none is given. */
#ifndef EXAMPLES_REPLAY_POLICY_H
#define EXAMPLES_REPLAY_POLICY_H

/* The text of policy.json, which a test compares. */
extern const char policy_builtin[];

#endif
