"""Faults put on a bench, kept and turned into what they do: `Disturbance` for the plant, `Conditions` for
the rest."""

from __future__ import annotations

import numpy as np

from sim.conditions import Conditions, Effect
from sim.faults import Fault
from sim.plant import Disturbance
from sim.tissue import BODY_C

__all__ = ["Conditions", "Disturber"]

FAULT_STREAM = 1
"""Spawn key of the faults' random streams, apart from the sensors' noise of the same seed."""

STEAM_BURST_S = 0.06
"""How long the wet, well conducting burst of a steam pop lasts before the tissue stands dry."""

DRIEST_OHM = 1e6
"""Where a drying contact stops climbing: an open circuit to any meter."""


class Disturber:
    """Faults in force on a bench of `n_channels` thermocouples (the last is the sentinel), `tick_s` a tick.

    `conditions` is to be called once a tick: it moves the faults' own time on. Each fault draws from a stream
    fixed by `seed` and its handle, and only while it is on. `body_c`: temperature a displaced junction
    rises from.
    """

    def __init__(self, n_channels: int, seed: int, tick_s: float, body_c: float = BODY_C) -> None:
        self.active: dict[int, Fault] = {}
        self._n_channels = n_channels
        self._seed = seed
        self._tick_s = tick_s
        self._body_c = body_c
        self._last_handle = 0
        self._effects: dict[int, Effect] = {}
        self._conditions = Conditions((), body_c)

    def put(self, fault: Fault) -> int:
        """Put a fault on; the handle takes it off again.

        Raises ValueError where the bench has no such channel, or too few for the kind.
        """
        channels = self._n_channels
        if fault.channel is not None and fault.channel >= channels:
            raise ValueError(f"fault {fault.kind!r}: channel is {fault.channel!r}; this bench has 0 to {channels - 1}")
        if fault.kind in ("thermocouple_swapped", "sentinel_close") and channels < 2:
            raise ValueError(f"fault {fault.kind!r} needs two thermocouples; this bench has {channels}")
        self._last_handle = handle = self._last_handle + 1
        stream = np.random.SeedSequence(self._seed, spawn_key=(FAULT_STREAM, handle))
        self.active[handle] = fault
        self._effects[handle] = Effect(fault, np.random.default_rng(stream), self._tick_s)
        self._conditions = Conditions(self._effects.values(), self._body_c)
        return handle

    def take_off(self, handle: int) -> None:
        """Take a fault off; one that is not on is no error."""
        if self.active.pop(handle, None) is not None:
            del self._effects[handle]
            self._conditions = Conditions(self._effects.values(), self._body_c)

    def conditions(self) -> Conditions:
        """The faults' effects on the tick that begins now."""
        for effect in self._effects.values():
            effect.ticks += 1
        return self._conditions

    def disturbance(self) -> Disturbance:
        """The faults' effects on tissue and electrode in the present tick; several combine.

        Only `series_ohm` changes from tick to tick: any other change costs the plant a rebuild. A steam pop
        makes two.
        """
        series_ohm, conductivity, perfusion, contact = 0.0, 1.0, 1.0, 1.0
        for effect in self._effects.values():
            kind, amount = effect.kind, effect.amount
            if kind == "charring":
                series_ohm += amount
            elif kind == "dry_out":
                series_ohm += min(amount * effect.ticks * self._tick_s, DRIEST_OHM)
            elif kind == "steam_pop":
                begun_s = (effect.ticks - 1) * self._tick_s
                # a hair less than a tick's share, so that 0.02 s x 3 is 0.06 s whatever the rounding
                conductivity *= 1.0 / amount if begun_s < STEAM_BURST_S * (1.0 - 1e-9) else amount
            elif kind == "electrode_withdrawn":
                contact *= amount
            elif kind == "vessel":
                perfusion *= amount
            elif kind == "conductivity":
                conductivity *= amount
        return Disturbance(series_ohm, conductivity, perfusion, contact)
