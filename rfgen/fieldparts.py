"""What a scenario may say of the field plant, and the plant made from it. Needs nothing of it until it is made."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rfgen.extras import install_command
from rfgen.problems import Fault, refuse
from rfgen.validation import Strict, as_tuple

if TYPE_CHECKING:
    from sim.field.options import FieldOptions
    from sim.field.plant import FieldPlant
    from sim.field.problem import Problem
    from sim.field.study import Study
    from sim.geometry import Electrode
    from sim.network import Anatomy, Site
    from sim.tissue import Tissue


PlantKind = Literal["network", "reduced", "field"]
"""`reduced`: the field on lumps that follow from it."""


_SIZES = {
    "sphere": ("outer_mm", "z_mm"),
    "shell": ("outer_mm", "inner_mm", "z_mm"),
    "cylinder": ("outer_mm", "from_mm", "to_mm"),
    "ring": ("outer_mm", "inner_mm", "from_mm", "to_mm"),
    "plane": ("from_mm", "to_mm"),
    "half_space": ("from_mm", "to_mm"),
}
"""Which lengths a shape has."""


class RegionModel(Strict):
    """One tissue in one shape, painted over what is there. Lengths from the middle of the electrode's active part; the
    tip is at negative z."""

    shape: Literal["sphere", "shell", "cylinder", "ring", "plane", "half_space"]
    tissue: str
    outer_mm: float | None = Field(None, gt=0, le=500)
    inner_mm: float = Field(0.0, ge=0, le=500)
    z_mm: float = Field(0.0, ge=-500, le=500)
    from_mm: float | None = Field(None, ge=-500, le=500)
    to_mm: float | None = Field(None, ge=-500, le=500)

    @model_validator(mode="after")
    def _shaped(self) -> RegionModel:
        faults = []
        sizes = _SIZES[self.shape]
        for key in ("outer_mm", "inner_mm", "z_mm", "from_mm", "to_mm"):
            if key not in sizes and getattr(self, key) != type(self).model_fields[key].default:
                faults.append(Fault((key,), f"means nothing for a {self.shape}", f"it has {', '.join(sizes)}"))
        if "outer_mm" in sizes and self.outer_mm is None:
            faults.append(Fault(("outer_mm",), "is missing", f"a {self.shape} needs its outer radius"))
        if "inner_mm" in sizes and "inner_mm" not in self.model_fields_set:
            faults.append(Fault(("inner_mm",), "is missing", f"a {self.shape} needs its inner radius"))
        ends = (self.from_mm is not None) + (self.to_mm is not None)
        if self.shape == "plane" and ends == 0:
            faults.append(Fault(("from_mm",), "is missing", "a plane needs from_mm, to_mm, or both"))
        if self.shape == "half_space" and ends != 1:
            what = "is missing" if ends == 0 else "and to_mm are both given"
            faults.append(Fault(("from_mm",), what, "a half_space needs one of from_mm and to_mm; a plane has both"))
        if self.outer_mm is not None and self.inner_mm >= self.outer_mm:
            faults.append(Fault(("inner_mm",), "is not below outer_mm", f"below {self.outer_mm:g} mm"))
        if self.from_mm is not None and self.to_mm is not None and self.from_mm >= self.to_mm:
            faults.append(Fault(("from_mm",), "is not below to_mm", f"below {self.to_mm:g} mm"))
        refuse(faults)
        return self


class FieldModel(Strict):
    """Choices of the field plant; see `sim.field.options`."""

    refresh: float = Field(0.006, ge=0.0001, le=0.5)
    grid: Literal["fine", "default", "coarse"] | Annotated[float, Field(ge=0.01, le=2)] = "default"
    step_s: float = Field(1.0, gt=0, le=1)
    far_mm: float = Field(60.0, ge=10, le=500)
    far_c: float | None = Field(None, ge=0, le=100)
    ground: Literal["open", "far"] = "open"
    wall_shape: Literal["ring", "plane"] = "ring"
    tip: Literal["blunt", "pointed"] = "blunt"
    point_mm: float | None = Field(None, gt=0, le=30)
    csf_mm: float = Field(2.0, ge=0, le=20)
    cord_mm: float = Field(8.0, ge=0, le=30)
    extension_mm: float = Field(0.0, ge=0, le=20)
    conductivity_rise_per_c: float = Field(0.018, ge=0, le=0.1)
    thermal_rise_per_c: float = Field(0.002, ge=0, le=0.1)
    heat_rise_per_c: float = Field(0.0, ge=0, le=0.1)
    boils: bool = True
    perfusion_stops: bool = True
    damage: Literal["liver_muscle", "artery"] = "liver_muscle"
    regions: Annotated[tuple[RegionModel, ...], BeforeValidator(as_tuple)] = ()


def field_installed() -> bool:
    """numba is there, without which no field plant runs."""
    return importlib.util.find_spec("numba") is not None


def field_options(model: FieldModel, tissue: Callable[[str], Tissue]) -> FieldOptions:
    """The options as the plant takes them; `tissue` finds one by name."""
    from sim.field.grid import GRADINGS, grading_of
    from sim.field.options import FieldOptions
    from sim.field.regions import Region

    given = model.model_dump(exclude={"grid", "regions"})
    regions = tuple(
        Region(
            region.shape,
            tissue(region.tissue),
            math.inf if region.outer_mm is None else region.outer_mm,
            region.inner_mm,
            region.z_mm,
            -math.inf if region.from_mm is None else region.from_mm,
            math.inf if region.to_mm is None else region.to_mm,
        )
        for region in model.regions
    )
    grading = GRADINGS[model.grid] if isinstance(model.grid, str) else grading_of(model.grid)
    return FieldOptions(grading=grading, regions=regions, **given)


def field_study(
    kind: PlantKind,
    model: FieldModel,
    electrode: Electrode,
    anatomy: Anatomy,
    tissue: Callable[[str], Tissue],
    tip: Site,
    probes_mm: tuple[tuple[float, float], ...],
) -> Study:
    """The field alone, without stage, sensors and firmware.

    Raises ValueError where geometry or a probe cannot be, and where numba is not installed (it says what to install).
    """
    _make_ready()
    from sim.field.study import Study

    problem = _problem(kind, model, electrode, anatomy, tissue)
    return Study(electrode, anatomy, problem.options, tip=tip, probes_mm=probes_mm, problem=problem)


def _problem(
    kind: PlantKind, model: FieldModel, electrode: Electrode, anatomy: Anatomy, tissue: Callable[[str], Tissue]
) -> Problem:
    from sim.field.problem import make_problem
    from sim.field.reduced import reduced

    problem = make_problem(electrode, anatomy, field_options(model, tissue))
    return reduced(problem) if kind == "reduced" else problem


def _make_ready() -> None:
    """numba is there, and a person is told where a start takes longer."""
    if not field_installed():
        raise ValueError(
            f"the field plant needs numba, which is not installed; {install_command('field')}; or use `model: network`"
        )
    from sim.field.compiled import tell_of_compiling

    tell_of_compiling(lambda: print("compiling the field plant: once, some ten seconds", file=sys.stderr, flush=True))


def field_plant(
    kind: PlantKind,
    model: FieldModel,
    electrode: Electrode,
    anatomy: Anatomy,
    sites: tuple[Site, ...],
    tick_s: float,
    tissue: Callable[[str], Tissue],
) -> FieldPlant:
    """The field plant of a scenario, whole or reduced.

    Raises ValueError where the geometry cannot be, and where numba is not installed (it says what to install).
    """
    _make_ready()
    from sim.field.plant import FieldPlant

    problem = _problem(kind, model, electrode, anatomy, tissue)
    return FieldPlant(electrode, anatomy, sites, tick_s, problem.options, problem)
