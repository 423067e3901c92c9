"""The generator's firmware: machine, control and safety, composed. One `tick` per reply of the rig.

Pure: no clock, no chance, no I/O. The same replies and requests give the same decisions, bit for bit. What it does
in a tick, in this order: takes the operator's requests; derives signals from the sample; evaluates every interlock;
cuts off if one trips; else lets control ask for power and the state machine move; and passes what was asked through
the one permit. An exception anywhere in it is INTERNAL_ERROR: RF off, in the same tick.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hal import Absence, Command, NoSample, Reply, RigInfo, Sample
from rfgen.control.check import Phase
from rfgen.control.controller import Controller
from rfgen.control.plan import Mode, Plan, Tuning
from rfgen.machine import StateMachine
from rfgen.records import Decision, Event, OperatorAction, State
from rfgen.safety.compile import Channels
from rfgen.safety.deriver import Deriver, DeriverConfig
from rfgen.safety.permit import permit
from rfgen.safety.row import Clears, Needs, Row
from rfgen.safety.signals import Signals
from rfgen.safety.supervisor import Supervisor
from rfgen.telling import Told, for_how_long, told

NAN: Final = float("nan")
IDLE: Final = State.IDLE  # a name of the module is found four times as fast
IMPEDANCE_CHECK: Final = State.IMPEDANCE_CHECK
RAMP: Final = State.RAMP
HOLD: Final = State.HOLD
CUTOFF: Final = State.CUTOFF
RADIATING: Final = (IMPEDANCE_CHECK, RAMP, HOLD)
new_record: Final = tuple.__new__
"""Makes a NamedTuple from a tuple, at half the cost of its own constructor."""
LIMITS_EVERY_TICKS: Final = 5
"""The limits are held against what was armed this often: the rows run on literals of their own, so nothing is at
stake in between."""
HOLD_COMPLETE = "hold_complete"
REBOOTED = (2, 4)
"""ERROR codes of a rig that has booted: no such link, not configured."""
OPERATOR_STOP = "operator_stop"


@dataclass(frozen=True, slots=True)
class GeneratorConfig:
    """All that the firmware is told of device and treatment; fixed while a treatment is armed."""

    plan: Plan
    tuning: Tuning
    channels: Channels
    limits: Mapping[str, float]
    features: frozenset[Needs]
    period_us: int
    max_power_w: float
    """Of the profile's stage."""
    prime_s: float = 0.0
    noise_c: tuple[float, ...] = ()
    """One sigma and one step of each thermocouple in use, electrodes first."""
    step_c: tuple[float, ...] = ()
    co_located: tuple[tuple[int, int], ...] = ()
    stage_temperature: bool = False
    thermocouples: tuple[str, ...] = ()
    """What each channel is called, for the words of a trip."""


