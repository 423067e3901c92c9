"""A slice of both campaigns: no missed trips, no false ones; and commands that say so."""

from __future__ import annotations

import re

import pytest

from evidence import campaign, false_trips
from evidence.campaign_off import OUTCOMES, Was
from evidence.campaign_treatments import kinds
from rfgen.device import device_names, load_device
from rfgen.records import State


def test_no_trip_is_missed() -> None:
    """One treatment of each of five profiles and modes, the second cut among them, a dozen forks each."""
    total = campaign.Total()
    for number, kind in enumerate(kinds()[-1::-5]):
        total.add(campaign.work(campaign.Job(kind, 17, number, 12)))
    assert total.forks == 60
    assert total.treatments == total.compared == 5
    assert not total.misses, "\n".join(campaign.told(miss) for miss in total.misses)
    assert sum(total.firsts.values()) == 60
    assert set(total.states) == {State.IMPEDANCE_CHECK, State.RAMP, State.HOLD}
    assert total.pairs > 5
    # every fork had RF to be off, and each outcome is counted by itself
    counted = {name: sum(n for (which, _, _), n in total.off.items() if which == name) for name in OUTCOMES}
    assert counted == dict.fromkeys(("commanded", "read back", "delivered"), 60)
    assert all(was is Was.IN_TIME for name, was, stuck in total.off if name == "commanded")
    assert all(was is Was.IN_TIME for name, was, stuck in total.off if name == "delivered" and not stuck)


def test_forks_are_counted_to_the_last_one() -> None:
    todo = campaign.jobs(1000, 1)
    assert sum(job.forks for job in todo) == 1000
    assert len({(job.kind, job.seed, job.number) for job in todo}) == len(todo) == 21
    assert {job.kind for job in todo} == set(kinds())


def untimed(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(("N =", "speed:"))]


def test_the_command_says_how_many_and_what_bound(capsys: pytest.CaptureFixture[str]) -> None:
    assert campaign.main(["--forks", "20", "--seed", "23"]) == 0
    first = capsys.readouterr().out
    assert re.search(
        r"N = 20 forks \(\d+ with two faults, \d+ ticks\), from 1 whole treatments, 1 run whole as well", first
    )
    assert re.search(r"speed: [\d.]+ ms of one core a fork, .* 1,000,000 forks take [\d.]+ h on two such cores", first)
    assert "missed: 0\n" in first
    assert "at most 0.139 a fork" in first  # 1 - 0.05^(1/20)
    assert campaign.main(["--forks", "20", "--seed", "23"]) == 0
    again = capsys.readouterr().out
    assert untimed(first) == untimed(again)


def test_every_profile_and_mode_is_treated() -> None:
    treated = {(kind.device, kind.mode) for kind in kinds()}
    assert treated == {(name, mode) for name in device_names() for mode in load_device(name).modes}


def test_sound_treatments_finish_without_a_trip() -> None:
    ended = list(false_trips.campaign(len(kinds()), 29, 1))
    assert {one.kind for one in ended} == set(kinds())
    wrong = [one for one in ended if not one.sound]
    assert not wrong, "\n".join(f"{one}\n{false_trips.yaml_of(one)}" for one in wrong)
    assert all(one.reason == "hold_complete" and one.held and one.ticks > 600 for one in ended)


def test_a_false_trip_would_be_told() -> None:
    ended = false_trips.treat(kinds()[0], 29, 3)
    assert ended.sound
    assert not ended._replace(reason="RAMP_TIMEOUT", tripped=("RAMP_TIMEOUT",)).sound
    assert not ended._replace(tripped=("Z_JUMP",)).sound
    assert not ended._replace(held=False).sound
