/* Pictures as SVG: a ground, lines, steps and text that can be read by day and by night.
 *
 * Colours are named by class and lie in the file's own style sheet, which knows a dark form of each
 * (prefers-color-scheme); three inks are told apart by people who see no red or no green, and are never
 * told by colour alone: they differ in width and dash too. */
#ifndef EXAMPLES_COMMON_SVG_H
#define EXAMPLES_COMMON_SVG_H
#include <stdio.h>

enum { SVG_TEXT = 14, SVG_TITLE = 20 }; /* px */

enum svg_ink { SVG_BLUE, SVG_ORANGE, SVG_GREY, SVG_INKS }; /* narrow; dashed; wide, to lie below */

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

/* title and about are for those who hear the picture. */
void svg_begin(FILE *out, int width, int height, const char *title, const char *about);
void svg_end(FILE *out);

void svg_grid(FILE *out, double x1, double y1, double x2, double y2);
void svg_axis(FILE *out, double x1, double y1, double x2, double y2);

/* look: "title", "quiet", "blue", "orange", "grey", or "" */
void svg_text(FILE *out, double x, double y, enum svg_anchor anchor, const char *look,
              const char *text);

/* Upwards, centred at x, y. */
void svg_text_up(FILE *out, double x, double y, const char *text);

/* A line in one of the inks: begin, each corner, end. A move lifts the pen. */
void svg_path_begin(FILE *out, enum svg_ink ink);
void svg_path_move(FILE *out, double x, double y);
void svg_path_line(FILE *out, double x, double y);
void svg_path_end(FILE *out);

#endif
