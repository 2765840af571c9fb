"""Advice on what to train together, for reading and for other programs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from rich.console import Console

from transfer_study.analysis.advice.grouping import Advice, Grouping, assumptions
from transfer_study.analysis.advice.recommend import Recommendation
from transfer_study.analysis.advice.sentences import how
from transfer_study.points import MISSING, interval, points
from transfer_study.report.tables.table import Table, change, label, number, span, table_of, text
from transfer_study.study.stage_labels import sizes_text
from transfer_study.terminal.console import in_terminal, print_json, stdout


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
    table = table_of(
        one.compared[1:],
        *_COMPARED,
        style=lambda it: "bold" if (it.arm, it.partners) == (one.arm, one.partners) else "",
    )
    if table.rows:
        console.print(in_terminal(table))
        console.print("points of test score over training it alone", style="dim")


def print_groupings(_: str, advice: Sequence[Advice]) -> None:
    """Print for each encoder and reading a line a number of models, and the partition to take."""
    console = stdout()
    for one in advice:
        about = one.encoder, one.reading, one.variant, one.sizes
        console.print(_title("All tasks", *about), style="bold")
        console.print(in_terminal(_grouping_table(one)))
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


def _grouping_table(advice: Advice) -> Table:
    chosen = advice.chosen.groups
    return table_of(
        advice.groupings, *_GROUPINGS, style=lambda one: "bold" if one.groups == chosen else ""
    )


def _measured(grouping: Grouping) -> str:
    joined = [gain for gain in grouping.gains if gain.evidence]
    if not joined:
        return MISSING
    measured = sum(gain.evidence != "pairs" for gain in joined)
    return f"{measured} of {len(joined)} gains"


_COMPARED = (
    text("train it", how),
    change("measured", "delta"),
    span("adjusted interval", "low", "high"),
    change("expected", "expected"),
    number("seeds", "n_seeds"),
    label("verdict", "verdict"),
)
_GROUPINGS = (
    text("groups", lambda one: "; ".join(" + ".join(group) for group in one.groups)),
    number("models", "models"),
    change("expected", "expected"),
    span("interval", "low", "high"),
    number("gap", lambda one: points(one.gap) if one.gap else MISSING),
    label("measured", _measured),
)


def _title(what: str, encoder: str, reading: str, variant: str, sizes: Mapping[str, int]) -> str:
    parts = [what, encoder, f"{reading} reading", variant, sizes_text(sizes)]
    return ", ".join(filter(None, parts))


def _print_commands(console: Console, commands: Sequence[str]) -> None:
    for command in commands:
        # Commands are copied as they stand: no folding, no markup.
        console.print(f"  {command}", soft_wrap=True)


def recommendations_as_json(study: str, advice: Sequence[Recommendation]) -> None:
    """Print the same as one JSON object; numbers are fractions of 1, null where not known."""
    said = list(map(dataclasses.asdict, advice))
    print_json({"study": study, "recommendations": said})


def groupings_as_json(study: str, advice: Sequence[Advice]) -> None:
    """Likewise for all tasks."""
    said = [{**dataclasses.asdict(one), "assumptions": assumptions(one)} for one in advice]
    print_json({"study": study, "groupings": said})
