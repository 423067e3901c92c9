"""What a trip tells a person: what was read, the limit, for how long; of every row, over anything at all."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfgen.assemble import assemble
from rfgen.expect import judge
from rfgen.records import Event
from rfgen.runs import run_into
from rfgen.safety.catalogue import ROWS
from rfgen.safety.expr import names_in, signal
from rfgen.safety.limits import resolve_limits
from rfgen.safety.row import Row
from rfgen.safety.signals import Signals
from rfgen.scenario import Expect, load_scenario
from rfgen.telling import FLAGS, NUMBERS, Told, for_how_long, told, what_was_read
from tests.interlocks.edges import CALM, CHANNELS, background
from tests.interlocks.figures import figure_of

NAMES = ("tip", "tissue", "wall")


def over(signals: Signals) -> Told:
    return Told(signals, resolve_limits(), CHANNELS, NAMES)


def test_every_signal_of_every_row_has_its_words() -> None:
    read = {name for row in ROWS for name in names_in(row.condition)[0]}
    assert read == set(NUMBERS) | set(FLAGS), "give a new signal its words in rfgen/telling.py"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_something_is_told_when_and_only_when_the_row_is_true(row: Row) -> None:
    @settings(deadline=None, max_examples=15)
    @given(seed=st.integers(0, 2**32))
    def holds(seed: int) -> None:
        signals = background(random.Random(seed))
        figure = figure_of(row.id)
        said = what_was_read(row.condition, over(signals))
        if not any(getattr(signals, name) is None for name in figure.absent):
            assert bool(said) is figure.wrong(signals), (said, signals)

    holds()


def read_of(row_id: str, **values: object) -> str:
    row = next(row for row in ROWS if row.id == row_id)
    return what_was_read(row.condition, over(CALM._replace(**values)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row_id", "values", "said"),
    [
        ("ESTOP", {"estop_pressed": True}, "emergency stop pressed"),
        ("OVER_TEMP", {"temperature_c": (37.0, 95.25, 37.0)}, "tissue 95.25 °C, above 95 °C"),
        ("TC_INVALID", {"temperature_c": (37.0, 37.0, math.nan)}, "wall not a number"),
        ("OVER_POWER", {"power_w": math.inf}, "delivered power without end"),
        ("LINK_LOST", {"missed_ticks": 3}, "ticks in a row without a valid sample 3, at least 3"),
        (
            "FLOW_LOW",
            {"flow_ml_min": 2.5, "flow_due_ml_min": 10.0},
            "coolant flow 2.5 ml/min, below 8 ml/min (0.8 x flow asked for 10 ml/min)",
        ),
        (
            "SENTINEL_FORECAST",
            {"sentinel_level_c": 41.0, "sentinel_climb_c": 5.0},
            "sentinel, noise taken out, 41 °C + 1 x its climb to come 5 °C = 46 °C, above 45 °C",
        ),
        (
            "Z_JUMP",
            {"z_jump_ohm": 80.0, "z_before_ohm": 200.0},
            "impedance moved within 0.1 s by 80 ohm, above 50 ohm and above 60 ohm (0.3 x what it was 200 ohm)",
        ),
        (
            "STAGE_FAULT",
            {"stage_fault": True, "stage_c": 90.0},
            "the output stage reports a fault; output stage 90 °C, above 85 °C",
        ),
        ("Z_HIGH", {"impedance_ohm": 1e9}, "impedance open (too little current to measure), above 800 ohm"),
        ("Z_LOW", {"impedance_ohm": 0.0}, "impedance 0 ohm (too little voltage to measure), below 25 ohm"),
    ],
)
def test_what_is_said(row_id: str, values: dict[str, object], said: str) -> None:
    assert read_of(row_id, **values) == said


def test_a_channel_without_a_name_goes_by_its_number() -> None:
    row = next(row for row in ROWS if row.id == "OVER_TEMP_HARD")
    signals = CALM._replace(temperature_c=(37.0, 111.0, 37.0))
    assert what_was_read(row.condition, Told(signals, resolve_limits(), CHANNELS)) == (
        "thermocouple 1 111 °C, above 110 °C"
    )


def test_how_long() -> None:
    assert for_how_long(0) == "at once"
    assert for_how_long(500_000) == "for 0.5 s"


def test_words_that_fail_leave_the_trip_as_it_is() -> None:
    broken = signal.no_such_signal > 1.0
    assert told(broken, over(CALM)) == "what it read cannot be told (AttributeError)"


@pytest.fixture(scope="module")
def stuck_on(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], list[Event]]:
    """A stage that is stuck on."""
    finished = run_into(
        tmp_path_factory.mktemp("stuck"), "stuck", assemble(load_scenario("trip-power-when-off")), report=False
    )
    return finished.summary, [event for event in finished.run.events if event.kind == "trip"]


def test_a_stage_that_is_stuck_on_is_told_and_judged_apart(
    stuck_on: tuple[dict[str, object], list[Event]],
) -> None:
    summary, trips = stuck_on
    assert [event.data["id"] for event in trips] == ["POWER_WHEN_OFF", "RF_STUCK_ON", "STAGE_FAULT"]
    assert all("REMOVE MAINS POWER" in trip.text for trip in trips[:2])
    assert str(trips[0].data["read"]).startswith("power delivered while commanded off ")
    assert trips[0].data["held_s"] == 0.1
    # commanded off is all that a command can do
    assert summary["rf_off"] == {"commanded_s": 0.2, "reads_back_s": None, "delivered_s": None}


def test_with_a_second_cut_it_delivers_nothing_although_it_is_stuck(tmp_path: Path) -> None:
    """Commanded off at once; told 0.1 s later; delivered off when the rig's relay has opened; read back on still."""
    finished = run_into(tmp_path, "cut", assemble(load_scenario("stuck-on-second-cut")), report=False)
    off = finished.summary["rf_off"]
    assert finished.problems == []
    assert off["reads_back_s"] is None
    assert off["delivered_s"] == pytest.approx(off["commanded_s"] + 0.16)
    (power,) = [trip for trip in finished.summary["trips"] if trip["id"] == "POWER_WHEN_OFF"]
    assert power["t_s"] == pytest.approx(off["commanded_s"] + 0.14)
    assert power["usually"].startswith("REMOVE MAINS POWER FROM THE STAGE")
    assert (finished.run.columns["true_delivered_w"][finished.run.time_s >= off["delivered_s"]] == 0.0).all()


