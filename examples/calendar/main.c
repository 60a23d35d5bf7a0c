/* usher-calendar: what a policy's calendars mean, for people.
 *
 * It computes no business time of its own: it asks the library, as any host could (ask.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "date.h"
#include "holidays.h"
#include "local.h"
#include "screens.h"
#include "table.h"

enum { CODE_OK = 0, CODE_PROBLEM = 1, CODE_USAGE = 2 };

static const char usage[] =
    "Usage: usher-calendar POLICY [CALENDAR] [--week DATE]\n"
    "       usher-calendar POLICY [CALENDAR] --add DURATION [--from WHEN]\n"
    "       usher-calendar POLICY [CALENDAR] --between WHEN WHEN\n"
    "       usher-calendar --holidays FILE.ics [--from DATE]\n"
    "\n"
    "Shows what the calendars of a policy (JSON) mean. Without more: this week, drawn.\n"
    "\n"
    "  --week DATE           the week that this date is in, from Monday\n"
    "  --add DURATION        when will so much open time have passed? 8h, 1h30m, 90s; or 2wd, "
    "which\n"
    "                        is two working days. The answer is explained as a list that adds up\n"
    "  --from WHEN           from then on; now, if not said\n"
    "  --between WHEN WHEN   how much open time lies between two instants\n"
    "  --holidays FILE.ics   the all-day events of an iCalendar file, as the \"holidays\" of a "
    "policy\n"
    "                        (JSON). What comes back each year is \"*-MM-DD\"; what repeats "
    "otherwise\n"
    "                        is written out for ten years, from this year on or from --from; what "
    "is\n"
    "                        left out is said on stderr\n"
    "  --all                 every row of a long list\n"
    "  --ascii               draw without block characters\n"
    "  --help, --version\n"
    "\n"
    "CALENDAR may be left out where there is only one; a week is shown of all of them then.\n"
    "WHEN is 2026-12-24, \"2026-12-24 15:00\" on the wall of the calendar's zone (one that is "
    "skipped\n"
    "there is moved forward by the gap, of two the first counts), 2026-12-24T15:00Z, or now.\n"
    "Exit: 0 done, 1 the policy or the file is wrong or there is no answer, 2 usage.\n"
    "Colours are for terminals; NO_COLOR turns them off.\n"
    "\n"
    "  usher-calendar policy.json office --week 2026-12-24\n"
    "  usher-calendar policy.json office --add 8h --from \"2026-12-24 15:00\"\n"
    "  usher-calendar --holidays berlin.ics > holidays.json\n"
    "  jq --slurpfile h holidays.json '.calendars.office.holidays = $h[0]' policy.json\n";

struct options {
    const char *policy, *calendar, *week, *add, *from, *holidays, *between[2];
    bool ascii, all;
};

static int complain(const char *what, const char *about)
{
    fprintf(stderr, "usher-calendar: %s%s; see usher-calendar --help\n", what, about);
    return CODE_USAGE;
}

/* ---- the command line ------------------------------------------------------------------------ */

/* Takes "--name VALUE" and "--name=VALUE": 1 if **argv is it, 0 if not, -1 if the value is missing. */
static int take_value(char ***argv, const char *name, const char **out)
{
    size_t len = strlen(name);
    const char *a = **argv;
    if (strncmp(a, name, len) != 0 || (a[len] != '=' && a[len] != 0))
        return 0;
    *out = a[len] == '=' ? a + len + 1 : (*argv)[1];
    if (!*out || !**out)
        return -1;
    *argv += a[len] == 0;
    return 1;
}

static int take_option(struct options *o, char ***argv)
{
    static const char *const names[] = {"--week", "--add", "--from", "--holidays", "--between"};
    const char **const values[] = {&o->week, &o->add, &o->from, &o->holidays, &o->between[0]};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool again = *values[i] != NULL;
        int took = take_value(argv, names[i], values[i]);
        if (took == 0)
            continue;
        if (took < 0)
            return complain("a value is needed after ", names[i]);
        if (again)
            return complain("twice is once too often: ", names[i]);
        if (values[i] == &o->between[0]) {
            if (!(*argv)[1])
                return complain("two instants are needed after ", names[i]);
            o->between[1] = *++*argv;
        }
        return CODE_OK;
    }
    return complain("there is no option ", **argv);
}

static int check_options(const struct options *o)
{
    int questions = (o->week != NULL) + (o->add != NULL) + (o->between[0] != NULL);
    if (o->holidays && (o->policy || questions > 0))
        return complain("--holidays stands alone", ", or with --from");
    if (!o->holidays && !o->policy)
        return complain("which policy?", " Its file is needed");
    if (questions > 1)
        return complain("one of --week, --add and --between", " at a time");
    if (o->from && !o->add && !o->holidays)
        return complain("--from goes with --add", " or --holidays");
    if (o->add && o->add[strspn(o->add, "0123456789abcdefghijklmnopqrstuvwxyz")] != 0)
        return complain("--add takes a duration such as 8h, 1h30m or 2wd, not ", o->add);
    return -1;
}

