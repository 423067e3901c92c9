"""The conformance suite on a rig behind the line: in lock-step, and in real time on a clock that the test moves."""

from __future__ import annotations

import pytest
from served import BRIEF, scenario_of, served

from hal import Hal, RigConfig
from hal.conformance import CHECKS, Check
from hal.serialrig import SerialHal

CONFIG = RigConfig(300, 50_000, 8.0, 112.0, 0b11, False)

each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)


@each_check
def test_in_lock_step(check: Check) -> None:
    with served(scenario_of(BRIEF), lockstep=True) as (port, side):
        rig = side.rig

        def radiates(hal: Hal) -> bool:
            return rig._rf_on

        check.run(lambda: SerialHal(port, reply_s=20.0), CONFIG, radiating=radiates)


@each_check
def test_in_real_time(check: Check) -> None:
    now_us = 1_000_000

    def pace() -> None:
        nonlocal now_us
        now_us += 50_000

    with served(scenario_of(BRIEF), lockstep=False, clock_us=lambda: now_us) as (port, side):
        protocol = side.protocol

        def radiates(hal: Hal) -> bool:
            return protocol.rf_on or side.rig._rf_on

        check.run(lambda: SerialHal(port, reply_s=20.0), CONFIG, pace=pace, radiating=radiates)
