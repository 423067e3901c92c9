"""The pytest plugin: fixtures and markers for tests of a generator on a rig (`docs/testing.md`).

pytest loads it in every run of an environment that has rfgen. It imports nothing but pytest until a test asks for one
of its fixtures.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rfgen.generator import Generator as Firmware
    from rfgen.scenario import Scenario
    from rfgen.testing import PutFault, Rig, Treatment
    from rfgen.testing.bench import Bench, Needs

MARKERS = (
    "scenario(name_or_path): rfgen: what is treated; a path is looked for beside the test, then in the root folder",
    "device(name_or_path): rfgen: on this device profile instead of the scenario's",
    "state(name, within_s=300): rfgen: the treatment is started, and brought to this state before the test begins",
    "needs(*words, load=None, thermocouples=1): rfgen: what a rig must have: capabilities, faults, or `simulation`",
)
FIRST_LIGHT = "bench-first-light"
"""What is treated where a test names nothing: it asks least of a rig."""
STATE_WITHIN_S = 300.0

_bench = pytest.StashKey["Bench"]()
_treatments = pytest.StashKey["list[Treatment]"]()
_failed = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rig` and what belongs to it."""
    group = parser.getgroup("rfgen", "rfgen: a generator on a rig")
    group.addoption("--rig", default="sim", metavar="RIG", help="sim (default), serial:PORT, qemu, map:FILE[@NAME]")
    group.addoption("--rig-wait", type=float, default=600.0, metavar="S", help="how long a rig is waited for [600]")
    group.addoption("--rig-cool", type=float, default=600.0, metavar="S", help="how long a load may take to cool [600]")
    group.addoption("--rig-max-power", type=float, metavar="W", help="the most that may be asked for on serial:PORT")
    group.addoption("--rig-seed", type=int, metavar="N", help="instead of the scenarios' own")
    group.addoption("--rig-runs", default="runs", metavar="DIR", help="where a failing test leaves its run [runs]")
    parser.addini("rig_qemu", "the command that serves the emulated board", default="make --silent rig-qemu")


def pytest_configure(config: pytest.Config) -> None:
    """Markers; and a `--rig` that is wrong is told before any test."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    _see_the_options(config)
    if config.getoption("--rig") != "sim":
        _the_bench(config)


def _see_the_options(config: pytest.Config) -> None:
    """Raises UsageError for a number that cannot be, and for runs that have no place."""
    for name, least, above in (("--rig-wait", 0, ""), ("--rig-cool", 0, ""), ("--rig-max-power", 0, " above")):
        value = config.getoption(name)
        if value is not None and not (value > least or (value == least and not above)):
            raise pytest.UsageError(f"{name}: {value} is out of range; it must be{above or ' at least'} {least}")
    seed = config.getoption("--rig-seed")
    if seed is not None and not 0 <= seed < 2**63:
        raise pytest.UsageError(f"--rig-seed: {seed} is out of range; it must be at least 0 and below 2^63")
    runs = Path(config.getoption("--rig-runs"))
    if runs.exists() and not runs.is_dir():
        raise pytest.UsageError(f"--rig-runs: {runs} is no folder; give one")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Which rig, where one was asked for."""
    rig = config.getoption("--rig")
    return None if rig == "sim" else f"rig: {rig}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Rigs that were started for the tests end with them."""
    bench = config.stash.get(_bench, None)
    if bench is not None:
        bench.close()


def _the_bench(config: pytest.Config) -> Bench:
    bench = config.stash.get(_bench, None)
    if bench is None:
        from rfgen.problems import InputError
        from rfgen.testing.bench import bench_of

        try:
            bench = bench_of(
                config.getoption("--rig"),
                wait_s=config.getoption("--rig-wait"),
                max_power_w=config.getoption("--rig-max-power"),
                command=config.getini("rig_qemu"),
            )
        except InputError as error:
            raise pytest.UsageError(str(error)) from None
        config.stash[_bench] = bench
    return bench


# --- fixtures --------------------------------------------------------------------------------------------------------


@pytest.fixture
def scenario(request: pytest.FixtureRequest) -> Scenario:
    """What is treated: the markers `scenario` and `device` say it."""
    from rfgen.problems import InputError
    from rfgen.scenario import load_scenario
    from rfgen.testing.defaults import default_scenario

    wrong: Exception
    device = _word(request, "device")
    name = _word(request, "scenario")
    try:
        if name is None and device is not None:
            return default_scenario(_found(request, device))
        return load_scenario(_found(request, name or FIRST_LIGHT), None if device is None else _found(request, device))
    except InputError as error:
        wrong = error
    pytest.fail(str(wrong), pytrace=False)


@pytest.fixture
def rig(request: pytest.FixtureRequest, scenario: Scenario) -> Iterator[Rig]:
    """The rig that `--rig` chose, nobody else's meanwhile; the test is skipped where it lacks what is needed."""
    from hal import HalError

    needs = _needs(request)
    with ExitStack() as taken:
        found, failed = None, ""
        try:
            found = taken.enter_context(_the_bench(request.config).rig(scenario, needs))
        except HalError as error:
            failed = str(error)
        if found is None:
            pytest.fail(f"rig: {failed}", pytrace=False)
        yield found


