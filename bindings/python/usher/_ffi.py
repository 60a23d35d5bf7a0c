"""C as it is: structs, the constants that Python needs, callback types and functions of usher.h.

Nothing is explained here: the header is the manual. tests/test_layout.py compares the two.

 - Handles (`usher_t *` and the like) are c_void_p: addresses, ints in Python.
 - What Python passes in keeps its Python types: `const char *` is c_char_p (bytes or None), arrays
   are POINTERs. A struct keeps alive what it was made of, so making it in one call, by position, is
   both the quickest way and a safe one.
 - What C hands out is read by address: callbacks are given c_void_p. unpacker() makes the quickest
   reader of a whole struct.
"""

from __future__ import annotations

import ctypes
import struct
from ctypes import CFUNCTYPE, POINTER, Structure
from ctypes import c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

from . import _library

# ---- numbers -------------------------------------------------------------------------------------

NEVER = 2**63 - 1
AT_MAX = 253402300799999

NAME_MAX = 255
TEXT_MAX = 65536
BODY_MAX = 16777216
POLICY_MAX = 1048576
NEEDS_MAX = 16
SKILLS_MAX = 64
PERSONS_MAX = 1000
PAUSES_MAX = 1000
LINKS_MAX = 1000
SYMPTOMS_MAX = 65536
FIGURE_DAYS = 32
CLAIM_MAX = 1000
CLAIM_QUEUES_MAX = 64
BATCH_MAX = 10000
QUEUES_MAX = 65535
AGENTS_MAX = 1000000
SUBSCRIBERS_MAX = 64
ROWS_MAX = 1000
UNDONE_MAX = 1024
PATH_MAX = 500
UNSAVED_MAX = 67108864
WAITS_MIN = 20
WAITS_MAX = 200
STATES = 10

OK = 0
EINVAL = -20001
ENOMEM = -20002
ELIMIT = -20003
EFULL = -20004
ENOENT = -20005
ESTATE = -20006
ESTALE = -20007
ECANCELED = -20009
ETIMEDOUT = -20010
EPOLICY = -20011
ESTORE = -20013
EUNKNOWN = -20014
EFAILED = -20015
EBUSY = -20016
ECORRUPT = -20017
EVERSION = -20018
EFORK = -20019
ETHREAD = -20020

# The words that users meet are enums, in words.py; these are for the binding's own calls.
BY_MACHINE = 1
COURTESY = 1

NAME_STATE = 1
NAME_VERB = 2
NAME_EVENT = 3
NAME_PROMISE = 4
NAME_PRIORITY = 5

READ_TICKETS = 1
READ_BODY = 2
READ_HISTORY = 3
READ_WHY_DUE = 4
READ_WHY_RANK = 5
READ_WHAT_IF = 6
READ_FIGURES = 7
READ_AGENTS = 8
READ_SYMPTOMS = 9
READ_METRICS = 10

# ---- structs, as wide and in the order of the header ---------------------------------------------


class usher_text(Structure):
    # c_char_p takes bytes as they are, but reading stops at a NUL: use text_at().
    _fields_ = [("data", c_char_p), ("len", c_uint64)]


class usher_op(Structure):
    _fields_ = [("hi", c_uint64), ("lo", c_uint64)]


class usher_claim(Structure):
    _fields_ = [("ticket", c_uint64), ("token", c_uint64)]


# ---- callbacks: C calls these types --------------------------------------------------------------

# usher_t *u or usher_agent_t *a, then what it is about, then the token that was passed as `user`.
usher_open_cb = CFUNCTYPE(None, c_void_p, c_int, usher_text, c_void_p)
usher_close_cb = CFUNCTYPE(None, c_void_p)
usher_post_cb = CFUNCTYPE(None, c_void_p, c_void_p)
usher_done_cb = CFUNCTYPE(None, c_void_p, c_void_p, c_void_p)  # u, usher_done *, user
# a, status, usher_work *, n, user
usher_work_cb = CFUNCTYPE(None, c_void_p, c_int, c_void_p, c_size_t, c_void_p)
usher_event_cb = CFUNCTYPE(None, c_void_p, c_void_p, c_void_p)  # u, usher_event *, user
# u, status, usher_page *, user
usher_page_cb = CFUNCTYPE(None, c_void_p, c_int, c_void_p, c_void_p)

