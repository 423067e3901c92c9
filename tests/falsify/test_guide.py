"""What chooses the next points: corners not seen yet, a line that foretells or does not, and both against chance."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np

from rfgen.falsify.cover import Cover
from rfgen.falsify.descent import FORETOLD, line, step
from rfgen.falsify.draws import ByChance
from rfgen.falsify.guide import Guide
from rfgen.falsify.monitor import Met
from rfgen.falsify.one import Outcome
from rfgen.falsify.promises import promise
from rfgen.falsify.space import Space, Value

STATE = {"check": "IMPEDANCE_CHECK", "ramp": "RAMP", "hold": "HOLD"}


def asked(cover: Cover, kinds: tuple[str, ...]) -> dict[str, float | str | bool]:
    """One point's fault."""
    cover.begin()
    kind, state = cover.pick("fault0.kind", kinds), cover.pick("fault0.state", tuple(STATE))
    after_s = cover.number("fault0.after_s", 0.0, 12.0)
    return {"fault0.kind": kind, "fault0.state": state, "fault0.after_s": after_s}


def test_every_kind_comes_before_one_comes_again_and_then_every_row_in_every_state() -> None:
    kinds = tuple(f"kind{n}" for n in range(24))
    row = {kind: f"row{n % 5}" for n, kind in enumerate(kinds)}  # so that kinds stand for each other
    cover = Cover(3)
    seen: list[tuple[str, str]] = []
    for _ in range(6):
        points = [asked(cover, kinds) for _ in range(8)]
        cover.forget_expected()
        for point in points:
            kind, state = str(point["fault0.kind"]), str(point["fault0.state"])
            seen.append((kind, state))
            cover.heard(point, [Met(kind, STATE[state], row[kind])])
    assert len({kind for kind, _ in seen[:24]}) == 24
    assert len({(row[kind], state) for kind, state in seen}) == 15
    # 72 corners, and what is new in them is seen in half as many
    assert len({(row[kind], state) for kind, state in seen[:36]}) == 15


def test_a_fault_that_came_too_late_for_its_state_is_tried_sooner() -> None:
    cover = Cover(5)
    lasts_s = {"check": 2.0, "ramp": 8.0, "hold": 5.0}
    late = []
    for _ in range(60):
        point = asked(cover, ("a", "b"))
        cover.forget_expected()
        state = str(point["fault0.state"])
        late.append(float(point["fault0.after_s"]) > lasts_s[state])
        cover.heard(point, [Met(str(point["fault0.kind"]), "CUTOFF" if late[-1] else STATE[state])])
    assert sum(late[:20]) >= 1
    assert sum(late[30:]) <= 3


def test_the_faults_of_another_run_are_put_to_a_close_one_and_no_run_is_made_twice() -> None:
    cover = Cover(1)
    for _ in range(20):
        cover.begin({"target_c": 70.0, "target": "tumour", "fault0.severity": 0.3, "faults": "0"})
        assert cover.pick("faults", ("0", "1")) == "1"
        assert cover.pick("target", ("tumour", "bone", "marrow")) == "tumour"
        found = cover.number("target_c", 45.0, 85.0)
        assert 45.0 <= found <= 85.0
        assert 0.0 < abs(found - 70.0) < 10.0


def test_a_line_foretells_what_has_a_slope_and_nothing_else() -> None:
    random_ = random.Random(11)
    names = [f"x{n}" for n in range(12)]
    rightly = wrongly = 0
    for _ in range(20):
        runs = [{name: random_.random() for name in names} for _ in range(40)]
        sloping = [(run, 0.5 + 0.6 * run["x3"] - 0.3 * run["x7"] + random_.gauss(0.0, 0.03)) for run in runs]
        found = line(sloping)
        assert found is not None
        rightly += found.foretold > FORETOLD
        assert found.slopes["x3"] > 0.2 > -0.05 > found.slopes["x7"]
        noise = line([(run, random_.choice([0.02, 0.05, 0.2, 0.9, 1.0])) for run in runs])
        wrongly += noise is not None and noise.foretold > FORETOLD
    assert rightly >= 18
    assert wrongly <= 1
    assert line(sloping[:5]) is None
    assert line([(run, 1.0) for run in runs]) is None


def test_a_step_goes_down_and_stays_in_range() -> None:
    chance = np.random.default_rng(2)
    at, slopes = {"a": 0.5, "b": 0.9, "c": 0.1}, {"a": 0.4, "b": -0.2, "c": 0.0}
    steps = [step(at, slopes, chance) for _ in range(200)]
    assert all(0.0 <= value <= 1.0 for found in steps for value in found.values())
    middle = {name: float(np.mean([found[name] for found in steps])) for name in at}
    assert middle["a"] < 0.35
    assert middle["b"] > 0.9
    assert abs(middle["c"] - 0.1) < 0.06


def robustness(point: dict[str, Value]) -> float:
    """A slope over three numbers, broken where all three are near their ends: for 1 point in 500."""
    left_c = 85.0 - float(point["target_c"])
    return left_c / 40.0 + float(point["limit.overshoot_c"]) / 5.0 + (4.0 - float(point["ramp_c_s"])) / 3.0 - 0.35


def runs_of(guide: Guide, most: int) -> int:
    """Until it is broken."""
    told = 0
    while told < most:
        points = guide.ask(8)
        found = [robustness(point) for point in points]
        for place, value in enumerate(found):
            if value < 0.0:
                return told + place + 1
        guide.tell([Outcome(min(value, 1.0), "", 0.0, (("sum", value),)) for value in found])
        told += 8
    return most + 1


def test_where_there_is_a_slope_it_is_found_in_fewer_runs_than_by_chance() -> None:
    space = Space(promise("target-overshot"), "bench")
    guided = [runs_of(Guide(space, seed), 64) for seed in range(3)]
    chance = [next((n for n in range(64) if robustness(space.draw(ByChance(seed, n))) < 0.0), 65) for seed in range(3)]
    assert max(guided) <= 40
    assert sum(guided) < sum(chance) / 2


def test_where_there_is_none_every_point_is_spread() -> None:
    space = Space(promise("trip-late"), "bench")
    guide = Guide(space, 4)
    kinds: list[Value] = []
    for _ in range(6):
        points = guide.ask(8)
        kinds += [point["fault0.kind"] for point in points]
        met = [(Met(str(p["fault0.kind"]), STATE[str(p["fault0.state"])], str(p["fault0.kind"])),) for p in points]
        guide.tell([Outcome(1.0, "", 0.0, (("late", 1.0),), faults) for faults in met])
    count = len(space.faults)
    assert len(set(kinds[:count])) == count
    assert all(one != other for one, other in pairwise(kinds))
