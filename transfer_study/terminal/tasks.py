"""The size table of a study's tasks, as in the paper's Table 1, with what else matters."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from transfer_study.data.examples import Example
from transfer_study.data.fingerprints import load_tasks
from transfer_study.data.inspect import SplitSummary, TaskSummary, describe
from transfer_study.spec.study import Study
from transfer_study.spec.task import TaskKind

_SCHEMA = 1
_POSITIVES = {
    TaskKind.TAGGING: "mentions",
    TaskKind.CLASSIFICATION: "positive",
    TaskKind.MULTILABEL: "labels",
}


def summarise(study: Study) -> list[TaskSummary]:
    """Read and check every file of a study; raises DataError with all faults together."""
    loaded = load_tasks(study)
    lengths = _piece_counter(study)
    return [describe(data, lengths, study.refine.max_length) for data in loaded.values()]


def _piece_counter(study: Study) -> Callable[[Example], int]:
    from transfer_study.execute.run_stage import quiet_libraries
    from transfer_study.learn.model import load_tokenizer

    quiet_libraries()
    tokenizer = load_tokenizer(study.encoders[0])
    kinds = {task.kind for task in study.tasks}

    def count(example: Example) -> int:
        tagged = isinstance(example.label, tuple) and len(example.label) == len(example.text) > 2
        if TaskKind.TAGGING in kinds and tagged:
            return len(tokenizer(list(example.text), is_split_into_words=True)["input_ids"])
        return len(tokenizer(*example.text[:2])["input_ids"])

    return count


def print_tasks(summaries: list[TaskSummary]) -> None:
    """Print sizes, lengths, labels and the score of the majority class."""
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("task", overflow="fold")
    table.add_column("split")
    for heading in ("examples", "documents", "positive", "words", "pieces", "cut"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("labels", overflow="fold")
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
                _labels(split) if n == 0 else "",
            )
        table.add_section()
    console.print(table)
    console.print("words, pieces: median (longest); cut: share longer than max_length", style="dim")
    for summary in summaries:
        task = summary.task
        console.print(
            f"{task.name}: {task.kind}, {task.domain}; the majority class scores "
            f"{100 * summary.majority:.1f} {task.metric} on test"
        )


def _positives(summary: TaskSummary, split: SplitSummary) -> str:
    if split.positives is None:
        return "–"
    return f"{split.positives:,} {_POSITIVES.get(summary.task.kind, '')}".rstrip()


def _labels(split: SplitSummary) -> str:
    if split.mean is not None and split.spread is not None:
        return f"mean {split.mean:.2f}, spread {split.spread:.2f}"
    return ", ".join(f"{name} {count}" for name, count in split.labels.items())


def summaries_as_json(summaries: list[TaskSummary]) -> None:
    """Print the same as one JSON object."""
    tasks = [
        {
            "name": s.task.name,
            "kind": s.task.kind,
            "domain": s.task.domain,
            "metric": s.task.metric,
            "majority": s.majority,
            "splits": [dataclasses.asdict(split) for split in s.splits],
        }
        for s in summaries
    ]
    print(json.dumps({"schema": _SCHEMA, "tasks": tasks}, indent=1))
