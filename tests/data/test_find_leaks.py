"""Every kind of leak is found where it was put, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from transfer_study.data.leaks.find import find_leaks
from transfer_study.data.leaks.findings import Leak, LeakKind, Leaks, Severity, leak_table
from transfer_study.data.splits import TaskData
from transfer_study.study.study import Study
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.source import SPLITS
from transfer_study.study.tasks.task import Task

LONG = (
    "the {} of clonidine was reversed by naloxone in most of the hypertensive rats of the study {}"
)
KINDS: dict[str, dict[str, Any]] = {
    "classification": {"kind": "classification", "labels": ["yes", "no"]},
    "regression": {"kind": "regression"},
    "tagging": {"kind": "tagging", "labels": ["drug"]},
}


def sentence(n: int) -> str:
    """A sentence that is no other's near duplicate."""
    return " ".join(f"word{n}x{i}" for i in range(12))


def task(
    name: str, kind: str = "classification", *, documents: bool = False, **splits: list[Any]
) -> TaskData:
    """A task whose rows are texts, (text, label) or (text, label, document); others are filled."""
    source = {"format": "jsonl", "folder": "/nowhere"}
    made: dict[str, tuple[Example, ...]] = {}
    for number, split in enumerate(SPLITS):
        filler = sentence(1000 * len(name) + sum(map(ord, name)) * 10 + number)
        rows = [*splits.get(split, []), _words(filler) if kind == "tagging" else filler]
        made[split] = tuple(
            _example(f"{split}-{n}", row, kind, documents) for n, row in enumerate(rows)
        )
    task = Task(name=name, source=source, **KINDS[kind])
    return TaskData(task, **made, key=name)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _example(name: str, row: Any, kind: str, named: bool) -> Example:
    text, label, document = (*row, None, None)[:3] if isinstance(row, list) else (row, None, None)
    texts = text if isinstance(text, tuple) else (text,)
    usual: dict[str, Label] = {"classification": "yes", "regression": 1.0}
    given: Label = usual.get(kind, ("O",) * len(texts)) if label is None else label
    return Example(name, document or name, texts, given, named)


def find(*data: TaskData, **fields: Any) -> Leaks:
    tasks = [d.task.model_dump() for d in data]
    common = {"name": "s", "encoder": "tiny", "tasks": tasks, "arms": ["single"]}
    return find_leaks(Study.model_validate({**common, **fields}), {d.task.name: d for d in data})


def only(leaks: Leaks) -> Leak:
    (leak,) = leaks.findings
    return leak


def test_tasks_that_share_nothing_leak_nothing() -> None:
    leaks = find(task("a"), task("b", "tagging"), task("c", "regression"))
    assert leaks.findings == ()
    assert leaks.read["a"] == {"train": 1, "dev": 1, "test": 1}
    assert len(leak_table(leaks)) == 0


def test_a_text_of_test_in_train_is_counted_by_text_and_by_row() -> None:
    a, b = LONG.format("effect", "I"), LONG.format("Effect", "I")
    leak = only(find(task("t", train=[a, a, "Methods:"], test=[b, a, "METHODS", sentence(1)])))
    assert (leak.kind, leak.severity) == (LeakKind.TEXT, Severity.HIGH)
    assert (leak.source, leak.source_split, leak.target, leak.target_split) == (
        *("t", "train"),
        *("t", "test"),
    )
    assert (leak.texts, leak.verbatim, leak.short) == (2, 1, 1)
    assert (leak.source_rows, leak.rows, leak.share) == (3, 3, 3 / 5)
    assert leak.examples[0] == ("train-0", "test-0")


@pytest.mark.parametrize(
    ("source", "target", "severity"),
    [
        ("train", "test", Severity.HIGH),
        ("dev", "test", Severity.MEDIUM),
        ("train", "dev", Severity.LOW),
    ],
)
def test_severity_within_a_task(source: str, target: str, severity: Severity) -> None:
    text = sentence(1)
    leak = only(find(task("t", **{source: [text], target: [text]})))
    assert (leak.source_split, leak.target_split, leak.severity) == (source, target, severity)


def test_headings_alone_are_of_low_severity() -> None:
    leak = only(find(task("t", train=["Results"], test=["RESULTS."])))
    assert (leak.texts, leak.short, leak.severity) == (1, 1, Severity.LOW)


def test_texts_of_other_tasks_are_found_through_masks_and_word_breaks() -> None:
    tagged = task("tags", "tagging", test=[_words("5 - ASA ( @DRUG$ ) helped " + sentence(1))])
    plain = task("plain", train=["5-ASA helped " + sentence(1)])
    leak = only(find(tagged, plain))
    assert (leak.source, leak.source_split, leak.target) == ("plain", "train", "tags")
    assert (leak.kind, leak.severity, leak.verbatim) == (LeakKind.TEXT, Severity.MEDIUM, 0)


def test_two_tasks_on_one_corpus_do_not_leak() -> None:
    rows: dict[str, list[Any]] = {s: [_words(sentence(n))] for n, s in enumerate(SPLITS)}
    assert find(task("a", "tagging", **rows), task("b", "tagging", **rows)).findings == ()


