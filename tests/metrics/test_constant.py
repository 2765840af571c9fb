"""The best constant answer against trying every constant answer there is."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer_study.metrics import score
from transfer_study.metrics.constant import best_constant
from transfer_study.metrics.measurable import absent_classes, unmeasurable
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.task import MetricName, Task

LABELS = ("no", "a", "b", "c")
SETS = st.sets(st.sampled_from(LABELS)).map(lambda s: tuple(x for x in LABELS if x in s))
TAGS = st.sampled_from(["O", "O", "B", "I", "B2"])


def task(
    kind: kinds.TaskKind, metric: MetricName | None = None, negative: str | None = None
) -> Task:
    fields = {
        "name": "t",
        "kind": kind,
        "labels": () if kind is kinds.REGRESSION else LABELS,
        "negative": negative,
        "source": {"format": "synthetic", "task": "t", "train": 1, "dev": 1, "test": 1},
    }
    return Task.model_validate(fields | ({"metric": metric} if metric else {}))


def iob2(shape: list[str]) -> tuple[str, ...]:
    """Tags of two types in which an I continues whatever stands before it."""
    tags: list[str] = []
    for sign in shape:
        before = tags[-1] if tags else "O"
        inside = "O" if before == "O" else f"I-{before[2:]}"
        tags.append({"O": "O", "B": "B-a", "B2": "B-b", "I": inside}[sign])
    return tuple(tags)


SENTENCES = st.lists(st.lists(TAGS, min_size=1, max_size=4).map(iob2), min_size=1, max_size=6)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(LABELS), min_size=1, max_size=12), st.sampled_from([None, "no"]))
def test_of_classes(gold, negative):
    for metric in map(MetricName, kinds.CLASSIFICATION.metrics):
        of = task(kinds.CLASSIFICATION, metric, negative)
        documents = [""] * len(gold)
        every = [score(metric, of, gold, [label] * len(gold), documents) for label in LABELS]
        assert best_constant(of, gold, documents) == pytest.approx(max(every))


@settings(max_examples=200)
@given(st.lists(st.tuples(SETS, st.integers(0, 3)), min_size=1, max_size=8))
def test_of_sets(rows):
    gold, documents = [labels for labels, _ in rows], [f"d{d}" for _, d in rows]
    for metric in map(MetricName, kinds.MULTILABEL.metrics):
        of = task(kinds.MULTILABEL, metric)
        every = max(
            score(metric, of, gold, [answer] * len(gold), documents)
            for k in range(len(LABELS) + 1)
            for answer in itertools.combinations(LABELS, k)
        )
        found = best_constant(of, gold, documents)
        if metric is MetricName.EXAMPLE_F1:  # not exact: both orders of labels may miss the best
            assert 0.97 * every <= found <= every + 1e-12
        else:
            assert found == pytest.approx(every)


@settings(max_examples=200)
@given(SENTENCES)
def test_of_tags(gold):
    documents = [""] * len(gold)
    for metric in map(MetricName, kinds.TAGGING.metrics):
        of = task(kinds.TAGGING, metric)
        every = [
            score(metric, of, gold, [(tag,) * len(tags) for tags in gold], documents)
            for tag in of.outputs
        ]
        assert best_constant(of, gold, documents) == pytest.approx(max(every))


def test_of_scores():
    gold = [1.0, 2.0, 4.0]
    assert best_constant(task(kinds.REGRESSION), gold, ["", "", ""]) == 0


def test_the_negative_class_is_no_answer_that_f1_counts():
    f1 = task(kinds.CLASSIFICATION, MetricName.MICRO_F1, "no")
    gold = ["no", "no", "no", "a", "a", "b"]
    # `no` finds nothing, a is right twice: 2 * 2 / (6 + 3).
    assert best_constant(f1, gold, [""] * 6) == pytest.approx(4 / 9)
    accuracy = task(kinds.CLASSIFICATION, MetricName.ACCURACY, "no")
    assert best_constant(accuracy, gold, [""] * 6) == pytest.approx(3 / 6)


def test_documents_are_united_before_the_best_is_sought():
    of = task(kinds.MULTILABEL)
    gold = [("a",), ("b",), ("b",), ("b",), ("c",)]
    # Of three documents {a, b}, {b}, {c}: b and c have precision 1/2, recall (1/2 + 1 + 1) / 3.
    found = best_constant(of, gold, ["1", "1", "2", "2", "3"])
    assert found == pytest.approx(2 * (1 / 2) * (5 / 6) / (1 / 2 + 5 / 6))


MEASURABLE = {
    "two classes": (kinds.CLASSIFICATION, "accuracy", None, ["a", "b"]),
    "one to find": (kinds.CLASSIFICATION, "micro_f1", "no", ["a", "no"]),
    "two sets": (kinds.MULTILABEL, "example_f1", None, [("a",), ("b",)]),
    "one without": (kinds.MULTILABEL, "micro_f1", None, [("a",), ()]),
    "a mention": (kinds.TAGGING, "entity_f1", None, [("O", "B-a"), ("O",)]),
    "two scores": (kinds.REGRESSION, "pearson", None, [1.0, 1.0, 1.0 + 2e-16 * 2]),
}
UNMEASURABLE = {
    "all its 3 examples have the same answer, a": (
        *(kinds.CLASSIFICATION, "accuracy", None),
        ["a", "a", "a"],
    ),
    "all its 2 examples have the same answer, a": (
        *(kinds.CLASSIFICATION, "macro_f1", "no"),
        ["a", "a"],
    ),
    "none of its 2 examples has a class that F1 counts": (
        *(kinds.CLASSIFICATION, "micro_f1", "no"),
        ["no", "no"],
    ),
    "none of its 3 examples has a class that": (kinds.MULTILABEL, "micro_f1", None, [()] * 3),
    "all its 2 examples have the same answer, a+b": (
        *(kinds.MULTILABEL, "example_f1", None),
        [("a", "b")] * 2,
    ),
    "its 2 sentences have no mention": (kinds.TAGGING, "entity_f1", None, [("O",), ("O", "O")]),
    "every word is a mention of one type": (
        *(kinds.TAGGING, "entity_f1", None),
        [("B-a", "B-a"), ("B-a",)],
    ),
    "all its 4 scores are 0.1": (kinds.REGRESSION, "pearson", None, [0.1] * 4),
    "it has a single example": (kinds.REGRESSION, "pearson", None, [3.0]),
}


@pytest.mark.parametrize("case", MEASURABLE)
def test_where_right_answers_beat_constant_ones_something_is_measured(case):
    kind, metric, negative, gold = MEASURABLE[case]
    documents = [str(n) for n in range(len(gold))]
    assert unmeasurable(task(kind, MetricName(metric), negative), gold, documents) is None


@pytest.mark.parametrize("reason", UNMEASURABLE)
def test_where_they_do_not_the_reason_is_given(reason):
    kind, metric, negative, gold = UNMEASURABLE[reason]
    documents = [str(n) for n in range(len(gold))]
    found = unmeasurable(task(kind, MetricName(metric), negative), gold, documents)
    assert found is not None
    assert found.startswith(reason)


def test_documents_of_one_set_measure_nothing():
    of = task(kinds.MULTILABEL)
    gold = [("a",), ("b",), ("b",), ("a",)]
    assert unmeasurable(of, gold, ["1", "2", "3", "4"]) is None
    assert unmeasurable(of, gold, ["1", "1", "2", "2"]) is not None


def test_absent_classes_by_kind():
    assert absent_classes(task(kinds.CLASSIFICATION), ["a", "no", "a"]) == ("b", "c")
    assert absent_classes(task(kinds.MULTILABEL), [("a", "b"), ("c",)]) == ("no",)
    tags = [("O", "B-a", "I-a"), ("B-no",)]
    assert absent_classes(task(kinds.TAGGING), tags) == ("b", "c")
    assert absent_classes(task(kinds.REGRESSION), [1.0]) == ()
