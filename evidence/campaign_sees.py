"""When a fault must be seen: the circumstances that the expectation table's rules name, as predicates.

Each leaves margin to the limit it is about, so that noise cannot decide.
"""

from __future__ import annotations

from collections.abc import Callable

from evidence.campaign_context import Context
from evidence.campaign_runs import Injection
from rfgen.records import State

SIGMAS = 6.0
"""The command may be three sigma off when a run is copied, and three the other way in any tick after."""

Sees = Callable[[Context, Injection], bool]


def _size(fault: Injection) -> float:
    assert fault.size is not None
    return fault.size


def always(here: Context, fault: Injection) -> bool:
    """Any."""
    return True


def at_least(least: float) -> Sees:
    """From this size on."""
    return lambda here, fault: _size(fault) >= least


def most(size: float) -> Sees:
    """Up to this size."""
    return lambda here, fault: _size(fault) <= size


def from_check(sees: Sees) -> Sees:
    """As `sees`, once the check has begun."""
    return lambda here, fault: here.state is not State.IDLE and sees(here, fault)


def on_electrode(here: Context, fault: Injection) -> bool:
    """Not the sentinel: tissue to be spared may well stand still."""
    return fault.channel != here.sentinel


def jumps(here: Context, fault: Injection) -> bool:
    """A step of d makes a slope of 11 d/s by the second sample; 40 C/s is the limit, and noise adds 5 C/s at most."""
    return abs(here.jump_c(fault)) >= 4.5


def sentinel_shows_electrode(here: Context, fault: Injection) -> bool:
    """The sentinel's junction is now at the electrode, which is 5 C above the sentinel's limit or more: with a lag of
    2 s it passes the limit within 2 s."""
    assert fault.channel is not None
    pair = (fault.channel, (fault.channel + 1) % here.channels)
    if here.sentinel not in pair:
        return False
    other = pair[0] if pair[1] == here.sentinel else pair[1]
    return here.site_c[other] >= 50.0


def sentinel_too_warm(here: Context, fault: Injection) -> bool:
    """It rises from body temperature to 48 C; with a lag of 2 s it passes 45 C within 2.6 s."""
    return here.sentinel is not None and here.body_c + _size(fault) * (here.site_c[0] - here.body_c) >= 48.0


def far_displaced(here: Context, fault: Injection) -> bool:
    """To bring the reading back, tissue would have to pass boiling: 0.15 of a rise to 100 C is 10 C, and the least
    target is 13 C above the body."""
    return here.by_temperature and fault.channel == 0 and _size(fault) <= 0.15 and here.target_c >= here.body_c + 18.0


def far_from_twin(here: Context, fault: Injection) -> bool:
    """It loses 12.5 C to its twin; with a lag of 2 s they are 10 C apart within 3.3 s, for half a second more."""
    channel = fault.channel
    if channel is None or not any(channel in pair for pair in here.twins):
        return False
    return (1.0 - _size(fault)) * (min(here.site_c[channel], here.junction_c[channel]) - here.body_c) >= 12.5


# --- impedance


def unpowered(here: Context, fault: Injection) -> bool:
    """RF is not commanded on yet."""
    return not here.powered


def early(here: Context, fault: Injection) -> bool:
    """In the check's baseline of 0.5 s, with more than 0.1 s to go before any power."""
    return here.in_state_s <= 0.35


def impedance_jumps(here: Context, fault: Injection) -> bool:
    """By 60 ohm and 40 %; the limit is 50 ohm and 30 %."""
    moved_ohm = abs(here.z_after(fault) - here.z_ohm)
    return moved_ohm >= 60.0 and moved_ohm >= 0.4 * here.z_ohm


def impedance_beyond_limit(here: Context, fault: Injection) -> bool:
    """By 10 %."""
    after_ohm = here.z_after(fault)
    return after_ohm >= 1.1 * here.limits["z_high_ohm"] or after_ohm <= 0.9 * here.limits["z_low_ohm"]


def impedance_shakes(here: Context, fault: Injection) -> bool:
    """Two readings of the last 100 ms are more than 50 ohm and 30 % apart before long."""
    return _size(fault) >= 0.5 and here.z_ohm >= 150.0


def meters_disagree(here: Context, fault: Injection) -> bool:
    """By half as much again as 20 %, and by 1.3 W even after control has pulled power back to 0.3 of what it was."""
    real_w = here.delivered_w(here.power_w) - SIGMAS * here.power_noise_w
    share = abs(_size(fault))
    return "METER_DISAGREE" in here.applicable and share >= 0.3 and share * real_w >= 4.4


def drying_out(here: Context, fault: Injection) -> bool:
    """Any limit is at most 1,150 ohm away: 13 s at 100 ohm/s."""
    return _size(fault) >= 100.0


# --- output stage


def _asked_w(here: Context, fault: Injection, commanded_w: float) -> float:
    size = _size(fault)
    if fault.kind == "stage_gain":
        return size * commanded_w
    if fault.kind == "stage_saturated":
        return min(size, commanded_w)
    return size


def _off(here: Context, fault: Injection, commanded_w: float, noise_w: float) -> bool:
    right_w = here.delivered_w(commanded_w)
    wrong_w = here.delivered_w(_asked_w(here, fault, commanded_w))
    off_w = abs(wrong_w - right_w)
    return off_w >= 2.0 + noise_w and off_w >= 0.3 * (right_w + noise_w) and wrong_w > 0.05


def delivers_less_or_more(here: Context, fault: Injection) -> bool:
    """Twice 1 W, and half as much again as 20 %, on top of what noise makes of the command: neither that nor what
    control does about it within 0.3 s hides it."""
    return here.measured and _off(here, fault, here.power_w, SIGMAS * here.power_noise_w)


def delivers_off_in_check(here: Context, fault: Injection) -> bool:
    """Likewise, of the test power, which has no noise."""
    return _off(here, fault, here.test_w, 0.0)


def nothing_delivered(here: Context, fault: Injection) -> bool:
    """RF is on and no current flows: the load reads open."""
    return _asked_w(here, fault, here.power_w) == 0.0


def power_low_in_check(here: Context, fault: Injection) -> bool:
    """Of 2 W, 1 W is still missing 1.4 s later; at 1 W it could not show."""
    return _size(fault) >= 2.0 and here.test_w >= 2.0 and unpowered(here, fault)
