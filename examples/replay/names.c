/* Names as small numbers: a table of texts and a hash of where they are. */
#include "names.h"

#include "array.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash(const char *text)
{
    /* FNV-1a, 32 bits: its constants are the published ones. */
    uint32_t h = 2166136261u;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        h = (h ^ *p) * 16777619u;
    return h;
}

/* The slot where text is, or would be. */
static uint32_t *slot_of(const struct names *m, const char *text)
{
    uint32_t i = hash(text) & (m->slots_n - 1);
    while (m->slots[i] != 0 && strcmp(m->text[m->slots[i]], text) != 0)
        i = (i + 1) & (m->slots_n - 1);
    return &m->slots[i];
}

static void grow(struct names *m)
{
    free(m->slots);
    m->slots_n = m->slots_n ? m->slots_n * 2 : 64;
    m->slots = array_new(m->slots_n, sizeof *m->slots);
    for (uint32_t id = 1; id <= m->n; id++)
        *slot_of(m, m->text[id]) = id;
}

uint32_t names_find(const struct names *m, const char *text)
{
    return m->slots_n ? *slot_of(m, text) : 0;
}

uint32_t names_add(struct names *m, const char *text)
{
    if ((m->n + 1) * 2 > m->slots_n)
        grow(m);
    uint32_t *slot = slot_of(m, text);
    if (*slot == 0) {
        m->text = array_room(m->text, &m->text_cap, (size_t)m->n + 2, sizeof *m->text);
        m->text[0] = "";
        m->text[++m->n] = text;
        *slot = m->n;
    }
    return *slot;
}

const char *names_text(const struct names *m, uint32_t id)
{
    return id <= m->n && id > 0 ? m->text[id] : "";
}

void names_free(struct names *m)
{
    free(m->text);
    free(m->slots);
    *m = (struct names){0};
}
