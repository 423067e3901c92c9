"""What `rfgen interlocks` prints of a row, restated for rows of each kind."""

from __future__ import annotations

from rfgen.records import State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.expr import flag, limit, signal
from rfgen.safety.limits import resolve_limits
from rfgen.safety.listing import LETTERS, listing, text
from rfgen.safety.row import Clears, Needs, Row

HIGH = Row(
    "HIGH",
    "too much",
    (signal.power_w > limit.over_power_w) & (signal.power_w > limit.deviation_share * signal.power_expected_w),
    frozenset({State.HOLD, State.IDLE, State.RAMP}),
    Clears.ACKNOWLEDGE,
    "Look at the stage.",
    persist_us=1_500_000,
    needs=Needs.PHASE,
)
OPEN = Row("OPEN", "a door", flag.loop_open, frozenset(State), Clears.RELINK, "Shut it.")
SHOWN_HIGH = {
    "id": "HIGH",
    "hazard": "too much",
    "trips_when": "power_w > 440 W and power_w > 0.2 x power_expected_w",
    "persist_s": 1.5,
    "armed": "IRH",
    "clears": "A",
    "needs": "phase",
    "applicable": True,
    "usually": "Look at the stage.",
    "limits": {
        "deviation_share": {"value": 0.2, "unit": "1", "hard_range": [0.05, 0.5]},
        "over_power_w": {"value": 440.0, "unit": "W", "hard_range": [0.5, 440.0]},
    },
}
SHOWN_OPEN = {
    "id": "OPEN",
    "hazard": "a door",
    "trips_when": "loop open",
    "persist_s": 0.0,
    "armed": "ICRHX",
    "clears": "L",
    "needs": "nothing",
    "applicable": True,
    "usually": "Shut it.",
    "limits": {},
}
HEAD = "armed: I idle, C impedance check, R ramp, H hold, X cutoff; clears: R reading, A acknowledge, L relink"


def test_the_letters_are_the_catalogues() -> None:
    assert {state.name: letter for state, letter in LETTERS.items()} == {
        "IDLE": "I",
        "IMPEDANCE_CHECK": "C",
        "RAMP": "R",
        "HOLD": "H",
        "CUTOFF": "X",
    }


def test_a_row_as_a_mapping() -> None:
    found = listing(rows=(HIGH, OPEN))
    assert found == [SHOWN_HIGH, SHOWN_OPEN]
    assert list(found[0]["limits"]) == ["deviation_share", "over_power_w"]


def test_limits_in_force_and_what_the_device_has() -> None:
    limits = resolve_limits({"over_power_w": 30.0})
    (with_phase,) = listing(limits, frozenset({Needs.PHASE}), (HIGH,))
    assert with_phase["trips_when"] == "power_w > 30 W and power_w > 0.2 x power_expected_w"
    assert with_phase["limits"]["over_power_w"]["value"] == 30.0
    assert with_phase["applicable"] is True
    (without,) = listing(None, frozenset({Needs.PUMP}), (HIGH,))
    assert without["applicable"] is False
    assert without["limits"] == SHOWN_HIGH["limits"]


def test_all_rows_are_listed_in_their_order() -> None:
    found = listing()
    assert [entry["id"] for entry in found] == [row.id for row in ROWS]
    assert all(entry["applicable"] for entry in found)


def test_for_a_person() -> None:
    shown = text(listing(None, frozenset(), (HIGH, OPEN)))
    assert shown.splitlines() == [
        HEAD,
        "",
        "HIGH               IRH    A  for 1.5 s",
        "    power_w > 440 W and power_w > 0.2 x power_expected_w",
        "    deviation_share = 0.2 1 (may be 0.05..0.5)",
        "    over_power_w = 440 W (may be 0.5..440)",
        "    not applicable: it needs phase",
        "OPEN               ICRHX  L  at once",
        "    loop open",
    ]
