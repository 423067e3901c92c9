"""`rfgen falsify`: what is refused, what a search comes to, and that what it writes breaks the promise again."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError
from rfgen_program import here

from rfgen import generator
from rfgen.campaign.one import summarised
from rfgen.device import device_names
from rfgen.falsify import tries
from rfgen.falsify.cover import STRATA, Spread
from rfgen.falsify.draws import ByChance
from rfgen.falsify.one import Outcome
from rfgen.falsify.promises import PROMISES
from rfgen.falsify.search import Found, search
from rfgen.falsify.shrink import shrink
from rfgen.falsify.space import Space, yaml_of
from rfgen.problems import InputError
from rfgen.scenario import Scenario, parse_scenario


def uncut(state: object, latched: int, asked_w: float, most_w: float) -> float | None:
    """A permit with a defect: it gives what is asked for."""
    return None if latched or asked_w <= 0.0 else asked_w


def spaces() -> list[Space]:
    """Every promise on every device that it is about."""
    found = []
    for promise in PROMISES:
        for device in device_names():
            with contextlib.suppress(InputError):  # one without a sentinel, or without a temperature mode
                found.append(Space(promise, device))
    assert len(found) > 40
    return found


def same(one: Scenario, other: Scenario) -> bool:
    """But for where the figures of an altered device come from."""
    plain = [s.model_copy(update={"device": s.device.model_copy(update={"sources": {}})}) for s in (one, other)]
    return plain[0] == plain[1]


def test_every_point_is_a_scenario_and_its_file_says_the_same() -> None:
    for number, space in enumerate(spaces()):
        for run in range(4):
            point = space.draw(ByChance(number, run))
            try:
                scenario = space.scenario(point)
            except ValidationError as error:
                raise AssertionError(f"{space.promise.name} on {space.device_name}, {point}") from error
        assert same(parse_scenario(yaml_of(space.tree(point)), "point.yaml"), scenario), point


def test_a_defect_is_found_shrunk_written_and_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "permit", uncut)
    words = ("falsify", "power-beyond", "--budget", "60", "--seed", "2")
    code, out, _ = here(*words, folder=tmp_path)
    assert code == 1
    path = tmp_path / "falsified" / "power-beyond-bench-2.yaml"
    written = path.read_bytes()
    assert out.rstrip().endswith(f"again: rfgen run {path.relative_to(tmp_path)}")
    code, _, err = here("run", path, "--out", tmp_path / "again", "--quiet", folder=tmp_path)
    assert code == 1
    assert "power-beyond is broken: commanded" in err
    assert here(*words, folder=tmp_path)[:2] == (1, out)
    assert path.read_bytes() == written
    # shrunk: nothing is left but what the defect takes
    scenario = parse_scenario(written.decode(), "found.yaml")
    assert scenario.faults == ()
    assert (scenario.plant.perfusion_scale, scenario.plant.conductivity_scale) == (1.0, 1.0)
    monkeypatch.undo()
    assert here("run", path, "--out", tmp_path / "mended", "--quiet", folder=tmp_path)[0] == 0


def test_what_is_shrunk_breaks_the_promise_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A break that takes a fault and a hot patient: whatever is left out or rounded, it stays one."""
    space = Space(replace(PROMISES[1], most_faults=2), "bench")
    drawn = space.draw(ByChance(3, 4))
    point = {name: value for name, value in drawn.items() if not name.startswith(("fault", "mode", "power_w"))}
    point |= {"fault0.kind": "vessel", "fault0.size": 3.217, "fault0.state": "hold", "fault0.after_s": 2.0}
    point |= {"target_c": 51.377, "fault1.kind": "tick_overrun", "fault1.state": "hold", "fault1.after_s": 3.0}

    def hot(make: object, promise: object) -> Outcome:
        tried = make().treatment.steps[0].target_c  # type: ignore[operator]
        faults = {fault.kind for fault in make().faults}  # type: ignore[operator]
        return Outcome(0.1 if tried > 48.0 and "vessel" in faults else -0.1, "", 0.0)

    def cold(make: object, promise: object) -> Outcome:
        found = hot(make, promise)
        return Outcome(-found.robustness, "", 0.0)

    monkeypatch.setattr("rfgen.falsify.shrink.try_scenario", cold)
    shrunk = shrink(space, point, Outcome(-0.1, "", 0.0), 200)
    assert shrunk.outcome.broken
    assert cold(lambda: space.scenario(shrunk.point), None).broken
    kinds = [value for name, value in shrunk.point.items() if name.endswith(".kind")]
    assert kinds == ["vessel"]
    assert shrunk.point["target_c"] in (48.1, 49.0, 50.0)
    assert not {"lag_s", "noise_c", "perfusion_scale", "wall_mm"} & set(shrunk.point)