class Generator:
    """The firmware. A deep copy is an independent continuation."""

    def __init__(self, config: GeneratorConfig) -> None:
        self.config = config
        self.machine = StateMachine()
        self.supervisor = Supervisor(config.limits, config.channels, config.features)
        self._new_deriver_config = DeriverConfig(
            channels=config.channels,
            period_us=config.period_us,
            max_power_w=config.plan.most_w,
            max_current_a=config.tuning.max_current_a,
            max_voltage_v=config.tuning.max_voltage_v,
            sense_power_w=config.tuning.sense_power_w,
            prime_s=config.prime_s,
            noise_c=config.noise_c,
            step_c=config.step_c,
            co_located=config.co_located,
            phase=Needs.PHASE in config.features,
            stage_temperature=config.stage_temperature,
            dead_man=Needs.DEAD_MAN in config.features,
            overshoot_c=config.limits["overshoot_c"],
        )
        self.deriver = Deriver(self._new_deriver_config)
        self.controller = Controller(config.plan, config.tuning, config.period_us * 1e-6)
        self.reason: str | None = None
        """Why it is in CUTOFF; the first reason is kept until the acknowledge."""
        self._tick_s = config.period_us * 1e-6
        plan_w, stage_w = config.plan.most_w, config.max_power_w
        # the lesser; where either is no number neither comparison holds, and the permit refuses
        self._most_w = plan_w if plan_w <= stage_w else stage_w if stage_w <= plan_w else NAN
        self._control = config.channels.electrodes[0]
        self._now = 0
        self._next = 0
        self._requests: list[tuple[OperatorAction, RigInfo | None]] = []
        self._events: list[Event] = []
        self._cutoff_ticks = 0
        self._after_cool_ticks = round(config.tuning.after_cool_s / self._tick_s)
        self._had_sample = False
        self._boot_count: int | None = None
        self._armed_limits = tuple(self.supervisor.limits.values())
        self._dead_man = Needs.DEAD_MAN in config.features
        self._watches_start = Needs.START_SWITCH in config.features
        self._was_pressed = self.deriver.pressed
        self._by_temperature = config.plan.mode is Mode.TEMPERATURE
        self._targets_c = tuple(NAN if step.target_c is None else step.target_c for step in config.plan.steps)

    def __deepcopy__(self, memo: dict[int, object]) -> Generator:
        twin = object.__new__(Generator)
        twin.__dict__.update(self.__dict__)
        for name in ("machine", "supervisor", "deriver", "controller"):
            setattr(twin, name, copy.deepcopy(getattr(self, name), memo))
        twin._requests = list(self._requests)
        twin._events = list(self._events)
        return twin

    def first_command(self) -> Command:
        """What goes down before the first sample has come up: RF off."""
        return Command(0, False, 0.0, 0.0)

    @property
    def state(self) -> State:
        """Where the generator is."""
        return self.machine.state

    def request(self, action: OperatorAction, linked: RigInfo | None = None) -> None:
        """The operator wants something; it is taken in the next tick.

        `linked`: for an acknowledge in CUTOFF, what the new link's `open` returned; None where it failed.
        """
        self._requests.append((action, linked))

    @property
    def happened(self) -> bool:
        """There are events to take."""
        return bool(self._events)

    def linked(self, info: RigInfo) -> None:
        """The session has opened its first link."""
        self._boot_count = info.boot_count
        self._event("link", f"linked: {info.identity.model}", {"boot_count": info.boot_count})

    def overran(self) -> None:
        """The host missed the tick that comes now by more than a period."""
        self.deriver.overran()
        self._event("host", "the host missed its tick by more than a period", {}, at=self._next)

    def take_events(self) -> list[Event]:
        """What happened since last asked."""
        events, self._events = self._events, []
        return events

    def tick(self, reply: Reply) -> Decision:
        """One tick: the rig's reply in, the decision out."""
        self._now = self._next
        self._next = self._now + 1
        try:
            return self._decide(reply)
        except Exception as error:
            return self._failed(error)

    def _decide(self, reply: Reply) -> Decision:
        machine = self.machine
        before = machine.state
        if self._dead_man:
            self._look_at_switch()
        if self._requests:
            self._take_requests()
        state = machine.state
        sample: Sample | None
        if isinstance(reply, Sample):
            sample = reply
            signals = self._signals(state, reply)
            violated, tripped = self.supervisor.evaluate(state, signals, reply.rig_time_us)
            self._had_sample = True
        else:
            sample = None
            signals = self._missed(reply)
            violated, tripped = self.supervisor.missed(state, signals)
            self._had_sample = False
        if tripped:
            self._trip(tripped, signals)
        elif sample is not None and state in RADIATING:
            self._run(state, sample, signals)
        state = machine.state
        if state is CUTOFF:
            self._cutoff_ticks += 1
            # a cutoff goes out at once, in the tick that decided it
            return self._command(state, violated, tripped, tripped != 0 or before is not CUTOFF)
        return self._command(state, violated, tripped, False)

    def _command(self, state: State, violated: int, tripped: int, cut: bool) -> Decision:
        controller = self.controller
        asked_w = controller.asked_w
        power_w = permit(state, self.supervisor.latched, asked_w, self._most_w)
        flow_ml_min = controller.asked_flow_ml_min
        setpoint_c = target_c = NAN
        if state is RAMP or state is HOLD:
            target_c = self._targets_c[controller.step_index]
            if self._by_temperature:
                setpoint_c = controller.setpoint_c
        elif state is not IMPEDANCE_CHECK:
            asked_w = 0.0
            if self._cutoff_ticks > self._after_cool_ticks:
                flow_ml_min = 0.0
        if power_w is None:
            command = new_record(Command, (self._next, False, 0.0, flow_ml_min))
        else:
            command = new_record(Command, (self._next, True, power_w, flow_ml_min))
        self.deriver.gave(command, cut)
        return new_record(
            Decision,
            (
                command,
                cut,
                state,
                controller.step_index,
                asked_w,
                setpoint_c,
                target_c,
                violated,
                tripped,
            ),
        )

    def _signals(self, state: State, sample: Sample) -> Signals:
        controller = self.controller
        if self._now % LIMITS_EVERY_TICKS == 0:
            self.deriver.config_changed = tuple(self.supervisor.limits.values()) != self._armed_limits
        if state is HOLD or state is RAMP:
            return self.deriver.derive(
                sample, state, controller.step_index, controller.step.target_c, controller.ramp_c, False, None
            )
        if state is IMPEDANCE_CHECK:
            check = controller.check
            return self.deriver.derive(sample, state, 0, None, None, check.phase is Phase.BASELINE, check.spread)
        return self.deriver.derive(sample, state, 0, None, None, False, None)

    def _missed(self, reply: NoSample) -> Signals:
        reason = reply.reason
        failed = reason is Absence.RIG_ERROR or reason is Absence.LINE_DOWN
        rebooted = reason is Absence.RIG_ERROR and reply.error_code in REBOOTED
        return self.deriver.missed(failed, reason is Absence.WRONG_TICK, rebooted)

    def _run(self, state: State, sample: Sample, signals: Signals) -> None:
        """Control's part of the tick, and the moves that its progress allows."""
        controller = self.controller
        control_c = sample.temperature_c[self._control]
        if state is HOLD:
            if controller.holding(control_c, signals.impedance_ohm, sample.rf_on):
                if controller.last_step:
                    self._cut(HOLD_COMPLETE)
                else:
                    controller.begin_ramp(control_c, first=False)
                    self._move("next_step")
        elif state is RAMP:
            if controller.ramping(control_c, signals.impedance_ohm):
                self._move("target_reached")
        elif controller.checking(sample.flow_ml_min, signals.impedance_ohm):
            controller.begin_ramp(control_c, first=True)
            self._move("check_passed")

    def _look_at_switch(self) -> None:
        """On a dead-man profile, pressing the start switch is the ask. It acts on what the last sample read."""
        pressed = self.deriver.pressed
        if not self._was_pressed and pressed and self.machine.state is IDLE:
            self._requests.append((OperatorAction.START, None))
        self._was_pressed = pressed

    # --- the operator -----------------------------------------------------------------------------------------------

    def _take_requests(self) -> None:
        """Take what the operator asked for."""
        requests, self._requests = self._requests, []
        for action, linked in requests:
            refused = self._refusal(action, linked)
            self._event(
                "operator",
                f"{action.value}" + (f": refused, {refused}" if refused else ""),
                {
                    "action": action.value,
                    "accepted": refused is None,
                    "refused_because": refused,
                    "boot_count": None if linked is None else linked.boot_count,
                },
            )
            if refused is not None:
                continue
            if action is OperatorAction.START:
                self.controller = Controller(self.config.plan, self.config.tuning, self._tick_s)
                self.deriver.new_treatment()
                self._armed_limits = tuple(self.supervisor.limits.values())
                self.deriver.config_changed = False
                self._move("start")
            elif action is OperatorAction.STOP:
                self._cut(OPERATOR_STOP)
            elif action is OperatorAction.NEW_PATIENT:
                self.deriver.new_patient()
            else:
                self.supervisor.acknowledge()
                self.reason = None
                self.controller = Controller(self.config.plan, self.config.tuning, self._tick_s)
                self._move("acknowledge")

    def _refusal(self, action: OperatorAction, linked: RigInfo | None) -> str | None:
        """Why a request cannot be met; None where it can. A new link is taken note of on the way."""
        state = self.machine.state
        if action is OperatorAction.START:
            if state is not IDLE:
                return f"the generator is in {state.name}, and starts from IDLE alone"
            if self.supervisor.latched:
                return "an interlock has tripped"
            if not self._had_sample:
                return "the rig's last reply was not a sample"
            if self._watches_start and self.deriver.start_stuck:
                return f"START_STUCK: {self.supervisor.row('START_STUCK').usually}"
            if self._dead_man and not self.deriver.pressed:
                return "on this profile the start switch is pressed, and held, to start"
            return None
        if action is OperatorAction.STOP:
            return None if state in RADIATING else f"nothing is running in {state.name}"
        if action is OperatorAction.NEW_PATIENT:
            return None if state is IDLE else f"a patient is declared in IDLE, not in {state.name}"
        if state is not CUTOFF:
            return f"there is nothing to acknowledge in {state.name}"
        if linked is None:
            return "no new link to the rig could be made"
        if linked.boot_count != self._boot_count:
            known, self._boot_count = self._boot_count, linked.boot_count
            if known is not None:
                said = f"boot count {linked.boot_count}, and it was {known}"
                self._announce(self.supervisor.trip("RIG_REBOOT"), said=said)
                return "the rig has booted since the last link"
        # readings are judged on the link that they came over; a new one knows of none yet
        before = self.supervisor.not_gone()
        self.supervisor.relinked()
        self.deriver.relinked()
        # the new link itself is what the others waited for
        left = [row_id for row_id in before if self.supervisor.row(row_id).clears is not Clears.RELINK]
        return f"the cause is not gone: {', '.join(left)}" if left else None

    # --- cutting off ------------------------------------------------------------------------------------------------

    def _trip(self, tripped: int, signals: Signals | None = None, said: str = "") -> None:
        """Cut off, for the first of these rows in the catalogue's order."""
        rows = self._announce(tripped, signals, said)
        self._cut(rows[0].id)
        if any(row.pump_is_cause for row in rows):
            self.controller.asked_flow_ml_min = 0.0

    def _announce(self, tripped: int, signals: Signals | None = None, said: str = "") -> list[Row]:
        """Tell of every row that tripped: what was read in the tick, or what is `said` where no signal knows of it."""
        found = [(bit, row) for bit, row in enumerate(self.supervisor.rows) if tripped >> bit & 1]
        tick = None
        if signals is not None:
            tick = Told(signals, self.supervisor.limits, self.config.channels, self.config.thermocouples)
        for place, (bit, row) in enumerate(found):
            first = place == 0 and self.machine.state is not CUTOFF
            held_us = 0 if tick is None else self.supervisor.held_us(bit)
            read = said if tick is None else told(row.condition, tick)
            data: dict[str, object] = {"id": row.id, "row": bit, "first": first, "read": read}
            data |= {"held_s": held_us / 1e6, "usually": row.usually}
            self._event("trip", f"{row.id}: {read}, {for_how_long(held_us)}. {row.usually}", data)
        return [row for _, row in found]

    def _cut(self, reason: str) -> None:
        if self.machine.state is CUTOFF:
            return
        self.reason = reason
        self._cutoff_ticks = 0
        self._move("cut", reason)

    def _failed(self, error: Exception) -> Decision:
        """INTERNAL_ERROR: whatever happened, RF is off and stays off until it is acknowledged.

        Should even this fail, what is left is a command that switches RF off, made of nothing that can.
        """
        try:
            return self._tripped_by_error(error)
        except Exception:
            self.reason = self.reason or "INTERNAL_ERROR"
            off = Command(self._next, False, 0.0, 0.0)
            return Decision(off, True, CUTOFF, 0, 0.0, NAN, NAN, 0, 0)

    def _tripped_by_error(self, error: Exception) -> Decision:
        tripped = self.supervisor.trip("INTERNAL_ERROR")
        said = f"{type(error).__name__}: {error}"
        self._event("note", f"the firmware failed: {said}", {})
        if tripped:
            self._trip(tripped, said=said)
        else:
            self._cut("INTERNAL_ERROR")
        self._requests.clear()
        return self._command(self.machine.state, tripped, tripped, True)

    # --- telling ----------------------------------------------------------------------------------------------------

    def _move(self, trigger: str, reason: str | None = None) -> None:
        before = self.machine.state
        after = self.machine.fire(trigger)
        data: dict[str, object] = {"from": before.name, "to": after.name, "step": self.controller.step_index}
        text = f"{before.name} to {after.name}"
        if reason is not None:
            data["reason"] = reason
            text += f": {reason}"
        self._event("state", text, data)

    def _event(self, kind: str, text: str, data: dict[str, object], at: int | None = None) -> None:
        tick = self._now if at is None else at
        self._events.append(Event(tick, tick * self.config.period_us, kind, text, data))
