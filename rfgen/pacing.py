"""Real time: the one part of a run that looks at the wall clock."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator

PRIORITY = 10
"""Above every ordinary process, below the kernel's own threads (Linux: SCHED_FIFO takes 1 to 99; theirs is 50)."""


class RealTimePacer:
    """Waits for each tick's moment, and counts how late it was.

    Moments lie on one grid from the first tick on, so that lateness does not add up. A tick that comes more than a
    period late is missed: the moments that passed meanwhile are left out, never made up for by a burst of ticks.
    """

    def __init__(
        self,
        period_us: int,
        clock_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._period_s = period_us * 1e-6
        self._clock_s = clock_s
        self._sleep = sleep
        self._began_s: float | None = None
        self._moments = 0
        self._late_s: list[float] = []
        self.overruns = 0
        """Ticks that came more than a period late."""
        self.left_out = 0
        """Moments of the grid without a tick."""

    def wait(self, tick: int) -> bool:
        """Return when tick `tick` is due, at once where its moment has passed; True where by more than a period."""
        now_s = self._clock_s()
        if self._began_s is None:
            self._began_s = now_s
        due_s = self._began_s + self._moments * self._period_s
        if now_s < due_s:
            self._sleep(due_s - now_s)
            now_s = self._clock_s()
        late_s = now_s - due_s
        self._late_s.append(late_s)
        self._moments += 1
        missed = late_s > self._period_s
        if missed:
            self.overruns += 1
            passed = int(late_s / self._period_s)
            self.left_out += passed
            self._moments += passed
        return missed

    def figures(self) -> dict[str, object]:
        """Jitter and misses, for timing.json."""
        late = sorted(self._late_s)
        if not late:
            return {}
        return {
            "late_s": {
                "median": late[len(late) // 2],
                "p99": late[min(len(late) - 1, len(late) * 99 // 100)],
                "most": late[-1],
            },
            "overruns": self.overruns,
            "left_out": self.left_out,
        }


@contextlib.contextmanager
def real_time_priority() -> Iterator[str]:
    """Real-time priority within its context, where the system allows it; gives what came of that, in words."""
    try:
        before = os.sched_getscheduler(0), os.sched_getparam(0)
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
    except AttributeError:
        yield "none: this system has no real-time scheduling that Python can ask for"
        return
    except OSError as error:
        yield f"none: {error.strerror} (allow it with `ulimit -r {PRIORITY}`, or an rtprio line in limits.conf)"
        return
    try:
        yield f"SCHED_FIFO {PRIORITY}"
    finally:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, *before)
