"""Feeds a recorded run's replies to today's firmware, and compares every command, state and trip, bit for bit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hal import Capability, RigIdentity, RigInfo
from hal.replay import ReplayHal
from rfgen import hostfaults
from rfgen.assemble import generator_config, rig_config
from rfgen.generator import Generator
from rfgen.record.loader import Run
from rfgen.records import Decision, Event, OperatorAction
from rfgen.safety.catalogue import ROW_IDS
from rfgen.scenario import parse_scenario


@dataclass(frozen=True)
class Difference:
    """The first place where today's firmware does something else."""

    tick: int
    field: str
    recorded: object
    now: object

    def __str__(self) -> str:
        return f"tick {self.tick}: {self.field} was {self.recorded}, is {self.now}"


def replay(run: Run) -> Difference | None:
    """The first difference; None where there is none.

    Raises InputError where the recording's own scenario cannot be read.
    """
    if run.info.row_ids != ROW_IDS:
        return Difference(0, "catalogue", ", ".join(run.info.row_ids), ", ".join(ROW_IDS))
    scenario = parse_scenario(run.info.scenario_yaml, "the recording's scenario")
    config = generator_config(scenario)
    generator = Generator(config)
    limits = {name: (run.info.limits.get(name), value) for name, value in generator.supervisor.limits.items()}
    for name, (recorded, now) in limits.items():
        if recorded != now:
            return Difference(0, f"limit {name}", recorded, now)
    rig = ReplayHal(run.replies(), _recorded_rig(run))
    rig.open(rig_config(scenario, config))
    requests: dict[int, list[Event]] = {}
    told: dict[int, list[Event]] = {}
    for event in run.events:
        host_fault = event.kind == "fault" and event.data.get("kind") in hostfaults.HOST_FAULTS
        by_switch = scenario.device.dead_man and event.data.get("action") == "start"  # the samples themselves hold it
        if (event.kind in ("operator", "link", "host") and not by_switch) or host_fault:
            requests.setdefault(event.tick, []).append(event)
        if event.kind in ("operator", "state", "trip"):
            told.setdefault(event.tick, []).append(event)
    command = generator.first_command()
    for tick, recorded_decision in enumerate(run.decisions()):
        for event in requests.get(tick, ()):
            _ask(generator, run, event)
        decision = generator.tick(rig.exchange(command))
        command = decision.command
        difference = compare(tick, recorded_decision, decision)
        if difference is not None:
            return difference
        happened = [e for e in generator.take_events() if e.kind in ("operator", "state", "trip")]
        was = told.get(tick, [])
        if len(happened) != len(was):
            return Difference(tick, "events", [e.text for e in was], [e.text for e in happened])
        for before, after in zip(was, happened, strict=True):
            if before.text != after.text or before.kind != after.kind:
                return Difference(tick, before.kind, before.text, after.text)
    return None


def compare(tick: int, recorded: Decision, now: Decision) -> Difference | None:
    """The first field that differs by a bit; any NaN equals any other."""
    pairs = [
        (f"command.{name}", getattr(recorded.command, name), getattr(now.command, name)) for name in now.command._fields
    ]
    pairs += [(name, getattr(recorded, name), getattr(now, name)) for name in now._fields if name != "command"]
    for name, was, is_now in pairs:
        if not _same(was, is_now):
            return Difference(tick, name, was, is_now)
    return None


def _same(was: object, is_now: object) -> bool:
    if was != is_now:
        return was != was and is_now != is_now
    if isinstance(was, float) and isinstance(is_now, float):
        return math.copysign(1.0, was) == math.copysign(1.0, is_now)  # 0.0 equals -0.0
    return True


def _ask(generator: Generator, run: Run, event: Event) -> None:
    """What came to the firmware from elsewhere than the rig: the operator, and a fault of the host itself."""
    if event.kind == "fault":
        hostfaults.harm(generator, str(event.data["kind"]))
        return
    if event.kind == "host":
        generator.overran()
        return
    if event.kind == "link":
        generator.linked(_recorded_rig(run)._replace(boot_count=int(str(event.data["boot_count"]))))
        return
    boot_count = event.data.get("boot_count")
    linked = None if boot_count is None else _recorded_rig(run)._replace(boot_count=int(str(boot_count)))
    generator.request(OperatorAction(str(event.data["action"])), linked)


def _recorded_rig(run: Run) -> RigInfo:
    info = run.info
    return RigInfo(
        identity=RigIdentity(info.model, info.serial, info.firmware),
        simulated=info.simulated,
        thermocouples=len(info.thermocouples),
        capabilities=Capability(0),
        boot_count=0,
        watchdog_min_ms=0,
        watchdog_max_ms=0,
        max_power_w=0.0,
    )
