/* The probe: reads the commands of README.md's section 2 from stdin, does what they say through
 * the public API on a manual clock, and prints what came of it, so that the library and the
 * oracle can be compared. With --store URI on a new store of that name. Two things that the
 * public API does not tell are asked of the service behind it: the next instant at which
 * something is due, and a claim's token. */
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <usher/usher.h>

#include "probe_rows.h"

int64_t usher__service_next_due(usher_t *u);
uint64_t usher__service_token(usher_t *u, usher_id id);

enum { ARGS_MAX = 32, LIST_MAX = 80, MANY_MAX = 64, VERBS = 128 };

struct args { /* the key=value words of a line */
    const char *key[ARGS_MAX], *value[ARGS_MAX];
    int n;
};

struct list { /* a comma-separated value, cut up */
    const char *item[LIST_MAX];
    uint32_t n;
};

/* One per process: a claim's user pointer is its tag, so its callback finds the rest here. */
static struct {
    usher_t *u;
    usher_manual_clock_t *clock;
    usher_agent_t **agents;
    usher_id *touched; /* tickets that this command's events and completions named */
    size_t agents_n, touched_n, touched_room;
    int closed;
    const char *self, *store; /* store NULL: in memory */
    int64_t keep_closed, op_window_ms, op_window_n;
} probe;

static void *grown(void *p, size_t n, size_t size)
{
    p = realloc(p, n * size);
    if (!p) {
        fputs("probe: out of memory\n", stderr);
        exit(2);
    }
    return p;
}

/* ---- the words of a line -------------------------------------------------------------------- */

static void take(struct args *a, char *word)
{
    char *equals = strchr(word, '=');

    if (equals && a->n < ARGS_MAX) {
        *equals = '\0';
        a->key[a->n] = word;
        a->value[a->n++] = equals + 1;
    }
}

static const char *arg(const struct args *a, const char *key)
{
    for (int i = 0; i < a->n; i++) {
        if (strcmp(a->key[i], key) == 0)
            return a->value[i];
    }
    return NULL;
}

static int64_t num(const struct args *a, const char *key)
{
    const char *value = arg(a, key);

    if (!value)
        return 0;
    return strcmp(value, "never") == 0 ? USHER_NEVER : strtoll(value, NULL, 10);
}

static usher_text text(const struct args *a, const char *key)
{
    const char *value = arg(a, key);

    return (usher_text){value, value ? strlen(value) : 0};
}

static usher_op op(const struct args *a)
{
    return (usher_op){0, (uint64_t)num(a, "op")};
}

static void split(struct list *l, const char *value)
{
    char *word = (char *)value; /* a line's words are ours to cut */

    l->n = 0;
    while (word && l->n < LIST_MAX) {
        char *comma = strchr(word, ',');
        if (comma)
            *comma = '\0';
        l->item[l->n++] = word;
        word = comma ? comma + 1 : NULL;
    }
}

/* ---- telling -------------------------------------------------------------------------------- */

static void touch(usher_id ticket)
{
    if (probe.touched_n == probe.touched_room) {
        probe.touched_room = probe.touched_room ? 2 * probe.touched_room : 64;
        probe.touched = grown(probe.touched, probe.touched_room, sizeof *probe.touched);
    }
    probe.touched[probe.touched_n++] = ticket;
}

static void on_event(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    (void)user;
    touch(e->ticket);
    tell_event('e', e);
}

static void on_done(usher_t *u, const usher_done *d, void *user)
{
    (void)u;
    (void)user;
    touch(d->ticket);
    printf("d ticket=%" PRIu64 " status=%s state=%s verb=%s outcome=%d until=%" PRId64
           " token=%" PRIu64 " prio=%d seq=%" PRIu64 "\n",
           d->ticket, code(d->status), name(USHER_NAME_STATE, d->state),
           name(USHER_NAME_VERB, d->verb), d->outcome, d->until_at, d->token, d->priority, d->seq);
}

static void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *tag)
{
    char due[24];

    if (probe.closed)
        return;
    printf("w agent=%s status=%s tag=%" PRIdPTR " work=%s", usher_agent_name(a), code(status),
           (intptr_t)tag, n ? "" : "-");
    for (size_t i = 0; i < n; i++) {
        touch(w[i].claim.ticket);
        printf("%s%" PRIu64 ":%" PRIu64 ":%" PRId64 ":%s:%u:%u", i ? "," : "", w[i].claim.ticket,
               w[i].claim.token, w[i].lease_until_at, instant(w[i].due_at, due), w[i].attempts,
               w[i].persons);
    }
    putchar('\n');
}

