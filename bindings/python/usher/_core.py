"""One open service: how calls begin and end, how it is turned, and how it ends itself.

A call that completes later goes the same way in every file of this package:

    token = core.slot(read)                                    # last of all that may raise
    err = lib.usher_act(core.u, byref(command), DONE, token)
    return core.finish(token, err)

finish() turns the service until the answer is there, or, on asyncio, returns a future that the loop's own turns will settle.
What users' callbacks raise comes out once C has returned.

A signal is raised by Python at the next bytecode, which after a while in C is the first of our callback, before any `try` of
it: ctypes would print it, and what C told would be lost. So while C runs, sys.unraisablehook is ours, and tells the callback
again. (Signal handlers run in the main thread only.)
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import select
import sys
import threading
import time
import weakref
from asyncio import get_running_loop
from threading import get_ident
from types import FrameType
from typing import Any, Callable, Dict, List, Optional, Tuple, TypeVar

from . import _ffi, _text
from ._calls import BLOCKED, CORE, KEPT, NOBODY, RESULT, RETURNS, WAITER
from ._calls import CLOSED, COLLECTED, DONE, EVENT, FAILED, LOST, NO_OPEN_CALLBACK, PAGE, POSTED, PROGRESS, TRACE, WORK
from ._calls import Call, Hooks, Kept, awaitable, blocking, calls, closes, cores, early, is_inside_another, listeners
from ._calls import new_token, posts, refuse, repeatable, strays
from ._ending import end, forsaken
from ._ffi import lib
from .errors import Canceled, Forked, UsherError, WrongState, WrongThread, error

__all__ = ["COLLECTED", "DONE", "EVENT", "PAGE", "WORK", "Call", "Core", "Hooks", "ask", "awaitable", "blocking"]

T = TypeVar("T")

_log = logging.getLogger("usher")
_running_loop = asyncio._get_running_loop
_usher_turn = lib.usher_turn
_ESTATE = _ffi.ESTATE
_LONG = 3_600_000  # ms: then look again
_STANDS_STILL = (
    "on a ManualClock nothing comes by itself, and this would wait for ever: ask with wait=timedelta(0), or advance() the service"
)

_INSIDE = (
    "a blocking call cannot be made inside a callback of the same service, which is waiting for the callback to return:"
    " hand it to service.post(), which runs it right afterwards, or use the asyncio family"
)


class Core:
    """One open service. Service, Queue, Agent and the rest hold it; it is closed when none of them is left."""

    u: int
    """usher_t *; 0 when it is closed."""
    loop: Optional[asyncio.AbstractEventLoop]
    """asyncio's, when that is who turns it; None: blocking calls do."""

    def __init__(
        self,
        store: bytes,
        options: Optional[_ffi.usher_options] = None,
        hooks: Optional[Hooks] = None,
        clock: Any = None,
    ) -> None:
        """Opens it; UsherError. clock: a ManualClock, which is kept as long as the service."""
        self.u = 0
        self.store = store
        self.hooks = hooks or Hooks()
        self.clock = clock
        self.loop = None
        self.closed = False
        self.forked = False
        self.turns = 0
        self.raised: List[BaseException] = []
        self.posted: Dict[int, Callable[[], object]] = {}
        self.doubted: List[int] = []
        self.servings: weakref.WeakSet[Any] = weakref.WeakSet()  # what lets go of something, _let_go(), before it closes
        self.unreleased: List[Tuple[int, int]] = []  # claims, (ticket, token), that C had no room to release
        self.commands = 0  # how many: what C let us look at is good until the next
        self._making = 0  # the call between slot() and finish()
        self._posting = False
        self._tracing = False
        self._draining = False
        self._asleep = False
        self._closing: Optional[int] = None
        self._begun = False  # C knows that too
        self._ended: List[bool] = []
        self._over: Optional[asyncio.Future[None]] = None
        self._timer: Optional[asyncio.Handle] = None
        self._due = 0.0
        self._watched = -1
        self._lock = threading.RLock()
        self._finalizer: Optional[weakref.finalize] = None
        self._main = threading.current_thread() is threading.main_thread()
        self.token = new_token()
        self._thread = get_ident()
        # Who may call, and who may make a call that completes later, which in a callback of the blocking family is nobody.
        self._owner = self._door = self._thread
        cores[self.token] = self
        try:
            self._open(options or _ffi.usher_options(size=ctypes.sizeof(_ffi.usher_options)))
        except BaseException:
            self.closed = True
            self._owner = self._door = -1
            raise
        self._fd: int = lib.usher_fd(self.u)
        self._finalizer = weakref.finalize(
            self, forsaken, self.u, self._thread, os.getpid(), _text.string(store), clock, self._ended
        )
        self._finalizer.atexit = False  # _at_exit() sees to that
        self._posting = True

    def _open(self, options: _ffi.usher_options) -> None:
        out = ctypes.c_void_p()
        why = ctypes.create_string_buffer(1024)
        options.err = ctypes.addressof(why)
        options.err_len = len(why)
        options.user = self.token
        options.on_lost = LOST
        if self.hooks.on_failed is not None:
            options.on_failed = FAILED
        if self.hooks.trace is not None:
            options.trace = TRACE
        if self.hooks.progress is not None:
            options.progress = PROGRESS
        if self.clock is not None:
            options.clock = self.clock.pointer
        err: int = self._drive(
            lib.usher_open, ctypes.byref(out), None, self.store, ctypes.byref(options), NO_OPEN_CALLBACK, None
        )
        if err:
            raise error(err, _text.string(why.value))
        self.u = out.value or 0
        if self.raised:
            end(self.u, None)
            raise self.raised.pop(0)

    # ---- who may call ------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Before a call without a completion. WrongThread, Forked, Canceled (it is closed), WrongState (inside trace)."""
        if get_ident() != self._owner:
            self._turn_away()

    def _turn_away(self) -> None:
        if self.forked:
            raise Forked("the service was opened before the fork: open one in this process")
        if get_ident() != self._thread:
            raise WrongThread("a service is used by the thread that opened it; any thread may call service.post()")
        if self.closed:
            raise Canceled("the service is closed")
        if self._tracing:
            raise WrongState("trace must not call the service that it traces")

    def _turn_away_call(self) -> None:
        """The same before a call with a completion. Returns if it may be made after all."""
        self._turn_away()
        # Only C knows for sure: a signal may have come between its return and our seeing to it.
        self._turn()
        self.check()  # what was posted may have closed it

    def _turn_away_loop(self) -> None:
        if get_ident() == self._thread:
            raise WrongState("the service is served by another asyncio loop than the one that runs")

    # ---- calls -------------------------------------------------------------------------------------------------------

    def slot(
        self,
        read: Callable[..., Any],
        abandoned: Optional[Callable[[Any], object]] = None,
        withdraw: Optional[Callable[[int], object]] = None,
    ) -> int:
        """A number for a call that completes later; check() is in it. After it the C call and finish() must come.

        read: makes the result from the address that the callback is given, inside the callback: it copies.
        abandoned(result): nobody waits for the result any more. withdraw(token): nobody waits any more, the call goes on.
        Both are for results that must not be lost (claims), and may make calls only that need no completion."""
        if get_ident() != self._door:
            self._turn_away_call()
        elif self.loop is not None and _running_loop() is not self.loop:
            self._turn_away_loop()
        if self._making:
            self._doubt(self._making)
        self._making = slot = new_token()
        self.commands += 1
        calls[slot] = [self, read, None, None, None if abandoned is None else (abandoned, withdraw)]
        return slot

    def finish(self, slot: int, err: int, detail: Any = "") -> Any:
        """What the call comes to: its result or exception when blocking, a future of it on asyncio. err is what C returned:
        not 0, and there will be no callback; the exception for it is raised now, in both families. detail: a str, or the
        buffer that C wrote it to. (A caller has the number as its variable `slot` too, see _calls.py.)"""
        self._making = 0
        if err:
            del calls[slot]
            self.sync(err, detail)
        if self.loop is not None:
            return self._future(slot)
        call: Any = calls.get(slot)
        if call is not None:
            call[WAITER] = BLOCKED
        if slot in calls:
            self._wait(slot, call)
        else:
            call = early.pop(slot, call)
        if call[WAITER] is RETURNS:
            return call[RESULT]
        raise call[RESULT]

    def _wait(self, slot: int, call: Any) -> None:
        try:
            self._turn()
            while True:
                turns = self.turns
                if call[WAITER] is not BLOCKED:
                    break
                if self.clock is not None and not self.posted and self.store == b"memory:" and lib.usher_timeout(self.u) < 0:
                    raise WrongState(_STANDS_STILL)
                self._sleep(turns)
                self._turn()
        except BaseException:
            self._give_up(slot, call)
            raise
        if self._asleep:
            self._wake()

    def _doubt(self, token: int) -> None:
        """A call did not come to finish(). Whether C was called shows with the next command: it tells them in order."""
        call = calls.get(token)
        if call is not None and not is_inside_another():
            call[WAITER] = NOBODY
            self.doubted.append(token)
            if call[KEPT] is not None and call[KEPT][1] is not None:
                call[KEPT][1](token)

    def forget(self, told: int) -> None:
        """A command was told: what was doubted before it, and is not told yet, C has never heard of."""
        for token in self.doubted:
            if token < told:
                calls.pop(token, None)
        self.doubted = [token for token in self.doubted if token > told]

    def sync(self, err: int, detail: Any = "") -> None:
        """For a call without a completion: raises the exception for what C returned, unless that is 0."""
        if err:
            raise error(err, detail if isinstance(detail, str) else _text.string(detail.value))

    @property
    def pending(self) -> List[int]:
        """The calls that are outstanding; for tests."""
        return [token for token, call in list(calls.items()) if call[CORE] is self]

    def _future(self, token: int) -> asyncio.Future[Any]:
        call = calls[token]
        loop = self.loop
        assert loop is not None
        if call[KEPT] is None:
            call[WAITER] = future = loop.create_future()
            return future
        call[WAITER] = kept = Kept(self, token, *call[KEPT])
        return kept

    def _give_up(self, token: int, call: List[Any]) -> None:
        """Who waited has been interrupted. What is not told yet will be, to nobody."""
        waiter = call[WAITER]
        call[WAITER] = NOBODY
        self.doubted.append(token)  # it will be told, but for a second signal in the very moment of the first
        if call[KEPT] is None:
            return
        abandoned, withdraw = call[KEPT]
        if waiter is RETURNS:
            abandoned(call[RESULT])
        elif waiter is BLOCKED and withdraw is not None and not self.closed:
            withdraw(token)

    # ---- events ------------------------------------------------------------------------------------------------------

    def listen(self, listener: Callable[[int], object], ended: Optional[Callable[[], object]] = None) -> int:
        """A number for usher_subscribe(u, name, from_seq, EVENT, number): listener(address of the usher_event) is called for
        each, inside a callback. What it raises is re-raised by the call that turned, or goes to asyncio's handler.

        ended: for a stream, called when the service has closed. A stream's listener is told again what a signal interrupted,
        and knows by the event's seq what it had already."""
        self.check()
        token = new_token()
        listeners[token] = (self, listener, ended)
        return token

    def unlisten(self, token: int) -> None:
        """After usher_unsubscribe(), or when usher_subscribe() refused."""
        listeners.pop(token, None)

    # ---- what users' callbacks raise ---------------------------------------------------------------------------------

    def trouble(self, reason: BaseException, where: str) -> None:
        """Called inside a callback: what it raised goes to where it can be seen, once C has returned."""
        if self.loop is None or not isinstance(reason, Exception):
            self.raised.append(reason)
        else:
            self.loop.call_exception_handler({"message": f"usher: {where} raised", "exception": reason})

    def traced(self, line: str) -> None:
        trace = self.hooks.trace
        if trace is None:
            return
        self._tracing = True
        owner, door = self._owner, self._door
        self._owner = self._door = -1
        try:
            trace(line)
        finally:
            self._owner, self._door = owner, door
            self._tracing = False

    def _raise(self) -> None:
        """The first; a signal's before all others."""
        raised = self.raised + strays
        self.raised.clear()
        strays.clear()
        raised.sort(key=lambda reason: isinstance(reason, Exception))
        for other in raised[1:]:
            _log.error("usher: raised in a callback, beside another exception", exc_info=other)
        raise raised[0]

    # ---- turning -----------------------------------------------------------------------------------------------------

    def _turn(self) -> int:
        """Runs what can be run now, callbacks and then what was posted; how many callbacks. This is _drive(), without its calls:
        every call in the blocking family comes here."""
        n = 0
        if self.closed or (self._closing is not None and self._must_not_turn()):
            return 0
        if self.loop is None:
            self._door = -1
        try:
            if self._main:
                hook = self._hook = sys.unraisablehook
                sys.unraisablehook = self._rescue
                try:
                    n = _usher_turn(self.u)
                finally:
                    sys.unraisablehook = hook
            else:
                n = _usher_turn(self.u)
        finally:
            if n != _ESTATE:
                self._door = self._owner
        self.turns += 1
        if self.posted or self.raised or self._ended or n < 0 or strays or self.unreleased:
            self._turned(n)
        return n

    def _must_not_turn(self) -> bool:
        """While it closes: a turn may be the last, after which nothing may go to C."""
        if self._ended:
            self._end()
        return self.closed or _is_interrupting()

    def _turned(self, n: int) -> None:
        """What a turn left to be done."""
        if n < 0:
            raise WrongState(_INSIDE) if n == _ESTATE else error(n)
        if self._ended:
            self._end()
        if self.unreleased and n > 0:
            self._release()
        if self.posted and not self._draining:
            self._drain()
        if self.raised or strays:
            self._raise()

    def _release(self) -> None:
        """C was full, and may have room now. It puts back what it has still no room for."""
        from .batch import let_go

        pairs, self.unreleased = self.unreleased, []
        let_go(self, pairs)

    def _drive(self, function: Any, *args: Any) -> int:
        """Calls C where it calls back."""
        result = 0
        if self.loop is None:
            self._door = -1
        hook = self._hook = sys.unraisablehook
        if self._main:
            sys.unraisablehook = self._rescue
        try:
            result = function(*args)
        finally:
            if result != _ESTATE:  # then we are inside a callback all the same
                self._door = self._owner
            if self._main:
                sys.unraisablehook = hook
        return result

    def _rescue(self, unraisable: sys.UnraisableHookArgs) -> None:
        """A callback did not come to its first line, or not from its last one back to C."""
        trace = unraisable.exc_traceback
        frame = None if trace is None else trace.tb_frame
        function = None if frame is None else repeatable.get(frame.f_code)
        if frame is None or function is None or unraisable.exc_value is None:
            hook = self._hook
            (sys.__unraisablehook__ if getattr(hook, "__self__", None) is self else hook)(unraisable)
            return
        self.raised.append(unraisable.exc_value)
        values = frame.f_locals
        if not values.get("told"):
            code = frame.f_code
            function(*[values[name] for name in code.co_varnames[: code.co_argcount]])

    def _sleep(self, turns: int, limit: Optional[int] = None) -> None:
        """Until there is something to do, or limit (ms) is over. turns: how many there had been when it was seen that there is
        reason to sleep; a signal's handler may have turned it since."""
        if self.closed or (self._closing is not None and _is_interrupting()):
            raise Canceled("the service was closed meanwhile")
        asleep, self._asleep = self._asleep, True
        try:
            ms: int = lib.usher_timeout(self.u)
            if ms < 0 or (limit is not None and limit < ms):
                ms = _LONG if limit is None else limit
            # A poll object of its own, for such a handler may come here too.
            poller = select.poll()
            poller.register(self._fd, select.POLLIN)
            # What is posted while posted functions run has its turn after them.
            if ms and (self._draining or not self.posted) and self.turns == turns:
                _poll(poller, min(ms, _LONG))
        finally:
            self._asleep = asleep

    def _wake(self) -> None:
        """Called in a signal's handler, while somebody sleeps below it: what he waits for may have been told just now."""
        if not self.closed:
            lib.usher_post(self.u, POSTED, None)

    def _drain(self) -> None:
        """Runs what was posted, outside of C, where it may make any call."""
        if self.loop is not None:
            while self.posted:
                self.loop.call_soon(self.posted.pop(next(iter(self.posted))))
            return
        self._draining = True
        try:
            while self.posted:
                function = self.posted.pop(next(iter(self.posted)))
                try:
                    function()
                except BaseException as reason:
                    if self._closing is None:
                        raise
                    self.raised.append(reason)  # there may be no other turn in which the rest could run
        finally:
            self._draining = False

    def post(self, function: Callable[[], object]) -> None:
        """From any thread: function() is called on the service's own, in the order posted."""
        if self.forked:
            self._turn_away()
        _text.callback(function, "function")
        token = new_token()
        with self._lock:  # so that it is not closed meanwhile
            if not self._posting:
                raise Canceled("the service is closed")
            posts[token] = (self, function)
            err: int = lib.usher_post(self.u, POSTED, token)
            if err:
                del posts[token]
        self.sync(err)

    def turn(self) -> int:
        self._blocking()
        n = self._turn()
        if self._asleep:
            self._wake()
        return n

    def run(self, left: Callable[[], Optional[int]]) -> None:
        """Turns until left(), how many ms are left (None: no end), says 0, or until it is closed by a callback."""
        self._blocking()
        while True:
            self._turn()
            turns = self.turns
            ms = None if self.closed else left()
            if self.closed or (ms is not None and ms <= 0):
                break
            self._sleep(turns, ms)
        if self._asleep:
            self._wake()

    def advance(self, to_at: int) -> None:
        """usher_advance(), and what it made users' callbacks post and raise."""
        self.check()
        if self.loop is None and self._door != self._owner:
            self._turn_away_call()
        if self._closing is not None and self._must_not_turn():
            raise Canceled("the service was closed meanwhile")
        self.commands += 1
        err = self._drive(lib.usher_advance, self.u, to_at)
        if err == _ESTATE:
            raise WrongState(_INSIDE)
        if err == _ffi.EINVAL:
            raise error(err, "advance() needs a service on a ManualClock, and an instant from now to the year 9999")
        self._turned(1)
        if self._asleep:
            self._wake()
        self.sync(err)

    def _blocking(self) -> None:
        self.check()
        if self.loop is not None:
            raise WrongState("the service is served by asyncio's loop: nothing else turns it")

    # ---- asyncio -----------------------------------------------------------------------------------------------------

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on this loop turns it."""
        self._blocking()
        if self._door != self._owner:
            self._turn_away_call()
        # Our own copy: it can still be taken from the loop when usher has closed its own.
        watched = os.dup(self._fd)
        try:
            loop.add_reader(watched, self._serve)
        except NotImplementedError:
            os.close(watched)
            raise WrongState(
                f"{type(loop).__name__} cannot watch a file descriptor: use a loop with add_reader(), a SelectorEventLoop"
            ) from None
        except BaseException:
            os.close(watched)
            raise
        self._watched = watched
        self.loop = loop
        self._timer = loop.call_soon(self._ring)

    def _ring(self) -> None:
        self._timer = None  # it is over: the next one is a new one
        self._serve()

    def _serve(self) -> None:
        """The loop calls this when there is something to do."""
        loop = self.loop
        if loop is None or self.forked:
            return
        try:
            self._turn()
        finally:
            if self.u and self.loop is loop:
                self._arm(loop)

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        ms: int = lib.usher_timeout(self.u)
        timer = self._timer
        if ms > 0:
            due = loop.time() + ms / 1000
            if timer is not None and self._due - 0.002 < due < self._due + 0.002 and not timer.cancelled():
                return
            self._due = due
        if timer is not None:
            timer.cancel()
            self._timer = None
        if ms == 0:
            self._due = 0.0
            self._timer = loop.call_soon(self._ring)
        elif ms > 0:
            self._timer = loop.call_later(ms / 1000, self._ring)

    def _detach(self) -> None:
        """The loop has nothing of ours any more."""
        loop, self.loop = self.loop, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watched >= 0:
            if loop is not None and not loop.is_closed():
                loop.remove_reader(self._watched)
            os.close(self._watched)
            self._watched = -1

    async def settle(self) -> None:
        """Lets the tasks run that callbacks have woken, until the service has nothing more to tell them."""
        for _ in range(100):
            turns = self.turns
            for _ in range(3):
                await asyncio.sleep(0)
            if self.turns == turns:
                break

    # ---- the end -----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Blocks until it is closed. Again: nothing. Interrupted, it goes on when it is called again.

        In a signal's handler, or a __del__, that came between two steps of a function of ours it only begins: that function may
        be about to give a handle to C, and nothing may be freed. It ends in one of the turns that follow."""
        if self.closed:
            return
        self.check()
        if self._door != self._owner:
            self._turn_away_call()
        if self.loop is not None:
            if self.loop.is_running():
                raise WrongState("on asyncio: `await service.close()`, or `async with`")
            self._forget_loop()
        self._begin_end()
        if _is_interrupting():
            return
        raised: List[BaseException] = []
        while not self.closed:
            try:
                self._turn()
                turns = self.turns
                if not self.closed:
                    self._sleep(turns)
            except Exception as reason:
                raised.append(reason)
        if raised:
            self.raised[:0] = raised
            self._raise()

    async def close_async(self) -> None:
        """Outstanding calls end first: parked claims with Canceled."""
        if self.closed:
            return
        self.check()
        loop = get_running_loop()
        if self.loop is not loop:
            self._turn_away_loop()
        if self._over is None:
            self._begin_end()
            self._over = loop.create_future()
        await asyncio.shield(self._over)

    def _begin_end(self) -> None:
        """Interrupted, it begins again."""
        with self._lock:
            self._posting = False
        if self._begun:
            return
        for serving in list(self.servings):
            serving._let_go()
        if self._closing is None:
            self._closing = new_token()
        token = self._closing
        closes[token] = self._ended
        err: int = lib.usher_close(self.u, CLOSED, token)
        if err and err != _ffi.ECANCELED:  # which says that it was called already
            del closes[token]
            self._closing = None
            raise error(err)
        self._begun = True

    def _end(self) -> None:
        """C has let go of everything."""
        self.u = 0
        self.closed = True
        self._owner = self._door = -1
        self.let_go()
        cores.pop(self.token, None)
        self._detach()
        ends = [listeners.pop(token)[2] for token, heard in list(listeners.items()) if heard[0] is self]
        for token in self.pending:  # none, but for bugs
            refuse(calls.pop(token), Canceled("the service is closed"), token)
        self.clock = None
        for end in ends:
            if end is not None:
                end()
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    def _forget_loop(self) -> None:
        """The loop does not run any more, and its futures are nobody's."""
        for token in self.pending:
            calls[token][WAITER] = NOBODY
        self._detach()

    def let_go(self) -> None:
        """Nothing is to happen any more when it is collected."""
        if self._finalizer is not None:
            self._finalizer.detach()

    def abandon(self, seconds: float) -> bool:
        """At exit: closes it if that can be done here and in that time."""
        if self.closed or self.forked:
            return False
        self.let_go()
        if get_ident() != self._thread or not self.u:
            return False
        with self._lock:
            self._posting = False
        self._forget_loop()
        ended = end(self.u, seconds, self._ended)
        if ended:
            self._end()
        return ended


def _poll(poller: Any, ms: int) -> None:
    poller.poll(ms)


def ask(condition: Callable[[], T]) -> T:
    """A user's function, which may do anything: also close the service."""
    return condition()


# Where a signal's handler, or what was posted, may do anything: nothing of C's is at hand.
_HARMLESS = (_poll.__code__, ask.__code__, Core._drain.__code__)


def _is_interrupting() -> bool:
    """Whether the function of ours that is being called was called in the midst of another one: from a signal's handler, or a
    __del__ that the collector ran."""
    frame: Optional[FrameType] = sys._getframe(1)
    ours = True
    while frame is not None:
        if frame.f_globals.get("__package__") != __package__:
            ours = False
        elif not ours:
            if frame.f_code not in _HARMLESS:
                return True
            ours = True
        frame = frame.f_back
    return False
