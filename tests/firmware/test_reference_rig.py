"""The rig in C: its own tests, its decoder under random bytes, the conformance suite on its core and dummy load, and
its process on a pseudo-terminal. What runs on the emulated board is in tests_board/."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from firmware_build import made
from firmware_host import OFF, ON, rig_and_host
from library_rig import DummyRig, identity_of

from hal import Capability, Hal, RigConfig, RigIdentity, RigInfo
from hal.conformance import CHECKS, Check
from hal.serialrig import SerialHal
from hal.serve import PtyServer

CONFIG = RigConfig(300, 50_000, 8.0, 112.0, 0b11, False)


def test_unit_tests_in_c() -> None:
    done = subprocess.run([made("unit-plain")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "unit tests: all hold\n"), done.stderr


@pytest.mark.parametrize("count", ["0", "-5", "abc", "1e6", "9" * 30])
def test_the_fuzz_is_of_one_byte_or_more(count: str) -> None:
    """None at all would pass, and -5 would be nearly 2^64."""
    done = subprocess.run([made("fuzz-plain"), count, "3"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (2, "usage: fuzz BYTES SEED, with 1 byte or more\n")


def test_a_slice_of_the_fuzz() -> None:
    done = subprocess.run([made("fuzz-plain"), "300000", "3"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = re.search(r"(\d+) bad frames, all counted \(asked (\d+) times\), none acted on", done.stdout)
    assert found is not None, done.stdout
    assert int(found[1]) > 1000
    assert int(found[2]) > 30


@contextmanager
def core_on_a_line() -> Iterator[tuple[str, DummyRig, list[int]]]:
    """The core and the dummy load behind a pseudo-terminal, on a clock that the test moves."""
    rig = DummyRig()
    capabilities = Capability.SIMULATION | Capability.PHASE | Capability.STAGE_TEMPERATURE | Capability.SECOND_CUT
    info = RigInfo(RigIdentity("dummy load", "library", "1"), True, 2, capabilities, 7, 10, 2000, 20.0)
    clock = [1_000_000]
    rig.boot(identity_of(info))
    with PtyServer(rig, clock_us=lambda: clock[0]) as server:  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield server.port, rig, clock
        finally:
            server.stop()
            thread.join(10.0)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_core_conforms(check: Check) -> None:
    with core_on_a_line() as (port, rig, clock):

        def pace() -> None:
            clock[0] += CONFIG.period_us

        def radiates(hal: Hal) -> bool:
            return bool(rig.truth().enabled)

        check.run(lambda: SerialHal(port, reply_s=20.0), CONFIG, pace=pace, radiating=radiates)


def test_process_switches_off_by_itself() -> None:
    """Silence after RF on: off within the watchdog, by the process's own account and at the stage itself."""
    with rig_and_host(made("rig")) as (rig, host):
        host.connect(watchdog_ms=400, period_ms=20)
        fed_us = host.sample(ON, 5.0).rig_time_us
        assert rig.state()["enabled"] == 1.0
        while rig.state()["enabled"]:
            pass
        state = rig.state()
        assert state["changed_us"] - fed_us >= 380_000  # a twentieth early, and no earlier
        sample = host.sample(ON, 5.0)
        assert (sample.rig_trip, sample.rf_on, bool(sample.status & 4)) == (1, False, True)
        assert rig.state()["enabled"] == 0.0


def test_process_obeys_faults_and_reboots() -> None:
    with rig_and_host(made("rig"), "--thermocouples", "3", "--fault", "open 2") as (rig, host):
        boot = host.hello().body[8:12]
        host.connect(channels=1)
        assert host.sample(OFF).tc_fault == 1 << 4
        rig.fault("estop on")
        assert host.sample(ON, 5.0).rig_trip == 5
        rig.fault("estop off")
        assert host.sample(ON, 5.0).rig_trip == 5
        assert rig.line("nonsense") == "not understood: nonsense"
        assert rig.line("reboot") == "ok"
        reply = host.exchange(ON, 5.0)
        assert reply.error() == (3, 2)
        assert host.hello().body[8:12] != boot


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--thermocouples", "9"), "--thermocouples takes 1 to 8"),
        (("--capabilities", "0x200"), "--capabilities takes 0 to 0x1FF"),
        (("--fault", "rain on"), "no such fault"),
        (("--rate", "1"), "no such option"),
        (("--seed",), "needs a value"),
    ],
)
def test_wrong_options(options: tuple[str, ...], said: str) -> None:
    done = subprocess.run([made("rig"), *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
