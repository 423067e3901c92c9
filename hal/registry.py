"""Backends by name.

A package offers one by an entry point of the group `rfgen.hal` in its own metadata; nothing here has to
know it:

    [project.entry-points."rfgen.hal"]
    mybench = "mybench.rig:MyBenchHal"

Only the metadata is read until a backend is asked for: listing them runs no code of theirs.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from hal.protocol import Hal
from hal.types import HalError

GROUP = "rfgen.hal"


def _offers() -> dict[str, list[EntryPoint]]:
    """Every offer by name; more than one where two packages claim the same name."""
    offers: dict[str, list[EntryPoint]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name, _package(p))):
        offers.setdefault(point.name, []).append(point)
    return offers


def _package(point: EntryPoint) -> str:
    """The package an entry point came with."""
    return "an unnamed package" if point.dist is None else point.dist.name


def backends() -> dict[str, EntryPoint]:
    """What is installed, by name, in alphabetical order. Loads none of it."""
    return {name: points[0] for name, points in _offers().items()}


def backend(name: str) -> Callable[..., Hal]:
    """The backend of this name: a class or function that makes a `Hal`. Its arguments are its own.

    Raises HalError for an unknown name (naming those there are), one that two packages claim, and one that
    its package fails to deliver.
    """
    offers = _offers()
    points = offers.get(name)
    if points is None:
        near = difflib.get_close_matches(name, offers, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise HalError(f"no backend {name!r}; there are: {', '.join(offers) or 'none'}{meant}")
    if len(points) > 1:
        # to take either would let one package stand in for another unseen
        packages = " and ".join(_package(p) for p in points)
        raise HalError(f"backend {name!r} is claimed by {packages}: uninstall all but one")
    point = points[0]
    try:
        made_by = point.load()
    except Exception as error:  # a package's own import may raise anything
        raise HalError(
            f"backend {name!r} of package {_package(point)} cannot be loaded from {point.value!r}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not callable(made_by):
        raise HalError(
            f"backend {name!r} of package {_package(point)}: {point.value!r} is a {type(made_by).__name__}, "
            f"not a class or function that makes one"
        )
    return cast("Callable[..., Hal]", made_by)
