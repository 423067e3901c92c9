"""What surrounds the generator in a tick of the exploration: requests, readings, replies; and which of them a search
takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from evidence.explore_readings import Reading, Readings
from evidence.explore_spec import LOST_AFTER, RADIATING, Ask, Expected
from evidence.explore_subject import CHANNELS, FLOW_ML_MIN, PERIOD_US, limits_of, link, scaled_rows
from hal import Absence, NoSample, Sample
from rfgen.records import OperatorAction

COLD_C = 37.0

ASKS: tuple[tuple[Ask, ...], ...] = (
    (),
    (Ask.START,),
    (Ask.STOP,),
    (Ask.NEW_PATIENT,),
    (Ask.ACKNOWLEDGE,),
    (Ask.ACKNOWLEDGE_NO_LINK,),
    (Ask.ACKNOWLEDGE_BOOTED,),
    (Ask.START, Ask.STOP),
    (Ask.STOP, Ask.ACKNOWLEDGE),
    (Ask.ACKNOWLEDGE, Ask.START),
)
REQUESTS = {
    Ask.START: (OperatorAction.START, None),
    Ask.STOP: (OperatorAction.STOP, None),
    Ask.NEW_PATIENT: (OperatorAction.NEW_PATIENT, None),
    Ask.ACKNOWLEDGE: (OperatorAction.ACKNOWLEDGE, link(1)),
    Ask.ACKNOWLEDGE_NO_LINK: (OperatorAction.ACKNOWLEDGE, None),
    Ask.ACKNOWLEDGE_BOOTED: (OperatorAction.ACKNOWLEDGE, link(2)),
}


class Choice(NamedTuple):
    """One tick of what surrounds the generator, but for the operator."""

    name: str
    reading: Reading | None = None
    absence: NoSample | None = None
    progress: bool = True
    """Control sees what lets it go on."""
    still: bool = False


FAILS = Choice("the firmware fails")


@dataclass(frozen=True)
class Scope:
    """What one search covers.

    `row_ids`: rows whose conditions are moved (None: all). `at_once`: how many of them may be true or held in one
    tick. `in_play`: how many may be counting, latched or read at the same time; None sets no bound to it. `timed`:
    the time-outs are counted, not chosen. `part`: (k, n) takes every n-th pair from the k-th.
    """

    row_ids: tuple[str, ...] | None = None
    at_once: int = 2
    in_play: int | None = 2
    timed: bool = False
    part: tuple[int, int] = (0, 1)


class Surroundings:
    """The choices that a scope allows."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        rows = scaled_rows()
        self.rows = rows
        self.readings = readings = Readings(rows, limits_of(PERIOD_US, scope.timed), CHANNELS)
        timed = {"CHECK_TIMEOUT", "RAMP_TIMEOUT", "TREATMENT_TIMEOUT"} if scope.timed else set()
        ids = [row.id for row in rows] if scope.row_ids is None else list(scope.row_ids)
        bits = [readings.bit(row_id) for row_id in ids if row_id not in timed]
        self.moved = sum(1 << bit for bit in bits)
        groups: list[tuple[int, ...]] = [(bit,) for bit in bits]
        if scope.at_once > 1:
            k, n = scope.part
            groups += [pair for place, pair in enumerate(combinations(bits, 2)) if place % n == k]
        self._groups: list[tuple[int, list[Reading]]] = []
        for group in groups:
            shown = readings.of(*group)
            mask = 0
            for reading in shown:
                mask |= reading.true
            for bit in group:
                mask |= 1 << bit
            self._groups.append((mask, shown))
        self._by_play: dict[int, tuple[int, list[Reading]]] = {}
        self._choices: dict[tuple[int, bool, bool, bool], list[Choice]] = {}
        self.bit = {row.id: 1 << bit for bit, row in enumerate(rows)}

    def allowed(self, in_play: int) -> bool:
        """May these rows be in play together?"""
        return self.scope.in_play is None or bool(self._open(in_play)[1])

    def _open(self, in_play: int) -> tuple[int, list[Reading]]:
        """(rows that may join, readings) where these rows are in play."""
        if self.scope.in_play is None:
            in_play = 0
        found = self._by_play.get(in_play)
        if found is None:
            union = 0
            distinct: dict[tuple[int, int, bool], Reading] = {}
            for mask, shown in self._groups:
                if in_play & ~mask:
                    continue
                union |= mask
                for reading in shown:
                    key = (reading.true, reading.held, reading.signals.impedance_ohm is None)
                    distinct.setdefault(key, reading)
            found = self._by_play[in_play] = (union, list(distinct.values()))
        return found

    def choices(self, in_play: int, e: Expected) -> list[Choice]:
        """For a tick in which `e` is what is known after the operator's requests; `fine` comes first."""
        key = (in_play, e.state in RADIATING, e.fresh, e.missed + 1 >= LOST_AFTER)
        found = self._choices.get(key)
        if found is None:
            found = self._choices[key] = self._of(*key)
        return found

    def _of(self, in_play: int, runs: bool, fresh: bool, loses: bool) -> list[Choice]:
        found = []
        stale, lost, reboot = self.bit["SAMPLE_STALE"], self.bit["LINK_LOST"], self.bit["RIG_REBOOT"]
        for reading in self._open(in_play)[1]:
            for progress in (True, False) if runs else (True,):  # control does not run elsewhere
                found.append(Choice(reading.name, reading, progress=progress))
                if reading.true & stale and not fresh:
                    found.append(Choice(reading.name, reading, progress=progress, still=True))
        absences = {"no reply": 0, "rig error": lost, "rebooted": lost | reboot, "wrong tick": stale}
        if in_play.bit_count() <= 1:  # these differ from those above in what the line says, not in what it means
            absences |= {"line down": lost, "not configured": lost | reboot}
        for name, needs in absences.items():
            if self._joins(in_play, needs | (lost if loses else 0)):
                found.append(Choice(name, absence=ABSENCES[name]))
        if self._joins(in_play, self.bit["INTERNAL_ERROR"]):
            found.append(FAILS)
        return found

    def _joins(self, in_play: int, needs: int) -> bool:
        return not needs & ~self.moved and self.allowed(in_play | needs)


def sample_at(rig_time_us: int, progress: bool, target_c: float) -> Sample:
    """What control looks at: with `progress`, good flow, a reading at the target, and RF read back on."""
    return Sample(
        tick=0,
        rig_time_us=rig_time_us,
        rf_on=progress,
        pump_on=True,
        watchdog_tripped=False,
        loop_closed=True,
        start_pressed=True,
        estop_pressed=False,
        return_attached=True,
        stage_fault=False,
        rig_trip=0,
        bad_frames=0,
        tc_fault=0,
        power_w=0.0,
        voltage_v=0.0,
        current_a=0.0,
        phase_deg=0.0,
        flow_ml_min=FLOW_ML_MIN if progress else 0.0,
        coolant_c=22.0,
        stage_c=25.0,
        temperature_c=(target_c if progress else COLD_C, COLD_C, COLD_C),
    )


ABSENCES: Mapping[str, NoSample] = {
    "no reply": NoSample(0, Absence.TIMEOUT),
    "rig error": NoSample(0, Absence.RIG_ERROR, 1),
    "rebooted": NoSample(0, Absence.RIG_ERROR, 2),
    "not configured": NoSample(0, Absence.RIG_ERROR, 4),
    "wrong tick": NoSample(0, Absence.WRONG_TICK),
    "line down": NoSample(0, Absence.LINE_DOWN),
}
