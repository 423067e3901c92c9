"""What is treated where a test names a device alone."""

from __future__ import annotations

from rfgen.device import load_device
from rfgen.scenario import Scenario, parse_scenario

HOLD_S = 60.0
TARGET_C = 60.0
POWER_W = 5.0


def default_scenario(device: str) -> Scenario:
    """An ordinary treatment with this profile: 60 °C, or 5 W where it has no temperature mode, for 60 s, each as near
    as its ranges allow. Raises InputError."""
    profile = load_device(device)
    ranges = profile.ranges
    hold_s = _within(HOLD_S, ranges.hold_s)
    if "temperature" in profile.modes and ranges.target_c is not None:
        what = f"target_c: {_within(TARGET_C, ranges.target_c):.15g}"
    else:
        what = f"mode: power, power_w: {_within(POWER_W, ranges.power_w):.15g}"
    text = (
        f"title: An ordinary treatment\ndevice: {device!r}\ntreatment: {{{what}, hold_s: {hold_s:.15g}}}\n"
        "plant: {target: lytic_tumour, wall: {distance_mm: 15}}\n"
    )
    return parse_scenario(text, f"an ordinary treatment on {profile.name}", device)


def _within(value: float, span: tuple[float, float]) -> float:
    return min(max(value, span[0]), span[1])
