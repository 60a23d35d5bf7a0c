/* Pictures as SVG. */
#include "svg.h"

static const char style[] =
    "<style>\n"
    "text { font: 14px system-ui, \"Segoe UI\", \"Helvetica Neue\", \"DejaVu Sans\", sans-serif; "
    "fill: #1f2328; }\n"
    ".title { font-size: 20px; font-weight: 600; }\n"
    ".ground { fill: #ffffff; }\n"
    ".quiet { fill: #57606a; }\n"
    ".grid { stroke: #d8dee4; }\n"
    ".axis { stroke: #6e7781; }\n"
    ".ink { fill: none; stroke-linejoin: round; }\n"
    "path.blue { stroke: #0069a8; stroke-width: 2; }\n"
    "path.orange { stroke: #c24e00; stroke-width: 3.6; stroke-dasharray: 7 4; }\n"
    "path.grey { stroke: #a2a9b1; stroke-width: 8; }\n"
    "text.blue { fill: #0069a8; }\n"
    "text.orange { fill: #b84a00; }\n"
    "text.grey { fill: #57606a; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "text { fill: #e6edf3; }\n"
    ".ground { fill: #0d1117; }\n"
    ".quiet { fill: #9198a1; }\n"
    ".grid { stroke: #2a313c; }\n"
    ".axis { stroke: #768390; }\n"
    "path.blue { stroke: #56b4e9; }\n"
    "path.orange { stroke: #f0a030; }\n"
    "path.grey { stroke: #5b6470; }\n"
    "text.blue { fill: #56b4e9; }\n"
    "text.orange { fill: #f0a030; }\n"
    "text.grey { fill: #a9b3be; }\n"
    "}\n"
    "</style>\n";

static const char *const inks[SVG_INKS] = {"blue", "orange", "grey"};

/* What XML has no place for, and what stands for itself only as an entity. */
static void put(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '"')
            fputs("&quot;", out);
        else
            fputc((unsigned char)*text < 0x20 ? '?' : *text, out);
    }
}

void svg_begin(FILE *out, int width, int height, const char *title, const char *about)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
            width, height, width, height);
    put(out, title);
    fputs("</title>\n<desc>", out);
    put(out, about);
    fprintf(out, "</desc>\n%s<rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n", style, width,
            height);
}

void svg_end(FILE *out)
{
    fputs("</svg>\n", out);
}

static void line(FILE *out, const char *look, double x1, double y1, double x2, double y2)
{
    fprintf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", look, x1,
            y1, x2, y2);
}

void svg_grid(FILE *out, double x1, double y1, double x2, double y2)
{
    line(out, "grid", x1, y1, x2, y2);
}

void svg_axis(FILE *out, double x1, double y1, double x2, double y2)
{
    line(out, "axis", x1, y1, x2, y2);
}

void svg_text(FILE *out, double x, double y, enum svg_anchor anchor, const char *look,
              const char *text)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"", x, y, anchors[anchor]);
    if (*look)
        fprintf(out, " class=\"%s\"", look);
    fputc('>', out);
    put(out, text);
    fputs("</text>\n", out);
}

void svg_text_up(FILE *out, double x, double y, const char *text)
{
    fprintf(
        out,
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" transform=\"rotate(-90 %.1f %.1f)\">",
        x, y, x, y);
    put(out, text);
    fputs("</text>\n", out);
}

void svg_path_begin(FILE *out, enum svg_ink ink)
{
    fprintf(out, "<path class=\"ink %s\" d=\"", inks[ink]);
}

void svg_path_move(FILE *out, double x, double y)
{
    fprintf(out, "M%.1f %.1f", x, y);
}

void svg_path_line(FILE *out, double x, double y)
{
    fprintf(out, "L%.1f %.1f", x, y);
}

void svg_path_end(FILE *out)
{
    fputs("\"/>\n", out);
}
