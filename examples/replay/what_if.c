/* --what-if: serves the same people three ways. */
#include "what_if.h"

#include <stdlib.h>

int what_if_open(struct what_if *w, const char *policy, struct fault *f)
{
    char *ours = question_policy(w->question, policy);
    const struct serve_what what = {
        .demand = w->demand,
        .log = w->log,
        .timeline = w->timeline,
        .policy = ours ? ours : policy,
        .agents = w->question->agents,
    };
    int r = 0;
    for (int o = 0; r == 0 && o < ORDERS; o++)
        r = serve(&w->servings[o], &what, (enum order)o, f);
    free(ours);
    if (r == 0)
        compare(w);
    return r;
}
