"""A field at one moment, as a recording keeps it: what a picture and a summary need, and nothing to go on from.

Plain numbers and names: a reader needs neither the field plant nor its compiler. Lengths in mm, r from the needle's
axis, z along it with 0 in the middle of its active part and the tip at negative z.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rfgen.record.schema import CDR_HEADER

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FIELD_TOPIC = "/field"
FIELD_SCHEMA = "rfgen/msg/Field"
FIELD_TEXT = """\
float64 time_s  # from the first tick, at the end of the field's last whole step
string moment  # hottest: the hottest that tissue has been; end: the run's end
string scene  # JSON: anatomy, electrode, thermocouples; at the end, figures
float32[] r_mm  # middles of the grid's cells, from the axis
float32[] z_mm  # middles along it; the tip is at negative z
float32[] temperature_c  # row by row of r, a row for each z; to 1/64 C
float32[] log10_omega  # Arrhenius integral; 0 is 63 % denatured
float32[] log10_cem43_min
"""
Floats = NDArray[np.float32]
FARTHEST_MM = 1000.0
"""What has no end in the plant ends here; nothing is further away."""
MOST_ACROSS = 4000
MOST_CELLS = 400_000
MOST_PARTS = 200
_MOST_SCENE = 200_000
_FINENESS = 64.0
"""Values are kept to one in this many: what compresses well and is finer than a picture shows."""
LEAST_LOG10 = -6.0
_HEAD = struct.Struct("<4sd")
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Shape:
    """A tissue's place, painted over those before it, as in `sim.field.regions`. `name`: what it is; may be empty."""

    shape: Literal["sphere", "shell", "cylinder", "ring", "plane", "half_space"]
    tissue: str
    name: str
    inner_mm: float
    outer_mm: float
    z_mm: float
    from_mm: float
    to_mm: float


@dataclass(frozen=True, slots=True)
class Place:
    """A thermocouple, or a probe: where it is, and the true temperature there."""

    label: str
    r_mm: float
    z_mm: float
    true_c: float


@dataclass(frozen=True, slots=True)
class Size:
    """Of a zone: width and length with the needle, volume of tissue alone."""

    width_mm: float
    length_mm: float
    volume_mm3: float


@dataclass(frozen=True, slots=True)
class Spared:
    """What tissue to be spared has had, at its worst point."""

    peak_c: float
    cem43_min: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The run's field in figures, at its end. Lesions count what was reached at any time."""

    lesion: Size
    """Arrhenius integral of 1 and above."""
    isotherm_50_c: Size
    isotherm_60_c: Size
    dura: Spared | None
    """The first cells behind the epidural fat; None without a canal, as the cord's."""
    cord: Spared | None
    cord_and_dura_peak_s: float | None
    """When the hotter of the two was hottest, from the first tick; None where it was not watched for."""
    cells: int
    steps: int
    electric_solves: int
    heat_balance_error: float
    """|in - stored - out| over the greatest part."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What stands in the field."""

    radius_mm: float
    tip_mm: float
    cone_mm: float
    poles_mm: tuple[tuple[float, float], ...]
    wall_shape: Literal["ring", "plane", "none"]
    shapes: tuple[Shape, ...]
    places: tuple[Place, ...]
    hottest_c: float
    """Hottest tissue at this moment."""
    figures: Figures | None


@dataclass(frozen=True, slots=True, eq=False)
class FieldView:
    """The field at one moment. `temperature_c` and the rest are (z, r)."""

    moment: str
    time_s: float
    scene: Scene
    r_mm: Floats
    z_mm: Floats
    temperature_c: Floats
    log10_omega: Floats
    log10_cem43_min: Floats


def kept(values: NDArray[np.float64]) -> Floats:
    """As a recording keeps them."""
    return np.asarray(np.round(values * _FINENESS) / _FINENESS, dtype=np.float32)


def kept_log10(values: NDArray[np.float64]) -> Floats:
    """Logarithms of what is 0 and more, likewise; nothing below a millionth."""
    return kept(np.log10(np.maximum(values, 10.0**LEAST_LOG10)))


