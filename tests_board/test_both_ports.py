"""Each port of the firmware in real time: the conformance suite, and a first treatment through the serial backend."""

from __future__ import annotations

import json
import time
from pathlib import Path

from conftest import rfgen
from hal import Hal, RigConfig
from hal.conformance import conformance_checks
from hal.serialrig import SerialHal
from hal.types import Command, RigTrip, Sample

CONFIG = RigConfig(1000, 100_000, 8.0, 112.0, 0b11, False)
"""A long period: a busy machine, not a rig, is given time."""


class Pace:
    """Returns once a period, by the clock and not by the sum of sleeps."""

    def __init__(self) -> None:
        self._due_s = 0.0

    def __call__(self) -> None:
        now_s = time.monotonic()
        self._due_s = self._due_s + 0.1 if now_s - self._due_s < 0.1 else now_s + 0.1
        time.sleep(max(0.0, self._due_s - now_s))


def test_it_conforms(port: str) -> None:
    def make() -> Hal:
        return SerialHal(port, reply_s=2.0)

    broken = [verdict for verdict in conformance_checks(make, CONFIG, pace=Pace()) if verdict.broken is not None]
    assert not broken, "\n".join(f"{verdict.name}: {verdict.broken}" for verdict in broken)


LATE = {"LINK_LOST", "SAMPLE_STALE", "TICK_OVERRUN"}
"""What a run of 20 ms ticks ends with where the machine under an emulated board stands still for three of them."""


def test_first_light_completes(port: str, tmp_path: Path) -> None:
    for attempt in range(3):
        done = rfgen(
            "run", "bench-first-light", "--hal", "serial", "--port", port, "--out", f"{attempt}", folder=tmp_path
        )
        summary = json.loads((tmp_path / f"{attempt}/summary.json").read_text(encoding="utf-8"))
        if not LATE & set(summary["tripped"]):
            break
    assert done.returncode == 0, done.stdout + done.stderr
    assert (summary["outcome"], summary["tripped"]) == ("completed", [])


def test_silence_switches_rf_off(port: str) -> None:
    """The watchdog, with nothing sent: tripped and latched by the time anybody asks, and its own clock says when."""
    rig = SerialHal(port, reply_s=2.0)
    try:
        rig.open(CONFIG)
        rig.exchange(Command(0, True, 5.0, 0.0))
        time.sleep(0.1)
        on = rig.exchange(Command(1, True, 5.0, 0.0))
        assert isinstance(on, Sample)
        assert on.rf_on
        time.sleep(1.5)
        late = rig.exchange(Command(2, True, 5.0, 0.0))
        assert isinstance(late, Sample)
        assert (late.rf_on, late.watchdog_tripped, late.rig_trip) == (False, True, RigTrip.WATCHDOG)
        # on for just under its second, of what the rig says has passed: the mean tells how long
        on_s = late.power_w / 5.0 * (late.rig_time_us - on.rig_time_us) / 1e6
        assert 0.9 <= on_s <= 1.0
    finally:
        rig.close()
