"""What stands in a panel of the field's picture: tissues, needle, thermocouples, and where their labels go."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from rfgen.record.fieldview import Place, Scene, Shape

INK, SOFT, LESION = "#0f172a", "#475569", "#7f1d1d"
POLE, SHAFT, GAP = "#1f2937", "#94a3b8", "#cbd5e1"
ISOTHERMS_C = {42.0: "#2166ac", 45.0: "#0891b2", 50.0: "#e08214", 60.0: "#d6403d", 80.0: "#a50f2d", 100.0: "#5c0a1e"}
TISSUE_FILL = {
    "lytic_tumour": "#f3d9cf",
    "cancellous_bone": "#f7f3e6",
    "cortical_bone": "#cbc3ae",
    "red_marrow": "#f3e0dc",
    "yellow_marrow": "#f7efcf",
    "fat": "#f8eca8",
    "cerebrospinal_fluid": "#d3e8f6",
    "spinal_cord": "#cfbde2",
    "nerve": "#cfbde2",
    "dura": "#b9c6d6",
    "liver": "#e6cbc3",
    "muscle": "#eccfca",
    "cartilage": "#dfe8e2",
    "blood": "#e7b9b9",
}
OTHER_FILL = "#ececec"
LAYER_NAMES = {
    "wall": "wall",
    "window": "eroded wall",
    "fat": "epidural fat",
    "extension": "extension",
    "csf": "CSF",
    "cord": "cord",
}
CHARACTER_PX, LINE_PX = 6.1, 13.0
"""Room that a character and a line of 11 px text take."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
_MOST_TEXT = 40


class Frame(NamedTuple):
    """Where a panel lies on the picture, in pixels; what it shows, in mm."""

    left: float
    top: float
    side: float
    low: float
    high: float
    scale: float

    @property
    def width(self) -> float:
        """Pixels."""
        return 2.0 * self.side * self.scale

    @property
    def height(self) -> float:
        """Pixels."""
        return (self.high - self.low) * self.scale

    def x(self, r_mm: float) -> float:
        """Of a radius; negative on the left."""
        return self.left + (r_mm + self.side) * self.scale

    def y(self, z_mm: float) -> float:
        """Of a height."""
        return self.top + (self.high - z_mm) * self.scale

    def holds(self, box: Box) -> bool:
        """Whether a label is whole inside it."""
        left, top, right, bottom = box
        return (
            left >= self.left + 2.0
            and top >= self.top + 2.0
            and right <= self.left + self.width - 2.0
            and bottom <= self.top + self.height - 2.0
        )

    def needle_box(self, scene: Scene) -> Box:
        """What the needle covers."""
        return self.x(-scene.radius_mm), self.top, self.x(scene.radius_mm), self.y(scene.tip_mm)


@dataclass(frozen=True, slots=True)
class Label:
    """A text centred on a place, `upright`: read from below."""

    text: str
    x: float
    y: float
    colour: str = INK
    bold: bool = False
    upright: bool = False

    def box(self) -> Box:
        """The room it takes."""
        long, high = 0.5 * (CHARACTER_PX * len(self.text) + 4.0), 0.5 * LINE_PX
        across, down = (high, long) if self.upright else (long, high)
        return self.x - across, self.y - down, self.x + across, self.y + down


def clean(text: str, most: int = _MOST_TEXT) -> str:
    """Short, on one line, and without what no XML may hold."""
    kept = "".join(c if c.isprintable() else " " for c in text)
    return kept if len(kept) <= most else kept[: most - 1] + "…"


def label_svg(label: Label) -> str:
    """With a halo, so that it is read over lines."""
    turned = f' transform="rotate(-90 {label.x:.1f} {label.y:.1f})"' if label.upright else ""
    weight = ' font-weight="600"' if label.bold else ""
    return (
        f'<text x="{label.x:.1f}" y="{label.y + 4.0:.1f}" font-size="11" text-anchor="middle" fill="{label.colour}" '
        f'stroke="#fff" stroke-width="3" stroke-opacity="0.85" paint-order="stroke" stroke-linejoin="round"'
        f"{weight}{turned}>{escape(label.text)}</text>"
    )


