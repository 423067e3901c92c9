"""Control over 1,000 random patients a profile: all of them as asked, and few out of reach."""

from __future__ import annotations

import pytest

from rfgen.benchmark import TREATMENTS, judge

PATIENTS = 1000
BLOCK = 100


@pytest.mark.parametrize("device", sorted(TREATMENTS))
@pytest.mark.parametrize("block", range(PATIENTS // BLOCK))
def test_every_patient_is_treated_as_asked(device: str, block: int) -> None:
    results = [judge(device, 1, number) for number in range(block * BLOCK, (block + 1) * BLOCK)]
    wrong = {r.number: r.failures() for r in results if r.failures()}
    assert wrong == {}, f"again: bench/control.py --device {device} --seed 1"
    assert sum(r.reach in ("unreachable", "near") for r in results) <= 10  # a tenth
