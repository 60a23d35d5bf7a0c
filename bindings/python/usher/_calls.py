"""What C calls: one callback for each of its types, made once, and the table of what is outstanding.

A call that completes later is a number to C; what is to become of the answer stands under it in `calls` until C has told it.
So no callback can be collected too early, and none is told twice.

Nothing may unwind through C: an exception becomes the result of the call, or is kept by the core until C has returned. That
goes for signals too. Python raises what a signal handler raises (KeyboardInterrupt) at the next bytecode, wherever that is:
every callback may be told again from its beginning, until what it did shows in the table.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import logging
import sys
import types
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, Generator, Generic, List, Optional, Tuple, TypeVar

from . import _ffi, _text
from .errors import UsherError, error
from .words import Verb

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    from ._core import Core

    P = ParamSpec("P")

T = TypeVar("T")
Read = Callable[[int], Any]


class Call(Generic[T]):
    """What a function returns that ends in finish(), for type checkers alone: a T when blocking, a future of one on asyncio."""


def _retold(function: Callable[..., Any], result: str) -> Any:
    """The same function, told to readers and help() with the result that it has in one of the families."""
    made = types.FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__.lstrip("_"),
        function.__defaults__,
        function.__closure__,
    )
    made.__qualname__ = made.__name__
    made.__kwdefaults__ = function.__kwdefaults__
    made.__doc__ = function.__doc__
    made.__module__ = function.__module__
    made.__annotations__ = dict(function.__annotations__)
    said = str(made.__annotations__.get("return", ""))
    if said.startswith("Call[") and said.endswith("]"):
        said = said[5:-1]
    made.__annotations__["return"] = result.format(said)
    return made


def blocking(function: Callable[P, Call[T]]) -> Callable[P, T]:
    """A command for the family that waits."""
    made: Callable[P, T] = _retold(function, "{}")
    return made


def awaitable(function: Callable[P, Call[T]]) -> Callable[P, asyncio.Future[T]]:
    """A command for the family that awaits."""
    made: Callable[P, asyncio.Future[T]] = _retold(function, "asyncio.Future[{}]")
    return made


# ---- what stands under a number --------------------------------------------------------------------------------------

new_token: Callable[[], int] = itertools.count(1).__next__

# A call: [core, read, waiter, result, (abandoned, withdraw) or None]. A list, for it is made for every command.
calls: Dict[int, List[Any]] = {}
CORE, READ, WAITER, RESULT, KEPT = range(5)
# The waiter: None as yet; who blocks, who finds RETURNS or RAISES there afterwards; an asyncio.Future; nobody any more.
BLOCKED, RETURNS, RAISES, NOBODY = "blocked", "returns", "raises", "nobody"

# What was told before the caller came to finish(): a signal's handler has turned the service in between.
early: Dict[int, List[Any]] = {}

listeners: Dict[int, Tuple[Core, Read, Optional[Callable[[], object]]]] = {}
posts: Dict[int, Tuple[Core, Callable[[], object]]] = {}
closes: Dict[int, List[bool]] = {}  # not empty: it has closed
strays: List[BaseException] = []  # what signals raised in callbacks that were over already
# Weak: what keeps a service is its users and what is outstanding, see _core.py.
cores: weakref.WeakValueDictionary[int, Core] = weakref.WeakValueDictionary()

_int32_at = ctypes.c_int32.from_address
_STATUS = _ffi.usher_done.status.offset
_PAGE_TEXT = _ffi.usher_page.text.offset


def _settle(call: List[Any], value: Any, token: int) -> None:
    call = _whose(call, token)
    waiter = call[WAITER]
    if waiter is BLOCKED:
        call[RESULT] = value
        call[WAITER] = RETURNS
    elif waiter is None or waiter is NOBODY:
        if call[KEPT] is not None:
            call[KEPT][0](value)
    elif waiter is RETURNS or waiter is RAISES:
        return  # told already
    elif not waiter.done():
        waiter.set_result(value)
    elif waiter.cancelled() and call[KEPT] is not None:
        call[KEPT][0](value)


def refuse(call: List[Any], reason: BaseException, token: int) -> None:
    call = _whose(call, token)
    waiter = call[WAITER]
    if waiter is BLOCKED:
        call[RESULT] = reason
        call[WAITER] = RAISES
    elif isinstance(waiter, asyncio.Future) and not waiter.done():
        waiter.set_exception(reason)


def _whose(call: List[Any], token: int) -> List[Any]:
    """Where the answer goes: to the caller also if he has not come to finish() yet."""
    if call[WAITER] is None and _is_being_made(token):
        early[token] = call = [*call]
        call[WAITER] = BLOCKED
    return call


def _is_told(waiter: Any) -> bool:
    return waiter is RETURNS or waiter is RAISES or (isinstance(waiter, asyncio.Future) and waiter.done())


def _is_being_made(token: int) -> bool:
    """Whether a function of ours on the stack has it as its `slot`: after it had called C a signal's handler came, and turned the
    service. If there is none, who made the call was interrupted for good."""
    frame: Optional[types.FrameType] = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__package__") == __package__ and frame.f_locals.get("slot") == token:
            return True
        frame = frame.f_back
    return False


def is_inside_another() -> bool:
    """Whether the function of ours that is being called was called, by a signal's handler or callback, inside of another one."""
    frame: Optional[types.FrameType] = sys._getframe(1)
    left = False
    while frame is not None:
        if frame.f_globals.get("__package__") != __package__:
            left = True
        elif left:
            return True
        frame = frame.f_back
    return False