def apart(one: Box, other: Box, by: float = 1.0) -> bool:
    """Whether two boxes do not touch."""
    return one[2] + by < other[0] or other[2] + by < one[0] or one[3] + by < other[1] or other[3] + by < one[1]


def tissue_fill(name: str) -> str:
    """A tissue's colour."""
    return TISSUE_FILL.get(name, OTHER_FILL)


def _rect(x0: float, y0: float, x1: float, y1: float, style: str) -> str:
    return f'<rect x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}" {style}/>'


def shape_svg(shape: Shape, frame: Frame) -> str:
    """A tissue in its place, on both sides of the axis."""
    style = f'fill="{tissue_fill(shape.tissue)}" stroke="#64748b" stroke-opacity="0.35" stroke-width="0.7"'
    if shape.shape in ("sphere", "shell"):
        drawn = ""
        for radius in (shape.outer_mm, shape.inner_mm):
            if radius <= 0.0:
                continue
            px = radius * frame.scale
            drawn += f"M{frame.x(-radius):.1f} {frame.y(shape.z_mm):.1f}"
            for sign in (1.0, -1.0):
                drawn += f"A{px:.1f} {px:.1f} 0 0 1 {frame.x(sign * radius):.1f} {frame.y(shape.z_mm):.1f}"
            drawn += "Z"
        return f'<path d="{drawn}" fill-rule="evenodd" {style}/>'
    # borders a little outside, so that what has no end has no line at the frame
    low, high, side = frame.low - 2.0, frame.high + 2.0, frame.side + 2.0
    top, bottom = frame.y(min(shape.to_mm, high)), frame.y(max(shape.from_mm, low))
    outer, inner = min(shape.outer_mm, side), max(shape.inner_mm, 0.0)
    if bottom <= top or outer <= inner:
        return ""
    if inner == 0.0:
        return _rect(frame.x(-outer), top, frame.x(outer), bottom, style)
    left = _rect(frame.x(-outer), top, frame.x(-inner), bottom, style)
    return left + _rect(frame.x(inner), top, frame.x(outer), bottom, style)


def shape_label(shape: Shape, scene: Scene, frame: Frame) -> Label | None:
    """The name of a layer of the canal, in it; None where it is too thin, or is no layer."""
    name = LAYER_NAMES.get(shape.name)
    if name is None:
        return None
    ring = scene.wall_shape == "ring"
    low, high = max(shape.from_mm, frame.low), min(shape.to_mm, frame.high)
    inner, outer = max(shape.inner_mm, 0.0), min(shape.outer_mm, frame.side)
    thick_mm = outer - inner if ring else high - low
    long_px = CHARACTER_PX * len(name) + 6.0
    if thick_mm * frame.scale < LINE_PX - 1.0:
        return None
    if ring:
        # a layer with an end is named in its upper half, one without near the bottom: the sentinel is in between
        ended = shape.from_mm > frame.low and shape.to_mm < frame.high
        y = frame.y(0.25 * low + 0.75 * high) if ended else frame.top + frame.height - 8.0 - 0.5 * long_px
        return Label(name, frame.x(0.5 * (inner + outer)), y, SOFT, upright=True)
    ended = shape.outer_mm < frame.side
    x = frame.x(-0.5 * outer) if ended else frame.left + 8.0 + 0.5 * long_px
    return Label(name, x, frame.y(0.5 * (low + high)), SOFT)


