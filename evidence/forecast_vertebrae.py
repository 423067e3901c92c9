"""Random vertebrae for the study of SENTINEL_FORECAST: one documented distribution, all of it stated on the page."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from rfgen.device import load_device
from rfgen.fieldparts import FieldModel
from rfgen.scenario import PlantModel, Scenario, Step, Treatment, WallModel

TRAINED_SEEDS, JUDGED_SEED = (1, 3), 4
"""The figures of the forecast were chosen on the first two; the page is of the third, which nobody had seen."""
DEVICES = ("bench", "invamed-fusion", "optablate-like", "osteocool-like")
"""Every shipped profile that has a sentinel, in turn."""
TARGET_C = {"bench": (65.0, 85.0), "osteocool-like": (65.0, 85.0)}
OTHER_TARGET_C = (70.0, 90.0)
PERIOD_MS = 100
NOISE_SHARE = math.sqrt(20.0 / PERIOD_MS)
"""Slower than the profiles' 20 ms, so that there is less to compute: each reading stands for the mean of five, and has
that mean's noise. The forecast is laid through means of 100 ms, so it sees what it would."""
WATCHDOG_MS = 300
CHEAP = FieldModel(grid="coarse", refresh=0.02)
"""Its error is measured by `--grid-check`, and stated on the page."""

SPANS: dict[str, tuple[float, float, str]] = {
    "offset_mm": (1.0, 10.0, "sentinel beyond the wall's outer face: the study's own demand"),
    "distance_mm": (3.5, 9.5, "needle's axis to the wall's inner face, assumed: a tumour that lies towards the wall"),
    "thickness_mm": (1.0, 3.0, "of the wall, assumed, as in the patient population"),
    "fat_mm": (1.0, 8.0, "epidural fat between wall and dura, assumed"),
    "radius_mm": (6.0, 18.0, "of the lesion, assumed"),
    "conductivity_scale": (0.5, 1.5, "as in the patient population"),
    "perfusion_scale": (0.0, 3.0, "as in the patient population"),
    "lag_s": (0.1, 2.0, "of the thermocouples, as in the patient population"),
    "noise_c": (0.02, 0.1, "one sigma of a reading, as in the patient population"),
    "hold_s": (60.0, 300.0, "assumed"),
}
"""Drawn evenly between the two: (least, most, where it comes from)."""
ERODED = 0.5
RED_MARROW = 0.3


class Vertebra(NamedTuple):
    """One of them, and what is drawn for it."""

    index: int
    seed: int
    device: str
    drawn: dict[str, float]
    eroded: bool
    surrounding: str
    target_c: float

    @property
    def before_dura(self) -> bool:
        """The sentinel lies in the epidural fat, between the heat and the dura."""
        return self.drawn["offset_mm"] <= self.drawn["fat_mm"]


def vertebra(index: int, seed: int) -> Vertebra:
    """Number `index` of `seed`: the same whatever else is drawn."""
    random = np.random.default_rng([seed, index])
    # three decimals: a scenario's file then holds exactly what ran
    drawn = {name: round(float(random.uniform(*span[:2])), 3) for name, span in SPANS.items()}
    device = DEVICES[index % len(DEVICES)]
    return Vertebra(
        index,
        seed,
        device,
        drawn,
        bool(random.random() < ERODED),
        "red_marrow" if random.random() < RED_MARROW else "cancellous_bone",
        round(float(random.uniform(*TARGET_C.get(device, OTHER_TARGET_C))), 1),
    )


def scenario_of(one: Vertebra, field: FieldModel = CHEAP) -> Scenario:
    """The vertebra under its treatment, as a scenario that can be written and run again."""
    drawn = one.drawn
    device = load_device(one.device)
    thermocouples = tuple(
        t.model_copy(
            update={"lag_s": drawn["lag_s"], "noise_c": drawn["noise_c"] * NOISE_SHARE}
            | ({"offset_mm": drawn["offset_mm"]} if t.role == "sentinel" else {})
        )
        for t in device.thermocouples
    )
    plant = PlantModel(
        model="field",
        target="lytic_tumour",
        target_radius_mm=drawn["radius_mm"],
        surrounding=one.surrounding,
        wall=WallModel(
            distance_mm=drawn["distance_mm"],
            thickness_mm=drawn["thickness_mm"],
            eroded=one.eroded,
            fat_mm=drawn["fat_mm"],
        ),
        conductivity_scale=drawn["conductivity_scale"],
        perfusion_scale=drawn["perfusion_scale"],
        field=field,
    )
    return Scenario(
        title=f"Vertebra {one.index} of seed {one.seed} under {one.device}",
        device=device.model_copy(
            update={"thermocouples": thermocouples, "period_ms": PERIOD_MS, "watchdog_ms": WATCHDOG_MS}
        ),
        treatment=Treatment(steps=(Step(target_c=one.target_c, hold_s=drawn["hold_s"]),)),
        plant=plant,
        seed=one.index,
    )
