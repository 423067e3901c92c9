"""Straight-line code for one step of a network, made from its elements.

A loop over lumps and edges spends most of its time on indexing; the same arithmetic written out with one local
variable a lump is several times as quick, and a treatment is thousands of steps. There are two texts: the step
while nothing boils, and the step that looks at every lump. `step_plainly` is the loop: the meaning of the code, kept to
test it against.

The integration is explicit Euler on enthalpy, which conserves heat to rounding, boils without iteration and is
exact enough here: the network's shortest time constant is many ticks. Where a tick is too long for it, it takes
several steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, cast

from sim.network import Network
from sim.tissue import (
    BODY_C,
    BOILING_C,
    CONDUCTIVITY_RISE_PER_C,
    VAPOUR_CONDUCTIVITY_FRACTION,
    VAPOUR_SPAN_C,
)

KernelState = tuple[float, ...]
"""Sensible heat of every lump as a temperature above body, then shell resistances, total resistance, heat gone out (J),
the hottest tissue's sensible heat, then the temperature (Celsius) at every site."""

Step = Callable[[KernelState, int, float, float, float, float], KernelState]
"""(state, steps, power_w, coolant_w_k, coolant_c, extra_ohm) -> state"""

STEP_MARGIN = 0.35
"""Step over the shortest time constant. Explicit steps ring from 1 on; at 0.35 the fastest lump's decay is
followed to 0.06 of its amplitude in the first step and better after."""


def boiled(above_c: float, boiling_above_c: float, latent_c: float, ohm_at_37: float) -> tuple[float, float]:
    """(temperature above body, shell resistance) of a lump whose sensible heat has passed 100 C.

    `latent_c` is the lump's heat of vaporisation over its heat capacity. Water leaves evenly over the 5 C
    above boiling, and conductivity with it.
    """
    span_c = VAPOUR_SPAN_C + latent_c
    over_c = above_c - boiling_above_c
    dry = over_c / span_c if over_c < span_c else 1.0
    temperature_c = boiling_above_c + dry * VAPOUR_SPAN_C + (over_c - span_c if over_c > span_c else 0.0)
    wet_rise = 1.0 + CONDUCTIVITY_RISE_PER_C * (BOILING_C - BODY_C)
    rise = wet_rise * (1.0 - (1.0 - VAPOUR_CONDUCTIVITY_FRACTION) * dry)
    return temperature_c, ohm_at_37 / rise


def warmed_ohm(temperature_c: float, ohm_at_37: float) -> float:
    """Shell resistance below boiling."""
    return ohm_at_37 / (1.0 + CONDUCTIVITY_RISE_PER_C * (temperature_c - BODY_C))


@dataclass(frozen=True)
class Kernel:
    """A network's step of a fixed length, and where things are in its state."""

    network: Network
    step: Step
    step_s: float
    resistance_at: int
    heat_out_at: int
    hottest_at: int
    sites_from: int

    def at_rest(self, temperature_c: float | None = None) -> KernelState:
        """Everything at body temperature, or at the one given."""
        network = self.network
        at_c = network.body_c if temperature_c is None else temperature_c
        ohms = [warmed_ohm(at_c, lump.shell_ohm) for lump in network.lumps if lump.shell_ohm > 0.0]
        total = network.lead_ohm
        for ohm in ohms:
            total += ohm
        above = [at_c - network.body_c] * len(network.lumps)
        return (*above, *ohms, total, 0.0, above[0], *([at_c] * len(network.sites)))

    def temperatures_c(self, state: KernelState) -> list[float]:
        """True temperature of every lump."""
        body_c = self.network.body_c
        boiling = BOILING_C - body_c
        found = []
        for lump, above_c in zip(self.network.lumps, state, strict=False):
            if above_c < boiling or lump.boil_off_j == 0.0:
                found.append(body_c + above_c)
            else:
                latent_c = lump.boil_off_j / lump.heat_capacity_j_k
                found.append(body_c + boiled(above_c, boiling, latent_c, 1.0)[0])
        return found

    def stored_j(self, state: KernelState) -> float:
        """Heat above body temperature, latent heat included."""
        return math.fsum(
            lump.heat_capacity_j_k * above_c for lump, above_c in zip(self.network.lumps, state, strict=False)
        )


