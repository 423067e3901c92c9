"""A slice of `python -m evidence.hostkill`: a killed host's rig switches off by itself."""

from __future__ import annotations

import pytest

from evidence.hostkill import kill_once


@pytest.mark.parametrize("seed", range(1001, 1003))
def test_a_killed_hosts_rig_is_off_within_its_watchdog(seed: int) -> None:
    kill = kill_once(seed)
    assert kill.off_after_ms <= 200.0, f"python -m evidence.hostkill --runs 1 --seed {seed}: {kill}"
    assert kill.tripped, kill
    assert kill.stayed_off, kill
