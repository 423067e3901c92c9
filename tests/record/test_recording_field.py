"""The field in a recording: kept whole, read by other tools, refused where it cannot be; its lines and its picture."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory

from hal import Command, Sample
from rfgen.record.fieldview import (
    FieldView,
    Figures,
    Place,
    Scene,
    Shape,
    Size,
    Spared,
    kept,
    kept_log10,
    pack_field,
    unpack_field,
)
from rfgen.record.loader import RecordingError, load_run
from rfgen.record.recorder import Recorder, RunInfo
from rfgen.record.summary import summary_from_run
from rfgen.records import Decision, State
from rfgen.report.contours import contours, thinned
from rfgen.report.fieldpanel import apart, place_labels, shape_label, site_labels
from rfgen.report.fieldpicture import field_picture, frame_of, isotherm_paths
from rfgen.report.page import render

INFO = RunInfo(
    "s", "t", "bench", 1, "sim", True, "m", "n", "f", 100_000, ("tip",), 1, {}, {}, ("X",), {}, "", {}
)  # fmt: skip
HOSTILE = "</text><script>alert(1)</script>\x00\n&"


def made(label: str = "tip", rise_c: float = 60.0) -> FieldView:
    """A ball of heat of 10 mm round the middle of a needle, and a canal round it."""
    r, z = np.linspace(0.25, 30.0, 60), np.linspace(-25.0, 25.0, 80)
    away = np.hypot(r[None, :], z[:, None])
    canal = [("wall", "cortical_bone", 14.0), ("fat", "fat", 16.0), ("csf", "csf", 19.0), ("cord", "spinal_cord", 21.0)]
    shapes = [Shape("half_space", "cancellous_bone", "", 0.0, 1000.0, 0.0, -1000.0, 1000.0)]
    shapes += [Shape("sphere", "lytic_tumour", "target", 0.0, 12.0, 0.0, -1000.0, 1000.0)]
    shapes += [Shape("ring", tissue, name, at, at + 3.0, 0.0, -1000.0, 1000.0) for name, tissue, at in canal]
    size = Size(10.0, 10.0, 523.6)
    figures = Figures(size, size, size, Spared(40.0, 0.1), Spared(39.0, 0.02), 12.5, 4800, 10, 3, 1e-12)
    places = (Place(label, 0.0, -9.5, 80.0), Place("epidural", 17.5, 0.0, 41.25))
    scene = Scene(0.9, -10.0, 0.0, ((-10.0, -2.0), (2.0, 10.0)), "ring", tuple(shapes), places, 97.0, figures)
    temperature_c = kept(37.0 + rise_c * np.exp2(-away / 10.0))
    damage = kept_log10(np.exp(0.5 * (8.0 - away)))
    return FieldView("end", 12.5, scene, kept(r), kept(z), temperature_c, damage, damage)


def same(one: FieldView, other: FieldView) -> bool:
    arrays = ("r_mm", "z_mm", "temperature_c", "log10_omega", "log10_cem43_min")
    return (one.moment, one.time_s, one.scene) == (other.moment, other.time_s, other.scene) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays
    )


def recorded(folder: Path, *views: FieldView) -> Path:
    status = (True, True, False, True, False, False, True, False)
    with Recorder(folder, INFO) as recorder:
        for tick in range(15):
            sample = Sample(tick, tick * 100_000, *status, 0, 0, 0, 9.5, 40.0, 0.25, 0.0, 12.0, 20.0, 31.0, (60.0,))
            decision = Decision(Command(tick, True, 9.0, 0.0), False, State.HOLD, 0, 9.0, 70.0, 70.0, 0, 0)
            recorder.tick(sample, decision, None)
        for view in views:
            recorder.field(view)
    return folder


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=20), st.floats(-1e3, 1e3), st.integers(2, 5), st.integers(2, 5), st.integers(0, 2**32))
def test_what_was_packed_is_unpacked(text: str, number: float, rows: int, columns: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    place = Place(text.encode("utf-8", "replace").decode(), number, number, number)
    scene = dataclasses.replace(made().scene, places=(place,))
    values = [kept(draw.uniform(-6.0, 100.0, (rows, columns))) for _ in range(3)]
    axes = [kept(np.cumsum(draw.uniform(0.1, 5.0, count))) for count in (columns, rows)]
    view = FieldView("hottest", abs(number), scene, *axes, *values)
    assert same(unpack_field(pack_field(view)), view)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9), st.binary(min_size=1, max_size=12))
def test_damage_is_refused_or_leaves_a_view_that_can_be_drawn(at: int, put: bytes) -> None:
    whole = pack_field(made())
    at %= min(len(whole), 3500)  # head, scene, axes, and the first of the cells
    damaged = whole[:at] + put + whole[at + len(put) :]
    try:
        view = unpack_field(damaged)
    except ValueError:
        return
    ElementTree.fromstring(field_picture([view], "damaged"))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_field_cut_short_is_refused(share: float) -> None:
    whole = pack_field(made())
    with pytest.raises(ValueError, match="field"):
        unpack_field(whole[: int(len(whole) * share)])


def test_values_keep_a_sixty_fourth_and_damage_a_millionth() -> None:
    assert kept(np.array([44.99])).tolist() == [44.984375]
    assert kept_log10(np.array([0.0, 1.0, 1e-9])).tolist() == [-6.0, 0.0, -6.0]


def test_a_recording_gives_the_field_back_and_another_tool_reads_it(tmp_path: Path) -> None:
    views = made(), dataclasses.replace(made(), moment="hottest", time_s=1.0)
    folder = recorded(tmp_path / "run", *views)
    run = load_run(folder)
    assert [same(a, b) for a, b in zip(run.fields, views, strict=True)] == [True, True]
    with (folder / "run.mcap").open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        found = [message for *_, message in reader.iter_decoded_messages(topics=["/field"])]
    assert [m.moment for m in found] == ["end", "hottest"]
    assert list(found[0].temperature_c) == made().temperature_c.ravel().tolist()
    summary = summary_from_run(run)
    assert summary["field"]["lesion"] == {"width_mm": 10.0, "length_mm": 10.0, "volume_mm3": 523.6}
    assert summary["field"]["cord"] == {"peak_c": 39.0, "cem43_min": 0.02}
    assert summary["field"]["cord_and_dura_peak_s"] == 12.5
    page = render([run])
    assert "The hottest moment, 1.0 s" in page
    assert "The end, 12.5 s" in page


def test_a_recording_without_a_field_has_none_and_one_of_many_is_refused(tmp_path: Path) -> None:
    run = load_run(recorded(tmp_path / "plain"))
    assert run.fields == ()
    assert "field" not in summary_from_run(run)
    assert 'class="field"' not in render([run])
    with pytest.raises(RecordingError, match="more than 16 fields"):
        load_run(recorded(tmp_path / "many", *[made()] * 17))


def test_a_run_that_is_killed_before_its_end_is_read(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "run", made())
    whole = (folder / "run.mcap").read_bytes()
    (folder / "run.mcap").write_bytes(whole[: whole.index(b"rfgen/msg/Field") - 20])
    run = load_run(folder)
    assert (run.ticks, run.complete, run.fields) == (10, False, ())
    assert "was not closed" in render([run])


def test_a_hostile_label_stays_text(tmp_path: Path) -> None:
    view = made(HOSTILE)
    picture = field_picture([view, view], HOSTILE)
    assert "<script" not in picture
    root = ElementTree.fromstring(picture)
    assert {element.tag.split("}")[1] for element in root.iter()} <= {
        "svg", "title", "rect", "text", "defs", "clipPath", "pattern", "path", "g", "circle"
    }  # fmt: skip
    assert "<script>alert" not in render([load_run(recorded(tmp_path / "run", view))])


def test_a_line_lies_where_the_level_is() -> None:
    view = made()
    frame = frame_of(view, 0.0, 0.0)
    lines = isotherm_paths(view, frame)
    for level, radius in ((60.0, 10.0 * math.log2(60.0 / 23.0)), (80.0, 10.0 * math.log2(60.0 / 43.0))):
        (line,) = lines[level]
        away = [math.hypot(x - frame.x(0.0), y - frame.y(0.0)) / frame.scale for x, y in line]
        assert min(away) == pytest.approx(radius, abs=0.12)
        assert max(away) == pytest.approx(radius, abs=0.12)
    assert 100.0 not in lines


def test_lines_close_round_holes_and_at_the_edge() -> None:
    x = y = np.linspace(-2.0, 2.0, 81)
    away = np.hypot(x[None, :], y[:, None])
    ring = contours(0.5 - np.abs(away - 1.0), x, y)
    assert len(ring) == 2
    radii = sorted(sum(math.hypot(*p) for p in line) / len(line) for line in ring)
    assert radii == pytest.approx([0.5, 1.5], abs=0.01)
    assert len(contours(np.ones((81, 81)), x, y)) == 1
    assert contours(-np.ones((81, 81)), x, y) == []
    (circle,) = contours(1.0 - away, x, y)
    fewer = thinned(circle, 0.01)
    assert len(fewer) < 0.6 * len(circle)
    assert all(abs(math.hypot(*point) - 1.0) < 0.02 for point in fewer)


def test_no_label_lies_on_another_or_outside() -> None:
    view = made()
    frame = frame_of(view, 46.0, 80.0)
    taken = [frame.needle_box(view.scene)]
    layers = [label for shape in view.scene.shapes if (label := shape_label(shape, view.scene, frame)) is not None]
    assert [label.text for label in layers] == ["wall", "epidural fat", "CSF", "cord"]
    taken += [label.box() for label in layers]
    dots, sites = site_labels(view.scene, frame, taken)
    assert [label.text for label in sites] == ["tip 80.0 °C", "epidural 41.2 °C"]
    assert len(dots) == 2
    levels = place_labels(isotherm_paths(view, frame), frame, taken)
    assert {label.text for label in levels} == {"45", "50", "60", "80"}
    boxes = [label.box() for label in (*layers, *sites, *levels)]
    assert all(frame.holds(box) for box in boxes)
    assert all(apart(a, b, 0.0) for n, a in enumerate(boxes) for b in boxes[:n])
