#!/usr/bin/env python3
"""usher-calendar from outside: python3 tests/calendar/test_calendar.py PATH_TO_usher-calendar"""
import datetime
import errno
import json
import os
import pathlib
import pty
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import unittest
import zoneinfo

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = "usher-calendar"
OFFICE = {"zone": "Europe/Berlin",
          "week": {"mon-thu": [["08:00", "12:00"], ["13:00", "17:30"]], "fri": [["08:00", "14:00"]]},
          "special": {"2026-12-24": [["08:00", "12:00"]]}, "holidays": ["2026-12-25", "*-01-01"]}
MINUTE, HOUR = 60, 3600


def environment(**changes):
    plain = {k: v for k, v in os.environ.items() if k not in ("TZ", "NO_COLOR", "LANG", "LC_CTYPE")}
    return {**plain, "LC_ALL": "C.UTF-8", "TERM": "xterm", **changes}


def run(*arguments, stdin=None, **changes):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, timeout=60, input=stdin,
                          env=environment(**changes))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def daily(*windows):
    return {"mon-sun": list(windows)}


class WithFiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def policy(self, calendars=None, **more):
        if calendars is None:
            calendars = {"office": OFFICE}
        calendars = {name: {"zone": "UTC", **calendar} for name, calendar in calendars.items()}
        return self.file("policy.json", json.dumps({"calendars": calendars, **more}))

    def shown(self, *arguments, **changes):
        code, out, err = run(*arguments, **changes)
        self.assertEqual((code, err), (0, ""))
        for line in out.splitlines():
            self.assertEqual(line, line.rstrip())
            self.assertNotIn("\033", line)
        return out

    def refused(self, code, expected, *arguments, **changes):
        got, out, err = run(*arguments, **changes)
        self.assertEqual((got, out), (code, ""), err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn(expected, err)
        self.assertTrue(err.startswith("usher-calendar: "), err)


class Usage(WithFiles):
    def test_help_and_version(self):
        code, out, err = run("--help")
        self.assertEqual((code, err), (0, ""))
        for part in ("--week", "--add", "--between", "--from", "--holidays", "--ascii", "--all", "Exit:", "NO_COLOR"):
            self.assertIn(part, out)
        self.assertLessEqual(max(map(len, out.splitlines())), 100)
        self.assertRegex(run("--version")[1], r"^usher-calendar \d+\.\d+\.\d+\n$")
        code, out, err = run()
        self.assertEqual((code, out), (2, ""))
        self.assertTrue(err.startswith("Usage: "))

    def test_what_cannot_be_asked(self):
        policy = self.policy()
        for expected, *arguments in (
                ("there is no option --frob", policy, "--frob"),
                ("one word too many: b", policy, "a", "b"),
                ("which policy?", "--week", "2026-01-01"),
                ("a value is needed after --week", policy, "--week"),
                ("a value is needed after --add", policy, "--add="),
                ("two instants are needed after --between", policy, "--between", "2026-01-01"),
                ("one of --week, --add and --between at a time", policy, "--week", "2026-01-01", "--add", "8h"),
                ("--from goes with --add", policy, "--from", "2026-01-01"),
                ("twice is once too often: --add", policy, "--add", "1h", "--add", "2h"),
                ("--holidays stands alone", policy, "--holidays", "x.ics"),
                ("--add takes a duration such as 8h, 1h30m or 2wd, not -8h", policy, "--add", "-8h"),
                ("--add takes a duration", policy, "--add", '1h"')):
            self.refused(2, expected, *arguments)
            self.refused(2, "see usher-calendar --help", *arguments)

    def test_files_that_are_no_policy(self):
        self.refused(1, "nix.json: No such file or directory", "nix.json")
        self.refused(1, f"{self.folder}: Is a directory", self.folder)
        self.refused(1, "policy.json:2: ", self.file("policy.json", "{\n!}"))
        self.refused(1, "it is not text", self.file("policy.json", "{}\0"))
        self.refused(1, "larger than a policy may be", "/dev/zero")
        self.refused(1, "policy.json: policy: ", self.file("policy.json", "[]"))
        self.refused(1, "there is no calendar in it: its promises run around the clock", self.file("policy.json", "{}"))

    def test_the_library_has_the_say(self):
        for change, expected in (({"zone": "Europe/Berln"}, 'calendars.office.zone: "Europe/Berln"'),
                                 ({"week": {"mon": [["08:00", "08:00"]]}}, "calendars.office.week.mon"),
                                 ({"week": {}}, "calendars.office"),
                                 ({"holidays": ["2026-02-29"]}, "calendars.office.holidays"),
                                 ({"frob": 1}, "calendars.office.frob")):
            policy = self.policy({"office": {**OFFICE, "special": {}, **change}})
            for more in ([], ["office", "--add", "1h", "--from", "2026-01-01"]):
                self.refused(1, f"{policy}: policy: {expected}", policy, *more)
        # Also about what is not shown of it.
        self.refused(1, "policy: promises.ack.target", self.policy(promises={"ack": {"target": "soon"}}))

    def test_which_calendar(self):
        policy = self.policy({"office": OFFICE, "night": {"week": daily(["22:00", "06:00"])}})
        self.refused(1, 'there is no calendar "day" in it, but office, night', policy, "day")
        self.refused(1, "which calendar? There are office, night", policy, "--add", "1h")
        self.assertIn("of office", self.shown(self.policy(), "--add", "1h"))

    def test_instants_that_are_none(self):
        policy = self.policy()
        for when, expected in (("soon", "write it as 2026-12-24"), ("2026-02-29", "no such date"), ("2100-02-29", "no such date"),
                               ("2026-12-24 25:00", "write it as"), ("2026-12-24 24:01", "a day ends at 24:00"),
                               ("2026-12-24 10:60", "write it as"), ("2026-12-24 10", "write it as"),
                               ("2026-12-24 10:00+1", "write it as"), ("2026-12-24 10:00 ", "write it as"),
                               ("1969-12-31 10:00", "only the years 1970 to 9999"), ("2026-1-1", "write it as"), ("-", "write it as")):
            self.refused(1, f"--from {when}: {expected}", policy, "--add", "1h", f"--from={when}")
        self.refused(1, "--between 2026-13-01: no such date", policy, "--between", "2026-01-01", "2026-13-01")
        self.refused(1, "the second instant has to be after the first", policy, "--between", "2026-01-02", "2026-01-02")
        self.refused(1, "--week 24.12.2026: write it as 2026-12-24", policy, "--week", "24.12.2026")
        for week in ("1970-01-01", "9999-12-31"):
            self.refused(1, "only whole weeks of the years 1970 to 9999", policy, "--week", week)


class Weeks(WithFiles):
    SCREEN = """\
office (Europe/Berlin), Mon 21 Dec to Sun 27 Dec 2026

              0     3     6     9     12    15    18    21    24
  Mon 21 Dec  ················████████··█████████·············  08:00-12:00 13:00-17:30  8 h 30 min
  Tue 22 Dec  ················████████··█████████·············  08:00-12:00 13:00-17:30  8 h 30 min
  Wed 23 Dec  ················████████··█████████·············  08:00-12:00 13:00-17:30  8 h 30 min
  Thu 24 Dec  ················████████························  08:00-12:00  4 h, special day
  Fri 25 Dec  ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  closed, holiday 2026-12-25
  Sat 26 Dec  ················································  closed
  Sun 27 Dec  ················································  closed
                                                                open 29 h 30 min
"""

    def week(self, calendar, date, *more, **changes):
        return self.shown(self.policy({"it": calendar}), "it", "--week", date, *more, **changes)

    def row(self, shown, day):
        """The bar, what is said beside it, and what the clock did."""
        lines = shown.splitlines()
        i = next(i for i, line in enumerate(lines) if line.startswith(f"  {day} "))
        note = lines[i + 1].strip() if lines[i + 1].startswith(" " * 14 + "the clock") else ""
        return lines[i][14:62], lines[i][64:], note

    def open_time(self, shown):
        return re.search(r"open (.*)$", shown.splitlines()[-1]).group(1)

    def test_the_whole_screen(self):
        policy = self.policy()
        for date in ("2026-12-21", "2026-12-24", "2026-12-27"):
            self.assertEqual(self.shown(policy, "office", "--week", date), self.SCREEN)
        self.assertEqual(self.shown(policy, "--week=2026-12-24"), self.SCREEN)
        # The zone of whoever asks does not matter, nor does his locale but for the blocks.
        self.assertEqual(self.shown(policy, "--week", "2026-12-24", TZ="Asia/Tokyo"), self.SCREEN)
        ascii_screen = self.SCREEN.translate(str.maketrans("·█╌", ".#-"))
        self.assertEqual(self.shown(policy, "--week", "2026-12-24", "--ascii"), ascii_screen)
        self.assertEqual(self.shown(policy, "--week", "2026-12-24", LC_ALL="C"), ascii_screen)

    def test_all_calendars_one_after_another(self):
        policy = self.policy({"office": OFFICE, "night shift": {"week": daily(["22:00", "06:00"])}})
        shown = self.shown(policy, "--week", "2026-12-24")
        self.assertTrue(shown.startswith(self.SCREEN + "\nnight shift (UTC), Mon 21 Dec to Sun 27 Dec 2026\n"))
        self.assertEqual(self.open_time(shown), "56 h")

    def test_this_week_unless_said_otherwise(self):
        policy = self.policy()
        for _ in range(2): # midnight may pass between two looks at the clock
            today = datetime.datetime.now(zoneinfo.ZoneInfo("Europe/Berlin"))
            shown = [self.shown(policy), self.shown(policy, "--week", "now")]
            if today.date() == datetime.datetime.now(zoneinfo.ZoneInfo("Europe/Berlin")).date():
                break
        for screen in shown:
            self.assertIn(f"\n  {today:%a} {today.day} {today:%b} ", screen)

    def test_parts_of_an_hour_and_of_a_day(self):
        shown = self.week({"week": {"mon": [["08:15", "09:15"]], "tue": [["00:00", "24:00"]], "wed": [["22:15", "06:00"]],
                                    "fri": [[f"{h:02}:00", f"{h:02}:20"] for h in range(8, 15)]}}, "2026-06-01")
        self.assertEqual(self.row(shown, "Mon 1 Jun"), ("·" * 16 + "▐█▌" + "·" * 29, "08:15-09:15  1 h", ""))
        self.assertEqual(self.row(shown, "Tue 2 Jun"), ("█" * 48, "00:00-24:00  24 h", ""))
        self.assertEqual(self.row(shown, "Wed 3 Jun"), ("·" * 44 + "▐███", "22:15-24:00  1 h 45 min", ""))
        self.assertEqual(self.row(shown, "Thu 4 Jun"), ("█" * 12 + "·" * 36, "00:00-06:00  6 h", ""))
        self.assertEqual(self.row(shown, "Fri 5 Jun")[1], "7 windows, 08:00-14:20  2 h 20 min")
        self.assertEqual(self.open_time(shown), "35 h 5 min")

    def test_what_a_day_is_called(self):
        shown = self.week({**OFFICE, "special": {"2026-12-31": [["09:00", "10:00"]], "2027-01-01": [["09:00", "10:00"]],
                                                 "2027-01-02": []}}, "2027-01-01")
        self.assertIn("it (Europe/Berlin), Mon 28 Dec 2026 to Sun 3 Jan 2027", shown)
        self.assertEqual(self.row(shown, "Thu 31 Dec")[1], "09:00-10:00  1 h, special day")
        self.assertEqual(self.row(shown, "Fri 1 Jan"), ("╌" * 48, "closed, holiday *-01-01", ""))
        self.assertEqual(self.row(shown, "Sat 2 Jan"), ("·" * 48, "closed, special day", ""))
        # A night that began before goes on into a holiday.
        shown = self.week({"week": daily(["20:00", "04:00"]), "holidays": ["2026-06-02"]}, "2026-06-02")
        self.assertEqual(self.row(shown, "Tue 2 Jun"), ("█" * 8 + "╌" * 40, "00:00-04:00  4 h, holiday 2026-06-02", ""))
        self.assertEqual(self.row(shown, "Wed 3 Jun")[1], "20:00-24:00  4 h")

    def test_a_clock_that_goes_forward(self):
        shown = self.week({"zone": "America/New_York", "week": daily(["00:30", "04:00"])}, "2026-03-08")
        self.assertEqual(self.row(shown, "Sun 8 Mar"),
                         ("·███  ██" + "·" * 40, "00:30-02:00 03:00-04:00  2 h 30 min",
                          "the clock goes forward 1 h: 02:00 is followed by 03:00"))
        self.assertEqual(self.row(shown, "Sat 7 Mar"), ("·███████" + "·" * 40, "00:30-04:00  3 h 30 min", ""))
        self.assertEqual(self.open_time(shown), "23 h 30 min")
        shown = self.week({"zone": "Australia/Lord_Howe", "week": daily(["01:00", "03:00"])}, "2026-10-04")
        self.assertEqual(self.row(shown, "Sun 4 Oct"),
                         ("··██ █" + "·" * 42, "01:00-02:00 02:30-03:00  1 h 30 min",
                          "the clock goes forward 30 min: 02:00 is followed by 02:30"))
        # At midnight.
        shown = self.week({"zone": "America/Sao_Paulo", "week": daily(["22:00", "02:00"])}, "2017-10-15")
        self.assertEqual(self.row(shown, "Sat 14 Oct")[1:], ("00:00-02:00 22:00-24:00  4 h",
                                                             "the clock goes forward 1 h: 24:00 is followed by 01:00"))
        self.assertEqual(self.row(shown, "Sun 15 Oct"), ("  ██" + "·" * 40 + "████", "01:00-02:00 22:00-24:00  3 h", ""))
        # Between two of these weeks.
        shown = self.week({"zone": "America/Sao_Paulo", "week": daily(["00:00", "24:00"])}, "2018-11-05")
        self.assertEqual(self.row(shown, "Sun 11 Nov")[1:], ("00:00-24:00  24 h", ""))
        shown = self.week({"zone": "Africa/Cairo", "week": daily(["00:00", "24:00"])}, "2026-04-24")
        self.assertEqual(self.row(shown, "Fri 24 Apr"), ("  " + "█" * 46, "01:00-24:00  23 h", ""))
        self.assertEqual(self.open_time(shown), "167 h")
        # In the very first hour of a week.
        shown = self.week({"zone": "Africa/Casablanca", "week": daily(["00:00", "02:00"])}, "2009-06-01")
        self.assertEqual(self.row(shown, "Mon 1 Jun"),
                         ("  ██" + "·" * 44, "01:00-02:00  1 h", "the clock goes forward 1 h: 24:00 is followed by 01:00"))

    def test_a_clock_that_goes_back(self):
        shown = self.week({"zone": "Europe/Berlin", "week": daily(["01:00", "04:00"])}, "2026-10-25")
        self.assertEqual(self.row(shown, "Sun 25 Oct"),
                         ("··██████" + "·" * 40, "01:00-03:00 02:00-04:00  4 h",
                          "the clock goes back 1 h: 03:00 is followed by 02:00"))
        self.assertEqual(self.open_time(shown), "22 h")
        # Over midnight, into the day before: St. John's until 2011.
        shown = self.week({"zone": "America/St_Johns", "week": daily(["00:00", "24:00"])}, "2010-11-07")
        self.assertEqual(self.row(shown, "Sat 6 Nov")[1:], ("00:00-24:00 23:01-24:00  24 h 59 min", ""))
        self.assertEqual(self.row(shown, "Sun 7 Nov")[1:], ("00:00-00:01 00:00-24:00  24 h 1 min",
                                                            "the clock goes back 1 h: 00:01 is followed by 23:01"))
        self.assertEqual(self.open_time(shown), "169 h")

    def test_a_date_that_was_skipped(self):
        shown = self.week({"zone": "Pacific/Apia", "week": {"mon-fri": [["08:00", "17:00"]], "sat": [["20:00", "04:00"]]}},
                          "2011-12-30")
        self.assertEqual(self.row(shown, "Thu 29 Dec")[1:],
                         ("08:00-17:00  9 h", "the clock goes forward 24 h: 24:00 is followed by Sat 31 Dec 00:00"))
        self.assertEqual(self.row(shown, "Fri 30 Dec"), (" " * 48, "there was no such date here", ""))
        self.assertEqual(self.row(shown, "Sat 31 Dec"), ("·" * 40 + "█" * 8, "20:00-24:00  4 h", ""))
        self.assertEqual(self.open_time(shown), "44 h")

    def test_what_the_policy_says_then(self):
        policy = self.policy({"it": {"week": {}, "special": {"2099-06-01": [["08:00", "12:00"]]}}})
        self.refused(1, f"{policy}: policy: calendars.it: no opening", policy)
        soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=8)).date().isoformat()
        policy = self.policy({"it": {"week": {}, "special": {soon: [["08:00", "12:00"]]}}})
        self.assertEqual(self.open_time(self.shown(policy, "--week", soon)), "4 h")
        self.refused(1, "seen from Mon 2 Jun 2098 00:00: policy: calendars.it: no opening", policy, "--week", "2098-06-03")

    def test_the_ends_of_time(self):
        self.assertEqual(self.open_time(self.week(OFFICE, "1970-01-05")), "40 h")
        self.assertEqual(self.open_time(self.week({"week": daily(["08:00", "09:00"])}, "9999-12-20")), "7 h")

    def test_colours_are_for_terminals(self):
        policy = self.policy()
        self.assertIn("\033[32m", on_terminal(policy, "--week", "2026-12-24"))
        self.assertIn("\033[33mholiday\033[0m", on_terminal(policy, "--week", "2026-12-24"))
        for changes in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertEqual(on_terminal(policy, "--week", "2026-12-24", **changes), self.SCREEN)
        plain = re.sub("\033\\[[0-9;]*m", "", on_terminal(policy, "--week", "2026-12-24"))
        self.assertEqual(plain, self.SCREEN)

    def test_a_name_cannot_steer_the_terminal(self):
        shown = self.shown(self.policy({"\x1b[31m": OFFICE}), "--week", "2026-12-24")
        self.assertTrue(shown.startswith("?[31m (Europe/Berlin)"))