# Members of structs, which have no name of their own in C.
resize_fn = CFUNCTYPE(c_void_p, c_void_p, c_void_p, c_size_t)
clock_fn = CFUNCTYPE(c_int64, c_void_p)
# u, status, ticket, verb, user
on_lost_cb = CFUNCTYPE(None, c_void_p, c_int, c_uint64, c_int, c_void_p)
trace_cb = CFUNCTYPE(None, c_void_p, c_char_p, c_void_p)  # u, line, user
progress_cb = CFUNCTYPE(None, c_uint64, c_uint64, c_void_p)  # rows, of, user
on_failed_cb = CFUNCTYPE(None, c_void_p, c_int, usher_text, c_void_p)  # u, status, why, user


class usher_allocator(Structure):
    _fields_ = [("resize", resize_fn), ("ctx", c_void_p)]


class usher_clock(Structure):
    _fields_ = [("wall_ms", clock_fn), ("boot_ms", clock_fn), ("ctx", c_void_p)]


class usher_options(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("allocator", POINTER(usher_allocator)),
        ("clock", POINTER(usher_clock)),
        ("on_lost", on_lost_cb),
        ("trace", trace_cb),
        ("user", c_void_p),
        ("durability", c_int32),
        ("max_pending", c_uint32),
        ("op_window_ms", c_int64),
        ("op_window_n", c_uint32),
        ("keep_closed", c_uint32),
        ("history_bytes", c_uint64),
        ("seed", c_uint64),
        ("retain_ms", c_int64),
        ("err", c_void_p),  # ctypes.addressof() of a create_string_buffer()
        ("err_len", c_uint64),
        ("progress", progress_cb),
        ("on_failed", on_failed_cb),
        ("zoneinfo", c_char_p),
    ]


class usher_done(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("ticket", c_uint64),
        ("seq", c_uint64),
        ("token", c_uint64),
        ("status", c_int32),
        ("state", c_int32),
        ("verb", c_int32),
        ("outcome", c_int32),
        ("until_at", c_int64),
        ("durability", c_int32),
        ("priority", c_int32),
        ("detail", usher_text),
    ]


class usher_request(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("requester", c_char_p),
        ("body", usher_text),
        ("symptom", c_char_p),
        ("dedup_key", c_char_p),
        ("ref", c_char_p),
        ("needs", POINTER(c_char_p)),
        ("needs_n", c_uint32),
        ("priority", c_int32),
        ("start_at", c_int64),
        ("op", usher_op),
        ("follows", c_uint64),
    ]


class usher_work(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("claim", usher_claim),
        ("queue", c_void_p),
        ("enqueued_at", c_int64),
        ("lease_until_at", c_int64),
        ("due_at", c_int64),
        ("priority", c_int32),
        ("level", c_int32),
        ("attempts", c_uint32),
        ("persons", c_uint32),
        ("requester", c_char_p),
        ("symptom", c_char_p),
        ("ref", c_char_p),
        ("body", usher_text),
    ]


class usher_claim_args(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("queues", POINTER(c_void_p)),
        ("queues_n", c_uint32),
        ("n", c_uint32),
        ("wait_ms", c_int64),
        ("op", usher_op),
    ]


class usher_command(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("verb", c_int32),
        ("kind", c_int32),
        ("claim", usher_claim),
        ("text", usher_text),
        ("at", c_int64),
        ("ms", c_int64),
        ("queue", c_void_p),
        ("who", c_char_p),
        ("op", usher_op),
        ("agent", c_void_p),
        ("other", c_uint64),
    ]


class usher_collected(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("rows", POINTER(usher_done)),
        ("row_size", c_uint64),
        ("n", c_uint64),
        ("done", c_uint64),
        ("cb", usher_done_cb),
        ("user", c_void_p),
    ]


