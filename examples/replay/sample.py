#!/usr/bin/env python3
"""Writes sample.csv: three weeks of requests to an invented help desk, the same bytes each time.

    python3 sample.py > sample.csv

It has what real logs have: hand-offs, questions to the requester, chases, a few tickets that come back, some that
are still open at the end, rows without an agent or a queue, rows of the same minute and one that goes back in time.
"""
import datetime
import random
import sys

SEED = 20260302
TICKETS = 60
START = datetime.datetime(2026, 3, 2, 7, 0)
END = datetime.datetime(2026, 3, 23, 18, 0)

PEOPLE = ["Ada", "Bjørn", "Chloé", "Dmitri", "Eleni", "Farid", "Grace", "Hanna", "Ines", "João", "Kaoru", "Łukasz",
          "Mei", "Noor", "Oskar", "Priya", "Quentin", "Rosa", "Søren", "Tünde", "Uma", "Víctor", "Wanda", "Zoë"]
DESKS = {"Front desk": ["Amal", "Ben"], "Accounts": ["Carla"], "Network": ["Dinesh", "Edith"], "Devices": ["Filip"]}
SYMPTOMS = {"cannot log in": "Accounts", "VPN drops": "Network", "no Wi-Fi in room 4": "Network",
            "printer: \"paper jam\"; there is none": "Devices", "new laptop": "Devices", "password forgotten": "Accounts",
            "mail is slow": "Network", "how do I book a room?": "Front desk"}
PRIORITIES = [("P1", 0.05), ("P2", 0.2), ("P3", 0.55), ("P4", 0.2)]
PACE = {"P1": 0.2, "P2": 0.5, "P3": 1.0, "P4": 2.0}  # of all durations

# random() alone gives the same numbers in every version of Python; choice() and randint() need not.
dice = random.Random(SEED)


def chance(probability):
    return dice.random() < probability


def pick(items):
    return items[int(dice.random() * len(items))]


def minutes(least, most, pace=1.0):
    """Mostly short, sometimes long."""
    return datetime.timedelta(minutes=int((least + (most - least) * dice.random() ** 3) * pace))


def working(at):
    """The next minute at which somebody is there: Monday to Friday, 7 to 18."""
    if at.hour >= 18:
        at = (at + datetime.timedelta(days=1)).replace(hour=7, minute=int(dice.random() * 30))
    while at.weekday() > 4:
        at = (at + datetime.timedelta(days=1)).replace(hour=7, minute=int(dice.random() * 30))
    return at.replace(hour=7) if at.hour < 7 else at


def priority():
    roll = dice.random()
    for name, share in PRIORITIES:
        roll -= share
        if roll < 0:
            return name
    return PRIORITIES[-1][0]


class Ticket:
    def __init__(self, number, opened):
        self.number, self.opened, self.at = "REQ-%03d" % number, opened, opened
        self.person, self.priority = pick(PEOPLE), priority()
        self.symptom = pick(list(SYMPTOMS))
        self.channel = "phone" if chance(0.3) else "mail" if chance(0.6) else "portal"
        self.queue, self.agent = "Front desk", ""
        self.rows = []

    def say(self, state, least=0, most=0):
        self.at = working(self.at + minutes(least, most, PACE[self.priority])) if most else self.at
        self.rows.append([self.at, self.number, state, self.opened, self.person, self.priority, self.queue, self.agent,
                          self.symptom, self.channel])

    def work(self):
        """Somebody takes it, perhaps after it was passed on and somebody had to ask."""
        if chance(0.15):
            self.say("Customer asks", 120, 1500)
        self.agent = pick(DESKS[self.queue])
        self.say("In progress", 3, 600)
        home = SYMPTOMS[self.symptom]
        if self.queue != home:
            self.queue, self.agent = home, ""
            self.say("New", 5, 240)
            if chance(0.2):
                self.say("Customer asks", 300, 3000)
            self.agent = pick(DESKS[home]) if chance(0.9) else ""
            self.say("In progress", 10, 2400)

    def wait(self):
        if chance(0.35):
            self.say("Waiting for customer", 10, 300)
            if chance(0.8):
                self.say("Customer replies", 30, 6000)
            self.say("In progress", 5, 200)
        if chance(0.12):
            self.say("Waiting for supplier", 10, 300)
            self.say("In progress", 1000, 9000)
        if chance(0.3):
            self.say("Update sent", 60, 2000)

    def solve(self):
        self.work()
        self.wait()
        if chance(0.05):
            self.say("Withdrawn", 10, 500)
            return
        self.say("Solved", 5, 2500)
        if chance(0.12):
            self.say("In progress", 60, 3000)
            self.say("Solved", 30, 1500)
        if chance(0.4):
            self.at += datetime.timedelta(days=3)
        self.say("Closed", 30, 1500)


def main():
    rows = []
    for number in range(1, TICKETS + 1):
        day = START + datetime.timedelta(days=int(dice.random() * 19))
        ticket = Ticket(number, working(day + datetime.timedelta(minutes=int(dice.random() * 660))))
        if not chance(0.1):  # else the log begins when somebody is at it already
            ticket.say("New")
        ticket.solve()
        for row in ticket.rows:
            if chance(0.01):
                row[6] = "-"
        if number == 17:  # written down late, under the time at which it was done
            ticket.rows[1], ticket.rows[2] = ticket.rows[2], ticket.rows[1]
        rows += [row for row in ticket.rows if row[0] <= END]

    out = sys.stdout.buffer
    out.write("time;ticket;state;opened;person;priority;desk;agent;symptom;channel\r\n".encode())
    for row in rows:
        fields = [f.strftime("%Y-%m-%d %H:%M") if isinstance(f, datetime.datetime) else f for f in row]
        fields = ['"%s"' % f.replace('"', '""') if any(c in f for c in ';"\r\n') else f for f in fields]
        out.write((";".join(fields) + "\r\n").encode())


if __name__ == "__main__":
    main()
