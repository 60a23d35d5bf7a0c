"""The bare minimum: what Python, ctypes and asyncio take by themselves, and usher's calls made with
nothing else around them."""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Mapping
from itertools import count
from typing import Any, Callable

from usher import _ffi

from measure import Run, cpu_ns
from report import Bench, Figure

lib = _ffi.lib

# ---- ctypes --------------------------------------------------------------------------------------


def call(n: int) -> float:
    """A call of C without arguments."""
    function = lib.usher_version
    began = cpu_ns()
    for _ in range(n):
        function()
    return (cpu_ns() - began) / n


_COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


_equal = _COMPARE(lambda a, b: 0)


def call_back(n: int) -> float:
    """A call of C that calls back once: bsearch() of one."""
    function = ctypes.CDLL(None).bsearch
    function.restype = ctypes.c_void_p
    function.argtypes = (
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, _COMPARE
    )
    key = ctypes.addressof(ctypes.create_string_buffer(8))
    began = cpu_ns()
    for _ in range(n):
        function(key, key, 1, 8, _equal)
    return (cpu_ns() - began) / n


# ---- asyncio -------------------------------------------------------------------------------------


def wake(n: int) -> float:
    """A pipe becomes readable, and who awaits that goes on: one whole round of the loop."""

    async def rounds() -> float:
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        future = loop.create_future()

        def ready() -> None:
            os.read(reading, 1)
            future.set_result(None)

        loop.add_reader(reading, ready)
        began = cpu_ns()
        for _ in range(n):
            future = loop.create_future()
            os.write(writing, b".")
            await future
        took = cpu_ns() - began
        loop.remove_reader(reading)
        os.close(reading)
        os.close(writing)
        return took / n

    return asyncio.run(rounds())


def round_trip(n: int, tasks: int) -> float:
    """A future is made, awaited, and given its result by somebody else; with so many tasks."""

    async def rounds() -> float:
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Future[None]] = []

        async def one(times: int) -> None:
            for _ in range(times):
                future = loop.create_future()
                waiting.append(future)
                await future

        def pump() -> None:
            nonlocal waiting
            now, waiting = waiting, []
            for future in now:
                future.set_result(None)
            if now:
                loop.call_soon(pump)

        times = max(1, n // tasks)
        began = cpu_ns()
        running = [loop.create_task(one(times)) for _ in range(tasks)]
        loop.call_soon(pump)
        await asyncio.gather(*running)
        return (cpu_ns() - began) / (times * tasks)

    return asyncio.run(rounds())


# ---- usher by ctypes alone -----------------------------------------------------------------------


class Bare:
    """A service in memory driven by as little Python as will do: no objects, no errors, nothing
    read but what is needed."""

    def __init__(self, policy: bytes) -> None:
        service, queue, agent = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        self._tokens = count(1)
        self._pending: dict[int, Callable[[int], None]] = {}
        self._done = _ffi.usher_done_cb(self._on_done)
        self._work = _ffi.usher_work_cb(self._on_work)
        none = _ffi.usher_done_cb(0)
        for status in (
            lib.usher_open(service, None, b"memory:", None, _ffi.usher_open_cb(0), None),
            lib.usher_queue(service, queue, b"bench"),
            lib.usher_agent(service, agent, b"ann", None, 0),
            lib.usher_define(queue, policy, None, 0, none, None),
        ):
            if status != 0:
                raise RuntimeError(f"the floor does not open: {status}")
        self._u, self._queue, self._agent = service.value, queue.value, agent.value

    def _on_done(self, _u: Any, done: int, token: int) -> None:
        self._pending.pop(token)(done)

    def _on_work(self, _a: Any, _status: int, work: int, _n: int, token: int) -> None:
        self._pending.pop(token)(work)

    def _turned(self, got: list[Any]) -> Any:
        while not got:
            lib.usher_turn(self._u)
        return got[0]

    def _act(self, verb: int, claim: Any, text: bytes) -> None:
        got: list[int] = []
        token = next(self._tokens)
        self._pending[token] = got.append
        words = _ffi.usher_text(text, len(text))
        command = _ffi.usher_command(_COMMAND, verb, 0, claim, words)
        lib.usher_act(self._u, command, self._done, token)
        self._turned(got)

    def cycle(self, n: int, body: bytes) -> float:
        """Enqueue, claim, acknowledge, resolve, one at a time: ns per call."""
        tokens, pending, service = self._tokens, self._pending, self._u
        forever = _ffi.NEVER
        began = cpu_ns()
        for _ in range(n):
            got: list[Any] = []
            token = next(tokens)
            pending[token] = got.append
            text = _ffi.usher_text(body, len(body))
            request = _ffi.usher_request(_REQUEST, b"somebody", text)
            lib.usher_enqueue(self._queue, request, self._done, token)
            self._turned(got)
            got = []
            token = next(tokens)
            pending[token] = lambda at: got.append(
                _ffi.usher_claim.from_buffer_copy(_WORK_HEAD.from_address(at), _CLAIM)
            )
            lib.usher_claim_next(self._agent, self._queue, forever, self._work, token)
            claim = self._turned(got)
            self._act(1, claim, b"on it")
            self._act(7, claim, b"done")
        return (cpu_ns() - began) / (4 * n)

    def close(self) -> None:
        closed: list[Any] = []
        over = _ffi.usher_close_cb(closed.append)
        lib.usher_close(self._u, over, 1)
        self._turned(closed)


_COMMAND = ctypes.sizeof(_ffi.usher_command)
_REQUEST = ctypes.sizeof(_ffi.usher_request)
_CLAIM = _ffi.usher_work.claim.offset
_WORK_HEAD = ctypes.c_char * (_CLAIM + ctypes.sizeof(_ffi.usher_claim))

# ---- the table -----------------------------------------------------------------------------------


def floors(run: Run) -> Bench:
    n = run.scaled(20_000, 20)
    flights = (100, run.scaled(10_000, 200))

    def part() -> Mapping[str, float]:
        took = {"call": call(n), "callback": call_back(n), "wake": wake(n // 4)}
        for flight in flights:
            took[f"future {flight}"] = round_trip(n, flight)
        return took

    got = run.windows("floors", 9, part)
    bench = Bench("floors", "what ctypes and asyncio take by themselves")
    bench.figures = [
        Figure("a ctypes call without arguments", got["call"]),
        Figure("a ctypes call that calls back", got["callback"]),
        Figure("a wake of asyncio through a pipe", got["wake"]),
        *(Figure("a future awaited and settled", got[f"future {k}"], k) for k in flights),
    ]
    bench.notes = ["processor time of this thread"]
    return bench
