"""A picture of the field: anatomy, isotherms, lesion, electrode and thermocouples, as SVG. Plain shapes, no library.

One panel for each moment, side by side, one legend for all. Everything in a view may come from a stranger's recording:
its texts are escaped and cut, its numbers were bounded when it was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from rfgen.record.fieldview import FieldView
from rfgen.report.contours import Floats, contours, resampled, thinned
from rfgen.report.fieldpanel import (
    INK,
    ISOTHERMS_C,
    LESION,
    POLE,
    SHAFT,
    SOFT,
    Frame,
    Label,
    clean,
    label_svg,
    needle_svg,
    place_labels,
    shape_label,
    shape_svg,
    site_labels,
    tissue_fill,
)

SCALE = 7.2
"""Pixels to the millimetre."""
POINTS_A_MM = 4.0
"""Of the raster that isotherms are drawn from."""
WITHIN_PX = 0.12
"""A line drawn is no further than this from the one that was found."""
EDGE_MM = 1.0
"""Kept of the view, and not shown: lines that the view's end closes lie there."""
LEFT, TOP, PANEL_HEAD, BELOW, BETWEEN, KEY = 46.0, 44.0, 42.0, 56.0, 26.0, 186.0
FONT = "system-ui, Segoe UI, Roboto, Liberation Sans, sans-serif"
MOMENTS = {"hottest": "The hottest moment", "end": "The end"}


def field_picture(views: Sequence[FieldView], title: str, *, simulated: bool = True, prefix: str = "f") -> str:
    """The SVG's text: a panel for each view. The lesion drawn is Omega at 1 and above; the tip points down.

    `prefix`: of ids, where several pictures stand in one page. Raises ValueError without a view.
    """
    if not views:
        raise ValueError("a picture of the field needs a view")
    frames, at = [], LEFT
    for view in views:
        frames.append(frame := frame_of(view, at, TOP + PANEL_HEAD))
        at += frame.width + LEFT - 10.0 + BETWEEN
    key_at = frames[-1].left + frames[-1].width + BETWEEN
    key, key_height = _key(views, key_at, TOP + PANEL_HEAD)
    width = key_at + KEY
    height = TOP + PANEL_HEAD + max(max(frame.height for frame in frames) + BELOW, key_height + 8.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" font-family="{FONT}" font-size="12" fill="{INK}" role="img">',
        f"<title>{escape(clean(title, 120))}</title>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>',
        f'<text x="{LEFT:.0f}" y="25" font-size="16" font-weight="600">{escape(clean(title, 110))}</text>',
    ]
    if simulated:
        parts.append(
            f'<rect x="{width - 136:.0f}" y="7" width="130" height="24" rx="5" fill="#fef3c7" stroke="#f59e0b"/>'
            f'<text x="{width - 71:.0f}" y="24" font-size="14" font-weight="700" letter-spacing="2" '
            f'text-anchor="middle" fill="#78350f">SIMULATED</text>'
        )
    for number, (view, frame) in enumerate(zip(views, frames, strict=True)):
        parts += _panel(view, frame, f"{prefix}{number}")
    parts += [key, "</svg>\n"]
    return "\n".join(parts)


def frame_of(view: FieldView, left: float, top: float) -> Frame:
    """Where a view's panel lies, what it shows."""
    side = max(5.0, float(np.floor(view.r_mm[-1] - EDGE_MM)))
    low, high = float(np.ceil(view.z_mm[0] + EDGE_MM)), float(np.floor(view.z_mm[-1] - EDGE_MM))
    high = max(high, low + 5.0)
    scale = min(SCALE, 700.0 / (2.0 * side), 700.0 / (high - low))
    return Frame(left, top, side, low, high, scale)


def isotherm_paths(view: FieldView, frame: Frame) -> dict[float, list[list[tuple[float, float]]]]:
    """Of each level that there is: its closed lines, in pixels."""
    x, y = _raster(view, frame)
    warm = resampled(_both_sides(view.temperature_c), _mirrored(view.r_mm), view.z_mm, x, y)
    found = {level: _lines(warm - level, x, y, frame) for level in ISOTHERMS_C}
    return {level: lines for level, lines in found.items() if lines}


