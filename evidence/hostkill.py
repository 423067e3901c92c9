"""A host killed at a random moment of ramp or hold: the served rig switches RF off by itself within its watchdog.

    python -m evidence.hostkill --runs 200

Each run serves a rig in real time within this process, starts `rfgen run` on it as a process of its own, lets it come
to ramp or hold, and kills it (SIGKILL) at a moment drawn from the seed. The rig looks at its own output every
millisecond: RF must be seen off within `watchdog_ms` of the last EXCHANGE that it answered, and stay off, though the
next host links and only watches. A rig that this machine did not let look for longer than the watchdog's own allowance
of 10 ms tells nothing of the rig: such a run is void, told, and made good by another.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from evidence.asked import exit_code, none_or_more, one_or_more
from hal import RigConfig, Sample
from hal.serialrig import SerialHal
from hal.serve import PtyServer
from hal.serveprotocol import RigProtocol
from hal.types import Command, RigTrip
from rfgen.rigside import rig_side
from rfgen.scenario import parse_scenario

SCENARIO = """\
title: Something to be killed in
device: {profile: bench, as_fitted: true, period_ms: 50, watchdog_ms: 200, stage: {max_power_w: 8},
  meters: {phase: false}, electrode: {cooled: false}, pump: null, fitted: [], ranges: {power_w: [0.5, 8]},
  thermocouples: [{name: tip, place: electrode}, {name: second, place: electrode}], control: {check_s: 1, ramp_c_s: 4}}
