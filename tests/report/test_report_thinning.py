"""Thinned lines lose no extreme, no gap and no change of state."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rfgen.report.series import thin

values = st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))


@settings(deadline=None, max_examples=200)
@given(
    table=hnp.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 3000)), elements=values),
    keep=st.lists(st.integers(-5, 3500), max_size=20),
    most=st.integers(60, 800),
)
def test_extremes_ends_and_kept_ticks_stay(table: NDArray[np.float64], keep: list[int], most: int) -> None:
    columns = list(table)
    count = table.shape[1]
    picked = thin(columns, np.array(keep, dtype=np.intp), most)
    assert len(picked) <= most + len(keep)
    assert np.all(np.diff(picked) > 0)
    assert picked[0] == 0
    assert picked[-1] == count - 1
    assert {n for n in keep if 0 <= n < count} <= set(picked.tolist())
    for column in columns:
        seen = column[picked]
        if np.isnan(column).all():
            assert np.isnan(seen).all()
            continue
        assert np.nanmin(seen) == np.nanmin(column)
        assert np.nanmax(seen) == np.nanmax(column)
        if np.isnan(column).any():
            assert np.isnan(seen).any()


def test_a_single_lost_tick_stays_a_single_gap() -> None:
    column = np.sin(np.arange(100_000) / 500.0)
    column[40_000] = np.nan
    picked = thin([column], np.array([], dtype=np.intp), 500).tolist()
    at = picked.index(40_000)
    assert picked[at - 1 : at + 2] == [39_999, 40_000, 40_001]


def test_every_stretch_keeps_its_own_extreme() -> None:
    column = np.zeros(50_000)
    spikes = np.arange(25, 50_000, 500)
    column[spikes] = 1.0 + np.arange(len(spikes))
    picked = thin([column], np.array([], dtype=np.intp), 400)
    assert set(spikes.tolist()) <= set(picked.tolist())
