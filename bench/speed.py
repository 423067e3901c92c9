"""Speed of the closed loop, as ratios measured in one run: `make bench`.

The yardstick is a bare Python loop written the obvious way: a two-node plant, a frozen dataclass for each sample, and
40 interlocks, each one function with one comparison and its persistence. It has no output stage, no sensors, no noise,
no state machine and no control. Rounds of every contestant alternate, and the median round counts, so that a busy
machine slows all alike.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hal import Command, Sample
from rfgen.assemble import assemble, generator_config
from rfgen.generator import Generator
from rfgen.record.recorder import Recorder
from rfgen.records import OperatorAction, State
from rfgen.runs import is_compiled, run_info
from rfgen.safety.catalogue import ROWS
from rfgen.safety.row import Row
from rfgen.safety.supervisor import Supervisor
from rfgen.scenario import load_scenario

SCENARIO = "vertebra-metastasis"
ROUND_TICKS = 4000
ROUNDS = 15
WARM_UP_TICKS = 1000


@dataclass(frozen=True, slots=True)
class BareSample:
    """As many fields as the boundary's own sample has."""

    tick: int
    time_us: int
    rf_on: bool
    pump_on: bool
    watchdog: bool
    loop: bool
    start: bool
    estop: bool
    attached: bool
    fault: bool
    trip: int
    bad_frames: int
    tc_fault: int
    power_w: float
    voltage_v: float
    current_a: float
    phase_deg: float
    flow_ml_min: float
    coolant_c: float
    stage_c: float
    metal_c: float
    tissue_c: float


@dataclass(slots=True)
class BareRow:
    """One interlock: a comparison, and how long it must hold."""

    wrong: Callable[[BareSample], bool]
    persist_us: int
    since_us: int | None = None


CONDITIONS: list[Callable[[BareSample], bool]] = [
    lambda s: s.metal_c > 95.0,
    lambda s: s.metal_c < 0.0,
    lambda s: s.tissue_c > 95.0,
    lambda s: s.power_w > 25.0,
    lambda s: s.voltage_v > 80.0,
    lambda s: s.current_a > 2.0,
    lambda s: s.coolant_c > 35.0,
    lambda s: s.flow_ml_min < 5.0,
]
BARE_ROWS = [BareRow(wrong, 100_000) for _ in range(5) for wrong in CONDITIONS]


def bare_round() -> float:
    """Seconds a tick of the yardstick."""
    metal_c = tissue_c = 37.0
    trips = 0
    began = time.perf_counter()
    for tick in range(ROUND_TICKS):
        power_w = 5.0 if metal_c < 70.0 else 0.0
        flow_w = 0.1 * (metal_c - tissue_c)
        metal_c += 0.02 * (power_w - flow_w)
        tissue_c += 0.02 * (flow_w - 0.05 * (tissue_c - 37.0))
        now_us = tick * 20_000
        switches = (True, True, False, True, False, False, True, False, 0, 0, 0)
        sample = BareSample(tick, now_us, *switches, power_w, 22.0, 0.2, 0.0, 10.0, 22.0, 25.0, metal_c, tissue_c)
        for row in BARE_ROWS:
            if not row.wrong(sample):
                row.since_us = None
            elif row.since_us is None:
                row.since_us = now_us
            elif now_us - row.since_us >= row.persist_us:
                trips += 1
    return (time.perf_counter() - began) / ROUND_TICKS