treatment: {target_c: 45, hold_s: 60}
plant: {target: lytic_tumour, surrounding: lytic_tumour, body_c: 30, perfusion_scale: 0}
"""
WATCHDOG_MS = 200
DUE_MS = 190
"""From then on the rig switches off: a twentieth before its time."""
RF_W = 0.05
"""More than this from the stage is RF (its meters' noise is not looked at)."""
STARTED_S = 60.0
"""A host that has not brought RF on by then says nothing of the rig."""


class Void(RuntimeError):
    """The host ended by itself before it was to be killed or never brought RF on, or the rig was held up (a machine too
    busy for their ticks): nothing was tried."""


@dataclass
class Kill:
    """What came of one."""

    after_s: float
    """The kill, from the first RF on."""
    off_after_ms: float
    """RF off, from the last EXCHANGE answered."""
    held_up_ms: float
    """How long before that the rig had last looked."""
    tripped: bool
    stayed_off: bool

    @property
    def passed(self) -> bool:
        """Off within the watchdog, latched, and off since."""
        return self.off_after_ms <= WATCHDOG_MS and self.tripped and self.stayed_off

    @property
    def void(self) -> bool:
        """Late, and it could not have been in time: at its last look before, nothing was due yet."""
        late = not self.passed and self.tripped and self.stayed_off
        return late and self.off_after_ms - self.held_up_ms < DUE_MS


class Watched(RigProtocol):
    """Notes when RF was last seen at the bench's own output, each time the rig looks at its sensors."""

    output_w = staticmethod(lambda: 0.0)
    first_on_us: int | None = None
    last_on_us = 0
    off_us = 0
    """The first look since then; before it, nobody could know of RF off."""

    def poll(self, now_us: int) -> None:
        super().poll(now_us)
        if self.output_w() > RF_W:
            self.last_on_us = self.off_us = now_us
            if self.first_on_us is None:
                self.first_on_us = now_us
        elif self.off_us == self.last_on_us:
            self.off_us = now_us


def kill_a_host(seed: int, folder: Path, port: str, radiates: Callable[[], bool]) -> float:
    """A host that treats through this port, killed at a moment that `seed` draws: how long after RF came, s.

    Raises Void where it ended by itself, or brought no RF.
    """
    # the check radiates for the first second; the ramp takes four, the hold 60
    after_s = random.Random(seed).uniform(1.2, 6.0)
    (folder / "kill.yaml").write_text(SCENARIO, encoding="utf-8")
    host = subprocess.Popen(
        [sys.executable, "-c", "from rfgen.cli import main; main()", "run", "kill.yaml", "--hal", "serial",
         "--port", port, "--out", "run", "--quiet"],
        cwd=folder,
    )  # fmt: skip
    try:
        until_s = time.monotonic() + STARTED_S
        while not radiates():
            if time.monotonic() > until_s or host.poll() is not None:
                raise Void(f"seed {seed}: the host never brought RF on (exit {host.poll()})")
            time.sleep(0.002)
        time.sleep(after_s)
        if host.poll() is not None:
            told = json.loads((folder / "run/summary.json").read_text(encoding="utf-8"))
            raise Void(f"seed {seed}: the host ended by itself before its moment: {told['tripped']}")
    finally:
        host.kill()
        host.wait()
    return after_s


def next_host_sees(port: str) -> list[bool]:
    """The next host links and asks for nothing, for five ticks: in which of them it sees no RF."""
    rig = SerialHal(port, reply_s=2.0)
    try:
        rig.open(RigConfig(WATCHDOG_MS, 50_000, 8.0, 112.0, 0b11, False))
        samples = [rig.exchange(Command(tick, False, 0.0, 0.0)) for tick in range(5)]
    finally:
        rig.close()
    return [isinstance(sample, Sample) and not sample.rf_on for sample in samples]


def kill_once(seed: int) -> Kill:
    """One host, killed at a moment that `seed` draws. Raises Void where nothing was tried."""
    side = rig_side(parse_scenario(SCENARIO, "hostkill.yaml"), lockstep=False, boot_count=seed, make=Watched)
    protocol = side.protocol
    assert isinstance(protocol, Watched)
    protocol.output_w = lambda: side.rig.bench.power_w  # type: ignore[method-assign,assignment]
    with PtyServer(protocol) as server, tempfile.TemporaryDirectory() as folder:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            after_s = kill_a_host(seed, Path(folder), server.port, lambda: protocol.first_on_us is not None)
            time.sleep(2.5 * WATCHDOG_MS / 1000)
            on_us, off_us = protocol.last_on_us, protocol.off_us
            off_after_ms = (off_us - protocol.fed_us) / 1000 if off_us > on_us else float("inf")
            tripped = protocol.trip == RigTrip.WATCHDOG
            stayed_off = _stays_off(server.port, side.rig.bench)
            return Kill(after_s, off_after_ms, (off_us - on_us) / 1000, tripped, stayed_off)
        finally:
            server.stop()
            thread.join()


def _stays_off(port: str, bench: object) -> bool:
    """No RF comes with the next host. Its first tick tells of the interval before it linked."""
    return all(next_host_sees(port)[1:]) and float(getattr(bench, "power_w", 1.0)) <= RF_W


def killed(kill: Callable[[int], Kill], runs: int, seed: int) -> int:
    """`runs` hosts killed, the first with this seed, the next with the next; each is told. Exit code: 1 if any left RF
    on for longer than the watchdog, or if too many came to nothing."""
    kills: list[Kill] = []
    void = 0
    for number in count(seed):
        if len(kills) >= runs:
            break
        try:
            came = kill(number)
            if came.void:
                raise Void(f"seed {number}: this machine did not let the rig look for {came.held_up_ms:.1f} ms")
        except Void as error:
            print(f"void {error}", flush=True)
            void += 1
            if void > max(10, runs // 2):
                print("too many hosts come to nothing: this machine is too busy", flush=True)
                return 1
            continue
        kills.append(came)
        print(
            f"{'ok  ' if came.passed else 'FAIL'} seed {number}: killed {came.after_s:.2f} s after RF on, RF off "
            f"{came.off_after_ms:.1f} ms after the last exchange{'' if came.tripped else ', watchdog NOT latched'}"
            f"{'' if came.stayed_off else ', RF did not stay off'}",
            flush=True,
        )
    passed = sum(came.passed for came in kills)
    most_ms = max((came.off_after_ms for came in kills), default=0.0)
    print(f"{passed} of {len(kills)} killed hosts: RF off within {WATCHDOG_MS} ms; the longest took {most_ms:.1f} ms")
    if void:
        print(f"{void} more came to nothing before their moment, and are not counted")
    return os.EX_OK if passed == len(kills) else 1


def options(runs: int, about: str) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--runs", type=one_or_more, default=runs)
    parser.add_argument("--seed", type=none_or_more, default=1, help="of the first run; the next have the next")
    return parser.parse_args()


def main() -> int:
    """All of them; exit 1 if any left RF on for longer."""
    asked = options(200, __doc__ or "")
    return killed(kill_once, asked.runs, asked.seed)


if __name__ == "__main__":
    sys.exit(exit_code(main))
