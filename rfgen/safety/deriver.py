"""From a sample and what was commanded to the signals of the tick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hal import Command, Sample
from rfgen.records import State
from rfgen.safety.compile import Channels
from rfgen.safety.derived import (
    NO_STALL,
    Blanking,
    FlowDue,
    Impedance,
    Interval,
    OvershootArm,
    Stall,
    allowed_power_w,
)
from rfgen.safety.electrical import Energy, Jumps, Late, Least, Skew, meter_off_by_w
from rfgen.safety.signals import NOTHING_KNOWN, Signals
from rfgen.safety.thermal import Dose, Forecast, Rate, Stuck, disagreement_c

IDLE: Final = State.IDLE  # a name of the module is found four times as fast
IMPEDANCE_CHECK: Final = State.IMPEDANCE_CHECK
RAMP: Final = State.RAMP
HOLD: Final = State.HOLD
CUTOFF: Final = State.CUTOFF
new_record: Final = tuple.__new__
"""Makes a NamedTuple from a tuple, at half the cost of its own constructor."""


RELEASED_US: Final = 500_000
"""The start switch must have read released for this long before it is pressed."""
DEFAULT_NOISE_C = 0.1


@dataclass(frozen=True, slots=True)
class DeriverConfig:
    """What the derived signals need to know of the device; fixed when the treatment is armed."""

    channels: Channels
    period_us: int
    max_power_w: float
    max_current_a: float
    max_voltage_v: float
    sense_power_w: float
    prime_s: float
    noise_c: tuple[float, ...] = ()
    """One sigma of each used channel's readings, electrodes first; 0.1 C where it is not declared."""
    step_c: tuple[float, ...] = ()
    """Each used channel's converter step, likewise; fine where it is not declared."""
    co_located: tuple[tuple[int, int], ...] = ()
    phase: bool = False
    stage_temperature: bool = False
    dead_man: bool = False
    overshoot_c: float = 5.0
    """The limit of OVERSHOOT."""
    least_current_a: float = 0.002
    """A current below this is too small to measure: the load reads open (assumed: 20 steps of a 0.1 mA meter)."""
    least_voltage_v: float = 0.2
    """Likewise for a short (assumed: 20 steps of a 10 mV meter)."""


