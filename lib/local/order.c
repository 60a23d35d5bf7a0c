/* One band of the line: a counted ordered set of (rank, id).
 *
 * A B+-tree of its own kind in three ways. A full last leaf that is added to at its very end stays
 * full, and a new one begins. Elsewhere a full leaf first shares with a neighbour that has room:
 * ranks mostly come in at one moving place, and the halves left behind it would stay half empty for
 * good. And two neighbours that fit in three quarters of one are joined; the counts in the parent
 * tell it.
 *
 * Leaves and inner nodes have one size and one list of spares, which a reserve fills: so an insert
 * cannot fail. */
#include "local/order.h"

#include <string.h>

#include <usher/usher.h>

#include "core/cold.h"

enum {
    LEAF_N = 64,
    INNER_N = 44,
    LINE_KEYS = 4,    /* in 64 bytes */
    HEIGHT_FULL = 12, /* far above what 2^32 items need; no reserve adds as much again */
    HEIGHT_MAX = 24
};

struct order_key {
    int64_t rank;
    uint64_t id;
};

struct leaf {
    uint32_t n;
    struct order_node *prev;
    struct order_node *next;
    struct order_key key[LEAF_N];
    uint32_t slot[LEAF_N];
};

/* key[i] is at most every key below child i and above every key below child i - 1; key[0] counts
 * for nothing. count[i] items stand below child i. */
struct inner {
    uint32_t n;
    uint32_t count[INNER_N];
    struct order_key key[INNER_N];
    struct order_node *child[INNER_N];
};

struct order_node {
    union {
        struct leaf leaf;
        struct inner inner;
        struct order_node *next_spare;
    };
};

/* A node on the way down and the child taken there: path[0] is the root. */
struct step {
    struct inner *inner;
    uint32_t at;
};

static inline bool before(struct order_key a, struct order_key b)
{
    return a.rank < b.rank || (a.rank == b.rank && a.id < b.id);
}

/* The number of the n sorted keys that are before k. */
static inline uint32_t keys_before(const struct order_key *key, uint32_t n, struct order_key k)
{
    uint32_t low = 0;

    while (n > 0) {
        uint32_t half = n / 2;
        bool right = before(key[low + half], k);

        low = right ? low + half + 1 : low;
        n = right ? n - half - 1 : half;
    }
    return low;
}

/* The number that are not after k. */
static inline uint32_t keys_upto(const struct order_key *key, uint32_t n, struct order_key k)
{
    uint32_t at = keys_before(key, n, k);

    return at < n && !before(k, key[at]) ? at + 1 : at;
}

static inline uint32_t child_for(const struct inner *inner, struct order_key k)
{
    return keys_upto(inner->key + 1, inner->n - 1, k);
}

/* The inner nodes of a large set fit in the cache, its leaves do not. All the lines that a search
 * may want are asked for side by side: one after another they would cost twice the time. */
static inline void prefetch_leaf(const struct leaf *leaf)
{
    __builtin_prefetch(leaf);
    for (uint32_t i = 0; i < LEAF_N; i += LINE_KEYS)
        __builtin_prefetch(&leaf->key[i]);
}

static struct leaf *descend(const struct order *o, struct order_key k, struct step *path)
{
    struct order_node *node = o->root;

    for (uint32_t level = 0; level < o->height; level++) {
        path[level].inner = &node->inner;
        path[level].at = child_for(&node->inner, k);
        node = node->inner.child[path[level].at];
    }
    prefetch_leaf(&node->leaf);
    return &node->leaf;
}

static void item_at(const struct leaf *leaf, uint32_t at, struct order_item *item)
{
    item->rank = leaf->key[at].rank;
    item->id = leaf->key[at].id;
    item->slot = leaf->slot[at];
}

/* ---- nodes and spares ---- */

static struct order_node *take(struct order *o)
{
    struct order_node *node = o->spare;

    o->spare = node->next_spare;
    o->spare_n--;
    return node;
}