/* -1: go on; else the exit code. */
static int read_options(struct options *o, char **argv)
{
    bool only_words = false;
    *o = (struct options){0};
    for (argv++; *argv; argv++) {
        const char *a = *argv;
        if (only_words || a[0] != '-' || a[1] == 0) {
            if (o->calendar)
                return complain("one word too many: ", a);
            *(o->policy ? &o->calendar : &o->policy) = a;
        } else if (strcmp(a, "--") == 0) {
            only_words = true;
        } else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            return fputs(usage, stdout) == EOF;
        } else if (strcmp(a, "--version") == 0) {
            return printf("usher-calendar %s\n", USHER_VERSION_STRING) < 0;
        } else if (strcmp(a, "--ascii") == 0) {
            o->ascii = true;
        } else if (strcmp(a, "--all") == 0) {
            o->all = true;
        } else if (take_option(o, &argv) != CODE_OK) {
            return CODE_USAGE;
        }
    }
    return check_options(o);
}

/* ---- what was asked -------------------------------------------------------------------------- */

static int read_when(const char *option, const char *text, int64_t *at, struct fault *f)
{
    const char *wrong = local_read(text, at);
    return wrong ? fault_set(f, "%s %.60s: %s", option, text, wrong) : 0;
}

static int show_weeks(struct screen *s, const struct options *o, struct fault *f)
{
    const char *week = o->week;
    const char *name;
    json_t *calendar;
    int64_t day = 0;
    bool first = true;
    if (week && strcmp(week, "now") == 0)
        week = NULL;
    if (week && (!date_read(&week, &day) || *week != 0))
        return fault_set(f, "--week %.60s: write it as 2026-12-24", o->week);
    if (!o->calendar && json_object_size(s->source->calendars) > 0) {
        json_object_foreach(s->source->calendars, name, calendar)
        {
            struct options one = *o;
            one.calendar = name;
            if (!first)
                fputc('\n', stdout);
            first = false;
            if (show_weeks(s, &one, f) != 0)
                return -1;
        }
        return 0;
    }
    s->name = o->calendar;
    s->calendar = source_calendar(s->source, &s->name, f);
    if (!s->calendar)
        return -1;
    if (!week) {
        local_zone(calendar_zone(s->calendar));
        day = local_of((int64_t)time(NULL) * 1000).day;
    }
    return screen_week(s, day, f);
}

static int show_sum(struct screen *s, const struct options *o, struct fault *f)
{
    int64_t from_at = 0;
    int64_t to_at = 0;
    s->name = o->calendar;
    s->calendar = source_calendar(s->source, &s->name, f);
    if (!s->calendar)
        return -1;
    local_zone(calendar_zone(s->calendar));
    if (o->add) {
        if (read_when("--from", o->from ? o->from : "now", &from_at, f) != 0)
            return -1;
        return screen_add(s, o->add, from_at, f);
    }
    if (read_when("--between", o->between[0], &from_at, f) != 0 ||
        read_when("--between", o->between[1], &to_at, f) != 0)
        return -1;
    return screen_between(s, from_at, to_at, f);
}

/* The library has the say about the whole policy, not only about what is shown of it. */
static int check_policy(const struct source *s, struct fault *f)
{
    struct fault why;
    if (ask_policy(s->text, (int64_t)time(NULL) * 1000, &why) != 0)
        return fault_set(f, "%s: %.500s", s->path, why.text);
    return 0;
}

static int show(const struct options *o, struct fault *f)
{
    struct source source;
    struct look look;
    int r = source_open(&source, o->policy, f);
    look_open(&look, o->ascii);
    struct screen s = {.look = &look, .source = &source, .all_rows = o->all};
    if (r == 0)
        r = check_policy(&source, f);
    if (r == 0)
        r = o->add || o->between[0] ? show_sum(&s, o, f) : show_weeks(&s, o, f);
    source_close(&source);
    return r;
}

int main(int argc, char **argv)
{
    struct options o;
    struct fault fault = {0};
    if (argc < 2)
        return fputs(usage, stderr), CODE_USAGE;
    int code = read_options(&o, argv);
    if (code >= 0)
        return code;
    int r =
        o.holidays ? holidays_write(stdout, stderr, o.holidays, o.from, &fault) : show(&o, &fault);
    if (fflush(stdout) != 0 || ferror(stdout))
        r = fault_set(&fault, "the output cannot be written");
    if (r != 0) {
        fputs("usher-calendar: ", stderr);
        text_print(stderr, fault.text, 0); /* a file's bytes may be anything */
        fputc('\n', stderr);
    }
    return r == 0 ? CODE_OK : CODE_PROBLEM;
}
