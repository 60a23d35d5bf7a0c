/* Dice, and policies drawn with them. */
#ifndef USHER_SIM_POLICY_H
#define USHER_SIM_POLICY_H

#include "watch.h"

struct dice {
    uint64_t state;
    uint32_t left; /* so many more draws; what comes after them is 0 */
};

enum { DICE_ALL = 0xffff };

/* Those of one command: leaving it out does not change what the others draw. */
struct dice dice_of(uint64_t seed, uint32_t number, uint32_t draws);
uint64_t dice_draw(struct dice *d);
uint32_t dice_below(struct dice *d, uint32_t n);
/* Until they are used up, dice_below() takes what it gives from these. They must live so long. */
void dice_load(const uint8_t *bytes, size_t len);

/* A duration in ms, from 1: mostly short, so that things happen. */
int64_t draw_duration(struct dice *d);
/* From now on they are small multiples of this, so that much happens at one instant; 0: not so. */
void draw_on_grid(int64_t ms);

struct rules default_rules(void);
/* later: for a queue that is in use; its limits are then wide. */
struct rules draw_rules(struct dice *d, bool later);
void print_rules(const struct rules *r, char *json, size_t len);

#endif
