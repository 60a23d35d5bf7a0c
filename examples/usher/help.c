/* What usher --help and usher COMMAND --help say. */
#include "help.h"

const char help_usage[] =
    "Usage: usher COMMAND [OPTIONS] [TICKET or FILE] STORE\n"
    "\n"
    "Looks into a store of usher's. Nothing in it is changed, no timer fires.\n"
    "\n"
    "  info STORE            what is in it, at a glance\n"
    "  list STORE            its tickets, the open ones unless asked otherwise\n"
    "  show TICKET STORE     one ticket: who has it, what was promised, what it waits for\n"
    "  history TICKET STORE  all that happened to it\n"
    "  stats STORE           the queues, the promises kept and broken, how long people wait\n"
    "  figures STORE         how people fared: waits, promises kept, causes, agents; by day\n"
    "  check STORE           is it whole?\n"
    "  backup FILE STORE     a consistent copy of it, also while a service is at work\n"
    "\n"
    "  --json                for programs: durations in ms, instants in ms since 1970 UTC\n"
    "  --help, --version     usher COMMAND --help says more about a command\n"
    "\n"
    "STORE is the file. A running service has it to itself unless it was opened with ?readers=1.\n"
    "Exit: 0 done, 1 a problem was found or there is no such ticket, 2 usage.\n"
    "Colours are for terminals; NO_COLOR turns them off.\n";

const char help_info[] =
    "Usage: usher info [--json] STORE\n"
    "\n"
    "What is in a store: its size, how many tickets in which states, its queues, who holds\n"
    "something, the first and the latest ticket, and when one last changed its state.\n";

const char help_check[] =
    "Usage: usher check [--json] STORE\n"
    "\n"
    "Is the store whole? SQLite checks the file, the library every open ticket as it reads it, "
    "and\n"
    "then the history of each ticket is followed from its first event to where the ticket stands.\n"
    "Says so in one line, or names what is wrong; exit 1 then.\n"
    "\n"
    "  usher check desk.db && usher backup /backup/desk.db desk.db\n";

const char help_list[] =
    "Usage: usher list [OPTIONS] STORE\n"
    "\n"
    "Tickets, oldest first, a line each: the open ones, unless --state says otherwise.\n"
    "\n"
    "  --state STATE[,...]  scheduled, waiting, claimed, paused, stuck, resolved, closed, "
    "withdrawn;\n"
    "                       or all\n"
    "  --queue NAME         of this queue\n"
    "  --requester NAME     this person is one of those who wait for it\n"
    "  --agent NAME         this agent holds it\n"
    "  --limit N            so many at most, or all; 50 unless said\n"
    "  --json               everything that is known of each\n"
    "\n"
    "  usher list --state waiting,stuck --queue counter desk.db\n"
    "  usher list --json --limit all desk.db | jq '.tickets[] | select(.attempts > 0) | .ticket'\n";

const char help_show[] =
    "Usage: usher show [--json] TICKET STORE\n"
    "\n"
    "How one ticket stands: whose it is, who has it, its place in the line and why, what was "
    "asked\n"
    "and said last, and each promise with its due. Exit 1: there is no such ticket.\n";

const char help_history[] =
    "Usage: usher history [--json] [--limit N] TICKET STORE\n"
    "\n"
    "All that happened to a ticket, in order: when (UTC), how long after the line before, what, "
    "the\n"
    "state it was in then, by whom, and what was said. Exit 1: there is no such ticket.\n";

const char help_stats[] = "Usage: usher stats [--json] STORE\n"
                          "\n"
                          "Tickets by queue and state, promises kept and broken (each ticket's "
                          "latest of a kind), how long\n"
                          "those wait who are in line just now, and who holds how many.\n";

const char help_figures[] =
    "Usage: usher figures [OPTIONS] STORE\n"
    "\n"
    "How the people fared who came: how long half of them and nine of ten waited until they were\n"
    "claimed, told a first word and solved; which share of the promises was kept; how often they\n"
    "had to ask, were passed over, or their trouble came again; who waits now, and since when; "
    "what\n"
    "each agent did; and which symptoms keep coming. By queue, and by priority where it has "
    "several.\n"
    "\n"
    "  --queue NAME  of this queue only\n"
    "  --days N      of the last N days (UTC), today included, up to 32; since ever unless said.\n"
    "                What is now, the agents and the symptoms are told as they stand\n"
    "  --json        everything that is counted\n";

const char help_backup[] =
    "Usage: usher backup [--json] FILE STORE\n"
    "\n"
    "Copies the store into FILE, which must not be there yet: consistent, checked, readable for "
    "its\n"
    "owner only. While a service is at work that was opened with ?readers=1 the copy is the store\n"
    "as it was at one moment. Never copy the file by hand while it is open.\n"
    "\n"
    "  usher backup \"/backup/desk-$(date +%F).db\" desk.db\n";
