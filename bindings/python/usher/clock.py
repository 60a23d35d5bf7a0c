"""The manual clock: time that moves only when a test says so.

    clock = usher.ManualClock(datetime(2024, 1, 1, tzinfo=timezone.utc))
    with usher.Service(clock=clock) as desk:
        ...
        desk.advance(timedelta(hours=4))  # what falls due on the way runs at its own instant
"""

from __future__ import annotations

import ctypes
from datetime import datetime, timedelta
from typing import Any, Optional, Union

from . import _ffi, _text
from .errors import Invalid, error


class ManualClock:
    """A clock for tests. It stands until step(), skip() or Service.advance() moves it.

    It lives as long as it is referred to, and every service on it does that: nothing to close.
    """

    def __init__(self, at: Optional[datetime] = None) -> None:
        """at: where it stands, an aware datetime; 2024-01-01 at midnight UTC without one."""
        wall_at = 1704067200000 if at is None else _text.instant(at, "at")
        handle = ctypes.c_void_p()
        err: int = _ffi.lib.usher_manual_clock_new(ctypes.byref(handle), wall_at)
        if err:
            raise error(err)
        self._handle: Optional[int] = handle.value

    def __del__(self) -> None:
        # Not a weakref.finalize(): that runs at exit, perhaps before services are closed there.
        handle = self.__dict__.pop("_handle", None)
        if handle is not None and _free is not None:  # at the end of the interpreter, names go
            _free(handle)

    @property
    def pointer(self) -> Any:
        """const usher_clock *, for usher_options. Who passes it on keeps this object."""
        return _ffi.lib.usher_manual_clock_get(self._handle)

    @property
    def now(self) -> datetime:
        """Where its wall stands, in UTC."""
        clock = self.pointer.contents
        return _text.moment(clock.wall_ms(clock.ctx))

    def step(self, by: timedelta) -> None:
        """The wall alone steps, as when somebody sets the machine's clock; by may be negative.
        Invalid: out of 1970..9999."""
        by_ms = _text.duration(by, "by", -(2**62))
        self._check(_ffi.lib.usher_manual_clock_step(self._handle, by_ms))

    def skip(self, to: Union[datetime, timedelta]) -> None:
        """Moves wall and boot time on, to an instant or by a duration, and runs nothing: what falls
        due meanwhile will be late. Invalid: backwards, or beyond the year 9999."""
        if isinstance(to, timedelta):
            at = _text.instant(self.now, "now") + _text.duration(to, "to")
        else:
            at = _text.instant(to, "to")
        self._check(_ffi.lib.usher_manual_clock_skip(self._handle, at))

    def _check(self, err: int) -> None:
        if err == _ffi.EINVAL:
            raise Invalid("a manual clock stays within 1970..9999, and skips forwards only")
        if err:
            raise error(err)

    def __repr__(self) -> str:
        return f"<usher.ManualClock {self.now.isoformat()}>"


_free: Any = _ffi.lib.usher_manual_clock_free
