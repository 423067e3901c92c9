"""A campaign on a Dask cluster of processes, its workers and itself killed, is the one that ran here without a kill."""

from __future__ import annotations

import pytest

from evidence import campaign_kill


def test_killed_workers_and_a_killed_campaign_lose_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert campaign_kill.main(["--runs", "120", "--kills", "3", "--cluster"]) == 0
    told = capfd.readouterr().out
    assert told.count("a worker killed with") == 2
    assert told.count("the campaign killed with") == 1
    assert "120 runs, 3 kills: every run once" in told
    assert "results equal to the bit" in told
