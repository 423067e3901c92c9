"""The real generator under exploration: its profile, and how its state is taken, made relative in time, and put back.

Real: Generator, StateMachine, Supervisor (with every row compiled), Controller, permit. Chosen: the `Signals` of a
tick, in place of the Deriver, whose parts have their own evidence; it shows the generator whatever the exploration
wants it to see. Persistences are scaled to 0..3 ticks; the good second of `clears` is two ticks of 0.5 s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from hal import Capability, Command, RigIdentity, RigInfo, Sample
from rfgen.control.check import ImpedanceCheck, Phase
from rfgen.control.controller import Controller
from rfgen.control.plan import Mode, Plan, Step, Tuning
from rfgen.control.power import PullBack
from rfgen.control.temperature import TemperatureLoop
from rfgen.generator import Generator, GeneratorConfig
from rfgen.records import State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.compile import Channels
from rfgen.safety.limits import resolve_limits
from rfgen.safety.row import Needs, Row
from rfgen.safety.signals import NOTHING_KNOWN, Signals
from rfgen.safety.supervisor import Supervisor

PERIOD_US = 500_000
CLEAR_US = 1_000_000
CHANNELS = Channels((0, 1), (2,))
MOST_W = 12.0
FLOW_ML_MIN = 10.0
NOW_US = 10**12
"""Sample time that a state is put back at; the clock of a rig that has booted starts far below."""
AFTER_COOL_OVER = 2
"""Ticks in CUTOFF from which the pump stands still."""
MANY_TICKS = 3
"""Ticks without a sample beyond which more make no difference: every persistence and the good second have passed."""

TUNING = Tuning(
    kp_w_c=0.0,  # the power asked for is constant: it cannot be the exploration's subject, being a real number
    ki_w_c_s=0.0,
    approach_s=0.5,
    start_power_w=1.0,
    sense_power_w=0.5,
    test_power_w=2.0,
    check_s=0.5,
    band_c=2.0,
    ramp_c_s=1000.0,
    ramp_w_s=5.0,
    pull_back_ratio=1e280,
    pull_back_share=0.5,
    recover_s=0.5,
    max_current_a=0.8,
    max_voltage_v=80.0,
    after_cool_s=0.5,
)
TIME_OUTS = {"check_timeout_s": 3.5, "ramp_timeout_s": 3.5, "treatment_timeout_s": 7.5}
"""In ticks of the exploration. Two steps need 6 ticks of RF: a treatment must have more than 4."""


def scaled_us(persist_us: int) -> int:
    """A persistence in the exploration: 0 stays 0; up to 0.1 s is one tick, up to 0.5 s two, beyond three."""
    ticks = 0 if persist_us == 0 else 1 if persist_us <= 100_000 else 2 if persist_us <= 500_000 else 3
    return ticks * PERIOD_US


def scaled_rows(rows: Sequence[Row] = ROWS) -> tuple[Row, ...]:
    """The catalogue with its persistences scaled."""
    return tuple(replace(row, persist_us=scaled_us(row.persist_us)) for row in rows)


def link(boot_count: int) -> RigInfo:
    """What an `open` returns."""
    return RigInfo(RigIdentity("explored", "1", "1"), True, 3, Capability(0), boot_count, 20, 1000, 20.0)


class ChosenSignals:
    """Stands where the Deriver stands and says what it was told to. With `timed`, the three time-outs are counted as
    the Deriver counts them, and not chosen."""

    def __init__(self, period_us: int, timed: bool) -> None:
        self.period_us = period_us
        self.timed = timed
        self.signals: Signals | None = None
        """What to say next; None raises, as a fault of the firmware would."""
        self.pressed = True
        self.start_stuck = False
        self.config_changed = False
        self.missed_ticks = 0
        self.on_ticks = 0
        self.place: tuple[State, int] | None = None
        self.in_place_us = 0
        self.last_us = 0
        self.saw_baseline = False
        self.saw_verdict = False

    def derive(
        self,
        s: Sample,
        state: State,
        step: int,
        target_c: float | None,
        ramp_c: float | None,
        baseline: bool,
        check_spread: float | None,
    ) -> Signals:
        """The chosen signals."""
        signals = self.signals
        if signals is None:
            raise RuntimeError("the firmware fails here because the exploration says so")
        self.missed_ticks = 0
        self.start_stuck = signals.start_stuck
        self.saw_baseline = baseline
        self.saw_verdict = check_spread is not None
        if self.timed:
            if (state, step) == self.place:
                self.in_place_us += s.rig_time_us - self.last_us
            else:
                self.place, self.in_place_us = (state, step), 0
            self.last_us = s.rig_time_us
            in_place_s = self.in_place_us * 1e-6
            return signals._replace(
                ramp_s=in_place_s if state is State.RAMP else None,
                check_s=in_place_s if state is State.IMPEDANCE_CHECK else None,
                on_s=self.on_ticks * self.period_us * 1e-6,
            )
        return signals

    def missed(self, failed: bool, wrong_tick: bool, rebooted: bool = False) -> Signals:
        """A tick without a sample."""
        self.missed_ticks += 1
        return NOTHING_KNOWN._replace(
            missed_ticks=self.missed_ticks, exchange_failed=failed, sample_stale=wrong_tick, rig_rebooted=rebooted
        )

    def gave(self, command: Command, cut: bool) -> None:
        """A command goes out."""
        if command.rf_on:
            self.on_ticks += 1

    def new_treatment(self) -> None:
        """A treatment starts."""
        self.on_ticks = 0

    def new_patient(self) -> None:
        """The dose is chosen: nothing to forget."""

    def relinked(self) -> None:
        """A new link."""
        self.missed_ticks = 0


@dataclass(frozen=True)
class Build:
    """What is explored: the real classes, or one with a defect put in. `rows` are the supervisor's own."""

    generator: type[Generator] = Generator
    supervisor: type[Supervisor] = Supervisor
    change_rows: Callable[[tuple[Row, ...]], tuple[Row, ...]] = tuple


