"""The page of a campaign's results: one HTML file that opens anywhere, without a network or a script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rfgen.campaign.results import FAILING, Figures, Rate
from rfgen.campaign.spec import CampaignSpec
from rfgen.report.page import page_style

_BINS = 40
_LEFT, _WIDTH, _HEIGHT, _BASE = 34, 640, 112, 86
_RATE_WIDTH = 220
_BLUE, _BAD, _LINE = "#1d4ed8", "#b42318", "#cbd5e1"
_STYLE = """
main > section { overflow-x: auto; }
h2 { margin-top: 2rem; font-size: 1.15rem; }
h3 { font-size: .95rem; margin: 1.1rem 0 0; }
h3 small { font-weight: 400; color: var(--soft); font-size: .85rem; margin-left: .6rem; }
table.fit { width: auto; min-width: 30rem; }
td, th { padding-right: 1.4rem; }
td.n, th.n { text-align: right; white-space: nowrap; width: auto; }
td.w { white-space: nowrap; }
td:last-child { min-width: 13rem; }
table.fit td:last-child { min-width: 0; }
svg { display: block; }
p.note { color: var(--soft); font-size: .88rem; margin: .2rem 0 .5rem; max-width: 60rem; }
.tiles { max-width: 820px; }
"""
_COLUMNS = {
    "run": "run",
    "device": "device",
    "fault": "fault",
    "fault_at": "put on at",
    "outcome": "outcome",
    "reason": "reason",
    "hottest_tissue_c": "hottest tissue, °C",
    "to_trip_s": "fault to trip, s",
    "problems": "not as expected",
}
"""Of the worst ten: a column's name in the results, and on the page."""
_NUMBERS = ("run", "hottest_tissue_c", "to_trip_s")


def render(spec: CampaignSpec, seed: int, figures: Figures) -> str:
    """The page as text."""
    bad = figures.rates[0]
    said = "as expected" if not bad.found else f"{bad.found} of {bad.tries} not as expected"
    tiles = [
        ("Runs", f"{figures.runs:,}", ""),
        ("Simulated", f"{figures.hours:.1f}" if figures.hours >= 0.1 else f"{figures.hours * 60.0:.1f}",
         "h" if figures.hours >= 0.1 else "min"),
        ("Not as expected", f"{bad.found:,}", ""),
        ("95 % interval of that rate", f"{_share(bad.least)} – {_share(bad.most)}", ""),
    ]  # fmt: skip
    parts = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(spec.title)}</title><style>{page_style()}{_STYLE}</style></head><body>",
        '<div class="ribbon" role="note"><strong>SIMULATED</strong> '
        "no rig and no patient: everything here was computed</div><main>",
        f'<h1>{escape(spec.title)}</h1><p class="identity">campaign &middot; seed {seed} &middot; '
        f"every run is fixed by this specification, the seed and its number</p>",
        f'<p class="outcome {"bad" if bad.found else "good"}">{"All" if not bad.found else ""} {said}</p>',
        '<dl class="tiles">',
        *(f"<div><dt>{name}</dt><dd>{value} <small>{unit}</small></dd></div>" for name, value, unit in tiles),
        "</dl>",
        "<section><h2>Rates</h2>",
        '<p class="note">The exact 95 % interval (Clopper and Pearson) as a bar from 0 to 1, what was counted as a '
        "line in it.</p>",
        _rates(figures.rates),
        "</section><section><h2>What tripped first, in which state</h2>",
        _table(("interlock", "state", "runs"), [(a, b, str(c)) for a, b, c in figures.trips], numbers=(2,), fit=True)
        if figures.trips
        else "<p>Nothing tripped.</p>",
        "</section>",
    ]
    if figures.to_trip_s:
        parts.append("<section><h2>Time from fault to trip</h2>")
        parts += [_times(name, times) for name, times in figures.to_trip_s.items()]
        parts.append("</section>")
    parts += [
        "<section><h2>What was measured</h2>",
        '<p class="note">Over the runs of each device: a twentieth of them lies below the figure at 5 %, a twentieth '
        "above that at 95 %.</p>",
        _table(
            ("device", "", "least", "5 %", "median", "95 %", "greatest"),
            [(device, what, *map(_text, values)) for device, what, values in figures.spreads],
            numbers=(2, 3, 4, 5, 6),
            fit=True,
        ),
        "</section>",
    ]
    parts.append(
        "<section><h2>The worst ten</h2>"
        '<p class="note">Not as expected first, then the latest trips, then the hottest tissue.'
        + (f" A failing run again: <code>rfgen run {FAILING}/run-N.yaml</code>." if figures.failing else "")
        + "</p>"
    )
    if figures.worst:
        rows = [tuple(_text(row[name]) for name in _COLUMNS) for row in figures.worst]
        numbers = tuple(n for n, name in enumerate(_COLUMNS) if name in _NUMBERS)
        parts.append(_table(tuple(_COLUMNS.values()), rows, numbers=numbers))
    parts.append("</section><footer>A development and test tool, not a medical device.</footer></main>")
    return "\n".join([*parts, "</body></html>\n"])


