/* Pages of figures held against the events. */
#ifndef USHER_SIM_FOLD_H
#define USHER_SIM_FOLD_H

#include "watch.h"

void fold_check_figures(struct watch *w, const usher_query *q, const usher_page *p, int64_t now);
void fold_check_agents(struct watch *w, const usher_page *p);
void fold_check_symptoms(struct watch *w, const usher_query *q, const usher_page *p, int64_t now);
void fold_check_linked(struct watch *w, const usher_query *q, const usher_page *p);

#endif
