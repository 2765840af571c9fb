"""A table for readers, in no format yet, and what becomes of it in Markdown and LaTeX.

A terminal's form is made by `terminal.console`, the page's by its template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any

from transfer_study.points import MISSING, counted, interval, known, points
from transfer_study.visible import visible

if TYPE_CHECKING:
    import pandas as pd

_LONG = 10_000  # numbers from which decimals say nothing


@dataclass(frozen=True, slots=True)
class TableCell:
    """A text that is bold, or has the letters of its notes beside it."""

    text: str
    bold: bool = False
    marks: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and what a record has below it: what `said` makes of it, or its value by that name.

    Numbers stand to the right; what is `whole` is never broken over lines.
    """

    heading: str
    said: Callable[[Any], str | TableCell] | Hashable
    number: bool = False
    whole: bool = False

    def cell(self, record: Any) -> TableCell:
        """The cell of a record, a mapping or an object; a dash where nothing is known."""
        value = self.said(record) if callable(self.said) else _value(record, self.said)
        return value if isinstance(value, TableCell) else TableCell(known(value))


def _value(record: Any, name: Any) -> Any:
    return record[name] if isinstance(record, Mapping) else getattr(record, name)


# Words that may be broken, words that stay on their line, and numbers.
text = Column
label = partial(Column, whole=True)
number = partial(Column, number=True, whole=True)


def score(heading: str, name: str) -> Column:
    """Scores by their name, in points."""
    return number(heading, lambda record: points(_value(record, name)))


def change(heading: str, name: str) -> Column:
    """Differences of scores by their name, in points."""
    return number(heading, lambda record: points(_value(record, name), signed=True))


def span(heading: str, low: str, high: str) -> Column:
    """Intervals of differences by the names of their ends, in points."""
    return number(
        heading, lambda record: interval(_value(record, low), _value(record, high), signed=True)
    )


@dataclass(frozen=True, slots=True)
class TableRow:
    """Cells, and how a terminal that has colours shows them."""

    cells: tuple[TableCell, ...]
    style: str


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; `notes` are what must be known to read them, some with a letter."""

    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    title: str
    notes: tuple[TableCell, ...]


def table_of(
    records: Iterable[Any],
    *columns: Column,
    title: str = "",
    notes: Sequence[TableCell] = (),
    style: Callable[[Any], str] = lambda _: "",
) -> Table:
    """A row a record; `style` is that of `rich`."""
    rows = (TableRow(tuple(c.cell(record) for c in columns), style(record)) for record in records)
    return Table(columns, tuple(rows), title, tuple(notes))


def frame_table(frame: pd.DataFrame, most: int | None = None) -> Table:
    """A data frame as it is, or the first rows of a very long one and how many are left out."""
    shown = frame if most is None else frame.head(most)
    rest = len(frame) - len(shown)
    kinds = {name: getattr(frame[name].dtype, "kind", "") for name in frame}
    columns = (
        Column(str(name).replace("_", " "), partial(_as_it_is, name), number=kind in tuple("iuf"))
        for name, kind in kinds.items()
    )
    notes = [TableCell(f"Not shown: {counted(rest, 'more row')}.")] if rest else []
    return table_of(shown.to_dict("records"), *columns, notes=notes)


def _as_it_is(name: Hashable, record: Mapping[Hashable, Any]) -> str:
    value = record[name]
    if isinstance(value, bool) or not isinstance(value, Real) or known(value) == MISSING:
        return known(value)
    exact = float(value)
    whole = exact == int(exact) or abs(exact) >= _LONG
    return f"{exact:,.0f}" if whole else f"{exact:.4g}"


def as_markdown(table: Table) -> str:
    """The columns and rows as GitHub's Markdown."""
    heads = (markdown_text(column.heading) for column in table.columns)
    sides = ("---:" if column.number else "---" for column in table.columns)
    lines = [heads, sides, *(map(_MARKDOWN.cell, row.cells) for row in table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_latex(table: Table, caption: str | None = None) -> str:
    r"""The columns and rows as a tabular of booktabs or, with a caption, a longtable."""
    columns = "".join("r" if column.number else "l" for column in table.columns)
    lines = [[latex_text(column.heading) for column in table.columns]]
    lines += [list(map(_LATEX.cell, row.cells)) for row in table.rows]
    first, *rows = (rf"{' & '.join(line)} \\" for line in lines)
    head = [r"\toprule", first, r"\midrule"]
    if caption is None:
        parts = [rf"\begin{{tabular}}{{{columns}}}", *head, *rows]
        return "\n".join([*parts, r"\bottomrule", r"\end{tabular}"])
    parts = [rf"\begin{{longtable}}{{{columns}}}", rf"\caption{{{latex_text(caption)}}}\\"]
    parts += [*head, r"\endfirsthead", *head, r"\endhead", r"\bottomrule", r"\endfoot"]
    return "\n".join([*parts, *rows, r"\end{longtable}"])


def markdown_notes(table: Table) -> list[str]:
    """The notes as Markdown."""
    return list(map(_MARKDOWN.note, table.notes))


def latex_notes(table: Table) -> list[str]:
    """The notes for LaTeX."""
    return list(map(_LATEX.note, table.notes))


def markdown_text(words: str) -> str:
    """Words that Markdown shows as they are, on one line and inside a table's cell."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", _one_line(words))


def latex_text(words: str) -> str:
    """Words that LaTeX sets as they are."""
    return "".join(_IN_LATEX.get(sign, sign) for sign in _one_line(words))


def _one_line(words: str) -> str:
    return visible(" ".join(words.split()))


_IN_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "–": "--",
    "−": "$-$",
    "…": r"\ldots{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


@dataclass(frozen=True, slots=True)
class _Form:
    """How a format escapes words, and makes them bold or a note's letter."""

    escape: Callable[[str], str]
    bold: str
    letter: str

    def cell(self, cell: TableCell) -> str:
        words = self.escape(cell.text)
        words = self.bold.format(words) if cell.bold else words
        return words + (self.letter.format(cell.marks) if cell.marks else "")

    def note(self, note: TableCell) -> str:
        letter = f"{self.letter.format(note.marks).strip()} " if note.marks else ""
        return letter + self.escape(note.text)


_MARKDOWN = _Form(markdown_text, "**{}**", " <sup>{}</sup>")
_LATEX = _Form(latex_text, r"\textbf{{{}}}", "$^{{{}}}$")
