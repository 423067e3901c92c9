"""What a test is told: that the rig lacks something, or that something is not as it was to be."""

from __future__ import annotations

import unittest


class Lacking(unittest.SkipTest):
    """The rig lacks what the test needs; the message names it. pytest and unittest skip the test."""


class NotReached(AssertionError):
    """What was waited for did not come in time. Says what was expected, what was got, when and why."""


class Refused(AssertionError):
    """The generator refused what the operator asked for; the message says why."""


class NotRead(AssertionError):
    """The last tick has no sample: nothing was read."""
