"""The command line: which commands there are, what they take and say, how the program ends."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, Callable, NoReturn, Optional

from .._library import VERSION
from ..errors import UsherError
from ..words import State
from . import counts, demo, report, store, tickets, upkeep

OK, PROBLEM, USAGE = 0, 1, 2

_ABOUT = """\
Looks into a store of usher's. Nothing in it is changed, no timer fires.

  info STORE            what is in it, at a glance
  list STORE            its tickets, the open ones unless asked otherwise
  show TICKET STORE     one ticket: who has it, what was promised, what it waits for
  history TICKET STORE  all that happened to it
  stats STORE           the queues, the promises kept and broken, how long people wait
  figures STORE         how people fared: waits, promises kept, causes, agents; by day
  check STORE           is it whole?
  backup FILE STORE     a consistent copy of it, also while a service is at work

  demo                  a morning at a help desk, in memory: what usher is, in half a minute

  --json                for programs: durations in ms, instants in ms since 1970 UTC
  --help, --version     python -m usher COMMAND --help says more about a command

STORE is the file. A running service has it to itself unless it was opened with ?readers=1.
Exit: 0 done, 1 a problem was found or there is no such ticket, 2 usage.
Colours are for terminals; NO_COLOR turns them off.
"""


class _Parser(argparse.ArgumentParser):
    """One line says what is wrong."""

    def error(self, message: str) -> NoReturn:
        command = self.prog.rpartition(" ")[2] if self.prog.count(" ") > 2 else ""
        name = f"usher {command}" if command else "usher"
        see = f"{self.prog} --help"
        self.exit(USAGE, f"{name}: {message}; see {see}\n")


def _number(most: int, what: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not 0 < int(text) <= most:
            raise argparse.ArgumentTypeError(f"{what}, not {text!r}")
        return int(text)

    return read


def _limit(text: str) -> Optional[int]:
    return None if text == "all" else _number(2**32 - 2, 'it takes a number or "all"')(text)


def _states(text: str) -> list[State]:
    """Empty: all."""
    found: list[State] = []
    for word in text.split(","):
        if word == "all":
            return []
        match = [state for state in State if str(state) == word]
        if not match:
            raise argparse.ArgumentTypeError(f"there is no state {word!r}")
        found += match
    return found


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("a name is needed")
    return text


def _store(text: str) -> str:
    return text[7:] if text.startswith("sqlite:") else text


_RAW = argparse.RawDescriptionHelpFormatter
_TICKET = _number(2**64 - 1, "a ticket is a number, and the store comes last")


class _Commands:
    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._all = parser.add_subparsers(
            prog=parser.prog, metavar="COMMAND", required=True, help=argparse.SUPPRESS
        )

    def add(self, run: Callable[[Any], int], name: str, about: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = self._all.add_parser(
            name, description=about, formatter_class=_RAW, allow_abbrev=False
        )
        made.set_defaults(run=run)
        return made

    def look(
        self, run: Callable[[Any], int], name: str, about: str, of: str = ""
    ) -> argparse.ArgumentParser:
        """One that looks into a store; of: what is named before the store."""
        made = self.add(run, name, about)
        if of == "TICKET":
            made.add_argument("ticket", metavar=of, type=_TICKET)
        elif of:
            made.add_argument("file", metavar=of, help="the copy; it must not be there yet")
        made.add_argument("store", metavar="STORE", type=_store, help="the store's file")
        made.add_argument("--json", action="store_true", help="for programs")
        return made


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m usher",
        usage="python -m usher COMMAND [OPTIONS] [TICKET or FILE] STORE",
        description=_ABOUT,
        formatter_class=_RAW,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)
    parser.add_argument(
        "--version", action="version", version=f"usher {VERSION}", help=argparse.SUPPRESS
    )
    commands = _Commands(parser)
    commands.look(
        counts.info,
        "info",
        "What is in a store: its size, how many tickets in which states, its queues, who\n"
        "holds something, the first and the latest ticket, and when one last changed its\n"
        "state.",
    )
    made = commands.look(
        tickets.list_,
        "list",
        "Tickets, oldest first, a line each: the open ones, unless --state says otherwise.",
    )
    made.add_argument(
        "--state",
        metavar="STATE[,...]",
        type=_states,
        default=tickets.OPEN,
        help=f"{', '.join(map(str, State))}; or all",
    )
    made.add_argument("--queue", metavar="NAME", type=_name, help="of this queue")
    made.add_argument(
        "--requester", metavar="NAME", type=_name, help="this person is one of those who wait"
    )
    made.add_argument("--agent", metavar="NAME", type=_name, help="this agent holds it")
    made.add_argument(
        "--limit", metavar="N", type=_limit, default=50, help="so many, or all; 50 unless said"
    )
    commands.look(
        tickets.show,
        "show",
        "How one ticket stands: whose it is, who has it, its place in the line and why,\n"
        "what was asked and said last, and each promise with its due. Exit 1: there is no\n"
        "such ticket.",
        "TICKET",
    )
    made = commands.look(
        tickets.history,
        "history",
        "All that happened to a ticket, in order: when (UTC), how long after the line\n"
        "before, what, the state it was in then, by whom, and what was said. Exit 1: there\n"
        "is no such ticket.",
        "TICKET",
    )
    made.add_argument("--limit", metavar="N", type=_limit, help="so many lines; all unless said")
    commands.look(
        counts.stats,
        "stats",
        "Tickets by queue and state, promises kept and broken (each ticket's latest of a\n"
        "kind), how long those wait who are in line just now, and who holds how many.",
    )
    made = commands.look(
        report.figures,
        "figures",
        "How the people fared who came: how long half of them and nine of ten waited until\n"
        "they were claimed, told a first word and solved; which share of the promises was\n"
        "kept; how often they had to ask, were passed over, or their trouble came again; who\n"
        "waits now, and since when; what each agent did; and which symptoms keep coming. By\n"
        "queue, and by priority where it has several.",
    )
    made.add_argument("--queue", metavar="NAME", type=_name, help="of this queue only")
    made.add_argument(
        "--days",
        metavar="N",
        type=_number(32, "it takes a number of days up to 32"),
        help="of the last N days (UTC), today included, up to 32; since ever unless said."
        " What is now, the agents and the symptoms are told as they stand",
    )
    commands.look(
        upkeep.check,
        "check",
        "Is the store whole? SQLite checks the file, the library every open ticket as it\n"
        "reads it, and then the history of each ticket is followed from its first event to\n"
        "where the ticket stands. Says so in one line, or names what is wrong; exit 1 then.",
    )
    commands.look(
        upkeep.backup,
        "backup",
        "Copies the store into FILE: consistent, checked, readable for its owner only. While\n"
        "a service is at work that was opened with ?readers=1 the copy is the store as it\n"
        "was at one moment. Never copy the file by hand while it is open.",
        "FILE",
    )
    commands.add(demo.demo, "demo", "A morning at a help desk, event by event; nothing is kept.")
    return parser


def main(arguments: list[str]) -> int:
    """The exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if not arguments:
        print(_ABOUT, end="", file=sys.stderr)
        return USAGE
    line = _parser().parse_args(["--help"] if arguments[0] == "help" else arguments)
    try:
        code: int = line.run(line)
        sys.stdout.flush()
        return code
    except store.Problem as problem:
        store.complain(str(problem))
    except UsherError as error:
        store.complain(f"{getattr(line, 'store', 'demo')}: {store.said(error)}")
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # `| head` has seen enough
            store.complain(f"the output cannot be written: {error.strerror}")
        # What is still buffered goes nowhere, or Python would try once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return PROBLEM
