/* --what-if as a picture: a panel for each priority, all with the same axes, and in each a line for each
 * order: how long nine of ten waited of those who came in one stretch of time. Priorities lie apart
 * because that is where the orders differ: over everybody they wait about as long in any. */
#define _POSIX_C_SOURCE 200809L
#include "what_if.h"

#include <string.h>
#include <usher/usher.h>

#include "scale.h"
#include "svg.h"
#include "table.h"
#include "words.h"

enum {
    WIDTH = 880,
    LEFT = 76,
    RIGHT = 40,
    LEGEND_Y = 96,
    LEGEND_ROW = 22,
    PANELS_Y = LEGEND_Y + ORDERS * LEGEND_ROW + 8,
    PANEL_HEAD = 24,
    PANEL = 112,
    PANEL_GAP = 16,
    AXIS = 54,
    CAPTION_ROW = 19,
    CAPTION_MOST = 104, /* characters of a line */
    NAME_MOST = 30,
    MARKS_X = 8,
    STEPS_Y = 4,
    MINUTE = 60000
};

static const enum svg_ink inks[ORDERS] = {SVG_BLUE, SVG_ORANGE, SVG_GREY};
static const char *const looks[ORDERS] = {"blue", "orange", "grey"};

struct canvas {
    FILE *out;
    const struct what_if *w;
    struct scale x, y;
    int64_t from_at, to_at, top_ms;
};

static double x_of(const struct canvas *c, int64_t at)
{
    return LEFT +
           (double)(at - c->from_at) / (double)(c->to_at - c->from_at) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct canvas *c, double bottom, int64_t ms)
{
    return bottom - (double)ms / (double)c->top_ms * PANEL;
}

static int panels_n(const struct what_if *w)
{
    int n = 0;
    for (int p = 0; p < PRIORITY_N; p++)
        n += w->outcomes[0].waits[p].n > 0;
    return n;
}

static void legend(const struct canvas *c)
{
    char longest[WORDS_MAX];
    char line[160];
    for (int o = 0; o < ORDERS; o++) {
        double y = LEGEND_Y + o * LEGEND_ROW;
        svg_path_begin(c->out, inks[o]);
        svg_path_move(c->out, LEFT, y - 5);
        svg_path_line(c->out, LEFT + 44, y - 5);
        svg_path_end(c->out);
        snprintf(line, sizeof line, "%s: the longest wait of anyone is %s",
                 order_name((enum order)o),
                 words_duration(longest, c->w->outcomes[o].waits[EVERYBODY].max));
        svg_text(c->out, LEFT + 56, y, SVG_START, looks[o], line);
    }
}

static void curve(const struct canvas *c, enum order o, int priority, double bottom)
{
    const struct bins *bins = &c->w->bins;
    bool down = false;
    svg_path_begin(c->out, inks[o]);
    for (size_t b = 0; b < bins->n; b++) {
        const struct bin *bin = &bins->bins[o][priority][b];
        int64_t at = bins->from_at + (int64_t)b * bins->width_ms;
        double y = y_of(c, bottom, bin->p90);
        if (bin->n > 0) {
            if (down)
                svg_path_line(c->out, x_of(c, at), y);
            else
                svg_path_move(c->out, x_of(c, at), y);
            svg_path_line(c->out, x_of(c, at + bins->width_ms), y);
        }
        down = bin->n > 0;
    }
    svg_path_end(c->out);
}

static void panel(const struct canvas *c, int priority, double top)
{
    char line[200];
    char n[WORDS_MAX];
    double bottom = top + PANEL_HEAD + PANEL;
    uint64_t people = c->w->outcomes[0].waits[priority].n;
    snprintf(line, sizeof line, "%s: %s ticket%s",
             usher_name(USHER_NAME_PRIORITY, priority + USHER_LOW), words_count(n, people),
             people == 1 ? "" : "s");
    svg_text(c->out, LEFT, top + 14, SVG_START, "", line);
    for (size_t i = 0; i < c->y.n; i++) {
        double y = y_of(c, bottom, c->y.marks[i].at);
        if (i > 0)
            svg_grid(c->out, LEFT, y, WIDTH - RIGHT, y);
        svg_text(c->out, LEFT - 8, y + 5, SVG_END, "quiet", c->y.marks[i].text);
    }
    for (size_t i = 0; i < c->x.n; i++)
        svg_grid(c->out, x_of(c, c->x.marks[i].at), top + PANEL_HEAD, x_of(c, c->x.marks[i].at),
                 bottom);
    svg_axis(c->out, LEFT, bottom, WIDTH - RIGHT, bottom);
    svg_axis(c->out, LEFT, top + PANEL_HEAD, LEFT, bottom);
    for (int o = ORDERS - 1; o >= 0; o--)
        curve(c, (enum order)o, priority, bottom);
}

