/* See ledger.h. */
#include "ledger.h"

bool ledger_is_over(int32_t state)
{
    return state == USHER_CLOSED || state == USHER_WITHDRAWN;
}

static bool fits(const struct purge *p, const struct ticket *t)
{
    return p->requester == PEOPLE || p->requester == t->requester;
}

uint32_t ledger_purge(struct ledger *l, int64_t before_at, uint32_t requester)
{
    l->purge[l->purges_n] = (struct purge){++l->no, UINT64_MAX, before_at, requester, 0};
    return l->purges_n++;
}

void ledger_purged(struct ledger *l, uint32_t purge, int status)
{
    l->purge[purge].told_no = ++l->no;
    l->purge[purge].status = status;
    for (usher_id id = 1; status != USHER_OK && id <= l->last; id++) {
        if (l->ticket[id].gone_no > l->purge[purge].call_no) /* perhaps only while it went on */
            l->ticket[id].gone_no = 0;
    }
}

void ledger_state(struct ledger *l, usher_id id, int32_t state, uint64_t call_no, int64_t call_at,
                  int64_t now)
{
    struct ticket *t = &l->ticket[id];
    bool over = ledger_is_over(state);

    if (!over) {
        t->open_no = call_no;
        t->open_at = call_at;
    } else if (!t->over) {
        t->over_no = l->no;
        t->over_at = now;
    }
    t->over = over;
    t->state = state;
}

void ledger_gone(struct ledger *l, usher_id id)
{
    if (l->ticket[id].gone_no == 0)
        l->ticket[id].gone_no = ++l->no;
}

/* It may be over by now: a resolved one closes by itself. */
static bool may_be_over(const struct ticket *t)
{
    return t->over || t->closing > 0 || t->state == USHER_RESOLVED;
}

static bool may_have_erased(const struct purge *p, const struct ticket *t)
{
    return fits(p, t) && p->told_no > t->open_no &&
           (p->before_at == 0 || t->open_at < p->before_at);
}

static bool must_have_erased(const struct purge *p, const struct ticket *t)
{
    return fits(p, t) && t->over && t->over_no < p->call_no &&
           (p->before_at == 0 || t->over_at < p->before_at) && p->told_no != UINT64_MAX &&
           p->status == USHER_OK && t->opener_no < t->over_no && t->opening == 0;
}

bool ledger_may_be_gone(const struct ledger *l, usher_id id, int64_t now)
{
    const struct ticket *t = &l->ticket[id];

    if (t->gone_no != 0)
        return true;
    if (!may_be_over(t))
        return false;
    if (l->retain_ms > 0 && now - t->open_at >= l->retain_ms)
        return true;
    for (uint32_t i = 0; i < l->purges_n; i++) {
        if (may_have_erased(&l->purge[i], t))
            return true;
    }
    return false;
}

/* Memory has let go of it, and the file has not yet: one who asks memory is told that there is
 * none, one who has to ask the file that it is over. */
static bool is_being_erased(const struct ledger *l, const struct ticket *t)
{
    for (uint32_t i = 0; i < l->purges_n; i++) {
        if (l->purge[i].told_no == UINT64_MAX && may_have_erased(&l->purge[i], t))
            return true;
    }
    return false;
}

bool ledger_must_be_gone(const struct ledger *l, usher_id id, uint64_t call_no)
{
    const struct ticket *t = &l->ticket[id];

    if (t->gone_no != 0 && t->gone_no < call_no && !is_being_erased(l, t))
        return true;
    for (uint32_t i = 0; i < l->purges_n; i++) {
        if (l->purge[i].told_no < call_no && must_have_erased(&l->purge[i], t))
            return true;
    }
    return false;
}

/* It is this one's doing and no earlier one's, as far as is known. */
static bool is_its_own(const struct ledger *l, uint32_t purge, const struct ticket *t)
{
    for (uint32_t i = 0; i < l->purges_n; i++) {
        if (i != purge && l->purge[i].call_no < l->purge[purge].told_no &&
            may_have_erased(&l->purge[i], t))
            return false;
    }
    return l->retain_ms == 0;
}

void ledger_bounds(const struct ledger *l, uint32_t purge, uint64_t *least, uint64_t *most)
{
    const struct purge *p = &l->purge[purge];

    *least = *most = 0;
    for (usher_id id = 1; id <= l->last; id++) {
        const struct ticket *t = &l->ticket[id];

        *least += must_have_erased(p, t) && is_its_own(l, purge, t);
        *most += fits(p, t);
    }
}
