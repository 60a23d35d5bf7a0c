"""The service: queues, agents and tickets, time, what is told, and what becomes of tickets."""
from causes import Causes
from figures import Event
from hours import Always
from ladder import Ladder, own_instant
from line import Line
from policy import Policy
from words import (
    BROKEN, CLAIMED, CLOSED, KEPT, LAPSED, LEVEL_MAX, NEVER, NOT_MADE, NO_REPLY, OFFERED, PAUSED,
    PRIORITIES, REQUESTER, RESOLVED, RUNNING, Refused, SCHEDULED, STUCK, TO_AGENT, WAITING,
    WITHDRAWN, instant, ms, word)


NOTIFYING = ["warned", "broken", "stepped", "reminded", "check_in"]


class Queue:
    def __init__(self, name):
        self.name = name
        self.hold = 0
        self.was_full = False  # it answered EFULL and owes the word that there is room again
        self.freed = False     # since then a ticket has left it, or its limit may be another
        self.take(Policy("{}", 1, self))

    def take(self, policy):
        self.policy = policy
        self.freed = True
        self.passes = {priority: 0 for priority in PRIORITIES.values()}
        self.last_pass = 0


class Agent:
    def __init__(self, name):
        self.name = name
        self.skills = []
        self.present = True


class Parked:
    """A claim that waits."""

    def __init__(self, agent, queues, n, end_boot, tag, op, asked):
        self.agent, self.queues, self.n, self.end_boot = agent, queues, n, end_boot
        self.tag, self.op, self.asked = tag, op, asked


class Remembered:
    """The first result of an op."""

    def __init__(self, op, at, asked, kind, result):
        self.op, self.at, self.asked, self.kind, self.result = op, at, asked, kind, result


