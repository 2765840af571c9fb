"""Looking for leaks: texts and documents shared between splits and tasks, labels that conflict.

What is compared is what the study reads, its limits applied: the train and dev of a task with its
own test, train with dev, and the train and dev of every task with the test of every other. The
same split of two tasks is not compared: learning both tells nothing about the test of either.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from transfer_study.data.leaks.findings import EVERY_TASK, Leak, LeakKind, Leaks, Severity
from transfer_study.data.leaks.near_duplicates import near_duplicates
from transfer_study.data.leaks.same_document import same_documents
from transfer_study.data.leaks.same_text import LeakRow, is_short, row_of, rows_by_text, tells
from transfer_study.data.splits import TaskData
from transfer_study.study.recipes.of_stages import recipes_of
from transfer_study.study.study import Study
from transfer_study.study.tasks.source import SPLITS, SplitName
from transfer_study.study.tasks.task import Task

# How many pairs of ids show where a finding is.
_EXAMPLES = 3
_WITHIN: tuple[tuple[SplitName, SplitName], ...] = (
    ("train", "test"),
    ("dev", "test"),
    ("train", "dev"),
)
_LEARNED: tuple[SplitName, ...] = ("train", "dev")


@dataclass(frozen=True)
class _Split:
    """The rows of one split of a task, and what they tell."""

    task: Task
    name: str
    rows: Sequence[LeakRow]

    @cached_property
    def told(self) -> dict[str, list[LeakRow]]:
        """The rows of each text: of the rows' own, and of the sentences of pairs."""
        return rows_by_text(self.rows, lambda row: row.told)

    def teller(self, row: LeakRow) -> LeakRow | None:
        """The first row of the split that tells another one."""
        return next((ours for ours in self.told.get(row.text, ()) if tells(ours, row)), None)

    @cached_property
    def written(self) -> set[str]:
        """The same, letter for letter."""
        return {text for row in self.rows for text in (row.verbatim, *row.verbatim.split("\n"))}

    @cached_property
    def by_words(self) -> dict[str, LeakRow]:
        return {row.words: row for row in reversed(self.rows)}

    @cached_property
    def labels(self) -> dict[str, dict[object, LeakRow]]:
        """The labels of each text, letter for letter, each with its first row."""
        labels: dict[str, dict[object, LeakRow]] = defaultdict(dict)
        for row in self.rows:
            labels[row.verbatim].setdefault(row.example.label, row)
        return labels


_Splits = Mapping[SplitName, _Split]
# For the words of a row those that are nearly the same.
_Near = Mapping[str, frozenset[str]]
# The rows of a target that are concerned, each with a row of the source that shows it.
_Touched = Sequence[tuple[LeakRow, LeakRow]]


def find_leaks(study: Study, loaded: Mapping[str, TaskData]) -> Leaks:
    """Look for leaks in the data as loaded; of a task in several sizes, in the largest."""
    data = {task_data.task.name: task_data for task_data in loaded.values()}
    tasks: list[_Splits] = [
        {split: _Split(d.task, split, _rows(d, split)) for split in SPLITS} for d in data.values()
    ]
    near = _near([split for task in tasks for split in task.values()])
    found = [leak for a, b, own in _compared(tasks) for leak in _shared(a, b, own, near)]
    found += [
        _finding(LeakKind.LABEL, task[a], task[b], touched)
        for task in tasks
        for a, b in (*((split, split) for split in SPLITS), *_WITHIN)
        if (touched := _other_labels(task[a], task[b]))
    ]
    found += _protocol_faults(study, data)
    gravest = list(Severity)
    found.sort(key=lambda leak: (gravest.index(leak.severity), -leak.share, -leak.texts))
    read = {name: {str(s): len(d.split(s)) for s in SPLITS} for name, d in data.items()}
    return Leaks(tuple(found), read)


def _rows(data: TaskData, split: str) -> list[LeakRow]:
    return [row_of(example, data.task) for example in data.split(split)]


def _compared(tasks: Sequence[_Splits]) -> Iterator[tuple[_Split, _Split, _Split | None]]:
    """The splits (source, target) of which the first may tell about the second.

    Across tasks also the target's own split of the source's name, which may tell the same.
    """
    for task in tasks:
        yield from ((task[a], task[b], None) for a, b in _WITHIN)
        for other in tasks:
            if other is not task:
                yield from ((task[a], other["test"], other[a]) for a in _LEARNED)


def _shared(a: _Split, b: _Split, own: _Split | None, near: _Near) -> Iterator[Leak]:
    tellers = [(a.teller(row), row) for row in b.rows]
    others = [row for ours, row in tellers if ours is None]
    found: dict[LeakKind, _Touched] = {
        LeakKind.TEXT: [(ours, row) for ours, row in tellers if ours is not None],
        LeakKind.NEAR: list(_near_rows(a, others, near)),
        LeakKind.SENTENCE: list(_half_rows(a, others)),
        LeakKind.DOCUMENT: list(_rows_of_documents(a, b)),
    }
    for kind, touched in found.items():
        if touched:
            leak = _finding(kind, a, b, touched)
            if own and all(ours.text in own.told for ours, _ in touched):
                # Two tasks on one corpus: what the one tells of the other's test, its own train
                # told already.
                note = f"{b.task.name} {own.name} has these rows as well"
                leak = replace(leak, severity=Severity.LOW, note=note)
            yield leak


