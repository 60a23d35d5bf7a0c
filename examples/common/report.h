/* Figures as tables for people: what usher_read() tells of queues, agents and symptoms.
 *
 * Rows of a priority stand below their queue's. A table that would have nothing to say is left
 * out. */
#ifndef EXAMPLES_COMMON_REPORT_H
#define EXAMPLES_COMMON_REPORT_H
#include <stddef.h>
#include <stdio.h>
#include <usher/usher.h>

/* How long people waited: half of them up to so long, nine of ten up to so long. */
void report_times(FILE *out, const usher_figures *rows, size_t n);
/* Which share of the promises was kept. */
void report_promises(FILE *out, const usher_figures *rows, size_t n);
/* What they had to put up with. */
void report_care(FILE *out, const usher_figures *rows, size_t n);
/* Who waits now, and since when. */
void report_now(FILE *out, const usher_figures *rows, size_t n);

void report_agents(FILE *out, const usher_agent_figures *rows, size_t n);
/* now: what "3 h ago" counts from. */
void report_symptoms(FILE *out, const usher_symptom *rows, size_t n, int64_t now);

#endif
