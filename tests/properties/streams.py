"""A generator to put under test, and arbitrary streams of what a rig may send it: sane, insane, missing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from hal import Absence, Capability, NoSample, Reply, RigIdentity, RigInfo, Sample
from rfgen.control.plan import Mode, Plan, Step, Tuning
from rfgen.generator import Generator, GeneratorConfig
from rfgen.records import Decision, OperatorAction, State
from rfgen.safety.compile import Channels
from rfgen.safety.limits import resolve_limits
from rfgen.safety.row import Needs

PERIOD_US = 20_000
CHANNELS = 3

TUNING = Tuning(
    kp_w_c=2.0,
    ki_w_c_s=0.3,
    approach_s=4.0,
    start_power_w=1.0,
    sense_power_w=0.5,
    test_power_w=2.0,
    check_s=0.5,
    band_c=2.0,
    ramp_c_s=5.0,
    ramp_w_s=5.0,
    pull_back_ratio=1.5,
    pull_back_share=0.5,
    recover_s=2.0,
    max_current_a=0.8,
    max_voltage_v=80.0,
    after_cool_s=1.0,
)

LINKED = RigInfo(RigIdentity("test", "1", "1"), True, CHANNELS, Capability(0), 1, 20, 1000, 20.0)


def plan(mode: Mode = Mode.TEMPERATURE, most_w: float = 12.0, hold_s: float = 0.4) -> Plan:
    """Two short steps."""
    if mode is Mode.TEMPERATURE:
        steps: tuple[Step, ...] = (Step(hold_s, target_c=60.0), Step(hold_s, target_c=50.0))
    else:
        steps = (Step(hold_s, power_w=8.0), Step(hold_s, power_w=4.0))
    return Plan(mode, steps, most_w, flow_ml_min=10.0)


def new_generator(
    mode: Mode = Mode.TEMPERATURE, most_w: float = 12.0, max_power_w: float = 20.0, **limits: float
) -> Generator:
    """Three thermocouples: two on the electrode, one sentinel."""
    features = {Needs.SENTINEL, Needs.PUMP} | ({Needs.TEMPERATURE_MODE} if mode is Mode.TEMPERATURE else set())
    return Generator(
        GeneratorConfig(
            plan=plan(mode, most_w),
            tuning=TUNING,
            channels=Channels((0, 1), (2,)),
            limits=resolve_limits(limits),
            features=frozenset(features),
            period_us=PERIOD_US,
            max_power_w=max_power_w,
            prime_s=1.0,
        )
    )


def sample_of(tick: int, **changes: Any) -> Sample:
    """A quiet sample at body temperature."""
    quiet = Sample(
        tick=tick,
        rig_time_us=(tick + 1) * PERIOD_US,
        rf_on=False,
        pump_on=False,
        watchdog_tripped=False,
        loop_closed=True,
        start_pressed=False,
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
        flow_ml_min=0.0,
        coolant_c=22.0,
        stage_c=25.0,
        temperature_c=(37.0,) * CHANNELS,
    )
    return quiet._replace(**changes)


@dataclass
class Rig:
    """The least rig that a treatment can run on: does what it is told, heats as it is driven. A sane stream to
    disturb."""

    load_ohm: float = 100.0
    rf_on: bool = False
    power_w: float = 0.0
    flow_ml_min: float = 0.0
    tip_c: float = 37.0
    tick: int = 0

    def answer(self) -> Sample:
        """The interval that has just ended."""
        on = self.rf_on
        watts = self.power_w if on else 0.0
        self.tip_c += 0.02 * (4.0 * watts - 0.4 * (self.tip_c - 37.0))
        self.tick += 1
        dither_c = 0.01 * (self.tick % 2)  # a converter never repeats itself for long
        return sample_of(
            self.tick - 1,
            rf_on=on,
            power_w=watts,
            voltage_v=math.sqrt(watts * self.load_ohm),
            current_a=math.sqrt(watts / self.load_ohm),
            flow_ml_min=self.flow_ml_min,
            pump_on=self.flow_ml_min > 0.0,
            temperature_c=(self.tip_c + dither_c, self.tip_c - dither_c, 37.0 + dither_c),
        )

    def obey(self, decision: Decision) -> None:
        """The next interval's command."""
        command = decision.command
        self.rf_on, self.power_w, self.flow_ml_min = command.rf_on, command.power_w, command.flow_ml_min


