"""Rigs that are broken, each in one way, and the checks that must find it: these, and no other."""

from __future__ import annotations

import broken_frames
import broken_order
import broken_rf
import broken_values
import broken_watchdog
from broken import BROKEN

MODULES = (broken_watchdog, broken_rf, broken_frames, broken_order, broken_values)
"""Each put its rigs on the list when it was imported."""

__all__ = ["BROKEN", "MODULES"]
