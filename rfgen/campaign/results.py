"""From a campaign's journal to its results: Parquet, failing scenarios, figures."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rfgen.campaign.bound import interval
from rfgen.campaign.journal import NAME as JOURNAL
from rfgen.campaign.one import COLUMNS
from rfgen.campaign.spec import CampaignSpec, drawn
from rfgen.extras import install_command
from rfgen.problems import InputError, Problem
from rfgen.record.summary import write_whole
from rfgen.scenario import resolved_yaml

RESULTS = "results.parquet"
FAILING = "failing"
MOST_FAILING = 200
"""Scenario files written; every failing run is in the Parquet file, and any of them can be drawn again."""
_WITHOUT_SCENARIO = "('not_run', 'worker_died')"


def need_duckdb() -> None:
    """Raises InputError where DuckDB, which writes the results, is not installed."""
    if importlib.util.find_spec("duckdb") is None:
        said = "needs DuckDB, which is not installed"
        raise InputError([Problem("rfgen campaign", None, None, "", "", said, install_command("campaign"))])


@dataclass(frozen=True)
class Rate:
    """How often something was, with the exact 95 % interval (Clopper and Pearson 1934)."""

    name: str
    found: int
    tries: int
    least: float
    most: float

    @property
    def share(self) -> float:
        """As counted."""
        return self.found / self.tries


def rate(name: str, found: int, tries: int) -> Rate:
    """With its bounds."""
    return Rate(name, found, tries, *interval(found, tries))


SPREADS = {
    "peak_tip_c": "highest reading, °C",
    "hottest_tissue_c": "hottest tissue, °C",
    "energy_j": "energy, J",
    "rf_on_s": "RF on, s",
    "t_end_s": "length, s",
}
"""Measured in every run: the column, and how a page calls it."""


@dataclass(frozen=True)
class Figures:
    """What the page and `--json` say."""

    runs: int
    hours: float
    """Simulated."""
    rates: list[Rate]
    trips: list[tuple[str, str, int]]
    """Interlock, state it tripped in, runs."""
    to_trip_s: dict[str, list[float]]
    """By first interlock: from the fault to the trip, sorted."""
    spreads: list[tuple[str, str, list[float]]]
    """Device, what was measured, and of it over that device's runs: least, 5 %, median, 95 %, greatest."""
    worst: list[dict[str, Any]]
    failing: list[int]
    not_run: int


def finish(folder: Path, spec: CampaignSpec, seed: int) -> Figures:
    """Write the results and the failing scenarios; the same bytes whatever order the journal is in.

    Raises InputError where there is no room for the results, KeyboardInterrupt where it is interrupted.
    """
    import duckdb

    table = duckdb.connect()
    try:
        table.execute("SET threads = 1")
        types = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items()) + "}"
        # the journal's first line says which campaign it is, and is no run
        table.execute(
            f"CREATE TABLE runs AS SELECT * FROM read_json(?, format = 'newline_delimited', columns = {types}) "
            "WHERE run IS NOT NULL ORDER BY run",
            [str(folder / JOURNAL)],
        )
        part = folder / f".{RESULTS}.part"
        quoted = str(part).replace("'", "''")
        table.execute(f"COPY (FROM runs ORDER BY run) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)")
        os.replace(part, folder / RESULTS)
        figures = _figures(lambda query: table.execute(query).fetchall())
        if figures.failing:
            (folder / FAILING).mkdir(exist_ok=True)
        for number in figures.failing:
            path = folder / FAILING / f"run-{number}.yaml"
            if not path.exists():
                write_whole(path, resolved_yaml(drawn(spec, seed, number).scenario))
        return figures
    except duckdb.IOException as error:
        (folder / f".{RESULTS}.part").unlink(missing_ok=True)
        errno = re.search(r'"errno":"([0-9]+)"', str(error))
        why = os.strerror(int(errno[1])) if errno else str(error).splitlines()[0]
        said = f"cannot be written ({why})"
        remedy = "make room; what was run is kept, and the same command goes on"
        raise InputError([Problem(str(folder / RESULTS), None, None, "", "", said, remedy)]) from None
    except (RuntimeError, duckdb.InterruptException) as error:
        (folder / f".{RESULTS}.part").unlink(missing_ok=True)
        if "interrupted" in str(error).lower():  # how DuckDB passes a KeyboardInterrupt on
            raise KeyboardInterrupt from None
        raise
    finally:
        table.close()


def _figures(ask: Callable[[str], Sequence[Sequence[Any]]]) -> Figures:
    runs, hours, bad, not_run = ask(
        "SELECT count(*), coalesce(sum(t_end_s), 0) / 3600, count(*) FILTER (NOT as_expected), "
        f"count(*) FILTER (outcome IN {_WITHOUT_SCENARIO}) FROM runs"
    )[0]
    rates = [rate("not as expected", bad, runs)]
    for name, found in ask("SELECT outcome, count(*) FROM runs GROUP BY 1 ORDER BY 2 DESC, 1"):
        rates.append(rate(f"outcome {name}", found, runs))
    for name, found in ask(
        "SELECT reason, count(*) FROM runs WHERE reason <> 'hold_complete' GROUP BY 1 ORDER BY 2 DESC, 1"
    ):
        rates.append(rate(f"ended by {name}", found, runs))
    for device, tries, found in ask(
        "SELECT device, count(*), count(*) FILTER (NOT as_expected) FROM runs WHERE device IS NOT NULL "
        "GROUP BY 1 ORDER BY 1"
    ):
        rates.append(rate(f"not as expected on {device}", found, tries))
    for fault, tries, found in ask(
        "SELECT fault, count(*), count(*) FILTER (trip_s >= fault_on_s) FROM runs WHERE fault_on_s IS NOT NULL "
        "GROUP BY 1 ORDER BY 1"
    ):
        rates.append(rate(f"tripped after {fault}", found, tries))
    spreads = []
    for name, words in SPREADS.items():
        for device, values in ask(
            f"SELECT device, quantile_disc({name}, [0.0, 0.05, 0.5, 0.95, 1.0]) FROM runs WHERE {name} IS NOT NULL "
            "GROUP BY 1 ORDER BY 1"
        ):
            spreads.append((str(device), words, [float(value) for value in values]))
    trips = ask(
        "SELECT split_part(tripped, ',', 1), state_tripped, count(*) FROM runs WHERE tripped <> '' "
        "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
    )
    times: dict[str, list[float]] = {}
    for name, time_s in ask(
        "SELECT split_part(tripped, ',', 1), to_trip_s FROM runs WHERE to_trip_s IS NOT NULL ORDER BY 1, 2"
    ):
        times.setdefault(name, []).append(time_s)
    fields = ("run", "device", "fault", "fault_at", "outcome", "reason", "hottest_tissue_c", "to_trip_s", "problems")
    worst = ask(
        f"SELECT {', '.join(fields)} FROM runs "
        "ORDER BY as_expected, to_trip_s DESC NULLS LAST, hottest_tissue_c DESC NULLS LAST, run LIMIT 10"
    )
    failing = ask(
        f"SELECT run FROM runs WHERE NOT as_expected AND outcome <> 'not_run' ORDER BY run LIMIT {MOST_FAILING}"
    )
    return Figures(
        runs,
        hours,
        rates,
        [(str(a), str(b), int(c)) for a, b, c in trips],
        times,
        sorted(spreads, key=lambda spread: spread[0]),
        [dict(zip(fields, row, strict=True)) for row in worst],
        [row[0] for row in failing],
        not_run,
    )