class Deriver:
    """Makes the tick's `Signals`.

    What a derived signal remembers of readings is in its parts. Its own memory is of the loop: the commands on their
    way, the last sample's time and the ticks without one, the state and step and when they were entered, ticks
    commanded on, the start switch, and overruns in a row.
    """

    __slots__ = (
        "_arm",
        "_blanking",
        "_boots",
        "_config",
        "_control",
        "_dose",
        "_energy",
        "_entered_us",
        "_fault_mask",
        "_flow_due",
        "_forecast",
        "_impedance",
        "_in_force",
        "_interval",
        "_jumps",
        "_last_us",
        "_late",
        "_least",
        "_missed",
        "_on_ticks",
        "_overruns",
        "_overruns_before",
        "_place",
        "_pressed",
        "_rate",
        "_released_us",
        "_sent",
        "_sent_cut",
        "_sentinel",
        "_skew",
        "_stall",
        "_stuck",
        "_was_missed",
        "config_changed",
    )

    def __init__(self, config: DeriverConfig) -> None:
        self._config = config
        self._control = config.channels.electrodes[0]
        mask = 0
        for i in config.channels.used:
            mask |= 3 << (2 * i)
        self._fault_mask = mask
        self._impedance = Impedance(config.sense_power_w, config.least_current_a, config.least_voltage_v)
        self._blanking = Blanking()
        self._stall = Stall()
        self._flow_due = FlowDue(config.prime_s)
        self._arm = OvershootArm(config.overshoot_c)
        self._interval = Interval()
        off = Command(0, False, 0.0, 0.0)
        self._in_force = off
        self._sent = off
        self._sent_cut = False
        self._last_us: int | None = None
        self._missed = 0
        self._was_missed = False
        self._on_ticks = 0
        self._place: tuple[State, int] = (IDLE, 0)
        self._entered_us = 0
        used = config.channels.used
        self._sentinel = config.channels.sentinel[0] if config.channels.sentinel else None
        self._dose = Dose()
        self._forecast = Forecast()
        self._rate = Rate(used, config.noise_c or [DEFAULT_NOISE_C] * len(used), config.period_us)
        self._stuck = Stuck(config.channels.electrodes, config.channels.sentinel, config.step_c or [0.0] * len(used))
        self._least = Least()
        self._jumps = Jumps()
        self._energy = Energy()
        self._skew = Skew()
        self._late = Late()
        self._overruns = 0.0
        self._overruns_before = 0.0
        self._pressed = False
        # a switch that starts by being pressed must first be seen released
        self._released_us = 0 if self._config.dead_man else RELEASED_US
        self.config_changed = False
        """Set by the firmware each tick."""

    @property
    def start_stuck(self) -> bool:
        """The start switch read pressed within the last half second before now, or before it was pressed just now."""
        return self._released_us < RELEASED_US

    @property
    def pressed(self) -> bool:
        """The start switch reads pressed."""
        return self._pressed

    def _overruns_in_a_row(self) -> float:
        """Once a tick, with a sample or without: ticks in a row that the host missed, this one the last."""
        if self._overruns == self._overruns_before:
            self._overruns = 0.0
        self._overruns_before = self._overruns
        return self._overruns

    def overran(self) -> None:
        """The host missed this tick by more than a period."""
        self._overruns += 1.0

    @property
    def on_ticks(self) -> int:
        """Ticks commanded on in this treatment."""
        return self._on_ticks

    def gave(self, command: Command, cut: bool) -> None:
        """The tick's decision: this command goes out with the next exchange; `cut`: RF is ordered off now."""
        self._in_force = self._sent
        self._sent = command
        self._sent_cut = cut
        if command.rf_on:
            self._on_ticks += 1

    def new_patient(self) -> None:
        """What one patient's tissue has had is not another's."""
        self._dose.new_patient()

    def new_treatment(self) -> None:
        """Memories that belong to one treatment start again. The sentinel's dose goes on."""
        self._on_ticks = 0
        self._energy.reset()
        self._jumps.reset()
        self._least.reset()
        self._arm = OvershootArm(self._config.overshoot_c)
        self._blanking = Blanking()

    def relinked(self) -> None:
        """A new link: the rig's clock may have started again, and its pump stopped."""
        self._last_us = None
        self._missed = 0
        self._flow_due.restart(0)
        self._impedance.reset()
        self._forecast.reset()
        self._rate.reset()
        self._stuck.reset()
        self._jumps.reset()
        self._skew.reset()
        self._late.reset()
        self._pressed = False
        # a switch that starts by being pressed must first be seen released
        self._released_us = 0 if self._config.dead_man else RELEASED_US

    def missed(self, failed: bool, wrong_tick: bool, rebooted: bool = False) -> Signals:
        """The signals of a tick without a sample: what is known of the line, nothing else."""
        self._skew.passed(self._config.period_us)
        self._overruns_in_a_row()
        if not self._was_missed:
            self._interval.take()  # what came before belongs to the last sample
        self._missed += 1
        self._was_missed = True
        self._interval.drove(self._in_force.rf_on, self._sent_cut)
        return NOTHING_KNOWN._replace(
            missed_ticks=self._missed, exchange_failed=failed, sample_stale=wrong_tick, rig_rebooted=rebooted
        )

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
        """The signals of a tick with a sample, and with what the firmware is about in it, as far as an interlock
        must know.

        `target_c`: the present step's temperature, in temperature mode; `ramp_c`: the set-point ramp now;
        `baseline`: the check's baseline is being taken; `check_spread`: the verdict of the check's window, in the
        tick it is shown.
        """
        config = self._config
        # taken apart at once: a field asked for by its name costs as much as four of these
        (_, now_us, rf_on, _, watchdog, loop_closed, pressed, estop_pressed, attached, stage_fault,
         rig_trip, _, tc_fault, power_w, voltage_v, current_a, phase_deg, flow_ml_min, coolant_c, stage_c,
         temperature_c) = s  # fmt: skip
        last_us = self._last_us
        stale = last_us is not None and now_us <= last_us
        dt_us = config.period_us if last_us is None or stale else now_us - last_us
        self._last_us = now_us
        self._missed = 0
        was_missed = self._was_missed
        self._was_missed = False

        command = self._in_force
        if was_missed:
            interval = self._interval
            interval.drove(command.rf_on, self._sent_cut)
            on, off = interval.take()
        else:
            on = command.rf_on and not self._sent_cut
            off = not command.rf_on
        asked_w = command.power_w if on else 0.0
        impedance_ohm = self._impedance.update(asked_w, rf_on, voltage_v, current_a, dt_us)

        place = (state, step)
        if place != self._place:
            was = self._place[0]
            self._place = place
            self._entered_us = now_us
            self._stall.reset(now_us)
            if state is RAMP:
                self._least.reset()
                if was is not HOLD:
                    self._forecast.begin(now_us)
                    # a coarse converter may well stand still for as long as nothing heats: what counts begins here
                    self._stuck.reset()

        off_by_w = expected_w = None
        allowed_w = 0.0
        if on:
            allowed_w = allowed_power_w(config.max_power_w, config.max_current_a, config.max_voltage_v, impedance_ohm)
            if not (self._blanking.update(command.power_w, now_us - dt_us, now_us) or was_missed):
                expected_w = command.power_w if command.power_w < allowed_w else allowed_w
                off_by_w = power_w - expected_w if power_w > expected_w else expected_w - power_w

        control_c = temperature_c[self._control]
        over_c = under_c = None
        if target_c is not None:
            under_c = target_c - control_c
        if self._arm.update(target_c, control_c, now_us):
            over_c = control_c - target_c  # type: ignore[operator]

        ramp_s = check_s = None
        gain_c, risen_c, mean_w, mean_allowed_w = NO_STALL
        if state is RAMP:
            ramp_s = (now_us - self._entered_us) * 1e-6
            if ramp_c is not None and target_c is not None:
                gain_c, risen_c, mean_w, mean_allowed_w = self._stall.update(
                    now_us, dt_us, control_c, ramp_c, ramp_c >= target_c, power_w, allowed_w
                )
        elif state is IMPEDANCE_CHECK:
            check_s = (now_us - self._entered_us) * 1e-6

        baseline_due = True if baseline or state is IDLE or state is CUTOFF else None
        spread_c = 0.0
        if baseline_due:
            electrodes = [temperature_c[i] for i in config.channels.electrodes]
            if len(electrodes) > 1:
                # max() is not trusted with a NaN: a sum of differences keeps it
                spread_c = max(electrodes) - min(electrodes) + 0.0 * sum(electrodes)

        # what has a memory of its own
        dose_min = level_c = climb_c = None
        if self._sentinel is not None:
            sentinel_c = temperature_c[self._sentinel]
            dose_min = self._dose.update(sentinel_c, dt_us)
            level_c, climb_c = self._forecast.update(now_us, sentinel_c, power_w)
        moved_ohm, from_ohm = self._jumps.update(now_us, impedance_ohm)
        skew = self._skew
        skew.passed(config.period_us)
        if not pressed:
            self._released_us = 0 if self._pressed else self._released_us + dt_us
        elif self._pressed or not config.dead_man:
            self._released_us = 0
        self._pressed = pressed
        overruns = self._overruns_in_a_row()

        return new_record(
            Signals,
            (
                temperature_c,
                (tc_fault & self._fault_mask) != 0,
                over_c,
                under_c,
                ramp_s,
                gain_c,  # one by one: a star here makes mypyc build the whole record as a list first
                risen_c,
                mean_w,
                mean_allowed_w,
                impedance_ohm,
                on and impedance_ohm is None,
                check_spread,
                off_by_w,
                expected_w,
                power_w if off else None,
                off and rf_on,
                flow_ml_min,
                self._flow_due.update(command.flow_ml_min, now_us),
                baseline_due,
                command.flow_ml_min > 0.0,
                spread_c,
                estop_pressed,
                not loop_closed,
                0.0,
                False,
                stale,
                power_w,
                voltage_v,
                current_a,
                self._energy.update(power_w, dt_us),
                dose_min,
                level_c,
                climb_c,
                self._rate.update(now_us, temperature_c),
                self._stuck.update(now_us, temperature_c),
                disagreement_c(temperature_c, config.co_located) if config.co_located else None,
                self._least.update(impedance_ohm),
                moved_ohm,
                from_ohm,
                on and asked_w >= config.sense_power_w and not rf_on and not rig_trip,
                meter_off_by_w(voltage_v, current_a, phase_deg, power_w) if on and config.phase else None,
                stage_fault,
                stage_c if config.stage_temperature else 0.0,
                coolant_c,
                not attached,
                config.dead_man and not pressed,
                self._released_us < RELEASED_US,
                skew.update(now_us),
                self._late.update(None if last_us is None or was_missed else dt_us, config.period_us),
                rig_trip != 0 or watchdog,
                False,
                overruns,
                self.config_changed,
                self._on_ticks * config.period_us * 1e-6,
                check_s,
                False,
            ),
        )