def test_what_a_task_has_in_its_own_train_another_task_adds_nothing_to() -> None:
    rows: dict[str, list[Any]] = {"train": [sentence(1)], "test": [sentence(1)]}
    leaks = find(task("a", **rows), task("b", **rows))
    assert [(leak.source, leak.target, leak.severity) for leak in leaks.findings] == [
        ("a", "a", Severity.HIGH),
        ("b", "b", Severity.HIGH),
        ("a", "b", Severity.LOW),
        ("b", "a", Severity.LOW),
    ]
    assert leaks.findings[2].note == "b train has these rows as well"


def test_near_duplicates_are_told_apart_from_the_same() -> None:
    a, b = LONG.format("effect", "I"), LONG.format("effect", "II")
    leak = only(find(task("t", train=[a], test=[b, sentence(1)])))
    assert (leak.kind, leak.texts, leak.severity) == (LeakKind.NEAR, 1, Severity.MEDIUM)
    assert leak.examples == (("train-0", "test-0"),)


def test_half_a_pair_is_less_than_a_pair() -> None:
    one, two, three = sentence(1), sentence(2), sentence(3)
    pairs = task("p", "regression", train=[(one, two)], test=[(two, one), (one, three)])
    kinds = {leak.kind: leak for leak in find(pairs).findings}
    assert kinds.keys() == {LeakKind.TEXT, LeakKind.SENTENCE}
    assert kinds[LeakKind.TEXT].examples == (("train-0", "test-0"),)
    assert kinds[LeakKind.SENTENCE].examples == (("train-0", "test-1"),)
    # A sentence of a pair that was learned is all there is of a test of single sentences.
    crossed = find(task("p", "regression", train=[(one, two)]), task("single", test=[one]))
    assert only(crossed).kind is LeakKind.TEXT


def test_documents_are_compared_where_the_source_names_them() -> None:
    rows = {"train": [[sentence(1), "yes", "d1"]], "test": [[sentence(2), "yes", "d1"]]}
    leak = only(find(task("t", documents=True, **rows)))
    assert (leak.kind, leak.severity) == (LeakKind.DOCUMENT, Severity.HIGH)
    assert (leak.texts, leak.rows) == (1, 1)
    assert find(task("t", **rows)).findings == ()


@pytest.mark.parametrize(
    ("document", "shared"),
    [
        ("7", False),
        ("note-7", False),
        ("PMC12", True),
        ("17697264", True),
        ("MEDLINE:95369245", True),
    ],
)
def test_across_tasks_only_ids_that_mean_the_same_everywhere_count(
    document: str, shared: bool
) -> None:
    a = task("a", documents=True, train=[[sentence(1), "yes", document]])
    b = task("b", documents=True, test=[[sentence(2), "yes", document]])
    assert [leak.kind for leak in find(a, b).findings] == [LeakKind.DOCUMENT] * shared


def test_a_shared_text_shows_that_two_documents_are_one() -> None:
    a = task("a", documents=True, train=[[sentence(1), "yes", "7"]])
    b = task("b", documents=True, test=[[sentence(1), "yes", "7"], [sentence(2), "yes", "7"]])
    by_kind = {leak.kind: leak for leak in find(a, b).findings}
    assert by_kind[LeakKind.DOCUMENT].rows == 2
    assert by_kind[LeakKind.TEXT].rows == 1


def test_labels_that_conflict_are_found_within_and_across_splits() -> None:
    masked, other = "@DRUG$ with aspirin raises it", "aspirin with @DRUG$ raises it"
    found = find(
        task(
            "t",
            train=[[masked, "yes"], [masked, "no"], [other, "no"], [sentence(1), "no"]],
            test=[[sentence(1), "yes"], [other, "no"]],
        )
    ).of(LeakKind.LABEL)
    within, across = sorted(found, key=lambda leak: leak.target_split == "test")
    assert (within.source_split, within.target_split) == ("train", "train")
    assert (within.texts, within.rows, within.short) == (1, 2, 1)
    assert (across.source_split, across.target_split) == ("train", "test")
    assert (across.texts, across.rows) == (1, 1)


def test_tags_that_conflict_are_found() -> None:
    rows = [[("a", "b"), ("O", "B-drug")], [("a", "b"), ("B-drug", "O")], [("a", "b"), None]]
    leak = only(find(task("t", "tagging", train=rows)))
    assert (leak.kind, leak.texts, leak.rows) == (LeakKind.LABEL, 1, 3)


def test_training_on_dev_and_selection_on_test_are_told() -> None:
    clean = find(task("a"), refine={"train_on": "train_and_dev"})
    assert only(clean).note.startswith("protocol clean: `train_on: train_and_dev` learns from dev")
    paper = find(task("a"), protocol="paper").findings
    assert [(leak.severity, leak.source_split) for leak in paper] == [
        (Severity.HIGH, "test"),
        (Severity.MEDIUM, "dev"),
    ]
    assert {leak.kind for leak in paper} == {LeakKind.PROTOCOL}


def test_the_table_has_a_row_a_finding_and_no_text() -> None:
    text = LONG.format("effect", "I")
    table = leak_table(find(task("t", train=[text], test=[text])))
    assert table.to_dict("records") == [
        {
            **{"kind": "text", "source": "t", "source_split": "train", "target": "t"},
            **{"target_split": "test", "texts": 1, "verbatim": 1, "short": 0, "source_rows": 1},
            **{"rows": 1, "share": 0.5, "severity": "high", "note": ""},
            "examples": "train-0 = test-0",
        }
    ]
    assert "clonidine" not in table.to_csv()