def _disturbed(reason: BaseException, token: int, again: Callable[..., None], *args: Any) -> None:
    """A callback that ends a call was not finished. What read() raised is the call's result. A signal is put off, and the
    callback told again: it is done only when the call is out of the table."""
    call = calls.get(token)
    if call is None:  # it was finished: so that was a signal
        strays.append(reason)
    elif not isinstance(reason, Exception):
        call[CORE].raised.append(reason)
        again(*args)
    elif _is_told(call[WAITER]):
        strays.append(reason)
        again(*args)
    elif call[KEPT] is None or call[WAITER] is NOBODY:
        del calls[token]
        refuse(call, reason, token)
    else:
        calls[token] = [call[CORE], call[READ], NOBODY, None, call[KEPT]]
        refuse(call, reason, token)
        again(*args)  # a signal handler's exception, perhaps: the result must not be lost


def _troubled(
    reason: BaseException, core: Optional[Core], where: str, told: bool, again: Callable[..., None], *args: Any
) -> None:
    """What a user was to be told was not finished. It is told again when it was a signal, and had not begun."""
    if core is None:
        strays.append(reason)
        return
    core.trouble(reason, where)
    if not told and not isinstance(reason, Exception):
        again(*args)


def _detail(data: int, length: int) -> str:
    return _text.string(_ffi.text_at(data, length))


def _failure(address: int) -> UsherError:
    done = _ffi.usher_done.from_address(address)
    data = ctypes.c_void_p.from_address(address + _ffi.usher_done.detail.offset).value or 0
    return error(done.status, _detail(data, done.detail.len), done.ticket or None)


# ---- what a user wants to be told besides ----------------------------------------------------------------------------

_log = logging.getLogger("usher")


def _warn_of_lost(failure: UsherError, verb: Optional[Verb]) -> None:
    _log.warning("ticket %s: %s is lost: %s", failure.ticket, verb or "a command", failure)


class Hooks:
    """What a user wants to be told besides; see Service."""

    def __init__(
        self,
        on_lost: Optional[Callable[[UsherError, Optional[Verb]], object]] = None,
        on_failed: Optional[Callable[[UsherError], object]] = None,
        trace: Optional[Callable[[str], object]] = None,
        progress: Optional[Callable[[int, int], object]] = None,
    ) -> None:
        self.on_lost = on_lost or _warn_of_lost
        self.on_failed = on_failed
        self.trace = trace
        self.progress = progress


