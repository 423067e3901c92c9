"""What a field problem may choose beside electrode and anatomy. Every free choice has its place here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from sim.field.grid import GRADINGS, Grading
from sim.field.regions import Region
from sim.tissue import CONDUCTIVITY_RISE_PER_C

THERMAL_RISE_PER_C = 0.002
"""Rise of thermal conductivity per Celsius, of its value at 37 C (assumed; water alone rises by 0.0013 from 37 to
95 C by the steam tables, porcine spinal muscle by 0.009 from 20 to 90 C, Kumru, doi 10.1115/1.4056516)."""


@dataclass(frozen=True, slots=True)
class Metal:
    """What the needle is made of, as one material in each part, all assumed but steel's own figures."""

    pole_w_m_k: float = 15.0
    """Stainless steel (AISI 304: 14.9, Incropera, table A.1); a pole is taken as solid."""
    shaft_share: float = 0.5
    """Share of steel in the cross-section of the insulated shaft; of a cooled one, `cooled_share`."""
    cooled_share: float = 0.3
    gap_w_m_k: float = 0.25
    """The insulating piece between two poles (PEEK, assumed)."""
    heat_j_m3_k: float = 4.0e6
    """Steel, and water in a cooled shaft; as in the network plant."""


@dataclass(frozen=True, slots=True)
class FieldOptions:
    """Choices of a field problem. Lengths in mm, as a scenario gives them."""

    grading: Grading = GRADINGS["default"]
    step_s: float = 1.0
    """Longest step of the heat; a whole number of ticks below it is taken, fewer where more happens."""
    pace: float = 1.0
    """Times all that bounds a step, and the move of the conductivity that asks for an electric solve: 0.5 shows what
    the step's length costs in accuracy."""
    refresh: float = 0.006
    """The electric field is solved again when the moves of the conductivity, weighted by share of the power, spread by
    this much. The load is off by about its square, 4e-5."""
    far_mm: float = 60.0
    far_c: float | None = None
    """Temperature of the far boundary; None: body."""
    ground: Literal["open", "far"] = "open"
    """Return of a monopolar circuit: far away in an open medium, or the far boundary itself at 0 V."""
    wall_shape: Literal["ring", "plane"] = "ring"
    """The posterior wall beside the needle becomes a ring round it; ahead of it, a plane across its axis."""
    tip: Literal["blunt", "pointed"] = "blunt"
    point_mm: float | None = None
    """Length of a pointed tip's cone; None: one and a half diameters."""
    csf_mm: float = 2.0
    """Cerebrospinal fluid before and behind the cord (assumed; it does not flow here)."""
    cord_mm: float = 8.0
    """The cord, front to back (assumed; the nerve roots of the lumbar canal are not modelled); 0: fluid alone."""
    extension_mm: float = 0.0
    """Epidural extension: tumour beyond the wall, this thick, in place of fat, over the target's radius to both
    sides."""
    metal: Metal = Metal()
    conductivity_rise_per_c: float = CONDUCTIVITY_RISE_PER_C
    thermal_rise_per_c: float = THERMAL_RISE_PER_C
    heat_rise_per_c: float = 0.0
    """Rise of heat capacity per Celsius, of its value at 37 C (assumed 0; water's moves by under 1 % to 100 C)."""
    boils: bool = True
    damage: Literal["liver_muscle", "artery"] = "liver_muscle"
    perfusion_stops: bool = True
    """Blood flow falls as exp(-Omega) of the damage integral (assumed form), and stays down."""
    regions: tuple[Region, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 < self.step_s <= 1.0:
            raise ValueError(f"field: step_s is {self.step_s!r}; it must be above 0 and at most 1 s")
        if not 0.01 <= self.pace <= 1.0:
            raise ValueError(f"field: pace is {self.pace!r}; it must be 0.01 to 1")
        if not 1e-4 <= self.refresh <= 0.5:
            raise ValueError(f"field: refresh is {self.refresh!r}; it must be 0.0001 to 0.5")
        if not 10.0 <= self.far_mm <= 500.0:
            raise ValueError(f"field: far_mm is {self.far_mm!r}; it must be 10 to 500 mm")
        for name, most in (("csf_mm", 20.0), ("cord_mm", 30.0), ("extension_mm", 20.0)):
            value = getattr(self, name)
            if not 0.0 <= value <= most:
                raise ValueError(f"field: {name} is {value!r}; it must be 0 to {most:g} mm")
        if self.csf_mm + self.cord_mm <= 0.0:
            raise ValueError("field: csf_mm and cord_mm are both 0; the canal needs one of them")
        for name in ("conductivity_rise_per_c", "thermal_rise_per_c", "heat_rise_per_c"):
            value = getattr(self, name)
            if not (math.isfinite(value) and -0.01 <= value <= 0.1):
                raise ValueError(f"field: {name} is {value!r}; it must be -0.01 to 0.1")
