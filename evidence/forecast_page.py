# ruff: noqa: E501 (prose for a page)
"""The page of the forecast study: docs/forecast.md, written from the study's rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evidence.forecast_picture import draw
from evidence.forecast_treat import Branch, Pair
from evidence.forecast_vertebrae import (
    CHEAP,
    DEVICES,
    ERODED,
    OTHER_TARGET_C,
    PERIOD_MS,
    RED_MARROW,
    SPANS,
    TARGET_C,
    TRAINED_SEEDS,
    Vertebra,
)
from evidence.page import Page
from rfgen.campaign.bound import interval, upper_bound
from rfgen.safety.limits import LIMITS
from rfgen.safety.thermal import (
    FORECAST_WINDOW_US,
    LATE,
    LATE_MOST_S,
    MARGIN_C,
    SOON_FADES_S,
    SOON_FLOOR,
    SOON_LEAST_S,
    SOON_S,
)

LIMIT_C, LATER_C, NEVER_C, SOUND_C = 45.0, 45.5, 47.0, 44.0
MOST_LATER, MOST_CUT = 0.001, 0.02
LEAST_PASSING = 500

Case = tuple[Vertebra, Pair]


class Where(NamedTuple):
    """What is judged: a place, and over which vertebrae."""

    name: str
    of: Callable[[Branch], float]


SENTINEL = Where("the sentinel", lambda branch: branch.sentinel_c)
DURA = Where("the hottest point of cord and dura", lambda branch: branch.dura_c)


class Counts(NamedTuple):
    """Over some vertebrae, at one place."""

    all: int
    passing: int
    """Above 45 C without the row."""
    later: int
    """Above 45.5 C with it."""
    never: int
    """Above 47 C with it."""
    sound: int
    """Below 44 C without it, and at the sentinel too."""
    cut: int
    """Of those, cut by it."""
    later_without: int
    never_without: int

    @property
    def kept(self) -> bool:
        """The promises."""
        return self.later <= MOST_LATER * self.all and not self.never and self.cut <= MOST_CUT * self.sound


def count(cases: Sequence[Case], where: Where) -> Counts:
    """What came of these vertebrae at one place."""
    without = np.array([where.of(pair.without) for _, pair in cases])
    with_row = np.array([where.of(pair.forecast) for _, pair in cases])
    cut = np.array([pair.with_row is not None for _, pair in cases], dtype=np.bool_)
    sound = (without < SOUND_C) & (np.array([pair.without.sentinel_c for _, pair in cases]) < SOUND_C)
    return Counts(
        len(cases),
        int((without > LIMIT_C).sum()),
        int((with_row > LATER_C).sum()),
        int((with_row > NEVER_C).sum()),
        int(sound.sum()),
        int((cut & sound).sum()),
        int((without > LATER_C).sum()),
        int((without > NEVER_C).sum()),
    )


def rate(found: int, tries: int) -> str:
    """A rate with its exact 95 % interval, and the one-sided bound where nothing was found."""
    if not tries:
        return "none"
    low, high = interval(found, tries)
    if not found:
        return f"0 of {tries}: at most {100 * upper_bound(0, tries):.2g} %"
    return f"{found} of {tries}: {100 * found / tries:.2g} % ({100 * low:.2g} to {100 * high:.2g} %)"


def method() -> str:
    """How the forecast is made, with the figures that the code has."""
    lines = ", ".join(f"{of_rise:g} x rise x age - {of_risen:g} x risen" for of_rise, of_risen in LATE)
    share = LIMITS["forecast_share"]
    return (
        f"`SENTINEL_FORECAST` trips where level + forecast_share x climb passes {LIMIT_C:g} °C. Level and rise are those of a straight line through the sentinel's last {FORECAST_WINDOW_US / 1e6:g} s, laid "
        "through the means of each 100 ms (so a forecast is there from that long after the link on). The climb is what would follow an RF-off now, of two parts and a margin:\n\n"
        f"- *soon*: the rise goes on for {SOON_S:g} s, less as the heating grows older ({SOON_S:g} s x (1 - age / {SOON_FADES_S:g} s), at least {SOON_LEAST_S:g} s), and less as less power is delivered: {100 * SOON_FLOOR:g} % of it counts always, the rest by the mean power of the last {FORECAST_WINDOW_US / 1e6:g} s as a share of the mean since RAMP was entered, at most 1;\n"
        f"- *late*: the greatest of 0, {lines}. *Age* is the time since RAMP was entered, counted to {LATE_MOST_S:g} s; *risen* is the level less the first level of the treatment;\n- a margin of {MARGIN_C:g} °C, for what a sentinel may read too little (assumed).\n\n"
        "The second part is the similarity of heat conduction: where heat is put in steadily and only conducted, what is still to come, as a share of what has come, depends on rise x age / risen alone, "
        "whatever the distance and the diffusivity. It is convex in it, so straight lines bound it; and at one rise and age a sentinel that has risen less climbs more, as the heat that it sees is further away. "
        "The power is in the first part because the sentinel is late: for a minute or more it goes on rising by what was put in before the power fell, and a treatment that has come to its target and needs little to hold it can be forecast 4 °C too high without that. "
        "The power can only take off, never more than that part's share, and a power that is no number takes off nothing (that it is right is for POWER_DEVIATION and METER_DISAGREE). "
        "But for the margin, twice the curve has twice the climb; it is never less for a faster rise, "
        f"and never below 0 (`forecast_share` is {share.default:g}; a profile may set it from {share.hard_min:g} to {share.hard_max:g}). A sentinel that is missing, open, shorted or no number is TC_INVALID's, at once: no forecast is made up for it."
    )


def chosen(seed: int) -> str:
    """On what the figures were chosen, and whether what is judged here is something else."""
    on = f"The form was fitted to solutions of the field plant (`python -m evidence.forecast_fit`, seed 2), and the figures, and that the power counts, were then chosen with the first 3000 vertebrae of seeds {' and '.join(map(str, TRAINED_SEEDS))} in view. "
    if seed in TRAINED_SEEDS:
        return (
            on
            + f"This page is of seed {seed}, one of these: its rates are a little kinder than those of fresh vertebrae."
        )
    return (
        on + f"This page is of seed {seed}, on which nothing was chosen: the figures were fixed, and judged on it once."
    )


def population() -> list[tuple[str, ...]]:
    """The distribution, as a table."""
    rows = [(name, f"{least:g} to {most:g}", source) for name, (least, most, source) in SPANS.items()]
    hot = (
        f"{TARGET_C['bench'][0]:g} to {TARGET_C['bench'][1]:g} (cooled), {OTHER_TARGET_C[0]:g} to {OTHER_TARGET_C[1]:g}"
    )
    rows.append(("target_c", hot, "assumed: the upper part of what the profiles allow"))
    rows.append(("wall", f"eroded in {100 * ERODED:g} %", "assumed"))
    rows.append(
        (
            "round the lesion",
            f"red marrow in {100 * RED_MARROW:g} %, else cancellous bone",
            "as in the patient population",
        )
    )
    return rows


def write(path: Path, cases: Sequence[Case], seed: int, version: str, grid: Path | None = None) -> bool:
    """The page; True where every promise is kept."""
    page = Page("The forecast cutoff", f"make forecast-study N={len(cases)}")
    page.say(
        "Published: with a sentinel at 45 °C RF was stopped at once, and in one of ten patients the canal still rose to 48 °C, with nerve damage (Nakatsuka 2009). "
        "Heat that is already in the tissue goes on travelling, for minutes where it has far to go. It is a development and test tool: this page says what the firmware does on a simulated plant."
    )
    page.section("How it forecasts")
    page.say(method())
    page.say(chosen(seed))
    page.section("The vertebrae")
    page.say(
        f"{len(cases)} random vertebrae (seed {seed}, code {version}) on the field plant, the wall a ring round the needle, each treated once with the row and once without it by the real firmware in closed loop, from the same "
        f"seed, on the profiles {', '.join(DEVICES)} in turn. All other interlocks are in force in both. A tick is {PERIOD_MS} ms long instead of the profiles' 20, and each reading has the noise of the five that it stands for. "
        f"Grid {CHEAP.grid}, steps of {CHEAP.step_s:g} s, current solved anew at {CHEAP.refresh:g}."
    )
    page.table(("drawn evenly", "from and to", "source"), population())
    if grid is not None and grid.exists():
        _grid(page, json.loads(grid.read_text(encoding="utf-8")), version)
    ends = Counter(pair.without.reason for _, pair in cases)
    page.say(
        "Without the row they ended in: "
        + ", ".join(f"{reason} {number}" for reason, number in ends.most_common())
        + "."
    )

    front = [case for case in cases if case[0].before_dura]
    behind = [case for case in cases if not case[0].before_dura]
    page.section("At the sentinel")
    kept = _judge(page, cases, SENTINEL)
    _peaks(page, cases, SENTINEL)
    page.section("At cord and dura")
    page.say(
        "Heat comes to the cord through the dura, so the hottest point of both lies on the dura. A sentinel in the epidural fat stands before it; one that is deeper than the dura is cooler than what it is to guard, and no "
        "forecast of its own peak can know by how much. So the two are judged apart. A treatment counts as one that would have stayed below 44 °C where the sentinel would have as well."
    )
    kept &= _judge(page, front, DURA, " where the sentinel lies before the dura")
    _peaks(page, front, DURA)
    page.say(
        "Where the sentinel lies behind the dura, this is what it cannot see. It is shown, and not promised: put the sentinel into the epidural fat, or lower `sentinel_c`."
    )
    _depths(page, behind)
    page.section("The worst")
    page.say(
        "The highest peaks at the sentinel with the row in force, and the lowest of all treatments that were cut; each can be run again by its number (`evidence.forecast_vertebrae.vertebra`)."
    )
    _worst(page, cases)
    page.lines += ["## Side by side", "", *SIDE_BY_SIDE]
    draw(path.with_suffix(".svg"))
    page.write(path)
    return kept


def _judge(page: Page, cases: Sequence[Case], where: Where, over: str = "") -> bool:
    found = count(cases, where)
    page.table(
        (f"{where.name}{over}", "without the row", "with it"),
        [
            (f"passes {LIMIT_C:g} °C", rate(found.passing, found.all), ""),
            (f"peaks above {LATER_C:g} °C", rate(found.later_without, found.all), rate(found.later, found.all)),
            (f"peaks above {NEVER_C:g} °C", rate(found.never_without, found.all), rate(found.never, found.all)),
            (f"below {SOUND_C:g} °C without it, and cut", "", rate(found.cut, found.sound)),
        ],
    )
    kept = page.verdict(
        found.later <= MOST_LATER * found.all,
        f"at {where.name}{over}, peaks above {LATER_C:g} °C in at most {100 * MOST_LATER:g} %: {rate(found.later, found.all)}",
    )
    kept &= page.verdict(
        found.never == 0, f"at {where.name}{over}, none above {NEVER_C:g} °C: {rate(found.never, found.all)}"
    )
    kept &= page.verdict(
        found.cut <= MOST_CUT * found.sound,
        f"at {where.name}{over}, of treatments that would have stayed below {SOUND_C:g} °C at most {100 * MOST_CUT:g} % are cut: {rate(found.cut, found.sound)}",
    )
    if not over:
        kept &= page.verdict(
            found.passing >= LEAST_PASSING,
            f"at least {LEAST_PASSING} pass {LIMIT_C:g} °C without the row: {found.passing}",
        )
    return kept


def _peaks(page: Page, cases: Sequence[Case], where: Where) -> None:
    """How far up those come that pass 45 C without the row."""
    passing = [pair for _, pair in cases if where.of(pair.without) > LIMIT_C]
    if not passing:
        return
    shares = (0, 10, 50, 90, 99, 100)
    rows = []
    for name, values in (
        ("without the row", [where.of(pair.without) for pair in passing]),
        ("with it", [where.of(pair.forecast) for pair in passing]),
    ):
        rows.append((name, *(f"{value:.1f}" for value in np.percentile(values, shares))))
    page.table((f"peak of those {len(passing)}, °C", "least", *(f"{share} %" for share in shares[1:-1]), "most"), rows)


def _depths(page: Page, cases: Sequence[Case]) -> None:
    rows = []
    for least, most in ((0.0, 2.0), (2.0, 4.0), (4.0, 9.0)):
        here = [c for c in cases if least < c[0].drawn["offset_mm"] - c[0].drawn["fat_mm"] <= most]
        if not here:
            continue
        found = count(here, DURA)
        rows.append(
            (
                f"{least:g} to {most:g} mm",
                str(found.all),
                rate(found.later_without, found.all),
                rate(found.later, found.all),
                rate(found.cut, found.sound),
            )
        )
    page.table(
        (
            "sentinel behind the dura by",
            "vertebrae",
            f"dura above {LATER_C:g} °C without",
            "with",
            f"below {SOUND_C:g} °C and cut",
        ),
        rows,
    )


def _worst(page: Page, cases: Sequence[Case]) -> None:
    order = sorted(cases, key=lambda case: -case[1].forecast.sentinel_c)[:5]
    low = sorted((case for case in cases if case[1].with_row is not None), key=lambda case: case[1].without.sentinel_c)[
        :3
    ]
    rows = []
    for one, pair in (*order, *low):
        without, found = pair.without, pair.forecast
        rows.append(
            (
                str(one.index),
                one.device,
                f"{one.drawn['distance_mm'] + one.drawn['thickness_mm'] + one.drawn['offset_mm']:.1f}",
                f"{without.reason}, {without.off_s:.1f} s",
                f"{without.sentinel_c:.2f}",
                f"{found.reason}, {found.off_s:.1f} s",
                f"{found.sentinel_c:.2f}",
            )
        )
    page.table(("number", "device", "sentinel from the axis, mm", "without", "peak, °C", "with", "peak, °C"), rows)


def _grid(page: Page, found: dict[str, object], version: str) -> None:
    note = "" if found["code"] == version else f" (measured with code {found['code']})"
    page.say(
        f"The study's grid, held against the default one on {found['vertebrae']:g} of these vertebrae, heated for 80 s or until the sentinel comes to 40 °C, and cooled for 80 s{note}: greatest error of the peak {found['sentinel_c']:.2f} °C at the sentinel, {found['dura_c']:.2f} °C at the dura; the default one against the fine one, on {found['fine']:g}: {found['default_c']:.2f} °C."
    )


SIDE_BY_SIDE = [
    "Two shipped scenarios are one vertebra, with the forecast and all but without it (`forecast_share` at its least, a tenth):",
    "",
    "```sh",
    "rfgen run forecast-overshoot --out overshoot",
    "rfgen run forecast-prevented --out prevented",
    "rfgen report overshoot prevented --out both.html",
    "```",
    "",
    "![The sentinel of both over time, with RF off and the 45 °C line](forecast.svg)",
    "",
]
