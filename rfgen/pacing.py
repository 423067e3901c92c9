"""Real time: the one part of a run that looks at the wall clock."""

from __future__ import annotations

import time


class RealTimePacer:
    """Waits for each tick's moment, and counts how late it was. Lateness is never made up for by a burst of ticks."""

    def __init__(self, period_us: int) -> None:
        self._period_s = period_us * 1e-6
        self._due_s: float | None = None
        self._late_s: list[float] = []
        self.overruns = 0

    def wait(self, tick: int) -> bool:
        """Return when tick `tick` is due, at once where its moment has passed; True where by more than a period."""
        now_s = time.monotonic()
        if self._due_s is None:
            self._due_s = now_s
        if now_s < self._due_s:
            time.sleep(self._due_s - now_s)
            now_s = time.monotonic()
        late_s = now_s - self._due_s
        self._late_s.append(late_s)
        missed = late_s > self._period_s
        if missed:
            self.overruns += 1
            self._due_s = now_s
        self._due_s += self._period_s
        return missed

    def figures(self) -> dict[str, object]:
        """Jitter, for timing.json."""
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
        }
