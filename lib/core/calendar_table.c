/* See calendar_table.h. All of it is in seconds where it is in a table, for windows and offsets are;
 * so a piece takes eight bytes. */
#include "core/calendar_table.h"

#define END_AT (USHER_AT_MAX + 1)

/* ---- what begins on a date ---------------------------------------------------------------------- */

struct rule usher__calendar_rule(const struct calendar *c, int64_t day)
{
    uint32_t lo = 0, hi = c->rules_n;
    struct rule r;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (c->rules[mid].day < day)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < c->rules_n && c->rules[lo].day == day)
        r = c->rules[lo];
    else
        r = c->week[usher__date_weekday(day)];
    if (c->has_yearly && !r.holiday) {
        struct date d = usher__date_of(day);

        r.holiday = c->yearly[d.month - 1] >> d.day & 1;
    }
    if (r.holiday)
        r.n = 0;
    return r;
}

/* Where the zone changes nothing for three days before a date and four after its begin, whatever its
 * windows are, an offset is all there is to know: they end within three days, and no offset reaches
 * 26 h. */
static bool calm(const struct calendar *c, int64_t midnight)
{
    struct cache *k = c->cache;
    int64_t before = midnight - 3 * DAY_MS;

    if (before < k->calm_from || before >= k->calm_until) {
        k->calm_from = before;
        k->calm_offset = usher__zone_offset(&c->zone, before, &k->calm_until);
    }
    return k->calm_until - 4 * DAY_MS >= midnight;
}

uint32_t usher__calendar_date(const struct calendar *c, int64_t day, int64_t at[WINDOWS_OF_DAY][2])
{
    struct rule r = usher__calendar_rule(c, day);
    int64_t midnight = day * DAY_MS;
    uint32_t n = 0;
    bool simple;

    if (r.n == 0)
        return 0;
    simple = calm(c, midnight);
    if (!simple && !usher__zone_has_date(&c->zone, day))
        return 0;
    for (uint32_t i = 0; i < r.n; i++) {
        const struct window *w = &c->windows[r.first + i];
        int64_t from = midnight + INT64_C(1000) * w->open_s;
        int64_t to = midnight + INT64_C(1000) * w->close_s;

        if (w->close_s < w->open_s)
            to += DAY_MS;
        at[n][0] = simple ? from - c->cache->calm_offset : usher__zone_instant(&c->zone, from);
        at[n][1] = simple ? to - c->cache->calm_offset : usher__zone_instant(&c->zone, to);
        if (at[n][0] < at[n][1])
            n++;
    }
    return n;
}

/* ---- tables -------------------------------------------------------------------------------------- */

size_t usher__calendar_table_len(const struct calendar *c)
{
    return offsetof(struct table, piece) + (c->pieces_max + 2) * sizeof(struct piece);
}

static uint32_t clipped(int64_t at, int64_t begin, int64_t end)
{
    return (uint32_t)(at <= begin ? 0 : ((at < end ? at : end) - begin) / 1000);
}

/* The windows that lie in it, by their begin. Each date's follow those of the date before but for a
 * few, so they are put in from behind. */
static uint32_t gather(const struct calendar *c, int64_t begin, struct piece *p)
{
    int64_t end = begin + CHUNK_MS < END_AT ? begin + CHUNK_MS : END_AT;
    int64_t last = usher__date_at(end) + 2;
    uint32_t n = 0;

    if (last > c->last_day)
        last = c->last_day;
    for (int64_t day = usher__date_at(begin) - 3; day <= last; day++) {
        int64_t at[WINDOWS_OF_DAY][2];
        uint32_t of_day = usher__calendar_date(c, day, at);

        for (uint32_t i = 0; i < of_day; i++) {
            uint32_t from = clipped(at[i][0], begin, end), to = clipped(at[i][1], begin, end);
            uint32_t j;

            if (from == to)
                continue;
            for (j = n++; j > 0 && p[j - 1].from > from; j--)
                p[j] = p[j - 1];
            p[j] = (struct piece){.to = to, .from = from};
        }
    }
    return n;
}

/* What overlaps or touches becomes one, and begins become sums. */
static uint32_t unite(struct piece *p, uint32_t n)
{
    uint32_t last = 0;

    for (uint32_t i = 1; i <= n; i++) {
        uint32_t from = p[i].from, to = p[i].to;

        if (last == 0 || from > p[last].to) {
            last++;
            p[last].done = p[last - 1].done + (to - from);
            p[last].to = to;
        } else if (to > p[last].to) {
            p[last].done += to - p[last].to;
            p[last].to = to;
        }
    }
    return last;
}

