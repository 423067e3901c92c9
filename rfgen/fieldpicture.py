"""A picture of the field: anatomy, isotherms, lesion and electrode, as SVG. Plain shapes and no library."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np
import numpy.typing as npt

from sim.field.problem import Problem
from sim.field.regions import Region

Floats = npt.NDArray[np.float64]
_To = Callable[[float], float]
"""From millimetres to pixels."""

ISOTHERMS_C = {42.0: "#2166ac", 45.0: "#4393c3", 50.0: "#f4a582", 60.0: "#d6604d", 80.0: "#b2182b", 100.0: "#67001f"}
TISSUE_FILL = {
    "lytic_tumour": "#e8d3c0",
    "cancellous_bone": "#f6f1e1",
    "cortical_bone": "#cfc8b4",
    "fat": "#f7e9a0",
    "cerebrospinal_fluid": "#d6e9f5",
    "spinal_cord": "#cdb8dc",
    "liver": "#e0bdb5",
    "muscle": "#e6c4bf",
}
OTHER_FILL = "#ececec"
SCALE = 9.0
"""Pixels to the millimetre."""
SIDE_MM, END_MM = 26.0, 26.0
"""What is shown to both sides of the axis, and beyond the poles' ends."""
COLUMNS = 160
"""Points across one side of the picture that isotherms are drawn from."""


def field_picture(
    problem: Problem,
    temperature_c: Floats,
    omega: Floats,
    title: str,
    *,
    probes_mm: tuple[tuple[float, float], ...] = (),
) -> str:
    """The SVG's text. `temperature_c` and `omega` are cells, (nz, nr); the lesion drawn is Omega at 1 and above. The
    tip points down."""
    far_mm = problem.options.far_mm
    side = min(SIDE_MM, far_mm)
    low = max(problem.needle.tip_m * 1e3 - END_MM, -far_mm)
    high = min(problem.needle.poles_m[-1][1] * 1e3 + END_MM, far_mm)
    width, height = 2.0 * side * SCALE, (high - low) * SCALE
    key_width = 190.0

    def x(r_mm: float) -> float:
        return (r_mm + side) * SCALE

    def y(z_mm: float) -> float:
        return (high - z_mm) * SCALE

    parts = [_region(region, side, low, high, x, y) for region in problem.regions]
    r = np.linspace(0.0, side, COLUMNS)
    z = np.linspace(low, high, round(COLUMNS * (high - low) / side))
    damaged = _resampled(problem, np.log(np.maximum(omega, 1e-30)), r, z)
    parts.append(_lesion(damaged, r, z, x, y))
    warm = _resampled(problem, temperature_c, r, z)
    for level, colour in ISOTHERMS_C.items():
        path = _contour(warm - level, r, z, x, y)
        if path:
            parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    parts.append(_needle(problem, low, high, x, y))
    for r_mm, z_mm in probes_mm:
        if r_mm <= side and low <= z_mm <= high:
            parts.append(f'<circle cx="{x(r_mm):.1f}" cy="{y(z_mm):.1f}" r="3.5" fill="#111" stroke="#fff"/>')
    key = _key(problem, width + 14.0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + key_width:.0f} {height + 30:.0f}" '
        f'width="{width + key_width:.0f}" height="{height + 30:.0f}" font-family="sans-serif" font-size="12">'
        f"<title>{escape(title)}</title>"
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="4" y="19" font-size="13">{escape(title)}</text>'
        f'<clipPath id="frame"><rect width="{width:.0f}" height="{height:.0f}"/></clipPath>'
        f'<g transform="translate(0 28)"><g clip-path="url(#frame)">{"".join(parts)}</g>{key}</g></svg>\n'
    )


def _resampled(problem: Problem, values: Floats, r_mm: Floats, z_mm: Floats) -> Floats:
    """Cells at the points of a picture, linear between middles."""
    grid = problem.grid
    across = np.array([np.interp(r_mm, grid.r_m * 1e3, row) for row in values])
    return np.array([np.interp(z_mm, grid.z_m * 1e3, column) for column in across.T]).T


def _rect(x0: float, y0: float, x1: float, y1: float, style: str) -> str:
    return f'<rect x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}" {style}/>'


def _region(region: Region, side: float, low: float, high: float, x: _To, y: _To) -> str:
    fill = f'fill="{TISSUE_FILL.get(region.tissue.name, OTHER_FILL)}"'
    if region.shape in ("sphere", "shell"):
        drawn = ""
        for radius in (region.outer_mm, region.inner_mm):
            drawn += f"M{x(-radius):.1f} {y(region.z_mm):.1f}"
            for sign in (1.0, -1.0):
                drawn += f"A{radius * SCALE:.1f} {radius * SCALE:.1f} 0 0 1 {x(sign * radius):.1f} {y(region.z_mm):.1f}"
            if region.inner_mm == 0.0:
                break
        return f'<path d="{drawn}Z" fill-rule="evenodd" {fill}/>'
    top, bottom = y(min(region.to_mm, high)), y(max(region.from_mm, low))
    outer = min(region.outer_mm, side)
    if bottom <= top or outer <= region.inner_mm:
        return ""
    if region.inner_mm == 0.0:
        return _rect(x(-outer), top, x(outer), bottom, fill)
    left = _rect(x(-outer), top, x(-region.inner_mm), bottom, fill)
    return left + _rect(x(region.inner_mm), top, x(outer), bottom, fill)


