/* Symptoms: remembered, shown, written and read back. See symptoms.h. */
#include "local/symptoms.h"

#include <string.h>

#include "local/record.h"

/* ---- remembering --------------------------------------------------------------------------------- */

static uint64_t name_at(const void *ctx, uint32_t slot)
{
    return usher__symptom(ctx, slot)->name;
}

static uint32_t find(const struct engine *e, uint32_t name)
{
    return e->causes == NULL || name == 0 ? 0 : usher__ids_find(&e->causes->by_name, name);
}

uint32_t usher__symptom_of(const struct engine *e, const struct ticket *t)
{
    return find(e, t->extra->symptom);
}

static void note(struct engine *e, uint32_t slot)
{
    struct symptom *s = usher__symptom(e, slot);

    if (!e->changes.on || s->noted)
        return;
    s->noted = true;
    usher__noted_add(&e->causes->noted, slot);
}

static void unlist(struct engine *e, const struct symptom *s)
{
    if (s->newer != 0)
        usher__symptom(e, s->newer)->older = s->older;
    else
        e->causes->newest = s->older;
    if (s->older != 0)
        usher__symptom(e, s->older)->newer = s->newer;
}

static void list_first(struct engine *e, uint32_t slot)
{
    struct symptom *s = usher__symptom(e, slot);

    s->newer = 0;
    s->older = e->causes->newest;
    if (s->older != 0)
        usher__symptom(e, s->older)->newer = slot;
    e->causes->newest = slot;
}

/* The one not seen for longest goes first; those with an open cause go last. */
void usher__symptom_changed(struct engine *e, uint32_t slot)
{
    const struct symptom *s = usher__symptom(e, slot);
    uint64_t key = s->last | (uint64_t)(s->cause != 0) << 62;

    usher__heap_set(&e->causes->next, slot, s->last, (int64_t)key);
    note(e, slot);
}

static void drop(struct engine *e, uint32_t slot)
{
    struct symptom *s = usher__symptom(e, slot);

    usher__ids_remove(&e->causes->by_name, s->name);
    usher__intern_unref(&e->names, s->name);
    usher__free(&e->memory, s->recent);
    usher__slab_give(&e->causes->symptoms, slot);
}

static void forget(struct engine *e, uint32_t slot)
{
    struct symptom *s = usher__symptom(e, slot);

    usher__heap_drop(&e->causes->next, slot);
    unlist(e, s);
    s->seen = s->cause = 0;
    s->recent_n = s->causes = s->fixes = s->workarounds = 0;
    if (s->filed)
        note(e, slot);
    if (!s->noted && s->owed == 0)
        drop(e, slot);
}

int usher__causes_new(struct engine *e)
{
    struct causes *c = e->causes;

    if (c != NULL)
        return 0;
    c = usher__zalloc(&e->memory, sizeof(*c));
    if (c == NULL)
        return USHER_ENOMEM;
    usher__slab_init(&c->symptoms, &e->memory, sizeof(struct symptom));
    usher__ids_init(&c->by_name, &e->memory, name_at, e);
    usher__heap_init(&c->next, &e->memory);
    e->causes = c;
    return 0;
}

/* The record of this name; made if there is none. */
static int get(struct engine *e, uint32_t name, uint32_t *slot)
{
    struct causes *c;

    *slot = find(e, name);
    if (*slot != 0)
        return 0;
    if (usher__causes_new(e) != 0)
        return USHER_ENOMEM;
    c = e->causes;
    if (usher__slab_reserve(&c->symptoms, 1) != 0 || usher__ids_reserve(&c->by_name, 1) != 0 ||
        usher__heap_reserve(&c->next, c->symptoms.fresh + 1) != 0 ||
        (e->changes.on && usher__noted_reserve(&c->noted, &e->memory, c->symptoms.fresh + 1) != 0))
        return USHER_ENOMEM;
    *slot = usher__slab_take(&c->symptoms);
    usher__symptom(e, *slot)->name = name;
    usher__intern_ref(&e->names, name);
    usher__ids_insert(&c->by_name, name, *slot);
    return 0;
}

static int recent_room(struct engine *e, struct symptom *s, uint32_t n)
{
    void *p;

    if (n > CAUSE_AFTER_MAX)
        n = CAUSE_AFTER_MAX;
    p = usher__grow(&e->memory, s->recent, &s->recent_room, n, sizeof(*s->recent));
    if (p == NULL)
        return USHER_ENOMEM;
    s->recent = p;
    return 0;
}

