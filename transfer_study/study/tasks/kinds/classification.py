"""An example has one class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.kinds.kind import (
    Constant,
    Raw,
    Report,
    TakeHome,
    TaskKind,
    always,
    by_frequency,
    unknown,
)

if TYPE_CHECKING:
    from transfer_study.study.tasks.task import Task


def _read(task: Task, raw: Raw, _: tuple[str, ...], report: Report) -> str | None:
    text = raw if isinstance(raw, str) else ",".join(raw)
    if text in task.labels:
        return text
    report(unknown("label", text, task.labels))
    return None


def _target(places: Mapping[str, int], label: Label) -> int:
    return places[str(label)]


def _constants(task: Task, gold: Sequence[Label]) -> Iterator[Constant]:
    """The most frequent class, and the most frequent of those that F1 counts."""
    classes = by_frequency(map(str, gold))
    for name in [*classes[:1], *[name for name in classes if name != task.negative][:1]]:
        yield always(name)


CLASSIFICATION = TaskKind(
    word="classification",
    metrics=("accuracy", "micro_f1", "macro_f1"),
    fewest_labels=2,
    take_home=TakeHome(
        pipeline="text-classification",
        problem="single_label_classification",
        answer=(
            'print(dict(zip(tasks["TASK"]["outputs"], '
            'logits("TASK", **inputs)[0].softmax(0).tolist())))'
        ),
    ),
    read_label=_read,
    from_text=str,
    may_answer=lambda _task, known, _gold, label: label in known,
    target=_target,
    constants=_constants,
    positives="positive",
)