def limits_of(period_us: int, timed: bool) -> dict[str, float]:
    """The catalogue's defaults; the time-outs in ticks of the exploration where they are counted."""
    limits = resolve_limits()
    if timed:
        limits.update({name: ticks * period_us * 1e-6 for name, ticks in TIME_OUTS.items()})
    return limits


def new_generator(build: Build, rows: tuple[Row, ...], period_us: int, timed: bool) -> Generator:
    """A generator with two short steps, every feature fitted, and `rows`; linked to a rig of boot count 1."""
    limits = limits_of(period_us, timed)
    features = frozenset(Needs)
    steps = (Step(0.5, target_c=60.0), Step(0.5, target_c=50.0))
    generator = build.generator(
        GeneratorConfig(
            plan=Plan(Mode.TEMPERATURE, steps, MOST_W, FLOW_ML_MIN),
            tuning=TUNING,
            channels=CHANNELS,
            limits=limits,
            features=features - {Needs.DEAD_MAN},
            period_us=period_us,
            max_power_w=20.0,
        )
    )
    # the ask by a dead man's switch is an operator's start by another way; its row is explored all the same
    generator.supervisor = build.supervisor(limits, CHANNELS, features, build.change_rows(rows))
    generator.deriver = ChosenSignals(period_us, timed)  # type: ignore[assignment]
    generator.linked(link(1))
    generator.take_events()
    return generator


# --- the state ------------------------------------------------------------------------------------------------------

_LOOP = attrgetter(*TemperatureLoop.__slots__)
_OPEN_CEILING = float("inf")


def _fields(text: str) -> frozenset[str]:
    return frozenset(text.split())


KNOWN_FIELDS: Mapping[str, frozenset[str]] = {
    "Generator": _fields(
        """config machine supervisor _new_deriver_config deriver controller reason _tick_s _most_w _control _now _next
        _requests _events _cutoff_ticks _after_cool_ticks _had_sample _boot_count _armed_limits _dead_man
        _watches_start _was_pressed _by_temperature _targets_c"""
    ),
    "Supervisor": _fields(
        """rows limits applicable _by_state _line _persist_us _by_reading _by_relink _state _since_us
        _last_true_us _last_us _relinked _new_clock latched"""
    ),
    "Controller": _fields(
        """plan tuning step_index step check asked_w asked_flow_ml_min held_s ramp_c tick_s _temperature _power
        _pull_back _by_temperature _pulls_back _arrived_s _volt2 _ampere2"""
    ),
    "ImpedanceCheck": _fields(
        "_flow_good_us _flow_ml_min _in_phase_us _least_ohm _most_ohm _sum_ohm _tuning _values phase spread"
    ),
    "PullBack": _fields("_ceiling_w _least_ohm _ratio _recover_s _rise_w_s _share _wait_s"),
}
"""Fields that this module takes care of. One that is not here fails the exploration: say whether it is state."""


def check_fields(generator: Generator) -> None:
    """Raise where the firmware has a field that is not in KNOWN_FIELDS, or has lost one."""
    parts: Sequence[tuple[str, set[str]]] = (
        ("Generator", set(vars(generator))),
        ("Supervisor", set(vars(generator.supervisor))),
        ("Controller", set(vars(generator.controller))),
        ("ImpedanceCheck", set(ImpedanceCheck.__slots__)),
        ("PullBack", set(PullBack.__slots__)),
    )
    for name, found in parts:
        odd = sorted(found ^ KNOWN_FIELDS[name])
        if odd:
            raise AssertionError(f"{name} has other fields than the exploration takes care of: {', '.join(odd)}")


StateKey = tuple[Any, ...]


