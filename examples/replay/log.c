/* An event log in memory: one pass over the CSV, every value checked where its line is still known.
 */
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <usher/usher.h>

#include "array.h"
#include "instant.h"

struct reader {
    struct log *log;
    const struct mapping *mapping;
    struct assumed *assumed;
    struct fault *fault;
    size_t at[COLUMNS]; /* the column's place in a record, SIZE_MAX: none */
};

static int find_columns(struct reader *r)
{
    const struct csv *c = &r->log->csv;
    for (int k = 0; k < COLUMNS; k++) {
        const char *name = r->mapping->columns[k];
        r->at[k] = SIZE_MAX;
        for (size_t i = 0; name && r->at[k] == SIZE_MAX && i < c->fields_n; i++) {
            if (strcmp(c->fields[i].data, name) == 0)
                r->at[k] = i;
        }
        if (!name || r->at[k] != SIZE_MAX)
            continue;
        char seen[200] = "";
        size_t len = 0;
        for (size_t i = 0; i < c->fields_n && len + c->fields[i].len + 3 < sizeof seen; i++) {
            len += (size_t)snprintf(seen + len, sizeof seen - len, "%s%s", i ? ", " : "",
                                    c->fields[i].data);
        }
        return fault_set(r->fault, "%s:%lu: no column \"%s\" for %s; the header has %s ...",
                         c->path, c->record_line, name, mapping_column_name((enum column)k), seen);
    }
    return 0;
}

/* The value of a column, NULL where it is missing. */
static const char *value_of(const struct reader *r, enum column k)
{
    if (r->at[k] == SIZE_MAX)
        return NULL;
    const char *value = r->log->csv.fields[r->at[k]].data;
    return mapping_is_missing(r->mapping, value) ? NULL : value;
}

static int complain(const struct reader *r, enum column k, const char *value, const char *what)
{
    return fault_set(r->fault, "%s:%lu: %s: \"%.60s\": %s", r->log->csv.path,
                     r->log->csv.record_line, r->mapping->columns[k], value, what);
}

static int read_name(struct reader *r, enum column k, struct names *names, uint32_t *out)
{
    const char *value = value_of(r, k);
    *out = 0;
    if (!value)
        return 0;
    if (strlen(value) > USHER_NAME_MAX)
        return complain(r, k, value, "longer than 255 bytes, which is what a name may have");
    *out = names_add(names, value);
    return 0;
}

static int read_instant(const struct reader *r, enum column k, int64_t *out)
{
    const char *value = value_of(r, k);
    *out = -1;
    if (!value)
        return 0;
    const char *fault = instant_parse(r->mapping->format, r->mapping->offset_ms, value, out);
    return fault ? complain(r, k, value, fault) : 0;
}

static int read_row(struct reader *r)
{
    struct log *l = r->log;
    const struct csv *c = &l->csv;
    struct row row = {.line = (uint32_t)c->record_line};
    if (read_name(r, COLUMN_TICKET, &l->tickets, &row.ticket) != 0 ||
        read_name(r, COLUMN_STATE, &l->states, &row.state) != 0 ||
        read_name(r, COLUMN_REQUESTER, &l->requesters, &row.requester) != 0 ||
        read_name(r, COLUMN_QUEUE, &l->queues, &row.queue) != 0 ||
        read_name(r, COLUMN_AGENT, &l->agents, &row.agent) != 0 ||
        read_name(r, COLUMN_SYMPTOM, &l->symptoms, &row.symptom) != 0 ||
        read_name(r, COLUMN_CHANNEL, &l->channels, &row.channel) != 0 ||
        read_name(r, COLUMN_CAUSE, &l->causes, &row.cause) != 0 ||
        read_instant(r, COLUMN_INSTANT, &row.at) != 0 ||
        read_instant(r, COLUMN_OPENED, &row.opened_at) != 0)
        return -1;
    if (row.ticket == 0)
        return fault_set(r->fault, "%s:%lu: %s is missing: whose row is it?", c->path,
                         c->record_line, r->mapping->columns[COLUMN_TICKET]);
    if (row.at < 0)
        return fault_set(r->fault, "%s:%lu: %s is missing: when was it?", c->path, c->record_line,
                         r->mapping->columns[COLUMN_INSTANT]);

    bool guessed;
    row.saying = mapping_state(r->mapping, names_text(&l->states, row.state), &guessed);
    r->assumed->n[ASSUMED_state_guessed] += guessed;
    if (row.saying.means == MEANS_NOTHING) {
        r->assumed->n[ASSUMED_state_unknown]++;
        if (l->unknown_state == 0)
            l->unknown_state = row.state;
    }
    const char *priority = value_of(r, COLUMN_PRIORITY);
    if (priority) {
        row.priority = mapping_priority(r->mapping, priority);
        r->assumed->n[ASSUMED_priority_unknown] += row.priority == 0;
    }
    l->rows = array_room(l->rows, &l->rows_cap, l->rows_n + 1, sizeof *l->rows);
    l->rows[l->rows_n++] = row;
    return 0;
}

int log_load(struct log *l, const char *path, const struct mapping *m, struct assumed *assumed,
             struct fault *f)
{
    *l = (struct log){0};
    struct reader r = {.log = l, .mapping = m, .assumed = assumed, .fault = f};
    if (csv_open(&l->csv, path, m->separator, f) != 0)
        return -1;
    int got = csv_next(&l->csv, f);
    if (got == 0)
        return fault_set(f, "%s: empty: not even a header", path);
    if (got < 0 || find_columns(&r) != 0)
        return -1;
    size_t columns = l->csv.fields_n;
    while ((got = csv_next(&l->csv, f)) == 1) {
        if (l->csv.fields_n != columns)
            return fault_set(f, "%s:%lu: %zu columns, but the header has %zu", path,
                             l->csv.record_line, l->csv.fields_n, columns);
        if (l->rows_n == UINT32_MAX / 2)
            return fault_set(f, "%s:%lu: more rows than this program counts", path,
                             l->csv.record_line);
        if (read_row(&r) != 0)
            return -1;
    }
    if (got == 0 && l->rows_n == 0)
        return fault_set(f, "%s: a header, but no rows", path);
    return got;
}

void log_free(struct log *l)
{
    names_free(&l->tickets);
    names_free(&l->requesters);
    names_free(&l->states);
    names_free(&l->queues);
    names_free(&l->agents);
    names_free(&l->symptoms);
    names_free(&l->channels);
    names_free(&l->causes);
    free(l->rows);
    csv_free(&l->csv);
    *l = (struct log){0};
}