def test_not_broken_says_how_close_and_the_same_seed_says_the_same(tmp_path: Path) -> None:
    words = ("falsify", "trip-late", "--budget", "6", "--seed", "3")
    first = here(*words, "--json", folder=tmp_path)
    assert first[0] == 0
    told = json.loads(first[1])
    assert (told["broken"], told["runs"]) == (False, 6)
    assert 0.0 <= told["robustness"] <= 1.0
    assert here(*words, "--json", folder=tmp_path) == first
    code, out, _ = here(*words, "--uniform", folder=tmp_path)
    assert code == 0
    assert "not broken in 6 runs; closest: " in out


def test_an_interruption_keeps_the_closest(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = iter([0.5, 0.2, 0.9])

    def until_stopped(make: object, promise: object) -> Outcome:
        for left in runs:
            return Outcome(left, "", 0.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(tries, "try_scenario", until_stopped)
    found = search(Space(PROMISES[0], "bench"), 50, 1)
    assert (found.interrupted, found.runs, found.run, found.outcome.robustness) == (True, 3, 2, 0.2)


def test_shared_out_over_processes_it_is_the_same_search() -> None:
    space = Space(PROMISES[0], "bench")
    runs = 20  # two blocks that are spread, and points of an optimiser and of a descent

    def told(jobs: int) -> tuple[Found, list[tuple[int, Outcome]]]:
        closer: list[tuple[int, Outcome]] = []
        found = search(space, runs, 5, jobs=jobs, closer=lambda run, outcome: closer.append((run, outcome)))
        return found, closer

    alone = told(1)
    assert alone[0].runs == runs
    assert told(2) == alone


def test_a_search_that_is_left_ends_its_processes_without_a_word() -> None:
    """What was asked of them and is not wanted any more is no failure: a thread's traceback would fail this test."""
    before = set(multiprocessing.active_children())
    with tries.Tries(Space(PROMISES[8], "bench"), 2) as shared:
        shared._try = time.sleep  # type: ignore[assignment]
        done = shared.each([0.0, 600.0, 600.0, 600.0])  # type: ignore[list-item]
        assert next(done) is None
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        done.close()  # type: ignore[attr-defined]  # as an interruption leaves it
    assert set(multiprocessing.active_children()) == before


def test_chance_that_is_spread_takes_every_choice_before_one_comes_again() -> None:
    spread = Spread(7)
    states: dict[str, list[str]] = {"a": [], "b": []}
    heights = []
    for _ in range(STRATA):
        spread.begin()
        kind = spread.pick("fault0.kind", ("a", "b"))
        states[kind].append(spread.pick("fault0.state", ("check", "ramp", "hold", "idle")))
        heights.append(spread.number("height", 2.0, 4.0))
    for seen in states.values():
        assert sorted(seen) == sorted(("check", "ramp", "hold", "idle") * 2)
        assert len(set(seen[:4])) == 4
    assert sorted(int((height - 2.0) / 2.0 * STRATA) for height in heights) == list(range(STRATA))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("limit-overshoot",), "did you mean 'limit-overshot'?"),
        ((), "`rfgen falsify --list` lists them"),
        (("trip-late", "--device", "benhc"), "did you mean 'bench'?"),
        (("dose-overrun", "--device", "rita-like"), "has no sentinel"),
        (("hold-out-of-band", "--device", "star-like"), "has no temperature mode"),
        (("trip-late", "--out", "no/such/file.yaml"), "make the folder first"),
        (("trip-late", "--budget", "0"), "1<=x<="),
    ],
)
def test_bad_input_says_what_would_be_right(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    code, _, err = here("falsify", *words, folder=tmp_path)
    assert code == 2
    assert told in err


def test_a_scenario_may_expect_a_promise_that_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = yaml_of(Space(PROMISES[-1], "bench").tree({"target_c": 45.0, "hold_s": 5.0, "max_power_w": 1.0}))
    misspelt = tmp_path / "misspelt.yaml"
    misspelt.write_text(text.replace("[power-beyond]", "[power-beyont]"))
    code, _, err = here("run", misspelt, folder=tmp_path)
    assert code == 2
    assert "is no promise; did you mean 'power-beyond'?" in err
    # a campaign's run, which has no recording, is held against it too
    assert summarised(parse_scenario(text, "sound.yaml"))[1] == []
    monkeypatch.setattr(generator, "permit", uncut)
    (problem,) = summarised(parse_scenario(text, "defect.yaml"))[1]
    assert problem.startswith("power-beyond is broken: commanded 2 W against 1 W at ")


def test_without_the_optimiser_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, err = here("falsify", "trip-late", folder=tmp_path)
    assert code == 2
    assert "pip install 'optuna" in err


def test_the_list_has_every_promise_and_its_form(tmp_path: Path) -> None:
    code, out, _ = here("falsify", "--list", folder=tmp_path)
    assert code == 0
    for promise in PROMISES:
        assert promise.name in out
        assert promise.formula in out
    page = (Path(__file__).parents[2] / "docs" / "falsify.md").read_text(encoding="utf-8")
    for promise in PROMISES:
        assert f"| `{promise.name}` | `{promise.formula}` |" in page
