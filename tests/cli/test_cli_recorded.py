"""`rfgen replay` and `rfgen report`: of a fresh run, of an altered one, of what is no recording."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from rfgen_program import QUICK, here, rfgen

from hal import Reply, Sample
from rfgen.record.info import RunInfo
from rfgen.record.loader import load_run
from rfgen.record.recorder import Recorder
from rfgen.records import Decision, Event


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs, `a` and `b`."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "quick.yaml").write_text(QUICK, encoding="utf-8")
    for name, seed in (("a", "1"), ("b", "2")):
        assert rfgen("run", "quick.yaml", "--quiet", "--out", name, "--seed", seed, folder=folder).returncode == 0
    return folder


def altered(
    folder: Path,
    *,
    info: Callable[[RunInfo], RunInfo] = lambda info: info,
    decision: Callable[[Decision], Decision] = lambda decision: decision,
    reply: Callable[[Reply], Reply] = lambda reply: reply,
    event: Callable[[Event], Event | None] = lambda event: event,
) -> Path:
    """The run `a`, written again with something changed."""
    run = load_run(folder / "a")
    place = folder / f"altered-{len(list(folder.iterdir()))}"
    events = list(run.events)
    with Recorder(place, info(run.info)) as recorder:
        for tick, (was, decided, truth) in enumerate(zip(run.replies(), run.decisions(), run.truths(), strict=True)):
            while events and events[0].tick <= tick:
                changed = event(events.pop(0))
                if changed is not None:
                    recorder.event(changed)
            recorder.tick(reply(was), decision(decided), truth)
    return place


def test_a_fresh_run_is_identical(folder: Path) -> None:
    ticks = load_run(folder / "a").ticks
    assert ticks > 400
    assert here("replay", "a", folder=folder) == (0, f"a: identical over {ticks} ticks\n", "")
    assert here("replay", "a/run.mcap", folder=folder) == (0, f"a/run.mcap: identical over {ticks} ticks\n", "")
    assert here("replay", altered(folder), folder=folder)[0] == 0


def test_an_altered_command_is_named_by_its_tick(folder: Path) -> None:
    def change(decision: Decision) -> Decision:
        """The smallest change there is."""
        command = decision.command
        if command.tick != 301:
            return decision
        return decision._replace(command=command._replace(power_w=command.power_w * (1.0 + 2.0**-52)))

    place = altered(folder, decision=change)
    code, out, err = here("replay", place, folder=folder)
    assert (code, err) == (1, "")
    assert out.startswith(f"{place}: differs at tick 300: command.power_w was ")


def test_an_altered_sample_is_named_by_the_tick_that_decides_otherwise(folder: Path) -> None:
    def change(reply: Reply) -> Reply:
        if not isinstance(reply, Sample) or reply.tick != 350:
            return reply
        return reply._replace(temperature_c=(reply.temperature_c[0] + 3.0, *reply.temperature_c[1:]))

    code, out, err = here("replay", altered(folder, reply=change), folder=folder)
    assert (code, err) == (1, "")
    assert ": differs at tick 350: " in out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda e: None if e.kind == "operator" else e, ": differs at tick "),
        (lambda e: None if e.kind == "state" else e, ": events was ['start'], is ['start', 'IDLE to IMPEDANCE_CHECK']"),
        (lambda e: e._replace(text="\x1b[2J") if e.kind == "state" else e, "was \N{REPLACEMENT CHARACTER}[2J, is "),
    ],
)
def test_altered_events_differ(change: Callable[[Event], Event | None], told: str, folder: Path) -> None:
    code, out, err = here("replay", altered(folder, event=change), folder=folder)
    assert (code, err) == (1, "")
    assert told in out
    assert "\x1b" not in out


def test_altered_limits_differ(folder: Path) -> None:
    place = altered(folder, info=lambda info: dataclasses.replace(info, limits={**info.limits, "over_temp_c": 96.0}))
    code, out, err = here("replay", place, folder=folder)
    assert (code, out, err) == (1, f"{place}: differs at tick 0: limit over_temp_c was 96.0, is 95.0\n", "")


@pytest.mark.parametrize(
    "data", [{}, {"action": "dance"}, {"action": ["start"]}, {"action": "start", "boot_count": "many"}]
)
def test_a_damaged_operator_event_is_refused(data: dict[str, object], folder: Path) -> None:
    place = altered(folder, event=lambda e: e._replace(data=data) if e.kind == "operator" else e)
    code, out, err = here("replay", place, folder=folder)
    assert (code, out, err) == (2, "", f"{place}/run.mcap: at tick 25 the operator event is damaged\n")


def test_a_recording_whose_scenario_is_wrong_is_refused(folder: Path) -> None:
    place = altered(
        folder,
        info=lambda info: dataclasses.replace(info, scenario_yaml="title: x\ndevice: !!python/name:os.system x\n"),
    )
    code, out, err = here("replay", place, folder=folder)
    assert (code, out) == (2, "")
    assert "the recording's scenario:2: device: tag 'tag:yaml.org,2002:python/name:os.system' is not" in err
    # and reported all the same: the report is made of what was recorded
    assert here("report", place, folder=folder)[0] == 0


@pytest.mark.parametrize("command", ["replay", "report"])
def test_what_is_no_recording_is_refused(command: str, folder: Path, tmp_path: Path) -> None:
    whole = (folder / "a/run.mcap").read_bytes()
    (tmp_path / "empty").mkdir()
    (tmp_path / "nothing.mcap").touch()
    (tmp_path / "text.mcap").write_text("title: no recording\n", encoding="utf-8")
    (tmp_path / "flipped.mcap").write_bytes(whole[:9000] + bytes([whole[9000] ^ 1]) + whole[9001:])
    for name, told in (
        ("nosuch", "nosuch: there is no such recording; give the folder of a run"),
        ("empty", "empty/run.mcap: there is no such recording"),
        ("nothing.mcap", "nothing.mcap: not a recording of rfgen"),
        ("text.mcap", "text.mcap: damaged near byte"),
        ("flipped.mcap", "flipped.mcap: damaged near byte"),
    ):
        code, out, err = here(command, name, folder=tmp_path)
        assert (code, out) == (2, ""), name
        assert err.startswith(told)
        assert "Traceback" not in err
    assert not list(tmp_path.glob("**/report.html"))


def test_a_report_again_is_the_same(folder: Path) -> None:
    report = folder / "a/report.html"
    before = report.read_bytes()
    report.unlink()
    assert here("report", "a", folder=folder) == (0, "a/report.html\n", "")
    assert report.read_bytes() == before
    assert here("report", "a/run.mcap", "--out", "here.html", folder=folder) == (0, "here.html\n", "")
    assert (folder / "here.html").read_bytes() == before


def test_two_runs_side_by_side(folder: Path) -> None:
    assert here("report", "a", "b", folder=folder) == (0, "a/comparison.html\n", "")
    text = (folder / "a/comparison.html").read_text(encoding="utf-8")
    assert "SIMULATED" in text
    assert text.count("Quick") >= 2
    assert len(text) > (folder / "a/report.html").stat().st_size


def test_a_picture(folder: Path) -> None:
    assert here("report", "a", "--picture", "a.svg", folder=folder) == (0, "a.svg\n", "")
    assert (folder / "a.svg").read_text(encoding="utf-8").startswith("<svg ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a", "b", "--picture", "p.svg"], "a picture shows one run"),
        (["a", "--picture", "p.svg", "--out", "p.html"], "leave --out out"),
        (["a", "--field", "p.svg", "--out", "p.html"], "--field says where to by itself"),
        (["a", "--field", "p.svg"], "has no field: it was no run on the field plant; leave --field out"),
        (["a", "--out", "nosuch/p.html"], "nosuch/p.html: is in a folder that does not exist; make the folder first"),
        (["a", "--out", "quick.yaml/p.html"], "quick.yaml/p.html: is in a folder that does not exist"),
        (["a", "--out", "/dev/null"], "/dev/null: is not a regular file; give a file's name"),
        (["a", "--out", "link.html"], "link.html: is not a regular file; give a file's name"),
        (["a", "--out", "b"], "Invalid value for '--out': File 'b' is a directory."),
        (["a", "--picture", "x" * 300], f"{'x' * 300}: cannot be written (File name too long); give another name"),
        ([], "Missing argument 'RUNS...'."),
    ],
)
def test_where_a_report_cannot_go(words: list[str], told: str, folder: Path) -> None:
    link = folder / "link.html"
    if not link.is_symlink():
        link.symlink_to(folder / "quick.yaml")
    code, out, err = here("report", *words, folder=folder)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err
    assert (folder / "quick.yaml").read_text(encoding="utf-8") == QUICK