static void shelve(struct order *o, struct order_node *node)
{
    node->next_spare = o->spare;
    o->spare = node;
    o->spare_n++;
}

static void give(struct order *o, struct order_node *node)
{
    if (o->spare_n >= o->keep_n)
        usher__free(o->memory, node);
    else
        shelve(o, node);
}

static struct order_node *take_leaf(struct order *o)
{
    struct order_node *node = take(o);

    node->leaf.n = 0;
    node->leaf.prev = node->leaf.next = NULL;
    o->leaf_n++;
    return node;
}

static void give_leaf(struct order *o, struct order_node *node)
{
    if (node->leaf.prev != NULL)
        node->leaf.prev->leaf.next = node->leaf.next;
    if (node->leaf.next != NULL)
        node->leaf.next->leaf.prev = node->leaf.prev;
    o->leaf_n--;
    give(o, node);
}

/* A node that stands `height` levels above the leaves, with all below it. */
static COLD void free_below(struct order *o, struct order_node *node, uint32_t height)
{
    for (uint32_t i = 0; height > 0 && i < node->inner.n; i++)
        free_below(o, node->inner.child[i], height - 1);
    usher__free(o->memory, node);
}

void usher__order_init(struct order *o, const struct memory *m)
{
    *o = (struct order){.memory = m};
}

COLD void usher__order_free(struct order *o)
{
    while (o->spare != NULL)
        usher__free(o->memory, take(o));
    if (o->root != NULL)
        free_below(o, o->root, o->height);
    usher__order_init(o, o->memory);
}

/* How many nodes n inserts can need at most. One insert splits at most one node per level and puts
 * one on top. For many: a node that is full now can be split, and then its halves, or the new last
 * leaf, take half a node of inserts before they are. What a removal joins goes to the spares. */
static uint64_t need_of(const struct order *o, uint32_t n)
{
    uint64_t leaf_n = (uint64_t)o->leaf_n + 2 + n / (LEAF_N / 4);
    uint64_t inner_n;

    if (o->height == 0 && o->n + (uint64_t)n <= LEAF_N)
        return o->root == NULL;
    if (leaf_n > n)
        leaf_n = n;
    inner_n = 2 * (uint64_t)o->inner_n + leaf_n / (INNER_N / 4);
    if (inner_n > leaf_n * o->height)
        inner_n = leaf_n * o->height;
    return leaf_n + inner_n + 1 + leaf_n / (INNER_N / 4);
}

int usher__order_reserve(struct order *o, uint32_t n)
{
    uint64_t need = need_of(o, n);

    if (n > UINT32_MAX - o->n || need > UINT32_MAX || o->height > HEIGHT_FULL)
        return USHER_ENOMEM;
    while (o->spare_n < need) {
        struct order_node *node = usher__alloc(o->memory, sizeof *node);

        if (node == NULL)
            return USHER_ENOMEM;
        shelve(o, node);
    }
    o->keep_n = need > 0 ? (uint32_t)need : 1; /* the only leaf, should it empty in between */
    while (o->spare_n > o->keep_n)
        usher__free(o->memory, take(o));
    return 0;
}

/* ---- moving items and children ---- */

static void move_items(struct leaf *leaf, uint32_t to, const struct leaf *other, uint32_t from,
                       uint32_t n)
{
    memmove(leaf->key + to, other->key + from, n * sizeof *leaf->key);
    memmove(leaf->slot + to, other->slot + from, n * sizeof *leaf->slot);
}

/* The first n of right become the last of left. */
static void move_left(struct leaf *left, struct leaf *right, uint32_t n)
{
    move_items(left, left->n, right, 0, n);
    left->n += n;
    right->n -= n;
    move_items(right, 0, right, n, right->n);
}

/* The last n of left become the first of right. */
static void move_right(struct leaf *left, struct leaf *right, uint32_t n)
{
    move_items(right, n, right, 0, right->n);
    left->n -= n;
    right->n += n;
    move_items(right, 0, left, left->n, n);
}

