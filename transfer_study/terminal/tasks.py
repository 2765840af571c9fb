"""The size table of a study's tasks, as in the paper's Table 1, with what else matters: leaks."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from transfer_study.data.exclude_leaks import all_dropped
from transfer_study.data.find_leaks import find_leaks
from transfer_study.data.fingerprints import load_tasks
from transfer_study.data.inspect import SplitSummary, TaskSummary, describe
from transfer_study.data.splits import TaskData
from transfer_study.spec.example import Example
from transfer_study.spec.study import Study
from transfer_study.spec.task import Task, TaskKind
from transfer_study.terminal.console import stdout
from transfer_study.terminal.leaks import dropped_as_json, leaks_as_json, print_dropped, print_leaks

_SCHEMA = 1
_POSITIVES = {
    TaskKind.TAGGING: "mentions",
    TaskKind.CLASSIFICATION: "positive",
    TaskKind.MULTILABEL: "labels",
}


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
        print(json.dumps({"schema": _SCHEMA, **content}, indent=1))
        return
    print_tasks(summaries)
    print_leaks(leaks, loaded)
    if study.exclude_leaks:
        print_dropped(dropped)


def summarise(study: Study, loaded: Mapping[str, TaskData]) -> list[TaskSummary]:
    """The tasks in numbers, pieces as the study's first encoder makes them."""
    from transfer_study.data.tokenizer import load_tokenizer
    from transfer_study.execute.run_stage import quiet_libraries

    quiet_libraries()
    tokenizer = load_tokenizer(study.resolved_encoders[0])
    return [
        describe(data, _piece_counter(tokenizer, data.task), study.refine.max_length)
        for data in loaded.values()
    ]


def _piece_counter(tokenizer: Any, task: Task) -> Callable[[Example], int]:
    def words(example: Example) -> int:
        return len(tokenizer(list(example.text), is_split_into_words=True)["input_ids"])

    def sentences(example: Example) -> int:
        return len(tokenizer(*example.text)["input_ids"])

    return words if task.kind is TaskKind.TAGGING else sentences


def print_tasks(summaries: list[TaskSummary]) -> None:
    """Print sizes, lengths, labels, the score of a constant answer, and what a split lacks."""
    console = stdout()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("task", overflow="fold")
    table.add_column("split")
    for heading in ("examples", "documents", "positive", "words", "pieces", "cut"):
        table.add_column(heading, justify="right", no_wrap=True)
    for summary in summaries:
        for n, split in enumerate(summary.splits):
            table.add_row(
                summary.task.name if n == 0 else "",
                split.split,
                f"{split.examples:,}",
                f"{split.documents:,}",
                _positives(summary, split),
                f"{split.words.median:g} ({split.words.longest})",
                f"{split.pieces.median:g} ({split.pieces.longest})" if split.pieces else "–",
                f"{split.truncated:.1%}" if split.truncated is not None else "–",
            )
        table.add_section()
    console.print(table)
    console.print("words, pieces: median (longest); cut: share longer than max_length", style="dim")
    for summary in summaries:
        task = summary.task
        console.print(
            f"{task.name}: {task.kind}, {task.domain}; the best constant answer scores "
            f"{100 * summary.majority:.1f} {task.metric} on test"
        )
        console.print(f"  train: {_labels(summary.splits[0])}", style="dim")
        for shortcoming in summary.shortcomings:
            console.print(f"  {escape(shortcoming)}", style="yellow")


def _positives(summary: TaskSummary, split: SplitSummary) -> str:
    if split.positives is None:
        return "–"
    return f"{split.positives:,} {_POSITIVES.get(summary.task.kind, '')}".rstrip()


def _labels(split: SplitSummary) -> str:
    if split.mean is not None and split.spread is not None:
        return f"mean {split.mean:.2f}, spread {split.spread:.2f}"
    return ", ".join(f"{name} {count}" for name, count in split.labels.items())


def summaries_as_json(summaries: list[TaskSummary]) -> list[dict[str, Any]]:
    """The same as plain values."""
    return [
        {
            "name": s.task.name,
            "kind": s.task.kind,
            "domain": s.task.domain,
            "metric": s.task.metric,
            "majority": s.majority,
            "shortcomings": list(s.shortcomings),
            "splits": [dataclasses.asdict(split) for split in s.splits],
        }
        for s in summaries
    ]
