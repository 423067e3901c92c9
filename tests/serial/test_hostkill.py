"""A slice of `python -m evidence.hostkill`: a killed host's rig switches off by itself."""

from __future__ import annotations

import pytest

from evidence.hostkill import Kill, Void, kill_once, killed


def test_a_killed_hosts_rig_is_off_within_its_watchdog() -> None:
    assert killed(kill_once, 2, 1001) == 0, "python -m evidence.hostkill --runs 2 --seed 1001"


def test_what_came_to_nothing_is_not_counted_and_not_for_ever(capsys: pytest.CaptureFixture[str]) -> None:
    def every_other(seed: int) -> Kill:
        if seed % 2:
            raise Void(f"seed {seed}: the host never brought RF on (exit 0)")
        return Kill(1.5, 180.0, 1.0, True, True)

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
        (Kill(1.5, 200.5, 10.0, True, True), "200.5 ms after the last exchange\n"),
        (Kill(1.5, 203.5, 50.0, False, True), "watchdog NOT latched"),
        (Kill(1.5, float("inf"), 50.0, True, True), "RF off inf ms"),
        (Kill(1.5, 180.0, 1.0, False, True), "watchdog NOT latched"),
        (Kill(1.5, 180.0, 1.0, True, False), "RF did not stay off"),
    ],
)
def test_one_that_left_rf_on_is_told(kill: Kill, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert killed(lambda seed: kill, 1, 7) == 1
    out = capsys.readouterr().out
    assert out.startswith("FAIL seed 7: killed 1.50 s after RF on")
    assert told in out
    assert "0 of 1 killed hosts" in out


def test_a_rig_that_its_machine_held_up_is_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    def first_held_up(seed: int) -> Kill:
        # its last look but one was 189.9 ms after the exchange: nothing was due yet
        return Kill(1.5, 204.0, 14.1, True, True) if seed == 1 else Kill(1.5, 191.0, 1.0, True, True)

    assert killed(first_held_up, 2, 1) == 0
    told = capsys.readouterr().out
    assert "void seed 1: this machine did not let the rig look for 14.1 ms" in told
    assert "2 of 2 killed hosts: RF off within 200 ms; the longest took 191.0 ms" in told
