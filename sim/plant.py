"""What a plant is: tissue and electrode, without the output stage and the sensors round it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sim.geometry import Electrode
from sim.kernel import STEP_MARGIN, Kernel, KernelState, kernel_of, steps_in
from sim.network import COOLANT_HEAT_J_ML_K, Anatomy, Network, Site, build_network
from sim.tissue import BOILING_C


class Disturbance(NamedTuple):
    """What can go wrong in and round the tissue while it is heated. The default is nothing."""

    series_ohm: float = 0.0
    """Added at the electrode's surface (charring, vapour); heats the tissue next to it."""
    conductivity_scale: float = 1.0
    perfusion_scale: float = 1.0
    contact: float = 1.0
    """Share of the electrode's surface still in tissue: withdrawn, it heats and conducts by that share."""


class Plant(Protocol):
    """Takes delivered watts, gives the load and the true temperatures.

    Temperatures in Celsius. `reactance_ohm` is negative for a capacitive load, as tissue is. The heat
    ledger counts from the start: `energy_in_j` (RF), `energy_stored_j` (above the initial state) and
    `energy_out_j` (blood, coolant, leads, far boundary) satisfy in = stored + out.
    """

    resistance_ohm: float
    reactance_ohm: float

    @property
    def hottest_c(self) -> float:
        """Hottest tissue anywhere, now."""

    @property
    def coolant_out_c(self) -> float:
        """Water leaving the electrode; equal to what enters where none flows."""

    @property
    def site_c(self) -> Sequence[float]:
        """True temperature at every thermocouple site, in order."""

    @property
    def energy_in_j(self) -> float:
        """RF energy delivered at the terminals."""

    @property
    def energy_stored_j(self) -> float:
        """Heat above the start, latent heat included."""

    @property
    def energy_out_j(self) -> float:
        """Heat gone."""

    def advance(self, power_w: float, flow_ml_min: float, coolant_in_c: float) -> Sequence[float]:
        """Move by one tick with `power_w` delivered at the terminals throughout; the new `site_c`."""

    def disturb(self, disturbance: Disturbance) -> None:
        """Put a disturbance in force from now on, instead of the one before."""


MOST_STEPS = 200
"""Steps a tick at most. A usual network takes 1; a thousandth of a millimetre between two boundaries, thousands."""