class Service(Line, Ladder, Causes):
    """All tickets, and one command after the other. `now` is the service's, `at` the instant that
    is being worked on: that of a late timer lies before now."""

    def __init__(self, now, keep_closed=0, op_window_ms=0, op_window_n=0, store=0):
        self.wall, self.boot = now, 0
        self.now = self.at = now
        self.ran_boot = 0
        self.keep_closed = 65536 if store else keep_closed or 65536
        self.may_be_away = bool(store and keep_closed)  # what is over, from memory: it is in the store
        self.op_window_ms = op_window_ms or 3_600_000
        self.op_window_n = op_window_n or 65536
        self.queues, self.agents, self.tickets = {}, {}, {}
        self.live = []       # neither closed nor withdrawn
        self.ended = []      # closed and withdrawn, oldest first
        self.found_by = {}   # (queue, dedup key): the ticket to join
        self.marks = {}      # (queue, priority, requester)
        self.waits = {}      # (queue, priority): (at, took) of each first claim
        self.symptoms = {}   # by name
        self.over = []       # causes that are, to be unlinked from
        self.events = []     # all that was told of tickets
        self.told = []       # all that was told, as it was
        self.refs = {}       # (queue, ref): the ticket that came there last with it
        self.muted = False   # nobody listens to the completion
        self.parked = []
        self.to_meet = set() # agents that nobody has named since it was opened again
        self.ops = []
        self.seq = 0
        self.last_id = 0
        self.out, self.touched = [], set()

    def queue(self, name):
        if name not in self.queues:
            self.queues[name] = Queue(name)
        return self.queues[name]

    def agent(self, name):
        return self.agents.setdefault(name, Agent(name))

    # ---- time ----

    def on_the_wall(self, boot):
        """An instant of the boot clock in wall terms."""
        return boot if boot == NEVER else max(boot + self.now - self.boot, self.at)

    def on_boot(self):
        """This instant on the boot clock: never before what has already run."""
        self.ran_boot = max(self.ran_boot, self.at - (self.now - self.boot))
        return self.ran_boot

    def next_timer(self):
        timers = [t.cached[0] if t.cached else t.next_timer() for t in self.live]
        leases = [(t.lease_boot, t.id) for t in self.live if t.state == CLAIMED]
        for end, number in sorted(leases)[:1]:
            timers.append((self.on_the_wall(end), 0, number, (3,), "lease end", 0))
        waits = [(parked.end_boot, i) for i, parked in enumerate(self.parked)]
        for end, i in sorted(waits)[:1]:
            timers.append((self.on_the_wall(end), 3, 0, (i,), "wait over", i))
        return min((timer for timer in timers if timer and timer[0] != NEVER), default=None)

    def tick(self):
        """Fires what is due, each timer at its own instant."""
        self.now = max(self.now, self.wall)
        while True:
            timer = self.next_timer()
            if timer is None or timer[0] > self.now:
                break
            self.at = max(self.at, timer[0])
            self.on_boot()
            self.fire(timer)
            self.tell_room()
            self.serve_parked()
        self.at = self.now
        self.on_boot()

    def until_next(self):
        """How far both clocks must move until something is due, on the one or on the other."""
        far = [ticket.next_timer()[0] - self.wall for ticket in self.live if ticket.next_timer()]
        far += [ticket.lease_boot - self.boot for ticket in self.live if ticket.state == CLAIMED]
        far += [parked.end_boot - self.boot for parked in self.parked if parked.end_boot != NEVER]
        return min(far, default=NEVER)

    def move_clocks(self, by):
        self.wall += by
        self.boot += by

    def advance(self, to):
        self.tick()
        self.call_back()
        while self.wall + self.until_next() <= to:
            self.move_clocks(self.until_next())
            self.tick()
            self.call_back()
        self.move_clocks(max(0, to - self.wall))

    # ---- telling ----

    def notify_at(self, policy, at):
        """The next opening of its notify_calendar; 0: at once."""
        if policy.notify_calendar is Always or policy.notify_calendar.is_open(at):
            return 0
        return policy.notify_calendar.next_open(at)

    def tell(self, kind, ticket=None, who=None, how=0, promise=None, n=0, until=0, due=0, kept=0,
             lapsed=0, queue=None, to=None, text=None, version=0, at=None, rule=None, notify=(),
             other=0, took=None, agent=None):
        """`agent`: who is meant, where that is not the ticket's last holder; False: nobody."""
        at = self.at if at is None else at
        notify_at = self.notify_at(ticket.policy, self.now) if kind in NOTIFYING else 0
        self.seq += 1
        number = ts = level = priority = 0
        state = spoke = held = None
        if ticket is not None:
            ticket.events += 1
            ticket.cached = None
            self.touched.add(ticket.id)
            number, ts, level, priority = ticket.id, ticket.events, ticket.level, ticket.priority
            state, version, queue = ticket.state, ticket.policy.version, ticket.queue
            spoke, held, ticket.word, ticket.held = ticket.word, ticket.held, None, None
            self.events.append(Event(kind, at, queue, priority, promise, n, how, kept, lapsed, took,
                                     spoke, held, ticket.holder if agent is None else agent))
        seen = self.now if self.now > at else 0
        told = (
            f"e seq={self.seq} ticket={number} ts={ts} at={at} seen={seen} kind={kind}"
            f" state={word(state)} how={how} promise={word(promise)} level={level} prio={priority}"
            f" n={n} until={until} due={instant(due)} kept={kept} lapsed={lapsed} pv={version}"
            f" queue={word(queue and queue.name)} who={word(who)} to={word(to)} rule={word(rule)}"
            f" notify={word(','.join(sorted(notify)))} nat={instant(notify_at)} other={other}"
            f" took={ms(took)} word={ms(spoke)} held={ms(held)} text={word(text)}")
        self.out.append(told)
        self.told.append(told)
        if ticket is not None:
            ticket.history.append("h" + told[1:])

    def done(self, status="OK", verb=None, ticket=None, number=0, outcome=0, remember=None):
        """A completion."""
        result = self.result(status, verb, ticket, number, outcome)
        if remember is not None and status == "OK":
            self.remember(remember, "done", result)
        self.tell_done(result)

    def result(self, status, verb=None, ticket=None, number=0, outcome=0):
        result = dict(ticket=number, status=status, state=None, verb=verb, outcome=outcome, until=0,
                      token=0, prio=0, seq=self.seq)
        if ticket is not None:
            result.update(ticket=ticket.id, state=ticket.state, until=self.until(ticket),
                          token=ticket.standing_token(), prio=ticket.priority)
        return result

    def tell_done(self, result):
        if self.muted and result["status"] == "OK":
            return
        if result["ticket"]:
            self.touched.add(result["ticket"])
        if self.muted:
            self.out.append(f"o ticket={result['ticket']} status={result['status']}"
                            f" verb={word(result['verb'])}")
            return
        fields = dict(result, state=word(result["state"]), verb=word(result["verb"]))
        self.out.append("d " + " ".join(f"{key}={value}" for key, value in fields.items()))

    def tell_work(self, agent, status, tag, tickets=(), remember=None):
        work = ",".join(f"{t.id}:{t.token}:{self.on_the_wall(t.lease_boot)}"
                        f":{instant(t.nearest_due())}:{t.attempts}:{self.persons(t)}"
                        for t in tickets)
        result = (status, work, [t.id for t in tickets])
        if remember is not None and status == "OK":
            self.remember(remember, "work", result)
        self.tell_work_again(agent, tag, result)

    def tell_work_again(self, agent, tag, result):
        status, work, ids = result
        self.touched.update(ids)
        self.out.append(f"w agent={agent.name} status={status} tag={tag} work={word(work)}")

    def persons(self, ticket):
        return sum(not p.left for p in ticket.persons)

    def until(self, t):
        if t.state == SCHEDULED:
            return t.start_at
        if t.state == CLAIMED:
            return self.on_the_wall(t.lease_boot)
        if t.state == OFFERED:
            return t.offer_end
        if t.state == WAITING and t.kept_for:
            return t.keep_end
        if t.state == PAUSED:
            return min(p.until for p in t.running_pauses())
        return t.closing if t.state == RESOLVED else 0

    def describe(self, t):
        line = self.in_line(t.line()) if t.line() else []
        ahead = sum((o.rank, o.id) < (t.rank, t.id) for o in line if o.priority == t.priority)
        above = sum(o.priority > t.priority for o in line)
        dues = [p.due() for p in t.promises.values()]
        promises = ""
        for i, (p, due) in enumerate(zip(t.promises.values(), dues)):
            told = (p.state, p.start, instant(due), p.target, p.left(self.now), p.arming)
            promises += f" p{i + 1}=" + ":".join(map(str, told if p.state else [0] * 6))
        letter = "T" if self.may_be_away and t.state in (CLOSED, WITHDRAWN) else "t"
        return (f"{letter} id={t.id} state={t.state} prio={t.priority} level={t.level} ts={t.events}"
                f" since={t.since} until={self.until(t)} rank={t.rank}"
                f" ahead={ahead if t.line() else -1}"
                f" aheadq={ahead + above if t.line() else -1}"
                f" holder={word(t.claim_stands() and t.holder.name)}"
                f" kept={word(t.kept_for and t.kept_for.name)} att={t.attempts} chases={t.chases}"
                f" persons={self.persons(t)} req={t.requester()} queue={t.queue.name}"
                f" pv={t.policy.version} token={t.standing_token()} due={instant(min(dues))}"
                f" nextword={instant(min(dues[:3]))}{promises} {self.describe_more(t)}")

    def describe_more(self, t):
        n, half, most = self.waited(t)
        came_from = t.rank - t.behind if t.entry is not None else 0
        by = 0 if t.entry is None else 2 if came_from == t.entry else 1
        return (f"waits={n}:{half}:{most} by={by} from={came_from}"
                f" behind={t.behind} offer={t.offer} to={word(t.offered_to and t.offered_to.name)}"
                f" hops={t.hops} cause={t.cause} follows={t.follows} linked={len(t.linked)}"
                f" isc={int(t.is_cause)}")

    # ---- op ----

    def forget_ops(self):
        self.ops = [r for r in self.ops if self.now < r.at + self.op_window_ms][-self.op_window_n:]

    def remember(self, asked, kind, result):
        op, asked = asked
        if op:
            self.ops.append(Remembered(op, self.at, asked, kind, result))
            self.forget_ops()

    def remembered(self, op, asked):
        """The first result of this op, None if there is none."""
        self.forget_ops()
        first = next((r for r in self.ops if op and r.op == op), None)
        if first is not None and first.asked != asked:
            raise Refused("EINVAL")
        return first

    def open_in(self, queue):
        return sum(t.queue is queue for t in self.live)

    def tell_room(self):
        for queue in self.queues.values():
            if queue.was_full and queue.freed and self.open_in(queue) < queue.policy.open:
                queue.was_full = False
                self.tell("room", queue=queue)

    # ---- what tickets do ----

    def start(self, t, at):
        """Its start_at has come: clocks start, and it enters the line."""
        t.started = True
        t.enter(WAITING, self.at)
        t.promises["ack"].begin(at)
        t.promises["resolve"].begin(at)
        if t.unanswered:
            t.promises["answer"].begin(at)
        t.entry = at
        t.came = True
        self.compute_rank(t, first=True)

    def message(self, t):
        if not t.unanswered:
            t.unanswered = True
            if t.started:
                t.promises["answer"].begin(self.at)

    def speak(self, t):
        """A word: what it keeps."""
        if not t.acknowledged:
            t.word = max(0, self.at - t.entry)
        t.unanswered, t.acknowledged = False, True
        t.said = True
        return t.promises["ack"].stop() | t.promises["answer"].stop()

    def find(self, queue, key):
        return self.found_by.get((queue.name, key)) if key else None

    def make_findable(self, t):
        if t.key and (t.queue.name, t.key) not in self.found_by:
            self.found_by[t.queue.name, t.key] = t

    def hide(self, t):
        if self.find(t.queue, t.key) is t:
            del self.found_by[t.queue.name, t.key]

    def end(self, t, state):
        t.enter(state, self.at)
        t.kept_for = None
        t.queue.freed = True
        self.hide(t)
        self.live.remove(t)
        if t.linked or (state == WITHDRAWN and t.cause_runs):
            self.over.append(t)
        if not t.cause_runs:
            self.put_by(t)

    def put_by(self, t):
        """Of those that are over only so many stay."""
        self.ended.append(t)
        if len(self.ended) > self.keep_closed:
            self.forget(self.ended.pop(0))

    def code_of(self, t, code):
        """Of a command that looks only at what is in memory. With a question mark: that may be away."""
        return code + "?" if t and self.may_be_away and t.state in (CLOSED, WITHDRAWN) else code

    def forget(self, t):
        del self.tickets[t.id]
        if self.refs.get((t.queue.name, t.ref)) is t:
            del self.refs[t.queue.name, t.ref]

    def solve(self, t, how, kept, lapsed, who, text=None):
        """After this the ticket is resolved, or closed where nobody is to confirm."""
        t.end_pauses(self.at)
        t.enter(RESOLVED, self.at)
        t.attempts = 0
        t.solved.append([self.at, None])
        t.closing, t.checked_in = self.at + t.policy.confirm_within, 0
        for person in t.persons:
            person.confirmed = False
        self.hide(t)
        self.tell("resolved", t, who, how=how, kept=kept, lapsed=lapsed, text=text,
                  took=max(0, self.at - t.entry), agent=False if how == NO_REPLY else None)
        if t.policy.confirm_within == 0:
            self.close(t, who)
        self.cause_resolved(t, how, text)

    def close(self, t, who=None):
        self.end(t, CLOSED)
        self.tell("closed", t, who, took=max(0, t.solved[-1][0] - t.entry))

    def reopen(self, t, who, text):
        if t.state == CLOSED:
            if t in self.ended:
                self.ended.remove(t)
            self.live.append(t)
        t.solved[-1][1] = self.at
        t.attempts = 0
        resolve = t.promises["resolve"]
        resolve.owed = True
        lapsed = 0
        if resolve.state == KEPT:
            resolve.state = RUNNING if resolve.has_target() else LAPSED
            lapsed = 0 if resolve.has_target() else resolve.bit
        elif resolve.state == LAPSED and resolve.has_target():
            resolve.state = RUNNING
            resolve.aim(self.at)
        elif resolve.state == NOT_MADE and resolve.has_target():  # a later policy has one
            resolve.make(self.at)
        self.message(t)
        self.come_back(t, keep=True)
        self.make_findable(t)
        self.tell("reopened", t, who, lapsed=lapsed, text=text)
        if resolve.owed and resolve.state == RUNNING:
            self.judge(t, [resolve])

    def stick(self, t, who):
        t.level = min(LEVEL_MAX, t.level + 1)
        self.tell("stuck", t, who, n=t.attempts)

    def retarget(self, t):
        """Another priority or policy: the bits of what lapses, and what is to be judged again."""
        lapsed, aimed = 0, []
        for promise in t.promises.values():
            became = promise.retarget(self.at)
            if became == "lapsed":
                lapsed |= promise.bit
            elif became:
                aimed.append(promise)
        t.cached = None
        return lapsed, aimed

    def reprioritise(self, t, priority, who, text=None):
        if priority == t.priority:
            self.tell("reprioritised", t, who, how=priority, text=text)
            return
        t.priority = priority
        lapsed, aimed = self.retarget(t)
        self.tell("reprioritised", t, who, how=priority, lapsed=lapsed, text=text)
        self.judge(t, aimed)
        if t.entry is not None:
            self.compute_rank(t, first=False)

    def put(self, t, queue):
        """Into another queue."""
        self.hide(t)
        if self.refs.get((t.queue.name, t.ref)) is t:
            del self.refs[t.queue.name, t.ref]
        t.queue.freed = True
        t.queue, t.kept_for = queue, None
        if t.ref:
            self.refs[queue.name, t.ref] = t
        t.came = True
        self.make_findable(t)

    # ---- timers ----

    def fire(self, timer):
        what, which = timer[4], timer[5]
        if what == "wait over":
            parked = self.parked.pop(which)
            self.tell_work(parked.agent, "ETIMEDOUT", parked.tag)
            return
        t = self.tickets[timer[2]]
        t.cached = None
        self.fire_on(t, own_instant(timer), what, which)
        self.has_come(t)
        self.tell_untold(t)
        self.unlink_all()

    def fire_on(self, t, own, what, which):
        if what == "start" and not t.started:
            self.start(t, self.at)
            self.tell("started", t)
        elif what == "start":
            self.come_back(t, keep=False)
            self.tell("started", t)
        elif what == "pause end":
            self.pause_ran_out(t, t.running_pause(which))
        elif what == "lease end":
            self.lease_ran_out(t)
        elif what == "keep end":
            t.kept_for = None
            self.tell("keep_ended", t)
        elif what == "reminder":
            pause = t.running_pause(which)
            pause.reminded += 1
            self.tell("reminded", t, how=which, n=pause.reminded, text=pause.question)
        elif what == "offer end":
            self.offer_returns(t, "offer_expired", rule="handoff.accept_within")
        elif what == "broken":
            promise = t.promises[which]
            due = promise.due()
            promise.state = BROKEN
            self.tell("broken", t, promise=which, due=due)
        elif what == "warned":
            self.keep_or_tell(t, self.warn(t, *which), own)
        elif what == "step":
            firing, aimed = self.climb(t, *which)
            self.keep_or_tell(t, firing, own)
            self.judge(t, aimed)
        elif what == "check in":
            t.checked_in += 1
            self.tell("check_in", t, n=t.checked_in)
        else:
            self.close(t)

    def pause_ran_out(self, t, pause):
        pause.end = self.at
        resolves = (pause.reason == REQUESTER and pause.at_max and not t.unanswered
                    and t.policy.then[REQUESTER] == "resolve")
        if t.running_pauses():
            self.tell("pause_ended", t, how=pause.reason)
        elif resolves:
            self.tell("pause_ended", t, how=pause.reason)
            lapsed = sum(promise.lapse() for promise in t.promises.values())
            self.solve(t, NO_REPLY, 0, lapsed, None)
        else:
            self.come_back(t, keep=True)
            self.tell("pause_ended", t, how=pause.reason)

    def offer_returns(self, t, kind, **told):
        """Nobody has taken it: kept for its giver, one level up."""
        how, to = t.offer, t.offered_to
        self.come_back(t, keep=True)
        t.level = min(LEVEL_MAX, t.level + 1)
        self.tell(kind, t, how=how, to=to.name, agent=to if how == TO_AGENT else False,
                  **told)

    def lease_ran_out(self, t):
        if not t.alive:
            t.attempts += 1
        if not t.alive and t.attempts >= t.policy.attempts:
            t.enter(STUCK, self.at)
        else:
            self.come_back(t, keep=t.said)
        self.tell("lease_expired", t, t.holder.name, n=t.attempts)
        if t.state == STUCK:
            self.stick(t, t.holder.name)