INSANE = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 1e-300, 1e9, -1e9, 1e308, 37.0, 96.0, 111.0])
NUMBER = st.one_of(INSANE, st.floats(-50.0, 250.0), st.floats(allow_nan=True, allow_infinity=True))


@st.composite
def disturbances(draw: st.DrawFn) -> dict[str, Any]:
    """Some fields of a sample, replaced by anything at all."""
    changes: dict[str, Any] = {}
    if draw(st.booleans()):
        return changes
    for name in draw(st.lists(st.sampled_from(FIELDS), max_size=4, unique=True)):
        if name in SWITCHES:
            changes[name] = draw(st.booleans())
        elif name == "temperature_c":
            changes[name] = tuple(draw(st.lists(NUMBER, min_size=CHANNELS, max_size=CHANNELS)))
        elif name in WHOLE:
            changes[name] = draw(st.integers(0, 2**32))
        else:
            changes[name] = draw(NUMBER)
    return changes


SWITCHES = (
    "rf_on",
    "pump_on",
    "watchdog_tripped",
    "loop_closed",
    "start_pressed",
    "estop_pressed",
    "return_attached",
    "stage_fault",
)
WHOLE = ("tc_fault", "rig_trip", "bad_frames", "rig_time_us")
FIELDS = [name for name in Sample._fields if name != "tick"]


@dataclass(frozen=True)
class Moment:
    """One tick of an arbitrary stream."""

    change: dict[str, Any]
    absence: Absence | None
    action: OperatorAction | None
    linked: bool


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    """Mostly an undisturbed tick; now and then anything."""
    return Moment(
        change=draw(disturbances()) if draw(st.integers(0, 9)) == 0 else {},
        absence=draw(st.sampled_from(list(Absence))) if draw(st.integers(0, 19)) == 0 else None,
        action=draw(st.sampled_from(list(OperatorAction))) if draw(st.integers(0, 9)) == 0 else None,
        linked=draw(st.booleans()),
    )


@st.composite
def streams(draw: st.DrawFn) -> list[Moment]:
    """Blocks of undisturbed ticks, long enough to get anywhere, between arbitrary ones."""
    found: list[Moment] = []
    quiet = Moment({}, None, None, False)
    for _ in range(draw(st.integers(1, 6))):
        found += [quiet] * draw(st.sampled_from([0, 1, 5, 30, 120]))
        found += draw(st.lists(moments(), max_size=12))
    start = Moment({}, None, OperatorAction.START, False)
    return [quiet, start, *found] if draw(st.booleans()) else found


def run(generator: Generator, stream: list[Moment]) -> list[tuple[Reply, Decision]]:
    """Feed the stream; what the rig said and what the firmware decided, tick by tick."""
    rig = Rig()
    history: list[tuple[Reply, Decision]] = []
    for moment in stream:
        sample = rig.answer()
        reply: Reply = sample._replace(**moment.change)
        if moment.absence is not None:
            reply = NoSample(sample.tick, moment.absence)
        if moment.action is not None:
            generator.request(moment.action, LINKED if moment.linked else None)
        decision = generator.tick(reply)
        if decision.rf_off:
            rig.rf_on = False
        rig.obey(decision)
        history.append((reply, decision))
    return history


__all__ = ["LINKED", "Moment", "Rig", "State", "new_generator", "plan", "replace", "run", "sample_of", "streams"]
