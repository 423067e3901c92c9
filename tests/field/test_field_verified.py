"""A slice of `make verify`: order in space of the plant's own kernels, and one problem against finite elements."""

import pytest

from evidence.fem.posed import POSED, Posed
from evidence.verify_fem import compare, cooled, fem
from evidence.verify_order import conduction_space, electric_space, mode_time


def test_order_in_space() -> None:
    for found in (electric_space((16, 32, 64)), conduction_space((16, 32, 64))):
        assert found.orders[-1] >= 1.9, found


def test_order_in_time() -> None:
    assert mode_time((0.5, 0.25), 16).orders[-1] >= 1.9


@pytest.mark.parametrize("posed", [POSED["monopolar"], cooled()], ids=lambda posed: posed.name)
def test_against_finite_elements(posed: Posed) -> None:
    # elements of half the lines and a step of 2 s: within 0.2 C and 0.1 % of those of `make verify`
    both = compare(posed, reference=fem(posed, 0.5, 2.0))
    assert both.worst_c < 0.3
    assert both.worst_ohm < 0.003