static void make(const struct calendar *c, uint32_t chunk, struct table *t)
{
    struct piece *p = t->piece;
    uint32_t by_time = 1, by_sum = 1;

    p[0] = (struct piece){.to = 0, .done = 0};
    t->n = unite(p, gather(c, chunk * CHUNK_MS, p + 1));
    t->chunk = chunk;
    p[t->n + 1] = (struct piece){.to = UINT32_MAX, .done = p[t->n].done};
    for (uint32_t slot = 0; slot <= SLOTS; slot++) {
        while (by_time <= t->n && p[by_time].to <= slot << SLOT_BITS)
            by_time++;
        while (by_sum <= t->n && p[by_sum].done <= slot << SLOT_BITS)
            by_sum++;
        t->by_time[slot] = (uint16_t)by_time;
        t->by_sum[slot] = (uint16_t)by_sum;
    }
}

static uint32_t opens(const struct piece *p)
{
    return p->to - (p->done - p[-1].done);
}

static struct chunk *entry(const struct cache *k, uint32_t chunk)
{
    return &k->chunks[chunk - k->base];
}

static const struct table *spare(const struct calendar *c, uint32_t chunk)
{
    if (c->cache->spare->chunk != chunk)
        make(c, chunk, c->cache->spare);
    return c->cache->spare;
}

/* Into a new table, in place of the oldest where there are many or there is no memory; into the spare
 * one where there is none at all, or nothing to find it by. */
static const struct table *made(const struct calendar *c, uint32_t chunk)
{
    struct cache *k = c->cache;
    struct table *t = NULL;

    if (chunk > k->known)
        return spare(c, chunk);
    if (k->tables_n < TABLES_KEPT)
        t = c->allocator.resize(c->allocator.ctx, NULL, usher__calendar_table_len(c));
    if (t != NULL) {
        k->tables[k->tables_n++] = t;
    } else if (k->tables_n > 0) {
        t = k->tables[k->oldest++ % k->tables_n];
        entry(k, t->chunk)->table = NULL;
    } else {
        return spare(c, chunk);
    }
    make(c, chunk, t);
    entry(k, chunk)->table = t;
    return t;
}

/* Good until the next one is asked for. */
static inline const struct table *table_of(const struct calendar *c, uint32_t chunk)
{
    const struct cache *k = c->cache;

    if (chunk <= k->known && entry(k, chunk)->table != NULL)
        return entry(k, chunk)->table;
    return made(c, chunk);
}

/* ---- sums over chunks ---------------------------------------------------------------------------- */

static bool room_for(const struct calendar *c, uint32_t chunk)
{
    struct cache *k = c->cache;
    struct chunk *p;

    if (chunk - k->base < k->room)
        return true;
    p = c->allocator.resize(c->allocator.ctx, k->chunks, 2 * (size_t)k->room * sizeof *p);
    if (p == NULL)
        return false;
    k->chunks = p;
    k->room *= 2;
    return true;
}

/* What is open in a chunk: one that is known, or the next, which is known then if there is memory. */
static int64_t total(const struct calendar *c, uint32_t chunk)
{
    struct cache *k = c->cache;
    const struct table *t;
    int64_t ms;

    if (chunk < k->known)
        return entry(k, chunk + 1)->before - entry(k, chunk)->before;
    t = spare(c, chunk);
    ms = INT64_C(1000) * t->piece[t->n].done;
    if (chunk == k->known && room_for(c, chunk + 1))
        *entry(k, ++k->known) = (struct chunk){entry(k, chunk)->before + ms, NULL};
    return ms;
}

static int64_t sum_before(const struct calendar *c, uint32_t chunk)
{
    uint32_t k = c->cache->known;
    int64_t ms = entry(c->cache, k)->before;

    while (k < chunk)
        ms += total(c, k++);
    return ms;
}

/* ---- asking -------------------------------------------------------------------------------------- */

void usher__calendar_rebase(const struct calendar *c, uint32_t chunk)
{
    struct cache *k = c->cache;

    while (k->tables_n > 0)
        c->allocator.resize(c->allocator.ctx, k->tables[--k->tables_n], 0);
    k->chunks[0] = (struct chunk){0, NULL};
    k->base = k->known = chunk;
}

