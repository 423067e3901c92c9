"""The promises of `hal.protocol.Hal`, as checks that any backend can be held against.

Nothing here needs a test framework. With pytest, in a third party's own tests:

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
    def test_my_backend(check):
        check.run(lambda: MyHal("COM3"), config, pace=next_period)

The rig must be healthy (nothing that makes it hold RF off by itself) and have a load that takes the
configuration's power limit for a second. Not checked, because four verbs cannot show it: the watchdog, and
what the rig does by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

from hal.protocol import Hal
from hal.trial import Check, MakeHal, Pace, Radiating, Trial, Verdict, at_once, held_off, say
from hal.types import (
    Absence,
    Capability,
    Command,
    HalError,
    NoSample,
    RigConfig,
    RigInfo,
    RigRefused,
    RigUnavailable,
    Sample,
    TcFault,
)

__all__ = ["CHECKS", "Check", "Trial", "Verdict", "conformance_checks"]

NO_POWER_W = 0.3
"""At most this is read while RF is off."""
_checks: list[Check] = []


def _promise(promise: str) -> Callable[[Callable[[Trial], None]], Callable[[Trial], None]]:
    """Enter a function into the suite, under its own name."""

    def enter(function: Callable[[Trial], None]) -> Callable[[Trial], None]:
        _checks.append(Check(function.__name__, promise, function))
        return function

    return enter


# --- opening and closing ----------------------------------------------------------------------------------


@_promise("It has the four verbs.")
def four_verbs(trial: Trial) -> None:
    say(isinstance(trial.hal, Hal), f"{type(trial.hal).__name__} lacks one of open, exchange, rf_off, close")


@_promise("What `open` says of the rig is possible.")
def info_is_possible(trial: Trial) -> None:
    info = trial.open()
    say(isinstance(info, RigInfo), f"open returned {info!r}")
    say(1 <= info.thermocouples <= 8, f"{info.thermocouples} thermocouples; 1 to 8 are possible")
    say(0.0 < info.max_power_w < math.inf, f"max_power_w is {info.max_power_w!r}")
    least, most = info.watchdog_min_ms, info.watchdog_max_ms
    say(0 < least <= most, f"a watchdog of {least} to {most} ms")
    claimed = Capability.SIMULATION in info.capabilities
    say(info.simulated == claimed, f"simulated is {info.simulated}, but the capability says {claimed}")


@_promise("After `open`, RF is off.")
def opens_with_rf_off(trial: Trial) -> None:
    trial.open()
    trial.look("after open")
    for _ in range(3):
        sample = trial.off()
        trial.say_off(sample, "after open, before any command")
        say(sample.power_w <= NO_POWER_W, f"after open, {sample.power_w:g} W are delivered")


@_promise("Opened again, it starts from RF off, and without a reboot its boot count is the same.")
def opens_again_with_rf_off(trial: Trial) -> None:
    first = trial.open()
    trial.radiate()
    again = trial.open()
    trial.look("after a second open")
    trial.say_off(trial.on(), "after a second open")
    for name in ("boot_count", "thermocouples", "capabilities"):
        was, now = getattr(first, name), getattr(again, name)
        say(was == now, f"{name} was {was!r}, after a second open it is {now!r}")
    say(trial.on().rf_on, "after a second open, RF commanded on reads back off a tick later")


@_promise("`close` switches RF off; it may be repeated, and called without `open`.")
def close_switches_rf_off(trial: Trial) -> None:
    trial.close()
    trial.open()
    trial.radiate()
    trial.close()
    trial.look("after close")
    trial.close()
    trial.look("after a second close")
    trial.open()
    trial.say_off(trial.off(), "closed with RF on and opened again")


@_promise("`exchange` outside open..close raises HalError.")
def exchange_needs_open(trial: Trial) -> None:
    command = Command(0, False, 0.0, 0.0)
    for when in ("before open", "after close"):
        try:
            reply = trial.hal.exchange(command)
        except HalError:
            pass
        except Exception as error:
            seen = f"{type(error).__name__}: {error}"
            raise AssertionError(f"exchange {when} raised {seen}; it raises HalError there") from error
        else:
            raise AssertionError(f"exchange {when} returned {reply!r}")
        if when == "before open":
            trial.open()
            trial.off()
            trial.close()


def _impossible(config: RigConfig, info: RigInfo) -> Iterator[tuple[str, RigConfig]]:
    """Configurations that this rig cannot take."""
    yield "a channel it lacks", config._replace(channels=config.channels | 1 << info.thermocouples)
    yield "channel 0 not in use", config._replace(channels=config.channels & ~1)
    yield "a watchdog too long", config._replace(watchdog_ms=info.watchdog_max_ms + 1)
    yield "a watchdog too short", config._replace(watchdog_ms=info.watchdog_min_ms - 1)
    yield "a watchdog under two periods", config._replace(watchdog_ms=2 * config.period_us // 1000 - 1)
    yield "a period of 0", config._replace(period_us=0)
    for power_w in (1.01 * info.max_power_w, 0.0, -1.0, math.nan, math.inf):
        yield f"a power limit of {power_w:g} W", config._replace(power_limit_w=power_w)
    for limit_c in (151.0, 0.0, math.nan):
        yield f"a temperature limit of {limit_c:g} C", config._replace(temperature_limit_c=limit_c)
    if Capability.RETURN_MONITOR not in info.capabilities:
        yield "a return electrode it cannot watch", config._replace(return_electrode_required=True)


@_promise("A configuration it cannot do is refused with RigRefused, RF off, never clamped.")
def refuses_the_impossible(trial: Trial) -> None:
    info = trial.open()
    for what, config in _impossible(trial.config, info):
        try:
            trial.hal.open(config)
        except RigRefused:
            trial.look(f"having refused {what}")
        except Exception as error:
            raise AssertionError(f"{what} raised {type(error).__name__}, not RigRefused: {error}") from error
        else:
            raise AssertionError(f"{what} was taken: {config}")
    trial.open()
    trial.say_off(trial.off(), "refused and opened again")


# --- a tick -----------------------------------------------------------------------------------------------


@_promise("Each exchange, the first included, returns a sample that echoes the command's tick.")
def echoes_the_tick(trial: Trial) -> None:
    trial.open()
    for tick in (0, 1, 2, 1000, 2**32 - 1):
        reply = trial.exchange(Command(tick, False, 0.0, 0.0))
        say(isinstance(reply, Sample), f"tick {tick} has no sample: {reply!r}")
        say(reply.tick == tick, f"tick {tick} was echoed as {reply.tick}")


@_promise("A command acts on the interval after it: RF reads back on, and off, exactly one exchange later.")
def one_tick_of_delay(trial: Trial) -> None:
    trial.open()
    for _ in range(3):
        trial.off()
        trial.say_off(trial.on(), "in the sample of the very exchange that commands it")
        sample = trial.on()
        say(sample.rf_on, f"RF commanded on reads back off a tick later{held_off(sample)}")
        sample = trial.off()
        say(sample.rf_on, "commanded off, RF reads back off a tick too early: in that exchange's own sample")
        trial.say_off(trial.off(), "a tick after it was commanded off")


@_promise("Delivered power comes to what is commanded within a second, up and down, and to none when off.")
def power_follows(trial: Trial) -> None:
    trial.open()
    for power_w in (trial.test_w, 0.5 * trial.test_w):
        for _ in range(trial.settle_ticks):
            sample = trial.on(power_w)
        near_w = 0.5 + 0.2 * power_w
        say(
            abs(sample.power_w - power_w) <= near_w,
            f"commanded {power_w:g} W for a second, {sample.power_w:g} W are delivered{held_off(sample)}",
        )
    trial.off()
    trial.off()
    sample = trial.off()
    say(sample.power_w <= NO_POWER_W, f"commanded off, {sample.power_w:g} W are delivered")


@_promise("With the off key no RF comes, whatever the power beside it.")
def off_key_is_off(trial: Trial) -> None:
    trial.open()
    for _ in range(5):
        sample = trial.sample(False, trial.test_w)
        trial.say_off(sample, "with the off key")
        say(sample.power_w <= NO_POWER_W, f"with the off key, {sample.power_w:g} W are delivered")


@_promise("Delivered power never passes the configured limit (by more than 10 % and 1 W).")
def power_stays_below_the_limit(trial: Trial) -> None:
    trial.open()
    limit_w = trial.config.power_limit_w
    for asked_w in (limit_w, 1.5 * limit_w, 10.0 * limit_w):
        for _ in range(trial.settle_ticks):
            reply = trial.reply(True, asked_w)
            if isinstance(reply, Sample):
                say(
                    reply.power_w <= 1.1 * limit_w + 1.0,
                    f"asked for {asked_w:g} W with {limit_w:g} W as limit, {reply.power_w:g} W are delivered",
                )


@_promise("A value it cannot carry out is an ERROR with RF off, never clamped in silence.")
def refuses_bad_values(trial: Trial) -> None:
    info = trial.open()
    limit_w, test_w = trial.config.power_limit_w, trial.test_w
    bad = [(power_w, 0.0) for power_w in (1.01 * limit_w, -1.0, math.nan, math.inf)]
    bad += [(test_w, flow) for flow in (-1.0, math.nan, math.inf)]
    if Capability.PUMP not in info.capabilities:
        bad.append((test_w, 1.0))
    for power_w, flow_ml_min in bad:
        what = f"asked for {power_w:g} W and {flow_ml_min:g} ml/min"
        trial.radiate()
        reply = trial.reply(True, power_w, flow_ml_min)
        refused = isinstance(reply, NoSample) and reply.reason is Absence.RIG_ERROR
        say(refused, f"{what}, it did not answer with an ERROR but {reply!r}")
        trial.look(what)
        reply = trial.reply(False)
        if isinstance(reply, NoSample):
            trial.open()  # a backend may hold the link lost after an ERROR, as the host must
            reply = trial.off()
        trial.say_off(reply, f"{what} and refused")


# --- RF off -----------------------------------------------------------------------------------------------


@_promise("`rf_off` is obeyed at once, and may be repeated.")
def rf_off_at_once(trial: Trial) -> None:
    trial.open()
    for times in (1, 2):
        trial.radiate()
        for _ in range(times):
            trial.hal.rf_off()
            trial.look("after rf_off")
        trial.say_off(trial.off(), "in the interval after rf_off")
        sample = trial.off()
        trial.say_off(sample, "two intervals after rf_off")
        say(sample.power_w <= NO_POWER_W, f"after rf_off, {sample.power_w:g} W are delivered")


@_promise("`rf_off` may be called in any state: before `open`, and after `close`.")
def rf_off_in_any_state(trial: Trial) -> None:
    for when in ("before open", "after close"):
        for _ in range(2):
            try:
                trial.hal.rf_off()
            except Exception as error:
                raise AssertionError(f"rf_off {when} raised {type(error).__name__}: {error}") from error
            trial.look(f"after rf_off {when}")
        trial.open()
        trial.say_off(trial.off(), f"after rf_off {when} and open")
        trial.close()


# --- what a sample says -----------------------------------------------------------------------------------


@_promise("The rig's time advances by the period with each exchange (2 % over a second, 50 % each).")
def time_advances_by_the_period(trial: Trial) -> None:
    trial.open()
    period_us = trial.config.period_us
    times = [trial.off().rig_time_us for _ in range(trial.settle_ticks + 1)]
    for before, after in pairwise(times):
        say(
            0.5 * period_us <= after - before <= 1.5 * period_us,
            f"rig time went from {before} to {after} us in a period of {period_us} us",
        )
    passed, expected = times[-1] - times[0], period_us * (len(times) - 1)
    say(
        abs(passed - expected) <= 0.02 * expected + 0.5 * period_us,
        f"rig time advanced {passed} us over {expected} us",
    )


@_promise("No two samples are of the same time, nor is one older than the last, whatever is done between.")
def never_the_same_sample_twice(trial: Trial) -> None:
    times: list[int] = []
    trial.open()
    for turn in range(4):
        times += [trial.off().rig_time_us, trial.on().rig_time_us, trial.on().rig_time_us]
        trial.hal.rf_off()
        times += [trial.on().rig_time_us, trial.off().rig_time_us]
        if turn % 2:
            trial.close()
            trial.open()
    for before, after in pairwise(times):
        say(before < after, f"a sample of {before} us is followed by one of {after} us")


@_promise("There is one temperature for each thermocouple: a number, or NaN on a channel with a fault.")
def temperatures_by_channel(trial: Trial) -> None:
    count = trial.open().thermocouples
    for rf_on in (False, True, True):
        sample = trial.sample(rf_on, trial.test_w)
        read = sample.temperature_c
        say(len(read) == count, f"{len(read)} temperatures from {count} thermocouples")
        for channel, value_c in enumerate(read):
            fault = TcFault(sample.tc_fault >> 2 * channel & 3)
            say(
                math.isnan(value_c) if fault else math.isfinite(value_c),
                f"channel {channel}, {fault.name}, reads {value_c!r}",
            )
        say(sample.tc_fault >> 2 * count == 0, f"tc_fault {sample.tc_fault:#x} names channels past the last")


FIELDS = (
    ("phase_deg", Capability.PHASE),
    ("flow_ml_min", Capability.PUMP),
    ("coolant_c", Capability.COOLANT_TEMPERATURE),
    ("stage_c", Capability.STAGE_TEMPERATURE),
)
"""Quantities that come with a capability."""

HARMLESS = (
    ("pump_on", Capability.PUMP, False),
    ("start_pressed", Capability.START_SWITCH, False),
    ("return_attached", Capability.RETURN_MONITOR, True),
)
"""Switches that come with a capability, and what they read without it."""


@_promise("A quantity that it does not claim is NaN, a switch harmless; one that it claims is a number.")
def only_what_is_claimed(trial: Trial) -> None:
    claimed = trial.open().capabilities
    trial.radiate()
    for _ in range(3):
        sample = trial.on()
        for name, capability in FIELDS:
            value = getattr(sample, name)
            if capability in claimed:
                say(math.isfinite(value), f"{capability.name} is claimed, and {name} is {value!r}")
            else:
                say(math.isnan(value), f"{capability.name} is not claimed, yet {name} is {value!r}")
        for name, capability, harmless in HARMLESS:
            value = getattr(sample, name)
            idle = capability in claimed or value is harmless
            say(idle, f"{capability.name} is not claimed, yet {name} is {value}")
        for name in ("power_w", "voltage_v", "current_a"):
            value = getattr(sample, name)
            say(math.isfinite(value), f"{name} is {value!r}")


CHECKS: tuple[Check, ...] = tuple(_checks)
"""The suite, in the order in which a person would try them."""


def conformance_checks(
    make: MakeHal, config: RigConfig, *, pace: Pace = at_once, radiating: Radiating | None = None
) -> Iterator[Verdict]:
    """Run the suite, a verdict at a time. The arguments are those of `Check.run`.

    Whatever a backend raises breaks the promise on trial, but for RigUnavailable: then there is no rig to
    go on with, and it is passed on.
    """
    for check in CHECKS:
        broken: str | None = None
        try:
            check.run(make, config, pace=pace, radiating=radiating)
        except RigUnavailable:
            raise
        except AssertionError as error:
            broken = str(error)
        except Exception as error:
            broken = f"{type(error).__name__}: {error}"
        yield Verdict(check.name, check.promise, broken)