def test_the_three_outcomes_are_judged_each_by_itself(stuck_on: tuple[dict[str, object], list[Event]]) -> None:
    def problems(**rf_off: bool) -> list[str]:
        return judge(Expect.model_validate({"rf_off": rf_off}), stuck_on[0])

    assert problems(commanded=True, reads_back=False, delivered=False) == []
    assert problems(delivered=True) == ["RF as delivered is not off at the end, expected off"]
    assert problems(reads_back=True) == ["RF as read back is not off at the end, expected off"]
    assert problems(commanded=False) == ["RF as commanded is off from 0.2 s on, expected not off"]


def test_a_sound_stage_is_off_a_tick_after_it_was_told_to(tmp_path: Path) -> None:
    summary = run_into(tmp_path, "flow", assemble(load_scenario("trip-flow-low")), report=False).summary
    off = summary["rf_off"]
    assert off["commanded_s"] == summary["states"][-1]["t_s"]
    assert off["reads_back_s"] == pytest.approx(off["commanded_s"] + 0.02)
    assert off["delivered_s"] == pytest.approx(off["commanded_s"] + 0.02)
    (trip,) = summary["trips"]
    assert trip["id"] == "FLOW_LOW"
    assert trip["read"].endswith("below 8 ml/min (0.8 x flow asked for 10 ml/min)")
    assert trip["held_s"] == 0.5
    assert trip["t_s"] == off["commanded_s"]
    assert trip["usually"].startswith("The pump does not deliver.")