static void move_children(struct inner *inner, uint32_t to, const struct inner *other,
                          uint32_t from, uint32_t n)
{
    memmove(inner->key + to, other->key + from, n * sizeof *inner->key);
    memmove(inner->count + to, other->count + from, n * sizeof *inner->count);
    memmove(inner->child + to, other->child + from, n * sizeof *inner->child);
}

static void add_child(struct inner *inner, uint32_t at, struct order_key k,
                      struct order_node *child, uint32_t count)
{
    move_children(inner, at + 1, inner, at, inner->n - at);
    inner->key[at] = k;
    inner->count[at] = count;
    inner->child[at] = child;
    inner->n++;
}

static void drop_child(struct inner *inner, uint32_t at)
{
    inner->n--;
    move_children(inner, at, inner, at + 1, inner->n - at);
}

/* ---- inserting ---- */

static void grow_root(struct order *o)
{
    struct order_node *root = take(o);

    o->inner_n++;
    root->inner.n = 0;
    add_child(&root->inner, 0, (struct order_key){INT64_MIN, 0}, o->root, o->n);
    o->root = root;
    o->height++;
}

/* Splits the full inner node at this step, whose parent has room. */
static void split_inner(struct order *o, const struct step *up)
{
    struct inner *left = &up->inner->child[up->at]->inner;
    struct order_node *right = take(o);
    uint32_t count = 0;

    o->inner_n++;
    right->inner.n = INNER_N / 2;
    left->n -= INNER_N / 2;
    move_children(&right->inner, 0, left, left->n, INNER_N / 2);
    for (uint32_t i = 0; i < right->inner.n; i++)
        count += right->inner.count[i];
    up->inner->count[up->at] -= count;
    add_child(up->inner, up->at + 1, right->inner.key[0], right, count);
}

/* Splits the full leaf at this step, whose parent has room; k is what will be inserted. */
static void split_leaf(struct order *o, const struct step *up, struct order_key k)
{
    struct order_node *left = up->inner->child[up->at];
    struct order_node *right = take_leaf(o);
    bool is_end = left->leaf.next == NULL && before(left->leaf.key[LEAF_N - 1], k);

    if (!is_end) {
        move_right(&left->leaf, &right->leaf, LEAF_N / 2);
        k = right->leaf.key[0];
    }
    right->leaf.prev = left;
    right->leaf.next = left->leaf.next;
    if (right->leaf.next != NULL)
        right->leaf.next->leaf.prev = right;
    left->leaf.next = right;
    up->inner->count[up->at] = left->leaf.n;
    add_child(up->inner, up->at + 1, k, right, right->leaf.n);
}

/* Evens out two neighbouring leaves if that leaves an eighth free in each. */
static COLD bool share(struct inner *up, uint32_t at)
{
    uint32_t n = at + 1 < up->n ? up->count[at] + up->count[at + 1] : UINT32_MAX;
    struct leaf *left;
    struct leaf *right;

    if (n > LEAF_N / 4 * 7)
        return false;
    left = &up->child[at]->leaf;
    right = &up->child[at + 1]->leaf;
    if (left->n < n / 2)
        move_left(left, right, n / 2 - left->n);
    else
        move_right(left, right, left->n - n / 2);
    up->count[at] = left->n;
    up->count[at + 1] = right->n;
    up->key[at + 1] = right->key[0];
    return true;
}

/* The leaf that k belongs to, with room in it, and the way to it. Each round changes one thing: the
 * full leaf shares or is split; before that the lowest of its forebears whose parent has room. */
static COLD struct leaf *make_room(struct order *o, struct order_key k, struct step *path)
{
    struct leaf *leaf;

    while (leaf = descend(o, k, path), leaf->n == LEAF_N) {
        uint32_t level = o->height;
        const struct step *up = level > 0 ? &path[level - 1] : NULL;

        if (up != NULL &&
            ((up->at > 0 && share(up->inner, up->at - 1)) || share(up->inner, up->at)))
            continue;
        while (level > 0 && path[level - 1].inner->n == INNER_N)
            level--;
        if (level == 0)
            grow_root(o);
        else if (level < o->height)
            split_inner(o, &path[level - 1]);
        else
            split_leaf(o, up, k);
    }
    return leaf;
}

