"""The page: whole, self-contained, bounded in size, and deaf to what a hostile recording says."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html.parser
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_run import make_run

from rfgen.record.loader import Run, load_run
from rfgen.record.recorder import Recorder
from rfgen.records import Event
from rfgen.report.page import write_report

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(html.parser.HTMLParser):
    """Every element, in order, and whether they close in the order they opened."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.scripts if self._open and self._open[-1] == "script" else self.texts).append(data)

    def data(self) -> dict[str, Any]:
        """The runs' curves, as the page's own script reads them."""
        found: dict[str, Any] = json.loads("".join(self.scripts[:1]))
        return found

    def words(self) -> str:
        return " ".join(" ".join(self.texts).split())


def floats(text: str) -> Any:
    return np.frombuffer(base64.b64decode(text), "<f4")


def written(run: Run | list[Run], folder: Path) -> tuple[str, Page]:
    path = folder / "report.html"
    write_report(run, path)
    text = path.read_text("utf-8")
    return text, Page(text)


@pytest.fixture(scope="module")
def completed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("completed"))


@pytest.fixture(scope="module")
def tripped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("tripped"), trip_s=61.0, title="Sentinel too close", seed=5)


def test_nothing_is_fetched_and_only_the_named_scripts_run(completed: Run, tmp_path: Path) -> None:
    text, page = written(completed, tmp_path)
    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}
        assert not {"src", "href", "srcset", "action"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import", text.split("<style>")[1].split("</style>")[0])
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    kinds = [attributes for tag, attributes in page.elements if tag == "script"]
    assert [a.get("type") for a in kinds] == ["application/json", None, None]
    bodies = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    hashes = ["sha256-" + base64.b64encode(hashlib.sha256(b.encode()).digest()).decode() for b in bodies]
    assert len(bodies) == 2
    assert policy.split("script-src ")[1] == " ".join(f"'{h}'" for h in hashes)
    assert "Copyright 2014 Dan Vanderkam" in bodies[0]
    assert "MIT-licensed" in bodies[0]


def test_a_completed_run_says_what_a_person_asks_first(completed: Run, tmp_path: Path) -> None:
    _, page = written(completed, tmp_path)
    words = page.words()
    assert "SIMULATED" in words
    assert "Vertebral metastasis, bipolar, 70 °C" in words
    assert "Completed: every step held for its time" in words
    assert "RF on 93.0 s" in words
    assert "Step 1 70 °C for 60 s, ramp 2 °C/s" in words
    assert "28.00 HOLD" in words
    assert "sentinel_c 45 °C" in words
    assert "Ticks without a sample 2" in words
    assert "Trips" not in words
    data = page.data()
    assert [c["id"] for c in data["charts"]] == ["temperature", "power", "impedance", "flow"]
    assert [b["state"] for b in data["bands"]] == ["IDLE", "IMPEDANCE_CHECK", "RAMP", "HOLD", "CUTOFF"]
    assert [(b["start_s"], b["end_s"]) for b in data["bands"]][2:4] == [(6.0, 28.0), (28.0, 95.0)]
    limits = {(c["id"], limit["label"]): limit["value"] for c in data["charts"] for limit in c["limits"]}
    assert limits == {
        ("temperature", "over-temperature"): 95.0,
        ("temperature", "sentinel"): 45.0,
        ("impedance", "Z high"): 800.0,
        ("impedance", "Z low"): 25.0,
    }


def test_a_trip_is_marked_with_its_reason_and_told_in_words(tripped: Run, tmp_path: Path) -> None:
    _, page = written(tripped, tmp_path)
    words = page.words()
    assert "Cut off by SENTINEL_TEMP at 61.00 s" in words
    assert "61.00 SENTINEL_TEMP the reason The posterior wall is too warm" in words
    marks = [(m["kind"], m["time_s"], m["label"]) for m in page.data()["marks"]]
    assert marks == [
        ("fault", 59.0, "sentinel close to the electrode, on"),
        ("trip", 61.0, "SENTINEL_TEMP"),
    ]


def test_the_curves_are_the_recorded_values(completed: Run, tmp_path: Path) -> None:
    _, page = written(completed, tmp_path)
    chart = page.data()["charts"][0]
    lines = {line["label"]: floats(line["y"]) for line in chart["runs"][0]["lines"]}
    assert set(lines) == {"tip", "shaft", "posterior wall", "hottest tissue (true)", "set-point"}
    assert np.array_equal(floats(chart["runs"][0]["x"]), completed.time_s.astype("<f4"))
    assert np.array_equal(lines["tip"], completed.columns["tc0_c"].astype("<f4"), equal_nan=True)
    assert np.isnan(lines["tip"][1500:1502]).all()
    assert chart["least"] < 37.0
    assert chart["most"] > 95.0


def test_a_real_rig_is_not_called_simulated(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 10.0, simulated=False)
    text, page = written(run, tmp_path)
    assert "SIMULATED" not in page.words()
    assert 'class="simulated"' not in text
    assert "hottest tissue" not in text


def test_runs_lie_over_each_other_from_their_first_rf(completed: Run, tripped: Run, tmp_path: Path) -> None:
    _, page = written([completed, tripped], tmp_path)
    words = page.words()
    assert "Comparison" in words
    assert "Outcome Completed: every step held for its time Cut off by SENTINEL_TEMP at 61.00 s" in words
    assert "RF on 93.0 s 59.0 s" in words
    data = page.data()
    assert data["overlay"] is True
    runs = data["charts"][0]["runs"]
    assert [[line["label"] for line in run["lines"]] for run in runs] == [
        ["A tip", "A posterior wall"],
        ["B tip", "B posterior wall"],
    ]
    assert [float(floats(run["x"])[0]) for run in runs] == [-2.0, -2.0]
    assert [(m["label"], m["time_s"]) for m in data["marks"]] == [("B: SENTINEL_TEMP", 59.0)]
    with pytest.raises(ValueError, match="0 runs: a report shows 1 to 6"):
        write_report([], tmp_path / "none.html")
    with pytest.raises(ValueError, match="7 runs: a report shows 1 to 6"):
        write_report([completed] * 7, tmp_path / "many.html")


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028{{ 7 * 7 }}"


def test_a_hostile_recording_puts_no_element_on_the_page(completed: Run, tmp_path: Path) -> None:
    texts: dict[str, Any] = dict.fromkeys(
        ("scenario", "title", "device", "backend", "model", "serial", "firmware"), HOSTILE
    )
    run = make_run(
        tmp_path / "run",
        30.0,
        trip_s=20.0,
        **texts,
        thermocouples=(HOSTILE, HOSTILE + "2", HOSTILE + "3"),
        limits={HOSTILE: 1.0, "z_high_ohm": float("nan"), "over_temp_c": float("inf")},
        limit_units={HOSTILE: HOSTILE},
        row_ids=(HOSTILE,),
        treatment={HOSTILE: HOSTILE},
        scenario_yaml=HOSTILE,
        versions={HOSTILE: HOSTILE},
    )
    said: dict[str, object] = {"id": HOSTILE, "to": HOSTILE, "reason": HOSTILE, "first": True, HOSTILE: HOSTILE}
    events = tuple(Event(100, 0, kind, HOSTILE, said) for kind in ("trip", "state", "fault", HOSTILE))
    text, page = written(dataclasses.replace(run, events=run.events + events), tmp_path)
    _, plain = written(completed, tmp_path)
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements} | {"em"}
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 3
    assert all("onerror" not in attributes for _, attributes in page.elements)
    assert "{{ 7 * 7 }}" in page.words()
    assert "<script>alert" not in text
    assert "<img" not in text
    assert page.data()["charts"][0]["runs"][0]["lines"][0]["label"] == HOSTILE