int usher__symptom_expect(struct engine *e, uint32_t name, uint32_t *slot)
{
    int err = get(e, name, slot);
    struct symptom *s;

    if (err != 0)
        return err;
    s = usher__symptom(e, *slot);
    s->owed++;
    return recent_room(e, s, s->recent_n + s->owed);
}

void usher__symptom_unexpect(struct engine *e, uint32_t slot)
{
    struct symptom *s = usher__symptom(e, slot);

    s->owed -= s->owed > 0;
    if (s->seen == 0 && s->owed == 0 && !s->noted)
        drop(e, slot);
}

uint64_t usher__symptom_print(const struct engine *e, const struct ticket *t)
{
    size_t len;
    const char *name = usher__intern_text(&e->names, t->requester, &len);

    return usher__print_bytes(0, name, len);
}

uint32_t usher__symptom_recent(const struct symptom *s, int64_t now, int64_t window)
{
    uint32_t i = 0;

    while (i < s->recent_n && s->recent[i].at <= now - window)
        i++;
    return i;
}

/* Room for it has been made. */
void usher__symptom_remember(struct engine *e, const struct ticket *t)
{
    uint32_t slot = usher__symptom_of(e, t);
    struct symptom *s = usher__symptom(e, slot);
    struct heap_entry oldest;

    if (s->seen++ > 0)
        unlist(e, s);
    else
        s->first_at = t->enqueued_at;
    if (s->seen == 1 && e->causes->next.n >= USHER_SYMPTOMS_MAX &&
        usher__heap_top(&e->causes->next, &oldest))
        forget(e, oldest.slot);
    if (s->recent_n == CAUSE_AFTER_MAX)
        memmove(s->recent, s->recent + 1, --s->recent_n * sizeof(*s->recent));
    s->recent[s->recent_n++] = (struct seen){t->id, t->enqueued_at, usher__symptom_print(e, t)};
    s->owed -= s->owed > 0;
    s->last = t->id;
    s->last_at = t->enqueued_at;
    s->window = usher__policy(e, t->policy)->recur_within;
    list_first(e, slot);
    usher__symptom_changed(e, slot);
}

/* ---- reading ------------------------------------------------------------------------------------- */

static void show(const struct engine *e, const struct symptom *s, usher_symptom *row)
{
    uint32_t from = usher__symptom_recent(s, e->at.wall, s->window), requesters = 0;

    for (uint32_t i = from; i < s->recent_n; i++) {
        uint32_t k = from;

        while (s->recent[k].by != s->recent[i].by)
            k++;
        requesters += k == i;
    }
    *row = (usher_symptom){.size = sizeof(*row),
                           .symptom = usher__engine_name(e, s->name),
                           .seen = s->seen,
                           .recent = s->recent_n - from,
                           .requesters = requesters,
                           .first_at = s->first_at,
                           .last_at = s->last_at,
                           .last = s->last,
                           .cause = s->cause,
                           .causes = s->causes,
                           .fixes = s->fixes,
                           .workarounds = s->workarounds};
    if (s->cause != 0)
        row->linked = usher__ticket(e, usher__ids_find(&e->by_id, s->cause))->extra->linked_n;
}

void usher__causes_read(struct engine *e, const usher_query *q, uint32_t limit, usher_symptom *rows,
                        usher_page *out)
{
    uint32_t slot = e->causes != NULL ? e->causes->newest : 0;
    const struct symptom *s;

    out->symptoms = rows;
    for (; slot != 0 && out->cursor == 0; slot = s->older) {
        s = usher__symptom(e, slot);
        if ((q->cursor != 0 && s->last >= q->cursor) ||
            (q->symptom != NULL && strcmp(q->symptom, usher__engine_name(e, s->name)) != 0))
            continue;
        if (out->n == limit)
            out->cursor = rows[limit - 1].last;
        else
            show(e, s, &rows[out->n++]);
    }
}