def needle_svg(scene: Scene, frame: Frame) -> str:
    """Shaft, gap and poles; a cone where the tip is pointed."""
    radius, tip = scene.radius_mm, scene.tip_mm
    cone = tip + scene.cone_mm
    edge = 'stroke="#334155" stroke-width="0.6"'
    last = max((end for _, end in scene.poles_mm), default=cone)
    drawn = [
        _rect(frame.x(-radius), frame.y(frame.high + 2.0), frame.x(radius), frame.y(last), f'fill="{SHAFT}" {edge}'),
        _rect(frame.x(-radius), frame.y(last), frame.x(radius), frame.y(max(cone, tip)), f'fill="{GAP}" {edge}'),
    ]
    if scene.cone_mm > 0.0:
        drawn.append(
            f'<path d="M{frame.x(-radius):.1f} {frame.y(cone):.1f}H{frame.x(radius):.1f}'
            f'L{frame.x(0.0):.1f} {frame.y(tip):.1f}Z" fill="{POLE}"/>'
        )
    for start, end in scene.poles_mm:
        if end > max(start, cone):
            drawn.append(
                _rect(frame.x(-radius), frame.y(end), frame.x(radius), frame.y(max(start, cone)), f'fill="{POLE}"')
            )
    return "".join(drawn)


def site_labels(scene: Scene, frame: Frame, taken: list[Box]) -> tuple[list[str], list[Label]]:
    """A dot for each thermocouple that is in view, and its name with what is true there. Adds to `taken`."""
    together: dict[tuple[float, float], list[Place]] = {}
    for place in scene.places:
        together.setdefault((round(place.r_mm, 3), round(place.z_mm, 3)), []).append(place)
    dots, labels = [], []
    spots = {(frame.x(r), frame.y(z)): places for (r, z), places in together.items()}
    taken += [(x - 5.0, y - 5.0, x + 5.0, y + 5.0) for x, y in spots]
    for (x, y), places in spots.items():
        if not frame.holds((x, y, x, y)):
            continue
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#fff" stroke="{INK}" stroke-width="1.8"/>')
        text = clean(", ".join(place.label for place in places)) + f" {places[0].true_c:.1f} °C"
        half = 0.5 * CHARACTER_PX * len(text) + 9.0
        # beside it, else above and below, ever further off
        offsets = [(half, 0.0), (-half, 0.0)]
        offsets += [(sign * half, up * 13.0) for up in (1, -1, 2, -2, 3, -3) for sign in (1.0, -1.0)]
        offsets += [(0.0, up * 13.0) for up in (1, -1, 2, -2, 3, -3)]
        tried = [Label(text, x + dx, y + dy, bold=True) for dx, dy in offsets]
        fits = [t for t in tried if frame.holds(t.box()) and all(apart(t.box(), other) for other in taken)]
        if fits:
            labels.append(fits[0])
            taken.append(fits[0].box())
    return dots, labels


def place_labels(
    isotherms: Mapping[float, Sequence[Sequence[tuple[float, float]]]], frame: Frame, taken: list[Box]
) -> list[Label]:
    """A level's figure on its line, the innermost first, each where it touches no other; left out where none does."""
    labels = []
    for number, (level, lines) in enumerate(sorted(isotherms.items(), reverse=True)):
        middle = frame.x(0.0), frame.y(0.0)
        wanted = math.radians((40.0, -40.0, 62.0, -62.0, 20.0, -20.0)[number % 6])
        points = [(x, y) for line in lines for x, y in _along(line)]

        def off(point: tuple[float, float], wanted: float = wanted, middle: tuple[float, float] = middle) -> float:
            """How far from where the figure is wanted: on the right, fanned out."""
            return abs(math.atan2(middle[1] - point[1], point[0] - middle[0]) - wanted)

        for x, y in sorted(points, key=off):
            label = Label(f"{level:g}", x, y, ISOTHERMS_C[level], bold=True)
            if frame.holds(label.box()) and all(apart(label.box(), other) for other in taken):
                labels.append(label)
                taken.append(label.box())
                break
    return labels


def _along(line: Sequence[tuple[float, float]], step: float = 6.0) -> list[tuple[float, float]]:
    """Points of a closed line, no further apart than `step`."""
    found = []
    for (x0, y0), (x1, y1) in zip(line, [*line[1:], line[0]], strict=True):
        count = max(1, math.ceil(math.hypot(x1 - x0, y1 - y0) / step))
        found += [(x0 + (x1 - x0) * n / count, y0 + (y1 - y0) * n / count) for n in range(count)]
    return found
