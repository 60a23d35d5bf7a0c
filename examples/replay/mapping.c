/* What a log's columns and values mean. Everything is checked when the file is read, so that a slip
 * in it is told by its key and not as a strange figure. */
#include "mapping.h"

#include <string.h>
#include <strings.h>
#include <usher/usher.h>

#include "instant.h"

static const char *const column_names[COLUMNS] = {
    "ticket", "instant", "state",   "opened",  "requester", "priority",
    "queue",  "agent",   "symptom", "channel", "cause",
};

static const char known_columns[] = "ticket, instant, state, opened, requester, priority, queue, "
                                    "agent, symptom, channel, cause";

static const char known_sayings[] = "enqueue, claim, \"pause requester\", \"pause third_party\", "
                                    "resolve, confirm, reopen, withdraw, "
                                    "acknowledge, update, note, ask, reply, escalate";

static const struct {
    const char *word;
    struct saying saying;
} sayings[] = {
    {"enqueue", {MEANS_ENQUEUE, 0}},
    {"claim", {MEANS_CLAIM, 0}},
    {"pause requester", {MEANS_PAUSE, USHER_ON_REQUESTER}},
    {"pause third_party", {MEANS_PAUSE, USHER_ON_THIRD_PARTY}},
    {"resolve", {MEANS_RESOLVE, 0}},
    {"confirm", {MEANS_CONFIRM, 0}},
    {"reopen", {MEANS_REOPEN, 0}},
    {"withdraw", {MEANS_WITHDRAW, 0}},
    {"acknowledge", {MEANS_ACKNOWLEDGE, 0}},
    {"update", {MEANS_UPDATE, 0}},
    {"note", {MEANS_NOTE, 0}},
    {"ask", {MEANS_ASK, 0}},
    {"reply", {MEANS_REPLY, 0}},
    {"escalate", {MEANS_ESCALATE, 0}},
};

/* States that mean the same nearly everywhere; used only where the mapping has no "states". */
static const struct {
    const char *word, *verb;
} common_words[] = {
    /* clang-format off */
    {"new", "enqueue"}, {"open", "enqueue"}, {"opened", "enqueue"}, {"created", "enqueue"},
    {"registered", "enqueue"}, {"queued", "enqueue"}, {"waiting", "enqueue"}, {"active", "claim"},
    {"assigned", "claim"}, {"accepted", "claim"}, {"in progress", "claim"},
    {"work in progress", "claim"}, {"started", "claim"}, {"claimed", "claim"},
    {"pending", "pause requester"}, {"on hold", "pause requester"}, {"paused", "pause requester"},
    {"waiting for customer", "pause requester"}, {"awaiting user info", "pause requester"},
    {"waiting for vendor", "pause third_party"}, {"awaiting vendor", "pause third_party"},
    {"resolved", "resolve"}, {"solved", "resolve"}, {"completed", "resolve"}, {"done", "resolve"},
    {"closed", "confirm"}, {"confirmed", "confirm"}, {"reopened", "reopen"},
    {"cancelled", "withdraw"}, {"canceled", "withdraw"}, {"withdrawn", "withdraw"},
    /* clang-format on */
};

static const struct saying *find_saying(const char *word)
{
    for (size_t i = 0; i < sizeof sayings / sizeof *sayings; i++) {
        if (strcmp(sayings[i].word, word) == 0)
            return &sayings[i].saying;
    }
    return NULL;
}

static int find_priority(const char *word)
{
    for (int p = USHER_LOW; p <= USHER_URGENT; p++) {
        if (strcasecmp(usher_name(USHER_NAME_PRIORITY, p), word) == 0)
            return p;
    }
    return 0;
}

static int load_columns(struct mapping *m, const json_t *columns, const char *path, struct fault *f)
{
    if (!json_is_object(columns))
        return fault_set(f, "%s: columns: an object is needed that names the log's columns", path);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)columns, key, value)
    {
        int c = 0;
        while (c < COLUMNS && strcmp(column_names[c], key) != 0)
            c++;
        if (c == COLUMNS) {
            return fault_set(f, "%s: columns.%s: there is no such column; known are %s", path, key,
                             known_columns);
        }
        if (!json_is_string(value)) {
            return fault_set(f, "%s: columns.%s: the column's name as a string is needed", path,
                             key);
        }
        m->columns[c] = json_string_value(value);
    }
    for (int c = COLUMN_TICKET; c <= COLUMN_STATE; c++) {
        if (!m->columns[c])
            return fault_set(f, "%s: columns.%s: every log needs it", path, column_names[c]);
    }
    return 0;
}