static void describe(usher_id id)
{
    usher_standing s = {.size = sizeof s};
    char due[24], word[24];

    if (usher_peek(probe.u, id, &s) != USHER_OK)
        return;
    printf("t id=%" PRIu64 " state=%s prio=%d level=%d ts=%" PRIu64 " since=%" PRId64
           " until=%" PRId64 " rank=%" PRId64 " ahead=%" PRId64 " aheadq=%" PRId64 " holder=%s"
           " kept=%s att=%u chases=%u persons=%u req=%s queue=%s pv=%u token=%" PRIu64
           " due=%s nextword=%s",
           s.ticket, name(USHER_NAME_STATE, s.state), s.priority, s.level, s.ticket_seq, s.state_at,
           s.until_at, s.rank_at, s.ahead, s.ahead_in_queue, or_none(s.holder), or_none(s.kept_for),
           s.attempts, s.chases, s.persons, or_none(s.requester), usher_queue_name(s.queue),
           s.policy_version, usher__service_token(probe.u, id), instant(s.due_at, due),
           instant(s.next_word_at, word));
    for (int i = 0; i < 4; i++) {
        const usher_promise *p = &s.promises[i];
        if (p->state == 0)
            printf(" p%d=0:0:0:0:0:0", i + 1);
        else
            printf(" p%d=%d:%" PRId64 ":%s:%" PRId64 ":%" PRId64 ":%u", i + 1, p->state,
                   p->start_at, instant(p->due_at, due), p->target_ms, p->left_ms, p->arming);
    }
    printf(" waits=%u:%" PRId64 ":%" PRId64 " by=%d from=%" PRId64 " behind=%" PRId64
           " offer=%d to=%s hops=%u cause=%" PRIu64 " follows=%" PRIu64 " linked=%u isc=%d\n",
           s.waits, s.wait_p50_ms, s.wait_p90_ms, s.rank_by, s.rank_from_at, s.rank_behind_ms,
           s.offer, or_none(s.offered_to), s.handoffs, s.cause, s.follows, s.linked, s.is_cause);
}

static int by_id(const void *a, const void *b)
{
    usher_id x = *(const usher_id *)a, y = *(const usher_id *)b;

    return (x > y) - (x < y);
}

static int64_t wall(void)
{
    const usher_clock *clock = usher_manual_clock_get(probe.clock);

    return clock->wall_ms(clock->ctx);
}

/* Turns do not wait for a store; an advance to where the clock stands does. */
static void drain(void)
{
    if (probe.store && usher_advance(probe.u, wall()) != USHER_OK)
        fputs("probe: usher_advance\n", stderr);
    while (usher_turn(probe.u) > 0)
        continue;
}

/* Runs every callback that is outstanding, then tells how the tickets stand that they named. */
static void answer(int returned)
{
    char due[24];

    printf("r %s\n", code(returned));
    drain();
    if (probe.touched_n)
        qsort(probe.touched, probe.touched_n, sizeof *probe.touched, by_id);
    for (size_t i = 0; i < probe.touched_n; i++) {
        if (probe.touched[i] && (i == 0 || probe.touched[i] != probe.touched[i - 1]))
            describe(probe.touched[i]);
    }
    probe.touched_n = 0;
    printf("n %s\n.\n", instant(usher__service_next_due(probe.u), due));
    fflush(stdout);
}

/* ---- the commands --------------------------------------------------------------------------- */

static usher_queue_t *queue(const char *queue_name)
{
    usher_queue_t *q = NULL;

    return queue_name && usher_queue(probe.u, &q, queue_name) == USHER_OK ? q : NULL;
}

static usher_agent_t *known_agent(const char *agent_name)
{
    for (size_t i = 0; i < probe.agents_n; i++) {
        if (strcmp(usher_agent_name(probe.agents[i]), agent_name) == 0)
            return probe.agents[i];
    }
    return NULL;
}

/* usher_agent() sets the skills and brings back who has gone: it is called for new names, and where
 * that is asked. */
static int meet(const char *agent_name, const struct list *skills)
{
    usher_agent_t *a;
    int r = usher_agent(probe.u, &a, agent_name, skills->item, skills->n);

    if (r == USHER_OK && !known_agent(agent_name)) {
        probe.agents = grown(probe.agents, probe.agents_n + 1, sizeof *probe.agents);
        probe.agents[probe.agents_n++] = a;
    }
    return r;
}

