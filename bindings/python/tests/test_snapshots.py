"""Every member of every struct that the library hands out, against the field that it becomes."""

from __future__ import annotations

import ctypes
import dataclasses
import pickle
import typing
import unittest
from datetime import datetime, timedelta, timezone
from unittest import mock

from usher import _ffi, _reading, figures, snapshots
from usher import As, ChangeKind, Durability, EventKind, Hold, On, Outcome, Priority, Promised
from usher import PromiseState, Rank, SpanKind, State, To, Verb

NEVER = 2**63 - 1
START = datetime(2024, 3, 10, 7, 30, tzinfo=timezone.utc)
START_MS = 1710055800000


def at(ms):
    """C's number for an instant, that is that many ms after START, and Python's."""
    return START_MS + ms, START + timedelta(milliseconds=ms)


def made(kind, /, **members):
    """A struct with all of its members given, so that a new one is not forgotten here."""
    named = {field[0] for field in kind._fields_} - {"size", "reserved"}
    assert set(members) == named, set(members) ^ named
    struct = kind(**members)
    if named and kind._fields_[0][0] == "size":
        struct.size = ctypes.sizeof(kind)
    return struct


def words(data):
    return _ffi.usher_text(data, len(data))


def nothing(kind, **members):
    """A struct in which all that may be missing is."""
    struct = kind(**members)
    struct.size = ctypes.sizeof(kind)
    return struct


def read(reader, struct, *n):
    """Keeps the struct, which an address does not."""
    return reader(ctypes.addressof(struct), *n)


