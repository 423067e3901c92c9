"""Robustness of a run: how far it stayed from breaking a promise, tick by tick, from what went up and down the seam.

What all monitors share, and what they are told of a treatment. The bounds are written out here, and times are taken
from the rig's own clock; nothing of `rfgen.safety` is called.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from hal import Reply
from rfgen.records import Decision, Event, State, Truth
from rfgen.safety.catalogue import ROW_IDS
from rfgen.safety.row import Needs
from rfgen.scenario import Scenario

RADIATING = (State.IMPEDANCE_CHECK, State.RAMP, State.HOLD)
FAR = 1.0
"""The most that a robustness says: a scale or more from the bound."""


@dataclass(frozen=True)
class Scene:
    """What a monitor is told of a treatment."""

    period_s: float
    electrodes: tuple[int, ...]
    sentinels: tuple[int, ...]
    features: frozenset[Needs]
    by_temperature: bool
    most_w: float
    """Of the treatment and of the stage, the lesser."""
    over_temp_c: float
    hard_c: float
    overshoot_c: float
    sentinel_c: float
    dose_min: float
    z_low_ohm: float
    z_high_ohm: float
    ramp_timeout_s: float
    unspared_c: Callable[[float], float] | None = None
    """The sentinel's true peak of the same treatment, held on, where the forecast does not end it; past the peak asked
    for, how far is not known. None where it cannot be given again."""


class Met(NamedTuple):
    """A fault that was put on, the state that it met, and the first row that tripped from then on."""

    kind: str
    state: str
    tripped: str = ""


def _limit(given: Mapping[str, float], name: str, default: float, least: float, most: float) -> float:
    return min(max(given.get(name, default), least), most)


def scene(scenario: Scenario) -> Scene:
    """From the scenario alone: its limits, or the catalogue's figures, written out again with their hard ranges."""
    device, treatment = scenario.device, scenario.treatment
    given = {**device.limits, **treatment.overrides}
    most_w = device.stage.max_power_w
    if treatment.max_power_w is not None:
        most_w = min(most_w, treatment.max_power_w)
    return Scene(
        period_s=device.period_ms * 1e-3,
        electrodes=tuple(device.electrode_channels),
        sentinels=tuple(device.sentinel_channels),
        features=device.features,
        by_temperature=treatment.mode == "temperature",
        most_w=most_w,
        over_temp_c=_limit(given, "over_temp_c", 95.0, 45.0, 108.0),
        hard_c=_limit(given, "over_temp_hard_c", 110.0, 50.0, 110.0),
        overshoot_c=_limit(given, "overshoot_c", 5.0, 1.0, 10.0),
        sentinel_c=_limit(given, "sentinel_c", 45.0, 38.0, 45.0),
        dose_min=_limit(given, "dose_min", 10.0, 0.1, 10.0),
        z_low_ohm=_limit(given, "z_low_ohm", 25.0, 5.0, 400.0),
        z_high_ohm=_limit(given, "z_high_ohm", 800.0, 60.0, 5000.0),
        ramp_timeout_s=_limit(given, "ramp_timeout_s", 180.0, 5.0, 1800.0),
    )


class Monitor(ABC):
    """One promise over one run. `least`: robustness so far. `over`: nothing that follows can change the verdict.

    `parts`: the same for each comparison that it is made of, by name, and without the cut at `FAR`: a search can climb
    towards any of them, also where another is nearer.
    """

    FORMULA: ClassVar[str]
    """Its temporal-logic form."""
    settle_s = 0.1
    """How long after the end of the treatment a run is looked at."""
    wants_truth = False

    def __init__(self, on: Scene) -> None:
        self.on = on
        self.least = FAR
        self.parts: dict[str, float] = {}
        self.at_tick = 0
        self.over = False
        self.state = State.IDLE
        """The state that the sample of this tick was taken in."""
        self.met: list[Met] = []
        """The faults that were put on, and what came of each."""
        self._what = ""
        self._value = self._bound = math.nan
        self._unit = ""

    def tick(self, tick: int, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        """One tick."""
        self._look(tick, reply, decision, truth)
        if decision.tripped:
            row = ROW_IDS[(decision.tripped & -decision.tripped).bit_length() - 1]
            self.met = [met if met.tripped else met._replace(tripped=row) for met in self.met]
        self.state = decision.state
        if self.least < 0.0:
            self.over = True

    def event(self, event: Event) -> None:
        """What happens before the tick that comes next (a fault), or in the one that was (all else)."""
        if event.kind == "fault" and event.data.get("on"):
            self.met.append(Met(str(event.data["kind"]), self.state.name))
        self._hear(event)

    def _hear(self, event: Event) -> None:  # noqa: B027 - most have nothing to do there
        """Note what of it concerns the promise."""

    @abstractmethod
    def _look(self, tick: int, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        """Note how close this tick comes; `self.state` is the state that its sample was taken in."""

    def _note(self, robustness: float, tick: int, part: str, value: float, bound: float, unit: str) -> None:
        """Keep the least, of this part and of all."""
        parts = self.parts
        if part not in parts or robustness < parts[part]:
            parts[part] = robustness
            self._keep(robustness, tick, part, value, bound, unit)

    def _keep(self, robustness: float, tick: int, what: str, value: float, bound: float, unit: str) -> None:
        if robustness < self.least:
            self.least, self.at_tick = robustness, tick
            self._what, self._value, self._bound, self._unit = what, value, bound, unit

    @property
    def at_s(self) -> float:
        """When it was closest, or broken."""
        return round(self.at_tick * self.on.period_s, 6)

    def text(self) -> str:
        """What was closest, in words."""
        if not self._what:
            return "never near"
        return f"{self._what} {self._value:.5g} {self._unit} against {self._bound:.5g} {self._unit} at {self.at_s:g} s"


class Window:
    """The most of a margin over the last `span_us`, both ends included; None until that much has been seen.

    A reading stands until the next: where a sample was lost at the far end, the one before it counts.
    """

    __slots__ = ("_from_us", "_kept", "_span_us", "_times_us")

    def __init__(self, span_us: int) -> None:
        self._span_us = span_us
        self._kept: deque[tuple[int, float]] = deque()
        self._times_us: deque[int] = deque()
        """Of the readings that stood in the window, the first of which may have begun before it."""
        self._from_us: int | None = None

    def clear(self) -> None:
        """It is not asked for any more."""
        self._from_us = None
        self._kept.clear()
        self._times_us.clear()

    def push(self, now_us: int, margin: float) -> float | None:
        """The most now."""
        kept, times_us = self._kept, self._times_us
        if self._from_us is None or (kept and now_us < kept[-1][0]):
            kept.clear()  # a clock that went back starts anew
            times_us.clear()
            self._from_us = now_us
        while kept and kept[-1][1] <= margin:
            kept.pop()
        kept.append((now_us, margin))
        since_us = now_us - self._span_us
        times_us.append(now_us)
        while len(times_us) > 1 and times_us[1] <= since_us:
            times_us.popleft()
        while kept[0][0] < times_us[0]:
            kept.popleft()
        return kept[0][1] if self._from_us <= since_us else None
