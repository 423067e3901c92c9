"""Electrodes, and the confocal shells of tissue round them.

A needle electrode's pole is taken as the prolate spheroid of the same length and the same volume. Confocal prolate
spheroids round it are exact equipotentials, and exact isotherms of steady conduction, in a homogeneous medium
(Stratton, Electromagnetic Theory, 1941, section 3.26), so electrical resistance, thermal resistance and volume of a
shell follow from geometry alone. With half the distance between the foci `c` and the coordinate `eta` (1 on the
line of foci, growing outward), semi-axes are `c eta` along the shaft and `c sqrt(eta^2 - 1)` across, and the
resistance between two shells of a medium of conductivity `s` is `(L(eta_1) - L(eta_2)) / (8 pi s c)` with `L(eta) =
ln((eta + 1)/(eta - 1))`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Electrode:
    """A needle electrode.

    `active_length_mm` is the bare length of each pole; `gap_mm` the insulated length between the two poles of a bipolar
    one. `lead_ohm` is cable and contact resistance: measured with the load, dissipated outside tissue.
    `return_ohm` is a monopolar circuit's remaining body and return electrode.
    """

    kind: Literal["monopolar", "bipolar"]
    diameter_mm: float
    active_length_mm: float
    gap_mm: float = 0.0
    cooled: bool = False
    lead_ohm: float = 1.0
    return_ohm: float = 10.0

    def __post_init__(self) -> None:
        for name in ("diameter_mm", "active_length_mm"):
            value = getattr(self, name)
            if not 0.0 < value < 1000.0:
                raise ValueError(f"electrode: {name} is {value!r}; it must be above 0 and below 1000 mm")
        for name in ("lead_ohm", "return_ohm", "gap_mm"):
            value = getattr(self, name)
            if not 0.0 <= value < 1000.0:
                raise ValueError(f"electrode: {name} is {value!r}; it must be 0 or more and below 1000")
        if self.diameter_mm >= self.active_length_mm:
            raise ValueError(
                f"electrode: diameter_mm {self.diameter_mm!r} is not below active_length_mm {self.active_length_mm!r}; "
                "a needle is longer than wide"
            )
        if self.kind == "bipolar" and self.gap_mm <= 0.0:
            raise ValueError("electrode: a bipolar electrode needs gap_mm above 0 between its poles")

    @property
    def poles(self) -> int:
        """2 for bipolar, 1 for monopolar."""
        return 2 if self.kind == "bipolar" else 1

    @property
    def pole_pitch_m(self) -> float:
        """Distance between the centres of the two poles, metres; 0 for monopolar."""
        return (self.active_length_mm + self.gap_mm) * 1e-3 if self.poles == 2 else 0.0


@dataclass(frozen=True, slots=True)
class Confocal:
    """A family of confocal prolate spheroids; `focus_m` is half the distance between the foci."""

    focus_m: float
    count: int
    """How many alike stand side by side (the two poles of a bipolar electrode are lumped)."""

    def eta(self, radius_m: float) -> float:
        """Coordinate of the spheroid of equatorial radius `radius_m`."""
        return math.sqrt(1.0 + (radius_m / self.focus_m) ** 2)

    def radius_at_axis_m(self, along_m: float) -> float:
        """Equatorial radius of the spheroid whose tip is `along_m` from the centre; 0 inside the foci."""
        return math.sqrt(max(along_m**2 - self.focus_m**2, 0.0))

    def volume_m3(self, radius_m: float) -> float:
        """Volume inside equatorial radius `radius_m`, all alike together."""
        return self.count * 4.0 / 3.0 * math.pi * self.focus_m * self.eta(radius_m) * radius_m**2

    def log_term(self, radius_m: float) -> float:
        """L(eta), without cancellation: eta - 1 = r^2 / (c^2 (eta + 1))."""
        eta = self.eta(radius_m)
        return 2.0 * math.log((eta + 1.0) * self.focus_m / radius_m)

    def shape_m(self, inner_m: float, outer_m: float) -> float:
        """Resistance times conductivity, 1/m, between two equatorial radii of one of those alike."""
        outer = 0.0 if math.isinf(outer_m) else self.log_term(outer_m)
        return (self.log_term(inner_m) - outer) / (8.0 * math.pi * self.focus_m)


@dataclass(frozen=True, slots=True)
class ShellFrame:
    """The shells of one electrode: each pole's own out to `touch_m`, joint ones round the whole beyond.

    For a monopolar electrode `touch_m` is infinite. At `touch_m` two neighbouring spheroids meet and the joint one has
    their length, their equatorial radius and their volume, so nothing is lost or counted twice.
    """

    own: Confocal
    joint: Confocal | None
    surface_m: float
    """Equatorial radius of the electrode's own spheroid."""
    touch_m: float
    pitch_m: float

    @staticmethod
    def of(electrode: Electrode) -> ShellFrame:
        """The frame of an electrode: the spheroid of each pole's own length and volume."""
        half_m = electrode.active_length_mm * 0.5e-3
        surface_m = electrode.diameter_mm * 0.5e-3 * math.sqrt(1.5)
        if surface_m >= half_m:
            raise ValueError("electrode: too stout for a needle: active_length_mm must exceed 1.23 x diameter_mm")
        own = Confocal(math.sqrt(half_m**2 - surface_m**2), electrode.poles)
        if electrode.poles == 1:
            return ShellFrame(own, None, surface_m, math.inf, 0.0)
        pitch_m = electrode.pole_pitch_m
        touch_m = own.radius_at_axis_m(pitch_m / 2.0)
        joint = Confocal(math.sqrt(pitch_m**2 - touch_m**2), 1)
        return ShellFrame(own, joint, surface_m, touch_m, pitch_m)

    def volume_m3(self, inner_m: float, outer_m: float) -> float:
        """Volume between two equatorial radii, all poles together."""
        total = 0.0
        if inner_m < self.touch_m:
            total += self.own.volume_m3(min(outer_m, self.touch_m)) - self.own.volume_m3(inner_m)
        if self.joint is not None and outer_m > self.touch_m:
            total += self.joint.volume_m3(outer_m) - self.joint.volume_m3(max(inner_m, self.touch_m))
        return total

    def thermal_shape_m(self, inner_m: float, outer_m: float) -> float:
        """Thermal resistance times conductivity, 1/m; the poles stand side by side (in parallel)."""
        total = 0.0
        if inner_m < self.touch_m:
            total += self.own.shape_m(inner_m, min(outer_m, self.touch_m)) / self.own.count
        if self.joint is not None and outer_m > self.touch_m:
            total += self.joint.shape_m(max(inner_m, self.touch_m), outer_m)
        return total

    def electrical_shape_m(self, inner_m: float, outer_m: float) -> float:
        """Electrical resistance times conductivity, 1/m; the two poles stand one after the other.

        Between two poles a pitch apart the resistance is twice (self less mutual), and the mutual term is the
        pole's own potential at the other's centre: integrating a pole's shells out to the one that passes through
        the other's centre. What lies beyond the touching shell of it is spread over the joint shells.
        """
        if self.joint is None:
            return self.own.shape_m(inner_m, outer_m)
        end_m = self.own.radius_at_axis_m(self.pitch_m)
        lo, hi = min(inner_m, end_m), min(outer_m, end_m)
        return 2.0 * self.own.shape_m(lo, hi) if hi > lo else 0.0

    def radius_on_shaft_m(self, along_m: float) -> float:
        """Equatorial radius of the shell through a point of the shaft, `along_m` from the probe's centre.

        Never inside the electrode.
        """
        along_m = abs(along_m)
        radius_m = self.own.radius_at_axis_m(abs(along_m - self.pitch_m / 2.0))
        if self.joint is not None and radius_m >= self.touch_m and along_m > self.pitch_m / 2.0:
            radius_m = max(self.joint.radius_at_axis_m(along_m), self.touch_m)
        return max(radius_m, self.surface_m)