def on_terminal(*arguments, **changes):
    try:
        leader, follower = pty.openpty()
    except OSError as error:
        raise unittest.SkipTest(f"no terminal to be had: {error}")
    process = subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=follower, env=environment(**changes))
    os.close(follower)
    shown = b""
    while True:
        try:
            some = os.read(leader, 65536)
        except OSError as error: # Linux says EIO when its last user has closed it, others that it is the end
            if error.errno != errno.EIO:
                raise
            some = b""
        if not some:
            break
        shown += some
    os.close(leader)
    process.wait(60)
    return shown.decode().replace("\r\n", "\n")


# ---- sums ----------------------------------------------------------------------------------------------------------------

def seconds(words):
    """ "8 h 30 min" """
    units = {"h": HOUR, "min": MINUTE, "s": 1}
    return sum(int(n) * units[u] for n, u in re.findall(r"(\d+) (h|min|s)\b", words))


def windows_of(calendar, day):
    """What the policy says of a date, as open and close in minutes."""
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    iso = day.isoformat()
    if iso in calendar.get("holidays", ()) or f"*{iso[4:]}" in calendar.get("holidays", ()):
        return []
    said = calendar["week"].get("mon-sun", [])
    for name in (calendar["week"] if "mon-sun" not in calendar["week"] else ()):
        first, _, last = name.partition("-")
        if days.index(first) <= day.weekday() <= days.index(last or first):
            said = calendar["week"][name]
    said = calendar.get("special", {}).get(iso, said)
    minutes = [[int(t[:2]) * 60 + int(t[3:]) for t in w] for w in said]
    return [(a, b if b > a else b + 1440) for a, b in minutes]