void usher__order_insert(struct order *o, int64_t rank, uint64_t id, uint32_t slot)
{
    struct order_key k = {rank, id};
    struct step path[HEIGHT_MAX];
    struct leaf *leaf;
    uint32_t at;

    if (o->root == NULL)
        o->root = take_leaf(o);
    leaf = make_room(o, k, path);
    at = keys_before(leaf->key, leaf->n, k);
    move_items(leaf, at + 1, leaf, at, leaf->n - at);
    leaf->key[at] = k;
    leaf->slot[at] = slot;
    leaf->n++;
    for (uint32_t level = 0; level < o->height; level++)
        path[level].inner->count[path[level].at]++;
    o->n++;
}

/* ---- removing ---- */

/* Joins child `at`, `height` levels above the leaves, with the next if they fit. */
static COLD bool join(struct order *o, struct inner *up, uint32_t at, uint32_t height)
{
    struct order_node *left = up->child[at];
    struct order_node *right;

    if (at + 1 >= up->n)
        return false;
    right = up->child[at + 1];
    if (height == 0) {
        if (up->count[at] + up->count[at + 1] > LEAF_N / 4 * 3)
            return false;
        move_left(&left->leaf, &right->leaf, right->leaf.n);
        give_leaf(o, right);
    } else {
        if (left->inner.n + right->inner.n > INNER_N / 4 * 3)
            return false;
        right->inner.key[0] = up->key[at + 1];
        move_children(&left->inner, left->inner.n, &right->inner, 0, right->inner.n);
        left->inner.n += right->inner.n;
        o->inner_n--;
        give(o, right);
    }
    up->count[at] += up->count[at + 1];
    drop_child(up, at + 1);
    return true;
}

/* After a removal: nodes without items go, neighbours with few join, from the leaf up. */
static COLD void tidy(struct order *o, const struct step *path)
{
    for (uint32_t height = 0; height < o->height; height++) {
        struct inner *up = path[o->height - 1 - height].inner;
        uint32_t at = path[o->height - 1 - height].at;

        if (up->count[at] == 0) {
            if (height == 0) {
                give_leaf(o, up->child[at]);
            } else {
                o->inner_n--;
                give(o, up->child[at]);
            }
            drop_child(up, at);
        } else if (!join(o, up, at, height) && (at == 0 || !join(o, up, at - 1, height))) {
            break;
        }
    }
    while (o->height > 0 && o->root->inner.n == 1) {
        struct order_node *root = o->root;

        o->root = root->inner.child[0];
        o->height--;
        o->inner_n--;
        give(o, root);
    }
}

bool usher__order_remove(struct order *o, int64_t rank, uint64_t id)
{
    struct order_key k = {rank, id};
    struct step path[HEIGHT_MAX];
    struct leaf *leaf;
    uint32_t at;

    if (o->n == 0)
        return false;
    leaf = descend(o, k, path);
    at = keys_before(leaf->key, leaf->n, k);
    if (at == leaf->n || before(k, leaf->key[at]))
        return false;
    leaf->n--;
    move_items(leaf, at, leaf, at + 1, leaf->n - at);
    for (uint32_t level = 0; level < o->height; level++)
        path[level].inner->count[path[level].at]--;
    o->n--;
    tidy(o, path);
    if (o->n == 0) {
        give_leaf(o, o->root);
        o->root = NULL;
    }
    return true;
}

/* ---- reading ---- */

bool usher__order_first(const struct order *o, struct order_item *item)
{
    const struct order_node *node = o->root;

    if (o->n == 0)
        return false;
    for (uint32_t level = 0; level < o->height; level++)
        node = node->inner.child[0];
    item_at(&node->leaf, 0, item);
    return true;
}

uint32_t usher__order_near(const struct order *o, uint32_t k)
{
    const struct order_node *node = o->root;

    if (o->n == 0)
        return 0;
    for (uint32_t level = 0; level < o->height; level++)
        node = node->inner.child[0];
    return k < node->leaf.n ? node->leaf.slot[k] : 0;
}

