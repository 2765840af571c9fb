"""What an edge means, in words and as a table: for the Markdown and for the page alike."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import pandas as pd

from transfer_study.analysis.edges import key_of
from transfer_study.analysis.meaning.table import TO_RIGHT, TO_WRONG, WORTH
from transfer_study.points import MINUS
from transfer_study.report.content import Content
from transfer_study.report.sentences.words import effect_text
from transfer_study.report.tables.table import Table, change, number, score, span, table_of, text

Row: TypeAlias = Mapping[Any, Any]
COUNTED = (TO_RIGHT, TO_WRONG, WORTH)
_IN_MARKDOWN = 10  # gains and losses; the table of all has the rest
NOTE = (
    "By class: the F1 of that class or type of mention. By length, by rarity of what is asked for, "
    "and by how many of an example's words the partner's training has: the task's own metric on "
    "these examples. A sentence that is tagged is right where all its tags are. Intervals are "
    "adjusted for all parts of all edges that were looked into; what "
    "a part shows is where an effect is seen, not what causes it."
)


def of_edges(content: Content) -> Iterator[tuple[str, list[str], Table]]:
    """The largest gains and losses: the edge in words, its sentences, and its parts."""
    if content.meaning is None or content.meaning.empty:
        return
    decided = content.edges[content.edges["verdict"].isin(["gain", "loss"])]
    largest = decided.loc[decided["delta"].abs().sort_values(ascending=False).index]
    key = key_of(decided)
    known = _by_edge(content.meaning, key)
    there = [edge for _, edge in largest.iterrows() if name_of(edge, key) in known]
    for edge in there[:_IN_MARKDOWN]:
        rows = known[name_of(edge, key)]
        yield effect_text(edge), sentences(rows), parts_table(rows)


def by_edge(content: Content) -> Mapping[tuple[str, ...], list[Row]]:
    """The rows of each edge, by what names it in the deltas."""
    if content.meaning is None:
        return {}
    return _by_edge(content.meaning, key_of(content.deltas))


def _by_edge(meaning: pd.DataFrame, key: Sequence[str]) -> dict[tuple[str, ...], list[Row]]:
    rows: dict[tuple[str, ...], list[Row]] = {}
    for row in meaning.to_dict("records"):
        rows.setdefault(name_of(row, key), []).append(row)
    return rows


def name_of(row: Any, key: Sequence[str]) -> tuple[str, ...]:
    """What names the edge of a row."""
    return tuple(str(row[name]) for name in key)


def parts_table(rows: Sequence[Row]) -> Table:
    """The parts of an edge's test set, and what the edge does there."""
    return table_of(
        parts(rows),
        text("by", "by"),
        text("part", "part"),
        number("n", lambda row: f"{row['n']:,}"),
        score("baseline", "baseline"),
        score("score", "score"),
        change("delta", "delta"),
        span("95% interval", "adjusted_low", "adjusted_high"),
        text("verdict", "verdict"),
    )


def parts(rows: Sequence[Row]) -> list[Row]:
    """Those rows that are of scores."""
    return [row for row in rows if row["by"] not in COUNTED]


def sentences(rows: Sequence[Row]) -> list[str]:
    """How many examples change, and what the effect is worth in training examples."""
    by = {row["by"]: row for row in rows}
    said = []
    if TO_RIGHT in by and TO_WRONG in by:
        said.append(_flips(by[TO_RIGHT], by[TO_WRONG]))
    if WORTH in by:
        said.append(_worth(by[WORTH]))
    return said


def _flips(right: Row, wrong: Row) -> str:
    return (
        f"Of {right['n']:,} test examples {right['score']:,.0f} become right and "
        f"{wrong['score']:,.0f} wrong from a run without it to one with it; between two runs of "
        f"one arm {right['baseline']:,.0f} change each way. Beyond that, {_examples(right)} become "
        f"right and {_examples(wrong)} wrong."
    )


def _examples(row: Row) -> str:
    return f"{_count(row['delta'])}{_ends(row)}"


def _ends(row: Row) -> str:
    if math.isnan(row["low"]):
        return ""
    return f" [{_count(row['low'])}, {_count(row['high'])}]"


def _count(value: float) -> str:
    if math.isinf(value):
        return "fewer than were run" if value < 0 else "more than were run"
    rounded = round(value)
    return f"{MINUS if rounded < 0 else ''}{abs(rounded):,}"


def _worth(row: Row) -> str:
    size, target, delta = row["n"], row["target"], row["delta"]
    if math.isinf(delta):
        said = (
            "alone it scores as much with no size that was run"
            if delta > 0
            else "alone it scores more with the smallest size that was run"
        )
        return f"In training examples of {target}, of which it had {size:,}: {said}{_ends(row)}."
    word = "more" if delta >= 0 else "fewer"
    return (
        f"It is worth as much as {abs(round(delta)):,} {word} training examples of {target}, of "
        f"which it had {size:,}{_as_change(row)}."
    )


def _as_change(row: Row) -> str:
    return f": a change of {_examples(row)}" if not math.isnan(row["low"]) else ""
