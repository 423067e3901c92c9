"""Thermal damage: the Arrhenius integral and CEM43, each with its source and range of use."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.field.compiled import compiled
from sim.field.grid import Floats
from sim.tissue import BODY_C

GAS_J_MOL_K = 8.314462618
KELVIN = 273.15


class Arrhenius(NamedTuple):
    """Rate `a_1_s * exp(-ea_j_mol / (R T))` of the damage integral Omega; at 1, 63 % is denatured."""

    a_1_s: float
    ea_j_mol: float
    use: str


ARRHENIUS = {
    "liver_muscle": Arrhenius(
        7.39e39,
        2.577e5,
        "set in common use for coagulation of liver and muscle; full damage at 41.2 C in 15 min, which contradicts "
        "what cord survives: never for neural safety",
    ),
    "artery": Arrhenius(5.6e63, 4.3e5, "artery (Agah, Pearce and Welch); coagulation above about 55 C"),
}

CEM_R_ABOVE, CEM_R_BELOW = 0.5, 0.25
"""Factor of time per Celsius above and below 43 C (the usual CEM43; mouse cord has 2.25 per Celsius, near 1 / 0.5,
from 43 to 45 C, Froese 1991). For tissue that is spared: cord, nerve. It overestimates coagulation (Chang 2010,
PMC2840607)."""

LN_ABOVE, LN_BELOW = -math.log(CEM_R_ABOVE), -math.log(CEM_R_BELOW)

COUNTED_FROM_C = 2.0
"""Above 37 C; below, neither integral grows in any time that matters here."""


@compiled
def hurt(
    before_c: Floats, t_c: Floats, dt_s: float, ln_a: float, ea_r_k: float, omega: Floats, cem43_min: Floats
) -> None:
    """Both integrals go on by `dt_s`, at the middle between the temperatures (above 37 C) before and after it."""
    nz, nr = t_c.shape
    for j in range(nz):
        for i in range(nr):
            t = 0.5 * (before_c[j, i] + t_c[j, i])
            if t > COUNTED_FROM_C:
                omega[j, i] += dt_s * math.exp(ln_a - ea_r_k / (t + BODY_C + KELVIN))
                over = t + BODY_C - 43.0
                cem43_min[j, i] += dt_s / 60.0 * math.exp(over * (LN_ABOVE if over > 0.0 else LN_BELOW))