class Snapshots(unittest.TestCase):
    def setUp(self):
        names = {4711: "help", 4712: "Ada"}
        for module in (snapshots, figures):
            patch = mock.patch.object(module, "queue_name", names.__getitem__)
            patch.start()
            self.addCleanup(patch.stop)
        patch = mock.patch.object(figures, "agent_name", names.__getitem__)
        patch.start()
        self.addCleanup(patch.stop)

    def check(self, snapshot, **fields):
        """All fields of the snapshot are these, of these very types."""
        self.assertEqual({f.name for f in dataclasses.fields(snapshot)}, set(fields))
        for name, expected in fields.items():
            value = getattr(snapshot, name)
            self.assertEqual(value, expected, name)
            self.assertIs(type(value), type(expected), name)
        self.assertEqual(set(vars(snapshot)), set(fields))
        self.assertEqual(pickle.loads(pickle.dumps(snapshot)), snapshot)
        self.assertEqual(hash(dataclasses.replace(snapshot)), hash(snapshot))
        with self.assertRaises(dataclasses.FrozenInstanceError):
            setattr(snapshot, next(iter(fields)), 0)

    def check_none(self, snapshot, *but):
        """All fields that may be None are, but these."""
        for name, hint in typing.get_type_hints(type(snapshot)).items():
            optional = type(None) in typing.get_args(hint)
            self.assertEqual(getattr(snapshot, name) is None, optional and name not in but, name)

    # ---- Done ------------------------------------------------------------------------------------

    def test_done(self):
        until_at, until = at(123)
        struct = made(
            _ffi.usher_done,
            ticket=11,
            seq=12,
            token=13,
            status=-20007,
            state=State.PAUSED,
            verb=Verb.EXTEND,
            outcome=Outcome.CLIPPED | Outcome.REPEATED,
            until_at=until_at,
            durability=Durability.DISK,
            priority=Priority.URGENT,
            detail=words(b"cut to 1 h"),
        )
        done = read(snapshots.done, struct)
        self.check(
            done,
            ticket=11,
            seq=12,
            token=13,
            status=-20007,
            state=State.PAUSED,
            verb=Verb.EXTEND,
            outcome=Outcome.CLIPPED | Outcome.REPEATED,
            until=until,
            durability=Durability.DISK,
            priority=Priority.URGENT,
            detail="cut to 1 h",
        )
        self.assertEqual(
            (done.error.name, done.error.detail, done.error.ticket), ("ESTALE", "cut to 1 h", 11)
        )

    def test_done_without_anything(self):
        done = read(snapshots.done, nothing(_ffi.usher_done))
        self.check_none(done)
        self.assertEqual((done.detail, done.outcome, done.error), ("", Outcome(0), None))
        never = nothing(_ffi.usher_done, until_at=NEVER)
        self.assertIsNone(read(snapshots.done, never).until)

    def test_done_of_a_newer_library(self):
        struct = nothing(_ffi.usher_done, state=77, verb=78, outcome=1 << 20, priority=79)
        done = read(snapshots.done, struct)
        self.assertEqual((done.state, done.verb, done.priority), (77, 78, 79))
        self.assertIsInstance(done.state, State)
        self.assertEqual(done.outcome, 1 << 20)

    # ---- Standing --------------------------------------------------------------------------------

    def test_standing(self):
        fields = {}
        members = {}
        for i, name in enumerate(["enqueued", "start", "until", "rank", "due", "next_word", "rank_from"]):
            members[name + "_at"], fields[name] = at(1000 + i)
        members["state_at"], fields["state_since"] = at(2000)
        for i, name in enumerate(["ticket", "ticket_seq", "ahead", "ahead_in_queue", "level"]):
            members[name] = fields[name] = 100 + i
        for i, name in enumerate(["attempts", "chases", "persons", "policy_version", "waits"]):
            members[name] = fields[name] = 200 + i
        for i, name in enumerate(["handoffs", "cause", "follows", "linked"]):
            members[name] = fields[name] = 300 + i
        for name in ["requester", "holder", "kept_for", "symptom", "ref", "offered_to"]:
            members[name], fields[name] = b"a \xc3\xa4 " + name.encode(), "a ä " + name
        for name in ["last_word", "question"]:
            members[name], fields[name] = words(b"what\0" + name.encode()), "what\0" + name
        for i, name in enumerate(["wait_p50", "wait_p90", "rank_behind"]):
            members[name + "_ms"], fields[name] = 400 + i, timedelta(milliseconds=400 + i)
        for name, word in {"state": State.OFFERED, "priority": Priority.HIGH, "offer": To.AGENT}.items():
            members[name] = fields[name] = word
        members["rank_by"] = fields["rank_by"] = Rank.ENTRY
        members["queue"], fields["queue"] = 4711, "help"
        members["promises"] = (_ffi.usher_promise * 4)()
        fields["promises"] = {}
        for i, promised in enumerate([Promised.ACK, Promised.UPDATE, Promised.RESOLVE]):
            start_at, start = at(5000 + i)
            due_at, due = at(6000 + i)
            members["promises"][promised - 1] = made(
                _ffi.usher_promise,
                start_at=start_at,
                due_at=due_at,
                target_ms=7000 + i,
                left_ms=-8000 - i,
                state=i + 2,
                arming=9000 + i,
            )
            fields["promises"][promised] = snapshots.Promise(
                start=start,
                due=due,
                target=timedelta(milliseconds=7000 + i),
                left=timedelta(milliseconds=-8000 - i),
                state=[PromiseState.KEPT, PromiseState.BROKEN, PromiseState.LAPSED][i],
                arming=9000 + i,
            )
        for waits, is_cause in ((1, 0), (0, 1)):
            struct = made(_ffi.usher_standing, waits_for_you=waits, is_cause=is_cause, **members)
            standing = read(snapshots.standing, struct)
            self.check(standing, waits_for_you=bool(waits), is_cause=bool(is_cause), **fields)
        promise = standing.promises[Promised.UPDATE]
        self.check(promise, **vars(fields["promises"][Promised.UPDATE]))
        self.assertIs(type(promise.state), PromiseState)

    def test_standing_without_anything(self):
        struct = nothing(
            _ffi.usher_standing,
            queue=4711,
            requester=b"",
            state=1,
            priority=1,
            ahead=-1,
            ahead_in_queue=-1,
            due_at=NEVER,
            next_word_at=NEVER,
            wait_p50_ms=-1,
            wait_p90_ms=-1,
        )
        standing = read(snapshots.standing, struct)
        self.check_none(standing)
        self.assertEqual(standing.promises, {})
        struct.promises[0].state, struct.promises[0].due_at = 1, NEVER
        promise = read(snapshots.standing, struct).promises[Promised.ACK]
        self.check_none(promise)

    # ---- Event -----------------------------------------------------------------------------------

    def event(self, **members):
        all_of_it = dict.fromkeys(
            ["ticket", "ticket_seq", "seen_at", "until_at", "due_at", "state", "how", "promise"]
            + ["level", "priority", "n", "kept", "lapsed", "policy_version", "notify_at", "other"],
            0,
        )
        all_of_it.update(dict.fromkeys(["queue", "who", "to", "rule"]), text=words(b""))
        all_of_it.update(seq=1, at=START_MS, kind=1, notify=_ffi.usher_text(None, 0))
        all_of_it.update(took_ms=-1, word_ms=-1, held_ms=-1, **{"text": _ffi.usher_text(None, 0)})
        all_of_it.update(members)
        return read(snapshots.event, made(_ffi.usher_event, **all_of_it))

    def test_event(self):
        fields = {}
        members = {}
        for i, name in enumerate(["seen", "until", "due"]):
            members[name + "_at"], fields[name] = at(1000 + i)
        members["at"], fields["at"] = at(2000)
        members["notify_at"], fields["notify_at"] = at(2001)
        names = ["seq", "ticket", "ticket_seq", "level", "n", "policy_version", "other"]
        for i, name in enumerate(names):
            members[name] = fields[name] = 100 + i
        for name in ["who", "to", "rule"]:
            members[name], fields[name] = b"\xc3\xa4 " + name.encode(), "ä " + name
        for i, name in enumerate(["took", "word", "held"]):
            members[name + "_ms"], fields[name] = 400 + i, timedelta(milliseconds=400 + i)
        members["kind"] = fields["kind"] = EventKind.RESOLVED
        members["state"] = fields["state"] = State.STUCK
        members["how"] = fields["how"] = As.WORKAROUND
        members["promise"] = fields["promise"] = Promised.UPDATE
        members["priority"] = fields["priority"] = Priority.URGENT
        members["queue"], fields["queue"] = 4711, "help"
        members["kept"], fields["kept"] = 0b00110, frozenset([Promised.ACK, Promised.ANSWER])
        members["lapsed"], fields["lapsed"] = 0b11000, frozenset([Promised.UPDATE, Promised.RESOLVE])
        members["text"], fields["text"] = words(b"\xff\0end"), "\udcff\0end"
        members["notify"], fields["notify"] = words(b"Ada\0lead\0"), ("Ada", "lead")
        self.check(self.event(**members), **fields)

    def test_event_without_anything(self):
        event = self.event()
        self.check_none(event, "how")
        self.assertEqual((event.how, event.notify, event.kept, event.lapsed), (0, (), set(), set()))
        self.assertEqual(self.event(text=words(b"")).text, "")

    def test_how_is_a_word_where_it_is_one(self):
        meant = {
            EventKind.CLAIMED: (2, To.AGENT),
            EventKind.PAUSED: (2, On.THIRD_PARTY),
            EventKind.RESUMED: (1, On.REQUESTER),
            EventKind.PAUSE_ENDED: (3, On.UNTIL),
            EventKind.RESOLVED: (4, As.NO_REPLY),
            EventKind.REPRIORITISED: (4, Priority.URGENT),
            EventKind.OFFERED: (1, To.QUEUE),
            EventKind.RECALLED: (2, To.AGENT),
            EventKind.DECLINED: (1, To.QUEUE),
            EventKind.OFFER_EXPIRED: (2, To.AGENT),
            EventKind.QUEUE_HELD: (3, Hold.CLAIMS | Hold.ENQUEUE),
            EventKind.CAUSE_TOLD: (2, As.FIX),
            EventKind.REPLIED: (1, 1),
            EventKind.RECURRED: (7, 7),
        }
        for kind, (number, word) in meant.items():
            how = self.event(kind=kind, how=number).how
            self.assertEqual(how, word, kind)
            self.assertIs(type(how), type(word), kind)
        for kind in EventKind:
            how = self.event(kind=kind, how=0).how
            if kind is EventKind.QUEUE_HELD:
                self.assertIs(type(how), Hold)
            elif kind in (EventKind.REPLIED, EventKind.RECURRED) or kind not in meant:
                self.assertIs(type(how), int)
            else:
                self.assertIsNone(how, kind)

    def test_event_of_a_newer_library(self):
        event = self.event(kind=1234, how=5, kept=1 << 30)
        self.assertEqual((event.kind, event.how, event.kept), (1234, 5, frozenset()))
        self.assertIsInstance(event.kind, EventKind)

    # ---- the rest --------------------------------------------------------------------------------

    def test_span(self):
        from_at, since = at(1)
        to_at, until = at(2)
        rows = (_ffi.usher_span * 2)()
        rows[1] = made(_ffi.usher_span, from_at=from_at, to_at=to_at, ms=3, kind=SpanKind.HOLIDAY)
        spans = read(figures.spans, rows, 2)
        self.assertEqual(len(spans), 2)
        self.check(
            spans[1],
            since=since,
            until=until,
            counted=timedelta(milliseconds=3),
            kind=SpanKind.HOLIDAY,
        )

    def test_change(self):
        from_at, before = at(1)
        to_at, after = at(2)
        rows = (_ffi.usher_change * 2)()
        rows[0] = made(
            _ffi.usher_change,
            ticket=5,
            from_at=from_at,
            to_at=to_at,
            promise=Promised.RESOLVE,
            what=ChangeKind.BREAKS | ChangeKind.STARTS,
        )
        rows[1] = made(_ffi.usher_change, ticket=6, from_at=NEVER, to_at=NEVER, promise=1, what=0)
        changes = read(figures.changes, rows, 2)
        self.check(
            changes[0],
            ticket=5,
            before=before,
            after=after,
            promise=Promised.RESOLVE,
            what=ChangeKind.BREAKS | ChangeKind.STARTS,
        )
        self.check_none(changes[1])
        self.assertEqual(changes[1].what, ChangeKind(0))

    def test_figures(self):
        members = {}
        fields = {}
        spreads = ["wait", "word", "solve", "age"]
        for i, (name, kind) in enumerate(_ffi.usher_figures._fields_):
            if kind is ctypes.c_uint64 and name != "size":
                members[name] = fields[name] = 100 + i
        for i, name in enumerate(["kept", "broken", "lapsed"]):
            counts = [200 + 10 * i + j for j in range(4)]
            members[name] = (ctypes.c_uint64 * 4)(*counts)
            fields[name] = dict(zip(Promised, counts))
        for i, name in enumerate(spreads):
            ms = [1000 * (i + 1) + j for j in range(6)]
            members[name] = made(
                _ffi.usher_spread,
                n=ms[0],
                p50_ms=ms[1],
                p90_ms=ms[2],
                p99_ms=ms[3],
                max_ms=ms[4],
                sum_ms=ms[5],
            )
            fields[name] = figures.Spread(ms[0], *(timedelta(milliseconds=m) for m in ms[1:]))
        members["queue"], fields["queue"] = 4711, "help"
        members["priority"] = fields["priority"] = Priority.LOW
        members["from_at"], fields["since"] = at(1)
        members["to_at"], fields["until"] = at(2)
        members["held_ms"], fields["held"] = 3, timedelta(milliseconds=3)
        rows = (_ffi.usher_figures * 2)()
        rows[1] = made(_ffi.usher_figures, **members)
        rows[0].queue = 4711
        for name in spreads:
            for part in ["p50_ms", "p90_ms", "p99_ms", "max_ms"]:
                setattr(getattr(rows[0], name), part, -1)
        none, all_of_it = read(figures.figures, rows, 2)
        self.check(all_of_it, **fields)
        self.check(all_of_it.word, **vars(fields["word"]))
        self.check_none(none)
        self.check_none(none.age)

    def test_agent_figures(self):
        members = {}
        for i, (name, kind) in enumerate(_ffi.usher_agent_figures._fields_):
            if kind is ctypes.c_uint64 and name != "size":
                members[name] = 100 + i
        for present in (0, 1):
            rows = (_ffi.usher_agent_figures * 1)()
            rows[0] = made(
                _ffi.usher_agent_figures, agent=4712, present=present, held_ms=3, **members
            )
            self.check(
                read(figures.agents, rows, 1)[0],
                agent="Ada",
                present=bool(present),
                held=timedelta(milliseconds=3),
                **members,
            )

    def test_symptom(self):
        members = {}
        for i, (name, kind) in enumerate(_ffi.usher_symptom._fields_):
            if kind in (ctypes.c_uint64, ctypes.c_uint32) and name != "size":
                members[name] = 100 + i
        first_at, first = at(1)
        last_at, last_seen = at(2)
        rows = (_ffi.usher_symptom * 2)()
        rows[0] = made(
            _ffi.usher_symptom,
            symptom=b"no \xc3\xa4ir",
            first_at=first_at,
            last_at=last_at,
            **members,
        )
        rows[1].symptom = b"other"
        all_of_it, none = read(figures.symptoms, rows, 2)
        self.check(all_of_it, symptom="no äir", first=first, last_seen=last_seen, **members)
        self.check_none(none)

    def test_no_rows(self):
        for rows in (figures.spans, figures.changes, figures.figures, figures.agents):
            self.assertEqual(rows(0, 0), [])
        self.assertEqual(figures.symptoms(0, 0), [])

    # ---- of all ----------------------------------------------------------------------------------

    def test_what_is_too_far_away(self):
        done = nothing(_ffi.usher_done, until_at=NEVER - 1)
        self.assertIsNone(read(snapshots.done, done).until)
        self.assertEqual(self.event(took_ms=NEVER - 1).took, timedelta.max)

    def test_the_last_instant(self):
        last = nothing(_ffi.usher_done, until_at=_ffi.AT_MAX)
        self.assertEqual(
            read(snapshots.done, last).until,
            datetime(9999, 12, 31, 23, 59, 59, 999000, timezone.utc),
        )

    def test_nothing_belongs_to_c(self):
        who = ctypes.create_string_buffer(b"Ada")
        text = ctypes.create_string_buffer(b"hello")
        members = {name: 0 for name, _ in _ffi.usher_event._fields_ if name not in ("text", "notify")}
        members.update(who=None, to=None, rule=None, queue=None)
        struct = _ffi.usher_event(**members)
        struct.text = _ffi.usher_text(ctypes.cast(text, ctypes.c_char_p), 5)
        struct.who = ctypes.cast(who, ctypes.c_char_p)
        event = read(snapshots.event, struct)
        ctypes.memset(ctypes.addressof(struct), 0xFF, ctypes.sizeof(struct))
        who.value, text.value = b"Bob", b"bye"
        self.assertEqual((event.who, event.text, event.seq), ("Ada", "hello", 0))

    def test_texts(self):
        data = ctypes.create_string_buffer(b"ab\0cd")
        address = ctypes.addressof(data)
        self.assertEqual(_reading.octets(address, 5), b"ab\0cd")
        self.assertEqual(_reading.octets(address, 2), b"ab")
        self.assertEqual(_reading.octets(address, 1), b"a")
        self.assertEqual(_reading.octets(address, 0), b"")
        self.assertIsNone(_reading.octets(None, 0))
        self.assertIsNone(_reading.text(0, 0))


if __name__ == "__main__":
    unittest.main()