void usher__causes_free(struct engine *e)
{
    struct causes *c = e->causes;

    if (c == NULL)
        return;
    for (uint32_t slot = 1; slot < c->symptoms.fresh; slot++) {
        if (usher__ids_find(&c->by_name, usher__symptom(e, slot)->name) == slot)
            usher__free(&e->memory, usher__symptom(e, slot)->recent);
    }
    usher__slab_free(&c->symptoms);
    usher__ids_free(&c->by_name);
    usher__heap_free(&c->next);
    usher__free(&e->memory, c->noted.at);
    usher__free(&e->memory, c);
    e->causes = NULL;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

enum { ROW_LEN = 10 * NUMBER_LEN + CAUSE_AFTER_MAX * 3 * NUMBER_LEN };

static int put_row(struct engine *e, struct batch *b, const struct symptom *s)
{
    char bytes[ROW_LEN], *to = bytes;
    size_t len;
    struct row row = {.table = ROW_SYMPTOM, .drop = s->seen == 0, .a = (int64_t)s->last};

    row.name = usher__intern_text(&e->names, s->name, &len);
    row.name_len = (uint16_t)len;
    if (row.drop)
        return usher__batch_put(b, &row);
    to = usher__put_number(to, s->seen);
    to = usher__put_number(to, (uint64_t)s->last_at);
    to = usher__put_number(to, (uint64_t)(s->last_at - s->first_at));
    to = usher__put_number(to, (uint64_t)s->window);
    to = usher__put_number(to, s->cause);
    to = usher__put_number(to, s->causes);
    to = usher__put_number(to, s->fixes);
    to = usher__put_number(to, s->workarounds);
    to = usher__put_number(to, s->recent_n);
    for (uint32_t i = 0; i < s->recent_n; i++) {
        to = usher__put_number(to, s->last - s->recent[i].id);
        to = usher__put_number(to, (uint64_t)(s->last_at - s->recent[i].at));
        to = usher__put_number(to, s->recent[i].by);
    }
    row.bytes = bytes;
    row.len = (uint32_t)(to - bytes);
    return usher__batch_put(b, &row);
}

bool usher__causes_changed(const struct engine *e)
{
    return e->causes != NULL && e->causes->noted.n > 0;
}

int usher__causes_cut(struct engine *e, struct batch *b)
{
    int err = 0;

    for (uint32_t i = 0; err == 0 && usher__causes_changed(e) && i < e->causes->noted.n; i++) {
        const struct symptom *s = usher__symptom(e, e->causes->noted.at[i]);

        if (s->seen > 0 || s->filed)
            err = put_row(e, b, s);
    }
    return err;
}

void usher__causes_strike(struct engine *e)
{
    struct causes *c = e->causes;

    for (uint32_t i = 0; usher__causes_changed(e) && i < c->noted.n; i++) {
        struct symptom *s = usher__symptom(e, c->noted.at[i]);

        s->noted = false;
        s->filed = s->seen > 0;
        if (!s->filed)
            drop(e, c->noted.at[i]);
    }
    if (c != NULL)
        c->noted.n = 0;
}

int usher__causes_put(struct engine *e, struct batch *b)
{
    uint32_t slot = e->causes != NULL ? e->causes->newest : 0;
    int err = 0;

    for (; err == 0 && slot != 0; slot = usher__symptom(e, slot)->older)
        err = put_row(e, b, usher__symptom(e, slot));
    return err;
}

/* Its tickets ascend, and are none that came later than the last. */
static void get_recent(struct reader *r, struct symptom *s)
{
    for (uint32_t i = 0; i < s->recent_n; i++) {
        struct seen *seen = &s->recent[i];

        seen->id = s->last - usher__get_upto(r, s->last - 1);
        seen->at = s->last_at - (int64_t)usher__get_upto(r, (uint64_t)s->last_at);
        seen->by = usher__get_number(r);
        if (i > 0 && (seen->id <= seen[-1].id || seen->at < seen[-1].at))
            usher__bad(r);
    }
}

/* The numbers alone; what they speak of is for those who call. */
static bool get_row(const struct row *row, struct symptom *s, struct reader *r)
{
    *r = usher__reader(row->bytes, row->len);
    s->last = (usher_id)row->a;
    s->seen = usher__get_upto(r, INT64_MAX);
    s->last_at = (int64_t)usher__get_upto(r, USHER_AT_MAX);
    s->first_at = s->last_at - (int64_t)usher__get_upto(r, (uint64_t)s->last_at);
    s->window = (int64_t)usher__get_upto(r, POLICY_DURATION_MAX);
    s->cause = usher__get_number(r);
    s->causes = (uint32_t)usher__get_upto(r, UINT32_MAX);
    s->fixes = (uint32_t)usher__get_upto(r, UINT32_MAX);
    s->workarounds = (uint32_t)usher__get_upto(r, UINT32_MAX);
    s->recent_n = (uint32_t)usher__get_upto(r, CAUSE_AFTER_MAX);
    return !r->bad && row->a > 0 && s->seen > 0 && s->seen >= s->recent_n;
}

/* An open one about it. */
static bool is_cause(const struct engine *e, usher_id id, uint32_t name)
{
    uint32_t slot = usher__ids_find(&e->by_id, id);
    const struct extra *x = slot != 0 ? usher__ticket(e, slot)->extra : NULL;

    return x != NULL && x->is_cause && x->symptom == name &&
           usher__ticket(e, slot)->state < USHER_RESOLVED;
}

/* They come in the order in which they were seen. */
static int take(struct engine *e, const struct row *row, uint32_t name)
{
    struct symptom taken = {.name = name, .filed = true}, *s;
    struct reader r;
    uint32_t slot;
    int err;

    if (!get_row(row, &taken, &r) || find(e, name) != 0 || taken.last > e->last_id ||
        taken.last_at > e->changes.taken.now.wall ||
        (taken.cause != 0 && !is_cause(e, taken.cause, name)))
        return USHER_ECORRUPT;
    if (e->causes != NULL && e->causes->newest != 0 &&
        (e->causes->next.n == USHER_SYMPTOMS_MAX ||
         usher__symptom(e, e->causes->newest)->last >= taken.last))
        return USHER_ECORRUPT;
    err = get(e, name, &slot);
    if (err == 0 && taken.recent_n > 0)
        err = recent_room(e, &taken, taken.recent_n);
    if (err != 0)
        return err;
    get_recent(&r, &taken);
    s = usher__symptom(e, slot);
    *s = taken;
    if (!usher__reader_done(&r))
        return USHER_ECORRUPT;
    list_first(e, slot);
    s->noted = true; /* as the store has it: what has changed is not noted again */
    usher__symptom_changed(e, slot);
    s->noted = false;
    return 0;
}

int usher__causes_take(struct engine *e, const struct row *row, const char **wrong)
{
    uint32_t name = 0;
    int err = USHER_ECORRUPT;

    if (usher__is_name(row->name, row->name_len))
        err = usher__intern_get(&e->names, row->name, row->name_len, &name);
    if (err == 0)
        err = take(e, row, name);
    usher__intern_unref(&e->names, name); /* the symptom has its own */
    return err == USHER_ECORRUPT ? usher__corrupt(e, wrong, "a symptom cannot be read") : err;
}

/* ---- the invariants ------------------------------------------------------------------------------ */

static const char *check_symptom(struct engine *e, uint32_t slot)
{
    const struct symptom *s = usher__symptom(e, slot);
    struct heap_entry entry;

    if (find(e, s->name) != slot || s->seen < s->recent_n || s->seen == 0 || s->owed != 0)
        return "a symptom";
    if (!usher__heap_get(&e->causes->next, slot, &entry) || entry.key >> 62 != (s->cause != 0))
        return "a symptom's turn to be forgotten";
    if (s->older != 0 && (usher__symptom(e, s->older)->newer != slot ||
                          usher__symptom(e, s->older)->last >= s->last))
        return "the order of symptoms";
    if ((s->cause != 0 && !is_cause(e, s->cause, s->name)) ||
        (s->causes > 1 && s->cause != usher__symptom_cause(e, s->name)))
        return "the open cause of a symptom";
    for (uint32_t i = 0; i < s->recent_n; i++) {
        if (s->recent[i].id > s->last || (i > 0 && s->recent[i].id <= s->recent[i - 1].id))
            return "the tickets of a symptom";
    }
    return NULL;
}

const char *usher__symptoms_check(struct engine *e)
{
    const struct causes *c = e->causes;
    const char *wrong = NULL;
    uint32_t n = 0;

    if (!usher__slab_check(&c->symptoms) || !usher__ids_check(&c->by_name) ||
        !usher__heap_check(&c->next))
        return "the symptoms";
    for (uint32_t slot = c->newest; wrong == NULL && slot != 0; n++) {
        wrong = check_symptom(e, slot);
        slot = usher__symptom(e, slot)->older;
    }
    if (wrong == NULL && (n != c->next.n || n > USHER_SYMPTOMS_MAX))
        wrong = "the count of symptoms";
    return wrong;
}