/* Lines of a text, drawn if there is somewhere to draw; returns how many. */
static int caption(FILE *out, double y, const char *text)
{
    int lines = 0;
    while (*text) {
        size_t len = strlen(text);
        if (len > CAPTION_MOST) {
            len = CAPTION_MOST;
            while (text[len] != ' ')
                len--;
        }
        char line[CAPTION_MOST + 1];
        memcpy(line, text, len);
        line[len] = 0;
        if (out)
            svg_text(out, LEFT - 50, y + lines * CAPTION_ROW, SVG_START, "quiet", line);
        lines++;
        text += len + (text[len] == ' ');
    }
    return lines;
}

static void say_caption(const struct what_if *w, char *text, size_t len)
{
    char width[WORDS_MAX];
    char guessed[WORDS_MAX];
    snprintf(
        text, len,
        "Each step: nine of ten of those who came in these %s waited at most so long until an "
        "agent took their ticket (of fewer than ten: the longest). Where nobody came there is no "
        "line. Only the order differs: the same people, the same %u agent%s with one ticket at a "
        "time, the same touch times, which are the log's time in agents' hands (%s tickets without "
        "any take the median of their priority).",
        words_duration(width, w->bins.width_ms), (unsigned)w->question->agents,
        w->question->agents == 1 ? "" : "s", words_count(guessed, w->demand->guessed));
}

static void head(const struct canvas *c, int height, const char *about)
{
    const struct demand *d = c->w->demand;
    char title[160];
    char line[300] = "";
    char n[WORDS_MAX];
    char from[WORDS_MAX];
    char to[WORDS_MAX];
    snprintf(title, sizeof title, "What if %u agent%s had served them in another order?",
             (unsigned)c->w->question->agents, c->w->question->agents == 1 ? "" : "s");
    svg_begin(c->out, WIDTH, height, title, about);
    svg_text(c->out, LEFT - 50, 36, SVG_START, "title", title);
    FILE *subtitle = fmemopen(line, sizeof line, "w");
    if (subtitle) {
        text_print(subtitle, c->w->log_name, NAME_MOST);
        fprintf(subtitle, ": %s ticket%s that came from %s to %s UTC", words_count(n, d->n),
                d->n == 1 ? "" : "s", words_instant(from, d->arrivals[0].at),
                words_instant(to, d->arrivals[d->n - 1].at));
        fclose(subtitle);
    }
    svg_text(c->out, LEFT - 50, 62, SVG_START, "quiet", line);
}

static void axes(const struct canvas *c, double top, double bottom)
{
    char unit[80];
    for (size_t i = 0; i < c->x.n; i++)
        svg_text(c->out, x_of(c, c->x.marks[i].at), bottom + 25, SVG_MIDDLE, "quiet",
                 c->x.marks[i].text);
    svg_text(c->out, (LEFT + WIDTH - RIGHT) / 2.0, bottom + 48, SVG_MIDDLE, "",
             "when they came (UTC)");
    snprintf(unit, sizeof unit, "how long they waited, in %s", c->y.unit);
    svg_text_up(c->out, 26, (top + bottom) / 2, unit);
}

int what_if_svg(FILE *out, const struct what_if *w)
{
    struct canvas c = {.out = out, .w = w, .from_at = w->bins.from_at};
    char about[1000];
    c.to_at = w->bins.from_at + (int64_t)w->bins.n * w->bins.width_ms;
    scale_instants(&c.x, c.from_at, c.to_at, MARKS_X);
    scale_durations(&c.y, w->bins.most_ms > MINUTE ? w->bins.most_ms : MINUTE, STEPS_Y);
    c.top_ms = c.y.marks[c.y.n - 1].at;
    say_caption(w, about, sizeof about);
    double bottom = PANELS_Y + panels_n(w) * (PANEL_HEAD + PANEL + PANEL_GAP) - PANEL_GAP;
    double caption_y = bottom + AXIS + 24;
    head(&c, (int)caption_y + caption(NULL, 0, about) * CAPTION_ROW, about);
    legend(&c);
    double top = PANELS_Y;
    for (int p = PRIORITY_N - 1; p >= 0; p--) {
        if (w->outcomes[0].waits[p].n == 0)
            continue;
        panel(&c, p, top);
        top += PANEL_HEAD + PANEL + PANEL_GAP;
    }
    axes(&c, PANELS_Y, bottom);
    caption(out, caption_y, about);
    svg_end(out);
    return ferror(out) ? -1 : 0;
}
