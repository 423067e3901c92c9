"""Lines of equal value on a rectangular grid: marching squares, joined to closed lines.

The grid is padded with what is far below any level, so that a line that would end at the picture's edge closes there
and its inside can be filled. Plain numpy, for two pictures a report: a plotting library would be its size's worth more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Point = tuple[float, float]
FAR_BELOW = -1e3


def resampled(values: Floats, from_x: Floats, from_y: Floats, x: Floats, y: Floats) -> Floats:
    """`values` (y, x) at other places, linear between."""
    across = np.array([np.interp(x, from_x, row) for row in values])
    return np.array([np.interp(y, from_y, column) for column in across.T]).T


def contours(over: Floats, x: Floats, y: Floats) -> list[list[Point]]:
    """The closed lines on which `over` (y, x) is 0, that lie around what is at or above it or its holes."""
    padded = np.full((y.size + 2, x.size + 2), FAR_BELOW)
    padded[1:-1, 1:-1] = over
    xs = np.concatenate([[x[0] - (x[1] - x[0])], x, [x[-1] + (x[-1] - x[-2])]])
    ys = np.concatenate([[y[0] - (y[1] - y[0])], y, [y[-1] + (y[-1] - y[-2])]])
    inside = padded >= 0.0
    count = inside[:-1, :-1].astype(int) + inside[1:, :-1] + inside[:-1, 1:] + inside[1:, 1:]
    beside: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
    place: dict[tuple[int, int, int], Point] = {}
    for j, i in np.argwhere((count > 0) & (count < 4)).tolist():
        crossed = []
        # an edge by the corner it starts at: 0 runs along x, 1 along y
        for edge, a, b in (
            ((j, i, 0), (j, i), (j, i + 1)),
            ((j, i + 1, 1), (j, i + 1), (j + 1, i + 1)),
            ((j + 1, i, 0), (j + 1, i), (j + 1, i + 1)),
            ((j, i, 1), (j, i), (j + 1, i)),
        ):
            if inside[a] != inside[b]:
                if edge not in place:
                    va, vb = float(padded[a]), float(padded[b])
                    share = va / (va - vb)
                    place[edge] = (
                        float(xs[a[1]] + share * (xs[b[1]] - xs[a[1]])),
                        float(ys[a[0]] + share * (ys[b[0]] - ys[a[0]])),
                    )
                crossed.append(edge)
        for one, other in zip(crossed[::2], crossed[1::2], strict=True):
            beside.setdefault(one, []).append(other)
            beside.setdefault(other, []).append(one)
    return _joined(beside, place)


def _joined(
    beside: dict[tuple[int, int, int], list[tuple[int, int, int]]], place: dict[tuple[int, int, int], Point]
) -> list[list[Point]]:
    """Every crossing has two neighbours, so each walk comes back to where it began."""
    left = set(beside)
    lines = []
    for start in sorted(beside):
        if start not in left:
            continue
        line, at = [], start
        while at in left:
            left.remove(at)
            line.append(place[at])
            at = next((edge for edge in beside[at] if edge in left), start)
        lines.append(line)
    return lines


def thinned(line: list[Point], within: float) -> list[Point]:
    """Fewer points of a closed line: none further than `within` from the line that is left (Douglas and Peucker)."""
    if len(line) < 4:
        return line
    points = np.array([*line, line[0]])
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, len(line) // 2, -1]] = True
    stack = [(0, len(line) // 2), (len(line) // 2, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        a, b = points[first], points[last]
        along = b - a
        length = float(np.hypot(*along))
        between = points[first + 1 : last] - a
        if length == 0.0:
            off = np.hypot(between[:, 0], between[:, 1])
        else:
            off = np.abs(along[0] * between[:, 1] - along[1] * between[:, 0]) / length
        far = int(np.argmax(off))
        if off[far] > within:
            middle = first + 1 + far
            keep[middle] = True
            stack += [(first, middle), (middle, last)]
    return [line[n] for n in np.flatnonzero(keep[:-1]).tolist()]
