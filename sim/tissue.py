"""Tissues by name, with the properties the plants need, and where each figure comes from.

Thermal columns: IT'IS Foundation tissue database v5.0 (doi 10.13099/VIP21000-05-0). Electrical columns: the 4-Cole-Cole
model of Gabriel, Lau and Gabriel 1996 evaluated at 480 kHz, static term included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

BODY_C = 37.0
"""Body and arterial blood temperature, Celsius; the point at which the table's conductivities hold."""

VACUUM_PERMITTIVITY_F_M = 8.8541878128e-12

CONDUCTIVITY_RISE_PER_C = 0.018
"""Rise of electrical conductivity per Celsius below boiling, of its value at 37 C.
1.82 +- 0.28 %/C, reversible, bovine liver; 1.5 to 2 %/C across sources."""

BOILING_C = 100.0
VAPOUR_SPAN_C = 5.0
"""Tissue water leaves between 100 and 105 C (assumed; the common model)."""

VAPOUR_CONDUCTIVITY_FRACTION = 0.01
"""Conductivity left in desiccated tissue: two orders of magnitude down (assumed; the common model)."""

WATER_LATENT_HEAT_J_KG = 2.257e6
"""Heat of vaporisation of water at 100 C (steam tables)."""


@dataclass(frozen=True, slots=True)
class Tissue:
    """One tissue at 37 C. Every field is finite; all but perfusion, water and permittivity above 0.

    `water_fraction` is the mass fraction of water that can boil off. The sources of this table do not give it.
    """

    name: str
    density_kg_m3: float
    heat_capacity_j_kg_k: float
    thermal_conductivity_w_m_k: float
    perfusion_ml_min_kg: float
    conductivity_s_m: float
    permittivity_rel: float
    water_fraction: float

    def __post_init__(self) -> None:
        for spec in fields(self):
            if spec.name == "name":
                continue
            value = getattr(self, spec.name)
            least = 0.0 if spec.name in _MAY_BE_ZERO else math.ulp(0.0)
            if not (least <= value < math.inf):
                bound = "0 or more" if least == 0.0 else "above 0"
                raise ValueError(f"tissue {self.name!r}: {spec.name} is {value!r}; it must be finite and {bound}")
        if self.water_fraction > 1.0:
            raise ValueError(f"tissue {self.name!r}: water_fraction is {self.water_fraction!r}; at most 1")

    @property
    def volumetric_heat_j_m3_k(self) -> float:
        """Heat capacity by volume."""
        return self.density_kg_m3 * self.heat_capacity_j_kg_k

    @property
    def perfusion_w_m3_k(self) -> float:
        """Heat carried off by blood per volume and per Celsius above arterial temperature (Pennes).

        Flow per mass of tissue times the tissue's density is the volume of blood per volume of tissue and time.
        """
        blood_per_s = self.perfusion_ml_min_kg * 1e-6 / 60.0 * self.density_kg_m3
        return blood_per_s * BLOOD_VOLUMETRIC_HEAT_J_M3_K

    @property
    def boil_off_j_m3(self) -> float:
        """Latent heat of all water in a volume of the tissue."""
        return self.density_kg_m3 * self.water_fraction * WATER_LATENT_HEAT_J_KG


_MAY_BE_ZERO = ("perfusion_ml_min_kg", "permittivity_rel", "water_fraction")

BLOOD_VOLUMETRIC_HEAT_J_M3_K = 1049.75 * 3617.0
"""Blood density times heat capacity, same table."""

TISSUES: dict[str, Tissue] = {
    t.name: t
    for t in (
        # name, density, heat capacity, thermal conductivity, perfusion, sigma 480 kHz, relative permittivity;
        # last column, water by mass: assumed (soft tissue 0.7, fat and yellow marrow 0.15, cancellous bone 0.25,
        # cortical bone 0.1, fluids 0.9).
        Tissue("cancellous_bone", 1178.33, 2274.0, 0.3125, 30.0, 0.08659, 311.5, 0.25),
        Tissue("cortical_bone", 1908.0, 1312.83, 0.32, 10.0, 0.02208, 176.0, 0.1),
        Tissue("red_marrow", 1028.5, 2666.0, 0.279, 135.0, 0.1035, 110.0, 0.4),
        Tissue("yellow_marrow", 980.0, 2065.0, 0.192135, 30.0, 0.004335, 49.69, 0.15),
        Tissue("spinal_cord", 1075.0, 3630.0, 0.51325, 160.333, 0.11, 1530.0, 0.7),
        Tissue("nerve", 1075.0, 3613.0, 0.49, 160.333, 0.11, 1530.0, 0.7),
        Tissue("cerebrospinal_fluid", 1007.0, 4095.5, 0.573333, 0.0, 2.0, 109.0, 0.9),
        Tissue("dura", 1174.0, 3364.0, 0.44, 380.0, 0.5025, 265.2, 0.7),
        Tissue("fat", 911.0, 2348.33, 0.21145, 32.7093, 0.04375, 57.26, 0.15),
        Tissue("muscle", 1090.4, 3421.2, 0.494969, 36.7383, 0.4425, 3772.0, 0.7),
        Tissue("liver", 1078.75, 3540.2, 0.519111, 860.457, 0.1459, 2861.0, 0.7),
        Tissue("blood", 1049.75, 3617.0, 0.516857, 10000.0, 0.7452, 4240.0, 0.8),
        Tissue("cartilage", 1099.5, 3568.0, 0.487, 35.0, 0.1995, 1965.0, 0.7),
        # No table gives "metastasis". Tumour conductivity is close to that of normal soft tissue above 500 kHz
        # (Haemmerich and Schutt 2011, PMC3108076) and a lytic lesion replaces bone by soft tissue: muscle's
        # figures, to be swept.
        Tissue("lytic_tumour", 1090.4, 3421.2, 0.494969, 36.7383, 0.4425, 3772.0, 0.7),
    )
}
