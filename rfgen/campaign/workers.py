"""Runs of a campaign on this machine's cores."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from functools import partial
from typing import Any

from rfgen.campaign.one import not_run, row_of
from rfgen.campaign.pool import as_they_come
from rfgen.campaign.spec import CampaignSpec


def rows(spec: CampaignSpec, seed: int, numbers: Iterable[int], jobs: int) -> Generator[dict[str, Any], None, None]:
    """A row for each of `numbers`, as they come; `jobs` workers. One that dies costs only the run that it was at."""
    return as_they_come(partial(row_of, spec, seed), numbers, jobs, row_lost)


def row_lost(number: int, why: str) -> dict[str, Any]:
    """The row of a run that no worker came through."""
    return not_run(number, "worker_died", why)