def add_by_hand(calendar, start, wanted):
    """Minute by minute: when `wanted` minutes have passed. In zones and at dates without a change of the clock in between."""
    zone = zoneinfo.ZoneInfo(calendar.get("zone", "UTC"))
    at = start
    while True:
        local = at.astimezone(zone)
        of_day = local.hour * 60 + local.minute
        if any(a <= of_day + back * 1440 < b for back in (0, 1)
               for a, b in windows_of(calendar, local.date() - datetime.timedelta(days=back))):
            wanted -= 1
        at += datetime.timedelta(minutes=1)
        if wanted == 0:
            return at


class Sums(WithFiles):
    SCREEN = """\
Mon 28 Dec 2026 14:00 is 8h of office (Europe/Berlin) after Thu 24 Dec 2026 09:00

  from              to                lasts           counts  so far
  Thu 24 Dec 09:00  Thu 24 Dec 12:00    3 h  open        3 h     3 h
  Thu 24 Dec 12:00  Fri 25 Dec 00:00   12 h  closed
  Fri 25 Dec 00:00  Sat 26 Dec 00:00   24 h  holiday                  2026-12-25
  Sat 26 Dec 00:00  Mon 28 Dec 08:00   56 h  closed
  Mon 28 Dec 08:00  Mon 28 Dec 12:00    4 h  open        4 h     7 h
  Mon 28 Dec 12:00  Mon 28 Dec 13:00    1 h  closed
  Mon 28 Dec 13:00  Mon 28 Dec 14:00    1 h  open        1 h     8 h

  together 8 h
"""

    def add(self, calendar, target, when):
        shown = self.shown(self.policy({"it": calendar}), "--add", target, "--from", when)
        return re.match(r"(.*?) is \S+ of it ", shown).group(1), shown

    def check_rows(self, shown):
        """The list adds up, and each row begins where the one before ends."""
        rows = [re.split(r"\s{2,}", line.strip()) for line in shown.splitlines()[3:] if re.match(r"  [A-Z]", line)]
        sum_so_far = 0
        for i, row in enumerate(rows):
            if i > 0:
                self.assertEqual(row[0], rows[i - 1][1])
            if row[3] == "open":
                self.assertEqual(row[2], row[4])
                sum_so_far += seconds(row[4])
                self.assertEqual(seconds(row[5]), sum_so_far)
            else:
                self.assertIn(row[3], ("closed", "holiday"))
        self.assertEqual(seconds(re.search(r"together (.*?)(,|$)", shown.splitlines()[-1]).group(1)), sum_so_far)
        return rows

    def test_the_whole_screen(self):
        policy = self.policy()
        self.assertEqual(self.shown(policy, "office", "--add", "8h", "--from", "2026-12-24 09:00"), self.SCREEN)
        for when in ("2026-12-24T09:00", "2026-12-24 09:00:00", "2026-12-24T08:00Z", "2026-12-24T03:30-04:30"):
            self.assertEqual(self.shown(policy, "--add=8h", f"--from={when}", TZ="Asia/Tokyo"), self.SCREEN)

    def test_working_days(self):
        for target, when, due in (("1wd", "2026-12-23 10:00", "Thu 24 Dec 2026 10:00"),
                                  ("2wd", "2026-12-23 10:00", "Mon 28 Dec 2026 10:00"),
                                  ("1wd", "2026-12-23 16:00", "Mon 28 Dec 2026 08:00"),  # closed on the 24th at 16:00
                                  ("1wd", "2026-12-26 16:00", "Mon 28 Dec 2026 16:00"),  # a closed day: Monday is the first
                                  ("3wd", "2026-12-28 12:30", "Thu 31 Dec 2026 13:00"),  # 12:30 is in the lunch break
                                  ("10wd", "2026-06-01 09:00", "Mon 15 Jun 2026 09:00")):
            got, shown = self.add(OFFICE, target, when)
            self.assertEqual(got, due, (target, when))
            self.check_rows(shown)
            self.assertIn(f", which is what {target} are from there", shown.splitlines()[-1])

    def test_against_a_sum_by_hand(self):
        draw = random.Random(4)
        calendars = (OFFICE, {"zone": "Asia/Kolkata", "week": daily(["22:15", "06:00"]), "holidays": ["2026-06-07", "*-06-11"]},
                     {"zone": "America/St_Johns", "week": {"mon-wed": [["00:00", "24:00"]], "sat": [["09:00", "09:01"]]}})
        for i in range(24):
            calendar = calendars[i % 3]
            zone = zoneinfo.ZoneInfo(calendar["zone"])
            start = datetime.datetime(2026, 6, 1, tzinfo=zone) + datetime.timedelta(minutes=draw.randrange(20 * 1440))
            minutes = draw.choice((1, 60, 480, draw.randrange(1, 3000)))
            due = add_by_hand(calendar, start, minutes).astimezone(zone)
            got, shown = self.add(calendar, f"{minutes}m", start.strftime("%Y-%m-%d %H:%M"))
            # An hour that ends at closing ends there, and not at the next opening: by_hand stops as soon as it is full.
            midnight = f"{due:%a} {due.day} {due:%b %Y %H:%M}"
            self.assertEqual(got, midnight, (calendar, start, minutes))
            self.check_rows(shown)

    def test_between_is_the_inverse(self):
        policy = self.policy()
        shown = self.shown(policy, "--between", "2026-12-24 09:00", "2026-12-28 14:00")
        self.assertTrue(shown.startswith("8 h of office (Europe/Berlin) lie between Thu 24 Dec 2026 09:00 and Mon 28 Dec 2026 14:00\n"))
        self.assertEqual(shown.splitlines()[2:], self.SCREEN.splitlines()[2:])
        shown = self.shown(policy, "--between", "2026-12-24 20:00", "2026-12-27")
        self.assertTrue(shown.startswith("0 of office"))
        self.assertEqual([r[3] for r in self.check_rows(shown)], ["closed", "holiday", "closed"])
        shown = self.shown(policy, "--between", "2026-12-24 10:00:30", "2026-12-24 10:01:35")
        self.assertTrue(shown.startswith("1 min 5 s of office"))

    def test_holidays_are_named(self):
        calendar = {"week": daily(["08:00", "16:00"]), "holidays": ["*-12-25", "2026-12-26", "2026-12-28"]}
        _, shown = self.add(calendar, "10h", "2026-12-24 15:00")
        self.assertEqual([r[3:] for r in self.check_rows(shown)][1:5],
                         [["closed"], ["holiday", "*-12-25, 2026-12-26"], ["closed"], ["open", "8 h", "9 h"]])

    def test_clocks_that_change_on_the_way(self):
        got, shown = self.add({"zone": "America/New_York", "week": daily(["00:30", "04:00"])}, "4h", "2026-10-31 23:00")
        self.assertEqual(got, "Sun 1 Nov 2026 03:30-05:00")
        self.assertEqual(self.check_rows(shown)[1][:3], ["Sun 1 Nov 00:30-04:00", "Sun 1 Nov 03:30-05:00", "4 h"])
        got, _ = self.add({"zone": "Pacific/Apia", "week": {"mon-sat": [["08:00", "17:00"]]}}, "9h", "2011-12-29 12:00")
        self.assertEqual(got, "Sat 31 Dec 2011 12:00+14:00")
        # A start that the wall skips, and one that it shows twice.
        berlin = {"zone": "Europe/Berlin", "week": daily(["00:00", "24:00"])}
        self.assertEqual(self.add(berlin, "1h", "2026-03-29 02:30")[0], "Sun 29 Mar 2026 04:30")
        self.assertEqual(self.add(berlin, "1h", "2026-10-25 02:30")[0], "Sun 25 Oct 2026 02:30+01:00")

    def test_what_cannot_be_added(self):
        policy = self.policy()
        for target, expected in (("3d", "nobody agrees"), ("1w", "nobody agrees"), ("8x", "--add: "), ("0h", "--add: "),
                                 ("1wd2h", "--add: "), ("100000wd", "--add: ")):
            self.refused(1, expected, policy, "--add", target)
            self.refused(1, f'--add: "{target}"', policy, "--add", target)

    def test_a_calendar_that_runs_dry(self):
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=8)
        policy = self.policy({"it": {"week": {}, "special": {soon.date().isoformat(): [["08:00", "12:00"]]}}})
        self.refused(1, "never: from ", policy, "--add", "5h")
        self.assertIn("together 4 h", self.shown(policy, "--add", "4h"))
        self.assertTrue(self.shown(policy, "--between", "now", f"{soon.year + 20}-01-01").startswith("4 h of it (UTC)"))

    def test_long_lists(self):
        policy = self.policy()
        shown = self.shown(policy, "--between", "2024-01-01", "2026-01-01")
        self.assertEqual(len(shown.splitlines()), 3 + 81 + 1 + 2)
        self.assertRegex(shown, r"\n  \.\.\. +[\d,]+ more\n")
        whole = self.shown(policy, "--between", "2024-01-01", "2026-01-01", "--all")
        self.assertEqual(shown.splitlines()[0], whole.splitlines()[0])
        self.assertEqual(len(self.check_rows(whole)), int(re.search(r"([\d,]+) more", shown).group(1).replace(",", "")) + 80)
        self.assertIn("Wed 31 Dec 2025 17:30+01:00", whole)
        self.assertIn("Tue 1 Jul 2025 17:30+02:00", whole)