def test_an_hour_at_50_hz_stays_below_6_mb(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 3600.0, noise=0.3)
    assert run.ticks == 180_000
    write_report(run, tmp_path / "one.html")
    assert (tmp_path / "one.html").stat().st_size <= 6_000_000
    write_report([run] * 6, tmp_path / "six.html")
    assert (tmp_path / "six.html").stat().st_size <= 6_000_000
    chart = Page((tmp_path / "one.html").read_text("utf-8")).data()["charts"][0]
    x = floats(chart["runs"][0]["x"])
    assert 20_000 < len(x) <= 48_400
    shaft = floats(chart["runs"][0]["lines"][1]["y"])
    recorded = run.columns["tc1_c"]
    assert np.nanmax(shaft) == np.float32(np.nanmax(recorded))
    assert np.nanmin(shaft) == np.float32(np.nanmin(recorded))
    for tick in (1499, 1500, 1501, 1502, 99, 100, 299, 300, 1399, 1400, 179_749, 179_750):
        assert np.float32(tick * 0.02) in x, tick


def test_a_killed_or_empty_run_still_has_a_page(completed: Run, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    whole = completed.path.read_bytes()
    (tmp_path / "run" / "run.mcap").write_bytes(whole[: len(whole) // 2])
    _, page = written(load_run(tmp_path / "run"), tmp_path)
    assert "Interrupted: the recording ends before RF was cut off" in page.words()
    assert "the process was killed" in page.words()
    Recorder(tmp_path / "empty", completed.info).close()
    _, page = written(load_run(tmp_path / "empty"), tmp_path)
    assert page.data()["charts"] == []


def test_the_same_run_gives_the_same_page(completed: Run, tmp_path: Path) -> None:
    assert written(completed, tmp_path)[0] == written(completed, tmp_path)[0]