static int load_instant(struct mapping *m, const json_t *instant, const char *path, struct fault *f)
{
    m->format = "iso";
    if (!instant)
        return 0;
    if (!json_is_object(instant))
        return fault_set(f, "%s: instant: an object is needed, {\"format\": \"iso\"}", path);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)instant, key, value)
    {
        const char *text = json_string_value(value);
        const char *fault = "a string is needed";
        if (strcmp(key, "format") == 0) {
            if (text)
                fault = instant_format_fault(text);
            m->format = text;
        } else if (strcmp(key, "offset") == 0) {
            if (text)
                fault = instant_offset(text, &m->offset_ms);
        } else
            fault = "there is no such key; known are format, offset";
        if (fault)
            return fault_set(f, "%s: instant.%s: %s", path, key, fault);
    }
    return 0;
}

static int load_words(const struct mapping *m, const char *path, struct fault *f)
{
    const char *key;
    json_t *value;
    if (m->states && !json_is_object(m->states))
        return fault_set(f, "%s: states: an object is needed", path);
    if (m->priorities && !json_is_object(m->priorities))
        return fault_set(f, "%s: priorities: an object is needed", path);
    json_object_foreach((json_t *)m->states, key, value)
    {
        if (!json_is_string(value) || !find_saying(json_string_value(value)))
            return fault_set(f, "%s: states.%s: one of %s is needed", path, key, known_sayings);
    }
    json_object_foreach((json_t *)m->priorities, key, value)
    {
        if (!json_is_string(value) || !find_priority(json_string_value(value)))
            return fault_set(f, "%s: priorities.%s: one of low, normal, high, urgent is needed",
                             path, key);
    }
    if (m->missing && !json_is_array(m->missing))
        return fault_set(f, "%s: missing: an array of strings is needed", path);
    for (size_t i = 0; i < json_array_size(m->missing); i++) {
        if (!json_is_string(json_array_get(m->missing, i)))
            return fault_set(f, "%s: missing[%zu]: a string is needed", path, i);
    }
    return 0;
}

static int load_separator(struct mapping *m, const json_t *separator, const char *path,
                          struct fault *f)
{
    m->separator = ',';
    if (!separator)
        return 0;
    const char *text = json_string_value(separator);
    if (!text || strlen(text) != 1 || strchr("\"\r\n", text[0]))
        return fault_set(f, "%s: separator: one character is needed, such as \";\" or \"\\t\"",
                         path);
    m->separator = text[0];
    return 0;
}

int mapping_load(struct mapping *m, const char *path, struct fault *f)
{
    static const char *const known[] = {"columns", "instant",    "missing",
                                        "states",  "priorities", "separator"};
    *m = (struct mapping){0};
    json_error_t e;
    m->root = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
    if (!m->root && e.line < 1)
        return fault_set(f, "%s", e.text);
    if (!m->root)
        return fault_set(f, "%s:%d: %s", path, e.line, e.text);
    if (!json_is_object(m->root))
        return fault_set(f, "%s: a JSON object is needed", path);
    const char *key;
    json_t *value;
    json_object_foreach(m->root, key, value)
    {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strcmp(known[i], key) != 0)
            i++;
        if (i == sizeof known / sizeof *known) {
            return fault_set(f,
                             "%s: %s: there is no such key; known are columns, instant, "
                             "missing, states, priorities, separator",
                             path, key);
        }
    }
    m->missing = json_object_get(m->root, "missing");
    m->states = json_object_get(m->root, "states");
    m->priorities = json_object_get(m->root, "priorities");
    if (load_columns(m, json_object_get(m->root, "columns"), path, f) != 0 ||
        load_instant(m, json_object_get(m->root, "instant"), path, f) != 0 ||
        load_separator(m, json_object_get(m->root, "separator"), path, f) != 0)
        return -1;
    return load_words(m, path, f);
}

void mapping_free(struct mapping *m)
{
    json_decref(m->root);
    *m = (struct mapping){0};
}

bool mapping_is_missing(const struct mapping *m, const char *value)
{
    if (!*value)
        return true;
    for (size_t i = 0; i < json_array_size(m->missing); i++) {
        if (strcmp(json_string_value(json_array_get(m->missing, i)), value) == 0)
            return true;
    }
    return false;
}

struct saying mapping_state(const struct mapping *m, const char *value, bool *guessed)
{
    const char *word = json_string_value(json_object_get(m->states, value));
    *guessed = false;
    for (size_t i = 0; !m->states && i < sizeof common_words / sizeof *common_words; i++) {
        if (strcasecmp(common_words[i].word, value) == 0) {
            word = common_words[i].verb;
            *guessed = true;
        }
    }
    const struct saying *found = word ? find_saying(word) : NULL;
    return found ? *found : (struct saying){MEANS_NOTHING, 0};
}

int mapping_priority(const struct mapping *m, const char *value)
{
    const char *word = json_string_value(json_object_get(m->priorities, value));
    return find_priority(word ? word : value);
}

const char *mapping_column_name(enum column column)
{
    return column_names[column];
}
