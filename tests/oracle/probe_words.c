/* The words of a line, cut up where they stand. */
#include <stdlib.h>
#include <string.h>

#include "probe.h"

void take(struct args *a, char *word)
{
    char *equals = strchr(word, '=');

    if (equals && a->n < ARGS_MAX) {
        *equals = '\0';
        a->key[a->n] = word;
        a->value[a->n++] = equals + 1;
    }
}

void take_all(struct args *a, char *words)
{
    char *save = NULL;

    for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
        take(a, word);
}

const char *arg(const struct args *a, const char *key)
{
    for (int i = 0; i < a->n; i++) {
        if (strcmp(a->key[i], key) == 0)
            return a->value[i];
    }
    return NULL;
}

int64_t num(const struct args *a, const char *key)
{
    const char *value = arg(a, key);

    if (!value)
        return 0;
    return strcmp(value, "never") == 0 ? USHER_NEVER : strtoll(value, NULL, 10);
}

usher_text text(const struct args *a, const char *key)
{
    const char *value = arg(a, key);

    return (usher_text){value, value ? strlen(value) : 0};
}

usher_op op(const struct args *a)
{
    return (usher_op){0, (uint64_t)num(a, "op")};
}

void split(struct list *l, const char *value)
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

bool is_one_of(const char *word, const char *words)
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
