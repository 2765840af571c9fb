"""Advice on what to train together, for reading and for other programs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from transfer_study.analysis.advice.grouping import Advice, Grouping, assumptions
from transfer_study.analysis.advice.recommend import Recommendation
from transfer_study.analysis.advice.sentences import how
from transfer_study.points import MISSING, interval, points
from transfer_study.study.stage_labels import sizes_text
from transfer_study.terminal.console import stdout

_SCHEMA = 1


def print_recommendations(_: str, advice: Sequence[Recommendation]) -> None:
    """Print for each encoder and reading the advice, what it was chosen among, and the command."""
    console = stdout()
    for one in advice:
        sizes = {one.task: one.size} if one.size else {}
        about = one.encoder, one.reading, one.variant, sizes
        console.print(_title(one.task, *about), style="bold")
        console.print(one.text)
        _print_compared(console, one)
        _print_commands(console, [one.command])


def _print_compared(console: Console, one: Recommendation) -> None:
    table = _table("train it", numbers=("measured", "adjusted interval", "expected", "seeds"))
    table.add_column("verdict", no_wrap=True)
    for effect in one.compared[1:]:
        table.add_row(
            how(effect),
            points(effect.delta, signed=True),
            interval(effect.low, effect.high, signed=True),
            points(effect.expected, signed=True),
            str(effect.n_seeds),
            str(effect.verdict),
            style="bold" if (effect.arm, effect.partners) == (one.arm, one.partners) else "",
        )
    if table.row_count:
        console.print(table)
        console.print("points of test score over training it alone", style="dim")


def print_groupings(_: str, advice: Sequence[Advice]) -> None:
    """Print for each encoder and reading a line a number of models, and the partition to take."""
    console = stdout()
    for one in advice:
        about = one.encoder, one.reading, one.variant, one.sizes
        console.print(_title("All tasks", *about), style="bold")
        table = _table("groups", numbers=("models", "expected", "interval", "gap"))
        table.add_column("measured", no_wrap=True)
        for row in one.groupings:
            table.add_row(
                "; ".join(" + ".join(group) for group in row.groups),
                str(row.models),
                points(row.expected, signed=True),
                interval(row.low, row.high, signed=True),
                points(row.gap) if row.gap else MISSING,
                _measured(row),
                style="bold" if row.groups == one.chosen.groups else "",
            )
        console.print(table)
        console.print(f"Train {one.chosen.text}.")
        for gain in one.chosen.gains:
            if gain.evidence:
                source = "predicted from pairs" if gain.evidence == "pairs" else gain.evidence
                console.print(
                    f"  {gain.task}: {points(gain.expected, signed=True)} "
                    f"{interval(gain.low, gain.high, signed=True)}, {source}"
                )
        if one.chosen.models < len(one.chosen.gains) and not math.isnan(one.chosen.regret):
            console.print(
                "At the far ends of the intervals, training each alone would give "
                f"{points(one.chosen.regret)} points a task more."
            )
        for sentence in assumptions(one):
            console.print(sentence, style="dim")
        _print_commands(console, one.commands)


def _measured(row: Grouping) -> str:
    joined = [gain for gain in row.gains if gain.evidence]
    if not joined:
        return "–"
    measured = sum(gain.evidence != "pairs" for gain in joined)
    return f"{measured} of {len(joined)} gains"


def _title(what: str, encoder: str, reading: str, variant: str, sizes: Mapping[str, int]) -> str:
    parts = [what, encoder, f"{reading} reading", variant, sizes_text(sizes)]
    return ", ".join(filter(None, parts))


def _table(first: str, numbers: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _print_commands(console: Console, commands: Sequence[str]) -> None:
    for command in commands:
        # Commands are copied as they stand: no folding, no markup.
        console.print(f"  {command}", soft_wrap=True)


def recommendations_as_json(study: str, advice: Sequence[Recommendation]) -> None:
    """Print the same as one JSON object; numbers are fractions of 1, null where not known."""
    _print_json(study, recommendations=[dataclasses.asdict(one) for one in advice])


def groupings_as_json(study: str, advice: Sequence[Advice]) -> None:
    """Likewise for all tasks."""
    said = [{**dataclasses.asdict(one), "assumptions": assumptions(one)} for one in advice]
    _print_json(study, groupings=said)


def _print_json(study: str, **content: Any) -> None:
    print(json.dumps(_known({"schema": _SCHEMA, "study": study, **content}), indent=1))


def _known(value: Any) -> Any:
    """The value with null for every NaN, which JSON does not have."""
    match value:
        case dict():
            return {key: _known(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_known(inner) for inner in value]
        case float():
            return None if math.isnan(value) else value
        case _:
            return value
