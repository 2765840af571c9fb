"""An example has any number of classes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from transfer_study.files import parse_json
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.kinds.kind import (
    Constant,
    Raw,
    Report,
    TakeHome,
    TaskKind,
    always,
    unknown,
)

if TYPE_CHECKING:
    from transfer_study.study.tasks.task import Task


def _divided(task: Task) -> str | None:
    """A label that has the sign by which tables divide the labels of an example."""
    return next((label for label in task.labels if "," in label), None)


def _fault(task: Task) -> str | None:
    if (divided := _divided(task)) and task.source.format in ("tsv", "csv"):
        return (
            f"found the label {divided!r}, but {task.source.format} divides the labels of an "
            "example at commas; rename it, or give lists of labels in jsonl or datasets"
        )
    return None


def _read(task: Task, raw: Raw, _: tuple[str, ...], report: Report) -> tuple[str, ...]:
    divided = _divided(task)
    if isinstance(raw, str) and raw and divided is not None:
        report(
            f"the labels {raw!r} are divided at commas, but the label {divided!r} has one; give"
            " them as a list"
        )
        return ()
    items = map(str.strip, raw.split(",")) if isinstance(raw, str) else raw
    found = _numbered([item for item in items if item], task.labels)
    for name in found:
        if name not in task.labels:
            report(unknown("label", name, task.labels))
    return tuple(name for name in task.labels if name in found)


def _numbered(found: list[str], labels: Sequence[str]) -> list[str]:
    """The classes that BLUE's `0_1,1_0,...` marks with a 1; anything else as it is."""
    marks = [re.fullmatch(r"(\d+)_([01])", item) for item in found if item not in labels]
    if len(marks) != len(found) or not all(m and int(m[1]) < len(labels) for m in marks):
        return found
    return [labels[int(m[1])] for m in marks if m and m[2] == "1"]


def list_from_text(text: str) -> tuple[str, ...]:
    """The labels of a JSON list; raises ValueError for anything else."""
    labels = parse_json(text)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"{text[:60]!r} is not a list of labels")
    return tuple(labels)


def _may_answer(task: Task, _known: frozenset[str], _gold: Label, label: Label) -> bool:
    assert isinstance(label, tuple)
    return label == tuple(name for name in task.labels if name in label)


def _target(places: Mapping[str, int], label: Label) -> list[bool]:
    assert isinstance(label, tuple)
    return [name in label for name in places]


def _constants(task: Task, gold: Sequence[Label]) -> Iterator[Constant]:
    return map(always, _sets(task, cast("Sequence[tuple[str, ...]]", gold)))


def _sets(task: Task, gold: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """The k most frequent labels: of the best k by micro F1 and by example-based F1, and all.

    Labels stand in the order of how many examples have them, which decides precision, and again in
    that of their share of what those examples have, which decides recall of examples.
    """
    yield ()
    names = sorted({name for labels in gold for name in labels})
    if not names:
        return
    count, share = dict.fromkeys(names, 0), dict.fromkeys(names, 0.0)
    for labels in gold:
        for name in labels:
            count[name] += 1
            share[name] += 1 / len(labels)
    for weight in (count, share):
        order = sorted(names, key=lambda name: -weight[name])
        found = list(accumulate(count[name] for name in order))
        recalled = list(accumulate(share[name] for name in order))
        micro, by_example = [], []
        for k, (hits, recall) in enumerate(zip(found, recalled, strict=True), start=1):
            micro.append(hits / (len(gold) * k + found[-1]))
            by_example.append(hits / k * recall / (hits / k + recall))
        best = micro.index(max(micro)) + 1, by_example.index(max(by_example)) + 1
        for size in {*best, len(names)}:
            chosen = {*order[:size]}
            yield tuple(name for name in task.labels if name in chosen)


MULTILABEL = TaskKind(
    word="multilabel",
    metrics=("example_f1", "micro_f1", "macro_f1"),
    fewest_labels=2,
    take_home=TakeHome(
        pipeline="text-classification",
        problem="multi_label_classification",
        options=", top_k=None",
        answer=(
            'print(dict(zip(tasks["TASK"]["outputs"], '
            'logits("TASK", **inputs)[0].sigmoid().tolist())))'
        ),
        note="A label with a score above 0.5 holds.",
    ),
    fault=_fault,
    lists=MappingProxyType({"label": False}),
    read_label=_read,
    from_text=list_from_text,
    may_answer=_may_answer,
    target=_target,
    target_type="float32",
    constants=_constants,
    positives="labels",
    always_counted=True,
)
