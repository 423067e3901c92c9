"""Two checks of the study itself: a forked pair of treatments is the pair run whole, and the cheap grid is near."""

from __future__ import annotations

from dataclasses import replace

from evidence.forecast_treat import FORECAST, Branch, treat
from evidence.forecast_vertebrae import CHEAP, Vertebra, scenario_of, vertebra
from rfgen.assemble import assemble, study
from rfgen.fieldparts import FieldModel
from rfgen.records import State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.supervisor import Supervisor
from rfgen.scenario import Scenario
from sim.tissue import BODY_C


def whole(scenario: Scenario, *, with_row: bool, for_s: float) -> tuple[str, float, list[float]]:
    """One treatment as the session runs it, from the start to `for_s` after RF off: (why it ended, when, the sentinel's
    true temperature at every tick)."""
    assembly = assemble(scenario)
    session = assembly.session
    session.settle_s = for_s
    generator = session.generator
    if not with_row:
        config = generator.config
        rows = tuple(replace(row, armed=frozenset()) if row.id == FORECAST else row for row in ROWS)
        generator.supervisor = Supervisor(config.limits, config.channels, config.features, rows)
    sentinel = scenario.device.sentinel_channels[0]
    plant = assembly.bench.plant
    seen: list[float] = []
    off_tick: list[int] = []

    def look(tick: int, reply: object, decision: object) -> None:
        seen.append(plant.site_c[sentinel])
        if generator.state is State.CUTOFF and not off_tick:
            off_tick.append(tick + 1)

    session.on_tick = look
    session.run()
    return str(generator.reason), off_tick[0] * session.rig_config.period_us * 1e-6, seen


def differences(branch: Branch, scenario: Scenario, *, with_row: bool) -> list[str]:
    """What a branch of a fork has otherwise than the treatment run whole: nothing, to the last bit."""
    reason, off_s, seen = whole(scenario, with_row=with_row, for_s=branch.end_s - branch.off_s + 1.0)
    ticks = round(branch.end_s / (scenario.device.period_ms * 1e-3))
    wrong = []
    if (branch.reason, round(branch.off_s, 9)) != (reason, round(off_s, 9)):
        wrong.append(f"ended in {branch.reason} at {branch.off_s} s, whole in {reason} at {off_s} s")
    if branch.sentinel_c != max(seen[:ticks]):
        wrong.append(f"sentinel peaked at {branch.sentinel_c!r} C, whole at {max(seen[:ticks])!r} C")
    return wrong


def twice(count: int, seed: int) -> int:
    """The first `count` vertebrae that the forecast cuts: 0 where forked and whole treatments agree to the bit."""
    checked, index, wrong = 0, 0, 0
    while checked < count:
        scenario = scenario_of(vertebra(index, seed))
        pair = treat(scenario)
        if pair.with_row is not None:
            checked += 1
            found = differences(pair.without, scenario, with_row=False)
            found += differences(pair.with_row, scenario, with_row=True)
            wrong += len(found)
            print(f"vertebra {index}: {'; '.join(found) or 'forked and whole treatments agree to the bit'}", flush=True)
        index += 1
    return 1 if wrong else 0


# --- the grid ---------------------------------------------------------------------------------------------------------

HEATED_S, COOLED_S = 80.0, 80.0
HEATED_TO_C = 40.0
"""Of the sentinel on the default grid: heated further, it would come to what no treatment brings it to."""


def highest(one: Vertebra, field: FieldModel, heated_s: float | None = None) -> tuple[float, float, float]:
    """(sentinel, dura beside the needle's middle, seconds heated): the highest in at most 80 s of heating and 80 s of
    cooling. `heated_s`: as long as that instead, whatever the sentinel comes to."""
    scenario = scenario_of(one, field)
    out_mm = one.drawn["distance_mm"] + one.drawn["thickness_mm"]
    probes = ((out_mm + one.drawn["offset_mm"], 0.0), (out_mm + one.drawn["fat_mm"], 0.0))
    on = study(scenario, None, probes)
    ramp_c_s = scenario.device.control.ramp_c_s
    while on.time_s < (HEATED_S if heated_s is None else heated_s) - 1e-6:
        if heated_s is None and on.probe_c[0] > HEATED_TO_C:
            break
        target_c = min(one.target_c, BODY_C + ramp_c_s * on.time_s)
        on.advance(on.tick_s, tip_c=target_c, most_w=scenario.device.stage.max_power_w)
    heated_s = on.time_s
    most_c = on.probe_c
    while on.time_s < heated_s + COOLED_S:
        on.advance(1.0, power_w=0.0)
        most_c = tuple(max(a, b) for a, b in zip(most_c, on.probe_c, strict=True))
    return most_c[0], most_c[1], heated_s


def grid_check(count: int, seed: int, fine: int = 2) -> dict[str, float]:
    """Greatest errors of a peak: the study's grid against the default one at sentinel and dura, and for the first
    `fine` the default one against the fine one."""
    names = ("sentinel_c", "dura_c")
    worst = {"vertebrae": float(count), "fine": float(min(fine, count)), **dict.fromkeys((*names, "default_c"), 0.0)}
    for index in range(count):
        one = vertebra(index, seed)
        *default, heated_s = highest(one, FieldModel())
        off = [a - b for a, b in zip(highest(one, CHEAP, heated_s), default, strict=False)]
        for name, error_c in zip(names, off, strict=True):
            worst[name] = max(worst[name], abs(error_c))
        line = f"vertebra {index}: sentinel {default[0]:.2f} C, off by {off[0]:+.3f}"
        line += f"; dura {default[1]:.2f} C, off by {off[1]:+.3f}"
        if index < fine:
            finer = highest(one, FieldModel(grid="fine"), heated_s)
            off = [a - b for a, b in zip(default, finer, strict=False)]
            worst["default_c"] = max(worst["default_c"], *(abs(error_c) for error_c in off))
            line += "; default against fine " + ", ".join(f"{error_c:+.3f}" for error_c in off)
        print(line, flush=True)
    return worst