static usher_agent_t *agent(const char *agent_name)
{
    struct list none = {{NULL}, 0};

    if (!known_agent(agent_name))
        meet(agent_name, &none);
    return known_agent(agent_name);
}

static void fill_request(usher_request *r, struct list *needs, const struct args *a)
{
    split(needs, arg(a, "needs"));
    *r = (usher_request){
        .size = sizeof *r,
        .requester = arg(a, "who"),
        .body = text(a, "body"),
        .symptom = arg(a, "symptom"),
        .dedup_key = arg(a, "key"),
        .ref = arg(a, "ref"),
        .needs = needs->item,
        .needs_n = needs->n,
        .priority = (int32_t)num(a, "priority"),
        .start_at = num(a, "start"),
        .op = op(a),
        .follows = (usher_id)num(a, "follows"),
    };
}

static int do_enqueue(const char *queue_name, const struct args *a)
{
    usher_request r;
    struct list needs;

    fill_request(&r, &needs, a);
    return usher_enqueue(queue(queue_name), &r, on_done, NULL);
}

/* The fields of several requests, with semicolons between them. */
static int do_many(const char *queue_name, char *rest)
{
    static usher_request r[MANY_MAX];
    static struct list needs[MANY_MAX];
    size_t n = 0;

    while (rest && n < MANY_MAX) {
        struct args a = {.n = 0};
        char *next = strchr(rest, ';'), *save = NULL;
        if (next)
            *next++ = '\0';
        for (char *word = strtok_r(rest, " ", &save); word; word = strtok_r(NULL, " ", &save))
            take(&a, word);
        fill_request(&r[n], &needs[n], &a);
        n++;
        rest = next;
    }
    return usher_enqueue_many(queue(queue_name), r, n, on_done, NULL);
}

static int do_claim(const char *agent_name, const struct args *a)
{
    usher_queue_t *queues[LIST_MAX];
    struct list names;
    usher_claim_args c = {.size = sizeof c, .queues = queues};

    split(&names, arg(a, "queues"));
    for (uint32_t i = 0; i < names.n; i++)
        queues[i] = queue(names.item[i]);
    c.queues_n = names.n;
    c.n = (uint32_t)num(a, "n");
    c.wait_ms = num(a, "wait");
    c.op = op(a);
    return usher_claim_many(agent(agent_name), &c, on_work, (void *)(intptr_t)num(a, "tag"));
}

static int do_claim_ticket(const char *agent_name, const struct args *a)
{
    usher_op o = op(a);

    return usher_claim_ticket(agent(agent_name), (usher_id)num(a, "ticket"), &o, on_work, NULL);
}

static int verb(const char *word)
{
    for (int v = 1; word && v < VERBS; v++) {
        if (strcmp(usher_name(USHER_NAME_VERB, v), word) == 0)
            return v;
    }
    return VERBS;
}

static int do_act(const struct args *a)
{
    usher_command c = {
        .size = sizeof c,
        .verb = verb(arg(a, "verb")),
        .kind = (int32_t)num(a, "kind"),
        .claim = {(usher_id)num(a, "ticket"), (uint64_t)num(a, "token")},
        .text = text(a, "text"),
        .at = num(a, "at"),
        .ms = num(a, "ms"),
        .queue = queue(arg(a, "queue")),
        .who = arg(a, "who"),
        .op = op(a),
        .agent = arg(a, "agent") ? agent(arg(a, "agent")) : NULL,
        .other = (usher_id)num(a, "other"),
    };

    return usher_act(probe.u, &c, on_done, NULL);
}

static int do_define(const char *queue_name, const char *policy)
{
    char err[256];
    int r = usher_define(queue(queue_name), policy, err, sizeof err, on_done, NULL);

    if (r == USHER_EPOLICY)
        fprintf(stderr, "probe: %s\n", err);
    return r;
}

static int do_what_if(const char *queue_name, const char *policy)
{
    usher_query q = {.size = sizeof q, .what = USHER_READ_WHAT_IF, .limit = USHER_ROWS_MAX};

    q.queue = queue(queue_name);
    q.policy = policy && policy[0] ? policy : NULL;
    return usher_read(probe.u, &q, on_page, NULL);
}