# ---- iCalendar -----------------------------------------------------------------------------------------------------------

def event(*lines, uid=None):
    return "\r\n".join(["BEGIN:VEVENT", *([f"UID:{uid}"] if uid else []), *lines, "END:VEVENT", ""])


def ics(*events):
    return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + "".join(events) + "END:VCALENDAR\r\n"


def limited(*arguments):
    """Run with 20 s of a processor and 256 MiB; a build with a sanitizer, which wants terabytes of addresses for itself, with ten
    times the former and all it likes."""
    def start(command, memory):
        def limit():
            resource.setrlimit(resource.RLIMIT_CPU, (20 if memory else 200,) * 2)
            if memory:
                resource.setrlimit(resource.RLIMIT_AS, (256 << 20,) * 2)
        # Strict string checks read on to the end of a file of 16 MiB at every call that takes a string.
        checks = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":strict_string_checks=0"}
        return subprocess.run([PROGRAM, *map(str, command)], capture_output=True, timeout=200, env=environment(**checks),
                              preexec_fn=limit)
    return start(arguments, start(["--version"], True).returncode == 0)


class Holidays(WithFiles):
    def convert(self, text, *more):
        code, out, err = run("--holidays", self.file("days.ics", text), *more)
        self.assertEqual(code, 0, err)
        dates = json.loads(out)
        self.assertEqual(dates, sorted(set(dates)))
        self.notes = err
        return dates

    def dates(self, *lines):
        return self.convert(ics(event(*lines)), "--from", "2026-01-01")

    def test_one_day_several_days(self):
        self.assertEqual(self.dates("DTSTART;VALUE=DATE:20260403", "DTEND;VALUE=DATE:20260404"), ["2026-04-03"])
        self.assertEqual(self.notes.count("\n"), 1)
        self.assertRegex(self.notes, r"days\.ics: 1 date of 1 event\n")
        days = ["2026-12-30", "2026-12-31", "2027-01-01"]
        self.assertEqual(self.dates("DTSTART;VALUE=DATE:20261230", "DTEND;VALUE=DATE:20270102"), days)
        self.assertEqual(self.dates("DTSTART;VALUE=DATE:20261230", "DURATION:P3D"), days)
        self.assertEqual(len(self.dates("DTSTART;VALUE=DATE:20261230", "DURATION:P1W")), 7)
        # Without an end, or with one that is the beginning: that day.
        self.assertEqual(self.dates("DTSTART;VALUE=DATE:20260403"), ["2026-04-03"])
        self.assertEqual(self.dates("DTSTART:20260403", "DTEND:20260403"), ["2026-04-03"])

    def test_every_year(self):
        for rule in ("FREQ=YEARLY", "FREQ=YEARLY;INTERVAL=1", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25", "FREQ=YEARLY;BYMONTH=12",
                     "freq=yearly;bymonthday=25;bymonth=12;wkst=su"):
            self.assertEqual(self.dates("DTSTART;VALUE=DATE:16011225", f"RRULE:{rule}"), ["*-12-25"], rule)
            self.assertEqual(self.notes.count("\n"), 1)
        self.assertEqual(self.dates("DTSTART;VALUE=DATE:20001231", "DURATION:P2D", "RRULE:FREQ=YEARLY"), ["*-01-01", "*-12-31"])
        self.assertEqual(self.dates("DTSTART;VALUE=DATE:20000229", "RRULE:FREQ=YEARLY"), ["*-02-29"])
        # 28 February and the day after are not the same in each year.
        self.assertEqual(self.dates("DTSTART;VALUE=DATE:20200228", "DURATION:P2D", "RRULE:FREQ=YEARLY")[:4],
                         ["2026-02-28", "2026-03-01", "2027-02-28", "2027-03-01"])
        # One that begins in the future is not every year's.
        self.assertEqual(self.dates("DTSTART;VALUE=DATE:20300617", "RRULE:FREQ=YEARLY"),
                         [f"{y}-06-17" for y in range(2030, 2036)])
        self.assertIn("each date written out (2026 to 2035)", self.notes)

    def test_a_date_of_every_year_is_not_named_twice(self):
        self.assertEqual(self.convert(ics(event("DTSTART;VALUE=DATE:20200101", "RRULE:FREQ=YEARLY"),
                                          event("DTSTART;VALUE=DATE:20270101"), event("DTSTART;VALUE=DATE:20270102"),
                                          event("DTSTART;VALUE=DATE:20270102"))), ["*-01-01", "2027-01-02"])

    def test_other_rules_are_written_out_for_ten_years(self):
        def easter_like(rule, start="19700101"):
            return self.dates(f"DTSTART;VALUE=DATE:{start}", f"RRULE:{rule}")
        def nth(year, month, weekday, n):
            days = [d for d in (datetime.date(year, month, 1) + datetime.timedelta(i) for i in range(31))
                    if d.month == month and d.weekday() == weekday]
            return days[n].isoformat()
        years = range(2026, 2036)
        self.assertEqual(easter_like("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "19701126"), [nth(y, 11, 3, 3) for y in years])
        self.assertEqual(easter_like("FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO", "19700525"), [nth(y, 5, 0, -1) for y in years])
        self.assertEqual(easter_like("FREQ=MONTHLY;BYDAY=+1MO;UNTIL=20260401T235959Z"),
                         [nth(2026, m, 0, 0) for m in (1, 2, 3)])
        self.assertEqual(easter_like("FREQ=YEARLY;BYDAY=1MO;UNTIL=20280101"), ["2026-01-05", "2027-01-04"])
        self.assertEqual(easter_like("FREQ=YEARLY;INTERVAL=4", "20000101"), ["2028-01-01", "2032-01-01"])
        self.assertEqual(easter_like("FREQ=YEARLY;COUNT=3", "20250601"), ["2026-06-01", "2027-06-01"])
        self.assertEqual(easter_like("FREQ=YEARLY;BYYEARDAY=-1,1;UNTIL=20270601", "20200101"),
                         ["2026-01-01", "2026-12-31", "2027-01-01"])
        self.assertEqual(easter_like("FREQ=WEEKLY;INTERVAL=2;COUNT=3", "20260601"), ["2026-06-01", "2026-06-15", "2026-06-29"])
        self.assertEqual(easter_like("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,TU;COUNT=4", "20260602"),
                         ["2026-06-02", "2026-06-14", "2026-06-16", "2026-06-28"])
        self.assertEqual(easter_like("FREQ=DAILY;COUNT=3", "20260601"), ["2026-06-01", "2026-06-02", "2026-06-03"])
        # The first day counts even if its own rule does not name it.
        self.assertEqual(easter_like("FREQ=WEEKLY;BYDAY=MO;COUNT=2", "20260602"), ["2026-06-02", "2026-06-08"])
        self.assertEqual(easter_like("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", "20260131"), ["2026-01-31", "2026-02-28", "2026-03-31"])
        self.assertEqual(easter_like("FREQ=MONTHLY;COUNT=3", "20260131"), ["2026-01-31", "2026-03-31", "2026-05-31"])
        self.assertEqual(easter_like("FREQ=YEARLY;BYMONTH=6,8;BYMONTHDAY=1;UNTIL=20261231", "20260601"), ["2026-06-01", "2026-08-01"])
        self.assertEqual(easter_like("FREQ=YEARLY;BYMONTHDAY=13;BYDAY=FR;UNTIL=20271231", "20260213"),
                         ["2026-02-13", "2026-03-13", "2026-11-13", "2027-08-13"])

    def test_a_rule_that_is_over(self):
        text = ics(event("DTSTART;VALUE=DATE:20000101", "RRULE:FREQ=YEARLY;UNTIL=20101231", "SUMMARY:Old"),
                   event("DTSTART;VALUE=DATE:20260403"))
        self.assertEqual(self.convert(text, "--from", "2026-01-01"), ["2026-04-03"])
        self.assertIn("1 that repeat, but not in the years written out: left out (2026 to 2035); the first is line 4, Old", self.notes)

    def test_rules_that_are_not_understood_are_said(self):
        for rule in ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1", "FREQ=YEARLY;BYWEEKNO=20", "FREQ=HOURLY", "BYMONTH=3", "FREQ=WEEKLY;BYDAY=1MO",
                     "FREQ=YEARLY;BYMONTH=13", "FREQ=YEARLY;INTERVAL=0", "FREQ=DAILY;COUNT=-1", "nonsense", "FREQ=YEARLY;UNTIL=soon",
                     "FREQ=YEARLY;BYMONTHDAY=" + ",".join("1" for _ in range(40)), "FREQ=" + "X" * 5000):
            self.assertEqual(self.dates("DTSTART;VALUE=DATE:20260601", f"RRULE:{rule}", "SUMMARY:Odd"), ["2026-06-01"], rule)
            self.assertIn("1 that repeat by a rule that is not understood: only their first date; the first is line 4, Odd: " +
                          rule[:40], self.notes)

    def test_exceptions(self):
        yearly = ("DTSTART;VALUE=DATE:20200601", "RRULE:FREQ=YEARLY")
        self.assertEqual(self.dates(*yearly, "EXDATE;VALUE=DATE:20270601,20290601", "EXDATE:20280601T000000Z")[:3],
                         ["2026-06-01", "2030-06-01", "2031-06-01"])
        self.assertEqual(self.dates("DTSTART;VALUE=DATE:20260601", "RDATE;VALUE=DATE:20260701,20260801"),
                         ["2026-06-01", "2026-07-01", "2026-08-01"])
        moved = ics(event(*yearly, uid="x"), event("DTSTART;VALUE=DATE:20270602", "RECURRENCE-ID;VALUE=DATE:20270601", uid="x"),
                    event("DTSTART;VALUE=DATE:20280601", "RECURRENCE-ID;VALUE=DATE:20280601", "STATUS:CANCELLED", uid="x"),
                    event("DTSTART;VALUE=DATE:20290601", "RECURRENCE-ID;VALUE=DATE:20290601", "SUMMARY:renamed", uid="x"),
                    event("DTSTART;VALUE=DATE:20300709", "RECURRENCE-ID;VALUE=DATE:20300601", uid="another"))
        self.assertEqual(self.convert(moved, "--from", "2026-01-01")[:6],
                         ["2026-06-01", "2027-06-02", "2029-06-01", "2030-06-01", "2030-07-09", "2031-06-01"])
        self.assertIn("1 cancelled: left out", self.notes)

    def test_what_is_left_out_is_counted(self):
        text = ics(event("DTSTART;VALUE=DATE:20260403", "SUMMARY:Good Friday"),
                   event("DTSTART;TZID=Europe/Berlin:20260301T120000", "SUMMARY:Lunch\\, at noon\\nsharp \\\\now \x1b[31m"),
                   event("DTSTART;TZID=\"odd;:name\":20260301T120000"), event("DTSTART:20260301T120000Z"),
                   event("DTSTART;VALUE=DATE:20260404", "STATUS:CANCELLED", "SUMMARY:Off"),
                   event("DTSTART;VALUE=DATE:20260230", "SUMMARY:Never"), event("SUMMARY:no start"),
                   event("DTSTART;VALUE=DATE:20260101", "DTEND;VALUE=DATE:20280101"),
                   event("DTSTART;VALUE=DATE:20250101", "SUMMARY:Before"))
        self.assertEqual(self.convert(text, "--from", "2026-01-01"), ["2026-04-03"])
        self.assertEqual(self.notes.splitlines()[1:], [
            "  3 with a time of day: left out; the first is line 8, Lunch, at noon sharp \\now ?[31m",
            "  1 cancelled: left out; the first is line 18, Off",
            "  3 that cannot be read: left out; the first is line 23, Never: DTSTART",
            "  1 before the first date that was asked for: left out; the first is line 34, Before"])
        self.assertIn("2025-01-01", self.convert(text))

    def test_lines_in_all_their_forms(self):
        plain = ics(event("DTSTART;VALUE=DATE:20260403", "SUMMARY:Good Friday, the day before the day before Easter, a holiday"))
        folded = plain.replace("2026", "20\r\n 2\r\n\t6").replace("the day", "the\r\n\t day").replace("BEGIN:VEVENT", "BEGIN\r\n :VEVENT")
        for text in (plain, plain.replace("\r\n", "\n"), "\ufeff" + plain, folded, folded.replace("\r\n", "\n"), plain.rstrip(),
                     plain.replace("\r\n", "\r\n\r\n"), plain.lower(), plain + plain,
                     plain.replace("DTSTART;VALUE", 'DTSTART;X-A="b:c;VALUE=DATE-TIME";VALUE')):
            self.assertEqual(self.convert(text), ["2026-04-03"], text)

    def test_what_is_not_the_events_own(self):
        zone = ("BEGIN:VTIMEZONE\r\nTZID:X\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY\r\nEND:STANDARD\r\n"
                "END:VTIMEZONE\r\nBEGIN:VTODO\r\nDTSTART;VALUE=DATE:20260102\r\nEND:VTODO\r\n")
        alarm = ("BEGIN:VALARM", "TRIGGER:-PT15M", "DURATION:P5D", "DTSTART;VALUE=DATE:20260105", "END:VALARM")
        self.assertEqual(self.convert(ics(zone, event("DTSTART;VALUE=DATE:20260403", *alarm))), ["2026-04-03"])

    def test_files_that_are_none(self):
        for text, expected in (("", "not an iCalendar file"), ("[]", "not an iCalendar file"), ("VERSION:2.0\n", "not an iCalendar file"),
                               (ics(event("DTSTART;VALUE=DATE:20260403")).encode("utf-16"), "it is not text"),
                               (ics(), "no all-day event"), (ics(event("DTSTART:20260301T120000Z"))[:-15], "in the middle of VCALENDAR"),
                               (ics(event("DTSTART;VALUE=DATE:20260403"))[:-30], "the file ends in the middle of VEVENT"),
                               ("BEGIN:VCALENDAR\nEND:VEVENT\n", "days.ics:2: ends what has not begun: VEVENT"),
                               ("BEGIN:VCALENDAR\n" + "BEGIN:X\n" * 100, "more than 16 deep")):
            path = self.file("days.ics", text)
            code, out, err = run("--holidays", path)
            self.assertEqual((code, out), (1, ""), text)
            self.assertIn(expected, err)
        self.refused(1, "nix.ics: No such file or directory", "--holidays", "nix.ics")
        self.refused(1, f"{self.folder}: Is a directory", "--holidays", self.folder)
        self.refused(1, "--from: write it as 2026-01-01", "--holidays", self.file("days.ics", ics()), "--from", "soon")

    def test_the_library_takes_them(self):
        dates = self.convert(ics(event("DTSTART;VALUE=DATE:20201225", "DURATION:P2D", "RRULE:FREQ=YEARLY"),
                                 event("DTSTART;VALUE=DATE:20000229", "RRULE:FREQ=YEARLY"), event("DTSTART;VALUE=DATE:20261223")))
        shown = self.shown(self.policy({"it": {"week": daily(["08:00", "16:00"]), "holidays": dates}}), "--week", "2026-12-24")
        self.assertEqual(shown.count("holiday"), 3)
        for name in ("*-12-25", "*-12-26", "2026-12-23"):
            self.assertIn(f"closed, holiday {name}\n", shown)

    def bounded(self, text, expected):
        """Hostile: it ends soon, without much memory, and not by a signal."""
        before = time.monotonic()
        done = limited("--holidays", self.file("days.ics", text), "--from", "2026-01-01")
        took = time.monotonic() - before
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertIn(expected, done.stderr.decode())
        return took

    def test_hostile_files(self):
        start = "DTSTART;VALUE=DATE:20260101"
        worst = [self.bounded(*case) for case in (
            ("BEGIN:VCALENDAR\n" + "A" * (17 << 20), "larger than 16 MiB"),
            (ics(*[event("DTSTART;VALUE=DATE:00010101", "RRULE:FREQ=DAILY;COUNT=1000000")] * 1000), "too long to work out"),
            (ics(*[event(start, "DURATION:P366D", "RRULE:FREQ=DAILY")] * 50000), "too long to work out"),
            (ics(event(start, "RDATE:" + ",".join(["20260101"] * 1700000), "DURATION:P366D")), "too long to work out"),
            (ics(event(start, "RRULE:FREQ=DAILY;COUNT=3000", "EXDATE:" + ",".join(["20260102"] * 1700000))), "2999 dates of 1 event"),
            (ics(event(start, "RRULE:FREQ=DAILY"), event(start, "DURATION:P366D", "RRULE:FREQ=WEEKLY;BYDAY=MO")),
             "4017 dates, and a calendar takes 4000"),
            (ics(*[event("DTSTART;VALUE=DATE:%04d0101" % y, "DURATION:P366D") for y in range(2026, 2040)]), "and a calendar takes 4000"),
            (ics(*[event(start, "RECURRENCE-ID:20260101", uid="x" * 1000)] * 14000), "1 date of 14000 events"),
            (ics(*["BEGIN:VEVENT\nEND:VEVENT\n"] * 500000), "more than 100,000 events"),
            (ics(event("SUMMARY:" + "\n ".join("a" * 5000000), start)), "1 date of 1 event"),
            (ics(event(start, "DTSTART;X=" + '"' * 9999999 + ":1", "SUMMARY:" + "\\" * 999999)), "1 event"),
            ("BEGIN:VCALENDAR\n" + "BEGIN:X\n" * 1000000, "more than 16 deep"))]
        print("hostile: at most %.1f s" % max(worst), file=sys.stderr)

    def test_any_bytes(self):
        """Changed at random: never a signal, never a hang."""
        draw = random.Random(int(os.environ.get("USHER_SEED", "4")))
        whole = ics(event("DTSTART;VALUE=DATE:20200601", "RRULE:FREQ=YEARLY;BYMONTH=6;BYDAY=1MO", "EXDATE:20270601", uid="x"),
                    event("DTSTART;VALUE=DATE:20270602", "RECURRENCE-ID;VALUE=DATE:20270601", "DURATION:P2D", uid="x")).encode()
        for _ in range(150):
            text = bytearray(whole)
            for _ in range(draw.randrange(1, 8)):
                i = draw.randrange(len(text))
                text[i:i + draw.randrange(4)] = bytes(draw.choice(b"0159:;,=-\r\n \t\"\\TXP\xff") for _ in range(draw.randrange(4)))
            code, out, err = run("--holidays", self.file("days.ics", bytes(text)))
            self.assertIn(code, (0, 1), (text, err))
            if code == 0:
                json.loads(out)


class Readme(WithFiles):
    def test_its_screens_are_real(self):
        """Each command of the README is run, and shows what stands below it."""
        folder = ROOT / "examples" / "calendar"
        text = (folder / "README.md").read_text()
        commands = re.findall(r"^    \$ usher-calendar (.*)\n((?:    .*\n|\n(?=    ))*)", text, re.M)
        self.assertGreater(len(commands), 2)
        for arguments, expected in commands:
            words = [w.strip('"') for w in re.findall(r'"[^"]*"|\S+', arguments)]
            words = [str(folder / w) if (folder / w).is_file() else w for w in words]
            code, out, err = run(*words)
            self.assertEqual(code, 0, err)
            shown = [line[4:] for line in expected.splitlines()]
            self.assertEqual(shown, out.splitlines(), arguments)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