class NetworkPlant:
    """The network of lumps (`sim.network`) behind the plant's seam. Moves `tick_s` at a time.

    Its whole state is in plain tuples and floats, so a deep copy is an independent continuation. Raises
    ValueError for a step that is not above 0 and for a geometry that cannot be.
    """

    def __init__(self, electrode: Electrode, anatomy: Anatomy, sites: tuple[Site, ...], tick_s: float) -> None:
        if not 0.0 < tick_s < math.inf:
            raise ValueError(f"plant: tick_s is {tick_s!r}; it must be finite and above 0")
        self._network = build_network(electrode, anatomy, sites)
        if self._network.shortest_time_s * STEP_MARGIN * MOST_STEPS < tick_s:
            raise ValueError(
                f"plant: tick_s is {tick_s!r}, but the network's shortest time constant is "
                f"{self._network.shortest_time_s:.3g} s, too short for {MOST_STEPS} steps a tick; "
                "move boundaries apart (target, wall, layers) or shorten the tick"
            )
        self._body_c = self._network.body_c
        self._boils_above_c = BOILING_C - self._body_c
        self._stream_ml_min = math.nan
        self._stream_w_k = self._coolant_w_k = 0.0
        self._disturbed = self._network
        self._tick_s = tick_s
        self._disturbance = Disturbance()
        self._use(self._network)
        self._state: KernelState = self._kernel.at_rest()
        self.resistance_ohm = self._state[self._kernel.resistance_at]
        self.reactance_ohm = self._network.reactance_ohm
        self._energy_in_j = 0.0
        self._coolant_c = math.nan
        self._coolant_rise_c = 0.0

    def _use(self, network: Network) -> None:
        self._steps = steps_in(network, self._tick_s)
        self._kernel: Kernel = kernel_of(network, self._tick_s / self._steps)
        self._step = self._kernel.step
        self._resistance_at = self._kernel.resistance_at
        self._hottest_at = self._kernel.hottest_at
        self._sites_from = self._kernel.sites_from
        self._film_w_k = network.coolant_film_w_k

    def __deepcopy__(self, memo: dict[int, object]) -> NetworkPlant:
        twin = object.__new__(NetworkPlant)
        twin.__dict__.update(self.__dict__)
        return twin

    def __getstate__(self) -> dict[str, object]:
        kept = dict(self.__dict__)
        del kept["_kernel"], kept["_step"]
        return kept

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._use(self._disturbed)

    @property
    def network(self) -> Network:
        """The undisturbed elements."""
        return self._network

    @property
    def lump_c(self) -> list[float]:
        """True temperature of every lump; the electrode's metal is the first."""
        return self._kernel.temperatures_c(self._state)

    @property
    def hottest_c(self) -> float:
        above_c = self._state[self._hottest_at]
        # above boiling a lump's sensible heat is not its temperature
        return self._body_c + above_c if above_c < self._boils_above_c else max(self.lump_c[1:])

    @property
    def coolant_out_c(self) -> float:
        return self._coolant_c + self._coolant_rise_c

    @property
    def site_c(self) -> tuple[float, ...]:
        return self._state[self._sites_from :]

    @property
    def energy_in_j(self) -> float:
        return self._energy_in_j

    @property
    def energy_stored_j(self) -> float:
        return self._kernel.stored_j(self._state)

    @property
    def energy_out_j(self) -> float:
        return self._state[self._kernel.heat_out_at]

    def advance(self, power_w: float, flow_ml_min: float, coolant_in_c: float) -> tuple[float, ...]:
        coolant_w_k = 0.0
        if flow_ml_min > 1e-6 and self._film_w_k > 0.0:
            # the water warms on its way through, so a small flow carries less than the film would
            if flow_ml_min != self._stream_ml_min:
                self._stream_ml_min = flow_ml_min
                self._stream_w_k = flow_ml_min / 60.0 * COOLANT_HEAT_J_ML_K
                self._coolant_w_k = self._stream_w_k * -math.expm1(-self._film_w_k / self._stream_w_k)
            coolant_w_k = self._coolant_w_k
            self._coolant_rise_c = coolant_w_k * (self._state[0] + self._body_c - coolant_in_c) / self._stream_w_k
            step_coolant_c = coolant_in_c
        else:
            self._coolant_rise_c = 0.0
            step_coolant_c = self._body_c  # carries nothing, and may be unknown
        self._coolant_c = coolant_in_c
        self._energy_in_j += power_w * self._tick_s
        state = self._step(self._state, self._steps, power_w, coolant_w_k, step_coolant_c, self._disturbance.series_ohm)
        self._state = state
        self.resistance_ohm = state[self._resistance_at]
        return state[self._sites_from :]

    def disturb(self, disturbance: Disturbance) -> None:
        before = self._disturbance
        if disturbance == before:
            return
        self._disturbance = disturbance
        scale = 1.0
        if disturbance[1:] != before[1:]:
            # the series resistance alone is an argument of the step; the rest is part of the code
            self._disturbed = _disturbed(self._network, disturbance)
            self._use(self._disturbed)
            self.reactance_ohm = self._disturbed.reactance_ohm
            scale = _ohm_scale(disturbance) / _ohm_scale(before)
        # what the electrode shows changes at once, and the step that follows shares out exactly the
        # power it is given
        shells = slice(len(self._network.lumps), self._resistance_at)
        ohms = [ohm * scale for ohm in self._state[shells]]
        self.resistance_ohm = self._network.lead_ohm + disturbance.series_ohm + sum(ohms)
        self._state = (
            *self._state[: shells.start],
            *ohms,
            self.resistance_ohm,
            *self._state[self._resistance_at + 1 :],
        )


def _ohm_scale(disturbance: Disturbance) -> float:
    return 1.0 / (disturbance.conductivity_scale * disturbance.contact)


def _disturbed(network: Network, disturbance: Disturbance) -> Network:
    """The network with its perfusion, conductivity and contact scaled."""
    contact = disturbance.contact
    ohm_scale = _ohm_scale(disturbance)
    lumps = tuple(
        lump._replace(
            shell_ohm=lump.shell_ohm * ohm_scale,
            perfusion_w_k=lump.perfusion_w_k * disturbance.perfusion_scale,
        )
        for lump in network.lumps
    )
    edges = tuple(
        edge._replace(conductance_w_k=edge.conductance_w_k * contact) if edge.a == 0 else edge for edge in network.edges
    )
    leaving_w_k = [lump.perfusion_w_k + lump.far_w_k for lump in lumps]
    leaving_w_k[0] += network.coolant_film_w_k
    for edge in edges:
        leaving_w_k[edge.a] += edge.conductance_w_k
        leaving_w_k[edge.b] += edge.conductance_w_k
    return Network(
        lumps=lumps,
        edges=edges,
        sites=network.sites,
        lead_ohm=network.lead_ohm,
        reactance_ohm=network.reactance_ohm * ohm_scale,
        body_c=network.body_c,
        coolant_film_w_k=network.coolant_film_w_k,
        shortest_time_s=min(
            lump.heat_capacity_j_k / w_k for lump, w_k in zip(lumps, leaving_w_k, strict=True) if w_k > 0.0
        ),
    )
