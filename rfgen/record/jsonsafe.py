"""Values as strict JSON: what is not finite becomes null, what JSON has no form for becomes text."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np


def json_safe(value: object) -> Any:
    """The value in JSON's own types. NaN and the infinities become None; unknown types their text."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, enum.Enum):
        return json_safe(value.value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, np.generic):
        return json_safe(value.item())
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray):
        return [json_safe(item) for item in value]
    return str(value)


def to_json(value: object) -> str:
    """One line of strict JSON."""
    return json.dumps(json_safe(value), ensure_ascii=False, allow_nan=False)