def _raster(view: FieldView, frame: Frame) -> tuple[Floats, Floats]:
    """Points across (negative on the left) and along; a little beyond what is shown."""
    side, low, high = frame.side + EDGE_MM, frame.low - EDGE_MM, frame.high + EDGE_MM
    return (
        np.linspace(-side, side, round(2.0 * side * POINTS_A_MM) | 1),
        np.linspace(low, high, round((high - low) * POINTS_A_MM)),
    )


def _mirrored(r_mm: Floats) -> Floats:
    return np.concatenate([-r_mm[::-1], r_mm])


def _both_sides(values: Floats) -> Floats:
    return np.concatenate([values[:, ::-1], values], axis=1)


def _lines(over: Floats, x: Floats, y: Floats, frame: Frame) -> list[list[tuple[float, float]]]:
    found = [[(frame.x(r), frame.y(z)) for r, z in line] for line in contours(over, x, y)]
    return [thinned(line, WITHIN_PX) for line in found if len(line) > 3]


def _path(lines: Sequence[Sequence[tuple[float, float]]]) -> str:
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line) + "Z" for line in lines)


def _panel(view: FieldView, frame: Frame, name: str) -> list[str]:
    scene = view.scene
    clip = f'clip-path="url(#{name}-clip)"'
    parts = [
        f'<defs><clipPath id="{name}-clip"><rect x="{frame.left:.1f}" y="{frame.top:.1f}" width="{frame.width:.1f}" '
        f'height="{frame.height:.1f}"/></clipPath>{_hatch(name)}</defs>',
        *_head(view, frame),
        f"<g {clip}>",
    ]
    parts += [shape_svg(shape, frame) for shape in scene.shapes]
    isotherms = isotherm_paths(view, frame)
    for level, lines in isotherms.items():
        parts.append(f'<path d="{_path(lines)}" fill="{ISOTHERMS_C[level]}" fill-opacity="0.07" fill-rule="evenodd"/>')
    x, y = _raster(view, frame)
    damage = resampled(_both_sides(view.log10_omega), _mirrored(view.r_mm), view.z_mm, x, y)
    lesion = _lines(damage, x, y, frame)
    if lesion:
        parts.append(
            f'<path d="{_path(lesion)}" fill="url(#{name}-hatch)" fill-rule="evenodd" stroke="{LESION}" '
            f'stroke-width="1.6" stroke-dasharray="5 3"/>'
        )
    for level, lines in isotherms.items():
        parts.append(f'<path d="{_path(lines)}" fill="none" stroke="{ISOTHERMS_C[level]}" stroke-width="1.5"/>')
    parts.append(needle_svg(scene, frame))
    taken = [frame.needle_box(scene)]
    fixed = [label for shape in scene.shapes if (label := shape_label(shape, scene, frame)) is not None]
    taken += [label.box() for label in fixed]
    dots, sites = site_labels(scene, frame, taken)
    levels: list[Label] = place_labels(isotherms, frame, taken)
    parts += [*map(label_svg, fixed), *map(label_svg, levels), *dots, *map(label_svg, sites), "</g>"]
    return [*parts, *_axes(frame)]


def _hatch(name: str) -> str:
    return (
        f'<pattern id="{name}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><path d="M0 0V6" stroke="{LESION}" stroke-width="1.4" '
        f'stroke-opacity="0.25"/></pattern>'
    )


def _head(view: FieldView, frame: Frame) -> list[str]:
    """When it is, and what came of it, above the panel."""
    what = MOMENTS.get(view.moment, clean(view.moment, 20))
    first = f"{what}, {view.time_s:.1f} s: tissue at {view.scene.hottest_c:.1f} °C at most"
    told = []
    figures = view.scene.figures
    if figures is not None:
        size = figures.lesion
        told.append(f"lesion {size.width_mm:.1f} × {size.length_mm:.1f} mm, {size.volume_mm3 / 1000.0:.2f} ml")
        told += [
            f"{name} {part.peak_c:.1f} °C at most"
            for name, part in (("dura", figures.dura), ("cord", figures.cord))
            if part is not None
        ]
    return [
        f'<text x="{frame.left:.0f}" y="{frame.top - 26:.0f}" font-weight="600">{escape(first)}</text>',
        f'<text x="{frame.left:.0f}" y="{frame.top - 9:.0f}" fill="{SOFT}">{escape("; ".join(told))}</text>',
    ]