@pytest.fixture
def treatment(request: pytest.FixtureRequest, scenario: Scenario, rig: Rig) -> Iterator[Treatment]:
    """A treatment on the rig, linked, in the state that the marker `state` names, else IDLE. RF is off at its end.

    Its run stays where the test fails, and is removed where it does not.
    """
    from hal import HalError
    from rfgen.runs import numbered
    from rfgen.testing import Treatment

    node: pytest.Item = request.node
    runs = request.config.invocation_params.dir / request.config.getoption("--rig-runs")
    unmade, folder = "", runs
    try:
        folder = numbered(runs, _folder_name(node))
    except OSError as error:
        unmade = f"--rig-runs: {runs}: {error.strerror or error}"
    if unmade:
        pytest.fail(unmade, pytrace=False)
    done = Treatment(scenario, rig, seed=request.config.getoption("--rig-seed"), folder=folder, name=node.name)
    node.stash.setdefault(_treatments, []).append(done)
    ended_well, failed = False, ""
    try:
        try:
            done.open()
            if done.rig.kind != "sim":
                done.cool_down(request.config.getoption("--rig-cool"))
            _bring_to_state(request, done)
        except HalError as error:
            failed = str(error)
        if failed:
            pytest.fail(f"rig: {failed}", pytrace=False)
        yield done
        ended_well = not node.stash.get(_failed, False)
    finally:
        done.close()
        if ended_well or done.info is None:
            shutil.rmtree(folder, ignore_errors=True)
            _remove_where_empty(runs)
        else:
            done.report()


@pytest.fixture
def fault(treatment: Treatment) -> Callable[..., PutFault]:
    """Puts a fault on the treatment: `with fault("pump_stopped"): ...`"""
    return treatment.fault


@pytest.fixture
def generator(treatment: Treatment) -> Firmware:
    """The firmware itself, on the rig."""
    return treatment.generator


def _bring_to_state(request: pytest.FixtureRequest, done: Treatment) -> None:
    marker = request.node.get_closest_marker("state")
    if marker is None:
        return
    if len(marker.args) != 1 or set(marker.kwargs) - {"within_s"}:
        raise pytest.UsageError("the marker is written `state(NAME, within_s=SECONDS)`")
    done.advance(0.0)
    if str(marker.args[0]).lower() != "idle":
        done.start()
    done.advance_until(marker.args[0], marker.kwargs.get("within_s", STATE_WITHIN_S))


def _word(request: pytest.FixtureRequest, name: str) -> str | None:
    """What a marker with one name says."""
    marker = request.node.get_closest_marker(name)
    if marker is None:
        return None
    if len(marker.args) != 1 or marker.kwargs:
        raise pytest.UsageError(f"the marker is written `{name}(NAME_OR_PATH)`")
    return str(marker.args[0])


def _found(request: pytest.FixtureRequest, name: str) -> str:
    """A path as it is from the test's own folder, or from the root folder."""
    for folder in (request.node.path.parent, request.config.rootpath):
        if name.endswith((".yaml", ".yml")) and (folder / name).is_file():
            return str(folder / name)
    return name


def _needs(request: pytest.FixtureRequest) -> Needs:
    from rfgen.testing.bench import Needs

    words: list[str] = []
    others: dict[str, Any] = {}
    for marker in request.node.iter_markers("needs"):
        words += marker.args
        others = {**marker.kwargs, **others}  # the closest comes first
    wrong: Exception
    try:
        return Needs(tuple(words), **others)
    except (TypeError, ValueError) as error:
        wrong = error
    pytest.fail(f"marker needs: {wrong}", pytrace=False)


def _folder_name(node: pytest.Item) -> str:
    return re.sub(r"[^\w.-]+", "-", f"{node.path.stem}-{node.name}").strip("-")[:100]


def _remove_where_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # another run is in it


# --- what a failure says ---------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds, to a test of a treatment that failed, where it stood, its run and how to repeat it; to one that was skipped
    for what a rig lacks, its place."""
    lacking = call.excinfo is not None and type(call.excinfo.value).__name__ == "Lacking"
    report = yield
    if report.skipped and lacking:
        path, line, _ = report.location
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "Skipped"
        report.longrepr = (str(item.path) or path, (line or 0) + 1, reason)
    treatments = item.stash.get(_treatments, None)
    if report.failed and treatments:
        item.stash[_failed] = True
        for done in treatments:
            if done.info is not None:
                _tell(report, item, done)
    return report


def _tell(report: pytest.TestReport, item: pytest.Item, done: Treatment) -> None:
    here, folder = item.config.invocation_params.dir, done.folder
    if folder is not None and folder.is_relative_to(here):
        folder = folder.relative_to(here)
    told = "\n".join(
        [
            f"rig      {done.rig.name}{', SIMULATED' if done.info is not None and done.info.simulated else ''}",
            done.status(),
            f"run      {folder}",
            f"again    {_again(item, done)}",
        ]
    )
    add = getattr(report.longrepr, "addsection", None)
    if add is not None:
        add("rfgen", told, "-")
    else:
        report.sections.append(("rfgen", told))


def _again(item: pytest.Item, done: Treatment) -> str:
    """The command that repeats the test."""
    config = item.config
    place = os.path.relpath(item.path, config.invocation_params.dir)
    _, found, rest = item.nodeid.partition("::")
    words = ["pytest", place + found + rest]
    rig = str(config.getoption("--rig"))
    if rig != "sim":
        if rig.startswith("map:") and "@" not in rig and done.rig.entry:
            rig += f"@{done.rig.entry}"
        words += ["--rig", rig]
    for option in ("--rig-seed", "--rig-max-power"):
        value = config.getoption(option)
        if value is not None:
            words += [option, f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)
