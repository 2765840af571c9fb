"""The leaks of a study for people: what, from where to where, how much of test, an example.

And the training rows that are left out because of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from operator import itemgetter
from typing import Any

from transfer_study.data.leaks.findings import Dropped, Leak, LeakKind, Leaks, Severity
from transfer_study.data.splits import TaskData
from transfer_study.report.tables.table import label, number, table_of, text
from transfer_study.study.tasks.source import SPLITS
from transfer_study.terminal.console import headed, in_terminal, stdout
from transfer_study.visible import visible

# Below what may move a score are headings that recur, conflicting labels and the like.
_LISTED = 20
_LISTED_LOW = 5
_LETTERS = 48
_COLUMNS = (
    label("what", itemgetter(0)),
    text("from", itemgetter(1)),
    text("to", itemgetter(2)),
    number("distinct", itemgetter(3)),
    number("verbatim", itemgetter(4)),
    number("short", itemgetter(5)),
    number("rows", itemgetter(6)),
    number("share", itemgetter(7)),
    label("such as", itemgetter(8)),
)
_COLOURS = {Severity.HIGH: "red", Severity.MEDIUM: "yellow", Severity.LOW: "dim"}


def print_leaks(leaks: Leaks, loaded: Mapping[str, TaskData]) -> None:
    """Print the gravest findings, with one shortened text each."""
    console = stdout()
    rows = sum(sum(splits.values()) for splits in leaks.read.values())
    console.print(headed("\nLeaks", f" in the {rows:,} rows that the study reads"))
    if unnamed := [name for name, data in loaded.items() if not _names_documents(data)]:
        names = ", ".join(unnamed)
        console.print(f"by text alone, for their sources name no documents: {names}", style="dim")
    if not leaks.findings:
        console.print("none: no text or document of test was seen in any train or dev")
        return
    low = [leak for leak in leaks.findings if leak.severity is Severity.LOW]
    grave = [leak for leak in leaks.findings if leak.severity is not Severity.LOW]
    shown = [*grave[:_LISTED], *low[:_LISTED_LOW]]
    said = [(*_cells(leak, loaded), leak.severity) for leak in shown]
    table = table_of(said, *_COLUMNS, style=lambda cells: _COLOURS[cells[-1]])
    console.print(in_terminal(table))
    if rest := len(leaks.findings) - len(shown):
        console.print(f"... and {rest} more, mostly of low severity (--json lists all)")
    console.print(
        "red: test scores are too good; yellow: they may be. distinct: texts (or documents) of the "
        "right side that the left has too,\nletters and digits compared, within a task signs too "
        "where labels differ; verbatim: to the letter; short: under 40 letters,\nsuch as headings; "
        "rows, share: of the right side",
        style="dim",
    )
    if any(leak.kind in (LeakKind.TEXT, LeakKind.DOCUMENT) for leak in grave):
        console.print(
            "`exclude_leaks: true` in the study drops the training rows whose text or document is "
            "in a test set",
            style="dim",
        )


def leaks_as_json(leaks: Leaks) -> dict[str, Any]:
    """All findings, with ids as examples and no text."""
    return {"rows": leaks.read, "findings": [asdict(leak) for leak in leaks.findings]}


def print_dropped(dropped: Sequence[Dropped]) -> None:
    """Print which rows `exclude_leaks` left out, by task, split, reason and test set."""
    console = stdout()
    rows = sum(len(part.positions) for part in dropped)
    if not rows:
        console.print("`exclude_leaks` leaves out nothing: no training row is in a test set")
        return
    said = f" by `exclude_leaks`: {rows:,} rows that a test set has too"
    console.print(headed("Left out", said))
    table = table_of(
        dropped,
        text("of", lambda part: f"{part.task} {part.split}"),
        number("rows", lambda part: f"{len(part.positions):,}"),
        label("in common", "why"),
        text("with the test of", "test"),
        text("such as", lambda part: "; ".join(" = ".join(pair) for pair in part.examples)),
    )
    console.print(in_terminal(table))


def dropped_as_json(dropped: Sequence[Dropped]) -> list[dict[str, Any]]:
    """The same as plain values, rows counted; some ids and no text."""
    return [
        {
            **{"task": part.task, "split": part.split, "why": part.why, "test": part.test},
            **{"rows": len(part.positions), "examples": part.examples},
        }
        for part in dropped
    ]


def _names_documents(data: TaskData) -> bool:
    return any(example.named for split in SPLITS for example in data.split(split))


def _cells(leak: Leak, loaded: Mapping[str, TaskData]) -> tuple[str, ...]:
    if leak.kind is LeakKind.PROTOCOL:
        return ("protocol", leak.source_split, leak.target_split, "", "", "", "", "", leak.note)
    many = leak.kind in (LeakKind.TEXT, LeakKind.NEAR)
    return (
        {LeakKind.LABEL: "other label", LeakKind.SENTENCE: "half a pair"}.get(leak.kind, leak.kind),
        f"{leak.source} {leak.source_split}",
        f"{leak.target} {leak.target_split}",
        f"{leak.texts:,}",
        f"{leak.verbatim:,}" if leak.kind is LeakKind.TEXT else "",
        f"{leak.short:,}" if many else "",
        f"{leak.rows:,}",
        f"{leak.share:.1%}" if leak.share >= 0.0005 else "<0.1%",
        _example(leak, loaded),
    )


def _example(leak: Leak, loaded: Mapping[str, TaskData]) -> str:
    """The target's first example: its id, and the beginning of its text."""
    (_, name), *_ = leak.examples
    data = [d for d in loaded.values() if d.task.name == leak.target][-1]
    example = next(e for e in data.split(leak.target_split) if e.id == name)
    text = " ".join(example.text)
    short = text if len(text) <= _LETTERS else f"{text[:_LETTERS].rstrip()}..."
    return visible(f"{name}: {short}")