def _lesion(over: Floats, r: Floats, z: Floats, x: _To, y: _To) -> str:
    """A strip to each row of points at or above 0, on both sides."""
    half = 0.5 * (z[1] - z[0])
    drawn = []
    for row, z_mm in zip(over, z, strict=True):
        inside = np.flatnonzero(row >= 0.0)
        if not inside.size:
            continue
        for run in np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1):
            start, end = float(r[run[0]]), float(r[run[-1]])
            top, bottom = y(z_mm + half), y(z_mm - half)
            for a, b in ((start, end), (-end, -start)):
                drawn.append(f"M{x(a):.1f} {top:.1f}H{x(b):.1f}V{bottom:.1f}H{x(a):.1f}Z")
    return f'<path d="{"".join(drawn)}" fill="#7f0000" fill-opacity="0.22"/>' if drawn else ""


def _contour(over: Floats, r: Floats, z: Floats, x: _To, y: _To) -> str:
    """Where the values cross 0: a line in each square of four points that it passes through, on both sides."""
    drawn = []
    inside = over >= 0.0
    mixed = inside[:-1, :-1].astype(int) + inside[1:, :-1] + inside[:-1, 1:] + inside[1:, 1:]
    for j, i in np.argwhere((mixed > 0) & (mixed < 4)).tolist():
        corners = [(j, i), (j, i + 1), (j + 1, i + 1), (j + 1, i)]
        crossings = []
        for a, b in zip(corners, [*corners[1:], corners[0]], strict=True):
            va, vb = float(over[a]), float(over[b])
            if (va >= 0.0) != (vb >= 0.0):
                share = va / (va - vb)
                crossings.append((r[a[1]] + share * (r[b[1]] - r[a[1]]), z[a[0]] + share * (z[b[0]] - z[a[0]])))
        for (ra, za), (rb, zb) in zip(crossings[::2], crossings[1::2], strict=True):
            for sign in (1.0, -1.0):
                drawn.append(f"M{x(sign * ra):.1f} {y(za):.1f}L{x(sign * rb):.1f} {y(zb):.1f}")
    return "".join(drawn)


def _needle(problem: Problem, low: float, high: float, x: _To, y: _To) -> str:
    needle = problem.needle
    radius, tip = needle.radius_m * 1e3, needle.tip_m * 1e3
    cone = tip + needle.cone_m * 1e3
    drawn = [_rect(x(-radius), y(high), x(radius), y(max(cone, low)), 'fill="#8a8f98"')]
    if needle.cone_m > 0.0:
        drawn.append(
            f'<path d="M{x(-radius):.1f} {y(cone):.1f}H{x(radius):.1f}L{x(0.0):.1f} {y(tip):.1f}Z" fill="#30343b"/>'
        )
    for start, end in needle.poles_m:
        from_mm = max(start * 1e3, cone)
        drawn.append(_rect(x(-radius), y(end * 1e3), x(radius), y(from_mm), 'fill="#30343b"'))
    return "".join(drawn)


def _key(problem: Problem, left: float) -> str:
    """What the colours mean, and a scale."""
    lines = []
    top = 8.0
    for level, colour in ISOTHERMS_C.items():
        lines.append(f'<path d="M{left:.0f} {top + 4:.0f}h22" stroke="{colour}" stroke-width="2"/>')
        lines.append(f'<text x="{left + 30:.0f}" y="{top + 8:.0f}">{level:g} °C</text>')
        top += 18.0
    lines.append(_rect(left, top, left + 22.0, top + 10.0, 'fill="#7f0000" fill-opacity="0.22"'))
    lines.append(f'<text x="{left + 30:.0f}" y="{top + 9:.0f}">Ω ≥ 1 (Arrhenius)</text>')
    top += 18.0
    lines.append(_rect(left, top, left + 22.0, top + 10.0, 'fill="#30343b"'))
    lines.append(f'<text x="{left + 30:.0f}" y="{top + 9:.0f}">pole</text>')
    top += 24.0
    for name in dict.fromkeys(region.tissue.name for region in problem.regions):
        fill = TISSUE_FILL.get(name, OTHER_FILL)
        lines.append(_rect(left, top, left + 22.0, top + 10.0, f'fill="{fill}" stroke="#999"'))
        lines.append(f'<text x="{left + 30:.0f}" y="{top + 9:.0f}">{escape(name.replace("_", " "))}</text>')
        top += 18.0
    top += 14.0
    lines.append(f'<path d="M{left:.0f} {top:.0f}h{10.0 * SCALE:.0f}" stroke="#000" stroke-width="2"/>')
    lines.append(f'<text x="{left:.0f}" y="{top + 16:.0f}">10 mm; axisymmetric</text>')
    return "".join(lines)
