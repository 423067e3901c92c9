"""The picture of docs/forecast.md: the sentinel of the two shipped scenarios, one over the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rfgen.assemble import assemble
from rfgen.records import State
from rfgen.scenario import load_scenario

SCENARIOS = (
    ("forecast-overshoot", "#b03a2e", "all but without"),
    ("forecast-prevented", "#1f618d", "with the forecast"),
)
WIDTH, HEIGHT = 760, 320
LEFT, RIGHT, TOP, BOTTOM = 48, 20, 16, 40
LEAST_C, MOST_C = 36.0, 50.0
LIMIT_C = 45.0


def sentinel(name: str) -> tuple[list[tuple[float, float]], float]:
    """(true temperature over time, each second; when RF went off)."""
    scenario = load_scenario(name)
    assembly = assemble(scenario)
    session = assembly.session
    channel = scenario.device.sentinel_channels[0]
    every = 1000 // scenario.device.period_ms
    points: list[tuple[float, float]] = []
    off: list[float] = []

    def look(tick: int, reply: object, decision: object) -> None:
        now_s = (tick + 1) * scenario.device.period_ms * 1e-3
        if session.generator.state is State.CUTOFF and not off:
            off.append(now_s)
        if tick % every == 0:
            points.append((now_s, assembly.bench.plant.site_c[channel]))

    session.on_tick = look
    session.run()
    return points, off[0]


def draw(path: Path) -> None:
    """Runs both and writes the SVG."""
    runs = [(*sentinel(name), colour, words) for name, colour, words in SCENARIOS]
    most_s = max(points[-1][0] for points, *_ in runs)

    def x(time_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * time_s / most_s

    def y(reading_c: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (MOST_C - reading_c) / (MOST_C - LEAST_C)

    def text(at: tuple[float, float], words: str, colour: str = "#333", anchor: str = "start") -> str:
        return f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" fill="{colour}" text-anchor="{anchor}">{words}</text>'

    def line(a: tuple[float, float], b: tuple[float, float], colour: str, dash: str = "") -> str:
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        return f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" stroke="{colour}"{dashed}/>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for reading_c in range(int(LEAST_C), int(MOST_C) + 1, 2):
        parts.append(line((LEFT, y(reading_c)), (WIDTH - RIGHT, y(reading_c)), "#e5e5e5"))
        parts.append(text((LEFT - 6, y(reading_c) + 4), str(reading_c), anchor="end"))
    for time_s in range(0, int(most_s), 30):
        parts.append(text((x(time_s), HEIGHT - BOTTOM + 16), str(time_s), anchor="middle"))
    parts.append(text((WIDTH - RIGHT, HEIGHT - 6), "s", anchor="end"))
    parts.append(text((LEFT, TOP - 4), "true temperature at the sentinel, °C"))
    parts.append(line((LEFT, y(LIMIT_C)), (WIDTH - RIGHT, y(LIMIT_C)), "#c0392b", "6 4"))
    parts.append(text((LEFT + 6, y(LIMIT_C) - 5), "45 °C", "#c0392b"))
    for points, off_s, colour, words in runs:
        parts.append(_curve([(x(t), y(c)) for t, c in points], colour))
        parts.append(line((x(off_s), TOP), (x(off_s), HEIGHT - BOTTOM), colour, "2 3"))
        off_c = next(c for t, c in points if t >= off_s)
        parts.append(text((x(off_s) + 5, HEIGHT - BOTTOM - 6), f"RF off at {off_c:.1f} °C", colour))
        peak_s, peak_c = max(points, key=lambda point: point[1])
        parts.append(text((x(peak_s), y(peak_c) - 8), f"{words}: {peak_c:.1f} °C", colour, "middle"))
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def _curve(points: Sequence[tuple[float, float]], colour: str) -> str:
    at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="2"/>'
