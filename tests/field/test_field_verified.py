"""A slice of `make verify`: order in space of the plant's own kernels, and one problem against finite elements."""

from evidence.fem.posed import POSED
from evidence.verify_fem import compare
from evidence.verify_order import conduction_space, electric_space, mode_time


def test_order_in_space() -> None:
    for found in (electric_space((16, 32, 64)), conduction_space((16, 32, 64))):
        assert found.orders[-1] >= 1.9, found


def test_order_in_time() -> None:
    assert mode_time((0.5, 0.25), 16).orders[-1] >= 1.9


def test_one_problem_against_finite_elements() -> None:
    both = compare(POSED["monopolar"])
    assert both.worst_c < 0.3
    assert both.worst_ohm < 0.01