static int do_why(const struct args *a)
{
    usher_query q = {.size = sizeof q, .what = USHER_READ_WHY_DUE, .limit = USHER_ROWS_MAX};

    q.ticket = (usher_id)num(a, "ticket");
    q.promise = (int32_t)num(a, "promise");
    return usher_read(probe.u, &q, on_page, NULL);
}

/* figures, agents, symptoms, tickets, history. */
static int do_read(int what, const struct args *a)
{
    usher_query q = {.size = sizeof q, .what = what, .limit = USHER_ROWS_MAX};

    q.queue = arg(a, "queue") ? queue(arg(a, "queue")) : NULL;
    q.agent = arg(a, "agent");
    q.symptom = arg(a, "symptom");
    q.linked = (usher_id)num(a, "linked");
    q.ticket = (usher_id)num(a, "ticket");
    q.from_at = num(a, "from");
    q.to_at = num(a, "to");
    return usher_read(probe.u, &q, on_page, what == USHER_READ_TICKETS ? &probe : NULL);
}

static int open_again(void)
{
    usher_options o = {.size = sizeof o};
    char err[256] = "";
    int r;

    o.clock = usher_manual_clock_get(probe.clock);
    o.keep_closed = (uint32_t)probe.keep_closed;
    o.op_window_ms = probe.op_window_ms;
    o.op_window_n = (uint32_t)probe.op_window_n;
    o.err = err;
    o.err_len = sizeof err;
    r = usher_open(&probe.u, NULL, probe.store ? probe.store : "memory:", &o, NULL, NULL);
    if (r == USHER_OK)
        r = usher_subscribe(probe.u, NULL, 0, on_event, NULL);
    if (r != USHER_OK) {
        fprintf(stderr, "probe: open: %s: %s\n", usher_strerror(r), err);
        exit(2);
    }
    return r;
}

static void forget_store(void)
{
    static const char *const suffixes[] = {"", "-wal", "-lock", "-reserve"};
    char path[4096];

    for (size_t i = 0; probe.store && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        snprintf(path, sizeof path, "%s%s", probe.store + strlen("sqlite:"), suffixes[i]);
        (void)unlink(path);
    }
}

static void open_service(int64_t now, const struct args *a)
{
    forget_store();
    if (usher_manual_clock_new(&probe.clock, now) != USHER_OK)
        exit(2);
    probe.keep_closed = num(a, "keep_closed");
    probe.op_window_ms = num(a, "op_window_ms");
    probe.op_window_n = num(a, "op_window_n");
    answer(open_again());
}

static void on_closed(void *user)
{
    *(usher_t **)user = NULL;
}

static void close_service(void)
{
    if (probe.u && usher_close(probe.u, on_closed, &probe.u) == USHER_OK) {
        while (probe.u) {
            struct pollfd p = {.fd = usher_fd(probe.u), .events = POLLIN};

            if (usher_turn(probe.u) == 0 && probe.u)
                (void)poll(&p, 1, 1);
        }
    }
    probe.agents_n = 0; /* their handles are gone with it */
}

/* All tickets that can be seen: their ids have no gaps. */
static void touch_all(void)
{
    usher_standing s = {.size = sizeof s};

    for (usher_id id = 1; usher_peek(probe.u, id, &s) == USHER_OK; id++)
        touch(id);
}

static int reopen(void)
{
    int r;

    close_service();
    r = open_again();
    touch_all();
    return r;
}

/* The process ends as if it was killed, all at once, and another one goes on. */
static int crash(void)
{
    char text[4][24];

    snprintf(text[0], sizeof text[0], "%" PRId64, wall());
    snprintf(text[1], sizeof text[1], "%" PRId64, probe.keep_closed);
    snprintf(text[2], sizeof text[2], "%" PRId64, probe.op_window_ms);
    snprintf(text[3], sizeof text[3], "%" PRId64, probe.op_window_n);
    execl(probe.self, probe.self, "--store", probe.store, "--again", text[0], text[1], text[2],
          text[3], (char *)NULL);
    perror("probe: exec");
    exit(2);
}

static void go_on(char **numbers)
{
    if (usher_manual_clock_new(&probe.clock, strtoll(numbers[0], NULL, 10)) != USHER_OK)
        exit(2);
    probe.keep_closed = strtoll(numbers[1], NULL, 10);
    probe.op_window_ms = strtoll(numbers[2], NULL, 10);
    probe.op_window_n = strtoll(numbers[3], NULL, 10);
    (void)open_again();
    touch_all();
    answer(USHER_OK);
}

