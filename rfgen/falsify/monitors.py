"""Robustness of a run: how far it stayed from breaking a promise, tick by tick, from what went up and down the seam.

Each monitor is the quantitative reading of one temporal-logic formula (Fainekos and Pappas 2009; Donze and Maler
2010): a comparison is its signed distance over a scale, `and` the least, `or` and `F[0,d]` the most, `G` the least over
time. Negative is broken. Nothing of `rfgen.safety` is called.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from hal import NoSample, Reply
from rfgen.falsify.deadlines import Moment, deadline_s
from rfgen.falsify.monitor import RADIATING, Monitor, Scene, Window
from rfgen.records import Decision, Event, State, Truth
from rfgen.safety.catalogue import ROW_IDS

R, H = State.RAMP, State.HOLD
BROKEN_OUTRIGHT = -1.0
"""Of what is true or false, and false."""
FORECAST = 1 << ROW_IDS.index("SENTINEL_FORECAST")


class LimitOvershot(Monitor):
    """RF goes on although an electrode reads above its limits for longer than they let it."""

    FORMULA = "G (tip_c > over_temp_hard_c -> off) and G ((G[-0.06,0] tip_c > over_temp_c) -> off)"
    SCALE_C = 50.0

    def __init__(self, on: Scene) -> None:
        super().__init__(on)
        self._soft = Window(60_000)

    def _look(self, tick: int, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        if isinstance(reply, NoSample):
            return
        if self.state not in RADIATING:
            self._soft.clear()
            return
        on, readings = self.on, reply.temperature_c
        tip_c = -math.inf
        for channel in on.electrodes:
            if tip_c < readings[channel]:
                tip_c = readings[channel]
        soft = self._soft.push(reply.rig_time_us, on.over_temp_c - tip_c)
        if decision.command.rf_on:
            scale = self.SCALE_C
            self._note((on.hard_c - tip_c) / scale, tick, "RF on, electrode", tip_c, on.hard_c, "C")
            if soft is not None:
                what = "RF on, electrode for 0.06 s over"
                self._note(soft / scale, tick, what, on.over_temp_c - soft, on.over_temp_c, "C")


class TargetOvershot(Monitor):
    """RF goes on although the control thermocouple reads too far above the target for too long."""

    FORMULA = "G ((G[-0.5,0] (ramp or hold) and tip_c > target_c + overshoot_c) -> off)"
    SCALE_C = 10.0

    def __init__(self, on: Scene) -> None:
        super().__init__(on)
        self._over = Window(500_000)
        self._target_c: float | None = None
        self._stepped_down = False

    def _look(self, tick: int, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        if isinstance(reply, NoSample):
            return
        on, target_c = self.on, self._target_c
        over = None
        control_c = reply.temperature_c[on.electrodes[0]]
        # after a step down the excess is the old step's heat, until the reading has come near
        if target_c is not None and not (self._stepped_down and control_c > target_c + 5.0):
            self._stepped_down = False
            over = self._over.push(reply.rig_time_us, target_c + on.overshoot_c - control_c)
            if over is not None and decision.command.rf_on:
                most_c = target_c + on.overshoot_c
                self._note(over / self.SCALE_C, tick, "RF on, control for 0.5 s over", most_c - over, most_c, "C")
        else:
            self._over.clear()
        if decision.state in (R, H) and on.by_temperature:
            if target_c is None or decision.target_c != target_c:
                self._stepped_down = target_c is not None and decision.target_c < target_c
                self._target_c = decision.target_c
        else:
            self._target_c = None


class TripLate(Monitor):
    """A fault that must end the treatment, and RF goes on past its deadline."""

    FORMULA = "G (fault -> F[0,deadline] (cutoff and RF_OFF sent))"
    wants_truth = True

    def __init__(self, on: Scene) -> None:
        super().__init__(on)
        self._put: list[tuple[int, Event]] = []
        self._due: tuple[int, float, str] | None = None
        self._sent = False
        self._asked_w = 0.0
        self._site_c = math.nan

    def _hear(self, event: Event) -> None:
        if event.kind != "fault":
            return
        if self._due is not None or self._put or not event.data.get("on"):
            self._due = None  # a second one may hide the first, and one that is taken off need not be seen
            self._put.append((event.tick, event))
            return
        self._put.append((event.tick, event))
        size, channel = event.data.get("size"), event.data.get("channel")
        kind = str(event.data["kind"])
        now = Moment(
            self.state,
            float(size) if isinstance(size, int | float) else None,
            channel if isinstance(channel, int) else None,
            self.on.sentinels,
            self.on.features,
            self._asked_w,
            self._site_c,
        )
        by_s = deadline_s(kind, now)
        if by_s is not None:
            self._due = (event.tick, by_s, kind)

    def _look(self, tick: int, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        self._asked_w = decision.command.power_w
        if truth is not None:
            self._site_c = truth.control_site_c
        if self._due is None:
            return
        from_tick, by_s, kind = self._due
        period_s = self.on.period_s
        passed_s = (tick - from_tick) * period_s
        self._sent = self._sent or decision.rf_off
        off = decision.state is State.CUTOFF and self._sent and not decision.command.rf_on
        if not off and passed_s <= by_s + 0.5 * period_s:
            return
        # half a period more, so that a deadline of no time has a scale too
        allowed_s = by_s + 0.5 * period_s
        self._note((allowed_s - passed_s) / allowed_s, tick, f"{kind}: RF off after", passed_s, by_s, "s")
        if self._what:
            self._what = f"{kind}: RF {'' if off else 'not '}off after"
        self._due = None
        self.over = True


class UnnecessaryTrip(Monitor):
    """A treatment with nothing wrong is cut off; by the forecast, although next to no heat was on its way.

    The forecast cuts for what has not come yet, does not know when the treatment will end, and has to be early: the
    treatment is given again with the forecast out of the way and its holds lengthened, and the cut was needless if the
    sentinel then stays more than `COOL_C` under its limit (assumed: on the sound code it is early by up to 4 C).
    """

    FORMULA = "G (tripped -> only by forecast and true sentinel_c held on without it > sentinel_limit_c - 5)"
    COOL_C = 5.0
    NOT_TRIPPED = 0.001
    """However near or past a bound it is: what does not trip breaks nothing."""

    def __init__(self, on: Scene) -> None:
        super().__init__(on)
        self._ramp_ticks = 0
        self._under_ticks = 0
        self._target_c = math.nan
        self._ohms = [math.nan] * max(1, round(0.1 / on.period_s))
        """Impedance over the last 100 ms."""
        self._sentinel_c: deque[tuple[float, ...]] = deque(maxlen=max(1, round(10.0 / on.period_s)))

    def _look(self, tick: int, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        if decision.tripped:
            if decision.tripped == FORECAST and self._rightly_spared():
                return
            first = ROW_IDS[(decision.tripped & -decision.tripped).bit_length() - 1]
            self._note(BROKEN_OUTRIGHT, tick, f"tripped by {first} in {self.state.name},", 1, 0, "")
            return
        if isinstance(reply, NoSample):
            return
        state, on = self.state, self.on
        if state not in (R, H):
            self._ramp_ticks = self._under_ticks = 0
            self._target_c = decision.target_c
            self._sentinel_c.clear()
            return
        readings = reply.temperature_c
        control_c = readings[on.electrodes[0]]
        for channel in on.electrodes:
            tip_c = readings[channel]
            self._near((on.over_temp_c - tip_c) / 20.0, tick, "electrode", tip_c, on.over_temp_c, "C")
        if on.by_temperature:
            over_c = control_c - self._target_c
            self._near((on.overshoot_c - over_c) / 5.0, tick, "over target by", over_c, on.overshoot_c, "C")
            if state is H:
                self._under_ticks = self._under_ticks + 1 if over_c < -5.0 else 0
                under_s = self._under_ticks * on.period_s
                self._near(1.0 - under_s / 10.0, tick, "under target for", under_s, 10.0, "s")
        if state is R:
            self._ramp_ticks += 1
            ramp_s = self._ramp_ticks * on.period_s
            most_s = on.ramp_timeout_s
            self._near(1.0 - ramp_s / most_s, tick, "ramp", ramp_s, most_s, "s")
        for channel in on.sentinels:
            read_c = readings[channel]
            self._near((on.sentinel_c - read_c) / 8.0, tick, "sentinel", read_c, on.sentinel_c, "C")
        self._on_its_way(readings)
        if reply.rf_on and decision.command.power_w >= 0.5 and reply.current_a > 0.0:
            ohm = reply.voltage_v / reply.current_a
            half_ohm = 0.5 * on.z_high_ohm
            self._near((on.z_high_ohm - ohm) / half_ohm, tick, "impedance", ohm, on.z_high_ohm, "ohm")
            self._near(ohm / on.z_low_ohm - 1.0, tick, "low impedance", ohm, on.z_low_ohm, "ohm")
            before_ohm = self._ohms.pop(0)
            self._ohms.append(ohm)
            if before_ohm == before_ohm:
                jump_ohm = abs(ohm - before_ohm)
                self._near(1.0 - jump_ohm / 50.0, tick, "impedance within 0.1 s by", jump_ohm, 50.0, "ohm")
        self._target_c = decision.target_c

    def _rightly_spared(self) -> bool:
        again, cool_c = self.on.unspared_c, self.on.sentinel_c - self.COOL_C
        return again is not None and again(cool_c) > cool_c

    def _near(self, robustness: float, tick: int, part: str, value: float, bound: float, unit: str) -> None:
        if part not in self.parts or robustness < self.parts[part]:
            self.parts[part] = robustness
            self._keep(max(robustness, self.NOT_TRIPPED), tick, part, value, bound, unit)

    def _on_its_way(self, readings: Sequence[float]) -> None:
        """Where the sentinel would come to, rose it for 120 s as over the last 10 s: for a search to climb, no more."""
        on, before = self.on, self._sentinel_c
        now = tuple(readings[channel] for channel in on.sentinels)
        if now and len(before) == before.maxlen:
            for then_c, now_c in zip(before[0], now, strict=True):
                left_c = on.sentinel_c - (now_c + max(0.0, now_c - then_c) * 12.0)
                self.parts["sentinel in 120 s"] = min(self.parts.get("sentinel in 120 s", math.inf), left_c / 8.0)
        before.append(now)

    def text(self) -> str:
        if self.least <= BROKEN_OUTRIGHT:
            return f"{self._what.rstrip(',')} at {self.at_s:g} s"
        return super().text()


class HoldOutOfBand(Monitor):
    """Control lets the temperature run past the target, or does not keep it there."""

    FORMULA = "G (ramp or hold -> control_c <= target_c + 2) and G ((G[-10,0] hold) -> abs(control_c - target_c) <= 1)"
    OVER_C, HOLD_C, SETTLE_S = 2.0, 1.0, 10.0
    wants_truth = True

    def __init__(self, on: Scene) -> None:
        super().__init__(on)
        self._held_ticks = 0
        self._target_c = math.nan

    def _look(self, tick: int, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        on = self.on
        if self.state in (R, H) and on.by_temperature and decision.state is not State.CUTOFF:
            control_c = math.nan
            if truth is not None:
                control_c = truth.control_c
            elif not isinstance(reply, NoSample):
                control_c = reply.temperature_c[on.electrodes[0]]
            off_c = control_c - self._target_c
            self._note((self.OVER_C - off_c) / self.OVER_C, tick, "over target by", off_c, self.OVER_C, "C")
            if self.state is H:
                self._held_ticks += 1
                if self._held_ticks * on.period_s > self.SETTLE_S:
                    away_c = abs(off_c)
                    self._note((self.HOLD_C - away_c) / self.HOLD_C, tick, "off target by", away_c, self.HOLD_C, "C")
            else:
                self._held_ticks = 0
        self._target_c = decision.target_c


class SentinelPeak(Monitor):
    """Tissue to be spared is heated beyond its limit: RF goes on, or too much heat is on its way when it ends."""

    FORMULA = "G (sentinel_c > sentinel_limit_c -> off) and G (true sentinel_c <= sentinel_limit_c + 1)"
    SCALE_C, MARGIN_C = 8.0, 1.0
    settle_s = 15.0
    wants_truth = True

    def _look(self, tick: int, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        on = self.on
        if not isinstance(reply, NoSample) and self.state in RADIATING and decision.command.rf_on:
            for channel in on.sentinels:
                read_c = reply.temperature_c[channel]
                self._note((on.sentinel_c - read_c) / self.SCALE_C, tick, "RF on, sentinel", read_c, on.sentinel_c, "C")
        if truth is not None and truth.sentinel_c == truth.sentinel_c:
            most_c = on.sentinel_c + self.MARGIN_C
            true_c = truth.sentinel_c
            self._note((most_c - true_c) / self.SCALE_C, tick, "true sentinel", true_c, most_c, "C")


class DoseOverrun(Monitor):
    """RF goes on although the sentinel has had its dose, in this treatment and those before."""

    FORMULA = "G (CEM43(sentinel_c) > dose_min -> off)"
    MARGIN = 0.02
    """Of the limit: two ways of adding up differ by less."""
    LEAST_MIN = 1e-5
    DECADES = 4.0

    def __init__(self, on: Scene) -> None:
        super().__init__(on)
        self._dose = [0.0] * len(on.sentinels)

    def _hear(self, event: Event) -> None:
        if event.kind == "operator" and event.data.get("action") == "new_patient" and event.data.get("accepted"):
            self._dose = [0.0] * len(self._dose)

    def _look(self, tick: int, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        if isinstance(reply, NoSample):
            return
        on = self.on
        minutes = on.period_s / 60.0
        for place, channel in enumerate(on.sentinels):
            read_c = reply.temperature_c[channel]
            # Sapareto and Dewey 1984: halves by the degree above 43 C, quarters below; 37 C and less heal
            if read_c > 37.0:
                self._dose[place] += (0.5 if read_c >= 43.0 else 0.25) ** (43.0 - min(read_c, 60.0)) * minutes
            if decision.command.rf_on:
                dose = self._dose[place]
                # in decades: a degree doubles or quadruples the dose
                left = math.log10((1.0 + self.MARGIN) * on.dose_min / max(dose, self.LEAST_MIN)) / self.DECADES
                self._note(left, tick, "RF on, dose", dose, on.dose_min, "min")


class RfOutside(Monitor):
    """RF is commanded or delivered outside check, ramp and hold, or a cut-off goes out without RF_OFF."""

    FORMULA = "G (rf_on or delivered_w > 0.3 -> check or ramp or hold) and G (cut off by a trip -> RF_OFF sent)"
    OFF_W = 0.3
    wants_truth = True

    def _look(self, tick: int, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        command = decision.command
        if command.rf_on and decision.state not in RADIATING:
            self._note(BROKEN_OUTRIGHT, tick, f"RF commanded on in {decision.state.name},", command.power_w, 0, "W")
        if decision.tripped and self.state in RADIATING and not decision.rf_off:
            self._note(BROKEN_OUTRIGHT, tick, "tripped without RF_OFF,", 0, 1, "sent")
        if self.state not in RADIATING:
            delivered_w = truth.delivered_w if truth is not None else math.nan
            self._note((self.OFF_W - delivered_w) / self.OFF_W, tick, "delivered", delivered_w, self.OFF_W, "W")


class PowerBeyond(Monitor):
    """More power is commanded than treatment and stage allow."""

    FORMULA = "G (commanded_w <= max_power_w)"

    def _look(self, tick: int, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        most_w = self.on.most_w
        command = decision.command
        if command.rf_on:
            over = (most_w - command.power_w) / most_w
            self._note(over, tick, "commanded", command.power_w, most_w, "W")