class Loop:
    """The closed loop of a shipped scenario, in its hold; begun again when the hold ends."""

    def __init__(self, recorded: bool) -> None:
        self._recorded = recorded
        self._folder = tempfile.TemporaryDirectory(prefix="rfgen-bench-")
        self._number = 0
        self._begin()

    def _begin(self) -> None:
        assembly = assemble(load_scenario(SCENARIO))
        session = assembly.session
        self._hal, self._generator, self._truth = session.hal, session.generator, session.truth
        self._number += 1
        rig = session.open()
        self._recorder = None
        if self._recorded:
            folder = Path(self._folder.name) / str(self._number)
            folder.mkdir()
            self._recorder = Recorder(folder, run_info(assembly, SCENARIO, rig))
        self.nodes = len(assembly.bench.plant.network.lumps)  # type: ignore[attr-defined]
        self._command: Command = self._generator.first_command()
        self.step(10)
        self._generator.request(OperatorAction.START)
        self.step(WARM_UP_TICKS)

    def step(self, ticks: int) -> float:
        """Seconds a tick."""
        exchange, tick, recorder, truth = self._hal.exchange, self._generator.tick, self._recorder, self._truth
        command = self._command
        began = time.perf_counter()
        if recorder is None:
            for _ in range(ticks):
                decision = tick(exchange(command))
                command = decision.command
        else:
            record = recorder.tick
            assert truth is not None
            for _ in range(ticks):
                reply = exchange(command)
                decision = tick(reply)
                command = decision.command
                record(reply, decision, truth())
        seconds = (time.perf_counter() - began) / ticks
        self._command = command
        return seconds

    def round(self) -> float:
        """A round in a treatment that radiates throughout."""
        seconds = self.step(ROUND_TICKS)
        if self._generator.state not in (State.RAMP, State.HOLD):
            self._begin()
            return self.round()
        return seconds