static int perform(const char *what, const char *first, char *rest, const struct args *a)
{
    int64_t n = first ? strtoll(first, NULL, 10) : 0;
    struct list skills;

    if (strcmp(what, "act") == 0)
        return do_act(a);
    if (strcmp(what, "enqueue") == 0)
        return do_enqueue(first, a);
    if (strcmp(what, "many") == 0)
        return do_many(first, rest);
    if (strcmp(what, "claim") == 0)
        return do_claim(first, a);
    if (strcmp(what, "claim_ticket") == 0)
        return do_claim_ticket(first, a);
    if (strcmp(what, "cancel") == 0)
        return usher_claim_cancel(agent(first), (void *)(intptr_t)num(a, "tag"));
    if (strcmp(what, "queue") == 0)
        return queue(first) ? USHER_OK : USHER_ELIMIT;
    if (strcmp(what, "define") == 0)
        return do_define(first, rest);
    if (strcmp(what, "apply") == 0)
        return usher_apply(queue(first), on_done, NULL);
    if (strcmp(what, "what_if") == 0)
        return do_what_if(first, rest);
    if (strcmp(what, "why") == 0)
        return do_why(a);
    if (strcmp(what, "figures") == 0)
        return do_read(USHER_READ_FIGURES, a);
    if (strcmp(what, "agents") == 0)
        return do_read(USHER_READ_AGENTS, a);
    if (strcmp(what, "symptoms") == 0)
        return do_read(USHER_READ_SYMPTOMS, a);
    if (strcmp(what, "tickets") == 0)
        return do_read(USHER_READ_TICKETS, a);
    if (strcmp(what, "history") == 0)
        return do_read(USHER_READ_HISTORY, a);
    if (strcmp(what, "hold") == 0)
        return usher_queue_hold(queue(first), (uint32_t)strtoul(rest, NULL, 10), on_done, NULL);
    if (strcmp(what, "agent") == 0) {
        split(&skills, arg(a, "skills"));
        return meet(first, &skills);
    }
    if (strcmp(what, "gone") == 0)
        return usher_agent_gone(agent(first), on_done, NULL);
    if (strcmp(what, "advance") == 0)
        return usher_advance(probe.u, n);
    if (strcmp(what, "skip") == 0)
        return usher_manual_clock_skip(probe.clock, n);
    if (strcmp(what, "step") == 0)
        return usher_manual_clock_step(probe.clock, n);
    if (probe.store && strcmp(what, "reopen") == 0)
        return reopen();
    if (probe.store && strcmp(what, "crash") == 0)
        return crash();
    fprintf(stderr, "probe: no such command: %s\n", what);
    exit(2);
}

/* words: with a space between each. */
static bool is_one_of(const char *word, const char *words)
{
    size_t len = strlen(word);
    const char *at = words;

    while ((at = strstr(at, word)) != NULL) {
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
        at += len;
    }
    return false;
}

/* A line: a command, mostly a first word, and the rest, which is cut into arguments unless it is a
 * policy or a batch. */
static void read_line(char *line)
{
    struct args a = {.n = 0};
    char *save = NULL, *rest, *first = NULL;
    char *what = strtok_r(line, " ", &save);
    bool whole = is_one_of(what, "define many hold what_if");

    if (!is_one_of(what, "act why figures agents symptoms tickets history"))
        first = strtok_r(NULL, " ", &save);
    rest = save;
    if (!whole) {
        for (char *word = strtok_r(NULL, " ", &save); word; word = strtok_r(NULL, " ", &save))
            take(&a, word);
    }
    if (!probe.u)
        open_service(strtoll(first ? first : "0", NULL, 10), &a);
    else
        answer(perform(what, first, rest, &a));
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    probe.self = argv[0];
    if (argc >= 3 && strcmp(argv[1], "--store") == 0) {
        probe.store = argv[2];
        (void)setvbuf(stdin, NULL, _IONBF, 0); /* what has been read would be lost in a crash */
    }
    if (argc == 8 && strcmp(argv[3], "--again") == 0)
        go_on(argv + 4);
    while ((len = getline(&line, &room, stdin)) > 0) {
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (line[0] && line[0] != '#')
            read_line(line);
    }
    probe.closed = 1; /* what it still says is no answer to anybody */
    close_service();
    forget_store();
    usher_manual_clock_free(probe.clock);
    free(probe.touched);
    free(probe.agents);
    free(line);
    return 0;
}
