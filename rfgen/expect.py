"""Holds a run's summary against what its scenario expects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rfgen.scenario import Expect

OFF_WORDS = {"commanded": "commanded", "reads_back": "read back", "delivered": "delivered"}


def judge(expect: Expect | None, summary: Mapping[str, Any]) -> list[str]:
    """What differs, one sentence each; empty where all is as expected, or nothing was."""
    if expect is None:
        return []
    found = []
    if expect.outcome is not None and summary["outcome"] != expect.outcome:
        found.append(f"outcome is {summary['outcome']}, expected {expect.outcome}")
    if expect.reason is not None and summary["reason"] != expect.reason:
        found.append(f"reason is {summary['reason'] or 'none'}, expected {expect.reason}")
    if expect.tripped is not None and list(summary["tripped"]) != list(expect.tripped):
        found.append(
            f"tripped: {', '.join(summary['tripped']) or 'none'}; expected {', '.join(expect.tripped) or 'none'}"
        )
    cutoff_s = next((s["t_s"] for s in summary["states"] if s["name"] == "CUTOFF"), None)
    if expect.by_s is not None and (cutoff_s is None or cutoff_s > expect.by_s):
        when = "never" if cutoff_s is None else f"at {cutoff_s:g} s"
        found.append(f"cut off {when}, expected by {expect.by_s:g} s")
    if expect.not_before_s is not None and cutoff_s is not None and cutoff_s < expect.not_before_s:
        found.append(f"cut off at {cutoff_s:g} s, expected not before {expect.not_before_s:g} s")
    if expect.rf_off is not None:
        for outcome, wanted in expect.rf_off.model_dump(exclude_none=True).items():
            off_s = summary["rf_off"][f"{outcome}_s"]
            if (off_s is not None) != wanted:
                got = "not off at the end" if off_s is None else f"off from {off_s:g} s on"
                found.append(f"RF as {OFF_WORDS[outcome]} is {got}, expected {'off' if wanted else 'not off'}")
    for key, (low, high) in expect.bounds.items():
        value: Any = summary
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if not isinstance(value, (int, float)):
            found.append(f"{key} was not measured, expected within {low:g}..{high:g}")
        elif not low <= value <= high:
            found.append(f"{key} is {value:g}, expected within {low:g}..{high:g}")
    return found
