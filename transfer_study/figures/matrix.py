"""Effects as a matrix: a row a source, a column a target, and apart the row of the full mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx
import numpy as np

from transfer_study.analysis.graph.graph import effects_of, number_of, tasks_of
from transfer_study.figures import palette
from transfer_study.figures.canvas import Canvas
from transfer_study.figures.cell import CellStyle, cell_of, draw_cell, draw_missing, frame
from transfer_study.figures.geometry.outline import Points
from transfer_study.figures.lettering import (
    SMALL,
    height,
    shorten,
    width,
    wrap_name,
)
from transfer_study.figures.naming import fit_names, numbers_of, one_line, plain_label
from transfer_study.points import points

MIX = "+"  # stands for the source of the full mix; no task can have this name
_MIX_NAME = "all the others"
_ROWS, _COLUMNS = "trained with \u2193", "effect on \u2192"
_GAPS, _NARROW_GAPS = (6.0, 10.0), (2.0, 3.0)  # of families, and before the full mix
_WHOLE = 200.0  # the width of a name on one line, at most
_MOST_LINES = 4  # above a column
_SHORTENED = 80.0  # the width of a name beside narrow cells
_LARGEST = 13.0  # the width of narrow cells at most


class Matrix:
    """The matrix of a graph, first measured, then drawn.

    Tasks stand in the given order, or else in the graph's own with families side by side. With
    `room`, the matrix is as wide as that, and columns have the numbers of their tasks for names.
    """

    def __init__(
        self,
        graph: nx.DiGraph[str],
        style: CellStyle,
        *,
        order: Sequence[str] | None = None,
        room: float | None = None,
    ) -> None:
        tasks = tasks_of(graph)
        self._numbers = numbers_of(graph)
        self._style, self._room = style, room
        self._gap, self._mix_gap = _GAPS if room is None else _NARROW_GAPS
        self._tasks = {name: tasks[name] for name in order} if order else _by_domain(tasks)
        self._fills = palette.domain_fills(task["domain"] for task in self._tasks.values())
        self._cells = {ends: cell_of(effect, style) for ends, effect in effects_of(graph).items()}
        self._mix = {
            name: cell_of(task, style, prefix="full_")
            for name, task in self._tasks.items()
            if "full_verdict" in task
        }
        every = [*self._cells.values(), *self._mix.values()]
        self.largest = max((abs(c.delta) for c in every if c.verdict.coloured), default=0.0)
        widest = max((cell.width for cell in every), default=0.0)
        self.cell = np.array([max(widest + style.pad, style.least[0]), style.least[1]])
        if room is None:
            self._measure_names()
        else:
            self._measure_numbers(room)
        self._offsets = self._measure_offsets()
        last = self._offsets[next(reversed(self._tasks))]
        bottom = (
            last + self.cell + np.array([0.0, self._mix_gap + self.cell[1] if self._mix else 0.0])
        )
        self.width, self.height = (float(v) for v in self._corner + bottom)

    def _measure_offsets(self) -> dict[str, Points]:
        offsets, gap, before = {}, 0.0, None
        for i, (name, task) in enumerate(self._tasks.items()):
            gap += self._gap if before not in (None, task["domain"]) else 0.0
            before = task["domain"]
            offsets[name] = i * self.cell + gap
        return offsets

    def _measure_names(self) -> None:
        # As many lines as the cells are high, unless a name would be far too long.
        lines = max(int(self.cell[1] / height(1, SMALL)), 1)
        limit = {2: 80.0, 3: 104.0}.get(lines, _WHOLE)
        self.labels = fit_names(self._numbers, limit, SMALL, lines=lines, whole=_WHOLE)
        self._names = {name: one_line(label) for name, label in self.labels.items()}
        self._rows = self.labels
        self._heads = {
            name: tuple(wrap_name(text, self.cell[0] - 6, SMALL))
            for name, text in self._names.items()
        }
        # Names that are wider than a column, however they break, are set upright.
        self._turned = any(
            _widest(lines) > self.cell[0] - 4 or len(lines) > _MOST_LINES
            for lines in self._heads.values()
        )
        if self._turned:
            top = max(width(name, SMALL) for name in self._names.values()) + 6.0
        else:
            top = height(max(map(len, self._heads.values())), SMALL) + 6.0
        texts = [[_ROWS, _COLUMNS, _MIX_NAME], *self._rows.values()]
        # In the corner stand the headings of rows and columns, one above the other.
        top = max(top, height(2, SMALL) + 6.0)
        self._corner = np.array([max(map(_widest, texts)) + 10.0, top])

    def _measure_numbers(self, room: float) -> None:
        self._rows = {
            name: (shorten(self._numbered(name), _SHORTENED, SMALL),) for name in self._tasks
        }
        self._heads = {name: (str(self._numbers[name]),) for name in self._tasks}
        self._names = {name: label for name, (label,) in self._heads.items()}
        self._turned = True
        texts = [[_ROWS, _COLUMNS, _MIX_NAME], *self._rows.values()]
        self._corner = np.array([max(map(_widest, texts)) + 10.0, height(2, SMALL) + 6.0])
        families = len({task["domain"] for task in self._tasks.values()})
        free = room - float(self._corner[0]) - (families - 1) * self._gap
        side = min(free / len(self._tasks), _LARGEST)
        self.cell = np.array([side, max(side, self._style.least[1])])

    def _numbered(self, name: str) -> str:
        label = plain_label(name, self._numbers[name])
        return f"{self._numbers[name]} {label}" if label == name else label

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        """Draw with the upper left corner at x, y; cells have the gid `cell:A->B`."""
        origin = np.array([x, y]) + self._corner
        self._draw_names(canvas, origin)
        for source in self._tasks:
            for target in self._tasks:
                self._draw_effect(canvas, origin, source, target)
        low = self._offsets[next(reversed(self._tasks))][1] + self.cell[1] + self._mix_gap
        for target, cell in self._mix.items():
            at = origin + np.array([self._offsets[target][0], low]) + self.cell / 2
            name = f"{MIX}->{target}"
            draw_cell(canvas, at, self.cell, cell, largest=self.largest, name=name)
        if self._mix:
            middle = float(origin[1] + low + self.cell[1] / 2)
            canvas.text(float(origin[0]) - 8.0, middle, _MIX_NAME, bold=True, align="right")

    def _draw_effect(self, canvas: Canvas, origin: Points, source: str, target: str) -> None:
        place = np.array([self._offsets[target][0], self._offsets[source][1]])
        at = origin + place + self.cell / 2
        if source == target:
            task = self._tasks[source]
            canvas.shape(frame(at, self.cell, self._style.inset), fill=self._fills[task["domain"]])
            if self._room is not None:
                return  # too narrow for a score
            size = min(self._style.size, SMALL)
            canvas.text(
                float(at[0]),
                float(at[1]),
                points(number_of(task)),
                size=size,
                align="center",
                gid=f"score:{source}",
            )
        elif (source, target) in self._cells:
            cell = self._cells[source, target]
            name = f"{source}->{target}"
            draw_cell(canvas, at, self.cell, cell, largest=self.largest, name=name)
        else:
            draw_missing(canvas, at, self.cell, self._style.inset)

    def _draw_names(self, canvas: Canvas, origin: Points) -> None:
        left, top = map(float, origin)
        start = top - 4.0 - height(2, SMALL)
        canvas.lines(left - 8.0, start, [_COLUMNS, _ROWS], bold=True, align="right")
        for name, (dx, dy) in self._offsets.items():
            lines = self._rows[name]
            start = top + dy + self.cell[1] / 2 - height(len(lines), SMALL) / 2
            canvas.lines(left - 8.0, start, lines, align="right", gid=f"row:{name}")
            middle = float(left + dx + self.cell[0] / 2)
            if self._turned:
                words = self._names[name]
                canvas.text(middle, top - 5.0, words, turned=True, gid=f"column:{name}")
                continue
            start = top - 4.0 - height(len(self._heads[name]), SMALL)
            canvas.lines(middle, start, self._heads[name], align="center", gid=f"column:{name}")


def _by_domain(tasks: dict[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    domains = list(dict.fromkeys(task["domain"] for task in tasks.values()))
    return dict(sorted(tasks.items(), key=lambda item: domains.index(item[1]["domain"])))


def _widest(lines: Sequence[str]) -> float:
    return max(width(line, SMALL, bold=True) for line in lines)