def rows_cost() -> list[tuple[int, float]]:
    """(number of rows, seconds a tick) of the supervisor alone, with the catalogue cut short and repeated."""
    config = generator_config(load_scenario(SCENARIO))
    assembly = assemble(load_scenario(SCENARIO))
    assembly.session.open()
    generator: Generator = assembly.session.generator
    command = generator.first_command()
    sample: Sample | None = None
    for tick in range(WARM_UP_TICKS):
        if tick == 10:
            generator.request(OperatorAction.START)
        reply = assembly.session.hal.exchange(command)
        assert isinstance(reply, Sample)
        sample = reply
        command = generator.tick(reply).command
    assert sample is not None
    later = sample._replace(rig_time_us=sample.rig_time_us + 20_000)
    controller = generator.controller
    signals = generator.deriver.derive(
        later, State.RAMP, 0, controller.step.target_c, controller.ramp_c, baseline=False, check_spread=None
    )
    found = []
    for count in (0, len(ROWS) // 2, len(ROWS), 2 * len(ROWS), 4 * len(ROWS)):
        rows = [ROWS[n % len(ROWS)] for n in range(count)]
        supervisor = Supervisor(config.limits, config.channels, config.features, rows)
        times = []
        for _ in range(9):
            began = time.perf_counter()
            for n in range(5000):
                supervisor.evaluate(State.RAMP, signals, later.rig_time_us + n * 20_000)
            times.append((time.perf_counter() - began) / 5000)
        found.append((count, statistics.median(times)))
    return found


FIRST = """
    TC_INVALID OVER_TEMP OVER_TEMP_HARD RAMP_TIMEOUT OVERSHOOT SENTINEL_TEMP HEATING_STALL Z_HIGH Z_LOW Z_UNMEASURED
    POWER_DEVIATION POWER_WHEN_OFF RF_STUCK_ON FLOW_LOW TC_BASELINE ESTOP LOOP_OPEN LINK_LOST SAMPLE_STALE
    TREATMENT_TIMEOUT INTERNAL_ERROR
"""
"""The interlocks that the firmware had at first."""
FIRST_ROWS = frozenset(FIRST.split())


def first_rows_ratio() -> tuple[float, float]:
    """What the whole catalogue costs over what the first rows cost: (a tick of the firmware, the interlocks alone).

    Rounds alternate in one run, on the same replies. The derived signals of all rows are counted on both sides.
    """
    assembly = assemble(load_scenario(SCENARIO))
    assembly.session.open()
    whole = assembly.session.generator
    config = whole.config
    command, replies = whole.first_command(), []
    for tick in range(WARM_UP_TICKS + 2000):
        if tick == 10:
            whole.request(OperatorAction.START)
        replies.append(assembly.session.hal.exchange(command))
        command = whole.tick(replies[-1]).command
    rows = [row for row in ROWS if row.id in FIRST_ROWS]

    def round_of(supervisor: Supervisor) -> float:
        generator = Generator(config)
        generator.supervisor = supervisor
        generator._armed_limits = tuple(supervisor.limits.values())
        began = time.perf_counter()
        for tick, reply in enumerate(replies):
            if tick == 10:
                generator.request(OperatorAction.START)
            generator.tick(reply)
        return time.perf_counter() - began

    def alone(supervisor: Supervisor) -> float:
        began = time.perf_counter()
        for n in range(5000):
            supervisor.evaluate(State.RAMP, signals, n * 20_000)
        return time.perf_counter() - began

    sample = next(reply for reply in reversed(replies) if isinstance(reply, Sample))
    signals = whole.deriver.derive(
        sample._replace(rig_time_us=sample.rig_time_us + 20_000), State.RAMP, 0, 70.0, 70.0, False, None
    )

    def made(of: Sequence[Row]) -> Supervisor:
        return Supervisor(config.limits, config.channels, config.features, of)

    ticks = [(round_of(made(ROWS)), round_of(made(rows))) for _ in range(9)]
    every, first = made(ROWS), made(rows)
    evaluations = [(alone(every), alone(first)) for _ in range(9)]
    return tuple(
        statistics.median(a for a, _ in found) / statistics.median(b for _, b in found)
        for found in (ticks, evaluations)
    )  # type: ignore[return-value]


def best_of(command: list[str], times: int = 5) -> float:
    """Seconds of the quickest of several runs of a command."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found.append(time.perf_counter() - began)
    return min(found)


def first_tick() -> float:
    """Seconds from a started interpreter to the first tick of a loaded scenario, imports included."""
    code = (
        "import time; began = time.perf_counter()\n"
        "from rfgen.assemble import assemble; from rfgen.scenario import load_scenario\n"
        f"session = assemble(load_scenario({SCENARIO!r})).session; session.open()\n"
        "session.generator.tick(session.hal.exchange(session.generator.first_command()))\n"
        "print(time.perf_counter() - began)"
    )
    return min(
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
        for _ in range(3)
    )


def main() -> None:
    """Print the figures beside what is asked of them."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    loops: dict[str, Callable[[], float]] = {
        "bare loop": bare_round,
        "closed loop": (closed := Loop(recorded=False)).round,
        "closed loop, all recorded": Loop(recorded=True).round,
    }
    times: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(ROUNDS):
        for name, run in loops.items():
            times[name].append(run())
    medians = {name: statistics.median(found) for name, found in times.items()}
    bare = medians["bare loop"]
    wanted = {"bare loop": "", "closed loop": "at least 0.50", "closed loop, all recorded": "at least 0.33"}
    compiled = "compiled" if is_compiled() else "as it stands, interpreted"
    print(
        f"the program {compiled}: {SCENARIO}, {closed.nodes} thermal nodes, {len(ROWS)} interlocks; "
        f"median of {ROUNDS} rounds of {ROUND_TICKS} ticks"
    )
    for name, seconds in medians.items():
        print(f"{name:<28} {1 / seconds:>9.0f} ticks/s   {bare / seconds:4.2f} of the bare loop   {wanted[name]}")
    print()
    print("interlocks alone, by number of rows")
    for count, seconds in rows_cost():
        print(f"{count:>4} rows {seconds * 1e6:7.2f} us a tick")
    tick, alone = first_rows_ratio()
    print(f"all {len(ROWS)} over the first {len(FIRST_ROWS)} rows: {tick:.2f} a tick of the firmware   at most 1.40")
    print(f"{'':>33} {alone:.2f} the interlocks alone       at most 1.40")
    print()
    print(f"first tick     {first_tick():.2f} s   at most 0.5")
    print(f"rfgen --help   {best_of([str(Path(sys.executable).parent / 'rfgen'), '--help']):.2f} s   at most 0.2")


if __name__ == "__main__":
    main()