def steps_in(network: Network, dt_s: float) -> int:
    """How many steps a tick of `dt_s` takes."""
    return max(1, math.ceil(dt_s / (STEP_MARGIN * network.shortest_time_s) - 1e-9))


@lru_cache(maxsize=32)
def kernel_of(network: Network, step_s: float) -> Kernel:
    """The kernel of a network for steps of `step_s`, compiled once."""

    @cache
    def whole() -> Step:
        return _made(_source(network, step_s, boils=True), boiled=boiled)

    def boiling(*given: Any) -> KernelState:
        return whole()(*given)  # made when first asked for: most treatments never boil

    n = len(network.lumps)
    shells = sum(1 for lump in network.lumps if lump.shell_ohm > 0.0)
    return Kernel(
        network=network,
        step=_made(_source(network, step_s, boils=False), boiling=boiling),
        step_s=step_s,
        resistance_at=n + shells,
        heat_out_at=n + shells + 1,
        hottest_at=n + shells + 2,
        sites_from=n + shells + 3,
    )


def _made(source: str, **known: Callable[..., object]) -> Step:
    """The function of this text, which calls what is `known`."""
    scope: dict[str, object] = {**known}
    exec(compile(source, "<network kernel>", "exec"), scope)
    # not left in its own globals: a kernel would then go with the next look through all garbage alone, and none is
    # taken while a campaign runs
    return cast(Step, scope.pop("step"))


def _source(network: Network, step_s: float, *, boils: bool) -> str:
    """Python text of the network's step: numbers and generated names only, nothing from a user's file.

    `boils`: whether a lump may be at 100 C. Where none may, a lump's sensible heat is its temperature, and the step
    hands over to the other text as soon as the hottest is no longer below.
    """
    lumps, edges = network.lumps, network.edges
    shells = [i for i, lump in enumerate(lumps) if lump.shell_ohm > 0.0]
    boiling = BOILING_C - network.body_c
    warm_base = 1.0 + CONDUCTIVITY_RISE_PER_C * (network.body_c - BODY_C)
    x = [f"x{i}" for i in range(len(lumps))]
    may_boil = [i for i, lump in enumerate(lumps) if boils and lump.boil_off_j > 0.0]
    t = [f"t{i}" if i in may_boil else f"x{i}" for i in range(len(lumps))]
    state = ", ".join([*x, *(f"r{i}" for i in shells), "ohm", "out", "hottest"])
    sites = "".join(f", c{j}" for j in range(len(network.sites)))

    def boil(i: int) -> str:
        latent_c = lumps[i].boil_off_j / lumps[i].heat_capacity_j_k
        return f"boiled(x{i}, {boiling!r}, {latent_c!r}, {lumps[i].shell_ohm!r})"

    def temperature(i: int) -> str:
        return f"t{i} = x{i} if x{i} < {boiling!r} else {boil(i)}[0]"

    lines = [
        "def step(state, steps, power_w, coolant_w_k, coolant_c, extra_ohm):",
        f"    {state}{sites} = state",
        "    i2 = power_w / ohm",
    ]
    if network.coolant_film_w_k > 0.0:
        lines.append(f"    coolant_above = coolant_c - {network.body_c!r}")
    lines.append("    while steps:" if boils else f"    while steps and hottest < {boiling!r}:")
    lines += [f"        {temperature(i)}" for i in may_boil]
    lines += [f"        q{k} = {edge.conductance_w_k!r} * ({t[edge.a]} - {t[edge.b]})" for k, edge in enumerate(edges)]
    leaving = []
    for i, lump in enumerate(lumps):
        sink_w_k = lump.perfusion_w_k + lump.far_w_k
        if i == 0 and network.coolant_film_w_k > 0.0:
            lines.append("        s0 = coolant_w_k * (x0 - coolant_above)")
        elif sink_w_k > 0.0:
            lines.append(f"        s{i} = {sink_w_k!r} * {t[i]}")
        else:
            continue
        leaving.append(f"s{i}")
    leaving.append(f"i2 * {network.lead_ohm!r}")
    for i, lump in enumerate(lumps):
        heating = f"i2 * (r{i} + extra_ohm)" if i == 1 else f"i2 * r{i}"
        terms = [heating] if i in shells else []
        terms += [f"q{k}" for k, edge in enumerate(edges) if edge.b == i]
        less = [f"q{k}" for k, edge in enumerate(edges) if edge.a == i]
        less += [f"s{i}"] if f"s{i}" in leaving else []
        flow = " + ".join(terms) + "".join(" - " + term for term in less)
        lines.append(f"        x{i} += {step_s / lump.heat_capacity_j_k!r} * ({flow})")
    lines.append(f"        out += {step_s!r} * ({' + '.join(leaving)})")
    lines.append("        hottest = x1")
    lines += [f"        if {name} > hottest: hottest = {name}" for name in x[2:]]
    lines.append("        steps -= 1")
    if not boils:
        lines.append(f"    if not hottest < {boiling!r}:")
        lines.append(f"        return boiling(({state}{sites},), steps, power_w, coolant_w_k, coolant_c, extra_ohm)")
    for i in shells:
        warm = f"{lumps[i].shell_ohm!r} / ({warm_base!r} + {CONDUCTIVITY_RISE_PER_C!r} * x{i})"
        cold_or_boiled = f"{warm} if x{i} < {boiling!r} else {boil(i)}[1]"
        lines.append(f"    r{i} = {cold_or_boiled if i in may_boil else warm}")
    lines.append("    ohm = " + " + ".join([repr(network.lead_ohm), "extra_ohm", *(f"r{i}" for i in shells)]))
    at = sorted({i for blend in network.sites for i in (blend.a, blend.b)})
    lines += [f"    {temperature(i)}" for i in at if i in may_boil]
    for j, blend in enumerate(network.sites):
        a, b = t[blend.a], t[blend.b]
        above = a if blend.weight == 1.0 else f"{b} + {blend.weight!r} * ({a} - {b})"
        lines.append(f"    c{j} = {network.body_c!r} + {above}")
    lines.append(f"    return ({state}{sites},)")
    return "\n".join(lines) + "\n"


