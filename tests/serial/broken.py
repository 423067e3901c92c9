"""What a broken rig is, and the list that each puts itself on. The rigs are in the modules broken_*.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hal.serveprotocol import RigProtocol


class BrokenRig(NamedTuple):
    """One of them."""

    make: Callable[..., RigProtocol]
    found_by: frozenset[str]


BROKEN: dict[str, BrokenRig] = {}


def found_by(*checks: str) -> Callable[[type[RigProtocol]], type[RigProtocol]]:
    """Lists the rig with the checks that must find it."""

    def take(rig: type[RigProtocol]) -> type[RigProtocol]:
        BROKEN[rig.__name__] = BrokenRig(rig, frozenset(checks))
        return rig

    return take
