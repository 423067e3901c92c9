"""A slice of `python -m evidence.hostkill`: a killed host's rig switches off by itself."""

from __future__ import annotations

import pytest

from evidence.hostkill import Kill, Void, kill_once, killed


@pytest.mark.parametrize("seed", range(1001, 1003))
def test_a_killed_hosts_rig_is_off_within_its_watchdog(seed: int) -> None:
    kill = kill_once(seed)
    assert kill.off_after_ms <= 200.0, f"python -m evidence.hostkill --runs 1 --seed {seed}: {kill}"
    assert kill.tripped, kill
    assert kill.stayed_off, kill


def test_what_came_to_nothing_is_not_counted_and_not_for_ever(capsys: pytest.CaptureFixture[str]) -> None:
    def every_other(seed: int) -> Kill:
        if seed % 2:
            raise Void(f"seed {seed}: the host never brought RF on (exit 0)")
        return Kill(1.5, 180.0, True, True)

    assert killed(every_other, 4, 1) == 0
    told = capsys.readouterr().out
    assert told.count("void seed") == 4
    assert "4 of 4 killed hosts: RF off within 200 ms; the longest took 180.0 ms" in told

    def never(seed: int) -> Kill:
        raise Void(f"seed {seed}")

    assert killed(never, 4, 1) == 1
    assert capsys.readouterr().out.count("void seed") == 11


@pytest.mark.parametrize(
    ("kill", "told"),
    [
        (Kill(1.5, 200.5, True, True), "200.5 ms after the last exchange\n"),
        (Kill(1.5, 180.0, False, True), "watchdog NOT latched"),
        (Kill(1.5, 180.0, True, False), "RF did not stay off"),
    ],
)
def test_one_that_left_rf_on_is_told(kill: Kill, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert killed(lambda seed: kill, 1, 7) == 1
    out = capsys.readouterr().out
    assert out.startswith("FAIL seed 7: killed 1.50 s after RF on")
    assert told in out
    assert "0 of 1 killed hosts" in out