def _axes(frame: Frame) -> list[str]:
    """Frame, ticks, numbers and names of both axes, in mm."""
    bottom = frame.top + frame.height
    parts = [
        f'<rect x="{frame.left:.1f}" y="{frame.top:.1f}" width="{frame.width:.1f}" height="{frame.height:.1f}" '
        f'fill="none" stroke="#475569"/>'
    ]
    ticks = []
    for mm in range(-int(frame.side // 5) * 5, int(frame.side) + 1, 5):
        long = mm % 10 == 0
        ticks.append(f"M{frame.x(mm):.1f} {bottom:.1f}v{5 if long else 3}")
        if long:
            parts.append(_number(frame.x(mm), bottom + 17, f"{abs(mm)}", "middle"))
    for mm in range(-int(-frame.low // 5) * 5, int(frame.high) + 1, 5):
        long = mm % 10 == 0
        ticks.append(f"M{frame.left:.1f} {frame.y(mm):.1f}h{-5 if long else -3}")
        if long:
            parts.append(_number(frame.left - 8, frame.y(mm) + 4, f"{mm}".replace("-", "−"), "end"))
    parts.append(f'<path d="{"".join(ticks)}" stroke="#475569"/>')
    parts.append(_number(frame.left + 0.5 * frame.width, bottom + 34, "r, mm from the needle's axis", "middle"))
    middle = frame.top + 0.5 * frame.height
    at = f"{frame.left - 34:.0f} {middle:.0f}"
    parts.append(
        f'<text transform="translate({at}) rotate(-90)" text-anchor="middle" fill="{SOFT}">z, mm, the tip down</text>'
    )
    return parts


def _number(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{SOFT}">{text}</text>'


def _key(views: Sequence[FieldView], left: float, top: float) -> tuple[str, float]:
    """What colours and lines mean; its height."""
    lines: list[str] = []
    at = top + 9.0

    def row(sample: str, text: str, *, room: float = 17.5) -> None:
        nonlocal at
        lines.append(sample.format(x=f"{left:.0f}", y=f"{at - 4:.1f}", box=f"{at - 9.5:.1f}"))
        lines.append(f'<text x="{left + 32:.0f}" y="{at:.1f}">{escape(text)}</text>')
        at += room

    def heading(text: str) -> None:
        nonlocal at
        lines.append(f'<text x="{left:.0f}" y="{at:.1f}" font-weight="600">{text}</text>')
        at += 18.0

    box = '<rect x="{{x}}" y="{{box}}" width="24" height="11" fill="{fill}" stroke="{stroke}" stroke-width="0.8"/>'
    heading("Isotherms, °C")
    for level, colour in ISOTHERMS_C.items():
        row(f'<path d="M{{x}} {{y}}h24" stroke="{colour}" stroke-width="2.2"/>', f"{level:g}")
    at += 6.0
    heading("Lesion")
    row(
        f'<rect x="{{x}}" y="{{box}}" width="24" height="11" fill="{LESION}" fill-opacity="0.14" stroke="{LESION}" '
        f'stroke-width="1.4" stroke-dasharray="5 3"/>',
        "Arrhenius Ω ≥ 1",
    )
    at += 6.0
    heading("Electrode")
    row(box.format(fill=POLE, stroke=POLE), "pole")
    row(box.format(fill=SHAFT, stroke="#64748b"), "insulated shaft")
    if any(view.scene.places for view in views):
        row('<circle cx="{x}" cy="{y}" r="4" fill="#fff" stroke="#0f172a" stroke-width="1.8" '
            'transform="translate(12 0)"/>', "thermocouple (true °C)")  # fmt: skip
    at += 6.0
    heading("Tissue")
    names = dict.fromkeys(shape.tissue for view in views for shape in view.scene.shapes)
    for name in list(names)[:12]:
        row(box.format(fill=tissue_fill(name), stroke="#94a3b8"), clean(name, 24).replace("_", " "))
    at += 4.0
    shapes = {view.scene.wall_shape for view in views}
    notes = ["Round the axis alike:", "left is as right"]
    if "ring" in shapes:
        notes[1] += "; the canal"
        notes.append("is a ring round the needle")
    elif "plane" in shapes:
        notes[1] += "; the canal"
        notes.append("lies across, ahead of the tip")
    for note in notes:
        lines.append(f'<text x="{left:.0f}" y="{at:.1f}" font-size="11" fill="{SOFT}">{note}</text>')
        at += 14.0
    return "\n".join(lines), at - top
