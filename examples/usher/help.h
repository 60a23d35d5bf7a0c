/* What usher --help and usher COMMAND --help say. */
#ifndef EXAMPLES_USHER_HELP_H
#define EXAMPLES_USHER_HELP_H

extern const char help_usage[];
extern const char help_info[], help_check[], help_list[], help_show[], help_history[], help_stats[],
    help_figures[], help_backup[];

#endif