/* Brings the instant to where anything may be open. */
static uint32_t chunk_of(const struct calendar *c, int64_t *at)
{
    if (*at > c->end_at)
        *at = c->end_at;
    if (*at < 0)
        *at = 0;
    return (uint32_t)(*at / 1000 >> CHUNK_BITS);
}

/* The first piece that ends after `s`. */
static const struct piece *by_time(const struct table *t, uint32_t s)
{
    uint32_t lo = t->by_time[s >> SLOT_BITS], hi = t->by_time[(s >> SLOT_BITS) + 1];

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (t->piece[mid].to > s)
            hi = mid;
        else
            lo = mid + 1;
    }
    return &t->piece[lo];
}

/* The first piece with more than s up to its end; less than the table's sum. */
static const struct piece *by_sum(const struct table *t, uint32_t s)
{
    uint32_t lo = t->by_sum[s >> SLOT_BITS], hi = t->by_sum[(s >> SLOT_BITS) + 1];

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (t->piece[mid].done > s)
            hi = mid;
        else
            lo = mid + 1;
    }
    return &t->piece[lo];
}

int64_t usher__calendar_sum(const struct calendar *c, int64_t at)
{
    uint32_t chunk = chunk_of(c, &at);
    const struct cache *k = c->cache;
    int64_t in = at - chunk * CHUNK_MS, from, before;
    const struct piece *p;

    if (chunk < k->base) /* which is UINT32_MAX at first */
        usher__calendar_rebase(c, k->base == UINT32_MAX && chunk > CHUNKS_PAST ? chunk - CHUNKS_PAST
                                                                               : 0);
    before = chunk <= k->known ? entry(k, chunk)->before : sum_before(c, chunk);
    p = by_time(table_of(c, chunk), (uint32_t)(in / 1000));
    from = INT64_C(1000) * opens(p);
    return before + INT64_C(1000) * p[-1].done + (in > from ? in - from : 0);
}

int64_t usher__calendar_at(const struct calendar *c, int64_t sum, bool last, int64_t since)
{
    const struct cache *k = c->cache;
    uint32_t chunk = chunk_of(c, &since), end = (uint32_t)(c->end_at / 1000 >> CHUNK_BITS);
    uint32_t step = 1;
    int64_t key = last ? sum : sum - 1; /* the first piece with more than so much up to its end */
    int64_t before, ms;
    const struct piece *p;

    if (sum > c->end_at)
        return INT64_MAX;
    if (chunk < k->base)
        chunk = k->base;
    if (chunk > k->known)
        chunk = k->known;
    for (; chunk + step <= k->known && entry(k, chunk + step)->before <= key; step *= 2)
        chunk += step;
    for (; step > 0; step /= 2) {
        if (chunk + step <= k->known && entry(k, chunk + step)->before <= key)
            chunk += step;
    }
    before = entry(k, chunk)->before;
    for (; chunk <= end && (ms = total(c, chunk)) <= key - before; chunk++)
        before += ms;
    if (chunk > end)
        return INT64_MAX;
    p = by_sum(table_of(c, chunk), (uint32_t)((key - before) / 1000));
    return chunk * CHUNK_MS + INT64_C(1000) * p->to - (before + INT64_C(1000) * p->done - sum);
}

int64_t usher__calendar_edge(const struct calendar *c, int64_t at, bool close)
{
    uint32_t chunk = chunk_of(c, &at);
    const struct table *t = table_of(c, chunk);
    const struct piece *p = by_time(t, (uint32_t)((at - chunk * CHUNK_MS) / 1000));
    uint32_t s = close ? p->to : opens(p);

    if (close && s == CHUNK_S) {
        do
            chunk++;
        while (total(c, chunk) == CHUNK_MS);
        p = &table_of(c, chunk)->piece[1];
        s = opens(p) == 0 ? p->to : 0;
    } else if (!close && s == 0 && chunk > 0) {
        if (c->cache->base > 0)
            usher__calendar_rebase(c, 0);
        do
            chunk--;
        while (chunk > 0 && total(c, chunk) == CHUNK_MS);
        t = table_of(c, chunk);
        p = &t->piece[t->n];
        s = p->to == CHUNK_S ? opens(p) : (uint32_t)CHUNK_S;
    }
    return chunk * CHUNK_MS + INT64_C(1000) * s;
}
