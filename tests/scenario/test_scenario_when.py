"""Moments on the time line: what is written, read, and written again."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfgen.records import State
from rfgen.when import When, parse_duration

offsets_s = st.integers(0, 10**12).map(lambda n: n / 1e6)
whens = st.builds(When, st.none(), st.just(1), offsets_s) | st.builds(
    When, st.sampled_from(list(State)), st.integers(1, 999), offsets_s
)


@settings(deadline=None)
@given(whens)
def test_a_moment_reads_back_as_itself(when: When) -> None:
    assert When.parse(str(when)) == when
    assert str(When.parse(str(when))) == str(when)
    assert When.parse(when) is when


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("12 s", When(None, 1, 12.0)),
        ("12", When(None, 1, 12.0)),
        (12, When(None, 1, 12.0)),
        (0.5, When(None, 1, 0.5)),
        (" 200 ms ", When(None, 1, 0.2)),
        ("0.2 min", When(None, 1, 12.0)),
        ("1.5min", When(None, 1, 90.0)),
        ("hold", When(State.HOLD, 1, 0.0)),
        ("hold + 12 s", When(State.HOLD, 1, 12.0)),
        ("hold+12s", When(State.HOLD, 1, 12.0)),
        ("hold 2 + 1.5 min", When(State.HOLD, 2, 90.0)),
        ("ramp 3", When(State.RAMP, 3, 0.0)),
        ("check + 1 s", When(State.IMPEDANCE_CHECK, 1, 1.0)),
        ("impedance_check", When(State.IMPEDANCE_CHECK, 1, 0.0)),
        ("cutoff + 250 ms", When(State.CUTOFF, 1, 0.25)),
    ],
)
def test_what_moments_mean(text: object, when: When) -> None:
    assert When.parse(text) == when


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not a moment"),
        ("soon", "is counted from no state"),
        ("hold 12 s", "is not a moment"),
        ("hold + ", "is not a moment"),
        ("hold - 3 s", "is not a moment"),
        ("hold + -3 s", "is not a moment"),
        ("-1 s", "is not a moment"),
        ("1e3 s", "is not a moment"),
        ("12 h", "is not a moment"),
        ("hold 0", "counts entries of a state from 1"),
        ("nan", "is counted from no state"),
        ("٣ s", "is not a moment"),
        (-1, "must be 0 s or more"),
        (math.nan, "must be 0 s or more"),
        (math.inf, "must be 0 s or more"),
        (True, "is not a moment"),
        (None, "is not a moment"),
        ([1], "is not a moment"),
        ({}, "is not a moment"),
    ],
)
def test_what_is_no_moment(text: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        When.parse(text)


@settings(deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"\A[a-z]{0,6} ?[0-9]{0,3} ?\+? ?[0-9.]{0,5} ?(s|ms|min)?\Z"))
def test_any_text_is_a_moment_or_is_refused(text: str) -> None:
    try:
        when = When.parse(text)
    except ValueError:
        return
    assert 0.0 <= when.offset_s < math.inf
    assert when.occurrence >= 1
    assert When.parse(str(when)) == when


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([("s", 1.0), ("ms", 1e-3), ("min", 60.0), ("", 1.0)]))
def test_durations(number: int, unit: tuple[str, float]) -> None:
    name, seconds = unit
    assert parse_duration(f"{number} {name}".strip()) == pytest.approx(number * seconds, abs=1e-9)


@pytest.mark.parametrize("text", ["3 h", "hold", "-1 s", "", "1 s 2 s", math.nan, math.inf, -1, True])
def test_what_is_no_duration(text: str | float) -> None:
    with pytest.raises(ValueError, match=r"is not a time|must be 0 s or more"):
        parse_duration(text)