COLD uint32_t usher__order_at(const struct order *o, uint32_t k)
{
    const struct order_node *node = o->root;

    if (k >= o->n)
        return 0;
    for (uint32_t level = 0; level < o->height; level++) {
        const struct inner *inner = &node->inner;
        uint32_t at = 0;

        while (k >= inner->count[at])
            k -= inner->count[at++];
        node = inner->child[at];
    }
    return node->leaf.slot[k];
}

bool usher__order_next(const struct order *o, int64_t rank, uint64_t id, struct order_item *item)
{
    struct order_key k = {rank, id};
    struct step path[HEIGHT_MAX];
    const struct leaf *leaf;
    uint32_t at;

    if (o->n == 0)
        return false;
    leaf = descend(o, k, path);
    at = keys_upto(leaf->key, leaf->n, k);
    if (at == leaf->n) {
        if (leaf->next == NULL)
            return false;
        leaf = &leaf->next->leaf;
        at = 0;
    }
    item_at(leaf, at, item);
    return true;
}

COLD uint32_t usher__order_count_before(const struct order *o, int64_t rank, uint64_t id)
{
    struct order_key k = {rank, id};
    const struct order_node *node = o->root;
    uint32_t n = 0;

    if (o->n == 0)
        return 0;
    for (uint32_t level = 0; level < o->height; level++) {
        uint32_t at = child_for(&node->inner, k);

        for (uint32_t i = 0; i < at; i++)
            n += node->inner.count[i];
        node = node->inner.child[at];
    }
    prefetch_leaf(&node->leaf);
    return n + keys_before(node->leaf.key, node->leaf.n, k);
}

/* What a walk over the tree has seen so far. */
struct survey {
    const struct order_node *last; /* leaf */
    const struct order_key *low;   /* the next key is not before it */
    uint32_t n;
    uint32_t leaf_n;
    uint32_t inner_n;
};

static bool check_leaf(const struct order_node *node, struct survey *seen)
{
    const struct leaf *leaf = &node->leaf;

    if (leaf->n == 0 || leaf->n > LEAF_N || leaf->prev != seen->last)
        return false;
    if (seen->last != NULL && seen->last->leaf.next != node)
        return false;
    for (uint32_t i = 0; i < leaf->n; i++) {
        if (seen->low != NULL && before(leaf->key[i], *seen->low))
            return false;
        if (i > 0 && !before(leaf->key[i - 1], leaf->key[i]))
            return false;
        seen->low = &leaf->key[i];
    }
    seen->last = node;
    seen->leaf_n++;
    seen->n += leaf->n;
    return true;
}

static bool check_below(const struct order_node *node, uint32_t height, struct survey *seen)
{
    const struct inner *inner = &node->inner;

    if (height == 0)
        return check_leaf(node, seen);
    if (inner->n == 0 || inner->n > INNER_N)
        return false;
    for (uint32_t i = 0; i < inner->n; i++) {
        uint32_t n = seen->n;

        if (i > 0) {
            if (!before(*seen->low, inner->key[i]))
                return false;
            seen->low = &inner->key[i];
        }
        if (!check_below(inner->child[i], height - 1, seen) || seen->n - n != inner->count[i])
            return false;
    }
    seen->inner_n++;
    return true;
}

bool usher__order_check(const struct order *o)
{
    struct survey seen = {0};
    uint32_t spare_n = 0;

    if (o->height > 0 && (o->root == NULL || o->root->inner.n < 2))
        return false;
    if (o->root != NULL && !check_below(o->root, o->height, &seen))
        return false;
    for (const struct order_node *s = o->spare; s != NULL; s = s->next_spare)
        spare_n++;
    return seen.n == o->n && seen.leaf_n == o->leaf_n && seen.inner_n == o->inner_n &&
           spare_n == o->spare_n && (seen.last == NULL || seen.last->leaf.next == NULL);
}
