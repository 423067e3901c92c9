"""Which scenarios a check runs: a share of them on each of several machines, or only what failed last time."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from rfgen.problems import InputError
from rfgen.record.summary import write_json, write_whole
from rfgen.records import State
from rfgen.scenario import Scenario, load_scenario
from rfgen.when import When

Source = tuple[str, str]
"""A scenario's name, and its path or, again, a shipped one's name."""

FOLDER = Path(".rfgen")
FILE_NAME = "last-check.json"
VERSION = 1

CHECK_S = 8.0
"""Priming and impedance check together (assumed; they weigh little)."""
RAMP_C_S = 1.0
SETTLE_S = 5.0
PLANT_COST = {"network": 1.0, "reduced": 2.0, "field": 10.0}
"""A tick on each plant against one on the network (assumed: it decides how even the shards are, no more)."""


# --- shards ----------------------------------------------------------------------------------------------------------


def shard(sources: Sequence[Source], number: int, count: int) -> list[Source]:
    """The `number`-th of `count` shares, from 1, in the order given. Every source is in one share and no more.

    The same files give the same shares on every machine: what counts is how long each treatment lasts by its file, not
    how long it took anywhere. The longest first, each to the share that has least so far.
    """
    ticks = {source: work(source[1]) for source in sources}
    loads = [0.0] * count
    chosen: set[Source] = set()
    for source in sorted(ticks, key=lambda s: (-ticks[s], s)):
        least = loads.index(min(loads))
        loads[least] += ticks[source]
        if least == number - 1:
            chosen.add(source)
    return [source for source in sources if source in chosen]


def work(path: str) -> float:
    """About how many ticks a scenario runs for; a few for one that cannot be read, and is soon done with."""
    try:
        scenario = load_scenario(path)
    except InputError:
        return 100.0
    cost = PLANT_COST[scenario.plant.model]
    return cost * _lasts_s(scenario) * 1000.0 / scenario.device.period_ms


def _lasts_s(scenario: Scenario) -> float:
    entered_s = {State.IMPEDANCE_CHECK: 0.5, State.RAMP: CHECK_S}
    now_s = CHECK_S
    for step in scenario.treatment.steps:
        rise_c = 0.0 if step.target_c is None else max(0.0, step.target_c - scenario.plant.body_c)
        now_s += rise_c / (step.ramp_c_s or scenario.device.control.ramp_c_s or RAMP_C_S)
        entered_s.setdefault(State.HOLD, now_s)
        now_s += step.hold_s

    def at_s(when: When) -> float:
        return when.offset_s + (0.0 if when.anchor is None else entered_s.get(when.anchor, now_s))

    expect = scenario.expect
    cut = expect is not None and expect.reason not in (None, "hold_complete")
    ends = [at_s(fault.at) for fault in scenario.faults] if cut else []
    ends += [at_s(line.at) for line in scenario.operator if line.do == "stop" or (cut and line.fault_on)]
    last_s = max((at_s(line.at) for line in scenario.operator), default=0.0)
    return max(min([*ends, now_s]), last_s) + SETTLE_S


# --- what failed last time -------------------------------------------------------------------------------------------


class LastCheck:
    """What failed at the last check in a working folder, kept in `.rfgen/last-check.json` there.

    A scenario that was not run keeps what was known of it. Several checks at a time each write what they ran.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self.path = folder / FILE_NAME

    def failed(self) -> list[Source] | None:
        """What failed; None where no check is known of (a file that is damaged is none)."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            if kept["version"] != VERSION:
                return None
            return [(str(name), str(source)) for name, source in kept["failed"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def update(self, ran: Collection[Source], failed: Sequence[Source]) -> None:
        """Take note of a check. Raises OSError where the folder cannot be written."""
        self._folder.mkdir(exist_ok=True)
        with self._locked():
            before = [source for source in self.failed() or [] if source not in ran]
            write_json(self.path, {"version": VERSION, "failed": sorted({*before, *failed})})
        ignore = self._folder / ".gitignore"
        if not ignore.exists():
            write_whole(ignore, "*\n")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
