"""Compiling with numba: once, kept on disk. The only module that imports it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")

_KERNELS: list[Any] = []


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
    _KERNELS.append(kernel)
    return cast("Callable[P, R]", kernel)


def kept(kernel: Any) -> bool:
    """An earlier process has compiled this kernel at its present line and left it on disk. (Whether it is still of the
    same text only numba knows; it compiles anew, unannounced, where a kernel was edited in place.)"""
    folder, code = kernel.stats.cache_path, kernel.py_func.__code__
    if folder is None:
        return False
    named = f"{Path(code.co_filename).stem}.{kernel.py_func.__name__}-{code.co_firstlineno}."
    return any(Path(folder).glob(f"{named}*.nbi"))


def all_kept() -> bool:
    """Nothing is left to compile: a start is quick."""
    return all(kernel.signatures or kept(kernel) for kernel in _KERNELS)
