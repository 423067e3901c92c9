"""Compiling with numba: once, kept on disk. The only module that imports it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

try:
    from numba import njit
except ImportError as error:
    raise ValueError(
        "the field plant needs numba, which is not installed; install it with `pip install 'rfgen[field]'`, "
        "or use `model: network`"
    ) from error


_KERNELS: list[Any] = []


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function compiled to machine code at its first call, and kept for the next start.

    Contraction of a product and a sum is allowed, reordering of sums is not: the same machine gives the same bits.
    """
    kernel = njit(cache=True, fastmath={"contract"}, boundscheck=False)(function)
    _KERNELS.append(kernel)
    return cast("Callable[P, R]", kernel)


def compiled_now() -> int:
    """How many kernels this process had to compile, because no earlier one had kept them."""
    return sum(sum(kernel.stats.cache_misses.values()) for kernel in _KERNELS)