def _near(splits: Sequence[_Split]) -> _Near:
    """What train or dev has that is nearly the same as a row of dev or test, the long ones."""

    def words(*names: SplitName) -> list[str]:
        rows = (row for split in splits if split.name in names for row in split.rows)
        return sorted({row.words for row in rows if not is_short(row.text)})

    targets, sources = words("dev", "test"), words("train", "dev")
    near: dict[str, set[str]] = defaultdict(set)
    for target, source in near_duplicates(targets, sources):
        near[targets[target]].add(sources[source])
    return {words: frozenset(alike) for words, alike in near.items()}


def _near_rows(
    a: _Split, rows: Sequence[LeakRow], near: _Near
) -> Iterator[tuple[LeakRow, LeakRow]]:
    for row in rows:
        if alike := near.get(row.words, frozenset()) & a.by_words.keys():
            yield a.by_words[min(alike)], row


def _half_rows(a: _Split, rows: Sequence[LeakRow]) -> Iterator[tuple[LeakRow, LeakRow]]:
    """Pairs of which the source has a sentence, but not both."""
    for row in rows:
        if part := next((part for part in row.parts if part in a.told), None):
            yield a.told[part][0], row


def _rows_of_documents(a: _Split, b: _Split) -> Iterator[tuple[LeakRow, LeakRow]]:
    if shared := same_documents(a.rows, b.rows):
        first = {row.example.document: row for row in reversed(a.rows) if row.example.named}
        for row in b.rows:
            if row.example.named and row.example.document in shared:
                yield first[row.example.document], row


def _other_labels(a: _Split, b: _Split) -> _Touched:
    """Rows of the same text, letter for letter, whose labels differ; a and b may be one split."""
    found = []
    for row in b.rows:
        others = a.labels.get(row.verbatim, {}).items()
        if other := next((r for label, r in others if label != row.example.label), None):
            found.append((other, row))
    return found


def _finding(kind: LeakKind, a: _Split, b: _Split, touched: _Touched) -> Leak:
    rows = {row.example.id for _, row in touched}
    if kind is LeakKind.DOCUMENT:
        things = {row.example.document for _, row in touched}
        source_rows = sum(row.example.named and row.example.document in things for row in a.rows)
        verbatim = short = 0
    elif kind is LeakKind.LABEL:
        things = {row.verbatim for _, row in touched}
        source_rows = sum(row.verbatim in things for row in a.rows)
        verbatim = len(things)
        short = len({row.verbatim for _, row in touched if is_short(row.text)})
    else:
        things = {row.text for _, row in touched}
        partners = {row.text for row, _ in touched}
        source_rows = sum(row.text in partners for row in a.rows)
        verbatim = len(a.written & {row.verbatim for _, row in touched})
        short = sum(map(is_short, things))
    return Leak(
        kind=kind,
        source=a.task.name,
        source_split=a.name,
        target=b.task.name,
        target_split=b.name,
        texts=len(things),
        verbatim=verbatim,
        short=short,
        source_rows=source_rows,
        rows=len(rows),
        share=len(rows) / len(b.rows),
        severity=_severity(kind, a, b, only_short=short == len(things)),
        examples=tuple((ours.example.id, row.example.id) for ours, row in touched[:_EXAMPLES]),
    )


def _severity(kind: LeakKind, a: _Split, b: _Split, *, only_short: bool) -> Severity:
    if b.name != "test" or only_short or kind in (LeakKind.SENTENCE, LeakKind.LABEL):
        return Severity.LOW
    own, learned = a.task.name == b.task.name, a.name == "train"
    if own and learned and kind in (LeakKind.TEXT, LeakKind.DOCUMENT):
        return Severity.HIGH
    return Severity.MEDIUM if own or learned else Severity.LOW


def _protocol_faults(study: Study, data: Mapping[str, TaskData]) -> Iterator[Leak]:
    """What the study's recipes do with dev and test that they should not."""
    faults: Counter[tuple[str, str, Severity, str]] = Counter()
    for protocol, followed in study.protocols().items():
        for recipe in recipes_of(followed).values():
            if recipe.train_on == "train_and_dev":
                said = f"protocol {protocol}: `train_on: train_and_dev` learns from dev"
                faults["dev", "train", Severity.MEDIUM, said] += 1
            if recipe.selection == "best_test":
                said = f"protocol {protocol}: `selection: best_test` chooses the epoch by test"
                faults["test", "test", Severity.HIGH, said] += 1
    for (source, target, severity, said), n in faults.items():
        rows = sum(len(task_data.split(source)) for task_data in data.values())
        yield Leak(
            kind=LeakKind.PROTOCOL,
            source=EVERY_TASK,
            source_split=source,
            target=EVERY_TASK,
            target_split=target,
            texts=0,
            verbatim=0,
            short=0,
            source_rows=rows,
            rows=rows,
            share=1.0,
            severity=severity,
            note=f"{said}, in {n} of the study's recipes",
        )
