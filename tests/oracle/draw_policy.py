"""Draws policies, for the queues of a world."""
import json

import draw_time
from draw_time import text_of
from words import PRIORITIES, PROMISES, REASONS


class Policies:
    """What a Drawer draws them by: `rng`, `world`, and `policies` that were given."""

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, pool):
        return self.rng.choice(list(pool))

    def span(self, most=20, least=1):
        return self.world.grid * self.rng.randint(least, most)

    def ascending(self, least=0, most=3):
        """Durations, each longer than the one before."""
        at, spans = 0, []
        for _ in range(self.rng.randint(least, most)):
            at += self.span(10)
            spans.append(text_of(at))
        return spans

    def policy(self):
        if self.policies:
            return self.pick(self.policies)
        rng, kind = self.rng, self.rng.random()
        if kind < 0.05:
            return "{}"
        p = self.parts(0.25 if kind < 0.2 else 0.75)
        if kind < 0.2:
            p["preset"] = "desk"
        if self.world.limits:
            p.setdefault("limits", {})["open"] = rng.randint(1, self.world.most_live)
        return json.dumps(p)

    def target(self, business):
        def some():
            days = business and self.chance(0.25)
            return f"{self.rng.choice([1, 1, 2, 3])}wd" if days else text_of(self.span(30))

        if self.chance(0.4):
            return some()
        named = [name for name in PRIORITIES if self.chance(0.6)] or ["normal"]
        return {name: some() for name in named}

    def promise(self, name, calendars):
        p = {}
        if calendars and self.chance(0.8):
            p["calendar"] = self.pick(calendars)
        p["target"] = self.target("calendar" in p)
        if self.chance(0.3):
            p["pauses"] = [reason for reason in REASONS if self.chance(0.5)]
        if name == "ack" and self.chance(0.3):
            p["receipt"] = self.chance(0.7)
        if name == "update" and self.chance(0.5):
            p["named"] = self.pick(["capped", "free"])
        return p

    def ladder(self, promises):
        """Some steps that were drawn before, and some new ones."""
        on = sorted(promises) or PROMISES

        def is_business(name):
            return "calendar" in promises.get(name, {})

        def fits(step):
            days = "wd" in step["at"] + step.get("repeat", "")
            return step["on"] in on and (not days or is_business(step["on"]))

        pool = self.world.steps_of
        again = [step for step in pool if fits(step) and self.chance(0.5)]
        new = draw_time.ladder(self.rng, on, is_business, lambda: self.span(10),
                               self.world.queues + ["nowhere"], 4)
        new = [step for step in new if step not in pool]
        pool += new
        steps = again + new
        if self.world.to_and_fro:
            steps += self.to_and_fro(on)
        self.rng.shuffle(steps)
        return steps[:20]

    def to_and_fro(self, on):
        """A ladder that moves its tickets back and forth."""
        return [{"on": self.pick(on), "at": f"{self.rng.randint(1, 300)}%",
                 "move": self.pick(self.world.queues), "repeat": text_of(self.span(10)),
                 "times": self.rng.randint(1, 20)} for _ in range(3)]

    def parts(self, chance):
        rng, p, world = self.rng, {}, self.world
        if world.calendars:
            names = rng.sample(sorted(world.calendars), rng.randint(1, 2))
            p["calendars"] = {name: world.calendars[name] for name in names}
            if self.chance(0.4):
                p["notify_calendar"] = self.pick(names)
        names = sorted(p.get("calendars", {}))
        promises = {name: self.promise(name, names) for name in PROMISES if self.chance(chance)}
        if promises:
            p["promises"] = promises
        if world.ladders and self.chance(0.8):
            p["ladder"] = self.ladder(promises)
        if self.chance(0.5):
            p["warn"] = sorted(rng.sample(range(1, 100), rng.randint(0, 4)))
        if self.chance(chance):
            p["line"] = {"gap": text_of(self.span(5, 0)), "keep_for": text_of(self.span(10, 0))}
            if self.chance(0.6):
                p["line"]["shares"] = {name: rng.choice(["first", 1, 2, 3, 5, 8, 9])
                                       for name in PRIORITIES if self.chance(0.7)}
        if self.chance(chance):
            lease = self.world.patience * self.span(15)
            most = lease + self.world.patience * self.span(30, 0)
            p["lease"] = {"for": text_of(lease), "max": text_of(most)}
        if self.chance(chance):
            backoff = [0 if self.chance(0.1) else self.span(6) for _ in range(rng.randint(1, 3))]
            p["retry"] = {"attempts": rng.randint(1, 4), "backoff": [text_of(b) for b in backoff]}
        if self.chance(chance):
            p["pause"] = {"requester": {"max": text_of(self.world.patience * self.span(20)),
                                        "remind": self.ascending(),
                                        "then": self.pick(["resolve", "wait"])}}
            if self.chance(0.5):
                p["pause"]["third_party"] = {"max": text_of(self.span(20)), "then": "wait"}
            if self.chance(0.5):
                p["pause"]["until"] = {"max": text_of(self.span(20))}
        if self.chance(chance):
            p["aftercare"] = {"check_in": self.ascending(), "reopen_within": text_of(self.span(40)),
                              "confirm_within": text_of(0 if self.chance(0.15) else self.span(20))}
        if world.hands_off and self.chance(chance):
            p["handoff"] = {"accept_within": text_of(self.span(20)),
                            "hops": rng.choice([1, 2, 3, 5, 1000])}
        if world.symptoms and self.chance(0.8):
            p["recurrence"] = {"window": self.pick([text_of(self.span(rng.choice([20, 2000]))), "3650d"]),
                               "cause_after": rng.choice([2, 2, 2, 3, 3, 4, 32])}
            if self.chance(0.8):
                p["recurrence"]["cause_queue"] = self.pick(2 * world.queues + ["problems", "nowhere"])
        if self.chance(0.1):
            p["limits"] = {"payload": rng.randint(4, 64)}
        return p