class usher_event(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("seq", c_uint64),
        ("ticket", c_uint64),
        ("ticket_seq", c_uint64),
        ("at", c_int64),
        ("seen_at", c_int64),
        ("until_at", c_int64),
        ("due_at", c_int64),
        ("kind", c_int32),
        ("state", c_int32),
        ("how", c_int32),
        ("promise", c_int32),
        ("level", c_int32),
        ("priority", c_int32),
        ("n", c_uint32),
        ("kept", c_uint32),
        ("lapsed", c_uint32),
        ("policy_version", c_uint32),
        ("queue", c_void_p),
        ("who", c_char_p),
        ("to", c_char_p),
        ("rule", c_char_p),
        ("text", usher_text),
        ("notify", usher_text),
        ("notify_at", c_int64),
        ("other", c_uint64),
        ("took_ms", c_int64),
        ("word_ms", c_int64),
        ("held_ms", c_int64),
    ]


class usher_promise(Structure):
    _fields_ = [
        ("start_at", c_int64),
        ("due_at", c_int64),
        ("target_ms", c_int64),
        ("left_ms", c_int64),
        ("state", c_int32),
        ("arming", c_uint32),
    ]


class usher_standing(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("ticket", c_uint64),
        ("ticket_seq", c_uint64),
        ("queue", c_void_p),
        ("enqueued_at", c_int64),
        ("start_at", c_int64),
        ("state_at", c_int64),
        ("until_at", c_int64),
        ("rank_at", c_int64),
        ("ahead", c_int64),
        ("ahead_in_queue", c_int64),
        ("due_at", c_int64),
        ("next_word_at", c_int64),
        ("state", c_int32),
        ("priority", c_int32),
        ("level", c_int32),
        ("waits_for_you", c_int32),
        ("attempts", c_uint32),
        ("chases", c_uint32),
        ("persons", c_uint32),
        ("policy_version", c_uint32),
        ("requester", c_char_p),
        ("holder", c_char_p),
        ("kept_for", c_char_p),
        ("symptom", c_char_p),
        ("ref", c_char_p),
        ("last_word", usher_text),
        ("question", usher_text),
        ("promises", usher_promise * 4),
        ("wait_p50_ms", c_int64),
        ("wait_p90_ms", c_int64),
        ("waits", c_uint32),
        ("rank_by", c_int32),
        ("rank_from_at", c_int64),
        ("rank_behind_ms", c_int64),
        ("offered_to", c_char_p),
        ("offer", c_int32),
        ("handoffs", c_uint32),
        ("cause", c_uint64),
        ("follows", c_uint64),
        ("linked", c_uint32),
        ("is_cause", c_int32),
    ]


class usher_span(Structure):
    _fields_ = [
        ("from_at", c_int64),
        ("to_at", c_int64),
        ("ms", c_int64),
        ("kind", c_int32),
        ("reserved", c_int32),
    ]


class usher_change(Structure):
    _fields_ = [
        ("ticket", c_uint64),
        ("from_at", c_int64),
        ("to_at", c_int64),
        ("promise", c_int32),
        ("what", c_int32),
    ]


class usher_spread(Structure):
    _fields_ = [
        ("n", c_uint64),
        ("p50_ms", c_int64),
        ("p90_ms", c_int64),
        ("p99_ms", c_int64),
        ("max_ms", c_int64),
        ("sum_ms", c_int64),
    ]


class usher_figures(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("queue", c_void_p),
        ("priority", c_int32),
        ("reserved", c_int32),
        ("from_at", c_int64),
        ("to_at", c_int64),
        ("enqueued", c_uint64),
        ("joined", c_uint64),
        ("recurred", c_uint64),
        ("claims", c_uint64),
        ("passed_over", c_uint64),
        ("let_go", c_uint64),
        ("words", c_uint64),
        ("chases", c_uint64),
        ("replies", c_uint64),
        ("handoffs", c_uint64),
        ("accepted", c_uint64),
        ("declined", c_uint64),
        ("expired", c_uint64),
        ("recalled", c_uint64),
        ("pauses", c_uint64),
        ("late_pauses", c_uint64),
        ("failed", c_uint64),
        ("leases_expired", c_uint64),
        ("stuck", c_uint64),
        ("escalated", c_uint64),
        ("no_agent", c_uint64),
        ("resolved", c_uint64),
        ("workarounds", c_uint64),
        ("no_reply", c_uint64),
        ("confirmed", c_uint64),
        ("reopened", c_uint64),
        ("closed", c_uint64),
        ("withdrawn", c_uint64),
        ("kept", c_uint64 * 4),
        ("broken", c_uint64 * 4),
        ("lapsed", c_uint64 * 4),
        ("held_ms", c_int64),
        ("wait", usher_spread),
        ("word", usher_spread),
        ("solve", usher_spread),
        ("open", c_uint64),
        ("waiting", c_uint64),
        ("age", usher_spread),
    ]


