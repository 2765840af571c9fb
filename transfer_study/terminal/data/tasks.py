"""The size table of a study's tasks, as in the paper's Table 1, with what else matters: leaks."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

from transfer_study.data.fingerprints import load_tasks
from transfer_study.data.inspect import Lengths, SplitSummary, TaskSummary, describe
from transfer_study.data.leaks.exclude import all_dropped
from transfer_study.data.leaks.find import find_leaks
from transfer_study.data.splits import TaskData
from transfer_study.data.tokens.unread import reader
from transfer_study.points import MISSING, points
from transfer_study.report.tables.table import number, table_of, text
from transfer_study.study.characters import code_point
from transfer_study.study.study import Study
from transfer_study.terminal.console import in_terminal, print_json, stdout
from transfer_study.terminal.data.leaks import (
    dropped_as_json,
    leaks_as_json,
    print_dropped,
    print_leaks,
)

# How many words that no model reads are shown.
_SHOWN = 3


def show_tasks(study: Study, *, as_json: bool) -> None:
    """Read and check every file of a study, and show its tasks and leaks.

    Raises DataError with all faults together.
    """
    # Of a task in several sizes, the largest.
    loaded = {data.task.name: data for data in load_tasks(study).values()}
    summaries = summarise(study, loaded)
    leaks, dropped = find_leaks(study, loaded), all_dropped(loaded)
    if as_json:
        content = {
            "tasks": summaries_as_json(summaries),
            "leaks": leaks_as_json(leaks),
            "left_out": dropped_as_json(dropped),
        }
        print_json(content)
        return
    print_tasks(summaries, study.refine.max_length)
    print_leaks(leaks, loaded)
    if study.exclude_leaks:
        print_dropped(dropped)


def summarise(study: Study, loaded: Mapping[str, TaskData]) -> list[TaskSummary]:
    """The tasks in numbers, pieces as the study's first encoder makes them."""
    from transfer_study.data.tokens.tokenizer import load_tokenizer
    from transfer_study.execute.run_stage import quiet_libraries

    quiet_libraries()
    tokenizer = load_tokenizer(study.resolved_encoders[0])
    return [
        describe(data, reader(data.task, tokenizer, study.refine), study.refine.max_length)
        for data in loaded.values()
    ]


def print_tasks(summaries: list[TaskSummary], max_length: int) -> None:
    """Print sizes, lengths, labels, the score of a constant answer, and what a split lacks."""
    console = stdout()
    splits = [(summary, split) for summary in summaries for split in summary.splits]
    console.print(in_terminal(table_of(splits, *_COLUMNS)))
    console.print("words, pieces: median (longest); cut: share longer than max_length", style="dim")
    for summary in summaries:
        task = summary.task
        console.print(
            f"{task.name}: {task.kind}, {task.domain}; the best constant answer scores "
            f"{points(summary.majority)} {task.metric} on test"
        )
        console.print(f"  train: {_labels(summary.splits[0])}", style="dim")
        for said, counts in summary.unread.items():
            console.print(f"  not read: {said} ({_by_split(counts) or 'none'})", style="dim")
        for line in (*summary.shortcomings, *_unread(summary, max_length), *_undocumented(summary)):
            console.print(f"  {line}", style="yellow", soft_wrap=True)


def _name(row: tuple[TaskSummary, SplitSummary]) -> str:
    """The task's name, beside its first split."""
    summary, split = row
    return summary.task.name if split is summary.splits[0] else ""


def _positives(row: tuple[TaskSummary, SplitSummary]) -> str:
    summary, split = row
    if split.positives is None:
        return MISSING
    return f"{split.positives:,} {summary.task.kind.positives}".rstrip()


def _lengths(of: Lengths | None) -> str:
    return f"{of.median:g} ({of.longest})" if of else MISSING


def _cut(share: float | None) -> str:
    return MISSING if share is None else f"{share:.1%}"


_COLUMNS = (
    text("task", _name),
    text("split", lambda row: row[1].split),
    number("examples", lambda row: f"{row[1].examples:,}"),
    number("documents", lambda row: f"{row[1].documents:,}"),
    number("positive", _positives),
    number("words", lambda row: _lengths(row[1].words)),
    number("pieces", lambda row: _lengths(row[1].pieces)),
    number("cut", lambda row: _cut(row[1].truncated)),
)


def _unread(summary: TaskSummary, max_length: int) -> list[str]:
    """Sentences on what of the task's texts no model reads."""
    lines = []
    if words := sum((Counter(split.without_pieces) for split in summary.splits), Counter[str]()):
        such_as = ", ".join(map(_code_points, list(words)[:_SHOWN]))
        places = _by_split({s.split: sum(s.without_pieces.values()) for s in summary.splits})
        lines.append(
            f"the tokenizer makes nothing of {words.total():,} words ({places}), such as {such_as};"
            " each is read as an unknown word, under `protocol: paper` not at all"
        )
    cut = {split.split: split.markers_cut or 0 for split in summary.splits}
    if rows := sum(cut.values()):
        lines.append(
            f"in {rows:,} rows ({_by_split(cut)}) an entity marker such as @GENE$ lies beyond "
            f"max_length {max_length} and is not read; raise `max_length` of the recipes"
        )
    return lines


def _undocumented(summary: TaskSummary) -> list[str]:
    """A sentence on documents that only ids tell, if any."""
    found = summary.proposed
    if found is None:
        return []
    return [
        f"ids share beginnings, as of rows of one document: {found.documents:,} for {found.rows:,} "
        f"rows. If so, set `document_pattern: '{found.pattern}'` under `source`, so that rows of a "
        "document are resampled together and looked for in other splits"
    ]


def _by_split(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{split} {count:,}" for split, count in counts.items() if count)


def _code_points(word: str) -> str:
    """A word that cannot be seen, so that it can be searched for."""
    return " ".join(map(code_point, word))


def _labels(split: SplitSummary) -> str:
    if split.mean is not None and split.spread is not None:
        return f"mean {split.mean:.2f}, spread {split.spread:.2f}"
    return ", ".join(f"{name} {count}" for name, count in split.labels.items())


def summaries_as_json(summaries: list[TaskSummary]) -> list[dict[str, Any]]:
    """The same as plain values."""
    return [
        {
            "name": s.task.name,
            "kind": str(s.task.kind),
            "domain": s.task.domain,
            "metric": s.task.metric,
            "majority": s.majority,
            "shortcomings": list(s.shortcomings),
            "proposed": s.proposed and dataclasses.asdict(s.proposed),
            "not_read": s.unread,
            "splits": [dataclasses.asdict(split) for split in s.splits],
        }
        for s in summaries
    ]