# ---- the callbacks ---------------------------------------------------------------------------------------------------


def _on_done(u: int, done: int, token: int) -> None:
    try:
        call = calls.get(token)
        if call is None:
            return
        if _int32_at(done + _STATUS).value:
            refuse(call, _failure(done), token)
        elif call[WAITER] is BLOCKED:  # as _settle() does, for this is what most commands come through
            call[RESULT] = call[READ](done)
            call[WAITER] = RETURNS
        else:
            _settle(call, call[READ](done), token)
        if call[CORE].doubted:
            call[CORE].forget(token)
        del calls[token]
    except BaseException as reason:
        _disturbed(reason, token, _on_done, u, done, token)


def _on_collected(u: int, done: int, token: int) -> None:
    try:
        call = calls.get(token)
        if call is None:
            return
        _settle(call, call[READ](done), token)
        del calls[token]
    except BaseException as reason:
        _disturbed(reason, token, _on_collected, u, done, token)


def _on_work(agent: int, status: int, work: int, n: int, token: int) -> None:
    try:
        call = calls.get(token)
        if call is None:
            return
        if status:
            refuse(call, error(status), token)
        else:
            _settle(call, call[READ](work, n), token)
        del calls[token]
    except BaseException as reason:
        _disturbed(reason, token, _on_work, agent, status, work, n, token)


def _on_page(u: int, status: int, page: int, token: int) -> None:
    try:
        call = calls.get(token)
        if call is None:
            return
        if status:
            text = _ffi.usher_text.from_address(page + _PAGE_TEXT)
            data = ctypes.c_void_p.from_address(page + _PAGE_TEXT).value or 0
            refuse(call, error(status, _detail(data, text.len)), token)
        else:
            _settle(call, call[READ](page), token)
        del calls[token]
    except BaseException as reason:
        _disturbed(reason, token, _on_page, u, status, page, token)


# In those that follow, what a user wrote has begun when `told` is true.


def _on_event(u: int, event: int, token: int) -> None:
    told, listener = False, None
    try:
        listener = listeners.get(token)
        if listener is not None:
            told = listener[2] is None
            listener[1](event)
            told = True
    except BaseException as reason:
        listener = listener or listeners.get(token)
        core = None if listener is None else listener[0]
        _troubled(reason, core, "an event's callback", told, _on_event, u, event, token)


def _on_posted(u: int, token: int) -> None:
    try:
        post = posts.get(token)
        if post is not None:
            post[0].posted[token] = post[1]
            del posts[token]
    except BaseException as reason:
        strays.append(reason)
        _on_posted(u, token)


def _on_closed(token: int) -> None:
    try:
        ended = closes.get(token)
        if ended is not None:
            ended.append(True)
            del closes[token]
    except BaseException as reason:
        strays.append(reason)
        _on_closed(token)


def _on_lost(u: int, status: int, ticket: int, verb: int, token: int) -> None:
    told = False
    try:
        core = cores.get(token)
        if core is not None:
            failure = error(status, "", ticket or None)
            told = True
            core.hooks.on_lost(failure, Verb(verb) if verb else None)
    except BaseException as reason:
        _troubled(reason, cores.get(token), "on_lost", told, _on_lost, u, status, ticket, verb, token)


def _on_failed(u: int, status: int, why: _ffi.usher_text, token: int) -> None:
    told = False
    try:
        core = cores.get(token)
        if core is not None and core.hooks.on_failed is not None:
            failure = error(status, _text.string(why.data or b""))
            told = True
            core.hooks.on_failed(failure)
    except BaseException as reason:
        _troubled(reason, cores.get(token), "on_failed", told, _on_failed, u, status, why, token)


def _on_trace(u: int, line: bytes, token: int) -> None:
    told = False
    try:
        core = cores.get(token)
        if core is not None:
            text = _text.string(line)
            told = True
            core.traced(text)
    except BaseException as reason:
        _troubled(reason, cores.get(token), "trace", told, _on_trace, u, line, token)