class usher_agent_figures(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("agent", c_void_p),
        ("present", c_int32),
        ("reserved", c_int32),
        ("holds", c_uint64),
        ("claims", c_uint64),
        ("out_of_turn", c_uint64),
        ("passed_over", c_uint64),
        ("let_go", c_uint64),
        ("resolved", c_uint64),
        ("failed", c_uint64),
        ("leases_expired", c_uint64),
        ("handoffs", c_uint64),
        ("accepted", c_uint64),
        ("declined", c_uint64),
        ("held_ms", c_int64),
    ]


class usher_symptom(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("symptom", c_char_p),
        ("seen", c_uint64),
        ("recent", c_uint32),
        ("requesters", c_uint32),
        ("first_at", c_int64),
        ("last_at", c_int64),
        ("last", c_uint64),
        ("cause", c_uint64),
        ("linked", c_uint32),
        ("causes", c_uint32),
        ("fixes", c_uint32),
        ("workarounds", c_uint32),
    ]


class usher_query(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("what", c_int32),
        ("limit", c_uint32),
        ("ticket", c_uint64),
        ("queue", c_void_p),
        ("requester", c_char_p),
        ("agent", c_char_p),
        ("symptom", c_char_p),
        ("cursor", c_uint64),
        ("states", c_uint32),
        ("promise", c_int32),
        ("policy", c_char_p),
        ("linked", c_uint64),
        ("from_at", c_int64),
        ("to_at", c_int64),
    ]


class usher_page(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("n", c_uint64),
        ("tickets", c_void_p),
        ("events", c_void_p),
        ("spans", c_void_p),
        ("text", usher_text),
        ("cursor", c_uint64),
        ("changes", c_void_p),
        ("figures", c_void_p),
        ("agents", c_void_p),
        ("symptoms", c_void_p),
    ]


# ---- functions -----------------------------------------------------------------------------------

_service = _queue = _agent = _manual_clock = _user = c_void_p
_out = POINTER(c_void_p)
_options = POINTER(usher_options)
_done = (usher_done_cb, _user)