def step_plainly(
    network: Network,
    above_c: list[float],
    ohms: list[float],
    step_s: float,
    power_w: float,
    coolant_w_k: float,
    coolant_c: float,
    extra_ohm: float,
) -> tuple[list[float], list[float], float]:
    """One step as a loop over lumps and edges: (sensible heat above body, resistance by lump, heat out).

    The meaning of the generated code; `ohms` holds 0 for lumps without current.
    """
    boiling = BOILING_C - network.body_c
    i2 = power_w / (network.lead_ohm + extra_ohm + sum(ohms))
    t = []
    for lump, x in zip(network.lumps, above_c, strict=True):
        boils = lump.boil_off_j > 0.0 and x >= boiling
        t.append(boiled(x, boiling, lump.boil_off_j / lump.heat_capacity_j_k, 1.0)[0] if boils else x)
    flow = [i2 * ohm for ohm in ohms]
    flow[1] += i2 * extra_ohm
    out_w = i2 * network.lead_ohm
    for edge in network.edges:
        q = edge.conductance_w_k * (t[edge.a] - t[edge.b])
        flow[edge.a] -= q
        flow[edge.b] += q
    for i, lump in enumerate(network.lumps):
        q = (lump.perfusion_w_k + lump.far_w_k) * t[i]
        if i == 0:
            q += coolant_w_k * (t[0] - (coolant_c - network.body_c))
        flow[i] -= q
        out_w += q
    after = [x + step_s * q / lump.heat_capacity_j_k for x, q, lump in zip(above_c, flow, network.lumps, strict=True)]
    new_ohms = []
    for lump, x in zip(network.lumps, after, strict=True):
        if lump.shell_ohm == 0.0:
            new_ohms.append(0.0)
        elif lump.boil_off_j > 0.0 and x >= boiling:
            new_ohms.append(boiled(x, boiling, lump.boil_off_j / lump.heat_capacity_j_k, lump.shell_ohm)[1])
        else:
            new_ohms.append(warmed_ohm(network.body_c + x, lump.shell_ohm))
    return after, new_ohms, out_w * step_s