def _on_progress(rows: int, of: int, token: int) -> None:
    told = False
    try:
        core = cores.get(token)
        if core is not None and core.hooks.progress is not None:
            told = True
            core.hooks.progress(rows, of)
    except BaseException as reason:
        _troubled(reason, cores.get(token), "progress", told, _on_progress, rows, of, token)


DONE = _ffi.usher_done_cb(_on_done)
"""read(address of the usher_done), when its status is 0; else the call ends with the exception for it, detail and ticket."""
COLLECTED = _ffi.usher_done_cb(_on_collected)
"""The `cb` of a usher_collected: read(address of the last usher_done), whatever its status."""
WORK = _ffi.usher_work_cb(_on_work)
"""read(address of the first usher_work, how many)."""
PAGE = _ffi.usher_page_cb(_on_page)
"""read(address of the usher_page)."""
EVENT = _ffi.usher_event_cb(_on_event)
"""For the tokens of core.listen(): listener(address of the usher_event)."""
POSTED = _ffi.usher_post_cb(_on_posted)
CLOSED = _ffi.usher_close_cb(_on_closed)
LOST = _ffi.on_lost_cb(_on_lost)
FAILED = _ffi.on_failed_cb(_on_failed)
TRACE = _ffi.trace_cb(_on_trace)
PROGRESS = _ffi.progress_cb(_on_progress)
NO_OPEN_CALLBACK: Any = ctypes.cast(0, _ffi.usher_open_cb)

_callbacks: Tuple[Any, ...] = (
    _on_done,
    _on_collected,
    _on_work,
    _on_page,
    _on_event,
    _on_posted,
    _on_closed,
    _on_lost,
    _on_failed,
    _on_trace,
    _on_progress,
)
repeatable = {callback.__code__: callback for callback in _callbacks}


# ---- asyncio's side of a call ----------------------------------------------------------------------------------------


class Kept(asyncio.Future[Any]):
    """The future of a call whose result must not be lost: a claim. Cancelling it withdraws the call. A result that nobody has
    taken is given to `abandoned`: its awaiter was cancelled, or the future is dropped, as gather(), shield() and the like do."""

    __slots__ = ("core", "token", "abandoned", "withdraw", "taken", "handed")

    def __init__(
        self,
        core: Core,
        token: int,
        abandoned: Callable[[Any], object],
        withdraw: Optional[Callable[[int], object]],
    ) -> None:
        self.taken = False  # somebody has asked for the result()
        self.handed = False  # or has awaited it
        self.core = core
        self.token = token
        self.abandoned = abandoned
        self.withdraw = withdraw
        super().__init__(loop=core.loop)

    def cancel(self, msg: Optional[Any] = None) -> bool:
        cancelled: bool = super().cancel(msg) if msg is not None else super().cancel()
        if cancelled and self.withdraw is not None:
            self._tell(self.withdraw, self.token)
        return cancelled

    def result(self) -> Any:
        value = super().result()
        self.taken = True
        return value

    def __await__(self) -> Generator[Any, None, Any]:
        try:
            value = yield from super().__await__()
        except BaseException as reason:
            if isinstance(reason, GeneratorExit) and not self.get_loop().is_closed():
                self.cancel()  # its coroutine is thrown away
            self.taken = self.handed  # a task asks for the result() before it sees that it is cancelled
            self._let_go()
            raise
        self.taken = self.handed = True
        return value

    def _let_go(self) -> None:
        if not self.taken and self.done() and not self.cancelled() and self._exception is None:
            self.taken = True
            self._tell(self.abandoned, super().result())

    def _tell(self, function: Callable[[Any], object], value: Any) -> None:
        """The collector comes in any thread, and anywhere."""
        core = self.core
        try:
            core.check()
        except UsherError:
            with contextlib.suppress(UsherError):  # closed, or forked
                core.post(lambda: function(value))
        else:
            function(value)

    def __del__(self) -> None:
        if getattr(self, "handed", None) is False:
            self._let_go()
        super().__del__()
