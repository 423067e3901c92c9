"""Thermal damage: the Arrhenius integral and CEM43, each with its source and range of use."""

from __future__ import annotations

import copy
import math
from typing import NamedTuple

import numpy as np

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


class Damage:
    """Both integrals of every cell, (nz, nr). They go on when they are counted, less often than the field steps.

    `since_s`: the time that has yet to be counted; who steps the field adds to it.
    """

    def __init__(self, kind: str, t_c: Floats) -> None:
        arrhenius = ARRHENIUS[kind]
        self._ln_a, self._ea_r_k = math.log(arrhenius.a_1_s), arrhenius.ea_j_mol / GAS_J_MOL_K
        self.omega, self.cem43_min = np.zeros(t_c.shape), np.zeros(t_c.shape)
        self._counted_c = t_c.copy()
        self._counts = 0
        self.since_s = 0.0

    def start(self, t_c: Floats) -> None:
        """Starts from these temperatures instead, above 37 C."""
        self._counted_c[:] = t_c
        self._counts += 1

    def count(self, t_c: Floats) -> None:
        """Goes on to these temperatures."""
        hurt(self._counted_c, t_c, self.since_s, self._ln_a, self._ea_r_k, self.omega, self.cem43_min)
        self.since_s = 0.0
        self.start(t_c)

    def at(self, t_c: Floats) -> tuple[Floats, Floats]:
        """(Omega, CEM43 in minutes) at these temperatures, what has yet to be counted included. Stays as it is."""
        omega, cem43_min = self.omega.copy(), self.cem43_min.copy()
        hurt(self._counted_c, t_c, self.since_s, self._ln_a, self._ea_r_k, omega, cem43_min)
        return omega, cem43_min

    def follow(self, other: Damage) -> None:
        """Becomes what the other, of which this is a copy, is now; copies only what was counted since."""
        self.since_s = other.since_s
        if self._counts != other._counts:
            self._counts = other._counts
            self._counted_c[:] = other._counted_c
            self.omega[:] = other.omega
            self.cem43_min[:] = other.cem43_min


class Moment:
    """The field at the end of a step, for a picture that may be wanted later: copies, which `take` fills again.

    `t_c`: above 37 C, (nz, nr).
    """

    def __init__(self, t_c: Floats, damage: Damage) -> None:
        self.t_c = t_c.copy()
        self._damage = copy.deepcopy(damage)

    def take(self, t_c: Floats, damage: Damage) -> None:
        """Holds a later state of the same field from now on."""
        self.t_c[:] = t_c
        self._damage.follow(damage)

    def damage(self) -> tuple[Floats, Floats]:
        """(Omega, CEM43 in minutes) of every cell then."""
        return self._damage.at(self.t_c)
