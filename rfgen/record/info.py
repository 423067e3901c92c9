"""What is known about a run before its first tick, and how it lies in the recording."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields

from rfgen.record.schema import MOST_THERMOCOUPLES

_LONGEST_PERIOD_US = 10_000_000
_MOST_ROWS = 64


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Everything about a run that does not change while it runs."""

    scenario: str
    title: str
    device: str
    seed: int
    backend: str
    simulated: bool
    model: str
    serial: str
    firmware: str
    period_us: int
    thermocouples: tuple[str, ...]
    """A name per channel; channel 0 is the control thermocouple."""
    electrodes: int
    """How many channels, from 0, are on the electrode; the rest are sentinels."""
    limits: dict[str, float]
    limit_units: dict[str, str]
    row_ids: tuple[str, ...]
    """Interlock ids: bit n of `violated` and `tripped` is row n."""
    treatment: dict[str, str]
    """Label to text, for the report's table."""
    scenario_yaml: str
    versions: dict[str, str]


_FIELDS = tuple(field.name for field in fields(RunInfo))


def info_problem(info: RunInfo) -> str | None:
    """What makes this information unusable; None where nothing does."""
    if not 1 <= len(info.thermocouples) <= MOST_THERMOCOUPLES:
        return f"{len(info.thermocouples)} thermocouples: a recording holds 1 to {MOST_THERMOCOUPLES}"
    if not 1 <= info.electrodes <= len(info.thermocouples):
        return f"{info.electrodes} electrode channels of {len(info.thermocouples)} thermocouples"
    if not 1 <= info.period_us <= _LONGEST_PERIOD_US:
        return f"a period of {info.period_us} us: it must be within 1..{_LONGEST_PERIOD_US} us"
    if len(info.row_ids) > _MOST_ROWS:
        return f"{len(info.row_ids)} interlock rows: a recording holds up to {_MOST_ROWS}"
    return None


def info_to_metadata(info: RunInfo) -> dict[str, str]:
    """The metadata record: each field as JSON text."""
    # a file name that is not UTF-8 reaches us with lone surrogates, which no JSON reader takes back
    texts = {name: json.dumps(getattr(info, name), ensure_ascii=False) for name in _FIELDS}
    return {name: text.encode("utf-8", "replace").decode() for name, text in texts.items()}


def info_from_metadata(metadata: Mapping[str, str]) -> RunInfo:
    """The reverse. Raises ValueError, saying which field is wrong and how."""
    from pydantic import TypeAdapter, ValidationError  # a run that is only recorded never needs it

    missing = [name for name in _FIELDS if name not in metadata]
    if missing:
        raise ValueError(f"its information has no {', '.join(missing)}")
    joined = "{" + ", ".join(f"{json.dumps(name)}: {metadata[name]}" for name in _FIELDS) + "}"
    try:
        info = TypeAdapter(RunInfo).validate_json(joined, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "text"
        raise ValueError(f"its information is damaged at {where}: {first['msg']}") from None
    problem = info_problem(info)
    if problem is not None:
        raise ValueError(problem)
    return info
