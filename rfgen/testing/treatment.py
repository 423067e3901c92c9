"""One treatment, driven by a test: the operator's hand, time, faults, and what was commanded, read and tripped."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from hal import Absence, Command, NoSample, Reply, RigInfo, RigRefused, Sample
from rfgen.assemble import Assembly
from rfgen.faultpanel import FaultPanel, PutFault, on_the_bench
from rfgen.fieldwatch import FieldWatch, watch_field
from rfgen.generator import Generator
from rfgen.interruption import Interruption
from rfgen.record.recorder import Recorder
from rfgen.record.summary import write_whole
from rfgen.records import Decision, Event, OperatorAction, State
from rfgen.runs import run_info, versions
from rfgen.scenario import OperatorLine, Scenario, fault_kinds, load_scenario, resolved_yaml
from rfgen.testing.chronicle import kept_report, lines_of
from rfgen.testing.errors import Lacking, NotReached, NotRead, Refused
from rfgen.testing.rigs import Rig, SimulatedRig
from rfgen.testing.waits import Condition, at_baseline, waited_for
from rfgen.when import When

SWITCH_LOOKED_AT_S = 0.5
"""For so long the start switch must have been released before a start (START_STUCK)."""
SWITCH_SEEN_S = 0.2
"""A start switch that was pressed has been read, and obeyed, within this (assumed; a sample is a tick old)."""


class Treatment:
    """A treatment on a rig. A context manager: linked inside, RF off and the rig given back on every way out.

    `scenario`: a `Scenario`, a shipped one's name, or a path. Its device, treatment, plant, seed and faults count; its
    operator does not: the test is the operator. `rig`: simulated where none is given. `folder`: where the run is
    recorded; nowhere without one.

    Time passes in `advance`, `advance_until` and `ticks` alone. On a rig the firmware runs in the test's own thread: a
    test that dawdles in between is a host that hangs, and the rig's watchdog switches RF off.
    """

    def __init__(
        self,
        scenario: Scenario | str | Path,
        rig: Rig | None = None,
        *,
        seed: int | None = None,
        folder: Path | None = None,
        name: str | None = None,
    ) -> None:
        if isinstance(scenario, Scenario):
            self.name = name or "treatment"
        else:
            self.name = name or Path(scenario).stem
            scenario = load_scenario(str(scenario))
        self.rig: Rig = SimulatedRig() if rig is None else rig
        self.folder = folder
        self.events: list[Event] = []
        """All that happened so far: changes of state, trips with what was read, operator's actions, faults."""
        self.decision: Decision | None = None
        """What the firmware decided in the last tick; None before the first."""
        self.reply: Reply = NoSample(0, Absence.TIMEOUT)
        """What the rig answered in the last tick."""
        self.info: RigInfo | None = None
        """What the rig says that it is; None before it is linked."""
        self._asked = scenario.model_copy(update={"operator": ()})
        self._seed = seed
        self._did: list[tuple[int, OperatorAction]] = []
        """What the operator did, and before which tick."""
        self._tripped: list[str] = []
        self._entered = 0
        self._interruption = Interruption()
        self._assembly: Assembly | None = None
        self._ticks: Iterator[tuple[Reply, Decision]] | None = None
        self._recorder: Recorder | None = None
        self._watch: FieldWatch | None = None

    # --- beginning and end ------------------------------------------------------------------------------------------

    def open(self) -> Treatment:
        """Link to the rig. Raises Lacking where it lacks what the treatment needs, before any RF; HalError where it
        cannot be had."""
        assembly = self._assembly = self.rig.assemble(self._asked, self._seed)
        session = assembly.session
        session.hal = self._interruption.guard(session.hal)
        session.on_event = self._happened
        try:
            self.info = session.open()
            if self.folder is not None:
                told = run_info(assembly, self.name, self.info, self.rig.kind)
                self.folder.mkdir(parents=True, exist_ok=True)
                self._write_scenario()
                session.recording = self._recorder = Recorder(self.folder, told)
                self._watch = watch_field(assembly)
            self._ticks = session.ticks()
        except BaseException as error:
            self.close()
            if isinstance(error, RigRefused):
                raise Lacking(f"{self.rig.name}: {error}") from None
            raise
        return self

    def close(self) -> None:
        """RF off, the rig given back, the recording closed. Harmless to repeat."""
        assembly = self._assembly
        if assembly is None:
            return
        self._ticks = None
        recorder, self._recorder = self._recorder, None
        try:
            assembly.session.hal.close()
        finally:
            if recorder is not None:
                for view in () if self._watch is None else self._watch.views():
                    recorder.field(view)
                recorder.close()
                self._write_scenario()

    def report(self) -> Path | None:
        """Closes it, and writes `summary.json` and `report.html` of what was recorded: the folder; None without one."""
        self.close()
        return kept_report(self.folder) if self.folder is not None and self._assembly is not None else None

    def __enter__(self) -> Treatment:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- time -------------------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let time pass: whole ticks, at least `seconds` of them. Raises ValueError where that is no time."""
        with self._between_ticks():
            for _ in range(self._count(seconds)):
                self._tick()

    def advance_until(self, wanted: State | str | Condition, within_s: float) -> float:
        """Let time pass until a state is entered (`"hold"`, `State.HOLD`), or a condition holds: how long it took, s.

        0 where it is so already. Raises NotReached where it does not come within `within_s`, and at once where it
        cannot come any more: CUTOFF is left by an acknowledge alone.
        """
        __tracebackhide__ = True
        what = waited_for(wanted)
        began_s = self.time_s
        with self._between_ticks():
            if what.holds(self):
                return 0.0
            for _ in range(self._count(within_s)):
                if what.is_state and self.state is State.CUTOFF:
                    break
                self._tick()
                if what.holds(self):
                    return round(self.time_s - began_s, 9)
        passed_s = round(self.time_s - began_s, 9)
        raise NotReached(
            f"expected {what.name} within {within_s:g} s\ngot      {self.state.name} after {passed_s:g} s\n"
            + self.status()
        )

    def cool_down(self, within_s: float) -> float:
        """Wait, in IDLE or CUTOFF, until the thermocouples read what a treatment may begin at (TC_BASELINE): how long
        that took, s. A simulation begins there; a load on a rig is still warm from the last test. Raises NotReached."""
        __tracebackhide__ = True
        self.advance(self._period_s)
        return self.advance_until(at_baseline, within_s)

    def ticks(self, seconds: float) -> Iterator[Treatment]:
        """Tick by tick: `for now in treatment.ticks(30): assert now.read_c("tip") < 72`."""
        for _ in range(self._count(seconds)):
            with self._between_ticks():
                self._tick()
            yield self

    # --- the operator -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start, with the half second before it that the start switch is looked at. On a profile with a dead-man switch
        it is pressed, and held: in simulation; on a rig it takes a hand. Raises Refused, Lacking."""
        __tracebackhide__ = True
        self.advance(max(0.0, SWITCH_LOOKED_AT_S - self.time_s))
        if not self._switch(True):
            self._ask(OperatorAction.START)
            return
        if not self._passes(lambda: self.state is not State.IDLE):
            raise Refused("start: refused, the start switch is pressed, and the generator stays in IDLE")

    def stop(self) -> None:
        """Stop; on a profile with a dead-man switch it is let go. Raises Refused, Lacking."""
        __tracebackhide__ = True
        if not self._switch(False):
            self._ask(OperatorAction.STOP)
        elif not self._passes(lambda: self.state is State.CUTOFF):
            raise Refused(f"stop: the start switch is let go, and the generator stays in {self.state.name}")

    def acknowledge(self) -> None:
        """Acknowledge, with a new link. Raises Refused, naming the cause that is not gone."""
        __tracebackhide__ = True
        self._ask(OperatorAction.ACKNOWLEDGE)

    def new_patient(self) -> None:
        """Declare another patient. Raises Refused."""
        __tracebackhide__ = True
        self._ask(OperatorAction.NEW_PATIENT)

    # --- faults -----------------------------------------------------------------------------------------------------

    def fault(self, kind: str, channel: int | str | None = None, size: float | None = None) -> PutFault:
        """Put a fault on, now; a context manager that takes it off. `rfgen faults` lists them. `channel`: of a
        thermocouple, by number or name.

        Raises Lacking for what can be put on a simulation alone, on a rig; ValueError for a fault that there is not.
        """
        panel = self.panel
        if kind in fault_kinds() and on_the_bench(kind) and panel.on is None:
            raise Lacking(f"{kind} can be put on a simulation alone, and {self.rig.name} is a rig")
        return panel.put(kind, channel, size)

    @property
    def panel(self) -> FaultPanel:
        """Where faults are put on and taken off, and which are on."""
        return self._opened().panel

    # --- what is ----------------------------------------------------------------------------------------------------

    @property
    def scenario(self) -> Scenario:
        """As it runs: fitted to the rig."""
        return self._opened().scenario

    @property
    def generator(self) -> Generator:
        """The firmware."""
        return self._opened().session.generator

    @property
    def state(self) -> State:
        """Where the generator is."""
        return self.generator.state

    @property
    def reason(self) -> str | None:
        """Why it is in CUTOFF: `hold_complete`, `operator_stop`, or an interlock's id. None in any other state."""
        return self.generator.reason

    @property
    def tripped(self) -> tuple[str, ...]:
        """Ids of the interlocks that tripped since the start or the last acknowledge, in order."""
        return tuple(self._tripped)

    @property
    def time_s(self) -> float:
        """Since the first tick."""
        return round(self._opened().session.tick * self._period_s, 9)

    @property
    def time_in_state_s(self) -> float:
        """Since the present state was entered."""
        return round((self._opened().session.tick - self._entered) * self._period_s, 9)

    @property
    def commanded(self) -> Command:
        """The last command: what the rig is to do in the tick that comes."""
        return Command(0, False, 0.0, 0.0) if self.decision is None else self.decision.command

    @property
    def read(self) -> Sample:
        """What was read in the last tick. Raises NotRead where it has no sample."""
        __tracebackhide__ = True
        if isinstance(self.reply, NoSample):
            when = "before the first tick" if self.decision is None else f"at {self.time_s:g} s"
            raise NotRead(f"there is no sample {when}: {self.reply.reason.value}")
        return self.reply

    def read_c(self, name: str) -> float:
        """What the thermocouple of this name reads, °C. Raises NotRead, ValueError."""
        __tracebackhide__ = True
        return self.read.temperature_c[self._channel(name)]

    @property
    def impedance_ohm(self) -> float:
        """Voltage over current of the last tick; NaN with RF off or too little current to measure. Raises NotRead."""
        sample = self.read
        return sample.voltage_v / sample.current_a if sample.rf_on and sample.current_a > 0.002 else math.nan

    def status(self) -> str:
        """Where it is, since when, why, and what was read: a few lines for a person."""
        lines = [f"when     {self.time_s:g} s, {self.time_in_state_s:g} s in {self.state.name}"]
        if self.reason is not None:
            lines.append(f"why      {self.reason}")
        told = (e for e in self.events if e.kind in ("trip", "fault") or e.data.get("accepted") is False)
        lines += [f"         {e.time_us * 1e-6:g} s {e.text}" for e in told]
        if isinstance(self.reply, Sample):
            names = [t.name for t in self.scenario.device.thermocouples]
            read = [f"{n} {c:.2f} °C" for n, c in zip(names, self.reply.temperature_c, strict=False)]
            read.append(f"{self.reply.power_w:.2f} W")
            if math.isfinite(self.impedance_ohm):
                read.append(f"{self.impedance_ohm:.0f} ohm")
            if math.isfinite(self.reply.flow_ml_min):
                read.append(f"{self.reply.flow_ml_min:.1f} ml/min")
            lines.append(f"read     {', '.join(read)}")
        command = self.commanded
        lines.append(f"command  {f'RF on, {command.power_w:.2f} W' if command.rf_on else 'RF off'}")
        return "\n".join(lines)

    # --- within -----------------------------------------------------------------------------------------------------

    @property
    def _period_s(self) -> float:
        return self._opened().session.rig_config.period_us * 1e-6

    def _opened(self) -> Assembly:
        if self._assembly is None:
            raise RuntimeError("the treatment is not open: use it in `with`, or call open()")
        return self._assembly

    def _channel(self, name: str) -> int:
        names = [t.name for t in self.scenario.device.thermocouples]
        if name not in names:
            raise ValueError(f"no thermocouple {name!r}: {self.scenario.device.name} has {', '.join(names)}")
        return names.index(name)

    def _count(self, seconds: float) -> int:
        if not 0.0 <= seconds < 1e6:
            raise ValueError(f"{seconds!r} s is no time to let pass; it must be 0 to a million seconds")
        return -(-round(seconds * 1e6) // self._opened().session.rig_config.period_us)

    def _tick(self) -> None:
        if self._ticks is None:
            raise RuntimeError("the treatment has been closed")
        self.reply, self.decision = next(self._ticks)

    def _happened(self, event: Event) -> None:
        self.events.append(event)
        if event.kind == "trip" and event.data["id"] not in self._tripped:
            self._tripped.append(str(event.data["id"]))
        elif event.kind == "state":
            self._entered = event.tick
        elif event.data.get("action") == OperatorAction.ACKNOWLEDGE.value and event.data["accepted"]:
            self._tripped.clear()

    @contextlib.contextmanager
    def _between_ticks(self) -> Iterator[None]:
        """Ctrl-C is taken between two ticks; one that came too late for any is taken at the end."""
        with self._interruption:
            yield
        if self._interruption.asked:
            raise KeyboardInterrupt

    def _ask(self, action: OperatorAction) -> None:
        """An operator's action, and the tick that takes it."""
        __tracebackhide__ = True
        session = self._opened().session
        self._did.append((session.tick, action))
        session.operator(action)
        told = len(self.events)
        self.advance(self._period_s)
        for event in self.events[told:]:
            if event.data.get("action") == action.value and not event.data["accepted"]:
                raise Refused(event.text)

    def _switch(self, pressed: bool) -> bool:
        """Works the dead-man switch; False where the profile has none."""
        assembly = self._opened()
        if not assembly.scenario.device.dead_man:
            return False
        if assembly.panel.on is None:
            raise Lacking(
                f"{self.rig.name} has no hand to press its start switch; {assembly.scenario.device.name} needs one"
            )
        self._did.append((assembly.session.tick, OperatorAction.START if pressed else OperatorAction.STOP))
        assembly.panel.on.start_pressed = pressed
        return True

    def _passes(self, came: Callable[[], bool]) -> bool:
        return any(came() for _ in self.ticks(SWITCH_SEEN_S))

    def _write_scenario(self) -> None:
        """What `rfgen run` repeats this very treatment from, as far as it went."""
        assembly = self._opened()
        assert self.folder is not None
        period_s = self._period_s
        scenario = assembly.scenario
        lines = tuple(
            OperatorLine(at=When(None, 1, round(tick * period_s, 9)), do=action.value) for tick, action in self._did
        )
        faults = (*scenario.faults, *lines_of(self.panel, period_s))
        told = {
            "operator": lines,
            "faults": faults,
            "expect": None,
            "seed": assembly.seed,
            "max_time_s": max(scenario.max_time_s, math.ceil(self.time_s) + 60.0),
        }
        ran_on = "".join(f"# {name} {value}\n" for name, value in versions().items())
        text = ran_on + f"# rig {self.rig.name}\n" + resolved_yaml(scenario.model_copy(update=told))
        write_whole(self.folder / "scenario.yaml", text)