class Subject:
    """One live generator that is put into a state, given a tick, and asked for the state after it."""

    def __init__(self, build: Build, rows: tuple[Row, ...], timed: bool) -> None:
        self.generator = new_generator(build, rows, PERIOD_US, timed)
        check_fields(self.generator)
        self.rows = rows
        self.timed = timed
        self.deriver: ChosenSignals = self.generator.deriver  # type: ignore[assignment]
        self._persist_us = tuple(row.persist_us for row in rows)
        self._line = self.generator.supervisor._by_relink
        self._rest = self.generator.controller
        self._live = Controller(self.generator.config.plan, TUNING, PERIOD_US * 1e-6)
        self._shared: dict[StateKey, StateKey] = {}

    def save(self) -> StateKey:
        """Everything of the generator that decides what it does next; times relative to the last sample's.

        Left out, because nothing reads it before it is made anew: the controller in IDLE and CUTOFF, but for the flow
        it asks for while the pump goes on (its step is told there, and read by nothing); the sums of the check (its
        spread is chosen); the least impedance of a pull-back that is out of reach. `_relinked` without a latched row
        of the line counts as True, the worse one.
        """
        g, s, d = self.generator, self.generator.supervisor, self.deriver
        # on a new clock every age starts again with the first sample
        now_us = s._last_us
        aged = not s._new_clock
        state = g.machine.state
        if g._requests or g._armed_limits != tuple(s.limits.values()):
            raise AssertionError("a request or a limit is left over that the exploration does not keep")
        since = s._since_us
        last_true = s._last_true_us
        persist_us = self._persist_us
        timers: StateKey = ()
        if self.timed and state is not State.IDLE and state is not State.CUTOFF:
            timers = (d.on_ticks, d.place, d.in_place_us)
        return (
            state,
            g.reason,
            g._had_sample,
            min(g._cutoff_ticks, AFTER_COOL_OVER),
            s._state,
            s.latched,
            s._new_clock,
            s._relinked or not s.latched & self._line,
            tuple(sorted((b, min(now_us - us, persist_us[b]) * aged) for b, us in since.items())) if since else (),
            tuple(sorted((b, min(now_us - us, CLEAR_US) * aged) for b, us in last_true.items())) if last_true else (),
            min(d.missed_ticks, MANY_TICKS),
            d.start_stuck,
            self._control(state),
            timers,
        )

    def _control(self, state: State) -> StateKey:
        c = self.generator.controller
        if state is State.IDLE or state is State.CUTOFF:
            return (c.asked_flow_ml_min if self.generator._cutoff_ticks < AFTER_COOL_OVER else 0.0,)
        check, pull_back = c.check, c._pull_back
        if pull_back._ceiling_w != _OPEN_CEILING or pull_back._wait_s > 0.0:
            raise AssertionError("power was pulled back, which this profile puts out of reach")
        waits = check.phase is Phase.BASELINE or check.phase is Phase.TEST
        key: StateKey = (
            c.asked_flow_ml_min,
            c.step_index,
            c.asked_w,
            c.held_s,
            c.ramp_c,
            c._arrived_s,
            check.phase,
            check._in_phase_us if waits else 0,
            check._flow_good_us if check.phase is Phase.PRIME else 0,
            _LOOP(c._temperature),
        )
        return self._shared.setdefault(key, key)

    def load(self, key: StateKey) -> None:
        """Put the generator into a saved state."""
        g, s, d = self.generator, self.generator.supervisor, self.deriver
        (
            state,
            g.reason,
            g._had_sample,
            g._cutoff_ticks,
            s._state,
            s.latched,
            s._new_clock,
            s._relinked,
            since,
            last_true,
            d.missed_ticks,
            d.start_stuck,
            control,
            timers,
        ) = key
        g.machine.state = state
        g._boot_count = 1
        g._was_pressed = True
        g._now = g._next = 100
        if g._requests:
            g._requests = []
        if g._events:
            g._events = []
        s._last_us = NOW_US
        s._since_us = {bit: NOW_US - age for bit, age in since}
        s._last_true_us = {bit: NOW_US - age for bit, age in last_true}
        d.on_ticks, d.place, d.in_place_us = timers or (0, None, 0)
        d.last_us = NOW_US
        if state is State.IDLE or state is State.CUTOFF:
            c = g.controller = self._rest
            c.asked_flow_ml_min = control[0]
            return
        c = g.controller = self._live
        check = c.check
        (
            c.asked_flow_ml_min,
            c.step_index,
            c.asked_w,
            c.held_s,
            c.ramp_c,
            c._arrived_s,
            check.phase,
            check._in_phase_us,
            check._flow_good_us,
            loop,
        ) = control
        c.step = c.plan.steps[c.step_index]
        check.spread = 0.0 if check.phase is Phase.VERDICT else None
        check._sum_ohm, check._values, check._most_ohm, check._least_ohm = 100.0, 1, 100.0, 100.0
        c._pull_back._least_ohm = _OPEN_CEILING
        temperature = c._temperature
        for name, value in zip(TemperatureLoop.__slots__, loop, strict=True):
            setattr(temperature, name, value)
