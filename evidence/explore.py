"""Explores the real generator exhaustively: `python -m evidence.explore [--jobs N]`, or samples it at full length:
`python -m evidence.explore --sampled N [--seed S]`. Exits 1 where an invariant breaks, or a defect put in is missed."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time

from evidence.asked import exit_code, none_or_more, one_or_more
from evidence.explore_choices import Scope
from evidence.explore_sabotage import SABOTAGES, search
from evidence.explore_sampled import Sampler
from evidence.explore_search import Found, Search, ids_tripped, merged
from evidence.explore_subject import CLEAR_US, PERIOD_US, TIME_OUTS, scaled_us
from rfgen.safety.catalogue import ROW_IDS, ROWS

REPRESENTATIVES = ("ESTOP", "RF_STUCK_ON", "Z_HIGH", "LINK_LOST", "FLOW_LOW")
"""By reading at once and with persistence, by acknowledge with a value that may be absent, by relink, by the pump."""
TIMED = ("ESTOP", "Z_HIGH", "LINK_LOST")


def scopes(parts: int) -> dict[str, list[Scope]]:
    """What is explored, in parts that run side by side."""
    return {
        "all rows, every two of them in play together": [Scope(part=(k, parts)) for k in range(parts)],
        f"{', '.join(REPRESENTATIVES)}: two in a tick, any number latched": [Scope(REPRESENTATIVES, in_play=None)],
        f"{', '.join(TIMED)}: the same, with time-outs counted": [Scope(TIMED, in_play=None, timed=True)],
    }


def explored(scope: Scope) -> Found:
    """One scope, for a worker."""
    return Search(scope).run()


def told_scaling() -> str:
    """What stands for what, as text."""
    lines = [f"one tick is {PERIOD_US / 1e6:g} s; the good second of `clears` is {CLEAR_US // PERIOD_US} of them"]
    for persist_us in sorted({row.persist_us for row in ROWS} - {0}):
        ids = ", ".join(row.id for row in ROWS if row.persist_us == persist_us)
        lines.append(f"  {persist_us / 1e6:g} s for {scaled_us(persist_us) // PERIOD_US} ticks: {ids}")
    ticks = ", ".join(f"{name.removesuffix('_s')} {most + 0.5:g}" for name, most in TIME_OUTS.items())
    lines.append(f"  time-outs where they are counted, in ticks: {ticks}; elsewhere they are chosen")
    lines.append("  two steps; check, ramp and hold last a tick or two each; the signals are chosen, no Deriver runs")
    return "\n".join(lines)


def explore(jobs: int) -> bool:
    """Everything; prints it; True where all invariants hold."""
    began = time.monotonic()
    print("scaled:", told_scaling())
    all_scopes = scopes(jobs)
    tasks = [scope for parts in all_scopes.values() for scope in parts]
    # forked: the parts' states are counted by hashes of one seed
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        results = dict(zip(tasks, pool.map(explored, tasks, chunksize=1), strict=True))
        pool.close()
        pool.join()  # their processor time is known once they have ended
    well = True
    for name, parts in all_scopes.items():
        found = merged([results[scope] for scope in parts])
        print(f"\n{name}\n  {found.states} states, {found.transitions} ticks and {found.requests} requests driven")
        print(f"  {len(ids_tripped(ROW_IDS, found.rows_tripped))} rows tripped")
        if found.broken is not None:
            well = False
            print(f"  BROKEN: {found.broken}")
            for tick, line in enumerate(found.trace):
                print(f"    {tick}: {line}")
            continue
        print(f"  every invariant held; IDLE within {found.ticks_to_idle} ticks from everywhere")
        if found.ticks_with_rf is not None:
            print(f"  check, ramp and hold together last {found.ticks_with_rf} ticks at most, whatever happens")
        if name.startswith("all rows"):
            missing = [row.id for bit, row in enumerate(ROWS) if not row.refuses and not found.rows_tripped >> bit & 1]
            if missing:
                well = False
                print(f"  BROKEN: never tripped: {', '.join(missing)}")
    spent = os.times()
    processor_s = spent.user + spent.children_user
    print(f"\n{time.monotonic() - began:.0f} s in {jobs} processes, {processor_s:.0f} s of processor time")
    return well


def sabotaged() -> bool:
    """Every defect put in; prints what found it; True where each was found as expected."""
    well = True
    print("\ndefects put in:")
    for name, sabotage in SABOTAGES.items():
        found = search(name)
        as_expected = found.invariant == sabotage.invariant
        well = well and as_expected
        print(
            f"  {name}: {found.broken or 'NOT FOUND'}" + ("" if as_expected else f" (expected: {sabotage.invariant})")
        )
        print(f"    after {len(found.trace)} ticks, {found.states} states")
    return well


def sampled(walks: int, seed: int) -> bool:
    """Walks at full persistence; prints them; True where all invariants hold and every row tripped."""
    began = time.monotonic()
    found = Sampler(seed).run(walks)
    print(f"{found.walks} walks, {found.ticks} ticks at 20 ms, seed {seed}, {time.monotonic() - began:.0f} s")
    print("  ticks by state:", ", ".join(f"{name} {count}" for name, count in sorted(found.by_state.items())))
    print("  trips:", ", ".join(f"{row_id} {found.trips[row_id]}" for row_id in ROW_IDS))
    if found.broken is not None:
        print(f"  BROKEN: {found.broken}")
    never = [row.id for row in ROWS if not row.refuses and not found.trips[row.id]]
    if never and found.broken is None:
        print(f"  never tripped, so take more walks: {', '.join(never)}")
    return found.broken is None and not never


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m evidence.explore", description=__doc__)
    parser.add_argument("--jobs", type=one_or_more, default=os.cpu_count() or 1, help="searches side by side")
    parser.add_argument("--sampled", type=one_or_more, metavar="N", help="N walks at full persistence instead")
    parser.add_argument("--seed", type=none_or_more, default=1, help="of the walks")
    given = parser.parse_args()
    if given.sampled is not None:
        return 0 if sampled(given.sampled, given.seed) else 1
    whole = explore(given.jobs)
    return 0 if sabotaged() and whole else 1


if __name__ == "__main__":
    sys.exit(exit_code(main))