def _share(value: float) -> str:
    return f"{value:.3g}"


def _text(value: object) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = (), fit: bool = False
) -> str:
    """`numbers`: columns of figures, which stand on the right."""

    def cell(tag: str, n: int, text: str, last: bool) -> str:
        kind = "n" if n in numbers else "" if last or tag == "th" else "w"
        return f"<{tag}{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{escape(text)}</{tag}>"

    def row(cells: Sequence[str], tag: str) -> str:
        made = (cell(tag, n, text, n == len(cells) - 1) for n, text in enumerate(cells))
        return f"<tr>{''.join(made)}</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    return f"<table{' class=fit' if fit else ''}><thead>{row(head, 'th')}</thead><tbody>{body}</tbody></table>"


def _rates(rates: Sequence[Rate]) -> str:
    """Each with its interval as a bar."""
    rows = []
    for rate in rates:
        figures = (str(rate.found), str(rate.tries), _share(rate.share), f"{_share(rate.least)} – {_share(rate.most)}")
        cells = "".join(f'<td class="n">{text}</td>' for text in figures)
        rows.append(f'<tr><td class="w">{escape(rate.name)}</td>{cells}<td>{_bar(rate)}</td></tr>')
    names = "".join(f'<th class="n">{name}</th>' for name in ("runs", "of", "rate", "95 % interval"))
    return (
        f'<table class="fit"><thead><tr><th></th>{names}<th>0 to 1</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _bar(rate: Rate) -> str:
    colour = _BAD if rate.name.startswith("not as expected") else _BLUE
    left, right = rate.least * _RATE_WIDTH, rate.most * _RATE_WIDTH
    return (
        f'<svg viewBox="-1 0 {_RATE_WIDTH + 2} 16" width="{_RATE_WIDTH + 2}" height="16" role="img">'
        f'<path d="M0 8H{_RATE_WIDTH}M0 4v8M{_RATE_WIDTH} 4v8" stroke="{_LINE}" fill="none"/>'
        f'<rect x="{left:.1f}" y="4" width="{max(right - left, 1.0):.1f}" height="8" rx="2" fill="{colour}" '
        f'fill-opacity="0.3"/>'
        f'<path d="M{rate.share * _RATE_WIDTH:.1f} 2v12" stroke="{colour}" stroke-width="2"/></svg>'
    )


def _times(name: str, times: Sequence[float]) -> str:
    """In figures, and as a histogram where there is anything to see in one."""
    middle, late = times[len(times) // 2], times[min(len(times) - 1, int(0.99 * len(times)))]
    runs = f"{len(times)} run{'' if len(times) == 1 else 's'}"
    if times[-1] == 0.0:
        return f"<h3><code>{escape(name)}</code><small>{runs}, each in the tick that the fault was put on</small></h3>"
    said = f"{runs}; median {middle:.3g} s, 99 % within {late:.3g} s, longest {times[-1]:.3g} s"
    return f"<h3><code>{escape(name)}</code><small>{said}</small></h3>{_histogram(times)}"


def _histogram(times: Sequence[float]) -> str:
    """Of sorted times, from 0 to the longest."""
    most = times[-1] or 1.0
    counts = [0] * _BINS
    for time in times:
        counts[min(_BINS - 1, int(time / most * _BINS))] += 1
    wide, high = (_WIDTH - _LEFT - 10) / _BINS, max(counts)
    bars = "".join(
        f'<rect x="{_LEFT + n * wide:.1f}" y="{_BASE - 70 * count / high:.1f}" width="{wide - 1:.1f}" '
        f'height="{70 * count / high:.1f}" fill="{_BLUE}"/>'
        for n, count in enumerate(counts)
        if count
    )
    span = wide * _BINS
    ticks = "".join(
        f'<path d="M{_LEFT + share * span:.1f} {_BASE}v4" stroke="#94a3b8"/>'
        f'<text x="{_LEFT + share * span:.1f}" y="{_BASE + 17}" text-anchor="{anchor}">{share * most:.3g} s</text>'
        for share, anchor in ((0.0, "middle"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1.0, "end"))
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" font-size="12" fill="#475569" '
        f'role="img"><path d="M{_LEFT} 12V{_BASE}H{_WIDTH - 10}" fill="none" stroke="#94a3b8"/>{bars}'
        f'<text x="{_LEFT - 6}" y="{_BASE - 66}" text-anchor="end">{high}</text>'
        f'<text x="{_LEFT - 6}" y="{_BASE + 4}" text-anchor="end">0</text>{ticks}</svg>'
    )
