"""The page of a campaign's results: one HTML file that opens anywhere, without a network or a script."""

from __future__ import annotations

from html import escape

from rfgen.campaign.results import Figures
from rfgen.campaign.spec import CampaignSpec

_BINS = 30
_WIDTH, _HEIGHT = 520, 110
_STYLE = """body{font:15px system-ui,sans-serif;max-width:62rem;margin:1.5rem auto;padding:0 1rem;color:#0f172a}
table{border-collapse:collapse;margin:.5rem 0 1.5rem;font-size:14px}
td,th{padding:.25rem .7rem;border-bottom:1px solid #e2e8f0;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.ribbon{background:#fef3c7;border:1px solid #f59e0b;padding:.4rem .8rem;color:#78350f}"""


def render(spec: CampaignSpec, seed: int, figures: Figures) -> str:
    """The page as text."""
    parts = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escape(spec.title)}</title><style>{_STYLE}</style></head><body>",
        '<p class="ribbon"><strong>SIMULATED</strong> no rig and no patient: everything here was computed</p>',
        f"<h1>{escape(spec.title)}</h1>",
        f"<p>{figures.runs} runs of seed {seed}, {figures.hours:.1f} simulated hours.</p>",
        "<h2>Rates</h2>",
        _table(
            ("", "runs", "of", "rate", "95 % interval (Clopper-Pearson)"),
            [
                (r.name, str(r.found), str(r.tries), f"{r.share:.4g}", f"{r.least:.3g} to {r.most:.3g}")
                for r in figures.rates
            ],
        ),
        "<h2>What tripped first, in which state</h2>",
        _table(("interlock", "state", "runs"), [(a, b, str(c)) for a, b, c in figures.trips])
        if figures.trips
        else "<p>Nothing tripped.</p>",
    ]
    if figures.to_trip_s:
        parts.append("<h2>Time from fault to trip</h2>")
    for name, times in figures.to_trip_s.items():
        middle, late = times[len(times) // 2], times[min(len(times) - 1, int(0.99 * len(times)))]
        said = f"{len(times)} runs; median {middle:.3g} s, 99 % within {late:.3g} s, longest {times[-1]:.3g} s"
        parts.append(f"<h3>{escape(name)}</h3><p>{said}</p>{_histogram(times)}")
    parts.append("<h2>The worst ten</h2><p>Not as expected first, then the latest trips, then the hottest tissue.</p>")
    if figures.worst:
        names = tuple(figures.worst[0])
        parts.append(_table(names, [tuple(_text(row[name]) for name in names) for row in figures.worst]))
    return "\n".join([*parts, "</body></html>\n"])


def _text(value: object) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    def row(cells: tuple[str, ...], tag: str) -> str:
        made = []
        for cell in cells:
            number = ' class="n"' if cell[:1].isdigit() and tag == "td" else ""
            made.append(f"<{tag}{number}>{escape(cell)}</{tag}>")
        return f"<tr>{''.join(made)}</tr>"

    return f"<table>{row(head, 'th')}{''.join(row(cells, 'td') for cells in rows)}</table>"


def _histogram(times: list[float]) -> str:
    """Of sorted times, from 0 to the longest."""
    most = times[-1] or 1.0
    counts = [0] * _BINS
    for time in times:
        counts[min(_BINS - 1, int(time / most * _BINS))] += 1
    wide, high = _WIDTH / _BINS, max(counts)
    bars = "".join(
        f'<rect x="{n * wide:.1f}" y="{_HEIGHT - 20 - 80 * count / high:.1f}" width="{wide - 1:.1f}" '
        f'height="{80 * count / high:.1f}" fill="#2563eb"/>'
        for n, count in enumerate(counts)
        if count
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" font-size="12" role="img">{bars}'
        f'<text x="0" y="{_HEIGHT - 4}">0 s</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 4}" text-anchor="end">{most:.3g} s</text></svg>'
    )
