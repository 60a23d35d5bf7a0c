/* What a ticket can do, for the documentation to be held against: the rules' table, as it is in
 * the code; and the ways from one state to another, as a long random walk through the public API
 * takes them.
 *
 * Each under a heading: `table`, the rows of lib/core/table.c as Markdown; `ways`, "waiting ->
 * claimed: claimed", each once, with the event that tells it; `timers`, the events that are told
 * because time passes.
 *
 * A way that is not taken in so many steps is not there, or so rare that nobody will miss it. */
#include "../unit/walk.h"

enum { STEPS = 900000, KINDS = 64 };

/* ---- the table ------------------------------------------------------------------------------- */

static void print_table(void)
{
    static const char *const by[] = { "", "holder", "requester", "desk", "engine" };
    static const char *const token[] = { "", "stays", "ends", "new" };

    puts("| command | who | needs the token | the token | S | W | C | O | P | K | R | X | D | `*`: "
         "one of |\n"
         "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (int v = 0; v < VERBS; v++) {
        const struct verb *verb = usher__verb(v);

        if (verb == NULL)
            continue;
        printf("| %s | %s | %s | %s |", verb->name, by[verb->by], verb->needs_token ? "yes" : "",
               token[verb->token]);
        for (int i = 0; i < 9; i++)
            printf(verb->to[i] == '.'   ? "  |"
                   : verb->to[i] == '*' ? " `*` |"
                                        : " %c |",
                   verb->to[i]);
        printf(verb->or[0] == '\0' ? "  |\n" : " %s |\n", verb->or);
    }
}

/* ---- the walk -------------------------------------------------------------------------------- */

struct ways {
    bool seen[USHER_STATES][USHER_STATES][KINDS];
    bool by_timer[KINDS];
};

static void note_way(struct walk *w, const usher_event *e)
{
    struct ways *ways = w->user;

    ways->seen[w->state[e->ticket]][e->state][e->kind] = true;
    if (w->time_passes)
        ways->by_timer[e->kind] = true;
}

static void print_ways(const struct ways *ways)
{
    for (int from = 0; from < USHER_STATES; from++) {
        for (int to = 1; to < USHER_STATES; to++) {
            const char *before = ": ";

            for (int kind = 0; kind < KINDS; kind++) {
                if (from == to || !ways->seen[from][to][kind])
                    continue;
                if (before[0] == ':')
                    printf("%s -> %s", from == 0 ? "(nothing)" : usher_name(USHER_NAME_STATE, from),
                           usher_name(USHER_NAME_STATE, to));
                printf("%s%s", before, usher_name(USHER_NAME_EVENT, kind));
                before = ", ";
            }
            if (before[0] == ',')
                putchar('\n');
        }
    }
}

static void print_timers(const struct ways *ways)
{
    for (int kind = 0; kind < KINDS; kind++) {
        if (ways->by_timer[kind])
            puts(usher_name(USHER_NAME_EVENT, kind));
    }
}

int main(void)
{
    struct walk *w = calloc(1, sizeof *w);
    static struct ways ways;

    if (w == NULL)
        return 1;
    w->on_event = note_way;
    w->user = &ways;
    puts("== table");
    print_table();
    walk(w, STEPS);
    end(w->s);
    puts("== ways");
    print_ways(&ways);
    puts("== timers");
    print_timers(&ways);
    free(w);
    return 0;
}