def pack_field(view: FieldView) -> bytes:
    """A `/field` message."""
    out = bytearray(_HEAD.pack(CDR_HEADER, view.time_s))
    for text in (view.moment, json.dumps(asdict(view.scene), ensure_ascii=False, allow_nan=False)):
        raw = text.encode("utf-8", "backslashreplace")
        out += bytes(-(len(out) - 4) % 4)
        out += _LENGTH.pack(len(raw) + 1) + raw + b"\0"
    for values in (view.r_mm, view.z_mm, view.temperature_c, view.log10_omega, view.log10_cem43_min):
        out += bytes(-(len(out) - 4) % 4)
        out += _LENGTH.pack(values.size) + values.astype("<f4").tobytes()
    return bytes(out)


def unpack_field(raw: bytes) -> FieldView:
    """What `pack_field` packed. Raises ValueError where the bytes are not such a message, or hold what cannot be."""
    if len(raw) < _HEAD.size or raw[:4] != CDR_HEADER:
        raise ValueError("a field cut short, or in another encoding")
    time_s = _HEAD.unpack_from(raw)[1]
    at = _HEAD.size
    pieces: list[bytes] = []
    for unit in (1, 1, 4, 4, 4, 4, 4):
        at += -(at - 4) % 4
        if at + 4 > len(raw):
            raise ValueError("a field cut short")
        (count,) = _LENGTH.unpack_from(raw, at)
        at += 4
        if count * unit > len(raw) - at:
            raise ValueError("a field with a part longer than itself")
        pieces.append(raw[at : at + count * unit])
        at += count * unit
    if not (math.isfinite(time_s) and abs(time_s) < 1e9):
        raise ValueError("a field at no time")
    moment = pieces[0].rstrip(b"\0").decode("utf-8")[:40]
    scene = _scene(pieces[1].rstrip(b"\0"))
    r_mm, z_mm, temperature_c, omega, cem43 = (np.frombuffer(piece, dtype="<f4") for piece in pieces[2:])
    shape = (z_mm.size, r_mm.size)
    if not (min(shape) >= 2 and max(shape) <= MOST_ACROSS and shape[0] * shape[1] <= MOST_CELLS):
        raise ValueError(f"a field of {shape[0]} by {shape[1]} cells")
    for name, values, least, most in (
        ("temperature_c", temperature_c, -300.0, 1e4),
        ("log10_omega", omega, -100.0, 400.0),
        ("log10_cem43_min", cem43, -100.0, 400.0),
    ):
        if values.size != shape[0] * shape[1]:
            raise ValueError(f"a field whose {name} has {values.size} values for {shape[0]} by {shape[1]} cells")
        if not bool(np.all((values >= least) & (values <= most))):
            raise ValueError(f"a field whose {name} is out of range")
    for name, values in (("r_mm", r_mm), ("z_mm", z_mm)):
        if not bool(np.all(np.diff(values) > 0.0) and np.all(np.abs(values) <= FARTHEST_MM)):
            raise ValueError(f"a field whose {name} does not rise")
    return FieldView(
        moment, time_s, scene, r_mm, z_mm, temperature_c.reshape(shape), omega.reshape(shape), cem43.reshape(shape)
    )


@cache
def _reader() -> TypeAdapter[Scene]:
    from pydantic import TypeAdapter  # a run that is only recorded never needs it

    return TypeAdapter(Scene)


def _scene(raw: bytes) -> Scene:
    from pydantic import ValidationError

    if len(raw) > _MOST_SCENE:
        raise ValueError("a field with more scene than there can be")
    try:
        scene = _reader().validate_json(raw, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "text"
        raise ValueError(f"a field whose scene is damaged at {where}: {first['msg']}") from None
    if max(len(scene.shapes), len(scene.places), len(scene.poles_mm)) > MOST_PARTS:
        raise ValueError(f"a field with more than {MOST_PARTS} parts")
    if not all(abs(number) <= 1e12 for number in _numbers(asdict(scene))):
        raise ValueError("a field whose scene has a number that cannot be")
    return scene


def _numbers(value: Any) -> list[float]:
    """Every number in it; a comparison with NaN fails, so a NaN is found by any bound."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return []
    if isinstance(value, int | float):
        return [float(value)]
    items = value.values() if isinstance(value, dict) else value
    return [number for item in items for number in _numbers(item)]
