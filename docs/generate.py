"""Writes the pages that are made from the code: states, interlocks, faults, devices. `--check` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

from evidence.safety_page import page as safety_page
from hal.linefault import LINE_FAULTS
from rfgen.device import device_names, load_device
from rfgen.hostfaults import HOST_FAULTS
from rfgen.machine import diagram
from rfgen.safety.limits import LIMITS
from rfgen.safety.listing import listing
from sim.faults import FAULTS

HERE = Path(__file__).parent
NOTE = "<!-- Made by docs/generate.py from the code: change the code, then run it. -->\n\n"


def states() -> str:
    """The transition table as a diagram."""
    return (
        NOTE + "# The five states\n\n```mermaid\n" + diagram() + "```\n\n"
        "Power is permitted in IMPEDANCE_CHECK, RAMP and HOLD alone. CUTOFF keeps its first reason and is left for\n"
        "IDLE only when the operator acknowledges and the cause is gone.\n"
    )


def interlocks() -> str:
    """The catalogue, with default limits."""
    lines = [
        NOTE + "# Interlocks\n",
        "The rows that this firmware runs, with the default limits. A device profile may move a limit inside its",
        "hard range; `rfgen interlocks --device NAME` prints what is then in force.\n",
        "Armed: I idle, C impedance check, R ramp, H hold, X cutoff. Clears: R once the reading has been good for 1 s,",
        "A with the acknowledge, L with a new link.\n",
        "| id | trips when | for | armed | clears | needs |",
        "|---|---|---|---|---|---|",
    ]
    rows = listing()
    for row in rows:
        persist = f"{row['persist_s']:g} s" if row["persist_s"] else "at once"
        needs = "" if row["needs"] == "nothing" else row["needs"]
        lines.append(f"| {row['id']} | {row['trips_when']} | {persist} | {row['armed']} | {row['clears']} | {needs} |")
    lines += ["", "## What a trip usually means", "", "| id | look at |", "|---|---|"]
    lines += [f"| {row['id']} | {row['usually']} |" for row in rows]
    lines += ["", "## Limits", "", "| limit | default | may be | what it is |", "|---|---|---|---|"]
    for spec in LIMITS.values():
        unit = "" if spec.unit == "1" else f" {spec.unit}"
        lines.append(
            f"| {spec.name} | {spec.default:g}{unit} | {spec.hard_min:g} to {spec.hard_max:g}{unit} | {spec.meaning} |"
        )
    return "\n".join(lines) + "\n"


BY_HAND = """
## By hand

The operator's time line puts any of them on and takes it off ([Scenarios](scenarios.md#operator)), alone or together:

```yaml
operator:
  - {at: 1 s, do: start}
  - {at: hold + 5 s, fault_on: pump_slow, size: 0.5}
  - {at: hold + 8 s, fault_off: pump_slow}
```

So does a test (`treatment.fault`, see [Testing](testing.md)), and a program that drives a treatment tick by tick:

```python
from rfgen.assemble import assemble
from rfgen.scenario import load_scenario

assembly = assemble(load_scenario("vertebra-metastasis"), line_faults=True)
panel = assembly.panel
ticks = assembly.session.ticks()
for _ in range(100):
    next(ticks)
slow = panel.put("pump_slow", size=0.5)  # from the next tick on
with panel.put("thermocouple_offset", channel="wall", size=3):
    next(ticks)
slow.take_off()
assert panel.faults == ()
assembly.session.hal.close()
```

`panel.kinds` are the kinds that can be put on there, `panel.faults` those that are on;
`panel.take_off("pump_slow")` takes off all of a kind, `panel.clear()` all. What cannot be is a ValueError that says
why. A rig served from a program (`rfgen.rigside.rig_side`) has a panel too:
`server.do(lambda: side.panel.put("pump_stopped"))`. A host that is killed is no fault of the simulation: kill the
process itself (`make host-kill` does, and finds RF off within the rig's watchdog). It is the same panel everywhere
(`rfgen/faultpanel.py`), and the same fault at the same tick gives the same bytes, whoever put it on.
"""


def faults() -> str:
    """What can be put on a run."""
    lines = [
        NOTE + "# Faults\n",
        "A scenario puts a fault on by a line under `faults`: `at` (`12 s`, `hold + 5 s`), `kind`, and where the kind",
        "has them `channel`, `size` and `for` (how long; without it, to the end).\n",
        "| kind | on | what it does | size |",
        "|---|---|---|---|",
    ]
    for spec in FAULTS.values():
        size = (
            ""
            if spec.size is None
            else f"{spec.size.least:g} to {spec.size.most:g} {spec.size.unit}, usually {spec.size.default:g}"
        )
        where = spec.group + (" (needs `channel`)" if spec.channel else "")
        lines.append(f"| {spec.kind} | {where} | {spec.description} | {size} |")
    for line in LINE_FAULTS.values():
        size = (
            ""
            if line.size is None
            else f"{line.size.least:g} to {line.size.most:g} {line.size.unit}, usually {line.size.default:g}"
        )
        lines.append(f"| {line.kind} | line | {line.description} | {size} |")
    for host in HOST_FAULTS.values():
        lines.append(f"| {host.kind} | host | {host.description}{'' if host.ends else '; it has no end'} | |")
    return "\n".join(lines) + "\n" + BY_HAND


def devices() -> str:
    """The profiles and where their figures come from."""
    lines = [
        NOTE + "# Device profiles\n",
        "Stand-ins for kinds of generator, not models of a product.",
        "A figure is assumed unless its source says otherwise.\n",
    ]
    for name in device_names():
        profile = load_device(name)
        lines += [f"## {name}", "", profile.description, "", "| figure | source |", "|---|---|"]
        lines += [f"| {path} | {source} |" for path, source in profile.sources.items()]
        lines.append("")
    return "\n".join(lines)


def safety() -> str:
    """Hazards, interlocks and their evidence; faults and what must see them."""
    return NOTE + safety_page()


PAGES = {
    "states.md": states,
    "interlocks.md": interlocks,
    "safety.md": safety,
    "faults.md": faults,
    "devices.md": devices,
}


def main() -> int:
    """0 where every page is as the code has it."""
    stale = []
    for name, make in PAGES.items():
        path = HERE / name
        text = make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"not as the code has it: {', '.join(stale)}; run docs/generate.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
