/* The walk along a tape, and the building of what may be left at its points. See states.h. */
#include "states.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum how { KEPT, LOST, TORN, BLANK /* its length came to last, its bytes are zeros */ };
enum filler { OLD, ZEROS, GARBAGE, FILLERS };
static const uint32_t sectors[] = {512, 4096};
enum { SECTORS = 2, TEARS = SECTORS * FILLERS };

struct fate {
    enum how how;
    enum filler filler;
    uint32_t sector;
};

enum { STRICT, ORDERED, MODELS };

struct list { /* of places on the tape */
    size_t *at, n, room;
};

struct names {            /* the directory under one model */
    struct image durable; /* its entries only */
    struct list pending;
};

struct states {
    const struct tape *tape;
    uint64_t seed;
    uint32_t subsets;
    size_t at;
    bool begun;

    struct image durable;        /* its files only */
    struct list pending, writes; /* all of them; places in `pending` of those that write */
    struct names names[MODELS];

    /* The plan of what is built: one for each pending operation. */
    uint64_t random;
    int model;
    struct fate *fates;
    bool *named;
    size_t fates_room, named_room;
    char title[96];
};

/* ---- numbers --------------------------------------------------------------------------------- */

static uint64_t spread(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t states_draw(uint64_t seed, uint64_t point, uint64_t variant)
{
    return spread(spread(spread(seed + UINT64_C(0x9e3779b97f4a7c15)) + point) + variant);
}

static uint32_t below(struct states *s, size_t n)
{
    s->random += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)((spread(s->random) >> 32) * n >> 32);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void list_add(struct list *list, size_t at)
{
    if (list->n == list->room) {
        list->room = 2 * list->room + 64;
        list->at = must(realloc(list->at, list->room * sizeof *list->at));
    }
    list->at[list->n++] = at;
}

static void list_cut(struct list *list, size_t i)
{
    memmove(&list->at[i], &list->at[i + 1], (list->n - i - 1) * sizeof *list->at);
    list->n--;
}

/* ---- what is done to files and names --------------------------------------------------------- */

static const struct tape_op *op_at(const struct states *s, size_t at)
{
    return &s->tape->ops[at];
}

static void apply(const struct states *s, const struct tape_op *op, struct content *to)
{
    if (op->kind == TAPE_TRUNCATE)
        content_size(to, (size_t)op->at);
    else
        content_set(to, (size_t)op->at, tape_bytes(s->tape, op), op->len);
}

static void fill(struct states *s, struct content *to, size_t from, size_t len, enum filler filler)
{
    if (filler == OLD)
        return;
    if (from + len > to->len)
        content_size(to, from + len);
    for (size_t i = from; i < from + len; i++)
        to->bytes[i] = filler == ZEROS ? 0 : (uint8_t)below(s, 256);
}

/* Some of its sectors arrive, some do not. Those that the write covers in part are damaged in that
 * part: the bytes beside it are safe. */
static void tear(struct states *s, const struct tape_op *op, struct content *to,
                 const struct fate *fate)
{
    size_t begin = (size_t)op->at, end = begin + op->len, sector = fate->sector;
    size_t first = begin / sector, n = (end - 1) / sector - first + 1, bad = below(s, n);
    bool rest_lost = below(s, 2) == 0;

    for (size_t i = 0; i < n; i++) {
        size_t from = (first + i) * sector, till = from + sector;
        bool lost = i == bad || (i > bad && rest_lost) || (!rest_lost && below(s, 2) == 0);

        from = from > begin ? from : begin;
        till = till < end ? till : end;
        if (lost)
            fill(s, to, from, till - from, fate->filler);
        else
            content_set(to, from, tape_bytes(s->tape, op) + (from - begin), till - from);
    }
}

static void apply_fate(struct states *s, const struct tape_op *op, struct content *to,
                       const struct fate *fate)
{
    size_t end = (size_t)op->at + op->len;

    switch (fate->how) {
    case KEPT:
        apply(s, op, to);
        break;
    case TORN:
        tear(s, op, to, fate);
        break;
    case BLANK:
        if (end > to->len)
            content_size(to, end);
        break;
    case LOST:
        break;
    }
}

static void apply_name(const struct states *s, const struct tape_op *op, struct image *to)
{
    const char *name = (const char *)tape_bytes(s->tape, op);

    if (op->kind == TAPE_CREATE)
        image_name(to, name, op->file);
    else
        image_unname(to, name);
}

/* ---- the walk -------------------------------------------------------------------------------- */

static void sync_file(struct states *s, uint32_t file)
{
    size_t left = 0;

    for (size_t i = 0; i < s->pending.n; i++) {
        const struct tape_op *op = op_at(s, s->pending.at[i]);

        if (op->file == file)
            apply(s, op, image_file(&s->durable, file));
        else
            s->pending.at[left++] = s->pending.at[i];
    }
    s->pending.n = left;
}

static void sync_names(struct states *s, struct names *names)
{
    for (size_t i = 0; i < names->pending.n; i++)
        apply_name(s, op_at(s, names->pending.at[i]), &names->durable);
    names->pending.n = 0;
}

/* A file that was synced is found under its name, whatever becomes of earlier ones with it. */
static void sync_name(struct states *s, struct names *names, uint32_t file)
{
    for (size_t i = names->pending.n; i-- > 0;) {
        const struct tape_op *op = op_at(s, names->pending.at[i]);

        if (op->kind != TAPE_CREATE || op->file != file)
            continue;
        apply_name(s, op, &names->durable);
        list_cut(&names->pending, i);
        for (size_t j = i; j-- > 0;) {
            const struct tape_op *older = op_at(s, names->pending.at[j]);

            if (strcmp((const char *)tape_bytes(s->tape, op),
                       (const char *)tape_bytes(s->tape, older)) == 0)
                list_cut(&names->pending, j);
        }
        return;
    }
}

static void pass(struct states *s, size_t at)
{
    const struct tape_op *op = op_at(s, at);

    switch (op->kind) {
    case TAPE_WRITE:
    case TAPE_TRUNCATE:
        list_add(&s->pending, at);
        break;
    case TAPE_CREATE:
        (void)image_file(&s->durable, op->file);
        list_add(&s->names[STRICT].pending, at);
        list_add(&s->names[ORDERED].pending, at);
        break;
    case TAPE_DELETE:
        list_add(&s->names[STRICT].pending, at);
        list_add(&s->names[ORDERED].pending, at);
        break;
    case TAPE_SYNC:
        sync_file(s, op->file);
        sync_name(s, &s->names[STRICT], op->file);
        sync_names(s, &s->names[ORDERED]);
        break;
    case TAPE_SYNC_DIR:
        sync_names(s, &s->names[STRICT]);
        sync_names(s, &s->names[ORDERED]);
        break;
    default:
        break;
    }
}

static void find_writes(struct states *s)
{
    s->writes.n = 0;
    for (size_t i = 0; i < s->pending.n; i++) {
        const struct tape_op *op = op_at(s, s->pending.at[i]);

        if (op->kind == TAPE_WRITE && op->len > 0)
            list_add(&s->writes, i);
    }
}

struct states *states_new(const struct tape *tape, uint64_t seed, uint32_t subsets)
{
    struct states *s = must(calloc(1, sizeof *s));

    s->tape = tape;
    s->seed = seed;
    s->subsets = subsets;
    for (uint32_t i = 0; i < tape->start.files_n; i++)
        content_set(image_file(&s->durable, i), 0, tape->start.files[i].bytes,
                    tape->start.files[i].len);
    for (uint32_t i = 0; i < tape->start.entries_n; i++) {
        const struct entry *entry = &tape->start.entries[i];

        image_name(&s->names[STRICT].durable, entry->name, entry->file);
        image_name(&s->names[ORDERED].durable, entry->name, entry->file);
    }
    return s;
}

void states_free(struct states *s)
{
    if (s == NULL)
        return;
    image_free(&s->durable);
    free(s->pending.at);
    free(s->writes.at);
    for (int m = 0; m < MODELS; m++) {
        image_free(&s->names[m].durable);
        free(s->names[m].pending.at);
    }
    free(s->fates);
    free(s->named);
    free(s);
}

/* A point is after an operation and after the marks that follow it: what they say holds there. */
bool states_next(struct states *s)
{
    size_t n = s->tape->ops_n;

    if (s->begun) {
        if (s->at == n)
            return false;
        pass(s, s->at++);
    }
    s->begun = true;
    while (s->at < n && op_at(s, s->at)->kind == TAPE_MARK)
        s->at++;
    find_writes(s);
    return true;
}

size_t states_at(const struct states *s)
{
    return s->at;
}

/* ---- the variants of a point ----------------------------------------------------------------- */

/* Groups of variants, one after the other. */
enum group {
    ALL,
    NONE,
    NO_NAMES,
    ONLY_NAMES,
    ONE_LOST,
    ONE_KEPT,
    TEAR_LAST,
    TEAR_ANY,
    BLANKED,
    IN_ORDER,
    SUBSET,
    GROUPS
};

static uint32_t group_size(const struct states *s, enum group group)
{
    uint32_t data = (uint32_t)s->pending.n, names = (uint32_t)s->names[STRICT].pending.n;
    uint32_t ordered = (uint32_t)s->names[ORDERED].pending.n;
    bool any = data + names > 0;

    switch (group) {
    case ALL:
        return 1;
    case NONE:
        return any;
    case NO_NAMES:
    case ONLY_NAMES:
        return names > 0;
    case ONE_LOST:
    case ONE_KEPT:
        return data + names > 1 ? data + names : 0;
    case TEAR_LAST:
    case TEAR_ANY:
        return s->writes.n > 0 ? TEARS : 0;
    case BLANKED:
        return s->writes.n > 0 ? 3 : 0;
    case IN_ORDER:
        return ordered > 0 ? 3 * (ordered + 1) : 0;
    case SUBSET:
        return data + names > 1 ? s->subsets : 0;
    case GROUPS:
        break;
    }
    return 0;
}

uint32_t states_variants(const struct states *s)
{
    uint32_t n = 0;

    for (int group = 0; group < GROUPS; group++)
        n += group_size(s, (enum group)group);
    return n;
}

static void plan_all(struct states *s, enum how how, bool named)
{
    size_t names = s->names[s->model].pending.n;

    if (s->pending.n > s->fates_room) {
        s->fates_room = 2 * s->pending.n;
        s->fates = must(realloc(s->fates, s->fates_room * sizeof *s->fates));
    }
    if (names > s->named_room) {
        s->named_room = 2 * names;
        s->named = must(realloc(s->named, s->named_room * sizeof *s->named));
    }
    for (size_t i = 0; i < s->pending.n; i++)
        s->fates[i] = (struct fate){.how = how};
    for (size_t i = 0; i < names; i++)
        s->named[i] = named;
}

static void plan_one(struct states *s, size_t i, bool kept)
{
    plan_all(s, kept ? LOST : KEPT, !kept);
    if (i < s->pending.n)
        s->fates[i].how = kept ? KEPT : LOST;
    else
        s->named[i - s->pending.n] = kept;
}

static void plan_tear(struct states *s, size_t write, uint32_t which)
{
    plan_all(s, KEPT, true);
    s->fates[s->writes.at[write]] = (struct fate){
        .how = TORN, .filler = which % FILLERS, .sector = sectors[which / FILLERS % SECTORS]};
}

static void plan_blank(struct states *s, uint32_t which)
{
    plan_all(s, KEPT, true);
    if (which == 0)
        s->fates[s->writes.at[s->writes.n - 1]].how = BLANK;
    else if (which == 1)
        s->fates[s->writes.at[below(s, s->writes.n)]].how = BLANK;
    else
        for (size_t i = 0; i < s->writes.n; i++)
            s->fates[s->writes.at[i]].how = BLANK;
}

static bool draw_keep(struct states *s, uint32_t of_8)
{
    return below(s, 8) < of_8;
}

static void plan_in_order(struct states *s, uint32_t which)
{
    size_t names = s->names[ORDERED].pending.n;

    s->model = ORDERED;
    plan_all(s, which % 3 == 1 ? LOST : KEPT, true);
    for (size_t i = which / 3; i < names; i++)
        s->named[i] = false;
    for (size_t i = 0; which % 3 == 2 && i < s->pending.n; i++)
        s->fates[i].how = draw_keep(s, 4) ? KEPT : LOST;
}

static void plan_subset(struct states *s)
{
    uint32_t of_8 = 1 + below(s, 7);
    bool rough = below(s, 2) == 0;
    size_t names;

    s->model = (int)below(s, MODELS);
    plan_all(s, KEPT, true);
    for (size_t i = 0; i < s->pending.n; i++) {
        struct fate *fate = &s->fates[i];
        const struct tape_op *op = op_at(s, s->pending.at[i]);

        if (draw_keep(s, of_8))
            continue;
        fate->how = LOST;
        if (rough && op->kind == TAPE_WRITE && op->len > 0 && below(s, 4) == 0) {
            *fate = (struct fate){.how = below(s, 4) == 0 ? BLANK : TORN,
                                  .filler = (enum filler)below(s, FILLERS),
                                  .sector = sectors[below(s, SECTORS)]};
        }
    }
    names = s->names[s->model].pending.n;
    for (size_t i = s->model == ORDERED ? below(s, names + 1) : 0; i < names; i++)
        s->named[i] = s->model == STRICT && draw_keep(s, of_8);
}

static void plan(struct states *s, uint32_t variant)
{
    static const char *const titles[GROUPS] = {"all kept",        "none kept",    "no names kept",
                                               "only names kept", "lost alone",   "kept alone",
                                               "last write torn", "a write torn", "blank",
                                               "names in order",  "subset"};
    enum group group = ALL;

    s->model = STRICT;
    s->random = states_draw(s->seed, s->at, variant);
    while (group + 1 < GROUPS && variant >= group_size(s, group))
        variant -= group_size(s, group++);
    switch (group) {
    case ALL:
    case NONE:
        plan_all(s, group == ALL ? KEPT : LOST, group == ALL);
        break;
    case NO_NAMES:
    case ONLY_NAMES:
        plan_all(s, group == NO_NAMES ? KEPT : LOST, group == ONLY_NAMES);
        break;
    case ONE_LOST:
    case ONE_KEPT:
        plan_one(s, variant, group == ONE_KEPT);
        break;
    case TEAR_LAST:
        plan_tear(s, s->writes.n - 1, variant);
        break;
    case TEAR_ANY:
        plan_tear(s, below(s, s->writes.n), variant);
        break;
    case BLANKED:
        plan_blank(s, variant);
        break;
    case IN_ORDER:
        plan_in_order(s, variant);
        break;
    default:
        plan_subset(s);
    }
    (void)snprintf(s->title, sizeof s->title, "%s %u", titles[group], variant);
}

/* The directory as it is planned. */
static void build_names(struct states *s, struct image *out)
{
    const struct names *model = &s->names[s->model];

    for (uint32_t i = 0; i < model->durable.entries_n; i++)
        image_name(out, model->durable.entries[i].name, model->durable.entries[i].file);
    for (size_t i = 0; i < model->pending.n; i++) {
        if (s->named[i])
            apply_name(s, op_at(s, model->pending.at[i]), out);
    }
}

static void build_file(struct states *s, uint32_t file, struct content *to)
{
    const struct content *from = image_file(&s->durable, file);

    content_set(to, 0, from->bytes, from->len);
    for (size_t i = 0; i < s->pending.n; i++) {
        const struct tape_op *op = op_at(s, s->pending.at[i]);

        if (op->file == file)
            apply_fate(s, op, to, &s->fates[i]);
    }
}

void states_build(struct states *s, uint32_t variant, struct image *out)
{
    *out = (struct image){0};
    plan(s, variant);
    build_names(s, out);
    for (uint32_t i = 0; i < out->entries_n; i++) {
        build_file(s, out->entries[i].file, image_file(out, i));
        out->entries[i].file = i;
    }
}

void states_live(struct states *s, struct image *out)
{
    *out = (struct image){0};
    plan(s, 0);
    build_names(s, out);
    for (uint32_t i = 0; i < s->durable.files_n; i++)
        (void)image_file(out, i);
    for (uint32_t i = 0; i < out->entries_n; i++)
        build_file(s, out->entries[i].file, image_file(out, out->entries[i].file));
}

void states_describe(const struct states *s, char *text, size_t room)
{
    static const char *const kinds[] = {"",     "create",   "write",  "truncate",
                                        "sync", "sync_dir", "delete", "mark"};
    const struct tape_op *op = s->at == 0 ? NULL : op_at(s, s->at - 1);

    for (size_t i = s->at; op != NULL && op->kind == TAPE_MARK && i-- > 1;)
        op = op_at(s, i - 1);
    (void)snprintf(
        text, room,
        "point %zu (after %s of file %u at %lld), %zu writes and %zu names pending: %s, %s", s->at,
        op == NULL ? "nothing" : kinds[op->kind], op == NULL ? 0 : op->file,
        op == NULL ? 0 : (long long)op->at, s->pending.n, s->names[s->model].pending.n, s->title,
        s->model == STRICT ? "strict" : "ordered");
}
