"""A run in the shape of a treatment, drawn by formula: enough of everything that a report shows.

The curves are invented for looking at, not physics; what the tests hold against the page is counted from these.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

from hal import Absence, Command, NoSample, Reply, Sample
from rfgen.record.loader import Run, load_run
from rfgen.record.recorder import Recorder, RunInfo
from rfgen.records import Decision, Event, State, Truth

ROWS = ("TC_INVALID", "OVER_TEMP", "SENTINEL_TEMP", "Z_HIGH")


def info(**changes: object) -> RunInfo:
    """What is known of the made run."""
    known: dict[str, object] = {
        "scenario": "made-vertebra",
        "title": "Vertebral metastasis, bipolar, 70 °C",
        "device": "made bench",
        "seed": 42,
        "backend": "sim",
        "simulated": True,
        "model": "Bench",
        "serial": "0001",
        "firmware": "1.2",
        "period_us": 20_000,
        "thermocouples": ("tip", "shaft", "posterior wall"),
        "electrodes": 2,
        "limits": {"over_temp_c": 95.0, "sentinel_c": 45.0, "z_high_ohm": 800.0, "z_low_ohm": 25.0},
        "limit_units": {"over_temp_c": "C", "sentinel_c": "C", "z_high_ohm": "ohm", "z_low_ohm": "ohm"},
        "row_ids": ROWS,
        "treatment": {"Mode": "temperature", "Step 1": "70 °C for 60 s, ramp 2 °C/s", "Power at most": "20 W"},
        "scenario_yaml": "device: made-bench\ntreatment:\n  target_c: 70\n",
        "versions": {"rfgen": "0.1.0", "python": "3.11"},
    }
    return RunInfo(**(known | changes))  # type: ignore[arg-type]


def make_run(
    folder: Path, seconds: float = 100.0, trip_s: float | None = None, noise: float = 0.05, **changes: object
) -> Run:
    """Record a run of this length; with `trip_s`, the sentinel trips then, else it completes 5 s before the end."""
    about = info(**changes)
    period_s = about.period_us / 1e6
    count = round(seconds / period_s)
    end = count - round(5 / period_s) if trip_s is None else round(trip_s / period_s)
    check, ramp, hold = (round(t / period_s) for t in (2.0, 6.0, 28.0))
    draw = random.Random(about.seed)
    with Recorder(folder, about) as recorder:
        recorder.event(
            Event(check, check * about.period_us, "operator", "start", {"action": "start", "accepted": True})
        )
        for tick in range(count):
            state = (
                State.CUTOFF if tick >= end else State.HOLD if tick >= hold else State.RAMP if tick >= ramp
                else State.IMPEDANCE_CHECK if tick >= check else State.IDLE
            )  # fmt: skip
            on = check <= tick < end
            t_s = tick * period_s
            setpoint = min(70.0, 37.0 + 1.5 * max(0.0, t_s - 6.0)) if ramp <= tick < end else math.nan
            tip = 37.0 + 33.0 * (1 - math.exp(-max(0.0, min(t_s, end * period_s) - 6.0) / 6.0))
            tip = 37.0 + (tip - 37.0) * math.exp(-max(0.0, t_s - end * period_s) / 8.0)
            asked = 0.0 if not on else 2.0 if tick < ramp else 6.0 + 9.0 * math.exp(-max(0.0, t_s - 12.0) / 9.0)
            ohms = 120.0 - 0.7 * (tip - 37.0) + (3.0 if trip_s and t_s > trip_s - 3 else 0.0)
            amps = math.sqrt(asked / ohms)
            jitter = [draw.gauss(0.0, noise) for _ in range(8)]
            temperatures = (tip + jitter[0], 37 + 0.8 * (tip - 37) + jitter[1], 37 + 0.2 * (tip - 37) + jitter[2])
            status = (on, on, False, True, False, False, True, False)
            reply: Reply = Sample(
                tick, tick * about.period_us, *status, 0, 0, 0, asked + jitter[3] * (0.2 if on else 0.1),
                (ohms + jitter[4] * 10) * amps, amps, 0.0, 12.0 + 4 * jitter[5], 20.0, 30.0, temperatures,
            )  # fmt: skip
            if tick in (1500, 1501):
                reply = NoSample(tick, Absence.TIMEOUT)
            tripped = 4 if trip_s is not None and tick == end else 0
            decision = Decision(
                Command(tick, on, asked, 12.0 if on else 0.0), tick == end, state, 0, asked * 1.02, setpoint,
                70.0 if ramp <= tick < end else math.nan, tripped, tripped,
            )  # fmt: skip
            recorder.tick(reply, decision, Truth(tip, tip + 0.3, temperatures[2], tip + 9.0, asked * 0.97))
        _tell(recorder, about, (check, ramp, hold, end), trip_s is not None)
    return load_run(folder)


def _tell(recorder: Recorder, about: RunInfo, at: tuple[int, int, int, int], trip: bool) -> None:
    names = ["IDLE", "IMPEDANCE_CHECK", "RAMP", "HOLD", "CUTOFF"]
    for n, tick in enumerate(at):
        data: dict[str, object] = {"from": names[n], "to": names[n + 1], "step": 0}
        if names[n + 1] == "CUTOFF":
            data["reason"] = "SENTINEL_TEMP" if trip else "hold_complete"
        if trip and n == 3:
            fault: dict[str, object] = {"kind": "sentinel_close", "on": True, "channel": 2}
            recorder.event(Event(tick - 100, 0, "fault", "sentinel close to the electrode, on", fault))
            tripped: dict[str, object] = {"id": "SENTINEL_TEMP", "row": 2, "first": True}
            text = "The posterior wall is too warm: heat reaches what must be spared."
            recorder.event(Event(tick, tick * about.period_us, "trip", text, tripped))
        text = f"{names[n]} to {names[n + 1]}"
        recorder.event(Event(tick, tick * about.period_us, "state", text, data))
