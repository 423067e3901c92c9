"""Compiling with numba: once, kept on disk. The only module that imports it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from numba import njit
from numba.core import event

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function compiled to machine code at its first call, and kept for the next start.

    Contraction of a product and a sum is allowed, reordering of sums is not. Division by 0 gives what numpy gives.
    """
    return _kernel(function, {"contract"})


def summing(function: Callable[P, R]) -> Callable[P, R]:
    """As `compiled`, for sums over all cells: they may be reordered, which is a matter of the machine that it is
    compiled for. The same machine still gives the same bits."""
    return _kernel(function, {"contract", "reassoc", "nsz"})


def _kernel(function: Callable[P, R], freedom: set[str]) -> Callable[P, R]:
    options: dict[str, Any] = {"fastmath": freedom, "boundscheck": False, "error_model": "numpy"}
    kernel = njit(**options)(function)
    with contextlib.suppress(RuntimeError):  # nowhere to write (installed read-only, no home): compiled at each start
        kernel = njit(cache=True, **options)(function)
    return cast("Callable[P, R]", kernel)


class _Telling(event.Listener):
    """Calls `tell` as the first compilation after it begins."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell: Callable[[], None] | None = tell

    def on_start(self, _: object) -> None:
        """numba compiles: what it finds on disk it only loads."""
        tell, self._tell = self._tell, None
        if tell is not None:
            tell()

    def on_end(self, _: object) -> None:
        """Nothing to tell."""


_TELLING: list[_Telling] = []


def tell_of_compiling(tell: Callable[[], None]) -> None:
    """Have `tell` called when something is really compiled, once in this process: never where all that is called was
    kept from an earlier start. Only the first `tell` counts."""
    if not _TELLING:
        _TELLING.append(_Telling(tell))
        event.register("numba:compile", _TELLING[0])  # type: ignore[no-untyped-call]