FUNCTIONS: tuple[_library.Function, ...] = (
    ("usher_strerror", c_char_p, (c_int,)),
    ("usher_err_name", c_char_p, (c_int,)),
    ("usher_version", c_uint32, ()),
    ("usher_name", c_char_p, (c_int, c_int)),
    ("usher_open", c_int, (_out, c_void_p, c_char_p, _options, usher_open_cb, _user)),
    ("usher_close", c_int, (_service, usher_close_cb, _user)),
    ("usher_post", c_int, (_service, usher_post_cb, _user)),
    ("usher_fd", c_int, (_service,)),
    ("usher_timeout", c_int, (_service,)),
    ("usher_turn", c_int, (_service,)),
    ("usher_unref", None, (_service,)),
    ("usher_now", c_int64, (_service,)),
    ("usher_queue", c_int, (_service, _out, c_char_p)),
    ("usher_queue_name", c_char_p, (_queue,)),
    ("usher_define", c_int, (_queue, c_char_p, c_char_p, c_size_t, *_done)),
    ("usher_apply", c_int, (_queue, *_done)),
    ("usher_queue_hold", c_int, (_queue, c_uint32, *_done)),
    ("usher_agent", c_int, (_service, _out, c_char_p, POINTER(c_char_p), c_uint32)),
    ("usher_agent_name", c_char_p, (_agent,)),
    ("usher_agent_service", c_void_p, (_agent,)),
    ("usher_agent_gone", c_int, (_agent, *_done)),
    ("usher_enqueue", c_int, (_queue, POINTER(usher_request), *_done)),
    ("usher_enqueue_many", c_int, (_queue, POINTER(usher_request), c_size_t, *_done)),
    ("usher_claim_many", c_int, (_agent, POINTER(usher_claim_args), usher_work_cb, _user)),
    ("usher_claim_next", c_int, (_agent, _queue, c_int64, usher_work_cb, _user)),
    ("usher_claim_ticket", c_int, (_agent, c_uint64, POINTER(usher_op), usher_work_cb, _user)),
    ("usher_claim_cancel", c_int, (_agent, _user)),
    ("usher_act", c_int, (_service, POINTER(usher_command), *_done)),
    ("usher_act_many", c_int, (_service, POINTER(usher_command), c_size_t, *_done)),
    ("usher_collect", None, (_service, POINTER(usher_done), _user)),
    ("usher_acknowledge", c_int, (_service, POINTER(usher_claim), c_char_p, *_done)),
    ("usher_update", c_int, (_service, POINTER(usher_claim), c_char_p, c_int64, *_done)),
    ("usher_extend", c_int, (_service, POINTER(usher_claim), c_int64, *_done)),
    ("usher_pause", c_int, (_service, POINTER(usher_claim), c_int32, c_char_p, c_int64, *_done)),
    ("usher_resolve", c_int, (_service, POINTER(usher_claim), c_int32, c_char_p, *_done)),
    ("usher_fail", c_int, (_service, POINTER(usher_claim), c_char_p, *_done)),
    ("usher_ask", c_int, (_service, c_uint64, c_char_p, *_done)),
    ("usher_reply", c_int, (_service, c_uint64, c_char_p, c_char_p, *_done)),
    ("usher_confirm", c_int, (_service, c_uint64, c_char_p, *_done)),
    ("usher_reopen", c_int, (_service, c_uint64, c_char_p, c_char_p, *_done)),
    ("usher_subscribe", c_int, (_service, c_char_p, c_uint64, usher_event_cb, _user)),
    ("usher_event_done", c_int, (_service, c_char_p, c_uint64)),
    ("usher_unsubscribe", c_int, (_service, usher_event_cb, _user)),
    ("usher_peek", c_int, (_service, c_uint64, POINTER(usher_standing))),
    ("usher_peek_ref", c_int, (_queue, c_char_p, POINTER(usher_standing))),
    ("usher_counts", c_int, (_queue, POINTER(c_uint64))),
    ("usher_read", c_int, (_service, POINTER(usher_query), usher_page_cb, _user)),
    ("usher_backup", c_int, (_service, c_char_p, *_done)),
    ("usher_purge", c_int, (_service, c_int64, c_char_p, *_done)),
    ("usher_manual_clock_new", c_int, (_out, c_int64)),
    ("usher_manual_clock_free", None, (_manual_clock,)),
    ("usher_manual_clock_get", POINTER(usher_clock), (_manual_clock,)),
    ("usher_manual_clock_step", c_int, (_manual_clock, c_int64)),
    ("usher_manual_clock_skip", c_int, (_manual_clock, c_int64)),
    ("usher_advance", c_int, (_service, c_int64)),
)

lib = _library.load(FUNCTIONS)

COLLECT = ctypes.cast(lib.usher_collect, usher_done_cb)
"""usher_collect() as a callback of the calls for many; `user`: addressof(a usher_collected)."""

# ---- reading -------------------------------------------------------------------------------------

_CODES: dict[Any, str] = {c_int32: "i", c_uint32: "I", c_int64: "q", c_uint64: "Q"}


def unpacker(kind: type[Structure]) -> struct.Struct:
    """Reads a whole struct at once: `unpacker(usher_done).unpack(string_at(address,
    sizeof(usher_done)))` gives its members in order, structs and arrays within it flattened,
    pointers as addresses (0: NULL)."""
    return struct.Struct("@" + _codes(kind))


def _codes(kind: Any) -> str:
    if issubclass(kind, Structure):
        return "".join([_codes(field[1]) for field in kind._fields_])
    if issubclass(kind, ctypes.Array):
        return _codes(kind._type_) * int(kind._length_)
    return _CODES.get(kind, "P")


def text_at(data: int, length: int) -> bytes:
    """The bytes of a usher_text whose members were read as numbers."""
    return ctypes.string_at(data, length) if length else b""
